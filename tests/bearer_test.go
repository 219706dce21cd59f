package tests

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-jose/go-jose/v4"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/internal/servertest"
	"github.com/ginauth/ginauth/oidc"
	"github.com/ginauth/ginauth/redisstore"
)

// apiKey says whose an API key is.
func apiKey(_ *gin.Context, token string) (*ginauth.Session, error) {
	switch token {
	case "key-of-ada":
		return &ginauth.Session{User: ginauth.User{ID: "ada"}, Scopes: []string{"orders:read", "orders:write"}}, nil
	case "key-of-bob":
		return &ginauth.Session{User: ginauth.User{ID: "bob"}, Scopes: []string{"orders:reader"}}, nil
	case "nobody":
		return nil, nil
	case "without-id":
		return &ginauth.Session{}, nil
	case "down":
		return nil, errors.New("the keys' database is down, asked for down")
	}
	return nil, fmt.Errorf("key: %w", ginauth.ErrInvalidToken)
}

// bearerApp answers at /api who came, and at /orders who may read orders.
func bearerApp(t testing.TB, opts ginauth.Options, verify ginauth.BearerFunc) *app {
	t.Helper()
	if opts.Providers == nil {
		opts.Providers = []ginauth.Provider{members()}
	}
	a := newApp(t, opts)
	api := a.engine.Group("/", a.auth.AcceptBearer(verify))
	who := func(c *gin.Context) {
		s := ginauth.GetSession(c)
		if s == nil {
			c.String(http.StatusOK, "nobody")
			return
		}
		fromRequest := ginauth.GetSession(c.Request.Context())
		c.String(http.StatusOK, "%s %s %t", s.User.ID, fromRequest.User.ID, ginauth.GetToken(c) != nil)
	}
	api.Any("/api", a.auth.RequireSession(), who)
	api.GET("/orders", a.auth.RequireSession(ginauth.Scope("orders:read")), who)
	api.GET("/both", a.auth.RequireSession(ginauth.Scope("orders:read", "orders:write")), who)
	api.GET("/none", a.auth.RequireSession(ginauth.Scope()), who)
	api.GET("/open", a.auth.LoadSession(), who)
	api.POST("/update", a.auth.RequireSession(), func(c *gin.Context) {
		_, err := a.auth.Update(c, "x")
		_, tokens := a.auth.Client(c)
		c.String(http.StatusOK, "%t %t", errors.Is(err, ginauth.ErrNoSession), errors.Is(tokens, ginauth.ErrNoTokens))
	})
	return a
}

func (b *browser) bear(method, target string, tokens ...string) answer {
	req := b.request(method, target, nil)
	for _, token := range tokens {
		req.Header.Add("Authorization", token)
	}
	return b.do(req)
}

