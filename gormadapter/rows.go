package gormadapter

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/ascii"
)

// maxExact is how long a text of the type exact may be, in bytes. MySQL cuts
// longer texts off where it is not strict, and two people could become one.
const maxExact = 255

// An exact is a text that the database compares byte by byte. MySQL's collations
// take ada, Ada, adá and "ada " for one another, each in its own way, so there it
// is a binary string.
type exact string

// storable reports whether all databases can hold a text as an exact one; PostgreSQL
// takes neither NUL nor invalid UTF-8. A text that cannot be stored is never found.
func storable(texts ...string) bool {
	for _, text := range texts {
		if len(text) > maxExact || !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
			return false
		}
	}
	return true
}

// Times are whole milliseconds since 1970, in UTC: the three databases and their
// drivers agree on no other form.

func millis(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	ms := t.UnixMilli()
	return &ms
}

func timeOf(ms *int64) time.Time {
	if ms == nil {
		return time.Time{}
	}
	return time.UnixMilli(*ms).UTC()
}

type userRow struct {
	ID            exact `gorm:"primaryKey"`
	Name          string
	Email         *exact // null for none: there may be many of these
	EmailVerified *int64
	Image         string
}

func rowOf(u ginauth.User) userRow {
	row := userRow{ID: exact(u.ID), Name: u.Name, EmailVerified: millis(u.EmailVerified), Image: u.Image}
	if u.Email != "" {
		email := exact(ascii.Lower(u.Email))
		row.Email = &email
	}
	return row
}

func (r userRow) user() ginauth.User {
	u := ginauth.User{ID: string(r.ID), Name: r.Name, EmailVerified: timeOf(r.EmailVerified), Image: r.Image}
	if r.Email != nil {
		u.Email = string(*r.Email)
	}
	return u
}

type accountRow struct {
	Provider          exact `gorm:"primaryKey"`
	ProviderAccountID exact `gorm:"primaryKey"`
	UserID            exact
	Type              string
	// The tokens are sealed, see keys; empty where none is stored.
	AccessToken  string
	RefreshToken string
	IDToken      string
	TokenType    string
	Scope        string
	ExpiresAt    *int64
}

// account is the row's account without its tokens.
func (r accountRow) account() ginauth.Account {
	return ginauth.Account{
		Provider: string(r.Provider), ProviderAccountID: string(r.ProviderAccountID), Type: r.Type,
		TokenType: r.TokenType, Scope: r.Scope, ExpiresAt: timeOf(r.ExpiresAt),
	}
}

type tokenRow struct {
	Identifier exact `gorm:"primaryKey"`
	Token      exact `gorm:"primaryKey"` // the caller's hash of it
	Expires    int64
}

type revocationRow struct {
	Subject   exact `gorm:"primaryKey"` // SHA-256: it names people and may be long
	RevokedAt int64
	KeptUntil int64
}
