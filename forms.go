package ginauth

import (
	"html/template"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/origin"
	"github.com/ginauth/ginauth/internal/pages"
)

// CSRFField is a hidden input with the CSRF token, for a form of your own page
// that posts to an auth route. It may set the CSRF cookie, so it must be called
// before the page is written. It is empty for a host that the site does not
// answer for.
func (a *Auth) CSRFField(c *gin.Context) template.HTML {
	return a.form(c, func(_, csrfToken string) template.HTML { return pages.CSRFField(csrfToken) })
}

// SignInForm is a form with one button that starts a sign-in at a provider, for your own
// pages; the form of Email also has a field for the address. callbackURL is where the
// sign-in leads; empty: back to the site. For the rest see CSRFField. It is empty for an
// unknown provider.
func (a *Auth) SignInForm(c *gin.Context, providerID, callbackURL string) template.HTML {
	p := a.provider(providerID)
	if p == nil {
		return ""
	}
	return a.form(c, func(url, csrfToken string) template.HTML {
		return a.pages.SignInForm(pages.Provider{
			Name: p.name, Type: p.kind, Code: p.email != nil && p.email.Code, Action: url + "/signin/" + p.id,
		}, csrfToken, callbackURL)
	})
}

// SignOutForm is a form with one button that signs out, for your own pages.
// callbackURL is where it leads; empty: back to the site. For the rest see
// CSRFField.
func (a *Auth) SignOutForm(c *gin.Context, callbackURL string) template.HTML {
	return a.form(c, func(url, csrfToken string) template.HTML {
		return a.pages.SignOutForm(pages.SignOut{Action: url + "/signout", CSRFToken: csrfToken, CallbackURL: callbackURL})
	})
}

// form writes a form with the URL of the auth routes and the token of this browser.
func (a *Auth) form(c *gin.Context, write func(url, csrfToken string) template.HTML) template.HTML {
	base, err := a.hosts.Base(c.Request)
	if err != nil {
		return ""
	}
	csrfToken := a.csrfToken(c, base)
	private(c.Writer.Header()) // the token is this browser's
	return write(base.URL, csrfToken)
}

// csrfToken is the token of this browser's CSRF cookie. A browser without one is
// given one, once in each answer.
func (a *Auth) csrfToken(c *gin.Context, base origin.Base) string {
	name := a.site(base).names.CSRF
	for value := range cookie.Values(c.Request.Header["Cookie"], name) {
		if token, ok := a.csrf.Open(value); ok {
			return token
		}
	}
	for _, line := range c.Writer.Header()["Set-Cookie"] {
		if rest, ok := strings.CutPrefix(line, name+"="); ok {
			value, _, _ := strings.Cut(rest, ";")
			value, _ = cookie.Unescape(value)
			if token, ok := a.csrf.Open(value); ok {
				return token
			}
		}
	}
	token, value := a.csrf.New()
	addCookies(c, []string{cookie.Line(name, value, cookie.Attributes{Secure: base.Secure})})
	return token
}
