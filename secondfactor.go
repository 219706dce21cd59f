package ginauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/markbates/goth"

	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/factor"
	"github.com/ginauth/ginauth/internal/redact"
	"github.com/ginauth/ginauth/internal/sessionstrategy"
	"github.com/ginauth/ginauth/internal/token"
	"github.com/ginauth/ginauth/internal/transaction"
)

// waitingAge is for how long a sign-in waits for its second factor.
const waitingAge = 10 * time.Minute

// secondFactors are what asks for a second factor and keeps it. The zero value asks nobody.
type secondFactors struct {
	store   FactorStore // nil: there are no second factors
	waiting sessionstrategy.Strategy
	sharing sessionstrategy.Namespace // of the sign-ins that wait in a Session.Store
	trusted factor.Trusted
	setup   *token.Keyring // of the keys that people are setting up
}

var (
	errWaiting  denial = "ginauth: the sign-in that waited for its second factor was finished or has expired, or the user's factors or sessions were changed meanwhile"
	errNotAsked denial = "ginauth: no sign-in of this browser waits for a second factor"
	// errUnlisted refuses a person who must have a second factor, which nothing keeps.
	errUnlisted = errors.New("ginauth: Factors.Required names a person who is no user of the Adapter, so that no second factor can be kept for them; store the user first, or do not name them")
)

