// Package passkey verifies passkeys for ginauth, on github.com/go-webauthn/webauthn
// (WebAuthn Level 3). It is the one package that links that library:
//
//	Factors: ginauth.FactorOptions{Passkeys: passkey.New(passkey.Config{})},
//
// It knows relying parties, options and signatures. It knows neither users nor
// sessions, and keeps nothing.
package passkey

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/ascii"
)

// Config says to which site the passkeys belong.
type Config struct {
	// RPID is the relying party's ID (WebAuthn §4): the domain that passkeys are made
	// for, such as example.com. They work on it and on all hosts below it, and on no
	// other; people have to register again when it changes. Default: the host of
	// BaseURL. It is needed where Options.TrustedHosts names the hosts.
	RPID string
	// Origins are those of the pages on which a passkey may be used, such as
	// https://app.example.com, each on RPID's domain. Default: BaseURL's. They are needed
	// where Options.TrustedHosts names the hosts.
	Origins []string
	// Name is what the person's device shows as the site's name. Default: RPID.
	Name string
}

// New makes the engine for Options.Factors.Passkeys. What is wrong with c, Register
// reports.
func New(c Config) ginauth.PasskeyEngine { return &engine{c} }

// An engine runs ceremonies. It is immutable.
type engine struct{ Config }

