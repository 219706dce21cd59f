package tests

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
)

// The other of two first sign-ins at once has just stored the user, and then the database
// fails: nobody is signed in, and nothing is said of whose the account is.
func TestLinking_TroubleInARace(t *testing.T) {
	t.Parallel()
	account := ginauth.Account{Provider: "first", Type: "oauth", ProviderAccountID: "ada"}
	for _, row := range []struct{ name, method, email string }{
		{"when the address was looked up", "GetUserByEmail", "ada@example.com"},
		{"when the user was created", "CreateUser", "elsewhere@example.com"},
	} {
		d := &troubled{Adapter: ginauth.MemoryAdapter()}
		a := newUserApp(t, ginauth.Options{Adapter: d})
		var other ginauth.User
		d.set(row.method, func() (err error) {
			d.set("GetUserByAccount", func() error { return errDatabase })
			other, err = d.Adapter.CreateUser(t.Context(), ginauth.User{Name: "Ada", Email: row.email, EmailVerified: time.Now()}, &account)
			return err
		})
		b := a.browser(t)
		b.signInAt(a.idp, "first", "ada").refused(t, "Callback")
		if log := a.log.String(); other.ID == "" || strings.Count(log, "connection refused") != 1 || b.id() != "" || a.heard() != nil {
			t.Errorf("%s: the log: %s", row.name, log)
		}
		d.set("", nil)
		if b.signInAt(a.idp, "first", "ada"); b.id() != other.ID {
			t.Errorf("%s: later they are %q, want %q", row.name, b.id(), other.ID)
		}
	}
}

// A SignIn callback may say since when an address is proved, such as one of an older
// system: that is stored, and not the time of this sign-in.
func TestLinking_ProvedBefore(t *testing.T) {
	t.Parallel()
	since := time.Date(2020, 2, 3, 4, 5, 6, 0, time.UTC)
	a := newUserApp(t, ginauth.Options{Callbacks: ginauth.Callbacks{SignIn: func(_ *gin.Context, p ginauth.SignInParams) error {
		p.User.EmailVerified = since
		return nil
	}}})
	for _, subject := range []string{"grace", "eve"} { // vouched for or not
		user, err := a.adapter.GetUser(t.Context(), a.joined(t, "first", subject))
		if err != nil || !user.EmailVerified.Equal(since) {
			t.Errorf("%s: stored is %v, %v", subject, user.EmailVerified, err)
		}
	}
}

// An account is added while the owner of the user's address proves it, by another process.
// It is taken away again, and so are sessions that it may have begun.
func TestLinking_ProvedMeanwhile(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name      string
		revoking  bool // sessions can be ended
		otherTab  bool // has linked the account a moment ago
		noRemoval bool // the account cannot be taken away
		left      []string
		unlinked  bool // the application is told
	}{
		{name: "a new account", left: []string{"first/eve"}},
		{name: "a new account, and sessions can be ended", revoking: true, left: []string{"first/eve"}},
		{name: "one that the other tab has linked", otherTab: true, left: []string{"first/eve"}, unlinked: true},
		{name: "one that cannot be taken away", otherTab: true, noRemoval: true, left: []string{"first/eve", "second/nemo"}},
	} {
		d := &troubled{Adapter: ginauth.MemoryAdapter()}
		opts := ginauth.Options{Adapter: d}
		if row.revoking {
			opts.Session.Revocations = ginauth.MemoryRevocations()
		}
		a := newUserApp(t, opts)
		b := a.browser(t)
		b.signInAt(a.idp, "first", "eve")
		id := b.id()
		account := ginauth.Account{Provider: "second", Type: "oauth", ProviderAccountID: "nemo"}
		d.set("LinkAccount", func() error {
			d.set("", nil)
			if row.noRemoval {
				d.set("UnlinkAccount", func() error { return errDatabase })
			}
			a.prove(t, id, func(u *ginauth.User) { u.EmailVerified = time.Now() })
			if !row.otherTab {
				return nil
			}
			if err := d.Adapter.LinkAccount(t.Context(), id, account); err != nil {
				t.Error(err)
			}
			return ginauth.ErrExists
		})
		b.signInAt(a.idp, "second", "nemo").refused(t, "OAuthAccountNotLinked")
		if got := a.accounts(t, id); !slices.Equal(got, row.left) {
			t.Errorf("%s: left are %v, want %v", row.name, got, row.left)
		}
		if (b.id() == "") != row.revoking {
			t.Errorf("%s: who was signed in is now %q", row.name, b.id())
		}
		log := a.log.String()
		if strings.Contains(log, "an account was unlinked") != row.unlinked || strings.Contains(log, "connection refused") != row.noRemoval ||
			strings.Contains(log, "RevokeUser") || !strings.Contains(log, "meanwhile") {
			t.Errorf("%s: the log: %s", row.name, log)
		}
	}
}

