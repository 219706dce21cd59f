package tokenset_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/ginauth/ginauth/internal/tokenset"
)

// FuzzIDToken reads what a token endpoint may send as an id_token.
func FuzzIDToken(f *testing.F) {
	for _, payload := range []string{`{"iss":"i","sub":"s","sid":"x"}`, `{"Iss":"i","SUB":"s"}`, `{"sub":1}`, `[]`, `null`, `{"sub":"a","sub":"b"}`} {
		f.Add("e30." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".c2ln")
	}
	f.Add("..")
	f.Add("a.%.c")
	f.Fuzz(func(t *testing.T, raw string) {
		read := tokenset.ReadIDToken(raw)
		if read == (tokenset.IDToken{}) {
			return
		}
		payload, err := base64.RawURLEncoding.DecodeString(strings.Split(raw, ".")[1])
		var claims map[string]json.RawMessage
		if err != nil || json.Unmarshal(payload, &claims) != nil {
			t.Fatalf("%q is no JWT, and is read as %+v", raw, read)
		}
		for name, value := range map[string]string{"iss": read.Issuer, "sub": read.Subject, "sid": read.Session} {
			if _, ok := claims[name]; !ok && value != "" {
				t.Errorf("%s is %q, and not a claim of %s", name, value, payload)
			}
		}
	})
}

// What is not a JWT with a JSON object has no claims, and only exact names count.
func TestReadIDToken(t *testing.T) {
	t.Parallel()
	encode := base64.RawURLEncoding.EncodeToString
	for raw, want := range map[string]tokenset.IDToken{
		"h." + encode([]byte(`{"iss":"i","sub":"s","sid":"x"}`)) + ".c":     {Issuer: "i", Subject: "s", Session: "x"},
		"h." + encode([]byte(`{"Iss":"i","SUB":"s","sid":7}`)) + ".c":       {},
		"h." + encode([]byte(`{"iss":"i","sub":"s"}`)):                      {},
		"h." + encode([]byte(`{"iss":"i","sub":"s"}`)) + ".c.d":             {},
		"h." + encode([]byte(`{"iss":"i","sub":"s","n":`)) + ".c":           {},
		"h." + encode([]byte(`{"iss":"i","sub":"s"}`)) + "=.c":              {}, // it decodes up to the padding
		"h." + encode([]byte(`{"iss":"i","sub":"s","n":1} {"x":1}`)) + ".c": {},
		"": {},
	} {
		if got := tokenset.ReadIDToken(raw); got != want {
			t.Errorf("%s: %+v, want %+v", raw, got, want)
		}
	}
}

// A payload with anything behind it is none, whatever can be read of it.
func TestReadIDToken_Broken(t *testing.T) {
	t.Parallel()
	whole := base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"i","sub":"s","sid":"d"}  `)) // a multiple of three bytes
	if got := tokenset.ReadIDToken("e30." + whole + ".x"); got != (tokenset.IDToken{Issuer: "i", Subject: "s", Session: "d"}) {
		t.Errorf("%+v", got)
	}
	for _, payload := range []string{whole + "!", whole + "===", whole + " ", "!" + whole} {
		if got := tokenset.ReadIDToken("e30." + payload + ".x"); got != (tokenset.IDToken{}) {
			t.Errorf("%q is read as %+v", payload, got)
		}
	}
}
