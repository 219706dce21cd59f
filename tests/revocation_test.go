package tests

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/servertest"
	"github.com/ginauth/ginauth/redisstore"
)

// revocationsIn are the ways to keep revocations.
var revocationsIn = []struct {
	name string
	open func(t testing.TB, now func() time.Time) ginauth.Revocations
}{
	{"memory", func(testing.TB, func() time.Time) ginauth.Revocations { return ginauth.MemoryRevocations() }},
	{"redis", func(t testing.TB, now func() time.Time) ginauth.Revocations {
		return redisstore.NewRevocations(redisClient(t, servertest.Redis(t)), redisstore.Options{Now: now})
	}},
}

// everyRevocation runs a test with sealed sessions over every kind of
// revocations, by a clock of its own.
func everyRevocation(t *testing.T, test func(t *testing.T, c *clock, opts ginauth.Options)) {
	for _, row := range revocationsIn {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			c := newClock()
			// Tokens hold whole seconds, and clocks more.
			now := func() time.Time { return c.now().Add(700 * time.Millisecond) }
			test(t, c, ginauth.Options{Now: now, Session: ginauth.SessionOptions{Revocations: row.open(t, c.now)}})
		})
	}
}

// A sealed session that was signed out of is refused when it comes again.
func TestAttack15_SealedReplay(t *testing.T) {
	t.Parallel()
	everyRevocation(t, func(t *testing.T, c *clock, opts ginauth.Options) {
		a := membersApp(t, opts)
		b, other := a.browser(t), a.browser(t)
		for round := range 3 { // all within one second
			b.signInAs("ada")
			b.is("ada")
			b.get("/api/auth/session") // a second sealing of it
			stolen := sessionCookie + "=" + handleOf(b)
			c.seconds.Add(1)
			other.signInAs("ada")
			c.seconds.Add(-1)
			b.signOut()
			if got := a.who(t, stolen); got != "" {
				t.Errorf("round %d: the session passes as %q after its sign-out", round, got)
			}
			if got := a.who(t, "", "Authorization", "Bearer "+strings.TrimPrefix(stolen, sessionCookie+"=")); got != "" {
				t.Errorf("round %d: and as a bearer token as %q", round, got)
			}
			if round == 0 {
				other.is("ada") // a session of hers elsewhere goes on
			}
		}
	})
}

// A stored session that was signed out of is gone: see TestStore. Without a store
// and revocations it is not, which docs/stores.md says.
func TestAttack15_Bound(t *testing.T) {
	t.Parallel()
	a := membersApp(t, ginauth.Options{})
	b := a.browser(t)
	b.signInAs("ada")
	stolen := sessionCookie + "=" + handleOf(b)
	b.signOut()
	if res := a.send(t, http.MethodGet, "/me", "", "Cookie", stolen); !strings.Contains(res.body, "ada@example.com") {
		t.Errorf("the documented bound has changed: %d %s", res.StatusCode, res.body)
	}
}

func TestRevokeUser(t *testing.T) {
	t.Parallel()
	everyRevocation(t, func(t *testing.T, c *clock, opts ginauth.Options) {
		a := membersApp(t, opts)
		b, phone, grace := a.browser(t), a.browser(t), a.browser(t)
		for round := range 3 { // revoked and signed in again, all within one second
			b.signInAs("ada")
			phone.signInAs("ada")
			grace.signInAs("grace")
			b.is("ada")
			phone.is("ada")
			if err := a.auth.RevokeUser(t.Context(), "u-ada"); err != nil {
				t.Fatal(err)
			}
			b.is("")
			phone.is("")
			grace.is("grace")
			if round == 1 {
				c.seconds.Add(1)
			}
		}
		b.signInAs("ada")
		b.is("ada")
		c.seconds.Add(29 * 24 * 3600)
		b.is("ada")
	})
}

