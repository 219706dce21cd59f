package ginauth

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth/internal/errorcode"
	"github.com/ginauth/ginauth/internal/factor"
	"github.com/ginauth/ginauth/internal/origin"
	"github.com/ginauth/ginauth/internal/pages"
	"github.com/ginauth/ginauth/internal/transaction"
)

// A FactorMethod is a way in which people prove who they are.
type FactorMethod string

// The methods of factors.
const (
	FactorProvider FactorMethod = "provider" // a round trip to an OAuth provider
	FactorPassword FactorMethod = "password" // what Credentials check
	FactorMail     FactorMethod = "mail"     // a link or code in a mail to their address
	FactorOTP      FactorMethod = "otp"      // a one time password of an authenticator app (RFC 6238)
	FactorRecovery FactorMethod = "recovery" // one of the codes that stand in for a lost device
	FactorPasskey  FactorMethod = "passkey"  // a WebAuthn credential
)

// A Factor is one proof of who somebody is. A session has at most one of each method, the
// latest.
type Factor struct {
	Method FactorMethod
	// At is when it was given, in whole seconds. Of a provider whose verified id_token has
	// an auth_time it is that time (OpenID Connect Core §2), and not when the person came
	// back from there.
	At time.Time
}

// ErrFactorRequired says that somebody must give a second factor before they are signed
// in.
var ErrFactorRequired = errors.New("ginauth: a second factor is required")

// RequireFactor is RequireSession for what needs a proof of who somebody is: one of the
// methods, given at most so long ago; within 0 means in this session. Without methods any
// proof will do, so that RequireFactor(5*time.Minute) asks people to prove again who they
// are before they delete their account:
//
//	r.POST("/account/delete", auth.RequireFactor(5*time.Minute), deleteAccount)
//
// It reads the session's token, and not what a callback or another program wrote there.
// Where the proof is missing, a page leads to one of ginauth's on which it can be given,
// and back; a form too, by 303, and that page says that the form has to be sent again;
// htmx gets 401 with HX-Redirect. Anything else gets 401 and JSON, {"error":
// "FactorRequired", "methods": ["otp"], "url": …}, where url is that page, with
// WWW-Authenticate: Bearer error="insufficient_user_authentication" (RFC 9470 §3).
//
// At an OpenID provider people prove again who they are by prompt=login and max_age=0, and
// the factor's time is the id_token's auth_time. A service without id_tokens, such as
// GitHub, or known to have no auth_time in them, as Google, may send them back without a
// question: FactorProvider then proves that their browser has a session there, and no more.
//
// RequireFactor(0) without methods would admit every session that began here. It is a
// fault, like a negative time and an unknown method: the log says so at once, and each
// request gets 500. The log also says where no provider and no option gives one of the methods.
func (a *Auth) RequireFactor(within time.Duration, methods ...FactorMethod) gin.HandlerFunc {
	wanted := slices.Clone(methods)
	if err := factor.CheckGuard(within, wanted); err != nil {
		a.opts.Logger.Error("ginauth: a guard refuses everybody", "error", err)
		return func(c *gin.Context) {
			if base, err := a.site.Hosts.Base(c.Request); err != nil {
				a.abortFault(c, base, readingSession, err)
			} else {
				a.abort(c, base, http.StatusInternalServerError, errorcode.Configuration)
			}
		}
	}
	offered := func(m FactorMethod) bool { return factor.Wants(wanted, m) }
	if methods := a.factorMethods(); len(a.providers) > 0 && !slices.ContainsFunc(methods, offered) {
		a.opts.Logger.Info("ginauth: a guard wants what no provider and no option of this site asks people for; only Auth.SignIn can give it", "wanted", wanted, "offered", methods)
	}
	return a.admit(func(c *gin.Context, id *identity, base origin.Base) bool {
		if a.hasFactor(id, within, wanted) {
			return true
		}
		a.askForFactor(c, id, base, within, wanted)
		return false
	})
}

