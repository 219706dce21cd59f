package openid_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ginauth/ginauth/internal/openid"
)

var parties = openid.Parties{Audiences: []string{"ios"}, Presenters: []string{"android"}}

// What of a token is checked when it is handed over. Those of TestVerifyClaims hold too.
func TestVerifyHanded(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	c := i.client()
	ago := func(d time.Duration) int64 { return time.Now().Add(-d).Unix() }
	for _, row := range []struct {
		name    string
		change  map[string]any
		nonce   string // that is expected
		access  string
		refused string // part of the error, "" when accepted
	}{
		{"honest", nil, nonce, accessToken, ""},
		{"no access token came along", nil, nonce, "", ""},
		{"no at_hash, no access token", map[string]any{"at_hash": nil}, nonce, "", ""},
		{"no at_hash", map[string]any{"at_hash": nil}, nonce, accessToken, "did not have an access token hash"},
		{"other at_hash", map[string]any{"at_hash": atHash("another")}, nonce, accessToken, "access token hash"},
		{"an audience", map[string]any{"aud": "ios"}, nonce, "", ""},
		{"an audience as azp too", map[string]any{"aud": "ios", "azp": "ios"}, nonce, "", ""},
		{"a presenter", map[string]any{"azp": "android"}, nonce, "", ""},
		{"several audiences, a presenter", map[string]any{"aud": []string{clientID, "ios"}, "azp": "android"}, nonce, "", ""},
		{"several audiences, no azp", map[string]any{"aud": []string{clientID, "ios"}}, nonce, "", "no azp"},
		{"a foreign audience too", map[string]any{"aud": []string{clientID, "api"}, "azp": clientID}, nonce, "", "for another client"},
		{"a foreign audience", map[string]any{"aud": "api"}, nonce, "", "for another client: its aud is [api], expected audience " + clientID + " ios"},
		{"a presenter as audience", map[string]any{"aud": "android"}, nonce, "", "for another client"},
		{"no audience", map[string]any{"aud": nil}, nonce, "", "no aud"},
		{"an empty audience", map[string]any{"aud": ""}, nonce, "", "for another client"},
		{"a client of the same project", map[string]any{"azp": "other"}, nonce, "", "azp is another client"},
		{"an audience as azp of another", map[string]any{"azp": "ios"}, nonce, "", "azp is another client"},
		{"an empty azp", map[string]any{"azp": ""}, nonce, "", "azp is another client"},
		{"azp is a list", map[string]any{"azp": []string{"android"}}, nonce, "", "not a string"},
		{"other nonce", map[string]any{"nonce": "another"}, nonce, "", "nonce"},
		{"no nonce", map[string]any{"nonce": nil}, nonce, "", "nonce"},
		{"no nonce is expected", map[string]any{"nonce": nil}, "", "", "no nonce"},
		{"four minutes old", map[string]any{"iat": ago(4 * time.Minute)}, nonce, "", ""},
		{"six minutes old", map[string]any{"iat": ago(6 * time.Minute)}, nonce, "", "issued 6m"},
		{"iat in an hour", map[string]any{"iat": ago(-time.Hour)}, nonce, "", "iat lies in the future"},
		{"no iat", map[string]any{"iat": nil}, nonce, "", "no iat"},
		{"expired", map[string]any{"exp": ago(time.Minute)}, nonce, "", "expired"},
		{"other issuer", map[string]any{"iss": "https://evil.example"}, nonce, "", "different provider"},
		{"an audience, not valid yet", map[string]any{"aud": "ios", "nbf": ago(-time.Hour)}, nonce, "", "not valid yet"},
		{"no sub", map[string]any{"sub": nil}, nonce, "", "no sub"},
		{"AZP beside azp", map[string]any{"azp": "android", "AZP": "other"}, nonce, "", "beside azp"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			token, err := c.VerifyHanded(t.Context(), i.sign(t, i.claims(row.change)), row.nonce, row.access, parties)
			switch {
			case row.refused == "" && (err != nil || token.Subject != "alice"):
				t.Errorf("%v, %v", token, err)
			case row.refused != "" && (token != nil || err == nil || !strings.Contains(err.Error(), row.refused)):
				t.Errorf("%v, %v, want %q", token, err, row.refused)
			}
		})
	}
	if _, err := c.VerifyHanded(t.Context(), "no token", nonce, "", parties); err == nil || !strings.Contains(err.Error(), "not a JWT") {
		t.Errorf("what is no token: %v", err)
	}
	// Where the issuer leaves the nonce out of its own sign-ins, a token that is handed over
	// still has one.
	optional := i.client()
	optional.NonceOptional = true
	if _, err := optional.VerifyHanded(t.Context(), i.sign(t, i.claims(map[string]any{"nonce": nil})), nonce, "", parties); err == nil {
		t.Error("a token without a nonce passes")
	}
	several := i.client()
	several.AudiencesWithoutParty = true
	if _, err := several.VerifyHanded(t.Context(), i.sign(t, i.claims(map[string]any{"aud": []string{clientID, "ios"}})), nonce, "", parties); err != nil {
		t.Error(err)
	}
}

