package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/ginauth/ginauth/internal/procgroup"
)

// errNotInstalled says that there is nothing of Node.js to compare with.
var errNotInstalled = errors.New("not measured: the libraries of Node.js, which `npm --prefix bench/node ci` installs")

// A nodePeer is a library of Node.js, and the program that measures it there by itself.
type nodePeer struct {
	name    string
	program string
	input   func(*crowd) map[string]any
	most    int // sessions
}

// nodePeers are all of them.
func nodePeers() []nodePeer {
	people := func(guarded bool) func(*crowd) map[string]any {
		return func(all *crowd) map[string]any {
			return map[string]any{"people": all.people, "others": otherCookies, "guarded": guarded}
		}
	}
	return []nodePeer{
		{nextAuthToken, "token.mjs", func(all *crowd) map[string]any {
			return map[string]any{"cookies": (&site{cookie: sessionCookie, values: all.tokens}).cookies()}
		}, 10_000},
		{"Fastify alone, through `inject`", "fastify.mjs", people(false), 10_000},
		{"@fastify/secure-session, through `inject`", "fastify.mjs", people(true), 10_000},
		{"better-auth, `getSession` with its cookie cache", "better-auth.mjs", people(true), 1000},
	}
}

func isNode(name string) bool {
	for _, p := range nodePeers() {
		if p.name == name {
			return true
		}
	}
	return false
}

// A reading is what a program of Node.js reports.
type reading struct {
	Subjects    []string // what it read of each session, "" for nothing
	Nanoseconds float64  // for each call; 0 with no rounds
}

// askNode lets a program read the sessions, one after the other, and then measures that
// in rounds.
func askNode(program string, input map[string]any, rounds int, slice time.Duration) (*reading, error) {
	if _, err := os.Stat("node/node_modules/next-auth"); err != nil && os.Getenv("CI") != "true" {
		return nil, errNotInstalled
	}
	input["secret"], input["rounds"], input["milliseconds"] = secret, rounds, float64(slice)/1e6
	raw, err := json.Marshal(input)
	if err != nil {
		return nil, err
	}
	command := exec.Command("node", "node/"+program)
	var output bytes.Buffer
	command.Stdin, command.Stdout, command.Stderr = bytes.NewReader(raw), &output, os.Stderr
	if err := procgroup.Run(command); err != nil {
		return nil, fmt.Errorf("node/%s: %w", program, err)
	}
	r := &reading{}
	if err := json.Unmarshal(output.Bytes(), r); err != nil {
		return nil, fmt.Errorf("node/%s: %w", program, err)
	}
	return r, nil
}

// measure is the time, in nanoseconds, of one reading. Each session has to be read as
// that of the right person.
func (p nodePeer) measure(all *crowd, rounds int, slice time.Duration) (float64, error) {
	if len(all.people) > p.most {
		all = &crowd{all.people[:p.most], all.tokens[:p.most]}
	}
	r, err := askNode(p.program, p.input(all), rounds, slice)
	if err != nil {
		return 0, err
	}
	if len(r.Subjects) != len(all.people) {
		return 0, fmt.Errorf("%s read %d of %d sessions", p.name, len(r.Subjects), len(all.people))
	}
	for i, got := range r.Subjects {
		if want := all.people[i].Subject; got != want && !strings.Contains(p.name, "alone") {
			return 0, fmt.Errorf("%s read %q, want %q", p.name, got, want)
		}
	}
	return r.Nanoseconds, nil
}
