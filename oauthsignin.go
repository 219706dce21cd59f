package ginauth

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/markbates/goth"

	"github.com/ginauth/ginauth/internal/errorcode"
	"github.com/ginauth/ginauth/internal/factor"
	"github.com/ginauth/ginauth/internal/oauth"
	"github.com/ginauth/ginauth/internal/redact"
	"github.com/ginauth/ginauth/internal/refusal"
	"github.com/ginauth/ginauth/internal/revocation"
	"github.com/ginauth/ginauth/internal/transaction"
)

// rememberCallback is for how long a callback that comes again, by a double click or
// a reload, is answered as the first was.
const rememberCallback = time.Minute

// redirectURI is where the provider sends its answer (RFC 6749 §3.1.2).
func (v *request) redirectURI() string { return v.base.URL + "/callback/" + v.provider.id }

// checkSignOut tells the log that SignOutAtProvider has no effect. Of most providers only
// their discovery document tells, which the first sign-in has read.
func (m *oauthMethod) checkSignOut(v *request) {
	if !m.signOut {
		return
	}
	if _, err := m.client.EndSession(v.c.Request.Context(), "", v.base.Home()); err != nil {
		v.auth.opts.Logger.Warn("ginauth: SignOutAtProvider is set, and the provider signs nobody out; leave it out, or turn RP-initiated logout on at the provider",
			"provider", v.provider.id, "error", redact.Error(err))
	}
}

// begin sends the browser to the provider.
func (m *oauthMethod) begin(v *request) {
	if !v.startAllowed("") {
		return
	}
	query := v.c.Request.URL.Query()
	if m.startedElsewhere(v.c.Request.URL) { // and our page has asked the person
		if m.checkStart(v, query) {
			m.start(v, oauth.StartHint(query), true)
		}
		return
	}
	m.start(v, query, false)
}

// start sends the browser to the provider, with the display parameters in query.
// elsewhere says that another site asked for it.
func (m *oauthMethod) start(v *request, query url.Values, elsewhere bool) {
	authURL, tx, err := m.client.Begin(v.c.Request.Context(), v.redirectURI(), oauth.DisplayParams(query), v.auth.opts.Now())
	if err == nil {
		m.signOutAsked.Do(func() { m.checkSignOut(v) })
		tx.User, tx.ThirdParty = v.signedIn(), elsewhere
		if tx.FormPost {
			tx.Former = v.formerSession()
			if v.auth.factors.store != nil {
				tx.Browser = browserMark(v.csrfToken)
			}
		}
		if tx.FormPost || elsewhere { // whose target must not replace the one of a sign-in of ours
			tx.Target = v.ownPath(v.callbackURL)
		}
	}
	v.send(authURL, tx, err)
}

// send sends the browser to the provider, with the transaction in a cookie.
func (v *request) send(authURL string, tx *oauth.Transaction, err error) {
	if err == nil && tx.FormPost && !v.base.Secure && !v.base.Loopback() {
		err = errors.New("the provider answers by POST, which needs a site on https")
	}
	if err == nil {
		lines, ok := v.signIns().Begin(tx)
		if ok {
			v.setCookie(lines...)
			v.redirect(http.StatusOK, authURL)
			return
		}
		err = errors.New("the provider's session is too long for a transaction cookie")
	}
	v.leave(v.refused("starting the sign-in", err, http.StatusOK, errorcode.OAuthSignin))
}

// prove sends the person of a session to the provider, where they prove again who they
// are. The answer signs nobody in.
func (m *oauthMethod) prove(v *request, id *identity) {
	if !v.startAllowed("") {
		return
	}
	authURL, tx, err := m.client.BeginProof(v.c.Request.Context(), v.redirectURI(), v.auth.opts.Now())
	if err == nil {
		tx.Proves, tx.Target = proofMark(id), v.ownPath(v.callbackURL)
	}
	v.send(authURL, tx, err)
}

var errPanicked = errors.New("ginauth: the request that had the provider's answer first has panicked")

// callback takes the provider's answer.
func (m *oauthMethod) callback(v *request) {
	if v.handedOver() {
		m.takeIDToken(v)
		return
	}
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
	if v.proving = tx.Proves != ""; v.proving && v.formPosted() { // without the session's cookie
		v.continueWith(answer)
		return
	}
	if v.formPosted() || tx.ThirdParty || v.proving {
		v.callbackURL = v.base.Absolute(tx.Target, v.auth.site.Allowed)
	}
	if code := answer.Get("error"); code != "" {
		v.endTransaction(tx, outcome{})
		v.providerError(code, true)
		return
	}
	now := v.auth.opts.Now()
	// The answer to a state is remembered with its code: one without the code is
	// not the browser's second request but somebody's guess.
	sum := sha256.Sum256([]byte(tx.State + " " + answer.Get("code")))
	result := v.auth.shared.callbacks.Do(v.c.Request.Context(), string(sum[:]), now, now.Add(rememberCallback),
		func() outcome { return m.finish(v, tx, answer) })
	if result.location == "" { // the first callback's request panicked, or this one is gone
		result = v.failed(http.StatusOK, errorcode.Callback)
		if v.c.Request.Context().Err() == nil {
			v.tellRefused("the callback", errPanicked, errorcode.Callback)
		}
	}
	v.notice("")
	if result.proved != nil {
		result = v.giveFactor(tx.Proves, result.proved.account, result.proved.proof)
	}
	v.endTransaction(tx, result)
	v.leave(result)
}

