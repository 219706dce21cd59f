package ginauth

import (
	"net/http"

	"github.com/ginauth/ginauth/internal/pages"
)

// strict reports that browsers send the session cookie with requests of this site's
// own pages alone. With a provider's answer, to which another site leads, it does
// not come along; nor with what that answer redirects to.
func (v *visit) strict() bool { return v.opts.Cookies.SameSite == http.SameSiteStrictMode }

// loadAgain reports whether a provider's answer must be loaded once more, by a page of
// this site, so that all cookies come along: those of the former session, with all its
// chunks, and that of the person who adds an account. again says that it was: the
// cookie of the sign-in, which is sealed, keeps that, so that it never happens twice.
func (v *visit) loadAgain(again bool) bool {
	req := v.c.Request
	return v.strict() && !again && req.Method == http.MethodGet && req.Header.Get("Sec-Fetch-Site") != "same-origin"
}

// continueHere answers with a page that loads this URL.
func (v *visit) continueHere() {
	v.pages.Continue(v.c.Writer, pages.Continue{
		Site: v.base.Host(), URL: v.redirectURI() + "?" + v.c.Request.URL.RawQuery,
	})
}
