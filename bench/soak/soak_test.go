package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/internal/token"
)

var people = []ginauthtest.Person{{Subject: "ada", Email: "ada@example.com", EmailVerified: true}}

// newSite runs the application, with what is in front of it, and a browser at it.
func newSite(t *testing.T, inFront func(http.Handler) http.Handler) *browser {
	t.Helper()
	idp, err := ginauthtest.NewProvider(ginauthtest.Config{People: people})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = idp.Close() })
	server := httptest.NewUnstartedServer(nil)
	app, err := application(setup{
		Issuer: idp.Issuer(), ClientID: idp.ClientID(), ClientSecret: idp.ClientSecret(), Secret: token.Random(),
	}, "http://"+server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = inFront(app)
	server.Start()
	t.Cleanup(server.Close)
	b := newBrowser(1, server.URL, false, people)
	t.Cleanup(b.leave)
	return b
}

func honest(app http.Handler) http.Handler { return app }

// take takes steps one after the other, and fails at the first error.
func take(t *testing.T, b *browser, steps ...func(*browser) error) {
	t.Helper()
	for i, step := range steps {
		if err := step(b); err != nil {
			t.Fatalf("step %d: %v", i+1, err)
		}
	}
}

func TestBrowser(t *testing.T) {
	t.Parallel()
	b := newSite(t, honest)
	take(t, b,
		(*browser).signedOut, (*browser).forged, (*browser).read, (*browser).signIn, (*browser).guarded, (*browser).read,
		(*browser).update, (*browser).guarded, (*browser).read, (*browser).forged, (*browser).signedOut,
		(*browser).signOut, (*browser).read, (*browser).signIn, (*browser).guarded)
	if b.note != "" {
		t.Errorf("the new session has the note %q", b.note)
	}
}

// TestBrowser_FindsOut has a site that answers wrongly from when the browser has
// signed in.
func TestBrowser_FindsOut(t *testing.T) {
	t.Parallel()
	text := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	for _, test := range []struct {
		name  string
		wrong http.HandlerFunc
		step  func(*browser) error
		want  string
	}{
		{"another's page", text(200, `{"id":"grace","email":"grace@example.com","note":""}`), (*browser).guarded, "of {ID:grace"},
		{"an older note", text(200, `{"id":"ada","email":"ada@example.com","note":"old"}`), (*browser).guarded, "Note:old"},
		{"a 500", text(500, `{}`), (*browser).guarded, "answered 500"},
		{"no JSON", text(200, `<html>`), (*browser).guarded, "answered 200 <html>"},
		{"a lost session", text(200, `{}`), (*browser).read, "want {User:{Email:ada@example.com}"},
		{"another's session", text(200, `{"user":{"email":"grace@example.com"}}`), (*browser).read, "grace"},
		{"an update without effect", text(200, `{"user":{"email":"ada@example.com"}}`), (*browser).update, "the session is"},
		{"another's token", text(200, `{"id":"ada","atProvider":"grace"}`), (*browser).profile, "AtProvider:grace"},
		{"open to nobody", text(200, `{"id":"","email":""}`), (*browser).signedOut, "want 401"},
		{"open to a forged cookie", text(200, `{"id":"ada","email":"ada@example.com"}`), (*browser).forged, "want 401"},
		{"another 401", text(401, `no`), (*browser).forged, "want 401 SessionRequired"},
		{"a cookie that stays", text(200, `{"url":"/"}`), (*browser).signOut, "signing out leads to"},
		{"too many sign-ins", text(429, `{}`), (*browser).signIn, "answered 429"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			lie := make(chan struct{})
			b := newSite(t, func(app http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					select {
					case <-lie:
						test.wrong(w, r)
					default:
						app.ServeHTTP(w, r)
					}
				})
			})
			take(t, b, (*browser).signIn, (*browser).guarded)
			close(lie)
			if err := test.step(b); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}

// down answers 502 to the requests of which fails is true.
func down(fails func(n int64) bool) func(http.Handler) http.Handler {
	var requests atomic.Int64
	return func(app http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if fails(requests.Add(1)) {
				http.Error(w, "down", http.StatusBadGateway)
				return
			}
			app.ServeHTTP(w, r)
		})
	}
}

// TestLoad has a site that fails a single time.
func TestLoad(t *testing.T) {
	t.Parallel()
	l := &load{browsers: []*browser{newSite(t, down(func(n int64) bool { return n == 10 }))}}
	quarters := 0
	if err := l.run(t.Context(), 400*time.Millisecond, func(int) error { quarters++; return nil }); err != nil {
		t.Fatal(err)
	}
	if quarters != 4 || len(l.errors) != 1 || !strings.Contains(l.errors[0].Error(), "502") {
		t.Errorf("%d quarters, errors: %v", quarters, l.errors)
	}
	steps := 0
	for _, took := range l.total {
		steps += len(took)
	}
	if steps == 0 || l.worked < 400*time.Millisecond {
		t.Errorf("%d steps in %v", steps, l.worked)
	}
}

