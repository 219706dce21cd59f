package tests

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/libtnb/sqlite"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/gormadapter"
	"github.com/ginauth/ginauth/internal/servertest"
	"github.com/ginauth/ginauth/redisstore"
)

// endings are the ways to end the sessions of a user.
func endings(t *testing.T) map[string]func() ginauth.SessionOptions {
	t.Helper()
	server := servertest.Redis(t)
	return map[string]func() ginauth.SessionOptions{
		"revocations": func() ginauth.SessionOptions {
			return ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()}
		},
		"store": func() ginauth.SessionOptions {
			return ginauth.SessionOptions{Store: redisstore.New(redisClient(t, server), redisstore.Options{})}
		},
	}
}

// Mallory registers the victim's address with a password, and signs in. When the victim
// comes by mail, nothing of Mallory's is left: no password, account or session.
func TestAttack21_PreHijackByPassword(t *testing.T) {
	t.Parallel()
	for name, session := range endings(t) {
		for _, used := range []bool{true, false} { // the password, before the victim comes
			for _, code := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, used %t, code %t", name, used, code), func(t *testing.T) {
					t.Parallel()
					a := newPasswordApp(t, passwordOptions{
						Options: ginauth.Options{Session: session()}, email: ginauth.Email{Code: code},
					})
					id := a.registers(t, victim, evilPassword)
					mallory := a.browser(t)
					if used {
						if res := mallory.types(victim, evilPassword); !res.signedIn() || mallory.id() != id {
							t.Fatalf("leads to %s\n%s", res.Header.Get("Location"), a.log)
						}
						if got := a.names(t, id); !slices.Equal(got, []string{"credentials/" + id}) {
							t.Fatalf("the accounts are %v", got)
						}
					}
					b := a.browser(t)
					a.users.follow(func(int) {})
					var res answer
					if code {
						b.ask(victim, "/").sent(t)
						res = b.typeCode(a.inbox.newest(t).Code)
					} else {
						res = a.mails(t, b, victim)
					}
					steps := a.users.taken()
					if !res.signedIn() || b.id() != id || !a.proved(t, id) {
						t.Fatalf("leads to %s as %q\n%s", res.Header.Get("Location"), b.id(), a.log)
					}
					if got := mallory.id(); got != "" {
						t.Errorf("Mallory is still signed in as %q", got)
					}
					if res := mallory.types(victim, evilPassword); !strings.HasSuffix(res.Header.Get("Location"), "error=CredentialsSignin&provider=credentials") {
						t.Errorf("the password leads to %s", res.Header.Get("Location"))
					}
					// The application forgot to delete it: it opens nothing all the same.
					a.passwords.set(victim, id, evilPassword)
					mallory.types(victim, evilPassword).refused(t, "OAuthAccountNotLinked")
					if got := a.names(t, id); len(got) != 0 || mallory.id() != "" {
						t.Errorf("the accounts are %v, Mallory is %q", got, mallory.id())
					}
					if log := a.log.String(); !strings.Contains(log, "LinkCredentials") {
						t.Errorf("the log does not say what to do: %s", log)
					}
					if b.id() != id {
						t.Error("the victim is not signed in any more")
					}
					order := slices.DeleteFunc(steps, func(s string) bool { return strings.HasPrefix(s, "Get") || s == "ListAccounts" })
					want := []string{"Reset", "UpdateUser"}
					if used {
						want = []string{"Reset", "UnlinkAccount", "UpdateUser"}
					}
					if !slices.Equal(order, want) {
						t.Errorf("the steps are %v, want %v", order, want)
					}
					if code {
						return
					}
					// The second proof ends nothing.
					if res := a.mails(t, a.browser(t), victim); !res.signedIn() || b.id() != id || a.passwords.resets != 1 {
						t.Errorf("leads to %s, %d resets, the victim is %q", res.Header.Get("Location"), a.passwords.resets, b.id())
					}
				})
			}
		}
	}
}

