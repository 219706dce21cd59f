package tests

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/github"
	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/oidc"
	"github.com/ginauth/ginauth/providers/x"
)

// goth's providers as goth has them, endpoints included, at a provider that is
// strict about PKCE, redirect URI and client.
func TestSignIn_GothProviders(t *testing.T) {
	t.Parallel()
	tests := []struct {
		e                 engine
		scope             string
		idToken, refresh  bool // are in the account
		nickname, picture string
	}{
		{viaOIDC, "openid profile email", true, true, "Person 1001", "https://example.com/p.png"},
		{viaGitHub, "user:email", false, true, "Person 1001", "https://example.com/p.png"},
		{viaGoogle, "openid email profile", true, true, "Person 1001", "https://example.com/p.png"},
		{viaGitLab, "read_user", false, true, "Person 1001", "https://example.com/p.png"},
		{viaDiscord, "identify email", false, true, "Person 1001", "https://cdn.discordapp.com/avatars/1001/picture.png"},
		{viaAuth0, "openid profile email", true, true, "Person 1001", "https://example.com/p.png"},
		{viaOpenIDConnect, "profile email openid", true, true, "Person 1001", "https://example.com/p.png"},
	}
	for _, tt := range tests {
		t.Run(tt.e.name, func(t *testing.T) {
			t.Parallel()
			persons := people(2)
			persons[0].Claims = map[string]any{
				"avatar_url": "https://example.com/p.png", "avatar": "picture", "nickname": persons[0].Name,
			}
			persons[0].Picture = "https://example.com/p.png"
			idp := newIDP(t, ginauthtest.Config{People: persons})
			if tt.e.name == viaGoogle.name {
				asGoogle(idp)
			}
			opts := tt.e.options(t, idp)
			var account *ginauth.Account
			var profile *goth.User
			opts.Callbacks.JWT = func(_ *gin.Context, p ginauth.JWTParams) error {
				if p.Trigger == ginauth.TriggerSignIn {
					account, profile = p.Account, p.Profile
				}
				return nil
			}
			a := newApp(t, opts)
			b := a.browser(t)
			begun := time.Now()
			res := b.get(approve(t, idp, b.begin(tt.e.name, "/me?from=there")).String())
			if !res.signedIn() || res.Header.Get("Location") != a.URL+"/me?from=there" {
				t.Fatalf("answered %d, leads to %q; log: %s", res.StatusCode, res.Header.Get("Location"), a.log.String())
			}

			var req *ginauthtest.TokenRequest
			for _, r := range idp.TokenRequests() {
				if r.Accepted {
					req = &r
				}
			}
			if req == nil || accepted(idp) != 1 {
				t.Fatalf("token requests: %+v", idp.TokenRequests())
			}
			if req.Form.Get("redirect_uri") != a.URL+"/api/auth/callback/"+tt.e.name || len(req.Form["redirect_uri"]) != 1 {
				t.Errorf("redirect_uri is %q", req.Form["redirect_uri"])
			}
			if len(req.Form["code_verifier"]) != 1 || len(req.Form.Get("code_verifier")) != 43 {
				t.Errorf("code_verifier is %q", req.Form["code_verifier"])
			}

			if account == nil || profile == nil {
				t.Fatal("the JWT callback got no account or no profile")
			}
			if account.Provider != tt.e.name || account.Type != "oauth" || account.ProviderAccountID != "1001" ||
				account.AccessToken == "" || account.TokenType != "Bearer" || account.Scope != tt.scope {
				t.Errorf("account %+v", account)
			}
			if (account.IDToken != "") != tt.idToken || (account.RefreshToken != "") != tt.refresh {
				t.Errorf("id_token %q, refresh token %q", account.IDToken, account.RefreshToken)
			}
			if left := account.ExpiresAt.Sub(begun); left < 59*time.Minute || left > 61*time.Minute {
				t.Errorf("the account expires in %v", left)
			}
			if profile.UserID != "1001" || profile.NickName != tt.nickname || len(profile.RawData) == 0 {
				t.Errorf("profile of %q, called %q, with %d claims", profile.UserID, profile.NickName, len(profile.RawData))
			}

			var session struct{ User map[string]any }
			decode(t, b.get("/me").body, &session)
			want := map[string]any{"name": "Person 1001", "email": "person1001@example.com", "image": tt.picture}
			if fmt.Sprint(session.User) != fmt.Sprint(want) {
				t.Errorf("session %v, want %v", session.User, want)
			}
		})
	}
}

