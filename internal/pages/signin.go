package pages

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/ginauth/ginauth/internal/ascii"
)

// SignIn is what the sign-in page shows.
type SignIn struct {
	// Providers in order; buttons come first, then the forms that ask for something.
	Providers []Provider
	// CSRFToken and CallbackURL go into every form; an empty CallbackURL is left out.
	CSRFToken, CallbackURL string
	// Email is filled into the field of an email provider.
	Email string
	// LastUsed is the ID of the provider by which this browser signed in last.
	LastUsed string
	// Failed is the ID of the provider whose form Error is about. Typed is what was typed
	// into it, by the fields' names; passwords and codes among it are not shown again.
	Failed    string
	Typed     map[string]string
	Reference string // of the log line that says more; optional
	// Error is a code (see Texts.Errors), or a sentence, which is shown unchanged. An unknown
	// code reads "Unable to sign in." The caller vouches for a sentence: one taken from the
	// query would let any link put its words on this page.
	Error string
	// Site is the host name shown; optional.
	Site string
	Hint string // for developers; optional
	// Script is the URL of the script that passkeys need, where there are any.
	Script string
}

// Provider is one way to sign in.
type Provider struct {
	ID   string
	Name string // shown; default: ID
	Type string // "credentials" and "email" get a form with fields, "webauthn" one that a script shows, any other ("oauth") one button
	// Action is the URL that the form posts to. One with a scheme other than http and https
	// is not rendered.
	Action string
	Fields []Field // of credentials
	Code   bool    // of email: the mail brings a code
	Color  string  // of a button's initial, #rgb or #rrggbb; any other text gives a neutral one
	Mark   string  // the service whose mark the button shows, by ID; any other gives the initial
	Logo   string  // a picture in place of the mark, one of those that New was given
}

// Field is one input of a credentials form.
type Field struct {
	Name        string
	Label       string // default: Name
	Type        string // text, email, password, tel, url, number, search or date; any other is text
	Placeholder string
}

// signInView is the sign-in page as its template wants it.
type signInView struct {
	CSRFToken, CallbackURL string
	Subtitle, Alert, Hint  string
	Reference              string
	Buttons, More          []button // More are folded
	Forms                  []form
	Ask                    passkeyForm
	SignUp                 string
	Last                   string // the id of the note that a way was the last one; "" where none was
}

// button is an OAuth provider.
type button struct {
	Action, Label string
	Mark          mark
	Google        bool // its looks are those that Google prescribes
	Last          bool // this browser signed in by it last

	id string
}

// form is a credentials or an email provider.
type form struct {
	Action, Label string
	Inputs        []input
	Forgot        string // where somebody who forgot the password goes
	Primary       bool   // it has the page's one main button
	Last          bool   // this browser signed in by it last

	email bool
}

type input struct {
	ID, Name, Label, Type, Placeholder string
	Value                              string
	Autocomplete                       string // "" for none
	Verbatim                           bool   // no capital letters or spelling put in by the browser
	Required                           bool
	Checkbox                           bool   // it stands within its label
	Fault                              string // the id of what is wrong with the form; "" where nothing is
	Text                               string // what is wrong, where it stands at this field, which has the focus
}

// checkbox is the type of an input that is ticked, and is then sent as "true".
const checkbox = "checkbox"

const (
	// manyButtons are more than one can take in at a glance. Then all except the first
	// few are folded.
	manyButtons = 5
	fewButtons  = 4
)

