package redisstore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/redis/go-redis/v9"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/token"
)

// A Store keeps sessions in Redis. It is a ginauth.UserSessionStore, a
// ginauth.CompareStore and a ginauth.SessionLocker. Of a session's handle only the
// SHA-256 is kept: an attacker who reads the Redis can see the sessions but not use them.
type Store struct {
	client redis.UniversalClient
	opts   Options
}

// New makes a Store on a client, which it neither configures nor closes.
func New(client redis.UniversalClient, opts Options) *Store {
	return &Store{client: client, opts: opts.withDefaults()}
}

var (
	_ ginauth.UserSessionStore = (*Store)(nil)
	_ ginauth.CompareStore     = (*Store)(nil)
	_ ginauth.SessionLocker    = (*Store)(nil)
)

// A record is a session as Redis keeps it.
type record struct {
	User string `json:"user,omitempty"`
	// UserBytes are the user where they are no UTF-8, which JSON's text cannot keep: two
	// users must not become one.
	UserBytes []byte          `json:"userBytes,omitempty"`
	Expires   int64           `json:"expires"` // Unix milliseconds: Redis's own expiry is not relied on
	Data      json.RawMessage `json:"data"`
}

func newRecord(userID string, data []byte, expires time.Time) record {
	r := record{User: userID, Expires: expires.UnixMilli(), Data: data}
	if !utf8.ValidString(userID) {
		r.User, r.UserBytes = "", []byte(userID)
	}
	return r
}

// parse reads a record. What it cannot read is no session: it says nothing about
// Redis.
func parse(raw string, now time.Time) (record, error) {
	var r record
	if json.Unmarshal([]byte(raw), &r) != nil || len(r.Data) == 0 || now.UnixMilli() >= r.Expires {
		return record{}, ginauth.ErrNotFound
	}
	if len(r.UserBytes) > 0 {
		r.User = string(r.UserBytes)
	}
	return r, nil
}

// handleLength is that of token.Random.
const handleLength = 43

// sessionKey is the key of a session by its ID, the hash of its handle; userKey
// that of a user's index, a sorted set of IDs by their expiry.
func (s *Store) sessionKey(id string) string  { return s.opts.Prefix + "session:" + id }
func (s *Store) userKey(userID string) string { return s.opts.Prefix + "user:" + hash(userID) }

// Create keeps a session. The handle has 256 random bits.
func (s *Store) Create(ctx context.Context, userID string, data []byte, expires time.Time) (string, error) {
	handle := token.Random()
	raw, err := json.Marshal(newRecord(userID, data, expires))
	if err != nil {
		return "", err
	}
	// The index first: a session that is not in it could not be ended with the
	// others.
	if err := s.index(ctx, userID, hash(handle), expires); err != nil {
		return "", err
	}
	if err := s.client.Set(ctx, s.sessionKey(hash(handle)), raw, s.life(expires)).Err(); err != nil {
		return "", err
	}
	// And again: a DeleteUser in between took it out, and found nothing to end.
	return handle, s.index(ctx, userID, hash(handle), expires)
}

// life is what is left until a time, for Redis's own expiry.
func (s *Store) life(expires time.Time) time.Duration {
	return max(time.Millisecond, expires.Sub(s.opts.Now()))
}

// index enters a session into its user's index, and drops what has expired.
func (s *Store) index(ctx context.Context, userID, id string, expires time.Time) error {
	if userID == "" {
		return nil
	}
	key := s.userKey(userID)
	_, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.ZRemRangeByScore(ctx, key, "-inf", s.now())
		p.ZAdd(ctx, key, redis.Z{Score: float64(expires.UnixMilli()), Member: id})
		indexLife.Eval(ctx, p, []string{key}, s.life(expires).Milliseconds())
		return nil
	})
	return err
}

func (s *Store) now() string { return strconv.FormatInt(s.opts.Now().UnixMilli(), 10) }

// indexLife lets an index live as long as its last session: never shorter than
// it would without the new one.
var indexLife = redis.NewScript(`
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then
	return redis.call('PEXPIRE', KEYS[1], ARGV[1])
end
return 0`)

