package tests

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/passkey"
)

// keyRing are users with passkeys, whose calls a test may change.
type keyRing struct {
	ginauth.Adapter
	ginauth.PasskeyStore
	list, remove func() error // before the call; an error takes its place
}

func newKeyRing() *keyRing {
	users := ginauth.MemoryAdapter()
	return &keyRing{Adapter: users, PasskeyStore: users.(ginauth.PasskeyStore)}
}

func (k *keyRing) ListPasskeys(ctx context.Context, userID string) ([]ginauth.StoredPasskey, error) {
	if k.list != nil {
		if err := k.list(); err != nil {
			return nil, err
		}
	}
	return k.PasskeyStore.ListPasskeys(ctx, userID)
}

func (k *keyRing) DeletePasskey(ctx context.Context, userID, id string) error {
	if k.remove != nil {
		if err := k.remove(); err != nil {
			return err
		}
	}
	return k.PasskeyStore.DeletePasskey(ctx, userID, id)
}

// anywhere takes a site at an address, which has no passkeys: nobody uses one here.
type anywhere struct{ ginauth.PasskeyEngine }

func (anywhere) Check(string) error { return nil }

// gives stores a passkey of a user.
func (k *keyRing) gives(t testing.TB, userID string) {
	t.Helper()
	if err := k.CreatePasskey(t.Context(), ginauth.StoredPasskey{ID: strings.Repeat("k", 43), UserID: userID, Data: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
}

// passkeys is how many a user has.
func (k *keyRing) passkeys(t testing.TB, userID string) int {
	t.Helper()
	list, err := k.PasskeyStore.ListPasskeys(t.Context(), userID)
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// The last account goes only where another way leads in: mail to an address that is
// proved, or a passkey. Where passkeys cannot be read, none goes.
func TestUnlink_OtherWays(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name    string
		user    ginauth.User
		passkey bool
		fault   error // of ListPasskeys
		want    error
	}{
		{name: "a proved address", user: ginauth.User{Email: adaReads, EmailVerified: time.Now()}},
		{name: "an address that is not proved", user: ginauth.User{Email: adaReads}, want: ginauth.ErrLastAccount},
		{name: "no address, though one was proved", user: ginauth.User{EmailVerified: time.Now()}, want: ginauth.ErrLastAccount},
		{name: "a passkey", user: ginauth.User{Email: adaReads}, passkey: true},
		{name: "passkeys that cannot be read", user: ginauth.User{Email: adaReads, EmailVerified: time.Now()}, passkey: true, fault: errDatabase, want: errDatabase},
	} {
		users := newKeyRing()
		a := newMailApp(t, ginauth.Email{}, ginauth.Options{Adapter: users, Factors: ginauth.FactorOptions{Passkeys: anywhere{passkey.New(passkey.Config{})}}})
		ada, err := users.CreateUser(t.Context(), row.user, &ginauth.Account{Provider: "first", Type: "oauth", ProviderAccountID: "ada"})
		if err != nil {
			t.Fatal(err)
		}
		if row.passkey {
			users.gives(t, ada.ID)
		}
		users.list = func() error { return row.fault }
		err = a.auth.Unlink(t.Context(), ada.ID, "first", "ada")
		if row.want == nil && err != nil || !errors.Is(err, row.want) {
			t.Errorf("%s: %v, want %v", row.name, err, row.want)
		}
		list, err := users.ListAccounts(t.Context(), ada.ID)
		if err != nil || (len(list) == 0) != (row.want == nil) {
			t.Errorf("%s: left are %v, %v", row.name, list, err)
		}
		if told := strings.Contains(a.log.String(), "an account was unlinked"); told != (row.want == nil) {
			t.Errorf("%s: the log: %s", row.name, a.log)
		}
	}
}

// The owner of an address gets the user who has it, without the ways in by which somebody
// else could have come: a passkey, and the account of credentials, also of those that the
// application no longer has. For that the sessions must be such as can be ended.
func TestUsers_ClaimedFromFormerWays(t *testing.T) {
	t.Parallel()
	former := ginauth.Account{Provider: "ldap", Type: "credentials", ProviderAccountID: "former"}
	for _, row := range []struct {
		name             string
		account, passkey bool
		unending         bool  // sessions cannot be ended
		fault            error // of DeletePasskey
		code, log        string
	}{
		{name: "nothing", unending: true},
		{name: "former credentials", account: true},
		{name: "former credentials, and sessions that go on", account: true, unending: true, code: "OAuthAccountNotLinked", log: "set Session.Revocations"},
		{name: "a passkey", passkey: true},
		{name: "a passkey, and sessions that go on", passkey: true, unending: true, code: "OAuthAccountNotLinked", log: "set Session.Revocations"},
		{name: "a passkey that its owner deletes just now", passkey: true, fault: ginauth.ErrNotFound},
		{name: "a passkey that cannot be deleted", passkey: true, fault: errDatabase, code: "Callback", log: "connection refused"},
	} {
		users := newKeyRing()
		opts := ginauth.Options{Adapter: users, Factors: ginauth.FactorOptions{Passkeys: anywhere{passkey.New(passkey.Config{})}}}
		if !row.unending {
			opts.Session.Revocations = ginauth.MemoryRevocations()
		}
		a := newMailApp(t, ginauth.Email{}, opts)
		ada, err := users.CreateUser(t.Context(), ginauth.User{Email: adaReads}, nil)
		if err == nil && row.account {
			err = users.LinkAccount(t.Context(), ada.ID, former)
		}
		if err != nil {
			t.Fatal(err)
		}
		if row.passkey {
			users.gives(t, ada.ID)
		}
		users.remove = func() error {
			if errors.Is(row.fault, ginauth.ErrNotFound) {
				if err := users.PasskeyStore.DeletePasskey(t.Context(), ada.ID, strings.Repeat("k", 43)); err != nil && !errors.Is(err, ginauth.ErrNotFound) {
					t.Error(err)
				}
			}
			return row.fault
		}
		b := a.browser(t)
		res := b.press(a.asksFor(t, b, adaReads))
		accounts, err := users.ListAccounts(t.Context(), ada.ID)
		if err != nil {
			t.Fatal(err)
		}
		known, err := users.GetUser(t.Context(), ada.ID)
		if err != nil {
			t.Fatal(err)
		}
		if row.code != "" {
			res.refused(t, row.code)
			if !known.EmailVerified.IsZero() || !strings.Contains(a.log.String(), row.log) || b.user() != "" {
				t.Errorf("%s: proved %v: %s", row.name, known.EmailVerified, a.log)
			}
			continue
		}
		if !res.signedIn() || b.user() != adaReads || known.EmailVerified.IsZero() || len(accounts) != 0 || users.passkeys(t, ada.ID) != 0 {
			t.Errorf("%s: leads to %s, %v and %d passkeys are left: %s", row.name, res.Header.Get("Location"), accounts, users.passkeys(t, ada.ID), a.log)
		}
	}
}

// Credentials whose row is another user's sign nobody in: the adapter gave them
// the wrong user.
func TestCredentials_RowOfAnother(t *testing.T) {
	t.Parallel()
	a := newPasswordApp(t, passwordOptions{})
	ada, grace := a.registers(t, adaReads, adasPassword), a.registers(t, "grace@example.com", adasPassword)
	if err := a.users.LinkAccount(t.Context(), ada, ginauth.Account{Provider: "credentials", Type: "credentials", ProviderAccountID: grace}); err != nil {
		t.Fatal(err)
	}
	for _, asJSON := range []bool{false, true} {
		b := a.browser(t)
		form := map[string][]string{"csrfToken": {b.csrf()}, "username": {"grace@example.com"}, "password": {adasPassword}}
		if asJSON {
			form["json"] = []string{"true"}
			if res := b.post("/api/auth/callback/credentials", form); res.StatusCode != 401 || !strings.Contains(res.body, `error=OAuthAccountNotLinked"`) {
				t.Errorf("answered %d %s", res.StatusCode, res.body)
			}
			continue
		}
		b.post("/api/auth/callback/credentials", form).refused(t, "OAuthAccountNotLinked")
	}
	if got := a.names(t, ada); !slices.Equal(got, []string{"credentials/" + grace}) || len(a.names(t, grace)) != 0 {
		t.Errorf("Ada has %v, Grace has %v", got, a.names(t, grace))
	}
}

// A user without an ID is everybody's, and is looked up nowhere.
func TestUsers_WithoutID(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	d := &troubled{Adapter: ginauth.MemoryAdapter()}
	a := newUserApp(t, ginauth.Options{Adapter: d})
	d.set("GetUser", func() error { asked.Add(1); return nil })
	for name, err := range map[string]error{
		"Unlink":          a.auth.Unlink(t.Context(), "", "first", "ada"),
		"LinkCredentials": a.auth.LinkCredentials(t.Context(), ""),
	} {
		if !errors.Is(err, ginauth.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, err := range map[string]error{"DeleteUser": a.auth.DeleteUser(t.Context(), ""), "RevokeUser": a.auth.RevokeUser(t.Context(), "")} {
		if err == nil || !strings.Contains(err.Error(), name+" needs the ID of a user") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := a.auth.Sessions(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "Sessions needs the ID of a user") {
		t.Errorf("Sessions: %v", err)
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("the adapter was asked %d times for nobody", n)
	}
}

// Whom RevokeUser ends keeps no sign-in that waits for its second factor, neither where
// the store has it nor where the browser does.
func TestUsers_RevokedWhileASignInWaits(t *testing.T) {
	t.Parallel()
	kinds(t, func(t *testing.T, opts ginauth.Options) {
		if opts.Session.Store == nil {
			opts.Session.Revocations = ginauth.MemoryRevocations()
		} else {
			opts.Session.Store = &listingStore{SessionStore: memoryStore(), of: map[string][]string{}}
		}
		a := newFactorApp(t, passwordOptions{Options: opts})
		phone := a.enrols(t, a.browser(t))
		b := a.browser(t)
		a.waits(t, b)
		if err := a.auth.RevokeUser(t.Context(), a.ada); err != nil {
			t.Fatal(err)
		}
		if l, ok := opts.Session.Store.(*listingStore); ok && len(l.left()) != 0 {
			t.Errorf("the store still has %v", l.left())
		}
		if b.gives("code", phone.code(a)).signedIn() || b.id() != "" {
			t.Error("a sign-in of before goes on")
		}
		// An adapter that deletes the user at this moment is no fault.
		if err := a.users.DeleteUser(t.Context(), a.ada); err != nil {
			t.Fatal(err)
		}
		if err := a.auth.RevokeUser(t.Context(), a.ada); err != nil {
			t.Errorf("of a user who is deleted: %v", err)
		}
	})
}

// A listingStore finds the sessions of a user.
type listingStore struct {
	ginauth.SessionStore
	of map[string][]string // handles by owner
}

func (l *listingStore) Create(ctx context.Context, userID string, data []byte, expires time.Time) (string, error) {
	handle, err := l.SessionStore.Create(ctx, userID, data, expires)
	l.of[userID] = append(l.of[userID], handle)
	return handle, err
}

func (l *listingStore) List(ctx context.Context, userID string) (list []ginauth.StoredSession, err error) {
	for i, handle := range l.of[userID] {
		data, err := l.Get(ctx, handle)
		if errors.Is(err, ginauth.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		list = append(list, ginauth.StoredSession{ID: strconv.Itoa(i), Data: data})
	}
	return list, nil
}

func (l *listingStore) DeleteListed(ctx context.Context, userID, id string) error {
	if i, err := strconv.Atoi(id); err == nil && i < len(l.of[userID]) {
		return l.Delete(ctx, l.of[userID][i])
	}
	return ginauth.ErrNotFound
}

func (l *listingStore) DeleteUser(ctx context.Context, userID string) error {
	for _, handle := range l.of[userID] {
		if err := l.Delete(ctx, handle); err != nil {
			return err
		}
	}
	return nil
}

// left are the owners of what the store has.
func (l *listingStore) left() (owners []string) {
	for owner := range l.of {
		if list, err := l.List(context.Background(), owner); err != nil || len(list) > 0 {
			owners = append(owners, owner)
		}
	}
	return owners
}
