package ginauth

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/origin"
)

// maxSealed is the longest session token, in bytes: the longest claims in base64,
// with what sealing adds.
const maxSealed = (maxPayload + 1024) * 4 / 3

// found are the session cookies of this visit.
func (v *visit) found() cookie.Session {
	return cookie.Find(v.c.Request.Header["Cookie"], v.names.Session)
}

// openFound reads the session that a request's cookies hold, as open does. Where a
// browser sends several values of one name, because Cookies.Domain was changed or
// another host below the same domain sets such a cookie, the one that opens is
// believed. Of several that open, all of one session, it is the newest. Two
// different sessions are none: one of them was planted, and nothing tells which.
func (a *Auth) openFound(ctx context.Context, found cookie.Session, base origin.Base, now time.Time) (*identity, error) {
	if !found.Doubled {
		return a.open(ctx, found.Value, base, now)
	}
	all, err := a.openAll(ctx, found, base, now)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, errSignedOut
	}
	newest := all[0]
	for _, id := range all[1:] {
		if !id.token.sameSession(&newest.token) {
			return nil, errSignedOut
		}
		if id.token.IssuedAt.After(newest.token.IssuedAt) {
			newest = id
		}
	}
	return newest, nil
}

// openAll reads every session that a request's cookies hold.
func (a *Auth) openAll(ctx context.Context, found cookie.Session, base origin.Base, now time.Time) ([]*identity, error) {
	if found.Doubled {
		a.doubled.warn(a, base)
	}
	var all []*identity
	for _, value := range found.Candidates(maxSealed) {
		id, err := a.open(ctx, value, base, now)
		switch {
		case err == nil:
			all = append(all, id)
		case !errors.Is(err, errSignedOut):
			return nil, err
		}
	}
	return all, nil
}

// A doubledWarning tells the log of doubled cookies, once in a while.
type doubledWarning struct{ next atomic.Int64 }

const doubledWarningEvery = time.Minute

func (w *doubledWarning) warn(a *Auth, base origin.Base) {
	now := time.Now().UnixNano()
	if next := w.next.Load(); now < next || !w.next.CompareAndSwap(next, now+int64(doubledWarningEvery)) {
		return
	}
	a.opts.Logger.Warn("ginauth: a browser sends several session cookies of one name",
		"cookie", a.site(base).names.Session,
		"likely", "Cookies.Domain was changed, or another host of the same domain sets a cookie of this name; they go at the next sign-in or sign-out")
}
