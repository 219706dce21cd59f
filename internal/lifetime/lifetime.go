// Package lifetime decides when a session ends: by how long it may last unused, and by
// how long it may last at all. It writes what one session has of its own as a claim, and
// reads it. It does not know tokens, cookies or clocks: the caller hands times in.
package lifetime

import (
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// A Lifetime is how long a session may last. Of the lifetime that one session has of its
// own, a zero duration says nothing.
type Lifetime struct {
	MaxAge         time.Duration // while it is not used
	AbsoluteMaxAge time.Duration // however much it is used; zero: for ever
	BrowserSession bool          // its cookie ends with the browser
}

// A claim is a Lifetime in a token, in seconds.
type claim struct {
	MaxAge         int64 `json:"maxAge,omitempty"`
	AbsoluteMaxAge int64 `json:"absoluteMaxAge,omitempty"`
	BrowserSession bool  `json:"browserSession,omitempty"`
}

// MarshalJSON writes a Lifetime as a claim, in whole seconds.
func (l Lifetime) MarshalJSON() ([]byte, error) {
	return json.Marshal(claim{int64(l.MaxAge / time.Second), int64(l.AbsoluteMaxAge / time.Second), l.BrowserSession})
}

// maxSeconds are the most that a time.Duration holds.
const maxSeconds = math.MaxInt64 / int64(time.Second)

// Parse reads a claim. ok is false where it is none: it may have been a shorter lifetime,
// so that the caller must not go on without.
func Parse(raw string) (l Lifetime, ok bool) {
	var c claim
	if json.Unmarshal([]byte(raw), &c) != nil || min(c.MaxAge, c.AbsoluteMaxAge) < 0 || max(c.MaxAge, c.AbsoluteMaxAge) > maxSeconds {
		return Lifetime{}, false
	}
	return Lifetime{time.Duration(c.MaxAge) * time.Second, time.Duration(c.AbsoluteMaxAge) * time.Second, c.BrowserSession}, true
}

// A Cut is a duration that was longer than it may be.
type Cut struct {
	Name        string // of the field
	Asked, Most time.Duration
}

// Choose settles what an application chose for one session, where all sessions may last
// as long as all says. What is longer is cut, to nothing of its own. A duration below a
// second is an error: it is negative, or a number without its unit.
func Choose(chosen, all Lifetime) (own Lifetime, cuts []Cut, err error) {
	own = chosen
	for _, f := range [...]struct {
		name string
		own  *time.Duration
		most time.Duration
	}{
		{"MaxAge", &own.MaxAge, all.MaxAge},
		{"AbsoluteMaxAge", &own.AbsoluteMaxAge, all.AbsoluteMaxAge},
	} {
		switch asked := *f.own; {
		case asked == 0:
		case asked < time.Second:
			return Lifetime{}, nil, fmt.Errorf("the Lifetime.%s is %v; write a second or more, such as 8*time.Hour, or leave it 0", f.name, asked)
		case f.most > 0 && asked > f.most:
			cuts = append(cuts, Cut{f.name, asked, f.most})
			*f.own = 0
		default:
			*f.own = asked.Truncate(time.Second)
		}
	}
	return own, cuts, nil
}

// Of is how long a session may last that has a lifetime of its own, where all sessions
// may last as long as all says: the shorter of both.
func Of(own, all Lifetime) Lifetime {
	return Lifetime{shorter(own.MaxAge, all.MaxAge), shorter(own.AbsoluteMaxAge, all.AbsoluteMaxAge), own.BrowserSession || all.BrowserSession}
}

func shorter(a, b time.Duration) time.Duration {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// End is when a session ends that began and was last used at these times.
func (l Lifetime) End(began, used time.Time) time.Time {
	end := used.Add(l.MaxAge)
	if last, bounded := l.Last(began); bounded && last.Before(end) {
		return last
	}
	return end
}

// Last is when a session ends that began at this time, however much it is used. bounded
// is false where it may last for ever. One whose begin is not known has ended long ago.
func (l Lifetime) Last(began time.Time) (last time.Time, bounded bool) {
	return began.Add(l.AbsoluteMaxAge), l.AbsoluteMaxAge > 0
}

// Began is when a session began of which a token that is sealed now says this: not later
// than now, and now where it is not known.
func Began(said, now time.Time) time.Time {
	if !said.IsZero() && said.Before(now) {
		return said
	}
	return now
}

// Until is when a session ends that has a Lifetime of its own, where all may last as long
// as all says: no later than expires, which is zero where its token does not say. It began
// at, and was last sealed at, these times. ok is false where it has ended. Only the end
// that the session's own MaxAge gives may be past by the leeway that clocks have.
func (own Lifetime) Until(all Lifetime, began, sealed, expires, now time.Time, leeway time.Duration) (end time.Time, ok bool) {
	l := Of(own, all)
	end, ok = expires, true
	bound := func(by, now time.Time) {
		if end.IsZero() || by.Before(end) {
			end = by
		}
		ok = ok && now.Before(by)
	}
	if own.MaxAge > 0 {
		bound(sealed.Add(l.MaxAge), now.Add(-leeway))
	}
	if last, bounded := l.Last(began); bounded {
		bound(last, now)
	}
	return end, ok
}

// UpdateAge is how old a token gets before it is sealed again, where all get as old as
// that: a session must not end by its own MaxAge while it is used.
func (l Lifetime) UpdateAge(all time.Duration) time.Duration {
	if l.MaxAge > 0 {
		return min(all, l.MaxAge/2)
	}
	return all
}
