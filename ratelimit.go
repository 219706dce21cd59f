package ginauth

import (
	"context"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/ginauth/ginauth/internal/limit"
)

const (
	// rateLimitedCode says that somebody tried too often.
	rateLimitedCode = "RateLimited"
	// waitParam is the error page's parameter that says for how long, in seconds.
	waitParam = "retryAfter"
	// maxWait bounds it: anybody may make a link to the page.
	maxWait = 24 * time.Hour
)

// testAddr is the peer of net/http/httptest's requests, which no client has (RFC
// 5737 §3).
var testAddr = netip.MustParseAddr("192.0.2.1")

// clientBucket is what the addresses of one client have in common, and whether it
// has limits of its own.
func (v *visit) clientBucket() (bucket string, limited bool) {
	addr := v.hosts.ClientAddr(v.c.Request)
	developing := !v.release && (addr.IsLoopback() || addr == testAddr)
	return limit.Address(addr), addr.IsValid() && !developing
}

// startAllowed counts the start of a sign-in, a mail included. It answers the
// request where that is one too many.
func (v *visit) startAllowed() bool {
	if v.attempts == nil {
		return true
	}
	limits := &v.opts.Limits
	client, limited := v.clientBucket()
	var tallies []tally
	if limited {
		tallies = append(tallies, v.attempts.tally(limits.Starts, "start", client))
	}
	if v.provider.kind == "email" {
		// Half of the mailbox's for one client: else whoever keeps asking for
		// somebody's mails would keep that person from asking.
		half := limits.Mails
		if half.Count > 1 {
			half.Count /= 2
		}
		typed := v.field("email")
		if to, err := v.provider.email.address(typed); err == nil {
			typed = to // all spellings of one address count together
		}
		mailbox := limit.Mailbox(typed)
		tallies = append(tallies,
			v.attempts.tally(half, "mail", client, mailbox),
			v.attempts.tally(limits.Mails, "mails", mailbox))
	}
	if _, wait := v.attempts.take(v.c.Request.Context(), tallies); wait > 0 {
		v.tooMany(wait)
		return false
	}
	return true
}

// An attempt is a try of credentials. It counts as a failure until it succeeds: also
// where Authorize panics, or the browser leaves before the answer.
type attempt struct {
	end       func()
	succeeded func()
}

// tryAllowed counts a try of credentials. It answers the request where that is
// one too many.
func (v *visit) tryAllowed(typed map[string]string) (attempt, bool) {
	if v.attempts == nil {
		return attempt{func() {}, func() {}}, true
	}
	ctx := v.c.Request.Context()
	tallies := v.tries(typed)
	leave, ok := v.attempts.queue(ctx, tallies)
	if !ok {
		v.tooMany(time.Second)
		return attempt{}, false
	}
	taken, wait := v.attempts.take(ctx, tallies)
	if wait > 0 {
		leave()
		v.tooMany(wait)
		return attempt{}, false
	}
	return attempt{end: leave, succeeded: func() { v.attempts.refund(ctx, taken) }}, true
}

// tries are the buckets that credentials are counted in, those of the client
// first.
func (v *visit) tries(typed map[string]string) (tallies []tally) {
	limits := &v.opts.Limits
	client, limited := v.clientBucket()
	if limited {
		all := v.attempts.tally(limits.Failures, "fail", client)
		all.atOnce = triesAtOnce
		tallies = append(tallies, all)
	}
	for _, name := range v.provider.credentials.identifiers() {
		identifier := limit.Identifier(typed[name])
		if identifier == "" {
			continue
		}
		guesses := v.attempts.tally(limits.Guesses, "guess", client, v.provider.id, name, identifier)
		guesses.atOnce = guessesAtOnce
		tallies = append(tallies, guesses,
			v.attempts.tally(limits.AllGuesses, "guesses", v.provider.id, name, identifier))
	}
	return tallies
}

// successAllowed counts a sign-in of a user. It returns how long to wait where that
// is one too many, and else how to take it back.
func (v *visit) successAllowed(ctx context.Context, userID string) (undo func(), wait time.Duration) {
	if v.attempts == nil {
		return func() {}, 0
	}
	taken, wait := v.attempts.take(ctx, []tally{
		v.attempts.tally(v.opts.Limits.Successes, "success", string(v.audience), userID),
	})
	return func() { v.attempts.refund(ctx, taken) }, wait
}

// tooMany refuses a request that is one too many. next-auth's client reads the
// code out of the URL; a person gets the page at once, since a redirect would
// lose the status.
func (v *visit) tooMany(wait time.Duration) {
	v.logRefusal()
	h := v.c.Writer.Header()
	h.Set("Retry-After", seconds(wait))
	h.Set("Cache-Control", "no-store")
	target := withQuery(v.errorURL(rateLimitedCode), waitParam, seconds(wait))
	switch {
	case v.wantsJSON():
		v.json(http.StatusTooManyRequests, map[string]string{"url": target})
	case v.c.GetHeader("HX-Request") == "true":
		h.Set("HX-Redirect", target)
		v.c.Status(http.StatusTooManyRequests)
		v.c.Writer.WriteHeaderNow()
	case v.opts.Pages.Error != "":
		v.redirect(http.StatusTooManyRequests, target)
	default:
		v.errorPage(http.StatusTooManyRequests, rateLimitedCode, wait)
	}
}

// logRefusal names neither who it was nor whom it was about: both are in the
// hands of whoever floods. A proxy that is not configured is the likeliest fault
// of ours: then everybody is refused for one.
func (v *visit) logRefusal() {
	now := v.opts.Now()
	if v.attempts.memory.Allow("log", refusalsLogged, time.Minute, now) > 0 {
		return
	}
	v.opts.Logger.Warn("ginauth: too many attempts to sign in", "provider", v.provider.id,
		"forwarded_by_unlisted_proxy", v.hosts.Unlisted(v.c.Request))
}

// seconds is a time to wait as Retry-After says it, rounded up (RFC 9110
// §10.2.3).
func seconds(wait time.Duration) string {
	return strconv.FormatInt(int64((wait+time.Second-1)/time.Second), 10)
}

// waitAsked is how long to wait as the error page's URL says; zero: it does not.
func (v *visit) waitAsked() time.Duration {
	if !strings.EqualFold(v.c.Query("error"), rateLimitedCode) {
		return 0
	}
	n, err := strconv.ParseUint(v.c.Query(waitParam), 10, 32)
	if err != nil {
		return 0
	}
	return min(time.Duration(n)*time.Second, maxWait)
}
