package ginauth

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/errorcode"
	"github.com/ginauth/ginauth/internal/factor"
	"github.com/ginauth/ginauth/internal/pages"
	"github.com/ginauth/ginauth/internal/pending"
	"github.com/ginauth/ginauth/internal/redact"
)

const (
	// freshProof is how old the proof may be by which people change their second factors.
	freshProof = 10 * time.Minute

	errWrongFactor denial = "ginauth: the code of the second factor is not right, or was used before"
	errSetup       denial = "ginauth: the key of the form is not of this person's sign-in, or the form is too old"
)

// FactorOptions say who proves twice who they are.
type FactorOptions struct {
	// OTP lets people enrol one time passwords, and asks those who have for one at each
	// sign-in. It needs an Adapter that is a FactorStore. Default: false.
	OTP bool
	// Required names people who must give a second factor, and enrol one at their next
	// sign-in if they have none. Default: none, those who have enrolled give theirs.
	Required func(c *gin.Context, user User) bool
	// TrustDevice is for how long a browser in which somebody gave their second factor is
	// not asked for it again, such as 30*24*time.Hour. Default: 0, it is asked each time.
	TrustDevice time.Duration
	// Passkeys lets people sign in by passkey, and prove by one who they are. The package
	// passkey makes one: passkey.New(passkey.Config{}). It needs an Adapter that is a
	// PasskeyStore. Default: none, and nothing of WebAuthn is linked.
	Passkeys PasskeyEngine
}

// secondFactors are what asks for a second factor and keeps it. The zero value asks nobody.
type secondFactors struct {
	store   FactorStore   // nil: there are no second factors
	waiting *pending.Room // of the sign-ins that wait
	trusted factor.Trusted
	setups  factor.Setups
}

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
	if a.keys.csrf == nil { // the secrets are a fault already
		return
	}
	all := append([]string{opts.Secret}, opts.PreviousSecrets...)
	trusted, setups, err := factor.Sealed(opts.Cookies.Prefix, o.TrustDevice, all...)
	room, noRoom := pending.New(pending.Settings{
		Prefix: opts.Cookies.Prefix, Secrets: all, MaxValue: maxSealed, MaxCookies: cookie.LargeSession,
		Store: opts.Session.Store, Calls: a.calls.store, Locks: a.shared.locks, Errors: sessionErrors(),
	})
	if err := errors.Join(err, noRoom); err != nil {
		f.addAll("Factors.OTP", err)
	}
	a.factors = secondFactors{store, room, trusted, setups}
}

func (r *request) secondURL(page string) string { return r.base.URL + "/second-factor/" + page }

// A secondPage is a page of second factors, or what one of their forms asks for: for a
// sign-in of this browser that waits, or for the person who is signed in.
type secondPage struct {
	waiting func(*request, context.Context, *waiting, *factor.Record)
	session func(*request, context.Context, *identity, *factor.Record)
}

var secondPages = map[string]secondPage{
	"GET code":              {waiting: (*request).askSecond},
	"GET recovery":          {waiting: (*request).askSecond},
	"GET enrol":             {waiting: (*request).askSecond},
	"GET confirm":           {session: (*request).askAgain},
	"GET confirm-recovery":  {session: (*request).askAgain},
	"GET list":              {session: (*request).listPage},
	"GET add":               {session: (*request).addPage},
	"POST code":             {waiting: (*request).finishByCode},
	"POST recovery":         {waiting: (*request).finishByCode},
	"POST passkey":          {waiting: (*request).finishByPasskey},
	"POST enrol":            {waiting: (*request).enrolWaiting},
	"POST confirm":          {session: (*request).confirmFactor},
	"POST confirm-recovery": {session: (*request).confirmFactor},
	"POST add":              {session: (*request).addOTP},
	"POST remove":           {session: (*request).removeOTP},
	"POST codes":            {session: (*request).newCodes},
}

