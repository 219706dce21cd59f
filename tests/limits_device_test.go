package tests

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
)

const deviceCookie = "next-auth.device"

// tryFrom posts credentials from this browser, whose address a proxy names.
func (b *browser) tryFrom(client, username, password string) answer {
	b.t.Helper()
	return b.postFrom(client, "/api/auth/callback/credentials", url.Values{"csrfToken": {b.csrf()}, "username": {username}, "password": {password}})
}

func (b *browser) postFrom(client, target string, form url.Values) answer {
	b.t.Helper()
	req := b.request(http.MethodPost, target, form)
	req.Header.Set("X-Forwarded-For", client)
	return b.do(req)
}

// signInFrom signs in and out again, so that the device cookie alone is left.
func (b *browser) signInFrom(client, username string) {
	b.t.Helper()
	if res := b.tryFrom(client, username, adasPassword); !res.signedIn() {
		b.t.Fatalf("%s is not signed in: %d", username, res.StatusCode)
	}
	b.signOut()
}

// subscriber is an address of the i-th /64 in one /48.
func subscriber(i int) string { return fmt.Sprintf("2001:db8:7:%x::%x", i*257&0xffff, i+1) }

// A subscriber with a /48 guesses without end at somebody's password. From another
// network, and from a browser where they have signed in before, in that very /48 or
// while a network of many addresses guesses along, the owner gets in each time.
func TestLimits_NobodyLockedOut(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name    string
		clients []string // the attacker's, each minute
		owner   string
		known   bool // the owner's browser
	}{
		{"another network", nil, "198.51.100.9", false},
		{"another network of IPv6", nil, "2001:db8:8::9", false},
		{"the own browser in the same /48", nil, "2001:db8:7:ffff::9", true},
		{"the own browser, and many addresses guess", []string{"203.0.113.%d", "192.0.3.%d", "198.18.0.%d"}, "198.51.100.9", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			a, clock := limited(t, ginauth.Options{})
			owner := a.browser(t)
			if row.known {
				owner.signInFrom(row.owner, "ada")
			}
			guesses, in := 0, 0
			for i := range 120 {
				for j := range 40 {
					client := subscriber(40*i + j)
					if len(row.clients) > 0 {
						client = fmt.Sprintf(row.clients[j%len(row.clients)], (40*i+j)%250)
					}
					if a.try(t, client, "ada", wrong).StatusCode != http.StatusTooManyRequests {
						guesses++
					}
				}
				if !row.known {
					owner = a.browser(t)
				}
				if owner.tryFrom(row.owner, "ada", adasPassword).signedIn() {
					in++
				}
				clock.move(30 * time.Second)
			}
			if in != 120 {
				t.Errorf("the owner got in %d times of 120", in)
			}
			if bound := map[bool]int{false: 40 + 60, true: 100 + 100}[len(row.clients) > 0]; guesses < bound/2 || guesses > bound {
				t.Errorf("%d guesses were admitted in an hour", guesses)
			}
		})
	}
}

// The same with mails: a stranger who asks for mails without end does not keep the
// owner of the address from asking.
func TestLimits_MailsForTheOwner(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name  string
		flood func(i int) string // the attacker's i-th client
		owner string
		known bool
	}{
		{"another network", subscriber, "198.51.100.9", false},
		{"the own browser in the same /48", subscriber, "2001:db8:7:ffff::9", true},
		{"the own browser, and many addresses ask", func(i int) string { return fmt.Sprint("203.0.113.", i%250) }, "198.51.100.9", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			a := newMailApp(t, ginauth.Email{}, ginauth.Options{
				TrustedProxies: behindProxy, Limits: ginauth.Limits{Mails: ginauth.Rate{Count: 20, Per: time.Hour}},
			})
			ask := func(b *browser, client string) bool {
				return b.postFrom(client, "/api/auth/signin/email", url.Values{"csrfToken": {b.csrf()}, "email": {"ada@example.com"}}).StatusCode == http.StatusFound
			}
			owner := a.browser(t)
			if row.known {
				if res := owner.press(a.asksFor(t, owner, "ada@example.com")); !res.signedIn() {
					t.Fatal("nobody is signed in")
				}
				owner.signOut()
			}
			sent := 0
			attacker := a.browser(t)
			for i := range 59 {
				for j := range 30 {
					ask(attacker, row.flood(30*i+j))
				}
				if ask(owner, row.owner) {
					sent++
				}
				a.clock.move(6 * time.Minute)
			}
			if sent != 59 {
				t.Errorf("the owner got %d mails of 59", sent)
			}
		})
	}
}

