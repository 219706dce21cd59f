package token_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/ginauth/ginauth/internal/token"
)

// V5 opens every token of Auth.js in its own format, and one format alone: that
// Auth.js would also take A256GCM is no reason to.
func TestV5Vectors(t *testing.T) {
	t.Parallel()
	for _, v := range readVectors(t).V5 {
		if v.Salt == "" {
			continue // for the other decoder
		}
		keys, err := token.V5.Keyring(v.Salt, v.Secret)
		if err != nil {
			t.Fatal(err)
		}
		payload, current, err := keys.Open(v.Token)
		if v.Header["enc"] != "A256CBC-HS512" {
			if err == nil {
				t.Errorf("%s opened", v.ID)
			}
			continue
		}
		var got, want any
		if err != nil || !current || json.Unmarshal(payload, &got) != nil || json.Unmarshal(v.DecodedPayload, &want) != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %s, %v", v.ID, payload, err)
		}
		// The protected header, with the key's thumbprint, is the very same.
		if head, theirs := strings.Split(keys.Seal(payload), ".")[0], strings.Split(v.Token, ".")[0]; head != theirs {
			t.Errorf("%s: header %s, want %s", v.ID, head, theirs)
		}
	}
}

func TestV5WithGoJose(t *testing.T) {
	t.Parallel()
	v := readVectors(t).V5[0]
	key, err := hex.DecodeString(v.KeyHex)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := token.V5.Keyring(v.Salt, v.Secret)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 1, 15, 16, 17, 300, 5000} {
		want := bytes.Repeat([]byte{'x'}, n)
		jwe, err := jose.ParseEncryptedCompact(keys.Seal(want), []jose.KeyAlgorithm{jose.DIRECT}, []jose.ContentEncryption{jose.A256CBC_HS512})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := jwe.Decrypt(key); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes: go-jose reads %d, %v", n, len(got), err)
		}
		encrypter, err := jose.NewEncrypter(jose.A256CBC_HS512, jose.Recipient{Algorithm: jose.DIRECT, Key: key}, nil)
		if err != nil {
			t.Fatal(err)
		}
		object, err := encrypter.Encrypt(want)
		if err != nil {
			t.Fatal(err)
		}
		compact, err := object.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		if got, _, err := keys.Open(compact); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes of go-jose's: read %d, %v", n, len(got), err)
		}
	}
}

// No altered, cut or lengthened token opens, and none of another key.
func TestV5Altered(t *testing.T) {
	t.Parallel()
	keys, err := token.V5.Keyring("authjs.session-token", secret)
	if err != nil {
		t.Fatal(err)
	}
	sealed := keys.Seal([]byte(`{"sub":"u-1"}`))
	refused := func(how, altered string) {
		t.Helper()
		if _, _, err := keys.Open(altered); err == nil {
			t.Errorf("%s opened: %q", how, altered)
		}
	}
	for i := range len(sealed) {
		if sealed[i] == '.' {
			continue
		}
		other := byte('A')
		if sealed[i] == other {
			other = 'B'
		}
		refused("altered", sealed[:i]+string(other)+sealed[i+1:])
		refused("cut", sealed[:i])
	}
	parts := strings.Split(sealed, ".")
	body, _ := base64.RawURLEncoding.DecodeString(parts[3])
	for _, n := range []int{0, 1, 15, len(body) - 1} {
		parts[3] = base64.RawURLEncoding.EncodeToString(body[:n])
		refused("shortened", strings.Join(parts, "."))
	}
	for _, salt := range []string{"__Secure-authjs.session-token", "authjs.state"} {
		other, err := token.V5.Keyring(salt, secret)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := other.Open(sealed); err == nil {
			t.Errorf("opened for %s", salt)
		}
	}
	rotated, err := token.V5.Keyring("authjs.session-token", "another secret of at least 32 byte", secret)
	if err != nil {
		t.Fatal(err)
	}
	if _, current, err := rotated.Open(sealed); err != nil || current {
		t.Errorf("after a rotation: current %v, %v", current, err)
	}
}

func FuzzOpenV5(f *testing.F) {
	v := readVectors(f).V5[0] // one token in all of the fuzzer's processes
	keys, err := token.V5.Keyring(v.Salt, v.Secret)
	if err != nil {
		f.Fatal(err)
	}
	sealed := v.Token
	f.Add(sealed)
	f.Add(strings.Repeat(".", 100))
	f.Fuzz(func(t *testing.T, s string) {
		if _, _, err := keys.Open(s); err == nil && s != sealed {
			t.Errorf("%q opened", s)
		}
	})
}
