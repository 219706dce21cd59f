package tests

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/oidc"
)

// unhurried notes how long a renewal may take.
type unhurried struct {
	*oidc.Provider
	within chan time.Duration
}

func (p *unhurried) RefreshTokenContext(ctx context.Context, refreshToken string) (*oauth2.Token, error) {
	at, _ := ctx.Deadline()
	p.within <- time.Until(at)
	return p.Provider.RefreshTokenContext(ctx, refreshToken)
}

// The provider has eight seconds for new tokens, so that they are kept before a store gives
// the session's lock to another request.
func TestAuthClient_RenewalIsBounded(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	p := &unhurried{local(idp, "local"), make(chan time.Duration, 1)}
	c := newCaller(t, idp, ginauth.Options{Session: keptTokens(memoryStore()), Providers: ginauth.Goth(p)})
	b := c.browser(t)
	b.signIn(idp, "local")
	c.expire()
	b.access()
	if within := <-p.within; within > 8*time.Second || within < 5*time.Second {
		t.Errorf("it may take %v", within)
	}
}

// An HTTPClient without a Transport has net/http's own.
func TestAuthClient_PlainHTTPClient(t *testing.T) {
	t.Parallel()
	c := newCaller(t, newIDP(t, ginauthtest.Config{}), ginauth.Options{Session: keptTokens(memoryStore()), HTTPClient: &http.Client{Timeout: time.Minute}})
	b := c.browser(t)
	b.signIn(c.idp, "local")
	if got := b.access(); !strings.HasPrefix(got, "Bearer ") {
		t.Error(got)
	}
}

// Without a refresh token the tokens end with the access token, and nobody is asked.
func TestAuthClient_NoRefreshToken(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	idp.TamperToken(func(answer map[string]any) { delete(answer, "refresh_token") })
	c := newCaller(t, idp, ginauth.Options{Session: keptTokens(memoryStore())})
	b := c.browser(t)
	b.signIn(idp, "local")
	asked := len(idp.TokenRequests())
	if got := b.access(); !strings.HasPrefix(got, "Bearer ") {
		t.Error(got)
	}
	c.almost()
	if got := b.access(); !strings.HasPrefix(got, "Bearer ") {
		t.Errorf("a token that is good for 20 s more: %s", got)
	}
	c.expire()
	if res := b.get("/api"); res.StatusCode != http.StatusGone {
		t.Errorf("answered %d %s", res.StatusCode, res.body)
	}
	if res := b.get("/me"); strings.Contains(res.body, "error") || len(idp.TokenRequests()) != asked {
		t.Errorf("%d token requests, and the session is %s", len(idp.TokenRequests())-asked, res.body)
	}
}

// The session of one Auth is none for another of the same engine: its tokens are not for that
// one's services.
func TestAuthClient_OfAnotherAuth(t *testing.T) {
	t.Parallel()
	c := newCaller(t, newIDP(t, ginauthtest.Config{}), ginauth.Options{Session: keptTokens(memoryStore())})
	admin, err := ginauth.New(ginauth.Options{
		Secret: testSecret, Providers: somebody(), Logger: c.log.logger(), Session: keptTokens(nil), Cookies: ginauth.CookieOptions{Prefix: "admin"},
	})
	if err != nil {
		t.Fatal(err)
	}
	c.engine.GET("/admin", c.auth.RequireSession(), func(g *gin.Context) {
		if client, err := admin.Client(g); client != nil || !errors.Is(err, ginauth.ErrNoSession) {
			t.Errorf("another Auth gives out %v, %v", client, err)
		}
	})
	b := c.browser(t)
	b.signIn(c.idp, "local")
	if res := b.get("/admin"); res.StatusCode != http.StatusOK {
		t.Errorf("answered %d %s", res.StatusCode, res.body)
	}
}

// Of two AcceptBearers one after the other the first decides.
func TestAcceptBearer_Twice(t *testing.T) {
	t.Parallel()
	a := newApp(t, ginauth.Options{Providers: somebody()})
	accept := func(name string) gin.HandlerFunc {
		return a.auth.AcceptBearer(func(_ *gin.Context, token string) (*ginauth.Session, error) {
			if token != "good" {
				return nil, ginauth.ErrInvalidToken
			}
			return &ginauth.Session{User: ginauth.User{ID: name}}, nil
		})
	}
	a.engine.GET("/twice", accept("first"), accept("second"), a.auth.RequireSession(), func(c *gin.Context) {
		c.String(http.StatusOK, ginauth.GetSession(c).User.ID)
	})
	if res := a.send(t, http.MethodGet, "/twice", "", "Authorization", "Bearer good"); res.body != "first" {
		t.Errorf("answered %d %s", res.StatusCode, res.body)
	}
	a.engine.GET("/alone", accept("only"), func(c *gin.Context) { c.String(http.StatusOK, "served") })
	for token, want := range map[string]string{"good": "served", "bad": `{"error":"InvalidToken","message":"The bearer token is not valid."}`} {
		if res := a.send(t, http.MethodGet, "/alone", "", "Authorization", "Bearer "+token); res.body != want {
			t.Errorf("with a %s token and no other guard: %d %s", token, res.StatusCode, res.body)
		}
	}
	if res := a.send(t, http.MethodGet, "/twice", "", "Authorization", "Bearer bad"); res.StatusCode != http.StatusUnauthorized || res.Header.Get("Cache-Control") != "private, no-cache, no-store" {
		t.Errorf("answered %d %s, Cache-Control %s", res.StatusCode, res.body, res.Header.Get("Cache-Control"))
	}
}
