package ginauth

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/oauth"
	"github.com/ginauth/ginauth/internal/origin"
	"github.com/ginauth/ginauth/internal/redact"
)

const (
	// renewalGrace is for how long a refresh token that was used leads to what came
	// of it: a request that read the session just before the renewal must not use
	// the token again, by which the provider would know a theft and revoke all
	// tokens of the sign-in (RFC 9700 §4.14.2).
	renewalGrace = time.Minute
	// unsavedFor is for how long tokens are held that a store which is down did not
	// take.
	unsavedFor = 10 * time.Minute
	// maxRenewals bounds the renewals that are remembered, and those not saved.
	maxRenewals = 1024
	// renewalTimeout bounds the provider's part, so that all of a renewal is done
	// before a store may give its lock away.
	renewalTimeout = 8 * time.Second
)

// A renewal is what came of renewing a session's tokens.
type renewal struct {
	grant   *grant
	handle  string    // under which the session is kept now
	expires time.Time // when it ends
	err     error
}

// lasting reports whether asking again cannot help.
func (r renewal) lasting() bool { return r.err == nil || errors.Is(r.err, ErrTokensExpired) }

// renewals remember the renewals of the last minute, by the tokens before it.
type renewals struct {
	*oauth.Replay[renewal]

	mu sync.Mutex
	// unsaved are tokens that the provider issued and the store did not take. The
	// next request of this process saves them, and asks nobody.
	unsaved map[string]unsaved
}

type unsaved struct {
	grant *grant
	until time.Time
}

func newRenewals() *renewals {
	return &renewals{Replay: oauth.NewReplay[renewal](maxRenewals), unsaved: map[string]unsaved{}}
}

func (r *renewals) rescue(refresh string, g *grant, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for other, u := range r.unsaved {
		if !now.Before(u.until) {
			delete(r.unsaved, other)
		}
	}
	if len(r.unsaved) < maxRenewals {
		r.unsaved[refresh] = unsaved{g, now.Add(unsavedFor)}
	}
}

func (r *renewals) rescued(refresh string, now time.Time) *grant {
	r.mu.Lock()
	defer r.mu.Unlock()
	u, ok := r.unsaved[refresh]
	delete(r.unsaved, refresh)
	if !ok || !now.Before(u.until) {
		return nil
	}
	return u.grant
}

// renewGrant renews the tokens of a request's session, once for all requests that
// need it, and lets this one go on with what came of it.
func (a *Auth) renewGrant(c *gin.Context, id *identity) (*grant, error) {
	base, err := a.hosts.Base(c.Request)
	if err != nil {
		return nil, err
	}
	now := a.opts.Now()
	// Both tokens: many providers give the same refresh token each time, and what
	// is remembered of one renewal must not stand in for the next.
	sum := sha256.Sum256([]byte(id.token.grant.Refresh + "\x00" + id.token.grant.Access))
	r := a.renewals.Do(c.Request.Context(), string(sum[:]), now, now.Add(renewalGrace), func() renewal {
		// The tokens that the provider gives out are its last: they must be saved,
		// whether or not the browser waits for it.
		return a.renewal(context.WithoutCancel(c.Request.Context()), c, id, base)
	})
	switch {
	case r.grant == nil && r.err == nil: // this request has ended, or the first one panicked
		if err := context.Cause(c.Request.Context()); err != nil {
			return nil, err
		}
		return nil, errors.New("ginauth: the renewal of the provider's tokens failed in another request")
	case !r.lasting():
		a.renewals.Forget(func(r renewal) bool { return !r.lasting() })
		return nil, r.err
	}
	next := *id
	next.token.grant = r.grant
	if r.grant.Refused {
		next.session.Error = refreshTokenError
	}
	if r.handle != "" && r.handle != id.value {
		next.value = r.handle
		found := cookie.Find(c.Request.Header["Cookie"], a.site(base).names.Session)
		if found.Found { // a bearer token is not ours to replace
			a.renewCookie(c, &next, found, base, r.handle, r.expires)
			id.renewed = next.renewed // for the middleware that found it
		}
	}
	a.attach(c, &next)
	return r.grant, r.err
}

