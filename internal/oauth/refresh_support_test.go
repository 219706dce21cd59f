package oauth_test

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/auth0"
	"github.com/markbates/goth/providers/dailymotion"
	"github.com/markbates/goth/providers/discord"
	"github.com/markbates/goth/providers/fitbit"
	"github.com/markbates/goth/providers/gitlab"
	"github.com/markbates/goth/providers/google"
	"github.com/markbates/goth/providers/naver"
	"github.com/markbates/goth/providers/openidConnect"
	"github.com/markbates/goth/providers/oura"
	"github.com/markbates/goth/providers/salesforce"
	"github.com/markbates/goth/providers/spotify"
	"github.com/markbates/goth/providers/stripe"
	"github.com/markbates/goth/providers/yandex"
	"github.com/markbates/goth/providers/zoom"
	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/internal/oauth"
	"github.com/ginauth/ginauth/oidc"
	"github.com/ginauth/ginauth/providers/x"
)

// renewal is one provider whose tokens can be renewed.
type renewal struct {
	id       string
	tokenURL string // empty: the local provider's own
	openID   bool   // a refreshed id_token is verified
	provider func(t testing.TB, idp *ginauthtest.Provider) goth.Provider
}

// The ways in which a token is renewed: by the provider itself, through a bound
// copy, by a request of ours, and by one whose id_token is verified.
var (
	byOIDC = renewal{"oidc", "", true, func(_ testing.TB, idp *ginauthtest.Provider) goth.Provider {
		return oidc.New(oidc.Config{Name: "oidc", Issuer: idp.Issuer(), ClientID: idp.ClientID(), ClientSecret: idp.ClientSecret()})
	}}
	byX = renewal{"x", "https://api.x.com/2/oauth2/token", false, func(_ testing.TB, idp *ginauthtest.Provider) goth.Provider {
		return x.New(idp.ClientID(), idp.ClientSecret())
	}}
	byGitLab = renewal{"gitlab", "https://gitlab.com/oauth/token", false, func(_ testing.TB, idp *ginauthtest.Provider) goth.Provider {
		return gitlab.New(idp.ClientID(), idp.ClientSecret(), "")
	}}
	byDiscord = renewal{"discord", "https://discord.com/api/oauth2/token", false, func(_ testing.TB, idp *ginauthtest.Provider) goth.Provider {
		return discord.New(idp.ClientID(), idp.ClientSecret(), "")
	}}
	byOpenIDConnect = renewal{"openid-connect", "", true, func(t testing.TB, idp *ginauthtest.Provider) goth.Provider {
		p, err := openidConnect.New(idp.ClientID(), idp.ClientSecret(), "", idp.Issuer()+string(ginauthtest.Discovery))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}}

	engines = []renewal{byOIDC, byX, byGitLab, byDiscord, byOpenIDConnect}
)

// simple is one of goth's providers that New(client id, secret, "") makes.
func simple[P goth.Provider](id, tokenURL string, newProvider func(key, secret, callback string, scopes ...string) P) renewal {
	return renewal{id: id, tokenURL: tokenURL, provider: func(_ testing.TB, idp *ginauthtest.Provider) goth.Provider {
		return newProvider(idp.ClientID(), idp.ClientSecret(), "")
	}}
}

// renewals are every engine and each special case of goth's.
var renewals = append(slices.Clone(engines),
	simple("google", "https://oauth2.googleapis.com/token", google.New),
	simple("salesforce", "https://login.salesforce.com/services/oauth2/token", salesforce.New),
	simple("spotify", "https://accounts.spotify.com/api/token", spotify.New),
	simple("stripe", "https://connect.stripe.com/oauth/token", stripe.New),
	simple("zoom", "https://zoom.us/oauth/token", zoom.New),
	simple("yandex", "https://oauth.yandex.com/token", yandex.New),
	simple("dailymotion", "https://www.dailymotion.com/oauth/token", dailymotion.New),
	simple("fitbit", "https://api.fitbit.com/oauth2/token", fitbit.New),
	simple("oura", "https://api.ouraring.com/oauth/token", oura.New),
	renewal{"auth0", "https://tenant.auth0.example/oauth/token", false, func(_ testing.TB, idp *ginauthtest.Provider) goth.Provider {
		return auth0.New(idp.ClientID(), idp.ClientSecret(), "", "tenant.auth0.example")
	}},
	renewal{"naver", "https://nid.naver.com/oauth2.0/token", false, func(_ testing.TB, idp *ginauthtest.Provider) goth.Provider {
		return naver.New(idp.ClientID(), idp.ClientSecret(), "")
	}},
)

// bench is a local provider and one provider that renews its tokens there.
type bench struct {
	*oauth.Provider
	idp *ginauthtest.Provider

	mu   sync.Mutex
	urls []string // requests that the guarded client carried
}

func newIDP(t testing.TB) *ginauthtest.Provider {
	t.Helper()
	idp, err := ginauthtest.NewProvider(ginauthtest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = idp.Close() })
	return idp
}

func (r renewal) start(t testing.TB) *bench {
	t.Helper()
	b := &bench{idp: newIDP(t)}
	b.Provider = b.register(t, r.provider(t, b.idp), r.tokenURL)
	return b
}

func (b *bench) register(t testing.TB, p goth.Provider, tokenURL string) *oauth.Provider {
	t.Helper()
	routes := map[string]string{strings.TrimPrefix(tokenURL, "https://"): "/token"}
	idp := b.idp.Transport(routes)
	client := &http.Client{Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
		b.mu.Lock()
		b.urls = append(b.urls, req.URL.String())
		b.mu.Unlock()
		if strings.HasPrefix(req.URL.String(), b.idp.Issuer()) {
			return http.DefaultTransport.RoundTrip(req)
		}
		return idp.RoundTrip(req)
	})}
	registered, err := oauth.New(oauth.Config{ID: "p", Provider: p, HTTPClient: client})
	if err != nil {
		t.Fatal(err)
	}
	return registered
}

func (b *bench) carried(url string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Contains(b.urls, url)
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// grant signs a person in and returns the tokens of it.
func (b *bench) grant(t testing.TB) *oauth2.Token {
	t.Helper()
	config := oauth2.Config{
		ClientID: b.idp.ClientID(), ClientSecret: b.idp.ClientSecret(), RedirectURL: "http://localhost/cb", Scopes: []string{"openid"},
		Endpoint: oauth2.Endpoint{AuthURL: b.idp.Issuer() + "/authorize", TokenURL: b.idp.Issuer() + "/token", AuthStyle: oauth2.AuthStyleInHeader},
	}
	verifier := oauth2.GenerateVerifier()
	callback, err := b.idp.Approve(t.Context(), config.AuthCodeURL("s", oauth2.S256ChallengeOption(verifier)), "ada")
	if err != nil {
		t.Fatal(err)
	}
	tok, err := config.Exchange(t.Context(), callback.Query().Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// refreshes counts the refresh requests that reached the token endpoint.
func (b *bench) refreshes() (n int) {
	for _, r := range b.idp.TokenRequests() {
		if r.Form.Get("grant_type") == "refresh_token" {
			n++
		}
	}
	return n
}
