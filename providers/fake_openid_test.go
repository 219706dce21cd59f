package providers_test

import (
	"encoding/json"
	"net/http"

	"github.com/go-jose/go-jose/v4"
)

// serveDiscovery answers what an OpenID provider has beside its token endpoint.
func (f *fake) serveDiscovery(w http.ResponseWriter, what string) {
	if what == "keys" {
		f.serveJSON(w, "keys", jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: f.key.Public(), KeyID: "k", Algorithm: "ES256", Use: "sig"}}})
		return
	}
	doc := map[string]any{
		"issuer": f.fixture.issuer, "authorization_endpoint": f.fixture.authorize, "token_endpoint": f.fixture.token,
		"jwks_uri": f.fixture.keys(), "id_token_signing_alg_values_supported": []string{"ES256"},
	}
	for userinfo := range f.fixture.profiles {
		doc["userinfo_endpoint"] = userinfo
	}
	f.serveJSON(w, "discovery", doc)
}

func (f *fake) sign(claims map[string]any) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: f.key, KeyID: "k"}}, nil)
	if err != nil {
		f.t.Error(err)
		return ""
	}
	payload, _ := json.Marshal(claims)
	signed, err := signer.Sign(payload)
	if err != nil {
		f.t.Error(err)
		return ""
	}
	raw, _ := signed.CompactSerialize()
	return raw
}

// hs256 signs claims with the client's secret, as LINE does.
func hs256(claims map[string]any) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: []byte(clientSecret)}, nil)
	if err != nil {
		panic(err)
	}
	payload, _ := json.Marshal(claims)
	signed, err := signer.Sign(payload)
	if err != nil {
		panic(err)
	}
	raw, _ := signed.CompactSerialize()
	return raw
}
