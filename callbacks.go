package ginauth

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/markbates/goth"

	"github.com/ginauth/ginauth/internal/claims"
	"github.com/ginauth/ginauth/internal/redact"
)

// Callbacks let an application take part in sign-in and session. All are
// optional. At sign-in they run in this order: Redirect, SignIn, JWT; when a
// session is read: JWT, Session.
type Callbacks struct {
	// SignIn decides whether a person may sign in. nil admits; ErrAccessDenied
	// refuses; RedirectTo sends the person somewhere else; PublicError refuses
	// with a text that the person reads. Any other error is logged and refuses
	// without saying why. At Auth.SignIn its error is returned to the caller. It sets
	// p.Lifetime for a session that lasts shorter than others. Default: everybody may.
	SignIn func(c *gin.Context, p SignInParams) error
	// Redirect decides where a sign-in or sign-out leads. url is what the page
	// asked for, unchecked. Its answer must be of the base origin or of
	// AllowedRedirects, else the base URL is used. Default: url, where it is.
	Redirect func(c *gin.Context, url, baseURL string) string
	// JWT runs when a token is made and each time one is read, and changes
	// p.Token in place:
	//
	//	if p.Account != nil { // at sign-in only, as User and Profile
	//		p.Token.Claims["accessToken"] = p.Account.AccessToken
	//	}
	//
	// ErrSignedOut ends the session; any other error fails the request and leaves the
	// session as it was. Where two requests change a session it may run twice for one.
	//
	// Sealing sets Token.ID, IssuedAt and ExpiresAt; a Claim of the name of a field,
	// such as "name" or "exp", gives way to the field. A callback that sets one of these
	// fails in gin's debug mode, with an error that says what to set, and is logged else.
	JWT func(c *gin.Context, p JWTParams) error
	// Session makes what handlers and the browser see of a token, and changes
	// p.Session in place:
	//
	//	p.Session.Values["accessToken"] = p.Token.Claims["accessToken"]
	//
	// ErrSignedOut ends the session; any other error fails the request and leaves
	// the session as it was. The names that a session has by itself, such as "user",
	// are no Values: to set one fails, or is logged, as for JWT.
	Session func(c *gin.Context, p SessionParams) error
	// DeleteUser lets people delete their account on the page of Options.AccountPage. It
	// deletes what the application keeps of the user; then ginauth deletes the user, as
	// Auth.DeleteUser does. An error refuses, and nothing more is deleted: a PublicError
	// with a text that the person reads. It may be called again for the same user.
	// Default: the page offers no deletion.
	DeleteUser func(c *gin.Context, user User) error
}

// A Trigger says why a callback runs; empty when a session is read.
type Trigger string

// Triggers of the JWT and Session callbacks.
const (
	TriggerSignIn Trigger = "signIn" // a person signed in
	TriggerSignUp Trigger = "signUp" // a person signed in and is new
	TriggerUpdate Trigger = "update" // the application changes the session
)

// SignInParams are what the SignIn callback decides on. With an Adapter, User is
// the adapter's where the account is known, else what the provider said. User may
// be changed: of somebody new the change is stored, of somebody known it is in the
// token alone. With an Adapter the ID is the adapter's and stays, except for people
// whom Credentials sign in: another one is a fault in gin's debug mode and at
// Auth.SignIn, and else has no effect, which is logged.
type SignInParams struct {
	User                *User
	Account             *Account
	Profile             *goth.User        // what the provider said; nil without an OAuth provider
	Credentials         map[string]string // what was typed; nil without Credentials
	VerificationRequest bool              // a mail link was asked for, not yet followed
	// Lifetime is how long the session will last, never nil. The callback sets its
	// fields:
	//
	//	p.Lifetime.BrowserSession = p.Credentials["remember"] != "true"
	Lifetime *Lifetime
}

