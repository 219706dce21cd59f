package cookie

import (
	"slices"
	"strings"
)

// ChunkSize is the longest value, in bytes, that one cookie carries: browsers
// keep 4096 bytes a cookie, and next-auth leaves 163 for name and attributes.
const ChunkSize = 3933

// maxChunks bounds what a request's Cookie header can make us collect.
const maxChunks = 100

// A Session is what a request's cookies say of the session.
type Session struct {
	Value string // the token; empty: none, or none that can be believed
	Found bool   // whether there is a cookie that holds a part of it

	// Doubled says that a name stands twice, or both forms stand together. Then
	// Value is empty, and Candidates are what it may be.
	Doubled bool

	header []string
	name   string
}

// Names are those of every cookie that holds a part of the token, in the request's
// order.
func (s Session) Names() []string {
	var names []string
	var seen [maxChunks + 1]bool // the last is of the name alone
	for n := range beginning(s.header, s.name) {
		i, ok := index(n[len(s.name):])
		if n == s.name {
			i, ok = maxChunks, true
		}
		if ok && !seen[i] {
			seen[i] = true
			names = append(names, n)
		}
	}
	return names
}

// Find looks for the session token called name: a cookie of just this name, or
// chunks name.0, name.1 and so on without a gap. Where any name stands twice, or
// both forms stand together, it decides nothing: see Doubled.
func Find(header []string, name string) Session {
	s := Session{header: header, name: name}
	var (
		plain   int
		chunks  []string
		seen    []bool
		doubled bool
	)
	for n, v := range beginning(header, name) {
		if n == name {
			s.Value = v
			s.Found = true
			plain++
			continue
		}
		i, ok := index(n[len(name):])
		if !ok {
			continue // another cookie whose name only begins like ours
		}
		s.Found = true
		for len(chunks) <= i {
			chunks, seen = append(chunks, ""), append(seen, false)
		}
		if seen[i] {
			doubled = true
			continue
		}
		chunks[i], seen[i] = v, true
	}
	whole := slices.Index(seen, false) // a stray chunk behind a gap is no part of it
	if whole < 0 {
		whole = len(seen)
	}
	switch {
	case doubled || plain > 1 || plain == 1 && whole > 0:
		s.Value = ""
		s.Doubled = true
	case plain == 0:
		s.Value = strings.Join(chunks[:whole], "")
	}
	s.Value, _ = Unescape(s.Value) // none of a broken escape
	return s
}

const (
	// maxCandidates bounds the tokens that a request's cookies are put together to.
	maxCandidates = 16
	// maxSteps bounds the search for them.
	maxSteps = 256
)

// Candidates are the tokens that the cookies may hold: Value alone, or of a Doubled
// session several, in the order in which they are likely. A browser sends cookies of one name for different
// domains or paths one behind the other (RFC 6265 §5.4), and nothing tells which
// belong together. So every value of the plain name is a candidate; and of the
// chunks first those that stand at the same place among their equals, then every
// other combination. The caller opens them: seals do not open with a chunk of
// another token. Values that are equal are one. maxLength bounds a candidate, in
// bytes.
func (s Session) Candidates(maxLength int) []string {
	if !s.Doubled {
		if s.Value == "" {
			return nil
		}
		return []string{s.Value}
	}
	c := candidates{maxLength: maxLength, steps: maxSteps}
	var chunks [][]string // by index, the values of that name
	for n, v := range beginning(s.header, s.name) {
		if n == s.name {
			c.add(v)
			continue
		}
		i, ok := index(n[len(s.name):])
		if !ok {
			continue
		}
		for len(chunks) <= i {
			chunks = append(chunks, nil)
		}
		if len(chunks[i]) < maxValues && !slices.Contains(chunks[i], v) {
			chunks[i] = append(chunks[i], v)
		}
	}
	for i, values := range chunks {
		if len(values) == 0 {
			chunks = chunks[:i] // behind a gap nothing belongs to a token
			break
		}
	}
	for row := range maxValues {
		c.row(chunks, row)
	}
	c.combine(chunks, nil)
	return c.tokens
}

