package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/internal/procgroup"
	"github.com/ginauth/ginauth/oidc"
)

// dated answers a provider's discovery document with a Date of its own.
func dated(date string, p *ginauthtest.Provider) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", date)
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{
			"issuer": p.Issuer(), "authorization_endpoint": p.Issuer() + "/authorize", "token_endpoint": p.Issuer() + "/token", "jwks_uri": p.Issuer() + "/jwks",
		})
	})
}

// application is a site with one OpenID provider.
func application(t *testing.T, opts ginauth.Options) http.Handler {
	t.Helper()
	r := gin.New()
	opts.Secret = "a secret of this test, of forty-odd bytes"
	opts.Providers = ginauth.Goth(oidc.New(oidc.Config{Name: "work", Issuer: "https://id.example.com", ClientID: "id", ClientSecret: "secret"}))
	if _, err := ginauth.Register(r, opts); err != nil {
		t.Fatal(err)
	}
	return r
}

// changed has a proxy in front of a site that changes the request or the answer.
func changed(site http.Handler, request func(*http.Request), response func(*http.Request, http.Header)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if request != nil {
			request(r)
		}
		answer := httptest.NewRecorder()
		site.ServeHTTP(answer, r)
		if response != nil {
			response(r, answer.Header())
		}
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	})
}

// cookieChanged has a proxy change every cookie of a site.
func cookieChanged(site http.Handler, change func(line string) string) http.Handler {
	return changed(site, nil, func(_ *http.Request, h http.Header) {
		for i, line := range h["Set-Cookie"] {
			h["Set-Cookie"][i] = change(line)
		}
	})
}

// without drops what matches from each cookie.
func without(pattern string) func(string) string {
	return func(line string) string { return regexp.MustCompile(pattern).ReplaceAllString(line, "") }
}

// cached has a cache in front that keeps the answers to GET for everybody.
func cached(site http.Handler) http.Handler {
	var mu sync.Mutex
	kept := map[string]*httptest.ResponseRecorder{}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		answer, ok := kept[r.URL.Path]
		if !ok || r.Method != http.MethodGet {
			answer = httptest.NewRecorder()
			site.ServeHTTP(answer, r)
			kept[r.URL.Path] = answer
		}
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	})
}

// except answers one path by itself.
func except(site http.Handler, path string, status int, contentType, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, path) && (path != "/signout" || r.Method == http.MethodPost) {
			ginauthtest.Answer(status, contentType, body).ServeHTTP(w, r)
			return
		}
		site.ServeHTTP(w, r)
	})
}

var toHTTPS = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "https://"+r.Host+r.URL.RequestURI(), http.StatusMovedPermanently)
})

// internet leads every host's ports 443 and 80 to two handlers.
func internet(t *testing.T, secure, plain http.Handler) *http.Transport {
	t.Helper()
	quiet := func(h http.Handler, start func(*httptest.Server)) *httptest.Server {
		s := httptest.NewUnstartedServer(h)
		s.Config.ErrorLog = log.New(io.Discard, "", 0) // a client that refuses its certificate
		start(s)
		t.Cleanup(s.Close)
		return s
	}
	onTLS, onPlain := quiet(secure, (*httptest.Server).StartTLS), quiet(plain, (*httptest.Server).Start)
	roots := x509.NewCertPool()
	roots.AddCert(onTLS.Certificate())
	return &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{RootCAs: roots, ServerName: "example.com"},
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			switch _, port, _ := net.SplitHostPort(addr); port {
			case "443", "8443":
				addr = onTLS.Listener.Addr().String()
			case "80":
				addr = onPlain.Listener.Addr().String()
			default:
				return nil, errors.New("connection refused")
			}
			return new(net.Dialer).DialContext(ctx, network, addr)
		},
	}
}

