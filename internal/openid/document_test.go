package openid_test

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/ginauth/ginauth/internal/openid"
)

// returned counts the bodies of answers that are still open.
type returned struct{ open atomic.Int32 }

type countedBody struct {
	io.ReadCloser
	closed func()
}

func (b countedBody) Close() error { b.closed(); return b.ReadCloser.Close() }

func (r *returned) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := http.DefaultTransport.RoundTrip(req)
	if err == nil {
		r.open.Add(1)
		var once atomic.Bool
		res.Body = countedBody{res.Body, func() {
			if once.CompareAndSwap(false, true) {
				r.open.Add(-1)
			}
		}}
	}
	return res, err
}

// Each answer of an issuer is closed, whatever is in it: what is not, keeps a connection.
func TestAnswersAreClosed(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]string{"found": "/document", "refused": "/refused", "no JSON": "/text"} {
		i := newIssuer(t)
		i.handle("/refused", func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, strings.Repeat("x", 9000), http.StatusTeapot)
		})
		i.handle("/text", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat("x", 9000)) })
		i.handle("/document", func(w http.ResponseWriter, req *http.Request) {
			http.Redirect(w, req, "/.well-known/openid-configuration", http.StatusFound)
		})
		r := &returned{}
		ctx := oidc.ClientContext(t.Context(), &http.Client{Transport: r})
		c := &openid.Client{Issuer: i.URL, ClientID: clientID, DiscoveryURL: i.URL + path}
		_, err := c.Discover(ctx)
		if (err == nil) != (name == "found") {
			t.Errorf("%s: %v", name, err)
		}
		if name == "found" {
			if _, err := c.UserInfo(ctx, "token", "nobody"); err == nil {
				t.Error("another's userinfo is taken")
			}
		}
		if name == "found" { // the key set is read twice, for the issuers of its keys too
			family := i.family(t, "https://id.example/{tenant}")
			if _, err := family.Verify(ctx, i.sign(t, i.claims(map[string]any{"iss": "https://id.example/a", "tenant": "a"})), nonce, accessToken); err != nil {
				t.Error(err)
			}
		}
		if n := r.open.Load(); n != 0 {
			t.Errorf("%s: %d answers are open", name, n)
		}
	}
}

// A discovery document's address that is none, and one that does not answer, are errors.
func TestDocument_Unreachable(t *testing.T) {
	t.Parallel()
	for address, why := range map[string]string{"http://a b/": "in host name", "http://127.0.0.1:1/document": "dial tcp"} {
		c := &openid.Client{Issuer: "https://id.example", ClientID: clientID, DiscoveryURL: address}
		if m, err := c.Discover(context.Background()); err == nil || m != nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v, %v", address, m, err)
		}
	}
}

// The document at another address must be that of the issuer, and what the developer set
// takes the place of each of its endpoints alone.
func TestDocument_Overrides(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	i.handle("/document", func(w http.ResponseWriter, req *http.Request) {
		http.Redirect(w, req, "/.well-known/openid-configuration", http.StatusFound)
	})
	other := &openid.Client{Issuer: i.URL + "/", ClientID: clientID, DiscoveryURL: i.URL + "/document"}
	if _, err := other.Discover(t.Context()); err == nil || !strings.Contains(err.Error(), "write that one") {
		t.Errorf("a document of another issuer: %v", err)
	}
	const instead = "https://elsewhere.example/x"
	for field, change := range map[string]func(c *openid.Client){
		"authorization": func(c *openid.Client) { c.AuthURL = instead },
		"token":         func(c *openid.Client) { c.TokenURL = instead },
		"userinfo":      func(c *openid.Client) { c.UserInfoURL = instead },
	} {
		c := i.client()
		change(c)
		m, err := c.Discover(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := map[string][2]string{
			"authorization": {m.Endpoint.AuthURL, m.Provider.Endpoint().AuthURL},
			"token":         {m.Endpoint.TokenURL, m.Provider.Endpoint().TokenURL},
			"userinfo":      {m.UserInfoEndpoint, m.Provider.UserInfoEndpoint()},
		}
		for name, urls := range got {
			if (urls[0] == instead) != (name == field) || urls[0] != urls[1] {
				t.Errorf("%s is set, and %s is %q", field, name, urls)
			}
		}
	}
}

// Every asymmetric algorithm of RFC 7518 §3.1 and RFC 8037 that an issuer announces is
// accepted, and no other.
func TestDocument_Algorithms(t *testing.T) {
	t.Parallel()
	known := []string{"RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "EdDSA"}
	i := newIssuer(t)
	i.metadata["id_token_signing_alg_values_supported"] = append([]string{"HS256", "none", "HS512"}, known...)
	m, err := i.client().Discover(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got, want := slices.Sorted(slices.Values(m.Algorithms)), slices.Sorted(slices.Values(known))
	if !slices.Equal(got, want) {
		t.Errorf("accepted are %v", got)
	}
}

// A claim that encoding/json would take for a checked one is refused beside it.
func TestVerify_ClaimsOfOtherCase(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	c := i.client()
	for _, name := range []string{"iss", "sub", "aud", "exp", "iat", "nbf", "nonce", "azp", "at_hash"} {
		beside := strings.ToUpper(name[:1]) + name[1:]
		value := i.claims(map[string]any{"nbf": 1, "azp": clientID})[name]
		_, err := c.Verify(t.Context(), i.sign(t, i.claims(map[string]any{beside: value})), nonce, accessToken)
		if err == nil || !strings.Contains(err.Error(), "beside "+name) {
			t.Errorf("%s: %v", beside, err)
		}
	}
}

// An issuer that is no URL is refused, though its document names it in the same way.
func TestDocument_IssuerNoURL(t *testing.T) {
	t.Parallel()
	const issuer = "https://id.example/%zz"
	i := newIssuer(t)
	i.metadata["issuer"] = issuer
	c := &openid.Client{Issuer: issuer, ClientID: clientID, DiscoveryURL: i.URL + "/.well-known/openid-configuration"}
	if m, err := c.Discover(t.Context()); err == nil || !strings.Contains(err.Error(), "invalid URL escape") {
		t.Errorf("%v, %v", m, err)
	}
}