// Two hundred different people sign in at the same time, and each is who they
// chose to be. No other test runs meanwhile: each of them has ten seconds.
func TestSignIn_200AtOnce(t *testing.T) {
	for _, e := range []engine{viaOIDC, viaGitHub, viaDiscord} {
		t.Run(e.name, func(t *testing.T) {
			idp := newIDP(t, ginauthtest.Config{People: people(200)})
			a := e.app(t, idp)
			start := make(chan struct{})
			var wg sync.WaitGroup
			for _, person := range idp.People() {
				wg.Go(func() {
					<-start
					email, err := a.visitAs(idp, e.name, person.Subject)
					if err != nil || email != person.Email {
						t.Errorf("%s became %q: %v", person.Email, email, err)
					}
				})
			}
			close(start)
			wg.Wait()
			if n := accepted(idp); n != 200 {
				t.Errorf("%d token requests were accepted", n)
			}
		})
	}
}

// newRealProvider starts the example provider of zitadel/oidc, a certified
// library, and returns its issuer. serve gives it its client's redirect URI.
func newRealProvider(t testing.TB) (issuer string, serve func(redirectURI string)) {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	issuer = "http://" + server.Listener.Addr().String()
	t.Cleanup(server.Close)
	return issuer, func(redirectURI string) {
		clients := map[string]*storage.Client{"web": storage.WebClient("web", "s3cret:/&%", redirectURI)}
		store := storage.NewStorageWithClients(storage.NewUserStore(issuer), clients)
		server.Config.Handler = exampleop.SetupServer(issuer, store, nil, false)
		server.Start()
	}
}

var loginID = regexp.MustCompile(`name="id" value="([^"]+)"`)

// logIn fills in the real provider's form and returns where the browser is sent
// back to.
func logIn(t testing.TB, issuer, authURL, callback string) string {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	back := ""
	client := &http.Client{Jar: jar, CheckRedirect: func(req *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(req.URL.String(), callback+"?") {
			back = req.URL.String()
			return http.ErrUseLastResponse
		}
		return nil
	}}
	read := func(res *http.Response, err error) string {
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	page := read(client.Get(authURL))
	id := loginID.FindStringSubmatch(page)
	if id == nil {
		t.Fatalf("no login form in %s", page)
	}
	page = read(client.PostForm(issuer+"/login/username", url.Values{
		"id": {id[1]}, "username": {"test-user2"}, "password": {"verysecure"},
	}))
	if back == "" {
		t.Fatalf("the provider did not send the browser back: %s", page)
	}
	return back
}

func TestSignIn_RealProvider(t *testing.T) {
	t.Parallel()
	styles := map[string]oauth2.AuthStyle{
		"secret as advertised": oauth2.AuthStyleAutoDetect, "secret by Basic": oauth2.AuthStyleInHeader, "secret by post": oauth2.AuthStyleInParams,
	}
	for name, style := range styles {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			issuer, serve := newRealProvider(t)
			var account *ginauth.Account
			a := newApp(t, ginauth.Options{
				Providers: ginauth.Goth(oidc.New(oidc.Config{
					Name: "zitadel", Issuer: issuer, ClientID: "web", ClientSecret: "s3cret:/&%", AuthStyle: style,
					Scopes: []string{"profile", "email", "offline_access"},
				})),
				Callbacks: ginauth.Callbacks{JWT: func(_ *gin.Context, p ginauth.JWTParams) error {
					if p.Account != nil {
						account = p.Account
					}
					return nil
				}},
			})
			callback := a.URL + "/api/auth/callback/zitadel"
			serve(callback)
			b := a.browser(t)
			back := logIn(t, issuer, b.begin("zitadel", "/me"), callback)
			res := b.get(back)
			if !res.signedIn() || res.Header.Get("Location") != a.URL+"/me" {
				t.Fatalf("answered %d, leads to %q; log: %s", res.StatusCode, res.Header.Get("Location"), a.log.String())
			}
			if account == nil || account.ProviderAccountID != "id2" || account.IDToken == "" || account.RefreshToken == "" || account.AccessToken == "" {
				t.Errorf("account %+v", account)
			}
			var session struct{ User struct{ Name, Email string } }
			decode(t, b.get("/me").body, &session)
			if session.User.Name != "Test User2" || session.User.Email != "test-user2@zitadel.ch" || b.user() != session.User.Email {
				t.Errorf("session %+v", session)
			}

			// The same callback in another browser, and again in none of them.
			a.browser(t).get(back).refused(t, "OAuthCallback")

			out := b.post("/api/auth/signout", url.Values{"csrfToken": {b.csrf()}, "callbackUrl": {"/bye"}})
			if out.Header.Get("Location") != a.URL+"/bye" {
				t.Errorf("sign-out answered %d and leads to %q", out.StatusCode, out.Header.Get("Location"))
			}
			if res := b.get("/me"); res.StatusCode != http.StatusUnauthorized || b.user() != "" || b.cookie(sessionCookie) != "" {
				t.Errorf("still signed in: %d %s", res.StatusCode, res.body)
			}
		})
	}
}

