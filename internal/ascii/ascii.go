// Package ascii compares letters as protocols do: it knows the case of A to Z only.
// Unicode's case mappings turn other letters into ASCII: the lower case of İ (U+0130)
// is i, the lower case of the Kelvin sign (U+212A) is k, and ſ (U+017F) folds to s.
// Code that decides must not confuse them.
package ascii

// Lower returns s with A to Z in lower case and every other byte unchanged.
func Lower(s string) string {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' {
			lower := []byte(s)
			for ; i < len(lower); i++ {
				lower[i] = lowerByte(lower[i])
			}
			return string(lower)
		}
	}
	return s
}

// EqualFold reports whether a and b differ at most in the case of A to Z.
func EqualFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lowerByte(a[i]) != lowerByte(b[i]) {
			return false
		}
	}
	return true
}

func lowerByte(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
