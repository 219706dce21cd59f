package passkeys

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ginauth/ginauth/internal/bulkhead"
)

// An Answer says which credential answers which challenge.
type Answer struct{ CredentialID, UserHandle, Challenge []byte }

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

const errRefused Refusal = "the answer was refused"

// maxTries is how often a proof or a name is kept that others of the same passkey came
// before.
const maxTries = 3

// Errors are the errors of a Store, and those by which the caller tells what happened.
type Errors struct {
	NotFound, Conflict error
	OtherUser          error // a store's answer is of another user
	TooMany            error // the user has as many passkeys as they may
	Wrong              error // wrapped by a Refusal's: an answer is nobody's fault
}

// A Keeper proves who people are by the passkeys of a store, and changes these. It is
// safe for concurrent use.
type Keeper struct {
	Challenges *Challenges
	Store      Store
	Calls      *bulkhead.Bulkhead // of the store
	Most       int                // passkeys of one user
	Errors     Errors
	// Remember remembers the ID of a registration's challenge until then, and Use uses it
	// up: its error is Errors.NotFound where it was used before.
	Remember func(ctx context.Context, id string, until time.Time) error
	Use      func(ctx context.Context, id string) error
}

// refused is an error that says what is wrong with an answer.
func (k *Keeper) refused(why Refusal, err error) error {
	if err == nil {
		return fmt.Errorf("%w: %w", k.Errors.Wrong, why)
	}
	return fmt.Errorf("%w: %w: %w", k.Errors.Wrong, why, err)
}

// List are a user's passkeys, in any order.
func (k *Keeper) List(ctx context.Context, userID string) ([]Stored, error) {
	list, err := bulkhead.Do(ctx, k.Calls, func(ctx context.Context) ([]Stored, error) { return k.Store.list(ctx, userID) })
	if slices.ContainsFunc(list, func(s Stored) bool { return s.UserID != userID }) {
		err = k.Errors.OtherUser
	}
	return list, err
}

// A Named record is that of the passkey with this ID.
type Named struct {
	ID string
	Record
}

// Records are those of a user's passkeys, the oldest first.
func (k *Keeper) Records(ctx context.Context, userID string) ([]*Named, error) {
	list, err := k.List(ctx, userID)
	if err != nil {
		return nil, err
	}
	records := make([]*Named, len(list))
	for i, s := range list {
		r, err := ParseRecord(s.Data)
		if err != nil {
			return nil, err
		}
		records[i] = &Named{s.ID, r}
	}
	slices.SortFunc(records, func(a, b *Named) int { return cmp.Or(cmp.Compare(a.Created, b.Created), cmp.Compare(a.ID, b.ID)) })
	return records, nil
}

// Ask begins a ceremony: a browser is asked to answer a challenge by one of a user's
// passkeys, whose public keys it reads into known, a pointer to a slice; in a registration
// by another one than these. handle is what the user's devices know them by. Where the
// challenge names nobody it is anybody's, and there is neither. The error is
// Errors.TooMany where a registration would give the user more than they may have.
func (k *Keeper) Ask(ctx context.Context, of Challenge, known any) (challenge, handle []byte, err error) {
	var list []Stored
	if of.User != "" {
		if list, err = k.List(ctx, of.User); err != nil {
			return nil, nil, err
		}
	}
	public := make([]json.RawMessage, len(list))
	for i, s := range list {
		r, err := ParseRecord(s.Data)
		if err != nil {
			return nil, nil, err
		}
		handle, public[i] = r.Handle, r.Public
	}
	keys, _ := json.Marshal(public) // which were read from JSON
	if err := json.Unmarshal(keys, known); err != nil {
		return nil, nil, fmt.Errorf("passkeys: a stored public key cannot be read: %w", err)
	}
	if of.Purpose != Register {
		challenge, _ = k.Challenges.New(of)
		return challenge, handle, nil
	}
	if len(list) >= k.Most {
		return nil, nil, k.Errors.TooMany
	}
	if handle == nil { // else the same: a device keeps one passkey of a handle
		handle = NewHandle()
	}
	of.Handle = handle
	challenge, made := k.Challenges.New(of)
	return challenge, handle, k.Remember(ctx, made.ID, time.Unix(made.Expires, 0))
}

// Verify verifies the answer under way by a passkey of this handle and public key. It
// returns what is kept as its public key from now on, and whether the passkey is backed up
// and may be a copy.
type Verify func(handle []byte, public json.RawMessage) (proved any, synced, cloned bool, err error)

// Prove verifies an answer that was made for want: by any user's passkey, or by one of
// want.User. It records that it was given, so that it counts once, in whatever process.
func (k *Keeper) Prove(ctx context.Context, answer Answer, want Challenge, verify Verify) (s Stored, err error) {
	challenge, err := k.Challenges.Open(answer.Challenge, want)
	if err != nil {
		return Stored{}, k.refused(errRefused, err)
	}
	id := ID(answer.CredentialID)
	for range maxTries {
		s, err = bulkhead.Do(ctx, k.Calls, func(ctx context.Context) (Stored, error) { return k.Store.get(ctx, id) })
		switch {
		case errors.Is(err, k.Errors.NotFound):
			return Stored{}, k.refused(errUnknown, nil)
		case err != nil:
			return Stored{}, err
		case s.ID != id || s.UserID == "" || want.User != "" && s.UserID != want.User:
			return Stored{}, k.refused(errUnknown, nil)
		}
		if err = k.use(ctx, s, challenge, answer, verify); !errors.Is(err, k.Errors.Conflict) {
			break
		}
	}
	return s, err
}

