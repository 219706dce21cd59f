package tests

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gin-contrib/sessions/memstore"
	"github.com/gin-gonic/gin"
	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/github"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/oidc"
)

// theirProvider is where the transcripts' identity provider answered.
const theirProvider = "http://127.0.0.1:4400"

// A wireServer is ginauth configured as the server of a transcript was.
type wireServer struct {
	script transcript
	engine *gin.Engine
	now    time.Time
	idp    *ginauthtest.Provider // the one that the transcript is about
	idps   map[string]*ginauthtest.Provider
	user   string // who signs in there
}

func newWireServer(t *testing.T, script transcript) *wireServer {
	t.Helper()
	s := &wireServer{script: script, engine: gin.New(), user: "ada"}
	opts := ginauth.Options{
		Secret: testSecret, BaseURL: "http://localhost:3101", Now: func() time.Time { return s.now },
		Callbacks: wireCallbacks(), Logger: (&logBuffer{}).logger(),
	}
	maxAge := 30 * 24 * time.Hour
	switch script.Config {
	case "D":
		opts.BaseURL = "https://app.example.com"
	case "E":
		opts.BaseURL = ""
		t.Setenv("AUTH_TRUST_HOST", "1")
		opts.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} // httptest's peer
	case "J":
		opts.BaseURL = "http://localhost:3110/custom/auth/"
		opts.BasePath = "/api/auth" // behind a proxy that knows the other path
	case "L":
		opts.BaseURL = ""
	case "M":
		opts.BaseURL = "http://localhost:3113"
		maxAge = 100 * time.Second
		opts.Session.MaxAge = maxAge
	case "C":
		opts.BaseURL = "http://localhost:3103"
		opts.Adapter = ginauth.MemoryAdapter()
		opts.Pages = ginauth.Pages{SignIn: "/login", SignOut: "/logout", Error: "/oops", VerifyRequest: "/check-mail", NewUser: "/welcome"}
	case "B", "K": // next-auth's database sessions are what a Store keeps
		opts.BaseURL = "http://localhost:3102"
		if script.Config == "K" {
			opts.BaseURL = "http://localhost:3111"
			maxAge = 100 * time.Second
			opts.Session.MaxAge, opts.Session.UpdateAge = maxAge, -1
		}
		opts.Adapter = ginauth.MemoryAdapter()
		opts.Session.Store = ginauth.GinStore(memstore.NewStore([]byte(testSecret)))
	case "I":
		opts.BaseURL = "http://localhost:3109"
		opts.Adapter = ginauth.MemoryAdapter()
	}
	s.now = s.clock(t, maxAge)
	opts.Providers = s.providers(t)
	if opts.Adapter != nil {
		opts.Providers = append(opts.Providers, ginauth.Email{Send: nowhere})
	}
	auth, err := ginauth.Register(s.engine, opts)
	if err != nil {
		t.Fatal(err)
	}
	s.engine.GET("/api/gettoken", auth.LoadSession(), wireToken)
	s.engine.GET("/protected", auth.RequireSession(), func(c *gin.Context) {
		c.Data(http.StatusOK, "text/html; charset=utf-8", []byte("<p>ok"))
	})
	return s
}

// clock is when the answer was given: a session cookie's end says it.
func (s *wireServer) clock(t *testing.T, maxAge time.Duration) time.Time {
	t.Helper()
	for _, line := range s.script.Response.SetCookies {
		if !strings.Contains(line, "session-token") {
			continue
		}
		_, rest, found := strings.Cut(line, "Expires=")
		if !found {
			continue
		}
		at, err := time.Parse(http.TimeFormat, strings.Split(rest, ";")[0])
		if err != nil {
			t.Fatal(err)
		}
		return at.Add(-maxAge)
	}
	return time.Date(2026, 11, 24, 0, 31, 10, 0, time.UTC)
}

