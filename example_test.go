package ginauth_test

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/markbates/goth/providers/github"
	"github.com/markbates/goth/providers/google"

	"github.com/ginauth/ginauth"
)

// The secret of the examples. Yours comes from NEXTAUTH_SECRET.
const exampleSecret = "an example secret of 32 bytes or so"

func Example() {
	r := gin.New()
	auth, err := ginauth.Register(r, ginauth.Options{
		Secret:    exampleSecret,
		Providers: ginauth.Goth(github.New(os.Getenv("GITHUB_ID"), os.Getenv("GITHUB_SECRET"), "")),
	})
	if err != nil {
		log.Fatal(err)
	}
	me := r.Group("/me", auth.RequireSession())
	me.GET("", func(c *gin.Context) {
		c.JSON(http.StatusOK, ginauth.GetSession(c))
	})

	w := httptest.NewRecorder()
	r.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost:8080/me", nil))
	fmt.Println(w.Code, w.Body)
	// Output: 401 {"error":"SessionRequired","message":"Sign in first."}
}

// A fault in the options comes as one error that says what to write.
func ExampleRegister() {
	_, err := ginauth.Register(gin.New(), ginauth.Options{
		Secret:  "too short",
		BaseURL: "app.example.com",
	})
	fmt.Println(err)
	// Output:
	// ginauth: BaseURL: "app.example.com" is not an http or https URL; write for instance https://app.example.com
	// ginauth: Secret has 9 bytes; write 32 random bytes or more, for instance what `openssl rand -base64 32` prints
	// ginauth: Providers is empty; write for instance ginauth.Goth(github.New(id, secret, "")), or set GITHUB_ID and GITHUB_SECRET for providers.FromEnv, or call New to read sessions only
}

// A service beside a Next.js application reads its sessions with the same secret.
func ExampleNew() {
	auth, err := ginauth.New(ginauth.Options{
		Secret:  exampleSecret,
		BaseURL: "https://app.example.com",
	})
	if err != nil {
		log.Fatal(err)
	}
	r := gin.New()
	r.GET("/api/orders", auth.RequireSession(), func(c *gin.Context) {
		c.String(http.StatusOK, "orders of %s", ginauth.GetSession(c).User.ID)
	})

	req := httptest.NewRequest(http.MethodGet, "/api/orders", nil)
	req.Header.Set("Accept", "text/html") // a person opens it in a browser
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	fmt.Println(w.Code, w.Header().Get("Location"))
	// Output: 302 https://app.example.com/api/auth/signin?callbackUrl=%2Fapi%2Forders
}

func ExampleGoth() {
	_, err := ginauth.Register(gin.New(), ginauth.Options{
		Secret: exampleSecret,
		Providers: ginauth.Goth(
			github.New("id", "secret", ""),
			google.New("id", "secret", ""),
		),
	})
	fmt.Println(err)
	// Output: <nil>
}

func ExampleOAuth() {
	work := google.New("id", "secret", "", "openid", "email")
	_, err := ginauth.Register(gin.New(), ginauth.Options{
		Secret: exampleSecret,
		Providers: []ginauth.Provider{ginauth.OAuth{
			Provider:   work,
			ID:         "work",
			Name:       "your work account",
			AuthParams: url.Values{"hd": {"example.com"}, "prompt": {"select_account"}},
		}},
	})
	fmt.Println(err)
	// Output: <nil>
}

// A guard refuses signed-in people too.
func ExampleAuth_RequireSession() {
	auth, err := ginauth.New(ginauth.Options{Secret: exampleSecret, BaseURL: "https://app.example.com"})
	if err != nil {
		log.Fatal(err)
	}
	staff := func(c *gin.Context, s *ginauth.Session) bool {
		return strings.HasSuffix(s.User.Email, "@example.com")
	}
	r := gin.New()
	admin := r.Group("/admin", auth.RequireSession(staff))
	admin.POST("/orders", func(c *gin.Context) { c.Status(http.StatusCreated) })

	w := httptest.NewRecorder()
	r.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/admin/orders", nil))
	fmt.Println(w.Code)
	// Output: 401
}

func ExampleAuth_LoadSession() {
	auth, err := ginauth.New(ginauth.Options{Secret: exampleSecret, BaseURL: "https://app.example.com"})
	if err != nil {
		log.Fatal(err)
	}
	r := gin.New()
	r.GET("/", auth.LoadSession(), func(c *gin.Context) {
		if s := ginauth.GetSession(c); s != nil {
			c.String(http.StatusOK, "Hello, %s", s.User.Name)
			return
		}
		c.String(http.StatusOK, "Hello, stranger")
	})

	w := httptest.NewRecorder()
	r.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	fmt.Println(w.Body)
	// Output: Hello, stranger
}

