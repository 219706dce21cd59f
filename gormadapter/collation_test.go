package gormadapter_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"gorm.io/driver/mysql"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/gormadapter"
	"github.com/ginauth/ginauth/internal/servertest"
	"github.com/ginauth/ginauth/oidc"
)

// A table that was there before, with text columns of a collation that takes ada, ADA
// and adá for one: the adapter leaves it alone, and ginauth believes none of its answers
// about another user.
func TestCollation(t *testing.T) {
	t.Parallel()
	server := servertest.MariaDB(t)
	dsn := func(name string) string { return "root@tcp(" + server.Addr() + ")/" + name }
	admin := opened(t, mysql.Open(dsn("mysql")), nil)
	for _, collation := range []string{"utf8mb4_general_ci", "utf8mb4_unicode_ci", "utf8mb4_unicode_520_ci", "utf8mb4_uca1400_ai_ci"} {
		t.Run(collation, func(t *testing.T) {
			t.Parallel()
			var known int64
			if err := admin.Raw("SELECT COUNT(*) FROM information_schema.COLLATION_CHARACTER_SET_APPLICABILITY WHERE FULL_COLLATION_NAME = ? OR COLLATION_NAME = ?", collation, collation).Scan(&known).Error; err != nil {
				t.Fatal(err)
			}
			if known == 0 {
				if os.Getenv("CI") == "true" {
					t.Fatal("this server does not know it")
				}
				t.Skip("this server does not know it")
			}
			db := opened(t, mysql.Open(dsn(newDatabase(t, admin))), nil)
			users := migrated(t, db, gormadapter.Options{})
			for _, column := range []string{"users MODIFY email VARCHAR(191)", "accounts MODIFY provider_account_id VARCHAR(191)"} {
				if err := db.Exec("ALTER TABLE " + column + " CHARACTER SET utf8mb4 COLLATE " + collation).Error; err != nil {
					t.Fatal(err)
				}
			}
			testCollation(t, users)
		})
	}
}

// testCollation signs in people whom the database cannot tell from Ada.
func testCollation(t *testing.T, users *gormadapter.Adapter) {
	const spelled = "ad\u00e1@example.com"
	idp, err := ginauthtest.NewProvider(ginauthtest.Config{People: []ginauthtest.Person{
		{Subject: "ada", Name: "Ada", Email: "ada@example.com", EmailVerified: true},
		{Subject: "ADA", Name: "Another", Email: "other@example.com", EmailVerified: true},
		{Subject: "ad\u00e1", Name: "A third", Email: "third@example.com", EmailVerified: true},
		{Subject: "1815", Name: "A fourth", Email: spelled, EmailVerified: true},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = idp.Close() })
	var link string
	engine := gin.New()
	site := httptest.NewUnstartedServer(engine)
	auth, err := ginauth.Register(engine, ginauth.Options{
		BaseURL: "http://" + site.Listener.Addr().String(),
		Secret:  "0123456789abcdef0123456789abcdef", Adapter: users, Logger: slog.New(slog.DiscardHandler),
		Session: ginauth.SessionOptions{Revocations: users.Revocations()},
		Providers: []ginauth.Provider{
			ginauth.OAuth{
				Provider:                     oidc.New(oidc.Config{Name: "local", Issuer: idp.Issuer(), ClientID: idp.ClientID(), ClientSecret: idp.ClientSecret()}),
				DangerousEmailAccountLinking: true,
			},
			ginauth.Email{Send: func(_ context.Context, m ginauth.Mail) error { link = m.URL; return nil }},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	engine.GET("/id", auth.RequireSession(), func(c *gin.Context) { c.String(http.StatusOK, ginauth.GetSession(c).User.ID) })
	site.Start()
	t.Cleanup(site.Close)

	// enter runs a sign-in in a browser of its own, and returns who they then are.
	enter := func(run func(client *http.Client, csrf string)) string {
		t.Helper()
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		client := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		run(client, strings.Split(fetch(t, client, http.MethodGet, site.URL+"/api/auth/csrf", nil).body, `"`)[3])
		if res := fetch(t, client, http.MethodGet, site.URL+"/id", nil); res.status == http.StatusOK {
			return res.body
		}
		return ""
	}
	byProvider := func(subject string) string {
		return enter(func(client *http.Client, csrf string) {
			begun := fetch(t, client, http.MethodPost, site.URL+"/api/auth/signin/local", url.Values{"csrfToken": {csrf}})
			callback, err := idp.Approve(t.Context(), begun.location, subject)
			if err != nil {
				t.Fatal(err)
			}
			fetch(t, client, http.MethodGet, callback.String(), nil)
		})
	}
	byMail := func(email string) string {
		return enter(func(client *http.Client, csrf string) {
			fetch(t, client, http.MethodPost, site.URL+"/api/auth/signin/email", url.Values{"csrfToken": {csrf}, "email": {email}})
			u, err := url.Parse(link)
			if err != nil {
				t.Fatal(err)
			}
			form := u.Query()
			form.Set("csrfToken", csrf)
			fetch(t, client, http.MethodPost, site.URL+"/api/auth/callback/email", form)
		})
	}

	ada := byProvider("ada")
	if ada == "" || byProvider("ada") != ada || byMail("ada@example.com") != ada {
		t.Fatalf("Ada is %q", ada)
	}
	// The database's own answers, which make this a test.
	if user, err := users.GetUserByEmail(t.Context(), spelled); err != nil || user.ID != ada {
		t.Fatalf("the database tells %s apart: %+v, %v", spelled, user, err)
	}
	if user, err := users.GetUserByAccount(t.Context(), "local", "ADA"); err != nil || user.ID != ada {
		t.Fatalf("the database tells ADA apart: %+v, %v", user, err)
	}
	for name, got := range map[string]string{
		"adá by mail":             byMail(spelled),
		"the subject ADA":         byProvider("ADA"),
		"the subject adá":         byProvider("ad\u00e1"),
		"adá by a trusted issuer": byProvider("1815"),
	} {
		if got != "" {
			t.Errorf("%s signs in as %q; Ada is %q", name, got, ada)
		}
	}
	if list, err := users.ListAccounts(t.Context(), ada); err != nil || len(list) != 1 {
		t.Errorf("Ada has the accounts %+v, %v", list, err)
	}
}