// What cannot be undone refuses the owner of the address, and changes nothing.
func TestAttack21_PreHijackRefused(t *testing.T) {
	t.Parallel()
	revocations := ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()}
	for _, row := range []struct {
		name   string
		opts   passwordOptions
		before func(t *testing.T, a *passwordApp, mallory *browser, id string)
		code   string
		log    string
		resets int
	}{
		{name: "no Reset", opts: passwordOptions{Options: ginauth.Options{Session: revocations}, noReset: true}, code: "OAuthAccountNotLinked", log: "Credentials.Reset"},
		{name: "sessions cannot be ended", code: "OAuthAccountNotLinked", log: "Session.Revocations"},
		{
			name: "an account at a provider, which may be anybody's", opts: passwordOptions{Options: ginauth.Options{Session: revocations}},
			before: func(t *testing.T, a *passwordApp, mallory *browser, id string) {
				if res := mallory.signInAt(a.idp, "first", "nemo"); !res.signedIn() || len(a.names(t, id)) != 2 {
					t.Fatalf("leads to %s", res.Header.Get("Location"))
				}
			},
			code: "OAuthAccountNotLinked", log: "never proved",
		},
		{
			name: "Reset fails", opts: passwordOptions{Options: ginauth.Options{Session: revocations}},
			before: func(_ *testing.T, a *passwordApp, _ *browser, _ string) {
				a.passwords.fault = errors.New("reset: the table is locked")
			},
			code: "Callback", log: "Credentials.Reset of the provider credentials: reset: the table is locked", resets: 1,
		},
	} {
		for _, used := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, used %t", row.name, used), func(t *testing.T) {
				t.Parallel()
				a := newPasswordApp(t, row.opts)
				id := a.registers(t, victim, evilPassword)
				mallory := a.browser(t)
				if used || row.before != nil {
					mallory.types(victim, evilPassword)
				}
				if row.before != nil {
					row.before(t, a, mallory, id)
				}
				before, signedIn := a.names(t, id), mallory.id()
				b := a.browser(t)
				a.mails(t, b, victim).refused(t, row.code)
				if !strings.Contains(a.log.String(), row.log) {
					t.Errorf("the log lacks %q: %s", row.log, a.log)
				}
				if a.proved(t, id) || b.id() != "" || a.passwords.resets != row.resets {
					t.Errorf("the address is proved %t, the victim is %q, %d resets", a.proved(t, id), b.id(), a.passwords.resets)
				}
				if got := a.names(t, id); !slices.Equal(got, before) || mallory.id() != signedIn {
					t.Errorf("the accounts are %v and were %v; who was %q is %q", got, before, signedIn, mallory.id())
				}
			})
		}
	}
}

// unrevoking are revocations that a test breaks.
type unrevoking struct {
	ginauth.Revocations
	mu   sync.Mutex
	fail int // so many more calls
}

func (f *unrevoking) Revoke(ctx context.Context, subject string, at, until time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail > 0 {
		f.fail--
		return errors.New("revoking: connection refused")
	}
	return f.Revocations.Revoke(ctx, subject, at, until)
}

// Where Mallory's sessions could not be ended, the address does not count as proved: else
// the next proof would end nothing.
func TestAttack21_PreHijackHalfDone(t *testing.T) {
	t.Parallel()
	revocations := &unrevoking{Revocations: ginauth.MemoryRevocations(), fail: 1}
	a := newPasswordApp(t, passwordOptions{Options: ginauth.Options{Session: ginauth.SessionOptions{Revocations: revocations}}})
	id := a.registers(t, victim, evilPassword)
	mallory := a.browser(t)
	mallory.types(victim, evilPassword)
	b := a.browser(t)
	a.mails(t, b, victim).refused(t, "Callback")
	if a.proved(t, id) || b.id() != "" {
		t.Errorf("the address is proved %t, the victim %q", a.proved(t, id), b.id())
	}
	if res := a.mails(t, b, victim); !res.signedIn() || mallory.id() != "" || !a.proved(t, id) {
		t.Errorf("the next time it leads to %s, Mallory is %q", res.Header.Get("Location"), mallory.id())
	}
}

// Whom the application invited nobody else can be, where nobody signs in by password.
func TestAttack21_Invited(t *testing.T) {
	t.Parallel()
	a := newPasswordApp(t, passwordOptions{noPasswords: true})
	id := a.registers(t, victim, "")
	b := a.browser(t)
	if res := a.mails(t, b, victim); !res.signedIn() || b.id() != id || !a.proved(t, id) {
		t.Errorf("leads to %s as %q\n%s", res.Header.Get("Location"), b.id(), a.log)
	}
}

