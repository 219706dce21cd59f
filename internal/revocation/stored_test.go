package revocation_test

import (
	"context"
	"errors"
	"maps"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ginauth/ginauth/internal/revocation"
)

// A written revocation is what a store is told.
type written struct{ at, until time.Time }

// A ledger is a store that writes down what it is told, and fails at one of its calls.
type ledger struct {
	revocation.Store
	told  map[string]written
	calls int
	fails int // which call; 0: none
}

func newLedger(fails int) *ledger {
	return &ledger{Store: revocation.NewMemory(), told: map[string]written{}, fails: fails}
}

func (l *ledger) fault() error {
	l.calls++
	if l.calls == l.fails {
		return errors.New("connection reset")
	}
	return nil
}

func (l *ledger) Revoke(ctx context.Context, subject string, at, until time.Time) error {
	if err := l.fault(); err != nil {
		return err
	}
	l.told[subject] = written{at, until}
	return l.Store.Revoke(ctx, subject, at, until)
}

func (l *ledger) RevokedAt(ctx context.Context, subjects ...string) (time.Time, error) {
	if err := l.fault(); err != nil {
		return time.Time{}, err
	}
	return l.Store.RevokedAt(ctx, subjects...)
}

// What a store holds is read by other versions and processes: the names and times of each
// revocation stay as they are. A store that fails at any of the calls is an error.
func TestCheck_Stored(t *testing.T) {
	t.Parallel()
	now := start.Add(1700 * time.Millisecond) // the second is odd, and cut off
	at, until := start.Add(time.Second), start.Add(time.Hour)
	session, person := 30*time.Hour+time.Minute, 90*time.Hour+time.Minute
	ahead := ada
	ahead.SignedIn = start.Add(10 * time.Second)
	end := func(l revocation.Logout) func(*revocation.Check) error {
		l.Token, l.Until = "t", until
		return func(c *revocation.Check) error {
			_, err := c.EndAtProvider(t.Context(), l, now)
			return err
		}
	}
	seen := written{now, until}
	for name, tt := range map[string]struct {
		end  func(*revocation.Check) error
		want map[string]written
	}{
		"a user": {
			func(c *revocation.Check) error { return c.EndUser(t.Context(), "ada", now) },
			map[string]written{"user:ada": {at, at.Add(person)}},
		},
		"a user twice": {
			func(c *revocation.Check) error {
				return errors.Join(c.EndUser(t.Context(), "ada", now), c.EndUser(t.Context(), "ada", now))
			},
			map[string]written{"user:ada": {at.Add(time.Second), at.Add(time.Second + person)}},
		},
		"a session": {
			func(c *revocation.Check) error { return c.EndSession(t.Context(), ada, now) },
			map[string]written{"s-ada": {at, at.Add(session)}},
		},
		"a session that begins later": {
			func(c *revocation.Check) error { return c.EndSession(t.Context(), ahead, now) },
			map[string]written{"s-ada": {ahead.SignedIn, ahead.SignedIn.Add(session)}},
		},
		"a session there": {
			end(revocation.Logout{Session: "p"}), map[string]written{"sid:p": {at, at.Add(session)}, "jti:t": seen},
		},
		"an account there": {
			end(revocation.Logout{Account: "a"}), map[string]written{"account:a": {at, at.Add(session)}, "jti:t": seen},
		},
		"both": {
			end(revocation.Logout{Account: "a", Session: "p"}),
			map[string]written{"sid:p": {at, at.Add(session)}, "unnamed:a": {at, at.Add(session)}, "jti:t": seen},
		},
	} {
		for _, scope := range []string{"", "staff:"} {
			l := newLedger(0)
			if err := tt.end(check(l, scope)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			want := map[string]written{}
			for subject, w := range tt.want {
				want[scope+subject] = w
			}
			same := func(a, b written) bool { return a.at.Equal(b.at) && a.until.Equal(b.until) }
			if !maps.EqualFunc(l.told, want, same) {
				t.Errorf("%s: stored is %v, want %v", name, l.told, want)
			}
			for n := range l.calls {
				if err := tt.end(check(newLedger(n+1), scope)); !errors.Is(err, errFault) {
					t.Errorf("%s: call %d fails, and the error is %v", name, n+1, err)
				}
			}
		}
	}
}

// Digests are stored, so that they stay as they are: the first 16 bytes of SHA-256 over
// ["account","forge","https://id.example","ada"], and so on, in base64url.
func TestDigests_Stored(t *testing.T) {
	t.Parallel()
	for want, got := range map[string]string{
		"in5HwTG7mY-13RykvGRvvw": revocation.AccountDigest("forge", "https://id.example", "ada"),
		"9Fvm7OqBl3AV6fukWNL3ww": revocation.SessionDigest("forge", "https://id.example", "ada"),
		"z9BmWunlZtfE8gCDfSvjjg": revocation.TokenDigest("forge", "https://id.example", "ada"),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// An answer that a session has ended is remembered like any other. Sessions that other
// programs made are told apart by their tokens, one of ours by its beginning, however
// often it was sealed.
func TestCheck_RemembersEachSession(t *testing.T) {
	t.Parallel()
	store := newShared()
	c := check(store, "")
	ended := func(s revocation.Session) bool {
		t.Helper()
		ended, err := c.Ended(t.Context(), s, start)
		if err != nil {
			t.Fatal(err)
		}
		return ended
	}
	for _, s := range []revocation.Session{{TokenID: "t1", Subject: "ada"}, {TokenID: "t1", SignedIn: start}} {
		if err := store.Revoke(t.Context(), "token:t1", start, start.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		other := s
		other.TokenID = "t2"
		for range 2 {
			if ended(other) || !ended(s) {
				t.Errorf("%+v is taken for another session", s)
			}
		}
	}
	sealed := revocation.Session{TokenID: "t3", Subject: "bob", SignedIn: start}
	again := sealed
	again.TokenID = "t4"
	if ended(sealed) {
		t.Error("it ended from the start")
	}
	if err := c.EndSession(t.Context(), again, start); err != nil {
		t.Fatal(err)
	}
	if !ended(sealed) {
		t.Error("the session that was sealed again does not end at once")
	}
}

// As many answers are remembered as there is room for: twice 32,768.
func TestCheck_RemembersSoMany(t *testing.T) {
	t.Parallel()
	store := newShared()
	c := check(store, "")
	ask := func(name string) {
		if ended, err := c.Ended(t.Context(), revocation.Session{SID: name}, start); ended || err != nil {
			t.Fatal(ended, err)
		}
	}
	ask("first")
	for i := range 2<<15 - 1 {
		ask(strconv.Itoa(i))
	}
	before := store.asked.Load()
	if ask("first"); store.asked.Load() != before {
		t.Error("the first answer is forgotten too soon")
	}
	ask("one more")
	if ask("first"); store.asked.Load() != before+2 {
		t.Error("more answers are remembered")
	}
}

// A Memory answers at once, also when the request has ended.
func TestCheck_MemoryWithoutWaiting(t *testing.T) {
	t.Parallel()
	c := check(revocation.NewMemory(), "")
	if err := c.EndSession(t.Context(), ada, start); err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if ended, err := c.Ended(gone, ada, start); !ended || err != nil {
		t.Errorf("ended: %v, %v", ended, err)
	}
	if at, err := c.UserRevokedAt(gone, ""); !at.IsZero() || err != nil {
		t.Errorf("nobody was revoked: %v, %v", at, err)
	}
}

// Nobody is named by an empty ID, so that no session ends with the revocation of such a
// user.
func TestSession_OfNobody(t *testing.T) {
	t.Parallel()
	store := newShared()
	if err := store.Revoke(t.Context(), "user:", start, start.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if ended, err := check(store, "").Ended(t.Context(), revocation.Session{TokenID: "t"}, start); ended || err != nil {
		t.Errorf("ended: %v, %v", ended, err)
	}
}

// A moving store ends the session of each second that is tried, for a while.
type moving struct {
	revocation.Store
	left int
	at   time.Time
}

func (m *moving) RevokedAt(context.Context, ...string) (time.Time, error) {
	if m.left--; m.left < 0 {
		return time.Time{}, nil
	}
	m.at = m.at.Add(time.Second)
	return m.at, nil
}

// A sign-in finds a second of its own up to a minute ahead, and ends there.
func TestCheck_SignInTimeBound(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		ended int
		ok    bool
	}{{0, true}, {1, true}, {2, true}, {59, true}, {60, false}} {
		store := &moving{Store: revocation.NewMemory(), left: tt.ended, at: start.Add(500 * time.Millisecond)}
		at, err := check(store, "").SignInTime(t.Context(), revocation.Session{Subject: "ada", SignedIn: start})
		want := start
		if tt.ended > 0 {
			want = start.Add(time.Duration(tt.ended+1) * time.Second)
		}
		if (err == nil) != tt.ok || tt.ok && !at.Equal(want) {
			t.Errorf("%d seconds ended: %v, %v, want %v", tt.ended, at, err, want)
		}
	}
	if _, err := check(newLedger(1), "").SignInTime(t.Context(), ada); !errors.Is(err, errFault) {
		t.Errorf("the store fails: %v", err)
	}
}

// What has expired is forgotten once an hour, by the clock of who revokes if that is
// behind.
func TestMemory_Sweeps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		for _, tt := range []struct {
			at    time.Duration
			known bool
		}{{time.Minute, true}, {time.Hour, true}, {time.Hour + 1, false}, {3 * time.Hour, false}} {
			m := revocation.NewMemory()
			revoke := func(subject string, at time.Time, life time.Duration) {
				if err := m.Revoke(t.Context(), subject, at, at.Add(life)); err != nil {
					t.Fatal(err)
				}
			}
			revoke("expired", begun, time.Second)
			time.Sleep(5 * time.Hour)
			revoke("other", begun.Add(tt.at), time.Hour)
			if at, err := m.RevokedAt(t.Context(), "expired"); err != nil || at.IsZero() == tt.known {
				t.Errorf("after %v: %v, %v", tt.at, at, err)
			}
		}
	})
}
