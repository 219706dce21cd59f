package origin

import (
	"net/http"
	"strings"
)

// WholePage reports whether the browser says that the request is a navigation of the
// whole page, which the person sees (Fetch Metadata §2).
func WholePage(h http.Header) bool {
	for name, want := range map[string]string{"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"} {
		if values := h.Values(name); len(values) != 1 || values[0] != want {
			return false
		}
	}
	return len(h.Values("Sec-Purpose")) == 0 // prefetch, prerender
}

// FromBrowser reports whether a browser may have sent a request other than GET and HEAD:
// it has Origin, Sec-Fetch-* or Cookie. Every browser sends one of them with a POST, and
// with a cookie that one too.
func FromBrowser(h http.Header) bool {
	if len(h["Origin"]) > 0 || len(h["Cookie"]) > 0 {
		return true
	}
	for name := range h {
		if strings.HasPrefix(name, "Sec-Fetch-") {
			return true
		}
	}
	return false
}
