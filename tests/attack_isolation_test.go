package tests

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/github"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
)

func TestAttack37_ProfileScript(t *testing.T) {
	t.Parallel()
	const script = `</title><script>alert("1")</script>`
	for _, row := range []struct{ picture, want string }{
		{"https://img.example/a.png", "https://img.example/a.png"},
		{"http://img.example/a.png?x=1", "http://img.example/a.png?x=1"},
		{"javascript:alert(1)", ""},
		{"JaVaScRiPt:alert(1)", ""},
		{" javascript:alert(1)", ""},
		{"java\nscript:alert(1)", ""},
		{"data:image/svg+xml,<svg onload=alert(1)>", ""},
		{"vbscript:msgbox(1)", ""},
		{"blob:https://app.example.com/1", ""},
		{"//evil.example/a.png", ""},
		{"/logout", ""},
		{"%zz", ""},
		{"", ""},
	} {
		idp := newIDP(t, ginauthtest.Config{People: []ginauthtest.Person{
			{Subject: "mallory", Name: script, Email: "mallory@example.com", EmailVerified: true, Picture: row.picture},
		}})
		a := newApp(t, ginauth.Options{Providers: []ginauth.Provider{ginauth.OAuth{Provider: local(idp, "local"), Name: script}}})
		b := a.browser(t)
		b.signIn(idp, "local")
		for _, path := range []string{"/me", "/api/auth/session"} {
			res := b.get(path)
			var out struct {
				User struct {
					Name  string
					Image *string
				}
			}
			decode(t, res.body, &out)
			if out.User.Name != script {
				t.Errorf("%s: the name is %q", path, out.User.Name)
			}
			if got := out.User.Image; row.want == "" && got != nil || row.want != "" && (got == nil || *got != row.want) {
				t.Errorf("%s: the picture %q: %s", path, row.picture, res.body)
			}
			if kind := res.Header.Get("Content-Type"); !strings.HasPrefix(kind, "application/json") {
				t.Errorf("%s is %s", path, kind)
			}
		}
		page := b.get("/api/auth/signin?callbackUrl=" + url.QueryEscape("/"+script)).body
		if strings.Contains(page, "<script") || !strings.Contains(page, "&lt;script") {
			t.Errorf("the sign-in page holds the provider's name as it is: %s", page)
		}
	}
}

func TestAttack39_SharedState(t *testing.T) {
	t.Parallel()
	people := []ginauthtest.Person{
		{Subject: "ada", Name: "Ada", Email: "ada@example.com", EmailVerified: true, Claims: map[string]any{"id": 1, "login": "ada"}},
		{Subject: "grace", Name: "Grace", Email: "grace@example.com", EmailVerified: true, Claims: map[string]any{"id": 2, "login": "grace"}},
	}
	openID := func(idp *ginauthtest.Provider) goth.Provider { return local(idp, "local") }
	plain := func(idp *ginauthtest.Provider) goth.Provider {
		p := github.NewCustomisedURL(idp.ClientID(), idp.ClientSecret(), "", idp.Issuer()+"/authorize",
			idp.Issuer()+"/token", idp.Issuer()+"/userinfo", idp.Issuer()+"/emails")
		p.SetName("local")
		return p
	}
	for _, row := range []struct {
		name   string
		build  func(*ginauthtest.Provider) goth.Provider
		shared bool // one provider value in both engines
	}{
		{"two OpenID providers", openID, false},
		{"two of goth's providers", plain, false},
		{"one OpenID provider in two engines", openID, true},
		{"one of goth's providers in two engines", plain, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			idps := [2]*ginauthtest.Provider{newIDP(t, ginauthtest.Config{People: people}), newIDP(t, ginauthtest.Config{People: people, ClientID: "other"})}
			if row.shared {
				idps[1] = idps[0]
			}
			values := [2]goth.Provider{row.build(idps[0]), row.build(idps[1])}
			if row.shared {
				values[1] = values[0]
			}
			var apps [2]*app
			for i := range apps {
				apps[i] = newApp(t, ginauth.Options{Providers: ginauth.Goth(values[i]), Secret: strings.Repeat(fmt.Sprint(i), 32)})
			}
			var wait sync.WaitGroup
			for n := range 16 {
				wait.Go(func() {
					i := n % 2
					person := people[n/2%2]
					b := apps[i].browser(t)
					callback, err := idps[i].Approve(context.Background(), b.begin("local", "/"), person.Subject)
					if err != nil {
						t.Error(err)
						return
					}
					if callback.Host != apps[i].Listener.Addr().String() {
						t.Errorf("sign-in %d comes back to %s", n, callback.Host)
					}
					b.get(callback.String())
					if got := b.user(); got != person.Email {
						t.Errorf("%s signed in at engine %d and is %q", person.Email, i, got)
					}
				})
			}
			wait.Wait()
			if p, ok := values[0].(*github.Provider); ok && (p.CallbackURL != "" || p.HTTPClient != nil) {
				t.Errorf("the provider itself was changed: %q, %v", p.CallbackURL, p.HTTPClient)
			}
		})
	}
}

