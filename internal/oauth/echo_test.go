package oauth_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/markbates/goth"
	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/internal/oauth"
)

// echoing is a provider whose token endpoint wants to have a parameter of the
// answer back.
type echoing struct {
	oauth.AuthCodeProvider
	got url.Values
}

func (*echoing) Name() string             { return "echoing" }
func (*echoing) ClientID() string         { return "client" }
func (*echoing) CallbackParams() []string { return []string{"device_id"} }
func (*echoing) AuthCodeURL(_ context.Context, redirectURL, state, _ string, _ ...oauth2.AuthCodeOption) (string, error) {
	return "https://service.example/authorize", nil
}
func (e *echoing) ExchangeCode(_ context.Context, _, _, _ string, opts ...oauth2.AuthCodeOption) (goth.User, *oauth2.Token, error) {
	u, err := url.Parse((&oauth2.Config{Endpoint: oauth2.Endpoint{AuthURL: "https://x/"}}).AuthCodeURL("s", opts...))
	if err != nil {
		return goth.User{}, nil, err
	}
	e.got = u.Query()
	return goth.User{UserID: "1"}, &oauth2.Token{AccessToken: "t"}, nil
}

// A parameter of the answer reaches the token request once and in the form of a
// code; no other parameter does.
func TestCallbackParams(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		values []string
		want   string
		err    error
	}{
		"one":         {[]string{"device-1"}, "device-1", nil},
		"none":        {nil, "", nil},
		"two":         {[]string{"device-1", "device-2"}, "", oauth.ErrCode},
		"empty":       {[]string{""}, "", oauth.ErrCode},
		"a line":      {[]string{"a\nb"}, "", oauth.ErrCode},
		"a quote":     {[]string{`a"b`}, "", oauth.ErrCode},
		"a long text": {[]string{strings.Repeat("x", 4097)}, "", oauth.ErrCode},
	} {
		e := &echoing{}
		p, err := oauth.New(oauth.Config{ID: "echoing", Provider: e})
		if err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		_, tx, err := p.Begin(t.Context(), "https://app.example.com/callback", nil, now)
		if err != nil {
			t.Fatal(err)
		}
		answer := url.Values{"state": {tx.State}, "code": {"code"}, "redirect_uri": {"https://evil.example"}}
		if tt.values != nil {
			answer["device_id"] = tt.values
		}
		_, err = p.Complete(t.Context(), tx, "https://app.example.com/callback", answer, now)
		if !errors.Is(err, tt.err) {
			t.Errorf("%s: %v", name, err)
		}
		if e.got.Get("device_id") != tt.want || e.got.Has("redirect_uri") {
			t.Errorf("%s: the token request has %v", name, e.got)
		}
	}
}
