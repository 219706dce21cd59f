package oauth_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/faux"
	"github.com/markbates/goth/providers/github"
	"github.com/markbates/goth/providers/gitlab"
	"github.com/markbates/goth/providers/intercom"
	"github.com/markbates/goth/providers/kakao"
	"github.com/markbates/goth/providers/slack"
	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/internal/fetch"
	"github.com/ginauth/ginauth/internal/oauth"
	"github.com/ginauth/ginauth/providers/x"
)

func TestRefresh(t *testing.T) {
	t.Parallel()
	for _, r := range renewals {
		t.Run(r.id, func(t *testing.T) {
			t.Parallel()
			b := r.start(t)
			if !b.CanRefresh() {
				t.Fatal("it cannot refresh")
			}
			first := b.grant(t)
			second, err := b.Refresh(t.Context(), first.RefreshToken)
			if err != nil {
				t.Fatal(err)
			}
			if second.AccessToken == "" || second.AccessToken == first.AccessToken || second.RefreshToken == "" || second.RefreshToken == first.RefreshToken || second.Expiry.IsZero() {
				t.Error("the tokens are not new")
			}
			tokenURL := r.tokenURL
			if tokenURL == "" {
				tokenURL = b.idp.Issuer() + "/token"
			}
			if n := b.refreshes(); n != 1 || !b.carried(tokenURL) {
				t.Errorf("%d refresh requests, the guarded client carried %q", n, b.urls)
			}
			b.idp.TamperToken(func(answer map[string]any) { delete(answer, "refresh_token") })
			third, err := b.Refresh(t.Context(), second.RefreshToken)
			if err != nil || third.RefreshToken != second.RefreshToken {
				t.Errorf("the old refresh token was not kept: %v", err)
			}
			b.idp.TamperToken(nil)
			_, err = b.Refresh(t.Context(), first.RefreshToken) // used before
			if !errors.Is(err, oauth.ErrGrant) || strings.Contains(err.Error(), first.RefreshToken) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// What is refused is refused once and for all; what may have been honoured is
// not asked again. No error repeats what was sent or answered.
func TestRefreshFails(t *testing.T) {
	t.Parallel()
	const leaked = "leaked-access-token-0123456789"
	echo := func(status int, contentType, before, after string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			_, password, _ := r.BasicAuth()
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, before+url.QueryEscape(string(body))+" "+password+" "+leaked+after)
		})
	}
	const json = "application/json"
	tests := []struct {
		name    string
		handler http.Handler
		is      error
		once    bool
	}{
		{"refused", echo(400, json, `{"error":"invalid_grant","error_description":"`, `"}`), oauth.ErrGrant, false},
		{"refused with 200", echo(200, json, `{"error":"invalid_grant","error_description":"`, `"}`), oauth.ErrGrant, false},
		{"wrong client", echo(401, json, `{"error":"invalid_client","error_description":"`, `"}`), nil, false},
		{"page", echo(500, "text/html", "<html>", "</html>"), nil, true},
		{"text", echo(502, "text/plain", "", ""), nil, true},
		{"broken", echo(200, json, `{"access_token":"`, ""), nil, true},
		{"no access token", echo(200, json, `{"refresh_token":"`, `"}`), nil, true},
		{"list", echo(200, json, `["`, `"]`), nil, true},
		{"huge", ginauthtest.Huge(4 * fetch.MaxBody), nil, true},
		{"elsewhere", ginauthtest.RedirectTo("http://127.0.0.1:1/?t="+leaked, 307), nil, true},
	}
	for _, r := range engines {
		for _, tt := range tests {
			t.Run(r.id+"/"+tt.name, func(t *testing.T) {
				t.Parallel() // each a provider of its own: x/oauth2 remembers how a client authenticates
				b := r.start(t)
				first := b.grant(t)
				b.idp.Break(ginauthtest.Token, tt.handler)
				tok, err := b.Refresh(t.Context(), first.RefreshToken)
				if err == nil || tok != nil || tt.is != nil && !errors.Is(err, tt.is) || tt.is == nil && errors.Is(err, oauth.ErrGrant) {
					t.Fatalf("got %v, %v", tok, err)
				}
				for _, secret := range []string{first.RefreshToken, b.idp.ClientSecret(), leaked} {
					if strings.Contains(err.Error(), secret) {
						t.Errorf("%q repeats %q", err, secret)
					}
				}
				if n := b.refreshes(); n == 0 || tt.once && n != 1 {
					t.Errorf("the refresh token was sent %d times", n)
				}
			})
		}
	}
}

// The caller's deadline ends every wait, for the header and for the body.
func TestRefreshDeadline(t *testing.T) {
	t.Parallel()
	for _, r := range renewals {
		for name, handler := range map[string]http.Handler{"silent": ginauthtest.Silent(), "dripping": ginauthtest.Drip(time.Millisecond)} {
			t.Run(r.id+"/"+name, func(t *testing.T) {
				t.Parallel()
				b := r.start(t)
				first := b.grant(t)
				b.idp.Break(ginauthtest.Token, handler)
				ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
				defer cancel()
				start := time.Now()
				_, err := b.Refresh(ctx, first.RefreshToken)
				if !errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), first.RefreshToken) {
					t.Errorf("got %v", err)
				}
				if took := time.Since(start); took > 5*time.Second {
					t.Errorf("it took %v", took)
				}
			})
		}
	}
}

