package revocation_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ginauth/ginauth/internal/revocation"
)

// A telling store says what it is told to, and keeps what it was asked.
type telling struct {
	at    time.Time
	err   error
	asked [][]string
	ended map[string]time.Time
	while func() // what happens while it is asked
}

func (s *telling) Revoke(_ context.Context, subject string, at, _ time.Time) error {
	if s.ended == nil {
		s.ended = map[string]time.Time{}
	}
	s.ended[subject] = at
	return s.err
}

func (s *telling) RevokedAt(_ context.Context, subjects ...string) (time.Time, error) {
	s.asked = append(s.asked, slices.Clone(subjects))
	at := s.at
	if s.while != nil {
		s.while()
	}
	return at, s.err
}

// A session is asked for by its names and by no other; what it has none of is left out.
func TestCheck_Asks(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		session revocation.Session
		want    []string
	}{
		"all":                {ada, []string{"user:ada", "s-ada", "account:a-ada", "sid:p-ada"}},
		"no session there":   {revocation.Session{SID: "s", Subject: "ada", Account: "a"}, []string{"user:ada", "s", "account:a", "unnamed:a"}},
		"no provider":        {revocation.Session{SID: "s", Subject: "ada"}, []string{"user:ada", "s"}},
		"nobody":             {revocation.Session{SID: "s"}, []string{"s"}},
		"by its token alone": {revocation.Session{TokenID: "t"}, []string{"token:t"}},
	} {
		for scope, prefix := range map[string]string{"": "", "staff\n": "staff\n"} {
			s := &telling{}
			if ended, err := check(s, scope).EndedNow(t.Context(), row.session); ended || err != nil {
				t.Errorf("%s: %v, %v", name, ended, err)
			}
			var want []string
			for _, w := range row.want {
				want = append(want, prefix+w)
			}
			if len(s.asked) != 1 || !slices.Equal(s.asked[0], want) {
				t.Errorf("%s: asked for %q, want %q", name, s.asked, want)
			}
		}
	}
}

// An error says that nothing is known, whatever comes beside it, and tells no name.
func TestCheck_ErrorBesideAnAnswer(t *testing.T) {
	t.Parallel()
	s := &telling{at: start.Add(time.Hour), err: errors.New("timeout asking for ada-lovelace and s-ada")}
	c := check(s, "")
	session := ada
	session.Subject = "ada-lovelace"
	for name, ask := range map[string]func() (bool, error){
		"ended":     func() (bool, error) { return c.Ended(t.Context(), session, start) },
		"ended now": func() (bool, error) { return c.EndedNow(t.Context(), session) },
	} {
		ended, err := ask()
		if ended || !errors.Is(err, errFault) || strings.Contains(err.Error(), "lovelace") || strings.Contains(err.Error(), "s-ada") {
			t.Errorf("%s: %v, %v", name, ended, err)
		}
	}
	if err := c.EndUser(t.Context(), "ada-lovelace", start); !errors.Is(err, errFault) || strings.Contains(err.Error(), "lovelace") || len(s.ended) != 0 {
		t.Errorf("%v; ended %v", err, s.ended)
	}
	if _, err := c.SignInTime(t.Context(), session); !errors.Is(err, errFault) {
		t.Errorf("%v", err)
	}
}

// Answers are remembered for five seconds, also after this process has ended the sessions
// of somebody else, and at no time does one that was never given count.
func TestCheck_Remembered(t *testing.T) {
	t.Parallel()
	s := &telling{}
	c := check(s, "")
	if err := c.EndUser(t.Context(), "grace", start); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		after time.Duration
		asks  bool
	}{{0, true}, {0, false}, {5*time.Second - 1, false}, {5 * time.Second, true}, {10*time.Second - 1, false}, {5*time.Second - 1, true}} {
		s.asked = nil
		if _, err := c.Ended(t.Context(), ada, start.Add(row.after)); err != nil || (len(s.asked) > 0) != row.asks {
			t.Errorf("%v later it is asked %d times, %v", row.after, len(s.asked), err)
		}
	}
	fresh := check(&telling{at: start.Add(time.Hour)}, "")
	if ended, err := fresh.Ended(t.Context(), ada, time.Time{}); !ended || err != nil {
		t.Errorf("at a clock's zero: %v, %v", ended, err)
	}
}

