package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/ginauth/ginauth/internal/procgroup"
)

// connections is how many requests wrk keeps under way: enough that the server
// always has one to answer, few enough that none waits long.
const connections = 32

// A measurement is what wrk says of one run.
type measurement struct {
	requests int
	took     time.Duration
	p50, p99 time.Duration
	// trouble is what wrk reports beside answers: socket errors, and any
	// status but 2xx and 3xx. Empty when all went well.
	trouble []string
}

// rate is in requests per second.
func (m measurement) rate() float64 { return float64(m.requests) / m.took.Seconds() }

// wrk sends a request over and over, from the core that the server does not have.
func wrk(ctx context.Context, addr string, r request, length time.Duration) (measurement, error) {
	args := []string{"-c", clientCore, "wrk", "--threads", "1", "--connections", strconv.Itoa(connections),
		"--duration", strconv.Itoa(int(length.Seconds())) + "s", "--latency"}
	for _, h := range r.headers {
		args = append(args, "--header", h.name+": "+h.value)
	}
	var out, complaints bytes.Buffer
	cmd := exec.CommandContext(ctx, "taskset", append(args, "http://"+addr+"/")...)
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := procgroup.Run(cmd); err != nil {
		return measurement{}, fmt.Errorf("wrk: %w: %s", err, complaints.String())
	}
	return parse(out.String())
}

var (
	total    = regexp.MustCompile(`^(\d+) requests in ([0-9.]+[a-z]+),`)
	quantile = regexp.MustCompile(`^(50|99)% +([0-9.]+[a-z]+)$`)
)

// parse reads what wrk 4 prints.
func parse(out string) (measurement, error) {
	var m measurement
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		if found := total.FindStringSubmatch(line); found != nil {
			var err error
			if m.requests, err = strconv.Atoi(found[1]); err != nil {
				return measurement{}, fmt.Errorf("wrk: %w", err)
			}
			if m.took, err = time.ParseDuration(found[2]); err != nil {
				return measurement{}, fmt.Errorf("wrk: %w", err)
			}
		}
		if found := quantile.FindStringSubmatch(line); found != nil {
			d, err := time.ParseDuration(found[2])
			if err != nil {
				return measurement{}, fmt.Errorf("wrk: %w", err)
			}
			if found[1] == "50" {
				m.p50 = d
			} else {
				m.p99 = d
			}
		}
		if strings.HasPrefix(line, "Socket errors:") || strings.HasPrefix(line, "Non-2xx") {
			m.trouble = append(m.trouble, line)
		}
	}
	if m.requests == 0 || m.took <= 0 {
		return measurement{}, fmt.Errorf("wrk: no requests in its output:\n%s", out)
	}
	return m, nil
}