// finish takes the provider's answer, which says who signed in there, and when.
func (m *oauthMethod) finish(v *request, tx *oauth.Transaction, answer url.Values) outcome {
	// A double click takes the connection away from the first callback, and the
	// code is spent: so the exchange goes on without the request, to its own end.
	ctx := context.WithoutCancel(v.c.Request.Context())
	id, err := m.client.Complete(ctx, tx, v.redirectURI(), answer, v.auth.opts.Now())
	switch {
	case err != nil:
		return v.refused("the callback", err, http.StatusOK, errorcode.OAuthCallback)
	case v.proving: // by somebody who is signed in
		account := Account{Provider: v.provider.id, Type: oauthType, ProviderAccountID: id.Profile.UserID}
		return outcome{location: v.callbackURL, proved: &proved{account, v.providerProof(id)}}
	}
	for _, note := range id.Notes { // an extra that did not come fails no sign-in
		v.auth.opts.Logger.WarnContext(ctx, "ginauth: the sign-in goes on without "+note.What, "provider", v.provider.id, "error", note.Err)
	}
	v.former, v.browser = tx.Former, tx.Browser
	v.addPostedName(&id.Profile)
	return m.admit(ctx, v, tx, id)
}

// providerProof is what a provider's answer proves. Its time is the one that the
// provider's verified id_token says, which is not later than now.
func (v *request) providerProof(id oauth.Identity) factor.Proof {
	p := v.proof(FactorProvider, id.Profile.UserID)
	if at := id.Proved.Time; !at.IsZero() && at.Before(p.At) {
		p.At = at
	}
	return p
}

// admit signs in the person whom the provider has named.
func (m *oauthMethod) admit(ctx context.Context, v *request, tx *oauth.Transaction, id oauth.Identity) outcome {
	user, err := v.provider.user(id.Profile)
	if err != nil {
		return v.refused("the profile", err, http.StatusOK, errorcode.OAuthCallback)
	}
	p := SignInParams{User: &user, Account: v.provider.account(id, user), Profile: &id.Profile}
	v.who = p.User
	v.proofs = []factor.Proof{v.providerProof(id)}
	v.secondByProvider = m.trusts(id.Proved)
	if v.auth.opts.Adapter == nil {
		return v.completeSignIn(p)
	}
	return v.admitAccount(ctx, tx, p)
}

// providerError handles an error response (RFC 6749 §4.1.2.1). Its description
// is the provider's or anybody's who made the link: it never reaches a page, and
// the log only when this browser did start a sign-in.
func (v *request) providerError(code string, ours bool) {
	var err error = errUnaskedAnswer
	if ours {
		err = redact.Safe("ginauth: the provider answered with code=" + redact.Code(code))
	}
	shown := errorcode.Callback
	if code == "access_denied" { // most often the person's own choice
		err, shown = fmt.Errorf("%w: %w", ErrAccessDenied, err), errorcode.AccessDenied
	}
	v.leave(v.refused("the callback", err, http.StatusOK, shown))
}

// signIns are the sign-ins of this browser, as its cookies tell them.
func (v *request) signIns() transaction.Cookies {
	return transaction.Cookies{
		Keys: v.auth.keys.signIn, Names: v.names, Header: v.c.Request.Header["Cookie"], Attributes: v.attributes(), Now: v.auth.opts.Now(),
	}
}

// endTransaction leaves, in place of a sign-in under way, whom it signed in and where
// it led.
func (v *request) endTransaction(tx *oauth.Transaction, result outcome) {
	user, target := "", ""
	if result.user != "" {
		user, target = transaction.UserMark(result.user), v.ownPath(result.location)
	}
	v.setCookie(v.signIns().End(tx, user, target)...)
}

// finishAgain answers a callback that belongs to no sign-in under way. Of one that was
// completed here it leads on, signs nobody in, and tells the provider nothing. expired
// reports that there is a cookie of the sign-in.
func (v *request) finishAgain(answer url.Values, expired bool) {
	signIns := v.signIns()
	done, found := signIns.CompletedOf(answer)
	expired = expired || found
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
			v.leave(v.unkeptSession("reading the session", err))
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
	v.tellTransaction(answer, expired, signIns)
	result := v.refused("the callback", oauth.ErrTransaction, http.StatusOK, errorcode.OAuthCallback)
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
	v.leave(result)
}

