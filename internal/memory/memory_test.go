package memory_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/ginauth/ginauth/internal/memory"
)

// The caller's types, as an adapter's methods take them.
type (
	user struct {
		memory.User
		Values map[string]any
	}
	account struct {
		Provider, Type, ProviderAccountID, AccessToken, RefreshToken, IDToken, TokenType, Scope string

		ExpiresAt     time.Time
		EmailVerified bool
	}
	proof struct {
		Identifier, Hash string
		Expires          time.Time
	}
	passkey struct {
		ID, UserID string
		Data       []byte
	}
	adapter = memory.Adapter[user, account, proof, passkey]
)

var (
	errNotFound    = errors.New("not found")
	errExists      = errors.New("exists")
	errLastAccount = errors.New("last account")
	errConflict    = errors.New("conflict")
)

func newAdapter() *adapter {
	return memory.New[user, account, proof, passkey](
		memory.Errors{NotFound: errNotFound, Exists: errExists, LastAccount: errLastAccount, Conflict: errConflict},
		func(u user) memory.User { return u.User },
		func(u memory.User) user { return user{User: u} },
	)
}

// create stores a user, with an account where the provider is not empty.
func create(t *testing.T, m *adapter, email, provider, id string) string {
	t.Helper()
	var first *account
	if provider != "" {
		first = &account{Provider: provider, ProviderAccountID: id, AccessToken: "a", RefreshToken: "r", IDToken: "i", EmailVerified: true, Scope: "s"}
	}
	u, err := m.CreateUser(t.Context(), user{User: memory.User{ID: "of the caller", Name: "N", Email: email}, Values: map[string]any{"a": 1}}, first)
	if err != nil || u.ID == "" || u.ID == "of the caller" || u.Values != nil {
		t.Fatalf("%+v, %v", u, err)
	}
	return u.ID
}

