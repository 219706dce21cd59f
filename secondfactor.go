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
	f.addAll("Factors.OTP", errors.Join(err, noRoom))
	a.factors = secondFactors{store, room, trusted, setups}
}

func (v *request) secondURL(page string) string { return v.base.URL + "/second-factor/" + page }

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
func (v *request) formPage() string {
	page := map[string]string{"passkey": "code", "remove": "list", "codes": "list"}[v.segment]
	return cmp.Or(page, v.segment, "code")
}

// secondFactor serves the pages of second factors, and what their forms send.
func (v *request) secondFactor() {
	post, name := v.method == http.MethodPost, cmp.Or(v.segment, "code")
	if post && !v.proven() {
		v.unproven("second-factor/" + v.formPage())
		return
	}
	v.second = post
	switch page, known := secondPages[v.method+" "+name]; {
	case !known:
		refuse(v.c, http.StatusNotFound, "Error: There is no such page")
	case v.segment == "" && !post:
		v.redirect(http.StatusOK, v.secondURL(name))
	case page.waiting != nil:
		v.withWaiting(page.waiting)
	default:
		v.withSession(page.session)
	}
}

// codeMethod is the method whose code the page asks for.
func (v *request) codeMethod() FactorMethod {
	if strings.HasSuffix(v.segment, "recovery") {
		return FactorRecovery
	}
	return FactorOTP
}

// askSecond shows the page of a sign-in that waits: for a code, or for setting up an app.
func (v *request) askSecond(ctx context.Context, w *waiting, r *factor.Record) {
	if r.Enrolled() {
		v.codePage(r, v.secondPasskey(ctx, w.User.ID))
	} else {
		v.enrolPage(ctx, w.User, w.ID, w.Later == laterVerify, nil)
	}
}

// codePage asks for a code.
func (v *request) codePage(r *factor.Record, passkey pages.SecondPasskey) {
	p := pages.CodePage(v.base.URL, v.segment, v.callbackURL, v.auth.opts.Factors.TrustDevice)
	p.Site, p.CSRFToken, p.Passkey = v.base.Host(), v.csrfToken, passkey
	p.Off, p.Wrong = r.OTP.Off(), v.c.Query("error") == errorcode.FactorCode
	v.pages().SecondFactor(v.c.Writer, http.StatusOK, p)
}

// finishByCode finishes the sign-in of a person who typed a code.
func (v *request) finishByCode(ctx context.Context, w *waiting, _ *factor.Record) {
	method := v.codeMethod()
	if v.codeRight(ctx, w.User.ID, w, method) {
		v.leave(v.finishBy(ctx, w, factor.Proof{Method: string(method)}, method == FactorOTP && v.field("trust") == "true"))
	}
}

// codeRight reports whether the code that was typed is right, and answers where it is
// not.
func (v *request) codeRight(ctx context.Context, userID string, w *waiting, method FactorMethod) bool {
	right, err := v.tryFactor(ctx, userID, w, method)
	var tooMany rateLimited
	switch {
	case errors.As(err, &tooMany):
		v.limited(tooMany.wait)
	case err != nil:
		v.notWaiting(err)
	case !right:
		v.wrongSecond(errWrongFactor, errorcode.FactorCode)
	}
	return right
}

// wrongSecond leads to a page of second factors once more.
func (v *request) wrongSecond(err error, code string) {
	v.tellRefused("the second factor", err, code)
	v.leave(outcome{location: withQuery(v.secondURL(v.formPage()), "error", code), status: http.StatusUnauthorized})
}

// secondPasskey is how somebody whose sign-in waits gives a passkey in place of a code.
func (v *request) secondPasskey(ctx context.Context, userID string) pages.SecondPasskey {
	if list, _ := v.auth.listPasskeys(ctx, userID); len(list) == 0 { // where they cannot be read, the codes go on
		return pages.SecondPasskey{}
	}
	return pages.SecondPasskey{
		Action: v.secondURL("passkey"), Script: v.passkeyScriptURL(), Wrong: v.c.Query("error") == errorcode.PasskeySignin,
	}
}