// Check finds what of the configuration does not fit the site.
func (e *engine) Check(site string) error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf("passkey: "+format, args...)) }
	if site == "" && e.RPID == "" {
		fault("Config.RPID is empty, and there is no BaseURL whose host it could be; write the domain that all hosts have in common, such as example.com")
	}
	if site == "" && len(e.Origins) == 0 {
		fault("Config.Origins is empty, and there is no BaseURL; list the origins of the pages, such as https://app.example.com")
	}
	rpID := e.rpID(site)
	if _, err := netip.ParseAddr(strings.Trim(rpID, "[]")); err == nil {
		fault("passkeys need a domain, and %s is an address; write BaseURL with a name, such as http://localhost:8080 while you develop", rpID)
		return errors.Join(faults...)
	}
	if rpID != "" && (!domain(rpID) || protocol.ValidateRPID(rpID) != nil) {
		fault("Config.RPID is %.255q; write a domain in lower case, without scheme and port, such as example.com", rpID)
		return errors.Join(faults...)
	}
	for _, origin := range e.origins(site) {
		if err := checkOrigin(origin, rpID); err != nil {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

// domain reports whether a host is one that browsers take for an RP ID: localhost, or
// a domain that has a parent.
func domain(host string) bool {
	return host == "localhost" || strings.Contains(strings.Trim(host, "."), ".") && host == ascii.Lower(host) && !strings.HasPrefix(host, ".") && !strings.HasSuffix(host, ".")
}

func checkOrigin(origin, rpID string) error {
	u, err := url.Parse(origin)
	if err != nil || u.Scheme+"://"+u.Host != origin || u.Host == "" || ascii.Lower(origin) != origin {
		return fmt.Errorf("passkey: Config.Origins has %.255q; write a scheme and host in lower case, such as https://app.example.com", origin)
	}
	host := u.Hostname()
	if u.Scheme != "https" && host != "localhost" && !strings.HasSuffix(host, ".localhost") {
		return fmt.Errorf("passkey: browsers offer no passkeys on %.255s; write an https origin", origin)
	}
	if rpID != "" && host != rpID && !strings.HasSuffix(host, "."+rpID) {
		return fmt.Errorf("passkey: the origin %.255s is not on the domain of the passkeys, %s; write another Config.RPID, or leave the origin out", origin, rpID)
	}
	return nil
}

func (e *engine) rpID(site string) string {
	if e.RPID != "" || site == "" {
		return e.RPID
	}
	u, err := url.Parse(site)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

func (e *engine) origins(site string) []string {
	if len(e.Origins) > 0 || site == "" {
		return e.Origins
	}
	return []string{site}
}

// party is the relying party of a ceremony. Its pages are those of one origin: the one
// that the request came from, if that is among the site's.
func (e *engine) party(c ginauth.PasskeyCeremony) (*webauthn.WebAuthn, error) {
	if !slices.Contains(e.origins(c.Site), c.Origin) {
		return nil, fmt.Errorf("passkey: the page's origin %.255q is not among passkey.Config.Origins", c.Origin)
	}
	rpID, name := e.rpID(c.Site), e.Name
	if name == "" {
		name = rpID
	}
	return webauthn.New(&webauthn.Config{
		RPID: rpID, RPDisplayName: name, RPOrigins: []string{c.Origin},
		AttestationPreference: protocol.PreferNoAttestation,
		// What a client adds by itself says nothing that is used here.
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
	})
}

// A person is the user of a ceremony, as the library asks for them.
type person struct {
	c           ginauth.PasskeyCeremony
	credentials []webauthn.Credential
}

func personOf(c ginauth.PasskeyCeremony) person {
	p := person{c: c}
	for _, k := range c.Credentials {
		p.credentials = append(p.credentials, credentialOf(k))
	}
	return p
}

func (p person) WebAuthnID() []byte                         { return p.c.UserHandle }
func (p person) WebAuthnName() string                       { return p.c.UserName }
func (p person) WebAuthnDisplayName() string                { return p.c.DisplayName }
func (p person) WebAuthnCredentials() []webauthn.Credential { return p.credentials }

func credentialOf(k ginauth.PasskeyCredential) webauthn.Credential {
	c := webauthn.Credential{
		ID: k.ID, PublicKey: k.PublicKey, AttestationFormat: "none",
		Flags:         webauthn.CredentialFlags{UserPresent: true, UserVerified: k.UserVerified, BackupEligible: k.BackupEligible, BackupState: k.BackedUp},
		Authenticator: webauthn.Authenticator{AAGUID: k.AAGUID, SignCount: k.SignCount},
	}
	for _, t := range k.Transports {
		c.Transport = append(c.Transport, protocol.AuthenticatorTransport(t))
	}
	return c
}

func verification(c ginauth.PasskeyCeremony) protocol.UserVerificationRequirement {
	if c.UserVerification {
		return protocol.VerificationRequired
	}
	return protocol.VerificationPreferred
}

// CreationOptions ask for a discoverable credential, without attestation.
func (e *engine) CreationOptions(c ginauth.PasskeyCeremony) (json.RawMessage, error) {
	options, _, err := e.creation(c)
	if err != nil {
		return nil, err
	}
	return json.Marshal(options.Response)
}

func (e *engine) creation(c ginauth.PasskeyCeremony) (*protocol.CredentialCreation, *webauthn.SessionData, error) {
	party, err := e.party(c)
	if err != nil {
		return nil, nil, err
	}
	p := personOf(c)
	return party.BeginRegistration(p, webauthn.WithExclusions(webauthn.Credentials(p.credentials).CredentialDescriptors()),
		webauthn.WithAuthenticatorSelection(protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: protocol.ResidentKeyRequired(),
			UserVerification: verification(c),
		}),
		func(o *protocol.PublicKeyCredentialCreationOptions) error {
			o.Challenge = c.Challenge
			return nil
		})
}

// RequestOptions ask for one of the person's credentials, or without any for a
// discoverable one.
func (e *engine) RequestOptions(c ginauth.PasskeyCeremony) (json.RawMessage, error) {
	options, _, err := e.request(c)
	if err != nil {
		return nil, err
	}
	return json.Marshal(options.Response)
}

func (e *engine) request(c ginauth.PasskeyCeremony) (*protocol.CredentialAssertion, *webauthn.SessionData, error) {
	party, err := e.party(c)
	if err != nil {
		return nil, nil, err
	}
	options := []webauthn.LoginOption{webauthn.WithChallenge(c.Challenge), webauthn.WithUserVerification(verification(c))}
	if len(c.Credentials) == 0 {
		return party.BeginDiscoverableLogin(options...)
	}
	return party.BeginLogin(personOf(c), options...)
}

// ParseAnswer reads which credential an answer is of, and to which challenge. It
// verifies nothing.
func (e *engine) ParseAnswer(answer []byte) (ginauth.PasskeyAnswer, error) {
	var a struct {
		RawID    protocol.URLEncodedBase64 `json:"rawId"`
		Response struct {
			ClientDataJSON protocol.URLEncodedBase64 `json:"clientDataJSON"`
			UserHandle     protocol.URLEncodedBase64 `json:"userHandle"`
		} `json:"response"`
	}
	if err := json.Unmarshal(answer, &a); err != nil {
		return ginauth.PasskeyAnswer{}, fmt.Errorf("passkey: the answer is not that of a credential: %w", err)
	}
	var client protocol.CollectedClientData
	if err := json.Unmarshal(a.Response.ClientDataJSON, &client); err != nil {
		return ginauth.PasskeyAnswer{}, fmt.Errorf("passkey: the answer's client data cannot be read: %w", err)
	}
	challenge, err := base64.RawURLEncoding.DecodeString(client.Challenge)
	if err != nil || len(a.RawID) == 0 || len(a.RawID) > maxCredentialID {
		return ginauth.PasskeyAnswer{}, errors.New("passkey: the answer has no challenge, or no ID of a credential")
	}
	return ginauth.PasskeyAnswer{CredentialID: a.RawID, UserHandle: a.Response.UserHandle, Challenge: challenge}, nil
}

// maxCredentialID is the longest ID of a credential, in bytes (WebAuthn §4).
const maxCredentialID = 1023

// Register verifies what a new credential says (WebAuthn §7.1).
func (e *engine) Register(c ginauth.PasskeyCeremony, answer []byte) (ginauth.PasskeyCredential, error) {
	_, session, err := e.creation(c)
	if err != nil {
		return ginauth.PasskeyCredential{}, err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return ginauth.PasskeyCredential{}, explained(err)
	}
	party, err := e.party(c)
	if err != nil {
		return ginauth.PasskeyCredential{}, err
	}
	made, err := party.CreateCredential(personOf(c), *session, parsed)
	if err != nil {
		return ginauth.PasskeyCredential{}, explained(err)
	}
	if len(made.ID) == 0 || len(made.ID) > maxCredentialID || !bytes.Equal(made.ID, parsed.RawID) {
		return ginauth.PasskeyCredential{}, errors.New("passkey: the credential's ID is too long, or not the one of its answer")
	}
	return keptOf(*made), nil
}

// Verify verifies a proof by the one credential of the ceremony (WebAuthn §7.2).
func (e *engine) Verify(c ginauth.PasskeyCeremony, answer []byte) (ginauth.PasskeyCredential, error) {
	if len(c.Credentials) != 1 || len(c.UserHandle) == 0 {
		return ginauth.PasskeyCredential{}, errors.New("passkey: Verify needs the one credential that answered, and its user handle")
	}
	_, session, err := e.request(c)
	if err != nil {
		return ginauth.PasskeyCredential{}, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return ginauth.PasskeyCredential{}, explained(err)
	}
	party, err := e.party(c)
	if err != nil {
		return ginauth.PasskeyCredential{}, err
	}
	proved, err := party.ValidateLogin(personOf(c), *session, parsed)
	if err != nil {
		return ginauth.PasskeyCredential{}, explained(err)
	}
	kept := keptOf(*proved)
	kept.UserVerified = parsed.Response.AuthenticatorData.Flags.HasUserVerified() // in this proof
	return kept, nil
}

func keptOf(c webauthn.Credential) ginauth.PasskeyCredential {
	k := ginauth.PasskeyCredential{
		ID: c.ID, PublicKey: c.PublicKey, AAGUID: c.Authenticator.AAGUID, SignCount: c.Authenticator.SignCount,
		BackupEligible: c.Flags.BackupEligible, BackedUp: c.Flags.BackupState, UserVerified: c.Flags.UserVerified,
		Cloned: c.Authenticator.CloneWarning,
	}
	for _, t := range c.Transport {
		if len(k.Transports) < 8 && len(t) <= 32 {
			k.Transports = append(k.Transports, string(t))
		}
	}
	return k
}

// explained is an error of the library with what it found, for the log.
func explained(err error) error {
	var e *protocol.Error
	if errors.As(err, &e) && !strings.Contains(e.DevInfo, "Received b:") { // which has the challenge
		return fmt.Errorf("passkey: %s: %s", e.Details, e.DevInfo)
	}
	if e != nil {
		return fmt.Errorf("passkey: %s", e.Details)
	}
	return fmt.Errorf("passkey: %w", err)
}
