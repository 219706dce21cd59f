package sessionstrategy_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ginauth/ginauth/internal/bulkhead"
	"github.com/ginauth/ginauth/internal/sessionstrategy"
)

// A locking store gives each of its locks to one at a time.
type locking struct {
	*memory
	names []string // that were asked for
	held  int
	fault error
}

func (l *locking) Lock(_ context.Context, name string) (func(), error) {
	l.names = append(l.names, name)
	if l.fault != nil {
		return nil, l.fault
	}
	l.held++
	return func() { l.held-- }, nil
}

// A lock is the store's too where that has locks, is held until it is released, and
// given back here where the store gave none.
func TestLocks_OfTheStore(t *testing.T) {
	t.Parallel()
	store := &locking{memory: newMemory()}
	locks := sessionstrategy.NewLocks(store, calls(), errs(), nil)
	for range 3 {
		release, err := locks.Lock(t.Context(), "session", time.Minute)
		if err != nil || store.held != 1 {
			t.Fatalf("%d are held, %v", store.held, err)
		}
		if release(); store.held != 0 {
			t.Errorf("%d are held after the release", store.held)
		}
	}
	store.fault = errors.New("no lock of session today")
	for range 2 {
		release, err := locks.Lock(t.Context(), "session", time.Minute)
		if release != nil || !errors.Is(err, errUnavailable) || !strings.Contains(err.Error(), "its lock: ") || strings.Contains(err.Error(), "of session") {
			t.Errorf("the error is %v", err) // which names no session
		}
	}
	store.fault = nil
	release, err := locks.Lock(t.Context(), "session", time.Minute)
	if err != nil {
		t.Fatal("the lock of this process was kept: ", err)
	}
	release()
	if !slices.Equal(store.names, slices.Repeat([]string{"session"}, 6)) {
		t.Errorf("asked for %q", store.names)
	}
}

// A store that is slow with its lock is told from one that fails.
func TestLocks_SlowStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := late{newMemory(), make(chan struct{})}
		locks := sessionstrategy.NewLocks(store, calls(), errs(), nil)
		begun := time.Now()
		_, err := locks.Lock(t.Context(), "session", 3*time.Second)
		if took := time.Since(begun); !errors.Is(err, bulkhead.ErrSlow) || took != 3*time.Second {
			t.Errorf("after %v: %v", took, err)
		}
		<-store.released
	})
}

// A write waits four seconds for the one before it, by a lock of its own name, and then
// cannot tell.
func TestReplace_Waits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, c := &locking{memory: newMemory()}, calls()
		locks := sessionstrategy.NewLocks(store, c, errs(), nil)
		s := sessionstrategy.InStore(store, c, locks, sessionstrategy.NewNamespace("usual", "usual"), errs())
		value, _ := s.Create(t.Context(), "ada", []byte(`{}`), time.Now().Add(time.Hour))
		read, err := s.Open(t.Context(), value)
		if err != nil {
			t.Fatal(err)
		}
		replace := func() (took time.Duration, err error) {
			begun := time.Now()
			_, err = s.Replace(t.Context(), "sid", value, read, []byte(`{"n":1}`), time.Now().Add(time.Hour))
			return time.Since(begun), err
		}
		release, err := locks.Lock(t.Context(), "write:sid", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if took, err := replace(); !errors.Is(err, errUnavailable) || took != 4*time.Second || strings.Contains(store.kept[value], `"n"`) {
			t.Errorf("after %v: %v", took, err)
		}
		release()
		if took, err := replace(); err != nil || took != 0 || !strings.Contains(store.kept[value], `"n"`) {
			t.Errorf("after %v: %v", took, err)
		}
		if slices.ContainsFunc(store.names, func(n string) bool { return n != "write:sid" }) {
			t.Errorf("the store's locks are called %q", store.names)
		}
	})
}

