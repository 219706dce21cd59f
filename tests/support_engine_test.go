package tests

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strconv"
	"testing"

	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/auth0"
	"github.com/markbates/goth/providers/discord"
	"github.com/markbates/goth/providers/github"
	"github.com/markbates/goth/providers/gitlab"
	"github.com/markbates/goth/providers/google"
	"github.com/markbates/goth/providers/openidConnect"
	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
)

// An engine is one way in which ginauth speaks to a provider, with a provider
// that goes that way.
type engine struct {
	name     string
	provider func(t testing.TB, idp *ginauthtest.Provider) ginauth.OAuth
	// userinfo puts the claims of a person into the form of this service.
	userinfo func(claims map[string]any)
	oauth    bool // plain OAuth: no nonce and no id_token protect it
}

// The engines: a provider that runs the flow itself, goth's through a bound copy,
// goth's whose token request ginauth makes, and goth's whose id_token it checks.
var (
	viaOIDC = engine{name: "oidc", provider: func(_ testing.TB, idp *ginauthtest.Provider) ginauth.OAuth {
		return ginauth.OAuth{Provider: local(idp, "oidc")}
	}}
	viaGitHub = engine{name: "github", oauth: true, userinfo: numericID, provider: func(_ testing.TB, idp *ginauthtest.Provider) ginauth.OAuth {
		return ginauth.OAuth{Provider: github.New(idp.ClientID(), idp.ClientSecret(), "", "user:email")}
	}}
	viaDiscord = engine{name: "discord", oauth: true, userinfo: textID, provider: func(_ testing.TB, idp *ginauthtest.Provider) ginauth.OAuth {
		return ginauth.OAuth{
			Provider: discord.New(idp.ClientID(), idp.ClientSecret(), "", discord.ScopeIdentify, discord.ScopeEmail),
			// goth asks for prompt=none, which a strict provider refuses to strangers.
			AuthParams: url.Values{"prompt": {"consent"}},
		}
	}}
	viaOpenIDConnect = engine{name: "openid-connect", provider: func(t testing.TB, idp *ginauthtest.Provider) ginauth.OAuth {
		p, err := openidConnect.New(idp.ClientID(), idp.ClientSecret(), "", idp.Issuer()+string(ginauthtest.Discovery), "profile", "email")
		if err != nil {
			t.Fatal(err)
		}
		return ginauth.OAuth{Provider: p}
	}}
	viaGoogle = engine{name: "google", oauth: true, userinfo: textID, provider: func(_ testing.TB, idp *ginauthtest.Provider) ginauth.OAuth {
		return ginauth.OAuth{Provider: google.New(idp.ClientID(), idp.ClientSecret(), "", "openid", "email", "profile")}
	}}
	viaGitLab = engine{name: "gitlab", oauth: true, userinfo: numericID, provider: func(_ testing.TB, idp *ginauthtest.Provider) ginauth.OAuth {
		return ginauth.OAuth{Provider: gitlab.New(idp.ClientID(), idp.ClientSecret(), "", "read_user")}
	}}
	viaAuth0 = engine{name: "auth0", oauth: true, provider: func(_ testing.TB, idp *ginauthtest.Provider) ginauth.OAuth {
		return ginauth.OAuth{Provider: auth0.New(idp.ClientID(), idp.ClientSecret(), "", "tenant.auth0.example", "openid", "profile", "email")}
	}}

	engines = []engine{viaOIDC, viaGitHub, viaDiscord, viaOpenIDConnect}
)

// numericID answers the user as GitHub and GitLab do.
func numericID(claims map[string]any) {
	if n, err := strconv.Atoi(fmt.Sprint(claims["sub"])); err == nil {
		claims["id"] = n
	}
	claims["login"], claims["username"] = claims["name"], claims["name"]
}

// textID answers the user as Discord and Google do.
func textID(claims map[string]any) {
	claims["id"], claims["username"] = claims["sub"], claims["name"]
}

// services leads the endpoints that goth has for its services to the local
// provider. Addresses on this machine are reached as they are.
type services struct{ idp http.RoundTripper }

func newServices(idp *ginauthtest.Provider) services {
	return services{idp.Transport(map[string]string{
		"github.com/login/oauth/authorize":      "/authorize",
		"github.com/login/oauth/access_token":   "/token",
		"api.github.com/user":                   "/userinfo",
		"api.github.com/user/emails":            "/emails",
		"discord.com/api/oauth2/authorize":      "/authorize",
		"discord.com/api/oauth2/token":          "/token",
		"discord.com/api/users/@me":             "/userinfo",
		"accounts.google.com/o/oauth2/auth":     "/authorize",
		"oauth2.googleapis.com/token":           "/token",
		"www.googleapis.com/oauth2/v2/userinfo": "/userinfo",
		"gitlab.com/oauth/authorize":            "/authorize",
		"gitlab.com/oauth/token":                "/token",
		"gitlab.com/api/v3/user":                "/userinfo",
		"tenant.auth0.example/authorize":        "/authorize",
		"tenant.auth0.example/oauth/token":      "/token",
		"tenant.auth0.example/userinfo":         "/userinfo",
	})}
}

func (s services) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Hostname() == "127.0.0.1" {
		return http.DefaultTransport.RoundTrip(req)
	}
	return s.idp.RoundTrip(req)
}

