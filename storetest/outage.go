package storetest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ginauth/ginauth"
)

const (
	// outageSessions are written to while the server is killed.
	outageSessions = 16
	// outageWait is how long a store may take to answer again, and a call to fail.
	outageWait = 30 * time.Second
)

// Outage tests a store whose server is killed in the middle of its work and started
// again with its data, in that order, by the two functions. While it is down no call
// says that a session is not there. Afterwards, what a call had said it did is done, and
// what failed is done or not. Each call gets the two seconds that ginauth gives it.
func Outage(t *testing.T, store ginauth.SessionStore, kill, start func()) {
	s := suite{T: t, SessionStore: store, prefix: "u" + rand.Text()}
	s.users, _ = store.(ginauth.UserSessionStore)
	s.compares, _ = store.(ginauth.CompareStore)
	s.locks, _ = store.(ginauth.SessionLocker)

	work := make([]*outageWork, outageSessions)
	for i := range work {
		work[i] = &outageWork{suite: s, handle: s.create(s.user("ada"), value("0")), may: []string{"0"}}
	}
	var stop atomic.Bool
	var began, together sync.WaitGroup
	began.Add(len(work))
	for i, w := range work {
		together.Go(func() {
			w.run(i, &stop, began.Done)
		})
	}
	began.Wait() // all are at work
	kill()
	stop.Store(true)
	together.Wait()
	s.fails(work[0].handle)
	start()
	for _, w := range work {
		w.check()
	}
	s.is("DeleteUser", s.endAll(work), nil)
	for _, w := range work {
		s.holds("after the end of all", w.handle, nil)
	}
}

// bounded is the time that ginauth waits for a call.
func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, 2*time.Second)
}

// An outageWork writes to a session until its calls fail.
type outageWork struct {
	suite
	handle string
	may    []string // what the session may hold, "" for nothing
}

func (w *outageWork) run(i int, stop *atomic.Bool, began func()) {
	var once sync.Once
	defer once.Do(began)
	for n := 1; !stop.Load(); n++ {
		text := fmt.Sprint(i, ".", n)
		ctx, cancel := bounded(w.Context())
		var err error
		if n > 3 && i%4 == 0 { // these are deleted
			text, err = "", w.Delete(ctx, w.handle)
		} else {
			_, err = w.Update(ctx, w.handle, value(text), hour())
		}
		cancel()
		if n > 3 {
			once.Do(began)
		}
		if err != nil {
			if known(err) {
				w.Errorf("a call of a server that is killed says %v", err)
			}
			w.may = append(w.may, text)
			return
		}
		w.may = []string{text}
		if text == "" {
			return
		}
	}
}

func known(err error) bool {
	return errors.Is(err, ginauth.ErrNotFound) || errors.Is(err, ginauth.ErrConflict)
}

// check fails the test unless the session holds what it may.
func (w *outageWork) check() {
	w.Helper()
	got, err := w.answer(w.handle)
	holds := ""
	if err == nil {
		holds = claim(got)
	} else {
		w.is("Get", err, ginauth.ErrNotFound)
	}
	for _, text := range w.may {
		if text == holds {
			return
		}
	}
	w.Errorf("afterwards a session holds %q, not one of %q", holds, w.may)
}

// fails makes each call once while the server is down.
func (s suite) fails(handle string) {
	s.Helper()
	calls := map[string]func(context.Context) error{
		"Create": func(ctx context.Context) error {
			_, err := s.Create(ctx, s.user("ada"), session(1), hour())
			return err
		},
		"Get": func(ctx context.Context) error { _, err := s.Get(ctx, handle); return err },
		"Update": func(ctx context.Context) error {
			_, err := s.Update(ctx, handle, session(1), hour())
			return err
		},
		"Delete": func(ctx context.Context) error { return s.Delete(ctx, handle) },
	}
	if s.users != nil {
		calls["List"] = func(ctx context.Context) error { _, err := s.users.List(ctx, s.user("ada")); return err }
		calls["DeleteListed"] = func(ctx context.Context) error { return s.users.DeleteListed(ctx, s.user("ada"), "x") }
		calls["DeleteUser"] = func(ctx context.Context) error { return s.users.DeleteUser(ctx, s.user("ada")) }
	}
	if s.compares != nil {
		calls["UpdateIf"] = func(ctx context.Context) error {
			_, err := s.compares.UpdateIf(ctx, handle, session(1), session(2), hour())
			return err
		}
	}
	if s.locks != nil {
		calls["Lock"] = func(ctx context.Context) error { _, err := s.locks.Lock(ctx, s.user("lock")); return err }
	}
	for name, call := range calls {
		ctx, cancel := bounded(s.Context())
		began := time.Now()
		err := call(ctx)
		cancel()
		if err == nil || known(err) {
			s.Errorf("while its server is down, %s says %v", name, err)
		}
		if took := time.Since(began); took > outageWait {
			s.Errorf("while its server is down, %s takes %v", name, took)
		}
	}
}

// answer is Get, until the store can tell: pools drop dead connections first.
func (s suite) answer(handle string) (data []byte, err error) {
	for deadline := time.Now().Add(outageWait); time.Now().Before(deadline); {
		if data, err = s.Get(s.Context(), handle); err == nil || known(err) {
			return data, err
		}
	}
	s.Fatalf("%v after its server the store does not answer: %v", outageWait, err)
	return nil, err
}

// endAll ends all sessions, at once where the store can.
func (s suite) endAll(work []*outageWork) error {
	if s.users != nil {
		return s.users.DeleteUser(s.Context(), s.user("ada"))
	}
	var err error
	for _, w := range work {
		err = errors.Join(err, s.Delete(s.Context(), w.handle))
	}
	return err
}
