package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/coreos/go-oidc/v3/oidc"
)

// ErrNoEndSession says that the provider has no end_session_endpoint: signing
// out there is not possible, only here.
var ErrNoEndSession = errors.New("oidc: the provider has no end session endpoint")

// EndSessionURL returns where to send the browser to sign out at the provider
// as well (OpenID Connect RP-Initiated Logout 1.0 §2). idTokenHint is the
// id_token of the sign-in; without it most providers ask the user first.
// postLogoutRedirectURL must be registered there; state comes back with it and
// is left out where there is no way back. The error is [ErrNoEndSession] where
// the provider has no such endpoint.
func (p *Provider) EndSessionURL(ctx context.Context, idTokenHint, postLogoutRedirectURL, state string) (string, error) {
	m, err := p.discover(ctx)
	if err != nil {
		return "", err
	}
	if m.EndSessionEndpoint == "" {
		return "", ErrNoEndSession
	}
	u, err := url.Parse(m.EndSessionEndpoint)
	if err != nil {
		return "", fmt.Errorf("oidc: end_session_endpoint: %w", err)
	}
	query := u.Query()
	query.Set("client_id", p.config.ClientID)
	if p.traits.logoutURI { // Cognito's, which knows neither hint nor state
		if postLogoutRedirectURL != "" {
			query.Set("logout_uri", postLogoutRedirectURL)
		}
		u.RawQuery = query.Encode()
		return u.String(), nil
	}
	if idTokenHint != "" {
		query.Set("id_token_hint", idTokenHint)
	}
	if postLogoutRedirectURL != "" {
		query.Set("post_logout_redirect_uri", postLogoutRedirectURL)
		if state != "" {
			query.Set("state", state)
		}
	}
	u.RawQuery = query.Encode()
	return u.String(), nil
}

// VerifyLogoutToken verifies a logout token that the provider sent to this client
// (OpenID Connect Back-Channel Logout 1.0 §2.6): signature, iss, aud, exp, iat at
// most an hour ago, the event, sub or sid, jti, and no nonce. That the same token
// was not used before is checked by the caller, who remembers.
func (p *Provider) VerifyLogoutToken(ctx context.Context, rawLogoutToken string) (*oidc.LogoutToken, error) {
	if p.faults != nil {
		return nil, p.faults
	}
	return p.client.VerifyLogout(p.reach(ctx), rawLogoutToken)
}