func TestAcceptBearer(t *testing.T) {
	t.Parallel()
	a := bearerApp(t, ginauth.Options{}, apiKey)
	for _, tt := range []struct {
		name, target string
		tokens       []string
		status       int
		body, asks   string
	}{
		{"a key", "/api", []string{"Bearer key-of-ada"}, 200, "ada ada false", ""},
		{"a page that anybody may see", "/open", []string{"Bearer key-of-ada"}, 200, "ada ada false", ""},
		{"there, nobody", "/open", nil, 200, "nobody", ""},
		{"its scope", "/orders", []string{"Bearer key-of-ada"}, 200, "ada ada false", ""},
		{"both scopes", "/both", []string{"Bearer key-of-ada"}, 200, "ada ada false", ""},
		{"a scope that begins alike", "/orders", []string{"Bearer key-of-bob"}, 403, "", `Bearer error="insufficient_scope", scope="orders:read"`},
		{"a guard of no scope", "/none", []string{"Bearer key-of-ada"}, 403, "", ""},
		{"another token", "/api", []string{"Bearer other"}, 401, "InvalidToken", `Bearer error="invalid_token"`},
		{"another token, where nobody need be", "/open", []string{"Bearer other"}, 401, "InvalidToken", `Bearer error="invalid_token"`},
		{"no session and no error", "/api", []string{"Bearer nobody"}, 401, "InvalidToken", `Bearer error="invalid_token"`},
		{"a session of nobody", "/api", []string{"Bearer without-id"}, 401, "InvalidToken", `Bearer error="invalid_token"`},
		{"no token", "/api", nil, 401, "SessionRequired", "Bearer"},
		{"an empty one", "/api", []string{"Bearer "}, 401, "SessionRequired", "Bearer"},
		{"two headers", "/api", []string{"Bearer key-of-ada", "Bearer key-of-ada"}, 401, "SessionRequired", "Bearer"},
		{"another scheme", "/api", []string{"Basic key-of-ada"}, 401, "SessionRequired", "Bearer"},
		{"what cannot be checked", "/api", []string{"Bearer down"}, 503, "SessionUnavailable", ""},
		{"a group that accepts none", "/me", []string{"Bearer key-of-ada"}, 401, "SessionRequired", "Bearer"},
		{"an auth route", "/api/auth/session", []string{"Bearer key-of-ada"}, 200, "{}", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			res := a.browser(t).bear(http.MethodGet, tt.target, tt.tokens...)
			if res.StatusCode != tt.status || !strings.Contains(res.body, tt.body) || res.Header.Get("WWW-Authenticate") != tt.asks {
				t.Errorf("%d %q, %s", res.StatusCode, res.Header.Get("WWW-Authenticate"), res.body)
			}
			if tt.target != "/me" && tt.status == 200 && !strings.HasPrefix(res.Header.Get("Cache-Control"), "private") {
				t.Errorf("Cache-Control: %s", res.Header.Get("Cache-Control"))
			}
			if len(res.Cookies()) > 0 && !strings.HasPrefix(tt.target, "/api/auth") {
				t.Errorf("cookies %v", res.Cookies())
			}
		})
	}
	t.Run("not this site's to change or to use", func(t *testing.T) {
		t.Parallel()
		if res := a.browser(t).bear(http.MethodPost, "/update", "Bearer key-of-ada"); res.body != "true true" {
			t.Errorf("%d %s", res.StatusCode, res.body)
		}
	})
}

// A session comes first: one in a cookie judges the request alone, and one in the header
// is no business of the application's function.
func TestAttack31_BearerBesideCookie(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	a := bearerApp(t, ginauth.Options{}, func(c *gin.Context, token string) (*ginauth.Session, error) {
		asked.Add(1)
		return apiKey(c, token)
	})
	b := a.browser(t)
	b.post("/api/auth/callback/credentials", url.Values{"csrfToken": {b.csrf()}, "username": {"eve"}, "password": {adasPassword}})
	sealed := b.cookie("next-auth.session-token")
	if res := b.bear(http.MethodGet, "/api", "Bearer key-of-ada"); res.body != "u-eve u-eve true" {
		t.Errorf("beside a cookie: %d %s", res.StatusCode, res.body)
	}
	req := b.request(http.MethodPost, "/api", nil)
	req.Header.Set("Origin", "https://evil.example")
	req.Header.Set("Authorization", "Bearer key-of-ada")
	if res := b.do(req); res.StatusCode != http.StatusForbidden {
		t.Errorf("another site's page, with the cookie and a token of its own: %d %s", res.StatusCode, res.body)
	}
	if res := a.browser(t).bear(http.MethodGet, "/api", "Bearer "+sealed); res.body != "u-eve u-eve true" {
		t.Errorf("a session as a token: %d %s", res.StatusCode, res.body)
	}
	stale := a.browser(t)
	stale.plant("next-auth.session-token", "not a session")
	if res := stale.bear(http.MethodGet, "/api", "Bearer key-of-ada"); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("beside a cookie that opens nothing: %d %s", res.StatusCode, res.body)
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("asked %d times", n)
	}
}

// What the function says of a fault does not repeat the token in the log.
func TestAcceptBearer_Log(t *testing.T) {
	t.Parallel()
	a := bearerApp(t, ginauth.Options{}, func(_ *gin.Context, token string) (*ginauth.Session, error) {
		return nil, fmt.Errorf("SELECT user FROM keys WHERE key = '%s': connection refused", token)
	})
	const token = "k-7d1f0b9c2a6e"
	res := a.browser(t).bear(http.MethodGet, "/api", "Bearer "+token)
	if log := a.log.String(); res.StatusCode != http.StatusServiceUnavailable || strings.Contains(log+res.body, token) || !strings.Contains(log, "connection refused") {
		t.Errorf("%d %s, log %s", res.StatusCode, res.body, log)
	}
}

