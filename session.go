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

	shape claims.Shape
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

// The places of a user's texts in a shape.
const (
	nameText uint8 = iota
	emailText
	pictureText
	userTexts // how many there are
)

const isoMillis = "2006-01-02T15:04:05.000Z"

// MarshalJSON writes the session as next-auth's clients expect it. The members
// "user", "expires" and "error" cannot be replaced by Values.
func (s *Session) MarshalJSON() ([]byte, error) {
	var user claims.Object
	u := &s.User
	u.shape.Write(nameText, &user, "name", u.Name)
	u.shape.Write(emailText, &user, "email", u.Email)
	u.shape.Write(pictureText, &user, "image", u.Image)
	user.AddAll(claims.Without(u.Values, "name", "email", "image"))
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
	o.AddAll(claims.Without(s.Values, "user", "expires", "error"))
	return o.Bytes()
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
