package oauth_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/internal/fetch"
	flow "github.com/ginauth/ginauth/internal/oauth"
)

// echo answers with all that the request brought, which no error may repeat.
func echo(status int, contentType, before, after string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, password, _ := r.BasicAuth()
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, before+string(body)+" "+r.URL.RawQuery+" "+r.Header.Get("Authorization")+" "+password+after)
	})
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	const (
		token = ginauthtest.Token
		user  = ginauthtest.Userinfo
		json  = "application/json"
	)
	tests := []struct {
		name     string
		endpoint ginauthtest.Endpoint
		handler  http.Handler
		want     string
		is       error
	}{
		{"token: refused", token, echo(400, json, `{"error":"invalid_grant","error_description":"`, `"}`), "answered 400 invalid_grant", flow.ErrGrant},
		{"token: refused with 200", token, ginauthtest.Answer(200, json, `{"error":"invalid_grant"}`), "invalid_grant", flow.ErrGrant},
		{"token: unauthorized", token, echo(401, json, `{"message":"`, `"}`), "answered 401", nil},
		{"token: page", token, echo(500, "text/html", "<html>", "</html>"), "answered 500", nil},
		{"token: broken", token, echo(200, json, `{"access_token":"`, ""), "token request", nil},
		{"token: empty", token, ginauthtest.Answer(200, json, `{}`), "token request", nil},
		{"token: huge", token, ginauthtest.Huge(2 * fetch.MaxBody), "token request", nil},
		{"token: elsewhere", token, ginauthtest.RedirectTo("https://evil.example/", 307), "another origin", nil},
		{"profile: forbidden", user, echo(403, json, `{"error":"`, `"}`), "answered 403", nil},
		{"profile: created", user, echo(201, json, `{"id":"`, `"}`), "answered 201", nil},
		{"profile: page", user, echo(200, "text/html", "<html>", "</html>"), "not a JSON object", nil},
		{"profile: text", user, echo(200, json, "", ""), "not a JSON object", nil},
		{"profile: list", user, echo(200, json, `["`, `"]`), "not a JSON object", nil},
		{"profile: two objects", user, ginauthtest.Answer(200, json, `{"id":"1","data":{"id":"1"}}{}`), "not a JSON object", nil},
		{"profile: null", user, ginauthtest.Answer(200, json, `null`), "no subject", flow.ErrSubject},
		{"profile: error with 200", user, ginauthtest.Answer(200, json, `{"error":"token not found","error_code":3}`), "no subject", flow.ErrSubject},
		{"profile: numbers", user, ginauthtest.Answer(200, json, `{"id":7,"data":{"id":7}}`), "no subject", flow.ErrSubject},
		{"profile: other types", user, ginauthtest.Answer(200, json, `{"id":{},"data":[],"response":"x"}`), "no subject", flow.ErrSubject},
		{"profile: huge", user, ginauthtest.Huge(2 * fetch.MaxBody), "larger than 1 MiB", fetch.ErrTooLarge},
		{"profile: elsewhere", user, ginauthtest.RedirectTo("https://evil.example/", 302), "another origin", nil},
	}
	for _, s := range services {
		h := s.start(t)
		p := h.provider()
		for _, tt := range tests {
			t.Run(s.id+"/"+tt.name, func(t *testing.T) {
				code, verifier := h.code(t, p, people[0].Subject)
				before := len(h.idp.TokenRequests())
				h.idp.Break(tt.endpoint, tt.handler)
				defer h.idp.Break(tt.endpoint, nil)
				got, tok, err := p.ExchangeCode(h.context(t), redirectURL, code, "", oauth2.VerifierOption(verifier))
				if err == nil || !strings.Contains(err.Error(), tt.want) || tt.is != nil && !errors.Is(err, tt.is) {
					t.Fatalf("got %v, want %q", err, tt.want)
				}
				if got.UserID != "" || got.RawData != nil || tok != nil {
					t.Errorf("an error and %+v, %v", got, tok)
				}
				secrets := []string{code, verifier, h.idp.ClientSecret()}
				for _, req := range h.requests() {
					_, bearer, _ := strings.Cut(req.Header.Get("Authorization"), " ")
					secrets = append(secrets, bearer, req.URL.Query().Get("access_token"))
				}
				for _, secret := range secrets {
					if secret != "" && (strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), url.QueryEscape(secret))) {
						t.Errorf("%q repeats %q", err, secret)
					}
				}
				if n := len(h.idp.TokenRequests()) - before; n > 1 {
					t.Errorf("the code was sent %d times", n)
				}
			})
		}
	}
}

