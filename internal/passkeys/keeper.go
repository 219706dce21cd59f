package passkeys

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/ginauth/ginauth/internal/bulkhead"
)

// A Stored is a passkey as it is kept.
type Stored struct {
	ID     string // see ID
	UserID string
	Data   []byte // of a Record
}

// storedAs is a Stored by any name.
type storedAs interface {
	~struct {
		ID     string
		UserID string
		Data   []byte
	}
}

// A Store keeps passkeys. Its contract is the one of ginauth.PasskeyStore.
type Store[P storedAs] interface {
	CreatePasskey(ctx context.Context, p P) error
	GetPasskey(ctx context.Context, id string) (P, error)
	ListPasskeys(ctx context.Context, userID string) ([]P, error)
	UpdatePasskey(ctx context.Context, p P, data []byte) error
	DeletePasskey(ctx context.Context, userID, id string) error
}

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

// refused is an error that says what is wrong with an answer.
func refused(err error) error { return errors.Join(Refusal("the answer was refused"), err) }

// maxTries is how often a proof is kept that others of the same passkey came before.
const maxTries = 3

// Errors are the errors of a Store, and those by which the caller tells what happened.
type Errors struct {
	NotFound, Conflict error
	OtherUser          error // a store's answer is of another user
	TooMany            error // the user has as many passkeys as they may
}

// A Keeper proves who people are by the passkeys of a store, and changes these. C is
// what the engine keeps of a passkey: its public key. It is safe for concurrent use.
type Keeper[P storedAs, C any] struct {
	Challenges *Challenges
	Store      Store[P]
	Calls      *bulkhead.Bulkhead // of the store
	Most       int                // passkeys of one user
	Errors     Errors
	// Remember remembers the ID of a registration's challenge until then, and Use uses it
	// up: its error is Errors.NotFound where it was used before.
	Remember func(ctx context.Context, id string, until time.Time) error
	Use      func(ctx context.Context, id string) error
}

