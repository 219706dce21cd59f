package ginauth

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/oauth"
	"github.com/ginauth/ginauth/internal/token"
)

const (
	// deviceAge is for how long a browser knows a person after their last sign-in.
	deviceAge = 90 * 24 * time.Hour
	// deviceGuesses are the wrong guesses after which it does not any more.
	deviceGuesses = 10
	// maxDevices people are known to one browser; who signed in the longest ago is
	// forgotten first.
	maxDevices = 5
	// maxDeviceCookie is the longest device cookie, in bytes, name included: beside the
	// session it must pass the 8 KB that proxies allow a header line.
	maxDeviceCookie = 1500
	// maxDeviceUser is the longest user ID, in bytes, that it holds.
	maxDeviceUser = 256
)

// A device says that a person has signed in in this browser. It stands in a sealed
// cookie, a device cookie as OWASP describes it against those who lock others out by
// guessing at their passwords ("Slow Down Online Guessing Attacks with Device
// Cookies"). It proves nothing: all that it is good for is that a try at this person
// is not counted with those of other browsers, but with its own.
type device struct {
	ID       string   `json:"n"` // names its budget
	Provider string   `json:"p"`
	User     string   `json:"u"` // the token's subject, by which RevokeUser ends it
	Since    int64    `json:"t"` // of the sign-in, Unix seconds
	Buckets  []string `json:"b"` // of all clients, that the sign-in had to do with
}

// devices are what this browser knows, the last sign-in first.
func (v *visit) devices() (list []device) {
	if v.known != nil {
		return v.known
	}
	value, _ := cookie.Get(v.c.Request.Header["Cookie"], v.names.Device)
	payload, _, err := v.deviceSeal.Open(value)
	if err != nil || json.Unmarshal(payload, &list) != nil {
		return nil
	}
	now := v.opts.Now()
	return slices.DeleteFunc(list, func(d device) bool {
		return now.Sub(time.Unix(d.Since, 0)) >= deviceAge
	})
}

// knows returns the device of a person whose attempts are counted in these buckets of
// all clients, each of them.
func (v *visit) knows(everybody []string) (device, bool) {
	if len(everybody) == 0 {
		return device{}, false
	}
	list := v.devices()
	i := slices.IndexFunc(list, func(d device) bool {
		return d.Provider == v.provider.id && containsAll(d.Buckets, everybody) && !v.revokedDevice(d)
	})
	if i < 0 {
		return device{}, false
	}
	return list[i], true
}

// revokedDevice reports that RevokeUser was called since the person signed in. While
// that cannot be told, the device is as good as none.
func (v *visit) revokedDevice(d device) bool {
	if v.revoked == nil {
		return false
	}
	at, err := v.revoked.UserRevokedAt(context.WithoutCancel(v.c.Request.Context()), d.User)
	if err != nil {
		v.opts.Logger.Warn("ginauth: whether a device cookie was revoked is unknown; it is ignored", "error", oauth.Redact(err, d.User))
		return true
	}
	return !at.IsZero() && !time.Unix(d.Since, 0).After(at)
}

// guessBudget and mailBudget are what a device has in place of the buckets of others.
// It is counted here and not in the cookie, so that a copy has no other.
func (v *visit) guessBudget(d device) tally {
	return v.attempts.tally(Rate{deviceGuesses, deviceAge}, "device", d.ID)
}

func (v *visit) mailBudget(d device) tally {
	return v.attempts.tally(v.opts.Limits.halfOfMails(), "letters", d.ID)
}

// spent forgets a device whose guesses are used up.
func (v *visit) spent(d device) {
	if v.provider.credentials == nil {
		return // mails are allowed again after a while
	}
	v.keepDevices(slices.DeleteFunc(slices.Clone(v.devices()), func(other device) bool { return other.ID == d.ID }))
}

// remember keeps that a person has signed in in this browser, if they have. It comes
// after the last factor. everybody are the buckets that it is good for.
func (v *visit) remember(result outcome, everybody []string) outcome {
	user := result.user
	if result.session == "" || user == "" || len(user) > maxDeviceUser || len(everybody) == 0 {
		return result
	}
	fresh := device{ID: token.NewID(), Provider: v.provider.id, User: user, Since: result.since.Unix(), Buckets: everybody}
	list := []device{fresh}
	if _, short := v.sealDevices(list); !short {
		return result // it has to do with too many accounts
	}
	for _, d := range v.devices() {
		again := d.Provider == fresh.Provider && d.User == fresh.User && slices.ContainsFunc(d.Buckets, func(b string) bool { return slices.Contains(everybody, b) })
		if !again {
			list = append(list, d)
		}
	}
	v.keepDevices(list)
	return result
}

// rememberMail is remember for somebody who signs in by mail.
func (v *visit) rememberMail(result outcome, to string) outcome {
	if v.attempts == nil {
		return result
	}
	var b buckets
	b.all(v.attempts, v.opts.Limits.Mails, "mails", v.mailbox(to))
	return v.remember(result, b.everybody)
}

// keepDevices sets the device cookie, in place of what this answer says of it already.
func (v *visit) keepDevices(list []device) {
	list = list[:min(len(list), maxDevices)]
	value, short := v.sealDevices(list)
	for !short {
		list = list[:len(list)-1]
		value, short = v.sealDevices(list)
	}
	attributes := v.attributes()
	line := cookie.Deletion(v.names.Device, attributes)
	if len(list) > 0 {
		attributes.MaxAge = deviceAge
		line = cookie.Line(v.names.Device, value, attributes)
	}
	v.known = append([]device{}, list...)
	h := v.c.Writer.Header()
	h["Set-Cookie"] = slices.DeleteFunc(h["Set-Cookie"], func(line string) bool { return strings.HasPrefix(line, v.names.Device+"=") })
	v.setCookie(line)
}

// sealDevices makes the cookie's value, and reports whether it is short enough.
func (v *visit) sealDevices(list []device) (value string, short bool) {
	payload, err := json.Marshal(list)
	if err != nil { // never: these are texts and numbers
		return "", len(list) == 0
	}
	value = v.deviceSeal.Seal(payload)
	return value, len(list) == 0 || len(v.names.Device)+len(value) <= maxDeviceCookie
}

func containsAll(in, wanted []string) bool {
	return !slices.ContainsFunc(wanted, func(w string) bool { return !slices.Contains(in, w) })
}
