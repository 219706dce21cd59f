package ginauth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ginauth/ginauth/internal/bulkhead"
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
	listed, err := a.listed(requestContext(ctx), store, userID)
	if err != nil {
		return nil, err
	}
	now := a.opts.Now()
	var list []UserSession
	for _, s := range listed {
		t := &s.token
		if a.revoked != nil {
			if ended, _ := a.revoked.Ended(requestContext(ctx), t.revocable(), now); ended {
				continue // its provider ended it, and the store does not know
			}
		}
		list = append(list, UserSession{ID: s.id, SignedIn: t.AuthTime, LastUsed: t.IssuedAt, Expires: t.ExpiresAt, Claims: t.Claims, sid: t.sessionID()})
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
	err = bulkhead.Run(context.WithoutCancel(requestContext(ctx)), a.storeCalls, func(ctx context.Context) error {
		return store.DeleteListed(ctx, a.namespace.Owner(userID), id)
	})
	if err == nil {
		a.streams.End(list[at].sid)
	}
	return err
}

// A listedSession is one that a store has of a user.
type listedSession struct {
	id    string
	token Token
	born  int64 // see sessionstrategy.Stored
}

// listed are the sessions of a user that open and have not expired.
func (a *Auth) listed(ctx context.Context, store UserSessionStore, userID string) ([]listedSession, error) {
	stored, err := bulkhead.Do(ctx, a.storeCalls, func(ctx context.Context) ([]StoredSession, error) {
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
		if ours && l.token.parse(kept.Claims, now) == nil {
			list = append(list, l)
		}
	}
	return list, nil
}

// endOldest ends the oldest sessions of a user beyond Session.MaxPerUser, when one
// more has begun, and their streams in this process. The one that has just begun
// stays. Each of several processes at once sees what the others have begun before,
// so that the last of them leaves no more than the cap.
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
	err = bulkhead.Run(ctx, a.storeCalls, func(ctx context.Context) error {
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
	for _, s := range oldest {
		a.streams.End(s.token.sessionID())
	}
	a.opts.Logger.Info("ginauth: a user has more sessions than Session.MaxPerUser; the oldest were ended", "ended", len(oldest))
	return nil
}

// userStore is the session store, where it finds the sessions of a user.
func (a *Auth) userStore() (UserSessionStore, bool) {
	store, ok := a.opts.Session.Store.(UserSessionStore)
	return store, ok
}
