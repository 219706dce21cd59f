package tests

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ginauth/ginauth/internal/token"
)

// A transcript is one request and what next-auth 4.24 answered. The letter of
// its config names the server, which wireServer builds.
type transcript struct {
	Name     string
	Config   string
	Volatile []string
	Request  struct {
		Method, Path string
		Headers      map[string]string
		Body         *string
	}
	Response struct {
		Status     int
		Headers    map[string]string
		SetCookies []string
		Body       string
	}
}

// Why ginauth differs, where it does.
const (
	oneTransaction = "one transaction cookie per sign-in"
	displayOnly    = "only display parameters reach the provider"
	badCallbackURL = "a callback URL that cannot be used leads to the default, with 302"
	faultAtStart   = "configuration faults fail New or Register"
	noDefaultURL   = "without a base URL the request's loopback host is used"
	codeNotText    = "a callback's error shows its code, not its text"
	notCached      = "a redirect that sets the session says that it is private"
	expFollows     = "exp at sign-in follows the session's maximum age"
	unproved       = "an e-mail address that the provider does not vouch for links nothing"
	allStored      = "with a store every session is in it, and opens at the next request"
	linkPage       = "a mail's link leads to a page with a button, which alone uses it up"
	oneAddress     = "two addresses are refused and not cut down to one"
	writtenAnew    = "a callback URL's origin is written anew, as browsers write it"
	notSealed      = "GET session sets a cookie only where it sealed the session again: past UpdateAge, or when a callback changed it"
	knownOnly      = "the sign-in page takes from its query what it knows"
)

// wireDifferences are all fields in which ginauth's answer is not next-auth's,
// each with the reason. One that no longer differs fails the test too.
var wireDifferences = map[string]map[string]string{
	"042-signin-oidc-json":                       {"cookies": oneTransaction},
	"044-signin-oidc-extra-query":                {"cookies": oneTransaction, "body": displayOnly},
	"048-signin-json-body-json-true-boolean":     {"cookies": oneTransaction},
	"060-callbackurl-body-backslash2":            {"status": badCallbackURL, "content-type": badCallbackURL, "body": badCallbackURL},
	"066-callbackurl-body-bare-word":             {"status": badCallbackURL, "content-type": badCallbackURL, "body": badCallbackURL},
	"074-callbackurl-body-scheme-case":           {"body": writtenAnew, "cookies": writtenAnew},
	"080-callbackurl-cookie-javascript":          {"status": badCallbackURL, "body": badCallbackURL, "cache": badCallbackURL, "cookies": badCallbackURL},
	"086-session-after-credentials":              {"cookies": notSealed},
	"096-session-get-after-update":               {"cookies": notSealed},
	"118-chunked-session":                        {"cookies": notSealed},
	"126-session-expired-within-tolerance":       {"cookies": notSealed},
	"128-session-token-no-name":                  {"cookies": notSealed},
	"132-oidc-session":                           {"cookies": notSealed},
	"134-oauth2-callback-ok":                     {"cookies": oneTransaction, "cache": notCached},
	"148-oauth-callback-signin-cb-deny":          {"cookies": oneTransaction},
	"150-oauth-callback-signin-cb-denythrow":     {"cookies": oneTransaction},
	"152-oauth-callback-callbackurl-param":       {"cookies": oneTransaction, "cache": notCached},
	"164-nourl-defaults-localhost-3000":          {"status": noDefaultURL, "content-type": noDefaultURL, "body": noDefaultURL},
	"184-pages-existing-user":                    {"cookies": oneTransaction, "cache": notCached},
	"186-db-session":                             {"cookies": notSealed},
	"188-db-link-second-account-while-signed-in": {"cookies": oneTransaction, "cache": notCached},
	"192-db-dangerous-link":                      {"cookies": unproved, "location": unproved},
	"194-db-credentials-login":                   {"cookies": allStored},
	"198-email-callback-wrong-token":             {"status": linkPage, "location": linkPage, "content-type": linkPage, "cache": linkPage, "body": linkPage},
	"200-email-callback-reuse":                   {"status": linkPage, "location": linkPage, "content-type": linkPage, "cache": linkPage, "body": linkPage},
	"208-email-signin-comma":                     {"body": oneAddress},
	"212-jwtadapter-first-login":                 {"cookies": oneTransaction, "cache": notCached},
	"226-extra-html-redirect-unicode":            {"status": badCallbackURL, "location": badCallbackURL, "body": badCallbackURL},
	"228-extra-callbackurl-array":                {"status": badCallbackURL, "cookies": badCallbackURL},
	"230-extra-signin-page-email-prefill":        {"status": knownOnly, "content-type": knownOnly, "cache": knownOnly, "body": knownOnly, "cookies": knownOnly},
	"232-credentials-jwt-callback-throws-json": {
		"content-type": codeNotText, "body": codeNotText, "cookies": codeNotText,
	},
	"236-maxage-login":   {"cookies": expFollows},
	"238-maxage-session": {"cookies": notSealed},
}

