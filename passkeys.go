package ginauth

import (
	"encoding/json"
)

// A PasskeyEngine verifies what authenticators say (Web Authentication Level 3). The
// package passkey has one, so that only a program that imports it links the library
// behind it. It keeps nothing and is called by many requests at once. An error is for
// the log, and says what was seen and expected.
type PasskeyEngine interface {
	// Check reports what of the engine's configuration does not fit the site. site is
	// BaseURL's origin, and empty where each request names the host.
	Check(site string) error
	// CreationOptions are the options of navigator.credentials.create
	// (PublicKeyCredentialCreationOptionsJSON, §5.1.9), for a discoverable credential
	// without attestation. They exclude the ceremony's Credentials.
	CreationOptions(c PasskeyCeremony) (json.RawMessage, error)
	// RequestOptions are those of navigator.credentials.get
	// (PublicKeyCredentialRequestOptionsJSON, §5.1.10), for one of the ceremony's
	// Credentials; with none, for any discoverable one.
	RequestOptions(c PasskeyCeremony) (json.RawMessage, error)
	// ParseAnswer reads whose answer it is, and to which challenge. It verifies nothing.
	ParseAnswer(answer []byte) (PasskeyAnswer, error)
	// Register verifies a new credential (§7.1): its challenge, origin, relying party,
	// and user verification where the ceremony asks for it. answer is the credential's
	// JSON form (RegistrationResponseJSON).
	Register(c PasskeyCeremony, answer []byte) (PasskeyCredential, error)
	// Verify verifies a proof (§7.2) by the one credential in the ceremony's
	// Credentials, and returns the credential as it is kept from now on. answer is an
	// AuthenticationResponseJSON.
	Verify(c PasskeyCeremony, answer []byte) (PasskeyCredential, error)
}

// A PasskeyCeremony is what one registration, or one proof by a passkey, is bound to.
type PasskeyCeremony struct {
	Site      string // the site's own origin, such as https://app.example.com
	Origin    string // of the page that asks; usually Site
	Challenge []byte
	// UserHandle is what authenticators know the person by, up to 64 random bytes; empty
	// where anybody may answer.
	UserHandle []byte
	// UserName and DisplayName are shown by the person's device at a registration.
	UserName, DisplayName string
	Credentials           []PasskeyCredential
	// UserVerification says that the device must verify the person, by a PIN or a
	// fingerprint, and not only their presence.
	UserVerification bool
}

// A PasskeyAnswer says which credential answers which challenge.
type PasskeyAnswer struct{ CredentialID, UserHandle, Challenge []byte }

// A PasskeyCredential is a public key with what is known of its authenticator
// (credential record, §4).
type PasskeyCredential struct {
	ID         []byte   `json:"id"`
	PublicKey  []byte   `json:"key"` // a COSE_Key (RFC 9052 §7)
	Transports []string `json:"transports,omitempty"`
	AAGUID     []byte   `json:"aaguid,omitempty"` // of the authenticator's model
	SignCount  uint32   `json:"count,omitempty"`  // 0: the authenticator does not count
	// BackupEligible says that the key may be in several devices, and BackedUp that it is.
	BackupEligible bool `json:"eligible,omitempty"`
	BackedUp       bool `json:"backed,omitempty"`
	// UserVerified says that this ceremony verified the person.
	UserVerified bool `json:"verified,omitempty"`
	// Cloned says that SignCount went back in this proof: the key is in two
	// authenticators of a kind from which it cannot be copied.
	Cloned bool `json:"-"`
}
