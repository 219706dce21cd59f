package tests

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
)

// refuses lets the provider refuse each refresh token for good.
var refuses = ginauthtest.Answer(http.StatusBadRequest, "application/json", `{"error":"invalid_grant"}`)

// almost lets the access tokens of an hour be good for 20 more seconds, in which they are to
// be renewed already.
func (c *caller) almost() { c.ahead.Add(int64(time.Hour - 20*time.Second)) }

// newSeamCaller is a caller whose sessions are in a store with seams. In its route /session
// the session is read behind Client.
func newSeamCaller(t *testing.T, opts ginauth.Options) (*caller, *seamStore) {
	t.Helper()
	store := newSeamStore()
	opts.Session = keptTokens(store)
	c := newCaller(t, newIDP(t, ginauthtest.Config{}), opts)
	c.engine.GET("/session", c.auth.RequireSession(), func(g *gin.Context) {
		_, err := c.auth.Client(g)
		g.Header("Expired", map[bool]string{true: "yes"}[errors.Is(err, ginauth.ErrTokensExpired)])
		if g.Query("update") != "" {
			if _, err := c.auth.Update(g, nil); err != nil {
				g.String(http.StatusTeapot, "%v", err)
				return
			}
		}
		g.JSON(http.StatusOK, ginauth.GetSession(g))
	})
	return c, store
}

// second does something right before the second time from now that a request reads its
// session: for the renewal of its tokens, which another request may have been faster with.
func (s *seamStore) second(do func()) {
	var n atomic.Int32
	s.before("Get", func() error {
		if n.Add(1) == 2 {
			do()
		}
		return nil
	})
}

// rewrites changes what the store keeps of the provider's tokens; nil takes them away.
func (s *seamStore) rewrites(t *testing.T, handle string, change func(grant map[string]any) map[string]any) {
	t.Helper()
	raw, err := s.SessionStore.Get(t.Context(), handle)
	if err != nil {
		t.Error(err)
		return
	}
	var record map[string]any
	decode(t, string(raw), &record)
	claims := record["claims"].(map[string]any)
	if grant := change(claims["ginauth"].(map[string]any)); grant != nil {
		claims["ginauth"] = grant
	} else {
		delete(claims, "ginauth")
	}
	if raw, err = json.Marshal(record); err == nil {
		_, err = s.SessionStore.Update(t.Context(), handle, raw, time.Now().Add(time.Hour))
	}
	if err != nil {
		t.Error(err)
	}
}

// A token that is still good for a moment is not used once the provider has refused to renew
// it, nor by somebody who was signed out meanwhile; and it is while the provider is down.
func TestAuthClient_AlmostExpired(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		happens func(c *caller, store *seamStore, handle string)
		status  int
	}{
		"renewed": {func(*caller, *seamStore, string) {}, http.StatusOK},
		"refused": {func(c *caller, _ *seamStore, _ string) { c.idp.Break(ginauthtest.Token, refuses) }, http.StatusGone},
		"down": {func(c *caller, _ *seamStore, _ string) {
			c.idp.Break(ginauthtest.Token, ginauthtest.Answer(503, "text/plain", "later"))
		}, http.StatusOK},
		"unsaved": {func(_ *caller, store *seamStore, _ string) { store.down("Update") }, http.StatusOK},
		"signed out": {func(_ *caller, store *seamStore, handle string) {
			store.second(func() { _ = store.SessionStore.Delete(context.Background(), handle) })
		}, http.StatusUnauthorized},
		"unread again": {func(_ *caller, store *seamStore, _ string) { store.second(func() { store.down("Get") }) }, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, store := newSeamCaller(t, ginauth.Options{})
			b := c.browser(t)
			b.signIn(c.idp, "local")
			c.almost()
			row.happens(c, store, handleOf(b))
			if res := b.get("/api"); res.StatusCode != row.status || (row.status == http.StatusOK) != strings.HasPrefix(res.body, "Bearer ") {
				t.Errorf("answered %d %s", res.StatusCode, res.body)
			}
		})
	}
}

