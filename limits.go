package ginauth

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/ginauth/ginauth/internal/bulkhead"
	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/factor"
	"github.com/ginauth/ginauth/internal/limit"
	"github.com/ginauth/ginauth/internal/redact"
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
func (r *request) client() netip.Addr { return r.auth.site.Hosts.ClientAddr(r.c.Request) }

// limitClient is the sender of this request, to the limits.
func (r *request) limitClient() limit.Client {
	addr := r.client()
	developing := !r.auth.release && (addr.IsLoopback() || addr == testAddr)
	return limit.Client{Networks: limit.Networks(addr), Limited: !developing}
}

// sender is who sent this request, with the people whom it knows.
func (r *request) sender() limit.Browser {
	return limit.Browser{Client: r.limitClient(), Provider: r.provider.id, Devices: r.devices, Revoked: r.revokedDevice}
}

// guesses are the rates of tries of credentials.
func (l *Limits) guesses() limit.Rates {
	return limit.Rates{Failures: limit.Rate(l.Failures), Guesses: limit.Rate(l.Guesses), AllGuesses: limit.Rate(l.AllGuesses)}
}

// startAllowed counts the start of a sign-in, and the mail to a mailbox where that is not
// empty. It answers the request where that is one too many.
func (r *request) startAllowed(mailbox string) bool {
	if r.auth.attempts == nil {
		return true
	}
	client, mails := r.limitClient(), limit.Rate(r.auth.opts.Limits.Mails)
	var b limit.Buckets
	if client.Limited {
		b.PerClient(r.auth.attempts, client, limit.Rate(r.auth.opts.Limits.Starts).Widened, 0, "start")
	}
	if mailbox != "" {
		// One client may ask for half: otherwise it could keep that person from asking.
		b.PerClient(r.auth.attempts, client, mails.Half().Aimed(mails), 0, "mail", mailbox)
		b.All(r.auth.attempts, mails, "mails", mailbox)
	}
	if _, wait := r.auth.attempts.TakeAll(r.c.Request.Context(), b, r.sender(), r.mailBudget, nil); wait > 0 {
		r.limited(wait)
		return false
	}
	return true
}

func (r *request) mailBudget(d limit.Device) limit.Tally {
	return r.auth.attempts.MailBudget(d, limit.Rate(r.auth.opts.Limits.Mails).Half())
}

// successAllowed counts a sign-in of a user. It returns how long to wait where that
// is one too many, and else how to take it back.
func (r *request) successAllowed(ctx context.Context, userID string) (undo func(), wait time.Duration) {
	if r.auth.attempts == nil {
		return func() {}, 0
	}
	taken, wait := r.auth.attempts.Take(ctx, []limit.Tally{
		r.auth.attempts.Tally(limit.Rate(r.auth.opts.Limits.Successes), "success", r.auth.namespace.String(), userID),
	})
	return func() { r.auth.attempts.Refund(ctx, taken) }, wait
}

// devices are the people that this browser knows, the last sign-in first.
func (r *request) devices() limit.Devices {
	if r.known != nil {
		return r.known
	}
	value, _ := cookie.Get(r.c.Request.Header["Cookie"], r.names.Device)
	return r.deviceCookie().Open(value, r.auth.opts.Now())
}

func (r *request) deviceCookie() limit.DeviceCookie {
	return limit.DeviceCookie{Keyring: r.auth.keys.device, Name: r.names.Device}
}

// revokedDevice reports that RevokeUser was called since the person signed in. While
// that cannot be told, the device is as good as none.
func (r *request) revokedDevice(d limit.Device) bool {
	if r.auth.ending.devices == nil {
		return false
	}
	at, err := r.auth.ending.devices.UserRevokedAt(context.WithoutCancel(r.c.Request.Context()), d.User)
	if err != nil {
		r.auth.opts.Logger.Warn("ginauth: whether a device cookie was revoked is unknown; it is ignored", "error", redact.Error(err, d.User))
		return true
	}
	return !at.IsZero() && !time.Unix(d.Since, 0).After(at)
}

// remember records in the device cookie that a person has signed in in this browser, if
// they have. Call it after the last factor. The device passes r.buckets, which are those of
// all clients.
func (r *request) remember(result outcome) outcome {
	if result.session == "" {
		return result
	}
	if list, ok := r.deviceCookie().Add(r.devices(), r.provider.id, result.user, result.since, r.buckets); ok {
		r.keepDevices(list)
	}
	return result
}

// admitMailbox signs in a person who proved to read the mail to an address, and remembers
// them in this browser.
func (r *request) admitMailbox(ctx context.Context, to, mailbox string) outcome {
	if r.auth.attempts == nil {
		return r.admitEmail(ctx, to)
	}
	var b limit.Buckets
	b.All(r.auth.attempts, limit.Rate(r.auth.opts.Limits.Mails), "mails", mailbox)
	r.buckets = b.Everybody
	return r.remember(r.admitEmail(ctx, to))
}

