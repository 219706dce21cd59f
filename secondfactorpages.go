package ginauth

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/ginauth/ginauth/internal/errorcode"
	"github.com/ginauth/ginauth/internal/factor"
	"github.com/ginauth/ginauth/internal/otp"
	"github.com/ginauth/ginauth/internal/pages"
	"github.com/ginauth/ginauth/internal/redact"
)

// freshProof is how old the proof may be by which people change their second factors.
const freshProof = 10 * time.Minute

var (
	errWrongFactor denial = "ginauth: the code of the second factor is not right, or was used before"
	errSetup       denial = "ginauth: the key of the form is not of this person's sign-in, or the form is too old"
)

func (v *request) secondURL(page string) string { return v.base.URL + "/second-factor/" + page }

// getSecondFactor shows the pages of second factors.
func (v *request) getSecondFactor() {
	switch v.segment {
	case "":
		v.redirect(http.StatusFound, v.secondURL("code"))
	case "code", "recovery", "enrol":
		v.withWaiting(func(ctx context.Context, w *waiting, r *factor.Record) {
			if r.Enrolled() {
				v.codePage(r.OTP.Off(), v.secondPasskey(ctx, w))
			} else {
				v.enrolPage(ctx, w.User, w.ID, w.Later == laterVerify, nil)
			}
		})
	case "confirm", "confirm-recovery":
		v.withSession(func(ctx context.Context, id *identity, r *factor.Record) {
			if !r.Enrolled() {
				v.redirect(http.StatusFound, v.secondURL("list"))
				return
			}
			v.codePage(r.OTP.Off(), pages.SecondPasskey{})
		})
	case "list":
		v.withSession(func(_ context.Context, _ *identity, r *factor.Record) { v.listPage(r) })
	case "add":
		v.withSession(func(ctx context.Context, id *identity, _ *factor.Record) {
			if v.freshlyProved(id, FactorOTP) {
				v.enrolPage(ctx, *id.user, id.token.sessionID(), false, nil)
			}
		})
	default:
		refuse(v.c, http.StatusNotFound, "Error: There is no such page")
	}
}

// postSecondFactor takes what the forms of these pages send.
func (v *request) postSecondFactor() {
	if !v.proven() {
		v.unproven("second-factor/" + cmp.Or(v.segment, "code"))
		return
	}
	v.second = true
	switch v.segment {
	case "", "code":
		v.withWaiting(func(ctx context.Context, w *waiting, _ *factor.Record) { v.finishByCode(ctx, w, FactorOTP) })
	case "recovery":
		v.withWaiting(func(ctx context.Context, w *waiting, _ *factor.Record) { v.finishByCode(ctx, w, FactorRecovery) })
	case "passkey":
		v.withWaiting(v.finishByPasskey)
	case "enrol":
		v.withWaiting(v.enrolWaiting)
	case "confirm":
		v.withSession(func(ctx context.Context, id *identity, _ *factor.Record) { v.confirmFactor(ctx, id, FactorOTP) })
	case "confirm-recovery":
		v.withSession(func(ctx context.Context, id *identity, _ *factor.Record) { v.confirmFactor(ctx, id, FactorRecovery) })
	case "add":
		v.withSession(v.addOTP)
	case "remove":
		v.withSession(v.removeOTP)
	case "codes":
		v.withSession(v.newCodes)
	default:
		refuse(v.c, http.StatusNotFound, "Error: There is no such page")
	}
}

