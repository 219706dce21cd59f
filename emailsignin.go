package ginauth

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/ginauth/ginauth/internal/address"
	"github.com/ginauth/ginauth/internal/bulkhead"
	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/errorcode"
	"github.com/ginauth/ginauth/internal/pages"
	"github.com/ginauth/ginauth/internal/verification"
)

const (
	// proofTimeout bounds what one step of a sign-in asks of the Adapter.
	proofTimeout = 10 * time.Second
	// mailTimeout bounds the sending of one mail.
	mailTimeout = 20 * time.Second
	// sentAge is for how long the page that says a mail is on its way names the address.
	sentAge = time.Hour
)

// verification is how addresses are proved, with the Adapter's rows.
func (m *emailMethod) verification(v *request) *verification.Method {
	return &verification.Method{
		Provider: v.provider.id, Code: m.Code, BindBrowser: m.BindBrowser, MaxAge: m.MaxAge,
		Hash: v.auth.keys.verification, Keyring: v.auth.keys.mail, Now: v.auth.opts.Now,
		Store: func(ctx context.Context, row verification.Row) error {
			return v.auth.adapt(ctx, func(ctx context.Context) error {
				return v.auth.opts.Adapter.CreateVerificationToken(ctx, VerificationToken(row))
			})
		},
		Use: func(ctx context.Context, identifier, hash string) (verification.Row, error) {
			row, err := bulkhead.Do(ctx, v.auth.calls.adapter, func(ctx context.Context) (VerificationToken, error) {
				return v.auth.opts.Adapter.UseVerificationToken(ctx, identifier, hash)
			})
			return verification.Row(row), err
		},
		NotFound: ErrNotFound,
	}
}

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
	v.keep(v.names.Sent, note{Kind: sentNote, Provider: v.provider.id, Email: to, Again: v.field("again") == "true"}, min(m.MaxAge, sentAge))
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

// mail sends a proof and waits until it is sent, as next-auth does: otherwise the
// person could not be told that it was not.
func (m *emailMethod) mail(v *request, to string, p verification.Proof) error {
	letter := Mail{To: to, From: m.From, Code: p.Code, Expires: p.Expires}
	if p.Token != "" {
		letter.URL = v.redirectURI() + "?callbackUrl=" + url.QueryEscape(v.callbackURL) +
			"&token=" + p.Token + "&email=" + url.QueryEscape(to)
	}
	v.secrets = append(v.secrets, p.Token, p.Code)
	words, err := v.pages().Mail(pages.Mail{Site: v.base.Host(), Email: to, URL: letter.URL, Code: letter.Code, Address: v.base.Host(), Again: v.proving})
	if err != nil {
		return err
	}
	letter.Subject, letter.Text, letter.HTML = words.Subject, words.Text, words.HTML
	ctx, cancel := v.detached(mailTimeout)
	defer cancel()
	_, err = bulkhead.Wait(ctx, v.auth.calls.mail, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, m.Send(ctx, letter)
	})
	return err
}

// detached is a context that goes on when the browser leaves: a sign-in that stops
// half done, with its token spent, would help nobody.
func (v *request) detached(limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(v.c.Request.Context()), limit)
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