// keepDevices sets the device cookie, in place of one that this answer set before.
func (r *request) keepDevices(list limit.Devices) {
	value, kept := r.deviceCookie().Seal(list)
	attributes := r.attributes()
	line := cookie.Deletion(r.names.Device, attributes)
	if value != "" {
		attributes.MaxAge = limit.DeviceAge
		line = cookie.Line(r.names.Device, value, attributes)
	}
	r.known = append(limit.Devices{}, kept...)
	h := r.c.Writer.Header()
	h["Set-Cookie"] = slices.DeleteFunc(h["Set-Cookie"], func(line string) bool { return strings.HasPrefix(line, r.names.Device+"=") })
	r.setCookie(line)
}

// attemptKey is where a try of credentials stands in its request's context.
const attemptKey = "github.com/ginauth/ginauth.attempt"

// tryAllowed counts a try of credentials. It answers the request where that is
// one too many.
func (r *request) tryAllowed(identifiers []string, typed map[string]string) (*limit.Try, bool) {
	try := limit.NewTry(r.auth.attempts, r.auth.opts.Limits.guesses(), r.sender(), r.forgetDevice)
	r.c.Set(attemptKey, try)
	if wait := try.Typed(r.c.Request.Context(), identifiers, typed); wait > 0 {
		try.End()
		r.limited(wait)
		return nil, false
	}
	return try, true
}

// forgetDevice takes a device away whose guesses are used up. Its mails are not: more of
// them are allowed after a while.
func (r *request) forgetDevice(d limit.Device) { r.keepDevices(r.devices().Without(d.ID)) }

// CountGuess counts a try of credentials against the account that Authorize found, by
// Limits.Guesses and Limits.AllGuesses, as what was typed is counted. Call it in
// Credentials.Authorize when the account is found, before the password is compared,
// and return its error: the answer is then 429 with the code RateLimited.
//
// What was typed does not always say whom it reaches. Keys of ginauth's own hold
// together what MariaDB's usual collations and PostgreSQL's citext take for equal,
// but a collation for one language, a phone number with spaces, or a name and an
// e-mail address of one account lead to it too. Each spelling would have a limit of its
// own.
//
// accountID is whatever names the account in the application, such as "42". A
// successful sign-in is not counted, and the same account is counted once in a
// request. With Limits.Disabled the error is nil. It is an error to call CountGuess
// anywhere else, with another context, or with an empty accountID.
func CountGuess(c *gin.Context, accountID string) error {
	var try *limit.Try
	if c != nil {
		found, _ := c.Get(attemptKey)
		try, _ = found.(*limit.Try)
	}
	switch {
	case try == nil || try.Over():
		return errors.New("ginauth: CountGuess counts only within Credentials.Authorize; call it there, with the context that Authorize gets")
	case accountID == "":
		return errors.New("ginauth: CountGuess got an empty account ID; call it with the ID of the account that was found")
	}
	if wait := try.Account(c.Request.Context(), accountID); wait > 0 {
		return rateLimited{wait}
	}
	return nil
}

// codeAllowed counts a code of a second factor, by client and by user. It returns how
// long to wait where that is one too many, and else how to take the count back.
func (r *request) codeAllowed(ctx context.Context, userID string) (leave, undo func(), wait time.Duration) {
	if r.auth.attempts == nil {
		return func() {}, func() {}, 0
	}
	return r.auth.attempts.Code(ctx, r.limitClient(), r.auth.opts.Limits.guesses(), r.auth.namespace.String(), userID)
}

// tryFactor counts the code that was typed, and reports whether it is right. One for a
// sign-in that waits finishes that, once: in the step in which the code is used up.
func (r *request) tryFactor(ctx context.Context, userID string, w *waiting, method FactorMethod) (right bool, err error) {
	typed := r.field("code")
	r.secrets = append(r.secrets, typed)
	leave, undo, wait := r.codeAllowed(ctx, userID)
	if wait > 0 {
		return false, rateLimited{wait}
	}
	defer leave()
	now, result := r.auth.opts.Now(), factor.Wrong
	err = r.auth.changeFactors(ctx, userID, func(record *factor.Record) error {
		if w != nil && record.Epoch != w.Epoch {
			return errWaiting
		}
		if method == FactorRecovery {
			result = record.TryRecovery(userID, typed)
		} else {
			result = record.TryOTP(typed, now)
		}
		if result == factor.Right && w != nil && !record.Spend(w.ID, time.Unix(w.Expires, 0), now) {
			return errWaiting
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	switch result {
	case factor.Right:
		undo()
		if method == FactorRecovery {
			r.tellFactor(ctx, userID, method, FactorRecoveryUsed)
		}
	case factor.WrongTell:
		r.tellFactor(ctx, userID, method, FactorGuessed)
	case factor.WrongOff:
		r.tellFactor(ctx, userID, method, FactorOff)
	}
	return result == factor.Right, nil
}
