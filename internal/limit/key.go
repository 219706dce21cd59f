package limit

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Networks are what the addresses of one client have in common, from the narrowest
// to the widest; none for no address. An IPv4 address is one, however it is written.
// An IPv6 address is three: a subscriber is given 64, 56 or 48 bits, and chooses the
// rest (RFC 6177 §2).
func Networks(addr netip.Addr) []string {
	addr = addr.Unmap().WithZone("")
	switch {
	case addr.Is4():
		return []string{addr.String()}
	case !addr.IsValid():
		return nil
	}
	var list []string
	for _, bits := range [...]int{64, 56, 48} {
		list = append(list, netip.PrefixFrom(addr, bits).Masked().String())
	}
	return list
}

//go:generate go run gen/main.go

// Keys are what spellings have in common under which a database may find the same
// person. Two texts that one of them takes for equal have a key in common: MariaDB
// with the collation utf8mb4_general_ci, _unicode_ci, _unicode_520_ci or
// _uca1400_ai_ci, PostgreSQL with citext, either with a column of numbers. Two names
// that differ in more than case, accents, width and the like have none, so that
// they are counted apart. The keys are in order.
//
// One key cannot do: to some collations all characters beyond the first 65,536 are
// equal, to others 𝐚 is a and 𝐛 is b; put together, every text would be any other.
func Keys(typed string) []string {
	beyond := func(r rune) rune {
		if r > 0xFFFF {
			return '\uFFFD'
		}
		return r
	}
	keys := append(numbers(typed), Identifier(typed), Identifier(strings.Map(beyond, typed)))
	slices.Sort(keys)
	return slices.Compact(keys)
}

// Identifier is the first of a text's Keys: the letters that stand for its own, in
// lower case, without accents and what cannot be seen, and without the spaces around
// them.
func Identifier(typed string) string {
	var letters, floating []rune
	for _, r := range typed { // broken letters are U+FFFD, as they are to strings.Map
		for _, r := range fold(r) {
			switch {
			case floats(r):
				floating = append(floating, r)
			case r == 's' && len(letters) > 0 && letters[len(letters)-1] == 's':
				// To some, ß is one s, and to others two.
			default:
				letters = append(letters, r)
			}
		}
	}
	return strings.TrimSpace(string(letters)) + string(floating)
}

// A shift says that other letters stand for those of lo to hi, all at one distance.
type shift struct{ lo, hi, by rune }

// fold returns the letters that stand for a character.
func fold(r rune) string {
	if s, ok := look(r); ok {
		return s
	}
	var b strings.Builder
	for _, r := range norm.NFKD.String(string(plain(r))) {
		s, ok := look(r)
		if !ok {
			s = string(plain(r))
		}
		b.WriteString(s)
	}
	return b.String()
}

// look finds a character in the tables.
func look(r rune) (string, bool) {
	r = plain(r)
	if unicode.Is(ignored, r) {
		return "", true
	}
	if s, ok := spelled[r]; ok {
		return s, true
	}
	at, ok := slices.BinarySearchFunc(shifted, r, func(s shift, r rune) int {
		if s.lo <= r && r <= s.hi {
			return 0
		}
		return cmp.Compare(s.lo, r)
	})
	if !ok {
		return "", false
	}
	return string(r + shifted[at].by), true
}

// plain is a letter in lower case; σ and ς have one upper case.
func plain(r rune) rune { return unicode.ToLower(unicode.ToUpper(r)) }

// floats reports letters whose place in a text is another to each collation: vowels
// that Thai and its like write in front of the consonant behind which they are
// spoken, and the hamza. Their place does not count.
func floats(r rune) bool { return r == 'ء' || unicode.Is(unicode.Logical_Order_Exception, r) }

// numbers are the keys of what columns of numbers take a text for. MariaDB reads as
// much of it as is one, so that 12abc is 12; PostgreSQL and strconv.ParseInt take the
// whole, and know 0xC and 1_2 too.
func numbers(typed string) (keys []string) {
	s := strings.TrimSpace(typed)
	if f, ok := leadingFloat(s); ok {
		keys = append(keys, "#"+strconv.FormatFloat(f, 'g', -1, 64))
	}
	if strings.ContainsAny(s, "xXoObB_") {
		if n, err := strconv.ParseInt(s, 0, 64); err == nil {
			keys = append(keys, "#"+strconv.FormatFloat(float64(n), 'g', -1, 64))
		}
	}
	return keys
}

// leadingFloat is the decimal number that a text begins with.
func leadingFloat(s string) (f float64, ok bool) {
	digits := func(i int) int {
		for i < len(s) && '0' <= s[i] && s[i] <= '9' {
			i++
		}
		return i
	}
	begin := 0
	if s != "" && (s[0] == '+' || s[0] == '-') {
		begin = 1
	}
	end := digits(begin)
	count := end - begin
	if end < len(s) && s[end] == '.' {
		behind := digits(end + 1)
		count += behind - end - 1
		end = behind
	}
	if count == 0 {
		return 0, false
	}
	if end < len(s) && (s[end] == 'e' || s[end] == 'E') {
		exponent := end + 1
		if exponent < len(s) && (s[exponent] == '+' || s[exponent] == '-') {
			exponent++
		}
		if behind := digits(exponent); behind > exponent {
			end = behind
		}
	}
	f, _ = strconv.ParseFloat(s[:end], 64) // one out of range is infinite
	return f + 0, true
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
