package tests

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
)

// Every store is held to the same, on its real server: what a row of keptIn says
// it lacks is all that it lacks.
func TestStore(t *testing.T) {
	t.Parallel()
	for _, row := range keptIn {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			k := row.open(t)
			t.Run("a session's life", func(t *testing.T) { storeLife(t, k) })
			t.Run("its end is in the record", func(t *testing.T) { storeExpiry(t, k) })
			t.Run("tabs", func(t *testing.T) { storeTabs(t, k) })
			t.Run("a long session", func(t *testing.T) { storeLong(t, k) })
			t.Run("beside the application's own", func(t *testing.T) { storeBeside(t, k) })
			t.Run("a spoilt record", func(t *testing.T) { storeSpoilt(t, k) })
		})
	}
}

// weekly are options for sessions of a week by a clock that a test moves. Memcached
// takes more than 30 days from the real now for a date.
func weekly(k kept) (ginauth.Options, *clock) {
	c := newClock()
	c.seconds.Store(time.Now().Unix())
	opts := remembering(k.store, 0)
	opts.Now, opts.Session.MaxAge = c.now, 7*24*time.Hour
	return opts, c
}

func storeLife(t *testing.T, k kept) {
	opts, c := weekly(k)
	a := membersApp(t, opts)
	b := a.browser(t)
	b.is("")
	if res := b.signInAs("ada"); !res.signedIn() {
		t.Fatalf("signing in answered %d %s", res.StatusCode, res.body)
	}
	b.is("ada")
	first := handleOf(b)
	if len(first) > 300 || strings.Contains(first, "ada") {
		t.Errorf("the cookie holds more than a handle: %q", first)
	}
	expires := func() time.Time {
		var out struct{ Expires time.Time }
		decode(t, b.get("/api/auth/session").body, &out)
		return out.Expires
	}

	began := expires()
	c.seconds.Add(23 * 3600)
	if got := expires(); !got.Equal(began) {
		t.Errorf("before UpdateAge the end moved from %v to %v", began, got)
	}
	c.seconds.Add(2 * 3600)
	if res := b.get("/me"); len(res.Cookies()) != 1 || res.StatusCode != http.StatusOK {
		t.Errorf("past UpdateAge /me answered %d with the cookies %v", res.StatusCode, res.Cookies())
	}
	if got := expires().Sub(began); got < 24*time.Hour || got > 26*time.Hour {
		t.Errorf("past UpdateAge the end moved by %v", got)
	}

	if res := b.takeNote("hello"); res.StatusCode != http.StatusOK || b.note() != "hello" {
		t.Errorf("the update answered %d %s", res.StatusCode, res.body)
	}
	last := handleOf(b)
	if b.signOut(); handleOf(b) != "" {
		t.Error("signing out left the cookie")
	}
	for name, handle := range map[string]string{"the first": first, "the last": last} {
		if got := a.who(t, sessionCookie+"="+url.PathEscape(handle)); got != "" {
			t.Errorf("%s handle passes as %q after the sign-out", name, got)
		}
		b.plant(sessionCookie, handle)
		if res := b.takeNote("again"); strings.Contains(res.body, "ada") {
			t.Errorf("%s handle takes an update after the sign-out", name)
		}
		b.is("")
	}
	if b.signInAs("grace"); handleOf(b) == first || handleOf(b) == last {
		t.Error("a new sign-in has an old handle")
	}
	b.is("grace")
}

// The token says when it ends, and that counts, however long the store keeps it.
func storeExpiry(t *testing.T, k kept) {
	opts, c := weekly(k)
	b := membersApp(t, opts).browser(t)
	b.signInAs("ada")
	c.seconds.Add(7*24*3600 + 1)
	b.is("ada") // within the leeway of 15 seconds
	handle := handleOf(b)
	c.seconds.Add(7*24*3600 + 16)
	b.plant(sessionCookie, handle)
	if _, err := k.store.Get(t.Context(), handle); err != nil {
		t.Fatalf("the store has forgotten it by itself: %v", err)
	}
	b.is("")
}

