package oauth_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/github"

	"github.com/ginauth/ginauth/internal/oauth"
)

// jwt is a token with these claims, whose signature nobody looks at any more.
func jwt(claims string) string {
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
}

// taking verifies what is handed over by its own rule.
type taking struct {
	issuing
	verify func(raw, nonce, accessToken string, audiences, presenters []string) (goth.User, error)
}

func (p taking) VerifyIDToken(ctx context.Context, raw, nonce, accessToken string, audiences, presenters []string) (goth.User, error) {
	p.ctx = ctx
	return p.verify(raw, nonce, accessToken, audiences, presenters)
}

func TestTakeIDToken(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	const iat = 1_800_000_000 - 60
	token := func(authTime int) string {
		return jwt(fmt.Sprintf(`{"iat":%d,"auth_time":%d,"amr":["otp"]}`, iat, authTime))
	}
	person := func(raw string) goth.User {
		return goth.User{UserID: "ada", Email: "ada@example.com", IDToken: raw, RawData: map[string]any{"email_verified": true}}
	}
	for name, row := range map[string]struct {
		raw    string
		user   func(raw string) (goth.User, error)
		begins error // of the provider's authorization URL
		params url.Values
		proved int64 // 0: refused
		want   string
	}{
		"honest":            {token(iat - 3600), func(raw string) (goth.User, error) { return person(raw), nil }, nil, nil, iat - 3600, ""},
		"without auth_time": {jwt(fmt.Sprintf(`{"iat":%d}`, iat)), func(raw string) (goth.User, error) { return person(raw), nil }, nil, nil, iat, ""},
		"within max_age":    {token(iat - 3660), func(raw string) (goth.User, error) { return person(raw), nil }, nil, url.Values{"max_age": {"3600"}}, iat - 3660, ""},
		"beyond max_age":    {token(iat - 3661), func(raw string) (goth.User, error) { return person(raw), nil }, nil, url.Values{"max_age": {"3600"}}, 0, "max_age was 1h0m0s, and the sign-in took 0s"},
		"no auth_time, where max_age asks for it": {jwt(fmt.Sprintf(`{"iat":%d}`, iat)), func(raw string) (goth.User, error) { return person(raw), nil }, nil,
			url.Values{"max_age": {"3600"}}, 0, "no auth_time"},
		"nobody's": {token(iat), func(string) (goth.User, error) { return goth.User{Email: "ada@example.com"}, nil }, nil, nil, 0, oauth.ErrSubject.Error()},
		"a bad one": {token(iat), func(raw string) (goth.User, error) {
			return goth.User{}, errors.New("bad " + raw + " the-nonce the-access")
		}, nil, nil, 0,
			"bad [redacted] [redacted] [redacted]"},
		"a panic":          {token(iat), func(string) (goth.User, error) { panic("driver") }, nil, nil, 0, "panicked"},
		"discovery failed": {token(iat), func(raw string) (goth.User, error) { return person(raw), nil }, errors.New("no discovery for the-access"), nil, 0, "no discovery for [redacted]"},
	} {
		s := &scripted{err: row.begins}
		provider := taking{issuing{scripted: s, issuer: scriptedIssuer}, func(raw, nonce, accessToken string, audiences, presenters []string) (goth.User, error) {
			if raw != row.raw || nonce != "the-nonce" || accessToken != "the-access" || !slices.Equal(audiences, []string{"ios"}) || !slices.Equal(presenters, []string{"android"}) {
				t.Errorf("%s: verified are %q, %q, %q, %q, %q", name, raw, nonce, accessToken, audiences, presenters)
			}
			return row.user(raw)
		}}
		p := register(t, provider, row.params)
		if !p.TakesIDTokens() {
			t.Fatal("it takes none")
		}
		handed := oauth.HandedToken{Raw: row.raw, Nonce: "the-nonce", AccessToken: "the-access", Audiences: []string{"ios"}, Presenters: []string{"android"}}
		id, err := p.TakeIDToken(t.Context(), handed, appCallback, now)
		if row.proved == 0 {
			if id.Profile.UserID != "" || err == nil || !strings.Contains(err.Error(), row.want) || strings.Contains(err.Error(), row.raw) {
				t.Errorf("%s: %+v, %v, want %q", name, id, err, row.want)
			}
			if row.want == oauth.ErrSubject.Error() && !errors.Is(err, oauth.ErrSubject) {
				t.Errorf("%s: %v", name, err)
			}
		} else if err != nil || id.Profile.UserID != "ada" || !id.EmailVerified || id.Proved.Time.Unix() != row.proved {
			t.Errorf("%s: %+v, %v", name, id, err)
		}
		if !errors.Is(s.ctx.Err(), context.Canceled) {
			t.Errorf("%s: its context is %v", name, s.ctx.Err())
		}
	}
	plain := register(t, github.New("c", "s", ""), nil)
	if id, err := plain.TakeIDToken(t.Context(), oauth.HandedToken{Raw: "raw"}, appCallback, now); plain.TakesIDTokens() || id.Profile.UserID != "" || err == nil || !strings.Contains(err.Error(), "takes no id_tokens") {
		t.Errorf("%+v, %v", id, err)
	}
}

// Without iat there is no time at all (and the provider's verifier would not have passed it).
func TestTakeIDToken_NoTime(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{jwt(`{}`), jwt(`{"iat":"1800000000"}`), "no token"} {
		p := register(t, taking{issuing{scripted: &scripted{}}, func(string, string, string, []string, []string) (goth.User, error) {
			return goth.User{UserID: "ada", IDToken: raw}, nil
		}}, nil)
		id, err := p.TakeIDToken(t.Context(), oauth.HandedToken{Raw: raw}, appCallback, time.Now())
		if err != nil || !id.Proved.Time.IsZero() || id.EmailVerified {
			t.Errorf("%s: %+v, %v", raw, id.Proved, err)
		}
	}
}

// The claims of an OpenID provider vouch for an address that is beside them, by the
// boolean true alone (OpenID Connect Core §5.1).
func TestEmailVerified_Claims(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		email string
		flag  any
		want  bool
	}{
		{"ada@example.com", true, true}, {"ada@example.com", false, false}, {"ada@example.com", nil, false}, {"ada@example.com", "true", false},
		{"ada@example.com", 1.0, false}, {"", true, false},
	} {
		s := &scripted{user: goth.User{UserID: "7", Email: row.email, RawData: map[string]any{"email_verified": row.flag}}}
		p := register(t, s, nil)
		if id := complete(t, p); id.EmailVerified != row.want {
			t.Errorf("%q, %v: %v", row.email, row.flag, id.EmailVerified)
		}
	}
}
