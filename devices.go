package ginauth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

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

	sid string // names its streams
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
	stored, err := within(lasting(ctx), a.stored, func(ctx context.Context) ([]StoredSession, error) {
		return store.List(ctx, a.audience.owner(userID))
	})
	if err != nil {
		return nil, err
	}
	now := a.opts.Now()
	var list []UserSession
	for _, s := range stored {
		var t Token
		payload, ours := a.audience.marked(s.Data)
		if !ours || t.parse(payload, now) != nil {
			continue // expired, or nothing that opens as a session
		}
		if a.revoked != nil && errors.Is(a.revoked.check(lasting(ctx), &t, now), errSignedOut) {
			continue // its provider ended it, and the store does not know
		}
		list = append(list, UserSession{ID: s.ID, SignedIn: t.AuthTime, LastUsed: t.IssuedAt, Expires: t.ExpiresAt, Claims: t.Claims, sid: t.sessionID()})
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
	err = perform(context.WithoutCancel(lasting(ctx)), a.stored, func(ctx context.Context) error {
		return store.DeleteListed(ctx, a.audience.owner(userID), id)
	})
	if err == nil {
		a.streams.end(list[at].sid)
	}
	return err
}

// userStore is the session store, where it finds the sessions of a user.
func (a *Auth) userStore() (UserSessionStore, bool) {
	store, ok := a.opts.Session.Store.(UserSessionStore)
	return store, ok
}
