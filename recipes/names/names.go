// Package names has what the snippets of the documentation take for granted: a router, an
// Auth, a database. A snippet is compiled together with this file. It is not for import.
package names

//lint:file-ignore U1000 the snippets use these names

import (
	"context"
	"crypto/sha256"
	"io"
	"log/slog"
	"net/http"
	"testing"

	"github.com/gin-contrib/sessions"
	_ "github.com/gin-contrib/sessions/redis"
	"github.com/gin-gonic/gin"
	"github.com/markbates/goth"
	_ "github.com/markbates/goth/gothic"
	_ "github.com/markbates/goth/providers/github"
	"github.com/redis/go-redis/v9"
	"gorm.io/gorm"

	"github.com/ginauth/ginauth"
	_ "github.com/ginauth/ginauth/adaptertest"
	_ "github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/gormadapter"
	"github.com/ginauth/ginauth/oidc"
	_ "github.com/ginauth/ginauth/passkey"
	_ "github.com/ginauth/ginauth/providers"
	_ "github.com/ginauth/ginauth/providers/mailru"
	_ "github.com/ginauth/ginauth/redisstore"
	_ "github.com/ginauth/ginauth/storetest"
	_ "github.com/ginauth/ginauth/texts"
	_ "github.com/libtnb/sqlite"
)

var (
	r       *gin.Engine
	c       *gin.Context
	auth    *ginauth.Auth
	options ginauth.Options
	ctx     context.Context
	audit   *slog.Logger
	server  *http.Server
	w       io.Writer

	client                       redis.UniversalClient
	db                           *gorm.DB
	users                        *gormadapter.Adapter
	store                        ginauth.SessionStore
	ginStore                     sessions.Store
	key                          []byte
	okta                         *oidc.Provider
	provider                     goth.Provider
	id                           string
	secret                       string
	webClientID, androidClientID string
	userID                       string
	user                         ginauth.User
	orderID                      string
	verify                       ginauth.BearerFunc
	isAdmin                      ginauth.Guard
	isStaff                      ginauth.Guard
	staffPage                    gin.HandlerFunc
	dashboard                    gin.HandlerFunc
	adminPage                    gin.HandlerFunc
)

var usersWithPassword []string

type account struct{ ID string }

type apiKey struct {
	Owner  string
	Scopes []string
}

// What an application has of its own.
var (
	find         func(ctx context.Context, name string) (account, error)
	check        func(a account, password string) (*ginauth.User, error)
	banned       func(userID string) bool
	roleOf       func(ctx context.Context, userID string) (string, error)
	setRole      func(ctx context.Context, userID, role string) error
	newMyAdapter func(t testing.TB) ginauth.Adapter
	newMyStore   func(t testing.TB) ginauth.SessionStore
	listOrders   gin.HandlerFunc
	keys         interface {
		ByHash(ctx context.Context, hash [sha256.Size]byte) (apiKey, error)
	}
	invited       func(ctx context.Context, email string) (bool, error)
	enabled       func(userID string) []string
	deleteAccount gin.HandlerFunc
	deleteContent func(ctx context.Context, userID string) error
)
