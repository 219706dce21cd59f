package tests

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/factor"
)

// waitingApp is a passkeyApp whose people must give a second factor.
func waitingApp(t *testing.T, required *bool) *passkeyApp {
	t.Helper()
	return newPasskeyApp(t, ginauth.Options{Factors: ginauth.FactorOptions{
		OTP: true, Required: func(*gin.Context, ginauth.User) bool { return *required },
	}})
}

// waits signs a person in by password as far as the second factor.
func (b *browser) waits(name string) {
	b.t.Helper()
	res := b.post("/api/auth/callback/credentials", url.Values{"csrfToken": {b.csrf()}, "username": {name}, "password": {"password of " + name}})
	if res.signedIn() || !strings.Contains(res.Header.Get("Location"), "/api/auth/second-factor/") {
		b.t.Fatalf("%d %s", res.StatusCode, res.Header.Get("Location"))
	}
}

// giveSecond answers with a device's newest key.
func (b *browser) giveSecond(d *webauthnDevice, o options) answer {
	b.t.Helper()
	return b.post("/api/auth/second-factor/passkey", url.Values{"csrfToken": {b.csrf()}, "data": {d.get(o)}})
}

// A passkey stands in for the code behind a password, and by itself it is both factors.
func TestSecondFactor_Passkey(t *testing.T) {
	t.Parallel()
	required := false
	a := waitingApp(t, &required)
	d := a.registered(t, "ada")
	required = true

	both := a.browser(t)
	if !both.signInByPasskey(d).signedIn() {
		t.Error("a passkey with user verification is not enough")
	}

	b := a.browser(t)
	b.waits("ada")
	page := b.get("/api/auth/second-factor/code")
	if page.StatusCode != http.StatusOK || !strings.Contains(page.body, `action="`+a.URL+`/api/auth/second-factor/passkey" data-passkey="second"`) {
		t.Fatalf("the page offers none: %d %s", page.StatusCode, page.body)
	}
	o, ok := b.passkeyOptions("second")
	if !ok || len(o.Allow) != 1 || o.Allow[0].ID != encode(d.keys[0].id) {
		t.Fatalf("%+v", o)
	}
	if res := b.giveSecond(d, o); !res.signedIn() || b.user() != "ada@example.com" {
		t.Fatalf("%d %s\n%s", res.StatusCode, res.Header.Get("Location"), a.log)
	}
	var factors []ginauth.Factor
	a.engine.GET("/factors", a.auth.RequireFactor(0, ginauth.FactorPasskey), func(c *gin.Context) { factors = ginauth.GetSession(c).Factors })
	b.get("/factors")
	if len(factors) != 2 || factors[0].Method != ginauth.FactorPassword || factors[1].Method != ginauth.FactorPasskey {
		t.Errorf("%v", factors)
	}
}

// What waits for a second factor takes the passkey of its own user alone, once, in its own
// browser, by a challenge of its own.
func TestAttack71_PasskeyOfAnotherWaiting(t *testing.T) {
	t.Parallel()
	required := false
	a := waitingApp(t, &required)
	adas, bobs := a.registered(t, "ada"), a.registered(t, "bob")
	required = true
	b := a.browser(t)
	if _, ok := b.passkeyOptions("second"); ok {
		t.Error("options for nobody")
	}
	b.waits("ada")
	o, _ := b.passkeyOptions("second")
	refused := func(name string, res answer) {
		t.Helper()
		if res.signedIn() || b.user() != "" {
			t.Errorf("%s: signed in", name)
		}
	}
	refused("Bob's passkey", b.giveSecond(bobs, o))
	signIn, _ := b.passkeyOptions("authenticate")
	refused("a sign-in's challenge", b.giveSecond(adas, signIn))
	refused("this challenge at sign-in", b.postPasskey("authenticate", adas.get(o)))
	other := a.browser(t)
	other.waits("ada")
	theirs, _ := other.passkeyOptions("second")
	refused("another browser's challenge", b.giveSecond(adas, theirs))
	refused("in a browser that waits for nothing", a.browser(t).giveSecond(adas, o))
	adas.bend = func(c *ceremony) { c.flags = userPresent }
	refused("no user verification", b.giveSecond(adas, o))
	adas.bend = nil
	if !b.giveSecond(adas, o).signedIn() {
		t.Error("the right one is refused\n", a.log)
	}
}

// cutPasskeys is cutFactors that keeps passkeys too.
type cutPasskeys struct{ cutFactors }

func (a cutPasskeys) passkeys() ginauth.PasskeyStore { return a.Adapter.(ginauth.PasskeyStore) }

func (a cutPasskeys) CreatePasskey(ctx context.Context, p ginauth.StoredPasskey) error {
	return uncutToo(a.calls, "CreatePasskey", func() error { return a.passkeys().CreatePasskey(ctx, p) })
}

func (a cutPasskeys) GetPasskey(ctx context.Context, id string) (ginauth.StoredPasskey, error) {
	return uncut(a.calls, "GetPasskey", func() (ginauth.StoredPasskey, error) { return a.passkeys().GetPasskey(ctx, id) })
}

