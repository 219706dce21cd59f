package tests

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ginauth/ginauth"
)

// A change of second factors is told by mail to a proved address. It stands whether or
// not the mail can be sent, and where it cannot, the log says so.
func TestMailNotice(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name  string
		user  func(*ginauth.User) // changes Ada
		fault error               // of Send
		mails int
		warns bool
	}{
		{name: "a proved address", mails: 1},
		{name: "an address that is not proved", user: func(u *ginauth.User) { u.EmailVerified = time.Time{} }},
		{name: "no address", user: func(u *ginauth.User) { u.Email = "" }},
		{name: "Send fails", fault: errors.New("550 no mailbox " + adaReads + " here"), warns: true},
	} {
		a := newFactorApp(t, passwordOptions{})
		b := a.browser(t)
		a.enrols(t, b)
		if row.user != nil {
			user, err := a.users.GetUser(t.Context(), a.ada)
			if err != nil {
				t.Fatal(err)
			}
			row.user(&user)
			if _, err := a.users.UpdateUser(t.Context(), user); err != nil {
				t.Fatal(err)
			}
		}
		before := len(a.inbox.all())
		a.inbox.fault = row.fault
		a.log.forget()
		if res := b.gives("remove", ""); !strings.HasSuffix(res.Header.Get("Location"), "/second-factor/list") {
			t.Fatalf("%s: %d %s", row.name, res.StatusCode, res.Header.Get("Location"))
		}
		mails := a.inbox.all()[before:]
		if len(mails) != row.mails {
			t.Errorf("%s: %d mails, want %d", row.name, len(mails), row.mails)
		}
		for _, m := range mails {
			if m.To != adaReads || !strings.HasPrefix(m.Subject, "Your sign-in at ") || !strings.Contains(m.Text, "was removed") || !strings.Contains(m.HTML, "was removed") || m.URL != "" || m.Code != "" {
				t.Errorf("%s: the mail is %+v", row.name, m)
			}
		}
		if got := a.heard(); len(got) != 1 || !strings.HasSuffix(got[0], " otp removed") {
			t.Errorf("%s: the application heard %q", row.name, got)
		}
		log := a.log.String()
		if strings.Contains(log, "the mail about a change of second factors was not sent") != row.warns || strings.Contains(log, "WARN") != row.warns || strings.Contains(log, adaReads) {
			t.Errorf("%s: the log: %s", row.name, log)
		}
		if data, err := a.users.GetFactors(t.Context(), a.ada); err != nil || strings.Contains(string(data), "secret") {
			t.Errorf("%s: the app is still there: %v", row.name, err)
		}
	}
}

// Each change has a mail of its own.
func TestMailNotice_Texts(t *testing.T) {
	t.Parallel()
	a := newFactorApp(t, passwordOptions{})
	b := a.browser(t)
	phone := a.enrols(t, b)
	says := func(doing, words string) {
		t.Helper()
		if m := a.inbox.newest(t); m.To != adaReads || !strings.Contains(m.Text, words) || !strings.Contains(m.Text, "change your password and sign out everywhere") {
			t.Errorf("%s: the mail says %s", doing, m.Text)
		}
	}
	says("setting an app up", "An authenticator app was set up for your account "+adaReads)
	waiting := a.browser(t)
	a.waits(t, waiting)
	if !waiting.gives("recovery", phone.recovery[0]).signedIn() {
		t.Fatal(a.log)
	}
	says("a recovery code", "A recovery code of your account "+adaReads)
	if res := b.gives("codes", ""); len(codeOnPage.FindAllString(res.body, -1)) != 10 {
		t.Fatal(res.body)
	}
	says("new codes", "New recovery codes were made for your account "+adaReads)
	guesser := a.browser(t)
	a.waits(t, guesser)
	before := len(a.inbox.all())
	for range 4 {
		guesser.gives("code", "000000")
	}
	if n := len(a.inbox.all()); n != before {
		t.Errorf("%d mails of four wrong codes", n-before)
	}
	guesser.gives("code", "000000")
	says("five wrong codes", "Several wrong codes were typed for your account "+adaReads)
	for range 200 {
		if m := a.inbox.newest(t); strings.Contains(m.Text, "do not count for now") {
			break
		}
		a.waits(t, guesser)
		guesser.gives("code", "000000")
	}
	says("many wrong codes", "So many wrong codes were typed for your account "+adaReads)
	if res := b.gives("remove", ""); !strings.HasSuffix(res.Header.Get("Location"), "/second-factor/list") {
		t.Fatalf("%d %s", res.StatusCode, res.Header.Get("Location"))
	}
	says("taking it off", "The authenticator app of your account "+adaReads)
}

