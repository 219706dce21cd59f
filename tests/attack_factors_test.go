package tests

import (
	"encoding/json"
	"html"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/token"
)

const factorsClaim = "ginauth_factors"

// TestAttack60_FactorsWritten holds that nothing but a proof puts a factor into a session:
// neither what a page sends, nor a callback, nor a program with the same secret that seals
// the token again, with a claim of its own or of another session.
func TestAttack60_FactorsWritten(t *testing.T) {
	t.Parallel()
	var written atomic.Value // what the JWT callback writes
	var replaced atomic.Bool // whether it puts another token in place of the session's
	s := newSealedSite(t, ginauth.Options{Callbacks: ginauth.Callbacks{
		JWT: func(_ *gin.Context, p ginauth.JWTParams) error {
			if sent, ok := p.Update.(map[string]any); ok {
				maps.Copy(p.Token.Claims, sent) // the fault of many applications
			}
			if claim, ok := written.Load().(string); ok && claim != "" {
				p.Token.Claims[factorsClaim] = claim
			}
			if replaced.Load() {
				*p.Token = ginauth.Token{Subject: p.Token.Subject, Claims: map[string]any{}}
			}
			return nil
		},
		Session: func(_ *gin.Context, p ginauth.SessionParams) error {
			p.Session.Values["token"] = p.Token.Claims[factorsClaim] // so that the page may read what is there
			return nil
		},
	}})
	b, other, eve := s.browser(t), s.browser(t), s.browser(t)
	b.signInAs("ada")
	other.signInAs("ada")
	eve.signInAs("eve")
	own := opened(t, forSession, b.cookie(sessionCookie))
	text, ok := own[factorsClaim].(string)
	if !ok || !strings.HasPrefix(text, "password@") {
		t.Fatalf("the claim is %v", own[factorsClaim])
	}
	forged := strings.Replace(text, "password@", "otp@", 1)
	olderClaim := opened(t, forSession, other.cookie(sessionCookie))[factorsClaim]

	for name, claim := range map[string]any{"forged": forged, "of an older session": olderClaim, "stripped": "", "null": nil} {
		body, _ := json.Marshal(map[string]any{"csrfToken": b.csrf(), "data": map[string]any{factorsClaim: claim, "ginauth_sid": "s-1", "amr": []string{"mfa", "otp"}, "acr": "mfa"}})
		res := s.send(t, http.MethodPost, "/api/auth/session", string(body), "Content-Type", "application/json", "Cookie", cookieHeader(b))
		if res.StatusCode != http.StatusOK {
			t.Fatalf("%d %s", res.StatusCode, res.body)
		}
		b.Jar.SetCookies(mustURL(t, s.URL), res.Cookies())
		if got := methods(b.factors()); got != "password" {
			t.Errorf("update() with a claim %s: %s", name, got)
		}
		if res := b.opens("/ever/otp"); res.StatusCode == http.StatusOK {
			t.Errorf("update() with a claim %s: let through", name)
		}
		b.admits("/ever/password")
	}
	written.Store(forged)
	fresh := s.browser(t)
	fresh.signInAs("ada")
	for range 2 {
		if got := methods(fresh.factors()); got != "password" {
			t.Errorf("a JWT callback wrote %s", got)
		}
	}
	written.Store("")
	replaced.Store(true)
	if got := methods(fresh.factors()); got != "password" {
		t.Errorf("a JWT callback replaced the token: %q is left", got)
	}
	replaced.Store(false)

	sub := opened(t, forSession, eve.cookie(sessionCookie))
	for name, change := range map[string]map[string]any{
		"another method":              {factorsClaim: forged},
		"another time":                {factorsClaim: strings.Replace(text, "@1", "@2", 1)},
		"one more":                    {factorsClaim: "otp@1795479638@@," + text},
		"without a MAC":               {factorsClaim: text[:strings.Index(text, ":")]},
		"of another person's session": {factorsClaim: sub[factorsClaim]},
		"of an older session":         {factorsClaim: olderClaim},
		"another subject":             {"sub": "u-eve"},
		"another session":             {"ginauth_sid": "another"},
		"no session":                  {"ginauth_sid": ""},
		"of another type":             {factorsClaim: []any{text}},
		"stripped":                    {factorsClaim: nil},
	} {
		claims := maps.Clone(own)
		maps.Copy(claims, change)
		payload, err := json.Marshal(claims)
		if err != nil {
			t.Fatal(err)
		}
		next := s.browser(t)
		next.plant(sessionCookie, seal(t, testSecret, payload))
		if got := next.factors(); len(got) > 0 {
			t.Errorf("sealed again with a claim of %s: %v", name, got)
		}
		if res := next.opens("/ever/password"); res.StatusCode == http.StatusOK {
			t.Errorf("sealed again with a claim of %s: let through", name)
		}
	}
	payload, _ := json.Marshal(own)
	next := s.browser(t)
	next.plant(sessionCookie, seal(t, testSecret, payload))
	if got := methods(next.factors()); got != "password" {
		t.Errorf("sealed again as it was: %s", got)
	}
}

