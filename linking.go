package ginauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/markbates/goth"

	"github.com/ginauth/ginauth/internal/ascii"
	"github.com/ginauth/ginauth/internal/bulkhead"
	"github.com/ginauth/ginauth/internal/errorcode"
	"github.com/ginauth/ginauth/internal/linking"
	"github.com/ginauth/ginauth/internal/oauth"
	"github.com/ginauth/ginauth/internal/transaction"
)

var (
	// errNotLinked refuses an account that would lead to somebody else's user.
	errNotLinked = errors.New("ginauth: the account belongs to another user, or its e-mail address does")
	// errCreateUser says that the adapter could not store a new user.
	errCreateUser = errors.New("ginauth: the new user was not stored")
)

// adapterCode is the error code that the browser gets.
func adapterCode(err error) string {
	switch {
	case errors.Is(err, errNotLinked), errors.Is(err, errOtherUser), errors.Is(err, errOvertaken):
		return errorcode.OAuthAccountNotLinked
	case errors.Is(err, errCreateUser):
		return errorcode.OAuthCreateAccount
	}
	return errorcode.Callback
}

// A match is what the adapter knows of a person when the provider's answer comes.
type match struct {
	account    *User   // whose account it is; nil: it is new
	key        Account // as it was looked up, whatever the SignIn callback makes of it
	current    *User   // who is signed in here; nil: nobody that the adapter knows
	thirdParty bool    // another site started the sign-in
	began      string  // the mark of who was signed in when the sign-in began; empty: nobody
	fresh      bool    // they had proved of late who they are
	email      string  // of the person, before the SignIn callback may have changed it
}

// admitAccount is completeSignIn where the Adapter says who has an account, and keeps it where
// it is new.
func (r *request) admitAccount(ctx context.Context, tx *oauth.Transaction, p SignInParams) outcome {
	m, err := r.match(ctx, tx, p)
	if err != nil {
		return r.refused("looking up the user", err, http.StatusOK, adapterCode(err))
	}
	if m.account != nil {
		known := *m.account
		p.User, m.email = &known, known.Email
	}
	if result, refused := r.decide(p); refused {
		return result
	}
	isNew, err := r.resolveUser(ctx, &p, m)
	if err != nil {
		return r.notResolved(err)
	}
	if r.way = *p.Account; m.account != nil {
		r.way = m.key
	}
	return r.startSession(p, isNew)
}

// match looks up who signs in, and who is signed in.
func (r *request) match(ctx context.Context, tx *oauth.Transaction, p SignInParams) (m match, err error) {
	m.began, m.fresh, m.thirdParty, m.email, m.key = tx.User, tx.Fresh, tx.ThirdParty, p.User.Email, *p.Account
	if m.account, err = orNil(r.auth.userByAccount(ctx, p.Account)); err != nil {
		return m, err
	}
	if r.formPosted() { // with another site's POST no session comes along
		return m, nil
	}
	id, err := r.openNow(ctx)
	if errors.Is(err, errSignedOut) {
		return m, nil
	}
	if err != nil {
		return m, err
	}
	m.current, err = orNil(r.auth.userOf(ctx, id))
	return m, err
}

// openNow reads a session that an account may be added in. What another process heard
// of its end a moment ago counts already: an account would outlive the session.
func (r *request) openNow(ctx context.Context) (*identity, error) {
	id, err := r.auth.openFound(ctx, r.found(), r.base, r.auth.opts.Now())
	if err != nil || r.auth.ending.revoked == nil {
		return id, err
	}
	ended, err := r.auth.ending.revoked.EndedNow(ctx, id.token.revocable())
	if err == nil && ended {
		err = errSignedOut
	}
	return id, err
}

// signedIn marks in a transaction who is signed in when it begins. The transaction adds
// an account to that person alone, and only while they are still signed in: somebody
// who takes over the browser does not get it, nor does a session that has ended. fresh
// says that they have proved of late who they are: a stolen session adds none.
func (r *request) signedIn() (mark string, fresh bool) {
	if r.auth.opts.Adapter == nil {
		return "", false
	}
	id, err := r.auth.openFound(r.c.Request.Context(), r.found(), r.base, r.auth.opts.Now())
	if err != nil {
		return "", false
	}
	return transaction.UserMark(id.token.Subject), r.auth.hasFactor(id, freshProof, nil)
}

// resolveUser finds or makes the user of a person who may sign in, and puts them into p.
func (r *request) resolveUser(ctx context.Context, p *SignInParams, m match) (isNew bool, err error) {
	if p.User.Email != m.email { // the callback's choice, of which the provider says nothing
		p.Account.EmailVerified = false
	}
	facts := linking.Facts{Owner: idOf(m.account), Current: idOf(m.current), Began: m.began, Fresh: m.fresh, FormPost: r.formPosted(), ThirdParty: m.thirdParty}
	var user User
	switch facts.Decide() {
	case linking.Use:
		p.User.ID = m.account.ID
		return false, nil
	case linking.LinkCurrent:
		user, err = r.link(ctx, *m.current, p, true)
	case linking.Create:
		user, isNew, err = r.firstSignIn(ctx, p, facts)
	case linking.Prove:
		err = errUnfresh
	default:
		err = errNotLinked
	}
	if err != nil {
		return false, err
	}
	user.Values = p.User.Values
	p.User = &user
	return isNew, nil
}

