package providers_test

import (
	"maps"
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
