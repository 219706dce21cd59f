package ginauth

import (
	"errors"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/openid"
	"github.com/ginauth/ginauth/internal/origin"
	"github.com/ginauth/ginauth/internal/pages"
	"github.com/ginauth/ginauth/internal/redact"
	"github.com/ginauth/ginauth/internal/refusal"
	"github.com/ginauth/ginauth/internal/revocation"
)

func (v *request) getSignOut() {
	if page := v.auth.opts.Pages.SignOut; page != "" {
		v.redirect(http.StatusFound, page)
		return
	}
	notice, _ := v.noticed(v.c.Query("error"))
	v.pages().SignOut(v.c.Writer, pages.SignOut{
		Person: v.person(), BackURL: v.backURL(),
		Site: v.base.Host(), Action: v.base.URL + "/signout", CSRFToken: v.csrfToken, CallbackURL: v.callbackURL, Error: notice, Hint: v.hint(notice),
	})
}

// person is who is signed in, for a page that changes nothing: the page shows nobody
// where that cannot be told.
func (v *request) person() pages.Person {
	id, err := v.auth.openFound(v.c.Request.Context(), v.found(), v.base, v.auth.opts.Now())
	if err != nil {
		return pages.Person{}
	}
	return pages.Person{Name: id.token.Name, Email: id.token.Email}
}

// backURL is the page of this site that led here, and else the first one.
func (v *request) backURL() string {
	u, err := origin.Read(v.c.Request.Referer())
	if err != nil || u.Origin() != v.base.Origin || strings.HasPrefix(v.base.Origin+u.RequestURI(), v.base.URL+"/") {
		return v.base.Home()
	}
	return u.RequestURI()
}

// postSignOut ends the session in this browser.
func (v *request) postSignOut() {
	if v.native {
		v.endNative()
		return
	}
	if !v.proven() {
		v.unproven("signout")
		return
	}
	ended, err := v.signOut()
	if err != nil {
		v.fault("ending the session", err)
		return
	}
	v.redirect(http.StatusOK, v.afterSignOut(ended))
}

// SignOut ends the session in this browser, as POST signout does, where the application
// has a route of its own for that, or deletes the person's account. Call it before the
// answer is written. GetSession returns nil from then on. Events.SignOut is called. It
// is no error if nobody is signed in. A session at a provider goes on: POST signout
// ends that too, see OAuth.SignOutAtProvider.
//
// While the store or the revocations cannot end the session there is an error, and the
// cookie stays. There is one too where the answer has begun, the request's host is not
// this site's, or another site's page sent a request that changes something. The error
// is ErrNoSession for a bearer token, which is not this site's to end.
func (a *Auth) SignOut(c *gin.Context) error {
	v, err := a.ownRequest(c, "SignOut")
	if err != nil {
		return err
	}
	if id := identityFrom(c); id != nil && id.auth == a && !id.begun && !v.found().Found {
		return ErrNoSession
	}
	if _, err := v.signOut(); err != nil {
		return err
	}
	private(c.Writer.Header())
	a.detach(c)
	return nil
}

// signOut ends the sessions in this browser and deletes their cookies. After an error
// these stay, so that the person can try again.
func (v *request) signOut() (ended *Token, err error) {
	found := v.found()
	if ended, err = v.endSessions(found); err != nil {
		return nil, err
	}
	former := ""
	if ended != nil {
		former = ended.domain
	}
	v.auth.clearSession(v.c, found, v.base, former)
	v.dropWaiting()
	return ended, nil
}

// endSessions ends every session that the request has, and returns the token of the one
// that was believed, or of the first; nil if there is none.
func (v *request) endSessions(found cookie.Session) (*Token, error) {
	all, err := v.sessions(v.c.Request.Context(), found, v.auth.opts.Now())
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
	if !ok || contentType != "application/x-www-form-urlencoded" {
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
	v.auth.refusals.Warn(v.c.Request.Context(), refusal.LogoutToken, "a logout token was refused",
		refusal.Advice{LookAt: "the provider's issuer and client id", Text: "the error says what the token has and what was expected; anybody may send one"},
		"provider", v.provider.id, "error", redact.Error(err))
	v.json(http.StatusBadRequest, map[string]string{"error": code})
}
