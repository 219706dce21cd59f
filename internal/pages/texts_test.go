package pages_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net/http"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ginauth/ginauth/internal/pages"
)

func TestTextsFaults(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		texts pages.Texts
		want  []string
	}{
		"language":        {pages.Texts{Lang: `en" onload="x`}, []string{"Texts.Lang", `"pt-BR"`}},
		"direction":       {pages.Texts{Dir: "auto"}, []string{"Texts.Dir", `"rtl"`}},
		"no provider":     {pages.Texts{SignInWith: "Continue"}, []string{"Texts.SignInWith", "{provider}"}},
		"no site":         {pages.Texts{SignInSite: "Welcome"}, []string{"Texts.SignInSite", "{site}"}},
		"no address":      {pages.Texts{ConfirmText: "Go on?"}, []string{"Texts.ConfirmText", "{email}"}},
		"line in a name":  {pages.Texts{SiteName: "Acme\r\nBcc: all@example.com"}, []string{"Texts.SiteName", "line break"}},
		"line in subject": {pages.Texts{MailSubject: "{site}\nBcc: all@example.com"}, []string{"MailSubject", "line break"}},
		"not a code":      {pages.Texts{Errors: map[string]string{"no code": "x"}}, []string{`Texts.Errors has the key "no code"`}},
		"empty code":      {pages.Texts{Errors: map[string]string{"": "x"}}, []string{`Texts.Errors has the key ""`}},
		"empty text":      {pages.Texts{Errors: map[string]string{"Callback": " "}}, []string{`Texts.Errors["Callback"] is empty`}},
		"one code, twice": {pages.Texts{Errors: map[string]string{"a": "x", "A": "y"}}, []string{`Texts.Errors has "A" and "a"`}},
		"all at once": {
			pages.Texts{Lang: "x", Dir: "x", SignInWith: "x", SignInSite: "x", Errors: map[string]string{"?": ""}},
			[]string{"Texts.Lang", "Texts.Dir", "Texts.SignInWith", "Texts.SignInSite", `key "?"`, `Errors["?"] is empty`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := pages.New(pages.Theme{}, tc.texts)
			if err == nil {
				t.Fatal("no fault found")
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
		})
	}
}

