package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ginauth/ginauth/internal/procgroup"
)

// startRedis runs a redis-server of our own on a free port, whose data are in a
// temporary folder, and waits until it answers. stop ends it.
func startRedis(ctx context.Context) (addr string, stop func(), err error) {
	dir, err := os.MkdirTemp("", "soak-redis")
	if err != nil {
		return "", nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	addr = listener.Addr().String()
	port := strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
	_ = listener.Close()
	// As the documentation of redisstore has it: evicts nothing, forgets nothing.
	cmd := exec.Command("redis-server", "--bind", "127.0.0.1", "--port", port, "--dir", dir,
		"--save", "", "--appendonly", "yes", "--maxmemory-policy", "noeviction")
	end, err := procgroup.Start(cmd)
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	stop = func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
		end()
		_ = os.RemoveAll(dir)
	}
	client := redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1})
	defer client.Close()
	if err := eventually(ctx, 10*time.Second, func() error { return client.Ping(ctx).Err() }); err != nil {
		stop()
		return "", nil, fmt.Errorf("redis-server: %w", err)
	}
	return addr, stop, nil
}

// eventually asks until there is no error, for as long as patience lasts.
func eventually(ctx context.Context, patience time.Duration, ask func() error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ask()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return err
		}
	}
}
