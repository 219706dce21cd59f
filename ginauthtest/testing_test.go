package ginauthtest_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/oidc"
)

// These are the tests that docs/testing.md shows: it has each function as it is here.

// newSite is the application under test.
func newSite(opts ginauth.Options) (*gin.Engine, *ginauth.Auth, error) {
	r := gin.New()
	auth, err := ginauth.Register(r, opts)
	if err != nil {
		return nil, nil, err
	}
	r.GET("/me", auth.RequireSession(), func(c *gin.Context) {
		c.String(http.StatusOK, "Hello, %s", ginauth.GetSession(c).User.Name)
	})
	r.DELETE("/members/:id", auth.RequireSession(isAdmin), func(c *gin.Context) {
		c.Status(http.StatusNoContent)
	})
	return r, auth, nil
}

func isAdmin(_ *gin.Context, s *ginauth.Session) bool {
	role, _ := ginauth.Value[string](s, "role")
	return role == "admin"
}

// keepRole and showRole are the application's callbacks: the role of a person comes from
// its own table.
func keepRole(_ *gin.Context, p ginauth.JWTParams) error {
	if p.User != nil {
		p.Token.Claims["role"] = map[string]string{"1": "admin"}[p.User.ID]
	}
	return nil
}

func showRole(_ *gin.Context, p ginauth.SessionParams) error {
	p.Session.Values["role"] = p.Token.Claims["role"]
	return nil
}

func options() ginauth.Options {
	return ginauth.Options{
		Secret: "a secret of this test, 32 bytes long",
		Providers: []ginauth.Provider{ginauth.Credentials{
			Authorize: func(*gin.Context, map[string]string) (*ginauth.User, error) { return nil, nil },
		}},
		Callbacks: ginauth.Callbacks{JWT: keepRole, Session: showRole},
	}
}

func TestMe(t *testing.T) {
	r, auth, err := newSite(options())
	if err != nil {
		t.Fatal(err)
	}
	req := httptest.NewRequest(http.MethodGet, "/me", nil)
	ginauthtest.SignIn(t, auth, req, ginauth.User{ID: "42", Name: "Ada Lovelace"})
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	if w.Code != http.StatusOK || w.Body.String() != "Hello, Ada Lovelace" {
		t.Errorf("answered %d %s", w.Code, w.Body)
	}
}

func TestDeleteMember(t *testing.T) {
	r, auth, err := newSite(options())
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name   string
		userID string // empty: nobody is signed in
		origin string // of the page that sends the request
		want   int
	}{
		{"nobody", "", "", http.StatusUnauthorized},
		{"a member", "42", "", http.StatusForbidden},
		{"an admin", "1", "", http.StatusNoContent},
		{"an admin, by another site's page", "1", "https://evil.example", http.StatusForbidden},
	} {
		t.Run(row.name, func(t *testing.T) {
			req := httptest.NewRequest(http.MethodDelete, "/members/7", nil)
			if row.origin != "" {
				req.Header.Set("Origin", row.origin)
			}
			if row.userID != "" {
				ginauthtest.SignIn(t, auth, req, ginauth.User{ID: row.userID})
			}
			w := httptest.NewRecorder()
			r.ServeHTTP(w, req)
			if w.Code != row.want {
				t.Errorf("answered %d, want %d", w.Code, row.want)
			}
		})
	}
}

func TestMe_Browser(t *testing.T) {
	r, auth, err := newSite(options())
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(r)
	defer server.Close()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}

	req, err := http.NewRequest(http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	ginauthtest.SignIn(t, auth, req, ginauth.User{ID: "42", Name: "Ada Lovelace"})
	jar.SetCookies(req.URL, req.Cookies())

	res, err := browser.Get(server.URL + "/me")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("answered %s", res.Status)
	}
}

// signInAt signs the person with that subject in at the provider, as a browser does, and
// returns the answer with which it ends.
func signInAt(t *testing.T, idp *ginauthtest.Provider, r http.Handler, subject string) *http.Response {
	t.Helper()
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	page, err := browser.Get(server.URL + "/api/auth/csrf")
	if err != nil {
		t.Fatal(err)
	}
	page.Body.Close()
	csrf := ""
	for _, c := range page.Cookies() {
		if c.Name == "next-auth.csrf-token" {
			csrf, _, _ = strings.Cut(c.Value, "%7C") // the token and its hash
		}
	}
	start, err := browser.PostForm(server.URL+"/api/auth/signin/local", url.Values{"csrfToken": {csrf}})
	if err != nil {
		t.Fatal(err)
	}
	start.Body.Close()
	callback, err := idp.Approve(t.Context(), start.Header.Get("Location"), subject)
	if err != nil {
		t.Fatal(err)
	}
	end, err := browser.Get(callback.String())
	if err != nil {
		t.Fatal(err)
	}
	end.Body.Close()
	return end
}

func newProvider(t *testing.T) (*ginauthtest.Provider, ginauth.Options) {
	t.Helper()
	idp, err := ginauthtest.NewProvider(ginauthtest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = idp.Close() })
	opts := options()
	opts.Providers = ginauth.Goth(oidc.New(oidc.Config{
		Name: "local", Issuer: idp.Issuer(), ClientID: idp.ClientID(), ClientSecret: idp.ClientSecret(),
	}))
	return idp, opts
}

