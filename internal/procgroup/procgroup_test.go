//go:build unix

package procgroup_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ginauth/ginauth/internal/procgroup"
)

const (
	patience = 30 * time.Second
	// child is set for a copy of this program that starts a server, and says how the
	// copy ends.
	child = "PROCGROUP_TEST_CHILD"
	// family is a server with a process of its own. Both keep their output open.
	family = "sleep 1000 & echo up; wait"
)

func TestMain(m *testing.M) {
	how := os.Getenv(child)
	if how == "" {
		os.Exit(m.Run())
	}
	cmd := exec.Command("sh", "-c", family)
	cmd.Stdout = os.Stdout
	if _, err := procgroup.Start(cmd); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	_, _ = io.Copy(io.Discard, os.Stdin) // until the test has seen the server
	switch how {
	case "panic":
		panic("a test's fault")
	case "exit":
		os.Exit(1)
	}
	select {}
}

// wait returns when no process has the output open any more, and fails the test if
// one keeps it.
func wait(t *testing.T, output *os.File) {
	t.Helper()
	if err := output.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, output); err != nil {
		t.Errorf("a process is left: %v", err)
	}
}

// up reads a server's first line.
func up(t *testing.T, output *os.File) {
	t.Helper()
	if line, err := bufio.NewReader(output).ReadString('\n'); err != nil || line != "up\n" {
		t.Fatalf("the server said %q, %v", line, err)
	}
}

func TestStart_ParentDies(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"panic", "exit", "kill"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), child+"="+how)
			cmd.Stdout = w
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			_ = w.Close()
			up(t, r)
			if how == "kill" {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
			_ = in.Close()
			if err := cmd.Wait(); err == nil {
				t.Error("the copy ended well")
			}
			wait(t, r)
		})
	}
}

// What a server started is gone with it, also when the server ended by itself.
func TestStart_End(t *testing.T) {
	t.Parallel()
	for _, script := range []string{family, "sleep 1000 & echo up"} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		cmd := exec.Command("sh", "-c", script)
		cmd.Stdout = w
		end, err := procgroup.Start(cmd)
		if err != nil {
			t.Fatal(err)
		}
		_ = w.Close()
		up(t, r)
		if group, err := syscall.Getpgid(cmd.Process.Pid); err == nil && group == syscall.Getpgrp() {
			t.Error("it has no group of its own")
		}
		end()
		_ = cmd.Wait()
		wait(t, r)
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	cmd := exec.Command("sh", "-c", "echo said; exit 3")
	cmd.Stdout = &out
	if err := procgroup.Run(cmd); err == nil || cmd.ProcessState.ExitCode() != 3 || out.String() != "said\n" {
		t.Errorf("%v, %q", err, out.String())
	}
	if err := procgroup.Run(exec.Command("/nowhere")); err == nil {
		t.Error("a program that is not there ran")
	}
}
