// Package revocation decides whether a session was ended before its time: of a
// person everywhere, of one session alone, or by the provider. It asks a store that
// processes may share, and remembers the answers for a moment so that a guarded
// request stays fast. It knows by which names a revocation is found, how times are
// compared, and for how long a revocation is kept. It knows nothing of tokens,
// cookies, requests, or of how a logout token is verified.
package revocation

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"time"
)

// A Session is what a revocation may find a session by.
type Session struct {
	SID      string // random at each sign-in; empty in tokens that others made
	TokenID  string // jti
	Subject  string // the user's ID
	SignedIn time.Time

	// Account and ProviderSession are by what the provider of the sign-in may end the
	// session: see AccountDigest and SessionDigest. They are empty where it cannot.
	Account         string
	ProviderSession string
}

// ID names a session through all its sealings; it is empty where nothing does. A
// session without SID is named by what every sealing of it here has in common: by who
// signed in and when, or, since next-auth does not say when, by its token's own ID.
// Revocations of such sessions have always had that name.
func (s Session) ID() string {
	switch {
	case s.SID != "":
		return s.SID
	case s.Subject != "" && !s.SignedIn.IsZero():
		return "session:" + strconv.FormatInt(s.SignedIn.Unix(), 10) + ":" + s.Subject
	case s.TokenID != "":
		return "token:" + s.TokenID
	}
	return ""
}

// EndedBy reports whether a revocation ends the session; zero is none. A session that
// does not say when its person signed in, as next-auth's, is older than any
// revocation.
func (s Session) EndedBy(at time.Time) bool { return !at.IsZero() && !s.SignedIn.After(at) }

// userSubjects begins the subjects that stand for people.
const userSubjects = "user:"

// userSubject stands for a person; it is empty where it is not known who that is.
func userSubject(userID string) string {
	if userID == "" {
		return ""
	}
	return userSubjects + userID
}

// subjects are what a revocation may have ended the session by. The last two are the
// three cases of Logout.Ends.
func (s Session) subjects() []string {
	known := 2
	if s.Account != "" {
		known = 4
	}
	subjects := make([]string, 0, known)
	for _, subject := range [...]string{userSubject(s.Subject), s.ID()} {
		if subject != "" {
			subjects = append(subjects, subject)
		}
	}
	switch {
	case s.Account == "":
		return subjects
	case s.ProviderSession == "":
		return append(subjects, accountSubject(s.Account), unnamedSubject(s.Account))
	}
	return append(subjects, accountSubject(s.Account), providerSubject(s.ProviderSession))
}

// accountSubject stands for all sessions of a person at a provider, providerSubject
// for those of one session there, and unnamedSubject for those of the person whose
// sign-in named no session there.
func accountSubject(account string) string  { return "account:" + account }
func providerSubject(session string) string { return "sid:" + session }
func unnamedSubject(account string) string  { return "unnamed:" + account }

// AccountDigest stands for a person (sub), SessionDigest for one session of theirs
// (sid), and TokenDigest for one logout token (jti), at one issuer behind one
// provider (OpenID Connect Back-Channel Logout 1.0 §2.4). It is empty where the
// provider names none. A digest is short, and tells a shared store of revocations
// nothing about anybody.
func AccountDigest(provider, issuer, subject string) string {
	return digest("account", provider, issuer, subject)
}

// SessionDigest stands for one session at a provider: see AccountDigest.
func SessionDigest(provider, issuer, session string) string {
	return digest("session", provider, issuer, session)
}

// TokenDigest stands for one logout token: see AccountDigest.
func TokenDigest(provider, issuer, tokenID string) string {
	return digest("jti", provider, issuer, tokenID)
}

func digest(kind, provider, issuer, name string) string {
	if name == "" {
		return ""
	}
	raw, _ := json.Marshal([]string{kind, provider, issuer, name}) // texts always marshal
	sum := sha256.Sum256(raw)
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}
