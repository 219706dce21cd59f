package redisstore_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/servertest"
	"github.com/ginauth/ginauth/redisstore"
)

// What says that it heeds its context ends with it while Redis hangs, over connections
// that it has and over new ones.
func TestHeedsContext(t *testing.T) {
	t.Parallel()
	server := servertest.Redis(t)
	for name, client := range map[string]redis.UniversalClient{
		"one server":  redis.NewClient(&redis.Options{Addr: server.Addr()}),
		"a cluster":   redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{server.Addr()}}),
		"another one": redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"a": server.Addr()}}),
	} {
		t.Cleanup(func() { _ = client.Close() })
		if redisstore.New(client, redisstore.Options{}).HeedsContext() {
			t.Errorf("%s: go-redis ends no call by itself", name)
		}
	}
	clients := map[string]*redis.Client{}
	for _, name := range []string{"known", "new"} {
		clients[name] = redis.NewClient(&redis.Options{Addr: server.Addr(), ContextTimeoutEnabled: true})
		t.Cleanup(func() { _ = clients[name].Close() })
	}
	handle := create(t, redisstore.New(clients["known"], redisstore.Options{}), "ada", time.Now().Add(time.Hour))
	server.Pause()
	defer server.Resume()
	for name, client := range clients {
		s, r, l := redisstore.New(client, redisstore.Options{}), redisstore.NewRevocations(client, redisstore.Options{}), redisstore.NewLimiter(client, redisstore.Options{})
		if !s.HeedsContext() || !r.HeedsContext() || !l.HeedsContext() {
			t.Fatalf("%s: it does not say so", name)
		}
		hour := time.Now().Add(time.Hour)
		for doing, call := range map[string]func(context.Context) error{
			"Create":       func(ctx context.Context) error { _, err := s.Create(ctx, "ada", []byte(claims), hour); return err },
			"Get":          func(ctx context.Context) error { _, err := s.Get(ctx, handle); return err },
			"Update":       func(ctx context.Context) error { _, err := s.Update(ctx, handle, []byte(claims), hour); return err },
			"Delete":       func(ctx context.Context) error { return s.Delete(ctx, handle) },
			"List":         func(ctx context.Context) error { _, err := s.List(ctx, "ada"); return err },
			"DeleteListed": func(ctx context.Context) error { return s.DeleteListed(ctx, "ada", "x") },
			"DeleteUser":   func(ctx context.Context) error { return s.DeleteUser(ctx, "ada") },
			"Lock":         func(ctx context.Context) error { _, err := s.Lock(ctx, "x"); return err },
			"Revoke":       func(ctx context.Context) error { return r.Revoke(ctx, "x", hour, hour) },
			"RevokedAt":    func(ctx context.Context) error { _, err := r.RevokedAt(ctx, "x"); return err },
			"Allow": func(ctx context.Context) error {
				_, err := l.Allow(ctx, "x", ginauth.Rate{Count: 1, Per: time.Hour})
				return err
			},
			"Refund": func(ctx context.Context) error { return l.Refund(ctx, "x", ginauth.Rate{Count: 1, Per: time.Hour}) },
		} {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			began := time.Now()
			err := call(ctx)
			cancel()
			if took := time.Since(began); err == nil || took > 1500*time.Millisecond {
				t.Errorf("%s connections, %s: %v after %v", name, doing, err, took)
			}
		}
	}
}
