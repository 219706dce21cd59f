package token_test

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	josecipher "github.com/go-jose/go-jose/v4/cipher"

	"github.com/ginauth/ginauth/internal/token"
)

// FuzzAgainstJose seals by the standard library and go-jose what next-auth might have
// sealed, or nearly, and changes a bit of it. What go-jose opens, opens here as the same
// payload, and the other way round. Only here a header is refused that has more in it than
// the algorithms, a type and a key's name.
func FuzzAgainstJose(f *testing.F) {
	f.Add("", "", "", "", []byte(`{"sub":"1"}`), uint16(0), false)
	f.Add("JWT", "", "", "", []byte(`{"sub":"1"}`), uint16(0), true)
	f.Add("JWT", "k", "cty", "x", []byte{}, uint16(0), false)
	f.Add("", "", "zip", "DEF", []byte("x"), uint16(0), true)
	f.Add("", "", "alg", "A256KW", []byte("x"), uint16(0), false)
	f.Add("", "", "enc", "A128GCM", []byte("x"), uint16(0), false)
	f.Add("", "", "Alg", "none", []byte("x"), uint16(0), true)
	f.Add("at+jwt", "", "", "", []byte("xyz"), uint16(77), false)
	v4, v5 := readVectors(f).V4[0], readVectors(f).V5[0]
	f.Fuzz(func(t *testing.T, typ, kid, name, value string, payload []byte, flip uint16, cbc bool) {
		v, format, enc := v4, token.V4, jose.A256GCM
		if cbc {
			v, format, enc = v5, token.V5, jose.A256CBC_HS512
		}
		key, err := hex.DecodeString(v.KeyHex)
		if err != nil {
			t.Fatal(err)
		}
		ring, err := format.Keyring(v.Salt, v.Secret)
		if err != nil {
			t.Fatal(err)
		}
		header := map[string]string{"alg": "dir", "enc": string(enc)}
		for member, text := range map[string]string{"typ": typ, "kid": kid, name: value} {
			if text != "" {
				header[member] = text
			}
		}
		raw, err := json.Marshal(header)
		if err != nil {
			t.Fatal(err)
		}
		sealed := flipped(sealedWith(t, key, raw, payload, cbc), flip)

		var want []byte
		opened := false
		if jwe, err := jose.ParseEncryptedCompact(sealed, []jose.KeyAlgorithm{jose.DIRECT}, []jose.ContentEncryption{enc}); err == nil {
			want, err = jwe.Decrypt(key)
			opened = err == nil
		}
		got, _, err := ring.Open(sealed)
		if err == nil && (!opened || string(got) != string(want)) {
			t.Errorf("%s: %q here, %q at go-jose", raw, got, want)
		}
		if plain(header) && asWritten(sealed) && opened && err != nil {
			t.Errorf("%s: go-jose opens %q", raw, sealed)
		}
	})
}

// plain reports whether a header has nothing that is refused here alone.
func plain(header map[string]string) bool {
	size := 0
	for name, text := range header {
		if !slices.Contains([]string{"alg", "enc", "typ", "kid"}, name) {
			return false
		}
		size += 6 * len(text)
	}
	return size < 300
}

// asWritten reports whether each part is in the one spelling of base64url that has no
// stray bits at its end. go-jose opens others too: it ignores such bits, and authenticates
// the header as it would write it and not as it came (RFC 7516 §5.2, step 15).
func asWritten(sealed string) bool {
	for part := range strings.SplitSeq(sealed, ".") {
		if _, err := base64.RawURLEncoding.Strict().DecodeString(part); err != nil {
			return false
		}
	}
	return true
}

// flipped changes the letter at a place of a text, for a place that is not zero.
func flipped(text string, place uint16) string {
	if place == 0 {
		return text
	}
	b := []byte(text)
	b[int(place)%len(b)] ^= 1
	return string(b)
}

func sealedWith(t *testing.T, key, header, payload []byte, cbc bool) string {
	t.Helper()
	encode := base64.RawURLEncoding.EncodeToString
	var aead cipher.AEAD
	var err error
	if cbc {
		aead, err = josecipher.NewCBCHMAC(key, aes.NewCipher)
	} else {
		var block cipher.Block
		if block, err = aes.NewCipher(key); err == nil {
			aead, err = cipher.NewGCM(block)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	iv, head := make([]byte, aead.NonceSize()), encode(header)
	sealed := aead.Seal(nil, iv, payload, []byte(head))
	tag := len(sealed) - 16
	if cbc {
		tag = len(sealed) - 32
	}
	return head + ".." + encode(iv) + "." + encode(sealed[:tag]) + "." + encode(sealed[tag:])
}