// Each button shows what is known of its service, by whatever ID it has here, or the
// application's own picture, which the page may load.
func TestSignInPageMarks(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	a := newApp(t, ginauth.Options{Providers: []ginauth.Provider{
		ginauth.OAuth{Provider: github.New("client", "secret", ""), ID: "work"},
		ginauth.OAuth{Provider: local(idp, "keycloak"), ID: "staff"},
		ginauth.OAuth{Provider: x.New("client", "secret")},
		ginauth.OAuth{Provider: local(idp, "nowhere")},
		ginauth.OAuth{Provider: github.New("client", "secret", ""), ID: "own", Logo: "https://cdn.example/work.svg"},
	}})
	res := a.browser(t).get("/api/auth/signin")
	for _, want := range []string{
		`<path fill="light-dark(#181717,currentColor)"`, // GitHub
		`<circle cx="14" cy="14" r="13.500" fill="#4d4d4d"/>`,
		`<path fill="light-dark(#000000,currentColor)"`, // X
		`<img class="logo-mark" src="https://cdn.example/work.svg"`,
	} {
		if strings.Count(res.body, want) != 1 {
			t.Errorf("%d times %s", strings.Count(res.body, want), want)
		}
	}
	if n := strings.Count(res.body, `class="mark neutral"`); n != 1 {
		t.Errorf("%d neutral marks, want 1", n)
	}
	if policy := res.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "; img-src https://cdn.example; ") {
		t.Errorf("the policy is %q", policy)
	}
}

// The default profile lowers A to Z in an address and nothing else: with Unicode's
// rules a letter of another script becomes one of these, and the address another
// person's.
func TestSignIn_EmailInLowerCase(t *testing.T) {
	t.Parallel()
	for sent, want := range map[string]string{
		"Ada.L@EXAMPLE.com":     "ada.l@example.com",
		"mike@g\u0130thub.com":  "mike@g\u0130thub.com",  // dotted capital I
		"mi\u212ae@Example.com": "mi\u212ae@example.com", // Kelvin sign
		"\u00c4da@example.com":  "\u00c4da@example.com",
	} {
		idp := newIDP(t, ginauthtest.Config{People: []ginauthtest.Person{{Subject: "1", Email: sent, EmailVerified: true}}})
		b := newApp(t, ginauth.Options{Providers: ginauth.Goth(local(idp, "local"))}).browser(t)
		res := b.signIn(idp, "local")
		if got := b.user(); got != want {
			t.Errorf("%q is %q, want %q", sent, got, want)
		}
		// Some caches keep redirects, and this one holds the session.
		if control := res.Header.Get("Cache-Control"); !strings.Contains(control, "private") || !strings.Contains(control, "no-store") || res.Header.Get("Vary") != "Cookie" {
			t.Errorf("Cache-Control of the callback: %q, Vary: %q", control, res.Header.Get("Vary"))
		}
	}
}
