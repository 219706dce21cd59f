package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/ginauth/ginauth/bench/internal/process"
)

// The server and wrk have a core each, so that neither takes the other's time.
const (
	serverCore = "0"
	clientCore = "1"
)

// tick is the unit of the times in /proc, USER_HZ, which is the same on every
// Linux that Go runs on.
const tick = 10 * time.Millisecond

// start runs a server on its core.
func start(ctx context.Context, dir string, env []string, command ...string) (*process.Process, error) {
	cmd := exec.CommandContext(ctx, "taskset", append([]string{"-c", serverCore}, command...)...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	return process.Start(cmd)
}

// used is the processor time of a server until now, in all of its threads.
func used(p *process.Process) (time.Duration, error) {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(p.ID()) + "/stat")
	if err != nil {
		return 0, err
	}
	return parseStat(string(raw))
}

// parseStat adds up user and system time, fields 14 and 15 of proc(5). The second
// field is the program's name in brackets, which may hold anything.
func parseStat(stat string) (time.Duration, error) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	const user, system = 14 - 3, 15 - 3
	if len(fields) <= system {
		return 0, fmt.Errorf("/proc: %q has no times", stat)
	}
	u, err := strconv.ParseInt(fields[user], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("/proc: %w", err)
	}
	s, err := strconv.ParseInt(fields[system], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("/proc: %w", err)
	}
	return time.Duration(u+s) * tick, nil
}
