package recipes_test

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/oidc"
	"github.com/ginauth/ginauth/recipes"
)

// options are those of a site without a provider to reach.
func options() ginauth.Options {
	return ginauth.Options{
		Secret:  secret,
		BaseURL: "https://app.example.com",
		Providers: []ginauth.Provider{ginauth.Credentials{
			Authorize: func(*gin.Context, map[string]string) (*ginauth.User, error) { return nil, nil },
		}},
	}
}

func register(t *testing.T, opts ginauth.Options) (*gin.Engine, *ginauth.Auth) {
	t.Helper()
	r := gin.New()
	auth, err := ginauth.Register(r, opts)
	if err != nil {
		t.Fatal(err)
	}
	return r, auth
}

// send sends a request with these cookies, and returns the answer with those that it set.
func send(r http.Handler, method, target string, cookies []*http.Cookie, header ...string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(method, target, nil)
	for _, c := range cookies {
		req.AddCookie(c)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	return w
}

// signedIn are the cookies of somebody's session.
func signedIn(t *testing.T, auth *ginauth.Auth, userID string) []*http.Cookie {
	t.Helper()
	req := httptest.NewRequest(http.MethodGet, "https://app.example.com/", nil)
	ginauthtest.SignIn(t, auth, req, ginauth.User{ID: userID})
	return req.Cookies()
}

// A role that somebody else changes counts when it is looked up again, and not before.
func TestRoles(t *testing.T) {
	t.Parallel()
	role := map[string]string{"ada": "admin", "eve": "member"}
	asked := 0
	roles := recipes.Roles{Of: func(_ context.Context, userID string) (string, error) { asked++; return role[userID], nil }}
	opts := options()
	opts.Callbacks.JWT = roles.Keep
	r, auth := register(t, opts)
	r.GET("/admin", auth.RequireSession(recipes.HasRole("admin")), func(c *gin.Context) { c.Status(http.StatusNoContent) })
	ada, eve := signedIn(t, auth, "ada"), signedIn(t, auth, "eve")
	for range 3 {
		if w := send(r, "GET", "https://app.example.com/admin", ada); w.Code != http.StatusNoContent {
			t.Errorf("ada: %d", w.Code)
		}
		if w := send(r, "GET", "https://app.example.com/admin", eve); w.Code != http.StatusForbidden {
			t.Errorf("eve: %d", w.Code)
		}
	}
	if asked != 2 {
		t.Errorf("asked %d times for two people", asked)
	}
	token := &ginauth.Token{Subject: "ada", Claims: map[string]any{"role": "admin", "roleSeen": "2026-01-01T00:00:00Z"}}
	role["ada"] = "member"
	if err := roles.Keep(newContext(), ginauth.JWTParams{Token: token}); err != nil || token.Claims["role"] != "member" {
		t.Errorf("a minute later: %v, %v", token.Claims["role"], err)
	}
	token.Claims["roleSeen"], role["ada"] = "2026-01-01T00:00:00Z", "banned"
	if err := roles.Keep(newContext(), ginauth.JWTParams{Token: token}); err != ginauth.ErrSignedOut {
		t.Errorf("banned: %v", err)
	}
}

func newContext() *gin.Context {
	c, _ := gin.CreateTestContext(httptest.NewRecorder())
	c.Request = httptest.NewRequest(http.MethodGet, "https://app.example.com/", nil)
	return c
}

// A key opens what its scopes allow, and nothing once it is deleted.
func TestKeys(t *testing.T) {
	t.Parallel()
	var keys recipes.Keys
	r, auth := register(t, options())
	api := r.Group("/api", auth.AcceptBearer(keys.Verify), auth.RequireSession())
	api.GET("/orders", auth.RequireSession(ginauth.Scope("orders:read")), func(c *gin.Context) {
		c.String(http.StatusOK, ginauth.GetSession(c).User.ID)
	})
	reader, other := keys.Create("ada", "orders:read"), keys.Create("eve")
	get := func(key string) *httptest.ResponseRecorder {
		return send(r, "GET", "https://app.example.com/api/orders", nil, "Authorization", "Bearer "+key)
	}
	if w := get(reader); w.Code != http.StatusOK || w.Body.String() != "ada" {
		t.Errorf("with the scope: %d %s", w.Code, w.Body)
	}
	if w := get(other); w.Code != http.StatusForbidden {
		t.Errorf("without the scope: %d", w.Code)
	}
	if w := get(reader + "x"); w.Code != http.StatusUnauthorized {
		t.Errorf("another key: %d", w.Code)
	}
	keys.Delete("ada")
	if w := get(reader); w.Code != http.StatusUnauthorized {
		t.Errorf("a deleted key: %d", w.Code)
	}
}

// atProvider signs a person in at a provider with the id, and says where that led.
func atProvider(t *testing.T, id string, person ginauthtest.Person, change func(*ginauth.Options)) string {
	t.Helper()
	idp, err := ginauthtest.NewProvider(ginauthtest.Config{People: []ginauthtest.Person{person}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = idp.Close() })
	opts := ginauth.Options{Secret: secret, Providers: ginauth.Goth(oidc.New(oidc.Config{
		Name: id, Issuer: idp.Issuer(), ClientID: idp.ClientID(), ClientSecret: idp.ClientSecret(),
	}))}
	change(&opts)
	r, _ := register(t, opts)
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
	body, _ := io.ReadAll(page.Body)
	page.Body.Close()
	csrf := strings.Split(string(body), `"`)[3]
	start, err := browser.PostForm(server.URL+"/api/auth/signin/"+id, url.Values{"csrfToken": {csrf}})
	if err != nil {
		t.Fatal(err)
	}
	start.Body.Close()
	callback, err := idp.Approve(t.Context(), start.Header.Get("Location"), person.Subject)
	if err != nil {
		t.Fatal(err)
	}
	end, err := browser.Get(callback.String())
	if err != nil {
		t.Fatal(err)
	}
	end.Body.Close()
	return strings.TrimPrefix(end.Header.Get("Location"), server.URL)
}

// Only accounts that the domain manages get in: the address alone does not say so.
func TestOnlyWorkspace(t *testing.T) {
	t.Parallel()
	for hd, in := range map[any]bool{"example.com": true, "other.example": false, nil: false} {
		person := ginauthtest.Person{Subject: "1", Name: "Ada", Email: "ada@example.com", EmailVerified: true, Claims: map[string]any{"hd": hd}}
		to := atProvider(t, "google", person, func(o *ginauth.Options) { o.Callbacks.SignIn = recipes.OnlyWorkspace("example.com") })
		if strings.Contains(to, "error") == in {
			t.Errorf("hd %v leads to %s", hd, to)
		}
	}
}

// Only active members get in, by what GitHub's API answers to the person's own token.
func TestOnlyOrganisation(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		status int
		body   string
		in     bool
	}{
		"an active member": {200, `{"state":"active"}`, true},
		"invited":          {200, `{"state":"pending"}`, false},
		"no member":        {404, `{"message":"Not Found"}`, false},
		"no scope":         {403, `{"message":"Forbidden"}`, false},
		"broken":           {500, ``, false},
		"no JSON":          {200, `<html>`, false},
	} {
		var sent, path string
		api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			sent, path = req.Header.Get("Authorization"), req.URL.Path
			w.WriteHeader(row.status)
			_, _ = io.WriteString(w, row.body)
		}))
		person := ginauthtest.Person{Subject: "1", Name: "Ada"}
		to := atProvider(t, "github", person, func(o *ginauth.Options) {
			o.Callbacks.SignIn = recipes.OnlyOrganisation(api.Client(), api.URL, "acme")
		})
		api.Close()
		if strings.Contains(to, "error") == row.in || path != "/user/memberships/orgs/acme" || len(sent) < len("Bearer x") {
			t.Errorf("%s: leads to %s, asked %s with %d bytes", name, to, path, len(sent))
		}
	}
}

