package tests

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/servertest"
	"github.com/ginauth/ginauth/redisstore"
)

const accountPath = "/api/auth/account"

// accountApp is a userApp with an account page, which lists sessions, on a clock of its own.
func accountApp(t testing.TB, opts ginauth.Options) (*userApp, *mailClock) {
	t.Helper()
	clock := &mailClock{}
	opts.AccountPage, opts.Now = true, clock.now
	opts.Session.Store = redisstore.New(redisClient(t, servertest.Redis(t)), redisstore.Options{})
	return newUserApp(t, opts), clock
}

// do posts a form of the account page.
func (b *browser) doAccount(do string, fields url.Values) answer {
	b.t.Helper()
	form := url.Values{"csrfToken": {b.csrf()}, "do": {do}}
	for name, values := range fields {
		form[name] = values
	}
	return b.post(accountPath, form)
}

// There is no account page unless the application asks for one.
func TestAccount_Off(t *testing.T) {
	t.Parallel()
	a := membersApp(t, ginauth.Options{})
	b := a.browser(t)
	b.signInAs("ada")
	for _, res := range []answer{b.get(accountPath), b.doAccount("end-others", nil)} {
		if res.StatusCode != http.StatusBadRequest {
			t.Errorf("answered %d", res.StatusCode)
		}
	}
}

// Signed out, the page leads to the sign-in page and back.
func TestAccount_SignedOut(t *testing.T) {
	t.Parallel()
	a := membersApp(t, ginauth.Options{AccountPage: true})
	b := a.browser(t)
	for _, res := range []answer{b.get(accountPath), b.doAccount("end-others", nil)} {
		if got := res.Header.Get("Location"); got != a.URL+"/api/auth/signin?callbackUrl=%2Fapi%2Fauth%2Faccount" {
			t.Errorf("it leads to %q", got)
		}
	}
}

// Without an Adapter or a store that lists, the page says who somebody is, and signs out.
func TestAccount_WithoutAdapter(t *testing.T) {
	t.Parallel()
	a := membersApp(t, ginauth.Options{AccountPage: true})
	b := a.browser(t)
	b.signInAs("ada")
	page := b.get(accountPath)
	if page.StatusCode != http.StatusOK || !strings.Contains(page.body, "<bdi>ada@example.com</bdi>") || strings.Contains(page.body, "<section") {
		t.Errorf("%d:\n%s", page.StatusCode, page.body)
	}
	if action := `method="post" action="` + a.URL + `/api/auth/signout"`; strings.Count(page.body, action) != 1 {
		t.Errorf("the page has no %s:\n%s", action, page.body)
	}
	if page.Header.Get("Cache-Control") != "private, no-cache, no-store" {
		t.Errorf("it may be kept: %v", page.Header)
	}
	if b.post("/api/auth/signout", fields(page.body)); b.user() != "" {
		t.Error("it does not sign out")
	}
}

// A picture on another server is not shown: that server would learn who looks, and when.
func TestAccount_Picture(t *testing.T) {
	t.Parallel()
	image := ""
	a := newApp(t, ginauth.Options{AccountPage: true, Providers: []ginauth.Provider{ginauth.Credentials{
		Fields: []ginauth.Field{{Name: "username"}},
		Authorize: func(*gin.Context, map[string]string) (*ginauth.User, error) {
			return &ginauth.User{ID: "1", Name: "Ada", Image: image}, nil
		},
	}}})
	for picture, shown := range map[string]string{
		"": "", "/ada.png": "/ada.png", a.URL + "/ada.png": "/ada.png",
		"https://evil.example/ada.png": "", "//evil.example/ada.png": "", a.URL + ".evil.example/ada.png": "", "data:image/png,x": "", "javascript:alert(1)": "",
	} {
		image = picture
		b := a.browser(t)
		b.signInAs("ada")
		page := b.get(accountPath)
		policy := page.Header.Get("Content-Security-Policy")
		if strings.Contains(page.body, "<img") != (shown != "") || strings.Contains(policy, "img-src 'self'") != (shown != "") || strings.Contains(page.body, "evil") ||
			shown != "" && !strings.Contains(page.body, `src="`+shown+`"`) {
			t.Errorf("%q: %s\n%s", picture, policy, page.body)
		}
	}
}

