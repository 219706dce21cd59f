// Command http measures how many requests a second one core answers behind
// RequireSession, and beside it what the libraries of next-auth and Auth.js do on
// the same core for the same request. From the folder bench:
//
//	npm --prefix http/node ci
//	go run ./http
//
// It needs Linux with two cores, wrk, taskset and Node.js. Each server is a process
// of its own on one core; wrk has the other. Every answer is checked before it is
// measured and behind, and nothing counts while the server's core has time to spare.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/ginauth/ginauth/bench/internal/document"
)

// plan is how long and how often is measured.
type plan struct {
	warmUp, round time.Duration
	rounds        int
}

var (
	long  = plan{warmUp: 2 * time.Second, round: 3 * time.Second, rounds: 5}
	short = plan{round: time.Second, rounds: 1}
)

func main() {
	log.SetFlags(0)
	brief := flag.Bool("short", false, "one round of a second: checks the answers and says nothing of the targets")
	file := flag.String("write", "", "put the table into this `file`, between <!-- http --> and <!-- end http -->")
	profile := flag.String("profile", "", "write a CPU profile of the guarded Gin application to this `file`, and measure nothing else")
	node := flag.String("node", "http/node", "`folder` of the Express applications")
	guard := flag.String("serve", "", "be the Gin application with this `guard`: the program starts itself so")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	switch {
	case *guard != "":
		err = serve(*guard, *profile)
	case *profile != "":
		err = profileGuarded(ctx, *profile)
	default:
		err = compare(ctx, *node, *brief, *file)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// compare measures all servers and prints the table and what it says of the
// targets.
func compare(ctx context.Context, node string, brief bool, file string) error {
	how := long
	if brief {
		how = short
	}
	rows, err := servers(node)
	if err != nil {
		return err
	}
	defer func() {
		for _, r := range rows {
			if r.child != nil {
				_ = r.child.Stop()
			}
		}
	}()
	for _, r := range rows {
		if err := r.start(ctx); err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		if how.warmUp == 0 {
			continue
		}
		if err := r.measure(ctx, how.warmUp); err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		r.runs = nil
	}
	// In turns, so that whatever else the machine does befalls all of them.
	for range how.rounds {
		for _, r := range rows {
			if err := r.measure(ctx, how.round); err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
		}
	}
	text := table(rows)
	fmt.Print(text)
	if brief {
		return nil
	}
	targets := judge(rows)
	fmt.Print("\n" + targets)
	if file == "" {
		return nil
	}
	return document.Write(file, "http", text+"\n"+targets)
}

// profileGuarded loads the guarded Gin application for ten seconds.
func profileGuarded(ctx context.Context, file string) (err error) {
	rows, err := servers("")
	if err != nil {
		return err
	}
	r := rows[guarded]
	r.command = append(r.command, "-profile", file)
	if err := r.start(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.child.Stop()) }()
	return r.measure(ctx, 10*time.Second)
}
