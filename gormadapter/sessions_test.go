package gormadapter_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/gormadapter"
	"github.com/ginauth/ginauth/internal/servertest"
	"github.com/ginauth/ginauth/storetest"
)

// The session store, on each database: the contract, then what the adapter adds to it,
// and then the same while the server is killed.
func TestSessions(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, server *servertest.Server, open func(testing.TB, *gorm.Config) *gorm.DB) {
		t.Run("runs", func(t *testing.T) {
			t.Run("contract", func(t *testing.T) {
				t.Parallel()
				s := migrated(t, open(t, nil), gormadapter.Options{TablePrefix: "auth_"}).Sessions()
				t.Run("runs", func(t *testing.T) {
					storetest.Run(t, func(testing.TB) ginauth.SessionStore { return s })
				})
			})
			for name, test := range map[string]func(*testing.T, *gorm.DB){
				"lock across processes": sessionLocks, "a clock that steps": sessionClock, "garbage": sessionGarbage,
				"purge": sessionPurge, "a database that is read-only or full": sessionsReadOnly,
			} {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					test(t, open(t, nil))
				})
			}
		})
		if server != nil {
			storetest.Outage(t, migrated(t, open(t, nil), gormadapter.Options{}).Sessions(), server.Kill, server.Start)
		}
	})
}

const claims = `{"claims":{"sub":"ada"}}`

func create(t testing.TB, s *gormadapter.Sessions, userID string, expires time.Time) string {
	t.Helper()
	handle, err := s.Create(t.Context(), userID, []byte(claims), expires)
	if err != nil {
		t.Fatal(err)
	}
	return handle
}

// An attacker who reads the tables or gorm's log finds no handle there, nor whose the
// sessions are.
func TestAttack36_SessionsAtRest(t *testing.T) {
	t.Parallel()
	log := &record{}
	db := opened(t, sqliteIn(t), &gorm.Config{Logger: logger.New(log, logger.Config{LogLevel: logger.Info})})
	s := migrated(t, db, gormadapter.Options{}).Sessions()
	handle := create(t, s, "secretive", time.Now().Add(time.Hour))
	if _, err := s.Update(t.Context(), handle, []byte(`{"claims":"more"}`), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	release, err := s.Lock(t.Context(), "lock of "+handle)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	text := dump(t, db) + log.String()
	if !strings.Contains(text, "stored_sessions.id=") || !strings.Contains(text, "UPDATE stored_sessions") {
		t.Fatalf("nothing is kept or logged: %s", text)
	}
	for _, secret := range []string{handle, "secretive", "lock of"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is at rest or in the log", secret)
		}
	}
}

// Two adapters are two processes: a lock is held across them, by the database's clock,
// whatever their own clocks say.
func sessionLocks(t *testing.T, db *gorm.DB) {
	t.Helper()
	ahead := func() time.Time { return time.Now().Add(24 * time.Hour) }
	here, there := migrated(t, db, gormadapter.Options{}).Sessions(), migrated(t, db, gormadapter.Options{Now: ahead}).Sessions()
	release, err := here.Lock(t.Context(), "a session")
	if err != nil {
		t.Fatal(err)
	}
	soon, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := there.Lock(soon, "a session"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a process whose clock is ahead takes the lock: %v", err)
	}
	release()
	for _, end := range []string{"expires - 16000", "expires + 3600000"} { // over; or written before the clock was set back
		if _, err = there.Lock(t.Context(), "a session"); err != nil {
			t.Fatal(err)
		}
		if err := db.Exec("UPDATE session_locks SET expires = " + end).Error; err != nil {
			t.Fatal(err)
		}
		release, err := here.Lock(t.Context(), "a session")
		if err != nil {
			t.Fatal(err)
		}
		release()
	}
	if n := count(t, db, "session_locks"); n != 0 {
		t.Errorf("%d locks are left", n)
	}
}