// formPage is the page of second factors with the form that this request sends.
func (r *request) formPage() string {
	page := map[string]string{"passkey": "code", "remove": "list", "codes": "list"}[r.segment]
	return cmp.Or(page, r.segment, "code")
}

// secondFactor serves the pages of second factors, and what their forms send.
func (r *request) secondFactor() {
	post, name := r.method == http.MethodPost, cmp.Or(r.segment, "code")
	if post && !r.proven() {
		r.csrfRefused("second-factor/" + r.formPage())
		return
	}
	r.second = post
	switch page, known := secondPages[r.method+" "+name]; {
	case !known:
		refuse(r.c, http.StatusNotFound, "Error: There is no such page")
	case r.segment == "" && !post:
		r.redirect(http.StatusOK, r.secondURL(name))
	case page.waiting != nil:
		r.withWaiting(page.waiting)
	default:
		r.withSession(page.session)
	}
}

// codeMethod is the method whose code the page asks for.
func (r *request) codeMethod() FactorMethod {
	if strings.HasSuffix(r.segment, "recovery") {
		return FactorRecovery
	}
	return FactorOTP
}

// askSecond shows the page of a sign-in that waits: for a code, or for setting up an app.
func (r *request) askSecond(ctx context.Context, w *waiting, record *factor.Record) {
	if record.Enrolled() {
		r.codePage(record, r.secondPasskey(ctx, w.User.ID))
	} else {
		r.enrolPage(ctx, w.User, w.ID, w.Later == laterVerify, nil)
	}
}

// codePage asks for a code.
func (r *request) codePage(record *factor.Record, passkey pages.SecondPasskey) {
	p := pages.CodePage(r.base.URL, r.segment, r.callbackURL, r.auth.opts.Factors.TrustDevice)
	p.Site, p.CSRFToken, p.Passkey = r.base.Host(), r.csrfToken, passkey
	p.Off, p.Wrong = record.OTP.Off(), r.c.Query("error") == errorcode.FactorCode
	r.pages().SecondFactor(r.c.Writer, http.StatusOK, p)
}

// finishByCode finishes the sign-in of a person who typed a code.
func (r *request) finishByCode(ctx context.Context, w *waiting, _ *factor.Record) {
	method := r.codeMethod()
	if r.codeRight(ctx, w.User.ID, w, method) {
		r.leave(r.finishBy(ctx, w, factor.Proof{Method: string(method)}, r.trusted(method, w.Epoch)))
	}
}

// codeRight reports whether the code that was typed is right, and answers where it is
// not.
func (r *request) codeRight(ctx context.Context, userID string, w *waiting, method FactorMethod) bool {
	right, err := r.tryFactor(ctx, userID, w, method)
	var tooMany rateLimited
	switch {
	case errors.As(err, &tooMany):
		r.limited(tooMany.wait)
	case err != nil:
		r.notWaiting(err)
	case !right:
		r.wrongSecond(errWrongFactor, errorcode.FactorCode)
	}
	return right
}

// wrongSecond leads to a page of second factors once more.
func (r *request) wrongSecond(err error, code string) {
	r.tellRefused("the second factor", err, code)
	r.leave(outcome{location: withQuery(r.secondURL(r.formPage()), "error", code), status: http.StatusUnauthorized})
}

// secondPasskey is how somebody whose sign-in waits gives a passkey in place of a code.
func (r *request) secondPasskey(ctx context.Context, userID string) pages.SecondPasskey {
	if list, _ := r.auth.listPasskeys(ctx, userID); len(list) == 0 { // where they cannot be read, the codes go on
		return pages.SecondPasskey{}
	}
	return pages.SecondPasskey{
		Action: r.secondURL("passkey"), Script: r.passkeyScriptURL(), Wrong: r.c.Query("error") == errorcode.PasskeySignin,
	}
}

