package ginauth

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ginauth/ginauth/internal/address"
	"github.com/ginauth/ginauth/internal/bulkhead"
	"github.com/ginauth/ginauth/internal/limit"
	"github.com/ginauth/ginauth/internal/mail"
	"github.com/ginauth/ginauth/internal/pages"
	"github.com/ginauth/ginauth/internal/redact"
	"github.com/ginauth/ginauth/internal/verification"
)

const (
	defaultLinkAge = 24 * time.Hour
	defaultCodeAge = 10 * time.Minute
	// proofTimeout bounds what one step of a sign-in asks of the Adapter.
	proofTimeout = 10 * time.Second
	// mailTimeout bounds the sending of one mail.
	mailTimeout = 20 * time.Second
	// sentAge is for how long the page that says a mail is on its way names the address.
	sentAge = time.Hour
)

// Email signs people in by a mail to their address: a person who reads it owns the
// address. It needs Options.Adapter, which keeps the users and the hashes of links and
// codes, and Options.BaseURL or exact TrustedHosts, since a link in a mail must not
// lead to a host that a request chose.
//
// The link leads to a page with one button, since programs that look into mails
// follow links. It works once, for the address it was sent to.
type Email struct {
	// ID stands in the routes, signin/:id and callback/:id. Default: email.
	ID string
	// Name is what people read where there are several forms. Default: Email.
	Name string
	// From is the sender, an address with or without a name, such as
	// Example <no-reply@example.com>. With Send it may be empty.
	From string
	// SMTP is the server that mail is handed to. Default: none, Send does it.
	SMTP SMTP
	// Send sends a mail in place of SMTP, through a mail service's API for
	// instance. It is waited for 20 seconds at the most, and should end with its
	// context. The person reads of its error only that the mail could not be sent.
	Send func(ctx context.Context, m Mail) error
	// MaxAge is for how long a link or code works. Default: 24 hours, with Code 10
	// minutes.
	MaxAge time.Duration
	// Normalize maps the addresses of one person to one, such as those with a tag
	// behind a plus sign, before the check that every address has to pass. Its
	// error refuses the address. Default: none.
	Normalize func(address string) (string, error)
	// Code puts six digits into the mail in place of the link, for people who read
	// their mail on another device. They are typed in the browser that asked for
	// them, and no other; after five wrong ones they are void.
	Code bool
	// BindBrowser lets a link work only in the browser that asked for it, so that
	// nobody is signed in by a link that somebody else asked for. People who read
	// their mail on another device are then shut out.
	BindBrowser bool
}

// SMTP is a server that takes mail in (RFC 5321). The connection is encrypted from
// the start on port 465, and by STARTTLS on any other; only a server on this machine
// may do without. The password never goes over one that is not encrypted.
type SMTP struct {
	Addr     string // host:port, such as smtp.example.com:587
	Username string
	Password string
	// TLS holds what the client trusts, for instance an authority of one's own.
	// Default: the system's authorities.
	TLS *tls.Config
}

// String names the server without the password.
func (s SMTP) String() string {
	text := s.Addr
	if s.Username != "" {
		text = s.Username + ":…@" + text
	}
	return text
}

// GoString is String, for %#v.
func (s SMTP) GoString() string { return s.String() }

// LogValue is String, for slog.
func (s SMTP) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Mail is what Email.Send sends. Text and HTML are two forms of one content, for a
// body of multipart/alternative; an application may write its own around URL or
// Code. Anybody who knows these can sign in: keep them out of logs.
type Mail struct {
	To      string // one plain address, with nothing in it that ends a header
	From    string // Email.From
	Subject string // one line
	Text    string // plain text
	HTML    string
	URL     string // of the link; empty with Email.Code
	Code    string // six digits; empty without Email.Code
	Expires time.Time
}

// String names neither link nor code.
func (m Mail) String() string { return "mail to " + m.To }

// GoString is String, for %#v.
func (m Mail) GoString() string { return m.String() }

// LogValue is String, for slog.
func (m Mail) LogValue() slog.Value { return slog.StringValue(m.String()) }

