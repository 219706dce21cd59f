package tests

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/passkey"
)

// Routes that are the same for everybody set no cookie, whatever their query says.
func TestRoutes_SetNoCookie(t *testing.T) {
	t.Parallel()
	opts := ginauth.Options{BaseURL: "http://localhost", Adapter: ginauth.MemoryAdapter(), Providers: somebody()}
	opts.Factors.Passkeys = passkey.New(passkey.Config{})
	a := newApp(t, opts)
	for _, target := range []string{"GET providers", "GET client.js", "GET passkey.js", "POST _log", "POST backchannel-logout/github"} {
		method, action, _ := strings.Cut(target, " ")
		res := a.send(t, method, "/api/auth/"+action+"?callbackUrl=/there", "", "Content-Type", "application/x-www-form-urlencoded")
		if len(res.Header["Set-Cookie"]) != 0 {
			t.Errorf("%s sets %v", target, res.Header["Set-Cookie"])
		}
	}
	// Others give a browser its CSRF cookie, and keep where it wants to go.
	if res := a.send(t, http.MethodGet, "/api/auth/signin?callbackUrl=/there", ""); len(res.Header["Set-Cookie"]) != 2 {
		t.Errorf("the sign-in page sets %v", res.Header["Set-Cookie"])
	}
}

// Everybody gets the scripts of the pages. Only one with a tag is left out
// for a browser that has it.
func TestRoutes_Scripts(t *testing.T) {
	t.Parallel()
	opts := ginauth.Options{BaseURL: "http://localhost", Adapter: ginauth.MemoryAdapter(), Providers: somebody()}
	opts.Factors.Passkeys = passkey.New(passkey.Config{})
	a := newApp(t, opts)
	page := a.browser(t).get("/api/auth/signin").body
	_, rest, found := strings.Cut(page, `src="http://localhost`)
	linked, _, _ := strings.Cut(rest, `"`)
	if !found || !strings.HasPrefix(linked, "/api/auth/passkey.js?v=") {
		t.Fatalf("the page has no script: %s", page)
	}
	for path, immutable := range map[string]bool{linked: true, "/api/auth/passkey.js": false, "/api/auth/passkey.js?v=former": false} {
		for _, tag := range []string{"", `"x"`, "*"} {
			header := []string{"Accept", "*/*"}
			if tag != "" {
				header = append(header, "If-None-Match", tag)
			}
			res := a.send(t, http.MethodGet, path, "", header...)
			if res.StatusCode != http.StatusOK || !strings.Contains(res.body, "navigator.credentials") || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/javascript") ||
				strings.Contains(res.Header.Get("Cache-Control"), "immutable") != immutable || res.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s, %q: %d %v", path, tag, res.StatusCode, res.Header)
			}
		}
	}
}

// A callback that fails is a fault of the server, and signs nobody out.
func TestRoutes_CallbackFails(t *testing.T) {
	t.Parallel()
	for name, callbacks := range map[string]ginauth.Callbacks{
		"JWT": {JWT: func(_ *gin.Context, p ginauth.JWTParams) error {
			if p.User != nil {
				return nil
			}
			return errors.New("roles service is down")
		}},
		"Session": {Session: func(*gin.Context, ginauth.SessionParams) error { return errors.New("roles service is down") }},
	} {
		a := membersApp(t, ginauth.Options{Callbacks: callbacks})
		b := a.browser(t)
		b.signInAs("ada")
		res := b.get("/api/auth/session")
		var out struct{ Message string }
		decode(t, res.body, &out)
		if res.StatusCode != http.StatusInternalServerError || out.Message != "There is a problem with the server. Its log says more." || res.ends() || res.Header.Get("Pragma") != "no-cache" {
			t.Errorf("%s: answered %d %s %v", name, res.StatusCode, res.body, res.Header)
		}
		if !strings.Contains(a.log.String(), "roles service is down") || !strings.Contains(a.log.String(), "ginauth: reading the session failed") {
			t.Errorf("%s: the log: %s", name, a.log)
		}
	}
}