// Get returns a session's data.
func (s *Store) Get(ctx context.Context, handle string) ([]byte, error) {
	if len(handle) != handleLength {
		return nil, ginauth.ErrNotFound
	}
	r, err := s.read(ctx, hash(handle))
	return r.Data, err
}

func (s *Store) read(ctx context.Context, id string) (record, error) {
	_, r, err := s.readRaw(ctx, id)
	return r, err
}

// readRaw is read, with the record's text.
func (s *Store) readRaw(ctx context.Context, id string) (raw string, r record, err error) {
	raw, err = s.client.Get(ctx, s.sessionKey(id)).Result()
	if errors.Is(err, redis.Nil) || err != nil && strings.HasPrefix(err.Error(), "WRONGTYPE") {
		return "", record{}, ginauth.ErrNotFound
	}
	if err != nil {
		return "", record{}, err
	}
	r, err = parse(raw, s.opts.Now())
	return raw, r, err
}

// Update replaces a session's data under the same handle. A session that is
// deleted meanwhile stays so.
func (s *Store) Update(ctx context.Context, handle string, data []byte, expires time.Time) (string, error) {
	return s.update(ctx, handle, nil, data, expires)
}

// UpdateIf replaces a session's data where they are old, as Get returned them.
func (s *Store) UpdateIf(ctx context.Context, handle string, old, data []byte, expires time.Time) (string, error) {
	return s.update(ctx, handle, &old, data, expires)
}

func (s *Store) update(ctx context.Context, handle string, old *[]byte, data []byte, expires time.Time) (string, error) {
	if len(handle) != handleLength {
		return "", ginauth.ErrNotFound
	}
	id := hash(handle)
	before, r, err := s.readRaw(ctx, id)
	if err != nil {
		return "", err
	}
	if old != nil && !bytes.Equal(r.Data, *old) {
		return "", ginauth.ErrConflict
	}
	raw, err := json.Marshal(newRecord(r.User, data, expires))
	if err != nil {
		return "", err
	}
	if err := s.index(ctx, r.User, id, expires); err != nil {
		return "", err
	}
	key, life := s.sessionKey(id), s.life(expires)
	if old != nil {
		return handle, s.swap(ctx, key, before, raw, life)
	}
	err = s.client.SetArgs(ctx, key, raw, redis.SetArgs{Mode: "XX", TTL: life}).Err()
	if errors.Is(err, redis.Nil) {
		return "", ginauth.ErrNotFound
	}
	return handle, err
}

// swap replaces a record whose text is still what it was.
func (s *Store) swap(ctx context.Context, key, before string, after []byte, life time.Duration) error {
	found, err := swap.Run(ctx, s.client, []string{key}, before, after, life.Milliseconds()).Int()
	switch {
	case err != nil:
		return err
	case found == swapGone:
		return ginauth.ErrNotFound
	case found == swapOther:
		return ginauth.ErrConflict
	}
	return nil
}

// What the script swap found in the record's place.
const (
	swapGone  = -1
	swapOther = 0
)

var swap = redis.NewScript(`
local found = redis.call('GET', KEYS[1])
if not found then
	return -1
end
if found ~= ARGV[1] then
	return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`)

// Delete ends a session.
func (s *Store) Delete(ctx context.Context, handle string) error {
	if len(handle) != handleLength {
		return nil
	}
	id := hash(handle)
	r, err := s.read(ctx, id)
	if err != nil && !errors.Is(err, ginauth.ErrNotFound) {
		return err
	}
	return s.remove(ctx, r.User, id)
}

// remove deletes sessions and takes them out of their user's index, in this
// order: what is not deleted must still be found.
func (s *Store) remove(ctx context.Context, userID string, ids ...string) error {
	if len(ids) == 0 {
		return nil
	}
	members := make([]any, len(ids))
	_, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, id := range ids {
			members[i] = id
			p.Del(ctx, s.sessionKey(id))
		}
		return nil
	})
	if err != nil || userID == "" {
		return err
	}
	return s.client.ZRem(ctx, s.userKey(userID), members...).Err()
}