func (s *Set) signInView(p SignIn, site string) signInView {
	v := signInView{
		CSRFToken: p.CSRFToken, CallbackURL: p.CallbackURL, Alert: s.texts.inline(p.Error), Hint: p.Hint,
		Reference: s.reference(p.Reference), SignUp: s.shown(s.links.SignUp),
	}
	if site != "" {
		v.Subtitle = strings.ReplaceAll(s.texts.SignInSite, "{site}", s.texts.isolated(site))
	}
	v.Ask = s.passkeyForm(p)
	credentials := 0
	for i, provider := range lastFirst(p.Providers, p.LastUsed) {
		last := provider.ID == p.LastUsed && p.LastUsed != ""
		if last {
			v.Last = lastNote
		}
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
			f := form{Action: provider.Action, Label: label, Last: last, Inputs: inputs(id, provider.Fields)}
			if slices.ContainsFunc(f.Inputs, func(in input) bool { return in.Type == "password" }) {
				f.Forgot = s.shown(s.links.ForgotPassword)
			}
			v.Forms = append(v.Forms, f)
		case "email":
			v.Forms = append(v.Forms, form{Action: provider.Action, Label: s.emailButton(provider), Last: last, email: true, Inputs: []input{{
				ID: id, Name: "email", Label: s.texts.EmailLabel, Type: "email", Placeholder: s.texts.EmailPlaceholder,
				Value: p.Email, Autocomplete: "email webauthn", Required: true,
			}}})
		default:
			v.Buttons = append(v.Buttons, button{Action: provider.Action, Label: label, Last: last, Mark: s.mark(name, provider), Google: provider.Mark == "google" && provider.Logo == "", id: provider.ID})
		}
		if n := len(v.Forms); n > 0 && provider.ID == p.Failed && provider.isForm() {
			v.Alert = v.Forms[n-1].failed(id+"-fault", v.Alert, p.Typed)
		}
	}
	if credentials == 1 {
		s.nameOnlyCredentials(v.Forms)
	}
	if len(v.Forms) > 0 {
		v.Forms[0].Primary = true
	}
	if len(v.Buttons) > manyButtons {
		v.Buttons, v.More = v.Buttons[:fewButtons], v.Buttons[fewButtons:]
	}
	return v
}

// lastNote is the id of the words that a way was the last one.
const lastNote = "last-used"

// lastFirst puts the provider first by which this browser signed in last.
func lastFirst(all []Provider, last string) []Provider {
	i := slices.IndexFunc(all, func(p Provider) bool { return p.ID == last })
	if i <= 0 || last == "" {
		return all
	}
	first := append(make([]Provider, 0, len(all)), all[i])
	return append(append(first, all[:i]...), all[i+1:]...)
}

func (p Provider) isForm() bool { return p.Type == "credentials" || p.Type == "email" }

// failed puts what was typed back into the form, and what is wrong with it to the
// first field that is left to type, which gets the focus. It returns what of the text
// is still to be shown elsewhere.
func (f *form) failed(id, text string, typed map[string]string) string {
	at := -1
	for i := range f.Inputs {
		in := &f.Inputs[i]
		if in.Checkbox {
			continue
		}
		if in.kept() {
			in.Value = cmp.Or(typed[in.Name], in.Value)
		}
		if in.Fault = id; at < 0 || f.Inputs[at].Value != "" && in.Value == "" {
			at = i
		}
	}
	if at < 0 || text == "" {
		return text
	}
	f.Inputs[at].Text = text
	return ""
}

// Kept are the names of the fields whose content the page shows again after a failure.
func (p Provider) Kept() (names []string) {
	if p.Type == "email" {
		return []string{"email"}
	}
	for _, in := range inputs("", p.Fields) {
		if in.kept() && !in.Checkbox {
			names = append(names, in.Name)
		}
	}
	return names
}

// kept reports whether a page shows again what was typed: never a password or a code.
func (in input) kept() bool {
	return in.Type != "password" && in.Autocomplete != "current-password" && in.Autocomplete != "one-time-code"
}

// nameOnlyCredentials gives the only credentials form a shorter button: what its
// provider is called ("Credentials", as often as not) tells a visitor nothing.
func (s *Set) nameOnlyCredentials(forms []form) {
	for i := range forms {
		if !forms[i].email {
			forms[i].Label = s.texts.CredentialsButton
		}
	}
}

func inputs(id string, fields []Field) []input {
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
		in.Verbatim = in.Autocomplete == "username webauthn" || in.Autocomplete == "one-time-code"
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
		return "username webauthn" // passkeys too (WebAuthn Level 3 §5.1.3)
	case "password":
		return "current-password"
	case "otp", "totp", "code", "token":
		return "one-time-code"
	}
	switch inputType {
	case "email":
		return "username webauthn"
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
