package ginauth

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/ginauth/ginauth/internal/ascii"
	"github.com/ginauth/ginauth/internal/token"
)

// MemoryAdapter keeps users and accounts in this process alone: for tests and
// examples. They are forgotten when it ends. It keeps no tokens of providers.
func MemoryAdapter() Adapter {
	return &memoryAdapter{
		users: map[string]User{}, emails: map[string]string{}, accounts: map[accountKey]ownedAccount{},
		tokens: map[tokenKey]VerificationToken{}, factors: map[string][]byte{}, passkeys: map[string]StoredPasskey{},
	}
}

type accountKey struct{ provider, id string }

func keyOf(account Account) accountKey {
	return accountKey{account.Provider, account.ProviderAccountID}
}

// An ownedAccount is an account and the ID of the user who has it.
type ownedAccount struct {
	Account
	userID string
}

type tokenKey struct{ identifier, hash string }

type memoryAdapter struct {
	mu       sync.Mutex
	users    map[string]User   // by ID
	emails   map[string]string // user IDs by address, in lower case
	accounts map[accountKey]ownedAccount
	tokens   map[tokenKey]VerificationToken
	factors  map[string][]byte // by user ID
	passkeys map[string]StoredPasskey
}

var _ PasskeyStore = (*memoryAdapter)(nil)

// enter takes the lock, unless the caller is gone.
func (m *memoryAdapter) enter(ctx context.Context) (leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	return m.mu.Unlock, nil
}

func (m *memoryAdapter) CreateUser(ctx context.Context, user User, account *Account) (User, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return User{}, err
	}
	defer leave()
	if _, taken := m.emails[ascii.Lower(user.Email)]; taken {
		return User{}, fmt.Errorf("%w: a user with this address", ErrExists)
	}
	if account != nil {
		if _, taken := m.accounts[keyOf(*account)]; taken {
			return User{}, fmt.Errorf("%w: this account", ErrExists)
		}
	}
	user = kept(user)
	user.ID = token.NewID()
	m.put(user)
	if account != nil {
		m.accounts[keyOf(*account)] = ownedAccount{listed(*account), user.ID}
	}
	return user, nil
}

// kept is what is stored of a user.
func kept(u User) User {
	return User{
		ID: u.ID, Name: u.Name, Email: ascii.Lower(u.Email), Image: u.Image, EmailVerified: u.EmailVerified,
	}
}

func (m *memoryAdapter) put(user User) {
	m.users[user.ID] = user
	if user.Email != "" {
		m.emails[user.Email] = user.ID
	}
}

func (m *memoryAdapter) GetUser(ctx context.Context, id string) (User, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return User{}, err
	}
	defer leave()
	return m.find(id)
}

func (m *memoryAdapter) find(id string) (User, error) {
	user, ok := m.users[id]
	if !ok {
		return User{}, ErrNotFound
	}
	return user, nil
}

func (m *memoryAdapter) GetUserByEmail(ctx context.Context, email string) (User, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return User{}, err
	}
	defer leave()
	return m.find(m.emails[ascii.Lower(email)])
}

func (m *memoryAdapter) GetUserByAccount(ctx context.Context, provider, providerAccountID string) (User, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return User{}, err
	}
	defer leave()
	return m.find(m.accounts[accountKey{provider, providerAccountID}].userID)
}

func (m *memoryAdapter) UpdateUser(ctx context.Context, user User) (User, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return User{}, err
	}
	defer leave()
	before, err := m.find(user.ID)
	if err != nil {
		return User{}, err
	}
	user = kept(user)
	if owner, taken := m.emails[user.Email]; taken && owner != user.ID {
		return User{}, fmt.Errorf("%w: a user with this address", ErrExists)
	}
	delete(m.emails, before.Email)
	m.put(user)
	return user, nil
}

func (m *memoryAdapter) DeleteUser(ctx context.Context, id string) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	delete(m.emails, m.users[id].Email)
	delete(m.users, id)
	delete(m.factors, id)
	for key, account := range m.accounts {
		if account.userID == id {
			delete(m.accounts, key)
		}
	}
	maps.DeleteFunc(m.passkeys, func(_ string, p StoredPasskey) bool { return p.UserID == id })
	return nil
}

