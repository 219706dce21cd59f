package oidc

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"time"

	"golang.org/x/oauth2"
)

const appleIssuer = "https://appleid.apple.com"

// AppleConfig describes one Services ID at Apple.
type AppleConfig struct {
	// ClientID is the Services ID, such as com.example.web; not the App ID.
	// Required.
	ClientID string
	// TeamID is the ten characters that the developer account's membership page
	// shows. Required.
	TeamID string
	// KeyID is the ten characters that name the key for Sign in with Apple.
	// Required.
	KeyID string
	// PrivateKey is that key: the text of the .p8 file that Apple let you download
	// once (PEM, PKCS #8), as string or []byte, or a crypto.Signer with a P-256
	// key, such as one in a key management service. Required.
	PrivateKey any `json:"-"`
	// Scopes are asked for at sign-in: name and email, or fewer. Default both.
	// With either of them Apple sends its answer in a cross-site POST, which needs
	// a site on https; a slice that is empty but not nil asks for neither, and the
	// answer comes in a GET.
	Scopes []string
	// Now is the clock of the client secret and of tokens. Default time.Now.
	Now func() time.Time `json:"-"`
}

// String leaves out the private key.
func (c AppleConfig) String() string {
	return fmt.Sprintf("oidc.AppleConfig{ClientID: %q, TeamID: %q, KeyID: %q}", c.ClientID, c.TeamID, c.KeyID)
}

// GoString is String: the %#v verb must not print the key either.
func (c AppleConfig) GoString() string { return c.String() }

var appleID = regexp.MustCompile(`^[A-Z0-9]{10}$`)

// Apple signs people in with Sign in with Apple. It touches no network; faults in
// config come out of [Provider.Validate].
//
// Apple knows no lasting client secret: it is a token signed with the private
// key (ES256), made when it is needed and used for up to an hour.
//
// Apple tells the name once, at the very first sign-in of a person, and outside
// the signed id_token: keep it then, see [Provider.PostedName]. The e-mail address
// is in every id_token with the scope email. It may be a relay address of Apple's;
// the claim is_private_email in RawData says so.
func Apple(config AppleConfig) *Provider {
	scopes := slices.Clone(config.Scopes)
	if scopes == nil {
		scopes = []string{"name", "email"}
	}
	mode := ""
	if slices.Contains(scopes, "name") || slices.Contains(scopes, "email") {
		mode = formPost
	}
	secret := &appleSecret{config: config}
	place := secret.load()
	if config.Now == nil {
		config.Now = time.Now
	}
	secret.now = config.Now
	return preset("Apple", Config{
		Name: "apple", DisplayName: "Apple", Issuer: appleIssuer,
		ClientID: config.ClientID, Scopes: append([]string{"openid"}, without(scopes, "openid")...),
		AuthStyle: oauth2.AuthStyleInParams, SkipUserinfo: true, ResponseMode: mode, Now: config.Now,
	}, traits{
		secret: secret.text,
		posted: appleName,
	}, place)
}

// faults are what is wrong with the fields that no other provider has.
func (c AppleConfig) faults() error {
	var faults []error
	if !appleID.MatchString(c.TeamID) {
		faults = append(faults, fmt.Errorf("TeamID is %q: write the ten characters that the membership page of the developer account shows", c.TeamID))
	}
	if !appleID.MatchString(c.KeyID) {
		faults = append(faults, fmt.Errorf("KeyID is %q: write the ten characters that name the key for Sign in with Apple", c.KeyID))
	}
	for _, scope := range c.Scopes {
		if scope != "openid" && scope != "name" && scope != "email" {
			faults = append(faults, fmt.Errorf("the Scopes have %q: write name, email or both", scope))
		}
	}
	return errors.Join(faults...)
}

func without(list []string, unwanted string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == unwanted })
}

// PostedName returns the name in the form of an answer that came by POST, or empty
// strings. Only [Apple] has one, in the field user of a person's first
// sign-in. It is not signed and came through the browser, so it is only what the
// person claims. Each part has at most 100 characters. The field's other members, such as
// an e-mail address, are not read.
func (p *Provider) PostedName(form url.Values) (given, family string) {
	if !p.FormPost() || p.traits.posted == nil {
		return "", ""
	}
	return p.traits.posted(form)
}
