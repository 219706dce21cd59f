package oauth_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/oauth"
	"github.com/ginauth/ginauth/providers/reddit"
	"github.com/ginauth/ginauth/providers/x"
)

var (
	_ ginauth.AuthCodeProvider = (*oauth.Provider)(nil)
	_ ginauth.RefreshProvider  = (*oauth.Provider)(nil)
)

func TestValidate(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, id, secret string
		scopes           []string
		faults           []string
	}{
		{"good", "c", "s", nil, nil},
		{"scopes", "c", "s", []string{"a", "b.c"}, nil},
		{"nothing", "", "", nil, []string{"client id is empty", "client secret is empty"}},
		{"white space", " c", "hidden\n", nil, []string{"client id has white space", "client secret has white space"}},
		{"two scopes in one", "c", "hidden", []string{"a b"}, []string{`scope "a b"`}},
		{"empty scope", "c", "hidden", []string{"a", ""}, []string{`scope ""`}},
		{"quoted scope", "c", "hidden", []string{`a"`}, []string{"scope"}},
		{"all", "", "hidden ", []string{"é"}, []string{"client id is empty", "client secret has white space", "scope"}},
	}
	for _, s := range services {
		for _, tt := range tests {
			t.Run(s.id+"/"+tt.name, func(t *testing.T) {
				t.Parallel()
				p := s.new(tt.id, tt.secret, tt.scopes...)
				err := p.Validate()
				if (err == nil) != (len(tt.faults) == 0) {
					t.Fatalf("got %v, want %q", err, tt.faults)
				}
				if err == nil {
					return
				}
				for _, fault := range tt.faults {
					if !strings.Contains(err.Error(), fault) {
						t.Errorf("got %v, want %q in it", err, fault)
					}
				}
				if lines := strings.Split(err.Error(), "\n"); len(lines) != len(tt.faults) || strings.Contains(err.Error(), "hidden") {
					t.Errorf("got %q", lines)
				}
				_, urlErr := p.AuthCodeURL(t.Context(), redirectURL, "s", "")
				_, _, exchangeErr := p.ExchangeCode(t.Context(), redirectURL, "c", "")
				_, refreshErr := p.RefreshTokenContext(t.Context(), "r")
				for _, got := range []error{urlErr, exchangeErr, refreshErr} {
					if got == nil || got.Error() != err.Error() {
						t.Errorf("a method answered %v", got)
					}
				}
				if _, err := ginauth.New(ginauth.Options{Secret: strings.Repeat("s", 32), Providers: ginauth.Goth(p)}); err == nil || !strings.Contains(err.Error(), tt.faults[0]) {
					t.Errorf("New said %v", err)
				}
			})
		}
	}
	if err := reddit.New("c", "s").WithUserAgent("a\r\nX: b").Validate(); err == nil || !strings.Contains(err.Error(), "user agent") {
		t.Errorf("a header in the user agent: %v", err)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for _, s := range services {
		p := s.new("client", "hush-hush")
		if p.Name() != s.id || p.DisplayName() != s.name || p.ClientID() != "client" {
			t.Errorf("%s: %q, %q, %q", s.id, p.Name(), p.DisplayName(), p.ClientID())
		}
		encoded, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		printed := []string{string(encoded)}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			printed = append(printed, fmt.Sprintf(verb, p), fmt.Sprintf(verb, []any{p}))
		}
		for _, text := range printed {
			if strings.Contains(text, "hush-hush") {
				t.Errorf("%s: printed %s", s.id, text)
			}
		}
		if !strings.Contains(printed[1], s.id) || !strings.Contains(printed[1], "client") {
			t.Errorf("%s: printed %s", s.id, printed[1])
		}
		p.SetName("other")
		if p.Name() != "other" || !strings.Contains(fmt.Sprint(p), "other") {
			t.Errorf("%s: renamed to %s", s.id, p)
		}
	}
}

func TestPlainGothIsRefused(t *testing.T) {
	t.Parallel()
	for _, s := range services {
		p := s.new("client", "s")
		p.Debug(true)
		_, begin := p.BeginAuth("state")
		_, unmarshal := p.UnmarshalSession("{}")
		_, fetch := p.FetchUser(nil)
		for _, err := range []error{begin, unmarshal, fetch} {
			if err == nil || !strings.Contains(err.Error(), "ginauth") {
				t.Errorf("%s: got %v", s.id, err)
			}
		}
		if !p.RefreshTokenAvailable() {
			t.Errorf("%s has no refresh", s.id)
		}
	}
}

// Nothing that an option sets takes away what binds the answer to this sign-in.
func TestAuthCodeURL(t *testing.T) {
	t.Parallel()
	for _, s := range services {
		scopes := []string{"one", "two"}
		p := s.new("client", "s", scopes...)
		clear(scopes) // the caller's slice is not kept
		raw, err := p.AuthCodeURL(t.Context(), redirectURL, "state", "nonce",
			oauth2.SetAuthURLParam("state", "evil"), oauth2.SetAuthURLParam("redirect_uri", "https://evil.example"),
			oauth2.SetAuthURLParam("client_id", "evil"), oauth2.SetAuthURLParam("response_type", "token"), oauth2.SetAuthURLParam("prompt", "login"))
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]string{
			"state": "state", "redirect_uri": redirectURL, "client_id": "client", "response_type": "code", "prompt": "login", "scope": "one two", "nonce": "",
		} {
			if got := u.Query()[name]; want == "" && got != nil || want != "" && !slices.Equal(got, []string{want}) {
				t.Errorf("%s: %s is %q, want %q", s.id, name, got, want)
			}
		}
		if u.Scheme != "https" || s.routes[u.Host+u.Path] != "/authorize" {
			t.Errorf("%s: leads to %s", s.id, raw)
		}
		for _, missing := range [][2]string{{"", "state"}, {redirectURL, ""}} {
			if _, err := p.AuthCodeURL(t.Context(), missing[0], missing[1], ""); err == nil {
				t.Errorf("%s: %q made a URL", s.id, missing)
			}
		}
	}
}

