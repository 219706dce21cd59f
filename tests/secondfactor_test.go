package tests

import (
	"net/http"
	"slices"
	"strings"
	"testing"

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
