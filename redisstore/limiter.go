package redisstore

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ginauth/ginauth"
)

// A Limiter is a ginauth.Limiter in Redis, which all processes of an application
// share. Of each key it keeps one time, until the key's events are forgotten.
type Limiter struct {
	client redis.UniversalClient
	opts   Options
}

// NewLimiter makes a Limiter on a client, which it neither configures nor closes.
func NewLimiter(client redis.UniversalClient, opts Options) *Limiter {
	return &Limiter{client: client, opts: opts.withDefaults()}
}

var _ ginauth.Limiter = (*Limiter)(nil)

// The algorithm is GCRA (ITU-T I.371): a key's value is the time at which all is
// forgotten, and each event moves it on by a step. An event is refused if that would be
// further away than all the steps of a rate. Times are whole
// microseconds, which Redis's numbers hold exactly until the year 2255.
//
// A value further away than is possible was written by a process whose clock is or was
// ahead of this one's. It is unknown which of the two is wrong. So the value stays until
// its key expires by Redis's own clock.
var (
	allow = redis.NewScript(`
local now, step, all = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local value = redis.call('GET', KEYS[1])
local life = redis.call('PTTL', KEYS[1]) * 1000
local full = tonumber(value or now)
local broken = not full or value and life < 0
if broken then
	full, life = now + all, all
end
full = math.max(full, now)
local left = full - now
if left > all then
	left = math.min(life, all)
end
local wait = left + step - all
if wait <= 0 then
	full, left = full + step, left + step
elseif not broken then
	return wait
end
redis.call('SET', KEYS[1], string.format('%.0f', full), 'PX', math.ceil(left / 1000))
return math.max(wait, 0)`)

	refund = redis.NewScript(`
local now, step = tonumber(ARGV[1]), tonumber(ARGV[2])
local full = tonumber(redis.call('GET', KEYS[1]) or '')
if not full then
	return 0
end
full = full - step
local left = math.min(full - now, redis.call('PTTL', KEYS[1]) * 1000 - step)
if left <= 0 then
	return redis.call('DEL', KEYS[1])
end
redis.call('SET', KEYS[1], string.format('%.0f', full), 'PX', math.ceil(left / 1000))
return 1`)
)

func (l *Limiter) key(key string) string { return l.opts.Prefix + "limit:" + hash(key) }

// Allow counts an event, or returns how long it is until one is allowed.
func (l *Limiter) Allow(ctx context.Context, key string, rate ginauth.Rate) (retryAfter time.Duration, err error) {
	step := stepOf(rate)
	wait, err := allow.Run(ctx, l.client, []string{l.key(key)},
		l.opts.Now().UnixMicro(), step, step*int64(rate.Count)).Int64()
	return time.Duration(wait) * time.Microsecond, err
}

// Refund takes back an event that was allowed.
func (l *Limiter) Refund(ctx context.Context, key string, rate ginauth.Rate) error {
	return refund.Run(ctx, l.client, []string{l.key(key)}, l.opts.Now().UnixMicro(), stepOf(rate)).Err()
}

// stepOf is the time between two events at a rate's pace, in microseconds.
func stepOf(rate ginauth.Rate) int64 {
	return max(1, rate.Per.Microseconds()/int64(max(1, rate.Count)))
}