// Who signs out and in again gets a sign-in time a second ahead, and again another. What
// ends the user's sessions at that moment ends this one.
func TestRevokeUser_AfterSignOut(t *testing.T) {
	t.Parallel()
	everyRevocation(t, func(t *testing.T, _ *clock, opts ginauth.Options) {
		a := membersApp(t, opts)
		b := a.browser(t)
		for range 5 {
			b.signInAs("ada")
			b.signOut()
		}
		b.signInAs("ada")
		b.is("ada")
		if err := a.auth.RevokeUser(t.Context(), "u-ada"); err != nil {
			t.Fatal(err)
		}
		if got := b.user(); got != "" {
			t.Errorf("%q is still signed in", got)
		}
	})
}

// A token that next-auth made does not say when its person signed in: it is older
// than any revocation of theirs.
func TestRevokeUser_NextAuthToken(t *testing.T) {
	t.Parallel()
	everyRevocation(t, func(t *testing.T, c *clock, opts ginauth.Options) {
		a := membersApp(t, opts)
		token := func(email, id string) string {
			at := c.now()
			return sessionCookie + "=" + seal(t, testSecret, fmt.Appendf(nil, `{"sub":%q,"email":%q,"iat":%d,"exp":%d,"jti":%q}`,
				email, email, at.Unix(), at.Add(time.Hour).Unix(), id))
		}
		one, two, grace := token("ada@example.com", "one"), token("ada@example.com", "two"), token("grace@example.com", "three")
		csrfToken, pair := csrfPair(csrfCookie)
		// Signing out of one ends one: Next.js may make another at once.
		a.form(t, "/api/auth/signout", url.Values{"csrfToken": {csrfToken}}, "Cookie", pair+"; "+one)
		for _, row := range []struct{ name, cookies, want string }{
			{"signed out of", one, ""}, {"another", two, "ada@example.com"}, {"another person's", grace, "grace@example.com"},
		} {
			if got := a.who(t, row.cookies); got != row.want {
				t.Errorf("after the sign-out, %s: %q, want %q", row.name, got, row.want)
			}
		}
		if err := a.auth.RevokeUser(t.Context(), "ada@example.com"); err != nil {
			t.Fatal(err)
		}
		if got := a.who(t, two) + a.who(t, token("ada@example.com", "four")); got != "" {
			t.Errorf("after the revocation: %q", got)
		}
		if got := a.who(t, grace); got != "grace@example.com" {
			t.Errorf("another person's: %q", got)
		}
	})
}

// Two processes on one Redis: the other one learns of a revocation within five
// seconds, seals the session no more meanwhile, and what it sealed before dies with
// the first, however often it was rolled.
func TestAttack56_RolledAfterRevocation(t *testing.T) {
	t.Parallel()
	c := newClock()
	client := redisClient(t, servertest.Redis(t))
	options := func() ginauth.Options {
		return ginauth.Options{Now: c.now, Session: ginauth.SessionOptions{
			UpdateAge: -1, Revocations: redisstore.NewRevocations(client, redisstore.Options{Now: c.now}),
		}}
	}
	here, there := membersApp(t, options()), membersApp(t, options())
	b := here.browser(t)
	b.signInAs("ada")
	began := opened(t, forSession, handleOf(b))["auth_time"]
	b.app = there
	b.is("ada")
	for range 4 {
		c.seconds.Add(1)
		before := handleOf(b)
		b.is("ada")
		claims := opened(t, forSession, handleOf(b))
		if handleOf(b) == before || claims["auth_time"] != began || claims["iat"] == began {
			t.Fatalf("sealed again as %v, signed in at %v", claims, began)
		}
	}
	c.seconds.Add(5)
	b.is("ada")
	if err := here.auth.RevokeUser(t.Context(), "u-ada"); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		c.seconds.Add(1)
		before := handleOf(b)
		b.is("ada") // the documented bound
		if handleOf(b) != before {
			t.Error("sealed again after its revocation")
		}
	}
	if got := here.who(t, sessionCookie+"="+handleOf(b)); got != "" {
		t.Errorf("the process that revoked takes it for %q", got)
	}
	rolled := sessionCookie + "=" + handleOf(b)
	c.seconds.Add(1)
	if got := there.who(t, rolled); got != "" {
		t.Errorf("five seconds later it passes as %q", got)
	}
	c.seconds.Add(30 * 24 * 3600) // when the revocation may be forgotten
	if got := there.who(t, rolled); got != "" {
		t.Errorf("after MaxAge it passes as %q", got)
	}
}

