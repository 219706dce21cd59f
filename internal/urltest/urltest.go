// Package urltest asks Node.js how it parses a text as a URL: its parser follows the
// WHATWG URL Standard, as browsers do. Tests compare the code with its answers. The
// package does not know how ginauth parses URLs.
package urltest

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"io"
	"os/exec"
	"testing"

	"github.com/ginauth/ginauth/internal/servertest"
)

//go:embed parse.js
var program string

// A Question is a text, and the URL of the page on which it stands, "" for none.
type Question struct{ URL, Base string }

// MarshalJSON writes what the program reads.
func (q Question) MarshalJSON() ([]byte, error) { return json.Marshal([2]string{q.URL, q.Base}) }

// An Answer is what Node.js makes of a Question; it is zero where it is no URL.
type Answer struct {
	Origin, Href string
	User         bool // it has a user name or a password
}

// UnmarshalJSON reads what the program writes.
func (a *Answer) UnmarshalJSON(text []byte) error {
	if string(text) == "0" {
		return nil
	}
	return json.Unmarshal(text, &[3]any{&a.Origin, &a.Href, &a.User})
}

// A Node is one process of Node.js. It answers one goroutine at a time.
type Node struct {
	t       testing.TB
	in      io.WriteCloser
	answers *bufio.Reader
}

// New starts a Node, which ends with the test. Without Node.js the test is skipped,
// and fails where CI is true.
func New(t testing.TB) *Node {
	t.Helper()
	path, err := exec.LookPath("node")
	if err != nil {
		servertest.Missing(t, "node")
	}
	cmd := exec.Command(path, "-e", program)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // it ends with its input, also when this process dies
		_ = in.Close()
		_ = cmd.Wait()
	})
	return &Node{t, in, bufio.NewReaderSize(out, 1<<20)}
}

// Ask answers questions in their order.
func (n *Node) Ask(questions []Question) []Answer {
	n.t.Helper()
	if len(questions) == 0 {
		return nil
	}
	line, err := json.Marshal(questions)
	if err != nil {
		n.t.Fatal(err)
	}
	if _, err := n.in.Write(append(line, '\n')); err != nil {
		n.t.Fatal(err)
	}
	text, err := n.answers.ReadBytes('\n')
	if err != nil {
		n.t.Fatal(err)
	}
	answers := make([]Answer, 0, len(questions))
	if err := json.Unmarshal(text, &answers); err != nil || len(answers) != len(questions) {
		n.t.Fatalf("%d answers to %d questions: %v", len(answers), len(questions), err)
	}
	return answers
}
