package form

import (
	"net/http"
	"strings"

	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/token"
)

// A Proof is what shows, or does not, that a page of this site sent a form: the token in
// the form must be the one in the cookie (double submit).
type Proof struct {
	Cookies int  // of the name
	Opened  bool // this site made one of them
	matches bool
	token   string // of the first that this site made
}

// Check compares the token that a form has with the CSRF cookies of its request.
func Check(keys *token.CSRF, req *http.Request, name, sent string) (p Proof) {
	for value := range cookie.Values(req.Header["Cookie"], name) {
		t, ok := keys.Open(value)
		p.matches = ok && token.Equal(sent, t) || p.matches
		if p.Cookies++; ok && !p.Opened {
			p.Opened, p.token = true, t
		}
	}
	return p
}

// Holds reports whether a page of this site sent the request. own says that its Origin,
// where the browser sends one, is this site's. A cookie can be planted by a sister host;
// an Origin cannot. So where there are several cookies, the Origin must be there.
func (p Proof) Holds(req *http.Request, own bool) bool {
	return p.matches && req.Method == http.MethodPost && own &&
		(p.Cookies == 1 || len(req.Header["Origin"]) == 1)
}

// Token is the token of a browser's CSRF cookie: of one that the request has, or of one
// that its answer sets.
func Token(keys *token.CSRF, req *http.Request, answer http.Header, name string) (t string, ok bool) {
	if p := Check(keys, req, name, ""); p.Opened {
		return p.token, true
	}
	for _, line := range answer["Set-Cookie"] {
		if rest, set := strings.CutPrefix(line, name+"="); set {
			value, _, _ := strings.Cut(rest, ";")
			value, _ = cookie.Unescape(value)
			if t, ok := keys.Open(value); ok {
				return t, true
			}
		}
	}
	return "", false
}