// withWaiting serves the sign-in of this browser that waits. Where there is none, or the
// user's factors have changed since it began, it leads back to the beginning.
func (v *request) withWaiting(serve func(context.Context, *waiting, *factor.Record)) {
	ctx, cancel := v.detached(proofTimeout)
	defer cancel()
	w, value, err := v.findWaiting(ctx)
	var r *factor.Record
	if err == nil {
		v.provider = v.auth.provider(w.Provider)
		if w.Provider == appID {
			v.provider = &provider{id: appID}
		}
		v.who, v.handle = &w.User, value
		if r, _, err = v.auth.factorRecord(ctx, w.User.ID); err == nil && (r.Epoch != w.Epoch || v.provider == nil) {
			err = errWaiting
		}
		if err == nil {
			err = v.reopen(ctx, w)
		}
	}
	if err != nil {
		v.notWaiting(err)
		return
	}
	private(v.c.Writer.Header())
	serve(ctx, w, r)
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

// withSession serves the person who is signed in.
func (v *request) withSession(serve func(context.Context, *identity, *factor.Record)) {
	ctx, cancel := v.detached(proofTimeout)
	defer cancel()
	id, err := v.openNow(ctx)
	if err == nil {
		err = v.auth.lookUp(ctx, id)
	}
	var r *factor.Record
	if err == nil {
		r, _, err = v.auth.factorRecord(ctx, id.token.Subject)
	}
	switch {
	case errors.Is(err, errSignedOut):
		v.redirect(http.StatusUnauthorized, withQuery(v.base.URL+"/signin", "callbackUrl", v.secondURL("list")))
	case err != nil:
		v.leave(v.unkeptSession("the second factor", err))
	default:
		private(v.c.Writer.Header())
		serve(ctx, id, r)
	}
}

// codePage asks for a code.
func (v *request) codePage(off bool, passkey pages.SecondPasskey) {
	p := pages.SecondFactor{
		Passkey: passkey,
		Site:    v.base.Host(), CSRFToken: v.csrfToken, Off: off, Wrong: v.c.Query("error") == errorcode.FactorCode,
	}
	other := map[string]string{"code": "recovery", "recovery": "code", "confirm": "confirm-recovery", "confirm-recovery": "confirm"}
	page := v.segment
	if other[page] == "" {
		page = "code"
	}
	p.Action, p.Other, p.Recovery = v.secondURL(page), v.secondURL(other[page]), page == "recovery" || page == "confirm-recovery"
	if page == "code" || page == "recovery" {
		p.SignInURL, p.Trust = v.base.URL+"/signin", v.auth.opts.Factors.TrustDevice
	} else {
		p.CallbackURL = v.callbackURL
	}
	v.pages().SecondFactor(v.c.Writer, http.StatusOK, p)
}

// wrongCode leads to the page for the code once more.
func (v *request) wrongCode() {
	v.tellRefused("the second factor", errWrongFactor, errorcode.FactorCode)
	v.leave(outcome{location: withQuery(v.secondURL(cmp.Or(v.segment, "code")), "error", errorcode.FactorCode), status: http.StatusUnauthorized})
}

// finishByCode finishes the sign-in of a person who typed a code.
func (v *request) finishByCode(ctx context.Context, w *waiting, method FactorMethod) {
	right, err := v.tryFactor(ctx, w.User.ID, w, method)
	if !v.decided(right, err) {
		return
	}
	result := v.finish(w, factor.Proof{Method: string(method), At: v.auth.opts.Now()})
	v.finishWaiting(ctx, w, result, method == FactorOTP && v.field("trust") == "true")
	v.leave(result)
}

// confirmFactor adds a proof to the session of a person who typed a code.
func (v *request) confirmFactor(ctx context.Context, id *identity, method FactorMethod) {
	right, err := v.tryFactor(ctx, id.token.Subject, nil, method)
	if !v.decided(right, err) {
		return
	}
	if v.addProof(id, method) {
		v.redirect(http.StatusOK, v.callbackURL)
	}
}

// addProof writes a proof into the session.
func (v *request) addProof(id *identity, method FactorMethod) bool {
	id, err := v.auth.rewrite(v.c, id, v.base, v.found(), func(id *identity) error {
		v.auth.addFactor(&id.token, factor.Proof{Method: string(method), At: v.auth.opts.Now()})
		return nil
	})
	if err != nil {
		v.leave(v.unkeptSession("keeping the session", err))
	} else {
		id.finish()
	}
	return err == nil
}

// decided answers a code that was not right, and reports whether it was.
func (v *request) decided(right bool, err error) bool {
	var tooMany rateLimited
	switch {
	case errors.As(err, &tooMany):
		v.limited(tooMany.wait)
	case err != nil:
		v.notWaiting(err)
	case !right:
		v.wrongCode()
	}
	return err == nil && right
}

// finishWaiting takes away what is left of a sign-in that waited.
func (v *request) finishWaiting(ctx context.Context, w *waiting, result outcome, trust bool) {
	v.putWaiting("")
	err := v.auth.factors.waiting.Remove(ctx, v.handle)
	if err == nil && trust && result.session != "" && v.auth.opts.Factors.TrustDevice > 0 {
		err = v.trust(ctx, w.User.ID)
	}
	if err != nil { // the sign-in is spent, and the browser will be asked again
		v.auth.opts.Logger.Warn("ginauth: what is left of a sign-in with two factors was not kept or deleted", "error", redact.Error(err, v.handle))
	}
}

// A setup is a key that somebody is setting up, as the form brings it back. It is theirs,
// and of this sign-in or session, alone.
type setup struct {
	User    string `json:"user"`
	Of      string `json:"of"` // the ID of a sign-in that waits, or a session's name
	Secret  []byte `json:"secret"`
	Expires int64  `json:"expires"`
}

// enrolPage shows a new key, or the one of a form whose code was wrong.
func (v *request) enrolPage(ctx context.Context, user User, of string, proves bool, again []byte) {
	if err := v.showKey(ctx, user, of, proves, again); err != nil {
		v.leave(v.unkept(err, false))
	}
}

// showKey shows none where the address is not proved and its owner could claim the user:
// the second factor of somebody who never proved it would keep the owner out.
func (v *request) showKey(ctx context.Context, user User, of string, proves bool, again []byte) error {
	known, err := v.auth.userByID(ctx, user.ID)
	if err != nil {
		return err
	}
	p := pages.Enrol{Site: v.base.Host(), CSRFToken: v.csrfToken, Action: v.secondURL("add"), CallbackURL: v.callbackURL, Wrong: again != nil}
	if v.segment != "add" {
		p.Action, p.CallbackURL, p.Required, p.SignInURL = v.secondURL("enrol"), "", true, v.base.URL+"/signin"
		p.Passkey = v.secondPasskey(ctx, &waiting{User: user})
	}
	claimable, err := v.auth.claimable(ctx, known)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if proves || !claimable {
		s := setup{known.ID, of, again, v.auth.opts.Now().Add(waitingAge).Unix()}
		if again == nil {
			s.Secret = otp.NewSecret()
		} else {
			status = http.StatusUnauthorized
		}
		payload, err := json.Marshal(s)
		if err != nil {
			return err
		}
		picture, err := otp.QR(otp.URI(s.Secret, v.base.Host(), cmp.Or(known.Email, known.Name)))
		if err != nil {
			return err
		}
		p.Setup, p.Key, p.Size, p.Path = v.auth.factors.setup.Seal(payload), otp.Text(s.Secret), picture.Size, picture.Path
	}
	v.pages().Enrol(v.c.Writer, status, p)
	return nil
}

// confirmed is the key of a form, and the step of its code. wrong says that the code was
// not right; the form is then shown again.
func (v *request) confirmed(userID, of string) (secret []byte, step int64, wrong bool, err error) {
	typed := v.field("code")
	v.secrets = append(v.secrets, typed, v.field("setup"))
	var s setup
	payload, _, err := v.auth.factors.setup.Open(v.field("setup"))
	if err != nil || json.Unmarshal(payload, &s) != nil || s.User != userID || s.Of != of || v.auth.opts.Now().Unix() >= s.Expires {
		return nil, 0, false, errSetup
	}
	step, ok := otp.Verify(s.Secret, typed, v.auth.opts.Now(), 0)
	return s.Secret, step, !ok, nil
}

// enrolWaiting sets up the second factor of a person who must have one, and finishes
// their sign-in.
func (v *request) enrolWaiting(ctx context.Context, w *waiting, _ *factor.Record) {
	secret, step, wrong, err := v.confirmed(w.User.ID, w.ID)
	switch {
	case err != nil:
		v.notWaiting(err)
		return
	case wrong:
		v.enrolPage(ctx, w.User, w.ID, w.Later == laterVerify, secret)
		return
	}
	codes, hashes := factor.NewRecovery(w.User.ID)
	now := v.auth.opts.Now()
	err = v.auth.changeFactors(ctx, w.User.ID, func(r *factor.Record) error {
		if r.Epoch != w.Epoch || r.Enrolled() || !r.Spend(w.ID, time.Unix(w.Expires, 0), now) {
			return errWaiting
		}
		r.AddOTP(secret, step, hashes, now)
		return nil
	})
	if err != nil {
		v.notWaiting(err)
		return
	}
	result := v.finish(w, factor.Proof{Method: string(FactorOTP), At: now})
	v.finishWaiting(ctx, w, result, v.field("trust") == "true")
	v.tellFactor(ctx, w.User.ID, FactorOTP, FactorAdded)
	if result.session == "" {
		v.leave(result)
		return
	}
	v.putSession(result.session, result.expires)
	v.handOver(codes, result.location)
}

// handOver shows recovery codes, which nothing shows again.
func (v *request) handOver(codes []string, location string) {
	private(v.c.Writer.Header())
	if v.wantsJSON() {
		v.json(http.StatusOK, map[string]any{"url": location, "recoveryCodes": codes})
		return
	}
	v.pages().Codes(v.c.Writer, pages.Codes{Site: v.base.Host(), Codes: codes, URL: location})
}

// addOTP sets up an authenticator app for the person who is signed in, in place of
// another one that they may have.
func (v *request) addOTP(ctx context.Context, id *identity, _ *factor.Record) {
	if !v.freshlyProved(id, FactorOTP) {
		return
	}
	user := *id.user
	secret, step, wrong, err := v.confirmed(user.ID, id.token.sessionID())
	switch {
	case err != nil:
		v.leave(v.refused("setting up a second factor", err, http.StatusUnauthorized, errorcode.FactorExpired))
		return
	case wrong:
		v.enrolPage(ctx, user, id.token.sessionID(), false, secret)
		return
	}
	codes, hashes := factor.NewRecovery(user.ID)
	changed := v.changeOwn(ctx, id, FactorOTP, FactorAdded, func(r *factor.Record) error {
		r.AddOTP(secret, step, hashes, v.auth.opts.Now())
		return nil
	})
	if changed && v.addProof(id, FactorOTP) {
		v.handOver(codes, v.callbackURL)
	}
}

// removeOTP takes the authenticator app of the person who is signed in away.
func (v *request) removeOTP(ctx context.Context, id *identity, _ *factor.Record) {
	if !v.freshlyProved(id, FactorOTP) {
		return
	}
	if v.changeOwn(ctx, id, FactorOTP, FactorRemoved, func(r *factor.Record) error { r.RemoveOTP(); return nil }) {
		v.redirect(http.StatusOK, v.secondURL("list"))
	}
}

// newCodes makes other recovery codes for the person who is signed in.
func (v *request) newCodes(ctx context.Context, id *identity, r *factor.Record) {
	if !r.Enrolled() {
		v.redirect(http.StatusOK, v.secondURL("list"))
		return
	}
	if !v.freshlyProved(id, FactorRecovery) {
		return
	}
	codes, hashes := factor.NewRecovery(id.token.Subject)
	changed := v.changeOwn(ctx, id, FactorRecovery, FactorNewCodes, func(r *factor.Record) error {
		r.Recovery = hashes
		r.Change()
		return nil
	})
	if changed {
		v.handOver(codes, v.secondURL("list"))
	}
}

// changeOwn changes the second factors of the person who is signed in, and tells them.
func (v *request) changeOwn(ctx context.Context, id *identity, method FactorMethod, change FactorChange, by func(*factor.Record) error) bool {
	if err := v.auth.changeFactors(ctx, id.token.Subject, by); err != nil {
		v.leave(v.unkept(err, false))
		return false
	}
	v.tellFactor(ctx, id.token.Subject, method, change)
	return true
}

// offersCode reports whether the session's person can give a code of a second factor, and
// it is one of the wanted factors.
func (v *request) offersCode(ctx context.Context, id *identity, wanted []FactorMethod) (bool, error) {
	if v.auth.factors.store == nil || !wants(wanted, FactorOTP) && !wants(wanted, FactorRecovery) {
		return false, nil
	}
	r, _, err := v.auth.factorRecord(ctx, id.token.Subject)
	return err == nil && r.Enrolled(), err
}

// confirmURL is the page on which they give it.
func (v *request) confirmURL(wanted []FactorMethod) string {
	page := "confirm"
	if !wants(wanted, FactorOTP) {
		page = "confirm-recovery"
	}
	return withQuery(v.secondURL(page), "callbackUrl", v.callbackURL)
}

// listPage shows what second factors the person has.
func (v *request) listPage(r *factor.Record) {
	p := pages.TwoStep{
		Site: v.base.Host(), CSRFToken: v.csrfToken, Left: len(r.Recovery),
		AddURL: v.secondURL("add"), CodesURL: v.secondURL("codes"), RemoveURL: v.secondURL("remove"),
	}
	if r.OTP != nil {
		p.Since, p.Off = time.Unix(r.OTP.Added, 0), r.OTP.Off()
	}
	v.pages().TwoStep(v.c.Writer, p)
}

// freshlyProved reports whether the session's person has proved who they are of late, by
// something else than what they want to change. Where not, it leads to the page on which
// they can, and back.
func (v *request) freshlyProved(id *identity, except FactorMethod) bool {
	others := slices.DeleteFunc(slices.Clone(factorMethods), func(m FactorMethod) bool { return m == except })
	if v.auth.hasFactor(id, freshProof, others) {
		return true
	}
	back := v.segment
	if v.method == http.MethodPost && back != "add" {
		back = "list"
	}
	v.redirect(http.StatusUnauthorized, withQuery(factorURL(v.base, others), "callbackUrl", v.secondURL(back)))
	return false
}
