package tests

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/mailtest"
	"github.com/ginauth/ginauth/internal/token"
)

// An address is never markup: not in the mail, and not on a page.
func TestAttack16_AddressAsMarkup(t *testing.T) {
	t.Parallel()
	a := newMailApp(t, ginauth.Email{}, ginauth.Options{Texts: ginauth.Texts{SiteName: `<b>"Acme" & Co</b>`}})
	for _, evil := range []string{
		`a@b.c, <a href="https://evil.example">x</a>`, `<img src=//evil.example>@example.com`, `"<script>alert(1)</script>"@example.com`,
		`ada@example.com"><script>alert(1)</script>`, `ada@<b>example.com`, `&lt;b&gt;@example.com<`,
	} {
		b := a.browser(t)
		b.ask(evil, "/").refused(t, "EmailSignin")
		q := url.Values{"email": {evil}, "token": {evil}}
		for _, page := range []string{"/api/auth/callback/email?", "/api/auth/signin?", "/api/auth/verify-request?", "/api/auth/error?error=Verification&"} {
			if res := b.get(page + q.Encode()); strings.Contains(res.body, "evil.example") || strings.Contains(res.body, "alert(1)") || strings.Contains(res.body, "<b>") {
				t.Errorf("%s shows %s", page, res.body)
			}
		}
	}
	if n := len(a.inbox.all()); n != 0 {
		t.Errorf("%d mails were sent", n)
	}
	// Signs that an address may have, and that mean something in HTML and in a URL.
	const odd = "a&b'c=d+e{{.}}%3c@example.com"
	b := a.browser(t)
	link := a.asksFor(t, b, odd)
	m := a.inbox.newest(t)
	if m.To != odd || !strings.Contains(m.HTML, "a&amp;b&#39;c=d&#43;e{{.}}%3c@example.com") || strings.Contains(m.HTML, "<b>") || !strings.Contains(m.HTML, "&lt;b&gt;") {
		t.Errorf("the mail is %s", m.HTML)
	}
	if got := links(t, m.HTML); len(got) != 1 || got[0] != link {
		t.Errorf("the mail leads to %q", got)
	}
	if page := b.get(link); !strings.Contains(page.body, "a&amp;b&#39;c=d&#43;e{{.}}%3c@example.com") {
		t.Errorf("the page is %s", page.body)
	}
	if res := b.press(link); !res.signedIn() || b.user() != odd {
		t.Errorf("leads to %s", res.Header.Get("Location"))
	}
}

// refusesAll fails the test if any of these gets anybody a mail by a real server.
func refusesAll(t *testing.T, addresses []string) {
	t.Helper()
	server := mailtest.Start(t, mailtest.Config{Plain: true})
	a := newMailApp(t, ginauth.Email{From: "no-reply@example.com", SMTP: ginauth.SMTP{Addr: server.Addr}}, ginauth.Options{})
	for _, evil := range addresses {
		a.browser(t).ask(evil, "/").refused(t, "EmailSignin")
		if mails := server.Mails(); len(mails) != 0 {
			t.Fatalf("%q gets %+v", evil, mails)
		}
	}
	if rows := a.db.rows(); len(rows) != 0 {
		t.Errorf("kept are %+v", rows)
	}
	a.browser(t).ask("ada@example.com", "/").sent(t)
	if mails := server.Mails(); len(mails) != 1 || len(mails[0].To) != 1 {
		t.Errorf("an honest address gets %+v", mails)
	}
}

func TestAttack17_TwoAddresses(t *testing.T) {
	t.Parallel()
	refusesAll(t, []string{
		"a@b.de,evil@evil.com", "a@b.de, evil@evil.com", "a@b.de,evil.com", "a@b.de;evil@evil.com", "a@b.de evil@evil.com",
		"a@b.de\tevil@evil.com", "a@b.de\nevil@evil.com", "a@b.de\r\nBcc: evil@evil.com", "a@b.de>,<evil@evil.com", "<a@b.de>,evil@evil.com",
		"a@b.de\uff0cevil@evil.com", "a@b.de%2cevil@evil.com", "a@b.de%0aevil.com", "A: a@b.de, evil@evil.com;", "a@b.de(,evil@evil.com)",
		"a@b.de?cc=evil@evil.com", "a@b.de&email=evil@evil.com", "@evil.com,@x.de:a@b.de", "a@b@evil.com", "a%evil.com@b.de@c.de",
	})
}