// hasFactor reports whether a session has one of these factors. That of a BearerFunc has
// none: its token is empty.
func (a *Auth) hasFactor(id *identity, within time.Duration, wanted []FactorMethod) bool {
	now, has, t := a.opts.Now(), false, &id.token
	factor.Each(a.keys.factors, t.Subject, t.sid, t.factors, func(p factor.Proof) {
		has = has || factor.Wants(wanted, FactorMethod(p.Method)) && p.Fresh(now, within, leeway)
	})
	return has
}

// askForFactor answers the request of somebody who has to prove again who they are.
func (a *Auth) askForFactor(c *gin.Context, id *identity, base origin.Base, within time.Duration, wanted []FactorMethod) {
	refuse := func(page string) {
		methods := wanted
		if len(methods) == 0 {
			methods = a.factorMethods()
		}
		c.Abort()
		writeJSON(c, http.StatusUnauthorized, map[string]any{
			"error": errorcode.FactorRequired, "message": errorcode.AbortText(errorcode.FactorRequired), "methods": methods, "url": page,
		})
	}
	a.lead(c, base, id.foreign, factor.Challenge(within), refuse, func(back string, sent bool) string {
		page := factorURL(base, wanted)
		if sent {
			page = withQuery(page, "resend", "true")
		}
		return withQuery(page, "callbackUrl", ownPath(back))
	})
}

// factorURL is the page on which somebody proves again who they are, by one of these
// methods.
func factorURL(base origin.Base, wanted []FactorMethod) string {
	return withMethods(base.URL+"/factor", wanted)
}

func withMethods(page string, wanted []FactorMethod) string {
	if len(wanted) == 0 {
		return page
	}
	return withQuery(page, "methods", factor.Join(wanted))
}

// factorMethods are those that people can use at this site.
func (a *Auth) factorMethods() []FactorMethod {
	methods := []FactorMethod{}
	for _, p := range a.providers {
		if method := p.method.factor(); !slices.Contains(methods, method) {
			methods = append(methods, method)
		}
	}
	if a.factors.store != nil {
		methods = append(methods, FactorOTP, FactorRecovery)
	}
	return methods
}

// proof is a factor that somebody gives now to the provider of this request, with the
// account that they have there.
func (r *request) proof(method FactorMethod, accountID string) factor.Proof {
	return factor.Proof{Method: string(method), At: r.auth.opts.Now(), Provider: r.provider.id, Account: transaction.UserMark(accountID)}
}

// proofs are those that a session's token holds; none where another program made them.
func (a *Auth) proofs(t *Token) []factor.Proof {
	proofs, _ := factor.Read(a.keys.factors, t.Subject, t.sid, t.factors)
	return proofs
}

// factorsOf appends the factors of a session to others.
func (a *Auth) factorsOf(t *Token, factors []Factor) []Factor {
	factor.Each(a.keys.factors, t.Subject, t.sid, t.factors, func(p factor.Proof) {
		factors = append(factors, Factor{FactorMethod(p.Method), p.At})
	})
	return factors
}

// addFactor writes a factor into a session's token, in place of an older one of the same
// method.
func (a *Auth) addFactor(t *Token, p factor.Proof) {
	t.sid = t.sessionID()
	t.factors = factor.Claim(a.keys.factors, t.Subject, t.sid, factor.Add(a.proofs(t), p))
}

// wantedFactors are the methods that the page is asked for; none: any.
func (r *request) wantedFactors() []FactorMethod {
	return factor.Split[FactorMethod](r.c.Query("methods"))
}

