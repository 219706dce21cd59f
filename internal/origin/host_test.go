package origin_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/ginauth/ginauth/internal/origin"
	"github.com/ginauth/ginauth/internal/urltest"
)

// hosts are hosts and what a browser makes of them; "" is refused here.
var hosts = []struct{ text, want string }{
	{"app.example.com", "app.example.com"},
	{"APP.Example.com", "app.example.com"},
	{"my_app", "my_app"},
	{"r3---sn-x.example", "r3---sn-x.example"},
	{"-a-.example", "-a-.example"},
	{"app.example.com.", "app.example.com."},
	{"a..example", "a..example"},
	{"münchen.example", "xn--mnchen-3ya.example"},
	{"MÜNCHEN.example", "xn--mnchen-3ya.example"},
	{"mu\u0308nchen.example", "xn--mnchen-3ya.example"},
	{"m%C3%BCnchen.example", "xn--mnchen-3ya.example"},
	{"XN--MNCHEN-3YA.example", "xn--mnchen-3ya.example"},
	{"straße.example", "xn--strae-oqa.example"},
	{"-ü-.example", "xn-----xka.example"},
	{"ü--b.example", "xn----b-goa.example"},
	{"ü_b.example", "xn--_b-wka.example"},
	{"日本語。example", "xn--wgv71a119e.example"},
	{"s\u0130te.example", "xn--site-rwc.example"},
	{"\u212aiss.example", "kiss.example"},
	{"ki\u017fs.example", "kiss.example"},
	{"soft\u00adhyphen.example", "softhyphen.example"},
	{"عربي.example", "xn--ngbrx4e.example"},
	{"127.0.0.1", "127.0.0.1"},
	{"127.1", "127.0.0.1"},
	{"0x7F.1", "127.0.0.1"},
	{"0177.0.0.01", "127.0.0.1"},
	{"2130706433", "127.0.0.1"},
	{"127.0.0.1.", "127.0.0.1"},
	{"１２７。0.0.1", "127.0.0.1"},
	{"0x", "0.0.0.0"},
	{"1.2.3.4..", "1.2.3.4.."},
	{"1.2.3.4a", "1.2.3.4a"},
	{"[::1]", "[::1]"},
	{"[0:0::0001]", "[::1]"},
	{"[2001:DB8::A]", "[2001:db8::a]"},
	{"[1:0:0:2:0:0:0:3]", "[1:0:0:2::3]"},
	{"[1:2:3:4:5:6:7::]", "[1:2:3:4:5:6:7:0]"},
	{"[::ffff:127.0.0.1]", "[::ffff:7f00:1]"},
	{"[::127.0.0.1]", "[::7f00:1]"},

	{"", ""},
	{".", ""},
	{"\u00ad", ""},
	{"stra\u1e9ee.example", ""}, // its mapping changed in Unicode 15.1
	{"a\u200db.example", ""},
	{"a\u2135b.example", ""}, // a Hebrew letter once it is mapped
	{"xn--straé-oqa.example", ""},
	{"xn-\u00ad-stra\u00e9-oqa.example", ""},
	{"xn--kiss-.example", ""},
	{"xn--.example", ""},
	{"xn--a.example", ""},
	{"xn--a\u0430.example", ""},
	{"\xff.example", ""},
	{"%ff.example", ""},
	{"%zz.example", ""},
	{"a%2541.example", ""},
	{"a%2fb.example", ""},
	{"a\uff0fb.example", ""},
	{"a\uff05b.example", ""},
	{"a b.example", ""},
	{"a;b.example", ""},
	{"a\"b.example", ""},
	{"*.example", ""},
	{"1.2.3.256", ""},
	{"1.2.3.08", ""},
	{"1.2.3.4.5", ""},
	{"4294967296", ""},
	{"0x100000000", ""},
	{"0xfffffffffffffffffffff", ""},
	{"a.1", ""},
	{"1..2", ""},
	{"[::1", ""},
	{"::1", ""},
	{"[]", ""},
	{"[127.0.0.1]", ""},
	{"[fe80::1%25eth0]", ""},
	{"[fe80::1%eth0]", ""},
	{"[::1]x", ""},
	{"[[::1]]", ""},
	{strings.Repeat("a", 3000) + ".example", ""},
}

func TestHost(t *testing.T) {
	t.Parallel()
	for _, row := range hosts {
		got, err := origin.Host(row.text)
		if got != row.want || (err == nil) != (row.want != "") {
			t.Errorf("%.50q is %q, %v; want %q", row.text, got, err, row.want)
		}
	}
}

// The hosts of TestHost are what Node.js makes of them.
func TestBrowser_KnownHosts(t *testing.T) {
	t.Parallel()
	var questions []urltest.Question
	for _, row := range hosts {
		questions = append(questions, urltest.Question{URL: "http://" + row.text + "/"})
	}
	for i, a := range urltest.New(t).Ask(questions) {
		if want := hosts[i].want; want != "" && a.Origin != "http://"+want {
			t.Errorf("%q is of %q there", hosts[i].text, a.Origin)
		}
	}
}

func TestSameDestination(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		a, b string
		same bool
	}{
		{"https://a.example", "https://a.example/x?y#z", true},
		{"https://a.example", "HTTPS://A.Example:443/", true},
		{"http://a.example:80", "http://a.example", true},
		{"https://münchen.example", "https://münchen.example:443/x", true},
		{"https://[::1]:8443", "https://[::1]:8443/x", true},
		{"https://a.example", "http://a.example", false},
		{"https://a.example:443", "http://a.example:443", false},
		{"https://a.example", "https://a.example:8443", false},
		{"https://a.example", "https://b.example", false},
		{"https://a.example", "https://a.example.", false},
		{"https://site.example", "https://s\u0130te.example", false},
		{"https://kiss.example", "https://\u212aiss.example", false},
		{"https://münchen.example", "https://xn--mnchen-3ya.example", false},
		{"http://127.0.0.1", "http://127.1", false},
		{"mailto:a", "mailto:a", false},
	} {
		a, err := url.Parse(row.a)
		if err != nil {
			t.Fatal(err)
		}
		b, err := url.Parse(row.b)
		if err != nil {
			t.Fatal(err)
		}
		if origin.SameDestination(a, b) != row.same || origin.SameDestination(b, a) != row.same {
			t.Errorf("%s and %s: %v", row.a, row.b, !row.same)
		}
	}
}
