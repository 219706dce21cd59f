package tests

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/mailtest"
)

func nowhere(context.Context, ginauth.Mail) error { return nil }

func TestEmail_Faults(t *testing.T) {
	t.Parallel()
	smtp := ginauth.SMTP{Addr: "smtp.example.com:587"}
	for _, row := range []struct {
		name  string
		email ginauth.Email
		want  []string // none: it is fine
	}{
		{"Send", ginauth.Email{Send: nowhere}, nil},
		{"SMTP", ginauth.Email{SMTP: smtp, From: "a@example.com"}, nil},
		{"a code", ginauth.Email{Send: nowhere, Code: true}, nil},
		{"nothing", ginauth.Email{}, []string{"provider email", "neither SMTP nor Send"}},
		{"both", ginauth.Email{Send: nowhere, SMTP: smtp}, []string{"both Send and SMTP"}},
		{"no sender", ginauth.Email{SMTP: smtp}, []string{"From"}},
		{"line in the sender", ginauth.Email{SMTP: smtp, From: "A\r\nBcc: x@y.z <a@example.com>"}, []string{"From"}},
		{"no port", ginauth.Email{SMTP: ginauth.SMTP{Addr: "smtp.example.com"}, From: "a@example.com"}, []string{"SMTP.Addr"}},
		{"short-lived", ginauth.Email{Send: nowhere, MaxAge: time.Second}, []string{"MaxAge"}},
		{"negative", ginauth.Email{Send: nowhere, MaxAge: -time.Hour}, []string{"MaxAge"}},
		{"bound twice", ginauth.Email{Send: nowhere, Code: true, BindBrowser: true}, []string{"BindBrowser"}},
		{"all at once", ginauth.Email{ID: "post", MaxAge: 1, Code: true, BindBrowser: true}, []string{"provider post", "MaxAge", "BindBrowser", "neither"}},
	} {
		_, err := ginauth.New(ginauth.Options{
			Secret: testSecret, BaseURL: "https://app.example.com", Adapter: newMemory(), Providers: []ginauth.Provider{row.email},
		})
		if (err == nil) != (row.want == nil) {
			t.Errorf("%s: %v", row.name, err)
		}
		for _, want := range row.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: the error does not say %q: %v", row.name, want, err)
			}
		}
	}
	_, err := ginauth.New(ginauth.Options{Secret: testSecret, BaseURL: "https://app.example.com", Providers: []ginauth.Provider{ginauth.Email{Send: nowhere}}})
	if err == nil || !strings.Contains(err.Error(), "provider email: Options.Adapter is nil") {
		t.Errorf("without an adapter: %v", err)
	}
}

// What a program prints of these holds no secret.
func TestEmail_Redacts(t *testing.T) {
	t.Parallel()
	email := ginauth.Email{SMTP: ginauth.SMTP{Addr: "smtp.example.com:587", Username: "app", Password: "sesame"}}
	m := ginauth.Mail{To: "ada@example.com", URL: "https://a.example/sesame", Code: "sesame", Text: "sesame", HTML: "sesame"}
	var log logBuffer
	log.logger().Info("x", "smtp", email.SMTP, "mail", m)
	for _, text := range []string{
		fmt.Sprint(email.SMTP), fmt.Sprintf("%+v %#v", email.SMTP, email.SMTP), fmt.Sprintf("%v %+v %#v", email, email, email),
		fmt.Sprint(m), fmt.Sprintf("%+v %#v %s", m, m, m), log.String(), slog.AnyValue(m).String(),
	} {
		if strings.Contains(text, "sesame") {
			t.Error(text)
		}
	}
	if got := email.SMTP.String(); got != "app:…@smtp.example.com:587" {
		t.Error(got)
	}
}

