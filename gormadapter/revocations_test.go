package gormadapter_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/gormadapter"
	"github.com/ginauth/ginauth/internal/servertest"
)

func TestRevocations(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, _ *servertest.Server, open func(testing.TB, *gorm.Config) *gorm.DB) {
		db := open(t, nil)
		now := time.Now().Truncate(time.Second)
		a := migrated(t, db, gormadapter.Options{Now: func() time.Time { return now }})
		r := a.Revocations()
		is := func(want time.Time, subjects ...string) {
			t.Helper()
			if got, err := r.RevokedAt(t.Context(), subjects...); err != nil || !got.Equal(want) {
				t.Errorf("%.40v was revoked at %v, %v; want %v", subjects, got, err, want)
			}
		}
		revoke := func(subject string, at time.Time) {
			t.Helper()
			if err := r.Revoke(t.Context(), subject, at, at.Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		long := "session:1800000000:" + strings.Repeat("x", 5000) + "\x00\xff"
		is(time.Time{}, "user:ada")
		is(time.Time{})
		revoke("user:ada", now)
		revoke(long, now.Add(time.Second))
		is(now, "user:ada")
		is(now.Add(time.Second), "user:ada", "nobody", long)
		is(time.Time{}, "user:Ada")
		is(time.Time{}, "user:ada ")
		revoke("user:ada", now.Add(-time.Minute)) // never earlier
		is(now, "user:ada")
		revoke("user:ada", now.Add(time.Minute))
		is(now.Add(time.Minute), "user:ada")
		if text := dump(t, db); strings.Contains(text, "ada") {
			t.Errorf("at rest is who it was: %s", text)
		}

		var wg sync.WaitGroup
		errs := make(chan error, 50)
		for i := range 50 {
			wg.Go(func() {
				errs <- r.Revoke(t.Context(), "user:grace", now.Add(time.Duration(i)*time.Second), now.Add(time.Hour))
			})
		}
		wg.Wait()
		close(errs)
		for err := range errs {
			if err != nil {
				t.Errorf("at once: %v", err)
			}
		}
		is(now.Add(49*time.Second), "user:grace")

		// What need not be known any more is dropped, and nothing else.
		now = now.Add(26 * time.Hour)
		revoke("user:nemo", now)
		if err := a.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		is(time.Time{}, "user:ada")
		is(now, "user:nemo")
		if n := strings.Count(dump(t, db), "revocations.subject="); n != 1 {
			t.Errorf("%d revocations are left", n)
		}
	})
}

// Mail links that nobody follows do not fill the table; one that has just expired is
// still told from one that never was.
func TestVerificationTokens_Purge(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, _ *servertest.Server, open func(testing.TB, *gorm.Config) *gorm.DB) {
		db := open(t, nil)
		now := time.Now()
		a := migrated(t, db, gormadapter.Options{Now: func() time.Time { return now }})
		for i := range 10 {
			token := ginauth.VerificationToken{Identifier: "ada@example.com", Hash: fmt.Sprint(i), Expires: now.Add(time.Duration(i) * time.Hour)}
			if err := a.CreateVerificationToken(t.Context(), token); err != nil {
				t.Fatal(err)
			}
		}
		now = now.Add(29*time.Hour + time.Minute)
		if err := a.CreateVerificationToken(t.Context(), ginauth.VerificationToken{Identifier: "b", Hash: "new", Expires: now}); err != nil {
			t.Fatal(err)
		}
		if err := a.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(dump(t, db), "verification_tokens.token="); n != 5 {
			t.Errorf("%d tokens are left, want four of the ten and the new one", n)
		}
		if _, err := a.UseVerificationToken(t.Context(), "ada@example.com", "6"); err != nil {
			t.Errorf("one that expired less than a day ago: %v", err)
		}
	})
}
