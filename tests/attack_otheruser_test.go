package tests

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/passkey"
)

// lateUser is an adapter whose user of one ID comes later.
type lateUser struct {
	ginauth.Adapter
	ginauth.FactorStore
	ginauth.PasskeyStore
	id   string
	come atomic.Bool
}

func (l *lateUser) GetUser(ctx context.Context, id string) (ginauth.User, error) {
	if id == l.id && !l.come.Load() {
		return ginauth.User{}, ginauth.ErrNotFound
	}
	return l.Adapter.GetUser(ctx, id)
}

// TestAttack21_IDOfAnother has a directory sign in somebody whom the Adapter does not have
// and whose ID the Adapter later gives to Bob: nothing of Bob's is within their reach.
func TestAttack21_IDOfAnother(t *testing.T) {
	t.Parallel()
	memory := ginauth.MemoryAdapter()
	bob, err := memory.CreateUser(t.Context(), ginauth.User{Name: "Bob", Email: "bob@example.com", EmailVerified: time.Now()}, nil)
	must(t, err)
	users := &lateUser{memory, memory.(ginauth.FactorStore), memory.(ginauth.PasskeyStore), bob.ID, atomic.Bool{}}
	idp := newIDP(t, ginauthtest.Config{People: crowd()})
	a := newApp(t, ginauth.Options{
		Adapter: users, AccountPage: true, Session: ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()},
		Factors: ginauth.FactorOptions{OTP: true, Passkeys: passkey.New(passkey.Config{})},
		Providers: []ginauth.Provider{
			ginauth.OAuth{Provider: local(idp, "first")},
			ginauth.Credentials{Authorize: func(*gin.Context, map[string]string) (*ginauth.User, error) {
				return &ginauth.User{ID: bob.ID, Name: "Lee", Email: "lee@example.com"}, nil
			}},
		},
	})
	a.URL = strings.Replace(a.URL, "127.0.0.1", "localhost", 1)
	b := a.browser(t)
	lee := func() {
		t.Helper()
		if res := b.post("/api/auth/callback/credentials", url.Values{"csrfToken": {b.csrf()}}); !res.signedIn() {
			t.Fatalf("%d %s\n%s", res.StatusCode, res.Header.Get("Location"), a.log)
		}
	}
	lee()
	for _, come := range []bool{false, true} {
		users.come.Store(come)
		for _, path := range []string{"second-factor/list", "second-factor/add", "second-factor/confirm", "passkeys", "webauthn-options/passkey?action=register"} {
			if res := b.get("/api/auth/" + path); res.StatusCode != http.StatusFound && res.StatusCode != http.StatusUnauthorized || strings.Contains(res.body, "challenge") {
				t.Errorf("there: %v, %s is answered %d\n%s", come, path, res.StatusCode, res.body)
			}
		}
		for _, path := range []string{"second-factor/add", "second-factor/remove", "second-factor/codes", "callback/passkey"} {
			res := b.post("/api/auth/"+path, url.Values{"csrfToken": {b.csrf()}, "action": {"register"}, "code": {"123456"}})
			if res.StatusCode >= 500 || res.StatusCode == http.StatusOK {
				t.Errorf("there: %v, POST %s is answered %d\n%s", come, path, res.StatusCode, res.body)
			}
		}
	}
	if page := b.get("/api/auth/account").body; strings.Contains(page, "bob@example.com") {
		t.Error("the account page shows Bob")
	}
	res := b.signInAt(idp, "first", "grace") // as anybody's first sign-in: a user of their own
	if !res.signedIn() || b.user() != "grace@example.com" {
		t.Errorf("signing in elsewhere: %d %s\n%s", res.StatusCode, res.Header.Get("Location"), a.log)
	}
	accounts, err := memory.ListAccounts(t.Context(), bob.ID)
	data, faults := users.GetFactors(t.Context(), bob.ID)
	keys, failed := users.ListPasskeys(t.Context(), bob.ID)
	if len(accounts)+len(data)+len(keys) > 0 || err != nil || faults != nil || failed != nil {
		t.Errorf("Bob has %v, %s, %v", accounts, data, keys)
	}
}

// TestAttack21_ProofInSessionOfID has the owner of an address prove it in the browser of
// somebody whom the Adapter does not have, and whose ID it later gave to the user with that
// address: that session is no proof of who set the user's password.
func TestAttack21_ProofInSessionOfID(t *testing.T) {
	t.Parallel()
	users := &lateUser{Adapter: ginauth.MemoryAdapter()}
	a := newPasswordApp(t, passwordOptions{Options: ginauth.Options{Adapter: users, Session: ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()}}})
	users.id = a.registers(t, victim, evilPassword)
	a.passwords.set("lee", users.id, "of lee")
	b := a.browser(t)
	if res := b.types("lee", "of lee"); !res.signedIn() {
		t.Fatalf("%d %s\n%s", res.StatusCode, res.Header.Get("Location"), a.log)
	}
	users.come.Store(true)
	if res := a.mails(t, b, victim); !res.signedIn() || !a.proved(t, users.id) || a.passwords.resets != 1 {
		t.Errorf("leads to %s, %d resets\n%s", res.Header.Get("Location"), a.passwords.resets, a.log)
	}
	if a.browser(t).types(victim, evilPassword).signedIn() {
		t.Error("the password signs in as the victim's user")
	}
}

