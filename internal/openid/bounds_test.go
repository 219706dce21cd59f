package openid_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/ginauth/ginauth/internal/openid"
	"github.com/ginauth/ginauth/internal/redact"
)

// Each endpoint of a discovery document is an absolute URL on http or https, on https if
// the issuer is, and names no user and no fragment (RFC 6749 §3.1).
func TestDocument_Endpoints(t *testing.T) {
	t.Parallel()
	for _, endpoint := range []string{"authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint", "end_session_endpoint"} {
		for value, refused := range map[string]string{
			"https://other.example/x?y": "", "http://other.example/x": "", "https://other.example": "",
			"//other.example/x": "not an absolute http(s) URL", "https:///x": "not an absolute http(s) URL", "https://:443/x": "not an absolute http(s) URL",
			"ftp://other.example/x": "not an absolute http(s) URL", "/x": "not an absolute http(s) URL", "https:x": "not an absolute http(s) URL",
			"https://other.example/%zz": "is not a URL", "https://u@other.example/x": "carries credentials", "https://other.example/x#y": "has a fragment",
		} {
			i := newIssuer(t)
			i.metadata[endpoint] = value
			_, err := i.client().Discover(t.Context())
			if (err == nil) != (refused == "") || err != nil && (!strings.Contains(err.Error(), refused) || !strings.Contains(err.Error(), endpoint+" ")) {
				t.Errorf("%s %s: %v, want %q", endpoint, value, err, refused)
			}
		}
		secure := `{"issuer":"https://id.example","authorization_endpoint":"https://id.example/a","token_endpoint":"https://id.example/t","jwks_uri":"https://id.example/k","` + endpoint + `":"http://id.example/x"}`
		c := &openid.Client{Issuer: "https://id.example", ClientID: clientID}
		if _, err := c.Discover(answering(t.Context(), http.StatusOK, secure)); err == nil || !strings.Contains(err.Error(), endpoint+" leaves https") {
			t.Errorf("%s in the clear: %v", endpoint, err)
		}
	}
}

// Nothing advertised means RS256 (OpenID Connect Core §15.1), and RS256 alone.
func TestDocument_NoAlgorithms(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	delete(i.metadata, "id_token_signing_alg_values_supported")
	c := i.client()
	m, err := c.Discover(t.Context())
	if err != nil || !slices.Equal(m.Algorithms, []string{"RS256"}) {
		t.Errorf("accepted are %+v, %v", m, err)
	}
	if _, err := c.Verify(t.Context(), i.sign(t, i.claims(nil)), nonce, accessToken); err == nil || !strings.Contains(err.Error(), "is signed with ES256, expected one of RS256") {
		t.Errorf("a token by ES256: %v", err)
	}
}

// A client that has the metadata needs nobody's time for it.
func TestDiscover_Kept(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	c := i.client()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if m, err := c.Discover(ended); m != nil || !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "openid: discovery of "+i.URL) {
		t.Errorf("before there is any: %v, %v", m, err)
	}
	want, err := c.Discover(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if m, err := c.Discover(ended); m != want || err != nil {
			t.Fatalf("kept: %v, %v", m, err)
		}
	}
}

// An issuer that is silent is given up a second before the callers' own ten are over,
// by discovery and by a fetch of keys.
func TestSilence(t *testing.T) {
	t.Parallel()
	document := `{"issuer":"https://id.example","authorization_endpoint":"https://id.example/a","token_endpoint":"https://id.example/t","jwks_uri":"https://id.example/keys"}`
	for _, silent := range []string{"openid-configuration", "keys"} {
		for own, want := range map[time.Duration]time.Duration{0: 9 * time.Second, 20 * time.Second: 9 * time.Second, 3 * time.Second: 3 * time.Second} {
			synctest.Test(t, func(t *testing.T) {
				ctx := oidc.ClientContext(t.Context(), &http.Client{Timeout: own, Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
					if strings.HasSuffix(req.URL.Path, silent) {
						<-req.Context().Done()
						return nil, req.Context().Err()
					}
					return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(document)), Request: req}, nil
				})})
				c := &openid.Client{Issuer: "https://id.example", ClientID: clientID}
				begun := time.Now()
				_, err := c.Verify(ctx, unsigned(`{"alg":"RS256","kid":"a"}`, `{"iss":"https://id.example","aud":"client","exp":4102444800}`), nonce, "")
				if took := time.Since(begun); err == nil || took != want {
					t.Errorf("%s with a timeout of %v: %v after %v", silent, own, err, took)
				}
			})
		}
	}
}

