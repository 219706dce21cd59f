package tests

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gin-contrib/sessions/memstore"
	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/oidc"
)

// memory is a store of one process.
func memoryStore() ginauth.SessionStore {
	return ginauth.GinStore(memstore.NewStore([]byte(testSecret)))
}

func TestAuthClient_Errors(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name    string
		session ginauth.SessionOptions
		expired bool
		member  bool // signs in by credentials
		nobody  bool
		status  int
	}{
		{name: "kept in a store", session: keptTokens(memoryStore()), status: http.StatusOK},
		{name: "kept in the cookie", session: keptTokens(nil), status: http.StatusOK},
		{name: "renewed in a store", session: keptTokens(memoryStore()), expired: true, status: http.StatusOK},
		{name: "never renewed in the cookie", session: keptTokens(nil), expired: true, status: http.StatusGone},
		{name: "not kept in a store", session: ginauth.SessionOptions{Store: memoryStore()}, status: http.StatusNotFound},
		{name: "not kept in the cookie", status: http.StatusNotFound},
		{name: "no provider", session: keptTokens(memoryStore()), member: true, status: http.StatusNotFound},
		{name: "nobody", session: keptTokens(memoryStore()), nobody: true, status: http.StatusUnauthorized},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			idp := newIDP(t, ginauthtest.Config{})
			c := newCaller(t, idp, ginauth.Options{
				Session: row.session, Providers: append(ginauth.Goth(local(idp, "local")), members()),
			})
			c.engine.GET("/open", c.auth.LoadSession(), func(g *gin.Context) { c.call(g, idp.Issuer()+string(ginauthtest.Userinfo)) })
			b := c.browser(t)
			switch {
			case row.member:
				b.signInAs("ada")
			case !row.nobody:
				b.signIn(idp, "local")
			}
			if row.expired {
				c.expire()
			}
			if res := b.get("/open"); res.StatusCode != row.status || row.status == http.StatusOK && !strings.Contains(res.body, "ada@example.com") {
				t.Errorf("answered %d %s", res.StatusCode, res.body)
			}
		})
	}
}

// A session whose provider is gone from the options says so.
func TestAuthClient_ProviderRemoved(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	store := memoryStore()
	before := newCaller(t, idp, ginauth.Options{Session: keptTokens(store)})
	b := before.browser(t)
	b.signIn(idp, "local")
	after := newCaller(t, idp, ginauth.Options{Session: keptTokens(store), Providers: ginauth.Goth(local(idp, "other"))})
	after.expire()
	if res := b.get(after.URL + "/api"); res.StatusCode != http.StatusBadGateway || !strings.Contains(res.body, `"local"`) {
		t.Errorf("answered %d %s", res.StatusCode, res.body)
	}
	if res := b.get(after.URL + "/me"); strings.Contains(res.body, "error") {
		t.Error(res.body)
	}
}

// Once the answer is under way its cookies are, and nothing is renewed; before,
// and with a token that is still good, Client works.
func TestAuthClient_AfterTheHeaders(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	c := newCaller(t, idp, ginauth.Options{Session: keptTokens(memoryStore())})
	c.engine.GET("/late", c.auth.RequireSession(), func(g *gin.Context) {
		if g.Query("early") != "" {
			_, err := c.auth.Client(g)
			_, _ = fmt.Fprintf(g.Writer, "early %v ", err)
		}
		g.Writer.WriteHeaderNow()
		_, err := c.auth.Client(g)
		_, _ = fmt.Fprintf(g.Writer, "late %v", err)
	})
	b := c.browser(t)
	b.signIn(idp, "local")
	if res := b.get("/late"); res.body != "late <nil>" {
		t.Error(res.body)
	}
	c.expire()
	if res := b.get("/late"); !strings.Contains(res.body, "call Client before writing it") {
		t.Error(res.body)
	}
	if n := refreshes(idp); n != 0 {
		t.Errorf("%d refresh requests", n)
	}
	if res := b.get("/late?early=1"); res.body != "early <nil> late <nil>" {
		t.Error(res.body)
	}
	if n := refreshes(idp); n != 1 {
		t.Errorf("%d refresh requests", n)
	}
}

