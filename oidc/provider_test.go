package oidc_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	goidc "github.com/coreos/go-oidc/v3/oidc"
	"github.com/markbates/goth"
	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/oidc"
)

func TestValidate(t *testing.T) {
	t.Parallel()
	good := oidc.Config{Name: "n", Issuer: "https://id.example", ClientID: "c", ClientSecret: "s"}
	tests := []struct {
		name   string
		change func(*oidc.Config)
		faults []string
	}{
		{"good", func(*oidc.Config) {}, nil},
		{"public client", func(c *oidc.Config) { c.ClientSecret = "" }, nil},
		{"http", func(c *oidc.Config) { c.Issuer = "http://localhost:8080/realms/x" }, nil},
		{"everything missing", func(c *oidc.Config) { *c = oidc.Config{} }, []string{"Config.Name is empty", "Config.Issuer is empty", "Config.ClientID is empty"}},
		{"host only", func(c *oidc.Config) { c.Issuer = "id.example" }, []string{"Config.Issuer is not an http(s) URL"}},
		{"ftp", func(c *oidc.Config) { c.Issuer = "ftp://id.example" }, []string{"Config.Issuer is not an http(s) URL"}},
		{"no host", func(c *oidc.Config) { c.Issuer = "https://" }, []string{"Config.Issuer is not an http(s) URL"}},
		{"line break", func(c *oidc.Config) { c.Issuer += "\n" }, []string{"Config.Issuer is not an http(s) URL"}},
		{"query", func(c *oidc.Config) { c.Issuer += "?x=1" }, []string{"query or a fragment"}},
		{"credentials", func(c *oidc.Config) { c.Issuer = "https://u:hidden@id.example" }, []string{"credentials"}},
		{"discovery document", func(c *oidc.Config) { c.Issuer += "/.well-known/openid-configuration" }, []string{"discovery document"}},
		{"white space", func(c *oidc.Config) { c.ClientID, c.ClientSecret = "c ", "hidden\n" }, []string{"Config.ClientID has white space", "Config.ClientSecret has white space"}},
		{"answer by POST", func(c *oidc.Config) { c.ResponseMode = "form_post" }, nil},
		{"answer in the fragment", func(c *oidc.Config) { c.ResponseMode = "fragment" }, []string{`Config.ResponseMode is "fragment": write "form_post"`}},
		{"answer by POST as a parameter", func(c *oidc.Config) { c.AuthParams = url.Values{"Response_Mode": {"form_post"}} }, []string{"Config.AuthParams sets Response_Mode: set ResponseMode"}},
		{"style", func(c *oidc.Config) { c.AuthStyle = 7 }, []string{"Config.AuthStyle is 7"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			config := good
			tt.change(&config)
			p := oidc.New(config)
			err := p.Validate()
			if (err == nil) != (len(tt.faults) == 0) {
				t.Fatalf("got %v, want %q", err, tt.faults)
			}
			if err == nil {
				return
			}
			if lines := strings.Split(err.Error(), "\n"); len(lines) != len(tt.faults) {
				t.Errorf("got %q, want %d faults", lines, len(tt.faults))
			}
			for _, fault := range tt.faults {
				if !strings.Contains(err.Error(), fault) {
					t.Errorf("got %v, want %q in it", err, fault)
				}
			}
			if strings.Contains(err.Error(), "hidden") {
				t.Errorf("a secret is in %v", err)
			}
			if _, got := p.AuthCodeURL(t.Context(), redirectURL, "s", nonce); got == nil || got.Error() != err.Error() {
				t.Errorf("AuthCodeURL answered %v", got)
			}
		})
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	p := oidc.New(oidc.Config{Name: "id", ClientID: "c"})
	if p.Name() != "id" || p.DisplayName() != "id" || p.ClientID() != "c" {
		t.Errorf("got %q, %q, %q", p.Name(), p.DisplayName(), p.ClientID())
	}
	p.SetName("other")
	if p.Name() != "other" || p.DisplayName() != "other" {
		t.Errorf("renamed: got %q, %q", p.Name(), p.DisplayName())
	}
	if p := oidc.New(oidc.Config{Name: "id", DisplayName: "Our Login"}); p.DisplayName() != "Our Login" {
		t.Errorf("got %q", p.DisplayName())
	}
}

func TestScopes(t *testing.T) {
	t.Parallel()
	l := newLiar(t)
	tests := []struct {
		scopes []string
		want   string
	}{
		{nil, "openid profile email"},
		{[]string{"email"}, "openid email"},
		{[]string{"email", "openid"}, "email openid"},
	}
	for _, tt := range tests {
		config := l.config()
		config.Scopes = slices.Clone(tt.scopes)
		p := oidc.New(config)
		clear(config.Scopes) // the caller's slice is not kept
		authURL, err := p.AuthCodeURL(t.Context(), redirectURL, "s", nonce)
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(authURL)
		if err != nil || u.Query().Get("scope") != tt.want {
			t.Errorf("%q: got %q, %v, want %q", tt.scopes, u.Query().Get("scope"), err, tt.want)
		}
	}
}

func TestSecretIsNotPrinted(t *testing.T) {
	t.Parallel()
	config := oidc.Config{Name: "n", Issuer: "https://id.example", ClientID: "c", ClientSecret: "hush-hush"}
	encoded, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	p := oidc.New(config)
	printed := []string{string(encoded)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		printed = append(printed, fmt.Sprintf(verb, config), fmt.Sprintf(verb, p), fmt.Sprintf(verb, []any{config, p}))
	}
	for _, s := range printed {
		if strings.Contains(s, "hush-hush") || !strings.Contains(s, "id.example") {
			t.Errorf("printed %s", s)
		}
	}
}

func TestPlainGothIsRefused(t *testing.T) {
	t.Parallel()
	var p goth.Provider = oidc.New(oidc.Config{Name: "n", Issuer: "https://id.example", ClientID: "c"})
	p.Debug(true)
	_, begin := p.BeginAuth("state")
	_, unmarshal := p.UnmarshalSession("{}")
	user, fetch := p.FetchUser(nil)
	for _, err := range []error{begin, unmarshal, fetch} {
		if err == nil || !strings.Contains(err.Error(), "ginauth") {
			t.Errorf("got %v", err)
		}
	}
	if user.UserID != "" || !p.RefreshTokenAvailable() {
		t.Errorf("got %+v", user)
	}
}

func TestAuthorizationIssuer(t *testing.T) {
	t.Parallel()
	l := newLiar(t)
	l.change(l.metadata, claims{"authorization_response_iss_parameter_supported": true})
	issuer, required, err := oidc.New(l.config()).AuthorizationIssuer(t.Context())
	if err != nil || issuer != l.URL || !required {
		t.Fatalf("got %q, %v, %v", issuer, required, err)
	}
}

func TestEndSessionURL(t *testing.T) {
	t.Parallel()
	l := newLiar(t)
	p := oidc.New(l.config())
	if got, err := p.EndSessionURL(t.Context(), "hint", "https://app.example", "s"); got != "" || !errors.Is(err, oidc.ErrNoEndSession) {
		t.Fatalf("got %q, %v, want ErrNoEndSession", got, err)
	}
	l = newLiar(t)
	l.change(l.metadata, claims{"end_session_endpoint": l.URL + "/logout?tenant=1"})
	p = oidc.New(l.config())
	tests := []struct {
		hint, back, state string
		want              url.Values
	}{
		{"h&h", "https://app.example/?a=b", "s s", url.Values{"tenant": {"1"}, "client_id": {"client"}, "id_token_hint": {"h&h"}, "post_logout_redirect_uri": {"https://app.example/?a=b"}, "state": {"s s"}}},
		{"", "https://app.example", "", url.Values{"tenant": {"1"}, "client_id": {"client"}, "post_logout_redirect_uri": {"https://app.example"}}},
		{"h", "", "s", url.Values{"tenant": {"1"}, "client_id": {"client"}, "id_token_hint": {"h"}}},
	}
	for _, tt := range tests {
		got, err := p.EndSessionURL(t.Context(), tt.hint, tt.back, tt.state)
		if err != nil || got != l.URL+"/logout?"+tt.want.Encode() {
			t.Errorf("got %s, %v, want %s", got, err, tt.want.Encode())
		}
	}
}

// The methods that ginauth finds by assertion: their signatures are a contract,
// held at compile time.
var _ interface {
	goth.Provider
	Validate() error
	ClientID() string
	DisplayName() string
	AuthorizationIssuer(ctx context.Context) (issuer string, required bool, err error)
	AuthCodeURL(ctx context.Context, redirectURL, state, nonce string, opts ...oauth2.AuthCodeOption) (string, error)
	ExchangeCode(ctx context.Context, redirectURL, code, nonce string, opts ...oauth2.AuthCodeOption) (goth.User, *oauth2.Token, error)
	RefreshTokenContext(ctx context.Context, refreshToken string) (*oauth2.Token, error)
	EndSessionURL(ctx context.Context, idTokenHint, postLogoutRedirectURL, state string) (string, error)
	VerifyLogoutToken(ctx context.Context, rawLogoutToken string) (*goidc.LogoutToken, error)
} = (*oidc.Provider)(nil)
