package pages_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"
	"time"

	"github.com/ginauth/ginauth/internal/pages"
)

// answer is a page as a browser gets it.
type answer struct {
	status int
	header http.Header
	body   string
}

// get serves one page over a real connection.
func get(t *testing.T, page http.HandlerFunc) answer {
	t.Helper()
	server := httptest.NewServer(page)
	defer server.Close()
	res, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(body)}
}

func newSet(t *testing.T, theme pages.Theme, texts pages.Texts) *pages.Set {
	t.Helper()
	s, err := pages.New(theme, texts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// everyKind is one provider of each kind.
func everyKind() []pages.Provider {
	return []pages.Provider{
		{ID: "github", Name: "GitHub", Type: "oauth", Action: "/api/auth/signin/github"},
		{ID: "credentials", Name: "Password", Type: "credentials", Action: "/api/auth/callback/credentials", Fields: []pages.Field{
			{Name: "username", Label: "User name", Placeholder: "ada"},
			{Name: "password", Label: "Password", Type: "password"},
			{Name: "totp", Label: "Code", Type: "text"},
			{Name: "colour", Type: "hidden"},
		}},
		{ID: "email", Name: "Email", Type: "email", Action: "/api/auth/signin/email"},
	}
}

var passkeyProvider = pages.Provider{ID: "passkey", Type: "webauthn", Action: "/api/auth/callback/passkey"}

// everyPage is each page of s, ordinary data in it, by name.
func everyPage(s *pages.Set) map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"sign in": func(w http.ResponseWriter, _ *http.Request) {
			s.SignIn(w, http.StatusOK, pages.SignIn{Providers: everyKind(), CSRFToken: "token", CallbackURL: "/after", Error: "Callback", Site: "app.example.com"})
		},
		"sign out": func(w http.ResponseWriter, _ *http.Request) {
			s.SignOut(w, pages.SignOut{Action: "/api/auth/signout", CSRFToken: "token", CallbackURL: "/after", Site: "app.example.com", Person: pages.Person{Name: "Ada", Email: "ada@example.com"}, BackURL: "/"})
		},
		"error": func(w http.ResponseWriter, _ *http.Request) {
			s.Error(w, http.StatusForbidden, pages.Error{Code: "AccessDenied", Site: "app.example.com", SignInURL: "/api/auth/signin"})
		},
		"verify request": func(w http.ResponseWriter, _ *http.Request) {
			s.VerifyRequest(w, pages.VerifyRequest{Site: "app.example.com"})
		},
		"code": func(w http.ResponseWriter, _ *http.Request) {
			s.VerifyRequest(w, pages.VerifyRequest{Site: "app.example.com", Action: "/api/auth/callback/email", CSRFToken: "token", CallbackURL: "/after", Wrong: true})
		},
		"confirm": func(w http.ResponseWriter, _ *http.Request) {
			s.Confirm(w, pages.Confirm{Site: "app.example.com", Action: "/api/auth/callback/email", CSRFToken: "token", CallbackURL: "/after", Email: "ada@example.com", Token: "proof"})
		},
		"sign in by passkey": func(w http.ResponseWriter, _ *http.Request) {
			s.SignIn(w, http.StatusOK, pages.SignIn{Providers: append(everyKind(), passkeyProvider), CSRFToken: "token", Site: "app.example.com", Script: "/api/auth/passkey.js"})
		},
		"factor by passkey": func(w http.ResponseWriter, _ *http.Request) {
			s.Factor(w, pages.Factor{Providers: []pages.Provider{passkeyProvider}, CSRFToken: "token", Site: "app.example.com", Script: "/api/auth/passkey.js"})
		},
		"passkeys": func(w http.ResponseWriter, _ *http.Request) {
			day := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
			s.Passkeys(w, http.StatusOK, pages.Passkeys{
				Action: "/api/auth/passkeys", CSRFToken: "token", Site: "app.example.com", Register: "/api/auth/callback/passkey", Script: "/api/auth/passkey.js",
				Passkeys: []pages.Passkey{{ID: "id", Name: "phone", Created: day, LastUsed: day, Synced: true}, {ID: "id2", Name: "key", Created: day, Cloned: true}},
			})
		},
		"no passkeys": func(w http.ResponseWriter, _ *http.Request) {
			s.Passkeys(w, http.StatusOK, pages.Passkeys{Action: "/api/auth/passkeys", CSRFToken: "token", Site: "app.example.com", Register: "/api/auth/callback/passkey", Script: "/api/auth/passkey.js", Error: "PasskeyRegistration"})
		},
		"factor": func(w http.ResponseWriter, _ *http.Request) {
			s.Factor(w, pages.Factor{Site: "app.example.com", Providers: everyKind(), CSRFToken: "token", CallbackURL: "/after", Error: "OtherAccount", Resend: true})
		},
		"factor's code": func(w http.ResponseWriter, _ *http.Request) {
			s.Factor(w, pages.Factor{Site: "app.example.com", CodeAction: "/api/auth/factor/email", CSRFToken: "token", CallbackURL: "/after", Wrong: true})
		},
		"no factor": func(w http.ResponseWriter, _ *http.Request) {
			s.Factor(w, pages.Factor{Site: "app.example.com", SignOutURL: "/api/auth/signout"})
		},
		"second factor": func(w http.ResponseWriter, _ *http.Request) {
			s.SecondFactor(w, http.StatusOK, pages.SecondFactor{
				Site: "app.example.com", Action: "/api/auth/second-factor/code", CSRFToken: "token", CallbackURL: "/after", Other: "/api/auth/second-factor/recovery", SignInURL: "/api/auth/signin",
				Trust: 30 * 24 * time.Hour, Wrong: true,
			})
		},
		"second factor by passkey": func(w http.ResponseWriter, _ *http.Request) {
			s.SecondFactor(w, http.StatusOK, pages.SecondFactor{
				Site: "app.example.com", Action: "/api/auth/second-factor/code", CSRFToken: "token", Other: "/api/auth/second-factor/recovery",
				Passkey: pages.SecondPasskey{Action: "/api/auth/second-factor/passkey", Script: "/api/auth/passkey.js", Wrong: true},
			})
		},
		"enrolment or passkey": func(w http.ResponseWriter, _ *http.Request) {
			s.Enrol(w, http.StatusOK, pages.Enrol{
				Site: "app.example.com", Action: "/api/auth/second-factor/enrol", CSRFToken: "token", Key: "ABCD EFGH", Setup: "sealed", Size: 2, Path: "M0 0h1v1h-1z",
				Required: true, Passkey: pages.SecondPasskey{Action: "/api/auth/second-factor/passkey", Script: "/api/auth/passkey.js"},
			})
		},
		"recovery code": func(w http.ResponseWriter, _ *http.Request) {
			s.SecondFactor(w, http.StatusOK, pages.SecondFactor{
				Site: "app.example.com", Action: "/api/auth/second-factor/recovery", CSRFToken: "token", Recovery: true, Other: "/api/auth/second-factor/code", Wrong: true,
			})
		},
		"enrolment": func(w http.ResponseWriter, _ *http.Request) {
			s.Enrol(w, http.StatusOK, pages.Enrol{
				Site: "app.example.com", Action: "/api/auth/second-factor/enrol", CSRFToken: "token", CallbackURL: "/after", Key: "ABCD EFGH", Setup: "sealed", Size: 2, Path: "M0 0h1v1h-1z",
				Required: true, SignInURL: "/api/auth/signin",
			})
		},
		"recovery codes": func(w http.ResponseWriter, _ *http.Request) {
			s.Codes(w, pages.Codes{Site: "app.example.com", Codes: []string{"3k9x-7qfd-0a2m-xw5t"}, URL: "/after"})
		},
		"two-step sign-in": func(w http.ResponseWriter, _ *http.Request) {
			s.TwoStep(w, pages.TwoStep{
				Site: "app.example.com", CSRFToken: "token", AddURL: "/api/auth/second-factor/add", CodesURL: "/api/auth/second-factor/codes", RemoveURL: "/api/auth/second-factor/remove",
				Since: time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC), Left: 10, Off: true,
			})
		},
		"account": func(w http.ResponseWriter, _ *http.Request) {
			s.Account(w, http.StatusConflict, pages.Account{
				Site: "app.example.com", Person: pages.Person{Name: "Ada", Email: "ada@example.com"}, Proved: true,
				Action: "/api/auth/account", CSRFToken: "token", SignOutURL: "/api/auth/signout", HomeURL: "/", Done: true, Failed: true,
				Sections: []pages.Section{
					{Kind: pages.Ways, Buttons: []pages.Action{{Do: "link", Label: "Google", Fields: map[string]string{"provider": "google"}}}, Items: []pages.Item{
						{Name: "GitHub", Way: &pages.Provider{Mark: "github"}, Left: []string{"Password"}, Button: &pages.Action{Do: "unlink"}}, {Name: "Password", Only: true},
					}},
					{Kind: pages.Sessions, Buttons: []pages.Action{{Do: "end-others"}}, Items: []pages.Item{
						{Name: "Firefox", Here: true}, {Used: time.Unix(1_700_000_000, 0), Button: &pages.Action{Do: "end", Fields: map[string]string{"session": "7"}}},
					}},
					{Kind: pages.Deletion, Buttons: []pages.Action{{Do: "delete"}}},
					{Kind: pages.OwnPasskeys, Manage: "/api/auth/passkeys"},
					{Kind: pages.SecondStep, Manage: "/api/auth/second-factor/list", Since: time.Unix(1_700_000_000, 0)},
				},
			})
		},
		"continue": func(w http.ResponseWriter, _ *http.Request) {
			s.Continue(w, pages.Continue{Site: "app.example.com", URL: "/api/auth/callback/github?code=c&state=s"})
		},
	}
}

var styleElement = regexp.MustCompile(`(?s)<style>(.*?)</style>`)

// style is the inline stylesheet, byte for byte.
func style(t *testing.T, body string) string {
	t.Helper()
	all := styleElement.FindAllStringSubmatch(body, -1)
	if len(all) != 1 {
		t.Fatalf("%d style elements, want 1", len(all))
	}
	return all[0][1]
}