// A clock that steps signs people out for as long as it is wrong, and deletes nothing
// that still counts when it is right again.
func sessionClock(t *testing.T, db *gorm.DB) {
	t.Helper()
	var step atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(step.Load())) }
	a := migrated(t, db, gormadapter.Options{Now: now})
	s, revocations := a.Sessions(), a.Revocations()
	handle := create(t, s, "ada", time.Now().Add(time.Hour))
	if err := revocations.Revoke(t.Context(), "user:grace", time.Now(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	step.Store(int64(12 * time.Hour))
	if _, err := s.Get(t.Context(), handle); !errors.Is(err, ginauth.ErrNotFound) {
		t.Errorf("after its end: %v", err)
	}
	if _, err := s.Update(t.Context(), handle, []byte(claims), now().Add(time.Hour)); !errors.Is(err, ginauth.ErrNotFound) {
		t.Errorf("and it is updated: %v", err)
	}
	if list, err := s.List(t.Context(), "ada"); len(list) != 0 || err != nil {
		t.Errorf("and listed: %v, %v", list, err)
	}
	if err := a.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	step.Store(int64(-12 * time.Hour))
	create(t, s, "grace", time.Now().Add(time.Hour))
	if err := a.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	step.Store(0)
	if data, err := s.Get(t.Context(), handle); string(data) != claims || err != nil {
		t.Errorf("with the right clock again: %s, %v", data, err)
	}
	if at, err := revocations.RevokedAt(t.Context(), "user:grace"); at.IsZero() || err != nil {
		t.Errorf("the revocation is %v, %v", at, err)
	}
}

// A record that says nothing signs out its own person alone.
func sessionGarbage(t *testing.T, db *gorm.DB) {
	t.Helper()
	s := migrated(t, db, gormadapter.Options{}).Sessions()
	auth, err := ginauth.New(ginauth.Options{
		Secret: "0123456789abcdef0123456789abcdef", BaseURL: "http://app.example.com", Session: ginauth.SessionOptions{Store: s},
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	engine := gin.New()
	engine.GET("/", auth.RequireSession(), func(c *gin.Context) { c.String(http.StatusOK, ginauth.GetSession(c).User.ID) })
	status := func(handle string) int {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "http://app.example.com/", nil)
		r.Header.Set("Cookie", "next-auth.session-token="+handle)
		engine.ServeHTTP(w, r)
		return w.Code
	}
	now := time.Now()
	good := fmt.Sprintf(`{"of":"next-auth","claims":{"sub":"ada","iat":%d,"exp":%d}}`, now.Unix(), now.Add(time.Hour).Unix())
	for _, row := range []struct {
		data string
		want int
	}{
		{good, http.StatusOK},
		{"\x00\xff\x81 garbage", http.StatusUnauthorized},
		{"{", http.StatusUnauthorized},
		{good[:len(good)-5], http.StatusUnauthorized},
		{`{"of":"next-auth","claims":null}`, http.StatusUnauthorized},
		{"", http.StatusUnauthorized},
	} {
		handle, err := s.Create(t.Context(), "ada", []byte(claims), now.Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Exec("UPDATE stored_sessions SET data = ?", []byte(row.data)).Error; err != nil {
			t.Fatal(err)
		}
		if got := status(handle); got != row.want {
			t.Errorf("%q answers %d, want %d", row.data, got, row.want)
		}
	}
}

// What has expired for a day is purged after a write, some of it at a time, and what
// has not stays.
func sessionPurge(t *testing.T, db *gorm.DB) {
	t.Helper()
	var step atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(step.Load())) }
	a := migrated(t, db, gormadapter.Options{Now: now})
	s := a.Sessions()
	const expired = 10_700 // more than follows one write
	began := now()
	hour := began.Add(5 * time.Hour)
	type row struct {
		ID, Subject      string
		Data             []byte
		Expires, Version int64
	}
	old := make([]row, expired)
	for i := range old {
		old[i] = row{fmt.Sprint("old", i), "x", []byte("{}"), began.Add(-25 * time.Hour).UnixMilli(), 1}
	}
	if err := db.Table("stored_sessions").CreateInBatches(old, 500).Error; err != nil {
		t.Fatal(err)
	}
	lately := create(t, s, "ada", began.Add(-time.Hour))
	if n := count(t, db, "stored_sessions"); n != expired+1 {
		t.Errorf("a process that has just begun purges at once: %d rows are left", n)
	}
	ended := make(chan struct{}, 100) // a purge looks for locks last
	err := db.Callback().Row().After("gorm:row").Register("test:purge", func(tx *gorm.DB) {
		if strings.Contains(tx.Statement.SQL.String(), "FROM session_locks WHERE expires <") {
			ended <- struct{}{}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	ends := func() {
		t.Helper()
		select {
		case <-ended:
		case <-time.After(30 * time.Second):
			t.Fatal("no purge follows a write")
		}
	}
	step.Store(int64(2 * time.Hour))
	good := create(t, s, "ada", hour) // this write purges
	ends()
	if n := count(t, db, "stored_sessions"); n != expired-10_000+2 {
		t.Errorf("after one write %d rows are left, want %d", n, expired-10_000+2)
	}
	for deadline := time.Now().Add(30 * time.Second); count(t, db, "stored_sessions") != 2; { // the next ones go on
		if time.Now().After(deadline) {
			t.Fatalf("%d rows stay", count(t, db, "stored_sessions"))
		}
		if _, err := s.Update(t.Context(), good, []byte(claims), hour); err != nil {
			t.Fatal(err)
		}
	}
	ends()
	if err := db.Table("stored_sessions").Create(old[:1]).Error; err != nil {
		t.Fatal(err)
	}
	for range 20 { // within the hour nothing is purged
		create(t, s, "grace", hour)
	}
	if n := count(t, db, "stored_sessions"); n != 23 {
		t.Errorf("%d rows are left, want 23", n)
	}
	if err := a.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := count(t, db, "stored_sessions"); n != 22 {
		t.Errorf("after Purge %d rows are left, want 22", n)
	}
	if _, err := s.Get(t.Context(), good); err != nil {
		t.Errorf("one that has not expired: %v", err)
	}
	if err := s.Delete(t.Context(), lately); err != nil {
		t.Error(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.Purge(gone); err == nil {
		t.Error("Purge goes on after its context has ended")
	}
}

// A database that cannot be written says so, reads go on, and nobody is signed out.
func sessionsReadOnly(t *testing.T, db *gorm.DB) {
	t.Helper()
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	pool.SetMaxOpenConns(1) // the settings below are the connection's
	s := migrated(t, db, gormadapter.Options{}).Sessions()
	handle := create(t, s, "ada", time.Now().Add(time.Hour))
	for doing, settings := range map[string]map[string][2]string{
		"read-only": {
			"sqlite":   {"PRAGMA query_only = 1", "PRAGMA query_only = 0"},
			"postgres": {"SET default_transaction_read_only = on", "SET default_transaction_read_only = off"},
			"mysql":    {"SET SESSION TRANSACTION READ ONLY", "SET SESSION TRANSACTION READ WRITE"},
		},
		"full": {"sqlite": {"PRAGMA max_page_count = 1", "PRAGMA max_page_count = 1000000"}},
	} {
		set, ok := settings[db.Name()]
		if !ok {
			continue
		}
		if err := db.Exec(set[0]).Error; err != nil {
			t.Fatal(err)
		}
		large := []byte(`{"claims":"` + strings.Repeat("x", 30_000) + `"}`)
		_, createErr := s.Create(t.Context(), "ada", large, time.Now().Add(time.Hour))
		_, updateErr := s.Update(t.Context(), handle, large, time.Now().Add(time.Hour))
		_, swapErr := s.UpdateIf(t.Context(), handle, []byte(claims), large, time.Now().Add(time.Hour))
		errs := map[string]error{"Create": createErr, "Update": updateErr, "UpdateIf": swapErr}
		if doing == "read-only" {
			errs["Delete"], errs["DeleteUser"] = s.Delete(t.Context(), handle), s.DeleteUser(t.Context(), "ada")
			_, errs["Lock"] = s.Lock(t.Context(), "x")
		}
		for name, err := range errs {
			if err == nil || errors.Is(err, ginauth.ErrNotFound) || errors.Is(err, ginauth.ErrConflict) {
				t.Errorf("%s, %s: %v", doing, name, err)
			}
		}
		if data, err := s.Get(t.Context(), handle); string(data) != claims || err != nil {
			t.Errorf("%s: Get returns %s, %v", doing, data, err)
		}
		if err := db.Exec(set[1]).Error; err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Update(t.Context(), handle, []byte(claims), time.Now().Add(time.Hour)); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