// withSession serves the person who is signed in.
func (v *request) withSession(serve func(*request, context.Context, *identity, *factor.Record)) {
	ctx := context.WithoutCancel(v.c.Request.Context())
	id, err := v.signedInUser(ctx)
	var r *factor.Record
	if err == nil {
		r, _, err = v.auth.factorRecord(ctx, id.token.Subject)
	}
	switch {
	case errors.Is(err, errSignedOut):
		v.redirect(http.StatusUnauthorized, v.signInFor(v.secondURL("list")))
	case err != nil:
		v.leave(v.unkeptSession("the second factor", err))
	default:
		private(v.c.Writer.Header())
		serve(v, ctx, id, r)
	}
}

// freshlyProved reports whether the session's person has proved who they are of late, by
// something else than what they want to change. Where not, it leads to the page on which
// they can, and back.
func (v *request) freshlyProved(id *identity, except FactorMethod) bool {
	others := factor.Except(except)
	if v.auth.hasFactor(id, freshProof, others) {
		return true
	}
	v.redirect(http.StatusUnauthorized, withQuery(factorURL(v.base, others), "callbackUrl", v.secondURL(v.formPage())))
	return false
}

// listPage shows what second factors the person has.
func (v *request) listPage(_ context.Context, _ *identity, r *factor.Record) {
	v.pages().TwoStep(v.c.Writer, pages.TwoStep{
		Site: v.base.Host(), CSRFToken: v.csrfToken, Left: len(r.Recovery), Since: r.Since(), Off: r.Enrolled() && r.OTP.Off(),
		AddURL: v.secondURL("add"), CodesURL: v.secondURL("codes"), RemoveURL: v.secondURL("remove"),
	})
}

// askAgain asks the person who is signed in for a code.
func (v *request) askAgain(_ context.Context, _ *identity, r *factor.Record) {
	if r.Enrolled() {
		v.codePage(r, pages.SecondPasskey{})
	} else {
		v.redirect(http.StatusOK, v.secondURL("list"))
	}
}

// confirmFactor adds a proof to the session of a person who typed a code.
func (v *request) confirmFactor(ctx context.Context, id *identity, _ *factor.Record) {
	method := v.codeMethod()
	if !v.codeRight(ctx, id.token.Subject, nil, method) {
		return
	}
	if err := v.addProof(id, method); err != nil {
		v.leave(v.unkeptSession("keeping the session", err))
		return
	}
	v.redirect(http.StatusOK, v.callbackURL)
}

// addProof writes a proof by a second factor into the session.
func (v *request) addProof(id *identity, method FactorMethod) error {
	id, err := v.auth.rewrite(v.c, id, v.base, v.found(), func(id *identity) error {
		v.auth.addFactor(&id.token, factor.Proof{Method: string(method), At: v.auth.opts.Now()})
		return nil
	})
	if err == nil {
		id.finish()
	}
	return err
}

// addPage shows a new key to the person who is signed in.
func (v *request) addPage(ctx context.Context, id *identity, _ *factor.Record) {
	if v.freshlyProved(id, FactorOTP) {
		v.enrolPage(ctx, *id.user, id.token.sessionID(), false, nil)
	}
}

// addOTP sets up an authenticator app for the person who is signed in, in place of
// another one that they may have.
func (v *request) addOTP(ctx context.Context, id *identity, _ *factor.Record) {
	if !v.freshlyProved(id, FactorOTP) {
		return
	}
	user := *id.user
	secret, step, right := v.typedSetup(user.ID, id.token.sessionID())
	switch {
	case secret == nil:
		v.leave(v.refused("setting up a second factor", errSetup, http.StatusUnauthorized, errorcode.FactorExpired))
		return
	case !right:
		v.enrolPage(ctx, user, id.token.sessionID(), false, secret)
		return
	}
	codes, hashes := factor.NewRecovery(user.ID)
	add := func(r *factor.Record) { r.AddOTP(secret, step, hashes, v.auth.opts.Now()) }
	if !v.changeOwn(ctx, id, FactorOTP, FactorAdded, add) {
		return
	}
	if err := v.addProof(id, FactorOTP); err != nil { // the app is set up, and nothing shows its codes again
		v.auth.opts.Logger.Warn("ginauth: the session does not have the factor that was set up in it", "error", redact.Error(err))
	}
	v.handOver(codes, v.callbackURL)
}

