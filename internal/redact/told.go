package redact

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// maxValue is the longest value of another program, in bytes, that a log line holds.
const maxValue = 200

// A told error says what was seen and what was expected, and keeps its cause for
// errors.Is.
type told struct {
	text  Safe
	cause error
}

func (e *told) Error() string   { return string(e.text) }
func (e *told) Unwrap() []error { return []error{e.text, e.cause} }

// Told makes an error whose text is logged whole. Its values must be no secrets: an
// issuer, a client id, an algorithm, a time. [URL] and [Value] write the texts of other
// programs in it. cause may be nil; errors.Is finds it.
func Told(cause error, format string, args ...any) error {
	text := Safe(fmt.Sprintf(format, args...))
	if cause == nil {
		return text
	}
	return &told{text, cause}
}

// Value is a text that somebody else wrote, as a log line shows it: at most 200 bytes,
// and quoted as Go quotes it if it holds anything but visible ASCII, so that it neither
// ends the line nor begins another attribute.
func Value(text string) string {
	clipped, dots := text, ""
	if len(text) > maxValue {
		clipped, dots = text[:maxValue], "…"
	}
	plain := !strings.ContainsFunc(clipped, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' || r == '=' })
	if plain && clipped != "" {
		return clipped + dots
	}
	return strconv.QuoteToASCII(clipped) + dots
}

// URL is a URL as a log line shows it: without its user, query and fragment, which may
// hold a password or a token. The path stays: an issuer, a discovery document or an
// endpoint is told from another by a slash or a capital letter.
func URL(raw string) string {
	raw, _, _ = strings.Cut(raw, "#")
	raw, _, _ = strings.Cut(raw, "?")
	if scheme, rest, ok := strings.Cut(raw, "://"); ok {
		authority, path, slash := strings.Cut(rest, "/")
		authority = authority[strings.LastIndexByte(authority, '@')+1:]
		if slash {
			path = "/" + path
		}
		raw = scheme + "://" + authority + path
	}
	return Value(raw)
}

// wellKnown tells the address of a discovery document or key set (RFC 8615), which is
// public.
func wellKnown(u *url.URL) bool { return strings.Contains(u.Path, "/.well-known/") }

// Missing is the address of an endpoint that answered 404, behind a space: the address is
// what is wrong then. Empty for any other answer.
func Missing(res *http.Response) string {
	if res.StatusCode != http.StatusNotFound || res.Request == nil || res.Request.URL == nil {
		return ""
	}
	return " " + URL(res.Request.URL.String())
}
