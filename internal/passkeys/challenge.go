// Package passkeys keeps what stands between the two halves of a WebAuthn ceremony, and
// what is stored of a passkey. It seals challenges, records which were used, and adds,
// renames and removes passkeys in a store. It does not know CBOR, signatures, users or
// requests.
package passkeys

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/ginauth/ginauth/internal/token"
)

// Lifetime is how long a challenge can be answered. A page that asks by autofill gets a
// new one before that.
const Lifetime = 10 * time.Minute

// A Purpose is what a challenge was made for. It is good for nothing else.
type Purpose string

const (
	SignIn   Purpose = "signin"   // anybody's passkey begins a session
	Register Purpose = "register" // a user gets one more
	Prove    Purpose = "prove"    // the user of a session proves who they are again
	Second   Purpose = "second"   // a user who has passed the first factor gives another
)

// A Challenge is what a ceremony is bound to. Its sealed form is the challenge that an
// authenticator signs (WebAuthn Level 3 §13.4.3), so that no server has to remember it:
// what comes back says, under our seal, for what and for which browser it was made.
type Challenge struct {
	ID      string  `json:"i"`
	Purpose Purpose `json:"p"`
	Browser string  `json:"b"`           // names the browser: see Names
	User    string  `json:"u,omitempty"` // whose ceremony it is; empty: anybody's
	Session string  `json:"s,omitempty"` // in which session, where there is one
	Handle  []byte  `json:"h,omitempty"` // the user handle that a registration asks for
	Expires int64   `json:"e"`           // Unix seconds
}

// Challenges seal and open. They are safe for concurrent use.
type Challenges struct {
	ring *token.Keyring
	now  func() time.Time
}

var (
	errForeign = errors.New("passkeys: the challenge is not one of this site")
	errExpired = errors.New("passkeys: the challenge has expired")
	errPurpose = errors.New("passkeys: the challenge was made for another purpose")
	errBrowser = errors.New("passkeys: the challenge was made for another browser")
	errOther   = errors.New("passkeys: the challenge was made for another user or session")
)

// NewChallenges derives the key from the secrets, the current one first. site tells the
// key from that of another Auth with the same secret.
func NewChallenges(site string, now func() time.Time, secrets ...string) (*Challenges, error) {
	ring, err := token.V4.Keyring("ginauth.passkey."+site, secrets...)
	if err != nil {
		return nil, err
	}
	return &Challenges{ring, now}, nil
}

// New is the challenge of a ceremony that begins, as it is sealed.
func (c *Challenges) New(of Challenge) (sealed []byte, made Challenge) {
	of.ID, of.Expires = token.NewID(), c.now().Add(Lifetime).Unix()
	payload, _ := json.Marshal(of) // texts and numbers always marshal
	return []byte(c.ring.Seal(payload)), of
}

// Open reads the challenge that an answer was made for, if it was made for this: want
// names the purpose, the browser, and the user and session where there are any.
func (c *Challenges) Open(sealed []byte, want Challenge) (Challenge, error) {
	payload, _, err := c.ring.Open(string(sealed))
	if err != nil {
		return Challenge{}, errForeign
	}
	var got Challenge
	if json.Unmarshal(payload, &got) != nil {
		return Challenge{}, errForeign
	}
	switch {
	case c.now().Unix() >= got.Expires:
		return Challenge{}, errExpired
	case got.Purpose != want.Purpose:
		return Challenge{}, errPurpose
	case want.Browser == "" || !token.Equal(got.Browser, want.Browser):
		return Challenge{}, errBrowser
	case got.User != want.User || got.Session != want.Session:
		return Challenge{}, errOther
	}
	return got, nil
}