// An invited, verified address gets in, once its account exists also without invitation.
func TestInvitations(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		email    string
		verified bool
		known    bool
		in       bool
	}{
		"invited":              {"ada@example.com", true, false, true},
		"invited, not proved":  {"ada@example.com", false, false, false},
		"not invited":          {"eve@example.com", true, false, false},
		"known, not invited":   {"eve@example.com", true, true, true},
		"nobody's address yet": {"", false, false, false},
	} {
		users := ginauth.MemoryAdapter()
		if row.known {
			account := ginauth.Account{Provider: "github", Type: "oauth", ProviderAccountID: "1"}
			if _, err := users.CreateUser(t.Context(), ginauth.User{Email: row.email}, &account); err != nil {
				t.Fatal(err)
			}
		}
		invitations := recipes.Invitations{Users: users, Invited: func(_ context.Context, email string) (bool, error) { return email == "ada@example.com", nil }}
		person := ginauthtest.Person{Subject: "1", Name: "Ada", Email: row.email, EmailVerified: row.verified}
		to := atProvider(t, "github", person, func(o *ginauth.Options) {
			o.Adapter, o.Callbacks.SignIn = users, invitations.Allow
		})
		if strings.Contains(to, "error") == row.in {
			t.Errorf("%s: leads to %s", name, to)
		}
	}
}

