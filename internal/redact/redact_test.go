package redact_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/internal/fetch"
	"github.com/ginauth/ginauth/internal/oauth"
	"github.com/ginauth/ginauth/internal/redact"
)

// A hiding error wraps another without its text.
type hiding struct{ error }

func (hiding) Error() string   { return "outer" }
func (e hiding) Unwrap() error { return e.error }

// An OAuth error code keeps its letters, digits, _ and -, and nothing beside them in ASCII.
func TestCode(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]string{
		"azAZ09_-":                    "azAZ09_-",
		"`a{@A[/0:^_`,-.":             "aA0_-",
		"access_denied\x00\n":         "access_denied",
		"interaction required":        "interactionrequired",
		"ä漢\u0131\u212a\U0001d5ba":    "",
		strings.Repeat("a", 64):       strings.Repeat("a", 64),
		strings.Repeat("b", 63) + "é": strings.Repeat("b", 63),
		strings.Repeat("c", 65):       strings.Repeat("c", 64),
		"":                            "",
	} {
		if got := redact.Code(code); got != want {
			t.Errorf("%q: %q, want %q", code, got, want)
		}
	}
	var all []rune
	for r := range rune(0x300) {
		all = append(all, r)
	}
	var kept string
	for _, r := range all { // one by one: a long code is cut
		kept += redact.Code(string(r))
	}
	if want := "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"; kept != want {
		t.Errorf("%q, want %q", kept, want)
	}
}

func TestRedact(t *testing.T) {
	t.Parallel()
	const (
		secret = "s3cr3t-value"
		typed  = "p\"ä\a\\ss"
		broken = "\xffhunter22\xc3"
	)
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"request with a token in its URL",
			&url.Error{Op: "Get", URL: "https://graph.example/me?access_token=" + secret, Err: errors.New("dial tcp: refused")},
			"oauth: request to graph.example: dial tcp: refused"},
		{"request with a broken URL that holds a token",
			&url.Error{Op: "Get", URL: "https://graph.example/%zz?access_token=" + secret, Err: errors.New("no")},
			"oauth: request to the provider: no"},
		{"request without a host", &url.Error{Op: "Get", URL: "/me?code=abc", Err: errors.New("no")}, "oauth: request to the provider: no"},
		{"broken URL in words", errors.New("calling https://ada:letmein@a.example/%zz?session=abc failed"), "calling [url] failed"},
		{"URL with a user in words", errors.New("calling https://ada:letmein@a.example/x failed"), "calling https://a.example failed"},
		{"broken port in words", errors.New("calling http://a.example:8o80/?key=abc failed"), "calling [url] failed"},
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
		{"empty lines first", errors.New("\r\n\nfirst\nsecond"), "first"},
		{"URL in words", errors.New("calling https://a.example/x?code=y failed"), "calling https://a.example failed"},
		{"named secret", fmt.Errorf("code %s refused", secret), "code [redacted] refused"},
		{"escaped secret", fmt.Errorf("code %s refused", url.QueryEscape("a+b/"+secret)), "code [redacted] refused"},
		{"quoted secret", fmt.Errorf("bind with %q: no", typed), `bind with "[redacted]": no`},
		{"secret quoted in ASCII", fmt.Errorf("bind with %+q: no", typed), `bind with "[redacted]": no`},
		{"secret with a broken letter", fmt.Errorf("bind with %s: no", broken), "bind with [redacted]: no"},
		{"quoted secret with a broken letter", fmt.Errorf("bind with %q: no", broken), `bind with "[redacted]": no`},
		{"repaired secret", errors.New("bind with " + strings.ToValidUTF8(broken, "?") + ": no"), "bind with [redacted]: no"},
		{"broken letter that the text completes", errors.New("bind with " + broken + "\xa4: no"), "bind with [redacted]?: no"},
		{"short secret", errors.New("code 471 refused"), "code [redacted] refused"},
		{"URL in capitals", errors.New("calling HTTPS://A.example/?t=y failed"), "calling https://A.example failed"},
		{"token without a URL", errors.New("got access_token=ya29.a0 and REFRESH_TOKEN=1//0g"), "got access_token=[redacted] and REFRESH_TOKEN=[redacted]"},
		{"parameter that only ends alike", errors.New("error_code=17"), "error_code=17"},
		{"deadline", fmt.Errorf("x: %w", context.DeadlineExceeded), "oauth: the provider did not answer in time"},
		{"known", fmt.Errorf("%w: "+secret, oauth.ErrIssuer), oauth.ErrIssuer.Error()},
		{"known, redacted before", fmt.Errorf("x "+secret+": %w", redact.Error(fmt.Errorf("y: %w", oauth.ErrIssuer))), oauth.ErrIssuer.Error()},
		{"too large", fmt.Errorf("x: %w", fetch.ErrTooLarge), fetch.ErrTooLarge.Error()},
		{"nothing but a body", errors.New(`{"access_token":"x"}`), ""},
		{"nothing but a map", errors.New("map[email:a]"), ""},
		{"letter at the cut", errors.New(strings.Repeat("x", 199) + "ä"), strings.Repeat("x", 199) + "?"},
		{"redacted to nothing before", fmt.Errorf("reading the answer: %w", redact.Error(errors.New("{body"))), "reading the answer:"},
		{"redacted before, and no part of the text", hiding{redact.Error(errors.New("inner"))}, "outer"},
		{"long", errors.New(strings.Repeat("x", 1000)), strings.Repeat("x", 200)},
	}
	for _, tt := range tests {
		got := redact.Error(tt.err, secret, "a+b/"+secret, typed, broken, "471")
		if strings.TrimSpace(got.Error()) != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		if again := redact.Error(got); again != got {
			t.Errorf("%s: redacted twice", tt.name)
		}
	}
	if redact.Error(nil) != nil {
		t.Error("no error became one")
	}
	if !errors.Is(redact.Error(fmt.Errorf("x: %w", oauth.ErrCode)), oauth.ErrCode) {
		t.Error("the cause is lost")
	}
	if fmt.Sprintf("%+v %#v", redact.Error(errors.New(secret), secret), "") == secret {
		t.Error("another verb shows the secret")
	}
}

