package sessionstrategy_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ginauth/ginauth/internal/bulkhead"
	"github.com/ginauth/ginauth/internal/sessionstrategy"
	"github.com/ginauth/ginauth/internal/token"
)

var (
	errNotFound    = errors.New("not found")
	errConflict    = errors.New("conflict")
	errUnavailable = errors.New("unavailable")
)

func errs() sessionstrategy.Errors {
	return sessionstrategy.Errors{NotFound: errNotFound, Conflict: errConflict, Unavailable: errUnavailable}
}

// A memory is a store that compares nothing.
type memory struct {
	mu    sync.Mutex
	kept  map[string]string
	owner map[string]string

	deleted []string
}

func newMemory() *memory { return &memory{kept: map[string]string{}, owner: map[string]string{}} }

func (m *memory) Create(_ context.Context, userID string, data []byte, _ time.Time) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	handle := "h" + strconv.Itoa(len(m.kept))
	m.kept[handle], m.owner[handle] = string(data), userID
	return handle, nil
}

func (m *memory) Get(_ context.Context, handle string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.kept[handle]
	if !ok {
		return nil, errNotFound
	}
	return []byte(data), nil
}

func (m *memory) Update(_ context.Context, handle string, data []byte, _ time.Time) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.kept[handle]; !ok {
		return "", errNotFound
	}
	m.kept[handle] = string(data)
	return handle, nil
}

func (m *memory) Delete(_ context.Context, handle string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.deleted = append(m.deleted, handle)
	delete(m.kept, handle)
	return nil
}

// A comparing store is a memory that replaces only what was read.
type comparing struct{ *memory }

func (m comparing) UpdateIf(ctx context.Context, handle string, old, data []byte, expires time.Time) (string, error) {
	now, err := m.Get(ctx, handle)
	if err == nil && string(now) != string(old) {
		err = errConflict
	}
	if err != nil {
		return "", err
	}
	return m.Update(ctx, handle, data, expires)
}

func calls() *bulkhead.Bulkhead {
	return bulkhead.New(2*time.Second, errUnavailable, errNotFound, errConflict)
}

func inStore(store sessionstrategy.Store, prefix string) sessionstrategy.Strategy {
	c := calls()
	return sessionstrategy.InStore(store, c, sessionstrategy.NewLocks(store, c, errs(), nil), sessionstrategy.NewNamespace(prefix, "usual"), errs())
}

func inCookie(t *testing.T) sessionstrategy.Strategy {
	t.Helper()
	ring, err := token.V4.Keyring("", "a secret of 32 bytes or more, for a test")
	if err != nil {
		t.Fatal(err)
	}
	return sessionstrategy.InCookie(ring, sessionstrategy.NewSuccessors(), errs())
}

// Of two that replace the session which both read, the second is told so, wherever
// sessions are kept.
func TestReplace_Conflict(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]sessionstrategy.Strategy{
		"in a cookie":                  inCookie(t),
		"in a store":                   inStore(newMemory(), "usual"),
		"in a store that compares":     inStore(comparing{newMemory()}, "usual"),
		"in a store that others share": inStore(newMemory(), "staff"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, expires := t.Context(), time.Now().Add(time.Hour)
			value, err := s.Create(ctx, "ada", []byte(`{"n":1}`), expires)
			if err != nil {
				t.Fatal(err)
			}
			read, err := s.Open(ctx, value)
			if err != nil || string(read.Payload) != `{"n":1}` || !read.Current {
				t.Fatalf("it opens as %s, %v, %v", read.Payload, read.Current, err)
			}
			next, err := s.Replace(ctx, "session", value, read, []byte(`{"n":2}`), expires)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Replace(ctx, "session", value, read, []byte(`{"n":3}`), expires); !errors.Is(err, errConflict) {
				t.Errorf("the second one replaces it too: %v", err)
			}
			latest := s.Latest(sessionstrategy.Cookie{Value: value})
			if latest.Value != next {
				t.Error("the latest is not what the first one made")
			}
			if read, err = s.Open(ctx, latest.Value); err != nil || string(read.Payload) != `{"n":2}` {
				t.Errorf("it opens as %s, %v", read.Payload, err)
			}
		})
	}
}

