package ginauth_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
)

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