// What another process made of the tokens, while this request waited for its turn, counts:
// that it took them away, renewed them, or was refused.
func TestAuthClient_OtherProcessMeanwhile(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		change func(grant map[string]any) map[string]any
		status int
		fails  string // Session.Error from then on
	}{
		"took them away": {func(map[string]any) map[string]any { return nil }, http.StatusNotFound, ""},
		"kept none":      {func(g map[string]any) map[string]any { delete(g, "a"); delete(g, "e"); delete(g, "r"); return g }, http.StatusNotFound, ""},
		"renewed them": {func(g map[string]any) map[string]any {
			g["a"], g["e"] = "theirs", time.Now().Add(48*time.Hour).Unix()
			return g
		}, http.StatusOK, ""},
		"was refused":            {func(g map[string]any) map[string]any { return map[string]any{"p": g["p"], "x": true} }, http.StatusGone, "RefreshTokenError"},
		"was refused, kept some": {func(g map[string]any) map[string]any { g["x"] = true; return g }, http.StatusGone, "RefreshTokenError"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, store := newSeamCaller(t, ginauth.Options{})
			b := c.browser(t)
			b.signIn(c.idp, "local")
			c.expire()
			handle := handleOf(b)
			store.second(func() { store.rewrites(t, handle, row.change) })
			res := b.get("/api")
			if res.StatusCode != row.status || row.status == http.StatusOK && res.body != "Bearer theirs" {
				t.Errorf("answered %d %s", res.StatusCode, res.body)
			}
			if len(res.Cookies()) != 0 {
				t.Errorf("it sets %v", res.Cookies())
			}
			if n := refreshes(c.idp); n != 0 {
				t.Errorf("%d refresh requests", n)
			}
			store.up("Get")
			if res := b.get("/me"); res.StatusCode != http.StatusOK || strings.Contains(res.body, `"error":"RefreshTokenError"`) != (row.fails != "") {
				t.Errorf("the session is %d %s", res.StatusCode, res.body)
			}
		})
	}
}

// The request whose renewal is refused sees that in its session already.
func TestAuthClient_RefusalIsInTheSession(t *testing.T) {
	t.Parallel()
	for name, refuse := range map[string]func(c *caller, store *seamStore, handle string){
		"by the provider": func(c *caller, _ *seamStore, _ string) { c.idp.Break(ginauthtest.Token, refuses) },
		"in another process": func(_ *caller, store *seamStore, handle string) {
			store.second(func() {
				store.rewrites(t, handle, func(g map[string]any) map[string]any { return map[string]any{"p": g["p"], "x": true} })
			})
		},
	} {
		c, store := newSeamCaller(t, ginauth.Options{})
		b := c.browser(t)
		b.signIn(c.idp, "local")
		if res := b.get("/session"); res.Header.Get("Expired") != "" || strings.Contains(res.body, "error") {
			t.Errorf("%s: before, %s", name, res.body)
		}
		c.expire()
		refuse(c, store, handleOf(b))
		if res := b.get("/session"); res.Header.Get("Expired") == "" || !strings.Contains(res.body, `"error":"RefreshTokenError"`) || res.ends() {
			t.Errorf("%s: %d %s", name, res.StatusCode, res.body)
		}
		store.up("Get")
		if res := b.get("/session"); res.StatusCode != http.StatusOK || !strings.Contains(res.body, `"error":"RefreshTokenError"`) {
			t.Errorf("%s: afterwards %d %s", name, res.StatusCode, res.body)
		}
	}
}

// A request that was refused the tokens can still change its session, also where another
// request was refused them first.
func TestAuthClient_UpdateBehindARefusal(t *testing.T) {
	t.Parallel()
	c, store := newSeamCaller(t, ginauth.Options{})
	b := c.browser(t)
	b.signIn(c.idp, "local")
	c.expire()
	handle := handleOf(b)
	store.second(func() {
		store.rewrites(t, handle, func(g map[string]any) map[string]any { return map[string]any{"p": g["p"], "x": true} })
	})
	if res := b.get("/session?update=1"); res.StatusCode != http.StatusOK || res.Header.Get("Expired") == "" || res.ends() {
		t.Errorf("answered %d %s", res.StatusCode, res.body)
	}
}

