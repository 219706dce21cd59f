package factor

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/token"
)

// maxTrusted people trust one browser; who did so the longest ago is forgotten first.
const maxTrusted = 5

// Trusted is a browser's cookie that says who gave their second factor there and need not
// do so again. It names the epoch of that person's factors, and ends with it.
type Trusted struct {
	Keyring *token.Keyring
	Age     time.Duration // for how long
}

type trust struct {
	User  string `json:"u"`
	Epoch string `json:"e"`
	Since int64  `json:"t"` // Unix seconds
}

func (t Trusted) open(value string, now time.Time) (list []trust) {
	payload, _, err := t.Keyring.Open(value)
	if err != nil || json.Unmarshal(payload, &list) != nil {
		return nil
	}
	return slices.DeleteFunc(list, func(one trust) bool {
		age := now.Sub(time.Unix(one.Since, 0))
		return age >= t.Age || age < -time.Minute // a clock was set back: how old it is nobody knows
	})
}

// Has reports whether one of the cookie's values trusts the browser for a user whose
// factors are in that epoch.
func (t Trusted) Has(value, userID, epoch string, now time.Time) bool {
	return epoch != "" && slices.ContainsFunc(t.open(value, now), func(one trust) bool { return one.User == userID && one.Epoch == epoch })
}

// Add is the cookie's value with one more user, in place of what it says of them.
func (t Trusted) Add(value, userID, epoch string, now time.Time) string {
	list := slices.DeleteFunc(t.open(value, now), func(one trust) bool { return one.User == userID })
	list = append([]trust{{userID, epoch, now.Unix()}}, list...)
	payload, _ := json.Marshal(list[:min(len(list), maxTrusted)]) // texts and numbers always marshal
	return t.Keyring.Seal(payload)
}

// In reports whether one of a request's cookies of this name trusts the browser, as Has
// does.
func (t Trusted) In(header []string, name, userID, epoch string, now time.Time) bool {
	if t.Age <= 0 {
		return false
	}
	for value := range cookie.Values(header, name) {
		if t.Has(value, userID, epoch, now) {
			return true
		}
	}
	return false
}

// Line is the cookie of this name with one more user, for as long as it trusts them.
func (t Trusted) Line(header []string, name, userID, epoch string, a cookie.Attributes, now time.Time) string {
	kept, _ := cookie.Get(header, name)
	a.MaxAge = t.Age
	return cookie.Line(name, t.Add(kept, userID, epoch, now), a)
}
