package ginauth

import (
	"encoding/json"
	"time"

	"github.com/ginauth/ginauth/internal/claims"
)

// A User is who signed in.
type User struct {
	// ID is the token's subject. With an Adapter it is the adapter's; without one
	// it is the provider's identifier of the person. Two providers may use the same
	// one for two people: with more than one provider and no Adapter make it of
	// both, in Callbacks.SignIn, where Account names the provider. It reaches the
	// browser only if a Session callback puts it into Values.
	ID    string
	Name  string
	Email string
	Image string // http or https URL of a picture
	// EmailVerified is when the person proved that the address is theirs; zero:
	// never, or not known.
	EmailVerified time.Time
	// Values are further members of the "user" object. Those that Authorize or
	// Profile set are for the JWT callback; the browser gets what a Session callback
	// sets.
	Values map[string]any

	shape shape
}

// A Session is what handlers and the browser know of who is signed in. Its JSON
// form is the answer to GET session: {"user":{…},"expires":"…",…}.
type Session struct {
	User    User
	Expires time.Time
	// Error tells the front end of a lasting trouble with the session, for
	// instance that the provider's token could not be renewed.
	Error string
	// Values are further members of the session, such as an access token that a
	// Session callback passes to the front end.
	Values map[string]any
}

// shape remembers how a token held a text that is empty: as null, not at all, or
// as "". Only so can an opened token be sealed again unchanged. Zero is null,
// which is what an empty field is at sign-in.
type shape uint8

const (
	nameAbsent shape = 1 << iota
	nameEmpty
	emailAbsent
	emailEmpty
	pictureAbsent
	pictureEmpty
)

// add writes a text member in the form the shape remembers.
func (s shape) add(o *claims.Object, name, text string, absent, empty shape) {
	switch {
	case text != "" || s&empty != 0:
		o.Add(name, text)
	case s&absent == 0:
		o.Add(name, nil)
	}
}

const isoMillis = "2006-01-02T15:04:05.000Z"

// MarshalJSON writes the session as next-auth's clients expect it. The members
// "user", "expires" and "error" cannot be replaced by Values.
func (s *Session) MarshalJSON() ([]byte, error) {
	var user claims.Object
	u := &s.User
	u.shape.add(&user, "name", u.Name, nameAbsent, nameEmpty)
	u.shape.add(&user, "email", u.Email, emailAbsent, emailEmpty)
	u.shape.add(&user, "image", u.Image, pictureAbsent, pictureEmpty)
	user.AddAll(without(u.Values, "name", "email", "image"))
	raw, err := user.Bytes()
	if err != nil {
		return nil, err
	}
	var o claims.Object
	o.Add("user", json.RawMessage(raw))
	o.Add("expires", s.Expires.UTC().Format(isoMillis))
	if s.Error != "" {
		o.Add("error", s.Error)
	}
	o.AddAll(without(s.Values, "user", "expires", "error"))
	return o.Bytes()
}

// without is m less some members; m itself where it has none of them.
func without(m map[string]any, names ...string) map[string]any {
	for _, name := range names {
		if _, ok := m[name]; ok {
			rest := make(map[string]any, len(m))
			for k, v := range m {
				rest[k] = v
			}
			for _, name := range names {
				delete(rest, name)
			}
			return rest
		}
	}
	return m
}

// Value returns one of a session's Values as a T, and false if there is none or
// it is not one. Values that came through a token have JSON's types; Value
// converts them, so that Value[int](s, "level") and Value[[]string](s, "roles")
// find what a callback put in. A nil session has no values.
func Value[T any](s *Session, key string) (T, bool) {
	var zero T
	if s == nil {
		return zero, false
	}
	v, ok := s.Values[key]
	if !ok || v == nil {
		return zero, false
	}
	if t, ok := v.(T); ok {
		return t, true
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return zero, false
	}
	var t T
	if json.Unmarshal(raw, &t) != nil {
		return zero, false
	}
	return t, true
}