// cookieHeader is the Cookie line of a browser.
func cookieHeader(b *browser) string {
	var pairs []string
	for _, c := range b.cookies() {
		pairs = append(pairs, c.Name+"="+c.Value)
	}
	return strings.Join(pairs, "; ")
}

// TestAttack60_SessionCallback holds that a guard goes by the token, whatever a Session
// callback made of the session that handlers see, and whomever a JWT callback makes of it.
func TestAttack60_SessionCallback(t *testing.T) {
	t.Parallel()
	s := newSealedSite(t, ginauth.Options{Callbacks: ginauth.Callbacks{
		JWT: func(c *gin.Context, p ginauth.JWTParams) error {
			if as := c.Query("as"); as != "" {
				p.Token.Subject = as
			}
			return nil
		},
		Session: func(_ *gin.Context, p ginauth.SessionParams) error {
			p.Session.Factors = append(p.Session.Factors, ginauth.Factor{Method: ginauth.FactorOTP, At: time.Now()})
			return nil
		},
	}})
	b := s.browser(t)
	b.signInAs("ada")
	if got := methods(b.factors()); got != "password otp" {
		t.Errorf("handlers see %s", got)
	}
	b.asked(b.opens("/fresh/otp"))
	b.asked(b.opens("/ever/otp"))
	b.asked(b.opens("/fresh/password?as=u-eve")) // her session does not have Ada's proof
}

// TestAttack60_OtherSite holds that a factor of one Auth is none of another's with the same
// secret.
func TestAttack60_OtherSite(t *testing.T) {
	t.Parallel()
	s := newSealedSite(t, ginauth.Options{})
	b := s.browser(t)
	b.signInAs("ada")
	claims := opened(t, forSession, b.cookie(sessionCookie))
	admin := newSealedSite(t, ginauth.Options{Cookies: ginauth.CookieOptions{Prefix: "admin"}})
	keys, err := token.V4.Keyring("admin.session-token", testSecret)
	if err != nil {
		t.Fatal(err)
	}
	payload, _ := json.Marshal(claims)
	there := admin.browser(t)
	there.plant("admin.session-token", keys.Seal(payload))
	if got := there.factors(); len(got) > 0 {
		t.Errorf("factors %v of another site", got)
	}
}

// TestAttack60_ClockSetBack holds that a factor from a time to come is not fresh: the clock
// was set back, and nobody knows how old it is.
func TestAttack60_ClockSetBack(t *testing.T) {
	t.Parallel()
	s := newSealedSite(t, ginauth.Options{})
	b := s.browser(t)
	b.signInAs("ada")
	b.admits("/fresh")
	s.clock.move(-time.Minute)
	page := b.asked(b.opens("/fresh"))
	b.admits("/ever/password") // whenever that was, it was in this session
	b.proves(page, "credentials", adasForm()).leads(t, b, "/fresh")
	b.admits("/fresh")
	s.clock.move(-time.Hour)
	b.asked(b.opens("/fresh"))
}

