package tests

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/oidc"
)

// Somebody takes a check out of the authorization URL on its way through the
// browser, or puts their own in.
func TestAttack03_MissingChecks(t *testing.T) {
	t.Parallel()
	const foreign = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	tests := []struct {
		name   string
		change []string // pairs for with
		spared bool     // plain OAuth knows nothing of it
	}{
		{"nothing", nil, true},
		{"no state", []string{"state", ""}, false},
		{"other state", []string{"state", foreign}, false},
		{"no nonce", []string{"nonce", ""}, true},
		{"other nonce", []string{"nonce", foreign}, true},
		{"no code challenge", []string{"code_challenge", "", "code_challenge_method", ""}, false},
		{"other code challenge", []string{"code_challenge", foreign}, false},
	}
	for _, e := range engines {
		for _, tt := range tests {
			t.Run(e.name+"/"+tt.name, func(t *testing.T) {
				t.Parallel()
				idp := newIDP(t, ginauthtest.Config{People: people(1), AllowNoPKCE: true})
				b := e.app(t, idp).browser(t)
				authURL, err := url.Parse(b.begin(e.name, "/"))
				if err != nil {
					t.Fatal(err)
				}
				res := b.get(as(t, idp, with(authURL, tt.change...), "1001").String())
				if tt.change == nil || e.oauth && tt.spared {
					if !res.signedIn() {
						t.Errorf("an honest sign-in leads to %s", res.Header.Get("Location"))
					}
					return
				}
				res.refused(t, "OAuthCallback")
			})
		}
	}
}

func TestAttack03_AuthorizationURL(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			idp := newIDP(t, ginauthtest.Config{})
			a := e.app(t, idp)
			b := a.browser(t)
			seen := map[string]bool{}
			for range 3 {
				authURL, err := url.Parse(b.begin(e.name, "/"))
				if err != nil {
					t.Fatal(err)
				}
				q := authURL.Query()
				if q.Get("code_challenge_method") != "S256" || q.Get("response_type") != "code" ||
					q.Get("redirect_uri") != a.URL+"/api/auth/callback/"+e.name {
					t.Errorf("authorization URL has %v", q)
				}
				checks := []string{"state", "code_challenge", "nonce"}
				if e.oauth {
					checks = checks[:2]
				}
				for _, name := range checks {
					if value := q.Get(name); len(value) < 43 || seen[value] || len(q[name]) != 1 {
						t.Errorf("%s is %q: missing, short or used before", name, q[name])
					} else {
						seen[value] = true
					}
				}
			}
		})
	}
}

// Without the browser's cookie, a state that is right in itself proves nothing.
func TestAttack03_CallbackWithoutCookie(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			idp := newIDP(t, ginauthtest.Config{People: people(1)})
			a := e.app(t, idp)
			victim, attacker := a.browser(t), a.browser(t)
			callback := approve(t, idp, attacker.begin(e.name, "/")).String()
			victim.get(callback).refused(t, "OAuthCallback")
			victim.begin(e.name, "/") // a cookie of another sign-in does not help
			victim.get(callback).refused(t, "OAuthCallback")
			if n := len(idp.TokenRequests()); n != 0 {
				t.Errorf("%d token requests were made", n)
			}
			if !attacker.get(callback).signedIn() {
				t.Error("the browser that began could not finish")
			}
		})
	}
}