// IPv6 clients are counted by /64, /56 and /48: what one of them may do, a thousand
// in the same network may not do a thousand times.
func TestLimits_WideNetworks(t *testing.T) {
	t.Parallel()
	within := func(bits int) func(i int) string { // clients of a /56 or /48, each in a /64 of its own
		return func(i int) string { return fmt.Sprintf("2001:db8:7:%x::1", i%(1<<(64-bits))) }
	}
	for _, row := range []struct {
		name   string
		client func(i int) string
		user   func(i int) string
		tries  int
		admits int
	}{
		{"a /64 at one person", within(64), func(int) string { return "ada" }, 60, 10},
		{"a /56 at one person", within(56), func(int) string { return "ada" }, 60, 20},
		{"a /48 at one person", within(48), func(int) string { return "ada" }, 90, 20}, // the first 256 are one /56
		{"a /48 at one person, each from a /56", func(i int) string { return within(48)(256 * i) }, func(int) string { return "ada" }, 90, 40},
		{"a /56 at many", within(56), func(i int) string { return fmt.Sprint("user", i) }, 600, 400},
		{"a /48 at many", func(i int) string { return within(48)(256*i + i/256) }, func(i int) string { return fmt.Sprint("user", i) }, 1800, 1600},
		{"many /48 at many", func(i int) string { return fmt.Sprintf("2001:db8:%x::1", i) }, func(i int) string { return fmt.Sprint("user", i) }, 1800, 1800},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			a, _ := limited(t, ginauth.Options{})
			if n := admitted(row.tries, func(i int) answer { return a.try(t, row.client(i), row.user(i), wrong) }); n != row.admits {
				t.Errorf("%d of %d are admitted, want %d", n, row.tries, row.admits)
			}
		})
	}
	t.Run("starts", func(t *testing.T) {
		t.Parallel()
		a, _ := limited(t, ginauth.Options{})
		if n := admitted(700, func(i int) answer { return a.start(t, within(56)(i)) }); n != 480 {
			t.Errorf("%d of 700 starts of a /56 are admitted", n)
		}
	})
	t.Run("a limit of all clients that is small", func(t *testing.T) {
		t.Parallel()
		a, _ := limited(t, ginauth.Options{Limits: ginauth.Limits{AllGuesses: ginauth.Rate{Count: 20, Per: time.Hour}}})
		if n := admitted(90, func(i int) answer { return a.try(t, within(48)(256*i), "ada", wrong) }); n != 15 {
			t.Errorf("one /48 uses up %d of 20", n)
		}
	})
}

// exhausted is an app at which many clients have used up all guesses at ada, and her
// browser, which has signed in there.
func exhausted(t *testing.T, opts ginauth.Options, username string) (*app, *movedClock, *browser) {
	t.Helper()
	a, clock := limited(t, opts)
	b := a.browser(t)
	b.signInFrom("198.51.100.9", username)
	if b.cookie(deviceCookie) == "" {
		t.Fatal("no device cookie was set")
	}
	a.guessAway(t, username)
	return a, clock, b
}

// guessAway uses up the guesses of all clients at somebody.
func (a *app) guessAway(t testing.TB, username string) {
	t.Helper()
	if n := admitted(120, func(i int) answer { return a.try(t, fmt.Sprint("203.0.113.", i), username, wrong) }); n != 100 {
		t.Fatalf("%d guesses are admitted", n)
	}
}

