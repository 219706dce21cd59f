package tests

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
)

// behindProxy trusts the tests' own address, so that X-Forwarded-For says who a
// client is.
var behindProxy = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// A movedClock is moved by hand.
type movedClock struct{ ahead atomic.Int64 }

func (c *movedClock) move(d time.Duration) { c.ahead.Add(int64(d)) }
func (c *movedClock) now() time.Time {
	return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).Add(time.Duration(c.ahead.Load()))
}

// limited lets members sign in, whose clients a proxy names, and starts sign-ins
// at a provider, with a clock that stands still.
func limited(t testing.TB, opts ginauth.Options) (*app, *movedClock) {
	t.Helper()
	clock := &movedClock{}
	opts.Providers = append([]ginauth.Provider{viaGitHub.provider(t, newIDP(t, ginauthtest.Config{})), members()}, opts.Providers...)
	opts.TrustedProxies, opts.Now = behindProxy, clock.now
	return newApp(t, opts), clock
}

// try posts credentials from a client.
func (a *app) try(t testing.TB, client, username, password string, header ...string) answer {
	t.Helper()
	csrfToken, pair := csrfPair(csrfCookie)
	return a.form(t, "/api/auth/callback/credentials",
		url.Values{"csrfToken": {csrfToken}, "username": {username}, "password": {password}},
		append(header, "Cookie", pair, "X-Forwarded-For", client)...)
}

// start begins a sign-in at the provider from a client.
func (a *app) start(t testing.TB, client string) answer {
	t.Helper()
	csrfToken, pair := csrfPair(csrfCookie)
	return a.form(t, "/api/auth/signin/github", url.Values{"csrfToken": {csrfToken}}, "Cookie", pair, "X-Forwarded-For", client)
}

const wrong = "guess"

// admitted counts how many of n attempts are not refused as too many.
func admitted(n int, attempt func(i int) answer) (ok int) {
	for i := range n {
		if attempt(i).StatusCode != http.StatusTooManyRequests {
			ok++
		}
	}
	return ok
}

// retryAfter is what a refusal says, 0 if the answer is none.
func (a answer) retryAfter(t testing.TB) time.Duration {
	t.Helper()
	if a.StatusCode != http.StatusTooManyRequests {
		return 0
	}
	n, err := strconv.Atoi(a.Header.Get("Retry-After"))
	if err != nil || n < 1 {
		t.Fatalf("Retry-After %q", a.Header.Get("Retry-After"))
	}
	return time.Duration(n) * time.Second
}

// Each limit lets its count through, names the time that the next one takes, and
// keeps to it.
func TestLimits_Defaults(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name    string
		count   int
		step    time.Duration // rounded up to a second
		attempt func(a *app, i int) answer
	}{
		{"starts", 120, time.Second, func(a *app, _ int) answer { return a.start(t, "198.51.100.1") }},
		{"failures of a client", 100, 6 * time.Second, func(a *app, i int) answer {
			return a.try(t, "198.51.100.1", fmt.Sprint("user", i), wrong)
		}},
		{"guesses of a client", 10, time.Minute, func(a *app, _ int) answer { return a.try(t, "198.51.100.1", "ada", wrong) }},
		{"guesses on this machine", 10, time.Minute, func(a *app, _ int) answer { return a.try(t, "127.0.0.1", "ada", wrong) }},
		{"guesses of all clients", 100, 36 * time.Second, func(a *app, i int) answer {
			return a.try(t, fmt.Sprint("198.51.100.", i), "ada", wrong)
		}},
		{"a public error is a failure", 10, time.Minute, func(a *app, _ int) answer {
			return a.try(t, "198.51.100.1", "limited", adasPassword)
		}},
		{"any other error is a failure", 10, time.Minute, func(a *app, _ int) answer {
			return a.try(t, "198.51.100.1", "nowhere", adasPassword)
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			a, clock := limited(t, ginauth.Options{})
			if n := admitted(row.count, func(i int) answer { return row.attempt(a, i) }); n != row.count {
				t.Fatalf("%d of %d are admitted", n, row.count)
			}
			for round := range 3 {
				i := row.count + 2*round
				if wait := row.attempt(a, i).retryAfter(t); wait != row.step {
					t.Fatalf("round %d: it is to wait %v, want %v", round, wait, row.step)
				}
				clock.move(row.step - time.Second)
				if wait := row.attempt(a, i).retryAfter(t); row.step > time.Second && wait != time.Second {
					t.Errorf("round %d: a second too early, it is to wait %v", round, wait)
				}
				clock.move(time.Second)
				if wait := row.attempt(a, i+1).retryAfter(t); wait != 0 {
					t.Fatalf("round %d: after its time it is to wait %v", round, wait)
				}
				if row.step == time.Second { // two starts a second
					row.attempt(a, i+1)
				}
			}
		})
	}
}