// Another kind of token of the same issuer is no id_token, even with all of its claims.
func TestVerifyHanded_Type(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	c := i.client()
	for typ, ok := range map[string]bool{"": true, "JWT": true, "jwt": true, "at+jwt": false, "application/at+jwt": false, "logout+jwt": false, "dpop+jwt": false} {
		opts := &jose.SignerOptions{}
		if typ != "" {
			opts.WithType(jose.ContentType(typ))
		}
		signer, err := jose.NewSigner(i.signer, opts)
		if err != nil {
			t.Fatal(err)
		}
		payload, err := json.Marshal(i.claims(nil))
		if err != nil {
			t.Fatal(err)
		}
		jws, err := signer.Sign(payload)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := jws.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.VerifyHanded(t.Context(), raw, nonce, "", parties); (err == nil) != ok {
			t.Errorf("typ %q: %v", typ, err)
		}
	}
}

// Strangers' tokens with unknown keys do not flood the issuer with requests, nor do they
// keep the sign-ins of the code flow from finding a new key.
func TestVerifyHanded_UnknownKeys(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	c := i.client()
	forged := i.signer
	i.rotate(t, "key-2")
	for range 40 {
		if _, err := c.VerifyHanded(t.Context(), sign(t, forged, i.claims(nil)), nonce, "", parties); err == nil {
			t.Fatal("a token by a key that was taken back passes")
		}
	}
	if got := i.keyFetches.Load(); got < 1 || got > 6 {
		t.Errorf("the keys were fetched %d times", got)
	}
	if _, err := c.Verify(t.Context(), i.sign(t, i.claims(nil)), nonce, accessToken); err != nil {
		t.Error(err)
	}
}

// FuzzVerifyHanded signs any claims. What passes has, by encoding/json and exact names,
// what the checks promise.
func FuzzVerifyHanded(f *testing.F) {
	i := newIssuer(f)
	c := i.client()
	for _, members := range []string{
		`"azp":"android"`, `"aud":"ios"`, `"aud":["ios","client"],"azp":"ios"`, `"azp":null`, `"aud":[]`, `"iat":0`, `"nonce":"x"`, `"Nonce":"x"`, `"nonce":["a"]`, `"sub":""`, `"azp":{}`,
	} {
		f.Add(members)
	}
	base, err := json.Marshal(i.claims(nil))
	if err != nil {
		f.Fatal(err)
	}
	audiences := []string{clientID, "ios"}
	f.Fuzz(func(t *testing.T, members string) {
		payload := string(base[:len(base)-1]) + "," + members + "}"
		raw := signBytes(t, i.signer, []byte(payload))
		read := openid.HandedNonce(raw)
		if _, err := c.VerifyHanded(context.Background(), raw, read, "", parties); err != nil {
			return
		}
		var claims map[string]any
		if err := json.Unmarshal([]byte(payload), &claims); err != nil {
			t.Fatalf("accepted what does not parse: %v", err)
		}
		if claims["nonce"] != read || read == "" || claims["sub"] == "" || claims["iss"] != i.URL {
			t.Fatalf("accepted %v", claims)
		}
		aud, list := claims["aud"].([]any)
		if !list {
			aud = []any{claims["aud"]}
		}
		azp, has := claims["azp"].(string)
		known := !has && claims["azp"] == nil && len(aud) == 1 || azp == "android" && has
		for _, a := range aud {
			text, ok := a.(string)
			if !ok || !slices.Contains(audiences, text) {
				t.Fatalf("accepted audiences %v", aud)
			}
			known = known || has && text == azp
		}
		if !known || len(aud) == 0 {
			t.Fatalf("accepted audiences %v and azp %v", aud, claims["azp"])
		}
	})
}

// FuzzHandedNonce reads any text, without a panic, and finds a nonce only where
// encoding/json finds that one.
func FuzzHandedNonce(f *testing.F) {
	for _, seed := range []string{"", "..", "a.e30.b", "a.eyJub25jZSI6ImEifQ.b", "a.eyJub25jZSI6MX0.b", "a.eyJOb25jZSI6ImEifQ.b", "a.eyJub25jZSI6ImEifQ.b.c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if got := openid.HandedNonce(raw); got != "" && strings.Count(raw, ".") != 2 {
			t.Errorf("%q has the nonce %q", raw, got)
		}
	})
}
