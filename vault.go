package ginauth

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth/internal/bulkhead"
	"github.com/ginauth/ginauth/internal/token"
)

// A vault is where session tokens are kept between requests. value is what the
// session cookie holds.
type vault interface {
	open(ctx context.Context, value string) (record, error)
	// create keeps a new session's token.
	create(ctx context.Context, userID string, payload []byte, expires time.Time) (value string, err error)
	// update keeps a session's token in place of old, the record's data that value
	// led to. One that compares has ErrConflict where value leads to another by now.
	update(ctx context.Context, value string, old, payload []byte, expires time.Time) (newValue string, err error)
	compares() bool
	// remove ends a session, as far as that is possible.
	remove(ctx context.Context, value string) error
}

// A record is what a vault has of a session.
type record struct {
	payload []byte // the token's
	data    []byte // what a store keeps, as it returned it; nil without one
	current bool   // it is kept as it would be now
}

// cookieVault seals tokens into the cookie itself. It keeps nothing but what was
// sealed a moment ago.
type cookieVault struct {
	ring       *token.Keyring
	successors *successors
}

func (v cookieVault) open(_ context.Context, value string) (r record, err error) {
	r.payload, r.current, err = v.ring.Open(value)
	return r, err
}

func (v cookieVault) create(_ context.Context, _ string, payload []byte, _ time.Time) (string, error) {
	return v.ring.Seal(payload), nil
}

func (v cookieVault) update(_ context.Context, value string, _, payload []byte, expires time.Time) (string, error) {
	next := sealed{v.ring.Seal(payload), expires}
	if !v.successors.replace(value, next) {
		return "", ErrConflict
	}
	return next.value, nil
}

func (v cookieVault) compares() bool { return true }

func (v cookieVault) remove(context.Context, string) error { return nil }

// storeVault keeps tokens in a SessionStore. What it changes is carried through
// even where the browser leaves meanwhile: whoever closes the tab at the moment
// of signing out is signed out.
//
// Two Auths may share a store, say that of the customers and that of the staff. So
// each record says whose it is, and is none of the other's, whatever cookie brings
// its handle.
type storeVault struct {
	store SessionStore
	calls *bulkhead.Bulkhead
	of    audience
}

// An audience is the Auth that sessions are of, by what its cookies are called: all
// processes of one application have the same, with http and https alike.
type audience string

// A storedToken is what a store keeps: JSON, since some keep nothing else.
type storedToken struct {
	Of audience `json:"of"`
	// Born is when the session was kept first, in Unix microseconds, until it is kept
	// again. auth_time has whole seconds: this tells the sessions of one second apart.
	Born   int64           `json:"born,omitempty"`
	Claims json.RawMessage `json:"claims"`
}

// mark and marked wrap a token's payload for a store and take it out again.
func (a audience) mark(payload []byte) []byte { return a.wrap("", payload) }

// markNew is mark for a session that begins now.
func (a audience) markNew(payload []byte) []byte {
	return a.wrap(`"born":`+strconv.FormatInt(time.Now().UnixMicro(), 10)+",", payload)
}

func (a audience) wrap(members string, payload []byte) []byte {
	data := append([]byte(`{"of":"`+string(a)+`",`+members+`"claims":`), payload...) // letters, digits, dots and dashes
	return append(data, '}')
}

func (a audience) marked(data []byte) (payload []byte, ok bool) {
	s, ok := a.stored(data)
	return s.Claims, ok
}

// stored is what is kept of a session, if it is of this Auth.
func (a audience) stored(data []byte) (s storedToken, ok bool) {
	if json.Unmarshal(data, &s) != nil || s.Of != a {
		return storedToken{}, false
	}
	return s, true
}

// scope is what it puts in front of the names of people and sessions in a shared
// store: nothing for an Auth whose cookies have their usual names.
func (a audience) scope() string {
	if a == defaultPrefix {
		return ""
	}
	return string(a) + "\n"
}

// owner is what a user is called in the store.
func (a audience) owner(userID string) string {
	if userID == "" {
		return ""
	}
	return a.scope() + userID
}

// maxHandle is the longest handle, in bytes, that is asked for: as long as one
// cookie can be.
const maxHandle = 4096

func (v storeVault) open(ctx context.Context, value string) (record, error) {
	if value == "" || len(value) > maxHandle {
		return record{}, ErrNotFound
	}
	data, err := bulkhead.Do(ctx, v.calls, func(ctx context.Context) ([]byte, error) {
		return v.store.Get(ctx, value)
	}, value)
	if err != nil {
		return record{}, err
	}
	payload, ours := v.of.marked(data)
	if !ours {
		return record{}, ErrNotFound
	}
	return record{payload, data, true}, nil
}

func (v storeVault) create(ctx context.Context, userID string, payload []byte, expires time.Time) (string, error) {
	return bulkhead.Do(context.WithoutCancel(ctx), v.calls, func(ctx context.Context) (string, error) {
		return v.store.Create(ctx, v.of.owner(userID), v.of.markNew(payload), expires)
	})
}

func (v storeVault) update(ctx context.Context, value string, old, payload []byte, expires time.Time) (string, error) {
	return bulkhead.Do(context.WithoutCancel(ctx), v.calls, func(ctx context.Context) (string, error) {
		if store, ok := v.store.(CompareStore); ok {
			return store.UpdateIf(ctx, value, old, v.of.mark(payload), expires)
		}
		return v.store.Update(ctx, value, v.of.mark(payload), expires)
	}, value)
}

func (v storeVault) compares() bool {
	_, ok := v.store.(CompareStore)
	return ok
}

func (v storeVault) remove(ctx context.Context, value string) error {
	if value == "" || len(value) > maxHandle {
		return nil
	}
	return bulkhead.Run(context.WithoutCancel(ctx), v.calls, func(ctx context.Context) error {
		return v.store.Delete(ctx, value)
	}, value)
}

// storeTimeout bounds one call of a store, so that one that hangs ends in an
// answer.
const storeTimeout = 2 * time.Second

// errUnavailable says that a store cannot tell who is signed in.
var errUnavailable = errors.New("ginauth: the session store is not available")

// newStoreCalls stands before a store, whose contract has two errors.
func newStoreCalls() *bulkhead.Bulkhead {
	return bulkhead.New(storeTimeout, errUnavailable, ErrNotFound, ErrConflict)
}

// lasting is the context of the request where ctx is a *gin.Context: gin uses its
// contexts again, and a call that goes on must not look into another request.
func lasting(ctx context.Context) context.Context {
	if c, ok := ctx.(*gin.Context); ok && c.Request != nil {
		return c.Request.Context()
	}
	return ctx
}