// A right password costs nothing, even if others share the address or the name, and
// even while wrong ones are typed elsewhere.
func TestLimits_SuccessIsFree(t *testing.T) {
	t.Parallel()
	a, _ := limited(t, ginauth.Options{Callbacks: memberCallbacks()})
	for i := range 150 {
		if !a.try(t, "198.51.100.1", "ada", adasPassword).signedIn() || !a.try(t, "198.51.100.1", fmt.Sprint("user", i), adasPassword).signedIn() {
			t.Fatalf("the sign-in %d failed", i)
		}
	}
	// A person whom a callback refuses has not guessed.
	if n := admitted(20, func(int) answer { return a.try(t, "198.51.100.1", "denied", adasPassword) }); n != 20 {
		t.Errorf("%d of 20 are admitted", n)
	}
	if n := admitted(30, func(int) answer { return a.try(t, "203.0.113.9", "ada", wrong) }); n != 10 {
		t.Errorf("%d guesses are admitted", n)
	}
	if !a.try(t, "198.51.100.1", "ada", adasPassword).signedIn() {
		t.Error("a stranger's guesses keep ada out")
	}
	// Guesses do not become free by signing in to one's own account in between.
	tried := 0
	for range 40 {
		if a.try(t, "203.0.113.10", "ada", wrong).StatusCode != http.StatusTooManyRequests {
			tried++
		}
		a.try(t, "203.0.113.10", "mallory", adasPassword)
	}
	if tried != 10 {
		t.Errorf("%d guesses beside an account of one's own", tried)
	}
	if a.try(t, "203.0.113.9", "ada", adasPassword).signedIn() {
		t.Error("a refused client learns which password is right")
	}
}

// What is refused counts nowhere: somebody who hammers at one name does not use up
// what others behind the address have, nor what the name has for its owner.
func TestLimits_RefusedIsFree(t *testing.T) {
	t.Parallel()
	a, _ := limited(t, ginauth.Options{})
	if n := admitted(200, func(int) answer { return a.try(t, "198.51.100.1", "ada", wrong) }); n != 10 {
		t.Fatalf("%d guesses are admitted", n)
	}
	if n := admitted(120, func(i int) answer { return a.try(t, "198.51.100.1", fmt.Sprint("user", i), wrong) }); n != 90 {
		t.Errorf("%d failures of the others are admitted, want the 90 that are left", n)
	}
	if n := admitted(120, func(i int) answer { return a.try(t, fmt.Sprint("203.0.113.", i), "ada", wrong) }); n != 90 {
		t.Errorf("%d guesses of the others are admitted, want the 90 that are left", n)
	}
}

