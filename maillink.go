package ginauth

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/ginauth/ginauth/internal/address"
	"github.com/ginauth/ginauth/internal/bulkhead"
	"github.com/ginauth/ginauth/internal/errorcode"
	"github.com/ginauth/ginauth/internal/pages"
	"github.com/ginauth/ginauth/internal/token"
)

const (
	// proofTimeout bounds what one step of a sign-in asks of the Adapter.
	proofTimeout = 10 * time.Second
	// mailTimeout bounds the sending of one mail.
	mailTimeout = 20 * time.Second
	// maxLinkToken is longer, in bytes, than any token of ours.
	maxLinkToken = 64
)

// beginEmail sends a mail to the address that somebody typed. The answer and the
// work are the same whether or not anybody has this address here: who does not read
// its mail learns nothing.
func (v *visit) beginEmail() {
	result, err := v.sendProof()
	if err != nil {
		v.refused("the sign-in mail", err)
		result = v.failed(http.StatusOK, "EmailSignin")
	}
	v.leave(result)
}

func (v *visit) sendProof() (outcome, error) {
	typed, ok := v.body["email"].(string) // two of them are none
	if !ok {
		return outcome{}, address.ErrInvalid
	}
	v.typed = append(v.typed, typed)
	to, err := v.provider.email.address(typed)
	if err != nil {
		return outcome{}, err
	}
	v.typed = append(v.typed, to)
	ctx, cancel := v.lasting(proofTimeout)
	defer cancel()
	user, _, err := v.mailUser(ctx, to)
	if errors.Is(err, errOtherUser) { // said when the mail is used: now it would tell who has an address like it
		user, err = User{Email: to}, nil
	}
	if err != nil {
		return outcome{}, err
	}
	if signIn := v.opts.Callbacks.SignIn; signIn != nil {
		p := SignInParams{User: &user, Account: v.mailAccount(to), VerificationRequest: true}
		if err := signIn(v.c, p); err != nil {
			result := v.denied(err)
			result.status = http.StatusOK // as next-auth answers here
			return result, nil
		}
	}
	proof, row := v.newProof(to)
	if err := v.storeProof(ctx, row); err != nil {
		return outcome{}, err
	}
	if err := v.mail(to, proof, row.Expires); err != nil {
		// Nobody has what the row is checked against.
		ctx, cancel := v.lasting(proofTimeout)
		defer cancel()
		_, undo := v.useProof(ctx, row.Identifier, row.Hash)
		return outcome{}, errors.Join(err, undo)
	}
	v.keepAsked(proof, to, row.Expires)
	return outcome{location: v.verifyURL(), status: http.StatusOK}, nil
}

// verifyURL says that a mail is on its way.
func (v *visit) verifyURL() string {
	return v.base.URL + "/verify-request?provider=" + url.QueryEscape(v.provider.id) + "&type=email"
}

// A proof is what a person who reads the mail knows, and the browser that asked for
// the mail.
type proof struct {
	token string // of a link
	code  string // in place of the link
	nonce string // the browser's, empty for a link that works in any
}

// newProof makes a proof and the row that it is checked against.
func (v *visit) newProof(to string) (proof, VerificationToken) {
	email := v.provider.email
	row := VerificationToken{Identifier: to, Expires: v.opts.Now().Add(email.MaxAge)}
	var p proof
	if email.Code || email.BindBrowser {
		p.nonce = token.Random()
	}
	if email.Code {
		p.code = token.RandomCode()
		row.Hash = v.codeHashes(to, p.nonce, 1)[0]
		return p, row
	}
	p.token = token.Random()
	row.Hash = v.linkHashes(to, p)[0]
	return p, row
}

// linkHashes are what a link may be kept under, with the current secret and those
// before it. All that the link is good for is in it: no row serves another address,
// provider or browser.
func (v *visit) linkHashes(to string, p proof) []string {
	return v.proofs.Sums("link", v.provider.id, to, p.nonce, p.token)
}

// mail sends a proof and waits until it is sent, as next-auth does: only so can the
// person be told that it was not.
func (v *visit) mail(to string, p proof, expires time.Time) error {
	m := Mail{To: to, From: v.provider.email.From, Code: p.code, Expires: expires}
	if p.token != "" {
		m.URL = v.redirectURI() + "?callbackUrl=" + url.QueryEscape(v.callbackURL) +
			"&token=" + p.token + "&email=" + url.QueryEscape(to)
	}
	v.typed = append(v.typed, p.token, p.code)
	letter, err := v.pages.Mail(pages.Mail{Site: v.base.Host(), Email: to, URL: m.URL, Code: m.Code})
	if err != nil {
		return err
	}
	m.Subject, m.Text, m.HTML = letter.Subject, letter.Text, letter.HTML
	ctx, cancel := v.lasting(mailTimeout)
	defer cancel()
	_, err = bulkhead.Wait(ctx, v.mailCalls, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, v.provider.email.Send(ctx, m)
	})
	return err
}

