package tests

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/passkey"
)

// Flags of authenticator data (WebAuthn Level 3 §6.1).
const (
	userPresent    = 0x01
	userVerified   = 0x04
	backupEligible = 0x08
	backedUp       = 0x10
	attested       = 0x40
)

// A webauthnDevice is an authenticator with its browser, written from WebAuthn Level 3 §6 and §5.8.
// What it signs can be made wrong in any part.
type webauthnDevice struct {
	t      testing.TB
	origin string // of the page
	keys   []*webauthnKey
	counts bool // its keys count their signatures
	bend   func(*ceremony)
}

type webauthnKey struct {
	id, handle []byte
	rpID       string
	private    *ecdsa.PrivateKey
	count      uint32
}

// A ceremony is what a device answers, before it is signed.
type ceremony struct {
	Type, Challenge, Origin string
	CrossOrigin             bool
	rpID                    string
	flags                   byte
	count                   uint32
	id, handle              []byte
	attestation             func([]byte) []byte // what becomes of the attestation object
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (c ceremony) clientData(t testing.TB) []byte {
	t.Helper()
	b, err := json.Marshal(map[string]any{"type": c.Type, "challenge": c.Challenge, "origin": c.Origin, "crossOrigin": c.CrossOrigin})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// data is the authenticator data (§6.1).
func (c ceremony) data(credential []byte) []byte {
	sum := sha256.Sum256([]byte(c.rpID))
	b := append(sum[:], c.flags)
	b = binary.BigEndian.AppendUint32(b, c.count)
	return append(b, credential...)
}

// options are what both kinds of options have.
type options struct {
	Challenge, RPID string
	RP              struct{ ID string }
	User            struct{ ID string }
	Timeout         int
	Attestation     string
	Selection       struct{ ResidentKey, UserVerification string } `json:"authenticatorSelection"`
	Verification    string                                         `json:"userVerification"`
	Allow           []struct{ ID string }                          `json:"allowCredentials"`
	Exclude         []struct{ ID string }                          `json:"excludeCredentials"`
}

func (d *webauthnDevice) bent(c ceremony) ceremony {
	if d.bend != nil {
		d.bend(&c)
	}
	return c
}

// create answers the options of a registration (§6.3.2).
func (d *webauthnDevice) create(o options) string {
	d.t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		d.t.Fatal(err)
	}
	handle, err := base64.RawURLEncoding.DecodeString(o.User.ID)
	if err != nil {
		d.t.Fatal(err)
	}
	k := &webauthnKey{id: []byte(rand.Text() + rand.Text()), handle: handle, rpID: o.RP.ID, private: private}
	c := d.bent(ceremony{
		Type: "webauthn.create", Challenge: o.Challenge, Origin: d.origin, rpID: o.RP.ID,
		flags: userPresent | userVerified | attested, id: k.id,
	})
	k.id = c.id
	d.keys = append(d.keys, k)
	point, err := private.PublicKey.Bytes()
	if err != nil {
		d.t.Fatal(err)
	}
	key := d.cbor(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]}) // RFC 9053 §7.1
	attestedData := append(make([]byte, 16), byte(len(k.id)>>8), byte(len(k.id)))
	attestedData = append(append(attestedData, k.id...), key...)
	object := d.cbor(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": c.data(attestedData)})
	if c.attestation != nil {
		object = c.attestation(object)
	}
	return d.json(map[string]any{
		"id": encode(c.id), "rawId": encode(c.id), "type": "public-key", "clientExtensionResults": map[string]any{},
		"response": map[string]any{
			"clientDataJSON": encode(c.clientData(d.t)), "attestationObject": encode(object), "transports": []string{"internal"},
		},
	})
}

// get answers the options of a proof with the newest key (§6.3.3).
func (d *webauthnDevice) get(o options) string {
	d.t.Helper()
	k := d.keys[len(d.keys)-1]
	if d.counts {
		k.count++
	}
	c := d.bent(ceremony{
		Type: "webauthn.get", Challenge: o.Challenge, Origin: d.origin, rpID: k.rpID,
		flags: userPresent | userVerified, count: k.count, id: k.id, handle: k.handle,
	})
	data, client := c.data(nil), c.clientData(d.t)
	hash := sha256.Sum256(client)
	signed := sha256.Sum256(append(append([]byte{}, data...), hash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, k.private, signed[:])
	if err != nil {
		d.t.Fatal(err)
	}
	response := map[string]any{
		"clientDataJSON": encode(client), "authenticatorData": encode(data), "signature": encode(signature),
	}
	if c.handle != nil {
		response["userHandle"] = encode(c.handle)
	}
	return d.json(map[string]any{
		"id": encode(c.id), "rawId": encode(c.id), "type": "public-key", "clientExtensionResults": map[string]any{}, "response": response,
	})
}

func (d *webauthnDevice) cbor(v any) []byte {
	d.t.Helper()
	mode, err := cbor.CTAP2EncOptions().EncMode()
	if err != nil {
		d.t.Fatal(err)
	}
	b, err := mode.Marshal(v)
	if err != nil {
		d.t.Fatal(err)
	}
	return b
}

func (d *webauthnDevice) json(v any) string {
	d.t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		d.t.Fatal(err)
	}
	return string(b)
}

