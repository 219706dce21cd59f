package ginauthtest

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/origin"
)

// SignIn makes req a request of somebody who is signed in: it carries the cookies of a
// real session, which [ginauth.Auth.SignIn] began, sealed or in the Auth's store, with
// its callbacks and events called. A session that req had before ends. Call it before
// the handler:
//
//	req := httptest.NewRequest(http.MethodGet, "/me", nil)
//	ginauthtest.SignIn(t, auth, req, ginauth.User{ID: "42", Name: "Ada Lovelace"})
//	r.ServeHTTP(w, req)
//
// Guards, roles and handlers see what they see in production. Beside an Adapter the user
// must be one of its users.
//
// For a server of httptest, sign a request to its URL in and send it; for a client with
// a cookie jar, give the jar the request's cookies:
//
//	req, err := http.NewRequest(http.MethodGet, server.URL, nil)
//	ginauthtest.SignIn(t, auth, req, user)
//	client.Jar.SetCookies(req.URL, req.Cookies())
//
// The test fails where nobody can be signed in: a callback refuses, the store is down,
// or the request's host is not one that the Auth answers for.
func SignIn(tb testing.TB, auth *ginauth.Auth, req *http.Request, user ginauth.User) {
	tb.Helper()
	answer := &headers{header: http.Header{}}
	c := gin.CreateTestContextOnly(answer, engine())
	c.Request = asking(req)
	_, err := auth.SignIn(c, user)
	switch {
	case errors.Is(err, origin.ErrHost):
		tb.Fatalf("ginauthtest: SignIn: the Auth does not answer for the host %q of this request; set req.Host to the host of Options.BaseURL, or to one of Options.TrustedHosts", req.Host)
	case err != nil:
		tb.Fatalf("ginauthtest: SignIn: nobody is signed in: %v", err)
	default:
		keep(req, answer.header["Set-Cookie"])
	}
}

// engine is what gin makes a context with. There is one, since gin writes about each in
// debug mode.
var engine = sync.OnceValue(func() *gin.Engine { return gin.New() })

// asking is the request that signs in: one by a page of the site itself, whatever the
// test's own request tries. It has that one's headers, for callbacks that read them.
func asking(req *http.Request) *http.Request {
	asked := req.Clone(req.Context())
	asked.Method, asked.Body, asked.ContentLength = http.MethodGet, http.NoBody, 0
	if asked.Host == "" { // of a client's request; the server reads it from the URL
		asked.Host = req.URL.Host
	}
	for _, name := range []string{"Origin", "Upgrade", "Sec-Fetch-Site", "Content-Length", "Content-Type"} {
		asked.Header.Del(name)
	}
	return asked
}

// keep does to a request's cookies what a browser does with an answer's.
func keep(req *http.Request, lines []string) {
	set := map[string]bool{}
	var pairs []string
	for _, line := range lines {
		pair, _, _ := strings.Cut(line, ";")
		name, value, _ := strings.Cut(pair, "=")
		set[name] = true
		if value != "" { // an empty one is deleted
			pairs = append(pairs, pair)
		}
	}
	var kept []string
	for name, value := range cookie.All(req.Header["Cookie"]) {
		if !set[name] {
			kept = append(kept, name+"="+value)
		}
	}
	if req.Header == nil {
		req.Header = http.Header{}
	}
	req.Header.Set("Cookie", strings.Join(append(kept, pairs...), "; "))
}

// headers is an answer of which only the header is read.
type headers struct{ header http.Header }

func (h *headers) Header() http.Header { return h.header }

func (h *headers) Write(p []byte) (int, error) { return len(p), nil }

func (h *headers) WriteHeader(int) {}