// withSession serves the person who is signed in.
func (r *request) withSession(serve func(*request, context.Context, *identity, *factor.Record)) {
	ctx := context.WithoutCancel(r.c.Request.Context())
	id, err := r.signedInUser(ctx)
	var record *factor.Record
	if err == nil && id.user == nil { // the second factors are those of the Adapter's users
		err = errSignedOut
	}
	if err == nil {
		record, _, err = r.auth.factorRecord(ctx, id.token.Subject)
	}
	if err != nil {
		r.secondFault(err)
		return
	}
	private(r.c.Writer.Header())
	serve(r, ctx, id, record)
}

// freshlyProved reports whether the session's person has proved who they are of late, by
// something else than what they want to change. Where not, it leads to the page on which
// they can, and back.
func (r *request) freshlyProved(id *identity, except FactorMethod) bool {
	others := factor.Except(except)
	if r.auth.hasFactor(id, freshProof, others) {
		return true
	}
	r.redirect(http.StatusUnauthorized, withQuery(factorURL(r.base, others), "callbackUrl", r.secondURL(r.formPage())))
	return false
}

// listPage shows what second factors the person has.
func (r *request) listPage(_ context.Context, _ *identity, record *factor.Record) {
	r.pages().TwoStep(r.c.Writer, pages.TwoStep{
		Site: r.base.Host(), CSRFToken: r.csrfToken, Left: len(record.Recovery), Since: record.Since(), Off: record.Enrolled() && record.OTP.Off(),
		AddURL: r.secondURL("add"), CodesURL: r.secondURL("codes"), RemoveURL: r.secondURL("remove"),
	})
}

// askAgain asks the person who is signed in for a code.
func (r *request) askAgain(_ context.Context, _ *identity, record *factor.Record) {
	if record.Enrolled() {
		r.codePage(record, pages.SecondPasskey{})
	} else {
		r.redirect(http.StatusOK, r.secondURL("list"))
	}
}

// confirmFactor adds a proof to the session of a person who typed a code.
func (r *request) confirmFactor(ctx context.Context, id *identity, _ *factor.Record) {
	method := r.codeMethod()
	if !r.codeRight(ctx, id.token.Subject, nil, method) {
		return
	}
	if err := r.addProof(id, method); err != nil {
		r.leave(r.sessionFault("keeping the session", err))
		return
	}
	r.redirect(http.StatusOK, r.callbackURL)
}

// addProof writes a proof by a second factor into the session.
func (r *request) addProof(id *identity, method FactorMethod) error {
	id, err := r.auth.rewrite(r.c, id, r.base, r.found(), func(id *identity) error {
		r.auth.addFactor(&id.token, factor.Proof{Method: string(method), At: r.auth.opts.Now()})
		return nil
	})
	if err == nil {
		id.finish()
	}
	return err
}

// addPage shows a new key to the person who is signed in.
func (r *request) addPage(ctx context.Context, id *identity, _ *factor.Record) {
	if r.freshlyProved(id, FactorOTP) {
		r.enrolPage(ctx, *id.user, id.token.sessionID(), false, nil)
	}
}

// addOTP sets up an authenticator app for the person who is signed in, in place of
// another one that they may have.
func (r *request) addOTP(ctx context.Context, id *identity, _ *factor.Record) {
	if !r.freshlyProved(id, FactorOTP) {
		return
	}
	user := *id.user
	secret, step, right := r.typedSetup(user.ID, id.token.sessionID())
	switch {
	case secret == nil:
		r.leave(r.refused("setting up a second factor", errSetup, http.StatusUnauthorized, errorcode.FactorExpired))
		return
	case !right:
		r.enrolPage(ctx, user, id.token.sessionID(), false, secret)
		return
	}
	codes, hashes := factor.NewRecovery(user.ID)
	add := func(record *factor.Record) { record.AddOTP(secret, step, hashes, r.auth.opts.Now()) }
	if !r.changeOwn(ctx, id, FactorOTP, FactorAdded, add) {
		return
	}
	if err := r.addProof(id, FactorOTP); err != nil { // the app is set up, and nothing shows its codes again
		r.auth.opts.Logger.Warn("ginauth: the session does not have the factor that was set up in it", "error", redact.Error(err))
	}
	r.handOver(codes, r.callbackURL)
}

