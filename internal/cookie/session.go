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
// both forms stand together, none is believed: chunks of two sessions never mix.
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
	case plain == 0:
		s.Value = strings.Join(chunks[:whole], "")
	}
	if s.Value != "" {
		value, ok := Unescape(s.Value)
		if !ok {
			value = ""
		}
		s.Value = value
	}
	return s
}

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