// A sign-in is finished where it was not begun.
func TestAttack04_OtherProvider(t *testing.T) {
	t.Parallel()
	silent := func(idp *ginauthtest.Provider) *ginauthtest.Provider { // names no issuer, so that the binding alone decides
		idp.TamperDiscovery(func(doc map[string]any) { delete(doc, "authorization_response_iss_parameter_supported") })
		idp.TamperResponse(func(q url.Values) { q.Del("iss") })
		return idp
	}
	config := ginauthtest.Config{ClientID: "client", ClientSecret: "a secret of the test's own"}
	here, there := silent(newIDP(t, config)), silent(newIDP(t, config))
	client := func(idp *ginauthtest.Provider, name, id string) ginauth.Provider {
		return ginauth.OAuth{Provider: oidc.New(oidc.Config{Name: name, Issuer: idp.Issuer(), ClientID: id, ClientSecret: config.ClientSecret})}
	}
	begun := newApp(t, ginauth.Options{Providers: []ginauth.Provider{client(here, "a", "client"), client(here, "b", "client")}})
	otherIssuer := newApp(t, ginauth.Options{Providers: []ginauth.Provider{client(there, "a", "client")}})
	otherClient := newApp(t, ginauth.Options{Providers: []ginauth.Provider{client(here, "a", "another")}})

	host := strings.TrimPrefix(begun.URL, "http://")
	localhost := strings.Replace(host, "127.0.0.1", "localhost", 1)
	tests := []struct {
		name       string
		app        *app
		host, path string
		ok         bool
	}{
		{"same", begun, host, "/api/auth/callback/a", true},
		{"other provider", begun, host, "/api/auth/callback/b", false},
		{"other issuer", otherIssuer, host, "/api/auth/callback/a", false},
		{"other client", otherClient, host, "/api/auth/callback/a", false},
		{"other host", begun, localhost, "/api/auth/callback/a", false},
	}
	for _, tt := range tests {
		b := begun.browser(t)
		callback := approve(t, here, b.begin("a", "/"))
		before := len(here.TokenRequests()) + len(there.TokenRequests())
		req := b.request(http.MethodGet, tt.app.URL+tt.path+"?"+callback.RawQuery, nil)
		req.Host = tt.host // the app takes its base URL from it
		for _, c := range b.cookies() {
			req.AddCookie(c)
		}
		res := tt.app.browser(t).do(req)
		made := len(here.TokenRequests()) + len(there.TokenRequests()) - before
		switch {
		case tt.ok && (!res.signedIn() || made != 1):
			t.Errorf("%s: leads to %s after %d token requests", tt.name, res.Header.Get("Location"), made)
		case !tt.ok && (res.signedIn() || made != 0 || !strings.HasSuffix(res.Header.Get("Location"), "error=OAuthCallback")):
			t.Errorf("%s: leads to %s after %d token requests, signed in: %v", tt.name, res.Header.Get("Location"), made, res.signedIn())
		}
	}
}

// A good code with a state that is not the cookie's.
func TestAttack10_StateMismatch(t *testing.T) {
	t.Parallel()
	const random = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"
	tests := []struct {
		name   string
		change func(b *browser, q url.Values)
	}{
		{"random", func(_ *browser, q url.Values) { q.Set("state", random) }},
		{"missing", func(_ *browser, q url.Values) { q.Del("state") }},
		{"empty", func(_ *browser, q url.Values) { q.Set("state", "") }},
		{"twice", func(_ *browser, q url.Values) { q.Add("state", q.Get("state")) }},
		{"good then bad", func(_ *browser, q url.Values) { q.Add("state", random) }},
		{"shortened", func(_ *browser, q url.Values) { q.Set("state", q.Get("state")[:42]) }},
		{"cookie renamed to the state sent", func(b *browser, q url.Values) {
			// A browser that holds the cookie of another state under this one's name.
			other, err := url.Parse(b.begin("oidc", "/"))
			if err != nil {
				b.t.Fatal(err)
			}
			cookies := b.transactions()
			b.plant(cookies[1].Name, cookies[0].Value)
			q.Set("state", other.Query().Get("state"))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			idp := newIDP(t, ginauthtest.Config{})
			b := viaOIDC.app(t, idp).browser(t)
			callback := approve(t, idp, b.begin("oidc", "/"))
			q := callback.Query()
			tt.change(b, q)
			b.get("/api/auth/callback/oidc?"+q.Encode()).refused(t, "OAuthCallback")
			b.refusalLogged()
			if n := len(idp.TokenRequests()); n != 0 {
				t.Errorf("%d token requests were made", n)
			}
		})
	}
}

// The request that starts a sign-in names its state, or more of the flow.
func TestAttack11_ChosenState(t *testing.T) {
	t.Parallel()
	const chosen = "chosen-by-the-attacker"
	names := []string{
		"state", "nonce", "code_challenge", "code_verifier", "client_id", "redirect_uri",
		"response_type", "response_mode", "scope", "request", "request_uri", "STATE",
	}
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			b := e.app(t, newIDP(t, ginauthtest.Config{})).browser(t)
			query := url.Values{}
			for _, name := range names {
				query.Set(name, chosen)
			}
			form := url.Values{"csrfToken": {b.csrf()}}
			for name := range query {
				form.Set(name, chosen)
			}
			res := b.post("/api/auth/signin/"+e.name+"?"+query.Encode(), form)
			location := res.Header.Get("Location")
			if !strings.Contains(location, "state=") || strings.Contains(location, chosen) {
				t.Errorf("the browser goes to %s", location)
			}
			for _, c := range b.transactions() {
				if strings.Contains(c.Name, chosen) {
					t.Errorf("cookie %s", c.Name)
				}
			}
		})
	}
}