// Who is signed in as the user proves the address, and keeps the password and all
// sessions.
func TestAttack21_OwnProof(t *testing.T) {
	t.Parallel()
	for _, noReset := range []bool{false, true} {
		a := newPasswordApp(t, passwordOptions{noReset: noReset, Options: ginauth.Options{Session: ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()}}})
		id := a.registers(t, victim, evilPassword)
		b, other := a.browser(t), a.browser(t)
		b.types(victim, evilPassword)
		other.types(victim, evilPassword)
		if res := a.mails(t, b, victim); !res.signedIn() || !a.proved(t, id) {
			t.Errorf("leads to %s", res.Header.Get("Location"))
		}
		if b.id() != id || other.id() != id || a.passwords.resets != 0 || len(a.names(t, id)) != 1 {
			t.Errorf("they are %q and %q, %d resets, %v", b.id(), other.id(), a.passwords.resets, a.names(t, id))
		}
		if res := a.browser(t).types(victim, evilPassword); !res.signedIn() {
			t.Errorf("the password leads to %s", res.Header.Get("Location"))
		}
	}
}

// A hijack is what Mallory does at the moment when the victim proves the address.
type hijack struct {
	name   string
	before func(t *testing.T, a *passwordApp, b *browser) // in Mallory's browser
	do     func(t *testing.T, a *passwordApp, b *browser)
}

var hijacks = []hijack{
	{name: "first sign-in", do: func(_ *testing.T, _ *passwordApp, b *browser) { b.types(victim, evilPassword) }},
	{
		name:   "sign-in",
		before: func(_ *testing.T, _ *passwordApp, b *browser) { b.types(victim, evilPassword); b.signOut() },
		do:     func(_ *testing.T, _ *passwordApp, b *browser) { b.types(victim, evilPassword) },
	},
	{
		name:   "account added",
		before: func(_ *testing.T, _ *passwordApp, b *browser) { b.types(victim, evilPassword) },
		do:     func(t *testing.T, a *passwordApp, b *browser) { b.signInAt(a.idp, "first", "nemo") },
	},
}

// isVictims fails the test unless the user is the victim's alone, or is not theirs at all.
func (a *passwordApp) isVictims(t *testing.T, id string, mallory, b *browser) {
	t.Helper()
	if !a.proved(t, id) {
		if got := b.id(); got != "" {
			t.Errorf("the victim is %q, whose address is not proved", got)
		}
		return
	}
	if got := mallory.id(); got == id {
		t.Error("Mallory is signed in as the victim's user")
	}
	if got := a.names(t, id); len(got) != 0 {
		t.Errorf("the victim's user has the accounts %v", got)
	}
	if again := a.browser(t); true {
		again.signInAt(a.idp, "first", "nemo")
		if again.id() == id {
			t.Error("Mallory's account signs in as the victim's user")
		}
	}
	a.passwords.set(victim, id, evilPassword) // as if Reset had missed it
	again := a.browser(t)
	again.types(victim, evilPassword)
	if again.id() == id {
		t.Error("the password signs in as the victim's user")
	}
}

// The victim proves the address between any two steps of what Mallory does, and the other
// way round.
func TestAttack21_PreHijackStepByStep(t *testing.T) {
	t.Parallel()
	for name, session := range endings(t) {
		for _, h := range hijacks {
			for _, outer := range []string{"Mallory", "the victim"} {
				t.Run(name+"/"+h.name+" around "+outer, func(t *testing.T) {
					t.Parallel()
					for step := 0; ; step++ {
						var a *passwordApp
						a = newPasswordApp(t, passwordOptions{Options: ginauth.Options{
							Session: session(),
							Callbacks: ginauth.Callbacks{JWT: func(_ *gin.Context, p ginauth.JWTParams) error {
								if p.User != nil { // between what is read of the user and the session
									a.users.step("JWT")
								}
								return nil
							}},
						}})
						id := a.registers(t, victim, evilPassword)
						mallory, b := a.browser(t), a.browser(t)
						if h.before != nil {
							h.before(t, a, mallory)
						}
						hijacks := func() { h.do(t, a, mallory) }
						action, form := onlyForm(t, b.get(a.asksFor(t, b, victim)).body)
						proves := func() { b.post(action, form) }
						first, second := hijacks, proves
						if outer == "the victim" {
							first, second = proves, hijacks
						}
						done := false
						inner := func() { done = true; second() }
						a.passwords.checked = func() { a.users.step("Authorize") }
						a.users.follow(func(n int) {
							if n == step {
								inner()
							}
						})
						first()
						steps := a.users.taken()
						a.passwords.checked = nil
						if !done {
							second()
						}
						a.isVictims(t, id, mallory, b)
						if !a.proved(t, id) && h.name != "account added" {
							t.Error("the victim was refused")
						}
						if t.Failed() {
							t.Fatalf("at step %d of %v\n%s", step, steps, a.log)
						}
						if !done {
							if step < 4 {
								t.Errorf("there are only %d steps: %v", step, steps)
							}
							return
						}
					}
				})
			}
		}
	}
}

