package oauth_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/markbates/goth"
	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/oauth"
)

// wire answers what a table says, and keeps what was asked.
type wire struct {
	answers map[string]string // by URL without its query; an answer that begins with a digit is a status

	mu   sync.Mutex
	seen []asked
}

type asked struct {
	method, url, body string
	header            http.Header
}

func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	body := ""
	if req.Body != nil {
		raw, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		body = string(raw)
	}
	w.mu.Lock()
	w.seen = append(w.seen, asked{req.Method, req.URL.String(), body, req.Header})
	w.mu.Unlock()
	bare := *req.URL
	bare.RawQuery = ""
	text, ok := w.answers[bare.String()]
	if !ok {
		return nil, errors.New("nobody answers there")
	}
	res := &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Request: req}
	if strings.HasPrefix(text, "403 ") {
		res.StatusCode, text = http.StatusForbidden, text[4:]
	}
	if strings.HasPrefix(text, "access_token=") {
		res.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res.Body = io.NopCloser(bytes.NewBufferString(text))
	return res, nil
}

const (
	authURL  = "https://forge.example/oauth/authorize"
	tokenURL = "https://forge.example/oauth/token"
	userURL  = "https://forge.example/api/user"
	mailURL  = "https://forge.example/api/emails"
)

// forge is a service by its endpoints alone.
func forge(change func(c *oauth.Config)) oauth.Config {
	c := oauth.Config{
		Name: "forge", ClientID: "shop", ClientSecret: "hush-hush",
		AuthURL: authURL, TokenURL: tokenURL, UserInfoURL: userURL, Scopes: []string{"a", "b"},
		Fields: oauth.Fields{ID: "id", Name: "name|login", Email: "email", Image: "picture"},
	}
	if change != nil {
		change(&c)
	}
	return c
}

// exchange signs in over the wire.
func (w *wire) exchange(t testing.TB, c oauth.Config, opts ...oauth2.AuthCodeOption) (goth.User, *oauth2.Token, error) {
	t.Helper()
	p := oauth.New(c)
	if err := p.Validate(); err != nil {
		t.Fatal(err)
	}
	ctx := context.WithValue(t.Context(), oauth2.HTTPClient, &http.Client{Transport: w})
	return p.ExchangeCode(ctx, redirectURL, "code-1", "", append(opts, oauth2.VerifierOption("verifier-1"))...)
}

const granted = `{"access_token":"at-1","token_type":"bearer","expires_in":"3600","refresh_token":"rt-1","scope":"a b"}`

