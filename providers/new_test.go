package providers_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/providers"
)

func TestNew_Faults(t *testing.T) {
	t.Parallel()
	const hidden = "leaked"
	client := providers.Settings{ClientID: "i", ClientSecret: hidden}
	with := func(values ...string) providers.Settings {
		s := client
		s.Values = map[string]string{}
		for i := 0; i+1 < len(values); i += 2 {
			s.Values[values[i]] = values[i+1]
		}
		return s
	}
	tests := []struct {
		name, id string
		settings providers.Settings
		want     string
	}{
		{"no service", "githib", client, `no service has the id "githib"`},
		{"empty", "", client, "no service"},
		{"left out", "lastfm", client, "lastfm: its sign-in has no state"},
		{"no client id", "github", providers.Settings{ClientSecret: hidden}, "Settings.ClientID is empty"},
		{"no client secret", "github", providers.Settings{ClientID: "i"}, "Settings.ClientSecret is empty"},
		{"a client secret that LinkedIn needs", "linkedin", providers.Settings{ClientID: "i"}, "linkedin: oidc: LinkedIn: ClientSecret is empty"},
		{"white space", "github", providers.Settings{ClientID: " i", ClientSecret: hidden}, "Settings.ClientID has white space"},
		{"scopes where none are", "naver", providers.Settings{ClientID: "i", ClientSecret: hidden, Scopes: []string{"a"}}, "Settings.Scopes is set"},
		{"a setting too many", "github", with("issuer", hidden), `Settings.Values["issuer"] is no setting`},
		{"a misspelt setting", "keycloak", with("Issuer", hidden), `Settings.Values["Issuer"] is no setting`},
		{"a setting missing", "mastodon", with(), `Settings.Values["url"] is empty`},
		{"a setting with a query", "nextcloud", with("url", "https://leaked.example/?a=b"), `Settings.Values["url"] is not an https address`},
		{"a script for an address", "gitea", with("url", "javascript://leaked"), `Settings.Values["url"] is not an https address`},
		{"http", "gitea", with("url", "http://leaked.example"), "begins with http"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, err := providers.New(tt.id, tt.settings)
			if err == nil || p != nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, %v; want an error with %q", p, err, tt.want)
			}
			if strings.Contains(err.Error(), hidden) {
				t.Errorf("the error repeats a value: %v", err)
			}
		})
	}
	if _, err := providers.New("gitea", with("url", "http://localhost:3000")); err != nil {
		t.Errorf("a server on this machine: %v", err)
	}
	if _, err := providers.New("keycloak", providers.Settings{ClientID: "i", Values: map[string]string{"issuer": "https://a.example/realms/b"}}); err != nil {
		t.Errorf("a public client: %v", err)
	}
}

// A program that changes what All returns changes no provider.
func TestAll_IsACopy(t *testing.T) {
	t.Parallel()
	i := slices.IndexFunc(providers.All(), func(s providers.Service) bool { return s.ID == "discord" })
	providers.All()[i].Scopes[0] = "changed"
	if got := providers.All()[i].Scopes[0]; got != "identify" {
		t.Errorf("the scope is %q", got)
	}
}

func TestSettings_String(t *testing.T) {
	t.Parallel()
	s := providers.Settings{ClientID: "i", ClientSecret: "leaked", Values: map[string]string{"private_key": "leaked"}}
	for _, text := range []string{fmt.Sprint(s), fmt.Sprintf("%+v", s), fmt.Sprintf("%#v", s)} {
		if strings.Contains(text, "leaked") || !strings.Contains(text, `"i"`) {
			t.Error(text)
		}
	}
}

func FuzzNew(f *testing.F) {
	f.Add("keycloak", "i", "s", "issuer", "https://a.example/realms/b")
	f.Add("azureadv2", "i", "s", "tenant", "https://login.microsoftonline.com//v2.0")
	f.Add("cognito", "i", "s", "issuer", "/")
	f.Add("apple", "i", "", "private_key", "-----BEGIN PRIVATE KEY-----")
	f.Fuzz(func(t *testing.T, id, client, secret, name, value string) {
		p, err := providers.New(id, providers.Settings{ClientID: client, ClientSecret: secret, Values: map[string]string{name: value}})
		if (p == nil) == (err == nil) {
			t.Fatalf("%v, %v", p, err)
		}
		if err != nil && len(secret) > 8 && strings.Contains(err.Error(), secret) && !strings.Contains(id+name, secret) && !known(secret) {
			t.Errorf("the error repeats the secret: %v", err)
		}
		if err == nil {
			// What New makes, Register takes.
			if _, err := ginauth.New(ginauth.Options{Providers: []ginauth.Provider{p}, Secret: strings.Repeat("x", 32), BaseURL: base}); err != nil {
				t.Error(err)
			}
		}
	})
}

// known reports whether a text stands in messages anyway.
func known(text string) bool {
	return slices.ContainsFunc(providers.All(), func(s providers.Service) bool {
		all := s.ID + s.Docs + s.LeftOut + "Settings.ClientID is empty; it comes from"
		for _, setting := range s.Settings {
			all += setting.Name + setting.Meaning + setting.Example
		}
		return strings.Contains(all, text)
	})
}
