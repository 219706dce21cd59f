package tests

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ginauth/ginauth"
)

// mailCookie is what a browser keeps of the mail it asked for.
const mailCookie = "next-auth.mail"

// other is a code that is not the one.
func other(code string) string {
	if code == "000000" {
		return "000001"
	}
	return "000000"
}

// typeCode types a code into the page for it.
func (b *browser) typeCode(code string) answer {
	b.t.Helper()
	page := b.get("/api/auth/verify-request?provider=email&type=email")
	action, fields := onlyForm(b.t, page.body)
	fields.Set("code", code)
	return b.post(action, fields)
}

const tryAgain = "/api/auth/verify-request?provider=email&type=email&error=VerificationCode"

// wrong fails the test unless an answer asks for the code once more.
func (a answer) wrong(t testing.TB) {
	t.Helper()
	if got := a.Header.Get("Location"); !strings.HasSuffix(got, tryAgain) || a.signedIn() {
		t.Errorf("answered %d and leads to %q", a.StatusCode, got)
	}
}

func TestMailCode_SignIn(t *testing.T) {
	t.Parallel()
	a := newMailApp(t, ginauth.Email{Code: true}, ginauth.Options{})
	b := a.browser(t)
	if page := b.get("/api/auth/signin"); !strings.Contains(page.body, "Email me a code") {
		t.Error(page.body)
	}
	b.ask("ada@example.com", "/me?tab=1").sent(t)
	m := a.inbox.newest(t)
	if len(m.Code) != 6 || m.URL != "" || !strings.Contains(m.Text, "\n\n"+m.Code+"\n\n") || !strings.Contains(m.HTML, ">"+m.Code+"<") || strings.Contains(m.Subject, m.Code) {
		t.Fatalf("the mail is %s %s %s", m.Subject, m.Text, m.HTML)
	}
	if len(links(t, m.HTML)) != 0 || strings.Contains(m.Text, "http") {
		t.Error("there is a link beside the code")
	}
	if left := time.Until(m.Expires); left < 9*time.Minute || left > 10*time.Minute {
		t.Errorf("the code works for %v", left)
	}
	if rows := a.db.rows(); len(rows) != 1 || strings.Contains(rows[0].Hash, m.Code) {
		t.Errorf("kept are %+v", rows)
	}
	b.typeCode(other(m.Code)).wrong(t)
	if page := b.get(tryAgain); !strings.Contains(page.body, "That is not the code") {
		t.Error(page.body)
	}
	res := b.typeCode(" " + m.Code[:3] + " " + m.Code[3:] + " ") // as people type it
	if !res.signedIn() || res.Header.Get("Location") != a.URL+"/me?tab=1" || b.user() != "ada@example.com" {
		t.Fatalf("answered %d and leads to %s", res.StatusCode, res.Header.Get("Location"))
	}
	if b.cookie(mailCookie) != "" || len(a.db.rows()) != 0 {
		t.Errorf("left are %v and %q", a.db.rows(), b.cookie(mailCookie))
	}
	b.typeCode(m.Code).refused(t, "VerificationCode")
	if page := b.get("/api/auth/error?error=VerificationCode"); page.StatusCode != http.StatusForbidden || !strings.Contains(page.body, "This code no longer works") {
		t.Errorf("the page answers %d %s", page.StatusCode, page.body)
	}
	if res := b.get("/api/auth/callback/email?token=x&email=ada%40example.com"); !strings.HasSuffix(res.Header.Get("Location"), "/verify-request?provider=email&type=email") {
		t.Errorf("a link leads to %q", res.Header.Get("Location"))
	}
}

// Five wrong ones make a code void, however they are sent.
func TestMailCode_FiveTries(t *testing.T) {
	t.Parallel()
	a := newMailApp(t, ginauth.Email{Code: true}, ginauth.Options{})
	b := a.browser(t)
	b.ask("ada@example.com", "/").sent(t)
	code, kept := a.inbox.newest(t).Code, b.cookie(mailCookie)
	for _, short := range []string{"", "1", "12345", "1234567", code + "0"} { // no tries
		b.typeCode(short).wrong(t)
	}
	for range 4 {
		b.plant(mailCookie, kept) // an older cookie has no tries of its own
		b.typeCode(other(code)).wrong(t)
	}
	b.typeCode(other(code)).refused(t, "VerificationCode")
	b.plant(mailCookie, kept)
	b.typeCode(code).refused(t, "VerificationCode")
	if len(a.db.everybody()) != 0 || len(a.db.rows()) != 0 {
		t.Errorf("kept are %v and %v", a.db.everybody(), a.db.rows())
	}

	// The fifth one may be right.
	b.ask("ada@example.com", "/").sent(t)
	code = a.inbox.newest(t).Code
	for range 4 {
		b.typeCode(other(code)).wrong(t)
	}
	if !b.typeCode(code).signedIn() {
		t.Error("the fifth try is refused")
	}
}

