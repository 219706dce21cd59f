package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"

	"github.com/gin-contrib/sessions/memstore"
	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
)

const (
	baseURL       = "http://app.example.com"
	sessionCookie = "next-auth.session-token"
)

// openGinauth is ginauth with its defaults, or with both callbacks that a guarded
// request runs.
func openGinauth(callbacks bool) func(*crowd) (*site, error) {
	return func(all *crowd) (*site, error) {
		opts := ginauth.Options{Secret: secret, BaseURL: baseURL}
		read := func(c *gin.Context) string {
			token, _ := ginauth.GetToken(c).Claims["accessToken"].(string)
			return token
		}
		if callbacks {
			opts.Callbacks = ginauth.Callbacks{
				JWT: func(*gin.Context, ginauth.JWTParams) error { return nil },
				Session: func(_ *gin.Context, p ginauth.SessionParams) error {
					p.Session.Values["accessToken"] = p.Token.Claims["accessToken"]
					return nil
				},
			}
			read = func(c *gin.Context) string {
				token, _ := ginauth.GetSession(c).Values["accessToken"].(string)
				return token
			}
		}
		auth, err := ginauth.New(opts)
		if err != nil {
			return nil, err
		}
		engine := gin.New()
		engine.GET("/", auth.RequireSession(), func(c *gin.Context) {
			u := &ginauth.GetSession(c).User
			tell(c, person{u.ID, u.Name, u.Email, u.Image, read(c)})
		})
		return &site{engine, sessionCookie, all.tokens}, nil
	}
}

// openGinauthStore is ginauth with sessions in gin-contrib's memory store: what the
// cookie holds is a handle.
func openGinauthStore(all *crowd) (*site, error) {
	return openGinauthIn(ginauth.SessionOptions{Store: ginauth.GinStore(memstore.NewStore(key("sign", 32)))}, all)
}

// openGinauthIn is ginauth with its sessions kept as told: everybody signs in there.
func openGinauthIn(session ginauth.SessionOptions, all *crowd) (*site, error) {
	engine, auth, err := newGinauthIn(all.people, session)
	if err != nil {
		return nil, err
	}
	engine.GET("/", auth.RequireSession(), func(c *gin.Context) {
		u := &ginauth.GetSession(c).User
		token, _ := ginauth.GetToken(c).Claims["accessToken"].(string)
		tell(c, person{u.ID, u.Name, u.Email, u.Image, token})
	})
	form, err := newForm(engine)
	if err != nil {
		return nil, err
	}
	s := &site{engine, sessionCookie, make([]string, len(all.people))}
	for i := range all.people {
		if s.values[i], err = form.signIn(i); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// newGinauth is a whole ginauth, at which anybody of these people signs in by
// their number.
func newGinauth(all []person) (*gin.Engine, error) {
	engine, _, err := newGinauthIn(all, ginauth.SessionOptions{})
	return engine, err
}

// newGinauthIn is newGinauth with its sessions kept as told.
func newGinauthIn(all []person, session ginauth.SessionOptions) (*gin.Engine, *ginauth.Auth, error) {
	engine := gin.New()
	auth, err := ginauth.Register(engine, ginauth.Options{
		Secret: secret, BaseURL: baseURL, Session: session,
		Limits: ginauth.Limits{Disabled: true}, // one client signs in thousands of times
		Providers: []ginauth.Provider{ginauth.Credentials{
			Authorize: func(_ *gin.Context, typed map[string]string) (*ginauth.User, error) {
				i, err := strconv.Atoi(typed["username"])
				if err != nil || i < 0 || i >= len(all) {
					return nil, nil
				}
				p := all[i]
				user := &ginauth.User{ID: p.Subject, Name: p.Name, Email: p.Email, Image: p.Picture}
				if p.AccessToken != "" {
					user.Values = map[string]any{"accessToken": p.AccessToken}
				}
				return user, nil
			},
		}},
		Callbacks: ginauth.Callbacks{JWT: func(_ *gin.Context, p ginauth.JWTParams) error {
			if p.User != nil && p.User.Values["accessToken"] != nil {
				p.Token.Claims["accessToken"] = p.User.Values["accessToken"]
			}
			return nil
		}},
	})
	return engine, auth, err
}

// ginauthSessions signs everybody in at ginauth and returns their session
// cookies, each a token that next-auth reads too.
func ginauthSessions(all []person) ([]string, error) {
	engine, err := newGinauth(all)
	if err != nil {
		return nil, err
	}
	form, err := newForm(engine)
	if err != nil {
		return nil, err
	}
	values := make([]string, len(all))
	for i := range all {
		if values[i], err = form.signIn(i); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// A form is a browser that has opened the sign-in page.
type form struct {
	engine       http.Handler
	token        string // against cross-site request forgery
	cookieHeader string
	answer       *recorder
}

func newForm(engine http.Handler) (*form, error) {
	f := &form{engine: engine, answer: newRecorder()}
	engine.ServeHTTP(f.answer, httptest.NewRequest(http.MethodGet, baseURL+"/api/auth/csrf", nil))
	var csrf struct{ CSRFToken string }
	if err := json.Unmarshal(f.answer.body, &csrf); err != nil {
		return nil, fmt.Errorf("GET csrf: %w", err)
	}
	var pairs []string
	for _, line := range f.answer.header["Set-Cookie"] {
		pair, _, _ := strings.Cut(line, ";")
		pairs = append(pairs, pair)
	}
	f.token, f.cookieHeader = csrf.CSRFToken, strings.Join(pairs, "; ")
	return f, nil
}

// signIn posts what a person types and returns the session's cookie.
func (f *form) signIn(i int) (string, error) {
	f.answer.reset()
	body := "csrfToken=" + f.token + "&username=" + strconv.Itoa(i) + "&callbackUrl=%2F"
	f.engine.ServeHTTP(f.answer, f.post("/api/auth/callback/credentials", body))
	value, ok := cookieValue(f.answer.header, sessionCookie)
	if !ok {
		return "", fmt.Errorf("signing in answers %d, %q, and sets no session", f.answer.status, f.answer.header["Location"])
	}
	return value, nil
}

func (f *form) post(path, body string) *http.Request {
	request := httptest.NewRequest(http.MethodPost, baseURL+path, strings.NewReader(body))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Cookie", f.cookieHeader)
	request.Header.Set("Origin", baseURL)
	return request
}