// A record says who wrote it, and when, only where that tells of updates that may be
// lost: in a store that neither compares nor locks.
func TestInStore_Writer(t *testing.T) {
	t.Parallel()
	compares, plain := comparing{newMemory()}, newMemory()
	locks := &locking{memory: newMemory()}
	for name, row := range map[string]struct {
		store  sessionstrategy.Store
		kept   *memory
		notice func()
		writer bool
	}{
		"plain": {plain, plain, func() {}, true}, "plain, nobody to tell": {plain, plain, nil, false},
		"compares": {compares, compares.memory, func() {}, false}, "locks": {locks, locks.memory, func() {}, false},
	} {
		c := calls()
		s := sessionstrategy.InStore(row.store, c, sessionstrategy.NewLocks(row.store, c, errs(), row.notice), sessionstrategy.NewNamespace("usual", "usual"), errs())
		value, err := s.Create(t.Context(), "ada", []byte(`{}`), time.Now().Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		check := func(what string) {
			var kept struct {
				Writer *string `json:"writer"`
				At     *int64  `json:"at"`
			}
			if err := json.Unmarshal([]byte(row.kept.kept[value]), &kept); err != nil {
				t.Fatal(err)
			}
			if (kept.Writer != nil) != row.writer || (kept.At != nil) != row.writer || row.writer && (len(*kept.Writer) != 12 || time.Since(time.Unix(*kept.At, 0)) > time.Minute) {
				t.Errorf("%s, %s: %s is kept", name, what, row.kept.kept[value])
			}
		}
		check("created")
		read, err := s.Open(t.Context(), value)
		if err == nil {
			value, err = s.Replace(t.Context(), "sid", value, read, []byte(`{"n":1}`), time.Now().Add(time.Hour))
		}
		if err != nil {
			t.Fatal(name, err)
		}
		check("replaced")
	}
}

// Another process is one that writes more than a minute after this one began: what it
// wrote until then may be of the process that this one took the place of. A record that
// names no writer tells nothing.
func TestLocks_NoticeEdge(t *testing.T) {
	t.Parallel()
	for _, begins := range []time.Duration{time.Second - 1, time.Second} {
		synctest.Test(t, func(t *testing.T) { noticeEdge(t, begins) })
	}
}

// noticeEdge begins a process within a second or at its start: records have whole seconds.
func noticeEdge(t *testing.T, begins time.Duration) {
	time.Sleep(begins)
	store, noticed := newMemory(), 0
	process := func(notice func()) sessionstrategy.Strategy {
		c := calls()
		return sessionstrategy.InStore(store, c, sessionstrategy.NewLocks(store, c, errs(), notice), sessionstrategy.NewNamespace("usual", "usual"), errs())
	}
	here, silent := process(func() { noticed++ }), process(nil)
	began := time.Now()
	for _, row := range []struct {
		record string // what follows "of"
		want   int
	}{
		{`"writer":"another","at":` + unix(began.Add(time.Minute-time.Second)), 0},
		{`"writer":"another","at":` + unix(began.Add(time.Minute)), 0},
		{`"writer":"another","at":` + unix(began.Add(time.Minute+time.Second)), 1},
		{`"writer":"another","at":` + unix(began.Add(time.Hour)), 1},
		{`"at":` + unix(began.Add(time.Hour)), 0},
	} {
		store.kept["h"], noticed = `{"of":"usual",`+row.record+`,"claims":{}}`, 0
		for _, s := range []sessionstrategy.Strategy{here, silent} {
			if _, err := s.Open(t.Context(), "h"); err != nil {
				t.Fatal(err)
			}
		}
		if noticed != row.want {
			t.Errorf("%s, begun after %v: noticed %d times, want %d", row.record, begins, noticed, row.want)
		}
	}
}

func unix(at time.Time) string {
	text, _ := json.Marshal(at.Unix())
	return string(text)
}

// What a store is asked for, and what becomes of its errors.
func TestInStore_Asks(t *testing.T) {
	t.Parallel()
	for length, asks := range map[int]bool{0: false, 1: true, 4096: true, 4097: false} {
		store := &counting{memory: newMemory()}
		_, err := inStore(store, "usual").Open(t.Context(), strings.Repeat("x", length))
		if !errors.Is(err, errNotFound) || (store.asked > 0) != asks {
			t.Errorf("a handle of %d bytes: asked %d times, %v", length, store.asked, err)
		}
	}
	store := &counting{memory: newMemory(), fault: errors.New("down: handle-1")}
	s := inStore(store, "usual")
	if err := s.Remove(t.Context(), "handle-1"); !errors.Is(err, errUnavailable) || strings.Contains(err.Error(), "handle-1") {
		t.Errorf("it was not removed: %v", err)
	}
	if _, err := s.Open(t.Context(), "handle-1"); !errors.Is(err, errUnavailable) || strings.Contains(err.Error(), "handle-1") {
		t.Errorf("it was not read: %v", err)
	}
	if _, err := s.Replace(t.Context(), "sid", "handle-1", sessionstrategy.Record{}, []byte(`{}`), time.Now()); !errors.Is(err, errUnavailable) {
		t.Errorf("it was not replaced: %v", err)
	}
	if _, err := inCookie(t).Open(t.Context(), "x"); err == nil {
		t.Error("a value that nobody sealed opens")
	}
}

// A counting store counts what it is asked for, or fails.
type counting struct {
	*memory
	asked int
	fault error
}

func (c *counting) Get(ctx context.Context, handle string) ([]byte, error) {
	if c.asked++; c.fault != nil {
		return nil, c.fault
	}
	return c.memory.Get(ctx, handle)
}

func (c *counting) Delete(ctx context.Context, handle string) error {
	if c.fault != nil {
		return c.fault
	}
	return c.memory.Delete(ctx, handle)
}

// An Auth whose cookies have their usual names puts nothing in front of other names, and
// reads no record that is not whole.
func TestNamespace(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ prefix, scope, owner string }{{"usual", "", "ada"}, {"staff", "staff\n", "staff\nada"}} {
		n := sessionstrategy.NewNamespace(row.prefix, "usual")
		if n.String() != row.prefix || n.Scope() != row.scope || n.Owner("ada") != row.owner || n.Owner("") != "" {
			t.Errorf("%+v is %q, %q, %q, %q", row, n.String(), n.Scope(), n.Owner("ada"), n.Owner(""))
		}
		for record, whole := range map[string]bool{
			`{"of":"` + row.prefix + `","claims":{}}`: true, `{"of":"` + row.prefix + `","claims":{},"at":"soon"}`: false, `{"of":"` + row.prefix + `"`: false,
			`{"claims":{}}`: false, "": false,
		} {
			if s, ok := n.Unwrap([]byte(record)); ok != whole || !whole && s.Of != "" {
				t.Errorf("%s: %+v, %v", record, s, ok)
			}
		}
	}
}

