package ginauth

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/ginauth/ginauth/internal/errorcode"
	"github.com/ginauth/ginauth/internal/oauth"
	"github.com/ginauth/ginauth/internal/origin"
	"github.com/ginauth/ginauth/internal/pages"
	"github.com/ginauth/ginauth/internal/redact"
)

// rememberCallback is for how long a callback that comes again, by a double click or
// a reload, is answered as the first was.
const rememberCallback = time.Minute

// redirectURI is where the provider sends its answer (RFC 6749 §3.1.2).
func (v *visit) redirectURI() string { return v.base.URL + "/callback/" + v.provider.id }

// beginOAuth sends the browser to the provider.
func (v *visit) beginOAuth() {
	if v.provider.formPost != nil && !v.base.Secure && !v.base.Loopback() {
		v.refused("starting the sign-in", errors.New("the provider answers by POST, which needs a site on https"))
		v.fail(http.StatusOK, errorcode.OAuthSignin)
		return
	}
	now := v.opts.Now()
	authURL, tx, err := v.provider.oauth.Begin(v.c.Request.Context(), v.redirectURI(),
		oauth.DisplayParams(v.c.Request.URL.Query()), now)
	if err != nil {
		v.refused("starting the sign-in", err)
		v.fail(http.StatusOK, errorcode.OAuthSignin)
		return
	}
	tx.User = v.signedIn()
	if tx.FormPost {
		tx.Target = v.ownPath(v.callbackURL)
	}
	lines, ok := v.signIns().Begin(tx)
	if !ok {
		v.refused("starting the sign-in", errors.New("the provider's session is too long for a transaction cookie"))
		v.fail(http.StatusOK, errorcode.OAuthSignin)
		return
	}
	v.setCookie(lines...)
	v.redirect(http.StatusOK, authURL)
}

// An outcome is what a sign-in leads to, kept for a callback that comes twice.
type outcome struct {
	location string
	session  string    // the session cookie's value; empty: nobody was signed in
	of       string    // its name
	user     string    // who signed in, and
	since    time.Time // when
	expires  time.Time // when it ends
	status   int       // for next-auth's client; a browser gets 302 in any case

	wait time.Duration // not zero: the person has signed in too often, and may again after it
}

// failed is an outcome on the error page.
func (v *visit) failed(status int, code string) outcome {
	return outcome{location: v.errorURL(code), status: status}
}

// leave ends the visit with an outcome.
func (v *visit) leave(result outcome) {
	if result.wait > 0 {
		v.tooMany(result.wait)
		return
	}
	if result.session != "" {
		found := v.found()
		if v.formPosted() {
			found = v.unseenSession()
		}
		former := ""
		if id, err := v.openFound(v.c.Request.Context(), found, v.base, v.opts.Now()); err == nil {
			former = id.token.domain
		}
		v.putSession(v.c, result.session, found, v.base, result.expires, former)
		if v.c.Request.Method == http.MethodGet { // a cache that keeps redirects must not give it to anybody else
			private(v.c.Writer.Header())
		}
		if v.formPosted() && v.strict() {
			v.pages.Continue(v.c.Writer, pages.Continue{Site: v.base.Host(), URL: origin.Location(result.location)})
			return
		}
	}
	v.redirect(result.status, result.location)
}

// finishOAuth takes the provider's answer.
func (v *visit) finishOAuth() {
	answer := v.answer()
	tx, expired := v.signIns().Find(answer)
	if tx == nil {
		v.finishAgain(answer, expired)
		return
	}
	if v.loadAgain(tx.Again) {
		v.setCookie(v.signIns().Revisit(tx))
		v.continueHere()
		return
	}
	if v.formPosted() {
		v.callbackURL = v.base.Absolute(tx.Target, v.allowed)
	}
	if code := answer.Get("error"); code != "" {
		v.endTransaction(tx, outcome{})
		v.providerError(code, true)
		return
	}
	now := v.opts.Now()
	// The answer to a state is remembered with its code: one without the code is
	// not the browser's second request but somebody's guess.
	sum := sha256.Sum256([]byte(tx.State + " " + answer.Get("code")))
	result := v.finished.Do(v.c.Request.Context(), string(sum[:]), now, now.Add(rememberCallback),
		func() outcome { return v.signIn(tx, answer) })
	if result.location == "" { // the first callback's request panicked, or this one is gone
		result = v.failed(http.StatusOK, errorcode.Callback)
	}
	v.notice("")
	v.endTransaction(tx, result)
	v.leave(result)
}

