package ginauth_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/memstore"
	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
)

// Sessions in the application's own Redis, beside its own.
func ExampleGinStore() {
	store := memstore.NewStore([]byte("an example key of 32 bytes or so")) // or redis.NewStore(…)
	r := gin.New()
	r.Use(sessions.Sessions("cart", store))
	auth, err := ginauth.Register(r, ginauth.Options{
		Secret:    exampleSecret,
		Providers: somebody(),
		Session:   ginauth.SessionOptions{Store: ginauth.GinStore(store)},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	r.GET("/me", auth.RequireSession(), func(c *gin.Context) { c.JSON(http.StatusOK, ginauth.GetSession(c)) })

	w := httptest.NewRecorder()
	r.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost:8080/me", nil))
	fmt.Println(w.Code)
	// Output: 401
}

// A person who changes the password is signed out everywhere else.
func ExampleAuth_RevokeUser() {
	r := gin.New()
	auth, err := ginauth.Register(r, ginauth.Options{
		Secret:    exampleSecret,
		Providers: somebody(),
		Session:   ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(auth.RevokeUser(context.Background(), "u-ada"))
	// Output: <nil>
}

// A sealed session is known to its browser alone, so nobody can list it.
func ExampleAuth_Sessions() {
	auth, err := ginauth.New(ginauth.Options{Secret: exampleSecret, BaseURL: "https://app.example.com"})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = auth.Sessions(context.Background(), "u-ada")
	fmt.Println(errors.Is(err, ginauth.ErrNotSupported))
	// Output: true
}

// The third wrong password has to wait. Without Limits the eleventh has.
func ExampleLimits() {
	r := gin.New()
	_, err := ginauth.Register(r, ginauth.Options{
		Secret: exampleSecret,
		Providers: []ginauth.Provider{ginauth.Credentials{
			Fields:    []ginauth.Field{{Name: "username"}, {Name: "password", Type: "password"}},
			Authorize: func(*gin.Context, map[string]string) (*ginauth.User, error) { return nil, nil },
		}},
		Limits: ginauth.Limits{Guesses: ginauth.Rate{Count: 2, Per: 10 * time.Minute}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	w := httptest.NewRecorder()
	r.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost:8080/api/auth/csrf", nil))
	var csrf struct{ CSRFToken string }
	if err := json.Unmarshal(w.Body.Bytes(), &csrf); err != nil {
		fmt.Println(err)
		return
	}
	form := url.Values{"csrfToken": {csrf.CSRFToken}, "username": {"ada"}, "password": {"guess"}}.Encode()
	for range 3 {
		req := httptest.NewRequest(http.MethodPost, "http://localhost:8080/api/auth/callback/credentials", strings.NewReader(form))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for _, c := range w.Result().Cookies() {
			req.AddCookie(c)
		}
		answer := httptest.NewRecorder()
		r.ServeHTTP(answer, req)
		fmt.Printf("%d %q\n", answer.Code, answer.Header().Get("Retry-After"))
	}
	// Output:
	// 302 ""
	// 302 ""
	// 429 "300"
}

// Two names lead to one account: its limit is one, too.
func ExampleCountGuess() {
	accounts := map[string]string{"ada": "42", "ada@example.com": "42"}
	r := gin.New()
	_, err := ginauth.Register(r, ginauth.Options{
		Secret: exampleSecret,
		Providers: []ginauth.Provider{ginauth.Credentials{
			Fields: []ginauth.Field{{Name: "username"}, {Name: "password", Type: "password"}},
			Authorize: func(c *gin.Context, typed map[string]string) (*ginauth.User, error) {
				id, known := accounts[typed["username"]]
				if !known {
					return nil, nil
				}
				if err := ginauth.CountGuess(c, id); err != nil {
					return nil, err
				}
				return nil, nil // the password is wrong
			},
		}},
		Limits: ginauth.Limits{Guesses: ginauth.Rate{Count: 2, Per: 10 * time.Minute}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	w := httptest.NewRecorder()
	r.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost:8080/api/auth/csrf", nil))
	var csrf struct{ CSRFToken string }
	if err := json.Unmarshal(w.Body.Bytes(), &csrf); err != nil {
		fmt.Println(err)
		return
	}
	for _, name := range []string{"ada", "ada@example.com", "ada", "ada@example.com"} {
		form := url.Values{"csrfToken": {csrf.CSRFToken}, "username": {name}, "password": {"guess"}}.Encode()
		req := httptest.NewRequest(http.MethodPost, "http://localhost:8080/api/auth/callback/credentials", strings.NewReader(form))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for _, c := range w.Result().Cookies() {
			req.AddCookie(c)
		}
		answer := httptest.NewRecorder()
		r.ServeHTTP(answer, req)
		fmt.Println(name, answer.Code)
	}
	// Output:
	// ada 302
	// ada@example.com 302
	// ada 429
	// ada@example.com 429
}

// Somebody may have registered an address that is not theirs. When its owner comes by
// mail, Reset deletes the password, and the other's sessions end.
func ExampleCredentials_reset() {
	users := ginauth.MemoryAdapter() // such as that of the package gormadapter
	passwords := map[string]string{} // your table: hashes by the user's ID
	_, err := ginauth.New(ginauth.Options{
		Secret:  exampleSecret,
		BaseURL: "https://app.example.com",
		Adapter: users,
		Session: ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()},
		Providers: []ginauth.Provider{
			ginauth.Email{Send: func(context.Context, ginauth.Mail) error { return nil }},
			ginauth.Credentials{
				Fields: []ginauth.Field{{Name: "email", Type: "email"}, {Name: "password", Type: "password"}},
				Authorize: func(c *gin.Context, typed map[string]string) (*ginauth.User, error) {
					user, err := users.GetUserByEmail(c.Request.Context(), typed["email"])
					if err != nil || passwords[user.ID] == "" || passwords[user.ID] != typed["password"] { // compare a hash, with bcrypt or Argon2
						return nil, nil
					}
					return &user, nil
				},
				Reset: func(_ context.Context, userID string) error {
					delete(passwords, userID)
					return nil
				},
			},
		},
	})
	fmt.Println(err)
	// Output: <nil>
}

// Somebody who signs in at a provider sets a password while they are signed in.
func ExampleAuth_LinkCredentials() {
	users := ginauth.MemoryAdapter()
	auth, err := ginauth.New(ginauth.Options{
		Secret: exampleSecret, BaseURL: "https://app.example.com", Adapter: users,
		Providers: []ginauth.Provider{ginauth.Credentials{
			Authorize: func(*gin.Context, map[string]string) (*ginauth.User, error) { return nil, nil },
		}},
	})
	if err != nil {
		log.Fatal(err)
	}
	r := gin.New()
	r.POST("/account/password", auth.RequireSession(), func(c *gin.Context) {
		me := ginauth.GetSession(c).User.ID // never from the form
		if err := auth.LinkCredentials(c, me); err != nil {
			c.Status(http.StatusInternalServerError)
			return
		}
		// … store the hash of c.PostForm("password") for me
		c.Redirect(http.StatusSeeOther, "/account")
	})

	ada, err := users.CreateUser(context.Background(), ginauth.User{Name: "Ada"}, &ginauth.Account{Provider: "github", Type: "oauth", ProviderAccountID: "1815"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(auth.LinkCredentials(context.Background(), ada.ID))
	accounts, err := users.ListAccounts(context.Background(), ada.ID)
	fmt.Println(len(accounts), err)
	// Output:
	// <nil>
	// 2 <nil>
}

// A roleChange is what this program's own handlers pass to Auth.Update. What a page
// sends is JSON, and never becomes a value of this type.
type roleChange struct{ role string }

// Anybody who is signed in sends what Update holds, by update(…) in the page. So the
// callback takes the keys that people may set, one by one, and checks their values. What
// only the program may set has a type of its own.
func ExampleAuth_Update() {
	r := gin.New()
	auth, err := ginauth.Register(r, ginauth.Options{
		Secret: exampleSecret,
		Providers: []ginauth.Provider{ginauth.Credentials{
			Authorize: func(*gin.Context, map[string]string) (*ginauth.User, error) {
				return &ginauth.User{ID: "1815", Name: "Ada"}, nil
			},
		}},
		Callbacks: ginauth.Callbacks{
			JWT: func(_ *gin.Context, p ginauth.JWTParams) error {
				if p.Trigger != ginauth.TriggerUpdate {
					return nil
				}
				switch update := p.Update.(type) {
				case roleChange: // from a handler of ours
					p.Token.Claims["role"] = update.role
				case map[string]any: // from the page: never loop over its keys
					if theme, ok := update["theme"].(string); ok && slices.Contains([]string{"dark", "light"}, theme) {
						p.Token.Claims["theme"] = theme
					}
				}
				return nil
			},
			Session: func(_ *gin.Context, p ginauth.SessionParams) error {
				p.Session.Values["role"], p.Session.Values["theme"] = p.Token.Claims["role"], p.Token.Claims["theme"]
				return nil
			},
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	r.POST("/promote", auth.RequireSession(), func(c *gin.Context) {
		// … where the program has checked that this person may
		if _, err := auth.Update(c, roleChange{"editor"}); err != nil {
			c.Status(http.StatusInternalServerError)
		}
	})

	cookies := map[string]string{}
	send := func(method, path, contentType, body string) string {
		req := httptest.NewRequest(method, "http://localhost:8080"+path, strings.NewReader(body))
		req.Header.Set("Content-Type", contentType)
		for name, value := range cookies {
			req.AddCookie(&http.Cookie{Name: name, Value: value})
		}
		w := httptest.NewRecorder()
		r.ServeHTTP(w, req)
		for _, c := range w.Result().Cookies() {
			cookies[c.Name] = c.Value
		}
		return w.Body.String()
	}
	csrf := strings.Split(send(http.MethodGet, "/api/auth/csrf", "", ""), `"`)[3]
	send(http.MethodPost, "/api/auth/callback/credentials", "application/x-www-form-urlencoded", url.Values{"csrfToken": {csrf}}.Encode())
	show := func() {
		var session struct{ Role, Theme string }
		if err := json.Unmarshal([]byte(send(http.MethodGet, "/api/auth/session", "", "")), &session); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%q %q\n", session.Role, session.Theme)
	}
	send(http.MethodPost, "/api/auth/session", "application/json", `{"csrfToken":"`+csrf+`","data":{"role":"admin","theme":"dark"}}`)
	show()
	send(http.MethodPost, "/promote", "application/json", "")
	show()
	// Output:
	// "" "dark"
	// "editor" "dark"
}

// A form registers somebody, who is signed in from then on.
func ExampleAuth_SignIn() {
	users := ginauth.MemoryAdapter()
	r := gin.New()
	auth, err := ginauth.Register(r, ginauth.Options{Secret: exampleSecret, Providers: somebody(), Adapter: users})
	if err != nil {
		fmt.Println(err)
		return
	}
	r.POST("/register", func(c *gin.Context) {
		user, err := users.CreateUser(c, ginauth.User{Name: c.PostForm("name"), Email: c.PostForm("email")}, nil)
		if err == nil {
			_, err = auth.SignIn(c, user)
		}
		if err != nil {
			c.AbortWithStatus(http.StatusBadRequest)
			return
		}
		c.Redirect(http.StatusSeeOther, "/welcome")
	})

	req := httptest.NewRequest(http.MethodPost, "/register", strings.NewReader("name=Ada&email=ada@example.com"))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	fmt.Println(w.Code, w.Header().Get("Location"), strings.HasPrefix(w.Header().Get("Set-Cookie"), "next-auth.session-token="))
	// Output: 303 /welcome true
}

// An account is deleted by people who proved a moment ago who they are.
func ExampleAuth_RequireFactor() {
	r := gin.New()
	auth, err := ginauth.Register(r, ginauth.Options{Secret: exampleSecret, Providers: somebody()})
	if err != nil {
		fmt.Println(err)
		return
	}
	r.GET("/enter", func(c *gin.Context) {
		if _, err := auth.SignIn(c, ginauth.User{ID: "ada"}, ginauth.FactorPassword); err != nil {
			c.AbortWithStatus(http.StatusBadRequest)
		}
	})
	r.GET("/account/delete", auth.RequireFactor(5*time.Minute), func(c *gin.Context) {
		for _, f := range ginauth.GetSession(c).Factors {
			fmt.Println("deleted, after a proof by", f.Method)
		}
	})
	r.GET("/admin", auth.RequireFactor(0, ginauth.FactorOTP), func(*gin.Context) {})

	w := httptest.NewRecorder()
	r.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/enter", nil))
	for _, path := range []string{"/account/delete", "/admin"} {
		req := httptest.NewRequest(http.MethodGet, path, nil)
		for _, c := range w.Result().Cookies() {
			req.AddCookie(c)
		}
		answer := httptest.NewRecorder()
		r.ServeHTTP(answer, req)
		fmt.Println(path, answer.Code, strings.Contains(answer.Body.String(), `"methods":["otp"]`))
	}
	// Output:
	// deleted, after a proof by password
	// /account/delete 200 false
	// /admin 401 true
}

// The application deletes an account and signs the person out.
func ExampleAuth_SignOut() {
	users := ginauth.MemoryAdapter()
	r := gin.New()
	auth, err := ginauth.Register(r, ginauth.Options{Secret: exampleSecret, Providers: somebody(), Adapter: users})
	if err != nil {
		fmt.Println(err)
		return
	}
	r.POST("/account/delete", auth.RequireSession(), func(c *gin.Context) {
		err := auth.DeleteUser(c, ginauth.GetSession(c).User.ID)
		if err == nil {
			err = auth.SignOut(c)
		}
		if err != nil {
			c.AbortWithStatus(http.StatusInternalServerError)
			return
		}
		c.Redirect(http.StatusSeeOther, "/goodbye")
	})
	w := httptest.NewRecorder()
	r.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/account/delete", nil))
	fmt.Println(w.Code)
	// Output: 401
}

// "Remember me" is a box of the sign-in form. Without it the session ends with the browser.
func ExampleLifetime() {
	opts := ginauth.Options{
		Secret: exampleSecret,
		Providers: []ginauth.Provider{ginauth.Credentials{
			Fields: []ginauth.Field{
				{Name: "username", Label: "Name"},
				{Name: "password", Label: "Password", Type: "password"},
				{Name: "remember", Label: "Remember me", Type: "checkbox"},
			},
			Authorize: func(*gin.Context, map[string]string) (*ginauth.User, error) { return nil, nil }, // yours
		}},
		Callbacks: ginauth.Callbacks{
			SignIn: func(_ *gin.Context, p ginauth.SignInParams) error {
				if p.Credentials["remember"] != "true" {
					*p.Lifetime = ginauth.Lifetime{BrowserSession: true, MaxAge: 12 * time.Hour}
				}
				return nil
			},
		},
	}
	_, err := ginauth.Register(gin.New(), opts)
	fmt.Println(err)
	// Output: <nil>
}

// Where the SignIn callback sends people elsewhere, a route that signs in does so too.
func ExampleRedirectError() {
	err := ginauth.RedirectTo("/terms") // of Callbacks.SignIn, as Auth.SignIn returns it
	var elsewhere ginauth.RedirectError
	if errors.As(err, &elsewhere) {
		fmt.Println("to", elsewhere.URL)
	}
	// Output: to /terms
}

// An audit log: who signed in, who was refused and from where, and what ended. A log of
// its own keeps it apart from the program's.
func ExampleEvents() {
	audit := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{} // an example's output is the same each time
		}
		return a
	}}))
	events := ginauth.Events{
		SignIn: func(_ *gin.Context, e ginauth.SignInEvent) {
			audit.Info("signed in", "user", e.User.ID, "provider", e.Account.Provider, "client", e.Client)
		},
		SignInError: func(_ *gin.Context, e ginauth.SignInErrorEvent) {
			audit.Info("refused", "provider", e.Provider, "code", e.Code, "client", e.Client)
		},
		SignOut: func(_ *gin.Context, e ginauth.SignOutEvent) { audit.Info("signed out", "user", e.Token.Subject) },
		Revoke: func(_ context.Context, e ginauth.RevokeEvent) {
			audit.Info("revoked", "user", e.UserID, "session", e.SessionID)
		},
		LinkAccount: func(_ *gin.Context, e ginauth.LinkAccountEvent) {
			audit.Info("linked", "user", e.User.ID, "account", e.Account.Provider)
		},
		UnlinkAccount: func(_ context.Context, e ginauth.UnlinkAccountEvent) {
			audit.Info("unlinked", "user", e.User.ID, "account", e.Account.Provider)
		},
		DeleteUser: func(_ context.Context, e ginauth.UserEvent) { audit.Info("deleted", "user", e.User.ID) },
	}

	r := gin.New()
	auth, err := ginauth.Register(r, ginauth.Options{
		Secret: exampleSecret, BaseURL: "http://localhost:8080", Events: events, Logger: slog.New(slog.DiscardHandler),
		Session: ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()},
		Providers: []ginauth.Provider{ginauth.Credentials{
			Fields: []ginauth.Field{{Name: "username"}, {Name: "password", Type: "password"}},
			Authorize: func(_ *gin.Context, typed map[string]string) (*ginauth.User, error) {
				if typed["password"] != "correct horse" { // a program asks its own table
					return nil, nil
				}
				return &ginauth.User{ID: "42"}, nil
			},
		}},
	})
	if err != nil {
		log.Fatal(err)
	}
	cookies := map[string]string{}
	send := func(method, path string, form url.Values) string {
		req := httptest.NewRequest(method, "http://localhost:8080/api/auth/"+path, strings.NewReader(form.Encode()))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for name, value := range cookies {
			req.AddCookie(&http.Cookie{Name: name, Value: value})
		}
		w := httptest.NewRecorder()
		r.ServeHTTP(w, req)
		for _, c := range w.Result().Cookies() {
			cookies[c.Name] = c.Value
		}
		return w.Body.String()
	}
	csrf := strings.Split(send(http.MethodGet, "csrf", nil), `"`)[3]
	for _, password := range []string{"guess", "correct horse"} {
		send(http.MethodPost, "callback/credentials", url.Values{"csrfToken": {csrf}, "username": {"ada"}, "password": {password}})
	}
	if err := auth.RevokeUser(context.Background(), "42"); err != nil {
		log.Fatal(err)
	}
	// Output:
	// level=INFO msg=refused provider=credentials code=CredentialsSignin client=192.0.2.1
	// level=INFO msg="signed in" user=42 provider=credentials client=192.0.2.1
	// level=INFO msg=revoked user=42 session=""
}

// A server that shuts down does not wait for streams, whose pages connect again.
func ExampleAuth_Close() {
	auth, err := ginauth.New(ginauth.Options{Secret: exampleSecret, BaseURL: "https://app.example.com"})
	if err != nil {
		log.Fatal(err)
	}
	r := gin.New() // with the routes of streams, see SessionContext
	server := &http.Server{Addr: "127.0.0.1:0", Handler: r}
	server.RegisterOnShutdown(auth.Close)

	// … server.ListenAndServe() in a goroutine, until the program is told to stop
	last, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	fmt.Println(server.Shutdown(last))
	// Output: <nil>
}

// An API takes keys beside sessions, and each route asks for a scope.
func ExampleAuth_AcceptBearer() {
	gin.SetMode(gin.TestMode)
	auth, err := ginauth.New(ginauth.Options{Secret: exampleSecret, BaseURL: "https://app.example.com"})
	if err != nil {
		log.Fatal(err)
	}
	verify := func(_ *gin.Context, token string) (*ginauth.Session, error) {
		if token != "key-of-ada" { // compare hashes of keys in an application
			return nil, ginauth.ErrInvalidToken
		}
		return &ginauth.Session{User: ginauth.User{ID: "ada"}, Scopes: []string{"orders:read"}}, nil
	}
	r := gin.New()
	api := r.Group("/api", auth.AcceptBearer(verify))
	who := func(c *gin.Context) { c.String(http.StatusOK, "orders of %s", ginauth.GetSession(c).User.ID) }
	api.GET("/orders", auth.RequireSession(ginauth.Scope("orders:read")), who)
	api.DELETE("/orders", auth.RequireSession(ginauth.Scope("orders:write")), who)
	for _, sent := range []struct{ method, token string }{{"GET", "key-of-ada"}, {"DELETE", "key-of-ada"}, {"GET", "another"}} {
		req := httptest.NewRequest(sent.method, "https://app.example.com/api/orders", nil)
		req.Header.Set("Authorization", "Bearer "+sent.token)
		res := httptest.NewRecorder()
		r.ServeHTTP(res, req)
		fmt.Println(strings.TrimSpace(fmt.Sprint(res.Code, " ", res.Header().Get("WWW-Authenticate"))))
	}
	// Output:
	// 200
	// 403 Bearer error="insufficient_scope", scope="orders:write"
	// 401 Bearer error="invalid_token"
}
