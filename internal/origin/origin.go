// Package origin decides which URL this site is known by, which of a request's
// headers may have a say in it, and where a redirect may lead.
package origin

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// ErrHost says that a request names a host this site does not answer for.
var ErrHost = errors.New("origin: the request's host is not trusted")

// A Base is the site's URL as one request sees it.
type Base struct {
	Origin string // scheme and host, without a path: https://app.example.com
	URL    string // the auth routes' URL, without a slash at its end
	Secure bool   // the site is on https, and so are its cookies
}

// Host is the site's host name, with its port if it has one.
func (b Base) Host() string {
	_, host, _ := strings.Cut(b.Origin, "://")
	return host
}

// Loopback reports that the site is on this machine, where browsers take Secure
// cookies over http too.
func (b Base) Loopback() bool {
	u, err := url.Parse(b.Origin)
	return err == nil && loopback(u.Hostname())
}

// Domains are those for which this host may set a cookie (RFC 6265 §5.1.3): its own
// name and the names above it, as far as they are not a public suffix such as com or
// co.uk, for which browsers take none (§5.3 step 5). An address has none.
func (b Base) Domains() (domains []string) {
	u, err := url.Parse(b.Origin)
	if err != nil {
		return nil
	}
	name := u.Hostname()
	if _, err := netip.ParseAddr(name); err == nil {
		return nil
	}
	highest, err := publicsuffix.EffectiveTLDPlusOne(name)
	if err != nil { // localhost, or a public suffix itself
		return nil
	}
	for ; len(name) >= len(highest); _, name, _ = strings.Cut(name, ".") {
		domains = append(domains, name)
	}
	return domains
}

// Config says how the base is found.
type Config struct {
	BaseURL        string         // fixed; the rest is then not looked at
	Path           string         // the auth routes' public path, where BaseURL does not settle it
	TrustedHosts   []string       // exact, or *.example.com; with a port: that port alone
	TrustAnyHost   bool           // any host the request names
	TrustLoopback  bool           // localhost and loopback addresses: development
	TrustedProxies []netip.Prefix // peers whose X-Forwarded-* are believed
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
		r.fixed = &Base{Origin: Of(u), URL: Of(u) + config.Path, Secure: u.Scheme == "https"}
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

// Parse reads an absolute http or https URL without user, query or fragment.
func Parse(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return nil, fmt.Errorf("%q is not an http or https URL", s)
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, fmt.Errorf("%q must not have a user, a query or a fragment", s)
	}
	return u, nil
}

// Of is a URL's origin (RFC 6454 §6.1): lower case, without the scheme's own port.
func Of(u *url.URL) string {
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Hostname())
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port := u.Port(); port != "" && !(scheme == "http" && port == "80") && !(scheme == "https" && port == "443") {
		host += ":" + port
	}
	return scheme + "://" + host
}

// Base returns the site's URL for a request, or ErrHost. A host or scheme that
// the request chose counts only where the configuration lets it: mail links,
// callback URLs and cookies all hang on this answer.
func (r *Resolver) Base(req *http.Request) (Base, error) {
	if r.fixed != nil {
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
	name, port, err := splitHost(host)
	if err != nil || !r.trusts(name, port, scheme) {
		return Base{}, ErrHost
	}
	origin := Of(&url.URL{Scheme: scheme, Host: host})
	return Base{Origin: origin, URL: origin + r.config.Path, Secure: scheme == "https"}, nil
}

// ClientAddr is the address of the client: the peer's, or the nearest one in
// X-Forwarded-For that is not itself a trusted proxy. What is further away than
// that, the client may have written itself. It is not valid for a peer without an
// address, as on a Unix socket.
func (r *Resolver) ClientAddr(req *http.Request) netip.Addr {
	addr := peer(req)
	if !r.trusted(addr) {
		return addr
	}
	fields := req.Header["X-Forwarded-For"]
	for i := len(fields) - 1; i >= 0; i-- {
		for rest, more := fields[i], true; more; {
			var hop netip.Addr
			comma := strings.LastIndexByte(rest, ',')
			hop, more = forwardedHop(rest[comma+1:]), comma >= 0
			if !hop.IsValid() {
				return addr
			}
			if addr = hop; !r.trusted(addr) {
				return addr
			}
			rest = rest[:max(comma, 0)]
		}
	}
	return addr
}

// Unlisted reports that a request names a client that it was forwarded for, and
// that its peer is not trusted to: a proxy that is not configured, or somebody's
// pretence.
func (r *Resolver) Unlisted(req *http.Request) bool {
	return len(req.Header["X-Forwarded-For"]) > 0 && !r.trustedPeer(req)
}

// forwardedHop reads an entry of X-Forwarded-For. Some proxies add the port.
func forwardedHop(entry string) netip.Addr {
	entry = strings.TrimSpace(entry)
	if ap, err := netip.ParseAddrPort(entry); err == nil {
		return ap.Addr().Unmap().WithZone("")
	}
	if inner, ok := strings.CutPrefix(entry, "["); ok {
		entry = strings.TrimSuffix(inner, "]")
	}
	addr, err := netip.ParseAddr(entry)
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}

func (r *Resolver) trustedPeer(req *http.Request) bool { return r.trusted(peer(req)) }

func (r *Resolver) trusted(addr netip.Addr) bool {
	for _, p := range r.config.TrustedProxies {
		if p.Contains(addr) {
			return true
		}
	}
	return false
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

func peer(req *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(req.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

func loopback(name string) bool {
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(name)
	return err == nil && addr.Unmap().IsLoopback()
}

// splitHost takes a Host header apart and refuses what is not plainly a host
// name or address with an optional port.
func splitHost(host string) (name, port string, err error) {
	u, err := url.Parse("//" + host)
	if err != nil || u.Host != host || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
		return "", "", ErrHost
	}
	name, port = strings.ToLower(u.Hostname()), u.Port()
	if name == "" || strings.HasSuffix(host, ":") {
		return "", "", ErrHost
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return name, port, nil
	}
	for _, c := range []byte(name) {
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_') {
			return "", "", ErrHost
		}
	}
	return name, port, nil
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
	if err != nil || wild && net.ParseIP(name) != nil {
		return pattern{}, fmt.Errorf("%q is not a host; write app.example.com or *.example.com", entry)
	}
	return pattern{wild, name, port}, nil
}

func (p pattern) matches(name, port, scheme string) bool {
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[scheme]
	}
	want := p.port
	if want == "" {
		want = map[string]string{"http": "80", "https": "443"}[scheme]
	}
	if port != want {
		return false
	}
	if p.suffix {
		return strings.HasSuffix(name, "."+p.name)
	}
	return name == p.name
}