// A refusal that could not be saved is asked for once more, and told once.
func TestAuthClient_RefusalUnsaved(t *testing.T) {
	t.Parallel()
	var told atomic.Int32
	c, store := newSeamCaller(t, ginauth.Options{Events: ginauth.Events{RefreshError: func(_ *gin.Context, e ginauth.RefreshErrorEvent) {
		told.Add(1)
		if e.Provider != "local" || e.Token.Subject != "ada" || !strings.Contains(e.Err.Error(), "invalid_grant") {
			t.Errorf("the event is %+v, of %s", e, e.Token.Subject)
		}
	}}})
	b := c.browser(t)
	b.signIn(c.idp, "local")
	c.expire()
	c.idp.Break(ginauthtest.Token, refuses)
	store.down("Update")
	if res := b.get("/api"); res.StatusCode != http.StatusBadGateway || told.Load() != 0 {
		t.Errorf("while the store is down: %d %s, told %d times", res.StatusCode, res.body, told.Load())
	}
	store.up("Update")
	for range 2 {
		if res := b.get("/api"); res.StatusCode != http.StatusGone {
			t.Errorf("answered %d %s", res.StatusCode, res.body)
		}
	}
	if n := refreshes(c.idp); n != 2 || told.Load() != 1 {
		t.Errorf("%d refresh requests, told %d times", n, told.Load())
	}
	if log := c.log.String(); strings.Count(log, `level=WARN msg="ginauth: the provider renews no tokens of a session any more" provider=local error=`) != 1 {
		t.Errorf("the log says %s", log)
	}
}

// Tokens whose session other requests change all the time are saved by the next request.
func TestAuthClient_SessionChangesAllTheTime(t *testing.T) {
	t.Parallel()
	store := seamCompareStore{newSeamStore()}
	c := newCaller(t, newIDP(t, ginauthtest.Config{}), ginauth.Options{Session: keptTokens(store)})
	b := c.browser(t)
	b.signIn(c.idp, "local")
	first := b.access()
	c.expire()
	for _, conflicts := range []int32{4, 3, 0} { // of four tries
		var tries atomic.Int32
		store.before("UpdateIf", func() error {
			if tries.Add(1) <= conflicts {
				return ginauth.ErrConflict
			}
			return nil
		})
		res := b.get("/api")
		if ok := conflicts < 4; tries.Load() != min(conflicts+1, 4) || ok != (res.StatusCode == http.StatusOK) || !ok && (res.StatusCode != http.StatusBadGateway || !strings.Contains(res.body, "other requests change this session all the time")) || ok && res.body == first {
			t.Errorf("%d conflicts, %d tries: answered %d %s", conflicts, tries.Load(), res.StatusCode, res.body)
		}
		if conflicts == 3 {
			c.expire()
		}
	}
	if n := refreshes(c.idp); n != 2 {
		t.Errorf("%d refresh requests", n)
	}
}

// The tokens of a provider that cannot renew them any more, or in whose place another way to
// sign in stands, have expired for good.
func TestAuthClient_ProviderCannotRenew(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	typed := members()
	typed.ID = "local"
	for name, provider := range map[string]ginauth.Provider{
		"one that cannot": ginauth.OAuth{ID: "local", Provider: newOdd(idp)}, "credentials": typed,
	} {
		store := memoryStore()
		before := newCaller(t, idp, ginauth.Options{Session: keptTokens(store)})
		b := before.browser(t)
		b.signIn(idp, "local")
		after := newCaller(t, idp, ginauth.Options{Session: keptTokens(store), Providers: []ginauth.Provider{provider}})
		after.expire()
		if res := b.get(after.URL + "/api"); res.StatusCode != http.StatusGone {
			t.Errorf("%s: answered %d %s", name, res.StatusCode, res.body)
		}
		if log := after.log.String(); !strings.Contains(log, "the provider local cannot renew them") {
			t.Errorf("%s: the log says %s", name, log)
		}
		if res := b.get(after.URL + "/me"); !strings.Contains(res.body, "RefreshTokenError") {
			t.Errorf("%s: %s", name, res.body)
		}
	}
	if n := refreshes(idp); n != 0 {
		t.Errorf("%d refresh requests", n)
	}
}