// use verifies an answer by a passkey, and keeps what changes of it.
func (k *Keeper) use(ctx context.Context, s Stored, challenge Challenge, answer Answer, verify Verify) error {
	record, err := ParseRecord(s.Data)
	if err != nil {
		return err
	}
	// Where nobody was named, the handle has to say whose passkey it is (WebAuthn §7.2, 6).
	if named := challenge.User != ""; len(answer.UserHandle) > 0 || !named {
		if len(record.Handle) == 0 || !bytes.Equal(answer.UserHandle, record.Handle) {
			return k.refused(errHandle, nil)
		}
	}
	proved, synced, cloned, err := verify(record.Handle, record.Public)
	if err != nil {
		return k.refused(errRefused, err)
	}
	if !record.Spend(challenge, k.Challenges.now()) {
		return k.refused(errUsed, nil)
	}
	if cloned { // the counter stays, so that the older of the two stays out
		record.Cloned = true
	} else {
		record.Public, _ = json.Marshal(proved) // texts, numbers and bytes always marshal
		record.Synced = synced
	}
	err = k.update(ctx, s, record)
	switch {
	case errors.Is(err, k.Errors.NotFound): // it was removed at this moment
		return k.refused(errUnknown, nil)
	case err == nil && cloned:
		return k.refused(ErrCloned, nil)
	}
	return err
}

func (k *Keeper) update(ctx context.Context, s Stored, r Record) error {
	return bulkhead.Run(ctx, k.Calls, func(ctx context.Context) error { return k.Store.update(ctx, s, r.Bytes()) })
}

// Registered reads the challenge of a registration's answer, which counts once.
func (k *Keeper) Registered(ctx context.Context, answer Answer, want Challenge) (Challenge, error) {
	challenge, err := k.Challenges.Open(answer.Challenge, want)
	if err != nil {
		return Challenge{}, k.refused(errRefused, err)
	}
	err = k.Use(ctx, challenge.ID)
	if errors.Is(err, k.Errors.NotFound) { // it was used before
		err = k.refused(errUsed, nil)
	}
	return challenge, err
}

// Add stores a passkey, and takes it back where still says that its user must not have
// it any more, or others made it one too many meanwhile.
func (k *Keeper) Add(ctx context.Context, s Stored, still func() error) error {
	if err := bulkhead.Run(ctx, k.Calls, func(ctx context.Context) error { return k.Store.create(ctx, s) }); err != nil {
		return err
	}
	err := still()
	list, listErr := k.List(ctx, s.UserID)
	if err = cmp.Or(err, listErr); err == nil && len(list) > k.Most {
		err = k.Errors.TooMany
	}
	if err == nil {
		return nil
	}
	if kept := k.Remove(ctx, s.UserID, s.ID); kept != nil && !errors.Is(kept, k.Errors.NotFound) {
		return fmt.Errorf("passkeys: a passkey that its user must not have was not taken back: %w (%v)", kept, err)
	}
	return err
}

// Remove takes a passkey away from a user.
func (k *Keeper) Remove(ctx context.Context, userID, id string) error {
	return bulkhead.Run(ctx, k.Calls, func(ctx context.Context) error { return k.Store.remove(ctx, userID, id) })
}

// RemoveIf takes a passkey away from a user where may allows that, whose error it returns
// otherwise. may is asked before, and again afterwards, since others of the user's may be
// taken away at the same moment: then the passkey is put back, as by Add.
func (k *Keeper) RemoveIf(ctx context.Context, userID, id string, may, still func() error) error {
	list, err := k.List(ctx, userID)
	at := slices.IndexFunc(list, func(s Stored) bool { return s.ID == id })
	if err == nil && at < 0 {
		err = k.Errors.NotFound
	}
	if err == nil {
		err = may()
	}
	if err == nil {
		err = k.Remove(ctx, userID, id)
	}
	if err != nil {
		return err
	}
	if err = may(); err == nil {
		return nil
	}
	if kept := k.Add(ctx, list[at], still); kept != nil {
		return fmt.Errorf("passkeys: a passkey that its user needs was not put back: %w (%v)", kept, err)
	}
	return err
}

// Rename stores the name that a person typed for a passkey of theirs. An empty one
// changes nothing, and neither does the ID of no passkey of theirs.
func (k *Keeper) Rename(ctx context.Context, userID, id, typed string) (err error) {
	name := CleanName(typed)
	for range maxTries { // somebody may sign in by it at this moment
		list, listErr := k.List(ctx, userID)
		at := slices.IndexFunc(list, func(s Stored) bool { return s.ID == id })
		if listErr != nil || at < 0 || name == "" {
			return listErr
		}
		r, readErr := ParseRecord(list[at].Data)
		if readErr != nil {
			return readErr
		}
		r.Name = name
		if err = k.update(ctx, list[at], r); !errors.Is(err, k.Errors.Conflict) {
			break
		}
	}
	return err
}