// held are revocations whose next answer waits on its way.
type held struct {
	ginauth.Revocations
	hold           atomic.Bool
	asked, release chan struct{}
}

func (h *held) RevokedAt(ctx context.Context, subjects ...string) (time.Time, error) {
	at, err := h.Revocations.RevokedAt(ctx, subjects...)
	if h.hold.CompareAndSwap(true, false) {
		close(h.asked)
		<-h.release
	}
	return at, err
}

// An answer that was on its way while this process revoked the session is not
// remembered: else it would keep the session alive for five seconds more.
func TestAttack56_AnsweredMeanwhile(t *testing.T) {
	t.Parallel()
	for name, revoke := range map[string]func(a *app, b *browser) error{
		"RevokeUser": func(a *app, _ *browser) error { return a.auth.RevokeUser(t.Context(), "u-ada") },
		"sign-out":   func(_ *app, b *browser) error { b.signOut(); return nil },
	} {
		c := newClock()
		h := &held{Revocations: ginauth.MemoryRevocations(), asked: make(chan struct{}), release: make(chan struct{})}
		a := membersApp(t, ginauth.Options{Now: c.now, Session: ginauth.SessionOptions{Revocations: h}})
		b := a.browser(t)
		b.signInAs("ada")
		session := sessionCookie + "=" + handleOf(b)
		c.seconds.Add(10) // what was heard at the sign-in is forgotten
		h.hold.Store(true)
		done := make(chan struct{})
		go func() {
			defer close(done)
			a.send(t, http.MethodGet, "/me", "", "Cookie", session)
		}()
		<-h.asked
		err := revoke(a, b)
		close(h.release)
		<-done
		if err != nil {
			t.Fatal(err)
		}
		if got := a.who(t, session); got != "" {
			t.Errorf("%s: the session passes as %q", name, got)
		}
	}
}

// With a store that finds a user's sessions, no revocations are needed.
func TestRevokeUser_Store(t *testing.T) {
	t.Parallel()
	client := redisClient(t, servertest.Redis(t))
	store := redisstore.New(client, redisstore.Options{})
	for name, revocations := range map[string]ginauth.Revocations{
		"store alone": nil, "both": redisstore.NewRevocations(client, redisstore.Options{}),
	} {
		opts := ginauth.Options{Session: ginauth.SessionOptions{Store: store, Revocations: revocations}}
		here, there := membersApp(t, opts), membersApp(t, opts)
		b, grace := here.browser(t), here.browser(t)
		b.signInAs("ada")
		grace.signInAs("grace")
		handle := handleOf(b)
		if err := there.auth.RevokeUser(t.Context(), "u-ada"); err != nil {
			t.Fatal(name, err)
		}
		b.is("")
		grace.is("grace")
		if _, err := store.Get(t.Context(), handle); !errors.Is(err, ginauth.ErrNotFound) {
			t.Errorf("%s: the record is still there: %v", name, err)
		}
		b.signInAs("ada")
		b.is("ada")
	}
}

// A store that cannot find a user's sessions is served by revocations.
func TestRevokeUser_GinStore(t *testing.T) {
	t.Parallel()
	for _, row := range keptIn {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			k := row.open(t)
			a := membersApp(t, ginauth.Options{Session: ginauth.SessionOptions{Store: k.store, Revocations: ginauth.MemoryRevocations()}})
			b := a.browser(t)
			b.signInAs("ada")
			b.is("ada")
			if err := a.auth.RevokeUser(t.Context(), "u-ada"); err != nil {
				t.Fatal(err)
			}
			b.is("")
			b.signInAs("ada")
			b.is("ada")
		})
	}
}

func TestRevokeUser_NotSupported(t *testing.T) {
	t.Parallel()
	a := membersApp(t, ginauth.Options{})
	if err := a.auth.RevokeUser(t.Context(), "u-ada"); !errors.Is(err, ginauth.ErrNotSupported) || !strings.Contains(fmt.Sprint(err), "Session.Revocations") {
		t.Errorf("RevokeUser: %v", err)
	}
	if _, err := a.auth.Sessions(t.Context(), "u-ada"); !errors.Is(err, ginauth.ErrNotSupported) {
		t.Errorf("Sessions: %v", err)
	}
	if err := a.auth.EndSession(t.Context(), "u-ada", "x"); !errors.Is(err, ginauth.ErrNotSupported) {
		t.Errorf("EndSession: %v", err)
	}
	a = membersApp(t, ginauth.Options{Session: ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()}})
	if err := a.auth.RevokeUser(t.Context(), ""); err == nil {
		t.Error("nobody was revoked")
	}
}

