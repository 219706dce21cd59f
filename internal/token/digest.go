package token

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
)

// A Digest makes the hashes under which one-time tokens are stored. They are keyed
// (HMAC, RFC 2104), so that an attacker who reads or writes their table can
// neither tell a token nor make a row for one of their own. It is safe for
// concurrent use.
type Digest struct{ keys [][]byte }

// NewDigest derives the keys for one purpose (HKDF-SHA256, RFC 5869). The first
// secret is the current one.
func NewDigest(purpose string, secrets ...string) (*Digest, error) {
	if purpose == "" || len(secrets) == 0 {
		return nil, errors.New("token: a digest needs a purpose and a secret")
	}
	d := &Digest{}
	for _, secret := range secrets {
		if secret == "" {
			return nil, errors.New("token: empty secret")
		}
		key, err := hkdf.Key(sha256.New, []byte(secret), []byte(purpose), "ginauth digest ("+purpose+")", sha256.Size)
		if err != nil {
			return nil, fmt.Errorf("token: deriving the key: %w", err)
		}
		d.keys = append(d.keys, key)
	}
	return d, nil
}

// Sums returns the hash of the parts under each secret, the current one first, as
// 64 hexadecimal digits. Each part is preceded by its length: no two lists of parts
// make one text.
func (d *Digest) Sums(parts ...string) []string {
	sums := make([]string, len(d.keys))
	for i := range d.keys {
		sums[i] = d.sum(i, parts)
	}
	return sums
}

// Sum is the first of Sums.
func (d *Digest) Sum(parts ...string) string { return d.sum(0, parts) }

// Verify reports whether sum is one of Sums, and whether it is the current secret's.
func (d *Digest) Verify(sum string, parts ...string) (valid, current bool) {
	for i := range d.keys {
		if Equal(sum, d.sum(i, parts)) {
			return true, i == 0
		}
	}
	return false, false
}

func (d *Digest) sum(key int, parts []string) string {
	mac := hmac.New(sha256.New, d.keys[key])
	for _, part := range parts {
		mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		mac.Write([]byte(part))
	}
	return hex.EncodeToString(mac.Sum(nil))
}
