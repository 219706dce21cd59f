package tests

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/markbates/goth"
	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/oidc"
)

// A panic in a provider's code ends one sign-in and nothing else. The app has no
// gin.Recovery.
func TestAttack46_Panics(t *testing.T) {
	t.Parallel()
	custom := func(change func(p *odd)) func(idp *ginauthtest.Provider) ginauth.OAuth {
		return func(idp *ginauthtest.Provider) ginauth.OAuth {
			p := newOdd(idp)
			change(p)
			return ginauth.OAuth{Provider: p, ID: "bad"}
		}
	}
	tests := []struct {
		name, code string
		provider   func(idp *ginauthtest.Provider) ginauth.OAuth
	}{
		{"BeginAuth", "OAuthSignin", custom(func(p *odd) {
			p.begin = func(state string) (goth.Session, error) { panic("BeginAuth of " + state) }
		})},
		{"no session from BeginAuth", "OAuthSignin", custom(func(p *odd) {
			p.begin = func(string) (goth.Session, error) { return nil, nil }
		})},
		{"Authorize", "OAuthCallback", custom(func(p *odd) {
			p.authorize = func(_ *odd, code string) error { panic("Authorize of " + code) }
		})},
		{"FetchUser", "OAuthCallback", custom(func(p *odd) {
			p.fetch = func(*odd) (goth.User, error) { panic("FetchUser") }
		})},
		{"nil dereference in FetchUser", "OAuthCallback", custom(func(p *odd) {
			p.fetch = func(*odd) (goth.User, error) { var u *goth.User; return *u, nil }
		})},
		{"AuthCodeURL", "OAuthSignin", func(idp *ginauthtest.Provider) ginauth.OAuth {
			return ginauth.OAuth{Provider: &faulty{Provider: local(idp, "bad"), begin: true}}
		}},
		{"ExchangeCode", "OAuthCallback", func(idp *ginauthtest.Provider) ginauth.OAuth {
			return ginauth.OAuth{Provider: &faulty{Provider: local(idp, "bad"), exchange: true}}
		}},
		{"Profile", "OAuthCallback", func(idp *ginauthtest.Provider) ginauth.OAuth {
			return ginauth.OAuth{Provider: local(idp, "bad"), Profile: func(u goth.User) (ginauth.User, error) {
				panic("Profile of " + u.AccessToken)
			}}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			idp := newIDP(t, ginauthtest.Config{})
			a := newApp(t, ginauth.Options{Providers: []ginauth.Provider{tt.provider(idp), ginauth.OAuth{Provider: local(idp, "good")}}})
			b := a.browser(t)
			var code string
			if tt.code == "OAuthSignin" {
				b.post("/api/auth/signin/bad", url.Values{"csrfToken": {b.csrf()}}).refused(t, tt.code)
			} else {
				callback := approve(t, idp, b.begin("bad", "/"))
				code = callback.Query().Get("code")
				b.get(callback.String()).refused(t, tt.code)
			}
			log := a.log.String()
			if strings.Count(log, "\n") != 1 || !strings.Contains(log, "provider=bad") || !strings.Contains(log, "panicked") {
				t.Errorf("logged %q", log)
			}
			if code != "" && strings.Contains(log, code) {
				t.Error("the code was logged")
			}
			if !b.signIn(idp, "good").signedIn() {
				t.Error("the next sign-in failed")
			}
		})
	}
}

// faulty is a provider that runs the flow itself, until it panics.
type faulty struct {
	*oidc.Provider
	begin, exchange bool
}

func (f *faulty) AuthCodeURL(ctx context.Context, redirectURL, state, nonce string, opts ...oauth2.AuthCodeOption) (string, error) {
	if f.begin {
		panic("AuthCodeURL")
	}
	return f.Provider.AuthCodeURL(ctx, redirectURL, state, nonce, opts...)
}

func (f *faulty) ExchangeCode(ctx context.Context, redirectURL, code, nonce string, opts ...oauth2.AuthCodeOption) (goth.User, *oauth2.Token, error) {
	if f.exchange {
		panic("ExchangeCode of " + code)
	}
	return f.Provider.ExchangeCode(ctx, redirectURL, code, nonce, opts...)
}
