package ginauth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/errorcode"
	"github.com/ginauth/ginauth/internal/factor"
	"github.com/ginauth/ginauth/internal/lifetime"
	"github.com/ginauth/ginauth/internal/origin"
	"github.com/ginauth/ginauth/internal/pages"
	"github.com/ginauth/ginauth/internal/redact"
)

// An outcome is what a sign-in leads to, kept for a callback that comes twice.
type outcome struct {
	location string
	session  string    // the session cookie's value; empty: nobody was signed in
	waiting  string    // the value of the cookie of a sign-in that waits for its second factor
	of       string    // its name
	user     string    // who signed in, and
	since    time.Time // when
	expires  time.Time // when its cookie ends; zero: with the browser
	status   int       // for next-auth's client; a browser gets 302 in any case
	code     string    // of the error page; empty: it leads elsewhere
	ends     time.Time // when the session ends, whether or not its cookie does

	proved *proved // in place of a session: by somebody who has one

	wait time.Duration // not zero: the person has signed in too often, and may again after it
}

// proved is a factor that somebody who is signed in gave, and of which account.
type proved struct {
	account Account
	proof   factor.Proof
}

// failed is an outcome on the error page.
func (v *request) failed(status int, code string) outcome {
	return outcome{location: v.errorURL(code), status: status, code: code}
}

// leave ends the request with an outcome.
func (v *request) leave(result outcome) {
	if v.native {
		v.leaveNative(result)
		return
	}
	if result.wait > 0 {
		v.tooMany(result.wait) // already told
		return
	}
	if result.session != "" {
		v.putSession(result.session, result.expires)
		v.rememberWay()
		if v.method == http.MethodGet { // a cache that keeps redirects must not give it to anybody else
			private(v.c.Writer.Header())
		}
		if v.formPosted() && v.strict() {
			v.continueAt(origin.Location(result.location))
			return
		}
	}
	if result.waiting != "" {
		v.putWaiting(result.waiting)
	}
	v.redirect(result.status, result.location)
}

// putSession sets the cookie of a session that has begun, in place of the former one's.
func (v *request) putSession(value string, expires time.Time) {
	found, former := v.found(), ""
	if v.formPosted() {
		found = cookie.Unseen(v.names.Session, maxSealed)
	} else if id, err := v.auth.openFound(v.c.Request.Context(), found, v.base, v.auth.opts.Now()); err == nil {
		former = id.token.domain
	}
	v.auth.putSession(v.c, value, found, v.base, expires, former)
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
	if err := v.ask(p); err != nil {
		return v.callbackRefusal(err), true
	}
	return outcome{}, false
}

// ask lets the application decide, and returns its refusal. Of what it chose, what
// cannot be had is a callbackFault.
func (v *request) ask(p SignInParams) error {
	signIn := v.auth.opts.Callbacks.SignIn
	if signIn == nil {
		return nil
	}
	var chosen Lifetime
	before := p.User.ID
	p.Lifetime = &chosen
	if err := signIn(v.c, p); err != nil {
		return err
	}
	if p.User.ID != before && v.auth.opts.Adapter != nil && !v.typed() {
		err := errors.New("ginauth: Callbacks.SignIn set another User.ID, which is the Adapter's; leave it, and keep one of your own in the token's Claims")
		if v.provider.id == appID || v.auth.ineffective(err) != nil {
			return callbackFault{err}
		}
	}
	own, cuts, err := lifetime.Choose(lifetime.Lifetime(chosen), v.auth.lifetimes())
	if err != nil {
		return callbackFault{fmt.Errorf("ginauth: Callbacks.SignIn: %w", err)}
	}
	for _, cut := range cuts {
		v.auth.opts.Logger.Warn("ginauth: Callbacks.SignIn asked for a longer session than there is; it was cut",
			"field", "Lifetime."+cut.Name, "asked", cut.Asked, "option", "Session."+cut.Name, "most", cut.Most)
	}
	v.life = own
	return nil
}

// typed reports whether Credentials sign somebody in. Whom these name is looked up.
func (v *request) typed() bool {
	_, typed := v.provider.method.(*credentialsMethod)
	return typed
}

// A callbackFault is a fault in what a callback chose, which is no refusal.
type callbackFault struct{ error }

func (f callbackFault) Unwrap() error { return f.error }

