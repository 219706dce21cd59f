package oauth_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/faux"
	"github.com/markbates/goth/providers/github"
	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/internal/oauth"
)

// A token request is a POST of a form with a grant; of all others the body is left alone.
func TestTokenRequest(t *testing.T) {
	t.Parallel()
	const form = "application/x-www-form-urlencoded"
	for _, row := range []struct {
		method, contentType, body, grant string
		read                             bool // its form is returned
		refused                          bool
	}{
		{"POST", form, "grant_type=authorization_code&code=c", "authorization_code", true, false},
		{"POST", form + "; charset=utf-8", "code=c", "authorization_code", true, false},
		{"POST", form, "grant_type=authorization_code", "authorization_code", true, false},
		{"POST", form, "grant_type=refresh_token&refresh_token=r", "refresh_token", true, false},
		{"POST", form, "grant_type=refresh_token", "refresh_token", true, false},
		{"POST", form, "refresh_token=r", "refresh_token", true, false},
		{"POST", form, "grant_type=client_credentials", "", true, false},
		{"POST", form, "a=%zz", "", false, true},
		{"POST", form, "a=" + strings.Repeat("x", 70<<10), "", true, false},
		{"POST", "application/json", `{"code":"c"}`, "", false, false},
		{"POST", "text/plain", "code=c", "", false, false},
		{"POST", "", "code=c", "", false, false},
		{"PUT", form, "code=c", "", false, false},
		{"POST", form, "", "", true, false},
	} {
		req, err := http.NewRequest(row.method, "https://id.example/token", strings.NewReader(row.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", row.contentType)
		got, grant, err := oauth.TokenRequest(req)
		if grant != row.grant || (got != nil) != row.read || (err != nil) != row.refused {
			t.Errorf("%+v: %v, %q, %v", row, got, grant, err)
		}
		want, _ := url.ParseQuery(row.body)
		if row.read && got.Encode() != want.Encode() {
			t.Errorf("%+v: the form is %v", row, got)
		}
		again := []io.Reader{req.Body}
		if row.read { // x/oauth2 and net/http may read it again
			body, err := req.GetBody()
			if err != nil || req.ContentLength != int64(len(row.body)) {
				t.Errorf("%+v: length %d, %v", row, req.ContentLength, err)
			}
			again = append(again, body)
		}
		for _, body := range again {
			if raw, err := io.ReadAll(body); err != nil || !row.refused && string(raw) != row.body {
				t.Errorf("%+v: the body is now %q, %v", row, raw, err)
			}
		}
	}
	req := &http.Request{Method: http.MethodPost, Header: http.Header{"Content-Type": {form}}}
	if got, grant, err := oauth.TokenRequest(req); got != nil || grant != "" || err != nil {
		t.Errorf("without a body: %v, %q, %v", got, grant, err)
	}
	req.Body = io.NopCloser(cutReader{})
	if got, grant, err := oauth.TokenRequest(req); got != nil || grant != "" || err == nil {
		t.Errorf("with a body that breaks off: %v, %q, %v", got, grant, err)
	}
}

func TestTokenToHeader_Cases(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ query, header, wantQuery, wantHeader string }{
		{"access_token=t&fields=a", "", "fields=a", "Bearer t"},
		{"access_token=t", "Basic x", "access_token=t", "Basic x"},
		{"fields=a", "", "fields=a", ""},
		{"access_token=", "", "access_token=", ""},
	} {
		req, err := http.NewRequest(http.MethodGet, "https://id.example/me?"+row.query, nil)
		if err != nil {
			t.Fatal(err)
		}
		if row.header != "" {
			req.Header.Set("Authorization", row.header)
		}
		if oauth.TokenToHeader(req); req.URL.RawQuery != row.wantQuery || req.Header.Get("Authorization") != row.wantHeader {
			t.Errorf("%+v: %q, %q", row, req.URL.RawQuery, req.Header.Get("Authorization"))
		}
	}
}

// What stays of a goth session is what its exchange needs again.
func TestStrip(t *testing.T) {
	t.Parallel()
	for session, want := range map[string]string{
		`{"AuthURL":"https://id.example","AccessToken":"","ExpiresAt":"0001-01-01T00:00:00Z","A":null,"B":false}`: "",
		`{"AuthURL":"https://id.example","Verifier":"v"}`:                                                         `{"Verifier":"v"}`,
		`{"A":true}`:                           `{"A":true}`,
		`{"A":0}`:                              `{"A":0}`,
		`{"ExpiresAt":"2026-01-01T00:00:00Z"}`: `{"ExpiresAt":"2026-01-01T00:00:00Z"}`,
		`{}`:                                   "",
	} {
		if got, err := oauth.Strip(session); got != want || err != nil {
			t.Errorf("%s: %q, %v", session, got, err)
		}
	}
	for _, session := range []string{"", "[]", `"a"`, "{"} {
		if got, err := oauth.Strip(session); got != "" || err == nil {
			t.Errorf("%s: %q, %v", session, got, err)
		}
	}
}

// A configured provider keeps its configuration as goth's do, or in another way.
type configured[C any] struct {
	faux.Provider
	HTTPClient *http.Client
	config     C
}

func withConfig[C any](config C) goth.Provider { return &configured[C]{config: config} }

func TestReadConfig(t *testing.T) {
	t.Parallel()
	at := func(tokenURL string) *oauth2.Config {
		return &oauth2.Config{ClientID: "id", ClientSecret: "secret", Endpoint: oauth2.Endpoint{TokenURL: tokenURL}}
	}
	got, err := oauth.ReadConfig(withConfig(at("https://id.example/token?client_secret=x")))
	if err != nil || got.ClientID != "id" || got.ClientSecret != "secret" || got.Endpoint.TokenURL != "https://id.example/token" {
		t.Errorf("%+v, %v", got, err)
	}
	for name, p := range map[string]goth.Provider{
		"none":                   github.New("", "", ""),
		"no field":               &faux.Provider{},
		"of another type":        withConfig(oauth2.Config{}),
		"a pointer to another":   withConfig(&oauth2.Endpoint{}),
		"nil":                    withConfig[*oauth2.Config](nil),
		"without a token URL":    withConfig(at("")),
		"with a path alone":      withConfig(at("/token")),
		"with a URL that is not": withConfig(at("https://a b/")),
		"with a broken escape":   withConfig(at("https://id.example/%zz")),
	} {
		config, err := oauth.ReadConfig(p)
		if name == "none" { // which has one, without a client
			if err != nil || config.ClientID != "" {
				t.Errorf("%s: %+v, %v", name, config, err)
			}
			continue
		}
		if err == nil || config != nil {
			t.Errorf("%s: %+v", name, config)
		}
	}
}

type discovered[C any] struct {
	faux.Provider
	OpenIDConfig C
}

func TestReadIssuer(t *testing.T) {
	t.Parallel()
	type document struct{ Issuer string }
	type other struct{ Name string }
	if got, err := oauth.ReadIssuer(&discovered[*document]{OpenIDConfig: &document{"https://id.example"}}); got != "https://id.example" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	for name, p := range map[string]goth.Provider{
		"no field": &faux.Provider{}, "nil": &discovered[*document]{}, "empty": &discovered[*document]{OpenIDConfig: &document{}},
		"another": &discovered[*other]{OpenIDConfig: &other{"x"}}, "no pointer": &discovered[document]{OpenIDConfig: document{"x"}},
	} {
		if got, err := oauth.ReadIssuer(p); got != "" || err == nil {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// max_age is one number of seconds, up to 100 years.
func TestParseMaxAge(t *testing.T) {
	t.Parallel()
	const most int64 = 100 * 365 * 24 * 60 * 60
	for _, row := range []struct {
		values []string
		want   int64
		ok     bool
	}{
		{[]string{"0"}, 0, true}, {[]string{"3600"}, 3600, true}, {[]string{fmt.Sprint(most)}, most, true},
		{[]string{fmt.Sprint(most + 1)}, 0, false}, {[]string{"-1"}, 0, false}, {[]string{"1", "2"}, 0, false}, {[]string{}, 0, false},
		{[]string{""}, 0, false}, {[]string{"1e3"}, 0, false}, {[]string{"99999999999999999999"}, 0, false},
	} {
		got, err := oauth.ParseMaxAge(url.Values{"max_age": row.values})
		if (err == nil) != row.ok || row.ok && *got != row.want || !row.ok && got != nil {
			t.Errorf("%q: %v, %v", row.values, got, err)
		}
	}
	if got, err := oauth.ParseMaxAge(url.Values{"prompt": {"login"}}); got != nil || err != nil {
		t.Errorf("none: %v, %v", got, err)
	}
}

// The times of an id_token are held against max_age to the second.
func TestCheckAuthTime(t *testing.T) {
	t.Parallel()
	const iat = 1_800_000_000
	token := func(claims string) string {
		return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
	}
	times := func(authenticated, issued any) string {
		return token(fmt.Sprintf(`{"auth_time":%v,"iat":%v}`, authenticated, issued))
	}
	now := time.Unix(iat, 0)
	hour := int64(3600)
	minute := 60 // the leeway
	for _, row := range []struct {
		name, raw string
		openID    bool
		took      time.Duration
		want      string // part of the error
	}{
		{"at the bound", times(iat-3600-minute, iat), true, 0, ""},
		{"a second beyond", times(iat-3600-minute-1, iat), true, 0, "max_age was 1h0m0s"},
		{"a slow person at the bound", times(iat-3600-minute-100, iat), true, 100 * time.Second, ""},
		{"a slow person beyond", times(iat-3600-minute-101, iat), true, 100 * time.Second, "the sign-in took 1m40s"},
		{"a clock that went back", times(iat-3600-minute-1, iat), true, -time.Hour, "max_age"},
		{"as far ahead as may be", times(iat+300, iat), true, 0, ""},
		{"a second further ahead", times(iat+301, iat), true, 0, "5m1s after its iat"},
		{"the first second", times(1, 1), true, 0, ""},
		{"no second", times(0, iat), true, 0, "no auth_time"},
		{"a second before", times(-1, iat), true, 0, "no auth_time"},
		{"the last second", times(int64(1<<40), int64(1<<40)), true, 0, ""},
		{"beyond the last second", times(int64(1<<40+1), int64(1<<40)), true, 0, "no auth_time"},
		{"no iat", times(iat, 0), true, 0, "no iat"},
		{"iat in a text", times(iat, `"1"`), true, 0, "no iat"},
		{"none", "", true, 0, "the answer has no id_token"},
		{"none of a plain service", "", false, 0, ""},
		{"one of a plain service", times(iat-7200, iat), false, 0, "max_age"},
		{"two parts", "a.b", true, 0, "no id_token"},
		{"no base64", "e30.!.c", true, 0, "not readable"},
		{"padding behind", strings.Replace(times(iat, iat), ".c2ln", "=.c2ln", 1), true, 0, "not readable"},
		{"no JSON", token(`{"auth_time":1`), true, 0, "not readable"},
	} {
		tx := &oauth.Transaction{MaxAge: &hour, Expires: now.Add(oauth.Lifetime - row.took).Unix()}
		withToken := oauth.Identity{Token: (&oauth2.Token{}).WithExtra(map[string]any{"id_token": row.raw})}
		inProfile := oauth.Identity{Profile: goth.User{IDToken: row.raw}}
		both := withToken
		both.Profile.IDToken = times(1, iat)
		identities := []oauth.Identity{withToken, inProfile}
		if row.raw != "" {
			identities = append(identities, both) // the token's is what was verified
		} else {
			identities = append(identities, oauth.Identity{Token: &oauth2.Token{}})
		}
		for i, id := range identities {
			err := tx.CheckAuthTime(id, row.openID, now)
			if (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
				t.Errorf("%s, %d: %v, want %q", row.name, i, err, row.want)
			}
		}
	}
	if err := (&oauth.Transaction{}).CheckAuthTime(oauth.Identity{}, true, now); err != nil {
		t.Errorf("max_age was not sent: %v", err)
	}
}