// Each hook changes what it says of the requests, and nothing else.
func TestHooks(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(c *oauth.Config)
		token  string // the token answer; default granted
		opts   []oauth2.AuthCodeOption
		check  func(t *testing.T, token, profile asked)
	}{
		{name: "as RFC 6749", check: func(t *testing.T, token, profile asked) {
			form, _ := url.ParseQuery(token.body)
			if token.method != http.MethodPost || form.Get("code") != "code-1" || form.Get("code_verifier") != "verifier-1" ||
				form.Get("grant_type") != "authorization_code" || form.Get("redirect_uri") != redirectURL || form.Has("client_secret") {
				t.Errorf("token request %s %q", token.method, token.body)
			}
			if token.header.Get("Authorization") != "Basic c2hvcDpodXNoLWh1c2g=" || profile.header.Get("Authorization") != "Bearer at-1" || profile.method != http.MethodGet {
				t.Errorf("headers %v, %v", token.header, profile.header)
			}
		}},
		{name: "a form for an answer", token: "access_token=at-1&expires_in=3600", check: func(t *testing.T, _, profile asked) {
			if profile.header.Get("Authorization") != "Bearer at-1" {
				t.Errorf("header %v", profile.header)
			}
		}},
		{name: "the secret in the form", change: func(c *oauth.Config) { c.AuthStyle = oauth2.AuthStyleInParams }, check: func(t *testing.T, token, _ asked) {
			form, _ := url.ParseQuery(token.body)
			if form.Get("client_id") != "shop" || form.Get("client_secret") != "hush-hush" || token.header.Get("Authorization") != "" {
				t.Errorf("token request %q, %v", token.body, token.header)
			}
		}},
		{name: "no secret", change: func(c *oauth.Config) { c.Public, c.ClientSecret = true, "" }, check: func(t *testing.T, token, _ asked) {
			form, _ := url.ParseQuery(token.body)
			if form.Get("client_id") != "shop" || form.Has("client_secret") || token.header.Get("Authorization") != "" || form.Get("code_verifier") == "" {
				t.Errorf("token request %q, %v", token.body, token.header)
			}
		}},
		{name: "other names and more parameters", change: func(c *oauth.Config) {
			c.AuthStyle, c.ParamNames, c.TokenParams = oauth2.AuthStyleInParams, map[string]string{"client_id": "client_key"}, url.Values{"fmt": {"json"}}
		}, check: func(t *testing.T, token, _ asked) {
			form, _ := url.ParseQuery(token.body)
			if form.Get("client_key") != "shop" || form.Has("client_id") || form.Get("fmt") != "json" || form.Get("client_secret") != "hush-hush" {
				t.Errorf("token request %q", token.body)
			}
		}},
		{name: "a JSON token request", change: func(c *oauth.Config) { c.AuthStyle, c.TokenJSON = oauth2.AuthStyleInParams, true }, check: func(t *testing.T, token, _ asked) {
			var object map[string]string
			if err := json.Unmarshal([]byte(token.body), &object); err != nil || object["code"] != "code-1" || object["client_secret"] != "hush-hush" || token.header.Get("Content-Type") != "application/json" {
				t.Errorf("token request %q, %v", token.body, token.header)
			}
		}},
		{name: "a token request by GET", change: func(c *oauth.Config) {
			c.AuthStyle, c.TokenMethod, c.ParamNames = oauth2.AuthStyleInParams, http.MethodGet, map[string]string{"client_id": "appid", "client_secret": "secret"}
		}, check: func(t *testing.T, token, _ asked) {
			u, _ := url.Parse(token.url)
			if q := u.Query(); token.method != http.MethodGet || token.body != "" || q.Get("appid") != "shop" || q.Get("secret") != "hush-hush" || q.Get("code") != "code-1" {
				t.Errorf("token request %s %s", token.method, token.url)
			}
		}},
		{name: "a parameter of the answer", opts: []oauth2.AuthCodeOption{oauth2.SetAuthURLParam("device_id", "d-1")}, check: func(t *testing.T, token, _ asked) {
			if form, _ := url.ParseQuery(token.body); form.Get("device_id") != "d-1" {
				t.Errorf("token request %q", token.body)
			}
		}},
		{name: "a GraphQL profile", change: func(c *oauth.Config) { c.UserInfoBody = `{"query":"{me{id}}"}` }, check: func(t *testing.T, _, profile asked) {
			if profile.method != http.MethodPost || profile.body != `{"query":"{me{id}}"}` || profile.header.Get("Content-Type") != "application/json" {
				t.Errorf("profile request %s %q", profile.method, profile.body)
			}
		}},
		{name: "a profile by form", change: func(c *oauth.Config) {
			c.UserInfoForm = url.Values{"access_token": {"{access_token}"}, "client_id": {"{client_id}"}}
		}, check: func(t *testing.T, _, profile asked) {
			if profile.method != http.MethodPost || profile.body != "access_token=at-1&client_id=shop" {
				t.Errorf("profile request %s %q", profile.method, profile.body)
			}
		}},
		{name: "headers", change: func(c *oauth.Config) {
			c.UserInfoHeader, c.TokenScheme = map[string]string{"Api-Key": "{client_id}", "Api-Version": "2"}, "OAuth"
		}, check: func(t *testing.T, _, profile asked) {
			if profile.header.Get("Api-Key") != "shop" || profile.header.Get("Api-Version") != "2" || profile.header.Get("Authorization") != "OAuth at-1" {
				t.Errorf("header %v", profile.header)
			}
		}},
		{name: "a header of its own", change: func(c *oauth.Config) { c.TokenHeader = "X-Token" }, check: func(t *testing.T, _, profile asked) {
			if profile.header.Get("X-Token") != "at-1" || profile.header.Get("Authorization") != "" {
				t.Errorf("header %v", profile.header)
			}
		}},
		{name: "the query", change: func(c *oauth.Config) { c.TokenInQuery = "access_token" }, check: func(t *testing.T, _, profile asked) {
			if profile.url != userURL+"?access_token=at-1" || profile.header.Get("Authorization") != "" {
				t.Errorf("%s, %v", profile.url, profile.header)
			}
		}},
		{name: "a user agent", change: func(c *oauth.Config) { c.UserAgent = "shop/1" }, check: func(t *testing.T, token, profile asked) {
			if token.header.Get("User-Agent") != "shop/1" || profile.header.Get("User-Agent") != "shop/1" {
				t.Errorf("headers %v, %v", token.header, profile.header)
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.token == "" {
				tt.token = granted
			}
			w := &wire{answers: map[string]string{tokenURL: tt.token, userURL: `{"id":7,"login":"ada","email":"a@x"}`}}
			user, token, err := w.exchange(t, forge(tt.change), tt.opts...)
			if err != nil || user.UserID != "7" || user.Name != "ada" || token.Expiry.IsZero() {
				t.Fatalf("%+v, %v, %v", user, token, err)
			}
			if len(w.seen) != 2 {
				t.Fatalf("%d requests", len(w.seen))
			}
			tt.check(t, w.seen[0], w.seen[1])
		})
	}
}