// Another site's page makes the victim's browser start a sign-in, so that it
// ends as somebody else.
func TestAttack13_LoginCSRF(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	a := newApp(t, ginauth.Options{Providers: ginauth.Goth(local(idp, "local"))})
	stranger := a.browser(t).csrf()
	tests := []struct {
		name, method, origin, token string
		status                      int
		starts                      bool
	}{
		{"our page", "POST", a.URL, "own", 302, true},
		{"a client that sends no Origin", "POST", "", "own", 302, true},
		{"link or image", "GET", "", "", 200, false},
		{"link with the token", "GET", "", "own", 200, false},
		{"no token", "POST", "", "", 302, false},
		{"no token, our origin", "POST", a.URL, "", 302, false},
		{"token of another browser", "POST", a.URL, stranger, 302, false},
		{"foreign origin with the token", "POST", "https://evil.example", "own", 302, false},
		{"our host on https", "POST", strings.Replace(a.URL, "http:", "https:", 1), "own", 302, false},
		{"sandboxed page", "POST", "null", "own", 302, false},
		{"HEAD", "HEAD", "", "own", 200, false},
		{"PUT", "PUT", a.URL, "own", 400, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := a.browser(t)
			token := tt.token
			if own := b.csrf(); token == "own" {
				token = own
			}
			form := url.Values{"csrfToken": {token}}
			req := b.request(tt.method, "/api/auth/signin/local?"+form.Encode(), form)
			if tt.origin != "" {
				req.Header.Set("Origin", tt.origin)
			}
			res := b.do(req)
			if started := strings.HasPrefix(res.Header.Get("Location"), idp.Issuer()); started != tt.starts || res.StatusCode != tt.status {
				t.Errorf("answered %d and leads to %s", res.StatusCode, res.Header.Get("Location"))
			}
			if kept := len(b.transactions()) > 0; kept != tt.starts {
				t.Errorf("a transaction is kept: %v", kept)
			}
		})
	}
}

// The attacker's code stands in the victim's callback, with the victim's state.
func TestAttack44_CodeInjection(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		e      engine
		noPKCE bool // the nonce alone must do
	}{
		{"oidc", viaOIDC, false},
		{"github", viaGitHub, false},
		{"discord", viaDiscord, false},
		{"openid-connect", viaOpenIDConnect, false},
		{"oidc without PKCE", viaOIDC, true},
		{"openid-connect without PKCE", viaOpenIDConnect, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			idp := newIDP(t, ginauthtest.Config{People: people(2), AllowNoPKCE: tt.noPKCE})
			opts := tt.e.options(t, idp)
			p := tt.e.provider(t, idp)
			p.DisablePKCE = tt.noPKCE
			opts.Providers = []ginauth.Provider{p}
			a := newApp(t, opts)
			attacker, victim := a.browser(t), a.browser(t)
			stolen := as(t, idp, attacker.begin(tt.e.name, "/"), "1002").Query().Get("code")
			callback := as(t, idp, victim.begin(tt.e.name, "/"), "1001")
			victim.get(with(callback, "code", stolen)).refused(t, "OAuthCallback")
			if len(idp.TokenRequests()) == 0 {
				t.Error("the provider was not asked: the test proves nothing")
			}
			if user := victim.user(); user != "" {
				t.Errorf("the victim is signed in as %s", user)
			}
		})
	}
}

// An answer in two places at once, the query and a form: neither is taken, or what
// a proxy or log checked would not be what counts.
func TestAttack10_AnswerInTwoPlaces(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name     string
		twice    string // the parameter that stands in both
		signedIn bool
	}{
		{"form alone", "", true},
		{"state", "state", false},
		{"code", "code", false},
	} {
		for _, inQuery := range []string{"the same", "another"} {
			idp := newIDP(t, ginauthtest.Config{})
			b := viaOIDC.app(t, idp).browser(t)
			form := approve(t, idp, b.begin("oidc", "/")).Query()
			query := url.Values{}
			if row.twice != "" {
				query.Set(row.twice, "another")
				if inQuery == "the same" {
					query.Set(row.twice, form.Get(row.twice))
				}
			}
			res := b.post("/api/auth/callback/oidc?"+query.Encode(), form)
			if row.signedIn {
				if !res.signedIn() {
					t.Errorf("%s: %d, leads to %s", row.name, res.StatusCode, res.Header.Get("Location"))
				}
				continue
			}
			res.refused(t, "OAuthCallback")
			if n := len(idp.TokenRequests()); n != 0 {
				t.Errorf("%s: %d token requests were made", row.name, n)
			}
		}
	}
}