// removeOTP takes the authenticator app of the person who is signed in away.
func (v *request) removeOTP(ctx context.Context, id *identity, _ *factor.Record) {
	if v.freshlyProved(id, FactorOTP) && v.changeOwn(ctx, id, FactorOTP, FactorRemoved, (*factor.Record).RemoveOTP) {
		v.redirect(http.StatusOK, v.secondURL("list"))
	}
}

// newCodes makes other recovery codes for the person who is signed in.
func (v *request) newCodes(ctx context.Context, id *identity, r *factor.Record) {
	if !r.Enrolled() {
		v.redirect(http.StatusOK, v.secondURL("list"))
		return
	}
	codes, hashes := factor.NewRecovery(id.token.Subject)
	replace := func(r *factor.Record) { r.ReplaceRecovery(hashes) }
	if v.freshlyProved(id, FactorRecovery) && v.changeOwn(ctx, id, FactorRecovery, FactorNewCodes, replace) {
		v.handOver(codes, v.secondURL("list"))
	}
}

// changeOwn changes the second factors of the person who is signed in, and tells them.
func (v *request) changeOwn(ctx context.Context, id *identity, method FactorMethod, change FactorChange, by func(*factor.Record)) bool {
	if err := v.auth.changeFactors(ctx, id.token.Subject, func(r *factor.Record) error { by(r); return nil }); err != nil {
		v.leave(v.unkeptSession("the second factor", err))
		return false
	}
	v.tellFactor(ctx, id.token.Subject, method, change)
	return true
}

// handOver shows recovery codes, which nothing shows again.
func (v *request) handOver(codes []string, location string) {
	if v.wantsJSON() {
		v.json(http.StatusOK, map[string]any{"url": location, "recoveryCodes": codes})
		return
	}
	v.pages().Codes(v.c.Writer, pages.Codes{Site: v.base.Host(), Codes: codes, URL: location})
}

// enrolPage shows a new key, or the one of a form whose code was wrong.
func (v *request) enrolPage(ctx context.Context, user User, of string, proves bool, again []byte) {
	if err := v.showKey(ctx, user, of, proves, again); err != nil {
		v.leave(v.unkeptSession("the second factor", err))
	}
}

// showKey shows none where the address is not proved and its owner could claim the user:
// the second factor of somebody who never proved it would keep the owner out.
func (v *request) showKey(ctx context.Context, user User, of string, proves bool, again []byte) error {
	known, err := v.auth.userByID(ctx, user.ID)
	if err != nil {
		return err
	}
	p := pages.EnrolPage(v.base.URL, v.segment, v.callbackURL)
	p.Site, p.CSRFToken, p.Wrong = v.base.Host(), v.csrfToken, again != nil
	if p.Required { // a sign-in waits
		p.Passkey = v.secondPasskey(ctx, user.ID)
	}
	claimable, err := v.auth.claimable(ctx, known)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if proves || !claimable {
		if again != nil {
			status = http.StatusUnauthorized
		}
		form := v.auth.factors.setups.New(known.ID, of, again, v.base.Host(), cmp.Or(known.Email, known.Name), v.auth.opts.Now())
		p.Setup, p.Key, p.Size, p.Path = form.Sealed, form.Key, form.Size, form.Path
	}
	v.pages().Enrol(v.c.Writer, status, p)
	return nil
}

// typedSetup is the key of a form, and the step of its code. right says that the code is
// the key's; where not, the form is shown again. The key is nil for another's form.
func (v *request) typedSetup(userID, of string) (secret []byte, step int64, right bool) {
	v.secrets = append(v.secrets, v.field("code"), v.field("setup"))
	return v.auth.factors.setups.Open(userID, of, v.field("setup"), v.field("code"), v.auth.opts.Now())
}