// Many right ones at once wait for each other, and none is refused; of many wrong
// ones no more than the limit get an answer.
func TestLimits_AtOnce(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name     string
		client   string
		user     func(i int) string
		password string
		want     int32
	}{
		{"200 people on this machine", "127.0.0.1", func(i int) string { return fmt.Sprint("user", i) }, adasPassword, 200},
		{"200 people behind one address", "198.51.100.1", func(i int) string { return fmt.Sprint("user", i) }, adasPassword, 200},
		{"one person 200 times", "198.51.100.1", func(int) string { return "ada" }, adasPassword, 200},
		{"guesses at one person", "198.51.100.1", func(int) string { return "ada" }, wrong, 10},
		{"guesses at many", "198.51.100.1", func(i int) string { return fmt.Sprint("user", i) }, wrong, 100},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			var through atomic.Int32
			var all chan struct{}
			slow := members()
			authorize := slow.Authorize
			slow.Authorize = func(c *gin.Context, typed map[string]string) (*ginauth.User, error) {
				<-all // nobody is done before everybody has come
				return authorize(c, typed)
			}
			a := newApp(t, ginauth.Options{Providers: []ginauth.Provider{slow}, Now: new(movedClock).now})
			synctest.Test(t, func(*testing.T) {
				all = make(chan struct{})
				for i := range 200 {
					go func() {
						res := a.from(row.client+":1", nil, "/api/auth/callback/credentials", url.Values{
							"username": {row.user(i)}, "password": {row.password},
						})
						if res.StatusCode == http.StatusFound {
							through.Add(1)
						}
					}()
				}
				synctest.Wait()
				close(all)
			})
			if n := through.Load(); n != row.want {
				t.Errorf("%d got through, want %d", n, row.want)
			}
		})
	}
}

// A field that says who somebody is, and one that does not.
func TestLimits_Identifier(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		p      ginauth.Credentials
		vary   string // of this field each try has another
		same   string
		admits int
	}{
		{"username", members(), "x", "username", 10},
		{"another person", members(), "username", "x", 30},
		{"e-mail by its type", ginauth.Credentials{Fields: []ginauth.Field{{Name: "tenant"}, {Name: "mail", Type: "email"}}}, "tenant", "mail", 10},
		{"by its name behind others", ginauth.Credentials{Fields: []ginauth.Field{{Name: "tenant"}, {Name: "Login"}}}, "tenant", "Login", 10},
		{"the first", ginauth.Credentials{Fields: []ginauth.Field{{Name: "pw", Type: "password"}, {Name: "card"}, {Name: "otp"}}}, "otp", "card", 10},
		{"said", ginauth.Credentials{Identifier: "card", Fields: []ginauth.Field{{Name: "username"}, {Name: "card"}}}, "username", "card", 10},
		{"no fields: username", ginauth.Credentials{}, "email", "username", 10},
		{"no fields: email", ginauth.Credentials{}, "username", "email", 10},
		{"nothing but passwords", ginauth.Credentials{Fields: []ginauth.Field{{Name: "pin", Type: "password"}}}, "x", "pin", 30},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			row.p.Authorize = func(*gin.Context, map[string]string) (*ginauth.User, error) { return nil, nil }
			a := newApp(t, ginauth.Options{Providers: []ginauth.Provider{row.p}, Now: new(movedClock).now})
			csrfToken, pair := csrfPair(csrfCookie)
			n := admitted(30, func(i int) answer {
				return a.form(t, "/api/auth/callback/credentials", url.Values{
					"csrfToken": {csrfToken}, row.same: {"ada"}, row.vary: {fmt.Sprint("x", i)}, "password": {wrong},
				}, "Cookie", pair)
			})
			if n != row.admits {
				t.Errorf("%d are admitted, want %d", n, row.admits)
			}
		})
	}
}

