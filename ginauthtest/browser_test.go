package ginauthtest_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/github"
	"github.com/markbates/goth/providers/google"

	"github.com/ginauth/ginauth/ginauthtest"
)

func TestCancel(t *testing.T) {
	t.Parallel()
	p := start(t, ginauthtest.Config{})
	callback, err := p.Cancel(t.Context(), authorizationURL(p, goodRequest()))
	if err != nil {
		t.Fatal(err)
	}
	q := callback.Query()
	if !strings.HasPrefix(callback.String(), callbackURL+"?") || q.Get("error") != "access_denied" ||
		q.Get("state") != "the state" || q.Get("iss") != p.Issuer() || q.Has("code") {
		t.Errorf("callback: %s", callback)
	}
}

func TestApproveGoesWhereTheURLLeads(t *testing.T) {
	t.Parallel()
	p := start(t, ginauthtest.Config{})
	other := start(t, ginauthtest.Config{})
	for name, target := range map[string]string{
		"another provider": authorizationURL(other, goodRequest()),
		"another path":     p.Issuer() + "/token?" + goodRequest().Encode(),
		"https":            strings.Replace(authorizationURL(p, goodRequest()), "http", "https", 1),
		"no route":         "https://github.com/login/oauth/authorize?" + goodRequest().Encode(),
		"not a URL":        "http://%zz",
		"a problem":        authorizationURL(p, with(goodRequest(), "client_id", "other")),
	} {
		if callback, err := p.Approve(t.Context(), target, "ada"); err == nil || !strings.HasPrefix(err.Error(), "ginauthtest: ") {
			t.Errorf("%s: %v, %v", name, callback, err)
		}
	}
}

func TestApproveOfARefusedRequest(t *testing.T) {
	t.Parallel()
	p := start(t, ginauthtest.Config{})
	if q := approve(t, p, with(goodRequest(), "response_type", "token")); q.Get("error") != "unsupported_response_type" {
		t.Errorf("callback: %v", q)
	}
}

func TestApproveAtABrokenPage(t *testing.T) {
	t.Parallel()
	p := start(t, ginauthtest.Config{})
	for name, broken := range map[string]http.Handler{
		"500":          ginauthtest.Answer(500, "text/plain", "the disk is full"),
		"no redirect":  ginauthtest.Answer(200, "text/html", "hello"),
		"no location":  ginauthtest.RedirectTo("", http.StatusFound),
		"bad location": ginauthtest.RedirectTo("http://%zz", http.StatusFound),
	} {
		p.Break(ginauthtest.Authorize, broken)
		if callback, err := p.Approve(t.Context(), authorizationURL(p, goodRequest()), "ada"); err == nil {
			t.Errorf("%s: %v", name, callback)
		}
	}
}

func TestTransport(t *testing.T) {
	t.Parallel()
	p := start(t, ginauthtest.Config{})
	client := http.Client{Transport: p.Transport(map[string]string{
		"API.example.com/user":  string(ginauthtest.Userinfo),
		"example.com:444/token": string(ginauthtest.Token),
	})}
	access := signIn(t, p, goodRequest()).text(t, "access_token")
	for _, target := range []string{"https://api.example.com/user", "http://API.EXAMPLE.COM/user"} {
		response, err := client.Get(target + "?access_token=" + access)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK || !strings.Contains(string(body), `"sub":"ada"`) {
			t.Errorf("%s: %d %s, %v", target, response.StatusCode, body, err)
		}
		if got := response.Request.URL.String(); !strings.HasPrefix(got, target) {
			t.Errorf("the answer is said to be from %s", got)
		}
	}
	response, err := client.PostForm("https://example.com:444/token", url.Values{"grant_type": {"seen"}})
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if all := p.TokenRequests(); all[len(all)-1].Form.Get("grant_type") != "seen" {
		t.Errorf("token requests: %v", all)
	}

	for _, target := range []string{
		"https://api.example.com/user/", "https://api.example.com/", "https://example.com/token",
		"https://example.com/", p.Issuer() + "/userinfo",
	} {
		body := &closable{Reader: strings.NewReader("x")}
		response, err := client.Post(target, "text/plain", body)
		if err == nil {
			response.Body.Close()
			t.Errorf("%s: %d", target, response.StatusCode)
		}
		if !body.closed {
			t.Errorf("%s: the body is left open", target)
		}
	}
}

type closable struct {
	io.Reader
	closed bool
}

func (c *closable) Close() error { c.closed = true; return nil }

// TestGothGitHub signs in with goth's own provider: fixed endpoints, a number
// as the id, a private address, no OpenID and no PKCE.
func TestGothGitHub(t *testing.T) {
	t.Parallel()
	p := start(t, ginauthtest.Config{AllowNoPKCE: true, People: []ginauthtest.Person{{
		Subject: "ada", Name: "Ada Lovelace", Email: "ada@example.com", EmailVerified: true,
		Claims: map[string]any{"id": 42, "login": "ada", "email": nil, "avatar_url": "https://example.com/a.png"},
	}}})
	provider := github.New(p.ClientID(), p.ClientSecret(), callbackURL, "user:email")
	provider.HTTPClient = &http.Client{Transport: p.Transport(map[string]string{
		"github.com/login/oauth/authorize":    string(ginauthtest.Authorize),
		"github.com/login/oauth/access_token": string(ginauthtest.Token),
		"api.github.com/user":                 string(ginauthtest.Userinfo),
		"api.github.com/user/emails":          string(ginauthtest.Emails),
	})}
	user := gothSignIn(t, p, provider)
	if user.UserID != "42" || user.NickName != "ada" || user.Email != "ada@example.com" || user.AvatarURL != "https://example.com/a.png" {
		t.Errorf("user: %+v", user)
	}
}

func TestGothGoogle(t *testing.T) {
	t.Parallel()
	p := start(t, ginauthtest.Config{AllowNoPKCE: true, People: []ginauthtest.Person{{
		Subject: "ada", Name: "Ada Lovelace", Email: "ada@example.com", Claims: map[string]any{"id": "1042"},
	}}})
	provider := google.New(p.ClientID(), p.ClientSecret(), callbackURL, "openid", "profile", "email")
	begun, err := provider.BeginAuth("s")
	if err != nil {
		t.Fatal(err)
	}
	target, err := begun.GetAuthURL()
	if err != nil {
		t.Fatal(err)
	}
	at, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	provider.HTTPClient = &http.Client{Transport: p.Transport(map[string]string{
		at.Host + at.Path:                       string(ginauthtest.Authorize),
		"oauth2.googleapis.com/token":           string(ginauthtest.Token),
		"www.googleapis.com/oauth2/v2/userinfo": string(ginauthtest.Userinfo),
	})}
	user := gothSignIn(t, p, provider)
	if user.UserID != "1042" || user.Email != "ada@example.com" || user.IDToken == "" || user.RefreshToken == "" {
		t.Errorf("user: %+v", user)
	}
}

func gothSignIn(t *testing.T, p *ginauthtest.Provider, provider goth.Provider) goth.User {
	t.Helper()
	session, err := provider.BeginAuth("s")
	if err != nil {
		t.Fatal(err)
	}
	target, err := session.GetAuthURL()
	if err != nil {
		t.Fatal(err)
	}
	callback, err := p.Approve(t.Context(), target, "ada")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := session.Authorize(provider, callback.Query()); err != nil {
		t.Fatal(err)
	}
	user, err := provider.FetchUser(session)
	if err != nil {
		t.Fatal(err)
	}
	return user
}
