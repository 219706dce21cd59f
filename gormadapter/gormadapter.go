// Package gormadapter keeps users and accounts in SQLite, PostgreSQL, MySQL or
// MariaDB, through gorm. It imports no driver: the application passes its own to gorm.Open.
// It knows tables, transactions and what the databases call a violated key. It does not
// know sign-ins or requests.
package gormadapter

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"gorm.io/gorm"

	"github.com/ginauth/ginauth"
)

// Options configure an Adapter.
type Options struct {
	// TokenKey encrypts the providers' tokens at rest, with AES-256-GCM: 32 random
	// bytes. Keep it out of the database's backups. Default: none; tokens are then not
	// stored.
	TokenKey []byte
	// PreviousTokenKeys still open tokens, but seal none.
	PreviousTokenKeys [][]byte
	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

// An Adapter is a ginauth.Adapter on a database. It is safe for concurrent use.
type Adapter struct {
	db    *gorm.DB
	keys  keys
	now   func() time.Time
	swept struct{ tokens, revocations atomic.Int64 } // when, in Unix seconds
}

var _ ginauth.Adapter = (*Adapter)(nil)

// New makes an Adapter on an open database, which it neither configures nor closes.
// It touches no table: see Migrate and Schema. The error names a database or a key
// that it cannot use.
//
// SQLite has to wait for its lock instead of failing, so name the file as in
// "auth.db?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)".
func New(db *gorm.DB, opts Options) (*Adapter, error) {
	if db == nil {
		return nil, errors.New("gormadapter: the *gorm.DB is nil; write what gorm.Open returns")
	}
	if _, err := Schema(db.Name()); err != nil {
		return nil, err
	}
	if _, ok := db.Dialector.(gorm.ErrorTranslator); !ok {
		return nil, fmt.Errorf("gormadapter: %T does not tell which errors are violated keys; use another driver", db.Dialector)
	}
	keys, err := newKeys(opts)
	if err != nil {
		return nil, err
	}
	db = db.Session(&gorm.Session{NewDB: true, Logger: discreet{db.Logger}})
	a := &Adapter{db: db, keys: keys, now: opts.Now}
	if a.now == nil {
		a.now = time.Now
	}
	return a, nil
}

//go:embed sql/*.sql
var schemas embed.FS

// Schema returns the statements that create the tables users, accounts,
// verification_tokens and revocations, for a tool that migrates the database. They
// may be run again. database is "sqlite", "postgres" or "mysql", as gorm names it;
// MariaDB is mysql.
func Schema(database string) (string, error) {
	text, err := schemas.ReadFile("sql/" + database + ".sql")
	if err != nil {
		return "", fmt.Errorf("gormadapter: there is no schema for %q; it is for sqlite, postgres and mysql", database)
	}
	return string(text), nil
}

// Migrate creates the tables and indexes that are missing, as gorm's AutoMigrate
// does. It does not change what exists, and may run again.
func (a *Adapter) Migrate(ctx context.Context) error {
	db := a.with(ctx)
	if db.Name() == "mysql" { // MariaDB's own default takes no name outside Latin-1
		db = db.Set("gorm:table_options", "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4")
	}
	return a.explain(db.AutoMigrate(&userRow{}, &accountRow{}, &tokenRow{}, &revocationRow{}))
}

// with is the database for the time of one call, without the conditions that the
// caller's *gorm.DB may have: they must not decide who signs in.
func (a *Adapter) with(ctx context.Context) *gorm.DB {
	return a.db.Session(&gorm.Session{NewDB: true, Context: ctx})
}

// change runs a transaction: all of it happens, or nothing.
func (a *Adapter) change(ctx context.Context, f func(tx *gorm.DB) error) error {
	return a.explain(a.with(ctx).Transaction(f))
}

// sweepEvery is how often a process drops what has expired.
const sweepEvery = time.Hour

// sweep deletes the rows that a condition finds, now and then. It may fail: the rows
// that stay have expired and do not count, and the next sweep deletes them.
func (a *Adapter) sweep(ctx context.Context, last *atomic.Int64, row any, condition string, before time.Time) {
	now, then := a.now().Unix(), last.Load()
	if now-then < int64(sweepEvery/time.Second) || !last.CompareAndSwap(then, now) {
		return
	}
	_ = a.with(ctx).Where(condition, before.UnixMilli()).Delete(row).Error
}

// explain translates the database's errors into the contract's. It leaves out which key
// was violated: MySQL's message contains the value, which is a person's address.
func (a *Adapter) explain(err error) error {
	for _, known := range [...]error{nil, ginauth.ErrNotFound, ginauth.ErrExists, ginauth.ErrLastAccount} {
		if errors.Is(err, known) {
			return err
		}
	}
	if errors.Is(a.db.Dialector.(gorm.ErrorTranslator).Translate(err), gorm.ErrDuplicatedKey) || errors.Is(err, gorm.ErrDuplicatedKey) {
		return fmt.Errorf("gormadapter: %w", ginauth.ErrExists)
	}
	return fmt.Errorf("gormadapter: %w", err)
}
