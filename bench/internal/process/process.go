// Package process runs servers in processes of their own, which end with the one
// that started them.
package process

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/ginauth/ginauth/internal/procgroup"
)

// listening begins the line by which a server says where it answers.
const listening = "listening on "

// A Process is a server that runs.
type Process struct {
	Addr  string // what it announced
	cmd   *exec.Cmd
	end   func() // of its process group
	stdin io.Closer
}

// Start runs a server, and waits until it has announced where it listens.
func Start(cmd *exec.Cmd) (*Process, error) {
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	end, err := procgroup.Start(cmd)
	if err != nil {
		return nil, err
	}
	p := &Process{cmd: cmd, end: end, stdin: stdin}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	addr, ok := strings.CutPrefix(strings.TrimSpace(line), listening)
	if err != nil || !ok {
		return nil, errors.Join(fmt.Errorf("%s did not start, it said %q", strings.Join(cmd.Args, " "), line), err, p.Stop())
	}
	p.Addr = addr
	return p, nil
}

// ID is the process's number.
func (p *Process) ID() int { return p.cmd.Process.Pid }

// Stop closes the server's stdin, by which it ends.
func (p *Process) Stop() error {
	defer p.end()
	_ = p.stdin.Close()
	return p.cmd.Wait()
}

// Announce is the server's part of Start.
func Announce(addr string) { fmt.Println(listening + addr) }

// Left returns when the program that started this process has stopped it, or has ended.
func Left() error {
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}
