package token

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"math/big"
)

// Random returns 256 random bits as 43 base64url characters, the form of state,
// nonce and code verifier (RFC 7636 §4.1).
func Random() string {
	var b [32]byte
	rand.Read(b[:])
	return encoding.EncodeToString(b[:])
}

// NewID returns a random UUID (RFC 9562 §5.4), the form of a token's jti claim.
func NewID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	var s [36]byte
	for i, part := range [5][2]int{{0, 4}, {4, 6}, {6, 8}, {8, 10}, {10, 16}} {
		at := 2*part[0] + i
		hex.Encode(s[at:], b[part[0]:part[1]])
		if i < 4 {
			s[2*part[1]+i] = '-'
		}
	}
	return string(s[:])
}

// RandomCode returns six random decimal digits, each code as likely as any other.
func RandomCode() string {
	const codes = 1_000_000
	n, err := rand.Int(rand.Reader, big.NewInt(codes))
	if err != nil {
		panic(err) // never: crypto/rand ends the program first
	}
	return fmt.Sprintf("%06d", n)
}
