package ginauth

import (
	"cmp"
	"html/template"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/origin"
)

// forms are what the functions below write. A template escapes what is put in.
var forms = template.Must(template.New("").Parse(`
{{- define "csrf"}}<input type="hidden" name="csrfToken" value="{{.CSRFToken}}">{{end}}
{{- define "form"}}<form method="post" action="{{.Action}}">{{template "csrf" .}}` +
	`{{if .CallbackURL}}<input type="hidden" name="callbackUrl" value="{{.CallbackURL}}">{{end}}` +
	`{{if .EmailLabel}}<label>{{.EmailLabel}} <input name="email" type="email" autocomplete="email" required></label>{{end}}` +
	`<button type="submit">{{.Button}}</button></form>{{end}}`))

type form struct{ Action, CSRFToken, CallbackURL, EmailLabel, Button string }

// CSRFField is a hidden input with the CSRF token, for a form of your own page
// that posts to an auth route. It may set the CSRF cookie, so it must be called
// before the page is written. It is empty for a host that the site does not
// answer for.
func (a *Auth) CSRFField(c *gin.Context) template.HTML {
	return a.form(c, "csrf", form{})
}

// SignInForm is a form with one button that starts a sign-in at a provider, for
// your own pages; that of Email has a field for the address too. callbackURL is where it leads; empty: back to the site. For
// the rest see CSRFField. It is empty for an unknown provider.
func (a *Auth) SignInForm(c *gin.Context, providerID, callbackURL string) template.HTML {
	p := a.provider(providerID)
	if p == nil {
		return ""
	}
	label := a.opts.Texts.SignInWith
	if label == "" {
		label = "Sign in with {provider}"
	}
	f := form{
		Action: "/signin/" + p.id, CallbackURL: callbackURL, Button: strings.ReplaceAll(label, "{provider}", p.name),
	}
	if p.email != nil {
		f.EmailLabel = cmp.Or(a.opts.Texts.EmailLabel, "Email address")
		f.Button = cmp.Or(a.opts.Texts.EmailButton, "Email me a sign-in link")
		if p.email.Code {
			f.Button = cmp.Or(a.opts.Texts.EmailCodeButton, "Email me a code")
		}
	}
	return a.form(c, "form", f)
}

// SignOutForm is a form with one button that signs out, for your own pages.
// callbackURL is where it leads; empty: back to the site. For the rest see
// CSRFField.
func (a *Auth) SignOutForm(c *gin.Context, callbackURL string) template.HTML {
	label := a.opts.Texts.SignOutButton
	if label == "" {
		label = "Sign out"
	}
	return a.form(c, "form", form{Action: "/signout", CallbackURL: callbackURL, Button: label})
}

func (a *Auth) form(c *gin.Context, name string, f form) template.HTML {
	base, err := a.hosts.Base(c.Request)
	if err != nil {
		return ""
	}
	f.Action = base.URL + f.Action
	f.CSRFToken = a.csrfToken(c, base)
	private(c.Writer.Header()) // the token is this browser's
	var b strings.Builder
	if forms.ExecuteTemplate(&b, name, f) != nil {
		return ""
	}
	return template.HTML(b.String())
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