// Tabs of one browser go on at once. Reading moves nothing, so it undoes no
// update; and a sign-out holds against what was under way.
func storeTabs(t *testing.T, k kept) {
	if k.racy && raceDetector {
		t.Skip("the driver sets a field of its own in each request, without a lock")
	}
	opts := remembering(k.store, 0)
	a := membersApp(t, opts)
	b := a.browser(t)
	b.signInAs("ada")
	all := func(n int, cookies string, one func(status int, body string)) *sync.WaitGroup {
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				res := a.send(t, http.MethodGet, []string{"/me", "/api/auth/session"}[i%2], "", "Cookie", cookies)
				one(res.StatusCode, res.body)
			})
		}
		return &wg
	}
	cookies := sessionCookie + "=" + url.PathEscape(handleOf(b))
	wg := all(40, cookies, func(status int, body string) {
		if status != http.StatusOK || !strings.Contains(body, "ada@example.com") {
			t.Errorf("a tab was answered %d %s", status, body)
		}
	})
	b.takeNote("from one tab")
	wg.Wait()
	if got := b.note(); got != "from one tab" {
		t.Errorf("the other tabs undid the update: %q", got)
	}

	// Here each request writes, so that some load before the sign-out and would
	// save after it.
	opts.Session.UpdateAge = -1
	a = membersApp(t, opts)
	b.app = a
	cookies = sessionCookie + "=" + url.PathEscape(handleOf(b))
	wg = all(40, cookies, func(status int, body string) {
		if status != http.StatusOK && status != http.StatusUnauthorized {
			t.Errorf("a tab was answered %d %s", status, body)
		}
	})
	csrfToken, pair := csrfPair(csrfCookie)
	if res := a.form(t, "/api/auth/signout", url.Values{"csrfToken": {csrfToken}}, "Cookie", pair+"; "+cookies); res.StatusCode != http.StatusFound {
		t.Errorf("signing out answered %d", res.StatusCode)
	}
	wg.Wait()
	if got := a.who(t, cookies); got != "" {
		t.Errorf("a request under way brought the session of %q back", got)
	}
}

func storeLong(t *testing.T, k kept) {
	const long = 10 << 10
	b := membersApp(t, remembering(k.store, long)).browser(t)
	b.signInAs("ada")
	if got := b.note(); got != strings.Repeat("n", long) {
		t.Errorf("of %d letters %d came back", long, len(got))
	}
	if names := b.sessionNames(); len(names) != 1 {
		t.Errorf("the session takes the cookies %q", names)
	}
	b.signOut()
	b.is("")
}

// The application's own session of gin-contrib stands in the same store, and
// neither sees nor ends the other.
func storeBeside(t *testing.T, k kept) {
	if k.shared == nil {
		t.Skip("not a store of gin-contrib/sessions")
	}
	a := membersApp(t, ginauth.Options{Session: ginauth.SessionOptions{Store: k.store}})
	cart := func(c *gin.Context) {
		s := sessions.Default(c)
		n, _ := s.Get("n").(int)
		s.Set("n", n+1)
		if err := s.Save(); err != nil {
			c.AbortWithStatus(http.StatusInternalServerError)
			return
		}
		c.JSON(http.StatusOK, gin.H{"n": n + 1, "user": ginauth.GetSession(c)})
	}
	// ginauth is the worst name that an application could choose.
	for _, name := range []string{"cart", "ginauth"} {
		a.engine.GET("/"+name, sessions.Sessions(name, k.shared), a.auth.LoadSession(), cart)
	}
	b := a.browser(t)
	want := func(body string) {
		t.Helper()
		for _, name := range []string{"/cart", "/ginauth"} {
			if res := b.get(name); !strings.Contains(res.body, body) {
				t.Errorf("%s answered %d %s, want %s", name, res.StatusCode, res.body, body)
			}
		}
	}
	want(`"n":1,"user":null`)
	b.signInAs("ada")
	want(`"n":2,"user":{"user":{"name":"ada"`)
	own := b.cookie("ginauth") // a session of the same store, under the same name
	if got := a.who(t, sessionCookie+"="+url.PathEscape(own)); own == "" || got != "" {
		t.Errorf("the application's own session %q passes as %q", own, got)
	}
	b.signOut()
	want(`"n":3,"user":null`)
}

