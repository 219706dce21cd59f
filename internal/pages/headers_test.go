package pages_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/ginauth/ginauth/internal/pages"
)

func TestHeaders(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"Content-Type":               "text/html",
		"Cache-Control":              "private, no-cache, no-store",
		"Pragma":                     "no-cache",
		"Expires":                    "0",
		"Vary":                       "Cookie",
		"X-Content-Type-Options":     "nosniff",
		"X-Frame-Options":            "DENY",
		"Referrer-Policy":            "same-origin",
		"Cross-Origin-Opener-Policy": "same-origin",
	}
	for name, page := range everyPage(newSet(t, pages.Theme{}, pages.Texts{})) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := get(t, page)
			for field, value := range want {
				if field == "Referrer-Policy" && name == "confirm" {
					value = "strict-origin" // its address holds a secret
				}
				if field == "Referrer-Policy" && name == "continue" {
					value = "no-referrer"
				}
				if got := strings.Join(got.header.Values(field), "|"); got != value {
					t.Errorf("%s = %q, want %q", field, got, value)
				}
			}
		})
	}
}

func TestVaryOfMiddlewareStays(t *testing.T) {
	t.Parallel()
	s := newSet(t, pages.Theme{}, pages.Texts{})
	got := get(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Vary", "Accept-Encoding")
		s.VerifyRequest(w, pages.VerifyRequest{})
	})
	if all := strings.Join(got.header.Values("Vary"), ", "); all != "Accept-Encoding, Cookie" {
		t.Errorf("Vary = %q", all)
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	s := newSet(t, pages.Theme{}, pages.Texts{})
	for name, tc := range map[string]struct {
		page http.HandlerFunc
		want int
	}{
		"sign in as told": {func(w http.ResponseWriter, _ *http.Request) { s.SignIn(w, 401, pages.SignIn{}) }, 401},
		"error as told":   {func(w http.ResponseWriter, _ *http.Request) { s.Error(w, 403, pages.Error{}) }, 403},
		"sign out":        {func(w http.ResponseWriter, _ *http.Request) { s.SignOut(w, pages.SignOut{}) }, 200},
		"verify request":  {func(w http.ResponseWriter, _ *http.Request) { s.VerifyRequest(w, pages.VerifyRequest{}) }, 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := get(t, tc.page).status; got != tc.want {
				t.Errorf("status %d, want %d", got, tc.want)
			}
		})
	}
}

// directives splits a policy, and fails on a directive that stands twice: browsers
// take the first and ignore the other.
func directives(t *testing.T, policy string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for part := range strings.SplitSeq(policy, "; ") {
		name, value, _ := strings.Cut(part, " ")
		if _, ok := all[name]; ok {
			t.Fatalf("directive %s twice in %q", name, policy)
		}
		all[name] = value
	}
	return all
}

func TestContentSecurityPolicy(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		theme  pages.Theme
		images string
	}{
		"no logo":        {pages.Theme{}, ""},
		"path":           {pages.Theme{Logo: "/static/logo.svg?v=2", ColorScheme: "dark"}, "'self'"},
		"URL":            {pages.Theme{Logo: "https://CDN.example.com:8443/a/logo.png", BrandColor: "#0a7d55"}, "https://cdn.example.com:8443"},
		"http loopback":  {pages.Theme{Logo: "http://127.0.0.1/logo.png", ColorScheme: "light"}, "http://127.0.0.1"},
		"IPv6 host":      {pages.Theme{Logo: "http://[::1]:8080/logo.png"}, "http://[::1]:8080"},
		"policy in path": {pages.Theme{Logo: "https://cdn.example.com/a;script-src%20*"}, "https://cdn.example.com"},
	} {
		s := newSet(t, tc.theme, pages.Texts{})
		for pageName, page := range everyPage(s) {
			t.Run(name+"/"+pageName, func(t *testing.T) {
				t.Parallel()
				got := get(t, page)
				sum := sha256.Sum256([]byte(style(t, got.body)))
				want := map[string]string{
					"default-src":     "'none'",
					"style-src":       "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'",
					"base-uri":        "'none'",
					"frame-ancestors": "'none'",
				}
				if tc.images != "" && pageName != "confirm" && pageName != "continue" {
					want["img-src"] = tc.images
				}
				// With it, Chromium would stop the redirect to the identity provider.
				if !strings.Contains(got.body, "<form") {
					want["form-action"] = "'none'"
				}
				if strings.Contains(got.body, "<script") {
					want["script-src"], want["connect-src"] = "'"+integrityOf(pages.PasskeyScript())+"'", "'self'"
				}
				policy := directives(t, got.header.Get("Content-Security-Policy"))
				for name, value := range want {
					if policy[name] != value {
						t.Errorf("%s = %q, want %q", name, policy[name], value)
					}
				}
				if len(policy) != len(want) {
					t.Errorf("policy %v, want %v", policy, want)
				}
			})
		}
	}
}

func integrityOf(script pages.Script) string {
	sum := sha256.Sum256(script.Body)
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// The pages with the script load that one file, by its hash, and nothing else; a page
// without passkeys runs none.
func TestPasskeyScript(t *testing.T) {
	t.Parallel()
	s := newSet(t, pages.Theme{}, pages.Texts{})
	script := pages.PasskeyScript()
	if len(script.Body) > 5000 || script.Version == "" {
		t.Errorf("the script has %d bytes, version %q", len(script.Body), script.Version)
	}
	for name, page := range everyPage(s) {
		d := parse(t, get(t, page).body)
		scripts := d.all("script")
		if !strings.Contains(name, "passkey") {
			if len(scripts) != 0 {
				t.Errorf("%s has a script", name)
			}
			continue
		}
		if len(scripts) != 1 || attr(scripts[0], "src") != "/api/auth/passkey.js" || attr(scripts[0], "integrity") != integrityOf(script) || text(scripts[0]) != "" {
			t.Errorf("%s has the scripts %v", name, scripts)
		}
		for _, form := range d.all("form") {
			if kind := attr(form, "data-passkey"); (kind != "") != hidden(form) {
				t.Errorf("%s: the form %q is shown without the script, or another is not", name, kind)
			}
		}
	}
}

func hidden(n *html.Node) bool {
	for _, a := range n.Attr {
		if a.Key == "hidden" {
			return true
		}
	}
	return false
}

func TestTemplateFault(t *testing.T) {
	t.Parallel()
	s := newSet(t, pages.Theme{}, pages.Texts{})
	pages.BreakTemplates(s)
	for name, page := range everyPage(s) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := get(t, page)
			if got.status != http.StatusInternalServerError || got.body != "Internal Server Error\n" {
				t.Errorf("%d %q, want a plain 500", got.status, got.body)
			}
			if ct := got.header.Get("Content-Type"); ct != "text/plain; charset=utf-8" {
				t.Errorf("Content-Type %q", ct)
			}
			if cc := got.header.Get("Cache-Control"); cc != "private, no-cache, no-store" {
				t.Errorf("Cache-Control %q: a fault must not be kept", cc)
			}
		})
	}
}
