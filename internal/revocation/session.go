// Package revocation decides whether a session was ended before its time: with all
// sessions of a person, by itself, or by the provider. It asks a store that processes
// may share, and caches the answers for a few seconds so that a guarded request stays
// fast. It knows the names under which revocations are stored, how times are compared,
// and how long a revocation is kept. It does not know tokens, cookies or requests, nor
// how a logout token is verified.
package revocation

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"time"
)

// A Session is what identifies a session to revocations.
type Session struct {
	SID      string // random at each sign-in; empty in tokens that others made
	TokenID  string // jti
	Subject  string // the user's ID
	SignedIn time.Time

	// Account and ProviderSession identify the session to the provider of the sign-in:
	// see AccountDigest and SessionDigest. They are empty if the provider cannot end it.
	Account         string
	ProviderSession string
}

// ID names a session; sealing it again does not change the name. It is empty if nothing
// identifies the session. A session without SID is named by who signed in and when, or,
// since next-auth does not say when, by its token's ID. Stored revocations have these
// names: do not change them.
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

// EndedBy reports whether a revocation at that time ends the session; zero means no
// revocation. A session without a sign-in time, such as next-auth's, is older than any
// revocation.
func (s Session) EndedBy(at time.Time) bool { return !at.IsZero() && !s.SignedIn.After(at) }

// userSubjects is the prefix of the subjects that stand for people.
const userSubjects = "user:"

// userSubject stands for a person; it is empty without a user ID.
func userSubject(userID string) string {
	if userID == "" {
		return ""
	}
	return userSubjects + userID
}

// subjects are those of all revocations that end the session. The provider's follow the
// three cases of Logout.Ends.
func (s Session) subjects() []string {
	subjects := make([]string, 0, 4)
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

// accountSubject stands for all sessions of an account at a provider, providerSubject
// for those that began in one session there, and unnamedSubject for those of an account
// whose sign-in named no session there.
func accountSubject(account string) string  { return "account:" + account }
func providerSubject(session string) string { return "sid:" + session }
func unnamedSubject(account string) string  { return "unnamed:" + account }

// AccountDigest stands for an account (sub), SessionDigest for a session (sid), and
// TokenDigest for a logout token (jti) of one issuer behind one provider (OpenID Connect
// Back-Channel Logout 1.0 §2.4). A digest of an empty name is empty. Digests are short,
// and disclose nothing about people to a shared store.
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
