package oauth_test

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/markbates/goth"
	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/providers/mailru"
	"github.com/ginauth/ginauth/providers/reddit"
	"github.com/ginauth/ginauth/providers/tumblr"
	"github.com/ginauth/ginauth/providers/x"
)

const redirectURL = "http://localhost:8080/api/auth/callback"

// provider is what the four services have in common.
type provider interface {
	goth.Provider
	Validate() error
	ClientID() string
	DisplayName() string
	AuthCodeURL(ctx context.Context, redirectURL, state, nonce string, opts ...oauth2.AuthCodeOption) (string, error)
	ExchangeCode(ctx context.Context, redirectURL, code, nonce string, opts ...oauth2.AuthCodeOption) (goth.User, *oauth2.Token, error)
	RefreshTokenContext(ctx context.Context, refreshToken string) (*oauth2.Token, error)
}

// service is one service, as its documentation has it.
type service struct {
	id, name string
	new      func(clientID, clientSecret string, scopes ...string) provider
	scope    string // asked for by default
	basic    bool   // the client authenticates in the header
	routes   map[string]string
	profile  string             // host and path of the profile
	answer   func(p person) any // the profile of a person
}

// person is who signs in at a service.
type person struct{ Subject, Name, Email, Picture string }

type object = map[string]any

var services = []service{
	{
		id: "twitter", name: "X", scope: "users.read tweet.read", basic: true,
		new: func(id, secret string, scopes ...string) provider { return x.New(id, secret, scopes...) },
		routes: map[string]string{
			"x.com/i/oauth2/authorize": "/authorize", "api.x.com/2/oauth2/token": "/token", "api.x.com/2/users/me": "/userinfo",
		},
		profile: "api.x.com/2/users/me",
		answer: func(p person) any {
			data := object{"id": p.Subject, "name": p.Name, "username": "nick-" + p.Subject, "profile_image_url": p.Picture}
			if p.Email != "" {
				data["confirmed_email"] = p.Email
			}
			return object{"data": data}
		},
	},
	{
		id: "reddit", name: "Reddit", scope: "identity", basic: true,
		new: func(id, secret string, scopes ...string) provider { return reddit.New(id, secret, scopes...) },
		routes: map[string]string{
			"www.reddit.com/api/v1/authorize": "/authorize", "www.reddit.com/api/v1/access_token": "/token", "oauth.reddit.com/api/v1/me": "/userinfo",
		},
		profile: "oauth.reddit.com/api/v1/me",
		answer: func(p person) any {
			return object{"id": p.Subject, "name": p.Name, "icon_img": p.Picture, "has_verified_email": true, "verified": true}
		},
	},
	{
		id: "tumblr", name: "Tumblr", scope: "basic",
		new: func(id, secret string, scopes ...string) provider { return tumblr.New(id, secret, scopes...) },
		routes: map[string]string{
			"www.tumblr.com/oauth2/authorize": "/authorize", "api.tumblr.com/v2/oauth2/token": "/token", "api.tumblr.com/v2/user/info": "/userinfo",
		},
		profile: "api.tumblr.com/v2/user/info",
		answer: func(p person) any {
			return object{"meta": object{"status": 200, "msg": "OK"}, "response": object{"user": object{
				"name": p.Name, "likes": 606, "blogs": []any{
					object{"name": "shared", "uuid": "t:shared", "primary": false},
					object{"name": p.Name, "uuid": p.Subject, "primary": true},
				},
			}}}
		},
	},
	{
		id: "mailru", name: "Mail.ru", scope: "userinfo",
		new: func(id, secret string, scopes ...string) provider { return mailru.New(id, secret, scopes...) },
		routes: map[string]string{
			"oauth.mail.ru/login": "/authorize", "oauth.mail.ru/token": "/token", "oauth.mail.ru/userinfo": "/userinfo",
		},
		profile: "oauth.mail.ru/userinfo",
		answer: func(p person) any {
			return object{
				"id": p.Subject, "client_id": "c", "name": p.Name, "first_name": "First", "last_name": "Last",
				"nickname": "nick-" + p.Subject, "email": p.Email, "image": p.Picture, "email_verified": true,
			}
		},
	},
}

var people = []person{
	{"1734604429", "Ada Lovelace", "ada@example.com", "https://pictures.example/ada.png"},
	{"1734604430", "Grace Hopper", "grace@example.com", "https://pictures.example/grace.png"},
}

// host is a service on a loopback address.
type host struct {
	service
	idp *ginauthtest.Provider

	mu   sync.Mutex
	seen []*http.Request // that reached it
}

// start serves s, honest in every way, its people's profiles in its own form.
func (s service) start(t testing.TB) *host {
	t.Helper()
	var config ginauthtest.Config
	for _, p := range people {
		config.People = append(config.People, ginauthtest.Person{Subject: p.Subject, Name: p.Name, Email: p.Email, Picture: p.Picture})
	}
	idp, err := ginauthtest.NewProvider(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = idp.Close() })
	h := &host{service: s, idp: idp}
	h.answers(s.answer)
	return h
}

// answers has the profile endpoint answer what answer makes of a person.
func (h *host) answers(answer func(person) any) {
	h.idp.TamperUserinfo(func(claims map[string]any) {
		i := slices.IndexFunc(people, func(p person) bool { return p.Subject == claims["sub"] })
		clear(claims)
		maps.Copy(claims, answer(people[i]).(object))
	})
}

// client leads the service's endpoints to the local one, and others nowhere.
func (h *host) client() *http.Client {
	to := h.idp.Transport(h.routes)
	return &http.Client{Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
		h.mu.Lock()
		h.seen = append(h.seen, req.Clone(context.Background()))
		h.mu.Unlock()
		return to.RoundTrip(req)
	})}
}

func (h *host) requests() []*http.Request {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.seen)
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// context carries the client to the provider.
func (h *host) context(t testing.TB) context.Context {
	return context.WithValue(t.Context(), oauth2.HTTPClient, h.client())
}

// provider is the registration at the service.
func (h *host) provider(scopes ...string) provider {
	return h.new(h.idp.ClientID(), h.idp.ClientSecret(), scopes...)
}

// code has a person agree and returns what the browser brings back.
func (h *host) code(t testing.TB, p provider, subject string) (code, verifier string) {
	t.Helper()
	h.client() // the routes, for Approve
	verifier = oauth2.GenerateVerifier()
	authURL, err := p.AuthCodeURL(t.Context(), redirectURL, "state", "", oauth2.S256ChallengeOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	callback, err := h.idp.Approve(t.Context(), authURL, subject)
	if err != nil {
		t.Fatal(err)
	}
	return callback.Query().Get("code"), verifier
}
