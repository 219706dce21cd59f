package gormadapter_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/libtnb/sqlite"
	"gorm.io/gorm"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/gormadapter"
	"github.com/markbates/goth/providers/github"
)

// Users in an SQLite file, by a driver without cgo. PostgreSQL and MySQL differ in
// what gorm.Open is given.
func ExampleNew() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "auth.db")

	db, err := gorm.Open(sqlite.Open(file+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)"), &gorm.Config{})
	if err != nil {
		log.Fatal(err)
	}
	users, err := gormadapter.New(db, gormadapter.Options{TokenKey: []byte("32 bytes from a random generator")})
	if err != nil {
		log.Fatal(err)
	}
	if err := users.Migrate(context.Background()); err != nil {
		log.Fatal(err)
	}
	_, err = ginauth.New(ginauth.Options{
		Providers: ginauth.Goth(github.New("id", "secret", "")),
		Adapter:   users,
		Session:   ginauth.SessionOptions{Store: users.Sessions(), Revocations: users.Revocations()},
		BaseURL:   "https://app.example.com",
		Secret:    "0123456789abcdef0123456789abcdef",
	})
	fmt.Println(err)

	user, err := users.CreateUser(context.Background(), ginauth.User{Name: "Ada", Email: "Ada@example.com"}, nil)
	fmt.Println(user.Email, err)

	pool, err := db.DB()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(pool.Close())
	// Output:
	// <nil>
	// ada@example.com <nil>
	// <nil>
}

func ExampleSchema() {
	script, err := gormadapter.Schema("postgres")
	fmt.Println(strings.Count(script, "CREATE TABLE IF NOT EXISTS"), err)
	// Output: 8 <nil>
}

// A job in the background calls the provider with the tokens of the sign-in.
func ExampleAdapter_Account() {
	db, err := gorm.Open(sqlite.Open(":memory:"), &gorm.Config{})
	if err != nil {
		log.Fatal(err)
	}
	users, err := gormadapter.New(db, gormadapter.Options{TokenKey: []byte("32 bytes from a random generator")})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	if err := users.Migrate(ctx); err != nil {
		log.Fatal(err)
	}
	user, err := users.CreateUser(ctx, ginauth.User{Name: "Ada"}, &ginauth.Account{
		Provider: "github", ProviderAccountID: "1815", AccessToken: "gho_16C7e42F292c6912E7710c838347Ae178B4a",
	})
	if err != nil {
		log.Fatal(err)
	}
	account, err := users.Account(ctx, user.ID, "github", "1815")
	fmt.Println(account.AccessToken[:4], err)
	// Output: gho_ <nil>
}

// Sessions in the database of the users: a user's devices are listed and ended there,
// and no other server is needed.
func ExampleAdapter_Sessions() {
	db, err := gorm.Open(sqlite.Open(":memory:"), &gorm.Config{})
	if err != nil {
		log.Fatal(err)
	}
	users, err := gormadapter.New(db, gormadapter.Options{TablePrefix: "auth_"})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	if err := users.Migrate(ctx); err != nil {
		log.Fatal(err)
	}
	auth, err := ginauth.New(ginauth.Options{
		Session: ginauth.SessionOptions{Store: users.Sessions()},
		BaseURL: "https://app.example.com",
		Secret:  "0123456789abcdef0123456789abcdef",
	})
	if err != nil {
		log.Fatal(err)
	}
	devices, err := auth.Sessions(ctx, "ada")
	fmt.Println(len(devices), err)
	// Output: 0 <nil>
}

// A job deletes what has expired, where no process lives long enough to do so itself.
func ExampleAdapter_Purge() {
	db, err := gorm.Open(sqlite.Open(":memory:"), &gorm.Config{})
	if err != nil {
		log.Fatal(err)
	}
	users, err := gormadapter.New(db, gormadapter.Options{})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	if err := users.Migrate(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println(users.Purge(ctx))
	// Output: <nil>
}

// The statements for a tool that migrates the database, with Options.TablePrefix.
func ExamplePrefixedSchema() {
	script, err := gormadapter.PrefixedSchema("postgres", "auth_")
	fmt.Println(strings.Contains(script, "CREATE TABLE IF NOT EXISTS auth_users ("), err)
	// Output: true <nil>
}
