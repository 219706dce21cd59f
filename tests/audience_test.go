package tests

import (
	"context"
	"testing"

	"github.com/gin-contrib/sessions/memstore"

	"github.com/ginauth/ginauth"
)

// Customers and staff share a session store and revocations. Nobody's session is
// one of the others, whatever cookie or header brings its handle, and signing
// somebody out everywhere ends nobody's of the same name there.
func TestAttack05_SharedStore(t *testing.T) {
	t.Parallel()
	store := ginauth.GinStore(memstore.NewStore([]byte(testSecret)))
	revocations := ginauth.MemoryRevocations()
	site := func(prefix string) *app {
		return membersApp(t, ginauth.Options{
			Session: ginauth.SessionOptions{Store: store, Revocations: revocations},
			Cookies: ginauth.CookieOptions{Prefix: prefix},
		})
	}
	customers, staff := site(""), site("staff")
	const staffCookie = "staff.session-token"

	b := customers.browser(t)
	b.signInAs("ada")
	handle := b.cookie(sessionCookie)
	if handle == "" || b.user() != "ada@example.com" {
		t.Fatalf("%q signs in as %q", handle, b.user())
	}
	if got := staff.who(t, staffCookie+"="+handle); got != "" {
		t.Errorf("a customer's cookie passes at the staff's as %q", got)
	}
	if got := staff.who(t, "", "Authorization", "Bearer "+handle); got != "" {
		t.Errorf("and as a bearer token as %q", got)
	}

	member := staff.browser(t)
	member.signInAs("ada")
	if member.user() != "ada@example.com" {
		t.Fatal("the staff's own session is not one")
	}
	if got := customers.who(t, sessionCookie+"="+member.cookie(staffCookie)); got != "" {
		t.Errorf("the staff's cookie passes at the customers' as %q", got)
	}
	if err := customers.auth.RevokeUser(context.Background(), "u-ada"); err != nil {
		t.Fatal(err)
	}
	if b.user() != "" {
		t.Error("the customer is still signed in")
	}
	if member.user() != "ada@example.com" {
		t.Error("the member of the staff was signed out with the customer")
	}
}
