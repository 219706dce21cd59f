package gormadapter_test

import (
	"context"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/gormadapter"
	"github.com/ginauth/ginauth/internal/servertest"
)

// A stall is a proxy in front of a server, which can stop to pass anything on: to its
// clients the network hangs.
type stall struct {
	net.Listener
	held atomic.Bool
}

func newStall(t *testing.T, to string) *stall {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	s := &stall{Listener: l}
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", to)
			if err != nil {
				_ = client.Close()
				continue
			}
			go s.pass(server, client)
			go s.pass(client, server)
		}
	}()
	return s
}

// pass copies until one end closes, and swallows what comes while it is held.
func (s *stall) pass(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		if s.held.Load() {
			_, _ = io.Copy(io.Discard, from)
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// What says that it heeds its context ends with it while the network hangs, over
// connections that it has and over new ones.
func TestHeedsContext(t *testing.T) {
	t.Parallel()
	sqlite := migrated(t, opened(t, sqliteIn(t), nil), gormadapter.Options{})
	if sqlite.Sessions().HeedsContext() {
		t.Error("SQLite's driver is not known for it")
	}
	for name, open := range map[string]func(t *testing.T) (string, func(addr string) gorm.Dialector){
		"postgres": func(t *testing.T) (string, func(addr string) gorm.Dialector) {
			return servertest.Postgres(t).Addr(), func(addr string) gorm.Dialector {
				return postgres.Open("postgres://postgres@" + addr + "/postgres?sslmode=disable")
			}
		},
		"mysql": func(t *testing.T) (string, func(addr string) gorm.Dialector) {
			return servertest.MariaDB(t).Addr(), func(addr string) gorm.Dialector { return mysql.Open("root@tcp(" + addr + ")/test") }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr, dialector := open(t)
			proxy := newStall(t, addr)
			db := opened(t, dialector(proxy.Addr().String()), nil)
			a := migrated(t, db, gormadapter.Options{})
			s, r := a.Sessions(), a.Revocations()
			for what, is := range map[string]any{"the sessions": s, "the revocations": r} {
				if h, ok := is.(ginauth.ContextHeeder); !ok || !h.HeedsContext() {
					t.Errorf("%s do not say so", what)
				}
			}
			handle := create(t, s, "ada", time.Now().Add(time.Hour))
			proxy.held.Store(true)
			hour := time.Now().Add(time.Hour)
			for doing, call := range map[string]func(context.Context) error{
				"Create": func(ctx context.Context) error { _, err := s.Create(ctx, "ada", []byte(claims), hour); return err },
				"Get":    func(ctx context.Context) error { _, err := s.Get(ctx, handle); return err },
				"UpdateIf": func(ctx context.Context) error {
					_, err := s.UpdateIf(ctx, handle, []byte(claims), []byte(claims), hour)
					return err
				},
				"Delete":     func(ctx context.Context) error { return s.Delete(ctx, handle) },
				"List":       func(ctx context.Context) error { _, err := s.List(ctx, "ada"); return err },
				"DeleteUser": func(ctx context.Context) error { return s.DeleteUser(ctx, "ada") },
				"Lock":       func(ctx context.Context) error { _, err := s.Lock(ctx, "x"); return err },
				"Revoke":     func(ctx context.Context) error { return r.Revoke(ctx, "x", hour, hour) },
				"RevokedAt":  func(ctx context.Context) error { _, err := r.RevokedAt(ctx, "x"); return err },
			} {
				ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
				began := time.Now()
				err := call(ctx)
				cancel()
				if took := time.Since(began); err == nil || took > 1500*time.Millisecond {
					t.Errorf("%s: %v after %v", doing, err, took)
				} else if strings.Contains(err.Error(), "call Migrate") {
					t.Errorf("%s: %v", doing, err)
				}
			}
		})
	}
}
