// Package tumblr signs people in with Tumblr over OAuth 2.0. goth's provider for
// it speaks OAuth 1.0a, which has neither state nor code verifier.
//
//	Providers: ginauth.Goth(tumblr.New(id, secret)),
//
// Register an application at https://www.tumblr.com/oauth/apps, with
// /api/auth/callback/tumblr of the site as its OAuth2 redirect URL.
//
// Tumblr gives no e-mail address. Its documentation knows no code challenge:
// ginauth sends one, and state alone is known to protect a sign-in.
package tumblr

import (
	"fmt"

	"github.com/markbates/goth"
	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/internal/answer"
	"github.com/ginauth/ginauth/oauth"
)

// Scopes of Tumblr that matter to a sign-in.
const (
	// ScopeBasic is what the profile needs; it is the default.
	ScopeBasic = "basic"
	// ScopeOffline asks for a refresh token, which is new after each use.
	ScopeOffline = "offline_access"
)

// Provider is Tumblr. Make it with [New]. Its ID is tumblr.
//
// The subject is the uuid of the person's primary blog, such as
// "t:0aY0xL2Fi1OFJg4YxpmegQ", which Tumblr recommends for it. Names of people and
// blogs change hands. goth's subject was the name: accounts made with goth are
// others.
type Provider struct{ *oauth.Provider }

// New returns the provider of one application at Tumblr. It touches no network.
// scopes replace the default, basic. Faults come out of Validate, which ginauth
// calls.
func New(clientID, clientSecret string, scopes ...string) *Provider {
	if len(scopes) == 0 {
		scopes = []string{ScopeBasic}
	}
	return &Provider{oauth.New(oauth.Config{
		ClientID: clientID, ClientSecret: clientSecret, Scopes: scopes,
		Name: "tumblr", DisplayName: "Tumblr",
		AuthURL:     "https://www.tumblr.com/oauth2/authorize",
		TokenURL:    "https://api.tumblr.com/v2/oauth2/token",
		AuthStyle:   oauth2.AuthStyleInParams,
		UserInfoURL: "https://api.tumblr.com/v2/user/info",
		Profile:     profile,
	})}
}

// String leaves out the client secret.
func (p *Provider) String() string {
	return fmt.Sprintf("tumblr.Provider{Name: %q, ClientID: %q}", p.Name(), p.ClientID())
}

// GoString is String: the %#v verb must not print the secret either.
func (p *Provider) GoString() string { return p.String() }

// profile reads the answer of GET /v2/user/info.
func profile(body map[string]any) (goth.User, bool) {
	raw := answer.Object(answer.Object(body, "response"), "user")
	blog := primary(raw)
	return goth.User{
		UserID:   answer.Text(blog, "uuid"),
		Name:     answer.Text(raw, "name"),
		NickName: answer.Text(raw, "name"),
		RawData:  raw,
	}, false
}

// primary is the person's primary blog. The other blogs in the list may be
// shared with others, whose account they must not open: without exactly one
// primary there is no subject.
func primary(user map[string]any) map[string]any {
	blogs, _ := user["blogs"].([]any)
	var found map[string]any
	for _, entry := range blogs {
		blog, _ := entry.(map[string]any)
		if blog["primary"] != true {
			continue
		}
		if found != nil {
			return nil
		}
		found = blog
	}
	return found
}