// What was removed from a store neither opens nor comes back, and a value that cannot
// be a handle never reaches the store.
func TestInStore_Removed(t *testing.T) {
	t.Parallel()
	for name, store := range map[string]sessionstrategy.Store{"plain": newMemory(), "compares": comparing{newMemory()}} {
		s, ctx, expires := inStore(store, "usual"), t.Context(), time.Now().Add(time.Hour)
		value, _ := s.Create(ctx, "ada", []byte(`{}`), expires)
		read, err := s.Open(ctx, value)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Remove(ctx, value); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Replace(ctx, "session", value, read, []byte(`{}`), expires); !errors.Is(err, errNotFound) {
			t.Errorf("%s: it came back: %v", name, err)
		}
		for _, value := range []string{value, "", strings.Repeat("h", 5000)} {
			if _, err := s.Open(ctx, value); !errors.Is(err, errNotFound) {
				t.Errorf("%s: %.10q opens: %v", name, value, err)
			}
		}
	}
}

// Of two Auths that share a store, neither opens the other's sessions, nor calls a user
// as the other does.
func TestInStore_Namespaces(t *testing.T) {
	t.Parallel()
	m := newMemory()
	for _, of := range []struct{ prefix, owner string }{{"usual", "ada"}, {"staff", "staff\nada"}} {
		value, err := inStore(m, of.prefix).Create(t.Context(), "ada", []byte(`{"a":1}`), time.Now().Add(time.Hour))
		if err != nil || m.owner[value] != of.owner {
			t.Errorf("%s calls the user %q, %v", of.prefix, m.owner[value], err)
		}
		for _, by := range []string{"usual", "staff", "other"} {
			if _, err := inStore(m, by).Open(t.Context(), value); (err == nil) != (by == of.prefix) {
				t.Errorf("%s opens the session of %s: %v", by, of.prefix, err)
			}
		}
		kept, ok := sessionstrategy.NewNamespace(of.prefix, "usual").Unwrap([]byte(m.kept[value]))
		if !ok || string(kept.Claims) != `{"a":1}` || time.Since(time.UnixMicro(kept.Born)).Abs() > time.Minute {
			t.Errorf("%s keeps %+v, %v", of.prefix, kept, ok)
		}
	}
}

// A lock is given to one request at a time, and a request that waits for too long says
// that it cannot tell.
func TestLocks(t *testing.T) {
	t.Parallel()
	locks := sessionstrategy.NewLocks(newMemory(), calls(), errs(), nil)
	release, err := locks.Lock(t.Context(), "session", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := locks.Lock(t.Context(), "session", time.Millisecond); !errors.Is(err, errUnavailable) {
		t.Errorf("two have it: %v", err)
	}
	other, err := locks.Lock(t.Context(), "other", time.Minute)
	if err != nil {
		t.Error(err)
	} else {
		other()
	}
	release()
	if release, err = locks.Lock(t.Context(), "session", time.Minute); err != nil {
		t.Error(err)
	} else {
		release()
	}
}

// That another process writes to a store is noticed where that may lose updates: where
// the store neither compares nor locks, and not for a process that went before.
func TestLocks_Notice(t *testing.T) {
	t.Parallel()
	for name, store := range map[string]sessionstrategy.Store{"plain": newMemory(), "compares": comparing{newMemory()}} {
		synctest.Test(t, func(t *testing.T) {
			noticed := 0
			process := func() sessionstrategy.Strategy {
				c := calls()
				locks := sessionstrategy.NewLocks(store, c, errs(), func() { noticed++ })
				return sessionstrategy.InStore(store, c, locks, sessionstrategy.NewNamespace("usual", "usual"), errs())
			}
			opens := func(s sessionstrategy.Strategy, value string) sessionstrategy.Record {
				t.Helper()
				r, err := s.Open(t.Context(), value)
				if err != nil {
					t.Fatal(err)
				}
				return r
			}
			here := process()
			value, err := here.Create(t.Context(), "ada", []byte(`{}`), time.Now().Add(time.Hour))
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(30 * time.Second)
			there := process()
			opens(there, value)
			opens(here, value)
			time.Sleep(2 * time.Minute)
			if opens(there, value); noticed != 0 {
				t.Errorf("%s: what was written before counts", name)
			}
			if value, err = here.Replace(t.Context(), "s", value, opens(here, value), []byte(`{"n":1}`), time.Now().Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
			if opens(here, value); noticed != 0 {
				t.Errorf("%s: its own record counts", name)
			}
			want := 1
			if name == "compares" {
				want = 0
			}
			if opens(there, value); noticed != want {
				t.Errorf("%s: noticed %d times, want %d", name, noticed, want)
			}
		})
	}
}

// A late store has its lock when nobody waits for it any more.
type late struct {
	*memory
	released chan struct{}
}

func (l late) Lock(ctx context.Context, _ string) (func(), error) {
	<-ctx.Done()
	return func() { close(l.released) }, nil
}

// A lock that comes too late is given back at once.
func TestLocks_Late(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := late{newMemory(), make(chan struct{})}
		locks := sessionstrategy.NewLocks(store, calls(), errs(), nil)
		if release, err := locks.Lock(t.Context(), "session", time.Second); release != nil || !errors.Is(err, errUnavailable) {
			t.Errorf("the lock came too late: %v", err)
		}
		<-store.released
	})
}

