package tests

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/internal/servertest"
	"github.com/ginauth/ginauth/oidc"
	"github.com/ginauth/ginauth/redisstore"
)

const logoutPath = "/api/auth/backchannel-logout/local"

// logoutToken makes a logout token.
func logoutToken(t testing.TB, idp *ginauthtest.Provider, subject, sid string) string {
	t.Helper()
	raw, err := idp.LogoutToken(subject, sid)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// sendLogout has the provider send a logout token, and returns the status.
func (a *app) sendLogout(t testing.TB, idp *ginauthtest.Provider, subject, sid string) int {
	t.Helper()
	status, err := idp.SendLogout(t.Context(), a.URL+logoutPath, logoutToken(t, idp, subject, sid))
	if err != nil {
		t.Fatal(err)
	}
	return status
}

// signInWith signs a person in with a session of that name at the provider.
func (b *browser) signInWith(idp *ginauthtest.Provider, subject, sid string) {
	b.t.Helper()
	idp.TamperClaims(func(claims map[string]any) {
		if claims["sid"] = sid; sid == "" {
			delete(claims, "sid")
		}
	})
	callback, err := idp.Approve(b.t.Context(), b.begin("local", "/"), subject)
	if err != nil {
		b.t.Fatal(err)
	}
	if !b.get(callback.String()).signedIn() {
		b.t.Fatalf("%s was not signed in", subject)
	}
}

// signedInAt names the browsers that still have a session.
func signedInAt(browsers map[string]*browser) (names string) {
	for _, name := range []string{"ada 1", "ada 2", "ada unnamed", "grace"} {
		if browsers[name].get("/me").StatusCode == http.StatusOK {
			names += name + ","
		}
	}
	return names
}

// A logout token ends the sessions it names, sealed or stored, and no other.
func TestBackchannel(t *testing.T) {
	t.Parallel()
	for _, kind := range []struct {
		name string
		open func(t *testing.T) ginauth.SessionOptions
	}{
		{"sealed", func(*testing.T) ginauth.SessionOptions {
			return ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()}
		}},
		{"stored, with tokens", func(*testing.T) ginauth.SessionOptions {
			return ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations(), Store: memoryStore(), KeepTokens: true}
		}},
		{"redis", func(t *testing.T) ginauth.SessionOptions {
			return ginauth.SessionOptions{Revocations: redisstore.NewRevocations(redisClient(t, servertest.Redis(t)), redisstore.Options{})}
		}},
	} {
		for _, row := range []struct {
			name, subject, sid string
			left               string
		}{
			{"one session", "", "s1", "ada 2,ada unnamed,grace,"},
			{"one session of a person", "ada", "s1", "ada 2,grace,"}, // what has no name may be it
			{"a person", "ada", "", "grace,"},
			{"a session of nobody here", "", "s9", "ada 1,ada 2,ada unnamed,grace,"},
			{"a person not here", "s1", "", "ada 1,ada 2,ada unnamed,grace,"},
		} {
			t.Run(kind.name+"/"+row.name, func(t *testing.T) {
				t.Parallel()
				idp := newIDP(t, ginauthtest.Config{})
				a := newApp(t, ginauth.Options{Providers: ginauth.Goth(local(idp, "local")), Session: kind.open(t)})
				browsers := map[string]*browser{"ada 1": a.browser(t), "ada 2": a.browser(t), "ada unnamed": a.browser(t), "grace": a.browser(t)}
				browsers["ada 1"].signInWith(idp, "ada", "s1")
				browsers["ada 2"].signInWith(idp, "ada", "s2")
				browsers["ada unnamed"].signInWith(idp, "ada", "")
				browsers["grace"].signInWith(idp, "grace", "s3")
				if left := signedInAt(browsers); left != "ada 1,ada 2,ada unnamed,grace," {
					t.Fatal(left)
				}
				if status := a.sendLogout(t, idp, row.subject, row.sid); status != http.StatusOK {
					t.Fatalf("answered %d\n%s", status, a.log)
				}
				if left := signedInAt(browsers); left != row.left {
					t.Errorf("left are %s, not %s", left, row.left)
				}
				// Who was signed out may sign in again at once, even under the same sid.
				browsers["ada 1"].signInWith(idp, "ada", "s1")
				if browsers["ada 1"].get("/me").StatusCode != http.StatusOK {
					t.Error("a new sign-in is refused")
				}
			})
		}
	}
}

