package tests

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/internal/servertest"
	"github.com/ginauth/ginauth/oidc"
	"github.com/ginauth/ginauth/redisstore"
)

// Which id_tokens sign in that are handed over, from a page and from a native
// application.
func TestAttack24_HandedOver(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{People: crowd(), Algorithm: "ES256"})
	var ahead atomic.Int64 // seconds
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load()) * time.Second) }
	app := newApp(t, handing(ginauth.Options{Now: now}, idp))
	stranger := newApp(t, handing(ginauth.Options{Secret: strings.Repeat("x", 32)}, idp))
	other := newApp(t, handing(ginauth.Options{Cookies: ginauth.CookieOptions{Prefix: "other"}}, idp))
	set := func(pairs ...any) func(map[string]any) {
		return func(claims map[string]any) {
			for i := 0; i < len(pairs); i += 2 {
				if name := pairs[i].(string); pairs[i+1] == nil {
					delete(claims, name)
				} else {
					claims[name] = pairs[i+1]
				}
			}
		}
	}
	in := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	ours := idp.ClientID()
	for _, row := range []struct {
		name   string
		claims func(map[string]any)
		sign   ginauthtest.Signature
		nonce  func(s sender, nonce string) string // in place of the one that the sender asked for
		send   func(fields map[string]any, accessToken string)
		later  time.Duration // until it is handed over
		ok     bool
	}{
		{name: "honest", ok: true},
		{name: "an application for iOS", claims: set("aud", iosClient), ok: true},
		{name: "an application for iOS, which is the azp too", claims: set("aud", iosClient, "azp", iosClient), ok: true},
		{name: "an application for Android", claims: set("azp", androidClient), ok: true},
		{name: "One Tap", claims: set("azp", ours), ok: true, send: func(fields map[string]any, _ string) {
			fields["credential"] = fields["id_token"]
			delete(fields, "id_token")
		}},
		{name: "two of our audiences", claims: set("aud", []string{ours, iosClient}, "azp", androidClient), ok: true},
		{name: "two of our audiences, no azp", claims: set("aud", []string{ours, iosClient}, "azp", nil)},
		{name: "another audience", claims: set("aud", "another")},
		{name: "another audience, ours the azp", claims: set("aud", "another", "azp", ours)},
		{name: "a presenter as audience", claims: set("aud", androidClient)},
		{name: "another audience beside ours", claims: set("aud", []string{ours, "another"}, "azp", ours)},
		{name: "no audience", claims: set("aud", nil)},
		{name: "an empty list of audiences", claims: set("aud", []string{})},
		{name: "another client of the same project", claims: set("azp", "another.apps.example")},
		{name: "an empty azp", claims: set("azp", "")},
		{name: "an audience of ours, but not the token's, as azp", claims: set("azp", iosClient)},
		{name: "azp of another type", claims: set("azp", []string{ours})},
		{name: "another issuer", claims: set("iss", "https://evil.example")},
		{name: "no issuer", claims: set("iss", nil)},
		{name: "expired", claims: set("exp", in(-time.Minute))},
		{name: "no exp", claims: set("exp", nil)},
		{name: "not valid yet", claims: set("nbf", in(time.Hour))},
		{name: "issued in the future", claims: set("iat", in(time.Hour))},
		{name: "no iat", claims: set("iat", nil)},
		{name: "four and a half minutes old", later: 4*time.Minute + 30*time.Second, ok: true},
		{name: "older than five minutes", later: 5*time.Minute + 10*time.Second},
		{name: "no sub", claims: set("sub", nil)},
		{name: "an empty sub", claims: set("sub", "")},
		{name: "sub of another type", claims: set("sub", 7)},
		{name: "Sub beside it", claims: set("Sub", "grace")},
		{name: "no nonce", nonce: func(sender, string) string { return "" }},
		{name: "an empty nonce", claims: set("nonce", "")},
		{name: "nonce of another type", claims: set("nonce", 7)},
		{name: "Nonce beside it", claims: set("Nonce", "x")},
		{name: "a nonce that somebody made up", nonce: func(_ sender, nonce string) string { return strings.Repeat("a", len(nonce)) }},
		{name: "a nonce that was altered", nonce: func(_ sender, nonce string) string { return wrongEnd(nonce) }},
		{name: "a nonce that lasts longer", nonce: func(_ sender, nonce string) string { return nonce[:43] + "f" + nonce[44:] }},
		{name: "another browser's nonce", nonce: func(sender, string) string { return page{app.browser(t)}.nonce("idp") }},
		{name: "another application's nonce", nonce: func(s sender, nonce string) string {
			if _, native := s.(device); native {
				return stranger.nonceOf(t, "idp")
			}
			return device{t, app}.nonce("idp")
		}},
		{name: "a nonce of another provider", nonce: func(s sender, _ string) string { return s.nonce("sibling") }},
		{name: "a nonce of another Auth", nonce: func(sender, string) string { return other.nonceOf(t, "idp") }},
		{name: "alg none", sign: ginauthtest.None},
		{name: "HS256 with the public key", sign: ginauthtest.HMACPublicKey},
		{name: "another key", sign: ginauthtest.WrongKey},
		{name: "another algorithm", sign: ginauthtest.OtherAlgorithm},
		{name: "an altered signature", sign: ginauthtest.Altered},
		{name: "with its access token", ok: true, send: func(fields map[string]any, access string) { fields["access_token"] = access }},
		{name: "with another access token", send: func(fields map[string]any, access string) { fields["access_token"] = access + "x" }},
		{name: "with an access token and no at_hash", claims: set("at_hash", nil), send: func(fields map[string]any, access string) { fields["access_token"] = access }},
		{name: "with an empty access token", send: func(fields map[string]any, _ string) { fields["access_token"] = "" }},
		{name: "two tokens", send: func(fields map[string]any, _ string) { fields["credential"] = fields["id_token"] }},
		{name: "a list of tokens", send: func(fields map[string]any, _ string) {
			token, _ := fields["id_token"].(string)
			fields["id_token"] = []string{token, token}
		}},
		{name: "an empty token", send: func(fields map[string]any, _ string) { fields["id_token"] = "" }},
		{name: "no JWT", send: func(fields map[string]any, _ string) { fields["id_token"] = "a.b.c" }},
	} {
		for _, kind := range []string{"page", "native"} {
			t.Run(row.name+"/"+kind, func(t *testing.T) { // one after another: they share the provider
				ahead.Store(0)
				defer ahead.Store(0)
				var s sender = device{t, app}
				if kind == "page" {
					s = page{app.browser(t)}
				}
				nonce := s.nonce("idp")
				if row.nonce != nil {
					nonce = row.nonce(s, nonce)
				}
				idp.Sign(row.sign)
				idToken, accessToken := tokensFor(t, idp, "ada", nonce, row.claims)
				idp.Sign(ginauthtest.Good)
				fields := map[string]any{"id_token": idToken}
				if row.send != nil {
					row.send(fields, accessToken)
				}
				ahead.Store(int64(row.later / time.Second))
				res := s.hand("idp", fields)
				if s.isIn(res) != row.ok {
					t.Fatalf("answered %d %s, leads to %q\n%s", res.StatusCode, res.body, res.Header.Get("Location"), app.log)
				}
				if strings.Contains(app.log.String(), idToken) || strings.Contains(app.log.String(), accessToken) {
					t.Error("the log has a token")
				}
				if d, native := s.(device); native {
					if got := app.who(t, "", "Authorization", "Bearer "+d.token(res)); (got == "ada@example.com") != row.ok {
						t.Errorf("the bearer is %q", got)
					}
					return
				}
				b, ok := s.(page)
				if !ok {
					t.Fatal("no page")
				}
				if got := b.user(); (got == "ada@example.com") != row.ok {
					t.Errorf("signed in is %q", got)
				}
				if row.ok && (res.body != "" || strings.Contains(res.body, b.cookie(sessionCookie))) {
					t.Errorf("a page got %s", res.body)
				}
			})
		}
	}
}

