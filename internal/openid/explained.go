package openid

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/ginauth/ginauth/internal/redact"
)

// A seen token is what a refused one says of itself. Nothing of it is believed: it is
// for the log alone, beside what was expected.
type seen struct {
	Algorithm string `json:"alg"`
	Issuer    string `json:"iss"`
	// NotBefore is in seconds. Audience is a text or a list.
	NotBefore float64         `json:"nbf"`
	Audience  json.RawMessage `json:"aud"`
}

// look reads a token's header and claims, as far as they can be read.
func look(raw string) (s seen) {
	parts := strings.Split(raw, ".")
	for _, part := range parts[:min(len(parts), 2)] {
		if text, err := base64.RawURLEncoding.DecodeString(part); err == nil {
			_ = json.Unmarshal(text, &s)
		}
	}
	return s
}

// audiences are the clients that the token is for.
func (s seen) audiences() []string {
	var one string
	if json.Unmarshal(s.Audience, &one) == nil {
		return []string{one}
	}
	var list []string
	_ = json.Unmarshal(s.Audience, &list)
	return list
}

// maxAudiences is how many of them a log line holds.
const maxAudiences = 5

// explained says of a token that go-oidc refused what was expected and what the token
// has, where the two tell why. Any other error stays as it is. A provider may write
// anything into a claim: secrets are cut out again.
func (c *Client) explained(kind, raw string, m *Metadata, err error, secrets ...string) error {
	return c.explainedFor([]string{c.ClientID}, kind, raw, m, err, secrets...)
}

// explainedFor is explained for a token that may be for any of these clients.
func (c *Client) explainedFor(clients []string, kind, raw string, m *Metadata, err error, secrets ...string) error {
	var expired *oidc.TokenExpiredError
	s, now := look(raw), c.now()
	text := ""
	switch {
	case errors.As(err, &expired):
		text = fmt.Sprintf("the %s has expired: its exp is %s, and it is %s here; if it was issued a moment ago, one of the two clocks is wrong", kind, stamp(expired.Expiry), stamp(now))
	case strings.Contains(err.Error(), "fetching keys"):
		text = fmt.Sprintf("the %s cannot be verified, since the issuer's key set at %s did not come: %v", kind, redact.URL(m.keyIssuers.url), redact.Error(err, secrets...))
	case strings.Contains(err.Error(), "failed to verify signature"):
		return err
	case s.Algorithm != "" && !slices.Contains(m.Algorithms, s.Algorithm):
		text = fmt.Sprintf("the %s is signed with %s, expected one of %s", kind, redact.Value(s.Algorithm), strings.Join(m.Algorithms, ", "))
	case c.Family == nil && s.Issuer != m.Issuer:
		text = fmt.Sprintf("the %s comes from a different provider: its iss is %s, expected %s", kind, redact.URL(s.Issuer), redact.URL(m.Issuer))
	case !slices.ContainsFunc(s.audiences(), func(audience string) bool { return slices.Contains(clients, audience) }):
		text = fmt.Sprintf("the %s is for another client: its aud is [%s], expected audience %s, the client id", kind, listed(s.audiences()), listed(clients))
	case s.NotBefore > float64(now.Add(clockLeeway).Unix()):
		text = fmt.Sprintf("the %s is not valid yet: its nbf is %s, and it is %s here; one of the two clocks is wrong", kind, stamp(time.Unix(int64(min(s.NotBefore, 1<<40)), 0)), stamp(now))
	default:
		return err
	}
	return redact.Told(err, "openid: %s", redact.Hide(text, secrets))
}

// listed are the first of some values, as a log line shows them.
func listed(values []string) string {
	var shown []string
	for _, value := range values[:min(len(values), maxAudiences)] {
		shown = append(shown, redact.Value(value))
	}
	return strings.Join(shown, " ")
}

// ahead says that a token was issued in the future.
func ahead(kind string, issued, now time.Time) error {
	return redact.Told(nil, "openid: the %s's iat lies in the future: it is %s, and it is %s here; one of the two clocks is wrong", kind, stamp(issued), stamp(now))
}

// stamp is a time as a log line shows it. A claim that is missing has none.
func stamp(at time.Time) string {
	if at.Unix() <= 0 {
		return "missing"
	}
	return at.UTC().Format(time.RFC3339)
}
