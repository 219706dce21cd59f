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
	// lockLife is for how long a lock is held at most: a process that dies with it
	// holds up nobody for longer.
	lockLife = 15 * time.Second
	// lockPause is how long a process waits before it asks for a lock again, more
	// or less, so that those who wait do not ask in step.
	lockPause = 20 * time.Millisecond
)

// unlock lets go of a lock only where it is still one's own: after lockLife it
// may be another's.
var unlock = redis.NewScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then
	return redis.call('DEL', KEYS[1])
end
return 0`)

// Lock waits until nobody, in any process, holds the lock of that name, and takes
// it for 15 seconds at most, or until release is called, which may be more than
// once. The error is the context's when that ends first, or Redis's. It is for
// work that must be done once for a session, such as renewing its provider's
// tokens: Get, Update and Delete wait for nobody.
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
