package oauth_test

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/faux"
	"github.com/markbates/goth/providers/github"
	"github.com/markbates/goth/providers/lastfm"
	"github.com/markbates/goth/providers/steam"
	"github.com/markbates/goth/providers/tumblr"
	"github.com/markbates/goth/providers/twitter"

	"github.com/ginauth/ginauth/internal/oauth"
	"github.com/ginauth/ginauth/oidc"
	"github.com/ginauth/ginauth/providers/x"
)

// bare is a provider without an HTTPClient to bind a sign-in to.
type bare struct{ goth.Provider }

// valued is a provider that is no pointer.
type valued struct{ *faux.Provider }

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		provider goth.Provider
		want     string
	}{
		"steam":   {steam.New("k", ""), "assertions"},
		"twitter": {twitter.New("k", "s", ""), "OAuth 1.0a"},
		"tumblr":  {tumblr.New("k", "s", ""), "OAuth 1.0a"},
		"lastfm":  {lastfm.New("k", "s", ""), "no state"},
		"bare":    {&bare{&faux.Provider{}}, "HTTPClient"},
		"valued":  {valued{&faux.Provider{}}, "pointer"},
	} {
		if _, err := oauth.New(oauth.Config{ID: name, Provider: tt.provider}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
	if _, err := oauth.New(oauth.Config{ID: "github", Provider: github.New("k", "s", "")}); err != nil {
		t.Error(err)
	}
}

func TestIsNil(t *testing.T) {
	t.Parallel()
	if !oauth.IsNil(nil) || !oauth.IsNil((*github.Provider)(nil)) || oauth.IsNil(github.New("", "", "")) || oauth.IsNil(valued{}) {
		t.Error("IsNil is wrong")
	}
}

func TestParams(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"client_id", "redirect_uri", "response_type", "state", "nonce", "code_challenge", "code_challenge_method", "request", "request_uri", "response_mode", "STATE"} {
		if err := oauth.CheckParams(url.Values{name: {"x"}}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for hint, params := range map[string]url.Values{
		"response_mode, which belongs to the flow; leave it out, or set oidc.Config.ResponseMode": {"Response_Mode": {"x"}},
		"state, which belongs to the flow; leave it out":                                          {"state": {"x"}},
		"nonce, response_mode, which belongs to the flow; leave it out":                           {"response_mode": {"x"}, "nonce": {"x"}},
	} {
		if err := oauth.CheckParams(params); err == nil || !strings.HasSuffix(strings.ToLower(err.Error()), strings.ToLower(hint)) {
			t.Errorf("%v: %v, want %q", params, err, hint)
		}
	}
	if err := oauth.CheckParams(url.Values{"prompt": {"consent"}, "access_type": {"offline"}}); err != nil {
		t.Error(err)
	}
	got := oauth.DisplayParams(url.Values{
		"prompt": {"login", "none"}, "login_hint": {"ada"}, "client_id": {"evil"}, "scope": {"all"}, "redirect_uri": {"x"},
		"state": {"x"}, "ui_locales": {strings.Repeat("x", 257)}, "hd": {""},
	})
	if want := (url.Values{"prompt": {"login"}, "login_hint": {"ada"}}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
}

// Without openid there is no id_token (OpenID Connect Core §3.1.2.1).
func TestScopeWithoutOpenID(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		params url.Values
		ok     bool // at an OpenID provider
	}{
		{nil, true},
		{url.Values{"scope": {"openid"}}, true},
		{url.Values{"scope": {"email  openid profile"}}, true},
		{url.Values{"scope": {"email", "openid"}}, true},
		{url.Values{"scope": {"email"}}, false},
		{url.Values{"scope": {""}}, false},
		{url.Values{"scope": {}}, false},
		{url.Values{"scope": {"OpenID"}}, false},
		{url.Values{"scope": {"openid2 email"}}, false},
		{url.Values{"scope": {"email,openid"}}, false},
		{url.Values{"Scope": {"email"}}, false},
		{url.Values{"scope": {"openid"}, "SCOPE": {"email"}}, false},
	} {
		idp := newIDP(t)
		for id, provider := range map[string]goth.Provider{
			"oidc": byOIDC.provider(t, idp), "goth": byOpenIDConnect.provider(t, idp), "plain": github.New("c", "s", ""),
		} {
			_, err := oauth.New(oauth.Config{ID: id, Provider: provider, Params: tt.params})
			if ok := tt.ok || id == "plain"; ok != (err == nil) || !ok && !strings.Contains(err.Error(), "put openid into it") {
				t.Errorf("%s, %v: %v", id, tt.params, err)
			}
		}
	}
}

// What a sign-in request may add is a closed list of OpenID Connect Core §3.1.2.1 and of
// what large providers document, each of at most 256 bytes.
func TestDisplayParams(t *testing.T) {
	t.Parallel()
	query, want := url.Values{"scope": {"all"}, "claims": {"{}"}, "id_token_hint": {"x"}}, url.Values{}
	for _, name := range []string{
		"prompt", "login_hint", "hd", "ui_locales", "acr_values", "max_age", "screen_hint", "display", "domain_hint", "kc_idp_hint", "connection", "organization",
	} {
		query.Set(name, strings.Repeat("x", 256))
		want.Set(name, query.Get(name))
	}
	if got := oauth.DisplayParams(query); !reflect.DeepEqual(got, want) {
		t.Errorf("kept are %v", slices.Sorted(maps.Keys(got)))
	}
	for name := range want {
		if got := oauth.DisplayParams(url.Values{name: {strings.Repeat("x", 257)}}); len(got) > 0 {
			t.Errorf("%s of 257 bytes is kept", name)
		}
	}
}

func TestDisplayName(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{"google": "Google", "work": "Work", "": ""} {
		if got := oauth.DisplayName(&faux.Provider{}, id); got != want {
			t.Errorf("%q: %q", id, got)
		}
	}
	if got := oauth.DisplayName(github.New("", "", ""), "work"); got != "GitHub" {
		t.Errorf("goth's own under another id: %q", got)
	}
}

func TestColor(t *testing.T) {
	t.Parallel()
	named := func(name string) goth.Provider {
		return oidc.New(oidc.Config{Name: name, Issuer: "https://id.example", ClientID: "c"})
	}
	for _, tt := range []struct {
		provider goth.Provider
		id, want string
	}{
		{github.New("", "", ""), "github", "#24292f"},
		{github.New("", "", ""), "work", "#24292f"},
		{github.New("", "", ""), "google", "#24292f"}, // what it is, and not what it is called
		{named("keycloak"), "staff", "#4d4d4d"},
		{named("staff"), "keycloak", "#4d4d4d"},
		{named("staff"), "staff", ""},
		{x.New("", ""), "x", "#000000"},
		{x.New("", ""), "twitter", "#000000"},
	} {
		if got := oauth.Color(tt.provider, tt.id); got != tt.want {
			t.Errorf("%s as %s: %q, want %q", tt.provider.Name(), tt.id, got, tt.want)
		}
	}
}

// The authorization URL says where to and with what, whatever goth wrote there, and
// what the developer set in it, whatever the request asks for.
func TestBegin(t *testing.T) {
	t.Parallel()
	g := github.NewCustomisedURL("client", "s", "https://other.example/cb", "https://id.example/auth?a=b+c&state=x", "https://id.example/token", "", "", "read", "more")
	p, err := oauth.New(oauth.Config{ID: "g", Provider: g, Params: url.Values{"prompt": {"consent"}}})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_800_000_000, 0)
	const callback = "https://app.example/cb"
	raw, tx, err := p.Begin(t.Context(), callback, url.Values{"login_hint": {"a b"}, "prompt": {"none"}}, now)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(raw)
	if err != nil || strings.Contains(u.RawQuery, "+") {
		t.Errorf("%s, %v", raw, err)
	}
	q := u.Query()
	for name, want := range map[string]string{
		"client_id": "client", "redirect_uri": callback, "response_type": "code", "state": tx.State, "a": "b c",
		"scope": "read more", "prompt": "consent", "login_hint": "a b", "code_challenge_method": "S256",
	} {
		if len(q[name]) != 1 || q.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, q[name], want)
		}
	}
	// A binding of 128 bits: four transactions have to fit beside the other cookies.
	if tx.Expires != now.Add(oauth.Lifetime).Unix() || len(tx.Verifier) != 43 || len(tx.Binding) != 22 || q.Get("code_challenge") == tx.Verifier || strings.Contains(raw, tx.Verifier) {
		t.Errorf("transaction %+v", tx)
	}
	again, err := oauth.ParseTransaction(tx.Bytes())
	if err != nil || !reflect.DeepEqual(again, tx) {
		t.Errorf("%+v came back as %+v, %v", tx, again, err)
	}
	_, second, err := p.Begin(t.Context(), callback, nil, now)
	if err != nil || second.State == tx.State || second.Verifier == tx.Verifier || second.Nonce == tx.Nonce {
		t.Errorf("two sign-ins share something: %+v, %v", second, err)
	}
}

