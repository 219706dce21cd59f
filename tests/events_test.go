package tests

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/internal/servertest"
	"github.com/ginauth/ginauth/redisstore"
)

// A trail is what the events about sessions, accounts and users told, in order.
type trail struct {
	t     *testing.T
	mu    sync.Mutex
	lines []string
}

func (l *trail) add(ctx context.Context, format string, args ...any) {
	if err := ctx.Err(); err != nil {
		l.t.Errorf("an event's context has ended: %v", err)
	}
	who := ""
	if s := ginauth.GetSession(ctx); s != nil {
		who = " by " + s.User.Email
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf(format, args...)+who)
}

// heard are the lines since it was last called.
func (l *trail) heard() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := l.lines
	l.lines = nil
	return lines
}

func (l *trail) want(lines ...string) {
	l.t.Helper()
	if got := l.heard(); !slices.Equal(got, lines) {
		l.t.Errorf("told was %q, want %q", got, lines)
	}
}

func newTrail(t *testing.T, opts *ginauth.Options) *trail {
	l := &trail{t: t}
	opts.Events = ginauth.Events{
		Revoke: func(ctx context.Context, e ginauth.RevokeEvent) {
			kind := "all"
			if e.SessionID != "" {
				kind = "one"
			}
			l.add(ctx, "revoke %s of %q%s", kind, e.UserID, e.Provider)
		},
		LinkAccount: func(c *gin.Context, e ginauth.LinkAccountEvent) {
			l.add(context.Background(), "link %s to %s", e.Account.Provider, e.User.ID)
		},
		UnlinkAccount: func(ctx context.Context, e ginauth.UnlinkAccountEvent) {
			l.add(ctx, "unlink %s/%s from %s", e.Account.Provider, e.Account.ProviderAccountID, e.User.ID)
		},
		DeleteUser: func(ctx context.Context, e ginauth.UserEvent) { l.add(ctx, "delete %s", e.User.ID) },
	}
	return l
}

// Every way in which sessions end but for signing out calls Revoke, once. The context
// tells who did it, and does not end with the request.
func TestEvents_Revoke(t *testing.T) {
	t.Parallel()
	client := redisClient(t, servertest.Redis(t))
	idp := newIDP(t, ginauthtest.Config{})
	opts := ginauth.Options{
		Providers: append(ginauth.Goth(local(idp, "local")), members()),
		Session: ginauth.SessionOptions{
			Store: redisstore.New(client, redisstore.Options{}), Revocations: ginauth.MemoryRevocations(), MaxPerUser: 2,
		},
	}
	trail := newTrail(t, &opts)
	a := newApp(t, opts)
	a.engine.POST("/revoke/:user", a.auth.RequireSession(), func(c *gin.Context) {
		ctx, cancel := context.WithCancel(c.Request.Context())
		cancel() // as when the browser leaves
		if err := a.auth.RevokeUser(ctx, c.Param("user")); err != nil {
			t.Error(err)
		}
		if err := a.auth.RevokeUser(c, c.Param("user")); err != nil {
			t.Error(err)
		}
	})
	b := a.browser(t)
	b.signInAs("ada")
	b.signInAs("ada") // in place of the first
	b.post("/api/auth/signout", map[string][]string{"csrfToken": {b.csrf()}})
	trail.want()

	for range 3 {
		a.browser(t).signInAs("ada")
	}
	trail.want(`revoke one of "u-ada"`)
	list, err := a.auth.Sessions(t.Context(), "u-ada")
	if err != nil || len(list) != 2 {
		t.Fatal(list, err)
	}
	if err := a.auth.EndSession(t.Context(), "u-ada", list[0].ID); err != nil {
		t.Fatal(err)
	}
	trail.want(`revoke one of "u-ada"`)
	if err := a.auth.EndSession(t.Context(), "u-ada", list[0].ID); !errors.Is(err, ginauth.ErrNotFound) {
		t.Error(err)
	}
	trail.want()

	b.signInAs("grace")
	b.post("/revoke/u-ada", nil)
	trail.want(`revoke all of "u-ada" by grace@example.com`, `revoke all of "u-ada" by grace@example.com`)
	if n := strings.Count(a.log.String(), `level=INFO msg="ginauth: sessions were revoked" user=u-ada`); n != 3 {
		t.Errorf("%d lines: %s", n, a.log)
	}

	status, err := idp.SendLogout(t.Context(), a.URL+"/api/auth/backchannel-logout/local", logoutToken(t, idp, "ada", ""))
	if err != nil || status != http.StatusOK {
		t.Fatal(status, err)
	}
	trail.want(`revoke all of ""local`)
	if status, _ := idp.SendLogout(t.Context(), a.URL+"/api/auth/backchannel-logout/local", "none"); status != http.StatusBadRequest {
		t.Error(status)
	}
	trail.want()
}

