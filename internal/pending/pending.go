// Package pending keeps sign-ins that wait for their second factor: sealed in a cookie
// of their own, or in a store with a handle in that cookie. It knows in which browser
// one goes on, and for how long. It does not know what a sign-in says, who must give a
// second factor, or how one is given.
package pending

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ginauth/ginauth/internal/bulkhead"
	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/redact"
	"github.com/ginauth/ginauth/internal/sessionstrategy"
	"github.com/ginauth/ginauth/internal/token"
)

// Age is for how long a sign-in waits.
const Age = 10 * time.Minute

// A SignIn is what is known here of a sign-in that waits. The caller's record of it
// embeds this one.
type SignIn struct {
	ID      string `json:"id"`              // it is finished once
	Expires int64  `json:"expires"`         // Unix seconds
	Browser string `json:"browser"`         // names the browser that began
	Epoch   string `json:"epoch,omitempty"` // of the user's factors when it began
}

// Begin makes a sign-in that waits from now on.
func Begin(browser, epoch string, now time.Time) SignIn {
	return SignIn{token.NewID(), now.Add(Age).Unix(), browser, epoch}
}

// Ends is when it can no longer be finished.
func (s SignIn) Ends() time.Time { return time.Unix(s.Expires, 0) }

// Settings are what a Room is made of.
type Settings struct {
	Prefix     string // of the site's cookies
	Secrets    []string
	Store      sessionstrategy.Store // nil: all is in the cookie
	Calls      *bulkhead.Bulkhead    // of the store
	Locks      *sessionstrategy.Locks
	Errors     sessionstrategy.Errors
	MaxValue   int // how long a cookie's value may be that is read, and
	MaxCookies int // how long the cookies that are set may be together, in bytes
}

// A Room is where sign-ins wait. It is safe for concurrent use.
type Room struct {
	set      Settings
	strategy sessionstrategy.Strategy
	sharing  sessionstrategy.Namespace
}

// New makes a Room with a key and a namespace of its own: nothing in it opens as a
// session, nor the other way round.
func New(s Settings) (*Room, error) {
	ring, err := token.V4.Keyring("ginauth.waiting."+s.Prefix, s.Secrets...)
	if err != nil {
		return nil, err
	}
	r := &Room{set: s, sharing: sessionstrategy.NewNamespace(s.Prefix+".factor", "")}
	r.strategy = sessionstrategy.InCookie(ring, sessionstrategy.NewSuccessors(), s.Errors)
	if s.Store != nil {
		r.strategy = sessionstrategy.InStore(s.Store, s.Calls, s.Locks, r.sharing, s.Errors)
	}
	return r, nil
}

// Owner is what a user is called in the store.
func (r *Room) Owner(userID string) string { return r.sharing.Owner(userID) }

// Keep keeps a user's record until then, and returns the value of its cookie, which is
// called name. Where it is too long for cookies, the steps of shorten take away one
// thing after another.
func (r *Room) Keep(ctx context.Context, userID, name string, record any, until time.Time, shorten ...func()) (value string, err error) {
	for i := -1; i < len(shorten); i++ {
		if i >= 0 {
			shorten[i]()
		}
		var payload []byte
		if payload, err = json.Marshal(record); err != nil { // what does not marshal may be taken away
			continue
		}
		if value, err = r.strategy.Create(ctx, userID, payload, until); err != nil {
			return "", err
		}
		size := cookie.SentLength(name, len(value))
		if size <= r.set.MaxCookies {
			return value, nil
		}
		err = redact.Safe(fmt.Sprintf("ginauth: a sign-in that waits for its second factor has %d bytes, too many for cookies; keep less in the token, or set Session.Store", size))
	}
	return "", err
}

// Find reads the record of the sign-in of this browser that waits, by the cookies of its
// request, and returns its cookie's value; "" where there is none. The error is of a
// store that cannot be read.
func (r *Room) Find(ctx context.Context, header []string, name, browser string, now time.Time, record any) (value string, err error) {
	for _, value := range cookie.Find(header, name).Candidates(r.set.MaxValue) {
		kept, err := r.strategy.Open(ctx, value)
		if errors.Is(err, r.set.Errors.Unavailable) {
			return "", err
		}
		var s SignIn
		if err != nil || json.Unmarshal(kept.Payload, &s) != nil || now.Unix() >= s.Expires || !token.Equal(s.Browser, browser) {
			continue
		}
		if json.Unmarshal(kept.Payload, record) == nil {
			return value, nil
		}
	}
	return "", nil
}

// Remove takes away what a cookie's value leads to.
func (r *Room) Remove(ctx context.Context, value string) error { return r.strategy.Remove(ctx, value) }

// RemoveAll takes away what a request's cookies of this name lead to, and reports whether
// there are any. Each error goes to failed; what it is about expires.
func (r *Room) RemoveAll(ctx context.Context, header []string, name string, failed func(err error, value string)) bool {
	found := cookie.Find(header, name)
	for _, value := range found.Candidates(r.set.MaxValue) {
		if err := r.strategy.Remove(ctx, value); err != nil {
			failed(err, value)
		}
	}
	return found.Found
}

// Lines are the Set-Cookie lines of a value, beside the cookies that the request has; an
// empty value deletes them.
func Lines(header []string, name, value string, a cookie.Attributes) []string {
	present := cookie.Find(header, name).Names()
	if value == "" {
		return cookie.Clear(present, a)
	}
	a.MaxAge = Age
	return cookie.Put(name, value, present, a)
}
