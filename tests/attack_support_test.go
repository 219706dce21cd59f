package tests

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/token"
	"github.com/ginauth/ginauth/oidc"
)

// callbackURLCookie is where a sign-in or sign-out leads, on a site on http.
const callbackURLCookie = "next-auth.callback-url"

// unused is a provider for tests in which nobody goes to one: sessions are
// sealed by the test itself. Registering it touches no network.
func unused() []ginauth.Provider {
	return ginauth.Goth(oidc.New(oidc.Config{
		Name: "local", Issuer: "https://id.example.net", ClientID: "client", ClientSecret: "secret",
	}))
}

// seal makes a session cookie of a payload, as an application with this secret
// would.
func seal(t testing.TB, secret string, payload []byte) string {
	t.Helper()
	ring, err := token.V4.Keyring("", secret)
	if err != nil {
		t.Fatal(err)
	}
	return ring.Seal(payload)
}

// sessionFor seals a fresh session for the person with that e-mail address.
// Further claims replace the usual ones.
func sessionFor(t testing.TB, email string, more map[string]any) string {
	t.Helper()
	now := time.Now()
	claims := map[string]any{
		"sub": email, "name": nil, "email": email, "picture": nil,
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "auth_time": now.Unix(),
	}
	maps.Copy(claims, more)
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	return seal(t, testSecret, payload)
}

// chunked cuts a sealed session into cookies as they stand in a Cookie header.
func chunked(sealed string) (pairs []string) {
	const size = 3933
	for i := 0; sealed != ""; i++ {
		n := min(size, len(sealed))
		pairs = append(pairs, fmt.Sprintf("%s.%d=%s", sessionCookie, i, sealed[:n]))
		sealed = sealed[n:]
	}
	return pairs
}

// csrfPair is a CSRF token and the Cookie header pair that belongs to it.
func csrfPair(cookieName string) (csrfToken, pair string) {
	csrfToken, value := token.NewCSRF(testSecret).New()
	return csrfToken, cookieName + "=" + url.PathEscape(value)
}

// send makes one request without a cookie jar and follows no redirect. header
// is name, value, name, value; a name may stand twice. Host sets the host.
func (a *app) send(t testing.TB, method, target, body string, header ...string) answer {
	t.Helper()
	if strings.HasPrefix(target, "/") {
		target = a.URL + target
	}
	req, err := http.NewRequest(method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
			continue
		}
		req.Header[header[i]] = append(req.Header[header[i]], header[i+1])
	}
	res, err := a.Client().Transport.RoundTrip(req)
	if err != nil {
		t.Fatalf("%s %.200s: %v", method, target, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res, string(text)}
}

// form posts a form, with further header fields as send takes them.
func (a *app) form(t testing.TB, target string, fields url.Values, header ...string) answer {
	t.Helper()
	header = append(header, "Content-Type", "application/x-www-form-urlencoded")
	return a.send(t, http.MethodPost, target, fields.Encode(), header...)
}

// raw sends a request as it is written, for what net/http's client will not
// send. Lines may end with a line feed alone.
func (a *app) raw(t testing.TB, request string) answer {
	t.Helper()
	conn, err := net.Dial("tcp", a.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, strings.ReplaceAll(request, "\n", "\r\n")); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res, string(text)}
}

// who is the e-mail address of the person as whom a request with these cookies
// and header fields passes the guard of /me, "" if it is sent away with 401.
// GET session must say the same of the cookies.
func (a *app) who(t testing.TB, cookies string, header ...string) string {
	t.Helper()
	email := func(body string) string {
		var out struct{ User struct{ Email string } }
		decode(t, body, &out)
		return out.User.Email
	}
	if cookies != "" {
		header = append([]string{"Cookie", cookies}, header...)
	}
	res := a.send(t, http.MethodGet, "/me", "", header...)
	guarded := ""
	switch res.StatusCode {
	case http.StatusOK:
		guarded = email(res.body)
	case http.StatusUnauthorized:
	default:
		t.Fatalf("/me answered %d %s", res.StatusCode, res.body)
	}
	if cookies == "" {
		return guarded
	}
	res = a.send(t, http.MethodGet, "/api/auth/session", "", header...)
	if res.StatusCode != http.StatusOK {
		t.Fatalf("GET session answered %d %s", res.StatusCode, res.body)
	}
	if told := email(res.body); told != guarded {
		t.Fatalf("the guard sees %q and GET session tells %q", guarded, told)
	}
	if guarded == "" && res.body != "{}" {
		t.Fatalf("GET session tells nobody %s", res.body)
	}
	return guarded
}

// setCookies are a response's cookies by name.
func setCookies(res answer) map[string]*http.Cookie {
	found := map[string]*http.Cookie{}
	for _, c := range res.Cookies() {
		found[c.Name] = c
	}
	return found
}

