// Package origin decides which URL this site has, which headers of a request it
// believes for that, which of them only a browser sends, and where a redirect may lead. It
// does not know what is behind a URL, or who sent a request.
package origin

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// ErrHost says that a request names a host this site does not answer for.
var ErrHost = errors.New("origin: the request's host is not trusted")

// A Base is the site's URL as one request sees it.
type Base struct {
	Origin string // scheme and host, without a path: https://app.example.com
	URL    string // the auth routes' URL, without a slash at its end
	Prefix string // what browsers see in front of the application's own paths, since a proxy takes it off: /shop
	Secure bool   // the site is on https, and so are its cookies
}

// Host is the site's host name as people read it, with its port if it has one:
// münchen.example.
func (b Base) Host() string { return display(b.host()) }

func (b Base) host() string {
	_, host, _ := strings.Cut(b.Origin, "://")
	return host
}

// Loopback reports that the site is on this machine, where browsers take Secure
// cookies over http too.
func (b Base) Loopback() bool {
	name, _, err := splitPort(b.host())
	return err == nil && loopback(name)
}

// Domains are those for which this host may set a cookie (RFC 6265 §5.1.3): its own
// name and the names above it, without public suffixes such as com or co.uk, for which
// browsers take none (§5.3 step 5). An address has none.
func (b Base) Domains() (domains []string) {
	name, _, _ := splitPort(b.host())
	highest, err := publicsuffix.EffectiveTLDPlusOne(name)
	if err != nil { // an address, localhost, or a public suffix itself
		return nil
	}
	for ; len(name) >= len(highest); _, name, _ = strings.Cut(name, ".") {
		domains = append(domains, name)
	}
	return domains
}

// TakesCookieFor reports whether browsers take a cookie of this host whose Domain
// attribute is domain (RFC 6265 §5.3 steps 5 and 6). For a host that is a public suffix
// or an address, that is its own name alone.
func (b Base) TakesCookieFor(domain string) bool {
	name, _, err := splitPort(b.host())
	return err == nil && name == domain || slices.Contains(b.Domains(), domain)
}

// OpenedByHTTP reports that a browser opened a page of a site on https over http, as far
// as that shows, for a log. A proxy says so, and no header does that browsers send over
// https alone (Fetch Metadata §3); or the browser names the port that this process listens
// on, without TLS.
func (b Base) OpenedByHTTP(req *http.Request) bool {
	if !b.Secure || req.TLS != nil {
		return false
	}
	if forwarded := req.Header["X-Forwarded-Proto"]; len(forwarded) > 0 {
		return last(forwarded) == "http" && len(req.Header["Sec-Fetch-Mode"]) == 0
	}
	_, port, _ := splitPort(req.Host)
	at, ok := req.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return ok && port != "" && req.Host == b.host() && strings.HasSuffix(at.String(), ":"+port)
}

// Config says how the base is found.
type Config struct {
	BaseURL        string         // fixed; the rest is then not looked at
	Path           string         // the auth routes' public path
	Prefix         string         // of Path and of all other paths of the application: what a proxy takes off
	TrustedHosts   []string       // exact, or *.example.com; with a port: that port alone
	TrustAnyHost   bool           // any host the request names
	TrustLoopback  bool           // localhost, loopback addresses, and tests without a server: development
	TrustedProxies []netip.Prefix // peers whose X-Forwarded-* are believed
	TrustPrefix    bool           // their X-Forwarded-Prefix too
}

// A Resolver finds the Base of each request. It is immutable.
type Resolver struct {
	config Config
	fixed  *Base
	hosts  []pattern
}

// New checks a Config. Path must be set.
func New(config Config) (*Resolver, error) {
	r := &Resolver{config: config}
	if config.BaseURL != "" {
		u, err := Parse(config.BaseURL)
		if err != nil {
			return nil, err
		}
		r.fixed = &Base{Origin: u.Origin(), URL: u.Origin() + config.Path, Prefix: config.Prefix, Secure: u.Scheme == "https"}
		return r, nil
	}
	for _, host := range config.TrustedHosts {
		p, err := newPattern(host)
		if err != nil {
			return nil, err
		}
		r.hosts = append(r.hosts, p)
	}
	return r, nil
}

// Base returns the site's URL for a request, or ErrHost. A host or scheme that
// the request chose counts only where the configuration lets it: mail links,
// callback URLs and cookies all hang on this answer.
func (r *Resolver) Base(req *http.Request) (Base, error) {
	if r.fixed != nil {
		if prefix := r.forwardedPrefix(req); prefix != "" {
			return r.below(r.fixed.Origin, prefix, r.fixed.Secure), nil
		}
		return *r.fixed, nil
	}
	host, scheme := req.Host, "http"
	if req.TLS != nil {
		scheme = "https"
	}
	if r.trustedPeer(req) {
		if forwarded := last(req.Header["X-Forwarded-Host"]); forwarded != "" {
			host = forwarded
		}
		// A proxy that says anything but plain http ends TLS in front of us.
		if forwarded := req.Header["X-Forwarded-Proto"]; len(forwarded) > 0 {
			scheme = "https"
			if len(forwarded) == 1 && forwarded[0] == "http" {
				scheme = "http"
			}
		}
	}
	name, port, err := sentHost(host)
	if err != nil || !r.trusts(name, port, scheme) && !(r.config.TrustLoopback && ofTest(req, host)) {
		return Base{}, ErrHost
	}
	return r.below(scheme+"://"+withPort(name, port, scheme), r.forwardedPrefix(req), scheme == "https"), nil
}

