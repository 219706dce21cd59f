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
func (r *request) redirectURI() string { return r.base.URL + "/callback/" + r.provider.id }

// checkSignOut tells the log that SignOutAtProvider has no effect. Of most providers only
// their discovery document tells, which the first sign-in has read.
func (m *oauthMethod) checkSignOut(r *request) {
	if !m.signOut {
		return
	}
	if _, err := m.client.EndSession(r.c.Request.Context(), "", r.base.Home()); err != nil {
		r.auth.opts.Logger.Warn("ginauth: SignOutAtProvider is set, and the provider signs nobody out; leave it out, or turn RP-initiated logout on at the provider",
			"provider", r.provider.id, "error", redact.Error(err))
	}
}

// begin sends the browser to the provider.
func (m *oauthMethod) begin(r *request) {
	if !r.startAllowed("") {
		return
	}
	query := r.c.Request.URL.Query()
	if m.startedElsewhere(r.c.Request.URL) { // and our page has asked the person
		if m.checkStart(r, query) {
			m.start(r, oauth.StartHint(query), true)
		}
		return
	}
	m.start(r, query, false)
}

// start sends the browser to the provider, with the display parameters in query.
// elsewhere says that another site asked for it.
func (m *oauthMethod) start(r *request, query url.Values, elsewhere bool) {
	authURL, tx, err := m.client.Begin(r.c.Request.Context(), r.redirectURI(), oauth.DisplayParams(query), r.auth.opts.Now())
	if err == nil {
		m.signOutAsked.Do(func() { m.checkSignOut(r) })
		tx.ThirdParty = elsewhere
		tx.User, tx.Fresh = r.signedIn()
		if tx.FormPost {
			tx.Former = r.formerSession()
			if r.auth.factors.store != nil {
				tx.Browser = browserMark(r.csrfToken)
			}
		}
		if tx.FormPost || elsewhere { // whose target must not replace the one of a sign-in of ours
			tx.Target = r.ownPath(r.callbackURL)
		}
	}
	r.send(authURL, tx, err)
}

// send sends the browser to the provider, with the transaction in a cookie.
func (r *request) send(authURL string, tx *oauth.Transaction, err error) {
	if err == nil && tx.FormPost && !r.base.Secure && !r.base.Loopback() {
		err = errors.New("the provider answers by POST, which needs a site on https")
	}
	if err == nil {
		lines, ok := r.signIns().Begin(tx)
		if ok {
			r.setCookie(lines...)
			r.redirect(http.StatusOK, authURL)
			return
		}
		err = errors.New("the provider's session is too long for a transaction cookie")
	}
	r.leave(r.refused("starting the sign-in", err, http.StatusOK, errorcode.OAuthSignin))
}

// prove sends the person of a session to the provider, where they prove again who they
// are. The answer signs nobody in.
func (m *oauthMethod) prove(r *request, id *identity) {
	if !r.startAllowed("") {
		return
	}
	authURL, tx, err := m.client.BeginProof(r.c.Request.Context(), r.redirectURI(), r.auth.opts.Now())
	if err == nil {
		tx.Proves, tx.Target = proofMark(id), r.ownPath(r.callbackURL)
	}
	r.send(authURL, tx, err)
}

var errPanicked = errors.New("ginauth: the request that had the provider's answer first has panicked")

// callback takes the provider's answer.
func (m *oauthMethod) callback(r *request) {
	if r.handedOver() {
		m.takeIDToken(r)
		return
	}
	answer := r.answer()
	tx, expired := r.signIns().Find(answer)
	if tx == nil {
		r.finishAgain(answer, expired)
		return
	}
	if r.loadAgain(tx.Again) {
		r.setCookie(r.signIns().Revisit(tx))
		r.continueHere()
		return
	}
	if r.proving = tx.Proves != ""; r.proving && r.formPosted() { // without the session's cookie
		r.continueWith(answer)
		return
	}
	if r.formPosted() || tx.ThirdParty || r.proving {
		r.callbackURL = r.base.Absolute(tx.Target, r.auth.site.Allowed)
	}
	if code := answer.Get("error"); code != "" {
		r.endTransaction(tx, outcome{})
		r.providerError(code, true)
		return
	}
	now := r.auth.opts.Now()
	// The answer to a state is remembered with its code: one without the code is
	// not the browser's second request but somebody's guess.
	sum := sha256.Sum256([]byte(tx.State + " " + answer.Get("code")))
	result := r.auth.shared.callbacks.Do(r.c.Request.Context(), string(sum[:]), now, now.Add(rememberCallback),
		func() outcome { return m.finish(r, tx, answer) })
	if result.location == "" { // the first callback's request panicked, or this one is gone
		result = r.errorOutcome(http.StatusOK, errorcode.Callback)
		if r.c.Request.Context().Err() == nil {
			r.tellRefused("the callback", errPanicked, errorcode.Callback)
		}
	}
	r.notice("")
	if result.proved != nil {
		private(r.c.Writer.Header())
		result = r.giveFactor(tx.Proves, result.proved.account, result.proved.proof)
	}
	r.endTransaction(tx, result)
	r.leave(result)
}

