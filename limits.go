package ginauth

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ginauth/ginauth/internal/bulkhead"
	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/errorcode"
	"github.com/ginauth/ginauth/internal/limit"
	"github.com/ginauth/ginauth/internal/redact"
	"github.com/ginauth/ginauth/internal/refusal"
)

const (
	// waitParam is the error page's parameter that says for how long, in seconds.
	waitParam = "retryAfter"
	// maxWait bounds it: anyone can make a link to the page.
	maxWait = 24 * time.Hour
)

// Limits bound how often signing in is tried. They are on by default, and they
// slow rather than lock: a client that has used up a Rate may continue at its pace, so
// that wrong guesses by others cannot lock a person out of their account.
// A refused request answers 429 with Retry-After (RFC 6585 §4) and the code
// RateLimited. Guarded requests and sessions have no limits.
//
// A client is known by its address: the peer's, or what a proxy of
// Options.TrustedProxies says in X-Forwarded-For. An IPv6 client is the first 64
// bits; the first 56 and 48 are counted too, and allowed more. Without its proxy
// there, all people behind it are one client. A client on this machine, or a request
// of net/http/httptest, has no limit of its own outside gin's release mode, where it
// is a developer or a test; those of identifiers hold. A peer without an address, on a
// Unix socket that is not listed there, has no limit as a client and shares none.
//
// An identifier is what people type to say who they are: see
// Credentials.Identifier. Texts that MariaDB's usual collations or PostgreSQL's citext
// take for equal are one identifier. CountGuess counts the account behind it.
//
// A sign-in with credentials or by mail leaves a sealed device cookie. In that browser
// the person is not slowed by the attempts of others.
//
// A Rate left zero has its default; a negative Count means no limit.
type Limits struct {
	// Disabled ends all limits, for an application that has its own.
	Disabled bool
	// Limiter counts for all processes of an application: redisstore.NewLimiter.
	// Default: each process counts for itself, in some 12 MB at most. While a
	// Limiter fails, or does not answer within two seconds, each process does so
	// too: an outage neither keeps everybody out nor lets anybody guess without
	// limit.
	Limiter Limiter

	// Starts are the sign-ins that one client begins: those at a provider, and
	// mails. Default: 120 in a minute.
	Starts Rate
	// Failures are the credentials of one client that sign nobody in, under any
	// name: one password tried on many names. A successful sign-in does not
	// count, so that an office behind one address gets in. Default: 100 in ten
	// minutes.
	Failures Rate
	// Guesses are the failures of one client at one identifier. They are the tight
	// limit, and tied to the client, so that guessing at a person's password does
	// not slow that person. Default: 10 in ten minutes.
	Guesses Rate
	// AllGuesses are the failures of all clients at one identifier. This is what
	// stands against a network of many addresses, and the one limit by which others
	// slow the person too, where they have not signed in before. Default: 100 in an
	// hour, as many failures as NIST SP 800-63B §3.2.2 lets pass at an account.
	AllGuesses Rate
	// Successes are the sign-ins of one user that succeed, by any provider and from
	// any client: each makes a session. Nobody else's count, so that people behind
	// one address do not slow each other, and only somebody who can sign in as the
	// user can use them up. Default: 1000 in an hour.
	Successes Rate
	// Mails are those to one mailbox, of which one client may ask for half.
	// Default: 20 in an hour.
	Mails Rate
}

// A Rate is Count events at once, and from then on one more each Per/Count, until
// Count are saved up again.
type Rate struct {
	Count int
	Per   time.Duration
}

// A Limiter counts events for all processes of an application. It must be safe
// for concurrent use, and count correctly when many are. A key is used with one
// Rate, has up to 64 printable ASCII characters and tells nobody who it is of.
type Limiter interface {
	// Allow counts an event of a key and returns 0, or counts nothing and returns
	// how long it is until one is allowed.
	Allow(ctx context.Context, key string, rate Rate) (retryAfter time.Duration, err error)
	// Refund takes back an event that Allow has counted.
	Refund(ctx context.Context, key string, rate Rate) error
}