// stays reports whether a browser that is sent to location stays on one of the
// origins. It asks for the origin in front, ended by a slash, question mark or
// number sign or by the end: behind these no parser looks for a host any more,
// whatever it makes of the rest. Nothing in it may be read as another line.
func stays(location string, origins ...string) bool {
	for _, c := range []byte(location) {
		if c <= ' ' || c >= 0x7f {
			return false
		}
	}
	for _, o := range origins {
		if rest, ok := strings.CutPrefix(location, o); ok && (rest == "" || strings.IndexByte("/?#", rest[0]) >= 0) {
			return true
		}
	}
	return false
}

// elsewhere is the one further origin that tests allow redirects to.
const elsewhere = "https://www.example.com"

// strays are callback URLs that lead away from the site, or that some parser
// takes to. {o} stands for the site's origin and {h} for its host and port.
var strays = []string{
	"https://evil.example", "HTTPS://EVIL.EXAMPLE/", "http://evil.example:80/a?b#c",
	"//evil.example", "///evil.example", "////evil.example/a",
	`/\evil.example`, `\\evil.example`, `\/evil.example`, `/\/evil.example`, `/\\evil.example`,
	"/%09/evil.example", "/\t/evil.example", "\t//evil.example", "/\n/evil.example", " //evil.example",
	" https://evil.example", "https://evil.example ", "\x00https://evil.example", "\u00a0https://evil.example",
	"https:evil.example", "https:/evil.example", "https:///evil.example", `https:\\evil.example`, `http:\/\/evil.example`,
	"ht\ntps://evil.example", "http:", "https://", "://evil.example", "http://:80/", "http://?evil.example",
	"{o}@evil.example", "{o}:pw@evil.example/", "{o}.evil.example", "{o}evil.example", `{o}\@evil.example`,
	"{o}\t@evil.example", "{o}%2f@evil.example", "{o}%00.evil.example", "{o};@evil.example", "{o},evil.example",
	"http://user@{h}/", "http://user:pw@{h}/", "https://{h}/", "ftp://{h}/", "ws://{h}/", "blob:{o}/a",
	"http://127.0.0.1/", "http://127.1:1/", "http://[::1]/", "http://[::1", "http://%31%32%37.0.0.1/", "http://%zz/",
	elsewhere + ".evil.example/", elsewhere + "@evil.example", "https://user@www.example.com/", "http://www.example.com/",
	"https://www.example.com:8443/", "https://evil-www.example.com", "https://a.www.example.com", "https://example.com",
	"https://www.ex\u0430mple.com/", "https://www.example\u3002com.evil.example/", "https://www.example\uff0fcom/",
	"javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\nscript:alert(1)", "\x01javascript:alert(1)", "javascript://{h}/%0aalert(1)",
	"data:text/html,<script>alert(1)</script>", "vbscript:msgbox(1)", "file:///etc/passwd", "about:blank", "mailto:a@example.com",
	"/\r\nLocation: https://evil.example", "/\r\n\r\n<script>alert(1)</script>", "https://evil.example\r\nX: 1", "/\x00", "/\u2028\u2029", "/\xff\xfe",
	"dashboard", ".", "..//evil.example", "?//evil.example", "#//evil.example", ";//evil.example",
}

// straysOf are the strays of one site.
func straysOf(a *app) []string {
	fill := strings.NewReplacer("{o}", a.URL, "{h}", a.Listener.Addr().String())
	list := make([]string, len(strays))
	for i, s := range strays {
		list[i] = fill.Replace(s)
	}
	return list
}

// signOutTo are the ways to tell the auth routes where a sign-out leads, each
// with a valid CSRF token, answering the URL that the browser is sent to.
var signOutTo = map[string]func(t testing.TB, a *app, target string) string{
	"body": func(t testing.TB, a *app, target string) string {
		csrfToken, pair := csrfPair(csrfCookie)
		res := a.form(t, "/api/auth/signout", url.Values{"csrfToken": {csrfToken}, "callbackUrl": {target}}, "Cookie", pair)
		return res.Header.Get("Location")
	},
	"query": func(t testing.TB, a *app, target string) string {
		csrfToken, pair := csrfPair(csrfCookie)
		res := a.form(t, "/api/auth/signout?callbackUrl="+url.QueryEscape(target), url.Values{"csrfToken": {csrfToken}}, "Cookie", pair)
		return res.Header.Get("Location")
	},
	"cookie": func(t testing.TB, a *app, target string) string {
		csrfToken, pair := csrfPair(csrfCookie)
		kept := callbackURLCookie + "=" + strings.ReplaceAll(url.QueryEscape(target), "+", "%20")
		res := a.form(t, "/api/auth/signout", url.Values{"csrfToken": {csrfToken}}, "Cookie", pair+"; "+kept)
		return res.Header.Get("Location")
	},
}

// claimsOf are the claims of a sealed session.
func claimsOf(t testing.TB, secret, sealed string) map[string]any {
	t.Helper()
	ring, err := token.V4.Keyring("", secret)
	if err != nil {
		t.Fatal(err)
	}
	payload, _, err := ring.Open(sealed)
	if err != nil {
		t.Fatalf("the session does not open: %v", err)
	}
	d := json.NewDecoder(strings.NewReader(string(payload)))
	d.UseNumber()
	var claims map[string]any
	if err := d.Decode(&claims); err != nil {
		t.Fatal(err)
	}
	return claims
}
