package tests

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/internal/urltest"
)

// redirecting is a transport of one service, which answers each request with a
// redirect to a place and keeps what follows it. Requests to the identity provider
// go there.
type redirecting struct {
	idp      string // its origin
	place    string
	followed string // the URL of the second request, "" for none
	carried  bool   // it had the access token
}

func (r *redirecting) RoundTrip(req *http.Request) (*http.Response, error) {
	if strings.HasPrefix(req.URL.String(), r.idp+"/") {
		return http.DefaultTransport.RoundTrip(req)
	}
	res := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody, Request: req}
	carries := strings.HasPrefix(req.Header.Get("Authorization"), "Bearer ")
	switch {
	case req.Response != nil:
		r.followed, r.carried = req.URL.String(), carries
	case !carries:
		return nil, errors.New("the first request has no token")
	default:
		r.followed, r.carried = "", false
		res.StatusCode = http.StatusTemporaryRedirect
		res.Header.Set("Location", r.place)
	}
	return res, nil
}

// dialled is the scheme of a URL and the address that net/http connects to for it.
func dialled(t testing.TB, target string) string {
	t.Helper()
	where := ""
	dial := func(scheme string) func(context.Context, string, string) (net.Conn, error) {
		return func(_ context.Context, _, addr string) (net.Conn, error) {
			where = scheme + " " + addr
			return nil, io.ErrUnexpectedEOF
		}
	}
	transport := &http.Transport{DialContext: dial("http"), DialTLSContext: dial("https")}
	req, err := http.NewRequest(http.MethodGet, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := transport.RoundTrip(req); err == nil {
		t.Fatalf("%s was answered", target)
	}
	return strings.ToLower(where) // ASCII by now, and names in DNS have no case
}

// A redirect carries the access token along where net/http then connects to the
// same address and a browser too takes both URLs for one origin; to the origin as
// browsers write it, it does.
func TestAuthClient_RedirectSpellings(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	service := &redirecting{idp: idp.Issuer()}
	c := newCaller(t, idp, ginauth.Options{Session: keptTokens(memoryStore()), HTTPClient: &http.Client{Transport: service}})
	starts := []string{"https://api.kiss-site.example.com/v1", "http://API.kiss-site.example.com:8080/", "https://api.münchen.example/", "http://127.0.0.1:1/", "https://[2001:db8::1]/"}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	g, node := urltest.NewGrammar(seed, "api.kiss-site.example.com", "api.münchen.example", "xn--mnchen-3ya.example", "127.0.0.1", "[2001:db8::1]"), urltest.New(t)
	c.engine.GET("/follow", c.auth.RequireSession(), func(gc *gin.Context) {
		client, err := c.auth.Client(gc)
		if err != nil {
			t.Error(err)
			return
		}
		follow := func(start, place string) {
			service.place = place
			service.followed, service.carried = "", false
			if res, err := client.Get(start); err == nil {
				_ = res.Body.Close()
			}
		}
		known := []struct {
			name, start, place string
			carried            bool
		}{
			{"a path", starts[0], "/x", true},
			{"the origin", starts[0], "https://api.kiss-site.example.com/x", true},
			{"its port", starts[0], "https://api.kiss-site.example.com:443/x", true},
			{"upper case", starts[0], "HTTPS://API.KISS-SITE.EXAMPLE.COM/x", true},
			{"a path of an international name", starts[2], "/x", true},
			{"http", starts[0], "http://api.kiss-site.example.com/x", false},
			{"another port", starts[0], "https://api.kiss-site.example.com:8443/x", false},
			{"I with a dot", starts[0], "https://api.kiss-s\u0130te.example.com/x", false},
			{"I with a dot, percent-encoded", starts[0], "https://api.kiss-s%C4%B0te.example.com/x", false},
			{"Kelvin sign", starts[0], "https://api.\u212aiss-site.example.com/x", false},
			{"long s", starts[0], "https://api.ki\u017fs-site.example.com/x", false},
			{"trailing dot", starts[0], "https://api.kiss-site.example.com./x", false},
			{"a user", starts[0], "https://api.kiss-site.example.com@evil.example/x", false},
			{"another number", starts[3], "http://2130706433:1/x", false},
		}
		for _, row := range known {
			follow(row.start, row.place)
			if service.carried != row.carried || service.followed == "" {
				t.Errorf("%s: %q was followed, with the token: %v", row.name, service.followed, service.carried)
			}
		}
		carried, kept, begun := 0, 0, time.Now()
		for asked := 0; asked < 30_000 && time.Since(begun) < 15*time.Second && !t.Failed(); asked += 500 {
			questions := make([]urltest.Question, 0, 1000)
			for range 500 {
				start := starts[g.IntN(len(starts))]
				follow(start, g.URL())
				if service.carried {
					carried++
					questions = append(questions, urltest.Question{URL: start}, urltest.Question{URL: service.followed})
				}
			}
			answers := node.Ask(questions)
			for i := 0; i < len(answers); i += 2 {
				from, to := questions[i].URL, questions[i+1].URL
				if answers[i].Origin == "" || answers[i].Origin != answers[i+1].Origin || dialled(t, from) != dialled(t, to) {
					t.Errorf("the token for %q went to %q", from, to)
				}
			}
			// What a service itself is likely to write.
			questions = questions[:0]
			for range 500 {
				questions = append(questions, urltest.Question{URL: g.URL(), Base: starts[g.IntN(2)]})
			}
			for i, a := range node.Ask(questions) {
				from := node.Ask([]urltest.Question{{URL: questions[i].Base}})[0]
				if a.Origin != from.Origin || a.User || strings.HasPrefix(a.Href, "blob:") {
					continue
				}
				follow(questions[i].Base, a.Href)
				if service.followed == "" { // to package net/url it is none
					continue
				}
				if kept++; !service.carried {
					t.Errorf("from %q to %q the token was left behind", questions[i].Base, a.Href)
				}
			}
		}
		t.Logf("%d carried, %d canonical, in %v", carried, kept, time.Since(begun))
		if carried < 100 || kept < 100 {
			t.Error("too few of the texts tell anything")
		}
	})
	b := c.browser(t)
	b.signIn(idp, "local")
	if res := b.get("/follow"); res.StatusCode != http.StatusOK {
		t.Errorf("%d %s", res.StatusCode, res.body)
	}
}
