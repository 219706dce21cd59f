package oauth_test

import (
	"context"
	"strings"
	"testing"
	"time"

	goidc "github.com/coreos/go-oidc/v3/oidc"
	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/github"
	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/internal/oauth"
	"github.com/ginauth/ginauth/internal/openid"
)

// lax is a provider whose verifier, from another package, lets any logout token
// pass.
type lax struct {
	goth.Provider
	token *goidc.LogoutToken
}

func (l lax) VerifyLogoutToken(context.Context, string) (*goidc.LogoutToken, error) {
	return l.token, nil
}

// AuthCodeURL and ExchangeCode make it an AuthCodeProvider.
func (l lax) AuthCodeURL(context.Context, string, string, string, ...oauth2.AuthCodeOption) (string, error) {
	return "", nil
}

func (l lax) ExchangeCode(context.Context, string, string, string, ...oauth2.AuthCodeOption) (goth.User, *oauth2.Token, error) {
	return goth.User{}, nil, nil
}

// OpenID Connect Back-Channel Logout 1.0 §2.4 and §2.6: what must be in a logout
// token is required of a foreign verifier's too, and so is an age for which the
// tokens that came are remembered.
func TestVerifyLogoutOfForeignVerifier(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	at := func(ago time.Duration) goidc.LogoutToken {
		return goidc.LogoutToken{TokenID: "j", Subject: "ada", SessionID: "s", IssuedAt: now.Add(-ago)}
	}
	tests := []struct {
		name    string
		change  func(*goidc.LogoutToken)
		refused string // part of the error, "" when accepted
	}{
		{"honest", func(*goidc.LogoutToken) {}, ""},
		{"no jti", func(t *goidc.LogoutToken) { t.TokenID = "" }, "no jti"},
		{"no sub", func(t *goidc.LogoutToken) { t.Subject = "" }, ""},
		{"no sid", func(t *goidc.LogoutToken) { t.SessionID = "" }, ""},
		{"neither", func(t *goidc.LogoutToken) { t.Subject, t.SessionID = "", "" }, "neither sub nor sid"},
		{"no iat", func(t *goidc.LogoutToken) { t.IssuedAt = time.Time{} }, "no iat"},
		{"an hour old", func(t *goidc.LogoutToken) { t.IssuedAt = now.Add(-time.Hour) }, ""},
		{"older than an hour", func(t *goidc.LogoutToken) { t.IssuedAt = now.Add(-time.Hour - time.Second) }, "older than an hour"},
		{"of the future", func(t *goidc.LogoutToken) { t.IssuedAt = now.Add(5*time.Minute + time.Second) }, "in the future"},
		{"by a clock that is ahead", func(t *goidc.LogoutToken) { t.IssuedAt = now.Add(5 * time.Minute) }, ""},
	}
	for _, tt := range tests {
		token := at(0)
		tt.change(&token)
		p, err := oauth.New(oauth.Config{ID: "p", Provider: lax{github.New("c", "s", ""), &token}})
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.VerifyLogout(t.Context(), "raw", now)
		if tt.refused == "" && (err != nil || got != &token) || tt.refused != "" && (got != nil || err == nil || !strings.Contains(err.Error(), tt.refused)) {
			t.Errorf("%s: got %v, %v, want %q", tt.name, got, err, tt.refused)
		}
	}
	p, err := oauth.New(oauth.Config{ID: "p", Provider: lax{Provider: github.New("c", "s", "")}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.VerifyLogout(t.Context(), "raw", now); err == nil {
		t.Error("a verifier without a token is believed")
	}
}

// A token is remembered for longer than it is accepted, by clocks that differ as
// much as they may.
func TestLogoutMemory(t *testing.T) {
	t.Parallel()
	const apart = 10 * time.Minute // one clock five minutes ahead, one five behind
	issued := time.Unix(1_800_000_000, 0)
	remembered := issued.Add(openid.LogoutMemory)
	if err := openid.CheckLogoutAge(&goidc.LogoutToken{IssuedAt: issued}, remembered.Add(-apart+time.Second)); err == nil {
		t.Error("a token is accepted when it is forgotten")
	}
	if err := openid.CheckLogoutAge(&goidc.LogoutToken{IssuedAt: issued}, issued.Add(time.Hour)); err != nil {
		t.Error(err)
	}
}
