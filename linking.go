package ginauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/markbates/goth"

	"github.com/ginauth/ginauth/internal/ascii"
	"github.com/ginauth/ginauth/internal/bulkhead"
	"github.com/ginauth/ginauth/internal/errorcode"
	"github.com/ginauth/ginauth/internal/linking"
	"github.com/ginauth/ginauth/internal/oauth"
	"github.com/ginauth/ginauth/internal/redact"
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
	email      string  // of the person, before the SignIn callback may have changed it
}

// admitAccount is completeSignIn where the Adapter says who has an account, and keeps it where
// it is new.
func (v *request) admitAccount(ctx context.Context, tx *oauth.Transaction, p SignInParams) outcome {
	m, err := v.match(ctx, tx, p)
	if err != nil {
		return v.refused("looking up the user", err, http.StatusOK, adapterCode(err))
	}
	if m.account != nil {
		known := *m.account
		p.User, m.email = &known, known.Email
	}
	if result, refused := v.decide(p); refused {
		return result
	}
	isNew, err := v.resolveUser(ctx, &p, m)
	if err != nil {
		return v.refused("the user and account", err, http.StatusOK, adapterCode(err))
	}
	if v.way = *p.Account; m.account != nil {
		v.way = m.key
	}
	return v.startSession(p, isNew)
}

// match looks up who signs in, and who is signed in.
func (v *request) match(ctx context.Context, tx *oauth.Transaction, p SignInParams) (m match, err error) {
	m.began, m.thirdParty, m.email, m.key = tx.User, tx.ThirdParty, p.User.Email, *p.Account
	if m.account, err = orNil(v.auth.userByAccount(ctx, p.Account)); err != nil {
		return m, err
	}
	if v.formPosted() { // with another site's POST no session comes along
		return m, nil
	}
	id, err := v.openNow(ctx)
	if errors.Is(err, errSignedOut) {
		return m, nil
	}
	if err != nil {
		return m, err
	}
	m.current, err = orNil(v.auth.userByID(ctx, id.token.Subject))
	return m, err
}

// openNow reads a session that an account may be added in. What another process heard
// of its end a moment ago counts already: an account would outlive the session.
func (v *request) openNow(ctx context.Context) (*identity, error) {
	id, err := v.auth.openFound(ctx, v.found(), v.base, v.auth.opts.Now())
	if err != nil || v.auth.ending.revoked == nil {
		return id, err
	}
	ended, err := v.auth.ending.revoked.EndedNow(ctx, id.token.revocable())
	if err == nil && ended {
		err = errSignedOut
	}
	return id, err
}

// signedIn marks in a transaction who is signed in when it begins. The transaction adds
// an account to that person alone, and only while they are still signed in: somebody
// who takes over the browser does not get it, nor does a session that has ended.
func (v *request) signedIn() string {
	if v.auth.opts.Adapter == nil {
		return ""
	}
	id, err := v.auth.openFound(v.c.Request.Context(), v.found(), v.base, v.auth.opts.Now())
	if err != nil {
		return ""
	}
	return transaction.UserMark(id.token.Subject)
}

