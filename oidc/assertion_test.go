package oidc_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ginauth/ginauth/oidc"
)

func pkcs8(t *testing.T, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// A client proves itself with a signature: fresh for each request, for this token
// endpoint alone, and without a secret beside it.
func TestPrivateKey(t *testing.T) {
	t.Parallel()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rs, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	edPublic, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]struct{ private, public any }{"EC": {ec, ec.Public()}, "RSA": {rs, rs.Public()}, "Ed25519": {ed, edPublic}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLiar(t)
			c := l.config()
			c.ClientSecret, c.PrivateKey, c.PrivateKeyID = "", pkcs8(t, key.private), "key-1"
			p := oidc.New(c)
			seen := map[string]bool{}
			verify := func() {
				t.Helper()
				form, basic := l.lastTokenRequest()
				if basic != nil || form.Has("client_secret") || form.Get("client_id") != "client" || form.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
					t.Errorf("token request %v, %v", form, basic)
				}
				signed, err := jose.ParseSignedCompact(form.Get("client_assertion"), []jose.SignatureAlgorithm{jose.ES256, jose.RS256, jose.EdDSA})
				if err != nil {
					t.Fatal(err)
				}
				payload, err := signed.Verify(key.public)
				if err != nil || signed.Signatures[0].Header.KeyID != "key-1" {
					t.Fatalf("%v, key %q", err, signed.Signatures[0].Header.KeyID)
				}
				var claims struct {
					Iss, Sub, Aud, Jti string
					Iat, Exp           int64
				}
				if err := json.Unmarshal(payload, &claims); err != nil {
					t.Fatal(err)
				}
				left := time.Until(time.Unix(claims.Exp, 0))
				if claims.Iss != "client" || claims.Sub != "client" || claims.Aud != l.URL+"/token" || len(claims.Jti) < 20 || seen[claims.Jti] || left <= 0 || left > time.Minute {
					t.Errorf("claims %+v", claims)
				}
				seen[claims.Jti] = true
			}
			if subject, _, err := l.signIn(t, p, t.Context()); err != nil || subject != "alice" {
				t.Fatal(err)
			}
			verify()
			if _, err := p.RefreshTokenContext(t.Context(), "refresh"); err != nil {
				t.Fatal(err)
			}
			verify()
			for _, text := range []string{fmt.Sprint(c), fmt.Sprintf("%+v", p), fmt.Sprintf("%#v", c)} {
				if strings.Contains(text, "PRIVATE KEY") {
					t.Error("the key is printed")
				}
			}
		})
	}
}

func TestPrivateKey_Faults(t *testing.T) {
	t.Parallel()
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Skip("this Go makes no short RSA key")
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for key, fault := range map[string]string{
		"leaked": "is not PEM", "-----BEGIN PRIVATE KEY-----\nbGVha2Vk\n-----END PRIVATE KEY-----\n": "is not a PKCS #8 key",
		pkcs8(t, short): "fewer than 2048 bits", pkcs8(t, p384): "signs no assertions",
	} {
		err := oidc.New(oidc.Config{Name: "n", Issuer: "https://login.example.com", ClientID: "c", PrivateKey: key}).Validate()
		if err == nil || !strings.Contains(err.Error(), fault) || strings.Contains(err.Error(), "leaked") {
			t.Errorf("got %v, want %q", err, fault)
		}
	}
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := oidc.New(oidc.Config{Name: "n", Issuer: "https://login.example.com", ClientID: "c", ClientSecret: "s", PrivateKey: pkcs8(t, p256)}).Validate(); err == nil || !strings.Contains(err.Error(), "both set") {
		t.Errorf("got %v", err)
	}
}

// Cognito's logout has names of its own.
func TestCognitoLogout(t *testing.T) {
	t.Parallel()
	l := newLiar(t)
	l.change(l.metadata, map[string]any{"end_session_endpoint": l.URL + "/logout"})
	p := oidc.Cognito("eu-west-1_AbCdEfGhI", "client", "secret").With(func(c *oidc.Config) { c.Issuer = l.URL })
	got, err := p.EndSessionURL(t.Context(), "hint", "https://app.example", "state")
	if err != nil || got != l.URL+"/logout?client_id=client&logout_uri=https%3A%2F%2Fapp.example" {
		t.Errorf("%s, %v", got, err)
	}
}
