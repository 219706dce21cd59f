package pages_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/ginauth/ginauth/internal/pages"
)

func signIn(t *testing.T, texts pages.Texts, p pages.SignIn) document {
	t.Helper()
	s := newSet(t, pages.Theme{}, texts)
	return parse(t, get(t, func(w http.ResponseWriter, _ *http.Request) { s.SignIn(w, http.StatusOK, p) }).body)
}

func TestSignInForms(t *testing.T) {
	t.Parallel()
	d := signIn(t, pages.Texts{}, pages.SignIn{Providers: everyKind(), CSRFToken: "token", CallbackURL: "/after", Email: "ada@example.com"})
	want := []struct {
		action, button string
		sent           map[string]string
	}{
		{"/api/auth/signin/github", "Sign in with GitHub", map[string]string{}},
		{"/api/auth/callback/credentials", "Sign in", map[string]string{"username": "", "password": "", "totp": "", "colour": ""}},
		{"/api/auth/signin/email", "Email me a sign-in link", map[string]string{"email": "ada@example.com"}},
	}
	forms := d.all("form")
	if len(forms) != len(want) {
		t.Fatalf("%d forms, want %d", len(forms), len(want))
	}
	for i, w := range want {
		if attr(forms[i], "method") != "post" || attr(forms[i], "action") != w.action {
			t.Errorf("form %d: %v", i, forms[i].Attr)
		}
		w.sent["csrfToken"], w.sent["callbackUrl"] = "token", "/after"
		if got := values(forms[i]); !maps.Equal(got, w.sent) {
			t.Errorf("form %d sends %v, want %v", i, got, w.sent)
		}
		if label := text(document{forms[i]}.one(t, "button")); label != w.button {
			t.Errorf("form %d: button %q, want %q", i, label, w.button)
		}
	}
}

func TestSignInWithoutCallbackURL(t *testing.T) {
	t.Parallel()
	d := signIn(t, pages.Texts{}, pages.SignIn{Providers: everyKind(), CSRFToken: "token"})
	for i, form := range d.all("form") {
		if _, ok := values(form)["callbackUrl"]; ok {
			t.Errorf("form %d sends an empty callbackUrl", i)
		}
	}
}

