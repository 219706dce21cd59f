package ginauth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/ginauth/ginauth/internal/ascii"
	"github.com/ginauth/ginauth/internal/bulkhead"
	"github.com/ginauth/ginauth/internal/factor"
	"github.com/ginauth/ginauth/internal/redact"
)

// Unlink takes an account away from a user, who can no longer sign in with it.
// What they are signed in to goes on: RevokeUser ends that. The error is
// ErrLastAccount where it is the user's last way to sign in, and ErrNotFound where
// they have no such account, so that what a form says reaches nobody else's.
// userID is the token's subject. Credentials are an account too: the provider's ID
// is theirs, and providerAccountID the user's ID. Unlink it when you delete
// somebody's password.
func (a *Auth) Unlink(ctx context.Context, userID, provider, providerAccountID string) error {
	if a.opts.Adapter == nil {
		return fmt.Errorf("%w: Unlink needs one", errNoAdapter)
	}
	ctx = context.WithoutCancel(requestContext(ctx)) // who leaves half-way must not keep it from looking again
	user, err := a.userByID(ctx, userID)
	if err != nil {
		return err
	}
	w, err := a.waysInto(ctx, user)
	if err != nil {
		return err
	}
	account := Account{Provider: provider, ProviderAccountID: providerAccountID}
	byPasskey := w.address == "" && len(w.passkeys) > 0
	err = a.adapt(ctx, func(ctx context.Context) error {
		return a.opts.Adapter.UnlinkAccount(ctx, userID, provider, providerAccountID, w.address != "" || byPasskey)
	})
	if err == nil && byPasskey { // which another request may have taken away at the same moment
		err = a.unlessLast(ctx, user, w, account)
	}
	if err == nil {
		a.unlinked(ctx, user, account)
	}
	return err
}

// unlessLast looks again after an account was unlinked, and puts it back as it was before
// where there is no other way in by now.
func (a *Auth) unlessLast(ctx context.Context, user User, before ways, account Account) error {
	left, err := a.waysInto(ctx, user)
	if err == nil && !left.any() {
		err = ErrLastAccount
	}
	i := slices.IndexFunc(before.accounts, account.is)
	if err == nil || i < 0 {
		return err
	}
	a.opts.Logger.Warn("ginauth: an account that was unlinked is linked again, without the tokens that the Adapter may have kept", "provider", account.Provider, "user", user.ID, "error", redact.Error(err))
	_, failed := a.addAccount(ctx, user, before.accounts[i])
	return cmp.Or(failed, err)
}

// unlinked tells the log and Events.UnlinkAccount.
func (a *Auth) unlinked(ctx context.Context, user User, account Account) {
	a.opts.Logger.InfoContext(ctx, "ginauth: an account was unlinked", "provider", account.Provider, "user", user.ID)
	if event := a.opts.Events.UnlinkAccount; event != nil {
		event(context.WithoutCancel(ctx), UnlinkAccountEvent{User: &user, Account: &Account{Provider: account.Provider, ProviderAccountID: account.ProviderAccountID}})
	}
}

// DeleteUser deletes a user with all their accounts and signs them out everywhere,
// as RevokeUser does. Where there are no Revocations, and no store that finds
// their sessions, a session of theirs is refused when it is next looked up: see
// Adapter. It is no error if there is no such user; after an error call it again.
func (a *Auth) DeleteUser(ctx context.Context, userID string) error {
	if a.opts.Adapter == nil {
		return fmt.Errorf("%w: DeleteUser needs one", errNoAdapter)
	}
	if userID == "" {
		return errors.New("ginauth: DeleteUser needs the ID of a user")
	}
	// First the user, then the sessions: in the other order they could sign in again
	// in between.
	ctx = context.WithoutCancel(requestContext(ctx))
	err := a.adapt(ctx, func(ctx context.Context) error { return a.opts.Adapter.DeleteUser(ctx, userID) })
	if err != nil {
		return err
	}
	a.opts.Logger.InfoContext(ctx, "ginauth: a user was deleted", "user", userID)
	if event := a.opts.Events.DeleteUser; event != nil {
		event(ctx, UserEvent{User: &User{ID: userID}})
	}
	err = a.RevokeUser(ctx, userID)
	if errors.Is(err, ErrNotSupported) {
		a.ending.streams.EndUser(userID)
		return nil
	}
	return err
}

// userOf is the Adapter's user of a session, and ErrNotFound where it has none: to somebody
// whom Credentials signed in it never was, and may have given their ID to another since.
func (a *Auth) userOf(ctx context.Context, id *identity) (User, error) {
	if id.token.notInAdapter {
		return User{}, ErrNotFound
	}
	return a.userByID(ctx, id.token.Subject)
}

// lookUp refuses the session of a user whom the adapter no longer has. Somebody
// whom Credentials signed in may never have been there.
func (a *Auth) lookUp(ctx context.Context, id *identity) error {
	if a.opts.Adapter == nil || id.token.notInAdapter {
		return nil
	}
	user, err := orNil(a.userByID(ctx, id.token.Subject))
	switch {
	case errors.Is(err, errOtherUser), err == nil && user == nil:
		return errSignedOut
	case err != nil:
		return err
	}
	id.user = user
	return nil
}

