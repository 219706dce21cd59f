package tests

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ginauth/ginauth/ginauthtest"
)

// limit is how long one step of a sign-in may last, from doc.go.
const limit = 10 * time.Second

// outage is a provider that fails at one endpoint when the browser comes back,
// or at discovery when it leaves.
type outage struct {
	e     engine
	at    ginauthtest.Endpoint
	fault http.Handler
}

func (o outage) String() string { return o.e.name + strings.Replace(string(o.at), "/", " ", 1) }

// run makes a sign-in fail and says what was wrong with the failure.
func (o outage) run(t testing.TB) (took time.Duration, fault string) {
	idp := newIDP(t, ginauthtest.Config{People: people(1)})
	b := o.e.app(t, idp).browser(t)
	b.Timeout = 2 * limit
	code := "OAuthCallback"
	var req *http.Request
	if o.at == ginauthtest.Discovery {
		code = "OAuthSignin"
		req = b.request(http.MethodPost, "/api/auth/signin/"+o.e.name, url.Values{"csrfToken": {b.csrf()}})
	} else {
		req = b.request(http.MethodGet, approve(t, idp, b.begin(o.e.name, "/")).String(), nil)
	}
	idp.Break(o.at, o.fault)
	start := time.Now()
	res, err := b.Do(req)
	took = time.Since(start)
	if err != nil {
		_ = idp.Close() // lets go of the request, which would hold up the end of the test
		return took, err.Error()
	}
	_ = res.Body.Close()
	if location := res.Header.Get("Location"); !strings.HasSuffix(location, "error="+code) || (answer{Response: res}).signedIn() {
		fault = fmt.Sprintf("answered %d and leads to %s", res.StatusCode, location)
	} else if page := b.follow(answer{Response: res}); page.alert() != told[code] {
		fault = fmt.Sprintf("the page says %q", page.alert())
	} else {
		b.refusalLogged()
	}
	idp.Break(o.at, nil)
	if fault == "" && !o.recovers(b, idp) {
		fault = "the next sign-in failed"
	}
	return took, fault
}

// recovers reports whether a sign-in works again. The first ones may still share
// the discovery that failed.
func (o outage) recovers(b *browser, idp *ginauthtest.Provider) bool {
	form := url.Values{"csrfToken": {b.csrf()}}
	for range 20 {
		authURL := b.post("/api/auth/signin/"+o.e.name, form).Header.Get("Location")
		if strings.Contains(authURL, "state=") {
			return b.get(approve(b.t, idp, authURL).String()).signedIn()
		}
	}
	return false
}

// A provider that hangs, or that drips bytes so that it never seems to, holds a
// sign-in no longer than the limit. All of them hang at once.
func TestAttack45_HangingProvider(t *testing.T) {
	t.Parallel()
	silent, drip := ginauthtest.Silent(), ginauthtest.Drip(50*time.Millisecond)
	tests := []outage{
		{viaOIDC, ginauthtest.Discovery, silent}, {viaOIDC, ginauthtest.Discovery, drip},
		{viaOIDC, ginauthtest.Token, silent}, {viaOIDC, ginauthtest.Token, drip},
		{viaOIDC, ginauthtest.JWKS, silent}, {viaOIDC, ginauthtest.JWKS, drip},
		{viaOIDC, ginauthtest.Userinfo, silent}, {viaOIDC, ginauthtest.Userinfo, drip},
		{viaGitHub, ginauthtest.Token, silent}, {viaGitHub, ginauthtest.Token, drip},
		{viaGitHub, ginauthtest.Userinfo, silent}, {viaGitHub, ginauthtest.Userinfo, drip},
		{viaDiscord, ginauthtest.Token, silent}, {viaDiscord, ginauthtest.Token, drip},
		{viaDiscord, ginauthtest.Userinfo, silent}, {viaDiscord, ginauthtest.Userinfo, drip},
		{viaOpenIDConnect, ginauthtest.Token, silent}, {viaOpenIDConnect, ginauthtest.Token, drip},
		{viaOpenIDConnect, ginauthtest.JWKS, silent}, {viaOpenIDConnect, ginauthtest.Userinfo, drip},
	}
	var wg sync.WaitGroup
	for _, o := range tests {
		wg.Go(func() {
			took, fault := o.run(t)
			if fault != "" {
				t.Errorf("%v: %s", o, fault)
			}
			if took < limit-time.Second || took > limit+15*time.Second { // a loaded machine
				t.Errorf("%v: it took %v", o, took)
			}
		})
	}
	wg.Wait()
}

