package oauth_test

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/markbates/goth/providers/github"

	"github.com/ginauth/ginauth/internal/oauth"
)

var errCut = errors.New("connection was cut")

// cutting lets one of the requests fail, in one of the ways in which requests do.
type cutting struct {
	base http.RoundTripper
	how  string

	mu    sync.Mutex
	fails int // which request, from 0; a negative one never
	paths []string
}

func (c *cutting) RoundTrip(req *http.Request) (*http.Response, error) {
	c.mu.Lock()
	c.paths = append(c.paths, req.URL.Path)
	cut := len(c.paths)-1 == c.fails
	c.mu.Unlock()
	if !cut {
		return c.base.RoundTrip(req)
	}
	if c.how == "no answer" {
		return nil, errCut
	}
	status, body := http.StatusOK, io.Reader(strings.NewReader("[]"))
	switch c.how {
	case "an answer that breaks off":
		body = io.MultiReader(strings.NewReader(`{"access_token":"t","id":7,`), cutReader{})
	case "a fault of the server":
		status = http.StatusInternalServerError
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(body), Request: req,
	}, nil
}

type cutReader struct{}

func (cutReader) Read([]byte) (int, error) { return 0, errCut }

// A sign-in and a renewal at each kind of provider, of whose requests one fails: then
// there is no identity, nor any token. Only the list of a person's addresses may be
// missing, and then nothing vouches for the address.
func TestFault_EachRequest(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"no answer", "a fault of the server", "an answer that breaks off", "an answer of another kind"} {
		for _, r := range []renewal{byOIDC, byOpenIDConnect} {
			t.Run(r.id+", "+how, func(t *testing.T) {
				t.Parallel()
				for n, all := -1, 0; n < all; n++ {
					b := &bench{idp: newIDP(t)}
					p := r.provider(t, b.idp)
					c := &cutting{base: http.DefaultTransport, how: how, fails: n}
					registered, err := oauth.New(oauth.Config{ID: "p", Provider: p, HTTPClient: &http.Client{Transport: c}})
					if err != nil {
						t.Fatal(err)
					}
					err = signInAndRenew(t, registered, b)
					switch {
					case n < 0 && err != nil:
						t.Fatal(err)
					case n < 0:
						all = len(c.paths)
					case err == nil && len(c.paths) <= all: // goth asks again, with the secret in another place
						t.Errorf("request %d, of %s, fails, and all is well", n, c.paths[n])
					case how == "no answer" && !strings.Contains(err.Error(), errCut.Error()):
						t.Errorf("request %d, of %s, fails, and the error is %v", n, c.paths[n], err)
					}
				}
			})
		}
		t.Run("github, "+how, func(t *testing.T) {
			t.Parallel()
			answers := canned{
				"/login/oauth/access_token": `{"access_token":"t","token_type":"bearer","scope":"user:email"}`,
				"/user":                     `{"id":7,"login":"kate","email":"kate@example.com"}`,
				"/user/emails":              `[{"email":"kate@example.com","verified":true,"primary":true}]`,
			}
			for n, all := -1, 0; n < all; n++ {
				c := &cutting{base: maps.Clone(answers), how: how, fails: n}
				g := github.New("client", "secret", "", "user:email")
				g.HTTPClient = &http.Client{Transport: c}
				p, err := oauth.New(oauth.Config{ID: "github", Provider: g})
				if err != nil {
					t.Fatal(err)
				}
				now := time.Now()
				_, tx, err := p.Begin(t.Context(), appCallback, nil, now)
				if err != nil {
					t.Fatal(err)
				}
				id, err := p.Complete(t.Context(), tx, appCallback, answerTo(tx), now)
				switch {
				case n < 0 && (err != nil || !id.EmailVerified):
					t.Fatal(id, err)
				case n < 0:
					all = len(c.paths)
				case c.paths[n] == "/user/emails":
					if err != nil || id.EmailVerified || id.Profile.UserID != "7" {
						t.Errorf("request %d, of the addresses, fails: %+v, %v", n, id.Profile, err)
					}
				case err == nil:
					t.Errorf("request %d, of %s, fails, and the identity is %+v", n, c.paths[n], id.Profile)
				}
			}
		})
	}
}

// signInAndRenew signs ada in, and renews her tokens.
func signInAndRenew(t *testing.T, p *oauth.Provider, b *bench) error {
	t.Helper()
	now := time.Now()
	authURL, tx, err := p.Begin(t.Context(), appCallback, nil, now)
	if err != nil {
		return err
	}
	back, err := b.idp.Approve(t.Context(), authURL, "ada")
	if err != nil {
		t.Fatal(err)
	}
	id, err := p.Complete(t.Context(), tx, appCallback, back.Query(), now)
	if err != nil {
		return err
	}
	if id.Profile.UserID != "ada" || id.Token.RefreshToken == "" {
		t.Errorf("the identity is %+v, %+v", id.Profile, id.Token)
	}
	tok, err := p.Refresh(t.Context(), id.Token.RefreshToken)
	if err == nil && tok.AccessToken == "" {
		t.Error("there is no token, and no error")
	}
	return err
}

func answerTo(tx *oauth.Transaction) url.Values {
	return url.Values{"state": {tx.State}, "code": {"code"}}
}