func TestAttack18_QuotedLocalPart(t *testing.T) {
	t.Parallel()
	refusesAll(t, []string{
		`"e@attacker.com"@victim.com`, `"e@attacker.com,"@victim.com`, `"e@attacker.com> "@victim.com`, `"e"@victim.com`, `e."x".y@victim.com`,
		`e\@attacker.com@victim.com`, `""@victim.com`, "\uff02e@attacker.com\uff02@victim.com", `e"@attacker.com"@victim.com`, "'e@attacker.com'@victim.com",
		`"e@attacker.com" <ada@victim.com>`, `=?utf-8?q?e=40attacker.com=3e=20?=@victim.com@x`,
	})
}

// Whatever form an address is written in, it is one person; what only looks like it
// is another or nobody.
func TestAttack19_Homoglyphs(t *testing.T) {
	t.Parallel()
	a := newMailApp(t, ginauth.Email{}, ginauth.Options{})
	for _, same := range []string{
		"ada@example.com", "ADA@EXAMPLE.COM", "ada\uff20example.com", "\uff21\uff24\uff21@example.com", "ada\ufe6bexample\uff0ecom",
		"ada@example\u3002com", "ada@\U0001d41e\U0001d431ample.com", " ada@example.com ", "ada@exam\u00adple.com", "ada@example.com\u200b",
	} {
		b := a.browser(t)
		if res := b.press(a.asksFor(t, b, same)); !res.signedIn() || b.user() != "ada@example.com" {
			t.Errorf("%q signs in %q", same, b.user())
		}
	}
	if all := a.db.everybody(); len(all) != 1 {
		t.Errorf("there are %v", all)
	}
	for _, evil := range []string{
		"ada@evil.com\uff20example.com", "ada@evil.com\ufe6bexample.com", "m\u0130ke@example.com", "a\u200bda@example.com",
		"\u202emoc.elpmaxe@ada", "a\u034fda@example.com\u2028",
	} {
		a.browser(t).ask(evil, "/").refused(t, "EmailSignin")
	}
	b := a.browser(t) // Cyrillic
	if link := a.asksFor(t, b, "\u0430da@example.com"); !b.press(link).signedIn() || b.user() == "ada@example.com" {
		t.Errorf("an address that looks alike signs in %q", b.user())
	}
	if m := a.inbox.newest(t); m.To == "ada@example.com" {
		t.Error("and its mail went to the other")
	}
}

// Programs follow the links in a mail, and look ahead of a person. That uses up
// nothing; the button does, once.
func TestAttack38_LinkTwice(t *testing.T) {
	t.Parallel()
	a := newMailApp(t, ginauth.Email{}, ginauth.Options{})
	link := a.asksFor(t, a.browser(t), "ada@example.com")
	for range 3 {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut} {
			scanner := a.browser(t)
			req := scanner.request(method, link, nil)
			req.Header.Set("Purpose", "prefetch")
			if res := scanner.do(req); res.signedIn() || len(a.db.rows()) != 1 {
				t.Fatalf("%s signed somebody in, or used up the link", method)
			}
		}
	}
	// A program that sends the form too has no CSRF cookie.
	blind := a.browser(t)
	q, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	for _, csrf := range []string{"", "x", blind.csrf() + "x"} {
		form := q.Query()
		form.Set("csrfToken", csrf)
		if res := blind.post(link, form); res.signedIn() || !strings.HasSuffix(res.Header.Get("Location"), "/signin?csrf=true") || len(a.db.rows()) != 1 {
			t.Errorf("without proof it leads to %s", res.Header.Get("Location"))
		}
	}

	b := a.browser(t)
	page := b.get(link)
	for field, want := range map[string]string{
		"Cache-Control": "private, no-cache, no-store", "Referrer-Policy": "strict-origin", "X-Frame-Options": "DENY",
	} {
		if got := page.Header.Get(field); got != want {
			t.Errorf("%s: %q", field, got)
		}
	}
	policy := page.Header.Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "default-src 'none'; style-src 'sha256-") || strings.Contains(policy, "img-src") || strings.Contains(page.body, "<script") {
		t.Errorf("the page may load: %s", policy)
	}
	if got := links(t, page.body); len(got) != 1 || got[0] != a.URL+"/api/auth/callback/email" {
		t.Errorf("the page leads to %q", got)
	}

	// Twenty at once: one.
	action, fields := onlyForm(t, page.body)
	var in, refused atomic.Int64
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			res := b.post(action, fields)
			if res.signedIn() {
				in.Add(1)
			} else if strings.HasSuffix(res.Header.Get("Location"), "error=Verification") {
				refused.Add(1)
			}
		})
	}
	wg.Wait()
	if in.Load() != 1 || refused.Load() != 19 {
		t.Errorf("%d signed in, %d were refused", in.Load(), refused.Load())
	}
	b.press(link).refused(t, "Verification")
	a.browser(t).press(link).refused(t, "Verification")
}

