package adaptertest

import (
	"strings"
	"testing"
	"time"

	"github.com/ginauth/ginauth"
)

func testCreateUser(t *testing.T, s suite) {
	want := ginauth.User{
		ID: "chosen by the caller", Name: "Ada Lovelace 日本 \U0001F642 'quoted'", Email: address(), Image: "https://example.com/ada.png",
		EmailVerified: time.Now(), Values: map[string]any{"role": "admin"},
	}
	a := account()
	got, err := s.CreateUser(s.ctx(), want, &a)
	if err != nil {
		t.Fatal(err)
	}
	if got.ID == "" || got.ID == want.ID {
		t.Fatalf("the ID is %q: it must be the adapter's own", got.ID)
	}
	want.ID = got.ID
	s.finds("the returned user", &want)(got, nil)
	s.finds("GetUser", &want)(s.GetUser(s.ctx(), got.ID))
	s.finds("GetUserByEmail", &want)(s.GetUserByEmail(s.ctx(), want.Email))
	s.finds("GetUserByAccount", &want)(s.GetUserByAccount(s.ctx(), a.Provider, a.ProviderAccountID))
	s.has(got.ID, a)

	other := account()
	if second := s.create(address(), &other); second.ID == got.ID {
		t.Error("two users have one ID")
	}
	s.has(got.ID, a)
	for _, row := range []struct {
		name  string
		email string
		a     ginauth.Account
	}{
		{"its address", want.Email, account()},
		{"its address in other case", strings.ToUpper(want.Email), account()},
		{"its account", address(), a},
		{"both", want.Email, a},
	} {
		_, err := s.CreateUser(s.ctx(), ginauth.User{Email: row.email}, &row.a)
		s.is("CreateUser with "+row.name, err, ginauth.ErrExists)
	}
	s.finds("GetUserByAccount afterwards", &want)(s.GetUserByAccount(s.ctx(), a.Provider, a.ProviderAccountID))
	s.has(got.ID, a)
}

func testWithoutAccount(t *testing.T, s suite) {
	user := s.create(address(), nil)
	s.finds("GetUser", &user)(s.GetUser(s.ctx(), user.ID))
	s.finds("GetUserByEmail", &user)(s.GetUserByEmail(s.ctx(), user.Email))
	s.has(user.ID)
	if !user.EmailVerified.IsZero() {
		t.Error("nobody has verified the address")
	}
}

// Any number of users may have no address, and none is found by that.
func testWithoutAddress(t *testing.T, s suite) {
	first, second := account(), account()
	a, b := s.create("", &first), s.create("", &second)
	if a.Email != "" || a.ID == b.ID {
		t.Errorf("%+v %+v", a, b)
	}
	s.finds("GetUserByEmail of no address", nil)(s.GetUserByEmail(s.ctx(), ""))
	s.finds("GetUserByAccount", &b)(s.GetUserByAccount(s.ctx(), second.Provider, second.ProviderAccountID))
	b.Name = "Grace"
	updated, err := s.UpdateUser(s.ctx(), b)
	s.finds("UpdateUser", &b)(updated, err)
}

// A CreateUser that fails leaves nothing behind: neither the address nor the account
// is taken then.
func testBothOrNothing(t *testing.T, s suite) {
	taken := account()
	owner := s.create(address(), &taken)

	email := address()
	_, err := s.CreateUser(s.ctx(), ginauth.User{Email: email}, &taken)
	s.is("CreateUser with a taken account", err, ginauth.ErrExists)
	s.finds("GetUserByEmail", nil)(s.GetUserByEmail(s.ctx(), email))
	fresh := account()
	second := s.create(email, &fresh)

	free := account()
	_, err = s.CreateUser(s.ctx(), ginauth.User{Email: owner.Email}, &free)
	s.is("CreateUser with a taken address", err, ginauth.ErrExists)
	s.finds("GetUserByAccount", nil)(s.GetUserByAccount(s.ctx(), free.Provider, free.ProviderAccountID))
	s.is("LinkAccount", s.LinkAccount(s.ctx(), second.ID, free), nil)
	s.has(owner.ID, taken)
	s.has(second.ID, fresh, free)
}