// The token goes where the application sends it, and along no redirect to another
// origin, nor back from there.
func TestAuthClient_Redirects(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	c := newCaller(t, idp, ginauth.Options{Session: keptTokens(memoryStore())})
	echo := func(w http.ResponseWriter, r *http.Request) {
		if to := r.URL.Query().Get("to"); to != "" {
			http.Redirect(w, r, to, http.StatusTemporaryRedirect)
			return
		}
		_, _ = io.WriteString(w, "got "+r.Header.Get("Authorization"))
	}
	here := httptest.NewServer(http.HandlerFunc(echo))
	t.Cleanup(here.Close)
	elsewhere := httptest.NewServer(http.HandlerFunc(echo))
	t.Cleanup(elsewhere.Close)
	c.engine.GET("/fetch", c.auth.RequireSession(), func(g *gin.Context) { c.call(g, g.Query("url")) })
	b := c.browser(t)
	b.signIn(idp, "local")
	to := func(server *httptest.Server, next string) string { return server.URL + "/?to=" + url.QueryEscape(next) }
	sameHostOtherPort := strings.Replace(elsewhere.URL, "127.0.0.1", "localhost", 1)
	for _, row := range []struct {
		name, url string
		carries   bool
	}{
		{"straight", here.URL, true},
		{"straight to another", elsewhere.URL, true},
		{"redirected within", to(here, here.URL+"/b"), true},
		{"redirected twice within", to(here, to(here, "/c")), true},
		{"redirected to another port", to(here, elsewhere.URL), false},
		{"redirected to another host", to(here, sameHostOtherPort), false},
		{"redirected there and within", to(here, to(elsewhere, "/d")), false},
		{"redirected there and back", to(here, to(elsewhere, here.URL+"/e")), false},
	} {
		res := b.get("/fetch?url=" + url.QueryEscape(row.url))
		if got := strings.HasPrefix(res.body, "got Bearer "); got != row.carries || !strings.HasPrefix(res.body, "got ") {
			t.Errorf("%s: %d %s", row.name, res.StatusCode, res.body)
		}
	}
}

// Requests end with the one they are made for, and keep what the application says
// of them.
func TestAuthClient_Requests(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	c := newCaller(t, idp, ginauth.Options{Session: keptTokens(memoryStore())})
	left := make(chan struct{})
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hang" {
			_, _ = io.WriteString(w, "begun")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			close(left)
			return
		}
		_, _ = io.WriteString(w, r.Header.Get("Authorization"))
	}))
	t.Cleanup(service.Close)
	failed := make(chan error, 1)
	c.engine.GET("/hang", c.auth.RequireSession(), func(g *gin.Context) {
		client, err := c.auth.Client(g)
		if err != nil {
			failed <- err
			return
		}
		res, err := client.Get(service.URL + "/hang")
		if err == nil {
			g.Writer.WriteHeaderNow()
			g.Writer.Flush()
			_, err = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
		}
		failed <- err
	})
	c.engine.GET("/own", c.auth.RequireSession(), func(g *gin.Context) {
		client, err := c.auth.Client(g)
		if err != nil {
			t.Error(err)
			return
		}
		if text := fmt.Sprintf("%v %+v %#v", client, client.Transport, client.Transport); strings.Contains(text, "Bearer") || strings.Contains(text, "token:\"") {
			t.Errorf("the client prints %s", text)
		}
		req, _ := http.NewRequestWithContext(g.Request.Context(), http.MethodGet, service.URL, nil)
		req.Header.Set("Authorization", "Basic eDp5")
		res, err := client.Do(req)
		if err != nil {
			t.Error(err)
			return
		}
		defer res.Body.Close()
		body, _ := io.ReadAll(res.Body)
		g.String(http.StatusOK, "%s", body)
	})
	b := c.browser(t)
	b.signIn(idp, "local")
	if res := b.get("/own"); res.body != "Basic eDp5" {
		t.Errorf("the application's own header became %q", res.body)
	}
	ctx, cancel := context.WithCancel(t.Context())
	res, err := b.Do(b.request(http.MethodGet, "/hang", nil).WithContext(ctx))
	if err != nil {
		t.Fatal(err)
	}
	cancel() // the browser leaves
	_ = res.Body.Close()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("the request to the service ended with %v", err)
	}
	<-left
}

