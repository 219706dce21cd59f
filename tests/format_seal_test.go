package tests

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ginauth/ginauth"
)

// go-jose seals and opens the sessions of both formats with keys derived as each
// version of NextAuth.js derives them. A site of one format opens no session of the
// other.
func TestFormat_SealedByGoJose(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name       string
		format     ginauth.Format
		cookie     string
		encryption jose.ContentEncryption
		salt, info string
		key        int
	}{
		{"next-auth 4", ginauth.NextAuthV4, "next-auth.session-token", jose.A256GCM, "", "NextAuth.js Generated Encryption Key", 32},
		{"Auth.js 5", ginauth.AuthJSV5, "authjs.session-token", jose.A256CBC_HS512, "authjs.session-token", "Auth.js Generated Encryption Key (authjs.session-token)", 64},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			key, err := hkdf.Key(sha256.New, []byte(testSecret), []byte(tt.salt), tt.info, tt.key)
			if err != nil {
				t.Fatal(err)
			}
			encrypter, err := jose.NewEncrypter(tt.encryption, jose.Recipient{Algorithm: jose.DIRECT, Key: key}, nil)
			if err != nil {
				t.Fatal(err)
			}
			now := time.Now().Unix()
			claims, err := json.Marshal(map[string]any{"sub": "ada", "name": "Ada", "iat": now, "exp": now + 3600, "jti": "1"})
			if err != nil {
				t.Fatal(err)
			}
			object, err := encrypter.Encrypt(claims)
			if err != nil {
				t.Fatal(err)
			}
			sealed, err := object.CompactSerialize()
			if err != nil {
				t.Fatal(err)
			}
			for _, format := range []ginauth.Format{ginauth.NextAuthV4, ginauth.AuthJSV5} {
				app := newApp(t, ginauth.Options{Providers: somebody(), Session: ginauth.SessionOptions{Format: format, UpdateAge: -1}})
				b := app.browser(t)
				b.plant(map[ginauth.Format]string{ginauth.NextAuthV4: "next-auth.session-token", ginauth.AuthJSV5: "authjs.session-token"}[format], sealed)
				res := b.get("/me")
				want := http.StatusUnauthorized
				if format == tt.format {
					want = http.StatusOK
				}
				if res.StatusCode != want {
					t.Errorf("at a site of format %d: %d %s", format, res.StatusCode, res.body)
				}
				if want != http.StatusOK {
					continue
				}
				again := ""
				for _, c := range res.Cookies() {
					if c.Name == tt.cookie {
						again = c.Value
					}
				}
				jwe, err := jose.ParseEncryptedCompact(again, []jose.KeyAlgorithm{jose.DIRECT}, []jose.ContentEncryption{tt.encryption})
				if err != nil {
					t.Fatalf("%q: %v", again, err)
				}
				read, err := jwe.Decrypt(key)
				if err != nil {
					t.Fatal(err)
				}
				var token struct{ Sub string }
				if decode(t, string(read), &token); token.Sub != "ada" {
					t.Errorf("%s", read)
				}
			}
		})
	}
}
