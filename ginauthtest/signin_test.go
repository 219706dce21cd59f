package ginauthtest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gin-contrib/sessions/memstore"
	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	m.Run()
}

// A handler sees who was signed in.
func ExampleSignIn() {
	r := gin.New()
	auth, err := ginauth.Register(r, ginauth.Options{
		Secret: "a secret of this test, 32 bytes long",
		Providers: []ginauth.Provider{ginauth.Credentials{
			Authorize: func(*gin.Context, map[string]string) (*ginauth.User, error) { return nil, nil },
		}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	r.GET("/me", auth.RequireSession(), func(c *gin.Context) {
		c.String(http.StatusOK, "Hello, %s", ginauth.GetSession(c).User.Name)
	})

	t := new(testing.T) // the test's own
	req := httptest.NewRequest(http.MethodGet, "/me", nil)
	ginauthtest.SignIn(t, auth, req, ginauth.User{ID: "42", Name: "Ada Lovelace"})
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	fmt.Println(w.Code, w.Body)
	// Output: 200 Hello, Ada Lovelace
}

// failing is a test that is expected to fail.
type failing struct {
	testing.TB
	said string
}

func (f *failing) Helper() {}

func (f *failing) Fatalf(format string, args ...any) { f.said = fmt.Sprintf(format, args...) }

// down is a store whose server does not answer.
type down struct{ ginauth.SessionStore }

func (down) Create(context.Context, string, []byte, time.Time) (string, error) {
	return "", errors.New("connection refused")
}

// Wherever sessions are and whatever the site is called, the request is signed in, and
// the session that it had before has ended.
func TestSignIn(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(o *ginauth.Options){
		"without a base URL": func(*ginauth.Options) {},
		"on https":           func(o *ginauth.Options) { o.BaseURL = "https://app.example.com" },
		"on http":            func(o *ginauth.Options) { o.BaseURL = "http://localhost:3000" },
		"in a store":         func(o *ginauth.Options) { o.Session.Store = ginauth.GinStore(memstore.NewStore([]byte("key"))) },
		"for Auth.js":        func(o *ginauth.Options) { o.Session.Format = ginauth.AuthJSV5 },
		"for a domain":       func(o *ginauth.Options) { o.BaseURL, o.Cookies.Domain = "https://app.example.com", "example.com" },
		"on an old clock":    func(o *ginauth.Options) { o.Now = func() time.Time { return time.Unix(1_000_000_000, 0) } },
		"in chunks": func(o *ginauth.Options) {
			o.Callbacks.JWT = func(_ *gin.Context, p ginauth.JWTParams) error {
				if p.User != nil && p.User.ID == "1" {
					p.Token.Claims["pad"] = strings.Repeat("p", 6000)
				}
				return nil
			}
			o.Session.Revocations = ginauth.MemoryRevocations()
		},
		"for its host": func(o *ginauth.Options) { o.TrustedHosts = []string{"example.com"} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := options()
			change(&opts)
			r, auth, err := newSite(opts)
			if err != nil {
				t.Fatal(err)
			}
			read := func(header http.Header) string {
				req := httptest.NewRequest(http.MethodGet, "/me", nil)
				req.Header = header
				w := httptest.NewRecorder()
				r.ServeHTTP(w, req)
				return fmt.Sprint(w.Code, w.Body)
			}
			req := httptest.NewRequest(http.MethodGet, "/me", nil)
			req.Header.Set("Cookie", "theme=dark")
			ginauthtest.SignIn(t, auth, req, ginauth.User{ID: "1", Name: "Ada"})
			first := req.Header.Clone()
			if got := read(first); got != "200 Hello, Ada" {
				t.Errorf("the first reads %s", got)
			}
			ginauthtest.SignIn(t, auth, req, ginauth.User{ID: "2", Name: "Grace"})
			if got := read(req.Header); got != "200 Hello, Grace" {
				t.Errorf("the second reads %s", got)
			}
			if theme, err := req.Cookie("theme"); err != nil || theme.Value != "dark" {
				t.Error("the request's own cookie is lost")
			}
			if ends := opts.Session.Store != nil || opts.Session.Revocations != nil; ends && read(first) == "200 Hello, Ada" {
				t.Error("the session before did not end")
			}
			if lines := len(req.Header["Cookie"]); lines != 1 {
				t.Errorf("the request has %d Cookie lines", lines)
			}
		})
	}
}

// The session is there whatever the request itself tries, also a forgery; and it is the
// request of the one Auth, not of another.
func TestSignIn_Requests(t *testing.T) {
	t.Parallel()
	r, auth, err := newSite(options())
	if err != nil {
		t.Fatal(err)
	}
	body := strings.NewReader("name=ada")
	req := httptest.NewRequest(http.MethodDelete, "/members/7", body)
	req.Header.Set("Origin", "https://evil.example")
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	ginauthtest.SignIn(t, auth, req, ginauth.User{ID: "1"})
	if body.Len() != len("name=ada") || req.Method != http.MethodDelete || req.Header.Get("Origin") == "" {
		t.Error("the request was changed")
	}
	w := httptest.NewRecorder()
	if r.ServeHTTP(w, req); w.Code != http.StatusForbidden {
		t.Errorf("the forgery answers %d", w.Code)
	}
	bare := &http.Request{Method: http.MethodGet, Host: "localhost", URL: req.URL}
	ginauthtest.SignIn(t, auth, bare, ginauth.User{ID: "1"})
	if len(bare.Cookies()) != 1 {
		t.Error("a request without a header has no session")
	}
}

// Where nobody can be signed in the test fails at once, and says why.
func TestSignIn_Fails(t *testing.T) {
	t.Parallel()
	refusing := func(err error) func(o *ginauth.Options) {
		return func(o *ginauth.Options) {
			o.Callbacks.SignIn = func(*gin.Context, ginauth.SignInParams) error { return err }
		}
	}
	for _, row := range []struct {
		name   string
		change func(o *ginauth.Options)
		user   ginauth.User
		host   string
		want   string
	}{
		{"a user without ID", nil, ginauth.User{Name: "Ada"}, "", "SignIn got a User without ID"},
		{"trusted hosts only", func(o *ginauth.Options) { o.TrustedHosts = []string{"app.example.org"} }, ginauth.User{ID: "1"}, "", `does not answer for the host "example.com" of this request; set req.Host to the host of Options.BaseURL, or to one of Options.TrustedHosts`},
		{"another host", nil, ginauth.User{ID: "1"}, "evil.example", `does not answer for the host "evil.example"`},
		{"a store that is down", func(o *ginauth.Options) { o.Session.Store = down{} }, ginauth.User{ID: "1"}, "", "the session store is not available"},
		{"a callback that refuses", refusing(ginauth.ErrAccessDenied), ginauth.User{ID: "1"}, "", "nobody is signed in: ginauth: access denied"},
		{"a callback that sends elsewhere", refusing(ginauth.RedirectTo("/terms")), ginauth.User{ID: "1"}, "", "nobody is signed in: ginauth: redirect to /terms"},
		{"nobody of the Adapter's", func(o *ginauth.Options) { o.Adapter = ginauth.MemoryAdapter() }, ginauth.User{ID: "1"}, "", "none of the Adapter's users has; store the user first"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			opts := options()
			if row.change != nil {
				row.change(&opts)
			}
			_, auth, err := newSite(opts)
			if err != nil {
				t.Fatal(err)
			}
			req := httptest.NewRequest(http.MethodGet, "/me", nil)
			if row.host != "" {
				req.Host = row.host
			}
			f := &failing{}
			ginauthtest.SignIn(f, auth, req, row.user)
			if !strings.HasPrefix(f.said, "ginauthtest: SignIn: ") || !strings.Contains(f.said, row.want) {
				t.Errorf("it says %q, want %s", f.said, row.want)
			}
			if len(req.Cookies()) != 0 {
				t.Errorf("the request has %v", req.Cookies())
			}
		})
	}
}
