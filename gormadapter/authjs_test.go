package gormadapter_test

import (
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/gormadapter"
	"github.com/ginauth/ginauth/internal/servertest"
	"github.com/ginauth/ginauth/oidc"
)

const fromAuthJS = "sql/from_authjs_postgres.sql"

// The recipe in sql copies what the npm package itself wrote: people are who they
// were, with their IDs.
func TestFromAuthJS(t *testing.T) {
	t.Parallel()
	const folder = "testdata/authjs"
	if _, err := os.Stat(filepath.Join(folder, "node_modules")); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("npm --prefix gormadapter/testdata/authjs ci has not run")
		}
		t.Skip("npm --prefix gormadapter/testdata/authjs ci has not run")
	}
	server := servertest.Postgres(t)
	dsn := "postgres://postgres@" + server.Addr() + "/postgres?sslmode=disable"
	db := opened(t, postgres.Open(dsn), &gorm.Config{})
	cmd := exec.Command("node", filepath.Join(folder, "write.mjs"))
	cmd.Env = append(os.Environ(), "DATABASE_URL="+dsn)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, statement := range []string{
		"CREATE SCHEMA authjs", "ALTER TABLE users SET SCHEMA authjs", "ALTER TABLE accounts SET SCHEMA authjs",
		"ALTER TABLE sessions SET SCHEMA authjs", "ALTER TABLE verification_token SET SCHEMA authjs",
	} {
		if err := db.Exec(statement).Error; err != nil {
			t.Fatal(err)
		}
	}
	users, err := gormadapter.New(db, gormadapter.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := users.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	recipe, err := os.ReadFile(fromAuthJS)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Exec(string(recipe)).Error; err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		provider, id string
		want         ginauth.User
	}{
		{"github", "1001", ginauth.User{ID: "1", Name: "Ada Lovelace", Email: "ada@example.com", EmailVerified: time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC), Image: "https://pictures.example/ada.png"}},
		{"azure-ad", "sub-of-grace", ginauth.User{ID: "2", Email: "grace@example.com"}},
		{"google", "3", ginauth.User{ID: "3", Name: "Ada again"}},
		{"local", "ada", ginauth.User{ID: "4", Name: "Known Here"}},
		{"twitter", "4", ginauth.User{ID: "5", Name: "Nobody"}},
	} {
		got, err := users.GetUserByAccount(t.Context(), tt.provider, tt.id)
		if err != nil || got.ID != tt.want.ID || got.Name != tt.want.Name || got.Email != tt.want.Email || got.Image != tt.want.Image || !got.EmailVerified.Equal(tt.want.EmailVerified) {
			t.Errorf("%s %s: %+v, %v", tt.provider, tt.id, got, err)
		}
		account, err := users.Account(t.Context(), tt.want.ID, tt.provider, tt.id)
		if err != nil || account.AccessToken != "" || account.Type != "oauth" || account.Scope != "a b" {
			t.Errorf("%s %s: %+v, %v", tt.provider, tt.id, account, err)
		}
	}
	if id := signedIn(t, users, "ada"); id != "4" {
		t.Errorf("Ada signs in as %q", id)
	}
}

// signedIn is who a person at the provider local signs in as.
func signedIn(t *testing.T, users *gormadapter.Adapter, subject string) string {
	t.Helper()
	idp, err := ginauthtest.NewProvider(ginauthtest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = idp.Close() })
	engine := gin.New()
	auth, err := ginauth.Register(engine, ginauth.Options{
		Providers: ginauth.Goth(oidc.New(oidc.Config{Name: "local", Issuer: idp.Issuer(), ClientID: idp.ClientID(), ClientSecret: idp.ClientSecret()})),
		Secret:    "0123456789abcdef0123456789abcdef", Adapter: users, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	engine.GET("/id", auth.RequireSession(), func(c *gin.Context) { c.String(http.StatusOK, ginauth.GetSession(c).User.ID) })
	site := httptest.NewServer(engine)
	t.Cleanup(site.Close)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	csrf := strings.Split(fetch(t, client, http.MethodGet, site.URL+"/api/auth/csrf", nil).body, `"`)[3]
	begun := fetch(t, client, http.MethodPost, site.URL+"/api/auth/signin/local", url.Values{"csrfToken": {csrf}})
	callback, err := idp.Approve(t.Context(), begun.location, subject)
	if err != nil {
		t.Fatal(err)
	}
	fetch(t, client, http.MethodGet, callback.String(), nil)
	return fetch(t, client, http.MethodGet, site.URL+"/id", nil).body
}