// A link in a mail leads to a host that the configuration names, never to one that
// a request chose. The environment is the process's, so this test is not parallel.
func TestAttack57_HostOfTheLink(t *testing.T) {
	clean(t)
	email := func() []ginauth.Provider { return []ginauth.Provider{ginauth.Email{Send: nowhere}} }
	for _, row := range []struct {
		name string
		env  map[string]string
		opts ginauth.Options
		want string // in the fault; "": none
	}{
		{"BaseURL", nil, ginauth.Options{BaseURL: "https://app.example.com"}, ""},
		{"NEXTAUTH_URL", map[string]string{"NEXTAUTH_URL": "https://app.example.com"}, ginauth.Options{}, ""},
		{"exact hosts", nil, ginauth.Options{TrustedHosts: []string{"app.example.com", "b.example.com:8443"}}, ""},
		{"BaseURL beside a wildcard", nil, ginauth.Options{BaseURL: "https://app.example.com", TrustedHosts: []string{"*.example.com"}}, ""},
		{"nothing", nil, ginauth.Options{}, "BaseURL or NEXTAUTH_URL"},
		{"AUTH_TRUST_HOST", map[string]string{"AUTH_TRUST_HOST": "true"}, ginauth.Options{}, "AUTH_TRUST_HOST is not enough"},
		{"a wildcard", nil, ginauth.Options{TrustedHosts: []string{"app.example.com", "*.example.com"}}, "TrustedHosts has *.example.com"},
	} {
		t.Run(row.name, func(t *testing.T) {
			for name, value := range row.env {
				t.Setenv(name, value)
			}
			row.opts.Secret, row.opts.Adapter, row.opts.Providers = testSecret, newMemory(), email()
			for name, register := range map[string]func() error{
				"New":      func() error { _, err := ginauth.New(row.opts); return err },
				"Register": func() error { _, err := ginauth.Register(gin.New(), row.opts); return err },
			} {
				err := register()
				if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
					t.Errorf("%s: %v, want %q", name, err, row.want)
				}
			}
		})
	}

	var box inbox
	for _, opts := range []ginauth.Options{{BaseURL: "https://app.example.com"}, {TrustedHosts: []string{"app.example.com"}}} {
		opts.Secret, opts.Adapter, opts.Logger = testSecret, newMemory(), (&logBuffer{}).logger()
		opts.Providers = []ginauth.Provider{ginauth.Email{Send: box.send}}
		engine := gin.New()
		if _, err := ginauth.Register(engine, opts); err != nil {
			t.Fatal(err)
		}
		for _, host := range []string{"app.example.com", "evil.example", "app.example.com.evil.example", "app.example.com@evil.example", "evil.example#app.example.com", "localhost", "127.0.0.1:8080", "[::1]", "a.localhost"} {
			before := len(box.all())
			for _, secure := range []bool{false, true} {
				csrf, pair := csrfPair(csrfCookie)
				if secure {
					csrf, pair = csrfPair("__Host-" + csrfCookie)
				}
				req := httptest.NewRequest(http.MethodPost, "/api/auth/signin/email", strings.NewReader(url.Values{"csrfToken": {csrf}, "email": {"ada@example.com"}}.Encode()))
				req.Host = host
				req.Header.Set("Cookie", pair)
				req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				req.Header.Set("X-Forwarded-Host", "evil.example")
				req.Header.Set("Forwarded", "host=evil.example")
				engine.ServeHTTP(httptest.NewRecorder(), req)
			}
			for _, m := range box.all()[before:] {
				if !stays(m.URL, "https://app.example.com", "http://app.example.com") || strings.Contains(m.URL+m.Text+m.HTML+m.Subject, "evil") {
					t.Errorf("asked at %s the link is %s", host, m.URL)
				}
			}
			if host == "app.example.com" && len(box.all()) == before {
				t.Error("an honest request gets no mail")
			}
		}
	}
}

// mailed are one of each kind of token that mails bring forth, and the two apps that
// verify them.
type mailed struct {
	kinds         map[string]string
	link, code    *mailApp
	linked, asked *browser // who asked for the link, and for the code
	action        string
	linkForm      url.Values
}