// faulty is a provider that fails at one step of the beginning.
type faulty struct {
	faux.Provider
	HTTPClient *http.Client
	at         string
}

type faultySession struct {
	goth.Session
	at string
}

func (p *faulty) BeginAuth(string) (goth.Session, error) {
	if p.at == "BeginAuth" {
		return nil, errors.New("no BeginAuth today")
	}
	return &faultySession{at: p.at}, nil
}

func (s *faultySession) GetAuthURL() (string, error) {
	switch s.at {
	case "GetAuthURL":
		return "", errors.New("no GetAuthURL today")
	case "script":
		return "javascript:alert(1)", nil
	case "path":
		return "/authorize", nil
	case "host":
		return "https:///authorize", nil
	case "broken":
		return "https://id.example/%zz\x7f", nil
	}
	return "https://id.example/authorize", nil
}

func (s *faultySession) Marshal() string {
	if s.at == "Marshal" {
		return "[]"
	}
	return "{}"
}

func TestBegin_Fails(t *testing.T) {
	t.Parallel()
	for at, want := range map[string]string{
		"": "", "BeginAuth": "no BeginAuth today", "GetAuthURL": "no GetAuthURL today", "Marshal": "not a JSON object",
		"script": "not an http(s) URL", "path": "not an http(s) URL", "host": "not an http(s) URL", "broken": "not an http(s) URL",
	} {
		p, err := oauth.New(oauth.Config{ID: "p", Provider: &faulty{at: at}})
		if err != nil {
			t.Fatal(err)
		}
		to, tx, err := p.Begin(t.Context(), "http://localhost/cb", nil, time.Now())
		if want == "" && err == nil && tx != nil && strings.HasPrefix(to, "https://id.example/authorize?") {
			continue
		}
		if want == "" || err == nil || !strings.Contains(err.Error(), want) || to != "" || tx != nil {
			t.Errorf("%s: %q, %v, %v", at, to, tx, err)
		}
	}
}

func FuzzParseTransaction(f *testing.F) {
	f.Add([]byte(`{"s":"a","v":"b","n":"c","b":"d","e":1}`))
	f.Add([]byte(`{"e":1e400}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		tx, err := oauth.ParseTransaction(raw)
		if (tx == nil) == (err == nil) {
			t.Errorf("%q: %v, %v", raw, tx, err)
		}
	})
}

// A provider's own client carries its requests, and keeps its transport alone.
func TestOwnHTTPClient(t *testing.T) {
	t.Parallel()
	g := github.New("client", "s", "")
	g.HTTPClient = &http.Client{Transport: http.DefaultTransport, Timeout: time.Hour}
	if _, err := oauth.New(oauth.Config{ID: "github", Provider: g}); err != nil {
		t.Fatal(err)
	}
	if g.HTTPClient.Timeout != time.Hour || g.HTTPClient.CheckRedirect != nil {
		t.Error("the developer's client was changed")
	}
}
