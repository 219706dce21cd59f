package tests

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/markbates/goth"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
)

// leadsByJSON fails the test unless an answer tells a script with this status where a
// refusal leads, and the log at which step it happened and why.
func (a *app) leadsByJSON(t testing.TB, name string, res answer, status int, where, step, says string) {
	t.Helper()
	if want := `{"url":"` + a.URL + where + `"}`; res.StatusCode != status || res.body != want || res.signedIn() {
		t.Errorf("%s: answered %d %s, want %d %s", name, res.StatusCode, res.body, status, want)
	}
	if log := a.log.String(); !strings.Contains(log, " step="+step+" error=") || !strings.Contains(log, says) {
		t.Errorf("%s: the log says %s", name, log)
	}
	a.log.forget()
}

func errorPage(code string) string { return "/api/auth/error?error=" + code }

// next-auth's client takes the status of what the callbacks and the store made of a sign-in
// from the answer in JSON, and the page from its URL.
func TestRefusals_OfAPasswordInJSON(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		signIn func(p ginauth.SignInParams) error
		jwt    error
		down   string // of the store
		status int
		where  string
		step   string
		says   string
	}{
		"the JWT callback ends the session": {jwt: ginauth.ErrSignedOut, status: 403, where: errorPage("AccessDenied"), step: "Callbacks.JWT", says: "level=INFO"},
		"the JWT callback fails":            {jwt: errors.New("no roles today"), status: 500, where: errorPage("Callback"), step: "Callbacks.JWT", says: "no roles today"},
		"the SignIn callback refuses":       {signIn: func(ginauth.SignInParams) error { return ginauth.ErrAccessDenied }, status: 403, where: errorPage("AccessDenied"), step: "Callbacks.SignIn", says: "level=INFO"},
		"the SignIn callback fails":         {signIn: func(ginauth.SignInParams) error { return errors.New("no rules today") }, status: 403, where: errorPage("AccessDenied"), step: "Callbacks.SignIn", says: "no rules today"},
		"the SignIn callback says why":      {signIn: func(ginauth.SignInParams) error { return ginauth.PublicError("Ask Ada") }, status: 200, where: errorPage("Ask%20Ada"), step: "Callbacks.SignIn", says: "level=INFO"},
		"the SignIn callback leads away":    {signIn: func(ginauth.SignInParams) error { return ginauth.RedirectTo("/terms") }, status: 200, where: "/terms", step: "Callbacks.SignIn", says: "sends the person elsewhere"},
		"the SignIn callback makes nobody": {signIn: func(p ginauth.SignInParams) error { p.User.ID = ""; return nil }, status: 500, where: errorPage("Callback"), step: "Callbacks.SignIn",
			says: "the user has no ID"},
		"the SignIn callback wants no time": {signIn: func(p ginauth.SignInParams) error { p.Lifetime.MaxAge = -time.Hour; return nil }, status: 500, where: errorPage("Callback"), step: "Callbacks.SignIn",
			says: "ginauth: Callbacks.SignIn: "},
		"the revocations tell nothing": {down: "RevokedAt", status: 503, where: errorPage("SessionUnavailable"), step: `"keeping the session"`, says: "connection refused"},
		"the store keeps nothing":      {down: "Create", status: 503, where: errorPage("SessionUnavailable"), step: `"keeping the session"`, says: "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, revocations := newSeamStore(), newSeamRevocations()
			opts := ginauth.Options{Session: ginauth.SessionOptions{Store: store, Revocations: revocations}}
			opts.Callbacks.SignIn = func(_ *gin.Context, p ginauth.SignInParams) error {
				if row.signIn != nil {
					return row.signIn(p)
				}
				return nil
			}
			opts.Callbacks.JWT = func(*gin.Context, ginauth.JWTParams) error { return row.jwt }
			a := membersApp(t, opts)
			store.down(row.down)
			revocations.down(row.down)
			form := adasForm()
			form.Set("json", "true")
			b := a.browser(t)
			form.Set("csrfToken", b.csrf())
			res := b.post("/api/auth/callback/credentials", form)
			where := row.where
			if where == "/terms" {
				if res.StatusCode != 200 || !strings.HasSuffix(res.body, `/terms"}`) {
					t.Errorf("answered %d %s", res.StatusCode, res.body)
				}
				if log := a.log.String(); !strings.Contains(log, " step="+row.step+" error=") || !strings.Contains(log, row.says) || strings.Contains(log, "/terms") {
					t.Errorf("the log says %s", log)
				}
				return
			}
			a.leadsByJSON(t, name, res, row.status, where, row.step, row.says)
		})
	}
}