// A beginning is the session of a person who may sign in, before it is kept.
type beginning struct {
	SignInParams
	isNew   bool
	id      *identity
	payload []byte // of its token
	undo    func() // takes back that the sign-in was counted
}

// A failure is what kept a session from beginning, other than somebody's decision.
type failure struct {
	step string
	error
	adapter bool // it is of the user and account
}

func (f failure) Error() string {
	return "ginauth: signing in failed at " + f.step + ": " + f.error.Error()
}

func (f failure) Unwrap() error { return f.error }

// begin makes the session of a person who may sign in. The error is the one of the JWT
// callback that wraps ErrSignedOut, a rateLimited, or a failure.
func (v *request) begin(p SignInParams, isNew bool) (*beginning, error) {
	trigger := TriggerSignIn
	if isNew {
		trigger = TriggerSignUp
	}
	v.who = p.User
	if p.User.ID == "" { // the callback's doing
		return nil, failure{step: "Callbacks.SignIn", error: errors.New("ginauth: the user has no ID; leave it, or set another")}
	}
	undo, wait := v.successAllowed(v.c.Request.Context(), p.User.ID)
	if wait > 0 {
		return nil, rateLimited{wait}
	}
	now := v.auth.opts.Now()
	id := &identity{auth: v.auth, token: Token{
		Subject: p.User.ID, Name: p.User.Name, Email: p.User.Email, Picture: p.User.Image,
		AuthTime: now, shape: p.User.shape, notInAdapter: v.notInAdapter,
	}}
	t := &id.token
	err := v.auth.runJWT(v.c, JWTParams{
		Token: t, User: p.User, Account: p.Account, Profile: p.Profile, IsNewUser: isNew, Trigger: trigger,
	})
	if errors.Is(err, ErrSignedOut) {
		return nil, err
	}
	if err != nil {
		undo()
		return nil, failure{step: "Callbacks.JWT", error: err}
	}
	t.grant, t.life = v.auth.newGrant(v.provider, p.Account), v.life
	if _, listed := v.auth.userStore(); listed && v.auth.opts.AccountPage {
		t.browser = pages.BrowserName(v.c.Request.UserAgent())
	}
	if v.auth.ending.revoked != nil {
		t.AuthTime, err = v.auth.ending.revoked.SignInTime(context.WithoutCancel(v.c.Request.Context()), t.revocable())
	}
	var payload []byte
	if err == nil {
		payload, err = v.auth.stampNew(v.c.Request.Context(), t, v.base, now, v.proofs)
	}
	if err != nil {
		undo()
		return nil, failure{step: "keeping the session", error: err}
	}
	return &beginning{p, isNew, id, payload, undo}, nil
}

// enter keeps a session that begins, in place of the one that this browser may have had,
// and tells of it.
func (v *request) enter(b *beginning) (err error) {
	ctx := context.WithoutCancel(v.c.Request.Context())
	t := &b.id.token
	if b.id.value, err = v.auth.scheme(v.base).sessions.Create(ctx, t.Subject, b.payload, t.ExpiresAt); err != nil {
		b.undo()
		return failure{step: "keeping the session", error: err}
	}
	v.endBefore(ctx, t)
	if err := v.confirm(ctx, b.User.ID, b.id.value); err != nil {
		return failure{step: "the user and account", error: err, adapter: true}
	}
	if event := v.auth.opts.Events.SignIn; event != nil {
		event(v.c, SignInEvent{User: b.User, Account: b.Account, Profile: b.Profile, IsNewUser: b.isNew, Client: v.client()})
	}
	return nil
}

// startSession makes and keeps the session of a person who may sign in.
func (v *request) startSession(p SignInParams, isNew bool) outcome {
	b, err := v.begin(p, isNew)
	if err == nil {
		var result outcome
		if result, err = v.waitIfDue(b); result.waiting != "" {
			return result
		}
	}
	if err == nil {
		err = v.enter(b)
	}
	if err != nil {
		return v.notBegun(err)
	}
	return v.entered(b)
}

// entered is what a session leads to that has begun.
func (v *request) entered(b *beginning) outcome {
	location := v.callbackURL
	if page := v.auth.opts.Pages.NewUser; b.isNew && page != "" {
		location = withQuery(v.base.Public(page), "callbackUrl", v.callbackURL)
	}
	t := &b.id.token
	return outcome{
		location: location, session: b.id.value, of: t.sessionID(), user: t.Subject, since: t.AuthTime,
		expires: t.cookieEnd(t.ExpiresAt), ends: t.ExpiresAt, status: http.StatusOK,
	}
}

