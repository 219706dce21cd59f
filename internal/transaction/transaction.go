// Package transaction keeps the sign-ins of one browser in sealed cookies: those under
// way at a provider, and what those that ended leave behind. It knows the names, the
// seals and the limits of these cookies. It does not know providers, sessions or where
// a sign-in may lead: it reads a request's Cookie header and returns Set-Cookie lines.
package transaction

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/oauth"
	"github.com/ginauth/ginauth/internal/token"
)

const (
	// maxOpen sign-ins may be under way in one browser; the oldest is dropped.
	maxOpen = 4
	// maxCookie is the longest cookie, in bytes, name included: four of them stay far
	// below the 8 KB that proxies allow a header line.
	maxCookie = 600
)

// Keys seal the cookies.
type Keys struct{ open, completed *token.Keyring }

// NewKeys derives the keys from the secrets, the current one first. Their labels are
// ginauth's own and not NextAuth's: no other token opens as one of these, and a
// completed sign-in does not open as one under way.
func NewKeys(secrets ...string) (keys Keys, err error) {
	if keys.open, err = token.V4.Keyring("ginauth.transaction", secrets...); err == nil {
		keys.completed, err = token.V4.Keyring("ginauth.completed", secrets...)
	}
	return keys, err
}

// Cookies are the sign-ins of the browser that sent one request.
type Cookies struct {
	Keys   Keys
	Names  cookie.Names // Transaction and Completed: each sign-in has a cookie of its own below these
	Header []string     // the request's Cookie lines
	Now    time.Time
	// Attributes are those of the site's cookies.
	Attributes cookie.Attributes
}

// Begin returns the Set-Cookie lines of a sign-in that begins, and reports whether its
// cookie is short enough. A target that is too long is dropped from tx; the sign-in
// then leads to the base URL. So is a former session, where that does not suffice.
// Beyond four sign-ins the oldest is deleted. One that another site started deletes none
// of them: all of these share one cookie, in which the newest replaces the one before.
func (c Cookies) Begin(tx *oauth.Transaction) (lines []string, ok bool) {
	longest := *tx
	longest.Again = true
	fits := func() bool { return len(c.openName(tx))+len(c.Keys.open.Seal(longest.Bytes())) <= maxCookie }
	if !fits() {
		tx.Target, longest.Target = "", ""
	}
	if !fits() {
		tx.Former, longest.Former = "", ""
	}
	if !fits() {
		return nil, false
	}
	return append(c.dropOld(tx.ThirdParty), c.keep(tx)), true
}

// Revisit returns the Set-Cookie line that marks a sign-in whose answer this browser was
// told to load once more from this site.
func (c Cookies) Revisit(tx *oauth.Transaction) string {
	tx.Again = true
	return c.keep(tx)
}

func (c Cookies) keep(tx *oauth.Transaction) string {
	return cookie.Line(c.openName(tx), c.Keys.open.Seal(tx.Bytes()), c.attributes(tx))
}

// Find returns the sign-in that an answer belongs to: the one of its state, started in
// this browser and not expired. oauth.Complete decides whether it was for this provider
// and client. expired reports that there is a cookie of it that is of no use any more.
func (c Cookies) Find(answer url.Values) (tx *oauth.Transaction, expired bool) {
	if len(answer["state"]) != 1 {
		return nil, false
	}
	state := answer["state"][0]
	for _, thirdParty := range [...]bool{false, true} {
		name := c.openName(&oauth.Transaction{State: state, ThirdParty: thirdParty})
		for value := range cookie.Values(c.Header, name) {
			if tx := c.open(value); tx != nil && tx.ThirdParty == thirdParty && token.Equal(tx.State, state) {
				return tx, false
			}
			expired = expired || !thirdParty // the other cookie may be of any state
		}
	}
	return nil, expired
}

// Any reports whether this browser has a cookie of any sign-in.
func (c Cookies) Any() bool {
	return cookie.Has(c.Header, c.Names.Transaction+".", c.Names.Completed+".")
}

func (c Cookies) open(value string) *oauth.Transaction {
	payload, _, err := c.Keys.open.Open(value)
	if err != nil {
		return nil
	}
	tx, err := oauth.ParseTransaction(payload)
	if err != nil || c.Now.Unix() >= tx.Expires {
		return nil
	}
	return tx
}

// Suffix ends the names of a sign-in's cookies: a dot and the hash of its state. With a
// cookie for each sign-in, two tabs do not overwrite each other's.
func Suffix(state string) string {
	sum := sha256.Sum256([]byte(state))
	return "." + base64.RawURLEncoding.EncodeToString(sum[:12])
}

// otherSite ends the name of the one cookie of sign-ins that other sites started. It is
// no hash of a state: it is too short.
const otherSite = ".other"

func (c Cookies) openName(tx *oauth.Transaction) string {
	if tx.ThirdParty {
		return c.Names.Transaction + otherSite
	}
	return c.Names.Transaction + Suffix(tx.State)
}

// attributes are those of a sign-in's cookie; tx is nil if the cookie could not be
// opened. Only for a provider that answers by POST does the cookie come along with
// another site's request: only we can use what it seals, and only once.
func (c Cookies) attributes(tx *oauth.Transaction) cookie.Attributes {
	a := c.Attributes
	a.MaxAge = oauth.Lifetime
	if tx != nil && tx.FormPost {
		a.Secure, a.SameSite = true, http.SameSiteNoneMode
	}
	return a
}

// dropOld makes place for a sign-in: it deletes the cookies that cannot be used any
// more, and the oldest of the others, completed sign-ins first. For one that another
// site started, none that is under way goes.
func (c Cookies) dropOld(thirdParty bool) (lines []string) {
	type kept struct {
		name       string
		thirdParty bool
		expires    int64
		attributes cookie.Attributes
	}
	var completed, open []kept
	for name, value := range cookie.All(c.Header) {
		k := kept{name: name, attributes: c.attributes(nil)}
		over := strings.HasPrefix(name, c.Names.Completed+".")
		if !over && !strings.HasPrefix(name, c.Names.Transaction+".") {
			continue
		}
		switch {
		case len(completed)+len(open) >= 4*maxOpen:
		case over:
			if done := c.openCompleted(value); done != nil {
				k.expires = done.Expires
			}
		default:
			if tx := c.open(value); tx != nil {
				k.expires, k.attributes, k.thirdParty = tx.Expires, c.attributes(tx), tx.ThirdParty
			}
		}
		switch {
		case k.expires == 0:
			lines = append(lines, cookie.Deletion(name, k.attributes))
		case over:
			completed = append(completed, k)
		case !k.thirdParty: // which is replaced
			open = append(open, k)
		}
	}
	byEnd := func(a, b kept) int { return cmp.Compare(a.expires, b.expires) }
	slices.SortFunc(completed, byEnd)
	slices.SortFunc(open, byEnd)
	live := append(completed, open...)
	keep := maxOpen - 1
	if thirdParty { // at most maxOpen are under way, so that only completed ones go
		keep = maxOpen
	}
	for i := 0; i < len(live)-keep; i++ {
		lines = append(lines, cookie.Deletion(live[i].name, live[i].attributes))
	}
	return lines
}
