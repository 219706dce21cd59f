package tests

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
)

// newHeadApp signs people in by each method, with a store whose contents a test can
// compare.
func newHeadApp(t *testing.T, email ginauth.Email, opts ginauth.Options) (*mailApp, *ginauthtest.Provider) {
	t.Helper()
	idp := newIDP(t, ginauthtest.Config{People: crowd()})
	opts.Providers = []ginauth.Provider{ginauth.OAuth{Provider: local(idp, "first")}, members()}
	return newMailApp(t, email, opts), idp
}

// values are what differs from one answer to the next: what is sealed, random or a time.
var values = regexp.MustCompile(`(=)[^;]{20,}|(Expires=)[^;]+|[0-9a-f]{64}`)

// shape is an answer's status and header, without what differs from one to the next.
func shape(res *http.Response) string {
	var lines []string
	for name, sent := range res.Header {
		for _, value := range sent {
			if name == "Date" || name == "Content-Length" && value == "0" { // net/http leaves that out of an answer to HEAD
				continue
			}
			lines = append(lines, name+": "+values.ReplaceAllString(value, "$1$2…"))
		}
	}
	slices.Sort(lines)
	return fmt.Sprint(res.StatusCode, "\n", strings.Join(lines, "\n"))
}

// HEAD on each GET route has the status and header of GET, and no body; it sets the
// same cookies. What takes POST alone is 400.
func TestHead_AnswersAsGet(t *testing.T) {
	t.Parallel()
	for _, own := range []bool{false, true} {
		opts := ginauth.Options{Session: ginauth.SessionOptions{UpdateAge: -1}} // each read seals the session again
		if own {
			opts.Pages = ginauth.Pages{SignIn: "/in", SignOut: "/out", Error: "/oops", VerifyRequest: "/mailed"}
		}
		a, _ := newHeadApp(t, ginauth.Email{}, opts)
		link := strings.TrimPrefix(a.asksFor(t, a.browser(t), "ada@example.com"), a.URL)
		for _, path := range []string{
			"csrf", "providers", "session", "signin", "signin?error=CredentialsSignin", "signin?csrf=true", "signin/first", "signout",
			"signin?callbackUrl=/there", "error", "error?error=AccessDenied", "error?error=RateLimited&retryAfter=60", "error?error=OAuthCallback",
			"verify-request", "verify-request?provider=email&type=email", "client.js", "callback/first", "callback/first?error=access_denied",
			"callback/first?code=x&state=y", "callback/email", "callback/email?token=x&email=y", strings.TrimPrefix(link, "/api/auth/"),
			"callback/credentials", "callback/nobody", "nothing", "_log", "backchannel-logout/first",
		} {
			for _, signedIn := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/own pages %t/signed in %t", path, own, signedIn), func(t *testing.T) {
					t.Parallel()
					answers := map[string]string{}
					for _, method := range []string{http.MethodGet, http.MethodHead} {
						b := a.browser(t)
						if signedIn {
							if !b.signInAs("ada").signedIn() {
								t.Fatal(a.log)
							}
						}
						res := b.do(b.request(method, "/api/auth/"+path, nil))
						if method == http.MethodHead && res.body != "" {
							t.Errorf("a body: %s", res.body)
						}
						answers[method] = shape(res.Response)
					}
					if answers["GET"] != answers["HEAD"] {
						t.Errorf("GET answers %s\nHEAD answers %s", answers["GET"], answers["HEAD"])
					}
				})
			}
		}
	}
}