func TestWire(t *testing.T) {
	clean(t)
	files, err := filepath.Glob("testdata/wire/*.json")
	if err != nil || len(files) < 109 {
		t.Fatalf("%d transcripts, %v", len(files), err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var script transcript
		if err := json.Unmarshal(raw, &script); err != nil {
			t.Fatal(err)
		}
		t.Run(script.Name, func(t *testing.T) { replay(t, script) })
	}
}

func replay(t *testing.T, script transcript) {
	if script.Config == "F" { // no secret, in production
		release(t)
		wireRefused(t)
		return
	}
	if script.Config == "G" || script.Config == "H" { // mail without an adapter
		wireWithoutAdapter(t)
		return
	}
	s := newWireServer(t, script)
	req := s.request(t)
	w := httptest.NewRecorder()
	s.engine.ServeHTTP(w, req)
	got := w.Result()

	differs := map[string]string{}
	differ := func(field string, same bool, ours, theirs any) {
		if !same {
			differs[field] = ""
			if wireDifferences[script.Name][field] == "" {
				t.Errorf("%s\n ours   %v\n theirs %v", field, ours, theirs)
			}
		}
	}
	want := script.Response
	differ("status", got.StatusCode == want.Status, got.StatusCode, want.Status)
	differ("location", sameURL(got.Header.Get("Location"), s.here(want.Headers["Location"])), got.Header.Get("Location"), s.here(want.Headers["Location"]))
	differ("content-type", got.Header.Get("Content-Type") == want.Headers["Content-Type"] || want.Body == "<html page>" && strings.HasPrefix(got.Header.Get("Content-Type"), "text/html"),
		got.Header.Get("Content-Type"), want.Headers["Content-Type"])
	if want.Body == "<html page>" {
		return // the markup and its headers are our own
	}
	for _, name := range []string{"Cache-Control", "Pragma", "Expires"} {
		if !strings.HasPrefix(script.Request.Path, "/api/auth/") {
			continue // the application's own page
		}
		differ("cache", got.Header.Get(name) == want.Headers[name], name+": "+got.Header.Get(name), want.Headers[name])
	}
	ours, theirs := body(t, w.Body.String()), body(t, s.here(want.Body))
	differ("body", sameBody(ours, theirs), ours, theirs)
	ourCookies, theirCookies := s.cookies(t, got.Header["Set-Cookie"]), s.cookies(t, want.SetCookies)
	differ("cookies", reflect.DeepEqual(ourCookies, theirCookies), pretty(ourCookies), pretty(theirCookies))

	for field, reason := range wireDifferences[script.Name] {
		if _, still := differs[field]; !still {
			t.Errorf("%s is as next-auth's again; take it off the list (%s)", field, reason)
		}
	}
}

// body is what a body says: a JSON value, or its text.
func body(t *testing.T, text string) any {
	t.Helper()
	var value any
	if json.Unmarshal([]byte(text), &value) != nil {
		return text
	}
	return mask(value)
}

// mask takes out what differs from run to run.
func mask(value any) any {
	object, ok := value.(map[string]any)
	if !ok {
		return value
	}
	for _, name := range []string{"csrfToken", "expires"} {
		if text, ok := object[name].(string); ok {
			object[name] = strings.Repeat("*", len(text))
		}
	}
	return object
}

func sameBody(ours, theirs any) bool {
	a, okA := ours.(map[string]any)
	b, okB := theirs.(map[string]any)
	if okA && okB && len(a) == 1 && len(b) == 1 {
		x, okX := a["url"].(string)
		y, okY := b["url"].(string)
		if okX && okY {
			return sameURL(x, y)
		}
	}
	return reflect.DeepEqual(ours, theirs)
}

var flowParameter = regexp.MustCompile(`^(state|nonce|code_challenge)$`)

// sameURL compares authorization URLs by their parameters, whose order is
// nobody's, and all others by the letter.
func sameURL(ours, theirs string) bool {
	if !strings.Contains(theirs, "/authorize?") {
		return ours == theirs
	}
	a, b := parameters(ours), parameters(theirs)
	return reflect.DeepEqual(a, b)
}

func parameters(raw string) map[string]string {
	u, err := url.Parse(raw)
	if err != nil {
		return nil
	}
	out := map[string]string{"": u.Scheme + "://" + u.Host + u.Path}
	for name, values := range u.Query() {
		out[name] = strings.Join(values, ",")
		if flowParameter.MatchString(name) {
			out[name] = strings.Repeat("*", len(out[name]))
		}
	}
	return out
}

// A wireCookie is a Set-Cookie line with what it means: an opened token in place
// of a sealed one, and no times of day.
type wireCookie struct {
	Name       string
	Value      any
	Attributes []string
}

func pretty(v any) string {
	raw, _ := json.Marshal(v)
	return string(raw)
}

// cookies reads Set-Cookie lines. Session chunks are put together, so that their
// lengths, which hang on the claims, do not count. The device cookie, which next-auth
// does not have, stands beside the session alone.
func (s *wireServer) cookies(t *testing.T, lines []string) []wireCookie {
	t.Helper()
	ring, err := token.V4.Keyring("", testSecret)
	if err != nil {
		t.Fatal(err)
	}
	var out []wireCookie
	whole := ""
	for i, line := range lines {
		parts := strings.Split(line, "; ")
		name, value, _ := strings.Cut(parts[0], "=")
		if strings.HasSuffix(name, deviceCookie) {
			if !strings.Contains(strings.Join(lines, "\n"), "session-token=") {
				t.Errorf("a device cookie without a session: %v", lines)
			}
			continue
		}
		switch name[strings.LastIndex(name, ".")+1:] { // what the next page shows; next-auth has none of them
		case "last-used":
			if !strings.Contains(strings.Join(lines, "\n"), "session-token=") {
				t.Errorf("a way is remembered without a session: %v", lines)
			}
			continue
		case "failure", "sent":
			continue
		}
		c := wireCookie{Name: name, Value: value}
		for _, attribute := range parts[1:] {
			if expires, ok := strings.CutPrefix(attribute, "Expires="); ok {
				at, err := time.Parse(http.TimeFormat, expires)
				if err != nil {
					t.Errorf("%s: %v", line, err)
				}
				attribute = "Expires in " + at.Sub(s.now).Round(time.Minute).String()
			}
			c.Attributes = append(c.Attributes, attribute)
		}
		switch {
		case strings.HasSuffix(name, "csrf-token"):
			c.Value = strings.Repeat("*", len(value))
		case strings.Contains(name, "session-token") && value != "":
			whole += value
			if i+1 < len(lines) && strings.Contains(name, "session-token.") && strings.HasPrefix(lines[i+1], name[:strings.LastIndex(name, ".")]+".") && !strings.Contains(lines[i+1], "=;") {
				c.Value = "chunk"
				break
			}
			if strings.Count(whole, ".") != 4 { // what a store knows a session by
				c.Value, whole = "handle", ""
				break
			}
			payload, _, err := ring.Open(whole)
			whole = ""
			var claims map[string]any
			if err != nil || json.Unmarshal(payload, &claims) != nil {
				t.Errorf("%s does not open", name)
				continue
			}
			exp, _ := claims["exp"].(float64)
			claims["exp"] = time.Unix(int64(exp), 0).Sub(s.now).Round(time.Minute).String()
			for _, volatile := range []string{"iat", "jti", "auth_time", "ginauth_sid", "ginauth_factors"} {
				delete(claims, volatile)
			}
			c.Value = claims
		}
		out = append(out, c)
	}
	return out
}
