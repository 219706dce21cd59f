// Package reddit signs people in with Reddit over OAuth 2.0. goth's provider for
// it makes its requests without deadline through a client of its own, and
// forgets the refresh token.
//
//	Providers: ginauth.Goth(reddit.New(id, secret)),
//
// Register a web app at https://www.reddit.com/prefs/apps, with
// /api/auth/callback/reddit of the site as its redirect URI.
//
// Reddit gives no e-mail address. Its documentation knows no code challenge:
// ginauth sends one, and state alone is known to protect a sign-in.
package reddit

import (
	"fmt"

	"github.com/markbates/goth"
	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/internal/answer"
	"github.com/ginauth/ginauth/oauth"
)

// ScopeIdentity is what the profile needs; it is the default.
const ScopeIdentity = "identity"

// Provider is Reddit. Make it with [New]. Its ID is reddit.
type Provider struct {
	*oauth.Provider
	config oauth.Config
}

// New returns the provider of one app at Reddit. It touches no network. scopes
// replace the default, identity. Faults come out of Validate, which ginauth
// calls.
//
// Reddit issues a refresh token only where the parameter duration is permanent:
// set it in ginauth.OAuth.AuthParams.
func New(clientID, clientSecret string, scopes ...string) *Provider {
	if len(scopes) == 0 {
		scopes = []string{ScopeIdentity}
	}
	return newProvider(oauth.Config{
		ClientID: clientID, ClientSecret: clientSecret, Scopes: scopes,
		Name: "reddit", DisplayName: "Reddit",
		AuthURL:   "https://www.reddit.com/api/v1/authorize",
		TokenURL:  "https://www.reddit.com/api/v1/access_token",
		AuthStyle: oauth2.AuthStyleInHeader,
		// raw_json: else the address of the picture has &amp; in it.
		UserInfoURL: "https://oauth.reddit.com/api/v1/me?raw_json=1",
		UserAgent:   "web:" + clientID + ":1 (ginauth)",
		Profile:     profile,
	})
}

// WithUserAgent returns a provider that names the application to Reddit, which
// asks for a form such as "web:com.example.shop:v1.2 (by /u/somebody)" and slows
// down what looks like others. Default: one made of the client id.
func (p *Provider) WithUserAgent(userAgent string) *Provider {
	config := p.config
	config.UserAgent = userAgent
	return newProvider(config)
}

func newProvider(config oauth.Config) *Provider {
	return &Provider{Provider: oauth.New(config), config: config}
}

// String leaves out the client secret.
func (p *Provider) String() string {
	return fmt.Sprintf("reddit.Provider{Name: %q, ClientID: %q}", p.Name(), p.ClientID())
}

// GoString is String: the %#v verb must not print the secret either.
func (p *Provider) GoString() string { return p.String() }

// profile reads the answer of GET /api/v1/me.
func profile(body map[string]any) (goth.User, bool) {
	return goth.User{
		UserID:    answer.Text(body, "id"),
		Name:      answer.Text(body, "name"),
		NickName:  answer.Text(body, "name"),
		AvatarURL: answer.Text(body, "icon_img"),
		RawData:   body,
	}, false
}
