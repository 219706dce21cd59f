package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"time"

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
		return &site{handler: engine, cookie: sessionCookie, values: all.tokens}, nil
	}
}

// openGinauthStore is ginauth with sessions in gin-contrib's memory store: what the
// cookie holds is a handle.
func openGinauthStore(all *crowd) (*site, error) {
	return openGinauthIn(ginauth.SessionOptions{Store: ginauth.GinStore(memstore.NewStore(key("sign", 32)))}, all)
}

// openGinauthRevocations is ginauth with sessions that can be ended early.
func openGinauthRevocations(all *crowd) (*site, error) {
	return openGinauthIn(ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()}, all)
}

// openGinauthIn is ginauth with its sessions kept as told: everybody signs in there.
func openGinauthIn(session ginauth.SessionOptions, all *crowd) (*site, error) {
	return openGuarded(all, session, nil, (*ginauth.Auth).RequireSession)
}

// openFactors is a ginauth whose route wants a password of the last hour.
func openFactors(all *crowd) (*site, error) {
	return openGuarded(all, ginauth.SessionOptions{}, nil, func(auth *ginauth.Auth, _ ...ginauth.Guard) gin.HandlerFunc {
		return auth.RequireFactor(time.Hour, ginauth.FactorPassword)
	})
}

// openGuarded is a ginauth at which everybody signs in, with further claims in each
// session, and a guard of that kind.
func openGuarded(all *crowd, session ginauth.SessionOptions, claims map[string]any, guard func(*ginauth.Auth, ...ginauth.Guard) gin.HandlerFunc) (*site, error) {
	engine, auth, err := newGinauthIn(all.people, session, claims)
	if err != nil {
		return nil, err
	}
	engine.GET("/", guard(auth), func(c *gin.Context) {
		u := &ginauth.GetSession(c).User
		token, _ := ginauth.GetToken(c).Claims["accessToken"].(string)
		tell(c, person{u.ID, u.Name, u.Email, u.Image, token})
	})
	form, err := newForm(engine)
	if err != nil {
		return nil, err
	}
	s := &site{handler: engine, cookie: sessionCookie}
	for i := range all.people {
		value, pairs, err := form.signIn(i)
		if err != nil {
			return nil, err
		}
		s.values, s.pairs = append(s.values, value), append(s.pairs, pairs)
	}
	return s, nil
}

// newGinauth is a whole ginauth, at which anybody of these people signs in by
// their number.
func newGinauth(all []person) (*gin.Engine, error) {
	engine, _, err := newGinauthIn(all, ginauth.SessionOptions{}, nil)
	return engine, err
}

// newGinauthIn is newGinauth with its sessions kept as told, and further claims in each.
func newGinauthIn(all []person, session ginauth.SessionOptions, claims map[string]any) (*gin.Engine, *ginauth.Auth, error) {
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
			if p.User != nil {
				maps.Copy(p.Token.Claims, p.User.Values)
				maps.Copy(p.Token.Claims, claims)
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
		if values[i], _, err = form.signIn(i); err != nil {
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

// signIn posts what a person types and returns the value of the session's cookie, and the
// cookies, of which there are more where the session is too long for one.
func (f *form) signIn(i int) (value, pairs string, err error) {
	f.answer.reset()
	body := "csrfToken=" + f.token + "&username=" + strconv.Itoa(i) + "&callbackUrl=%2F"
	f.engine.ServeHTTP(f.answer, f.post("/api/auth/callback/credentials", body))
	for _, line := range f.answer.header["Set-Cookie"] {
		if pair, _, _ := strings.Cut(line, ";"); strings.HasPrefix(pair, sessionCookie) && !strings.HasSuffix(pair, "=") {
			pairs += "; " + pair
			_, value, _ = strings.Cut(pair, "=")
		}
	}
	if pairs == "" {
		return "", "", fmt.Errorf("signing in answers %d, %q, and sets no session", f.answer.status, f.answer.header["Location"])
	}
	return value, pairs[2:], nil
}

func (f *form) post(path, body string) *http.Request {
	request := httptest.NewRequest(http.MethodPost, baseURL+path, strings.NewReader(body))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Cookie", f.cookieHeader)
	request.Header.Set("Origin", baseURL)
	return request
}
