package tests

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
)

// A handler writes the beginning of its answer, which net/http keeps in its buffer, and
// goes on working. Its person signs out meanwhile; the header reaches the browser last.
func TestLate_AnswerThatHasBegun(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]func(c *gin.Context){
		"write":  func(c *gin.Context) { _, _ = c.Writer.WriteString("<html>") },
		"header": func(c *gin.Context) { c.Status(http.StatusOK); c.Writer.WriteHeaderNow() },
	} {
		for _, path := range []string{"/slow", "/open", "/slow?hidden"} {
			hidden := strings.HasSuffix(path, "hidden") // the writer below, by a middleware's own without Unwrap
			t.Run(name+path, func(t *testing.T) {
				t.Parallel()
				a := newApp(t, ginauth.Options{
					Providers: []ginauth.Provider{members()}, Session: ginauth.SessionOptions{UpdateAge: -1},
				}, func(_ *app, c *gin.Context) {
					if hidden {
						c.Writer = stamp{c.Writer}
					}
				})
				arrived, release := make(chan struct{}), make(chan struct{})
				handler := func(c *gin.Context) {
					begin(c)
					close(arrived)
					<-release
					_, _ = c.Writer.WriteString("</html>")
				}
				a.engine.GET("/slow", a.auth.RequireSession(), handler)
				a.engine.GET("/open", a.auth.LoadSession(), handler)
				b := a.browser(t)
				b.signInAs("ada")
				began, done := make(chan struct{}), make(chan struct{})
				go func() { defer close(done); b.getSlowly(path, began) }()
				<-arrived
				// A browser reads answers in the order in which they come. Here another
				// goroutine reads the first one, and must be through with its header.
				select {
				case <-began:
				case <-time.After(10 * time.Second):
					t.Error("the header has not reached the browser")
				}
				b.post("/api/auth/signout", url.Values{"csrfToken": {b.csrf()}})
				close(release)
				<-done
				if res := b.get("/me"); res.StatusCode == http.StatusOK {
					t.Errorf("signed out, and /me answers 200 %s", res.body)
				}
			})
		}
	}
}

// getSlowly closes began when the header of the answer has come, with its cookies in the
// jar, and then reads the rest.
func (b *browser) getSlowly(path string, began chan<- struct{}) {
	res, err := b.Do(b.request(http.MethodGet, path, nil))
	if err != nil {
		b.t.Error(err)
		return
	}
	close(began)
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
}

// LoadSession stands before all, a slow middleware of the application behind it, then
// RequireSession; the handler writes nothing. What a middleware in front of ginauth's
// holds back, ginauth has decided before: there the session comes back where neither a
// Store nor Revocations refuse it.
func TestLate_BetweenTwoMiddlewares(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		order       string
		revocations ginauth.Revocations
		back        bool
	}{
		{"load first", nil, false},
		{"slow first", nil, true},
		{"slow first", ginauth.MemoryRevocations(), false},
	} {
		t.Run(fmt.Sprint(row.order, row.revocations != nil), func(t *testing.T) {
			t.Parallel()
			a := membersApp(t, ginauth.Options{Session: ginauth.SessionOptions{UpdateAge: -1, Revocations: row.revocations}})
			arrived, release := make(chan struct{}), make(chan struct{})
			slow := func(c *gin.Context) {
				c.Next()
				close(arrived)
				<-release
			}
			nothing := func(c *gin.Context) { c.Status(http.StatusNoContent) }
			if row.order == "load first" {
				a.engine.GET("/slow", a.auth.LoadSession(), slow, a.auth.RequireSession(), nothing)
			} else {
				a.engine.GET("/slow", slow, a.auth.RequireSession(), nothing)
			}
			b := a.browser(t)
			b.signInAs("ada")
			done := make(chan struct{})
			go func() { defer close(done); b.get("/slow") }()
			<-arrived
			b.post("/api/auth/signout", url.Values{"csrfToken": {b.csrf()}})
			close(release)
			<-done
			if res := b.get("/me"); (res.StatusCode == http.StatusOK) != row.back {
				t.Errorf("signed out, and /me answers %d %s", res.StatusCode, res.body)
			}
		})
	}
}

// http.TimeoutHandler keeps the whole answer until the handler has ended, and cannot
// flush. Nothing panics; a session that was signed out meanwhile comes back where
// neither a Store nor Revocations refuse it.
func TestLate_BehindTimeoutHandler(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name        string
		revocations ginauth.Revocations
		hidden      bool // by a middleware's writer without Unwrap
		back        bool
	}{
		{"sealed", nil, false, true},
		{"sealed, behind another writer", nil, true, true},
		{"with Revocations", ginauth.MemoryRevocations(), false, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			behindTimeoutHandler(t, row.revocations, row.hidden, row.back)
		})
	}
}

func behindTimeoutHandler(t *testing.T, revocations ginauth.Revocations, hidden, back bool) {
	a := newApp(t, ginauth.Options{
		Providers: []ginauth.Provider{members()},
		Session:   ginauth.SessionOptions{UpdateAge: -1, Revocations: revocations},
	}, func(_ *app, c *gin.Context) {
		if hidden {
			c.Writer = stamp{c.Writer}
		}
	})
	arrived, release := make(chan struct{}), make(chan struct{})
	a.engine.GET("/slow", a.auth.RequireSession(), func(c *gin.Context) {
		_, _ = c.Writer.WriteString("<html>")
		close(arrived)
		<-release
	})
	server := httptest.NewServer(http.TimeoutHandler(a.engine, time.Minute, ""))
	t.Cleanup(server.Close)
	a.Server.URL, server.URL = server.URL, a.Server.URL
	b := a.browser(t)
	b.signInAs("ada")
	done := make(chan struct{})
	go func() { defer close(done); b.get("/slow") }()
	<-arrived
	b.post("/api/auth/signout", url.Values{"csrfToken": {b.csrf()}})
	close(release)
	<-done
	if res := b.get("/me"); (res.StatusCode == http.StatusOK) != back {
		t.Errorf("signed out, and /me answers %d %s", res.StatusCode, res.body)
	}
}
