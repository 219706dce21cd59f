package tokenset_test

import (
	"encoding/base64"
	"errors"
	"reflect"
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
		name, before string
		after        any // no answer holds anything but a text, and one that does changes nothing
		refused      bool
		kept         string // the id_token from now on
	}{
		{"the same person", kept, idToken(`{"iss":"https://id.example","sub":"ada","iat":2}`), false, idToken(`{"iss":"https://id.example","sub":"ada","iat":2}`)},
		{"another person", kept, idToken(`{"iss":"https://id.example","sub":"bob"}`), true, ""},
		{"of another issuer", kept, idToken(`{"iss":"https://id.example/","sub":"ada"}`), true, ""},
		{"nobody", kept, idToken(`{"iss":"https://id.example"}`), true, ""},
		{"not readable", kept, "x", true, ""},
		{"nobody, as before", idToken(`{"iss":"https://id.example"}`), idToken(`{"iss":"https://id.example"}`), true, ""},
		{"none in the answer", kept, "", false, kept},
		{"a number in the answer", kept, 7, false, kept},
		{"nobody, of another issuer", idToken(`{"iss":"https://id.example"}`), idToken(`{"iss":"https://evil.example"}`), true, ""},
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

// What a sign-in leaves: nothing without need, a refresh token and an id_token in a store
// alone, and the id_token only where the tokens or the sign-out at the provider need it.
func TestNew(t *testing.T) {
	t.Parallel()
	expires := time.Unix(1_700_000_000, 5)
	all := tokenset.Tokens{Access: "a", Expires: expires, Refresh: "r", IDToken: "i"}
	bare := tokenset.Tokens{Access: "a"}
	type use = tokenset.Use
	for _, tt := range []struct {
		from tokenset.Tokens
		use  use
		want *tokenset.Grant
	}{
		{all, use{}, nil},
		{all, use{Stored: true}, nil},
		{all, use{Tokens: true}, &tokenset.Grant{Provider: "p", Access: "a", Expires: 1_700_000_000}},
		{bare, use{Tokens: true}, &tokenset.Grant{Provider: "p", Access: "a"}},
		{all, use{Tokens: true, Stored: true}, &tokenset.Grant{Provider: "p", Access: "a", Expires: 1_700_000_000, Refresh: "r", IDToken: "i"}},
		{all, use{SignOut: true}, &tokenset.Grant{Provider: "p"}},
		{all, use{SignOut: true, Stored: true}, &tokenset.Grant{Provider: "p", IDToken: "i"}},
		{all, use{Ended: true}, &tokenset.Grant{Provider: "p"}},
		{all, use{Ended: true, Stored: true}, &tokenset.Grant{Provider: "p"}},
		{tokenset.Tokens{Refresh: "r", IDToken: "i"}, use{Tokens: true, Stored: true}, nil},
		{tokenset.Tokens{Refresh: "r", IDToken: "i"}, use{Tokens: true, SignOut: true, Stored: true}, &tokenset.Grant{Provider: "p", IDToken: "i"}},
	} {
		if got := tokenset.New("p", tt.from, tt.use); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%+v: %+v, want %+v", tt.use, got, tt.want)
		}
	}
}

// A claim of that name that is no grant stays the application's own.
func TestParse(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]*tokenset.Grant{
		`{"p":"forge","a":"x","e":5,"r":"y","i":"z","x":true,"s":"1","d":"2"}`: {
			Provider: "forge", Access: "x", Expires: 5, Refresh: "y", IDToken: "z", Refused: true, Account: "1", Session: "2",
		},
		`{"p":"forge"}`:         {Provider: "forge"},
		`{"p":"forge","e":"5"}`: nil,
		`{"p":""}`:              nil,
		`{}`:                    nil,
		`null`:                  nil,
		`"forge"`:               nil,
		`{"p":"forge"`:          nil,
		``:                      nil,
	} {
		if got := tokenset.Parse(raw); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", raw, got, want)
		}
	}
}

// An access token is renewed from 30 seconds before its end, and has expired at it. One
// whose end the provider does not tell is good.
func TestGrant_Times(t *testing.T) {
	t.Parallel()
	end := time.Unix(1_700_000_000, 0)
	for _, tt := range []struct {
		expires        int64
		now            time.Time
		renew, expired bool
	}{
		{end.Unix(), end.Add(-31 * time.Second), false, false},
		{end.Unix(), end.Add(-30*time.Second - 1), false, false},
		{end.Unix(), end.Add(-30 * time.Second), true, false},
		{end.Unix(), end.Add(-1), true, false},
		{end.Unix(), end, true, true},
		{end.Unix(), end.Add(time.Hour), true, true},
		{0, end, false, false},
		{1, end, true, true},
		{-1, end, true, true},
	} {
		g := &tokenset.Grant{Provider: "p", Expires: tt.expires}
		if g.NeedsRefresh(tt.now) != tt.renew || g.Expired(tt.now) != tt.expired {
			t.Errorf("%+v: %v, %v", tt, g.NeedsRefresh(tt.now), g.Expired(tt.now))
		}
	}
}

func TestGrant_Renewable(t *testing.T) {
	t.Parallel()
	var none *tokenset.Grant
	if none.Renewable() || (&tokenset.Grant{Provider: "p"}).Renewable() || !(&tokenset.Grant{Refresh: "r"}).Renewable() {
		t.Error("only a grant with a refresh token is renewable")
	}
}

// A refused grant has no tokens left, and still says whose session it is.
func TestGrant_Refuse(t *testing.T) {
	t.Parallel()
	g := &tokenset.Grant{Provider: "p", Access: "a", Expires: 5, Refresh: "r", IDToken: "i", Account: "1", Session: "2"}
	want := &tokenset.Grant{Provider: "p", IDToken: "i", Refused: true, Account: "1", Session: "2"}
	if got := g.Refuse(); !reflect.DeepEqual(got, want) || g.Refused {
		t.Errorf("%+v, want %+v", got, want)
	}
}