func (p Email) configure(*http.Client) (*provider, error) {
	if p.ID == "" {
		p.ID = "email"
	}
	if p.Name == "" {
		p.Name = "Email"
	}
	m := (*emailMethod)(&p)
	made := &provider{id: p.ID, name: p.Name, method: m}
	var errs []error
	switch {
	case p.MaxAge == 0 && p.Code:
		p.MaxAge = defaultCodeAge
	case p.MaxAge == 0:
		p.MaxAge = defaultLinkAge
	case p.MaxAge < time.Minute:
		errs = append(errs, errors.New("Email.MaxAge is shorter than mail takes; write a minute or more"))
	}
	if p.Code && p.BindBrowser {
		errs = append(errs, errors.New("a code is bound to its browser in any case; leave Email.BindBrowser out"))
	}
	switch {
	case p.Send != nil && p.SMTP.Addr != "":
		errs = append(errs, errors.New("Email has both Send and SMTP; leave one of them out"))
	case p.Send == nil && p.SMTP.Addr == "":
		errs = append(errs, errors.New("Email has neither SMTP nor Send; write the server that takes the mail in SMTP.Addr, such as smtp.example.com:587"))
	case p.Send == nil:
		sender, err := mail.New(mail.Server{
			Addr: p.SMTP.Addr, Username: p.SMTP.Username, Password: p.SMTP.Password, TLS: p.SMTP.TLS,
		}, p.From)
		if err != nil {
			errs = append(errs, err)
			break
		}
		p.Send = func(ctx context.Context, m Mail) error {
			return sender.Send(ctx, mail.Message{To: m.To, Subject: m.Subject, Text: m.Text, HTML: m.HTML, Date: time.Now()})
		}
	}
	return made, errors.Join(errs...)
}

// emailMethod is a configured Email.
type emailMethod Email

func (m *emailMethod) kind() string         { return emailType }
func (m *emailMethod) factor() FactorMethod { return FactorMail }

func (m *emailMethod) check(opts *Options) error {
	var errs []error
	if opts.Adapter == nil {
		errs = append(errs, errors.New("Options.Adapter is nil; it keeps the users and what the mails are checked against, so set one, such as that of the package gormadapter"))
	}
	// A link in a mail is as good as a password: one request with a forged Host would
	// have it sent to the attacker's site.
	if opts.BaseURL == "" && len(opts.TrustedHosts) == 0 {
		errs = append(errs, errors.New("a link in a mail must not lead to a host that a request chose; write the site's address into BaseURL or NEXTAUTH_URL, for instance https://app.example.com (AUTH_TRUST_HOST is not enough)"))
	}
	for _, host := range opts.TrustedHosts {
		if opts.BaseURL == "" && strings.Contains(host, "*") {
			errs = append(errs, errors.New("TrustedHosts has "+host+", and a link in a mail must not lead to a host that a request chose; write exact hosts, or BaseURL"))
		}
	}
	return errors.Join(errs...)
}

func (m *emailMethod) button(id, url string) pages.Provider {
	return pages.Provider{Code: m.Code, Action: url + "/signin/" + id}
}

func (m *emailMethod) doubts(*slog.Logger, *Options, string, []string) {}

func (m *emailMethod) adapterFailure(err error) (status int, code string) {
	return http.StatusOK, adapterCode(err)
}

// mailbox is what all spellings of an address have in common.
func (m *emailMethod) mailbox(typed string) string {
	if to, err := m.address(typed); err == nil {
		typed = to
	}
	return limit.Mailbox(typed)
}

// address is the one form of an address that somebody typed.
func (m *emailMethod) address(typed string) (string, error) {
	form, err := address.Parse(typed)
	if err != nil || m.Normalize == nil {
		return form, err
	}
	if form, err = m.Normalize(form); err != nil {
		return "", err
	}
	return address.Parse(form)
}

// verification is how addresses are proved, with the Adapter's rows.
func (m *emailMethod) verification(r *request) *verification.Method {
	return &verification.Method{
		Provider: r.provider.id, Code: m.Code, BindBrowser: m.BindBrowser, MaxAge: m.MaxAge,
		Hash: r.auth.keys.verification, Keyring: r.auth.keys.mail, Now: r.auth.opts.Now,
		Store: func(ctx context.Context, row verification.Row) error {
			return r.auth.storeToken(ctx, VerificationToken(row))
		},
		Use: func(ctx context.Context, identifier, hash string) (verification.Row, error) {
			row, err := r.auth.useToken(ctx, identifier, hash)
			return verification.Row(row), err
		},
		NotFound: ErrNotFound,
	}
}

// storeToken and useToken are the Adapter's two calls, for all that is proved once.
func (a *Auth) storeToken(ctx context.Context, t VerificationToken) error {
	return a.adapt(ctx, func(ctx context.Context) error { return a.opts.Adapter.CreateVerificationToken(ctx, t) })
}

func (a *Auth) useToken(ctx context.Context, identifier, hash string) (VerificationToken, error) {
	return bulkhead.Do(ctx, a.calls.adapter, func(ctx context.Context) (VerificationToken, error) {
		return a.opts.Adapter.UseVerificationToken(ctx, identifier, hash)
	})
}

