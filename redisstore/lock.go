package redisstore

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ginauth/ginauth/internal/token"
)

const (
	// lockLife is the longest time that a lock is held: a process that dies with it
	// blocks others for no longer.
	lockLife = 15 * time.Second
	// lockPause is about how long a process waits before it asks for a lock again. The
	// time varies, so that waiting processes do not ask in step.
	lockPause = 20 * time.Millisecond
)

// unlock releases a lock only if this process still has it: after lockLife another may
// have it.
var unlock = redis.NewScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then
	return redis.call('DEL', KEYS[1])
end
return 0`)

// Lock waits until no process holds the lock of that name, and takes it for at most 15
// seconds, or until release is called. Calling release again is harmless. The error is
// the context's when that ends first, or Redis's. It is for work that must be done once
// for a session, such as renewing its provider's tokens. Get, Update and Delete do not
// wait for it.
func (s *Store) Lock(ctx context.Context, name string) (release func(), err error) {
	key, mine := s.opts.Prefix+"lock:"+hash(name), token.Random()
	for {
		err := s.client.SetArgs(ctx, key, mine, redis.SetArgs{Mode: "NX", TTL: lockLife}).Err()
		if err == nil {
			return func() {
				ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
				defer cancel()
				_ = unlock.Run(ctx, s.client, []string{key}, mine).Err() // else lockLife ends it
			}, nil
		}
		if !errors.Is(err, redis.Nil) {
			return nil, err
		}
		pause := time.NewTimer(lockPause/2 + rand.N(lockPause))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return nil, ctx.Err()
		}
	}
}
