package main

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	m.Run()
}

// A browser registers, is signed in, signs out and in again by the built-in page.
func TestRegister(t *testing.T) {
	t.Setenv("NEXTAUTH_SECRET", "0123456789abcdef0123456789abcdef")
	for _, remembered := range []bool{false, true} {
		b := open(t)
		form := url.Values{"name": {"Ada"}, "email": {"ada@example.com"}, "password": {"analytical engine"}}
		if remembered {
			form.Set("remember", "true")
		}
		res, body := b.post("/register", form)
		if res.Request.URL.Path != "/" || !strings.Contains(body, "Hello, Ada.") {
			t.Fatalf("registered, the page at %s is\n%s", res.Request.URL, body)
		}
		b.lasts(remembered)
		if _, body := b.get("/edit"); body != "Ada edits." {
			t.Errorf("the first person reads %q", body)
		}
		if res, _ := b.post("/register", form); res.StatusCode != http.StatusConflict {
			t.Errorf("registered twice, the answer is %d", res.StatusCode)
		}
		if _, body := b.submit("/", nil); !strings.Contains(body, "Register</button>") {
			t.Errorf("signed out, the page is\n%s", body)
		}
		if _, body := b.submit("/api/auth/signin?callbackUrl=/", form); !strings.Contains(body, "Hello, Ada.") {
			t.Errorf("signed in by the form, the page is\n%s", body)
		}
		b.lasts(remembered)
		form.Set("password", "something else")
		if _, body := b.submit("/api/auth/signin", form); strings.Contains(body, "Hello") {
			t.Errorf("a wrong password leads to\n%s", body)
		}
	}
}

func TestRegister_Refused(t *testing.T) {
	t.Setenv("NEXTAUTH_SECRET", "0123456789abcdef0123456789abcdef")
	b := open(t)
	if res, _ := b.post("/register", url.Values{"email": {"ada@example.com"}, "password": {"short"}}); res.StatusCode != http.StatusBadRequest {
		t.Errorf("a short password answers %d", res.StatusCode)
	}
	req, err := http.NewRequest(http.MethodPost, b.site+"/register", strings.NewReader("email=ada@example.com&password=analytical+engine"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	if res, _ := b.do(req); res.StatusCode != http.StatusBadRequest {
		t.Errorf("another site's form answers %d", res.StatusCode)
	}
}

// The handlers, without a browser and without a password.
func TestEdit(t *testing.T) {
	t.Setenv("NEXTAUTH_SECRET", "0123456789abcdef0123456789abcdef")
	users := ginauth.MemoryAdapter()
	r, auth, err := newSite("https://app.example.com", users)
	if err != nil {
		t.Fatal(err)
	}
	user, err := users.CreateUser(t.Context(), ginauth.User{Name: "Grace"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{"/": http.StatusOK, "/edit": http.StatusForbidden} {
		req := httptest.NewRequest(http.MethodGet, path, nil)
		ginauthtest.SignIn(t, auth, req, user)
		w := httptest.NewRecorder()
		if r.ServeHTTP(w, req); w.Code != want {
			t.Errorf("%s answers %d, want %d", path, w.Code, want)
		}
	}
}

// A browser is a client with a cookie jar, at a site of its own.
type browser struct {
	t    *testing.T
	site string
	*http.Client
	set []string // the Set-Cookie lines so far
}

func open(t *testing.T) *browser {
	b := &browser{t: t}
	server := httptest.NewUnstartedServer(nil)
	b.site = "http://" + server.Listener.Addr().String()
	r, _, err := newSite(b.site, ginauth.MemoryAdapter())
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.ServeHTTP(w, req)
		b.set = append(b.set, w.Header()["Set-Cookie"]...)
	})
	server.Start()
	t.Cleanup(server.Close)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b.Client = &http.Client{Jar: jar}
	return b
}

func (b *browser) do(req *http.Request) (*http.Response, string) {
	b.t.Helper()
	res, err := b.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return res, string(body)
}

func (b *browser) get(path string) (*http.Response, string) {
	b.t.Helper()
	req, err := http.NewRequest(http.MethodGet, b.site+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.do(req)
}

func (b *browser) post(path string, form url.Values) (*http.Response, string) {
	b.t.Helper()
	req, err := http.NewRequest(http.MethodPost, b.site+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(req)
}

var (
	action = regexp.MustCompile(`action="([^"]*/api/auth/[^"]*)"`)
	hidden = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
)

// submit sends the form on a page, with what is typed into it.
func (b *browser) submit(path string, typed url.Values) (*http.Response, string) {
	b.t.Helper()
	_, page := b.get(path)
	to := action.FindStringSubmatch(page)
	if to == nil {
		b.t.Fatalf("no form on\n%s", page)
	}
	form := url.Values{}
	for name, values := range typed {
		form[name] = values
	}
	for _, field := range hidden.FindAllStringSubmatch(page, -1) {
		form.Set(field[1], field[2])
	}
	return b.post(strings.TrimPrefix(to[1], b.site), form)
}

// lasts fails the test unless the last session cookie outlives the browser, or does not.
func (b *browser) lasts(want bool) {
	b.t.Helper()
	for i := len(b.set) - 1; i >= 0; i-- {
		if strings.HasPrefix(b.set[i], "next-auth.session-token=") && !strings.Contains(b.set[i], "Max-Age=0") {
			if got := strings.Contains(b.set[i], "Expires="); got != want {
				b.t.Errorf("the session outlives the browser: %v, want %v", got, want)
			}
			return
		}
	}
	b.t.Error("no session cookie was set")
}
