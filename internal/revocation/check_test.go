package revocation_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ginauth/ginauth/internal/bulkhead"
	"github.com/ginauth/ginauth/internal/revocation"
)

var errFault = errors.New("the store is not available")

// shared is a store that several Checks ask, as those of several processes do.
type shared struct {
	revocation.Store
	asked atomic.Int64
	until map[string]time.Time
	fault error
}

func newShared() *shared {
	return &shared{Store: revocation.NewMemory(), until: map[string]time.Time{}}
}

func (s *shared) Revoke(ctx context.Context, subject string, at, until time.Time) error {
	s.until[subject] = until
	return errors.Join(s.fault, s.Store.Revoke(ctx, subject, at, until))
}

func (s *shared) RevokedAt(ctx context.Context, subjects ...string) (time.Time, error) {
	s.asked.Add(1)
	at, err := s.Store.RevokedAt(ctx, subjects...)
	return at, errors.Join(s.fault, err)
}

func check(store revocation.Store, scope string) *revocation.Check {
	return revocation.New(revocation.Config{
		Store: store, Calls: bulkhead.New(time.Minute, errFault), Scope: scope,
		SessionLife: 30 * time.Hour, DeviceLife: 90 * time.Hour,
	})
}

var (
	start = time.Unix(1795479638, 0)
	ada   = revocation.Session{SID: "s-ada", Subject: "ada", SignedIn: start, Account: "a-ada", ProviderSession: "p-ada"}
)

func TestCheck_Revocations(t *testing.T) {
	t.Parallel()
	later := start.Add(time.Minute)
	other := ada
	other.SID, other.ProviderSession = "s-other", "p-other"
	tests := []struct {
		name string
		end  func(*revocation.Check) error
		want []string // of the sessions that have ended
	}{
		{"nothing", func(*revocation.Check) error { return nil }, nil},
		{"a user", func(c *revocation.Check) error { return c.EndUser(t.Context(), "ada", later) }, []string{"s-ada", "s-other"}},
		{"another user", func(c *revocation.Check) error { return c.EndUser(t.Context(), "grace", later) }, nil},
		{"a session", func(c *revocation.Check) error { return c.EndSession(t.Context(), ada, later) }, []string{"s-ada"}},
		{"one without a name", func(c *revocation.Check) error { return c.EndSession(t.Context(), revocation.Session{}, later) }, nil},
		{"a session at the provider", func(c *revocation.Check) error {
			_, err := c.EndAtProvider(t.Context(), revocation.Logout{Session: "p-other", Token: "t", Until: later}, later)
			return err
		}, []string{"s-other"}},
	}
	for _, tt := range tests {
		for name, store := range map[string]revocation.Store{"in memory": revocation.NewMemory(), "in a store": newShared()} {
			t.Run(tt.name+" "+name, func(t *testing.T) {
				t.Parallel()
				c, elsewhere, foreign := check(store, ""), check(store, ""), check(store, "staff\n")
				for _, s := range []revocation.Session{ada, other} { // what is heard now must not count later
					if ended, err := c.Ended(t.Context(), s, start); ended || err != nil {
						t.Fatalf("%s ended from the start: %v", s.SID, err)
					}
				}
				if err := tt.end(c); err != nil {
					t.Fatal(err)
				}
				for _, s := range []revocation.Session{ada, other} {
					want := slices.Contains(tt.want, s.SID)
					for process, of := range map[string]*revocation.Check{"here": c, "in another process": elsewhere} {
						if ended, err := of.Ended(t.Context(), s, start.Add(time.Second)); ended != want || err != nil {
							t.Errorf("%s ended %s: %v %v, want %v", s.SID, process, ended, err, want)
						}
					}
					if ended, err := foreign.Ended(t.Context(), s, start); ended || err != nil {
						t.Errorf("%s ended in another scope: %v", s.SID, err)
					}
				}
			})
		}
	}
}

func TestCheck_RemembersForAMoment(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		at   time.Duration
		asks bool
	}{
		{"at once", 0, false},
		{"a moment later", 4 * time.Second, false},
		{"later", 5 * time.Second, true},
		{"when the clock was set back", -time.Second, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			store := newShared()
			c := check(store, "")
			for _, now := range []time.Time{start, start.Add(tt.at)} {
				if ended, err := c.Ended(t.Context(), ada, now); ended || err != nil {
					t.Fatal(ended, err)
				}
			}
			if asked := store.asked.Load() == 2; asked != tt.asks {
				t.Errorf("asked again: %v", asked)
			}
			before := store.asked.Load()
			if ended, err := c.EndedNow(t.Context(), ada); ended || err != nil || store.asked.Load() != before+1 {
				t.Errorf("EndedNow did not ask: %v %v", ended, err)
			}
		})
	}
}

// While a store fails nobody can tell, and that is not remembered.
func TestCheck_Fault(t *testing.T) {
	t.Parallel()
	store := newShared()
	c := check(store, "")
	store.fault = errors.New("no route to s-ada")
	for range 2 {
		if ended, err := c.Ended(t.Context(), ada, start); ended || !errors.Is(err, errFault) {
			t.Errorf("got %v %v", ended, err)
		}
	}
	store.fault = nil
	if ended, err := c.Ended(t.Context(), ada, start); ended || err != nil {
		t.Errorf("got %v %v", ended, err)
	}
}

