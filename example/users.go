package main

import (
	"context"
	"strconv"
	"strings"
	"sync"

	"github.com/ginauth/ginauth"
)

// users keeps users and accounts as long as this process runs. An application keeps
// them in a database.
type users struct {
	mu       sync.Mutex
	people   []ginauth.User
	accounts []account
	tokens   []ginauth.VerificationToken
	last     int
}

// account is a way to sign in, and whose it is.
type account struct {
	userID string
	ginauth.Account
}

var _ ginauth.Adapter = (*users)(nil)

// find returns the place of the first that fits, -1 if none does.
func find[T any](list []T, fits func(T) bool) int {
	for i, one := range list {
		if fits(one) {
			return i
		}
	}
	return -1
}

func without[T any](list []T, fits func(T) bool) []T {
	var rest []T
	for _, one := range list {
		if !fits(one) {
			rest = append(rest, one)
		}
	}
	return rest
}

func hasID(id string) func(ginauth.User) bool {
	return func(u ginauth.User) bool { return u.ID == id }
}

func hasEmail(email string) func(ginauth.User) bool {
	return func(u ginauth.User) bool { return email != "" && strings.EqualFold(u.Email, email) }
}

func is(provider, id string) func(account) bool {
	return func(a account) bool { return a.Provider == provider && a.ProviderAccountID == id }
}

func (u *users) CreateUser(_ context.Context, user ginauth.User, first *ginauth.Account) (ginauth.User, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if find(u.people, hasEmail(user.Email)) >= 0 ||
		first != nil && find(u.accounts, is(first.Provider, first.ProviderAccountID)) >= 0 {
		return ginauth.User{}, ginauth.ErrExists
	}
	u.last++
	user.ID = strconv.Itoa(u.last)
	u.people = append(u.people, user)
	if first != nil {
		u.accounts = append(u.accounts, account{user.ID, *first})
	}
	return user, nil
}

func (u *users) get(fits func(ginauth.User) bool) (ginauth.User, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if i := find(u.people, fits); i >= 0 {
		return u.people[i], nil
	}
	return ginauth.User{}, ginauth.ErrNotFound
}

func (u *users) GetUser(_ context.Context, id string) (ginauth.User, error) { return u.get(hasID(id)) }

func (u *users) GetUserByEmail(_ context.Context, email string) (ginauth.User, error) {
	return u.get(hasEmail(email))
}

func (u *users) GetUserByAccount(_ context.Context, provider, id string) (ginauth.User, error) {
	u.mu.Lock()
	i := find(u.accounts, is(provider, id))
	if i < 0 {
		u.mu.Unlock()
		return ginauth.User{}, ginauth.ErrNotFound
	}
	owner := u.accounts[i].userID
	u.mu.Unlock()
	return u.get(hasID(owner))
}

func (u *users) UpdateUser(_ context.Context, user ginauth.User) (ginauth.User, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	i := find(u.people, hasID(user.ID))
	if i < 0 {
		return ginauth.User{}, ginauth.ErrNotFound
	}
	if j := find(u.people, hasEmail(user.Email)); j >= 0 && j != i {
		return ginauth.User{}, ginauth.ErrExists
	}
	u.people[i] = user
	return user, nil
}

func (u *users) DeleteUser(_ context.Context, id string) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.people = without(u.people, hasID(id))
	u.accounts = without(u.accounts, func(a account) bool { return a.userID == id })
	return nil
}

func (u *users) LinkAccount(_ context.Context, userID string, further ginauth.Account) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if find(u.accounts, is(further.Provider, further.ProviderAccountID)) >= 0 {
		return ginauth.ErrExists
	}
	u.accounts = append(u.accounts, account{userID, further})
	return nil
}

func (u *users) UnlinkAccount(_ context.Context, userID, provider, id string) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	named := is(provider, id)
	u.accounts = without(u.accounts, func(a account) bool { return a.userID == userID && named(a) })
	return nil
}

func (u *users) ListAccounts(_ context.Context, userID string) ([]ginauth.Account, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	var list []ginauth.Account
	for _, a := range u.accounts {
		if a.userID == userID {
			a.AccessToken, a.RefreshToken, a.IDToken = "", "", ""
			list = append(list, a.Account)
		}
	}
	return list, nil
}

func (u *users) CreateVerificationToken(_ context.Context, token ginauth.VerificationToken) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.tokens = append(u.tokens, token)
	return nil
}

func (u *users) UseVerificationToken(_ context.Context, identifier, hash string) (ginauth.VerificationToken, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	named := func(t ginauth.VerificationToken) bool { return t.Identifier == identifier && t.Hash == hash }
	i := find(u.tokens, named)
	if i < 0 {
		return ginauth.VerificationToken{}, ginauth.ErrNotFound
	}
	token := u.tokens[i]
	u.tokens = without(u.tokens, named)
	return token, nil
}