// lengthySession is a session of goth's that no cookie takes.
type lengthySession struct{ oddSession }

func (lengthySession) Marshal() string { return `{"State":"` + strings.Repeat("long", 2000) + `"}` }

// What keeps a sign-in at a provider from beginning, and what its profile lacks, is told to
// scripts by 200 as well.
func TestRefusals_AtAProviderInJSON(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	broken, lengthy := newOdd(idp), newOdd(idp)
	broken.begin = func(string) (goth.Session, error) { return nil, errors.New("no sign-ins today") }
	lengthy.begin = func(string) (goth.Session, error) {
		return &lengthySession{oddSession{idp.Issuer() + "/authorize"}}, nil
	}
	opts := ginauth.Options{Providers: []ginauth.Provider{
		ginauth.OAuth{ID: "broken", Provider: broken}, ginauth.OAuth{ID: "lengthy", Provider: lengthy},
		ginauth.OAuth{Provider: local(idp, "open"), ThirdPartyLogin: true},
		ginauth.OAuth{Provider: local(idp, "nobody"), Profile: func(goth.User) (ginauth.User, error) { return ginauth.User{}, nil }},
		ginauth.OAuth{Provider: local(idp, "panics"), Profile: func(goth.User) (ginauth.User, error) { panic("the application's") }},
	}}
	opts.Session.Format = ginauth.AuthJSV5
	a := newApp(t, opts)
	b := page{a.browser(t)}
	for provider, says := range map[string]string{"broken": "no sign-ins today", "lengthy": "the provider's session is too long for a transaction cookie"} {
		res := b.sent("/api/auth/signin/"+provider, map[string]any{}, "X-Auth-Return-Redirect", "1")
		a.leadsByJSON(t, provider, res, 200, errorPage("OAuthSignin"), `"starting the sign-in"`, says)
	}
	read := func(path string) answer {
		req := b.request(http.MethodGet, path, nil)
		req.Header.Set("X-Auth-Return-Redirect", "1")
		for name, values := range navigation {
			req.Header[name] = values
		}
		return b.do(req)
	}
	a.leadsByJSON(t, "another issuer", read(elsewhereURL("open", "https://evil.example")), 200, errorPage("OAuthSignin"), `"starting the sign-in"`,
		`another site asks for a sign-in at the issuer \"https://evil.example\"`)
	a.leadsByJSON(t, "two hints", read(elsewhereURL("open", idp.Issuer(), "login_hint", "a", "login_hint", "b")), 200, errorPage("OAuthSignin"), `"starting the sign-in"`, "stands twice")
	for provider, says := range map[string]string{"nobody": "ginauth: provider nobody: Profile gave a User without ID", "panics": "ginauth: provider panics: Profile panicked"} {
		callback := approve(t, idp, b.begin(provider, "/"))
		a.leadsByJSON(t, provider, read(callback.String()), 200, errorPage("OAuthCallback"), `"the profile"`, says)
	}
}

// anothersSignature is a token whose signature is another's, of the same length.
func anothersSignature(token string) string {
	at := strings.LastIndex(token, ".") + 1
	return token[:at] + strings.Repeat("A", len(token)-at)
}

