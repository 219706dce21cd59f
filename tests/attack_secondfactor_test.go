package tests

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/otp"
	"github.com/ginauth/ginauth/internal/token"
)

// together makes calls that begin at once.
func together(calls ...func()) {
	begin := make(chan struct{})
	var all sync.WaitGroup
	for _, call := range calls {
		all.Go(func() {
			<-begin
			call()
		})
	}
	close(begin)
	all.Wait()
}

// TestAttack80_CodeTwice posts one code in many browsers, to two processes, at once: one
// of them signs in. So it is with a recovery code.
func TestAttack80_CodeTwice(t *testing.T) {
	t.Parallel()
	adapter := ginauth.MemoryAdapter()
	sites := []*factorApp{newFactorApp(t, passwordOptions{Options: ginauth.Options{Adapter: adapter}}), newFactorApp(t, passwordOptions{Options: ginauth.Options{Adapter: adapter}})}
	phone := sites[0].enrols(t, sites[0].browser(t))
	sites[1].clock.move(otp.Period)
	for page, code := range map[string]string{"code": phone.code(sites[0]), "recovery": phone.recovery[3]} {
		var entered atomic.Int32
		var calls []func()
		for i := range 20 {
			a := sites[i%2]
			b := a.browser(t)
			a.waits(t, b)
			calls = append(calls, func() {
				if b.gives(page, code).signedIn() {
					entered.Add(1)
				}
			})
		}
		together(calls...)
		if n := entered.Load(); n != 1 {
			t.Errorf("%s: %d signed in by one code", page, n)
		}
	}
}

// TestAttack80_StepBefore types codes that were on the phone before the one that was used.
func TestAttack80_StepBefore(t *testing.T) {
	t.Parallel()
	a := newFactorApp(t, passwordOptions{})
	phone := a.enrols(t, a.browser(t))
	step := otp.Step(a.clock.now())
	for _, row := range []struct {
		step int64
		want bool
	}{{step + 1, true}, {step + 1, false}, {step, false}, {step - 1, false}} {
		b := a.browser(t)
		a.waits(t, b)
		if got := b.gives("code", otp.Code(phone.secret, row.step)).signedIn(); got != row.want {
			t.Errorf("the code of step %+d: %v", row.step-step, got)
		}
	}
}

// TestAttack81_Guessing tries ten thousand codes from a network of browsers, by somebody
// who knows the password: a hundred of them count.
func TestAttack81_Guessing(t *testing.T) {
	t.Parallel()
	a := newFactorApp(t, passwordOptions{})
	phone := a.enrols(t, a.browser(t))
	tries := 10_000
	if testing.Short() || raceDetector {
		tries = 1_000
	}
	const browsers = 20
	right := otp.Code(phone.secret, otp.Step(a.clock.now())+1)
	var entered, asked atomic.Int32
	var calls []func()
	for i := range browsers {
		b := a.browser(t)
		a.waits(t, b)
		csrf := b.csrf()
		calls = append(calls, func() {
			for n := i; n < tries; n += browsers {
				code := otp.Code([]byte("somebody's guesses"), int64(n))
				if code == right {
					continue
				}
				if b.post(codeURL, url.Values{"csrfToken": {csrf}, "code": {code}}).signedIn() {
					entered.Add(1)
				}
				asked.Add(1)
			}
		})
	}
	together(calls...)
	b := a.browser(t)
	a.waits(t, b)
	for range 3 { // the right codes too
		if b.gives("code", phone.next(a)).signedIn() {
			entered.Add(1)
		}
	}
	if entered.Load() > 0 || asked.Load() < int32(tries)-10 {
		t.Errorf("after %d guesses %d signed in", asked.Load(), entered.Load())
	}
	if page := b.get(codeURL); !strings.Contains(page.body, "codes do not count for now") {
		t.Errorf("the page is %s", page.body)
	}
	if heard := a.heard(); !slices.Equal(heard, []string{"ada@example.com otp guessed", "ada@example.com otp off"}) {
		t.Errorf("the application hears %v", heard)
	}
	if mail := a.inbox.newest(t); mail.To != adaReads || !strings.Contains(mail.Text, "A recovery code does.") {
		t.Errorf("the mail is %s", mail.Text)
	}
	if res := b.gives("recovery", phone.recovery[0]); !res.signedIn() {
		t.Errorf("a recovery code leads to %s", res.Header.Get("Location"))
	}
	next := a.browser(t)
	a.waits(t, next)
	if res := next.gives("code", phone.next(a)); !res.signedIn() {
		t.Error("after a recovery code the app's codes do not count again")
	}
}