// A person signs up and in by a mail that a real server took in.
func TestEmail_SignIn(t *testing.T) {
	t.Parallel()
	server := mailtest.Start(t, mailtest.Config{Username: "app", Password: "sesame"})
	var mu sync.Mutex
	var heard []string
	hear := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		heard = append(heard, fmt.Sprintf(format, args...))
	}
	a := newMailApp(t, ginauth.Email{
		From: "Example <no-reply@example.com>",
		SMTP: ginauth.SMTP{Addr: server.Addr, Username: "app", Password: "sesame", TLS: server.TLS},
	}, ginauth.Options{
		Pages: ginauth.Pages{NewUser: "/welcome"},
		Callbacks: ginauth.Callbacks{
			SignIn: func(_ *gin.Context, p ginauth.SignInParams) error {
				hear("may %s %s %s %t?", p.User.Email, p.Account.Type, p.Account.ProviderAccountID, p.VerificationRequest)
				return nil
			},
			JWT: func(_ *gin.Context, p ginauth.JWTParams) error {
				if p.User != nil {
					hear("token %s new %t %s verified %t", p.Trigger, p.IsNewUser, p.Token.Subject, p.Account.EmailVerified)
				}
				return nil
			},
		},
		Events: ginauth.Events{
			CreateUser: func(_ *gin.Context, e ginauth.UserEvent) { hear("created %s", e.User.ID) },
			UpdateUser: func(_ *gin.Context, e ginauth.UserEvent) { hear("updated %s", e.User.ID) },
			SignIn:     func(_ *gin.Context, e ginauth.SignInEvent) { hear("signed in %s new %t", e.User.ID, e.IsNewUser) },
		},
	})
	b := a.browser(t)
	b.ask(" Ada@Example.COM ", "/me?tab=1").sent(t)
	if page := b.get("/api/auth/verify-request?provider=email&type=email"); page.StatusCode != http.StatusOK || strings.Contains(page.body, "/callback/") {
		t.Errorf("the page after it answers %d %s", page.StatusCode, page.body)
	}
	mails := server.Mails()
	if len(mails) != 1 || !mails[0].Encrypted || mails[0].To[0] != "ada@example.com" {
		t.Fatalf("%+v", mails)
	}
	content := mails[0].Read(t)
	if want := "Sign in to " + strings.TrimPrefix(a.URL, "http://"); content.Subject != want {
		t.Errorf("the subject is %q", content.Subject)
	}
	found := links(t, content.HTML)
	if len(found) != 1 || !strings.Contains(content.Text, "\n"+found[0]+"\n") {
		t.Fatalf("links %q, text %q", found, content.Text)
	}
	link := found[0]
	want := a.URL + "/api/auth/callback/email?callbackUrl=" + url.QueryEscape(a.URL+"/me?tab=1") + "&token="
	token, begins := strings.CutPrefix(link, want)
	token, ends := strings.CutSuffix(token, "&email=ada%40example.com")
	if !begins || !ends || len(token) != 43 {
		t.Fatalf("the link is %s", link)
	}
	rows := a.db.rows()
	if len(rows) != 1 || rows[0].Identifier != "ada@example.com" || strings.Contains(rows[0].Hash, token) || len(rows[0].Hash) != 64 {
		t.Errorf("kept are %+v", rows)
	}
	if left := time.Until(rows[0].Expires); left < 23*time.Hour || left > 24*time.Hour {
		t.Errorf("the link works for %v", left)
	}
	if len(a.db.everybody()) != 0 {
		t.Error("there is a user before the link was followed")
	}

	other := a.browser(t) // the mail is read elsewhere
	res := other.press(link)
	if got := res.Header.Get("Location"); !res.signedIn() || got != "/welcome?callbackUrl="+url.QueryEscape(a.URL+"/me?tab=1") {
		t.Fatalf("answered %d and leads to %q", res.StatusCode, got)
	}
	ada := a.db.everybody()["ada@example.com"]
	if ada.ID == "" || time.Since(ada.EmailVerified) > time.Minute || len(a.db.rows()) != 0 {
		t.Errorf("kept are %+v and %+v", ada, a.db.rows())
	}
	if other.user() != "ada@example.com" || b.user() != "" {
		t.Errorf("signed in are %q and %q", other.user(), b.user())
	}

	// Again, in a browser where somebody else is signed in.
	b.plant(sessionCookie, sessionFor(t, "grace@example.com", nil))
	b.ask("ada@example.com", "/me").sent(t)
	found = links(t, server.Mails()[1].Read(t).HTML)
	if res := b.press(found[0]); res.Header.Get("Location") != a.URL+"/me" || b.user() != "ada@example.com" {
		t.Errorf("the second time leads to %s, signed in is %q", res.Header.Get("Location"), b.user())
	}
	if n := len(a.db.everybody()); n != 1 {
		t.Errorf("%d users", n)
	}
	if got, want := strings.Join(heard, "\n"), strings.NewReplacer("ID", ada.ID).Replace(
		`may ada@example.com email ada@example.com true?
may ada@example.com email ada@example.com false?
created ID
token signUp new true ID verified true
signed in ID new true
may ada@example.com email ada@example.com true?
may ada@example.com email ada@example.com false?
updated ID
token signIn new false ID verified true
signed in ID new false`); got != want {
		t.Errorf("heard\n%s\nwant\n%s", got, want)
	}
}

