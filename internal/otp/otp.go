// Package otp makes and checks one-time passwords as authenticator apps show them:
// RFC 6238 with SHA-1, six digits and steps of 30 seconds, the values that every app has.
// It writes the key as people type it and as a QR code. It does not know whose key it is,
// nor where the step is kept that was used last.
package otp

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/url"
	"strings"
	"time"
)

const (
	// Period is how long one code is shown (RFC 6238 §4.1).
	Period = 30 * time.Second
	// secretLength is that of a key in bytes: 160 bits (RFC 4226 §4, R6).
	secretLength = 20
	// skew is how many steps a code may be from the clock's, either way: the person
	// takes time to type it, and the clocks of phones are a little off (RFC 6238 §5.2).
	skew = 1
	// codes is how many there are, of six digits.
	codes = 1_000_000
)

var encoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// NewSecret makes a random key.
func NewSecret() []byte {
	secret := make([]byte, secretLength)
	_, _ = rand.Read(secret) // never fails: crypto/rand ends the program first
	return secret
}

// Code is the code of a step (RFC 4226 §5.3).
func Code(secret []byte, step int64) string {
	mac := hmac.New(sha1.New, secret)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(step)))
	sum := mac.Sum(nil)
	offset := sum[len(sum)-1] & 0xf
	n := binary.BigEndian.Uint32(sum[offset:]) & 0x7fffffff
	return fmt.Sprintf("%06d", n%codes)
}

// Step is the number of the step at a time: 30 seconds each since 1970.
func Step(at time.Time) int64 { return at.Unix() / int64(Period/time.Second) }

// Verify finds the step of a code that was typed, which must be later than used, the step
// of the last code that was right: each code counts once (RFC 6238 §5.2). Where two steps
// have the same code, it is the later one, so that the code is used up for both. Spaces in
// the code do not matter, since apps show it in groups.
func Verify(secret []byte, typed string, at time.Time, used int64) (step int64, ok bool) {
	typed = strings.Join(strings.Fields(typed), "")
	now := Step(at)
	for s := now - skew; s <= now+skew; s++ {
		same := subtle.ConstantTimeCompare([]byte(Code(secret, s)), []byte(typed)) == 1
		if same && s > used {
			step, ok = s, true
		}
	}
	return step, ok
}

// Text is a key as people type it: base32 (RFC 4648 §6) in groups of four letters.
func Text(secret []byte) string {
	text := encoding.EncodeToString(secret)
	var groups []string
	for len(text) > 4 {
		groups, text = append(groups, text[:4]), text[4:]
	}
	return strings.Join(append(groups, text), " ")
}

// URI is what an authenticator app reads in a QR code: the key, and the names under which
// it lists it. Digits, period and algorithm are the default ones, which are left out:
// some apps refuse the parameters.
func URI(secret []byte, issuer, account string) string {
	issuer = strings.ReplaceAll(issuer, ":", " ") // which stands between it and the account
	label := escape(issuer)
	if account != "" {
		label += ":" + escape(account)
	}
	return "otpauth://totp/" + label + "?secret=" + encoding.EncodeToString(secret) + "&issuer=" + escape(issuer)
}

// escape is for path and query alike: apps show a + as it is.
func escape(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }
