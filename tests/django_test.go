package tests

import (
	"bufio"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os/exec"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/procgroup"
	"github.com/ginauth/ginauth/internal/servertest"
	"github.com/ginauth/ginauth/oidc"
)

// Debian's Python has Debian's Django, another one on the PATH may not.
const python = "/usr/bin/python3"

// django is an OpenID provider made of django-oauth-toolkit.
type django struct {
	t      *testing.T
	origin string
	client *http.Client // a browser at the provider
	back   string       // where it was sent at last

	name, secret string // of its one client
}

func startDjango(t *testing.T) *django {
	t.Helper()
	if testing.Short() {
		t.Skip("-short starts no Django")
	}
	const found = "import importlib.util, sys; sys.exit(importlib.util.find_spec('oauth2_provider') is None)"
	if exec.Command(python, "-c", found).Run() != nil {
		servertest.Missing(t, "django-oauth-toolkit (python3-django-oauth-toolkit)")
	}
	d := &django{t: t, name: "site", secret: "s3cret:/&%"}
	cmd := exec.Command(python, "-B", "testdata/django/provider.py", t.TempDir(), d.name, d.secret)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var faults strings.Builder
	cmd.Stderr = &faults
	end, err := procgroup.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		end()
		_ = cmd.Wait() // it was killed
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		_ = cmd.Wait()
		t.Fatalf("%v: %s", err, faults.String())
	}
	d.origin = strings.TrimSuffix(strings.TrimSpace(line), "/o")
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	d.client = &http.Client{Jar: jar, CheckRedirect: func(req *http.Request, _ []*http.Request) error {
		if d.back = req.URL.String(); !strings.HasPrefix(d.back, d.origin+"/") {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	return d
}

func (d *django) post(path string, form url.Values) {
	d.t.Helper()
	res, err := d.client.PostForm(d.origin+path, form)
	if err != nil {
		d.t.Fatal(err)
	}
	if _ = res.Body.Close(); res.StatusCode != http.StatusOK {
		d.t.Fatalf("%s answered %d", path, res.StatusCode)
	}
}

// approve is where the provider sends the browser.
func (d *django) approve(authURL string) string {
	d.t.Helper()
	res, err := d.client.Get(authURL)
	if err != nil {
		d.t.Fatal(err)
	}
	_ = res.Body.Close()
	return d.back
}

// A widely used provider of another make: sign-in with PKCE and nonce, renewal with a
// refresh token that changes, and a key that changes.
func TestDjango(t *testing.T) {
	t.Parallel()
	d := startDjango(t)
	var last ginauth.SignInParams
	opts := ginauth.Options{
		Session: keptTokens(memoryStore()),
		Providers: ginauth.Goth(oidc.New(oidc.Config{
			Name: "django", Issuer: d.origin + "/o", ClientID: d.name, ClientSecret: d.secret,
		})),
	}
	opts.Callbacks.SignIn = func(_ *gin.Context, p ginauth.SignInParams) error {
		last = p
		return nil
	}
	c := newCaller(t, nil, opts)
	d.post("/redirect/", url.Values{"uri": {c.URL + "/api/auth/callback/django"}})

	b := c.browser(t)
	signIn := func() {
		t.Helper()
		res := b.get(d.approve(b.begin("django", "/")))
		if !res.signedIn() {
			t.Fatalf("leads to %s\n%s", res.Header.Get("Location"), c.log)
		}
		if last.User.Name != "Ada Lovelace" || last.User.Email != "ada@example.com" || !last.Account.EmailVerified || last.Account.ProviderAccountID != "1" {
			t.Errorf("the application was told %+v, %+v", *last.User, last.Account.ProviderAccountID)
		}
	}
	signIn()
	seen := map[string]bool{b.access(): true}
	for range 2 {
		c.expire()
		access := b.access()
		if !strings.HasPrefix(access, "Bearer ") || seen[access] {
			t.Errorf("the service got %q\n%s", access, c.log)
		}
		seen[access] = true
	}
	d.post("/rotate/", nil)
	signIn()
	// What another sign-in got serves nobody here.
	stolen := d.approve(c.browser(t).begin("django", "/"))
	c.browser(t).get(stolen).refused(t, "OAuthCallback")
}