// A profile URL may name members of the token answer. What stands there cannot
// lead the access token to another place.
func TestUserInfoURL(t *testing.T) {
	t.Parallel()
	for token, want := range map[string]string{
		`{"access_token":"at-1","member":12}`:                         "https://forge.example/api/user/12/x",
		`{"access_token":"at-1","member":"12"}`:                       "https://forge.example/api/user/12/x",
		`{"access_token":"at-1","member":"../../evil?x=#"}`:           "https://forge.example/api/user/..%2F..%2Fevil%3Fx=%23/x",
		`{"access_token":"at-1","member":{"x":1}}`:                    "",
		`{"access_token":"at-1"}`:                                     "",
		`{"access_token":"at-1","member":"@evil.example"}`:            "https://forge.example/api/user/@evil.example/x",
		`{"access_token":"at-1","member":"x","client_id":"stranger"}`: "https://forge.example/api/user/x/x",
	} {
		w := &wire{answers: map[string]string{tokenURL: token}}
		_, _, err := w.exchange(t, forge(func(c *oauth.Config) { c.UserInfoURL = userURL + "/{member}/x" }))
		if err == nil {
			t.Fatal("nobody answered, and somebody signed in")
		}
		got := ""
		if len(w.seen) > 1 {
			got = w.seen[1].url
		}
		if got != want {
			t.Errorf("%s: asked %q, want %q", token, got, want)
		}
	}
}

// The token answer itself may say who somebody is.
func TestProfileInTokenAnswer(t *testing.T) {
	t.Parallel()
	c := forge(func(c *oauth.Config) { c.UserInfoURL, c.Fields.ID = "", "owner.user.id" })
	w := &wire{answers: map[string]string{tokenURL: `{"access_token":"at-1","owner":{"user":{"id":"u-1"}}}`}}
	if user, _, err := w.exchange(t, c); err != nil || user.UserID != "u-1" || len(w.seen) != 1 {
		t.Errorf("%+v, %v", user, err)
	}
}

// TestAttack22: a suspended account signs nobody in, whether the service says so
// or is silent about it.
func TestAttack22_Suspended(t *testing.T) {
	t.Parallel()
	c := forge(func(c *oauth.Config) { c.Fields.Active = "active" })
	for profile, ok := range map[string]bool{`{"id":7,"active":true}`: true, `{"id":7,"active":false}`: false, `{"id":7}`: false, `{"id":7,"active":"true"}`: false} {
		w := &wire{answers: map[string]string{tokenURL: granted, userURL: profile}}
		if user, _, err := w.exchange(t, c); (err == nil) != ok || (user.UserID == "") == ok {
			t.Errorf("%s: %+v, %v", profile, user, err)
		}
	}
}

// The list of addresses is an extra: whatever comes of it, the person signs in.
// Only the list itself makes an address verified.
func TestEmails(t *testing.T) {
	t.Parallel()
	list := oauth.Emails{URL: mailURL, Email: "email", Primary: "primary", Verified: "verified"}
	for _, tt := range []struct {
		name, profile, list, email string
		verified                   bool
	}{
		{"primary", `{"id":7}`, `[{"email":"o@x","verified":true},{"email":"p@x","primary":true,"verified":true}]`, "p@x", true},
		{"not verified", `{"id":7}`, `[{"email":"p@x","primary":true,"verified":false}]`, "p@x", false},
		{"the profile's", `{"id":7,"email":"o@x"}`, `[{"email":"o@x","verified":true},{"email":"p@x","primary":true,"verified":true}]`, "o@x", true},
		{"the profile's alone", `{"id":7,"email":"q@x","email_verified":true}`, `[{"email":"p@x","primary":true,"verified":true}]`, "q@x", false},
		{"refused", `{"id":7}`, `403 {"message":"Resource not accessible by integration"}`, "", false},
		{"nobody answers", `{"id":7}`, "", "", false},
		{"a page", `{"id":7}`, `<html>`, "", false},
		{"an object", `{"id":7}`, `{"id":7}`, "", false},
		{"null", `{"id":7}`, `null`, "", false},
		{"empty", `{"id":7}`, `[]`, "", false},
		{"other types", `{"id":7}`, `[{"email":1,"primary":1,"verified":1},null,"p@x"]`, "", false},
		{"too long", `{"id":7,"email":"o@x"}`, `[` + strings.Repeat(" ", 1<<20) + `{"email":"o@x","verified":true}]`, "o@x", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := &wire{answers: map[string]string{tokenURL: granted, userURL: tt.profile}}
			if tt.list != "" {
				w.answers[mailURL] = tt.list
			}
			user, _, err := w.exchange(t, forge(func(c *oauth.Config) { c.Emails = list }))
			if err != nil || user.UserID != "7" {
				t.Fatal(err)
			}
			if user.Email != tt.email || (user.RawData["email_verified"] == true) != tt.verified {
				t.Errorf("%q, verified: %v", user.Email, user.RawData["email_verified"])
			}
		})
	}
}