// The cookie holds the access token and when it expires, and nothing that is good
// for longer. What does not fit into a session is refused at sign-in.
func TestAuthClient_CookieAlone(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		size, cookies int // of the access token, in bytes
		fits          bool
	}{{26, 1, true}, {2350, 1, true}, {5000, 2, true}, {11_000, 4, true}, {13_000, 0, false}, {33_000, 0, false}} {
		t.Run(fmt.Sprint(row.size), func(t *testing.T) {
			t.Parallel()
			idp := newIDP(t, ginauthtest.Config{})
			access := strings.Repeat("a", row.size)
			idp.TamperToken(func(answer map[string]any) { answer["access_token"], answer["refresh_token"] = access, leakedRefresh })
			idp.TamperClaims(func(claims map[string]any) { delete(claims, "at_hash") })
			p := oidc.New(oidc.Config{
				Name: "local", Issuer: idp.Issuer(), ClientID: idp.ClientID(), ClientSecret: idp.ClientSecret(), SkipUserinfo: true,
			})
			c := newCaller(t, idp, ginauth.Options{Session: keptTokens(nil), Providers: ginauth.Goth(p)})
			b := c.browser(t)
			res := b.signIn(idp, "local")
			var sealed string
			n := 0
			for _, k := range b.cookies() {
				if strings.HasPrefix(k.Name, sessionCookie) {
					sealed += k.Value
					n++
				}
			}
			if n != row.cookies {
				t.Errorf("%d session cookies", n)
			}
			if !row.fits {
				res.refused(t, "Callback")
				if !strings.Contains(c.log.String(), "keep less in them") && !strings.Contains(c.log.String(), "look at Session.KeepTokens") {
					t.Error("the log does not say why")
				}
				return
			}
			kept, _ := opened(t, forSession, sealed)["ginauth"].(map[string]any)
			if len(kept) != 3 || kept["p"] != "local" || kept["a"] != access || kept["e"] == nil {
				t.Errorf("the cookie holds %.100v", kept)
			}
			if b.access() != "Bearer "+access {
				t.Error("it is not the token in use")
			}
		})
	}
}

// No callback, page, list or log sees the tokens.
func TestAuthClient_Unseen(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name  string
		store ginauth.SessionStore
	}{{"sealed", nil}, {"stored", memoryStore()}} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			idp := newIDP(t, ginauthtest.Config{})
			known := &secrets{values: map[string]string{}}
			var printed logBuffer
			opts := ginauth.Options{
				Session: keptTokens(row.store),
				Callbacks: ginauth.Callbacks{
					SignIn: func(_ *gin.Context, p ginauth.SignInParams) error {
						known.add("access", p.Account.AccessToken)
						known.add("refresh", p.Account.RefreshToken)
						known.add("id_token's signature", p.Account.IDToken[strings.LastIndex(p.Account.IDToken, ".")+1:])
						return nil
					},
					// As careless as can be: all that is known goes to the page and the log.
					Session: func(_ *gin.Context, p ginauth.SessionParams) error {
						for name, value := range p.Token.Claims {
							p.Session.Values[name] = value
						}
						p.Session.Values["token"] = *p.Token
						_, _ = fmt.Fprintf(&printed, "%+v %+v %s", p, p.Token, fmt.Sprintf("%#v", p.Token))
						printed.logger().Info("session", "token", p.Token, "session", p.Session)
						return nil
					},
				},
			}
			c := newCaller(t, idp, opts)
			b := c.browser(t)
			b.signIn(idp, "local")
			token := strings.TrimPrefix(b.access(), "Bearer ")
			if kinds := known.found(token); len(kinds) != 1 {
				t.Fatalf("the token of the sign-in is not the one in use: %v", kinds)
			}
			seen := b.get("/me").body + b.get("/api/auth/session").body
			b.update(b.csrf(), map[string]any{"theme": "dark"})
			c.expire()
			idp.Break(ginauthtest.Token, echo(503, "text/html", "%s"))
			seen += b.get("/api").body
			idp.Break(ginauthtest.Token, echo(400, "application/json", `{"error":"invalid_grant","error_description":%q}`))
			seen += b.get("/api").body + b.get("/me").body + b.get("/api/auth/session").body
			b.signOut()
			for where, text := range map[string]string{"page": seen, "log": c.log.String(), "printed": printed.String()} {
				if kinds := known.found(text); len(kinds) > 0 {
					t.Errorf("%s: %v in %s", where, kinds, text)
				}
				for _, leaked := range []string{leakedAccess, leakedRefresh, leakedID} {
					if strings.Contains(text, leaked) {
						t.Errorf("%s: the provider's answer in %s", where, text)
					}
				}
			}
		})
	}
}