// What failed is not told.
func TestEvents_NoneOfAFailure(t *testing.T) {
	t.Parallel()
	db := newMemory()
	opts := ginauth.Options{Adapter: db, Providers: []ginauth.Provider{members()}, Session: ginauth.SessionOptions{Revocations: &failing{}}}
	trail := newTrail(t, &opts)
	a := newApp(t, opts)
	user := db.add(t, ginauth.User{Name: "Ada"}, ginauth.Account{Provider: "first", Type: "oauth", ProviderAccountID: "1"})
	for name, do := range map[string]func() error{
		"RevokeUser":            func() error { return a.auth.RevokeUser(t.Context(), user.ID) },
		"RevokeUser of nobody":  func() error { return a.auth.RevokeUser(t.Context(), "") },
		"EndSession":            func() error { return a.auth.EndSession(t.Context(), user.ID, "x") },
		"Unlink of the last":    func() error { return a.auth.Unlink(t.Context(), user.ID, "first", "1") },
		"Unlink of another":     func() error { return a.auth.Unlink(t.Context(), user.ID, "first", "2") },
		"Unlink of nobody":      func() error { return a.auth.Unlink(t.Context(), "nobody", "first", "1") },
		"DeleteUser of nobody":  func() error { return a.auth.DeleteUser(t.Context(), "") },
		"DeleteUser, unreached": func() error { db.breakDown("DeleteUser"); return a.auth.DeleteUser(t.Context(), user.ID) },
	} {
		if err := do(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	trail.want()
	if log := a.log.String(); strings.Contains(log, "level=INFO") {
		t.Errorf("the log: %s", log)
	}
}

// failing Revocations keep nothing.
type failing struct{}

func (failing) Revoke(context.Context, string, time.Time, time.Time) error { return errDatabase }
func (failing) RevokedAt(context.Context, ...string) (time.Time, error) {
	return time.Time{}, errDatabase
}

// Unlink and DeleteUser are told, and so is what the proof of an address takes away.
func TestEvents_Accounts(t *testing.T) {
	t.Parallel()
	opts := ginauth.Options{Session: ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()}}
	trail := newTrail(t, &opts)
	a := newPasswordApp(t, passwordOptions{Options: opts})
	id := a.registers(t, "ada@example.com", evilPassword)
	if !a.browser(t).types("ada@example.com", evilPassword).signedIn() {
		t.Fatal(a.log)
	}
	trail.want("link credentials to " + id)
	if !a.mails(t, a.browser(t), "ada@example.com").signedIn() {
		t.Fatal(a.log)
	}
	trail.want("unlink credentials/"+id+" from "+id, fmt.Sprintf("revoke all of %q", id))
	b := a.browser(t)
	a.mails(t, b, "ada@example.com")
	b.signInAt(a.idp, "first", "grace")
	trail.want("link first to " + id)
	if err := a.auth.Unlink(t.Context(), id, "first", "grace"); err != nil {
		t.Fatal(err)
	}
	trail.want("unlink first/grace from " + id)
	for range 2 { // it is no error if there is no such user
		if err := a.auth.DeleteUser(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	trail.want("delete "+id, fmt.Sprintf("revoke all of %q", id), "delete "+id, fmt.Sprintf("revoke all of %q", id))
	log := a.log.String()
	for _, line := range []string{
		`level=INFO msg="ginauth: an account was unlinked" provider=first user=` + id,
		`level=INFO msg="ginauth: an account was unlinked" provider=credentials user=` + id,
		`level=INFO msg="ginauth: a user was deleted" user=` + id,
	} {
		if !strings.Contains(log, line) {
			t.Errorf("no line %s in %s", line, log)
		}
	}
	if strings.Contains(log, "ada@") || strings.Contains(log, evilPassword) {
		t.Errorf("the log: %s", log)
	}
}

// An account that was added and taken back at once is told neither as linked nor as
// unlinked.
func TestEvents_AccountTakenBack(t *testing.T) {
	t.Parallel()
	opts := ginauth.Options{Session: ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()}}
	trail := newTrail(t, &opts)
	a := newPasswordApp(t, passwordOptions{Options: opts})
	b := a.browser(t)
	a.mails(t, b, "ada@example.com")
	id := b.id()
	callback := as(t, a.idp, b.begin("first", "/"), "grace").String()
	trail.heard()
	ended := false
	a.users.follow(func(n int) {
		a.users.mu.Lock()
		linked := slices.Contains(a.users.steps[:n], "LinkAccount")
		a.users.mu.Unlock()
		if linked && !ended {
			ended = true
			if err := a.auth.RevokeUser(t.Context(), id); err != nil {
				t.Error(err)
			}
		}
	})
	if b.get(callback).signedIn() || !ended || len(a.names(t, id)) != 0 {
		t.Fatalf("the account stays: %v\n%s", a.names(t, id), a.log)
	}
	for _, line := range trail.heard() {
		if strings.Contains(line, "link") {
			t.Errorf("told was %q", line)
		}
	}
}