// wrongEnd changes the last character of a text.
func wrongEnd(text string) string {
	last := "0"
	if strings.HasSuffix(text, last) {
		last = "1"
	}
	return text[:len(text)-1] + last
}

// nonceOf is a nonce that an app gives out to a native application.
func (a *app) nonceOf(t testing.TB, provider string) string { return device{t, a}.nonce(provider) }

// A nonce works for an hour, a token and its nonce once: in two processes, by many
// requests at once, and in whichever place the nonces are counted.
func TestAttack24_HandedOverTwice(t *testing.T) {
	t.Parallel()
	for name, count := range map[string]func(t *testing.T, opts *ginauth.Options){
		"limiter": func(*testing.T, *ginauth.Options) {},
		"redis": func(t *testing.T, opts *ginauth.Options) {
			opts.Limits.Limiter = redisstore.NewLimiter(redisClient(t, servertest.Redis(t)), redisstore.Options{Now: opts.Now})
		},
		"adapter": func(_ *testing.T, opts *ginauth.Options) {
			opts.Adapter, opts.Limits.Limiter = ginauth.MemoryAdapter(), nil
		},
		"database": func(t *testing.T, opts *ginauth.Options) { opts.Adapter, opts.Limits.Limiter = filedUsers(t), nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := newClock()
			idp := newIDP(t, ginauthtest.Config{People: crowd(), Algorithm: "ES256", Now: clock.now})
			opts := handing(ginauth.Options{Now: clock.now, BaseURL: "http://app.example"}, idp)
			count(t, &opts)
			one, two := newApp(t, opts), newApp(t, opts)
			d, elsewhere := device{t, one}, device{t, two}
			nonce := d.nonce("idp")
			first, _ := tokensFor(t, idp, "ada", nonce, nil)
			second, _ := tokensFor(t, idp, "ada", nonce, nil)
			var in atomic.Int64
			var all sync.WaitGroup
			for i := range 16 {
				all.Go(func() {
					to := d
					if i%2 == 1 {
						to = elsewhere
					}
					if res := to.hand("idp", map[string]any{"id_token": first}); to.isIn(res) {
						in.Add(1)
					} else if res.StatusCode != http.StatusUnauthorized || !strings.Contains(res.body, `"OAuthCallback"`) {
						t.Errorf("answered %d %s", res.StatusCode, res.body)
					}
				})
			}
			all.Wait()
			if got := in.Load(); got != 1 {
				t.Fatalf("the token signed in %d times\n%s", got, one.log)
			}
			for _, again := range []string{first, second} {
				for _, to := range []device{d, elsewhere} {
					if res := to.hand("idp", map[string]any{"id_token": again}); to.isIn(res) {
						t.Error("it signed in again")
					}
				}
			}
			for _, row := range []struct {
				after int64 // seconds
				ok    bool
			}{{59 * 60, true}, {60 * 60, false}} {
				nonce := d.nonce("idp")
				clock.seconds.Add(row.after)
				token, _ := tokensFor(t, idp, "ada", nonce, nil)
				if res := d.hand("idp", map[string]any{"id_token": token}); d.isIn(res) != row.ok {
					t.Errorf("after %d s: answered %d %s\n%s", row.after, res.StatusCode, res.body, one.log)
				}
			}
		})
	}
}