// What was never a handle is deleted nowhere, and a long one is asked for up to a bound.
func TestInStore_RemoveNothing(t *testing.T) {
	t.Parallel()
	for length, asks := range map[int]bool{0: false, 1: true, 4096: true, 4097: false, 100_000: false} {
		store := newMemory()
		err := inStore(store, "usual").Remove(t.Context(), strings.Repeat("x", length))
		if err != nil || (len(store.deleted) > 0) != asks {
			t.Errorf("a handle of %d bytes: deleted %d, %v", length, len(store.deleted), err)
		}
	}
}

// A cookie's successor is remembered for a minute at the least, however many others
// follow it, unless they are 16 MB.
func TestSuccessors_Bounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for name, row := range map[string]struct {
			between func(s sessionstrategy.Strategy)
			known   bool
		}{
			"at once":     {func(sessionstrategy.Strategy) {}, true},
			"two minutes": {func(s sessionstrategy.Strategy) { time.Sleep(2 * time.Minute) }, true}, // nothing is swept
			"a turn":      {func(s sessionstrategy.Strategy) { time.Sleep(time.Minute); succeed(t, s, 1, 10) }, true},
			"two turns": {func(s sessionstrategy.Strategy) {
				time.Sleep(time.Minute)
				succeed(t, s, 1, 10)
				time.Sleep(time.Minute)
				succeed(t, s, 1, 10)
			}, false},
			"no turn": {func(s sessionstrategy.Strategy) {
				time.Sleep(time.Minute - 1)
				succeed(t, s, 1, 10)
				time.Sleep(time.Minute - 1)
				succeed(t, s, 1, 10)
			}, true},
			"a flood":      {func(s sessionstrategy.Strategy) { succeed(t, s, 1500, 30_000) }, false},
			"half a flood": {func(s sessionstrategy.Strategy) { succeed(t, s, 300, 30_000) }, true},
		} {
			s := inCookie(t)
			value, next := succession(t, s, 10)
			row.between(s)
			if got := s.Latest(sessionstrategy.Cookie{Value: value}).Value; (got == next) != row.known {
				t.Errorf("%s: the successor is known: %v", name, got == next)
			}
		}
	})
}

// succession replaces a session of so many bytes.
func succession(t *testing.T, s sessionstrategy.Strategy, size int) (value, next string) {
	t.Helper()
	end := time.Now().Add(time.Hour)
	value, err := s.Create(t.Context(), "ada", []byte(`{}`), end)
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Open(t.Context(), value)
	if err != nil {
		t.Fatal(err)
	}
	if next, err = s.Replace(t.Context(), "s", value, r, []byte(`{"x":"`+strings.Repeat("x", size)+`"}`), end); err != nil {
		t.Fatal(err)
	}
	return value, next
}

func succeed(t *testing.T, s sessionstrategy.Strategy, times, size int) {
	for range times {
		succession(t, s, size)
	}
}
