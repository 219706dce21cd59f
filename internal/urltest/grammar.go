package urltest

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// A Grammar writes texts that are URLs, nearly are, or are to some parser: around
// the hosts it is given, so that a good part of them lead there.
type Grammar struct {
	*rand.Rand
	hosts []string
}

// NewGrammar writes the same texts for the same seed and hosts.
func NewGrammar(seed uint64, hosts ...string) *Grammar {
	return &Grammar{rand.New(rand.NewPCG(seed, 1)), hosts}
}

func (g *Grammar) pick(from ...string) string { return from[g.IntN(len(from))] }

// URL is one text.
func (g *Grammar) URL() string {
	switch g.IntN(10) {
	case 0:
		return g.relative()
	case 1:
		return g.spoil(g.absolute())
	}
	return g.absolute()
}

func (g *Grammar) absolute() string {
	return g.scheme() + g.user() + g.Host() + g.Port() + g.rest()
}

func (g *Grammar) scheme() string {
	if g.IntN(4) > 0 {
		return g.pick("http://", "https://")
	}
	return g.pick("HTTPS://", "hTTp://", "https:", "https:/", "https:///", `https:\\`, `http:\/`, `http:/\`, "//", "///", `\\`, `/\`,
		"httpſ://", "http＼://", "ftp://", "ws://", "wss://", "javascript:", "javascript://", "data:", "file://", "blob:https://", "about:", "https&colon;//", "h\tttps://", " https://", "\x00http://", "")
}

func (g *Grammar) user() string {
	if g.IntN(12) > 0 {
		return ""
	}
	return g.pick("@", ":@", "u@", "u:p@", g.pick(g.hosts...)+"@", g.pick(g.hosts...)+":80@", "u%40@", "a@b@", "u＠", "u%00@", "u\\@", "u/@", "u?@", "u#@")
}

// Port is a port with its colon, mostly none.
func (g *Grammar) Port() string {
	if g.IntN(4) > 0 {
		return ""
	}
	return g.pick(":", ":80", ":443", ":8080", ":8443", ":3000", ":080", ":00443", ":0", ":65535", ":65536", ":99999999999999999999", ":+80", ":-1", ":8_0", ":８０", ":80@evil.example", ":a", "::80", ":80:80", ": 80", ":80 ")
}

// Host is a host, mostly one of those given in some spelling.
func (g *Grammar) Host() string {
	switch g.IntN(8) {
	case 0:
		return g.address()
	case 1:
		return g.runes(1 + g.IntN(6))
	case 2:
		return g.pick(g.hosts...)
	}
	host := g.pick(g.hosts...)
	for range g.IntN(3) {
		host = g.disguise(host)
	}
	return host
}

// alike are letters that some mapping makes an ASCII letter of, or nearly.
var alike = map[rune][]string{
	'a': {"A", "а", "ａ", "ª", "ⓐ", "å", "á", "𝐚"},
	'c': {"C", "с", "ｃ", "ⅽ", "ℂ"},
	'd': {"D", "ｄ", "ⅆ", "đ"},
	'e': {"E", "е", "ｅ", "ℯ", "é", "e\u0301"},
	'h': {"H", "ｈ", "ℎ", "һ"},
	'i': {"I", "İ", "ı", "і", "ｉ", "ⅰ", "ℹ", "i\u0307"},
	'k': {"K", "\u212a", "ｋ", "к"},
	'l': {"L", "ⅼ", "ｌ", "ℓ", "ӏ", "1"},
	'm': {"M", "ｍ", "™", "ⅿ"},
	'n': {"N", "ｎ", "ⁿ", "п", "№"},
	'o': {"O", "о", "ｏ", "º", "℅", "ø", "0"},
	'p': {"P", "р", "ｐ", "㎰"},
	's': {"S", "ſ", "ѕ", "ｓ", "ß", "ẞ", "ﬆ", "ﬅ", "ʂ"},
	't': {"T", "ｔ", "т", "ﬆ", "℡"},
	'u': {"U", "ｕ", "ü", "u\u0308"},
	'x': {"X", "х", "ｘ", "ⅹ"},
	'.': {"。", "．", "｡", "․", "。", "..", "%2e", "%E3%80%82", "\u0323."},
	'-': {"‐", "‑", "－", "−", "–", "--"},
	'_': {"＿", "%5f", "__"},
	'1': {"¹", "①", "１", "１", "%31", "l", "01", "0x1"},
	'2': {"²", "２", "②"},
	'0': {"０", "٠", "00", "o"},
	'ü': {"Ü", "u\u0308", "%C3%BC", "%c3%9c", "u", "ue"},
	'ß': {"ẞ", "ss", "SS", "%C3%9F", "ſſ"},
}

// ends are what may end a host for one parser and not for the next.
var ends = []string{
	"\t", "\n", "\r", " ", "\x00", "\x0b", "\x7f", "/", `\`, "?", "#", "@", ":", "%", "%00", "%09", "%20", "%23", "%2f", "%2F", "%3a", "%40", "%5c", "%25", "%zz",
	"\u00ad", "\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u034f", "\u180e", "\ufe0f", "\u061c", "\u202e", "\u0085", "\u00a0", "\u3000", "\u2028", "\ufffd", "\u0307", "\u0338",
	"／", "＼", "？", "＃", "＠", "：", "％", "⁄", "∕", "⧵", "﹕", "℀", "⒈", "[", "]", "<", ">", "^", "|", "`", "{", "}", "'", "\"", ";", ",", "!", "$", "&", "(", ")", "*", "+", "=", "~",
}

func (g *Grammar) disguise(host string) string {
	letters := []rune(host)
	at := g.IntN(len(letters) + 1)
	switch g.IntN(6) {
	case 0:
		return g.insert(host)
	case 1:
		return strings.ToUpper(host)
	case 2:
		return host + g.pick(".", ".evil.example", "evil.example", "%2eevil.example", "。evil.example", ".evil.example.", "..", "-")
	case 3:
		return g.pick("evil.", ".", "a.", "xn--", "evil-", "%61.", "www.", "www。") + host
	}
	for i := range letters { // from at on, the first letter that has lookalikes
		j := (at + i) % len(letters)
		if others := alike[letters[j]]; others != nil {
			return string(letters[:j]) + g.escape(g.pick(others...)) + string(letters[j+1:])
		}
	}
	return host
}

// escape percent-encodes a text now and then.
func (g *Grammar) escape(s string) string {
	if g.IntN(6) > 0 {
		return s
	}
	return "%" + strings.ReplaceAll(fmt.Sprintf("% x", []byte(s)), " ", "%")
}

func (g *Grammar) insert(s string) string {
	letters := []rune(s)
	at := g.IntN(len(letters) + 1)
	return string(letters[:at]) + g.escape(g.pick(ends...)) + string(letters[at:])
}

// spoil puts something anywhere into a text.
func (g *Grammar) spoil(s string) string {
	for range 1 + g.IntN(2) {
		s = g.insert(s)
	}
	return s
}

// address is an IP address, or what may be one.
func (g *Grammar) address() string {
	number := func(most uint32) string {
		n := g.Uint32N(most)
		return g.pick(fmt.Sprint(n), fmt.Sprint(n), fmt.Sprintf("0%o", n), fmt.Sprintf("0x%x", n), fmt.Sprintf("0X%X", n), fmt.Sprintf("00%d", n), "")
	}
	switch g.IntN(6) {
	case 0:
		return g.pick("127.0.0.1", "127.1", "127.0.1", "2130706433", "017700000001", "0x7f000001", "0x7f.1", "0x7F.0.0.0x1", "127.0.0.1.", "127.0.0.01", "127.0.0.256",
			"1.2.3.4.5", "1.2.3.08", "4294967296", "0x100000000", "0xfffffffffffffffffffff", "0x", "a.0x", "a.1", "1.a", "1..2", "１２７.0.0.1", "%31%32%37.1", "127。0。0。1", "0xg", "1.2.3.+4", "1.2.3.4_5")
	case 1:
		return g.pick("[::1]", "[0:0:0:0:0:0:0:1]", "[::]", "[2001:db8::1]", "[2001:DB8:0:0::1]", "[2001:0db8:0000:0:0:0:0:0001]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]",
			"[2001:db8::1%25eth0]", "[2001:db8::1%eth0]", "[::1", "::1]", "[]", "[::1]x", "x[::1]", "[[::1]]", "[1:2:3:4:5:6:7::]", "[1::2::3]", "[12345::]", "[::1.2.3]", "[::01.2.3.4]", "[v1.a]", "%5b::1%5d", "[::１]", "[1:2:3:4:5:6:1.2.3.4]", "[0:0:1:0:0:0:1:0]", "[1:0:0:2:0:0:0:3]")
	case 2:
		var groups []string
		for range 1 + g.IntN(8) {
			groups = append(groups, g.pick("0", "0000", "", fmt.Sprintf("%x", g.IntN(0x10000)), "db8", "FFFF"))
		}
		return "[" + strings.Join(groups, ":") + "]"
	}
	var parts []string
	for range 1 + g.IntN(5) {
		parts = append(parts, number(uint32(g.pick("\x01", "\x08", "\x40")[0])*8))
	}
	return strings.Join(parts, ".") + g.pick("", "", "", ".")
}

// runes are letters of any script, and characters that are not letters.
func (g *Grammar) runes(n int) string {
	var b strings.Builder
	for range n {
		limit := []int32{0x80, 0x800, 0x3000, 0x10000, 0x30000}[g.IntN(5)]
		if r := g.Int32N(limit); r < 0xd800 || r > 0xdfff {
			b.WriteRune(r)
		}
		if g.IntN(4) == 0 {
			b.WriteByte('.')
		}
	}
	return b.String()
}

func (g *Grammar) rest() string {
	if g.IntN(3) == 0 {
		return ""
	}
	rest := g.pick("", "/", "/a/b", "/%41%zz", "/a b", "/日本", "//evil.example", `/\evil.example`, "/../..//e", "/./a/..", "/;x", "/`{}^|\"<>'", `\a`, "/\ta", "/100%", "/a@b:c", "/\xf0\x9f\x98\x80")
	if g.IntN(3) == 0 {
		rest += "?" + g.pick("", "a=1&b=2", "next=//evil.example", "`", "'", `\`, "\"<>", "a b", "ü", "%zz", "x=@evil.example", "{}|^", "?")
	}
	if g.IntN(4) == 0 {
		rest += "#" + g.pick("", "top", `\`, "//evil.example", "`\"<> ", "ü", "#", "%", "@e")
	}
	return rest
}

func (g *Grammar) relative() string {
	return g.pick("", "/", "//", "///", `/\`, `\`, `\\`, `\/`, "/\t/", "/\n/", "\t//", " /", "/ /", "/./", "/../", "./", "../", "?", "#", ";", ".", "//@", "/%2f", "/%5c", "/%09/") +
		g.pick("", g.Host(), "evil.example", "dashboard", "a/b?c#d") + g.rest()
}
