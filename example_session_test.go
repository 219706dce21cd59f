package ginauth_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
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

// Whoever changes their password is signed out everywhere else.
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
