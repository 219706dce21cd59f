package origin

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"

	"github.com/ginauth/ginauth/internal/ascii"
)

// maxHost bounds a host, in bytes, before it is decoded. A name in DNS has 253;
// encoding a name in punycode takes time that grows with its square.
const maxHost = 2048

// domains maps a host name to ASCII as browsers do (WHATWG URL §3.3, UTS #46). The
// lookup profile would refuse my_app and r3---sn-x, which browsers and compose
// files have.
var domains = idna.New(
	idna.MapForLookup(), idna.Transitional(false), idna.BidiRule(),
	idna.StrictDomainName(false), idna.CheckHyphens(false),
)

// Host returns the one form of a host name or address without a port, which is
// what a browser makes of it (WHATWG URL §3.5): xn--mnchen-3ya.example for
// München.example, 127.0.0.1 for 0x7f.1, [::1] for [0:0::1].
func Host(name string) (string, error) {
	host, err := canonicalHost(name)
	if err != nil {
		return "", fmt.Errorf("%q %w", name, err)
	}
	return host, nil
}

func canonicalHost(name string) (string, error) {
	if len(name) > maxHost {
		return "", errHost
	}
	if inner, ok := strings.CutPrefix(name, "["); ok {
		return ipv6(strings.TrimSuffix(inner, "]"), strings.HasSuffix(inner, "]"))
	}
	if strings.Contains(name, "%") {
		decoded, err := url.PathUnescape(name)
		if err != nil {
			return "", errHost
		}
		name = decoded
	}
	name = ascii.Lower(name)
	if !isASCII(name) || punycoded(name) {
		mapped, err := toASCII(name)
		if err != nil {
			return "", err
		}
		name = mapped
	}
	if strings.Trim(name, ".") == "" {
		return "", errHost
	}
	for _, c := range []byte(name) {
		if !hostByte(c) {
			return "", errHost
		}
	}
	if endsInNumber(name) {
		return ipv4(name)
	}
	return name, nil
}

// toASCII maps a name that has letters beyond ASCII, or labels in punycode, which
// are checked and must stay as they are.
func toASCII(name string) (string, error) {
	international := !isASCII(name)
	// Unicode 15.1 maps ẞ to ß, earlier versions to ss: browsers differ.
	if !utf8.ValidString(name) || strings.ContainsRune(name, 'ẞ') || international && punycodeWithin(name) {
		return "", errHost
	}
	mapped, err := domains.ToASCII(name)
	if err != nil {
		return "", errHost
	}
	// What was mapped is checked once more: the rules for names from right to left
	// look at a name as it was before.
	if again, err := domains.ToASCII(mapped); err != nil || again != mapped || !international && mapped != name {
		return "", errHost
	}
	return mapped, nil
}

// punycodeWithin reports whether a name beyond ASCII may have a label in punycode
// once it is mapped. Package idna decodes such a label with the letters beyond
// ASCII in it; browsers refuse it.
func punycodeWithin(name string) bool {
	return strings.Contains(strings.Map(func(r rune) rune {
		if r >= utf8.RuneSelf {
			return -1
		}
		return r
	}, ascii.Lower(norm.NFKC.String(name))), "xn--")
}

// hostByte admits what names in use consist of. Browsers take more, such as
// quotation marks and semicolons, which mean something in the headers and pages
// that a host gets into.
func hostByte(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_'
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func punycoded(name string) bool {
	return strings.HasPrefix(name, "xn--") || strings.Contains(name, ".xn--")
}

// ipv6 reads an address in brackets. closed says that the second one was there.
func ipv6(inner string, closed bool) (string, error) {
	addr, _ := netip.ParseAddr(inner) // the zero address is neither
	if !closed || !addr.Is6() || addr.Zone() != "" {
		return "", errHost
	}
	if addr.Is4In6() { // browsers write no dots in it
		b := addr.As16()
		return fmt.Sprintf("[::ffff:%x:%x]", uint(b[12])<<8|uint(b[13]), uint(b[14])<<8|uint(b[15])), nil
	}
	return "[" + addr.String() + "]", nil
}

// endsInNumber tells an IPv4 address from a name (WHATWG URL §3.5): a browser
// takes a name whose last label is a number for an address, or for nothing.
func endsInNumber(name string) bool {
	name = strings.TrimSuffix(name, ".")
	last := name[strings.LastIndexByte(name, '.')+1:]
	if digits, ok := strings.CutPrefix(last, "0x"); ok {
		return strings.Trim(digits, "0123456789abcdef") == ""
	}
	return last != "" && strings.Trim(last, "0123456789") == ""
}

// ipv4 reads an address of up to four numbers, each decimal, octal (0177) or
// hexadecimal (0x7f), the last one filling what is left.
func ipv4(name string) (string, error) {
	parts := strings.Split(strings.TrimSuffix(name, "."), ".")
	if len(parts) > 4 {
		return "", errHost
	}
	var address uint64
	for i, part := range parts {
		n, err := ipv4Number(part)
		bytes := 1
		if i == len(parts)-1 {
			bytes = 5 - len(parts)
		}
		if err != nil || n >= 1<<(8*bytes) {
			return "", errHost
		}
		address = address<<(8*bytes) | n
	}
	return netip.AddrFrom4([4]byte{byte(address >> 24), byte(address >> 16), byte(address >> 8), byte(address)}).String(), nil
}

func ipv4Number(part string) (uint64, error) {
	base := 10
	switch {
	case strings.HasPrefix(part, "0x"):
		if part = part[2:]; part == "" {
			return 0, nil
		}
		base = 16
	case len(part) > 1 && part[0] == '0':
		part, base = part[1:], 8
	}
	return strconv.ParseUint(part, base, 64) // which takes no sign, and no underscore in a base that is said
}

// display is a host as people read it: münchen.example.
func display(host string) string {
	name, port, _ := splitPort(host) // no name, if it is no host
	if !punycoded(name) {
		return host
	}
	shown, err := domains.ToUnicode(name)
	if err != nil {
		return host
	}
	if port != "" {
		shown += ":" + port
	}
	return shown
}
