package ginauth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ginauth/ginauth/internal/ascii"
	"github.com/ginauth/ginauth/internal/bulkhead"
)

// adapterTimeout bounds one call of the Adapter, so that a database that hangs
// ends in an answer.
const adapterTimeout = 5 * time.Second

var (
	errNoAdapter = errors.New("ginauth: there is no Options.Adapter")
	errNoID      = errors.New("ginauth: the adapter returned a user without ID")
	// errOtherUser says that the adapter's database compares texts in a way of its own.
	errOtherUser = errors.New("ginauth: the adapter returned another user than it was asked for; its database must compare IDs, accounts and addresses byte by byte")
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
	ctx = requestContext(ctx)
	user, err := a.userByID(ctx, userID)
	if err != nil {
		return err
	}
	return a.adapt(ctx, func(ctx context.Context) error {
		return a.opts.Adapter.UnlinkAccount(ctx, userID, provider, providerAccountID, a.mails(user))
	})
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
	err = a.RevokeUser(ctx, userID)
	if errors.Is(err, ErrNotSupported) {
		a.streams.EndUser(userID)
		return nil
	}
	return err
}

// lookUp refuses the session of a user whom the adapter no longer has. Somebody
// whom Credentials signed in may never have been there.
func (a *Auth) lookUp(ctx context.Context, id *identity) error {
	if a.opts.Adapter == nil || id.token.unlisted || id.user != nil {
		return nil
	}
	user, err := found(a.userByID(ctx, id.token.Subject))
	switch {
	case errors.Is(err, errOtherUser), err == nil && user == nil:
		return errSignedOut
	case err != nil:
		return err
	}
	id.user = user
	return nil
}

// What the adapter returns is looked at again. A database may take one text for
// another: ada for adá in one of MySQL's collations, 12abc for the number 12.

func (a *Auth) userByID(ctx context.Context, id string) (User, error) {
	if id == "" {
		return User{}, ErrNotFound
	}
	return a.oneUser(ctx, func(u User) bool { return u.ID == id },
		func(ctx context.Context) (User, error) { return a.opts.Adapter.GetUser(ctx, id) })
}

func (a *Auth) userByEmail(ctx context.Context, email string) (User, error) {
	if email == "" {
		return User{}, ErrNotFound
	}
	return a.oneUser(ctx, func(u User) bool { return ascii.Lower(u.Email) == ascii.Lower(email) },
		func(ctx context.Context) (User, error) { return a.opts.Adapter.GetUserByEmail(ctx, email) })
}

func (a *Auth) userByAccount(ctx context.Context, account *Account) (User, error) {
	user, err := a.oneUser(ctx, nil, func(ctx context.Context) (User, error) {
		return a.opts.Adapter.GetUserByAccount(ctx, account.Provider, account.ProviderAccountID)
	})
	if err != nil {
		return User{}, err
	}
	w, err := a.waysInto(ctx, user)
	if err == nil && !w.has(*account) {
		err = errOtherUser
	}
	return user, err
}

// storeUser creates a user, with their first account or without any.
func (a *Auth) storeUser(ctx context.Context, fresh User, account *Account) (User, error) {
	user, err := a.oneUser(ctx, func(u User) bool { return ascii.Lower(u.Email) == ascii.Lower(fresh.Email) },
		func(ctx context.Context) (User, error) { return a.opts.Adapter.CreateUser(ctx, fresh, account) })
	if err != nil || account == nil {
		return user, err
	}
	w, err := a.waysInto(ctx, user)
	if err == nil && !w.has(*account) {
		err = errOtherUser
	}
	return user, err
}

// updateUser stores what has changed of a user.
func (a *Auth) updateUser(ctx context.Context, changed User) (User, error) {
	return a.oneUser(ctx, func(u User) bool { return u.ID == changed.ID && ascii.Lower(u.Email) == ascii.Lower(changed.Email) },
		func(ctx context.Context) (User, error) { return a.opts.Adapter.UpdateUser(ctx, changed) })
}

// oneUser refuses an answer that is none, or is not the user who was meant: with an
// empty ID, one person's session would be another's.
func (a *Auth) oneUser(ctx context.Context, meant func(User) bool, call func(context.Context) (User, error)) (User, error) {
	user, err := bulkhead.Do(ctx, a.adapterCalls, call)
	switch {
	case err != nil:
		return User{}, err
	case user.ID == "":
		return User{}, errNoID
	case meant != nil && !meant(user):
		return User{}, errOtherUser
	}
	return user, nil
}

// found makes a nil of a user who is not there.
func found(user User, err error) (*User, error) {
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &user, nil
}

// newAdapterCalls stands before the Adapter. The errors of its contract come
// through as they are, and any other as an adapterFault.
func newAdapterCalls() *bulkhead.Bulkhead {
	return bulkhead.New(adapterTimeout, adapterFault{}, ErrNotFound, ErrExists, ErrLastAccount)
}

// adapt calls the Adapter where that returns nothing.
func (a *Auth) adapt(ctx context.Context, call func(context.Context) error) error {
	return bulkhead.Run(ctx, a.adapterCalls, call)
}

// An adapterFault is an error of the Adapter beyond its contract: nobody can tell
// who a person is.
type adapterFault struct{}

func (adapterFault) Error() string { return "ginauth: the adapter failed" }

func (adapterFault) Unwrap() error { return errUnavailable }
