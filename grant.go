package ginauth

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
)

// accountDigest and sessionDigest stand for a person and for one session of
// theirs, at one issuer behind one provider; empty where it names none. A digest
// is short, and tells a shared store of revocations nothing about anybody.
func accountDigest(provider, issuer, subject string) string {
	return digest("account", provider, issuer, subject)
}

func sessionDigest(provider, issuer, session string) string {
	return digest("session", provider, issuer, session)
}

func digest(kind, provider, issuer, name string) string {
	if name == "" {
		return ""
	}
	raw, _ := json.Marshal([]string{kind, provider, issuer, name}) // texts always marshal
	sum := sha256.Sum256(raw)
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}
