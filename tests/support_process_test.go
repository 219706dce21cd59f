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
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/libtnb/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/gormadapter"
	"github.com/ginauth/ginauth/internal/procgroup"
	"github.com/ginauth/ginauth/internal/servertest"
	"github.com/ginauth/ginauth/oidc"
)

// siteVariable is set for a copy of this program that is the one process of an
// application with its users in SQLite: it holds a siteConfig.
const siteVariable = "GINAUTH_TEST_SITE"

type siteConfig struct {
	Dir     string // of the database
	Mount   bool   // there is a small disk, of this process alone, to be mounted at Dir
	BaseURL string
	// The provider, and what its client is known by there.
	Issuer, ClientID, ClientSecret string
}

// places are where the process stops for ever when it is told to.
const (
	atUser  = "user"  // the user's row is written, the account's is not
	atEvent = "event" // both are stored, and the browser has no answer yet
)

// A siteProcess is what runs in it. It takes commands on its input, a word a line,
// and answers each with a line.
type siteProcess struct {
	config siteConfig
	db     *gorm.DB
	hold   atomic.Value // where to stop, a string
	free   func()       // undoes the last exhaustion
}

// serveSite runs the process until its input ends.
func serveSite() {
	p := &siteProcess{}
	p.hold.Store("")
	if err := p.run(); err != nil {
		fmt.Println("error", err)
	}
}

func (p *siteProcess) run() error {
	if err := json.Unmarshal([]byte(os.Getenv(siteVariable)), &p.config); err != nil {
		return err
	}
	if p.config.Mount {
		if err := mountSmall(p.config.Dir); err != nil {
			return fmt.Errorf("mounting: %w", err)
		}
	}
	engine, err := p.engine()
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() { _ = http.Serve(l, engine) }()
	fmt.Println("at", l.Addr())
	commands := bufio.NewScanner(os.Stdin)
	for commands.Scan() {
		said, err := p.obey(commands.Text())
		if err != nil {
			return err
		}
		fmt.Println(said)
	}
	return commands.Err()
}

func (p *siteProcess) engine() (*gin.Engine, error) {
	var err error
	p.db, err = gorm.Open(sqlite.Open(filepath.Join(p.config.Dir, "auth.db")+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)"),
		&gorm.Config{Logger: logger.Discard})
	if err != nil {
		return nil, err
	}
	users, err := gormadapter.New(p.db, gormadapter.Options{})
	if err != nil {
		return nil, err
	}
	engine := gin.New()
	auth, err := ginauth.Register(engine, ginauth.Options{
		Providers: ginauth.Goth(oidc.New(oidc.Config{
			Name: "local", Issuer: p.config.Issuer, ClientID: p.config.ClientID, ClientSecret: p.config.ClientSecret,
		})),
		Adapter: users, Secret: testSecret, BaseURL: p.config.BaseURL,
		Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
		Pages:  ginauth.Pages{NewUser: "/welcome"},
		Events: ginauth.Events{SignIn: func(*gin.Context, ginauth.SignInEvent) { p.stop(atEvent) }},
	})
	if err != nil {
		return nil, err
	}
	engine.GET("/me", auth.RequireSession(), func(c *gin.Context) { c.JSON(http.StatusOK, ginauth.GetSession(c)) })
	stopping := func(tx *gorm.DB) {
		if tx.Statement.Table == "users" {
			p.stop(atUser)
		}
	}
	return engine, errors.Join(users.Migrate(context.Background()), p.db.Callback().Create().After("gorm:create").Register("test:stop", stopping))
}

// stop is where the process is killed, if it was told so.
func (p *siteProcess) stop(place string) {
	if p.hold.Load() == place {
		fmt.Println("stopped at", place)
		select {}
	}
}

