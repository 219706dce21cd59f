package origin

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// UnixSocket stands in TrustedProxies for the peers of a Unix socket, which have no
// address. It is the unspecified address, which no host has (RFC 4291 §2.5.2).
func UnixSocket() netip.Prefix { return netip.PrefixFrom(netip.IPv6Unspecified(), 128) }

// CheckProxies says what is wrong with the networks of TrustedProxies.
func CheckProxies(proxies []netip.Prefix) (faults []error) {
	for _, p := range proxies {
		switch {
		case !p.IsValid():
			faults = append(faults, fmt.Errorf("%v; write for instance netip.MustParsePrefix(\"10.0.0.0/8\"), or ginauth.UnixSocket()", p))
		case p.Addr().Is4In6():
			faults = append(faults, fmt.Errorf("%v, an IPv4 network written as IPv6, in which no address is; write %v",
				p, netip.PrefixFrom(p.Addr().Unmap(), max(0, p.Bits()-96))))
		}
	}
	return faults
}

// EveryonesProxies are those of TrustedProxies that hold so many addresses that clients
// are among them: larger than any network of one's own (RFC 1918, RFC 4193).
func EveryonesProxies(proxies []netip.Prefix) (all []netip.Prefix) {
	for _, p := range proxies {
		if p.Bits() < 7 {
			all = append(all, p)
		}
	}
	return all
}

// ClientAddr is the address of the client: the peer's, or the nearest one in
// X-Forwarded-For that is not itself a trusted proxy. What is further away than
// that, the client may have written itself. It is not valid where nobody tells, as on
// a Unix socket without a trusted proxy, or where a trusted one writes "unknown".
func (r *Resolver) ClientAddr(req *http.Request) netip.Addr {
	addr := peer(req)
	if !r.trustedPeer(req) {
		return addr
	}
	fields := req.Header["X-Forwarded-For"]
	for i := len(fields) - 1; i >= 0; i-- {
		for rest, more := fields[i], true; more; {
			var hop netip.Addr
			comma := strings.LastIndexByte(rest, ',')
			hop, more = address(rest[comma+1:]), comma >= 0
			if withheld(rest[comma+1:]) {
				return netip.Addr{}
			}
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

// withheld reports that a proxy does not tell whom it forwards for, in the words of RFC
// 7239 §6.2 and §6.3, which Squid writes here too. All its clients would else be one.
func withheld(hop string) bool {
	hop = strings.TrimSpace(hop)
	return hop == "unknown" || strings.HasPrefix(hop, "_")
}

// Unlisted reports that a request names a client that it was forwarded for, and
// that its peer is not trusted to: a proxy that is not configured, or an attacker's
// pretence.
func (r *Resolver) Unlisted(req *http.Request) bool {
	return len(req.Header["X-Forwarded-For"]) > 0 && !r.trustedPeer(req)
}

// Listed reports that a request came from one of TrustedProxies.
func (r *Resolver) Listed(req *http.Request) bool { return r.trustedPeer(req) }

// UnknownPrefix is what a proxy says that it took off the path, where the site's address
// has no such prefix; "" where it has, or where none says so. Anybody can write it: it is
// for a log alone.
func (b Base) UnknownPrefix(req *http.Request) string {
	prefix := strings.TrimSuffix(last(req.Header["X-Forwarded-Prefix"]), "/")
	if !PlainPath(prefix) || strings.HasPrefix(b.URL, b.Origin+prefix+"/") {
		return ""
	}
	return prefix
}

func (r *Resolver) trustedPeer(req *http.Request) bool {
	if addr := peer(req); addr.IsValid() {
		return r.trusted(addr)
	}
	return slices.Contains(r.config.TrustedProxies, UnixSocket()) && onUnixSocket(req)
}

func (r *Resolver) trusted(addr netip.Addr) bool {
	for _, p := range r.config.TrustedProxies {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// peer is the address of the connection's other end, as net/http writes it, or without
// a port, as adapters and middlewares do. It is not valid if the peer has no address.
func peer(req *http.Request) netip.Addr { return address(req.RemoteAddr) }

// onUnixSocket reports that a request without an address came by a Unix socket: its
// peer is called "@" there, on some systems nothing, or by a path.
func onUnixSocket(req *http.Request) bool {
	if at, ok := req.Context().Value(http.LocalAddrContextKey).(net.Addr); ok && at.Network() != "unix" {
		return false // a middleware wrote what a header says
	}
	return req.RemoteAddr == "" || req.RemoteAddr[0] == '@' || req.RemoteAddr[0] == '/'
}

// address reads an address with or without a port, and an IPv6 one with or without
// brackets. The unspecified address is not valid.
func address(text string) netip.Addr {
	text = strings.TrimSpace(text)
	var addr netip.Addr
	if ap, err := netip.ParseAddrPort(text); err == nil {
		addr = ap.Addr()
	} else {
		if inner, ok := strings.CutPrefix(text, "["); ok {
			text = strings.TrimSuffix(inner, "]")
		}
		addr, _ = netip.ParseAddr(text)
	}
	if addr = addr.Unmap().WithZone(""); addr.IsUnspecified() {
		return netip.Addr{}
	}
	return addr
}