// What a request for a mail leads to, as a page and as next-auth's client sees it.
func TestEmail_Asking(t *testing.T) {
	t.Parallel()
	const verify, failed = "/api/auth/verify-request?provider=email&type=email", "/api/auth/error?error=EmailSignin"
	for _, row := range []struct {
		name   string
		fields url.Values // besides the token; nil: ada's address
		csrf   string     // in place of the right one
		broken string     // method of the adapter
		fault  error      // of Send
		signIn error
		url    string
		status int // of the JSON answer
		mails  int
		logged bool
	}{
		{name: "an address", url: verify, status: 200, mails: 1},
		{name: "no proof", csrf: "x", url: "/api/auth/signin?csrf=true", status: 200, logged: true},
		{name: "no address", fields: url.Values{}, url: failed, status: 200, logged: true},
		{name: "empty address", fields: url.Values{"email": {""}}, url: failed, status: 200, logged: true},
		{name: "two fields", fields: url.Values{"email": {"ada@example.com", "evil@example.com"}}, url: failed, status: 200, logged: true},
		{name: "no domain", fields: url.Values{"email": {"ada@localhost"}}, url: failed, status: 200, logged: true},
		{name: "Send fails", fault: errors.New("550 no mailbox ada@example.com here"), url: failed, status: 200, logged: true},
		{name: "users cannot be read", broken: "GetUserByEmail", url: failed, status: 200, logged: true},
		{name: "tokens cannot be kept", broken: "CreateVerificationToken", url: failed, status: 200, logged: true},
		{name: "denied", signIn: ginauth.ErrAccessDenied, url: "/api/auth/error?error=AccessDenied", status: 200, logged: true},
		{name: "denied with words", signIn: ginauth.PublicError("not yet & never"), url: "/api/auth/error?error=not%20yet%20%26%20never", status: 200, logged: true},
		{name: "sent elsewhere", signIn: ginauth.RedirectTo("https://elsewhere.example/"), url: "https://elsewhere.example/", status: 200, logged: true},
		{name: "the callback fails", signIn: errDatabase, url: "/api/auth/error?error=AccessDenied", status: 200, logged: true},
	} {
		for _, known := range []bool{false, true} {
			for _, asJSON := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/known %t/JSON %t", row.name, known, asJSON), func(t *testing.T) {
					t.Parallel()
					a := newMailApp(t, ginauth.Email{}, ginauth.Options{Callbacks: ginauth.Callbacks{
						SignIn: func(*gin.Context, ginauth.SignInParams) error { return row.signIn },
					}})
					if known {
						a.db.add(t, ginauth.User{Email: "ada@example.com", EmailVerified: time.Now()})
					}
					a.db.breakDown(row.broken)
					a.inbox.fault = row.fault
					b := a.browser(t)
					fields := url.Values{"csrfToken": {b.csrf()}}
					if row.csrf != "" {
						fields.Set("csrfToken", row.csrf)
					}
					if row.fields == nil {
						fields.Set("email", "ada@example.com")
					}
					for name, values := range row.fields {
						fields[name] = values
					}
					want := row.url
					if strings.HasPrefix(want, "/") {
						want = a.URL + want
					}
					if asJSON {
						fields.Set("json", "true")
					}
					res := b.post("/api/auth/signin/email", fields)
					if asJSON {
						var body struct{ URL string }
						decode(t, res.body, &body)
						if res.StatusCode != row.status || body.URL != want {
							t.Errorf("answered %d %s, want %d %s", res.StatusCode, body.URL, row.status, want)
						}
					} else if res.StatusCode != http.StatusFound || res.Header.Get("Location") != want {
						t.Errorf("answered %d %s, want %s", res.StatusCode, res.Header.Get("Location"), want)
					}
					if n := len(a.inbox.all()); n != row.mails {
						t.Errorf("%d mails", n)
					}
					if n := len(a.db.rows()); n != row.mails {
						t.Errorf("%d rows", n)
					}
					if logged := a.log.String(); (logged != "") != row.logged || strings.Contains(logged, "ada@") {
						t.Errorf("the log is %q", logged)
					}
				})
			}
		}
	}
}