// A Passkey is one of a user's, for a page that shows people theirs.
type Passkey struct {
	ID       string // names it for RemovePasskey
	Name     string // that the person gave it
	Created  time.Time
	LastUsed time.Time // zero: never
	Synced   bool      // it is backed up, so that other devices of the person have it too
	Cloned   bool      // its signature counter went back once: somebody may have copied it
}

// Passkeys returns the passkeys of a user, the oldest first. userID is the token's
// subject. There are none without Factors.Passkeys.
func (a *Auth) Passkeys(ctx context.Context, userID string) ([]Passkey, error) {
	m := a.passkeys()
	if m == nil {
		return []Passkey{}, nil
	}
	kept, err := m.keeper.Records(requestContext(ctx), userID)
	list := make([]Passkey, 0, len(kept))
	for _, r := range kept {
		created, used := r.Times()
		list = append(list, Passkey{r.ID, r.Name, created, used, r.Synced, r.Cloned})
	}
	return list, err
}

// RemovePasskey takes a passkey away from a user, such as that of a lost device. The
// error is ErrNotFound where they have none of this ID, and ErrLastAccount where they
// could not sign in without it. Their sessions go on: RevokeUser ends them.
func (a *Auth) RemovePasskey(ctx context.Context, userID, id string) error {
	if a.passkeys() == nil {
		return fmt.Errorf("%w: RemovePasskey needs Factors.Passkeys", ErrNotSupported)
	}
	ctx = context.WithoutCancel(requestContext(ctx))
	user, err := a.userByID(ctx, userID)
	if err != nil {
		return err
	}
	dispensable := func() error {
		w, err := a.waysInto(ctx, user)
		w.passkeys = slices.DeleteFunc(w.passkeys, func(p StoredPasskey) bool { return p.ID == id })
		if err == nil && !w.any() {
			err = ErrLastAccount
		}
		return err
	}
	err = a.passkeys().keeper.RemoveIf(ctx, userID, id, dispensable, func() error { return a.unclaimed(ctx, user) })
	if err == nil {
		a.unlinked(ctx, user, passkeyAccount(id))
	}
	return err
}

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
	return slices.ContainsFunc(w.accounts, account.is)
}

// is reports whether another account is this one.
func (a Account) is(other Account) bool {
	return a.Provider == other.Provider && a.ProviderAccountID == other.ProviderAccountID
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
	err = a.unclaimed(ctx, user)
	if err != nil && (fresh || errors.Is(err, errOvertaken)) {
		err = a.takeBack(ctx, user, account, fresh, err)
	}
	return fresh, err
}

// unclaimed is errOvertaken where the owner of a user's address has proved it since.
func (a *Auth) unclaimed(ctx context.Context, user User) error {
	now, err := a.userByID(ctx, user.ID)
	if err == nil && provedSince(user, now) {
		err = errOvertaken
	}
	return err
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
func (r *request) confirm(ctx context.Context, userID, session string) error {
	if r.way.Provider == "" { // no user of the Adapter
		return nil
	}
	user, err := r.auth.userByID(ctx, userID)
	if err == nil && r.way.Type != appID { // no account leads the application to a user
		var w ways
		if w, err = r.auth.waysInto(ctx, user); err == nil && (!w.has(r.way) || r.takenOver(user)) {
			err = errOvertaken
		}
	}
	if errors.Is(err, ErrNotFound) {
		err = errOvertaken // the user is deleted
	}
	if err == nil {
		return nil
	}
	if end := r.auth.scheme(r.base).sessions.Remove(ctx, session); end != nil { // no cookie leads to it
		r.auth.opts.Logger.Warn("ginauth: the session of a sign-in that was refused was not deleted", "error", redact.Error(end))
	}
	return err
}

// takenOver reports whether the password by which somebody signs in was deleted since it
// was found right.
func (r *request) takenOver(now User) bool {
	return r.way.Type == credentialsType && (provedSince(r.before, now) || r.auth.shared.takeovers.Since(now.ID, r.began))
}

// changeWhileSignedIn changes the second factors of the person whose session sends this
// request. What was changed while the session ended is taken back: RevokeUser may have
// ended it because somebody else had it.
func (r *request) changeWhileSignedIn(ctx context.Context, userID string, by func(*factor.Record)) error {
	var before, wrote factor.Record
	err := r.auth.changeFactors(ctx, userID, func(record *factor.Record) error {
		before = *record
		by(record)
		wrote = *record
		return nil
	})
	if err != nil {
		return err
	}
	_, ended := r.openNow(ctx)
	if ended == nil {
		return nil
	}
	err = r.auth.changeFactors(ctx, userID, func(record *factor.Record) error { record.TakeBack(&wrote, &before); return nil })
	if err != nil && !errors.Is(err, ErrNotFound) { // without the user there are no factors
		return fmt.Errorf("taking back what was changed while the session ended: %w", err)
	}
	return ended
}

// secondFault answers somebody who is not signed in any more, or whose factors cannot be
// read or changed.
func (r *request) secondFault(err error) {
	if errors.Is(err, errSignedOut) {
		r.redirect(http.StatusUnauthorized, r.signInFor(r.secondURL("list")))
		return
	}
	r.leave(r.sessionFault("the second factor", err))
}
