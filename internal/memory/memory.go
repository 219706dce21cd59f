// Package memory keeps users, their accounts, second factors and passkeys in this
// process. It holds the contract of an adapter: what is unique, what goes with a deleted
// user, and which of two calls at once succeeds. It does not know sign-ins, nor what the
// records of factors and passkeys say. The caller's types are handed in, since an adapter's
// methods take and return them.
package memory

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/ginauth/ginauth/internal/ascii"
	"github.com/ginauth/ginauth/internal/token"
)

// A User is what is kept of a user.
type User struct {
	ID, Name, Email, Image string
	EmailVerified          time.Time
}

// What the caller's other types look like. A field more or less there does not compile.
type (
	account = struct {
		Provider, Type, ProviderAccountID, AccessToken, RefreshToken, IDToken, TokenType, Scope string

		ExpiresAt     time.Time
		EmailVerified bool
	}
	proof = struct {
		Identifier, Hash string
		Expires          time.Time
	}
	passkey = struct {
		ID, UserID string
		Data       []byte
	}
)

// Errors are those of the contract, which callers tell apart.
type Errors struct{ NotFound, Exists, LastAccount, Conflict error }

// New makes an empty Adapter. row is what to keep of a caller's user, and load makes one
// of it again.
func New[U any, A ~account, T ~proof, P ~passkey](errs Errors, row func(U) User, load func(User) U) *Adapter[U, A, T, P] {
	return &Adapter[U, A, T, P]{
		errs: errs, row: row, load: load, users: map[string]User{}, emails: map[string]string{}, accounts: map[accountKey]ownedAccount{},
		tokens: map[tokenKey]T{}, factors: map[string][]byte{}, passkeys: map[string]passkey{},
	}
}

type accountKey struct{ provider, id string }

func keyOf(a account) accountKey {
	return accountKey{a.Provider, a.ProviderAccountID}
}

// An ownedAccount is an account and the ID of the user who has it.
type ownedAccount struct {
	account
	userID string
}

type tokenKey struct{ identifier, hash string }

// An Adapter keeps users of the type U, accounts A, verification tokens T and passkeys P.
// It is safe for concurrent use.
type Adapter[U any, A ~account, T ~proof, P ~passkey] struct {
	errs Errors
	row  func(U) User
	load func(User) U

	mu       sync.Mutex
	users    map[string]User   // by ID
	emails   map[string]string // user IDs by address, in lower case
	accounts map[accountKey]ownedAccount
	tokens   map[tokenKey]T
	factors  map[string][]byte // by user ID
	passkeys map[string]passkey
}

// enter takes the lock, unless the caller is gone.
func (m *Adapter[U, A, T, P]) enter(ctx context.Context) (leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	return m.mu.Unlock, nil
}

func (m *Adapter[U, A, T, P]) CreateUser(ctx context.Context, given U, first *A) (fresh U, err error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return fresh, err
	}
	defer leave()
	u := kept(m.row(given))
	if _, taken := m.emails[u.Email]; taken {
		return fresh, fmt.Errorf("%w: a user with this address", m.errs.Exists)
	}
	if first != nil {
		if _, taken := m.accounts[keyOf(account(*first))]; taken {
			return fresh, fmt.Errorf("%w: this account", m.errs.Exists)
		}
	}
	u.ID = token.NewID()
	m.put(u)
	if first != nil {
		m.own(u.ID, account(*first))
	}
	return m.load(u), nil
}

// kept is a user as it is stored.
func kept(u User) User {
	u.Email = ascii.Lower(u.Email)
	return u
}

func (m *Adapter[U, A, T, P]) put(u User) {
	m.users[u.ID] = u
	if u.Email != "" {
		m.emails[u.Email] = u.ID
	}
}

func (m *Adapter[U, A, T, P]) GetUser(ctx context.Context, id string) (found U, err error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return found, err
	}
	defer leave()
	return m.find(id)
}

func (m *Adapter[U, A, T, P]) find(id string) (found U, err error) {
	u, ok := m.users[id]
	if !ok {
		return found, m.errs.NotFound
	}
	return m.load(u), nil
}

func (m *Adapter[U, A, T, P]) GetUserByEmail(ctx context.Context, email string) (found U, err error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return found, err
	}
	defer leave()
	return m.find(m.emails[ascii.Lower(email)])
}

func (m *Adapter[U, A, T, P]) GetUserByAccount(ctx context.Context, provider, providerAccountID string) (found U, err error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return found, err
	}
	defer leave()
	return m.find(m.accounts[accountKey{provider, providerAccountID}].userID)
}

func (m *Adapter[U, A, T, P]) UpdateUser(ctx context.Context, changed U) (none U, err error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return none, err
	}
	defer leave()
	u := kept(m.row(changed))
	before, ok := m.users[u.ID]
	if !ok {
		return none, m.errs.NotFound
	}
	if owner, taken := m.emails[u.Email]; taken && owner != u.ID {
		return none, fmt.Errorf("%w: a user with this address", m.errs.Exists)
	}
	delete(m.emails, before.Email)
	m.put(u)
	return m.load(u), nil
}

func (m *Adapter[U, A, T, P]) DeleteUser(ctx context.Context, id string) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	delete(m.emails, m.users[id].Email)
	delete(m.users, id)
	delete(m.factors, id)
	maps.DeleteFunc(m.accounts, func(_ accountKey, a ownedAccount) bool { return a.userID == id })
	maps.DeleteFunc(m.passkeys, func(_ string, p passkey) bool { return p.UserID == id })
	return nil
}

func (m *Adapter[U, A, T, P]) LinkAccount(ctx context.Context, userID string, added A) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if _, err := m.find(userID); err != nil {
		return err
	}
	if _, taken := m.accounts[keyOf(account(added))]; taken {
		return fmt.Errorf("%w: this account", m.errs.Exists)
	}
	m.own(userID, account(added))
	return nil
}

// own keeps an account of a user, without its tokens.
func (m *Adapter[U, A, T, P]) own(userID string, a account) {
	a.AccessToken, a.RefreshToken, a.IDToken, a.EmailVerified = "", "", "", false
	m.accounts[keyOf(a)] = ownedAccount{a, userID}
}

func (m *Adapter[U, A, T, P]) UnlinkAccount(ctx context.Context, userID, provider, providerAccountID string, evenLast bool) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	key := accountKey{provider, providerAccountID}
	if a, ok := m.accounts[key]; !ok || a.userID != userID {
		return m.errs.NotFound
	}
	if !evenLast && len(m.list(userID)) == 1 {
		return m.errs.LastAccount
	}
	delete(m.accounts, key)
	return nil
}

func (m *Adapter[U, A, T, P]) ListAccounts(ctx context.Context, userID string) ([]A, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	return m.list(userID), nil
}

func (m *Adapter[U, A, T, P]) list(userID string) (list []A) {
	for _, a := range m.accounts {
		if a.userID == userID {
			list = append(list, A(a.account))
		}
	}
	return list
}
