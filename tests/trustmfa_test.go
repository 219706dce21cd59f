package tests

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
)

// TestTrustMFA holds which answers of a provider spare people the second factor that a site
// requires: those of a trusted one, whose verified id_token says that it asked for one.
func TestTrustMFA(t *testing.T) {
	t.Parallel()
	opts := ginauth.Options{Adapter: ginauth.MemoryAdapter()}
	opts.Factors.OTP = true
	opts.Factors.Required = func(*gin.Context, ginauth.User) bool { return true }
	s := newFactorSite(t, opts, ginauth.OAuth{TrustMFA: true, AuthParams: url.Values{"acr_values": {"urn:mace:silver urn:phrh"}}})
	for name, row := range map[string]struct {
		provider string
		amr, acr any // of the id_token
		userinfo map[string]any
		spared   bool
	}{
		"a password":                       {provider: "first", amr: []string{"pwd"}},
		"nothing is said":                  {provider: "first"},
		"several factors":                  {provider: "first", amr: []string{"pwd", "mfa"}, spared: true},
		"two methods, which are no mfa":    {provider: "first", amr: []string{"pwd", "otp"}},
		"another case":                     {provider: "first", amr: []string{"MFA"}},
		"a class that was asked for":       {provider: "first", acr: "urn:phrh", spared: true},
		"the other class":                  {provider: "first", acr: "urn:mace:silver", spared: true},
		"the class beside a password":      {provider: "first", amr: []string{"pwd"}, acr: "urn:phrh", spared: true},
		"another class":                    {provider: "first", acr: "urn:mace:bronze"},
		"both classes as one text":         {provider: "first", acr: "urn:mace:silver urn:phrh"},
		"an empty class":                   {provider: "first", acr: ""},
		"in the userinfo alone":            {provider: "first", userinfo: map[string]any{"amr": []string{"mfa"}, "acr": "urn:phrh"}},
		"several factors, without trust":   {provider: "second", amr: []string{"mfa"}},
		"a class, without trust":           {provider: "second", acr: "urn:phrh"},
		"an empty class, without trust":    {provider: "second", acr: ""},
		"nothing is said to the other one": {provider: "second"},
	} {
		s.idp.TamperClaims(func(claims map[string]any) {
			for claim, value := range map[string]any{"amr": row.amr, "acr": row.acr} {
				if delete(claims, claim); value != nil {
					claims[claim] = value
				}
			}
		})
		s.idp.TamperUserinfo(func(claims map[string]any) {
			for claim, value := range row.userinfo {
				claims[claim] = value
			}
		})
		subject := map[string]string{"first": "ada", "second": "grace"}[row.provider]
		b := s.browser(t)
		res := b.signInAt(s.idp, row.provider, subject)
		if res.StatusCode != http.StatusFound || res.signedIn() != row.spared || strings.Contains(res.Header.Get("Location"), "/api/auth/second-factor/") == row.spared {
			t.Errorf("%s: answered %d, leads to %q, signed in %t\n%s", name, res.StatusCode, res.Header.Get("Location"), res.signedIn(), s.log)
		}
	}
}
