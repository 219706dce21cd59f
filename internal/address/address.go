// Package address decides what an e-mail address is. A person who proves that they
// read the mail of one address must not pass for the owner of another: one that only
// looks the same, or that a mail server reads differently. It knows the grammar and
// the spelling of addresses. It does not know users or mail servers.
package address

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// Limits in bytes (RFC 5321 §4.5.3.1, and §4.5.3.1.3 without the angle brackets).
const (
	maxLocal   = 64
	maxAddress = 254
)

// maxInput bounds what is looked at at all, in bytes: normalizing a text may
// lengthen it eighteen times.
const maxInput = 1024

// ErrInvalid says that a text is no e-mail address, or not one that mail is sent
// to. It does not repeat the text, which a person typed.
var ErrInvalid = errors.New("address: not one plain e-mail address")

// atext are the ASCII signs of a local part besides letters and digits (RFC 5322
// §3.2.3). Quoted local parts, comments, display names and lists need others: what
// one parser takes for part of a name is where the next one delivers to.
const atext = "!#$%&'*+-/=?^_`{|}~"

// domains maps a domain to the form in which it is looked up (RFC 5891 §5, UTS #46,
// not transitional), and refuses names that no registry gives out: what is left are
// lower-case letters, digits, dots and hyphens in ASCII.
var domains = idna.New(
	idna.MapForLookup(), idna.Transitional(false), idna.BidiRule(),
	idna.StrictDomainName(true), idna.VerifyDNSLength(true),
)

// Parse returns the one form of an e-mail address: normalized (NFKC), in lower
// case, its domain in ASCII. Equal addresses have equal forms, and the form of a
// form is itself. Spaces around it are dropped; all else that is not exactly one
// address, sign for sign, is refused and never cut down to one.
func Parse(text string) (string, error) {
	if len(text) > maxInput || !utf8.ValidString(text) {
		return "", ErrInvalid
	}
	// Before anything is looked for: U+FF20 is an @ too.
	text = strings.Trim(norm.NFKC.String(text), " ")
	at := strings.IndexByte(text, '@')
	if at < 0 {
		return "", ErrInvalid
	}
	local, err := localPart(text[:at])
	if err != nil {
		return "", err
	}
	domain, err := domainPart(text[at+1:])
	if err != nil {
		return "", err
	}
	if len(local)+1+len(domain) > maxAddress {
		return "", ErrInvalid
	}
	return local + "@" + domain, nil
}

// localPart is what stands before the @: dot-separated words of letters, digits
// and atext (RFC 5321 §4.1.2, RFC 6531 §3.3).
func localPart(text string) (string, error) {
	var lower strings.Builder
	for _, r := range text {
		l := unicode.ToLower(r)
		switch {
		case r < utf8.RuneSelf:
			if r != '.' && !letterOrDigit(r) && !strings.ContainsRune(atext, r) {
				return "", ErrInvalid
			}
		case l < utf8.RuneSelf: // the lower case of U+0130 is an i: another person's address
			return "", ErrInvalid
		case !unicode.IsLetter(l) && !unicode.IsDigit(l) && !unicode.IsMark(l):
			return "", ErrInvalid // what cannot be seen, and what is no part of a name
		}
		lower.WriteRune(l)
	}
	local := lower.String()
	if local == "" || len(local) > maxLocal || !norm.NFKC.IsNormalString(local) ||
		local[0] == '.' || local[len(local)-1] == '.' || strings.Contains(local, "..") {
		return "", ErrInvalid
	}
	return local, nil
}

func letterOrDigit(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
}

// domainPart is what stands behind the @: a name with a dot in it, so neither a
// host of the mail server's own network nor an IP address.
func domainPart(text string) (string, error) {
	domain, err := domains.ToASCII(text)
	if err != nil {
		return "", ErrInvalid
	}
	dot := strings.LastIndexByte(domain, '.')
	if dot <= 0 || strings.Trim(domain[dot+1:], "0123456789") == "" {
		return "", ErrInvalid // without a dot, with one at the end, or an IP address
	}
	return domain, nil
}
