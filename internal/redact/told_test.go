package redact_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/internal/redact"
)

// What was written for the log is logged whole, without the secrets that got into it.
func TestTold(t *testing.T) {
	t.Parallel()
	cause := errors.New("the cause with s3cr3t-value")
	long := strings.Repeat("expected and got ", 30)
	err := fmt.Errorf("step: %w", redact.Told(cause, "%s %s <p> {} https://id.example/realms/A", long, "s3cr3t-value"))
	got := redact.Error(err, "s3cr3t-value")
	if want := long + " [redacted] <p> {} https://id.example/realms/A"; got.Error() != want {
		t.Errorf("%q, want %q", got, want)
	}
	if told := redact.Told(cause, "issuer %q", "a"); told.Error() != `issuer "a"` {
		t.Errorf("%v", told)
	}
	if !errors.Is(got, cause) {
		t.Error("the cause is lost")
	}
	alone := redact.Told(nil, "alone")
	if alone.Error() != "alone" || redact.Error(alone).Error() != "alone" {
		t.Errorf("%v", alone)
	}
	// "It is invalid for an Unwrap method to return an []error containing a nil error value."
	for _, err := range []error{alone, redact.Told(cause, "with a cause")} {
		if several, ok := err.(interface{ Unwrap() []error }); ok && slices.Contains(several.Unwrap(), nil) {
			t.Errorf("%v wraps no error", err)
		}
	}
}

func TestValue(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"":                             `""`,
		"https://a.example:8443":       "https://a.example:8443",
		"a b":                          `"a b"`,
		"a\nlevel=ERROR":               `"a\nlevel=ERROR"`,
		"a=b":                          `"a=b"`,
		`a"b`:                          `"a\"b"`,
		`a\b`:                          `"a\\b"`,
		"!~":                           "!~",
		"a\x7f":                        `"a\x7f"`,
		strings.Repeat("]", 3):         "]]]",
		"münchen":                      `"m\u00fcnchen"`,
		"\xff\x1b[31m":                 `"\xff\x1b[31m"`,
		strings.Repeat("x", 200):       strings.Repeat("x", 200),
		strings.Repeat("x", 201):       strings.Repeat("x", 200) + "…",
		strings.Repeat("x", 199) + "ä": `"` + strings.Repeat("x", 199) + `\xc3"…`,
	} {
		if got := redact.Value(value); got != want {
			t.Errorf("%q: %s, want %s", value, got, want)
		}
	}
}

func TestURL(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"https://id.example/realms/A/":                    "https://id.example/realms/A/",
		"https://id.example":                              "https://id.example",
		"https://ada:letmein@id.example/x?code=abc#token": "https://id.example/x",
		"https://a@b@id.example/x":                        "https://id.example/x",
		"https://id.example?x@y":                          "https://id.example",
		"null":                                            "null",
		"":                                                `""`,
		"https://id.example/a b":                          `"https://id.example/a b"`,
	} {
		if got := redact.URL(raw); got != want {
			t.Errorf("%q: %s, want %s", raw, got, want)
		}
	}
}

// An address that is public, or wrong, is told with its path; any other is not.
func TestRedact_Addresses(t *testing.T) {
	t.Parallel()
	answered := func(status int, at string) *oauth2.RetrieveError {
		u, err := url.Parse(at)
		if err != nil {
			t.Fatal(err)
		}
		return &oauth2.RetrieveError{Response: &http.Response{StatusCode: status, Request: &http.Request{URL: u}}, ErrorCode: "x"}
	}
	const wellKnown = "https://id.example/realms/A/.well-known/openid-configuration"
	for _, row := range []struct {
		err  error
		want string
	}{
		{&url.Error{URL: wellKnown + "?t=abc", Err: errors.New("refused")}, "oauth: request to " + wellKnown + ": refused"},
		{errors.New("calling " + wellKnown + "?t=abc failed"), "calling " + wellKnown + " failed"},
		{errors.New("calling https://ada:x@id.example/a/.well-known/b failed"), "calling https://id.example/a/.well-known/b failed"},
		{answered(404, "https://id.example/oauth/tokn?client_secret=s3cr3t"), "oauth: the token endpoint https://id.example/oauth/tokn answered 404 x"},
		{answered(404, "https://id.example/s3cr3t-value/token"), "oauth: the token endpoint https://id.example/[redacted]/token answered 404 x"},
		{answered(400, "https://id.example/oauth/token"), "oauth: the token endpoint answered 400 x"},
		{&oauth2.RetrieveError{Response: &http.Response{StatusCode: 404}}, "oauth: the token endpoint answered 404 "},
		{fmt.Errorf("oauth: forge: token request: %w", redact.Error(answered(404, "https://id.example/tokn"))),
			"oauth: forge: token request: oauth: the token endpoint https://id.example/tokn answered 404 x"},
		{fmt.Errorf("calling https://a.example/s3cr3t: %w: s3cr3t-value {body", redact.Error(errors.New("no s3cr3t-value"))), "calling https://a.example no [redacted] : [redacted]"},
	} {
		if got := redact.Error(row.err, "s3cr3t-value").Error(); got != row.want {
			t.Errorf("%q, want %q", got, row.want)
		}
	}
}

// Only an answer 404 whose request is known has a missing address.
func TestMissing(t *testing.T) {
	t.Parallel()
	at, err := url.Parse("https://ada:letmein@id.example/tokn?code=abc")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		res  http.Response
		want string
	}{
		{http.Response{StatusCode: 404, Request: &http.Request{URL: at}}, " https://id.example/tokn"},
		{http.Response{StatusCode: 403, Request: &http.Request{URL: at}}, ""},
		{http.Response{StatusCode: 404, Request: &http.Request{}}, ""},
		{http.Response{StatusCode: 404}, ""},
	} {
		if got := redact.Missing(&row.res); got != row.want {
			t.Errorf("%+v: %q, want %q", row.res, got, row.want)
		}
	}
}