func TestAttack40_CachedSession(t *testing.T) {
	t.Parallel()
	a := newApp(t, ginauth.Options{Providers: unused()})
	a.engine.GET("/admin", a.auth.RequireSession(func(*gin.Context, *ginauth.Session) bool { return false }), func(*gin.Context) {})
	a.engine.GET("/packed", func(c *gin.Context) { c.Header("Vary", "Accept-Encoding") }, a.auth.RequireSession(), func(*gin.Context) {})
	own := newApp(t, ginauth.Options{Providers: unused(), Pages: ginauth.Pages{SignIn: "/login"}})
	cookies := sessionCookie + "=" + sessionFor(t, "ada@example.com", nil)
	page := []string{"Accept", "text/html"}
	for _, row := range []struct {
		name   string
		app    *app
		method string
		path   string
		header []string
		want   int
	}{
		{"session", a, http.MethodGet, "/api/auth/session", []string{"Cookie", cookies}, 200},
		{"session of nobody", a, http.MethodGet, "/api/auth/session", nil, 200},
		{"session of a bad cookie", a, http.MethodGet, "/api/auth/session", []string{"Cookie", sessionCookie + "=x"}, 200},
		{"csrf token", a, http.MethodGet, "/api/auth/csrf", nil, 200},
		{"sign-in page", a, http.MethodGet, "/api/auth/signin", nil, 200},
		{"sign-out page", a, http.MethodGet, "/api/auth/signout", nil, 200},
		{"error page", a, http.MethodGet, "/api/auth/error?error=AccessDenied", nil, 403},
		{"guarded route", a, http.MethodGet, "/me", []string{"Cookie", cookies}, 200},
		{"guarded route, by bearer token", a, http.MethodGet, "/me", []string{"Authorization", "Bearer " + strings.TrimPrefix(cookies, sessionCookie+"=")}, 200},
		{"guarded route behind another middleware", a, http.MethodGet, "/packed", []string{"Cookie", cookies}, 200},
		{"guarded route, signed out", a, http.MethodGet, "/me", nil, 401},
		{"guarded page, signed out", a, http.MethodGet, "/me", page, 302},
		{"guarded page, signed out, own page", own, http.MethodGet, "/me", page, 302},
		{"guarded form, signed out", a, http.MethodPost, "/me", page, 303},
		{"htmx, signed out", a, http.MethodGet, "/me", []string{"Hx-Request", "true"}, 401},
		{"failed guard", a, http.MethodGet, "/admin", []string{"Cookie", cookies}, 403},
		{"failed guard, page", a, http.MethodGet, "/admin", append([]string{"Cookie", cookies}, page...), 403},
		{"foreign origin", a, http.MethodPost, "/me", []string{"Cookie", cookies, "Origin", "https://evil.example"}, 403},
	} {
		res := row.app.send(t, row.method, row.path, "", row.header...)
		if res.StatusCode != row.want {
			t.Errorf("%s: %d, want %d", row.name, res.StatusCode, row.want)
		}
		control := strings.Join(res.Header.Values("Cache-Control"), ", ")
		if !strings.Contains(control, "no-store") || strings.Contains(control, "public") {
			t.Errorf("%s: Cache-Control: %q", row.name, control)
		}
		if vary := res.Header.Values("Vary"); !slices.Contains(vary, "Cookie") || row.path == "/packed" && len(vary) != 2 {
			t.Errorf("%s: Vary: %q", row.name, vary)
		}
	}
}

