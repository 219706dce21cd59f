package form_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"

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
	if got, ok := form.Token(keys, without, http.Header{}, "csrf"); ok {
		t.Errorf("of neither: %q", got)
	}
}
