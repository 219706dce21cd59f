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
func (m *emailMethod) begin(v *request) {
	if !v.startAllowed(m.mailbox(v.field("email"))) {
		return
	}
	result, err := m.sendProof(v)
	if err != nil {
		result = v.refused("the sign-in mail", err, http.StatusOK, errorcode.EmailSignin)
	}
	v.leave(result)
}

func (m *emailMethod) sendProof(v *request) (outcome, error) {
	typed, ok := v.body["email"].(string) // two of them are none
	if !ok {
		return outcome{}, address.ErrInvalid
	}
	v.secrets = append(v.secrets, typed)
	to, err := m.address(typed)
	if err != nil {
		return outcome{}, err
	}
	v.secrets = append(v.secrets, to)
	ctx, cancel := v.detached(proofTimeout)
	defer cancel()
	user, _, err := v.mailUser(ctx, to)
	if errors.Is(err, errOtherUser) { // said when the mail is used: now it would tell who has an address like it
		user, err = User{Email: to}, nil
	}
	if err != nil {
		return outcome{}, err
	}
	if signIn := v.auth.opts.Callbacks.SignIn; signIn != nil {
		p := SignInParams{User: &user, Account: v.mailAccount(to), VerificationRequest: true, Lifetime: &Lifetime{}}
		v.who = p.User
		if err := signIn(v.c, p); err != nil {
			result := v.callbackRefusal(err)
			result.status = http.StatusOK // as next-auth answers here
			return result, nil
		}
	}
	return m.mailProof(ctx, v, m.verification(v), to)
}

// mailProof sends a proof of an address, and leads to where it is waited for.
func (m *emailMethod) mailProof(ctx context.Context, v *request, method *verification.Method, to string) (outcome, error) {
	proof, err := method.Begin(ctx, to)
	if err != nil {
		return outcome{}, err
	}
	if err := m.mail(v, to, proof); err != nil {
		ctx, cancel := v.detached(proofTimeout)
		defer cancel()
		return outcome{}, errors.Join(err, method.Withdraw(ctx, proof))
	}
	if sealed := method.Seal(proof); sealed != "" { // it is bound to this browser, in place of the one before
		attributes := v.attributes()
		attributes.MaxAge = method.MaxAge
		v.setCookie(cookie.Line(v.mailCookie(), sealed, attributes))
	}
	v.keep(v.names.Sent, refusal.Note{Kind: sentNote, Provider: v.provider.id, Email: to, Again: v.field("again") == "true"}, min(m.MaxAge, sentAge))
	return outcome{location: v.verifyURL(), status: http.StatusOK}, nil
}

// mailCookie keeps the mail that this browser asked for: to sign in, or for a proof of
// somebody who is signed in.
func (v *request) mailCookie() string {
	if v.proving {
		return v.names.FactorMail
	}
	return v.names.Mail
}

// prove mails a code to the person of a session, or takes it. It is a code whatever
// Email.Code says: a link may open in another browser, where the session is not.
func (m *emailMethod) prove(v *request, id *identity) {
	method := m.verification(v)
	method.Code, method.BindBrowser, method.MaxAge = true, false, defaultCodeAge
	method.Provider += " " + id.token.sessionID() // so that it is no proof for a sign-in, nor in another session
	if _, typed := v.body["code"]; typed {
		m.takeCode(v, id, method)
		return
	}
	to := id.user.Email
	if !v.startAllowed(m.mailbox(to)) {
		return
	}
	ctx, cancel := v.detached(proofTimeout)
	defer cancel()
	v.secrets = append(v.secrets, to)
	result, err := m.mailProof(ctx, v, method, to)
	if err != nil {
		result = v.refused("the mail with the code", err, http.StatusOK, errorcode.EmailSignin)
	}
	v.leave(result)
}

// takeCode takes the code that somebody who is signed in has typed.
func (m *emailMethod) takeCode(v *request, id *identity, method *verification.Method) {
	ctx, cancel := v.detached(proofTimeout)
	defer cancel()
	pending, result := m.tryCode(ctx, v, method)
	if result.location != "" {
		v.leave(result)
		return
	}
	account := *v.mailAccount(pending.Email)
	v.prove(id, account, v.proof(FactorMail, account.ProviderAccountID))
}