// A page that hands an id_token over learns in JSON where its refusal leads, and a native
// application the code.
func TestRefusals_OfAnIDTokenInJSON(t *testing.T) {
	t.Parallel()
	s := newNativeSite(t, ginauth.Options{})
	b, d := page{s.browser(t)}, device{t, s.app}
	for name, row := range map[string]struct {
		change func(fields map[string]any, nonce func() string)
		twice  bool
		status int // of a native application; of a page it is 200
		step   string
		says   string
	}{
		"no nonce": {change: func(fields map[string]any, _ func() string) {
			fields["id_token"], _ = tokensFor(t, s.idp, "ada", "made up", nil)
		}, status: 401, step: `"the nonce"`, says: "has no nonce that this site gave out"},
		"another's key": {change: func(fields map[string]any, _ func() string) {
			fields["id_token"] = anothersSignature(fields["id_token"].(string))
		}, status: 401, step: `"the id_token"`, says: "level=WARN"},
		"again": {twice: true, status: 401, step: `"the nonce"`, says: "was handed over before"},
	} {
		for _, sends := range []struct {
			sender
			native bool
		}{{b, false}, {d, true}} {
			token, _ := tokensFor(t, s.idp, "ada", sends.nonce("idp"), nil)
			fields := map[string]any{"id_token": token, "json": "true"}
			if row.change != nil {
				row.change(fields, func() string { return sends.nonce("idp") })
			}
			if row.twice {
				sends.hand("idp", fields)
			}
			s.log.forget()
			res := sends.hand("idp", fields)
			if !sends.native {
				s.leadsByJSON(t, name, res, 200, errorPage("OAuthCallback"), row.step, row.says)
				continue
			}
			if res.StatusCode != row.status || res.body != `{"error":"OAuthCallback"}` || !strings.Contains(s.log.String(), " step="+row.step+" error=") {
				t.Errorf("%s: a native application is answered %d %s\n%s", name, res.StatusCode, res.body, s.log)
			}
		}
	}
	token, _ := tokensFor(t, s.idp, "ada", d.nonce("idp"), nil)
	s.log.forget()
	res := d.hand("idp", map[string]any{"id_token": token, "credential": token})
	if log := s.log.String(); res.StatusCode != http.StatusBadRequest || res.body != `{"error":"OAuthCallback"}` || !strings.Contains(log, `step="the id_token"`) || !strings.Contains(log, "or several") {
		t.Errorf("two tokens: answered %d %s\n%s", res.StatusCode, res.body, log)
	}
	// A provider that takes no id_tokens: its answer without a state, and no more.
	for name, res := range map[string]answer{"a page": b.hand("closed", map[string]any{"id_token": token}), "an application": d.post("/api/auth/callback/closed", map[string]any{"id_token": token})} {
		if got := res.Header.Get("Location"); res.StatusCode != http.StatusFound || got != s.URL+errorPage("OAuthCallback") {
			t.Errorf("%s at another provider: answered %d to %q %s", name, res.StatusCode, got, res.body)
		}
	}
	if log := s.log.String(); strings.Count(log, "belongs to no sign-in of this browser") != 2 {
		t.Errorf("at another provider: the log says %s", log)
	}
	// Without the proof of a page of ours: the page again, and no nonce.
	s.log.forget()
	res = b.sent("/api/auth/callback/idp", map[string]any{"id_token": token}, "Origin", "")
	if res.StatusCode != http.StatusFound || res.Header.Get("Location") != s.URL+"/api/auth/signin?csrf=true" || !strings.Contains(s.log.String(), "without an Origin or with another g_csrf_token") {
		t.Errorf("without an Origin: answered %d to %q\n%s", res.StatusCode, res.Header.Get("Location"), s.log)
	}
	res = b.sent("/api/auth/nonce/idp", nil, "Origin", "")
	if res.StatusCode != http.StatusForbidden || res.body != `{"error":"MissingCSRF"}` {
		t.Errorf("without an Origin a nonce answers %d %s", res.StatusCode, res.body)
	}
	res = b.sent("/api/auth/nonce/idp", nil)
	var out struct{ Expires time.Time }
	decode(t, res.body, &out)
	if left := out.Expires.Sub(s.clock.now()); left > time.Hour || left < 59*time.Minute || !strings.Contains(res.Header.Get("Cache-Control"), "no-store") {
		t.Errorf("a nonce works for %v, Cache-Control %s", left, res.Header.Get("Cache-Control"))
	}
}

