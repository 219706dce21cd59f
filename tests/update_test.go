package tests

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
)

// themed is an app whose sessions a page may give a theme and a text.
func themed(t *testing.T, opts ginauth.Options) (*app, *ginauthtest.Provider) {
	t.Helper()
	idp := newIDP(t, ginauthtest.Config{})
	opts.Providers = ginauth.Goth(local(idp, "local"))
	opts.Callbacks = ginauth.Callbacks{
		JWT: func(_ *gin.Context, p ginauth.JWTParams) error {
			if p.Trigger != ginauth.TriggerUpdate {
				return nil
			}
			data, ok := p.Update.(map[string]any)
			if !ok {
				return errors.New("no data")
			}
			for name, value := range data {
				p.Token.Claims[name] = value
			}
			return nil
		},
		Session: func(_ *gin.Context, p ginauth.SessionParams) error {
			for name, value := range p.Token.Claims {
				p.Session.Values[name] = value
			}
			return nil
		},
	}
	return newApp(t, opts), idp
}

// update posts data as next-auth's client does.
func (b *browser) update(csrf string, data any) answer {
	b.t.Helper()
	raw, err := json.Marshal(map[string]any{"csrfToken": csrf, "data": data})
	if err != nil {
		b.t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPost, b.app.URL+"/api/auth/session", strings.NewReader(string(raw)))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	return b.do(req)
}

func TestUpdate_FromThePage(t *testing.T) {
	t.Parallel()
	app, idp := themed(t, ginauth.Options{})
	b := app.browser(t)
	if res := b.update(b.csrf(), map[string]any{"theme": "dark"}); res.StatusCode != http.StatusOK || res.body != "{}" {
		t.Errorf("nobody: %d %s", res.StatusCode, res.body)
	}
	b.signIn(idp, "local")
	if res := b.update("wrong", map[string]any{"theme": "dark"}); res.StatusCode != http.StatusBadRequest || res.body != "{}" {
		t.Errorf("without the CSRF token: %d %s", res.StatusCode, res.body)
	}
	// What a number or null is, it stays, through two sealings.
	data := `{"theme":"dark","big":9007199254740993,"price":1.10,"nothing":null,"list":[1,{"a":2}]}`
	res := b.update(b.csrf(), json.RawMessage(data))
	again := b.get("/api/auth/session")
	for _, body := range []string{res.body, again.body} {
		for _, member := range []string{`"theme":"dark"`, `"big":9007199254740993`, `"price":1.10`, `"nothing":null`, `"list":[1,{"a":2}]`} {
			if !strings.Contains(body, member) {
				t.Errorf("no %s in %s", member, body)
			}
		}
	}
	before := b.get("/api/auth/session").body
	if res := b.update(b.csrf(), "no object"); res.StatusCode != http.StatusInternalServerError || len(res.Header["Set-Cookie"]) != 0 {
		t.Errorf("a failing callback: %d %v", res.StatusCode, res.Header)
	}
	if after := b.get("/api/auth/session").body; !strings.Contains(after, `"theme":"dark"`) {
		t.Errorf("a failing callback changed the session from %s to %s", before, after)
	}
}

// A session grows into chunks and shrinks back, and the browser has no cookie
// left over.
func TestUpdate_GrowsAndShrinks(t *testing.T) {
	t.Parallel()
	app, idp := themed(t, ginauth.Options{})
	b := app.browser(t)
	b.signIn(idp, "local")
	sessionCookies := func() (names []string) {
		here := b.request(http.MethodGet, "/", nil).URL
		for _, c := range b.Jar.Cookies(here) {
			if strings.Contains(c.Name, "session-token") {
				names = append(names, c.Name)
			}
		}
		return names
	}
	for _, step := range []struct{ size, cookies int }{{10, 1}, {9000, 4}, {4000, 2}, {10, 1}} {
		b.update(b.csrf(), map[string]any{"text": strings.Repeat("x", step.size)})
		if names := sessionCookies(); len(names) != step.cookies {
			t.Errorf("%d bytes are in %v", step.size, names)
		}
		if !strings.Contains(b.get("/me").body, strings.Repeat("x", step.size)) {
			t.Errorf("%d bytes are lost", step.size)
		}
	}
}