// getFactor shows the ways in which the person of a session can prove again who they are.
func (r *request) getFactor() {
	noStore(r.c.Writer.Header())
	id := r.sessionToProve()
	if id == nil {
		return
	}
	ctx := context.WithoutCancel(r.c.Request.Context())
	wanted := r.wantedFactors()
	page := pages.Factor{
		Site: r.base.Host(), CSRFToken: r.csrfToken, CallbackURL: r.callbackURL, Resend: r.c.Query("resend") == "true", Script: r.passkeyScriptURL(),
		SignOutURL: withQuery(r.base.URL+"/signout", "callbackUrl", r.callbackURL),
	}
	if p := r.auth.provider(r.c.Query("provider")); p != nil && p.method.kind() == emailType {
		page.CodeAction, page.Wrong = withMethods(r.base.URL+"/factor/"+p.id, wanted), r.c.Query("error") == errorcode.VerificationCode
	} else if code := r.c.Query("error"); code != "" || r.c.Query("csrf") == "true" {
		page.Error = cmp.Or(r.auth.publicErrors.Known(code), errorcode.ShownAtProof(code))
	}
	may, err := r.mayProve(ctx, id)
	if err != nil {
		r.fault("looking up the user", err)
		return
	}
	able := r.auth.hasFactor(id, freshProof, nil) // to set up what is wanted
	for _, p := range r.auth.providers {
		able = able || may(p)
		if factor.Wants(wanted, p.method.factor()) && may(p) {
			b := p.button(r.base.URL)
			b.Action = withMethods(r.base.URL+"/factor/"+p.id, wanted)
			page.Providers = append(page.Providers, b)
		}
	}
	if page.SecondURL, err = r.confirmURL(ctx, id, wanted); err != nil {
		r.fault("looking up the second factors", err)
		return
	}
	switch {
	case len(page.Providers) > 0:
	case page.SecondURL != "":
		r.redirect(http.StatusOK, page.SecondURL)
		return
	case able && id.user != nil && len(wanted) > 0: // what is set up now is a proof of its own
		if r.auth.factors.store != nil && slices.Contains(wanted, FactorOTP) {
			page.EnrolURL = withQuery(r.secondURL("add"), "callbackUrl", r.callbackURL)
		}
		if r.auth.passkeys() != nil && slices.Contains(wanted, FactorPasskey) {
			page.PasskeysURL = r.passkeysURL()
		}
	}
	r.pages().Factor(r.c.Writer, page)
}

// confirmURL is the page on which the session's person can give a code of a second
// factor, if it is one of the wanted factors; "" if they cannot.
func (r *request) confirmURL(ctx context.Context, id *identity, wanted []FactorMethod) (string, error) {
	page := "confirm"
	if !factor.Wants(wanted, FactorOTP) {
		page = "confirm-recovery"
	}
	if id.user == nil || r.auth.factors.store == nil || !factor.Wants(wanted, FactorOTP) && !factor.Wants(wanted, FactorRecovery) {
		return "", nil
	}
	record, _, err := r.auth.factorRecord(ctx, id.token.Subject)
	if err != nil || !record.Enrolled() {
		return "", err
	}
	return withQuery(r.secondURL(page), "callbackUrl", r.callbackURL), nil
}

// postFactor begins or takes a proof.
func (r *request) postFactor() {
	noStore(r.c.Writer.Header())
	if !r.proven() {
		r.csrfRefused("factor")
		return
	}
	id := r.sessionToProve()
	if id == nil {
		return
	}
	r.proving = true
	if r.provider == nil {
		r.leave(r.refused("proving again", errNoWay, http.StatusOK, errorcode.Default))
		return
	}
	may, err := r.mayProve(context.WithoutCancel(r.c.Request.Context()), id)
	if err == nil && !may(r.provider) {
		err = errOtherAccount
	}
	if err != nil {
		r.leave(r.proofRefused(err))
		return
	}
	r.provider.method.prove(r, id)
}

const (
	errNoWay        denial = "ginauth: the URL names no provider at which somebody could prove who they are"
	errOtherAccount denial = "ginauth: the account is not the one of the session"
	errOtherSession denial = "ginauth: the session is not the one in which the proof began"
)

// sessionToProve is the session whose person is to prove again who they are. Nobody is
// led to the sign-in page, and nil returned.
func (r *request) sessionToProve() *identity {
	ctx := context.WithoutCancel(r.c.Request.Context())
	id, err := r.signedInUser(ctx)
	switch {
	case errors.Is(err, errSignedOut):
		r.redirect(http.StatusUnauthorized, r.signInFor(r.callbackURL))
		return nil
	case err != nil:
		r.fault("reading the session", err)
		return nil
	}
	return id
}