// A cookie's successor is found again and again, and stays what it is.
func TestSuccessors_Again(t *testing.T) {
	t.Parallel()
	s := inCookie(t)
	value, next := succession(t, s, 10)
	for range 3 {
		if got := s.Latest(sessionstrategy.Cookie{Value: value}).Value; got != next {
			t.Error("the successor is another one")
		}
		succession(t, s, 10)
	}
}

// The successors that are remembered are cookies of 16 MB, to the byte, and as many again.
func TestSuccessors_Bytes(t *testing.T) {
	t.Parallel()
	const length, number = 1 << 14, 1 << 10
	synctest.Test(t, func(t *testing.T) { // no time goes by
		size := 0
		for s := inCookie(t); ; size++ {
			if _, next := succession(t, s, 12_000+size); len(next) == length {
				break
			} else if len(next) > length {
				t.Fatalf("no cookie has %d bytes", length)
			}
		}
		s := inCookie(t)
		value, next := succession(t, s, 12_000+size)
		succeed(t, s, 2*number-1, 12_000+size)
		if s.Latest(sessionstrategy.Cookie{Value: value}).Value != next {
			t.Error("it is forgotten before 32 MB have followed")
		}
		succeed(t, s, 1, 12_000+size)
		if s.Latest(sessionstrategy.Cookie{Value: value}).Value == next {
			t.Error("it is known after 32 MB have followed")
		}
	})
}
