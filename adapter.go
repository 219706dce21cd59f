package ginauth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ginauth/ginauth/internal/ascii"
	"github.com/ginauth/ginauth/internal/bulkhead"
	"github.com/ginauth/ginauth/internal/factor"
)

var (
	// ErrExists says that what was to be created is there already.
	ErrExists = errors.New("ginauth: already exists")
	// ErrLastAccount says that without this account its user could not sign in.
	ErrLastAccount = errors.New("ginauth: the user's last account")
)

// An Adapter keeps users and the accounts they sign in with, in a database.
// Without one a provider's profile is the user. The package gormadapter has one
// for SQLite, PostgreSQL and MySQL, and the package adaptertest holds any to this
// contract.
//
// Methods are called by many requests at once, and end with their context. Each
// call is waited for five seconds. Where there is nothing to find,
// errors.Is(err, ErrNotFound) is true; any other error means that the database
// cannot tell, and fails the sign-in without changing anything.
//
// IDs, of users, providers and accounts alike, and hashes are compared byte by
// byte: a database that takes "Ada", "ada " or "adá" for "ada" would let one person
// in as another. An answer about another user than the one asked for is refused.
//
// A call sees what every call that has returned changed, in whatever process: two
// that happen at once, one that links an account and one that stores that the address
// was proved, look for each other afterwards. So do not read from a replica.
//
// The user of a session is looked up where it is sealed again: at GET session, and
// at a guarded request past Session.UpdateAge. So a user who is
// deleted in the database is signed out within UpdateAge, 24 hours by default.
// Auth.DeleteUser signs them out at once, with Session.Revocations.
type Adapter interface {
	// CreateUser stores a new user, under an ID of its own choosing, together
	// with their first account, or without any: both or nothing. The error is
	// ErrExists where a user has this e-mail address (if it is not empty) or any
	// has this account, also when two sign-ins of one person create them at once.
	// Times are kept to the millisecond or better; User.Values are not kept.
	CreateUser(ctx context.Context, user User, account *Account) (User, error)
	// GetUser finds a user by ID.
	GetUser(ctx context.Context, id string) (User, error)
	// GetUserByEmail finds a user by e-mail address, which is compared without
	// regard to the case of A to Z.
	GetUserByEmail(ctx context.Context, email string) (User, error)
	// GetUserByAccount finds the user who signs in with an account.
	GetUserByAccount(ctx context.Context, provider, providerAccountID string) (User, error)
	// UpdateUser stores a user's name, address, time of verification and picture.
	// The error is ErrExists where another user has this address, and ErrNotFound
	// where there is no such user.
	UpdateUser(ctx context.Context, user User) (User, error)
	// DeleteUser deletes a user with all their accounts. It is no error if there
	// is none.
	DeleteUser(ctx context.Context, id string) error

	// LinkAccount gives a user a further account. The error is ErrExists where
	// this or another user has it, and ErrNotFound where there is no such user.
	LinkAccount(ctx context.Context, userID string, account Account) error
	// UnlinkAccount takes an account away from a user. The error is ErrNotFound
	// where they have no such account, and ErrLastAccount where it is their only one
	// and evenLast is false, also when two calls at once take the last two.
	UnlinkAccount(ctx context.Context, userID, provider, providerAccountID string, evenLast bool) error
	// ListAccounts returns the accounts of a user, in any order: none for somebody
	// who does not exist. Their Type tells Credentials from a provider's. They come without their tokens, and without EmailVerified:
	// what a provider said of the address in its profile says nothing of the user's.
	ListAccounts(ctx context.Context, userID string) ([]Account, error)

	// CreateVerificationToken stores what a mail link or code is checked against.
	CreateVerificationToken(ctx context.Context, token VerificationToken) error
	// UseVerificationToken finds a token and deletes it: of two calls at once one
	// finds it. An expired one is returned too, for the caller to refuse.
	UseVerificationToken(ctx context.Context, identifier, hash string) (VerificationToken, error)
}

