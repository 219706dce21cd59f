package tests

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-contrib/sessions/memstore"
	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/internal/servertest"
	"github.com/ginauth/ginauth/redisstore"
)

// caller is an app whose route /api calls a service as the person who is signed in.
type caller struct {
	*app
	idp   *ginauthtest.Provider
	ahead *atomic.Int64 // how many nanoseconds its clock is ahead
}

// calling are the statuses by which /api tells what Client returned.
var calling = []struct {
	err    error
	status int
}{
	{ginauth.ErrNoSession, http.StatusUnauthorized},
	{ginauth.ErrNoTokens, http.StatusNotFound},
	{ginauth.ErrTokensExpired, http.StatusGone},
}

// newCaller signs people in at idp. The service is one that answers the
// Authorization header it got.
func newCaller(t testing.TB, idp *ginauthtest.Provider, opts ginauth.Options) *caller {
	t.Helper()
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Header.Get("Authorization"))
	}))
	t.Cleanup(service.Close)
	c := &caller{idp: idp, ahead: &atomic.Int64{}}
	opts.Now = func() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }
	if opts.Providers == nil {
		opts.Providers = ginauth.Goth(local(idp, "local"))
	}
	c.app = newApp(t, opts)
	c.engine.GET("/api", c.auth.RequireSession(), func(g *gin.Context) { c.call(g, service.URL) })
	return c
}

// call answers what a service says to a request of Client's.
func (c *caller) call(g *gin.Context, target string) {
	client, err := c.auth.Client(g)
	if err != nil {
		status := http.StatusBadGateway
		for _, row := range calling {
			if errors.Is(err, row.err) {
				status = row.status
			}
		}
		g.String(status, "%v", err)
		return
	}
	res, err := client.Get(target)
	if err != nil {
		g.String(http.StatusTeapot, "%v", err)
		return
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	g.String(res.StatusCode, "%s", body)
}

// expire lets the access tokens of an hour be expired.
func (c *caller) expire() { c.ahead.Add(int64(2 * time.Hour)) }

// access is the token that a call of /api carries.
func (b *browser) access() string {
	b.t.Helper()
	res := b.get("/api")
	if res.StatusCode != http.StatusOK {
		b.t.Errorf("/api answered %d %s", res.StatusCode, res.body)
	}
	return res.body
}

// refreshes counts the refresh requests that a provider got.
func refreshes(idp *ginauthtest.Provider) (n int) {
	for _, r := range idp.TokenRequests() {
		if r.Form.Get("grant_type") == "refresh_token" {
			n++
		}
	}
	return n
}

// callAtOnce sends n requests from one browser, to the apps in turn, and returns
// what they were answered, how often each.
func callAtOnce(b *browser, n int, apps ...*caller) map[string]int {
	b.t.Helper()
	answers := map[string]int{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			res, err := b.Do(b.request(http.MethodGet, apps[i%len(apps)].URL+"/api", nil))
			said := fmt.Sprint(err)
			if err == nil {
				body, _ := io.ReadAll(res.Body)
				_ = res.Body.Close()
				said = fmt.Sprintf("%d %s", res.StatusCode, body)
			}
			mu.Lock()
			defer mu.Unlock()
			answers[said]++
		})
	}
	close(start)
	wg.Wait()
	return answers
}

// keeping are the stores in which tokens are renewed.
var keeping = []struct {
	name string
	open func(t testing.TB) (store ginauth.SessionStore, server *servertest.Server)
}{
	{"memstore", func(testing.TB) (ginauth.SessionStore, *servertest.Server) {
		return ginauth.GinStore(memstore.NewStore([]byte(testSecret))), nil
	}},
	{"redisstore", func(t testing.TB) (ginauth.SessionStore, *servertest.Server) {
		server := servertest.Redis(t)
		return redisstore.New(redisClient(t, server), redisstore.Options{}), server
	}},
}

func everyKeeping(t *testing.T, test func(t *testing.T, store ginauth.SessionStore)) {
	for _, row := range keeping {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			store, _ := row.open(t)
			test(t, store)
		})
	}
}

// keptTokens are session options that keep tokens in a store.
func keptTokens(store ginauth.SessionStore) ginauth.SessionOptions {
	return ginauth.SessionOptions{Store: store, KeepTokens: true}
}