func (r *Resolver) below(origin, prefix string, secure bool) Base {
	return Base{Origin: origin, URL: origin + prefix + r.config.Path, Prefix: prefix, Secure: secure}
}

// Sites are the URLs at which the auth routes are reached, as far as the configuration
// tells. What only a request tells is in angle brackets: http://localhost:<port>/api/auth.
func (r *Resolver) Sites() (sites []string) {
	path := r.config.Path
	if r.config.TrustPrefix {
		path = "<prefix>" + path
	}
	if r.fixed != nil {
		return []string{r.fixed.Origin + path}
	}
	for _, p := range r.hosts {
		scheme, name := "https", p.name
		if loopback(p.name) {
			scheme = "http"
		}
		if p.suffix {
			name = "<host>." + name
		}
		sites = append(sites, scheme+"://"+withPort(name, p.port, scheme)+path)
	}
	switch {
	case r.config.TrustAnyHost:
		sites = append(sites, "https://<host>"+path)
	case r.config.TrustLoopback:
		sites = append(sites, "http://localhost:<port>"+path)
	}
	return sites
}

// forwardedPrefix is what a trusted proxy says that it took off the path. Proxies pass
// the header of a client on unless they set it: of several, the nearest one's counts,
// and a path that is not plain counts for nothing.
func (r *Resolver) forwardedPrefix(req *http.Request) string {
	if !r.config.TrustPrefix {
		return ""
	}
	prefix := strings.TrimSuffix(last(req.Header["X-Forwarded-Prefix"]), "/")
	if !PlainPath(prefix) || !r.trustedPeer(req) {
		return ""
	}
	return prefix
}

func (r *Resolver) trusts(name, port, scheme string) bool {
	if r.config.TrustAnyHost || r.config.TrustLoopback && loopback(name) {
		return true
	}
	for _, p := range r.hosts {
		if p.matches(name, port, scheme) {
			return true
		}
	}
	return false
}

// ofTest reports that a request is one of net/http/httptest.NewRequest: of the peer that
// it writes, which no client has (RFC 5737 §3), and to its default host.
func ofTest(req *http.Request, host string) bool {
	return req.RemoteAddr == "192.0.2.1:1234" && host == "example.com"
}

func loopback(name string) bool {
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(strings.Trim(name, "[]"))
	return err == nil && addr.Unmap().IsLoopback()
}

// sentHost reads the host of a request. It refuses what is not plainly a host name
// or address with an optional port: a browser sends the form that Host returns.
func sentHost(host string) (name, port string, err error) {
	if strings.HasSuffix(host, ":") || strings.Contains(host, "%") || !isASCII(host) {
		return "", "", ErrHost
	}
	return splitHost(host)
}

// splitHost takes a host and its port apart and brings both into one form.
func splitHost(host string) (name, port string, err error) {
	if name, port, err = splitPort(host); err == nil {
		name, err = canonicalHost(name)
	}
	return name, port, err
}

// last is the value the nearest proxy appended.
func last(values []string) string {
	if len(values) == 0 {
		return ""
	}
	v := values[len(values)-1]
	return strings.TrimSpace(v[strings.LastIndexByte(v, ',')+1:])
}

// A pattern is one entry of TrustedHosts.
type pattern struct {
	suffix bool // any name below this one
	name   string
	port   string
}

func newPattern(entry string) (pattern, error) {
	rest, wild := strings.CutPrefix(entry, "*.")
	name, port, err := splitHost(rest)
	if err != nil || strings.HasSuffix(rest, ":") || wild && isAddress(name) {
		return pattern{}, fmt.Errorf("%q is not a host; write app.example.com or *.example.com", entry)
	}
	return pattern{wild, name, port}, nil
}

// isAddress tells an IP address from a name.
func isAddress(name string) bool { return name[0] == '[' || endsInNumber(name) }

func (p pattern) matches(name, port, scheme string) bool {
	if withPort(name, port, scheme) != withPort(name, p.port, scheme) {
		return false
	}
	if p.suffix {
		return strings.HasSuffix(name, "."+p.name)
	}
	return name == p.name
}

// MeetsHost reports whether a browser may open one host as either site, so that its
// cookies reach both. Cookies are not bound to a port (RFC 6265 §8.5).
func (r *Resolver) MeetsHost(other *Resolver) bool {
	return slices.ContainsFunc(r.answersFor(), func(p pattern) bool { return slices.ContainsFunc(other.answersFor(), p.meets) })
}

// answersFor are the hosts of the site. The zero pattern stands for any.
func (r *Resolver) answersFor() []pattern {
	switch {
	case r.fixed != nil:
		name, _, _ := splitPort(r.fixed.host())
		return []pattern{{name: name}}
	case r.config.TrustAnyHost:
		return []pattern{{}}
	case r.config.TrustLoopback:
		return []pattern{{name: "localhost"}, {suffix: true, name: "localhost"}, {name: "127.0.0.1"}, {name: "[::1]"}}
	}
	return r.hosts
}

// meets reports whether two patterns have a name in common, whatever the ports.
func (p pattern) meets(q pattern) bool {
	below := func(name, of string) bool { return strings.HasSuffix(name, "."+of) }
	switch {
	case p.name == "" || q.name == "" || p == (pattern{q.suffix, q.name, p.port}):
		return true
	case p.suffix && q.suffix:
		return below(p.name, q.name) || below(q.name, p.name)
	}
	return p.suffix && below(q.name, p.name) || q.suffix && below(p.name, q.name)
}
