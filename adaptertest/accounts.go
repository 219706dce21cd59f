package adaptertest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ginauth/ginauth"
)

func testLinkAccount(t *testing.T, s suite) {
	first, second, third := account(), account(), account()
	user, other := s.create(address(), &first), s.create(address(), &third)
	s.is("LinkAccount", s.LinkAccount(s.ctx(), user.ID, second), nil)
	s.finds("GetUserByAccount", &user)(s.GetUserByAccount(s.ctx(), second.Provider, second.ProviderAccountID))
	s.is("LinkAccount of one's own", s.LinkAccount(s.ctx(), user.ID, second), ginauth.ErrExists)
	s.is("LinkAccount of another's", s.LinkAccount(s.ctx(), user.ID, third), ginauth.ErrExists)
	s.finds("the other's", &other)(s.GetUserByAccount(s.ctx(), third.Provider, third.ProviderAccountID))
	elsewhere := second
	elsewhere.Provider = "another"
	s.is("LinkAccount of the same ID elsewhere", s.LinkAccount(s.ctx(), other.ID, elsewhere), nil)
	s.has(user.ID, first, second)
	s.has(other.ID, third, elsewhere)

	list, err := s.ListAccounts(s.ctx(), user.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range list {
		if a.AccessToken != "" || a.RefreshToken != "" || a.IDToken != "" {
			t.Errorf("ListAccounts tells a token: %+v", a)
		}
		if a.EmailVerified {
			t.Error("ListAccounts vouches for an address that is not the user's")
		}
		if a.Type != "oauth" {
			t.Errorf("the type is %q", a.Type)
		}
	}
}

func testUnlinkAccount(t *testing.T, s suite) {
	first, second, third := account(), account(), account()
	user, other := s.create(address(), &first), s.create(address(), &third)
	s.is("LinkAccount", s.LinkAccount(s.ctx(), user.ID, second), nil)
	for _, evenLast := range []bool{true, false} {
		s.is("UnlinkAccount of another's", s.UnlinkAccount(s.ctx(), user.ID, third.Provider, third.ProviderAccountID, evenLast), ginauth.ErrNotFound)
		s.is("UnlinkAccount of nobody's", s.UnlinkAccount(s.ctx(), user.ID, "test", account().ProviderAccountID, evenLast), ginauth.ErrNotFound)
		s.is("UnlinkAccount elsewhere", s.UnlinkAccount(s.ctx(), user.ID, "another", first.ProviderAccountID, evenLast), ginauth.ErrNotFound)
	}
	s.has(user.ID, first, second)
	s.is("UnlinkAccount", s.UnlinkAccount(s.ctx(), user.ID, first.Provider, first.ProviderAccountID, false), nil)
	s.finds("GetUserByAccount", nil)(s.GetUserByAccount(s.ctx(), first.Provider, first.ProviderAccountID))
	s.is("UnlinkAccount again", s.UnlinkAccount(s.ctx(), user.ID, first.Provider, first.ProviderAccountID, false), ginauth.ErrNotFound)
	s.is("UnlinkAccount of the last", s.UnlinkAccount(s.ctx(), user.ID, second.Provider, second.ProviderAccountID, false), ginauth.ErrLastAccount)
	s.has(user.ID, second)
	s.is("UnlinkAccount even of the last", s.UnlinkAccount(s.ctx(), user.ID, second.Provider, second.ProviderAccountID, true), nil)
	s.has(user.ID)
	s.finds("GetUser", &user)(s.GetUser(s.ctx(), user.ID))
	s.has(other.ID, third)
	s.is("LinkAccount of what is free", s.LinkAccount(s.ctx(), other.ID, second), nil)
}

// Credentials are an account whose identifier is the user's own ID, and whose type tells
// them from one at a provider: by it ginauth decides whether a user may be taken over.
func testCredentials(t *testing.T, s suite) {
	provider := account()
	user, other := s.create(address(), nil), s.create(address(), &provider)
	row := func(u ginauth.User) ginauth.Account {
		return ginauth.Account{Provider: "credentials", Type: "credentials", ProviderAccountID: u.ID}
	}
	for _, u := range []ginauth.User{user, other} {
		s.is("LinkAccount", s.LinkAccount(s.ctx(), u.ID, row(u)), nil)
		s.is("LinkAccount again", s.LinkAccount(s.ctx(), u.ID, row(u)), ginauth.ErrExists)
		s.finds("GetUserByAccount", &u)(s.GetUserByAccount(s.ctx(), "credentials", u.ID))
	}
	s.is("LinkAccount of another's", s.LinkAccount(s.ctx(), user.ID, row(other)), ginauth.ErrExists)
	list, err := s.ListAccounts(s.ctx(), other.ID)
	if err != nil || len(list) != 2 {
		t.Fatalf("ListAccounts: %+v, %v", list, err)
	}
	for _, a := range list {
		if want := map[string]string{"credentials": "credentials", provider.Provider: provider.Type}[a.Provider]; a.Type != want {
			t.Errorf("the type of %s is %q, want %q", a.Provider, a.Type, want)
		}
	}
	s.is("UnlinkAccount of the last", s.UnlinkAccount(s.ctx(), user.ID, "credentials", user.ID, false), ginauth.ErrLastAccount)
	s.is("UnlinkAccount even of the last", s.UnlinkAccount(s.ctx(), user.ID, "credentials", user.ID, true), nil)
	s.has(user.ID)
	s.is("LinkAccount once more", s.LinkAccount(s.ctx(), user.ID, row(user)), nil)
	s.is("UnlinkAccount of the provider's", s.UnlinkAccount(s.ctx(), other.ID, provider.Provider, provider.ProviderAccountID, false), nil)
	s.has(other.ID, row(other))
	s.is("DeleteUser", s.DeleteUser(s.ctx(), user.ID), nil)
	s.finds("GetUserByAccount of the deleted", nil)(s.GetUserByAccount(s.ctx(), "credentials", user.ID))
}

// verification makes up a token for an address.
func verification(identifier string) ginauth.VerificationToken {
	return ginauth.VerificationToken{Identifier: identifier, Hash: lower(account().ProviderAccountID), Expires: time.Now().Add(time.Hour)}
}

func testVerificationToken(t *testing.T, s suite) {
	email := address()
	first, second, expired := verification(email), verification(email), verification(email)
	expired.Expires = time.Now().Add(-time.Minute)
	for _, token := range []ginauth.VerificationToken{first, second, expired} {
		s.is("CreateVerificationToken", s.CreateVerificationToken(s.ctx(), token), nil)
	}
	for _, wrong := range [][2]string{
		{address(), first.Hash}, {email, verification(email).Hash}, {email, ""}, {"", first.Hash},
		{email, strings.ToUpper(first.Hash)}, {email, first.Hash + " "}, {email + " ", first.Hash}, {strings.ToUpper(email), first.Hash},
		{"%", first.Hash}, {email, "%"},
	} {
		_, err := s.UseVerificationToken(s.ctx(), wrong[0], wrong[1])
		s.is("UseVerificationToken of "+wrong[0]+" "+wrong[1], err, ginauth.ErrNotFound)
	}
	for _, token := range []ginauth.VerificationToken{second, first, expired} {
		got, err := s.UseVerificationToken(s.ctx(), token.Identifier, token.Hash)
		if err != nil || got.Identifier != token.Identifier || got.Hash != token.Hash || !sameTime(got.Expires, token.Expires) {
			t.Errorf("UseVerificationToken: %+v, %v; want %+v", got, err, token)
		}
		_, err = s.UseVerificationToken(s.ctx(), token.Identifier, token.Hash)
		s.is("UseVerificationToken again", err, ginauth.ErrNotFound)
	}
}

// A caller that is gone changes nothing and gets an error that says neither that a user
// exists nor that none does.
func testContext(t *testing.T, s suite) {
	first, second, spare := account(), account(), account()
	user := s.create(address(), &first)
	s.is("LinkAccount", s.LinkAccount(s.ctx(), user.ID, second), nil)
	token := verification(address())
	s.is("CreateVerificationToken", s.CreateVerificationToken(s.ctx(), token), nil)
	email := address()
	unused := verification(email)

	gone, cancel := context.WithCancel(s.ctx())
	cancel()
	changed := user
	changed.Name = "Mallory"
	for doing, call := range map[string]func() error{
		"CreateUser":              func() error { _, err := s.CreateUser(gone, ginauth.User{Email: email}, &spare); return err },
		"GetUser":                 func() error { _, err := s.GetUser(gone, user.ID); return err },
		"GetUser of nobody":       func() error { _, err := s.GetUser(gone, "nobody"); return err },
		"GetUserByEmail":          func() error { _, err := s.GetUserByEmail(gone, user.Email); return err },
		"GetUserByAccount":        func() error { _, err := s.GetUserByAccount(gone, first.Provider, first.ProviderAccountID); return err },
		"UpdateUser":              func() error { _, err := s.UpdateUser(gone, changed); return err },
		"DeleteUser":              func() error { return s.DeleteUser(gone, user.ID) },
		"LinkAccount":             func() error { return s.LinkAccount(gone, user.ID, spare) },
		"UnlinkAccount":           func() error { return s.UnlinkAccount(gone, user.ID, first.Provider, first.ProviderAccountID, true) },
		"ListAccounts":            func() error { _, err := s.ListAccounts(gone, user.ID); return err },
		"CreateVerificationToken": func() error { return s.CreateVerificationToken(gone, unused) },
		"UseVerificationToken":    func() error { _, err := s.UseVerificationToken(gone, token.Identifier, token.Hash); return err },
	} {
		err := call()
		for _, known := range []error{nil, ginauth.ErrNotFound, ginauth.ErrExists, ginauth.ErrLastAccount} {
			if errors.Is(err, known) {
				t.Errorf("%s by a caller who is gone: %v", doing, err)
			}
		}
	}
	s.finds("GetUser", &user)(s.GetUser(s.ctx(), user.ID))
	s.finds("GetUserByEmail", nil)(s.GetUserByEmail(s.ctx(), email))
	s.has(user.ID, first, second)
	if _, err := s.UseVerificationToken(s.ctx(), token.Identifier, token.Hash); err != nil {
		t.Errorf("the token was used up: %v", err)
	}
	_, err := s.UseVerificationToken(s.ctx(), unused.Identifier, unused.Hash)
	s.is("a token that was not stored", err, ginauth.ErrNotFound)
}
