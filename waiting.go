package ginauth

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/markbates/goth"

	"github.com/ginauth/ginauth/internal/errorcode"
	"github.com/ginauth/ginauth/internal/factor"
	"github.com/ginauth/ginauth/internal/passkeys"
	"github.com/ginauth/ginauth/internal/pending"
	"github.com/ginauth/ginauth/internal/redact"
	"github.com/ginauth/ginauth/internal/transaction"
)

const (
	errWaiting  denial = "ginauth: the sign-in that waited for its second factor was finished or has expired, or the user's factors or sessions were changed meanwhile"
	errNotAsked denial = "ginauth: no sign-in of this browser waits for a second factor"
)

// errUnlisted refuses a person who must have a second factor, which nothing keeps.
var errUnlisted = errors.New("ginauth: Factors.Required names a person who is no user of the Adapter, so that no second factor can be kept for them; store the user first, or do not name them")

// A waiting sign-in has passed its first factor, with all callbacks. Nobody is signed in
// by it, and nothing has been done for the person yet.
type waiting struct {
	pending.SignIn
	Provider string         `json:"provider"`
	Target   string         `json:"target"`
	Token    []byte         `json:"token"` // finished, except for its times, its name and the second factor
	Proofs   []factor.Proof `json:"proofs,omitempty"`
	User     User           `json:"user"`
	Account  *Account       `json:"account"`
	Profile  *goth.User     `json:"profile,omitempty"`
	IsNew    bool           `json:"new,omitempty"`
	Way      Account        `json:"way"`              // without its tokens
	Proved   bool           `json:"proved,omitempty"` // the address was, when it began
	Later    later          `json:"later,omitempty"`
	Former   string         `json:"former,omitempty"`
	Buckets  []string       `json:"buckets,omitempty"` // for the device cookie
}

// later is what a sign-in does when its last factor was given, and not before.
type later string

const (
	laterLink        later = "link"        // link the account, and
	laterLinkSession later = "linkSession" // only in the session that asked for it
	laterCredentials later = "credentials" // link the credentials
	laterVerify      later = "verify"      // store that the address was proved
)

// A demand says whether somebody must give a second factor.
type demand struct {
	user   string // whom it is about
	waits  bool
	record *factor.Record
}

// mustWait reports whether somebody who has passed the first factor must give a second
// one before anything is done for them.
func (v *request) mustWait(ctx context.Context, user User) (bool, error) {
	a := v.auth
	if a.factors.store == nil || v.second {
		return false, nil
	}
	if v.demand.user == user.ID {
		return v.demand.waits, nil
	}
	r, _, err := a.factorRecord(ctx, user.ID)
	if err != nil {
		return false, err
	}
	waits := r.Enrolled() || a.opts.Factors.Required != nil && !v.secondByProvider && a.opts.Factors.Required(v.c, user)
	waits = waits && !factor.Second(v.proofs) && !a.factors.trusted.In(v.cookies(), v.names.Trusted, user.ID, r.Epoch, a.opts.Now())
	v.demand = demand{user.ID, waits, r}
	return waits, nil
}

// trust keeps that the person is not to be asked again in this browser.
func (v *request) trust(ctx context.Context, userID string) error {
	r, _, err := v.auth.factorRecord(ctx, userID) // the sign-in may have begun another epoch
	if err == nil {
		v.setCookie(v.auth.factors.trusted.Line(v.cookies(), v.names.Trusted, userID, r.Epoch, v.attributes(), v.auth.opts.Now()))
	}
	return err
}

// browserMark names this browser to a sign-in that waits: by its CSRF cookie, or, where that
// did not come along, by what the transaction of the sign-in keeps of it.
func (v *request) browserMark() string {
	if v.formPosted() {
		return v.browser
	}
	if v.csrfToken == "" {
		v.csrfToken = v.auth.csrfToken(v.c, v.base)
	}
	return browserMark(v.csrfToken)
}

