package ginauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/ginauth/ginauth/internal/errorcode"
	"github.com/ginauth/ginauth/internal/linking"
)

// Whom Credentials sign in may be a user of the Adapter. Then the credentials are an
// account of theirs, like one at a provider: it is linked when they first sign in, if
// there is no other way into the user. Where there is one, a password may be anybody's
// who could write it beside the user, so that only LinkCredentials links it.

var (
	errNoUserID  = errors.New("ginauth: Credentials.Authorize returned a User without ID, whom nobody could tell from another; return the ID, or nil to refuse")
	errNotByThis = errors.New("ginauth: the user signs in another way, and these credentials are not linked to them; call Auth.LinkCredentials where a password is set, see docs/users.md")
)

// admitCredentials signs in a person whom Authorize let in.
func (v *visit) admitCredentials(p SignInParams) outcome {
	if result, refused := v.decide(p); refused {
		return result
	}
	if v.opts.Adapter != nil {
		if err := v.settleCredentials(context.WithoutCancel(v.c.Request.Context()), p); err != nil {
			return v.notEntered(err)
		}
	}
	return v.enter(p, false)
}

// settleCredentials makes the credentials an account of the adapter's user, if they are
// of one.
func (v *visit) settleCredentials(ctx context.Context, p SignInParams) error {
	user, err := found(v.userByID(ctx, p.User.ID))
	if err != nil || user == nil {
		v.unlisted = err == nil
		return err
	}
	*p.Account = v.provider.credentialsAccount(user.ID)
	v.way, v.before = *p.Account, *user
	w, err := v.waysInto(ctx, *user)
	if err != nil {
		return err
	}
	switch (linking.Credentials{Linked: w.has(v.way), OtherWay: w.any()}).Decide() {
	case linking.Use:
		return nil
	case linking.Refuse:
		return errNotByThis
	}
	fresh, err := v.addAccount(ctx, *user, v.way)
	if err == nil && fresh {
		v.linked(*user, p.Account, nil)
	}
	return err
}

func (p *provider) credentialsAccount(userID string) Account {
	return Account{Provider: p.id, Type: credentialsType, ProviderAccountID: userID}
}

// notEntered is what a sign-in leads to that cannot go on. It is logged.
func (v *visit) notEntered(err error) outcome {
	v.refused("the user and account", err)
	switch {
	case v.provider.kind != credentialsType:
		return v.failed(http.StatusOK, adapterCode(err))
	case errors.Is(err, errOvertaken), errors.Is(err, ErrNotFound): // the password is deleted
		return v.failed(http.StatusUnauthorized, errorcode.CredentialsSignin)
	case errors.Is(err, errNotByThis), errors.Is(err, errNotLinked), errors.Is(err, errOtherUser):
		return v.failed(http.StatusUnauthorized, errorcode.OAuthAccountNotLinked)
	}
	return v.failed(http.StatusInternalServerError, errorcode.Callback)
}

// LinkCredentials lets a user of the Adapter sign in by Credentials. Call it where a
// password is set for somebody who is signed in as this user, before the password is
// stored. It is no error if they are linked already.
//
// When somebody first signs in by Credentials, these are linked to a user into whom no
// other way leads: to somebody who has just registered. To a user who has an account at
// a provider, or has proved an address that Email sends to, a sign-in never links them:
// anybody who knew the address may have set the password. It is refused, with
// OAuthAccountNotLinked, until LinkCredentials is called.
//
// The error is ErrNotFound where there is no such user. Where there are several
// Credentials it is an error too: call the Adapter's LinkAccount then, with an Account
// of the type "credentials" whose ProviderAccountID is the user's ID. Unlink undoes it.
// Events.LinkAccount is not told.
func (a *Auth) LinkCredentials(ctx context.Context, userID string) error {
	if a.opts.Adapter == nil {
		return fmt.Errorf("%w: LinkCredentials needs one", errNoAdapter)
	}
	all := a.credentials()
	if len(all) != 1 {
		return fmt.Errorf("ginauth: LinkCredentials needs one Credentials in Options.Providers, and there are %d; with several call the Adapter's LinkAccount with an Account of the type %q", len(all), credentialsType)
	}
	ctx = context.WithoutCancel(requestContext(ctx)) // half a link would be one that nobody has looked at again
	user, err := a.userByID(ctx, userID)
	if err != nil {
		return err
	}
	_, err = a.addAccount(ctx, user, all[0].credentialsAccount(user.ID))
	return err
}

// credentials are the providers of that kind.
func (a *Auth) credentials() (all []*provider) {
	for _, p := range a.providers {
		if p.credentials != nil {
			all = append(all, p)
		}
	}
	return all
}
