// Package servertest runs real servers for tests: Redis, PostgreSQL, MariaDB,
// memcached, nginx and HAProxy, each on a free port of the loopback and with its data in a temporary
// folder. A test can stop or kill one and start it again. A server ends with the test's
// process, however that ends (see procgroup). The package does not know what is stored.
package servertest

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/ginauth/ginauth/internal/procgroup"
)

// patience is how long a server may take to answer or to end, on a machine that
// is busy with other tests.
const patience = 30 * time.Second

// A Server is one that a test started.
type Server struct {
	t       testing.TB
	dir     string
	port    int
	command func(dir string, port int) *exec.Cmd
	running *exec.Cmd
	end     func() // kills what is left of the server's process group
	ended   chan error
	output  *bytes.Buffer
}

// Redis starts a Redis that keeps its data over Stop and Start, with further
// settings as redis-server takes them in its command line.
func Redis(t testing.TB, settings ...string) *Server {
	t.Helper()
	binary := find(t, "redis-server")
	return begin(t, t.TempDir(), func(dir string, port int) *exec.Cmd {
		return exec.Command(binary, append([]string{"--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--dir", dir,
			"--save", "", "--appendonly", "yes", "--appendfsync", "no"}, settings...)...)
	})
}

// Memcached starts a memcached, which forgets everything at Stop.
func Memcached(t testing.TB) *Server {
	t.Helper()
	binary := find(t, "memcached")
	return begin(t, t.TempDir(), func(_ string, port int) *exec.Cmd {
		return exec.Command(binary, "-l", "127.0.0.1", "-p", strconv.Itoa(port), "-U", "0", "-u", "nobody")
	})
}

// Postgres starts a PostgreSQL with the user and database postgres, who needs no
// password.
func Postgres(t testing.TB) *Server {
	t.Helper()
	postgres, initdb := find(t, "postgres"), find(t, "initdb")
	dir := openDir(t)
	as := unprivileged(t, "postgres", dir)
	made := exec.Command(initdb, "-D", filepath.Join(dir, "data"), "-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8", "--locale", "C")
	made.SysProcAttr, made.Dir = as, dir
	prepare(t, made)
	return begin(t, dir, func(dir string, port int) *exec.Cmd {
		cmd := exec.Command(postgres, "-D", filepath.Join(dir, "data"), "-p", strconv.Itoa(port),
			"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off")
		cmd.SysProcAttr, cmd.Dir = as, dir
		return cmd
	})
}

// MariaDB starts a MariaDB with the user root, who needs no password, and the
// database test.
func MariaDB(t testing.TB) *Server {
	t.Helper()
	mariadbd, install := find(t, "mariadbd"), find(t, "mariadb-install-db")
	dir := openDir(t)
	as := unprivileged(t, "mysql", dir)
	made := exec.Command(install, "--no-defaults", "--datadir="+filepath.Join(dir, "data"), "--auth-root-authentication-method=normal",
		"--tmpdir="+dir) // in /tmp two at once take each other's tables
	made.SysProcAttr, made.Dir = as, dir
	prepare(t, made)
	return begin(t, dir, func(dir string, port int) *exec.Cmd {
		cmd := exec.Command(mariadbd, "--no-defaults", "--datadir="+filepath.Join(dir, "data"), "--tmpdir="+dir, "--port", strconv.Itoa(port),
			"--bind-address=127.0.0.1", "--socket="+filepath.Join(dir, "socket"), "--skip-name-resolve",
			"--innodb-flush-log-at-trx-commit=2", "--innodb-buffer-pool-size=16M", "--max-connections=200")
		cmd.SysProcAttr, cmd.Dir = as, dir
		return cmd
	})
}

// prepare makes a database's files.
func prepare(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := procgroup.Run(cmd); err != nil {
		t.Fatalf("%s: %v\n%s", cmd.Path, err, out.Bytes())
	}
}

// openDir is not t.TempDir, whose parent is closed to the users as whom databases
// run.
func openDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "servertest")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// unprivileged is how databases have to run: they refuse root.
func unprivileged(t testing.TB, name, dir string) *syscall.SysProcAttr {
	t.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		Missing(t, "the user "+name)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	if err := os.Chown(dir, uid, gid); err != nil {
		t.Fatal(err)
	}
	return asUser(uid, gid)
}

// find returns the path of a server's program. With -short, which is for the tests
// without servers, it skips the test. Without the program see Missing.
func find(t testing.TB, name string) string {
	t.Helper()
	if testing.Short() {
		t.Skipf("-short starts no %s", name)
	}
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	// Debian keeps PostgreSQL's programs out of PATH.
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if len(found) == 0 {
		Missing(t, name)
	}
	return found[len(found)-1]
}

// Missing skips a test because the machine lacks something, and fails it if CI is
// true.
func Missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is missing, and CI=true demands it", what)
	}
	t.Skipf("%s is missing", what)
}

// begin starts a server on a free port. Another program may take the port first:
// then it tries another.
func begin(t testing.TB, dir string, command func(dir string, port int) *exec.Cmd) *Server {
	t.Helper()
	s := &Server{t: t, dir: dir, command: command}
	var err error
	for range 5 {
		s.port = freePort(t)
		if err = s.start(); err == nil {
			t.Cleanup(s.Stop)
			return s
		}
	}
	t.Fatal(err)
	return nil
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// Addr is the server's host:port, the same after Stop and Start.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// Stop ends the server, and returns when nothing answers any more.
func (s *Server) Stop() {
	s.t.Helper()
	if s.running == nil {
		return
	}
	sig := syscall.SIGTERM
	if filepath.Base(s.running.Path) == "postgres" {
		sig = syscall.SIGINT // its fast shutdown: SIGTERM waits for all clients
	}
	_ = s.running.Process.Signal(sig)
	select {
	case <-s.ended:
	case <-time.After(patience):
		_ = s.running.Process.Kill()
		<-s.ended
	}
	s.gone()
}

// Kill ends the server as a crash does (SIGKILL): it tells no client and saves
// nothing more.
func (s *Server) Kill() {
	s.signal(syscall.SIGKILL)
	<-s.ended
	s.gone()
}

// gone forgets a server that has ended, and ends what it left.
func (s *Server) gone() {
	s.end()
	s.running = nil
}

// Start starts a stopped or killed server again, on its port and with its data. It
// may be in its own way for a moment: while processes of a PostgreSQL that was
// killed still end, the next one refuses to start.
func (s *Server) Start() {
	s.t.Helper()
	err := s.start()
	for deadline := time.Now().Add(patience); err != nil && time.Now().Before(deadline); {
		err = s.start()
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *Server) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.running.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

func (s *Server) start() error {
	cmd := s.command(s.dir, s.port)
	s.output = &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = s.output, s.output
	end, err := procgroup.Start(cmd)
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	s.running, s.end, s.ended = cmd, end, ended
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) {
		select {
		case err := <-ended:
			s.gone()
			return fmt.Errorf("servertest: %s ended: %w\n%s", cmd.Path, errors.Join(err), s.output)
		case <-time.After(10 * time.Millisecond):
		}
		if s.answers() {
			return nil
		}
	}
	s.Stop()
	return fmt.Errorf("servertest: %s does not answer", cmd.Path)
}