// An authServer issues access tokens, signed by go-jose.
type authServer struct {
	*httptest.Server
	keys    map[string]any // by kid
	fetches atomic.Int64
	down    atomic.Bool
}

func newAuthServer(t testing.TB) *authServer {
	t.Helper()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s := &authServer{keys: map[string]any{"rsa": rsaKey, "ec": ecKey}}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{
			"issuer": s.URL, "authorization_endpoint": s.URL + "/authorize", "token_endpoint": s.URL + "/token", "jwks_uri": s.URL + "/keys",
		})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		s.fetches.Add(1)
		if s.down.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
			{Key: &rsaKey.PublicKey, KeyID: "rsa"}, {Key: &ecKey.PublicKey, KeyID: "ec"},
		}})
	})
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// sign makes a token. header has the kid and the alg, and what else it may have.
func (s *authServer) sign(t testing.TB, header map[string]any, claims map[string]any) string {
	t.Helper()
	kid, _ := header["kid"].(string)
	alg, _ := header["alg"].(string)
	key := s.keys[kid]
	if key == nil {
		other, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		key = other
	}
	if strings.HasPrefix(alg, "HS") { // the public key as a secret
		key = s.keys["rsa"].(*rsa.PrivateKey).N.Bytes()
	}
	opts := &jose.SignerOptions{}
	for name, value := range header {
		if name != "alg" {
			opts = opts.WithHeader(jose.HeaderKey(name), value)
		}
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(alg), Key: key}, opts)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

const audience = "https://api.example.com"

// accessClaims are a valid token's, with changes; nil takes one away.
func (s *authServer) accessClaims(changes map[string]any) map[string]any {
	now := time.Now().Unix()
	claims := map[string]any{
		"iss": s.URL, "sub": "248289761001", "aud": audience, "exp": now + 600, "iat": now, "jti": "1", "client_id": "s6BhdRkqt3", "scope": "openid orders:read",
	}
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	return claims
}

var atJWT = map[string]any{"kid": "rsa", "alg": "RS256", "typ": "at+jwt"}

func headed(header map[string]any, changes map[string]any) map[string]any {
	header = maps.Clone(header)
	maps.Copy(header, changes)
	maps.DeleteFunc(header, func(_ string, value any) bool { return value == nil })
	return header
}

