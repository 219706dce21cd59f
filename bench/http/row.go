package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/ginauth/ginauth/bench/internal/process"
	"github.com/ginauth/ginauth/internal/token"
)

// A row is a server, the request that it gets, and what was measured of it.
type row struct {
	name       string
	dir        string
	env        []string
	command    []string
	request    request
	answersAll bool // asks nobody for a session

	child *process.Process
	runs  []run
}

// A run is one measurement, with the share of its core that the server used.
type run struct {
	measurement
	share float64
}

// The rows that the targets are about.
const (
	unguarded = iota
	guarded
	withHeaders
	withContexts
	unguarded2KB
	guarded2KB
	guardedAuthJS
	express
	expressGetToken
	expressGetSession
)

// servers lists the rows. node is the folder of the Express applications.
func servers(node string) ([]*row, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	secret := token.Random()
	answer, err := json.Marshal(somebody)
	if err != nil {
		return nil, err
	}
	// An access token of the length that some providers make them.
	access := map[string]any{"accessToken": strings.Repeat("ya29.A0AfH6SM", 158)}
	v4, err4 := newRequest(token.V4, cookiesV4, secret, nil)
	large, errLarge := newRequest(token.V4, cookiesV4, secret, access)
	v5, err5 := newRequest(token.V5, cookiesV5, secret, nil)
	if err := errors.Join(err4, errLarge, err5); err != nil {
		return nil, err
	}
	gin := func(guard string) []string { return []string{self, "-serve", guard} }
	js := func(reader string) []string { return []string{"node", "server.mjs", reader} }
	rows := []*row{
		unguarded:         {name: "Gin, no guard", command: gin(open), request: v4, answersAll: true},
		guarded:           {name: "Gin, `RequireSession`", command: gin(guardedV4), request: v4},
		withHeaders:       {name: "Gin, no guard, with the guard's headers", command: gin(headers), request: v4, answersAll: true},
		withContexts:      {name: "Gin, no guard, with the guard's headers and contexts", command: gin(contexts), request: v4, answersAll: true},
		unguarded2KB:      {name: "Gin, no guard, 2 KB token", command: gin(open), request: large, answersAll: true},
		guarded2KB:        {name: "Gin, `RequireSession`, 2 KB token", command: gin(guardedV4), request: large},
		guardedAuthJS:     {name: "Gin, `RequireSession`, `AuthJSV5`", command: gin(guardedV5), request: v5},
		express:           {name: "Express 5, no guard", dir: node, command: js(open), request: v4, answersAll: true},
		expressGetToken:   {name: "Express 5, next-auth 4's `getToken`", dir: node, command: js("getToken"), request: v4},
		expressGetSession: {name: "Express 5, @auth/express's `getSession`", dir: node, command: js("getSession"), request: v5},
	}
	for _, r := range rows {
		r.env = []string{envSecret + "=" + secret, envAnswer + "=" + string(answer), "GIN_MODE=release", "GOMAXPROCS=1", "NODE_ENV=production"}
	}
	return rows, nil
}

func (r *row) start(ctx context.Context) (err error) {
	r.child, err = start(ctx, r.dir, r.env, r.command...)
	return err
}

// measure loads the server for a while, and keeps what came of it. The answer is
// checked on both sides of it: wrk takes a redirect for a success, and looks at no
// body.
func (r *row) measure(ctx context.Context, length time.Duration) error {
	if err := r.request.check(r.child.Addr, r.answersAll); err != nil {
		return err
	}
	before, err := used(r.child)
	if err != nil {
		return err
	}
	begun := time.Now()
	m, err := wrk(ctx, r.child.Addr, r.request, length)
	took := time.Since(begun)
	if err != nil {
		return err
	}
	after, err := used(r.child)
	if err != nil {
		return err
	}
	if len(m.trouble) > 0 {
		return fmt.Errorf("wrk reports %s", strings.Join(m.trouble, "; "))
	}
	r.runs = append(r.runs, run{m, (after - before).Seconds() / took.Seconds()})
	return r.request.check(r.child.Addr, r.answersAll)
}

// counted are the runs in which the server had no time to spare; the others measured
// wrk, or what else the machine did.
func (r *row) counted() []run {
	return slices.DeleteFunc(slices.Clone(r.runs), func(r run) bool { return r.share < saturated })
}

// byRate has the runs that count, slowest first; all of them where none does.
func (r *row) byRate() []run {
	runs := r.counted()
	if len(runs) == 0 {
		runs = slices.Clone(r.runs)
	}
	slices.SortFunc(runs, func(a, b run) int { return cmp.Compare(a.rate(), b.rate()) })
	return runs
}

// middle is the run with the median rate; of an even number the slower one.
func (r *row) middle() run {
	runs := r.byRate()
	return runs[(len(runs)-1)/2]
}