func TestAuthCodeURL_Config(t *testing.T) {
	t.Parallel()
	p := oauth.New(forge(func(c *oauth.Config) {
		c.AuthParams = url.Values{"owner": {"user"}, "state": {"evil"}, "prompt": {"none"}}
		c.ScopeSeparator, c.ParamNames = ",", map[string]string{"client_id": "client_key"}
	}))
	raw, err := p.AuthCodeURL(t.Context(), redirectURL, "state-1", "", oauth2.SetAuthURLParam("prompt", "login"))
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(raw)
	for name, want := range map[string]string{"owner": "user", "state": "state-1", "prompt": "login", "scope": "a,b", "client_key": "shop", "client_id": ""} {
		if got := u.Query().Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestRefreshURL(t *testing.T) {
	t.Parallel()
	w := &wire{answers: map[string]string{"https://forge.example/oauth/refresh": granted}}
	p := oauth.New(forge(func(c *oauth.Config) {
		c.RefreshURL, c.AuthStyle, c.TokenJSON = "https://forge.example/oauth/refresh", oauth2.AuthStyleInParams, true
	}))
	ctx := context.WithValue(t.Context(), oauth2.HTTPClient, &http.Client{Transport: w})
	token, err := p.RefreshTokenContext(ctx, "rt-0")
	if err != nil || token.AccessToken != "at-1" || !strings.Contains(w.seen[0].body, `"refresh_token":"rt-0"`) {
		t.Errorf("%v, %v, %+v", token, err, w.seen)
	}
}

func TestConfig_Validate(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(c *oauth.Config)
		fault  string
	}{
		{"no name", func(c *oauth.Config) { c.Name = "" }, "Name is empty"},
		{"no fields", func(c *oauth.Config) { c.Fields = oauth.Fields{Name: "name"} }, "Fields.ID is empty"},
		{"no endpoint", func(c *oauth.Config) { c.TokenURL = "" }, "TokenURL is empty"},
		{"a path", func(c *oauth.Config) { c.AuthURL = "/authorize" }, "AuthURL is not an http(s) URL"},
		{"a script", func(c *oauth.Config) { c.AuthURL = "javascript:alert(1)" }, "AuthURL is not an http(s) URL"},
		{"http", func(c *oauth.Config) { c.UserInfoURL = "http://forge.example/user" }, "UserInfoURL begins with http"},
		{"a password", func(c *oauth.Config) { c.TokenURL = "https://a:hush-hush@forge.example/token" }, "TokenURL carries credentials"},
		{"a fragment", func(c *oauth.Config) { c.Emails.URL = "https://forge.example/#x" }, "Emails.URL has a fragment"},
		{"a host from the answer", func(c *oauth.Config) { c.UserInfoURL = "https://{host}/user" }, "leaves its host"},
		{"a public client with a secret", func(c *oauth.Config) { c.Public = true }, "Public is set beside"},
		{"nothing binds the code", func(c *oauth.Config) { c.Public, c.ClientSecret, c.DisablePKCE = true, "", true }, "nothing binds a code"},
		{"a style", func(c *oauth.Config) { c.AuthStyle = 7 }, "AuthStyle is 7"},
		{"an answer by POST", func(c *oauth.Config) { c.AuthParams = url.Values{"response_mode": {"form_post"}} }, "AuthParams sets response_mode"},
		{"a method", func(c *oauth.Config) { c.TokenMethod = "PUT" }, `TokenMethod is "PUT"`},
		{"a line break in a header", func(c *oauth.Config) { c.UserInfoHeader = map[string]string{"A": "b\r\nC: d"} }, "no header can carry"},
		{"loopback", func(c *oauth.Config) { c.TokenURL = "http://127.0.0.1:8080/token" }, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := oauth.New(forge(tt.change)).Validate()
			if tt.fault == "" && err != nil || tt.fault != "" && (err == nil || !strings.Contains(err.Error(), tt.fault) || strings.Contains(err.Error(), "hush-hush")) {
				t.Errorf("got %v, want %q", err, tt.fault)
			}
		})
	}
}
