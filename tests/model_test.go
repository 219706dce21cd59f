package tests

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
)

// modelTime is for how long each arrangement is tried.
const modelTime = 6 * time.Second

// A modelBrowser has one cookie jar, into which answers come in the order in which
// the servers wrote their headers.
type modelBrowser struct {
	apps   []*app
	csrf   string
	cookie string // the CSRF cookie
	mu     sync.Mutex
	jar    string // the session cookie's value
	set    moment // of the answer that set it
	before int64  // when the last of the others was written
}

// A moment of an answer lasts from when the server asked for the session until it wrote
// the header, in Unix nanoseconds. In between it decides what the answer says, and no
// server can order what it decides in one such moment, however long the machine takes.
type moment struct{ from, at int64 }

// stamp puts the time at which an answer's header is written into it.
type stamp struct{ gin.ResponseWriter }

// beginMoment puts the time before an answer is decided into it; the last one counts.
func beginMoment(c *gin.Context) { c.Header("X-From", strconv.FormatInt(time.Now().UnixNano(), 10)) }

func (s stamp) mark() {
	if !s.Written() {
		s.Header().Set("X-At", strconv.FormatInt(time.Now().UnixNano(), 10))
	}
}
func (s stamp) Write(p []byte) (int, error) { s.mark(); return s.ResponseWriter.Write(p) }
func (s stamp) WriteString(text string) (int, error) {
	s.mark()
	return s.ResponseWriter.WriteString(text)
}
func (s stamp) WriteHeaderNow() { s.mark(); s.ResponseWriter.WriteHeaderNow() }

// send sends a request with the cookies of this moment to one of the processes, and
// takes the cookies of the answer.
func (b *modelBrowser) send(t *testing.T, process int, method, path string, form url.Values) (int, string) {
	b.mu.Lock()
	session := b.jar
	b.mu.Unlock()
	req, err := http.NewRequest(method, b.apps[process].URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	req.Header.Set("Cookie", b.cookie)
	if session != "" {
		req.Header.Set("Cookie", b.cookie+"; "+sessionCookie+"="+session)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Error(err)
	}
	var m moment
	if m.at, err = strconv.ParseInt(res.Header.Get("X-At"), 10, 64); err != nil {
		t.Errorf("%s %s: no time: %v", method, path, err)
	}
	if m.from, err = strconv.ParseInt(res.Header.Get("X-From"), 10, 64); err != nil {
		m.from = m.at // a sign-out, which decides nothing
	}
	for _, c := range res.Cookies() {
		if c.Name != sessionCookie {
			continue
		}
		b.mu.Lock()
		if m.at > b.set.at {
			b.jar, b.set, b.before = c.Value, m, b.set.at
		} else {
			b.before = max(b.before, m.at)
		}
		b.mu.Unlock()
	}
	return res.StatusCode, string(body)
}

// modelApp is one process: an update adds its key to the session, and a slow handler
// answers in its own time.
func modelApp(t *testing.T, session ginauth.SessionOptions) *app {
	t.Helper()
	session.UpdateAge = -1 // every request seals, as those past UpdateAge do
	a := newApp(t, ginauth.Options{
		Providers: []ginauth.Provider{members()}, BaseURL: "http://app.example.com", Session: session,
		Callbacks: ginauth.Callbacks{
			JWT: func(c *gin.Context, p ginauth.JWTParams) error {
				if p.Trigger == ginauth.TriggerUpdate {
					p.Token.Claims[c.Query("key")] = "kept"
				}
				return nil
			},
			Session: func(c *gin.Context, p ginauth.SessionParams) error {
				beginMoment(c)
				for name, value := range p.Token.Claims {
					p.Session.Values[name] = value
				}
				return nil
			},
		},
	}, func(_ *app, c *gin.Context) { c.Writer = stamp{c.Writer} })
	a.engine.GET("/slow", a.auth.RequireSession(), func(c *gin.Context) {
		pause, _ := time.ParseDuration(c.Query("for"))
		select {
		case <-time.After(pause): // the handler's own work
		case <-c.Request.Context().Done():
		}
		beginMoment(c)
		c.String(http.StatusOK, ginauth.GetSession(c).User.Email)
	})
	return a
}

// Reads, slow handlers, updates, sign-outs and sign-ins as two persons in one browser,
// many at once and drawn at random: no sign-out is undone, nobody becomes somebody
// else, and no update that was answered is lost.
func TestModel_Sessions(t *testing.T) {
	t.Parallel()
	for _, row := range arrangements {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			seed := uint64(time.Now().UnixNano()) // it is in the log; GINAUTH_TEST_SEED sets it
			if said, err := strconv.ParseUint(os.Getenv("GINAUTH_TEST_SEED"), 10, 64); err == nil {
				seed = said
			}
			m := &model{T: t, row: row, seed: seed}
			options := row.options(t)
			for range row.processes {
				m.apps = append(m.apps, modelApp(t, options()))
			}
			until := time.Now().Add(modelTime)
			var browsers sync.WaitGroup
			for range 4 {
				browsers.Go(func() {
					for time.Now().Before(until) && !t.Failed() {
						m.round()
					}
				})
			}
			browsers.Wait()
			t.Logf("seed %d: %d rounds, %d of one moment, %d updates answered, %d left with nobody", seed, m.rounds, m.unclear, m.updates, m.nobody)
			if m.unclear*2 > m.rounds {
				t.Errorf("%d of %d rounds say nothing", m.unclear, m.rounds)
			}
		})
	}
}

