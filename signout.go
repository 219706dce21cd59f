package ginauth

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth/internal/bulkhead"
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

// revoke tells the log and Events.Revoke.
func (a *Auth) revoke(ctx context.Context, e RevokeEvent) {
	attrs := []any{"user", e.UserID, "all", e.SessionID == ""}
	if e.Provider != "" {
		attrs = []any{"provider", e.Provider}
	}
	a.opts.Logger.InfoContext(ctx, "ginauth: sessions were revoked", attrs...)
	a.tellRevoked(ctx, e)
}

func (a *Auth) tellRevoked(ctx context.Context, e RevokeEvent) {
	if event := a.opts.Events.Revoke; event != nil {
		event(context.WithoutCancel(requestContext(ctx)), e)
	}
}

// ErrSessionEnded is the cause (context.Cause) of a SessionContext that ended
// with its session.
var ErrSessionEnded = errors.New("ginauth: the session ended")

// SessionContext is the context of a stream behind RequireSession: server-sent
// events or a WebSocket, which outlive the moment in which the session was
// checked. It ends with the request, when the session expires, and when the
// person signs out of it or it is ended by RevokeUser or EndSession, where this
// process does that; its cause is then ErrSessionEnded. Close ends it too, with the
// cause http.ErrServerClosed. Call stop when the stream is over. For nobody's session,
// for one that was signed out of a moment ago, and after Close, the context has ended
// already. A session without a subject cannot be told from
// others like it: its streams end with the request and when it expires.
//
// A session that other requests prolong ends its streams all the same when it
// would have expired without them: the page connects again and goes on with the
// session of that moment, as an EventSource does by itself.
func (a *Auth) SessionContext(c *gin.Context) (ctx context.Context, stop context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(c.Request.Context())
	id := identityFrom(c)
	if id == nil {
		cancel(ErrSessionEnded)
		return ctx, func() {}
	}
	if a.ending.closed.Err() != nil {
		cancel(http.ErrServerClosed)
		return ctx, func() {}
	}
	end := func() { cancel(ErrSessionEnded) }
	keepOpen := context.AfterFunc(a.ending.closed, func() { cancel(http.ErrServerClosed) })
	var timer *time.Timer
	if !id.session.Expires.IsZero() {
		timer = time.AfterFunc(id.session.Expires.Sub(a.opts.Now()), end)
	}
	forget := func() {}
	if !id.foreign { // whose name is no session's
		forget = a.ending.streams.Add(id.token.revocable(), end)
	}
	return ctx, func() {
		keepOpen()
		if timer != nil {
			timer.Stop()
		}
		forget()
		cancel(context.Canceled)
	}
}

// RevokeUser signs a person out everywhere: each session of theirs that began
// until now is refused from now on, in this process at once and in others within
// five seconds; streams of this process end (SessionContext). userID is the
// token's subject.
//
// It needs Session.Revocations or a Session.Store that finds a user's sessions,
// and uses what there is; ErrNotSupported where there is neither. An application
// that does not ask the revocations, such as Next.js beside this one, goes on
// believing a sealed session until it expires.
func (a *Auth) RevokeUser(ctx context.Context, userID string) error {
	if userID == "" {
		return errors.New("ginauth: RevokeUser needs the ID of a user")
	}
	store, listed := a.userStore()
	if a.ending.revoked == nil && !listed {
		return fmt.Errorf("%w: RevokeUser needs Session.Revocations, for instance ginauth.MemoryRevocations(), or a Session.Store such as redisstore's", ErrNotSupported)
	}
	ctx = context.WithoutCancel(requestContext(ctx)) // half a sign-out everywhere would look like a whole one
	var faults []error
	// Without Revocations these are the device cookies alone.
	faults = append(faults, a.ending.devices.EndUser(ctx, userID, a.opts.Now()), a.endFactorEpoch(ctx, userID))
	if listed {
		faults = append(faults, bulkhead.Run(ctx, a.calls.store, func(ctx context.Context) error {
			return store.DeleteUser(ctx, a.namespace.Owner(userID))
		}))
	}
	a.ending.streams.EndUser(userID)
	if err := errors.Join(faults...); err != nil {
		return err
	}
	a.revoke(ctx, RevokeEvent{UserID: userID})
	return nil
}
