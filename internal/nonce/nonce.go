// Package nonce makes the nonces of id_tokens that are handed over (OpenID Connect Core
// §3.1.3.7, 11), and sees to it that each is used once. A nonce carries its own proof: who
// may use it, and until when. So nothing needs to be kept of those that come to nothing. It
// does not know id_tokens, databases or HTTP.
package nonce

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/ginauth/ginauth/internal/token"
)

// Lifetime is how long a nonce may be used: a page asks for it when it shows the
// provider's button, and the person may read the page first.
const Lifetime = time.Hour

// Memory is for how long a nonce that was used must be remembered, on two machines whose
// clocks differ by ten minutes.
const Memory = Lifetime + 10*time.Minute

// The parts of a nonce, one after the other, in characters.
const (
	randomLength = 43 // base64url, 256 bits
	timeLength   = 8  // hexadecimal: Unix seconds, until the year 2106
	proofLength  = 32 // hexadecimal: 128 bits of the HMAC
	length       = randomLength + timeLength + proofLength
)

// Nonces are those of one provider at one site.
type Nonces struct {
	Provider string // its ID
	Site     string // the URL of the auth routes: a nonce of one host is none of another's
	Hash     *token.Digest
	Now      func() time.Time

	// Exactly one of the two below keeps count of what was used. Their keys are 64
	// hexadecimal digits, from which nobody tells the nonce.

	// First reports whether a key is seen for the first time within Memory. Of two calls
	// at once it is true for one.
	First func(ctx context.Context, key string) (bool, error)
	// Rows are kept when a nonce is made and deleted when it is used.
	Rows *Rows
}

// Rows are those of a table. Of two calls of Take at once one finds the row; the other
// gets NotFound.
type Rows struct {
	Put      func(ctx context.Context, key string, expires time.Time) error
	Take     func(ctx context.Context, key string) error
	NotFound error
}

// New makes a nonce for a browser, which a secret of its cookies names, or for a native
// application, where browser is empty.
func (n *Nonces) New(ctx context.Context, browser string) (nonce string, expires time.Time, err error) {
	expires = n.Now().Add(Lifetime).Truncate(time.Second)
	body := token.Random() + fmt.Sprintf("%0*x", timeLength, expires.Unix())
	nonce = body + n.proofs(body, browser)[0]
	if len(nonce) != length {
		return "", time.Time{}, errors.New("nonce: a part has another length than it must have")
	}
	if n.Rows != nil {
		err = n.Rows.Put(ctx, key(nonce), expires)
	}
	return nonce, expires, err
}

// Valid reports whether this site gave a nonce out, for this provider and browser, and
// whether it may still be used. It says nothing about whether it was.
func (n *Nonces) Valid(nonce, browser string) bool {
	if len(nonce) != length {
		return false
	}
	body, proof := nonce[:length-proofLength], nonce[length-proofLength:]
	known := false
	for _, want := range n.proofs(body, browser) {
		known = token.Equal(proof, want) || known
	}
	expires, _ := strconv.ParseInt(body[randomLength:], 16, 64) // which is in a body that is known
	return known && n.Now().Before(time.Unix(expires, 0))
}

// Spend uses a nonce up that is Valid. It reports false for one that was used before.
func (n *Nonces) Spend(ctx context.Context, nonce string) (bool, error) {
	if n.Rows == nil {
		return n.First(ctx, key(nonce))
	}
	err := n.Rows.Take(ctx, key(nonce))
	if errors.Is(err, n.Rows.NotFound) {
		return false, nil
	}
	return err == nil, err
}

// proofs are what makes a body a nonce of this site, under each secret.
func (n *Nonces) proofs(body, browser string) []string {
	sums := n.Hash.Sums(n.Provider, n.Site, browser, body)
	for i, sum := range sums {
		sums[i] = sum[:proofLength]
	}
	return sums
}

// key is what a nonce is remembered under. It hangs on no secret: while one is rotated,
// two processes have the same key for a nonce.
func key(nonce string) string {
	sum := sha256.Sum256([]byte(nonce))
	return hex.EncodeToString(sum[:])
}
