// Package mailru signs people in with Mail.ru over OAuth 2.0. goth's provider for
// it makes its requests through a client that nobody can bound.
//
//	Providers: ginauth.Goth(mailru.New(id, secret)),
//
// Register an application at https://o2.mail.ru/app/, with
// /api/auth/callback/mailru of the site as its redirect URI. Since July 2025
// Mail.ru refers new sites to VK ID, and serves the applications it has.
package mailru

import (
	"fmt"

	"github.com/markbates/goth"
	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/internal/answer"
	"github.com/ginauth/ginauth/oauth"
)

// ScopeUserinfo is what the profile needs; it is the default.
const ScopeUserinfo = "userinfo"

// Provider is Mail.ru. Make it with [New]. Its ID is mailru.
//
// Its e-mail addresses count as unverified: no document says that they are.
type Provider struct{ *oauth.Provider }

// New returns the provider of one application at Mail.ru. It touches no network.
// scopes replace the default, userinfo. Faults come out of Validate, which
// ginauth calls.
func New(clientID, clientSecret string, scopes ...string) *Provider {
	if len(scopes) == 0 {
		scopes = []string{ScopeUserinfo}
	}
	return &Provider{oauth.New(oauth.Config{
		ClientID: clientID, ClientSecret: clientSecret, Scopes: scopes,
		Name: "mailru", DisplayName: "Mail.ru",
		AuthURL:      "https://oauth.mail.ru/login",
		TokenURL:     "https://oauth.mail.ru/token",
		AuthStyle:    oauth2.AuthStyleInParams,
		UserInfoURL:  "https://oauth.mail.ru/userinfo",
		TokenInQuery: "access_token",
		Profile:      profile,
	})}
}

// String leaves out the client secret.
func (p *Provider) String() string {
	return fmt.Sprintf("mailru.Provider{Name: %q, ClientID: %q}", p.Name(), p.ClientID())
}

// GoString is String: the %#v verb must not print the secret either.
func (p *Provider) GoString() string { return p.String() }

// profile reads the answer of GET /userinfo.
func profile(body map[string]any) (goth.User, bool) {
	return goth.User{
		UserID:    answer.Text(body, "id"),
		Name:      answer.Text(body, "name"),
		FirstName: answer.Text(body, "first_name"),
		LastName:  answer.Text(body, "last_name"),
		NickName:  answer.Text(body, "nickname"),
		Email:     answer.Text(body, "email"),
		AvatarURL: answer.Text(body, "image"),
		RawData:   body,
	}, false
}
