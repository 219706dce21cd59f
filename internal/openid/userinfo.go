package openid

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/ginauth/ginauth/internal/fetch"
	"github.com/ginauth/ginauth/internal/redact"
)

// UserInfo reads the claims of the userinfo endpoint (OpenID Connect Core
// §5.3). Their sub must be subject, the one of the verified id_token: else an
// access token slipped in from another sign-in would lend its owner's profile
// to this one (§5.3.2). It is an error when the issuer has no such endpoint;
// ask [Metadata].UserInfoEndpoint first.
//
// A signed answer must also name this issuer and this client, and must not have
// expired: a JWT that the issuer made for another client, or for another purpose,
// is signed with the same key.
func (c *Client) UserInfo(ctx context.Context, accessToken, subject string) (map[string]any, error) {
	m, err := c.Discover(ctx)
	if err != nil {
		return nil, err
	}
	raw, signed, err := readUserInfo(ctx, m.UserInfoEndpoint, accessToken)
	if err != nil {
		return nil, Fault(ctx, "openid: userinfo", err)
	}
	var claims map[string]any
	if signed {
		claims, err = c.openUserInfo(ctx, m, strings.TrimSpace(string(raw)))
	} else {
		err = json.Unmarshal(raw, &claims)
	}
	if err != nil {
		return nil, Fault(ctx, "openid: userinfo", err)
	}
	// Read from the map: a struct field would also take a claim named "Sub".
	if got, _ := claims["sub"].(string); subject == "" || got != subject {
		return nil, errors.New("openid: userinfo: its sub is not the id_token's")
	}
	return claims, nil
}

// userinfoConfig says what a signed answer must be. It need not have exp.
func (c *Client) userinfoConfig() *oidc.Config {
	return &oidc.Config{
		ClientID:             c.ClientID,
		SupportedSigningAlgs: asymmetric(),
		Now:                  c.now,
		SkipExpiryCheck:      true,            // openUserInfo checks it where it is there
		SkipIssuerCheck:      c.Family != nil, // Family.Token checks it
	}
}

// openUserInfo verifies a signed answer.
func (c *Client) openUserInfo(ctx context.Context, m *Metadata, raw string) (map[string]any, error) {
	token, err := m.userinfos.Verify(ctx, raw)
	if err != nil {
		return nil, c.explained("userinfo", raw, m, err)
	}
	var names map[string]json.RawMessage
	if err := token.Claims(&names); err != nil {
		return nil, err
	}
	if err := checkNames(names); err != nil {
		return nil, err
	}
	if _, ok := names["exp"]; ok && !c.now().Before(token.Expiry) { // RFC 7519 §4.1.4
		return nil, errors.New("it has expired")
	}
	if err := c.checkFamily(ctx, m, raw, token.Claims); err != nil {
		return nil, err
	}
	var claims map[string]any
	err = token.Claims(&claims)
	return claims, err
}

// readUserInfo asks the endpoint, with the access token as a bearer token (RFC
// 6750 §2.1), and reports whether the answer says that it is a JWT.
func readUserInfo(ctx context.Context, endpoint, accessToken string) (raw []byte, signed bool, err error) {
	if endpoint == "" {
		return nil, false, errors.New("the issuer has no userinfo endpoint")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint, nil)
	if err != nil {
		return nil, false, err
	}
	req.Header.Set("Authorization", "Bearer "+accessToken)
	res, err := fetch.From(ctx).Do(req)
	if err != nil {
		return nil, false, err
	}
	defer res.Body.Close()
	if raw, err = io.ReadAll(res.Body); err != nil {
		return nil, false, err
	}
	if res.StatusCode != http.StatusOK {
		return nil, false, redact.Told(nil, "openid: the userinfo endpoint%s answered status %d", redact.Missing(res), res.StatusCode)
	}
	contentType, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	return raw, contentType == "application/jwt", nil
}
