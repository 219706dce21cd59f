package tests

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/internal/servertest"
	"github.com/ginauth/ginauth/redisstore"
)

// Fifty requests at once with an expired token make one token request, and all
// of them go on with what came of it. The provider rotates refresh tokens and
// revokes everything when one comes twice.
func TestAttack26_ParallelRefresh(t *testing.T) {
	t.Parallel()
	const parallel = 50
	for _, row := range []struct {
		name string
		open func(t *testing.T, idp *ginauthtest.Provider) []*caller
	}{
		{"one process, memstore", func(t *testing.T, idp *ginauthtest.Provider) []*caller {
			store, _ := keeping[0].open(t)
			return []*caller{newCaller(t, idp, ginauth.Options{Session: keptTokens(store)})}
		}},
		{"one process, redisstore", func(t *testing.T, idp *ginauthtest.Provider) []*caller {
			store, _ := keeping[1].open(t)
			return []*caller{newCaller(t, idp, ginauth.Options{Session: keptTokens(store)})}
		}},
		{"three processes, redisstore", func(t *testing.T, idp *ginauthtest.Provider) (apps []*caller) {
			server := servertest.Redis(t)
			for range 3 {
				store := redisstore.New(redisClient(t, server), redisstore.Options{})
				apps = append(apps, newCaller(t, idp, ginauth.Options{Session: keptTokens(store)}))
			}
			return apps
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			idp := newIDP(t, ginauthtest.Config{})
			apps := row.open(t, idp)
			b := apps[0].browser(t)
			b.signIn(idp, "local")
			before := b.access()
			for round := range 3 {
				for _, a := range apps {
					a.expire()
				}
				answers := callAtOnce(b, parallel, apps...)
				after := b.access()
				if answers["200 "+after] != parallel || after == before {
					t.Errorf("round %d: %v, then %q, before %q", round, answers, after, before)
				}
				if n := refreshes(idp); n != round+1 {
					t.Errorf("round %d: %d refresh requests", round, n)
				}
				before = after
			}
			req, err := http.NewRequest(http.MethodGet, idp.Issuer()+string(ginauthtest.Userinfo), nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", before)
			if res := b.do(req); res.StatusCode != http.StatusOK {
				t.Errorf("the provider does not know the token: %d", res.StatusCode)
			}
		})
	}
}

// A request that writes the session while its tokens are renewed must not put the
// old ones back: the next renewal would use a spent refresh token.
func TestAttack26_OtherWrites(t *testing.T) {
	t.Parallel()
	everyKeeping(t, func(t *testing.T, store ginauth.SessionStore) {
		idp := newIDP(t, ginauthtest.Config{})
		var inside, goOn = make(chan struct{}), make(chan struct{})
		var wait atomic.Bool
		c := newCaller(t, idp, ginauth.Options{
			Session: keptTokens(store),
			Callbacks: ginauth.Callbacks{JWT: func(_ *gin.Context, p ginauth.JWTParams) error {
				if p.Trigger == ginauth.TriggerUpdate {
					p.Token.Claims["theme"] = "dark"
				}
				if p.Trigger == ginauth.TriggerUpdate && wait.CompareAndSwap(true, false) {
					close(inside)
					<-goOn
				}
				return nil
			}},
		})
		b := c.browser(t)
		b.signIn(idp, "local")
		old := b.access()
		csrf := b.csrf()
		c.expire()
		wait.Store(true)
		updated := make(chan answer)
		go func() { updated <- b.update(csrf, "x") }()
		<-inside // it has read the session with the old tokens
		fresh := b.access()
		close(goOn)
		if res := <-updated; res.StatusCode != http.StatusOK {
			t.Fatalf("the update answered %d %s", res.StatusCode, res.body)
		}
		if got := b.access(); got != fresh || got == old {
			t.Errorf("after the update the session has %q, not %q", got, fresh)
		}
		c.expire()
		if got := b.access(); got == fresh {
			t.Error("the next renewal gave the same token")
		}
		if n := refreshes(idp); n != 2 {
			t.Errorf("%d refresh requests", n)
		}
		// And the renewal kept what the update wrote.
		for _, s := range c.sessions(t, "ada") {
			if s.Claims["theme"] != "dark" {
				t.Errorf("the session has lost its claims: %v", s.Claims)
			}
		}
	})
}

// And a renewal must not undo what another request writes while it is under way.
func TestAttack26_WritesMeanwhile(t *testing.T) {
	t.Parallel()
	everyKeeping(t, func(t *testing.T, store ginauth.SessionStore) {
		idp := newIDP(t, ginauthtest.Config{})
		opts := remembering(store, 0)
		opts.Session.KeepTokens = true
		c := newCaller(t, idp, opts)
		b := c.browser(t)
		b.signIn(idp, "local")
		c.expire()
		csrf := b.csrf()
		arrived, goOn := make(chan struct{}), make(chan struct{})
		idp.Break(ginauthtest.Token, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			close(arrived)
			<-goOn
			ginauthtest.Answer(200, "application/json", `{"access_token":"new","token_type":"Bearer","refresh_token":"r","expires_in":3600}`).ServeHTTP(w, r)
		}))
		renewed := make(chan answer)
		go func() { renewed <- b.get("/api") }()
		<-arrived
		b.post("/api/auth/session", map[string][]string{"csrfToken": {csrf}, "data": {"remember me"}})
		close(goOn)
		if res := <-renewed; res.body != "Bearer new" {
			t.Errorf("%d %s", res.StatusCode, res.body)
		}
		if got := b.note(); got != "remember me" {
			t.Errorf("the note is %q", got)
		}
		if got := b.access(); got != "Bearer new" {
			t.Errorf("the token is %q", got)
		}
	})
}

