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
	return sealUnderHead(t, key, base64.RawURLEncoding.EncodeToString([]byte(header)), payload)
}

// sealUnderHead is sealUnder with a header as it is sent.
func sealUnderHead(t *testing.T, key []byte, head, payload string) string {
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
	iv := make([]byte, aead.NonceSize())
	sealed := aead.Seal(nil, iv, []byte(payload), []byte(head))
	return head + ".." + encode(iv) + "." + encode(sealed[:len(payload)]) + "." + encode(sealed[len(payload):])
}