// Each broken site differs in one thing from one that works.
func TestDoctor_Sites(t *testing.T) {
	t.Parallel()
	const address = "https://app.example.com"
	at := func(baseURL string) func(*testing.T) http.Handler {
		return func(t *testing.T) http.Handler { return application(t, ginauth.Options{BaseURL: baseURL}) }
	}
	behind := func(proxy func(http.Handler) http.Handler) func(*testing.T) http.Handler {
		return func(t *testing.T) http.Handler { return proxy(at(address)(t)) }
	}
	answers := func(h http.Handler) func(*testing.T) http.Handler {
		return func(*testing.T) http.Handler { return h }
	}
	for _, tt := range []struct {
		name  string
		asked string
		site  func(*testing.T) http.Handler
		plain bool   // it answers on plain http as on https
		wrong string // the checks that must be wrong, and no other
		says  string // in the first of them
	}{
		{"as it should be", address, at(address), false, "", ""},
		{"plain http leads to it", "http://app.example.com", at(address), false, "", ""},
		{"by its auth routes", address + "/shop/auth", at(address + "/shop/auth"), false, "", ""},
		{"by any host", address, func(t *testing.T) http.Handler {
			return application(t, ginauth.Options{TrustedHosts: []string{"*.example.com"}})
		}, false, "", ""},
		{"Auth.js's cookies", address, func(t *testing.T) http.Handler {
			return application(t, ginauth.Options{BaseURL: address, Session: ginauth.SessionOptions{Format: ginauth.AuthJSV5}})
		}, false, "", ""},
		{"a page of its own", address, func(t *testing.T) http.Handler {
			return application(t, ginauth.Options{BaseURL: address, Pages: ginauth.Pages{SignIn: "/login"}})
		}, false, "", ""},

		{"http for https", address, at("http://app.example.com"), false, "callback work, cookies, form, own address", "the site's own address is http://app.example.com, but browsers use https://app.example.com"},
		{"without www", "https://www.example.com", at("https://example.com"), false, "form, own address", "https://www.example.com"},
		{"another port", address, at(address + ":8443"), false, "form, own address", "https://app.example.com:8443"},
		{"a host that is not the site's", address, func(t *testing.T) http.Handler {
			return application(t, ginauth.Options{TrustedHosts: []string{"other.example.com"}})
		}, false, "site", "does not answer for the host app.example.com"},
		{"a prefix that the site does not know", address + "/shop", behind(func(h http.Handler) http.Handler { return http.StripPrefix("/shop", h) }), false, "prefix", "/shop/api/auth"},
		{"on plain http", "http://app.example.com", at("http://app.example.com"), true, "callback work, https", "not on https"},
		{"https cookies on plain http", "http://app.example.com", at(address), true, "cookies, form, https, own address", "https://app.example.com"},
		{"plain http too", address, at(address), true, "https", "does not lead to https"},

		{"HttpOnly dropped", address, behind(func(h http.Handler) http.Handler { return cookieChanged(h, without("; HttpOnly")) }), false, "cookies", "HttpOnly"},
		{"Secure dropped", address, behind(func(h http.Handler) http.Handler { return cookieChanged(h, without("; Secure")) }), false, "cookies", "not Secure"},
		{"SameSite dropped", address, behind(func(h http.Handler) http.Handler { return cookieChanged(h, without("; SameSite=Lax")) }), false, "cookies", "SameSite"},
		{"a Domain added", address, behind(func(h http.Handler) http.Handler {
			return cookieChanged(h, func(line string) string { return line + "; Domain=example.com" })
		}), false, "cookies", "Domain"},
		{"the Path changed", address, behind(func(h http.Handler) http.Handler {
			return cookieChanged(h, func(line string) string { return strings.Replace(line, "Path=/", "Path=/shop", 1) })
		}), false, "cookies", "Path"},
		{"the name's prefix dropped", address, behind(func(h http.Handler) http.Handler { return cookieChanged(h, without("^__Host-")) }), false, "cookies, form", "lacks __Host-"},
		{"each cookie twice", address, behind(func(h http.Handler) http.Handler {
			return changed(h, nil, func(_ *http.Request, h http.Header) { h["Set-Cookie"] = slices.Repeat(h["Set-Cookie"], 2) })
		}), false, "cookies", "twice"},
		{"Set-Cookie dropped", address, behind(func(h http.Handler) http.Handler {
			return changed(h, nil, func(_ *http.Request, h http.Header) { h.Del("Set-Cookie") })
		}), false, "cookies", "Set-Cookie"},
		{"Cookie dropped", address, behind(func(h http.Handler) http.Handler {
			return changed(h, func(r *http.Request) { r.Header.Del("Cookie") }, nil)
		}), false, "form", "header Cookie"},
		{"Origin changed", address, behind(func(h http.Handler) http.Handler {
			return changed(h, func(r *http.Request) {
				if r.Method == http.MethodPost {
					r.Header.Set("Origin", "null")
				}
			}, nil)
		}), false, "form", "refuses its own form"},

		{"a cache that keeps everything", address, behind(cached), false, "cache", "same CSRF token"},
		{"Cache-Control dropped", address, behind(func(h http.Handler) http.Handler {
			return changed(h, nil, func(_ *http.Request, h http.Header) { h.Set("Cache-Control", "public, max-age=60") })
		}), false, "cache", "max-age=60"},
		{"out of a cache", address, behind(func(h http.Handler) http.Handler {
			return changed(h, nil, func(_ *http.Request, h http.Header) { h.Set("Age", "17") })
		}), false, "cache", "17 seconds"},
		{"a wrong clock", address, behind(func(h http.Handler) http.Handler {
			return changed(h, nil, func(_ *http.Request, h http.Header) {
				h.Set("Date", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
			})
		}), false, "clock", "ahead"},

		{"a page for every path", address, answers(ginauthtest.Answer(200, "text/html", "<html>")), false, "site", "text/html"},
		{"no such path", address, answers(http.NotFoundHandler()), false, "site", "answers 404"},
		{"down behind its proxy", address, answers(ginauthtest.Answer(502, "text/html", "<html>")), false, "site", "answers 502"},
		{"another login in front", address, answers(ginauthtest.RedirectTo("https://login.example.com/", 302)), false, "site", "login.example.com"},
		{"in circles", address, answers(ginauthtest.RedirectTo(address+"/api/auth/providers", 302)), false, "site", "leads to"},
		{"JSON of something else", address, answers(ginauthtest.Answer(200, "application/json", `{"a":{"b":"c"}}`)), false, "site", "something other"},
		{"no provider", address, behind(func(h http.Handler) http.Handler { return except(h, "/providers", 200, "application/json", "{}") }), false, "provider list", "nobody"},
		{"no path but some", address, behind(func(h http.Handler) http.Handler { return except(h, "/session", 404, "text/plain", "no") }), false, "route session", "404"},
		{"a page for the session", address, behind(func(h http.Handler) http.Handler { return except(h, "/session", 200, "text/html", "<html>") }), false, "route session", "JSON"},
		{"no token", address, behind(func(h http.Handler) http.Handler { return except(h, "/csrf", 403, "text/html", "<html>") }), false, "cookies, route csrf", "403"},
		{"a firewall", address, behind(func(h http.Handler) http.Handler { return except(h, "/signout", 403, "text/html", "<html>") }), false, "form", "403"},
		{"nobody listens", "https://app.example.com:9", at(address), false, "site", "does not answer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			site := tt.site(t)
			plain := http.Handler(toHTTPS)
			if tt.plain {
				plain = site
			}
			asked, err := siteURL(tt.asked)
			if err != nil {
				t.Fatal(err)
			}
			d := &doctor{transport: internet(t, site, plain), now: time.Now}
			d.examineSite(t.Context(), asked)
			var bad []string
			said := false
			for _, f := range d.checks {
				if f.Result == wrong {
					bad = append(bad, f.Check)
					said = said || strings.Contains(f.Detail, tt.says)
				}
			}
			slices.Sort(bad)
			if got := strings.Join(slices.Compact(bad), ", "); got != tt.wrong || tt.wrong != "" && !said {
				t.Errorf("wrong are %s, want %s with %q: %+v", got, tt.wrong, tt.says, d.checks)
			}
			if _, status := d.result(); tt.wrong == "" && status != allRight {
				t.Errorf("status %d: %+v", status, d.checks)
			}
		})
	}
}

