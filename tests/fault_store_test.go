package tests

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/servertest"
	"github.com/ginauth/ginauth/redisstore"
)

// patience is how long anything may take to come back, on a machine that is busy
// with other tests.
const patience = 30 * time.Second

// A stream of guarded requests of several people goes on over an outage, each
// person's one after the other.
type steady struct {
	t       *testing.T
	people  int
	answers chan steadily
}

// steadily is what one of its requests was answered.
type steadily struct {
	person, status int
	ends           bool // it takes the session's cookie away
}

// newSteady lets people, who are known by their Cookie headers, send requests until
// the test ends.
func newSteady(t *testing.T, a *app, cookies []string) *steady {
	s := &steady{t, len(cookies), make(chan steadily)}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
	for i, c := range cookies {
		wg.Go(func() {
			for {
				res := a.send(t, http.MethodGet, "/me", "", "Cookie", c)
				select {
				case s.answers <- steadily{i, res.StatusCode, res.ends()}:
				case <-ctx.Done():
					return
				}
			}
		})
	}
	return s
}

// until lets something happen, and waits until everybody was then answered with
// status. Meanwhile nobody may be answered with anything but 200 and 503, nor lose
// their cookie.
func (s *steady) until(status int, happens func()) {
	s.t.Helper()
	done := make(chan struct{})
	go func(done chan<- struct{}) {
		defer close(done)
		happens()
	}(done)
	over, happened := time.After(patience), false
	answered := map[int]bool{}
	for len(answered) < s.people {
		select {
		case <-done:
			done, happened = nil, true
		case got := <-s.answers:
			if got.status != http.StatusOK && got.status != http.StatusServiceUnavailable || got.ends {
				s.t.Errorf("person %d was answered %d, the cookie goes: %t", got.person, got.status, got.ends)
			}
			if happened && got.status == status {
				answered[got.person] = true
			}
		case <-over:
			s.t.Fatalf("only %d of %d people are answered %d", len(answered), s.people, status)
		}
	}
}

// A store that is killed and started again amid requests signs nobody out: they are
// answered 503 until it is back, and then as before, by the same process.
func TestFault_StoreKilled(t *testing.T) {
	t.Parallel()
	for _, row := range keptIn {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			k := row.open(t)
			if k.server == nil || k.forgets {
				t.Skip("nothing of it outlives a crash")
			}
			a := membersApp(t, remembering(k.store, 0))
			people := []string{"ada", "grace", "edsger", "barbara", "alan", "mary"}
			if k.racy && raceDetector {
				people = people[:1] // two at once would race in the driver
			}
			var cookies []string
			for _, name := range people {
				b := a.browser(t)
				b.signInAs(name)
				cookies = append(cookies, sessionCookie+"="+url.PathEscape(handleOf(b)))
			}
			s := newSteady(t, a, cookies)
			s.until(http.StatusOK, func() {})
			for range 2 {
				s.until(http.StatusServiceUnavailable, k.server.Kill)
				s.until(http.StatusOK, k.server.Start)
			}
			if log := a.log.String(); !strings.Contains(log, `level=ERROR msg="ginauth: reading the session failed"`) {
				t.Errorf("the log: %s", log)
			}
		})
	}
}

// Revocations and the counts of tries that are in Redis are there again after it was
// killed, and while it is away nobody gets in by that.
func TestFault_RedisKilled(t *testing.T) {
	t.Parallel()
	server := servertest.Redis(t)
	client := redisClient(t, server)
	var ahead atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	a := newApp(t, ginauth.Options{
		Providers: []ginauth.Provider{members()}, Now: now, TrustedProxies: behindProxy,
		Session: ginauth.SessionOptions{Revocations: redisstore.NewRevocations(client, redisstore.Options{Now: now})},
		Limits:  ginauth.Limits{Limiter: redisstore.NewLimiter(client, redisstore.Options{Now: now})},
	})
	b, eve := a.browser(t), a.browser(t)
	b.signInAs("ada")
	eve.signInAs("eve")
	revoked := sessionCookie + "=" + handleOf(eve)
	if err := a.auth.RevokeUser(t.Context(), "u-eve"); err != nil {
		t.Fatal(err)
	}
	if n := admitted(12, func(int) answer { return a.try(t, "198.51.100.1", "grace", wrong) }); n != 10 {
		t.Fatalf("%d guesses are admitted", n)
	}
	forget := func() { ahead.Add(int64(5 * time.Second)) } // what the process has heard of revocations
	s := newSteady(t, a, []string{sessionCookie + "=" + handleOf(b)})
	s.until(http.StatusOK, func() {})
	s.until(http.StatusServiceUnavailable, func() {
		server.Kill()
		forget()
	})
	if res := a.send(t, http.MethodGet, "/me", "", "Cookie", revoked); res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("who was signed out is answered %d", res.StatusCode)
	}
	if res := a.try(t, "198.51.100.1", "grace", wrong); res.StatusCode != http.StatusTooManyRequests {
		t.Errorf("one guess too many is answered %d", res.StatusCode)
	}
	res := a.browser(t).signInAs("alan")
	res.refused(t, "SessionUnavailable")
	s.until(http.StatusOK, server.Start)
	b.is("ada")
	if got := a.who(t, revoked); got != "" {
		t.Errorf("the revoked session passes as %q", got)
	}
	// Another process knows of the guesses from Redis alone.
	ahead.Add(int64(5 * time.Second))
	other := newApp(t, ginauth.Options{
		Providers: []ginauth.Provider{members()}, Now: now, TrustedProxies: behindProxy,
		Limits: ginauth.Limits{Limiter: redisstore.NewLimiter(redisClient(t, server), redisstore.Options{Now: now})},
	})
	if res := other.try(t, "198.51.100.1", "grace", wrong); res.StatusCode != http.StatusTooManyRequests {
		t.Errorf("in another process one guess too many is answered %d", res.StatusCode)
	}
	for _, line := range []string{"reading the session failed", "this process counts alone"} {
		if !strings.Contains(a.log.String(), line) {
			t.Errorf("the log does not say %q: %s", line, a.log)
		}
	}
}

