package tests

import (
	"context"
	"errors"
	"log/slog"
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

// TestSecondFactor_Enrolment holds that who has set an app up is asked for its code, and
// that nobody is signed in before.
func TestSecondFactor_Enrolment(t *testing.T) {
	t.Parallel()
	a := newFactorApp(t, passwordOptions{})
	phone := a.enrols(t, a.browser(t))
	if got := a.inbox.newest(t); got.To != adaReads || !strings.Contains(got.Text, "An authenticator app was set up for your account ada@example.com") {
		t.Errorf("the mail is %s to %s", got.Text, got.To)
	}

	b := a.browser(t)
	a.waits(t, b)
	if res := b.get("/api/auth/session"); res.body != "{}" {
		t.Errorf("between the factors the session is %s", res.body)
	}
	if res := b.get("/me"); res.StatusCode == http.StatusOK {
		t.Errorf("between the factors a guard answers %d", res.StatusCode)
	}
	if b.cookie(sessionCookie) != "" {
		t.Error("there is a session cookie")
	}
	page := b.get(codeURL)
	if page.StatusCode != http.StatusOK || !strings.Contains(page.body, "Type the code that your authenticator app shows.") {
		t.Fatalf("%d %s", page.StatusCode, page.body)
	}
	for _, wrong := range []string{"", "000000", "12345", "1234567", "abcdef"} {
		if wrong == phone.code(a) {
			continue
		}
		res := b.gives("code", wrong)
		if res.signedIn() || !strings.HasSuffix(res.Header.Get("Location"), codeURL+"?error=FactorCode") {
			t.Errorf("the code %q leads to %s", wrong, res.Header.Get("Location"))
		}
	}
	if page := b.get(codeURL + "?error=FactorCode"); !strings.Contains(page.body, "That is not the code.") {
		t.Errorf("the page says %s", page.body)
	}
	if heard := a.heard(); !slices.Equal(heard, []string{"ada@example.com otp guessed"}) {
		t.Errorf("after five wrong codes the application hears %v", heard)
	}
	if got := a.inbox.newest(t); !strings.Contains(got.Text, "Several wrong codes were typed") {
		t.Errorf("the mail is %s", got.Text)
	}
	code := phone.code(a)
	res := b.gives("code", code[:3]+" "+code[3:])
	if !res.signedIn() || b.id() != a.ada {
		t.Fatalf("the right code leads to %d %s\n%s", res.StatusCode, res.Header.Get("Location"), a.log)
	}
	if got := b.get("/factors").body; got != "password otp" {
		t.Errorf("the session's factors are %q", got)
	}
	if b.cookie("next-auth.factor") != "" {
		t.Error("the cookie of the sign-in that waited is still there")
	}
}

// TestSecondFactor_Recovery holds that each recovery code works once, and is told of.
func TestSecondFactor_Recovery(t *testing.T) {
	t.Parallel()
	a := newFactorApp(t, passwordOptions{})
	phone := a.enrols(t, a.browser(t))
	for _, typed := range []string{phone.recovery[0], strings.ToUpper(strings.ReplaceAll(phone.recovery[1], "-", " "))} {
		b := a.browser(t)
		a.waits(t, b)
		if page := b.get("/api/auth/second-factor/recovery"); !strings.Contains(page.body, "Type one of your recovery codes.") {
			t.Errorf("the page is %s", page.body)
		}
		if res := b.gives("recovery", typed); !res.signedIn() || b.get("/factors").body != "password recovery" {
			t.Fatalf("%q leads to %d %s\n%s", typed, res.StatusCode, res.Header.Get("Location"), a.log)
		}
		if heard := a.heard(); !slices.Equal(heard, []string{"ada@example.com recovery recoveryUsed"}) {
			t.Errorf("the application hears %v", heard)
		}
		again := a.browser(t)
		a.waits(t, again)
		if res := again.gives("recovery", typed); res.signedIn() || again.id() != "" {
			t.Errorf("%q works twice", typed)
		}
	}
	b := a.browser(t)
	a.waits(t, b)
	if res := b.gives("code", phone.next(a)); !res.signedIn() {
		t.Error("the app's code does not work any more")
	}
	if page := b.get("/api/auth/second-factor/list"); !strings.Contains(page.body, "Recovery codes left: 8") {
		t.Errorf("the page is %s", page.body)
	}
}

// TestSecondFactor_Removal holds that without the app nobody is asked any more.
func TestSecondFactor_Removal(t *testing.T) {
	t.Parallel()
	a := newFactorApp(t, passwordOptions{})
	b := a.browser(t)
	phone := a.enrols(t, b)
	if res := b.gives("codes", ""); res.StatusCode != http.StatusOK || strings.Contains(res.body, phone.recovery[0]) || len(codeOnPage.FindAllString(res.body, -1)) != 10 {
		t.Errorf("new codes: %d %s", res.StatusCode, res.body)
	}
	other := a.browser(t)
	a.waits(t, other)
	if res := other.gives("recovery", phone.recovery[0]); res.signedIn() {
		t.Error("a former recovery code works")
	}
	if res := b.gives("remove", ""); !strings.HasSuffix(res.Header.Get("Location"), "/second-factor/list") {
		t.Errorf("%d %s", res.StatusCode, res.Header.Get("Location"))
	}
	if heard := a.heard(); !slices.Equal(heard, []string{"ada@example.com recovery newCodes", "ada@example.com otp removed"}) {
		t.Errorf("the application hears %v", heard)
	}
	if res := other.gives("code", otp.Code(phone.secret, otp.Step(a.clock.now()))); res.signedIn() {
		t.Error("the removed app's code works")
	}
	if res := a.browser(t).types(adaReads, adaTypes); !res.signedIn() {
		t.Errorf("the password leads to %s", res.Header.Get("Location"))
	}
	if page := b.get("/api/auth/second-factor/list"); !strings.Contains(page.body, "You sign in without a second step.") {
		t.Errorf("the page is %s", page.body)
	}
}

// TestSecondFactor_Guard holds that a guard which asks for a code leads to its page, and
// back.
func TestSecondFactor_Guard(t *testing.T) {
	t.Parallel()
	a := newFactorApp(t, passwordOptions{})
	a.engine.GET("/vault", a.auth.RequireFactor(5*time.Minute, ginauth.FactorOTP, ginauth.FactorRecovery), func(c *gin.Context) { c.String(http.StatusOK, "open") })
	b := a.browser(t)
	phone := a.enrols(t, b)
	a.clock.move(6 * time.Minute)
	req := b.request(http.MethodGet, "/vault", nil)
	req.Header.Set("Accept", "text/html")
	res := b.do(req)
	page := b.get(res.Header.Get("Location"))
	if res.StatusCode != http.StatusFound || page.StatusCode != http.StatusFound || !strings.Contains(page.Header.Get("Location"), "/second-factor/confirm?callbackUrl=") {
		t.Fatalf("%d leads to %s, and that to %d %s", res.StatusCode, res.Header.Get("Location"), page.StatusCode, page.Header.Get("Location"))
	}
	action, fields := onlyForm(t, b.get(page.Header.Get("Location")).body)
	fields.Set("code", phone.code(a))
	done := b.post(action, fields)
	if !strings.HasSuffix(done.Header.Get("Location"), "/vault") {
		t.Fatalf("the code leads to %d %s\n%s", done.StatusCode, done.Header.Get("Location"), a.log)
	}
	if got := b.get("/vault"); got.body != "open" {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
	a.clock.move(6 * time.Minute)
	if got := b.get("/vault"); got.StatusCode != http.StatusUnauthorized || !strings.Contains(got.body, `"methods":["otp","recovery"]`) {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
	b.gives("confirm-recovery", phone.recovery[0])
	if got := b.get("/vault"); got.body != "open" {
		t.Errorf("after a recovery code: %d %s", got.StatusCode, got.body)
	}
	// A person with other ways can choose.
	if page := b.get("/api/auth/factor?callbackUrl=/vault"); !strings.Contains(page.body, "/second-factor/confirm?callbackUrl=") || !strings.Contains(page.body, `name="password"`) {
		t.Errorf("the page is %s", page.body)
	}
}

// TestSecondFactor_JSON holds that a client in a browser's script can do all of it.
func TestSecondFactor_JSON(t *testing.T) {
	t.Parallel()
	a := newFactorApp(t, passwordOptions{Options: ginauth.Options{Factors: ginauth.FactorOptions{Required: func(*gin.Context, ginauth.User) bool { return true }}}})
	b := a.browser(t)
	post := func(path string, more url.Values) (res answer, said struct {
		URL           string
		RecoveryCodes []string
	}) {
		more.Set("csrfToken", b.csrf())
		more.Set("json", "true")
		res = b.post(path, more)
		decode(t, res.body, &said)
		return res, said
	}
	res, said := post("/api/auth/callback/credentials", url.Values{"username": {adaReads}, "password": {adaTypes}})
	if res.StatusCode != http.StatusOK || !strings.HasSuffix(said.URL, codeURL) || res.signedIn() {
		t.Fatalf("%d %s", res.StatusCode, res.body)
	}
	phone, action, fields := scan(t, b.get(said.URL))
	fields.Set("code", phone.code(a))
	res, said = post(action, fields)
	if !res.signedIn() || len(said.RecoveryCodes) != 10 || !strings.HasPrefix(said.URL, a.URL) {
		t.Fatalf("%d %s", res.StatusCode, res.body)
	}
	b = a.browser(t)
	a.waits(t, b)
	if res, said = post(codeURL, url.Values{"code": {"none"}}); res.StatusCode != http.StatusUnauthorized || !strings.HasSuffix(said.URL, "?error=FactorCode") {
		t.Errorf("a wrong code: %d %s", res.StatusCode, res.body)
	}
	if res, said = post(codeURL, url.Values{"code": {phone.next(a)}}); res.StatusCode != http.StatusOK || !res.signedIn() {
		t.Errorf("the right code: %d %s", res.StatusCode, res.body)
	}
	if res, _ = post(codeURL, url.Values{"code": {phone.next(a)}}); res.StatusCode != http.StatusUnauthorized || !strings.Contains(res.body, "FactorExpired") {
		t.Errorf("nothing waits: %d %s", res.StatusCode, res.body)
	}
}

// TestSecondFactor_NotThere holds that a site without second factors has none of their
// routes.
func TestSecondFactor_NotThere(t *testing.T) {
	t.Parallel()
	a := newUserApp(t, ginauth.Options{})
	b := a.browser(t)
	for _, page := range []string{"", "/code", "/list", "/add"} {
		if res := b.get("/api/auth/second-factor" + page); res.StatusCode != http.StatusBadRequest || len(res.Header["Set-Cookie"]) != 0 {
			t.Errorf("%s answers %d", page, res.StatusCode)
		}
	}
}

// TestSecondFactor_Faults holds that each fault names what to write instead.
func TestSecondFactor_Faults(t *testing.T) {
	t.Parallel()
	required := func(*gin.Context, ginauth.User) bool { return true }
	for _, row := range []struct {
		name string
		opts ginauth.Options
		want string
	}{
		{"no adapter", ginauth.Options{Factors: ginauth.FactorOptions{OTP: true}}, "Factors.OTP needs an Adapter that is a FactorStore"},
		{"an adapter that is none", ginauth.Options{Factors: ginauth.FactorOptions{OTP: true}, Adapter: struct{ ginauth.Adapter }{ginauth.MemoryAdapter()}}, "write GetFactors and UpdateFactors"},
		{"an adapter that cannot", ginauth.Options{Factors: ginauth.FactorOptions{OTP: true}, Adapter: keyless{ginauth.MemoryAdapter()}}, "Factors.OTP: set the key"},
		{"required alone", ginauth.Options{Factors: ginauth.FactorOptions{Required: required}}, "Factors.Required is set, and there is no second factor to give; set Factors.OTP too"},
		{"trust alone", ginauth.Options{Factors: ginauth.FactorOptions{TrustDevice: time.Hour}}, "Factors.TrustDevice is set, and nobody is asked"},
		{"the shortest trust alone", ginauth.Options{Factors: ginauth.FactorOptions{TrustDevice: 1}}, "Factors.TrustDevice is set, and nobody is asked"},
		{"negative trust", ginauth.Options{Factors: ginauth.FactorOptions{TrustDevice: -time.Hour}}, "Factors.TrustDevice is -1h0m0s; write for instance 30*24*time.Hour"},
	} {
		row.opts.Secret, row.opts.Providers, row.opts.Logger = testSecret, somebody(), slog.New(slog.DiscardHandler)
		if _, err := ginauth.New(row.opts); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v", row.name, err)
		}
	}
}

// TestSecondFactor_EmptySecret holds that an empty secret is one fault, and not one of the
// second factors too.
func TestSecondFactor_EmptySecret(t *testing.T) {
	t.Parallel()
	_, err := ginauth.New(ginauth.Options{
		Secret: testSecret, PreviousSecrets: []string{""}, Providers: somebody(), Logger: slog.New(slog.DiscardHandler),
		Adapter: ginauth.MemoryAdapter(), Factors: ginauth.FactorOptions{OTP: true},
	})
	if err == nil || err.Error() != "ginauth: PreviousSecrets holds an empty secret; leave it out" {
		t.Errorf("%v", err)
	}
}

type keyless struct{ ginauth.Adapter }

func (keyless) CheckFactors() error { return errors.New("set the key") }

func (keyless) GetFactors(context.Context, string) ([]byte, error) { return nil, nil }

func (keyless) UpdateFactors(context.Context, string, []byte, []byte) error { return nil }
