package openid_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/ginauth/ginauth/internal/openid"
)

// FuzzVerifyAccess reads any access token of an issuer without keys: none is good, and
// each is either refused or, for want of an issuer, not judged.
func FuzzVerifyAccess(f *testing.F) {
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	f.Cleanup(server.Close)
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"issuer":"` + server.URL + `","authorization_endpoint":"` + server.URL + `/a","token_endpoint":"` + server.URL + `/t","jwks_uri":"` + server.URL + `/k"}`))
	})
	mux.HandleFunc("/k", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"keys":[]}`)) })
	for _, header := range []string{`{"alg":"RS256","typ":"at+jwt"}`, `{"alg":"none","typ":"JWT"}`, `{"typ":1}`, `[]`, `{"alg":"HS256","typ":"application/at+jwt","kid":"x"}`} {
		f.Add(base64.RawURLEncoding.EncodeToString([]byte(header))+".e30.c2ln", true)
	}
	f.Add("..", false)
	f.Add("", true)
	client := &openid.Client{Issuer: server.URL, ClientID: "api"}
	f.Fuzz(func(t *testing.T, raw string, allowJWT bool) {
		if len(raw) > 16<<10 {
			t.Skip("longer than a caller asks about")
		}
		token, err := client.VerifyAccess(t.Context(), raw, allowJWT)
		if token != nil || !errors.Is(err, openid.ErrAccessToken) {
			t.Errorf("%q is %+v, %v", raw, token, err)
		}
	})
}