// finish takes the provider's answer, which says who signed in there, and when.
func (m *oauthMethod) finish(r *request, tx *oauth.Transaction, answer url.Values) outcome {
	// A double click takes the connection away from the first callback, and the
	// code is spent: so the exchange goes on without the request, to its own end.
	ctx := context.WithoutCancel(r.c.Request.Context())
	id, err := m.client.Complete(ctx, tx, r.redirectURI(), answer, r.auth.opts.Now())
	switch {
	case err != nil:
		return r.refused("the callback", err, http.StatusOK, errorcode.OAuthCallback)
	case r.proving: // by somebody who is signed in
		account := Account{Provider: r.provider.id, Type: oauthType, ProviderAccountID: id.Profile.UserID}
		return outcome{location: r.callbackURL, proved: &proved{account, r.providerProof(id)}}
	}
	for _, note := range id.Notes { // an extra that did not come fails no sign-in
		r.auth.opts.Logger.WarnContext(ctx, "ginauth: the sign-in goes on without "+note.What, "provider", r.provider.id, "error", note.Err)
	}
	r.former, r.browser = tx.Former, tx.Browser
	r.addPostedName(&id.Profile)
	return m.admit(ctx, r, tx, id)
}

// providerProof is what a provider's answer proves. Its time is the one that the
// provider's verified id_token says, which is not later than now.
func (r *request) providerProof(id oauth.Identity) factor.Proof {
	p := r.proof(FactorProvider, id.Profile.UserID)
	if at := id.Proved.Time; !at.IsZero() && at.Before(p.At) {
		p.At = at
	}
	return p
}

// admit signs in the person whom the provider has named.
func (m *oauthMethod) admit(ctx context.Context, r *request, tx *oauth.Transaction, id oauth.Identity) outcome {
	user, err := r.provider.user(id.Profile)
	if err != nil {
		return r.refused("the profile", err, http.StatusOK, errorcode.OAuthCallback)
	}
	p := SignInParams{User: &user, Account: r.provider.account(id, user), Profile: &id.Profile}
	r.who = p.User
	r.proofs = []factor.Proof{r.providerProof(id)}
	r.secondByProvider = m.trusts(id.Proved)
	if r.auth.opts.Adapter == nil {
		return r.completeSignIn(p)
	}
	return r.admitAccount(ctx, tx, p)
}

// providerError handles an error response (RFC 6749 §4.1.2.1). Its description
// is the provider's or anybody's who made the link: it never reaches a page, and
// the log only when this browser did start a sign-in.
func (r *request) providerError(code string, ours bool) {
	var err error = errUnaskedAnswer
	if ours {
		err = redact.Safe("ginauth: the provider answered with code=" + redact.Code(code))
	}
	shown := errorcode.Callback
	if code == "access_denied" { // most often the person's own choice
		err, shown = fmt.Errorf("%w: %w", ErrAccessDenied, err), errorcode.AccessDenied
	}
	r.leave(r.refused("the callback", err, http.StatusOK, shown))
}

// signIns are the sign-ins of this browser, as its cookies tell them.
func (r *request) signIns() transaction.Cookies {
	return transaction.Cookies{
		Keys: r.auth.keys.signIn, Names: r.names, Header: r.c.Request.Header["Cookie"], Attributes: r.attributes(), Now: r.auth.opts.Now(),
	}
}

// endTransaction leaves, in place of a sign-in under way, whom it signed in and where
// it led.
func (r *request) endTransaction(tx *oauth.Transaction, result outcome) {
	user, target := "", ""
	if result.user != "" {
		user, target = transaction.UserMark(result.user), r.ownPath(result.location)
	}
	r.setCookie(r.signIns().End(tx, user, target)...)
}

// finishAgain answers a callback that belongs to no sign-in under way. Of one that was
// completed here it leads on, signs nobody in, and tells the provider nothing. expired
// reports that there is a cookie of the sign-in.
func (r *request) finishAgain(answer url.Values, expired bool) {
	signIns := r.signIns()
	done, found := signIns.CompletedOf(answer)
	expired = expired || found
	if done != nil && r.loadAgain(done.Again) {
		r.setCookie(signIns.RevisitCompleted(done, true))
		r.continueHere()
		return
	}
	if done != nil && done.Again {
		r.setCookie(signIns.RevisitCompleted(done, false))
	}
	code := answer.Get("error")
	if done != nil && code != "access_denied" {
		location, err := r.leadsOn(done)
		switch {
		case err != nil:
			r.leave(r.sessionFault("reading the session", err))
			return
		case location != "":
			r.redirect(http.StatusOK, location)
			return
		}
	}
	if code != "" {
		r.providerError(code, done != nil)
		return
	}
	r.tellTransaction(answer, expired, signIns)
	result := r.refused("the callback", oauth.ErrTransaction, http.StatusOK, errorcode.OAuthCallback)
	switch {
	case expired:
		r.notice(errorcode.SignInUsed)
	case len(answer["state"]) != 1:
		r.notice("")
	case r.formPosted(): // what is left of it did not come along
		r.notice(transaction.Suffix(answer["state"][0]))
	case signIns.Any():
		r.notice(errorcode.SignInLost)
	default: // the next page sees by itself that there is none
		r.notice("")
	}
	r.leave(result)
}

