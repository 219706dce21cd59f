package tokenset

import (
	"encoding/base64"
	"encoding/json"
	"strings"
)

// An IDToken is the claims by which a provider names a person and their session there.
type IDToken struct {
	Issuer  string // iss
	Subject string // sub
	Session string // sid
}

// ReadIDToken reads an id_token that was verified at sign-in or came over TLS from
// the token endpoint (OpenID Connect Core §3.1.3.7). One that is not a JWT has no
// claims. Names are compared exactly: encoding/json alone would take "Sub" for sub.
func ReadIDToken(raw string) (t IDToken) {
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return IDToken{}
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims map[string]any
	if err == nil {
		_ = json.Unmarshal(payload, &claims) // what is no object has no claims
	}
	t.Issuer, _ = claims["iss"].(string)
	t.Subject, _ = claims["sub"].(string)
	t.Session, _ = claims["sid"].(string)
	return t
}