// Code that gets a context instead of the *gin.Context finds the session too.
func ExampleGetSession() {
	orders := func(req *http.Request) string {
		if s := ginauth.GetSession(req.Context()); s != nil {
			return "orders of " + s.User.ID
		}
		return "no orders"
	}
	fmt.Println(orders(httptest.NewRequest(http.MethodGet, "/", nil)))
	// Output: no orders
}

func ExampleGetToken() {
	provider := func(c *gin.Context) string {
		if t := ginauth.GetToken(c); t != nil {
			if id, ok := t.Claims["provider"].(string); ok {
				return id
			}
		}
		return "nobody"
	}
	c, _ := gin.CreateTestContext(httptest.NewRecorder())
	fmt.Println(provider(c))
	// Output: nobody
}

func ExampleValue() {
	s := &ginauth.Session{Values: map[string]any{"roles": []any{"admin", "dev"}}}
	roles, ok := ginauth.Value[[]string](s, "roles")
	fmt.Println(roles, ok)
	_, ok = ginauth.Value[int](s, "level")
	fmt.Println(ok)
	// Output:
	// [admin dev] true
	// false
}

// The access token of the provider, carried to the front end.
func ExampleCallbacks() {
	callbacks := ginauth.Callbacks{
		JWT: func(c *gin.Context, p ginauth.JWTParams) error {
			if p.Account != nil {
				p.Token.Claims["accessToken"] = p.Account.AccessToken
			}
			return nil
		},
		Session: func(c *gin.Context, p ginauth.SessionParams) error {
			p.Session.Values["accessToken"] = p.Token.Claims["accessToken"]
			return nil
		},
	}
	_, err := ginauth.New(ginauth.Options{Secret: exampleSecret, BaseURL: "https://app.example.com", Callbacks: callbacks})
	fmt.Println(err)
	// Output: <nil>
}

// A callback that finds a person banned ends the session: the next request is
// nobody's.
func Example_errSignedOut() {
	banned := map[string]bool{"u-7": true}
	callbacks := ginauth.Callbacks{
		JWT: func(_ *gin.Context, p ginauth.JWTParams) error {
			if banned[p.Token.Subject] {
				return fmt.Errorf("%s is banned: %w", p.Token.Subject, ginauth.ErrSignedOut)
			}
			return nil
		},
	}
	fmt.Println(callbacks.JWT(nil, ginauth.JWTParams{Token: &ginauth.Token{Subject: "u-7"}}))
	// Output: u-7 is banned: ginauth: the session ends
}

func ExamplePublicError() {
	signIn := func(c *gin.Context, p ginauth.SignInParams) error {
		if !strings.HasSuffix(p.User.Email, "@example.com") {
			return ginauth.PublicError("Use your example.com account.")
		}
		return nil
	}
	fmt.Println(signIn(nil, ginauth.SignInParams{User: &ginauth.User{Email: "ada@elsewhere.example"}}))
	// Output: Use your example.com account.
}

func ExampleRedirectTo() {
	signIn := func(c *gin.Context, p ginauth.SignInParams) error {
		if p.User.Email == "" {
			return ginauth.RedirectTo("/no-email")
		}
		return nil
	}
	err := signIn(nil, ginauth.SignInParams{User: &ginauth.User{}})
	fmt.Println(errors.Is(err, ginauth.ErrAccessDenied), err)
	// Output: false ginauth: redirect to /no-email
}

// A page rendered on the server, with forms that need no script.
func ExampleAuth_SignInForm() {
	r := gin.New()
	auth, err := ginauth.Register(r, ginauth.Options{
		Secret:    exampleSecret,
		Providers: ginauth.Goth(github.New("id", "secret", "")),
	})
	if err != nil {
		log.Fatal(err)
	}
	r.SetHTMLTemplate(template.Must(template.New("home").Parse(
		`{{with .Session}}Hello, {{.User.Name}} {{$.SignOut}}{{else}}{{.SignIn}}{{end}}`)))
	r.GET("/", auth.LoadSession(), func(c *gin.Context) {
		c.HTML(http.StatusOK, "home", gin.H{
			"Session": ginauth.GetSession(c),
			"SignIn":  auth.SignInForm(c, "github", "/"),
			"SignOut": auth.SignOutForm(c, "/"),
		})
	})

	w := httptest.NewRecorder()
	r.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost:8080/", nil))
	fmt.Println(regexp.MustCompile(`<button.*</button>`).FindString(w.Body.String()))
	// Output: <button class="ginauth-button" type="submit">Sign in with GitHub</button>
}

// Server-sent events that end with the session: at sign-out in any tab, and when
// it expires. A WebSocket ends the same way, with context.AfterFunc.
func ExampleAuth_SessionContext() {
	auth, err := ginauth.New(ginauth.Options{Secret: exampleSecret, BaseURL: "https://app.example.com"})
	if err != nil {
		log.Fatal(err)
	}
	r := gin.New()
	r.GET("/events", auth.RequireSession(), func(c *gin.Context) {
		ctx, stop := auth.SessionContext(c)
		defer stop()
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		c.Stream(func(io.Writer) bool {
			select {
			case now := <-tick.C:
				c.SSEvent("time", now.Format(time.TimeOnly))
				return true
			case <-ctx.Done():
				return false
			}
		})
	})

	// Signed out, an EventSource gets 401, and does not try again.
	w := httptest.NewRecorder()
	r.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/events", nil))
	fmt.Println(w.Code)
	// Output: 401
}

