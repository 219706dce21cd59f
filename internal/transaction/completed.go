package transaction

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"

	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/oauth"
	"github.com/ginauth/ginauth/internal/token"
)

// A Completed sign-in is what one that ended leaves in the browser, for a person who
// goes back to the provider's page and comes with its answer once more.
type Completed struct {
	State   string `json:"s"`
	User    string `json:"u,omitempty"` // UserMark of who was signed in; empty: it failed
	Target  string `json:"t,omitempty"` // where it led, a path on this site or a URL
	Expires int64  `json:"e"`           // Unix seconds
	Again   bool   `json:"a,omitempty"` // as oauth.Transaction.Again
}

// UserMark names a user within the few bytes that a cookie of a sign-in has.
func UserMark(id string) string {
	sum := sha256.Sum256([]byte(id))
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

// End returns the Set-Cookie lines that leave a completed sign-in in place of one under
// way. user is the UserMark of who was signed in, and target where it led; both empty if
// nobody was: then only the fact that it was used is left.
func (c Cookies) End(tx *oauth.Transaction, user, target string) []string {
	return []string{
		cookie.Deletion(c.openName(tx), c.attributes(tx)),
		c.keepCompleted(&Completed{State: tx.State, User: user, Target: target, Expires: c.Now.Add(oauth.Lifetime).Unix()}),
	}
}

// RevisitCompleted returns the Set-Cookie line that sets or takes away the mark of
// Revisit. It is taken away once the answer was loaded from this site: the next one
// comes from another site again.
func (c Cookies) RevisitCompleted(done *Completed, again bool) string {
	done.Again = again
	return c.keepCompleted(done)
}

// keepCompleted drops a target that is too long: the sign-in then leads to the base URL.
func (c Cookies) keepCompleted(done *Completed) string {
	name, value := c.Names.Completed+Suffix(done.State), c.Keys.completed.Seal(done.bytes())
	if len(name)+len(value) > maxCookie {
		done.Target = ""
		value = c.Keys.completed.Seal(done.bytes())
	}
	return cookie.Line(name, value, c.attributes(nil))
}

// Completed is what the sign-in of a state left; nil if there is none. found reports
// that there is a cookie of it, whatever it holds.
func (c Cookies) Completed(state string) (done *Completed, found bool) {
	name := c.Names.Completed + Suffix(state)
	for value := range cookie.Values(c.Header, name) {
		if done := c.openCompleted(value); done != nil && token.Equal(done.State, state) {
			return done, true
		}
	}
	return nil, cookie.Has(c.Header, name)
}

// CompletedOf is Completed for the state of a provider's answer.
func (c Cookies) CompletedOf(answer url.Values) (done *Completed, found bool) {
	if state := answer["state"]; len(state) == 1 {
		return c.Completed(state[0])
	}
	return nil, false
}

// CompletedBySuffix is Completed for a page that knows the Suffix of a state alone.
func (c Cookies) CompletedBySuffix(suffix string) *Completed {
	for value := range cookie.Values(c.Header, c.Names.Completed+suffix) {
		if done := c.openCompleted(value); done != nil {
			return done
		}
	}
	return nil
}

func (c Cookies) openCompleted(value string) *Completed {
	payload, _, err := c.Keys.completed.Open(value)
	if err != nil {
		return nil
	}
	done, err := parseCompleted(payload)
	if err != nil || c.Now.Unix() >= done.Expires {
		return nil
	}
	return done
}

func parseCompleted(b []byte) (*Completed, error) {
	done := &Completed{}
	if err := json.Unmarshal(b, done); err != nil {
		return nil, fmt.Errorf("transaction: %w", err)
	}
	return done, nil
}

// bytes writes what parseCompleted reads. Strings and numbers always marshal.
func (done *Completed) bytes() []byte {
	b, _ := json.Marshal(done)
	return b
}