func TestUpdate_FromAHandler(t *testing.T) {
	t.Parallel()
	// Every request seals again, so that the handler's change comes second.
	app, idp := themed(t, ginauth.Options{Session: ginauth.SessionOptions{UpdateAge: -1}})
	change := func(c *gin.Context) {
		s, err := app.auth.Update(c, map[string]any{"theme": c.Query("theme")})
		if errors.Is(err, ginauth.ErrNoSession) {
			c.String(http.StatusTeapot, "nobody")
			return
		}
		if err != nil {
			c.String(http.StatusInternalServerError, err.Error())
			return
		}
		seen, _ := ginauth.Value[string](ginauth.GetSession(c), "theme")
		told, _ := ginauth.Value[string](s, "theme")
		c.String(http.StatusOK, "%s %s", seen, told)
	}
	app.engine.GET("/change", app.auth.RequireSession(), change)
	app.engine.GET("/open", change)
	b := app.browser(t)
	if res := b.get("/open?theme=dark"); res.StatusCode != http.StatusTeapot {
		t.Errorf("nobody: %d", res.StatusCode)
	}
	b.signIn(idp, "local")
	res := b.get("/change?theme=dark")
	if res.body != "dark dark" {
		t.Errorf("%d %s", res.StatusCode, res.body)
	}
	if n := strings.Count(strings.Join(res.Header["Set-Cookie"], "\n"), "session-token="); n != 1 {
		t.Errorf("%d session cookies in one answer: %v", n, res.Header["Set-Cookie"])
	}
	if body := b.get("/me").body; !strings.Contains(body, `"theme":"dark"`) {
		t.Errorf("the next request has %s", body)
	}

	var sealed string
	for _, c := range b.Jar.Cookies(res.Request.URL) {
		if c.Name == "next-auth.session-token" {
			sealed = c.Value
		}
	}
	program := app.browser(t)
	req := program.request(http.MethodGet, "/change?theme=light", nil)
	req.Header.Set("Authorization", "Bearer "+sealed)
	if res := program.do(req); res.StatusCode != http.StatusTeapot || len(res.Header["Set-Cookie"]) != 0 {
		t.Errorf("a bearer token was changed: %d %v", res.StatusCode, res.Header)
	}
}

// Where anybody may read, a page of another site still changes no session with
// the browser's cookie.
func TestUpdate_FromAnotherSite(t *testing.T) {
	t.Parallel()
	app, idp := themed(t, ginauth.Options{})
	change := func(c *gin.Context) {
		_, err := app.auth.Update(c, map[string]any{"theme": c.PostForm("theme")})
		if err != nil && !errors.Is(err, ginauth.ErrNoSession) {
			t.Error(err)
		}
		c.String(http.StatusOK, fmt.Sprint(err == nil))
	}
	app.engine.POST("/loaded", app.auth.LoadSession(), change)
	app.engine.POST("/bare", change)
	b := app.browser(t)
	b.signIn(idp, "local")
	cookies := sessionCookie + "=" + b.cookie(sessionCookie)
	for _, row := range []struct {
		name   string
		header []string
		want   string
	}{
		{"own page", []string{"Origin", app.URL, "Sec-Fetch-Site", "same-origin"}, "true"},
		{"another site", []string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, "false"},
		{"another site, old browser", []string{"Origin", "https://evil.example"}, "false"},
		{"a sandbox", []string{"Origin", "null", "Sec-Fetch-Site", "cross-site"}, "false"},
	} {
		for _, path := range []string{"/loaded", "/bare"} {
			res := app.form(t, path, url.Values{"theme": {"evil"}}, append(row.header, "Cookie", cookies)...)
			if res.body != row.want || res.signedIn() != (row.want == "true") {
				t.Errorf("%s, %s: changed %s, Set-Cookie: %q", row.name, path, res.body, res.Header["Set-Cookie"])
			}
		}
	}
}