// While nobody can tell who was revoked, nobody passes and nobody is signed out.
func TestAttack06_RevocationsStop(t *testing.T) {
	t.Parallel()
	c := newClock()
	server := servertest.Redis(t)
	a := membersApp(t, ginauth.Options{Now: c.now, Session: ginauth.SessionOptions{
		Revocations: redisstore.NewRevocations(redisClient(t, server), redisstore.Options{Now: c.now}),
	}})
	b := a.browser(t)
	b.signInAs("ada")
	sealed := handleOf(b)
	server.Stop()
	c.seconds.Add(5)
	for _, path := range []string{"/me", "/api/auth/session"} {
		if res := b.get(path); res.StatusCode != http.StatusServiceUnavailable || res.ends() {
			t.Errorf("%s answered %d %s", path, res.StatusCode, res.body)
		}
	}
	if err := a.auth.RevokeUser(t.Context(), "u-ada"); err == nil {
		t.Error("RevokeUser says that it revoked")
	}
	a.browser(t).signInAs("grace").refused(t, "SessionUnavailable")
	if res := b.signOut(); res.StatusCode != http.StatusServiceUnavailable || handleOf(b) != sealed {
		t.Errorf("signing out answered %d", res.StatusCode)
	}
	server.Start()
	b.returns()
	b.is("ada")
}

// A clock that is set back makes a session of a moment ago look younger than its
// revocation: it ends all the same, and stays ended for as long as it would last.
func TestRevokeUser_ClockSetBack(t *testing.T) {
	t.Parallel()
	everyRevocation(t, func(t *testing.T, c *clock, opts ginauth.Options) {
		const hour = 3600
		a := membersApp(t, opts)
		b, phone := a.browser(t), a.browser(t)
		b.signInAs("ada")
		c.seconds.Add(hour)
		phone.signInAs("ada")
		stolen := sessionCookie + "=" + handleOf(phone)
		c.seconds.Add(-hour)
		b.is("ada")
		phone.is("ada")
		if err := a.auth.RevokeUser(t.Context(), "u-ada"); err != nil {
			t.Fatal(err)
		}
		b.is("")
		phone.is("")
		b.signInAs("ada")
		b.is("ada")
		other := a.browser(t)
		other.signInAs("grace") // by whose revocation those that have expired are dropped
		c.seconds.Add(30*24*hour + hour/2)
		if err := a.auth.RevokeUser(t.Context(), "u-grace"); err != nil {
			t.Fatal(err)
		}
		if got := a.who(t, stolen); got != "" {
			t.Errorf("before it expires the revoked session passes as %q", got)
		}
	})
}