func browserMark(csrfToken string) string { return transaction.UserMark(csrfToken) }

// waitIfDue keeps a sign-in until its second factor is given, if the person must give
// one: then the outcome has it. The error is a failure.
func (v *request) waitIfDue(b *beginning) (outcome, error) {
	user := *b.User
	if v.before.ID == user.ID { // of whom Authorize need not have said all
		user = v.before
	}
	waits, err := v.mustWait(context.WithoutCancel(v.c.Request.Context()), user)
	if err != nil {
		b.undo()
		return outcome{}, failure{step: "the second factor", error: err}
	}
	if !waits {
		return outcome{}, nil
	}
	return v.wait(b)
}

// wait keeps a sign-in until its second factor is given. It is not counted as one.
func (v *request) wait(b *beginning) (outcome, error) {
	b.undo()
	if v.notInAdapter {
		return outcome{}, failure{step: "the second factor", error: errUnlisted}
	}
	w := waiting{
		SignIn:   pending.Begin(v.browserMark(), v.demand.record.Epoch, v.auth.opts.Now()),
		Provider: v.provider.id, Target: v.callbackURL, Token: b.payload, Proofs: v.proofs,
		User: *b.User, Account: b.Account, Profile: b.Profile, IsNew: b.isNew,
		Way: Account{Provider: v.way.Provider, Type: v.way.Type, ProviderAccountID: v.way.ProviderAccountID}, Proved: !v.before.EmailVerified.IsZero(), Later: v.later, Former: v.former, Buckets: v.buckets,
	}
	w.User.Values = nil // which the JWT callback has seen
	value, err := v.auth.factors.waiting.Keep(context.WithoutCancel(v.c.Request.Context()), w.User.ID, v.names.Factor, &w, w.Ends(),
		func() {
			if w.Profile != nil {
				w.Profile.RawData = nil
			}
		},
		func() { w.Profile = nil },
		func() { account := *w.Account; account.IDToken = ""; w.Account = &account },
	)
	if err != nil {
		return outcome{}, failure{step: "keeping the sign-in", error: err}
	}
	return outcome{location: v.secondURL("code"), waiting: value, status: http.StatusOK}, nil
}

// cookies are the Cookie headers of this request.
func (v *request) cookies() []string { return v.c.Request.Header["Cookie"] }

// putWaiting sets the cookie of a sign-in that waits; an empty value deletes it.
func (v *request) putWaiting(value string) {
	v.setCookie(pending.Lines(v.cookies(), v.names.Factor, value, v.attributes())...)
	if value != "" {
		private(v.c.Writer.Header())
	}
}

// dropWaiting takes a sign-in of this browser away that waits.
func (v *request) dropWaiting() {
	if v.auth.factors.store == nil {
		return
	}
	found := v.auth.factors.waiting.RemoveAll(v.c.Request.Context(), v.cookies(), v.names.Factor, func(err error, value string) {
		v.auth.opts.Logger.Warn("ginauth: a sign-in that waited for its second factor was not deleted", "error", redact.Error(err, value))
	})
	if found {
		v.putWaiting("")
	}
}

// findWaiting is the sign-in of this browser that waits. The error is errNotAsked where
// there is none.
func (v *request) findWaiting(ctx context.Context) (*waiting, error) {
	var w waiting
	value, err := v.auth.factors.waiting.Find(ctx, v.cookies(), v.names.Factor, browserMark(v.csrfToken), v.auth.opts.Now(), &w)
	if err == nil && value == "" {
		err = errNotAsked
	}
	v.handle = value
	return &w, err
}