// resolveUser finds or makes the user of a person who may sign in, and puts them into p.
func (v *request) resolveUser(ctx context.Context, p *SignInParams, m match) (isNew bool, err error) {
	if p.User.Email != m.email { // the callback's choice, of which the provider says nothing
		p.Account.EmailVerified = false
	}
	facts := linking.Facts{Owner: idOf(m.account), Current: idOf(m.current), Began: m.began, FormPost: v.formPosted(), ThirdParty: m.thirdParty}
	var user User
	switch facts.Decide() {
	case linking.Use:
		p.User.ID = m.account.ID
		return false, nil
	case linking.LinkCurrent:
		user, err = v.link(ctx, *m.current, p, true)
	case linking.Create:
		user, isNew, err = v.firstSignIn(ctx, p, facts)
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
func (v *request) link(ctx context.Context, user User, p *SignInParams, inSession bool) (User, error) {
	if waits, err := v.mustWait(ctx, user); waits || err != nil {
		if v.later = laterLink; inSession {
			v.later = laterLinkSession
		}
		return user, err
	}
	fresh, err := v.auth.addAccount(ctx, user, *p.Account)
	if err == nil && inSession {
		if _, ended := v.openNow(ctx); ended != nil {
			err = v.auth.takeBack(ctx, user, *p.Account, fresh, errors.Join(errOvertaken, ended))
		}
	}
	if err != nil {
		return User{}, err
	}
	if fresh {
		v.linked(user, p.Account, p.Profile)
	}
	return user, nil
}

// firstSignIn makes a user for an account that nobody has. Another sign-in of the
// same person may do so at this moment: then that user is theirs.
func (v *request) firstSignIn(ctx context.Context, p *SignInParams, facts linking.Facts) (user User, isNew bool, err error) {
	for range 3 {
		owner, err := orNil(v.auth.userByEmail(ctx, p.User.Email))
		if err != nil {
			return User{}, false, err
		}
		if owner != nil {
			// Of two sign-ins at once the other one may just have made both.
			if known, err := orNil(v.auth.userByAccount(ctx, p.Account)); known != nil || err != nil {
				return deref(known), false, err
			}
			facts.Holder = v.holder(*owner, p)
			if facts.Decide() != linking.LinkHolder {
				return User{}, false, errNotLinked
			}
			user, err := v.link(ctx, *owner, p, false)
			return user, false, err
		}
		user, err = v.createUser(ctx, p)
		if err == nil {
			return user, true, nil
		}
		if !errors.Is(err, ErrExists) {
			return User{}, false, fmt.Errorf("%w: %w", errCreateUser, err)
		}
		if known, err := orNil(v.auth.userByAccount(ctx, p.Account)); known != nil || err != nil {
			return deref(known), false, err
		}
	}
	return User{}, false, fmt.Errorf("%w: the adapter says that they exist, and does not find them", errCreateUser)
}

func (v *request) createUser(ctx context.Context, p *SignInParams) (User, error) {
	fresh := *p.User
	fresh.ID = ""
	if fresh.EmailVerified.IsZero() && fresh.Email != "" && p.Account.EmailVerified {
		fresh.EmailVerified = v.auth.opts.Now()
	}
	user, err := v.auth.storeUser(ctx, fresh, p.Account)
	if err != nil {
		return User{}, err
	}
	if event := v.auth.opts.Events.CreateUser; event != nil {
		event(v.c, UserEvent{User: &user})
	}
	v.linked(user, p.Account, p.Profile)
	return user, nil
}

// holder is what is known of the user who has a new account's address.
func (v *request) holder(owner User, p *SignInParams) *linking.Holder {
	return &linking.Holder{
		Trusted:     v.provider.oauth().linksByEmail,
		Vouched:     p.Account.EmailVerified,
		Proved:      !owner.EmailVerified.IsZero(),
		SameAddress: ascii.Lower(owner.Email) == ascii.Lower(p.User.Email),
	}
}

func (v *request) linked(user User, account *Account, profile *goth.User) {
	if event := v.auth.opts.Events.LinkAccount; event != nil {
		event(v.c, LinkAccountEvent{User: &user, Account: account, Profile: profile})
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

// errOvertaken refuses a way into a user that was closed meanwhile.
var errOvertaken = errors.New("ginauth: meanwhile the account was taken away from the user, or their address was proved by its owner")

// ways are the ways into a user of the Adapter: by an account of theirs, at a provider
// or of Credentials, by a passkey, and by mail to their address, once it is proved.
type ways struct {
	accounts []Account
	address  string          // that mail is a proof for; empty: none
	passkeys []StoredPasskey // of the user, where there is Factors.Passkeys
}

func (a *Auth) waysInto(ctx context.Context, user User) (ways, error) {
	accounts, err := bulkhead.Do(ctx, a.calls.adapter, func(ctx context.Context) ([]Account, error) {
		return a.opts.Adapter.ListAccounts(ctx, user.ID)
	})
	w := ways{accounts: accounts}
	if a.mails(user) {
		w.address = ascii.Lower(user.Email)
	}
	if err == nil {
		w.passkeys, err = a.listPasskeys(ctx, user.ID)
	}
	return w, err
}

// mails reports whether a user can sign in by mail, without any account.
func (a *Auth) mails(user User) bool {
	return !user.EmailVerified.IsZero() && user.Email != "" &&
		slices.ContainsFunc(a.providers, func(p *provider) bool { return p.method.kind() == emailType })
}

// any reports whether there is any way at all.
func (w ways) any() bool { return w.address != "" || len(w.accounts) > 0 || len(w.passkeys) > 0 }

func (w ways) has(account Account) bool {
	if account.Type == emailType {
		return w.address != "" && w.address == ascii.Lower(account.ProviderAccountID)
	}
	if account.Type == passkeyType {
		return slices.ContainsFunc(w.passkeys, func(p StoredPasskey) bool { return p.ID == account.ProviderAccountID })
	}
	return slices.ContainsFunc(w.accounts, func(a Account) bool {
		return a.Provider == account.Provider && a.ProviderAccountID == account.ProviderAccountID
	})
}

// byProvider reports whether an account is at a provider: ginauth can take it away, but
// not tell whose it is.
func (w ways) byProvider() bool {
	return slices.ContainsFunc(w.accounts, func(a Account) bool { return a.Type != credentialsType })
}

// addAccount gives a user a further account, and looks again. Who proves the user's
// address at this moment looks for accounts after they have stored the proof: so either
// they see this one, or their proof is seen here. fresh is false where the user has the
// account already.
func (a *Auth) addAccount(ctx context.Context, user User, account Account) (fresh bool, err error) {
	err = a.adapt(ctx, func(ctx context.Context) error { return a.opts.Adapter.LinkAccount(ctx, user.ID, account) })
	fresh = err == nil
	if errors.Is(err, ErrExists) { // a moment ago: by this user's other tab, or somebody else's
		var owner User
		owner, err = a.userByAccount(ctx, &account)
		if err == nil && owner.ID != user.ID {
			err = errNotLinked
		}
	}
	if err != nil {
		return false, err
	}
	now, err := a.userByID(ctx, user.ID)
	if err == nil && provedSince(user, now) {
		err = errOvertaken
	}
	if err != nil && (fresh || errors.Is(err, errOvertaken)) {
		err = a.takeBack(ctx, user, account, fresh, err)
	}
	return fresh, err
}

func provedSince(before, now User) bool {
	return before.EmailVerified.IsZero() && !now.EmailVerified.IsZero()
}

// takeBack takes an account away that must not have been added, because of err. Somebody
// may have signed in by one at a provider already: whose session that is, nothing tells.
// Of Credentials each sign-in looks by itself whether the user was taken over.
func (a *Auth) takeBack(ctx context.Context, user User, account Account, fresh bool, err error) error {
	err = errors.Join(err, a.dropAccount(ctx, user, account, !fresh))
	if account.Type != credentialsType && a.endsSessions() {
		err = errors.Join(err, a.RevokeUser(ctx, user.ID))
	}
	return err
}

// dropAccount takes an account away, if it is there. known says that Events.LinkAccount
// told of it, so that Events.UnlinkAccount must.
func (a *Auth) dropAccount(ctx context.Context, user User, account Account, known bool) error {
	err := a.adapt(ctx, func(ctx context.Context) error {
		return a.opts.Adapter.UnlinkAccount(ctx, user.ID, account.Provider, account.ProviderAccountID, true)
	})
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err == nil && known {
		a.unlinked(ctx, user, account)
	}
	return err
}

// endsSessions reports whether the sessions of a user can be ended.
func (a *Auth) endsSessions() bool {
	_, listed := a.userStore()
	return a.ending.revoked != nil || listed
}

// confirm looks again after a session was kept, and ends it if the account or address
// that began it is gone. Code that removes one ends the user's sessions afterwards. So a
// session is either among those, or kept so late that confirm sees the removal.
func (v *request) confirm(ctx context.Context, userID, session string) error {
	if v.way.Provider == "" { // no user of the Adapter
		return nil
	}
	user, err := v.auth.userByID(ctx, userID)
	if err == nil && v.way.Type != appID { // no account leads the application to a user
		var w ways
		if w, err = v.auth.waysInto(ctx, user); err == nil && (!w.has(v.way) || v.takenOver(user)) {
			err = errOvertaken
		}
	}
	if errors.Is(err, ErrNotFound) {
		err = errOvertaken // the user is deleted
	}
	if err == nil {
		return nil
	}
	if end := v.auth.scheme(v.base).sessions.Remove(ctx, session); end != nil { // no cookie leads to it
		v.auth.opts.Logger.Warn("ginauth: the session of a sign-in that was refused was not deleted", "error", redact.Error(end))
	}
	return err
}

// takenOver reports whether the password by which somebody signs in was deleted since it
// was found right.
func (v *request) takenOver(now User) bool {
	return v.way.Type == credentialsType && (provedSince(v.before, now) || v.auth.shared.takeovers.Since(now.ID, v.began))
}