// A waiting sign-in has passed its first factor, with all callbacks. Nobody is signed in
// by it, and nothing has been done for the person yet.
type waiting struct {
	ID       string         `json:"id"` // it is finished once
	Expires  int64          `json:"expires"`
	Browser  string         `json:"browser"`         // names the browser that began
	Epoch    string         `json:"epoch,omitempty"` // of the user's factors when it began
	Provider string         `json:"provider"`
	Target   string         `json:"target"`
	Token    []byte         `json:"token"` // finished, except for its times, its name and the second factor
	Proofs   []factor.Proof `json:"proofs,omitempty"`
	User     User           `json:"user"`
	Account  *Account       `json:"account"`
	Profile  *goth.User     `json:"profile,omitempty"`
	IsNew    bool           `json:"new,omitempty"`
	Way      Account        `json:"way"`
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

// configureFactors settles who is asked for a second factor, and where it is kept.
func (a *Auth) configureFactors(opts *Options, f *faults) {
	o := &opts.Factors
	switch {
	case o.TrustDevice < 0:
		f.add("Factors.TrustDevice is %v; write for instance 30*24*time.Hour, or leave it out", o.TrustDevice)
	case o.TrustDevice > 0 && !o.OTP:
		f.add("Factors.TrustDevice is set, and nobody is asked for a second factor; set Factors.OTP too, or leave it out")
	}
	if o.Required != nil && !o.OTP {
		f.add("Factors.Required is set, and there is no second factor to give; set Factors.OTP too")
	}
	if !o.OTP {
		return
	}
	store, ok := opts.Adapter.(FactorStore)
	if !ok {
		f.add("Factors.OTP needs an Adapter that is a FactorStore, and %T is none; use gormadapter's, or write GetFactors and UpdateFactors", opts.Adapter)
		return
	}
	if check, ok := store.(interface{ CheckFactors() error }); ok {
		if err := check.CheckFactors(); err != nil {
			f.addAll("Factors.OTP", err)
		}
	}
	all := append([]string{opts.Secret}, opts.PreviousSecrets...)
	ring := func(purpose string) *token.Keyring {
		k, err := token.V4.Keyring("ginauth."+purpose+"."+opts.Cookies.Prefix, all...)
		if err != nil {
			f.add("%w", err)
		}
		return k
	}
	s := secondFactors{store: store, setup: ring("setup"), trusted: factor.Trusted{Keyring: ring("trusted"), Age: o.TrustDevice}}
	// In a store they have a namespace of their own: none of them opens as a session, nor
	// the other way round.
	s.sharing = sessionstrategy.NewNamespace(opts.Cookies.Prefix+".factor", defaultPrefix)
	s.waiting = sessionstrategy.InCookie(ring("waiting"), sessionstrategy.NewSuccessors(), sessionErrors())
	if opts.Session.Store != nil {
		s.waiting = sessionstrategy.InStore(opts.Session.Store, a.calls.store, a.shared.locks, s.sharing, sessionErrors())
	}
	a.factors = s
}

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
	if a.factors.store == nil || v.second || user.ID == "" {
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
	second := func(p factor.Proof) bool {
		return slices.Contains(secondFactorMethods, FactorMethod(p.Method))
	}
	if waits && (slices.ContainsFunc(v.proofs, second) || r.Enrolled() && v.trusts(user.ID, r.Epoch)) {
		waits = false
	}
	v.demand = demand{user.ID, waits, r}
	return waits, nil
}

// secondFactorMethods are those that no first factor is.
var secondFactorMethods = []FactorMethod{FactorOTP, FactorRecovery, FactorPasskey}

// trusts reports whether the person said in this browser not to be asked there again.
func (v *request) trusts(userID, epoch string) bool {
	if v.auth.opts.Factors.TrustDevice <= 0 {
		return false
	}
	for value := range cookie.Values(v.c.Request.Header["Cookie"], v.names.Trusted) {
		if v.auth.factors.trusted.Has(value, userID, epoch, v.auth.opts.Now()) {
			return true
		}
	}
	return false
}

// trust keeps that the person is not to be asked again in this browser.
func (v *request) trust(ctx context.Context, userID string) error {
	r, _, err := v.auth.factorRecord(ctx, userID) // the sign-in may have begun another epoch
	if err != nil {
		return err
	}
	kept, _ := cookie.Get(v.c.Request.Header["Cookie"], v.names.Trusted)
	value, err := v.auth.factors.trusted.Add(kept, userID, r.Epoch, v.auth.opts.Now())
	if err != nil {
		return err
	}
	attributes := v.attributes()
	attributes.MaxAge = v.auth.opts.Factors.TrustDevice
	v.setCookie(cookie.Line(v.names.Trusted, value, attributes))
	return nil
}

// browser names this browser to a sign-in that waits: by its CSRF cookie, or, where that
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

func browserMark(csrfToken string) string { return transaction.UserMark("csrf " + csrfToken) }

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
		ID: token.NewID(), Expires: v.auth.opts.Now().Add(waitingAge).Unix(), Browser: v.browserMark(), Epoch: v.demand.record.Epoch,
		Provider: v.provider.id, Target: v.callbackURL, Token: b.payload, Proofs: v.proofs,
		User: *b.User, Account: b.Account, Profile: b.Profile, IsNew: b.isNew,
		Way: v.way, Proved: !v.before.EmailVerified.IsZero(), Later: v.later, Former: v.former, Buckets: v.buckets,
	}
	w.User.Values = nil // which the JWT callback has seen
	value, err := v.keepWaiting(&w)
	if err != nil {
		return outcome{}, failure{step: "keeping the sign-in", error: err}
	}
	return outcome{location: v.secondURL("code"), waiting: value, status: http.StatusOK}, nil
}

// keepWaiting keeps a sign-in that waits, without what makes it too long for cookies.
func (v *request) keepWaiting(w *waiting) (value string, err error) {
	ctx := context.WithoutCancel(v.c.Request.Context())
	for _, shorten := range []func(){
		func() {},
		func() {
			if w.Profile != nil {
				w.Profile.RawData = nil
			}
		},
		func() { w.Profile = nil },
		func() { account := *w.Account; account.IDToken = ""; w.Account = &account },
	} {
		shorten()
		payload, fault := json.Marshal(w)
		if fault != nil {
			err = fault
			continue
		}
		if value, err = v.auth.factors.waiting.Create(ctx, w.User.ID, payload, time.Unix(w.Expires, 0)); err != nil {
			return "", err
		}
		size := cookie.SentLength(v.names.Factor, len(value))
		if size <= cookie.LargeSession {
			return value, nil
		}
		err = redact.Safe(fmt.Sprintf("ginauth: a sign-in that waits for its second factor has %d bytes, too many for cookies; keep less in the token, or set Session.Store", size))
	}
	return "", err
}