// Of a proof a script learns in JSON whose it must be, and that nobody is signed in.
func TestRefusals_OfAProofInJSON(t *testing.T) {
	t.Parallel()
	s := newSealedSite(t, ginauth.Options{Session: ginauth.SessionOptions{Format: ginauth.AuthJSV5}})
	b := s.browser(t)
	form := func() url.Values {
		fields := adasForm()
		fields.Set("csrfToken", b.csrf())
		fields.Set("callbackUrl", "/me")
		fields.Set("json", "true")
		return fields
	}
	noStore := func(name string, res answer) {
		t.Helper()
		if got := res.Header.Get("Cache-Control"); got != "private, no-cache, no-store" || res.Header.Get("Pragma") != "no-cache" {
			t.Errorf("%s: Cache-Control %s", name, got)
		}
	}
	out := b.post("/api/auth/factor/credentials", form())
	if out.StatusCode != http.StatusUnauthorized || out.body != `{"url":"`+s.URL+"/api/auth/signin?callbackUrl="+url.QueryEscape(s.URL+"/me")+`"}` {
		t.Errorf("signed out: answered %d %s", out.StatusCode, out.body)
	}
	noStore("signed out", out)
	noStore("the page, signed out", b.get(factorPage))
	if res := b.post("/api/auth/callback/credentials", form()); res.StatusCode != http.StatusOK {
		t.Fatalf("answered %d %s", res.StatusCode, res.body)
	}
	s.log.forget()
	eve := form()
	eve.Set("username", "eve")
	res := b.post("/api/auth/factor/credentials", eve)
	s.leadsByJSON(t, "another account", res, 403, "/api/auth/factor?error=OtherAccount", `"proving again"`, "the account is not the one of the session")
	noStore("another account", res)
	res = b.post("/api/auth/factor/first", form())
	s.leadsByJSON(t, "no account there", res, 403, "/api/auth/factor?error=OtherAccount", `"proving again"`, "the account is not the one of the session")
	res = b.post("/api/auth/factor/credentials", form())
	if res.StatusCode != http.StatusOK || res.body != `{"url":"`+s.URL+`/me"}` {
		t.Errorf("answered %d %s", res.StatusCode, res.body)
	}
	noStore("proved", res)
	unproven := form()
	unproven.Del("csrfToken")
	res = b.post("/api/auth/factor/credentials", unproven)
	if !strings.Contains(res.body, "/api/auth/factor?error=MissingCSRF") {
		t.Errorf("without a token: %d %s", res.StatusCode, res.body)
	}
	noStore("without a token", res)
	// A provider's answer that comes to nobody's session.
	grace := s.browser(t)
	grace.signInAt(s.idp, "first", "grace")
	callback := as(t, s.idp, s.proofOf(grace, "first"), "grace")
	grace.post("/api/auth/signout", url.Values{"csrfToken": {grace.csrf()}})
	s.log.forget()
	req := grace.request(http.MethodGet, callback.String(), nil)
	req.Header.Set("X-Auth-Return-Redirect", "1")
	s.leadsByJSON(t, "signed out meanwhile", grace.do(req), 200, "/api/auth/factor?error=Callback", `"proving again"`, "signed out")
}

// What guards answer programs is exact: clients read the members, and people the message.
func TestGuards_JSON(t *testing.T) {
	t.Parallel()
	s := newSealedSite(t, ginauth.Options{})
	verify := func(*gin.Context, string) (*ginauth.Session, error) {
		return nil, fmt.Errorf("expired: %w", ginauth.ErrInvalidToken)
	}
	s.engine.GET("/bearer", s.auth.AcceptBearer(verify), s.auth.RequireSession())
	b := s.browser(t)
	b.signInAs("ada")
	s.clock.move(freshFor + time.Minute)
	for path, want := range map[string]map[string]any{
		"/fresh/otp": {"error": "FactorRequired", "message": "Prove again who you are, and then try again.", "methods": []any{"otp"}, "url": s.URL + "/api/auth/factor?methods=otp&callbackUrl=%2F"},
		"/fresh":     {"error": "FactorRequired", "message": "Prove again who you are, and then try again.", "methods": []any{"provider", "password"}, "url": s.URL + "/api/auth/factor?callbackUrl=%2F"},
		"/bearer":    {"error": "InvalidToken", "message": "The bearer token is not valid."},
	} {
		header := []string{"Cookie", cookieHeader(b)}
		if path == "/bearer" {
			header = []string{"Authorization", "Bearer x"}
		}
		res := s.send(t, http.MethodGet, path, "", header...)
		var got map[string]any
		if err := json.Unmarshal([]byte(res.body), &got); err != nil || res.StatusCode != http.StatusUnauthorized || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: answered %d %s, want %v", path, res.StatusCode, res.body, want)
		}
		if challenge := res.Header.Get("WWW-Authenticate"); !strings.HasPrefix(challenge, "Bearer error=") {
			t.Errorf("%s: WWW-Authenticate %s", path, challenge)
		}
	}
}

