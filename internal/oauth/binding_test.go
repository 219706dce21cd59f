package oauth_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	goidc "github.com/coreos/go-oidc/v3/oidc"
	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/discord"
	"github.com/markbates/goth/providers/faux"
	"github.com/markbates/goth/providers/gitea"
	"github.com/markbates/goth/providers/github"
	"github.com/markbates/goth/providers/openidConnect"

	"github.com/ginauth/ginauth/internal/oauth"
)

// addressed is a provider that puts its CallbackURL where nothing is set again.
type addressed struct {
	faux.Provider
	HTTPClient  *http.Client
	CallbackURL string
}

func (p *addressed) BeginAuth(string) (goth.Session, error) {
	return &addressedSession{url: "https://id.example/authorize?" + url.Values{"return_to": {p.CallbackURL}}.Encode()}, nil
}

type addressedSession struct {
	goth.Session
	url string
}

func (s *addressedSession) GetAuthURL() (string, error) { return s.url, nil }
func (s *addressedSession) Marshal() string             { return "{}" }

// numbered has a CallbackURL that is not one.
type numbered struct {
	addressed
	HTTPClient  *http.Client
	CallbackURL int
}

// The copy of a provider that a sign-in is bound to has that sign-in's callback URL, and
// the provider itself keeps its own.
func TestBegin_CallbackURL(t *testing.T) {
	t.Parallel()
	own := &addressed{CallbackURL: "https://old.example/cb"}
	for provider, want := range map[goth.Provider]string{
		own: "https://app.example/cb",
		&numbered{addressed: addressed{CallbackURL: "https://old.example/cb"}, CallbackURL: 7}: "https://old.example/cb",
	} {
		p, err := oauth.New(oauth.Config{ID: "p", Provider: provider})
		if err != nil {
			t.Fatal(err)
		}
		raw, _, err := p.Begin(t.Context(), "https://app.example/cb", nil, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(raw)
		if err != nil || u.Query().Get("return_to") != want {
			t.Errorf("%T: %s, %v", provider, raw, err)
		}
	}
	if own.CallbackURL != "https://old.example/cb" {
		t.Errorf("the provider's own is now %s", own.CallbackURL)
	}
}

// ending is a provider that ends sessions and verifies logout tokens in its own way.
type ending struct {
	lax
	url string
	err error
}

func (e ending) EndSessionURL(_ context.Context, hint, back, state string) (string, error) {
	if e.err != nil {
		return "", errors.New(e.err.Error() + " " + hint)
	}
	return e.url + "?" + url.Values{"hint": {hint}, "back": {back}, "state": {state}}.Encode(), nil
}

func TestEndSession(t *testing.T) {
	t.Parallel()
	const hint, back = "the-id-token-of-ada", "https://app.example/"
	for _, tt := range []struct {
		url     string
		err     error
		refused string
	}{
		{"https://id.example/logout", nil, ""},
		{"http://localhost/logout", nil, ""},
		{"javascript:alert(1)", nil, "not an http(s) URL"},
		{"/logout", nil, "not an http(s) URL"},
		{"https:///logout", nil, "not an http(s) URL"},
		{"https://id.example/%zz", nil, "not an http(s) URL"},
		{"", errors.New("no ending today for"), "no ending today for [redacted]"},
	} {
		p, err := oauth.New(oauth.Config{ID: "p", Provider: ending{lax{Provider: github.New("c", "s", "")}, tt.url, tt.err}})
		if err != nil {
			t.Fatal(err)
		}
		if !p.EndsSessions() || !p.VerifiesLogout() {
			t.Error("it ends no sessions")
		}
		got, err := p.EndSession(t.Context(), hint, back)
		if tt.refused != "" {
			if got != "" || err == nil || !strings.Contains(err.Error(), tt.refused) || strings.Contains(err.Error(), hint) {
				t.Errorf("%s: %q, %v", tt.url, got, err)
			}
			continue
		}
		want := tt.url + "?" + url.Values{"hint": {hint}, "back": {back}, "state": {""}}.Encode()
		if err != nil || got != want {
			t.Errorf("%s, %v; want %s", got, err, want)
		}
	}
	plain, err := oauth.New(oauth.Config{ID: "p", Provider: github.New("c", "s", "")})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := plain.EndSession(t.Context(), hint, back); plain.EndsSessions() || got != "" || err == nil || !strings.Contains(err.Error(), "ends no sessions") {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := plain.VerifyLogout(t.Context(), "raw", time.Now()); plain.VerifiesLogout() || got != nil || err == nil || !strings.Contains(err.Error(), "sends no logout tokens") {
		t.Errorf("%v, %v", got, err)
	}
}

// brokenBody is an answer that ends too early.
type brokenBody struct {
	io.Reader
	closed *int
}

func (brokenBody) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
func (b brokenBody) Close() error           { *b.closed++; return nil }

// A token answer that breaks off is no answer, and its connection is given back.
func TestExchange_BrokenAnswer(t *testing.T) {
	t.Parallel()
	closed := 0
	broken := roundTrip(func(req *http.Request) (*http.Response, error) {
		res := httpAnswer(req, http.StatusOK, "")
		res.Body = brokenBody{closed: &closed}
		return res, nil
	})
	_, err := signIn(t, oauth.Config{ID: "github", Provider: github.New("client", "secret", ""), HTTPClient: &http.Client{Transport: broken}})
	if !errors.Is(err, io.ErrUnexpectedEOF) && (err == nil || !strings.Contains(err.Error(), "unexpected EOF")) || closed != 1 {
		t.Errorf("%v, closed %d times", err, closed)
	}
}

// signIn runs one sign-in, which may fail.
func signIn(t *testing.T, c oauth.Config) (oauth.Identity, error) {
	t.Helper()
	p, err := oauth.New(c)
	if err != nil {
		t.Fatal(err)
	}
	const callback = "https://app.example/cb"
	_, tx, err := p.Begin(t.Context(), callback, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return p.Complete(t.Context(), tx, callback, url.Values{"state": {tx.State}, "code": {"code"}}, time.Now())
}

// expires_in is a number of seconds, in JSON or in a form, in bounds (RFC 6749 §5.1).
func TestExpiresIn(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		field       string
		contentType string
		want        time.Duration // 0: none
	}{
		{`{"access_token":"t","token_type":"bearer","expires_in":3600}`, "application/json", time.Hour},
		{`{"access_token":"t","token_type":"bearer","expires_in":"3600"}`, "application/json", time.Hour},
		{`access_token=t&token_type=bearer&expires_in=3600`, "application/x-www-form-urlencoded", time.Hour},
		{`{"access_token":"t","token_type":"bearer","expires_in":60}`, "application/json", time.Minute},
		{`{"access_token":"t","token_type":"bearer","expires_in":2147483647}`, "application/json", (1<<31 - 1) * time.Second},
		{`access_token=t&token_type=bearer&expires_in=2147483648`, "application/x-www-form-urlencoded", 0},
		{`access_token=t&token_type=bearer&expires_in=0`, "application/x-www-form-urlencoded", 0},
		{`access_token=t&token_type=bearer`, "application/x-www-form-urlencoded", 0},
	} {
		service := roundTrip(func(req *http.Request) (*http.Response, error) {
			if req.URL.Path == "/login/oauth/access_token" {
				res := httpAnswer(req, http.StatusOK, tt.field)
				res.Header.Set("Content-Type", tt.contentType)
				return res, nil
			}
			return httpAnswer(req, http.StatusOK, `{"id":7,"login":"ada","email":"ada@example.com"}`), nil
		})
		before := time.Now()
		id, err := signIn(t, oauth.Config{ID: "github", Provider: github.New("client", "secret", ""), HTTPClient: &http.Client{Transport: service}})
		if err != nil {
			t.Errorf("%s: %v", tt.field, err)
			continue
		}
		if tt.want == 0 {
			if !id.Token.Expiry.IsZero() || id.Token.ExpiresIn != 0 {
				t.Errorf("%s: it expires at %v", tt.field, id.Token.Expiry)
			}
			continue
		}
		if early := id.Token.Expiry.Sub(before.Add(tt.want)); early < 0 || early > time.Minute || id.Token.ExpiresIn != int64(tt.want/time.Second) {
			t.Errorf("%s: it expires at %v, in %d s", tt.field, id.Token.Expiry, id.Token.ExpiresIn)
		}
	}
}

// A token of one second is one, where goth does not refuse it.
func TestExpiresIn_OneSecond(t *testing.T) {
	t.Parallel()
	for expires, want := range map[string]int64{"1": 1, "0": 0, "-1": 0} {
		service := roundTrip(func(req *http.Request) (*http.Response, error) {
			if req.Method == http.MethodPost {
				return httpAnswer(req, http.StatusOK, `{"access_token":"t","token_type":"bearer","expires_in":`+expires+`}`), nil
			}
			return httpAnswer(req, http.StatusOK, `{"id":"7","username":"ada"}`), nil
		})
		id, err := signIn(t, oauth.Config{ID: "discord", Provider: discord.New("client", "secret", "", discord.ScopeIdentify), HTTPClient: &http.Client{Transport: service}})
		if err != nil || id.Token.ExpiresIn != want || id.Token.Expiry.IsZero() != (want == 0) {
			t.Errorf("%s: in %v, %v", expires, id.Token, err)
		}
	}
}

// A service that needs the access token in the header gets nothing changed where the
// request has one there, or none at all.
func TestTokenToHeader_Kept(t *testing.T) {
	t.Parallel()
	var seen []*http.Request
	service := roundTrip(func(req *http.Request) (*http.Response, error) {
		if req.Method == http.MethodPost {
			return httpAnswer(req, http.StatusOK, `{"access_token":"","token_type":"bearer"}`), nil
		}
		seen = append(seen, req)
		return httpAnswer(req, http.StatusOK, `{"id":7,"login":"ada"}`), nil
	})
	g := gitea.NewCustomisedURL("client", "secret", "", "https://id.example/auth", "https://id.example/token", "https://id.example/user")
	_, err := signIn(t, oauth.Config{ID: "gitea", Provider: g, HTTPClient: &http.Client{Transport: service}})
	if err == nil {
		t.Error("somebody is signed in without an access token")
	}
	for _, req := range seen {
		if req.Header.Get("Authorization") != "" {
			t.Errorf("it gets %q", req.Header.Get("Authorization"))
		}
	}
}

// A provider's code that panics where a session ends is an error, and its context ends
// with the step.
func TestEndSession_Ends(t *testing.T) {
	t.Parallel()
	c := &careless{lax: lax{Provider: github.New("c", "s", "")}}
	p, err := oauth.New(oauth.Config{ID: "p", Provider: c})
	if err != nil {
		t.Fatal(err)
	}
	for name, step := range map[string]func() error{
		"EndSession":   func() error { _, err := p.EndSession(t.Context(), "hint", ""); return err },
		"VerifyLogout": func() error { _, err := p.VerifyLogout(t.Context(), "raw", time.Now()); return err },
	} {
		if err := step(); err == nil || !strings.Contains(err.Error(), "panicked") {
			t.Errorf("%s: %v", name, err)
		}
		if !errors.Is(c.ctx.Err(), context.Canceled) {
			t.Errorf("%s: its context is %v", name, c.ctx.Err())
		}
	}
}

type careless struct {
	lax
	ctx context.Context
}

func (c *careless) EndSessionURL(ctx context.Context, _, _, _ string) (string, error) {
	c.ctx = ctx
	panic("driver")
}

func (c *careless) VerifyLogoutToken(ctx context.Context, _ string) (*goidc.LogoutToken, error) {
	c.ctx = ctx
	panic("driver")
}

// spelled has its client identifier in the field that some of goth's providers have.
type spelled struct {
	faux.Provider
	HTTPClient *http.Client
	ClientId   string
}

// nameless says itself what its client identifier is.
type nameless struct {
	*scripted
	id string
}

func (p nameless) ClientID() string { return p.id }

func TestUnnamed(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		provider goth.Provider
		want     bool
	}{
		"a method":        {lax{Provider: github.New("", "s", "")}, false}, // which says nothing of it
		"a method, named": {nameless{&scripted{}, "c"}, false},
		"a method, not":   {nameless{&scripted{}, ""}, true},
		"ClientKey":       {github.New("", "s", ""), true},
		"ClientKey, set":  {github.New("c", "s", ""), false},
		"ClientID":        {&talkative{}, true},
		"ClientID, set":   {&talkative{ClientID: "c"}, false},
		"ClientId":        {&spelled{}, true},
		"ClientId, set":   {&spelled{ClientId: "c"}, false},
	} {
		p, err := oauth.New(oauth.Config{ID: "p", Provider: tt.provider})
		if err != nil {
			t.Fatal(err)
		}
		if p.Unnamed() != tt.want {
			t.Errorf("%s: %v", name, p.Unnamed())
		}
	}
}

// A provider of goth's openidConnect that has found no issuer cannot verify an id_token.
func TestNew_NoIssuer(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]*openidConnect.OpenIDConfig{"no document": nil, "no issuer": {TokenEndpoint: "https://id.example/token"}} {
		p, err := oauth.New(oauth.Config{ID: "p", Provider: &openidConnect.Provider{ClientKey: "c", OpenIDConfig: config}})
		if err == nil || !strings.Contains(err.Error(), "names no issuer") {
			t.Errorf("%s: %v, %v", name, p, err)
		}
	}
}

