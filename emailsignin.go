package ginauth

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/ginauth/ginauth/internal/address"
	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/errorcode"
	"github.com/ginauth/ginauth/internal/factor"
	"github.com/ginauth/ginauth/internal/pages"
	"github.com/ginauth/ginauth/internal/refusal"
	"github.com/ginauth/ginauth/internal/verification"
)

// begin sends a mail to the address that was typed. The answer and the
// work are the same whether or not a user has this address: only a reader of its mail
// learns which.
func (m *emailMethod) begin(r *request) {
	if !r.startAllowed(m.mailbox(r.field("email"))) {
		return
	}
	result, err := m.sendProof(r)
	if err != nil {
		result = r.refused("the sign-in mail", err, http.StatusOK, errorcode.EmailSignin)
	}
	r.leave(result)
}

func (m *emailMethod) sendProof(r *request) (outcome, error) {
	typed, ok := r.body["email"].(string) // two of them are none
	if !ok {
		return outcome{}, address.ErrInvalid
	}
	r.secrets = append(r.secrets, typed)
	to, err := m.address(typed)
	if err != nil {
		return outcome{}, err
	}
	r.secrets = append(r.secrets, to)
	ctx, cancel := r.detached(proofTimeout)
	defer cancel()
	user, _, err := r.mailUser(ctx, to)
	if errors.Is(err, errOtherUser) { // said when the mail is used: now it would tell who has an address like it
		user, err = User{Email: to}, nil
	}
	if err != nil {
		return outcome{}, err
	}
	if signIn := r.auth.opts.Callbacks.SignIn; signIn != nil {
		p := SignInParams{User: &user, Account: r.mailAccount(to), VerificationRequest: true, Lifetime: &Lifetime{}}
		r.who = p.User
		if err := signIn(r.c, p); err != nil {
			result := r.callbackRefusal(err)
			result.status = http.StatusOK // as next-auth answers here
			return result, nil
		}
	}
	return m.mailProof(ctx, r, m.verification(r), to)
}

// mailProof sends a proof of an address, and leads to where it is waited for.
func (m *emailMethod) mailProof(ctx context.Context, r *request, method *verification.Method, to string) (outcome, error) {
	proof, err := method.Begin(ctx, to)
	if err != nil {
		return outcome{}, err
	}
	if err := m.mail(r, to, proof); err != nil {
		ctx, cancel := r.detached(proofTimeout)
		defer cancel()
		return outcome{}, errors.Join(err, method.Withdraw(ctx, proof))
	}
	if sealed := method.Seal(proof); sealed != "" { // it is bound to this browser, in place of the one before
		attributes := r.attributes()
		attributes.MaxAge = method.MaxAge
		r.setCookie(cookie.Line(r.mailCookie(), sealed, attributes))
	}
	r.keep(r.names.Sent, refusal.Note{Kind: sentNote, Provider: r.provider.id, Email: to, Again: r.field("again") == "true"}, min(m.MaxAge, sentAge))
	return outcome{location: r.verifyURL(), status: http.StatusOK}, nil
}

// mailCookie keeps the mail that this browser asked for: to sign in, or for a proof of
// somebody who is signed in.
func (r *request) mailCookie() string {
	if r.proving {
		return r.names.FactorMail
	}
	return r.names.Mail
}

// prove mails a code to the person of a session, or takes it. It is a code whatever
// Email.Code says: a link may open in another browser, where the session is not.
func (m *emailMethod) prove(r *request, id *identity) {
	method := m.verification(r)
	method.Code, method.BindBrowser, method.MaxAge = true, false, defaultCodeAge
	method.Provider += " " + id.token.sessionID() // so that it is no proof for a sign-in, nor in another session
	if _, typed := r.body["code"]; typed {
		m.takeCode(r, id, method)
		return
	}
	to := id.user.Email
	if !r.startAllowed(m.mailbox(to)) {
		return
	}
	ctx, cancel := r.detached(proofTimeout)
	defer cancel()
	r.secrets = append(r.secrets, to)
	result, err := m.mailProof(ctx, r, method, to)
	if err != nil {
		result = r.refused("the mail with the code", err, http.StatusOK, errorcode.EmailSignin)
	}
	r.leave(result)
}

// takeCode takes the code that somebody who is signed in has typed.
func (m *emailMethod) takeCode(r *request, id *identity, method *verification.Method) {
	ctx, cancel := r.detached(proofTimeout)
	defer cancel()
	pending, result := m.tryCode(ctx, r, method)
	if result.location != "" {
		r.leave(result)
		return
	}
	account := *r.mailAccount(pending.Email)
	r.prove(id, account, r.proof(FactorMail, account.ProviderAccountID))
}

