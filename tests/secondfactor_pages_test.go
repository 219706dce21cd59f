package tests

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/otp"
)

const secondURL = "/api/auth/second-factor/"

// leadsTo is where an answer leads, for a page by 302 and for a script in JSON.
func (a answer) leadsTo(t testing.TB) string {
	t.Helper()
	if !strings.HasPrefix(a.body, "{") {
		return a.Header.Get("Location")
	}
	var out struct{ URL string }
	decode(t, a.body, &out)
	return out.URL
}

// isPrivate fails the test unless no cache keeps an answer.
func (a answer) isPrivate(t testing.TB) {
	t.Helper()
	if got := a.Header.Get("Cache-Control"); got != "private, no-cache, no-store" {
		t.Errorf("%s: Cache-Control is %q", a.Request.URL.Path, got)
	}
}

// Each page of second factors answers at its own path. A form's path has no page. A person
// who opens a page that is not for them is led to the one that is.
func TestSecondFactor_Paths(t *testing.T) {
	t.Parallel()
	a := newFactorApp(t, passwordOptions{Options: ginauth.Options{
		Session: ginauth.SessionOptions{Format: ginauth.AuthJSV5}, Cookies: ginauth.CookieOptions{Prefix: "next-auth"},
	}})
	phone := a.enrols(t, a.browser(t))
	nobody, waits, wrongly, plain, full := a.browser(t), a.browser(t), a.browser(t), a.browser(t), a.browser(t)
	a.waits(t, waits)
	a.waits(t, wrongly)
	a.joins(t, "grace@example.org", "hers")
	plain.types("grace@example.org", "hers")
	a.waits(t, full)
	full.gives("code", phone.code(a))
	const signIn, expired, here = "/api/auth/signin?callbackUrl=", "/api/auth/error?error=FactorExpired", "here"
	for _, row := range []struct {
		who          string
		b            *browser
		method, path string
		status       int
		leads        string // "here": it is the page itself
	}{
		{"nobody", nobody, "GET", "second-factor", 200, secondURL + "code"},
		{"nobody", nobody, "GET", "second-factor/code", 401, expired},
		{"nobody", nobody, "GET", "second-factor/recovery", 401, expired},
		{"nobody", nobody, "GET", "second-factor/enrol", 401, expired},
		{"nobody", nobody, "GET", "second-factor/list", 401, signIn + a.URL + secondURL + "list"},
		{"nobody", nobody, "GET", "second-factor/add", 401, signIn + a.URL + secondURL + "list"},
		{"nobody", nobody, "GET", "second-factor/confirm", 401, signIn + a.URL + secondURL + "list"},
		{"nobody", nobody, "POST", "second-factor", 401, expired},
		{"nobody", nobody, "POST", "second-factor/passkey", 401, expired},
		{"nobody", nobody, "POST", "second-factor/enrol", 401, expired},
		{"nobody", nobody, "POST", "second-factor/remove", 401, signIn + a.URL + secondURL + "list"},
		{"nobody", nobody, "POST", "second-factor/confirm", 401, signIn + a.URL + secondURL + "list"},
		{"who waits", waits, "GET", "second-factor", 200, secondURL + "code"},
		{"who waits", waits, "GET", "second-factor/code", 200, here},
		{"who waits", waits, "GET", "second-factor/recovery", 200, here},
		{"who waits", waits, "GET", "second-factor/enrol", 200, here},
		{"who waits", waits, "GET", "second-factor/confirm", 401, signIn + a.URL + secondURL + "list"},
		{"who waits", waits, "POST", "second-factor", 401, secondURL + "code?error=FactorCode"},
		{"who waits", waits, "POST", "second-factor/recovery", 401, secondURL + "recovery?error=FactorCode"},
		{"who waits", wrongly, "POST", "second-factor/enrol", 401, expired},
		{"who waited", wrongly, "POST", "second-factor", 401, expired},
		{"who has no app", plain, "GET", "second-factor/list", 200, here},
		{"who has no app", plain, "GET", "second-factor/add", 200, here},
		{"who has no app", plain, "GET", "second-factor/confirm", 200, secondURL + "list"},
		{"who has no app", plain, "GET", "second-factor/confirm-recovery", 200, secondURL + "list"},
		{"who has no app", plain, "POST", "second-factor/codes", 200, secondURL + "list"},
		{"who has no app", plain, "POST", "second-factor/confirm", 401, secondURL + "confirm?error=FactorCode"},
		{"who has no app", plain, "POST", "second-factor/add", 401, expired},
		{"who has an app", full, "GET", "second-factor/list", 200, here},
		{"who has an app", full, "GET", "second-factor/confirm", 200, here},
		{"who has an app", full, "GET", "second-factor/confirm-recovery", 200, here},
		{"who has an app", full, "POST", "second-factor/confirm", 401, secondURL + "confirm?error=FactorCode"},
		{"who has an app", full, "POST", "second-factor/confirm-recovery", 401, secondURL + "confirm-recovery?error=FactorCode"},
		{"who has an app", full, "GET", "second-factor/code", 401, expired},
	} {
		req := row.b.request(row.method, "/api/auth/"+row.path, nil)
		if row.method == http.MethodPost {
			req = row.b.request(row.method, "/api/auth/"+row.path, url.Values{"csrfToken": {row.b.csrf()}})
		}
		req.Header.Set("X-Auth-Return-Redirect", "1")
		res := row.b.do(req)
		name, leads := fmt.Sprint(row.who, ": ", row.method, " ", row.path), res.leadsTo(t)
		if res.StatusCode != row.status || row.leads == here && leads != "" || row.leads != here && !same(t, leads, a.URL+row.leads) {
			t.Errorf("%s answers %d and leads to %q", name, res.StatusCode, leads)
		}
		if row.leads == here {
			res.isPrivate(t)
		}
		if row.b == nobody && setCookies(res)[waitingCookie] != nil && setCookies(res)[waitingCookie].Value != "" {
			t.Errorf("%s sets a cookie", name)
		}
	}
	for _, row := range []string{"GET nothing", "POST nothing", "GET remove", "GET codes", "GET passkey", "POST list"} {
		method, page, _ := strings.Cut(row, " ")
		req := full.request(method, secondURL+page, nil)
		if method == http.MethodPost {
			req = full.request(method, secondURL+page, url.Values{"csrfToken": {full.csrf()}})
		}
		if res := full.do(req); res.StatusCode != http.StatusNotFound || res.body != "Error: There is no such page" {
			t.Errorf("%s: %d %s", row, res.StatusCode, res.body)
		}
	}
	if data, err := a.users.GetFactors(t.Context(), plain.id()); err != nil || data != nil && strings.Contains(string(data), "otp") {
		t.Errorf("who has no app has %s, %v", data, err)
	}
}

