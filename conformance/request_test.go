package conformance

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/ginauth/ginauth/ginauthtest"
)

// checkAuthorizationRequest holds an authorization request against OpenID Connect Core
// §3.1.2.1, RFC 6749 §3.1 and RFC 7636 §4.3.
func (b *browser) checkAuthorizationRequest(authURL string) {
	b.t.Helper()
	if !strings.HasPrefix(authURL, b.op.Issuer()+string(ginauthtest.Authorize)+"?") {
		b.t.Fatalf("the authorization request goes to %s", authURL)
	}
	q := parameters(b.t, authURL)
	for name, values := range q {
		if len(values) != 1 {
			b.t.Errorf("%s is there %d times", name, len(values))
		}
	}
	for name, want := range map[string]string{
		"response_type": "code", "client_id": clientID, "code_challenge_method": "S256",
		"redirect_uri": b.url() + "/api/auth/callback/" + providerID,
	} {
		if got := q.Get(name); got != want {
			b.t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if !strings.HasPrefix(q.Get("redirect_uri"), "https://") {
		b.t.Errorf("the redirect_uri is %q", q.Get("redirect_uri"))
	}
	if !slices.Contains(strings.Fields(q.Get("scope")), "openid") {
		b.t.Errorf("the scope is %q", q.Get("scope"))
	}
	// 32 random bytes in base64url have 43 characters.
	for _, name := range []string{"state", "nonce", "code_challenge"} {
		if len(q.Get(name)) < 43 {
			b.t.Errorf("%s is %q", name, q.Get(name))
		}
	}
	if q.Has("request") || q.Has("request_uri") {
		b.t.Error("there is a request object that was not asked for")
	}
	if q.Get("max_age") == "0" && q.Get("prompt") == "none" && !strings.HasSuffix(b.t.Name(), "-form-post-error") {
		b.t.Error("max_age=0 beside prompt=none can never succeed")
	}
}

// checkTokenRequests holds the one token request since before against RFC 6749 §4.1.3
// and §2.3.1, RFC 7636 §4.5: the code is used once, by a client that authenticates by
// client_secret_basic and in no other way.
func (b *browser) checkTokenRequests(before int, asked url.Values) {
	b.t.Helper()
	all := b.op.TokenRequests()[before:]
	if len(all) != 1 || !all[0].Accepted {
		b.t.Fatalf("there were %d token requests", len(all))
	}
	r := all[0]
	if r.BasicUser != clientID || r.BasicPassword != clientSecret || r.Form.Has("client_secret") || r.Form.Has("client_assertion") {
		b.t.Errorf("the client authenticates as %q, and in the body: %v", r.BasicUser, r.Form.Has("client_secret"))
	}
	if r.Form.Get("grant_type") != "authorization_code" || r.Form.Get("redirect_uri") != asked.Get("redirect_uri") {
		b.t.Errorf("the token request is %v", r.Form)
	}
	sum := sha256.Sum256([]byte(r.Form.Get("code_verifier")))
	if base64.RawURLEncoding.EncodeToString(sum[:]) != asked.Get("code_challenge") {
		b.t.Error("the code_verifier is not that of the code_challenge")
	}
	for name, values := range r.Form {
		if len(values) != 1 {
			b.t.Errorf("%s is there %d times", name, len(values))
		}
	}
}

// checkUserinfoRequests holds the one userinfo request since before against RFC 6750
// §2.1: the token is in the header, and nowhere else.
func (b *browser) checkUserinfoRequests(before int) {
	b.t.Helper()
	all := b.sent.to(ginauthtest.Userinfo)[before:]
	if len(all) != 1 {
		b.t.Fatalf("there were %d userinfo requests", len(all))
	}
	r := all[0]
	want := "Bearer " + b.signedIn().Account.AccessToken
	if r.method != http.MethodGet || len(r.authorization) != 1 || r.authorization[0] != want || len(r.query) != 0 || r.body != "" {
		b.t.Errorf("the userinfo request is %s with %d Authorization headers, the query %v and a body of %d bytes", r.method, len(r.authorization), r.query, len(r.body))
	}
}
