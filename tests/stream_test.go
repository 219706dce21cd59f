package tests

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
)

// streaming is an app with a stream that says why it ended.
func streaming(t *testing.T, opts ginauth.Options) (*app, *ginauthtest.Provider, chan error) {
	t.Helper()
	idp := newIDP(t, ginauthtest.Config{})
	opts.Providers = ginauth.Goth(local(idp, "local"))
	app := newApp(t, opts)
	ended := make(chan error, 2)
	app.engine.GET("/events", app.auth.RequireSession(), func(c *gin.Context) {
		ctx, stop := app.auth.SessionContext(c)
		defer stop()
		_, _ = fmt.Fprint(c.Writer, "data: begin\n\n")
		c.Writer.Flush()
		<-ctx.Done()
		ended <- context.Cause(ctx)
	})
	return app, idp, ended
}

// listen opens the stream and returns when its first line has come.
func (b *browser) listen(ctx context.Context) {
	b.t.Helper()
	res, err := b.Do(b.request(http.MethodGet, "/events", nil).WithContext(ctx))
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = res.Body.Close() })
	if line, err := bufio.NewReader(res.Body).ReadString('\n'); err != nil || res.StatusCode != http.StatusOK {
		b.t.Fatalf("%d %q %v", res.StatusCode, line, err)
	}
}

func wait(t *testing.T, ended chan error) error {
	t.Helper()
	select {
	case err := <-ended:
		return err
	case <-time.After(10 * time.Second):
		t.Fatal("the stream goes on")
		return nil
	}
}

func TestStream_EndsAtSignOut(t *testing.T) {
	t.Parallel()
	app, idp, ended := streaming(t, ginauth.Options{})
	b := app.browser(t)
	b.signIn(idp, "local")
	b.listen(t.Context())
	other := app.browser(t)
	callback, err := idp.Approve(t.Context(), other.begin("local", "/"), idp.People()[1].Subject)
	if err != nil {
		t.Fatal(err)
	}
	other.get(callback.String())
	other.post("/api/auth/signout", url.Values{"csrfToken": {other.csrf()}})
	select {
	case err := <-ended:
		t.Fatalf("another person's sign-out ended it: %v", err)
	default:
	}
	b.post("/api/auth/signout", url.Values{"csrfToken": {b.csrf()}})
	if err := wait(t, ended); !errors.Is(err, ginauth.ErrSessionEnded) {
		t.Errorf("cause %v", err)
	}
}

// A page that connects again before the answer to its sign-out has deleted the
// cookie gets no new stream.
func TestStream_NoneForASessionJustSignedOutOf(t *testing.T) {
	t.Parallel()
	app, idp, ended := streaming(t, ginauth.Options{})
	b := app.browser(t)
	b.signIn(idp, "local")
	late := b.request(http.MethodGet, "/events", nil)
	for _, c := range b.Jar.Cookies(late.URL) {
		late.AddCookie(c)
	}
	b.post("/api/auth/signout", url.Values{"csrfToken": {b.csrf()}})
	res, err := (&http.Client{}).Do(late)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%d: the cookie was to be still good", res.StatusCode)
	}
	if err := wait(t, ended); !errors.Is(err, ginauth.ErrSessionEnded) {
		t.Errorf("cause %v", err)
	}
}

func TestStream_EndsWhenTheSessionExpires(t *testing.T) {
	t.Parallel()
	app, idp, ended := streaming(t, ginauth.Options{Session: ginauth.SessionOptions{MaxAge: 2 * time.Second}})
	b := app.browser(t)
	b.signIn(idp, "local")
	b.listen(t.Context())
	if err := wait(t, ended); !errors.Is(err, ginauth.ErrSessionEnded) {
		t.Errorf("cause %v", err)
	}
}

func TestStream_EndsWithItsRequest(t *testing.T) {
	t.Parallel()
	app, idp, ended := streaming(t, ginauth.Options{})
	b := app.browser(t)
	b.signIn(idp, "local")
	ctx, cancel := context.WithCancel(t.Context())
	b.listen(ctx)
	cancel()
	if err := wait(t, ended); err == nil || errors.Is(err, ginauth.ErrSessionEnded) {
		t.Errorf("cause %v", err)
	}
}

func TestStream_NobodyHasNone(t *testing.T) {
	t.Parallel()
	app := newApp(t, ginauth.Options{Providers: somebody()})
	var over atomic.Bool
	app.engine.GET("/open", app.auth.LoadSession(), func(c *gin.Context) {
		ctx, stop := app.auth.SessionContext(c)
		defer stop()
		over.Store(errors.Is(context.Cause(ctx), ginauth.ErrSessionEnded))
	})
	app.browser(t).get("/open")
	if !over.Load() {
		t.Error("a stream of nobody's session is open")
	}
}

// People without a subject look alike: the sign-out of one ends no other's stream.
func TestStream_SubjectlessAreApart(t *testing.T) {
	t.Parallel()
	app, _, ended := streaming(t, ginauth.Options{})
	as := func(email string) *browser {
		b := app.browser(t)
		b.plant(sessionCookie, sessionFor(t, email, map[string]any{"sub": nil, "auth_time": 1_700_000_000}))
		return b
	}
	ctx, cancel := context.WithCancel(t.Context())
	as("ada@example.com").listen(ctx)
	grace := as("grace@example.com")
	if res := grace.post("/api/auth/signout", url.Values{"csrfToken": {grace.csrf()}}); res.Header.Get("Location") != app.URL {
		t.Fatalf("not signed out: %d %v", res.StatusCode, res.Header)
	}
	cancel() // the stream ends now at the latest, and says of what
	if err := wait(t, ended); errors.Is(err, ginauth.ErrSessionEnded) {
		t.Error("another person's sign-out ended it")
	}
}
