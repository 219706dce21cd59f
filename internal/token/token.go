// Package token seals and opens what ginauth keeps in cookies: compact JWEs
// (RFC 7516) encrypted directly with a key derived from the application's
// secret, in the forms that next-auth and Auth.js write and read.
//
// Each purpose has a key of its own, derived with its own label: a token sealed
// for one purpose never opens for another, whatever cookie carries it. The package
// does not know what it seals.
package token

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// ErrInvalid says that a token is malformed, altered, or sealed with a key that
// is not in the ring. It does not say which, so that a client learns nothing.
var ErrInvalid = errors.New("token: not valid")

// MaxLength is the longest token, in bytes, that Open looks at. It is well above
// what browsers store for one site, and bounds the work a request can ask for.
const MaxLength = 256 << 10

// Strict: a token has exactly one spelling, so that no altered one opens.
var encoding = base64.RawURLEncoding.Strict()

// A Format is one of the forms in which Next.js applications seal tokens.
type Format struct {
	enc       string // the one content encryption algorithm
	info      string // of the key derivation
	keyLength int
	ivLength  int
	tagLength int
	withKID   bool // the header names the key
	aead      func(key []byte) (cipher.AEAD, error)
}

// The formats of next-auth version 4 and of Auth.js, its version 5.
var (
	V4 = &Format{
		enc: "A256GCM", info: "NextAuth.js Generated Encryption Key",
		keyLength: 32, ivLength: 12, tagLength: 16, aead: newGCM,
	}
	V5 = &Format{
		enc: "A256CBC-HS512", info: "Auth.js Generated Encryption Key",
		keyLength: 64, ivLength: cbcIV, tagLength: cbcTag, withKID: true, aead: newCBCHMAC,
	}
)

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// A Keyring holds the keys of one purpose: the current one seals, all of them
// open. It is safe for concurrent use.
type Keyring struct {
	format *Format
	keys   []key
}

type key struct {
	// header is the protected header in base64url, which is also the additional
	// authenticated data.
	header []byte
	aead   cipher.AEAD
}

// Keyring derives the keys for one purpose (HKDF-SHA256, RFC 5869). The salt
// names the purpose; it is empty for session tokens of V4. The first secret is
// the current one, the further ones open what was sealed before a rotation.
func (f *Format) Keyring(salt string, secrets ...string) (*Keyring, error) {
	if len(secrets) == 0 {
		return nil, errors.New("token: no secret")
	}
	info := f.info
	if salt != "" {
		info += " (" + salt + ")"
	}
	ring := &Keyring{format: f}
	for _, secret := range secrets {
		if secret == "" {
			return nil, errors.New("token: empty secret")
		}
		raw, err := hkdf.Key(sha256.New, []byte(secret), []byte(salt), info, f.keyLength)
		if err != nil {
			return nil, fmt.Errorf("token: deriving the key: %w", err)
		}
		aead, err := f.aead(raw)
		if err != nil {
			return nil, fmt.Errorf("token: %w", err)
		}
		ring.keys = append(ring.keys, key{f.header(raw), aead})
	}
	return ring, nil
}

// header is what Seal writes in front, for instance {"alg":"dir","enc":"A256GCM"}.
func (f *Format) header(raw []byte) []byte {
	text := `{"alg":"dir","enc":"` + f.enc + `"`
	if f.withKID {
		// The key's thumbprint (RFC 7638) with SHA-512.
		sum := sha512.Sum512([]byte(`{"k":"` + encoding.EncodeToString(raw) + `","kty":"oct"}`))
		text += `,"kid":"` + encoding.EncodeToString(sum[:]) + `"`
	}
	return encoding.AppendEncode(nil, []byte(text+"}"))
}

// Seal encrypts payload with the current key under a fresh random IV.
func (k *Keyring) Seal(payload []byte) string {
	current := k.keys[0]
	iv := make([]byte, k.format.ivLength)
	rand.Read(iv) // never fails: crypto/rand ends the program first
	sealed := current.aead.Seal(nil, iv, payload, current.header)
	body, tag := sealed[:len(sealed)-k.format.tagLength], sealed[len(sealed)-k.format.tagLength:]

	out := make([]byte, 0, len(current.header)+4+encoding.EncodedLen(len(iv))+
		encoding.EncodedLen(len(body))+encoding.EncodedLen(len(tag)))
	out = append(out, current.header...)
	out = append(out, '.', '.')
	out = encoding.AppendEncode(out, iv)
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
	wrapped, rest, _ := strings.Cut(rest, ".") // no key is sent along
	iv64, rest, _ := strings.Cut(rest, ".")
	body64, tag64, _ := strings.Cut(rest, ".")
	f := k.format
	if wrapped != "" || len(iv64) != encoding.EncodedLen(f.ivLength) || len(tag64) != encoding.EncodedLen(f.tagLength) {
		return nil, false, ErrInvalid
	}
	aad := k.keys[0].header
	if head != string(aad) {
		if !f.allows(head) {
			return nil, false, ErrInvalid
		}
		aad = []byte(head)
	}

	// One buffer for all: the IV, then the ciphertext and its tag.
	buffer := make([]byte, f.ivLength+encoding.DecodedLen(len(body64))+f.tagLength)
	iv, sealed := buffer[:f.ivLength], buffer[f.ivLength:]
	if n, err := encoding.Decode(iv, []byte(iv64)); err != nil || n != len(iv) {
		return nil, false, ErrInvalid
	}
	n, err := encoding.Decode(sealed, []byte(body64))
	if err != nil || encoding.EncodedLen(n) != len(body64) { // the decoder skips line breaks
		return nil, false, ErrInvalid
	}
	m, err := encoding.Decode(sealed[n:], []byte(tag64))
	if err != nil || m != f.tagLength {
		return nil, false, ErrInvalid
	}
	sealed = sealed[:n+m]
	for i, key := range k.keys {
		var dst []byte
		if i == len(k.keys)-1 {
			dst = sealed[:0] // nobody needs the sealed bytes after the last trial
		}
		if payload, err := key.aead.Open(dst, iv, sealed, aad); err == nil {
			return payload, i == 0, nil
		}
	}
	return nil, false, ErrInvalid
}

// allows reports whether a protected header that is not the usual one still
// names exactly the algorithms in use: an algorithm is never the token's choice.
func (f *Format) allows(head string) bool {
	if len(head) > 512 {
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
	return fields["alg"] == "dir" && fields["enc"] == f.enc
}