// odd are texts that some database stumbles over, or reads as more than texts.
var odd = []string{
	"", " ", "nobody", "0", "-1", "1 OR 1=1", "' OR '1'='1", `" OR ""="`, "%", "_", "*", "\\", "\x00", "a\x00b", "\xff\xfe",
	"null", "NULL", "00000000-0000-0000-0000-000000000000", "日本", strings.Repeat("x", 5000),
}

func testNotFound(t *testing.T, s suite) {
	a := account()
	user := s.create(address(), &a)
	for _, text := range odd {
		s.finds("GetUser "+text[:min(40, len(text))], nil)(s.GetUser(s.ctx(), text))
		s.finds("GetUserByEmail "+text[:min(40, len(text))], nil)(s.GetUserByEmail(s.ctx(), text))
		s.finds("GetUserByAccount, account", nil)(s.GetUserByAccount(s.ctx(), a.Provider, text))
		s.finds("GetUserByAccount, provider", nil)(s.GetUserByAccount(s.ctx(), text, a.ProviderAccountID))
		s.has(text)
		_, err := s.UseVerificationToken(s.ctx(), text, text)
		s.is("UseVerificationToken", err, ginauth.ErrNotFound)
		_, err = s.UpdateUser(s.ctx(), ginauth.User{ID: text, Name: "Mallory"})
		s.is("UpdateUser", err, ginauth.ErrNotFound)
		s.is("LinkAccount", s.LinkAccount(s.ctx(), text, account()), ginauth.ErrNotFound)
		s.is("UnlinkAccount, user", s.UnlinkAccount(s.ctx(), text, a.Provider, a.ProviderAccountID, true), ginauth.ErrNotFound)
		s.is("UnlinkAccount, account", s.UnlinkAccount(s.ctx(), user.ID, a.Provider, text, true), ginauth.ErrNotFound)
		s.is("DeleteUser", s.DeleteUser(s.ctx(), text), nil)
	}
	s.finds("GetUser", &user)(s.GetUser(s.ctx(), user.ID))
	s.has(user.ID, a)
}

// What is not the same byte by byte belongs to another person. MySQL's usual collations
// take all of these for one.
func testExact(t *testing.T, s suite) {
	base := "x" + lower(account().ProviderAccountID)
	variants := []string{base, strings.ToUpper(base), base + " ", " " + base, base + "\t", base + "é", base + "e", base + "e\u0301", base + "ß", base + "ss", base + "１", base + "1"}
	owners := map[string]ginauth.User{}
	for _, id := range variants {
		a := account()
		a.ProviderAccountID = id
		owners[id] = s.create("", &a)
	}
	for _, id := range variants {
		owner := owners[id]
		s.finds("GetUserByAccount of "+id, &owner)(s.GetUserByAccount(s.ctx(), "test", id))
		s.has(owner.ID, ginauth.Account{Provider: "test", ProviderAccountID: id})
	}
	s.finds("GetUserByAccount, the provider in other case", nil)(s.GetUserByAccount(s.ctx(), "Test", base))
	s.finds("GetUserByAccount, the provider with a space", nil)(s.GetUserByAccount(s.ctx(), "test ", base))
	owner := owners[base]
	s.finds("GetUser, with a space", nil)(s.GetUser(s.ctx(), owner.ID+" "))
}

