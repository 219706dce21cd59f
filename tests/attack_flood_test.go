package tests

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/ginauth/ginauth/ginauthtest"
)

const (
	maxTransactions = 4
	maxTransaction  = 600 // bytes, name and value
)

// Ten thousand starts by one client leave nothing in the server, and in the
// browser only the last ones. Memory is the process's, so this test is not
// parallel.
func TestAttack54_StartsFlooded(t *testing.T) {
	const starts = 10_000
	idp := newIDP(t, ginauthtest.Config{People: people(1)})
	a := viaGitHub.app(t, idp)
	b := a.browser(t)
	first := b.begin("github", "/")
	form := url.Values{"csrfToken": {b.csrf()}, "callbackUrl": {"/"}}
	var last string
	start := func() {
		res := b.post("/api/auth/signin/github", form)
		if last = res.Header.Get("Location"); !strings.Contains(last, "state=") {
			t.Fatalf("answered %d and leads to %q", res.StatusCode, last)
		}
		open := b.transactions()
		if len(open) == 0 || len(open) > maxTransactions {
			t.Fatalf("the browser keeps %d transactions", len(open))
		}
		for _, c := range open {
			if n := len(c.Name) + len(c.Value); n > maxTransaction {
				t.Fatalf("a transaction cookie has %d bytes", n)
			}
		}
	}
	held := func() int64 {
		var stats runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&stats)
		return int64(stats.HeapAlloc)
	}
	for range 100 { // what is made once is made
		start()
	}
	before := held()
	for range starts {
		start()
	}
	if grown := held() - before; grown > starts*64 {
		t.Errorf("%d starts left %d bytes in the server", starts, grown)
	}
	b.get(approve(t, idp, first).String()).refused(t, "OAuthCallback")
	if !b.get(approve(t, idp, last).String()).signedIn() {
		t.Error("the last sign-in could not be finished")
	}
}

// The four last sign-ins of one browser can all be finished.
func TestAttack54_FourTabs(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			idp := newIDP(t, ginauthtest.Config{People: people(1)})
			b := e.app(t, idp).browser(t)
			var tabs []string
			for range maxTransactions + 2 {
				tabs = append(tabs, b.begin(e.name, "/"))
			}
			for i, authURL := range tabs {
				if got := b.get(approve(t, idp, authURL).String()).signedIn(); got != (i >= 2) {
					t.Errorf("tab %d: signed in %v", i, got)
				}
			}
			if n := len(b.transactions()); n != 0 {
				t.Errorf("%d transactions are left", n)
			}
		})
	}
}

// A browser full of transaction cookies, made up or real, starts a sign-in all
// the same and is cleaned up.
func TestAttack54_JunkTransactions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		n    int
		junk func(b *browser, i int) (name, value string)
	}{
		{"text", 150, func(_ *browser, i int) (string, string) {
			return fmt.Sprintf("%s.junk%d", transactionCookie, i), "junk"
		}},
		{"long", 40, func(_ *browser, i int) (string, string) {
			return fmt.Sprintf("%s.junk%d", transactionCookie, i), strings.Repeat("e", 3900)
		}},
		{"sealed", 60, func(b *browser, i int) (string, string) {
			own := b.transactions()[0]
			return fmt.Sprintf("%s.copy%d", transactionCookie, i), own.Value
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			idp := newIDP(t, ginauthtest.Config{People: people(1)})
			b := viaGitHub.app(t, idp).browser(t)
			b.begin("github", "/")
			for i := range tt.n {
				b.plant(tt.junk(b, i))
			}
			req := b.request(http.MethodPost, "/api/auth/signin/github", url.Values{"csrfToken": {b.csrf()}})
			res, err := b.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
			if n := len(b.transactions()); n > maxTransactions {
				t.Errorf("the browser keeps %d transactions", n)
			}
			if !b.get(approve(t, idp, res.Header.Get("Location")).String()).signedIn() {
				t.Error("the sign-in could not be finished")
			}
		})
	}
}

// Real transaction cookies cost a decryption each: beyond the first sixteen, which
// no honest browser has, they go unread. So do those that have expired.
func TestAttack54_RealTransactions(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{People: people(1)})
	clock := newClock()
	opts := viaGitHub.options(t, idp)
	opts.Now = clock.now
	a := newApp(t, opts)
	csrf, pair := csrfPair(csrfCookie)
	start := func(cookies string) answer {
		return a.form(t, "/api/auth/signin/github", url.Values{"csrfToken": {csrf}}, "Cookie", pair+cookies)
	}
	transaction := func(res answer) (name, value string) {
		for _, c := range res.Cookies() {
			if strings.HasPrefix(c.Name, transactionCookie+".") && c.MaxAge > 0 {
				return c.Name, c.Value
			}
		}
		t.Fatalf("no sign-in was started: %d %v", res.StatusCode, res.Header)
		return "", ""
	}
	var names []string
	cookies := ""
	for range 4*maxTransactions + 1 { // each younger than the one before
		name, value := transaction(start(""))
		names = append(names, name)
		cookies += "; " + name + "=" + value
		clock.seconds.Add(1)
	}
	kept := func() (left []string) {
		gone := setCookies(start(cookies))
		for _, name := range names {
			if gone[name] == nil {
				left = append(left, name)
			}
		}
		return left
	}
	if left, want := kept(), names[13:16]; !slices.Equal(left, want) {
		t.Errorf("kept are %v, want the last three of the first sixteen, %v", left, want)
	}
	clock.seconds.Add(15 * 60)
	if left := kept(); len(left) != 0 {
		t.Errorf("kept are %v, which have expired", left)
	}
}