// An administrator sees another user's data, changes nothing in that time, and a page
// cannot choose whom to see.
func TestViewAs(t *testing.T) {
	t.Parallel()
	opts := options()
	opts.Callbacks.JWT = func(_ *gin.Context, p ginauth.JWTParams) error { recipes.KeepViewAs(p); return nil }
	r, auth := register(t, opts)
	r.GET("/orders", auth.RequireSession(recipes.ReadOnly), func(c *gin.Context) { c.String(http.StatusOK, recipes.ViewedUser(c)) })
	r.POST("/orders", auth.RequireSession(recipes.ReadOnly), func(c *gin.Context) { c.Status(http.StatusNoContent) })
	r.POST("/view-as/:id", auth.RequireSession(), func(c *gin.Context) {
		if _, err := auth.Update(c, recipes.ViewAs{UserID: strings.Trim(c.Param("id"), "-")}); err != nil {
			t.Error(err)
		}
	})
	r.POST("/theirs", auth.RequireSession(), func(c *gin.Context) { // what a page sends
		_, _ = auth.Update(c, map[string]any{"UserID": "eve", "viewAs": "eve"})
	})
	const site = "https://app.example.com"
	cookies := signedIn(t, auth, "ada")
	post := func(path string) []*http.Cookie {
		return send(r, "POST", site+path, cookies, "Origin", site).Result().Cookies()
	}
	sees := func(as []*http.Cookie) string { return send(r, "GET", site+"/orders", as).Body.String() }
	if got := sees(post("/theirs")); got != "ada" {
		t.Errorf("a page made ada see %q", got)
	}
	viewing := post("/view-as/eve")
	if got := sees(viewing); got != "eve" {
		t.Errorf("sees %q", got)
	}
	if w := send(r, "POST", site+"/orders", viewing, "Origin", site); w.Code != http.StatusForbidden {
		t.Errorf("changes something: %d", w.Code)
	}
	cookies = viewing
	if got := sees(post("/view-as/-")); got != "ada" {
		t.Errorf("afterwards sees %q", got)
	}
}

