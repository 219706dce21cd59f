package tests

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/redis/go-redis/v9"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/internal/servertest"
	"github.com/ginauth/ginauth/redisstore"
)

// capped keeps sessions in a Redis of its own, on a clock that stands still.
func capped(t testing.TB, opts ginauth.Options) (*app, *redis.Client) {
	t.Helper()
	client := redisClient(t, servertest.Redis(t))
	c := newClock()
	opts.Session.Store, opts.Now = redisstore.New(client, redisstore.Options{Now: c.now}), c.now
	return membersApp(t, opts), client
}

// enterAs signs a member in, in a browser of its own, and returns its session
// cookie; empty where the sign-in is refused.
func (a *app) enterAs(t testing.TB, username string) string {
	t.Helper()
	c := setCookies(a.try(t, "127.0.0.1", username, adasPassword))[sessionCookie]
	if c == nil {
		return ""
	}
	return sessionCookie + "=" + c.Value
}

// records counts what Redis keeps of sessions.
func records(t testing.TB, client *redis.Client) int {
	t.Helper()
	keys, err := client.Keys(t.Context(), "ginauth:session:*").Result()
	if err != nil {
		t.Fatal(err)
	}
	return len(keys)
}

// At each sign-in the oldest session beyond the cap ends, and no other's; also of
// sign-ins of one second.
func TestMaxPerUser_OldestEnds(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name      string
		most      int // Session.MaxPerUser
		begun     int
		remaining int
	}{
		{"few", 3, 7, 3},
		{"one", 1, 4, 1},
		{"by default", 0, 104, 100},
		{"any number", -1, 104, 104},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			a, client := capped(t, ginauth.Options{Session: ginauth.SessionOptions{MaxPerUser: row.most}})
			grace := a.enterAs(t, "grace")
			var cookies []string
			for range row.begun {
				cookies = append(cookies, a.enterAs(t, "ada"))
			}
			for i, c := range cookies {
				alive := i >= row.begun-row.remaining
				if who := a.who(t, c); (who != "") != alive {
					t.Errorf("session %d of %d is %q's", i, row.begun, who)
				}
			}
			if a.who(t, grace) != "grace@example.com" {
				t.Error("somebody else's session has ended")
			}
			if n := records(t, client); n != row.remaining+1 {
				t.Errorf("Redis keeps %d records", n)
			}
			if list, err := a.auth.Sessions(t.Context(), "u-ada"); err != nil || len(list) != row.remaining {
				t.Errorf("listed are %d, %v", len(list), err)
			}
		})
	}
}

// A session that began long ago is old however lately it was used, and a sign-in in
// a browser that has a session takes its place and ends no other.
func TestMaxPerUser_Order(t *testing.T) {
	t.Parallel()
	clock := newClock()
	client := redisClient(t, servertest.Redis(t))
	opts := remembering(redisstore.New(client, redisstore.Options{Now: clock.now}), 0)
	opts.Now, opts.Session.MaxPerUser = clock.now, 2
	a := membersApp(t, opts)
	first, second, third := a.browser(t), a.browser(t), a.browser(t)
	first.signInAs("ada")
	clock.seconds.Add(3600)
	second.signInAs("ada")
	for range 3 {
		second.signInAs("ada")
		first.is("ada")
	}
	clock.seconds.Add(60)
	first.takeNote("used lately")
	third.signInAs("ada")
	first.is("")
	second.is("ada")
	third.is("ada")
	if log := a.log.String(); !strings.Contains(log, "more sessions than Session.MaxPerUser") || strings.Contains(log, "u-ada") {
		t.Errorf("the log: %s", log)
	}
}

// The sessions of two Auths that share a store, and of people, have a cap each.
func TestMaxPerUser_TwoAuths(t *testing.T) {
	t.Parallel()
	client := redisClient(t, servertest.Redis(t))
	open := func(prefix string) *app {
		return membersApp(t, ginauth.Options{
			Session: ginauth.SessionOptions{Store: redisstore.New(client, redisstore.Options{}), MaxPerUser: 2},
			Cookies: ginauth.CookieOptions{Prefix: prefix},
		})
	}
	customers, staff := open(""), open("staff")
	for range 4 {
		customers.browser(t).signInAs("ada")
		staff.browser(t).signInAs("ada")
	}
	for name, a := range map[string]*app{"customers": customers, "staff": staff} {
		if list, err := a.auth.Sessions(t.Context(), "u-ada"); err != nil || len(list) != 2 {
			t.Errorf("%s: listed are %d, %v", name, len(list), err)
		}
	}
	if n := records(t, client); n != 4 {
		t.Errorf("Redis keeps %d records", n)
	}
}