func mintMail(t testing.TB) mailed {
	t.Helper()
	all := mailed{link: newMailApp(t, ginauth.Email{BindBrowser: true}, ginauth.Options{}), code: newMailApp(t, ginauth.Email{Code: true}, ginauth.Options{})}
	all.linked, all.asked = all.link.browser(t), all.code.browser(t)
	all.action, all.linkForm = onlyForm(t, all.linked.get(all.link.asksFor(t, all.linked, "ada@example.com")).body)
	all.asked.ask("ada@example.com", "/").sent(t)
	var sealed struct{ N string }
	decode(t, unsealed(t, "ginauth.mail", all.asked.cookie(mailCookie)), &sealed)
	all.kinds = map[string]string{
		"session":     sessionFor(t, "ada@example.com", nil),
		"link token":  all.linkForm.Get("token"),
		"code":        all.code.inbox.newest(t).Code,
		"link cookie": all.linked.cookie(mailCookie),
		"code cookie": all.asked.cookie(mailCookie),
		"nonce":       sealed.N,
		"link row":    all.link.db.rows()[0].Hash,
		"code row":    all.code.db.rows()[0].Hash,
		"csrf cookie": all.linked.cookie(csrfCookie),
		"csrf token":  all.linked.csrf(),
	}
	return all
}

// Every kind of token to every verifier of a mail's, and a mail's to every other.
func TestAttack08_MailTokens(t *testing.T) {
	t.Parallel()
	idpTokens := map[string]string{"state": token.Random(), "transaction": sealFor(t, "ginauth.transaction", `{"p":"email","e":"ada@example.com","n":"n","c":"123456","x":9999999999}`)}
	for _, row := range []struct {
		name string
		own  []string
		pass func(all mailed, value string) bool
	}{
		{"session cookie", []string{"session"}, func(all mailed, value string) bool {
			b := all.link.browser(t)
			b.plant(sessionCookie, value)
			return b.get("/me").StatusCode == http.StatusOK
		}},
		{"bearer", []string{"session"}, func(all mailed, value string) bool {
			b := all.link.browser(t)
			req := b.request(http.MethodGet, "/me", nil)
			req.Header.Set("Authorization", "Bearer "+value)
			return b.do(req).StatusCode == http.StatusOK
		}},
		{"csrf", []string{"csrf cookie"}, func(all mailed, value string) bool {
			b := all.link.browser(t)
			b.plant(csrfCookie, value)
			own, _, _ := strings.Cut(value, "|")
			res := b.post("/api/auth/signin/email", url.Values{"csrfToken": {own}, "email": {"ada@example.com"}})
			return !strings.HasSuffix(res.Header.Get("Location"), "csrf=true")
		}},
		{"link", []string{"link token"}, func(all mailed, value string) bool {
			all.linkForm.Set("token", value)
			return all.linked.post(all.action, all.linkForm).signedIn()
		}},
		{"link's browser", []string{"link cookie"}, func(all mailed, value string) bool {
			all.linked.plant(mailCookie, value)
			return all.linked.post(all.action, all.linkForm).signedIn()
		}},
		{"code", []string{"code"}, func(all mailed, value string) bool { return all.asked.typeCode(value).signedIn() }},
		{"code's browser", []string{"code cookie"}, func(all mailed, value string) bool {
			all.asked.plant(mailCookie, value)
			return all.asked.typeCode(all.kinds["code"]).signedIn()
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			for _, kind := range append(slices.Sorted(maps.Keys(mintMail(t).kinds)), "state", "transaction") {
				all := mintMail(t)
				maps.Copy(all.kinds, idpTokens)
				if got := row.pass(all, all.kinds[kind]); got != slices.Contains(row.own, kind) {
					t.Errorf("%s accepted: %v", kind, got)
				}
			}
		})
	}
}

// sealFor seals a payload with testSecret for a purpose.
func sealFor(t testing.TB, purpose, payload string) string {
	t.Helper()
	ring, err := token.V4.Keyring(purpose, testSecret)
	if err != nil {
		t.Fatal(err)
	}
	return ring.Seal([]byte(payload))
}

