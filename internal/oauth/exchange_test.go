package oauth_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/discord"
	"github.com/markbates/goth/providers/faux"
	"github.com/markbates/goth/providers/gitea"
	"github.com/markbates/goth/providers/github"
	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/internal/oauth"
)

// talkative is a provider that is not goth's, and writes into its errors what the
// token endpoint answered.
type talkative struct {
	faux.Provider
	HTTPClient *http.Client
	ClientID   string
	config     oauth2.Config
}

type talkativeSession struct {
	AuthURL string
	tok     *oauth2.Token
}

func (p *talkative) BeginAuth(state string) (goth.Session, error) {
	return &talkativeSession{AuthURL: p.config.AuthCodeURL(state)}, nil
}
func (p *talkative) UnmarshalSession(string) (goth.Session, error) { return &talkativeSession{}, nil }
func (p *talkative) FetchUser(s goth.Session) (goth.User, error) {
	tok := s.(*talkativeSession).tok
	idToken, _ := tok.Extra("id_token").(string)
	return goth.User{}, errors.New("hidden: " + tok.AccessToken + " and " + tok.RefreshToken + " and " + idToken)
}

func (s *talkativeSession) GetAuthURL() (string, error) { return s.AuthURL, nil }
func (s *talkativeSession) Marshal() string             { return "{}" }
func (s *talkativeSession) Authorize(p goth.Provider, params goth.Params) (string, error) {
	t := p.(*talkative)
	tok, err := t.config.Exchange(context.WithValue(context.Background(), oauth2.HTTPClient, t.HTTPClient), params.Get("code"))
	s.tok = tok
	return "", err
}

// A provider's error after the exchange repeats no token of the answer, though
// nobody knew these before it came.
func TestExchangeRedacts(t *testing.T) {
	t.Parallel()
	const callback = "http://localhost/cb"
	b := &bench{idp: newIDP(t)}
	b.Provider = b.register(t, &talkative{ClientID: b.idp.ClientID(), config: oauth2.Config{
		ClientID: b.idp.ClientID(), ClientSecret: b.idp.ClientSecret(), RedirectURL: callback, Scopes: []string{"openid"},
		Endpoint: oauth2.Endpoint{AuthURL: b.idp.Issuer() + "/authorize", TokenURL: b.idp.Issuer() + "/token", AuthStyle: oauth2.AuthStyleInHeader},
	}}, "nowhere.example/token")
	authURL, tx, err := b.Begin(t.Context(), callback, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	answer, err := b.idp.Approve(t.Context(), authURL, "ada")
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.Complete(t.Context(), tx, callback, answer.Query(), time.Now())
	if err == nil || err.Error() != "hidden: [redacted] and [redacted] and [redacted]" {
		t.Errorf("got %v", err)
	}
}

// What carries the code and the secret, or an access token, is not sent on to
// another address, however alike it looks: not to another host, nor another port,
// nor the same host in the clear.
func TestRedirectsAway(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		provider        goth.Provider
		token, userinfo string
	}{
		"bound": {github.NewCustomisedURL("client", "secret", "", "https://id.example/auth", "https://id.example/token", "https://id.example/user", ""),
			"https://id.example/token", "https://id.example/user"},
		"own request": {discord.New("client", "secret", ""), "https://discord.com/api/oauth2/token", "https://discord.com/api/users/@me"},
	} {
		for _, from := range []string{tt.token, tt.userinfo} {
			u, err := url.Parse(from)
			if err != nil {
				t.Fatal(err)
			}
			for target, follows := range map[string]bool{
				"https://evil.example" + u.Path:        false,
				"https://" + u.Host + ":8443" + u.Path: false,
				"http://" + u.Host + u.Path:            false,
				"https://sub." + u.Host + u.Path:       false,
				// The code is not sent a second time, to whichever address.
				"https://" + u.Host + u.Path + "/moved": from == tt.userinfo,
			} {
				t.Run(name+" "+from+" "+target, func(t *testing.T) {
					t.Parallel()
					var reached atomic.Int32
					redirecting := roundTrip(func(req *http.Request) (*http.Response, error) {
						res := httpAnswer(req, http.StatusOK, `{"access_token":"at","token_type":"bearer"}`)
						switch req.URL.String() {
						case from:
							res = httpAnswer(req, http.StatusTemporaryRedirect, "")
							res.Header.Set("Location", target)
						case target:
							reached.Add(1)
						}
						return res, nil
					})
					p, err := oauth.New(oauth.Config{ID: "p", Provider: tt.provider, HTTPClient: &http.Client{Transport: redirecting}})
					if err != nil {
						t.Fatal(err)
					}
					_, tx, err := p.Begin(t.Context(), "http://localhost/cb", nil, time.Now())
					if err != nil {
						t.Fatal(err)
					}
					_, err = p.Complete(t.Context(), tx, "http://localhost/cb", url.Values{"state": {tx.State}, "code": {"c"}}, time.Now())
					if err == nil { // the profile that is answered has no subject
						t.Error("somebody is signed in")
					}
					if got := reached.Load() > 0; got != follows {
						t.Errorf("reached: %v, %v", got, err)
					}
				})
			}
		}
	}
}

