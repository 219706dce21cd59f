package cookie_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/ginauth/ginauth/internal/cookie"
)

// The cookies of a session take the place of what the answer says of them already, and
// of those that were set for other domains, as far as these are known.
func TestPutSession(t *testing.T) {
	t.Parallel()
	set := func(domain string) string { return cookie.Line("S", "new", cookie.Attributes{Domain: domain}) }
	gone := func(name, domain string) string {
		return cookie.Deletion(name, cookie.Attributes{Domain: domain})
	}
	tests := []struct {
		name    string
		request string
		domain  string // configured
		former  []string
		put     []string
		clear   []string
	}{
		{"nothing before", "", "", nil, []string{set("")}, nil},
		{"one of this host", "S=old", "", nil, []string{set("")}, []string{gone("S", "")}},
		{"chunks", "S.0=a; S.1=b", "", nil, []string{gone("S.0", ""), gone("S.1", ""), set("")}, []string{gone("S.0", ""), gone("S.1", "")}},
		{"of another domain", "S=old", "", []string{"example.com"}, []string{gone("S", "example.com"), set("")},
			[]string{gone("S", ""), gone("S", "example.com")}},
		{"of another domain, written with a dot", "S=old", "", []string{".example.com"}, []string{gone("S", "example.com"), set("")},
			[]string{gone("S", ""), gone("S", "example.com")}},
		{"of the same domain, written with a dot", "S=old", ".example.com", []string{"example.com"}, []string{gone("S", ""), set(".example.com")},
			[]string{gone("S", ".example.com"), gone("S", "")}},
		{"of a domain that this host cannot have", "S=old", "", []string{"example.org"}, []string{set("")}, []string{gone("S", "")}},
		{"of this host, before a domain", "S=old", "example.com", nil, []string{gone("S", ""), set("example.com")},
			[]string{gone("S", "example.com"), gone("S", "")}},
		{"twice", "S=old; S=older", "", nil, []string{gone("S", "www.example.com"), gone("S", "example.com"), set("")},
			[]string{gone("S", ""), gone("S", "www.example.com"), gone("S", "example.com")}},
		{"twice, with a domain", "S=old; S=older", "example.com", nil, []string{gone("S", ""), gone("S", "www.example.com"), set("example.com")},
			[]string{gone("S", "example.com"), gone("S", ""), gone("S", "www.example.com")}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			write := func() cookie.Write {
				return cookie.Write{
					Header: http.Header{"Set-Cookie": {"S=x; Path=/", "S.0=y; Path=/", "Sx=kept"}},
					Name:   "S", Found: cookie.Find([]string{tt.request}, "S"), Attributes: cookie.Attributes{Domain: tt.domain},
					Domains: []string{"www.example.com", "example.com"}, Former: tt.former,
				}
			}
			w := write()
			if got := cookie.PutSession(w, "new"); !slices.Equal(got, tt.put) || !slices.Equal(w.Header["Set-Cookie"], append([]string{"Sx=kept"}, tt.put...)) {
				t.Errorf("put %q, the answer says %q", got, w.Header["Set-Cookie"])
			}
			w = write()
			cookie.ClearSession(w)
			if got := w.Header["Set-Cookie"]; !slices.Equal(got, append([]string{"Sx=kept"}, tt.clear...)) {
				t.Errorf("cleared, the answer says %q", got)
			}
		})
	}
}

// One of two cookies may be of before Partitioned was set: it is deleted without that, and
// the new one is set with it.
func TestPutSession_Partitioned(t *testing.T) {
	t.Parallel()
	with := cookie.Attributes{Secure: true, SameSite: http.SameSiteNoneMode, Partitioned: true}
	without := with
	without.Partitioned = false
	for request, doubled := range map[string]bool{"S=old": false, "S=old; S=older": true} {
		for _, domain := range []string{"", "example.com"} {
			attributes := func(a cookie.Attributes, domain string) cookie.Attributes {
				a.Domain = domain
				return a
			}
			var want []string
			if domain != "" {
				want = append(want, cookie.Deletion("S", attributes(with, "")))
			}
			if doubled {
				want = append(want, cookie.Deletion("S", attributes(without, domain)), cookie.Deletion("S", attributes(with, "www.example.com")))
				if domain == "" {
					want = append(want, cookie.Deletion("S", attributes(with, "example.com")))
				}
			}
			want = append(want, cookie.Line("S", "new", attributes(with, domain)))
			got := cookie.PutSession(cookie.Write{
				Header: http.Header{}, Name: "S", Found: cookie.Find([]string{request}, "S"), Attributes: attributes(with, domain),
				Domains: []string{"www.example.com", "example.com"},
			}, "new")
			if !slices.Equal(got, want) {
				t.Errorf("%s, domain %q: %q, want %q", request, domain, got, want)
			}
		}
	}
}