// A passkey that is added, and one that is removed, have a mail each.
func TestMailNotice_Passkey(t *testing.T) {
	t.Parallel()
	mails := &inbox{}
	a := newPasskeyApp(t, ginauth.Options{BaseURL: "http://localhost", Providers: []ginauth.Provider{ginauth.Email{Send: mails.send}}})
	a.URL = "http://localhost" + a.URL[strings.LastIndex(a.URL, ":"):]
	b, d := a.browser(t), a.device(t)
	d.origin = "http://localhost"
	b.signInByPassword("ada")
	if !b.register(d) {
		t.Fatal(a.log)
	}
	if m := mails.newest(t); m.To != adaReads || !strings.Contains(m.Text, "A passkey was added to your account "+adaReads) {
		t.Errorf("the mail says %s", m.Text)
	}
	list, err := a.auth.Passkeys(t.Context(), a.people["ada"])
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	b.post("/api/auth/passkeys", url.Values{"csrfToken": {b.csrf()}, "do": {"remove"}, "id": {list[0].ID}})
	if m := mails.newest(t); len(mails.all()) != 2 || !strings.Contains(m.Text, "A passkey was removed from your account "+adaReads) {
		t.Errorf("%d mails, and the last says %s", len(mails.all()), m.Text)
	}
}

// A person who is signed in proves by a mail's code who they are. What keeps the code from
// being sent or taken leads back to the page for the proof, and the session stays.
func TestMailCode_Proof(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name  string
		mails int   // that a mailbox gets in an hour
		fault error // of Send
		times int   // that a code is asked for
		leads string
		code  int
		logs  string
	}{
		{name: "it is sent", mails: 20, times: 1, leads: "/api/auth/factor?provider=email", code: http.StatusFound},
		{name: "Send fails", mails: 20, times: 1, fault: errors.New("450 try later"), leads: "/api/auth/factor?error=EmailSignin", code: http.StatusFound, logs: "450 try later"},
		{name: "too often", mails: 4, times: 5, leads: "", code: http.StatusTooManyRequests, logs: "too many attempts"},
	} {
		a := newPasswordApp(t, passwordOptions{Options: ginauth.Options{TrustedProxies: behindProxy, Limits: ginauth.Limits{Mails: ginauth.Rate{Count: row.mails, Per: time.Hour}}}})
		b := a.browser(t)
		b.Transport = behindProxies{b.Transport}
		if !b.press(a.asksFor(t, b, adaReads)).signedIn() {
			t.Fatal(a.log)
		}
		a.inbox.fault = row.fault
		a.log.forget()
		var res answer
		for range row.times {
			res = b.post("/api/auth/factor/email", url.Values{"csrfToken": {b.csrf()}, "callbackUrl": {"/me"}})
		}
		if got := strings.TrimPrefix(res.Header.Get("Location"), a.URL); got != row.leads || res.StatusCode != row.code {
			t.Errorf("%s: answered %d and leads to %s", row.name, res.StatusCode, got)
		}
		if row.code == http.StatusTooManyRequests {
			asJSON := b.post("/api/auth/factor/email", url.Values{"csrfToken": {b.csrf()}, "json": {"true"}})
			if wait := res.Header.Get("Retry-After"); wait == "" || asJSON.StatusCode != row.code || !strings.HasPrefix(asJSON.body, `{"url":"`+a.URL+`/api/auth/error?error=RateLimited&retryAfter=`) {
				t.Errorf("%s: Retry-After %q, as JSON %d %s", row.name, wait, asJSON.StatusCode, asJSON.body)
			}
		}
		log := a.log.String()
		if !strings.Contains(log, row.logs) || (log != "") != (row.logs != "") || strings.Contains(log, adaReads) {
			t.Errorf("%s: the log: %s", row.name, log)
		}
		if row.fault != nil {
			if !strings.Contains(log, `step="the mail with the code"`) || len(a.db.rows()) != 0 {
				t.Errorf("%s: %s", row.name, log)
			}
			if page := b.follow(res); page.StatusCode != http.StatusOK || page.alert() == "" {
				t.Errorf("%s: the page: %d\n%s", row.name, page.StatusCode, page.body)
			}
			form := url.Values{"csrfToken": {b.csrf()}, "json": {"true"}}
			if res := b.post("/api/auth/factor/email", form); res.StatusCode != http.StatusOK || !strings.Contains(res.body, "/api/auth/factor?error=EmailSignin") {
				t.Errorf("%s: as JSON %d %s", row.name, res.StatusCode, res.body)
			}
		}
		if b.user() != adaReads {
			t.Errorf("%s: signed in is %q", row.name, b.user())
		}
	}
}