// When a clock is set back after sessions were looked at, a revocation ends those too
// that began by the later time.
func TestCheck_ClockSetBack(t *testing.T) {
	t.Parallel()
	for name, look := range map[string]func(*revocation.Check) error{
		"looked at": func(c *revocation.Check) error { _, err := c.Ended(t.Context(), ada, start.Add(time.Hour)); return err },
		"signed in": func(c *revocation.Check) error {
			s := ada
			s.SignedIn = start.Add(time.Hour)
			_, err := c.SignInTime(t.Context(), s)
			return err
		},
		"ended once": func(c *revocation.Check) error { return c.EndUser(t.Context(), "grace", start.Add(time.Hour)) },
	} {
		s := &telling{}
		c := check(s, "")
		if err := look(c); err != nil {
			t.Fatal(err)
		}
		if err := c.EndUser(t.Context(), "ada", start); err != nil {
			t.Fatal(err)
		}
		if at := s.ended["user:ada"]; !at.Equal(start.Add(time.Hour)) {
			t.Errorf("%s: sessions until %v are ended, want an hour later", name, at.Sub(start))
		}
	}
}

// Who was signed out within a second signs in in the next one, and not later.
func TestCheck_SignInNext(t *testing.T) {
	t.Parallel()
	for revoked, want := range map[time.Duration]time.Duration{-time.Second: 0, 0: time.Second, time.Second / 2: time.Second, time.Second: 2 * time.Second, 90 * time.Second: 91 * time.Second} {
		c := check(&telling{at: start.Add(revoked)}, "")
		s := ada
		s.SignedIn = start.Add(time.Second / 3)
		if got, err := c.SignInTime(t.Context(), s); err != nil || !got.Equal(start.Add(want)) {
			t.Errorf("revoked after %v: signed in after %v, want %v: %v", revoked, got.Sub(start), want, err)
		}
	}
}

// An answer on its way while this process ends a session is not remembered: it may be of
// before.
func TestCheck_EndedMeanwhile(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*revocation.Check) error{
		"the session": func(c *revocation.Check) error { return c.EndSession(t.Context(), ada, start) },
		"the user":    func(c *revocation.Check) error { return c.EndUser(t.Context(), "ada", start) },
		"at the provider": func(c *revocation.Check) error {
			_, err := c.EndAtProvider(t.Context(), revocation.Logout{Session: "p-ada", Token: "t", Until: start}, start)
			return err
		},
	} {
		s := &telling{}
		c := check(s, "")
		s.while = func() {
			s.while = nil
			if err := end(c); err != nil {
				t.Error(err)
			}
			s.at = start.Add(time.Second)
		}
		if ended, err := c.Ended(t.Context(), ada, start); ended || err != nil {
			t.Fatalf("%s: %v, %v", name, ended, err)
		}
		if ended, err := c.Ended(t.Context(), ada, start); !ended || err != nil {
			t.Errorf("%s ended while the store was asked, and its answer of before counts: %v", name, err)
		}
	}
}

// A sign-in keeps its second, odd or even.
func TestCheck_SignInSecond(t *testing.T) {
	t.Parallel()
	for i := range 4 {
		s := ada
		s.SignedIn = start.Add(time.Duration(i)*time.Second + time.Second/2)
		if got, err := check(&telling{}, "").SignInTime(t.Context(), s); err != nil || !got.Equal(start.Add(time.Duration(i)*time.Second)) {
			t.Errorf("%v, %v", got.Sub(start), err)
		}
	}
}

// What has no name is not looked for in the store, nor ended there.
func TestCheck_WithoutName(t *testing.T) {
	t.Parallel()
	s := &telling{}
	c := check(s, "staff\n")
	if err := c.EndSession(t.Context(), revocation.Session{SignedIn: start}, start); err != nil || len(s.ended) != 0 || len(s.asked) != 0 {
		t.Errorf("%v; ended %v, asked for %q", err, s.ended, s.asked)
	}
}
