package pages

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
)

// rules are what a Content-Security-Policy of the pages hangs on.
type rules struct {
	style string // of the pages, inline
	sheet bool   // the application adds a stylesheet of this origin, and fonts
}

// policy allows the inline stylesheet, by its hash, the application's own, and images
// from imageSources. All else is refused, script above all: should markup ever
// slip through the escaping, it can neither run nor fetch nor be framed for a click.
//
// There is no form-action on the pages with a form. Chromium applies it to every redirect
// that follows the POST, and that of the sign-in and the sign-out form may lead to an
// identity provider: form-action 'self' would stop the button without a word. What a
// foreign form could do is the csrf token's to prevent.
func (r rules) policy(imageSources ...string) string {
	sum := sha256.Sum256([]byte(r.style))
	policy := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	if r.sheet {
		policy += " 'self'; font-src 'self'"
	}
	imageSources = slices.Sorted(slices.Values(imageSources))
	if sources := strings.TrimSpace(strings.Join(slices.Compact(imageSources), " ")); sources != "" {
		policy += "; img-src " + sources
	}
	return policy + "; base-uri 'none'; frame-ancestors 'none'"
}

// sameOrigin is the Referrer-Policy of pages whose address holds no secret. It is
// not no-referrer, with which browsers send "Origin: null" on the form's POST (Fetch
// §3.2), and the origin check refuses that. The callbackUrl in the address still
// stays on this site. A page whose address does hold a secret has strict-origin:
// the address goes nowhere, and the POST still says where it comes from.
const sameOrigin = "same-origin"

// noReferrer is the Referrer-Policy of a page without a form that leads on by itself.
const noReferrer = "no-referrer"

// setHeaders sets what all pages have in common.
func setHeaders(h http.Header, policy, referrer string) {
	// The pages hold a csrf token and depend on the visitor: no cache may keep them.
	h.Set("Cache-Control", "private, no-cache, no-store")
	h.Set("Pragma", "no-cache")
	h.Set("Expires", "0")
	h.Add("Vary", "Cookie")
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", referrer)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
}