// JWT access tokens, as RFC 9068 has them and as services write them.
func TestAttack24_AccessTokens(t *testing.T) {
	t.Parallel()
	s := newAuthServer(t)
	site := func(allow bool) *app {
		verify, err := oidc.NewBearer(oidc.BearerConfig{Issuer: s.URL, Audience: audience, AllowJWTType: allow})
		if err != nil {
			t.Fatal(err)
		}
		return bearerApp(t, ginauth.Options{}, verify)
	}
	strict, lenient, issuer := site(false), site(true), s.URL
	now := time.Now().Unix()
	jwt := headed(atJWT, map[string]any{"typ": "JWT"})
	for _, tt := range []struct {
		name            string
		header, changes map[string]any
		strict, lenient bool // whether it is accepted
	}{
		{"RFC 9068", atJWT, nil, true, true},
		{"the long typ, in capitals", headed(atJWT, map[string]any{"typ": "application/AT+JWT"}), nil, true, true},
		{"ES256", headed(atJWT, map[string]any{"kid": "ec", "alg": "ES256"}), nil, true, true},
		{"several audiences", atJWT, map[string]any{"aud": []string{"https://other.example", audience}}, true, true},
		{"typ JWT", jwt, nil, false, true},
		{"no typ", headed(atJWT, map[string]any{"typ": nil}), nil, false, true},
		{"Keycloak's", jwt, map[string]any{"aud": []string{audience, "account"}, "client_id": nil, "azp": "web", "typ": "Bearer", "realm_access": map[string]any{"roles": []string{"user"}}, "scope": "profile orders:read email"}, false, true},
		{"Auth0's", jwt, map[string]any{"sub": "auth0|5f7c8ec7c33c6c004bbafe82", "aud": []string{audience, s.URL + "/userinfo"}, "client_id": nil, "azp": "my_client_id", "scope": "openid profile orders:read", "permissions": []string{"orders:read"}}, false, true},
		{"Entra ID's", jwt, map[string]any{"client_id": nil, "azp": "6731de76-14a6-49ae-97bc-6eba6914391e", "scope": nil, "scp": "user_impersonation orders:read", "ver": "2.0", "nbf": now}, false, true},
		{"Okta's", headed(atJWT, map[string]any{"typ": nil}), map[string]any{"client_id": nil, "cid": "nmdP1fcyvdVO11AL7ECm", "scope": nil, "scp": []string{"openid", "orders:read"}, "uid": "00ugrenMeqvYla4HW0g3", "ver": 1}, false, true},

		{"an id_token: its nonce", jwt, map[string]any{"nonce": "n"}, false, false},
		{"an id_token: its at_hash", jwt, map[string]any{"at_hash": "h"}, false, false},
		{"an id_token: its audience is the client", jwt, map[string]any{"azp": audience}, false, false},
		{"the same by client_id", jwt, map[string]any{"client_id": audience}, false, false},
		{"a logout token", jwt, map[string]any{"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}}, false, false},
		{"a logout token by its typ", headed(atJWT, map[string]any{"typ": "logout+jwt"}), nil, false, false},
		{"another audience", atJWT, map[string]any{"aud": "https://other.example"}, false, false},
		{"an audience that begins alike", atJWT, map[string]any{"aud": audience + "/"}, false, false},
		{"no audience", atJWT, map[string]any{"aud": nil}, false, false},
		{"another issuer", atJWT, map[string]any{"iss": s.URL + "/"}, false, false},
		{"no issuer", atJWT, map[string]any{"iss": nil}, false, false},
		{"no subject", atJWT, map[string]any{"sub": nil}, false, false},
		{"an empty subject", atJWT, map[string]any{"sub": ""}, false, false},
		{"a subject in another case beside it", atJWT, map[string]any{"Sub": "admin"}, false, false},
		{"expired", atJWT, map[string]any{"exp": now - 1}, false, false},
		{"without end", atJWT, map[string]any{"exp": nil}, false, false},
		{"not yet", atJWT, map[string]any{"nbf": now + 3600}, false, false},
		{"HS256 with the public key", headed(atJWT, map[string]any{"alg": "HS256"}), nil, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			raw := s.sign(t, tt.header, s.accessClaims(tt.changes))
			for _, s := range []struct {
				app  *app
				good bool
			}{{strict, tt.strict}, {lenient, tt.lenient}} {
				res := s.app.browser(t).bear(http.MethodGet, "/orders", "Bearer "+raw)
				status := http.StatusUnauthorized
				if s.good {
					status = http.StatusOK
				}
				if res.StatusCode != status {
					t.Errorf("lenient %t: %d %s, log %s", s.app == lenient, res.StatusCode, res.body, s.app.log)
				}
				if s.good && !strings.HasPrefix(res.body, issuer+" ") {
					t.Errorf("it is %s", res.body)
				}
			}
		})
	}
	for name, raw := range map[string]string{
		"unsigned":        unsigned(t, s.accessClaims(nil)),
		"a forged claim":  forged(s.sign(t, atJWT, s.accessClaims(nil))),
		"another's key":   s.sign(t, headed(atJWT, map[string]any{"kid": "strange"}), s.accessClaims(nil)),
		"no signature":    strings.TrimRight(s.sign(t, atJWT, s.accessClaims(nil)), "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
		"two dots":        "..",
		"a million dots":  strings.Repeat(".", 1<<14),
		"rubbish":         "eyJhbGciOiJSUzI1NiJ9.%zz.x",
		"a nested object": base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat(`{"typ":`, 2000))) + ".e30.x",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if res := lenient.browser(t).bear(http.MethodGet, "/api", "Bearer "+raw); res.StatusCode != http.StatusUnauthorized {
				t.Errorf("%d %s", res.StatusCode, res.body)
			}
		})
	}
}

