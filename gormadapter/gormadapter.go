// Package gormadapter keeps users, accounts, sessions and revocations in SQLite,
// PostgreSQL, MySQL or MariaDB, through gorm:
//
//	users, err := gormadapter.New(db, gormadapter.Options{TablePrefix: "auth_"})
//	if err != nil {
//		return err
//	}
//	if err := users.Migrate(ctx); err != nil {
//		return err
//	}
//	auth, err := ginauth.Register(r, ginauth.Options{
//		Adapter: users,
//		Session: ginauth.SessionOptions{Store: users.Sessions(), Revocations: users.Revocations()},
//	})
//
// It imports no driver: the application passes its own to gorm.Open. It knows tables,
// transactions and what the databases call a violated key. It does not know sign-ins or
// requests.
package gormadapter

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/ginauth/ginauth"
)

// Options configure an Adapter.
type Options struct {
	// TokenKey encrypts the providers' tokens and people's second factors at rest, with
	// AES-256-GCM: 32 random bytes. Keep it out of the database's backups. Default: none;
	// tokens are then not stored, and second factors cannot be.
	TokenKey []byte
	// PreviousTokenKeys still open tokens, but seal none.
	PreviousTokenKeys [][]byte
	// TablePrefix begins the names of the tables, for a database where the application
	// has a table users already: at most 30 lower-case letters, digits and underscores
	// that begin with a letter, such as "auth_". Default: none.
	TablePrefix string
	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

// An Adapter is a ginauth.Adapter on a database. It is safe for concurrent use.
type Adapter struct {
	db     *gorm.DB
	keys   keys
	prefix string
	tables tables
	now    func() time.Time
	purge  purge
}

var (
	_ ginauth.Adapter     = (*Adapter)(nil)
	_ ginauth.FactorStore = (*Adapter)(nil)
)

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
	if err := checkPrefix(opts.TablePrefix); err != nil {
		return nil, err
	}
	keys, err := newKeys(opts)
	if err != nil {
		return nil, err
	}
	db = db.Session(&gorm.Session{NewDB: true, Logger: discreet{db.Logger}})
	a := &Adapter{db: db, keys: keys, prefix: opts.TablePrefix, tables: newTables(opts.TablePrefix), now: opts.Now}
	if a.now == nil {
		a.now = time.Now
	}
	a.purge.last.Store(a.now().Unix())
	return a, nil
}

// fromSource has gorm's dbresolver read from the source, and not from a replica, which may
// not know yet that somebody was signed out or has a second factor.
const fromSource = "gorm:db_resolver:write"

// with is the database for the time of one call, without the conditions that the
// caller's *gorm.DB may have: they must not decide who signs in.
func (a *Adapter) with(ctx context.Context) *gorm.DB {
	db := a.db.Session(&gorm.Session{NewDB: true, Context: ctx}).Set(fromSource, struct{}{})
	return db.Session(&gorm.Session{}) // from which each statement is a new one
}

// heedsContext reports whether the database's driver is one that ends a call with its
// context while the server or the network hangs. It is told by its type's name, since
// this package imports no driver: *stdlib.Driver is pgx's.
func (a *Adapter) heedsContext() bool {
	pool, err := a.db.DB()
	if err != nil {
		return false
	}
	name := fmt.Sprintf("%T", pool.Driver())
	return name == "*stdlib.Driver" || name == "*mysql.MySQLDriver"
}

// change runs a transaction: all of it happens, or nothing.
func (a *Adapter) change(ctx context.Context, f func(tx *gorm.DB) error) error {
	return a.explain(a.with(ctx).Transaction(f))
}

// explain translates the database's errors into the contract's. It leaves out which key
// was violated: MySQL's message contains the value, which is a person's address.
func (a *Adapter) explain(err error) error {
	for _, known := range [...]error{nil, ginauth.ErrNotFound, ginauth.ErrExists, ginauth.ErrLastAccount, ginauth.ErrConflict} {
		if errors.Is(err, known) {
			return err
		}
	}
	if errors.Is(a.db.Dialector.(gorm.ErrorTranslator).Translate(err), gorm.ErrDuplicatedKey) || errors.Is(err, gorm.ErrDuplicatedKey) {
		return fmt.Errorf("gormadapter: %w", ginauth.ErrExists)
	}
	if missing(err) {
		return fmt.Errorf("gormadapter: a table or column is missing; call Migrate, or run what Schema returns, before the application starts: %w", err)
	}
	return fmt.Errorf("gormadapter: %w", err)
}

// missing reports whether an error says that a table or column is not there, in the
// words of SQLite, PostgreSQL (its SQLSTATE) and MySQL.
func missing(err error) bool {
	text := err.Error()
	for _, said := range [...]string{"no such table", "no such column", "(SQLSTATE 42P01)", "(SQLSTATE 42703)", "Error 1146 ", "Error 1054 "} {
		if strings.Contains(text, said) {
			return true
		}
	}
	return false
}