// A code that may have reached the service is not sent again: x/oauth2, which does not
// know where the service reads the secret, would try the other place.
func TestExchange_OnceWithoutAnswer(t *testing.T) {
	t.Parallel()
	var sent atomic.Int32
	silent := roundTrip(func(req *http.Request) (*http.Response, error) {
		sent.Add(1)
		return nil, errors.New("the line is dead")
	})
	p, err := oauth.New(oauth.Config{ID: "p", HTTPClient: &http.Client{Transport: silent}, Provider: &talkative{config: oauth2.Config{
		ClientID: "c", ClientSecret: "s", Endpoint: oauth2.Endpoint{AuthURL: "https://id.example/authorize", TokenURL: "https://id.example/token"},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	const callback = "http://localhost/cb"
	_, tx, err := p.Begin(t.Context(), callback, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Complete(t.Context(), tx, callback, url.Values{"state": {tx.State}, "code": {"c"}}, time.Now())
	if err == nil || !strings.Contains(err.Error(), "the line is dead") || sent.Load() != 1 {
		t.Errorf("%d requests, %v", sent.Load(), err)
	}
}

// Services that read an access token in the header get it there, and not in the URL,
// which ends up in logs.
func TestTokenToHeader(t *testing.T) {
	t.Parallel()
	var seen []*http.Request
	service := roundTrip(func(req *http.Request) (*http.Response, error) {
		if req.Method == http.MethodPost {
			return httpAnswer(req, http.StatusOK, `{"access_token":"a t+/","token_type":"bearer"}`), nil
		}
		seen = append(seen, req)
		return httpAnswer(req, http.StatusOK, `{"id":7,"login":"ada","email":"ada@example.com"}`), nil
	})
	g := gitea.NewCustomisedURL("client", "secret", "", "https://id.example/auth", "https://id.example/token", "https://id.example/user")
	p, err := oauth.New(oauth.Config{ID: "gitea", Provider: g, HTTPClient: &http.Client{Transport: service}})
	if err != nil {
		t.Fatal(err)
	}
	const callback = "http://localhost/cb"
	_, tx, err := p.Begin(t.Context(), callback, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Complete(t.Context(), tx, callback, url.Values{"state": {tx.State}, "code": {"c"}}, time.Now())
	if len(seen) == 0 {
		t.Fatal(err)
	}
	for _, req := range seen {
		if req.Header.Get("Authorization") != "Bearer a t+/" || req.URL.Query().Has("access_token") {
			t.Errorf("it gets %q at %s", req.Header.Get("Authorization"), req.URL)
		}
	}
}

func httpAnswer(req *http.Request, status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Request: req, ProtoMajor: 1, ProtoMinor: 1, ContentLength: int64(len(body)),
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)),
	}
}
