package gormadapter_test

import (
	"testing"

	"gorm.io/gorm"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/gormadapter"
	"github.com/ginauth/ginauth/internal/servertest"
	"github.com/ginauth/ginauth/storetest"
)

func TestSessions_Contract(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, server *servertest.Server, open func(testing.TB, *gorm.Config) *gorm.DB) {
		s := migrated(t, open(t, nil), gormadapter.Options{TablePrefix: "auth_"}).Sessions()
		storetest.Run(t, func(testing.TB) ginauth.SessionStore { return s })
	})
}

func TestSessions_Outage(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, server *servertest.Server, open func(testing.TB, *gorm.Config) *gorm.DB) {
		if server == nil {
			t.Skip("SQLite has no server")
		}
		s := migrated(t, open(t, nil), gormadapter.Options{}).Sessions()
		storetest.Outage(t, s, server.Kill, server.Start)
	})
}
