package ginauth

import (
	"context"
	"time"
)

// Limits bound how often signing in is tried. They are on by default, and they
// slow rather than lock: whoever has used up a Rate may go on at its pace, so that
// nobody can be kept out of an account for good by somebody else's wrong guesses.
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
// An identifier is what somebody types to say who they are: see
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
	// Failures are the credentials of one client that sign nobody in, whoever they
	// are of: one password tried on many names. A successful sign-in does not
	// count, so that an office behind one address gets in. Default: 100 in ten
	// minutes.
	Failures Rate
	// Guesses are the failures of one client at one identifier. They are the tight
	// limit, and tied to the client, so that guessing at somebody's password does
	// not slow that person. Default: 10 in ten minutes.
	Guesses Rate
	// AllGuesses are the failures of all clients at one identifier. This is what
	// stands against a network of many addresses, and the one limit by which others
	// slow the person too, where they have not signed in before. Default: 100 in an hour, as many failures as
	// NIST SP 800-63B §3.2.2 lets pass at an account.
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
