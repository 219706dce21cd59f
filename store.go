package ginauth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ginauth/ginauth/internal/oauth"
	"github.com/ginauth/ginauth/internal/token"
)

// ErrNotFound says that what was asked for does not exist, or no longer.
var ErrNotFound = errors.New("ginauth: not found")

// A SessionStore keeps sessions on the server. The session cookie then holds a
// handle and nothing else, and a session ends for good when it is deleted. Its
// methods are called by many requests at once, and must end when the context
// does. An error other than ErrNotFound means that the store cannot tell: the
// request is answered with 503, and nobody is signed out.
//
// What is kept is not encrypted, and neither is it secret from the application:
// it is the session's claims in JSON, its end among them, which is checked
// whatever the store does.
type SessionStore interface {
	// Create keeps data until expires and returns its handle, a new one each
	// time: unguessable, visible ASCII, at most 3,900 bytes. userID is whose
	// session it is, for a store that can find all of somebody's.
	Create(ctx context.Context, userID string, data []byte, expires time.Time) (handle string, err error)
	// Get returns what is kept under a handle. The error is ErrNotFound where
	// that is nothing, also for what was never a handle: browsers send anything.
	Get(ctx context.Context, handle string) (data []byte, err error)
	// Update replaces what is kept, until expires, and returns the handle to use
	// from now on, which is usually the same; the old one still serves requests
	// under way. The error is ErrNotFound where the session was deleted meanwhile:
	// it must not come back.
	Update(ctx context.Context, handle string, data []byte, expires time.Time) (newHandle string, err error)
	// Delete ends a session. It is no error if there is none.
	Delete(ctx context.Context, handle string) error
}

// storeTimeout bounds one call of a store, so that a store that hangs ends in an
// answer.
const storeTimeout = 2 * time.Second

// errUnavailable says that a store cannot tell who is signed in.
var errUnavailable = errors.New("ginauth: the session store is not available")

// A vault is where session tokens are kept between requests. value is what the
// session cookie holds.
type vault interface {
	// open returns a token's payload, and whether it is kept as it would be now.
	open(ctx context.Context, value string) (payload []byte, current bool, err error)
	// create keeps a new session's token.
	create(ctx context.Context, userID string, payload []byte, expires time.Time) (value string, err error)
	// update keeps a session's token in place of the one value leads to.
	update(ctx context.Context, value string, payload []byte, expires time.Time) (newValue string, err error)
	// remove ends a session, as far as that is possible.
	remove(ctx context.Context, value string) error
}

// cookieVault seals tokens into the cookie itself. It keeps nothing.
type cookieVault struct{ ring *token.Keyring }

func (v cookieVault) open(_ context.Context, value string) ([]byte, bool, error) {
	return v.ring.Open(value)
}

func (v cookieVault) create(_ context.Context, _ string, payload []byte, _ time.Time) (string, error) {
	return v.ring.Seal(payload), nil
}

func (v cookieVault) update(_ context.Context, _ string, payload []byte, _ time.Time) (string, error) {
	return v.ring.Seal(payload), nil
}

func (v cookieVault) remove(context.Context, string) error { return nil }

// storeVault keeps tokens in a SessionStore.
type storeVault struct{ store SessionStore }

// maxHandle is the longest handle, in bytes, that is asked for: as long as one
// cookie can be.
const maxHandle = 4096

func (v storeVault) open(ctx context.Context, value string) (payload []byte, _ bool, err error) {
	if len(value) > maxHandle {
		return nil, false, ErrNotFound
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	defer unavailable(&err, value)
	payload, err = v.store.Get(ctx, value)
	return payload, true, err
}

func (v storeVault) create(ctx context.Context, userID string, payload []byte, expires time.Time) (value string, err error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	defer unavailable(&err, "")
	return v.store.Create(ctx, userID, payload, expires)
}

func (v storeVault) update(ctx context.Context, value string, payload []byte, expires time.Time) (newValue string, err error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	defer unavailable(&err, value)
	return v.store.Update(ctx, value, payload, expires)
}

func (v storeVault) remove(ctx context.Context, value string) (err error) {
	if value == "" || len(value) > maxHandle {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	defer unavailable(&err, value)
	return v.store.Delete(ctx, value)
}

// unavailable tells a store that knows of no such session from one that does not
// know, and keeps the handle out of the log. A store that panics does not know.
func unavailable(err *error, handle string) {
	if v := recover(); v != nil {
		*err = fmt.Errorf("%w: it panicked", errUnavailable)
		return
	}
	if *err != nil && !errors.Is(*err, ErrNotFound) {
		*err = fmt.Errorf("%w: %w", errUnavailable, oauth.Redact(*err, handle))
	}
}
