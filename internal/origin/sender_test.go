package origin_test

import (
	"net/http"
	"testing"

	"github.com/ginauth/ginauth/internal/origin"
)

func TestWholePage(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		h    http.Header
		want bool
	}{
		{"a link", http.Header{"Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document"}}, true},
		{"a frame", http.Header{"Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"iframe"}}, false},
		{"a script's request", http.Header{"Sec-Fetch-Mode": {"cors"}, "Sec-Fetch-Dest": {"document"}}, false},
		{"a prerendered page", http.Header{"Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document"}, "Sec-Purpose": {"prefetch;prerender"}}, false},
		{"two destinations", http.Header{"Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document", "document"}}, false},
		{"no browser of today", http.Header{}, false},
	} {
		if got := origin.WholePage(row.h); got != row.want {
			t.Errorf("%s: %v, want %v", row.name, got, row.want)
		}
	}
}

func TestFromBrowser(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		h    http.Header
		want bool
	}{
		{"a native application", http.Header{"Authorization": {"Bearer x"}, "User-Agent": {"app"}}, false},
		{"an origin", http.Header{"Origin": {"https://app.example.com"}}, true},
		{"an opaque origin", http.Header{"Origin": {"null"}}, true},
		{"an empty origin", http.Header{"Origin": {""}}, true},
		{"a cookie", http.Header{"Cookie": {"a=b"}}, true},
		{"Fetch Metadata", http.Header{"Sec-Fetch-Site": {"none"}}, true},
		{"a header of later browsers", http.Header{"Sec-Fetch-Later": {""}}, true},
	} {
		if got := origin.FromBrowser(row.h); got != row.want {
			t.Errorf("%s: %v, want %v", row.name, got, row.want)
		}
	}
}