// The device cookie is good for ten wrong guesses, counted by the server: neither a
// copy nor an old value has any more, and nobody is told anything by it.
func TestAttack28_DeviceCookieGuesses(t *testing.T) {
	t.Parallel()
	a, clock, owner := exhausted(t, ginauth.Options{}, "ada")
	stolen := owner.cookie(deviceCookie)
	if n := admitted(200, func(i int) answer { // a network with a copy, each client its own address
		b := a.browser(t)
		b.plant(deviceCookie, stolen)
		return b.tryFrom(fmt.Sprint("192.0.3.", i), "ada", wrong)
	}); n != 10 {
		t.Errorf("a copied device cookie admits %d guesses", n)
	}
	clock.move(-time.Minute)
	if owner.tryFrom("198.51.100.9", "ada", adasPassword).signedIn() {
		t.Error("after ten guesses the cookie is still good")
	}
	if owner.cookie(deviceCookie) != "" {
		t.Error("the browser keeps a cookie that is good for nothing")
	}
	clock.move(time.Hour)
	owner.plant(deviceCookie, stolen)
	owner.signInFrom("198.51.100.9", "ada")
	a.guessAway(t, "ada")
	if fresh := owner.cookie(deviceCookie); fresh == "" || fresh == stolen || !owner.tryFrom("198.51.100.9", "ada", adasPassword).signedIn() {
		t.Error("a new sign-in brings no new cookie")
	}
}

// The limits of the client itself hold with it.
func TestAttack28_DeviceCookieClientLimits(t *testing.T) {
	t.Parallel()
	a, _ := limited(t, ginauth.Options{Limits: ginauth.Limits{Guesses: ginauth.Rate{Count: 3, Per: time.Hour}}})
	b := a.browser(t)
	b.signInFrom("198.51.100.9", "ada")
	if n := admitted(10, func(int) answer { return b.tryFrom("198.51.100.9", "ada", wrong) }); n != 3 {
		t.Errorf("%d guesses are admitted", n)
	}
	if b.tryFrom("198.51.100.9", "ada", adasPassword).signedIn() {
		t.Error("a refused client learns which password is right")
	}
}

// It opens as nothing else, nothing else opens as it, and it serves no other person,
// provider or Auth.
func TestAttack05_DeviceCookie(t *testing.T) {
	t.Parallel()
	other := members()
	other.ID, other.Name = "other", "Other"
	a, _, owner := exhausted(t, ginauth.Options{Providers: []ginauth.Provider{other}}, "ada")
	value := owner.cookie(deviceCookie)
	for place, passes := range map[string]verifier{"cookie": verifiesCookie, "bearer": verifiesBearer, "GET session": verifiesSession, "csrf": verifiesCSRF} {
		if passes(t, a, tokens{}, value) {
			t.Errorf("it passes by %s", place)
		}
	}
	for _, purpose := range []string{forSession, forTransaction, "ginauth.mail", "ginauth.device"} {
		if unsealed(t, purpose, value) != "" {
			t.Errorf("it opens as %q", purpose)
		}
	}
	guess := func(cookie, provider, username string) int {
		b := a.browser(t)
		b.plant(deviceCookie, cookie)
		return b.postFrom("192.0.3.1", "/api/auth/callback/"+provider, url.Values{"csrfToken": {b.csrf()}, "username": {username}, "password": {adasPassword}}).StatusCode
	}
	session := a.browser(t)
	session.tryFrom("198.51.100.9", "grace", adasPassword)
	for name, forged := range map[string]string{
		"nothing": "", "a session": session.cookie(sessionCookie), "a csrf cookie": session.cookie(csrfCookie), "grace's": session.cookie(deviceCookie),
		"altered": value[:len(value)-8] + "AAAAAAAA", "cut": value[:len(value)/2], "junk": "[]", "two": value + "; " + deviceCookie + "=" + value,
	} {
		if status := guess(forged, "credentials", "ada"); status != http.StatusTooManyRequests {
			t.Errorf("%s in place of the cookie: %d", name, status)
		}
	}
	for range 110 {
		a.try(t, "192.0.3.200", "grace", wrong)
	}
	a.guessAway(t, "edsger")
	if status := guess(value, "credentials", "edsger"); status != http.StatusTooManyRequests {
		t.Errorf("ada's cookie serves edsger: %d", status)
	}
	if n := admitted(120, func(i int) answer {
		csrfToken, pair := csrfPair(csrfCookie)
		return a.form(t, "/api/auth/callback/other", url.Values{"csrfToken": {csrfToken}, "username": {"ada"}}, "Cookie", pair, "X-Forwarded-For", fmt.Sprint("203.0.113.", i))
	}); n != 100 {
		t.Fatalf("%d guesses at the other provider", n)
	}
	if status := guess(value, "other", "ada"); status != http.StatusTooManyRequests {
		t.Errorf("it serves another provider: %d", status)
	}
	if status := guess(value, "credentials", "ADÁ"); status != http.StatusFound {
		t.Errorf("it does not serve ada in capital letters: %d", status)
	}
	staff, _ := limited(t, ginauth.Options{Cookies: ginauth.CookieOptions{Prefix: "staff"}})
	csrfToken, pair := csrfPair("staff.csrf-token")
	at := func(client, header string) int {
		return staff.form(t, "/api/auth/callback/credentials", url.Values{"csrfToken": {csrfToken}, "username": {"ada"}}, "Cookie", pair+header, "X-Forwarded-For", client).StatusCode
	}
	for i := range 100 {
		at(fmt.Sprint("203.0.113.", i), "")
	}
	if status := at("192.0.3.1", "; staff.device="+url.PathEscape(value)); status != http.StatusTooManyRequests {
		t.Errorf("it serves another Auth with the same secret: %d", status)
	}
}

