package claims

import (
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"strconv"
	"time"
)

// A Shape remembers how an object held up to four texts that are empty: as null, not at
// all, or as "". Only so can an object that was read be written again unchanged. The
// zero Shape writes an empty text as null. Each text has a place in it, from 0 to 3.
type Shape uint8

func absent(place uint8) Shape { return 1 << (2 * place) }
func empty(place uint8) Shape  { return 2 << (2 * place) }

// Absent is the Shape of an object that has none of the first n texts.
func Absent(n uint8) (s Shape) {
	for place := range n {
		s |= absent(place)
	}
	return s
}

// Read takes a member that is a text or null, and remembers its form. It reports false
// for any other value, which it leaves alone.
func (s *Shape) Read(place uint8, value Value, into *string) bool {
	text, ok := value.Text()
	if !ok && !value.Null() {
		return false
	}
	*into = text
	*s &^= absent(place) | empty(place)
	if ok && text == "" {
		*s |= empty(place)
	}
	return true
}

// Write adds a text member in the form that the Shape remembers.
func (s Shape) Write(place uint8, o *Object, name, text string) {
	switch {
	case text != "" || s&empty(place) != 0:
		o.addText(name, text)
	case s&absent(place) == 0:
		o.Add(name, nil)
	}
}

// Seconds is the value of a time claim, in Unix seconds (RFC 7519 §2, NumericDate), and
// false for one that is no number. One beyond what a float64 holds is infinite, as in
// JavaScript.
func (v Value) Seconds() (seconds float64, ok bool) {
	if whole, ok := v.Whole(); ok { // nearly always
		return float64(whole), true
	}
	seconds, err := strconv.ParseFloat(v.raw, 64) // of JSON, which is a number or nothing of the kind
	return seconds, err == nil || errors.Is(err, strconv.ErrRange)
}

// Time is the time of Unix seconds. It keeps absurd ones within what time.Time formats.
func Time(seconds float64) time.Time {
	const year9999 = 253402300799
	seconds = min(max(seconds, -year9999), year9999)
	whole := int64(seconds)
	return time.Unix(whole, int64((seconds-float64(whole))*1e9)).UTC()
}

// Without is m without some members; m itself if it has none of them.
func Without(m map[string]any, names ...string) map[string]any {
	for _, name := range names {
		if _, ok := m[name]; ok {
			rest := maps.Clone(m)
			for _, name := range names {
				delete(rest, name)
			}
			return rest
		}
	}
	return m
}

// Same reports whether two maps hold the same members. It is fast for texts, which most
// claims are.
func Same(a, b map[string]any) bool {
	if len(a) != len(b) {
		return false
	}
	for name, x := range a {
		y, ok := b[name]
		if !ok {
			return false
		}
		if s, ok := x.(string); ok {
			if y != any(s) {
				return false
			}
		} else if !reflect.DeepEqual(x, y) {
			return false
		}
	}
	return true
}

// Longest is the name of the longest member, as JSON, and its length in bytes.
func Longest(m map[string]any) (name string, length int) {
	for member, value := range m {
		if raw, _ := json.Marshal(value); len(raw) > length {
			name, length = member, len(raw)
		}
	}
	return name, length
}

// As is a value as a T: the value itself, or what its JSON form reads as. ok is false
// where it is none.
func As[T any](value any) (t T, ok bool) {
	if t, ok = value.(T); ok || value == nil {
		return t, ok
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return t, false
	}
	var read T
	if json.Unmarshal(raw, &read) != nil {
		return t, false
	}
	return read, true
}

// Make makes a map that is nil one that can be written to.
func Make(m *map[string]any) {
	if *m == nil {
		*m = map[string]any{}
	}
}
