package openid

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/ginauth/ginauth/internal/redact"
)

// maxHandedAge is how old an id_token may be that is handed over, by its iat.
const maxHandedAge = 5 * time.Minute

// Parties are the clients that an id_token may be issued for, and to, when it is handed over.
type Parties struct {
	Audiences  []string // that aud may name, beside the Client's own
	Presenters []string // that azp may name, beside the client that aud names
}

// handedConfig leaves the audience to checkParties, which knows several.
func (c *Client) handedConfig(algorithms []string) *oidc.Config {
	return &oidc.Config{
		SkipClientIDCheck: true, SupportedSigningAlgs: algorithms, Now: c.now,
		SkipIssuerCheck: c.Family != nil, // Family.Token checks it
	}
}

// VerifyHanded checks an id_token that a client of the same application got from the
// issuer and hands over: a native application, or a script such as Google's One Tap.
// The token came by way of strangers. So beside what [Client.Verify] checks,
//
//   - its header does not name another kind of token;
//   - every audience is accepted, and azp, where the token has one, is the audience
//     itself or a presenter (OpenID Connect Core §3.1.3.7, 3 to 5);
//   - it has the nonce, also where [Client.NonceOptional];
//   - its iat is five minutes ago at most;
//   - it has the at_hash of accessToken, unless that is empty.
func (c *Client) VerifyHanded(ctx context.Context, rawIDToken, nonce, accessToken string, p Parties) (*oidc.IDToken, error) {
	if nonce == "" {
		return nil, errors.New("openid: id_token: there is no nonce to hold it against")
	}
	if plain, _ := accessType(rawIDToken); !plain {
		return nil, errors.New("openid: id_token: it is not a JWT, or its typ names another kind of token")
	}
	m, err := c.Discover(ctx)
	if err != nil {
		return nil, err
	}
	audiences := append([]string{c.ClientID}, p.Audiences...)
	token, err := m.handed.Verify(ctx, rawIDToken)
	if err != nil {
		return nil, Fault(ctx, "openid: id_token", c.explainedFor(audiences, "id_token", rawIDToken, m, err, nonce, accessToken))
	}
	azp, err := c.checkClaims(token)
	if err == nil {
		err = c.checkParties(token.Audience, azp, audiences, p.Presenters)
	}
	if err != nil {
		return nil, fmt.Errorf("openid: id_token: %w", err)
	}
	if err := c.checkFamily(ctx, m, rawIDToken, token.Claims); err != nil {
		return nil, Fault(ctx, "openid: id_token", err)
	}
	switch age := c.now().Sub(token.IssuedAt); {
	case subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(nonce)) != 1:
		return nil, errors.New("openid: id_token: its nonce is not the one sent")
	case age > maxHandedAge:
		return nil, redact.Told(nil, "openid: the id_token was issued %v ago, and is accepted for %v: its iat is %s, and it is %s here",
			age.Round(time.Second), maxHandedAge, stamp(token.IssuedAt), stamp(c.now()))
	case accessToken != "":
		if err := token.VerifyAccessToken(accessToken); err != nil {
			return nil, Fault(ctx, "openid: id_token", err)
		}
	}
	return token, nil
}

// checkParties holds aud and azp against the clients of this application. Another client
// of the same project, which anybody who runs it may let people sign in at, gets tokens
// with this application's aud and an azp of its own.
func (c *Client) checkParties(audience []string, azp *string, audiences, presenters []string) error {
	for _, name := range audience {
		if !slices.Contains(audiences, name) {
			return redact.Told(nil, "openid: the id_token is for another client: its aud is [%s], expected audience %s", listed(audience), listed(audiences))
		}
	}
	switch {
	case len(audience) == 0:
		return errors.New("it has no aud")
	case azp == nil && len(audience) > 1 && !c.AudiencesWithoutParty:
		return errors.New("it has several audiences and no azp")
	case azp == nil, slices.Contains(audience, *azp), slices.Contains(presenters, *azp):
		return nil
	}
	return redact.Told(nil, "openid: the id_token's azp is another client: it is %s, expected %s", redact.Value(*azp), listed(append(audience, presenters...)))
}

// HandedNonce reads the nonce of an id_token that nothing has been checked of yet. It is
// empty where there is none.
func HandedNonce(rawIDToken string) string {
	parts := strings.Split(rawIDToken, ".")
	if len(parts) != 3 {
		return ""
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims map[string]json.RawMessage
	if err != nil {
		return ""
	}
	var nonce string
	_ = json.Unmarshal(payload, &claims) // what is no object has none
	_ = json.Unmarshal(claims["nonce"], &nonce)
	return nonce
}
