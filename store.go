package ginauth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth/internal/bulkhead"
	"github.com/ginauth/ginauth/internal/ginstore"
	"github.com/ginauth/ginauth/internal/revocation"
	"github.com/ginauth/ginauth/internal/sessionstrategy"
)

var (
	// ErrNotFound says that what was asked for does not exist, or no longer.
	ErrNotFound = errors.New("ginauth: not found")
	// ErrConflict says that what was to be replaced has changed meanwhile.
	ErrConflict = errors.New("ginauth: another request has changed it meanwhile")
	// ErrNotSupported says that the session store in use cannot do this.
	ErrNotSupported = errors.New("ginauth: not supported by the session store")
)

// A SessionStore keeps sessions on the server. The session cookie then holds a
// handle and nothing else, and a session ends for good when it is deleted. Its
// methods are called by many requests at once. Each call is waited for two
// seconds, and should end with its context. An error other than ErrNotFound
// means that the store cannot tell: the request is answered with 503, and nobody
// is signed out.
//
// What is kept is JSON: the session's claims, and which Auth they are of. It is not
// encrypted: it is no secret from the application. Its end is among them, and is checked whatever the store
// does.
type SessionStore interface {
	// Create keeps data until expires and returns its handle, a new one each
	// time: unguessable, visible ASCII, at most 3,900 bytes. userID is whose
	// session it is, for a store that can find all of somebody's; it may be empty.
	Create(ctx context.Context, userID string, data []byte, expires time.Time) (handle string, err error)
	// Get returns what is kept under a handle. The error is ErrNotFound where
	// that is nothing, also for what was never a handle, since browsers send
	// anything, and for a record that cannot be read: one broken record must not
	// look like a broken store.
	Get(ctx context.Context, handle string) (data []byte, err error)
	// Update replaces what is kept, until expires, and returns the handle to use
	// from now on, which is usually the same; the old one still serves requests
	// under way. The error is ErrNotFound where the session was deleted meanwhile:
	// it must not come back.
	Update(ctx context.Context, handle string, data []byte, expires time.Time) (newHandle string, err error)
	// Delete ends a session. It is no error if there is none.
	Delete(ctx context.Context, handle string) error
}

// A CompareStore is a SessionStore that replaces what is kept only while it is what
// was read, so that of two requests that change a session at once, in whichever
// processes, neither undoes the other: a request that only reads the session leaves it
// as the other one made it, and an update runs again. Those of packages
// redisstore and gormadapter are. With a store that is none, that holds among the requests
// of one process, and of those of several where it is a SessionLocker; the log says so
// once where another process writes to the store.
//
// A store that embeds a CompareStore is one too. Where it changes what is kept, say by
// encrypting it, it must have an UpdateIf of its own: the embedded one would compare
// what Get returned with what it keeps, and keep the new data as they are.
type CompareStore interface {
	SessionStore
	// UpdateIf is Update where what is kept under the handle is old, to the byte as
	// Get returned it. The error is ErrConflict where it is not, and ErrNotFound as
	// for Update.
	UpdateIf(ctx context.Context, handle string, old, data []byte, expires time.Time) (newHandle string, err error)
}

// A UserSessionStore is a SessionStore that also finds the sessions of a user,
// for Auth.Sessions, Auth.EndSession and Auth.RevokeUser. Those of packages redisstore
// and gormadapter are.
type UserSessionStore interface {
	SessionStore
	// List returns the sessions that were created for a user and have neither
	// expired nor been deleted, in any order.
	List(ctx context.Context, userID string) ([]StoredSession, error)
	// DeleteListed ends the session of a user with that ID. The error is
	// ErrNotFound where the user has none: an ID that belongs to somebody else
	// must not end their session.
	DeleteListed(ctx context.Context, userID, id string) error
	// DeleteUser ends all sessions of a user.
	DeleteUser(ctx context.Context, userID string) error
}

// A StoredSession is what a store keeps of one session.
type StoredSession struct {
	ID   string // names the session in a page, and opens nothing: it is not the handle
	Data []byte
}

// A SessionLocker is a SessionStore for several processes that lets one of them
// at a time work on a session, for SessionOptions.KeepTokens: a refresh token is
// good for one use, and two processes that use it at once may lose the session's
// tokens. Those of packages redisstore and gormadapter are. With a store that is none,
// only the requests of one process wait for each other.
type SessionLocker interface {
	SessionStore
	// Lock waits until nobody holds the lock of that name, which is any text, and
	// takes it until release is called, once or more often. After 15 seconds it
	// may give the lock to the next: a process that dies holds up nobody. The
	// error is the context's when that ends first, or the store's.
	Lock(ctx context.Context, name string) (release func(), err error)
}