func (l *Limits) configure(f *faults) {
	for _, r := range []struct {
		name    string
		rate    *Rate
		initial Rate
	}{
		{"Starts", &l.Starts, Rate{120, time.Minute}},
		{"Failures", &l.Failures, Rate{100, 10 * time.Minute}},
		{"Guesses", &l.Guesses, Rate{10, 10 * time.Minute}},
		{"AllGuesses", &l.AllGuesses, Rate{100, time.Hour}},
		{"Successes", &l.Successes, Rate{1000, time.Hour}},
		{"Mails", &l.Mails, Rate{20, time.Hour}},
	} {
		switch rate := *r.rate; {
		case rate == Rate{}:
			*r.rate = r.initial
		case rate.Count < 0:
		case rate.Count == 0 || rate.Per < time.Duration(rate.Count)*time.Microsecond:
			f.add("Limits.%s is %d in %v; write for instance ginauth.Rate{Count: %d, Per: %v}",
				r.name, rate.Count, rate.Per, r.initial.Count, r.initial.Per)
		}
	}
}

// A limiterFault is an error of the Limiter where nothing may be counted without it.
type limiterFault struct{}

func (limiterFault) Error() string { return "ginauth: Limits.Limiter failed" }

func (limiterFault) Unwrap() error { return errUnavailable }

// newAttempts makes what counts, with the Limiter behind a bulkhead of its own.
func newAttempts(opts *Options) (*limit.Attempts, error) {
	limiter, log := opts.Limits.Limiter, opts.Logger
	if limiter == nil {
		return limit.NewAttempts(opts.Secret, nil, opts.Now)
	}
	limiterCalls := newStoreCalls(limiter)
	return limit.NewAttempts(opts.Secret, &limit.Shared{
		Allow: func(ctx context.Context, key string, rate limit.Rate) (time.Duration, error) {
			return bulkhead.Wait(ctx, limiterCalls, func(ctx context.Context) (time.Duration, error) {
				return limiter.Allow(ctx, key, Rate(rate))
			})
		},
		Refund: func(ctx context.Context, key string, rate limit.Rate) error {
			_, err := bulkhead.Wait(ctx, limiterCalls, func(ctx context.Context) (struct{}, error) {
				return struct{}{}, limiter.Refund(ctx, key, Rate(rate))
			})
			return err
		},
		Failed: func(err error) {
			log.Error("ginauth: Limits.Limiter failed; for now this process counts alone", "error", redact.Error(err))
		},
	}, opts.Now)
}

// testAddr is the peer of net/http/httptest's requests, which no client has (RFC
// 5737 §3).
var testAddr = netip.MustParseAddr("192.0.2.1")

// client is the address that a request comes from; not valid where nobody tells.
func (v *request) client() netip.Addr { return v.auth.site.Hosts.ClientAddr(v.c.Request) }

// limitClient is the sender of this request, to the limits.
func (v *request) limitClient() limit.Client {
	addr := v.client()
	developing := !v.auth.release && (addr.IsLoopback() || addr == testAddr)
	return limit.Client{Networks: limit.Networks(addr), Limited: !developing}
}

// startAllowed counts the start of a sign-in, and the mail to a mailbox where that is not
// empty. It answers the request where that is one too many.
func (v *request) startAllowed(mailbox string) bool {
	if v.auth.attempts == nil {
		return true
	}
	client, mails := v.limitClient(), limit.Rate(v.auth.opts.Limits.Mails)
	var b limit.Buckets
	if client.Limited {
		b.PerClient(v.auth.attempts, client, limit.Rate(v.auth.opts.Limits.Starts).Widened, 0, "start")
	}
	if mailbox != "" {
		// One client may ask for half: otherwise it could keep that person from asking.
		b.PerClient(v.auth.attempts, client, mails.Half().Aimed(mails), 0, "mail", mailbox)
		b.All(v.auth.attempts, mails, "mails", mailbox)
	}
	if _, wait := v.take(b, v.mailBudget, nil); wait > 0 {
		v.limited(wait)
		return false
	}
	return true
}