// proofOf begins a proof at a provider and returns where the browser is sent.
func (s *factorSite) proofOf(b *browser, provider string) string {
	b.t.Helper()
	return b.proves(s.URL+"/api/auth/factor?callbackUrl=%2Ffresh", provider, nil).Header.Get("Location")
}

// TestAttack61_AnotherAccount holds that a session gets the proof of its own account alone,
// and that a proof neither signs anybody in nor makes or links anything.
func TestAttack61_AnotherAccount(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func() *factorSite{
		"with an adapter": func() *factorSite { return newFactorSite(t, ginauth.Options{}) },
		"without one":     func() *factorSite { return newSealedSite(t, ginauth.Options{}) },
	} {
		s := open()
		state := func(b *browser) string {
			if s.db == nil {
				return b.get("/me").body
			}
			users, _ := json.Marshal(s.db.everybody())
			return string(users)
		}
		grace := s.browser(t)
		grace.signInAt(s.idp, "first", "grace")
		b := s.browser(t)
		b.signInAt(s.idp, "first", "ada")
		before := state(b)
		s.clock.move(freshFor + time.Minute)
		for _, subject := range []string{"grace", "eve", "nemo", "adas-other"} {
			callback := as(t, s.idp, s.proofOf(b, "first"), subject)
			b.get(callback.String()).unproved(t, "OtherAccount")
			b.asked(b.opens("/fresh"))
		}
		if after := state(b); after != before {
			t.Errorf("%s: the proof made %s of %s", name, after, before)
		}
		if res := b.post("/api/auth/factor/second", url.Values{"csrfToken": {b.csrf()}, "callbackUrl": {"/fresh"}}); res.StatusCode != http.StatusFound {
			t.Errorf("%d", res.StatusCode)
		} else {
			res.unproved(t, "OtherAccount") // the same person, at a provider where they have no account
		}
		typed := s.browser(t)
		typed.signInAs("ada")
		s.clock.move(freshFor + time.Minute)
		page := typed.asked(typed.opens("/fresh"))
		eve := adasForm()
		eve.Set("username", "eve")
		typed.proves(page, "credentials", eve).unproved(t, "OtherAccount")
		typed.asked(typed.opens("/fresh"))
		typed.proves(page, "credentials", adasForm()).leads(t, typed, "/fresh")
	}
}

// TestAttack61_UnlinkedAccount holds that an account that was taken away from a user proves
// nothing any more in a session that began with it.
func TestAttack61_UnlinkedAccount(t *testing.T) {
	t.Parallel()
	s := newFactorSite(t, ginauth.Options{})
	b := s.browser(t)
	b.signInAt(s.idp, "first", "ada")
	callback := as(t, s.idp, s.proofOf(b, "first"), "ada")
	user, err := s.db.GetUserByAccount(t.Context(), "first", "ada")
	if err == nil {
		err = s.db.LinkAccount(t.Context(), user.ID, ginauth.Account{Provider: "second", Type: "oauth", ProviderAccountID: "ada"})
	}
	if err == nil {
		err = s.auth.Unlink(t.Context(), user.ID, "first", "ada")
	}
	if err != nil {
		t.Fatal(err)
	}
	before := b.factors()
	s.clock.move(10 * time.Second)
	b.get(callback.String()).unproved(t, "OtherAccount")
	if after := b.factors(); !slices.Equal(before, after) {
		t.Errorf("factors %v, then %v", before, after)
	}
}

