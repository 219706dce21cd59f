package passkey_test

import (
	"testing"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/passkey"
)

// Whatever a browser sends, the engine answers with an error and no panic.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"id":"YQ","rawId":"YQ","type":"public-key","response":{"clientDataJSON":"eyJ0eXBlIjoid2ViYXV0aG4uZ2V0IiwiY2hhbGxlbmdlIjoiWVdGaFlXRmhZV0ZoWVdGaFlXRmgiLCJvcmlnaW4iOiJodHRwczovL2V4YW1wbGUuY29tIn0","authenticatorData":"AAAA","signature":"AA","userHandle":"YQ","attestationObject":"o2NmbXRkbm9uZQ"},"clientExtensionResults":{}}`))
	f.Add([]byte(`null`))
	f.Add([]byte(``))
	engine := passkey.New(passkey.Config{})
	const site = "https://example.com"
	c := ginauth.PasskeyCeremony{
		Site: site, Origin: site, Challenge: []byte("aaaaaaaaaaaaaaaaaa"), UserHandle: []byte("a"), UserName: "a", UserVerification: true,
		Credentials: []ginauth.PasskeyCredential{{ID: []byte("a"), PublicKey: []byte{0xa0}}},
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		if _, err := engine.ParseAnswer(answer); err != nil {
			return
		}
		_, _ = engine.Register(c, answer) // without attestation anybody can make one
		if _, err := engine.Verify(c, answer); err == nil {
			t.Error("a proof without a key")
		}
	})
}
