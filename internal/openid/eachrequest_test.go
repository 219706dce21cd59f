package openid_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/ginauth/ginauth/internal/openid"
)

var errCut = errors.New("connection was cut")

type cutReader struct{}

func (cutReader) Read([]byte) (int, error) { return 0, errCut }

// cutting lets one of the requests fail, in one of the ways in which requests do.
type cutting struct {
	how string

	mu    sync.Mutex
	fails int // which request, from 0; a negative one never
	paths []string
}

func (c *cutting) RoundTrip(req *http.Request) (*http.Response, error) {
	c.mu.Lock()
	c.paths = append(c.paths, req.URL.Path)
	cut := len(c.paths)-1 == c.fails
	c.mu.Unlock()
	if !cut {
		return http.DefaultTransport.RoundTrip(req)
	}
	if c.how == "no answer" {
		return nil, errCut
	}
	status, body := http.StatusOK, io.Reader(strings.NewReader("[]"))
	switch c.how {
	case "an answer that breaks off":
		body = io.MultiReader(strings.NewReader(`{"keys":[`), cutReader{})
	case "a fault of the server":
		status, body = http.StatusInternalServerError, strings.NewReader(`{"keys":[]}`)
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(body), Request: req,
	}, nil
}

// Of all that a client asks an issuer, each request fails once: then nothing is verified.
// That is no fault of an access token, which may be good.
func TestFault_EachRequest(t *testing.T) {
	t.Parallel()
	logout := map[string]any{"nonce": nil, "jti": "j", "events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}}
	with := func(i *issuer, change map[string]any) map[string]any {
		claims := i.claims(change)
		if i.metadata["issuer"] != i.URL {
			claims["iss"], claims["tenant"] = "https://id.example/a", "a"
		}
		return claims
	}
	verifications := map[string]func(ctx context.Context, t *testing.T, i *issuer, c *openid.Client) error{
		"an id_token": func(ctx context.Context, t *testing.T, i *issuer, c *openid.Client) error {
			token, err := c.Verify(ctx, i.sign(t, with(i, nil)), nonce, accessToken)
			if (token == nil) != (err != nil) {
				t.Errorf("%v, %v", token, err)
			}
			return err
		},
		"a logout token": func(ctx context.Context, t *testing.T, i *issuer, c *openid.Client) error {
			token, err := c.VerifyLogout(ctx, i.sign(t, with(i, logout)))
			if (token == nil) != (err != nil) {
				t.Errorf("%v, %v", token, err)
			}
			return err
		},
		"userinfo": func(ctx context.Context, t *testing.T, i *issuer, c *openid.Client) error {
			claims, err := c.UserInfo(ctx, accessToken, "alice")
			if (claims == nil) != (err != nil) {
				t.Errorf("%v, %v", claims, err)
			}
			return err
		},
		"signed userinfo": func(ctx context.Context, t *testing.T, i *issuer, c *openid.Client) error {
			i.answerJWT("application/jwt", i.sign(t, with(i, nil)))
			claims, err := c.UserInfo(ctx, accessToken, "alice")
			if (claims == nil) != (err != nil) {
				t.Errorf("%v, %v", claims, err)
			}
			return err
		},
		"an access token": func(ctx context.Context, t *testing.T, i *issuer, c *openid.Client) error {
			if c.Family != nil {
				return nil
			}
			token, err := c.VerifyAccess(ctx, i.signTyped(t, "at+jwt", with(i, nil)), false)
			if (token == nil) != (err != nil) || errors.Is(err, openid.ErrAccessToken) {
				t.Errorf("%v, %v", token, err)
			}
			return err
		},
	}
	for name, verify := range verifications {
		for _, how := range []string{"no answer", "a fault of the server", "an answer that breaks off", "an answer of another kind"} {
			for _, family := range []bool{false, true} {
				for n, all := -1, 0; n < all; n++ {
					i := newIssuer(t)
					c := i.client()
					if family {
						c = i.family(t, "https://id.example/{tenant}")
					}
					cut := &cutting{how: how, fails: n}
					err := verify(oidc.ClientContext(t.Context(), &http.Client{Transport: cut}), t, i, c)
					switch {
					case n < 0 && err != nil:
						t.Fatalf("%s: %v", name, err)
					case n < 0:
						all = len(cut.paths)
					case err == nil:
						t.Errorf("%s: request %d of %v fails: %s, and all is well", name, n, cut.paths, how)
					case how == "an answer that breaks off" && !errors.Is(err, errCut) && !strings.Contains(err.Error(), errCut.Error()):
						t.Errorf("%s: request %d of %v breaks off, and the error is %v", name, n, cut.paths, err)
					case how == "no answer" && !strings.Contains(err.Error(), errCut.Error()):
						t.Errorf("%s: request %d of %v fails, and the error is %v", name, n, cut.paths, err)
					}
				}
			}
		}
	}
}

// Without a userinfo endpoint, and with one that is no URL, there are no claims.
func TestUserInfo_NoEndpoint(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	delete(i.metadata, "userinfo_endpoint")
	if claims, err := i.client().UserInfo(t.Context(), accessToken, "alice"); claims != nil || err == nil || !strings.Contains(err.Error(), "no userinfo endpoint") {
		t.Errorf("%v, %v", claims, err)
	}
}

// What an access token is refused for (RFC 9068 §4), and what is read of one.
func TestVerifyAccess(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	plain := map[string]any{"nonce": nil, "at_hash": nil}
	but := func(change map[string]any) map[string]any {
		all := map[string]any{"nonce": nil, "at_hash": nil}
		for name, value := range change {
			all[name] = value
		}
		return all
	}
	for _, row := range []struct {
		name, typ string
		allowJWT  bool
		change    map[string]any
		refused   string
	}{
		{"by its short name", "at+jwt", false, plain, ""},
		{"by its name", "application/at+jwt", false, plain, ""},
		{"in capitals", "AT+JWT", false, plain, ""},
		{"a JWT", "JWT", true, plain, ""},
		{"without a type", "", true, plain, ""},
		{"a JWT that is not allowed", "JWT", false, plain, "not at+jwt"},
		{"no type, which is not allowed", "", false, plain, "not at+jwt"},
		{"a logout token", "logout+jwt", true, plain, `its typ is "logout+jwt"`},
		{"of nobody", "at+jwt", false, but(map[string]any{"sub": ""}), "no sub"},
		{"another issuer's", "at+jwt", false, but(map[string]any{"iss": "https://evil.example"}), "different provider"},
		{"another audience's", "at+jwt", false, but(map[string]any{"aud": "other"}), "audience"},
		{"Sub beside sub", "at+jwt", false, but(map[string]any{"Sub": "eve"}), "beside sub"},
		{"with a nonce, and its type", "at+jwt", false, but(map[string]any{"nonce": "n"}), ""},
		{"with a nonce", "JWT", true, but(map[string]any{"nonce": "n"}), "the claim nonce"},
		{"with at_hash", "JWT", true, but(map[string]any{"at_hash": "h"}), "the claim at_hash"},
		{"with c_hash", "JWT", true, but(map[string]any{"c_hash": "h"}), "the claim c_hash"},
		{"with s_hash", "JWT", true, but(map[string]any{"s_hash": "h"}), "the claim s_hash"},
		{"with events", "JWT", true, but(map[string]any{"events": map[string]any{}}), "the claim events"},
		{"of the client itself, azp", "JWT", true, but(map[string]any{"azp": clientID}), "the client itself (azp)"},
		{"of the client itself, client_id", "JWT", true, but(map[string]any{"client_id": clientID}), "the client itself (client_id)"},
		{"of the client itself, cid", "JWT", true, but(map[string]any{"cid": clientID}), "the client itself (cid)"},
		{"of the client itself, appid", "JWT", true, but(map[string]any{"appid": clientID}), "the client itself (appid)"},
		{"of another client", "JWT", true, but(map[string]any{"azp": "other", "client_id": "other"}), ""},
		{"of the client itself, and its type", "at+jwt", true, but(map[string]any{"client_id": clientID}), ""},
	} {
		token, err := i.client().VerifyAccess(t.Context(), i.signTyped(t, row.typ, i.claims(row.change)), row.allowJWT)
		if row.refused == "" {
			if err != nil || token.Issuer != i.URL || token.Subject != "alice" || token.Claims["sub"] != "alice" || token.Expires.IsZero() {
				t.Errorf("%s: %+v, %v", row.name, token, err)
			}
			continue
		}
		if token != nil || !errors.Is(err, openid.ErrAccessToken) || !strings.Contains(err.Error(), row.refused) {
			t.Errorf("%s: %+v, %v, want %q", row.name, token, err, row.refused)
		}
	}
	for raw, want := range map[string]string{
		"": "not a JWT", "!.e30.x": "not a JWT", "W10.e30.x": "not a JWT", "eyJ0eXAiOjF9.e30.x": "not a text", "e30": "not at+jwt",
	} {
		if token, err := i.client().VerifyAccess(t.Context(), raw, false); token != nil || !errors.Is(err, openid.ErrAccessToken) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, %v", raw, token, err)
		}
	}
	for _, row := range []struct {
		change map[string]any
		want   []string
	}{
		{map[string]any{"scope": "read  write", "scp": "x"}, []string{"read", "write"}},
		{map[string]any{"scp": []string{"read", "write"}}, []string{"read", "write"}},
		{map[string]any{"scopes": []string{"read"}}, []string{"read"}},
		{map[string]any{"scope": 7, "scp": []any{"read", 7}, "scopes": "write"}, []string{"write"}},
		{map[string]any{"scope": ""}, nil},
		{nil, nil},
	} {
		token, err := i.client().VerifyAccess(t.Context(), i.signTyped(t, "at+jwt", i.claims(row.change)), false)
		if err != nil || !slices.Equal(token.Scopes, row.want) {
			t.Errorf("%v: %+v, %v", row.change, token, err)
		}
	}
}

// An access token of Google's, which has two names that go-oidc takes for one.
func TestVerifyAccess_ExactIssuer(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	i.mu.Lock()
	for name, value := range i.metadata {
		if text, ok := value.(string); ok {
			i.metadata[name] = strings.Replace(text, i.URL, "https://accounts.google.com", 1)
		}
	}
	i.mu.Unlock()
	ctx := oidc.ClientContext(t.Context(), &http.Client{Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
		here := req.Clone(req.Context())
		here.URL.Scheme, here.URL.Host = "http", i.Listener.Addr().String()
		return http.DefaultTransport.RoundTrip(here)
	})})
	c := &openid.Client{Issuer: "https://accounts.google.com", ClientID: clientID}
	for iss, ok := range map[string]bool{"https://accounts.google.com": true, "accounts.google.com": false} {
		token, err := c.VerifyAccess(ctx, i.signTyped(t, "at+jwt", i.claims(map[string]any{"iss": iss})), false)
		if (err == nil) != ok || !ok && (token != nil || !strings.Contains(err.Error(), "another issuer's")) {
			t.Errorf("%s: %+v, %v", iss, token, err)
		}
	}
}
