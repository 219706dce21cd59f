// Package adaptertest tests an Adapter against the contract of ginauth.Adapter:
//
//	func TestMyAdapter(t *testing.T) {
//		adaptertest.Run(t, func(t testing.TB) ginauth.Adapter { return newMyAdapter(t) })
//	}
//
// It knows the contract only, not the database behind the adapter.
package adaptertest

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/ginauth/ginauth"
)

// Run tests an adapter, in subtests that run in parallel. newAdapter is called for
// each of them. The adapters may all keep their users in one database, which need
// not be empty: the suite makes up its own addresses and IDs, and does not delete
// them.
//
// Run it under the race detector, and on the database that you use: another one
// compares texts in another way.
func Run(t *testing.T, newAdapter func(t testing.TB) ginauth.Adapter) {
	for _, part := range []struct {
		name string
		test func(t *testing.T, s suite)
	}{
		{"CreateUser", testCreateUser},
		{"CreateUser without an account", testWithoutAccount},
		{"CreateUser without an address", testWithoutAddress},
		{"CreateUser both or nothing", testBothOrNothing},
		{"NotFound", testNotFound},
		{"Exact", testExact},
		{"GetUserByEmail", testAddress},
		{"UpdateUser", testUpdateUser},
		{"DeleteUser", testDeleteUser},
		{"LinkAccount", testLinkAccount},
		{"UnlinkAccount", testUnlinkAccount},
		{"Credentials", testCredentials},
		{"VerificationToken", testVerificationToken},
		{"FactorStore", testFactors},
		{"Context", testContext},
		{"Passkeys", testPasskeys},
		{"at once/CreateUser", testCreateAtOnce},
		{"at once/LinkAccount", testLinkAtOnce},
		{"at once/UnlinkAccount", testUnlinkAtOnce},
		{"at once/UseVerificationToken", testUseAtOnce},
		{"at once/LinkAccount and UpdateUser", testSeenAtOnce},
		{"at once/UpdateFactors", testFactorsAtOnce},
		{"at once/Passkeys", testPasskeysAtOnce},
	} {
		t.Run(part.name, func(t *testing.T) {
			t.Parallel()
			part.test(t, suite{t: t, Adapter: newAdapter(t)})
		})
	}
}

// A suite is an adapter under test, whose users have names that nobody else has.
type suite struct {
	t *testing.T
	ginauth.Adapter
}

func (s suite) ctx() context.Context { return s.t.Context() }

// address makes up an e-mail address.
func address() string { return "u" + lower(rand.Text()) + "@example.com" }

func lower(text string) string {
	b := []byte(text)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// account makes up an account.
func account() ginauth.Account {
	return ginauth.Account{
		Provider: "test", Type: "oauth", ProviderAccountID: rand.Text(),
		AccessToken: "access", RefreshToken: "refresh", IDToken: "id",
		TokenType: "bearer", Scope: "read", ExpiresAt: time.Now().Add(time.Hour), EmailVerified: true,
	}
}

// create stores a user with that address and account.
func (s suite) create(email string, a *ginauth.Account) ginauth.User {
	s.t.Helper()
	user, err := s.CreateUser(s.ctx(), ginauth.User{Name: "Ada", Email: email}, a)
	if err != nil {
		s.t.Fatalf("CreateUser: %v", err)
	}
	return user
}

// is fails the test unless err is want, and none other of the contract's errors.
func (s suite) is(doing string, err, want error) {
	s.t.Helper()
	if want == nil && err != nil || !errors.Is(err, want) {
		s.t.Errorf("%s: the error is %v, want %v", doing, err, want)
	}
	for _, other := range []error{ginauth.ErrNotFound, ginauth.ErrExists, ginauth.ErrLastAccount, ginauth.ErrConflict} {
		if !errors.Is(want, other) && errors.Is(err, other) {
			s.t.Errorf("%s: the error is %v too", doing, other)
		}
	}
}

// finds fails the test unless a user was found, and is this one; nil: nobody is.
func (s suite) finds(doing string, want *ginauth.User) func(ginauth.User, error) {
	return func(got ginauth.User, err error) {
		s.t.Helper()
		if want == nil {
			s.is(doing, err, ginauth.ErrNotFound)
			return
		}
		if err != nil || !same(got, *want) {
			s.t.Errorf("%s: found %+v, %v; want %+v", doing, got, err, *want)
		}
	}
}

// same compares users; a database may keep an address in lower case, and times to
// the millisecond.
func same(a, b ginauth.User) bool {
	return a.ID == b.ID && a.Name == b.Name && lower(a.Email) == lower(b.Email) && a.Image == b.Image && sameTime(a.EmailVerified, b.EmailVerified)
}

func sameTime(a, b time.Time) bool {
	if a.IsZero() || b.IsZero() {
		return a.IsZero() == b.IsZero()
	}
	return a.Sub(b).Abs() <= time.Millisecond
}

// accounts are the identifiers of a user's accounts, sorted.
func (s suite) accounts(userID string) (ids []string) {
	s.t.Helper()
	list, err := s.ListAccounts(s.ctx(), userID)
	if err != nil {
		s.t.Fatalf("ListAccounts: %v", err)
	}
	for _, a := range list {
		ids = append(ids, a.Provider+"/"+a.ProviderAccountID)
	}
	slices.Sort(ids)
	return ids
}

// has fails the test unless a user has these accounts and no others.
func (s suite) has(userID string, want ...ginauth.Account) {
	s.t.Helper()
	var ids []string
	for _, a := range want {
		ids = append(ids, a.Provider+"/"+a.ProviderAccountID)
	}
	slices.Sort(ids)
	if got := s.accounts(userID); !slices.Equal(got, ids) {
		s.t.Errorf("ListAccounts returns %v, want %v", got, ids)
	}
}
