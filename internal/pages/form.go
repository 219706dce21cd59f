package pages

import (
	"html/template"
	"strings"

	"github.com/ginauth/ginauth/internal/markup"
)

// What the functions below write into pages of the application.
var (
	csrfInput = formTemplate("csrf")
	signForm  = formTemplate("form")
)

const formTemplates = `
{{- define "csrf"}}<input type="hidden" name="csrfToken" value="{{.CSRFToken}}">{{end}}
{{- define "form"}}<form method="post" action="{{.Action}}">{{template "csrf" .}}` +
	`{{if .CallbackURL}}<input type="hidden" name="callbackUrl" value="{{.CallbackURL}}">{{end}}` +
	`{{if .EmailLabel}}<label>{{.EmailLabel}} <input name="email" type="email" autocomplete="email" required></label>{{end}}` +
	`<button type="submit">{{.Button}}</button></form>{{end}}`

func formTemplate(name string) *markup.Template {
	t, err := markup.Parse(name, formTemplates)
	if err != nil {
		panic(err) // the text is above
	}
	return t
}

// ownForm is a form on a page of the application.
type ownForm struct{ Action, CSRFToken, CallbackURL, EmailLabel, Button string }

// CSRFField is the hidden input with the CSRF token.
func CSRFField(csrfToken string) template.HTML {
	return execute(csrfInput, ownForm{CSRFToken: csrfToken})
}

// SignInForm is a form with one button that starts a sign-in, and with a field for the
// address if p is an email provider. It has no fields of credentials.
func (s *Set) SignInForm(p Provider, csrfToken, callbackURL string) template.HTML {
	f := ownForm{
		Action: p.Action, CSRFToken: csrfToken, CallbackURL: callbackURL,
		Button: strings.ReplaceAll(s.texts.SignInWith, "{provider}", p.Name),
	}
	if p.Type == "email" {
		f.EmailLabel, f.Button = s.texts.EmailLabel, s.emailButton(p)
	}
	return execute(signForm, f)
}

// SignOutForm is a form with one button that signs out.
func (s *Set) SignOutForm(p SignOut) template.HTML {
	return execute(signForm, ownForm{
		Action: p.Action, CSRFToken: p.CSRFToken, CallbackURL: p.CallbackURL, Button: s.texts.SignOutButton,
	})
}

func (s *Set) emailButton(p Provider) string {
	if p.Code {
		return s.texts.EmailCodeButton
	}
	return s.texts.EmailButton
}

func execute(t *markup.Template, f ownForm) template.HTML {
	var b strings.Builder
	if t.Execute(&b, f) != nil {
		return ""
	}
	return template.HTML(b.String())
}
