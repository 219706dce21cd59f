package gormadapter_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/gormadapter"
	"github.com/ginauth/ginauth/internal/servertest"
)

// A reader of the database finds no second factor, and one that was sealed by a previous
// key opens and is sealed by the current one from then on.
func TestFactorsAtRest(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, _ *servertest.Server, open func(testing.TB, *gorm.Config) *gorm.DB) {
		db := open(t, nil)
		a := migrated(t, db, gormadapter.Options{TokenKey: keyA})
		user, err := a.CreateUser(t.Context(), ginauth.User{Name: "Ada"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		secret := []byte(`{"otp":"JBSWY3DPEHPK3PXP"}`)
		if err := a.UpdateFactors(t.Context(), user.ID, nil, secret); err != nil {
			t.Fatal(err)
		}
		if text := dump(t, db); strings.Contains(text, "JBSWY3DPEHPK3PXP") || !strings.Contains(text, "second_factors.user_id="+user.ID) {
			t.Errorf("at rest is %s", text)
		}
		next := migrated(t, db, gormadapter.Options{TokenKey: keyB, PreviousTokenKeys: [][]byte{keyA}})
		if got, err := next.GetFactors(t.Context(), user.ID); err != nil || !bytes.Equal(got, secret) {
			t.Errorf("by a previous key it opens as %s, %v", got, err)
		}
		if err := next.UpdateFactors(t.Context(), user.ID, secret, secret); err != nil {
			t.Error(err)
		}
		alone := migrated(t, db, gormadapter.Options{TokenKey: keyB})
		if got, err := alone.GetFactors(t.Context(), user.ID); err != nil || !bytes.Equal(got, secret) {
			t.Errorf("sealed again it opens as %s, %v", got, err)
		}
	})
}

// A record that does not open is no missing one: the person would sign in without it.
func TestFactors_Bound(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, change string // of the table
		key          []byte
	}{
		{"by another key", "UPDATE users SET name = 'x'", keyB},
		{"without a key", "UPDATE users SET name = 'x'", nil},
		{"of another user", "UPDATE second_factors SET data = (SELECT data FROM second_factors WHERE user_id <> 'x' ORDER BY user_id = (SELECT id FROM users WHERE name = 'Eve') DESC LIMIT 1)", keyA},
		{"cut off", "UPDATE second_factors SET data = substr(data, 1, 20)", keyA},
		{"not sealed", "UPDATE second_factors SET data = '{}'", keyA},
		{"empty", "UPDATE second_factors SET data = ''", keyA},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			db := opened(t, sqliteIn(t), nil)
			a := migrated(t, db, gormadapter.Options{TokenKey: keyA})
			ids := map[string]string{}
			for _, name := range []string{"Ada", "Eve"} {
				user, err := a.CreateUser(t.Context(), ginauth.User{Name: name}, nil)
				if err == nil {
					err = a.UpdateFactors(t.Context(), user.ID, nil, []byte(name))
				}
				if err != nil {
					t.Fatal(err)
				}
				ids[name] = user.ID
			}
			if err := db.Exec(row.change).Error; err != nil {
				t.Fatal(err)
			}
			b := migrated(t, db, gormadapter.Options{TokenKey: row.key})
			if got, err := b.GetFactors(t.Context(), ids["Ada"]); err == nil || errors.Is(err, ginauth.ErrNotFound) || got != nil {
				t.Errorf("the record is %s, %v", got, err)
			}
			if err := b.UpdateFactors(t.Context(), ids["Ada"], nil, []byte("planted")); err == nil {
				t.Error("it was taken for none")
			}
		})
	}
}

func TestFactors_NeedKey(t *testing.T) {
	t.Parallel()
	a := migrated(t, opened(t, sqliteIn(t), nil), gormadapter.Options{})
	user, err := a.CreateUser(t.Context(), ginauth.User{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for doing, err := range map[string]error{"CheckFactors": a.CheckFactors(), "UpdateFactors": a.UpdateFactors(t.Context(), user.ID, nil, []byte("x"))} {
		if err == nil || !strings.Contains(err.Error(), "need Options.TokenKey") {
			t.Errorf("%s: %v", doing, err)
		}
	}
}