// A person links and unlinks accounts: never the last one, and never somebody else's.
func TestAccount_Ways(t *testing.T) {
	t.Parallel()
	a, _ := accountApp(t, ginauth.Options{})
	b := a.browser(t)
	b.signInAt(a.idp, "first", "grace")
	id := b.id()
	page := b.get(accountPath).body
	if !strings.Contains(page, "Your only way to sign in.") || strings.Contains(page, ">Remove<") || !strings.Contains(page, ">Connect second<") {
		t.Fatal(page)
	}
	begun := b.doAccount("link", url.Values{"provider": {"second"}, "callbackUrl": {accountPath + "?done=true"}})
	back := b.get(as(t, a.idp, begun.Header.Get("Location"), "grace").String())
	if got := back.Header.Get("Location"); got != a.URL+accountPath+"?done=true" || b.id() != id {
		t.Fatalf("%q\n%s", got, a.log)
	}
	page = b.follow(back).body
	if strings.Count(page, ">Remove<") != 2 || !strings.Contains(page, "Without it you sign in with: second.") {
		t.Fatal(page)
	}
	// Another person's account cannot be taken away by naming it.
	eve := a.browser(t)
	eve.signInAt(a.idp, "first", "nemo")
	eve.signInAt(a.idp, "second", "nemo")
	for _, subject := range []string{"grace", "ada"} {
		if res := eve.doAccount("unlink", url.Values{"provider": {"first"}, "account": {subject}}); res.StatusCode != http.StatusConflict {
			t.Errorf("unlinking %s's answers %d", subject, res.StatusCode)
		}
	}
	if res := b.doAccount("unlink", url.Values{"provider": {"first"}, "account": {"grace"}}); res.Header.Get("Location") != a.URL+accountPath+"?done=true" {
		t.Errorf("%d %s", res.StatusCode, res.body)
	}
	if res := b.doAccount("unlink", url.Values{"provider": {"second"}, "account": {"grace"}}); res.StatusCode != http.StatusConflict {
		t.Errorf("unlinking the last one answers %d", res.StatusCode)
	}
	if accounts, err := a.adapter.ListAccounts(t.Context(), id); err != nil || len(accounts) != 1 || accounts[0].Provider != "second" {
		t.Errorf("%v %v", accounts, err)
	}
}

// What changes who may sign in needs a proof of a moment ago, and a form of this site:
// a browser that was left open gives no account away.
func TestAccount_Guarded(t *testing.T) {
	t.Parallel()
	deleted := false
	a, clock := accountApp(t, ginauth.Options{Callbacks: ginauth.Callbacks{DeleteUser: func(*gin.Context, ginauth.User) error { deleted = true; return nil }}})
	b := a.browser(t)
	b.signInAt(a.idp, "first", "grace")
	b.signInAt(a.idp, "second", "grace")
	id := b.id()
	changes := map[string]url.Values{
		"link": {"provider": {"trusted"}}, "unlink": {"provider": {"first"}, "account": {"grace"}}, "delete": {"sure": {"true"}},
	}
	for do, form := range changes {
		for name, refused := range map[string]answer{
			"without a token": b.post(accountPath, url.Values{"do": {do}, "provider": form["provider"], "account": form["account"], "sure": {"true"}}),
			"unknown":         b.doAccount("everything", form),
		} {
			if got := refused.Header.Get("Location"); got != a.URL+accountPath+"?csrf=true" {
				t.Errorf("%s %s leads to %q", do, name, got)
			}
		}
		elsewhere := url.Values{"csrfToken": {b.csrf()}, "do": {do}}
		for name, values := range form {
			elsewhere[name] = values
		}
		req := b.request(http.MethodPost, accountPath, elsewhere)
		req.Header.Set("Origin", "https://evil.example")
		if got := b.do(req).Header.Get("Location"); got != a.URL+accountPath+"?csrf=true" {
			t.Errorf("%s from another origin leads to %q", do, got)
		}
	}
	clock.move(11 * time.Minute)
	for do, form := range changes {
		if got := b.doAccount(do, form).Header.Get("Location"); !strings.HasPrefix(got, a.URL+"/api/auth/factor?callbackUrl=") {
			t.Errorf("%s ten minutes later leads to %q", do, got)
		}
	}
	if res := b.doAccount("end-others", nil); res.Header.Get("Location") != a.URL+accountPath+"?done=true" {
		t.Errorf("signing out elsewhere needs a fresh sign-in: %v", res.Header)
	}
	if res := b.doAccount("end", url.Values{"session": {"another"}}); res.StatusCode != http.StatusConflict {
		t.Errorf("ending a session needs a fresh sign-in: %d %v", res.StatusCode, res.Header)
	}
	if accounts, err := a.adapter.ListAccounts(t.Context(), id); err != nil || len(accounts) != 2 || deleted {
		t.Errorf("%v %v, deleted %v", accounts, err, deleted)
	}
}

