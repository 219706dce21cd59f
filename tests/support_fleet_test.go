package tests

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/redis/go-redis/v9"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	ginredis "github.com/gin-contrib/sessions/redis"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/gormadapter"
	"github.com/ginauth/ginauth/internal/procgroup"
	"github.com/ginauth/ginauth/redisstore"
)

// workerVariable is set for a copy of this program that is one process of an
// application: it holds a workerConfig.
const workerVariable = "GINAUTH_TEST_WORKER"

// A workerConfig says where all processes of an application keep their sessions.
type workerConfig struct {
	Kind  string // redis, cluster, postgres, or gin-contrib's redis
	Addrs []string
}

// clusterClient is a client of a Redis Cluster as package redisstore advises: by default
// go-redis asks once a minute who has taken over from a master that is gone.
func clusterClient(addrs []string) *redis.ClusterClient {
	return redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: addrs, ContextTimeoutEnabled: true, ClusterStateReloadInterval: time.Second,
	})
}

// open adds to the options where sessions are, and what goes with them.
func (c workerConfig) open(opts *ginauth.Options) error {
	var client redis.UniversalClient
	switch c.Kind {
	case "redis":
		client = redis.NewClient(&redis.Options{Addr: c.Addrs[0]})
	case "cluster":
		client = clusterClient(c.Addrs)
	case "gin-contrib's redis":
		store, err := ginredis.NewStore(10, "tcp", c.Addrs[0], "", "", []byte(testSecret))
		opts.Session.Store = ginauth.GinStore(store)
		return err
	case "postgres":
		db, err := gorm.Open(postgres.Open("postgres://postgres@"+c.Addrs[0]+"/postgres?sslmode=disable"), &gorm.Config{Logger: logger.Discard})
		if err != nil {
			return err
		}
		users, err := gormadapter.New(db, gormadapter.Options{TablePrefix: "auth_"})
		if err != nil {
			return err
		}
		opts.Session.Store, opts.Session.Revocations = users.Sessions(), users.Revocations()
		pool, err := db.DB()
		if err != nil {
			return err
		}
		pool.SetMaxOpenConns(20)
		pool.SetMaxIdleConns(20)
		return users.Migrate(context.Background())
	}
	opts.Session.Store = redisstore.New(client, redisstore.Options{})
	opts.Session.Revocations = redisstore.NewRevocations(client, redisstore.Options{})
	opts.Limits.Limiter = redisstore.NewLimiter(client, redisstore.Options{})
	return nil
}

// work is such a process: it prints its address and serves until its input ends.
func work() {
	if err := serveWorker(); err != nil {
		fmt.Println("error", err)
	}
}

