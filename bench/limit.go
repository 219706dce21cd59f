package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
)

// nextAuthKey derives the key of next-auth's session tokens from the secret.
func nextAuthKey() ([]byte, error) {
	return hkdf.Key(sha256.New, []byte(secret), nil, "NextAuth.js Generated Encryption Key", 32)
}

// claims are what the limit takes from a token.
type claims struct {
	Subject     string `json:"sub"`
	Name        string `json:"name"`
	Email       string `json:"email"`
	Picture     string `json:"picture"`
	Expires     int64  `json:"exp"`
	AccessToken string `json:"accessToken"`
}

var errSession = errors.New("no session")

// openLimit is the least that reading ginauth's token can cost in Go: no request
// forgery check, no cache headers, no rotated secrets, no chunks, no rare claim, and a
// cipher prepared once. Only what cannot be left out is there: the cookie is
// found, the token is authenticated and decrypted, its end is checked, and the
// claims are handed to the handler.
func openLimit(parser string) func(*crowd) (*site, error) {
	parse := parsers[parser]
	return func(all *crowd) (*site, error) {
		key, err := nextAuthKey()
		if err != nil {
			return nil, err
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, err
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			return nil, err
		}
		engine := gin.New()
		engine.GET("/", func(c *gin.Context) {
			var t claims
			if openToken(&t, aead, findCookie(c.Request.Header["Cookie"], sessionCookie), parse) != nil {
				c.AbortWithStatus(http.StatusUnauthorized)
				return
			}
			c.Set("session", &t)
		}, func(c *gin.Context) {
			v, _ := c.Get("session")
			t := v.(*claims)
			tell(c, person{t.Subject, t.Name, t.Email, t.Picture, t.AccessToken})
		})
		return &site{handler: engine, cookie: sessionCookie, values: all.tokens}, nil
	}
}

// findCookie scans for one cookie and parses no other.
func findCookie(headers []string, name string) string {
	for _, rest := range headers {
		for rest != "" {
			var pair string
			pair, rest, _ = strings.Cut(rest, "; ")
			if len(pair) > len(name) && pair[len(name)] == '=' && pair[:len(name)] == name {
				return pair[len(name)+1:]
			}
		}
	}
	return ""
}

// tokenHead is {"alg":"dir","enc":"A256GCM"} in base64url; the second part, a
// wrapped key, is empty.
const tokenHead = "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0"

var tokenAAD = []byte(tokenHead)

// openToken opens a compact JWE in the one buffer that it is decoded into.
func openToken(t *claims, aead cipher.AEAD, token string, parse func(*claims, []byte) error) error {
	const iv, iv64, tag64 = 12, 16, 22 // lengths, the latter two in base64url
	rest, ok := strings.CutPrefix(token, tokenHead+"..")
	body64 := len(rest) - iv64 - tag64 - 2
	if !ok || body64 < 0 || rest[iv64] != '.' || rest[iv64+1+body64] != '.' {
		return errSession
	}
	buffer := make([]byte, iv+base64.RawURLEncoding.DecodedLen(body64)+aead.Overhead())
	n := 0
	for _, part := range [...]string{rest[:iv64], rest[iv64+1 : iv64+1+body64], rest[iv64+1+body64+1:]} {
		m, err := base64.RawURLEncoding.Decode(buffer[n:], []byte(part))
		if err != nil {
			return errSession
		}
		n += m
	}
	payload, err := aead.Open(buffer[iv:iv], buffer[:iv], buffer[iv:n], tokenAAD)
	if err != nil {
		return errSession
	}
	if err := parse(t, payload); err != nil || t.Expires <= time.Now().Unix() {
		return errSession
	}
	return nil
}
