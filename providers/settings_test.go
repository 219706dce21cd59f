package providers_test

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/providers"
)

// At every service the endpoints, the scopes, the parameters and the code verifier
// are the application's to set: a fact that has aged is one line to repair.
func TestSettings_Facts(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s providers.Service, fix fixture) {
		set := fix.settings()
		set.AuthURL, set.TokenURL = "https://moved.example/authorize", "https://moved.example/token"
		fix.authorize, fix.token = set.AuthURL, set.TokenURL
		if len(fix.profiles) == 1 && !fix.noProfile {
			set.UserInfoURL = "https://moved.example/me?" + fix.asks + "=x"
			fix.profiles = maps.Clone(fix.profiles)
			for place, profile := range fix.profiles {
				delete(fix.profiles, place)
				fix.profiles["https://moved.example/me"] = profile
			}
		}
		set.AuthParams = url.Values{"extra": {"1"}}
		set.DisablePKCE, fix.noPKCE = true, true
		p, err := providers.New(s.ID, set)
		if err != nil {
			t.Fatal(err)
		}
		f := newFake(t, fix)
		a := newApp(t, f, p)
		b := a.near(t)
		authURL := b.begin(s.ID)
		if u, err := url.Parse(authURL); err != nil || u.Query().Get("extra") != "1" {
			t.Errorf("the browser is sent to %s", authURL)
		}
		if res := b.answer(f, f.approve(authURL, ada).String()); !res.session {
			t.Fatalf("leads to %s; log: %s", res.location, a.log.take())
		}
		if user, _ := a.signedIn(); user.ID != fix.user(ada).ID {
			t.Errorf("signed in as %+v", user)
		}
	})
}

func TestSettings_Faults(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		id     string
		change func(s *providers.Settings)
		fault  string
	}{
		"an endpoint over http":          {"figma", func(s *providers.Settings) { s.TokenURL = "http://leaked.example/token" }, "Settings.TokenURL begins with http"},
		"no endpoint":                    {"figma", func(s *providers.Settings) { s.AuthURL = "leaked" }, "Settings.AuthURL is not an https address"},
		"a list that there is not":       {"figma", func(s *providers.Settings) { s.EmailsURL = "https://leaked.example/" }, "Settings.EmailsURL is set, but"},
		"a document that there is not":   {"figma", func(s *providers.Settings) { s.DiscoveryURL = "https://leaked.example/" }, "Settings.DiscoveryURL is set, but"},
		"a back channel that is none":    {"keycloak", func(s *providers.Settings) { s.BackChannel = "keycloak" }, "BackChannel is not an origin"},
		"a key where a secret is wanted": {"github", func(s *providers.Settings) { s.PrivateKey = "leaked" }, "Settings.PrivateKey is set, but"},
		"a key that is none":             {"okta", func(s *providers.Settings) { s.PrivateKey, s.ClientSecret = "leaked", "" }, "PrivateKey is not PEM"},
		"a subject of a token":           {"google", func(s *providers.Settings) { s.Subject = "email" }, "Settings.Subject is set, but"},
		"an endpoint of Steam":           {"steam", func(s *providers.Settings) { s.TokenURL = "https://leaked.example/" }, "Settings.TokenURL is set, but"},
		"no key of Steam":                {"steam", func(s *providers.Settings) { s.ClientSecret = "" }, "Settings.ClientSecret is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := fixtures[tt.id].settings()
			tt.change(&s)
			p, err := providers.New(tt.id, s)
			if err == nil || p != nil || !strings.Contains(err.Error(), tt.fault) || strings.Contains(err.Error(), "leaked") {
				t.Errorf("%v, %v", p, err)
			}
		})
	}
	// Steam's key is its whole client.
	if p, err := providers.New("steam", providers.Settings{ClientSecret: "key"}); err != nil || p.(ginauth.OAuth).ID != "steam" {
		t.Errorf("%v, %v", p, err)
	}
}

// A server of the application's own, or another region, is asked in place of the
// public service, at every endpoint.
func TestSettings_Places(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		id     string
		values map[string]string
		moves  []string // pairs: from, to
	}{
		{"github", map[string]string{"url": "https://git.example.com/"}, []string{
			"https://github.com/", "https://git.example.com/", "https://api.github.com/", "https://git.example.com/api/v3/",
		}},
		{"github", map[string]string{"url": "https://github.com"}, nil},
		{"battlenet", map[string]string{"region": "cn"}, []string{"https://oauth.battle.net/", "https://oauth.battlenet.com.cn/"}},
		{"battlenet", map[string]string{"issuer": "https://oauth.battlenet.com.cn"}, []string{"https://oauth.battle.net/", "https://oauth.battlenet.com.cn/"}},
		{"battlenet", map[string]string{"issuer": "https://us.battle.net/oauth"}, nil},
		{"paypal", map[string]string{"environment": "sandbox"}, []string{
			"https://www.paypal.com/", "https://www.sandbox.paypal.com/", "https://api-m.paypal.com/", "https://api-m.sandbox.paypal.com/",
		}},
		{"salesforce", map[string]string{"url": "https://example.my.salesforce.com"}, []string{"https://login.salesforce.com/", "https://example.my.salesforce.com/"}},
		{"zoho", map[string]string{"url": "https://accounts.zoho.eu/"}, []string{"https://accounts.zoho.com/", "https://accounts.zoho.eu/"}},
		{"gitea", nil, []string{"https://git.example.com/", "https://gitea.com/"}},
	} {
		t.Run(tt.id, func(t *testing.T) {
			t.Parallel()
			fix := fixtures[tt.id]
			fix.values = tt.values
			moved := strings.NewReplacer(tt.moves...)
			fix.authorize, fix.token = moved.Replace(fix.authorize), moved.Replace(fix.token)
			profiles := fix.profiles
			fix.profiles = map[string]func(p person) any{}
			for place, profile := range profiles {
				fix.profiles[moved.Replace(place)] = profile
			}
			p, err := providers.New(tt.id, fix.settings())
			if err != nil {
				t.Fatal(err)
			}
			f := newFake(t, fix)
			a := newApp(t, f, p)
			b := a.near(t)
			if res := b.answer(f, f.approve(b.begin(tt.id), ada).String()); !res.session {
				t.Fatalf("leads to %s; log: %s", res.location, a.log.take())
			}
			for _, place := range f.reached {
				if len(tt.moves) > 0 && strings.HasPrefix(place, tt.moves[0]) {
					t.Errorf("%s was asked", place)
				}
			}
		})
	}
}

// A tenant of FusionAuth has a document of its own.
func TestSettings_FusionAuthTenant(t *testing.T) {
	t.Parallel()
	fix := fixtures["fusionauth"]
	fix.values = map[string]string{"issuer": "https://example.fusionauth.io", "tenant_id": "7"}
	p, err := providers.New("fusionauth", fix.settings())
	if err != nil {
		t.Fatal(err)
	}
	f := newFake(t, fix)
	seen := ""
	a := newApp(t, transport(func(req *http.Request) (*http.Response, error) {
		if strings.HasSuffix(req.URL.Path, "/openid-configuration") {
			seen = req.URL.RawQuery
		}
		return f.RoundTrip(req)
	}), p)
	b := a.near(t)
	authURL := b.begin("fusionauth")
	if u, err := url.Parse(authURL); err != nil || u.Query().Get("tenantId") != "7" || seen != "tenantId=7" {
		t.Errorf("%s; the document is asked for with %q", authURL, seen)
	}
	if res := b.answer(f, f.approve(authURL, ada).String()); !res.session {
		t.Errorf("leads to %s; log: %s", res.location, a.log.take())
	}
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
