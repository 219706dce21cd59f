package redisstore

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ginauth/ginauth"
)

// List returns the sessions of a user. Their IDs are the hashes of their handles.
func (s *Store) List(ctx context.Context, userID string) ([]ginauth.StoredSession, error) {
	ids, err := s.ids(ctx, userID)
	if err != nil {
		return nil, err
	}
	var list []ginauth.StoredSession
	err = s.found(ctx, userID, ids, func(id string, r record) error {
		list = append(list, ginauth.StoredSession{ID: id, Data: r.Data})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// found calls a function for each of these sessions that there is and that is the user's.
func (s *Store) found(ctx context.Context, userID string, ids []string, each func(id string, r record) error) error {
	if len(ids) == 0 {
		return nil
	}
	answers := make([]*redis.StringCmd, len(ids))
	_, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, id := range ids {
			answers[i] = p.Get(ctx, s.sessionKey(id))
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return err
	}
	for i, answer := range answers {
		raw, err := answer.Result()
		if errors.Is(err, redis.Nil) {
			continue // signed out, and not yet out of the index
		}
		if err != nil {
			return err
		}
		if r, err := parse(raw, s.opts.Now()); err == nil && r.User == userID {
			if err := each(ids[i], r); err != nil {
				return err
			}
		}
	}
	return nil
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
	if err := s.remove(ctx, userID, ids...); err != nil {
		return err
	}
	// One that began between the two steps of remove is there, and out of the index: the
	// next DeleteUser must find it.
	return s.found(ctx, userID, ids, func(id string, r record) error {
		return s.index(ctx, userID, id, time.UnixMilli(r.Expires))
	})
}