// sessions are a user's sessions, where the store knows them.
func (c *caller) sessions(t *testing.T, userID string) []ginauth.UserSession {
	t.Helper()
	list, err := c.auth.Sessions(t.Context(), userID)
	if err != nil {
		t.Logf("not listed: %v", err)
	}
	return list
}

// A provider that refuses is believed, in this session, until the next sign-in.
func TestAttack26_Refused(t *testing.T) {
	t.Parallel()
	everyKeeping(t, func(t *testing.T, store ginauth.SessionStore) {
		idp := newIDP(t, ginauthtest.Config{})
		var events atomic.Int32
		c := newCaller(t, idp, ginauth.Options{
			Session: keptTokens(store),
			Events: ginauth.Events{RefreshError: func(_ *gin.Context, e ginauth.RefreshErrorEvent) {
				if e.Provider == "local" && e.Token.Subject == "ada" && e.Err != nil {
					events.Add(1)
				}
			}},
		})
		c.engine.GET("/after", c.auth.RequireSession(), func(g *gin.Context) {
			_, _ = c.auth.Client(g)
			g.String(http.StatusOK, ginauth.GetSession(g).Error)
		})
		b := c.browser(t)
		b.signIn(idp, "local")
		c.expire()
		idp.Break(ginauthtest.Token, ginauthtest.Answer(400, "application/json", `{"error":"invalid_grant"}`))
		if res := b.get("/after"); res.body != "RefreshTokenError" {
			t.Errorf("the request itself sees the error %q", res.body)
		}
		for said, n := range callAtOnce(b, 20, c) {
			if !strings.HasPrefix(said, "410 ") {
				t.Errorf("%d times %s", n, said)
			}
		}
		idp.Break(ginauthtest.Token, nil)
		for _, path := range []string{"/me", "/api/auth/session", "/me"} {
			if res := b.get(path); !strings.Contains(res.body, `"error":"RefreshTokenError"`) {
				t.Errorf("%s answered %s", path, res.body)
			}
		}
		c.ahead.Add(int64(5 * time.Minute)) // beyond any grace
		if res := b.get("/api"); res.StatusCode != http.StatusGone {
			t.Errorf("later: %d %s", res.StatusCode, res.body)
		}
		if n := refreshes(idp); n != 1 || events.Load() != 1 {
			t.Errorf("%d refresh requests, %d events", n, events.Load())
		}
		if log := c.log.String(); strings.Count(log, "renews no tokens of a session any more") != 1 {
			t.Errorf("the log: %s", log)
		}
		b.signIn(idp, "local")
		if res := b.get("/me"); strings.Contains(res.body, "error") {
			t.Errorf("after a new sign-in: %s", res.body)
		}
		b.access()
	})
}

