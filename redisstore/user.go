package redisstore

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"

	"github.com/ginauth/ginauth"
)

// List returns the sessions of a user. Their IDs are the hashes of their handles.
func (s *Store) List(ctx context.Context, userID string) ([]ginauth.StoredSession, error) {
	ids, err := s.ids(ctx, userID)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	answers := make([]*redis.StringCmd, len(ids))
	_, err = s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, id := range ids {
			answers[i] = p.Get(ctx, s.sessionKey(id))
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, err
	}
	var list []ginauth.StoredSession
	for i, answer := range answers {
		raw, err := answer.Result()
		if errors.Is(err, redis.Nil) {
			continue // signed out, and not yet out of the index
		}
		if err != nil {
			return nil, err
		}
		if r, err := parse(raw, s.opts.Now()); err == nil && r.User == userID {
			list = append(list, ginauth.StoredSession{ID: ids[i], Data: r.Data})
		}
	}
	return list, nil
}

// ids are those in a user's index that have not expired.
func (s *Store) ids(ctx context.Context, userID string) ([]string, error) {
	if userID == "" {
		return nil, nil
	}
	return s.client.ZRangeByScore(ctx, s.userKey(userID), &redis.ZRangeBy{Min: "(" + s.now(), Max: "+inf"}).Result()
}

// DeleteListed ends one session of a user.
func (s *Store) DeleteListed(ctx context.Context, userID, id string) error {
	expires, err := s.client.ZScore(ctx, s.userKey(userID), id).Result()
	if errors.Is(err, redis.Nil) || err == nil && int64(expires) <= s.opts.Now().UnixMilli() {
		return ginauth.ErrNotFound
	}
	if err != nil {
		return err
	}
	return s.remove(ctx, userID, id)
}

// DeleteUser ends all sessions of a user that are in the index. A sign-in under
// way at this moment comes after it.
func (s *Store) DeleteUser(ctx context.Context, userID string) error {
	ids, err := s.ids(ctx, userID)
	if err != nil {
		return err
	}
	return s.remove(ctx, userID, ids...)
}