func TestLoad_GivesUp(t *testing.T) {
	t.Parallel()
	l := &load{browsers: []*browser{newSite(t, down(func(int64) bool { return true }))}}
	err := l.run(t.Context(), time.Hour, func(int) error { return nil })
	if !errors.Is(err, context.Canceled) || len(l.errors) < maxErrors {
		t.Errorf("%v, errors: %v", err, l.errors)
	}
}

func TestLoad_StopsAtAFault(t *testing.T) {
	t.Parallel()
	l := &load{browsers: []*browser{newSite(t, honest)}}
	fault := errors.New("no vitals")
	if err := l.run(t.Context(), 40*time.Millisecond, func(int) error { return fault }); !errors.Is(err, fault) {
		t.Errorf("%v", err)
	}
}

func TestGrown(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	for _, test := range []struct {
		name     string
		heaps    [4]uint64
		signOuts [4]int
		updates  [4]int
		grown    bool
	}{
		{"flat", [4]uint64{20 * mib, 20 * mib, 20 * mib, 20 * mib}, [4]int{}, [4]int{}, false},
		{"shrinks", [4]uint64{20 * mib, 9 * mib, 8 * mib, 7 * mib}, [4]int{}, [4]int{}, false},
		{"to the byte", [4]uint64{20 * mib, 23 * mib, 23 * mib, 23 * mib}, [4]int{}, [4]int{}, false},
		{"beyond", [4]uint64{20 * mib, 20 * mib, 20 * mib, 23*mib + 1}, [4]int{}, [4]int{}, true},
		{"beyond meanwhile", [4]uint64{20 * mib, 40 * mib, 20 * mib, 20 * mib}, [4]int{}, [4]int{}, true},
		{"with its sign-outs", [4]uint64{20 * mib, 24 * mib, 25 * mib, 26 * mib}, [4]int{4096, 8192, 12288, 16384}, [4]int{}, false},
		{"by more than its sign-outs", [4]uint64{20 * mib, 24 * mib, 25 * mib, 26*mib + 1}, [4]int{4096, 8192, 12288, 16384}, [4]int{}, true},
		{"with more sign-outs than are remembered", [4]uint64{20 * mib, 20 * mib, 20 * mib, 39*mib + 1}, [4]int{0, 0, 0, 1_000_000}, [4]int{}, true},
		{"with its updates", [4]uint64{20 * mib, 26 * mib, 29 * mib, 32 * mib}, [4]int{}, [4]int{4096, 8192, 12288, 16384}, false},
		{"by more than its updates", [4]uint64{20 * mib, 26 * mib, 29 * mib, 32*mib + 1}, [4]int{}, [4]int{4096, 8192, 12288, 16384}, true},
		{"with more updates than are remembered", [4]uint64{20 * mib, 20 * mib, 20 * mib, 71*mib + 1}, [4]int{}, [4]int{0, 0, 0, 1_000_000}, true},
	} {
		var quarters []look
		for i, heap := range test.heaps {
			quarters = append(quarters, look{"then", vital{Heap: heap}, counts{test.signOuts[i], test.updates[i]}})
		}
		if err := grown(quarters); (err != nil) != test.grown {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

func TestQuantile(t *testing.T) {
	t.Parallel()
	var hundred []time.Duration
	for i := range 100 {
		hundred = append(hundred, time.Duration(i+1))
	}
	for _, test := range []struct {
		of   []time.Duration
		q    float64
		want time.Duration
	}{
		{hundred, 0.5, 51}, {hundred, 0.99, 100}, {hundred, 0, 1}, {hundred, 1, 100}, {hundred[:1], 0.5, 1},
	} {
		if got := quantile(test.of, test.q); got != test.want {
			t.Errorf("%v of %d: %d, want %d", test.q, len(test.of), got, test.want)
		}
	}
}

// TestVitals sees a heap and a goroutine that were not there before.
func TestVitals(t *testing.T) {
	server := httptest.NewServer(vitals())
	defer server.Close()
	addr := server.Listener.Addr().String()
	before, err := ask(addr)
	if err != nil {
		t.Fatal(err)
	}
	stop, ballast := make(chan struct{}), make([]byte, 8<<20)
	go func() { <-stop; ballast[0] = 1 }()
	after, err := ask(addr)
	if err != nil {
		t.Fatal(err)
	}
	if after.Heap < before.Heap+7<<20 || after.Goroutines <= before.Goroutines {
		t.Errorf("before %+v, after %+v", before, after)
	}
	if stacks, err := fetch(addr, "goroutines"); err != nil || !strings.Contains(string(stacks), "TestVitals") {
		t.Errorf("the stacks do not name this test's goroutine: %v\n%s", err, stacks)
	}
	if heap, err := fetch(addr, "heap"); err != nil || len(heap) == 0 {
		t.Errorf("a heap profile of %d bytes, %v", len(heap), err)
	}
	close(stop)
}