// unsigned is a token with alg none.
func unsigned(t testing.TB, claims map[string]any) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"at+jwt"}`)) + "." + base64.RawURLEncoding.EncodeToString(payload) + "."
}

// forged is a token whose subject was changed after it was signed.
func forged(raw string) string {
	parts := strings.Split(raw, ".")
	payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
	parts[1] = base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(payload), "248289761001", "000000000001", 1)))
	return strings.Join(parts, ".")
}

// A thousand tokens of unknown keys have the issuer asked for its keys once more.
func TestAttack34_UnknownKeys(t *testing.T) {
	t.Parallel()
	s := newAuthServer(t)
	verify, err := oidc.NewBearer(oidc.BearerConfig{Issuer: s.URL, Audience: audience})
	if err != nil {
		t.Fatal(err)
	}
	a := bearerApp(t, ginauth.Options{}, verify)
	good := s.sign(t, atJWT, s.accessClaims(nil))
	b := a.browser(t)
	if res := b.bear(http.MethodGet, "/orders", "Bearer "+good); res.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", res.StatusCode, res.body)
	}
	for i := range 1000 {
		header := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"alg":"RS256","typ":"at+jwt","kid":"k%d"}`, i))
		_, rest, _ := strings.Cut(good, ".")
		if res := b.bear(http.MethodGet, "/orders", "Bearer "+header+"."+rest); res.StatusCode != http.StatusUnauthorized {
			t.Fatalf("%d %s", res.StatusCode, res.body)
		}
	}
	if n := s.fetches.Load(); n > 2 {
		t.Errorf("the keys were fetched %d times", n)
	}
	if res := b.bear(http.MethodGet, "/orders", "Bearer "+good); res.StatusCode != http.StatusOK {
		t.Errorf("afterwards %d %s", res.StatusCode, res.body)
	}
}

// An issuer that is down is no fault of the token's: 503, and the next request tries again.
func TestNewBearer_IssuerDown(t *testing.T) {
	t.Parallel()
	s := newAuthServer(t)
	s.down.Store(true)
	verify, err := oidc.NewBearer(oidc.BearerConfig{Issuer: s.URL, Audience: audience})
	if err != nil {
		t.Fatal(err)
	}
	a := bearerApp(t, ginauth.Options{}, verify)
	good := s.sign(t, atJWT, s.accessClaims(nil))
	if res := a.browser(t).bear(http.MethodGet, "/api", "Bearer "+good); res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("%d %s", res.StatusCode, res.body)
	}
	if log := a.log.String(); strings.Contains(log, good) || !strings.Contains(log, "502") {
		t.Errorf("log %s", log)
	}
}

