package ginauth

import (
	"context"
	"errors"
	"time"
)

var (
	// ErrNotFound says that what was asked for does not exist, or no longer.
	ErrNotFound = errors.New("ginauth: not found")
	// ErrConflict says that what was to be replaced has changed meanwhile.
	ErrConflict = errors.New("ginauth: another request has changed the session")
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
// as the other one made it, and an update runs again. The store of package redisstore
// is one. With a store that is none, that holds among the requests of one process, and
// of those of several where it is a SessionLocker.
type CompareStore interface {
	SessionStore
	// UpdateIf is Update where what is kept under the handle is old, to the byte as
	// Get returned it. The error is ErrConflict where it is not, and ErrNotFound as
	// for Update.
	UpdateIf(ctx context.Context, handle string, old, data []byte, expires time.Time) (newHandle string, err error)
}

// A UserSessionStore is a SessionStore that also finds the sessions of a user,
// for Auth.Sessions, Auth.EndSession and Auth.RevokeUser. The store of package
// redisstore is one.
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
