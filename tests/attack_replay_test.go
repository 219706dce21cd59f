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

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
)

// counted are options that count sign-ins.
func counted(opts ginauth.Options, n *atomic.Int32) ginauth.Options {
	opts.Events.SignIn = func(*gin.Context, ginauth.SignInEvent) { n.Add(1) }
	return opts
}

func TestAttack27_CallbackTwice(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		for _, times := range []int{2, 20} {
			t.Run(e.name+map[int]string{2: "/one after another", 20: "/at once"}[times], func(t *testing.T) {
				t.Parallel()
				idp := newIDP(t, ginauthtest.Config{People: people(1)})
				var events atomic.Int32
				a := newApp(t, counted(e.options(t, idp), &events))
				b := a.browser(t)
				callback := approve(t, idp, b.begin(e.name, "/")).String()
				var cookies []string
				for _, c := range b.cookies() {
					cookies = append(cookies, c.Name+"="+c.Value)
				}
				sessions := make([]string, times)
				var wg sync.WaitGroup
				for i := range times {
					click := func() {
						req, err := http.NewRequest(http.MethodGet, callback, nil)
						if err != nil {
							return
						}
						req.Header.Set("Cookie", strings.Join(cookies, "; "))
						res, err := http.DefaultTransport.RoundTrip(req)
						if err != nil {
							return
						}
						defer res.Body.Close()
						for _, c := range res.Cookies() {
							if c.Name == sessionCookie {
								sessions[i] = c.Value
							}
						}
					}
					wg.Go(click)
					if times == 2 {
						wg.Wait()
					}
				}
				wg.Wait()
				ids := map[any]int{}
				for _, sealed := range sessions {
					if sealed == "" {
						t.Fatal("a click was not signed in")
					}
					ids[opened(t, forSession, sealed)["jti"]]++
				}
				if len(ids) != 1 || ids[nil] != 0 {
					t.Errorf("session ids %v", ids)
				}
				if n := len(idp.TokenRequests()); n != 1 {
					t.Errorf("%d token requests", n)
				}
				if events.Load() != 1 {
					t.Errorf("%d sign-in events", events.Load())
				}
			})
		}
	}
}

// A double click takes the connection away from the first callback, whose code
// is spent by then.
func TestAttack27_FirstClickCut(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			idp := newIDP(t, ginauthtest.Config{People: people(1)})
			b := e.app(t, idp).browser(t)
			callback := approve(t, idp, b.begin(e.name, "/")).String()
			arrived, release := make(chan struct{}), make(chan struct{})
			idp.TamperToken(func(map[string]any) { close(arrived); <-release })

			ctx, cut := context.WithCancel(t.Context())
			go func() { <-arrived; cut() }()
			if _, err := b.Do(b.request(http.MethodGet, callback, nil).WithContext(ctx)); err == nil {
				t.Fatal("the first click got an answer")
			}
			close(release)
			if !b.get(callback).signedIn() {
				t.Error("the second click was not signed in")
			}
			if n := accepted(idp); n != 1 {
				t.Errorf("%d token requests were accepted", n)
			}
		})
	}
}

// What a callback led to is remembered for the browser that sends it twice, and
// for nobody else: neither long, nor with another code, nor after the sign-out.
func TestAttack27_Remembered(t *testing.T) {
	t.Parallel()
	signOut := func(b *browser) { b.post("/api/auth/signout", url.Values{"csrfToken": {b.csrf()}}) }
	for _, row := range []struct {
		name   string
		after  int64 // seconds
		code   string
		before func(t *testing.T, idp *ginauthtest.Provider, b *browser)
		again  bool
	}{
		{name: "at once", again: true},
		{name: "within a minute", after: 58, again: true},
		{name: "later", after: 61},
		{name: "another code", code: "made-up"},
		{name: "no code", code: "-"},
		{name: "after the sign-out", before: func(_ *testing.T, _ *ginauthtest.Provider, b *browser) { signOut(b) }},
		{name: "after the sign-out with a later token", before: func(_ *testing.T, _ *ginauthtest.Provider, b *browser) {
			b.get("/api/auth/session")
			signOut(b)
		}},
		{name: "after another person's sign-out", again: true, before: func(t *testing.T, idp *ginauthtest.Provider, b *browser) {
			other := b.app.browser(t)
			other.get(as(t, idp, other.begin("github", "/"), "1002").String())
			signOut(other)
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			idp := newIDP(t, ginauthtest.Config{People: people(2)})
			clock := newClock()
			clock.seconds.Store(time.Now().Unix())
			opts := viaGitHub.options(t, idp)
			opts.Now = clock.now
			a := newApp(t, opts)
			b := a.browser(t)
			callback := approve(t, idp, b.begin("github", "/"))
			var pairs []string
			for _, c := range b.cookies() {
				pairs = append(pairs, c.Name+"="+c.Value)
			}
			b.get(callback.String())
			first := b.cookie(sessionCookie)
			if first == "" {
				t.Fatal("nobody was signed in")
			}
			if row.before != nil {
				row.before(t, idp, b)
			}
			clock.seconds.Add(row.after)
			target := callback.String()
			if row.code != "" {
				target = with(callback, "code", strings.Trim(row.code, "-"))
			}
			res := a.send(t, http.MethodGet, target, "", "Cookie", strings.Join(pairs, "; "))
			if !row.again {
				res.refused(t, "OAuthCallback")
				return
			}
			if c := setCookies(res)[sessionCookie]; c == nil || c.Value != first {
				t.Errorf("%d, leads to %s, with %q", res.StatusCode, res.Header.Get("Location"), res.Header["Set-Cookie"])
			}
		})
	}
}