// A refreshed id_token is held against the issuer like the first one.
func TestRefreshedIDToken(t *testing.T) {
	t.Parallel()
	for _, r := range engines {
		for name, lie := range map[string]func(*ginauthtest.Provider){
			"another key": func(p *ginauthtest.Provider) { p.Sign(ginauthtest.WrongKey) },
			"unsigned":    func(p *ginauthtest.Provider) { p.Sign(ginauthtest.None) },
			"another client": func(p *ginauthtest.Provider) {
				p.TamperClaims(func(claims map[string]any) { claims["aud"] = "other" })
			},
			"expired": func(p *ginauthtest.Provider) {
				p.TamperClaims(func(claims map[string]any) { claims["exp"] = time.Now().Add(-time.Hour).Unix() })
			},
		} {
			t.Run(r.id+"/"+name, func(t *testing.T) {
				t.Parallel()
				b := r.start(t)
				first := b.grant(t)
				lie(b.idp)
				_, err := b.Refresh(t.Context(), first.RefreshToken)
				if (err != nil) != r.openID {
					t.Errorf("got %v", err)
				}
			})
		}
	}
}

// oddRefresh is a provider that is not goth's, whose refresh can be anything.
type oddRefresh struct {
	faux.Provider
	HTTPClient *http.Client
	available  func() bool
	refresh    func(client *http.Client, refreshToken string) (*oauth2.Token, error)
}

func (p *oddRefresh) RefreshTokenAvailable() bool { return p.available() }
func (p *oddRefresh) RefreshToken(refreshToken string) (*oauth2.Token, error) {
	return p.refresh(p.HTTPClient, refreshToken)
}