// An answer that names another issuer, or an empty one, is another server's (RFC 9207
// §2.4), however the provider is spoken to; one that names the right issuer is not.
func TestComplete_Issuer(t *testing.T) {
	t.Parallel()
	const callback, absent = "http://localhost/cb", "absent"
	for _, r := range []renewal{byOIDC, byOpenIDConnect} {
		b := r.start(t)
		for iss, refused := range map[string]bool{b.idp.Issuer(): false, "https://evil.example": true, "": true, b.idp.Issuer() + "/": true, absent: true} {
			authURL, tx, err := b.Begin(t.Context(), callback, nil, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			back, err := b.idp.Approve(t.Context(), authURL, "ada")
			if err != nil {
				t.Fatal(err)
			}
			answer := back.Query()
			if answer.Set("iss", iss); iss == absent { // its document says that it names itself
				answer.Del("iss")
			}
			id, err := b.Complete(t.Context(), tx, callback, answer, time.Now())
			if errors.Is(err, oauth.ErrIssuer) != refused || !refused && (err != nil || id.Profile.UserID == "") {
				t.Errorf("%s names %q: %v", r.id, iss, err)
			}
		}
	}
}

// Somebody who leaves while the list of addresses is read is not signed in, and the
// answer, where there is one, is closed.
func TestAddresses_PersonLeaves(t *testing.T) {
	t.Parallel()
	for name, answered := range map[string]bool{"with an answer": true, "without": false} {
		ctx, leave := context.WithCancel(t.Context())
		closed := 0
		service := roundTrip(func(req *http.Request) (*http.Response, error) {
			switch req.URL.Path {
			case "/login/oauth/access_token":
				return httpAnswer(req, http.StatusOK, `{"access_token":"t","token_type":"bearer"}`), nil
			case "/user/emails":
				leave()
				if !answered {
					return nil, context.Canceled
				}
				res := httpAnswer(req, http.StatusOK, "")
				res.Body = brokenBody{closed: &closed}
				return res, nil
			}
			return httpAnswer(req, http.StatusOK, `{"id":7,"login":"ada","email":null}`), nil
		})
		p, err := oauth.New(oauth.Config{ID: "github", Provider: github.New("client", "secret", "", "user:email"), HTTPClient: &http.Client{Transport: service}})
		if err != nil {
			t.Fatal(err)
		}
		const callback = "https://app.example/cb"
		_, tx, err := p.Begin(ctx, callback, nil, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		id, err := p.Complete(ctx, tx, callback, url.Values{"state": {tx.State}, "code": {"code"}}, time.Now())
		if id.Profile.UserID != "" || !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "panicked") {
			t.Errorf("%s: %q, %v", name, id.Profile.UserID, err)
		}
		if answered != (closed == 1) {
			t.Errorf("%s: closed %d times", name, closed)
		}
	}
}
