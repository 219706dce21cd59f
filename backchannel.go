package ginauth

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/ginauth/ginauth/internal/bulkhead"
	"github.com/ginauth/ginauth/internal/oauth"
	"github.com/ginauth/ginauth/internal/openid"
	"github.com/ginauth/ginauth/internal/tokenset"
)

// backchannel is the action of OpenID Connect Back-Channel Logout 1.0.
const backchannel = "backchannel-logout"

// takesLogoutTokens reports whether a provider may end sessions here.
func (a *Auth) takesLogoutTokens(p *provider) bool {
	return a.revoked != nil && p != nil && p.oauth != nil && p.oauth.VerifiesLogout()
}

// postLogoutToken ends the sessions that a provider says are over (§2.5). The
// request comes from its server, with no cookie and no Origin: what proves it is
// the token's signature alone. The answers are those of §2.8.
func (v *visit) postLogoutToken() {
	v.c.Writer.Header()["Cache-Control"] = []string{"no-store"}
	raw, ok := v.body["logout_token"].(string) // once: a repeated field is a list
	contentType, _, _ := mime.ParseMediaType(v.c.GetHeader("Content-Type"))
	if !ok || raw == "" || contentType != "application/x-www-form-urlencoded" {
		v.refuseLogout("invalid_request", errors.New("ginauth: the body is no form with one logout_token"))
		return
	}
	ctx, now := v.c.Request.Context(), v.opts.Now()
	t, err := v.provider.oauth.VerifyLogout(ctx, raw, now)
	if err != nil {
		v.refuseLogout("invalid_request", err)
		return
	}
	accepted, err := v.revoked.endAtProvider(ctx, v.provider.id, t, now)
	if err != nil {
		v.refuseLogout("temporarily_unavailable", err)
		return
	}
	if !accepted {
		v.refuseLogout("invalid_request", errors.New("ginauth: the logout token came before"))
		return
	}
	account, session := logoutDigests(v.provider.id, t)
	v.streams.endGrants(func(g *tokenset.Grant) bool { return endedBy(g, account, session) })
	v.json(http.StatusOK, struct{}{})
}

func (v *visit) refuseLogout(code string, err error) {
	v.opts.Logger.Warn("ginauth: a logout token was refused", "provider", v.provider.id, "error", oauth.Redact(err))
	v.json(http.StatusBadRequest, map[string]string{"error": code})
}

// logoutDigests name what a logout token ends.
func logoutDigests(provider string, t *oidc.LogoutToken) (account, session string) {
	return accountDigest(provider, t.Issuer, t.Subject), sessionDigest(provider, t.Issuer, t.SessionID)
}

// endedBy reports whether a logout token ends the session of a grant: the one of
// its sid; without sid all of its sub. A session whose sign-in had no sid is known
// by its sub alone, and ends with any of that person's.
func endedBy(g *tokenset.Grant, account, session string) bool {
	if g == nil {
		return false
	}
	if session != "" && g.Session != "" {
		return g.Session == session
	}
	return account != "" && g.Account == account
}

// grantSubjects are what revocations know a session by through its provider: the
// three cases of endedBy.
func grantSubjects(g *tokenset.Grant) []string {
	switch {
	case g == nil || g.Account == "":
		return nil
	case g.Session == "":
		return []string{"account:" + g.Account, "unnamed:" + g.Account}
	}
	return []string{"account:" + g.Account, "sid:" + g.Session}
}

// endAtProvider revokes the sessions that a verified logout token names, and is
// false for one that came before. What was done is remembered last: a provider
// that gets no answer may send the token once more.
func (r *revocationCheck) endAtProvider(ctx context.Context, provider string, t *oidc.LogoutToken, now time.Time) (accepted bool, err error) {
	account, session := logoutDigests(provider, t)
	seen := "jti:" + digest("jti", provider, t.Issuer, t.TokenID)
	at, err := r.lookUp(ctx, seen)
	if err != nil || !at.IsZero() {
		return false, err
	}
	var subjects []string
	switch {
	case session == "":
		subjects = []string{"account:" + account}
	case account == "":
		subjects = []string{"sid:" + session}
	default:
		subjects = []string{"sid:" + session, "unnamed:" + account}
	}
	for _, subject := range subjects {
		if err := r.end(ctx, subject, now); err != nil {
			return false, fmt.Errorf("ending the sessions: %w", err)
		}
	}
	r.forgetAll()
	until := later(now, t.IssuedAt).Add(openid.LogoutMemory)
	return true, bulkhead.Run(context.WithoutCancel(ctx), r.calls, func(ctx context.Context) error {
		return r.from.Revoke(ctx, r.scope+seen, now, until)
	}, seen)
}
