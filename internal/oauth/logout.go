package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/ginauth/ginauth/internal/openid"
)

// EndSessionProvider signs people out at the provider. ginauth.EndSessionProvider
// documents it.
type EndSessionProvider interface {
	EndSessionURL(ctx context.Context, idTokenHint, postLogoutRedirectURL, state string) (string, error)
}

// LogoutVerifier verifies logout tokens. ginauth.LogoutVerifier documents it.
type LogoutVerifier interface {
	VerifyLogoutToken(ctx context.Context, rawLogoutToken string) (*oidc.LogoutToken, error)
}

// EndsSessions reports whether EndSession can work.
func (p *Provider) EndsSessions() bool { return p.endSession != nil }

// EndSession returns where to send the browser to sign out at the provider, and
// then back to postLogoutRedirectURL (OpenID Connect RP-Initiated Logout 1.0 §2).
func (p *Provider) EndSession(ctx context.Context, idTokenHint, postLogoutRedirectURL string) (endURL string, err error) {
	ctx, cancel := p.context(ctx)
	defer cancel()
	defer recovered(ctx, &err)

	if p.endSession == nil {
		return "", errors.New("oauth: this provider ends no sessions")
	}
	endURL, err = p.endSession.EndSessionURL(ctx, idTokenHint, postLogoutRedirectURL, "")
	if err != nil {
		return "", Redact(err, idTokenHint)
	}
	u, err := url.Parse(endURL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return "", errors.New("oauth: the provider's end session URL is not an http(s) URL")
	}
	return endURL, nil
}

// VerifiesLogout reports whether VerifyLogout can work.
func (p *Provider) VerifiesLogout() bool { return p.logout != nil }

// VerifyLogout checks a logout token of the provider (OpenID Connect Back-Channel
// Logout 1.0 §2.6).
//
// The age is checked here too: a verifier from another package may accept tokens
// that are older than the memory of those that came.
func (p *Provider) VerifyLogout(ctx context.Context, rawLogoutToken string, now time.Time) (t *oidc.LogoutToken, err error) {
	ctx, cancel := p.context(ctx)
	defer cancel()
	defer recovered(ctx, &err)

	if p.logout == nil {
		return nil, errors.New("oauth: this provider sends no logout tokens")
	}
	t, err = p.logout.VerifyLogoutToken(ctx, rawLogoutToken)
	if err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("%w: %w", ctx.Err(), err)
		}
		return nil, Redact(err, rawLogoutToken)
	}
	if t == nil || t.TokenID == "" || t.Subject == "" && t.SessionID == "" {
		return nil, errors.New("oauth: the logout token has no jti, or neither sub nor sid")
	}
	if err := openid.CheckLogoutAge(t, now); err != nil {
		return nil, fmt.Errorf("oauth: the logout token: %w", err)
	}
	return t, nil
}