func TestLimits_Configuration(t *testing.T) {
	t.Parallel()
	t.Run("disabled", func(t *testing.T) {
		t.Parallel()
		a, _ := limited(t, ginauth.Options{Limits: ginauth.Limits{Disabled: true}})
		if n := admitted(130, func(int) answer { return a.try(t, "198.51.100.1", "ada", wrong) }); n != 130 {
			t.Errorf("%d tries are admitted", n)
		}
		if n := admitted(130, func(int) answer { return a.start(t, "198.51.100.1") }); n != 130 {
			t.Errorf("%d starts are admitted", n)
		}
	})
	t.Run("one of them has no limit", func(t *testing.T) {
		t.Parallel()
		a, _ := limited(t, ginauth.Options{Limits: ginauth.Limits{
			Guesses: ginauth.Rate{Count: -1}, AllGuesses: ginauth.Rate{Count: 25, Per: time.Hour},
		}})
		if n := admitted(40, func(int) answer { return a.try(t, "198.51.100.1", "ada", wrong) }); n != 25 {
			t.Errorf("%d tries are admitted", n)
		}
	})
	t.Run("faults", func(t *testing.T) {
		t.Parallel()
		_, err := ginauth.Register(gin.New(), ginauth.Options{
			Secret: testSecret,
			Providers: []ginauth.Provider{ginauth.Credentials{
				Identifier: "nick", Fields: []ginauth.Field{{Name: "username"}},
				Authorize: func(*gin.Context, map[string]string) (*ginauth.User, error) { return nil, nil },
			}},
			Limits: ginauth.Limits{
				Starts: ginauth.Rate{Count: 5}, Failures: ginauth.Rate{Per: time.Minute}, Guesses: ginauth.Rate{Count: 1, Per: -time.Second},
				AllGuesses: ginauth.Rate{Count: 1000, Per: time.Microsecond}, Mails: ginauth.Rate{Count: -1, Per: -1},
			},
		})
		if err == nil {
			t.Fatal("no fault found")
		}
		for _, want := range []string{
			"Limits.Starts is 5 in 0s; write for instance ginauth.Rate{Count: 120, Per: 1m0s}", "Limits.Failures is 0 in 1m0s",
			"Limits.Guesses is 1 in -1s", "Limits.AllGuesses is 1000 in 1µs", `Credentials.Identifier is "nick"`,
		} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%v does not say %s", err, want)
			}
		}
		if strings.Contains(err.Error(), "Mails") {
			t.Errorf("%v", err)
		}
	})
	t.Run("httptest", func(t *testing.T) {
		t.Parallel()
		a := newApp(t, ginauth.Options{Providers: []ginauth.Provider{members()}})
		for i := range 130 {
			csrfToken, pair := csrfPair(csrfCookie)
			body := url.Values{"csrfToken": {csrfToken}, "username": {fmt.Sprint("user", i)}}.Encode()
			req := httptest.NewRequest(http.MethodPost, a.URL+"/api/auth/callback/credentials", strings.NewReader(body))
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.Header.Set("Cookie", pair)
			w := httptest.NewRecorder()
			if a.engine.ServeHTTP(w, req); w.Code != http.StatusFound {
				t.Fatalf("the request %d: %d", i, w.Code)
			}
		}
	})
}

// In release mode a client on this machine is one like any other. The mode is the
// process's, so this test is not parallel.
func TestLimits_ReleaseMode(t *testing.T) {
	for mode, want := range map[string]int{gin.ReleaseMode: 100, gin.TestMode: 130} {
		gin.SetMode(mode)
		a := newApp(t, ginauth.Options{BaseURL: "http://localhost:8080", Providers: []ginauth.Provider{members()}, Now: new(movedClock).now})
		gin.SetMode(gin.TestMode)
		for _, peer := range []string{"127.0.0.1:1", "[::1]:1", "192.0.2.1:1234"} {
			n := admitted(130, func(i int) answer {
				return answer{Response: a.from(peer, nil, "/api/auth/callback/credentials", url.Values{"username": {fmt.Sprint("user", i, "of", peer)}})}
			})
			if n != want {
				t.Errorf("%s, from %s: %d failures are admitted, want %d", mode, peer, n, want)
			}
		}
	}
}

// A peer without an address is nobody's client, nor one with all others: a stranger's
// guesses there count with those of all clients alone.
func TestLimits_UnixSocket(t *testing.T) {
	t.Parallel()
	a := newApp(t, ginauth.Options{Providers: []ginauth.Provider{members()}, TrustedProxies: behindProxy, Now: new(movedClock).now})
	guess := func(name string) answer {
		return answer{Response: a.from("@", []string{"198.51.100.1"}, "/api/auth/callback/credentials", url.Values{"username": {name}})}
	}
	if n := admitted(130, func(i int) answer { return guess(fmt.Sprint("user", i)) }); n != 130 {
		t.Errorf("%d failures are admitted", n)
	}
	if n := admitted(130, func(int) answer { return guess("ada") }); n != 100 {
		t.Errorf("%d guesses are admitted", n)
	}
}

