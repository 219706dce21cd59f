package tests

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/passkey"
)

// peerCase is one answer for @simplewebauthn/server.
type peerCase struct {
	Challenge  string          `json:"challenge"`
	Origin     string          `json:"origin"`
	RPID       string          `json:"rpID"`
	Answer     string          `json:"answer"`
	Credential *peerCredential `json:"credential,omitempty"`

	name string
	ours error
}

type peerCredential struct {
	ID    string `json:"id"`
	Key   []byte `json:"key"`
	Count uint32 `json:"count"`
}

// flip changes one byte of a member of an answer, at random.
func flip(t *testing.T, random *rand.Rand, answer, member string) string {
	t.Helper()
	var whole map[string]any
	decode(t, answer, &whole)
	response := whole["response"].(map[string]any)
	text, ok := response[member].(string)
	if !ok {
		return answer
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) == 0 {
		t.Fatal(err)
	}
	b[random.IntN(len(b))] ^= byte(1 + random.IntN(255))
	response[member] = encode(b)
	out, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// Two hundred answers, right ones and ones that are wrong in one place: what passkey takes
// an implementation that is not ours takes too, and what that refuses passkey refuses.
func TestPasskeysAgreeWithSimpleWebAuthn(t *testing.T) {
	t.Parallel()
	const folder = "../passkey/testdata/simplewebauthn"
	if _, err := os.Stat(filepath.Join(folder, "node_modules")); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("npm --prefix passkey/testdata/simplewebauthn ci has not run")
		}
		t.Skip("npm --prefix passkey/testdata/simplewebauthn ci has not run")
	}
	const site, rpID = "https://app.example.com", "example.com"
	engine := passkey.New(passkey.Config{RPID: rpID, Origins: []string{site}})
	random := rand.New(rand.NewPCG(17, 17))
	bends := []struct {
		name string
		bend func(*ceremony)
		flip string
	}{
		{name: "right"},
		{name: "another origin", bend: func(c *ceremony) { c.Origin = "https://evil.example" }},
		{name: "a sibling", bend: func(c *ceremony) { c.Origin = "https://www.example.com" }},
		{name: "another RP ID", bend: func(c *ceremony) { c.rpID = "app.example.com" }},
		{name: "another challenge", bend: func(c *ceremony) { c.Challenge = encode([]byte("another challenge of some length")) }},
		{name: "another type", bend: func(c *ceremony) {
			c.Type = map[string]string{"webauthn.get": "webauthn.create", "webauthn.create": "webauthn.get"}[c.Type]
		}},
		{name: "no user verification", bend: func(c *ceremony) { c.flags &^= userVerified }},
		{name: "no user presence", bend: func(c *ceremony) { c.flags &^= userPresent }},
		{name: "backed up and not eligible", bend: func(c *ceremony) { c.flags |= backedUp }},
		{name: "reserved flags", bend: func(c *ceremony) { c.flags |= 0x02 }},
		{name: "extensions that are not there", bend: func(c *ceremony) { c.flags |= 0x80 }},
		{name: "another credential", bend: func(c *ceremony) { c.id = []byte("another") }},
		{name: "a counter that goes on", bend: func(c *ceremony) { c.count = 9 }},
		{name: "client data", flip: "clientDataJSON"},
		{name: "client data, once more", flip: "clientDataJSON"},
		{name: "authenticator data", flip: "authenticatorData"},
		{name: "signature", flip: "signature"},
		{name: "attestation", flip: "attestationObject"},
		{name: "attestation, once more", flip: "attestationObject"},
		{name: "right again"},
	}
	var cases []peerCase
	for round := range 5 {
		for _, b := range bends {
			d := &webauthnDevice{t: t, origin: site}
			challenge := []byte(encode(d.cbor(round)) + "a challenge of this test " + b.name)
			handle := []byte("handle")
			c := ginauth.PasskeyCeremony{Site: site, Origin: site, Challenge: challenge, UserHandle: handle, UserName: "ada", DisplayName: "Ada", UserVerification: true}
			create := options{Challenge: encode(challenge)}
			create.RP.ID, create.User.ID = rpID, encode(handle)
			good := d.create(create)
			made, err := engine.Register(c, []byte(good))
			if err != nil {
				t.Fatal(err)
			}
			made.SignCount = uint32(round)
			d.keys[0].count, d.counts = uint32(round), round > 0

			d.bend = b.bend
			said := d.create(create)
			d.keys = d.keys[:1]
			if b.flip != "" {
				said = flip(t, random, said, b.flip)
			}
			_, ours := engine.Register(c, []byte(said))
			cases = append(cases, peerCase{Challenge: encode(challenge), Origin: site, RPID: rpID, Answer: said, name: "registration: " + b.name, ours: ours})

			said = d.get(create)
			if b.flip != "" {
				said = flip(t, random, said, b.flip)
			}
			proof := c
			proof.Credentials = []ginauth.PasskeyCredential{made}
			proved, ours := engine.Verify(proof, []byte(said))
			if ours == nil && proved.Cloned {
				ours = errCloned
			}
			cases = append(cases, peerCase{Challenge: encode(challenge), Origin: site, RPID: rpID, Answer: said, name: "proof: " + b.name, ours: ours,
				Credential: &peerCredential{ID: encode(made.ID), Key: made.PublicKey, Count: made.SignCount}})
		}
	}
	in, err := json.Marshal(cases)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", "verify.mjs")
	cmd.Dir, cmd.Stdin, cmd.Stderr = folder, bytes.NewReader(in), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var theirs []string
	decode(t, string(out), &theirs)
	if len(theirs) != len(cases) || len(cases) < 200 {
		t.Fatalf("%d verdicts of %d cases", len(theirs), len(cases))
	}
	taken := 0
	for i, c := range cases {
		switch {
		case c.ours == nil && theirs[i] == "":
			taken++
		case c.ours == nil:
			t.Errorf("%s: passkey takes it, the other refuses: %s", c.name, theirs[i])
		case c.ours != nil && theirs[i] == "" && !stricter[c.name]:
			t.Errorf("%s: passkey refuses it, the other does not: %v", c.name, c.ours)
		}
	}
	t.Logf("%d of %d are taken by both", taken, len(cases))
	if taken < 30 {
		t.Errorf("only %d are taken by both", taken)
	}
}

type cloned struct{}

func (cloned) Error() string { return "the counter went back" }

var errCloned = cloned{}

// Where passkey refuses more. The other leaves it to its caller to look the credential up,
// and does not compare the two places of a new credential's ID (WebAuthn §7.1, 20).
var stricter = map[string]bool{
	"proof: another credential":            true,
	"registration: attestation":            true,
	"registration: attestation, once more": true,
}
