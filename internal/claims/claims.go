// Package claims takes JSON objects apart and puts them together, one member at
// a time: the claims of a token and the members of a session. Numbers keep their
// digits, and members that a reader did not ask for are kept. The package knows the times
// between which a token is valid. It does not know what any other claim means.
package claims

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/bits"
	"strings"
	"unicode/utf8"
)

// ErrNotObject says that a document is not one JSON object.
var ErrNotObject = errors.New("claims: not a JSON object")

// A Value is one member's value, not yet decoded.
type Value struct {
	raw   string // JSON
	plain bool   // a text without escapes: raw less its quotes is the text
}

// Text returns a JSON string's text, and false for any other value.
func (v Value) Text() (string, bool) {
	if v.plain {
		return v.raw[1 : len(v.raw)-1], true
	}
	if v.raw[0] != '"' {
		return "", false
	}
	var s string
	err := json.Unmarshal([]byte(v.raw), &s)
	return s, err == nil
}

// TextInto is Text into a variable, which it leaves alone where it reports false.
func (v Value) TextInto(text *string) bool {
	read, ok := v.Text()
	if ok {
		*text = read
	}
	return ok
}

// Null reports whether the value is null.
func (v Value) Null() bool { return v.raw == "null" }

// Number returns a JSON number as it is written, and false for any other value.
func (v Value) Number() (json.Number, bool) {
	c := v.raw[0]
	return json.Number(v.raw), c == '-' || c >= '0' && c <= '9'
}

// Whole returns a whole number of at most 15 digits, which a float64 holds too, and
// false for any other value.
func (v Value) Whole() (int64, bool) {
	digits := v.raw
	if digits[0] == '-' {
		digits = digits[1:]
	}
	if len(digits) > 15 {
		return 0, false
	}
	n := int64(0)
	for _, c := range []byte(digits) {
		if c -= '0'; c > 9 {
			return 0, false
		}
		n = 10*n + int64(c)
	}
	if len(digits) < len(v.raw) {
		n = -n
	}
	return n, true
}

// JSON is the value as it is written.
func (v Value) JSON() string { return v.raw }

// Any decodes the value: a string, json.Number, bool, nil, map[string]any or
// []any.
func (v Value) Any() any {
	if v.plain {
		return v.raw[1 : len(v.raw)-1]
	}
	if n, ok := v.Number(); ok {
		return n
	}
	d := json.NewDecoder(strings.NewReader(v.raw))
	d.UseNumber()
	var value any
	_ = d.Decode(&value) // valid: the maker of the Value checked it
	return value
}

// Each calls visit with every top-level member of a JSON object. A repeated name
// may be visited again, the last time with its last value, which is the one that
// counts, as in JSON.parse.
//
// The plain case, an object of strings without escapes and of whole numbers, is
// scanned in one pass; whatever is not plain goes through encoding/json, which is
// several times slower. Both give the same members.
func Each(object []byte, visit func(name string, value Value)) error {
	s := scanner{buf: object}
	var fixed [16]member
	members, ok := s.object(fixed[:0])
	if !ok {
		return others(object, visit)
	}
	text := string(object) // of which all names and values are parts
	for _, m := range members {
		visit(m.name.of(text), m.value.value(text))
	}
	return nil
}

// longOthers is from how many bytes on the others cost more to copy than to leave out.
const longOthers = 512

// Some is Each for the members whose names pick takes. Where there are others, more is
// true; they are not copied where they are long.
func Some(object []byte, pick func(name []byte) bool, visit func(name string, value Value)) (more bool, err error) {
	s := scanner{buf: object}
	var fixed [16]member
	members, ok := s.object(fixed[:0])
	if !ok {
		err := others(object, func(name string, value Value) {
			if pick([]byte(name)) {
				visit(name, value)
			} else {
				more = true
			}
		})
		return more, err
	}
	picked, length := members[:0], 0
	for _, m := range members {
		if !pick(object[m.name.from:m.name.to]) {
			more = true
			continue
		}
		picked = append(picked, m)
		length += int(m.value.to - m.name.from)
	}
	text := ""
	if len(object)-length < longOthers {
		text = string(object)
	} else {
		text = without(object, picked)
	}
	for _, m := range picked {
		visit(m.name.of(text), m.value.value(text))
	}
	return more, nil
}

// without copies members alone, and moves them to where they are in the copy.
func without(object []byte, picked []member) string {
	var buffer [512]byte
	kept := buffer[:0]
	for i, m := range picked {
		moved := m.name.from - int32(len(kept))
		kept = append(kept, object[m.name.from:m.value.to]...)
		picked[i] = member{m.name.back(moved), m.value.back(moved)}
	}
	return string(kept)
}

// others is Each for what is not plain.
func others(object []byte, visit func(name string, value Value)) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(object, &members); err != nil {
		return fmt.Errorf("claims: %w", err)
	}
	if members == nil {
		return ErrNotObject
	}
	for name, raw := range members {
		visit(name, Value{raw: string(raw)})
	}
	return nil
}

// A span is a part of a document. It is small, since a scan makes two for each member.
type span struct {
	from, to int32
	plain    bool // of a value: a text without escapes
}