// Many tries at once are no more than five, and the right code signs in once.
func TestMailCode_AtOnce(t *testing.T) {
	t.Parallel()
	a := newMailApp(t, ginauth.Email{Code: true}, ginauth.Options{})
	b := a.browser(t)
	b.ask("ada@example.com", "/").sent(t)
	code := a.inbox.newest(t).Code
	csrf := b.csrf()
	at := func(n int, code string) (signedIn, judged int64) {
		var in, wrong atomic.Int64
		var wg sync.WaitGroup
		for range n {
			wg.Go(func() {
				res := b.post("/api/auth/callback/email", url.Values{"csrfToken": {csrf}, "code": {code}})
				if res.signedIn() {
					in.Add(1)
				} else if strings.HasSuffix(res.Header.Get("Location"), tryAgain) {
					wrong.Add(1)
				}
			})
		}
		wg.Wait()
		return in.Load(), wrong.Load()
	}
	if in, judged := at(40, other(code)); in != 0 || judged > 4 || judged < 1 {
		t.Errorf("%d signed in, %d were told to try again", in, judged)
	}
	b.ask("ada@example.com", "/").sent(t)
	if in, _ := at(20, a.inbox.newest(t).Code); in != 1 {
		t.Errorf("the right code signed in %d times", in)
	}
}

// A code works in the browser that asked for it, for that mail and that time.
func TestMailCode_Bound(t *testing.T) {
	t.Parallel()
	a := newMailApp(t, ginauth.Email{Code: true}, ginauth.Options{
		Providers: []ginauth.Provider{ginauth.Email{ID: "post", Code: true, Send: nowhere}},
	})
	b := a.browser(t)
	b.ask("ada@example.com", "/").sent(t)
	code := a.inbox.newest(t).Code

	a.browser(t).typeCode(code).refused(t, "VerificationCode")
	stranger := a.browser(t)
	stranger.ask("grace@example.com", "/").sent(t)
	if a.inbox.newest(t).Code != code { // one time in a million they are the same
		stranger.typeCode(code).wrong(t)
	}
	elsewhere := b.post("/api/auth/callback/post", url.Values{"csrfToken": {b.csrf()}, "code": {code}})
	elsewhere.refused(t, "VerificationCode")
	forged := a.browser(t)
	forged.plant(mailCookie, b.cookie(mailCookie)+"A")
	forged.typeCode(code).refused(t, "VerificationCode")
	unproved := b.post("/api/auth/callback/email", url.Values{"csrfToken": {"x"}, "code": {code}})
	if got := unproved.Header.Get("Location"); !strings.HasSuffix(got, "/signin?csrf=true") || unproved.signedIn() {
		t.Errorf("without proof it leads to %s", got)
	}

	kept := b.cookie(mailCookie)
	b.ask("ada@example.com", "/").sent(t)
	if a.inbox.newest(t).Code != code {
		b.typeCode(code).wrong(t) // the newest mail counts
	}
	b.plant(mailCookie, kept)
	a.clock.move(10*time.Minute + time.Second)
	b.typeCode(code).refused(t, "VerificationCode")
}

// An adapter that is down neither signs in nor gives further tries.
func TestMailCode_AdapterDown(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		method string
		right  bool
		status int
		code   string
	}{
		{"UseVerificationToken", true, 500, "Callback"},
		{"CreateVerificationToken", false, 500, "Callback"},
		{"CreateUser", true, 200, "EmailCreateAccount"},
	} {
		t.Run(row.method, func(t *testing.T) {
			t.Parallel()
			a := newMailApp(t, ginauth.Email{Code: true}, ginauth.Options{})
			b := a.browser(t)
			b.ask("ada@example.com", "/").sent(t)
			code := a.inbox.newest(t).Code
			if !row.right {
				code = other(code)
			}
			a.db.breakDown(row.method)
			res := b.post("/api/auth/callback/email", url.Values{"csrfToken": {b.csrf()}, "code": {code}, "json": {"true"}})
			if res.StatusCode != row.status || !strings.Contains(res.body, "error="+row.code+`"`) || res.signedIn() {
				t.Errorf("answered %d %s", res.StatusCode, res.body)
			}
			if len(a.db.everybody()) != 0 || !strings.Contains(a.log.String(), "connection refused") || strings.Contains(a.log.String(), code) {
				t.Errorf("kept are %v, the log is %s", a.db.everybody(), a.log.String())
			}
		})
	}
}

// As JSON, a wrong code is not ok.
func TestMailCode_JSON(t *testing.T) {
	t.Parallel()
	a := newMailApp(t, ginauth.Email{Code: true}, ginauth.Options{})
	b := a.browser(t)
	b.ask("ada@example.com", "/me").sent(t)
	code := a.inbox.newest(t).Code
	for _, row := range []struct {
		code   string
		status int
		url    string
	}{
		{other(code), 401, tryAgain},
		{code, 200, "/me"},
		{code, 401, "/api/auth/error?error=VerificationCode"},
	} {
		res := b.post("/api/auth/callback/email", url.Values{"csrfToken": {b.csrf()}, "code": {row.code}, "json": {"true"}})
		if want := fmt.Sprintf(`{"url":"%s%s"}`, a.URL, row.url); res.StatusCode != row.status || res.body != want {
			t.Errorf("answered %d %s, want %d %s", res.StatusCode, res.body, row.status, want)
		}
	}
}

// Nobody who guesses at a code of their own asking takes the tries of the person.
func TestMailCode_TriesOfAnother(t *testing.T) {
	t.Parallel()
	a := newMailApp(t, ginauth.Email{Code: true}, ginauth.Options{})
	b, stranger := a.browser(t), a.browser(t)
	b.ask("ada@example.com", "/").sent(t)
	code := a.inbox.newest(t).Code
	stranger.ask("ada@example.com", "/").sent(t)
	theirs := a.inbox.newest(t).Code
	for range 4 {
		stranger.typeCode(other(theirs)).wrong(t)
	}
	stranger.typeCode(other(theirs)).refused(t, "VerificationCode")
	if !b.typeCode(code).signedIn() {
		t.Error("the person's own code is void")
	}
}