// Garbage in one person's record is not an outage for the others.
func storeSpoilt(t *testing.T, k kept) {
	if k.spoil == nil {
		t.Skip("nobody can reach the records")
	}
	a := membersApp(t, remembering(k.store, 0))
	for name, row := range map[string]struct {
		record string
		cut    bool // redigo's driver cannot tell it from a connection that ended
	}{
		"text":       {"no session", true},
		"empty":      {"", true},
		"cut gob":    {"\x0e\xff\x81\x04", true},
		"broken gob": {"\x02\x03\x04", false},
		"JSON":       {`{"expires":9e99,"data":{}}`, true},
		"null":       {"null", true},
	} {
		b, other := a.browser(t), a.browser(t)
		b.signInAs("ada")
		k.spoil(t, row.record)
		other.signInAs("grace")
		other.is("grace")
		res := b.get("/me")
		if res.StatusCode != http.StatusUnauthorized && !(row.cut && k.cannotTell(res)) {
			t.Errorf("%s: /me answered %d %s", name, res.StatusCode, res.body)
		}
		b.signInAs("ada")
		b.is("ada")
	}
}

// cannotTell reports whether an answer is the 503 of gin-contrib's Redis.
func (k kept) cannotTell(res answer) bool {
	return k.shared != nil && res.StatusCode == http.StatusServiceUnavailable
}

// A server that stops signs nobody out: who came with a session has it again when
// the server is back.
func TestAttack48_StoreStops(t *testing.T) {
	t.Parallel()
	for _, row := range keptIn {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			k := row.open(t)
			if k.server == nil {
				t.Skip("it has no server")
			}
			a := membersApp(t, remembering(k.store, 0))
			var reached atomic.Int32
			a.engine.GET("/secret", a.auth.RequireSession(), func(*gin.Context) { reached.Add(1) })
			a.engine.GET("/open", a.auth.LoadSession(), func(*gin.Context) { reached.Add(1) })
			b, late := a.browser(t), a.browser(t)
			b.signInAs("ada")
			b.is("ada")
			handle := handleOf(b)
			k.server.Stop()
			for _, path := range []string{"/me", "/secret", "/open", "/api/auth/session"} {
				res := b.get(path)
				if res.StatusCode != http.StatusServiceUnavailable || res.ends() {
					t.Errorf("%s answered %d %s, cookies %v", path, res.StatusCode, res.body, res.Cookies())
				}
			}
			if res := b.signOut(); res.StatusCode != http.StatusServiceUnavailable || handleOf(b) != handle {
				t.Errorf("signing out answered %d and left %q", res.StatusCode, handleOf(b))
			}
			if n := reached.Load(); n != 0 {
				t.Errorf("%d requests passed the guard", n)
			}
			res := late.signInAs("grace")
			res.refused(t, "SessionUnavailable")
			page := late.get(res.Header.Get("Location"))
			if page.StatusCode != http.StatusServiceUnavailable || !strings.Contains(page.body, "Try again in a moment") {
				t.Errorf("the error page answered %d %s", page.StatusCode, page.body)
			}
			if log := a.log.String(); strings.Contains(log, handle) || !strings.Contains(log, "not available") {
				t.Errorf("the log: %s", log)
			}
			k.server.Start()
			if k.forgets {
				b.is("")
				b.signInAs("ada")
			}
			b.returns()
			b.is("ada")
			late.signInAs("grace")
			late.is("grace")
		})
	}
}

// A server that hangs holds a request no longer than two seconds, and a crowd of
// requests no longer than one.
func TestAttack48_StoreHangs(t *testing.T) {
	t.Parallel()
	for _, row := range keptIn {
		if row.name == "postgres" || row.name == "memstore" {
			continue // the one answers from child processes, the other has no server
		}
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			k := row.open(t)
			a := membersApp(t, remembering(k.store, 0))
			b := a.browser(t)
			b.signInAs("ada")
			cookies := sessionCookie + "=" + url.PathEscape(handleOf(b))
			k.server.Pause()
			start := time.Now()
			var wg sync.WaitGroup
			for range 50 {
				wg.Go(func() {
					res := a.send(t, http.MethodGet, "/me", "", "Cookie", cookies)
					if res.StatusCode != http.StatusServiceUnavailable {
						t.Errorf("/me answered %d %s", res.StatusCode, res.body)
					}
				})
			}
			wg.Wait()
			if took := time.Since(start); took > 6*time.Second { // a loaded machine
				t.Errorf("it took %v", took)
			}
			k.server.Resume()
			b.returns()
		})
	}
}
