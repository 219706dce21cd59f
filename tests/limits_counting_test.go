package tests

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
)

// A ledger is a Limiter that keeps what is counted and taken back.
type ledger struct {
	mu    sync.Mutex
	open  map[string]int          // events by key
	rates map[string]ginauth.Rate // that each key came with
	fault error                   // of Refund
	other []string                // keys that came with a second rate
}

func (l *ledger) note(key string, rate ginauth.Rate, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if known, ok := l.rates[key]; ok && known != rate {
		l.other = append(l.other, key)
	}
	l.rates[key] = rate
	l.open[key] += n
}

func (l *ledger) Allow(_ context.Context, key string, rate ginauth.Rate) (time.Duration, error) {
	l.note(key, rate, 1)
	return 0, nil
}

func (l *ledger) Refund(_ context.Context, key string, rate ginauth.Rate) error {
	if l.fault != nil {
		return l.fault
	}
	l.note(key, rate, -1)
	return nil
}

// counted is how many events stand.
func (l *ledger) counted() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, events := range l.open {
		n += events
	}
	return n
}

// Of a sign-in that succeeds a Limiter keeps the success alone: what was counted as a
// guess is taken back, under the same key and Rate. Where it cannot be taken back, the log
// says so, and the person is signed in.
func TestLimits_Refund(t *testing.T) {
	t.Parallel()
	for _, fault := range []error{nil, errDatabase} {
		l := &ledger{open: map[string]int{}, rates: map[string]ginauth.Rate{}, fault: fault}
		a, _ := limited(t, ginauth.Options{Limits: ginauth.Limits{Limiter: l}})
		before := l.counted()
		if res := a.try(t, "198.51.100.1", "ada", adasPassword); !res.signedIn() {
			t.Fatalf("%d %s", res.StatusCode, a.log)
		}
		stands := l.counted() - before
		if fault == nil && stands != 1 || fault != nil && stands < 2 {
			t.Errorf("Refund returns %v: %d events stand", fault, stands)
		}
		if said := strings.Contains(a.log.String(), "Limits.Limiter failed"); said != (fault != nil) {
			t.Errorf("Refund returns %v: the log: %s", fault, a.log)
		}
		if len(l.other) > 0 {
			t.Errorf("the keys %v came with two rates", l.other)
		}
		if fault == nil {
			if a.try(t, "198.51.100.1", "ada", wrong); l.counted() < 3 {
				t.Errorf("of a wrong guess %d events stand", l.counted()-1)
			}
		}
	}
}

// What lies behind a proxy that is not listed is one client: a limit that it meets says so
// to the operator. Each client is answered in its own way, and at once.
func TestLimits_BehindAnUnlistedProxy(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		header     []string
		says, look string
	}{
		{[]string{"X-Forwarded-For", "198.51.100.1"}, "list its address in TrustedProxies", `look_at="TrustedProxies, Limits"`}, {nil, "raise the limits", "look_at=Limits "},
	} {
		a := newApp(t, ginauth.Options{Providers: []ginauth.Provider{members()}}, func(_ *app, c *gin.Context) {
			if c.Next(); !c.Writer.Written() {
				t.Errorf("%s is not answered", c.Request.URL.Path)
			}
		})
		last := func(header ...string) (res answer) {
			csrfToken, pair := csrfPair(csrfCookie)
			form := url.Values{"csrfToken": {csrfToken}, "username": {"ada"}, "password": {wrong}}
			for range 11 {
				res = a.form(t, "/api/auth/callback/credentials", form, append(append(header, "Cookie", pair), row.header...)...)
			}
			return res
		}
		if res := last(); res.StatusCode != http.StatusTooManyRequests || !strings.Contains(res.body, "Too many attempts") {
			t.Fatalf("%d %s", res.StatusCode, res.body)
		}
		htmx := last("HX-Request", "true")
		if target := htmx.Header.Get("HX-Redirect"); htmx.StatusCode != http.StatusTooManyRequests || htmx.body != "" || !strings.HasPrefix(target, a.URL+"/api/auth/error?error=RateLimited&retryAfter=") {
			t.Errorf("htmx: %d %q", htmx.StatusCode, target)
		}
		log := a.log.String()
		if !strings.Contains(log, row.says) || !strings.Contains(log, row.look) || strings.Contains(log, "forwarded_by_unlisted_proxy=true") != (row.header != nil) {
			t.Errorf("%v: the log: %s", row.header, log)
		}
	}
}

// Codes of a second factor that are right are not counted, and wrong ones are.
func TestLimits_RightCodes(t *testing.T) {
	t.Parallel()
	a := newFactorApp(t, passwordOptions{Options: ginauth.Options{
		TrustedProxies: behindProxy, Limits: ginauth.Limits{Guesses: ginauth.Rate{Count: 3, Per: 1000 * time.Hour}},
	}})
	first := a.browser(t)
	phone := a.enrols(t, first)
	enter := func(code string) answer {
		b := a.browser(t)
		b.Transport = behindProxies{b.Transport}
		a.waits(t, b)
		return b.gives("code", code)
	}
	for i := range 6 {
		if res := enter(phone.next(a)); !res.signedIn() {
			t.Fatalf("code %d: %d %s\n%s", i, res.StatusCode, res.Header.Get("Location"), a.log)
		}
	}
	for range 3 {
		if res := enter("none"); res.StatusCode == http.StatusTooManyRequests {
			t.Fatal("a wrong code is one too many at once")
		}
	}
	if res := enter(phone.next(a)); res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") == "" {
		t.Errorf("after three wrong codes: %d %s", res.StatusCode, res.Header.Get("Location"))
	}
}

// The device cookie of a sign-in that came after RevokeUser counts, also in the same
// second, and one of before does not.
func TestLimits_DeviceAfterRevocation(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		after  time.Duration
		passes bool
	}{{0, true}, {time.Second, true}, {time.Hour, true}, {-time.Second, false}} {
		a, clock := limited(t, ginauth.Options{Session: ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()}})
		b := a.browser(t)
		if row.after < 0 { // before it
			b.signInFrom("198.51.100.9", "ada")
			clock.move(-row.after)
		}
		if err := a.auth.RevokeUser(t.Context(), "u-ada"); err != nil {
			t.Fatal(err)
		}
		if row.after >= 0 {
			clock.move(row.after)
			b.signInFrom("198.51.100.9", "ada")
		}
		a.guessAway(t, "ada")
		res := b.tryFrom("198.51.100.9", "ada", adasPassword)
		if res.signedIn() != row.passes || !row.passes && res.StatusCode != http.StatusTooManyRequests {
			t.Errorf("signed in %v after RevokeUser: passes %v", row.after, res.signedIn())
		}
	}
}