// unsigned is a token with any header and claims, and a signature that is none.
func unsigned(header, claims string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(header)) + "." + encode([]byte(claims)) + "." + encode(make([]byte, 256))
}

// A token is accepted up to the second that the rules say, and not in the next.
func TestVerify_Bounds(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	i := newIssuer(t)
	c := i.client()
	c.Now = func() time.Time { return now }
	at := func(d time.Duration) int64 { return now.Add(d).Unix() }
	event := map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}
	for _, row := range []struct {
		kind    string
		claims  map[string]any
		refused string
	}{
		{"id_token", map[string]any{"iat": at(5 * time.Minute)}, ""},
		{"id_token", map[string]any{"iat": at(5*time.Minute + time.Second)}, "the id_token's iat lies in the future: it is 2027-01-15T08:05:01Z, and it is 2027-01-15T08:00:00Z here"},
		{"handed over", map[string]any{"iat": at(-5 * time.Minute)}, ""},
		{"handed over", map[string]any{"iat": at(-5*time.Minute - time.Second)}, "was issued 5m1s ago, and is accepted for 5m0s: its iat is 2027-01-15T07:54:59Z"},
		{"handed over", map[string]any{"iat": at(5 * time.Minute)}, ""},
		{"handed over", map[string]any{"iat": at(5*time.Minute + time.Second)}, "the id_token's iat lies in the future"},
		{"logout_token", map[string]any{"iat": at(5 * time.Minute)}, ""},
		{"logout_token", map[string]any{"iat": at(5*time.Minute + time.Second)}, "the logout_token's iat lies in the future"},
		{"logout_token", map[string]any{"iat": at(-time.Hour)}, ""},
		{"logout_token", map[string]any{"iat": at(-time.Hour - time.Second)}, "the logout_token is older than an hour: its iat is 2027-01-15T06:59:59Z"},
	} {
		claims := i.claims(map[string]any{"exp": at(time.Hour)})
		if row.kind == "logout_token" {
			delete(claims, "nonce")
			claims["jti"], claims["events"] = "j", event
		}
		for name, value := range row.claims {
			claims[name] = value
		}
		raw := i.sign(t, claims)
		var err error
		switch row.kind {
		case "id_token":
			_, err = c.Verify(t.Context(), raw, nonce, accessToken)
		case "handed over":
			_, err = c.VerifyHanded(t.Context(), raw, nonce, accessToken, openid.Parties{})
		default:
			_, err = c.VerifyLogout(t.Context(), raw)
		}
		if (err == nil) != (row.refused == "") || err != nil && !strings.Contains(err.Error(), row.refused) {
			t.Errorf("%s, %v: %v, want %q", row.kind, row.claims, err, row.refused)
		}
	}
}

