package tokenset_test

import (
	"encoding/base64"
	"errors"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/internal/tokenset"
)

func idToken(payload string) string {
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".c2ln"
}

// A refreshed id_token is of the same issuer and subject (OpenID Connect Core §12.2).
func TestRenew_SamePerson(t *testing.T) {
	t.Parallel()
	kept := idToken(`{"iss":"https://id.example","sub":"ada"}`)
	for _, tt := range []struct {
		name, before, after string
		refused             bool
		kept                string // the id_token from now on
	}{
		{"the same person", kept, idToken(`{"iss":"https://id.example","sub":"ada","iat":2}`), false, idToken(`{"iss":"https://id.example","sub":"ada","iat":2}`)},
		{"another person", kept, idToken(`{"iss":"https://id.example","sub":"bob"}`), true, ""},
		{"of another issuer", kept, idToken(`{"iss":"https://id.example/","sub":"ada"}`), true, ""},
		{"nobody", kept, idToken(`{"iss":"https://id.example"}`), true, ""},
		{"not readable", kept, "x", true, ""},
		{"nobody, as before", idToken(`{"iss":"https://id.example"}`), idToken(`{"iss":"https://id.example"}`), true, ""},
		{"none in the answer", kept, "", false, kept},
		{"none was kept", "", idToken(`{"iss":"https://id.example","sub":"bob"}`), false, ""},
	} {
		g := &tokenset.Grant{Provider: "p", Access: "old", Refresh: "r", IDToken: tt.before}
		tok := (&oauth2.Token{AccessToken: "new", RefreshToken: "s"}).WithExtra(map[string]any{"id_token": tt.after})
		next, err := g.Renew(tok, time.Now())
		if tt.refused != errors.Is(err, tokenset.ErrOtherSubject) || tt.refused != (next == nil) {
			t.Errorf("%s: %+v, %v", tt.name, next, err)
			continue
		}
		if next != nil && (next.Access != "new" || next.Refresh != "s" || next.IDToken != tt.kept || next.Provider != "p") {
			t.Errorf("%s: %+v", tt.name, next)
		}
		if g.Access != "old" {
			t.Errorf("%s: the grant itself was changed", tt.name)
		}
	}
}

// expires_in counts from now; a provider's own time is taken as it is.
func TestRenew_Expires(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	for _, tt := range []struct {
		tok  oauth2.Token
		want int64
	}{
		{oauth2.Token{AccessToken: "a"}, 0},
		{oauth2.Token{AccessToken: "a", ExpiresIn: 1}, now.Unix() + 1},
		{oauth2.Token{AccessToken: "a", ExpiresIn: 60, Expiry: now}, now.Unix() + 60},
		{oauth2.Token{AccessToken: "a", Expiry: now.Add(time.Hour)}, now.Unix() + 3600},
	} {
		next, err := (&tokenset.Grant{Provider: "p", Expires: 5}).Renew(&tt.tok, now)
		if err != nil || next.Expires != tt.want {
			t.Errorf("%+v: %+v, %v", tt.tok, next, err)
		}
	}
}
