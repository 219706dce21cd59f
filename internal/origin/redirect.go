package origin

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
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
		if u.Rest != "" && u.Rest != "/" {
			faults = append(faults, fmt.Errorf("%q must be one origin, without a path or a *", o))
			continue
		}
		set[u.Origin()] = true
	}
	return set, faults
}

// Has reports whether s, an Origin header for instance, is one of the origins.
func (s Set) Has(o string) bool { return s[o] }

// Site is the application's own URL, without a slash at its end.
func (b Base) Site() string { return b.Origin + b.Prefix }

// Home is the application's first page. Below a prefix it has a slash at its end, without
// which a proxy may take it for another site's.
func (b Base) Home() string {
	if b.Prefix == "" {
		return b.Origin
	}
	return b.Site() + "/"
}

// Public is a path of the application as browsers see it: with the prefix in front, which
// it may have already. Anything but a path stays as it is.
func (b Base) Public(path string) string {
	if b.Prefix == "" || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || b.within(path) {
		return path
	}
	return b.Prefix + path
}

// Inner is a path as the application itself knows it: without the prefix.
func (b Base) Inner(path string) string {
	if b.Prefix == "" || !b.within(path) {
		return path
	}
	if path = strings.TrimPrefix(path, b.Prefix); !strings.HasPrefix(path, "/") {
		return "/" + path
	}
	return path
}

// within reports whether a path has the prefix already.
func (b Base) within(path string) bool {
	rest, ok := strings.CutPrefix(path, b.Prefix)
	return ok && (rest == "" || strings.IndexByte("/?#", rest[0]) >= 0)
}

// Absolute turns a callback URL as a page sends it into an absolute one: what
// begins with a slash belongs to the application, all else must be a URL of base or of
// an allowed origin. It is written anew, with the origin that was compared and not
// with the text that was read. Anything else leads home.
func (b Base) Absolute(target string, allowed Set) string {
	if strings.HasPrefix(target, "/") {
		return b.Origin + b.Public(target)
	}
	if u, err := Read(target); err == nil && (u.Origin() == b.Origin || allowed.Has(u.Origin())) {
		if target = u.String(); target != b.Site() {
			return target
		}
	}
	return b.Home()
}

// Location is a URL as it may stand in a Location header: a host beyond ASCII in
// its ASCII form, and controls, spaces, quotation marks, angle brackets and every
// other letter beyond ASCII percent-encoded, as browsers encode them.
func Location(target string) string {
	const upperHex = "0123456789ABCDEF"
	clean := true
	for _, c := range []byte(target) {
		clean = clean && plain(c)
	}
	if clean {
		return target
	}
	if u, err := Read(target); err == nil {
		target = u.String()
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

// plain bytes stay: those that a browser too leaves in a path, query and fragment
// or, as the backtick, in one of them.
func plain(c byte) bool {
	return c > ' ' && c < 0x7f && c != '"' && c != '<' && c != '>'
}

var errNoPage = errors.New("ginauth: neither a path of this site nor a URL")

// CheckPage checks a page that requests are led to, and writes its URL in its usual form.
func CheckPage(page *string) error {
	if *page == "" || strings.HasPrefix(*page, "/") {
		return CheckLink(*page)
	}
	u, err := Parse(*page)
	if err == nil {
		*page = u.String()
	}
	return err
}

// CheckLink checks what a page of ours has a link to: a path, or a URL that may have a
// query and a fragment. Browsers take // and /\ for the beginning of another host.
func CheckLink(page string) error {
	if !strings.HasPrefix(page, "/") && page != "" {
		_, err := Read(page)
		return err
	}
	if strings.HasPrefix(page, "//") || strings.Contains(page, `\`) || strings.ContainsFunc(page, unicode.IsControl) {
		return errNoPage
	}
	return nil
}
