package passkeys

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// A Stored is a passkey as it is kept.
type Stored struct {
	ID     string // see ID
	UserID string
	Data   []byte // of a Record
}

// An Answer says which credential answers which challenge.
type Answer struct{ CredentialID, UserHandle, Challenge []byte }

// A Proved is a passkey as a proof leaves it.
type Proved struct {
	Public         json.RawMessage
	Synced, Cloned bool
}

// A Refusal says what is wrong with an answer. It is for the log alone: to a browser all
// of them are one.
type Refusal string

func (r Refusal) Error() string { return "passkeys: " + string(r) }

const (
	errUnknown Refusal = "no user has the passkey that answered, or it is not the one that was asked for"
	errUsed    Refusal = "the challenge was answered before, or the passkey answers too often"
	errHandle  Refusal = "the user handle is not the passkey's"
	// ErrCloned says that the signature counter went back.
	ErrCloned Refusal = "the signature counter went back, so that the passkey may have been copied"
)

// refused is an error that says what is wrong with an answer.
func refused(err error) error { return errors.Join(Refusal("the answer was refused"), err) }

// maxTries is how often a proof is kept that others of the same passkey came before.
const maxTries = 3

// A Method proves who people are by the passkeys of a store.
type Method struct {
	Challenges *Challenges
	Now        func() time.Time
	// Get and Update are a ginauth.PasskeyStore's, with its errors.
	Get    func(ctx context.Context, id string) (Stored, error)
	Update func(ctx context.Context, s Stored, data []byte) error
	// Verify verifies the answer under way by a passkey.
	Verify             func(handle []byte, public json.RawMessage) (Proved, error)
	NotFound, Conflict error
}

// Prove verifies an answer that was made for want: by any user's passkey, or by one of
// want.User. It records that it was given, so that it counts once, in whatever process.
func (m *Method) Prove(ctx context.Context, answer Answer, want Challenge) (s Stored, err error) {
	challenge, err := m.Challenges.Open(answer.Challenge, want)
	if err != nil {
		return Stored{}, refused(err)
	}
	id := ID(answer.CredentialID)
	for range maxTries {
		s, err = m.Get(ctx, id)
		switch {
		case errors.Is(err, m.NotFound):
			return Stored{}, errUnknown
		case err != nil:
			return Stored{}, err
		case s.ID != id || s.UserID == "" || want.User != "" && s.UserID != want.User:
			return Stored{}, errUnknown
		}
		if err = m.use(ctx, s, challenge, answer); !errors.Is(err, m.Conflict) {
			break
		}
	}
	return s, err
}

// use verifies an answer by a passkey, and keeps what changes of it.
func (m *Method) use(ctx context.Context, s Stored, challenge Challenge, answer Answer) error {
	record, err := ParseRecord(s.Data)
	if err != nil {
		return err
	}
	// Where nobody was named, the handle has to say whose passkey it is (WebAuthn §7.2, 6).
	if named := challenge.User != ""; len(answer.UserHandle) > 0 || !named {
		if len(record.Handle) == 0 || !bytes.Equal(answer.UserHandle, record.Handle) {
			return errHandle
		}
	}
	proved, err := m.Verify(record.Handle, record.Public)
	if err != nil {
		return refused(err)
	}
	if !record.Spend(challenge, m.Now()) {
		return errUsed
	}
	if proved.Cloned { // the counter stays, so that the older of the two stays out
		record.Cloned = true
	} else {
		record.Public, record.Synced = proved.Public, proved.Synced
	}
	err = m.Update(ctx, s, record.Bytes())
	switch {
	case errors.Is(err, m.NotFound): // it was removed at this moment
		return errUnknown
	case err == nil && proved.Cloned:
		return ErrCloned
	}
	return err
}

// Open reads the challenge of a registration's answer.
func (m *Method) Open(answer Answer, want Challenge) (Challenge, error) {
	challenge, err := m.Challenges.Open(answer.Challenge, want)
	if err != nil {
		return Challenge{}, refused(err)
	}
	return challenge, nil
}

// CheckID reports that a stored passkey is of another credential than its ID says.
func CheckID(s Stored, credentialID []byte) error {
	if ID(credentialID) != s.ID {
		return fmt.Errorf("passkeys: the passkey %s is stored with another credential", s.ID)
	}
	return nil
}