// TestTextsReachThePages sets every field to a text of its own and looks for it on some page.
func TestTextsReachThePages(t *testing.T) {
	t.Parallel()
	texts := pages.Texts{Lang: "ar", Dir: "rtl"}
	fields := reflect.ValueOf(&texts).Elem()
	want := map[string]string{"Lang": `lang="ar"`, "Dir": `dir="rtl"`}
	for i := range fields.NumField() {
		name := fields.Type().Field(i).Name
		switch {
		case name == "SignInSite":
			texts.SignInSite, want[name] = "«in {site}»", "«in \u2068«SiteName»\u2069»"
		case name == "SignInWith":
			texts.SignInWith, want[name] = "«{provider}!»", "«GitHub!»"
		case name == "Reference":
			texts.Reference, want[name] = "«no. {reference}»", "«no. \u2068K7\u2069»"
		case name == "AccountConnect":
			texts.AccountConnect, want[name] = "«join {provider}»", "«join Google»"
		case name == "AccountLeft":
			texts.AccountLeft, want[name] = "«then {ways}»", "«then \u2068Password\u2069»"
		case name == "AccountUsed":
			texts.AccountUsed, want[name] = "«at {time}»", "«at \u20682023-11-14 22:13 UTC\u2069»"
		case name == "TwoStepApp", name == "PasskeyAdded", name == "PasskeyUsed":
			fields.Field(i).SetString("«" + name + " {date}»")
			want[name] = "«" + name + " \u206820"
		case name == "MailReason":
			texts.MailReason, want[name] = "«typed at {address}»", "«typed at \u2068app.example.com\u2069»"
		case name == "ConfirmText":
			texts.ConfirmText, want[name] = "«as {email}»", "«as <strong><bdi>ada@example.com</bdi></strong>»"
		case name == "MailSubject":
			texts.MailSubject, want[name] = "«into {site}»", "<title>«into «SiteName»»</title>"
		case name == "MailText":
			texts.MailText, want[name] = "«{email} into {site}»", "«\u2068ada@example.com\u2069 into \u2068«SiteName»\u2069»"
		case name == "FactorMailSubject":
			texts.FactorMailSubject, want[name] = "«code of {site}»", "<title>«code of «SiteName»»</title>"
		case name == "FactorMailCode":
			texts.FactorMailCode, want[name] = "«again {email} at {site}»", "«again \u2068ada@example.com\u2069 at \u2068«SiteName»\u2069»"
		case name == "Errors":
			texts.Errors, want[name] = map[string]string{"CALLBACK": "«again»"}, "«again»"
		case want[name] == "":
			want[name] = "«" + name + "»"
			fields.Field(i).SetString(want[name])
		}
	}
	l, err := pages.NewLanguages(pages.Theme{}, texts, nil, pages.Links{SignUp: "/new", ForgotPassword: "/forgot", Terms: "/terms", Privacy: "/privacy"})
	if err != nil {
		t.Fatal(err)
	}
	s := l.Fallback()
	all := maps.Clone(everyPage(s))
	all["code provider"] = func(w http.ResponseWriter, _ *http.Request) {
		s.SignIn(w, 200, pages.SignIn{Providers: []pages.Provider{{ID: "email", Type: "email", Code: true}}})
	}
	all["wrong code"] = func(w http.ResponseWriter, _ *http.Request) {
		s.SecondFactor(w, 401, pages.SecondFactor{Off: true})
	}
	all["address to prove"] = func(w http.ResponseWriter, _ *http.Request) { s.Enrol(w, 200, pages.Enrol{}) }
	all["no second factor"] = func(w http.ResponseWriter, _ *http.Request) { s.TwoStep(w, pages.TwoStep{}) }
	all["no provider"] = func(w http.ResponseWriter, _ *http.Request) { s.SignIn(w, 200, pages.SignIn{Error: "Unheard"}) }
	all["many"] = func(w http.ResponseWriter, _ *http.Request) {
		many := []pages.Provider{{ID: "password", Type: "credentials", Fields: []pages.Field{{Name: "password", Type: "password"}}}}
		for i := range 12 {
			many = append(many, pages.Provider{ID: fmt.Sprint(i)})
		}
		s.SignIn(w, 200, pages.SignIn{Providers: many, LastUsed: "password"})
	}
	all["forbidden"] = func(w http.ResponseWriter, _ *http.Request) {
		s.Error(w, 403, pages.Error{Code: "AccessDenied", Aborted: true, SwitchURL: "/x", HomeURL: "/", Reference: "K7"})
	}
	all["unavailable"] = func(w http.ResponseWriter, _ *http.Request) {
		s.Error(w, 503, pages.Error{Code: "SessionUnavailable", Aborted: true, RetryURL: "/x"})
	}
	all["sent"] = func(w http.ResponseWriter, _ *http.Request) {
		s.VerifyRequest(w, pages.VerifyRequest{AgainURL: "/x", Again: true, OtherURL: "/y"})
	}
	for _, code := range []string{"Configuration", "Verification", "VerificationCode", "RateLimited", "Default"} {
		all[code] = func(w http.ResponseWriter, _ *http.Request) { s.Error(w, 200, pages.Error{Code: code}) }
	}
	var bodies strings.Builder
	for _, code := range []string{"", "123456"} {
		letter := s.Mail(pages.Mail{Site: "app.example.com", Email: "ada@example.com", URL: "https://app.example.com/x", Code: code, Address: "app.example.com"})
		bodies.WriteString(letter.HTML)
	}
	again := s.Mail(pages.Mail{Site: "app.example.com", Email: "ada@example.com", Code: "123456", Again: true})
	bodies.WriteString(again.HTML)
	for change := pages.ChangeAdded; change <= pages.ChangePasskeyRemoved; change++ {
		letter := s.FactorNotice(change, "app.example.com", "ada@example.com")
		bodies.WriteString(letter.HTML)
	}
	for _, page := range all {
		bodies.WriteString(get(t, page).body)
	}
	for field, text := range want {
		if !strings.Contains(bodies.String(), text) {
			t.Errorf("Texts.%s is on no page (%s)", field, text)
		}
	}
}