// TestAttack61_OldAuthTime holds that a provider that did not ask the person, or does not
// say so, proves nothing: max_age=0 was sent, and what the browser makes of it on the way
// does not count.
func TestAttack61_OldAuthTime(t *testing.T) {
	t.Parallel()
	s := newFactorSite(t, ginauth.Options{})
	b := s.browser(t)
	b.signInAt(s.idp, "first", "ada")
	s.clock.move(freshFor + time.Minute)
	for name, tamper := range map[string]func(claims map[string]any){
		"max_age was ignored":        func(c map[string]any) { c["auth_time"] = s.clock.now().Add(-2 * time.Hour).Unix() },
		"a little too old":           func(c map[string]any) { c["auth_time"] = s.clock.now().Add(-2 * time.Minute).Unix() },
		"it says no time":            func(c map[string]any) { delete(c, "auth_time") },
		"it says none in a number":   func(c map[string]any) { c["auth_time"] = "now" },
		"under another name":         func(c map[string]any) { c["Auth_Time"] = c["auth_time"]; delete(c, "auth_time") },
		"milliseconds":               func(c map[string]any) { c["auth_time"] = s.clock.now().UnixMilli() },
		"in the userinfo, not there": func(c map[string]any) { delete(c, "auth_time") },
	} {
		s.idp.TamperClaims(tamper)
		s.idp.TamperUserinfo(func(claims map[string]any) { claims["auth_time"] = s.clock.now().Unix() })
		authURL := mustURL(t, s.proofOf(b, "first"))
		b.get(as(t, s.idp, with(authURL, "max_age", "", "prompt", ""), "ada").String()).unproved(t, "OAuthCallback")
		if res := b.opens("/fresh"); res.StatusCode == http.StatusOK {
			t.Errorf("%s: let through with %v", name, b.factors())
		}
	}
	s.idp.Reset()
	b.get(as(t, s.idp, s.proofOf(b, "first"), "ada").String()).leads(t, b, "/fresh")
	b.admits("/fresh")
}

// TestAttack61_OtherPurpose holds that a sign-in's answer is no proof, a proof's answer no
// sign-in, and that a proof belongs to the session, browser and provider that it began in.
func TestAttack61_OtherPurpose(t *testing.T) {
	t.Parallel()
	s := newFactorSite(t, ginauth.Options{})
	b := s.browser(t)
	b.signInAt(s.idp, "first", "ada")

	t.Run("in a browser that is signed out", func(t *testing.T) {
		callback := as(t, s.idp, s.proofOf(b, "first"), "ada")
		out := s.browser(t)
		for _, c := range b.transactions() {
			out.plant(c.Name, c.Value)
		}
		res := out.get(callback.String())
		res.unproved(t, "Callback")
		if out.id() != "" {
			t.Error("a proof signed somebody in")
		}
	})
	t.Run("in another browser", func(t *testing.T) {
		callback := as(t, s.idp, s.proofOf(b, "first"), "ada")
		if res := s.browser(t).get(callback.String()); res.signedIn() {
			t.Error("a proof signed somebody in")
		}
	})
	t.Run("in another session of the same person", func(t *testing.T) {
		again := s.browser(t)
		again.signInAt(s.idp, "first", "ada")
		callback := as(t, s.idp, s.proofOf(again, "first"), "ada")
		again.post("/api/auth/signout", url.Values{"csrfToken": {again.csrf()}})
		again.signInAt(s.idp, "first", "ada")
		again.get(callback.String()).unproved(t, "Callback")
	})
	t.Run("at another provider's callback", func(t *testing.T) {
		callback := as(t, s.idp, s.proofOf(b, "first"), "ada")
		if res := b.get(strings.Replace(callback.String(), "/callback/first", "/callback/second", 1)); res.signedIn() {
			t.Error("another provider's answer was a proof")
		}
	})
	t.Run("twice", func(t *testing.T) {
		s.clock.move(freshFor + time.Minute)
		callback := as(t, s.idp, s.proofOf(b, "first"), "ada")
		b.get(callback.String()).leads(t, b, "/fresh")
		s.clock.move(freshFor + time.Minute)
		if res := b.get(callback.String()); res.signedIn() {
			t.Error("an answer that was used sealed the session again")
		}
		b.asked(b.opens("/fresh"))
	})
	t.Run("a cancelled one", func(t *testing.T) {
		callback, err := s.idp.Cancel(t.Context(), s.proofOf(b, "first"))
		if err != nil {
			t.Fatal(err)
		}
		b.get(callback.String()).unproved(t, "AccessDenied")
	})
	t.Run("a sign-in signs in", func(t *testing.T) {
		begun := s.browser(t)
		callback := as(t, s.idp, begun.begin("first", "/after"), "ada")
		begun.get(callback.String()).leads(t, begun, "/after")
		if methods(begun.factors()) != "provider" {
			t.Error(begun.factors())
		}
	})
}

