// Package redact makes errors, codes and values that other programs wrote fit for a
// log: it removes tokens, authorization codes, passwords and the bodies of answers, and
// nothing else. It knows how net/http, x/oauth2 and goth write errors. It does not know
// what an error means, or who logs it.
package redact

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/oauth2"
)

// Safe is an error whose text was written for the log, so that it is logged whole; only
// the secrets that Error is given are taken out of it. Of an error that wraps one,
// nothing else is logged. See [Told] for one with values in it.
type Safe string

func (e Safe) Error() string { return string(e) }

// A redacted error keeps what it wraps for errors.Is and shows a text without
// secrets.
type redacted struct {
	text string
	err  error
}

func (e *redacted) Error() string { return e.text }

// Is lets errors.Is find sentinels. There is no Unwrap: nothing gets at the text.
func (e *redacted) Is(target error) bool { return errors.Is(e.err, target) }

// As finds a Safe error alone, so that redacting again shows the same text.
func (e *redacted) As(target any) bool {
	safe, ok := target.(*Safe)
	return ok && errors.As(e.err, safe)
}

var urls = regexp.MustCompile(`(?i)https?://[^\s"'<>]+`)

// parameters are those whose values are secrets wherever they stand.
var parameters = regexp.MustCompile(`(?i)\b(access_token|refresh_token|id_token|client_secret|code_verifier|code|password)=[^\s&"']+`)

// Error makes an error fit for a log. goth puts whole answers into its errors, and
// access tokens into URLs. So of a URL only the host stays, of an OAuth error only its
// code, of an error that wraps a Safe one only that, and of any other the words in
// front of the first body-like character, without the named secrets. errors.Is finds
// in the result what it finds in err. nil stays nil.
func Error(err error, secrets ...string) error {
	if err == nil {
		return nil
	}
	if _, already := err.(*redacted); already {
		return err
	}
	return &redacted{text: text(err, secrets), err: err}
}

func text(err error, secrets []string) string {
	var safe Safe
	if errors.As(err, &safe) {
		return Hide(safe.Error(), secrets)
	}
	var before *redacted
	if errors.As(err, &before) { // what was redacted once stays as it is, in the words around it
		around, after, found := strings.Cut(err.Error(), before.text)
		if found {
			return strings.TrimSpace(clean(around, secrets) + " " + Hide(before.text, secrets) + " " + clean(after, secrets))
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "oauth: the provider did not answer in time"
	}
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) {
		status, at := 0, ""
		if refused.Response != nil {
			status, at = refused.Response.StatusCode, Missing(refused.Response)
		}
		return Hide(fmt.Sprintf("oauth: the token endpoint%s answered %d %s", at, status, word(refused.ErrorCode)), secrets)
	}
	var failed *url.Error
	if errors.As(err, &failed) {
		place := "the provider"
		if u, err := url.Parse(failed.URL); err == nil && u.Host != "" {
			if place = u.Host; wellKnown(u) {
				place = URL(failed.URL)
			}
		}
		return fmt.Sprintf("oauth: request to %s: %s", place, clean(failed.Err.Error(), secrets))
	}
	return clean(err.Error(), secrets)
}

// spellings are the ways in which errors write a secret: as it is, repaired, in a
// URL, and by %q and %+q.
func spellings(s string) []string {
	quoted, ascii := strconv.Quote(s), strconv.QuoteToASCII(s)
	return []string{s, strings.ToValidUTF8(s, "?"), url.QueryEscape(s), quoted[1 : len(quoted)-1], ascii[1 : len(ascii)-1]}
}

// Hide cuts named secrets out of a text.
func Hide(text string, secrets []string) string {
	longest := slices.SortedFunc(slices.Values(secrets), func(a, b string) int { return len(b) - len(a) })
	for _, s := range longest { // one may be part of another
		if len(s) < 3 {
			continue
		}
		for _, spelled := range spellings(s) {
			text = strings.ReplaceAll(text, spelled, "[redacted]")
		}
	}
	return strings.ToValidUTF8(text, "?") // after the secrets: it may change one's last letter
}

// clean cuts a text before what may be a body, and secrets and URLs out of it.
func clean(text string, secrets []string) string {
	text = Hide(strings.TrimLeft(text, "\r\n"), secrets) // an empty first line would say nothing
	text = parameters.ReplaceAllString(text, "$1=[redacted]")
	text = urls.ReplaceAllStringFunc(text, func(raw string) string {
		u, err := url.Parse(raw)
		if err != nil {
			return "[url]"
		}
		if wellKnown(u) {
			return u.Scheme + "://" + u.Host + u.EscapedPath()
		}
		return u.Scheme + "://" + u.Host
	})
	if i := strings.IndexAny(text, "{<\n\r"); i >= 0 {
		text = text[:i]
	}
	if i := strings.Index(text, "map["); i >= 0 {
		text = text[:i]
	}
	if len(text) > 200 {
		text = text[:200]
	}
	return strings.ToValidUTF8(strings.TrimSpace(text), "?") // the cut may have gone through a letter
}

// word keeps an OAuth error code (RFC 6749 §5.2) and nothing else.
func word(s string) string {
	if len(s) > 64 {
		s = s[:64]
	}
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' {
			return r
		}
		return -1
	}, s)
}

// Code makes an error response's code (RFC 6749 §4.1.2.1) fit for a log. Anyone can
// write any text into that parameter of the URL.
func Code(code string) string { return word(code) }