// A FactorStore keeps what ginauth knows of people's second factors: one record for each
// user of the Adapter, in an encoding of ginauth's own. It is found on Options.Adapter,
// and Options.Factors.OTP needs it. A record holds secrets: encrypt it at rest.
//
// A deleted user's record goes with the user. Calls are made and waited for as those of
// an Adapter.
type FactorStore interface {
	// GetFactors returns the record of a user; nil for none, also of a user who does not
	// exist.
	GetFactors(ctx context.Context, userID string) ([]byte, error)
	// UpdateFactors puts data in the place of old, in one step. old is what GetFactors
	// returned, nil where the user has no record yet; with nil data the record is
	// deleted. The error is ErrConflict where the record is another one than old, also
	// when two calls at once replace the same one, and ErrNotFound where there is no
	// such user.
	UpdateFactors(ctx context.Context, userID string, old, data []byte) error
}

// A VerificationToken proves that somebody reads the mail to an address.
type VerificationToken struct {
	Identifier string // the e-mail address
	Hash       string // of the token; the token itself is in the mail alone
	Expires    time.Time
}

// adapterTimeout bounds one call of the Adapter, so that a database that hangs
// ends in an answer.
const adapterTimeout = 5 * time.Second

// factorTries is how often a change of a user's second factors is tried that others
// overtake.
const factorTries = 20

var (
	errFactorsChanging = fmt.Errorf("%w: other requests change this user's second factors all the time", errUnavailable)

	errNoAdapter = errors.New("ginauth: there is no Options.Adapter")
	errNoID      = errors.New("ginauth: the adapter returned a user without ID")
	// errOtherUser says that the adapter's database compares texts in a way of its own.
	errOtherUser = errors.New("ginauth: the adapter returned another user than it was asked for; its database must compare IDs, accounts and addresses byte by byte")
)

// What the adapter returns is looked at again. A database may take one text for
// another: ada for adá in one of MySQL's collations, 12abc for the number 12.

func (a *Auth) userByID(ctx context.Context, id string) (User, error) {
	if id == "" {
		return User{}, ErrNotFound
	}
	return a.oneUser(ctx, func(u User) bool { return u.ID == id },
		func(ctx context.Context) (User, error) { return a.opts.Adapter.GetUser(ctx, id) })
}

func (a *Auth) userByEmail(ctx context.Context, email string) (User, error) {
	if email == "" {
		return User{}, ErrNotFound
	}
	return a.oneUser(ctx, func(u User) bool { return ascii.Lower(u.Email) == ascii.Lower(email) },
		func(ctx context.Context) (User, error) { return a.opts.Adapter.GetUserByEmail(ctx, email) })
}

func (a *Auth) userByAccount(ctx context.Context, account *Account) (User, error) {
	user, err := a.oneUser(ctx, nil, func(ctx context.Context) (User, error) {
		return a.opts.Adapter.GetUserByAccount(ctx, account.Provider, account.ProviderAccountID)
	})
	if err != nil {
		return User{}, err
	}
	w, err := a.waysInto(ctx, user)
	if err == nil && !w.has(*account) {
		err = errOtherUser
	}
	return user, err
}

// storeUser creates a user, with their first account or without any.
func (a *Auth) storeUser(ctx context.Context, fresh User, account *Account) (User, error) {
	user, err := a.oneUser(ctx, func(u User) bool { return ascii.Lower(u.Email) == ascii.Lower(fresh.Email) },
		func(ctx context.Context) (User, error) { return a.opts.Adapter.CreateUser(ctx, fresh, account) })
	if err != nil || account == nil {
		return user, err
	}
	w, err := a.waysInto(ctx, user)
	if err == nil && !w.has(*account) {
		err = errOtherUser
	}
	return user, err
}

