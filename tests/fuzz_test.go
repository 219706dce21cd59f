package tests

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/token"
)

// fuzzed is an engine whose guarded route says that it was reached.
func fuzzed(f *testing.F) *gin.Engine {
	f.Helper()
	r := gin.New()
	auth, err := ginauth.Register(r, ginauth.Options{
		Secret: testSecret, BaseURL: "http://a.example", Logger: (&logBuffer{}).logger(), Adapter: newMemory(),
		Providers: append(somebody(), ginauth.Credentials{
			Authorize: func(*gin.Context, map[string]string) (*ginauth.User, error) { return nil, nil },
		}, ginauth.Email{Send: nowhere}, ginauth.Email{ID: "code", Code: true, Send: nowhere}),
	})
	if err != nil {
		f.Fatal(err)
	}
	r.GET("/me", auth.RequireSession(), func(c *gin.Context) { c.String(http.StatusOK, "reached") })
	return r
}

// FuzzBody posts bodies to the routes that read one.
func FuzzBody(f *testing.F) {
	csrf, cookie := token.NewCSRF(testSecret).New()
	f.Add("application/json", `{"csrfToken":"`+csrf+`","json":"true","username":1e999}`)
	f.Add("application/json", `{"a":{"b":[1,2,`)
	f.Add("application/x-www-form-urlencoded", "csrfToken="+csrf+"&callbackUrl=%2F%2Fe.com&a=%zz")
	f.Add("multipart/form-data; boundary=x", "--x")
	f.Add("application/x-www-form-urlencoded", "csrfToken="+csrf+"&email=a%40b.de%2Cevil.com&token=x&code=123456")
	f.Add("application/json", `{"csrfToken":"`+csrf+`","email":["a@b.de","c@d.ef"],"token":{},"code":123456}`)
	f.Add("application/json; charset", "null")
	r := fuzzed(f)
	f.Fuzz(func(t *testing.T, contentType, body string) {
		for _, path := range []string{"signin/github", "callback/credentials", "signin/email", "callback/email", "signin/code", "callback/code", "session", "signout", "_log"} {
			req := httptest.NewRequest(http.MethodPost, "http://a.example/api/auth/"+path, strings.NewReader(body))
			req.Header["Content-Type"] = []string{contentType}
			req.Header.Set("Cookie", "next-auth.csrf-token="+cookie)
			w := httptest.NewRecorder()
			r.ServeHTTP(w, req)
			if w.Code >= 500 {
				t.Errorf("%s: %d", path, w.Code)
			}
		}
	})
}

// FuzzCookieHeader sends whole Cookie headers; only the sealed session as it is
// signs anybody in.
func FuzzCookieHeader(f *testing.F) {
	sealed := vectorToken(f) // one token in all of the fuzzer's processes
	for _, header := range []string{
		"next-auth.session-token=" + sealed, "next-auth.session-token.0=" + sealed[:40] + "; next-auth.session-token.1=" + sealed[40:],
		"next-auth.session-token=" + sealed + "; next-auth.session-token=x", "=;=;;", "next-auth.session-token.99999999999999999999=a", "a=%zz",
	} {
		f.Add(header)
	}
	r := fuzzed(f)
	f.Fuzz(func(t *testing.T, header string) {
		for _, path := range []string{"/me", "/api/auth/session", "/api/auth/callback/github?state=x&code=y"} {
			req := httptest.NewRequest(http.MethodGet, "http://a.example"+path, nil)
			req.Header["Cookie"] = []string{header}
			w := httptest.NewRecorder()
			r.ServeHTTP(w, req)
			if w.Code >= 500 {
				t.Errorf("%s: %d", path, w.Code)
			}
			// A token in two chunks is still that token.
			joined := strings.ReplaceAll(header, "; next-auth.session-token.1=", "")
			if path == "/me" && w.Code == http.StatusOK && !strings.Contains(joined, sealed) && !strings.Contains(header, ".0=") && !strings.Contains(header, "%") {
				t.Errorf("%q signs in", header)
			}
		}
	})
}

// FuzzBearer sends Authorization headers.
func FuzzBearer(f *testing.F) {
	for _, header := range []string{"Bearer ", "Bearer %zz", "bearer x", "Bearer a.b.c.d.e", "Basic eDp5", "Bearer " + strings.Repeat(".", 4096)} {
		f.Add(header)
	}
	r := fuzzed(f)
	f.Fuzz(func(t *testing.T, header string) {
		req := httptest.NewRequest(http.MethodGet, "http://a.example/me", nil)
		req.Header["Authorization"] = []string{header}
		w := httptest.NewRecorder()
		r.ServeHTTP(w, req)
		if w.Code != http.StatusUnauthorized {
			t.Errorf("%q: %d", header, w.Code)
		}
	})
}
