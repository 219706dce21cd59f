package ginauth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/oauth"
	"github.com/ginauth/ginauth/internal/token"
)

const (
	// maxTransactions sign-ins may be under way in one browser; the oldest goes.
	maxTransactions = 4
	// maxTransaction is the longest transaction cookie, in bytes, name included:
	// four stay far below the 8 KB that proxies allow a header line.
	maxTransaction = 600
	// rememberCallback is for how long a callback that comes again, by a double
	// click or a reload, is answered as the first was.
	rememberCallback = time.Minute
)

// redirectURI is where the provider sends its answer (RFC 6749 §3.1.2).
func (v *visit) redirectURI() string { return v.base.URL + "/callback/" + v.provider.id }

// beginOAuth sends the browser to the provider.
func (v *visit) beginOAuth() {
	if v.provider.formPost != nil && !v.base.Secure && !v.base.Loopback() {
		v.refused("starting the sign-in", errors.New("the provider answers by POST, which needs a site on https"))
		v.fail(http.StatusOK, "OAuthSignin")
		return
	}
	now := v.opts.Now()
	authURL, tx, err := v.provider.oauth.Begin(v.c.Request.Context(), v.redirectURI(),
		oauth.DisplayParams(v.c.Request.URL.Query()), now)
	if err != nil {
		v.refused("starting the sign-in", err)
		v.fail(http.StatusOK, "OAuthSignin")
		return
	}
	tx.User = v.signedIn()
	name := v.transactionName(tx.State)
	if tx.FormPost {
		tx.Target = v.callbackURL
		if path, ok := strings.CutPrefix(v.callbackURL, v.base.Origin+"/"); ok {
			tx.Target = "/" + path
		}
	}
	value := v.transactions.Seal(tx.Bytes())
	if tx.FormPost && len(name)+len(value) > maxTransaction {
		tx.Target = "" // too long to keep: it will lead to the base URL
		value = v.transactions.Seal(tx.Bytes())
	}
	if len(name)+len(value) > maxTransaction {
		v.refused("starting the sign-in", errors.New("the provider's session is too long for a transaction cookie"))
		v.fail(http.StatusOK, "OAuthSignin")
		return
	}
	v.dropOldTransactions(maxTransactions - 1)
	v.setCookie(cookie.Line(name, value, v.transactionAttributes(tx)))
	v.redirect(http.StatusOK, authURL)
}

// An outcome is what a sign-in leads to, kept for a callback that comes twice.
type outcome struct {
	location string
	session  string     // the session cookie's value; empty: nobody was signed in
	of       sessionKey // whose it is
	expires  time.Time  // when it ends
	status   int        // for next-auth's client; a browser gets 302 in any case
}

// failed is an outcome on the error page.
func (v *visit) failed(status int, code string) outcome {
	return outcome{location: v.errorURL(code), status: status}
}

// leave ends the visit with an outcome.
func (v *visit) leave(result outcome) {
	if result.session != "" {
		present := cookie.Find(v.c.Request.Header["Cookie"], v.names.Session).Names()
		if v.formPosted() {
			present = v.unseenSession()
		}
		v.putSession(v.c, result.session, present, v.base, result.expires)
		if v.c.Request.Method == http.MethodGet { // a cache that keeps redirects must not give it to anybody else
			private(v.c.Writer.Header())
		}
	}
	v.redirect(result.status, result.location)
}

// finishOAuth takes the provider's answer.
func (v *visit) finishOAuth() {
	answer := v.answer()
	name, tx := v.transaction(answer)
	if tx != nil {
		v.setCookie(cookie.Deletion(name, v.transactionAttributes(tx)))
		if v.formPosted() {
			v.callbackURL = v.base.Absolute(tx.Target, v.allowed)
		}
	}
	if code := answer.Get("error"); code != "" {
		v.providerError(code, tx != nil)
		return
	}
	if tx == nil {
		v.refused("the callback", oauth.ErrTransaction)
		v.fail(http.StatusOK, "OAuthCallback")
		return
	}
	now := v.opts.Now()
	// The answer to a state is remembered with its code: one without the code is
	// not the browser's second request but somebody's guess.
	sum := sha256.Sum256([]byte(tx.State + " " + answer.Get("code")))
	result := v.finished.Do(v.c.Request.Context(), string(sum[:]), now, now.Add(rememberCallback),
		func() outcome { return v.signIn(tx, answer) })
	if result.location == "" { // the first callback's request panicked, or this one is gone
		result = v.failed(http.StatusOK, "Callback")
	}
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
		return v.failed(http.StatusOK, "OAuthCallback")
	}
	for _, note := range id.Notes { // an extra that did not come fails no sign-in
		v.opts.Logger.WarnContext(ctx, "ginauth: the sign-in goes on without "+note.What, "provider", v.provider.id, "error", note.Err)
	}
	v.addPostedName(&id.Profile)
	user, err := v.provider.user(id.Profile)
	if err != nil {
		v.refused("the profile", err)
		return v.failed(http.StatusOK, "OAuthCallback")
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
	now := v.opts.Now()
	t := &Token{
		Subject: p.User.ID, Name: p.User.Name, Email: p.User.Email, Picture: p.User.Image,
		AuthTime: now, shape: p.User.shape, unlisted: v.opts.Adapter != nil && p.Account.Type == "credentials",
	}
	err := v.runJWT(v.c, JWTParams{
		Token: t, User: p.User, Account: p.Account, Profile: p.Profile, IsNewUser: isNew, Trigger: trigger,
	})
	if err != nil {
		v.refused("Callbacks.JWT", err)
		return v.failed(http.StatusInternalServerError, "Callback")
	}
	t.grant = v.newGrant(v.provider, p.Account)
	value, err := v.begin(t, now)
	if err != nil {
		v.refused("keeping the session", err)
		if errors.Is(err, errUnavailable) {
			return v.failed(http.StatusServiceUnavailable, unavailableCode)
		}
		return v.failed(http.StatusInternalServerError, "Callback")
	}
	if event := v.opts.Events.SignIn; event != nil {
		event(v.c, SignInEvent{User: p.User, Account: p.Account, Profile: p.Profile, IsNewUser: isNew})
	}
	location := v.callbackURL
	if page := v.opts.Pages.NewUser; isNew && page != "" {
		location = withQuery(page, "callbackUrl", v.callbackURL)
	}
	return outcome{
		location: location, session: value, of: sessionOf(t), expires: t.ExpiresAt, status: http.StatusOK,
	}
}

