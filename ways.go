package ginauth

import (
	"context"
	"errors"
	"slices"

	"github.com/ginauth/ginauth/internal/ascii"
	"github.com/ginauth/ginauth/internal/bulkhead"
	"github.com/ginauth/ginauth/internal/redact"
)

// credentialsType is the Account.Type of Credentials.
const credentialsType = "credentials"

// errOvertaken refuses a way into a user that was closed meanwhile.
var errOvertaken = errors.New("ginauth: meanwhile the account was taken away from the user, or their address was proved by its owner")

// ways are the ways into a user of the Adapter: by an account of theirs, at a provider
// or of Credentials, and by mail to their address, once it is proved.
type ways struct {
	accounts []Account
	address  string // that mail is a proof for; empty: none
}

func (a *Auth) waysInto(ctx context.Context, user User) (ways, error) {
	accounts, err := bulkhead.Do(ctx, a.adapterCalls, func(ctx context.Context) ([]Account, error) {
		return a.opts.Adapter.ListAccounts(ctx, user.ID)
	})
	w := ways{accounts: accounts}
	if a.mails(user) {
		w.address = ascii.Lower(user.Email)
	}
	return w, err
}

// mails reports whether a user can sign in by mail, without any account.
func (a *Auth) mails(user User) bool {
	return !user.EmailVerified.IsZero() && user.Email != "" &&
		slices.ContainsFunc(a.providers, func(p *provider) bool { return p.kind == "email" })
}

// any reports whether there is any way at all.
func (w ways) any() bool { return w.address != "" || len(w.accounts) > 0 }

func (w ways) has(account Account) bool {
	if account.Type == "email" {
		return w.address != "" && w.address == ascii.Lower(account.ProviderAccountID)
	}
	return slices.ContainsFunc(w.accounts, func(a Account) bool { return keyOf(a) == keyOf(account) })
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
		err = a.takeBack(ctx, user, account, err)
	}
	return fresh, err
}

func provedSince(before, now User) bool {
	return before.EmailVerified.IsZero() && !now.EmailVerified.IsZero()
}

// takeBack takes an account away that must not have been added, because of err. Somebody
// may have signed in by one at a provider already: whose session that is, nothing tells.
// Of Credentials each sign-in looks by itself whether the user was taken over.
func (a *Auth) takeBack(ctx context.Context, user User, account Account, err error) error {
	err = errors.Join(err, a.dropAccount(ctx, user.ID, account))
	if account.Type != credentialsType && a.endsSessions() {
		err = errors.Join(err, a.RevokeUser(ctx, user.ID))
	}
	return err
}

// dropAccount takes an account away, if it is there.
func (a *Auth) dropAccount(ctx context.Context, userID string, account Account) error {
	err := a.adapt(ctx, func(ctx context.Context) error {
		return a.opts.Adapter.UnlinkAccount(ctx, userID, account.Provider, account.ProviderAccountID, true)
	})
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// endsSessions reports whether the sessions of a user can be ended.
func (a *Auth) endsSessions() bool {
	_, listed := a.userStore()
	return a.revoked != nil || listed
}

// confirm looks again when a session is kept, and ends it if the way by which it began
// is closed. Whoever closes one ends the user's sessions afterwards. So a session is
// either among these, or kept so late that the way is seen to be closed.
func (v *visit) confirm(ctx context.Context, userID, session string) error {
	if v.way.Provider == "" { // no user of the Adapter
		return nil
	}
	user, err := v.userByID(ctx, userID)
	if err == nil {
		var w ways
		if w, err = v.waysInto(ctx, user); err == nil && (!w.has(v.way) || v.takenOver(user)) {
			err = errOvertaken
		}
	}
	if errors.Is(err, ErrNotFound) {
		err = errOvertaken // the user is deleted
	}
	if err == nil {
		return nil
	}
	if end := v.site(v.base).sessions.Remove(ctx, session); end != nil { // no cookie leads to it
		v.opts.Logger.Warn("ginauth: the session of a sign-in that was refused was not deleted", "error", redact.Error(end))
	}
	return err
}

// takenOver reports whether the password by which somebody signs in was deleted since it
// was found right.
func (v *visit) takenOver(now User) bool {
	return v.way.Type == credentialsType && (provedSince(v.before, now) || v.takeovers.since(now.ID, v.began))
}
