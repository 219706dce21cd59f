package token

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/binary"
	"errors"
)

// cbcHMAC is A256CBC-HS512 (RFC 7518 §5.2.5) as a cipher.AEAD: AES-256 in CBC
// mode, authenticated by HMAC-SHA-512 over the associated data, the IV and the
// ciphertext. The tag is checked before anything is decrypted.
type cbcHMAC struct {
	mac   []byte
	block cipher.Block
}

const (
	cbcIV  = aes.BlockSize
	cbcTag = 32
)

// newCBCHMAC takes the 64-byte key, MAC key first (RFC 7518 §5.2.2.1).
func newCBCHMAC(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key[32:])
	if err != nil {
		return nil, err
	}
	return &cbcHMAC{mac: key[:32], block: block}, nil
}

func (c *cbcHMAC) NonceSize() int { return cbcIV }

// Overhead is the longest padding and the tag.
func (c *cbcHMAC) Overhead() int { return aes.BlockSize + cbcTag }

func (c *cbcHMAC) Seal(dst, iv, plaintext, data []byte) []byte {
	padding := aes.BlockSize - len(plaintext)%aes.BlockSize
	body := make([]byte, len(plaintext)+padding)
	copy(body, plaintext)
	for i := len(plaintext); i < len(body); i++ {
		body[i] = byte(padding)
	}
	cipher.NewCBCEncrypter(c.block, iv).CryptBlocks(body, body)
	tag := c.tag(data, iv, body)
	return append(append(dst, body...), tag...)
}

var errOpen = errors.New("token: message authentication failed")

func (c *cbcHMAC) Open(dst, iv, sealed, data []byte) ([]byte, error) {
	n := len(sealed) - cbcTag
	if n < aes.BlockSize || n%aes.BlockSize != 0 {
		return nil, errOpen
	}
	body, tag := sealed[:n], sealed[n:]
	if subtle.ConstantTimeCompare(tag, c.tag(data, iv, body)) != 1 {
		return nil, errOpen
	}
	plaintext := make([]byte, n)
	cipher.NewCBCDecrypter(c.block, iv).CryptBlocks(plaintext, body)
	// Authentic, so that the padding is our own or Auth.js's: a fault in it tells
	// an attacker nothing.
	padding := int(plaintext[n-1])
	if padding == 0 || padding > aes.BlockSize {
		return nil, errOpen
	}
	for _, b := range plaintext[n-padding:] {
		if int(b) != padding {
			return nil, errOpen
		}
	}
	return append(dst, plaintext[:n-padding]...), nil
}

func (c *cbcHMAC) tag(data, iv, body []byte) []byte {
	h := hmac.New(sha512.New, c.mac)
	h.Write(data)
	h.Write(iv)
	h.Write(body)
	var bits [8]byte
	binary.BigEndian.PutUint64(bits[:], 8*uint64(len(data)))
	h.Write(bits[:])
	return h.Sum(nil)[:cbcTag]
}
