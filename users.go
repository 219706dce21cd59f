package ginauth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth/internal/bulkhead"
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
	keys, err := a.listPasskeys(ctx, userID)
	if err != nil {
		return err
	}
	err = a.adapt(ctx, func(ctx context.Context) error {
		return a.opts.Adapter.UnlinkAccount(ctx, userID, provider, providerAccountID, a.mails(user) || len(keys) > 0)
	})
	if err == nil {
		a.unlinked(ctx, user, Account{Provider: provider, ProviderAccountID: providerAccountID})
	}
	return err
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

// lookUp refuses the session of a user whom the adapter no longer has. Somebody
// whom Credentials signed in may never have been there.
func (a *Auth) lookUp(ctx context.Context, id *identity) error {
	if a.opts.Adapter == nil || id.token.notInAdapter || id.user != nil {
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

// A UserSession is one session of a user, for a page that shows people where
// they are signed in.
type UserSession struct {
	ID       string    // names the session for EndSession, and opens nothing
	SignedIn time.Time // to the second, as Token.AuthTime: equal to it for the session of a request
	LastUsed time.Time // not later than Session.UpdateAge before its last use
	Expires  time.Time
	// Claims are the token's, such as the name of the device that a JWT callback
	// put there at sign-in.
	Claims map[string]any

	sid     string // names its streams
	browser string // that it began in, as the account page names it
}

// Sessions returns the sessions of a user, the last used first. userID is the
// token's subject. The error is ErrNotSupported where Session.Store cannot tell:
// a sealed session is known to its browser alone.
func (a *Auth) Sessions(ctx context.Context, userID string) ([]UserSession, error) {
	if userID == "" {
		return nil, errors.New("ginauth: Sessions needs the ID of a user")
	}
	store, ok := a.userStore()
	if !ok {
		return nil, fmt.Errorf("%w: Sessions needs one that finds a user's sessions, such as redisstore's", ErrNotSupported)
	}
	listed, err := a.listed(requestContext(ctx), store, userID)
	if err != nil {
		return nil, err
	}
	now := a.opts.Now()
	var list []UserSession
	for _, s := range listed {
		t := &s.token
		if a.ending.revoked != nil {
			if ended, _ := a.ending.revoked.Ended(requestContext(ctx), t.revocable(), now); ended {
				continue // its provider ended it, and the store does not know
			}
		}
		list = append(list, UserSession{ID: s.id, SignedIn: t.AuthTime, LastUsed: t.IssuedAt, Expires: t.ExpiresAt, Claims: t.Claims, sid: t.sessionID(), browser: t.browser})
	}
	slices.SortStableFunc(list, func(a, b UserSession) int {
		return cmp.Or(b.LastUsed.Compare(a.LastUsed), b.SignedIn.Compare(a.SignedIn), cmp.Compare(a.ID, b.ID))
	})
	return list, nil
}

// EndSession ends one session of a user, by the ID that Sessions gave it, and its
// streams in this process. The error is ErrNotFound where the user has no such
// session, so that an ID from a form ends nobody else's, and ErrNotSupported as
// for Sessions.
func (a *Auth) EndSession(ctx context.Context, userID, id string) error {
	list, err := a.Sessions(ctx, userID)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(list, func(s UserSession) bool { return s.ID == id })
	if at < 0 {
		return ErrNotFound
	}
	store, _ := a.userStore()
	err = bulkhead.Run(context.WithoutCancel(requestContext(ctx)), a.calls.store, func(ctx context.Context) error {
		return store.DeleteListed(ctx, a.namespace.Owner(userID), id)
	})
	if err == nil {
		a.ending.streams.End(list[at].sid)
		a.revoke(ctx, RevokeEvent{UserID: userID, SessionID: id})
	}
	return err
}

// revoke tells the log and Events.Revoke.
func (a *Auth) revoke(ctx context.Context, e RevokeEvent) {
	attrs := []any{"user", e.UserID, "all", e.SessionID == ""}
	if e.Provider != "" {
		attrs = []any{"provider", e.Provider}
	}
	a.opts.Logger.InfoContext(ctx, "ginauth: sessions were revoked", attrs...)
	a.tellRevoked(ctx, e)
}

func (a *Auth) tellRevoked(ctx context.Context, e RevokeEvent) {
	if event := a.opts.Events.Revoke; event != nil {
		event(context.WithoutCancel(requestContext(ctx)), e)
	}
}

// A listedSession is one that a store has of a user.
type listedSession struct {
	id    string
	token Token
	born  int64 // see sessionstrategy.Stored
}

// listed are the sessions of a user that open and have not expired.
func (a *Auth) listed(ctx context.Context, store UserSessionStore, userID string) ([]listedSession, error) {
	stored, err := bulkhead.Do(ctx, a.calls.store, func(ctx context.Context) ([]StoredSession, error) {
		return store.List(ctx, a.namespace.Owner(userID))
	})
	if err != nil {
		return nil, err
	}
	now := a.opts.Now()
	list := make([]listedSession, 0, len(stored))
	for _, s := range stored {
		kept, ours := a.namespace.Unwrap(s.Data)
		l := listedSession{id: s.ID, born: kept.Born}
		if ours && a.parse(&l.token, kept.Claims, now) == nil {
			list = append(list, l)
		}
	}
	return list, nil
}

// clocksApart is how far apart the clocks of two processes may be for sign-ins of the
// same moment to be told apart.
const clocksApart = 5 * time.Second

// endOldest ends the oldest sessions of a user beyond Session.MaxPerUser, when one
// more has begun, and their streams in this process. The one that has just begun
// stays, and so do those that begin at the same time, a moment later: their sign-ins
// end the older ones, so that the last of them leaves no more than the cap, and two at
// once do not end each other.
func (a *Auth) endOldest(ctx context.Context, begun *Token) error {
	store, ok := a.userStore()
	most := a.opts.Session.MaxPerUser
	if !ok || most < 0 || begun.Subject == "" {
		return nil
	}
	list, err := a.listed(ctx, store, begun.Subject)
	if err != nil || len(list) <= most {
		return err
	}
	slices.SortFunc(list, func(x, y listedSession) int {
		switch begun.ID {
		case x.token.ID:
			return 1
		case y.token.ID:
			return -1
		}
		return cmp.Or(x.token.AuthTime.Compare(y.token.AuthTime), cmp.Compare(x.born, y.born), cmp.Compare(x.id, y.id))
	})
	oldest := list[:len(list)-most]
	if i := slices.IndexFunc(list, func(l listedSession) bool { return l.token.ID == begun.ID }); i >= 0 {
		own, latest := list[i], time.Now().Add(clocksApart).UnixMicro()
		oldest = slices.DeleteFunc(slices.Clone(oldest), func(l listedSession) bool {
			later := cmp.Or(cmp.Compare(l.born, own.born), cmp.Compare(l.id, own.id)) > 0
			return later && l.born <= latest // else it is of a clock that is ahead
		})
	}
	err = bulkhead.Run(ctx, a.calls.store, func(ctx context.Context) error {
		for _, s := range oldest {
			if err := store.DeleteListed(ctx, a.namespace.Owner(begun.Subject), s.id); err != nil && !errors.Is(err, ErrNotFound) {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(oldest) == 0 {
		return nil
	}
	for _, s := range oldest {
		a.ending.streams.End(s.token.sessionID())
		a.tellRevoked(ctx, RevokeEvent{UserID: begun.Subject, SessionID: s.id})
	}
	a.opts.Logger.Info("ginauth: a user has more sessions than Session.MaxPerUser; the oldest were ended", "ended", len(oldest))
	return nil
}

// userStore is the session store, where it finds the sessions of a user.
func (a *Auth) userStore() (UserSessionStore, bool) {
	store, ok := a.opts.Session.Store.(UserSessionStore)
	return store, ok
}

// ErrSessionEnded is the cause (context.Cause) of a SessionContext that ended
// with its session.
var ErrSessionEnded = errors.New("ginauth: the session ended")

// SessionContext is the context of a stream behind RequireSession: server-sent
// events or a WebSocket, which outlive the moment in which the session was
// checked. It ends with the request, when the session expires, and when the
// person signs out of it or it is ended by RevokeUser or EndSession, where this
// process does that; its cause is then ErrSessionEnded. Close ends it too, with the
// cause http.ErrServerClosed. Call stop when the stream is over. For nobody's session,
// for one that was signed out of a moment ago, and after Close, the context has ended
// already. A session without a subject cannot be told from
// others like it: its streams end with the request and when it expires.
//
// A session that other requests prolong ends its streams all the same when it
// would have expired without them: the page connects again and goes on with the
// session of that moment, as an EventSource does by itself.
func (a *Auth) SessionContext(c *gin.Context) (ctx context.Context, stop context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(c.Request.Context())
	id := identityFrom(c)
	if id == nil {
		cancel(ErrSessionEnded)
		return ctx, func() {}
	}
	if a.ending.closed.Err() != nil {
		cancel(http.ErrServerClosed)
		return ctx, func() {}
	}
	end := func() { cancel(ErrSessionEnded) }
	keepOpen := context.AfterFunc(a.ending.closed, func() { cancel(http.ErrServerClosed) })
	var timer *time.Timer
	if !id.session.Expires.IsZero() {
		timer = time.AfterFunc(id.session.Expires.Sub(a.opts.Now()), end)
	}
	forget := func() {}
	if !id.foreign { // whose name is no session's
		forget = a.ending.streams.Add(id.token.revocable(), end)
	}
	return ctx, func() {
		keepOpen()
		if timer != nil {
			timer.Stop()
		}
		forget()
		cancel(context.Canceled)
	}
}

// RevokeUser signs a person out everywhere: each session of theirs that began
// until now is refused from now on, in this process at once and in others within
// five seconds; streams of this process end (SessionContext). userID is the
// token's subject.
//
// It needs Session.Revocations or a Session.Store that finds a user's sessions,
// and uses what there is; ErrNotSupported where there is neither. An application
// that does not ask the revocations, such as Next.js beside this one, goes on
// believing a sealed session until it expires.
func (a *Auth) RevokeUser(ctx context.Context, userID string) error {
	if userID == "" {
		return errors.New("ginauth: RevokeUser needs the ID of a user")
	}
	store, listed := a.userStore()
	if a.ending.revoked == nil && !listed {
		return fmt.Errorf("%w: RevokeUser needs Session.Revocations, for instance ginauth.MemoryRevocations(), or a Session.Store such as redisstore's", ErrNotSupported)
	}
	ctx = context.WithoutCancel(requestContext(ctx)) // half a sign-out everywhere would look like a whole one
	var faults []error
	// Without Revocations these are the device cookies alone.
	faults = append(faults, a.ending.devices.EndUser(ctx, userID, a.opts.Now()), a.endFactorEpoch(ctx, userID))
	if listed {
		faults = append(faults, bulkhead.Run(ctx, a.calls.store, func(ctx context.Context) error {
			return store.DeleteUser(ctx, a.namespace.Owner(userID))
		}))
	}
	a.ending.streams.EndUser(userID)
	if err := errors.Join(faults...); err != nil {
		return err
	}
	a.revoke(ctx, RevokeEvent{UserID: userID})
	return nil
}
