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

// errorOutcome is an outcome on the error page.
func (r *request) errorOutcome(status int, code string) outcome {
	return outcome{location: r.errorURL(code), status: status, code: code}
}

// leave ends the request with an outcome.
func (r *request) leave(result outcome) {
	if r.native {
		r.leaveNative(result)
		return
	}
	if result.wait > 0 {
		r.answerRateLimited(result.wait) // already told
		return
	}
	if result.session != "" {
		r.putSession(result.session, result.expires)
		r.rememberWay()
		if r.method == http.MethodGet { // a cache that keeps redirects must not give it to anybody else
			private(r.c.Writer.Header())
		}
		if r.formPosted() && r.strict() {
			r.continueAt(origin.Location(result.location))
			return
		}
	}
	if result.waiting != "" {
		r.putWaiting(result.waiting)
	}
	r.redirect(result.status, result.location)
}

// putSession sets the cookie of a session that has begun, in place of the former one's.
func (r *request) putSession(value string, expires time.Time) {
	found, former := r.found(), ""
	if r.formPosted() {
		found = cookie.Unseen(r.names.Session, maxSealed)
	} else if id, err := r.auth.openFound(r.c.Request.Context(), found, r.base, r.auth.opts.Now()); err == nil {
		former = id.token.domain
	}
	r.auth.putSession(r.c, value, found, r.base, expires, former)
}

// completeSignIn lets the application decide, and makes the session of a person who has
// proved who they are.
func (r *request) completeSignIn(p SignInParams) outcome {
	if result, refused := r.decide(p); refused {
		return result
	}
	return r.startSession(p, false)
}

// decide lets the application decide, and says what its refusal leads to.
func (r *request) decide(p SignInParams) (result outcome, refused bool) {
	r.who = p.User
	if err := r.ask(p); err != nil {
		return r.callbackRefusal(err), true
	}
	return outcome{}, false
}

// ask lets the application decide, and returns its refusal. Of what it chose, what
// cannot be had is a callbackFault.
func (r *request) ask(p SignInParams) error {
	signIn := r.auth.opts.Callbacks.SignIn
	if signIn == nil {
		return nil
	}
	var chosen Lifetime
	before := p.User.ID
	p.Lifetime = &chosen
	if err := signIn(r.c, p); err != nil {
		return err
	}
	if p.User.ID != before && r.auth.opts.Adapter != nil && !r.typed() {
		err := errors.New("ginauth: Callbacks.SignIn set another User.ID, which is the Adapter's; leave it, and keep one of your own in the token's Claims")
		if r.provider.id == appID || r.auth.ineffective(err) != nil {
			return callbackFault{err}
		}
	}
	own, cuts, err := lifetime.Choose(lifetime.Lifetime(chosen), r.auth.lifetimes())
	if err != nil {
		return callbackFault{fmt.Errorf("ginauth: Callbacks.SignIn: %w", err)}
	}
	for _, cut := range cuts {
		r.auth.opts.Logger.Warn("ginauth: Callbacks.SignIn asked for a longer session than there is; it was cut",
			"field", "Lifetime."+cut.Name, "asked", cut.Asked, "option", "Session."+cut.Name, "most", cut.Most)
	}
	r.life = own
	return nil
}

