package ginauth_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

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
