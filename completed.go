package ginauth

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/oauth"
	"github.com/ginauth/ginauth/internal/token"
)

// endTransaction leaves, in place of a sign-in's transaction, whom it signed in and
// where it led. A person who goes back to the provider's page comes with its answer
// once more, and is then led on. Of one that signed nobody in, no more is left than
// that it was used.
func (v *visit) endTransaction(tx *oauth.Transaction, result outcome) {
	v.setCookie(cookie.Deletion(v.transactionName(tx.State), v.transactionAttributes(tx)))
	done := &oauth.Completed{State: tx.State, Expires: v.opts.Now().Add(oauth.Lifetime).Unix()}
	if result.session != "" {
		done.User, done.Target = userMark(result.user), v.ownPath(result.location)
	}
	v.keepCompleted(done)
}

// keepCompleted sets the cookie. Of a target that is too long nothing is kept: it will
// lead to the base URL.
func (v *visit) keepCompleted(done *oauth.Completed) {
	name, value := v.completedName(done.State), v.completions.Seal(done.Bytes())
	if len(name)+len(value) > maxTransaction {
		done.Target = ""
		value = v.completions.Seal(done.Bytes())
	}
	v.setCookie(cookie.Line(name, value, v.transactionAttributes(nil)))
}

// completed is what a sign-in left that this browser has ended; nil if there is none.
func (v *visit) completed(state string) *oauth.Completed {
	for value := range cookie.Values(v.c.Request.Header["Cookie"], v.completedName(state)) {
		if done := v.openCompleted(value); done != nil && token.Equal(done.State, state) {
			return done
		}
	}
	return nil
}

func (v *visit) openCompleted(value string) *oauth.Completed {
	payload, _, err := v.completions.Open(value)
	if err != nil {
		return nil
	}
	done, err := oauth.ParseCompleted(payload)
	if err != nil || v.opts.Now().Unix() >= done.Expires {
		return nil
	}
	return done
}

// finishAgain answers a callback that belongs to no sign-in under way. Of one that was
// completed here it leads on, signs nobody in, and tells the provider nothing. expired
// reports that there is a cookie of the sign-in.
func (v *visit) finishAgain(answer url.Values, expired bool) {
	var done *oauth.Completed
	if state := answer["state"]; len(state) == 1 {
		done = v.completed(state[0])
		expired = expired || v.hasCookie(v.completedName(state[0]))
	}
	if done != nil && v.loadAgain(done.Again) {
		done.Again = true
		v.keepCompleted(done)
		v.continueHere()
		return
	}
	if done != nil && done.Again {
		done.Again = false // the next answer comes from another site again
		v.keepCompleted(done)
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
		v.notice(signInUsed)
	case len(answer["state"]) != 1:
		v.notice("")
	case v.formPosted(): // what is left of it did not come along
		v.notice(strings.TrimPrefix(v.completedName(answer["state"][0]), v.names.Completed))
	case v.hasCookie(v.names.Transaction+".", v.names.Completed+"."):
		v.notice(signInLost)
	default: // the next page sees by itself that there is none
		v.notice("")
	}
	v.fail(http.StatusOK, "OAuthCallback")
}

// unread is what a session that cannot be read leads to.
func (v *visit) unread(err error) outcome {
	v.refused("reading the session", err)
	if errors.Is(err, errUnavailable) {
		return v.failed(http.StatusServiceUnavailable, unavailableCode)
	}
	return v.failed(http.StatusInternalServerError, "Callback")
}

// leadsOn is where a completed sign-in led, for the person whom it signed in and who
// still is; "" for anybody else.
func (v *visit) leadsOn(done *oauth.Completed) (location string, err error) {
	id, err := v.openFound(v.c.Request.Context(), v.found(), v.base, v.opts.Now())
	switch {
	case errors.Is(err, errSignedOut):
		return "", nil
	case err != nil:
		return "", err
	case done.User != userMark(id.token.Subject):
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
