package origin

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/ginauth/ginauth/internal/ascii"
)

// A URL is an http or https URL as a browser reads it. What is made of its parts
// again has one reading only, whatever text it was read from.
type URL struct {
	Scheme string // http or https
	Host   string // ASCII in lower case, with its port unless that is the scheme's own
	Rest   string // path, query and fragment as written; empty, or begins with / ? or #
}

// Origin is the URL's origin as the Origin header has it (HTML §7.1.1):
// https://xn--mnchen-3ya.example:8443.
func (u URL) Origin() string { return u.Scheme + "://" + u.Host }

// String is the URL written anew.
func (u URL) String() string { return u.Origin() + u.Rest }

// RequestURI is what a browser asks the host for: the path and query.
func (u URL) RequestURI() string {
	uri, _, _ := strings.Cut(u.Rest, "#")
	if !strings.HasPrefix(uri, "/") {
		return "/" + uri
	}
	return uri
}

var (
	errScheme = errors.New("is not an http or https URL")
	errPlain  = errors.New("it must not have a user, a query or a fragment")
	errSpace  = errors.New("has a space, a control character or a backslash in it")
	errHost   = errors.New("has a host that is no host name or address")
	errPort   = errors.New("has a port that is no number up to 65535")
)

// Read reads an absolute http or https URL as the WHATWG URL Standard does
// (§4.4), which browsers follow. It refuses what it cannot bring into one form and
// what only a forgiving parser takes for such a URL: a user before the host, white
// space and controls, a backslash for a slash, more or fewer slashes than two.
func Read(s string) (URL, error) {
	scheme, after, found := strings.Cut(s, "://")
	u := URL{Scheme: ascii.Lower(scheme)}
	if !found || u.Scheme != "http" && u.Scheme != "https" {
		return URL{}, errScheme
	}
	end := strings.IndexAny(after, "/?#")
	if end < 0 {
		end = len(after)
	}
	authority := after[:end]
	u.Rest = after[end:]
	path, _, _ := strings.Cut(u.Rest, "#")
	path, _, _ = strings.Cut(path, "?")
	switch {
	case strings.ContainsFunc(s, blank), strings.Contains(path, `\`):
		return URL{}, errSpace
	case strings.Contains(authority, "@"):
		return URL{}, errPlain
	}
	name, port, err := splitPort(authority)
	if err != nil {
		return URL{}, err
	}
	name, err = canonicalHost(name)
	if err != nil {
		return URL{}, err
	}
	u.Host = withPort(name, port, u.Scheme)
	return u, nil
}

// blank says what ends a line, is dropped or is trimmed by some parser.
func blank(r rune) bool { return r <= ' ' || r == 0x7f }

// Parse reads a URL that a developer wrote: one without user, query and fragment.
func Parse(s string) (URL, error) {
	u, err := Read(s)
	if strings.ContainsAny(u.Rest, "?#") {
		err = errPlain
	}
	if err == errPlain {
		return URL{}, fmt.Errorf("%w, only %q", err, WithoutSecrets(s))
	}
	if err != nil {
		return URL{}, fmt.Errorf("%q %w", s, err)
	}
	return u, nil
}

// WithoutSecrets is a URL without what may hold a password or a token: its user,
// its query and its fragment.
func WithoutSecrets(s string) string {
	scheme, after, _ := strings.Cut(s, "://")
	if end := strings.IndexAny(after, "?#"); end >= 0 {
		after = after[:end]
	}
	authority, path, slash := strings.Cut(after, "/")
	authority = authority[strings.LastIndexByte(authority, '@')+1:]
	if slash {
		path = "/" + path
	}
	return scheme + "://" + authority + path
}

// splitPort takes the port off a host. It is a decimal number without zeros in
// front, "" where there is none.
func splitPort(authority string) (name, port string, err error) {
	name = authority
	if colon := strings.LastIndexByte(authority, ':'); colon > strings.LastIndexByte(authority, ']') {
		name, port = authority[:colon], authority[colon+1:]
	}
	if port == "" {
		return name, "", nil
	}
	number, err := strconv.ParseUint(port, 10, 16) // which takes no sign
	if err != nil {
		return "", "", errPort
	}
	return name, strconv.FormatUint(number, 10), nil
}

// schemePort is the port that a scheme has by itself.
func schemePort(scheme string) string {
	if scheme == "https" {
		return "443"
	}
	return "80"
}

func withPort(name, port, scheme string) string {
	if port == "" || port == schemePort(scheme) {
		return name
	}
	return name + ":" + port
}

// SameDestination reports whether net/http sends requests for two URLs to one
// origin. Go's client is no browser: it looks a host up as it is written, with
// tables of its own for letters beyond ASCII, and 127.1 is a name to it. So hosts
// are the same where their texts are, without regard to the case of A to Z.
func SameDestination(a, b *url.URL) bool {
	port := func(u *url.URL) string {
		if p := u.Port(); p != "" {
			return p
		}
		return schemePort(ascii.Lower(u.Scheme))
	}
	return a.Host != "" && ascii.EqualFold(a.Scheme, b.Scheme) && ascii.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}