func is(t *testing.T, what string, err, want error) {
	t.Helper()
	if want == nil && err != nil || !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

// Addresses are one in any case of A to Z, and free again when their user gives them up.
func TestUsers(t *testing.T) {
	t.Parallel()
	m, ctx := newAdapter(), t.Context()
	ada, nemo := create(t, m, "Ada@Example.com", "", ""), create(t, m, "", "", "")
	other := create(t, m, "", "", "") // without an address there is nothing to share
	if u, err := m.GetUserByEmail(ctx, "ADA@example.COM"); err != nil || u.ID != ada || u.Email != "ada@example.com" || u.Name != "N" {
		t.Errorf("%+v, %v", u, err)
	}
	_, err := m.GetUserByEmail(ctx, "")
	is(t, "no address", err, errNotFound)
	_, err = m.GetUser(ctx, "nobody")
	is(t, "no such user", err, errNotFound)
	_, err = m.CreateUser(ctx, user{User: memory.User{Email: "aDa@example.com"}}, nil)
	is(t, "the same address", err, errExists)
	_, err = m.UpdateUser(ctx, user{User: memory.User{ID: nemo, Email: "ada@example.com"}})
	is(t, "another's address", err, errExists)
	_, err = m.UpdateUser(ctx, user{User: memory.User{ID: "nobody", Email: "x@example.com"}})
	is(t, "a change of nobody", err, errNotFound)
	at := time.Now()
	for range 2 { // the own address is no other's
		u, err := m.UpdateUser(ctx, user{User: memory.User{ID: ada, Name: "Countess", Email: "New@example.com", Image: "p", EmailVerified: at}})
		if err != nil || u.Email != "new@example.com" || u.Name != "Countess" || !u.EmailVerified.Equal(at) {
			t.Errorf("%+v, %v", u, err)
		}
	}
	if u, err := m.GetUser(ctx, ada); err != nil || u.Name != "Countess" || u.Image != "p" || !u.EmailVerified.Equal(at) {
		t.Errorf("kept is %+v, %v", u, err)
	}
	_, err = m.GetUserByEmail(ctx, "ada@example.com")
	is(t, "the former address", err, errNotFound)
	if _, err := m.UpdateUser(ctx, user{User: memory.User{ID: nemo, Email: "ada@example.com"}}); err != nil {
		t.Errorf("the address that is free: %v", err)
	}
	if _, err := m.UpdateUser(ctx, user{User: memory.User{ID: other}}); err != nil {
		t.Errorf("a user without address: %v", err)
	}
	is(t, "deleting", m.DeleteUser(ctx, ada), nil)
	is(t, "deleting again", m.DeleteUser(ctx, ada), nil)
	_, err = m.GetUser(ctx, ada)
	is(t, "deleted", err, errNotFound)
	create(t, m, "new@example.com", "", "") // the address is free
}

// An account has one user, who keeps the last one unless it may go too. Tokens are not
// kept.
func TestAccounts(t *testing.T) {
	t.Parallel()
	m, ctx := newAdapter(), t.Context()
	ada, grace := create(t, m, "ada@example.com", "a", "1"), create(t, m, "grace@example.com", "a", "2")
	if u, err := m.GetUserByAccount(ctx, "a", "1"); err != nil || u.ID != ada {
		t.Errorf("%+v, %v", u, err)
	}
	for _, key := range [][2]string{{"b", "1"}, {"a", "3"}, {"", ""}} {
		_, err := m.GetUserByAccount(ctx, key[0], key[1])
		is(t, "nobody's account", err, errNotFound)
	}
	_, err := m.CreateUser(ctx, user{}, &account{Provider: "a", ProviderAccountID: "1"})
	is(t, "a new user with another's account", err, errExists)
	is(t, "another's account", m.LinkAccount(ctx, grace, account{Provider: "a", ProviderAccountID: "1"}), errExists)
	is(t, "the own account again", m.LinkAccount(ctx, ada, account{Provider: "a", ProviderAccountID: "1"}), errExists)
	is(t, "of nobody", m.LinkAccount(ctx, "nobody", account{Provider: "c", ProviderAccountID: "1"}), errNotFound)
	is(t, "a further account", m.LinkAccount(ctx, ada, account{Provider: "b", ProviderAccountID: "1", Type: "oauth", AccessToken: "a"}), nil)
	list, err := m.ListAccounts(ctx, ada)
	if err != nil || len(list) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	for _, a := range list {
		if a.AccessToken+a.RefreshToken+a.IDToken != "" || a.EmailVerified || a.ProviderAccountID != "1" || a.Provider == "a" && a.Scope != "s" || a.Provider == "b" && a.Type != "oauth" {
			t.Errorf("kept is %+v", a)
		}
	}
	is(t, "another's, unlinked", m.UnlinkAccount(ctx, grace, "a", "1", true), errNotFound)
	is(t, "one of two", m.UnlinkAccount(ctx, ada, "a", "1", false), nil)
	is(t, "again", m.UnlinkAccount(ctx, ada, "a", "1", true), errNotFound)
	is(t, "the last", m.UnlinkAccount(ctx, ada, "b", "1", false), errLastAccount)
	is(t, "the last, all the same", m.UnlinkAccount(ctx, ada, "b", "1", true), nil)
	is(t, "deleting Grace", m.DeleteUser(ctx, grace), nil)
	if list, err := m.ListAccounts(ctx, grace); err != nil || len(list) != 0 {
		t.Errorf("a deleted user has %+v, %v", list, err)
	}
	is(t, "the account that is free", m.LinkAccount(ctx, ada, account{Provider: "a", ProviderAccountID: "2"}), nil)
}

// A proof is used once, by its address and hash together.
func TestProofs(t *testing.T) {
	t.Parallel()
	m, ctx := newAdapter(), t.Context()
	p := proof{Identifier: "ada@example.com", Hash: "h", Expires: time.Unix(1, 0)}
	is(t, "creating", m.CreateVerificationToken(ctx, p), nil)
	for _, key := range [][2]string{{"ada@example.com", "x"}, {"grace@example.com", "h"}} {
		_, err := m.UseVerificationToken(ctx, key[0], key[1])
		is(t, "another proof", err, errNotFound)
	}
	if used, err := m.UseVerificationToken(ctx, "ada@example.com", "h"); err != nil || used != p {
		t.Errorf("%+v, %v", used, err)
	}
	_, err := m.UseVerificationToken(ctx, "ada@example.com", "h")
	is(t, "again", err, errNotFound)
}

// A record of factors changes from what was read alone, and goes with its user. What the
// caller does with the bytes afterwards changes nothing.
func TestFactors(t *testing.T) {
	t.Parallel()
	m, ctx := newAdapter(), t.Context()
	ada := create(t, m, "", "", "")
	read := func() []byte {
		t.Helper()
		data, err := m.GetFactors(ctx, ada)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	is(t, "of nobody", m.UpdateFactors(ctx, "nobody", nil, []byte("x")), errNotFound)
	if data, err := m.GetFactors(ctx, "nobody"); err != nil || data != nil {
		t.Errorf("of nobody: %s, %v", data, err)
	}
	is(t, "none, and something was read", m.UpdateFactors(ctx, ada, []byte("x"), []byte("1")), errConflict)
	given := []byte("1")
	is(t, "the first", m.UpdateFactors(ctx, ada, nil, given), nil)
	given[0] = 'x'
	read()[0] = 'x'
	if got := read(); string(got) != "1" {
		t.Errorf("kept is %s", got)
	}
	is(t, "nothing was read", m.UpdateFactors(ctx, ada, nil, []byte("2")), errConflict)
	is(t, "another was read", m.UpdateFactors(ctx, ada, []byte("0"), []byte("2")), errConflict)
	is(t, "the second", m.UpdateFactors(ctx, ada, []byte("1"), []byte("2")), nil)
	is(t, "deleting it", m.UpdateFactors(ctx, ada, []byte("2"), nil), nil)
	if got := read(); got != nil {
		t.Errorf("kept is %q", got)
	}
	is(t, "the third", m.UpdateFactors(ctx, ada, nil, []byte("3")), nil)
	is(t, "deleting her", m.DeleteUser(ctx, ada), nil)
	if got := read(); got != nil {
		t.Errorf("of a deleted user: %q", got)
	}
}

// A passkey has one user, changes from what was read alone, and goes with its user.
func TestPasskeys(t *testing.T) {
	t.Parallel()
	m, ctx := newAdapter(), t.Context()
	ada, grace := create(t, m, "", "", ""), create(t, m, "", "", "")
	given := passkey{ID: "1", UserID: ada, Data: []byte("d")}
	is(t, "of nobody", m.CreatePasskey(ctx, passkey{ID: "9", UserID: "nobody"}), errNotFound)
	is(t, "the first", m.CreatePasskey(ctx, given), nil)
	is(t, "hers, of another", m.CreatePasskey(ctx, passkey{ID: "2", UserID: grace, Data: []byte("e")}), nil)
	is(t, "the same ID", m.CreatePasskey(ctx, passkey{ID: "1", UserID: grace}), errExists)
	_, err := m.GetPasskey(ctx, "9")
	is(t, "no such passkey", err, errNotFound)
	given.Data[0] = 'x'
	spoil := func(p passkey) { p.Data[0] = 'x' }
	found, err := m.GetPasskey(ctx, "1")
	if err != nil || found.UserID != ada || string(found.Data) != "d" {
		t.Fatalf("%+v, %v", found, err)
	}
	spoil(found)
	list, err := m.ListPasskeys(ctx, ada)
	if err != nil || len(list) != 1 || list[0].ID != "1" || string(list[0].Data) != "d" {
		t.Fatalf("%+v, %v", list, err)
	}
	spoil(list[0])
	kept := passkey{ID: "1", UserID: ada, Data: []byte("d")}
	is(t, "as another's", m.UpdatePasskey(ctx, passkey{ID: "1", UserID: grace, Data: []byte("d")}, []byte("f")), errNotFound)
	is(t, "of no ID", m.UpdatePasskey(ctx, passkey{ID: "9", UserID: ada}, []byte("f")), errNotFound)
	is(t, "another was read", m.UpdatePasskey(ctx, passkey{ID: "1", UserID: ada, Data: []byte("c")}, []byte("f")), errConflict)
	fresh := []byte("f")
	is(t, "the second", m.UpdatePasskey(ctx, kept, fresh), nil)
	fresh[0] = 'x'
	is(t, "again", m.UpdatePasskey(ctx, kept, fresh), errConflict)
	if found, err := m.GetPasskey(ctx, "1"); err != nil || !bytes.Equal(found.Data, []byte("f")) || found.UserID != ada {
		t.Errorf("%+v, %v", found, err)
	}
	is(t, "another's, deleted", m.DeletePasskey(ctx, grace, "1"), errNotFound)
	is(t, "deleted", m.DeletePasskey(ctx, ada, "1"), nil)
	is(t, "again", m.DeletePasskey(ctx, ada, "1"), errNotFound)
	is(t, "deleting Ada", m.DeleteUser(ctx, ada), nil)
	if list, err := m.ListPasskeys(ctx, grace); err != nil || len(list) != 1 {
		t.Errorf("Grace has %+v, %v", list, err)
	}
	is(t, "deleting Grace", m.DeleteUser(ctx, grace), nil)
	_, err = m.GetPasskey(ctx, "2")
	is(t, "of a deleted user", err, errNotFound)
}

// Who is gone changes nothing and learns nothing, and holds nobody up.
func TestGone(t *testing.T) {
	t.Parallel()
	m := newAdapter()
	ada := create(t, m, "ada@example.com", "a", "1")
	is(t, "a passkey", m.CreatePasskey(t.Context(), passkey{ID: "1", UserID: ada}), nil)
	is(t, "a proof", m.CreateVerificationToken(t.Context(), proof{Identifier: "i", Hash: "h"}), nil)
	is(t, "a record", m.UpdateFactors(t.Context(), ada, nil, []byte("1")), nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var errs []error
	add := func(_ any, err error) { errs = append(errs, err) }
	add(m.CreateUser(ctx, user{}, nil))
	add(m.GetUser(ctx, ada))
	add(m.GetUserByEmail(ctx, "ada@example.com"))
	add(m.GetUserByAccount(ctx, "a", "1"))
	add(m.UpdateUser(ctx, user{User: memory.User{ID: ada, Name: "x"}}))
	add(nil, m.DeleteUser(ctx, ada))
	add(nil, m.LinkAccount(ctx, ada, account{Provider: "b", ProviderAccountID: "1"}))
	add(nil, m.UnlinkAccount(ctx, ada, "a", "1", true))
	add(m.ListAccounts(ctx, ada))
	add(nil, m.CreateVerificationToken(ctx, proof{Identifier: "j", Hash: "h"}))
	add(m.UseVerificationToken(ctx, "i", "h"))
	add(m.GetFactors(ctx, ada))
	add(nil, m.UpdateFactors(ctx, ada, []byte("1"), nil))
	add(nil, m.CreatePasskey(ctx, passkey{ID: "2", UserID: ada}))
	add(m.GetPasskey(ctx, "1"))
	add(m.ListPasskeys(ctx, ada))
	add(nil, m.UpdatePasskey(ctx, passkey{ID: "1", UserID: ada}, []byte("x")))
	add(nil, m.DeletePasskey(ctx, ada, "1"))
	if i := slices.IndexFunc(errs, func(err error) bool { return !errors.Is(err, context.Canceled) }); i >= 0 {
		t.Errorf("call %d: %v", i, errs[i])
	}
	u, err := m.GetUser(t.Context(), ada)
	list, listErr := m.ListAccounts(t.Context(), ada)
	keys, keysErr := m.ListPasskeys(t.Context(), ada)
	data, dataErr := m.GetFactors(t.Context(), ada)
	if err := errors.Join(err, listErr, keysErr, dataErr); err != nil || u.Name != "N" || len(list) != 1 || len(keys) != 1 || len(keys[0].Data) != 0 || string(data) != "1" {
		t.Errorf("left are %+v, %v, %v, %s, %v", u, list, keys, data, err)
	}
	if _, err := m.UseVerificationToken(t.Context(), "i", "h"); err != nil {
		t.Errorf("the proof is used: %v", err)
	}
}
