package ginauth

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/ginauth/ginauth/internal/errorcode"
	"github.com/ginauth/ginauth/internal/oauth"
	"github.com/ginauth/ginauth/internal/transaction"
)

// signIns are the sign-ins of this browser, as its cookies tell them.
func (v *visit) signIns() transaction.Cookies {
	return transaction.Cookies{
		Keys: v.signInKeys, Names: v.names, Header: v.c.Request.Header["Cookie"], Secure: v.base.Secure, Now: v.opts.Now(),
	}
}

// endTransaction leaves, in place of a sign-in under way, whom it signed in and where
// it led.
func (v *visit) endTransaction(tx *oauth.Transaction, result outcome) {
	user, target := "", ""
	if result.session != "" {
		user, target = transaction.UserMark(result.user), v.ownPath(result.location)
	}
	v.setCookie(v.signIns().End(tx, user, target)...)
}

// finishAgain answers a callback that belongs to no sign-in under way. Of one that was
// completed here it leads on, signs nobody in, and tells the provider nothing. expired
// reports that there is a cookie of the sign-in.
func (v *visit) finishAgain(answer url.Values, expired bool) {
	signIns := v.signIns()
	var done *transaction.Completed
	if state := answer["state"]; len(state) == 1 {
		var found bool
		done, found = signIns.Completed(state[0])
		expired = expired || found
	}
	if done != nil && v.loadAgain(done.Again) {
		v.setCookie(signIns.RevisitCompleted(done, true))
		v.continueHere()
		return
	}
	if done != nil && done.Again {
		v.setCookie(signIns.RevisitCompleted(done, false))
	}
	code := answer.Get("error")
	if done != nil && code != "access_denied" {
		location, err := v.leadsOn(done)
		switch {
		case err != nil:
			v.leave(v.unread(err))
			return
		case location != "":
			v.redirect(http.StatusOK, location)
			return
		}
	}
	if code != "" {
		v.providerError(code, done != nil)
		return
	}
	v.refused("the callback", oauth.ErrTransaction)
	switch {
	case expired:
		v.notice(errorcode.SignInUsed)
	case len(answer["state"]) != 1:
		v.notice("")
	case v.formPosted(): // what is left of it did not come along
		v.notice(transaction.Suffix(answer["state"][0]))
	case signIns.Any():
		v.notice(errorcode.SignInLost)
	default: // the next page sees by itself that there is none
		v.notice("")
	}
	v.fail(http.StatusOK, errorcode.OAuthCallback)
}

// unread is what a session that cannot be read leads to.
func (v *visit) unread(err error) outcome {
	v.refused("reading the session", err)
	if errors.Is(err, errUnavailable) {
		return v.failed(http.StatusServiceUnavailable, errorcode.SessionUnavailable)
	}
	return v.failed(http.StatusInternalServerError, errorcode.Callback)
}

// leadsOn is where a completed sign-in led, for the person whom it signed in and who
// still is; "" for anybody else.
func (v *visit) leadsOn(done *transaction.Completed) (location string, err error) {
	id, err := v.openFound(v.c.Request.Context(), v.found(), v.base, v.opts.Now())
	switch {
	case errors.Is(err, errSignedOut):
		return "", nil
	case err != nil:
		return "", err
	case done.User != transaction.UserMark(id.token.Subject):
		return "", nil
	}
	private(v.c.Writer.Header())
	return v.base.Absolute(done.Target, v.allowed), nil
}

// isSignedIn reports whether a session came along.
func (v *visit) isSignedIn() bool {
	_, err := v.openFound(v.c.Request.Context(), v.found(), v.base, v.opts.Now())
	return err == nil
}

// ownPath shortens a URL of this site to its path.
func (v *visit) ownPath(location string) string {
	if path, ok := strings.CutPrefix(location, v.base.Origin+"/"); ok {
		return "/" + path
	}
	return location
}
