package gormadapter_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/gormadapter"
	"github.com/ginauth/ginauth/internal/servertest"
)

// anyHandle could be a session's.
var anyHandle = strings.Repeat("A", 43)

// calls are all that an adapter is asked.
func calls(ctx context.Context, a *gormadapter.Adapter, user ginauth.User) map[string]func() error {
	account := ada()
	account.ProviderAccountID = "another"
	return map[string]func() error{
		"CreateUser": func() error {
			_, err := a.CreateUser(ctx, ginauth.User{Email: "new@example.com"}, &account)
			return err
		},
		"GetUser":          func() error { _, err := a.GetUser(ctx, user.ID); return err },
		"GetUserByEmail":   func() error { _, err := a.GetUserByEmail(ctx, user.Email); return err },
		"GetUserByAccount": func() error { _, err := a.GetUserByAccount(ctx, "github", "1815"); return err },
		"UpdateUser":       func() error { _, err := a.UpdateUser(ctx, user); return err },
		"DeleteUser":       func() error { return a.DeleteUser(ctx, user.ID) },
		"LinkAccount":      func() error { return a.LinkAccount(ctx, user.ID, account) },
		"UnlinkAccount":    func() error { return a.UnlinkAccount(ctx, user.ID, "github", "1815", true) },
		"ListAccounts":     func() error { _, err := a.ListAccounts(ctx, user.ID); return err },
		"Account":          func() error { _, err := a.Account(ctx, user.ID, "github", "1815"); return err },
		"CreateVerificationToken": func() error {
			return a.CreateVerificationToken(ctx, ginauth.VerificationToken{Identifier: "a", Hash: "b", Expires: time.Now()})
		},
		"UseVerificationToken": func() error { _, err := a.UseVerificationToken(ctx, "c", "d"); return err },
		"Revoke":               func() error { return a.Revocations().Revoke(ctx, "s", time.Now(), time.Now()) },
		"RevokedAt":            func() error { _, err := a.Revocations().RevokedAt(ctx, "s"); return err },
		"Create": func() error {
			_, err := a.Sessions().Create(ctx, "ada", []byte("{}"), time.Now().Add(time.Hour))
			return err
		},
		"Get":          func() error { _, err := a.Sessions().Get(ctx, anyHandle); return err },
		"Update":       func() error { _, err := a.Sessions().Update(ctx, anyHandle, nil, time.Now()); return err },
		"UpdateIf":     func() error { _, err := a.Sessions().UpdateIf(ctx, anyHandle, nil, nil, time.Now()); return err },
		"Delete":       func() error { return a.Sessions().Delete(ctx, anyHandle) },
		"List":         func() error { _, err := a.Sessions().List(ctx, "ada"); return err },
		"DeleteListed": func() error { return a.Sessions().DeleteListed(ctx, "ada", "x") },
		"End all":      func() error { return a.Sessions().DeleteUser(ctx, "ada") },
		"Lock":         func() error { _, err := a.Sessions().Lock(ctx, "x"); return err },
		"Purge":        func() error { return a.Purge(ctx) },
		"Migrate":      func() error { return a.Migrate(ctx) },
	}
}

// A database that is down says of nobody that they are not there, nor that they are;
// when it is up again all is as it was.
func TestDown(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, server *servertest.Server, open func(testing.TB, *gorm.Config) *gorm.DB) {
		db := open(t, nil)
		a := migrated(t, db, gormadapter.Options{TokenKey: keyA})
		account := ada()
		user, err := a.CreateUser(t.Context(), ginauth.User{Name: "Ada", Email: "ada@example.com"}, &account)
		if err != nil {
			t.Fatal(err)
		}
		fails := func(doing string) {
			t.Helper()
			for name, call := range calls(t.Context(), a, user) {
				err := call()
				for _, known := range []error{nil, ginauth.ErrNotFound, ginauth.ErrExists, ginauth.ErrLastAccount} {
					if errors.Is(err, known) {
						t.Errorf("%s: %s says %v", doing, name, err)
					}
				}
			}
		}
		if server == nil { // SQLite is never down, but its file may be closed, or without tables
			pool, err := db.DB()
			if err != nil {
				t.Fatal(err)
			}
			_ = pool.Close()
			fails("closed")
			return
		}
		server.Stop()
		fails("stopped")
		server.Start()
		for range 50 { // the pool drops its dead connections first
			if _, err = a.GetUser(t.Context(), user.ID); err == nil {
				break
			}
		}
		if err != nil {
			t.Fatalf("it does not come back: %v", err)
		}
		if got, err := a.GetUserByAccount(t.Context(), "github", "1815"); err != nil || got.ID != user.ID {
			t.Errorf("afterwards: %+v, %v", got, err)
		}
		if _, err := a.GetUserByEmail(t.Context(), "new@example.com"); !errors.Is(err, ginauth.ErrNotFound) {
			t.Errorf("a user was stored in the outage: %v", err)
		}
	})
}