// No byte follows the header of an answer to HEAD: another would be taken for the next
// answer of the connection.
func TestHead_SendsNoBody(t *testing.T) {
	t.Parallel()
	a, _ := newHeadApp(t, ginauth.Email{}, ginauth.Options{})
	conn, err := net.Dial("tcp", a.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	paths := []string{"signin", "providers", "client.js", "error?error=AccessDenied", "callback/nobody", "session", "csrf"}
	for i, path := range paths { // all before the first answer
		last := map[bool]string{true: "Connection: close\r\n"}[i == len(paths)-1]
		_, _ = fmt.Fprintf(conn, "HEAD /api/auth/%s HTTP/1.1\r\nHost: %s\r\n%s\r\n", path, a.Listener.Addr(), last)
	}
	all, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(strings.NewReader(string(all)))
	for _, path := range paths {
		for first := true; ; first = false {
			line, err := r.ReadString('\n')
			if err != nil || first && !strings.HasPrefix(line, "HTTP/1.1 ") {
				t.Fatalf("%s: %q %v in\n%s", path, line, err, all)
			}
			if line == "\r\n" {
				break
			}
		}
	}
	if rest, _ := io.ReadAll(r); len(rest) != 0 {
		t.Errorf("bytes follow: %q", rest)
	}
}

// A program that looks into mails asks for their links by HEAD, from anywhere, often and
// in the person's own browser. That uses no link up, asks the database nothing and
// begins no session.
func TestAttack38_HeadOfALink(t *testing.T) {
	t.Parallel()
	for _, email := range []ginauth.Email{{}, {BindBrowser: true}, {Code: true}} {
		t.Run(fmt.Sprintf("code %t/bound %t", email.Code, email.BindBrowser), func(t *testing.T) {
			t.Parallel()
			var entered atomic.Int32
			a, _ := newHeadApp(t, email, ginauth.Options{Events: ginauth.Events{
				SignIn: func(*gin.Context, ginauth.SignInEvent) { entered.Add(1) },
			}})
			b := a.browser(t)
			link := a.asksFor(t, b, "ada@example.com")
			if email.Code {
				link = a.URL + "/api/auth/callback/email?token=x&email=ada%40example.com"
			}
			kept := a.db.rows()
			for range 3 {
				for _, scanner := range []*browser{a.browser(t), b} {
					for _, target := range []string{link, a.URL + "/api/auth/verify-request?provider=email&type=email", strings.Replace(link, "token=", "token=x", 1)} {
						if res := scanner.do(scanner.request(http.MethodHead, target, nil)); res.signedIn() {
							t.Errorf("HEAD of %s signs in", target)
						}
					}
				}
			}
			if got := a.db.rows(); !slices.Equal(got, kept) || entered.Load() != 0 {
				t.Errorf("kept are %v, before %v; %d signed in", got, kept, entered.Load())
			}
			res := answer{}
			if email.Code {
				res = b.typeCode(a.inbox.newest(t).Code)
			} else {
				res = b.press(link)
			}
			if !res.signedIn() {
				t.Errorf("afterwards the mail signs nobody in: %d %s\n%s", res.StatusCode, res.Header.Get("Location"), a.log)
			}
		})
	}
}

// HEAD of the provider's answer does no more than GET: without the browser's cookies
// nothing, and with them what GET does, once.
func TestHead_OfTheProvidersAnswer(t *testing.T) {
	t.Parallel()
	var entered atomic.Int32
	a, idp := newHeadApp(t, ginauth.Email{}, ginauth.Options{Events: ginauth.Events{
		SignIn: func(*gin.Context, ginauth.SignInEvent) { entered.Add(1) },
	}})
	b := a.browser(t)
	callback := as(t, idp, b.begin("first", "/after"), "ada").String()
	stranger := a.browser(t)
	if res := stranger.do(stranger.request(http.MethodHead, callback, nil)); res.signedIn() || accepted(idp) != 0 {
		t.Errorf("a stranger's HEAD: signed in %v, %d token requests", res.signedIn(), accepted(idp))
	}
	for _, method := range []string{http.MethodHead, http.MethodHead, http.MethodGet} {
		res := b.do(b.request(method, callback, nil))
		if got := res.Header.Get("Location"); !strings.HasSuffix(got, "/after") || accepted(idp) != 1 || entered.Load() != 1 {
			t.Errorf("%s leads to %s after %d token requests and %d sign-ins", method, got, accepted(idp), entered.Load())
		}
		if cache := res.Header.Get("Cache-Control"); !strings.Contains(cache, "no-store") {
			t.Errorf("%s may be cached: %q", method, cache)
		}
	}
	if b.user() != "ada@example.com" {
		t.Errorf("signed in is %q", b.user())
	}
}

// HEAD starts and ends nothing.
func TestHead_OfForms(t *testing.T) {
	t.Parallel()
	a, idp := newHeadApp(t, ginauth.Email{}, ginauth.Options{})
	b := a.browser(t)
	b.signInAt(idp, "first", "ada")
	form := url.Values{"csrfToken": {b.csrf()}, "username": {"ada"}, "password": {adasPassword}, "email": {"ada@example.com"}}
	for _, path := range []string{"signout", "signin/first", "signin/email", "signin/credentials", "callback/credentials", "callback/email", "session"} {
		b.do(b.request(http.MethodHead, "/api/auth/"+path+"?"+form.Encode(), form))
	}
	if b.user() != "ada@example.com" || len(a.inbox.all()) != 0 || len(b.transactions()) != 0 {
		t.Errorf("signed in is %q, %d mails, %d sign-ins under way", b.user(), len(a.inbox.all()), len(b.transactions()))
	}
}

// With SameSite=Strict the provider's answer is loaded once more, by HEAD too: one
// without the browser's cookies must not spend it.
func TestHead_WithStrictCookies(t *testing.T) {
	t.Parallel()
	a, idp := newHeadApp(t, ginauth.Email{}, ginauth.Options{Cookies: ginauth.CookieOptions{SameSite: http.SameSiteStrictMode}})
	for _, methods := range [][]string{{"GET"}, {"HEAD"}} {
		b := a.browser(t)
		before := accepted(idp)
		callback := as(t, idp, b.begin("first", "/"), "ada").String()
		if res := b.do(b.request(methods[0], callback, nil)); res.StatusCode != http.StatusOK || accepted(idp) != before {
			t.Errorf("%s answers %d and asks the provider", methods[0], res.StatusCode)
		}
		if !b.get(callback).signedIn() {
			t.Error("the second time signs nobody in")
		}
	}
}