// A ContextHeeder is a SessionStore, Revocations or Limiter whose calls all end with
// their contexts, whatever its server does. ginauth then runs them without a goroutine
// for each, which others need, since one that hangs must not hold up its request. Those
// of package redisstore say so where the client's ContextTimeoutEnabled is set, and those
// of gormadapter where the driver is known for it.
//
// A call that says so and hangs holds up its request for as long.
type ContextHeeder interface {
	HeedsContext() bool // asked once, by New or Register
}

// GinStore keeps sessions in any store of gin-contrib/sessions: Redis, memory,
// PostgreSQL, and so on. ginauth's sessions stand in it beside those of the
// application, under a name of their own; the browser sees ginauth's cookie
// alone. Each sign-in gets a new id, which gin-contrib/sessions by itself does
// not give.
//
// What such a store lacks stays lacking: it cannot list or end all sessions of a
// user, another process may save a session in the moment in which this one
// deletes it, and a driver that takes a failed query for an empty answer signs
// people out while it is down. docs/stores.md has a table. The cookie store is
// refused: it cannot end a session. Leave Session.Store nil instead, for a cookie
// that is encrypted.
func GinStore(store sessions.Store) SessionStore {
	return ginStore{ginstore.New(store, ErrNotFound)}
}

// A ginStore can be told from any other store without linking it into programs that
// have another one.
type ginStore struct{ *ginstore.Store }

func (s ginStore) validate(maxAge time.Duration) error { return s.Validate(maxAge) }

const (
	// storeTimeout bounds one call of a store, so that one that hangs ends in an
	// answer.
	storeTimeout = 2 * time.Second
	// lockWait is how long a request waits for the lock of a session: as long as the
	// lock of another process may last.
	lockWait = 16 * time.Second
)

// errUnavailable says that a store cannot tell who is signed in.
var errUnavailable = errors.New("ginauth: the session store is not available")

// sessionErrors are the errors that tell what became of a session.
func sessionErrors() sessionstrategy.Errors {
	return sessionstrategy.Errors{NotFound: ErrNotFound, Conflict: ErrConflict, Unavailable: errUnavailable}
}

// newStoreCalls stands before a store, whose contract has two errors.
func newStoreCalls(store any) *bulkhead.Bulkhead {
	before := bulkhead.New
	if s, ok := store.(ContextHeeder); ok && s.HeedsContext() {
		before = bulkhead.Direct
	}
	return before(storeTimeout, errUnavailable, ErrNotFound, ErrConflict)
}

// requestContext is the context of the request where ctx is a *gin.Context: gin uses
// its contexts again, and a call that goes on must not look into another request.
func requestContext(ctx context.Context) context.Context {
	if c, ok := ctx.(*gin.Context); ok && c.Request != nil {
		return c.Request.Context()
	}
	return ctx
}

// Revocations remember which sessions were ended before their time: a session
// whose sign-in is not later than a revocation of one of its subjects is
// refused, wherever it is kept. A subject is opaque: it stands for a person, or
// for one session of theirs. MemoryRevocations are for one process, those of
// package redisstore for many.
//
// Its methods are called by many requests at once. Each call is waited for two
// seconds, and should end with its context. While they fail, guarded requests are
// answered with 503.
type Revocations interface {
	// Revoke ends what began at or before at. The entry may be forgotten after
	// until: what it ends has expired by then. Neither time ever becomes earlier.
	Revoke(ctx context.Context, subject string, at, until time.Time) error
	// RevokedAt returns the latest revocation of any of the subjects, to the
	// second or better; zero where there is none.
	RevokedAt(ctx context.Context, subjects ...string) (time.Time, error)
}

// MemoryRevocations remember in this process alone: for an application that runs
// as one. They are forgotten when it ends.
func MemoryRevocations() Revocations {
	return revocation.NewMemory()
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

	notInAdapter bool // as the token's
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
		list = append(list, UserSession{ID: s.id, SignedIn: t.AuthTime, LastUsed: t.IssuedAt, Expires: t.ExpiresAt, Claims: t.Claims, sid: t.sessionID(), browser: t.browser, notInAdapter: t.notInAdapter})
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
	if !ok || most < 0 {
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
