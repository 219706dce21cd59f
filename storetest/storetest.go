// Package storetest tests a SessionStore against the contract of ginauth.SessionStore,
// and of ginauth.UserSessionStore, ginauth.CompareStore and ginauth.SessionLocker if it
// is one:
//
//	func TestMyStore(t *testing.T) {
//		storetest.Run(t, func(t testing.TB) ginauth.SessionStore { return newMyStore(t) })
//	}
//
// Outage also stops and starts the server behind the store. The package knows the
// contracts only, not what is behind the store.
package storetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ginauth/ginauth"
)

// Run tests a store, in subtests that run in parallel. newStore is called for each of
// them. The stores may all keep their sessions in one database, which need not be empty:
// the suite makes up its own users.
//
// Sessions are up to 32 KB long, as ginauth's are. Run the suite under the race
// detector, and on the server that you use. Its parts "at random" log the seed with which
// they fail. The part "Lock/abandoned" takes 15 seconds, and is left out with -short.
// What a store does while its server is down, Outage tests.
func Run(t *testing.T, newStore func(t testing.TB) ginauth.SessionStore) {
	for _, part := range []struct {
		name string
		test func(s suite)
	}{
		{"Create", testCreate},
		{"Get", testGet},
		{"Update", testUpdate},
		{"Delete", testDelete},
		{"Context", testContext},
		{"at random/one session", testRegister},
		{"at random/many users", testModel},
		{"List", listing(testList)},
		{"List/expired", listing(testListExpired)},
		{"DeleteListed", listing(testDeleteListed)},
		{"DeleteUser", listing(testDeleteUser)},
		{"DeleteUser/while sessions begin", listing(testDeleteUserAtOnce)},
		{"UpdateIf", comparing(testUpdateIf)},
		{"UpdateIf/at once", comparing(testUpdateIfAtOnce)},
		{"Lock", locking(testLock)},
		{"Lock/at once", locking(testLockAtOnce)},
		{"Lock/abandoned", locking(testLockAbandoned)},
	} {
		t.Run(part.name, func(t *testing.T) {
			t.Parallel()
			store := newStore(t)
			s := suite{T: t, SessionStore: store, prefix: "u" + rand.Text()}
			s.users, _ = store.(ginauth.UserSessionStore)
			s.compares, _ = store.(ginauth.CompareStore)
			s.locks, _ = store.(ginauth.SessionLocker)
			part.test(s)
		})
	}
}

// A suite is a store under test, with what it is beside a SessionStore, or nil.
type suite struct {
	*testing.T
	ginauth.SessionStore
	users    ginauth.UserSessionStore
	compares ginauth.CompareStore
	locks    ginauth.SessionLocker
	prefix   string // of users whom no other part knows
}

// listing is a part for stores that find a user's sessions.
func listing(part func(suite)) func(suite) {
	return func(s suite) {
		if s.users == nil {
			s.Skip("the store is no UserSessionStore")
		}
		part(s)
	}
}

// comparing is a part for stores that compare before they replace.
func comparing(part func(suite)) func(suite) {
	return func(s suite) {
		if s.compares == nil {
			s.Skip("the store is no CompareStore")
		}
		part(s)
	}
}

// locking is a part for stores with locks.
func locking(part func(suite)) func(suite) {
	return func(s suite) {
		if s.locks == nil {
			s.Skip("the store is no SessionLocker")
		}
		part(s)
	}
}

func (s suite) user(name string) string { return s.prefix + name }

// session makes up what is kept of a session.
func session(n int) []byte {
	return fmt.Appendf(nil, `{"claims":{"n":%d,"name":"Ada <&> \u2028 ´ü 🦆","big":12345678901234567890}}`, n)
}

// hour is when the suite's sessions end, and past when those that have ended did.
func hour() time.Time { return time.Now().Add(time.Hour) }
func past() time.Time { return time.Now().Add(-time.Minute) }

func (s suite) create(userID string, data []byte) string {
	s.Helper()
	handle, err := s.Create(s.Context(), userID, data, hour())
	if err != nil {
		s.Fatalf("Create: %v", err)
	}
	return handle
}

// is fails the test unless err is want, and no other of the contract's errors.
func (s suite) is(doing string, err, want error) {
	s.Helper()
	if want == nil && err != nil || !errors.Is(err, want) {
		s.Errorf("%s: the error is %v, want %v", doing, err, want)
	}
	for _, other := range []error{ginauth.ErrNotFound, ginauth.ErrConflict} {
		if !errors.Is(want, other) && errors.Is(err, other) {
			s.Errorf("%s: the error is %v too", doing, other)
		}
	}
}

// holds fails the test unless a handle leads to data; nil: to nothing.
func (s suite) holds(doing, handle string, want []byte) {
	s.Helper()
	got, err := s.Get(s.Context(), handle)
	if want == nil {
		s.is(doing+": Get", err, ginauth.ErrNotFound)
		return
	}
	if err != nil || !sameJSON(got, want) {
		s.Errorf("%s: Get returns %.200s, %v; want %.200s", doing, got, err, want)
	}
}

// sameJSON compares two values: a database may write JSON in its own way.
func sameJSON(a, b []byte) bool {
	x, okX := parse(a)
	y, okY := parse(b)
	return okX && okY && reflect.DeepEqual(x, y)
}

func parse(data []byte) (value any, ok bool) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if d.Decode(&value) != nil {
		return nil, false
	}
	_, err := d.Token()
	return value, err == io.EOF
}

// garbage is what browsers may send for a handle, and what databases take amiss.
func garbage() []string {
	return []string{
		"", "x", "*", "../../etc/passwd", strings.Repeat("A", 43), strings.Repeat("a", 3900), strings.Repeat("a", 1<<20),
		"\x00", "a\x00b", "\xff\xfe", "' OR '1'='1", "%", "_", "🦆", "a b", "a\r\nb", "MTcwMDAwMDAwMHxnYXJiYWdlfA==",
	}
}

// names are users of whom no two are the same, whatever a database thinks of their
// spelling.
func names() []string {
	return []string{
		"ada", "Ada", "adá", "ada ", " ada", "ada\n", "ada\x00", "ad\u0430", "\xff", "staff\nada", "'", "%", "_",
		strings.Repeat("x", 300), strings.Repeat("x", 301), strings.Repeat("x", 5000),
	}
}

// late is a context that has ended.
func late(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	return ctx
}