// TestAttack61_MailCode holds that a code proves nothing beyond the session that asked for
// it, and that a proof's code signs nobody in.
func TestAttack61_MailCode(t *testing.T) {
	t.Parallel()
	code := ginauth.Email{ID: "code", Code: true}
	in := &inbox{}
	code.Send = in.send
	s := newFactorSite(t, ginauth.Options{Providers: []ginauth.Provider{code}})
	const address = "mail@example.com"
	signIn := func(t *testing.T) *browser {
		b := s.browser(t)
		b.press(s.asksFor(t, b, address))
		return b
	}
	page := s.URL + "/api/auth/factor?callbackUrl=%2Ffresh"
	typed := func(b *browser, target, code string) answer {
		return b.post(target, url.Values{"csrfToken": {b.csrf()}, "code": {code}, "callbackUrl": {"/fresh"}})
	}
	b := signIn(t)
	s.clock.move(freshFor + time.Minute)

	other := signIn(t)
	b.proves(page, "code", nil)
	other.plant("next-auth.factor-mail", b.cookie("next-auth.factor-mail"))
	typed(other, "/api/auth/factor/code", in.newest(t).Code).unproved(t, "VerificationCode")

	out := s.browser(t)
	out.plant(mailCookie, b.cookie("next-auth.factor-mail"))
	if res := typed(out, "/api/auth/callback/code", in.newest(t).Code); res.signedIn() {
		t.Error("the code of a proof signed somebody in")
	}
	asked := s.browser(t)
	asked.post("/api/auth/signin/code", url.Values{"csrfToken": {asked.csrf()}, "email": {address}})
	b.plant("next-auth.factor-mail", asked.cookie(mailCookie))
	typed(b, "/api/auth/factor/code", in.newest(t).Code).unproved(t, "VerificationCode")
	b.asked(b.opens("/fresh"))

	// The mail goes to the user's address, whatever the form says.
	b.proves(page, "code", url.Values{"email": {"eve@example.com"}})
	if to := in.newest(t).To; to != address {
		t.Errorf("mailed to %s", to)
	}
	for range 5 {
		typed(b, "/api/auth/factor/code", other.wrongCode(in.newest(t).Code))
	}
	typed(b, "/api/auth/factor/code", in.newest(t).Code).unproved(t, "VerificationCode")
	b.asked(b.opens("/fresh"))
}

// wrongCode is a code that is not the one.
func (*browser) wrongCode(code string) string { return other(code) }

// TestAttack61_Endings holds that a proof reaches no session that has ended, and no user
// who was deleted.
func TestAttack61_Endings(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(s *factorSite, b *browser, id string) error{
		"revoked": func(s *factorSite, _ *browser, id string) error { return s.auth.RevokeUser(t.Context(), id) },
		"deleted": func(s *factorSite, _ *browser, id string) error { return s.auth.DeleteUser(t.Context(), id) },
	} {
		s := newFactorSite(t, ginauth.Options{Session: ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()}})
		b := s.browser(t)
		b.signInAt(s.idp, "first", "ada")
		user, err := s.db.GetUserByAccount(t.Context(), "first", "ada")
		callback := as(t, s.idp, s.proofOf(b, "first"), "ada")
		if err == nil {
			err = end(s, b, user.ID)
		}
		if err != nil {
			t.Fatal(err)
		}
		b.get(callback.String()).unproved(t, "Callback")
		if res := b.opens("/fresh"); res.StatusCode == http.StatusOK {
			t.Errorf("%s: let through", name)
		}
	}
}

