package ginauth

import (
	"errors"
	"mime"
	"net/http"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/ginauth/ginauth/internal/openid"
	"github.com/ginauth/ginauth/internal/redact"
	"github.com/ginauth/ginauth/internal/revocation"
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
	logout := newLogout(v.provider.id, t, now)
	accepted, err := v.revoked.EndAtProvider(ctx, logout, now)
	if err != nil {
		v.refuseLogout("temporarily_unavailable", err)
		return
	}
	if !accepted {
		v.refuseLogout("invalid_request", errors.New("ginauth: the logout token came before"))
		return
	}
	v.streams.EndFunc(logout.Ends)
	v.json(http.StatusOK, struct{}{})
}

// newLogout reads what a verified logout token ends.
func newLogout(provider string, t *oidc.LogoutToken, now time.Time) revocation.Logout {
	issued := t.IssuedAt
	if issued.Before(now) { // not where the provider's clock is ahead
		issued = now
	}
	return revocation.Logout{
		Account: revocation.AccountDigest(provider, t.Issuer, t.Subject),
		Session: revocation.SessionDigest(provider, t.Issuer, t.SessionID),
		Token:   revocation.TokenDigest(provider, t.Issuer, t.TokenID),
		Until:   issued.Add(openid.LogoutMemory),
	}
}

func (v *visit) refuseLogout(code string, err error) {
	v.opts.Logger.Warn("ginauth: a logout token was refused", "provider", v.provider.id, "error", redact.Error(err))
	v.json(http.StatusBadRequest, map[string]string{"error": code})
}