type model struct {
	*testing.T
	row  arrangement
	apps []*app
	seed uint64

	mu                               sync.Mutex
	rounds, unclear, updates, nobody int
}

func (m *model) round() {
	m.mu.Lock()
	m.rounds++
	draw := rand.New(rand.NewPCG(m.seed, uint64(m.rounds)))
	m.mu.Unlock()
	b := &modelBrowser{apps: m.apps}
	b.csrf, b.cookie = csrfPair(csrfCookie)
	pick := func() int { return draw.IntN(len(m.apps)) }
	signIn := func(process int, who string) {
		b.send(m.T, process, http.MethodPost, "/api/auth/callback/credentials",
			url.Values{"csrfToken": {b.csrf}, "username": {who}, "password": {adasPassword}})
	}
	people := []string{"ada", "bob"}
	draw.Shuffle(2, func(i, j int) { people[i], people[j] = people[j], people[i] })
	signIn(pick(), people[0])
	var wg sync.WaitGroup
	var kept sync.Map
	for i := range 2 + draw.IntN(5) {
		process, kind, begin := pick(), draw.IntN(4), time.Duration(draw.IntN(100))*time.Millisecond
		pause := time.Duration(draw.IntN(100)) * time.Millisecond
		wg.Go(func() {
			time.Sleep(begin) // the person's pace, which the model draws
			switch kind {
			case 0:
				b.send(m.T, process, http.MethodGet, "/api/auth/session", nil)
			case 1:
				b.send(m.T, process, http.MethodGet, "/slow?for="+pause.String(), nil)
			default:
				key := fmt.Sprint("key", i)
				status, body := b.send(m.T, process, http.MethodPost, "/api/auth/session?key="+key, url.Values{"csrfToken": {b.csrf}})
				if status == http.StatusOK && strings.Contains(body, `"`+key+`":"kept"`) {
					kept.Store(key, true)
				}
			}
		})
	}
	ending, process, pause := draw.IntN(3), pick(), time.Duration(draw.IntN(120))*time.Millisecond
	time.Sleep(pause)
	switch ending {
	case 0:
		if status, body := b.send(m.T, process, http.MethodPost, "/api/auth/signout", url.Values{"csrfToken": {b.csrf}}); status != http.StatusFound {
			m.Errorf("signing out: %d %s", status, body)
		}
	case 1:
		signIn(process, people[1])
	}
	wg.Wait()
	if !m.row.stored && b.set.from <= b.before { // no server could tell what the browser has now
		m.mu.Lock()
		m.unclear++
		m.mu.Unlock()
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for process := range m.apps {
		status, body := b.send(m.T, process, http.MethodGet, "/api/auth/session", nil)
		if status == http.StatusServiceUnavailable { // a busy machine's Redis, of which nobody can tell
			m.unclear++
			return
		}
		first, second := strings.Contains(body, people[0]+"@example.com"), strings.Contains(body, people[1]+"@example.com")
		switch {
		case ending == 0 && (first || second):
			m.Errorf("signed out, the browser has %s", body)
		case ending == 1 && first:
			m.Errorf("%s signed in, and the browser is %s", people[1], people[0])
		case ending == 2 && !first:
			m.Errorf("%s is signed out", people[0])
		case ending == 1 && !second:
			m.nobody++
		}
		if ending != 2 {
			continue
		}
		kept.Range(func(key, _ any) bool {
			m.updates++
			if !strings.Contains(body, `"`+key.(string)+`":"kept"`) && m.row.keepsUpdates() {
				m.Errorf("the update of %s was answered, and is lost: %s", key, body)
			}
			return true
		})
	}
}

// keepsUpdates is false where two processes seal at once and nothing compares: then an
// update can be lost that another process answered meanwhile.
func (a arrangement) keepsUpdates() bool {
	return a.stored || a.processes == 1
}
