package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/cookie"
	"github.com/gin-contrib/sessions/memstore"
	"github.com/gin-gonic/gin"
	gorilla "github.com/gorilla/sessions"
	"github.com/markbates/goth"
	"github.com/markbates/goth/gothic"
)

// openCookieStore keeps the session in a cookie: signed with the first key and,
// with a second one, encrypted.
func openCookieStore(keys ...[]byte) func(*crowd) (*site, error) {
	return func(all *crowd) (*site, error) { return openSessions(cookie.NewStore(keys...), all) }
}

// openMemstore keeps it in memory; the cookie holds the session's signed ID.
func openMemstore(all *crowd) (*site, error) {
	return openSessions(memstore.NewStore(key("sign", 32)), all)
}

// openSessions is gin-contrib/sessions as its README shows it: a value for each
// key, set at sign-in.
func openSessions(store sessions.Store, all *crowd) (*site, error) {
	store.Options(sessions.Options{Path: "/", MaxAge: int(lifetime.Seconds()), HttpOnly: true, SameSite: http.SameSiteLaxMode})
	const name = "mysession"
	engine := gin.New()
	engine.Use(sessions.Sessions(name, store))
	var next person
	engine.POST("/", func(c *gin.Context) {
		session := sessions.Default(c)
		session.Set("sub", next.Subject)
		session.Set("name", next.Name)
		session.Set("email", next.Email)
		session.Set("picture", next.Picture)
		if next.AccessToken != "" {
			session.Set("accessToken", next.AccessToken)
		}
		if err := session.Save(); err != nil {
			_ = c.AbortWithError(http.StatusInternalServerError, err)
		}
	})
	engine.GET("/", func(c *gin.Context) {
		session := sessions.Default(c)
		subject, ok := session.Get("sub").(string)
		if !ok {
			c.AbortWithStatus(http.StatusUnauthorized)
			return
		}
		p := person{Subject: subject}
		p.Name, _ = session.Get("name").(string)
		p.Email, _ = session.Get("email").(string)
		p.Picture, _ = session.Get("picture").(string)
		p.AccessToken, _ = session.Get("accessToken").(string)
		tell(c, p)
	})
	s := &site{handler: engine, cookie: name}
	return s, s.signIn(all, func(p person) { next = p })
}

// signIn posts to the site for each person, after next has said who it is.
func (s *site) signIn(all *crowd, next func(person)) error {
	for _, p := range all.people {
		next(p)
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", nil))
		value, ok := cookieValue(w.Header(), s.cookie)
		if !ok {
			return fmt.Errorf("signing in answers %d %s", w.Code, w.Body)
		}
		s.values = append(s.values, value)
	}
	return nil
}

// openGothic keeps goth's user as JSON in gothic's own session: gorilla's cookie
// store, signed, gzipped by gothic.
func openGothic(all *crowd) (*site, error) {
	store := gorilla.NewCookieStore(key("gothic", 32))
	store.Options.HttpOnly = true
	gothic.Store = store
	engine := gin.New()
	var next person
	engine.POST("/", func(c *gin.Context) {
		user, err := json.Marshal(goth.User{
			Provider: "github", UserID: next.Subject, Name: next.Name, Email: next.Email,
			AvatarURL: next.Picture, AccessToken: next.AccessToken,
		})
		if err == nil {
			err = gothic.StoreInSession("user", string(user), c.Request, c.Writer)
		}
		if err != nil {
			_ = c.AbortWithError(http.StatusInternalServerError, err)
		}
	})
	engine.GET("/", func(c *gin.Context) {
		text, err := gothic.GetFromSession("user", c.Request)
		var user goth.User
		if err != nil || json.Unmarshal([]byte(text), &user) != nil {
			c.AbortWithStatus(http.StatusUnauthorized)
			return
		}
		tell(c, person{user.UserID, user.Name, user.Email, user.AvatarURL, user.AccessToken})
	})
	s := &site{handler: engine, cookie: gothic.SessionName}
	return s, s.signIn(all, func(p person) { next = p })
}
