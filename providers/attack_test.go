package providers_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/providers"
)

// near is a transport to a fake without a network, that hangs at one endpoint.
type near struct {
	f    *fake
	at   string // part of the place that hangs
	body bool   // its body hangs, not its header
}

func (n near) RoundTrip(req *http.Request) (*http.Response, error) {
	token := req.URL.Scheme+"://"+req.URL.Host+req.URL.Path == n.f.fixture.token
	_, discovery := n.f.fixture.discovered(req.URL)
	if (n.at == "token") == token && !discovery {
		if !n.body {
			<-req.Context().Done()
			return nil, req.Context().Err()
		}
		return &http.Response{
			StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, ContentLength: -1,
			Body: hung{req.Context()}, Request: req, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		}, nil
	}
	to := req.Clone(req.Context())
	to.Header.Set(meant, req.URL.String())
	if to.Body == nil {
		to.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	n.f.ServeHTTP(w, to)
	return w.Result(), nil
}

// hung is a body that never comes.
type hung struct{ ctx context.Context }

func (h hung) Read([]byte) (int, error) { <-h.ctx.Done(); return 0, h.ctx.Err() }
func (h hung) Close() error             { return nil }

// A service that falls silent ends the sign-in after ten seconds, on a clock of
// the test's own.
func TestAttack45_Silence(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s providers.Service, fix fixture) {
		f := newFake(t, fix)
		for _, n := range []near{{f, "token", false}, {f, "token", true}, {f, "profile", false}, {f, "profile", true}} {
			if n.at == "profile" && fix.noProfile {
				continue
			}
			synctest.Test(t, func(t *testing.T) {
				a := newApp(t, n, provider(t, s.ID))
				b := a.near(t)
				callback := f.approve(b.begin(s.ID), ada).String()
				started := time.Now()
				b.refused(b.answer(f, callback), "OAuthCallback")
				if took := time.Since(started); took == 0 || took > 10*time.Second {
					t.Errorf("the %s endpoint held the sign-in up for %v", n.at, took)
				}
				if log := a.log.take(); !strings.Contains(log, "in time") || f.leaks(log) != "" {
					t.Errorf("logged %q", log)
				}
			})
		}
	})
}

// crowd answers every service's discovery and nothing else.
type crowd struct {
	t     *testing.T
	fakes map[string]*fake // by id
}

func (c crowd) RoundTrip(req *http.Request) (*http.Response, error) {
	for _, f := range c.fakes {
		if _, ok := f.fixture.discovered(req.URL); ok {
			return f.RoundTrip(req)
		}
	}
	c.t.Errorf("a request to %s", req.URL.Host)
	return nil, errors.New("refused")
}

// A sign-in begun at one provider does not end at another.
func TestAttack04_EveryProvider(t *testing.T) {
	t.Parallel()
	c := crowd{t, map[string]*fake{}}
	var ids []string
	var all []ginauth.Provider
	for _, s := range providers.All() {
		if s.LeftOut == "" && s.ID != "steam" {
			ids = append(ids, s.ID)
			all = append(all, provider(t, s.ID))
			c.fakes[s.ID] = newFake(t, fixtures[s.ID])
		}
	}
	a := newApp(t, c, all...)
	for i, id := range ids {
		b := a.near(t)
		callback := c.fakes[id].approve(b.begin(id), ada)
		for _, other := range []string{ids[(i+1)%len(ids)], ids[(i+len(ids)/2)%len(ids)]} {
			callback.Path = "/api/auth/callback/" + other
			b.refused(b.answer(c.fakes[id], callback.String()), "OAuthCallback")
		}
	}
}

// Parameters that belong to the flow are refused at Register, at every provider.
func TestAttack04_AuthParams(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s providers.Service, _ fixture) {
		for _, name := range []string{"client_id", "redirect_uri", "response_type", "state", "nonce", "code_challenge", "code_challenge_method", "request", "response_mode", "Client_ID"} {
			p := provider(t, s.ID).(ginauth.OAuth)
			p.AuthParams = url.Values{name: {"x"}}
			_, err := ginauth.New(ginauth.Options{Providers: []ginauth.Provider{p}, Secret: strings.Repeat("x", 32), BaseURL: base})
			if err == nil || !strings.Contains(err.Error(), "AuthParams") || !strings.Contains(err.Error(), s.ID) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