// The comment of each field of ginauth.Texts ends with its default.
func TestDefaultsAreDocumented(t *testing.T) {
	t.Parallel()
	documented := map[string]string{}
	files, _ := filepath.Glob("../../*.go")
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok || spec.Name.Name != "Texts" {
				return true
			}
			for _, field := range spec.Type.(*ast.StructType).Fields.List {
				documented[field.Names[0].Name] = strings.TrimSpace(field.Comment.Text())
			}
			return false
		})
	}
	fields := reflect.TypeFor[pages.Texts]()
	for i := range fields.NumField() {
		field := fields.Field(i)
		english := field.Tag.Get("english")
		if field.Type.Kind() == reflect.String && !strings.HasSuffix(documented[field.Name], strconv.Quote(english)) {
			t.Errorf("the default of Texts.%s is %q, and its comment says: %s", field.Name, english, documented[field.Name])
		}
	}
}

// TestTextsAreCopied holds New to its promise that a Set does not change.
func TestTextsAreCopied(t *testing.T) {
	t.Parallel()
	overrides := map[string]string{"Callback": "before"}
	s := newSet(t, pages.Theme{}, pages.Texts{Errors: overrides})
	overrides["Callback"] = "after"
	if len(overrides) != 1 {
		t.Errorf("New added to the caller's map: %v", overrides)
	}
	d := parse(t, get(t, func(w http.ResponseWriter, _ *http.Request) { s.SignIn(w, 200, pages.SignIn{Error: "Callback"}) }).body)
	if got := d.byClass(t, "alert"); got != "before" {
		t.Errorf("got %q", got)
	}
}

// The page says how long to wait, in the application's own words.
func TestWait(t *testing.T) {
	t.Parallel()
	const german = "Noch {seconds} s, also {minutes} min."
	for _, row := range []struct {
		code, own string
		wait      time.Duration
		want      string
	}{
		{"RateLimited", "", 0, "Please wait a moment and try again."},
		{"RateLimited", "", time.Millisecond, "Please wait 1 second and try again."},
		{"ratelimited", "", 30500 * time.Millisecond, "Please wait 31 seconds and try again."},
		{"RateLimited", "", 119 * time.Second, "Please wait 119 seconds and try again."},
		{"RateLimited", "", 2 * time.Minute, "Please wait 2 minutes and try again."},
		{"RateLimited", "", 9*time.Minute + time.Second, "Please wait 10 minutes and try again."},
		{"RateLimited", "", 2*time.Hour + time.Second, "Please wait 3 hours and try again."},
		{"RateLimited", german, 90 * time.Second, "Noch 90 s, also 2 min."},
		{"RateLimited", german, 0, "Noch 1 s, also 1 min."},
		{"RateLimited", "Later.", time.Minute, "Later."},
		{"Verification", "", time.Minute, "It may have expired, or it was used before. Ask for a new one to sign in."},
	} {
		texts := pages.Texts{}
		if row.own != "" {
			texts.Errors = map[string]string{"RateLimited": row.own}
		}
		s := newSet(t, pages.Theme{}, texts)
		d := parse(t, get(t, func(w http.ResponseWriter, _ *http.Request) {
			s.Error(w, 429, pages.Error{Code: row.code, Wait: row.wait})
		}).body)
		if got := d.byClass(t, "text"); got != row.want {
			t.Errorf("%s after %v: %q, want %q", row.code, row.wait, got, row.want)
		}
	}
}
