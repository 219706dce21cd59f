package token

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"sync"
)

// A Digest makes the hashes under which one-time tokens are stored. They are keyed
// (HMAC, RFC 2104), so that an attacker who reads or writes their table can
// neither tell a token nor make a row for one of their own. It is safe for
// concurrent use.
type Digest struct{ keys []*digestKey }

// A digestKey keeps what its sums were made in, for the next ones: a guarded request makes
// one, and must not pay for more than the hash.
type digestKey struct{ pool sync.Pool }

type digestState struct {
	mac interface { // a hash.Hash
		io.Writer
		Sum([]byte) []byte
		Reset()
	}
	message    []byte
	sum        [sha256.Size]byte
	text, sent [2 * sha256.Size]byte
}

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
		d.keys = append(d.keys, &digestKey{sync.Pool{New: func() any { return &digestState{mac: hmac.New(sha256.New, key)} }}})
	}
	return d, nil
}

// Sums returns the hash of the parts under each secret, the current one first, as
// 64 hexadecimal digits. Each part is preceded by its length: no two lists of parts
// make one text.
func (d *Digest) Sums(parts ...string) []string {
	sums := make([]string, len(d.keys))
	for i, key := range d.keys {
		sums[i] = key.sum(parts)
	}
	return sums
}

// Sum is the first of Sums.
func (d *Digest) Sum(parts ...string) string { return d.keys[0].sum(parts) }

// Verify reports whether sum is one of Sums, and whether it is the current secret's. It
// compares in constant time.
func (d *Digest) Verify(sum string, parts ...string) (valid, current bool) {
	if len(sum) != 2*sha256.Size {
		return false, false
	}
	for i, key := range d.keys {
		if key.verify(sum, parts) {
			return true, i == 0
		}
	}
	return false, false
}

func (k *digestKey) sum(parts []string) string {
	s := k.pool.Get().(*digestState)
	defer k.pool.Put(s)
	s.write(parts)
	return hex.EncodeToString(s.sum[:])
}

func (k *digestKey) verify(sum string, parts []string) bool {
	s := k.pool.Get().(*digestState)
	defer k.pool.Put(s)
	s.write(parts)
	hex.Encode(s.text[:], s.sum[:])
	copy(s.sent[:], sum)
	return hmac.Equal(s.sent[:], s.text[:]) // as texts: a sum has one spelling
}

func (s *digestState) write(parts []string) {
	s.message = s.message[:0]
	for _, part := range parts {
		s.message = append(binary.BigEndian.AppendUint64(s.message, uint64(len(part))), part...)
	}
	s.mac.Reset()
	s.mac.Write(s.message)
	s.mac.Sum(s.sum[:0])
}
