package tests

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	buckets "github.com/ginauth/ginauth/internal/limit"
	"github.com/ginauth/ginauth/oidc"
)

// counter is a Limiter of one process.
type counter struct {
	memory *buckets.Memory
	now    func() time.Time
}

func newCounter(now func() time.Time) counter {
	return counter{buckets.NewMemory(buckets.MaxKeys), now}
}

func (c counter) Allow(_ context.Context, key string, rate ginauth.Rate) (time.Duration, error) {
	return c.memory.Allow(key, rate.Count, rate.Per, c.now()), nil
}

func (c counter) Refund(_ context.Context, key string, _ ginauth.Rate) error {
	c.memory.Refund(key, c.now())
	return nil
}

const (
	iosClient     = "com.example.ios"
	androidClient = "android.apps.example"
)

// handing are options under which id_tokens may be handed over. An Adapter is the
// caller's.
func handing(opts ginauth.Options, idp *ginauthtest.Provider) ginauth.Options {
	now := opts.Now
	if now == nil {
		now = time.Now
	}
	at := func(name string) *oidc.Provider {
		return local(idp, name).With(func(c *oidc.Config) { c.Now = now })
	}
	if opts.Adapter == nil {
		opts.Limits.Limiter = newCounter(now)
	}
	if opts.Session.Store == nil && opts.Session.Revocations == nil {
		opts.Session.Revocations = ginauth.MemoryRevocations()
	}
	opts.Session.AbsoluteMaxAge = 90 * 24 * time.Hour
	opts.Providers = append(opts.Providers,
		ginauth.OAuth{Provider: at("idp"), IDTokens: &ginauth.IDTokens{
			Audiences: []string{iosClient}, Presenters: []string{androidClient},
		}, DangerousEmailAccountLinking: opts.Adapter != nil},
		ginauth.OAuth{Provider: at("sibling"), IDTokens: &ginauth.IDTokens{}},
		ginauth.OAuth{Provider: at("closed")})
	return opts
}

// tokensFor are what a native application, or a script of the provider's, gets from the
// provider itself, with the nonce that it hands it. claims may change the id_token.
func tokensFor(t testing.TB, idp *ginauthtest.Provider, subject, nonce string, claims func(map[string]any)) (idToken, accessToken string) {
	t.Helper()
	idp.TamperClaims(claims)
	defer idp.TamperClaims(nil)
	config := oauth2.Config{
		ClientID: idp.ClientID(), ClientSecret: idp.ClientSecret(), RedirectURL: "http://127.0.0.1/native",
		Endpoint: oauth2.Endpoint{AuthURL: idp.Issuer() + string(ginauthtest.Authorize), TokenURL: idp.Issuer() + string(ginauthtest.Token), AuthStyle: oauth2.AuthStyleInHeader},
		Scopes:   []string{"openid", "profile", "email"},
	}
	verifier := oauth2.GenerateVerifier()
	opts := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(verifier)}
	if nonce != "" {
		opts = append(opts, oauth2.SetAuthURLParam("nonce", nonce))
	}
	back, err := idp.Approve(t.Context(), config.AuthCodeURL("state", opts...), subject)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := config.Exchange(t.Context(), back.Query().Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	idToken, _ = tok.Extra("id_token").(string)
	return idToken, tok.AccessToken
}

// A sender hands id_tokens over: a browser's page or a native application.
type sender interface {
	nonce(provider string) string
	hand(provider string, fields map[string]any) answer
	isIn(res answer) bool // whether the answer signs in
}

// device is a native application: it has no cookies and says nothing of where it is.
type device struct {
	t   testing.TB
	app *app
}

func (d device) post(path string, body any, header ...string) answer {
	d.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		d.t.Fatal(err)
	}
	return d.app.send(d.t, http.MethodPost, path, string(raw), append(header, "Content-Type", "application/json")...)
}

func (d device) nonce(provider string) string {
	d.t.Helper()
	res := d.post("/api/auth/nonce/"+provider, struct{}{})
	var out struct{ Nonce string }
	decode(d.t, res.body, &out)
	if res.StatusCode != http.StatusOK || out.Nonce == "" || len(res.Cookies()) != 0 {
		d.t.Fatalf("nonce answered %d %s %v", res.StatusCode, res.body, res.Cookies())
	}
	return out.Nonce
}

func (d device) hand(provider string, fields map[string]any) answer {
	d.t.Helper()
	res := d.post("/api/auth/callback/"+provider, fields)
	if len(res.Cookies()) != 0 || res.Header.Get("Location") != "" || res.Header.Get("Cache-Control") != "private, no-cache, no-store" {
		d.t.Errorf("a native application got %v, %v", res.Cookies(), res.Header)
	}
	return res
}

func (d device) isIn(res answer) bool { return res.StatusCode == http.StatusOK && d.token(res) != "" }

// token is the session's, empty for an answer that has none.
func (d device) token(res answer) string {
	d.t.Helper()
	var out struct{ SessionToken, Expires string }
	decode(d.t, res.body, &out)
	if _, err := time.Parse(time.RFC3339, out.Expires); (err == nil) != (out.SessionToken != "") {
		d.t.Errorf("a token until %q", out.Expires)
	}
	return out.SessionToken
}

// page is a page of the site in a browser.
type page struct{ *browser }

func (p page) sent(path string, fields map[string]any, header ...string) answer {
	p.t.Helper()
	form := url.Values{"csrfToken": {p.csrf()}}
	for name, value := range fields {
		switch value := value.(type) {
		case string:
			form.Set(name, value)
		case []string:
			form[name] = value
		}
	}
	req := p.request(http.MethodPost, path, form)
	req.Header.Set("Origin", p.app.URL)
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	for i := 0; i < len(header); i += 2 {
		if req.Header.Del(header[i]); header[i+1] != "" {
			req.Header.Set(header[i], header[i+1])
		}
	}
	return p.do(req)
}

func (p page) nonce(provider string) string {
	p.t.Helper()
	res := p.sent("/api/auth/nonce/"+provider, nil)
	var out struct{ Nonce string }
	decode(p.t, res.body, &out)
	if res.StatusCode != http.StatusOK || out.Nonce == "" {
		p.t.Fatalf("nonce answered %d %s", res.StatusCode, res.body)
	}
	return out.Nonce
}

func (p page) hand(provider string, fields map[string]any) answer {
	p.t.Helper()
	return p.sent("/api/auth/callback/"+provider, fields)
}

func (p page) isIn(res answer) bool { return res.signedIn() }