// link gives a user a further account. One that is added in a session is taken away
// again if the session was ended meanwhile: the person who ended it may have looked at
// the user's accounts before.
func (r *request) link(ctx context.Context, user User, p *SignInParams, inSession bool) (User, error) {
	if waits, err := r.mustWait(ctx, user); waits || err != nil {
		if r.later = laterLink; inSession {
			r.later = laterLinkSession
		}
		return user, err
	}
	fresh, err := r.auth.addAccount(ctx, user, *p.Account)
	if err == nil && inSession {
		if _, ended := r.openNow(ctx); ended != nil {
			err = r.auth.takeBack(ctx, user, *p.Account, fresh, errors.Join(errOvertaken, ended))
		}
	}
	if err != nil {
		return User{}, err
	}
	if fresh {
		r.linked(user, p.Account, p.Profile)
	}
	return user, nil
}

// firstSignIn makes a user for an account that nobody has. Another sign-in of the
// same person may do so at this moment: then that user is theirs.
func (r *request) firstSignIn(ctx context.Context, p *SignInParams, facts linking.Facts) (user User, isNew bool, err error) {
	for range 3 {
		owner, err := orNil(r.auth.userByEmail(ctx, p.User.Email))
		if err != nil {
			return User{}, false, err
		}
		if owner != nil {
			// Of two sign-ins at once the other one may just have made both.
			if known, err := orNil(r.auth.userByAccount(ctx, p.Account)); known != nil || err != nil {
				return deref(known), false, err
			}
			facts.Holder = r.holder(*owner, p)
			if facts.Decide() != linking.LinkHolder {
				return User{}, false, errNotLinked
			}
			user, err := r.link(ctx, *owner, p, false)
			return user, false, err
		}
		user, err = r.createUser(ctx, p)
		if err == nil {
			return user, true, nil
		}
		if !errors.Is(err, ErrExists) {
			return User{}, false, fmt.Errorf("%w: %w", errCreateUser, err)
		}
		if known, err := orNil(r.auth.userByAccount(ctx, p.Account)); known != nil || err != nil {
			return deref(known), false, err
		}
	}
	return User{}, false, fmt.Errorf("%w: the adapter says that they exist, and does not find them", errCreateUser)
}

func (r *request) createUser(ctx context.Context, p *SignInParams) (User, error) {
	fresh := *p.User
	fresh.ID = ""
	if fresh.EmailVerified.IsZero() && fresh.Email != "" && p.Account.EmailVerified {
		fresh.EmailVerified = r.auth.opts.Now()
	}
	user, err := r.auth.storeUser(ctx, fresh, p.Account)
	if err != nil {
		return User{}, err
	}
	if event := r.auth.opts.Events.CreateUser; event != nil {
		event(r.c, UserEvent{User: &user})
	}
	r.linked(user, p.Account, p.Profile)
	return user, nil
}

// holder is what is known of the user who has a new account's address.
func (r *request) holder(owner User, p *SignInParams) *linking.Holder {
	return &linking.Holder{
		Trusted:     r.provider.oauth().linksByEmail,
		Vouched:     p.Account.EmailVerified,
		Proved:      !owner.EmailVerified.IsZero(),
		SameAddress: ascii.Lower(owner.Email) == ascii.Lower(p.User.Email),
	}
}

func (r *request) linked(user User, account *Account, profile *goth.User) {
	if event := r.auth.opts.Events.LinkAccount; event != nil {
		event(r.c, LinkAccountEvent{User: &user, Account: account, Profile: profile})
	}
}

// idOf is the ID of a user; "" for none. The Adapter's users have one.
func idOf(u *User) string { return deref(u).ID }

func deref(u *User) User {
	if u == nil {
		return User{}
	}
	return *u
}

// The Account.Type of each way to sign in.
const (
	oauthType       = "oauth"
	emailType       = "email"
	credentialsType = "credentials"
)

var errUnproved = errors.New("ginauth: somebody else may sign in as the user with this address, who never proved that it is theirs")