// putWaiting sets the cookie of a sign-in that waits; an empty value deletes it.
func (v *request) putWaiting(value string) {
	present := cookie.Find(v.c.Request.Header["Cookie"], v.names.Factor).Names()
	attributes := v.attributes()
	if value == "" {
		v.setCookie(cookie.Clear(present, attributes)...)
		return
	}
	attributes.MaxAge = waitingAge
	v.setCookie(cookie.Put(v.names.Factor, value, present, attributes)...)
	private(v.c.Writer.Header())
}

// dropWaiting takes a sign-in of this browser away that waits.
func (v *request) dropWaiting() {
	found := cookie.Find(v.c.Request.Header["Cookie"], v.names.Factor)
	if !found.Found || v.auth.factors.store == nil {
		return
	}
	for _, value := range found.Candidates(maxSealed) {
		if err := v.auth.factors.waiting.Remove(v.c.Request.Context(), value); err != nil { // it expires
			v.auth.opts.Logger.Warn("ginauth: a sign-in that waited for its second factor was not deleted", "error", redact.Error(err, value))
		}
	}
	v.putWaiting("")
}

// findWaiting is the sign-in of this browser that waits, and its cookie's value. The error
// is errNotAsked where there is none.
func (v *request) findWaiting(ctx context.Context) (*waiting, string, error) {
	found := cookie.Find(v.c.Request.Header["Cookie"], v.names.Factor)
	for _, value := range found.Candidates(maxSealed) {
		kept, err := v.auth.factors.waiting.Open(ctx, value)
		if errors.Is(err, errUnavailable) {
			return nil, "", err
		}
		var w waiting
		if err != nil || json.Unmarshal(kept.Payload, &w) != nil || w.Account == nil ||
			v.auth.opts.Now().Unix() >= w.Expires || !token.Equal(w.Browser, browserMark(v.csrfToken)) {
			continue
		}
		return &w, value, nil
	}
	return nil, "", errNotAsked
}

// finish signs in the person of a sign-in that waited, who has given their second factor:
// now it does what it put off.
func (v *request) finish(w *waiting, proof factor.Proof) outcome {
	v.second, v.callbackURL = true, v.base.Absolute(w.Target, v.auth.site.Allowed)
	v.way, v.former, v.who, v.began = w.Way, w.Former, &w.User, v.auth.shared.takeovers.Now()
	v.proofs, v.buckets = factor.Add(w.Proofs, proof), w.Buckets
	ctx := context.WithoutCancel(v.c.Request.Context())
	p := SignInParams{User: &w.User, Account: w.Account, Profile: w.Profile}
	if err := v.doLater(ctx, w, &p); err != nil {
		return v.refused("the user and account", err, http.StatusOK, adapterCode(err))
	}
	b, err := v.resume(ctx, w, p)
	if err == nil {
		err = v.enter(b)
	}
	if err != nil {
		return v.notBegun(err)
	}
	if len(w.Buckets) == 0 { // a sign-in at a provider leaves no device
		return v.entered(b)
	}
	return v.remember(v.entered(b))
}

// reopen reads the token of a sign-in that waited, unless the person was signed out
// everywhere meanwhile.
func (v *request) reopen(ctx context.Context, w *waiting) error {
	if v.auth.parse(&v.reopened, w.Token, v.auth.opts.Now()) != nil {
		return errWaiting
	}
	if v.auth.ending.revoked == nil {
		return nil
	}
	ended, err := v.auth.ending.revoked.EndedNow(ctx, v.reopened.revocable())
	if err == nil && ended {
		err = errWaiting
	}
	return err
}

// resume makes the session of a sign-in that waited. It began with the first factor, so
// that it ends with what signs the person out after that; not by its own takeover of the
// user, however.
func (v *request) resume(ctx context.Context, w *waiting, p SignInParams) (*beginning, error) {
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
	case laterLink, laterLinkSession:
		if w.Later == laterLinkSession && !v.signedInAs(ctx, user.ID) {
			return errNotLinked
		}
		_, err = v.link(ctx, user, p, w.Later == laterLinkSession)
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
