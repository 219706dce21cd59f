// Package token seals and opens what ginauth keeps in cookies: compact JWEs
// (RFC 7516) encrypted directly with a key derived from the application's
// secret, in the form next-auth v4 writes and reads.
//
// Each purpose has a key of its own, derived with its own label: a token sealed
// for one purpose never opens for another, whatever cookie carries it.
package token

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// ErrInvalid says that a token is malformed, altered, or sealed with a key that
// is not in the ring. Which of these it is, is nobody's business.
var ErrInvalid = errors.New("token: not valid")

// MaxLength is the longest token, in bytes, that Open looks at. It is well above
// what browsers store for one site, and bounds the work a request can ask for.
const MaxLength = 256 << 10

const (
	keyInfo   = "NextAuth.js Generated Encryption Key"
	keyLength = 32
	ivLength  = 12
	tagLength = 16
)

// Strict: a token has exactly one spelling, so that no altered one opens.
var encoding = base64.RawURLEncoding.Strict()

// header is the base64url form of {"alg":"dir","enc":"A256GCM"}, the only
// protected header Seal writes. It is also the additional authenticated data.
var header = []byte("eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0")

// A Keyring holds the keys of one purpose: the current one seals, all of them
// open. It is safe for concurrent use.
type Keyring struct {
	aeads []cipher.AEAD
}

// NewKeyring derives the keys for one purpose (HKDF-SHA256, RFC 5869). The salt
// names the purpose and is empty for session tokens; the first secret is the
// current one, the further ones open what was sealed before a rotation.
func NewKeyring(salt string, secrets ...string) (*Keyring, error) {
	if len(secrets) == 0 {
		return nil, errors.New("token: no secret")
	}
	info := keyInfo
	if salt != "" {
		info += " (" + salt + ")"
	}
	ring := &Keyring{}
	for _, secret := range secrets {
		if secret == "" {
			return nil, errors.New("token: empty secret")
		}
		key, err := hkdf.Key(sha256.New, []byte(secret), []byte(salt), info, keyLength)
		if err != nil {
			return nil, fmt.Errorf("token: deriving the key: %w", err)
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, fmt.Errorf("token: %w", err)
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			return nil, fmt.Errorf("token: %w", err)
		}
		ring.aeads = append(ring.aeads, aead)
	}
	return ring, nil
}

// Seal encrypts payload with the current key under a fresh random IV.
func (k *Keyring) Seal(payload []byte) string {
	var iv [ivLength]byte
	rand.Read(iv[:]) // never fails: crypto/rand ends the program first
	sealed := k.aeads[0].Seal(nil, iv[:], payload, header)
	body, tag := sealed[:len(payload)], sealed[len(payload):]

	out := make([]byte, 0, len(header)+4+encoding.EncodedLen(ivLength)+
		encoding.EncodedLen(len(body))+encoding.EncodedLen(tagLength))
	out = append(out, header...)
	out = append(out, '.', '.')
	out = encoding.AppendEncode(out, iv[:])
	out = append(out, '.')
	out = encoding.AppendEncode(out, body)
	out = append(out, '.')
	out = encoding.AppendEncode(out, tag)
	return string(out)
}

// Open decrypts a token. current is false when a previous secret opened it, and
// the token is then better sealed again. The error is always ErrInvalid.
func (k *Keyring) Open(token string) (payload []byte, current bool, err error) {
	if len(token) > MaxLength {
		return nil, false, ErrInvalid
	}
	head, rest, _ := strings.Cut(token, ".")
	key, rest, _ := strings.Cut(rest, ".")
	iv64, rest, _ := strings.Cut(rest, ".")
	body64, tag64, _ := strings.Cut(rest, ".")
	aad := header
	if head != string(header) {
		if !allowed(head) {
			return nil, false, ErrInvalid
		}
		aad = []byte(head)
	}
	if key != "" || len(iv64) != encoding.EncodedLen(ivLength) || len(tag64) != encoding.EncodedLen(tagLength) {
		return nil, false, ErrInvalid
	}

	var iv [ivLength]byte
	if n, err := encoding.Decode(iv[:], []byte(iv64)); err != nil || n != ivLength {
		return nil, false, ErrInvalid
	}
	sealed := make([]byte, encoding.DecodedLen(len(body64))+tagLength)
	n, err := encoding.Decode(sealed, []byte(body64))
	if err != nil {
		return nil, false, ErrInvalid
	}
	m, err := encoding.Decode(sealed[n:], []byte(tag64))
	if err != nil || m != tagLength {
		return nil, false, ErrInvalid
	}
	sealed = sealed[:n+m]
	for i, aead := range k.aeads {
		var dst []byte
		if i == len(k.aeads)-1 {
			dst = sealed[:0] // nobody needs the sealed bytes after the last trial
		}
		if payload, err := aead.Open(dst, iv[:], sealed, aad); err == nil {
			return payload, i == 0, nil
		}
	}
	return nil, false, ErrInvalid
}

// allowed reports whether a protected header that is not the usual one still
// names exactly the algorithms in use: an algorithm is never the token's choice.
func allowed(head string) bool {
	if len(head) > 256 {
		return false
	}
	raw, err := encoding.DecodeString(head)
	if err != nil {
		return false
	}
	var fields map[string]string
	if json.Unmarshal(raw, &fields) != nil {
		return false
	}
	for name := range fields {
		switch name {
		case "alg", "enc", "typ", "kid":
		default: // zip, crit, p2c, jwk …
			return false
		}
	}
	return fields["alg"] == "dir" && fields["enc"] == "A256GCM"
}
