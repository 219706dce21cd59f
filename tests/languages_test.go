package tests

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/texts"
)

// The language of a page is the best match for the request, as RFC 4647 and the
// application say.
func TestTranslations(t *testing.T) {
	t.Parallel()
	app := newApp(t, ginauth.Options{
		Providers:    []ginauth.Provider{members()},
		Texts:        ginauth.Texts{SiteName: "The Shop", SignInTitle: "Enter"},
		Translations: map[string]ginauth.Texts{"de": texts.German, "ar": texts.Arabic, "pt-BR": {SignInTitle: "Entrar"}},
		Language:     func(c *gin.Context) string { return c.Query("lang") },
	})
	for _, tt := range []struct{ accept, chosen, lang, dir, title string }{
		{"", "", "en", "ltr", "Enter"},
		{"de", "", "de", "ltr", "Anmelden"},
		{"de-AT, en;q=0.8", "", "de", "ltr", "Anmelden"},
		{"fr, en;q=0.9, de;q=0.5", "", "en", "ltr", "Enter"},
		{"fr", "", "en", "ltr", "Enter"},
		{"ar-EG", "", "ar", "rtl", "تسجيل الدخول"},
		{"pt", "", "pt-BR", "ltr", "Entrar"},
		{"de;q=0, en", "", "en", "ltr", "Enter"},
		{"*", "", "en", "ltr", "Enter"},
		{"de", "ar", "ar", "rtl", "تسجيل الدخول"},
		{"de", "fr", "en", "ltr", "Enter"},
		{"de", "not a tag", "en", "ltr", "Enter"},
		{strings.Repeat("x-", 30000), "", "en", "ltr", "Enter"},
		{"\x80\xff", "", "en", "ltr", "Enter"},
	} {
		b := app.browser(t)
		req := b.request(http.MethodGet, "/api/auth/signin?lang="+url.QueryEscape(tt.chosen), nil)
		req.Header.Set("Accept-Language", tt.accept)
		res := b.do(req)
		if !strings.Contains(res.body, `<html lang="`+tt.lang+`" dir="`+tt.dir+`"`) || !strings.Contains(res.body, "<h1>"+tt.title+"</h1>") || !strings.Contains(res.body, "The Shop") {
			t.Errorf("%.30q, %q: %.300s", tt.accept, tt.chosen, res.body)
		}
		if !slices.Contains(res.Header.Values("Vary"), "Accept-Language") {
			t.Errorf("%.30q: Vary %q", tt.accept, res.Header.Values("Vary"))
		}
	}
	b := app.browser(t)
	for path, text := range map[string]string{
		"/api/auth/error?error=Verification": "Dieser Link funktioniert nicht mehr",
		"/api/auth/signout":                  "Abmelden",
		"/api/auth/signin?error=Callback":    "Die Anmeldung wurde unterbrochen.",
	} {
		req := b.request(http.MethodGet, path, nil)
		req.Header.Set("Accept-Language", "de")
		if res := b.do(req); !strings.Contains(res.body, text) {
			t.Errorf("%s: %s", path, res.body)
		}
	}
}

// A guard speaks the reader's language on a page, and English to programs.
func TestTranslations_Guards(t *testing.T) {
	t.Parallel()
	app := newApp(t, ginauth.Options{Providers: []ginauth.Provider{members()}, Translations: map[string]ginauth.Texts{"de": texts.German}})
	app.engine.GET("/admin", app.auth.RequireSession(func(*gin.Context, *ginauth.Session) bool { return false }))
	b := app.browser(t)
	b.post("/api/auth/callback/credentials", url.Values{"csrfToken": {b.csrf()}, "username": {"ada"}, "password": {adasPassword}})
	for accept, text := range map[string]string{"text/html": "Sie haben darauf keinen Zugriff.", "application/json": "You do not have access to this."} {
		req := b.request(http.MethodGet, "/admin", nil)
		req.Header.Set("Accept", accept)
		req.Header.Set("Accept-Language", "de")
		if res := b.do(req); res.StatusCode != http.StatusForbidden || !strings.Contains(res.body, text) {
			t.Errorf("%s: %d %s", accept, res.StatusCode, res.body)
		}
	}
}

// A mail is written in the language of the request that asked for it.
func TestTranslations_Mail(t *testing.T) {
	t.Parallel()
	a := newMailApp(t, ginauth.Email{}, ginauth.Options{Translations: map[string]ginauth.Texts{"de": texts.German}})
	b := a.browser(t)
	req := b.request(http.MethodPost, "/api/auth/signin/email", url.Values{"csrfToken": {b.csrf()}, "email": {"ada@example.com"}})
	req.Header.Set("Accept-Language", "de-CH")
	b.do(req)
	if m := a.inbox.newest(t); !strings.HasPrefix(m.Subject, "Anmeldung bei ") || !strings.Contains(m.Text, "melden Sie sich") {
		t.Errorf("%q %s", m.Subject, m.Text)
	}
}

func TestTranslations_Faults(t *testing.T) {
	t.Parallel()
	for want, translations := range map[string]map[string]ginauth.Texts{
		`the tag "deutsch!"`: {"deutsch!": {}},
		`the tag ""`:         {"": {}},
		`the tag "und"`:      {"und": {}},
		"Dir":                {"de": {Dir: "up"}},
	} {
		_, err := ginauth.New(ginauth.Options{Secret: testSecret, BaseURL: "https://app.example.com", Translations: translations})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
