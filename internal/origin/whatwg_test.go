package origin_test

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/ginauth/ginauth/internal/origin"
	"github.com/ginauth/ginauth/internal/urltest"
)

// Of these tests the oracle is the URL parser of Node.js, which reads as browsers
// do: what this package takes for an origin must be that one there.

const (
	// patience bounds each comparison in time; strings, in number.
	patience = 20 * time.Second
	texts    = 1_000_000
	batch    = 2000
)

// A site has a base URL and allowed redirects, in the words of a developer.
type site struct {
	base    string
	allowed []string

	origin.Base
	set  origin.Set
	good []string // the origins by their canonical names
}

func sites(t testing.TB) []*site {
	t.Helper()
	all := []*site{
		{base: "https://skite.example.com"},
		{base: "https://kiss.example.com", allowed: []string{"https://www.example.com", "http://localhost:3000"}},
		{base: "http://localhost:8080", allowed: []string{"http://127.0.0.1:8080", "http://[::1]:8080"}},
		{base: "https://München.example", allowed: []string{"https://straße.example:8443", "HTTPS://Www.Example.com:443/"}},
		{base: "http://127.0.0.1", allowed: []string{"https://my_app.example"}},
		{base: "http://[2001:DB8::1]:3000", allowed: []string{"https://r3---sn-x.example"}},
		{base: "https://my_app.example:8443", allowed: []string{"https://日本語.example", "https://skite.example.com"}},
		{base: "http://app"},
	}
	for _, s := range all {
		r, err := origin.New(origin.Config{BaseURL: s.base, Path: "/api/auth"})
		if err != nil {
			t.Fatal(err)
		}
		if s.Base, err = r.Base(&http.Request{}); err != nil {
			t.Fatal(err)
		}
		var faults []error
		if s.set, faults = origin.NewSet(s.allowed); faults != nil {
			t.Fatal(faults)
		}
		s.good = []string{s.Origin}
		for o := range s.set {
			s.good = append(s.good, o)
		}
	}
	return all
}

// names are the hosts around which texts are made.
func names(all []*site) (hosts []string) {
	for _, s := range all {
		for _, o := range append([]string{s.base}, append(s.allowed, s.good...)...) {
			_, host, _ := strings.Cut(strings.TrimSuffix(o, "/"), "://")
			if !strings.HasPrefix(host, "[") {
				host, _, _ = strings.Cut(host, ":")
			}
			hosts = append(hosts, strings.ToLower(host), host)
		}
	}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}

// seed is new for each run; it is printed, and a test with the one of a failure
// makes the same texts.
func seed(t testing.TB) uint64 {
	t.Helper()
	s := rand.Uint64()
	t.Logf("seed %d", s)
	return s
}

// The site's and the allowed origins are what Node.js makes of the words.
func TestBrowser_Configuration(t *testing.T) {
	t.Parallel()
	node := urltest.New(t)
	for _, s := range sites(t) {
		var questions []urltest.Question
		for _, text := range append([]string{s.base}, s.allowed...) {
			questions = append(questions, urltest.Question{URL: text})
		}
		for i, a := range node.Ask(questions) {
			if i == 0 && a.Origin != s.Origin || i > 0 && !s.set.Has(a.Origin) {
				t.Errorf("%q is %s there, and here %s and %v", questions[i].URL, a.Origin, s.Origin, s.set)
			}
		}
	}
}

// Wherever a callback URL leads a browser, it is the site or an allowed origin; and
// every URL of these, as browsers write it, is taken and stays the same.
func TestBrowser_Redirects(t *testing.T) {
	t.Parallel()
	all := sites(t)
	start, first := time.Now(), seed(t)
	var asked, led, kept atomic.Int64
	t.Run("two at once", func(t *testing.T) {
		for worker := range uint64(2) {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				g, node := urltest.NewGrammar(first+worker, names(all)...), urltest.New(t)
				for asked.Load() < texts && time.Since(start) < patience && !t.Failed() {
					redirects(t, g, node, all, &led, &kept)
					asked.Add(batch)
				}
			})
		}
	})
	t.Logf("%d texts in %v: %d led to the origins and not to the base alone, %d canonical URLs of these", asked.Load(), time.Since(start), led.Load(), kept.Load())
	if led.Load() < asked.Load()/20 || kept.Load() < asked.Load()/20 {
		t.Error("too few of the texts tell anything")
	}
}

