package refusal

import (
	"encoding/json"
	"iter"
	"time"
	"unicode/utf8"

	"github.com/ginauth/ginauth/internal/token"
)

// maxTyped bounds what is kept of the fields of a form, in bytes altogether.
const maxTyped = 1024

// A Note is what a page of ours shows of an earlier request of this browser. It is
// sealed: no link and no other host puts words on a page.
type Note struct {
	Kind      string            `json:"k"`
	Provider  string            `json:"p,omitempty"`
	Code      string            `json:"c,omitempty"` // of a failure
	Reference string            `json:"r,omitempty"`
	Typed     map[string]string `json:"t,omitempty"` // into the form, without passwords and codes
	Email     string            `json:"e,omitempty"` // that a mail went to
	Again     bool              `json:"a,omitempty"` // not for the first time
	Expires   int64             `json:"x"`           // Unix seconds
}

// Notes seal and open notes.
type Notes struct {
	Keyring *token.Keyring
	Now     func() time.Time
}

// Seal makes the cookie's value of a note that is shown for a while.
func (s Notes) Seal(n Note, lasts time.Duration) string {
	n.Expires = s.Now().Add(lasts).Unix()
	payload, err := json.Marshal(n)
	if err != nil {
		return "" // never: texts always marshal
	}
	return s.Keyring.Seal(payload)
}

// Latest is the latest note of a kind among these values, or an empty one.
func (s Notes) Latest(values iter.Seq[string], kind string) (last Note) {
	for sealed := range values {
		var n Note
		payload, _, err := s.Keyring.Open(sealed)
		if err == nil && json.Unmarshal(payload, &n) == nil && n.Kind == kind && n.Expires > last.Expires && n.Expires > s.Now().Unix() {
			last = n
		}
	}
	return last
}

// Typed is what was typed into these fields of a form, as far as a cookie holds it.
func Typed(fields []string, typed func(name string) string) map[string]string {
	var kept map[string]string
	size := 0
	for _, name := range fields {
		text := typed(name)
		if size += len(text); text == "" || size > maxTyped || !utf8.ValidString(text) {
			continue
		}
		if kept == nil {
			kept = map[string]string{}
		}
		kept[name] = text
	}
	return kept
}
