package providers_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/providers"
)

// A list of addresses is an extra, whatever engine asks for it: refused, missing or
// odd, the person signs in with the address that the profile has, or without one,
// and the log says so in one line.
func TestExtras(t *testing.T) {
	t.Parallel()
	says := func(status int, contentType, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	tests := []struct {
		name    string
		handler http.HandlerFunc
	}{
		{"refused", says(403, "application/json", `{"message":"Resource not accessible by integration"}`)},
		{"not there", says(404, "application/json", `{"message":"Not Found"}`)},
		{"down", says(500, "text/html", "<html>")},
		{"a page", says(200, "text/html", "<html>")},
		{"null", says(200, "application/json", "null")},
		{"an object of another kind", says(200, "application/json", `{"email":"mallory@example.com","verified":true}`)},
		{"a text", says(200, "application/json", `"mallory@example.com"`)},
		{"cut off", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
		{"elsewhere", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://evil.example/", http.StatusFound)
		}},
	}
	made := map[string]func(t *testing.T, id string) ginauth.Provider{
		"own":  func(t *testing.T, id string) ginauth.Provider { return provider(t, id) },
		"goth": func(_ *testing.T, id string) ginauth.Provider { return ginauth.OAuth{Provider: gothMade[id](), ID: id} },
	}
	tried := 0
	for _, s := range providers.All() {
		fix := fixtures[s.ID]
		if s.LeftOut != "" || len(fix.profiles) < 2 {
			continue
		}
		for engine, make := range made {
			if engine == "goth" && gothMade[s.ID] == nil {
				continue
			}
			tried++
			t.Run(s.ID+" "+engine, func(t *testing.T) {
				t.Parallel()
				f := newFake(t, fix)
				a := newApp(t, f, make(t, s.ID))
				for _, tt := range tests {
					f.breakdown("emails", tt.handler)
					for _, p := range []person{ada, {ada.ID, ada.Name, "", ada.Image, false}} {
						a.log.take()
						b := a.near(t)
						if res := b.answer(f, f.approve(b.begin(s.ID), p).String()); !res.session {
							t.Errorf("%s: %s; log: %s", tt.name, res.location, a.log.take())
							continue
						}
						user, account := a.signedIn()
						if user.ID != fix.user(p).ID || account.EmailVerified || user.Email != "" && user.Email != strings.ToLower(p.Email) {
							t.Errorf("%s: %+v, verified: %v", tt.name, user, account.EmailVerified)
						}
						// goth does not ask for a person whose profile has an address; ginauth
						// asks whether it is verified, and then says nothing.
						if log := a.log.take(); user.Email == "" && strings.Count(log, "goes on without the e-mail addresses") != 1 || f.leaks(log) != "" {
							t.Errorf("%s: logged %q", tt.name, log)
						}
					}
				}
			})
		}
	}
	if tried < 4 {
		t.Errorf("%d were tried", tried)
	}
}

// A person who has no address signs in without one, at every service.
func TestNoAddress(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s providers.Service, fix fixture) {
		engines := map[string]ginauth.Provider{"own": provider(t, s.ID)}
		if goth := gothMade[s.ID]; goth != nil {
			engines["goth"] = ginauth.OAuth{Provider: goth(), ID: s.ID}
		}
		for engine, made := range engines {
			f := newFake(t, fix)
			a := newApp(t, f, made)
			b := a.near(t)
			p := person{ada.ID, ada.Name, "", ada.Image, true}
			if res := b.answer(f, f.approve(b.begin(s.ID), p).String()); !res.session {
				t.Errorf("%s: %s; log: %s", engine, res.location, a.log.take())
				continue
			}
			user, account := a.signedIn()
			// Some stand-ins list an address that is another person's to choose.
			if user.ID != fix.user(p).ID || account.EmailVerified && user.Email == "" {
				t.Errorf("%s: %s", engine, fmt.Sprintf("%+v, verified: %v", user, account.EmailVerified))
			}
		}
	})
}