// A Lifetime makes one session shorter than SessionOptions say. It is kept with the
// session for as long as that lasts, also when it is sealed again. A field that is
// zero leaves the SessionOptions' in force. A longer time than theirs is cut, with a
// warning in the log: a revocation is remembered for Session.MaxAge and no longer.
type Lifetime struct {
	// MaxAge is how long the session lasts that is not used, in whole seconds.
	MaxAge time.Duration
	// AbsoluteMaxAge is how long it lasts however much it is used, in whole seconds.
	AbsoluteMaxAge time.Duration
	// BrowserSession makes the cookie end with the browser: it has no Expires. A
	// browser that restores its tabs keeps such cookies, so set MaxAge too.
	BrowserSession bool
}

// JWTParams are what the JWT callback gets. Token.Claims is never nil.
type JWTParams struct {
	Token     *Token
	User      *User      // at sign-in, else nil
	Account   *Account   // at sign-in, else nil
	Profile   *goth.User // at sign-in with an OAuth provider, else nil
	IsNewUser bool       // with an Adapter: this sign-in created the user
	Trigger   Trigger
	// Update is what the page or handler sent, with TriggerUpdate. Anybody who is
	// signed in can send any JSON or form: take the keys that people may set one by
	// one. What only the program may set, pass to Auth.Update with a type that the
	// program declares: no page's data has it.
	Update any
}

// SessionParams are what the Session callback gets. Session.Values and
// Session.User.Values are never nil.
type SessionParams struct {
	Session *Session
	Token   *Token
	// User is the Adapter's user where they were looked up: at GET and POST session,
	// at Auth.Update, and at a guarded request whose session is sealed again. It is
	// nil at all other guarded requests, and without an Adapter: what each request
	// needs belongs into the token. At Auth.SignIn it is set too.
	User    *User
	Trigger Trigger
	Update  any // with TriggerUpdate: what the page or handler sent
}

// Events tell an application what happened, after it happened and before the
// answer is sent. All are optional; they cannot change the outcome.
type Events struct {
	SignIn  func(c *gin.Context, e SignInEvent)
	SignOut func(c *gin.Context, e SignOutEvent) // also where a callback ended the session by ErrSignedOut
	Session func(c *gin.Context, e SessionEvent) // a page read its session
	// RefreshError says that a provider refused to renew the tokens of a session,
	// once for each. From then on Session.Error is "RefreshTokenError".
	RefreshError func(c *gin.Context, e RefreshErrorEvent)

	// SignInError says that a sign-in ended without a session: the credentials were
	// wrong, a limit, a callback or the provider refused, the provider's answer was not
	// accepted, a mail could not be sent or its link or code does not work, or the
	// account is another user's. It is called once for a sign-in, however often the
	// browser sends the same answer. The log has a line for each with the same facts,
	// "ginauth: sign-in refused", except where the form came without its CSRF token. It is
	// called too where somebody who is signed in was to prove again who they are, and did
	// not: who holds a stolen session may be guessing the password.
	SignInError func(c *gin.Context, e SignInErrorEvent)
	// RateLimit says that one of the Limits refused a request. SignInError comes first.
	RateLimit func(c *gin.Context, e RateLimitEvent)

	// The next three are called with a context of the request in which the method was
	// called, without its end: GetSession returns who did it, where somebody is signed
	// in there.

	// Revoke says that sessions ended before their time and not by signing out: by
	// RevokeUser or EndSession, by the provider's logout token, or as the oldest beyond
	// Session.MaxPerUser.
	Revoke func(ctx context.Context, e RevokeEvent)

	// With an Adapter. Those of a sign-in come before SignIn.
	CreateUser  func(c *gin.Context, e UserEvent)        // somebody's first sign-in
	UpdateUser  func(c *gin.Context, e UserEvent)        // a user proved that an e-mail address is theirs
	LinkAccount func(c *gin.Context, e LinkAccountEvent) // a user has an account more, their first too
	// ChangeFactor says that a user's second factors changed, or that somebody guesses at
	// them. A mail tells the user too, where their address is proved and Providers has an
	// Email.
	ChangeFactor func(c *gin.Context, e ChangeFactorEvent)
	// UnlinkAccount says that a user can no longer sign in with an account: Unlink took
	// it away, or the owner of the user's address did by proving it (Credentials.Reset).
	UnlinkAccount func(ctx context.Context, e UnlinkAccountEvent)
	// DeleteUser says that Auth.DeleteUser was called and that the Adapter has no such
	// user any more. User has no more than its ID.
	DeleteUser func(ctx context.Context, e UserEvent)
}

