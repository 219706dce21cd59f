package claims

import (
	"errors"
	"math"
	"time"
)

// Leeway is how far clocks may be apart, as next-auth's decoder has it.
const Leeway = 15 * time.Second

var (
	// ErrExpired says that a token is not valid any more, or not yet.
	ErrExpired = errors.New("ginauth: the session token has expired")
	errNotTime = errors.New("ginauth: a time in the session token is not a number")
)

// A Validity is when a token that is being read is valid (RFC 7519 §4.1.4, §4.1.5).
type Validity struct {
	nbf, exp float64 // in Unix seconds
	fault    error   // of a claim
}

// Always is the Validity of a token that says nothing of it.
func Always() Validity { return Validity{nbf: math.Inf(-1), exp: math.Inf(1)} }

// Expires reads the claim exp, and NotBefore the claim nbf.
func (v *Validity) Expires(value Value) time.Time {
	v.exp = v.seconds(value)
	return Time(v.exp)
}

func (v *Validity) NotBefore(value Value) { v.nbf = v.seconds(value) }

// Time reads another time claim.
func (v *Validity) Time(value Value) time.Time { return Time(v.seconds(value)) }

// Fail keeps the fault of a claim that cannot be read.
func (v *Validity) Fail(err error) { v.fault = err }

func (v *Validity) seconds(value Value) float64 {
	f, ok := value.Seconds()
	if !ok {
		v.fault = errNotTime
	}
	return f
}

// Check is nil for a token that is valid now, or would be by a clock that is Leeway apart.
func (v *Validity) Check(now time.Time) error {
	at := float64(now.Unix())
	switch {
	case v.fault != nil:
		return v.fault
	case v.exp <= at-Leeway.Seconds() || v.nbf > at+Leeway.Seconds():
		return ErrExpired
	}
	return nil
}