// signIn runs a person's sign-in from the provider's answer to the session.
func (v *visit) signIn(tx *oauth.Transaction, answer url.Values) outcome {
	// A double click takes the connection away from the first callback, and the
	// code is spent: so the exchange goes on without the request, to its own end.
	ctx := context.WithoutCancel(v.c.Request.Context())
	id, err := v.provider.oauth.Complete(ctx, tx, v.redirectURI(), answer, v.opts.Now())
	if err != nil {
		v.refused("the callback", err)
		return v.failed(http.StatusOK, errorcode.OAuthCallback)
	}
	v.addPostedName(&id.Profile)
	user, err := v.provider.user(id.Profile)
	if err != nil {
		v.refused("the profile", err)
		return v.failed(http.StatusOK, errorcode.OAuthCallback)
	}
	p := SignInParams{User: &user, Account: v.provider.account(id, user), Profile: &id.Profile}
	if v.opts.Adapter == nil {
		return v.admit(p)
	}
	return v.admitAccount(ctx, tx, p)
}

// admit lets the application decide, and makes the session of a person who has
// proved who they are.
func (v *visit) admit(p SignInParams) outcome {
	if result, refused := v.decide(p); refused {
		return result
	}
	return v.enter(p, false)
}

// decide lets the application decide, and says what its refusal leads to.
func (v *visit) decide(p SignInParams) (result outcome, refused bool) {
	if signIn := v.opts.Callbacks.SignIn; signIn != nil {
		if err := signIn(v.c, p); err != nil {
			return v.denied(err), true
		}
	}
	return outcome{}, false
}

// enter makes the session of a person who may sign in.
func (v *visit) enter(p SignInParams, isNew bool) outcome {
	trigger := TriggerSignIn
	if isNew {
		trigger = TriggerSignUp
	}
	if p.User.ID == "" { // the callback's doing
		v.refused("Callbacks.SignIn", errors.New("ginauth: the user has no ID; leave it, or set another"))
		return v.failed(http.StatusInternalServerError, errorcode.Callback)
	}
	undo, wait := v.successAllowed(v.c.Request.Context(), p.User.ID)
	if wait > 0 {
		result := v.failed(http.StatusTooManyRequests, errorcode.RateLimited)
		result.wait = wait
		return result
	}
	now := v.opts.Now()
	t := &Token{
		Subject: p.User.ID, Name: p.User.Name, Email: p.User.Email, Picture: p.User.Image,
		AuthTime: now, shape: p.User.shape, unlisted: v.unlisted,
	}
	err := v.runJWT(v.c, JWTParams{
		Token: t, User: p.User, Account: p.Account, Profile: p.Profile, IsNewUser: isNew, Trigger: trigger,
	})
	if errors.Is(err, ErrSignedOut) {
		return v.failed(http.StatusForbidden, errorcode.AccessDenied)
	}
	if err != nil {
		undo()
		v.refused("Callbacks.JWT", err)
		return v.failed(http.StatusInternalServerError, errorcode.Callback)
	}
	t.grant = v.newGrant(v.provider, p.Account)
	value, err := v.begin(t, now)
	if err == nil {
		if err := v.confirm(context.WithoutCancel(v.c.Request.Context()), p.User.ID, value); err != nil {
			return v.notEntered(err)
		}
	}
	if err != nil {
		undo()
		v.refused("keeping the session", err)
		if errors.Is(err, errUnavailable) {
			return v.failed(http.StatusServiceUnavailable, errorcode.SessionUnavailable)
		}
		return v.failed(http.StatusInternalServerError, errorcode.Callback)
	}
	if event := v.opts.Events.SignIn; event != nil {
		event(v.c, SignInEvent{User: p.User, Account: p.Account, Profile: p.Profile, IsNewUser: isNew})
	}
	location := v.callbackURL
	if page := v.opts.Pages.NewUser; isNew && page != "" {
		location = withQuery(page, "callbackUrl", v.callbackURL)
	}
	return outcome{
		location: location, session: value, of: t.sessionID(), user: t.Subject, since: t.AuthTime, expires: t.ExpiresAt, status: http.StatusOK,
	}
}