// Whether somebody has an address here, the answer does not tell.
func TestEmail_NoEnumeration(t *testing.T) {
	t.Parallel()
	a := newMailApp(t, ginauth.Email{}, ginauth.Options{})
	a.db.add(t, ginauth.User{Email: "ada@example.com", Name: "Ada", EmailVerified: time.Now()})
	seen := map[string]bool{}
	for _, email := range []string{"ada@example.com", "nobody@example.com"} {
		res := a.browser(t).ask(email, "/me")
		res.Header.Del("Date")
		for i, line := range res.Header["Set-Cookie"] { // sealed, and anew each time
			if name, _, _ := strings.Cut(line, "="); strings.HasSuffix(name, ".sent") {
				_, attributes, _ := strings.Cut(line, ";")
				res.Header["Set-Cookie"][i] = name + attributes
			}
		}
		header, err := json.Marshal(res.Header)
		if err != nil {
			t.Fatal(err)
		}
		seen[fmt.Sprint(res.StatusCode, res.body, string(header))] = true
	}
	if len(seen) != 1 {
		t.Errorf("the answers differ: %v", seen)
	}
	first, second := a.inbox.all()[0], a.inbox.all()[1]
	if strings.ReplaceAll(first.Subject+first.From, "ada", "nobody") != second.Subject+second.From {
		t.Errorf("the mails differ: %v %v", first, second)
	}
}

