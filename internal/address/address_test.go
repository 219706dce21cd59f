package address_test

import (
	"errors"
	"net/mail"
	"strings"
	"testing"

	"github.com/ginauth/ginauth/internal/address"
)

// longDomain has so many letters.
func longDomain(n int) string {
	label := strings.Repeat("d", 63)
	return label + "." + label + "." + strings.Repeat("e", n-2*64-4) + ".com"
}

// Whatever sign stands in a domain, its form has letters, digits, dots and hyphens alone.
func TestParse_Domains(t *testing.T) {
	t.Parallel()
	for r := range rune(0x10000) {
		form, err := address.Parse("a@x" + string(r) + "y.example")
		if err != nil {
			continue
		}
		if domain := form[2:]; strings.Trim(domain, "abcdefghijklmnopqrstuvwxyz0123456789.-") != "" || strings.HasPrefix(domain, ".") {
			t.Errorf("%U: %q", r, form)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, in, want string }{ // want "": refused
		{"plain", "ada@example.com", "ada@example.com"},
		{"upper case and spaces around", "  Ada@EXAMPLE.Com ", "ada@example.com"},
		{"signs of a local part", "a.b+c_d-e'f@example.com", "a.b+c_d-e'f@example.com"},
		{"full-width at sign", "ada\uff20example.com", "ada@example.com"},
		{"small at sign", "ada\ufe6bexample.com", "ada@example.com"},
		{"full-width letters", "\uff41da@example.com", "ada@example.com"},
		{"Kelvin sign", "\u212ate@example.com", "kte@example.com"},
		{"ligature", "\ufb01n@example.com", "fin@example.com"},
		{"composed and decomposed, composed", "jos\u00e9@example.com", "jos\u00e9@example.com"},
		{"composed and decomposed, decomposed", "jose\u0301@example.com", "jos\u00e9@example.com"},
		{"letters beyond ASCII in lower case", "\u00c4da@example.com", "\u00e4da@example.com"},
		{"international domain", "ada@B\u00dccher.example", "ada@xn--bcher-kva.example"},
		{"international domain, as it is sent", "ada@XN--BCHER-KVA.example", "ada@xn--bcher-kva.example"},
		{"sharp s in a domain, which is not ss", "ada@stra\u00dfe.example", "ada@xn--strae-oqa.example"},
		{"final sigma in a domain", "ada@\u03b1\u03c2.example", "ada@xn--mxa8a.example"},
		{"ideographic full stop", "ada@example\u3002com", "ada@example.com"},
		{"full-width full stop", "ada@example\uff0ecom", "ada@example.com"},
		{"no-break space around", "\u00a0ada@example.com", "ada@example.com"},
		{"bounds of the letters and digits", "aAzZ09@example.com", "aazz09@example.com"},
		{"digit of another script", "ada\u0663@example.com", "ada\u0663@example.com"},
		{"mark of a letter", "\u0e01\u0e34@example.com", "\u0e01\u0e34@example.com"},
		{"as many spaces as are looked at", "ada@example.com" + strings.Repeat(" ", 1024-15), "ada@example.com"},
		{"shortest domain", "a@b.cd", "a@b.cd"},
		{"every sign of a local part", "!#$%&'*+-/=?^_`{|}~@example.com", "!#$%&'*+-/=?^_`{|}~@example.com"},
		{"longest address", strings.Repeat("a", 64) + "@" + longDomain(189), strings.Repeat("a", 64) + "@" + longDomain(189)},
		{"longest local part", strings.Repeat("a", 64) + "@example.com", strings.Repeat("a", 64) + "@example.com"},

		{"more spaces than are looked at", "ada@example.com" + strings.Repeat(" ", 1024-14), ""},
		{"address one too long", strings.Repeat("a", 64) + "@" + longDomain(190), ""},
		{"letter whose lower case composes", "J\u030cda@example.com", ""},
		{"control sign beyond ASCII", "a\u0080da@example.com", ""},
		{"nothing", "", ""},
		{"no at sign", "ada.example.com", ""},
		{"two at signs", "a@b@c.de", ""},
		{"an at sign and a full-width one", "a@evil.example\uff20example.com", ""},
		{"no local part", "@example.com", ""},
		{"no domain", "ada@", ""},
		{"domain without a dot", "ada@localhost", ""},
		{"dot in front of the domain", "ada@.com", ""},
		{"dot behind the domain", "ada@example.com.", ""},
		{"two dots in the domain", "ada@example..com", ""},
		{"dot in front", ".ada@example.com", ""},
		{"dot behind", "ada.@example.com", ""},
		{"two dots", "a..da@example.com", ""},
		{"comma list", "a@b.de,evil@example.com", ""},
		{"comma behind the domain", "a@b.de,evil.com", ""},
		{"full-width comma", "a@b.de\uff0cevil.com", ""},
		{"semicolon list", "a@b.de;evil@example.com", ""},
		{"list with spaces", "a@b.de evil@example.com", ""},
		{"quoted local part", `"ada"@example.com`, ""},
		{"address in a quoted local part", `"e@attacker.com"@victim.com`, ""},
		{"full-width quotes", "\uff02e\uff02@victim.com", ""},
		{"backslash", `a\da@example.com`, ""},
		{"name in front", "Ada <ada@example.com>", ""},
		{"angle brackets", "<ada@example.com>", ""},
		{"comment", "ada(x)@example.com", ""},
		{"comment in the domain", "ada@(x)example.com", ""},
		{"route", "@a.example:ada@example.com", ""},
		{"percent hack", "ada@example.com%evil.com", ""},
		{"mail to several, as a URL says it", "ada@example.com?cc=evil@example.com", ""},
		{"line feed", "ada@example.com\nBcc: evil@example.com", ""},
		{"line feed behind", "ada@example.com\n", ""},
		{"carriage return", "ada\r@example.com", ""},
		{"tab", "a\tda@example.com", ""},
		{"NUL", "ada\x00@example.com", ""},
		{"line separator", "ada\u2028@example.com", ""},
		{"next line", "ada\u0085@example.com", ""},
		{"space inside", "a da@example.com", ""},
		{"no-break space inside", "a\u00a0da@example.com", ""},
		{"zero width joiner", "a\u200dda@example.com", ""},
		{"zero width space", "a\u200bda@example.com", ""},
		{"soft hyphen", "a\u00adda@example.com", ""},
		{"right-to-left override", "a\u202eda@example.com", ""},
		{"dotted capital i", "m\u0130ke@example.com", ""},
		{"picture", "\U0001f600@example.com", ""},
		{"not UTF-8", "ada\xff@example.com", ""},
		{"not UTF-8 behind it", "ada@example.com\xff", ""},
		{"not UTF-8 in the domain", "ada@ex\xc3ample.com", ""},
		{"half of an at sign", "ada\xef\xbcexample.com", ""},
		{"DEL", "a\x7fda@example.com", ""},
		{"markup", "a@b.c, <a href=//evil.example>", ""},
		{"markup in the local part", "<b>@example.com", ""},
		{"IP address", "ada@127.0.0.1", ""},
		{"IP address in brackets", "ada@[127.0.0.1]", ""},
		{"underscore in the domain", "ada@exa_mple.com", ""},
		{"hyphen in front of the domain", "ada@-example.com", ""},
		{"local part too long", strings.Repeat("a", 65) + "@example.com", ""},
		{"label too long", "a@" + strings.Repeat("b", 64) + ".com", ""},
		{"address too long", "a@" + strings.Repeat("b23456789.", 26) + "com", ""},
		{"a megabyte", strings.Repeat("a", 1<<20) + "@example.com", ""},
	} {
		got, err := address.Parse(row.in)
		if got != row.want || (err == nil) != (row.want != "") {
			t.Errorf("%s: %q, %v, want %q", row.name, got, err, row.want)
		}
		if err != nil && !errors.Is(err, address.ErrInvalid) {
			t.Errorf("%s: the error is %v", row.name, err)
		}
	}
}

// FuzzParse holds every form to what the rest of the project relies on, and to
// what another parser makes of it.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"ada@example.com", "a@b.de,evil.com", `"e@a.com"@b.com`, "ada\uff20example.com", "jos\u00e9@b\u00fccher.example",
		"a@b.c\r\nBcc: d@e.f", "\u0130@i.example", "\u01c5@example.com", "\u03a3@example.com", "a@xn--a.example", "a@\u200d.example",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		form, err := address.Parse(text)
		if err != nil {
			if form != "" {
				t.Errorf("%q is refused and yet %q", text, form)
			}
			return
		}
		if again, err := address.Parse(form); again != form || err != nil {
			t.Errorf("the form of %q is %q, and of that %q, %v", text, form, again, err)
		}
		if len(form) > 254 || strings.Count(form, "@") != 1 || strings.ContainsAny(form, "\r\n\t \x00\",;:<>()[]\\") {
			t.Errorf("the form of %q is %q", text, form)
		}
		if a, err := mail.ParseAddress(form); err != nil || a.Address != form || a.Name != "" {
			t.Errorf("net/mail reads %q as %v, %v", form, a, err)
		}
		if list, err := mail.ParseAddressList(form); err != nil || len(list) != 1 {
			t.Errorf("net/mail reads %q as the list %v, %v", form, list, err)
		}
	})
}