// TestAttack81_Limits guesses with the limits of an application that changes none.
func TestAttack81_Limits(t *testing.T) {
	t.Parallel()
	a := newFactorApp(t, passwordOptions{Options: ginauth.Options{Limits: ginauth.Limits{Guesses: ginauth.Rate{Count: 10, Per: 10 * time.Minute}}}})
	phone := a.enrols(t, a.browser(t))
	b := a.browser(t)
	a.waits(t, b)
	var last answer
	for range 11 {
		last = b.gives("code", "none")
	}
	if last.StatusCode != http.StatusTooManyRequests || last.Header.Get("Retry-After") == "" {
		t.Errorf("the eleventh guess: %d", last.StatusCode)
	}
	if b.gives("code", phone.code(a)).signedIn() {
		t.Error("the limit lets the right code through")
	}
	a.clock.move(2 * time.Minute)
	a.waits(t, b)
	if !b.gives("code", phone.code(a)).signedIn() {
		t.Error("after two minutes the right code does not count")
	}
}

// kinds are applications that keep their sessions in cookies, and in a store.
func kinds(t *testing.T, test func(t *testing.T, opts ginauth.Options)) {
	t.Helper()
	for name, opts := range map[string]func(t *testing.T) ginauth.Options{
		"sealed": func(*testing.T) ginauth.Options { return ginauth.Options{} },
		"stored": func(*testing.T) ginauth.Options {
			return ginauth.Options{Session: ginauth.SessionOptions{Store: memoryStore()}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, opts(t))
		})
	}
}

const waitingCookie = "next-auth.factor"

// TestAttack42_WaitingAsSession presents what waits for a second factor as a session, and
// a session as what waits.
func TestAttack42_WaitingAsSession(t *testing.T) {
	t.Parallel()
	kinds(t, func(t *testing.T, opts ginauth.Options) {
		a := newFactorApp(t, passwordOptions{Options: opts})
		phone := a.enrols(t, a.browser(t))
		b := a.browser(t)
		a.waits(t, b)
		value := b.cookie(waitingCookie)
		if value == "" {
			t.Fatal("nothing waits")
		}
		// It does not depend on what is in it: neither the key nor the namespace is a session's.
		if sessions, err := token.V4.Keyring("", testSecret); err != nil {
			t.Fatal(err)
		} else if payload, _, err := sessions.Open(value); err == nil {
			t.Errorf("with the key of sessions it is %s", payload)
		}
		if store := opts.Session.Store; store != nil {
			if data, err := store.Get(t.Context(), value); err != nil || strings.Contains(string(data), `"of":"next-auth"`) {
				t.Errorf("among the sessions there is %s, %v", data, err)
			}
		}
		thief := a.browser(t)
		thief.plant(sessionCookie, value)
		if got := thief.get("/api/auth/session").body; got != "{}" || thief.id() != "" {
			t.Errorf("as a session cookie it is %s", got)
		}
		if res := a.send(t, http.MethodGet, "/me", "", "Authorization", "Bearer "+value); res.StatusCode != http.StatusUnauthorized {
			t.Errorf("as a bearer token it gets %d", res.StatusCode)
		}
		if !b.gives("code", phone.code(a)).signedIn() {
			t.Fatal("it does not finish")
		}
		b.plant(waitingCookie, b.cookie(sessionCookie))
		if res := b.gives("code", phone.next(a)); res.signedIn() || !strings.Contains(res.Header.Get("Location"), "error=FactorExpired") {
			t.Errorf("a session as what waits leads to %s", res.Header.Get("Location"))
		}
	})
}

// TestAttack42_OtherBrowser takes what waits to another browser.
func TestAttack42_OtherBrowser(t *testing.T) {
	t.Parallel()
	kinds(t, func(t *testing.T, opts ginauth.Options) {
		a := newFactorApp(t, passwordOptions{Options: opts})
		phone := a.enrols(t, a.browser(t))
		b, thief := a.browser(t), a.browser(t)
		a.waits(t, b)
		thief.csrf()
		thief.plant(waitingCookie, b.cookie(waitingCookie))
		if res := thief.gives("code", phone.code(a)); res.signedIn() || thief.id() != "" {
			t.Error("another browser finishes the sign-in")
		}
		if page := thief.get(codeURL); page.StatusCode == http.StatusOK {
			t.Errorf("another browser sees %s", page.body)
		}
		if !b.gives("code", phone.code(a)).signedIn() {
			t.Error("the code was used up")
		}
	})
}