// removeOTP takes the authenticator app of the person who is signed in away.
func (r *request) removeOTP(ctx context.Context, id *identity, _ *factor.Record) {
	if r.freshlyProved(id, FactorOTP) && r.changeOwn(ctx, id, FactorOTP, FactorRemoved, (*factor.Record).RemoveOTP) {
		r.redirect(http.StatusOK, r.secondURL("list"))
	}
}

// newCodes makes other recovery codes for the person who is signed in.
func (r *request) newCodes(ctx context.Context, id *identity, record *factor.Record) {
	if !record.Enrolled() {
		r.redirect(http.StatusOK, r.secondURL("list"))
		return
	}
	codes, hashes := factor.NewRecovery(id.token.Subject)
	replace := func(record *factor.Record) { record.ReplaceRecovery(hashes) }
	if r.freshlyProved(id, FactorRecovery) && r.changeOwn(ctx, id, FactorRecovery, FactorNewCodes, replace) {
		r.handOver(codes, r.secondURL("list"))
	}
}

// changeOwn changes the second factors of the person who is signed in, and tells them.
func (r *request) changeOwn(ctx context.Context, id *identity, method FactorMethod, change FactorChange, by func(*factor.Record)) bool {
	if err := r.changeWhileSignedIn(ctx, id.token.Subject, by); err != nil {
		r.secondFault(err)
		return false
	}
	r.tellFactor(ctx, id.token.Subject, method, change)
	return true
}

// handOver shows recovery codes, which nothing shows again.
func (r *request) handOver(codes []string, location string) {
	if r.wantsJSON() {
		r.json(http.StatusOK, map[string]any{"url": location, "recoveryCodes": codes})
		return
	}
	r.pages().Codes(r.c.Writer, pages.Codes{Site: r.base.Host(), Codes: codes, URL: location})
}

// enrolPage shows a new key, or the one of a form whose code was wrong.
func (r *request) enrolPage(ctx context.Context, user User, of string, proves bool, again []byte) {
	if err := r.showKey(ctx, user, of, proves, again); err != nil {
		r.leave(r.sessionFault("the second factor", err))
	}
}

// showKey shows none where the address is not proved and its owner could claim the user:
// the second factor of somebody who never proved it would keep the owner out.
func (r *request) showKey(ctx context.Context, user User, of string, proves bool, again []byte) error {
	known, err := r.auth.userByID(ctx, user.ID)
	if err != nil {
		return err
	}
	p := pages.EnrolPage(r.base.URL, r.segment, r.callbackURL)
	p.Site, p.CSRFToken, p.Wrong = r.base.Host(), r.csrfToken, again != nil
	if p.Required { // a sign-in waits
		p.Passkey = r.secondPasskey(ctx, user.ID)
	}
	claimable, err := r.auth.claimable(ctx, known)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if proves || !claimable {
		if again != nil {
			status = http.StatusUnauthorized
		}
		form := r.auth.factors.setups.New(known.ID, of, again, r.base.Host(), cmp.Or(known.Email, known.Name), r.auth.opts.Now())
		p.Setup, p.Key, p.Size, p.Path = form.Sealed, form.Key, form.Size, form.Path
	}
	r.pages().Enrol(r.c.Writer, status, p)
	return nil
}

// typedSetup is the key of a form, and the step of its code. right says that the code is
// the key's; where not, the form is shown again. The key is nil for another's form.
func (r *request) typedSetup(userID, of string) (secret []byte, step int64, right bool) {
	r.secrets = append(r.secrets, r.field("code"), r.field("setup"))
	return r.auth.factors.setups.Open(userID, of, r.field("setup"), r.field("code"), r.auth.opts.Now())
}
