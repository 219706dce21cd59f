package token

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"strings"
)

// CSRF makes and checks the double-submit token against cross-site request
// forgery, in the form next-auth keeps it: the cookie holds token|hash, where
// the hash proves that this application made the token, and the form repeats it.
type CSRF struct {
	secrets []string
}

// NewCSRF takes the current secret and those before it, which still verify.
func NewCSRF(secrets ...string) *CSRF { return &CSRF{secrets} }

// New returns a fresh token, 64 hexadecimal digits, and the cookie's value.
func (c *CSRF) New() (token, cookie string) {
	var b [32]byte
	rand.Read(b[:])
	token = hex.EncodeToString(b[:])
	return token, token + "|" + hash(token, c.secrets[0])
}

// Open returns the token of a cookie value, and false if this application did
// not make it.
func (c *CSRF) Open(cookie string) (token string, ok bool) {
	token, rest, found := strings.Cut(cookie, "|")
	if !found || token == "" {
		return "", false
	}
	sum, _, _ := strings.Cut(rest, "|")
	for _, secret := range c.secrets {
		if Equal(sum, hash(token, secret)) {
			return token, true
		}
	}
	return "", false
}

func hash(token, secret string) string {
	sum := sha256.Sum256([]byte(token + secret))
	return hex.EncodeToString(sum[:])
}

// Equal compares two secrets in a time that does not tell where they differ.
func Equal(a, b string) bool {
	return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}