// verifyURL says that a mail is on its way.
func (v *request) verifyURL() string {
	if v.proving {
		return withQuery(factorURL(v.base, v.wantedFactors()), "provider", v.provider.id)
	}
	return v.base.URL + "/verify-request?provider=" + url.QueryEscape(v.provider.id) + "&type=email"
}

// callback takes what the mail brought: a link that is followed, its page's
// button, or a code.
func (m *emailMethod) callback(v *request) {
	switch {
	case v.method != http.MethodPost && m.Code: // there is no link
		v.redirect(http.StatusOK, v.verifyURL())
	case v.method != http.MethodPost:
		m.confirmLink(v, v.c.Request.URL.Query())
	case !v.proven():
		v.unproven("signin")
	case m.Code:
		v.leave(m.spendCode(v))
	default:
		v.leave(m.spendLink(v))
	}
}

// confirmLink shows the page of a link. It asks the Adapter nothing: looking at a
// link must not use it up, and tells nobody whether it is one.
func (m *emailMethod) confirmLink(v *request, query url.Values) {
	if query.Get("token") == "" {
		v.tellRefused("the link", errWrongLink, errorcode.Verification)
		v.leave(v.failed(http.StatusOK, "configuration")) // as next-auth says it
		return
	}
	to, p, ok := m.readLink(v, query["email"], query["token"])
	if !ok {
		m.noticeLink(v)
		v.leave(v.refused("the link", errWrongLink, http.StatusOK, errorcode.Verification))
		return
	}
	v.pages().Confirm(v.c.Writer, pages.Confirm{
		Site: v.base.Host(), Action: v.redirectURI(), CSRFToken: v.csrfToken, CallbackURL: v.callbackURL,
		Email: to, Token: p.Token,
	})
}

// readLink reads a link's parameters: each stands once, and the address has the form
// that mail was sent to. A link that is bound to a browser needs that browser.
func (m *emailMethod) readLink(v *request, emails, tokens []string) (to string, p verification.Proof, ok bool) {
	if len(emails) != 1 || len(tokens) != 1 {
		return "", p, false
	}
	to, err := address.Parse(emails[0])
	if err != nil {
		return "", p, false
	}
	var pending verification.Pending
	if m.BindBrowser {
		pending, _ = v.pending()
	}
	p, ok = m.verification(v).Link(to, tokens[0], pending)
	return to, p, ok
}

// pending is the mail that this browser asked for last.
func (v *request) pending() (last verification.Pending, ok bool) {
	return verification.Open(v.auth.keys.mail, cookie.Values(v.c.Request.Header["Cookie"], v.mailCookie()))
}

// spendLink signs in the person who pressed the button on a link's page.
func (m *emailMethod) spendLink(v *request) outcome {
	emails, _ := v.body["email"].(string)
	tokens, _ := v.body["token"].(string)
	v.secrets = append(v.secrets, tokens, emails)
	to, p, ok := m.readLink(v, []string{emails}, []string{tokens})
	if !ok {
		m.noticeLink(v)
		return v.refused("the link", errWrongLink, http.StatusOK, errorcode.Verification)
	}
	ctx, cancel := v.detached(proofTimeout)
	defer cancel()
	ok, err := m.verification(v).SpendLink(ctx, p)
	if err != nil {
		return v.refused("checking the link", err, http.StatusInternalServerError, errorcode.Callback)
	}
	if !ok {
		return v.refused("the link", errWrongLink, http.StatusOK, errorcode.Verification)
	}
	return v.admitMailbox(ctx, to, m.mailbox(to))
}

// noticeLink tells a person whose link is bound to a browser that it is not this one.
func (m *emailMethod) noticeLink(v *request) {
	if _, known := v.pending(); m.BindBrowser && !known {
		v.notice(errorcode.LinkLost)
	}
}

// spendCode signs in the person who typed the code.
func (m *emailMethod) spendCode(v *request) outcome {
	ctx, cancel := v.detached(proofTimeout)
	defer cancel()
	pending, result := m.tryCode(ctx, v, m.verification(v))
	if result.location != "" {
		return result
	}
	return v.admitMailbox(ctx, pending.Email, m.mailbox(pending.Email))
}