// options configure an app that signs people in through e at idp.
func (e engine) options(t testing.TB, idp *ginauthtest.Provider) ginauth.Options {
	t.Helper()
	idp.TamperUserinfo(e.userinfo)
	return ginauth.Options{
		Providers:  []ginauth.Provider{e.provider(t, idp)},
		HTTPClient: &http.Client{Transport: newServices(idp)},
	}
}

// app signs people in through e at idp.
func (e engine) app(t testing.TB, idp *ginauthtest.Provider) *app {
	t.Helper()
	return newApp(t, e.options(t, idp))
}

// people are n persons whose subjects are numbers, as some services demand.
func people(n int) []ginauthtest.Person {
	all := make([]ginauthtest.Person, n)
	for i := range all {
		all[i] = ginauthtest.Person{
			Subject: strconv.Itoa(1001 + i), Name: fmt.Sprintf("Person %d", 1001+i),
			Email: fmt.Sprintf("person%d@example.com", 1001+i), EmailVerified: true,
		}
	}
	return all
}

// as chooses a person at the provider and returns where the browser goes then.
func as(t testing.TB, idp *ginauthtest.Provider, authURL, subject string) *url.URL {
	t.Helper()
	callback, err := idp.Approve(context.Background(), authURL, subject)
	if err != nil {
		t.Fatal(err)
	}
	return callback
}

// with is a URL with parameters of its query replaced, or taken out where the
// value is empty.
func with(u *url.URL, pairs ...string) string {
	q := u.Query()
	for i := 0; i < len(pairs); i += 2 {
		q.Del(pairs[i])
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	changed := *u
	changed.RawQuery = q.Encode()
	return changed.String()
}

// visitAs signs a person in, all the way, and returns the e-mail address that the
// session then has. It may run on any goroutine.
func (a *app) visitAs(idp *ginauthtest.Provider, provider, subject string) (email string, err error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return "", err
	}
	client := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	read := func(res *http.Response, err error, into any) (*http.Response, error) {
		if err != nil {
			return nil, err
		}
		defer res.Body.Close()
		if into != nil {
			err = json.NewDecoder(res.Body).Decode(into)
		}
		return res, err
	}
	var csrf struct{ CSRFToken string }
	res, err := client.Get(a.URL + "/api/auth/csrf")
	if _, err = read(res, err, &csrf); err != nil {
		return "", err
	}
	res, err = client.PostForm(a.URL+"/api/auth/signin/"+provider, url.Values{"csrfToken": {csrf.CSRFToken}})
	if res, err = read(res, err, nil); err != nil {
		return "", err
	}
	callback, err := idp.Approve(context.Background(), res.Header.Get("Location"), subject)
	if err != nil {
		return "", err
	}
	res, err = client.Get(callback.String())
	if _, err = read(res, err, nil); err != nil {
		return "", err
	}
	var session struct{ User struct{ Email string } }
	res, err = client.Get(a.URL + "/api/auth/session")
	if _, err = read(res, err, &session); err != nil {
		return "", err
	}
	return session.User.Email, nil
}

// odd is a goth provider of the tests' own whose every step can be another. It
// speaks to the local provider.
type odd struct {
	ClientKey, Secret, CallbackURL string
	HTTPClient                     *http.Client

	issuer    string
	begin     func(state string) (goth.Session, error)
	authorize func(p *odd, code string) error
	fetch     func(p *odd) (goth.User, error)
}

func newOdd(idp *ginauthtest.Provider) *odd {
	return &odd{
		ClientKey: idp.ClientID(), Secret: idp.ClientSecret(), issuer: idp.Issuer(),
		begin: func(state string) (goth.Session, error) {
			q := url.Values{"client_id": {idp.ClientID()}, "response_type": {"code"}, "state": {state}}
			return &oddSession{AuthURL: idp.Issuer() + "/authorize?" + q.Encode()}, nil
		},
		authorize: func(p *odd, code string) error { return p.exchange(p.HTTPClient, code) },
		fetch:     func(*odd) (goth.User, error) { return goth.User{UserID: "odd", Email: "odd@example.com"}, nil },
	}
}

// exchange makes the token request with a client.
func (p *odd) exchange(client *http.Client, code string) error {
	config := oauth2.Config{
		ClientID: p.ClientKey, ClientSecret: p.Secret, RedirectURL: p.CallbackURL,
		Endpoint: oauth2.Endpoint{TokenURL: p.issuer + "/token", AuthStyle: oauth2.AuthStyleInHeader},
	}
	_, err := config.Exchange(context.WithValue(context.Background(), oauth2.HTTPClient, client), code)
	return err
}

func (p *odd) Name() string                                    { return "odd" }
func (p *odd) SetName(string)                                  {}
func (p *odd) Debug(bool)                                      {}
func (p *odd) BeginAuth(state string) (goth.Session, error)    { return p.begin(state) }
func (p *odd) UnmarshalSession(s string) (goth.Session, error) { return &oddSession{}, nil }
func (p *odd) FetchUser(goth.Session) (goth.User, error)       { return p.fetch(p) }
func (p *odd) RefreshTokenAvailable() bool                     { return false }
func (p *odd) RefreshToken(string) (*oauth2.Token, error)      { return nil, errors.New("odd: no refresh") }

type oddSession struct{ AuthURL string }

func (s *oddSession) GetAuthURL() (string, error) { return s.AuthURL, nil }
func (s *oddSession) Marshal() string             { return `{"AuthURL":` + strconv.Quote(s.AuthURL) + `}` }
func (s *oddSession) Authorize(p goth.Provider, params goth.Params) (string, error) {
	return "", p.(*odd).authorize(p.(*odd), params.Get("code"))
}
