package tests

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/net/html"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
)

// input is what the page has of an input of a name: its attributes. nil: no such input.
func (a answer) input(t testing.TB, name string) map[string]string {
	t.Helper()
	root, err := html.Parse(strings.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		found := map[string]string{}
		for _, a := range n.Attr {
			found[a.Key] = a.Val
		}
		if n.Data == "input" && found["name"] == name {
			return found
		}
	}
	return nil
}

// typed posts a member's name and a password.
func (b *browser) typed(username, password string) answer {
	b.t.Helper()
	return b.post("/api/auth/callback/credentials", url.Values{"csrfToken": {b.csrf()}, "username": {username}, "password": {password}})
}

// What was typed stands in the form again, the error stands at the field that is left to
// type, which has the focus, and the password is nowhere: not on the page, not in a cookie.
func TestPages_TypedStays(t *testing.T) {
	t.Parallel()
	a := membersApp(t, ginauth.Options{})
	b := a.browser(t)
	const wrong = "a wrong password"
	page := b.follow(b.typed(`ada"><script>`, wrong))
	username, password := page.input(t, "username"), page.input(t, "password")
	if username["value"] != `ada"><script>` || username["aria-invalid"] != "true" || username["autocomplete"] != "username webauthn" {
		t.Errorf("the name's field is %v", username)
	}
	if _, focused := password["autofocus"]; !focused || password["aria-invalid"] != "true" || password["value"] != "" || password["autocomplete"] != "current-password" {
		t.Errorf("the password's field is %v", password)
	}
	at := `id="` + password["aria-describedby"] + `" role="alert">These details do not match an account.`
	if password["aria-describedby"] == "" || !strings.Contains(page.body, at) || strings.Count(page.body, `role="alert"`) != 1 {
		t.Errorf("the error does not stand at the field:\n%s", page.body)
	}
	if strings.Contains(page.body, wrong) || strings.Contains(page.body, "<script") {
		t.Errorf("the page has what it must not:\n%s", page.body)
	}
	for _, c := range b.cookies() {
		if strings.Contains(c.Value, "script") || strings.Contains(c.Value, "wrong") {
			t.Errorf("the cookie %s can be read: %s", c.Name, c.Value)
		}
	}
	// Only the browser that typed it reads it, and no longer than it needs to.
	if other := a.browser(t).get("/api/auth/signin?error=CredentialsSignin"); other.input(t, "username")["value"] != "" {
		t.Error("another browser reads what was typed")
	}
	b.typed("ada", adasPassword)
	if after := b.get("/api/auth/signin?error=CredentialsSignin"); after.input(t, "username")["value"] != "" {
		t.Error("after the sign-in the page still has what was typed before")
	}
}

// A cookie that another host planted, or one of another Auth, puts nothing on the page.
func TestPages_NotesAreSealed(t *testing.T) {
	t.Parallel()
	a := membersApp(t, ginauth.Options{})
	other := membersApp(t, ginauth.Options{Secret: strings.Repeat("another secret ", 4)})
	stranger := other.browser(t)
	stranger.typed("eve", "x")
	for _, value := range []string{stranger.cookie("next-auth.failure"), `{"k":"failure","c":"CredentialsSignin","t":{"username":"eve"},"x":9999999999}`, "x"} {
		b := a.browser(t)
		b.plant("next-auth.failure", value)
		if page := b.get("/api/auth/signin?error=CredentialsSignin"); page.input(t, "username")["value"] != "" || strings.Contains(page.body, "Reference") {
			t.Errorf("%.40q is believed", value)
		}
	}
	// Nor does a note of one kind serve as one of another.
	b := newMailApp(t, ginauth.Email{}, ginauth.Options{}).browser(t)
	b.ask("no address", "/me")
	if b.cookie("next-auth.failure") == "" {
		t.Fatal("nothing failed")
	}
	b.plant("next-auth.sent", b.cookie("next-auth.failure"))
	if page := b.get("/api/auth/verify-request?provider=email&type=email"); strings.Contains(page.body, "Send it again") {
		t.Error("a failure is taken for a mail")
	}
}

// How somebody signed in last is known after they have, and not before; it says nothing
// of who they are, and a browser cannot be told of a provider that there is not.
func TestPages_LastUsed(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	a := newApp(t, ginauth.Options{Providers: append(ginauth.Goth(local(idp, "first"), local(idp, "second")), members())})
	b := a.browser(t)
	const last = "next-auth.last-used"
	b.typed("ada", "wrong")
	b.typed("nowhere", "wrong")
	b.begin("second", "/")
	if b.cookie(last) != "" || strings.Contains(b.get("/api/auth/signin").body, "Last used") {
		t.Error("a way is remembered that nobody has come in by")
	}
	if !b.signIn(idp, "second").signedIn() {
		t.Fatal("not signed in")
	}
	if got := b.cookie(last); got != "second" {
		t.Errorf("the cookie is %q", got)
	}
	page := b.get("/api/auth/signin").body
	second, first := strings.Index(page, "Sign in with second"), strings.Index(page, "Sign in with first")
	if strings.Count(page, "Last used") != 1 || second > first {
		t.Errorf("the page:\n%s", page)
	}
	b.plant(last, "<b>nobody</b>")
	if page := b.get("/api/auth/signin"); page.StatusCode != http.StatusOK || strings.Contains(page.body, "Last used") || strings.Contains(page.body, "nobody") {
		t.Error("a provider that there is not was used last")
	}
}

