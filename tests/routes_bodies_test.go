package tests

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
)

// A body that cannot be read is refused in words, and reaches no provider.
func TestRoutes_BodyTexts(t *testing.T) {
	t.Parallel()
	a := membersApp(t, ginauth.Options{})
	csrfToken, pair := csrfPair(csrfCookie)
	for _, row := range []struct {
		contentType, body string
		status            int
		text              string
	}{
		{"application/x-www-form-urlencoded", "csrfToken=" + csrfToken + "&username=" + strings.Repeat("x", 64<<10), http.StatusRequestEntityTooLarge, "Error: The body is larger than 64 KiB"},
		{"application/json", `{"csrfToken":"` + csrfToken + `"`, http.StatusBadRequest, "Error: The body cannot be read"},
		{"application/x-www-form-urlencoded", "csrfToken=" + csrfToken + "&username=%zz", http.StatusBadRequest, "Error: The body cannot be read"},
	} {
		res := a.send(t, http.MethodPost, "/api/auth/callback/credentials", row.body, "Content-Type", row.contentType, "Cookie", pair)
		if res.StatusCode != row.status || res.body != row.text || len(res.Header["Content-Type"]) != 0 || res.Header.Get("X-Content-Type-Options") != "nosniff" || len(res.Cookies()) != 0 {
			t.Errorf("%.40s: %d %q %v", row.body, res.StatusCode, res.body, res.Header)
		}
	}
	if log := a.log.String(); strings.Contains(log, "sign-in refused") {
		t.Errorf("the log: %s", log)
	}
}

// A path may end in a slash, or have more behind the provider, as next-auth takes it. What
// the engine has around the routes sees that they have answered.
func TestRoutes_Paths(t *testing.T) {
	t.Parallel()
	opts := ginauth.Options{Providers: append(somebody(), members())}
	a := newApp(t, opts, func(_ *app, c *gin.Context) {
		c.Next()
		if !c.IsAborted() {
			t.Errorf("%s is not aborted", c.Request.URL.Path)
		}
	})
	b := a.browser(t)
	for _, path := range []string{"csrf", "csrf/", "csrf/more/of/it"} {
		if res := b.get("/api/auth/" + path); res.StatusCode != http.StatusOK || !strings.Contains(res.body, `{"csrfToken":"`) {
			t.Errorf("%s: %d %s", path, res.StatusCode, res.body)
		}
	}
	for _, path := range []string{"github", "github/", "github/more", "github/more/of/it"} {
		res := b.post("/api/auth/signin/"+path, url.Values{"csrfToken": {b.csrf()}})
		if !strings.HasPrefix(res.Header.Get("Location"), "https://github.com/") {
			t.Errorf("%s: %d %s", path, res.StatusCode, res.Header.Get("Location"))
		}
	}
}

// An own sign-in page gets the error that stands in the path, and the built-in one shows
// no words of a link's.
func TestRoutes_ErrorOfALink(t *testing.T) {
	t.Parallel()
	own := newApp(t, ginauth.Options{Providers: somebody(), Pages: ginauth.Pages{SignIn: "/login"}})
	if got := own.browser(t).get("/api/auth/signin/Callback").Header.Get("Location"); !strings.HasSuffix(got, "&error=Callback") {
		t.Errorf("leads to %s", got)
	}
	a := newApp(t, ginauth.Options{Providers: somebody()})
	for _, code := range []string{"You%20won%20a%20prize", "AccessDenied", "Configuration"} {
		page := a.browser(t).get("/api/auth/signin?error=" + code)
		if page.StatusCode != http.StatusOK || page.alert() != "We could not finish signing you in. Please try again." || strings.Contains(page.body, "prize") {
			t.Errorf("%s: %d %q", code, page.StatusCode, page.alert())
		}
	}
	if page := a.browser(t).get("/api/auth/signin"); page.alert() != "" {
		t.Errorf("without an error the page says %q", page.alert())
	}
}

