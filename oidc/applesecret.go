package oidc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"sync"
	"time"
)

const (
	// appleSecretLife is how long a client secret is good for. Apple allows six
	// months; the shorter, the less a leaked request is worth.
	appleSecretLife = time.Hour
	// appleSecretSpare is what must be left of it when it is used, so that neither
	// the request's time nor a clock that differs makes it expire on the way.
	appleSecretSpare = 10 * time.Minute
)

// appleSecret makes Apple's client secret, a JWT signed by the developer's key
// (ES256), and keeps it while it is good.
type appleSecret struct {
	config AppleConfig
	now    func() time.Time
	key    crypto.Signer

	mu      sync.Mutex
	made    string
	madeAt  time.Time
	expires time.Time
}

// load reads the key. Its error names every fault of the configuration.
func (s *appleSecret) load() error {
	key, err := appleKey(s.config.PrivateKey)
	s.key = key
	return errors.Join(s.config.faults(), err)
}

// appleKey reads a private key. No error repeats any of it.
func appleKey(from any) (crypto.Signer, error) {
	const hint = "write the text of the .p8 file that Apple let you download, with its BEGIN and END lines"
	var text []byte
	switch from := from.(type) {
	case nil:
		return nil, errors.New("PrivateKey is empty: " + hint)
	case crypto.Signer:
		return p256(from)
	case string:
		text = []byte(from)
	case []byte:
		text = from
	default:
		return nil, fmt.Errorf("PrivateKey has type %T: %s", from, hint)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("PrivateKey is not PEM: " + hint)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("PrivateKey is not a PKCS #8 key: " + hint)
	}
	key, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, errors.New("PrivateKey cannot sign: " + hint)
	}
	return p256(key)
}

func p256(key crypto.Signer) (crypto.Signer, error) {
	public, ok := key.Public().(*ecdsa.PublicKey)
	if !ok || public.Curve != elliptic.P256() {
		return nil, errors.New("PrivateKey is not a P-256 key: write the one that Apple made for Sign in with Apple")
	}
	return key, nil
}

// text returns a client secret that is good for ten minutes or more. A clock that
// was set back makes a new one too: the old one would be from the future.
func (s *appleSecret) text() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if s.made != "" && !now.Before(s.madeAt) && now.Add(appleSecretSpare).Before(s.expires) {
		return s.made, nil
	}
	expires := now.Add(appleSecretLife)
	made, err := s.sign(map[string]any{
		"iss": s.config.TeamID, "sub": s.config.ClientID, "aud": appleIssuer,
		"iat": now.Unix(), "exp": expires.Unix(),
	})
	if err != nil {
		return "", fmt.Errorf("oidc: Apple: client secret: %w", err)
	}
	s.made, s.madeAt, s.expires = made, now, expires
	return made, nil
}

// sign makes the JWT (RFC 7515 §3.1, RFC 7518 §3.4). The key may be outside of
// this process, and then only signs digests.
func (s *appleSecret) sign(claims map[string]any) (string, error) {
	header, err := json.Marshal(map[string]string{"alg": "ES256", "kid": s.config.KeyID})
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	input := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(payload)
	digest := sha256.Sum256([]byte(input))
	der, err := s.key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return "", err
	}
	var pair struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(der, &pair); err != nil || len(rest) > 0 {
		return "", errors.New("the key's signature is not an ECDSA one")
	}
	if pair.R.Sign() <= 0 || pair.S.Sign() <= 0 || pair.R.BitLen() > 256 || pair.S.BitLen() > 256 {
		return "", errors.New("the key's signature is not a P-256 one")
	}
	signature := make([]byte, 64)
	pair.R.FillBytes(signature[:32])
	pair.S.FillBytes(signature[32:])
	return input + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}