// Of a forged, borrowed or repeated token nothing comes but 400.
func TestBackchannel_Lies(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	a := newApp(t, ginauth.Options{
		Providers: ginauth.Goth(local(idp, "local")),
		Session:   ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()},
	})
	b := a.browser(t)
	var idToken string
	idp.TamperToken(func(answer map[string]any) { idToken, _ = answer["id_token"].(string) })
	b.signInWith(idp, "ada", "s1")
	now := time.Now().Unix()
	const event = "http://schemas.openid.net/event/backchannel-logout"
	set := func(name string, value any) func(map[string]any) {
		return func(claims map[string]any) {
			if claims[name] = value; value == nil {
				delete(claims, name)
			}
		}
	}
	for _, row := range []struct {
		name      string
		lie       func(claims map[string]any)
		signature ginauthtest.Signature
	}{
		{"alg none", nil, ginauthtest.None},
		{"another key", nil, ginauthtest.WrongKey},
		{"HMAC with the public key", nil, ginauthtest.HMACPublicKey},
		{"another audience", set("aud", "other"), 0},
		{"no audience", set("aud", nil), 0},
		{"another issuer", set("iss", "https://id.example.net"), 0},
		{"no issuer", set("iss", nil), 0},
		{"expired", set("exp", now-60), 0},
		{"never expires", set("exp", nil), 0},
		{"no iat", set("iat", nil), 0},
		{"issued tomorrow", set("iat", now+86400), 0},
		{"issued yesterday, good for years", func(claims map[string]any) { claims["iat"], claims["exp"] = now-86400, now+1e8 }, 0},
		{"a nonce", set("nonce", "n"), 0},
		{"a nonce that is null", func(claims map[string]any) { claims["nonce"] = nil }, 0},
		{"no events", set("events", nil), 0},
		{"another event", set("events", map[string]any{"http://schemas.example/other": map[string]any{}}), 0},
		{"an event that is no object", set("events", map[string]any{event: "yes"}), 0},
		{"an event that is null", set("events", map[string]any{event: nil}), 0},
		{"events that are a list", set("events", []string{event}), 0},
		{"no jti", set("jti", nil), 0},
		{"nobody", func(claims map[string]any) { delete(claims, "sub"); delete(claims, "sid") }, 0},
		{"Sub beside sub", set("Sub", "grace"), 0},
		{"SID beside sid", set("SID", "s2"), 0},
	} {
		idp.TamperLogout(row.lie)
		idp.Sign(row.signature)
		raw := logoutToken(t, idp, "ada", "s1")
		res := a.form(t, logoutPath, url.Values{"logout_token": {raw}})
		if res.StatusCode != http.StatusBadRequest || res.body != `{"error":"invalid_request"}` || res.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %s %v", row.name, res.StatusCode, res.body, res.Header)
		}
	}
	idp.TamperLogout(nil)
	idp.Sign(ginauthtest.Good)
	good := logoutToken(t, idp, "", "s9") // ends no session of this test
	for _, row := range []struct {
		name, contentType, body string
		status                  int
	}{
		{"an id_token", "", "logout_token=" + idToken, 400},
		{"nothing", "", "", 400},
		{"another field", "", "token=" + good, 400},
		{"twice", "", "logout_token=" + good + "&logout_token=" + good, 400},
		{"JSON", "application/json", `{"logout_token":"` + good + `"}`, 400},
		{"no token", "", "logout_token=x", 400},
		{"a huge body", "", "logout_token=" + strings.Repeat("x", 70_000), 413},
		{"the token as it is", "", "logout_token=" + good, 200},
		{"the token once more", "", "logout_token=" + good, 400},
	} {
		if row.contentType == "" {
			row.contentType = "application/x-www-form-urlencoded"
		}
		res := a.send(t, http.MethodPost, logoutPath, row.body, "Content-Type", row.contentType)
		if res.StatusCode != row.status {
			t.Errorf("%s: %d %s", row.name, res.StatusCode, res.body)
		}
		if len(res.Header["Set-Cookie"]) != 0 {
			t.Errorf("%s: sets %v", row.name, res.Header["Set-Cookie"])
		}
	}
	if res := b.get("/me"); res.StatusCode != http.StatusOK {
		t.Errorf("one of them ended the session: %d", res.StatusCode)
	}
	if strings.Contains(a.log.String(), good[:40]) {
		t.Error("a logout token is in the log")
	}
}

