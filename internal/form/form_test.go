package form_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/form"
	"github.com/ginauth/ginauth/internal/token"
)

func post(contentType, body string) *http.Request {
	req := httptest.NewRequest(http.MethodPost, "https://app.example.com/api/auth/signin", strings.NewReader(body))
	req.Header.Set("Content-Type", contentType)
	return req
}

func TestRead(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		contentType, body string
		text, two         string // of the fields a and b
		err               error
	}{
		{form.Type, "a=1&b=2", "1", "2", nil},
		{form.Type + "; charset=utf-8", "a=1&a=2", "1", "", nil},
		{form.Type, "a=%", "", "", form.ErrInvalid},
		{form.Type, "", "", "", nil},
		{"application/json", `{"a":"1","b":2}`, "1", "", nil},
		{"application/json", `{"a":["1"]}`, "", "", nil},
		{"application/json", `"a"`, "", "", nil},
		{"application/json", `{"a":"1"} {}`, "", "", form.ErrInvalid},
		{"application/json", `{`, "", "", form.ErrInvalid},
		{"text/plain", "a=1", "", "", nil},
		{form.Type, "a=" + strings.Repeat("x", 64<<10-2), strings.Repeat("x", 64<<10-2), "", nil},
		{form.Type, "a=" + strings.Repeat("x", 64<<10-1), "", "", form.ErrTooLarge},
	} {
		body, err := form.Read(post(row.contentType, row.body))
		if !errors.Is(err, row.err) || body.Text("a") != row.text || body.Text("b") != row.two {
			t.Errorf("%s %.40s: %.40v, %v", row.contentType, row.body, body, err)
		}
	}
	get := httptest.NewRequest(http.MethodGet, "https://app.example.com/", strings.NewReader("a=1"))
	if body, err := form.Read(get); body != nil || err != nil {
		t.Errorf("GET has the body %v, %v", body, err)
	}
	req := post(form.Type, "a=1") // whose body a middleware in front has read
	if err := req.ParseForm(); err != nil {
		t.Fatal(err)
	}
	if body, err := form.Read(req); err != nil || body.Text("a") != "1" {
		t.Errorf("a form that was read before: %v, %v", body, err)
	}
}

// A body is read up to 64 KiB, by its type alone, and one that breaks off is none.
func TestRead_Bodies(t *testing.T) {
	t.Parallel()
	longest := "a=" + strings.Repeat("x", 64<<10-2)
	for _, row := range []struct {
		name string
		req  func() *http.Request
		want form.Body
		err  error
	}{
		{"no body at all", func() *http.Request { req := post(form.Type, ""); req.Body = nil; return req }, nil, nil},
		{"an empty JSON body", func() *http.Request { return post("application/json", "") }, nil, nil},
		{"an empty body of no type", func() *http.Request { return post("", "") }, nil, nil},
		{"an empty form", func() *http.Request { return post(form.Type, "") }, form.Body{}, nil},
		{"a form of no type", func() *http.Request { return post("", "a=1") }, form.Body{}, nil},
		{"a list", func() *http.Request { return post("application/json", `[{"a":"1"}]`) }, form.Body{}, nil},
		{"null", func() *http.Request { return post("application/json", `null`) }, form.Body{}, nil},
		{"a number", func() *http.Request { return post("application/json", `{"n":12345678901234567890}`) }, form.Body{"n": json.Number("12345678901234567890")}, nil},
		{"JSON and a space", func() *http.Request { return post("application/json; charset=utf-8", " {\"a\":\"1\"}\n") }, form.Body{"a": "1"}, nil},
		{"JSON and more", func() *http.Request { return post("application/json", `{"a":"1"}x`) }, nil, form.ErrInvalid},
		{"the longest", func() *http.Request { return post("text/plain", longest) }, form.Body{}, nil},
		{"one byte more", func() *http.Request { return post("text/plain", longest+"x") }, nil, form.ErrTooLarge},
		{"one that breaks off", func() *http.Request {
			req := post(form.Type, "")
			req.Body = io.NopCloser(iotest.ErrReader(errors.New("connection reset")))
			return req
		}, nil, form.ErrInvalid},
		{"a form that a middleware read, and JSON", func() *http.Request {
			req := post("application/json", "")
			req.PostForm = url.Values{"a": {"1"}}
			return req
		}, nil, nil},
		{"a PUT", func() *http.Request { req := post(form.Type, "a=1"); req.Method = http.MethodPut; return req }, nil, nil},
	} {
		body, err := form.Read(row.req())
		if !errors.Is(err, row.err) || row.err == nil && err != nil || !reflect.DeepEqual(body, row.want) {
			t.Errorf("%s: %.60v, %v", row.name, body, err)
		}
	}
}

