package tests

import (
	"net/http"
	"testing"

	"github.com/ginauth/ginauth"
)

// Cookies.Domain is taken away, or changed, while people are signed in. Sign-out still
// signs them out, however the Domain was written.
func TestDoubled_SignOutAfterDomainIsGone(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ site, before, after string }{
		{"http://app.site.co.uk", "site.co.uk", ""},
		{"http://app.site.co.uk", ".site.co.uk", ""},
		{"http://app.eu.site.co.uk", ".site.co.uk", "eu.site.co.uk"},
		{"http://app.eu.site.co.uk", ".eu.site.co.uk", ".site.co.uk"},
		{"http://app.site.co.uk", "SITE.co.uk", ""},
		{"http://app.site.co.uk", ".site.co.uk", "site.co.uk"},
	} {
		t.Run(row.before+" to "+row.after, func(t *testing.T) {
			t.Parallel()
			d := newDeployment(t, row.site)
			d.as(ginauth.Options{Cookies: ginauth.CookieOptions{Domain: row.before}})
			b := d.browser()
			b.enter()
			d.as(ginauth.Options{Cookies: ginauth.CookieOptions{Domain: row.after}})
			b.leave()
			if res := b.get("/me"); res.StatusCode == http.StatusOK {
				t.Errorf("POST signout was answered, and /me is %d %s", res.StatusCode, res.body)
			}
			b.enter()
			if n := b.sessionCookies(); n != 1 {
				t.Errorf("%d session cookies after the next sign-in", n)
			}
			if res := b.get("/me"); res.StatusCode != http.StatusOK {
				t.Errorf("the next sign-in: %d", res.StatusCode)
			}
		})
	}
}
