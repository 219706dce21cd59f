package tests

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/servertest"
	"github.com/ginauth/ginauth/redisstore"
)

// What a refusal looks like to a person, to next-auth's clients and to htmx.
func TestLimits_Refusal(t *testing.T) {
	t.Parallel()
	const query = "/api/auth/error?error=RateLimited&retryAfter=60"
	exhausted := func(t *testing.T, opts ginauth.Options) *app {
		a, _ := limited(t, opts)
		admitted(10, func(int) answer { return a.try(t, "198.51.100.1", "ada", wrong) })
		return a
	}
	t.Run("page", func(t *testing.T) {
		t.Parallel()
		a := exhausted(t, ginauth.Options{})
		res := a.try(t, "198.51.100.1", "ada", wrong, "Sec-Fetch-Mode", "navigate")
		if res.StatusCode != 429 || res.Header.Get("Retry-After") != "60" || res.Header.Get("Cache-Control") == "" ||
			!strings.Contains(res.body, "Please wait 60 seconds and try again.") || !strings.Contains(res.body, "Too many attempts") {
			t.Errorf("%d %v %s", res.StatusCode, res.Header, res.body)
		}
		page := a.send(t, http.MethodGet, query, "")
		if page.StatusCode != 429 || !strings.Contains(page.body, "Please wait 60 seconds") {
			t.Errorf("the error page: %d %s", page.StatusCode, page.body)
		}
		for link, want := range map[string]string{
			"RateLimited": "wait a moment", "RateLimited&retryAfter=-1": "wait a moment", "RateLimited&retryAfter=<b>": "wait a moment",
			"RateLimited&retryAfter=4000000000": "wait 24 hours", "RateLimited&retryAfter=99999999999999999999": "wait a moment",
			"ratelimited&retryAfter=300": "wait 5 minutes",
		} {
			if page := a.send(t, http.MethodGet, "/api/auth/error?error="+link, ""); !strings.Contains(page.body, want) {
				t.Errorf("%s does not say %s: %s", link, want, page.body)
			}
		}
		log := a.log.String()
		if n := strings.Count(log, `level=INFO msg="ginauth: sign-in refused" provider=credentials code=RateLimited client=198.51.100.1`); n != 1 || strings.Contains(log, "ada") {
			t.Errorf("the log: %s", log)
		}
		for range 5 {
			a.try(t, "198.51.100.1", "ada", wrong)
		}
		if n := strings.Count(a.log.String(), `msg="ginauth: too many attempts to sign in"`); n != 1 {
			t.Errorf("%d warnings: %s", n, a.log)
		}
	})
	t.Run("client", func(t *testing.T) {
		t.Parallel()
		a := exhausted(t, ginauth.Options{})
		csrfToken, pair := csrfPair(csrfCookie)
		res := a.form(t, "/api/auth/callback/credentials", url.Values{
			"csrfToken": {csrfToken}, "username": {"ada"}, "password": {adasPassword}, "json": {"true"},
		}, "Cookie", pair, "X-Forwarded-For", "198.51.100.1")
		var out struct{ URL string }
		decode(t, res.body, &out)
		if res.StatusCode != 429 || out.URL != a.URL+query || res.Header.Get("Retry-After") != "60" || res.signedIn() {
			t.Errorf("%d %s %v", res.StatusCode, res.body, res.Header)
		}
	})
	t.Run("client of next-auth 5", func(t *testing.T) {
		t.Parallel()
		a := exhausted(t, ginauth.Options{Session: ginauth.SessionOptions{Format: ginauth.AuthJSV5}, Cookies: ginauth.CookieOptions{Prefix: "next-auth"}})
		res := a.try(t, "198.51.100.1", "ada", wrong, "X-Auth-Return-Redirect", "1")
		var out struct{ URL string }
		decode(t, res.body, &out)
		if res.StatusCode != 429 || out.URL != a.URL+query {
			t.Errorf("%d %s", res.StatusCode, res.body)
		}
	})
	t.Run("htmx", func(t *testing.T) {
		t.Parallel()
		a := exhausted(t, ginauth.Options{})
		res := a.try(t, "198.51.100.1", "ada", wrong, "HX-Request", "true")
		if res.StatusCode != 429 || res.Header.Get("HX-Redirect") != a.URL+query || res.Header.Get("Location") != "" {
			t.Errorf("%d %v", res.StatusCode, res.Header)
		}
	})
	t.Run("own page, own text", func(t *testing.T) {
		t.Parallel()
		a := exhausted(t, ginauth.Options{Pages: ginauth.Pages{Error: "/oops?x=1"}})
		res := a.try(t, "198.51.100.1", "ada", wrong)
		if res.StatusCode != 302 || res.Header.Get("Location") != a.URL+query || res.Header.Get("Retry-After") != "60" {
			t.Errorf("%d %v", res.StatusCode, res.Header)
		}
		if got := a.send(t, http.MethodGet, query, "").Header.Get("Location"); got != "/oops?x=1&error=RateLimited&retryAfter=60" {
			t.Errorf("leads to %s", got)
		}
		b := exhausted(t, ginauth.Options{Texts: ginauth.Texts{
			RateLimitedTitle: "Langsam", Errors: map[string]string{"RateLimited": "In {minutes} min wieder."},
		}})
		if res := b.try(t, "198.51.100.1", "ada", wrong); !strings.Contains(res.body, "In 1 min wieder.") || !strings.Contains(res.body, "Langsam") {
			t.Errorf("%s", res.body)
		}
	})
}