// A UserEvent says which user of the Adapter it is about.
type UserEvent struct {
	User *User
}

// A LinkAccountEvent says which account a user can sign in with from now on.
type LinkAccountEvent struct {
	User    *User
	Account *Account
	Profile *goth.User
}

// A SignInEvent says who signed in, and how.
type SignInEvent struct {
	User      *User
	Account   *Account
	Profile   *goth.User // nil without an OAuth provider
	IsNewUser bool
	Client    netip.Addr // as in SignInErrorEvent
}

// A SignOutEvent says whose session ended.
type SignOutEvent struct {
	Token *Token
}

// A SessionEvent says whose session was read through GET session.
type SessionEvent struct {
	Session *Session
	Token   *Token
}

// A RefreshErrorEvent says whose tokens are renewed no more, and why.
type RefreshErrorEvent struct {
	Token    *Token
	Provider string // its ID
	Err      error  // without secrets
}

// A SignInErrorEvent says which sign-in was refused, and why. Nothing in it but User is
// what a person typed.
type SignInErrorEvent struct {
	// Provider is the ID of the provider, such as "github".
	Provider string
	// Code is one of few, such as "CredentialsSignin", fit for a label: those of the
	// error pages, and "MissingCSRF". Where a PublicError refused it is
	// "CredentialsSignin" or "AccessDenied", and Err has the text.
	Code string
	// Err is the cause, as it is logged: without tokens, codes, secrets and what was
	// typed. errors.Is finds what the application returned, such as ErrAccessDenied.
	Err error
	// Client is the address that Limits count: the peer's, or what a proxy of
	// Options.TrustedProxies says. It is not valid where nobody tells. Do not take
	// gin's ClientIP in its place: by default it believes any client.
	Client netip.Addr
	// User is who would have signed in, as in SignInParams; nil where nobody has
	// proved who they are, as with a wrong password.
	User *User
}

// A RateLimitEvent says whom one of the Limits refused.
type RateLimitEvent struct {
	Provider   string        // its ID
	Client     netip.Addr    // as in SignInErrorEvent
	RetryAfter time.Duration // until the next attempt is allowed
}

// A RevokeEvent says whose sessions were ended.
type RevokeEvent struct {
	// UserID is whose they were, the token's subject; empty where a provider's logout
	// token ended them, which does not say.
	UserID string
	// SessionID is the ID of the one that ended, as Sessions returns it; empty: all of
	// the user's, or those that the logout token was for.
	SessionID string
	// Provider is the ID of the provider whose logout token ended them; else empty.
	Provider string
}

// An UnlinkAccountEvent says which account a user can no longer sign in with.
type UnlinkAccountEvent struct {
	User    *User
	Account *Account // Provider and ProviderAccountID
}

// ErrAccessDenied refuses a sign-in: the person reads that access is denied.
var ErrAccessDenied = errors.New("ginauth: access denied")

// ErrSignedOut ends the session that a JWT or Session callback was called for, wrapped
// too, for instance because the person was banned:
//
//	JWT: func(c *gin.Context, p ginauth.JWTParams) error {
//		if banned(p.Token.Subject) {
//			return ginauth.ErrSignedOut
//		}
//		return nil
//	}
//
// That session alone ends, as by signing out: its cookie is deleted, and so is its
// record in a Store; the Revocations learn of it, its streams end, and Events.SignOut
// is called. RequireSession answers as for nobody, LoadSession goes on with nobody, GET
// session tells of nobody, and Auth.Update returns the error. At sign-in, where there is no
// session yet, it refuses like ErrAccessDenied.
var ErrSignedOut = errors.New("ginauth: the session ends")

// PublicError is an error whose text the person reads, at most 300 characters of it.
// Every other error's text stays in the log. Make the text yourself: with what
// somebody typed in it, a link could put their words on your site.
func PublicError(text string) error { return publicError(text) }

type publicError string

func (e publicError) Error() string { return string(e) }

// RedirectTo ends a sign-in at url, which is used as it is: an absolute URL or a
// path, the application's own choice and not checked against AllowedRedirects. At
// Auth.SignIn the caller gets it as a RedirectError.
func RedirectTo(url string) error { return RedirectError{URL: url} }

