package limit

import (
	"net/netip"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Address is what all addresses of one client have in common, "" for none: an
// IPv4 address, however it is written, or the first 64 bits of an IPv6 address,
// since a subscriber is given at least as many to choose the rest from (RFC 6177
// §2).
func Address(addr netip.Addr) string {
	addr = addr.Unmap().WithZone("")
	if !addr.Is6() {
		if addr.Is4() {
			return addr.String()
		}
		return ""
	}
	return netip.PrefixFrom(addr, 64).Masked().String()
}

// Identifier is what all spellings have in common under which an application may
// find the same person: without regard to case, width, accents, invisible
// characters and the white space around it (Unicode NFKC, and what the usual
// collations of databases ignore). Two people whose names differ in accents alone
// share a bucket, which harms neither; an attacker with a new spelling for each
// guess would have no limit.
func Identifier(typed string) string {
	fold := func(r rune) rune {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf, unicode.Cc) && !unicode.IsSpace(r):
			return -1
		}
		return unicode.ToLower(unicode.ToUpper(r)) // both: σ and ς have one capital letter
	}
	typed = strings.ToValidUTF8(typed, "\uFFFD") // package norm leaves letters composed behind broken ones
	return strings.TrimSpace(norm.NFKC.String(strings.Map(fold, norm.NFKD.String(typed))))
}

// Mailbox is the Identifier of an e-mail address, without what many servers
// deliver to the same box: the part behind a plus sign (RFC 5233 §1).
func Mailbox(address string) string {
	address = Identifier(address)
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return address
	}
	local, _, _ := strings.Cut(address[:at], "+")
	return local + address[at:]
}
