package openid

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/ginauth/ginauth/internal/redact"
)

// clockLeeway is how far an issuer's clock may run ahead of ours.
const clockLeeway = 5 * time.Minute

// Verify checks an id_token as OpenID Connect Core §3.1.3.7 asks: signature
// (see [Metadata].Algorithms), iss, aud, azp, exp, iat, sub, and
//
//   - nonce, unless the argument is empty: a refreshed id_token carries none
//     (see also [Client].NonceOptional);
//   - at_hash where the token has one, against accessToken, unless that is
//     empty: no access token came with it (§3.1.3.8).
//
// A token signed with a key not seen before makes the key set be fetched again.
func (c *Client) Verify(ctx context.Context, rawIDToken, nonce, accessToken string) (*oidc.IDToken, error) {
	m, err := c.Discover(ctx)
	if err != nil {
		return nil, err
	}
	token, err := m.verifier.Verify(ctx, rawIDToken)
	if err != nil {
		return nil, Fault(ctx, "openid: id_token", c.explained("id_token", rawIDToken, m, err, nonce, accessToken))
	}
	azp, err := c.checkClaims(token)
	if err == nil {
		err = c.checkAuthorizedParty(token.Audience, azp)
	}
	if err != nil {
		return nil, fmt.Errorf("openid: id_token: %w", err)
	}
	if err := c.checkFamily(ctx, m, rawIDToken, token.Claims); err != nil {
		return nil, Fault(ctx, "openid: id_token", err)
	}
	if c.NonceOptional && token.Nonce == "" {
		nonce = ""
	}
	if nonce != "" && subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(nonce)) != 1 {
		return nil, errors.New("openid: id_token: its nonce is not the one sent")
	}
	if token.AccessTokenHash != "" && accessToken != "" {
		if err := token.VerifyAccessToken(accessToken); err != nil {
			return nil, Fault(ctx, "openid: id_token", err)
		}
	}
	return token, nil
}

// checkClaims adds what go-oidc leaves to its caller, and returns azp, which is nil where
// the token has none.
func (c *Client) checkClaims(token *oidc.IDToken) (azp *string, err error) {
	var claims map[string]json.RawMessage
	if err := token.Claims(&claims); err != nil {
		return nil, err
	}
	if err := checkNames(claims); err != nil {
		return nil, err
	}
	if token.Subject == "" {
		return nil, errors.New("it has no sub")
	}
	if token.IssuedAt.IsZero() {
		return nil, errors.New("it has no iat")
	}
	if token.IssuedAt.After(c.now().Add(clockLeeway)) {
		return nil, ahead("id_token", token.IssuedAt, c.now())
	}
	if raw := claims["azp"]; len(raw) > 0 && json.Unmarshal(raw, &azp) != nil {
		return nil, errors.New("its azp is not a string")
	}
	return azp, nil
}

// checkNames refuses a claim that differs from a checked one only in case.
// encoding/json fills a struct field by either, the last one winning: where
// users can have a claim of their own choosing issued, "Sub" would stand for
// sub.
func checkNames[V any](claims map[string]V) error {
	checked := [...]string{"iss", "sub", "aud", "exp", "iat", "nbf", "nonce", "azp", "at_hash"}
	for name := range claims {
		for _, want := range checked {
			if name != want && strings.EqualFold(name, want) {
				return fmt.Errorf("it has a claim %.32q beside %s", name, want)
			}
		}
	}
	return nil
}

// checkAuthorizedParty holds azp against the client id (§3.1.3.7, 4 and 5). A
// token for several audiences without it may have been issued to another of
// them, which then replays it here.
func (c *Client) checkAuthorizedParty(audience []string, azp *string) error {
	if azp == nil {
		if len(audience) > 1 && !c.AudiencesWithoutParty {
			return errors.New("it has several audiences and no azp")
		}
		return nil
	}
	if *azp != c.ClientID {
		return redact.Told(nil, "openid: the id_token's azp is another client: it is %s, expected %s", redact.Value(*azp), redact.Value(c.ClientID))
	}
	return nil
}