func TestAttack22_BearerUsers(t *testing.T) {
	t.Parallel()
	s := newAuthServer(t)
	adapter := ginauth.MemoryAdapter()
	ctx := context.Background()
	user, err := adapter.CreateUser(ctx, ginauth.User{Name: "Ada", Email: "ada@example.com"}, &ginauth.Account{Provider: "staff", Type: "oauth", ProviderAccountID: "248289761001"})
	if err != nil {
		t.Fatal(err)
	}
	verify, err := oidc.NewBearer(oidc.BearerConfig{
		Issuer: s.URL, Audience: audience, Adapter: adapter, Provider: "staff",
		Session: func(_ *gin.Context, claims map[string]any, session *ginauth.Session) error {
			if claims["locked"] == true {
				return fmt.Errorf("locked: %w", ginauth.ErrInvalidToken)
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	a := bearerApp(t, ginauth.Options{}, verify)
	for _, tt := range []struct {
		name    string
		changes map[string]any
		want    string
	}{
		{"a user of the Adapter", nil, user.ID + " " + user.ID + " false"},
		{"nobody there", map[string]any{"sub": "a service"}, s.URL + " a service " + s.URL + " a service false"},
		{"refused by the application", map[string]any{"locked": true}, "InvalidToken"},
	} {
		res := a.browser(t).bear(http.MethodGet, "/api", "Bearer "+s.sign(t, atJWT, s.accessClaims(tt.changes)))
		if !strings.Contains(res.body, tt.want) {
			t.Errorf("%s: %d %s", tt.name, res.StatusCode, res.body)
		}
	}
}

// An Adapter's answer is looked at again: a database may take one subject for another.
func TestAttack22_BearerOfSimilarSubject(t *testing.T) {
	t.Parallel()
	s := newAuthServer(t)
	memory := ginauth.MemoryAdapter()
	victim, err := memory.CreateUser(t.Context(), ginauth.User{Name: "Ada"}, &ginauth.Account{Provider: "staff", Type: "oauth", ProviderAccountID: "ada"})
	must(t, err)
	for name, row := range map[string]struct {
		answers ginauth.User
		subject string
		status  int
	}{
		"their own":      {victim, "ada", http.StatusOK},
		"another's":      {victim, "Ada", http.StatusServiceUnavailable},
		"a user of none": {ginauth.User{Name: "none"}, "ada", http.StatusServiceUnavailable},
	} {
		verify, err := oidc.NewBearer(oidc.BearerConfig{Issuer: s.URL, Audience: audience, Adapter: lying{memory, "GetUserByAccount", row.answers}, Provider: "staff"})
		must(t, err)
		a := bearerApp(t, ginauth.Options{}, verify)
		res := a.browser(t).bear(http.MethodGet, "/api", "Bearer "+s.sign(t, atJWT, s.accessClaims(map[string]any{"sub": row.subject})))
		if res.StatusCode != row.status || strings.Contains(res.body, victim.ID) != (row.status == http.StatusOK) {
			t.Errorf("%s: %d %s", name, res.StatusCode, res.body)
		}
		if told := strings.Contains(a.log.String(), "byte by byte"); told != (row.status != http.StatusOK) {
			t.Errorf("%s: the log: %s", name, a.log)
		}
	}
}

func TestNewBearer_Faults(t *testing.T) {
	t.Parallel()
	for want, config := range map[string]oidc.BearerConfig{
		"Issuer":       {Audience: audience},
		"Audience is":  {Issuer: "https://login.example.com"},
		"white space":  {Issuer: "https://login.example.com", Audience: " x"},
		"DiscoveryURL": {Issuer: "https://login.example.com", Audience: audience, DiscoveryURL: "x"},
		"Provider":     {Issuer: "https://login.example.com", Audience: audience, Provider: "staff"},
		"Adapter":      {Issuer: "https://login.example.com", Audience: audience, Adapter: ginauth.MemoryAdapter()},
	} {
		if verify, err := oidc.NewBearer(config); err == nil || verify != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// No token of another purpose passes for an access token, and no access token for
// another: an id_token of the same provider, a session, a CSRF token, a state.
func TestAttack08_BearerKinds(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	verify, err := oidc.NewBearer(oidc.BearerConfig{Issuer: idp.Issuer(), Audience: idp.ClientID(), AllowJWTType: true})
	if err != nil {
		t.Fatal(err)
	}
	kept := ""
	a := bearerApp(t, ginauth.Options{
		Providers: ginauth.Goth(local(idp, "local")),
		Callbacks: ginauth.Callbacks{JWT: func(_ *gin.Context, p ginauth.JWTParams) error {
			if p.Account != nil {
				kept = p.Account.IDToken
			}
			return nil
		}},
	}, verify)
	b := a.browser(t)
	b.signIn(idp, "local")
	if kept == "" {
		t.Fatal("no id_token")
	}
	bob := a.browser(t)
	bob.begin("local", "/")
	tokens := map[string]string{"an id_token": kept, "a CSRF token": b.csrf()}
	for _, c := range bob.cookies() {
		tokens["the cookie "+c.Name] = c.Value
	}
	for name, token := range tokens {
		if res := a.browser(t).bear(http.MethodGet, "/api", "Bearer "+token); res.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", name, res.StatusCode, res.body)
		}
	}
	s := newAuthServer(t)
	access := s.sign(t, atJWT, s.accessClaims(nil))
	planted := a.browser(t)
	planted.plant("next-auth.session-token", access)
	if res := planted.get("/me"); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("an access token as a session: %d %s", res.StatusCode, res.body)
	}
}

// What no token is, in the header: refused, without a panic and without being looked at.
func TestAttack07_BearerOfAGroup(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	a := bearerApp(t, ginauth.Options{}, func(c *gin.Context, token string) (*ginauth.Session, error) {
		asked.Add(1)
		return nil, ginauth.ErrInvalidToken
	})
	for _, value := range []string{"Bearer", "Bearer ", "", "%zz", "Bearer\tx", "Bearer " + strings.Repeat("x", 1<<16), "Bearer " + strings.Repeat(".", 1<<16)} {
		if res := a.browser(t).bear(http.MethodGet, "/api", value); res.StatusCode != http.StatusUnauthorized {
			t.Errorf("%.20q: %d %s", value, res.StatusCode, res.body)
		}
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("the application was asked about %d of them", n)
	}
	if res := a.browser(t).bear(http.MethodGet, "/api", "Bearer %zz"); res.StatusCode != http.StatusUnauthorized || asked.Load() != 1 {
		t.Errorf("a short one: %d %s", res.StatusCode, res.body)
	}
}

// What stands in front of a bearer token's check: a host that is not this site's, a store
// that cannot tell, and a check that answers itself. The handler behind is not called.
func TestAcceptBearer_InFront(t *testing.T) {
	t.Parallel()
	client := redisClient(t, servertest.Redis(t))
	cut := &calls{}
	a := newApp(t, ginauth.Options{
		Providers: somebody(),
		Session:   ginauth.SessionOptions{Store: cutStore{redisstore.New(client, redisstore.Options{}), cut}},
	})
	answers := func(c *gin.Context, _ string) (*ginauth.Session, error) {
		c.String(http.StatusTeapot, "answered")
		return nil, nil
	}
	admits := func(*gin.Context, string) (*ginauth.Session, error) {
		return &ginauth.Session{User: ginauth.User{ID: "ada"}}, nil
	}
	reached := func(c *gin.Context) { c.String(http.StatusOK, "reached") }
	a.engine.GET("/answers", a.auth.AcceptBearer(answers), reached)
	a.engine.GET("/admits", a.auth.AcceptBearer(admits), reached)
	for name, row := range map[string]struct {
		path, host string
		fails      int
		status     int
		body       string
	}{
		"admitted":           {"/admits", "", -1, http.StatusOK, "reached"},
		"answered":           {"/answers", "", -1, http.StatusTeapot, "answered"},
		"another host":       {"/admits", "evil.example", -1, http.StatusBadRequest, "BadHost"},
		"a store that fails": {"/admits", "", 0, http.StatusServiceUnavailable, "SessionUnavailable"},
	} {
		b := a.browser(t)
		req := b.request(http.MethodGet, row.path, nil)
		req.Header.Set("Authorization", "Bearer a-token")
		if row.host != "" {
			req.Host = row.host
		}
		cut.arm(row.fails)
		res := b.do(req)
		cut.disarm()
		if res.StatusCode != row.status || !strings.Contains(res.body, row.body) || row.body != "reached" && strings.Contains(res.body, "reached") {
			t.Errorf("%s: %d %s", name, res.StatusCode, res.body)
		}
	}
	// A guard that is called by itself has no bearer token to challenge.
	c, _ := gin.CreateTestContext(httptest.NewRecorder())
	if ginauth.Scope("orders:read")(c, &ginauth.Session{}) || c.Writer.Header().Get("WWW-Authenticate") != "" {
		t.Error("a session without the scope is admitted, or challenged")
	}
	b := a.browser(t)
	a.engine.POST("/enter", func(c *gin.Context) { _, _ = a.auth.SignIn(c, ginauth.User{ID: "ada"}) })
	a.engine.GET("/orders", a.auth.RequireSession(ginauth.Scope("orders:read")), reached)
	req := b.request(http.MethodPost, "/enter", nil)
	req.Header.Set("Origin", a.URL)
	b.do(req)
	if res := b.get("/orders"); res.StatusCode != http.StatusForbidden || res.Header.Get("WWW-Authenticate") != "" {
		t.Errorf("a browser without the scope: %d, challenged by %q", res.StatusCode, res.Header.Get("WWW-Authenticate"))
	}
}