// signedInUser is the session of this browser, with its user.
func (r *request) signedInUser(ctx context.Context) (*identity, error) {
	id, err := r.openNow(ctx)
	if err == nil {
		err = r.auth.lookUp(ctx, id)
	}
	return id, err
}

// mayProve tells at which providers the person of a session can prove who they are: with
// an Adapter by a way into their user, else by the account that the session began with.
func (r *request) mayProve(ctx context.Context, id *identity) (func(*provider) bool, error) {
	// The session of another program may have no name, to which a proof could be bound.
	if id.token.sessionID() == "" {
		return func(*provider) bool { return false }, nil
	}
	if id.user == nil { // no Adapter, or not one of its users
		proofs := r.auth.proofs(&id.token)
		return func(p *provider) bool {
			return factor.At(proofs, string(p.method.factor()), p.id)
		}, nil
	}
	w, err := r.auth.waysInto(ctx, *id.user)
	return func(p *provider) bool {
		kind := p.method.kind()
		return kind == emailType && w.address != "" || kind == passkeyType && len(w.passkeys) > 0 ||
			slices.ContainsFunc(w.accounts, func(a Account) bool { return a.Provider == p.id })
	}, err
}

// sameAccount is an error unless an account is the one by which the session began at this
// provider, or, where it began elsewhere, an account of the session's user. It looks
// accounts up and links none.
func (r *request) sameAccount(ctx context.Context, id *identity, account Account) error {
	var same, other bool
	if account.Type != emailType && account.Type != passkeyType { // else any of the user's
		same, other = factor.Account(r.auth.proofs(&id.token), account.Provider, transaction.UserMark(account.ProviderAccountID))
	}
	switch {
	case other, id.user == nil && !same:
		return errOtherAccount
	case id.user == nil:
		return nil
	}
	w, err := r.auth.waysInto(ctx, *id.user)
	if err == nil && !w.has(account) {
		err = errOtherAccount
	}
	return err
}

// giveFactor writes a proof of an account into the session that it was begun in, and says
// where that leads.
func (r *request) giveFactor(session string, account Account, p factor.Proof) outcome {
	ctx := context.WithoutCancel(r.c.Request.Context())
	id, err := r.openNow(ctx)
	if err == nil && session != proofMark(id) {
		err = errOtherSession
	}
	if err == nil {
		id, err = r.auth.openLatest(ctx, id.value, r.base)
	}
	if err == nil {
		id, err = r.auth.rewrite(r.c, id, r.base, r.found(), func(id *identity) error {
			err := r.auth.lookUp(ctx, id)
			if err == nil {
				err = r.sameAccount(ctx, id, account)
			}
			r.auth.addFactor(&id.token, p)
			return err
		})
	}
	if err != nil {
		return r.proofRefused(err)
	}
	return outcome{location: r.callbackURL, user: id.token.Subject, status: http.StatusOK}
}

// prove ends the request of a proof that was given.
func (r *request) prove(id *identity, account Account, p factor.Proof) {
	r.leave(r.giveFactor(proofMark(id), account, p))
}

// proofMark names a session within a transaction.
func proofMark(id *identity) string { return transaction.UserMark(id.token.sessionID()) }

// proofRefused is what a proof leads to that the session does not get.
func (r *request) proofRefused(err error) outcome {
	r.proving = true
	switch {
	case errors.Is(err, errOtherAccount), errors.Is(err, ErrNotFound):
		return r.refused("proving again", err, http.StatusForbidden, errorcode.OtherAccount)
	case errors.Is(err, errSignedOut), errors.Is(err, errOtherSession):
		return r.refused("proving again", err, http.StatusOK, errorcode.Callback)
	}
	return r.sessionFault("proving again", err)
}