// take counts an attempt in its buckets, or in none, and returns how long to wait
// then. Where this browser knows the person, its budget takes the place of what
// others use up too. spent is told of a budget that is used up; nil: nobody is.
func (v *request) take(b limit.Buckets, budget func(limit.Device) limit.Tally, spent func(limit.Device)) (taken []limit.Counted, wait time.Duration) {
	ctx := v.c.Request.Context()
	taken, wait = v.auth.attempts.Take(ctx, b.Own)
	if wait > 0 {
		return nil, wait
	}
	if d, ok := v.devices().Find(v.provider.id, b.Everybody, v.revokedDevice); ok {
		if own, wait := v.auth.attempts.Take(ctx, []limit.Tally{budget(d)}); wait == 0 {
			return append(taken, own...), 0
		}
		if spent != nil {
			spent(d)
		}
	}
	shared, wait := v.auth.attempts.Take(ctx, b.Shared)
	if wait > 0 {
		v.auth.attempts.Refund(ctx, taken)
		return nil, wait
	}
	return append(taken, shared...), 0
}

func (v *request) mailBudget(d limit.Device) limit.Tally {
	return v.auth.attempts.MailBudget(d, limit.Rate(v.auth.opts.Limits.Mails).Half())
}

// successAllowed counts a sign-in of a user. It returns how long to wait where that
// is one too many, and else how to take it back.
func (v *request) successAllowed(ctx context.Context, userID string) (undo func(), wait time.Duration) {
	if v.auth.attempts == nil {
		return func() {}, 0
	}
	taken, wait := v.auth.attempts.Take(ctx, []limit.Tally{
		v.auth.attempts.Tally(limit.Rate(v.auth.opts.Limits.Successes), "success", v.auth.namespace.String(), userID),
	})
	return func() { v.auth.attempts.Refund(ctx, taken) }, wait
}

// limited refuses a request that is one too many.
func (v *request) limited(wait time.Duration) {
	v.tellLimited(wait)
	v.tooMany(wait)
}

// tellLimited tells the log and the events of a request that is one too many.
func (v *request) tellLimited(wait time.Duration) {
	e := v.tellRefused("Limits", rateLimited{wait}, errorcode.RateLimited)
	unlisted := v.auth.site.Hosts.Unlisted(v.c.Request)
	advice := refusal.Advice{LookAt: "Limits", Text: "somebody guesses or floods; if many people share an address here, raise the limits"}
	if unlisted {
		advice = refusal.Advice{LookAt: "TrustedProxies, Limits", Text: "a proxy forwarded this request, and all people behind one that is not listed are one client: list its address in TrustedProxies"}
	}
	v.auth.refusals.Warn(v.c.Request.Context(), refusal.TooMany, "too many attempts to sign in", advice,
		"provider", e.Provider, "forwarded_by_unlisted_proxy", unlisted)
	if event := v.auth.opts.Events.RateLimit; event != nil {
		event(v.c, RateLimitEvent{Provider: e.Provider, Client: e.Client, RetryAfter: wait})
	}
}

// tooMany answers a request that is one too many. next-auth's client reads the
// code out of the URL; a person gets the page at once, since a redirect would
// lose the status.
func (v *request) tooMany(wait time.Duration) {
	h := v.c.Writer.Header()
	h.Set("Retry-After", seconds(wait))
	h.Set("Cache-Control", "no-store")
	target := withQuery(v.errorURL(errorcode.RateLimited), waitParam, seconds(wait))
	switch {
	case v.native:
		v.nativeError(http.StatusTooManyRequests, errorcode.RateLimited)
	case v.wantsJSON():
		v.json(http.StatusTooManyRequests, map[string]string{"url": target})
	case v.c.GetHeader("HX-Request") == "true":
		h.Set("HX-Redirect", target)
		v.c.Status(http.StatusTooManyRequests)
		v.c.Writer.WriteHeaderNow()
	case v.auth.opts.Pages.Error != "":
		v.redirect(http.StatusTooManyRequests, target)
	default:
		v.errorPage(http.StatusTooManyRequests, errorcode.RateLimited, wait)
	}
}

