package ginauth

import (
	"context"
	"errors"
	"net/http"
)

// mailUser is who has an e-mail address: the Adapter's user, or somebody new, who
// has no ID yet.
func (v *visit) mailUser(ctx context.Context, to string) (user User, known bool, err error) {
	user, err = v.userByEmail(ctx, to)
	if errors.Is(err, ErrNotFound) {
		return User{Email: to}, false, nil
	}
	return user, err == nil, err
}

// mailAccount is the account of somebody who reads the mail to an address. It is
// linked to nobody: the address itself is.
func (v *visit) mailAccount(to string) *Account {
	return &Account{Provider: v.provider.id, Type: v.provider.kind, ProviderAccountID: to}
}

var errUnproved = errors.New("ginauth: the user with this address signs in another way and never proved that it is theirs")

// admitEmail signs in a person who proved to read the mail to an address.
func (v *visit) admitEmail(ctx context.Context, to string) outcome {
	user, known, err := v.mailUser(ctx, to)
	if err == nil && known {
		err = v.mayClaim(ctx, user)
	}
	if err != nil {
		return v.unkept(err, false)
	}
	account := v.mailAccount(to)
	account.EmailVerified = true
	shown := user // the callback may change it, but not whose row is written
	p := SignInParams{User: &shown, Account: account}
	if result, refused := v.decide(p); refused {
		return result
	}
	kept, isNew, err := v.keepVerified(ctx, user, known, shown)
	if err != nil {
		return v.unkept(err, isNew)
	}
	kept.Values = shown.Values
	p.User = &kept
	return v.enter(p, isNew)
}

// unkept is what a user who cannot be found or kept leads to.
func (v *visit) unkept(err error, isNew bool) outcome {
	v.refused("keeping the user", err)
	switch {
	case errors.Is(err, errUnproved):
		return v.failed(http.StatusOK, "OAuthAccountNotLinked")
	case isNew:
		return v.failed(http.StatusOK, "EmailCreateAccount")
	}
	return v.failed(http.StatusInternalServerError, "Callback")
}

// mayClaim refuses an address that stands with somebody's account and was never
// proved. Whoever came first may have written any address into their profile at
// another service, to wait for its owner: they would share the user from now on. One
// who is signed in as this user has proved both.
func (v *visit) mayClaim(ctx context.Context, user User) error {
	if !user.EmailVerified.IsZero() {
		return nil
	}
	accounts, err := adapted(ctx, v.Auth, func(ctx context.Context) ([]Account, error) {
		return v.opts.Adapter.ListAccounts(ctx, user.ID)
	})
	if err != nil {
		return err
	}
	if len(accounts) > 0 && !v.signedInAs(ctx, user.ID) {
		return errUnproved
	}
	return nil
}

// signedInAs reports whether this browser's session is that user's.
func (v *visit) signedInAs(ctx context.Context, userID string) bool {
	id, err := v.openFound(ctx, v.found(), v.base, v.opts.Now())
	return err == nil && userID != "" && id.token.Subject == userID
}

// keepVerified stores that the address was proved: with the user who has it, or with
// a new one. isNew is also said of a user who could not be created.
func (v *visit) keepVerified(ctx context.Context, user User, known bool, shown User) (kept User, isNew bool, err error) {
	now := v.opts.Now()
	if !known {
		kept, err = adapted(ctx, v.Auth, func(ctx context.Context) (User, error) {
			return v.opts.Adapter.CreateUser(ctx, User{Name: shown.Name, Email: user.Email, Image: shown.Image, EmailVerified: now}, nil)
		})
		if err == nil {
			if event := v.opts.Events.CreateUser; event != nil {
				event(v.c, UserEvent{User: &kept})
			}
		}
		if !errors.Is(err, ErrExists) {
			return kept, true, err
		}
		// A second link of the same person was followed at once.
		if user, err = v.userByEmail(ctx, user.Email); err != nil {
			return User{}, false, err
		}
		if err = v.mayClaim(ctx, user); err != nil {
			return User{}, false, err
		}
	}
	user.EmailVerified = now
	if kept, err = adapted(ctx, v.Auth, func(ctx context.Context) (User, error) { return v.opts.Adapter.UpdateUser(ctx, user) }); err != nil {
		return User{}, false, err
	}
	if event := v.opts.Events.UpdateUser; event != nil {
		event(v.c, UserEvent{User: &kept})
	}
	return kept, false, nil
}
