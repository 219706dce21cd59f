package limit

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/ginauth/ginauth/internal/token"
)

const (
	// DeviceAge is for how long a browser knows a person after their last sign-in.
	DeviceAge = 90 * 24 * time.Hour
	// deviceGuesses are the wrong guesses after which it no longer does.
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

// A Device says that a person has signed in in this browser. It stands in a sealed
// cookie, a device cookie as OWASP describes it against those who lock others out by
// guessing at their passwords ("Slow Down Online Guessing Attacks with Device
// Cookies"). It proves nothing: all that it does is that a try at this person is not
// counted with those of other browsers, but with its own.
type Device struct {
	ID       string   `json:"n"` // names its budget
	Provider string   `json:"p"`
	User     string   `json:"u"` // the token's subject, by which it can be revoked
	Since    int64    `json:"t"` // of the sign-in, Unix seconds
	Buckets  []string `json:"b"` // of all clients, that the sign-in had to do with
}

// Devices are what one browser knows, the last sign-in first.
type Devices []Device

// DeviceCookie writes and reads the device cookie's value.
type DeviceCookie struct {
	Keyring *token.Keyring
	Name    string // of the cookie
}

// Open reads a cookie's value: none if it does not open.
func (c DeviceCookie) Open(value string, now time.Time) (list Devices) {
	payload, _, err := c.Keyring.Open(value)
	if err != nil || json.Unmarshal(payload, &list) != nil {
		return nil
	}
	return slices.DeleteFunc(list, func(d Device) bool {
		return now.Sub(time.Unix(d.Since, 0)) >= DeviceAge
	})
}

// Seal makes the value of as many of the devices as a cookie holds, and returns
// those. With none the value is empty.
func (c DeviceCookie) Seal(list Devices) (value string, kept Devices) {
	list = list[:min(len(list), maxDevices)]
	for ; len(list) > 0; list = list[:len(list)-1] {
		payload, err := json.Marshal(list)
		if err != nil {
			continue // never: these are texts and numbers
		}
		if value = c.Keyring.Seal(payload); len(c.Name)+len(value) <= maxDeviceCookie {
			return value, list
		}
	}
	return "", list
}

// Add puts a sign-in in front, in place of an earlier one of this person, and reports
// whether the cookie can hold it. everybody are the buckets of all clients that the
// sign-in had to do with.
func (c DeviceCookie) Add(list Devices, provider, user string, since time.Time, everybody []string) (Devices, bool) {
	if user == "" || len(user) > maxDeviceUser || len(everybody) == 0 {
		return list, false
	}
	fresh := Device{ID: token.NewID(), Provider: provider, User: user, Since: since.Unix(), Buckets: everybody}
	added := Devices{fresh}
	if value, _ := c.Seal(added); value == "" {
		return list, false // it has to do with too many accounts
	}
	for _, d := range list {
		again := d.Provider == fresh.Provider && d.User == fresh.User && slices.ContainsFunc(d.Buckets, func(b string) bool { return slices.Contains(everybody, b) })
		if !again {
			added = append(added, d)
		}
	}
	return added, true
}

// Find returns the device of a person whose attempts are counted in these buckets of
// all clients, each of them. It passes over a device that was revoked. Without
// buckets it finds none.
func (list Devices) Find(provider string, everybody []string, revoked func(Device) bool) (Device, bool) {
	if len(everybody) == 0 {
		return Device{}, false
	}
	i := slices.IndexFunc(list, func(d Device) bool {
		return d.Provider == provider && containsAll(d.Buckets, everybody) && !revoked(d)
	})
	if i < 0 {
		return Device{}, false
	}
	return list[i], true
}

// Without is the list without one device.
func (list Devices) Without(id string) Devices {
	return slices.DeleteFunc(slices.Clone(list), func(d Device) bool { return d.ID == id })
}

// GuessBudget is what a device has for guesses, in place of the buckets of others. It
// is counted by the device's ID and not in the cookie, so that a copy has no other.
func (a *Attempts) GuessBudget(d Device) Tally {
	return a.Tally(Rate{deviceGuesses, DeviceAge}, "device", d.ID)
}

// MailBudget is what a device has for mails, of this rate.
func (a *Attempts) MailBudget(d Device, rate Rate) Tally { return a.Tally(rate, "letters", d.ID) }

func containsAll(in, wanted []string) bool {
	return !slices.ContainsFunc(wanted, func(w string) bool { return !slices.Contains(in, w) })
}