// The whole profile, as far as the service has it.
func TestProfile(t *testing.T) {
	t.Parallel()
	for _, s := range services {
		t.Run(s.id, func(t *testing.T) {
			t.Parallel()
			h := s.start(t)
			p := h.provider()
			p.SetName("renamed")
			code, verifier := h.code(t, p, people[0].Subject)
			user, token, err := p.ExchangeCode(h.context(t), redirectURL, code, "", oauth2.VerifierOption(verifier))
			if err != nil {
				t.Fatal(err)
			}
			want := map[string][5]string{ // name, nick, email, picture, first name
				"twitter": {"Ada Lovelace", "nick-1734604429", "ada@example.com", people[0].Picture, ""},
				"reddit":  {"Ada Lovelace", "Ada Lovelace", "", people[0].Picture, ""},
				"tumblr":  {"Ada Lovelace", "Ada Lovelace", "", "", ""},
				"mailru":  {"Ada Lovelace", "nick-1734604429", "ada@example.com", people[0].Picture, "First"},
			}[s.id]
			if got := [5]string{user.Name, user.NickName, user.Email, user.AvatarURL, user.FirstName}; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			if user.UserID != people[0].Subject || user.Provider != "renamed" || user.RawData == nil ||
				user.AccessToken != token.AccessToken || user.RefreshToken != token.RefreshToken || !user.ExpiresAt.Equal(token.Expiry) {
				t.Errorf("got %+v", user)
			}
			if verified, _ := user.RawData["email_verified"].(bool); verified != (s.id == "twitter") {
				t.Errorf("email_verified is %v", user.RawData["email_verified"])
			}
		})
	}
}

// X is asked for the address where the app may know it, and vouches for none
// that it does not send.
func TestXEmail(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		scopes []string
		asked  bool
	}{
		"default":  {nil, false},
		"no email": {[]string{x.ScopeUsers, x.ScopeTweets, x.ScopeOffline}, false},
		"email":    {[]string{x.ScopeUsers, x.ScopeTweets, x.ScopeEmail}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := services[0].start(t)
			h.answers(func(p person) any { p.Email = ""; return h.answer(p) })
			p := h.provider(tt.scopes...)
			code, verifier := h.code(t, p, people[0].Subject)
			user, _, err := p.ExchangeCode(h.context(t), redirectURL, code, "", oauth2.VerifierOption(verifier))
			if err != nil || user.Email != "" || user.RawData["email_verified"] != false {
				t.Errorf("%+v, %v", user, err)
			}
			asked := slices.ContainsFunc(h.requests(), func(r *http.Request) bool {
				return slices.Contains(strings.Split(r.URL.Query().Get("user.fields"), ","), "confirmed_email")
			})
			if asked != tt.asked {
				t.Errorf("asked for the address: %v", asked)
			}
		})
	}
}

func TestRedditUserAgent(t *testing.T) {
	t.Parallel()
	const agent = "web:com.example.shop:v1.2 (by /u/somebody)"
	h := services[1].start(t)
	first := reddit.New(h.idp.ClientID(), h.idp.ClientSecret())
	p := first.WithUserAgent(agent)
	if p == first {
		t.Error("the provider itself was changed")
	}
	code, verifier := h.code(t, p, people[0].Subject)
	if _, _, err := p.ExchangeCode(h.context(t), redirectURL, code, "", oauth2.VerifierOption(verifier)); err != nil {
		t.Fatal(err)
	}
	requests := h.requests()
	if len(requests) != 2 {
		t.Fatalf("%d requests", len(requests))
	}
	for _, req := range requests {
		if got := req.Header.Get("User-Agent"); got != agent {
			t.Errorf("%s was told %q", req.URL.Host, got)
		}
	}
}

// Only one primary blog names a person: other blogs may belong to several.
func TestTumblrPrimary(t *testing.T) {
	t.Parallel()
	blog := func(uuid any, primary any) object { return object{"uuid": uuid, "primary": primary} }
	for name, tt := range map[string]struct {
		blogs any
		want  string
	}{
		"second":           {[]any{blog("t:a", false), blog("t:b", true)}, "t:b"},
		"none":             {[]any{blog("t:a", false)}, ""},
		"two":              {[]any{blog("t:a", true), blog("t:b", true)}, ""},
		"primary as text":  {[]any{blog("t:a", "true")}, ""},
		"uuid as a number": {[]any{blog(5, true)}, ""},
		"no blogs":         {nil, ""},
		"not a list":       {object{"primary": true, "uuid": "t:a"}, ""},
		"list of text":     {[]any{"t:a"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := services[2].start(t)
			h.answers(func(person) any {
				return object{"response": object{"user": object{"name": "ada", "blogs": tt.blogs}}}
			})
			p := h.provider()
			code, verifier := h.code(t, p, people[0].Subject)
			user, _, err := p.ExchangeCode(h.context(t), redirectURL, code, "", oauth2.VerifierOption(verifier))
			if user.UserID != tt.want || (err == nil) != (tt.want != "") {
				t.Errorf("got %q, %v, want %q", user.UserID, err, tt.want)
			}
		})
	}
}
