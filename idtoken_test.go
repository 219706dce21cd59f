package ginauth_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/ginauth/ginauth"
)

// FuzzIDToken reads what a token endpoint may send as an id_token.
func FuzzIDToken(f *testing.F) {
	for _, payload := range []string{`{"iss":"i","sub":"s","sid":"x"}`, `{"Iss":"i","SUB":"s"}`, `{"sub":1}`, `[]`, `null`, `{"sub":"a","sub":"b"}`} {
		f.Add("e30." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".c2ln")
	}
	f.Add("..")
	f.Add("a.%.c")
	f.Fuzz(func(t *testing.T, raw string) {
		issuer, subject, session := ginauth.ReadIDToken(raw)
		if issuer == "" && subject == "" && session == "" {
			return
		}
		payload, err := base64.RawURLEncoding.DecodeString(strings.Split(raw, ".")[1])
		var claims map[string]json.RawMessage
		if err != nil || json.Unmarshal(payload, &claims) != nil {
			t.Fatalf("%q is no JWT, and names %q %q %q", raw, issuer, subject, session)
		}
		for name, value := range map[string]string{"iss": issuer, "sub": subject, "sid": session} {
			if _, ok := claims[name]; !ok && value != "" {
				t.Errorf("%s is %q, and not a claim of %s", name, value, payload)
			}
		}
	})
}

// Tokens that a store which is down did not take are held for some sessions and for
// some time, and not without bound.
func TestRenewals_UnsavedAreBounded(t *testing.T) {
	t.Parallel()
	const many = 3000
	held, later := ginauth.RescueGrants(many, 10*time.Minute)
	if held < 100 || held > many/2 {
		t.Errorf("the tokens of %d of %d sessions are held", held, many)
	}
	if later != 1 {
		t.Errorf("ten minutes later those of %d are", later)
	}
}