// A browser gets the cookie only with a session, whether or not anybody has the name:
// it tells nobody who has an account.
func TestAttack08_DeviceCookieTellsNothing(t *testing.T) {
	t.Parallel()
	a, _ := limited(t, ginauth.Options{Callbacks: memberCallbacks()})
	for name, password := range map[string]string{"ada": wrong, "nobody": wrong, "limited": adasPassword, "nowhere": adasPassword, "denied": adasPassword, "explained": adasPassword, "unsealed": adasPassword} {
		b := a.browser(t)
		if res := b.tryFrom("198.51.100.9", name, password); res.signedIn() || b.cookie(deviceCookie) != "" {
			t.Errorf("%s gets %q", name, b.cookie(deviceCookie))
		}
	}
	off, _ := limited(t, ginauth.Options{Limits: ginauth.Limits{Disabled: true}})
	b := off.browser(t)
	b.signInFrom("198.51.100.9", "ada")
	if b.cookie(deviceCookie) != "" {
		t.Error("without limits there is a device cookie")
	}
}

// punctual forget all once the last revocation may be forgotten.
type punctual struct {
	ginauth.Revocations
	now   func() time.Time
	until time.Time
}

func (p *punctual) Revoke(ctx context.Context, subject string, at, until time.Time) error {
	if until.After(p.until) {
		p.until = until
	}
	return p.Revocations.Revoke(ctx, subject, at, until)
}

func (p *punctual) RevokedAt(ctx context.Context, subjects ...string) (time.Time, error) {
	if p.now().After(p.until) {
		return time.Time{}, nil
	}
	return p.Revocations.RevokedAt(ctx, subjects...)
}