// Without its tables the adapter says what to do, and finds nobody missing.
func TestUnmigrated(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, _ *servertest.Server, open func(testing.TB, *gorm.Config) *gorm.DB) {
		a, err := gormadapter.New(open(t, nil), gormadapter.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for name, call := range calls(t.Context(), a, ginauth.User{ID: "x", Email: "ada@example.com"}) {
			if name == "Migrate" {
				continue
			}
			if err := call(); err == nil || errors.Is(err, ginauth.ErrNotFound) || !strings.Contains(err.Error(), "call Migrate") {
				t.Errorf("%s says %v", name, err)
			}
		}
	})
}

// gorm's log, at its most talkative, and the adapter's errors have no addresses,
// hashes or tokens in them.
func TestAttack35_LogOfStatements(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, _ *servertest.Server, open func(testing.TB, *gorm.Config) *gorm.DB) {
		log := &record{}
		db := open(t, &gorm.Config{Logger: logger.New(log, logger.Config{LogLevel: logger.Info, SlowThreshold: time.Nanosecond})})
		a := migrated(t, db, gormadapter.Options{TokenKey: keyA})
		account := ada()
		email := "secretive@example.com"
		user, err := a.CreateUser(t.Context(), ginauth.User{Name: "Ada", Email: email}, &account)
		if err != nil {
			t.Fatal(err)
		}
		_, err = a.CreateUser(t.Context(), ginauth.User{Email: email}, nil)
		if !errors.Is(err, ginauth.ErrExists) || strings.Contains(err.Error(), email) {
			t.Errorf("twice: %v", err)
		}
		if _, err := a.GetUserByEmail(t.Context(), email); err != nil {
			t.Error(err)
		}
		token := ginauth.VerificationToken{Identifier: email, Hash: "hash-4711", Expires: time.Now()}
		if err := a.CreateVerificationToken(t.Context(), token); err != nil {
			t.Error(err)
		}
		if _, err := a.UseVerificationToken(t.Context(), email, "hash-4711"); err != nil {
			t.Error(err)
		}
		if err := a.Revocations().Revoke(t.Context(), "user:"+user.ID, time.Now(), time.Now()); err != nil {
			t.Error(err)
		}
		text := log.String()
		if !strings.Contains(text, "INSERT INTO") || !strings.Contains(text, "verification_tokens") {
			t.Fatalf("nothing was logged: %s", text)
		}
		for _, secret := range []string{"secretive", "4711", user.ID} {
			if i := strings.Index(text, secret); i >= 0 {
				t.Errorf("the log has %q: %s", secret, text[max(0, i-200):i])
			}
		}
	})
}

// What an application has set on its *gorm.DB does not reach the adapter.
func TestForeignSession(t *testing.T) {
	t.Parallel()
	db := opened(t, sqliteIn(t), &gorm.Config{Logger: logger.Discard, TranslateError: true})
	limited := db.Where("name = ?", "nobody").Limit(0)
	a := migrated(t, limited, gormadapter.Options{})
	user, err := a.CreateUser(t.Context(), ginauth.User{Name: "Ada", Email: "ada@example.com"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := a.GetUser(t.Context(), user.ID); err != nil || got.Name != "Ada" {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := a.CreateUser(t.Context(), ginauth.User{Email: "ada@example.com"}, nil); !errors.Is(err, ginauth.ErrExists) {
		t.Errorf("with errors that gorm has translated: %v", err)
	}
	if err := a.DeleteUser(t.Context(), user.ID); err != nil {
		t.Error(err)
	}
	if _, err := a.GetUser(t.Context(), user.ID); !errors.Is(err, ginauth.ErrNotFound) {
		t.Errorf("deleted: %v", err)
	}
}

// What no column holds is refused, and not cut off to what another person has.
func TestTooLong(t *testing.T) {
	t.Parallel()
	a := migrated(t, opened(t, sqliteIn(t), nil), gormadapter.Options{})
	user, err := a.CreateUser(t.Context(), ginauth.User{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{strings.Repeat("x", 256), "a\x00", "\xff"} {
		account := ada()
		account.ProviderAccountID = text
		_, create := a.CreateUser(t.Context(), ginauth.User{}, &account)
		_, address := a.CreateUser(t.Context(), ginauth.User{Email: text}, nil)
		_, update := a.UpdateUser(t.Context(), ginauth.User{ID: user.ID, Email: text})
		for doing, err := range map[string]error{
			"CreateUser": create, "CreateUser with an address": address, "UpdateUser": update,
			"LinkAccount":             a.LinkAccount(t.Context(), user.ID, account),
			"CreateVerificationToken": a.CreateVerificationToken(t.Context(), ginauth.VerificationToken{Identifier: text, Hash: "h"}),
		} {
			if err == nil || !strings.Contains(err.Error(), "255 bytes") {
				t.Errorf("%s of %.10q: %v", doing, text, err)
			}
		}
	}
	account := ada()
	account.ProviderAccountID = strings.Repeat("x", 255)
	if err := a.LinkAccount(t.Context(), user.ID, account); err != nil {
		t.Error(err)
	}
}