// gormUsers are an adapter on a real database.
func gormUsers(t *testing.T, dialector gorm.Dialector) *gormadapter.Adapter {
	t.Helper()
	db, err := gorm.Open(dialector, &gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	users, err := gormadapter.New(db, gormadapter.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := users.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return users
}

// Mallory signs in from many browsers while the victim proves the address, many times
// over: afterwards no session of Mallory's lives.
func TestAttack21_PreHijackRace(t *testing.T) {
	t.Parallel()
	for name, make := range map[string]func(t *testing.T) (rounds int, users ginauth.Adapter, session ginauth.SessionOptions){
		"memory": func(*testing.T) (int, ginauth.Adapter, ginauth.SessionOptions) {
			return 60, ginauth.MemoryAdapter(), ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()}
		},
		"memory, redis store": func(t *testing.T) (int, ginauth.Adapter, ginauth.SessionOptions) {
			store := redisstore.New(redisClient(t, servertest.Redis(t)), redisstore.Options{})
			return 40, ginauth.MemoryAdapter(), ginauth.SessionOptions{Store: store}
		},
		"sqlite": func(t *testing.T) (int, ginauth.Adapter, ginauth.SessionOptions) {
			users := gormUsers(t, sqlite.Open(t.TempDir()+"/auth.db?_pragma=busy_timeout(30000)&_pragma=journal_mode(WAL)"))
			return 20, users, ginauth.SessionOptions{Revocations: users.Revocations()}
		},
		"postgres": func(t *testing.T) (int, ginauth.Adapter, ginauth.SessionOptions) {
			users := gormUsers(t, postgres.Open("postgres://postgres@"+servertest.Postgres(t).Addr()+"/postgres?sslmode=disable"))
			return 30, users, ginauth.SessionOptions{Revocations: users.Revocations()}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rounds, users, session := make(t)
			a := newPasswordApp(t, passwordOptions{Options: ginauth.Options{Adapter: users, Session: session}})
			let := 0 // Mallory's sign-ins that a session came of
			for round := range rounds {
				email := fmt.Sprintf("victim%d@example.com", round)
				id := a.registers(t, email, evilPassword)
				early := a.browser(t)
				if round%2 == 0 {
					early.types(email, evilPassword)
				}
				const n = 4
				browsers, csrf := [n]*browser{}, [n]string{}
				for i := range browsers {
					browsers[i] = a.browser(t)
					csrf[i] = browsers[i].csrf()
				}
				b := a.browser(t)
				action, form := onlyForm(t, b.get(a.asksFor(t, b, email)).body)
				var start, wg sync.WaitGroup
				start.Add(1)
				for i, m := range browsers {
					wg.Go(func() {
						start.Wait()
						for range i * round % 4 { // spreads them over the proof
							m.get("/api/auth/providers")
						}
						m.post("/api/auth/callback/credentials", url.Values{"csrfToken": {csrf[i]}, "username": {email}, "password": {evilPassword}})
					})
				}
				wg.Go(func() { start.Wait(); b.post(action, form) })
				start.Done()
				wg.Wait()
				if b.id() != id || !a.proved(t, id) {
					t.Fatalf("round %d: the victim is %q\n%s", round, b.id(), a.log)
				}
				for i, m := range append(browsers[:], early) {
					if m.cookie(sessionCookie) != "" {
						let++
					}
					if got := m.id(); got != "" {
						t.Fatalf("round %d: Mallory's browser %d is signed in as %q\n%s", round, i, got, a.log)
					}
				}
				if got := a.names(t, id); len(got) != 0 {
					t.Fatalf("round %d: the accounts are %v", round, got)
				}
			}
			t.Logf("%d rounds; in %d a session of Mallory's had begun", rounds, let)
			if let == 0 {
				t.Error("no session of Mallory's had begun: the sign-ins did not overlap")
			}
		})
	}
}