// A session that a sign-in ended ends its streams.
func TestMaxPerUser_EndsStreams(t *testing.T) {
	t.Parallel()
	clock := newClock()
	client := redisClient(t, servertest.Redis(t))
	a, idp, ended := streaming(t, ginauth.Options{
		Now:     clock.now,
		Session: ginauth.SessionOptions{Store: redisstore.New(client, redisstore.Options{Now: clock.now}), MaxPerUser: 1},
	})
	first, second := a.browser(t), a.browser(t)
	first.signIn(idp, "local")
	first.listen(t.Context())
	clock.seconds.Add(1)
	second.signIn(idp, "local")
	if cause := wait(t, ended); !errors.Is(cause, ginauth.ErrSessionEnded) {
		t.Errorf("the stream ended with %v", cause)
	}
}

// Sign-ins at two processes at once come down to the cap.
func TestMaxPerUser_TwoProcesses(t *testing.T) {
	t.Parallel()
	client := redisClient(t, servertest.Redis(t))
	var processes []*app
	for range 2 {
		processes = append(processes, membersApp(t, ginauth.Options{
			Session: ginauth.SessionOptions{Store: redisstore.New(client, redisstore.Options{}), MaxPerUser: 5},
		}))
	}
	grace := processes[0].enterAs(t, "grace")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 25 {
				if processes[i%2].enterAs(t, "ada") == "" {
					t.Error("a sign-in failed")
				}
			}
		})
	}
	wg.Wait()
	if n := records(t, client); n > 6 || n < 2 {
		t.Errorf("Redis keeps %d records", n)
	}
	if processes[1].who(t, grace) != "grace@example.com" {
		t.Error("somebody else's session has ended")
	}
	last := processes[0].enterAs(t, "ada")
	if processes[1].who(t, last) != "ada@example.com" || records(t, client) > 6 {
		t.Errorf("after the last one Redis keeps %d records", records(t, client))
	}
}

// What was tried from outside: 20,000 sign-ins of one account. By default they leave
// the cap, Limits.Successes refuses most of them, and nobody else notices.
func TestMaxPerUser_Flood(t *testing.T) {
	t.Parallel()
	a, client := capped(t, ginauth.Options{})
	grace := a.enterAs(t, "grace")
	each := 2500
	if raceDetector { // which takes ten times as long
		each = 250
	}
	var admitted, refused atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range each {
				switch res := a.try(t, "127.0.0.1", "ada", adasPassword); {
				case res.signedIn():
					admitted.Add(1)
				case res.retryAfter(t) > 0:
					refused.Add(1)
				default:
					t.Errorf("answered %d", res.StatusCode)
				}
			}
		})
	}
	wg.Wait()
	if admitted.Load() != 1000 || refused.Load() != int64(8*each-1000) {
		t.Errorf("%d were admitted and %d refused", admitted.Load(), refused.Load())
	}
	if n := records(t, client); n != 101 {
		t.Errorf("Redis keeps %d records", n)
	}
	if a.who(t, grace) != "grace@example.com" {
		t.Error("somebody else's session has ended")
	}
	if a.enterAs(t, "grace") == "" || a.enterAs(t, "linus") == "" {
		t.Error("somebody else cannot sign in")
	}
}

// The limit is that of a user: it holds for every way in and from every client, says
// how long to wait, and a sign-in that comes to nothing does not count.
func TestLimits_Successes(t *testing.T) {
	t.Parallel()
	rate := ginauth.Rate{Count: 3, Per: 3 * time.Minute}
	a, clock := limited(t, ginauth.Options{Limits: ginauth.Limits{Successes: rate}, Callbacks: memberCallbacks()})
	for i := range 3 {
		if !a.try(t, fmt.Sprint("198.51.100.", i), "ada", adasPassword).signedIn() {
			t.Fatalf("the sign-in %d failed", i)
		}
	}
	for _, header := range [][]string{nil, {"Content-Type", "application/json"}} {
		res := a.try(t, "203.0.113.9", "ada", adasPassword, header...)
		if res.StatusCode != http.StatusTooManyRequests && header == nil || res.signedIn() {
			t.Errorf("the fourth: %d", res.StatusCode)
		}
		if wait := res.retryAfter(t); header == nil && wait != time.Minute {
			t.Errorf("it is to wait %v", wait)
		}
	}
	// The people behind the same address are not slowed.
	for i := range 50 {
		if !a.try(t, "198.51.100.0", fmt.Sprint("user", i), adasPassword).signedIn() {
			t.Fatalf("the user %d is refused", i)
		}
	}
	clock.move(time.Minute)
	if !a.try(t, "198.51.100.0", "ada", adasPassword).signedIn() || a.try(t, "198.51.100.0", "ada", adasPassword).retryAfter(t) != time.Minute {
		t.Error("after a minute there is not one more")
	}
	// A refused sign-in of theirs is no failure, by which others could keep them out.
	if n := admitted(30, func(int) answer { return a.try(t, "198.51.100.7", "denied", adasPassword) }); n != 30 {
		t.Errorf("%d of 30 that a callback refuses are answered by it", n)
	}
	for i := range 10 {
		if res := a.try(t, "198.51.100.8", "unsealed", adasPassword); res.StatusCode == http.StatusTooManyRequests {
			t.Fatalf("the sign-in %d that came to nothing counts", i)
		}
	}
}

