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

func (r *request) getSignOut() {
	if page := r.auth.opts.Pages.SignOut; page != "" {
		r.redirect(http.StatusOK, page)
		return
	}
	notice, _ := r.noticed(r.c.Query("error"))
	r.pages().SignOut(r.c.Writer, pages.SignOut{
		Person: r.person(), BackURL: r.backURL(),
		Site: r.base.Host(), Action: r.base.URL + "/signout", CSRFToken: r.csrfToken, CallbackURL: r.callbackURL, Error: notice, Hint: r.hint(notice),
	})
}

// person is who is signed in, for a page that changes nothing: the page shows nobody
// where that cannot be told.
func (r *request) person() pages.Person {
	id, err := r.auth.openFound(r.c.Request.Context(), r.found(), r.base, r.auth.opts.Now())
	if err != nil {
		return pages.Person{}
	}
	return pages.Person{Name: id.token.Name, Email: id.token.Email}
}

// backURL is the page of this site that led here, and else the first one.
func (r *request) backURL() string {
	u, err := origin.Read(r.c.Request.Referer())
	if err != nil || u.Origin() != r.base.Origin || strings.HasPrefix(r.base.Origin+u.RequestURI(), r.base.URL+"/") {
		return r.base.Home()
	}
	return u.RequestURI()
}

// postSignOut ends the session in this browser.
func (r *request) postSignOut() {
	if r.native {
		r.endNative()
		return
	}
	if !r.proven() {
		r.csrfRefused("signout")
		return
	}
	ended, err := r.signOut()
	if err != nil {
		r.fault("ending the session", err)
		return
	}
	r.redirect(http.StatusOK, r.afterSignOut(ended))
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
	r, err := a.ownRequest(c, "SignOut")
	if err != nil {
		return err
	}
	if id := identityFrom(c); id != nil && id.auth == a && !id.begun && !r.found().Found {
		return ErrNoSession
	}
	if _, err := r.signOut(); err != nil {
		return err
	}
	private(c.Writer.Header())
	a.detach(c)
	return nil
}

// signOut ends the sessions in this browser and deletes their cookies. After an error
// these stay, so that the person can try again.
func (r *request) signOut() (ended *Token, err error) {
	found := r.found()
	if ended, err = r.endSessions(found); err != nil {
		return nil, err
	}
	former := ""
	if ended != nil {
		former = ended.domain
	}
	r.auth.clearSession(r.c, found, r.base, former)
	r.dropWaiting()
	return ended, nil
}

// endSessions ends every session that the request has, and returns the token of the one
// that was believed, or of the first; nil if there is none.
func (r *request) endSessions(found cookie.Session) (*Token, error) {
	all, err := r.sessions(r.c.Request.Context(), found, r.auth.opts.Now())
	if err != nil {
		return nil, err
	}
	var newest *Token
	told := map[string]bool{} // of which sessions Events.SignOut was told
	for _, id := range all {
		t := &id.token
		if err := r.auth.end(r.c.Request.Context(), id, r.base); err != nil {
			return nil, err
		}
		if event := r.auth.opts.Events.SignOut; event != nil && (t.sessionID() == "" || !told[t.sessionID()]) {
			event(r.c, SignOutEvent{Token: t})
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
func (r *request) afterSignOut(t *Token) string {
	if t == nil || t.grant == nil {
		return r.callbackURL
	}
	p := r.auth.provider(t.grant.Provider)
	if p == nil || !p.oauth().signsOut() {
		return r.callbackURL
	}
	target, err := p.oauth().client.EndSession(r.c.Request.Context(), t.grant.IDToken, r.callbackURL)
	if err != nil {
		r.auth.opts.Logger.Warn("ginauth: the person was signed out here, but not at the provider", "provider", p.id, "error", redact.Error(err))
		return r.callbackURL
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
func (r *request) postLogoutToken() {
	r.c.Writer.Header()["Cache-Control"] = []string{"no-store"}
	raw, ok := r.body["logout_token"].(string) // once: a repeated field is a list
	contentType, _, _ := mime.ParseMediaType(r.c.GetHeader("Content-Type"))
	if !ok || contentType != "application/x-www-form-urlencoded" {
		r.refuseLogout("invalid_request", errors.New("ginauth: the body is no form with one logout_token"))
		return
	}
	ctx, now := r.c.Request.Context(), r.auth.opts.Now()
	t, err := r.provider.oauth().client.VerifyLogout(ctx, raw, now)
	if err != nil {
		r.refuseLogout("invalid_request", err)
		return
	}
	logout := newLogout(r.provider.id, t, now)
	accepted, err := r.auth.ending.revoked.EndAtProvider(ctx, logout, now)
	if err != nil {
		r.refuseLogout("temporarily_unavailable", err)
		return
	}
	if !accepted {
		r.refuseLogout("invalid_request", errors.New("ginauth: the logout token came before"))
		return
	}
	r.auth.ending.streams.EndFunc(logout.Ends)
	r.auth.revoke(ctx, RevokeEvent{Provider: r.provider.id})
	r.json(http.StatusOK, struct{}{})
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

func (r *request) refuseLogout(code string, err error) {
	r.auth.refusals.Warn(r.c.Request.Context(), refusal.LogoutToken, "a logout token was refused",
		refusal.Advice{LookAt: "the provider's issuer and client id", Text: "the error says what the token has and what was expected; anybody may send one"},
		"provider", r.provider.id, "error", redact.Error(err))
	r.json(http.StatusBadRequest, map[string]string{"error": code})
}
