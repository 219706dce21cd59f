package ginauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/ginauth/ginauth/internal/bulkhead"
	"github.com/ginauth/ginauth/internal/errorcode"
	"github.com/ginauth/ginauth/internal/factor"
)

// mailUser is the user with an e-mail address: the Adapter's, or a new one, who has no
// ID yet.
func (v *request) mailUser(ctx context.Context, to string) (user User, known bool, err error) {
	user, err = v.auth.userByEmail(ctx, to)
	if errors.Is(err, ErrNotFound) {
		return User{Email: to}, false, nil
	}
	return user, err == nil, err
}

// mailAccount is the account of a person who reads the mail to an address. It is
// linked to no user: the address itself is.
func (v *request) mailAccount(to string) *Account {
	return &Account{Provider: v.provider.id, Type: emailType, ProviderAccountID: to}
}

var errUnproved = errors.New("ginauth: somebody else may sign in as the user with this address, who never proved that it is theirs")

// admitEmail signs in a person who proved to read the mail to an address.
func (v *request) admitEmail(ctx context.Context, to string) outcome {
	user, known, err := v.mailUser(ctx, to)
	closing := false
	if err == nil && known {
		v.who = &user
		closing, err = v.mayClaim(ctx, user)
	}
	if err != nil {
		return v.unkept(err, false)
	}
	v.proofs = []factor.Proof{v.proof(FactorMail, to)}
	account := v.mailAccount(to)
	account.EmailVerified = true
	shown := user // the callback may change it, but not whose row is written
	p := SignInParams{User: &shown, Account: account}
	if result, refused := v.decide(p); refused {
		return result
	}
	var kept User
	isNew := !known
	if known {
		kept, err = v.keepVerified(ctx, user, closing)
	} else {
		kept, isNew, err = v.createVerified(ctx, to, shown)
	}
	if err != nil {
		return v.unkept(err, isNew)
	}
	kept.Values = shown.Values
	p.User, v.way = &kept, *v.mailAccount(to)
	return v.startSession(p, isNew)
}

// unkept is what a user who cannot be found or kept leads to.
func (v *request) unkept(err error, isNew bool) outcome {
	status, code := http.StatusInternalServerError, errorcode.Callback
	switch {
	case errors.Is(err, errUnproved), errors.Is(err, errOtherUser):
		status, code = http.StatusOK, errorcode.OAuthAccountNotLinked
	case isNew:
		status, code = http.StatusOK, errorcode.EmailCreateAccount
	}
	return v.refused("keeping the user", err, status, code)
}

