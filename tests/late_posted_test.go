package tests

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
)

// While an answer of Ada's is under way, Grace signs in at a provider that answers by
// POST, with which the browser sends no session cookie.
func TestLate_AfterFormPostSignIn(t *testing.T) {
	t.Parallel()
	for _, row := range arrangements {
		if row.processes == 1 {
			t.Run(row.name, func(t *testing.T) {
				t.Parallel()
				lateAfterFormPost(t, row.options(t)())
			})
		}
	}
	t.Run("sealed, with Revocations", func(t *testing.T) {
		t.Parallel()
		lateAfterFormPost(t, sealedWithRevocations(t)())
	})
}

func lateAfterFormPost(t *testing.T, session ginauth.SessionOptions) {
	arrived, release := make(chan struct{}), make(chan struct{})
	opts := ginauth.Options{Session: session}
	opts.Callbacks.JWT = func(c *gin.Context, _ ginauth.JWTParams) error {
		if c.GetHeader("X-Slow") != "" {
			close(arrived)
			<-release
		}
		return nil
	}
	s := newAppleSite(t, opts)
	b := s.browser(t)
	if res := b.do(s.post(t, b.begin("apple", "/")), true); res.StatusCode != http.StatusFound {
		t.Fatalf("answered %d\n%s", res.StatusCode, s.log)
	}
	if log := s.log.String(); strings.Contains(log, "came without one of its parts") {
		t.Errorf("the log speaks of cookies that no browser sent:\n%s", log)
	}
	if email, _ := b.user(); email != "ada@example.com" {
		t.Fatalf("signed in %q", email)
	}
	req, err := http.NewRequest(http.MethodGet, s.URL+"/api/auth/session", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Slow", "1")
	for _, c := range b.cookies {
		req.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	}
	late := make(chan *http.Response, 1)
	go func() {
		res, err := s.Client().Do(req)
		if err != nil {
			t.Error(err)
		}
		late <- res
	}()
	<-arrived
	post, err := s.idp.ApprovePost(context.Background(), b.begin("apple", "/"), "grace")
	if err != nil {
		t.Fatal(err)
	}
	if res := b.do(post, true); res.StatusCode != http.StatusFound || strings.Contains(res.Header.Get("Location"), "error") {
		t.Fatalf("answered %d %s\n%s", res.StatusCode, res.Header.Get("Location"), s.log)
	}
	close(release)
	res := <-late
	defer res.Body.Close()
	for _, c := range res.Cookies() {
		if c.Name == "__Secure-"+sessionCookie && c.Value != "" {
			t.Errorf("the late answer sets the session cookie: Grace's browser becomes Ada's")
		}
	}
}

// GET session is under way while its person signs out, or somebody else signs in: it
// answers with nobody, and leaves the cookie of the next person alone, though it sealed
// nothing itself.
func TestLate_SessionThatIsOver(t *testing.T) {
	t.Parallel()
	for _, meanwhile := range []string{"nothing", "sign-out", "sign-in"} {
		t.Run(meanwhile, func(t *testing.T) {
			t.Parallel()
			arrived, release := make(chan struct{}), make(chan struct{})
			a := membersApp(t, ginauth.Options{Callbacks: ginauth.Callbacks{
				JWT: func(c *gin.Context, _ ginauth.JWTParams) error {
					if c.GetHeader("X-Slow") != "" {
						close(arrived)
						<-release
					}
					return nil
				},
			}})
			b := a.browser(t)
			b.signInAs("ada")
			late := make(chan answer, 1)
			cookies := sessionCookie + "=" + url.PathEscape(handleOf(b))
			go func() {
				late <- a.send(t, http.MethodGet, "/api/auth/session", "", "Cookie", cookies, "X-Slow", "1")
			}()
			<-arrived
			switch meanwhile {
			case "sign-out":
				b.post("/api/auth/signout", url.Values{"csrfToken": {b.csrf()}})
			case "sign-in":
				b.signInAs("grace")
			}
			close(release)
			res := <-late
			sets := strings.Contains(strings.Join(res.Header["Set-Cookie"], "\n"), sessionCookie)
			if named := strings.Contains(res.body, "ada"); named != (meanwhile == "nothing") || sets {
				t.Errorf("answered %s, Set-Cookie %q", res.body, res.Header["Set-Cookie"])
			}
		})
	}
}