// updateUser stores what has changed of a user.
func (a *Auth) updateUser(ctx context.Context, changed User) (User, error) {
	return a.oneUser(ctx, func(u User) bool { return u.ID == changed.ID && ascii.Lower(u.Email) == ascii.Lower(changed.Email) },
		func(ctx context.Context) (User, error) { return a.opts.Adapter.UpdateUser(ctx, changed) })
}

// oneUser refuses an answer that is none, or is not the user who was meant: with an
// empty ID, one person's session would be another's.
func (a *Auth) oneUser(ctx context.Context, meant func(User) bool, call func(context.Context) (User, error)) (User, error) {
	user, err := bulkhead.Do(ctx, a.calls.adapter, call)
	switch {
	case err != nil:
		return User{}, err
	case user.ID == "":
		return User{}, errNoID
	case meant != nil && !meant(user):
		return User{}, errOtherUser
	}
	return user, nil
}

// orNil makes a nil of a user who is not there.
func orNil(user User, err error) (*User, error) {
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &user, nil
}

// newAdapterCalls stands before the Adapter. The errors of its contract come
// through as they are, and any other as an adapterFault.
func newAdapterCalls() *bulkhead.Bulkhead {
	return bulkhead.New(adapterTimeout, adapterFault{}, ErrNotFound, ErrExists, ErrLastAccount, ErrConflict)
}

// adapt calls the Adapter where that returns nothing.
func (a *Auth) adapt(ctx context.Context, call func(context.Context) error) error {
	return bulkhead.Run(ctx, a.calls.adapter, call)
}

// An adapterFault is an error of the Adapter beyond its contract: nobody can tell
// who a person is.
type adapterFault struct{}

func (adapterFault) Error() string { return "ginauth: the adapter failed" }

func (adapterFault) Unwrap() error { return errUnavailable }

// factorRecord reads what is kept of a user's second factors.
func (a *Auth) factorRecord(ctx context.Context, userID string) (*factor.Record, []byte, error) {
	data, err := bulkhead.Do(ctx, a.calls.adapter, func(ctx context.Context) ([]byte, error) {
		return a.factors.store.GetFactors(ctx, userID)
	})
	if err != nil {
		return nil, nil, err
	}
	r, err := factor.Parse(data)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", adapterFault{}, err)
	}
	return r, data, nil
}

// changeFactors keeps what change makes of a user's record, in one step: where another
// request was first, it runs again on what that one left. Its error keeps nothing.
func (a *Auth) changeFactors(ctx context.Context, userID string, change func(*factor.Record) error) error {
	leave, err := a.shared.locks.Lock(ctx, "factors:"+userID, lockWait) // the rest is for other processes
	if err != nil {
		return err
	}
	defer leave()
	for range factorTries {
		r, old, err := a.factorRecord(ctx, userID)
		if err == nil {
			err = change(r)
		}
		var data []byte
		if err == nil {
			data, err = r.Bytes()
		}
		if err != nil {
			return err
		}
		err = a.adapt(ctx, func(ctx context.Context) error { return a.factors.store.UpdateFactors(ctx, userID, old, data) })
		if !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return errFactorsChanging
}

// endFactorEpoch ends what was issued for a user's second factors until now: trusted
// browsers and sign-ins that wait.
func (a *Auth) endFactorEpoch(ctx context.Context, userID string) error {
	if a.factors.store == nil {
		return nil
	}
	if store, listed := a.userStore(); listed {
		err := bulkhead.Run(ctx, a.calls.store, func(ctx context.Context) error {
			return store.DeleteUser(ctx, a.factors.sharing.Owner(userID))
		})
		if err != nil {
			return err
		}
	}
	_, kept, err := a.factorRecord(ctx, userID)
	if err != nil || kept == nil { // without a record nothing was issued
		return err
	}
	err = a.changeFactors(ctx, userID, func(r *factor.Record) error { r.Change(); return nil })
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}
