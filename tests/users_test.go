package tests

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-contrib/sessions/memstore"
	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
)

const day = 24 * time.Hour

// userOpts are the ways to keep the sessions of an adapter's users.
var userOpts = map[string]func() ginauth.Options{
	"sealed": func() ginauth.Options { return ginauth.Options{} },
	"store": func() ginauth.Options {
		return ginauth.Options{Session: ginauth.SessionOptions{Store: ginauth.GinStore(memstore.NewStore([]byte(testSecret)))}}
	},
	"revocations": func() ginauth.Options {
		return ginauth.Options{Session: ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()}}
	},
}

// movable is a clock that starts at the real time, which the local provider has too.
type movable struct{ ahead time.Duration }

func (m *movable) now() time.Time { return time.Now().Add(m.ahead) }

// Somebody who is deleted in the database, by whatever, is signed out where their
// session is looked up: at GET session, and past UpdateAge at a guarded request.
func TestDeletedUser(t *testing.T) {
	t.Parallel()
	for name, opts := range userOpts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &movable{}
			o := opts()
			o.Now = c.now
			a := newUserApp(t, o)
			b, other := a.browser(t), a.browser(t)
			b.signInAt(a.idp, "first", "ada")
			other.signInAt(a.idp, "first", "grace")
			id := b.id()
			bearer := "Bearer " + b.cookie(sessionCookie)
			if err := a.adapter.DeleteUser(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			if b.id() != id {
				t.Error("the documented bound has changed: a guarded request looked the user up before UpdateAge")
			}
			c.ahead = day + time.Minute
			if res := b.get("/me"); res.StatusCode != http.StatusUnauthorized {
				t.Errorf("past UpdateAge the deleted user's request answered %d %s", res.StatusCode, res.body)
			}
			if res := a.send(t, http.MethodGet, "/me", "", "Authorization", bearer); res.StatusCode != http.StatusUnauthorized {
				t.Errorf("as a bearer token it answered %d %s", res.StatusCode, res.body)
			}
			if res := b.get("/api/auth/session"); res.body != "{}" || !res.ends() {
				t.Errorf("GET session answered %s", res.body)
			}
			if other.id() == "" || other.user() != "grace@example.com" {
				t.Error("somebody else was signed out too")
			}
		})
	}
}

// A callback that changes the token at each request has it sealed again each time. It
// must not keep a deleted user for ever.
func TestDeletedUser_ChangingToken(t *testing.T) {
	t.Parallel()
	n := 0
	a := newUserApp(t, ginauth.Options{Callbacks: ginauth.Callbacks{JWT: func(_ *gin.Context, p ginauth.JWTParams) error {
		n++
		p.Token.Claims["n"] = n
		return nil
	}}})
	b := a.browser(t)
	b.signInAt(a.idp, "first", "ada")
	if err := a.adapter.DeleteUser(t.Context(), b.id()); err != nil {
		t.Fatal(err)
	}
	if res := b.get("/me"); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("answered %d %s", res.StatusCode, res.body)
	}
}

// Auth.DeleteUser signs the user out as well: at once, where sessions can be ended.
func TestDeleteUser(t *testing.T) {
	t.Parallel()
	for name, opts := range userOpts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newUserApp(t, opts())
			b, other := a.browser(t), a.browser(t)
			b.signInAt(a.idp, "first", "ada")
			other.signInAt(a.idp, "first", "grace")
			id := b.id()
			for range 2 { // again is no error
				if err := a.auth.DeleteUser(t.Context(), id); err != nil {
					t.Fatal(err)
				}
			}
			if name == "revocations" && b.id() != "" {
				t.Error("the deleted user is still signed in")
			}
			if got := b.user(); got != "" {
				t.Errorf("GET session tells %q", got)
			}
			if other.user() != "grace@example.com" {
				t.Error("somebody else was signed out too")
			}
			if a.owner(t, "first", "ada") != "" {
				t.Error("the account is still there")
			}
			b.signInAt(a.idp, "first", "ada") // in the same second
			if got := b.id(); got == "" || got == id {
				t.Errorf("who comes again is %q, and was %q", got, id)
			}
		})
	}
}

