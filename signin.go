package ginauth

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/errorcode"
	"github.com/ginauth/ginauth/internal/origin"
	"github.com/ginauth/ginauth/internal/pages"
	"github.com/ginauth/ginauth/internal/redact"
)

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
func (v *request) failed(status int, code string) outcome {
	return outcome{location: v.errorURL(code), status: status}
}

// leave ends the request with an outcome.
func (v *request) leave(result outcome) {
	if result.wait > 0 {
		v.tooMany(result.wait) // already told
		return
	}
	if result.session != "" {
		found := v.found()
		if v.formPosted() {
			found = v.unseenSession()
		}
		former := ""
		if id, err := v.auth.openFound(v.c.Request.Context(), found, v.base, v.auth.opts.Now()); err == nil {
			former = id.token.domain
		}
		v.auth.putSession(v.c, result.session, found, v.base, result.expires, former)
		if v.method == http.MethodGet { // a cache that keeps redirects must not give it to anybody else
			private(v.c.Writer.Header())
		}
		if v.formPosted() && v.strict() {
			v.pages().Continue(v.c.Writer, pages.Continue{Site: v.base.Host(), URL: origin.Location(result.location)})
			return
		}
	}
	v.redirect(result.status, result.location)
}

// completeSignIn lets the application decide, and makes the session of a person who has
// proved who they are.
func (v *request) completeSignIn(p SignInParams) outcome {
	if result, refused := v.decide(p); refused {
		return result
	}
	return v.startSession(p, false)
}

// decide lets the application decide, and says what its refusal leads to.
func (v *request) decide(p SignInParams) (result outcome, refused bool) {
	v.who = p.User
	if signIn := v.auth.opts.Callbacks.SignIn; signIn != nil {
		if err := signIn(v.c, p); err != nil {
			return v.callbackRefusal(err), true
		}
	}
	return outcome{}, false
}

// startSession makes the session of a person who may sign in.
func (v *request) startSession(p SignInParams, isNew bool) outcome {
	trigger := TriggerSignIn
	if isNew {
		trigger = TriggerSignUp
	}
	v.who = p.User
	if p.User.ID == "" { // the callback's doing
		return v.refused("Callbacks.SignIn", errors.New("ginauth: the user has no ID; leave it, or set another"),
			http.StatusInternalServerError, errorcode.Callback)
	}
	undo, wait := v.successAllowed(v.c.Request.Context(), p.User.ID)
	if wait > 0 {
		v.tellLimited(wait)
		result := v.failed(http.StatusTooManyRequests, errorcode.RateLimited)
		result.wait = wait
		return result
	}
	now := v.auth.opts.Now()
	t := &Token{
		Subject: p.User.ID, Name: p.User.Name, Email: p.User.Email, Picture: p.User.Image,
		AuthTime: now, shape: p.User.shape, notInAdapter: v.notInAdapter,
	}
	err := v.auth.runJWT(v.c, JWTParams{
		Token: t, User: p.User, Account: p.Account, Profile: p.Profile, IsNewUser: isNew, Trigger: trigger,
	})
	if errors.Is(err, ErrSignedOut) {
		return v.refused("Callbacks.JWT", err, http.StatusForbidden, errorcode.AccessDenied)
	}
	if err != nil {
		undo()
		return v.refused("Callbacks.JWT", err, http.StatusInternalServerError, errorcode.Callback)
	}
	t.grant = v.auth.newGrant(v.provider, p.Account)
	value, err := v.storeSession(t, now)
	if err == nil {
		if err := v.confirm(context.WithoutCancel(v.c.Request.Context()), p.User.ID, value); err != nil {
			return v.notEntered(err)
		}
	}
	if err != nil {
		undo()
		return v.unkeptSession("keeping the session", err)
	}
	if event := v.auth.opts.Events.SignIn; event != nil {
		event(v.c, SignInEvent{
			User: p.User, Account: p.Account, Profile: p.Profile, IsNewUser: isNew, Client: v.client(),
		})
	}
	location := v.callbackURL
	if page := v.auth.opts.Pages.NewUser; isNew && page != "" {
		location = withQuery(v.base.Public(page), "callbackUrl", v.callbackURL)
	}
	return outcome{
		location: location, session: value, of: t.sessionID(), user: t.Subject, since: t.AuthTime, expires: t.ExpiresAt, status: http.StatusOK,
	}
}

