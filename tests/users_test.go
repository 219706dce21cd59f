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

// Somebody whom Credentials signed in need not be in the adapter: they are not looked
// up, and the adapter is never asked for them.
func TestUsers_Credentials(t *testing.T) {
	t.Parallel()
	c := &movable{}
	d := &troubled{Adapter: ginauth.MemoryAdapter()}
	a := newUserApp(t, ginauth.Options{Adapter: d, Now: c.now})
	b := a.browser(t)
	for _, method := range []string{"GetUser", "GetUserByEmail", "GetUserByAccount", "CreateUser"} {
		d.set(method, func() error { return errors.New("asked for") })
		b.signInAs("ada")
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
