package pages

import (
	"html/template"
	"strings"
)

// forms are what the functions below write into pages of the application. A template
// escapes what is put in.
var forms = template.Must(template.New("").Parse(`
{{- define "csrf"}}<input type="hidden" name="csrfToken" value="{{.CSRFToken}}">{{end}}
{{- define "form"}}<form method="post" action="{{.Action}}">{{template "csrf" .}}` +
	`{{if .CallbackURL}}<input type="hidden" name="callbackUrl" value="{{.CallbackURL}}">{{end}}` +
	`{{if .EmailLabel}}<label>{{.EmailLabel}} <input name="email" type="email" autocomplete="email" required></label>{{end}}` +
	`<button type="submit">{{.Button}}</button></form>{{end}}`))

// ownForm is a form on a page of the application.
type ownForm struct{ Action, CSRFToken, CallbackURL, EmailLabel, Button string }

// CSRFField is the hidden input with the CSRF token.
func CSRFField(csrfToken string) template.HTML {
	return execute("csrf", ownForm{CSRFToken: csrfToken})
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
	return execute("form", f)
}

// SignOutForm is a form with one button that signs out.
func (s *Set) SignOutForm(p SignOut) template.HTML {
	return execute("form", ownForm{
		Action: p.Action, CSRFToken: p.CSRFToken, CallbackURL: p.CallbackURL, Button: s.texts.SignOutButton,
	})
}

func (s *Set) emailButton(p Provider) string {
	if p.Code {
		return s.texts.EmailCodeButton
	}
	return s.texts.EmailButton
}

func execute(name string, f ownForm) template.HTML {
	var b strings.Builder
	if forms.ExecuteTemplate(&b, name, f) != nil {
		return ""
	}
	return template.HTML(b.String())
}
