package gormadapter_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/gormadapter"
	"github.com/ginauth/ginauth/internal/servertest"
	"github.com/ginauth/ginauth/oidc"
)

// Somebody signs in, is told apart, is deleted and is out at once, on each database.
func TestSignIn(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, _ *servertest.Server, open func(testing.TB, *gorm.Config) *gorm.DB) {
		users := migrated(t, open(t, nil), gormadapter.Options{TokenKey: keyA})
		idp, err := ginauthtest.NewProvider(ginauthtest.Config{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = idp.Close() })
		engine := gin.New()
		auth, err := ginauth.Register(engine, ginauth.Options{
			Providers: ginauth.Goth(oidc.New(oidc.Config{Name: "local", Issuer: idp.Issuer(), ClientID: idp.ClientID(), ClientSecret: idp.ClientSecret()})),
			Secret:    "0123456789abcdef0123456789abcdef", Adapter: users, Logger: slog.New(slog.DiscardHandler),
			Session: ginauth.SessionOptions{Revocations: users.Revocations()},
		})
		if err != nil {
			t.Fatal(err)
		}
		engine.GET("/id", auth.RequireSession(), func(c *gin.Context) { c.String(http.StatusOK, ginauth.GetSession(c).User.ID) })
		site := httptest.NewServer(engine)
		t.Cleanup(site.Close)

		signIn := func(subject string) (*http.Client, string) {
			t.Helper()
			jar, err := cookiejar.New(nil)
			if err != nil {
				t.Fatal(err)
			}
			client := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
			page := fetch(t, client, http.MethodGet, site.URL+"/api/auth/csrf", nil)
			csrf := strings.Split(page.body, `"`)[3]
			begun := fetch(t, client, http.MethodPost, site.URL+"/api/auth/signin/local", url.Values{"csrfToken": {csrf}})
			callback, err := idp.Approve(t.Context(), begun.location, subject)
			if err != nil {
				t.Fatal(err)
			}
			fetch(t, client, http.MethodGet, callback.String(), nil)
			return client, fetch(t, client, http.MethodGet, site.URL+"/id", nil).body
		}
		browser, ada := signIn("ada")
		_, again := signIn("ada")
		_, grace := signIn("grace")
		if ada == "" || again != ada || grace == ada {
			t.Fatalf("Ada is %q and then %q, Grace %q", ada, again, grace)
		}
		stored, err := users.GetUser(t.Context(), ada)
		if err != nil || stored.Email != "ada@example.com" || stored.EmailVerified.IsZero() {
			t.Errorf("stored is %+v, %v", stored, err)
		}
		account, err := users.Account(t.Context(), ada, "local", "ada")
		if err != nil || account.AccessToken == "" || account.IDToken == "" {
			t.Errorf("her account is %+v, %v", account, err)
		}
		if err := auth.DeleteUser(t.Context(), ada); err != nil {
			t.Fatal(err)
		}
		if res := fetch(t, browser, http.MethodGet, site.URL+"/id", nil); res.status != http.StatusUnauthorized {
			t.Errorf("deleted, she gets %d %s", res.status, res.body)
		}
		if _, fresh := signIn("ada"); fresh == ada || fresh == "" {
			t.Errorf("she comes again as %q", fresh)
		}
	})
}

type response struct {
	status         int
	location, body string
}

func fetch(t *testing.T, client *http.Client, method, target string, form url.Values) response {
	t.Helper()
	req, err := http.NewRequest(method, target, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response{res.StatusCode, res.Header.Get("Location"), string(body)}
}
