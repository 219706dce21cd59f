package tests

import (
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/markbates/goth"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
)

// The provider vouches for the address it gave, and for no other that Profile found.
func TestOAuth_AddressVouchedFor(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name           string
		verified, want bool
		address        string // that Profile makes the user's; empty: there is no Profile
	}{
		{"as it came", true, true, ""},
		{"as it came, not verified", false, false, ""},
		{"in capitals", true, true, "ADA@example.com"},
		{"in capitals, not verified", false, false, "ADA@example.com"},
		{"another", true, false, "boss@example.com"},
		{"a letter that folds to another", true, false, "ada@example.com\u212a"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			idp := newIDP(t, ginauthtest.Config{People: []ginauthtest.Person{{Subject: "ada", Name: "Ada", Email: "ada@example.com", EmailVerified: row.verified}}})
			way := ginauth.OAuth{Provider: local(idp, "local")}
			if row.address != "" {
				way.Profile = func(u goth.User) (ginauth.User, error) { return ginauth.User{ID: u.UserID, Email: row.address}, nil }
			}
			var got []ginauth.Account
			a := newApp(t, ginauth.Options{Providers: []ginauth.Provider{way}, Callbacks: ginauth.Callbacks{
				SignIn: func(_ *gin.Context, p ginauth.SignInParams) error {
					got = append(got, *p.Account)
					return nil
				},
			}})
			if b := a.browser(t); !b.signIn(idp, "local").signedIn() {
				t.Fatal(a.log)
			}
			if len(got) != 1 || got[0].EmailVerified != row.want || got[0].ProviderAccountID != "ada" || got[0].Type != "oauth" || got[0].Provider != "local" {
				t.Errorf("%+v", got)
			}
		})
	}
}

// A user has the name that the provider knows, in the order of what people call
// themselves.
func TestOAuth_Name(t *testing.T) {
	t.Parallel()
	for want, claims := range map[string]map[string]any{
		"Ada King":     {"name": "Ada King", "given_name": "Augusta", "family_name": "Byron", "preferred_username": "ada"},
		"Augusta King": {"given_name": "Augusta", "family_name": "King", "preferred_username": "ada"},
		"Augusta":      {"given_name": "Augusta", "preferred_username": "ada"},
		"ada":          {"preferred_username": "ada"},
		"":             {},
	} {
		idp := newIDP(t, ginauthtest.Config{People: []ginauthtest.Person{{Subject: "ada", Email: "Ada@Example.com", Claims: claims}}})
		a := newApp(t, ginauth.Options{Providers: []ginauth.Provider{ginauth.OAuth{Provider: local(idp, "local")}}})
		b := a.browser(t)
		b.signIn(idp, "local")
		var out struct{ User ginauth.User }
		decode(t, b.get("/me").body, &out)
		if out.User.Name != want || out.User.Email != "ada@example.com" {
			t.Errorf("%v: %+v", claims, out.User)
		}
	}
}