type candidates struct {
	tokens    []string
	maxLength int
	steps     int // that the search may still take
}

func (c *candidates) add(parts ...string) {
	length := 0
	for _, part := range parts {
		length += len(part)
	}
	if length == 0 || length > c.maxLength || len(c.tokens) == maxCandidates {
		return
	}
	value, ok := Unescape(strings.Join(parts, ""))
	if ok && !slices.Contains(c.tokens, value) {
		c.tokens = append(c.tokens, value)
	}
}

// row adds the token of which each chunk is the one at that place, or the last,
// among those of its name.
func (c *candidates) row(chunks [][]string, place int) {
	var parts []string
	more := false
	for _, values := range chunks {
		more = more || place < len(values)
		parts = append(parts, values[min(place, len(values)-1)])
		if ended(parts) {
			break
		}
	}
	if more {
		c.add(parts...)
	}
}

// combine adds the tokens that begin with parts.
func (c *candidates) combine(chunks [][]string, parts []string) {
	if c.steps--; c.steps < 0 {
		return
	}
	if len(parts) > 0 && (len(chunks) == 0 || ended(parts)) {
		c.add(parts...)
		return
	}
	if len(chunks) == 0 {
		return
	}
	for _, value := range chunks[0] {
		c.combine(chunks[1:], append(slices.Clip(parts), value))
	}
	if len(parts) > 0 { // a token whose last chunk is full
		c.add(parts...)
	}
}

// ended reports that the last of the parts is not full: all but the last chunk of
// a token have the same length.
func ended(parts []string) bool { return len(parts[len(parts)-1]) < len(parts[0]) }

// index reads the ".7" behind a chunk's name: decimal, without a leading zero.
func index(suffix string) (int, bool) {
	if len(suffix) < 2 || suffix[0] != '.' || suffix[1] == '0' && len(suffix) > 2 {
		return 0, false
	}
	n := 0
	for _, c := range []byte(suffix[1:]) {
		if c < '0' || c > '9' {
			return 0, false
		}
		if n = 10*n + int(c-'0'); n >= maxChunks {
			return 0, false
		}
	}
	return n, true
}

// SentLength is how many bytes a session token of this length takes in a request's
// Cookie header.
func SentLength(name string, token int) int {
	chunks, suffix := 1, 0
	if token > ChunkSize {
		chunks, suffix = (token+ChunkSize-1)/ChunkSize, len(".0")
	}
	return token + chunks*(len(name)+suffix+len("=; "))
}

// Put gives the Set-Cookie lines that store value as the session token called
// name. present are the names a request had (Session.Names): those that the new
// value does not use are deleted, so that no old chunk outlives it.
func Put(name, value string, present []string, a Attributes) []string {
	names := []string{name}
	values := []string{value}
	if len(value) > ChunkSize {
		names, values = names[:0], values[:0]
		for i := 0; value != ""; i++ {
			n := min(ChunkSize, len(value))
			names = append(names, name+"."+itoa(int64(i)))
			values = append(values, value[:n])
			value = value[n:]
		}
	}
	var lines []string
	for _, old := range present {
		if i := slices.Index(names, old); i >= 0 {
			lines = append(lines, Line(old, values[i], a))
		} else {
			lines = append(lines, Deletion(old, a))
		}
	}
	for i, n := range names {
		if !slices.Contains(present, n) {
			lines = append(lines, Line(n, values[i], a))
		}
	}
	return lines
}

// Clear gives the Set-Cookie lines that delete the cookies called names.
func Clear(names []string, a Attributes) []string {
	var lines []string
	for _, name := range names {
		lines = append(lines, Deletion(name, a))
	}
	return lines
}