// What a refused token says of itself, beside what was expected: the first that differs.
func TestExplain(t *testing.T) {
	t.Parallel()
	now := time.Now()
	good := func(more string) string { return `{"iss":"https://id.example","aud":"client"` + more + `}` }
	nbf := func(d time.Duration) string { return fmt.Sprintf(`,"nbf":%d`, now.Add(d).Unix()) }
	refused := errors.New("refused")
	// A signature says nothing, whatever it decodes to.
	head, _, _ := strings.Cut(unsigned(`{"alg":"RS256"}`, `{"iss":"https://evil.example"}`), "..")
	head = head[:strings.LastIndexByte(head, '.')+1] + base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"https://id.example"}`))
	if err := openid.Explain(head, refused); !strings.Contains(err.Error(), "its iss is https://evil.example") {
		t.Errorf("a signature that is JSON: %v", err)
	}
	for _, row := range []struct {
		header, claims string
		err            error
		want           string
	}{
		{`{"alg":"HS256"}`, good(""), refused, "is signed with HS256, expected one of RS256, RS384, RS512, PS256"},
		{`{}`, `{"iss":"https://evil.example"}`, refused, "its iss is https://evil.example, expected https://id.example"},
		{`{"alg":"RS256"}`, `{"iss":"https://id.example","aud":[]}`, refused, "its aud is [], expected audience client"},
		{`{"alg":"RS256"}`, `{"iss":"https://id.example","aud":["a","client"]}`, refused, "refused"},
		{`{"alg":"RS256"}`, `{"iss":"https://id.example"}`, refused, "its aud is [], expected"},
		{`{"alg":"RS256"}`, good(nbf(6 * time.Minute)), refused, "its nbf is " + now.Add(6*time.Minute).UTC().Format(time.RFC3339)},
		{`{"alg":"RS256"}`, good(nbf(4 * time.Minute)), refused, "refused"},
		{`{"alg":"RS256"}`, good(`,"nbf":1e300`), refused, "its nbf is 36812-02-20T00:36:16Z, and it is "},
		{`{"alg":"RS256"}`, good(""), &oidc.TokenExpiredError{Expiry: time.Unix(1, 0)}, "its exp is 1970-01-01T00:00:01Z, and it is "},
		{`{"alg":"RS256"}`, good(""), &oidc.TokenExpiredError{Expiry: time.Unix(0, 0)}, "its exp is missing, and it is "},
		{`{"alg":"RS256"}`, good(""), errors.New("failed to verify signature"), "failed to verify signature"},
	} {
		err := openid.Explain(unsigned(row.header, row.claims), row.err)
		if !errors.Is(err, row.err) || !strings.Contains(redact.Error(err).Error(), row.want) {
			t.Errorf("%s %s: %v, want %q", row.header, row.claims, err, row.want)
		}
		if row.want == row.err.Error() && err != row.err {
			t.Errorf("%s %s: %v, and nothing tells why", row.header, row.claims, err)
		}
	}
}

// A nonce is read of three parts, in its own spelling, where it is a text.
func TestHandedNonce(t *testing.T) {
	t.Parallel()
	payload := func(claims string) string { return base64.RawURLEncoding.EncodeToString([]byte(claims)) }
	for raw, want := range map[string]string{
		"e30." + payload(`{"nonce":"a"}`) + ".x":             "a",
		"e30." + payload(`{"nonce":"a","Nonce":"b"}`) + ".x": "a",
		"e30." + payload(`{"Nonce":"b"}`) + ".x":             "",
		"e30." + payload(`{"nonce":1}`) + ".x":               "",
		"e30." + payload(`{"nonce":["a"]}`) + ".x":           "",
		"e30." + payload(`{}`) + ".x":                        "",
		"e30." + payload(`["nonce"]`) + ".x":                 "",
		"e30." + payload(`{"nonce":"a"`) + ".x":              "",
		"e30." + payload(`{"nonce":"a"}`) + "=.x":            "",
		"e30." + payload(`{"nonce":"abc"}`) + ".x":           "abc",
		"e30." + payload(`{"nonce":"abc"}`) + "!.x":          "",
		"e30." + payload(`{"nonce":"a"}`):                    "",
		"e30." + payload(`{"nonce":"a"}`) + ".x.y":           "",
		payload(`{"nonce":"a"}`) + ".e30.x":                  "",
		"":                                                   "",
	} {
		if got := openid.HandedNonce(raw); got != want {
			t.Errorf("%s: %q, want %q", raw, got, want)
		}
	}
}

// Bearer in any case, and nothing else (RFC 6749 §5.1, §7.1).
func TestCheckTokenType(t *testing.T) {
	t.Parallel()
	for tokenType, ok := range map[string]bool{"Bearer": true, "bearer": true, "BEARER": true, "": false, "DPoP": false, "Bearer ": false, "mac": false, "Bea\u0280er": false} {
		if err := openid.CheckTokenType(tokenType); (err == nil) != ok || err != nil && !strings.Contains(err.Error(), "and not Bearer") {
			t.Errorf("%q: %v", tokenType, err)
		}
	}
}

// A token for several audiences without azp is another's, unless the client says that it
// takes those; one with an azp is its client's in any case.
func TestAudiencesWithoutParty(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	for _, row := range []struct {
		option bool
		change map[string]any
		ok     bool
	}{
		{false, map[string]any{"aud": []string{clientID, "api"}}, false},
		{true, map[string]any{"aud": []string{clientID, "api"}}, true},
		{true, map[string]any{"aud": []string{clientID, "api"}, "azp": "api"}, false},
		{true, map[string]any{"aud": []string{"api", "other"}}, false},
		{true, nil, true},
	} {
		c := i.client()
		c.AudiencesWithoutParty = row.option
		if _, err := c.Verify(t.Context(), i.sign(t, i.claims(row.change)), nonce, accessToken); (err == nil) != row.ok {
			t.Errorf("%v, %v: %v", row.option, row.change, err)
		}
	}
}

// A token that is handed over is held to its family, and needs a document.
func TestVerifyHanded_Family(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	c := i.family(t, "https://id.example/{tenant}")
	for tenant, refused := range map[string]string{"a": "", "b": "the tenant is another"} {
		raw := i.sign(t, i.claims(map[string]any{"iss": "https://id.example/a", "tenant": tenant}))
		token, err := c.VerifyHanded(t.Context(), raw, nonce, "", openid.Parties{})
		if (err == nil) != (refused == "") || (token == nil) != (err != nil) || err != nil && !strings.Contains(err.Error(), refused) {
			t.Errorf("%s: %v, %v", tenant, token, err)
		}
	}
	down := &openid.Client{Issuer: "https://id.example", ClientID: clientID}
	token, err := down.VerifyHanded(answering(t.Context(), http.StatusBadGateway, ""), i.sign(t, i.claims(nil)), nonce, "", openid.Parties{})
	if token != nil || err == nil || !strings.Contains(err.Error(), "answered 502") {
		t.Errorf("without a document: %v, %v", token, err)
	}
}

// Of an access token that fails it is told whether it is bad, or nobody could tell. Who
// sends tokens with unknown keys learns that they are bad, and costs one request a minute.
func TestVerifyAccess_Fault(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	c := i.client()
	good := i.signTyped(t, "at+jwt", i.claims(nil))
	if _, err := c.VerifyAccess(t.Context(), good, false); err != nil {
		t.Fatal(err)
	}
	forger := newIssuer(t)
	forger.URL = i.URL
	forged := forger.signTyped(t, "at+jwt", forger.claims(nil))
	for range 3 {
		if token, err := c.VerifyAccess(t.Context(), forged, false); token != nil || !errors.Is(err, openid.ErrAccessToken) || strings.Contains(err.Error(), "internal error") {
			t.Errorf("a forged one: %v, %v", token, err)
		}
	}
	if n := i.keyFetches.Load(); n > 2 {
		t.Errorf("the keys were fetched %d times", n)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if token, err := c.VerifyAccess(ended, good, false); err != nil || token.Subject != "alice" {
		t.Errorf("a good one, when the client has left: %v, %v", token, err)
	}
	expired := i.signTyped(t, "at+jwt", i.claims(map[string]any{"exp": 1}))
	if token, err := c.VerifyAccess(ended, expired, false); token != nil || errors.Is(err, openid.ErrAccessToken) || !errors.Is(err, context.Canceled) {
		t.Errorf("a bad one, when the client has left: %v, %v", token, err)
	}
	if token, err := c.VerifyAccess(t.Context(), expired, false); token != nil || !errors.Is(err, openid.ErrAccessToken) {
		t.Errorf("a bad one: %v, %v", token, err)
	}
}

// Keys that did not come make no good token a bad one, however often it is asked, and are
// asked for again soon.
func TestVerifyAccess_KeysDown(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(w http.ResponseWriter){
		"502":       func(w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) },
		"no answer": func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
	} {
		i := newIssuer(t)
		c := i.client()
		good := i.signTyped(t, "at+jwt", i.claims(nil))
		set, err := http.Get(i.URL + "/keys")
		if err != nil {
			t.Fatal(err)
		}
		keys, err := io.ReadAll(set.Body)
		if set.Body.Close(); err != nil {
			t.Fatal(err)
		}
		var down atomic.Bool
		var asked atomic.Int32
		down.Store(true)
		i.handle("/keys", func(w http.ResponseWriter, _ *http.Request) {
			if asked.Add(1); down.Load() {
				answer(w)
				return
			}
			_, _ = w.Write(keys)
		})
		for range 20 {
			if token, err := c.VerifyAccess(t.Context(), good, false); token != nil || err == nil || errors.Is(err, openid.ErrAccessToken) {
				t.Errorf("%s: %v, %v", name, token, err)
			}
		}
		if n := asked.Load(); n > 10 {
			t.Errorf("%s: the keys were asked for %d times", name, n)
		}
		down.Store(false)
		deadline := time.Now().Add(20 * time.Second)
		for {
			token, err := c.VerifyAccess(t.Context(), good, false)
			if err == nil && token.Subject == "alice" {
				break
			}
			if time.Now().After(deadline) || errors.Is(err, openid.ErrAccessToken) {
				t.Fatalf("%s, when the issuer is back: %v", name, err)
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
}

// Signed userinfo that is not for this client says so by its name.
func TestUserInfo_Named(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	i.answerJWT("application/jwt", i.sign(t, i.claims(map[string]any{"aud": "other"})))
	if _, err := i.client().UserInfo(t.Context(), accessToken, "alice"); err == nil || !strings.Contains(err.Error(), "the userinfo is for another client") {
		t.Errorf("%v", err)
	}
}
