package ginauthtest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"sync"

	"github.com/go-jose/go-jose/v4"
)

// Signature is a way to sign ID tokens and logout tokens, see [Provider.Sign].
type Signature int

// Good is what a provider should do. The others are what a client must
// refuse, save NoKeyID, which is allowed where the key set has one key (OIDC
// Core §10.1).
const (
	Good          Signature = iota // RS256 by the published key, named by its kid
	None                           // {"alg":"none"} and an empty signature
	WrongKey                       // RS256 by a key that is not published, under the kid of the one that is
	HMACPublicKey                  // HS256 with the published key's PEM (PKIX) as the secret, under its kid
	NoKeyID                        // RS256 by the published key, with no kid
)

// keySize is the least that RS256 allows (RFC 7518 §3.3).
const keySize = 2048

// keys hold the provider's signing key, and the other one that is made only
// when a test asks for a lie.
type keys struct {
	private *rsa.PrivateKey
	id      string
	pem     []byte // the public key, in the form that lures confused verifiers
	wrong   func() (*rsa.PrivateKey, error)
}

func newKeys() (*keys, error) {
	private, err := rsa.GenerateKey(rand.Reader, keySize)
	if err != nil {
		return nil, fmt.Errorf("ginauthtest: signing key: %w", err)
	}
	thumbprint, err := (&jose.JSONWebKey{Key: private.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("ginauthtest: signing key: %w", err)
	}
	der, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		return nil, fmt.Errorf("ginauthtest: signing key: %w", err)
	}
	return &keys{
		private: private,
		id:      base64.RawURLEncoding.EncodeToString(thumbprint),
		pem:     pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}),
		wrong: sync.OnceValues(func() (*rsa.PrivateKey, error) {
			return rsa.GenerateKey(rand.Reader, keySize)
		}),
	}, nil
}

func (k *keys) public() jose.JSONWebKey {
	return jose.JSONWebKey{Key: k.private.Public(), KeyID: k.id, Algorithm: string(jose.RS256), Use: "sig"}
}

// sign makes a JWT of the claims in the given way.
func (k *keys) sign(claims map[string]any, how Signature) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("ginauthtest: claims: %w", err)
	}
	if how == None {
		// go-jose makes no such token, and rightly so.
		header := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`))
		return header + "." + base64.RawURLEncoding.EncodeToString(payload) + ".", nil
	}
	key, err := k.signingKey(how)
	if err != nil {
		return "", fmt.Errorf("ginauthtest: signing key: %w", err)
	}
	options := (&jose.SignerOptions{}).WithType("JWT")
	if how != NoKeyID {
		options = options.WithHeader("kid", k.id)
	}
	signer, err := jose.NewSigner(key, options)
	if err != nil {
		return "", fmt.Errorf("ginauthtest: sign: %w", err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("ginauthtest: sign: %w", err)
	}
	return signed.CompactSerialize()
}

func (k *keys) signingKey(how Signature) (jose.SigningKey, error) {
	switch how {
	case WrongKey:
		wrong, err := k.wrong()
		return jose.SigningKey{Algorithm: jose.RS256, Key: wrong}, err
	case HMACPublicKey:
		return jose.SigningKey{Algorithm: jose.HS256, Key: k.pem}, nil
	default:
		return jose.SigningKey{Algorithm: jose.RS256, Key: k.private}, nil
	}
}

// open answers the claims of an ID token that this provider signed, expired
// or not.
func (k *keys) open(token string) (map[string]any, error) {
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return nil, err
	}
	payload, err := signed.Verify(k.private.Public())
	if err != nil {
		return nil, err
	}
	var claims map[string]any
	if err := json.Unmarshal(payload, &claims); err != nil {
		return nil, err
	}
	return claims, nil
}

// accessTokenHash is the at_hash of an ID token signed with SHA-256 (OIDC Core
// §3.1.3.6): the left half of the token's hash.
func accessTokenHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}