// A session that was begun for the sign-out at the provider alone has no tokens to call it
// with, once the site keeps them.
func TestAuthClient_BegunWithoutTokens(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	store := memoryStore()
	signsOut := []ginauth.Provider{ginauth.OAuth{Provider: local(idp, "local"), SignOutAtProvider: true}}
	before := newCaller(t, idp, ginauth.Options{Session: ginauth.SessionOptions{Store: store}, Providers: signsOut})
	b := before.browser(t)
	b.signIn(idp, "local")
	after := newCaller(t, idp, ginauth.Options{Session: keptTokens(store), Providers: signsOut})
	if res := b.get(after.URL + "/api"); res.StatusCode != http.StatusNotFound {
		t.Errorf("answered %d %s", res.StatusCode, res.body)
	}
}

// A handler that gives its request another Host, as one that forwards it may, renews nothing:
// the cookie would be another site's.
func TestAuthClient_HostRewritten(t *testing.T) {
	t.Parallel()
	c, _ := newSeamCaller(t, ginauth.Options{})
	c.engine.GET("/forward", c.auth.RequireSession(), func(g *gin.Context) {
		g.Request.Host = "upstream.example"
		c.call(g, c.idp.Issuer()+string(ginauthtest.Userinfo))
	})
	b := c.browser(t)
	b.signIn(c.idp, "local")
	if res := b.get("/forward"); res.StatusCode != http.StatusOK {
		t.Errorf("with a token that is good: %d %s", res.StatusCode, res.body)
	}
	c.expire()
	if res := b.get("/forward"); res.StatusCode != http.StatusBadGateway || !strings.Contains(res.body, "host") || len(res.Cookies()) != 0 {
		t.Errorf("answered %d %s", res.StatusCode, res.body)
	}
	if n := refreshes(c.idp); n != 0 {
		t.Errorf("%d refresh requests", n)
	}
}

// Requests that wait for the renewal of another one end with themselves, and with that one's
// panic.
func TestAuthClient_WaitsForAnother(t *testing.T) {
	t.Parallel()
	left := errors.New("the browser left")
	for name, row := range map[string]struct {
		begins func() (ctx context.Context, waits <-chan struct{})
		panics bool
		says   string
	}{
		"which panics": {func() (context.Context, <-chan struct{}) {
			w := &waited{Context: t.Context(), waits: make(chan struct{})}
			return w, w.waits
		}, true, "failed in another request"},
		"longer than its own request": {func() (context.Context, <-chan struct{}) {
			ctx, cancel := context.WithCancelCause(t.Context())
			cancel(left)
			return ctx, ctx.Done()
		}, false, left.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, waits := row.begins()
			arrived, goOn, over := make(chan struct{}), make(chan struct{}), make(chan answer, 1)
			idp := newIDP(t, ginauthtest.Config{})
			c := newCaller(t, idp, ginauth.Options{Session: keptTokens(memoryStore()), Events: ginauth.Events{
				RefreshError: func(*gin.Context, ginauth.RefreshErrorEvent) {
					close(arrived)
					<-goOn
					if row.panics {
						panic("the application's")
					}
				},
			}})
			c.engine.GET("/first", gin.CustomRecoveryWithWriter(nil, func(g *gin.Context, _ any) { g.AbortWithStatus(http.StatusInternalServerError) }),
				c.auth.RequireSession(), func(g *gin.Context) { c.call(g, idp.Issuer()) })
			ready, second := make(chan struct{}), make(chan answer, 1)
			c.engine.GET("/second", c.auth.RequireSession(), func(g *gin.Context) {
				close(ready) // with the tokens of before
				<-arrived
				g.Request = g.Request.WithContext(ctx)
				c.call(g, idp.Issuer())
			})
			b := c.browser(t)
			b.signIn(idp, "local")
			c.expire()
			idp.Break(ginauthtest.Token, refuses)
			go func() { second <- b.get("/second") }()
			<-ready
			go func() { over <- b.get("/first") }()
			<-arrived
			<-waits
			if !row.panics { // it does not wait for the first
				second <- <-second
			}
			close(goOn)
			if res := <-over; (res.StatusCode == http.StatusInternalServerError) != row.panics {
				t.Errorf("the first answered %d %s", res.StatusCode, res.body)
			}
			if res := <-second; res.StatusCode != http.StatusBadGateway || !strings.Contains(res.body, row.says) {
				t.Errorf("the second answered %d %s", res.StatusCode, res.body)
			}
		})
	}
}