// withWaiting serves the sign-in of this browser that waits. Where there is none, or the
// user's factors have changed since it began, it leads back to the beginning.
func (v *request) withWaiting(serve func(*request, context.Context, *waiting, *factor.Record)) {
	ctx := context.WithoutCancel(v.c.Request.Context())
	w, err := v.findWaiting(ctx)
	var r *factor.Record
	if err == nil {
		v.who = &w.User
		if v.provider = v.auth.provider(w.Provider); w.Provider == appID {
			v.provider = &provider{id: appID}
		}
		r, _, err = v.auth.factorRecord(ctx, w.User.ID)
	}
	if err == nil && (r.Epoch != w.Epoch || v.provider == nil) {
		err = errWaiting
	}
	if err == nil {
		err = v.reopen(ctx, w)
	}
	if err != nil {
		v.notWaiting(err)
		return
	}
	private(v.c.Writer.Header())
	serve(v, ctx, w, r)
}

// notWaiting answers where no sign-in can go on with a second factor.
func (v *request) notWaiting(err error) {
	if errors.Is(err, errUnavailable) {
		v.leave(v.refused("the second factor", err, http.StatusServiceUnavailable, errorcode.SessionUnavailable))
		return
	}
	v.putWaiting("")
	v.leave(v.refused("the second factor", err, http.StatusUnauthorized, errorcode.FactorExpired))
}

// finish signs in the person of a sign-in that waited, who has given their second factor:
// now it does what it put off.
func (v *request) finish(w *waiting, proof factor.Proof) outcome {
	v.callbackURL = v.base.Absolute(w.Target, v.auth.site.Allowed)
	v.way, v.former, v.who, v.began = w.Way, w.Former, &w.User, v.auth.shared.takeovers.Now()
	v.proofs, v.buckets = factor.Add(w.Proofs, proof), w.Buckets
	b, err := v.resume(context.WithoutCancel(v.c.Request.Context()), w)
	if err == nil {
		err = v.enter(b)
	}
	if err != nil {
		return v.notBegun(err)
	}
	return v.remember(v.entered(b)) // a sign-in at a provider has no buckets, and leaves no device
}

// reopen reads the token of a sign-in that waited, unless the person was signed out
// everywhere meanwhile.
func (v *request) reopen(ctx context.Context, w *waiting) error {
	if v.auth.parse(&v.reopened, w.Token, v.auth.opts.Now()) != nil { // its session would be over by now
		return errWaiting
	}
	if v.auth.ending.revoked == nil {
		return nil
	}
	ended, err := v.auth.ending.revoked.EndedNow(ctx, v.reopened.revocable())
	if ended {
		return errWaiting
	}
	return err
}

// resume does what a sign-in that waited has put off, and makes its session. That began
// with the first factor, so that it ends with what signs the person out after that; not by
// its own takeover of the user, however.
func (v *request) resume(ctx context.Context, w *waiting) (*beginning, error) {
	p := SignInParams{User: &w.User, Account: w.Account, Profile: w.Profile}
	if err := v.doLater(ctx, w, &p); err != nil {
		return nil, failure{step: "the user and account", error: err, adapter: true}
	}
	undo, wait := v.successAllowed(ctx, p.User.ID)
	if wait > 0 {
		return nil, rateLimited{wait}
	}
	id := &identity{auth: v.auth, token: v.reopened}
	t := &id.token
	var err error
	if w.Later == laterVerify && v.auth.ending.revoked != nil {
		t.AuthTime, err = v.auth.ending.revoked.SignInTime(ctx, t.revocable())
	}
	var payload []byte
	if err == nil {
		payload, err = v.auth.stampNew(ctx, t, v.base, v.auth.opts.Now(), v.proofs)
	}
	if err != nil {
		undo()
		return nil, failure{step: "keeping the session", error: err}
	}
	return &beginning{p, w.IsNew, id, payload, undo}, nil
}