// tellTransaction says why a provider's answer belongs to no sign-in of this browser. The
// name of its cookie is a hash of the state, so only the name's beginning is told.
func (v *request) tellTransaction(answer url.Values, ended bool, signIns transaction.Cookies) {
	message, advice := v.auth.site.Seen(v.c.Request).OfTransaction(v.base.Origin, v.base.Secure, len(answer["state"]) == 1, ended, oauth.Lifetime)
	v.auth.refusals.Warn(v.c.Request.Context(), refusal.Transaction, message, advice,
		"provider", v.provider.id, "cookie", v.names.Transaction+".*", "other_sign_ins", signIns.Any(), "host", v.c.Request.Host, "expected", v.redirectURI())
}

// leadsOn is where a completed sign-in led, for the person whom it signed in and who
// still is; "" for anybody else.
func (v *request) leadsOn(done *transaction.Completed) (location string, err error) {
	id, err := v.auth.openFound(v.c.Request.Context(), v.found(), v.base, v.auth.opts.Now())
	switch {
	case errors.Is(err, errSignedOut):
		return "", nil
	case err != nil:
		return "", err
	case done.User != transaction.UserMark(id.token.Subject):
		return "", nil
	}
	private(v.c.Writer.Header())
	return v.base.Absolute(done.Target, v.auth.site.Allowed), nil
}

// isSignedIn reports whether a session came along.
func (v *request) isSignedIn() bool {
	_, err := v.auth.openFound(v.c.Request.Context(), v.found(), v.base, v.auth.opts.Now())
	return err == nil
}

// ownPath shortens a URL of this site to its path.
func (v *request) ownPath(location string) string {
	if path, ok := strings.CutPrefix(location, v.base.Site()+"/"); ok {
		return v.base.Prefix + "/" + path
	}
	return location
}

// strict reports that browsers send the session cookie with requests of this site's
// own pages alone. With a provider's answer, to which another site leads, it does
// not come along; nor with what that answer redirects to.
func (v *request) strict() bool { return v.auth.opts.Cookies.SameSite == http.SameSiteStrictMode }

// loadAgain reports whether a provider's answer must be loaded once more, by a page of
// this site, so that all cookies come along: those of the former session, with all its
// chunks, and that of the person who adds an account. again says that it was: the
// cookie of the sign-in, which is sealed, keeps that, so that it never happens twice.
func (v *request) loadAgain(again bool) bool {
	req := v.c.Request
	return v.strict() && !again && v.method == http.MethodGet && req.Header.Get("Sec-Fetch-Site") != "same-origin"
}

// formPosted reports that this is a provider's answer by POST. Of this browser's
// cookies it brings the transaction's alone: what the others say is not known, and
// none of them may be set anew.
func (v *request) formPosted() bool {
	return !v.second && v.method == http.MethodPost && v.provider.oauth().answersByPost() && !v.handedOver()
}

// maxFormer is the longest name or handle of a former session, in bytes, that a
// transaction keeps: its cookie is short.
const maxFormer = 64

// formerSession is what a transaction keeps of this browser's session, whose cookie does
// not come along with an answer by POST: the store's handle, or the name. It is empty
// where that is too long.
func (v *request) formerSession() string {
	id, err := v.auth.openFound(v.c.Request.Context(), v.found(), v.base, v.auth.opts.Now())
	if err != nil {
		return ""
	}
	former := id.token.sessionID()
	if v.auth.opts.Session.Store != nil {
		former = id.value
	}
	if len(former) > maxFormer {
		return ""
	}
	return former
}

// endFormer ends the session that a transaction keeps, as the sign-in that began with it
// would have by its cookie.
func (v *request) endFormer(ctx context.Context, now time.Time) error {
	switch {
	case v.former == "":
		return nil
	case v.auth.opts.Session.Store == nil:
		return v.auth.endNamed(ctx, v.former, revocation.Session{SID: v.former}, now)
	}
	id, err := v.auth.open(ctx, v.former, v.base, now)
	if errors.Is(err, errSignedOut) {
		return nil
	}
	if err != nil {
		return err
	}
	return v.auth.end(ctx, id, v.base)
}

// addPostedName gives a profile without a name the one of the posted form.
func (v *request) addPostedName(profile *goth.User) {
	if !v.formPosted() || profile.Name != "" || profile.FirstName != "" || profile.LastName != "" {
		return
	}
	given, family := v.provider.oauth().formPost.PostedName(v.body.Values())
	profile.FirstName, profile.LastName = given, family
	profile.Name = strings.TrimSpace(given + " " + family)
}