// lasting is a context that goes on when the browser leaves: what is half done, with
// a token that is spent, would help nobody.
func (v *visit) lasting(limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(v.c.Request.Context()), limit)
}

// emailCallback takes what the mail brought: a link that is followed, its page's
// button, or a code.
func (v *visit) emailCallback() {
	switch {
	case v.c.Request.Method != http.MethodPost && v.provider.email.Code: // there is no link
		v.redirect(http.StatusOK, v.verifyURL())
	case v.c.Request.Method != http.MethodPost:
		v.confirmLink(v.c.Request.URL.Query())
	case !v.csrfVerified:
		v.unproven("signin")
	case v.provider.email.Code:
		v.leave(v.spendCode())
	default:
		v.leave(v.spendLink())
	}
}

// confirmLink shows the page of a link. It asks the Adapter nothing: looking at a
// link must not use it up, and tells nobody whether it is one.
func (v *visit) confirmLink(query url.Values) {
	if query.Get("token") == "" {
		v.fail(http.StatusOK, "configuration") // as next-auth says it
		return
	}
	to, p, ok := v.readLink(query["email"], query["token"])
	if !ok {
		v.noticeLink()
		v.fail(http.StatusOK, "Verification")
		return
	}
	v.pages.Confirm(v.c.Writer, pages.Confirm{
		Site: v.base.Host(), Action: v.redirectURI(), CSRFToken: v.csrfToken, CallbackURL: v.callbackURL,
		Email: to, Token: p.token,
	})
}

// readLink reads a link's parameters: each stands once, and the address has the form
// that mail was sent to. A link that is bound to a browser needs that browser.
func (v *visit) readLink(emails, tokens []string) (to string, p proof, ok bool) {
	if len(emails) != 1 || len(tokens) != 1 || tokens[0] == "" || len(tokens[0]) > maxLinkToken {
		return "", proof{}, false
	}
	to, err := address.Parse(emails[0])
	if err != nil {
		return "", proof{}, false
	}
	p.token = tokens[0]
	if v.provider.email.BindBrowser {
		asked, known := v.asked()
		if !known || asked.Email != to {
			return "", proof{}, false
		}
		p.nonce = asked.Nonce
	}
	return to, p, true
}

// spendLink signs in whoever pressed the button on a link's page.
func (v *visit) spendLink() outcome {
	emails, _ := v.body["email"].(string)
	tokens, _ := v.body["token"].(string)
	v.typed = append(v.typed, tokens, emails)
	to, p, ok := v.readLink([]string{emails}, []string{tokens})
	if !ok {
		v.noticeLink()
		return v.failed(http.StatusOK, "Verification")
	}
	ctx, cancel := v.lasting(proofTimeout)
	defer cancel()
	ok, err := v.spend(ctx, to, v.linkHashes(to, p))
	if err != nil {
		v.refused("checking the link", err)
		return v.failed(http.StatusInternalServerError, "Callback")
	}
	if !ok {
		return v.failed(http.StatusOK, "Verification")
	}
	return v.rememberMail(v.admitEmail(ctx, to), to)
}

// noticeLink says of a link that is bound to a browser that it is not this one.
func (v *visit) noticeLink() {
	if _, known := v.asked(); v.provider.email.BindBrowser && !known {
		v.notice(errorcode.LinkLost)
	}
}

// storeProof and useProof ask the Adapter, no longer than it may take.
func (v *visit) storeProof(ctx context.Context, row VerificationToken) error {
	return v.adapt(ctx, func(ctx context.Context) error { return v.opts.Adapter.CreateVerificationToken(ctx, row) })
}

func (v *visit) useProof(ctx context.Context, to, hash string) (VerificationToken, error) {
	return bulkhead.Do(ctx, v.adapterCalls, func(ctx context.Context) (VerificationToken, error) {
		return v.opts.Adapter.UseVerificationToken(ctx, to, hash)
	})
}

// spend uses up the row that stands under one of the hashes, and reports whether it
// is good. What the adapter returns is looked at again: a database may compare texts
// by rules of its own.
func (v *visit) spend(ctx context.Context, to string, hashes []string) (bool, error) {
	for _, hash := range hashes {
		row, err := v.useProof(ctx, to, hash)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return false, err
		}
		return row.Identifier == to && token.Equal(row.Hash, hash) && v.opts.Now().Before(row.Expires), nil
	}
	return false, nil
}
