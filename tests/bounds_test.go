package tests

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/markbates/goth"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
)

// cookieBytes is the length of an answer's Set-Cookie lines together.
func cookieBytes(res answer) (n int) {
	for _, line := range res.Header["Set-Cookie"] {
		n += len(line)
	}
	return n
}

// The callback URL's cookie is percent-encoded, which makes three bytes of one.
// Beside a session a long one would pass what proxies allow, and the site would
// be gone for this browser.
func TestBounds_CallbackURL(t *testing.T) {
	t.Parallel()
	a := newApp(t, ginauth.Options{Providers: unused(), Callbacks: ginauth.Callbacks{
		Redirect: func(_ *gin.Context, asked, base string) string {
			if asked == "/grow" {
				return base + "/" + strings.Repeat("ä/", 670)
			}
			return asked
		},
	}})
	for _, row := range []struct {
		name, asked string
		followed    bool
	}{
		{"short", "/a?b=ä", true},
		{"long as it is", "/" + strings.Repeat("a", 3000), false},
		{"long when it is escaped", "/" + strings.Repeat("ä/", 670), false},
		{"long behind the site's own origin", a.URL + "/" + strings.Repeat("/", 690), false},
		{"long as the callback makes it", "/grow", false},
	} {
		res := a.send(t, http.MethodGet, "/api/auth/signin?callbackUrl="+url.QueryEscape(row.asked), "")
		kept, err := url.PathUnescape(setCookies(res)[callbackURLCookie].Value)
		if err != nil {
			t.Fatal(err)
		}
		want := a.URL
		if row.followed {
			want += row.asked
		}
		if u, err := url.PathUnescape(kept); err != nil || u != want {
			t.Errorf("%s: kept is %.80q", row.name, kept)
		}
		if n := cookieBytes(res); n > 600 {
			t.Errorf("%s: %d bytes of cookies", row.name, n)
		}
	}
}

// A session of hundreds of cookies, by whatever a provider or callback put into
// it, would lock the browser out with a header that no server reads.
func TestBounds_Session(t *testing.T) {
	t.Parallel()
	const size = 300_000
	grow := func(p ginauth.JWTParams) { p.Token.Claims["groups"] = strings.Repeat("g", size) }
	logged := func(t *testing.T, a *app) {
		t.Helper()
		if log := a.log.String(); !strings.Contains(log, "claims are 300") || !strings.Contains(log, "at most 32768") || strings.Contains(log, "ggg") {
			t.Errorf("the log says %.300s", log)
		}
	}
	for _, how := range []string{"a provider", "credentials"} {
		t.Run("signing in by "+how, func(t *testing.T) {
			t.Parallel()
			idp := newIDP(t, ginauthtest.Config{})
			a := newApp(t, ginauth.Options{
				Providers: append(ginauth.Goth(local(idp, "local")), members()),
				Callbacks: ginauth.Callbacks{JWT: func(_ *gin.Context, p ginauth.JWTParams) error { grow(p); return nil }},
			})
			b := a.browser(t)
			var res answer
			if how == "credentials" {
				res = b.signInAs("ada")
			} else {
				res = b.signIn(idp, "local")
			}
			res.refused(t, "Callback")
			if n := cookieBytes(res); n > 1000 {
				t.Errorf("%d bytes of cookies", n)
			}
			if names := b.sessionNames(); len(names) != 0 {
				t.Errorf("the browser holds %q", names)
			}
			logged(t, a)
		})
	}
	t.Run("updating", func(t *testing.T) {
		t.Parallel()
		a := newApp(t, ginauth.Options{Providers: unused(), Callbacks: ginauth.Callbacks{
			JWT: func(_ *gin.Context, p ginauth.JWTParams) error {
				if p.Trigger == ginauth.TriggerUpdate {
					grow(p)
				}
				return nil
			},
		}})
		b := a.browser(t)
		b.plant(sessionCookie, sessionFor(t, "ada@example.com", nil))
		if res := b.update(b.csrf(), "grow"); res.StatusCode != http.StatusInternalServerError || len(res.Header["Set-Cookie"]) != 0 {
			t.Errorf("%d with %d bytes of cookies", res.StatusCode, cookieBytes(res))
		}
		if got := b.user(); got != "ada@example.com" {
			t.Errorf("after it the browser is %q", got)
		}
		logged(t, a)
	})
}

// A text for the person travels in a URL: a long one is cut, and shown so far.
func TestBounds_PublicError(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, text, shown string }{
		{"short", "Come back tomorrow", "Come back tomorrow"},
		{"as long as may be", strings.Repeat("x", 300), strings.Repeat("x", 300)},
		{"longer", strings.Repeat("x", 301), strings.Repeat("x", 299) + "…"},
		{"as long as a body may be", strings.Repeat("x", 60_000), strings.Repeat("x", 299) + "…"},
		{"other letters", strings.Repeat("ä", 400), strings.Repeat("ä", 299) + "…"},
	} {
		credentials := members()
		authorize := credentials.Authorize
		credentials.Authorize = func(c *gin.Context, typed map[string]string) (*ginauth.User, error) {
			if typed["username"] == "refused" {
				return nil, fmt.Errorf("wrapped: %w", ginauth.PublicError(row.text))
			}
			return authorize(c, typed)
		}
		a := newApp(t, ginauth.Options{
			Providers: []ginauth.Provider{credentials},
			Callbacks: ginauth.Callbacks{SignIn: func(*gin.Context, ginauth.SignInParams) error { return ginauth.PublicError(row.text) }},
		})
		for _, username := range []string{"refused", "ada"} { // by Authorize, and by the SignIn callback
			b := a.browser(t)
			res := b.signInAs(username)
			leads := res.Header.Get("Location")
			if len(leads) > 4000 || res.signedIn() {
				t.Fatalf("%s, %s: leads to a URL of %d bytes", row.name, username, len(leads))
			}
			page := b.get(leads).body
			if !strings.Contains(page, ">"+row.shown+"<") {
				t.Errorf("%s, %s: not on the error page of %.120s", row.name, username, leads)
			}
		}
	}
}

// longSession is a goth session with more in it than a cookie should hold.
type longSession struct{ *oddSession }

func (s longSession) Marshal() string {
	return `{"AuthURL":"` + s.AuthURL + `","Extra":"` + strings.Repeat("x", maxTransaction) + `"}`
}

// A provider whose session does not fit a transaction cookie fails at the start,
// where the log can say so, and not in the browser, which would drop the cookie.
func TestBounds_Transaction(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	p := newOdd(idp)
	begin := p.begin
	p.begin = func(state string) (goth.Session, error) {
		s, err := begin(state)
		own, ok := s.(*oddSession)
		if !ok {
			return nil, errors.New("odd: another session")
		}
		return longSession{own}, err
	}
	a := newApp(t, ginauth.Options{Providers: ginauth.Goth(p)})
	b := a.browser(t)
	b.post("/api/auth/signin/odd", url.Values{"csrfToken": {b.csrf()}}).refused(t, "OAuthSignin")
	if open := b.transactions(); len(open) != 0 {
		t.Errorf("the browser keeps %v", open)
	}
	if log := a.log.String(); !strings.Contains(log, "too long for a transaction cookie") {
		t.Errorf("the log says %s", log)
	}
}
