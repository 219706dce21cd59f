package renewedcookie_test

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth/internal/renewedcookie"
	"github.com/ginauth/ginauth/internal/sessionstrategy"
)

// A server is what net/http has below gin's writer: it notes what the browser gets.
type server struct {
	*httptest.ResponseRecorder
	sent    []string // the Set-Cookie lines at the moment when the header was sent
	flushed int
	gone    error // the browser's
}

func (s *server) Write(p []byte) (int, error) {
	n, err := s.ResponseRecorder.Write(p)
	return n, errors.Join(err, s.gone)
}

func (s *server) WriteString(text string) (int, error) { return s.Write([]byte(text)) }

func (s *server) WriteHeader(status int) {
	s.sent = slices.Clone(s.Header()["Set-Cookie"])
	s.ResponseRecorder.WriteHeader(status)
}

func (s *server) Flush() { s.flushed++ }

func (s *server) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	s.sent = slices.Clone(s.Header()["Set-Cookie"])
	return nil, nil, nil
}

// An answer sets a session that was sealed again, in two cookies, behind one of the
// handler's own.
type answer struct {
	*server
	c         *gin.Context
	own       gin.ResponseWriter // gin's, below the one of the cookie
	cookie    *renewedcookie.Cookie
	end       func() // the session, in this process
	forgotten chan struct{}

	asked   int // the store and the revocations
	by      context.Context
	stands  bool
	replace string // what the cookie was sealed again as by another request
	single  bool   // the session fits in one cookie
}

const others = "theme=dark"

func lines(value string) []string { return []string{"session=" + value, "session.1=" + value} }

func newAnswer(t *testing.T, ctx context.Context) *answer {
	t.Helper()
	a := &answer{server: &server{ResponseRecorder: httptest.NewRecorder()}, stands: true, forgotten: make(chan struct{}, 9)}
	a.c, _ = gin.CreateTestContext(a.server)
	a.c.Request = httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
	a.own = a.c.Writer
	a.cookie = renewedcookie.New(a.c, func(ended func()) (forget func()) {
		a.end = ended
		return func() { a.forgotten <- struct{}{} }
	})
	a.c.Writer.Header().Add("Set-Cookie", others)
	return a
}

func (a *answer) set(value string) {
	a.cookie.Set(sessionstrategy.Cookie{Value: value}, renewedcookie.Session{
		Put: func(c sessionstrategy.Cookie) []string {
			h := a.c.Writer.Header()
			if a.single {
				h.Add("Set-Cookie", "session="+c.Value)
				return []string{"session=" + c.Value}
			}
			h["Set-Cookie"] = append(slices.DeleteFunc(h["Set-Cookie"], func(line string) bool { return strings.HasPrefix(line, "session") }), lines(c.Value)...)
			return lines(c.Value)
		},
		Latest: func(c sessionstrategy.Cookie) sessionstrategy.Cookie {
			if a.replace != "" {
				c.Value = a.replace
			}
			return c
		},
		Stands: func(ctx context.Context, c sessionstrategy.Cookie) bool {
			a.asked, a.by = a.asked+1, ctx
			return a.stands && c.Value == value
		},
	})
}

// ways are those in which a handler or gin sends the header.
var ways = map[string]func(*answer){
	"WriteHeaderNow": func(a *answer) { a.c.Writer.WriteHeaderNow() },
	"Write":          func(a *answer) { _, _ = a.c.Writer.Write([]byte("hello")) },
	"WriteString":    func(a *answer) { _, _ = a.c.Writer.WriteString("hello") },
	"Flush":          func(a *answer) { a.c.Writer.Flush() },
	"Hijack":         func(a *answer) { _, _, _ = a.c.Writer.Hijack() },
	"gin, past the writer": func(a *answer) {
		a.cookie.Finish()
		a.own.WriteHeaderNow()
	},
}

