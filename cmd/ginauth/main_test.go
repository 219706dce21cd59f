package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
)

// asCommand is set for a copy of this program that is the command.
const asCommand = "GINAUTH_TEST_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	gin.SetMode(gin.TestMode)
	os.Exit(m.Run())
}

// command runs a command line in a process with nothing but the given environment.
func command(t *testing.T, environ []string, args ...string) (status int, out, diagnostics string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append([]string{asCommand + "=1"}, environ...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()
}

// examined runs the doctor twice, as people and as machines run it.
func examined(t *testing.T, environ []string, args ...string) (status int, checks []finding) {
	t.Helper()
	status, out, diagnostics := command(t, environ, append([]string{"doctor", "-json"}, args...)...)
	var report struct {
		Result result
		Checks []finding
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatalf("%v: %s%s", err, out, diagnostics)
	}
	want := map[result]int{right: 0, wrong: 1, unseen: 3}[report.Result]
	if status != want || diagnostics != "" {
		t.Errorf("%s and status %d, %s", report.Result, status, diagnostics)
	}
	again, table, _ := command(t, environ, append([]string{"doctor"}, args...)...)
	if again != status {
		t.Errorf("the table has the status %d, and the JSON %d", again, status)
	}
	for _, f := range report.Checks {
		detail := f.Detail
		if strings.HasSuffix(f.Check, "clock") { // it says by how much, and time went by
			detail, _, _ = strings.Cut(detail, " is ")
		}
		if !strings.Contains(table, detail) || !strings.Contains(table, f.Check) {
			t.Errorf("the table lacks %s: %s\n%s", f.Check, f.Detail, table)
		}
	}
	return status, report.Checks
}

// found reports whether a check came to a result and says so.
func found(checks []finding, check string, of result, says string) bool {
	for _, f := range checks {
		if f.Check == check && f.Result == of && strings.Contains(f.Detail, says) {
			return true
		}
	}
	return false
}

func TestSecret(t *testing.T) {
	t.Parallel()
	status, first, _ := command(t, nil, "secret")
	_, second, _ := command(t, nil, "secret")
	if status != 0 || first == second || strings.Count(first, "\n") != 1 {
		t.Errorf("status %d, %q and %q", status, first, second)
	}
	// The library takes it, as the environment would hand it over.
	if _, err := ginauth.New(ginauth.Options{Secret: strings.TrimSpace(first), BaseURL: "https://app.example.com"}); err != nil {
		t.Error(err)
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		nil, {"docter"}, {"secret", "x"}, {"secret", "-x"}, {"doctor", "-x"}, {"doctor", "a", "b"}, {"doctor", "ftp://a.example"},
		{"doctor", "https://"}, {"doctor", "https://u:p@a.example"}, {"doctor", "https://a.example?x"}, {"doctor", "https://a.example#x"}, {"doctor", "https://a b"},
	} {
		var out, diagnostics bytes.Buffer
		if status := run(context.Background(), args, &out, &diagnostics); status != 2 || out.Len() > 0 || diagnostics.Len() == 0 {
			t.Errorf("%q: status %d, %s%s", args, status, out.String(), diagnostics.String())
		}
	}
}

// A site's words cannot forge a line of the table.
func TestReport_ForgesNoLine(t *testing.T) {
	t.Parallel()
	var r report
	r.add("site", wrong, "%s", "a\nright  site  good\x1b[2J\u202e"+strings.Repeat("é", 2*maxDetail))
	var out bytes.Buffer
	if err := r.write(&out, false); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(out.String(), "\n"); len(lines) != 4 || strings.ContainsAny(out.String(), "\x1b\u202e\r") || out.Len() > 4*maxDetail {
		t.Errorf("got %q", out.String())
	}
}
