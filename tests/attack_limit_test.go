package tests

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ginauth/ginauth"
)

// proxies are 10.0.0.0/8 and fd00::/8.
var proxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}

// from posts to the app as a peer of any address does. forwarded are fields
// X-Forwarded-For.
func (a *app) from(peer string, forwarded []string, target string, fields url.Values) *http.Response {
	csrfToken, pair := csrfPair(csrfCookie)
	fields.Set("csrfToken", csrfToken)
	req := httptest.NewRequest(http.MethodPost, a.URL+target, strings.NewReader(fields.Encode()))
	req.RemoteAddr = peer
	req.Header["Content-Type"] = []string{"application/x-www-form-urlencoded"}
	req.Header["Cookie"] = []string{pair}
	if len(forwarded) > 0 {
		req.Header["X-Forwarded-For"] = forwarded
	}
	w := httptest.NewRecorder()
	a.engine.ServeHTTP(w, req)
	return w.Result()
}

// guessFrom is a wrong password for somebody else each time, and reports whether
// it was one too many.
func (a *app) guessFrom(i int, peer string, forwarded ...string) bool {
	return a.from(peer, forwarded, "/api/auth/callback/credentials", url.Values{
		"username": {fmt.Sprint("user", i)}, "password": {wrong},
	}).StatusCode == http.StatusTooManyRequests
}

// One client is one bucket, however its address is written or chosen, and two
// clients are two.
func TestAttack28_AddressForms(t *testing.T) {
	t.Parallel()
	type request struct{ peer, forwarded string } // forwarded: fields, between bars
	same := func(peer string, forwarded ...string) (list []request) {
		for _, f := range forwarded {
			list = append(list, request{peer, f})
		}
		return list
	}
	var rotated, spoofed, prefixed []request
	for i := range 6 {
		rotated = append(rotated, request{fmt.Sprintf("[2001:db8:1:2:%x::%d]:443", 0xabc0+i, i), ""})
		spoofed = append(spoofed, request{"203.0.113.5:40000", fmt.Sprintf("198.51.100.%d", i)})
		prefixed = append(prefixed, request{"10.0.0.1:1", fmt.Sprintf("198.51.100.%d, 203.0.113.5", i)})
	}
	for _, row := range []struct {
		name string
		from []request
		one  bool // one bucket; else each its own
	}{
		{"ports", []request{{"203.0.113.5:1", ""}, {"203.0.113.5:2", ""}, {"203.0.113.5:65535", ""}}, true},
		{"IPv4-mapped", []request{{"203.0.113.5:1", ""}, {"[::ffff:203.0.113.5]:1", ""}, {"[::FFFF:CB00:7105]:1", ""}}, true},
		{"an IPv6 /64 rotated", rotated, true},
		{"two /64 of IPv6", []request{{"[2001:db8:1:2::1]:1", ""}, {"[2001:db8:1:3::1]:1", ""}}, false},
		{"zones", []request{{"[fe80::1%eth0]:1", ""}, {"[fe80::1%eth1]:1", ""}}, true},
		{"spoofed by an untrusted peer", spoofed, true},
		{"spoofed in front of the proxy's", prefixed, true},
		{"an untrusted peer says it is a proxy", []request{{"203.0.113.5:1", "10.0.0.1"}, {"203.0.113.5:1", "10.0.0.2, 10.0.0.3"}}, true},
		{"forwarded forms", same("10.0.0.1:1", "203.0.113.5", " 203.0.113.5 ", "::ffff:203.0.113.5", "203.0.113.5:4711", "[::ffff:203.0.113.5]:4711", "198.51.100.9|203.0.113.5", "203.0.113.5, 10.9.9.9", "203.0.113.5|10.1.1.1,10.2.2.2"), true},
		{"forwarded forms of IPv6", same("[fd00::1]:1", "2001:DB8::1", "2001:db8:0:0:0:0:0:2", "[2001:db8::3]", "[2001:db8::4]:99", "2001:db8::5%eth0"), true},
		{"garbage is the proxy's own", same("10.0.0.1:1", "garbage", "203.0.113.5,", "", "1.2.3", "203.0.113.5; evil", "0x7f.1", "010.0.0.1"), true},
		{"clients behind a proxy", same("10.0.0.1:1", "203.0.113.5", "203.0.113.6", "2001:db8::1"), false},
		{"peers", []request{{"203.0.113.5:1", ""}, {"203.0.113.6:1", ""}}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			const each = 3
			count := each * len(row.from)
			if !row.one {
				count = each
			}
			a := newApp(t, ginauth.Options{
				Providers: []ginauth.Provider{members()}, TrustedProxies: proxies,
				Limits: ginauth.Limits{Failures: ginauth.Rate{Count: count, Per: 1000 * time.Hour}},
			})
			n := 0
			for range each {
				for _, r := range row.from {
					n++
					if a.guessFrom(n, r.peer, strings.Split(r.forwarded, "|")...) {
						t.Fatalf("the attempt %d, %v, is one too many", n, r)
					}
				}
			}
			for _, r := range row.from {
				if n++; !a.guessFrom(n, r.peer, strings.Split(r.forwarded, "|")...) {
					t.Errorf("%v has a bucket of its own", r)
				}
			}
		})
	}
}