// storeSession keeps the session of a person who has just signed in, in place of the one
// this browser may have had.
func (v *request) storeSession(t *Token, now time.Time) (value string, err error) {
	ctx := context.WithoutCancel(v.c.Request.Context())
	if v.auth.ending.revoked != nil {
		if t.AuthTime, err = v.auth.ending.revoked.SignInTime(ctx, t.revocable()); err != nil {
			return "", err
		}
	}
	if value, err = v.auth.create(ctx, t, v.base, now); err != nil {
		return "", err
	}
	// A late answer to a request of before must not bring the former session back.
	former, err := v.auth.openAll(ctx, v.found(), v.base, now)
	if err != nil {
		v.auth.opts.Logger.Warn("ginauth: the session before this sign-in was not deleted", "error", redact.Error(err))
	}
	for _, id := range former {
		if err := v.auth.end(ctx, id, v.base); err != nil {
			v.auth.opts.Logger.Warn("ginauth: the session before this sign-in was not deleted", "error", redact.Error(err))
		}
	}
	if err := v.endFormer(ctx, now); err != nil {
		v.auth.opts.Logger.Warn("ginauth: the session before this sign-in was not deleted", "error", redact.Error(err, v.former))
	}
	if err := v.auth.endOldest(ctx, t); err != nil {
		v.auth.opts.Logger.Warn("ginauth: sessions beyond Session.MaxPerUser were not ended", "error", redact.Error(err))
	}
	return value, nil
}

// callbackRefusal is what an error of the SignIn callback leads to. Only a PublicError's
// text reaches the browser.
func (v *request) callbackRefusal(err error) outcome {
	var elsewhere redirectTo
	var public publicError
	switch {
	case errors.As(err, &elsewhere):
		v.tellRefused("Callbacks.SignIn", errElsewhere, errorcode.AccessDenied) // not the URL: it may hold a secret
		return outcome{location: string(elsewhere), status: http.StatusOK}
	case errors.As(err, &public):
		v.tellRefused("Callbacks.SignIn", err, errorcode.AccessDenied)
		return v.failed(http.StatusOK, v.auth.publicErrors.Publish(string(public)))
	}
	return v.refused("Callbacks.SignIn", err, http.StatusForbidden, errorcode.AccessDenied)
}

// unkeptSession is where a sign-in leads whose session, or the one that is there, the
// store or the revocations cannot keep or read.
func (v *request) unkeptSession(step string, err error) outcome {
	if errors.Is(err, errUnavailable) {
		return v.refused(step, err, http.StatusServiceUnavailable, errorcode.SessionUnavailable)
	}
	return v.refused(step, err, http.StatusInternalServerError, errorcode.Callback)
}

// A denial is an error that is nobody's fault: a person was refused, or an attacker.
type denial string

func (e denial) Error() string { return string(e) }

const (
	errWrongCredentials denial = "ginauth: what was typed matches no account"
	errWrongLink        denial = "ginauth: the link of the mail was used, has expired, or is not as it was sent"
	errWrongCode        denial = "ginauth: the code is not the one in the mail, or that was used or has expired"
	errElsewhere        denial = "ginauth: Callbacks.SignIn sends the person elsewhere"
	errUnaskedAnswer    denial = "ginauth: the answer says that the provider refused, but this browser has begun no such sign-in"
	errUnprovenForm     denial = "ginauth: the form came without its CSRF token, or from another origin"
)

// maxLoggedID bounds a user's ID in the log, in bytes.
const maxLoggedID = 256

// refused is where a sign-in leads that ends without a session. The log and
// Events.SignInError learn why.
func (v *request) refused(step string, err error, status int, code string) outcome {
	v.tellRefused(step, err, code)
	return v.failed(status, code)
}