// An answer of 256 MiB is not read. Memory is the process's, so this test is not
// parallel.
func TestAttack45_HugeAnswer(t *testing.T) {
	huge := ginauthtest.Huge(256 << 20)
	tests := []outage{
		{viaOIDC, ginauthtest.Discovery, huge}, {viaOIDC, ginauthtest.Token, huge},
		{viaOIDC, ginauthtest.JWKS, huge}, {viaOIDC, ginauthtest.Userinfo, huge},
		{viaGitHub, ginauthtest.Token, huge}, {viaGitHub, ginauthtest.Userinfo, huge},
		{viaDiscord, ginauthtest.Token, huge}, {viaDiscord, ginauthtest.Userinfo, huge},
		{viaOpenIDConnect, ginauthtest.Token, huge}, {viaOpenIDConnect, ginauthtest.JWKS, huge},
		{viaOpenIDConnect, ginauthtest.Userinfo, huge},
	}
	for _, o := range tests {
		t.Run(o.String(), func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			took, fault := o.run(t)
			runtime.ReadMemStats(&after)
			if fault != "" {
				t.Error(fault)
			}
			if took > limit/2 {
				t.Errorf("it took %v", took)
			}
			// All that was ever allocated, collected or not.
			if mib := (after.TotalAlloc - before.TotalAlloc) >> 20; mib > 48 {
				t.Errorf("%d MiB were allocated", mib)
			}
		})
	}
}

// A provider that redirects does not take the code, the secret or a token along
// to where it leads.
func TestAttack45_RedirectingProvider(t *testing.T) {
	t.Parallel()
	at := map[string][]ginauthtest.Endpoint{
		"oidc":           {ginauthtest.Token, ginauthtest.JWKS, ginauthtest.Userinfo, ginauthtest.Discovery},
		"github":         {ginauthtest.Token, ginauthtest.Userinfo},
		"discord":        {ginauthtest.Token, ginauthtest.Userinfo},
		"openid-connect": {ginauthtest.Token, ginauthtest.JWKS, ginauthtest.Userinfo},
	}
	for _, e := range engines {
		for _, endpoint := range at[e.name] {
			t.Run(outage{e: e, at: endpoint}.String(), func(t *testing.T) {
				t.Parallel()
				var reached atomic.Int32
				other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
				defer other.Close()
				for _, status := range []int{http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
					fault := ginauthtest.RedirectTo(other.URL+"/elsewhere", status)
					if took, fault := (outage{e, endpoint, fault}).run(t); fault != "" || took > limit/2 {
						t.Errorf("%d: %s after %v", status, fault, took)
					}
				}
				if n := reached.Load(); n != 0 {
					t.Errorf("the other host got %d requests", n)
				}
				if took, fault := (outage{e, endpoint, ginauthtest.Loop()}).run(t); fault != "" || took > limit/2 {
					t.Errorf("loop: %s after %v", fault, took)
				}
			})
		}
	}
}

// plainHTTP counts the requests that leave https.
type plainHTTP struct {
	http.RoundTripper
	n, all atomic.Int32
}

func (p *plainHTTP) RoundTrip(req *http.Request) (*http.Response, error) {
	p.all.Add(1)
	if req.URL.Scheme != "https" {
		p.n.Add(1)
	}
	return p.RoundTripper.RoundTrip(req)
}

func TestAttack45_Downgrade(t *testing.T) {
	t.Parallel()
	tests := []struct {
		e         engine
		at        ginauthtest.Endpoint
		plain     string
		requested int32
	}{
		{viaGitHub, ginauthtest.Token, "http://github.com/login/oauth/access_token", 1},
		{viaGitHub, ginauthtest.Userinfo, "http://api.github.com/user", 2},
		{viaDiscord, ginauthtest.Token, "http://discord.com/api/oauth2/token", 1},
		{viaDiscord, ginauthtest.Userinfo, "http://discord.com/api/users/@me", 2},
		{viaAuth0, ginauthtest.Userinfo, "http://tenant.auth0.example/userinfo", 2},
	}
	for _, tt := range tests {
		t.Run(outage{e: tt.e, at: tt.at}.String(), func(t *testing.T) {
			t.Parallel()
			idp := newIDP(t, ginauthtest.Config{People: people(1)})
			opts := tt.e.options(t, idp)
			seen := &plainHTTP{RoundTripper: opts.HTTPClient.Transport}
			opts.HTTPClient = &http.Client{Transport: seen}
			b := newApp(t, opts).browser(t)
			idp.Break(tt.at, ginauthtest.RedirectTo(tt.plain, http.StatusTemporaryRedirect))
			b.signIn(idp, tt.e.name).refused(t, "OAuthCallback")
			if seen.n.Load() != 0 || seen.all.Load() < tt.requested {
				t.Errorf("%d of %d requests went over http", seen.n.Load(), seen.all.Load())
			}
		})
	}
}