// same compares two URLs by their parts.
func same(t testing.TB, got, want string) bool {
	t.Helper()
	g, w := mustURL(t, got), mustURL(t, want)
	return g.Host == w.Host && g.Path == w.Path && g.Query().Encode() == w.Query().Encode()
}

// A form without its CSRF token does nothing, and leads to the page that it is on.
func TestSecondFactor_UnprovenForms(t *testing.T) {
	t.Parallel()
	a := newFactorApp(t, passwordOptions{})
	session := a.browser(t)
	phone := a.enrols(t, session)
	waits := a.browser(t)
	a.waits(t, waits)
	for form, page := range map[string]string{
		"": "code", "/code": "code", "/recovery": "recovery", "/enrol": "enrol", "/passkey": "code",
		"/confirm": "confirm", "/confirm-recovery": "confirm-recovery", "/add": "add", "/remove": "list", "/codes": "list",
	} {
		for _, b := range []*browser{session, waits} {
			res := b.post("/api/auth/second-factor"+form, url.Values{"code": {phone.code(a)}})
			if got := res.Header.Get("Location"); res.StatusCode != http.StatusFound || got != a.URL+secondURL+page+"?csrf=true" || res.signedIn() {
				t.Errorf("%q: %d to %s", form, res.StatusCode, got)
			}
		}
	}
	if heard := a.heard(); len(heard) != 0 {
		t.Errorf("the application hears %v", heard)
	}
	if !waits.gives("code", phone.code(a)).signedIn() {
		t.Error("the code was used up")
	}
}

