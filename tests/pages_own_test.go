package tests

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
)

// An error page of the application's own gets the reason that the built-in one would show.
func TestPages_OwnErrorPage(t *testing.T) {
	t.Parallel()
	a := newMailApp(t, ginauth.Email{BindBrowser: true}, ginauth.Options{Pages: ginauth.Pages{Error: "/oops?x=1"}})
	b, other := a.browser(t), a.browser(t)
	link := a.asksFor(t, b, adaReads)
	if got := other.get(other.get(link).Header.Get("Location")).Header.Get("Location"); got != "/oops?x=1&error=Verification&reason=LinkLost" {
		t.Errorf("another browser is led to %s", got)
	}
	b.press(link)
	if got := b.get(b.press(link).Header.Get("Location")).Header.Get("Location"); got != "/oops?x=1&error=Verification" {
		t.Errorf("a link that was used leads to %s", got)
	}
	for path, want := range map[string]string{
		"error": "/oops?x=1&error=undefined", "error/AccessDenied": "/oops?x=1&error=AccessDenied", "error?error=a%20%26b": "/oops?x=1&error=a%20%26b",
	} {
		if got := a.browser(t).get("/api/auth/" + path).Header.Get("Location"); got != want {
			t.Errorf("%s leads to %s, want %s", path, got, want)
		}
	}
}

// A link that is not bound to a browser, and is wrong, is not said to be of another one.
func TestPages_WrongLink(t *testing.T) {
	t.Parallel()
	for _, bound := range []bool{false, true} {
		a := newMailApp(t, ginauth.Email{BindBrowser: bound}, ginauth.Options{})
		b := a.browser(t)
		link := a.asksFor(t, b, adaReads)
		wrong := strings.Replace(link, "&token=", "&token=x", 1)
		for name, b := range map[string]*browser{"that asked": b, "of somebody else": a.browser(t)} {
			page := b.follow(b.get(wrong))
			if says := strings.Contains(page.body, "in the browser in which you asked for it"); says != (bound && name != "that asked") {
				t.Errorf("bound %v, the browser %s reads %s", bound, name, page.body)
			}
		}
	}
}

// The page that says a mail is on its way is the same for any provider that sends none.
func TestPages_VerifyRequest(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	a := newMailApp(t, ginauth.Email{Code: true}, ginauth.Options{Providers: []ginauth.Provider{ginauth.OAuth{Provider: local(idp, "first")}, members()}})
	b := a.browser(t)
	b.ask(adaReads, "/").sent(t)
	for query, mails := range map[string]bool{"": false, "?provider=first": false, "?provider=credentials": false, "?provider=nobody": false, "?provider=email": true} {
		page := b.get("/api/auth/verify-request" + query)
		if page.StatusCode != http.StatusOK || strings.Contains(page.body, "Use another address") != mails || strings.Contains(page.body, "<form") != mails || strings.Contains(page.body, adaReads) != mails {
			t.Errorf("%q: %d %s", query, page.StatusCode, page.body)
		}
	}
	// Sent again, and then a wrong code: the page tells of the code.
	again := b.follow(b.post("/api/auth/signin/email", url.Values{"csrfToken": {b.csrf()}, "email": {adaReads}, "again": {"true"}}))
	if !strings.Contains(again.body, "It was sent again.") || strings.Contains(again.body, "That is not the code") {
		t.Errorf("sent again: %s", again.body)
	}
	wrong := b.follow(b.typeCode(other(a.inbox.newest(t).Code)))
	if strings.Contains(wrong.body, "It was sent again.") || !strings.Contains(wrong.body, "That is not the code") {
		t.Errorf("a wrong code: %s", wrong.body)
	}
}

// The application's own page takes the code with a form of ginauth's. There is none for a
// provider that mails no code.
func TestPages_CodeForm(t *testing.T) {
	t.Parallel()
	a := newMailApp(t, ginauth.Email{Code: true}, ginauth.Options{
		Pages: ginauth.Pages{VerifyRequest: "/mailed"}, Providers: []ginauth.Provider{ginauth.Email{ID: "linked", Send: nowhere}, members()},
	})
	a.engine.GET("/mailed", func(c *gin.Context) {
		c.Data(http.StatusOK, "text/html", []byte(a.auth.CodeForm(c, c.DefaultQuery("of", "email"), "/me")))
	})
	b := a.browser(t)
	sent := b.ask(adaReads, "/elsewhere")
	page := b.follow(sent)
	action, fields := onlyForm(t, page.body)
	if page.Request.URL.Path != "/mailed" || action != a.URL+"/api/auth/callback/email" || fields.Get("callbackUrl") != "/me" || page.Header.Get("Cache-Control") == "" {
		t.Fatalf("%s: the form goes to %s with %v", page.Request.URL, action, fields)
	}
	fields.Set("code", a.inbox.newest(t).Code)
	if res := b.post(action, fields); !res.signedIn() || res.Header.Get("Location") != a.URL+"/me" {
		t.Errorf("the code leads to %s", res.Header.Get("Location"))
	}
	for _, id := range []string{"linked", "credentials", "nobody"} {
		if page := a.browser(t).get("/mailed?of=" + id); page.body != "" {
			t.Errorf("%s: %s", id, page.body)
		}
	}
}