// tellTransaction says why a provider's answer belongs to no sign-in of this browser. The
// name of its cookie is a hash of the state, so only the name's beginning is told.
func (r *request) tellTransaction(answer url.Values, ended bool, signIns transaction.Cookies) {
	message, advice := r.auth.site.Seen(r.c.Request).OfTransaction(r.base.Origin, r.base.Secure, len(answer["state"]) == 1, ended, oauth.Lifetime)
	r.auth.refusals.Warn(r.c.Request.Context(), refusal.Transaction, message, advice,
		"provider", r.provider.id, "cookie", r.names.Transaction+".*", "other_sign_ins", signIns.Any(), "host", r.c.Request.Host, "expected", r.redirectURI())
}

// leadsOn is where a completed sign-in led, for the person whom it signed in and who
// still is; "" for anybody else.
func (r *request) leadsOn(done *transaction.Completed) (location string, err error) {
	id, err := r.auth.openFound(r.c.Request.Context(), r.found(), r.base, r.auth.opts.Now())
	switch {
	case errors.Is(err, errSignedOut):
		return "", nil
	case err != nil:
		return "", err
	case done.User != transaction.UserMark(id.token.Subject):
		return "", nil
	}
	private(r.c.Writer.Header())
	return r.base.Absolute(done.Target, r.auth.site.Allowed), nil
}

// isSignedIn reports whether a session came along.
func (r *request) isSignedIn() bool {
	_, err := r.auth.openFound(r.c.Request.Context(), r.found(), r.base, r.auth.opts.Now())
	return err == nil
}

// ownPath shortens a URL of this site to its path.
func (r *request) ownPath(location string) string {
	if path, ok := strings.CutPrefix(location, r.base.Site()+"/"); ok {
		return r.base.Prefix + "/" + path
	}
	return location
}

// strict reports that browsers send the session cookie with requests of this site's
// own pages alone. With a provider's answer, to which another site leads, it does
// not come along; nor with what that answer redirects to.
func (r *request) strict() bool { return r.auth.opts.Cookies.SameSite == http.SameSiteStrictMode }

// loadAgain reports whether a provider's answer must be loaded once more, by a page of
// this site, so that all cookies come along: those of the former session, with all its
// chunks, and that of the person who adds an account. again says that it was: the
// cookie of the sign-in, which is sealed, keeps that, so that it never happens twice.
func (r *request) loadAgain(again bool) bool {
	req := r.c.Request
	return r.strict() && !again && r.method == http.MethodGet && req.Header.Get("Sec-Fetch-Site") != "same-origin"
}

// formPosted reports that this is a provider's answer by POST. Of this browser's
// cookies it brings the transaction's alone: what the others say is not known, and
// none of them may be set anew.
func (r *request) formPosted() bool {
	return !r.second && r.method == http.MethodPost && r.provider.oauth().answersByPost() && !r.handedOver()
}

// maxFormer is the longest name or handle of a former session, in bytes, that a
// transaction keeps: its cookie is short.
const maxFormer = 64

// formerSession is what a transaction keeps of this browser's session, whose cookie does
// not come along with an answer by POST: the store's handle, or the name. It is empty
// where that is too long.
func (r *request) formerSession() string {
	id, err := r.auth.openFound(r.c.Request.Context(), r.found(), r.base, r.auth.opts.Now())
	if err != nil {
		return ""
	}
	former := id.token.sessionID()
	if r.auth.opts.Session.Store != nil {
		former = id.value
	}
	if len(former) > maxFormer {
		return ""
	}
	return former
}

// endFormer ends the session that a transaction keeps, as the sign-in that began with it
// would have by its cookie.
func (r *request) endFormer(ctx context.Context, now time.Time) error {
	switch {
	case r.former == "":
		return nil
	case r.auth.opts.Session.Store == nil:
		return r.auth.endNamed(ctx, r.former, revocation.Session{SID: r.former}, now)
	}
	id, err := r.auth.open(ctx, r.former, r.base, now)
	if errors.Is(err, errSignedOut) {
		return nil
	}
	if err != nil {
		return err
	}
	return r.auth.end(ctx, id, r.base)
}

// addPostedName gives a profile without a name the one of the posted form.
func (r *request) addPostedName(profile *goth.User) {
	if !r.formPosted() || profile.Name != "" || profile.FirstName != "" || profile.LastName != "" {
		return
	}
	given, family := r.provider.oauth().formPost.PostedName(r.body.Values())
	profile.FirstName, profile.LastName = given, family
	profile.Name = strings.TrimSpace(given + " " + family)
}