// One user's sign-ins count together, by whatever provider.
func TestLimits_SuccessesOfAllProviders(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	a := newApp(t, ginauth.Options{
		Providers: append(ginauth.Goth(local(idp, "local"), local(idp, "work")), ginauth.Credentials{
			Authorize: func(*gin.Context, map[string]string) (*ginauth.User, error) { return &ginauth.User{ID: "ada"}, nil },
		}),
		Limits: ginauth.Limits{Successes: ginauth.Rate{Count: 2, Per: time.Hour}},
	})
	for i, provider := range []string{"local", "work", "local"} {
		b := a.browser(t)
		callback, err := idp.Approve(context.Background(), b.begin(provider, "/"), "ada")
		if err != nil {
			t.Fatal(err)
		}
		res := b.get(callback.String())
		if want := i < 2; res.signedIn() != want || !want && res.retryAfter(t) != 30*time.Minute {
			t.Errorf("the sign-in %d by %s: %d", i, provider, res.StatusCode)
		}
		// A reload is answered alike.
		if again := b.get(callback.String()); i == 2 && again.signedIn() {
			t.Errorf("the reload signs in: %d", again.StatusCode)
		}
	}
	if res := a.try(t, "127.0.0.1", "x", "y"); res.StatusCode != http.StatusTooManyRequests {
		t.Errorf("by credentials: %d", res.StatusCode)
	}
}

func TestMaxPerUser_Fault(t *testing.T) {
	t.Parallel()
	register := func(session ginauth.SessionOptions) error {
		_, err := ginauth.Register(gin.New(), ginauth.Options{Secret: testSecret, Session: session, Providers: []ginauth.Provider{members()}})
		return err
	}
	for name, store := range map[string]ginauth.SessionStore{"sealed": nil, "a store that does not list": memoryStore()} {
		if err := register(ginauth.SessionOptions{Store: store, MaxPerUser: 5}); err == nil || !strings.Contains(err.Error(), "Session.MaxPerUser is set") {
			t.Errorf("%s: %v", name, err)
		}
		for _, most := range []int{0, -1} {
			if err := register(ginauth.SessionOptions{Store: store, MaxPerUser: most}); err != nil {
				t.Errorf("%s, %d: %v", name, most, err)
			}
		}
	}
}

// A store that cannot list for the moment keeps nobody out.
func TestMaxPerUser_ListFails(t *testing.T) {
	t.Parallel()
	client := redisClient(t, servertest.Redis(t))
	a := membersApp(t, ginauth.Options{Session: ginauth.SessionOptions{
		Store: unlisted{redisstore.New(client, redisstore.Options{})}, MaxPerUser: 1,
	}})
	cookie := a.enterAs(t, "ada")
	if a.who(t, cookie) != "ada@example.com" || !strings.Contains(a.log.String(), "beyond Session.MaxPerUser were not ended") {
		t.Errorf("%q, the log: %s", a.who(t, cookie), a.log)
	}
}

// unlisted is a store whose index is lost.
type unlisted struct{ *redisstore.Store }

func (unlisted) List(context.Context, string) ([]ginauth.StoredSession, error) {
	return nil, errors.New("the index is lost")
}

// The session that has just begun stays, also where its process's clock is behind.
func TestMaxPerUser_ClockBehind(t *testing.T) {
	t.Parallel()
	client := redisClient(t, servertest.Redis(t))
	open := func(ahead int64) *app {
		clock := newClock()
		clock.seconds.Add(ahead)
		return membersApp(t, ginauth.Options{
			Now:     clock.now,
			Session: ginauth.SessionOptions{Store: redisstore.New(client, redisstore.Options{Now: clock.now}), MaxPerUser: 2},
		})
	}
	right, behind := open(0), open(-300)
	for range 3 {
		right.enterAs(t, "ada")
	}
	late := behind.enterAs(t, "ada")
	if who := behind.who(t, late); who != "ada@example.com" {
		t.Errorf("whoever signed in is %q", who)
	}
	if n := records(t, client); n != 2 {
		t.Errorf("Redis keeps %d records", n)
	}
}
