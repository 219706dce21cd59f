package oauth

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/internal/openid"
)

var (
	errNoRefresh    = errors.New("oauth: this provider cannot renew access tokens")
	errEscape       = errors.New("oauth: the provider's refresh request did not go through its HTTPClient")
	errEmptyRefresh = errors.New("oauth: the provider answered the refresh request without an access token")
)

// CanRefresh reports whether Refresh can work. Only a sign-in shows
// whether the provider issues refresh tokens.
func (p *Provider) CanRefresh() bool { return p.engine.refreshes() }

// Refresh trades a refresh token for new tokens (RFC 6749 §6), within the same
// bounds as a sign-in. The result always has a refresh token: the old one, where
// the provider sent none. Its error is ErrGrant if the token no longer
// works. The caller lets one request at a time use a refresh token.
func (p *Provider) Refresh(ctx context.Context, refreshToken string) (tok *oauth2.Token, err error) {
	ctx, cancel := p.context(ctx)
	defer cancel()
	defer recovered(ctx, &err)

	if refreshToken == "" {
		return nil, errors.New("oauth: there is no refresh token")
	}
	if !p.engine.refreshes() {
		return nil, errNoRefresh
	}
	tok, err = p.engine.refresh(ctx, refreshToken)
	if err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("%w: %w", ctx.Err(), err)
		}
		return nil, Redact(err, refreshToken)
	}
	if tok == nil || tok.AccessToken == "" { // goth answers nil, nil where it cannot
		return nil, errEmptyRefresh
	}
	if tok.RefreshToken == "" {
		kept := *tok
		kept.RefreshToken = refreshToken
		tok = &kept
	}
	return tok, nil
}

// refreshes: goth's RefreshTokenAvailable of such a provider says nothing of the
// method with a context.
func (e codeEngine) refreshes() bool {
	_, ok := e.flow.(RefreshProvider)
	return ok
}

func (e codeEngine) refresh(ctx context.Context, refreshToken string) (*oauth2.Token, error) {
	return e.flow.(RefreshProvider).RefreshTokenContext(ctx, refreshToken)
}

func (e *gothEngine) refreshes() bool { return e.canRefresh }

// refresh renews through the provider's bound copy, or with a request of our own
// for a provider whose request would not go through it.
func (e *gothEngine) refresh(ctx context.Context, refreshToken string) (tok *oauth2.Token, err error) {
	b := e.binding(ctx, request{})
	defer func() {
		if err != nil { // the answer's tokens must not stand in the error
			err = Redact(err, append(b.secrets(), refreshToken)...)
		}
	}()
	switch {
	case e.idToken != nil:
		return e.refreshOpenID(ctx, b, refreshToken)
	case e.own != nil:
		return refreshWith(ctx, b, *e.own, refreshToken)
	case e.renew != nil:
		return refreshWith(ctx, b, *e.renew, refreshToken)
	}
	return e.refreshBound(ctx, b, refreshToken)
}

// refreshWith makes the refresh request itself.
func refreshWith(ctx context.Context, b *binding, config oauth2.Config, refreshToken string) (*oauth2.Token, error) {
	ctx = context.WithValue(ctx, oauth2.HTTPClient, b.client())
	return config.TokenSource(ctx, &oauth2.Token{RefreshToken: refreshToken}).Token()
}

// refreshOpenID makes the request for goth's openidConnect. How the client
// authenticates is taken from the discovery document: x/oauth2 would find out by
// sending the refresh token twice. An id_token in the answer is verified as at
// sign-in, except for the nonce (OpenID Connect Core §12.2).
func (e *gothEngine) refreshOpenID(ctx context.Context, b *binding, refreshToken string) (*oauth2.Token, error) {
	m, err := e.idToken.Discover(ctx)
	if err != nil {
		return nil, err
	}
	config := *e.renew
	config.Endpoint.AuthStyle = m.Endpoint.AuthStyle
	tok, err := refreshWith(ctx, b, config, refreshToken)
	if err != nil {
		return nil, err
	}
	if err := openid.CheckTokenType(tok.TokenType); err != nil {
		return nil, err
	}
	if raw, _ := tok.Extra("id_token").(string); raw != "" {
		if _, err := e.idToken.Verify(ctx, raw, "", tok.AccessToken); err != nil {
			return nil, err
		}
	}
	return tok, nil
}

// refreshBound calls goth's method on the bound copy, in a goroutine of its own:
// a provider that goth's authors did not write may make its request through a
// client without deadline, and must not hold the caller as long as that hangs.
func (e *gothEngine) refreshBound(ctx context.Context, b *binding, refreshToken string) (*oauth2.Token, error) {
	type result struct {
		tok *oauth2.Token
		err error
	}
	done := make(chan result, 1)
	go func() {
		var r result
		defer func() { done <- r }()
		defer recovered(ctx, &r.err)
		r.tok, r.err = e.bind(b).RefreshToken(refreshToken)
	}()
	select {
	case r := <-done:
		if r.err == nil && !b.refreshed.Load() {
			return nil, errEscape
		}
		return r.tok, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// refreshAvailable asks a provider whether it can refresh. Code that panics on
// the question cannot.
func refreshAvailable(p interface{ RefreshTokenAvailable() bool }) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	return p.RefreshTokenAvailable()
}
