package refusal

import (
	"fmt"
	"strings"
	"time"
)

// A Form is one that did not prove that a page of this site sent it.
type Form struct {
	Site        string // its origin
	Secure      bool   // its cookies have the attribute Secure
	Origins     []string
	OwnOrigin   bool   // they are this site's, or there is none
	Cookie      string // name of the CSRF cookie
	Cookies     int    // that came along
	Opened      bool   // this site made one of them
	HasToken    bool   // the form has a csrfToken
	ContentType string
}

// OfForm is what such a form lacks: a line of which kind says it, the advice, and what was
// seen.
func (s Site) OfForm(f Form) (kind Kind, message string, advice Advice, seen []any) {
	kind, message = CSRFToken, "a form was refused, since its csrfToken is not the one in this browser's cookie"
	advice = Advice{"Auth.CSRFField", "the page of the form is older than the cookie, or a cache serves it to several people; load it anew, and keep it out of caches"}
	switch {
	case !f.OwnOrigin:
		kind, message = Origin, "a form was refused, since its Origin is not this site's"
		seen, advice = []any{"origin", strings.Join(f.Origins, ", ")}, s.OfOrigin(f.Origins[0], f.Site)
	case f.Cookies == 0:
		kind, message = CSRFCookie, "a form was refused, since the CSRF cookie did not come with it"
		seen, advice = []any{"cookie", f.Cookie}, s.OfCookie(f.Site, f.Secure)
	case !f.Opened:
		kind, message = CSRFCookie, "a form was refused, since its CSRF cookie was made with another secret"
		seen, advice = []any{"cookie", f.Cookie}, OtherSecret
	case !f.HasToken:
		message = "a form was refused, since it has no csrfToken"
		seen = []any{"content_type", f.ContentType}
		advice.Text = "a page of your own puts Auth.CSRFField into its form, or sends what GET csrf answers; the body is a form (application/x-www-form-urlencoded) or JSON"
	case f.Cookies > 1 && len(f.Origins) == 0:
		message = "a form was refused, since the browser sends several CSRF cookies and no Origin, so that another host may have planted one"
		advice = Advice{"Cookies.Prefix", "another application below the same domain sets a cookie of this name; give one of the two another Cookies.Prefix"}
		seen = []any{"cookie", f.Cookie, "cookies", f.Cookies}
	}
	return kind, message, advice, seen
}

// OfTransaction is what is known of a provider's answer that belongs to no sign-in of this
// browser. hasState says that it has one state, ended that a cookie of that state is here,
// and within is how long a sign-in may take.
func (s Site) OfTransaction(own string, secure, hasState, ended bool, within time.Duration) (message string, advice Advice) {
	switch {
	case ended:
		return "a provider's answer came to a sign-in that was used, is over, or was begun with another secret", OtherSecret
	case !hasState:
		return "a provider's answer has no state, so that no sign-in is found for it",
			Advice{"the callback URL at the provider", "somebody opened the callback URL by hand, or the provider answers in a way that is not RFC 6749's: see the provider's settings for the response mode"}
	}
	advice = s.OfCookie(own, secure)
	advice.Text = fmt.Sprintf("the sign-in began in another browser, or more than %.0f minutes ago, or at another address than the provider answers at; %s", within.Minutes(), advice.Text)
	return "a provider's answer came without the cookie of its sign-in", advice
}
