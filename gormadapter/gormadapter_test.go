package gormadapter_test

import (
	"testing"

	"gorm.io/gorm"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/adaptertest"
	"github.com/ginauth/ginauth/gormadapter"
	"github.com/ginauth/ginauth/internal/servertest"
)

func TestContract(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, _ *servertest.Server, open func(testing.TB, *gorm.Config) *gorm.DB) {
		a := migrated(t, open(t, nil), gormadapter.Options{TokenKey: keyA})
		adaptertest.Run(t, func(testing.TB) ginauth.Adapter { return a })
	})
}