// Of all that a link's page may send, only what the mail had signs anybody in.
func TestEmail_Link(t *testing.T) {
	t.Parallel()
	verification := "Verification"
	for _, row := range []struct {
		name   string
		change func(a *mailApp, q url.Values)
		want   string // error code; "": signed in
	}{
		{"as it is", func(*mailApp, url.Values) {}, ""},
		{"address in capitals", func(_ *mailApp, q url.Values) { q.Set("email", "ADA@EXAMPLE.COM") }, ""},
		{"just before its end", func(a *mailApp, _ url.Values) { a.clock.move(24*time.Hour - time.Minute) }, ""},
		{"at its end", func(a *mailApp, _ url.Values) { a.clock.move(24*time.Hour + time.Second) }, verification},
		{"no token", func(_ *mailApp, q url.Values) { q.Del("token") }, "configuration"},
		{"empty token", func(_ *mailApp, q url.Values) { q.Set("token", "") }, "configuration"},
		{"other token", func(_ *mailApp, q url.Values) { q.Set("token", strings.Repeat("A", 43)) }, verification},
		{"longer token", func(_ *mailApp, q url.Values) { q.Set("token", q.Get("token")+"A") }, verification},
		{"shorter token", func(_ *mailApp, q url.Values) { q.Set("token", q.Get("token")[:42]) }, verification},
		{"huge token", func(_ *mailApp, q url.Values) { q.Set("token", strings.Repeat("A", 4000)) }, verification},
		{"two tokens", func(_ *mailApp, q url.Values) { q.Add("token", "x") }, verification},
		{"the row's hash", func(a *mailApp, q url.Values) { q.Set("token", a.db.rows()[0].Hash) }, verification},
		{"no address", func(_ *mailApp, q url.Values) { q.Del("email") }, verification},
		{"another's address", func(_ *mailApp, q url.Values) { q.Set("email", "grace@example.com") }, verification},
		{"two addresses", func(_ *mailApp, q url.Values) { q.Add("email", "grace@example.com") }, verification},
		{"no such address", func(_ *mailApp, q url.Values) { q.Set("email", "ada@example.com,grace@example.com") }, verification},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			a := newMailApp(t, ginauth.Email{}, ginauth.Options{})
			a.asksFor(t, a.browser(t), "grace@example.com")
			link, err := url.Parse(a.asksFor(t, a.browser(t), "ada@example.com"))
			if err != nil {
				t.Fatal(err)
			}
			q := link.Query()
			row.change(a, q)
			link.RawQuery = q.Encode()
			b := a.browser(t)
			res := b.press(link.String())
			if row.want == "" {
				if !res.signedIn() || b.user() != "ada@example.com" {
					t.Errorf("answered %d and leads to %s", res.StatusCode, res.Header.Get("Location"))
				}
				return
			}
			res.refused(t, row.want)
			if n := len(a.db.everybody()); n != 0 {
				t.Errorf("%d users", n)
			}
			// And not without its page either.
			form := url.Values{"csrfToken": {b.csrf()}}
			for name, values := range q {
				form[name] = values
			}
			b.post("/api/auth/callback/email", form).refused(t, verification)
		})
	}
}

// A link of one provider, of a secret that is gone, or of another application is
// none; one of a secret that still counts is.
func TestEmail_LinkOfAnother(t *testing.T) {
	t.Parallel()
	const next = "another secret of 32 bytes or more"
	db := newMemory()
	one := newMailApp(t, ginauth.Email{}, ginauth.Options{Adapter: db})
	for _, row := range []struct {
		name string
		opts ginauth.Options
		path string // of the callback
		ok   bool
	}{
		{"another provider", ginauth.Options{Providers: []ginauth.Provider{ginauth.Email{ID: "post", Send: nowhere}}}, "post", false},
		{"another secret", ginauth.Options{Secret: next}, "email", false},
		{"rotated secret", ginauth.Options{Secret: next, PreviousSecrets: []string{testSecret}}, "email", true},
		{"the same", ginauth.Options{}, "email", true},
	} {
		link, err := url.Parse(one.asksFor(t, one.browser(t), "ada@example.com"))
		if err != nil {
			t.Fatal(err)
		}
		row.opts.Adapter = db
		two := newMailApp(t, ginauth.Email{}, row.opts)
		res := two.browser(t).press(two.URL + "/api/auth/callback/" + row.path + "?" + link.RawQuery)
		if res.signedIn() != row.ok {
			t.Errorf("%s: answered %d and leads to %s", row.name, res.StatusCode, res.Header.Get("Location"))
		}
	}
}

// An adapter that is down signs nobody in, makes no half of a user, and says so in
// the log alone.
func TestEmail_AdapterDown(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		method string
		known  bool
		code   string
		status int
	}{
		{"UseVerificationToken", false, "Callback", 500},
		{"GetUserByEmail", false, "Callback", 500},
		{"CreateUser", false, "EmailCreateAccount", 200},
		{"UpdateUser", true, "Callback", 500},
	} {
		for _, asJSON := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/JSON %t", row.method, asJSON), func(t *testing.T) {
				t.Parallel()
				a := newMailApp(t, ginauth.Email{}, ginauth.Options{})
				if row.known {
					a.db.add(t, ginauth.User{Email: "ada@example.com"})
				}
				b := a.browser(t)
				action, fields := onlyForm(t, b.get(a.asksFor(t, b, "ada@example.com")).body)
				a.db.breakDown(row.method)
				if asJSON {
					fields.Set("json", "true")
				}
				res := b.post(action, fields)
				if asJSON {
					if res.StatusCode != row.status || !strings.Contains(res.body, "error="+row.code+`"`) || res.signedIn() {
						t.Errorf("answered %d %s", res.StatusCode, res.body)
					}
				} else {
					res.refused(t, row.code)
				}
				if all := a.db.everybody(); !row.known && len(all) != 0 || row.known && !all["ada@example.com"].EmailVerified.IsZero() {
					t.Errorf("kept are %v", all)
				}
				if log := a.log.String(); !strings.Contains(log, "connection refused") || strings.Contains(res.body+fmt.Sprint(res.Header), "refused") {
					t.Errorf("the log is %q, the answer %s", log, res.body)
				}
			})
		}
	}
}

