package oidc

import (
	"context"
	"errors"
	"strings"

	"github.com/markbates/goth"
	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/internal/fetch"
	"github.com/ginauth/ginauth/internal/openid"
)

// AuthCodeURL returns where to send the browser (OpenID Connect Core §3.1.2.1).
//
// state and nonce are fresh random values bound to this browser; opts are the
// code challenge (oauth2.S256ChallengeOption) and display parameters such as
// prompt or login_hint. An option cannot change what binds the answer to this
// sign-in: response_type, client_id, redirect_uri, state and nonce.
func (p *Provider) AuthCodeURL(ctx context.Context, redirectURL, state, nonce string, opts ...oauth2.AuthCodeOption) (string, error) {
	if redirectURL == "" || state == "" || nonce == "" {
		return "", errors.New("oidc: AuthCodeURL needs a redirect URL, a state and a nonce")
	}
	m, err := p.discover(ctx)
	if err != nil {
		return "", err
	}
	var all []oauth2.AuthCodeOption
	for name, values := range p.config.AuthParams {
		all = append(all, oauth2.SetAuthURLParam(name, strings.Join(values, " ")))
	}
	// The last option of a name wins.
	opts = append(append(all, opts...),
		oauth2.SetAuthURLParam("response_type", "code"),
		oauth2.SetAuthURLParam("client_id", p.config.ClientID),
		oauth2.SetAuthURLParam("redirect_uri", redirectURL),
		oauth2.SetAuthURLParam("state", state),
		oauth2.SetAuthURLParam("nonce", nonce),
	)
	if p.FormPost() {
		opts = append(opts, oauth2.SetAuthURLParam("response_mode", formPost))
	}
	return p.oauth(m, redirectURL).AuthCodeURL(state, opts...), nil
}

// ExchangeCode trades an authorization code for tokens, verifies the id_token
// with the nonce that went into [Provider.AuthCodeURL], and reads userinfo.
// opts are the code verifier (oauth2.VerifierOption).
//
// The user's RawData holds the claims of the id_token, and those of userinfo
// that it lacks. Its email_verified always speaks of the Email beside it. The
// token keeps the id_token as its extra of that name. On an error the user is
// empty.
func (p *Provider) ExchangeCode(ctx context.Context, redirectURL, code, nonce string, opts ...oauth2.AuthCodeOption) (goth.User, *oauth2.Token, error) {
	if redirectURL == "" || code == "" || nonce == "" {
		return goth.User{}, nil, errors.New("oidc: ExchangeCode needs a redirect URL, a code and a nonce")
	}
	m, err := p.discover(ctx)
	if err != nil {
		return goth.User{}, nil, err
	}
	client, err := p.confidential(m, redirectURL)
	if err != nil {
		return goth.User{}, nil, err
	}
	authenticated, err := p.authenticated(ctx, m.Endpoint.TokenURL)
	if err != nil {
		return goth.User{}, nil, err
	}
	token, err := client.Exchange(fetch.Context(authenticated), code, opts...)
	if err != nil {
		return goth.User{}, nil, openid.Fault(ctx, "oidc: token request", err)
	}
	if err := openid.CheckTokenType(token.TokenType); err != nil {
		return goth.User{}, nil, err
	}
	rawIDToken, ok := token.Extra("id_token").(string)
	if !ok || rawIDToken == "" {
		return goth.User{}, nil, errors.New("oidc: the token answer has no id_token")
	}
	claims, err := p.claims(ctx, m, rawIDToken, nonce, token.AccessToken)
	if err != nil {
		return goth.User{}, nil, err
	}
	user, err := p.identified(claims, token, rawIDToken)
	if err != nil {
		return goth.User{}, nil, err
	}
	return user, token, nil
}

// identified is user with the subject that the service's people are known by.
func (p *Provider) identified(claims map[string]any, token *oauth2.Token, rawIDToken string) (goth.User, error) {
	user := p.user(claims, token, rawIDToken)
	if p.traits.identity == nil {
		return user, nil
	}
	var err error
	if user.UserID, err = p.traits.identity(claims); err != nil {
		return goth.User{}, err
	}
	return user, nil
}