// The other tab has linked the account a moment ago, and then the database fails. It stays
// theirs: only what was added here may be taken back.
func TestLinking_TroubleInTheOtherTab(t *testing.T) {
	t.Parallel()
	for _, otherTab := range []bool{false, true} {
		d := &troubled{Adapter: ginauth.MemoryAdapter()}
		a := newUserApp(t, ginauth.Options{Adapter: d})
		b := a.browser(t)
		b.signInAt(a.idp, "first", "ada")
		id := b.id()
		d.set("LinkAccount", func() error {
			d.set("GetUser", func() error { return errDatabase })
			if !otherTab {
				return nil
			}
			if err := d.Adapter.LinkAccount(t.Context(), id, ginauth.Account{Provider: "second", Type: "oauth", ProviderAccountID: "nemo"}); err != nil {
				t.Error(err)
			}
			return ginauth.ErrExists
		})
		b.signInAt(a.idp, "second", "nemo").refused(t, "Callback")
		if got := a.owner(t, "second", "nemo"); (got == id) != otherTab || !otherTab && got != "" {
			t.Errorf("linked by the other tab %v: the account is %q's", otherTab, got)
		}
		if !strings.Contains(a.log.String(), "connection refused") {
			t.Errorf("the log: %s", a.log)
		}
	}
}

// A session that ends while its request adds an account loses it again.
func TestLinking_SessionEndedMeanwhile(t *testing.T) {
	t.Parallel()
	d := &troubled{Adapter: ginauth.MemoryAdapter()}
	a := newUserApp(t, ginauth.Options{Adapter: d, Session: ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()}})
	b := a.browser(t)
	b.signInAt(a.idp, "first", "ada")
	id := b.id()
	d.set("LinkAccount", func() error {
		d.set("", nil)
		return a.auth.RevokeUser(t.Context(), id)
	})
	b.signInAt(a.idp, "second", "nemo").refused(t, "OAuthAccountNotLinked")
	if got := a.accounts(t, id); !slices.Equal(got, []string{"first/ada"}) || slices.Contains(a.heard(), "linkAccount Ada second/nemo") {
		t.Errorf("the accounts are %v", got)
	}
	if log := a.log.String(); !strings.Contains(log, "signed out") && !strings.Contains(log, "meanwhile") {
		t.Errorf("the log: %s", log)
	}
}

// An adapter answers a change of one user with another: of the same ID, or of the same
// address. Nobody is signed in.
func TestLinking_ChangesAnother(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*ginauth.User){
		"another address": func(u *ginauth.User) { u.Email = "other@example.com" },
		"another ID":      func(u *ginauth.User) { u.ID = "somebody-else" },
	} {
		memory := ginauth.MemoryAdapter()
		known, err := memory.CreateUser(t.Context(), ginauth.User{Name: "Ada", Email: adaReads, EmailVerified: time.Now()}, nil)
		if err != nil {
			t.Fatal(err)
		}
		change(&known)
		a := newPasswordApp(t, passwordOptions{Options: ginauth.Options{Adapter: lying{memory, "UpdateUser", known}}})
		b := a.browser(t)
		a.mails(t, b, adaReads).refused(t, "OAuthAccountNotLinked")
		if log := a.log.String(); b.id() != "" || !strings.Contains(log, "byte by byte") {
			t.Errorf("%s: signed in is %q: %s", name, b.id(), log)
		}
	}
}

