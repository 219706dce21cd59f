// Package redisstore keeps ginauth's sessions, revocations and the counts of its
// limits in Redis, or in what speaks its protocol, such as Valkey.
//
//	client := redis.NewClient(&redis.Options{Addr: "localhost:6379"})
//	auth, err := ginauth.Register(r, ginauth.Options{
//		Session: ginauth.SessionOptions{Store: redisstore.New(client, redisstore.Options{})},
//	})
//
// Every command and script names one key, so that it works on a Redis Cluster as
// on a single server, from Redis 6 on. A user's index may name a session that is gone,
// or one not yet written; that is harmless. The package does not know what a session
// says.
//
// Redis must not evict. Dropping a session signs its user out, dropping a revocation
// signs its user in again, and dropping a count starts it anew.
// Run it with maxmemory-policy noeviction, and with appendonly yes so that a
// restart forgets none of them.
//
// Set the client's ContextTimeoutEnabled: a call then ends with its context, also while
// Redis hangs, and needs no goroutine of its own. On a Cluster set its
// ClusterStateReloadInterval to a second too: by default go-redis asks once a minute
// which replica has taken over from a master that is gone, and until then each request
// for a session there is answered with 503.
package redisstore

import (
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ginauth/ginauth"
)

// Options configure a Store, Revocations or a Limiter.
type Options struct {
	// Prefix begins all keys. Applications that share a Redis need different ones,
	// and processes of one application the same. Default: "ginauth:".
	Prefix string
	// Now is the clock: the same as in ginauth.Options. Default: time.Now.
	Now func() time.Time
}

func (o Options) withDefaults() Options {
	if o.Prefix == "" {
		o.Prefix = "ginauth:"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// hash stands in keys for what must not be read there, as handles, or may be of
// any length and letters, as the IDs of users.
func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

var (
	_ ginauth.ContextHeeder = (*Store)(nil)
	_ ginauth.ContextHeeder = (*Revocations)(nil)
	_ ginauth.ContextHeeder = (*Limiter)(nil)
)

// HeedsContext is as ginauth.ContextHeeder says: the client's ContextTimeoutEnabled.
func (s *Store) HeedsContext() bool { return heedsContext(s.client) }

// HeedsContext is as ginauth.ContextHeeder says: the client's ContextTimeoutEnabled.
func (r *Revocations) HeedsContext() bool { return heedsContext(r.client) }

// HeedsContext is as ginauth.ContextHeeder says: the client's ContextTimeoutEnabled.
func (l *Limiter) HeedsContext() bool { return heedsContext(l.client) }

func heedsContext(client redis.UniversalClient) bool {
	switch c := client.(type) {
	case *redis.Client:
		return c.Options().ContextTimeoutEnabled
	case *redis.ClusterClient:
		return c.Options().ContextTimeoutEnabled
	case *redis.Ring:
		return c.Options().ContextTimeoutEnabled
	}
	return false
}
