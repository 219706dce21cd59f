package origin

import (
	"fmt"
	"strings"
)

// DefaultMount is where the auth routes are mounted if nothing says otherwise.
const DefaultMount = "/api/auth"

// maxPath bounds a path that is put in front of others, in bytes.
const maxPath = 256

// A Place is where the auth routes are. A browser asks for Public, a proxy may take
// Prefix off its beginning, and the router finds Mount below its own path.
type Place struct {
	Mount  string // below the router: /api/auth; "" on a group that is itself the place
	Public string // as browsers see it: /shop/api/auth
	Prefix string // what browsers see in front of all paths of the application: /shop; usually ""
	Mapped bool   // a proxy must put Mount in the place of Public, which does not end in it
}

// A Layout is what a configuration says of the place.
type Layout struct {
	Option   string // what Base was written in: BaseURL or a variable's name
	Base     URL    // the zero URL if there is none
	Group    string // the router's own path, without a slash at its end
	BasePath string // where below the router; "" if that is not said
}

// Place finds the place of the auth routes. The error says what does not fit, and what
// to write instead.
func (l Layout) Place() (Place, error) {
	mount := strings.TrimSuffix(l.BasePath, "/")
	switch {
	case l.Group != "" && !PlainPath(l.Group):
		return Place{}, fmt.Errorf("BasePath: the router has the path %q, and the auth routes must have one path that is the same for every request; call Register with the engine, or with a group of letters, digits and . _ ~ - between slashes", l.Group)
	case l.BasePath == "/" && l.Group == "":
		return Place{}, fmt.Errorf("BasePath is /, where the auth routes would take every path of the site; write for instance %s", DefaultMount)
	case l.BasePath != "" && l.BasePath != "/" && !PlainPath(mount):
		return Place{}, fmt.Errorf("BasePath is %q; write for instance %s", l.BasePath, DefaultMount)
	}
	public := strings.TrimSuffix(l.Base.Rest, "/")
	switch {
	case public == "":
		return l.withoutPath(mount)
	case !PlainPath(public):
		return Place{}, fmt.Errorf("%s has the path %q; write letters, digits and . _ ~ - between slashes", l.Option, l.Base.Rest)
	}
	if before, ok := routeOf(public); ok {
		return Place{}, fmt.Errorf("%s is the address of one auth route, %s; %s", l.Option, l.Base, l.instead(before))
	}
	if l.BasePath != "" {
		return l.mounted(public, mount)
	}
	return l.belowGroup(public)
}

// withoutPath is the place where the base URL says nothing about it.
func (l Layout) withoutPath(mount string) (Place, error) {
	if l.BasePath == "" {
		mount = DefaultMount
	}
	if twice := overlap(l.Group, mount); twice != "" {
		rest := strings.TrimPrefix(mount, twice)
		if rest == "" {
			rest = "/"
		}
		return Place{}, fmt.Errorf("BasePath: the router has the path %s itself, so that the auth routes would be at %s; write %s in BasePath, or call Register with the engine",
			l.Group, l.Group+mount, rest)
	}
	return Place{Mount: mount, Public: l.Group + mount}, nil
}

// mounted is the place where both its ends are said: what the public path has in front
// of the mounted one, a proxy takes off.
func (l Layout) mounted(public, mount string) (Place, error) {
	inside := l.Group + mount
	if prefix, ok := strings.CutSuffix(public, inside); ok {
		return Place{Mount: mount, Public: public, Prefix: prefix}, nil
	}
	// Both name auth routes, as with NEXTAUTH_URL=https://h/custom/auth in a Next.js
	// application, whose routes are at /api/auth.
	if l.Group == "" && strings.HasSuffix(public, "/auth") && strings.HasSuffix(mount, "/auth") {
		return Place{Mount: mount, Public: public, Mapped: true}, nil
	}
	front := public
	for _, routes := range []string{mount, DefaultMount, "/auth"} {
		if cut, ok := strings.CutSuffix(public, routes); ok {
			front = cut
			break
		}
	}
	return Place{}, fmt.Errorf("%s has the path %s, which does not end in %s, where the auth routes are mounted; write %s in %s",
		l.Option, public, inside, l.Base.Origin()+strings.TrimSuffix(front, l.Group)+inside, l.Option)
}

