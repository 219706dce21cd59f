// Package factor is how people prove who they are: by which methods, and what a session's
// token says of the proofs. That is one text with a MAC of its own, so that nothing else
// that writes into a token proves anything by it: neither a callback, nor another program
// with the same secret. The package also has the record of a user's second factors: their
// authenticator app, its setup, recovery codes, and the browsers that are trusted. It
// knows texts, times and keys. It does not know sessions, where a record is kept, or how
// a proof is given.
package factor

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ginauth/ginauth/internal/token"
)

// A Proof is one way in which somebody proved who they are, and when.
type Proof struct {
	Method   string // such as password; letters alone
	At       time.Time
	Provider string // the ID of the provider that it was given to; "" for none
	Account  string // names the account there, in base64url; "" where it is not known
}

// The characters between the parts of a claim. None of them stands in a method, in a
// provider's ID or in base64url.
const (
	betweenProofs = ","
	withinProof   = "@"
	beforeMAC     = ":"
)

// Claim writes the proofs of a session with their MAC; "" for none:
// password@1795479638@credentials@6wB1Vbkz9sR3eZqH,otp@1795479700@@:MAC. The MAC covers
// the subject and the session's name, so that the claim of another session, or of
// another person, is none.
func Claim(mac *token.Digest, subject, session string, proofs []Proof) string {
	if len(proofs) == 0 || session == "" {
		return ""
	}
	texts := make([]string, len(proofs))
	for i, p := range proofs {
		texts[i] = strings.Join([]string{p.Method, strconv.FormatInt(p.At.Unix(), 10), p.Provider, p.Account}, withinProof)
	}
	text := strings.Join(texts, betweenProofs)
	return text + beforeMAC + mac.Sum(subject, session, text)
}

// Read reads the proofs of a claim; none where its MAC is not one of this subject and
// session. current reports that it was made with the current secret.
func Read(mac *token.Digest, subject, session, claim string) (proofs []Proof, current bool) {
	current = Each(mac, subject, session, claim, func(p Proof) { proofs = append(proofs, p) })
	return proofs, current
}

// Each calls visit with each proof that Read would return.
func Each(mac *token.Digest, subject, session, claim string, visit func(Proof)) (current bool) {
	text, sum, _ := strings.Cut(claim, beforeMAC)
	if text == "" || session == "" {
		return false
	}
	valid, current := mac.Verify(sum, subject, session, text)
	if !valid {
		return false
	}
	for more := true; more; {
		var part string
		part, text, more = strings.Cut(text, betweenProofs)
		method, rest, _ := strings.Cut(part, withinProof)
		at, rest, _ := strings.Cut(rest, withinProof)
		provider, account, _ := strings.Cut(rest, withinProof)
		if seconds, err := strconv.ParseInt(at, 10, 64); err == nil {
			visit(Proof{method, time.Unix(seconds, 0), provider, account})
		}
	}
	return current
}

// Renew gives proofs that a previous secret vouches for the MAC of the current one, and
// takes those away that none vouches for.
func Renew(mac *token.Digest, subject, session, claim string) string {
	if proofs, current := Read(mac, subject, session, claim); !current {
		return Claim(mac, subject, session, proofs)
	}
	return claim
}

// Add puts a proof behind the others, in place of the one of the same method.
func Add(proofs []Proof, p Proof) []Proof {
	others := slices.DeleteFunc(slices.Clone(proofs), func(q Proof) bool { return q.Method == p.Method })
	return append(others, p)
}

// Fresh reports whether a proof was given at most so long ago; within 0: ever. One from
// a time to come is none: the clock was set back, and how old it is nobody knows.
// Clocks of several processes may differ by ahead.
func (p Proof) Fresh(now time.Time, within, ahead time.Duration) bool {
	age := now.Sub(p.At)
	return within == 0 || age <= within && age >= -ahead
}
