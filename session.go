package ginauth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth/internal/claims"
	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/factor"
	"github.com/ginauth/ginauth/internal/origin"
	"github.com/ginauth/ginauth/internal/sessionstrategy"
)

// A User is who signed in.
type User struct {
	// ID is the token's subject. With an Adapter it is the adapter's; without one
	// it is the provider's identifier of the person. Two providers may use the same
	// one for two people: with more than one provider and no Adapter make it of
	// both, in Callbacks.SignIn, where Account names the provider. It reaches the
	// browser only if a Session callback puts it into Values.
	ID    string
	Name  string
	Email string
	Image string // http or https URL of a picture
	// EmailVerified is when the person proved that the address is theirs; zero:
	// never, or not known.
	EmailVerified time.Time
	// Values are further members of the "user" object. Those that Authorize or
	// Profile set are for the JWT callback; the browser gets what a Session callback
	// sets.
	Values map[string]any

	shape claims.Shape
}

// A Session is what handlers and the browser know of who is signed in. Its JSON
// form is the answer to GET session: {"user":{…},"expires":"…",…}.
type Session struct {
	User    User
	Expires time.Time
	// Error tells the front end of a lasting trouble with the session, for
	// instance that the provider's token could not be renewed.
	Error string
	// Values are further members of the session, such as an access token that a
	// Session callback passes to the front end.
	Values map[string]any
	// Factors are how the person proved who they are, in the order in which they did; none
	// where the token proves nothing, as one that another program made. The browser does
	// not see them. A Session callback that changes them changes what handlers see, and
	// not what RequireFactor goes by.
	Factors []Factor
	// Scopes are what the bearer of a token may do, such as orders:read, for the guard
	// Scope. A BearerFunc sets them, or a Session callback. The browser does not see them.
	Scopes []string
}

// The places of a user's texts in a shape.
const (
	nameText uint8 = iota
	emailText
	pictureText
	userTexts // how many there are
)

const isoMillis = "2006-01-02T15:04:05.000Z"

// MarshalJSON writes the session as next-auth's clients expect it. The members
// "user", "expires" and "error" cannot be replaced by Values.
func (s *Session) MarshalJSON() ([]byte, error) {
	var user claims.Object
	u := &s.User
	u.shape.Write(nameText, &user, "name", u.Name)
	u.shape.Write(emailText, &user, "email", u.Email)
	u.shape.Write(pictureText, &user, "image", u.Image)
	user.AddAll(claims.Without(u.Values, "name", "email", "image"))
	var o claims.Object
	o.AddObject("user", &user)
	o.Add("expires", s.Expires.UTC().Format(isoMillis))
	o.AddText("error", s.Error)
	o.AddAll(claims.Without(s.Values, "user", "expires", "error"))
	return o.Bytes()
}

// Value returns one of a session's Values as a T, and false if there is none or
// it is not one. Values that came through a token have JSON's types; Value
// converts them, so that Value[int](s, "level") and Value[[]string](s, "roles")
// find what a callback put in. A nil session has no values.
func Value[T any](s *Session, key string) (T, bool) {
	if s == nil {
		s = &Session{}
	}
	return claims.As[T](s.Values[key])
}

// appID is the provider and the type of the accounts of SignIn.
const appID = "app"

// SignIn signs in somebody whom the application has identified itself: after a
// registration, an invitation, a reset of the password, by LDAP or by a header of a
// proxy. Call it before the answer is written, and only for a user of whom the handler
// is sure: nothing is checked here. Callbacks.SignIn, JWT and Session and Events.SignIn
// are called as at any sign-in, with an Account whose Provider and Type are "app". The
// cookie is set, the session that this browser had ends, and GetSession returns the new
// one from then on.
//
// user.ID is the token's subject. With an Adapter it is the ID of one of its users, of
// whom also what user leaves empty is taken. Beside Email, somebody whose address is
// not proved may share the user with its owner: see docs/users.md.
//
// Nobody is signed in where there is an error. A RedirectError holds the URL of a
// SignIn callback's RedirectTo; any other error of that callback, ErrAccessDenied among
// them, is returned as it is, and one of the others wrapped. ErrNotFound says that the
// Adapter has no such user. The error says so too where the ID is empty, the answer has
// begun, the request's host is not this site's, another site's page sent a request that
// changes something (as for RequireSession), and where the user signs in more often than
// Limits.Successes allow. A GET can come from any page: let it sign in only by what
// its URL proves, such as an invitation's token.
//
// proofs say how the application has found out who that is: FactorPassword after a
// password that it has compared itself. They become the session's Factors, given now, and
// RequireFactor goes by them. Without any the session has none.
func (a *Auth) SignIn(c *gin.Context, user User, proofs ...FactorMethod) (*Session, error) {
	r, err := a.ownRequest(c, "SignIn")
	if err != nil {
		return nil, err
	}
	if r.proofs, err = factor.Stated(proofs, a.opts.Now()); err != nil {
		return nil, err
	}
	if user.ID == "" {
		return nil, errors.New("ginauth: SignIn got a User without ID, whom nobody could tell from another")
	}
	r.provider = &provider{id: appID}
	p := SignInParams{User: &user, Account: &Account{Provider: appID, Type: appID, ProviderAccountID: user.ID}}
	known, err := r.knownUser(p)
	if err != nil {
		return nil, err
	}
	r.who = p.User
	if err := r.ask(p); err != nil {
		r.callbackRefusal(err) // which the log hears of, as at any sign-in
		return nil, err
	}
	var waits outcome
	b, err := r.begin(p, false)
	if err == nil {
		waits, err = r.waitIfDue(b)
	}
	if err != nil {
		r.notBegun(err)
		return nil, err
	}
	if waits.waiting != "" {
		r.putWaiting(waits.waiting)
		return nil, ErrFactorRequired
	}
	id := b.id
	id.user, id.begun, id.session = known, true, id.token.session(id.token.ExpiresAt)
	err = a.runSession(c, id, "", nil)
	if err == nil {
		_, err = id.session.MarshalJSON()
	}
	if err != nil {
		b.undo()
		err = failure{step: "Callbacks.Session", error: err}
	} else {
		err = r.enter(b)
	}
	if err != nil {
		r.notBegun(err)
		return nil, err
	}
	r.putSession(id.value, id.token.cookieEnd(id.token.ExpiresAt))
	private(c.Writer.Header())
	a.attach(c, id)
	return id.view(), nil
}