// tryCode takes a code that was typed. result is where it leads if it is not the one; else
// pending is the mail that it was in.
func (m *emailMethod) tryCode(ctx context.Context, v *request, method *verification.Method) (pending verification.Pending, result outcome) {
	pending, ok := v.pending()
	if !ok || pending.Code == "" {
		if !v.proving { // whose page says it all
			v.notice(errorcode.CodeLost)
		}
		return pending, v.refused("the code", errWrongCode, http.StatusUnauthorized, errorcode.VerificationCode)
	}
	v.secrets = append(v.secrets, pending.Code, pending.Email)
	tried, err := method.TryCode(ctx, pending, v.field("code"))
	if err != nil {
		return pending, v.refused("checking the code", err, http.StatusInternalServerError, errorcode.Callback)
	}
	switch tried {
	case verification.Accepted:
		v.setCookie(cookie.Deletion(v.mailCookie(), v.attributes()))
		return pending, outcome{}
	case verification.Again:
		return pending, v.tryAgain()
	}
	return pending, v.refused("the code", errWrongCode, http.StatusUnauthorized, errorcode.VerificationCode)
}

// tryAgain shows the page for the code once more.
func (v *request) tryAgain() outcome {
	v.tellRefused("the code", errWrongCode, errorcode.VerificationCode)
	return outcome{location: v.verifyURL() + "&error=" + errorcode.VerificationCode, status: http.StatusUnauthorized}
}

// mailUser is the user with an e-mail address: the Adapter's, or a new one, who has no
// ID yet.
func (v *request) mailUser(ctx context.Context, to string) (user User, known bool, err error) {
	user, err = v.auth.userByEmail(ctx, to)
	if errors.Is(err, ErrNotFound) {
		return User{Email: to}, false, nil
	}
	return user, err == nil, err
}

// mailAccount is the account of a person who reads the mail to an address. It is
// linked to no user: the address itself is.
func (v *request) mailAccount(to string) *Account {
	return &Account{Provider: v.provider.id, Type: emailType, ProviderAccountID: to}
}

// admitEmail signs in a person who proved to read the mail to an address.
func (v *request) admitEmail(ctx context.Context, to string) outcome {
	user, known, err := v.mailUser(ctx, to)
	closing := false
	if err == nil && known {
		v.who = &user
		closing, err = v.mayClaim(ctx, user)
	}
	if err != nil {
		return v.unkept(err, false)
	}
	v.proofs = []factor.Proof{v.proof(FactorMail, to)}
	account := v.mailAccount(to)
	account.EmailVerified = true
	shown := user // the callback may change it, but not whose row is written
	p := SignInParams{User: &shown, Account: account}
	if result, refused := v.decide(p); refused {
		return result
	}
	var kept User
	isNew := !known
	if known {
		kept, err = v.keepVerified(ctx, user, closing)
	} else {
		kept, isNew, err = v.createVerified(ctx, to, shown)
	}
	if err != nil {
		return v.unkept(err, isNew)
	}
	kept.Values = shown.Values
	p.User, v.way = &kept, *v.mailAccount(to)
	return v.startSession(p, isNew)
}

// unkept is what a user who cannot be found or kept leads to.
func (v *request) unkept(err error, isNew bool) outcome {
	status, code := http.StatusInternalServerError, errorcode.Callback
	switch {
	case errors.Is(err, errUnproved), errors.Is(err, errOtherUser):
		status, code = http.StatusOK, errorcode.OAuthAccountNotLinked
	case isNew:
		status, code = http.StatusOK, errorcode.EmailCreateAccount
	}
	return v.refused("keeping the user", err, status, code)
}

// createVerified stores a new user, whose address was proved. isNew is also said of one
// who could not be created.
func (v *request) createVerified(ctx context.Context, to string, shown User) (kept User, isNew bool, err error) {
	fresh := User{Name: shown.Name, Email: to, Image: shown.Image, EmailVerified: v.auth.opts.Now()}
	kept, err = v.auth.storeUser(ctx, fresh, nil)
	if errors.Is(err, ErrExists) { // a second link of the same person was followed at once, or they registered
		user, err := v.auth.userByEmail(ctx, to)
		if err != nil {
			return User{}, false, err
		}
		closing, err := v.mayClaim(ctx, user)
		if err != nil {
			return User{}, false, err
		}
		kept, err = v.keepVerified(ctx, user, closing)
		return kept, false, err
	}
	if err != nil {
		return User{}, true, err
	}
	if event := v.auth.opts.Events.CreateUser; event != nil {
		event(v.c, UserEvent{User: &kept})
	}
	return kept, true, nil
}
