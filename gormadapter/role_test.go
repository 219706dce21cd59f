package gormadapter_test

import (
	"context"
	"fmt"
	"log"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/libtnb/sqlite"
	"gorm.io/gorm"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/gormadapter"
	"github.com/ginauth/ginauth/internal/servertest"
)

// A Member is the adapter's user with a column of the application's. Name the table as
// Options.TablePrefix has it. It says nothing of the columns that are the adapter's,
// except the key.
type Member struct {
	ID   string `gorm:"primaryKey"`
	Role string `gorm:"type:varchar(32);not null;default:guest"`
}

func (Member) TableName() string { return "auth_users" }

// addRole adds the column once, after the adapter's Migrate. AutoMigrate would change
// the adapter's columns too.
func addRole(db *gorm.DB) error {
	if db.Migrator().HasColumn(&Member{}, "Role") {
		return nil
	}
	return db.Migrator().AddColumn(&Member{}, "Role")
}

// A column of your own on the user, here a role, which the session then has: users get
// its default when they first sign in, the adapter leaves it alone, and the JWT callback
// reads it, at sign-in and when the session is updated.
func Example_role() {
	db, err := gorm.Open(sqlite.Open("file:role?mode=memory&cache=shared"), &gorm.Config{})
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
	if err := addRole(db); err != nil {
		log.Fatal(err)
	}
	role := func(c *gin.Context, p ginauth.JWTParams) error {
		var m Member
		if err := db.WithContext(c.Request.Context()).Take(&m, "id = ?", p.Token.Subject).Error; err != nil {
			return err
		}
		p.Token.Claims["role"] = m.Role
		return nil
	}
	_, err = ginauth.New(ginauth.Options{
		Adapter: users,
		Session: ginauth.SessionOptions{Store: users.Sessions(), Revocations: users.Revocations()},
		Callbacks: ginauth.Callbacks{
			JWT: func(c *gin.Context, p ginauth.JWTParams) error {
				if p.Trigger == ginauth.TriggerSignIn || p.Trigger == ginauth.TriggerUpdate {
					return role(c, p)
				}
				return nil
			},
			Session: func(_ *gin.Context, p ginauth.SessionParams) error {
				p.Session.Values["role"] = p.Token.Claims["role"]
				return nil
			},
		},
		BaseURL: "https://app.example.com",
		Secret:  "0123456789abcdef0123456789abcdef",
	})
	fmt.Println(err)

	ada, err := users.CreateUser(ctx, ginauth.User{Name: "Ada"}, nil)
	if err != nil {
		log.Fatal(err)
	}
	db.Model(&Member{}).Where("id = ?", ada.ID).Update("role", "editor")
	var m Member
	fmt.Println(db.Take(&m, "id = ?", ada.ID).Error, m.Role)
	// Output:
	// <nil>
	// <nil> editor
}

// The recipe works on each database: the column has its default, and neither the adapter
// nor Migrate touches it.
func TestRole(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, _ *servertest.Server, open func(testing.TB, *gorm.Config) *gorm.DB) {
		db := open(t, nil)
		a := migrated(t, db, gormadapter.Options{TablePrefix: "auth_"})
		before := tables(t, db)
		for range 2 {
			if err := addRole(db); err != nil {
				t.Fatal(err)
			}
		}
		role := func(id string) string {
			t.Helper()
			var m Member
			if err := db.Take(&m, "id = ?", id).Error; err != nil {
				t.Fatal(err)
			}
			return m.Role
		}
		account := ada()
		user, err := a.CreateUser(t.Context(), ginauth.User{Name: "Ada", Email: "ada@example.com"}, &account)
		if err != nil {
			t.Fatal(err)
		}
		if got := role(user.ID); got != "guest" {
			t.Errorf("a new user has the role %q", got)
		}
		if err := db.Model(&Member{}).Where("id = ?", user.ID).Update("role", "editor").Error; err != nil {
			t.Fatal(err)
		}
		user.Name = "Ada L."
		if _, err := a.UpdateUser(t.Context(), user); err != nil {
			t.Fatal(err)
		}
		migrated(t, db, gormadapter.Options{TablePrefix: "auth_"})
		if got := role(user.ID); got != "editor" {
			t.Errorf("afterwards the role is %q", got)
		}
		if got, err := a.GetUserByAccount(t.Context(), account.Provider, account.ProviderAccountID); err != nil || got.ID != user.ID || got.Name != user.Name {
			t.Errorf("the user is %+v, %v", got, err)
		}
		for line := range strings.Lines(difference(tables(t, db), before)) {
			if !strings.Contains(line, "role") {
				t.Errorf("the column changes more than itself: %s", line)
			}
		}
	})
}