// seconds is a time to wait as Retry-After says it, rounded up (RFC 9110
// §10.2.3).
func seconds(wait time.Duration) string {
	return strconv.FormatInt(int64((wait+time.Second-1)/time.Second), 10)
}

// waitAsked is how long to wait as the error page's URL says; zero: it does not.
func (v *request) waitAsked() time.Duration {
	if !strings.EqualFold(v.c.Query("error"), errorcode.RateLimited) {
		return 0
	}
	n, err := strconv.ParseUint(v.c.Query(waitParam), 10, 32)
	if err != nil {
		return 0
	}
	return min(time.Duration(n)*time.Second, maxWait)
}

// devices are the people that this browser knows, the last sign-in first.
func (v *request) devices() limit.Devices {
	if v.known != nil {
		return v.known
	}
	value, _ := cookie.Get(v.c.Request.Header["Cookie"], v.names.Device)
	return v.deviceCookie().Open(value, v.auth.opts.Now())
}

func (v *request) deviceCookie() limit.DeviceCookie {
	return limit.DeviceCookie{Keyring: v.auth.keys.device, Name: v.names.Device}
}

// revokedDevice reports that RevokeUser was called since the person signed in. While
// that cannot be told, the device is as good as none.
func (v *request) revokedDevice(d limit.Device) bool {
	if v.auth.ending.devices == nil {
		return false
	}
	at, err := v.auth.ending.devices.UserRevokedAt(context.WithoutCancel(v.c.Request.Context()), d.User)
	if err != nil {
		v.auth.opts.Logger.Warn("ginauth: whether a device cookie was revoked is unknown; it is ignored", "error", redact.Error(err, d.User))
		return true
	}
	return !at.IsZero() && !time.Unix(d.Since, 0).After(at)
}

// remember records in the device cookie that a person has signed in in this browser, if
// they have. Call it after the last factor. The device passes v.buckets, which are those of
// all clients.
func (v *request) remember(result outcome) outcome {
	if result.session == "" {
		return result
	}
	if list, ok := v.deviceCookie().Add(v.devices(), v.provider.id, result.user, result.since, v.buckets); ok {
		v.keepDevices(list)
	}
	return result
}

// admitMailbox signs in a person who proved to read the mail to an address, and remembers
// them in this browser.
func (v *request) admitMailbox(ctx context.Context, to, mailbox string) outcome {
	if v.auth.attempts == nil {
		return v.admitEmail(ctx, to)
	}
	var b limit.Buckets
	b.All(v.auth.attempts, limit.Rate(v.auth.opts.Limits.Mails), "mails", mailbox)
	v.buckets = b.Everybody
	return v.remember(v.admitEmail(ctx, to))
}

// keepDevices sets the device cookie, in place of one that this answer set before.
func (v *request) keepDevices(list limit.Devices) {
	value, kept := v.deviceCookie().Seal(list)
	attributes := v.attributes()
	line := cookie.Deletion(v.names.Device, attributes)
	if value != "" {
		attributes.MaxAge = limit.DeviceAge
		line = cookie.Line(v.names.Device, value, attributes)
	}
	v.known = append(limit.Devices{}, kept...)
	h := v.c.Writer.Header()
	h["Set-Cookie"] = slices.DeleteFunc(h["Set-Cookie"], func(line string) bool { return strings.HasPrefix(line, v.names.Device+"=") })
	v.setCookie(line)
}