// What is known of an adapter's user stands in the log where they are refused, unless it
// is so long that it would fill it, or is what they typed.
func TestPages_WhoIsLogged(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		id, typed string
		logged    bool
	}{
		{"u-1", "ada", true}, {strings.Repeat("x", 256), "ada", true}, {strings.Repeat("x", 257), "ada", false}, {"ada", "ada", false},
		{"my-ada-1", "ada", false}, {"my-ad-1", "ad", true}, {"ad", "ad", false}, // two letters are in many IDs
	} {
		a := newApp(t, ginauth.Options{
			Providers: []ginauth.Provider{ginauth.Credentials{Authorize: func(*gin.Context, map[string]string) (*ginauth.User, error) { return &ginauth.User{ID: row.id}, nil }}},
			Callbacks: ginauth.Callbacks{SignIn: func(*gin.Context, ginauth.SignInParams) error { return ginauth.ErrAccessDenied }},
		})
		a.browser(t).typed(row.typed, adasPassword).refused(t, "AccessDenied")
		if log := a.log.String(); strings.Contains(log, " user=") != row.logged || row.logged && !strings.Contains(log, " user="+row.id+" ") {
			t.Errorf("%.20s, of %d bytes: %s", row.id, len(row.id), log)
		}
	}
}

// An error of a form stands at the form that it is of: the one that was sent, or the only
// one of its kind. Where nothing tells which, it stands above them.
func TestPages_FailedForm(t *testing.T) {
	t.Parallel()
	second := members()
	second.ID, second.Fields = "ldap", []ginauth.Field{{Name: "uid"}, {Name: "pin", Type: "password"}}
	for _, row := range []struct {
		name      string
		providers []ginauth.Provider // besides the first of mails
		do        func(b *browser) answer
		field     string // that is marked; "": none, the error stands above the forms
	}{
		{"the only mail form", []ginauth.Provider{members()}, func(b *browser) answer { return b.ask("nonsense", "/") }, "email"},
		{"a link, and the only mail form", []ginauth.Provider{members()}, func(b *browser) answer { return b.get("/api/auth/signin?error=EmailSignin") }, "email"},
		{"a link, and two mail forms", []ginauth.Provider{ginauth.Email{ID: "second", Send: nowhere}}, func(b *browser) answer { return b.get("/api/auth/signin?error=EmailSignin") }, ""},
		{"one of two mail forms", []ginauth.Provider{ginauth.Email{ID: "second", Send: nowhere}}, func(b *browser) answer { return b.ask("nonsense", "/") }, "email"},
		{"one of two password forms", []ginauth.Provider{members(), second}, func(b *browser) answer {
			return b.post("/api/auth/callback/ldap", url.Values{"csrfToken": {b.csrf()}, "uid": {"ada"}, "pin": {"x"}})
		}, "pin"},
		{"a link, and two password forms", []ginauth.Provider{members(), second}, func(b *browser) answer { return b.get("/api/auth/signin?error=CredentialsSignin") }, ""},
		{"another error", []ginauth.Provider{members()}, func(b *browser) answer { return b.get("/api/auth/signin?error=Callback") }, ""},
	} {
		a := newMailApp(t, ginauth.Email{}, ginauth.Options{Providers: row.providers})
		b := a.browser(t)
		page := b.follow(row.do(b))
		var marked []string
		for _, field := range []string{"email", "username", "password", "uid", "pin"} {
			if page.input(t, field)["aria-invalid"] == "true" {
				marked = append(marked, field)
			}
		}
		last := ""
		if len(marked) > 0 {
			last = marked[len(marked)-1]
		}
		if last != row.field || strings.Count(page.body, `role="alert"`) != 1 || row.field == "" && page.alert() == "" {
			t.Errorf("%s: marked are %v:\n%s", row.name, marked, page.body)
		}
		if n := strings.Count(page.body, `aria-invalid="true"`); row.field == "" && n != 0 || row.field == "email" && n != 1 {
			t.Errorf("%s: %d fields are marked", row.name, n)
		}
	}
}