// Somebody whom Credentials signed in need not be in the adapter: it is asked once
// whether they are, when they sign in, and never again.
func TestUsers_Credentials(t *testing.T) {
	t.Parallel()
	c := &movable{}
	d := &troubled{Adapter: ginauth.MemoryAdapter()}
	a := newUserApp(t, ginauth.Options{Adapter: d, Now: c.now})
	b := a.browser(t)
	for _, method := range []string{"GetUser", "GetUserByEmail", "GetUserByAccount", "CreateUser", "LinkAccount"} {
		if method == "GetUser" {
			b.signInAs("ada")
		}
		d.set(method, func() error { return errors.New("asked for") })
		if method != "GetUser" {
			b.signInAs("ada")
		}
		b.is("ada")
		c.ahead += 2 * day
		b.is("ada")
		if res := b.post("/api/auth/session", url.Values{"csrfToken": {b.csrf()}, "data": {"x"}}); !strings.Contains(res.body, "ada@example.com") {
			t.Errorf("%s: the update answered %s", method, res.body)
		}
	}
	if got := unsealed(t, forSession, b.cookie(sessionCookie)); strings.Count(got, `"ginauth_unlisted":true`) != 1 {
		t.Errorf("the mark is not kept: %s", got)
	}
	if strings.Contains(a.log.String(), "asked for") {
		t.Error(a.log)
	}
	// Who cannot be told from one of the adapter's users is not signed in.
	d.set("GetUser", func() error { return errors.New("connection refused") })
	other := a.browser(t)
	other.signInAs("grace").refused(t, "Callback")
	if other.user() != "" || !strings.Contains(a.log.String(), "connection refused") {
		t.Errorf("%q is signed in: %s", other.user(), a.log)
	}
}