// A repeated field stays repeated: a reader who wants one value sees that there are two.
func TestValues(t *testing.T) {
	t.Parallel()
	body, err := form.Read(post(form.Type, "code=a&code=b&state=s"))
	if want := (url.Values{"code": {"a", "b"}, "state": {"s"}}); err != nil || !reflect.DeepEqual(body.Values(), want) {
		t.Errorf("%v, %v", body.Values(), err)
	}
	body, err = form.Read(post("application/json", `{"code":1}`))
	if want := (url.Values{"code": {""}}); err != nil || !reflect.DeepEqual(body.Values(), want) {
		t.Errorf("%v, %v", body.Values(), err)
	}
}

func TestProof(t *testing.T) {
	t.Parallel()
	const name, own = "csrf", "https://app.example.com"
	keys := token.NewCSRF("0123456789abcdef0123456789abcdef")
	mine, value := keys.New()
	planted, other := keys.New() // which an attacker got here for themselves
	_, foreign := token.NewCSRF("another secret, of thirty-two bytes").New()
	for _, row := range []struct {
		what    string
		method  string
		cookies []string
		sent    string
		origins []string
		own     bool
		holds   bool
	}{
		{"form of this site", "POST", []string{value}, mine, []string{own}, true, true},
		{"form without an origin", "POST", []string{value}, mine, nil, true, true},
		{"form of another origin", "POST", []string{value}, mine, []string{"https://evil.example"}, false, false},
		{"another token", "POST", []string{value}, planted, []string{own}, true, false},
		{"no token", "POST", []string{value}, "", []string{own}, true, false},
		{"no cookie", "POST", nil, mine, []string{own}, true, false},
		{"cookie of another secret", "POST", []string{foreign}, mine, []string{own}, true, false},
		{"planted cookie beside this one", "POST", []string{value, other}, planted, nil, true, false},
		{"the same with this site's origin", "POST", []string{other, value}, mine, []string{own}, true, true},
		{"this one before a planted one", "POST", []string{value, other}, mine, []string{own}, true, true},
		{"not a POST", "GET", []string{value}, mine, []string{own}, true, false},
	} {
		req := httptest.NewRequest(row.method, own, nil)
		for _, value := range row.cookies {
			req.Header.Add("Cookie", name+"="+cookie.Escape(value))
		}
		req.Header["Origin"] = row.origins
		p := form.Check(keys, req, name, row.sent)
		if got := p.Holds(req, row.own); got != row.holds || p.Cookies != len(row.cookies) {
			t.Errorf("%s: %v, with %d cookies", row.what, got, p.Cookies)
		}
	}
}

// The token is the one of the cookie that the request has, or that its answer sets.
func TestToken(t *testing.T) {
	t.Parallel()
	keys := token.NewCSRF("0123456789abcdef0123456789abcdef")
	mine, value := keys.New()
	with, without := httptest.NewRequest(http.MethodGet, "https://app.example.com/", nil), httptest.NewRequest(http.MethodGet, "https://app.example.com/", nil)
	with.Header.Set("Cookie", "csrf=nonsense; csrf="+cookie.Escape(value))
	set := http.Header{"Set-Cookie": {"other=1", cookie.Line("csrf", value, cookie.Attributes{})}}
	if got, ok := form.Token(keys, with, http.Header{}, "csrf"); !ok || got != mine {
		t.Errorf("of the request: %q", got)
	}
	if got, ok := form.Token(keys, without, set, "csrf"); !ok || got != mine {
		t.Errorf("of the answer: %q", got)
	}
	other, _ := keys.New()
	if other == mine {
		t.Fatal("two tokens are one")
	}
	for what, answer := range map[string]http.Header{
		"of neither":             {},
		"of another name":        {"Set-Cookie": {cookie.Line("xcsrf", value, cookie.Attributes{}), cookie.Line("csrfx", value, cookie.Attributes{})}},
		"of nonsense":            {"Set-Cookie": {"csrf=nonsense", "csrf=", "csrf"}},
		"of an answer to others": {"Cookie": {cookie.Line("csrf", value, cookie.Attributes{})}},
	} {
		if got, ok := form.Token(keys, without, answer, "csrf"); ok || got != "" {
			t.Errorf("%s: %q", what, got)
		}
	}
	// Of several the first that this site made counts.
	_, second := keys.New()
	several := httptest.NewRequest(http.MethodGet, "https://app.example.com/", nil)
	several.Header.Set("Cookie", "csrf=nonsense; csrf="+cookie.Escape(value)+"; csrf="+cookie.Escape(second))
	if got, ok := form.Token(keys, several, http.Header{}, "csrf"); !ok || got != mine {
		t.Errorf("of several: %q", got)
	}
	if p := form.Check(keys, several, "csrf", mine); p.Cookies != 3 || !p.Opened {
		t.Errorf("of several: %+v", p)
	}
}