func (m *memoryAdapter) LinkAccount(ctx context.Context, userID string, account Account) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if _, err := m.find(userID); err != nil {
		return err
	}
	if _, taken := m.accounts[keyOf(account)]; taken {
		return fmt.Errorf("%w: this account", ErrExists)
	}
	m.accounts[keyOf(account)] = ownedAccount{listed(account), userID}
	return nil
}

func (m *memoryAdapter) UnlinkAccount(ctx context.Context, userID, provider, providerAccountID string, evenLast bool) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	key := accountKey{provider, providerAccountID}
	if account, ok := m.accounts[key]; !ok || account.userID != userID {
		return ErrNotFound
	}
	if !evenLast && len(m.list(userID)) == 1 {
		return ErrLastAccount
	}
	delete(m.accounts, key)
	return nil
}

func (m *memoryAdapter) ListAccounts(ctx context.Context, userID string) ([]Account, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	return m.list(userID), nil
}

func (m *memoryAdapter) list(userID string) (list []Account) {
	for _, account := range m.accounts {
		if account.userID == userID {
			list = append(list, account.Account)
		}
	}
	return list
}

// listed is what is kept of an account.
func listed(account Account) Account {
	account.AccessToken, account.RefreshToken, account.IDToken, account.EmailVerified = "", "", "", false
	return account
}

func (m *memoryAdapter) CreateVerificationToken(ctx context.Context, t VerificationToken) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	m.tokens[tokenKey{t.Identifier, t.Hash}] = t
	return nil
}

func (m *memoryAdapter) UseVerificationToken(ctx context.Context, identifier, hash string) (VerificationToken, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return VerificationToken{}, err
	}
	defer leave()
	key := tokenKey{identifier, hash}
	t, ok := m.tokens[key]
	if !ok {
		return VerificationToken{}, ErrNotFound
	}
	delete(m.tokens, key)
	return t, nil
}

func (m *memoryAdapter) GetFactors(ctx context.Context, userID string) ([]byte, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	return slices.Clone(m.factors[userID]), nil
}

func (m *memoryAdapter) UpdateFactors(ctx context.Context, userID string, old, data []byte) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if _, err := m.find(userID); err != nil {
		return err
	}
	if !bytes.Equal(m.factors[userID], old) {
		return ErrConflict
	}
	delete(m.factors, userID)
	if data != nil {
		m.factors[userID] = slices.Clone(data)
	}
	return nil
}

func (m *memoryAdapter) CreatePasskey(ctx context.Context, p StoredPasskey) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if _, err := m.find(p.UserID); err != nil {
		return err
	}
	if _, taken := m.passkeys[p.ID]; taken {
		return fmt.Errorf("%w: this passkey", ErrExists)
	}
	p.Data = slices.Clone(p.Data)
	m.passkeys[p.ID] = p
	return nil
}

func (m *memoryAdapter) GetPasskey(ctx context.Context, id string) (StoredPasskey, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return StoredPasskey{}, err
	}
	defer leave()
	p, ok := m.passkeys[id]
	if !ok {
		return StoredPasskey{}, ErrNotFound
	}
	p.Data = slices.Clone(p.Data)
	return p, nil
}

func (m *memoryAdapter) ListPasskeys(ctx context.Context, userID string) (list []StoredPasskey, err error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	for _, p := range m.passkeys {
		if p.UserID == userID {
			p.Data = slices.Clone(p.Data)
			list = append(list, p)
		}
	}
	return list, nil
}

func (m *memoryAdapter) UpdatePasskey(ctx context.Context, p StoredPasskey, data []byte) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	kept, ok := m.passkeys[p.ID]
	switch {
	case !ok || kept.UserID != p.UserID:
		return ErrNotFound
	case !bytes.Equal(kept.Data, p.Data):
		return ErrConflict
	}
	kept.Data = slices.Clone(data)
	m.passkeys[p.ID] = kept
	return nil
}

func (m *memoryAdapter) DeletePasskey(ctx context.Context, userID, id string) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if p, ok := m.passkeys[id]; !ok || p.UserID != userID {
		return ErrNotFound
	}
	delete(m.passkeys, id)
	return nil
}