// All spellings of a name are one, so that a new one for each guess is of no use.
func TestAttack28_IdentifierForms(t *testing.T) {
	t.Parallel()
	a := newApp(t, ginauth.Options{Providers: []ginauth.Provider{members()}, Now: new(movedClock).now})
	forms := []string{"ada", "ADA", " ada", "Ada\t", "ＡＤＡ", "àdá", "a\u200bda", "ada\x00", "a\u0301da", "\ufeffada"}
	for i, name := range append(forms, forms...) {
		res := a.from("127.0.0.1:1", nil, "/api/auth/callback/credentials", url.Values{"username": {name}, "password": {wrong}})
		if got, want := res.StatusCode == http.StatusTooManyRequests, i >= 10; got != want {
			t.Errorf("%q, the guess %d: refused %v", name, i, got)
		}
	}
}

// A flood of clients and names leaves bounded memory, and does not give the person
// under attack a fresh bucket. Memory is the process's, so this test is not
// parallel.
func TestAttack54_LimitsFlooded(t *testing.T) {
	flood := 100_000
	if raceDetector { // which takes ten times as long
		flood = 20_000
	}
	a := newApp(t, ginauth.Options{ // whose log is not kept: it has a line for each guess
		Providers: []ginauth.Provider{members()}, TrustedProxies: proxies, Now: new(movedClock).now, Logger: slog.New(slog.DiscardHandler),
	})
	guess := func(client, name string) int {
		return a.from("10.0.0.1:1", []string{client}, "/api/auth/callback/credentials", url.Values{"username": {name}, "password": {wrong}}).StatusCode
	}
	for range 10 {
		guess("203.0.113.5", "ada")
	}
	held := func() int64 {
		var stats runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&stats)
		return int64(stats.HeapAlloc)
	}
	before := held()
	for i := range flood { // each a client in a /48 and a name of its own: seven buckets
		if status := guess(fmt.Sprintf("2001:%x:%x::1", 0x1000+i>>16, i&0xffff), fmt.Sprint("flood", i)); status != http.StatusFound {
			t.Fatalf("the client %d got %d", i, status)
		}
	}
	if grown := held() - before; grown > 32<<20 {
		t.Errorf("%d clients left %d bytes", flood, grown)
	}
	if status := guess("203.0.113.5", "ada"); status != http.StatusTooManyRequests {
		t.Errorf("after the flood a guess at ada is answered %d", status)
	}
}

// Starts from one client have an end, whatever it says of itself; nothing else of
// the auth routes, and no guarded route, does.
func TestAttack54_StartsLimited(t *testing.T) {
	t.Parallel()
	a, _ := limited(t, ginauth.Options{})
	if n := admitted(300, func(i int) answer { return a.start(t, fmt.Sprintf("203.0.113.%d, 198.51.100.1", i)) }); n != 120 {
		t.Errorf("%d starts are admitted", n)
	}
	for _, path := range []string{"/me", "/api/auth/session", "/api/auth/csrf", "/api/auth/signin", "/api/auth/providers"} {
		n := admitted(150, func(int) answer {
			return a.send(t, http.MethodGet, path, "", "X-Forwarded-For", "198.51.100.1", "Cookie", sessionCookie+"=junk")
		})
		if n != 150 {
			t.Errorf("%s: %d of 150 are answered", path, n)
		}
	}
}