// An address that stands with an account at another service, and was never proved,
// is not handed over: two people would share the user.
func TestEmail_UnprovedAddress(t *testing.T) {
	t.Parallel()
	oauth := ginauth.Account{Provider: "github", Type: "oauth", ProviderAccountID: "666"}
	vouched := oauth
	vouched.EmailVerified = true
	for _, row := range []struct {
		name     string
		user     ginauth.User
		accounts []ginauth.Account
		signedIn bool // as that user
		ok       bool
	}{
		{"proved before", ginauth.User{EmailVerified: time.Now()}, []ginauth.Account{oauth}, false, true},
		{"no account", ginauth.User{}, nil, false, true},
		{"what a provider vouched for was in its own profile", ginauth.User{}, []ginauth.Account{vouched}, false, false},
		{"never proved", ginauth.User{}, []ginauth.Account{oauth}, false, false},
		{"never proved, and signed in with the account", ginauth.User{}, []ginauth.Account{oauth}, true, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			a := newMailApp(t, ginauth.Email{}, ginauth.Options{})
			row.user.Email = "ada@example.com"
			ada := a.db.add(t, row.user, row.accounts...)
			b := a.browser(t)
			if row.signedIn {
				b.plant(sessionCookie, sessionFor(t, "ada@example.com", map[string]any{"sub": ada.ID}))
			} else {
				b.plant(sessionCookie, sessionFor(t, "ada@example.com", map[string]any{"sub": "somebody"}))
			}
			res := b.press(a.asksFor(t, b, "ada@example.com"))
			if !row.ok {
				res.refused(t, "OAuthAccountNotLinked")
				if !a.db.everybody()["ada@example.com"].EmailVerified.IsZero() {
					t.Error("the address counts as proved")
				}
				return
			}
			if !res.signedIn() || a.db.everybody()["ada@example.com"].EmailVerified.IsZero() {
				t.Errorf("answered %d and leads to %s", res.StatusCode, res.Header.Get("Location"))
			}
		})
	}
}

// Callbacks may change what the session says, and not whose row is written.
func TestEmail_CallbackChangesUser(t *testing.T) {
	t.Parallel()
	a := newMailApp(t, ginauth.Email{}, ginauth.Options{Callbacks: ginauth.Callbacks{
		SignIn: func(_ *gin.Context, p ginauth.SignInParams) error {
			p.User.ID, p.User.Email, p.User.Name = "user-1", "grace@example.com", "Changed"
			return nil
		},
	}})
	grace := a.db.add(t, ginauth.User{Email: "grace@example.com", Name: "Grace"})
	for range 2 {
		b := a.browser(t)
		if res := b.press(a.asksFor(t, b, "ada@example.com")); !res.signedIn() || b.user() != "ada@example.com" {
			t.Errorf("answered %d, signed in is %q", res.StatusCode, b.user())
		}
	}
	if all := a.db.everybody(); !reflect.DeepEqual(all["grace@example.com"], grace) || len(all) != 2 || all["ada@example.com"].Name != "Changed" {
		t.Errorf("kept are %v", all)
	}
}

