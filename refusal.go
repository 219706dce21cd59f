package ginauth

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/errorcode"
	"github.com/ginauth/ginauth/internal/redact"
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
	case code == errorcode.FormRefused || code == "" && v.c.Query("csrf") == "true":
		return v.unprovenNotice(value), ""
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
			return v.auth.seen(v.c.Request).Hint(v.base.Origin)
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