// Headers that a handler edits in place, as slices.DeleteFunc does, are those of its own
// answer; nor is one of another middleware's written to, whose values are shared.
func TestAttack40_EditedHeaders(t *testing.T) {
	t.Parallel()
	a := newApp(t, ginauth.Options{Providers: unused()})
	cookies := sessionCookie + "=" + sessionFor(t, "ada@example.com", nil)
	a.engine.GET("/edits", a.auth.RequireSession(), func(c *gin.Context) {
		c.Writer.Header()["Cache-Control"][0], c.Writer.Header()["Vary"][0] = "public", "Accept"
	})
	shared := make([]string, 1, 2)
	shared[0] = "Accept-Encoding"
	a.engine.GET("/shared", func(c *gin.Context) { c.Writer.Header()["Vary"] = shared }, a.auth.RequireSession(), func(*gin.Context) {})
	for _, path := range []string{"/edits", "/shared", "/me"} {
		if res := a.send(t, http.MethodGet, path, "", "Cookie", cookies); res.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d", path, res.StatusCode)
		}
	}
	res := a.send(t, http.MethodGet, "/me", "", "Cookie", cookies)
	if control, vary := res.Header.Get("Cache-Control"), res.Header.Get("Vary"); !strings.Contains(control, "no-store") || vary != "Cookie" {
		t.Errorf("Cache-Control %q, Vary %q", control, vary)
	}
	if behind := shared[:2][1]; behind != "" {
		t.Errorf("%q was written behind another middleware's values", behind)
	}
}

func TestAttack55_KeptContext(t *testing.T) {
	t.Parallel()
	for _, fallback := range []bool{false, true} {
		t.Run(fmt.Sprintf("ContextWithFallback=%t", fallback), func(t *testing.T) {
			t.Parallel()
			a := newApp(t, ginauth.Options{Providers: unused()})
			a.engine.ContextWithFallback = fallback

			type mark struct{}
			const requests = 64
			kept := make(chan func(), requests) // what looks into a context after its request
			a.engine.GET("/keep", a.auth.RequireSession(), func(c *gin.Context) {
				own := ginauth.GetSession(c).User.Email
				check := func(name string, ctx context.Context, holds bool) {
					s, token := ginauth.GetSession(ctx), ginauth.GetToken(ctx)
					if !holds { // not even now, when it would be right
						if s != nil || token != nil {
							t.Errorf("%s of %s holds %+v", name, own, s)
						}
						return
					}
					if s == nil || s.User.Email != own {
						t.Errorf("%s of %s holds %+v", name, own, s)
					}
					if token == nil || token.Email != own {
						t.Errorf("%s of %s holds the token %+v", name, own, token)
					}
				}
				request, copied := c.Request.Context(), c.Copy()
				fromRequest := context.WithValue(request, mark{}, 1)
				detached := context.WithoutCancel(request)
				derived := context.WithValue(c, mark{}, 1)
				fromCopy := context.WithValue(copied, mark{}, 1)
				all := func() {
					check("c.Request.Context()", request, true)
					check("a context derived from c.Request.Context()", fromRequest, true)
					check("context.WithoutCancel", detached, true)
					check("c.Copy()", copied, true)
					check("a context derived from the gin.Context", derived, false)
					check("a context derived from c.Copy()", fromCopy, false)
				}
				check("the gin.Context", c, true)
				all()
				kept <- all
				c.Status(http.StatusNoContent)
			})
			a.engine.GET("/open", func(c *gin.Context) {
				if s := ginauth.GetSession(c); s != nil {
					t.Errorf("a route without a guard sees %s", s.User.Email)
				}
			})

			var looking, asking sync.WaitGroup
			for range 4 {
				looking.Go(func() {
					for look := range kept { // while gin uses the contexts again
						for range 20 {
							look()
						}
					}
				})
			}
			for n := range 4 {
				asking.Go(func() {
					for i := range requests / 4 {
						cookies := sessionCookie + "=" + sessionFor(t, fmt.Sprintf("user%d.%d@example.com", n, i), nil)
						if res := a.send(t, http.MethodGet, "/keep", "", "Cookie", cookies); res.StatusCode != http.StatusNoContent {
							t.Errorf("/keep answered %d", res.StatusCode)
						}
						a.send(t, http.MethodGet, "/open", "", "Cookie", cookies)
					}
				})
			}
			asking.Wait()
			close(kept)
			looking.Wait()
		})
	}
	if ginauth.GetSession(context.Background()) != nil || ginauth.GetToken(context.Background()) != nil {
		t.Error("an empty context holds somebody")
	}
}