// doLater does what a sign-in put off until its last factor.
func (v *request) doLater(ctx context.Context, w *waiting, p *SignInParams) error {
	user, err := v.auth.userByID(ctx, w.User.ID)
	if err != nil {
		return err // a deleted user's sign-in too
	}
	if v.before = user; !w.Proved {
		v.before.EmailVerified = time.Time{}
	}
	switch w.Later {
	case laterLink:
		_, err = v.link(ctx, user, p, false)
	case laterLinkSession:
		if err = v.inSessionOf(ctx, user.ID); err == nil {
			_, err = v.link(ctx, user, p, true)
		}
	case laterCredentials:
		err = v.settleCredentials(ctx, *p)
	case laterVerify:
		var closing bool
		if closing, err = v.mayClaim(ctx, user); err == nil {
			user, err = v.keepVerified(ctx, user, closing)
			p.User.EmailVerified = user.EmailVerified
		}
	}
	return err
}

// finishByPasskey finishes the sign-in of a person who gave a passkey as their second factor.
func (v *request) finishByPasskey(ctx context.Context, w *waiting, _ *factor.Record) {
	m := v.auth.passkeys()
	if m == nil {
		v.notWaiting(errNotAsked)
		return
	}
	if !v.startAllowed("") {
		return
	}
	_, err := m.verified(ctx, v, v.challenge(passkeys.Second, w.User.ID, w.ID))
	if err != nil && !errors.Is(err, errUnavailable) {
		v.wrongSecond(err, errorcode.PasskeySignin)
		return
	}
	if err == nil {
		err = v.auth.changeFactors(ctx, w.User.ID, func(r *factor.Record) error {
			if !r.Finish(w.ID, w.Epoch, w.Ends(), v.auth.opts.Now()) {
				return errWaiting
			}
			return nil
		})
	}
	if err != nil {
		v.notWaiting(err)
		return
	}
	v.leave(v.finishBy(ctx, w, factor.Proof{Method: string(FactorPasskey)}, false))
}

// finishBy finishes a sign-in that waited by a proof that is given now, and takes away
// what is left of it. trust says that the browser is to be trusted.
func (v *request) finishBy(ctx context.Context, w *waiting, proof factor.Proof, trust bool) outcome {
	proof.At = v.auth.opts.Now()
	result := v.finish(w, proof)
	v.putWaiting("")
	err := v.auth.factors.waiting.Remove(ctx, v.handle)
	if err == nil && trust && result.session != "" && v.auth.opts.Factors.TrustDevice > 0 {
		err = v.trust(ctx, w.User.ID)
	}
	if err != nil { // the sign-in is spent, and the browser will be asked again
		v.auth.opts.Logger.Warn("ginauth: what is left of a sign-in with two factors was not kept or deleted", "error", redact.Error(err, v.handle))
	}
	return result
}

// enrolWaiting sets up the second factor of a person who must have one, and finishes
// their sign-in.
func (v *request) enrolWaiting(ctx context.Context, w *waiting, _ *factor.Record) {
	secret, step, right := v.typedSetup(w.User.ID, w.ID)
	switch {
	case secret == nil:
		v.notWaiting(errSetup)
		return
	case !right:
		v.enrolPage(ctx, w.User, w.ID, w.Later == laterVerify, secret)
		return
	}
	codes, hashes := factor.NewRecovery(w.User.ID)
	now := v.auth.opts.Now()
	err := v.auth.changeFactors(ctx, w.User.ID, func(r *factor.Record) error {
		if !r.Finish(w.ID, w.Epoch, w.Ends(), now) { // an app that they have by now stays
			return errWaiting
		}
		r.AddOTP(secret, step, hashes, now)
		return nil
	})
	if err != nil {
		v.notWaiting(err)
		return
	}
	result := v.finishBy(ctx, w, factor.Proof{Method: string(FactorOTP)}, v.field("trust") == "true")
	v.tellFactor(ctx, w.User.ID, FactorOTP, FactorAdded)
	if result.session == "" {
		v.leave(result)
		return
	}
	v.putSession(result.session, result.expires)
	v.rememberWay()
	v.handOver(codes, result.location)
}