// While nobody can tell whether a nonce was used, nobody is signed in by one.
func TestAttack06_NoncesUncounted(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{People: crowd(), Algorithm: "ES256"})
	down := errors.New("the counter is down")
	opts := handing(ginauth.Options{}, idp)
	limiter := &failingLimiter{Limiter: opts.Limits.Limiter}
	opts.Limits.Limiter = limiter
	app := newApp(t, opts)
	d := device{t, app}
	token, _ := tokensFor(t, idp, "ada", d.nonce("idp"), nil)
	limiter.err.Store(&down)
	if res := d.hand("idp", map[string]any{"id_token": token}); res.StatusCode != http.StatusServiceUnavailable || d.isIn(res) {
		t.Errorf("answered %d %s\n%s", res.StatusCode, res.body, app.log)
	}
}

type failingLimiter struct {
	ginauth.Limiter
	err atomic.Pointer[error]
}

func (l *failingLimiter) Allow(ctx context.Context, key string, rate ginauth.Rate) (time.Duration, error) {
	if err := l.err.Load(); err != nil {
		return 0, *err
	}
	return l.Limiter.Allow(ctx, key, rate)
}

// Login CSRF: another site's page posts a token of its own person. What proves a page of
// ours is its csrfToken and its Origin, both; and a browser is never taken for a native
// application, whatever it leaves out.
func TestAttack13_HandedOverElsewhere(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{People: crowd(), Algorithm: "ES256"})
	app := newApp(t, handing(ginauth.Options{}, idp))
	google := func(value string) func(b *browser) { return func(b *browser) { b.plant("g_csrf_token", value) } }
	for _, row := range []struct {
		name   string
		fields map[string]any
		header []string
		before func(b *browser)
		ok     bool
	}{
		{name: "our page", ok: true},
		{name: "our page, in a browser without Sec-Fetch", header: []string{"Sec-Fetch-Site", ""}, ok: true},
		{name: "our page with One Tap's own token", fields: map[string]any{"g_csrf_token": "abc"}, before: google("abc"), ok: true},
		{name: "another of One Tap's tokens", fields: map[string]any{"g_csrf_token": "abd"}, before: google("abc")},
		{name: "One Tap's token without its cookie", fields: map[string]any{"g_csrf_token": "abc"}},
		{name: "One Tap's token, empty", fields: map[string]any{"g_csrf_token": ""}, before: google("")},
		{name: "One Tap's token in place of ours", fields: map[string]any{"csrfToken": "", "g_csrf_token": "abc"}, before: google("abc")},
		{name: "no csrfToken", fields: map[string]any{"csrfToken": ""}},
		{name: "another csrfToken", fields: map[string]any{"csrfToken": strings.Repeat("a", 64)}},
		{name: "another origin", header: []string{"Origin", "https://evil.example"}},
		{name: "a sandboxed frame", header: []string{"Origin", "null"}},
		{name: "no origin", header: []string{"Origin", ""}},
		{name: "neither Origin nor Sec-Fetch", header: []string{"Origin", "", "Sec-Fetch-Site", ""}},
	} {
		t.Run(row.name, func(t *testing.T) { // one after another: they share the provider
			b := page{app.browser(t)}
			token, _ := tokensFor(t, idp, "grace", b.nonce("idp"), nil)
			if row.before != nil {
				row.before(b.browser)
			}
			fields := map[string]any{"credential": token}
			for name, value := range row.fields {
				fields[name] = value
			}
			res := b.sent("/api/auth/callback/idp", fields, row.header...)
			if res.signedIn() != row.ok || strings.Contains(res.body, "sessionToken") {
				t.Fatalf("answered %d %s, leads to %q\n%s", res.StatusCode, res.body, res.Header.Get("Location"), app.log)
			}
			if !row.ok && b.user() != "" {
				t.Errorf("signed in is %q", b.user())
			}
			// And nobody gets a nonce in this way.
			res = b.sent("/api/auth/nonce/idp", row.fields, row.header...)
			if (res.StatusCode == http.StatusOK) != row.ok || strings.Contains(res.body, `"nonce"`) != row.ok {
				t.Errorf("nonce answered %d %s", res.StatusCode, res.body)
			}
		})
	}
	// The attacker's own token with a native application's nonce, from a page of another
	// site: no cookie of ours comes along, and the answer sets none.
	for _, header := range [][]string{
		{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Mode", "navigate"}, {"Sec-Fetch-Dest", "document"}, {"Cookie", "a=b"},
	} {
		d := device{t, app}
		token, _ := tokensFor(t, idp, "grace", d.nonce("idp"), nil)
		res := d.post("/api/auth/callback/idp", map[string]any{"id_token": token}, header...)
		if res.signedIn() || strings.Contains(res.body, "sessionToken") {
			t.Errorf("%v: answered %d %s", header, res.StatusCode, res.body)
		}
		if res := d.post("/api/auth/nonce/idp", struct{}{}, header...); res.StatusCode != http.StatusForbidden {
			t.Errorf("%v: nonce answered %d %s", header, res.StatusCode, res.body)
		}
	}
}

