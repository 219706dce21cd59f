package pages

import (
	"html/template"
	"slices"
	"strings"

	"github.com/ginauth/ginauth/internal/markup"
)

// What the functions below write into pages of the application: markup with classes and
// without styles.
var (
	csrfInput   = block("csrf")
	signForm    = block("form")
	buttonForms = block("buttons")
	accountMenu = block("menu")
)

func block(name string) *markup.Template {
	t, err := markup.ParseFS(templateFiles, name, "templates/mark.html", "templates/blocks.html")
	if err != nil {
		panic(err) // the templates are embedded
	}
	return t
}

// ownForm is a form on a page of the application.
type ownForm struct{ Action, CSRFToken, CallbackURL, EmailLabel, CodeLabel, Button string }

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

// ProviderButtons are forms with one button each, in the order of providers, of which
// one that has fields is left out. last is the ID of the one that was used last.
func (s *Set) ProviderButtons(providers []Provider, last, csrfToken, callbackURL string) template.HTML {
	providers = slices.DeleteFunc(slices.Clone(providers), Provider.isForm)
	v := s.signInView(SignIn{Providers: providers, LastUsed: last}, "")
	return execute(buttonForms, struct {
		CSRFToken, CallbackURL, LastUsed string
		Buttons                          []button
	}{csrfToken, callbackURL, s.texts.LastUsed, append(v.Buttons, v.More...)})
}

// CodeForm is a form for the code of a mail.
func (s *Set) CodeForm(action, csrfToken, callbackURL string) template.HTML {
	return execute(signForm, ownForm{
		Action: action, CSRFToken: csrfToken, CallbackURL: callbackURL, CodeLabel: s.texts.CodeLabel, Button: s.texts.CodeButton,
	})
}

// AccountMenu unfolds below a person's name: their address, a link to their account
// where accountURL is not empty, and the form that signs out.
func (s *Set) AccountMenu(p SignOut, picture, accountURL string) template.HTML {
	return execute(accountMenu, struct {
		ownForm
		Person                       Person
		Picture, AccountURL, Account string
	}{
		ownForm{Action: p.Action, CSRFToken: p.CSRFToken, CallbackURL: p.CallbackURL, Button: s.texts.SignOutButton},
		p.Person, picture, accountURL, s.texts.AccountTitle,
	})
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

func execute(t *markup.Template, data any) template.HTML {
	var b strings.Builder
	if t.Execute(&b, data) != nil {
		return ""
	}
	return template.HTML(b.String())
}
