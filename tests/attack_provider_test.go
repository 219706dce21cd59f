package tests

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/github"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/oidc"
)

// A fault of the configuration stops the program before it serves anybody.
func TestAttack06_ConfigurationFaults(t *testing.T) {
	t.Parallel()
	good := github.New("id", "secret", "")
	tests := []struct {
		name string
		opts ginauth.Options
		want string // in the error
	}{
		{"short secret", ginauth.Options{Secret: "short", Providers: ginauth.Goth(good)}, "Secret has 5 bytes"},
		{"empty previous secret", ginauth.Options{PreviousSecrets: []string{""}, Providers: ginauth.Goth(good)}, "PreviousSecrets"},
		{"no providers", ginauth.Options{}, "Providers is empty"},
		{"nil provider", ginauth.Options{Providers: []ginauth.Provider{nil}}, "Providers[0]"},
		{"nil goth provider", ginauth.Options{Providers: ginauth.Goth(nil)}, "Providers[0]"},
		{"nil pointer", ginauth.Options{Providers: []ginauth.Provider{ginauth.OAuth{ID: "x", Provider: (*odd)(nil)}}}, "provider x"},
		{"two of one id", ginauth.Options{Providers: ginauth.Goth(good, good)}, `"github"`},
		{"id with a slash", ginauth.Options{Providers: []ginauth.Provider{ginauth.OAuth{ID: "a/b", Provider: good}}}, `"a/b"`},
		{"issuer missing", ginauth.Options{Providers: ginauth.Goth(oidc.New(oidc.Config{Name: "x", ClientID: "id"}))}, "Issuer is empty"},
		{"flow parameter", ginauth.Options{Providers: []ginauth.Provider{ginauth.OAuth{Provider: good, AuthParams: url.Values{"State": {"x"}}}}}, "AuthParams"},
		{"base URL", ginauth.Options{BaseURL: "javascript:alert(1)", Providers: ginauth.Goth(good)}, "BaseURL"},
		{"trusted origin", ginauth.Options{TrustedOrigins: []string{"*"}, Providers: ginauth.Goth(good)}, "TrustedOrigins"},
		{"allowed redirect", ginauth.Options{AllowedRedirects: []string{"evil"}, Providers: ginauth.Goth(good)}, "AllowedRedirects"},
		{"cookie prefix", ginauth.Options{Cookies: ginauth.CookieOptions{Prefix: "a;b"}, Providers: ginauth.Goth(good)}, "Cookies.Prefix"},
		{"max age", ginauth.Options{Session: ginauth.SessionOptions{MaxAge: -1}, Providers: ginauth.Goth(good)}, "Session.MaxAge"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.opts.Secret == "" {
				tt.opts.Secret = testSecret
			}
			engine := gin.New()
			auth, err := ginauth.Register(engine, tt.opts)
			if err == nil || auth != nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, %v; want an error with %q", auth, err, tt.want)
			}
			if len(engine.Routes()) != 0 {
				t.Error("routes were mounted")
			}
		})
	}
	_, err := ginauth.Register(gin.New(), ginauth.Options{Secret: "short", BaseURL: "ftp://x", TrustedOrigins: []string{"*"}})
	for _, want := range []string{"Secret", "BaseURL", "TrustedOrigins", "Providers"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not name %s: %v", want, err)
		}
	}
}

// A verifier with a made-up secret would open no session, ever; a provider whose
// variable is not set sends people away with client_id= in the URL.
func TestNew_WithoutSecretOrClient(t *testing.T) {
	for _, name := range []string{"NEXTAUTH_SECRET", "AUTH_SECRET"} {
		t.Setenv(name, "")
	}
	if _, err := ginauth.New(ginauth.Options{}); err == nil || !strings.Contains(err.Error(), "the very secret of the app") {
		t.Errorf("a verifier without a secret: %v", err)
	}
	for id, warns := range map[string]bool{"": true, "id": false} {
		var log logBuffer
		if _, err := ginauth.Register(gin.New(), ginauth.Options{
			Secret: testSecret, Logger: log.logger(), Providers: ginauth.Goth(github.New(id, "secret", "")),
		}); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(log.String(), "client id is empty") != warns {
			t.Errorf("client id %q: logged %q", id, log.String())
		}
	}
}

// In release mode nothing is made up. The mode and the environment are global, so
// this test is not parallel.
func TestAttack06_ReleaseMode(t *testing.T) {
	for _, name := range []string{"NEXTAUTH_SECRET", "AUTH_SECRET", "NEXTAUTH_URL", "AUTH_URL", "AUTH_TRUST_HOST"} {
		t.Setenv(name, "")
	}
	gin.SetMode(gin.ReleaseMode)
	defer gin.SetMode(gin.TestMode)
	providers := ginauth.Goth(github.New("id", "secret", ""))
	tests := []struct {
		name, secret, baseURL, want string
	}{
		{"no secret", "", "https://app.example.com", "Secret is empty"},
		{"no address", testSecret, "", "BaseURL is empty"},
		{"both", testSecret, "https://app.example.com", ""},
	}
	for _, tt := range tests {
		_, err := ginauth.Register(gin.New(), ginauth.Options{Secret: tt.secret, BaseURL: tt.baseURL, Providers: providers})
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: got %v", tt.name, err)
		}
	}
}

