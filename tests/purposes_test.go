package tests

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
)

// What a browser is given for one purpose opens for no other: a mail that was asked for is
// no session, nor what was typed, nor a sign-in that begins.
func TestCookies_SealedForOnePurpose(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{People: crowd()})
	a := newMailApp(t, ginauth.Email{Code: true}, ginauth.Options{Providers: []ginauth.Provider{ginauth.OAuth{Provider: local(idp, "first")}, members()}})
	b := a.browser(t)
	b.signInAs("ada")
	b.ask(adaReads, "/").sent(t)
	b.typed("ada", "wrong")
	b.begin("first", "/")
	const prefix = "next-auth"
	purposes := map[string]string{ // by cookie
		sessionCookie: forSession, mailCookie: "ginauth.mail",
		prefix + ".failure": "ginauth.notes." + prefix, prefix + ".sent": "ginauth.notes." + prefix, transactionCookie: forTransaction,
	}
	all := []string{forSession, forTransaction, "ginauth.mail", "ginauth.device." + prefix, "ginauth.notes." + prefix, "ginauth.factors." + prefix, "ginauth.nonce." + prefix}
	seen := map[string]bool{}
	for _, c := range b.cookies() {
		name := c.Name
		if strings.HasPrefix(name, transactionCookie+".") {
			name = transactionCookie
		}
		want, sealed := purposes[name]
		if !sealed {
			continue
		}
		seen[name] = true
		value, err := url.PathUnescape(c.Value)
		if err != nil {
			t.Fatal(err)
		}
		var opens []string
		for _, purpose := range all {
			if unsealed(t, purpose, value) != "" {
				opens = append(opens, purpose)
			}
		}
		if !slices.Equal(opens, []string{want}) {
			t.Errorf("%s opens for %q, want %q", name, opens, want)
		}
	}
	if len(seen) != len(purposes) {
		t.Errorf("the browser has only %v", seen)
	}
}