// A browser that leaves while its session is read or written is no outage, and
// its session stays.
func TestStore_BrowserLeaves(t *testing.T) {
	t.Parallel()
	server := servertest.Redis(t)
	store := redisstore.New(redisClient(t, server), redisstore.Options{})
	opts := remembering(store, 0)
	opts.Session.UpdateAge = -1
	a := membersApp(t, opts)
	statuses := make(chan int, 10)
	var watched atomic.Bool
	front := gin.New()
	front.Use(func(c *gin.Context) {
		watching := watched.Load() // asked first: a browser has its answer before the handler returns
		a.engine.ServeHTTP(c.Writer, c.Request)
		if watching {
			statuses <- c.Writer.Status()
		}
	})
	a.Config.Handler = front
	b := a.browser(t)
	b.signInAs("ada")
	b.is("ada")
	logged := len(a.log.String())
	watched.Store(true)
	server.Pause()
	for _, path := range []string{"/me", "/api/auth/session"} {
		ctx, leave := context.WithTimeout(t.Context(), 100*time.Millisecond)
		_, err := b.Do(b.request(http.MethodGet, path, nil).WithContext(ctx))
		leave()
		if err == nil {
			t.Fatal("the server does not hang")
		}
		select {
		case status := <-statuses:
			if status != 499 {
				t.Errorf("%s ends as %d", path, status)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("the request goes on")
		}
	}
	server.Resume()
	watched.Store(false)
	if log := a.log.String()[logged:]; strings.Contains(log, "level=ERROR") || strings.Contains(log, "level=WARN") {
		t.Errorf("the log: %s", log)
	}
	b.returns()
	b.is("ada")
}

func TestSessions(t *testing.T) {
	t.Parallel()
	c := newClock()
	opts := remembering(redisstore.New(redisClient(t, servertest.Redis(t)), redisstore.Options{Now: c.now}), 0)
	opts.Now = c.now
	a := membersApp(t, opts)
	laptop, phone, grace := a.browser(t), a.browser(t), a.browser(t)
	laptop.signInAs("ada")
	grace.signInAs("grace")
	c.seconds.Add(3600)
	phone.signInAs("ada")
	laptop.takeNote("on the laptop")
	c.seconds.Add(60)
	phone.takeNote("on the phone")

	list, err := a.auth.Sessions(t.Context(), "u-ada")
	if err != nil || len(list) != 2 {
		t.Fatalf("%v %v", list, err)
	}
	now := c.now()
	for i, want := range []struct {
		note     string
		signedIn time.Time
		lastUsed time.Time
	}{
		{"on the phone", now.Add(-60 * time.Second), now},
		{"on the laptop", now.Add(-3660 * time.Second), now.Add(-60 * time.Second)},
	} {
		got := list[i]
		if got.Claims["note"] != want.note || !got.SignedIn.Equal(want.signedIn) || !got.LastUsed.Equal(want.lastUsed) ||
			!got.Expires.Equal(want.lastUsed.Add(30*24*time.Hour)) {
			t.Errorf("session %d is %+v, want %+v", i, got, want)
		}
		// What the page shows must not sign anybody in.
		if who := a.who(t, sessionCookie+"="+got.ID); who != "" {
			t.Errorf("the ID passes as %q", who)
		}
	}
	graces, err := a.auth.Sessions(t.Context(), "u-grace")
	if err != nil || len(graces) != 1 {
		t.Fatalf("%v %v", graces, err)
	}
	for _, id := range []string{graces[0].ID, "", "x"} {
		if err := a.auth.EndSession(t.Context(), "u-ada", id); !errors.Is(err, ginauth.ErrNotFound) {
			t.Errorf("ending %q: %v", id, err)
		}
	}
	if err := a.auth.EndSession(t.Context(), "u-ada", list[1].ID); err != nil {
		t.Fatal(err)
	}
	laptop.is("")
	phone.is("ada")
	grace.is("grace")
	if list, err := a.auth.Sessions(t.Context(), "u-ada"); err != nil || len(list) != 1 {
		t.Errorf("then there are %v %v", list, err)
	}
}

// Streams of this process end with the session, no matter which process ends it.
func TestStream_EndsWhenRevoked(t *testing.T) {
	t.Parallel()
	store := redisstore.New(redisClient(t, servertest.Redis(t)), redisstore.Options{})
	for name, end := range map[string]func(a *ginauth.Auth, userID string) error{
		"RevokeUser": func(a *ginauth.Auth, userID string) error { return a.RevokeUser(context.Background(), userID) },
		"EndSession": func(a *ginauth.Auth, userID string) error {
			list, err := a.Sessions(context.Background(), userID)
			if err != nil || len(list) != 1 {
				return fmt.Errorf("%v %w", list, err)
			}
			return a.EndSession(context.Background(), userID, list[0].ID)
		},
	} {
		app, idp, ended := streaming(t, ginauth.Options{Session: ginauth.SessionOptions{Store: store}})
		b := app.browser(t)
		b.signIn(idp, "local")
		b.listen(t.Context())
		if err := end(app.auth, idp.People()[0].Subject); err != nil {
			t.Fatal(name, err)
		}
		if err := wait(t, ended); !errors.Is(err, ginauth.ErrSessionEnded) {
			t.Errorf("%s: cause %v", name, err)
		}
	}
}