// renewal trades the refresh token for new tokens and saves them.
func (a *Auth) renewal(ctx context.Context, c *gin.Context, id *identity, base origin.Base) renewal {
	release, err := a.lockSession(ctx, "renew:"+id.token.sessionID(), renewWait)
	if err != nil {
		return renewal{err: err}
	}
	defer release()
	now := a.opts.Now()
	// Another process may have renewed them, or ended the session, meanwhile.
	stored, err := a.open(ctx, id.value, base, now)
	switch {
	case errors.Is(err, errSignedOut):
		return renewal{err: ErrNoSession}
	case err != nil:
		return renewal{err: err}
	}
	g := stored.token.grant
	switch {
	case g == nil || g.Access == "" && !g.Refused:
		return renewal{err: ErrNoTokens}
	case g.Refused:
		return renewal{grant: g, err: errRefused}
	case !g.due(now):
		return renewal{grant: g, handle: id.value}
	}
	from := g
	next := a.renewals.rescued(g.Refresh, now)
	if next != nil && next.due(now) { // it has expired while nothing could be saved
		from, next = next, nil
	}
	if next == nil {
		next, err = a.askProvider(ctx, from, now)
		if err != nil && !errors.Is(err, ErrTokensExpired) {
			return renewal{err: err}
		}
	}
	refusal := err
	if refusal != nil {
		next = g.refused()
	}
	r := a.saveGrant(ctx, id, base, next)
	if r.err != nil {
		if refusal == nil && !errors.Is(r.err, ErrNoSession) {
			a.renewals.rescue(g.Refresh, next, now)
		}
		return r
	}
	if refusal != nil {
		a.opts.Logger.Warn("ginauth: the provider renews no tokens of a session any more", "provider", g.Provider, "error", redact.Error(refusal))
		if event := a.opts.Events.RefreshError; event != nil {
			event(c, RefreshErrorEvent{Token: &id.token, Provider: g.Provider, Err: redact.Error(refusal)})
		}
		r.err = errRefused
	}
	return r
}

// errRefused says that the provider was asked and refused for good.
var errRefused = fmt.Errorf("%w: the provider refuses to renew them", ErrTokensExpired)

// errOtherSubject says that a refreshed id_token is another person's.
var errOtherSubject = errors.New("ginauth: the refreshed id_token has another subject")

// askProvider makes the refresh request (RFC 6749 §6). Its error is
// ErrTokensExpired where the answer will not change.
func (a *Auth) askProvider(ctx context.Context, g *grant, now time.Time) (*grant, error) {
	p := a.provider(g.Provider)
	if p == nil {
		return nil, fmt.Errorf("ginauth: the provider %q, whose tokens the session has, is not in Options.Providers any more", g.Provider)
	}
	if p.oauth == nil || !p.oauth.CanRefresh() {
		return nil, fmt.Errorf("%w: the provider %s cannot renew them", ErrTokensExpired, g.Provider)
	}
	ctx, cancel := context.WithTimeout(ctx, renewalTimeout)
	defer cancel()
	tok, err := p.oauth.Refresh(ctx, g.Refresh)
	switch {
	case errors.Is(err, oauth.ErrGrant):
		return nil, fmt.Errorf("%w: %w", ErrTokensExpired, err)
	case err != nil:
		return nil, fmt.Errorf("ginauth: renewing the tokens of %s: %w", g.Provider, err)
	}
	next, err := g.renewed(tok, now)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTokensExpired, err)
	}
	return next, nil
}

// renewed is the grant with the tokens of a refresh answer. An id_token in it must
// be of the same issuer and subject (OpenID Connect Core §12.2): with another one
// the access token would be somebody else's too.
func (g *grant) renewed(tok *oauth2.Token, now time.Time) (*grant, error) {
	next := *g
	next.Access, next.Refresh, next.Expires = tok.AccessToken, tok.RefreshToken, 0
	switch {
	case tok.ExpiresIn > 0:
		next.Expires = now.Add(time.Duration(tok.ExpiresIn) * time.Second).Unix()
	case !tok.Expiry.IsZero():
		next.Expires = tok.Expiry.Unix()
	}
	raw, ok := tok.Extra("id_token").(string)
	if !ok || raw == "" || g.IDToken == "" {
		return &next, nil
	}
	before, after := readIDToken(g.IDToken), readIDToken(raw)
	if after.Subject == "" || after.Subject != before.Subject || after.Issuer != before.Issuer {
		return nil, errOtherSubject
	}
	next.IDToken = raw
	return &next, nil
}

// saveGrant puts a grant into a stored session, which otherwise stays as it is,
// its times too: not as this request has it, since others may have changed it.
func (a *Auth) saveGrant(ctx context.Context, id *identity, base origin.Base, g *grant) (r renewal) {
	err := ErrConflict
	for try := 0; try <= maxReruns && errors.Is(err, ErrConflict); try++ {
		var stored *identity
		if stored, err = a.open(ctx, id.value, base, a.opts.Now()); err != nil {
			break
		}
		stored.token.grant = g
		r = renewal{grant: g, expires: stored.token.ExpiresAt}
		var payload []byte
		if payload, err = stored.token.payload(); err == nil {
			r.handle, err = a.replace(ctx, stored, payload, r.expires, base)
		}
	}
	switch {
	case errors.Is(err, errSignedOut):
		return renewal{err: ErrNoSession} // it was ended while this was under way
	case errors.Is(err, ErrConflict):
		return renewal{err: errChanging}
	case err != nil:
		return renewal{err: err}
	}
	return r
}
