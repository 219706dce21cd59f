package adaptertest

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ginauth/ginauth"
)

// callers is how many calls a test makes at once.
const callers = 50

// atOnce makes n calls that begin together, and returns their errors.
func atOnce(n int, call func(i int) error) []error {
	errs := make([]error, n)
	begin := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-begin
			errs[i] = call(i)
		})
	}
	close(begin)
	wg.Wait()
	return errs
}

// succeeds fails the test unless just one of the calls did, and the others had the
// error want.
func (s suite) succeeds(doing string, errs []error, want error) {
	s.t.Helper()
	done := 0
	for _, err := range errs {
		if err == nil {
			done++
		} else {
			s.is(doing, err, want)
		}
	}
	if done != 1 {
		s.t.Errorf("%s: %d of %d calls succeeded, want one", doing, done, len(errs))
	}
}

// Fifty first sign-ins at once, of one person by one account, of one by as many
// accounts with one address, and of one account with as many addresses.
func testCreateAtOnce(t *testing.T, s suite) {
	email, a := address(), account()
	for _, row := range []struct {
		name string
		user func() ginauth.User
		a    func() ginauth.Account
	}{
		{"one person", func() ginauth.User { return ginauth.User{Email: email} }, func() ginauth.Account { return a }},
		{"one address", func() ginauth.User { return ginauth.User{Email: "x" + email} }, account},
		{"one account", func() ginauth.User { return ginauth.User{Email: address()} }, func() ginauth.Account {
			same := a
			same.ProviderAccountID += "x"
			return same
		}},
	} {
		created := make([]*ginauth.User, callers)
		used := make([]ginauth.Account, callers)
		errs := atOnce(callers, func(i int) error {
			used[i] = row.a()
			user, err := s.CreateUser(s.ctx(), row.user(), &used[i])
			if err == nil {
				created[i] = &user
			}
			return err
		})
		s.succeeds(row.name, errs, ginauth.ErrExists)
		i := slices.IndexFunc(created, func(u *ginauth.User) bool { return u != nil })
		if i < 0 {
			continue
		}
		s.finds(row.name+" by address", created[i])(s.GetUserByEmail(s.ctx(), created[i].Email))
		s.finds(row.name+" by account", created[i])(s.GetUserByAccount(s.ctx(), used[i].Provider, used[i].ProviderAccountID))
		s.has(created[i].ID, used[i])
	}
}

// Many users link one account at once: it is one's.
func testLinkAtOnce(t *testing.T, s suite) {
	users := []ginauth.User{s.create(address(), nil), s.create(address(), nil)}
	a := account()
	s.succeeds("LinkAccount", atOnce(callers, func(i int) error { return s.LinkAccount(s.ctx(), users[i%2].ID, a) }), ginauth.ErrExists)
	if n := len(s.accounts(users[0].ID)) + len(s.accounts(users[1].ID)); n != 1 {
		t.Errorf("it was linked %d times", n)
	}
}

// A user removes all of their accounts at once: one stays.
func testUnlinkAtOnce(t *testing.T, s suite) {
	for range 5 {
		list := make([]ginauth.Account, 4)
		for i := range list {
			list[i] = account()
		}
		user := s.create("", &list[0])
		for _, a := range list[1:] {
			s.is("LinkAccount", s.LinkAccount(s.ctx(), user.ID, a), nil)
		}
		refused := 0
		for _, err := range atOnce(len(list), func(i int) error {
			return s.UnlinkAccount(s.ctx(), user.ID, list[i].Provider, list[i].ProviderAccountID, false)
		}) {
			if errors.Is(err, ginauth.ErrLastAccount) {
				refused++
			} else if err != nil {
				t.Errorf("UnlinkAccount: %v", err)
			}
		}
		if left := s.accounts(user.ID); len(left) != 1 || refused != 1 {
			t.Errorf("%d accounts are left, and %d calls were refused; want one each", len(left), refused)
		}
	}
}

// A mail link is followed fifty times at once: one signs in.
func testUseAtOnce(t *testing.T, s suite) {
	token := verification(address())
	s.is("CreateVerificationToken", s.CreateVerificationToken(s.ctx(), token), nil)
	s.succeeds("UseVerificationToken", atOnce(callers, func(int) error {
		_, err := s.UseVerificationToken(s.ctx(), token.Identifier, token.Hash)
		return err
	}), ginauth.ErrNotFound)
}

// What a call has changed, the next one sees, also where another did so at the same
// moment: ginauth looks again, when it has linked an account or stored a proof, whether
// another caller did the other.
func testSeenAtOnce(t *testing.T, s suite) {
	for range 20 {
		a := account()
		user := s.create(address(), nil)
		proved := user
		proved.EmailVerified = time.Now()
		var unseen [2]bool
		for _, err := range atOnce(2, func(i int) error {
			if i == 0 {
				if err := s.LinkAccount(s.ctx(), user.ID, a); err != nil {
					return err
				}
				now, err := s.GetUser(s.ctx(), user.ID)
				unseen[0] = now.EmailVerified.IsZero()
				return err
			}
			if _, err := s.UpdateUser(s.ctx(), proved); err != nil {
				return err
			}
			list, err := s.ListAccounts(s.ctx(), user.ID)
			unseen[1] = len(list) == 0
			return err
		}) {
			s.is("a call", err, nil)
		}
		if unseen[0] && unseen[1] {
			t.Fatal("of an account that was linked and a proof that was stored at once, neither saw the other: reads must see what was written before")
		}
		s.has(user.ID, a)
		s.finds("GetUser", &proved)(s.GetUser(s.ctx(), user.ID))
	}
}
