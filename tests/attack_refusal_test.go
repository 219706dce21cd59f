package tests

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
)

// Every kind of refused request, with a secret wherever one can stand: the log tells of
// each kind, once a minute, and holds none of them.
func TestAttack35_RefusalsInLog(t *testing.T) {
	t.Parallel()
	secret := func(n int) string { return fmt.Sprintf("s3cr3t-%04d-%s", n, strings.Repeat("x", 40)) }
	idp := newIDP(t, ginauthtest.Config{})
	a := newApp(t, ginauth.Options{Providers: ginauth.Goth(local(idp, "local"))})
	a.engine.Any("/invite/:token", a.auth.RequireSession(), func(c *gin.Context) { c.Status(http.StatusNoContent) })
	s := &secrets{values: map[string]string{testSecret: "secret"}}
	for n := range 40 {
		s.add(fmt.Sprint("secret ", n), secret(n))
	}
	s.add("client secret", idp.ClientSecret())
	token, pair := csrfPair(csrfCookie)
	s.add("csrf token", token)
	s.add("csrf cookie", strings.TrimPrefix(pair, csrfCookie+"="))
	session := sessionFor(t, "ada@example.com", nil)
	s.add("session", session[len("eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0.."):])
	const form = "application/x-www-form-urlencoded"
	body := func(pairs ...string) string {
		values := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			values.Set(pairs[i], pairs[i+1])
		}
		return values.Encode()
	}
	planted := csrfCookie + "=" + secret(30) + "%7C" + secret(31)
	for range 3 {
		for _, row := range []struct {
			method, path, body string
			header             []string
		}{
			{"POST", "/api/auth/signin/local?code=" + secret(1), body("csrfToken", token, "callbackUrl", "/x?token="+secret(2)), []string{"Content-Type", form, "Cookie", pair, "Origin", "https://evil.example"}},
			{"POST", "/api/auth/signin/local", body("csrfToken", token), []string{"Content-Type", form, "Cookie", pair, "Origin", "null", "Referer", "https://evil.example/" + secret(3)}},
			{"POST", "/api/auth/signin/local", body("csrfToken", token), []string{"Content-Type", form}},
			{"POST", "/api/auth/signin/local", body("csrfToken", secret(4)), []string{"Content-Type", form, "Cookie", pair}},
			{"POST", "/api/auth/signin/local", body("x", secret(5)), []string{"Content-Type", form, "Cookie", pair}},
			{"POST", "/api/auth/signin/local", body("csrfToken", secret(6)), []string{"Content-Type", form, "Cookie", planted}},
			{"POST", "/api/auth/signout", body("csrfToken", secret(7)), []string{"Content-Type", form, "Cookie", planted + "; " + pair}},
			{"POST", "/api/auth/session", `{"csrfToken":"` + secret(8) + `","data":{"password":"` + secret(9) + `"}}`, []string{"Content-Type", "application/json", "Cookie", sessionCookie + "=" + session}},
			{"POST", "/api/auth/signin/nobody", body("csrfToken", token), []string{"Content-Type", form, "Cookie", pair}},
			{"GET", "/api/auth/callback/nobody?code=" + secret(10) + "&state=" + secret(11), "", nil},
			{"GET", "/api/auth/callback/local?code=" + secret(12) + "&state=" + secret(13), "", nil},
			{"GET", "/api/auth/callback/local?code=" + secret(14), "", nil},
			{"GET", "/api/auth/callback/local?code=" + secret(15) + "&state=" + secret(16), "", []string{"Cookie", "next-auth.transaction." + secret(17) + "=" + secret(18)}},
			{"GET", "/api/auth/signin?callbackUrl=" + url.QueryEscape("https://u:"+secret(19)+"@evil.example/"+secret(20)+"?t="+secret(21)), "", nil},
			{"GET", "/api/auth/signin?callbackUrl=" + url.QueryEscape("https://evil.example/"+secret(20)+"?t="+secret(21)), "", nil},
			{"GET", "/api/auth/session", "", []string{"Cookie", sessionCookie + "=" + secret(22)}},
			{"GET", "/me", "", []string{"Cookie", sessionCookie + ".1=" + secret(23)}},
			{"GET", "/me", "", []string{"Cookie", sessionCookie + "=" + secret(24) + "; " + sessionCookie + "=" + session}},
			{"POST", "/invite/" + secret(25) + "?t=" + secret(26), secret(27), []string{"Cookie", sessionCookie + "=" + session, "Origin", "https://evil.example"}},
			{"GET", "/me", "", []string{"Authorization", "Bearer " + secret(28)}},
		} {
			a.send(t, row.method, row.path, row.body, row.header...)
		}
		for _, path := range []string{"/api/auth/signin?t=" + secret(29), "/me?t=" + secret(29)} {
			req, err := http.NewRequest(http.MethodGet, a.URL+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Host = "evil.example"
			req.Header.Set("X-Forwarded-Host", "evil.example\u2028level=ERROR")
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
		}
	}
	log := a.log.String()
	if kinds := s.found(log); kinds != nil {
		t.Errorf("the log holds %v: %s", kinds, log)
	}
	for _, want := range []string{
		"its Origin is not this site's", "the CSRF cookie did not come with it", "csrfToken", "names no provider", "a provider's answer",
		"leads to another site", "a session cookie", "several session cookies", "another origin sent it", "does not answer for its host",
	} {
		n := 0
		for line := range strings.Lines(log) {
			if strings.Contains(line, "level=WARN") && strings.Contains(line, "look_at=") && strings.Contains(line, want) {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%d lines with %q:\n%s", n, want, log)
		}
	}
	for line := range strings.Lines(log) {
		if len(line) > 2000 || !strings.HasPrefix(line, "time=") {
			t.Errorf("a line of the log: %q", line)
		}
	}
}