// Users in a database, here in memory: package gormadapter has one that lasts. The
// subject of a session is then the user's ID there, whichever account they sign in
// with.
func ExampleMemoryAdapter() {
	users := ginauth.MemoryAdapter()
	_, err := ginauth.New(ginauth.Options{
		Secret:    exampleSecret,
		BaseURL:   "https://app.example.com",
		Providers: ginauth.Goth(github.New("id", "secret", "")),
		Adapter:   users,
		Pages:     ginauth.Pages{NewUser: "/welcome"},
		Events: ginauth.Events{CreateUser: func(_ *gin.Context, e ginauth.UserEvent) {
			log.Print("new: ", e.User.ID)
		}},
	})
	fmt.Println(err)
	// Output: <nil>
}

// A page that lists a person's accounts takes one of them away.
func ExampleAuth_Unlink() {
	users := ginauth.MemoryAdapter()
	auth, err := ginauth.New(ginauth.Options{Secret: exampleSecret, BaseURL: "https://app.example.com", Adapter: users})
	if err != nil {
		log.Fatal(err)
	}
	r := gin.New()
	r.POST("/accounts/remove", auth.RequireSession(), func(c *gin.Context) {
		me := ginauth.GetSession(c).User.ID // never from the form
		switch err := auth.Unlink(c, me, c.PostForm("provider"), c.PostForm("account")); {
		case errors.Is(err, ginauth.ErrLastAccount):
			c.String(http.StatusConflict, "Without it you could not sign in.")
		case err != nil:
			c.Status(http.StatusNotFound)
		default:
			c.Redirect(http.StatusSeeOther, "/accounts")
		}
	})

	ada, err := users.CreateUser(context.Background(), ginauth.User{Name: "Ada"}, &ginauth.Account{Provider: "github", ProviderAccountID: "1815"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(auth.Unlink(context.Background(), ada.ID, "github", "1815"))
	// Output: ginauth: the user's last account
}

func ExampleAuth_DeleteUser() {
	users := ginauth.MemoryAdapter()
	auth, err := ginauth.New(ginauth.Options{
		Secret: exampleSecret, BaseURL: "https://app.example.com", Adapter: users,
		Session: ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()}, // signed out at once
	})
	if err != nil {
		log.Fatal(err)
	}
	ada, err := users.CreateUser(context.Background(), ginauth.User{Name: "Ada"}, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(auth.DeleteUser(context.Background(), ada.ID))
	_, err = users.GetUser(context.Background(), ada.ID)
	fmt.Println(err)
	// Output:
	// <nil>
	// ginauth: not found
}

// Mail links, sent by a mail server. The adapter keeps the users.
func ExampleEmail() {
	_, err := ginauth.Register(gin.New(), ginauth.Options{
		Secret:  exampleSecret,
		BaseURL: "https://app.example.com",
		Adapter: ginauth.MemoryAdapter(), // such as that of the package gormadapter
		Providers: []ginauth.Provider{ginauth.Email{
			From: "Example <no-reply@example.com>",
			SMTP: ginauth.SMTP{Addr: "smtp.example.com:587", Username: "app", Password: "from a vault"},
		}},
	})
	fmt.Println(err)
	// Output: <nil>
}

// Six digits in place of the link, sent by a function of the application's own.
func ExampleEmail_code() {
	r := gin.New()
	_, err := ginauth.Register(r, ginauth.Options{
		Secret:  exampleSecret,
		BaseURL: "https://app.example.com",
		Adapter: ginauth.MemoryAdapter(),
		Providers: []ginauth.Provider{ginauth.Email{
			Code: true,
			Send: func(ctx context.Context, m ginauth.Mail) error {
				fmt.Println(m.To, m.Subject, len(m.Code))
				return nil
			},
		}},
	})
	if err != nil {
		log.Fatal(err)
	}
	w := httptest.NewRecorder()
	r.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/auth/verify-request?provider=email&type=email", nil))
	fmt.Println(strings.Contains(w.Body.String(), `autocomplete="one-time-code"`))
	// Output: true
}

// What is printed of a server names no password.
func ExampleSMTP_String() {
	fmt.Println(ginauth.SMTP{Addr: "smtp.example.com:587", Username: "app", Password: "sesame"})
	// Output: app:…@smtp.example.com:587
}

// A mail's link or code signs in, so neither is printed.
func ExampleMail_String() {
	fmt.Println(ginauth.Mail{To: "ada@example.com", Code: "271828"})
	// Output: mail to ada@example.com
}
