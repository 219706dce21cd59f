package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/oidc"
)

// A routeCost is one of ginauth's own routes, measured for itself.
type routeCost struct {
	name string
	// open returns what makes the operations, and what ends it all.
	open func(*crowd) (start func() operation, stop func() error, err error)
	// everywhere is false for what does not depend on the session: it is measured
	// in the first column alone.
	everywhere bool
}

var routeCosts = []routeCost{
	{"ginauth, `GET /api/auth/session`", sessionRoute, true},
	{"ginauth, a sign-in with `Credentials`", credentialsSignIn, true},
	{"ginauth, a sign-in at an OpenID provider on this machine", providerSignIn, false},
}

func nothing() error { return nil }

// sessionRoute answers who is signed in, and seals the session again.
func sessionRoute(all *crowd) (func() operation, func() error, error) {
	engine, err := newGinauth(all.people)
	if err != nil {
		return nil, nil, err
	}
	s := &site{handler: engine, cookie: sessionCookie, values: all.tokens}
	cookies := s.cookies()
	return func() operation {
		c := newClient(s, "/api/auth/session", all.people, cookies)
		return func(i int) error {
			if got := c.get(i); !bytes.Contains(got.body, []byte(all.people[i].Email)) {
				return fmt.Errorf("GET session answers %d, %s", got.status, got.body)
			}
			return nil
		}
	}, nothing, nil
}

// credentialsSignIn is POST /api/auth/callback/credentials of somebody whose
// password costs nothing to check.
func credentialsSignIn(all *crowd) (func() operation, func() error, error) {
	engine, err := newGinauth(all.people)
	if err != nil {
		return nil, nil, err
	}
	shown, err := newForm(engine)
	if err != nil {
		return nil, nil, err
	}
	return func() operation {
		f := *shown
		f.answer = newRecorder()
		return func(i int) error {
			_, _, err := f.signIn(i)
			return err
		}
	}, nothing, nil
}

// providerSignIn is a whole sign-in with PKCE, nonce and id_token: POST signin, the
// provider's page and the person's choice there, and GET callback, which gets the
// tokens from the provider. The provider's own work is in it.
func providerSignIn(*crowd) (func() operation, func() error, error) {
	provider, err := ginauthtest.NewProvider(ginauthtest.Config{RedirectURIs: []string{baseURL + "/api/auth/callback/local"}})
	if err != nil {
		return nil, nil, err
	}
	start, err := providerSite(provider)
	if err != nil {
		return nil, nil, errors.Join(err, provider.Close())
	}
	return start, provider.Close, nil
}

func providerSite(provider *ginauthtest.Provider) (func() operation, error) {
	engine := gin.New()
	_, err := ginauth.Register(engine, ginauth.Options{
		Secret: secret, BaseURL: baseURL, Limits: ginauth.Limits{Disabled: true},
		Providers: ginauth.Goth(oidc.New(oidc.Config{
			Name: "local", Issuer: provider.Issuer(), ClientID: provider.ClientID(), ClientSecret: provider.ClientSecret(),
		})),
	})
	if err != nil {
		return nil, err
	}
	shown, err := newForm(engine)
	if err != nil {
		return nil, err
	}
	return func() operation {
		f := *shown
		f.answer = newRecorder()
		return func(int) error { return f.signInAt(provider) }
	}, nil
}

func (f *form) signInAt(provider *ginauthtest.Provider) error {
	f.answer.reset()
	f.engine.ServeHTTP(f.answer, f.post("/api/auth/signin/local", "csrfToken="+f.token+"&callbackUrl=%2F"))
	begin, err := location(f.answer)
	if err != nil {
		return err
	}
	cookies := f.cookieHeader
	for _, line := range f.answer.header["Set-Cookie"] {
		pair, _, _ := strings.Cut(line, ";")
		cookies += "; " + pair
	}
	back, err := provider.Approve(context.Background(), begin.String(), "ada")
	if err != nil {
		return err
	}
	f.answer.reset()
	request := httptest.NewRequest(http.MethodGet, back.String(), nil)
	request.Header.Set("Cookie", cookies)
	f.engine.ServeHTTP(f.answer, request)
	if _, ok := cookieValue(f.answer.header, sessionCookie); !ok {
		return fmt.Errorf("the callback answers %d, %q, and sets no session", f.answer.status, f.answer.header["Location"])
	}
	return nil
}

// location is where an answer sends the browser.
func location(r *recorder) (*url.URL, error) {
	if len(r.header["Location"]) != 1 {
		return nil, fmt.Errorf("the sign-in answers %d and leads nowhere", r.status)
	}
	return url.Parse(r.header["Location"][0])
}