// TestAttack61_WayBack holds that the page for a proof leads to no other site.
func TestAttack61_WayBack(t *testing.T) {
	t.Parallel()
	s := newSealedSite(t, ginauth.Options{})
	b := s.browser(t)
	b.signInAs("ada")
	csrf := b.csrf()
	for _, stray := range straysOf(s.app) {
		form := adasForm()
		form.Set("csrfToken", csrf)
		form.Set("callbackUrl", stray)
		res := b.post("/api/auth/factor/credentials", form)
		if location := res.Header.Get("Location"); res.StatusCode != http.StatusFound || !stays(location, s.URL) {
			t.Errorf("%q in the form: %d to %q", stray, res.StatusCode, location)
		}
		page := b.get("/api/auth/factor?callbackUrl=" + url.QueryEscape(stray))
		if _, fields := onlyForm(t, page.body); !strings.HasPrefix(fields.Get("callbackUrl")+"/", s.URL+"/") { // what it posts is looked at again
			t.Errorf("%q in the query: the page leads to %q", stray, fields.Get("callbackUrl"))
		}
	}
	for _, path := range []string{"/fresh?next=https://evil.example", "//evil.example/fresh", `/\evil.example`, "/fresh//evil.example"} {
		s.clock.move(freshFor + time.Minute)
		res := s.raw(t, "GET "+path+" HTTP/1.1\nHost: "+s.Listener.Addr().String()+"\nSec-Fetch-Mode: navigate\nConnection: close\nCookie: "+cookieHeader(b)+"\n\n")
		if location := res.Header.Get("Location"); location != "" {
			u := mustURL(t, location)
			if back := u.Query().Get("callbackUrl"); !stays(location, s.URL) || strings.HasPrefix(back, "//") || !strings.HasPrefix(back, "/") {
				t.Errorf("%s leads to %q", path, location)
			}
		}
	}
}

// TestAttack61_AnsweredByPost holds that the proof at a provider that answers by POST, with
// which the session's cookie does not come along, reaches the session by one more step
// within this site, and no other session.
func TestAttack61_AnsweredByPost(t *testing.T) {
	t.Parallel()
	const cookieName = "__Secure-" + sessionCookie
	s := newAppleSite(t, ginauth.Options{})
	b := s.browser(t)
	if res := b.do(s.post(t, b.begin("apple", "/"), "user", ""), true); res.StatusCode != http.StatusFound || b.cookies[cookieName] == nil {
		t.Fatalf("answered %d %s\n%s", res.StatusCode, res.body, s.log)
	}
	form := func(path string) *http.Request {
		var csrf struct{ CSRFToken string }
		decode(t, b.get("/api/auth/csrf").body, &csrf)
		req, err := http.NewRequest(http.MethodPost, s.URL+path, strings.NewReader(url.Values{"csrfToken": {csrf.CSRFToken}, "callbackUrl": {"/after"}}.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return req
	}
	begun := b.do(form("/api/auth/factor/apple"), false)
	before := b.cookies[cookieName].Value
	page := b.do(s.post(t, begun.Header.Get("Location"), "user", ""), true)
	found := refresh.FindStringSubmatch(page.body)
	if page.StatusCode != http.StatusOK || found == nil || b.cookies[cookieName].Value != before {
		t.Fatalf("the POST answered %d %s to %s\n%s", page.StatusCode, page.body, begun.Header.Get("Location"), s.log)
	}
	again, err := http.NewRequest(http.MethodGet, html.UnescapeString(found[1]), nil)
	if err != nil {
		t.Fatal(err)
	}
	res := b.do(again, false)
	if res.Header.Get("Location") != s.URL+"/after" || b.cookies[cookieName].Value == before {
		t.Fatalf("answered %d and leads to %s\n%s", res.StatusCode, res.Header.Get("Location"), s.log)
	}
	sealed := b.cookies[cookieName].Value
	if claim, _ := claimsOf(t, testSecret, sealed)[factorsClaim].(string); !strings.HasPrefix(claim, "provider@") {
		t.Errorf("the session has %q", claim)
	}
}