// A browser's rules for another origin's requests (the Fetch standard): preflight, allowed
// origin, credentials. Only the origin that is named may change something.
func TestCrossOrigin(t *testing.T) {
	t.Parallel()
	const api, app = "https://app.example.com", "https://front.example.com"
	opts := options()
	opts.TrustedOrigins = []string{app}
	r := gin.New()
	r.Use(recipes.CrossOrigin(app))
	auth, err := ginauth.Register(r, opts)
	if err != nil {
		t.Fatal(err)
	}
	r.DELETE("/orders/1", auth.RequireSession(), func(c *gin.Context) { c.Status(http.StatusNoContent) })
	cookies := signedIn(t, auth, "ada")
	for origin, allowed := range map[string]bool{app: true, "https://evil.example": false} {
		preflight := send(r, "OPTIONS", api+"/orders/1", nil, "Origin", origin, "Access-Control-Request-Method", "DELETE")
		if got := preflight.Header().Get("Access-Control-Allow-Origin") == origin && preflight.Header().Get("Access-Control-Allow-Credentials") == "true"; got != allowed {
			t.Errorf("%s: preflight %d %v", origin, preflight.Code, preflight.Header())
		}
		session := send(r, "GET", api+"/api/auth/session", cookies, "Origin", origin)
		if got := session.Header().Get("Access-Control-Allow-Origin") == origin; got != allowed {
			t.Errorf("%s: session %d %v", origin, session.Code, session.Header())
		}
		if w := send(r, "DELETE", api+"/orders/1", cookies, "Origin", origin, "Sec-Fetch-Site", "same-site"); (w.Code == http.StatusNoContent) != allowed {
			t.Errorf("%s: DELETE %d", origin, w.Code)
		}
	}
}

// One site signs people in, and another opens their session.
func TestTwoSites(t *testing.T) {
	t.Parallel()
	const accounts, shop = "https://app.example.com", "https://shop.example.com"
	opts := options()
	opts.Cookies.Domain = "example.com"
	opts.AllowedRedirects = []string{shop}
	front, signer := register(t, opts)
	reader, err := ginauth.New(ginauth.Options{Secret: secret, BaseURL: shop, Cookies: ginauth.CookieOptions{Domain: "example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	r := gin.New()
	r.GET("/cart", reader.LoadSession(), recipes.SendToSignIn(accounts, shop), func(c *gin.Context) {
		c.String(http.StatusOK, ginauth.GetSession(c).User.ID)
	})
	out := send(r, "GET", shop+"/cart?a=1&b=2", nil)
	to, err := url.Parse(out.Header().Get("Location"))
	if err != nil || out.Code != http.StatusSeeOther || to.Query().Get("callbackUrl") != shop+"/cart?a=1&b=2" {
		t.Fatalf("%d %v", out.Code, out.Header())
	}
	page := send(front, "GET", to.String(), nil)
	kept := func(c *http.Cookie) bool { return c.Value == url.QueryEscape(shop+"/cart?a=1&b=2") }
	if page.Code != http.StatusOK || !slices.ContainsFunc(page.Result().Cookies(), kept) {
		t.Errorf("the sign-in would not lead back: %v", page.Header())
	}
	if in := send(r, "GET", shop+"/cart", signedIn(t, signer, "ada")); in.Body.String() != "ada" {
		t.Errorf("%d %s", in.Code, in.Body)
	}
}

// The page reads the features of its person.
func TestFeatures(t *testing.T) {
	t.Parallel()
	enabled := func(userID string) []string { return map[string][]string{"ada": {"beta"}}[userID] }
	opts := options()
	opts.Callbacks.Session = recipes.ShowFeatures(enabled)
	r, auth := register(t, opts)
	r.GET("/beta", auth.RequireSession(recipes.HasFeature(enabled, "beta")), func(c *gin.Context) { c.Status(http.StatusNoContent) })
	for userID, want := range map[string]int{"ada": http.StatusNoContent, "eve": http.StatusForbidden} {
		cookies := signedIn(t, auth, userID)
		if w := send(r, "GET", "https://app.example.com/beta", cookies); w.Code != want {
			t.Errorf("%s: %d", userID, w.Code)
		}
		session := send(r, "GET", "https://app.example.com/api/auth/session", cookies).Body.String()
		if strings.Contains(session, `"features":["beta"]`) != (userID == "ada") {
			t.Errorf("%s: %s", userID, session)
		}
	}
}
