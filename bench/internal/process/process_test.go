package process_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/ginauth/ginauth/bench/internal/process"
)

func TestStart(t *testing.T) {
	t.Parallel()
	p, err := process.Start(exec.Command("sh", "-c", "echo listening on 127.0.0.1:1 127.0.0.1:2; cat"))
	if err != nil {
		t.Fatal(err)
	}
	if p.Addr != "127.0.0.1:1 127.0.0.1:2" || p.ID() == 0 {
		t.Errorf("%+v", p)
	}
	if err := p.Stop(); err != nil { // it ends with its stdin
		t.Error(err)
	}
}

func TestStart_Fails(t *testing.T) {
	t.Parallel()
	for _, script := range []string{"exit 3", "echo no port is free", "printf 'listening on '", "echo listening on 127.0.0.1:1 >&2"} {
		if p, err := process.Start(exec.Command("sh", "-c", script)); err == nil || !strings.Contains(err.Error(), "did not start") {
			t.Errorf("%s: %+v, %v", script, p, err)
		}
	}
	if _, err := process.Start(exec.Command("/nowhere")); err == nil {
		t.Error("a program that is not there started")
	}
}
