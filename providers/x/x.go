// Package x signs people in with X, once Twitter, over OAuth 2.0 with a code
// verifier. goth's providers for it speak OAuth 1.0a, which has neither state
// nor code verifier.
//
//	Providers: ginauth.Goth(x.New(id, secret)),
//
// Register a web app, a confidential client, at https://developer.x.com, with
// /api/auth/callback/twitter of the site as its callback URL.
package x

import (
	"fmt"
	"slices"

	"github.com/markbates/goth"
	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/internal/answer"
	"github.com/ginauth/ginauth/oauth"
)

// Scopes of X that matter to a sign-in.
const (
	// ScopeUsers and ScopeTweets are what the profile needs; they are the default.
	ScopeUsers  = "users.read"
	ScopeTweets = "tweet.read"
	// ScopeEmail asks for the e-mail address that X has confirmed, which the app
	// must be allowed to ask for in X's settings.
	ScopeEmail = "users.email"
	// ScopeOffline asks for a refresh token. Without it the access token ends
	// after two hours.
	ScopeOffline = "offline.access"
)

// Provider is X. Make it with [New]. Its ID is twitter, as in goth and NextAuth,
// so that accounts made with these stay the same.
type Provider struct{ *oauth.Provider }

// New returns the provider of one app at X. It touches no network. scopes
// replace the default, users.read and tweet.read. Faults come out of Validate,
// which ginauth calls.
func New(clientID, clientSecret string, scopes ...string) *Provider {
	if len(scopes) == 0 {
		scopes = []string{ScopeUsers, ScopeTweets}
	}
	fields := "profile_image_url"
	if slices.Contains(scopes, ScopeEmail) {
		fields += ",confirmed_email" // X gives it for the scope alone
	}
	return &Provider{oauth.New(oauth.Config{
		ClientID: clientID, ClientSecret: clientSecret, Scopes: scopes,
		Name: "twitter", DisplayName: "X",
		AuthURL:     "https://x.com/i/oauth2/authorize",
		TokenURL:    "https://api.x.com/2/oauth2/token",
		AuthStyle:   oauth2.AuthStyleInHeader,
		UserInfoURL: "https://api.x.com/2/users/me?user.fields=" + fields,
		Profile:     profile,
	})}
}

// String leaves out the client secret.
func (p *Provider) String() string {
	return fmt.Sprintf("x.Provider{Name: %q, ClientID: %q}", p.Name(), p.ClientID())
}

// GoString is String: the %#v verb must not print the secret either.
func (p *Provider) GoString() string { return p.String() }

// profile reads the answer of GET /2/users/me.
func profile(body map[string]any) (goth.User, bool) {
	raw := answer.Object(body, "data")
	return goth.User{
		UserID:    answer.Text(raw, "id"),
		Name:      answer.Text(raw, "name"),
		NickName:  answer.Text(raw, "username"),
		AvatarURL: answer.Text(raw, "profile_image_url"),
		Email:     answer.Text(raw, "confirmed_email"),
		RawData:   raw,
	}, true // X sends confirmed addresses alone
}