// Nothing that fails lets a request through to a guarded handler.
func TestAttack06_FailsClosed(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	tests := []struct {
		name      string
		callbacks ginauth.Callbacks
		status    int
	}{
		{"nothing", ginauth.Callbacks{}, http.StatusOK},
		{"jwt", ginauth.Callbacks{JWT: func(_ *gin.Context, p ginauth.JWTParams) error {
			if p.Account != nil {
				return nil
			}
			return broken
		}}, http.StatusInternalServerError},
		{"session", ginauth.Callbacks{Session: func(*gin.Context, ginauth.SessionParams) error { return broken }}, http.StatusInternalServerError},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			idp := newIDP(t, ginauthtest.Config{})
			a := newApp(t, ginauth.Options{Providers: ginauth.Goth(local(idp, "local")), Callbacks: tt.callbacks})
			b := a.browser(t)
			b.signIn(idp, "local")
			res := b.get("/me")
			if res.StatusCode != tt.status || strings.Contains(res.body, "ada@example.com") != (tt.status == http.StatusOK) {
				t.Errorf("answered %d %s", res.StatusCode, res.body)
			}
		})
	}
}

func TestAttack06_DeadProvider(t *testing.T) {
	t.Parallel()
	dead := newIDP(t, ginauthtest.Config{})
	dying := newIDP(t, ginauthtest.Config{})
	if err := dead.Close(); err != nil {
		t.Fatal(err)
	}
	a := newApp(t, ginauth.Options{Providers: ginauth.Goth(local(dead, "dead"), local(dying, "dying"))})
	b := a.browser(t)
	b.post("/api/auth/signin/dead", url.Values{"csrfToken": {b.csrf()}}).refused(t, "OAuthSignin")
	callback := approve(t, dying, b.begin("dying", "/"))
	if err := dying.Close(); err != nil {
		t.Fatal(err)
	}
	b.get(callback.String()).refused(t, "OAuthCallback")
	if res := b.get("/me"); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("answered %d %s", res.StatusCode, res.body)
	}
}

// Some of goth's providers have no state in their URL, and some make the token
// request where it cannot be bound to the sign-in.
func TestAttack12_ProviderWithoutState(t *testing.T) {
	t.Parallel()
	const other = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"
	tests := []struct {
		name   string
		answer []string // pairs for with
		ok     bool
	}{
		{"honest", nil, true},
		{"answer without state", []string{"state", ""}, false},
		{"answer with another state", []string{"state", other}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			idp := newIDP(t, ginauthtest.Config{})
			p := newOdd(idp)
			begin := p.begin
			p.begin = func(string) (goth.Session, error) { return begin("") }
			b := newApp(t, ginauth.Options{Providers: ginauth.Goth(p)}).browser(t)
			callback := approve(t, idp, b.begin("odd", "/"))
			if len(callback.Query().Get("state")) < 43 {
				t.Fatalf("the provider got the state %q", callback.Query().Get("state"))
			}
			res := b.get(with(callback, tt.answer...))
			if tt.ok {
				if !res.signedIn() {
					t.Errorf("leads to %s", res.Header.Get("Location"))
				}
				return
			}
			res.refused(t, "OAuthCallback")
			if n := len(idp.TokenRequests()); n != 0 {
				t.Errorf("%d token requests were made", n)
			}
		})
	}
}

func TestAttack12_EscapingProvider(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{AllowNoPKCE: true})
	p := newOdd(idp)
	p.authorize = func(*odd, string) error { return nil } // asks nobody, or over a way of its own
	b := newApp(t, ginauth.Options{Providers: ginauth.Goth(p)}).browser(t)
	b.signIn(idp, "odd").refused(t, "OAuthCallback")
}