// At a provider that answers by POST, a token with a state is its answer, and one without
// needs the proof of a page of ours.
func TestAttack13_HandedOverByPost(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{People: crowd(), Algorithm: "ES256"})
	opts := handing(ginauth.Options{}, idp)
	opts.Providers[0] = ginauth.OAuth{Provider: local(idp, "idp").With(func(c *oidc.Config) { c.ResponseMode = "form_post" }), IDTokens: &ginauth.IDTokens{}}
	app := newApp(t, opts)
	b := page{app.browser(t)}
	for _, row := range []struct {
		name   string
		fields map[string]any
		header []string
		ok     bool
	}{
		{name: "our page", ok: true},
		{name: "the provider's page", header: []string{"Origin", idp.Issuer()}},
		{name: "the provider's page, with a state", fields: map[string]any{"state": "x"}, header: []string{"Origin", idp.Issuer()}},
		{name: "our page, with a state", fields: map[string]any{"state": "x", "code": "y"}},
		{name: "without our token", fields: map[string]any{"csrfToken": ""}},
	} {
		token, _ := tokensFor(t, idp, "grace", b.nonce("idp"), nil)
		fields := map[string]any{"id_token": token}
		for name, value := range row.fields {
			fields[name] = value
		}
		if res := b.sent("/api/auth/callback/idp", fields, row.header...); res.signedIn() != row.ok {
			t.Errorf("%s: answered %d, leads to %q\n%s", row.name, res.StatusCode, res.Header.Get("Location"), app.log)
		}
	}
	d := device{t, app}
	token, _ := tokensFor(t, idp, "grace", d.nonce("idp"), nil)
	if res := d.hand("idp", map[string]any{"id_token": token}); !d.isIn(res) {
		t.Errorf("a native application: %d %s\n%s", res.StatusCode, res.body, app.log)
	}
	// The provider's own answers go on as ever.
	req, err := idp.ApprovePost(t.Context(), b.begin("idp", "/"), "ada")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range b.transactions() {
		req.AddCookie(c)
	}
	if res := b.do(req); !res.signedIn() {
		t.Errorf("answered %d, leads to %q\n%s", res.StatusCode, res.Header.Get("Location"), app.log)
	}
}