// verifyURL says that a mail is on its way.
func (r *request) verifyURL() string {
	if r.proving {
		return withQuery(factorURL(r.base, r.wantedFactors()), "provider", r.provider.id)
	}
	return r.base.URL + "/verify-request?provider=" + url.QueryEscape(r.provider.id) + "&type=email"
}

// callback takes what the mail brought: a link that is followed, its page's
// button, or a code.
func (m *emailMethod) callback(r *request) {
	switch {
	case r.method != http.MethodPost && m.Code: // there is no link
		r.redirect(http.StatusOK, r.verifyURL())
	case r.method != http.MethodPost:
		m.confirmLink(r, r.c.Request.URL.Query())
	case !r.proven():
		r.csrfRefused("signin")
	case m.Code:
		r.leave(m.spendCode(r))
	default:
		r.leave(m.spendLink(r))
	}
}

// confirmLink shows the page of a link. It asks the Adapter nothing: looking at a
// link must not use it up, and tells nobody whether it is one.
func (m *emailMethod) confirmLink(r *request, query url.Values) {
	if query.Get("token") == "" {
		r.tellRefused("the link", errWrongLink, errorcode.Verification)
		r.leave(r.errorOutcome(http.StatusOK, "configuration")) // as next-auth says it
		return
	}
	to, p, ok := m.readLink(r, query["email"], query["token"])
	if !ok {
		m.noticeLink(r)
		r.leave(r.refused("the link", errWrongLink, http.StatusOK, errorcode.Verification))
		return
	}
	r.pages().Confirm(r.c.Writer, pages.Confirm{
		Site: r.base.Host(), Action: r.redirectURI(), CSRFToken: r.csrfToken, CallbackURL: r.callbackURL,
		Email: to, Token: p.Token,
	})
}

// readLink reads a link's parameters: each stands once, and the address has the form
// that mail was sent to. A link that is bound to a browser needs that browser.
func (m *emailMethod) readLink(r *request, emails, tokens []string) (to string, p verification.Proof, ok bool) {
	if len(emails) != 1 || len(tokens) != 1 {
		return "", p, false
	}
	to, err := address.Parse(emails[0])
	if err != nil {
		return "", p, false
	}
	var pending verification.Pending
	if m.BindBrowser {
		pending, _ = r.pending()
	}
	p, ok = m.verification(r).Link(to, tokens[0], pending)
	return to, p, ok
}

// pending is the mail that this browser asked for last.
func (r *request) pending() (last verification.Pending, ok bool) {
	return verification.Open(r.auth.keys.mail, cookie.Values(r.c.Request.Header["Cookie"], r.mailCookie()))
}

// spendLink signs in the person who pressed the button on a link's page.
func (m *emailMethod) spendLink(r *request) outcome {
	emails, _ := r.body["email"].(string)
	tokens, _ := r.body["token"].(string)
	r.secrets = append(r.secrets, tokens, emails)
	to, p, ok := m.readLink(r, []string{emails}, []string{tokens})
	if !ok {
		m.noticeLink(r)
		return r.refused("the link", errWrongLink, http.StatusOK, errorcode.Verification)
	}
	ctx, cancel := r.detached(proofTimeout)
	defer cancel()
	ok, err := m.verification(r).SpendLink(ctx, p)
	if err != nil {
		return r.refused("checking the link", err, http.StatusInternalServerError, errorcode.Callback)
	}
	if !ok {
		return r.refused("the link", errWrongLink, http.StatusOK, errorcode.Verification)
	}
	return r.admitMailbox(ctx, to, m.mailbox(to))
}

// noticeLink tells a person whose link is bound to a browser that it is not this one.
func (m *emailMethod) noticeLink(r *request) {
	if _, known := r.pending(); m.BindBrowser && !known {
		r.notice(errorcode.LinkLost)
	}
}

// spendCode signs in the person who typed the code.
func (m *emailMethod) spendCode(r *request) outcome {
	ctx, cancel := r.detached(proofTimeout)
	defer cancel()
	pending, result := m.tryCode(ctx, r, m.verification(r))
	if result.location != "" {
		return result
	}
	return r.admitMailbox(ctx, pending.Email, m.mailbox(pending.Email))
}

