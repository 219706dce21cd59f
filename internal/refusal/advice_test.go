package refusal_test

import (
	"strings"
	"testing"

	"github.com/ginauth/ginauth/internal/refusal"
)

// The options to look at hang on where the site's address comes from, and on how the two
// differ.
func TestSite_Advice(t *testing.T) {
	t.Parallel()
	const own = "https://app.example.com"
	byOption, byRequest := refusal.Site{Option: "AUTH_URL"}, refusal.Site{}
	listed := refusal.Site{Hosts: []string{"a.example", "*.b.example"}}
	proxied, behindListed := refusal.Site{ByUnlistedProxy: true}, refusal.Site{ByListedProxy: true}
	for name, row := range map[string]struct {
		advice refusal.Advice
		lookAt string // all of it
		text   string // a part
	}{
		"none":                      {byOption.OfOrigin("", own), "TrustedOrigins", "another site"},
		"null":                      {byOption.OfOrigin("null", own), "Referrer-Policy", "no-referrer"},
		"scheme":                    {byOption.OfOrigin("http://app.example.com", own), "AUTH_URL", "differ in the scheme"},
		"port":                      {byOption.OfOrigin("https://app.example.com:8443", own), "AUTH_URL", "https://app.example.com:8443, write that address into AUTH_URL"},
		"another site":              {byOption.OfOrigin("https://evil.example", own), "AUTH_URL, TrustedOrigins", "somebody tried"},
		"no URL":                    {byOption.OfOrigin("https://evil.example:port", own), "AUTH_URL, TrustedOrigins", "TrustedOrigins"},
		"TLS in front":              {byRequest.OfOrigin("https://app.example.com", "http://app.example.com"), "TrustedProxies, BaseURL (or the variable NEXTAUTH_URL)", "ends TLS"},
		"TLS not told":              {behindListed.OfOrigin("https://app.example.com", "http://app.example.com"), "X-Forwarded-Proto, BaseURL (or the variable NEXTAUTH_URL)", "send X-Forwarded-Proto: https"},
		"prefix":                    {byOption.OfPrefix("/shop", own, "/api/auth", false), "BasePath, Pages.TrustForwardedPrefix", "write https://app.example.com/shop/api/auth in BaseURL and /api/auth in BasePath"},
		"prefix of an unlisted one": {byOption.OfPrefix("/shop", own, "/api/auth", true), "TrustedProxies", "list the proxy's address"},
		"another host of a request": {byRequest.OfOrigin("https://evil.example", own), "BaseURL (or the variable NEXTAUTH_URL), TrustedProxies, TrustedOrigins", "changes the Host header"},
		"host":                      {byRequest.OfHost(), "BaseURL (or the variable NEXTAUTH_URL), TrustedHosts", "write its address"},
		"host of a list":            {listed.OfHost(), "TrustedHosts, BaseURL (or the variable NEXTAUTH_URL)", "pass the Host header on"},
		"host behind a proxy":       {proxied.OfHost(), "BaseURL (or the variable NEXTAUTH_URL), TrustedHosts, TrustedProxies", "a proxy forwarded this request"},
		"Secure cookie":             {byOption.OfCookie(own, true), "AUTH_URL", "Secure"},
		"plain cookie":              {byRequest.OfCookie("http://localhost", false), "BaseURL (or the variable NEXTAUTH_URL)", "127.0.0.1 in place of localhost"},
		"http":                      {byOption.OfPlainHTTP(own), "AUTH_URL", "X-Forwarded-Proto: https"},
	} {
		if row.advice.LookAt != row.lookAt || !strings.Contains(row.advice.Text, row.text) {
			t.Errorf("%s: %+v", name, row.advice)
		}
	}
	if got := listed.Expected(); got != "a.example *.b.example" {
		t.Error(got)
	}
	for hint, names := range map[string]string{
		byOption.Hint(own): "AUTH_URL", byRequest.Hint(own): "TrustedProxies", byRequest.HostHint(): "NEXTAUTH_URL", listed.HostHint(): "TrustedHosts",
	} {
		if !strings.Contains(hint, names) {
			t.Errorf("%q names no %s", hint, names)
		}
	}
}
