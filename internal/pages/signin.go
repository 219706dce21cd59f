package pages

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/ginauth/ginauth/internal/ascii"
)

// signInView is the sign-in page as its template wants it.
type signInView struct {
	CSRFToken, CallbackURL string
	Email                  string
	Subtitle, Alert, Hint  string
	Buttons                []button
	Forms                  []form
	Ask                    passkeyForm
	Wide                   bool // two columns of buttons, where the window has room
}

// button is an OAuth provider.
type button struct {
	Action, Label string
	Mark          mark
	Google        bool // its looks are those that Google prescribes
}

// form is a credentials or an email provider.
type form struct {
	Action, Name, Label string
	Inputs              []input
	EmailID             string // of an email provider: the id of its only input
}

type input struct {
	ID, Name, Label, Type, Placeholder string
	Autocomplete                       string // "" for none
	Verbatim                           bool   // no capital letters or spelling put in by the browser
	Checkbox                           bool   // it stands within its label
}

// checkbox is the type of an input that is ticked, and is then sent as "true".
const checkbox = "checkbox"

// manyButtons is the number of buttons above which one column no longer fits a laptop's screen.
const manyButtons = 7

func (s *Set) signInView(p SignIn, site string) signInView {
	v := signInView{CSRFToken: p.CSRFToken, CallbackURL: p.CallbackURL, Email: p.Email, Alert: s.texts.inline(p.Error), Hint: p.Hint}
	if site != "" {
		v.Subtitle = strings.ReplaceAll(s.texts.SignInSite, "{site}", site)
	}
	v.Ask = s.passkeyForm(p)
	credentials := 0
	for i, provider := range p.Providers {
		name := provider.Name
		if name == "" {
			name = provider.ID
		}
		label := strings.ReplaceAll(s.texts.SignInWith, "{provider}", name)
		id := "provider-" + strconv.Itoa(i)
		switch provider.Type {
		case "webauthn":
		case "credentials":
			credentials++
			v.Forms = append(v.Forms, form{Action: provider.Action, Name: name, Label: label, Inputs: inputs(id, provider.Fields, v.Ask.Names)})
		case "email":
			v.Forms = append(v.Forms, form{Action: provider.Action, Name: name, Label: s.emailButton(provider), EmailID: id})
		default:
			v.Buttons = append(v.Buttons, button{Action: provider.Action, Label: label, Mark: s.mark(name, provider), Google: provider.Mark == "google" && provider.Logo == ""})
		}
	}
	if credentials == 1 {
		s.nameOnlyCredentials(v.Forms)
	}
	v.Wide = len(v.Buttons) > manyButtons
	return v
}

// nameOnlyCredentials gives the only credentials form a shorter button: what its
// provider is called ("Credentials", as often as not) tells a visitor nothing.
func (s *Set) nameOnlyCredentials(forms []form) {
	for i := range forms {
		if forms[i].EmailID == "" {
			forms[i].Label = s.texts.CredentialsButton
		}
	}
}

func inputs(id string, fields []Field, webauthn string) []input {
	list := make([]input, 0, len(fields))
	for i, f := range fields {
		in := input{
			ID: id + "-" + strconv.Itoa(i), Name: f.Name, Label: f.Label,
			Type: inputType(f.Type), Placeholder: f.Placeholder,
		}
		if in.Label == "" {
			in.Label = f.Name
		}
		if in.Checkbox = in.Type == checkbox; !in.Checkbox {
			in.Autocomplete = autocomplete(f.Name, in.Type)
		}
		in.Verbatim = in.Autocomplete == "username" || in.Autocomplete == "one-time-code"
		if in.Autocomplete == "username" {
			in.Autocomplete += webauthn // last, as HTML §4.10.18.7.1 has it
		}
		list = append(list, in)
	}
	return list
}

// inputType admits the types in which a visitor types a value, and the checkbox. A
// field of any other (hidden, file, submit …) would leave them with something that
// they cannot fill in.
func inputType(t string) string {
	switch t = ascii.Lower(t); t {
	case "email", "password", "tel", "url", "number", "search", "date", checkbox:
		return t
	}
	return "text"
}

// autocomplete tells password managers what a field is for (HTML §4.10.18.7).
func autocomplete(name, inputType string) string {
	switch ascii.Lower(name) {
	case "username", "user", "login", "email":
		return "username"
	case "password":
		return "current-password"
	case "otp", "totp", "code", "token":
		return "one-time-code"
	}
	switch inputType {
	case "email":
		return "username"
	case "password":
		return "current-password"
	case "tel":
		return "tel"
	}
	return ""
}

// initial is the first letter or digit of a name, in upper case.
func initial(name string) string {
	for _, r := range name {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return string(unicode.ToUpper(r))
		}
	}
	return ""
}