// Who looks where they are signed in does not see what their provider has ended.
func TestBackchannel_NotListed(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	a := newApp(t, ginauth.Options{
		Providers: ginauth.Goth(local(idp, "local")),
		Session: ginauth.SessionOptions{
			Store:       redisstore.New(redisClient(t, servertest.Redis(t)), redisstore.Options{}),
			Revocations: ginauth.MemoryRevocations(),
		},
	})
	a.browser(t).signInWith(idp, "ada", "s1")
	a.browser(t).signInWith(idp, "ada", "s2")
	for _, want := range []int{2, 1} {
		list, err := a.auth.Sessions(t.Context(), "ada")
		if err != nil || len(list) != want {
			t.Errorf("%d sessions, want %d: %v", len(list), want, err)
		}
		if want == 2 {
			a.sendLogout(t, idp, "", "s1")
		}
	}
}

// A replayed token is refused by every process, and for as long as it is good.
func TestBackchannel_Replay(t *testing.T) {
	t.Parallel()
	for _, row := range revocationsIn {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			idp := newIDP(t, ginauthtest.Config{})
			shared := row.open(t, time.Now)
			var apps []*app
			for range 2 {
				apps = append(apps, newApp(t, ginauth.Options{
					Providers: ginauth.Goth(local(idp, "local")), Session: ginauth.SessionOptions{Revocations: shared},
				}))
			}
			b := apps[0].browser(t)
			b.signInWith(idp, "ada", "s1")
			raw := logoutToken(t, idp, "ada", "")
			for i, want := range []int{200, 400, 400} {
				status, err := idp.SendLogout(t.Context(), apps[i%2].URL+logoutPath, raw)
				if err != nil || status != want {
					t.Errorf("the token answered %d %v, want %d", status, err, want)
				}
				if i == 0 {
					b.signInWith(idp, "ada", "s1")
				}
			}
			if b.get("/me").StatusCode != http.StatusOK {
				t.Error("the replay ended a new session")
			}
		})
	}
}

// Without Revocations, and for providers that send no logout tokens, there is no
// such action; a GET is none either.
func TestBackchannel_Absent(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	with := ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()}
	for _, row := range []struct {
		name, method, path string
		session            ginauth.SessionOptions
	}{
		{"no revocations", http.MethodPost, logoutPath, ginauth.SessionOptions{Store: memoryStore()}},
		{"an unknown provider", http.MethodPost, "/api/auth/backchannel-logout/other", with},
		{"no provider", http.MethodPost, "/api/auth/backchannel-logout", with},
		{"credentials", http.MethodPost, "/api/auth/backchannel-logout/credentials", with},
		{"GET", http.MethodGet, logoutPath, with},
	} {
		a := newApp(t, ginauth.Options{Providers: append(ginauth.Goth(local(idp, "local")), members()), Session: row.session})
		form := url.Values{"logout_token": {logoutToken(t, idp, "ada", "")}}
		res := a.send(t, row.method, row.path, form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
		want := "Error: This action with HTTP " + row.method + " is not supported by NextAuth.js"
		if res.StatusCode != http.StatusBadRequest || res.body != want {
			t.Errorf("%s: %d %s", row.name, res.StatusCode, res.body)
		}
	}
	// And sessions do not carry what only logout tokens need.
	a := newApp(t, ginauth.Options{Providers: ginauth.Goth(local(idp, "local"))})
	b := a.browser(t)
	b.signInWith(idp, "ada", "s1")
	if claims := opened(t, forSession, b.cookie(sessionCookie)); claims["ginauth"] != nil {
		t.Errorf("the session holds %v", claims["ginauth"])
	}
}

// Two providers may know people by the same subject: a logout at one ends nothing
// of the other's.
func TestBackchannel_OtherProvider(t *testing.T) {
	t.Parallel()
	idp, other := newIDP(t, ginauthtest.Config{}), newIDP(t, ginauthtest.Config{})
	second := oidc.New(oidc.Config{Name: "second", Issuer: other.Issuer(), ClientID: other.ClientID(), ClientSecret: other.ClientSecret()})
	a := newApp(t, ginauth.Options{
		Providers: ginauth.Goth(local(idp, "local"), second),
		Session:   ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()},
	})
	b := a.browser(t)
	b.signInWith(idp, "ada", "s1")
	for _, raw := range []string{logoutToken(t, other, "ada", ""), logoutToken(t, other, "", "s1")} {
		if status, err := other.SendLogout(t.Context(), a.URL+logoutPath, raw); err != nil || status != http.StatusBadRequest {
			t.Errorf("at the wrong address: %d %v", status, err)
		}
		if status, err := other.SendLogout(t.Context(), a.URL+"/api/auth/backchannel-logout/second", raw); err != nil || status != http.StatusOK {
			t.Errorf("at its own: %d %v", status, err)
		}
	}
	if b.get("/me").StatusCode != http.StatusOK {
		t.Error("another provider ended the session")
	}
}

