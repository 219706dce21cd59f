package oauth

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

	"github.com/ginauth/ginauth/internal/fetch"
)

// A redacted error keeps what it wraps for errors.Is and shows a text without
// secrets.
type redacted struct {
	text string
	err  error
}

func (e *redacted) Error() string { return e.text }

// Is lets errors.Is find the sentinels, and nothing lets anybody find the text.
func (e *redacted) Is(target error) bool {
	if target == ErrGrant && invalidGrant(e.err) {
		return true
	}
	return errors.Is(e.err, target)
}

// invalidGrant finds the one refusal after which asking again is in vain.
func invalidGrant(err error) bool {
	var refused *oauth2.RetrieveError
	return errors.As(err, &refused) && refused.ErrorCode == "invalid_grant"
}

var urls = regexp.MustCompile(`(?i)https?://[^\s"'<>]+`)

// parameters are those whose values are secrets wherever they stand.
var parameters = regexp.MustCompile(`(?i)\b(access_token|refresh_token|id_token|client_secret|code_verifier|code|password)=[^\s&"']+`)

// Redact makes an error from a provider's code fit for a log. goth puts whole
// answers into its errors, and access tokens into URLs; so of a URL only the
// host stays, of an OAuth error only its code, and of anything else the words in
// front of the first body-like character, without the named secrets.
func Redact(err error, secrets ...string) error {
	if err == nil {
		return nil
	}
	var already *redacted
	if errors.As(err, &already) && error(already) == err {
		return err
	}
	return &redacted{text: redact(err, secrets), err: err}
}

func redact(err error, secrets []string) string {
	for _, known := range []error{ErrTransaction, ErrIssuer, ErrCode, ErrSubject, fetch.ErrTooLarge} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "oauth: the provider did not answer in time"
	}
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) {
		status := 0
		if refused.Response != nil {
			status = refused.Response.StatusCode
		}
		return fmt.Sprintf("oauth: the token endpoint answered %d %s", status, word(refused.ErrorCode))
	}
	var failed *url.Error
	if errors.As(err, &failed) {
		host := "the provider"
		if u, err := url.Parse(failed.URL); err == nil && u.Host != "" {
			host = u.Host
		}
		return fmt.Sprintf("oauth: request to %s: %s", host, clean(failed.Err.Error(), secrets))
	}
	return clean(err.Error(), secrets)
}

// spellings are the ways in which errors write a secret: as it is, repaired, in a
// URL, and by %q and %+q.
func spellings(s string) []string {
	quoted, ascii := strconv.Quote(s), strconv.QuoteToASCII(s)
	return []string{s, strings.ToValidUTF8(s, "?"), url.QueryEscape(s), quoted[1 : len(quoted)-1], ascii[1 : len(ascii)-1]}
}

// clean cuts a text before what may be a body, and secrets and URLs out of it.
func clean(text string, secrets []string) string {
	longest := slices.SortedFunc(slices.Values(secrets), func(a, b string) int { return len(b) - len(a) })
	for _, s := range longest { // one may be part of another
		if len(s) < 3 {
			continue
		}
		for _, spelled := range spellings(s) {
			text = strings.ReplaceAll(text, spelled, "[redacted]")
		}
	}
	text = strings.ToValidUTF8(text, "?") // after the secrets: it may change one's last letter
	text = parameters.ReplaceAllString(text, "$1=[redacted]")
	text = urls.ReplaceAllStringFunc(text, func(raw string) string {
		u, err := url.Parse(raw)
		if err != nil {
			return "[url]"
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

// ErrorCode makes an error response's code (RFC 6749 §4.1.2.1), which anybody may
// have written into the URL, fit for a log.
func ErrorCode(code string) string { return word(code) }
