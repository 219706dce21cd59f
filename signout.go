package ginauth

import (
	"errors"
	"mime"
	"net/http"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/openid"
	"github.com/ginauth/ginauth/internal/pages"
	"github.com/ginauth/ginauth/internal/redact"
	"github.com/ginauth/ginauth/internal/revocation"
)

func (v *request) getSignOut() {
	if page := v.auth.opts.Pages.SignOut; page != "" {
		v.redirect(http.StatusFound, page)
		return
	}
	v.pages().SignOut(v.c.Writer, pages.SignOut{
		Site: v.base.Host(), Action: v.base.URL + "/signout", CSRFToken: v.csrfToken, CallbackURL: v.callbackURL,
	})
}

// postSignOut ends the session in this browser.
func (v *request) postSignOut() {
	if !v.csrfVerified {
		v.unproven("signout")
		return
	}
	found := v.found()
	ended, err := v.endSessions(found)
	if err != nil {
		// The cookie stays: whoever signs out must be able to try again.
		v.fault("ending the session", err)
		return
	}
	former := ""
	if ended != nil {
		former = ended.domain
	}
	v.auth.clearSession(v.c, found, v.base, former)
	v.redirect(http.StatusOK, v.afterSignOut(ended))
}

// endSessions ends every session that the request's cookies lead to, and returns the
// token of the one that was believed, or of the first; nil if there is none.
func (v *request) endSessions(found cookie.Session) (*Token, error) {
	all, err := v.auth.openAll(v.c.Request.Context(), found, v.base, v.auth.opts.Now())
	if err != nil {
		return nil, err
	}
	var newest *Token
	told := map[string]bool{} // of which sessions Events.SignOut was told
	for _, id := range all {
		t := &id.token
		if err := v.auth.end(v.c.Request.Context(), id, v.base); err != nil {
			return nil, err
		}
		if event := v.auth.opts.Events.SignOut; event != nil && (t.sessionID() == "" || !told[t.sessionID()]) {
			event(v.c, SignOutEvent{Token: t})
		}
		told[t.sessionID()] = true
		if newest == nil || t.IssuedAt.After(newest.IssuedAt) {
			newest = t
		}
	}
	return newest, nil
}

// afterSignOut is where the browser goes when its session has ended: on to the
// provider where OAuth.SignOutAtProvider says so. A provider that cannot be asked
// where to is no reason to stay: the session here is over either way.
func (v *request) afterSignOut(t *Token) string {
	if t == nil || t.grant == nil {
		return v.callbackURL
	}
	p := v.auth.provider(t.grant.Provider)
	if p == nil || !p.oauth().signsOut() {
		return v.callbackURL
	}
	target, err := p.oauth().client.EndSession(v.c.Request.Context(), t.grant.IDToken, v.callbackURL)
	if err != nil {
		v.auth.opts.Logger.Warn("ginauth: the person was signed out here, but not at the provider", "provider", p.id, "error", redact.Error(err))
		return v.callbackURL
	}
	return target
}

// backchannel is the action of OpenID Connect Back-Channel Logout 1.0.
const backchannel = "backchannel-logout"

// takesLogoutTokens reports whether a provider may end sessions here.
func (a *Auth) takesLogoutTokens(p *provider) bool {
	return a.ending.revoked != nil && p != nil && p.oauth().verifiesLogout()
}

// postLogoutToken ends the sessions that a provider says are over (§2.5). The
// request comes from its server, with no cookie and no Origin: what proves it is
// the token's signature alone. The answers are those of §2.8.
func (v *request) postLogoutToken() {
	v.c.Writer.Header()["Cache-Control"] = []string{"no-store"}
	raw, ok := v.body["logout_token"].(string) // once: a repeated field is a list
	contentType, _, _ := mime.ParseMediaType(v.c.GetHeader("Content-Type"))
	if !ok || raw == "" || contentType != "application/x-www-form-urlencoded" {
		v.refuseLogout("invalid_request", errors.New("ginauth: the body is no form with one logout_token"))
		return
	}
	ctx, now := v.c.Request.Context(), v.auth.opts.Now()
	t, err := v.provider.oauth().client.VerifyLogout(ctx, raw, now)
	if err != nil {
		v.refuseLogout("invalid_request", err)
		return
	}
	logout := newLogout(v.provider.id, t, now)
	accepted, err := v.auth.ending.revoked.EndAtProvider(ctx, logout, now)
	if err != nil {
		v.refuseLogout("temporarily_unavailable", err)
		return
	}
	if !accepted {
		v.refuseLogout("invalid_request", errors.New("ginauth: the logout token came before"))
		return
	}
	v.auth.ending.streams.EndFunc(logout.Ends)
	v.auth.revoke(ctx, RevokeEvent{Provider: v.provider.id})
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

func (v *request) refuseLogout(code string, err error) {
	v.auth.opts.Logger.Warn("ginauth: a logout token was refused", "provider", v.provider.id, "error", redact.Error(err))
	v.json(http.StatusBadRequest, map[string]string{"error": code})
}
