package factor

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"strings"
)

const (
	// recoveryCodes is how many a person gets.
	recoveryCodes = 10
	// recoveryBytes is how much of each is random: 80 bits, so that its hash needs no key
	// and no slow function, and outlives a change of the secret.
	recoveryBytes = 10
)

// letters are Crockford's base32: no letter of it is taken for another.
var letters = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// NewRecovery makes recovery codes, such as 3k9x-7qfd-0a2m-xw5t, and the hashes that are
// kept of them.
func NewRecovery(userID string) (codes, hashes []string) {
	for range recoveryCodes {
		raw := make([]byte, recoveryBytes)
		_, _ = rand.Read(raw) // never fails: crypto/rand ends the program first
		text := letters.EncodeToString(raw)
		codes = append(codes, strings.Join([]string{text[:4], text[4:8], text[8:12], text[12:]}, "-"))
		hashes = append(hashes, hash(userID, text))
	}
	return codes, hashes
}

// hash is of a code of one user: another's record does not take it.
func hash(userID, code string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "ginauth recovery code %d %s %s", len(userID), userID, code))
	return hex.EncodeToString(sum[:])
}

// find is the place of a code that was typed among the hashes; -1: it is none of them.
func find(hashes []string, userID, typed string) int {
	typed = hash(userID, plain(typed))
	found := -1
	for i, h := range hashes {
		if subtle.ConstantTimeCompare([]byte(h), []byte(typed)) == 1 {
			found = i
		}
	}
	return found
}

// plain is a code as it was hashed: people type it in capitals, with spaces, and o for 0.
func plain(typed string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == ' ' || c == '-' || c == '\t' || c == '\u2010' || c == '\u2011':
			return -1
		case c == 'o' || c == 'O':
			return '0'
		case c == 'i' || c == 'I' || c == 'l' || c == 'L':
			return '1'
		case 'A' <= c && c <= 'Z':
			return c + 'a' - 'A'
		}
		return c
	}, typed)
}