// One of the adapter's users who signs in by Credentials is looked up as any other.
func TestUsers_CredentialsOfAUser(t *testing.T) {
	t.Parallel()
	a := newPasswordApp(t, passwordOptions{})
	id := a.registers(t, "ada@example.com", adasPassword)
	b := a.browser(t)
	b.types("ada@example.com", adasPassword)
	if got := unsealed(t, forSession, b.cookie(sessionCookie)); b.id() != id || strings.Contains(got, "ginauth_unlisted") {
		t.Fatalf("signed in as %q by %s", b.id(), got)
	}
	if err := a.auth.DeleteUser(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	a.clock.move(day + time.Minute)
	if got := b.id(); got != "" {
		t.Errorf("deleted, and still %q", got)
	}
}

// While the database is down nobody is signed out, and nobody passes whose session has
// to be looked up.
func TestUsers_DatabaseDown(t *testing.T) {
	t.Parallel()
	c := &movable{}
	d := &troubled{Adapter: ginauth.MemoryAdapter()}
	a := newUserApp(t, ginauth.Options{Adapter: d, Now: c.now})
	b := a.browser(t)
	b.signInAt(a.idp, "first", "ada")
	id := b.id()
	d.set("GetUser", func() error { return errors.New("connection refused") })
	if b.id() != id {
		t.Error("a session that need not be looked up was refused")
	}
	c.ahead = day + time.Minute
	for _, path := range []string{"/me", "/api/auth/session"} {
		if res := b.get(path); res.StatusCode != http.StatusServiceUnavailable || len(res.Cookies()) != 0 {
			t.Errorf("%s answered %d %s %v", path, res.StatusCode, res.body, res.Cookies())
		}
	}
	d.set("", nil)
	if b.id() != id || b.user() != "ada@example.com" {
		t.Error("somebody was signed out by the outage")
	}
}

// SessionParams.User is the adapter's user where they were looked up.
func TestUsers_SessionCallback(t *testing.T) {
	t.Parallel()
	c := &movable{}
	var last *ginauth.User
	a := newUserApp(t, ginauth.Options{Now: c.now, Callbacks: ginauth.Callbacks{Session: func(_ *gin.Context, p ginauth.SessionParams) error {
		last = p.User
		return nil
	}}})
	b := a.browser(t)
	b.signInAt(a.idp, "first", "ada")
	id := b.id()
	if last != nil {
		t.Errorf("a guarded request looked up %+v", last)
	}
	a.prove(t, id, func(u *ginauth.User) { u.Name = "Countess" })
	for doing, request := range map[string]func(){
		"GET session":  func() { b.get("/api/auth/session") },
		"POST session": func() { b.post("/api/auth/session", url.Values{"csrfToken": {b.csrf()}}) },
		"UpdateAge":    func() { c.ahead += 2 * day; b.get("/me") },
	} {
		last = nil
		request()
		if last == nil || last.ID != id || last.Name != "Countess" {
			t.Errorf("%s: the callback got %+v", doing, last)
		}
	}
}

func TestUnlink(t *testing.T) {
	t.Parallel()
	a := newUserApp(t, ginauth.Options{})
	ctx := t.Context()
	b := a.browser(t)
	b.signInAt(a.idp, "first", "ada")
	b.signInAt(a.idp, "second", "adas-other")
	ada, grace := b.id(), a.joined(t, "first", "grace")
	for _, row := range []struct {
		name              string
		user              string
		provider, subject string
		want              error
		left              []string
	}{
		{"another's", ada, "first", "grace", ginauth.ErrNotFound, []string{"first/ada", "second/adas-other"}},
		{"nobody's", ada, "second", "ada", ginauth.ErrNotFound, []string{"first/ada", "second/adas-other"}},
		{"no user", "nobody", "first", "ada", ginauth.ErrNotFound, []string{"first/ada", "second/adas-other"}},
		{"nobody signed in", "", "first", "ada", ginauth.ErrNotFound, []string{"first/ada", "second/adas-other"}},
		{"one of two", ada, "first", "ada", nil, []string{"second/adas-other"}},
		{"again", ada, "first", "ada", ginauth.ErrNotFound, []string{"second/adas-other"}},
		{"the last", ada, "second", "adas-other", ginauth.ErrLastAccount, []string{"second/adas-other"}},
	} {
		err := a.auth.Unlink(ctx, row.user, row.provider, row.subject)
		if row.want == nil && err != nil || !errors.Is(err, row.want) {
			t.Errorf("%s: %v, want %v", row.name, err, row.want)
		}
		if got := a.accounts(t, ada); !slices.Equal(got, row.left) {
			t.Errorf("%s: %v are left, want %v", row.name, got, row.left)
		}
	}
	if got := a.accounts(t, grace); !slices.Equal(got, []string{"first/grace"}) {
		t.Errorf("Grace has %v", got)
	}
	if got := a.joined(t, "second", "adas-other"); got != ada {
		t.Errorf("the last account signs in as %q, want %q", got, ada)
	}
}

// Somebody with a password and one provider may take either away, and not both.
func TestUnlink_Password(t *testing.T) {
	t.Parallel()
	for _, last := range []string{"first", "credentials"} {
		a := newPasswordApp(t, passwordOptions{})
		id := a.registers(t, "ada@example.com", adasPassword)
		b := a.browser(t)
		b.types("ada@example.com", adasPassword)
		b.signInAt(a.idp, "first", "ada")
		keys := map[string]string{"first": "ada", "credentials": id}
		if got := a.names(t, id); len(got) != 2 || b.id() != id {
			t.Fatalf("%q has %v", b.id(), got)
		}
		for provider, key := range keys {
			if provider == last {
				continue
			}
			if err := a.auth.Unlink(t.Context(), id, provider, key); err != nil {
				t.Errorf("%s: %v", provider, err)
			}
		}
		if err := a.auth.Unlink(t.Context(), id, last, keys[last]); !errors.Is(err, ginauth.ErrLastAccount) {
			t.Errorf("%s, the last: %v", last, err)
		}
		byPassword, byProvider := a.browser(t), a.browser(t)
		byPassword.types("ada@example.com", adasPassword)
		byProvider.signInAt(a.idp, "first", "ada")
		if (byPassword.id() == id) != (last == "credentials") || (byProvider.id() == id) != (last == "first") {
			t.Errorf("left is %s: by password %q, by provider %q", last, byPassword.id(), byProvider.id())
		}
	}
}

// A password opens a user into whom another way leads only where LinkCredentials said so.
func TestLinkCredentials(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name  string
		enter func(a *passwordApp, b *browser)
		email string
	}{
		{"an account", func(a *passwordApp, b *browser) { b.signInAt(a.idp, "first", "grace") }, "grace@example.com"},
		{"an account, the address unproved", func(a *passwordApp, b *browser) { b.signInAt(a.idp, "first", "eve") }, "ada@example.com"},
		{"mail", func(a *passwordApp, b *browser) { a.mails(t, b, "ada@example.com") }, "ada@example.com"},
	} {
		a := newPasswordApp(t, passwordOptions{})
		b := a.browser(t)
		row.enter(a, b)
		id := b.id()
		a.passwords.set(row.email, id, adasPassword)
		other := a.browser(t)
		for range 2 { // never by signing in
			other.types(row.email, adasPassword).refused(t, "OAuthAccountNotLinked")
		}
		if other.id() != "" || slices.Contains(a.names(t, id), "credentials/"+id) {
			t.Errorf("%s: signed in as %q with %v", row.name, other.id(), a.names(t, id))
		}
		for range 2 { // again is no error
			if err := a.auth.LinkCredentials(t.Context(), id); err != nil {
				t.Errorf("%s: %v", row.name, err)
			}
		}
		if res := other.types(row.email, adasPassword); !res.signedIn() || other.id() != id || !slices.Contains(a.names(t, id), "credentials/"+id) {
			t.Errorf("%s: leads to %s as %q", row.name, res.Header.Get("Location"), other.id())
		}
	}
}

