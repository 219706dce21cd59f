package origin

import (
	"fmt"
	"net/url"
	"strings"
)

// A Set is a list of origins, normalised.
type Set map[string]bool

// NewSet reads origins such as https://app.example.com:8443.
func NewSet(origins []string) (Set, []error) {
	set, faults := Set{}, []error(nil)
	for _, o := range origins {
		u, err := Parse(o)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		if u.Path != "" && u.Path != "/" || strings.Contains(u.Host, "*") {
			faults = append(faults, fmt.Errorf("%q must be one origin, without a path or a *", o))
			continue
		}
		set[Of(u)] = true
	}
	return set, faults
}

// Has reports whether s, an Origin header for instance, is one of the origins.
func (s Set) Has(o string) bool { return s[o] }

// Absolute turns a callback URL as a page sends it into an absolute one: what
// begins with a slash belongs to base, all else must be a URL of base or of an
// allowed origin. Anything that is not leads to base itself.
func (b Base) Absolute(target string, allowed Set) string {
	if strings.HasPrefix(target, "/") {
		return b.Origin + target
	}
	if o, ok := originOf(target); ok && (o == b.Origin || allowed.Has(o)) {
		return target
	}
	return b.Origin
}

// originOf reads the origin of an absolute http(s) URL and refuses every
// spelling that a browser could read in another way than net/url: backslashes,
// white space and controls, a user before the host, a missing slash.
func originOf(target string) (string, bool) {
	for _, c := range []byte(target) {
		if c <= ' ' || c == 0x7f || c == '\\' {
			return "", false
		}
	}
	u, err := url.Parse(target)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Opaque != "" || u.User != nil || u.Hostname() == "" {
		return "", false
	}
	return Of(u), true
}

// Location percent-encodes what may not stand in a Location header as it is:
// controls, spaces, quotes and everything beyond ASCII.
func Location(target string) string {
	const upperHex = "0123456789ABCDEF"
	clean := true
	for _, c := range []byte(target) {
		clean = clean && plain(c)
	}
	if clean {
		return target
	}
	var b strings.Builder
	for _, c := range []byte(target) {
		if plain(c) {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(upperHex[c>>4])
			b.WriteByte(upperHex[c&15])
		}
	}
	return b.String()
}

func plain(c byte) bool {
	return c > ' ' && c < 0x7f && c != '"' && c != '<' && c != '>' && c != '`'
}
