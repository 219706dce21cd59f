package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/ginauth/ginauth/internal/procgroup"
)

// errNotInstalled says that there is no next-auth to compare with.
var errNotInstalled = errors.New("not measured: next-auth, which `npm --prefix bench/node ci` installs")

// reading is what node/token.mjs reports.
type reading struct {
	Subjects    []string // what it read for each cookie, "" for nothing
	Nanoseconds float64  // for each call; 0 with no rounds
}

// askNode lets next-auth read the session cookies, one after the other, and then
// measures that in rounds.
func askNode(values []string, rounds int, slice time.Duration) (*reading, error) {
	if _, err := os.Stat("node/node_modules/next-auth"); err != nil && os.Getenv("CI") != "true" {
		return nil, errNotInstalled
	}
	cookies := (&site{cookie: sessionCookie, values: values}).cookies()
	input, err := json.Marshal(map[string]any{
		"secret": secret, "cookies": cookies, "rounds": rounds, "milliseconds": float64(slice) / 1e6,
	})
	if err != nil {
		return nil, err
	}
	command := exec.Command("node", "node/token.mjs")
	var output bytes.Buffer
	command.Stdin, command.Stdout, command.Stderr = bytes.NewReader(input), &output, os.Stderr
	if err := procgroup.Run(command); err != nil {
		return nil, fmt.Errorf("node/token.mjs: %w", err)
	}
	r := &reading{}
	if err := json.Unmarshal(output.Bytes(), r); err != nil {
		return nil, fmt.Errorf("node/token.mjs: %w", err)
	}
	return r, nil
}

// nextAuth is the time, in nanoseconds, of next-auth's getToken for the tokens that
// ginauth has sealed.
func nextAuth(all *crowd, rounds int, slice time.Duration) (float64, error) {
	r, err := askNode(all.tokens, rounds, slice)
	if err != nil {
		return 0, err
	}
	if len(r.Subjects) != len(all.people) {
		return 0, fmt.Errorf("next-auth read %d of %d sessions", len(r.Subjects), len(all.people))
	}
	for i, got := range r.Subjects {
		if want := all.people[i].Subject; got != want {
			return 0, fmt.Errorf("next-auth read %q, want %q", got, want)
		}
	}
	return r.Nanoseconds, nil
}