// maxScanned is the longest document, in bytes, that is scanned: no session is as long.
const maxScanned = 1 << 20

func (p span) of(text string) string   { return text[p.from:p.to] }
func (p span) value(text string) Value { return Value{p.of(text), p.plain} }
func (p span) back(n int32) span       { return span{p.from - n, p.to - n, p.plain} }

// A member is one of an object: its name, without quotes, and its value.
type member struct{ name, value span }

// scanner reads the plain case; false from any method means that the document is
// not plain.
type scanner struct {
	buf []byte
	pos int
}

// object appends the members of the whole document, which it has checked to its end: a
// visitor must not see half of a document.
func (s *scanner) object(members []member) ([]member, bool) {
	if len(s.buf) > maxScanned || !s.skip('{') {
		return nil, false
	}
	for more := !s.skip('}'); more; {
		if !s.skip('"') {
			return nil, false
		}
		name, ok := s.text()
		if !ok || !s.skip(':') {
			return nil, false
		}
		value, ok := s.value()
		if !ok {
			return nil, false
		}
		members = append(members, member{span{from: name.from + 1, to: name.to - 1}, value})
		if more = s.skip(','); !more && !s.skip('}') {
			return nil, false
		}
	}
	s.space()
	return members, s.pos == len(s.buf)
}

func (s *scanner) value() (span, bool) {
	if s.skip('"') {
		return s.text()
	}
	if s.pos == len(s.buf) {
		return span{}, false
	}
	start := s.pos
	switch s.buf[s.pos] {
	case '{', '[':
		return s.nested()
	case 'n', 't', 'f':
		if s.word("null") || s.word("true") || s.word("false") {
			return s.since(start), true
		}
	}
	return s.number() // or nothing that is plain
}

// text reads the rest of a string without escapes.
func (s *scanner) text() (span, bool) {
	start := s.pos
	n, ascii := plain(s.buf[start:])
	end := start + n
	// What is no UTF-8, encoding/json mends.
	if end == len(s.buf) || s.buf[end] != '"' || !ascii && !utf8.Valid(s.buf[start:end]) {
		return span{}, false
	}
	s.pos = end + 1
	return span{int32(start - 1), int32(s.pos), true}, true
}

// plain counts the bytes in front of the first that is a quote, a backslash or a
// control, and reports whether these are surely ASCII. Access tokens are long, so
// it looks at eight at a time.
func plain(b []byte) (n int, ascii bool) {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	seen := uint64(0)
	for ; len(b)-n >= 8; n += 8 {
		x := binary.LittleEndian.Uint64(b[n:])
		seen |= x
		quote, backslash := x^(ones*'"'), x^(ones*'\\')
		// Each subtraction borrows from a byte's top bit where the byte is below
		// the bound; a borrow can only mark bytes behind the first such byte. A
		// byte whose own top bit is set is not below it.
		if found := ((x-ones*' ')&^x | (quote-ones)&^quote | (backslash-ones)&^backslash) & highs; found != 0 {
			return n + bits.TrailingZeros64(found)/8, seen&highs == 0
		}
	}
	for ; n < len(b); n++ {
		c := b[n]
		if c == '"' || c == '\\' || c < ' ' {
			break
		}
		seen |= uint64(c)
	}
	return n, seen&highs == 0
}

// number reads an integer. Fractions and exponents are not plain: no member ends where
// they begin.
func (s *scanner) number() (span, bool) {
	start := s.pos
	if s.buf[s.pos] == '-' {
		s.pos++
	}
	digits := s.pos
	for s.pos < len(s.buf) && s.buf[s.pos] >= '0' && s.buf[s.pos] <= '9' {
		s.pos++
	}
	n := s.pos - digits
	if n == 0 || n > 1 && s.buf[digits] == '0' {
		return span{}, false
	}
	return s.since(start), true
}

// since is what was read since start.
func (s *scanner) since(start int) span { return span{from: int32(start), to: int32(s.pos)} }

// nested finds the end of an object or array by its brackets and leaves what is
// in it to encoding/json.
func (s *scanner) nested() (span, bool) {
	start, depth := s.pos, 0
	var quoted bool
	for ; s.pos < len(s.buf); s.pos++ {
		switch c := s.buf[s.pos]; {
		case c == '\\': // beyond quotes it is no JSON
			s.pos++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth--; depth == 0 {
				s.pos++
				return s.since(start), json.Valid(s.buf[start:s.pos])
			}
		}
	}
	return span{}, false
}

func (s *scanner) space() {
	for s.pos < len(s.buf) {
		switch s.buf[s.pos] {
		case ' ', '\t', '\r', '\n':
			s.pos++
		default:
			return
		}
	}
}

func (s *scanner) skip(c byte) bool {
	if s.pos < len(s.buf) && s.buf[s.pos] == c { // nearly always
		s.pos++
		return true
	}
	s.space()
	if s.pos < len(s.buf) && s.buf[s.pos] == c {
		s.pos++
		return true
	}
	return false
}

func (s *scanner) word(w string) bool {
	if len(s.buf)-s.pos >= len(w) && string(s.buf[s.pos:s.pos+len(w)]) == w {
		s.pos += len(w)
		return true
	}
	return false
}
