package ginauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ginauth/ginauth/internal/ascii"
	"github.com/ginauth/ginauth/internal/bulkhead"
	"github.com/ginauth/ginauth/internal/factor"
	"github.com/ginauth/ginauth/internal/memory"
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

// MemoryAdapter keeps users and accounts in this process alone: for tests and
// examples. They are forgotten when it ends. It keeps no tokens of providers.
func MemoryAdapter() Adapter {
	errs := memory.Errors{NotFound: ErrNotFound, Exists: ErrExists, LastAccount: ErrLastAccount, Conflict: ErrConflict}
	return memory.New[User, Account, VerificationToken, StoredPasskey](errs,
		func(u User) memory.User {
			return memory.User{ID: u.ID, Name: u.Name, Email: u.Email, Image: u.Image, EmailVerified: u.EmailVerified}
		},
		func(u memory.User) User {
			return User{ID: u.ID, Name: u.Name, Email: u.Email, Image: u.Image, EmailVerified: u.EmailVerified}
		})
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

// A PasskeyStore is an Adapter that keeps passkeys too, for Options.Factors.Passkeys. The
// package gormadapter's is one, and the package adaptertest holds any to this contract.
// What is said of an Adapter's calls, contexts and errors holds here.
type PasskeyStore interface {
	// CreatePasskey stores a new passkey. The error is ErrExists where any user has one
	// of this ID, also when two calls at once create it, and ErrNotFound where there is
	// no such user.
	CreatePasskey(ctx context.Context, p StoredPasskey) error
	// GetPasskey finds a passkey by ID.
	GetPasskey(ctx context.Context, id string) (StoredPasskey, error)
	// ListPasskeys returns the passkeys of a user, in any order: none for somebody who
	// does not exist.
	ListPasskeys(ctx context.Context, userID string) ([]StoredPasskey, error)
	// UpdatePasskey stores data in place of p.Data. The error is ErrConflict where it
	// holds something else than p.Data, so that of two calls at once with one p one
	// succeeds, and ErrNotFound where p.UserID has no passkey of this ID.
	UpdatePasskey(ctx context.Context, p StoredPasskey, data []byte) error
	// DeletePasskey deletes a passkey of a user. The error is ErrNotFound where they have
	// none of this ID. DeleteUser deletes all of a user's.
	DeletePasskey(ctx context.Context, userID, id string) error
}

// A StoredPasskey is a passkey as a PasskeyStore keeps it.
type StoredPasskey struct {
	ID     string // 43 letters, digits, dashes and underscores, compared byte by byte
	UserID string
	Data   []byte // ginauth's own encoding: at most 16 KB, and no secret
}

// A PasskeyEngine verifies what authenticators say (Web Authentication Level 3). The
// package passkey has one, so that only a program that imports it links the library
// behind it. It keeps nothing and is called by many requests at once. An error is for
// the log, and says what was seen and expected.
type PasskeyEngine interface {
	// Check reports what of the engine's configuration does not fit the site. site is
	// BaseURL's origin, and empty where each request names the host.
	Check(site string) error
	// CreationOptions are the options of navigator.credentials.create
	// (PublicKeyCredentialCreationOptionsJSON, §5.1.9), for a discoverable credential
	// without attestation. They exclude the ceremony's Credentials.
	CreationOptions(c PasskeyCeremony) (json.RawMessage, error)
	// RequestOptions are those of navigator.credentials.get
	// (PublicKeyCredentialRequestOptionsJSON, §5.1.10), for one of the ceremony's
	// Credentials; with none, for any discoverable one.
	RequestOptions(c PasskeyCeremony) (json.RawMessage, error)
	// ParseAnswer reads whose answer it is, and to which challenge. It verifies nothing.
	ParseAnswer(answer []byte) (PasskeyAnswer, error)
	// Register verifies a new credential (§7.1): its challenge, origin, relying party,
	// and user verification where the ceremony asks for it. answer is the credential's
	// JSON form (RegistrationResponseJSON).
	Register(c PasskeyCeremony, answer []byte) (PasskeyCredential, error)
	// Verify verifies a proof (§7.2) by the one credential in the ceremony's
	// Credentials, and returns the credential as it is kept from now on. answer is an
	// AuthenticationResponseJSON.
	Verify(c PasskeyCeremony, answer []byte) (PasskeyCredential, error)
}

// A PasskeyCeremony is what one registration, or one proof by a passkey, is bound to.
type PasskeyCeremony struct {
	Site      string // the site's own origin, such as https://app.example.com
	Origin    string // of the page that asks; usually Site
	Challenge []byte
	// UserHandle is what authenticators know the person by, up to 64 random bytes; empty
	// where anybody may answer.
	UserHandle []byte
	// UserName and DisplayName are shown by the person's device at a registration.
	UserName, DisplayName string
	Credentials           []PasskeyCredential
	// UserVerification says that the device must verify the person, by a PIN or a
	// fingerprint, and not only their presence.
	UserVerification bool
}

// A PasskeyAnswer says which credential answers which challenge.
type PasskeyAnswer struct{ CredentialID, UserHandle, Challenge []byte }

// A PasskeyCredential is a public key with what is known of its authenticator
// (credential record, §4).
type PasskeyCredential struct {
	ID         []byte   `json:"id"`
	PublicKey  []byte   `json:"key"` // a COSE_Key (RFC 9052 §7)
	Transports []string `json:"transports,omitempty"`
	AAGUID     []byte   `json:"aaguid,omitempty"` // of the authenticator's model
	SignCount  uint32   `json:"count,omitempty"`  // 0: the authenticator does not count
	// BackupEligible says that the key may be in several devices, and BackedUp that it is.
	BackupEligible bool `json:"eligible,omitempty"`
	BackedUp       bool `json:"backed,omitempty"`
	// UserVerified says that this ceremony verified the person.
	UserVerified bool `json:"verified,omitempty"`
	// Cloned says that SignCount went back in this proof: the key is in two
	// authenticators of a kind from which it cannot be copied.
	Cloned bool `json:"-"`
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
	return a.owner(ctx, user, account)
}

// owner refuses a user who has not the account that leads to them.
func (a *Auth) owner(ctx context.Context, user User, account *Account) (User, error) {
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
	return a.owner(ctx, user, account)
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
			return store.DeleteUser(ctx, a.factors.waiting.Owner(userID))
		})
		if err != nil {
			return err
		}
	}
	_, kept, err := a.factorRecord(ctx, userID)
	if err != nil || kept == nil && a.opts.Factors.Required == nil { // nothing was issued
		return err
	}
	err = a.changeFactors(ctx, userID, func(r *factor.Record) error { r.Change(); return nil })
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}