// Who may not change their factors yet proves first who they are, and comes back to the page
// where they wanted to.
func TestSecondFactor_LedToProof(t *testing.T) {
	t.Parallel()
	a := newFactorApp(t, passwordOptions{})
	b := a.browser(t)
	a.enrols(t, b)
	a.clock.move(11 * time.Minute)
	for _, row := range []struct{ method, page, back, without string }{
		{"GET", "add", "add", "otp"}, {"POST", "add", "add", "otp"}, {"POST", "remove", "list", "otp"}, {"POST", "codes", "list", "recovery"},
	} {
		req := b.request(row.method, secondURL+row.page, nil)
		if row.method == http.MethodPost {
			req = b.request(row.method, secondURL+row.page, url.Values{"csrfToken": {b.csrf()}, "json": {"true"}})
		}
		res := b.do(req)
		u := mustURL(t, res.leadsTo(t))
		methods := strings.Fields(u.Query().Get("methods"))
		if u.Path != "/api/auth/factor" || u.Query().Get("callbackUrl") != a.URL+secondURL+row.back || len(methods) != 5 || slices.Contains(methods, row.without) ||
			row.method == http.MethodPost && res.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s %s: %d to %s", row.method, row.page, res.StatusCode, u)
		}
		if heard := a.heard(); len(heard) != 0 || strings.Contains(res.body, "recoveryCodes") {
			t.Errorf("%s %s: the application hears %v, and the answer is %s", row.method, row.page, heard, res.body)
		}
	}
}

// The page of an app that is set up says since when, how many recovery codes are left, and
// whether its codes count.
func TestSecondFactor_List(t *testing.T) {
	t.Parallel()
	a := newFactorApp(t, passwordOptions{})
	b := a.browser(t)
	phone := a.enrols(t, b)
	since := a.clock.now().Add(-otp.Period).Format("2006")
	page := b.get(secondURL + "list")
	for _, want := range []string{since, "Recovery codes left: 10", secondURL + `add"`, secondURL + `codes"`, secondURL + `remove"`, `value="` + b.csrf() + `"`} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the page does not have %s: %s", want, page.body)
		}
	}
	const off = "codes do not count for now"
	if strings.Contains(page.body, off) {
		t.Errorf("the page says that the codes are off")
	}
	csrf := b.csrf()
	for range 100 {
		b.post(secondURL+"confirm", url.Values{"csrfToken": {csrf}, "code": {"none"}})
	}
	for _, name := range []string{"list", "confirm"} {
		if page := b.get(secondURL + name); !strings.Contains(page.body, off) {
			t.Errorf("%s says %s", name, page.body)
		}
	}
	if page := b.get(secondURL + "confirm-recovery?error=FactorCode"); strings.Contains(page.body, off) || !strings.Contains(page.body, "That is none of your recovery codes") {
		t.Errorf("the page of recovery codes says %s", page.body)
	}
	if heard := a.heard(); !slices.Equal(heard, []string{adaReads + " otp guessed", adaReads + " otp off"}) {
		t.Errorf("the application hears %v", heard)
	}
	if b.gives("confirm-recovery", phone.recovery[0]); !strings.Contains(b.get(secondURL+"list").body, "Recovery codes left: 9") || strings.Contains(b.get(secondURL+"list").body, off) {
		t.Error("after a recovery code the app's codes are off")
	}
}

// A wrong code shows the same key again, and the right one sets it up.
func TestSecondFactor_WrongCode(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(t *testing.T, a *factorApp, b *browser, required *bool) answer{
		"add": func(t *testing.T, a *factorApp, b *browser, _ *bool) answer {
			b.types(adaReads, adaTypes)
			return b.get(secondURL + "add?callbackUrl=/after")
		},
		"enrol": func(t *testing.T, a *factorApp, b *browser, required *bool) answer {
			*required = true
			a.waits(t, b)
			return b.get(codeURL)
		},
	} {
		required := false
		a := newFactorApp(t, passwordOptions{Options: ginauth.Options{Factors: ginauth.FactorOptions{Required: func(*gin.Context, ginauth.User) bool { return required }}}})
		b := a.browser(t)
		page := open(t, a, b, &required)
		page.isPrivate(t)
		phone, action, fields := scan(t, page)
		if !strings.HasSuffix(action, secondURL+name) || strings.Contains(page.body, "That is not the code.") {
			t.Errorf("%s: the form goes to %s", name, action)
		}
		fields.Set("code", "none")
		again := b.post(action, fields)
		same, action, next := scan(t, again)
		if again.StatusCode != http.StatusUnauthorized || string(same.secret) != string(phone.secret) || !strings.Contains(again.body, "That is not the code.") || again.signedIn() {
			t.Errorf("%s: a wrong code: %d %s", name, again.StatusCode, again.body)
		}
		if heard := a.heard(); len(heard) != 0 {
			t.Errorf("%s: the application hears %v", name, heard)
		}
		a.log.forget()
		next.Set("code", phone.code(a))
		done := b.post(action, next)
		done.isPrivate(t)
		if done.StatusCode != http.StatusOK || len(codeOnPage.FindAllString(done.body, -1)) != 10 || !done.signedIn() || b.get("/factors").body != "password otp" {
			t.Errorf("%s: the right code: %d %s", name, done.StatusCode, done.body)
		}
		if heard := a.heard(); !slices.Equal(heard, []string{adaReads + " otp added"}) || !strings.Contains(a.log.String(), `msg="ginauth: a user's second factors changed" user=`+a.ada+" factor=otp change=added") {
			t.Errorf("%s: the application hears %v\n%s", name, heard, a.log)
		}
		if mails := a.inbox.all(); len(mails) != 1 || mails[0].To != adaReads {
			t.Errorf("%s: the mails are %v", name, mails)
		}
	}
}

