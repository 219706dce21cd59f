package redisstore_test

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/servertest"
	"github.com/ginauth/ginauth/redisstore"
	"github.com/ginauth/ginauth/storetest"
)

func TestContract(t *testing.T) {
	t.Parallel()
	s := redisstore.New(newClient(t), redisstore.Options{})
	storetest.Run(t, func(testing.TB) ginauth.SessionStore { return s })
}

func TestOutage(t *testing.T) {
	t.Parallel()
	server := servertest.Redis(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	t.Cleanup(func() { _ = client.Close() })
	storetest.Outage(t, redisstore.New(client, redisstore.Options{}), server.Kill, server.Start)
}