func TestRefreshOdd(t *testing.T) {
	t.Parallel()
	available := func() bool { return true }
	// renew makes the refresh request with a client.
	renew := func(b *bench, client *http.Client, refreshToken string) (*oauth2.Token, error) {
		config := oauth2.Config{ClientID: b.idp.ClientID(), ClientSecret: b.idp.ClientSecret(), Endpoint: oauth2.Endpoint{TokenURL: b.idp.Issuer() + "/token", AuthStyle: oauth2.AuthStyleInHeader}}
		return config.TokenSource(context.WithValue(context.Background(), oauth2.HTTPClient, client), &oauth2.Token{RefreshToken: refreshToken}).Token()
	}
	tests := []struct {
		name      string
		available func() bool
		refresh   func(b *bench, client *http.Client, refreshToken string) (*oauth2.Token, error)
		want      string // empty: it works
	}{
		{"well", available, renew, ""},
		{"drops the refresh token", available, func(b *bench, client *http.Client, refreshToken string) (*oauth2.Token, error) {
			tok, err := renew(b, client, refreshToken)
			return &oauth2.Token{AccessToken: tok.AccessToken}, err
		}, ""},
		{"not available", func() bool { return false }, renew, "cannot renew"},
		{"panics on the question", func() bool { panic("hidden") }, renew, "cannot renew"},
		{"nothing and no error", available, func(*bench, *http.Client, string) (*oauth2.Token, error) { return nil, nil }, "HTTPClient"},
		{"nothing after a request", available, func(b *bench, client *http.Client, refreshToken string) (*oauth2.Token, error) {
			_, err := renew(b, client, refreshToken)
			return nil, err
		}, "without an access token"},
		{"empty token", available, func(b *bench, client *http.Client, refreshToken string) (*oauth2.Token, error) {
			_, err := renew(b, client, refreshToken)
			return &oauth2.Token{RefreshToken: "new"}, err
		}, "without an access token"},
		{"escapes", available, func(b *bench, _ *http.Client, refreshToken string) (*oauth2.Token, error) {
			return renew(b, http.DefaultClient, refreshToken)
		}, "HTTPClient"},
		{"panics", available, func(*bench, *http.Client, string) (*oauth2.Token, error) { panic("hidden") }, "panicked"},
		{"repeats the token", available, func(b *bench, client *http.Client, refreshToken string) (*oauth2.Token, error) {
			tok, err := renew(b, client, refreshToken)
			if err != nil {
				return nil, err
			}
			return nil, errors.New("hidden: " + refreshToken + " gave " + tok.AccessToken + " and " + tok.RefreshToken)
		}, "[redacted] gave [redacted] and [redacted]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := &bench{idp: newIDP(t)}
			b.Provider = b.register(t, &oddRefresh{available: tt.available, refresh: func(client *http.Client, refreshToken string) (*oauth2.Token, error) {
				return tt.refresh(b, client, refreshToken)
			}}, "nowhere.example/token")
			first := b.grant(t)
			tok, err := b.Refresh(t.Context(), first.RefreshToken)
			if tt.want == "" {
				if err != nil || tok.AccessToken == "" || tok.RefreshToken == "" {
					t.Errorf("got %v", err)
				}
				return
			}
			if tok != nil || err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), first.RefreshToken) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// A provider that hangs in a client of its own does not hang the caller.
func TestRefreshHangs(t *testing.T) {
	t.Parallel()
	released := make(chan struct{})
	t.Cleanup(func() { close(released) })
	p, err := oauth.New(oauth.Config{ID: "p", Provider: &oddRefresh{
		available: func() bool { return true },
		refresh:   func(*http.Client, string) (*oauth2.Token, error) { <-released; return nil, nil },
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
	defer cancel()
	if _, err := p.Refresh(ctx, "refresh token"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// goth's word on who cannot refresh is taken, except for GitHub, whose Apps have
// refresh tokens that goth does not know of.
func TestCannotRefresh(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]goth.Provider{
		"intercom": intercom.New("k", "s", ""), "kakao": kakao.New("k", "s", ""),
		"slack": slack.New("k", "s", ""), "no context": authCodeOnly{x.New("k", "s")},
	} {
		registered, err := oauth.New(oauth.Config{ID: name, Provider: p})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := registered.Refresh(t.Context(), "refresh token"); registered.CanRefresh() || err == nil || !strings.Contains(err.Error(), "cannot renew") {
			t.Errorf("%s: %v, %v", name, registered.CanRefresh(), err)
		}
	}
	registered, err := oauth.New(oauth.Config{ID: "gitlab", Provider: gitlab.New("k", "s", "")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := registered.Refresh(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "no refresh token") {
		t.Errorf("without a token: %v", err)
	}
}

// A GitHub App's token is renewed, with the secret where GitHub reads it.
func TestRefreshGitHubApp(t *testing.T) {
	t.Parallel()
	g := github.New("client", "secret", "")
	g.HTTPClient = &http.Client{Transport: canned{"/login/oauth/access_token": `{"access_token":"new","token_type":"bearer","refresh_token":"next","expires_in":28800}`}}
	p, err := oauth.New(oauth.Config{ID: "github", Provider: g})
	if err != nil {
		t.Fatal(err)
	}
	tok, err := p.Refresh(t.Context(), "old")
	if err != nil || tok.AccessToken != "new" || tok.RefreshToken != "next" || tok.Expiry.IsZero() {
		t.Errorf("%+v, %v", tok, err)
	}
}

// authCodeOnly says as goth.Provider that it can refresh, and has no method with
// a context.
type authCodeOnly struct{ oauth.AuthCodeProvider }
