package ginauth

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/markbates/goth"

	"github.com/ginauth/ginauth/internal/ascii"
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
func (r *request) mustWait(ctx context.Context, user User) (bool, error) {
	a := r.auth
	if a.factors.store == nil || r.second {
		return false, nil
	}
	if r.demand.user == user.ID {
		return r.demand.waits, nil
	}
	record, _, err := a.factorRecord(ctx, user.ID)
	if err != nil {
		return false, err
	}
	waits := record.Enrolled() || a.opts.Factors.Required != nil && !r.secondByProvider && a.opts.Factors.Required(r.c, user)
	waits = waits && !factor.Second(r.proofs) && !a.factors.trusted.In(r.cookies(), r.names.Trusted, user.ID, record.Epoch, a.opts.Now())
	r.demand = demand{user.ID, waits, record}
	return waits, nil
}

// browserMark names this browser to a sign-in that waits: by its CSRF cookie, or, where that
// did not come along, by what the transaction of the sign-in keeps of it.
func (r *request) browserMark() string {
	if r.formPosted() {
		return r.browser
	}
	if r.csrfToken == "" {
		r.csrfToken = r.auth.csrfToken(r.c, r.base)
	}
	return browserMark(r.csrfToken)
}

func browserMark(csrfToken string) string { return transaction.UserMark(csrfToken) }

// waitIfDue keeps a sign-in until its second factor is given, if the person must give
// one: then the outcome has it. The error is a failure.
func (r *request) waitIfDue(b *beginning) (outcome, error) {
	user := *b.User
	if r.before.ID == user.ID { // of whom Authorize need not have said all
		user = r.before
	}
	waits, err := r.mustWait(context.WithoutCancel(r.c.Request.Context()), user)
	if err != nil {
		b.undo()
		return outcome{}, failure{step: "the second factor", error: err}
	}
	if !waits {
		return outcome{}, nil
	}
	return r.wait(b)
}