// Two links of one new person, followed at once, make one user.
func TestEmail_TwoLinksAtOnce(t *testing.T) {
	t.Parallel()
	a := newMailApp(t, ginauth.Email{}, ginauth.Options{})
	const n = 8
	browsers, forms, actions := make([]*browser, n), make([]url.Values, n), make([]string, n)
	for i := range browsers {
		browsers[i] = a.browser(t)
		actions[i], forms[i] = onlyForm(t, browsers[i].get(a.asksFor(t, browsers[i], "ada@example.com")).body)
	}
	var wg sync.WaitGroup
	for i, b := range browsers {
		wg.Go(func() {
			if res := b.post(actions[i], forms[i]); !res.signedIn() {
				t.Errorf("leads to %s", res.Header.Get("Location"))
			}
		})
	}
	wg.Wait()
	if all := a.db.everybody(); len(all) != 1 {
		t.Errorf("kept are %v", all)
	}
}

func TestEmail_Normalize(t *testing.T) {
	t.Parallel()
	a := newMailApp(t, ginauth.Email{Normalize: func(address string) (string, error) {
		local, domain, _ := strings.Cut(address, "@")
		local, _, _ = strings.Cut(local, "+")
		switch local {
		case "nobody":
			return "", errors.New("no such name")
		case "list":
			return "a@example.com, b@example.com", nil
		}
		return local + "@" + domain, nil
	}}, ginauth.Options{})
	a.browser(t).ask("ADA+tag@example.com", "/").sent(t)
	if got := a.inbox.newest(t).To; got != "ada@example.com" {
		t.Errorf("the mail goes to %s", got)
	}
	for _, email := range []string{"nobody@example.com", "list@example.com"} {
		a.browser(t).ask(email, "/").refused(t, "EmailSignin")
	}
	if n := len(a.inbox.all()); n != 1 {
		t.Errorf("%d mails", n)
	}
}

// A link that is bound works in the browser that asked, and is not used up by
// another.
func TestEmail_BindBrowser(t *testing.T) {
	t.Parallel()
	a := newMailApp(t, ginauth.Email{BindBrowser: true}, ginauth.Options{})
	b, other := a.browser(t), a.browser(t)
	link := a.asksFor(t, b, "ada@example.com")
	q, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	a.asksFor(t, other, "grace@example.com") // has a cookie too, of another mail
	a.asksFor(t, other, "ada@example.com")   // and even of one to the same address
	for _, b := range []*browser{other, a.browser(t)} {
		b.press(link).refused(t, "Verification")
		form := q.Query()
		form.Set("csrfToken", b.csrf())
		b.post("/api/auth/callback/email", form).refused(t, "Verification")
	}
	if res := b.press(link); !res.signedIn() {
		t.Errorf("the browser that asked is led to %s", res.Header.Get("Location"))
	}
}

// A link that leads away from the site leads to the site, also one that was changed
// on the way.
func TestEmail_CallbackURL(t *testing.T) {
	t.Parallel()
	a := newMailApp(t, ginauth.Email{}, ginauth.Options{AllowedRedirects: []string{elsewhere}})
	// Until it is a Location, it is a value in a query or a form.
	value := func(text string) string {
		return strings.Map(func(r rune) rune {
			if r <= ' ' || r > '~' {
				return '_'
			}
			return r
		}, text)
	}
	for _, stray := range straysOf(a.app) {
		b := a.browser(t)
		b.ask("ada@example.com", stray).sent(t)
		link, err := url.Parse(a.inbox.newest(t).URL)
		if err != nil {
			t.Fatal(err)
		}
		q := link.Query()
		if got := q.Get("callbackUrl"); !stays(value(got), a.URL, elsewhere) {
			t.Errorf("%q is in a mail as %q", stray, got)
		}
		q.Set("callbackUrl", stray)
		link.RawQuery = q.Encode()
		action, fields := onlyForm(t, b.get(link.String()).body)
		if got := fields.Get("callbackUrl"); !stays(value(got), a.URL, elsewhere) {
			t.Errorf("%q is in the page as %q", stray, got)
		}
		fields.Set("callbackUrl", stray)
		if got := b.post(action, fields).Header.Get("Location"); !stays(got, a.URL, elsewhere) {
			t.Errorf("%q leads to %q", stray, got)
		}
	}
}