// Two applications count together in Redis, and each for itself while it is gone.
func TestLimits_Redis(t *testing.T) {
	t.Parallel()
	server := servertest.Redis(t)
	client := redisClient(t, server)
	clock := &movedClock{}
	one, two := &app{}, &app{}
	for _, a := range []*app{one, two} {
		*a = *newApp(t, ginauth.Options{
			Providers: []ginauth.Provider{members()}, TrustedProxies: behindProxy, Now: clock.now,
			Limits: ginauth.Limits{Limiter: redisstore.NewLimiter(client, redisstore.Options{Now: clock.now})},
		})
	}
	either := func(user, password string) func(i int) answer {
		return func(i int) answer {
			return []*app{one, two}[i%2].try(t, "198.51.100.1", user, password)
		}
	}
	if n := admitted(40, either("grace", adasPassword)); n != 40 {
		t.Fatalf("%d right ones are admitted", n)
	}
	if n := client.DBSize(t.Context()).Val(); n != 1 { // that of her Successes
		t.Errorf("they left %d keys", n)
	}
	if n := admitted(30, either("ada", wrong)); n != 10 {
		t.Errorf("%d guesses are admitted", n)
	}
	for _, key := range client.Keys(t.Context(), "*").Val() {
		if strings.Contains(key, "ada") || strings.Contains(key, "198") {
			t.Errorf("the key %s", key)
		}
	}
	if wait := two.try(t, "198.51.100.1", "ada", wrong).retryAfter(t); wait != time.Minute {
		t.Errorf("it is to wait %v", wait)
	}
	clock.move(time.Minute)
	if n := admitted(6, either("ada", wrong)); n != 1 {
		t.Errorf("%d guesses are admitted a minute later", n)
	}

	server.Stop()
	// Each knows what it has admitted itself: 5 of its 10 places, and for one the
	// guess of just now.
	left := admitted(20, func(int) answer { return one.try(t, "198.51.100.1", "ada", wrong) }) +
		admitted(20, func(int) answer { return two.try(t, "198.51.100.1", "ada", wrong) })
	if left < 8 || left > 12 {
		t.Errorf("%d guesses are admitted while Redis is gone", left)
	}
	if !one.try(t, "198.51.100.1", "grace", adasPassword).signedIn() {
		t.Error("nobody gets in while Redis is gone")
	}
	if log := one.log.String(); strings.Count(log, "this process counts alone") != 1 || strings.Contains(log, "ada") {
		t.Errorf("the log: %s", log)
	}
	server.Start()
	clock.move(6 * time.Second)
	if n := admitted(4, func(i int) answer { return either("edsger", wrong)(i) }); n != 4 || client.DBSize(t.Context()).Val() == 0 {
		t.Errorf("%d are admitted, and Redis has %d keys", n, client.DBSize(t.Context()).Val())
	}

	server.Pause() // it hangs: one request waits for it, the next do not
	defer server.Resume()
	begun := time.Now()
	if n := admitted(6, func(int) answer { return one.try(t, "198.51.100.1", "alan", wrong) }); n != 6 {
		t.Errorf("%d are admitted while Redis hangs", n)
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("that took %v", took)
	}
}

// A clock that is set back while the Limiter pauses does not make the pause longer.
func TestLimits_ClockSetBack(t *testing.T) {
	t.Parallel()
	server := servertest.Redis(t)
	client, clock := redisClient(t, server), &movedClock{}
	a := newApp(t, ginauth.Options{
		Providers: []ginauth.Provider{members()}, TrustedProxies: behindProxy, Now: clock.now,
		Limits: ginauth.Limits{Limiter: redisstore.NewLimiter(client, redisstore.Options{Now: clock.now})},
	})
	server.Stop()
	a.try(t, "198.51.100.1", "ada", wrong)
	server.Start()
	clock.move(-time.Hour)
	for range 5 { // what is left of the old connections fails once more, and the pause begins again
		a.try(t, "198.51.100.1", "ada", wrong)
		clock.move(-time.Hour)
	}
	if n := client.DBSize(t.Context()).Val(); n == 0 {
		t.Errorf("Redis is not asked again: %s", a.log)
	}
}
