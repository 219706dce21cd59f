// Package mailru signs people in with Mail.ru over OAuth 2.0. goth's provider for
// it makes its requests through a client that nobody can bound.
//
// Register an application at https://o2.mail.ru/app/, with
// /api/auth/callback/mailru of the site as its redirect URI. Since July 2025
// Mail.ru refers new sites to VK ID, and serves the applications it has.
package mailru

import (
	"github.com/markbates/goth"
	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/internal/plain"
)

// ScopeUserinfo is what the profile needs; it is the default.
const ScopeUserinfo = "userinfo"

// Provider is Mail.ru. Make it with [New]. Its ID is mailru.
//
// Its e-mail addresses count as unverified: no document says that they are.
type Provider struct{ *plain.Provider }

// New returns the provider of one application at Mail.ru. It touches no network.
// scopes replace the default, userinfo. Faults come out of Validate, which
// ginauth calls.
func New(clientID, clientSecret string, scopes ...string) *Provider {
	if len(scopes) == 0 {
		scopes = []string{ScopeUserinfo}
	}
	return &Provider{plain.New(plain.Config{
		ClientID: clientID, ClientSecret: clientSecret, Scopes: scopes,
		Package: "mailru", Name: "mailru", DisplayName: "Mail.ru",
		Endpoint: oauth2.Endpoint{
			AuthURL:   "https://oauth.mail.ru/login",
			TokenURL:  "https://oauth.mail.ru/token",
			AuthStyle: oauth2.AuthStyleInParams,
		},
		ProfileURL:   "https://oauth.mail.ru/userinfo",
		TokenInQuery: "access_token",
		Profile:      profile,
	})}
}

// profile reads the answer of GET /userinfo.
func profile(answer map[string]any) (goth.User, bool) {
	return goth.User{
		UserID:    plain.Text(answer, "id"),
		Name:      plain.Text(answer, "name"),
		FirstName: plain.Text(answer, "first_name"),
		LastName:  plain.Text(answer, "last_name"),
		NickName:  plain.Text(answer, "nickname"),
		Email:     plain.Text(answer, "email"),
		AvatarURL: plain.Text(answer, "image"),
		RawData:   answer,
	}, false
}