// The page that says a mail is on its way names the address that this browser typed,
// and never one that a link names. It sends again, to the same address.
func TestPages_Sent(t *testing.T) {
	t.Parallel()
	a := newMailApp(t, ginauth.Email{}, ginauth.Options{})
	b := a.browser(t)
	sent := b.follow(b.ask("ada@example.com", "/me"))
	if !strings.Contains(sent.body, "<bdi>ada@example.com</bdi>") || !strings.Contains(sent.body, `href="`+a.URL+`/api/auth/signin"`) {
		t.Fatalf("the page:\n%s", sent.body)
	}
	for _, query := range []string{"", "?provider=email&type=email", "?provider=email&type=email&email=eve@example.com", "?provider=nobody&email=eve@example.com"} {
		if page := a.browser(t).get("/api/auth/verify-request" + query); page.StatusCode != http.StatusOK || strings.Contains(page.body, "@example.com") {
			t.Errorf("%s: the page of another browser:\n%s", query, page.body)
		}
	}
	form := fields(sent.body)
	if form.Get("email") != "ada@example.com" || form.Get("again") != "true" {
		t.Fatalf("the form sends %v", form)
	}
	again := b.follow(b.post("/api/auth/signin/email", form))
	if mails := a.inbox.all(); len(mails) != 2 || mails[1].To != "ada@example.com" || !strings.Contains(again.body, "It was sent again.") {
		t.Errorf("%d mails, and the page:\n%s", len(mails), again.body)
	}
	a.clock.move(2 * time.Hour)
	if page := b.get("/api/auth/verify-request?provider=email&type=email"); strings.Contains(page.body, "@example.com") {
		t.Error("after two hours the page still names the address")
	}
}

var referenceOf = regexp.MustCompile(`Reference: ([A-Z2-7]{8})<`)

// What an error page shows as its reference stands in the log, with what happened; it is
// new each time, and another browser's page of the same error has none.
func TestPages_Reference(t *testing.T) {
	t.Parallel()
	a := membersApp(t, ginauth.Options{Callbacks: ginauth.Callbacks{SignIn: func(*gin.Context, ginauth.SignInParams) error { return ginauth.ErrAccessDenied }}})
	seen := map[string]bool{}
	for range 2 {
		a.log.forget()
		b := a.browser(t)
		page := b.follow(b.signInAs("ada"))
		m := referenceOf.FindStringSubmatch(page.body)
		if m == nil || seen[m[1]] {
			t.Fatalf("%v: the page:\n%s", m, page.body)
		}
		seen[m[1]] = true
		if log := a.log.String(); !strings.Contains(log, "sign-in refused") || !strings.Contains(log, "reference="+m[1]) {
			t.Errorf("the log: %s", log)
		}
		if other := b.get("/api/auth/error?error=Configuration"); referenceOf.MatchString(other.body) {
			t.Error("the page of another error has the reference too")
		}
	}
	if page := a.browser(t).get("/api/auth/error?error=AccessDenied"); page.StatusCode != http.StatusForbidden || strings.Contains(page.body, "Reference") {
		t.Error("a link shows a reference")
	}
}

// Somebody whom a guard refuses reads who they are here, and goes on as somebody else:
// by signing out first, since signing in would add the other account to theirs.
func TestPages_SwitchAccount(t *testing.T) {
	t.Parallel()
	a := membersApp(t, ginauth.Options{})
	nobody := func(*gin.Context, *ginauth.Session) bool { return false }
	a.engine.GET("/admin", a.auth.RequireSession(nobody), func(*gin.Context) {})
	b := a.browser(t)
	b.signInAs("ada")
	a.log.forget()
	req := b.request(http.MethodGet, "/admin?tab=1", nil)
	req.Header.Set("Accept", "text/html")
	page := b.do(req)
	m := referenceOf.FindStringSubmatch(page.body)
	if page.StatusCode != http.StatusForbidden || !strings.Contains(page.body, "<bdi>ada@example.com</bdi>") || strings.Contains(page.body, "Back to sign in") {
		t.Fatalf("%d:\n%s", page.StatusCode, page.body)
	}
	if m == nil || !strings.Contains(a.log.String(), m[1]) {
		t.Errorf("the reference %v is not in the log: %s", m, a.log)
	}
	link := regexp.MustCompile(`href="([^"]*)">Switch account<`).FindStringSubmatch(page.body)
	if link == nil {
		t.Fatal(page.body)
	}
	out := b.get(html.UnescapeString(link[1]))
	if b.user() == "" || !strings.Contains(out.body, "<bdi>ada@example.com</bdi>") {
		t.Fatalf("following a link signs out, or the page does not say whom:\n%s", out.body)
	}
	in := b.post("/api/auth/signout", fields(out.body))
	if location := in.Header.Get("Location"); b.user() != "" || !strings.Contains(location, "/api/auth/signin?callbackUrl=") || !strings.Contains(location, "tab%3D1") {
		t.Errorf("it leads to %q", in.Header.Get("Location"))
	}
}