// A proxy on a Unix socket says who its clients are, where it is listed; and a peer whose
// address has no port, as AWS Lambda's adapter writes it, is a client like any other.
func TestLimits_ClientOfAnyPeer(t *testing.T) {
	t.Parallel()
	a := newApp(t, ginauth.Options{
		Providers: []ginauth.Provider{members()}, TrustedProxies: []netip.Prefix{ginauth.UnixSocket()}, Now: new(movedClock).now,
	})
	guess := func(peer string, forwarded []string, name string) answer {
		return answer{Response: a.from(peer, forwarded, "/api/auth/callback/credentials", url.Values{"username": {name}})}
	}
	for i, client := range [][2]string{{"@", "198.51.100.1"}, {"203.0.113.7", ""}, {"2001:db8::7", ""}, {"", "198.51.100.2"}} {
		var forwarded []string
		if client[1] != "" {
			forwarded = []string{client[1]}
		}
		if n := admitted(15, func(int) answer { return guess(client[0], forwarded, fmt.Sprint("ada", i)) }); n != 10 {
			t.Errorf("%q: %d guesses are admitted", client, n)
		}
		if n := admitted(130, func(j int) answer { return guess(client[0], forwarded, fmt.Sprint("user", i, "of", j)) }); n != 90 {
			t.Errorf("%q: %d more failures are admitted", client, n)
		}
	}
	if guess("@", []string{"198.51.100.3"}, "ada0").StatusCode != http.StatusFound {
		t.Error("another client of the proxy is refused")
	}
	_, err := ginauth.Register(gin.New(), ginauth.Options{Secret: testSecret, Providers: []ginauth.Provider{members()}, TrustedProxies: []netip.Prefix{{}}})
	if err == nil || !strings.Contains(err.Error(), "ginauth.UnixSocket()") {
		t.Errorf("a prefix that is none: %v", err)
	}
}

// A stranger without an address does not stand for all others who have none.
func TestLimits_NobodyIsEverybody(t *testing.T) {
	t.Parallel()
	a := newApp(t, ginauth.Options{Providers: []ginauth.Provider{members()}, Now: new(movedClock).now})
	for range 15 {
		a.from("@", nil, "/api/auth/callback/credentials", url.Values{"username": {"ada"}, "password": {wrong}})
	}
	if res := a.from("@", nil, "/api/auth/callback/credentials", url.Values{"username": {"ada"}, "password": {adasPassword}}); res.StatusCode != http.StatusFound {
		t.Errorf("the owner gets %d", res.StatusCode)
	}
}

// A try that gets no turn is told to come again, and holds no place.
func TestLimits_NoTurn(t *testing.T) {
	t.Parallel()
	var gate chan struct{}
	slow := members()
	slow.Authorize = func(c *gin.Context, typed map[string]string) (*ginauth.User, error) {
		<-gate
		return members().Authorize(c, typed)
	}
	a := newApp(t, ginauth.Options{Providers: []ginauth.Provider{slow}, Now: new(movedClock).now})
	try := func(user string) *http.Response {
		return a.from("198.51.100.1:1", nil, "/api/auth/callback/credentials", url.Values{"username": {user}, "password": {adasPassword}})
	}
	synctest.Test(t, func(t *testing.T) {
		gate = make(chan struct{})
		var in, refused atomic.Int32
		attempt := func(user string) {
			begun := time.Now()
			switch res := try(user); {
			case res.StatusCode == http.StatusFound:
				in.Add(1)
			case res.StatusCode == http.StatusTooManyRequests && res.Header.Get("Retry-After") == "1" && time.Since(begun) == 30*time.Second:
				refused.Add(1)
			}
		}
		for range 8 {
			go attempt("ada")
		}
		synctest.Wait()
		for range 20 {
			go attempt("ada")
		}
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if refused.Load() != 20 {
			t.Errorf("%d of 20 are told to come again in a second", refused.Load())
		}
		for i := range 24 { // the places that are left of the client's 32
			go attempt(fmt.Sprint("user", i))
		}
		synctest.Wait()
		close(gate)
		synctest.Wait()
		if in.Load() != 32 {
			t.Errorf("%d of 32 get in", in.Load())
		}
		for range 40 {
			go attempt("ada")
		}
		synctest.Wait()
		if in.Load() != 72 {
			t.Errorf("%d of 72 get in: places were kept", in.Load())
		}
	})
}