// An address is found in any case of A to Z, and only so: to a database, too, the
// owner of mike@gİthub.com is not mike@github.com.
func testAddress(t *testing.T, s suite) {
	email := address()
	user := s.create(strings.ToUpper(email), nil)
	s.finds("GetUserByEmail in lower case", &user)(s.GetUserByEmail(s.ctx(), email))
	s.finds("GetUserByEmail in upper case", &user)(s.GetUserByEmail(s.ctx(), strings.ToUpper(email)))
	name := strings.TrimSuffix(email, "@example.com")
	for _, other := range []string{
		email + " ", " " + email, email + "\n", name + "@éxample.com", name + "@ex\u0430mple.com", name + "@example.com.", name + "＠example.com",
		"%" + email[1:], "_" + email[1:], name + "@exampl\u0130.com", "\u0131" + email[1:], "\u017f" + email[1:],
	} {
		s.finds("GetUserByEmail of "+other, nil)(s.GetUserByEmail(s.ctx(), other))
	}
	dotted := s.create("i"+email, nil)
	turkish := s.create("\u0130"+email, nil)
	s.finds("GetUserByEmail with a dotted capital I", &turkish)(s.GetUserByEmail(s.ctx(), "\u0130"+email))
	s.finds("GetUserByEmail with an i", &dotted)(s.GetUserByEmail(s.ctx(), "I"+email))
}

func testUpdateUser(t *testing.T, s suite) {
	a := account()
	other := s.create(address(), nil)
	user := s.create(address(), &a)
	before := user.Email

	user.Name, user.Email, user.Image, user.EmailVerified = "Grace", address(), "https://example.com/g.png", time.Now().Add(-time.Hour)
	updated, err := s.UpdateUser(s.ctx(), user)
	s.finds("UpdateUser", &user)(updated, err)
	s.finds("GetUser", &user)(s.GetUser(s.ctx(), user.ID))
	s.finds("the old address", nil)(s.GetUserByEmail(s.ctx(), before))
	s.finds("the new address", &user)(s.GetUserByEmail(s.ctx(), user.Email))
	s.finds("the account", &user)(s.GetUserByAccount(s.ctx(), a.Provider, a.ProviderAccountID))

	again, err := s.UpdateUser(s.ctx(), user) // nothing changes
	s.finds("UpdateUser again", &user)(again, err)

	taken := user
	taken.Name, taken.Email = "Mallory", strings.ToUpper(other.Email)
	_, err = s.UpdateUser(s.ctx(), taken)
	s.is("UpdateUser with a taken address", err, ginauth.ErrExists)
	s.finds("GetUser afterwards", &user)(s.GetUser(s.ctx(), user.ID))
	s.finds("the other user", &other)(s.GetUserByEmail(s.ctx(), other.Email))

	user.Name, user.Email, user.Image, user.EmailVerified = "", "", "", time.Time{}
	updated, err = s.UpdateUser(s.ctx(), user)
	s.finds("UpdateUser to nothing", &user)(updated, err)
	s.finds("GetUser", &user)(s.GetUser(s.ctx(), user.ID))
	s.create(before, nil) // it is free
}

func testDeleteUser(t *testing.T, s suite) {
	mine, further, others := account(), account(), account()
	user, other := s.create(address(), &mine), s.create(address(), &others)
	s.is("LinkAccount", s.LinkAccount(s.ctx(), user.ID, further), nil)
	for range 2 { // the second time there is nobody
		s.is("DeleteUser", s.DeleteUser(s.ctx(), user.ID), nil)
		s.finds("GetUser", nil)(s.GetUser(s.ctx(), user.ID))
		s.finds("GetUserByEmail", nil)(s.GetUserByEmail(s.ctx(), user.Email))
		s.finds("GetUserByAccount", nil)(s.GetUserByAccount(s.ctx(), mine.Provider, mine.ProviderAccountID))
		s.has(user.ID)
	}
	s.is("LinkAccount to the deleted", s.LinkAccount(s.ctx(), user.ID, further), ginauth.ErrNotFound)
	_, err := s.UpdateUser(s.ctx(), user)
	s.is("UpdateUser of the deleted", err, ginauth.ErrNotFound)
	s.finds("the other user", &other)(s.GetUserByAccount(s.ctx(), others.Provider, others.ProviderAccountID))

	second := s.create(user.Email, &mine) // who comes again is somebody new
	if second.ID == user.ID {
		t.Error("the deleted user's ID is used again: their sessions would be the new one's")
	}
	s.has(second.ID, mine)
}
