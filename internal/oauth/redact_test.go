package oauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/internal/fetch"
	"github.com/ginauth/ginauth/internal/oauth"
)

func TestRedact(t *testing.T) {
	t.Parallel()
	const secret = "s3cr3t-value"
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"request with a token in its URL",
			&url.Error{Op: "Get", URL: "https://graph.example/me?access_token=" + secret, Err: errors.New("dial tcp: refused")},
			"oauth: request to graph.example: dial tcp: refused"},
		{"token endpoint with a body",
			&oauth2.RetrieveError{Response: &http.Response{StatusCode: 400}, ErrorCode: "invalid_grant", ErrorDescription: secret, Body: []byte(secret)},
			"oauth: the token endpoint answered 400 invalid_grant"},
		{"error code that is a text",
			&oauth2.RetrieveError{Response: &http.Response{StatusCode: 400}, ErrorCode: "a b\n" + strings.Repeat("c", 100)},
			"oauth: the token endpoint answered 400 ab" + strings.Repeat("c", 60)},
		{"no response", &oauth2.RetrieveError{}, "oauth: the token endpoint answered 0"},
		{"body behind words", errors.New(`decoding failed: {"access_token":"x"}`), "decoding failed:"},
		{"HTML behind words", errors.New("got <html>x"), "got"},
		{"map behind words", errors.New("claims map[email:a]"), "claims"},
		{"second line", errors.New("first\nsecond"), "first"},
		{"URL in words", errors.New("calling https://a.example/x?code=y failed"), "calling https://a.example failed"},
		{"named secret", fmt.Errorf("code %s refused", secret), "code [redacted] refused"},
		{"escaped secret", fmt.Errorf("code %s refused", url.QueryEscape("a+b/"+secret)), "code [redacted] refused"},
		{"deadline", fmt.Errorf("x: %w", context.DeadlineExceeded), "oauth: the provider did not answer in time"},
		{"known", fmt.Errorf("%w: "+secret, oauth.ErrIssuer), oauth.ErrIssuer.Error()},
		{"too large", fmt.Errorf("x: %w", fetch.ErrTooLarge), fetch.ErrTooLarge.Error()},
		{"long", errors.New(strings.Repeat("x", 1000)), strings.Repeat("x", 200)},
	}
	for _, tt := range tests {
		got := oauth.Redact(tt.err, secret, "a+b/"+secret)
		if strings.TrimSpace(got.Error()) != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		if again := oauth.Redact(got); again != got {
			t.Errorf("%s: redacted twice", tt.name)
		}
	}
	if oauth.Redact(nil) != nil {
		t.Error("no error became one")
	}
	if !errors.Is(oauth.Redact(fmt.Errorf("x: %w", oauth.ErrCode)), oauth.ErrCode) {
		t.Error("the cause is lost")
	}
	if fmt.Sprintf("%+v %#v", oauth.Redact(errors.New(secret), secret), "") == secret {
		t.Error("another verb shows the secret")
	}
}

// FuzzRedact: a named secret survives in no text.
func FuzzRedact(f *testing.F) {
	f.Add("code abcdefgh12345678 refused", "abcdefgh12345678")
	f.Add("https://a.example/?t=abc%20defgh", "abc defgh")
	f.Fuzz(func(t *testing.T, text, secret string) {
		if len(secret) < 8 || strings.Contains("[redacted]", secret) {
			return
		}
		if got := oauth.Redact(errors.New(text), secret).Error(); strings.Contains(got, secret) {
			t.Errorf("%q keeps %q: %q", text, secret, got)
		}
	})
}