// A fault that may pass is the request's alone.
func TestAttack26_ProviderDown(t *testing.T) {
	t.Parallel()
	everyKeeping(t, func(t *testing.T, store ginauth.SessionStore) {
		idp := newIDP(t, ginauthtest.Config{})
		c := newCaller(t, idp, ginauth.Options{Session: keptTokens(store)})
		b := c.browser(t)
		b.signIn(idp, "local")
		first := b.access()
		c.ahead.Add(int64(time.Hour - 20*time.Second))
		idp.Break(ginauthtest.Token, ginauthtest.Answer(503, "text/plain", "later"))
		if got := b.access(); got != first {
			t.Errorf("a token that is still good for 20 s was not used: %q", got)
		}
		c.expire()
		for said, n := range callAtOnce(b, 10, c) {
			if !strings.HasPrefix(said, "502 ") {
				t.Errorf("%d times %s", n, said)
			}
		}
		if res := b.get("/me"); res.StatusCode != http.StatusOK || strings.Contains(res.body, "error") {
			t.Errorf("the session: %d %s", res.StatusCode, res.body)
		}
		idp.Break(ginauthtest.Token, nil)
		if got := b.access(); got == first {
			t.Error("nothing was renewed")
		}
	})
}

// faultyStore is a store whose writes fail while it is told so.
type faultyStore struct {
	*redisstore.Store
	down atomic.Bool
}

func (s *faultyStore) Update(ctx context.Context, handle string, data []byte, expires time.Time) (string, error) {
	if s.down.Load() {
		return "", context.DeadlineExceeded
	}
	return s.Store.Update(ctx, handle, data, expires)
}

func (s *faultyStore) UpdateIf(ctx context.Context, handle string, old, data []byte, expires time.Time) (string, error) {
	if s.down.Load() {
		return "", context.DeadlineExceeded
	}
	return s.Store.UpdateIf(ctx, handle, old, data, expires)
}

// Tokens that cannot be saved are not used, and not lost: the next request saves
// them, without another token request.
func TestAttack26_StoreDownWhileSaving(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	inner, _ := keeping[1].open(t)
	store := &faultyStore{Store: inner.(*redisstore.Store)}
	c := newCaller(t, idp, ginauth.Options{Session: keptTokens(store)})
	b := c.browser(t)
	b.signIn(idp, "local")
	first := b.access()
	c.expire()
	store.down.Store(true)
	for range 3 {
		if res := b.get("/api"); res.StatusCode != http.StatusBadGateway {
			t.Errorf("while nothing can be saved: %d %s", res.StatusCode, res.body)
		}
	}
	store.down.Store(false)
	if got := b.access(); got == first {
		t.Error("nothing was renewed")
	}
	c.expire()
	b.access()
	if n := refreshes(idp); n != 2 {
		t.Errorf("%d refresh requests", n)
	}
	if res := b.get("/me"); strings.Contains(res.body, "error") {
		t.Error(res.body)
	}
}

// Tokens that expired while they could not be saved are renewed by the refresh
// token that came with them: the one in the store is spent.
func TestAttack26_ExpiredWhileStoreDown(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	inner, _ := keeping[1].open(t)
	store := &faultyStore{Store: inner.(*redisstore.Store)}
	c := newCaller(t, idp, ginauth.Options{Session: keptTokens(store)})
	b := c.browser(t)
	b.signIn(idp, "local")
	c.expire()
	idp.TamperToken(func(answer map[string]any) { answer["expires_in"] = 60 })
	store.down.Store(true)
	if res := b.get("/api"); res.StatusCode != http.StatusBadGateway {
		t.Errorf("%d %s", res.StatusCode, res.body)
	}
	store.down.Store(false)
	c.ahead.Add(int64(2 * time.Minute))
	idp.TamperToken(nil)
	b.access()
	if n, all := refreshes(idp), accepted(idp); n != 2 || all != 3 {
		t.Errorf("%d refresh requests, %d requests granted", n, all)
	}
}

