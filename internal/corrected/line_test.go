package corrected_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ginauth/ginauth/internal/corrected"
	"github.com/ginauth/ginauth/oauth"
)

// TestAttack24: LINE's id_token carries the address alone. One that LINE did not
// sign for this client and this person leaves the person without an address.
func TestAttack24_LINE(t *testing.T) {
	t.Parallel()
	const secret = "a secret of thirty-two bytes or so"
	sign := func(key string, alg jose.SignatureAlgorithm, change func(c map[string]any)) string {
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: []byte(key)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		claims := map[string]any{"iss": "https://access.line.me", "aud": "id", "sub": "U1", "exp": time.Now().Add(time.Hour).Unix(), "email": "a@x"}
		if change != nil {
			change(claims)
		}
		payload, _ := json.Marshal(claims)
		signed, err := signer.Sign(payload)
		if err != nil {
			t.Fatal(err)
		}
		raw, _ := signed.CompactSerialize()
		return raw
	}
	good := sign(secret, jose.HS256, nil)
	for name, tt := range map[string]struct{ token, email string }{
		"as it should be":   {good, "a@x"},
		"none":              {"", ""},
		"another key":       {sign("another secret of thirty-two bytes", jose.HS256, nil), ""},
		"another algorithm": {sign(secret+secret, jose.HS512, nil), ""},
		"another issuer":    {sign(secret, jose.HS256, func(c map[string]any) { c["iss"] = "https://evil.example" }), ""},
		"another client":    {sign(secret, jose.HS256, func(c map[string]any) { c["aud"] = "other" }), ""},
		"another person":    {sign(secret, jose.HS256, func(c map[string]any) { c["sub"] = "U2" }), ""},
		"expired":           {sign(secret, jose.HS256, func(c map[string]any) { c["exp"] = time.Now().Add(-time.Minute).Unix() }), ""},
		"a number":          {sign(secret, jose.HS256, func(c map[string]any) { c["email"] = 7 }), ""},
		"not signed":        {"eyJhbGciOiJub25lIn0" + good[20:len(good)-43], ""},
		"text":              {"a.b.c", ""},
		"two parts":         {"a.b", ""},
	} {
		answer, _ := json.Marshal(map[string]any{"access_token": "t", "id_token": tt.token})
		user, err := canned{"https://api.line.me/token": string(answer), "https://api.line.me/profile": `{"userId":"U1","displayName":"Ada"}`}.exchange(t, corrected.New(oauth.Config{
			Name: "line", ClientID: "id", ClientSecret: secret, AuthURL: "https://access.line.me/authorize",
			TokenURL: "https://api.line.me/token", UserInfoURL: "https://api.line.me/profile",
			Fields: oauth.Fields{ID: "userId", Name: "displayName", Email: "email"},
		}))
		if err != nil || user.UserID != "U1" || user.Email != tt.email {
			t.Errorf("%s: %+v, %v", name, user, err)
		}
	}
}