// List are a user's passkeys, in any order.
func (k *Keeper[P, C]) List(ctx context.Context, userID string) ([]P, error) {
	list, err := bulkhead.Do(ctx, k.Calls, func(ctx context.Context) ([]P, error) { return k.Store.ListPasskeys(ctx, userID) })
	if err == nil && slices.ContainsFunc(list, func(p P) bool { return Stored(p).UserID != userID }) {
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
func (k *Keeper[P, C]) Records(ctx context.Context, userID string) ([]Named, error) {
	list, err := k.List(ctx, userID)
	if err != nil {
		return nil, err
	}
	records := make([]Named, len(list))
	for i, p := range list {
		s := Stored(p)
		if records[i].Record, _, err = Parse[C](s.Data); err != nil {
			return nil, err
		}
		records[i].ID = s.ID
	}
	slices.SortFunc(records, func(a, b Named) int { return cmp.Or(cmp.Compare(a.Created, b.Created), cmp.Compare(a.ID, b.ID)) })
	return records, nil
}

// A Question is what a browser is asked: to answer a challenge by one of the known
// passkeys, of the user with this handle, or in a registration by another one. Without a
// handle it is anybody's.
type Question[C any] struct {
	Challenge, Handle []byte
	Known             []C
}

// Ask begins a ceremony for a user, or for anybody. The error is Errors.TooMany where a
// registration would give the user more passkeys than they may have.
func (k *Keeper[P, C]) Ask(ctx context.Context, of Challenge) (q Question[C], err error) {
	var list []P
	if of.User != "" {
		if list, err = k.List(ctx, of.User); err != nil {
			return q, err
		}
	}
	for _, p := range list {
		r, known, err := Parse[C](Stored(p).Data)
		if err != nil {
			return q, err
		}
		q.Handle, q.Known = r.Handle, append(q.Known, known)
	}
	if of.Purpose != Register {
		q.Challenge, _ = k.Challenges.New(of)
		return q, nil
	}
	if len(list) >= k.Most {
		return q, k.Errors.TooMany
	}
	if q.Handle == nil { // else the same: a device keeps one passkey of a handle
		q.Handle = NewHandle()
	}
	of.Handle = q.Handle
	var made Challenge
	q.Challenge, made = k.Challenges.New(of)
	return q, k.Remember(ctx, made.ID, time.Unix(made.Expires, 0))
}

// Verify verifies the answer under way by a passkey of this handle. It returns what the
// engine keeps from now on, and whether the passkey is backed up and may be a copy.
type Verify[C any] func(handle []byte, known C) (proved C, synced, cloned bool, err error)

// Prove verifies an answer that was made for want: by any user's passkey, or by one of
// want.User. It records that it was given, so that it counts once, in whatever process.
func (k *Keeper[P, C]) Prove(ctx context.Context, answer Answer, want Challenge, verify Verify[C]) (s Stored, err error) {
	challenge, err := k.Challenges.Open(answer.Challenge, want)
	if err != nil {
		return Stored{}, refused(err)
	}
	id := ID(answer.CredentialID)
	for range maxTries {
		p, err := bulkhead.Do(ctx, k.Calls, func(ctx context.Context) (P, error) { return k.Store.GetPasskey(ctx, id) })
		s = Stored(p)
		switch {
		case errors.Is(err, k.Errors.NotFound):
			return Stored{}, errUnknown
		case err != nil:
			return Stored{}, err
		case s.ID != id || s.UserID == "" || want.User != "" && s.UserID != want.User:
			return Stored{}, errUnknown
		}
		if err = k.use(ctx, p, challenge, answer, verify); !errors.Is(err, k.Errors.Conflict) {
			return s, err
		}
	}
	return s, k.Errors.Conflict
}

// use verifies an answer by a passkey, and keeps what changes of it.
func (k *Keeper[P, C]) use(ctx context.Context, p P, challenge Challenge, answer Answer, verify Verify[C]) error {
	record, err := ParseRecord(Stored(p).Data)
	if err != nil {
		return err
	}
	// Where nobody was named, the handle has to say whose passkey it is (WebAuthn §7.2, 6).
	if named := challenge.User != ""; len(answer.UserHandle) > 0 || !named {
		if len(record.Handle) == 0 || !bytes.Equal(answer.UserHandle, record.Handle) {
			return errHandle
		}
	}
	var known C
	if err := json.Unmarshal(record.Public, &known); err != nil {
		return refused(err)
	}
	proved, synced, cloned, err := verify(record.Handle, known)
	if err != nil {
		return refused(err)
	}
	if !record.Spend(challenge, k.Challenges.now()) {
		return errUsed
	}
	if cloned { // the counter stays, so that the older of the two stays out
		record.Cloned = true
	} else if record.Public, err = json.Marshal(proved); err != nil {
		return refused(err)
	} else {
		record.Synced = synced
	}
	err = k.update(ctx, p, record)
	switch {
	case errors.Is(err, k.Errors.NotFound): // it was removed at this moment
		return errUnknown
	case err == nil && cloned:
		return ErrCloned
	}
	return err
}

func (k *Keeper[P, C]) update(ctx context.Context, p P, r Record) error {
	return bulkhead.Run(ctx, k.Calls, func(ctx context.Context) error { return k.Store.UpdatePasskey(ctx, p, r.Bytes()) })
}

// Registered reads the challenge of a registration's answer, which counts once.
func (k *Keeper[P, C]) Registered(ctx context.Context, answer Answer, want Challenge) (Challenge, error) {
	challenge, err := k.Challenges.Open(answer.Challenge, want)
	if err != nil {
		return Challenge{}, refused(err)
	}
	err = k.Use(ctx, challenge.ID)
	if errors.Is(err, k.Errors.NotFound) { // it was used before
		err = errUsed
	}
	return challenge, err
}

// Add stores a passkey, and takes it back where still says that its user must not have
// it any more, or others made it one too many meanwhile.
func (k *Keeper[P, C]) Add(ctx context.Context, p P, still func() error) error {
	if err := bulkhead.Run(ctx, k.Calls, func(ctx context.Context) error { return k.Store.CreatePasskey(ctx, p) }); err != nil {
		return err
	}
	s := Stored(p)
	err := still()
	list, listErr := k.List(ctx, s.UserID)
	if err = cmp.Or(err, listErr); err == nil && len(list) > k.Most {
		err = k.Errors.TooMany
	}
	if err != nil {
		err = errors.Join(err, k.Remove(ctx, s.UserID, s.ID))
	}
	return err
}

// Remove takes a passkey away from a user.
func (k *Keeper[P, C]) Remove(ctx context.Context, userID, id string) error {
	return bulkhead.Run(ctx, k.Calls, func(ctx context.Context) error { return k.Store.DeletePasskey(ctx, userID, id) })
}

// Rename stores the name that a person typed for a passkey of theirs. An empty one
// changes nothing, and neither does the ID of no passkey of theirs.
func (k *Keeper[P, C]) Rename(ctx context.Context, userID, id, typed string) error {
	list, err := k.List(ctx, userID)
	at := slices.IndexFunc(list, func(p P) bool { return Stored(p).ID == id })
	name := CleanName(typed)
	if err != nil || at < 0 || name == "" {
		return err
	}
	r, err := ParseRecord(Stored(list[at]).Data)
	if err != nil {
		return err
	}
	r.Name = name
	return k.update(ctx, list[at], r)
}
