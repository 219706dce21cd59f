package ginauth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth/internal/factor"
	"github.com/ginauth/ginauth/internal/limit"
)

// attemptKey is where a try of credentials stands in its request's context.
const attemptKey = "github.com/ginauth/ginauth.attempt"

const (
	// guessesAtOnce and triesAtOnce are how many tries at one identifier, and of
	// one client, are under way at a time; the others wait for their turn. A try
	// counts as a failure until it has succeeded: without a queue, many good ones
	// at once would refuse each other.
	guessesAtOnce = 8
	triesAtOnce   = 32
)

// An attempt is a try of credentials. It counts as a failure until it succeeds: also
// where Authorize panics, or the browser leaves before the answer.
type attempt struct {
	v         *request // nil once it has succeeded or ended
	leave     []func()
	taken     []limit.Counted
	everybody []string // the buckets of all clients that it has to do with
	accounts  []string // that were counted
	device    string   // whose budget it was counted in
	names     int      // how many identifiers were typed
}

// tryAllowed counts a try of credentials. It answers the request where that is
// one too many.
func (v *request) tryAllowed(identifiers []string, typed map[string]string) (*attempt, bool) {
	a := &attempt{v: v}
	v.c.Set(attemptKey, a)
	if v.auth.attempts == nil {
		return a, true
	}
	for _, name := range identifiers {
		if typed[name] != "" {
			a.names++
		}
	}
	wait := a.count(v.tries(identifiers, typed))
	if wait > 0 {
		a.end()
		v.limited(wait)
		return nil, false
	}
	return a, true
}

// tries are the buckets that credentials are counted in.
func (v *request) tries(identifiers []string, typed map[string]string) (b limit.Buckets) {
	limits, client := &v.auth.opts.Limits, v.limitClient()
	guesses, all := limit.Rate(limits.Guesses), limit.Rate(limits.AllGuesses)
	if client.Limited {
		b.PerClient(v.auth.attempts, client, limit.Rate(limits.Failures).Widened, triesAtOnce, "fail")
	}
	for _, name := range identifiers {
		if typed[name] == "" {
			continue
		}
		for _, key := range limit.Keys(typed[name]) {
			b.PerClient(v.auth.attempts, client, guesses.Aimed(all), guessesAtOnce, "guess", v.provider.id, name, key)
			b.All(v.auth.attempts, all, "guesses", v.provider.id, name, key)
		}
	}
	return b
}

// count waits for the attempt's turn in these buckets and counts it there. It
// returns how long to wait if it is one too many.
func (a *attempt) count(b limit.Buckets) (wait time.Duration) {
	leave, ok := a.v.auth.attempts.Queue(a.v.c.Request.Context(), b.Own)
	if !ok {
		return time.Second
	}
	a.leave = append(a.leave, leave)
	taken, wait := a.v.take(b, a.budget, a.v.forgetDevice)
	if wait == 0 {
		a.taken, a.everybody = append(a.taken, taken...), append(a.everybody, b.Everybody...)
	}
	return wait
}

// budget is what a device pays with, once for the attempt, however often that is counted.
func (a *attempt) budget(d limit.Device) limit.Tally {
	if a.device == d.ID {
		return a.v.auth.attempts.Tally(limit.Rate{Count: -1}, "device", d.ID)
	}
	a.device = d.ID
	return a.v.auth.attempts.GuessBudget(d)
}

// forgetDevice takes a device away whose guesses are used up. Its mails are not: more of
// them are allowed after a while.
func (v *request) forgetDevice(d limit.Device) { v.keepDevices(v.devices().Without(d.ID)) }

// reached are the buckets of the person who has signed in. Where two identifiers were
// typed, or two accounts tried, nothing tells which one let them in, and there are none.
func (a *attempt) reached() []string {
	if a.names > 1 || len(a.accounts) > 1 {
		return nil
	}
	return a.everybody
}

// end makes room for the next one.
func (a *attempt) end() {
	a.v = nil
	for _, leave := range a.leave {
		leave()
	}
}