// A token that is handed over adds no account to anybody: not to who is signed in, and
// not by an address, where the provider is trusted with addresses.
func TestAttack21_HandedOverNeverLinks(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{People: crowd(), Algorithm: "ES256"})
	adapter := ginauth.MemoryAdapter()
	app := newApp(t, handing(ginauth.Options{Adapter: adapter}, idp))
	app.engine.GET("/id", app.auth.RequireSession(), func(c *gin.Context) { c.String(http.StatusOK, ginauth.GetSession(c).User.ID) })
	ada := page{app.browser(t)}
	ada.signInAt(idp, "closed", "ada")
	id := ada.id()
	hand := func(s sender, subject string) answer {
		t.Helper()
		token, _ := tokensFor(t, idp, subject, s.nonce("idp"), nil)
		return s.hand("idp", map[string]any{"id_token": token})
	}
	d := device{t, app}
	hand(ada, "nemo").refused(t, "OAuthAccountNotLinked")       // in her session
	hand(ada, "adas-other").refused(t, "OAuthAccountNotLinked") // nor with her address
	if res := hand(d, "adas-other"); d.isIn(res) {              // which nobody signed in may have
		t.Errorf("answered %d %s", res.StatusCode, res.body)
	}
	if res := hand(d, "grace"); !d.isIn(res) { // who is new
		t.Fatalf("answered %d %s\n%s", res.StatusCode, res.body, app.log)
	}
	hand(ada, "grace").refused(t, "OAuthAccountNotLinked") // and now somebody else
	accounts, err := adapter.ListAccounts(t.Context(), id)
	if err != nil || len(accounts) != 1 || ada.id() != id {
		t.Errorf("Ada has %v, %v, and is %q", accounts, err, ada.id())
	}
	// By a sign-in of our own she adds the account, and may hand tokens over from then on.
	if res := ada.signInAt(idp, "idp", "ada"); !res.signedIn() {
		t.Fatalf("leads to %q", res.Header.Get("Location"))
	}
	if res := hand(ada, "ada"); !res.signedIn() || ada.id() != id {
		t.Errorf("answered %d, leads to %q\n%s", res.StatusCode, res.Header.Get("Location"), app.log)
	}
}
