package tests

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/servertest"
	"github.com/ginauth/ginauth/redisstore"
)

// An arrangement is where an application keeps its sessions, and in how many
// processes it runs: Auths that share nothing but what options opens.
type arrangement struct {
	name      string
	processes int
	stored    bool
	options   func(t *testing.T) func() ginauth.SessionOptions
}

func sealedAlone(*testing.T) func() ginauth.SessionOptions {
	return func() ginauth.SessionOptions { return ginauth.SessionOptions{UpdateAge: -1} }
}

func onRedis(t *testing.T) func() ginauth.SessionOptions {
	client := redisClient(t, servertest.Redis(t))
	return func() ginauth.SessionOptions {
		return ginauth.SessionOptions{UpdateAge: -1, Store: redisstore.New(client, redisstore.Options{})}
	}
}

func sealedWithRevocations(t *testing.T) func() ginauth.SessionOptions {
	client := redisClient(t, servertest.Redis(t))
	return func() ginauth.SessionOptions {
		return ginauth.SessionOptions{UpdateAge: -1, Revocations: redisstore.NewRevocations(client, redisstore.Options{})}
	}
}

// arrangements are those in which no sign-out may be undone.
var arrangements = []arrangement{
	{"sealed, one process", 1, false, sealedAlone},
	{"sealed, two processes with Revocations", 2, false, sealedWithRevocations},
	{"on Redis, one process", 1, true, onRedis},
	{"on Redis, two processes", 2, true, onRedis},
}

// late is a request whose handler waits until it is told to answer.
type late struct {
	arrived, release chan struct{}
}

// slowApp has guarded handlers that wait, and then answer in each way there is.
func slowApp(t *testing.T, session ginauth.SessionOptions) (*app, late) {
	t.Helper()
	a := membersApp(t, ginauth.Options{Session: session, BaseURL: "http://app.example.com"})
	l := late{make(chan struct{}), make(chan struct{})}
	waiting := func(answer func(c *gin.Context)) gin.HandlerFunc {
		return func(c *gin.Context) {
			close(l.arrived)
			<-l.release
			answer(c)
		}
	}
	for path, answer := range lateAnswers {
		a.engine.GET("/late/"+path, a.auth.RequireSession(), waiting(answer))
		a.engine.GET("/open/"+path, a.auth.LoadSession(), waiting(answer))
	}
	a.engine.GET("/update", func(c *gin.Context) {
		if _, err := a.auth.Update(c, nil); err != nil {
			t.Error(err)
		}
		waiting(lateAnswers["JSON"])(c)
	})
	a.engine.GET("/update/inside", a.auth.RequireSession(), func(c *gin.Context) {
		if _, err := a.auth.Update(c, nil); err != nil {
			t.Error(err)
		}
		waiting(lateAnswers["nothing"])(c)
	})
	return a, l
}

// lateAnswers are the ways in which a handler's answer gets its header.
var lateAnswers = map[string]func(c *gin.Context){
	"JSON":      func(c *gin.Context) { c.JSON(http.StatusOK, gin.H{}) },
	"string":    func(c *gin.Context) { _, _ = c.Writer.WriteString("text") },
	"header":    func(c *gin.Context) { c.Writer.WriteHeaderNow() },
	"flush":     func(c *gin.Context) { c.Writer.Flush() },
	"status":    func(c *gin.Context) { c.Status(http.StatusNoContent) },
	"nothing":   func(*gin.Context) {},
	"abort":     func(c *gin.Context) { c.AbortWithStatus(http.StatusTeapot) },
	"http":      func(c *gin.Context) { http.Error(c.Writer, "text", http.StatusTeapot) },
	"unwrapped": func(c *gin.Context) { _ = http.NewResponseController(c.Writer).Flush() },
	"hijacked": func(c *gin.Context) {
		h := c.Writer.Header()
		conn, rw, err := c.Writer.Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		_, _ = rw.WriteString("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n")
		_ = h.Write(rw)
		_, _ = rw.WriteString("\r\n")
		_ = rw.Flush()
	},
}