// Stay signed in leads back to the page of this site that led here, and nowhere else.
func TestPages_SignOutBack(t *testing.T) {
	t.Parallel()
	a := membersApp(t, ginauth.Options{})
	b := a.browser(t)
	b.signInAs("ada")
	for referer, back := range map[string]string{
		"":                                  a.URL,
		a.URL + "/me?tab=1":                 "/me?tab=1",
		"https://evil.example/me":           a.URL,
		"javascript:alert(1)":               a.URL,
		a.URL + "/api/auth/signout?csrf=tr": a.URL,
	} {
		req := b.request(http.MethodGet, "/api/auth/signout", nil)
		if referer != "" {
			req.Header.Set("Referer", referer)
		}
		if page := b.do(req); !strings.Contains(page.body, `href="`+back+`">Stay signed in<`) || !strings.Contains(page.body, "<bdi>ada@example.com</bdi>") {
			t.Errorf("from %q:\n%s", referer, page.body)
		}
	}
}

// Links of the application are paths of this site or http(s) URLs, the stylesheet a path.
func TestPages_LinksAreChecked(t *testing.T) {
	t.Parallel()
	for value, ok := range map[string]bool{
		"/terms": true, "/terms?lang=de#cookies": true, "https://example.com/privacy#cookies": true,
		"//evil.example": false, `/\evil.example`: false, "javascript:alert(1)": false, "terms": false, "https://u:p@example.com/": false, "/a\nb": false,
	} {
		for name, pages := range map[string]ginauth.Pages{
			"SignUp": {SignUp: value}, "ForgotPassword": {ForgotPassword: value}, "Terms": {Terms: value}, "Privacy": {Privacy: value},
		} {
			_, err := ginauth.New(ginauth.Options{Secret: testSecret, BaseURL: "https://app.example.com", Pages: pages})
			if (err == nil) != ok || err != nil && !strings.Contains(err.Error(), "Pages."+name) {
				t.Errorf("Pages.%s %q: %v", name, value, err)
			}
		}
	}
	for value, ok := range map[string]bool{
		"/look.css": true, "/look.css?v=2": true,
		"//evil.example/x.css": false, `/\evil.example/x.css`: false, "https://app.example.com/x.css": false, "look.css": false, "/a b.css": false,
	} {
		_, err := ginauth.New(ginauth.Options{Secret: testSecret, BaseURL: "https://app.example.com", Theme: ginauth.Theme{Stylesheet: value}})
		if (err == nil) != ok || err != nil && !strings.Contains(err.Error(), "Theme.Stylesheet") {
			t.Errorf("Theme.Stylesheet %q: %v", value, err)
		}
	}
}

// The blocks for pages of one's own sign in, and need nothing else.
func TestPages_Blocks(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	a := newApp(t, ginauth.Options{Providers: append(ginauth.Goth(local(idp, "first"), local(idp, "second")), members()), AccountPage: true})
	a.engine.GET("/own", a.auth.LoadSession(), func(c *gin.Context) {
		c.Data(http.StatusOK, "text/html", []byte(a.auth.AccountMenu(c, "/")+a.auth.ProviderButtons(c, "/me")+a.auth.CodeForm(c, "credentials", "")))
	})
	b := a.browser(t)
	page := b.get("/own").body
	if strings.Count(page, "<form") != 2 || strings.Contains(page, "<details") || strings.Contains(page, "style") || !strings.Contains(page, `class="ginauth-button ginauth-provider"`) {
		t.Fatal(page)
	}
	begun := b.post("/api/auth/signin/first", fields(page))
	if !b.get(approve(t, idp, begun.Header.Get("Location")).String()).signedIn() {
		t.Fatal("not signed in")
	}
	page = b.get("/own").body
	if !strings.Contains(page, `<details class="ginauth-menu">`) || !strings.Contains(page, `href="`+a.URL+`/api/auth/account"`) || strings.Count(page, "Last used") != 1 {
		t.Error(page)
	}
	if !strings.Contains(page, `action="`+a.URL+`/api/auth/signout"`) || !strings.Contains(page, "ada@example.com") {
		t.Errorf("the menu does not say who is signed in, or has no sign-out: %s", page)
	}
	b.post("/api/auth/signout", fields(page))
	if b.user() != "" {
		t.Error("the menu does not sign out")
	}
	without := membersApp(t, ginauth.Options{})
	without.engine.GET("/own", without.auth.LoadSession(), func(c *gin.Context) {
		c.Data(http.StatusOK, "text/html", []byte(without.auth.AccountMenu(c, "/")))
	})
	b = without.browser(t)
	b.signInAs("ada")
	if page := b.get("/own").body; !strings.Contains(page, "<details") || strings.Contains(page, "account\"") {
		t.Errorf("without an account page: %s", page)
	}
}
