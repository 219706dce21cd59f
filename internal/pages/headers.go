package pages

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
)

// contentSecurityPolicy allows the one stylesheet, by its hash, and images from
// imageSource ("" for none). All else is refused, script above all: should markup ever
// slip through the escaping, it can neither run nor fetch nor be framed for a click.
//
// There is no form-action on the pages with a form. Chromium applies it to every redirect
// that follows the POST, and that of the sign-in and the sign-out form may lead to an
// identity provider: form-action 'self' would stop the button without a word. What a
// foreign form could do is the csrf token's to prevent.
func contentSecurityPolicy(style, imageSource string) string {
	sum := sha256.Sum256([]byte(style))
	policy := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	if imageSource != "" {
		policy += "; img-src " + imageSource
	}
	return policy + "; base-uri 'none'; frame-ancestors 'none'"
}

// setHeaders sets what all pages have in common.
func setHeaders(h http.Header, policy string) {
	// The pages hold a csrf token and depend on the visitor: no cache may keep them.
	h.Set("Cache-Control", "private, no-cache, no-store")
	h.Set("Pragma", "no-cache")
	h.Set("Expires", "0")
	h.Add("Vary", "Cookie")
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	// Not no-referrer: with it browsers send "Origin: null" on the form's POST, which the
	// origin check refuses. The callbackUrl in the address still stays on this site.
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
}
