package tests

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
)

// A closingSite is an application whose every goroutine carries a label of its own, so
// that a test finds those that are left among the ones of all other tests.
type closingSite struct {
	t      *testing.T
	label  string
	auth   *ginauth.Auth
	server *http.Server
	addr   string
	cookie string
	served chan error

	mu     sync.Mutex
	causes []error // why streams ended
	hold   chan struct{}
}

func newClosingSite(t *testing.T) *closingSite {
	t.Helper()
	s := &closingSite{t: t, label: t.Name(), cookie: sessionCookie + "=" + sessionFor(t, "ada@example.com", nil), served: make(chan error, 1), hold: make(chan struct{})}
	var err error
	if s.auth, err = ginauth.New(ginauth.Options{Secret: testSecret, BaseURL: "http://localhost"}); err != nil {
		t.Fatal(err)
	}
	engine := gin.New()
	guarded := engine.Group("", s.auth.RequireSession())
	guarded.GET("/events", s.events)
	guarded.GET("/late", func(c *gin.Context) {
		c.Writer.Flush()
		<-s.hold
		s.events(c)
	})
	guarded.GET("/socket", s.socket)
	guarded.GET("/slow", func(c *gin.Context) {
		c.Writer.Flush()
		<-s.hold
		_, _ = fmt.Fprint(c.Writer, ginauth.GetSession(c).User.Email)
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = listener.Addr().String()
	s.server = &http.Server{Handler: engine, ReadHeaderTimeout: time.Minute}
	s.server.RegisterOnShutdown(s.auth.Close)
	s.labelled(func() { go func() { s.served <- s.server.Serve(listener) }() })
	return s
}

// labelled runs f, whose goroutines inherit the label.
func (s *closingSite) labelled(f func()) {
	pprof.Do(s.t.Context(), pprof.Labels("site", s.label), func(context.Context) { f() })
}

// left are the stacks of the site's goroutines that run.
func (s *closingSite) left() string {
	var all bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&all, 1); err != nil {
		s.t.Fatal(err)
	}
	var found []string
	for stack := range strings.SplitSeq(all.String(), "\n\n") {
		if strings.Contains(stack, `"site":"`+s.label+`"`) {
			found = append(found, stack)
		}
	}
	return strings.Join(found, "\n\n")
}

func (s *closingSite) ended(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.causes = append(s.causes, context.Cause(ctx))
}

// events is a stream of server-sent events.
func (s *closingSite) events(c *gin.Context) {
	ctx, stop := s.auth.SessionContext(c)
	defer stop()
	_, _ = fmt.Fprint(c.Writer, "data: begin\n\n")
	c.Writer.Flush()
	<-ctx.Done()
	s.ended(ctx)
}

// socket takes the connection over, as a WebSocket does: Shutdown does not wait for it.
func (s *closingSite) socket(c *gin.Context) {
	ctx, stop := s.auth.SessionContext(c)
	defer stop()
	conn, _, err := c.Writer.Hijack()
	if err != nil {
		s.t.Error(err)
		return
	}
	defer conn.Close()
	_, _ = fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: test\r\nConnection: Upgrade\r\n\r\n")
	<-ctx.Done()
	s.ended(ctx)
	_, _ = fmt.Fprint(conn, "bye\n")
}

// open asks for a path on a connection of its own, and returns when the header came.
func (s *closingSite) open(path string) *bufio.Reader {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: localhost\r\nCookie: %s\r\n\r\n", path, s.cookie)
	r := bufio.NewReader(conn)
	if line, err := r.ReadString('\n'); err != nil || !strings.Contains(line, " 200 ") && !strings.Contains(line, " 101 ") {
		s.t.Fatalf("%s answers %q %v", path, line, err)
	}
	return r
}

// http.Server.Shutdown ends with the streams, not at its deadline, and leaves no
// goroutine. What is under way is answered.
func TestClose_Shutdown(t *testing.T) {
	t.Parallel()
	s := newClosingSite(t)
	for range 20 {
		s.open("/events")
	}
	socket := s.open("/socket")
	s.open("/late")
	slow := s.open("/slow")
	if s.left() == "" {
		t.Fatal("no goroutine of the site is found: the test would find no leak")
	}
	closed := make(chan struct{})
	s.server.RegisterOnShutdown(func() { close(closed) })
	down := make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	begun := time.Now()
	go func() { down <- s.server.Shutdown(ctx) }()
	<-closed
	if _, err := socket.ReadString('b'); err != nil { // "bye", by the stream's end alone
		t.Errorf("the socket: %v", err)
	}
	close(s.hold)
	if err := <-down; err != nil {
		t.Fatalf("Shutdown after %v: %v", time.Since(begun), err)
	}
	if took := time.Since(begun); took > 15*time.Second {
		t.Errorf("Shutdown took %v", took)
	}
	if err := <-s.served; !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
	if body, err := slow.ReadString('\x00'); !strings.Contains(body, "ada@example.com") {
		t.Errorf("the request under way got %q, %v", body, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.causes) != 22 {
		t.Errorf("%d streams ended", len(s.causes))
	}
	for _, cause := range s.causes {
		if !errors.Is(cause, http.ErrServerClosed) || errors.Is(cause, ginauth.ErrSessionEnded) {
			t.Errorf("a stream ended with %v", cause)
		}
	}
	// A handler that has answered may still return: that takes no time worth the name.
	for until := time.Now().Add(10 * time.Second); s.left() != ""; {
		if time.Now().After(until) {
			t.Fatalf("goroutines are left:\n%s", s.left())
		}
		time.Sleep(time.Millisecond)
	}
}

// Close ends the streams of its own Auth alone.
func TestClose_OfAnotherAuth(t *testing.T) {
	t.Parallel()
	s, other := newClosingSite(t), newClosingSite(t)
	s.open("/events")
	other.open("/events")
	s.auth.Close()
	if err := s.server.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	other.mu.Lock()
	if len(other.causes) != 0 {
		t.Error("another Auth's Close ended the stream")
	}
	other.mu.Unlock()
	other.auth.Close()
	if err := other.server.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// Close may be called many times, at once, and while streams begin and end. One that
// begins afterwards has ended.
func TestClose_AtAnyMoment(t *testing.T) {
	t.Parallel()
	auth, err := ginauth.New(ginauth.Options{Secret: testSecret, BaseURL: "http://localhost"})
	if err != nil {
		t.Fatal(err)
	}
	engine := gin.New()
	var open, begun atomic.Int32
	engine.GET("/events", auth.RequireSession(), func(c *gin.Context) {
		ctx, stop := auth.SessionContext(c)
		defer stop()
		begun.Add(1)
		open.Add(1)
		defer open.Add(-1)
		if c.Query("short") == "" {
			<-ctx.Done()
		}
	})
	cookie := sessionCookie + "=" + sessionFor(t, "ada@example.com", nil)
	get := func(path string) {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost"+path, nil)
		req.Header.Set("Cookie", cookie)
		engine.ServeHTTP(discardWriter{http.Header{}}, req)
	}
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() { get([]string{"/events", "/events?short=1"}[i%2]) })
		if i > 100 {
			all.Go(auth.Close)
		}
	}
	all.Wait() // no stream stays
	if open.Load() != 0 || begun.Load() != 200 {
		t.Errorf("%d of %d are open", open.Load(), begun.Load())
	}
	get("/events")
}

type discardWriter struct{ header http.Header }

func (w discardWriter) Header() http.Header         { return w.header }
func (w discardWriter) Write(p []byte) (int, error) { return len(p), nil }
func (w discardWriter) WriteHeader(int)             {}
