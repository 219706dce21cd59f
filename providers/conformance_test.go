package providers_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/providers"
)

// provider makes a service's provider as an application does.
func provider(t testing.TB, id string) ginauth.Provider {
	t.Helper()
	p, err := providers.New(id, fixtures[id].settings())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// each runs a test for every service that people can be signed in at.
func each(t *testing.T, test func(t *testing.T, s providers.Service, fix fixture)) {
	for _, s := range providers.All() {
		if s.LeftOut != "" || s.ID == "steam" { // of another protocol: its own tests try it
			continue
		}
		t.Run(s.ID, func(t *testing.T) {
			t.Parallel()
			fix, ok := fixtures[s.ID]
			if !ok {
				t.Fatal("there is no fixture")
			}
			test(t, s, fix)
		})
	}
}

// tried is what the authorization URL of a service had, by the service's id.
var tried sync.Map

// People sign in at every service; afterwards docs/providers.md says so.
func TestConformance(t *testing.T) {
	t.Parallel()
	t.Run("services", func(t *testing.T) {
		each(t, func(t *testing.T, s providers.Service, fix fixture) {
			f := newFake(t, fix)
			a := newApp(t, f, provider(t, s.ID))
			t.Run("sign-in", func(t *testing.T) { conformSignIn(t, s, f, a) })
			t.Run("refusals", func(t *testing.T) { conformRefusals(t, s, f, a) })
			t.Run("faults", func(t *testing.T) { conformFaults(t, s, f, a, func() ginauth.Provider { return provider(t, s.ID) }) })
			if t.Failed() {
				tried.Delete(s.ID)
			}
		})
	})
	checkTable(t)
}

// Two people sign in and are two; each becomes the user that the service knows.
func conformSignIn(t *testing.T, s providers.Service, f *fake, a *app) {
	for _, p := range []person{ada, grace, ada} {
		b := a.browser(t)
		authURL := b.begin(s.ID)
		before := f.tokenRequests()
		res := b.answer(f, f.approve(authURL, p).String())
		if !res.session || res.location != base+"/" {
			t.Fatalf("answered %d and leads to %q; log: %s", res.status, res.location, a.log.take())
		}
		if n := f.tokenRequests() - before; n != 1 {
			t.Errorf("%d token requests were made", n)
		}
		user, account := a.signedIn()
		if want := f.fixture.user(p); user.ID != want.ID || user.Name != want.Name || user.Email != want.Email || user.Image != want.Image {
			t.Errorf("the user is %+v, want %+v", user, want)
		}
		if account.Provider != s.ID || account.ProviderAccountID != user.ID || account.AccessToken == "" {
			t.Errorf("the account is of %q at %q, with a token: %v", account.ProviderAccountID, account.Provider, account.AccessToken != "")
		}
		if want := s.EmailVerified != "" && user.Email != "" && (p.Verified || f.fixture.always); account.EmailVerified != want {
			t.Errorf("the address of %s is verified: %v, want %v", p.Name, account.EmailVerified, want)
		}
		if leak := f.leaks(a.log.take()); leak != "" {
			t.Errorf("the log repeats %s", leak)
		}
		u, err := url.Parse(authURL)
		if err != nil {
			t.Fatal(err)
		}
		tried.Store(s.ID, u.Query())
		f.keepAsked(s.ID, authURL)
	}

	// A picture that is no web address does not reach a page.
	b := a.browser(t)
	if res := b.answer(f, f.approve(b.begin(s.ID), hostile).String()); res.session {
		if user, _ := a.signedIn(); user.Image != "" && !strings.HasPrefix(user.Image, "https://") {
			t.Errorf("the image is %q", user.Image)
		}
	}
}

// settings are an application's at the service.
func (f fixture) settings() providers.Settings {
	s := providers.Settings{ClientID: clientID, ClientSecret: clientSecret, Values: f.values}
	if f.secret != nil {
		s.ClientSecret = ""
	}
	return s
}

// user is what ginauth makes of a person.
func (f fixture) user(p person) ginauth.User {
	u := ginauth.User{ID: p.ID, Name: p.Name, Email: strings.ToLower(p.Email), Image: p.Image}
	if f.subject != nil {
		u.ID = f.subject(p)
	}
	if f.image != nil {
		u.Image = f.image(p)
	}
	for _, field := range strings.Fields(f.lacks) {
		switch field {
		case "name":
			u.Name = ""
		case "email":
			u.Email = ""
		case "image":
			u.Image = ""
		}
	}
	return u
}

// What is no answer to this browser's sign-in makes no token request.
func conformRefusals(t *testing.T, s providers.Service, f *fake, a *app) {
	with := func(u *url.URL, name string, values ...string) string {
		q := u.Query()
		q[name] = values
		if len(values) == 0 {
			delete(q, name)
		}
		to := *u
		to.RawQuery = q.Encode()
		return to.String()
	}
	tests := []struct {
		name, code string
		callback   func(u *url.URL) string
	}{
		{"TestAttack03 no state", "OAuthCallback", func(u *url.URL) string { return with(u, "state") }},
		{"TestAttack03 another state", "OAuthCallback", func(u *url.URL) string { return with(u, "state", strings.Repeat("x", 43)) }},
		{"TestAttack03 the state twice", "OAuthCallback", func(u *url.URL) string {
			return with(u, "state", u.Query().Get("state"), u.Query().Get("state"))
		}},
		{"no code", "OAuthCallback", func(u *url.URL) string { return with(u, "code") }},
		{"two codes", "OAuthCallback", func(u *url.URL) string { return with(u, "code", "a", u.Query().Get("code")) }},
		{"the person refuses", "AccessDenied", func(u *url.URL) string { return with(u, "error", "access_denied") }},
		{"the provider fails", "Callback", func(u *url.URL) string { return with(u, "error", "server_error") }},
	}
	if f.fixture.issuer != "" {
		tests = append(tests, struct {
			name, code string
			callback   func(u *url.URL) string
		}{"TestAttack25 another issuer", "OAuthCallback", func(u *url.URL) string { return with(u, "iss", "https://evil.example") }})
	}
	before := f.tokenRequests()
	for _, tt := range tests {
		b := a.near(t)
		b.refused(b.answer(f, tt.callback(f.approve(b.begin(s.ID), ada))), tt.code)
		if n := f.tokenRequests(); n != before {
			t.Errorf("%s: %d token requests were made", tt.name, n-before)
			before = n
		}
	}
	// TestAttack03: without the cookie of the sign-in.
	b := a.near(t)
	b.refused(b.answer(f, f.approve(a.near(t).begin(s.ID), ada).String()), "OAuthCallback")
	if n := f.tokenRequests(); n != before {
		t.Errorf("in another browser %d token requests were made", n-before)
	}
	if leak := f.leaks(a.log.take()); leak != "" {
		t.Errorf("the log repeats %s", leak)
	}
	// TestAttack22: somebody without a subject is everybody.
	b = a.near(t)
	b.refused(b.answer(f, f.approve(b.begin(s.ID), nobody).String()), "OAuthCallback")

	// TestAttack44: the attacker's code under the victim's own state. LinkedIn
	// alone has neither code verifier nor nonce, which its constructor tells.
	if f.fixture.noPKCE && f.fixture.noNonce {
		return
	}
	b = a.near(t)
	mine := f.approve(a.near(t).begin(s.ID), grace)
	yours := f.approve(b.begin(s.ID), ada)
	b.refused(b.answer(f, with(yours, "code", mine.Query().Get("code"))), "OAuthCallback")
}

// A service that misbehaves ends one sign-in, in an error page that repeats
// nothing, as does the log.
func conformFaults(t *testing.T, s providers.Service, f *fake, a *app, make func() ginauth.Provider) {
	echo := func(status int, contentType, format string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			id, secret, _ := r.BasicAuth()
			_, _ = fmt.Fprintf(w, format, strings.Join([]string{
				string(body), r.PostForm.Encode(), r.PostForm.Get("code"), r.PostForm.Get("client_secret"), id, secret,
				r.Header.Get("Authorization"), r.Header.Get(meant),
			}, " "))
		}
	}
	says := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, body)
		}
	}
	away := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://evil.example/"+clientSecret, status)
		}
	}
	hangUp := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	tests := []struct {
		name, endpoint string
		handler        http.HandlerFunc
	}{
		{"an OAuth error", "token", echo(400, "application/json", `{"error":"invalid_grant","error_description":%q}`)},
		{"a refused client", "token", echo(401, "application/json", `{"error":"invalid_client","error_description":%q}`)},
		{"a page", "token", echo(500, "text/html", "<html>%s</html>")},
		{"text", "token", echo(502, "text/plain", "%s")},
		{"text with 200", "token", echo(200, "text/plain", "%s")},
		{"half an object", "token", echo(200, "application/json", `{"access_token":%q,`)},
		{"an error with 200", "token", echo(200, "application/json", `{"error":"bad","error_description":%q}`)},
		{"a list", "token", says("[]")},
		{"null", "token", says("null")},
		{"an empty object", "token", says("{}")},
		{"a number for a token", "token", says(`{"access_token":1,"token_type":"Bearer"}`)},
		{"TestAttack45 a redirect to another host", "token", away(http.StatusTemporaryRedirect)},
		{"TestAttack45 a connection cut off", "token", hangUp},
		{"an OAuth error", "profile", echo(401, "application/json", `{"error":"invalid_token","error_description":%q}`)},
		{"a page", "profile", echo(500, "text/html", "<html>%s</html>")},
		{"text with 200", "profile", echo(200, "application/json", "%s")},
		{"TestAttack46 a list", "profile", says("[]")},
		{"TestAttack46 a number", "profile", says("7")},
		{"TestAttack46 null", "profile", says("null")},
		{"TestAttack46 an empty object", "profile", says("{}")},
		{"TestAttack46 members of other types", "profile", says(`{"id":{},"sub":[],"user_id":true,"data":7,"response":"x","ocs":[],"account":null}`)},
		{"TestAttack45 a redirect to another host", "profile", away(http.StatusFound)},
		{"TestAttack45 a connection cut off", "profile", hangUp},
	}
	for _, tt := range tests {
		t.Run(tt.endpoint+": "+tt.name, func(t *testing.T) {
			f.breakdown(tt.endpoint, tt.handler)
			defer f.breakdown(tt.endpoint, nil)
			before := f.tokenRequests()
			// A client that knows nothing of the service yet: x/oauth2 remembers where
			// a service reads the secret.
			a := newApp(t, f, make())
			b := a.near(t)
			res := b.answer(f, f.approve(b.begin(s.ID), ada).String())
			// Who somebody is may stand in the token answer alone.
			known := tt.endpoint == "profile" && f.fixture.tokenTells
			if !res.session || !known {
				b.refused(res, "OAuthCallback")
				if page := b.get(res.location); page.status == http.StatusOK && f.leaks(page.body) != "" || f.leaks(res.location) != "" {
					t.Error("the error page repeats a secret")
				}
			} else if user, _ := a.signedIn(); user.ID != f.fixture.user(ada).ID {
				t.Errorf("signed in as %q", user.ID)
			}
			log := a.log.take()
			if leak := f.leaks(log); leak != "" {
				t.Errorf("the log repeats %s: %s", leak, log)
			}
			if n := f.tokenRequests() - before; n != 1 && !(n == 2 && f.fixture.style == 0) {
				t.Errorf("the code was sent %d times", n)
			}
		})
	}
	for _, endpoint := range []string{"token", "profile"} {
		t.Run("TestAttack45 "+endpoint+": more than a megabyte", func(t *testing.T) {
			if endpoint == "profile" && f.fixture.noProfile {
				t.Skip("everything is in the id_token")
			}
			f.pad(endpoint)
			defer f.pad("")
			b := a.near(t)
			b.refused(b.answer(f, f.approve(b.begin(s.ID), ada).String()), "OAuthCallback")
		})
	}
	if f.fixture.panics {
		t.Run("TestAttack46 token: members left out", func(t *testing.T) {
			f.breakdown("token", says(`{"access_token":"leaked-access-0123456789","token_type":"Bearer","expires_in":3600}`))
			defer f.breakdown("token", nil)
			b := a.browser(t)
			b.refused(b.answer(f, f.approve(b.begin(s.ID), ada).String()), "OAuthCallback")
			if log := a.log.take(); !strings.Contains(log, "panicked") || strings.Contains(log, "leaked") {
				t.Errorf("logged %q", log)
			}
		})
	}
	b := a.browser(t)
	if !b.answer(f, f.approve(b.begin(s.ID), grace).String()).session {
		t.Error("the next sign-in failed")
	}
}
