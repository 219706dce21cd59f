package factor

import (
	"encoding/json"
	"slices"
	"time"

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
func (t Trusted) Add(value, userID, epoch string, now time.Time) (string, error) {
	list := slices.DeleteFunc(t.open(value, now), func(one trust) bool { return one.User == userID })
	list = append([]trust{{userID, epoch, now.Unix()}}, list...)
	payload, err := json.Marshal(list[:min(len(list), maxTrusted)])
	if err != nil {
		return "", err
	}
	return t.Keyring.Seal(payload), nil
}
