package cookie_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/ginauth/ginauth/internal/cookie"
)

// FuzzAgainstHTTP compares with net/http. What that finds in one or several Cookie
// header lines is found here, in the same order, except for the quotation marks around a
// value, which next-auth keeps too. What is found here alone has a name or value that
// RFC 6265 §4.1.1 does not allow, which browsers send all the same. A text without =, or
// with a blank in front of it, is a cookie in net/http alone; no browser sends that of a
// cookie with a name.
func FuzzAgainstHTTP(f *testing.F) {
	for _, seed := range []string{
		"", "S=a", "S=a; S=b", "S=a;S=b ;\tS=c", "a=1; S=%7Bx%7D\nS=y", `S="quoted"`, "S=a b", "S=a,b", "S", "=S", "S=", "S==", "S=a=b", ";;S=x;;", "S =x", "S= x", "S=\xff", "S=é", "S=%", "s=x",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		header := strings.Split(strings.ReplaceAll(text, "S", name), "\n")
		if strings.ContainsFunc(strings.Join(header, ""), func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
			t.Skip() // which net/http's server refuses
		}
		for _, pair := range strings.Split(strings.Join(header, ";"), ";") {
			if before, _, found := strings.Cut(pair, "="); !found && strings.Trim(pair, " \t") != "" || found && strings.TrimRight(before, " \t") != before {
				t.Skip()
			}
		}
		var ours, theirs []string
		for n, v := range cookie.All(header) {
			if c, err := http.ParseCookie(n + "=" + v); err == nil && len(c) == 1 && c[0].Name == n {
				ours = append(ours, n+"="+c[0].Value)
			}
		}
		req := http.Request{Header: http.Header{"Cookie": header}}
		for _, c := range req.Cookies() {
			theirs = append(theirs, c.Name+"="+c.Value)
		}
		if strings.Join(ours, "\n") != strings.Join(theirs, "\n") {
			t.Errorf("%q is %q here, and %q in net/http", header, ours, theirs)
		}
		found := req.CookiesNamed(name)
		if len(found) != 1 || len(found) != count(header) {
			return
		}
		value, ok := cookie.Get(header, name)
		want, err := url.PathUnescape(found[0].Value)
		if found[0].Quoted {
			want = `"` + want + `"`
		}
		if ok != (err == nil) || ok && value != want {
			t.Errorf("%q: the value is %q, %v here, and %q, %v by the standard library", header, value, ok, want, err)
		}
	})
}

// count is how many cookies of the name there are here.
func count(header []string) (n int) {
	for found := range cookie.All(header) {
		if found == name {
			n++
		}
	}
	return n
}