// knownUser finds the Adapter's user whom an application signs in, and completes what it
// says of them; nil without an Adapter.
func (r *request) knownUser(p SignInParams) (*User, error) {
	if r.auth.opts.Adapter == nil {
		return nil, nil
	}
	known, err := r.auth.userByID(context.WithoutCancel(r.c.Request.Context()), p.User.ID)
	if errors.Is(err, ErrNotFound) {
		return nil, fmt.Errorf("ginauth: SignIn got an ID that none of the Adapter's users has; store the user first: %w", err)
	}
	if err != nil {
		return nil, err
	}
	u := p.User
	if u.Email == "" || u.Email == known.Email {
		u.Email, u.EmailVerified = known.Email, known.EmailVerified
	}
	u.Name, u.Image = cmp.Or(u.Name, known.Name), cmp.Or(u.Image, known.Image)
	r.way = *p.Account
	return &known, nil
}

// ErrNoSession says that there is no session to update.
var ErrNoSession = errors.New("ginauth: nobody is signed in by a session cookie")

// maxReruns is how often an update runs again because another request changed the
// session meanwhile.
const maxReruns = 3

// errChanging says that an update found no moment at which it was alone.
var errChanging = fmt.Errorf("%w: other requests change this session all the time", errUnavailable)

// Update changes the session of this request: it runs the JWT callback with
// TriggerUpdate and data, then the Session callback, and sets the cookie, so it
// must be called before the answer is written. GetSession returns the new
// session from then on. Where another request changed the session meanwhile, the
// callbacks run again on what that one made of it, up to three times. The error is
// ErrNoSession where no cookie holds a session, as with a bearer token, which is not
// this site's to change, or where the person signed out meanwhile, or the callback's
// own. If that is ErrSignedOut the session has ended, and GetSession returns nil.
func (a *Auth) Update(c *gin.Context, data any) (*Session, error) {
	base, err := a.site.Hosts.Base(c.Request)
	if err != nil {
		return nil, err
	}
	found := cookie.Find(c.Request.Header["Cookie"], a.scheme(base).names.Session)
	latest, before := found, identityFrom(c)
	if before == nil { // no middleware has kept this answer out of caches
		private(c.Writer.Header())
	} else if before.auth == a && (found.Found || before.begun) { // this request may have sealed it again
		latest.Value, latest.Doubled = before.value, false
	}
	id, err := a.openLatestFound(c.Request.Context(), latest, base)
	switch {
	case err == nil && a.site.Foreign(c.Request, base):
		a.tellForeign(c, base)
		return nil, ErrNoSession
	case errors.Is(err, errSignedOut):
		return nil, ErrNoSession
	case err != nil:
		return nil, err
	}
	if before != nil && before.auth == a {
		id.renewed, id.begun = before.renewed, before.begun
	}
	id, err = a.change(c, id, base, found, data)
	if errors.Is(err, ErrSignedOut) {
		if fault := a.endByCallback(c, id, base, found); fault != nil {
			return nil, fault
		}
		a.detach(c)
		return nil, err
	}
	if errors.Is(err, errSignedOut) || err == nil && a.ending.streams.SignedOut(id.token.sessionID()) {
		return nil, ErrNoSession
	}
	if err != nil {
		return nil, err
	}
	if before != nil && before.auth == a {
		before.renewed = id.renewed // for the middleware that found it
	}
	a.attach(c, id)
	return id.view(), nil
}

