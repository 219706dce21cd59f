package ginauth

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ginauth/ginauth/internal/ascii"
	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/errorcode"
	"github.com/ginauth/ginauth/internal/redact"
	"github.com/ginauth/ginauth/internal/refusal"
)

// A denial is an error that is nobody's fault: a person was refused, or an attacker.
type denial string

func (e denial) Error() string { return string(e) }

const (
	errWrongCredentials denial = "ginauth: what was typed matches no account"
	errWrongLink        denial = "ginauth: the link of the mail was used, has expired, or is not as it was sent"
	errWrongCode        denial = "ginauth: the code is not the one in the mail, or that was used or has expired"
	errElsewhere        denial = "ginauth: Callbacks.SignIn sends the person elsewhere"
	errUnaskedAnswer    denial = "ginauth: the answer says that the provider refused, but this browser has begun no such sign-in"
	errTwiceElsewhere   denial = "ginauth: another site asks for a sign-in, and iss, login_hint or target_link_uri stands twice"
	errHandedTwice      denial = "ginauth: the request has no id_token or several, or an access_token that is no text; send each once, as a text"
	errHandedNonce      denial = "ginauth: the id_token has no nonce that this site gave out to this browser or application within the last hour; ask POST nonce for one, and hand it to the provider as it is"
	errHandedAgain      denial = "ginauth: the id_token, or another one with its nonce, was handed over before"
	errUnfresh          denial = "ginauth: a new account would be added to the user of a session that had no proof of the last ten minutes of who they are when the sign-in began; they are asked for one, and sign in with the account again after it"
	errUnprovenForm     denial = "ginauth: the form came without its CSRF token, or from another origin"
)

// rateLimited is the error of an attempt that is one too many.
type rateLimited struct{ wait time.Duration }

func (e rateLimited) Error() string {
	return fmt.Sprintf("ginauth: too many attempts to sign in; the next one is allowed in %v", e.wait)
}

// maxLoggedID bounds a user's ID in the log, in bytes.
const maxLoggedID = 256

// refused is where a sign-in leads that ends without a session. The log and
// Events.SignInError learn why.
func (r *request) refused(step string, err error, status int, code string) outcome {
	r.tellRefused(step, err, code)
	return r.errorOutcome(status, code)
}

// notResolved is where a sign-in leads that found no user for its account. Who must prove
// again who they are before it is added to theirs is led to the page for that.
func (r *request) notResolved(err error) outcome {
	const step = "the user and account"
	if !errors.Is(err, errUnfresh) {
		return r.refused(step, err, http.StatusOK, adapterCode(err))
	}
	r.tellRefused(step, err, errorcode.FactorRequired)
	page := withQuery(factorURL(r.base, nil), "resend", "true")
	return outcome{location: withQuery(page, "callbackUrl", r.ownPath(r.callbackURL)), status: http.StatusUnauthorized}
}

// tellRefused tells the log and Events.SignInError why somebody was not signed in, once
// for a sign-in.
func (r *request) tellRefused(step string, err error, code string) SignInErrorEvent {
	e := r.signInError(err, code)
	attrs := []any{"provider", e.Provider, "code", code}
	if e.Client.IsValid() {
		attrs = append(attrs, "client", e.Client.String())
	}
	if who := r.who; who != nil && who.ID != "" && len(who.ID) <= maxLoggedID && !r.wasTyped(who.ID) {
		attrs = append(attrs, "user", who.ID)
	}
	attrs = append(attrs, "step", step, "error", e.Err)
	message := "ginauth: sign-in refused"
	if r.proving {
		message = "ginauth: a proof of somebody who is signed in was refused"
	}
	if own := r.provider != nil && r.provider.method == nil; !own && !r.wantsJSON() { // a page of ours shows it
		r.reference = newReference()
		attrs = append(attrs, "reference", r.reference)
		r.keepFailure(code)
	}
	r.auth.opts.Logger.Log(r.c.Request.Context(), refusalLevel(err), message, attrs...)
	return e
}

// refusalLevel is that of a refusal's log line: a warning where something is broken or
// ought to be configured otherwise.
func refusalLevel(err error) slog.Level {
	var denied denial
	var public publicError
	var tooMany rateLimited
	if errors.As(err, &denied) || errors.As(err, &public) || errors.As(err, &tooMany) ||
		errors.Is(err, ErrAccessDenied) || errors.Is(err, ErrSignedOut) || errors.Is(err, ErrFactorRequired) {
		return slog.LevelInfo
	}
	return slog.LevelWarn
}