// tryCode takes a code that was typed. result is where it leads if it is not the one; else
// pending is the mail that it was in.
func (m *emailMethod) tryCode(ctx context.Context, r *request, method *verification.Method) (pending verification.Pending, result outcome) {
	pending, ok := r.pending()
	if !ok || pending.Code == "" {
		if !r.proving { // whose page says it all
			r.notice(errorcode.CodeLost)
		}
		return pending, r.refused("the code", errWrongCode, http.StatusUnauthorized, errorcode.VerificationCode)
	}
	r.secrets = append(r.secrets, pending.Code, pending.Email)
	tried, err := method.TryCode(ctx, pending, r.field("code"))
	if err != nil {
		return pending, r.refused("checking the code", err, http.StatusInternalServerError, errorcode.Callback)
	}
	switch tried {
	case verification.Accepted:
		r.setCookie(cookie.Deletion(r.mailCookie(), r.attributes()))
		return pending, outcome{}
	case verification.Again:
		return pending, r.tryAgain()
	}
	return pending, r.refused("the code", errWrongCode, http.StatusUnauthorized, errorcode.VerificationCode)
}

// tryAgain shows the page for the code once more.
func (r *request) tryAgain() outcome {
	r.tellRefused("the code", errWrongCode, errorcode.VerificationCode)
	return outcome{location: r.verifyURL() + "&error=" + errorcode.VerificationCode, status: http.StatusUnauthorized}
}

// mailUser is the user with an e-mail address: the Adapter's, or a new one, who has no
// ID yet.
func (r *request) mailUser(ctx context.Context, to string) (user User, known bool, err error) {
	user, err = r.auth.userByEmail(ctx, to)
	if errors.Is(err, ErrNotFound) {
		return User{Email: to}, false, nil
	}
	return user, err == nil, err
}

// mailAccount is the account of a person who reads the mail to an address. It is
// linked to no user: the address itself is.
func (r *request) mailAccount(to string) *Account {
	return &Account{Provider: r.provider.id, Type: emailType, ProviderAccountID: to}
}

// admitEmail signs in a person who proved to read the mail to an address.
func (r *request) admitEmail(ctx context.Context, to string) outcome {
	user, known, err := r.mailUser(ctx, to)
	closing := false
	if err == nil && known {
		r.who = &user
		closing, err = r.mayClaim(ctx, user)
	}
	if err != nil {
		return r.userFault(err, false)
	}
	r.proofs = []factor.Proof{r.proof(FactorMail, to)}
	account := r.mailAccount(to)
	account.EmailVerified = true
	shown := user // the callback may change it, but not whose row is written
	p := SignInParams{User: &shown, Account: account}
	if result, refused := r.decide(p); refused {
		return result
	}
	var kept User
	isNew := !known
	if known {
		kept, err = r.keepVerified(ctx, user, closing)
	} else {
		kept, isNew, err = r.createVerified(ctx, to, shown)
	}
	if err != nil {
		return r.userFault(err, isNew)
	}
	kept.Values = shown.Values
	p.User, r.way = &kept, *r.mailAccount(to)
	return r.startSession(p, isNew)
}

// userFault is what a user who cannot be found or kept leads to.
func (r *request) userFault(err error, isNew bool) outcome {
	status, code := http.StatusInternalServerError, errorcode.Callback
	switch {
	case errors.Is(err, errUnproved), errors.Is(err, errOtherUser):
		status, code = http.StatusOK, errorcode.OAuthAccountNotLinked
	case isNew:
		status, code = http.StatusOK, errorcode.EmailCreateAccount
	}
	return r.refused("keeping the user", err, status, code)
}

// createVerified stores a new user, whose address was proved. isNew is also said of one
// who could not be created.
func (r *request) createVerified(ctx context.Context, to string, shown User) (kept User, isNew bool, err error) {
	fresh := User{Name: shown.Name, Email: to, Image: shown.Image, EmailVerified: r.auth.opts.Now()}
	kept, err = r.auth.storeUser(ctx, fresh, nil)
	if errors.Is(err, ErrExists) { // a second link of the same person was followed at once, or they registered
		user, err := r.auth.userByEmail(ctx, to)
		if err != nil {
			return User{}, false, err
		}
		closing, err := r.mayClaim(ctx, user)
		if err != nil {
			return User{}, false, err
		}
		kept, err = r.keepVerified(ctx, user, closing)
		return kept, false, err
	}
	if err != nil {
		return User{}, true, err
	}
	if event := r.auth.opts.Events.CreateUser; event != nil {
		event(r.c, UserEvent{User: &kept})
	}
	return kept, true, nil
}