// A provider that says nothing about who somebody is would make one account of
// everybody.
func TestAttack22_EmptySubject(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		e     engine
		claim func(claims map[string]any)
	}{
		{"github without id", viaGitHub, func(claims map[string]any) { delete(claims, "id") }},
		{"github with id 0", viaGitHub, func(claims map[string]any) { claims["id"] = 0 }},
		{"github with id null", viaGitHub, func(claims map[string]any) { claims["id"] = nil }},
		{"gitlab without id", viaGitLab, func(claims map[string]any) { delete(claims, "id") }},
		{"discord without id", viaDiscord, func(claims map[string]any) { delete(claims, "id") }},
		{"auth0 without sub", viaAuth0, func(claims map[string]any) { delete(claims, "sub") }},
		{"oidc with an empty sub", viaOIDC, func(claims map[string]any) { claims["sub"] = "" }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			idp := newIDP(t, ginauthtest.Config{People: people(1)})
			b := tt.e.app(t, idp).browser(t)
			idp.TamperUserinfo(func(claims map[string]any) {
				if tt.e.userinfo != nil {
					tt.e.userinfo(claims)
				}
				tt.claim(claims)
			})
			b.signIn(idp, tt.e.name).refused(t, "OAuthCallback")
			b.refusalLogged()
		})
	}
	for name, user := range map[string]goth.User{"empty": {Email: "a@example.com"}, "zero": {UserID: "0"}} {
		t.Run("custom/"+name, func(t *testing.T) {
			t.Parallel()
			idp := newIDP(t, ginauthtest.Config{})
			p := newOdd(idp)
			p.fetch = func(*odd) (goth.User, error) { return user, nil }
			// A Profile that finds an ID elsewhere does not help.
			profile := func(u goth.User) (ginauth.User, error) { return ginauth.User{ID: "everybody"}, nil }
			a := newApp(t, ginauth.Options{Providers: []ginauth.Provider{ginauth.OAuth{Provider: p, Profile: profile}}})
			a.browser(t).signIn(idp, "odd").refused(t, "OAuthCallback")
		})
	}
	t.Run("profile without id", func(t *testing.T) {
		t.Parallel()
		idp := newIDP(t, ginauthtest.Config{})
		profile := func(u goth.User) (ginauth.User, error) { return ginauth.User{Email: u.Email}, nil }
		a := newApp(t, ginauth.Options{Providers: []ginauth.Provider{ginauth.OAuth{Provider: newOdd(idp), Profile: profile}}})
		a.browser(t).signIn(idp, "odd").refused(t, "OAuthCallback")
	})
}

// Two people are two subjects at every provider.
func TestAttack22_TwoSubjects(t *testing.T) {
	t.Parallel()
	for _, e := range append([]engine{viaGoogle, viaGitLab, viaAuth0}, engines...) {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			idp := newIDP(t, ginauthtest.Config{People: people(2)})
			if e.name == viaGoogle.name {
				asGoogle(idp)
			}
			a := e.app(t, idp)
			for _, person := range idp.People() {
				b := a.browser(t)
				b.get(as(t, idp, b.begin(e.name, "/"), person.Subject).String())
				if got := opened(t, forSession, b.cookie(sessionCookie))["sub"]; got != person.Subject {
					t.Errorf("%s has the subject %v", person.Name, got)
				}
			}
		})
	}
}

// asGoogle gives the local provider's answers the issuer that Google names.
func asGoogle(idp *ginauthtest.Provider) {
	idp.TamperResponse(func(q url.Values) { q.Set("iss", "https://accounts.google.com") })
}

// Another server's answer comes back with our state.
func TestAttack25_MixUp(t *testing.T) {
	t.Parallel()
	silent := func(doc map[string]any) { delete(doc, "authorization_response_iss_parameter_supported") }
	set := func(iss ...string) func(url.Values) { return func(q url.Values) { q["iss"] = iss } }
	missing := func(q url.Values) { q.Del("iss") }
	tests := []struct {
		name      string
		e         engine
		discovery func(map[string]any)
		response  func(url.Values)
		ok        bool
	}{
		{"right", viaOIDC, nil, nil, true},
		{"wrong", viaOIDC, nil, set("https://evil.example"), false},
		{"empty", viaOIDC, nil, set(""), false},
		{"missing, advertised", viaOIDC, nil, missing, false},
		{"missing, not advertised", viaOIDC, silent, missing, true},
		{"wrong, not advertised", viaOIDC, silent, set("https://evil.example"), false},
		{"right", viaOpenIDConnect, nil, nil, true},
		{"wrong", viaOpenIDConnect, nil, set("https://evil.example"), false},
		{"missing, advertised", viaOpenIDConnect, nil, missing, false},
		{"missing, not advertised", viaOpenIDConnect, silent, missing, true},
		{"right", viaGoogle, nil, set("https://accounts.google.com"), true},
		{"wrong", viaGoogle, nil, nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.e.name+"/"+tt.name, func(t *testing.T) {
			t.Parallel()
			idp := newIDP(t, ginauthtest.Config{People: people(1)})
			idp.TamperDiscovery(tt.discovery)
			idp.TamperResponse(tt.response)
			b := tt.e.app(t, idp).browser(t)
			res := b.signIn(idp, tt.e.name)
			if tt.ok {
				if !res.signedIn() {
					t.Errorf("leads to %s", res.Header.Get("Location"))
				}
				return
			}
			res.refused(t, "OAuthCallback")
			b.refusalLogged()
			if n := len(idp.TokenRequests()); n != 0 {
				t.Errorf("%d token requests were made", n)
			}
		})
	}
	t.Run("twice", func(t *testing.T) {
		t.Parallel()
		idp := newIDP(t, ginauthtest.Config{})
		b := viaOIDC.app(t, idp).browser(t)
		callback := approve(t, idp, b.begin("oidc", "/"))
		b.get(callback.String()+"&iss="+url.QueryEscape(idp.Issuer())).refused(t, "OAuthCallback")
		if n := len(idp.TokenRequests()); n != 0 {
			t.Errorf("%d token requests were made", n)
		}
	})
}
