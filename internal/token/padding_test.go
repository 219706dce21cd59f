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
	whole := len(blocks) / aes.BlockSize * aes.BlockSize
	copy(body, blocks) // what is no block stays as it is
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(body[:whole], blocks[:whole])
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

// A token that was sealed with our own key, below a header that names anything else than
// what is in use, does not open: an algorithm is never the token's choice (RFC 8725 §3.1).
func TestV5Header(t *testing.T) {
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
	long := func(length int) string { // of that many characters in base64url
		text := `{"alg":"dir","enc":"A256CBC-HS512","kid":"`
		return text + strings.Repeat("x", length*3/4-len(text)-2) + `"}`
	}
	for _, row := range []struct {
		name, header string
		opens        bool
	}{
		{"of Auth.js without kid", `{"alg":"dir","enc":"A256CBC-HS512"}`, true},
		{"with a type", `{"typ":"JWT","enc":"A256CBC-HS512","alg":"dir"}`, true},
		{"of 512 characters", long(512), true},
		{"longer", long(516), false},
		{"another algorithm", `{"alg":"A256KW","enc":"A256CBC-HS512"}`, false},
		{"another encryption", `{"alg":"dir","enc":"A256GCM"}`, false},
		{"compressed", `{"alg":"dir","enc":"A256CBC-HS512","zip":"DEF"}`, false},
		{"a number for kid", `{"alg":"dir","enc":"A256CBC-HS512","kid":7}`, false},
		{"no object", `"dir"`, false},
		{"cut off", `{"alg":"dir","enc":"A256CBC-HS512"`, false},
		{"empty", ``, false},
	} {
		header := base64.RawURLEncoding.EncodeToString([]byte(row.header))
		blocks := append([]byte("payload"), bytes.Repeat([]byte{9}, 9)...)
		got, _, err := keys.Open(sealedBlocks(t, header, key, blocks))
		if (err == nil) != row.opens || row.opens && string(got) != "payload" {
			t.Errorf("%s: %q, %v", row.name, got, err)
		}
	}
	for _, header := range []string{"!!!!", "e30="} {
		if got, _, err := keys.Open(sealedBlocks(t, header, key, bytes.Repeat([]byte{16}, 16))); err == nil {
			t.Errorf("%s, which is no base64url: %q", header, got)
		}
	}
}

// An authentic token of no whole block does not open, and ends no program.
func TestV5PartialBlocks(t *testing.T) {
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
	for _, length := range []int{0, 1, 15, 17, 31} {
		if got, _, err := keys.Open(sealedBlocks(t, header, key, bytes.Repeat([]byte{1}, length))); err == nil {
			t.Errorf("%d bytes: %q", length, got)
		}
	}
}