// The page lists where somebody is signed in, by the browser's name, and ends one session
// or all others: those of this person.
func TestAccount_Sessions(t *testing.T) {
	t.Parallel()
	a, _ := accountApp(t, ginauth.Options{})
	at := func(userAgent, subject string) *browser {
		b := a.browser(t)
		authURL := b.begin("first", "/after")
		req := b.request(http.MethodGet, as(t, a.idp, authURL, subject).String(), nil)
		req.Header.Set("User-Agent", userAgent)
		if !b.do(req).signedIn() {
			t.Fatal("not signed in")
		}
		return b
	}
	phone := at("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1", "grace")
	odd := at("<script>alert(1)</script>", "grace")
	b := at("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:130.0) Gecko/20100101 Firefox/130.0", "grace")
	nemo := at("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36", "nemo")
	page := b.get(accountPath).body
	for _, want := range []string{"Firefox · Windows", "This browser.", "Safari · iPhone", "Unknown browser"} {
		if strings.Count(page, want) != 1 {
			t.Errorf("%q is not on the page", want)
		}
	}
	if strings.Contains(page, "<script") || strings.Contains(page, "macOS") || strings.Count(page, `name="session"`) != 2 {
		t.Errorf("the page:\n%s", page)
	}
	theirs := fields(nemo.get(accountPath).body) // nothing to end: their only one is this
	if theirs.Has("session") {
		t.Error("the page offers to end the session that looks at it")
	}
	if res := nemo.doAccount("end", url.Values{"session": {fields(page).Get("session")}}); res.StatusCode != http.StatusConflict {
		t.Errorf("ending another person's session answers %d", res.StatusCode)
	}
	if phone.id() == "" || odd.id() == "" {
		t.Fatal("another person ended a session")
	}
	b.doAccount("end", url.Values{"session": {fields(page).Get("session")}})
	if (phone.id() == "") == (odd.id() == "") {
		t.Error("not exactly one session ended")
	}
	b.doAccount("end-others", nil)
	if phone.id() != "" || odd.id() != "" || b.id() == "" || nemo.id() == "" {
		t.Error("not the others, or not only those of this person")
	}
}