// What a stranger sends is kept under a key of its own purpose: nothing that an
// answer sets, and no row, is what they chose, and none counts as anything else.
func TestAttack09_MailOracle(t *testing.T) {
	t.Parallel()
	for _, email := range []ginauth.Email{{BindBrowser: true}, {Code: true}} {
		a := newMailApp(t, email, ginauth.Options{})
		b := a.browser(t)
		chosen := url.Values{
			"csrfToken": {b.csrf()}, "email": {"mallory@example.com"}, "p": {"email"}, "e": {"ada@example.com"}, "n": {"n"}, "c": {"123456"},
			"token": {"chosen"}, "nonce": {"chosen"}, "code": {"123456"}, "expires": {"9999999999"}, "sub": {"ada"}, "hash": {"chosen"},
		}
		b.plant(mailCookie, "chosen")
		b.do(b.request(http.MethodPost, "/api/auth/signin/email?"+chosen.Encode(), chosen)).sent(t)
		for _, row := range a.db.rows() {
			if strings.Contains(fmt.Sprint(row), "chosen") || row.Identifier != "mallory@example.com" {
				t.Errorf("kept is %+v", row)
			}
		}
		kept := b.cookie(mailCookie)
		for _, purpose := range []string{forSession, forTransaction} {
			if sealed := unsealed(t, purpose, kept); sealed != "" {
				t.Errorf("the cookie opens for %q: %s", purpose, sealed)
			}
		}
		if sealed := unsealed(t, "ginauth.mail", kept); sealed == "" || strings.Contains(sealed, "chosen") || strings.Contains(sealed, "ada@") {
			t.Errorf("sealed is %s", sealed)
		}
		// What anybody can hash is no row of ours.
		for _, text := range []string{"chosen", "chosen" + testSecret} { // the latter as next-auth does
			sum := sha256.Sum256([]byte(text))
			forged := hex.EncodeToString(sum[:])
			if err := a.db.CreateVerificationToken(context.Background(), ginauth.VerificationToken{Identifier: "ada@example.com", Hash: forged, Expires: a.clock.now().AddDate(1, 0, 0)}); err != nil {
				t.Fatal(err)
			}
		}
		form := url.Values{"csrfToken": {b.csrf()}, "email": {"ada@example.com"}, "token": {"chosen"}, "code": {"123456"}}
		if b.post("/api/auth/callback/email", form).signedIn() {
			t.Error("a row that was put there signs in")
		}
	}
}

// Somebody who is banned after the mail was sent does not get in by it, nor is anything
// of them stored.
func TestAttack38_BannedMeanwhile(t *testing.T) {
	t.Parallel()
	for _, code := range []bool{false, true} {
		for _, known := range []bool{false, true} {
			var banned atomic.Bool
			a := newMailApp(t, ginauth.Email{Code: code}, ginauth.Options{Callbacks: ginauth.Callbacks{
				SignIn: func(_ *gin.Context, p ginauth.SignInParams) error {
					if banned.Load() && p.User.Email == "ada@example.com" {
						return ginauth.ErrAccessDenied
					}
					return nil
				},
			}})
			if known {
				a.db.add(t, ginauth.User{Email: "ada@example.com"})
			}
			b := a.browser(t)
			b.ask("ada@example.com", "/").sent(t)
			m := a.inbox.newest(t)
			banned.Store(true)
			var res answer
			if code {
				res = b.typeCode(m.Code)
			} else {
				res = b.press(m.URL)
			}
			res.refused(t, "AccessDenied")
			ada, stored := a.db.everybody()["ada@example.com"]
			if b.user() != "" || stored != known || !ada.EmailVerified.IsZero() {
				t.Errorf("code %t, known %t: %q is signed in, stored is %+v", code, known, b.user(), ada)
			}
		}
	}
}

// A database that takes one address for another gets nobody in as the other: who proved
// adá is not ada.
func TestAttack19_AddressForAnother(t *testing.T) {
	t.Parallel()
	for _, code := range []bool{false, true} {
		memory := ginauth.MemoryAdapter()
		if _, err := memory.CreateUser(t.Context(), ginauth.User{Name: "Ada", Email: "ada@example.com", EmailVerified: time.Now()}, nil); err != nil {
			t.Fatal(err)
		}
		a := newMailApp(t, ginauth.Email{Code: code}, ginauth.Options{Adapter: lenient{memory, "ada@example.com"}})
		b := a.browser(t)
		b.ask("ad\u00e1@example.com", "/").sent(t) // which tells nobody that there is an ada
		m := a.inbox.newest(t)
		var res answer
		if code {
			res = b.typeCode(m.Code)
		} else {
			res = b.press(m.URL)
		}
		res.refused(t, "OAuthAccountNotLinked")
		if b.user() != "" || !strings.Contains(a.log.String(), "byte by byte") {
			t.Errorf("signed in as %q: %s", b.user(), a.log)
		}
		if code {
			continue
		}
		if res := b.press(a.asksFor(t, b, "Ada@example.com")); !res.signedIn() {
			t.Errorf("Ada herself is led to %s", res.Header.Get("Location"))
		}
	}
}