// belowGroup is the place where the base URL alone says it. No proxy takes anything off
// then.
func (l Layout) belowGroup(public string) (Place, error) {
	site, isAuth := strings.CutSuffix(public, "/auth")
	switch {
	case !isAuth:
		return Place{}, fmt.Errorf("%s has the path %s, and it must name the auth routes and not the site, whose own routes they would take; %s",
			l.Option, public, l.siteAt(public))
	case public == l.Group:
		return Place{Public: public}, nil
	case strings.HasPrefix(public, l.Group+"/"):
		return Place{Mount: strings.TrimPrefix(public, l.Group), Public: public}, nil
	}
	if at := strings.LastIndex(public, l.Group+"/"); at > 0 {
		return Place{}, fmt.Errorf("%s has the path %s, and the router is at %s; if a proxy takes %s off, write %s in BasePath",
			l.Option, public, l.Group, public[:at], public[at+len(l.Group):])
	}
	return Place{}, fmt.Errorf("%s has the path %s, which is not below the router's own, %s; write %s in %s, or, if a proxy takes %s off, %s there and %s in BasePath",
		l.Option, public, l.Group, l.Base.Origin()+l.Group+DefaultMount, l.Option,
		orSlash(site), l.Base.Origin()+site+l.Group+DefaultMount, DefaultMount)
}

// siteAt says how to write a base URL whose path may be the site's.
func (l Layout) siteAt(path string) string {
	full := l.Base.Origin() + path + DefaultMount
	switch rest, below := strings.CutPrefix(path, l.Group); {
	case path == l.Group:
		return fmt.Sprintf("write %s in %s", full, l.Option)
	case l.Group == "":
		return fmt.Sprintf("write %s in %s, and %s in BasePath if a proxy takes %s off; or, if %s is the path of the auth routes, write it in BasePath too",
			full, l.Option, DefaultMount, path, path)
	case below && strings.HasPrefix(rest, "/"):
		return fmt.Sprintf("write %s in %s; or, if %s is the path of the auth routes, write %s in BasePath too", full, l.Option, path, rest)
	}
	return fmt.Sprintf("write %s in %s; or, if a proxy takes %s off, %s there and %s in BasePath",
		l.Base.Origin()+l.Group+DefaultMount, l.Option, path, l.Base.Origin()+path+l.Group+DefaultMount, DefaultMount)
}

// instead says what to write for an address of one auth route. before is the path of
// all of them.
func (l Layout) instead(before string) string {
	fixed := l
	fixed.Base.Rest = before
	if _, err := fixed.Place(); err == nil {
		return fmt.Sprintf("write %s", fixed.Base)
	}
	if rest, ok := strings.CutPrefix(before, l.Group); ok && rest != "" {
		return fmt.Sprintf("write %s, and %s in BasePath", fixed.Base, rest)
	}
	return fmt.Sprintf("write %s", l.Base.Origin())
}

// routeOf reports whether a path is the one of a single auth route, as people copy it
// from a provider's settings, and what is in front of it.
func routeOf(path string) (before string, ok bool) {
	segments := strings.Split(path, "/") // of a plain path, whose first one is empty
	last := len(segments) - 1
	switch {
	case segments[last-1] == "callback" || segments[last-1] == "signin":
		return strings.Join(segments[:last-1], "/"), true
	case segments[last] == "callback",
		segments[last-1] == "auth" && (segments[last] == "signin" || segments[last] == "signout" || segments[last] == "session"):
		return strings.Join(segments[:last], "/"), true
	}
	return "", false
}

// overlap is what the end of a router's path and the beginning of a mounted one have in
// common, in whole segments: /api of /v1/api and /api/auth.
func overlap(group, mount string) string {
	segments := strings.SplitAfter(mount, "/")[1:]
	for n := len(segments); n > 0; n-- {
		if common := "/" + strings.TrimSuffix(strings.Join(segments[:n], ""), "/"); strings.HasSuffix(group, common) {
			return common
		}
	}
	return ""
}

func orSlash(path string) string {
	if path == "" {
		return "/"
	}
	return path
}

// PlainPath reports whether a path is one that no program reads in two ways: segments of
// letters, digits and . _ ~ - between slashes, none of them . or .., without a slash at
// its end.
func PlainPath(path string) bool {
	if path == "" || path[0] != '/' || len(path) > maxPath {
		return false
	}
	for segment := range strings.SplitSeq(path[1:], "/") {
		if segment == "" || segment == "." || segment == ".." {
			return false
		}
		for _, c := range []byte(segment) {
			if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '_' || c == '~' || c == '-') {
				return false
			}
		}
	}
	return true
}