// A certificate that nobody vouches for is told as such.
func TestDoctor_Certificate(t *testing.T) {
	t.Parallel()
	transport := internet(t, http.NotFoundHandler(), toHTTPS)
	transport.TLSClientConfig = &tls.Config{ServerName: "example.com", RootCAs: x509.NewCertPool()}
	asked, err := siteURL("app.example.com/")
	if err != nil {
		t.Fatal(err)
	}
	d := &doctor{transport: transport, now: time.Now}
	d.examineSite(t.Context(), asked)
	if !found(d.checks, "site", wrong, "certificate") {
		t.Errorf("got %+v", d.checks)
	}
}

// What port answers plain http, where https is on a port of its own, no rule says.
func TestDoctor_OtherPort(t *testing.T) {
	t.Parallel()
	const address = "https://app.example.com:8443"
	asked, err := siteURL(address)
	if err != nil {
		t.Fatal(err)
	}
	d := &doctor{transport: internet(t, application(t, ginauth.Options{BaseURL: address}), toHTTPS), now: time.Now}
	d.examineSite(t.Context(), asked)
	if _, status := d.result(); status != someUnseen || !found(d.checks, "https", unseen, "8443") {
		t.Errorf("got %+v", d.checks)
	}
}

// The doctor and the example, each a process.
func TestDoctor_Example(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", dir+"/", "../../example").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	cmd := exec.Command(filepath.Join(dir, "example"), "-addr", "127.0.0.1:0")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	end, err := procgroup.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		end()
		_ = cmd.Wait()
	})
	address := "" // the example prints it
	for said := bufio.NewScanner(out); address == "" && said.Scan(); {
		address = regexp.MustCompile(`http://localhost:\d+`).FindString(said.Text())
	}

	// The secret is set in no variable: the example makes one up.
	status, checks := examined(t, nil, address)
	if status != someUnseen || !found(checks, "secret", unseen, "NEXTAUTH_SECRET") || !found(checks, "provider list", right, "local") ||
		!found(checks, "callback local", right, address+"/api/auth/callback/local") {
		t.Errorf("status %d, %+v", status, checks)
	}
	if status, checks = examined(t, []string{goodSecret}, address+"/api/auth/"); status != allRight {
		t.Errorf("with a secret: status %d, %+v", status, checks)
	}
	// The example opened at another address than its own.
	if status, checks = examined(t, []string{goodSecret}, strings.Replace(address, "localhost", "127.0.0.1", 1)); status != someWrong || !found(checks, "form", wrong, "its own form") {
		t.Errorf("at 127.0.0.1: status %d, %+v", status, checks)
	}
	// The environment of another site.
	other := []string{goodSecret, "NEXTAUTH_URL=http://localhost:1", "GITHUB_ID=id", "GITHUB_SECRET=secret"}
	if status, checks = examined(t, other, address); status != someWrong || !found(checks, "environment", wrong, "http://localhost:1/api/auth") ||
		!found(checks, "provider list", unseen, "github") {
		t.Errorf("of another site: status %d, %+v", status, checks)
	}
}
