package gormadapter_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/gormadapter"
	"github.com/ginauth/ginauth/internal/servertest"
)

var keyA, keyB = bytes.Repeat([]byte{0xa}, 32), bytes.Repeat([]byte{0xb}, 32)

func ada() ginauth.Account {
	return ginauth.Account{
		Provider: "github", Type: "oauth", ProviderAccountID: "1815", AccessToken: "access-4711", RefreshToken: "refresh-4711",
		IDToken: strings.Repeat("id-4711.", 500), TokenType: "bearer", Scope: "repo user:email", ExpiresAt: time.Now().Add(time.Hour).Truncate(time.Millisecond),
	}
}

// A reader of the database finds no token of a provider, and one who has the key
// finds all of it.
func TestTokensAtRest(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, _ *servertest.Server, open func(testing.TB, *gorm.Config) *gorm.DB) {
		db := open(t, nil)
		a := migrated(t, db, gormadapter.Options{TokenKey: keyA})
		want := ada()
		user, err := a.CreateUser(t.Context(), ginauth.User{Name: "Ada"}, &want)
		if err != nil {
			t.Fatal(err)
		}
		linked := want
		linked.ProviderAccountID = "1816"
		if err := a.LinkAccount(t.Context(), user.ID, linked); err != nil {
			t.Fatal(err)
		}
		if text := dump(t, db); strings.Contains(text, "4711") || !strings.Contains(text, "1815") {
			t.Errorf("at rest is %s", text)
		}
		for _, account := range []ginauth.Account{want, linked} {
			got, err := a.Account(t.Context(), user.ID, account.Provider, account.ProviderAccountID)
			got.ExpiresAt = got.ExpiresAt.In(account.ExpiresAt.Location())
			if err != nil || !got.ExpiresAt.Equal(account.ExpiresAt) || got.AccessToken != account.AccessToken || got.RefreshToken != account.RefreshToken ||
				got.IDToken != account.IDToken || got.Scope != account.Scope || got.TokenType != account.TokenType || got.Type != account.Type {
				t.Errorf("it opens as %+v, %v", got, err)
			}
		}
		for _, wrong := range [][3]string{{"nobody", "github", "1815"}, {user.ID, "gitlab", "1815"}, {user.ID, "github", "1"}, {"\x00", "github", "1815"}} {
			if got, err := a.Account(t.Context(), wrong[0], wrong[1], wrong[2]); err == nil {
				t.Errorf("%v has %+v", wrong, got)
			}
		}
	})
}

func TestTokens_WithoutKey(t *testing.T) {
	t.Parallel()
	db := opened(t, sqliteIn(t), nil)
	a := migrated(t, db, gormadapter.Options{})
	account := ada()
	user, err := a.CreateUser(t.Context(), ginauth.User{}, &account)
	if err != nil {
		t.Fatal(err)
	}
	if text := dump(t, db); strings.Contains(text, "4711") || strings.Contains(text, "access_token=e") {
		t.Errorf("at rest is %s", text)
	}
	got, err := a.Account(t.Context(), user.ID, "github", "1815")
	if err != nil || got.AccessToken != "" || got.Scope != account.Scope {
		t.Errorf("%+v, %v", got, err)
	}
}

// A sealed token opens in its own column of its own row alone, unaltered, with a key
// that is known.
func TestTokens_Bound(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		change string // of the table
		opts   gormadapter.Options
		opens  bool
	}{
		{name: "as it is", change: "UPDATE users SET name = 'x'", opts: gormadapter.Options{TokenKey: keyA}, opens: true},
		{name: "by a previous key", change: "UPDATE users SET name = 'x'", opts: gormadapter.Options{TokenKey: keyB, PreviousTokenKeys: [][]byte{keyA}}, opens: true},
		{name: "by another key", change: "UPDATE users SET name = 'x'", opts: gormadapter.Options{TokenKey: keyB}},
		{name: "of another column", change: "UPDATE accounts SET access_token = refresh_token", opts: gormadapter.Options{TokenKey: keyA}},
		{name: "of another account", change: "UPDATE accounts SET provider_account_id = '1816'", opts: gormadapter.Options{TokenKey: keyA}},
		{name: "of another provider", change: "UPDATE accounts SET provider = 'gitlab'", opts: gormadapter.Options{TokenKey: keyA}},
		{name: "of another user", change: "UPDATE accounts SET user_id = 'mallory'", opts: gormadapter.Options{TokenKey: keyA}},
		{name: "cut off", change: "UPDATE accounts SET access_token = substr(access_token, 1, 20)", opts: gormadapter.Options{TokenKey: keyA}},
		{name: "not sealed", change: "UPDATE accounts SET access_token = 'plain'", opts: gormadapter.Options{TokenKey: keyA}},
		{name: "not base64", change: "UPDATE accounts SET access_token = '***'", opts: gormadapter.Options{TokenKey: keyA}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			db := opened(t, sqliteIn(t), nil)
			a := migrated(t, db, gormadapter.Options{TokenKey: keyA})
			account := ada()
			user, err := a.CreateUser(t.Context(), ginauth.User{}, &account)
			if err != nil {
				t.Fatal(err)
			}
			if err := db.Exec(row.change).Error; err != nil {
				t.Fatal(err)
			}
			userID, provider, id := user.ID, "github", "1815"
			switch row.name {
			case "of another account":
				id = "1816"
			case "of another provider":
				provider = "gitlab"
			case "of another user":
				userID = "mallory"
			}
			got, err := migrated(t, db, row.opts).Account(t.Context(), userID, provider, id)
			if row.opens != (err == nil) || row.opens && got.AccessToken != account.AccessToken {
				t.Errorf("%+v, %v", got, err)
			}
			if err != nil && (!strings.Contains(err.Error(), "does not open") || got.AccessToken != "" || got.RefreshToken != "") {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}
