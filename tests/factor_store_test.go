package tests

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/otp"
)

// contended are users whose second factors other requests change all the time.
type contended struct {
	ginauth.Adapter
	ginauth.FactorStore
	conflicts atomic.Int32 // so many more calls find another record
	garbage   atomic.Bool  // the record is another program's
	updated   func() error // before a change; an error takes its place
}

func newContended() *contended {
	users := ginauth.MemoryAdapter()
	return &contended{Adapter: users, FactorStore: users.(ginauth.FactorStore)}
}

func (c *contended) GetFactors(ctx context.Context, userID string) ([]byte, error) {
	if c.garbage.Load() {
		return []byte(`{"v":`), nil
	}
	return c.FactorStore.GetFactors(ctx, userID)
}

func (c *contended) UpdateFactors(ctx context.Context, userID string, old, data []byte) error {
	if c.conflicts.Add(-1) >= 0 {
		return ginauth.ErrConflict
	}
	if c.updated != nil {
		if err := c.updated(); err != nil {
			return err
		}
	}
	return c.FactorStore.UpdateFactors(ctx, userID, old, data)
}

// A change that others overtake is tried twenty times. Then the person is told to try
// again, and nothing has changed.
func TestFactorStore_Conflicts(t *testing.T) {
	t.Parallel()
	users := newContended()
	a := newFactorApp(t, passwordOptions{Options: ginauth.Options{Adapter: users}})
	phone := a.enrols(t, a.browser(t))
	for _, row := range []struct {
		conflicts int32
		passes    bool
	}{{19, true}, {20, false}, {1000, false}} {
		b := a.browser(t)
		a.waits(t, b)
		a.log.forget()
		users.conflicts.Store(row.conflicts)
		res := b.gives("code", phone.next(a))
		users.conflicts.Store(0)
		if res.signedIn() != row.passes {
			t.Errorf("after %d conflicts: %d %s\n%s", row.conflicts, res.StatusCode, res.Header.Get("Location"), a.log)
		}
		if !row.passes {
			res.refused(t, "SessionUnavailable")
			if log := a.log.String(); !strings.Contains(log, "other requests change this user's second factors all the time") {
				t.Errorf("after %d conflicts the log says %s", row.conflicts, log)
			}
			if page := b.follow(res); page.StatusCode != http.StatusServiceUnavailable {
				t.Errorf("the page answers %d", page.StatusCode)
			}
		}
	}
}

// A record that cannot be read asks nobody for a code, and lets nobody in without one.
func TestFactorStore_Unreadable(t *testing.T) {
	t.Parallel()
	users := newContended()
	a := newFactorApp(t, passwordOptions{Options: ginauth.Options{Adapter: users, Session: ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()}}})
	b := a.browser(t)
	phone := a.enrols(t, b)
	waiting := a.browser(t)
	a.waits(t, waiting)
	users.garbage.Store(true)
	a.log.forget()
	for name, do := range map[string]func() answer{
		"a password":    func() answer { return a.browser(t).types(adaReads, adaTypes) },
		"mail":          func() answer { return a.mails(t, a.browser(t), adaReads) },
		"a code":        func() answer { return waiting.gives("code", phone.code(a)) },
		"taking it off": func() answer { return b.gives("remove", "") },
		"the list":      func() answer { return b.get("/api/auth/second-factor/list") },
	} {
		res := do()
		if res.signedIn() || !strings.Contains(res.Header.Get("Location"), "/api/auth/error?error=") {
			t.Errorf("%s: %d %s", name, res.StatusCode, res.Header.Get("Location"))
		}
	}
	if !strings.Contains(a.log.String(), "the adapter failed") {
		t.Errorf("the log: %s", a.log)
	}
	users.garbage.Store(false)
	if !waiting.gives("code", phone.code(a)).signedIn() {
		t.Error("later the code does not count")
	}
	users.garbage.Store(true)
	if err := a.auth.RevokeUser(t.Context(), a.ada); err == nil {
		t.Error("RevokeUser says that all has ended")
	}
}

// The person is signed out everywhere while the right code is on its way: it signs nobody
// in, and the app stays set up.
func TestFactorStore_ChangedMeanwhile(t *testing.T) {
	t.Parallel()
	a := newFactorApp(t, passwordOptions{Options: ginauth.Options{Session: ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()}}})
	phone := a.enrols(t, a.browser(t))
	for step := range 6 {
		b := a.browser(t)
		a.waits(t, b)
		seen, reached := 0, false
		a.users.follow(func(n int) {
			if seen++; seen-1 == step {
				reached = true
				if err := a.auth.RevokeUser(t.Context(), a.ada); err != nil {
					t.Error(err)
				}
			}
		})
		b.gives("code", phone.code(a))
		steps := a.users.taken()
		if reached && b.id() != "" {
			t.Errorf("RevokeUser before %s, and signed in is %q", steps[step], b.id())
		}
		data, err := a.users.GetFactors(t.Context(), a.ada)
		if err != nil || !strings.Contains(string(data), "secret") {
			t.Fatalf("RevokeUser before %v: the app is gone: %s, %v", steps, data, err)
		}
		a.clock.move(otp.Period)
	}
}

// A user who is deleted while RevokeUser ends what they have is no fault.
func TestFactorStore_DeletedMeanwhile(t *testing.T) {
	t.Parallel()
	users := newContended()
	a := newFactorApp(t, passwordOptions{Options: ginauth.Options{Adapter: users, Session: ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()}}})
	b := a.browser(t)
	a.enrols(t, b)
	users.updated = func() error {
		users.updated = nil
		return users.Adapter.DeleteUser(t.Context(), a.ada)
	}
	if err := a.auth.RevokeUser(t.Context(), a.ada); err != nil || b.id() != "" {
		t.Errorf("RevokeUser: %v, and signed in is %q", err, b.id())
	}
	users.updated = func() error { return errDatabase }
	other := newFactorApp(t, passwordOptions{Options: ginauth.Options{Adapter: newContended(), Session: ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()}}})
	other.enrols(t, other.browser(t))
	other.users.Adapter.(*contended).updated = func() error { return errDatabase }
	if err := other.auth.RevokeUser(t.Context(), other.ada); err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("a change that fails: %v", err)
	}
}