// redirects compares one batch of texts.
func redirects(t *testing.T, g *urltest.Grammar, node *urltest.Node, all []*site, led, kept *atomic.Int64) {
	chosen, from := make([]*site, batch), make([]string, batch)
	var questions []urltest.Question
	var of []int
	ask := func(i int, text string) {
		questions = append(questions, urltest.Question{URL: text, Base: chosen[i].Origin + "/api/auth/signin?a=b"})
		of = append(of, i)
	}
	for i := range from {
		chosen[i], from[i] = all[g.IntN(len(all))], g.URL()
		target := chosen[i].Absolute(from[i], chosen[i].set)
		location := origin.Location(target)
		ask(i, location)
		if location != target {
			ask(i, target) // as a script gets it
		}
		if target != chosen[i].Origin {
			led.Add(1)
		}
	}
	for k, a := range node.Ask(questions) {
		if s := chosen[of[k]]; !slices.Contains(s.good, a.Origin) || a.User {
			t.Errorf("%q at %s leads to %q, which is %+v", from[of[k]], s.Origin, questions[k].URL, a)
		}
	}

	questions, of = nil, nil
	for i := range from {
		ask(i, from[i])
	}
	answers := node.Ask(questions)
	questions, of = nil, nil
	var want []string
	for i, a := range answers {
		s := chosen[i]
		if !slices.Contains(s.good, a.Origin) || a.User || !strings.HasPrefix(a.Href, a.Origin) { // a blob's origin is that of what made it
			continue
		}
		kept.Add(1)
		if location := origin.Location(s.Absolute(a.Href, s.set)); location != a.Href {
			ask(i, location)
			want = append(want, a.Href)
		}
	}
	for k, a := range node.Ask(questions) {
		if a.Href != want[k] {
			t.Errorf("%q at %s leads to %q", want[k], chosen[of[k]].Origin, questions[k].URL)
		}
	}
}

// What Read takes has the origin that a browser gives it, both as it was written
// and written anew; and Read takes every URL as browsers write it. Names from right
// to left that it takes may be none to a browser: that leads nowhere.
func TestBrowser_Read(t *testing.T) {
	t.Parallel()
	start, g, node := time.Now(), urltest.NewGrammar(seed(t), names(sites(t))...), urltest.New(t)
	asked, read := 0, 0
	for ; asked < texts/4 && time.Since(start) < patience && !t.Failed(); asked += batch {
		questions := make([]urltest.Question, batch)
		for i := range questions {
			questions[i].URL = g.URL()
		}
		var anew []urltest.Question
		var want []string
		for i, a := range node.Ask(questions) {
			u, err := origin.Read(questions[i].URL)
			if err == nil && !(a.Origin == "" && strings.Contains(u.Host, "xn--")) {
				read++
				anew, want = append(anew, urltest.Question{URL: u.String()}), append(want, u.Origin())
				if a.Origin != u.Origin() {
					t.Errorf("%q is of %q there and of %q here", questions[i].URL, a.Origin, u.Origin())
				}
				if set, _ := origin.NewSet([]string{u.Scheme + questions[i].URL[len(u.Scheme):]}); len(set) > 0 && !set.Has(a.Origin) {
					t.Errorf("%q is the origin %v, and browsers send %s", questions[i].URL, set, a.Origin)
				}
			}
			if !plainHref(a) {
				continue
			}
			if u, err := origin.Read(a.Href); err != nil || u.String() != a.Href && u.String()+"/" != a.Href {
				t.Errorf("%q is read as %+v, %v", a.Href, u, err)
			}
		}
		for i, a := range node.Ask(anew) {
			if a.Origin != want[i] {
				t.Errorf("%q, written anew, is of %q and not of %q", anew[i].URL, a.Origin, want[i])
			}
		}
	}
	t.Logf("%d of %d texts were read, in %v", read, asked, time.Since(start))
	if read < asked/10 {
		t.Error("too few of the texts tell anything")
	}
}