// What a sign-in stands on changes in its last moment, when the session is kept already.
// It is refused, and the session ended.
func TestUsers_ChangedAtTheEnd(t *testing.T) {
	t.Parallel()
	update := func(a *passwordApp, id string, change func(*ginauth.User)) error {
		user, err := a.users.Adapter.GetUser(context.Background(), id)
		if err == nil {
			change(&user)
			_, err = a.users.Adapter.UpdateUser(context.Background(), user)
		}
		return err
	}
	for _, row := range []struct {
		name   string
		email  bool // the way in; else a password
		proved bool // the address is, before
		change func(a *passwordApp, id string) error
		code   string
	}{
		{"the address", true, true, func(a *passwordApp, id string) error {
			return update(a, id, func(u *ginauth.User) { u.Email = "new@example.com" })
		}, "OAuthAccountNotLinked"},
		{"the address is not proved any more", true, true, func(a *passwordApp, id string) error {
			return update(a, id, func(u *ginauth.User) { u.EmailVerified = time.Time{} })
		}, "OAuthAccountNotLinked"},
		{"another process stores that the owner of the address proved it", false, false, func(a *passwordApp, id string) error {
			return update(a, id, func(u *ginauth.User) { u.EmailVerified = time.Now() })
		}, "CredentialsSignin"},
		{"the user is deleted", false, false, func(a *passwordApp, id string) error { return a.users.Adapter.DeleteUser(context.Background(), id) }, "CredentialsSignin"},
		{"the account is taken away", false, false, func(a *passwordApp, id string) error {
			return a.users.Adapter.UnlinkAccount(context.Background(), id, "credentials", id, true)
		}, "CredentialsSignin"},
		{"nothing", false, false, func(*passwordApp, string) error { return nil }, ""},
		{"nothing, by mail", true, true, func(*passwordApp, string) error { return nil }, ""},
	} {
		for _, undeletable := range []bool{false, true} {
			store := &keptSessions{SessionStore: memoryStore(), undeletable: undeletable}
			a := newPasswordApp(t, passwordOptions{Options: ginauth.Options{Session: ginauth.SessionOptions{Store: store}}})
			id := a.registers(t, adaReads, adaTypes)
			if row.proved {
				if err := update(a, id, func(u *ginauth.User) { u.EmailVerified = time.Now() }); err != nil {
					t.Fatal(err)
				}
			}
			b := a.browser(t)
			enter := func() answer { return b.types(adaReads, adaTypes) }
			if row.email {
				action, fields := onlyForm(t, b.get(a.asksFor(t, b, adaReads)).body)
				enter = func() answer { return b.post(action, fields) }
			} else {
				a.browser(t).types(adaReads, adaTypes) // the credentials are an account from now on
			}
			store.created = func() {
				if err := row.change(a, id); err != nil {
					t.Error(err)
				}
			}
			res := enter()
			if row.code == "" {
				if !res.signedIn() || b.id() != id {
					t.Errorf("%s: leads to %s", row.name, res.Header.Get("Location"))
				}
				continue
			}
			res.refused(t, row.code)
			left := strings.Contains(a.log.String(), "the session of a sign-in that was refused was not deleted")
			if left != undeletable || b.id() != "" || !undeletable && store.deleted != store.last {
				t.Errorf("%s, undeletable %v: deleted is %q of %q, signed in %q: %s", row.name, undeletable, store.deleted, store.last, b.id(), a.log)
			}
		}
	}
}

// keptSessions are a store that tells when a session is kept, and may not let it go.
type keptSessions struct {
	ginauth.SessionStore
	created       func() // after the next one
	undeletable   bool
	last, deleted string
}

func (s *keptSessions) Create(ctx context.Context, userID string, data []byte, expires time.Time) (string, error) {
	handle, err := s.SessionStore.Create(ctx, userID, data, expires)
	if s.last = handle; s.created != nil {
		s.created()
		s.created = nil
	}
	return handle, err
}

func (s *keptSessions) Delete(ctx context.Context, handle string) error {
	if s.undeletable {
		return errors.New("the store takes no deletions")
	}
	s.deleted = handle
	return s.SessionStore.Delete(ctx, handle)
}

// Whose addresses no provider vouched for can set a second factor up where the owner of
// the address could not claim the user: without an address, without mails, and with an
// account at a provider.
func TestUsers_UnprovedAddressSetsAnAppUp(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name  string
		enter func(a *passwordApp, b *browser) string // who they are
		key   bool
	}{
		{"a password and an address", func(a *passwordApp, b *browser) string {
			id := a.registers(t, victim, evilPassword)
			b.types(victim, evilPassword)
			return id
		}, false},
		{"a password, and no address", func(a *passwordApp, b *browser) string {
			user, err := a.users.CreateUser(t.Context(), ginauth.User{Name: "Nemo"}, nil)
			if err != nil {
				t.Fatal(err)
			}
			a.passwords.set("nemo", user.ID, adasPassword)
			b.types("nemo", adasPassword)
			return user.ID
		}, true},
		{"an account at a provider", func(a *passwordApp, b *browser) string {
			b.signInAt(a.idp, "first", "eve")
			return b.id()
		}, true},
	} {
		a := newPasswordApp(t, passwordOptions{Options: ginauth.Options{
			Factors: ginauth.FactorOptions{OTP: true}, Session: ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()},
		}})
		b := a.browser(t)
		id := row.enter(a, b)
		page := b.get("/api/auth/second-factor/add")
		if page.StatusCode != http.StatusOK || keyOnPage.MatchString(page.body) != row.key || id == "" || b.id() != id {
			t.Errorf("%s: %d, a key %v:\n%s", row.name, page.StatusCode, !row.key, page.body)
		}
	}
	// Where no mails are sent, nobody can claim anybody.
	table := &passwords{rows: map[string]password{}}
	adapter := ginauth.MemoryAdapter()
	user, err := adapter.CreateUser(t.Context(), ginauth.User{Email: victim}, nil)
	if err != nil {
		t.Fatal(err)
	}
	table.set(victim, user.ID, adasPassword)
	a := newApp(t, ginauth.Options{Adapter: adapter, Factors: ginauth.FactorOptions{OTP: true}, Providers: []ginauth.Provider{ginauth.Credentials{Authorize: table.authorize}}})
	b := a.browser(t)
	b.types(victim, adasPassword)
	if page := b.get("/api/auth/second-factor/add"); !keyOnPage.MatchString(page.body) {
		t.Errorf("without mails: %d %s", page.StatusCode, page.body)
	}
}
