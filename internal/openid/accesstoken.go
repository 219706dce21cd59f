package openid

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/ginauth/ginauth/internal/ascii"
)

// maxBearerKeyFetches is how often access tokens with an unknown key have the keys
// fetched in keyFetchWindow, at most: anybody may send them.
const maxBearerKeyFetches = 1

// ErrAccessToken says that an access token is no good. Any other error of VerifyAccess
// means that nobody could tell.
var ErrAccessToken = errors.New("openid: access token")

// An AccessToken is what a JWT access token says (RFC 9068 §2.2).
type AccessToken struct {
	Issuer, Subject string
	Expires         time.Time
	Scopes          []string
	Claims          map[string]any
}

// keyFaultKey is the context's key of where accessKeys say why no keys came: go-oidc
// hands on the text of an error alone.
type keyFaultKey struct{}

// accessKeys are the keys of access tokens.
type accessKeys struct{ oidc.KeySet }

func (k accessKeys) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	payload, err := k.KeySet.VerifySignature(ctx, jwt)
	fault := ctx.Value(keyFaultKey{}).(*error) // VerifyAccess puts it there
	if err != nil && strings.HasPrefix(err.Error(), "fetching keys") && !errors.Is(err, errKeyFetches) {
		*fault = err
	}
	return payload, err
}

func (c *Client) accessConfig() *oidc.Config {
	return &oidc.Config{ClientID: c.ClientID, SupportedSigningAlgs: asymmetric(), Now: c.now}
}

// VerifyAccess verifies a JWT access token (RFC 9068 §4), whose audience is the
// Client's ClientID: typ, iss, aud, exp, nbf, sub and the signature by one of the
// issuer's keys. With allowJWT the typ may also be JWT or missing; then what an id_token
// or a logout token has, and an access token has not, is refused.
func (c *Client) VerifyAccess(ctx context.Context, raw string, allowJWT bool) (*AccessToken, error) {
	plain, err := accessType(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAccessToken, err)
	}
	if plain && !allowJWT {
		return nil, fmt.Errorf("%w: its typ is not at+jwt (RFC 9068)", ErrAccessToken)
	}
	m, err := c.Discover(ctx)
	if err != nil {
		return nil, err
	}
	var fault error
	token, err := m.accesses.Verify(context.WithValue(ctx, keyFaultKey{}, &fault), raw)
	if fault != nil || err != nil && ctx.Err() != nil {
		return nil, Fault(ctx, "openid: the keys of "+c.Issuer, errors.Join(fault, ctx.Err()))
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAccessToken, Fault(ctx, "verification", err))
	}
	a, err := c.readAccess(token, plain)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAccessToken, err)
	}
	return a, nil
}

// accessType reads the typ of a token's header. plain says that it does not name an
// access token.
func accessType(raw string) (plain bool, err error) {
	head, _, _ := strings.Cut(raw, ".")
	decoded, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil {
		return false, errors.New("it is not a JWT")
	}
	var header map[string]json.RawMessage
	if json.Unmarshal(decoded, &header) != nil {
		return false, errors.New("it is not a JWT")
	}
	typ := ""
	if rawType, ok := header["typ"]; ok && json.Unmarshal(rawType, &typ) != nil {
		return false, errors.New("its typ is not a text")
	}
	switch ascii.Lower(typ) {
	case "at+jwt", "application/at+jwt":
		return false, nil
	case "jwt", "":
		return true, nil
	}
	return false, fmt.Errorf("its typ is %.32q", typ)
}

// readAccess adds what go-oidc leaves to its caller.
func (c *Client) readAccess(token *oidc.IDToken, plain bool) (*AccessToken, error) {
	a := &AccessToken{Issuer: token.Issuer, Subject: token.Subject, Expires: token.Expiry}
	if err := token.Claims(&a.Claims); err != nil {
		return nil, err
	}
	if err := checkNames(a.Claims); err != nil {
		return nil, err
	}
	switch {
	case a.Issuer != c.Issuer: // go-oidc takes two of Google's
		return nil, errors.New("it is another issuer's")
	case a.Subject == "":
		return nil, errors.New("it has no sub")
	case plain:
		if err := c.refuseOtherKinds(a.Claims); err != nil {
			return nil, err
		}
	}
	for _, name := range [...]string{"scope", "scp", "scopes"} {
		if scopes, ok := texts(a.Claims[name]); ok {
			a.Scopes = scopes
			break
		}
	}
	return a, nil
}

// refuseOtherKinds refuses an id_token or a logout token of the same issuer, which a
// typ of JWT does not tell from an access token.
func (c *Client) refuseOtherKinds(claims map[string]any) error {
	for _, name := range [...]string{"nonce", "at_hash", "c_hash", "s_hash", "events"} {
		if _, ok := claims[name]; ok {
			return fmt.Errorf("it has the claim %s, and so is no access token", name)
		}
	}
	for _, name := range [...]string{"azp", "client_id", "cid", "appid"} {
		if claims[name] == c.ClientID {
			return fmt.Errorf("its audience is the client itself (%s), as that of an id_token is", name)
		}
	}
	return nil
}

// texts are the words of a text (RFC 6749 §3.3), or a list of texts.
func texts(claim any) ([]string, bool) {
	switch claim := claim.(type) {
	case string:
		return strings.Fields(claim), true
	case []any:
		list := make([]string, 0, len(claim))
		for _, item := range claim {
			text, ok := item.(string)
			if !ok {
				return nil, false
			}
			list = append(list, text)
		}
		return list, true
	}
	return nil, false
}