// FuzzRedact: a named secret survives in no text, however an error writes it.
func FuzzRedact(f *testing.F) {
	f.Add("code abcdefgh12345678 refused", "abcdefgh12345678")
	f.Add("https://a.example/?t=abc%20defgh", "abc defgh")
	f.Add("\xa4", "\xffhunter22\xc3")
	f.Add("x", `pass"wörd\x`)
	f.Fuzz(func(t *testing.T, text, secret string) {
		if len(secret) < 8 || strings.ContainsAny(secret, "[]=?") || strings.Contains("redacted", secret) {
			return // what takes a secret's place could make one
		}
		for _, verb := range []string{"%s", "%q", "%+q"} {
			written := fmt.Sprintf(verb, secret)
			if verb != "%s" {
				written = written[1 : len(written)-1]
			}
			got := redact.Error(errors.New(text+" "+written+text), secret).Error()
			repaired := strings.ToValidUTF8(secret, "?")
			// A text that is itself broken may look like a short repaired secret.
			if strings.Contains(got, written) || utf8.ValidString(text) && len(repaired) >= 8 && strings.Contains(got, repaired) {
				t.Errorf("%q, %s of %q: %q", text, verb, secret, got)
			}
		}
	})
}

// What is shorter than three bytes is no secret, and would make a text unreadable.
func TestHide(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		secrets []string
		want    string
	}{
		{nil, "the code is 4711"},
		{[]string{""}, "the code is 4711"},
		{[]string{"47", "e"}, "the code is 4711"},
		{[]string{"471"}, "the code is [redacted]1"},
		{[]string{"471", "4711"}, "the code is [redacted]"}, // the longest first
	} {
		if got := redact.Hide("the code is 4711", row.secrets); got != row.want {
			t.Errorf("%q: %q, want %q", row.secrets, got, row.want)
		}
	}
}