// RevokeUser ends it, for all browsers, and for longer than a session lasts; a sign-out
// does not.
func TestLimits_DeviceRevoked(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name    string
		between time.Duration
		revoke  string
		passes  bool
	}{
		{"nothing", 0, "", true},
		{"nothing for a quarter of a year", 89 * 24 * time.Hour, "", true},
		{"nothing for longer", 91 * 24 * time.Hour, "", false},
		{"the person", 0, "u-ada", false},
		{"the person, long ago", 60 * 24 * time.Hour, "u-ada", false},
		{"another person", 0, "u-grace", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			revocations := &punctual{Revocations: ginauth.MemoryRevocations()}
			a, clock := limited(t, ginauth.Options{Session: ginauth.SessionOptions{Revocations: revocations}})
			revocations.now = clock.now
			b := a.browser(t)
			b.signInFrom("198.51.100.9", "ada")
			value := b.cookie(deviceCookie)
			if row.revoke != "" {
				if err := a.auth.RevokeUser(t.Context(), row.revoke); err != nil {
					t.Fatal(err)
				}
			}
			clock.move(row.between)
			a.guessAway(t, "ada")
			b = a.browser(t) // a jar forgets what has expired by the real clock alone
			b.plant(deviceCookie, value)
			if got := b.tryFrom("198.51.100.9", "ada", adasPassword).signedIn(); got != row.passes {
				t.Errorf("passes %v, want %v", got, row.passes)
			}
		})
	}
}

// revocationsDown fail while they are told to.
type revocationsDown struct {
	ginauth.Revocations
	fail atomic.Bool
}

func (r *revocationsDown) RevokedAt(ctx context.Context, subjects ...string) (time.Time, error) {
	if r.fail.Load() {
		return time.Time{}, errors.New("down")
	}
	return r.Revocations.RevokedAt(ctx, subjects...)
}

// While nobody can tell whether it was revoked, it counts for nothing.
func TestLimits_DeviceUnknown(t *testing.T) {
	t.Parallel()
	down := &revocationsDown{Revocations: ginauth.MemoryRevocations()}
	a, _, b := exhausted(t, ginauth.Options{Session: ginauth.SessionOptions{Revocations: down}}, "ada")
	down.fail.Store(true)
	if res := b.tryFrom("198.51.100.9", "ada", wrong); res.StatusCode != http.StatusTooManyRequests {
		t.Errorf("answered %d", res.StatusCode)
	}
	down.fail.Store(false)
	if res := b.tryFrom("198.51.100.9", "ada", wrong); res.StatusCode != http.StatusFound {
		t.Errorf("answered %d\n%s", res.StatusCode, a.log)
	}
}

// Several people are known to one browser, and the cookie stays short.
func TestLimits_DeviceOfMany(t *testing.T) {
	t.Parallel()
	a, clock := limited(t, ginauth.Options{})
	b := a.browser(t)
	people := []string{"ada", "grace", "edsger", "barbara", "ken", "dennis", "a-person-with-quite-a-long-name-and-more-of-it-behind@a-long-domain.example"}
	for _, name := range people {
		b.signInFrom("198.51.100.9", name)
		clock.move(time.Minute)
	}
	b.signInFrom("198.51.100.9", "dennis") // again: that takes no second place
	if n := len(b.cookie(deviceCookie)); n > 1500 {
		t.Errorf("the cookie has %d bytes", n)
	}
	var known []string
	for _, name := range people {
		a.guessAway(t, name)
		if b.tryFrom("198.51.100.9", name, wrong).StatusCode == http.StatusFound {
			known = append(known, name)
		}
	}
	if len(known) < 3 || len(known) > 5 || known[len(known)-1] != people[6] || known[0] == "ada" {
		t.Errorf("known are %q", known)
	}
	long, clock := limited(t, ginauth.Options{})
	b = long.browser(t)
	for i := range 5 {
		b.signInFrom("198.51.100.9", fmt.Sprint(strings.Repeat("x", 200), i))
	}
	if n := len(b.cookie(deviceCookie)); n == 0 || n > 1500 {
		t.Errorf("the cookie has %d bytes", n)
	}
	b = long.browser(t)
	b.signInFrom("198.51.100.9", "ada")
	before := b.cookie(deviceCookie)
	clock.move(time.Minute)
	b.signInFrom("198.51.100.9", strings.Repeat("x", 900))
	if b.cookie(deviceCookie) != before {
		t.Error("somebody with a long ID takes the place of others")
	}
}