// The application deletes its own rows first, and may refuse; without it there is no
// deletion. Afterwards nothing is left of the user.
func TestAccount_Delete(t *testing.T) {
	t.Parallel()
	refusal := error(ginauth.PublicError("Cancel your subscription first."))
	var asked []string
	a, _ := accountApp(t, ginauth.Options{Callbacks: ginauth.Callbacks{DeleteUser: func(_ *gin.Context, u ginauth.User) error {
		asked = append(asked, u.Email)
		return refusal
	}}})
	b := a.browser(t)
	b.signInAt(a.idp, "first", "grace")
	id := b.id()
	if res := b.doAccount("delete", nil); res.StatusCode != http.StatusConflict || len(asked) != 0 {
		t.Errorf("without the box ticked: %d, %v", res.StatusCode, asked)
	}
	if res := b.doAccount("delete", url.Values{"sure": {"true"}}); res.StatusCode != http.StatusConflict || res.alert() != "Cancel your subscription first." || b.id() != id {
		t.Errorf("refused: %d %q", res.StatusCode, res.alert())
	}
	refusal = http.ErrAbortHandler
	if res := b.doAccount("delete", url.Values{"sure": {"true"}}); res.StatusCode != http.StatusInternalServerError || strings.Contains(res.body, "abort") || referenceOf.FindString(res.body) == "" || b.id() != id {
		t.Errorf("failed: %d %s", res.StatusCode, res.body)
	}
	_, section, _ := strings.Cut(b.get(accountPath).body, `<section aria-labelledby="deletion">`)
	if !strings.Contains(section, `name="do" value="delete"`) || !strings.Contains(section, `name="sure" type="checkbox" value="true" required`) || !strings.Contains(section, ">Delete account</button>") {
		t.Errorf("the page offers no deletion: %s", section)
	}
	refusal = nil
	if res := b.doAccount("delete", url.Values{"sure": {"true"}}); res.Header.Get("Location") != a.URL || b.id() != "" {
		t.Errorf("deleted: %d %v", res.StatusCode, res.Header)
	}
	if _, err := a.adapter.GetUser(t.Context(), id); err == nil || len(asked) != 3 || asked[0] != "grace@example.com" {
		t.Errorf("%v %v", err, asked)
	}

	without, _ := accountApp(t, ginauth.Options{})
	c := without.browser(t)
	c.signInAt(without.idp, "first", "grace")
	if res := c.doAccount("delete", url.Values{"sure": {"true"}}); res.StatusCode != http.StatusConflict || c.id() == "" || strings.Contains(c.get(accountPath).body, "Delete account") {
		t.Errorf("without the callback: %d", res.StatusCode)
	}
}

// The page says whether signing in takes a second step and which passkeys there are, and
// leads to their pages. A passkey is a way in: the password may go.
func TestAccount_FactorsAndPasskeys(t *testing.T) {
	t.Parallel()
	a := newFactorApp(t, passwordOptions{Options: ginauth.Options{AccountPage: true}})
	b := a.browser(t)
	if res := b.types(adaReads, adaTypes); !res.signedIn() {
		t.Fatalf("%d %s", res.StatusCode, res.Header.Get("Location"))
	}
	const step, without, with = `href="` + "%s" + `/api/auth/second-factor/list"`, "You sign in without a second step.", "An authenticator app is set up since "
	if body := b.get(accountPath).body; !strings.Contains(body, strings.Replace(step, "%s", a.URL, 1)) || !strings.Contains(body, without) || strings.Contains(body, "Passkeys") {
		t.Errorf("before an app is set up: %s", body)
	}
	a.setUp(t, b, b.get("/api/auth/second-factor/add"))
	if body := b.get(accountPath).body; !strings.Contains(body, with) || strings.Contains(body, without) {
		t.Errorf("with an app: %s", body)
	}

	keys := newPasskeyApp(t, ginauth.Options{AccountPage: true})
	owner, other := keys.browser(t), keys.browser(t)
	d := keys.registered(t, "ada")
	other.signInByPassword("bob")
	if body := other.get(accountPath).body; !strings.Contains(body, "You have no passkeys yet.") || strings.Contains(body, "second-factor") {
		t.Errorf("without a passkey: %s", body)
	}
	if !owner.signInByPasskey(d).signedIn() {
		t.Fatal("the passkey is refused")
	}
	body := owner.get(accountPath).body
	if !strings.Contains(body, "Without it you sign in with: Passkey.") {
		t.Errorf("a passkey is no way to sign in: %s", body)
	}
	if !strings.Contains(body, `href="`+keys.URL+`/api/auth/passkeys"`) || strings.Contains(body, "You have no passkeys yet.") || !strings.Contains(body, "Last used ") {
		t.Errorf("with a passkey: %s", body)
	}
}
