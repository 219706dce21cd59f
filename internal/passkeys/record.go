package passkeys

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"
)

const (
	// maxName is how long a passkey's name may be, in characters.
	maxName = 60
	// maxSpent bounds the challenges that a record remembers. A passkey that answers
	// more within a challenge's Lifetime is refused until one has expired.
	maxSpent = 64
	// handleLength is that of a user handle, in bytes: WebAuthn Level 3 §14.6.1 asks for
	// 64 random ones, or for what tells as little.
	handleLength = 64
)

// A Record is what is stored of a passkey beside whose it is.
type Record struct {
	Name    string          `json:"name"`
	Handle  []byte          `json:"handle"`           // the user handle that its authenticator holds
	Created int64           `json:"created"`          // Unix milliseconds
	Used    int64           `json:"used,omitempty"`   // the same, of its last use; 0: never
	Cloned  bool            `json:"cloned,omitempty"` // its signature counter went back once
	Spent   []spent         `json:"spent,omitempty"`  // challenges that it answered
	Public  json.RawMessage `json:"public,omitempty"` // the public key and what else the engine keeps
	Synced  bool            `json:"synced,omitempty"` // it is backed up, so in several devices
}

// spent is a challenge that was answered.
type spent struct {
	ID      string `json:"i"`
	Expires int64  `json:"e"`
}

// ParseRecord reads what Bytes wrote.
func ParseRecord(b []byte) (Record, error) {
	var r Record
	if err := json.Unmarshal(b, &r); err != nil {
		return Record{}, fmt.Errorf("passkeys: a stored passkey cannot be read: %w", err)
	}
	return r, nil
}

// NewRecord is what is stored of a passkey that was made now, for the user of handle.
// public is what the engine keeps of it, and synced says that it is backed up.
func NewRecord(name string, handle []byte, public any, synced bool, now time.Time) []byte {
	r := Record{Name: name, Handle: handle, Created: now.UnixMilli(), Synced: synced}
	r.Public, _ = json.Marshal(public) // texts, numbers and bytes always marshal
	return r.Bytes()
}

// Times say when the passkey was made and last used; the zero time: never.
func (r Record) Times() (created, used time.Time) {
	if r.Used != 0 {
		used = time.UnixMilli(r.Used)
	}
	return time.UnixMilli(r.Created), used
}

// Bytes is the record as it is stored.
func (r Record) Bytes() []byte {
	b, _ := json.Marshal(r) // Public is valid: it was marshalled by the caller
	return b
}

// Spend records that the passkey answered a challenge. It is false where it did so
// before, or answers too many.
func (r *Record) Spend(c Challenge, now time.Time) bool {
	kept := make([]spent, 0, len(r.Spent)+1)
	for _, s := range r.Spent {
		if s.ID == c.ID {
			return false
		}
		if now.Unix() < s.Expires {
			kept = append(kept, s)
		}
	}
	if len(kept) >= maxSpent {
		return false
	}
	r.Spent = append(kept, spent{c.ID, c.Expires})
	r.Used = now.UnixMilli()
	return true
}

// ID names a credential by the SHA-256 of its ID, which may have 1023 bytes: 43
// characters, which every database can index.
func ID(credentialID []byte) string {
	sum := sha256.Sum256(credentialID)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Names is the name of a browser in a challenge: it is of the CSRF token that its cookie
// holds, and does not tell the token.
func Names(csrfToken string) string {
	sum := sha256.Sum256([]byte("ginauth.passkey.browser\x00" + csrfToken))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// NewHandle is a user handle: random, since authenticators show it to the person who holds them.
func NewHandle() []byte {
	handle := make([]byte, handleLength)
	_, _ = rand.Read(handle) // it never fails
	return handle
}

// CleanName is a name that a person typed, in one line and of a sensible length; empty
// if nothing is left of it.
func CleanName(typed string) string {
	name := strings.Join(strings.FieldsFunc(typed, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r)
	}), " ")
	name = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) || r == unicode.ReplacementChar { // it may turn the text around
			return -1
		}
		return r
	}, name)
	if runes := []rune(name); len(runes) > maxName {
		name = string(runes[:maxName])
	}
	return strings.TrimSpace(name)
}