// A handler is slow; meanwhile its person signs out, or somebody else signs in. Its
// answer comes last, and changes nothing. Where nothing happens, it has the session
// that was sealed again.
func TestLate_AnswerOfAHandler(t *testing.T) {
	t.Parallel()
	paths := []string{"/update", "/update/inside"}
	for name := range lateAnswers {
		paths = append(paths, "/late/"+name, "/open/"+name)
	}
	for _, row := range arrangements {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			options := row.options(t)
			for _, path := range paths {
				for _, meanwhile := range []string{"nothing", "sign-out", "sign-in"} {
					here, l := slowApp(t, options())
					there := here
					if row.processes == 2 {
						there, _ = slowApp(t, options())
					}
					b := there.browser(t)
					b.signInAs("ada")
					slow := make(chan answer, 1)
					cookies := sessionCookie + "=" + url.PathEscape(handleOf(b))
					go func() { slow <- here.send(t, http.MethodGet, path, "", "Cookie", cookies) }()
					<-l.arrived
					switch meanwhile {
					case "sign-out":
						b.post("/api/auth/signout", url.Values{"csrfToken": {b.csrf()}})
					case "sign-in":
						b.signInAs("grace")
					}
					close(l.release)
					if res := <-slow; res.signedIn() != (meanwhile == "nothing") {
						t.Errorf("%s, %s: the late answer has Set-Cookie: %q", path, meanwhile, res.Header["Set-Cookie"])
					}
				}
			}
		})
	}
}

// What is left, where two processes share neither a Store nor Revocations: an answer
// that is under way in one of them while the other answers the sign-out brings the
// session back. Only a session past UpdateAge is sealed again, so that this can happen
// once a day.
func TestLate_TwoProcessesThatShareNothing(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name    string
		session ginauth.SessionOptions
		back    bool
	}{
		{"past UpdateAge", ginauth.SessionOptions{UpdateAge: -1}, true},
		{"before it", ginauth.SessionOptions{}, false},
	} {
		here, l := slowApp(t, row.session)
		there, _ := slowApp(t, row.session)
		b := there.browser(t)
		b.signInAs("ada")
		slow := make(chan answer, 1)
		cookies := sessionCookie + "=" + url.PathEscape(handleOf(b))
		go func() { slow <- here.send(t, http.MethodGet, "/late/JSON", "", "Cookie", cookies) }()
		<-l.arrived
		b.post("/api/auth/signout", url.Values{"csrfToken": {b.csrf()}})
		close(l.release)
		if res := <-slow; res.signedIn() != row.back {
			t.Errorf("%s: Set-Cookie: %q", row.name, res.Header["Set-Cookie"])
		}
	}
}

// GET session sets a cookie only where it sealed the session again.
func TestSession_NoCookieWhereNothingWasSealed(t *testing.T) {
	t.Parallel()
	for _, row := range arrangements {
		if row.processes == 2 {
			continue
		}
		options := row.options(t)()
		options.UpdateAge = 0 // the default
		c := newClock()
		a := membersApp(t, ginauth.Options{Session: options, Now: c.now, Callbacks: ginauth.Callbacks{JWT: func(ctx *gin.Context, p ginauth.JWTParams) error {
			if ctx.GetHeader("X-Change") != "" {
				p.Token.Claims["n"] = ctx.GetHeader("X-Change")
			}
			return nil
		}}})
		b := a.browser(t)
		b.signInAs("ada")
		ask := func(change string) bool {
			req := b.request(http.MethodGet, "/api/auth/session", nil)
			req.Header.Set("X-Change", change)
			res := b.do(req)
			if !strings.Contains(res.body, "ada@example.com") {
				t.Fatalf("%s: %d %s", row.name, res.StatusCode, res.body)
			}
			return res.signedIn()
		}
		for _, step := range []struct {
			seconds int64
			change  string
			sets    bool
		}{{0, "", false}, {1, "a", true}, {1, "", false}, {1, "a", false}, {24*3600 + 1, "", true}, {1, "", false}} {
			c.seconds.Add(step.seconds)
			if sets := ask(step.change); sets != step.sets {
				t.Errorf("%s: %+v, and it sets a cookie: %v", row.name, step, sets)
			}
		}
	}
}