// mail sends a proof and waits until it is sent, as next-auth does: otherwise the
// person could not be told that it was not.
func (m *emailMethod) mail(r *request, to string, p verification.Proof) error {
	letter := Mail{To: to, From: m.From, Code: p.Code, Expires: p.Expires}
	if p.Token != "" {
		letter.URL = r.redirectURI() + "?callbackUrl=" + url.QueryEscape(r.callbackURL) +
			"&token=" + p.Token + "&email=" + url.QueryEscape(to)
	}
	r.secrets = append(r.secrets, p.Token, p.Code)
	words := r.pages().Mail(pages.Mail{Site: r.base.Host(), Email: to, URL: letter.URL, Code: letter.Code, Address: r.base.Host(), Again: r.proving})
	letter.Subject, letter.Text, letter.HTML = words.Subject, words.Text, words.HTML
	return m.send(r, letter)
}

// send sends a mail, and waits until it is sent.
func (m *emailMethod) send(r *request, letter Mail) error {
	ctx, cancel := r.detached(mailTimeout)
	defer cancel()
	_, err := bulkhead.Wait(ctx, r.auth.calls.mail, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, m.Send(ctx, letter)
	})
	return err
}

// detached is a context that goes on when the browser leaves: a sign-in that stops
// half done, with its token spent, would help nobody.
func (r *request) detached(limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(r.c.Request.Context()), limit)
}

// A FactorChange is what happened to somebody's second factors.
type FactorChange string

// The changes of second factors.
const (
	FactorAdded        FactorChange = "added"        // one was set up
	FactorRemoved      FactorChange = "removed"      // it was taken away
	FactorNewCodes     FactorChange = "newCodes"     // there are other recovery codes
	FactorRecoveryUsed FactorChange = "recoveryUsed" // there is a recovery code fewer
	FactorGuessed      FactorChange = "guessed"      // five codes in a row were wrong
	FactorOff          FactorChange = "off"          // so many were wrong that none counts until a recovery code was used
)

// A ChangeFactorEvent says what happened to somebody's second factors.
type ChangeFactorEvent struct {
	User   *User
	Method FactorMethod
	Change FactorChange
}

// notices are the mails about the changes.
var notices = map[FactorChange]pages.Change{
	FactorAdded: pages.ChangeAdded, FactorRemoved: pages.ChangeRemoved, FactorNewCodes: pages.ChangeCodes,
	FactorRecoveryUsed: pages.ChangeRecovery, FactorGuessed: pages.ChangeWrong, FactorOff: pages.ChangeOff,
}

// mailer is the first of Providers that sends mail; nil: none does.
func (a *Auth) mailer() *emailMethod {
	for _, p := range a.providers {
		if m, ok := p.method.(*emailMethod); ok {
			return m
		}
	}
	return nil
}

// tellFactor tells the log, Events.ChangeFactor and the person, by a mail to an address
// that is proved to be theirs. The change stands whether or not the mail can be sent.
func (r *request) tellFactor(ctx context.Context, userID string, method FactorMethod, change FactorChange) {
	log := r.auth.opts.Logger
	log.InfoContext(ctx, "ginauth: a user's second factors changed", "user", userID, "factor", string(method), "change", string(change))
	user, err := r.auth.userByID(ctx, userID)
	if err == nil {
		if event := r.auth.opts.Events.ChangeFactor; event != nil {
			event(r.c, ChangeFactorEvent{User: &user, Method: method, Change: change})
		}
		err = r.mailNotice(user, notice(method, change))
	}
	if err != nil {
		log.WarnContext(ctx, "ginauth: the mail about a change of second factors was not sent", "user", userID, "change", string(change), "error", redact.Error(err, user.Email))
	}
}

// notice is the mail about a change.
func notice(method FactorMethod, change FactorChange) pages.Change {
	switch {
	case method == FactorPasskey && change == FactorAdded:
		return pages.ChangePasskeyAdded
	case method == FactorPasskey:
		return pages.ChangePasskeyRemoved
	}
	return notices[change]
}

func (r *request) mailNotice(user User, change pages.Change) error {
	m := r.auth.mailer()
	if m == nil || user.Email == "" || user.EmailVerified.IsZero() {
		return nil
	}
	words := r.pages().FactorNotice(change, r.base.Host(), user.Email)
	return m.send(r, Mail{To: user.Email, From: m.From, Subject: words.Subject, Text: words.Text, HTML: words.HTML})
}