func TestSignInFields(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		field pages.Field
		want  string // label | type | autocomplete | placeholder | spellcheck
	}{
		{pages.Field{Name: "username", Label: "User", Placeholder: "ada"}, "User|text|username webauthn|ada|false"},
		{pages.Field{Name: "Email", Type: "email"}, "Email|email|username webauthn||false"},
		{pages.Field{Name: "mail", Type: "EMAIL"}, "mail|email|username webauthn||false"},
		{pages.Field{Name: "password", Type: "password"}, "password|password|current-password||"},
		{pages.Field{Name: "pin", Type: "password"}, "pin|password|current-password||"},
		{pages.Field{Name: "otp"}, "otp|text|one-time-code||false"},
		{pages.Field{Name: "phone", Type: "tel"}, "phone|tel|tel||"},
		{pages.Field{Name: "tenant"}, "tenant|text|||"},
		{pages.Field{Name: "remember", Label: "Remember me", Type: "checkbox"}, "Remember me|checkbox|||"},
		{pages.Field{Name: "token", Type: "CheckBox"}, "token|checkbox|||"},
		{pages.Field{Name: "x", Type: "hidden"}, "x|text|||"},
		{pages.Field{Name: "x", Type: "submit"}, "x|text|||"},
		{pages.Field{Name: "x", Type: "file"}, "x|text|||"},
	} {
		t.Run(tc.field.Name+" "+tc.field.Type, func(t *testing.T) {
			t.Parallel()
			d := signIn(t, pages.Texts{}, pages.SignIn{Providers: []pages.Provider{{ID: "c", Type: "credentials", Fields: []pages.Field{tc.field}}}})
			var in *html.Node
			for _, n := range d.all("input") {
				if attr(n, "name") == tc.field.Name {
					in = n
				}
			}
			if in == nil {
				t.Fatal("no such input")
			}
			got := strings.Join([]string{text(d.one(t, "label")), attr(in, "type"), attr(in, "autocomplete"), attr(in, "placeholder"), attr(in, "spellcheck")}, "|")
			if got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestSignInEmailField(t *testing.T) {
	t.Parallel()
	d := signIn(t, pages.Texts{}, pages.SignIn{Providers: []pages.Provider{{ID: "email", Type: "email"}}, Email: "ada@example.com"})
	for _, in := range d.all("input") {
		if attr(in, "name") != "email" {
			continue
		}
		required := slices.ContainsFunc(in.Attr, func(a html.Attribute) bool { return a.Key == "required" })
		if attr(in, "type") != "email" || attr(in, "autocomplete") != "email webauthn" || attr(in, "value") != "ada@example.com" || !required {
			t.Errorf("input %v", in.Attr)
		}
		return
	}
	t.Error("no input named email")
}

// TestSignInOrder reads buttons, fields and dividers in the order of the page, which
// is that of the tab key.
func TestSignInOrder(t *testing.T) {
	t.Parallel()
	oauth := func(name string) pages.Provider { return pages.Provider{ID: name, Type: "oauth"} }
	password := pages.Provider{ID: "LDAP", Type: "credentials", Fields: []pages.Field{{Name: "user"}}}
	other := pages.Provider{ID: "Card", Name: "Staff card", Type: "credentials"}
	email := pages.Provider{ID: "email", Type: "email"}
	for name, tc := range map[string]struct {
		providers []pages.Provider
		want      string
	}{
		"none":            {nil, ""},
		"buttons":         {[]pages.Provider{oauth("A"), oauth("B")}, "Sign in with A, Sign in with B"},
		"form alone":      {[]pages.Provider{password}, "user, Sign in"},
		"button, form":    {[]pages.Provider{oauth("A"), password}, "Sign in with A, -or-, user, Sign in"},
		"buttons first":   {[]pages.Provider{email, oauth("A")}, "Sign in with A, -or-, email, Email me a sign-in link"},
		"two forms":       {[]pages.Provider{email, password}, "email, Email me a sign-in link, -or-, user, Sign in"},
		"two credentials": {[]pages.Provider{password, other}, "user, Sign in with LDAP, -or-, Sign in with Staff card"},
		"unknown type":    {[]pages.Provider{{ID: "A", Type: "oidc"}}, "Sign in with A"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := signIn(t, pages.Texts{}, pages.SignIn{Providers: tc.providers})
			var got []string
			for _, n := range d.all("button", "input", "p") {
				switch {
				case n.Data == "button":
					got = append(got, text(n))
				case n.Data == "input" && attr(n, "type") != "hidden":
					got = append(got, attr(n, "name"))
				case attr(n, "class") == "or":
					got = append(got, "-"+text(n)+"-")
				}
			}
			if strings.Join(got, ", ") != tc.want {
				t.Errorf("got %v, want %s", got, tc.want)
			}
			none := d.byClass(t, "text") == "No way to sign in has been set up yet."
			if none != (len(tc.providers) == 0) {
				t.Errorf("says that nothing is set up: %v", none)
			}
		})
	}
}

// More than five ways are folded, except the first four; the last used one is first, and
// says so.
func TestSignInFolds(t *testing.T) {
	t.Parallel()
	for n, shown := range map[int]int{1: 1, 5: 5, 6: 4, 12: 4} {
		var providers []pages.Provider
		for i := range n {
			providers = append(providers, pages.Provider{ID: fmt.Sprint("p", i), Type: "oauth"})
		}
		last := providers[n-1].ID
		d := signIn(t, pages.Texts{}, pages.SignIn{Providers: providers, LastUsed: last})
		folded := 0
		for _, details := range d.all("details") {
			folded += len(document{details}.all("button"))
			if text(document{details}.one(t, "summary")) == "" {
				t.Error("a fold without words")
			}
		}
		buttons := d.all("button")
		if len(buttons) != n || folded != n-shown {
			t.Errorf("%d providers: %d buttons, %d folded", n, len(buttons), folded)
		}
		if text(buttons[0]) != "Sign in with "+last || attr(buttons[0], "aria-describedby") != "last-used" || d.byClass(t, "last") != "Last used" {
			t.Errorf("%d providers: the first is %q", n, text(buttons[0]))
		}
		for _, b := range buttons[1:] {
			if attr(b, "aria-describedby") != "" {
				t.Errorf("%q says that it was the last", text(b))
			}
		}
	}
}

func TestSignInError(t *testing.T) {
	t.Parallel()
	const unknown = "Unable to sign in."
	texts := pages.Texts{Errors: map[string]string{"Blocked": "This account is blocked.", "callback": "Again, please."}}
	own := map[string]string{
		"":                               "",
		"Nobody":                         unknown,
		"CALL-555-0100-NOW":              unknown,
		"Blocked":                        "This account is blocked.",
		"blocked":                        "This account is blocked.",
		"Callback":                       "Again, please.",
		"Ask your admin.":                "Ask your admin.",
		"<b>no</b>":                      "<b>no</b>",
		"サインインできません":                     "サインインできません",
		strings.Repeat("é", 64) + "!":    strings.Repeat("é", 64) + "!",
		strings.Repeat("é long ", 10000): string([]rune(strings.Repeat("é long ", 10000))[:299]) + "…",
	}
	for e, want := range own {
		t.Run("own "+e[:min(len(e), 20)], func(t *testing.T) {
			t.Parallel()
			if got := signIn(t, texts, pages.SignIn{Error: e}).byClass(t, "alert"); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
	seen := make(map[string]bool)
	for _, code := range []string{
		"Signin", "OAuthSignin", "OAuthCallback", "OAuthCreateAccount", "EmailCreateAccount", "Callback",
		"OAuthAccountNotLinked", "EmailSignin", "CredentialsSignin", "SessionRequired",
	} {
		d := signIn(t, pages.Texts{}, pages.SignIn{Error: code})
		got := d.byClass(t, "alert")
		if got == "" || got == unknown {
			t.Errorf("%s reads %q", code, got)
		}
		seen[got] = true
		for _, n := range d.all("p") {
			if attr(n, "class") == "alert" && attr(n, "role") != "alert" {
				t.Errorf("%s: role %q", code, attr(n, "role"))
			}
		}
	}
	if len(seen) != 9 { // the two CreateAccount codes share theirs
		t.Errorf("%d texts for 10 codes", len(seen))
	}
}

func TestErrorPage(t *testing.T) {
	t.Parallel()
	const fallback = "Something went wrong|We could not finish signing you in. Please try again."
	for name, tc := range map[string]struct {
		page pages.Error
		want string // heading | text, or the heading alone
	}{
		"configuration": {pages.Error{Code: "Configuration"}, "Sign-in is unavailable"},
		"denied":        {pages.Error{Code: "AccessDenied"}, "Access denied"},
		"any case":      {pages.Error{Code: "accessDENIED"}, "Access denied"},
		"verification":  {pages.Error{Code: "Verification"}, "This link no longer works"},
		"default":       {pages.Error{Code: "Default"}, fallback},
		"none":          {pages.Error{}, fallback},
		"unknown":       {pages.Error{Code: "Call +1 555 0100"}, fallback},
		"own code":      {pages.Error{Code: "BLOCKED"}, "Something went wrong|This account is blocked."},
		"own text":      {pages.Error{Code: "whatever", Text: "Ask your admin."}, "Something went wrong|Ask your admin."},
		"denied, text":  {pages.Error{Code: "AccessDenied", Text: "Staff only."}, "Access denied|Staff only."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSet(t, pages.Theme{}, pages.Texts{Errors: map[string]string{"blocked": "This account is blocked."}})
			d := parse(t, get(t, func(w http.ResponseWriter, _ *http.Request) { s.Error(w, http.StatusOK, tc.page) }).body)
			heading, body := text(d.one(t, "h1")), d.byClass(t, "text")
			if got := heading + "|" + body; body == "" || got != tc.want && heading != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
			if len(d.all("a")) != 0 {
				t.Error("a link without an address")
			}
		})
	}
}

func TestErrorPageLink(t *testing.T) {
	t.Parallel()
	s := newSet(t, pages.Theme{}, pages.Texts{})
	d := parse(t, get(t, everyPage(s)["error"]).body)
	if a := d.one(t, "a"); attr(a, "href") != "/api/auth/signin" || text(a) != "Back to sign in" {
		t.Errorf("link %v %q", a.Attr, text(a))
	}
}
