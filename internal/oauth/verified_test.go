package oauth_test

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/bitly"
	"github.com/markbates/goth/providers/digitalocean"
	"github.com/markbates/goth/providers/discord"
	"github.com/markbates/goth/providers/github"

	"github.com/ginauth/ginauth/internal/oauth"
)

// canned answers each path of a service with a text, the list of addresses only for
// the access token, and not at all where the text is silent.
type canned map[string]string

const silent = "silent"

func (c canned) RoundTrip(req *http.Request) (*http.Response, error) {
	body, ok := c[req.URL.Path]
	if body == silent {
		return nil, io.ErrUnexpectedEOF
	}
	status := http.StatusOK
	if req.URL.Path == "/user/emails" && (req.Header.Get("Authorization") != c.authorization() || req.Method != http.MethodGet) {
		ok = false
	}
	if !ok {
		status = http.StatusForbidden
		body = `[{"email":"kate@example.com","verified":true}]`
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(body)), Request: req,
	}, nil
}

// authorization is the Authorization of a request with the token that was handed out.
func (c canned) authorization() string {
	var granted struct {
		AccessToken string `json:"access_token"`
	}
	_ = json.Unmarshal([]byte(c["/login/oauth/access_token"]), &granted)
	return "Bearer " + granted.AccessToken
}

func TestEmailVerified(t *testing.T) {
	t.Parallel()
	const token, user, emails = "/login/oauth/access_token", "/user", "/user/emails"
	granted := `{"access_token":"t","token_type":"bearer","scope":"read:user,user:email"}`
	app := `{"access_token":"t","token_type":"bearer","scope":"","refresh_token":"r"}`
	list := `[{"email":"kate@example.com","verified":true}]`
	kate := `{"id":7,"login":"kate","email":"Kate@Example.com"}`
	tests := []struct {
		name    string
		answers canned
		want    bool
	}{
		{"on the list", canned{token: granted, user: kate, emails: list}, true},
		{"on the list, not verified", canned{token: granted, user: kate, emails: `[{"email":"kate@example.com","verified":false}]`}, false},
		{"another address", canned{token: granted, user: kate, emails: `[{"email":"eve@example.com","verified":true}]`}, false},
		{"a letter that folds to k", canned{token: granted, user: kate, emails: "[{\"email\":\"\u212aate@example.com\",\"verified\":true}]"}, false},
		{"nobody allowed us to ask", canned{token: `{"access_token":"t","token_type":"bearer","scope":"read:user"}`, user: kate, emails: list}, false},
		{"the list alone says so", canned{token: strings.Replace(granted, "user:email", "user", 1), user: kate, emails: list}, true},
		{"scopes between spaces", canned{token: strings.Replace(granted, "read:user,", "read:user ", 1), user: kate, emails: list}, true},
		{"no address", canned{token: granted, user: `{"id":7,"login":"kate","email":""}`, emails: `[]`}, false},
		{"second on the list", canned{token: granted, user: kate, emails: `[{"email":"eve@example.com","verified":true},` + list[1:]}, true},
		{"no answer for the list", canned{token: granted, user: kate, emails: silent}, false},
		{"a list that is none", canned{token: granted, user: kate, emails: `{"email":"kate@example.com","verified":true}`}, false},
		{"the list is refused", canned{token: granted, user: kate}, false},
		{"a GitHub App", canned{token: app, user: kate, emails: list}, true},
		{"a GitHub App without the permission", canned{token: app, user: kate}, false},
	}
	for _, tt := range tests {
		g := github.New("client", "secret", "")
		g.HTTPClient = &http.Client{Transport: tt.answers}
		p, err := oauth.New(oauth.Config{ID: "github", Provider: g})
		if err != nil {
			t.Fatal(err)
		}
		id := complete(t, p)
		if id.EmailVerified != tt.want {
			t.Errorf("%s: verified is %v", tt.name, id.EmailVerified)
		}
	}
	// A flag may stand one step down, and some services hand out no other addresses.
	client := func(answers canned) *http.Client { return &http.Client{Transport: answers} }
	for name, want := range map[string]bool{"digitalocean true": true, "digitalocean false": false, "bitly": true} {
		service, flag, _ := strings.Cut(name, " ")
		do := digitalocean.New("client", "secret", "")
		do.HTTPClient = client(canned{"/v1/oauth/token": granted, "/v2/account": `{"account":{"uuid":"7","email":"kate@example.com","email_verified":` + flag + `}}`})
		bit := bitly.New("client", "secret", "")
		bit.HTTPClient = client(canned{"/oauth/access_token": granted, "/v4/user": `{"login":"kate","emails":[{"email":"kate@example.com","is_primary":true,"is_verified":true}]}`})
		p, err := oauth.New(oauth.Config{ID: service, Provider: map[string]goth.Provider{"digitalocean": do, "bitly": bit}[service]})
		if err != nil {
			t.Fatal(err)
		}
		if id := complete(t, p); id.EmailVerified != want {
			t.Errorf("%s: %q is verified: %v", name, id.Profile.Email, id.EmailVerified)
		}
	}
	// Elsewhere a flag of the profile says it.
	for flag, want := range map[string]bool{"true": true, "false": false, "null": false} {
		d := discord.New("client", "secret", "", "identify", "email")
		d.HTTPClient = &http.Client{Transport: canned{
			"/api/oauth2/token": granted, "/api/users/@me": `{"id":"7","username":"kate","email":"kate@example.com","verified":` + flag + `}`,
		}}
		p, err := oauth.New(oauth.Config{ID: "discord", Provider: d})
		if err != nil {
			t.Fatal(err)
		}
		if id := complete(t, p); id.EmailVerified != want {
			t.Errorf("%s: verified is %v", flag, id.EmailVerified)
		}
	}
}