// A revocation is kept until all that it ends has expired.
func TestCheck_KeptUntil(t *testing.T) {
	t.Parallel()
	store := newShared()
	c := check(store, "")
	if err := errors.Join(c.EndUser(t.Context(), "ada", start), c.EndSession(t.Context(), ada, start)); err != nil {
		t.Fatal(err)
	}
	for subject, least := range map[string]time.Duration{"user:ada": 90 * time.Hour, "s-ada": 30 * time.Hour} {
		if kept := store.until[subject].Sub(start); kept <= least || kept > least+time.Hour {
			t.Errorf("%s is kept for %v", subject, kept)
		}
	}
}

// A person may sign in again within the second in which their sessions were ended,
// as often as that happens, and each revocation ends what began before it.
func TestCheck_SignInTime(t *testing.T) {
	t.Parallel()
	c := check(revocation.NewMemory(), "")
	for range 5 {
		s := revocation.Session{Subject: "ada", SignedIn: start.Add(time.Millisecond)}
		at, err := c.SignInTime(t.Context(), s)
		if err != nil || at.Nanosecond() != 0 {
			t.Fatal(at, err)
		}
		s.SignedIn = at
		if ended, err := c.Ended(t.Context(), s, start); ended || err != nil {
			t.Errorf("the new session has ended: %v", err)
		}
		if err := c.EndUser(t.Context(), "ada", start); err != nil {
			t.Fatal(err)
		}
		if ended, err := c.Ended(t.Context(), s, start); !ended || err != nil {
			t.Errorf("the session goes on after the revocation: %v", err)
		}
	}
}

// A sign-in time that was moved ahead by one revocation does not outlive the next one,
// of another subject and within the same second.
func TestCheck_SignInTimeAhead(t *testing.T) {
	t.Parallel()
	c := check(revocation.NewMemory(), "")
	if _, err := c.EndAtProvider(t.Context(), revocation.Logout{Account: "a-ada", Token: "t", Until: start.Add(time.Hour)}, start); err != nil {
		t.Fatal(err)
	}
	s := ada
	at, err := c.SignInTime(t.Context(), s)
	if err != nil || !at.After(start) {
		t.Fatalf("signed in at %v, %v", at, err)
	}
	s.SignedIn = at
	if err := c.EndUser(t.Context(), "ada", start); err != nil {
		t.Fatal(err)
	}
	if ended, err := c.Ended(t.Context(), s, start); !ended || err != nil {
		t.Errorf("the session goes on after the revocation: %v", err)
	}
}

func TestMemory_Forgets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := revocation.NewMemory()
		begun := time.Now()
		revoke := func(subject string, at time.Time) {
			if err := m.Revoke(t.Context(), subject, at, at.Add(3*time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		known := func(subject string) bool {
			at, err := m.RevokedAt(t.Context(), "nobody", subject)
			if err != nil {
				t.Fatal(err)
			}
			return !at.IsZero()
		}
		revoke("ada", begun)
		revoke("ahead", begun.Add(1000*time.Hour)) // a clock that was wrong for a moment
		time.Sleep(2 * time.Hour)
		revoke("grace", time.Now())
		if !known("ada") || !known("ahead") || !known("grace") {
			t.Error("a revocation was forgotten that still counts")
		}
		time.Sleep(2 * time.Hour)
		revoke("edsger", time.Now())
		if known("ada") || !known("grace") {
			t.Errorf("after their time: ada %v, grace %v", known("ada"), known("grace"))
		}
	})
}

// The revocations and Ends have one rule: what a logout token revokes for others ends
// here too, and nothing else.
func TestLogout_EndsWhatItRevokes(t *testing.T) {
	t.Parallel()
	names := func(letter string) []string { return []string{"", letter + "1", letter + "2"} }
	for _, account := range names("a") {
		for _, session := range names("s") {
			if account == "" && session == "" {
				continue // no logout token
			}
			t.Run(fmt.Sprintf("%q %q", account, session), func(t *testing.T) {
				t.Parallel()
				c := check(revocation.NewMemory(), "")
				l := revocation.Logout{Account: account, Session: session, Token: "t", Until: start.Add(time.Hour)}
				for want := range 2 { // the second time it came before
					if accepted, err := c.EndAtProvider(t.Context(), l, start); accepted != (want == 0) || err != nil {
						t.Fatalf("accepted: %v %v", accepted, err)
					}
				}
				for _, theirs := range names("a")[1:] { // an id_token has a sub
					for _, named := range names("s") {
						s := revocation.Session{SID: "x", Subject: "u", SignedIn: start, Account: theirs, ProviderSession: named}
						want := session != "" && named == session || (session == "" || named == "") && theirs == account
						ended, err := c.Ended(t.Context(), s, start)
						if ended != want || l.Ends(s) != want || err != nil {
							t.Errorf("the session %q %q is revoked: %v %v, ends: %v, want %v", theirs, named, ended, err, l.Ends(s), want)
						}
					}
				}
				if s := (revocation.Session{Subject: "u", SignedIn: start}); l.Ends(s) {
					t.Error("it ends the session of another provider")
				}
			})
		}
	}
}