// A bearer token of a session in a store has its tokens renewed too.
func TestAuthClient_Bearer(t *testing.T) {
	t.Parallel()
	everyKeeping(t, func(t *testing.T, store ginauth.SessionStore) {
		idp := newIDP(t, ginauthtest.Config{})
		c := newCaller(t, idp, ginauth.Options{Session: keptTokens(store)})
		b := c.browser(t)
		b.signIn(idp, "local")
		first := b.access()
		c.expire()
		for range 2 {
			res := c.send(t, http.MethodGet, "/api", "", "Authorization", "Bearer "+handleOf(b))
			if res.StatusCode != http.StatusOK || res.body == first || len(res.Header["Set-Cookie"]) != 0 {
				t.Errorf("%d %s %v", res.StatusCode, res.body, res.Header)
			}
		}
		if n := refreshes(idp); n != 1 {
			t.Errorf("%d refresh requests", n)
		}
	})
}

// A renewal changes nothing else of a session: not who it is, nor since when, nor
// its end.
func TestAuthClient_RenewalKeepsTheSession(t *testing.T) {
	t.Parallel()
	everyKeeping(t, func(t *testing.T, store ginauth.SessionStore) {
		idp := newIDP(t, ginauthtest.Config{})
		c := newCaller(t, idp, ginauth.Options{Session: keptTokens(store)})
		b := c.browser(t)
		b.signIn(idp, "local")
		before := b.get("/me").body
		c.expire()
		b.access()
		if after := b.get("/me").body; after != before {
			t.Errorf("from %s to %s", before, after)
		}
		c.ahead.Add(int64(25 * time.Hour)) // past UpdateAge: sealed again, with the tokens
		if b.get("/me").body == before {
			t.Error("it was not prolonged")
		}
		if c.ahead.Add(-int64(25 * time.Hour)); b.access() == "" || refreshes(idp) != 1 {
			t.Errorf("sealing again lost the tokens: %d refresh requests", refreshes(idp))
		}
	})
}

// FuzzGrant seals rubbish where a session keeps its provider's tokens.
func FuzzGrant(f *testing.F) {
	for _, seed := range []string{`{"p":"local","a":"x","e":1,"r":"y"}`, `{"p":1}`, `[]`, `null`, `"x"`, `{"p":"local","x":true}`, `{"P":"local","e":9e99}`} {
		f.Add(seed)
	}
	auth, err := ginauth.New(ginauth.Options{
		Secret: testSecret, BaseURL: "http://a.example", Session: keptTokens(nil), Logger: (&logBuffer{}).logger(),
		Providers: unused(),
	})
	if err != nil {
		f.Fatal(err)
	}
	r := gin.New()
	r.GET("/", auth.RequireSession(), func(c *gin.Context) {
		_, err := auth.Client(c)
		if err != nil && !errors.Is(err, ginauth.ErrNoTokens) && !errors.Is(err, ginauth.ErrTokensExpired) {
			c.Status(http.StatusInternalServerError)
			return
		}
		c.JSON(http.StatusOK, ginauth.GetSession(c))
	})
	f.Fuzz(func(t *testing.T, kept string) {
		payload := `{"sub":"u-1","exp":` + unix(time.Now().Add(time.Hour)) + `,"ginauth":` + kept + `}`
		req := httptest.NewRequest(http.MethodGet, "http://a.example/", nil)
		req.Header.Set("Cookie", sessionCookie+"="+seal(t, testSecret, []byte(payload)))
		w := httptest.NewRecorder()
		r.ServeHTTP(w, req)
		if w.Code != http.StatusOK && w.Code != http.StatusUnauthorized { // no JSON, no session
			t.Errorf("%s: %d", kept, w.Code)
		}
	})
}

// A session of a sign-in whose tokens were kept gives none away once the site keeps none.
func TestClient_KeepsNoTokensAnyMore(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	before := newCaller(t, idp, ginauth.Options{Session: keptTokens(nil)})
	b := before.browser(t)
	b.signIn(idp, "local")
	if res := b.get("/api"); res.StatusCode != http.StatusOK || !strings.HasPrefix(res.body, "Bearer ") {
		t.Fatalf("%d %s", res.StatusCode, res.body)
	}
	sealed := b.cookie("next-auth.session-token")
	after := newCaller(t, idp, ginauth.Options{})
	b = after.browser(t)
	b.plant("next-auth.session-token", sealed)
	if res := b.get("/api"); res.StatusCode != http.StatusNotFound {
		t.Errorf("%d %s", res.StatusCode, res.body)
	}
}
