package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ginauth/ginauth"
)

// Revocations are ginauth.Revocations in Redis, which all processes of an
// application share.
type Revocations struct {
	client redis.UniversalClient
	opts   Options
}

// NewRevocations makes Revocations on a client, which it neither configures nor
// closes.
func NewRevocations(client redis.UniversalClient, opts Options) *Revocations {
	return &Revocations{client: client, opts: opts.withDefaults()}
}

var _ ginauth.Revocations = (*Revocations)(nil)

// revoke keeps the later of two times, and of two expiries: two processes may
// revoke at once, and their clocks may differ. A value that is no time is
// replaced.
var revoke = redis.NewScript(`
local before = redis.call('GET', KEYS[1])
if not before or (tonumber(before) or 0) < tonumber(ARGV[1]) then
	redis.call('SET', KEYS[1], ARGV[1], 'KEEPTTL')
end
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then
	redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 1`)

func (r *Revocations) key(subject string) string { return r.opts.Prefix + "revoked:" + hash(subject) }

// Revoke remembers that what began until at has ended.
func (r *Revocations) Revoke(ctx context.Context, subject string, at, until time.Time) error {
	life := max(time.Millisecond, until.Sub(r.opts.Now()))
	return revoke.Run(ctx, r.client, []string{r.key(subject)}, at.UnixMilli(), life.Milliseconds()).Err()
}

// RevokedAt returns the latest revocation of the subjects. A record that cannot
// be read is an error: it may have ended a session.
func (r *Revocations) RevokedAt(ctx context.Context, subjects ...string) (latest time.Time, err error) {
	answers := make([]*redis.StringCmd, len(subjects))
	_, err = r.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, s := range subjects {
			answers[i] = p.Get(ctx, r.key(s))
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return time.Time{}, err
	}
	for _, answer := range answers {
		raw, err := answer.Result()
		if errors.Is(err, redis.Nil) {
			continue
		}
		if err != nil {
			return time.Time{}, err
		}
		ms, err := strconv.ParseInt(raw, 10, 64)
		if err != nil {
			return time.Time{}, fmt.Errorf("redisstore: a revocation is not a time")
		}
		if at := time.UnixMilli(ms); at.After(latest) {
			latest = at
		}
	}
	return latest, nil
}