// wait keeps a sign-in until its second factor is given. It is not counted as one.
func (r *request) wait(b *beginning) (outcome, error) {
	b.undo()
	switch {
	case r.notInAdapter:
		return outcome{}, failure{step: "the second factor", error: errUnlisted}
	case r.native: // an application has no page to give it on
		return r.refused("the second factor", ErrFactorRequired, http.StatusUnauthorized, errorcode.FactorRequired), nil
	}
	w := waiting{
		SignIn:   pending.Begin(r.browserMark(), r.demand.record.Epoch, r.auth.opts.Now()),
		Provider: r.provider.id, Target: r.callbackURL, Token: b.payload, Proofs: r.proofs,
		User: *b.User, Account: b.Account, Profile: b.Profile, IsNew: b.isNew,
		Way: Account{Provider: r.way.Provider, Type: r.way.Type, ProviderAccountID: r.way.ProviderAccountID}, Proved: !r.before.EmailVerified.IsZero(), Later: r.later, Former: r.former, Buckets: r.buckets,
	}
	w.User.Values = nil // which the JWT callback has seen
	value, err := r.auth.factors.waiting.Keep(context.WithoutCancel(r.c.Request.Context()), w.User.ID, r.names.Factor, &w, w.Ends(),
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
	return outcome{location: r.secondURL("code"), waiting: value, status: http.StatusOK}, nil
}

// cookies are the Cookie headers of this request.
func (r *request) cookies() []string { return r.c.Request.Header["Cookie"] }

// putWaiting sets the cookie of a sign-in that waits; an empty value deletes it.
func (r *request) putWaiting(value string) {
	r.setCookie(pending.Lines(r.cookies(), r.names.Factor, value, r.attributes())...)
	if value != "" {
		private(r.c.Writer.Header())
	}
}

// dropWaiting takes a sign-in of this browser away that waits.
func (r *request) dropWaiting() {
	if r.auth.factors.store == nil {
		return
	}
	found := r.auth.factors.waiting.RemoveAll(r.c.Request.Context(), r.cookies(), r.names.Factor, func(err error, value string) {
		r.auth.opts.Logger.Warn("ginauth: a sign-in that waited for its second factor was not deleted", "error", redact.Error(err, value))
	})
	if found {
		r.putWaiting("")
	}
}

// findWaiting is the sign-in of this browser that waits. The error is errNotAsked where
// there is none.
func (r *request) findWaiting(ctx context.Context) (*waiting, error) {
	var w waiting
	value, err := r.auth.factors.waiting.Find(ctx, r.cookies(), r.names.Factor, browserMark(r.csrfToken), r.auth.opts.Now(), &w)
	if err == nil && value == "" {
		err = errNotAsked
	}
	r.handle = value
	return &w, err
}

// withWaiting serves the sign-in of this browser that waits. Where there is none, or the
// user's factors have changed since it began, it leads back to the beginning.
func (r *request) withWaiting(serve func(*request, context.Context, *waiting, *factor.Record)) {
	ctx := context.WithoutCancel(r.c.Request.Context())
	w, err := r.findWaiting(ctx)
	var record *factor.Record
	if err == nil {
		r.who = &w.User
		if r.provider = r.auth.provider(w.Provider); w.Provider == appID {
			r.provider = &provider{id: appID}
		}
		record, _, err = r.auth.factorRecord(ctx, w.User.ID)
	}
	if err == nil && (record.Epoch != w.Epoch || r.provider == nil) {
		err = errWaiting
	}
	if err == nil {
		err = r.reopen(ctx, w)
	}
	if err != nil {
		r.notWaiting(err)
		return
	}
	private(r.c.Writer.Header())
	serve(r, ctx, w, record)
}

// notWaiting answers where no sign-in can go on with a second factor.
func (r *request) notWaiting(err error) {
	if errors.Is(err, errUnavailable) {
		r.leave(r.refused("the second factor", err, http.StatusServiceUnavailable, errorcode.SessionUnavailable))
		return
	}
	r.putWaiting("")
	r.leave(r.refused("the second factor", err, http.StatusUnauthorized, errorcode.FactorExpired))
}

// finish signs in the person of a sign-in that waited, who has given their second factor:
// now it does what it put off.
func (r *request) finish(w *waiting, proof factor.Proof) outcome {
	r.callbackURL = r.base.Absolute(w.Target, r.auth.site.Allowed)
	r.way, r.former, r.who, r.began = w.Way, w.Former, &w.User, r.auth.shared.takeovers.Now()
	r.proofs, r.buckets = factor.Add(w.Proofs, proof), w.Buckets
	b, err := r.resume(context.WithoutCancel(r.c.Request.Context()), w)
	if err == nil {
		err = r.enter(b)
	}
	if err != nil {
		return r.notBegun(err)
	}
	return r.remember(r.entered(b)) // a sign-in at a provider has no buckets, and leaves no device
}

// reopen reads the token of a sign-in that waited, unless the person was signed out
// everywhere meanwhile.
func (r *request) reopen(ctx context.Context, w *waiting) error {
	if r.auth.parse(&r.reopened, w.Token, r.auth.opts.Now()) != nil { // its session would be over by now
		return errWaiting
	}
	if r.auth.ending.revoked == nil {
		return nil
	}
	ended, err := r.auth.ending.revoked.EndedNow(ctx, r.reopened.revocable())
	if ended {
		return errWaiting
	}
	return err
}

// resume does what a sign-in that waited has put off, and makes its session. That began
// with the first factor, so that it ends with what signs the person out after that; not by
// its own takeover of the user, however.
func (r *request) resume(ctx context.Context, w *waiting) (*beginning, error) {
	p := SignInParams{User: &w.User, Account: w.Account, Profile: w.Profile}
	if err := r.doLater(ctx, w, &p); err != nil {
		return nil, failure{step: "the user and account", error: err, adapter: true}
	}
	undo, wait := r.successAllowed(ctx, p.User.ID)
	if wait > 0 {
		return nil, rateLimited{wait}
	}
	id := &identity{auth: r.auth, token: r.reopened}
	t := &id.token
	var err error
	if w.Later == laterVerify && r.auth.ending.revoked != nil {
		t.AuthTime, err = r.auth.ending.revoked.SignInTime(ctx, t.revocable())
	}
	var payload []byte
	if err == nil {
		payload, err = r.auth.stampNew(ctx, t, r.base, r.auth.opts.Now(), r.proofs)
	}
	if err != nil {
		undo()
		return nil, failure{step: "keeping the session", error: err}
	}
	return &beginning{p, w.IsNew, id, payload, undo}, nil
}

// doLater does what a sign-in put off until its last factor.
func (r *request) doLater(ctx context.Context, w *waiting, p *SignInParams) error {
	user, err := r.auth.userByID(ctx, w.User.ID)
	if err != nil {
		return err // a deleted user's sign-in too
	}
	if r.before = user; !w.Proved {
		r.before.EmailVerified = time.Time{}
	}
	switch w.Later {
	case laterLink:
		_, err = r.link(ctx, user, p, false)
	case laterLinkSession:
		if err = r.inSessionOf(ctx, user.ID); err == nil {
			_, err = r.link(ctx, user, p, true)
		}
	case laterCredentials:
		err = r.settleCredentials(ctx, *p)
	case laterVerify:
		if !ascii.EqualFold(user.Email, w.Way.ProviderAccountID) { // they have another address by now
			return errOvertaken
		}
		var closing bool
		if closing, err = r.mayClaim(ctx, user); err == nil {
			user, err = r.keepVerified(ctx, user, closing)
			p.User.EmailVerified = user.EmailVerified
		}
	}
	return err
}

// finishByPasskey finishes the sign-in of a person who gave a passkey as their second factor.
func (r *request) finishByPasskey(ctx context.Context, w *waiting, _ *factor.Record) {
	m := r.auth.passkeys()
	if m == nil {
		r.notWaiting(errNotAsked)
		return
	}
	if !r.startAllowed("") {
		return
	}
	_, err := m.verified(ctx, r, r.challenge(passkeys.Second, w.User.ID, w.ID))
	if err != nil && !errors.Is(err, errUnavailable) {
		r.wrongSecond(err, errorcode.PasskeySignin)
		return
	}
	if err == nil {
		err = r.auth.changeFactors(ctx, w.User.ID, func(record *factor.Record) error {
			if !record.Finish(w.ID, w.Epoch, w.Ends(), r.auth.opts.Now()) {
				return errWaiting
			}
			return nil
		})
	}
	if err != nil {
		r.notWaiting(err)
		return
	}
	r.leave(r.finishBy(ctx, w, factor.Proof{Method: string(FactorPasskey)}, ""))
}

// trusted returns the epoch in which a second factor was right, if the browser is to be
// trusted until it ends; RevokeUser may have ended it already. Empty: it is asked each time.
func (r *request) trusted(method FactorMethod, epoch string) string {
	if method != FactorOTP || r.field("trust") != "true" || r.auth.opts.Factors.TrustDevice <= 0 {
		return ""
	}
	return epoch
}

// finishBy finishes a sign-in that waited by a proof that is given now, and tidies up.
func (r *request) finishBy(ctx context.Context, w *waiting, proof factor.Proof, trusted string) outcome {
	proof.At = r.auth.opts.Now()
	result := r.finish(w, proof)
	r.putWaiting("")
	if trusted != "" && result.session != "" {
		r.setCookie(r.auth.factors.trusted.Line(r.cookies(), r.names.Trusted, w.User.ID, trusted, r.attributes(), r.auth.opts.Now()))
	}
	if err := r.auth.factors.waiting.Remove(ctx, r.handle); err != nil { // the sign-in is spent
		r.auth.opts.Logger.Warn("ginauth: what is left of a sign-in with two factors was not deleted", "error", redact.Error(err, r.handle))
	}
	return result
}

// enrolWaiting sets up the second factor of a person who must have one, and finishes
// their sign-in.
func (r *request) enrolWaiting(ctx context.Context, w *waiting, _ *factor.Record) {
	secret, step, right := r.typedSetup(w.User.ID, w.ID)
	switch {
	case secret == nil:
		r.notWaiting(errSetup)
		return
	case !right:
		r.enrolPage(ctx, w.User, w.ID, w.Later == laterVerify, secret)
		return
	}
	codes, hashes := factor.NewRecovery(w.User.ID)
	now, epoch := r.auth.opts.Now(), ""
	err := r.auth.changeFactors(ctx, w.User.ID, func(record *factor.Record) error {
		if !record.Finish(w.ID, w.Epoch, w.Ends(), now) { // an app that they have by now stays
			return errWaiting
		}
		record.AddOTP(secret, step, hashes, now)
		epoch = r.trusted(FactorOTP, record.Epoch)
		return nil
	})
	if err != nil {
		r.notWaiting(err)
		return
	}
	result := r.finishBy(ctx, w, factor.Proof{Method: string(FactorOTP)}, epoch)
	r.tellFactor(ctx, w.User.ID, FactorOTP, FactorAdded)
	if result.session == "" {
		r.leave(result)
		return
	}
	r.putSession(result.session, result.expires)
	r.rememberWay()
	r.handOver(codes, result.location)
}