// A list of addresses that does not come, or has none to use, leaves the person
// without one, and a note that says why.
func TestAddressesAreAnExtra(t *testing.T) {
	t.Parallel()
	const token, user, emails = "/login/oauth/access_token", "/user", "/user/emails"
	base := canned{token: `{"access_token":"leaked-access","token_type":"bearer","scope":""}`, user: `{"id":7,"login":"kate","email":null}`}
	tests := []struct {
		name, list, email string
		verified, noted   bool
	}{
		{"a verified primary address", `[{"email":"a@x"},{"email":"kate@x","primary":true,"verified":true}]`, "kate@x", true, false},
		{"refused", "", "", false, true},
		{"no verified address", `[{"email":"kate@x","primary":true,"verified":false}]`, "", false, false},
		{"none", `[]`, "", false, false},
		{"a page", `<html>leaked-access</html>`, "", false, true},
		{"an object", `{"message":"leaked-access"}`, "", false, true},
		{"null", `null`, "", false, true},
		{"other types", `[7,null,{"email":7},{"email":"a@x","primary":"yes"},{"email":"kate@x","primary":true,"verified":true}]`, "kate@x", true, false},
	}
	for _, tt := range tests {
		answers := maps.Clone(base)
		if tt.list != "" {
			answers[emails] = tt.list
		}
		g := github.New("client", "secret", "", "user:email")
		g.HTTPClient = &http.Client{Transport: answers}
		p, err := oauth.New(oauth.Config{ID: "github", Provider: g})
		if err != nil {
			t.Fatal(err)
		}
		id := complete(t, p)
		if id.Profile.UserID != "7" || id.Profile.Email != tt.email || id.EmailVerified != tt.verified || (len(id.Notes) > 0) != tt.noted {
			t.Errorf("%s: %q, verified: %v, notes %v", tt.name, id.Profile.Email, id.EmailVerified, id.Notes)
		}
		for _, note := range id.Notes {
			if note.What != "the e-mail addresses" || strings.Contains(note.Err.Error(), "leaked") {
				t.Errorf("%s: noted %v", tt.name, note.Err)
			}
		}
	}
}

// complete runs one sign-in.
func complete(t *testing.T, p *oauth.Provider) oauth.Identity {
	t.Helper()
	const callback = "https://app.example.com/api/auth/callback/x"
	now := time.Now()
	_, tx, err := p.Begin(t.Context(), callback, nil, now)
	if err != nil {
		t.Fatal(err)
	}
	id, err := p.Complete(t.Context(), tx, callback, url.Values{"state": {tx.State}, "code": {"code"}}, now)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// interrupted lets something happen while the profile is asked for, once.
type interrupted struct {
	canned
	once   sync.Once
	during func()
}

func (i *interrupted) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Path == "/user" {
		i.once.Do(i.during)
	}
	return i.canned.RoundTrip(req)
}

// A sign-in that begins while another one is completed changes nothing of that one:
// each has a copy of the provider.
func TestComplete_WhileAnotherBegins(t *testing.T) {
	t.Parallel()
	answers := &interrupted{canned: canned{
		"/login/oauth/access_token": `{"access_token":"t","token_type":"bearer","scope":"read:user,user:email"}`,
		"/user":                     `{"id":7,"login":"kate","email":null}`,
		"/user/emails":              `[{"email":"kate@example.com","primary":true,"verified":true}]`,
	}}
	g := github.New("client", "secret", "", "user:email")
	g.HTTPClient = &http.Client{Transport: answers}
	p, err := oauth.New(oauth.Config{ID: "github", Provider: g})
	if err != nil {
		t.Fatal(err)
	}
	answers.during = func() {
		if _, _, err := p.Begin(t.Context(), "https://other.example.com/api/auth/callback/x", nil, time.Now()); err != nil {
			t.Error(err)
		}
	}
	if id := complete(t, p); id.Profile.UserID != "7" || id.Profile.Email != "kate@example.com" || len(id.Notes) > 0 {
		t.Errorf("signed in is %q with %q, %v", id.Profile.UserID, id.Profile.Email, id.Notes)
	}
}