// While the revocations or the provider cannot be reached, nobody is told that it
// was done, and the token may come again.
func TestBackchannel_Outage(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	server := servertest.Redis(t)
	a := newApp(t, ginauth.Options{
		Providers: ginauth.Goth(local(idp, "local")),
		Session:   ginauth.SessionOptions{Revocations: redisstore.NewRevocations(redisClient(t, server), redisstore.Options{})},
	})
	b := a.browser(t)
	b.signInWith(idp, "ada", "s1")
	raw := logoutToken(t, idp, "ada", "")
	server.Stop()
	if res := a.form(t, logoutPath, url.Values{"logout_token": {raw}}); res.StatusCode != http.StatusBadRequest || res.body != `{"error":"temporarily_unavailable"}` {
		t.Errorf("%d %s", res.StatusCode, res.body)
	}
	if log := a.log.String(); !strings.Contains(log, "a logout token was refused") {
		t.Errorf("the log: %s", log)
	}
	server.Start()
	var last answer
	for range 50 { // until the pool has dropped its old connections
		if last = a.form(t, logoutPath, url.Values{"logout_token": {raw}}); last.StatusCode == http.StatusOK {
			break
		}
	}
	if last.StatusCode != http.StatusOK {
		t.Errorf("%d %s", last.StatusCode, last.body)
	}
	if b.get("/me").StatusCode == http.StatusOK {
		t.Error("still signed in")
	}
}

// Streams of the sessions end with them, and only theirs.
func TestBackchannel_Streams(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	a := newApp(t, ginauth.Options{
		Providers: ginauth.Goth(local(idp, "local")),
		Session:   ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()},
	})
	ended := map[string]chan error{"ada": make(chan error, 1), "grace": make(chan error, 1)}
	open := make(chan struct{}, 2)
	a.engine.GET("/stream", a.auth.RequireSession(), func(c *gin.Context) {
		ctx, stop := a.auth.SessionContext(c)
		defer stop()
		open <- struct{}{}
		<-ctx.Done()
		ended[ginauth.GetSession(c).User.ID] <- fmt.Errorf("%w", ctx.Err())
	})
	for _, who := range []string{"ada", "grace"} {
		b := a.browser(t)
		b.signInWith(idp, who, "s-"+who)
		go func() {
			if res, err := b.Do(b.request(http.MethodGet, "/stream", nil)); err == nil {
				_ = res.Body.Close()
			}
		}()
		<-open
	}
	if status := a.sendLogout(t, idp, "", "s-ada"); status != http.StatusOK {
		t.Fatal(status)
	}
	<-ended["ada"]
	select {
	case err := <-ended["grace"]:
		t.Errorf("her stream ended too: %v", err)
	default:
	}
	if status := a.sendLogout(t, idp, "grace", ""); status != http.StatusOK {
		t.Fatal(status)
	}
	<-ended["grace"]
}

// FuzzLogoutToken signs any claims as the provider would: none of them is a
// fault, and none ends the session of somebody else.
func FuzzLogoutToken(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"sub":"grace"}`, `{"sub":null,"sid":"s2"}`, `{"sub":1}`, `{"events":[]}`, `{"iat":1e300}`, `{"iat":"x"}`, `{"aud":["ginauth","x"]}`, `{"jti":""}`, `{"exp":-1}`,
	} {
		f.Add(seed)
	}
	idp := newIDP(f, ginauthtest.Config{})
	a := newApp(f, ginauth.Options{
		Providers: ginauth.Goth(local(idp, "local")),
		Session:   ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()},
	})
	b := a.browser(f)
	b.signInWith(idp, "ada", "s1")
	bystander := sessionCookie + "=" + url.PathEscape(handleOf(b))
	var mu sync.Mutex
	f.Fuzz(func(t *testing.T, claims string) {
		var lie map[string]any
		if json.Unmarshal([]byte(claims), &lie) != nil {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		var sub, sid any
		idp.TamperLogout(func(claims map[string]any) {
			maps.Copy(claims, lie)
			sub, sid = claims["sub"], claims["sid"]
		})
		raw, err := idp.LogoutToken("grace", "s2")
		if err != nil || len(raw) > 60_000 {
			return
		}
		if sub == "ada" || sid == "s1" {
			return
		}
		res := a.form(t, logoutPath, url.Values{"logout_token": {raw}})
		if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d %s", claims, res.StatusCode, res.body)
		}
		if a.send(t, http.MethodGet, "/me", "", "Cookie", bystander).StatusCode != http.StatusOK {
			t.Errorf("%s ended another session", claims)
		}
	})
}
