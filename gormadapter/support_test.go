package gormadapter_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/gin-gonic/gin"
	mysqldriver "github.com/go-sql-driver/mysql"
	"github.com/libtnb/sqlite"
	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/ginauth/ginauth/gormadapter"
	"github.com/ginauth/ginauth/internal/servertest"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	_ = mysqldriver.SetLogger(silence{})
	m.Run()
}

// silence is for the driver of MySQL, which logs each connection that a stopped
// server breaks.
type silence struct{}

func (silence) Print(...any) {}

// A database is one of those that the adapter is for.
type database struct {
	name string // as gorm names it
	// start starts its server, if it has one, for a test and its subtests. The
	// function makes an empty database there.
	start func(t testing.TB) (server *servertest.Server, open func(t testing.TB, config *gorm.Config) *gorm.DB)
}

var databases = []database{
	{"sqlite", func(t testing.TB) (*servertest.Server, func(testing.TB, *gorm.Config) *gorm.DB) {
		return nil, func(t testing.TB, config *gorm.Config) *gorm.DB {
			return opened(t, sqliteIn(t), config)
		}
	}},
	{"postgres", func(t testing.TB) (*servertest.Server, func(testing.TB, *gorm.Config) *gorm.DB) {
		server := servertest.Postgres(t)
		dsn := func(name string) string {
			return "postgres://postgres@" + server.Addr() + "/" + name + "?sslmode=disable"
		}
		admin := opened(t, postgres.Open(dsn("postgres")), &gorm.Config{})
		return server, func(t testing.TB, config *gorm.Config) *gorm.DB {
			return opened(t, postgres.Open(dsn(newDatabase(t, admin))), config)
		}
	}},
	{"mysql", func(t testing.TB) (*servertest.Server, func(testing.TB, *gorm.Config) *gorm.DB) {
		server := servertest.MariaDB(t)
		dsn := func(name string) string { return "root@tcp(" + server.Addr() + ")/" + name }
		admin := opened(t, mysql.Open(dsn("mysql")), &gorm.Config{})
		return server, func(t testing.TB, config *gorm.Config) *gorm.DB {
			return opened(t, mysql.Open(dsn(newDatabase(t, admin))), config)
		}
	}},
}

// sqliteIn is a new database in a file.
func sqliteIn(t testing.TB) gorm.Dialector {
	return sqlite.Open(filepath.Join(t.TempDir(), "auth.db") + "?_pragma=busy_timeout(30000)&_pragma=journal_mode(WAL)")
}

func newDatabase(t testing.TB, admin *gorm.DB) string {
	t.Helper()
	name := "t" + strings.ToLower(rand.Text())
	if err := admin.Exec("CREATE DATABASE " + name).Error; err != nil {
		t.Fatal(err)
	}
	return name
}

func opened(t testing.TB, dialector gorm.Dialector, config *gorm.Config) *gorm.DB {
	t.Helper()
	if config == nil {
		config = &gorm.Config{Logger: logger.Discard}
	}
	if config.Logger == nil {
		config.Logger = logger.Discard
	}
	db, err := gorm.Open(dialector, config)
	if err != nil {
		t.Fatal(err)
	}
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	pool.SetMaxOpenConns(20)
	t.Cleanup(func() { _ = pool.Close() })
	return db
}

// onEach runs a test on every database.
func onEach(t *testing.T, test func(t *testing.T, server *servertest.Server, open func(testing.TB, *gorm.Config) *gorm.DB)) {
	t.Helper()
	for _, d := range databases {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			server, open := d.start(t)
			test(t, server, open)
		})
	}
}

// migrated is an adapter whose tables exist.
func migrated(t testing.TB, db *gorm.DB, opts gormadapter.Options) *gormadapter.Adapter {
	t.Helper()
	a, err := gormadapter.New(db, opts)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Migrate(context.Background()); err != nil {
		t.Fatal(err)
	}
	return a
}

// dump is everything that the tables hold, as text.
func dump(t testing.TB, db *gorm.DB) string {
	t.Helper()
	var b bytes.Buffer
	for _, table := range []string{"users", "accounts", "verification_tokens", "second_factors", "revocations", "stored_sessions"} {
		var rows []map[string]any
		if err := db.Table(table).Find(&rows).Error; err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			for column, value := range row {
				if raw, ok := value.([]byte); ok {
					value = string(raw)
				}
				fmt.Fprintf(&b, "%s.%s=%v\n", table, column, value)
			}
		}
	}
	return b.String()
}

// A record collects what gorm logs.
type record struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (r *record) Printf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(&r.b, format+"\n", args...)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.b.String()
}
