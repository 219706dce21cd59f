package token_test

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/ginauth/ginauth/internal/token"
)

// vector is a token that another implementation made, with the verdict of
// next-auth's own decoder.
type vector struct {
	ID             string
	Secret, Salt   string
	KeyHex         string
	Header         map[string]string
	InputPayload   json.RawMessage
	DecodedPayload json.RawMessage
	Token          string
	Expect, Error  string
}

type vectors struct {
	V4, V5 []vector
	CSRF   []struct{ Secret, Token, Hash, CookieValue string }
}

func readVectors(t testing.TB) vectors {
	t.Helper()
	raw, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.V4) < 26 || len(v.V5) < 7 || len(v.CSRF) < 1 {
		t.Fatalf("only %d, %d and %d vectors", len(v.V4), len(v.V5), len(v.CSRF))
	}
	return v
}

// opens reports whether the token of a vector must open. Its claims are not this
// package's business, so one that next-auth's decoder refuses for its claims
// opens. Of the algorithms that decoder takes, only dir with A256GCM is ours.
func (v vector) opens() bool {
	if strings.Contains(v.ID, "agility") {
		return v.Header["alg"] == "dir" && v.Header["enc"] == "A256GCM" && v.Header["zip"] == ""
	}
	return v.Expect == "ok" || strings.HasPrefix(v.Error, "ERR_JWT_")
}

func TestVectors(t *testing.T) {
	t.Parallel()
	opened := 0
	for _, v := range readVectors(t).V4 {
		if v.Secret == "" {
			continue // TestEmptySecret
		}
		if v.opens() {
			opened++
		}
		t.Run(v.ID, func(t *testing.T) {
			t.Parallel()
			payload, current, err := ring(t, v.Salt, v.Secret).Open(v.Token)
			if !v.opens() {
				if err != token.ErrInvalid || payload != nil {
					t.Fatalf("got %q, %v, want ErrInvalid", payload, err)
				}
				return
			}
			if err != nil || !current {
				t.Fatalf("current %v, error %v", current, err)
			}
			want := v.DecodedPayload
			if want == nil {
				want = v.InputPayload
			}
			sameJSON(t, payload, want)
		})
	}
	if opened != 17 {
		t.Errorf("%d vectors open, want 17: the list above tests less than it says", opened)
	}
}

func TestVectorsV5Refused(t *testing.T) {
	t.Parallel()
	for _, v := range readVectors(t).V5 {
		for _, salt := range []string{"", v.Salt} {
			if payload, _, err := ring(t, salt, v.Secret).Open(v.Token); err != token.ErrInvalid {
				t.Errorf("%s under salt %q opened: %q", v.ID, salt, payload)
			}
		}
	}
}

func TestVectorsCSRF(t *testing.T) {
	t.Parallel()
	for _, v := range readVectors(t).CSRF {
		got, ok := token.NewCSRF(v.Secret).Open(v.CookieValue)
		if !ok || got != v.Token {
			t.Errorf("got %q, %v, want %q", got, ok, v.Token)
		}
		if _, ok := token.NewCSRF("x" + v.Secret).Open(v.CookieValue); ok {
			t.Error("opened with another secret")
		}
	}
}

func TestEmptySecret(t *testing.T) {
	t.Parallel()
	for _, secrets := range [][]string{nil, {""}, {"a", ""}} {
		if _, err := token.V4.Keyring("", secrets...); err == nil {
			t.Errorf("Keyring took %q", secrets)
		}
	}
}

func ring(t testing.TB, salt string, secrets ...string) *token.Keyring {
	t.Helper()
	k, err := token.V4.Keyring(salt, secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func sameJSON(t *testing.T, got, want []byte) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal(got, &g); err != nil {
		t.Fatalf("%v in %s", err, got)
	}
	if err := json.Unmarshal(want, &w); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(g, w) {
		t.Fatalf("got %s, want %s", got, want)
	}
}