// notBegun is what a session leads to that did not begin.
func (v *request) notBegun(err error) outcome {
	var tooMany rateLimited
	var f failure
	switch {
	case errors.As(err, &tooMany):
		v.tellLimited(tooMany.wait)
		result := v.failed(http.StatusTooManyRequests, errorcode.RateLimited)
		result.wait = tooMany.wait
		return result
	case !errors.As(err, &f): // ErrSignedOut
		return v.refused("Callbacks.JWT", err, http.StatusForbidden, errorcode.AccessDenied)
	case f.adapter && v.provider.method != nil: // not the application
		return v.notEntered(f.error)
	}
	return v.unkeptSession(f.step, f.error)
}

// endBefore ends what the session of a person who has just signed in takes the place of.
// A late answer to a request of before must not bring the former session back.
func (v *request) endBefore(ctx context.Context, t *Token) {
	failed := func(what string, err error, secrets ...string) {
		v.auth.opts.Logger.Warn("ginauth: "+what, "error", redact.Error(err, secrets...))
	}
	const former = "the session before this sign-in was not deleted"
	now := v.auth.opts.Now()
	all, err := v.sessions(ctx, v.found(), now)
	if err != nil {
		failed(former, err)
	}
	for _, id := range all {
		if err := v.auth.end(ctx, id, v.base); err != nil {
			failed(former, err)
		}
	}
	if err := v.endFormer(ctx, now); err != nil {
		failed(former, err, v.former)
	}
	if err := v.auth.endOldest(ctx, t); err != nil {
		failed("sessions beyond Session.MaxPerUser were not ended", err)
	}
}

// sessions are all that this request has: those of its cookies, and one that SignIn has
// begun in it.
func (v *request) sessions(ctx context.Context, found cookie.Session, now time.Time) ([]*identity, error) {
	all, err := v.auth.openAll(ctx, found, v.base, now)
	if id := identityFrom(v.c); id != nil && id.auth == v.auth && id.begun {
		all = append(all, id)
	}
	return all, err
}

// callbackRefusal is what an error of the SignIn callback leads to. Only a PublicError's
// text reaches the browser.
func (v *request) callbackRefusal(err error) outcome {
	var elsewhere RedirectError
	var public publicError
	var fault callbackFault
	switch {
	case errors.As(err, &elsewhere):
		v.tellRefused("Callbacks.SignIn", errElsewhere, errorcode.AccessDenied) // not the URL: it may hold a secret
		return outcome{location: elsewhere.URL, status: http.StatusOK}
	case errors.As(err, &fault):
		return v.refused("Callbacks.SignIn", fault.error, http.StatusInternalServerError, errorcode.Callback)
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

func (a *Auth) provider(id string) *provider {
	for _, p := range a.providers {
		if p.id == id {
			return p
		}
	}
	return nil
}

// provider is a configured Provider.
type provider struct {
	id, name string
	method   method
}

// A method is how people sign in at a provider. What only one method can do, signing
// out at the provider for instance, belongs to its type: see provider.oauth.
type method interface {
	// kind is the Type of its accounts.
	kind() string
	// check finds what the method needs of the other options.
	check(*Options) error
	// begin answers POST signin/:provider.
	begin(*request)
	// callback answers callback/:provider.
	callback(*request)
	// factor is what it proves.
	factor() FactorMethod
	// prove answers POST factor/:provider: the person of a session proves again who they are.
	prove(*request, *identity)
	// button is what the sign-in page shows, for a provider with this ID and the auth
	// routes at url.
	button(id, url string) pages.Provider
	// doubts tells the log what is likely to be a mistake. sites are the URLs of the auth
	// routes.
	doubts(log *slog.Logger, opts *Options, id string, sites []string)
	// adapterFailure is where an error of the Adapter leads.
	adapterFailure(error) (status int, code string)
}

// button is a provider on the sign-in page.
func (p *provider) button(url string) pages.Provider {
	b := p.method.button(p.id, url)
	b.ID, b.Name, b.Type = p.id, p.name, p.method.kind()
	return b
}

// oauth is the provider's method, if that is OAuth, and else nil, which has none of its abilities.
func (p *provider) oauth() *oauthMethod {
	m, _ := p.method.(*oauthMethod)
	return m
}
