package openid

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"

	"github.com/go-jose/go-jose/v4"

	"github.com/ginauth/ginauth/internal/fetch"
	"github.com/ginauth/ginauth/internal/redact"
)

// keyIssuers knows for which issuer each key of a family's key set signs. go-oidc
// drops the member issuer of a key, and a set that holds keys of several issuers
// is only worth as much as its weakest one without it: in 2023 tokens of companies
// were signed with a stolen key for personal accounts, and were taken.
type keyIssuers struct {
	url   string // the key set
	known atomic.Pointer[map[string]string]
}

// of returns the issuer that the key of a token signs for, empty where the set
// does not say. The token's signature has been verified, so that nobody but the
// issuer can make the set be read again.
func (k *keyIssuers) of(ctx context.Context, rawToken string, algorithms []string) (string, error) {
	accepted := make([]jose.SignatureAlgorithm, len(algorithms))
	for i, alg := range algorithms {
		accepted[i] = jose.SignatureAlgorithm(alg)
	}
	token, err := jose.ParseSignedCompact(rawToken, accepted)
	if err != nil {
		return "", err
	}
	id := token.Signatures[0].Header.KeyID
	if id == "" {
		return "", errors.New("it does not name its key")
	}
	if known := k.known.Load(); known != nil {
		if issuer, ok := (*known)[id]; ok {
			return issuer, nil
		}
	}
	known, err := k.read(ctx)
	if err != nil {
		return "", err
	}
	issuer, ok := known[id]
	if !ok {
		return "", errors.New("its key is not in the key set any more")
	}
	k.known.Store(&known)
	return issuer, nil
}

func (k *keyIssuers) read(ctx context.Context) (map[string]string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, k.url, nil)
	if err != nil {
		return nil, err
	}
	res, err := fetch.From(ctx).Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		return nil, redact.Told(nil, "openid: key set: status %d%s", res.StatusCode, redact.Missing(res))
	}
	return parseKeyIssuers(raw)
}

// parseKeyIssuers reads a key set (RFC 7517 §5) for what go-oidc leaves of it.
func parseKeyIssuers(raw []byte) (map[string]string, error) {
	var set struct {
		Keys []struct {
			ID     string `json:"kid"`
			Issuer string `json:"issuer"`
		} `json:"keys"`
	}
	if err := json.Unmarshal(raw, &set); err != nil {
		return nil, err
	}
	issuers := make(map[string]string, len(set.Keys))
	for _, key := range set.Keys {
		if other, ok := issuers[key.ID]; ok && other != key.Issuer {
			return nil, fmt.Errorf("key set: two issuers have a key %.64q", key.ID)
		}
		issuers[key.ID] = key.Issuer
	}
	return issuers, nil
}
