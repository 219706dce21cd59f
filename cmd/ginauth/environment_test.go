package main

import (
	"strings"
	"testing"

	"github.com/ginauth/ginauth/ginauthtest"
)

const goodSecret = "NEXTAUTH_SECRET=a secret of this test, of forty-odd bytes"

func TestDoctor_Environment(t *testing.T) {
	t.Parallel()
	const goodURL = "NEXTAUTH_URL=https://app.example.com"
	github := []string{"GITHUB_ID=id-of-the-client", "GITHUB_SECRET=hunter2"}
	for _, tt := range []struct {
		name    string
		environ []string
		status  int
		check   string
		result  result
		says    string
	}{
		{"all that a site needs", append(github, goodSecret, goodURL), 0, "callback github", right, "https://app.example.com/api/auth/callback/github"},
		{"Auth.js's names", append(github, "AUTH_SECRET=a secret of this test, of forty-odd bytes", "AUTH_URL=https://app.example.com"), 0, "address", right, "https://app.example.com/api/auth"},
		{"a sub path", append(github, goodSecret, goodURL+"/shop/auth"), 0, "callback github", right, "https://app.example.com/shop/auth/callback/github"},
		{"any host", append(github, goodSecret, "AUTH_TRUST_HOST=true"), 0, "address", right, "every request"},
		{"nothing", nil, 3, "secret", unseen, "NEXTAUTH_SECRET"},
		{"no secret", append(github, goodURL), 3, "secret", unseen, "Options.Secret"},
		{"no address", append(github, goodSecret), 3, "address", unseen, "NEXTAUTH_URL"},
		{"no provider", []string{goodSecret, goodURL}, 3, "providers", unseen, "GITHUB_ID"},
		{"a short secret", append(github, "NEXTAUTH_SECRET=hunter2", goodURL), 1, "secret", wrong, "7 bytes"},
		{"an address that is none", append(github, goodSecret, "NEXTAUTH_URL=ftp://app.example.com"), 1, "address", wrong, "NEXTAUTH_URL"},
		{"a path that cannot be", append(github, goodSecret, goodURL+"/a%20b"), 1, "address", wrong, "path"},
		{"neither true nor false", append(github, goodSecret, "AUTH_TRUST_HOST=maybe"), 1, "address", wrong, "AUTH_TRUST_HOST"},
		{"half a client", []string{goodSecret, goodURL, "GITHUB_ID=x"}, 1, "providers", wrong, "GITHUB_SECRET is not"},
		{"two halves", []string{goodSecret, goodURL, "GITHUB_ID=x", "GITLAB_SECRET=hunter2"}, 1, "providers", wrong, "GITLAB_ID is not"},
		{"no issuer", []string{goodSecret, goodURL, "KEYCLOAK_ID=x", "KEYCLOAK_SECRET=hunter2"}, 1, "providers", wrong, "KEYCLOAK_ISSUER"},
		{"an answer by POST without https", []string{goodSecret, "NEXTAUTH_URL=http://app.example.com", "GITHUB_ID=x", "GITHUB_SECRET=hunter2",
			"AZURE_AD_B2C_ID=x", "AZURE_AD_B2C_SECRET=hunter2"}, 1, "providers", wrong, "azure-ad-b2c"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			status, checks := examined(t, tt.environ)
			if status != tt.status || !found(checks, tt.check, tt.result, tt.says) {
				t.Errorf("status %d, %+v", status, checks)
			}
			for _, f := range checks {
				if strings.Contains(f.Detail, "hunter2") || strings.Contains(f.Detail, "forty-odd") {
					t.Errorf("a secret is in the report: %s", f.Detail)
				}
			}
		})
	}
}

func TestDoctor_Issuers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		lie    func(p *ginauthtest.Provider)
		issuer func(own string) string // in the environment
		status int
		check  string
		says   string
	}{
		{"honest", nil, nil, 0, "issuer work", "names itself so"},
		{"a trailing slash", nil, func(own string) string { return own + "/" }, 1, "issuer work", `/", and the issuer's document "http://127.0.0.1:`},
		{"a realm", nil, func(own string) string { return own + "/realms/shop" }, 1, "issuer work", "/realms/shop/.well-known/openid-configuration answers 404"},
		{"another realm in the document", func(p *ginauthtest.Provider) {
			p.TamperDiscovery(func(doc map[string]any) { doc["issuer"] = p.Issuer() + "/realms/Shop" })
		}, nil, 1, "issuer work", "/realms/Shop"},
		{"no token endpoint", func(p *ginauthtest.Provider) {
			p.TamperDiscovery(func(doc map[string]any) { delete(doc, "token_endpoint") })
		}, nil, 1, "issuer work", "token_endpoint is missing"},
		{"signatures by the secret alone", func(p *ginauthtest.Provider) {
			p.TamperDiscovery(func(doc map[string]any) { doc["id_token_signing_alg_values_supported"] = []string{"HS256"} })
		}, nil, 1, "issuer work", "HS256"},
		{"a page in place of the document", func(p *ginauthtest.Provider) {
			p.Break(ginauthtest.Discovery, ginauthtest.Answer(200, "text/html", "<html>"))
		}, nil, 1, "issuer work", "discovery"},
		{"down", func(p *ginauthtest.Provider) {
			p.Break(ginauthtest.Discovery, ginauthtest.Answer(503, "text/plain", "down"))
		}, nil, 1, "issuer work", "answers 503"},
		{"elsewhere", func(p *ginauthtest.Provider) {
			p.Break(ginauthtest.Discovery, ginauthtest.RedirectTo("http://localhost:9/", 302))
		}, nil, 1, "issuer work", `leads to "http://localhost:9/"`},
		{"without an end", func(p *ginauthtest.Provider) {
			p.Break(ginauthtest.Discovery, ginauthtest.Huge(2<<20))
		}, nil, 1, "issuer work", "1 MiB"},
		{"no keys there", func(p *ginauthtest.Provider) {
			p.Break(ginauthtest.JWKS, ginauthtest.Answer(404, "text/plain", "no"))
		}, nil, 1, "issuer work", "/jwks, answers 404"},
		{"keys for encryption alone", func(p *ginauthtest.Provider) {
			p.Break(ginauthtest.JWKS, ginauthtest.Answer(200, "application/json", `{"keys":[{"kty":"RSA","use":"enc"}]}`))
		}, nil, 1, "issuer work", "no key that signs"},
		{"a clock behind", func(p *ginauthtest.Provider) {
			p.Break(ginauthtest.Discovery, dated("Mon, 02 Jan 2006 15:04:05 GMT", p))
		}, nil, 1, "issuer work clock", "behind"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, err := ginauthtest.NewProvider(ginauthtest.Config{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = p.Close() })
			if tt.lie != nil {
				tt.lie(p)
			}
			issuer := p.Issuer()
			if tt.issuer != nil {
				issuer = tt.issuer(issuer)
			}
			status, checks := examined(t, []string{
				goodSecret, "NEXTAUTH_URL=https://app.example.com", "OIDC_WORK_ID=" + p.ClientID(), "OIDC_WORK_SECRET=" + p.ClientSecret(), "OIDC_WORK_ISSUER=" + issuer,
			})
			of := wrong
			if tt.status == 0 {
				of = right
			}
			if status != tt.status || !found(checks, tt.check, of, tt.says) {
				t.Errorf("status %d, %+v", status, checks)
			}
			if len(p.TokenRequests()) > 0 {
				t.Error("the doctor sent the client's secret")
			}
		})
	}
}