// tellRefused tells the log and Events.SignInError why somebody was not signed in, once
// for a sign-in.
func (v *request) tellRefused(step string, err error, code string) SignInErrorEvent {
	e := v.signInError(err, code)
	attrs := []any{"provider", e.Provider, "code", code}
	if e.Client.IsValid() {
		attrs = append(attrs, "client", e.Client.String())
	}
	if who := v.who; who != nil && who.ID != "" && len(who.ID) <= maxLoggedID && !v.wasTyped(who.ID) {
		attrs = append(attrs, "user", who.ID)
	}
	attrs = append(attrs, "step", step, "error", e.Err)
	v.auth.opts.Logger.Log(v.c.Request.Context(), refusalLevel(err), "ginauth: sign-in refused", attrs...)
	return e
}

// refusalLevel is that of a refusal's log line: a warning where something is broken or
// ought to be configured otherwise.
func refusalLevel(err error) slog.Level {
	var denied denial
	var public publicError
	var tooMany rateLimited
	if errors.As(err, &denied) || errors.As(err, &public) || errors.As(err, &tooMany) ||
		errors.Is(err, ErrAccessDenied) || errors.Is(err, ErrSignedOut) {
		return slog.LevelInfo
	}
	return slog.LevelWarn
}

// wasTyped reports whether a text holds what a person typed.
func (v *request) wasTyped(text string) bool {
	return slices.ContainsFunc(v.secrets, func(s string) bool { return s == text || len(s) > 2 && strings.Contains(text, s) })
}

// signInError calls Events.SignInError. The error is redacted: it holds no token, code
// or secret, nor what the person typed.
func (v *request) signInError(err error, code string) SignInErrorEvent {
	secrets := v.secrets
	_, denied := err.(denial)
	if _, tooMany := err.(rateLimited); denied || tooMany || err == ErrAccessDenied {
		secrets = nil // words of our own, which somebody may have typed too
	}
	e := SignInErrorEvent{Code: code, Err: redact.Error(err, secrets...), Client: v.client()}
	if v.provider != nil {
		e.Provider = v.provider.id
	}
	if v.who != nil {
		who := *v.who
		e.User = &who
	}
	if event := v.auth.opts.Events.SignInError; event != nil {
		event(v.c, e)
	}
	return e
}

// noticeAge is for how long the next page finds a notice.
const noticeAge = time.Minute

// notice tells the next page more than the error code. It is a cookie and no
// parameter: the URLs of errors are NextAuth's, and no link can put these words on a
// page. "" takes the one away that is there.
func (v *request) notice(name string) {
	attributes := v.attributes()
	if name != "" {
		attributes.MaxAge = noticeAge
		v.setCookie(cookie.Line(v.names.Notice, name, attributes))
	} else if _, found := cookie.Get(v.c.Request.Header["Cookie"], v.names.Notice); found {
		v.setCookie(cookie.Deletion(v.names.Notice, attributes))
	}
}

// noticed is the notice that belongs to an error code; "" for none. location is where
// a sign-in led that was completed before, for the person whom it signed in.
func (v *request) noticed(code string) (notice, location string) {
	value, found := cookie.Get(v.c.Request.Header["Cookie"], v.names.Notice)
	switch {
	case code == errorcode.Verification && value == errorcode.LinkLost, code == errorcode.VerificationCode && value == errorcode.CodeLost:
		return value, ""
	case code == "MissingCSRF" || code == "" && v.c.Query("csrf") == "true":
		if !cookie.Has(v.c.Request.Header["Cookie"], v.names.CSRF) { // which the answer set that led here
			return errorcode.CookiesBlocked, ""
		}
	case code != errorcode.OAuthCallback:
	case value == errorcode.SignInUsed, value == errorcode.SignInLost:
		return value, ""
	case found && strings.HasPrefix(value, "."):
		return v.postedAgain(value)
	case !v.signIns().Any():
		return errorcode.SignInLost, ""
	}
	return "", ""
}

// postedAgain finds what is left of a sign-in whose answer came by another site's
// POST, which brought no cookie of it.
func (v *request) postedAgain(suffix string) (notice, location string) {
	done := v.signIns().CompletedBySuffix(suffix)
	if done == nil {
		return errorcode.SignInLost, ""
	}
	location, err := v.leadsOn(done)
	if err != nil {
		v.auth.opts.Logger.Error("ginauth: reading the session failed", "error", redact.Error(err))
	}
	return errorcode.SignInUsed, location
}