// providers are acme, plain, dead and credentials, as every server had them.
func (s *wireServer) providers(t *testing.T) []ginauth.Provider {
	t.Helper()
	switch {
	case strings.Contains(s.script.Name, "denythrow"):
		s.user = "denythrow"
	case strings.Contains(s.script.Name, "deny"):
		s.user = "deny"
	}
	person := ginauthtest.Person{
		Subject: "u-" + s.user, Name: s.user, Email: s.user + "@example.com", EmailVerified: true,
		Claims: map[string]any{"id": 1, "login": s.user},
	}
	idp := func(client string) *ginauthtest.Provider {
		return newIDP(t, ginauthtest.Config{
			People: []ginauthtest.Person{person}, ClientID: client, AllowNoPKCE: true, Now: func() time.Time { return s.now },
		})
	}
	acme, plain := idp("client-1"), idp("client-2")
	s.idps = map[string]*ginauthtest.Provider{"acme": acme, "plain": plain, "danger": plain}
	s.idp = acme
	if strings.Contains(s.script.Request.Path, "plain") || strings.Contains(s.script.Request.Path, "danger") {
		s.idp = plain
	}
	now := func() time.Time { return s.now }
	oauth2 := ginauth.OAuth{
		ID: "plain", Name: "Plain OAuth", DisablePKCE: true,
		Provider: github.NewCustomisedURL("client-2", plain.ClientSecret(), "",
			plain.Issuer()+"/authorize?foo=bar", plain.Issuer()+"/token", plain.Issuer()+"/userinfo", "", "read"),
		Profile: func(u goth.User) (ginauth.User, error) {
			subject, _ := u.RawData["sub"].(string)
			return ginauth.User{ID: subject, Name: u.Name, Email: u.Email}, nil
		},
	}
	list := []ginauth.Provider{
		ginauth.OAuth{Name: "Acme ID", Provider: oidc.New(oidc.Config{
			Name: "acme", Issuer: acme.Issuer(), ClientID: "client-1", ClientSecret: acme.ClientSecret(),
			Scopes: []string{"openid", "email", "profile"}, Now: now,
		})},
		oauth2,
		ginauth.OAuth{Name: "Dead IdP", Provider: oidc.New(oidc.Config{
			Name: "dead", Issuer: "http://127.0.0.1:1", ClientID: "client-3", ClientSecret: "secret",
		})},
		ginauth.Credentials{
			Name: "Test Login", Fields: []ginauth.Field{{Name: "username", Label: "Username"}, {Name: "password", Label: "Password", Type: "password"}},
			Authorize: wireAuthorize,
		},
	}
	if s.script.Config == "B" {
		oauth2.ID, oauth2.DangerousEmailAccountLinking = "danger", true
		list = append(list, oauth2)
	}
	return list
}

func wireAuthorize(_ *gin.Context, typed map[string]string) (*ginauth.User, error) {
	name := typed["username"]
	switch {
	case name == "throw":
		return nil, ginauth.PublicError("Too many attempts & more")
	case name == "throwempty":
		return nil, ginauth.PublicError("")
	case typed["password"] != "pw" && name != "jwtthrow":
		return nil, nil
	}
	user := &ginauth.User{ID: "u-" + name, Name: name, Email: name + "@example.com"}
	switch name {
	case "noid":
		user.ID = ""
	case "numid":
		user.ID = "42"
	case "big":
		user.Name = strings.Repeat("B", 6000)
	}
	return user, nil
}

func wireCallbacks() ginauth.Callbacks {
	return ginauth.Callbacks{
		SignIn: func(_ *gin.Context, p ginauth.SignInParams) error {
			name := p.User.Name
			if p.VerificationRequest {
				name, _, _ = strings.Cut(p.User.Email, "@")
			}
			switch name {
			case "deny":
				return ginauth.ErrAccessDenied
			case "denystr":
				return ginauth.RedirectTo("/custom-denied?x=1")
			case "denyext":
				return ginauth.RedirectTo("https://elsewhere.example/denied")
			case "denythrow":
				return ginauth.PublicError("blocked & banned")
			}
			return nil
		},
		JWT: func(_ *gin.Context, p ginauth.JWTParams) error {
			if p.User != nil && p.User.Name == "jwtthrow" {
				return errors.New("jwt callback failed")
			}
			if p.Trigger == ginauth.TriggerUpdate {
				p.Token.Claims["upd"] = p.Update
			}
			return nil
		},
		Session: func(_ *gin.Context, p ginauth.SessionParams) error {
			if upd, ok := p.Token.Claims["upd"]; ok {
				p.Session.Values["upd"] = upd
			}
			return nil
		},
	}
}

// wireToken answers as getToken did: the claims, and the token itself.
func wireToken(c *gin.Context) {
	t := ginauth.GetToken(c)
	if t == nil {
		c.JSON(http.StatusOK, gin.H{"token": nil, "raw": nil})
		return
	}
	var said struct{ User map[string]any }
	raw, _ := ginauth.GetSession(c).MarshalJSON()
	claims := gin.H{"sub": t.Subject, "iat": t.IssuedAt.Unix(), "exp": t.ExpiresAt.Unix(), "jti": t.ID}
	if json.Unmarshal(raw, &said) == nil {
		for claim, member := range map[string]string{"name": "name", "email": "email", "picture": "image"} {
			if value, ok := said.User[member]; ok {
				claims[claim] = value
			}
		}
	}
	for name, value := range t.Claims {
		claims[name] = value
	}
	cookie, _ := c.Cookie("next-auth.session-token")
	c.JSON(http.StatusOK, gin.H{"token": claims, "raw": cookie})
}