// A host that is not this site's is refused in words, with the option that would say so.
func TestRoutes_OtherHost(t *testing.T) {
	t.Parallel()
	a := newApp(t, ginauth.Options{Providers: somebody()})
	res := a.send(t, http.MethodGet, "/api/auth/signin", "", "Host", "evil.example")
	const text = "Error: This site does not answer for the host of this request. "
	if hint := strings.TrimPrefix(res.body, text); res.StatusCode != http.StatusBadRequest || hint == res.body || !strings.Contains(hint, "NEXTAUTH_URL") || len(res.Cookies()) != 0 {
		t.Errorf("answered %d %q", res.StatusCode, res.body)
	}
}

// What next-auth's client reports is taken from anybody, and only its code is logged.
func TestRoutes_ClientLog(t *testing.T) {
	t.Parallel()
	a := newApp(t, ginauth.Options{Providers: somebody()})
	res := a.form(t, "/api/auth/_log", url.Values{"code": {"CLIENT_FETCH_ERROR"}, "message": {"secret words"}, "level": {"error"}})
	if res.StatusCode != http.StatusOK || res.body != "" || len(res.Header["Content-Type"]) != 0 {
		t.Errorf("answered %d %q %v", res.StatusCode, res.body, res.Header)
	}
	if log := a.log.String(); !strings.Contains(log, "level=DEBUG") || !strings.Contains(log, "code=CLIENT_FETCH_ERROR") || strings.Contains(log, "secret words") {
		t.Errorf("the log: %s", log)
	}
}

// The sessions of a user come with the last used first, then the last begun; of what one
// moment brought the order stays the same.
func TestSessions_Order(t *testing.T) {
	t.Parallel()
	clock := newClock()
	store := &listingStore{SessionStore: memoryStore(), of: map[string][]string{}}
	a := membersApp(t, ginauth.Options{Now: clock.now, Session: ginauth.SessionOptions{Store: store, UpdateAge: time.Minute}})
	var browsers []*browser
	for range 3 {
		b := a.browser(t)
		b.signInAs("ada")
		browsers = append(browsers, b)
		clock.seconds.Add(10)
	}
	order := func() (begun []int64) {
		t.Helper()
		list, err := a.auth.Sessions(t.Context(), "u-ada")
		if err != nil {
			t.Fatal(err)
		}
		first := list[0].SignedIn
		for _, s := range list {
			if s.SignedIn.Before(first) {
				first = s.SignedIn
			}
		}
		for i, s := range list {
			if i > 0 && s.LastUsed.After(list[i-1].LastUsed) || s.ID == "" || !s.Expires.After(s.LastUsed) {
				t.Errorf("no. %d is %+v", i, s)
			}
			begun = append(begun, s.SignedIn.Unix()-first.Unix())
		}
		return begun
	}
	if got := order(); !slices.Equal(got, []int64{20, 10, 0}) {
		t.Errorf("begun are %v", got)
	}
	clock.seconds.Add(120)
	browsers[0].get("/me")
	if got := order(); !slices.Equal(got, []int64{0, 20, 10}) {
		t.Errorf("when the first is used, they are %v", got)
	}
	for _, b := range browsers { // all in one second
		b.get("/me")
	}
	clock.seconds.Add(120)
	for _, b := range browsers {
		b.get("/me")
	}
	if got := order(); !slices.Equal(got, []int64{20, 10, 0}) {
		t.Errorf("when all are used at once, they are %v", got)
	}
	for range 3 { // begun and used in one second
		a.browser(t).signInAs("grace")
	}
	list, err := a.auth.Sessions(context.Background(), "u-grace")
	if err != nil || len(list) != 3 || !slices.IsSortedFunc(list, func(x, y ginauth.UserSession) int { return strings.Compare(x.ID, y.ID) }) {
		t.Errorf("%+v, %v", list, err)
	}
}