// TestAttack21_LinkInSessionOfID has Ada begin to add an account in her session, and give
// the second factor in a browser with the session of somebody who has her ID, but whom the
// Adapter did not have: nobody of hers is signed in there.
func TestAttack21_LinkInSessionOfID(t *testing.T) {
	t.Parallel()
	users := &lateUser{Adapter: ginauth.MemoryAdapter()}
	users.FactorStore = users.Adapter.(ginauth.FactorStore)
	a := newFactorApp(t, passwordOptions{Options: ginauth.Options{Adapter: users, Session: ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()}}})
	users.id = a.ada
	a.passwords.set("lee", a.ada, "of lee")
	lee := a.browser(t)
	if res := lee.types("lee", "of lee"); !res.signedIn() {
		t.Fatalf("%d %s\n%s", res.StatusCode, res.Header.Get("Location"), a.log)
	}
	users.come.Store(true)
	b := a.browser(t)
	phone := a.enrols(t, b)
	for _, row := range []struct {
		account string
		linked  bool
	}{{"grace", true}, {"nemo", false}} {
		if res := b.signInAt(a.idp, "second", row.account); !strings.HasSuffix(res.Header.Get("Location"), codeURL) {
			t.Fatalf("adding an account leads to %d %s\n%s", res.StatusCode, res.Header.Get("Location"), a.log)
		}
		if !row.linked {
			b.plant(sessionCookie, lee.cookie(sessionCookie))
		}
		res := b.gives("code", phone.next(a))
		if got := slices.Contains(a.names(t, a.ada), "second/"+row.account); got != row.linked {
			t.Errorf("%s: linked: %v, leads to %s\n%s", row.account, got, res.Header.Get("Location"), a.log)
		}
	}
}

// TestAttack21_AddressChangedWhileWaiting has somebody follow a mail to their own address,
// change it before the second factor is given, and give it: a proof of one address proves
// no other.
func TestAttack21_AddressChangedWhileWaiting(t *testing.T) {
	t.Parallel()
	kinds(t, func(t *testing.T, opts ginauth.Options) {
		opts.Session.Revocations = ginauth.MemoryRevocations()
		a := newFactorApp(t, passwordOptions{Options: opts})
		phone := a.enrols(t, a.browser(t))
		for _, row := range []struct {
			to      string
			refused bool
		}{{victim, true}, {strings.ToUpper(adaReads[:1]) + adaReads[1:], false}} {
			a.proves(t, a.ada, time.Time{})
			b := a.browser(t)
			if res := a.mails(t, b, adaReads); !strings.HasSuffix(res.Header.Get("Location"), codeURL) {
				t.Fatalf("the mail leads to %d %s\n%s", res.StatusCode, res.Header.Get("Location"), a.log)
			}
			user, err := a.users.GetUser(t.Context(), a.ada)
			must(t, err)
			before := user.Email
			user.Email, user.EmailVerified = row.to, time.Time{} // as the application's form does
			_, err = a.users.UpdateUser(t.Context(), user)
			must(t, err)
			if res := b.gives("code", phone.next(a)); res.signedIn() == row.refused || a.proved(t, a.ada) == row.refused {
				t.Errorf("%s: %d %s, proved: %v\n%s", row.to, res.StatusCode, res.Header.Get("Location"), a.proved(t, a.ada), a.log)
			}
			user.Email = before
			_, err = a.users.UpdateUser(t.Context(), user)
			must(t, err)
		}
	})
}

// TestAttack83_RevokedWhileEnrolling signs a person out everywhere, from another process,
// right before each call by which a sign-in that has to set an app up does so.
func TestAttack83_RevokedWhileEnrolling(t *testing.T) {
	t.Parallel()
	kinds(t, func(t *testing.T, opts ginauth.Options) {
		for step, more := 0, true; more; step++ {
			own := opts
			own.Adapter, own.Session.Revocations = ginauth.MemoryAdapter(), ginauth.MemoryRevocations()
			required := false
			own.Factors.Required = func(*gin.Context, ginauth.User) bool { return required }
			a := newFactorApp(t, passwordOptions{Options: own})
			other := newFactorApp(t, passwordOptions{Options: own})
			required = true
			b := a.browser(t)
			a.waits(t, b)
			phone, action, fields := scan(t, b.get(codeURL))
			fields.Set("code", phone.code(a))
			more = false
			a.users.follow(func(n int) {
				if n == step {
					more = true
					must(t, other.auth.RevokeUser(t.Context(), a.ada))
				}
			})
			res := b.post(action, fields)
			steps := a.users.taken()
			name, written := strings.Join(steps, " "), slices.Index(steps, "UpdateFactors")
			if !more {
				if !res.signedIn() {
					t.Errorf("undisturbed, it is answered %d\n%s", res.StatusCode, a.log)
				}
				break
			}
			if b.id() != "" {
				t.Errorf("RevokeUser before call %d of %s: the session goes on", step, name)
			}
			if data, err := other.users.GetFactors(t.Context(), a.ada); err != nil || strings.Contains(string(data), "otp") && step <= written {
				t.Errorf("RevokeUser before call %d of %s: %v %s", step, name, err, data)
			}
		}
	})
}