// However the header is sent, it brings the cookie of a session that stands, the newest
// one, and none of a session that has ended; and it leaves the handler's own cookies
// alone.
func TestCookie_UntilTheHeaderIsSent(t *testing.T) {
	t.Parallel()
	for way, send := range ways {
		for name, row := range map[string]struct {
			before func(*answer)
			want   []string // beside the others
			asked  int
		}{
			"the session stands":      {func(*answer) {}, lines("a"), 1},
			"it ended in this one":    {func(a *answer) { a.end() }, nil, 0},
			"it ended in another one": {func(a *answer) { a.stands = false }, nil, 1},
			"it was sealed again":     {func(a *answer) { a.replace = "b" }, lines("b"), 1},
			"it was sealed as it was": {func(a *answer) { a.replace = "a" }, lines("a"), 1},
			"the handler signed out": {func(a *answer) {
				a.c.Writer.Header()["Set-Cookie"] = []string{others, "session=; Max-Age=0", "session.1=; Max-Age=0"}
				a.end()
			}, []string{"session=; Max-Age=0", "session.1=; Max-Age=0"}, 0},
			"the handler set another, as short": {func(a *answer) {
				a.c.Writer.Header()["Set-Cookie"] = []string{others, "session=a", "session.1=mine"}
				a.replace = "b"
			}, []string{"session=a", "session.1=mine"}, 0},
		} {
			a := newAnswer(t, t.Context())
			a.set("a")
			row.before(a)
			send(a)
			if want := append([]string{others}, row.want...); !slices.Equal(a.sent, want) {
				t.Errorf("%s, by %s: the browser gets %q, want %q", name, way, a.sent, want)
			}
			if a.asked != row.asked || a.asked > 0 && a.by != a.c.Request.Context() {
				t.Errorf("%s, by %s: the store was asked %d times, want %d", name, way, a.asked, row.asked)
			}
		}
	}
}

// Once the header is sent nothing is asked and nothing is taken out of it, also where the
// session ends meanwhile.
func TestCookie_Afterwards(t *testing.T) {
	t.Parallel()
	for first, send := range ways {
		for second, again := range ways {
			if second == "Hijack" {
				continue
			}
			a := newAnswer(t, t.Context())
			a.set("a")
			send(a)
			a.stands, a.replace = false, "b"
			a.end()
			again(a)
			a.c.Writer.WriteHeader(http.StatusTeapot)
			a.cookie.Finish()
			if want := append([]string{others}, lines("a")...); a.asked != 1 || !slices.Equal(a.sent, want) || !slices.Equal(a.c.Writer.Header()["Set-Cookie"], want) {
				t.Errorf("%s, then %s: asked %d times, sent %q, the header has %q", first, second, a.asked, a.sent, a.c.Writer.Header()["Set-Cookie"])
			}
		}
	}
}

// A status alone sends nothing: then the store is not asked yet, but what this process
// knows counts, since another middleware's writer may send the header at once.
func TestCookie_Status(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		before func(*answer)
		want   []string
	}{
		"the session stands":   {func(*answer) {}, lines("a")},
		"it ended elsewhere":   {func(a *answer) { a.stands = false }, lines("a")},
		"it ended in this one": {func(a *answer) { a.end() }, nil},
		"it was sealed again":  {func(a *answer) { a.replace = "b" }, lines("b")},
	} {
		a := newAnswer(t, t.Context())
		a.set("a")
		row.before(a)
		a.c.Writer.WriteHeader(http.StatusAccepted)
		if want := append([]string{others}, row.want...); !slices.Equal(a.c.Writer.Header()["Set-Cookie"], want) || a.asked != 0 || a.sent != nil {
			t.Errorf("%s: the header has %q, want %q; asked %d times", name, a.c.Writer.Header()["Set-Cookie"], want, a.asked)
		}
		if a.c.Writer.Status() != http.StatusAccepted {
			t.Errorf("%s: the status is %d", name, a.c.Writer.Status())
		}
	}
}