// A passkeyApp is an app with passwords and passkeys, on localhost: an address has none.
type passkeyApp struct {
	*app
	adapter ginauth.Adapter
	inbox   *inbox
	mu      sync.Mutex
	at      time.Time
	people  map[string]string // IDs by name
	events  []string
}

func (a *passkeyApp) now() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.at
}

func (a *passkeyApp) move(d time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.at = a.at.Add(d)
}

func (a *passkeyApp) told(what string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.events = append(a.events, what)
}

func (a *passkeyApp) heard() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	heard := a.events
	a.events = nil
	return heard
}

func newPasskeyApp(t testing.TB, opts ginauth.Options) *passkeyApp {
	t.Helper()
	a := &passkeyApp{adapter: opts.Adapter, at: time.Now(), people: map[string]string{}, inbox: &inbox{}}
	if a.adapter == nil {
		a.adapter = ginauth.MemoryAdapter()
	}
	for _, name := range []string{"ada", "bob"} {
		user, err := a.adapter.CreateUser(t.Context(), ginauth.User{Name: name, Email: name + "@example.com", EmailVerified: a.at}, nil)
		if err != nil {
			t.Fatal(err)
		}
		a.people[name] = user.ID
	}
	opts.Adapter, opts.Now = a.adapter, a.now
	if opts.Factors.Passkeys == nil {
		opts.Factors.Passkeys = passkey.New(passkey.Config{})
	}
	if opts.Session.Revocations == nil {
		opts.Session.Revocations = ginauth.MemoryRevocations()
	}
	opts.Providers = append(opts.Providers, ginauth.Credentials{
		Fields: []ginauth.Field{{Name: "username"}, {Name: "password", Type: "password"}},
		Authorize: func(_ *gin.Context, typed map[string]string) (*ginauth.User, error) {
			if id := a.people[typed["username"]]; id != "" && typed["password"] == "password of "+typed["username"] {
				return &ginauth.User{ID: id, Name: typed["username"], Email: typed["username"] + "@example.com"}, nil
			}
			return nil, nil
		},
		Reset: func(context.Context, string) error { return nil },
	})
	opts.Events.LinkAccount = func(_ *gin.Context, e ginauth.LinkAccountEvent) { a.told("link " + e.Account.Provider) }
	opts.Events.UnlinkAccount = func(_ context.Context, e ginauth.UnlinkAccountEvent) { a.told("unlink " + e.Account.Provider) }
	a.app = newApp(t, opts)
	a.URL = strings.Replace(a.URL, "127.0.0.1", "localhost", 1)
	for _, id := range a.people {
		if err := a.auth.LinkCredentials(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

func (a *passkeyApp) device(t testing.TB) *webauthnDevice {
	return &webauthnDevice{t: t, origin: a.URL}
}

// signInByPassword signs a person in.
func (b *browser) signInByPassword(name string) {
	b.t.Helper()
	res := b.post("/api/auth/callback/credentials", url.Values{"csrfToken": {b.csrf()}, "username": {name}, "password": {"password of " + name}})
	if !res.signedIn() {
		b.t.Fatalf("%s is not signed in: %d %s", name, res.StatusCode, res.Header.Get("Location"))
	}
}

// passkeyOptions begins a ceremony. ok is false where the site refuses.
func (b *browser) passkeyOptions(action string) (o options, ok bool) {
	b.t.Helper()
	res := b.get("/api/auth/webauthn-options/passkey?action=" + action)
	var out struct {
		Options *options
		Action  string
	}
	decode(b.t, res.body, &out)
	if res.StatusCode != http.StatusOK || out.Options == nil {
		return options{}, false
	}
	return *out.Options, out.Action == action
}

// postPasskey sends a device's answer, in the form of a page.
func (b *browser) postPasskey(action, data string) answer {
	b.t.Helper()
	return b.post("/api/auth/callback/passkey", url.Values{"csrfToken": {b.csrf()}, "action": {action}, "data": {data}})
}

// register adds a passkey for the person who is signed in, and reports whether it was kept.
func (b *browser) register(d *webauthnDevice) bool {
	b.t.Helper()
	o, ok := b.passkeyOptions("register")
	if !ok {
		return false
	}
	res := b.postPasskey("register", d.create(o))
	return res.StatusCode == http.StatusFound && strings.HasSuffix(res.Header.Get("Location"), "/api/auth/passkeys")
}

// signInByPasskey signs in by the device's newest key.
func (b *browser) signInByPasskey(d *webauthnDevice) answer {
	b.t.Helper()
	o, ok := b.passkeyOptions("authenticate")
	if !ok {
		b.t.Fatal("no options")
	}
	return b.postPasskey("authenticate", d.get(o))
}

// registered is a device with a passkey of a person.
func (a *passkeyApp) registered(t testing.TB, name string) *webauthnDevice {
	t.Helper()
	b, d := a.browser(t), a.device(t)
	b.signInByPassword(name)
	if !b.register(d) {
		t.Fatalf("the passkey of %s is refused:\n%s", name, a.log)
	}
	return d
}
