package tests

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/internal/servertest"
	"github.com/ginauth/ginauth/oidc"
	"github.com/ginauth/ginauth/redisstore"
)

// steps are how far a clock is set at once, and then back.
var steps = []time.Duration{time.Hour, -time.Hour, -15 * time.Second}

// A clock that is set signs nobody out and lengthens no session by more than it was
// wrong. A session that is due to be sealed again is, once the clock is there.
func TestFault_ClockSteps(t *testing.T) {
	t.Parallel()
	for name, store := range map[string]func() ginauth.SessionStore{
		"sealed": func() ginauth.SessionStore { return nil }, "stored": memoryStore,
	} {
		for _, step := range steps {
			t.Run(fmt.Sprint(name, step), func(t *testing.T) {
				t.Parallel()
				c := newClock()
				c.seconds.Store(time.Now().Unix())
				a := membersApp(t, ginauth.Options{Now: c.now, Session: ginauth.SessionOptions{Store: store()}})
				set := func(d time.Duration) { c.seconds.Add(int64(d / time.Second)) }
				before, meanwhile := a.browser(t), a.browser(t)
				before.signInAs("ada")
				set(step)
				before.is("ada")
				meanwhile.signInAs("grace")
				set(-step)
				for b, name := range map[*browser]string{before: "ada", meanwhile: "grace"} {
					b.is(name)
					var out struct{ Expires time.Time }
					decode(t, b.get("/me").body, &out)
					if end := c.now().Add(30*day + max(step, 0)); out.Expires.After(end) {
						t.Errorf("%s's session ends at %v, later than %v", name, out.Expires, end)
					}
				}
				// UpdateAge is a day, and the clock is set back just before.
				set(day + max(step, 0) - time.Second)
				set(-time.Hour)
				before.passes()
				set(time.Hour + time.Second)
				before.passes()
				set(30*day - 2*time.Hour)
				before.is("ada") // it was sealed again
				if log := a.log.String(); log != "" {
					t.Errorf("the log: %s", log)
				}
			})
		}
	}
}

// passes fails the test unless the guard lets this browser through.
func (b *browser) passes() {
	b.t.Helper()
	if res := b.get("/me"); res.StatusCode != http.StatusOK {
		b.t.Errorf("/me answered %d %s", res.StatusCode, res.body)
	}
}

// A clock that is set while somebody is at the provider costs at most that one
// sign-in. One that stays wrong by more than five minutes refuses the id_tokens of
// a provider whose clock is right.
func TestFault_ClockStepsSignIn(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		e      string
		step   time.Duration
		begun  bool // the sign-in under way succeeds
		wrong  bool // one that begins with the wrong clock does
		logged string
	}{
		{"github", time.Hour, false, true, "belongs to no sign-in of this browser"},
		{"github", 14 * time.Minute, true, true, ""},
		{"github", -time.Hour, true, true, ""},
		{"github", -15 * time.Second, true, true, ""},
		{"oidc", time.Hour, false, false, "expired"},
		{"oidc", 14 * time.Minute, true, true, ""},
		{"oidc", -time.Hour, false, false, "future"},
		{"oidc", -15 * time.Second, true, true, ""},
	} {
		t.Run(fmt.Sprint(row.e, row.step), func(t *testing.T) {
			t.Parallel()
			idp := newIDP(t, ginauthtest.Config{People: people(1)})
			c := &mailClock{}
			opts := viaGitHub.options(t, idp)
			opts.Now = c.now
			opts.Providers = append(opts.Providers, ginauth.OAuth{Provider: oidc.New(oidc.Config{
				Name: "oidc", Issuer: idp.Issuer(), ClientID: idp.ClientID(), ClientSecret: idp.ClientSecret(), Now: c.now,
			})})
			a := newApp(t, opts)
			b := a.browser(t)
			callback := approve(t, idp, b.begin(row.e, "/")).String()
			c.move(row.step)
			res := b.get(callback)
			if res.signedIn() != row.begun {
				t.Errorf("the sign-in under way leads to %s: %s", res.Header.Get("Location"), a.log)
			}
			if !row.begun {
				res.refused(t, "OAuthCallback")
			}
			if res := b.signIn(idp, row.e); res.signedIn() != row.wrong {
				t.Errorf("the next one leads to %s: %s", res.Header.Get("Location"), a.log)
			}
			c.move(-row.step)
			if !b.signIn(idp, row.e).signedIn() {
				t.Errorf("with the right clock nobody gets in: %s", a.log)
			}
			if log := a.log.String(); !strings.Contains(log, row.logged) || (row.logged == "") != (log == "") {
				t.Errorf("the log: %s", log)
			}
		})
	}
}