// VerifyIDToken verifies an id_token that another client of the application got from the
// provider and hands over, and returns whose it is; see ginauth.IDTokens. What it checks:
// the signature, iss, exp, iat, nbf and sub as at a sign-in; that aud names only this
// client and audiences; that azp, where there is one, names the audience itself or one of
// presenters; the nonce, always; that it was issued in the last five minutes; and
// at_hash, which it must have where accessToken is not empty. The claims are the token's
// alone: userinfo is not asked. The caller makes sure that a nonce is used once.
func (p *Provider) VerifyIDToken(ctx context.Context, rawIDToken, nonce, accessToken string, audiences, presenters []string) (goth.User, error) {
	if p.faults != nil {
		return goth.User{}, p.faults
	}
	idToken, err := p.client.VerifyHanded(p.reach(ctx), rawIDToken, nonce, accessToken,
		openid.Parties{Audiences: audiences, Presenters: presenters})
	if err != nil {
		return goth.User{}, err
	}
	var claims map[string]any
	if err := idToken.Claims(&claims); err != nil {
		return goth.User{}, openid.Fault(ctx, "oidc: id_token", err)
	}
	return p.identified(mergeClaims(claims, nil), &oauth2.Token{AccessToken: accessToken}, rawIDToken)
}

// claims verifies the id_token and merges userinfo into its claims.
func (p *Provider) claims(ctx context.Context, m *openid.Metadata, rawIDToken, nonce, accessToken string) (map[string]any, error) {
	idToken, err := p.client.Verify(p.reach(ctx), rawIDToken, nonce, accessToken)
	if err != nil {
		return nil, err
	}
	var claims map[string]any
	if err := idToken.Claims(&claims); err != nil {
		return nil, openid.Fault(ctx, "oidc: id_token", err)
	}
	if p.config.SkipUserinfo || m.UserInfoEndpoint == "" {
		return mergeClaims(claims, nil), nil
	}
	userinfo, err := p.client.UserInfo(p.reach(ctx), accessToken, idToken.Subject)
	if err != nil {
		return nil, err
	}
	return mergeClaims(claims, userinfo), nil
}

// RefreshTokenContext asks for new tokens (RFC 6749 §6, OpenID Connect Core
// §12). An id_token in the answer is verified as at sign-in, except for the nonce,
// which refreshed ones do not carry; that its sub is still the same user is for
// the caller, who knows it, to check. Where the provider sends no new refresh
// token, the result holds the old one.
func (p *Provider) RefreshTokenContext(ctx context.Context, refreshToken string) (*oauth2.Token, error) {
	if refreshToken == "" {
		return nil, errors.New("oidc: there is no refresh token")
	}
	m, err := p.discover(ctx)
	if err != nil {
		return nil, err
	}
	client, err := p.confidential(m, "")
	if err != nil {
		return nil, err
	}
	authenticated, err := p.authenticated(ctx, m.Endpoint.TokenURL)
	if err != nil {
		return nil, err
	}
	token, err := client.TokenSource(fetch.Context(authenticated), &oauth2.Token{RefreshToken: refreshToken}).Token()
	if err != nil {
		return nil, openid.Fault(ctx, "oidc: refresh request", err)
	}
	if err := openid.CheckTokenType(token.TokenType); err != nil {
		return nil, err
	}
	switch rawIDToken := token.Extra("id_token").(type) {
	case nil:
		return token, nil
	case string:
		if rawIDToken == "" { // what a form-encoded answer without one gives
			return token, nil
		}
		if _, err := p.client.Verify(p.reach(ctx), rawIDToken, "", token.AccessToken); err != nil {
			return nil, err
		}
		return token, nil
	default:
		return nil, errors.New("oidc: the refreshed id_token is not a string")
	}
}