// TestAttack42_Twice finishes one sign-in again, later and at once, with codes that count.
func TestAttack42_Twice(t *testing.T) {
	t.Parallel()
	kinds(t, func(t *testing.T, opts ginauth.Options) {
		a := newFactorApp(t, passwordOptions{Options: opts})
		phone := a.enrols(t, a.browser(t))
		b := a.browser(t)
		a.waits(t, b)
		value, csrf := b.cookie(waitingCookie), b.cookie(csrfCookie)
		copied := func() *browser {
			c := a.browser(t)
			c.plant(waitingCookie, value)
			c.plant(csrfCookie, csrf)
			return c
		}
		var entered atomic.Int32
		step := otp.Step(a.clock.now())
		var calls []func()
		for _, code := range []string{otp.Code(phone.secret, step), otp.Code(phone.secret, step+1)} {
			c := copied()
			calls = append(calls, func() {
				if c.gives("code", code).signedIn() {
					entered.Add(1)
				}
			})
		}
		together(calls...)
		a.clock.move(2 * otp.Period)
		if copied().gives("code", phone.code(a)).signedIn() {
			entered.Add(1)
		}
		if copied().gives("recovery", phone.recovery[0]).signedIn() {
			entered.Add(1)
		}
		if entered.Load() != 1 {
			t.Errorf("one sign-in began %d sessions", entered.Load())
		}
	})
}

// TestAttack42_OtherUser gives one's own second factor to another user's sign-in.
func TestAttack42_OtherUser(t *testing.T) {
	t.Parallel()
	kinds(t, func(t *testing.T, opts ginauth.Options) {
		a := newFactorApp(t, passwordOptions{Options: opts})
		a.enrols(t, a.browser(t))
		eve := a.joins(t, "eve@example.com", "eve's own")
		hers := a.browser(t)
		if !hers.types("eve@example.com", "eve's own").signedIn() {
			t.Fatal("Eve is not signed in")
		}
		phone := a.setUp(t, hers, hers.get("/api/auth/second-factor/add"))
		setup := hers.get("/api/auth/second-factor/add")
		a.clock.move(otp.Period)
		b := a.browser(t)
		a.waits(t, b) // she knows Ada's password
		for page, code := range map[string]string{"code": phone.code(a), "recovery": phone.recovery[0]} {
			if b.gives(page, code).signedIn() || b.id() != "" {
				t.Errorf("%s: Eve's second factor signs in as Ada", page)
			}
		}
		other, _, fields := scan(t, setup)
		fields.Set("csrfToken", b.csrf())
		fields.Set("code", other.code(a))
		for _, page := range []string{"enrol", "add"} {
			if b.post("/api/auth/second-factor/"+page, fields).signedIn() || b.id() != "" {
				t.Errorf("%s: Eve's key is set up for Ada", page)
			}
		}
		if data, err := a.users.GetFactors(t.Context(), eve); err != nil || data == nil {
			t.Errorf("Eve's factors: %v", err)
		}
	})
}

// crossing are users in whose factors two callers read before either writes.
type crossing struct {
	ginauth.Adapter
	ginauth.FactorStore
	mu    sync.Mutex
	armed bool
	other chan struct{} // closed when the second one has come
}

func (c *crossing) GetFactors(ctx context.Context, userID string) ([]byte, error) {
	data, err := c.FactorStore.GetFactors(ctx, userID)
	c.mu.Lock()
	if !c.armed {
		c.mu.Unlock()
		return data, err
	}
	met := c.other
	if met == nil {
		met = make(chan struct{})
		c.other = met
	} else {
		close(met)
		c.other = nil
	}
	c.mu.Unlock()
	select {
	case <-met:
	case <-time.After(time.Second): // nobody else comes
		c.mu.Lock()
		if c.other == met {
			c.other = nil
		}
		c.mu.Unlock()
	}
	return data, err
}

// TestAttack80_Crossed has two processes read a user's factors before either writes that a
// code was used: one of them signs in.
func TestAttack80_Crossed(t *testing.T) {
	t.Parallel()
	memory := ginauth.MemoryAdapter()
	users := &crossing{Adapter: memory, FactorStore: memory.(ginauth.FactorStore)}
	sites := []*factorApp{newFactorApp(t, passwordOptions{Options: ginauth.Options{Adapter: users}}), newFactorApp(t, passwordOptions{Options: ginauth.Options{Adapter: users}})}
	phone := sites[0].enrols(t, sites[0].browser(t))
	sites[1].clock.move(otp.Period)
	for page, code := range map[string]string{"code": phone.code(sites[0]), "recovery": phone.recovery[3]} {
		var entered atomic.Int32
		var calls []func()
		for _, a := range sites {
			b := a.browser(t)
			a.waits(t, b)
			b.csrf()
			calls = append(calls, func() {
				if b.gives(page, code).signedIn() {
					entered.Add(1)
				}
			})
		}
		users.mu.Lock()
		users.armed = true
		users.mu.Unlock()
		together(calls...)
		users.mu.Lock()
		users.armed = false
		users.mu.Unlock()
		if n := entered.Load(); n != 1 {
			t.Errorf("%s: %d signed in by one code", page, n)
		}
	}
}
