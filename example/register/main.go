// Command register is an application in which people register with a password. They are
// signed in at once, and remembered where they wish. The first of them may edit.
package main

import (
	"html/template"
	"log"
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/crypto/bcrypt"

	"github.com/ginauth/ginauth"
)

func main() {
	r, _, err := newSite("http://localhost:8080", ginauth.MemoryAdapter())
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(r.Run("localhost:8080"))
}

// A site keeps passwords beside the users of its Adapter.
type site struct {
	users  ginauth.Adapter
	mu     sync.Mutex
	hashes map[string][]byte // of passwords, by the ID of their user
	editor string            // the user who registered first
}

// newSite is the whole application.
func newSite(url string, users ginauth.Adapter) (*gin.Engine, *ginauth.Auth, error) {
	r, s := gin.New(), &site{users: users, hashes: map[string][]byte{}}
	auth, err := ginauth.Register(r, ginauth.Options{
		BaseURL: url,
		Adapter: users,
		Session: ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations(), AbsoluteMaxAge: 90 * 24 * time.Hour},
		Providers: []ginauth.Provider{ginauth.Credentials{Authorize: s.authorize, Fields: []ginauth.Field{
			{Name: "email", Label: "E-mail", Type: "email"},
			{Name: "password", Label: "Password", Type: "password"},
			{Name: "remember", Label: "Remember me", Type: "checkbox"},
		}}},
		Callbacks: ginauth.Callbacks{SignIn: remember, Session: s.showRole},
	})
	if err != nil {
		return nil, nil, err
	}
	r.GET("/", auth.LoadSession(), func(c *gin.Context) {
		_ = page.Execute(c.Writer, gin.H{"Session": ginauth.GetSession(c), "SignOut": auth.SignOutForm(c, "/")})
	})
	r.POST("/register", s.register(auth))
	r.GET("/edit", auth.RequireSession(isEditor), func(c *gin.Context) {
		c.String(http.StatusOK, "%s edits.", ginauth.GetSession(c).User.Name)
	})
	return r, auth, nil
}

// register stores a user with their password, and signs them in.
func (s *site) register(auth *ginauth.Auth) gin.HandlerFunc {
	otherSites := http.NewCrossOriginProtection()
	return func(c *gin.Context) {
		hash, err := bcrypt.GenerateFromPassword([]byte(c.PostForm("password")), bcrypt.DefaultCost)
		if err != nil || len(c.PostForm("password")) < 8 || otherSites.Check(c.Request) != nil {
			c.String(http.StatusBadRequest, "Choose a password of 8 to 72 characters.")
			return
		}
		user, err := s.users.CreateUser(c.Request.Context(), ginauth.User{Name: c.PostForm("name"), Email: c.PostForm("email")}, nil)
		if err != nil {
			c.String(http.StatusConflict, "This address cannot be registered. Sign in if it is yours.")
			return
		}
		s.mu.Lock()
		if s.hashes[user.ID] = hash; s.editor == "" {
			s.editor = user.ID
		}
		s.mu.Unlock()
		if _, err := auth.SignIn(c, user); err != nil {
			_ = c.AbortWithError(http.StatusInternalServerError, err)
			return
		}
		c.Redirect(http.StatusSeeOther, "/")
	}
}

// authorize checks a password. An unknown address takes as long as a known one.
func (s *site) authorize(c *gin.Context, typed map[string]string) (*ginauth.User, error) {
	user, err := s.users.GetUserByEmail(c.Request.Context(), typed["email"])
	s.mu.Lock()
	hash, known := s.hashes[user.ID]
	s.mu.Unlock()
	if !known {
		hash = []byte("$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy")
	} else if err := ginauth.CountGuess(c, user.ID); err != nil {
		return nil, err
	}
	if bcrypt.CompareHashAndPassword(hash, []byte(typed["password"])) != nil || !known {
		return nil, err // ErrNotFound refuses as a wrong password does
	}
	return &user, nil
}

// remember ends a session with the browser, unless the box was ticked in either form.
func remember(c *gin.Context, p ginauth.SignInParams) error {
	if p.Credentials["remember"] != "true" && c.PostForm("remember") != "true" {
		*p.Lifetime = ginauth.Lifetime{BrowserSession: true, MaxAge: 12 * time.Hour}
	}
	return nil
}

// showRole tells guards and pages what a person may do.
func (s *site) showRole(_ *gin.Context, p ginauth.SessionParams) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.Session.Values["editor"] = s.editor == p.Token.Subject
	return nil
}

func isEditor(_ *gin.Context, s *ginauth.Session) bool { return s.Values["editor"] == true }

var page = template.Must(template.New("home").Parse(`<!doctype html><html lang="en"><title>Register</title>
{{with .Session}}<p>Hello, {{.User.Name}}. <a href="/edit">Edit</a></p>{{$.SignOut}}{{else}}
<form method="post" action="/register"><label>Name <input name="name"></label> <label>E-mail <input name="email" type="email"></label>
<label>Password <input name="password" type="password"></label> <label><input name="remember" type="checkbox" value="true"> Remember me</label>
<button>Register</button></form><p><a href="/api/auth/signin">Sign in</a></p>{{end}}`))
