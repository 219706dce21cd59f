package verification

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/ginauth/ginauth/internal/token"
)

// maxTries is how often a code may be tried. The chance to guess one is then five in
// a million.
const maxTries = 5

// Pending is what a browser keeps, sealed, of the mail that it asked for last. The
// code is in it, so that it is nowhere else but in the mail; and the nonce, without
// which nobody finds the row. The row knows the provider.
type Pending struct {
	Email   string `json:"e"`
	Nonce   string `json:"n"`
	Code    string `json:"c,omitempty"`
	Expires int64  `json:"x"` // Unix seconds
}

// Seal makes the browser's part of a proof. It returns "" for a proof that works in
// any browser.
func (m *Method) Seal(p Proof) string {
	if p.nonce == "" {
		return ""
	}
	payload, err := json.Marshal(Pending{p.address, p.nonce, p.Code, p.Expires.Unix()})
	if err != nil {
		return "" // texts and numbers always marshal
	}
	return m.Keyring.Seal(payload)
}

// Open returns the latest Pending of the sealed texts, and false if none opens. Its
// row says whether it still works.
func Open(ring *token.Keyring, sealed iter.Seq[string]) (last Pending, ok bool) {
	for text := range sealed {
		var p Pending
		payload, _, err := ring.Open(text)
		if err == nil && json.Unmarshal(payload, &p) == nil && (!ok || p.Expires > last.Expires) {
			last, ok = p, true
		}
	}
	return last, ok
}

// A Result is what became of a try of a code.
type Result int

const (
	Refused  Result = iota // and no try is left
	Again                  // it was wrong, and another try is left
	Accepted               // it proves the address
)

// TryCode checks a code that a person typed. It takes a row before it compares, so
// that many requests at once get no more tries, in however many processes. A text
// that cannot be a code costs no try.
func (m *Method) TryCode(ctx context.Context, p Pending, typed string) (Result, error) {
	typed = strings.Map(unspaced, typed)
	if len(typed) != len(p.Code) {
		return Again, nil
	}
	try, err := m.takeTry(ctx, p)
	if err != nil || try == 0 {
		return Refused, err
	}
	if token.Equal(typed, p.Code) {
		return Accepted, nil
	}
	if try == maxTries {
		return Refused, nil
	}
	next := Row{Identifier: p.Email, Hash: m.codeHashes(p.Email, p.Nonce, try+1)[0], Expires: time.Unix(p.Expires, 0)}
	if err := m.Store(ctx, next); err != nil {
		return Refused, fmt.Errorf("counting the tries: %w", err)
	}
	return Again, nil
}

// unspaced leaves out what a mail program, or a person, puts around and between the
// digits: blanks of any width, hyphens, and the marks of a text's direction.
func unspaced(r rune) rune {
	if unicode.IsSpace(r) || unicode.In(r, unicode.Pd, unicode.Cf) {
		return -1
	}
	return r
}

// takeTry takes the next try, and returns 0 if none is left.
func (m *Method) takeTry(ctx context.Context, p Pending) (int, error) {
	for try := 1; try <= maxTries; try++ {
		ok, err := m.spend(ctx, p.Email, m.codeHashes(p.Email, p.Nonce, try))
		if ok || err != nil {
			return try, err
		}
	}
	return 0, nil
}

// codeHashes are what a try of a code is kept under. The rows are the tries, one
// after another.
func (m *Method) codeHashes(address, nonce string, try int) []string {
	return m.Hash.Sums("code", m.Provider, address, nonce, strconv.Itoa(try))
}