func (p *siteProcess) obey(command string) (string, error) {
	switch command {
	case "count":
		var users, halves int64
		err := p.db.Raw("SELECT count(*) FROM users").Scan(&users).Error
		err = errors.Join(err, p.db.Raw("SELECT count(*) FROM users WHERE id NOT IN (SELECT user_id FROM accounts)").Scan(&halves).Error)
		return fmt.Sprintf("%d users, %d without account", users, halves), err
	case "free":
		p.free()
		return "freed", nil
	case atUser, atEvent:
		p.hold.Store(command)
		return "will stop", nil
	}
	exhaust, ok := exhaustions[command]
	if !ok {
		return "", fmt.Errorf("there is no command %q", command)
	}
	var err error
	p.free, err = exhaust(p.config.Dir)
	return "exhausted", err
}

// A site is an application behind a proxy, whose one process is killed and started
// again.
type site struct {
	*app   // its URL is the proxy's
	t      *testing.T
	config siteConfig
	idp    *ginauthtest.Provider
	target atomic.Pointer[url.URL] // of the process; nil: there is none

	cmd   *exec.Cmd
	end   func() // of its process group; it may be called again
	input io.WriteCloser
	lines chan string // what the process says
}

func newSite(t *testing.T, attr *syscall.SysProcAttr, mount bool) *site {
	t.Helper()
	s := &site{t: t, idp: newIDP(t, ginauthtest.Config{})}
	s.app = &app{log: &logBuffer{}, Server: httptest.NewServer(&httputil.ReverseProxy{
		// A request goes to the process that runs then, over a connection of its own.
		Transport:    &http.Transport{DisableKeepAlives: true},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(s.target.Load())
			r.Out.Host = r.In.Host
		},
	})}
	t.Cleanup(s.Close)
	s.config = siteConfig{
		Dir: t.TempDir(), Mount: mount, BaseURL: s.URL,
		Issuer: s.idp.Issuer(), ClientID: s.idp.ClientID(), ClientSecret: s.idp.ClientSecret(),
	}
	s.start(attr)
	return s
}

// start starts a process. Its log is the site's.
func (s *site) start(attr *syscall.SysProcAttr) {
	s.t.Helper()
	config, err := json.Marshal(s.config)
	if err != nil {
		s.t.Fatal(err)
	}
	s.cmd = exec.Command(os.Args[0])
	s.cmd.Env = append(os.Environ(), siteVariable+"="+string(config))
	s.cmd.Stderr, s.cmd.SysProcAttr = s.log, attr
	if s.input, err = s.cmd.StdinPipe(); err != nil {
		s.t.Fatal(err)
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	s.end, err = procgroup.Start(s.cmd)
	if err != nil && attr != nil {
		servertest.Missing(s.t, "the right to mount a disk of one's own ("+err.Error()+")")
	} else if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(s.kill)
	lines := make(chan string, 8)
	go func() {
		defer close(lines)
		for said := bufio.NewScanner(out); said.Scan(); {
			lines <- said.Text()
		}
	}()
	s.lines = lines
	said := s.reads("")
	if strings.HasPrefix(said, "error mounting") {
		s.t.Skip(said)
	}
	addr, ok := strings.CutPrefix(said, "at ")
	if !ok {
		s.t.Fatalf("the process said %q\n%s", said, s.log)
	}
	s.target.Store(&url.URL{Scheme: "http", Host: addr})
}

// kill kills the process (SIGKILL), wherever it is.
func (s *site) kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	s.end()
}

// reads is the next line of the process, which begins with want.
func (s *site) reads(want string) string {
	s.t.Helper()
	line := "nothing"
	select {
	case line = <-s.lines:
	case <-time.After(patience):
	}
	if !strings.HasPrefix(line, want) {
		s.t.Fatalf("the process said %q, not %q\n%s", line, want, s.log)
	}
	return line
}

// tell gives the process a command, and fails the test unless it answers with want.
func (s *site) tell(command, want string) {
	s.t.Helper()
	if _, err := fmt.Fprintln(s.input, command); err != nil {
		s.t.Fatal(err)
	}
	s.reads(want)
}
