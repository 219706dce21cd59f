package tests

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/ginauth/ginauth"
)

// errDatabase is what a broken adapter answers, with more than a browser may read.
var errDatabase = errors.New("dial tcp 10.0.0.7:5432: connection refused")

// memory is an Adapter in memory. A test may break any of its methods.
type memory struct {
	mu       sync.Mutex
	users    map[string]ginauth.User
	accounts map[string]map[string]ginauth.Account // by user, then by provider and account
	tokens   map[[2]string]ginauth.VerificationToken
	broken   map[string]bool // by method
	last     int
}

func newMemory() *memory {
	return &memory{
		users: map[string]ginauth.User{}, accounts: map[string]map[string]ginauth.Account{},
		tokens: map[[2]string]ginauth.VerificationToken{}, broken: map[string]bool{},
	}
}

// breakDown makes methods fail from now on.
func (m *memory) breakDown(methods ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, method := range methods {
		m.broken[method] = true
	}
}

// enter begins a call, which ends with its lock's release.
func (m *memory) enter(ctx context.Context, method string) (leave func(), err error) {
	m.mu.Lock()
	if err := ctx.Err(); err != nil {
		m.mu.Unlock()
		return nil, err
	}
	if m.broken[method] {
		m.mu.Unlock()
		return nil, errDatabase
	}
	return m.mu.Unlock, nil
}

func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// holder is who has an e-mail address.
func (m *memory) holder(email string) (ginauth.User, bool) {
	for _, u := range m.users {
		if email != "" && lower(u.Email) == lower(email) {
			return u, true
		}
	}
	return ginauth.User{}, false
}

func accountKey(provider, id string) string { return provider + "\x00" + id }

func (m *memory) owner(provider, id string) (string, bool) {
	for user, accounts := range m.accounts {
		if _, ok := accounts[accountKey(provider, id)]; ok {
			return user, true
		}
	}
	return "", false
}

func (m *memory) CreateUser(ctx context.Context, user ginauth.User, account *ginauth.Account) (ginauth.User, error) {
	leave, err := m.enter(ctx, "CreateUser")
	if err != nil {
		return ginauth.User{}, err
	}
	defer leave()
	if _, taken := m.holder(user.Email); taken {
		return ginauth.User{}, ginauth.ErrExists
	}
	if account != nil {
		if _, taken := m.owner(account.Provider, account.ProviderAccountID); taken {
			return ginauth.User{}, ginauth.ErrExists
		}
	}
	m.last++
	user.ID, user.Values = "user-"+strconv.Itoa(m.last), nil
	m.users[user.ID] = user
	m.accounts[user.ID] = map[string]ginauth.Account{}
	if account != nil {
		m.accounts[user.ID][accountKey(account.Provider, account.ProviderAccountID)] = *account
	}
	return user, nil
}

func (m *memory) find(ctx context.Context, method string, find func() (ginauth.User, bool)) (ginauth.User, error) {
	leave, err := m.enter(ctx, method)
	if err != nil {
		return ginauth.User{}, err
	}
	defer leave()
	user, ok := find()
	if !ok {
		return ginauth.User{}, ginauth.ErrNotFound
	}
	return user, nil
}

func (m *memory) GetUser(ctx context.Context, id string) (ginauth.User, error) {
	return m.find(ctx, "GetUser", func() (ginauth.User, bool) { u, ok := m.users[id]; return u, ok })
}

func (m *memory) GetUserByEmail(ctx context.Context, email string) (ginauth.User, error) {
	return m.find(ctx, "GetUserByEmail", func() (ginauth.User, bool) { return m.holder(email) })
}

func (m *memory) GetUserByAccount(ctx context.Context, provider, id string) (ginauth.User, error) {
	return m.find(ctx, "GetUserByAccount", func() (ginauth.User, bool) {
		user, ok := m.owner(provider, id)
		return m.users[user], ok
	})
}

func (m *memory) UpdateUser(ctx context.Context, user ginauth.User) (ginauth.User, error) {
	leave, err := m.enter(ctx, "UpdateUser")
	if err != nil {
		return ginauth.User{}, err
	}
	defer leave()
	if _, ok := m.users[user.ID]; !ok {
		return ginauth.User{}, ginauth.ErrNotFound
	}
	if other, taken := m.holder(user.Email); taken && other.ID != user.ID {
		return ginauth.User{}, ginauth.ErrExists
	}
	user.Values = nil
	m.users[user.ID] = user
	return user, nil
}

func (m *memory) DeleteUser(ctx context.Context, id string) error {
	leave, err := m.enter(ctx, "DeleteUser")
	if err != nil {
		return err
	}
	defer leave()
	delete(m.users, id)
	delete(m.accounts, id)
	return nil
}

func (m *memory) LinkAccount(ctx context.Context, userID string, account ginauth.Account) error {
	leave, err := m.enter(ctx, "LinkAccount")
	if err != nil {
		return err
	}
	defer leave()
	if _, taken := m.owner(account.Provider, account.ProviderAccountID); taken {
		return ginauth.ErrExists
	}
	if _, ok := m.users[userID]; !ok {
		return ginauth.ErrNotFound
	}
	m.accounts[userID][accountKey(account.Provider, account.ProviderAccountID)] = account
	return nil
}

func (m *memory) UnlinkAccount(ctx context.Context, userID, provider, id string, others bool) error {
	leave, err := m.enter(ctx, "UnlinkAccount")
	if err != nil {
		return err
	}
	defer leave()
	if _, ok := m.accounts[userID][accountKey(provider, id)]; !ok {
		return ginauth.ErrNotFound
	}
	if len(m.accounts[userID]) == 1 && !others {
		return ginauth.ErrLastAccount
	}
	delete(m.accounts[userID], accountKey(provider, id))
	return nil
}

func (m *memory) ListAccounts(ctx context.Context, userID string) ([]ginauth.Account, error) {
	leave, err := m.enter(ctx, "ListAccounts")
	if err != nil {
		return nil, err
	}
	defer leave()
	return slices.Collect(maps.Values(m.accounts[userID])), nil
}

func (m *memory) CreateVerificationToken(ctx context.Context, token ginauth.VerificationToken) error {
	leave, err := m.enter(ctx, "CreateVerificationToken")
	if err != nil {
		return err
	}
	defer leave()
	m.tokens[[2]string{token.Identifier, token.Hash}] = token
	return nil
}

func (m *memory) UseVerificationToken(ctx context.Context, identifier, hash string) (ginauth.VerificationToken, error) {
	leave, err := m.enter(ctx, "UseVerificationToken")
	if err != nil {
		return ginauth.VerificationToken{}, err
	}
	defer leave()
	token, ok := m.tokens[[2]string{identifier, hash}]
	if !ok {
		return ginauth.VerificationToken{}, ginauth.ErrNotFound
	}
	delete(m.tokens, [2]string{identifier, hash})
	return token, nil
}

// everybody are the users, by e-mail address.
func (m *memory) everybody() map[string]ginauth.User {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := map[string]ginauth.User{}
	for _, u := range m.users {
		all[u.Email] = u
	}
	return all
}

// rows are what mails are checked against.
func (m *memory) rows() []ginauth.VerificationToken {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Collect(maps.Values(m.tokens))
}

// add stores a user with accounts at providers, each under the user's address.
func (m *memory) add(t testing.TB, user ginauth.User, accounts ...ginauth.Account) ginauth.User {
	t.Helper()
	kept, err := m.CreateUser(t.Context(), user, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, account := range accounts {
		if err := m.LinkAccount(t.Context(), kept.ID, account); err != nil {
			t.Fatal(err)
		}
	}
	return kept
}