// here puts this test's provider where the transcripts name theirs.
func (s *wireServer) here(text string) string {
	return strings.ReplaceAll(text, theirProvider, s.idp.Issuer())
}

// request is the transcript's. In the middle of a sign-in, that sign-in is
// started here first, and the provider's own answer takes the transcript's place.
func (s *wireServer) request(t *testing.T) *http.Request {
	t.Helper()
	script := s.script.Request
	var body io.Reader
	if script.Body != nil {
		body = strings.NewReader(*script.Body)
	}
	req := httptest.NewRequest(script.Method, "http://"+script.Headers["Host"]+script.Path, body)
	for name, value := range script.Headers {
		if name != "Host" {
			req.Header.Set(name, value)
		}
	}
	s.history(t, req)
	if len(s.script.Response.SetCookies) > 0 && (strings.HasPrefix(s.script.Name, "1") || s.script.Config == "I") && strings.Contains(script.Path, "/callback/") && strings.Contains(script.Path, "state=") {
		s.start(t, req)
	}
	return req
}

// before is the provider at which the transcript's person has signed in before, and
// whether their session is the one that the request has.
var before = map[string]struct {
	provider string
	current  bool
}{
	"184-pages-existing-user":                    {"plain", false},
	"186-db-session":                             {"acme", true},
	"188-db-link-second-account-while-signed-in": {"acme", true},
	"192-db-dangerous-link":                      {"acme", false},
	"210-db-rolling-1":                           {"acme", true},
}

// history does what the transcript's person has done before.
func (s *wireServer) history(t *testing.T, req *http.Request) {
	t.Helper()
	past, ok := before[s.script.Name]
	if !ok {
		return
	}
	_, pair := csrfPair(csrfCookie)
	idp := s.idp
	s.idp = s.idps[past.provider]
	first := httptest.NewRequest(http.MethodGet, "http://"+req.Host+"/api/auth/callback/"+past.provider, nil)
	first.Header.Set("Cookie", pair)
	s.start(t, first)
	s.idp = idp
	w := httptest.NewRecorder()
	s.engine.ServeHTTP(w, first)
	for _, c := range w.Result().Cookies() {
		if c.Name != sessionCookie || !past.current {
			continue
		}
		var jar []string
		for _, pair := range strings.Split(req.Header.Get("Cookie"), "; ") {
			if !strings.HasPrefix(pair, sessionCookie+"=") {
				jar = append(jar, pair)
			}
		}
		req.Header.Set("Cookie", strings.Join(append(jar, c.Name+"="+c.Value), "; "))
		return
	}
	if past.current {
		t.Fatalf("nobody signed in: %v", w.Header())
	}
}

// start signs in up to the provider's answer and makes it the request's query.
func (s *wireServer) start(t *testing.T, req *http.Request) {
	t.Helper()
	provider := strings.TrimPrefix(req.URL.Path, "/api/auth/callback/")
	jar := req.Header.Get("Cookie")
	_, csrf, _ := strings.Cut(jar, "csrf-token=")
	csrf = csrf[:64]
	begin := httptest.NewRequest(http.MethodPost, "http://"+req.Host+"/api/auth/signin/"+provider, strings.NewReader("csrfToken="+csrf))
	begin.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	begin.Header.Set("Cookie", jar)
	w := httptest.NewRecorder()
	s.engine.ServeHTTP(w, begin)
	callback, err := s.idp.Approve(t.Context(), w.Header().Get("Location"), "u-"+s.user)
	if err != nil {
		t.Fatal(err)
	}
	query := callback.Query()
	for name, values := range req.URL.Query() {
		if name != "code" && name != "state" {
			query[name] = values
		}
	}
	req.URL.RawQuery = query.Encode()
	for _, line := range w.Header()["Set-Cookie"] {
		jar += "; " + strings.Split(line, ";")[0]
	}
	req.Header.Set("Cookie", jar)
}

// wireRefused is what a server without a secret has become.
func wireRefused(t *testing.T) {
	t.Helper()
	_, err := ginauth.Register(gin.New(), ginauth.Options{Providers: somebody(), BaseURL: "http://localhost:3101"})
	if err == nil || !strings.Contains(err.Error(), "Secret") {
		t.Errorf("Register without a secret: %v (%s)", err, faultAtStart)
	}
}

// wireWithoutAdapter is what a server that sends mails without an adapter has become.
func wireWithoutAdapter(t *testing.T) {
	t.Helper()
	_, err := ginauth.Register(gin.New(), ginauth.Options{
		Secret: testSecret, BaseURL: "http://localhost:3107", Providers: []ginauth.Provider{ginauth.Email{Send: nowhere}},
	})
	if err == nil || !strings.Contains(err.Error(), "Adapter") {
		t.Errorf("Register without an adapter: %v (%s)", err, faultAtStart)
	}
}
