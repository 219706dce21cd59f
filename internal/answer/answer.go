// Package answer reads what a service says about a person: JSON of a shape of
// the service's own, by short expressions that a table of services can hold.
//
// A path leads into an answer: names and places in lists with dots between, such
// as data.0.user_id. Nothing is guessed: what is of another type than the reader
// wants counts as absent.
package answer

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Decode reads one JSON value. Numbers stay as they are written, as json.Number:
// a float would make two long ones the same person.
func Decode(body []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, errors.New("the answer is not JSON") // the error of json may repeat parts of it
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("the answer is not one JSON value")
	}
	return v, nil
}

// Find returns what a path leads to, nil where it leads nowhere. The empty path
// leads to the answer itself.
func Find(answer any, path string) any {
	for path != "" {
		var name string
		name, path, _ = strings.Cut(path, ".")
		switch v := answer.(type) {
		case map[string]any:
			answer = v[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(v) {
				return nil
			}
			answer = v[i]
		default:
			return nil
		}
	}
	return answer
}

// Text reads text. expr is one path or several alternatives with | between, of
// which the first that is not empty counts. A plus sign joins two paths with a
// space. An alternative with braces is a template: each {path} in it becomes what
// the path leads to, and all must lead to something.
func Text(answer any, expr string) string { return first(answer, expr, plain) }

// Subject reads an identifier: as Text, and a whole number above zero in decimal
// digits. Zero is what a missing number becomes in many programs.
func Subject(answer any, expr string) string { return first(answer, expr, identifier) }

func first(answer any, expr string, read func(any) string) string {
	for alternative := range strings.SplitSeq(expr, "|") {
		text := ""
		if strings.Contains(alternative, "{") {
			text = fill(answer, alternative)
		} else {
			var words []string
			for path := range strings.SplitSeq(alternative, "+") {
				if path == "" {
					continue
				}
				if word := read(Find(answer, path)); word != "" {
					words = append(words, word)
				}
			}
			text = strings.Join(words, " ")
		}
		if text != "" {
			return text
		}
	}
	return ""
}

// Fill puts what an answer says into a template, each value as escape makes it.
// It reports whether every path led to text or to a whole number.
func Fill(answer any, template string, escape func(string) string) (string, bool) {
	var b strings.Builder
	for {
		before, rest, open := strings.Cut(template, "{")
		b.WriteString(before)
		if !open {
			return b.String(), true
		}
		path, after, closed := strings.Cut(rest, "}")
		value := identifier(Find(answer, path))
		if !closed || value == "" {
			return "", false
		}
		b.WriteString(escape(value))
		template = after
	}
}

func fill(answer any, template string) string {
	text, _ := Fill(answer, template, func(s string) string { return s })
	return text
}

func plain(v any) string {
	s, _ := v.(string)
	return s
}

func identifier(v any) string {
	if n, _ := v.(json.Number); wholeNumber(n.String()) {
		return n.String()
	}
	return plain(v)
}

// wholeNumber refuses fractions, exponents and zero: 1e3 and 1000 would be two
// people or one, as the reader likes.
func wholeNumber(s string) bool {
	return s != "" && s[0] != '0' && !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}

// Always is the flag that needs no answer.
const Always = "always"

// True reports whether every flag of an expression is set: paths with & between,
// each leading to true, or path=value to that very text or number. The empty
// expression is false.
func True(answer any, expr string) bool {
	if expr == "" || expr == Always {
		return expr == Always
	}
	for flag := range strings.SplitSeq(expr, "&") {
		path, want, valued := strings.Cut(flag, "=")
		value := Find(answer, path)
		if valued {
			if text, ok := written(value); !ok || text != want {
				return false
			}
		} else if value != true {
			return false
		}
	}
	return true
}

// written is a text, a number or a truth value as an expression names it.
func written(value any) (text string, ok bool) {
	switch v := value.(type) {
	case bool:
		return strconv.FormatBool(v), true
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case float64: // of a decoder that is not Decode
		return strconv.FormatFloat(v, 'f', -1, 64), true
	}
	return "", false
}

// Addresses says where a list of e-mail addresses stands and how its entries
// read. Each field but List is a member's name, or name=value for a flag.
type Addresses struct {
	List     string // path of the list; empty: the answer is the list
	Email    string
	Primary  string // empty: the first is
	Verified string
}

// Read returns the address of a person and whether the service has verified it.
// known is the address that the profile has, which the list may vouch for; where
// it has none it is the primary one, a verified one if several are. It reports
// false where the answer has no such list.
func (a Addresses) Read(answer any, known string) (email string, verified, ok bool) {
	list, ok := Find(answer, a.List).([]any)
	if !ok {
		return known, false, false
	}
	for _, entry := range list {
		address := plain(Find(entry, a.Email))
		sure := True(entry, a.Verified)
		switch {
		case address == "":
		case known != "":
			if sure && SameAddress(address, known) {
				return known, true, true
			}
		case a.Primary != "" && !True(entry, a.Primary):
		case email == "" || sure && !verified:
			email, verified = address, sure
		}
	}
	if known != "" {
		return known, false, true
	}
	return email, verified, true
}

// SameAddress compares without regard to the case of A to Z, and of nothing else:
// the Kelvin sign folds to k, and with it an address to somebody else's.
func SameAddress(a, b string) bool { return a != "" && slices.Equal(lower(a), lower(b)) }

func lower(s string) []byte {
	out := []byte(s)
	for i, c := range out {
		if 'A' <= c && c <= 'Z' {
			out[i] = c + 'a' - 'A'
		}
	}
	return out
}

// Object reads a member that should be an object. The result may be nil, which
// reads as an empty one.
func Object(answer map[string]any, name string) map[string]any {
	object, _ := answer[name].(map[string]any)
	return object
}