func (a cutPasskeys) ListPasskeys(ctx context.Context, userID string) ([]ginauth.StoredPasskey, error) {
	return uncut(a.calls, "ListPasskeys", func() ([]ginauth.StoredPasskey, error) { return a.passkeys().ListPasskeys(ctx, userID) })
}

func (a cutPasskeys) UpdatePasskey(ctx context.Context, p ginauth.StoredPasskey, data []byte) error {
	return uncutToo(a.calls, "UpdatePasskey", func() error { return a.passkeys().UpdatePasskey(ctx, p, data) })
}

func (a cutPasskeys) DeletePasskey(ctx context.Context, userID, id string) error {
	return uncutToo(a.calls, "DeletePasskey", func() error { return a.passkeys().DeletePasskey(ctx, userID, id) })
}

// A cutPasskeyApp is a waitingApp of which one call of its database fails.
type cutPasskeyApp struct {
	*passkeyApp
	*calls
	required bool
	device   *webauthnDevice // Ada's
}

func newCutPasskeyApp(t *testing.T) *cutPasskeyApp {
	t.Helper()
	a := &cutPasskeyApp{calls: &calls{}}
	a.passkeyApp = newPasskeyApp(t, ginauth.Options{
		Adapter: cutPasskeys{cutFactors{cutAdapter{ginauth.MemoryAdapter(), a.calls}}},
		Factors: ginauth.FactorOptions{OTP: true, TrustDevice: time.Hour, Required: func(*gin.Context, ginauth.User) bool { return a.required }},
		Limits:  ginauth.Limits{Disabled: true},
	})
	a.device = a.registered(t, "ada")
	return a
}

// gives is what a page's script does with the passkey, in a browser in which Ada waits.
func (a *cutPasskeyApp) gives(t *testing.T, b *browser) func() answer {
	t.Helper()
	b.waits("ada")
	o, ok := b.passkeyOptions("second")
	if !ok {
		t.Fatalf("no options\n%s", a.log)
	}
	form := url.Values{"csrfToken": {b.csrf()}, "json": {"true"}, "trust": {"true"}, "data": {a.device.get(o)}}
	return func() answer { return b.post(secondURL+"passkey", form) }
}

// Of a sign-in that a passkey finishes, each call of the database fails once. What fails
// before the passkey was used can be tried again.
func TestSecondFactor_PasskeyEachCall(t *testing.T) {
	t.Parallel()
	a := newCutPasskeyApp(t)
	a.required = true
	var lines []string
	for n, all := -1, 0; n < all; n++ {
		b := a.browser(t)
		do := a.gives(t, b)
		a.log.forget()
		a.arm(n)
		res := do()
		names := a.disarm()
		if setCookies(res)["next-auth.trusted"] != nil {
			t.Error("a passkey makes a browser trusted")
		}
		if n < 0 {
			all = len(names)
			lines = append(lines, res.said(t))
			continue
		}
		if !res.signedIn() && b.user() != "" {
			t.Errorf("call %d, %s, fails, and somebody is signed in", n, names[n])
		}
		lines = append(lines, fmt.Sprintf("%s: %s, %s; %s", names[n], res.said(t), cutLogged(a.log.String()), do().said(t)))
	}
	if got := strings.Join(lines, "\n"); got != strings.TrimSpace(passkeyCuts) {
		t.Errorf("%s", got)
	}
	b := a.browser(t)
	b.waits("ada")
	offered := func() bool { return strings.Contains(b.get(secondURL+"code").body, `data-passkey="second"`) }
	if !offered() {
		t.Error("the page offers no passkey")
	}
	for n := range 4 { // where the passkeys cannot be read, the code goes on
		a.arm(n)
		page := b.get(secondURL + "code")
		if names := a.disarm(); len(names) > n && names[n] == "ListPasskeys" {
			if page.StatusCode != http.StatusOK || strings.Contains(page.body, `data-passkey="second"`) || !keyOnPage.MatchString(page.body) {
				t.Errorf("without the passkeys the page is %d %s", page.StatusCode, page.body)
			}
			return
		}
	}
	t.Error("the page reads no passkeys")
}

const passkeyCuts = `
200 signed in
GetFactors: 503 SessionUnavailable, the second factor; 200 signed in
GetPasskey: 503 SessionUnavailable, the second factor; 200 signed in
UpdatePasskey: 503 SessionUnavailable, the second factor; 200 signed in
GetFactors: 503 SessionUnavailable, the second factor; 401 PasskeySignin
UpdateFactors: 503 SessionUnavailable, the second factor; 401 PasskeySignin
GetUser: 500 Callback, the user and account; 401 FactorExpired
GetUser: 500 Callback, the user and account; 401 FactorExpired
ListAccounts: 500 Callback, the user and account; 401 FactorExpired
ListPasskeys: 500 Callback, the user and account; 401 FactorExpired
`

