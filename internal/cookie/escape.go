package cookie

import (
	"net/url"
	"strconv"
	"strings"
)

const upperHex = "0123456789ABCDEF"

// Escape percent-encodes a value as JavaScript's encodeURIComponent does.
func Escape(s string) string {
	n := 0
	for i := range len(s) {
		if !unreserved(s[i]) {
			n++
		}
	}
	if n == 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 2*n)
	for i := range len(s) {
		if c := s[i]; unreserved(c) {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(upperHex[c>>4])
			b.WriteByte(upperHex[c&15])
		}
	}
	return b.String()
}

// Unescape decodes a percent-encoded value; a plus sign stays one. It reports
// false, and returns nothing, for a broken escape.
func Unescape(s string) (string, bool) {
	if !strings.Contains(s, "%") {
		return s, true
	}
	value, err := url.PathUnescape(s)
	return value, err == nil
}

func unreserved(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return strings.IndexByte("-_.!~*'()", c) >= 0
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