func serveWorker() error {
	var config workerConfig
	if err := json.Unmarshal([]byte(os.Getenv(workerVariable)), &config); err != nil {
		return err
	}
	opts := ginauth.Options{
		Secret: testSecret, Providers: []ginauth.Provider{members()},
		// One site in front of all processes: its address is not theirs.
		BaseURL: "http://app.example.com",
		Logger:  slog.New(slog.NewTextHandler(os.Stderr, nil)),
		Callbacks: ginauth.Callbacks{JWT: func(_ *gin.Context, p ginauth.JWTParams) error {
			if p.Trigger == ginauth.TriggerUpdate {
				p.Token.Claims["note"] = p.Update
			}
			return nil
		}},
	}
	if err := config.open(&opts); err != nil {
		return err
	}
	r := gin.New()
	auth, err := ginauth.Register(r, opts)
	if err != nil {
		return err
	}
	r.GET("/me", auth.RequireSession(), func(c *gin.Context) { c.String(http.StatusOK, ginauth.GetSession(c).User.Email) })
	r.GET("/devices", auth.RequireSession(), func(c *gin.Context) {
		list, err := auth.Sessions(c, ginauth.GetSession(c).User.ID)
		tell(c, list, err)
	})
	r.POST("/devices/end", auth.RequireSession(), func(c *gin.Context) {
		tell(c, nil, auth.EndSession(c, ginauth.GetSession(c).User.ID, c.Query("id")))
	})
	r.POST("/devices/end-all", auth.RequireSession(), func(c *gin.Context) {
		tell(c, nil, auth.RevokeUser(c, ginauth.GetSession(c).User.ID))
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() { _ = http.Serve(l, r) }()
	fmt.Println("at", l.Addr())
	_, _ = io.Copy(io.Discard, os.Stdin)
	return nil
}

func tell(c *gin.Context, value any, err error) {
	switch {
	case errors.Is(err, ginauth.ErrNotFound):
		c.Status(http.StatusNotFound)
	case err != nil:
		c.Status(http.StatusServiceUnavailable)
	default:
		c.JSON(http.StatusOK, value)
	}
}

// A fleet is two processes of an application behind a round robin, and the browsers in
// front of it.
type fleet struct {
	t         *testing.T
	log       *logBuffer // of both processes
	processes [2]string
	turn      atomic.Int64
	client    *http.Client
}

// browsers is how many requests of a fleet are under way at once.
const browsers = 16

func newFleet(t *testing.T, config workerConfig) *fleet {
	t.Helper()
	f := &fleet{t: t, log: &logBuffer{}, client: &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: browsers},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	t.Cleanup(f.client.CloseIdleConnections)
	for i := range f.processes {
		f.processes[i] = f.start(config)
	}
	return f
}

// start starts a process of the application and returns its URL.
func (f *fleet) start(config workerConfig) string {
	f.t.Helper()
	raw, err := json.Marshal(config)
	if err != nil {
		f.t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), workerVariable+"="+string(raw))
	cmd.Stderr = f.log
	in, err := cmd.StdinPipe()
	if err != nil {
		f.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		f.t.Fatal(err)
	}
	end, err := procgroup.Start(cmd)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
		end()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	addr, ok := strings.CutPrefix(strings.TrimSpace(line), "at ")
	if err != nil || !ok {
		f.t.Fatalf("the process said %q: %v", line, err)
	}
	return "http://" + addr
}

// send makes a request of the process whose turn it is.
func (f *fleet) send(method, path, cookies string, form url.Values) (answer, error) {
	return f.sendTo(int(f.turn.Add(1)%2), method, path, cookies, form)
}

func (f *fleet) sendTo(process int, method, path, cookies string, form url.Values) (answer, error) {
	req, err := http.NewRequest(method, f.processes[process]+path, strings.NewReader(form.Encode()))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Cookie", cookies)
	res, err := f.client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return answer{res, string(body)}, err
}

// parallel does something n times, as many browsers do at once. No test goes on where
// it failed.
func (f *fleet) parallel(n int, do func(i int) error) {
	f.t.Helper()
	var wg sync.WaitGroup
	var next, failed atomic.Int64
	for range browsers {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				if err := do(i); err != nil && failed.Add(1) < 10 {
					f.t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := failed.Load(); n > 0 {
		f.t.Fatalf("%d failed", n)
	}
}

// signIn signs a person in and returns their session's cookie.
func (f *fleet) signIn(i int) (cookie string, res answer, err error) {
	csrfToken, pair := csrfPair(csrfCookie)
	res, err = f.send(http.MethodPost, "/api/auth/callback/credentials", pair, url.Values{
		"csrfToken": {csrfToken}, "username": {fmt.Sprint("person", i)}, "password": {adasPassword},
	})
	if err != nil {
		return "", res, err
	}
	c := setCookies(res)[sessionCookie]
	if c == nil || c.Value == "" {
		return "", res, fmt.Errorf("person %d was not signed in: %d %s", i, res.StatusCode, res.body)
	}
	return sessionCookie + "=" + c.Value, res, nil
}

// email is what the site calls a person.
func email(i int) string { return fmt.Sprintf("person%d@example.com", i) }
