package ginauth

import (
	"context"
	"math"
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

// A caller is who sends a request, as far as limits go.
type caller struct {
	// networks are what its addresses have in common, the narrowest first. Without any,
	// it cannot be told from others, and must not share a bucket with them.
	networks []string
	limited  bool // it has limits of its own, whoever it signs in as
}

func (v *visit) caller() caller {
	addr := v.hosts.ClientAddr(v.c.Request)
	developing := !v.release && (addr.IsLoopback() || addr == testAddr)
	return caller{networks: limit.Networks(addr), limited: !developing}
}

// Buckets are what an attempt is counted in.
type buckets struct {
	own    []tally // the client's: nobody else's attempts are counted there
	shared []tally // of the networks around it, and of all clients
	// everybody are the keys of those of all clients: a browser in which the person
	// has signed in passes the shared ones by them.
	everybody []string
}

// perClient adds the buckets of a client, and of the networks around it. rate is
// that of a network so many steps wider than the client.
func (b *buckets) perClient(a *attempts, c caller, rate func(step int) Rate, atOnce int, kind string, of ...string) {
	for step, network := range c.networks {
		one := a.tally(rate(step), kind, append([]string{network}, of...)...)
		if step > 0 {
			b.shared = append(b.shared, one)
			continue
		}
		one.atOnce = atOnce
		b.own = append(b.own, one)
	}
}

// all adds the bucket of all clients.
func (b *buckets) all(a *attempts, rate Rate, kind string, of ...string) {
	one := a.tally(rate, kind, of...)
	b.shared, b.everybody = append(b.shared, one), append(b.everybody, one.key)
}

// widened is the rate of a network with many clients: at each step four times as
// many, up to one in each microsecond.
func widened(rate Rate) func(step int) Rate {
	return func(step int) Rate {
		if rate.Count <= 0 {
			return rate
		}
		count := min(min(rate.Count, math.MaxInt32)<<(2*step), int(rate.Per/time.Microsecond))
		return Rate{max(rate.Count, count), rate.Per}
	}
}

// aimed is the rate of a network at one person: at each step twice as many at once,
// at the client's own pace, and never more than three quarters of what all clients
// have. So one network, however large, does not use that up.
func aimed(rate, all Rate) func(step int) Rate {
	return func(step int) Rate {
		if rate.Count <= 0 {
			return rate
		}
		count := min(rate.Count, math.MaxInt32) << step
		if all.Count > 0 {
			count = min(count, all.Count/4*3)
		}
		count = max(count, rate.Count)
		return Rate{count, time.Duration(float64(rate.Per) / float64(rate.Count) * float64(count))}
	}
}

// startAllowed counts the start of a sign-in, a mail included. It answers the
// request where that is one too many.
func (v *visit) startAllowed() bool {
	if v.attempts == nil {
		return true
	}
	limits, client := &v.opts.Limits, v.caller()
	var b buckets
	if client.limited {
		b.perClient(v.attempts, client, widened(limits.Starts), 0, "start")
	}
	if v.provider.kind == "email" {
		mailbox := v.mailbox(v.field("email"))
		b.perClient(v.attempts, client, aimed(limits.halfOfMails(), limits.Mails), 0, "mail", mailbox)
		b.all(v.attempts, limits.Mails, "mails", mailbox)
	}
	if _, wait := v.take(b, v.mailBudget); wait > 0 {
		v.tooMany(wait)
		return false
	}
	return true
}

// mailbox is what all spellings of an address have in common.
func (v *visit) mailbox(typed string) string {
	if to, err := v.provider.email.address(typed); err == nil {
		typed = to
	}
	return limit.Mailbox(typed)
}

// halfOfMails is for one client: else whoever keeps asking for somebody's mails would
// keep that person from asking.
func (l *Limits) halfOfMails() Rate {
	half := l.Mails
	if half.Count > 1 {
		half.Count /= 2
	}
	return half
}

// take counts an attempt in its buckets, or in none, and returns how long to wait
// then. Where this browser knows the person, its budget takes the place of what
// others use up too.
func (v *visit) take(b buckets, budget func(device) tally) (taken []counted, wait time.Duration) {
	ctx := v.c.Request.Context()
	taken, wait = v.attempts.take(ctx, b.own)
	if wait > 0 {
		return nil, wait
	}
	if d, ok := v.knows(b.everybody); ok {
		if own, wait := v.attempts.take(ctx, []tally{budget(d)}); wait == 0 {
			return append(taken, own...), 0
		}
		v.spent(d)
	}
	shared, wait := v.attempts.take(ctx, b.shared)
	if wait > 0 {
		v.attempts.refund(ctx, taken)
		return nil, wait
	}
	return append(taken, shared...), 0
}

// successAllowed counts a sign-in of a user. It returns how long to wait where that
// is one too many, and else how to take it back.
func (v *visit) successAllowed(ctx context.Context, userID string) (undo func(), wait time.Duration) {
	if v.attempts == nil {
		return func() {}, 0
	}
	taken, wait := v.attempts.take(ctx, []tally{
		v.attempts.tally(v.opts.Limits.Successes, "success", v.namespace.String(), userID),
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