// The application's own page asks for the mail with a form of ginauth's.
func TestEmail_SignInForm(t *testing.T) {
	t.Parallel()
	a := newMailApp(t, ginauth.Email{}, ginauth.Options{Texts: ginauth.Texts{EmailButton: "Send"}})
	a.engine.GET("/own", func(c *gin.Context) {
		c.Data(http.StatusOK, "text/html", []byte(a.auth.SignInForm(c, "email", "/me")))
	})
	b := a.browser(t)
	page := b.get("/own")
	action, fields := onlyForm(t, page.body)
	if !strings.Contains(page.body, "Email address") || !strings.Contains(page.body, ">Send<") {
		t.Error(page.body)
	}
	fields.Set("email", "ada@example.com")
	b.post(action, fields).sent(t)
}

// careless finds rows by rules of its own, as a database does that compares texts
// without regard to case or trailing spaces.
type careless struct {
	*memory
	change func(row *ginauth.VerificationToken)
}

func (c careless) UseVerificationToken(ctx context.Context, identifier, hash string) (ginauth.VerificationToken, error) {
	row, err := c.memory.UseVerificationToken(ctx, identifier, hash)
	c.change(&row)
	return row, err
}

func TestEmail_CarelessAdapter(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*ginauth.VerificationToken){
		"another's row":  func(row *ginauth.VerificationToken) { row.Identifier = "grace@example.com" },
		"another hash":   func(row *ginauth.VerificationToken) { row.Hash = strings.ToUpper(row.Hash) },
		"an expired row": func(row *ginauth.VerificationToken) { row.Expires = time.Now().Add(-time.Second) },
	} {
		db := careless{newMemory(), change}
		a := newMailApp(t, ginauth.Email{}, ginauth.Options{Adapter: db})
		b := a.browser(t)
		b.press(a.asksFor(t, b, "ada@example.com")).refused(t, "Verification")
		if all := db.everybody(); len(all) != 0 {
			t.Errorf("%s: kept are %v", name, all)
		}
	}
}

// rival is an adapter at which another process creates the user in the moment before
// this one would.
type rival struct {
	*memory
	account *ginauth.Account // the first of that user
}

func (r rival) CreateUser(ctx context.Context, user ginauth.User, account *ginauth.Account) (ginauth.User, error) {
	if _, err := r.memory.CreateUser(ctx, ginauth.User{Email: user.Email}, r.account); err != nil {
		return ginauth.User{}, err
	}
	return r.memory.CreateUser(ctx, user, account)
}

func TestEmail_RivalProcess(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		account *ginauth.Account
		code    string // "": signed in
	}{
		"by another link":                      {nil, ""},
		"by an account that proves no address": {&ginauth.Account{Provider: "github", Type: "oauth", ProviderAccountID: "666"}, "OAuthAccountNotLinked"},
	} {
		db := rival{newMemory(), row.account}
		var created, updated int
		a := newMailApp(t, ginauth.Email{}, ginauth.Options{Adapter: db, Events: ginauth.Events{
			CreateUser: func(*gin.Context, ginauth.UserEvent) { created++ },
			UpdateUser: func(*gin.Context, ginauth.UserEvent) { updated++ },
		}})
		b := a.browser(t)
		res := b.press(a.asksFor(t, b, "ada@example.com"))
		ada := db.everybody()["ada@example.com"]
		if row.code != "" {
			res.refused(t, row.code)
			if !ada.EmailVerified.IsZero() || created+updated != 0 {
				t.Errorf("%s: kept is %+v", name, ada)
			}
			continue
		}
		if !res.signedIn() || b.user() != "ada@example.com" || ada.EmailVerified.IsZero() || len(db.everybody()) != 1 || created != 0 || updated != 1 {
			t.Errorf("%s: leads to %s, kept is %+v, %d created, %d updated", name, res.Header.Get("Location"), ada, created, updated)
		}
	}
}