// The factors change right before one of the calls of a sign-in that a passkey finishes. It
// is finished only where that was before the change.
func TestSecondFactor_PasskeyMeanwhile(t *testing.T) {
	t.Parallel()
	a := newCutPasskeyApp(t)
	inner := a.adapter.(cutPasskeys).Adapter.(ginauth.FactorStore)
	a.required = true
	for n, all := -1, 0; n < all; n++ {
		b := a.browser(t)
		do := a.gives(t, b)
		a.instead = func() { // as another process does that makes the record anew
			data, err := inner.GetFactors(t.Context(), a.people["ada"])
			if err == nil {
				var r *factor.Record
				if r, err = factor.Parse(data); err == nil {
					r.Change()
					changed, _ := r.Bytes()
					err = inner.UpdateFactors(t.Context(), a.people["ada"], data, changed)
				}
			}
			must(t, err)
		}
		a.log.forget()
		a.arm(n)
		res := do()
		names := a.disarm()
		if a.instead = nil; n < 0 {
			all = len(names)
			continue
		}
		spent := slices.Index(names, "UpdateFactors")
		if before := n <= spent || spent < 0; res.signedIn() == before || before && (res.said(t) != "401 FactorExpired" || b.cookie(waitingCookie) != "" || b.user() != "") {
			t.Errorf("changed before call %d, %s of %v: %s\n%s", n, names[n], names, res.said(t), a.log)
		}
		if !res.signedIn() && !strings.Contains(a.log.String(), "the sign-in that waited for its second factor was finished or has expired") {
			t.Errorf("changed before call %d: the log: %s", n, a.log)
		}
	}
}

// A passkey as a second factor is limited as other proofs are.
func TestSecondFactor_PasskeyLimited(t *testing.T) {
	t.Parallel()
	required := false
	a := newPasskeyApp(t, ginauth.Options{
		Factors: ginauth.FactorOptions{OTP: true, Required: func(*gin.Context, ginauth.User) bool { return required }},
		Limits:  ginauth.Limits{Starts: ginauth.Rate{Count: 10, Per: time.Hour}}, TrustedProxies: behindProxy,
	})
	d := a.registered(t, "ada")
	required = true
	b := a.browser(t)
	b.waits("ada")
	o, _ := b.passkeyOptions("second")
	form := url.Values{"csrfToken": {b.csrf()}, "data": {"none"}, "json": {"true"}}
	from := func(form url.Values) answer {
		req := b.request(http.MethodPost, secondURL+"passkey", form)
		req.Header.Set("X-Forwarded-For", "198.51.100.1")
		return b.do(req)
	}
	said := map[string]int{}
	for range 25 {
		said[from(form).said(t)]++
	}
	if said["401 PasskeySignin"] == 0 || said["429 RateLimited"] == 0 || len(said) != 2 {
		t.Errorf("the answers are %v", said)
	}
	form.Set("data", d.get(o))
	if res := from(form); res.said(t) != "429 RateLimited" || b.user() != "" {
		t.Errorf("the right one: %s", res.said(t))
	}
	a.move(time.Hour)
	b.waits("ada")
	o, _ = b.passkeyOptions("second")
	if res := b.giveSecond(d, o); !res.signedIn() {
		t.Errorf("an hour later: %d %s", res.StatusCode, res.Header.Get("Location"))
	}
}

// A wrong passkey leads to the page of a code, which says so, and to that alone.
func TestSecondFactor_PasskeyWrong(t *testing.T) {
	t.Parallel()
	required := false
	a := waitingApp(t, &required)
	a.registered(t, "ada")
	plain := newFactorApp(t, passwordOptions{})
	required = true
	b := a.browser(t)
	b.waits("ada")
	res := b.post(secondURL+"passkey", url.Values{"csrfToken": {b.csrf()}, "data": {"none"}})
	if got := res.Header.Get("Location"); got != a.URL+codeURL+"?error=PasskeySignin" {
		t.Errorf("it leads to %s", got)
	}
	if log := a.log.String(); !strings.Contains(log, `code=PasskeySignin`) || !strings.Contains(log, `step="the second factor"`) {
		t.Errorf("the log: %s", log)
	}
	const wrong = `role="alert">`
	if page := b.get(codeURL + "?error=PasskeySignin"); !strings.Contains(page.body, wrong) {
		t.Errorf("the page is %s", page.body)
	}
	if page := b.get(codeURL); strings.Contains(page.body, wrong) {
		t.Errorf("without an error the page is %s", page.body)
	}
	// Where there are no passkeys, none is asked for.
	plain.enrols(t, plain.browser(t))
	out := plain.browser(t)
	plain.waits(t, out)
	if page := out.get(codeURL); strings.Contains(page.body, "data-passkey") {
		t.Errorf("the page is %s", page.body)
	}
	plain.log.forget()
	if res := out.post(secondURL+"passkey", url.Values{"csrfToken": {out.csrf()}, "data": {"none"}, "json": {"true"}}); res.said(t) != "401 FactorExpired" {
		t.Errorf("a passkey where there are none: %s", res.said(t))
	}
	if log := plain.log.String(); !strings.Contains(log, "level=INFO") || !strings.Contains(log, "no sign-in of this browser waits for a second factor") {
		t.Errorf("the log: %s", log)
	}
}
