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
	message := "ginauth: sign-in refused"
	if v.proving {
		message = "ginauth: a proof of somebody who is signed in was refused"
	}
	if own := v.provider != nil && v.provider.method == nil; !own && !v.wantsJSON() { // a page of ours shows it
		v.reference = newReference()
		attrs = append(attrs, "reference", v.reference)
		v.keepFailure(code)
	}
	v.auth.opts.Logger.Log(v.c.Request.Context(), refusalLevel(err), message, attrs...)
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

// faultStatus is the status of an answer that a fault leads to. A store that cannot tell
// may be asked again.
func faultStatus(err error) int {
	if errors.Is(err, errUnavailable) {
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
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

// newReference names a log line on a page, for the person to tell the operator. It is
// random, and says nothing by itself.
func newReference() string { return rand.Text()[:8] }

// The kinds of notes that the next page shows: see refusal.Note.
const (
	failureNote = "failure"
	sentNote    = "sent"
)

// notes are those that this site seals.
func (v *request) notes() refusal.Notes {
	return refusal.Notes{Keyring: v.auth.keys.notes, Now: v.auth.opts.Now}
}

// keep leaves a note in this browser.
func (v *request) keep(cookieName string, n refusal.Note, lasts time.Duration) {
	attributes := v.attributes()
	attributes.MaxAge = lasts
	v.setCookie(cookie.Line(cookieName, v.notes().Seal(n, lasts), attributes))
}

// kept is the latest note of a kind that this browser has, or an empty one.
func (v *request) kept(cookieName, kind string) refusal.Note {
	return v.notes().Latest(cookie.Values(v.c.Request.Header["Cookie"], cookieName), kind)
}

// keepFailure keeps for the next page what failed, and what was typed, so that nobody
// has to type it again. It is the same whether or not there is such an account.
func (v *request) keepFailure(code string) {
	if v.native { // it has no cookies, and its answer says the code
		return
	}
	n := refusal.Note{Kind: failureNote, Code: code, Reference: v.reference}
	if v.provider != nil {
		n.Provider = v.provider.id
		n.Typed = refusal.Typed(v.provider.button("").Kept(), v.field)
	}
	v.keep(v.names.Failure, n, noticeAge)
}

// failure is what this browser knows of one with a code.
func (v *request) failure(code string) refusal.Note {
	n := v.kept(v.names.Failure, failureNote)
	if n.Code != code && v.auth.publicErrors.Known(code) == "" {
		return refusal.Note{}
	}
	return n
}

// failedForm is the provider whose form an error is about; "" where none is.
func (v *request) failedForm(code, known string) string {
	kind := map[string]string{errorcode.CredentialsSignin: credentialsType, errorcode.EmailSignin: emailType}[code]
	if kind == "" {
		return ""
	}
	var forms []string
	for _, p := range v.auth.providers {
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
func (v *request) rememberWay() {
	for _, name := range []string{v.names.Failure, v.names.Sent} {
		if cookie.Has(v.c.Request.Header["Cookie"], name) {
			v.setCookie(cookie.Deletion(name, v.attributes()))
		}
	}
	if v.lastUsed() == v.provider.id {
		return
	}
	attributes := v.attributes()
	attributes.MaxAge = lastUsedAge
	v.setCookie(cookie.Line(v.names.LastUsed, v.provider.id, attributes))
}

// lastUsed is the provider by which somebody signed in last in this browser. Its ID is
// compared with those of this site's, and shown nowhere.
func (v *request) lastUsed() string {
	id, _ := cookie.Get(v.c.Request.Header["Cookie"], v.names.LastUsed)
	return id
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
	value, _ := cookie.Get(v.c.Request.Header["Cookie"], v.names.Notice)
	switch {
	case code == errorcode.Verification && value == errorcode.LinkLost, code == errorcode.VerificationCode && value == errorcode.CodeLost:
		return value, ""
	case code == errorcode.FormRefused || code == "" && v.c.Query("csrf") == "true":
		return v.unprovenNotice(value), ""
	case code != errorcode.OAuthCallback:
	case value == errorcode.SignInUsed, value == errorcode.SignInLost:
		return value, ""
	case strings.HasPrefix(value, "."):
		return v.postedAgain(value)
	case !v.signIns().Any():
		return errorcode.SignInLost, ""
	}
	return "", ""
}

// unprovenNotice says why a form was refused, on the page that it led to. That page may
// be on another host than the form: then no cookie of the form's tells.
func (v *request) unprovenNotice(kept string) string {
	switch site := v.c.GetHeader("Sec-Fetch-Site"); {
	case kept == errorcode.OtherOrigin:
		return kept
	case cookie.Has(v.c.Request.Header["Cookie"], v.names.CSRF): // which the answer set that led here
		return errorcode.FormRefused
	case site == "cross-site" || site == "same-site":
		return errorcode.OtherOrigin
	}
	return errorcode.CookiesBlocked
}

// hint says to a developer, beside a notice, where the site's address comes from.
func (v *request) hint(notice string) string {
	switch notice {
	case errorcode.OtherOrigin, errorcode.FormRefused, errorcode.CookiesBlocked, errorcode.SignInLost:
		if !v.auth.release {
			return v.auth.site.Seen(v.c.Request).Hint(v.base.Origin)
		}
	}
	return ""
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

const (
	// waitParam is the error page's parameter that says for how long, in seconds.
	waitParam = "retryAfter"
	// maxWait bounds it: anyone can make a link to the page.
	maxWait = 24 * time.Hour
)

// limited refuses a request that is one too many.
func (v *request) limited(wait time.Duration) {
	v.tellLimited(wait)
	v.tooMany(wait)
}

// tellLimited tells the log and the events of a request that is one too many.
func (v *request) tellLimited(wait time.Duration) {
	e := v.tellRefused("Limits", rateLimited{wait}, errorcode.RateLimited)
	unlisted := v.auth.site.Hosts.Unlisted(v.c.Request)
	advice := refusal.Advice{LookAt: "Limits", Text: "somebody guesses or floods; if many people share an address here, raise the limits"}
	if unlisted {
		advice = refusal.Advice{LookAt: "TrustedProxies, Limits", Text: "a proxy forwarded this request, and all people behind one that is not listed are one client: list its address in TrustedProxies"}
	}
	v.auth.refusals.Warn(v.c.Request.Context(), refusal.TooMany, "too many attempts to sign in", advice,
		"provider", e.Provider, "forwarded_by_unlisted_proxy", unlisted)
	if event := v.auth.opts.Events.RateLimit; event != nil {
		event(v.c, RateLimitEvent{Provider: e.Provider, Client: e.Client, RetryAfter: wait})
	}
}

// tooMany answers a request that is one too many. next-auth's client reads the
// code out of the URL; a person gets the page at once, since a redirect would
// lose the status.
func (v *request) tooMany(wait time.Duration) {
	h := v.c.Writer.Header()
	h.Set("Retry-After", seconds(wait))
	h.Set("Cache-Control", "no-store")
	target := withQuery(v.errorURL(errorcode.RateLimited), waitParam, seconds(wait))
	switch {
	case v.native:
		v.nativeError(http.StatusTooManyRequests, errorcode.RateLimited)
	case v.wantsJSON():
		v.json(http.StatusTooManyRequests, map[string]string{"url": target})
	case v.c.GetHeader("HX-Request") == "true":
		h.Set("HX-Redirect", target)
		v.c.Status(http.StatusTooManyRequests)
		v.c.Writer.WriteHeaderNow()
	case v.auth.opts.Pages.Error != "":
		v.redirect(http.StatusTooManyRequests, target)
	default:
		v.errorPage(http.StatusTooManyRequests, errorcode.RateLimited, wait)
	}
}

// seconds is a time to wait as Retry-After says it, rounded up (RFC 9110
// §10.2.3).
func seconds(wait time.Duration) string {
	return strconv.FormatFloat(math.Ceil(wait.Seconds()), 'f', 0, 64)
}

// waitAsked is how long to wait as the error page's URL says; zero: it does not.
func (v *request) waitAsked() time.Duration {
	if !ascii.EqualFold(v.c.Query("error"), errorcode.RateLimited) {
		return 0
	}
	n, err := strconv.ParseUint(v.c.Query(waitParam), 10, 32)
	if err != nil {
		return 0
	}
	return min(time.Duration(n)*time.Second, maxWait)
}