func TestSignInAtProvider(t *testing.T) {
	idp, opts := newProvider(t)
	signedIn := ""
	opts.Events.SignIn = func(_ *gin.Context, e ginauth.SignInEvent) { signedIn = e.User.Email }
	r, _, err := newSite(opts)
	if err != nil {
		t.Fatal(err)
	}
	if end := signInAt(t, idp, r, "ada"); signedIn != "ada@example.com" {
		t.Errorf("signed in %q, and leads to %s", signedIn, end.Header.Get("Location"))
	}
}

func TestProviderThatLies(t *testing.T) {
	for name, lie := range map[string]func(idp *ginauthtest.Provider){
		"another audience":  func(idp *ginauthtest.Provider) { idp.TamperClaims(func(c map[string]any) { c["aud"] = "another" }) },
		"an expired token":  func(idp *ginauthtest.Provider) { idp.TamperClaims(func(c map[string]any) { c["exp"] = int64(1) }) },
		"another's answer":  func(idp *ginauthtest.Provider) { idp.TamperResponse(func(q url.Values) { q.Set("state", "x") }) },
		"no token endpoint": func(idp *ginauthtest.Provider) { idp.Break(ginauthtest.Token, http.NotFoundHandler()) },
	} {
		t.Run(name, func(t *testing.T) {
			idp, opts := newProvider(t)
			opts.Events.SignIn = func(*gin.Context, ginauth.SignInEvent) { t.Error("somebody is signed in") }
			r, _, err := newSite(opts)
			if err != nil {
				t.Fatal(err)
			}
			lie(idp)
			if to := signInAt(t, idp, r, "ada").Header.Get("Location"); !strings.Contains(to, "/api/auth/error?error=") {
				t.Errorf("leads to %s", to)
			}
		})
	}
}

func TestMe_WithAdapter(t *testing.T) {
	opts := options()
	opts.Adapter = ginauth.MemoryAdapter()
	r, auth, err := newSite(opts)
	if err != nil {
		t.Fatal(err)
	}
	user, err := opts.Adapter.CreateUser(t.Context(), ginauth.User{Name: "Ada Lovelace"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	req := httptest.NewRequest(http.MethodGet, "/me", nil)
	ginauthtest.SignIn(t, auth, req, user)
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	if w.Code != http.StatusOK {
		t.Errorf("answered %d %s", w.Code, w.Body)
	}
}

// newAPI is an API that takes access tokens of an authorization server.
func newAPI(issuer string) (*gin.Engine, error) {
	r := gin.New()
	auth, err := ginauth.New(ginauth.Options{Secret: "a secret of this test, 32 bytes long"})
	if err != nil {
		return nil, err
	}
	verify, err := oidc.NewBearer(oidc.BearerConfig{Issuer: issuer, Audience: "https://api.example.com"})
	if err != nil {
		return nil, err
	}
	api := r.Group("/", auth.AcceptBearer(verify))
	api.GET("/orders", auth.RequireSession(ginauth.Scope("orders:read")), func(c *gin.Context) {
		c.Status(http.StatusOK)
	})
	return r, nil
}

func TestOrders(t *testing.T) {
	idp, err := ginauthtest.NewProvider(ginauthtest.Config{APIAudience: "https://api.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	defer idp.Close()
	r, err := newAPI(idp.Issuer())
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name   string
		scopes []string
		lie    func(claims map[string]any)
		want   int
	}{
		{"who may read orders", []string{"orders:read"}, nil, http.StatusOK},
		{"who may only write them", []string{"orders:write"}, nil, http.StatusForbidden},
		{"a token for another API", []string{"orders:read"}, func(c map[string]any) { c["aud"] = "https://other.example.com" }, http.StatusUnauthorized},
		{"an expired token", []string{"orders:read"}, func(c map[string]any) { c["exp"] = int64(1) }, http.StatusUnauthorized},
	} {
		t.Run(row.name, func(t *testing.T) {
			idp.TamperAccessClaims(row.lie)
			token, err := idp.AccessToken("ada", row.scopes...)
			if err != nil {
				t.Fatal(err)
			}
			req := httptest.NewRequest(http.MethodGet, "/orders", nil)
			req.Header.Set("Authorization", "Bearer "+token)
			w := httptest.NewRecorder()
			r.ServeHTTP(w, req)
			if w.Code != row.want {
				t.Errorf("answered %d, want %d: %s", w.Code, row.want, w.Body)
			}
		})
	}
}

// Every snippet of docs/testing.md and docs/testing-apis.md is code of this file, which
// compiles and runs.
func TestTestingPage(t *testing.T) {
	page, err := os.ReadFile("../docs/testing.md")
	if err != nil {
		t.Fatal(err)
	}
	apis, err := os.ReadFile("../docs/testing-apis.md")
	if err != nil {
		t.Fatal(err)
	}
	page = append(page, apis...)
	own, err := os.ReadFile("testing_test.go")
	if err != nil {
		t.Fatal(err)
	}
	snippets := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllSubmatch(page, -1)
	for _, s := range snippets {
		if !strings.Contains(string(own), string(s[1])) {
			t.Errorf("docs/testing.md shows what testing_test.go does not have:\n%s", s[1])
		}
	}
	for _, name := range regexp.MustCompile(`func (Test\w+)\(`).FindAllSubmatch(own, -1) {
		if string(name[1]) != "TestTestingPage" && !strings.Contains(string(page), string(name[0])) {
			t.Errorf("docs/testing.md does not show %s", name[1])
		}
	}
	if len(snippets) < 8 {
		t.Errorf("docs/testing.md has %d snippets", len(snippets))
	}
}