// counting are members who are found by any of their names, under one account.
func counting() ginauth.Credentials {
	c := members()
	authorize := c.Authorize
	c.Authorize = func(c *gin.Context, typed map[string]string) (*ginauth.User, error) {
		if err := ginauth.CountGuess(c, "42"); err != nil {
			return nil, err
		}
		return authorize(c, typed)
	}
	return c
}

// CountGuess counts the account, whatever was typed to reach it.
func TestCountGuess(t *testing.T) {
	t.Parallel()
	site := func(t *testing.T, limits ginauth.Limits) (*app, *movedClock) {
		clock := &movedClock{}
		return newApp(t, ginauth.Options{Providers: []ginauth.Provider{counting()}, TrustedProxies: behindProxy, Now: clock.now, Limits: limits}), clock
	}
	name := func(i int) string { return fmt.Sprint("spelling", i) }
	t.Run("of one client", func(t *testing.T) {
		t.Parallel()
		a, clock := site(t, ginauth.Limits{})
		if n := admitted(30, func(i int) answer { return a.try(t, "198.51.100.1", name(i), wrong) }); n != 10 {
			t.Errorf("%d guesses are admitted", n)
		}
		res := a.try(t, "198.51.100.1", "again", wrong)
		if wait := res.retryAfter(t); wait != time.Minute || res.signedIn() {
			t.Errorf("it is to wait %v", wait)
		}
		clock.move(time.Minute)
		if !a.try(t, "198.51.100.1", "again", adasPassword).signedIn() {
			t.Error("after its time it is refused")
		}
	})
	t.Run("of all clients", func(t *testing.T) {
		t.Parallel()
		a, _ := site(t, ginauth.Limits{})
		b := a.browser(t)
		b.signInFrom("198.51.100.9", "ada")
		if n := admitted(130, func(i int) answer { return a.try(t, fmt.Sprint("203.0.113.", i), name(i), wrong) }); n != 100 {
			t.Errorf("%d guesses are admitted", n)
		}
		if a.try(t, "198.51.100.9", "ada", adasPassword).signedIn() {
			t.Error("guesses at the account are not counted for all")
		}
		if !b.tryFrom("198.51.100.9", "ada", adasPassword).signedIn() {
			t.Error("the own browser is kept out")
		}
	})
	t.Run("a success is free", func(t *testing.T) {
		t.Parallel()
		a, _ := site(t, ginauth.Limits{})
		if n := admitted(150, func(i int) answer { return a.try(t, "198.51.100.1", name(i), adasPassword) }); n != 150 {
			t.Errorf("%d are admitted", n)
		}
	})
	t.Run("without limits", func(t *testing.T) {
		t.Parallel()
		a, _ := site(t, ginauth.Limits{Disabled: true})
		if n := admitted(150, func(i int) answer { return a.try(t, "198.51.100.1", name(i), wrong) }); n != 150 {
			t.Errorf("%d are admitted", n)
		}
	})
	t.Run("misused", func(t *testing.T) {
		t.Parallel()
		var kept *gin.Context
		var empty, twice, late error
		c := members()
		c.Authorize = func(c *gin.Context, _ map[string]string) (*ginauth.User, error) {
			empty = ginauth.CountGuess(c, "")
			for range 20 {
				twice = ginauth.CountGuess(c, "42")
			}
			kept = c.Copy()
			return nil, nil
		}
		a := newApp(t, ginauth.Options{Providers: []ginauth.Provider{c}})
		a.try(t, "", "ada", wrong)
		late = ginauth.CountGuess(kept, "42")
		plain, _ := gin.CreateTestContext(httptest.NewRecorder())
		for what, err := range map[string]error{"empty": empty, "late": late, "no request": ginauth.CountGuess(plain, "42"), "nil": ginauth.CountGuess(nil, "42")} {
			if err == nil {
				t.Errorf("%s: no error", what)
			}
		}
		if twice != nil {
			t.Errorf("the same account in one request: %v", twice)
		}
	})
}
