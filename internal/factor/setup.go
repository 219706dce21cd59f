package factor

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/ginauth/ginauth/internal/otp"
	"github.com/ginauth/ginauth/internal/token"
)

// SetupAge is how long a key can be set up after its form was made.
const SetupAge = 10 * time.Minute

// Sealed makes what is sealed with keys of their own: the browsers that are trusted for
// that long, and the keys that people set up. site tells the keys from those of another
// Auth with the same secrets, the current one first.
func Sealed(site string, trust time.Duration, secrets ...string) (Trusted, Setups, error) {
	trusted, noTrusted := token.V4.Keyring("ginauth.trusted."+site, secrets...)
	setup, noSetup := token.V4.Keyring("ginauth.setup."+site, secrets...)
	return Trusted{trusted, trust}, Setups{setup}, errors.Join(noTrusted, noSetup)
}

// Setups seal the keys that people are setting up into the forms that bring them back.
type Setups struct{ Keyring *token.Keyring }

// A setup is the key of one form. It is one person's, and of this sign-in or session,
// alone.
type setup struct {
	User    string `json:"user"`
	Of      string `json:"of"` // the ID of a sign-in that waits, or a session's name
	Secret  []byte `json:"secret"`
	Expires int64  `json:"expires"`
}

// A Form is a key as a page shows it.
type Form struct {
	Sealed string // as the form brings it back
	Key    string // as people type it
	Size   int    // of the QR code's square, and
	Path   string // its dark modules as a path
}

// New makes the form of a key for a user: of a new one, or of the one that another form
// brought. site and name are what the app shows of it; a name that no QR code holds is
// left out.
func (k Setups) New(userID, of string, secret []byte, site, name string, now time.Time) Form {
	if secret == nil {
		secret = otp.NewSecret()
	}
	payload, _ := json.Marshal(setup{userID, of, secret, now.Add(SetupAge).Unix()}) // texts and numbers always marshal
	picture, err := otp.QR(otp.URI(secret, site, name))
	if err != nil {
		picture, _ = otp.QR(otp.URI(secret, site, ""))
	}
	return Form{k.Keyring.Seal(payload), otp.Text(secret), picture.Size, picture.Path}
}

// Open reads the key of a form, and the step of the code that was typed with it; right
// says that the code is one of the key's. The key is nil where the form is not of this
// user's sign-in or session, or is too old.
func (k Setups) Open(userID, of, sealed, typed string, now time.Time) (secret []byte, step int64, right bool) {
	var s setup
	payload, _, err := k.Keyring.Open(sealed)
	if err != nil || json.Unmarshal(payload, &s) != nil || s.User != userID || s.Of != of || now.Unix() >= s.Expires {
		return nil, 0, false
	}
	step, right = otp.Verify(s.Secret, typed, now, 0)
	return s.Secret, step, right
}