// A Redis without persistence forgets everything when it ends: those with a session
// in it sign in again, and revocations in it end.
func TestFault_RedisForgets(t *testing.T) {
	t.Parallel()
	server := servertest.Redis(t, "--appendonly", "no")
	client := redisClient(t, server)
	stored := membersApp(t, ginauth.Options{Session: ginauth.SessionOptions{Store: redisstore.New(client, redisstore.Options{})}})
	c := newClock()
	sealed := membersApp(t, ginauth.Options{Now: c.now, Session: ginauth.SessionOptions{
		Revocations: redisstore.NewRevocations(client, redisstore.Options{Now: c.now}),
	}})
	b, other, eve := stored.browser(t), sealed.browser(t), sealed.browser(t)
	b.signInAs("ada")
	other.signInAs("grace")
	eve.signInAs("eve")
	revoked := sessionCookie + "=" + handleOf(eve)
	if err := sealed.auth.RevokeUser(t.Context(), "u-eve"); err != nil {
		t.Fatal(err)
	}
	if got := sealed.who(t, revoked); got != "" {
		t.Fatalf("the revoked session passes as %q", got)
	}
	server.Kill()
	server.Start()
	for range 50 { // the pool drops its dead connections first
		if b.get("/me").StatusCode != http.StatusServiceUnavailable {
			break
		}
	}
	b.is("")
	if !b.signInAs("ada").signedIn() {
		t.Error("the next sign-in failed")
	}
	b.is("ada")
	c.seconds.Add(5)
	other.is("grace")
	if got := sealed.who(t, revoked); got != "eve@example.com" {
		t.Errorf("the revoked session passes as %q: docs/internals/faults.md says that the revocation is lost", got)
	}
}

// A Redis that has no more room, and evicts nothing (maxmemory-policy noeviction, its
// default), serves what it has: who is signed in stays so and can sign out. Nobody new
// comes in, and a sign-out everywhere says that it failed.
func TestFault_RedisFull(t *testing.T) {
	t.Parallel()
	server := servertest.Redis(t)
	client := redisClient(t, server)
	fill := func(bytes string) {
		t.Helper()
		if err := client.ConfigSet(t.Context(), "maxmemory", bytes).Err(); err != nil {
			t.Fatal(err)
		}
	}
	var ahead atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	stored := membersApp(t, ginauth.Options{
		Now: now, TrustedProxies: behindProxy,
		Session: ginauth.SessionOptions{Store: redisstore.New(client, redisstore.Options{})},
		Limits:  ginauth.Limits{Limiter: redisstore.NewLimiter(client, redisstore.Options{})},
	})
	sealed := membersApp(t, ginauth.Options{Session: ginauth.SessionOptions{Revocations: redisstore.NewRevocations(client, redisstore.Options{})}})
	ada, late, grace, eve := stored.browser(t), stored.browser(t), sealed.browser(t), sealed.browser(t)
	ada.signInAs("ada")
	grace.signInAs("grace")
	eve.signInAs("eve")
	kept := sessionCookie + "=" + url.PathEscape(handleOf(ada))
	copied := sessionCookie + "=" + handleOf(grace)

	fill("1")
	ada.is("ada")
	grace.is("grace")
	res := late.signInAs("alan")
	res.refused(t, "SessionUnavailable")
	if page := late.follow(res); page.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("the page is answered %d", page.StatusCode)
	}
	for _, line := range []string{`level=WARN msg="ginauth: sign-in refused"`, "OOM command not allowed", "this process counts alone"} {
		if !strings.Contains(stored.log.String(), line) {
			t.Errorf("the log does not say %q: %s", line, stored.log)
		}
	}
	ahead.Store(int64(25 * time.Hour)) // the session is to be written again
	if res := ada.get("/me"); res.StatusCode != http.StatusServiceUnavailable || res.ends() {
		t.Errorf("a session that is to be written again is answered %d, the cookie goes: %t", res.StatusCode, res.ends())
	}
	ahead.Store(0)
	if err := sealed.auth.RevokeUser(t.Context(), "u-eve"); err == nil {
		t.Error("a sign-out everywhere that was not kept succeeds")
	}
	if res := grace.signOut(); res.StatusCode != http.StatusServiceUnavailable || res.ends() {
		t.Errorf("a sign-out that was not kept is answered %d, the cookie goes: %t", res.StatusCode, res.ends())
	}
	if res := ada.signOut(); !res.ends() || stored.who(t, kept) != "" {
		t.Errorf("a sign-out that only deletes is answered %d, and the session opens as %q", res.StatusCode, stored.who(t, kept))
	}
	for log, line := range map[*logBuffer]string{stored.log: "reading the session failed", sealed.log: "ending the session failed"} {
		if !strings.Contains(log.String(), line) {
			t.Errorf("the log does not say %q: %s", line, log)
		}
	}

	fill("0")
	if !late.signInAs("alan").signedIn() {
		t.Errorf("with room again the sign-in failed: %s", stored.log)
	}
	if err := sealed.auth.RevokeUser(t.Context(), "u-eve"); err != nil {
		t.Error(err)
	}
	if res := grace.signOut(); !res.ends() {
		t.Errorf("with room again the sign-out is answered %d", res.StatusCode)
	}
	if got := sealed.who(t, copied); got != "" {
		t.Errorf("a copy of the cookie that was signed out opens as %q", got)
	}
}