// A form that is ten minutes old sets nothing up.
func TestSecondFactor_OldForm(t *testing.T) {
	t.Parallel()
	a := newFactorApp(t, passwordOptions{})
	b := a.browser(t)
	b.types(adaReads, adaTypes)
	a.clock.move(time.Minute)
	phone, action, fields := scan(t, b.get(secondURL+"add"))
	a.clock.move(9 * time.Minute)
	b.post("/api/auth/factor/credentials", url.Values{"csrfToken": {b.csrf()}, "username": {adaReads}, "password": {adaTypes}})
	a.clock.move(time.Minute)
	fields.Set("code", phone.code(a))
	fields.Set("json", "true")
	res := b.post(action, fields)
	if res.StatusCode != http.StatusUnauthorized || !strings.HasSuffix(res.leadsTo(t), "/error?error=FactorExpired") || len(a.heard()) != 0 {
		t.Errorf("%d %s", res.StatusCode, res.body)
	}
	if !strings.Contains(a.log.String(), `level=INFO msg="ginauth: sign-in refused"`) || !strings.Contains(a.log.String(), `step="setting up a second factor"`) ||
		!strings.Contains(a.log.String(), "the key of the form is not of this person's sign-in, or the form is too old") {
		t.Errorf("the log: %s", a.log)
	}
	if b.id() != a.ada {
		t.Error("she is signed out")
	}
}

// Who could lose the user to the owner of the address is shown no key, until they prove that
// they are the owner: also by the very sign-in that waits for it.
func TestSecondFactor_AddressFirst(t *testing.T) {
	t.Parallel()
	a := newFactorApp(t, passwordOptions{Options: ginauth.Options{
		Factors: ginauth.FactorOptions{Required: func(*gin.Context, ginauth.User) bool { return true }},
		Session: ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()},
	}})
	a.registers(t, victim, evilPassword)
	evil := a.browser(t)
	evil.types(victim, evilPassword)
	page := evil.get(codeURL)
	if page.StatusCode != http.StatusOK || keyOnPage.MatchString(page.body) || strings.Contains(page.body, `name="setup"`) || !strings.Contains(page.body, "First prove that your email address is yours") {
		t.Errorf("by password: %d %s", page.StatusCode, page.body)
	}
	// So it is where the address is no longer proved when the form comes back.
	spared := newFactorApp(t, passwordOptions{Options: ginauth.Options{Session: ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()}}})
	ada := spared.browser(t)
	ada.types(adaReads, adaTypes)
	_, back, form := scan(t, ada.get(secondURL+"add"))
	spared.proves(t, spared.ada, time.Time{})
	form.Set("code", "none")
	if page := ada.post(back, form); keyOnPage.MatchString(page.body) || !strings.Contains(page.body, "First prove that your email address is yours") {
		t.Errorf("after a wrong code: %d %s", page.StatusCode, page.body)
	}
	owner := a.browser(t)
	a.mails(t, owner, victim)
	phone, action, fields := scan(t, owner.get(codeURL))
	fields.Set("code", "none")
	again := owner.post(action, fields)
	same, action, fields := scan(t, again)
	if again.StatusCode != http.StatusUnauthorized || string(same.secret) != string(phone.secret) {
		t.Errorf("a wrong code: %d", again.StatusCode)
	}
	fields.Set("code", phone.code(a))
	if res := owner.post(action, fields); !res.signedIn() || owner.get("/factors").body != "mail otp" {
		t.Errorf("by mail: %d %s\n%s", res.StatusCode, res.body, a.log)
	}
}