// What a code for a proof leads to that is not the one: the page for the proof, with the
// code that is shown there, and the same as JSON with 401.
func TestMailCode_WrongProof(t *testing.T) {
	t.Parallel()
	for _, asked := range []bool{true, false} {
		a := newPasswordApp(t, passwordOptions{})
		b := a.browser(t)
		if !b.press(a.asksFor(t, b, adaReads)).signedIn() {
			t.Fatal(a.log)
		}
		code := "123456"
		if asked {
			b.post("/api/auth/factor/email", url.Values{"csrfToken": {b.csrf()}})
			code = other(a.inbox.newest(t).Code)
		}
		form := url.Values{"csrfToken": {b.csrf()}, "code": {code}, "json": {"true"}}
		res := b.post("/api/auth/factor/email", form)
		if res.StatusCode != http.StatusUnauthorized || !strings.Contains(res.body, "error=VerificationCode") || strings.Contains(res.body, "provider=email") != asked {
			t.Errorf("asked for a code %v: %d %s", asked, res.StatusCode, res.body)
		}
		form.Del("json")
		if page := b.follow(b.post("/api/auth/factor/email", form)); page.StatusCode != http.StatusOK || !strings.Contains(page.body, "That is not the code") && page.alert() == "" {
			t.Errorf("asked for a code %v: the page: %d\n%s", asked, page.StatusCode, page.body)
		}
		if got := b.user(); got != adaReads {
			t.Errorf("signed in is %q", got)
		}
	}
}

// A code that is not the one, in each form: to a browser that asked for it, and to one
// that did not, which is told why.
func TestMailCode_WrongAsJSON(t *testing.T) {
	t.Parallel()
	a := newMailApp(t, ginauth.Email{Code: true}, ginauth.Options{})
	b, stranger := a.browser(t), a.browser(t)
	b.ask(adaReads, "/").sent(t)
	code := a.inbox.newest(t).Code
	for _, row := range []struct {
		name  string
		b     *browser
		times int
		leads string
		words string // on the page that it leads to
	}{
		{"wrong once", b, 1, "/api/auth/verify-request?provider=email&type=email&error=VerificationCode", "That is not the code"},
		{"wrong for the fifth time", b, 4, "/api/auth/error?error=VerificationCode", "This code no longer works"},
		{"another browser", stranger, 1, "/api/auth/error?error=VerificationCode", "you asked for it in another browser"},
	} {
		var res answer
		for range row.times {
			res = row.b.post("/api/auth/callback/email", url.Values{"csrfToken": {row.b.csrf()}, "code": {other(code)}, "json": {"true"}})
		}
		var out struct{ URL string }
		decode(t, res.body, &out)
		if res.StatusCode != http.StatusUnauthorized || out.URL != a.URL+row.leads {
			t.Errorf("%s: answered %d %s", row.name, res.StatusCode, out.URL)
		}
		if page := row.b.get(out.URL); !strings.Contains(page.body, row.words) {
			t.Errorf("%s: the page has no %q:\n%s", row.name, row.words, page.body)
		}
	}
	// The notice of another code, or of another error, says nothing here.
	stranger.plant("next-auth.notice", "LinkLost")
	if page := stranger.get("/api/auth/error?error=VerificationCode"); strings.Contains(page.body, "in the browser in which") || strings.Contains(page.body, "It works only") {
		t.Errorf("the notice of a link is shown:\n%s", page.body)
	}
	if len(a.db.everybody()) != 0 {
		t.Error("somebody is signed in")
	}
}

// Another process has just created the user, and then the database fails. Nobody is signed
// in, and the address does not count as proved.
func TestEmail_RivalAndTrouble(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"GetUserByEmail", "ListAccounts", "UpdateUser"} {
		d := &troubled{Adapter: ginauth.MemoryAdapter()}
		a := newMailApp(t, ginauth.Email{}, ginauth.Options{Adapter: d})
		b := a.browser(t)
		action, fields := onlyForm(t, b.get(a.asksFor(t, b, adaReads)).body)
		d.set("CreateUser", func() error {
			d.set(method, func() error { return errDatabase })
			_, err := d.Adapter.CreateUser(t.Context(), ginauth.User{Email: adaReads}, nil)
			return errors.Join(err, ginauth.ErrExists)
		})
		fields.Set("json", "true")
		res := b.post(action, fields)
		if res.StatusCode != http.StatusInternalServerError || !strings.Contains(res.body, `error=Callback"`) || b.user() != "" || !strings.Contains(a.log.String(), "connection refused") {
			t.Errorf("%s: answered %d %s: %s", method, res.StatusCode, res.body, a.log)
		}
		d.set("", nil)
		if user, err := d.GetUserByEmail(t.Context(), adaReads); err != nil || !user.EmailVerified.IsZero() {
			t.Errorf("%s: kept is %+v, %v", method, user, err)
		}
		if !b.press(a.asksFor(t, b, adaReads)).signedIn() {
			t.Errorf("%s: later nobody is signed in: %s", method, a.log)
		}
	}
}

// A form that posts one field twice has no address, token or code in it.
func TestEmail_FieldsTwice(t *testing.T) {
	t.Parallel()
	for _, field := range []string{"email", "token"} {
		a := newMailApp(t, ginauth.Email{}, ginauth.Options{})
		b := a.browser(t)
		action, fields := onlyForm(t, b.get(a.asksFor(t, b, adaReads)).body)
		fields.Add(field, fields.Get(field))
		b.post(action, fields).refused(t, "Verification")
		fields[field] = fields[field][:1]
		if !b.post(action, fields).signedIn() {
			t.Errorf("%s: the link is used up", field)
		}
	}
}
