package main

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
)

// A contestant is one way to keep who is signed in.
type contestant struct {
	name string
	// open makes a site at which everybody is signed in.
	open func(*crowd) (*site, error)
	// verifies is false for gin alone, which reads no session.
	verifies bool
}

// A site is an engine with one guarded route, GET /, whose handler tells who it is
// that sent the request.
type site struct {
	handler http.Handler
	cookie  string   // the name of the session's cookie
	values  []string // its value for each person, in their order
	pairs   []string // of ginauth: each person's cookies of the session, as they are sent
}

// Names of the contestants that the targets speak of.
const (
	ginAlone      = "gin alone, no session"
	ginauthPlain  = "**ginauth**, `RequireSession`"
	limitPrefix   = "the limit: "
	storeSigned   = "gin-contrib/sessions, cookie store, signed"
	storeSealed   = "gin-contrib/sessions, cookie store, signed and encrypted"
	ginJWT        = "appleboy/gin-jwt, HS256"
	scsMemory     = "alexedwards/scs, memory"
	nextAuthToken = "next-auth, `getToken`, in Node.js"
	golangJWTHand = "golang-jwt, HS256, by hand"
	goJoseHand    = "go-jose, same token as ginauth, by hand"
)

// contestants are all that are measured beside each other.
func contestants() []contestant {
	return []contestant{
		{ginAlone, openGin, false},
		{limitPrefix + "flat parse", openLimit("flat parse"), true},
		{limitPrefix + "goccy/go-json", openLimit("goccy/go-json"), true},
		{limitPrefix + "sonic", openLimit("sonic"), true},
		{limitPrefix + "encoding/json", openLimit("encoding/json"), true},
		{ginauthPlain, openGinauth(false), true},
		{"ginauth, JWT and Session callbacks", openGinauth(true), true},
		{"ginauth, `Revocations` in memory", openGinauthRevocations, true},
		{"ginauth, `RequireFactor`", openFactors, true},
		{"ginauth, sessions in gin-contrib's memory store", openGinauthStore, true},
		{goJoseHand, openJose, true},
		{golangJWTHand, openGolangJWT, true},
		{ginJWT, openGinJWT, true},
		{"go-pkgz/auth, HS256", openPkgz, true},
		{scsMemory, openSCS, true},
		{storeSigned, openCookieStore(key("sign", 32)), true},
		{storeSealed, openCookieStore(key("sign", 32), key("encrypt", 32)), true},
		{"gin-contrib/sessions, memory", openMemstore, true},
		{"gothic (gorilla/sessions), signed", openGothic, true},
	}
}

// openGin is what the engine, the handler and this program cost by themselves.
func openGin(all *crowd) (*site, error) {
	engine := gin.New()
	engine.GET("/", func(c *gin.Context) { tell(c, all.people[0]) })
	return &site{handler: engine, cookie: "session", values: make([]string, len(all.people))}, nil
}

// otherCookies are the three small ones that a site of this kind has set.
var otherCookies = "theme=dark; next-auth.csrf-token=" + opaque("csrf", 64) + "%7C" + opaque("sum", 64) +
	"; next-auth.callback-url=http%3A%2F%2Fapp.example.com; "

// cookies are the Cookie headers that people's browsers send: the session's
// behind the others.
func (s *site) cookies() []string {
	headers := make([]string, len(s.values))
	for i, value := range s.values {
		headers[i] = otherCookies + s.cookie + "=" + value
	}
	return headers
}

// A recorder is a ResponseWriter that costs next to nothing.
type recorder struct {
	header http.Header
	status int
	saw    person
	body   []byte
}

func newRecorder() *recorder { return &recorder{header: http.Header{}} }

func (r *recorder) Header() http.Header    { return r.header }
func (r *recorder) WriteHeader(status int) { r.status = status }
func (r *recorder) Write(p []byte) (int, error) {
	r.body = append(r.body[:0], p...)
	return len(p), nil
}

func (r *recorder) reset() {
	clear(r.header)
	r.status, r.saw, r.body = http.StatusOK, person{}, r.body[:0]
}

// tell is what every guarded handler does with what it read.
func tell(c *gin.Context, p person) {
	var w http.ResponseWriter = c.Writer
	for {
		switch v := w.(type) {
		case *recorder:
			v.saw = p
			return
		case interface{ Unwrap() http.ResponseWriter }:
			w = v.Unwrap()
		default:
			return
		}
	}
}

// A client sends one request at a time to a site, as net/http hands them over,
// each with the Cookie header of one person.
type client struct {
	handler http.Handler
	people  []person
	cookies []string
	first   http.Request // as it comes in; some contestants change theirs in place
	request http.Request
	answer  *recorder
}

func newClient(s *site, path string, all []person, cookies []string) *client {
	return &client{
		handler: s.handler, people: all, cookies: cookies, answer: newRecorder(),
		first: http.Request{
			Method: http.MethodGet, URL: &url.URL{Path: path}, RequestURI: path, Host: "app.example.com",
			Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, RemoteAddr: "192.0.2.1:40000", Body: http.NoBody,
			Header: http.Header{
				"Accept": {"application/json"}, "User-Agent": {"Mozilla/5.0"}, "Cookie": {""},
			},
		},
	}
}

// get sends the request of one person and returns what came of it, which is
// good until the next one.
func (c *client) get(i int) *recorder {
	c.answer.reset()
	c.first.Header["Cookie"][0] = c.cookies[i]
	c.request = c.first
	c.handler.ServeHTTP(c.answer, &c.request)
	return c.answer
}

// cookieValue is the value that an answer sets a cookie to, as the browser will
// send it.
func cookieValue(h http.Header, name string) (string, bool) {
	lines := h["Set-Cookie"]
	i := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, name+"=") })
	if i < 0 {
		return "", false
	}
	value, _, _ := strings.Cut(lines[i][len(name)+1:], ";")
	return value, true
}
