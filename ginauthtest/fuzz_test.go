package ginauthtest_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/ginauth/ginauth/ginauthtest"
)

// FuzzAuthorize: whatever the query, the provider answers, and sends nobody
// anywhere but to the one registered URI.
func FuzzAuthorize(f *testing.F) {
	const registered = "https://app.example.com/cb?x=1"
	p := start(f, ginauthtest.Config{RedirectURIs: []string{registered}})
	good := with(goodRequest(), "redirect_uri", registered)
	f.Add(good.Encode())
	f.Add(with(good, "subject", "ada").Encode())
	f.Add(with(good, "state", "\r\nLocation: http://evil").Encode())
	f.Add(good.Encode() + "&redirect_uri=http://127.0.0.1/")
	f.Add(good.Encode() + "&%zz;=&x")
	f.Fuzz(func(t *testing.T, raw string) {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			r := request(t, method, p.Issuer()+"/authorize", nil)
			switch {
			case method == http.MethodPost:
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				r.Body, r.ContentLength = body(raw)
			case isPrintable(raw) && !strings.Contains(raw, " "):
				r.URL.RawQuery = raw
			default: // net/http sends no such request line
				r.URL.RawQuery = url.QueryEscape(raw)
			}
			got := do(t, r)
			if got.status >= 500 {
				t.Errorf("%s: %d", method, got.status)
			}
			if to := got.header.Get("Location"); to != "" && !strings.HasPrefix(to, registered+"&") {
				t.Errorf("%s: sent to %q", method, to)
			}
		}
	})
}

// FuzzToken: no body and no Authorization header that was not made for it
// gets a token or an answer outside of the protocol.
func FuzzToken(f *testing.F) {
	p := start(f, ginauthtest.Config{})
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(p.ClientID()+":"+p.ClientSecret()))
	f.Add(basic, codeForm("x").Encode())
	f.Add(basic, refreshForm("x").Encode())
	f.Add("Basic "+base64.StdEncoding.EncodeToString([]byte("%zz:%")), "grant_type=authorization_code")
	f.Add("", "client_id=ginauth&client_secret=%00&code=a&code=b")
	f.Add("Bearer x", "%zz=;&&=")
	f.Fuzz(func(t *testing.T, authorization, raw string) {
		if !isPrintable(authorization) {
			t.Skip("net/http sends no such header")
		}
		r := request(t, http.MethodPost, p.Issuer()+"/token", nil)
		r.Header.Set("Authorization", authorization)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Body, r.ContentLength = body(raw)
		got := do(t, r)
		if got.status != http.StatusBadRequest && got.status != http.StatusUnauthorized {
			t.Errorf("%d %s", got.status, got.body)
		}
		if got.text(t, "error") == "" {
			t.Errorf("no error in %s", got.body)
		}
	})
}

// FuzzLogoutHint: nothing but the provider's own ID token is one.
func FuzzLogoutHint(f *testing.F) {
	p := start(f, ginauthtest.Config{})
	p.Sign(ginauthtest.None)
	f.Add(signIn(f, p, goodRequest()).text(f, "id_token"))
	p.Sign(ginauthtest.HMACPublicKey)
	f.Add(signIn(f, p, goodRequest()).text(f, "id_token"))
	f.Add(strings.Repeat(".", 1000))
	f.Add("{}")
	f.Fuzz(func(t *testing.T, hint string) {
		if got := get(t, p.Issuer()+"/logout?"+url.Values{"id_token_hint": {hint}}.Encode()); got.status != http.StatusBadRequest {
			t.Errorf("%d", got.status)
		}
	})
}