// A proved address is no way in where nobody signs in by mail: whose only way is the
// password is not locked out.
func TestLinkCredentials_NotNeeded(t *testing.T) {
	t.Parallel()
	adapter := ginauth.MemoryAdapter()
	ada, err := adapter.CreateUser(t.Context(), ginauth.User{Email: "ada@example.com", EmailVerified: time.Now().Add(-day)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	table := &passwords{rows: map[string]password{"ada@example.com": {ada.ID, adasPassword}}}
	a := newApp(t, ginauth.Options{Adapter: adapter, Providers: []ginauth.Provider{ginauth.Credentials{Authorize: table.authorize}}})
	b := a.browser(t)
	if res := b.types("ada@example.com", adasPassword); !res.signedIn() {
		t.Errorf("leads to %s\n%s", res.Header.Get("Location"), a.log)
	}
	if list, err := adapter.ListAccounts(t.Context(), ada.ID); err != nil || len(list) != 1 || list[0].Type != "credentials" {
		t.Errorf("the accounts are %+v, %v", list, err)
	}
}

func TestLinkCredentials_Faults(t *testing.T) {
	t.Parallel()
	credentials := ginauth.Credentials{Authorize: (&passwords{}).authorize}
	second := credentials
	second.ID = "ldap"
	adapter := ginauth.MemoryAdapter()
	ada, err := adapter.CreateUser(t.Context(), ginauth.User{Name: "Ada"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	grace, err := adapter.CreateUser(t.Context(), ginauth.User{Name: "Grace"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	// Whoever wrote this row did not heed what it means.
	if err := adapter.LinkAccount(t.Context(), ada.ID, ginauth.Account{Provider: "credentials", ProviderAccountID: grace.ID, Type: "credentials"}); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name      string
		adapter   ginauth.Adapter
		providers []ginauth.Provider
		user      string
		want      string
		is        error
	}{
		{"no adapter", nil, []ginauth.Provider{credentials}, ada.ID, "Options.Adapter", nil},
		{"no credentials", adapter, nil, ada.ID, "there are 0", nil},
		{"two", adapter, []ginauth.Provider{credentials, second}, ada.ID, "there are 2; with several call the Adapter's LinkAccount", nil},
		{"nobody", adapter, []ginauth.Provider{credentials}, "", "not found", ginauth.ErrNotFound},
		{"no such user", adapter, []ginauth.Provider{credentials}, "somebody", "not found", ginauth.ErrNotFound},
		{"another's row", adapter, []ginauth.Provider{credentials}, grace.ID, "another user", nil},
		{"a user", adapter, []ginauth.Provider{credentials}, ada.ID, "", nil},
	} {
		auth, err := ginauth.New(ginauth.Options{Secret: testSecret, BaseURL: "https://app.example.com", Adapter: row.adapter, Providers: row.providers})
		if err != nil {
			t.Fatal(err)
		}
		err = auth.LinkCredentials(t.Context(), row.user)
		if (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) || row.is != nil && !errors.Is(err, row.is) {
			t.Errorf("%s: %v, want %q", row.name, err, row.want)
		}
	}
}

// Without an Adapter there is nobody to delete, and options that need one are faults.
func TestUsers_WithoutAdapter(t *testing.T) {
	t.Parallel()
	a := membersApp(t, ginauth.Options{})
	if err := a.auth.Unlink(t.Context(), "u-ada", "first", "ada"); err == nil || !strings.Contains(err.Error(), "Adapter") {
		t.Errorf("Unlink: %v", err)
	}
	if err := a.auth.DeleteUser(t.Context(), "u-ada"); err == nil || !strings.Contains(err.Error(), "Adapter") {
		t.Errorf("DeleteUser: %v", err)
	}
	if err := newUserApp(t, ginauth.Options{}).auth.DeleteUser(t.Context(), ""); err == nil {
		t.Error("DeleteUser of nobody: no error")
	}
	base := ginauth.Options{Secret: testSecret, BaseURL: "https://app.example.com"}
	for name, row := range map[string]struct {
		change func(*ginauth.Options)
		want   string
	}{
		"new user page": {func(o *ginauth.Options) { o.Pages.NewUser = "/welcome" }, "Pages.NewUser needs an Adapter"},
		"bad new user page": {func(o *ginauth.Options) {
			o.Pages.NewUser, o.Adapter = "javascript:alert(1)", ginauth.MemoryAdapter()
		}, "Pages.NewUser is"},
		"linking": {func(o *ginauth.Options) {
			o.Providers = []ginauth.Provider{ginauth.OAuth{Provider: local(newIDP(t, ginauthtest.Config{}), "local"), DangerousEmailAccountLinking: true}}
		}, "provider local: DangerousEmailAccountLinking needs an Adapter"},
		"nil adapter": {func(o *ginauth.Options) { o.Adapter = (*troubled)(nil) }, "Adapter is a nil"},
	} {
		o := base
		row.change(&o)
		if _, err := ginauth.New(o); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v, want %q", name, err, row.want)
		}
	}
}