// The siblings of the pre-hijack (Sudhodanan and Paverd, 2022) for a user with a
// password.
func TestAttack21_PreHijackSiblings(t *testing.T) {
	t.Parallel()
	opts := func() passwordOptions {
		return passwordOptions{Options: ginauth.Options{Session: ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()}}}
	}
	// The victim comes by a provider that vouches for the address, and not by mail.
	t.Run("classic and federated merge", func(t *testing.T) {
		t.Parallel()
		a := newPasswordApp(t, opts())
		id := a.registers(t, "ada@example.com", evilPassword)
		a.browser(t).types("ada@example.com", evilPassword)
		a.browser(t).signInAt(a.idp, "first", "ada").refused(t, "OAuthAccountNotLinked")
		if got := a.names(t, id); !slices.Equal(got, []string{"credentials/" + id}) {
			t.Errorf("the accounts are %v", got)
		}
	})
	// The victim's user has an account or a proved address. Mallory's registration writes a
	// password beside it, as careless ones do: it opens nothing.
	t.Run("password beside the victim's user", func(t *testing.T) {
		t.Parallel()
		a := newPasswordApp(t, opts())
		byProvider, byMail := a.browser(t), a.browser(t)
		byProvider.signInAt(a.idp, "first", "grace")
		a.mails(t, byMail, victim)
		for email, b := range map[string]*browser{"grace@example.com": byProvider, victim: byMail} {
			id := b.id()
			before := a.names(t, id)
			a.passwords.set(email, id, evilPassword)
			mallory := a.browser(t)
			mallory.types(email, evilPassword).refused(t, "OAuthAccountNotLinked")
			if got := a.names(t, id); mallory.id() != "" || !slices.Equal(got, before) || b.id() != id {
				t.Errorf("%s: Mallory is %q, the accounts are %v", email, mallory.id(), got)
			}
		}
	})
	// Mallory has begun to add an account, and ends it when the user is the victim's.
	t.Run("unexpired change", func(t *testing.T) {
		t.Parallel()
		a := newPasswordApp(t, opts())
		id := a.registers(t, victim, evilPassword)
		mallory := a.browser(t)
		mallory.types(victim, evilPassword)
		pending := as(t, a.idp, mallory.begin("first", "/"), "nemo").String()
		b := a.browser(t)
		a.mails(t, b, victim)
		mallory.get(pending)
		a.isVictims(t, id, mallory, b)
		if b.id() != id {
			t.Errorf("the victim is %q", b.id())
		}
	})
	// Mallory asked for a link to an address of their own, and gives the user the victim's
	// before it is used: it leads to nobody of the victim's.
	t.Run("unexpired address change", func(t *testing.T) {
		t.Parallel()
		a := newPasswordApp(t, opts())
		id := a.registers(t, "mallory@example.com", evilPassword)
		mallory := a.browser(t)
		mallory.types("mallory@example.com", evilPassword)
		link := a.asksFor(t, mallory, "mallory@example.com")
		if _, err := a.users.UpdateUser(t.Context(), ginauth.User{ID: id, Email: victim}); err != nil {
			t.Fatal(err)
		}
		b := a.browser(t)
		a.mails(t, b, victim)
		mallory.press(link)
		if b.id() != id || mallory.id() == id || !a.proved(t, id) {
			t.Errorf("the victim is %q, Mallory %q", b.id(), mallory.id())
		}
	})
	// An account that says nothing of the address, from a provider that verifies nothing.
	t.Run("provider that verifies nothing", func(t *testing.T) {
		t.Parallel()
		a := newPasswordApp(t, opts())
		eve := a.browser(t)
		eve.signInAt(a.idp, "first", "eve") // with Ada's address
		id := eve.id()
		a.passwords.set("ada@example.com", id, evilPassword)
		a.mails(t, a.browser(t), "ada@example.com").refused(t, "OAuthAccountNotLinked")
		if a.passwords.resets != 0 || a.proved(t, id) {
			t.Errorf("%d resets", a.passwords.resets)
		}
	})
}