// faultStatus is the status of an answer that a fault leads to. A store that cannot tell
// may be asked again.
func faultStatus(err error) int {
	if errors.Is(err, errUnavailable) {
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// wasTyped reports whether a text holds what a person typed.
func (r *request) wasTyped(text string) bool {
	return slices.ContainsFunc(r.secrets, func(s string) bool { return s == text || len(s) > 2 && strings.Contains(text, s) })
}

// signInError calls Events.SignInError. The error is redacted: it holds no token, code
// or secret, nor what the person typed.
func (r *request) signInError(err error, code string) SignInErrorEvent {
	secrets := r.secrets
	_, denied := err.(denial)
	if _, tooMany := err.(rateLimited); denied || tooMany || err == ErrAccessDenied {
		secrets = nil // words of our own, which somebody may have typed too
	}
	e := SignInErrorEvent{Code: code, Err: redact.Error(err, secrets...), Client: r.client()}
	if r.provider != nil {
		e.Provider = r.provider.id
	}
	if r.who != nil {
		who := *r.who
		e.User = &who
	}
	if event := r.auth.opts.Events.SignInError; event != nil {
		event(r.c, e)
	}
	return e
}

// newReference names a log line on a page, for the person to tell the operator. It is
// random, and says nothing by itself.
func newReference() string { return rand.Text()[:8] }

// The kinds of notes that the next page shows: see refusal.Note.
const (
	failureNote = "failure"
	sentNote    = "sent"
)

// notes are those that this site seals.
func (r *request) notes() refusal.Notes {
	return refusal.Notes{Keyring: r.auth.keys.notes, Now: r.auth.opts.Now}
}

// keep leaves a note in this browser.
func (r *request) keep(cookieName string, n refusal.Note, lasts time.Duration) {
	attributes := r.attributes()
	attributes.MaxAge = lasts
	r.setCookie(cookie.Line(cookieName, r.notes().Seal(n, lasts), attributes))
}

// kept is the latest note of a kind that this browser has, or an empty one.
func (r *request) kept(cookieName, kind string) refusal.Note {
	return r.notes().Latest(cookie.Values(r.c.Request.Header["Cookie"], cookieName), kind)
}

// keepFailure keeps for the next page what failed, and what was typed, so that nobody
// has to type it again. It is the same whether or not there is such an account.
func (r *request) keepFailure(code string) {
	if r.native { // it has no cookies, and its answer says the code
		return
	}
	n := refusal.Note{Kind: failureNote, Code: code, Reference: r.reference}
	if r.provider != nil {
		n.Provider = r.provider.id
		n.Typed = refusal.Typed(r.provider.button("").Kept(), r.field)
	}
	r.keep(r.names.Failure, n, noticeAge)
}

// readFailure is what this browser knows of one with a code.
func (r *request) readFailure(code string) refusal.Note {
	n := r.kept(r.names.Failure, failureNote)
	if n.Code != code && r.auth.publicErrors.Known(code) == "" {
		return refusal.Note{}
	}
	return n
}

// failedForm is the provider whose form an error is about; "" where none is.
func (r *request) failedForm(code, known string) string {
	kind := map[string]string{errorcode.CredentialsSignin: credentialsType, errorcode.EmailSignin: emailType}[code]
	if kind == "" {
		return ""
	}
	var forms []string
	for _, p := range r.auth.providers {
		if p.method.kind() == kind {
			forms = append(forms, p.id)
		}
	}
	switch {
	case slices.Contains(forms, known):
		return known
	case len(forms) == 1:
		return forms[0]
	}
	return ""
}

// lastUsedAge is for how long a browser knows how somebody signed in.
const lastUsedAge = 365 * 24 * time.Hour

// rememberWay notes by which provider somebody has signed in, after they have, and
// forgets what was typed on the way. The note names nobody: not whether there is an
// account, nor whose.
func (r *request) rememberWay() {
	for _, name := range []string{r.names.Failure, r.names.Sent} {
		if cookie.Has(r.c.Request.Header["Cookie"], name) {
			r.setCookie(cookie.Deletion(name, r.attributes()))
		}
	}
	if r.lastUsed() == r.provider.id {
		return
	}
	attributes := r.attributes()
	attributes.MaxAge = lastUsedAge
	r.setCookie(cookie.Line(r.names.LastUsed, r.provider.id, attributes))
}

// lastUsed is the provider by which somebody signed in last in this browser. Its ID is
// compared with those of this site's, and shown nowhere.
func (r *request) lastUsed() string {
	id, _ := cookie.Get(r.c.Request.Header["Cookie"], r.names.LastUsed)
	return id
}

// noticeAge is for how long the next page finds a notice.
const noticeAge = time.Minute

// notice tells the next page more than the error code. It is a cookie and no
// parameter: the URLs of errors are NextAuth's, and no link can put these words on a
// page. "" takes the one away that is there.
func (r *request) notice(name string) {
	attributes := r.attributes()
	if name != "" {
		attributes.MaxAge = noticeAge
		r.setCookie(cookie.Line(r.names.Notice, name, attributes))
	} else if _, found := cookie.Get(r.c.Request.Header["Cookie"], r.names.Notice); found {
		r.setCookie(cookie.Deletion(r.names.Notice, attributes))
	}
}

// noticed is the notice that belongs to an error code; "" for none. location is where
// a sign-in led that was completed before, for the person whom it signed in.
func (r *request) noticed(code string) (notice, location string) {
	value, _ := cookie.Get(r.c.Request.Header["Cookie"], r.names.Notice)
	switch {
	case code == errorcode.Verification && value == errorcode.LinkLost, code == errorcode.VerificationCode && value == errorcode.CodeLost:
		return value, ""
	case code == errorcode.FormRefused || code == "" && r.c.Query("csrf") == "true":
		return r.csrfNotice(value), ""
	case code != errorcode.OAuthCallback:
	case value == errorcode.SignInUsed, value == errorcode.SignInLost:
		return value, ""
	case strings.HasPrefix(value, "."):
		return r.postedAgain(value)
	case !r.signIns().Any():
		return errorcode.SignInLost, ""
	}
	return "", ""
}

// csrfNotice says why a form was refused, on the page that it led to. That page may
// be on another host than the form: then no cookie of the form's tells.
func (r *request) csrfNotice(kept string) string {
	switch site := r.c.GetHeader("Sec-Fetch-Site"); {
	case kept == errorcode.OtherOrigin:
		return kept
	case cookie.Has(r.c.Request.Header["Cookie"], r.names.CSRF): // which the answer set that led here
		return errorcode.FormRefused
	case site == "cross-site" || site == "same-site":
		return errorcode.OtherOrigin
	}
	return errorcode.CookiesBlocked
}

// hint says to a developer, beside a notice, where the site's address comes from.
func (r *request) hint(notice string) string {
	switch notice {
	case errorcode.OtherOrigin, errorcode.FormRefused, errorcode.CookiesBlocked, errorcode.SignInLost:
		if !r.auth.release {
			return r.auth.site.Seen(r.c.Request).Hint(r.base.Origin)
		}
	}
	return ""
}

// postedAgain finds what is left of a sign-in whose answer came by another site's
// POST, which brought no cookie of it.
func (r *request) postedAgain(suffix string) (notice, location string) {
	done := r.signIns().CompletedBySuffix(suffix)
	if done == nil {
		return errorcode.SignInLost, ""
	}
	location, err := r.leadsOn(done)
	if err != nil {
		r.auth.opts.Logger.Error("ginauth: reading the session failed", "error", redact.Error(err))
	}
	return errorcode.SignInUsed, location
}

const (
	// waitParam is the error page's parameter that says for how long, in seconds.
	waitParam = "retryAfter"
	// maxWait bounds it: anyone can make a link to the page.
	maxWait = 24 * time.Hour
)

// limited refuses a request that is one too many.
func (r *request) limited(wait time.Duration) {
	r.tellLimited(wait)
	r.answerRateLimited(wait)
}

// tellLimited tells the log and the events of a request that is one too many.
func (r *request) tellLimited(wait time.Duration) {
	e := r.tellRefused("Limits", rateLimited{wait}, errorcode.RateLimited)
	unlisted := r.auth.site.Hosts.Unlisted(r.c.Request)
	advice := refusal.Advice{LookAt: "Limits", Text: "somebody guesses or floods; if many people share an address here, raise the limits"}
	if unlisted {
		advice = refusal.Advice{LookAt: "TrustedProxies, Limits", Text: "a proxy forwarded this request, and all people behind one that is not listed are one client: list its address in TrustedProxies"}
	}
	r.auth.refusals.Warn(r.c.Request.Context(), refusal.TooMany, "too many attempts to sign in", advice,
		"provider", e.Provider, "forwarded_by_unlisted_proxy", unlisted)
	if event := r.auth.opts.Events.RateLimit; event != nil {
		event(r.c, RateLimitEvent{Provider: e.Provider, Client: e.Client, RetryAfter: wait})
	}
}

// answerRateLimited answers a request that is one too many. next-auth's client reads the
// code out of the URL; a person gets the page at once, since a redirect would
// lose the status.
func (r *request) answerRateLimited(wait time.Duration) {
	h := r.c.Writer.Header()
	h.Set("Retry-After", seconds(wait))
	h.Set("Cache-Control", "no-store")
	target := withQuery(r.errorURL(errorcode.RateLimited), waitParam, seconds(wait))
	switch {
	case r.native:
		r.nativeError(http.StatusTooManyRequests, errorcode.RateLimited)
	case r.wantsJSON():
		r.json(http.StatusTooManyRequests, map[string]string{"url": target})
	case r.c.GetHeader("HX-Request") == "true":
		h.Set("HX-Redirect", target)
		r.c.Status(http.StatusTooManyRequests)
		r.c.Writer.WriteHeaderNow()
	case r.auth.opts.Pages.Error != "":
		r.redirect(http.StatusTooManyRequests, target)
	default:
		r.errorPage(http.StatusTooManyRequests, errorcode.RateLimited, wait)
	}
}

// seconds is a time to wait as Retry-After says it, rounded up (RFC 9110
// §10.2.3).
func seconds(wait time.Duration) string {
	return strconv.FormatFloat(math.Ceil(wait.Seconds()), 'f', 0, 64)
}

// waitAsked is how long to wait as the error page's URL says; zero: it does not.
func (r *request) waitAsked() time.Duration {
	if !ascii.EqualFold(r.c.Query("error"), errorcode.RateLimited) {
		return 0
	}
	n, err := strconv.ParseUint(r.c.Query(waitParam), 10, 32)
	if err != nil {
		return 0
	}
	return min(time.Duration(n)*time.Second, maxWait)
}