// mayClaim decides whether the owner of an address gets the user who has it. An
// attacker may have come first: with the address in a profile at another service, or
// with a password registered for it. The two would then share the user. mayClaim
// refuses the owner if the user has an account at a provider, since nothing tells whose
// account that is. A password can be deleted: closing reports that it must be, and that
// the sessions it began must end. A person who is signed in as this user has proved both.
func (v *request) mayClaim(ctx context.Context, user User) (closing bool, err error) {
	if !user.EmailVerified.IsZero() || v.signedInAs(ctx, user.ID) {
		return false, nil
	}
	w, err := v.auth.waysInto(ctx, user)
	if err != nil {
		return false, err
	}
	// A password need not have been used yet, or not since it became an account.
	credentials := v.auth.credentials()
	if w.byProvider() {
		return false, errUnproved
	}
	for _, m := range credentials {
		if m.Reset == nil {
			return false, fmt.Errorf("%w; set Credentials.Reset of the provider %s, which deletes the password, to let the owner of the address in", errUnproved, m.ID)
		}
	}
	if (len(credentials) > 0 || w.any()) && !v.auth.endsSessions() {
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
func (v *request) signedInAs(ctx context.Context, userID string) bool {
	id, err := v.auth.openFound(ctx, v.found(), v.base, v.auth.opts.Now())
	return err == nil && userID != "" && id.token.Subject == userID
}

// createVerified stores a new user, whose address was proved. isNew is also said of one
// who could not be created.
func (v *request) createVerified(ctx context.Context, to string, shown User) (kept User, isNew bool, err error) {
	fresh := User{Name: shown.Name, Email: to, Image: shown.Image, EmailVerified: v.auth.opts.Now()}
	kept, err = v.auth.storeUser(ctx, fresh, nil)
	if errors.Is(err, ErrExists) { // a second link of the same person was followed at once, or they registered
		user, err := v.auth.userByEmail(ctx, to)
		if err != nil {
			return User{}, false, err
		}
		closing, err := v.mayClaim(ctx, user)
		if err != nil {
			return User{}, false, err
		}
		kept, err = v.keepVerified(ctx, user, closing)
		return kept, false, err
	}
	if err != nil {
		return User{}, true, err
	}
	if event := v.auth.opts.Events.CreateUser; event != nil {
		event(v.c, UserEvent{User: &kept})
	}
	return kept, true, nil
}

// keepVerified stores that a user's address was proved. Where that closes the ways by
// which anybody else could enter, no step may be missed: what fails leaves the address
// unproved, so that the next proof closes them again.
func (v *request) keepVerified(ctx context.Context, user User, closing bool) (kept User, err error) {
	if waits, err := v.mustWait(ctx, user); waits || err != nil {
		v.later = laterVerify
		return user, err
	}
	if closing {
		if err := v.resetCredentials(ctx, user); err != nil {
			return User{}, err
		}
	}
	before := user
	if closing {
		v.auth.shared.takeovers.Add(user.ID)
	}
	user.EmailVerified = v.auth.opts.Now()
	if kept, err = v.auth.updateUser(ctx, user); err != nil {
		return User{}, err
	}
	if closing {
		if err := v.shutOut(ctx, kept); err != nil {
			ctx, cancel := v.detached(adapterTimeout)
			defer cancel()
			_, undo := v.auth.updateUser(ctx, before)
			return User{}, errors.Join(err, undo)
		}
	}
	if event := v.auth.opts.Events.UpdateUser; event != nil {
		event(v.c, UserEvent{User: &kept})
	}
	return kept, nil
}

// resetCredentials deletes a user's password, and the account that it is.
func (v *request) resetCredentials(ctx context.Context, user User) error {
	for _, m := range v.auth.credentials() {
		bounded, cancel := context.WithTimeout(ctx, adapterTimeout)
		_, err := bulkhead.Wait(bounded, v.auth.calls.adapter, func(ctx context.Context) (struct{}, error) {
			return struct{}{}, m.Reset(ctx, user.ID)
		})
		cancel()
		if err != nil {
			return fmt.Errorf("ginauth: Credentials.Reset of the provider %s: %w", m.ID, err)
		}
	}
	return v.dropCredentials(ctx, user)
}

// shutOut ends what the password let in. A sign-in that had passed it may have linked
// its account since, and who was signed in may have added one at a provider. What is
// added after this has looked, addAccount and link take back.
func (v *request) shutOut(ctx context.Context, user User) error {
	err := v.dropCredentials(ctx, user)
	if err != nil || !v.auth.endsSessions() {
		return err
	}
	if err := v.auth.RevokeUser(ctx, user.ID); err != nil {
		return err
	}
	return v.dropCredentials(ctx, user)
}

func (v *request) dropCredentials(ctx context.Context, user User) error {
	w, err := v.auth.waysInto(ctx, user)
	if err != nil {
		return err
	}
	if w.byProvider() { // a person who had the password links one at this moment
		return errUnproved
	}
	for _, account := range w.accounts {
		if err := v.auth.dropAccount(ctx, user, account, true); err != nil {
			return err
		}
	}
	for _, p := range w.passkeys { // whoever had the password could add one
		if err := v.auth.dropPasskey(ctx, user, p.ID); err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	return nil
}
