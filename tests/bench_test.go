package tests

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/factor"
	"github.com/ginauth/ginauth/internal/token"
)

// discard is a ResponseWriter that costs nothing of its own.
type discard struct{ h http.Header }

func (d *discard) Header() http.Header         { return d.h }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}

func BenchmarkRequireSession(b *testing.B) {
	keys, err := token.V4.Keyring("", testSecret)
	if err != nil {
		b.Fatal(err)
	}
	claims := `{"name":"Ada Lovelace","email":"ada@example.com","picture":"https://example.com/ada.png","sub":"u-1","auth_time":1795479638,` +
		`"iat":` + unix(time.Now()) + `,"exp":` + unix(time.Now().Add(time.Hour)) + `,"jti":"353ca645-ad86-437a-bda8-88e8aa9e5d71"`
	for _, session := range []struct{ name, payload string }{
		{"plain", claims + `}`},
		{"factors", claims + `,"ginauth_sid":"s-1","ginauth_factors":"` + factorsOf(b, "u-1", "s-1") + `"}`},
		{"2KB", claims + `,"accessToken":"` + strings.Repeat("ya29.A0AfH6SM", 158) + `"}`},
	} {
		sealed := keys.Seal([]byte(session.payload))
		for _, variant := range []struct {
			name string
			opts ginauth.Options
		}{
			{"", ginauth.Options{}},
			{"/callbacks", ginauth.Options{Callbacks: ginauth.Callbacks{
				JWT: func(*gin.Context, ginauth.JWTParams) error { return nil },
				Session: func(_ *gin.Context, p ginauth.SessionParams) error {
					p.Session.Values["accessToken"] = p.Token.Claims["accessToken"]
					return nil
				},
			}}},
		} {
			b.Run(session.name+variant.name, func(b *testing.B) {
				variant.opts.Secret, variant.opts.BaseURL = testSecret, "http://app.example.com"
				auth, err := ginauth.New(variant.opts)
				if err != nil {
					b.Fatal(err)
				}
				engine := gin.New()
				var last *ginauth.Session
				engine.GET("/", auth.RequireSession(), func(c *gin.Context) { last = ginauth.GetSession(c) })
				w := &discard{http.Header{}}
				req := httptest.NewRequest(http.MethodGet, "/", nil)
				req.Header.Set("Cookie", "theme=dark; next-auth.csrf-token="+strings.Repeat("a", 64)+"%7C"+strings.Repeat("b", 64)+
					"; next-auth.callback-url=http%3A%2F%2Fapp.example.com; next-auth.session-token="+sealed)
				b.ReportAllocs()
				for b.Loop() {
					clear(w.h)
					engine.ServeHTTP(w, req)
				}
				if last == nil {
					b.Fatal("nobody is signed in")
				}
			})
		}
	}
}

// factorsOf is the claim of a session with two factors.
func factorsOf(t testing.TB, subject, session string) string {
	t.Helper()
	mac, err := token.NewDigest("ginauth.factors.next-auth", testSecret)
	if err != nil {
		t.Fatal(err)
	}
	return factor.Claim(mac, subject, session, []factor.Proof{
		{Method: "password", At: time.Now(), Provider: "credentials", Account: "6wB1Vbkz9sR3eZqH"}, {Method: "otp", At: time.Now()},
	})
}

// BenchmarkRequireFactor is a request that a factor guards.
func BenchmarkRequireFactor(b *testing.B) {
	keys, err := token.V4.Keyring("", testSecret)
	if err != nil {
		b.Fatal(err)
	}
	sealed := keys.Seal([]byte(`{"name":"Ada Lovelace","email":"ada@example.com","sub":"u-1","auth_time":1795479638,"iat":` + unix(time.Now()) +
		`,"exp":` + unix(time.Now().Add(time.Hour)) + `,"jti":"j","ginauth_sid":"s-1","ginauth_factors":"` + factorsOf(b, "u-1", "s-1") + `"}`))
	auth, err := ginauth.New(ginauth.Options{Secret: testSecret, BaseURL: "http://app.example.com"})
	if err != nil {
		b.Fatal(err)
	}
	engine, passed := gin.New(), false
	engine.GET("/", auth.RequireFactor(time.Hour, ginauth.FactorOTP), func(*gin.Context) { passed = true })
	w := &discard{http.Header{}}
	req := httptest.NewRequest(http.MethodGet, "/", nil)
	req.Header.Set("Cookie", "next-auth.session-token="+sealed)
	b.ReportAllocs()
	for b.Loop() {
		clear(w.h)
		engine.ServeHTTP(w, req)
	}
	if !passed {
		b.Fatal("nobody was let through")
	}
}

func unix(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// BenchmarkStore is a guarded request whose session is kept elsewhere, on a server
// of this machine, or is sealed and asked after.
func BenchmarkStore(b *testing.B) {
	for _, row := range keptIn {
		b.Run(row.name, func(b *testing.B) {
			guarded(b, ginauth.SessionOptions{Store: row.open(b).store})
		})
	}
	b.Run("sealed", func(b *testing.B) { guarded(b, ginauth.SessionOptions{}) })
	for _, row := range revocationsIn {
		b.Run("revocations in "+row.name, func(b *testing.B) {
			guarded(b, ginauth.SessionOptions{Revocations: row.open(b, time.Now)})
		})
	}
}

// guarded signs somebody in and makes guarded requests.
func guarded(b *testing.B, session ginauth.SessionOptions) {
	a := membersApp(b, ginauth.Options{Session: session})
	browser := a.browser(b)
	browser.signInAs("ada")
	var last *ginauth.Session
	a.engine.GET("/", a.auth.RequireSession(), func(c *gin.Context) { last = ginauth.GetSession(c) })
	w := &discard{http.Header{}}
	req := httptest.NewRequest(http.MethodGet, a.URL+"/", nil)
	req.Header.Set("Cookie", sessionCookie+"="+url.PathEscape(handleOf(browser)))
	b.ReportAllocs()
	for b.Loop() {
		clear(w.h)
		a.engine.ServeHTTP(w, req)
	}
	if last == nil {
		b.Fatal("nobody is signed in")
	}
}

// BenchmarkSignOut is one sign-out of many in a minute: what is remembered of the
// others must not make it slower.
func BenchmarkSignOut(b *testing.B) {
	keys, err := token.V4.Keyring("", testSecret)
	if err != nil {
		b.Fatal(err)
	}
	a := membersApp(b, ginauth.Options{BaseURL: "http://app.example.com"})
	csrf, csrfCookie := token.NewCSRF(testSecret).New()
	body := url.Values{"csrfToken": {csrf}}.Encode()
	now := time.Now()
	w := &discard{http.Header{}}
	n := 0
	for b.Loop() {
		n++
		id := strconv.Itoa(n)
		sealed := keys.Seal([]byte(`{"sub":"` + id + `","jti":"t` + id + `","auth_time":` + unix(now) + `,"exp":` + unix(now.Add(time.Hour)) + `}`))
		req := httptest.NewRequest(http.MethodPost, "/api/auth/signout", strings.NewReader(body))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Cookie", "next-auth.csrf-token="+url.QueryEscape(csrfCookie)+"; "+sessionCookie+"="+sealed)
		clear(w.h)
		a.engine.ServeHTTP(w, req)
		if !strings.Contains(strings.Join(w.h["Set-Cookie"], "\n"), sessionCookie+"=;") {
			b.Fatalf("the session did not end: %v", w.h)
		}
	}
}