// A header with the cookie leaves at once, and one without it when net/http likes: a
// short answer would else wait for the end of the handler, and the person may sign out
// before.
func TestCookie_SentAtOnce(t *testing.T) {
	t.Parallel()
	for way, row := range map[string]struct {
		write func(gin.ResponseWriter) error
		body  string
	}{
		"WriteHeaderNow": {func(w gin.ResponseWriter) error { w.WriteHeaderNow(); return nil }, ""},
		"Write":          {func(w gin.ResponseWriter) error { _, err := w.Write([]byte("hello")); return err }, "hello"},
		"WriteString":    {func(w gin.ResponseWriter) error { _, err := w.WriteString("hello"); return err }, "hello"},
	} {
		for name, sealed := range map[string]struct {
			set, ended bool
			want       int
		}{"with one cookie": {true, false, 1}, "with the cookie": {true, false, 1}, "without, since the session ended": {true, true, 0}, "without, since nothing was sealed": {false, false, 0}} {
			a := newAnswer(t, t.Context())
			a.single = name == "with one cookie"
			if sealed.set {
				a.set("a")
			}
			if sealed.ended {
				a.end()
			}
			for range 2 {
				if err := row.write(a.c.Writer); err != nil {
					t.Errorf("%s, %s: %v", name, way, err)
				}
			}
			if body := a.Body.String(); a.flushed != sealed.want || body != row.body+row.body {
				t.Errorf("%s, %s: flushed %d times, want %d; the body is %q", name, way, a.flushed, sealed.want, body)
			}
		}
	}
}

// A handler's own flush and its take-over of the connection reach the server, and
// http.ResponseController finds the writer below.
func TestCookie_PassesOn(t *testing.T) {
	t.Parallel()
	a := newAnswer(t, t.Context())
	a.set("a")
	a.c.Writer.Flush()
	a.c.Writer.Flush()
	if a.flushed != 2 {
		t.Errorf("two flushes are %d", a.flushed)
	}
	below, ok := a.c.Writer.(interface{ Unwrap() http.ResponseWriter })
	if !ok || below.Unwrap() != http.ResponseWriter(a.own) {
		t.Error("the writer below is not found")
	}
	a = newAnswer(t, t.Context())
	a.gone = errors.New("connection reset")
	a.set("a")
	if n, err := a.c.Writer.Write([]byte("hello")); n != 5 || !errors.Is(err, a.gone) {
		t.Errorf("%d bytes, %v", n, err)
	}
	if n, err := a.c.Writer.WriteString("hello"); n != 5 || !errors.Is(err, a.gone) {
		t.Errorf("%d bytes, %v", n, err)
	}
	a = newAnswer(t, t.Context())
	a.cookie.Finish() // nothing was sealed
	if a.asked != 0 || !slices.Equal(a.c.Writer.Header()["Set-Cookie"], []string{others}) {
		t.Errorf("asked %d times", a.asked)
	}
}

// The session's end is watched for as long as the request runs: middleware in front may
// send the header late. Where nothing says when a request is over, its handlers' end is.
func TestCookie_Watched(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	a := newAnswer(t, ctx)
	a.set("a")
	a.cookie.Finish()
	select {
	case <-a.forgotten:
		t.Error("the session is forgotten while the request runs")
	default:
	}
	a.end()
	a.cookie.Finish()
	if !slices.Equal(a.c.Writer.Header()["Set-Cookie"], []string{others}) {
		t.Error("the session ended, and its cookie stays in the header")
	}
	cancel()
	select {
	case <-a.forgotten:
	case <-time.After(10 * time.Second):
		t.Error("the request is over, and the session is watched for")
	}
	a = newAnswer(t, context.Background())
	a.set("a")
	a.cookie.Finish()
	if len(a.forgotten) != 1 {
		t.Error("a request without an end is watched for ever")
	}
}
