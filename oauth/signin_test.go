package oauth_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	m.Run()
}

// site is an application with one service to sign in with.
type site struct {
	*httptest.Server
	log      *bytes.Buffer // read after the requests are answered
	accounts chan ginauth.Account
}

func (h *host) site(t *testing.T, o ginauth.OAuth) *site {
	t.Helper()
	s := &site{log: &bytes.Buffer{}, accounts: make(chan ginauth.Account, 1)}
	engine := gin.New()
	_, err := ginauth.Register(engine, ginauth.Options{
		Providers:  []ginauth.Provider{o},
		Secret:     "0123456789abcdef0123456789abcdef",
		HTTPClient: h.client(),
		Logger:     slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Callbacks: ginauth.Callbacks{SignIn: func(_ *gin.Context, p ginauth.SignInParams) error {
			s.accounts <- *p.Account
			return nil
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Server = httptest.NewServer(engine)
	t.Cleanup(s.Close)
	return s
}

// signIn signs a person in, all the way, and returns the authorization URL, the
// answer of the session route, and where the callback led.
func (s *site) signIn(t *testing.T, h *host, subject string) (authURL *url.URL, session, landed string) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	read := func(res *http.Response, err error) (string, string) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(body), res.Header.Get("Location")
	}
	var csrf struct{ CSRFToken string }
	body, _ := read(client.Get(s.URL + "/api/auth/csrf"))
	if err := json.Unmarshal([]byte(body), &csrf); err != nil {
		t.Fatal(err)
	}
	_, location := read(client.PostForm(s.URL+"/api/auth/signin/"+h.id, url.Values{"csrfToken": {csrf.CSRFToken}}))
	callback, err := h.idp.Approve(t.Context(), location, subject)
	if err != nil {
		t.Fatal(err)
	}
	_, landed = read(client.Get(callback.String()))
	session, _ = read(client.Get(s.URL + "/api/auth/session"))
	if authURL, err = url.Parse(location); err != nil {
		t.Fatal(err)
	}
	return authURL, session, landed
}

// Everybody is somebody else, by the subject that the service promises to keep.
func TestSignIn(t *testing.T) {
	t.Parallel()
	for _, s := range services {
		t.Run(s.id, func(t *testing.T) {
			t.Parallel()
			h := s.start(t)
			site := h.site(t, ginauth.OAuth{Provider: h.provider(), AuthParams: url.Values{"duration": {"permanent"}}})
			secrets := []string{h.idp.ClientSecret()}
			for _, p := range people {
				authURL, session, _ := site.signIn(t, h, p.Subject)
				q := authURL.Query()
				if q.Get("scope") != s.scope || q.Get("code_challenge_method") != "S256" || q.Get("duration") != "permanent" || q.Get("client_id") != h.idp.ClientID() {
					t.Errorf("authorization URL %s", authURL)
				}
				account := <-site.accounts
				if account.ProviderAccountID != p.Subject || account.Provider != s.id || account.AccessToken == "" || account.RefreshToken == "" || account.ExpiresAt.IsZero() {
					t.Errorf("account %+v of %s", account, p.Subject)
				}
				if verified := s.id == "twitter"; account.EmailVerified != verified {
					t.Errorf("e-mail address verified: %v", account.EmailVerified)
				}
				if !strings.Contains(session, p.Name) {
					t.Errorf("session %s of %s", session, p.Name)
				}
				secrets = append(secrets, account.AccessToken, account.RefreshToken, q.Get("state"))
			}
			requests := h.idp.TokenRequests()
			if len(requests) != len(people) {
				t.Fatalf("%d token requests for %d sign-ins", len(requests), len(people))
			}
			for _, r := range requests {
				if r.Form.Get("code_verifier") == "" || (r.BasicPassword != "") != s.basic || (r.Form.Get("client_secret") != "") == s.basic {
					t.Errorf("token request %v, %q", r.Form, r.BasicUser)
				}
				secrets = append(secrets, r.Form.Get("code"), r.Form.Get("code_verifier"))
			}
			for _, req := range h.requests() {
				if agent := req.Header.Get("User-Agent"); !strings.Contains(agent, h.idp.ClientID()) || strings.Contains(agent, "Go-http-client") {
					t.Errorf("user agent %q at %s", agent, req.URL.Host)
				}
				if token := req.URL.Query().Get("access_token"); token != "" && req.Header.Get("Authorization") != "" {
					t.Error("the access token is sent twice")
				}
			}
			for _, secret := range secrets {
				if secret == "" || strings.Contains(site.log.String(), secret) {
					t.Errorf("secret %q in the log", secret)
				}
			}
		})
	}
}

// A profile that names nobody signs nobody in.
func TestSignInNobody(t *testing.T) {
	t.Parallel()
	for _, s := range services {
		t.Run(s.id, func(t *testing.T) {
			t.Parallel()
			h := s.start(t)
			h.answers(func(p person) any { p.Subject = ""; return s.answer(p) })
			site := h.site(t, ginauth.OAuth{Provider: h.provider()})
			_, session, landed := site.signIn(t, h, people[0].Subject)
			if session != "{}" || !strings.Contains(landed, "error=") {
				t.Errorf("session %s, sent to %s", session, landed)
			}
		})
	}
}