// A session that the callback gives what JSON does not have is a fault of the server.
func TestRoutes_SessionThatIsNoJSON(t *testing.T) {
	t.Parallel()
	a := membersApp(t, ginauth.Options{Callbacks: ginauth.Callbacks{Session: func(_ *gin.Context, p ginauth.SessionParams) error {
		p.Session.Values["socket"] = make(chan int)
		return nil
	}}})
	b := a.browser(t)
	b.signInAs("ada")
	if res := b.get("/api/auth/session"); res.StatusCode != http.StatusInternalServerError || strings.Contains(res.body, "ada") || res.ends() {
		t.Errorf("answered %d %s", res.StatusCode, res.body)
	}
}

// A callbackUrl is kept up to 2048 bytes, as its cookie holds it. A longer one leads to the
// site, since proxies refuse the requests that it would be sent with.
func TestRoutes_LongCallbackURL(t *testing.T) {
	t.Parallel()
	a := membersApp(t, ginauth.Options{})
	kept := func(path string) (raw, url string) {
		b := a.browser(t)
		b.get("/api/auth/signin?callbackUrl=" + path)
		for _, c := range b.cookies() {
			if c.Name == "next-auth.callback-url" {
				return c.Value, b.cookie(c.Name)
			}
		}
		return "", ""
	}
	short, _ := kept("/x")
	fits := "/x" + strings.Repeat("y", 2048-len(short))
	if raw, got := kept(fits); len(raw) != 2048 || got != a.URL+fits {
		t.Errorf("of 2048 bytes: kept are %d, %q", len(raw), got)
	}
	for _, more := range []int{1, 2, 100, 2049} {
		if _, got := kept(fits + strings.Repeat("y", more)); got != a.URL {
			t.Errorf("of %d bytes: kept is %.60q", 2048+more, got)
		}
	}
}

// A page of this site may post the form of a provider that other sites may start, with
// their parameters in it: the CSRF token makes it a sign-in like any other.
func TestRoutes_OwnFormWithAnIssuer(t *testing.T) {
	t.Parallel()
	a, idp := openApp(t, ginauth.Options{})
	for _, own := range []bool{true, false} {
		b := a.browser(t)
		form := url.Values{"iss": {idp.Issuer()}, "callbackUrl": {"/me"}}
		if own {
			form.Set("csrfToken", b.csrf())
		}
		got := b.post("/api/auth/signin/open", form).Header.Get("Location")
		if strings.HasPrefix(got, idp.Issuer()) != own || !own && !strings.HasPrefix(got, a.URL+"/api/auth/signin/open?iss=") {
			t.Errorf("with the token %v: leads to %s", own, got)
		}
	}
}

// A form without its token leads back to its page, and to no provider; of a provider that
// there is not, the log says which there are.
func TestRoutes_Refused(t *testing.T) {
	t.Parallel()
	a := membersApp(t, ginauth.Options{})
	b := a.browser(t)
	for _, row := range []struct {
		action, csrf string
		leads        string
		logs         string
	}{
		{"signin/credentials", "x", "/api/auth/signin?csrf=true", "csrfToken"},
		{"signin/nobody", b.csrf(), "/api/auth/signin?csrf=true", "provider=nobody"},
		{"signin/credentials", b.csrf(), "/api/auth/signin", ""},
		{"signout", "x", "/api/auth/signout?csrf=true", ""},
	} {
		a.log.forget()
		res := b.post("/api/auth/"+row.action, url.Values{"csrfToken": {row.csrf}, "json": {"true"}})
		var out struct{ URL string }
		decode(t, res.body, &out)
		if res.StatusCode != http.StatusOK || out.URL != a.URL+row.leads {
			t.Errorf("%s answered %d %s", row.action, res.StatusCode, res.body)
		}
		if log := a.log.String(); !strings.Contains(log, row.logs) || row.logs == "provider=nobody" && !strings.Contains(log, "expected=credentials") {
			t.Errorf("%s: the log: %s", row.action, log)
		}
	}
	for _, action := range []string{"callback/nobody", "nonce/credentials", "backchannel-logout/credentials", "second-factor", "account", "nothing"} {
		res := b.post("/api/auth/"+action, url.Values{"csrfToken": {b.csrf()}})
		if res.StatusCode != http.StatusBadRequest || res.body != "Error: This action with HTTP POST is not supported by NextAuth.js" || res.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s answered %d %s", action, res.StatusCode, res.body)
		}
	}
	if res := b.get("/api/auth/callback/credentials"); res.StatusCode != http.StatusInternalServerError || !strings.HasPrefix(res.body, "Error: ") {
		t.Errorf("a GET of credentials answered %d %s", res.StatusCode, res.body)
	}
}
