//go:build unix

package servertest_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ginauth/ginauth/internal/servertest"
)

// ask sends a line to a server and returns the first of its answer.
func ask(t *testing.T, addr, line string) (string, error) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(conn, "%s\r\n", line); err != nil {
		return "", err
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	return strings.TrimSpace(answer), err
}

func TestServers(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name           string
		start          func(testing.TB) *servertest.Server
		write, written string
		read, kept     string // after a restart
	}{
		{"redis", func(t testing.TB) *servertest.Server { return servertest.Redis(t) }, "SET k v", "+OK", "GET k", "$1"},
		{"memcached", servertest.Memcached, "set k 0 0 1\r\nv", "STORED", "get k", "END"},
		{name: "postgres", start: servertest.Postgres},
		{name: "mariadb", start: servertest.MariaDB},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			s := row.start(t)
			addr := s.Addr()
			if row.write != "" {
				if got, err := ask(t, addr, row.write); got != row.written {
					t.Fatalf("%q %v", got, err)
				}
				s.Pause()
				// Not the server's group, and not its concern.
				if err := syscall.Kill(0, syscall.SIGCONT); err != nil {
					t.Error(err)
				}
				if got, err := ask(t, addr, row.read); err == nil {
					t.Errorf("paused, it answers %q", got)
				}
				s.Resume()
			}
			for how, end := range map[string]func(){"stopped": s.Stop, "killed": s.Kill} {
				end()
				if conn, err := net.Dial("tcp", addr); err == nil {
					_ = conn.Close()
					t.Errorf("%s, it takes connections", how)
				}
				s.Start()
				if s.Addr() != addr {
					t.Errorf("it moved from %s to %s", addr, s.Addr())
				}
				if row.read != "" {
					if got, err := ask(t, addr, row.read); got != row.kept {
						t.Errorf("%s and started, it answers %q %v, want %q", how, got, err, row.kept)
					}
				}
			}
		})
	}
}

// Without the program a test is skipped on a laptop, and fails where all of them
// must run.
func TestMissing(t *testing.T) {
	t.Parallel()
	const child = "SERVERTEST_CHILD"
	if os.Getenv(child) != "" {
		servertest.Redis(t)
		t.Fatal("it was found")
	}
	for ci, want := range map[string]string{"": "--- SKIP: TestMissing", "true": "--- FAIL: TestMissing"} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestMissing$", "-test.v")
		cmd.Env = []string{child + "=1", "CI=" + ci, "PATH=/nonexistent"}
		if out, _ := cmd.CombinedOutput(); !strings.Contains(string(out), want) || !strings.Contains(string(out), "redis-server is missing") {
			t.Errorf("CI=%q: %s", ci, out)
		}
	}
}

// With -short a test that asks for a server is skipped, also where all must run.
func TestShort(t *testing.T) {
	t.Parallel()
	const child = "SERVERTEST_SHORT"
	if os.Getenv(child) != "" {
		servertest.Redis(t)
		t.Fatal("it was started")
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestShort$", "-test.v", "-test.short")
	cmd.Env = append(os.Environ(), child+"=1", "CI=true")
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- SKIP: TestShort") {
		t.Errorf("%v: %s", err, out)
	}
}

// A server is gone when the test's process has died, and with it all cleanup.
func TestServers_TestDies(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short starts no server")
	}
	const child = "SERVERTEST_DIES"
	if name := os.Getenv(child); name != "" {
		start := map[string]func(testing.TB) *servertest.Server{
			"redis":    func(t testing.TB) *servertest.Server { return servertest.Redis(t) },
			"postgres": servertest.Postgres, "mariadb": servertest.MariaDB,
		}[name]
		s := start(t)
		fmt.Println("at", s.Addr())
		panic("a test's fault")
	}
	for _, name := range []string{"redis", "postgres", "mariadb"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0], "-test.run=^TestServers_TestDies$", "-test.v")
			cmd.Env = append(os.Environ(), child+"="+name, "TMPDIR="+openDir(t))
			out, err := cmd.CombinedOutput()
			if strings.Contains(string(out), "is missing") {
				t.Skip(name + " is missing")
			}
			_, addr, ok := strings.Cut(string(out), "at 127.0.0.1:")
			addr, _, _ = strings.Cut(addr, "\n")
			if !ok || err == nil || !strings.Contains(string(out), "panic: a test's fault") {
				t.Fatalf("%v: %s", err, out)
			}
			for deadline := time.Now().Add(30 * time.Second); ; {
				conn, err := net.Dial("tcp", "127.0.0.1:"+addr)
				if err != nil {
					return
				}
				_ = conn.Close()
				if time.Now().After(deadline) {
					t.Fatal("the server is left")
				}
			}
		})
	}
}

// openDir is one that other users may enter, and that goes with the test.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "servertest")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}
