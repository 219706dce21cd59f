package token_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/ginauth/ginauth/internal/token"
)

// sealedBlocks seals whole blocks as A256CBC-HS512 does (RFC 7518 §5.2.2.1), with
// whatever padding they end with. It is written from the RFC, and shares nothing with
// the code under test.
func sealedBlocks(t *testing.T, header string, key, blocks []byte) string {
	t.Helper()
	block, err := aes.NewCipher(key[32:])
	if err != nil {
		t.Fatal(err)
	}
	iv := bytes.Repeat([]byte{7}, aes.BlockSize)
	body := make([]byte, len(blocks))
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(body, blocks)
	mac := hmac.New(sha512.New, key[:32])
	for _, part := range [][]byte{[]byte(header), iv, body, binary.BigEndian.AppendUint64(nil, uint64(8*len(header)))} {
		mac.Write(part)
	}
	part := base64.RawURLEncoding.EncodeToString
	return strings.Join([]string{header, "", part(iv), part(body), part(mac.Sum(nil)[:32])}, ".")
}

// An authentic token whose padding is not PKCS #7's (RFC 5652 §6.3) does not open: its
// text would be another, or none.
func TestV5Padding(t *testing.T) {
	t.Parallel()
	const salt = "authjs.session-token"
	keys, err := token.V5.Keyring(salt, secret)
	if err != nil {
		t.Fatal(err)
	}
	key, err := hkdf.Key(sha256.New, []byte(secret), []byte(salt), "Auth.js Generated Encryption Key ("+salt+")", 64)
	if err != nil {
		t.Fatal(err)
	}
	header, _, _ := strings.Cut(keys.Seal([]byte("{}")), ".")
	text := strings.Repeat("x", 32)
	with := func(n int, padding ...byte) []byte { return append([]byte(text[:n]), padding...) }
	for _, row := range []struct {
		name   string
		blocks []byte
		want   string
		opens  bool
	}{
		{"one byte", with(15, 1), text[:15], true},
		{"five", with(27, 5, 5, 5, 5, 5), text[:27], true},
		{"a whole block", with(16, bytes.Repeat([]byte{16}, 16)...), text[:16], true},
		{"nothing but padding", bytes.Repeat([]byte{16}, 16), "", true},
		{"zero", with(15, 0), "", false},
		{"a block of zeros", with(16, make([]byte, 16)...), "", false},
		{"seventeen", bytes.Repeat([]byte{17}, 32), "", false},
		{"thirty-two", bytes.Repeat([]byte{32}, 32), "", false},
		{"all bits", with(15, 255), "", false},
		{"the first of five is another", with(27, 4, 5, 5, 5, 5), "", false},
		{"one of five is another", with(27, 5, 5, 0, 5, 5), "", false},
		{"the last but one is another", with(30, 1, 2), "", false},
		{"ISO 7816", with(27, 0x80, 0, 0, 0, 0), "", false},
		{"ANSI X9.23", with(27, 0, 0, 0, 0, 5), "", false},
	} {
		got, _, err := keys.Open(sealedBlocks(t, header, key, row.blocks))
		if (err == nil) != row.opens || string(got) != row.want {
			t.Errorf("%s: %q, %v", row.name, got, err)
		}
	}
}
