package gormadapter

import (
	"strings"
	"time"
	"unicode/utf8"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

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

func (exact) GormDBDataType(db *gorm.DB, _ *schema.Field) string {
	if db.Name() == "mysql" {
		return "varbinary(255)"
	}
	return "text"
}

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
	ID            exact  `gorm:"primaryKey;not null"`
	Name          string `gorm:"type:text;not null"`
	Email         *exact `gorm:"uniqueIndex:users_email_key"` // null for none: there may be many of these
	EmailVerified *int64 `gorm:"type:bigint"`
	Image         string `gorm:"type:text;not null"`
}

func (userRow) TableName() string { return "users" }

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
	Provider          exact    `gorm:"primaryKey;not null"`
	ProviderAccountID exact    `gorm:"primaryKey;not null"`
	UserID            exact    `gorm:"not null;index:accounts_user_id_idx"`
	User              *userRow `gorm:"foreignKey:UserID;references:ID;constraint:accounts_user_id_fkey,OnDelete:CASCADE"`
	Type              string   `gorm:"type:varchar(32);not null"`
	// The tokens are sealed, see keys; empty where none is stored.
	AccessToken  string `gorm:"type:text;not null"`
	RefreshToken string `gorm:"type:text;not null"`
	IDToken      string `gorm:"type:text;not null"`
	TokenType    string `gorm:"type:text;not null"`
	Scope        string `gorm:"type:text;not null"`
	ExpiresAt    *int64 `gorm:"type:bigint"`
}

func (accountRow) TableName() string { return "accounts" }

// account is the row's account without its tokens.
func (r accountRow) account() ginauth.Account {
	return ginauth.Account{
		Provider: string(r.Provider), ProviderAccountID: string(r.ProviderAccountID), Type: r.Type,
		TokenType: r.TokenType, Scope: r.Scope, ExpiresAt: timeOf(r.ExpiresAt),
	}
}

type tokenRow struct {
	Identifier exact `gorm:"primaryKey;not null"`
	Token      exact `gorm:"primaryKey;not null"` // the caller's hash of it
	Expires    int64 `gorm:"type:bigint;not null;index:verification_tokens_expires_idx"`
}

func (tokenRow) TableName() string { return "verification_tokens" }

type revocationRow struct {
	Subject   exact `gorm:"primaryKey;not null"` // SHA-256: it names people and may be long
	RevokedAt int64 `gorm:"type:bigint;not null;autoCreateTime:false"`
	KeptUntil int64 `gorm:"type:bigint;not null;index:revocations_kept_until_idx"`
}

func (revocationRow) TableName() string { return "revocations" }
