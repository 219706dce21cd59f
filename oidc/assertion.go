package oidc

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/internal/fetch"
)

const (
	// assertionLife is how long a client assertion is good for. It is made for one
	// request.
	assertionLife = time.Minute
	// assertionType names the assertion's form (RFC 7523 §2.2).
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
)

// assertionKey reads the private key of a client, and the algorithm that goes with
// it. No error repeats any of it.
func assertionKey(text string) (any, jose.SignatureAlgorithm, error) {
	const hint = "write the text of a PKCS #8 file, with its BEGIN and END lines"
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, "", errors.New("PrivateKey is not PEM: " + hint)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, "", errors.New("PrivateKey is not a PKCS #8 key: " + hint)
	}
	switch key := key.(type) {
	case *rsa.PrivateKey:
		if key.N.BitLen() < 2048 {
			return nil, "", errors.New("PrivateKey is an RSA key of fewer than 2048 bits: make a longer one") // RFC 7518 §3.3
		}
		return key, jose.RS256, nil
	case *ecdsa.PrivateKey:
		if key.Curve == elliptic.P256() {
			return key, jose.ES256, nil
		}
	case ed25519.PrivateKey:
		return key, jose.EdDSA, nil
	}
	return nil, "", errors.New("PrivateKey is of a kind that signs no assertions: make an RSA, a P-256 or an Ed25519 key")
}

// assertion authenticates a client by a JWT that its key signs, in place of a secret
// (private_key_jwt, OpenID Connect Core §9).
type assertion struct {
	clientID string
	audience string // the token endpoint
	now      func() time.Time
	signer   jose.Signer
}

func (p *Provider) assertion(tokenURL string) (*assertion, error) {
	key, algorithm, err := assertionKey(p.config.PrivateKey)
	if err != nil {
		return nil, errors.New("oidc: " + err.Error())
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: jose.JSONWebKey{Key: key, KeyID: p.config.PrivateKeyID}}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return nil, errors.New("oidc: PrivateKey cannot sign")
	}
	now := p.config.Now
	if now == nil {
		now = time.Now
	}
	return &assertion{p.config.ClientID, tokenURL, now, signer}, nil
}

// make signs an assertion (RFC 7523 §3). Its jti makes it good for one request.
func (a *assertion) make() (string, error) {
	now := a.now()
	claims, err := json.Marshal(map[string]any{
		"iss": a.clientID, "sub": a.clientID, "aud": a.audience, "jti": rand.Text(), "iat": now.Unix(), "exp": now.Add(assertionLife).Unix(),
	})
	if err != nil {
		return "", err
	}
	signed, err := a.signer.Sign(claims)
	if err != nil {
		return "", errors.New("oidc: PrivateKey does not sign")
	}
	return signed.CompactSerialize()
}

// authenticated puts the client's assertion into the token requests of ctx.
func (p *Provider) authenticated(ctx context.Context, tokenURL string) (context.Context, error) {
	ctx = p.reach(ctx)
	if p.config.PrivateKey == "" {
		return ctx, nil
	}
	a, err := p.assertion(tokenURL)
	if err != nil {
		return nil, err
	}
	client := *fetch.From(ctx)
	client.Transport = asserting{client.Transport, a}
	return context.WithValue(ctx, oauth2.HTTPClient, &client), nil
}

type asserting struct {
	base http.RoundTripper
	*assertion
}

func (a asserting) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodPost || req.URL.String() != a.audience || req.Body == nil {
		return a.base.RoundTrip(req)
	}
	raw, err := io.ReadAll(req.Body)
	_ = req.Body.Close()
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(raw))
	if err != nil {
		return nil, err
	}
	signed, err := a.make()
	if err != nil {
		return nil, err
	}
	form.Set("client_assertion_type", assertionType)
	form.Set("client_assertion", signed)
	body := []byte(form.Encode())
	req = req.Clone(req.Context())
	req.Body, req.ContentLength, req.GetBody = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
	return a.base.RoundTrip(req)
}