// The caller's deadline ends every wait, for the header and for the body.
func TestDeadline(t *testing.T) {
	t.Parallel()
	for _, s := range services {
		for name, handler := range map[string]http.Handler{"silent": ginauthtest.Silent(), "dripping": ginauthtest.Drip(time.Millisecond)} {
			for _, endpoint := range []ginauthtest.Endpoint{ginauthtest.Token, ginauthtest.Userinfo} {
				t.Run(s.id+"/"+name+string(endpoint), func(t *testing.T) {
					t.Parallel()
					h := s.start(t)
					p := h.provider()
					code, verifier := h.code(t, p, people[0].Subject)
					h.idp.Break(endpoint, handler)
					ctx, cancel := context.WithTimeout(h.context(t), 150*time.Millisecond)
					defer cancel()
					start := time.Now()
					_, _, err := p.ExchangeCode(ctx, redirectURL, code, "", oauth2.VerifierOption(verifier))
					if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 5*time.Second {
						t.Errorf("got %v after %v", err, time.Since(start))
					}
				})
			}
		}
	}
}

func TestExchangeNeeds(t *testing.T) {
	t.Parallel()
	for _, s := range services {
		h := s.start(t)
		p := h.provider()
		for _, missing := range [][2]string{{"", "code"}, {redirectURL, ""}} {
			if _, _, err := p.ExchangeCode(h.context(t), missing[0], missing[1], ""); err == nil {
				t.Errorf("%s: %q was exchanged", s.id, missing)
			}
		}
		if _, err := p.RefreshTokenContext(h.context(t), ""); err == nil {
			t.Errorf("%s: refreshed without a token", s.id)
		}
		if len(h.requests()) != 0 {
			t.Errorf("%s: sent %d requests", s.id, len(h.requests()))
		}
	}
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	for _, s := range services {
		t.Run(s.id, func(t *testing.T) {
			t.Parallel()
			h := s.start(t)
			p := h.provider()
			ctx := h.context(t)
			code, verifier := h.code(t, p, people[0].Subject)
			_, first, err := p.ExchangeCode(ctx, redirectURL, code, "", oauth2.VerifierOption(verifier))
			if err != nil {
				t.Fatal(err)
			}
			second, err := p.RefreshTokenContext(ctx, first.RefreshToken)
			if err != nil || second.AccessToken == first.AccessToken || second.RefreshToken == first.RefreshToken || second.RefreshToken == "" {
				t.Fatalf("got %v", err)
			}
			h.idp.TamperToken(func(answer map[string]any) { delete(answer, "refresh_token") })
			third, err := p.RefreshTokenContext(ctx, second.RefreshToken)
			if err != nil || third.RefreshToken != second.RefreshToken {
				t.Errorf("the old refresh token was not kept: %v", err)
			}
			_, err = p.RefreshTokenContext(ctx, first.RefreshToken) // used before
			if !errors.Is(err, flow.ErrGrant) || strings.Contains(err.Error(), first.RefreshToken) {
				t.Errorf("got %v", err)
			}
			for _, r := range h.idp.TokenRequests()[1:] {
				if r.Form.Get("grant_type") != "refresh_token" || (r.BasicPassword != "") != s.basic {
					t.Errorf("refresh request %v", r.Form)
				}
			}
			h.idp.Break(ginauthtest.Token, ginauthtest.Silent())
			ctx, cancel := context.WithTimeout(ctx, 150*time.Millisecond)
			defer cancel()
			if _, err := p.RefreshTokenContext(ctx, third.RefreshToken); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("a silent service: %v", err)
			}
		})
	}
}

// FuzzProfile reads any profile. A user that comes out has a subject that stands in
// it as text, and an address is verified only by X.
func FuzzProfile(f *testing.F) {
	f.Add(`{"id":"1","data":{"id":"1","confirmed_email":"a@x"},"response":{"user":{"blogs":[{"uuid":"t:1","primary":true}]}}}`)
	f.Add(`{"id":1,"data":[],"response":{"user":{"blogs":{"primary":true}}},"email":"a@x","email_verified":true}`)
	f.Add(`{"data":{"data":{}},"response":{"user":{"blogs":[null,[],{"primary":true,"uuid":{}}]}}}`)
	f.Add(`{"id":"1","email_verified":true}`)
	f.Add(`null`)
	f.Fuzz(func(t *testing.T, body string) {
		for _, s := range services {
			ctx := context.WithValue(t.Context(), oauth2.HTTPClient, &http.Client{Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
				answer := []byte(`{"access_token":"at","token_type":"bearer"}`)
				if req.URL.Host+req.URL.Path == s.profile {
					answer = []byte(body)
				}
				return &http.Response{
					StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
					Body: io.NopCloser(bytes.NewReader(answer)), Request: req,
				}, nil
			})})
			user, _, err := s.new("c", "s").ExchangeCode(ctx, redirectURL, "code", "")
			if (err == nil) != (user.UserID != "") {
				t.Fatalf("%s: %+v, %v", s.id, user, err)
			}
			if user.RawData["email_verified"] == true && (s.id != "twitter" || user.Email == "") {
				t.Fatalf("%s vouches for %q", s.id, user.Email)
			}
		}
	})
}
