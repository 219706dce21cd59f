package token_test

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"testing"
)

// sealUnder makes a compact JWE with any protected header (RFC 7516 §5.1).
func sealUnder(t *testing.T, key []byte, header, payload string) string {
	t.Helper()
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	head, iv := encode([]byte(header)), make([]byte, aead.NonceSize())
	sealed := aead.Seal(nil, iv, []byte(payload), []byte(head))
	return head + ".." + encode(iv) + "." + encode(sealed[:len(payload)]) + "." + encode(sealed[len(payload):])
}