// A link in a mail works for as long as it should, give or take the step, and once.
func TestFault_ClockStepsMail(t *testing.T) {
	t.Parallel()
	for _, step := range steps {
		t.Run(step.String(), func(t *testing.T) {
			t.Parallel()
			a := newMailApp(t, ginauth.Email{}, ginauth.Options{})
			b := a.browser(t)
			link := a.asksFor(t, b, "ada@example.com")
			late := a.asksFor(t, b, "grace@example.com")
			a.clock.move(step)
			if !b.press(link).signedIn() {
				t.Errorf("the link does not work: %s", a.log)
			}
			a.clock.move(-step)
			if a.browser(t).press(link).signedIn() {
				t.Error("the link works twice")
			}
			a.clock.move(25 * time.Hour)
			if res := a.browser(t).press(late); res.signedIn() {
				t.Error("the link works after a day")
			}
			a.clock.move(-25 * time.Hour)
			if a.browser(t).press(late).signedIn() {
				t.Error("a link that was refused as too old works")
			}
			fresh := a.browser(t)
			if !fresh.press(a.asksFor(t, fresh, "grace@example.com")).signedIn() {
				t.Errorf("a new link does not work: %s", a.log)
			}
		})
	}
}

// A clock that is set back gives a guesser no further tries and locks nobody up for
// longer than before; one that is set forward gives back what that time would.
func TestFault_ClockStepsLimits(t *testing.T) {
	t.Parallel()
	for _, step := range steps {
		t.Run(step.String(), func(t *testing.T) {
			t.Parallel()
			a, clock := limited(t, ginauth.Options{})
			guess := func(int) answer { return a.try(t, "198.51.100.1", "ada", wrong) }
			if n := admitted(11, guess); n != 10 {
				t.Fatalf("%d guesses are admitted", n)
			}
			clock.move(step)
			if step > 0 {
				if n := admitted(11, guess); n != 10 {
					t.Errorf("%d guesses are admitted an hour later", n)
				}
				return
			}
			res := guess(0)
			if res.StatusCode != http.StatusTooManyRequests || res.retryAfter(t) > time.Minute {
				t.Fatalf("%d, to wait is %s", res.StatusCode, res.Header.Get("Retry-After"))
			}
			clock.move(res.retryAfter(t))
			if n := admitted(3, guess); n != 1 {
				t.Errorf("%d guesses are admitted then", n)
			}
		})
	}
}

// A process believes what it has heard of revocations for five seconds, and not for
// an hour longer when the clock is set back by that. Who was signed out stays out.
func TestFault_ClockStepsRevocations(t *testing.T) {
	t.Parallel()
	for _, step := range steps {
		t.Run(step.String(), func(t *testing.T) {
			t.Parallel()
			c := newClock()
			c.seconds.Store(time.Now().Unix())
			client := redisClient(t, servertest.Redis(t))
			open := func() *app {
				return membersApp(t, ginauth.Options{Now: c.now, BaseURL: "http://127.0.0.1", Session: ginauth.SessionOptions{
					Revocations: redisstore.NewRevocations(client, redisstore.Options{Now: c.now}),
				}})
			}
			one, two := open(), open()
			csrfToken, pair := csrfPair(csrfCookie)
			res := one.form(t, "/api/auth/callback/credentials", url.Values{
				"csrfToken": {csrfToken}, "username": {"ada"}, "password": {adasPassword},
			}, "Cookie", pair)
			cookies := sessionCookie + "=" + setCookies(res)[sessionCookie].Value
			if one.who(t, cookies) == "" || two.who(t, cookies) == "" {
				t.Fatal("she is not signed in")
			}
			c.seconds.Add(int64(step / time.Second))
			if err := two.auth.RevokeUser(t.Context(), "u-ada"); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if one.who(t, cookies) != "" || two.who(t, cookies) != "" {
					t.Error("she is still signed in")
				}
				c.seconds.Add(-int64(step / time.Second))
			}
		})
	}
}

// A clock that is far ahead for a moment brings no session back that was ended
// before, whether somebody else is signed out in that moment or behind it.
func TestFault_ClockAheadRevocations(t *testing.T) {
	t.Parallel()
	for _, meanwhile := range []bool{true, false} {
		t.Run(fmt.Sprint(meanwhile), func(t *testing.T) {
			t.Parallel()
			c := newClock()
			c.seconds.Store(time.Now().Unix())
			a := membersApp(t, ginauth.Options{Now: c.now, Session: ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()}})
			end := func(userID string) {
				if err := a.auth.RevokeUser(t.Context(), userID); err != nil {
					t.Fatal(err)
				}
			}
			ada, grace := a.browser(t), a.browser(t)
			ada.signInAs("ada")
			grace.signInAs("grace")
			end("u-ada")
			const ahead = int64(60 * day / time.Second)
			c.seconds.Add(ahead)
			if meanwhile {
				end("u-grace")
			} else {
				a.browser(t).signInAs("grace")
			}
			c.seconds.Add(-ahead)
			end("u-grace")
			for _, b := range []*browser{ada, grace} {
				if res := b.get("/me"); res.StatusCode == http.StatusOK {
					t.Errorf("a session is back: %s", res.body)
				}
			}
		})
	}
}