// A RedirectError says that the SignIn callback sends the person to URL in place of
// signing them in. Auth.SignIn returns it.
type RedirectError struct{ URL string }

func (e RedirectError) Error() string { return "ginauth: redirect to " + e.URL }

// runJWT and runSession call the callbacks with maps they can write to.

func (a *Auth) runJWT(c *gin.Context, p JWTParams) error {
	if a.opts.Callbacks.JWT == nil {
		return nil
	}
	claims.Make(&p.Token.Claims)
	before := *p.Token
	var reserved []string
	if a.checks(p.Trigger) {
		reserved = p.Token.reserved()
	}
	err := a.opts.Callbacks.JWT(c, p)
	p.Token.keepSession(&before)
	if err == nil && a.checks(p.Trigger) {
		err = a.ineffective(p.Token.overwritten(&before, reserved))
	}
	return err
}

// checks reports whether to look for what a callback sets in vain: always while an
// application is developed, else not at each request.
func (a *Auth) checks(t Trigger) bool { return a.debug || t != "" }

// ineffective is the error for what a callback set in vain, which fails in gin's debug
// mode, so that its author sees it, and is logged in any other.
func (a *Auth) ineffective(err error) error {
	if err == nil || a.debug {
		return err
	}
	a.opts.Logger.Warn("ginauth: what a callback set has no effect", "error", redact.Error(err))
	return nil
}

func (a *Auth) runSession(c *gin.Context, id *identity, trigger Trigger, update any) error {
	if a.opts.Callbacks.Session == nil {
		return nil
	}
	p := SessionParams{Session: id.view(), Token: &id.token, User: id.user, Trigger: trigger, Update: update}
	claims.Make(&p.Session.Values)
	claims.Make(&p.Session.User.Values)
	err := a.opts.Callbacks.Session(c, p)
	if err == nil && a.checks(trigger) {
		err = a.ineffective(p.Session.overwritten())
	}
	return err
}

// reserved are the names of fields that Claims has beside them.
func (t *Token) reserved() (names []string) {
	for _, name := range append(t.taken(), "sub", "name", "email", "picture") {
		if _, ok := t.Claims[name]; ok {
			names = append(names, name)
		}
	}
	return names
}

// overwritten says what a JWT callback set of what sealing sets. before is the token as
// the callback got it, with the reserved names among its Claims.
func (t *Token) overwritten(before *Token, reserved []string) error {
	const how = "ginauth: Callbacks.JWT set Token.%s, which sealing sets; %s"
	switch {
	case t.ID != before.ID:
		return fmt.Errorf(how, "ID", "keep an ID of your own in Claims, under a name of your own")
	case !t.IssuedAt.Equal(before.IssuedAt):
		return fmt.Errorf(how, "IssuedAt", "AuthTime is when the person signed in")
	case !t.ExpiresAt.Equal(before.ExpiresAt):
		return fmt.Errorf(how, "ExpiresAt", "set SignInParams.Lifetime in Callbacks.SignIn, or return ErrSignedOut when the session is over")
	}
	for _, name := range t.taken() {
		if _, ok := t.Claims[name]; ok && !slices.Contains(reserved, name) {
			return fmt.Errorf("ginauth: Callbacks.JWT set the claim %q, which gives way to a field of the token; set the field, or choose another name", name)
		}
	}
	return nil
}

// overwritten says which of its Values the session's JSON form leaves out, because it
// has members of these names.
func (s *Session) overwritten() error {
	for _, f := range [...]struct {
		name, advice string
		in           map[string]any
	}{
		{"user", "Session.User", s.Values}, {"expires", "nothing: it is when the session ends", s.Values}, {"error", "Session.Error", s.Values},
		{"name", "Session.User.Name", s.User.Values}, {"email", "Session.User.Email", s.User.Values}, {"image", "Session.User.Image", s.User.Values},
	} {
		if _, set := f.in[f.name]; set {
			return fmt.Errorf("ginauth: Callbacks.Session set the value %q, which the session has by itself and which is left out; set %s", f.name, f.advice)
		}
	}
	return nil
}
