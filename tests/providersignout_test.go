package tests

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/markbates/goth/providers/github"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
)

// leaving is a local provider at which people are signed out too.
func leaving(idp *ginauthtest.Provider) []ginauth.Provider {
	return []ginauth.Provider{ginauth.OAuth{Provider: local(idp, "local"), SignOutAtProvider: true}}
}

func TestSignOutAtProvider(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name    string
		session ginauth.SessionOptions
		hint    bool
	}{
		{"in the cookie", ginauth.SessionOptions{}, false},
		{"in the cookie, with tokens", keptTokens(nil), false},
		{"in a store", ginauth.SessionOptions{Store: memoryStore()}, true},
		{"in a store, with tokens", keptTokens(memoryStore()), true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			idp := newIDP(t, ginauthtest.Config{})
			a := newApp(t, ginauth.Options{Providers: leaving(idp), Session: row.session})
			b := a.browser(t)
			b.signIn(idp, "local")
			res := b.post("/api/auth/signout", url.Values{"csrfToken": {b.csrf()}, "callbackUrl": {"/bye"}})
			if got := b.user(); got != "" || !res.ends() {
				t.Errorf("still signed in as %q", got)
			}
			target := res.Header.Get("Location")
			u, err := url.Parse(target)
			if err != nil || !strings.HasPrefix(target, idp.Issuer()+string(ginauthtest.Logout)+"?") || res.StatusCode != http.StatusFound {
				t.Fatalf("%d, leads to %q", res.StatusCode, target)
			}
			q := u.Query()
			if q.Get("client_id") != idp.ClientID() || q.Get("post_logout_redirect_uri") != a.URL+"/bye" || q.Has("state") || q.Has("id_token_hint") != row.hint {
				t.Errorf("leads to %s", target)
			}
			// The provider takes it, and sends the browser back.
			if back := b.get(target); back.Header.Get("Location") != a.URL+"/bye" {
				t.Errorf("the provider answered %d %s", back.StatusCode, back.Header.Get("Location"))
			}
		})
	}
}

// What next-auth's signOut sends and reads; htmx follows its own header.
func TestSignOutAtProvider_Clients(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	a := newApp(t, ginauth.Options{Providers: leaving(idp)})
	b := a.browser(t)
	b.signIn(idp, "local")
	res := b.post("/api/auth/signout", url.Values{"csrfToken": {b.csrf()}, "callbackUrl": {a.URL + "/bye"}, "json": {"true"}})
	var out struct{ URL string }
	if err := json.Unmarshal([]byte(res.body), &out); err != nil || res.StatusCode != http.StatusOK || !strings.HasPrefix(out.URL, idp.Issuer()+"/logout?") {
		t.Errorf("%d %s", res.StatusCode, res.body)
	}
	b.signIn(idp, "local")
	req := b.request(http.MethodPost, "/api/auth/signout", url.Values{"csrfToken": {b.csrf()}})
	req.Header.Set("HX-Request", "true")
	if res := b.do(req); !strings.HasPrefix(res.Header.Get("HX-Redirect"), idp.Issuer()+"/logout?") {
		t.Errorf("htmx: %d %v", res.StatusCode, res.Header)
	}
}

// The session here ends first, and whatever the provider says.
func TestSignOutAtProvider_Stays(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name      string
		discovery func(doc map[string]any)
		down      bool
		option    bool
		member    bool
		nobody    bool
	}{
		{name: "no endpoint", discovery: func(doc map[string]any) { delete(doc, "end_session_endpoint") }, option: true},
		{name: "option not set"},
		{name: "signed in without a provider", option: true, member: true},
		{name: "nobody", option: true, nobody: true},
		{name: "provider down", option: true, down: true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			idp := newIDP(t, ginauthtest.Config{})
			idp.TamperDiscovery(row.discovery)
			store := memoryStore()
			providers := []ginauth.Provider{ginauth.OAuth{Provider: local(idp, "local"), SignOutAtProvider: row.option}, members()}
			a := newApp(t, ginauth.Options{Providers: providers, Session: ginauth.SessionOptions{Store: store}})
			b := a.browser(t)
			switch {
			case row.member:
				b.signInAs("ada")
			case !row.nobody:
				b.signIn(idp, "local")
			}
			target := "/api/auth/signout"
			if row.down { // another process, which has not asked the provider for anything yet
				fresh := newApp(t, ginauth.Options{Session: ginauth.SessionOptions{Store: store}, Providers: leaving(idp)})
				target = fresh.URL + target
				idp.Break(ginauthtest.Discovery, ginauthtest.Answer(503, "text/plain", "later"))
			}
			res := b.post(target, url.Values{"csrfToken": {b.csrf()}, "callbackUrl": {"/bye"}})
			if res.StatusCode != http.StatusFound || res.Header.Get("Location") != "http://"+res.Request.URL.Host+"/bye" {
				t.Errorf("%d, leads to %q", res.StatusCode, res.Header.Get("Location"))
			}
			if got := b.user(); got != "" {
				t.Errorf("still signed in as %q", got)
			}
		})
	}
}

// Without proof that a page of ours asked, nobody is signed out anywhere.
func TestSignOutAtProvider_Forged(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	a := newApp(t, ginauth.Options{Providers: leaving(idp)})
	b := a.browser(t)
	b.signIn(idp, "local")
	for _, form := range []url.Values{{}, {"csrfToken": {"x"}}} {
		if res := b.post("/api/auth/signout", form); strings.Contains(res.Header.Get("Location"), idp.Issuer()) {
			t.Errorf("leads to %q", res.Header.Get("Location"))
		}
	}
	if b.user() == "" {
		t.Error("signed out")
	}
}

func TestSignOutAtProvider_Fault(t *testing.T) {
	t.Parallel()
	_, err := ginauth.New(ginauth.Options{
		Secret: testSecret, BaseURL: "https://app.example.com",
		Providers: []ginauth.Provider{ginauth.OAuth{Provider: github.New("id", "secret", ""), SignOutAtProvider: true}},
	})
	if err == nil || !strings.Contains(err.Error(), "provider github: SignOutAtProvider is set, but *github.Provider is no ginauth.EndSessionProvider") {
		t.Error(err)
	}
}
