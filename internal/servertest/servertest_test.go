package servertest_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
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
