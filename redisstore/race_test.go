package redisstore_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/redisstore"
)

// beforeSet runs something between the index and the record of a new session.
type beforeSet struct {
	redis.Hook
	run func()
}

func (h beforeSet) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h beforeSet) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (h beforeSet) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if strings.EqualFold(cmd.Name(), "set") {
			h.run()
		}
		return next(ctx, cmd)
	}
}

// A session that is created while its user's others are ended is found by the
// next DeleteUser, and not by nobody for as long as it lasts.
func TestCreateDuringDeleteUser(t *testing.T) {
	t.Parallel()
	client := newClient(t)
	other := redisstore.New(client, redisstore.Options{})
	hooked := redis.NewClient(client.Options())
	t.Cleanup(func() { _ = hooked.Close() })
	hooked.AddHook(beforeSet{run: func() {
		if err := other.DeleteUser(t.Context(), "ada"); err != nil {
			t.Error(err)
		}
	}})
	handle := create(t, redisstore.New(hooked, redisstore.Options{}), "ada", time.Now().Add(time.Hour))
	if list, err := other.List(t.Context(), "ada"); len(list) != 1 || err != nil {
		t.Errorf("listed are %v %v", list, err)
	}
	if err := other.DeleteUser(t.Context(), "ada"); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Get(t.Context(), handle); !errors.Is(err, ginauth.ErrNotFound) {
		t.Errorf("the session outlives DeleteUser: %v", err)
	}
}

// beforeRemoved runs something between the end of a user's sessions and the moment in
// which they leave the index.
type beforeRemoved struct {
	redis.Hook
	run func()
}

func (h beforeRemoved) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h beforeRemoved) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (h beforeRemoved) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if strings.EqualFold(cmd.Name(), "zrem") {
			h.run()
		}
		return next(ctx, cmd)
	}
}

// A session that is written after its user's others were deleted, and before they leave
// the index, stays in the index.
func TestCreateWithinDeleteUser(t *testing.T) {
	t.Parallel()
	client := newClient(t)
	plain := redisstore.New(client, redisstore.Options{})
	signIn, deleted, written := make(chan struct{}), make(chan struct{}), make(chan string)
	creating := redis.NewClient(client.Options())
	t.Cleanup(func() { _ = creating.Close() })
	creating.AddHook(beforeSet{run: func() { // it is in the index, and not yet there
		close(signIn)
		<-deleted
	}})
	go func() {
		handle, err := redisstore.New(creating, redisstore.Options{}).Create(t.Context(), "ada", []byte(claims), time.Now().Add(time.Hour))
		if err != nil {
			t.Error(err)
		}
		written <- handle
	}()
	<-signIn
	deleting := redis.NewClient(client.Options())
	t.Cleanup(func() { _ = deleting.Close() })
	var handle string
	deleting.AddHook(beforeRemoved{run: func() {
		close(deleted)
		handle = <-written
	}})
	if err := redisstore.New(deleting, redisstore.Options{}).DeleteUser(t.Context(), "ada"); err != nil {
		t.Fatal(err)
	}
	if list, err := plain.List(t.Context(), "ada"); len(list) != 1 || err != nil {
		t.Errorf("listed are %v %v", list, err)
	}
	if err := plain.DeleteUser(t.Context(), "ada"); err != nil {
		t.Fatal(err)
	}
	if _, err := plain.Get(t.Context(), handle); !errors.Is(err, ginauth.ErrNotFound) {
		t.Errorf("the session outlives DeleteUser: %v", err)
	}
}