// A sign-in that came to nothing is not counted as one: after any number of them the person
// may sign in as often as ever.
func TestLimits_FailedSignInsAreNotCounted(t *testing.T) {
	t.Parallel()
	store, revocations := newSeamStore(), newSeamRevocations()
	var fails func() error
	opts := ginauth.Options{
		Session: ginauth.SessionOptions{Store: store, Revocations: revocations},
		Limits:  ginauth.Limits{Successes: ginauth.Rate{Count: 2, Per: time.Hour}},
	}
	opts.Callbacks.JWT = func(*gin.Context, ginauth.JWTParams) error {
		if fails != nil {
			return fails()
		}
		return nil
	}
	a := membersApp(t, opts)
	b := a.browser(t)
	for name, trouble := range map[string]struct{ begin, end func() }{
		"the callback":    {func() { fails = func() error { return errors.New("no roles today") } }, func() { fails = nil }},
		"the store":       {func() { store.down("Create") }, func() { store.up("Create") }},
		"the revocations": {func() { revocations.down("RevokedAt") }, func() { revocations.up("RevokedAt") }},
	} {
		trouble.begin()
		for range 5 {
			if res := b.signInAs("ada"); res.signedIn() || res.StatusCode == http.StatusTooManyRequests {
				t.Errorf("%s: answered %d to %q", name, res.StatusCode, res.Header.Get("Location"))
			}
		}
		trouble.end()
	}
	for n := range 4 {
		if res := a.browser(t).signInAs("ada"); res.signedIn() != (n < 2) {
			t.Errorf("sign-in %d: answered %d to %q", n+1, res.StatusCode, res.Header.Get("Location"))
		}
	}
}

// Auth.SignIn's error names the step that failed.
func TestSignIn_ErrorNamesTheStep(t *testing.T) {
	t.Parallel()
	store := newSeamStore()
	a := membersApp(t, ginauth.Options{Session: ginauth.SessionOptions{Store: store}})
	a.engine.GET("/enter", func(c *gin.Context) {
		_, err := a.auth.SignIn(c, ginauth.User{ID: "u-ada"})
		c.String(http.StatusOK, "%v", err)
	})
	store.down("Create")
	if res := a.browser(t).get("/enter"); !strings.HasPrefix(res.body, "ginauth: signing in failed at keeping the session: ") || !strings.Contains(res.body, "connection refused") || res.signedIn() {
		t.Errorf("answered %s", res.body)
	}
}

// unlistable is a store that cannot list a user's sessions for now.
type unlistable struct {
	wholeStore
	seams
}

func (s *unlistable) List(ctx context.Context, userID string) ([]ginauth.StoredSession, error) {
	if err := s.met("List"); err != nil {
		return nil, err
	}
	return s.wholeStore.List(ctx, userID)
}

// A sign-in goes on where the sessions beyond Session.MaxPerUser cannot be ended, and the log
// says so.
func TestMaxPerUser_StoreCannotList(t *testing.T) {
	t.Parallel()
	store := &unlistable{wholeStore: filedUsers(t).Sessions()}
	a := membersApp(t, ginauth.Options{Session: ginauth.SessionOptions{Store: store, MaxPerUser: 1}})
	store.down("List")
	if res := a.browser(t).signInAs("ada"); !res.signedIn() {
		t.Errorf("answered %d to %q", res.StatusCode, res.Header.Get("Location"))
	}
	if log := a.log.String(); !strings.Contains(log, `level=WARN msg="ginauth: sessions beyond Session.MaxPerUser were not ended" error=`) || !strings.Contains(log, "connection refused") {
		t.Errorf("the log says %s", log)
	}
	store.up("List")
	a.log.forget()
	a.browser(t).signInAs("ada")
	if log := a.log.String(); strings.Contains(log, "were not ended") {
		t.Errorf("the log says %s", log)
	}
}