// begin keeps the session of a person who has just signed in, in place of the one
// this browser may have had.
func (v *visit) begin(t *Token, now time.Time) (value string, err error) {
	ctx := context.WithoutCancel(v.c.Request.Context())
	if v.revoked != nil {
		if err := v.revoked.admit(ctx, t); err != nil {
			return "", err
		}
	}
	if value, err = v.create(ctx, t, v.base, now); err != nil {
		return "", err
	}
	if before := cookie.Find(v.c.Request.Header["Cookie"], v.names.Session); before.Value != "" {
		if err := v.site(v.base).sessions.remove(ctx, before.Value); err != nil {
			v.opts.Logger.Warn("ginauth: the session before this sign-in was not deleted", "error", oauth.Redact(err))
		}
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
		text := clip(string(public))
		v.published.add(text)
		return v.failed(http.StatusOK, text)
	case !errors.Is(err, ErrAccessDenied):
		v.refused("Callbacks.SignIn", err)
	}
	return v.failed(http.StatusForbidden, "AccessDenied")
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
		v.opts.Logger.Warn("ginauth: the provider refused a sign-in", "provider", v.provider.id, "code", oauth.ErrorCode(code))
	}
	if code == "access_denied" {
		v.fail(http.StatusOK, "AccessDenied")
		return
	}
	v.fail(http.StatusOK, "Callback")
}

// transaction finds the sign-in that an answer belongs to: the one of its state,
// started in this browser and not expired. Whether it was for this provider and
// client, oauth.Complete decides.
func (v *visit) transaction(answer url.Values) (name string, tx *oauth.Transaction) {
	if len(answer["state"]) != 1 {
		return "", nil
	}
	name = v.transactionName(answer["state"][0])
	value, ok := cookie.Get(v.c.Request.Header["Cookie"], name)
	if !ok {
		return "", nil
	}
	tx = v.openTransaction(value)
	if tx == nil || !token.Equal(tx.State, answer["state"][0]) {
		return "", nil
	}
	return name, tx
}

func (v *visit) openTransaction(value string) *oauth.Transaction {
	payload, _, err := v.transactions.Open(value)
	if err != nil {
		return nil
	}
	tx, err := oauth.ParseTransaction(payload)
	if err != nil || v.opts.Now().Unix() >= tx.Expires {
		return nil
	}
	return tx
}

// transactionName gives each sign-in a cookie of its own, so that two tabs do
// not take each other's.
func (v *visit) transactionName(state string) string {
	sum := sha256.Sum256([]byte(state))
	return v.names.Transaction + "." + base64.RawURLEncoding.EncodeToString(sum[:12])
}

// transactionAttributes are those of the cookie of one sign-in, or of one that
// nobody can tell. Only a provider that answers by POST gets its cookie along
// with a request from another site; what the cookie seals is of no use to anybody
// but us, and spent once.
func (v *visit) transactionAttributes(tx *oauth.Transaction) cookie.Attributes {
	a := cookie.Attributes{MaxAge: oauth.Lifetime, Secure: v.base.Secure}
	if tx != nil && tx.FormPost {
		a.Secure, a.SameSite = true, http.SameSiteNoneMode
	}
	return a
}

// dropOldTransactions deletes the cookies of sign-ins that lead nowhere any more,
// and the oldest of the others beyond keep.
func (v *visit) dropOldTransactions(keep int) {
	type open struct {
		name string
		tx   *oauth.Transaction
	}
	var live []open
	for name, value := range cookie.All(v.c.Request.Header["Cookie"]) {
		if !strings.HasPrefix(name, v.names.Transaction+".") {
			continue
		}
		var tx *oauth.Transaction
		if len(live) < 4*maxTransactions {
			tx = v.openTransaction(value)
		}
		if tx == nil {
			v.setCookie(cookie.Deletion(name, v.transactionAttributes(nil)))
			continue
		}
		live = append(live, open{name, tx})
	}
	slices.SortFunc(live, func(a, b open) int { return int(a.tx.Expires - b.tx.Expires) })
	for i := 0; i < len(live)-keep; i++ {
		v.setCookie(cookie.Deletion(live[i].name, v.transactionAttributes(live[i].tx)))
	}
}

// refused logs why somebody was not signed in. The error is redacted: it holds
// no token, code or secret, nor what the person typed.
func (v *visit) refused(step string, err error) {
	v.opts.Logger.Warn("ginauth: sign-in refused", "provider", v.provider.id, "step", step, "error", oauth.Redact(err, v.typed...))
}