// An account, or a user, that is taken away while a sign-in by it goes on, signs nobody
// in: RevokeUser behind it would have come too early.
func TestAttack21_UnlinkedMeanwhile(t *testing.T) {
	t.Parallel()
	for name, close := range map[string]func(a *passwordApp, id string) error{
		"unlinked": func(a *passwordApp, id string) error {
			return errors.Join(a.auth.Unlink(context.Background(), id, "first", "grace"), a.auth.RevokeUser(context.Background(), id))
		},
		"deleted": func(a *passwordApp, id string) error { return a.auth.DeleteUser(context.Background(), id) },
	} {
		for _, way := range []string{"provider", "password", "mail"} {
			if name == "unlinked" && way == "mail" {
				continue // there is nothing to unlink
			}
			var a *passwordApp
			var during func()
			a = newPasswordApp(t, passwordOptions{Options: ginauth.Options{
				Session: ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()},
				Callbacks: ginauth.Callbacks{JWT: func(_ *gin.Context, p ginauth.JWTParams) error {
					if p.User != nil && during != nil {
						during()
					}
					return nil
				}},
			}})
			b := a.browser(t)
			b.signInAt(a.idp, "first", "grace")
			id := b.id()
			a.passwords.set("grace@example.com", id, adasPassword)
			if err := a.auth.LinkCredentials(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			during = func() {
				if name == "unlinked" && way == "password" {
					if err := a.auth.Unlink(context.Background(), id, "credentials", id); err != nil {
						t.Error(err)
					}
					return
				}
				if err := close(a, id); err != nil {
					t.Error(err)
				}
			}
			other := a.browser(t)
			var res answer
			switch way {
			case "provider":
				res = other.signInAt(a.idp, "first", "grace")
			case "password":
				res = other.types("grace@example.com", adasPassword)
			case "mail":
				res = a.mails(t, other, "grace@example.com")
			}
			if got := other.id(); got != "" || res.signedIn() {
				t.Errorf("%s, by %s: signed in as %q", name, way, got)
			}
			if res.StatusCode != http.StatusFound || !strings.Contains(res.Header.Get("Location"), "/api/auth/error?error=") {
				t.Errorf("%s, by %s: leads to %s", name, way, res.Header.Get("Location"))
			}
		}
	}
}

// Mallory's password is found right, and then the victim takes the user over, sets a
// password and links it: what was found before counts no more.
func TestAttack21_PasswordFoundBefore(t *testing.T) {
	t.Parallel()
	a := newPasswordApp(t, passwordOptions{Options: ginauth.Options{Session: ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()}}})
	id := a.registers(t, victim, evilPassword)
	b := a.browser(t)
	a.passwords.checked = func() {
		a.passwords.checked = nil
		if res := a.mails(t, b, victim); !res.signedIn() {
			t.Errorf("the victim is led to %s", res.Header.Get("Location"))
		}
		a.passwords.set(victim, id, adasPassword)
		if err := a.auth.LinkCredentials(t.Context(), id); err != nil {
			t.Error(err)
		}
	}
	mallory := a.browser(t)
	mallory.types(victim, evilPassword)
	if got := mallory.id(); got != "" || b.id() != id {
		t.Errorf("Mallory is %q, and the victim %q", got, b.id())
	}
	other := a.browser(t)
	if res := other.types(victim, adasPassword); !res.signedIn() || other.id() != id {
		t.Errorf("the victim's password leads to %s", res.Header.Get("Location"))
	}
}

// A session that another process has ended is believed for a moment more. An account that
// is added in that moment would outlive it.
func TestAttack56_AccountAfterRevocation(t *testing.T) {
	t.Parallel()
	opts := ginauth.Options{Adapter: ginauth.MemoryAdapter(), Session: ginauth.SessionOptions{
		Revocations: &unrevoking{Revocations: ginauth.MemoryRevocations()},
	}}
	a, elsewhere := newUserApp(t, opts), newUserApp(t, opts)
	b := a.browser(t)
	b.signInAt(a.idp, "first", "ada")
	ada := b.id()
	pending := as(t, a.idp, b.begin("second", "/"), "nemo").String()
	if err := elsewhere.auth.RevokeUser(t.Context(), ada); err != nil {
		t.Fatal(err)
	}
	if b.id() != ada {
		t.Fatal("the documented bound has changed: the session ended at once")
	}
	b.get(pending)
	if got := a.accounts(t, ada); !slices.Equal(got, []string{"first/ada"}) {
		t.Errorf("Ada has %v", got)
	}
}
