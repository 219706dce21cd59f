package conformance

import (
	"testing"

	"github.com/ginauth/ginauth/ginauthtest"
)

// configModules are those of the profile Config, beside idtoken-sig-none.
func configModules() []module {
	return []module{
		{name: prefix + "-discovery-openid-config", expects: "read the discovery document and use the endpoints in it", test: discoveryDocument},
		{name: prefix + "-discovery-jwks-uri-keys", expects: "fetch the keys from the `jwks_uri` of the discovery document", test: discoveredKeys},
		{name: prefix + "-discovery-issuer-mismatch", expects: "refuse a discovery document of another issuer",
			test: refuses(es256, beforeAuthorization, func(op *ginauthtest.Provider) {
				op.TamperDiscovery(set("issuer", "https://other.example"))
			})},
		{name: prefix + "-signing-key-rotation", expects: "fetch the keys again when a later id_token is signed with a new one", test: rotation},
		{name: prefix + "-signing-key-rotation-just-before-signing", expects: "fetch the keys again when the key changes while an id_token is issued", test: lateRotation},
	}
}

// discoveryDocument has addresses that no client could guess.
func discoveryDocument(t *testing.T, posted bool) {
	v := newSite(t, setup{posted: posted, op: es256})
	v.op.TamperDiscovery(func(doc map[string]any) {
		doc["token_endpoint"] = v.op.Issuer() + string(ginauthtest.Token) + "?by=discovery"
	})
	v.accepts()
	v.accepts()
	if got := v.sent.to(ginauthtest.Discovery); len(got) != 1 {
		t.Errorf("the document was fetched %d times", len(got))
	}
	for _, r := range v.sent.to(ginauthtest.Token) {
		if r.query.Get("by") != "discovery" {
			t.Errorf("a token request went to another address than the document's: %v", r.query)
		}
	}
}

func discoveredKeys(t *testing.T, posted bool) {
	v := newSite(t, setup{posted: posted, op: es256})
	v.op.TamperDiscovery(func(doc map[string]any) {
		doc["jwks_uri"] = v.op.Issuer() + string(ginauthtest.JWKS) + "?by=" + t.Name()
	})
	v.accepts()
	if got := v.sent.to(ginauthtest.JWKS); len(got) != 1 || got[0].query.Get("by") != t.Name() {
		t.Errorf("the keys were fetched by %v", got)
	}
}

func rotation(t *testing.T, posted bool) {
	v := newSite(t, setup{posted: posted, op: es256})
	v.accepts()
	if err := v.op.RotateKey(); err != nil {
		t.Fatal(err)
	}
	v.accepts()
	if got := v.sent.to(ginauthtest.JWKS); len(got) != 2 {
		t.Errorf("the keys were fetched %d times", len(got))
	}
}

func lateRotation(t *testing.T, posted bool) {
	v := newSite(t, setup{posted: posted, op: es256})
	v.accepts()
	v.op.TamperClaims(func(map[string]any) {
		if err := v.op.RotateKey(); err != nil {
			t.Error(err)
		}
	})
	v.accepts()
	if got := v.sent.to(ginauthtest.JWKS); len(got) != 2 {
		t.Errorf("the keys were fetched %d times", len(got))
	}
}
