package ginauthtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"hash"
	"strings"
	"sync"

	"github.com/go-jose/go-jose/v4"
)

// Signature is a way to sign ID tokens, access tokens, logout tokens and userinfo, see
// [Provider.Sign].
type Signature int

// Good is what a provider should do. The others are what a client must
// refuse, save NoKeyID, which is allowed where the key set has one key (OIDC
// Core §10.1).
const (
	Good           Signature = iota // Config.Algorithm by the published key, named by its kid
	None                            // {"alg":"none"} and an empty signature
	WrongKey                        // by a key that is not published, under the kid of the one that is
	HMACPublicKey                   // HS256 with the published key's PEM (PKIX) as the secret, under its kid
	NoKeyID                         // by the published key, with no kid
	Altered                         // by the published key, with one bit of the signature changed
	OtherAlgorithm                  // ES256, or RS256 where Config.Algorithm is ES256, by another published key: not what the metadata offer
)

// keySize is the least that RS256 allows (RFC 7518 §3.3).
const keySize = 2048

// algorithms are those that sign with a private key.
func algorithms() []jose.SignatureAlgorithm {
	return []jose.SignatureAlgorithm{
		jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
	}
}

// keys hold the provider's signing key, and the other ones, which are made only
// when a test asks for a lie.
type keys struct {
	algorithm    jose.SignatureAlgorithm
	wrong, other func() (*signingKey, error)

	mu      sync.Mutex
	current *signingKey
	former  []*signingKey // no longer published; tokens that they signed are still ours
}

// signingKey is one private key with its name.
type signingKey struct {
	algorithm jose.SignatureAlgorithm
	private   crypto.Signer
	id        string
}

func newKeys(algorithm jose.SignatureAlgorithm) (*keys, error) {
	current, err := newSigningKey(algorithm)
	if err != nil {
		return nil, err
	}
	other := jose.ES256
	if algorithm == other {
		other = jose.RS256
	}
	return &keys{
		algorithm: algorithm,
		current:   current,
		wrong:     sync.OnceValues(func() (*signingKey, error) { return newSigningKey(algorithm) }),
		other:     sync.OnceValues(func() (*signingKey, error) { return newSigningKey(other) }),
	}, nil
}

func newSigningKey(algorithm jose.SignatureAlgorithm) (*signingKey, error) {
	private, err := newPrivateKey(algorithm)
	if err != nil {
		return nil, fmt.Errorf("ginauthtest: signing key: %w", err)
	}
	thumbprint, err := (&jose.JSONWebKey{Key: private.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("ginauthtest: signing key: %w", err)
	}
	return &signingKey{algorithm, private, base64.RawURLEncoding.EncodeToString(thumbprint)}, nil
}

func newPrivateKey(algorithm jose.SignatureAlgorithm) (crypto.Signer, error) {
	switch algorithm {
	case jose.ES256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case jose.ES384:
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case jose.ES512:
		return ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case jose.EdDSA:
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	}
	return rsa.GenerateKey(rand.Reader, keySize)
}

func (k *keys) load() *signingKey {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.current
}

// rotate puts a new key in place of the published one.
func (k *keys) rotate() error {
	fresh, err := newSigningKey(k.algorithm)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.former, k.current = append(k.former, k.current), fresh
	return nil
}

// public is the key set while tokens are signed in the given way, as JSON has it.
func (k *keys) public(how Signature) ([]any, error) {
	published := []*signingKey{k.load()}
	if how == OtherAlgorithm {
		other, err := k.other()
		if err != nil {
			return nil, err
		}
		published = append(published, other)
	}
	var set []any
	for _, key := range published {
		raw, err := json.Marshal(jose.JSONWebKey{Key: key.private.Public(), KeyID: key.id, Algorithm: string(key.algorithm), Use: "sig"})
		if err != nil {
			return nil, fmt.Errorf("ginauthtest: key set: %w", err)
		}
		var member map[string]any
		if err := json.Unmarshal(raw, &member); err != nil {
			return nil, fmt.Errorf("ginauthtest: key set: %w", err)
		}
		set = append(set, member)
	}
	return set, nil
}

// What the header of a token says that it is (RFC 7519 §5.1, RFC 9068 §2.1).
const (
	typeJWT         = "JWT"
	typeAccessToken = "at+jwt"
)

// sign makes a JWT of the claims in the given way.
func (k *keys) sign(claims map[string]any, how Signature, typ jose.ContentType) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("ginauthtest: claims: %w", err)
	}
	if how == None {
		// go-jose makes no such token, and rightly so.
		header := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"` + string(typ) + `"}`))
		return header + "." + base64.RawURLEncoding.EncodeToString(payload) + ".", nil
	}
	key, id, err := k.signingKey(how)
	if err != nil {
		return "", fmt.Errorf("ginauthtest: signing key: %w", err)
	}
	options := (&jose.SignerOptions{}).WithType(typ)
	if how != NoKeyID {
		options = options.WithHeader("kid", id)
	}
	signer, err := jose.NewSigner(key, options)
	if err != nil {
		return "", fmt.Errorf("ginauthtest: sign: %w", err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("ginauthtest: sign: %w", err)
	}
	token, err := signed.CompactSerialize()
	if err == nil && how == Altered {
		token, err = alter(token)
	}
	return token, err
}

// alter changes one bit of a token's signature.
func alter(token string) (string, error) {
	at := strings.LastIndexByte(token, '.') + 1
	signature, err := base64.RawURLEncoding.DecodeString(token[at:])
	if err != nil {
		return "", fmt.Errorf("ginauthtest: sign: %w", err)
	}
	signature[len(signature)/2] ^= 1
	return token[:at] + base64.RawURLEncoding.EncodeToString(signature), nil
}

func (k *keys) signingKey(how Signature) (key jose.SigningKey, id string, err error) {
	current := k.load()
	chosen, id := current, current.id
	switch how {
	case WrongKey:
		chosen, err = k.wrong()
	case OtherAlgorithm:
		if chosen, err = k.other(); err == nil {
			id = chosen.id
		}
	case HMACPublicKey:
		der, err := x509.MarshalPKIXPublicKey(current.private.Public())
		// The public key, in the form that lures confused verifiers.
		return jose.SigningKey{Algorithm: jose.HS256, Key: pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})}, id, err
	}
	if err != nil {
		return jose.SigningKey{}, "", err
	}
	return jose.SigningKey{Algorithm: chosen.algorithm, Key: chosen.private}, id, nil
}

// open answers the claims of an ID token that this provider signed, expired
// or not, with the published key or a former one.
func (k *keys) open(token string) (map[string]any, error) {
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{k.algorithm})
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	all := append([]*signingKey{k.current}, k.former...)
	k.mu.Unlock()
	for _, key := range all {
		payload, err := signed.Verify(key.private.Public())
		if err != nil {
			continue
		}
		var claims map[string]any
		if err := json.Unmarshal(payload, &claims); err != nil {
			return nil, err
		}
		return claims, nil
	}
	return nil, errors.New("ginauthtest: the token is not signed with a key of this provider")
}

// accessTokenHash is the at_hash of an ID token (OIDC Core §3.1.3.6): the left half
// of the access token's hash, by the hash function of the signature.
func (k *keys) accessTokenHash(token string) string {
	var h hash.Hash
	switch k.algorithm {
	case jose.RS384, jose.PS384, jose.ES384:
		h = sha512.New384()
	case jose.RS512, jose.PS512, jose.ES512, jose.EdDSA:
		h = sha512.New()
	default:
		h = sha256.New()
	}
	h.Write([]byte(token))
	sum := h.Sum(nil)
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}