// openLatest opens a session as this process last sealed it, which may be later than
// what the browser had when it sent its request.
func (a *Auth) openLatest(ctx context.Context, value string, base origin.Base) (*identity, error) {
	return a.open(ctx, a.scheme(base).sessions.Latest(sessionstrategy.Cookie{Value: value}).Value, base, a.opts.Now())
}

// openLatestFound is openLatest for the session that a request's cookies hold.
func (a *Auth) openLatestFound(ctx context.Context, found cookie.Session, base origin.Base) (*identity, error) {
	if !found.Doubled {
		return a.openLatest(ctx, found.Value, base)
	}
	id, err := a.openFound(ctx, found, base, a.opts.Now())
	if err != nil {
		return nil, err
	}
	return a.openLatest(ctx, id.value, base)
}

// refresh runs the callbacks on an opened session, as they run when a page asks for
// it, and reports whether it must be sealed again.
func (a *Auth) refresh(c *gin.Context, id *identity, trigger Trigger, update any) (due bool, err error) {
	now := a.opts.Now()
	due = trigger != "" || a.needsReseal(id, now)
	if err := a.lookUp(c.Request.Context(), id); err != nil {
		return false, err
	}
	if err := a.runJWT(c, JWTParams{Token: &id.token, Trigger: trigger, Update: update}); err != nil {
		return false, err
	}
	due = due || a.opts.Callbacks.JWT != nil && id.token.changed(id.kept.Payload, now)
	expires := id.token.ExpiresAt
	if due {
		expires = id.token.endOf(a.lifetime(&id.token), now)
	}
	id.session = id.token.session(expires)
	if err := a.runSession(c, id, trigger, update); err != nil {
		return false, err
	}
	_, err = id.session.MarshalJSON()
	return due, err
}

// read runs the callbacks on the session that a page asks for, and seals it again
// where that is due.
func (a *Auth) read(c *gin.Context, id *identity, base origin.Base, found cookie.Session) error {
	due, err := a.refresh(c, id, "", nil)
	if err != nil || !due {
		return err
	}
	return a.reseal(c, id, base, found)
}

// reseal seals the session of a request that only reads it. Where another request has
// written the session meanwhile, that one's is the later word, and this one sets no
// cookie.
func (a *Auth) reseal(c *gin.Context, id *identity, base origin.Base, found cookie.Session) error {
	t := &id.token
	issued, expires, jti := t.IssuedAt, t.ExpiresAt, t.ID
	err := a.keep(c, id, base, found)
	if errors.Is(err, ErrConflict) {
		t.IssuedAt, t.ExpiresAt, t.ID = issued, expires, jti
		id.session.Expires = expires
		return nil
	}
	return err
}

// change runs the callbacks of an update and seals what they made of the session, which
// it returns. Where another request has written it meanwhile, they run again on what that
// one left, one update at a time.
func (a *Auth) change(c *gin.Context, id *identity, base origin.Base, found cookie.Session, data any) (*identity, error) {
	return a.rewrite(c, id, base, found, func(id *identity) error {
		_, err := a.refresh(c, id, TriggerUpdate, data)
		return err
	})
}

// rewrite seals what edit makes of a session, which it returns, as change says.
func (a *Auth) rewrite(c *gin.Context, id *identity, base origin.Base, found cookie.Session, edit func(*identity) error) (*identity, error) {
	for try := 0; ; try++ {
		err := edit(id)
		if err == nil {
			err = a.keep(c, id, base, found)
		}
		switch {
		case !errors.Is(err, ErrConflict):
			return id, err
		case try == maxReruns:
			return id, errChanging
		case try == 0:
			release, err := a.shared.locks.Lock(c.Request.Context(), "update:"+id.token.sessionID(), lockWait)
			if err != nil {
				return id, err
			}
			defer release()
		}
		fresh, err := a.openLatest(c.Request.Context(), id.value, base)
		if err != nil {
			return id, err
		}
		fresh.renewed, fresh.begun = id.renewed, id.begun
		id = fresh
	}
}

// keep seals a session's token anew and sets its cookie.
func (a *Auth) keep(c *gin.Context, id *identity, base origin.Base, found cookie.Session) error {
	payload, err := a.stamp(c.Request.Context(), &id.token, base, a.opts.Now())
	if err != nil {
		return err
	}
	value, err := a.replace(c.Request.Context(), id, payload, id.token.ExpiresAt, base)
	if err != nil {
		return err
	}
	id.value = value
	a.renewCookie(c, id, found, base, value, id.token.ExpiresAt)
	return nil
}

// replace keeps a payload in place of the one that a session was opened with. Its
// error is ErrConflict where another is there by now, and errSignedOut where nothing
// is: the session was ended while this request was under way.
func (a *Auth) replace(ctx context.Context, id *identity, payload []byte, expires time.Time, base origin.Base) (value string, err error) {
	value, err = a.scheme(base).sessions.Replace(ctx, id.token.sessionID(), id.value, id.kept, payload, expires)
	if errors.Is(err, ErrNotFound) {
		err = errSignedOut
	}
	return value, err
}