// typed reports whether Credentials sign somebody in. Whom these name is looked up.
func (r *request) typed() bool {
	_, typed := r.provider.method.(*credentialsMethod)
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
func (r *request) begin(p SignInParams, isNew bool) (*beginning, error) {
	trigger := TriggerSignIn
	if isNew {
		trigger = TriggerSignUp
	}
	r.who = p.User
	if p.User.ID == "" { // the callback's doing
		return nil, failure{step: "Callbacks.SignIn", error: errors.New("ginauth: the user has no ID; leave it, or set another")}
	}
	undo, wait := r.successAllowed(r.c.Request.Context(), p.User.ID)
	if wait > 0 {
		return nil, rateLimited{wait}
	}
	now := r.auth.opts.Now()
	id := &identity{auth: r.auth, token: Token{
		Subject: p.User.ID, Name: p.User.Name, Email: p.User.Email, Picture: p.User.Image,
		AuthTime: now, shape: p.User.shape, notInAdapter: r.notInAdapter,
	}}
	t := &id.token
	err := r.auth.runJWT(r.c, JWTParams{
		Token: t, User: p.User, Account: p.Account, Profile: p.Profile, IsNewUser: isNew, Trigger: trigger,
	})
	if errors.Is(err, ErrSignedOut) {
		return nil, err
	}
	if err != nil {
		undo()
		return nil, failure{step: "Callbacks.JWT", error: err}
	}
	t.grant, t.life = r.auth.newGrant(r.provider, p.Account), r.life
	if _, listed := r.auth.userStore(); listed && r.auth.opts.AccountPage {
		t.browser = pages.BrowserName(r.c.Request.UserAgent())
	}
	if r.auth.ending.revoked != nil {
		t.AuthTime, err = r.auth.ending.revoked.SignInTime(context.WithoutCancel(r.c.Request.Context()), t.revocable())
	}
	var payload []byte
	if err == nil {
		payload, err = r.auth.stampNew(r.c.Request.Context(), t, r.base, now, r.proofs)
	}
	if err != nil {
		undo()
		return nil, failure{step: "keeping the session", error: err}
	}
	return &beginning{p, isNew, id, payload, undo}, nil
}

// enter keeps a session that begins, in place of the one that this browser may have had,
// and tells of it.
func (r *request) enter(b *beginning) (err error) {
	ctx := context.WithoutCancel(r.c.Request.Context())
	t := &b.id.token
	if b.id.value, err = r.auth.scheme(r.base).sessions.Create(ctx, t.Subject, b.payload, t.ExpiresAt); err != nil {
		b.undo()
		return failure{step: "keeping the session", error: err}
	}
	r.endBefore(ctx, t)
	if err := r.confirm(ctx, b.User.ID, b.id.value); err != nil {
		return failure{step: "the user and account", error: err, adapter: true}
	}
	if event := r.auth.opts.Events.SignIn; event != nil {
		event(r.c, SignInEvent{User: b.User, Account: b.Account, Profile: b.Profile, IsNewUser: b.isNew, Client: r.client()})
	}
	return nil
}

// startSession makes and keeps the session of a person who may sign in.
func (r *request) startSession(p SignInParams, isNew bool) outcome {
	b, err := r.begin(p, isNew)
	if err == nil {
		var result outcome
		if result, err = r.waitIfDue(b); result.location != "" {
			return result
		}
	}
	if err == nil {
		err = r.enter(b)
	}
	if err != nil {
		return r.notBegun(err)
	}
	return r.entered(b)
}

// entered is what a session leads to that has begun.
func (r *request) entered(b *beginning) outcome {
	location := r.callbackURL
	if page := r.auth.opts.Pages.NewUser; b.isNew && page != "" {
		location = withQuery(r.base.Public(page), "callbackUrl", r.callbackURL)
	}
	t := &b.id.token
	return outcome{
		location: location, session: b.id.value, of: t.sessionID(), user: t.Subject, since: t.AuthTime,
		expires: t.cookieEnd(t.ExpiresAt), ends: t.ExpiresAt, status: http.StatusOK,
	}
}

// notBegun is what a session leads to that did not begin.
func (r *request) notBegun(err error) outcome {
	var tooMany rateLimited
	var f failure
	switch {
	case errors.As(err, &tooMany):
		r.tellLimited(tooMany.wait)
		result := r.errorOutcome(http.StatusTooManyRequests, errorcode.RateLimited)
		result.wait = tooMany.wait
		return result
	case !errors.As(err, &f): // ErrSignedOut
		return r.refused("Callbacks.JWT", err, http.StatusForbidden, errorcode.AccessDenied)
	case f.adapter && r.provider.method != nil: // not the application
		return r.notEntered(f.error)
	}
	return r.sessionFault(f.step, f.error)
}

// endBefore ends what the session of a person who has just signed in takes the place of.
// A late answer to a request of before must not bring the former session back.
func (r *request) endBefore(ctx context.Context, t *Token) {
	failed := func(what string, err error, secrets ...string) {
		r.auth.opts.Logger.Warn("ginauth: "+what, "error", redact.Error(err, secrets...))
	}
	const former = "the session before this sign-in was not deleted"
	now := r.auth.opts.Now()
	all, err := r.sessions(ctx, r.found(), now)
	if err != nil {
		failed(former, err)
	}
	for _, id := range all {
		if err := r.auth.end(ctx, id, r.base); err != nil {
			failed(former, err)
		}
	}
	if err := r.endFormer(ctx, now); err != nil {
		failed(former, err, r.former)
	}
	if err := r.auth.endOldest(ctx, t); err != nil {
		failed("sessions beyond Session.MaxPerUser were not ended", err)
	}
}

// sessions are all that this request has: those of its cookies, and one that SignIn has
// begun in it.
func (r *request) sessions(ctx context.Context, found cookie.Session, now time.Time) ([]*identity, error) {
	all, err := r.auth.openAll(ctx, found, r.base, now)
	if id := identityFrom(r.c); id != nil && id.auth == r.auth && id.begun {
		all = append(all, id)
	}
	return all, err
}

// callbackRefusal is what an error of the SignIn callback leads to. Only a PublicError's
// text reaches the browser.
func (r *request) callbackRefusal(err error) outcome {
	var elsewhere RedirectError
	var public publicError
	var fault callbackFault
	switch {
	case errors.As(err, &elsewhere):
		r.tellRefused("Callbacks.SignIn", errElsewhere, errorcode.AccessDenied) // not the URL: it may hold a secret
		return outcome{location: elsewhere.URL, status: http.StatusOK}
	case errors.As(err, &fault):
		return r.refused("Callbacks.SignIn", fault.error, http.StatusInternalServerError, errorcode.Callback)
	case errors.As(err, &public):
		r.tellRefused("Callbacks.SignIn", err, errorcode.AccessDenied)
		return r.errorOutcome(http.StatusOK, r.auth.publicErrors.Publish(string(public)))
	}
	return r.refused("Callbacks.SignIn", err, http.StatusForbidden, errorcode.AccessDenied)
}

// sessionFault is where a sign-in leads whose session, or the one that is there, the
// store or the revocations cannot keep or read.
func (r *request) sessionFault(step string, err error) outcome {
	if errors.Is(err, errUnavailable) {
		return r.refused(step, err, http.StatusServiceUnavailable, errorcode.SessionUnavailable)
	}
	return r.refused(step, err, http.StatusInternalServerError, errorcode.Callback)
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