// mayClaim decides whether the owner of an address gets the user who has it. An
// attacker may have come first: with the address in a profile at another service, or
// with a password registered for it. The two would then share the user. mayClaim
// refuses the owner if the user has an account at a provider, since nothing tells whose
// account that is. A password can be deleted: closing reports that it must be, and that
// the sessions it began must end. A person who is signed in as this user has proved both.
func (r *request) mayClaim(ctx context.Context, user User) (closing bool, err error) {
	if !user.EmailVerified.IsZero() || r.signedInAs(ctx, user.ID) {
		return false, nil
	}
	w, err := r.auth.waysInto(ctx, user)
	if err != nil {
		return false, err
	}
	// A password need not have been used yet, or not since it became an account.
	credentials := r.auth.credentials()
	if w.byProvider() {
		return false, errUnproved
	}
	for _, m := range credentials {
		if m.Reset == nil {
			return false, fmt.Errorf("%w; set Credentials.Reset of the provider %s, which deletes the password, to let the owner of the address in", errUnproved, m.ID)
		}
	}
	if (len(credentials) > 0 || w.any()) && !r.auth.endsSessions() {
		return false, fmt.Errorf("%w; set Session.Revocations, for instance ginauth.MemoryRevocations(), or a Session.Store such as redisstore's, so that their sessions can be ended", errUnproved)
	}
	return true, nil
}

// claimable reports whether the owner of a user's address could claim them from a person
// who has only a password: see mayClaim.
func (a *Auth) claimable(ctx context.Context, user User) (bool, error) {
	if user.Email == "" || !user.EmailVerified.IsZero() || a.mailer() == nil {
		return false, nil
	}
	w, err := a.waysInto(ctx, user)
	return err == nil && !w.byProvider(), err
}

// signedInAs reports whether this browser's session is that user's.
func (r *request) signedInAs(ctx context.Context, userID string) bool {
	id, err := r.auth.openFound(ctx, r.found(), r.base, r.auth.opts.Now())
	return err == nil && userID != "" && id.token.Subject == userID && !id.token.notInAdapter
}

// inSessionOf is an error unless this browser's session is that user's, and goes on.
func (r *request) inSessionOf(ctx context.Context, userID string) error {
	id, err := r.openNow(ctx)
	if err == nil && id.token.Subject == userID && !id.token.notInAdapter || errors.Is(err, errUnavailable) {
		return err
	}
	return errNotLinked
}

// keepVerified stores that a user's address was proved. Where that closes the ways by
// which anybody else could enter, no step may be missed: what fails leaves the address
// unproved, so that the next proof closes them again.
func (r *request) keepVerified(ctx context.Context, user User, closing bool) (kept User, err error) {
	if waits, err := r.mustWait(ctx, user); waits || err != nil {
		r.later = laterVerify
		return user, err
	}
	if closing {
		if err := r.resetCredentials(ctx, user); err != nil {
			return User{}, err
		}
	}
	before := user
	if closing {
		r.auth.shared.takeovers.Add(user.ID)
	}
	user.EmailVerified = r.auth.opts.Now()
	if kept, err = r.auth.updateUser(ctx, user); err != nil {
		return User{}, err
	}
	if closing {
		if err := r.shutOut(ctx, kept); err != nil {
			ctx, cancel := r.detached(adapterTimeout)
			defer cancel()
			_, undo := r.auth.updateUser(ctx, before)
			return User{}, errors.Join(err, undo)
		}
	}
	if event := r.auth.opts.Events.UpdateUser; event != nil {
		event(r.c, UserEvent{User: &kept})
	}
	return kept, nil
}

// resetCredentials deletes a user's password, and the account that it is.
func (r *request) resetCredentials(ctx context.Context, user User) error {
	for _, m := range r.auth.credentials() {
		bounded, cancel := context.WithTimeout(ctx, adapterTimeout)
		_, err := bulkhead.Wait(bounded, r.auth.calls.adapter, func(ctx context.Context) (struct{}, error) {
			return struct{}{}, m.Reset(ctx, user.ID)
		})
		cancel()
		if err != nil {
			return fmt.Errorf("ginauth: Credentials.Reset of the provider %s: %w", m.ID, err)
		}
	}
	return r.dropCredentials(ctx, user)
}

// shutOut ends what the password let in. A sign-in that had passed it may have linked
// its account since, and who was signed in may have added one at a provider. What is
// added after this has looked, addAccount and link take back.
func (r *request) shutOut(ctx context.Context, user User) error {
	err := r.dropCredentials(ctx, user)
	if err != nil || !r.auth.endsSessions() {
		return err
	}
	if err := r.auth.RevokeUser(ctx, user.ID); err != nil {
		return err
	}
	return r.dropCredentials(ctx, user)
}

func (r *request) dropCredentials(ctx context.Context, user User) error {
	w, err := r.auth.waysInto(ctx, user)
	if err != nil {
		return err
	}
	if w.byProvider() { // a person who had the password links one at this moment
		return errUnproved
	}
	for _, account := range w.accounts {
		if err := r.auth.dropAccount(ctx, user, account, true); err != nil {
			return err
		}
	}
	for _, p := range w.passkeys { // somebody with the password could have added one
		if err := r.auth.dropPasskey(ctx, user, p.ID); err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	return nil
}
