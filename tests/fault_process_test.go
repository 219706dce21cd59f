package tests

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
)

// Killed while the person is at the provider, the application goes on with the
// sign-in where it was: all of it is in the browser's cookie.
func TestFault_KilledBeforeCallback(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, false)
	b, before := s.browser(t), s.browser(t)
	before.signInAt(s.idp, "local", "grace")
	callback := approve(t, s.idp, b.begin("local", "/")).String()
	s.kill()
	if res := b.get(callback); res.StatusCode != http.StatusBadGateway {
		t.Errorf("without a process it is answered %d", res.StatusCode)
	}
	s.start(nil)
	if !b.get(callback).signedIn() {
		t.Errorf("the sign-in failed: %s", s.log)
	}
	if b.user() != "ada@example.com" || before.user() != "grace@example.com" {
		t.Errorf("signed in are %q and %q", b.user(), before.user())
	}
	s.tell("count", "2 users, 0 without account")
}

// Killed in the middle of the callback, the application keeps all of a new user or
// nothing. The same URL signs in if the provider has not seen its code; else the
// person starts again.
func TestFault_KilledInCallback(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name  string
		place string // where the process stops by itself; empty: at the provider
		at    func(idp *ginauthtest.Provider, arrived chan<- struct{}, release <-chan struct{})
		again bool   // the same URL signs in
		kept  string // by the process that was killed
		known bool   // to the next sign-in the user is not new
	}{
		{
			name: "before the provider has the code", again: true, kept: "1 users, 0 without account",
			at: func(idp *ginauthtest.Provider, arrived chan<- struct{}, release <-chan struct{}) {
				idp.Break(ginauthtest.Token, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(arrived); <-release }))
			},
		},
		{
			name: "when the code is spent", kept: "1 users, 0 without account",
			at: func(idp *ginauthtest.Provider, arrived chan<- struct{}, release <-chan struct{}) {
				idp.TamperToken(func(map[string]any) { close(arrived); <-release })
			},
		},
		{name: "between user and account", place: atUser, kept: "1 users, 0 without account"},
		{name: "before the answer", place: atEvent, kept: "2 users, 0 without account", known: true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil, false)
			b, before := s.browser(t), s.browser(t)
			before.signInAt(s.idp, "local", "grace")
			callback := approve(t, s.idp, b.begin("local", "/")).String()
			arrived, release, cut := make(chan struct{}), make(chan struct{}), make(chan answer)
			if row.at != nil {
				row.at(s.idp, arrived, release)
			} else {
				s.tell(row.place, "will stop")
			}
			go func() { cut <- b.get(callback) }()
			if row.at != nil {
				<-arrived
			} else {
				s.reads("stopped at " + row.place)
			}
			s.kill()
			if res := <-cut; res.StatusCode != http.StatusBadGateway || res.signedIn() {
				t.Errorf("the request under way is answered %d", res.StatusCode)
			}
			close(release)
			s.idp.Reset()
			s.start(nil)
			s.tell("count", row.kept)
			res := b.get(callback)
			if row.again != res.signedIn() {
				t.Errorf("the same URL leads to %s", res.Header.Get("Location"))
			}
			if !row.again {
				res.refused(t, "OAuthCallback")
				if got := b.follow(res).alert(); got != told["OAuthCallback"] {
					t.Errorf("the page says %q", got)
				}
				if res = b.signInAt(s.idp, "local", "ada"); !res.signedIn() {
					t.Errorf("the next sign-in failed: %s", s.log)
				}
			}
			if known := !strings.Contains(res.Header.Get("Location"), "/welcome"); known != row.known {
				t.Errorf("the sign-in leads to %s", res.Header.Get("Location"))
			}
			if b.user() != "ada@example.com" || before.user() != "grace@example.com" {
				t.Errorf("signed in are %q and %q", b.user(), before.user())
			}
			s.tell("count", "2 users, 0 without account")
		})
	}
}

// What a process keeps in its memory alone ends with it: MemoryRevocations, and the
// counts of tries without a Limiter. Sealed sessions do not. Another Auth with the
// same secret stands for the next process.
func TestFault_ProcessMemory(t *testing.T) {
	t.Parallel()
	start := func() *app {
		return newApp(t, ginauth.Options{
			Providers: []ginauth.Provider{members()}, TrustedProxies: behindProxy,
			Session: ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()},
		})
	}
	one := start()
	b, eve := one.browser(t), one.browser(t)
	b.signInAs("ada")
	eve.signInAs("eve")
	revoked := sessionCookie + "=" + url.PathEscape(handleOf(eve))
	if err := one.auth.RevokeUser(t.Context(), "u-eve"); err != nil {
		t.Fatal(err)
	}
	guess := func(a *app) int {
		return admitted(12, func(int) answer { return a.try(t, "198.51.100.1", "grace", wrong) })
	}
	if n := guess(one); n != 10 || one.who(t, revoked) != "" {
		t.Fatalf("%d guesses are admitted, and eve is %q", n, one.who(t, revoked))
	}
	two := start()
	b.app = two
	b.is("ada")
	if n := guess(two); n != 10 || two.who(t, revoked) != "eve@example.com" {
		t.Errorf("docs/internals/faults.md says that both are lost: %d guesses are admitted, and eve is %q", n, two.who(t, revoked))
	}
}