// A refreshed id_token of another person brings nobody's access token in.
func TestAttack26_OtherSubject(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	store, _ := keeping[0].open(t)
	c := newCaller(t, idp, ginauth.Options{Session: keptTokens(store)})
	b := c.browser(t)
	b.signIn(idp, "local")
	c.expire()
	idp.TamperClaims(func(claims map[string]any) { claims["sub"] = "grace" })
	if res := b.get("/api"); res.StatusCode != http.StatusGone {
		t.Errorf("%d %s", res.StatusCode, res.body)
	}
	if res := b.get("/me"); !strings.Contains(res.body, "RefreshTokenError") {
		t.Error(res.body)
	}
}

// A session that was ended while its tokens are renewed stays ended.
func TestAttack26_SignOutMeanwhile(t *testing.T) {
	t.Parallel()
	everyKeeping(t, func(t *testing.T, store ginauth.SessionStore) {
		idp := newIDP(t, ginauthtest.Config{})
		c := newCaller(t, idp, ginauth.Options{Session: keptTokens(store)})
		b := c.browser(t)
		b.signIn(idp, "local")
		var stolen string
		for _, k := range b.cookies() {
			if k.Name == sessionCookie {
				stolen = sessionCookie + "=" + k.Value
			}
		}
		c.expire()
		csrf := b.csrf()
		arrived, goOn := make(chan struct{}), make(chan struct{})
		idp.Break(ginauthtest.Token, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			close(arrived)
			<-goOn
			ginauthtest.Answer(200, "application/json", `{"access_token":"new","token_type":"Bearer","refresh_token":"r","expires_in":3600}`).ServeHTTP(w, nil)
		}))
		renewed := make(chan answer)
		go func() { renewed <- c.send(t, http.MethodGet, "/api", "", "Cookie", stolen) }()
		<-arrived
		b.post("/api/auth/signout", map[string][]string{"csrfToken": {csrf}})
		close(goOn)
		if res := <-renewed; res.StatusCode != http.StatusUnauthorized {
			t.Errorf("the renewal answered %d %s", res.StatusCode, res.body)
		}
		if got := c.who(t, stolen); got != "" {
			t.Errorf("the session is back, of %s", got)
		}
	})
}

// An application that renews tokens in its JWT callback, as NextAuth's do, is
// asked once for a request, however many guards it passes.
func TestAttack26_JWTCallbackOnce(t *testing.T) {
	t.Parallel()
	var runs atomic.Int32
	opts := remembering(nil, 0)
	opts.Callbacks.JWT = func(*gin.Context, ginauth.JWTParams) error { runs.Add(1); return nil }
	a := membersApp(t, opts)
	guard := a.auth.RequireSession()
	group := a.engine.Group("/deep", a.auth.LoadSession(), guard, a.auth.RequireSession())
	group.GET("", guard, a.auth.LoadSession(), func(c *gin.Context) { c.Status(http.StatusOK) })
	b := a.browser(t)
	b.signInAs("ada")
	runs.Store(0)
	for range 5 {
		if res := b.get("/deep"); res.StatusCode != http.StatusOK {
			t.Fatal(res.StatusCode)
		}
	}
	if n := runs.Load(); n != 5 {
		t.Errorf("the JWT callback ran %d times for 5 requests", n)
	}
}

// Many providers, Google among them, give the same refresh token each time. What
// is remembered of a renewal must not stand in for the next one.
func TestAttack26_UnchangingRefreshToken(t *testing.T) {
	t.Parallel()
	everyKeeping(t, func(t *testing.T, store ginauth.SessionStore) {
		idp := newIDP(t, ginauthtest.Config{})
		c := newCaller(t, idp, ginauth.Options{Session: keptTokens(store)})
		b := c.browser(t)
		b.signIn(idp, "local")
		var issued atomic.Int32
		idp.Break(ginauthtest.Token, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ginauthtest.Answer(200, "application/json", fmt.Sprintf(
				`{"access_token":"access %d","token_type":"Bearer","refresh_token":"always the same","expires_in":45}`, issued.Add(1))).ServeHTTP(w, r)
		}))
		c.expire()
		for round := range 4 {
			if got, want := b.access(), fmt.Sprint("Bearer access ", round+1); got != want {
				t.Errorf("round %d: %q, want %q", round, got, want)
			}
			if got := callAtOnce(b, 5, c); got[fmt.Sprint("200 Bearer access ", round+1)] != 5 {
				t.Errorf("round %d: %v", round, got)
			}
			c.ahead.Add(int64(50 * time.Second))
		}
	})
}