// succeeded takes back that the attempt was counted as a failure. From now on it
// counts nothing.
func (a *attempt) succeeded() {
	if a.v.auth.attempts != nil {
		a.v.auth.attempts.Refund(a.v.c.Request.Context(), a.taken)
	}
	a.v = nil
}

// rateLimited is the error of an attempt that is one too many.
type rateLimited struct{ wait time.Duration }

func (e rateLimited) Error() string {
	return fmt.Sprintf("ginauth: too many attempts to sign in; the next one is allowed in %v", e.wait)
}

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
	var a *attempt
	if c != nil {
		found, _ := c.Get(attemptKey)
		a, _ = found.(*attempt)
	}
	switch {
	case a == nil || a.v == nil:
		return errors.New("ginauth: CountGuess counts only within Credentials.Authorize; call it there, with the context that Authorize gets")
	case accountID == "":
		return errors.New("ginauth: CountGuess got an empty account ID; call it with the ID of the account that was found")
	case a.v.auth.attempts == nil || slices.Contains(a.accounts, accountID):
		return nil
	}
	limits, id := &a.v.auth.opts.Limits, a.v.provider.id
	guesses, all := limit.Rate(limits.Guesses), limit.Rate(limits.AllGuesses)
	var b limit.Buckets
	b.PerClient(a.v.auth.attempts, a.v.limitClient(), guesses.Aimed(all), guessesAtOnce, "account", id, accountID)
	b.All(a.v.auth.attempts, all, "accounts", id, accountID)
	if wait := a.count(b); wait > 0 {
		return rateLimited{wait}
	}
	a.accounts = append(a.accounts, accountID)
	return nil
}

// factorAllowed counts a code of a second factor, by client and by user. It returns how
// long to wait where that is one too many, and else how to take the count back.
func (v *request) factorAllowed(ctx context.Context, userID string) (leave, undo func(), wait time.Duration) {
	attempts := v.auth.attempts
	if attempts == nil {
		return func() {}, func() {}, 0
	}
	guesses, all := limit.Rate(v.auth.opts.Limits.Guesses), limit.Rate(v.auth.opts.Limits.AllGuesses)
	var b limit.Buckets
	b.PerClient(attempts, v.limitClient(), guesses.Aimed(all), guessesAtOnce, "factor", v.auth.namespace.String(), userID)
	b.All(attempts, all, "factors", v.auth.namespace.String(), userID)
	leave, ok := attempts.Queue(ctx, b.Own)
	if !ok {
		return nil, nil, time.Second
	}
	taken, wait := attempts.Take(ctx, slices.Concat(b.Own, b.Shared))
	if wait > 0 {
		leave()
		return nil, nil, wait
	}
	return leave, func() { attempts.Refund(ctx, taken) }, 0
}

// tryFactor counts the code that was typed, and reports whether it is right. One for a
// sign-in that waits finishes that, once: in the step in which the code is used up.
func (v *request) tryFactor(ctx context.Context, userID string, w *waiting, method FactorMethod) (right bool, err error) {
	typed := v.field("code")
	v.secrets = append(v.secrets, typed)
	leave, undo, wait := v.factorAllowed(ctx, userID)
	if wait > 0 {
		return false, rateLimited{wait}
	}
	defer leave()
	now, result := v.auth.opts.Now(), factor.Wrong
	err = v.auth.changeFactors(ctx, userID, func(r *factor.Record) error {
		if w != nil && r.Epoch != w.Epoch {
			return errWaiting
		}
		if method == FactorRecovery {
			result = r.TryRecovery(userID, typed)
		} else {
			result = r.TryOTP(typed, now)
		}
		if result == factor.Right && w != nil && !r.Spend(w.ID, time.Unix(w.Expires, 0), now) {
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
			v.tellFactor(ctx, userID, method, FactorRecoveryUsed)
		}
	case factor.WrongTell:
		v.tellFactor(ctx, userID, method, FactorGuessed)
	case factor.WrongOff:
		v.tellFactor(ctx, userID, method, FactorOff)
	}
	return result == factor.Right, nil
}