// plainHref says that a URL is one of http or https without a user, whose host
// consists of what names in use do. A name in punycode may be of a later Unicode.
func plainHref(a urltest.Answer) bool {
	_, host, web := strings.Cut(a.Origin, "://")
	return web && !a.User && strings.HasPrefix(a.Origin, "http") && strings.HasPrefix(a.Href, a.Origin) && strings.Trim(host, ".:0123456789") != "" && !strings.Contains(host, "xn--") &&
		strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789-._:[]") == ""
}

// unified says that a letter is one of the long lists that map to themselves.
func unified(r rune) bool {
	return 0x3400 <= r && r <= 0x9fff || 0xac00 <= r && r <= 0xd7a3 || 0x20000 <= r && r < 0x2f800 || r >= 0x30000
}

// Each letter of Unicode within a host is what browsers make of it, or refused. Of
// the ideographs and Hangul syllables that map to themselves it tries one in ten.
func TestBrowser_EveryLetter(t *testing.T) {
	t.Parallel()
	node := urltest.New(t)
	start, taken, tenth := time.Now(), 0, rune(seed(t)%10)
	for r := rune(0); r <= utf8.MaxRune && !t.Failed(); {
		if time.Since(start) > 2*patience {
			t.Logf("stopped at %U for want of time", r)
			break
		}
		var questions []urltest.Question
		var want []string
		for ; r <= utf8.MaxRune && len(questions) < batch; r++ {
			if unified(r) && r%10 != tenth {
				continue
			}
			for _, text := range []string{"https://a" + string(r) + "b.example/", "https://" + string(r) + ".example/"} {
				if u, err := origin.Read(text); err == nil {
					questions, want = append(questions, urltest.Question{URL: text}), append(want, u.Origin())
				}
			}
		}
		for i, a := range node.Ask(questions) {
			if taken++; a.Origin != want[i] {
				t.Errorf("%+q is of %q there and of %q here", questions[i].URL, a.Origin, want[i])
			}
		}
	}
	t.Logf("%d hosts are taken, in %v", taken, time.Since(start))
	if taken < 10_000 {
		t.Error("too few")
	}
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}

// The host of a request and an entry of TrustedHosts are the host that a browser
// writes for them.
func TestBrowser_Hosts(t *testing.T) {
	t.Parallel()
	start, g, node := time.Now(), urltest.NewGrammar(seed(t), names(sites(t))...), urltest.New(t)
	anyHost, err := origin.New(origin.Config{Path: "/auth", TrustAnyHost: true})
	if err != nil {
		t.Fatal(err)
	}
	sent, listed, asked := 0, 0, 0
	for ; asked < texts/10 && time.Since(start) < patience && !t.Failed(); asked += batch {
		questions := make([]urltest.Question, batch)
		for i := range questions {
			questions[i].URL = "http://" + g.Host() + g.Port()
		}
		for i, a := range node.Ask(questions) {
			host := strings.TrimPrefix(questions[i].URL, "http://")
			if base, err := anyHost.Base(request("192.0.2.1:1", host, nil)); err == nil {
				if sent++; base.Origin != a.Origin {
					t.Errorf("the host %q is %q there and %q here", host, a.Origin, base.Origin)
				}
			}
			r, err := origin.New(origin.Config{Path: "/auth", TrustedHosts: []string{host}})
			if err != nil || strings.HasPrefix(host, "*.") || a.Origin == "" && !isASCII(host) {
				continue
			}
			listed++
			base, err := r.Base(request("192.0.2.1:1", strings.TrimPrefix(a.Origin, "http://"), nil))
			if err != nil || base.Origin != a.Origin {
				t.Errorf("TrustedHosts has %q, and of %q comes %+v, %v", host, a.Origin, base, err)
			}
		}
	}
	t.Logf("%d hosts: %d of requests and %d entries were taken, in %v", asked, sent, listed, time.Since(start))
	if sent < asked/20 || listed < asked/20 {
		t.Error("too few of the texts tell anything")
	}
}