// begin keeps the session of a person who has just signed in, in place of the one
// this browser may have had.
func (v *visit) begin(t *Token, now time.Time) (value string, err error) {
	ctx := context.WithoutCancel(v.c.Request.Context())
	if v.revoked != nil {
		if t.AuthTime, err = v.revoked.SignInTime(ctx, t.revocable()); err != nil {
			return "", err
		}
	}
	if value, err = v.create(ctx, t, v.base, now); err != nil {
		return "", err
	}
	// A late answer to a request of before must not bring the former session back.
	former, err := v.openAll(ctx, v.found(), v.base, now)
	if err != nil {
		v.opts.Logger.Warn("ginauth: the session before this sign-in was not deleted", "error", redact.Error(err))
	}
	for _, id := range former {
		if err := v.end(ctx, id, v.base); err != nil {
			v.opts.Logger.Warn("ginauth: the session before this sign-in was not deleted", "error", redact.Error(err))
		}
	}
	if err := v.endOldest(ctx, t); err != nil {
		v.opts.Logger.Warn("ginauth: sessions beyond Session.MaxPerUser were not ended", "error", redact.Error(err))
	}
	return value, nil
}

// denied is what an error of the SignIn callback leads to. Only a PublicError's
// text reaches the browser.
func (v *visit) denied(err error) outcome {
	var elsewhere redirectTo
	var public publicError
	switch {
	case errors.As(err, &elsewhere):
		return outcome{location: string(elsewhere), status: http.StatusOK}
	case errors.As(err, &public):
		return v.failed(http.StatusOK, v.publicErrors.Publish(string(public)))
	case !errors.Is(err, ErrAccessDenied):
		v.refused("Callbacks.SignIn", err)
	}
	return v.failed(http.StatusForbidden, errorcode.AccessDenied)
}

// answer is the provider's: the query, and the form of a form_post response. A
// parameter that stands twice stays so, and is refused (RFC 6749 §3.1).
func (v *visit) answer() url.Values {
	answer := v.c.Request.URL.Query()
	for name, value := range v.body {
		values, repeated := value.([]string)
		if !repeated {
			values = []string{v.field(name)}
		}
		answer[name] = append(answer[name], values...)
	}
	return answer
}

// providerError handles an error response (RFC 6749 §4.1.2.1). Its description
// is the provider's or anybody's who made the link: it never reaches a page, and
// the log only when this browser did start a sign-in.
func (v *visit) providerError(code string, ours bool) {
	if ours {
		v.opts.Logger.Warn("ginauth: the provider refused a sign-in", "provider", v.provider.id, "code", redact.Code(code))
	}
	if code == "access_denied" {
		v.fail(http.StatusOK, errorcode.AccessDenied)
		return
	}
	v.fail(http.StatusOK, errorcode.Callback)
}

// refused logs why somebody was not signed in. The error is redacted: it holds
// no token, code or secret, nor what the person typed.
func (v *visit) refused(step string, err error) {
	v.opts.Logger.Warn("ginauth: sign-in refused", "provider", v.provider.id, "step", step, "error", redact.Error(err, v.typed...))
}
