package tests

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
)

// lasting are options whose SignIn callback chooses this lifetime, on a clock that a test
// moves.
func lasting(session ginauth.SessionOptions, chosen ginauth.Lifetime) (ginauth.Options, *clock) {
	c := newClock()
	c.seconds.Store(time.Now().Unix()) // of which the servers of stores know
	return ginauth.Options{Session: session, Now: c.now, Callbacks: ginauth.Callbacks{
		SignIn: func(_ *gin.Context, p ginauth.SignInParams) error {
			*p.Lifetime = chosen
			return nil
		},
	}}, c
}

const aMinute, anHour, aDay = 60, 3600, 24 * 3600 // seconds

// A session lasts as long as all may, or shorter, and no use of it, no update and no
// guarded request makes it last longer.
func TestLifetime(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name     string
		chosen   ginauth.Lifetime
		absolute time.Duration // Session.AbsoluteMaxAge
		used     int64         // every so many seconds
		lives    int64         // the last use at which it is there
		ends     int64         // when it is over, used or not
	}{
		{"all, unused", ginauth.Lifetime{}, 0, 0, 0, 7*aDay + 16},
		{"all, used at their end", ginauth.Lifetime{}, 0, 0, 7*aDay - 1, 0},
		{"all, used", ginauth.Lifetime{}, 0, aDay, 20 * aDay, 0},
		{"an hour, unused", ginauth.Lifetime{MaxAge: time.Hour}, 0, 0, 0, anHour + 16},
		{"an hour, used at its end", ginauth.Lifetime{MaxAge: time.Hour}, 0, 0, anHour - 1, 0},
		{"an hour, used", ginauth.Lifetime{MaxAge: time.Hour}, 0, 40 * aMinute, 10 * anHour, 0},
		{"an hour, hardly used", ginauth.Lifetime{MaxAge: time.Hour}, 0, anHour + 16, 0, anHour + 16},
		{"two hours at most, used", ginauth.Lifetime{AbsoluteMaxAge: 2 * time.Hour}, 0, 20 * aMinute, 100 * aMinute, 2 * anHour},
		{"two hours at most, unused", ginauth.Lifetime{AbsoluteMaxAge: 2 * time.Hour}, 0, 0, 2*anHour - 1, 2 * anHour},
		{"an hour, and two at most", ginauth.Lifetime{MaxAge: time.Hour, AbsoluteMaxAge: 2 * time.Hour}, 0, 25 * aMinute, 100 * aMinute, 2 * anHour},
		{"two hours at most, for all", ginauth.Lifetime{}, 2 * time.Hour, 20 * aMinute, 100 * aMinute, 2 * anHour},
		{"ten days at most, for all", ginauth.Lifetime{}, 10 * 24 * time.Hour, aDay, 9 * aDay, 10 * aDay},
		{"an hour at most, of two", ginauth.Lifetime{AbsoluteMaxAge: time.Hour}, 2 * time.Hour, 10 * aMinute, 50 * aMinute, anHour},
		{"three hours at most, of two", ginauth.Lifetime{AbsoluteMaxAge: 3 * time.Hour}, 2 * time.Hour, 20 * aMinute, 100 * aMinute, 2 * anHour},
		{"a year, of a week", ginauth.Lifetime{MaxAge: 365 * 24 * time.Hour}, 0, 0, 0, 7*aDay + 16},
	}
	everywhere(t, func(t *testing.T, session ginauth.SessionOptions) {
		for _, row := range rows {
			t.Run(row.name, func(t *testing.T) {
				session := session
				session.MaxAge, session.AbsoluteMaxAge = 7*24*time.Hour, row.absolute
				if session.Store == nil {
					session.Revocations = ginauth.MemoryRevocations()
				}
				opts, c := lasting(session, row.chosen)
				s := newOwnSite(t, opts)
				begun := c.seconds.Load()
				b := s.browser(t)
				b.signInAs("ada")
				value := handleOf(b)
				use := func(at int64, alive bool) {
					t.Helper()
					c.seconds.Store(begun + at)
					b.plant(sessionCookie, value) // whatever the browser makes of the cookie's own end
					want := map[bool]string{true: "ada@example.com"}[alive]
					if got := b.user(); got != want {
						t.Fatalf("after %v GET session tells %q, want %q", time.Duration(at)*time.Second, got, want)
					}
					if res := b.get("/me"); (res.StatusCode == http.StatusOK) != alive {
						t.Fatalf("after %v /me answers %d", time.Duration(at)*time.Second, res.StatusCode)
					}
					if now := handleOf(b); now != "" {
						value = now
					}
				}
				for at := row.used; at > 0 && at <= row.lives; at += row.used {
					use(at, true)
				}
				if row.lives > 0 {
					use(row.lives, true)
				}
				if row.ends > 0 {
					use(row.ends, false)
				}
			})
		}
	})
}

// What a longer lifetime than there is was cut to, the log says.
func TestLifetime_CutIsLogged(t *testing.T) {
	t.Parallel()
	opts, _ := lasting(ginauth.SessionOptions{AbsoluteMaxAge: 48 * time.Hour}, ginauth.Lifetime{MaxAge: 365 * 24 * time.Hour, AbsoluteMaxAge: 72 * time.Hour})
	a := membersApp(t, opts)
	a.browser(t).signInAs("ada")
	for _, want := range []string{
		"field=Lifetime.MaxAge asked=8760h0m0s option=Session.MaxAge most=720h0m0s",
		"field=Lifetime.AbsoluteMaxAge asked=72h0m0s option=Session.AbsoluteMaxAge most=48h0m0s",
	} {
		if !strings.Contains(a.log.String(), want) {
			t.Errorf("the log does not say %s:\n%s", want, a.log)
		}
	}
}

// A lifetime that is none refuses the sign-in, and the log says what to write.
func TestLifetime_Fault(t *testing.T) {
	t.Parallel()
	for _, chosen := range []ginauth.Lifetime{{MaxAge: -time.Hour}, {MaxAge: 3600}, {AbsoluteMaxAge: -1}} {
		opts, _ := lasting(ginauth.SessionOptions{}, chosen)
		a := membersApp(t, opts)
		a.browser(t).signInAs("ada").refused(t, "Callback")
		if !strings.Contains(a.log.String(), "write a second or more, such as 8*time.Hour, or leave it 0") {
			t.Errorf("%+v: the log says\n%s", chosen, a.log)
		}
	}
	for _, age := range []time.Duration{-time.Hour, 12} {
		_, err := ginauth.New(ginauth.Options{Secret: testSecret, Session: ginauth.SessionOptions{AbsoluteMaxAge: age}})
		if err == nil || !strings.Contains(err.Error(), "Session.AbsoluteMaxAge is "+age.String()+"; write a second or more, such as 12*time.Hour") {
			t.Errorf("New says %v", err)
		}
	}
}

// The cookie of a BrowserSession has no end of its own, at the sign-in and whenever it is
// set again; the session in it has.
func TestLifetime_BrowserSession(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, session ginauth.SessionOptions) {
		session.MaxAge = 7 * 24 * time.Hour
		opts, c := lasting(session, ginauth.Lifetime{BrowserSession: true, MaxAge: 8 * time.Hour})
		note := remembering(nil, 6000) // in chunks
		opts.Callbacks.JWT, opts.Callbacks.Session = note.Callbacks.JWT, note.Callbacks.Session
		s := newOwnSite(t, opts)
		b := s.browser(t)
		unending := func(doing string, res answer) {
			t.Helper()
			set := 0
			for _, line := range res.Header["Set-Cookie"] {
				if strings.HasPrefix(line, sessionCookie) && !strings.Contains(line, "Max-Age=0") {
					set++
					if strings.Contains(line, "Expires") || strings.Contains(line, "Max-Age") {
						t.Errorf("%s: the cookie ends: %s", doing, line[strings.Index(line, ";"):])
					}
				}
			}
			if set == 0 {
				t.Errorf("%s sets no cookie: %d %s", doing, res.StatusCode, res.body)
			}
		}
		unending("a sign-in", b.signInAs("ada"))
		unending("an update", b.takeNote("short"))
		unending("the application's sign-in", b.enterOwn("ada"))
		c.seconds.Add(5 * anHour)
		unending("a guarded request", b.get("/me"))
		c.seconds.Add(5 * anHour)
		if session.Store == nil { // else the cookie holds the same handle
			unending("GET session", b.get("/api/auth/session"))
		}
		b.is("ada")
		c.seconds.Add(8*anHour + 16)
		b.is("")
	})
}

// A Next.js app with the same secret opens such a session, and seals it again with an end
// by its own MaxAge. What ginauth wrote down still counts.
func TestLifetime_SealedByNext(t *testing.T) {
	t.Parallel()
	c := newClock()
	begun := c.seconds.Load()
	a := newApp(t, ginauth.Options{Providers: unused(), Now: c.now, Session: ginauth.SessionOptions{AbsoluteMaxAge: 48 * time.Hour}})
	for _, row := range []struct {
		name   string
		claims map[string]any // beside those of a session sealed at time iat, for 90 days
		at     int64          // seconds since the sign-in
		want   bool
	}{
		{"of today", map[string]any{"auth_time": begun, "iat": begun + 40*anHour}, 41 * anHour, true},
		{"signed in long ago", map[string]any{"auth_time": begun, "iat": begun + 47*anHour}, 48 * anHour, false},
		{"with a shorter life of its own", map[string]any{"auth_time": begun, "iat": begun + 2*anHour, "ginauth_lifetime": map[string]any{"absoluteMaxAge": 3 * anHour}}, 3 * anHour, false},
		{"within its shorter life", map[string]any{"auth_time": begun, "iat": begun + 2*anHour, "ginauth_lifetime": map[string]any{"absoluteMaxAge": 3 * anHour}}, 3*anHour - 1, true},
		{"with a longer life than there is", map[string]any{"auth_time": begun, "iat": begun + 47*anHour, "ginauth_lifetime": map[string]any{"absoluteMaxAge": 300 * aDay}}, 48 * anHour, false},
		{"unused", map[string]any{"auth_time": begun, "iat": begun + anHour, "ginauth_lifetime": map[string]any{"maxAge": anHour}}, 2*anHour + 15, false},
		{"used", map[string]any{"auth_time": begun, "iat": begun + anHour, "ginauth_lifetime": map[string]any{"maxAge": anHour}}, 2*anHour - 1, true},
		{"next-auth's own, fresh", map[string]any{"iat": begun + 10*anHour}, 50 * anHour, true},
		{"next-auth's own, old", map[string]any{"iat": begun}, 48 * anHour, false},
		{"next-auth's own, sealed here first long ago", map[string]any{"iat": begun + 47*anHour, "ginauth_since": begun}, 48 * anHour, false},
		{"next-auth's own, sealed here first today", map[string]any{"iat": begun + 47*anHour, "ginauth_since": begun + anHour}, 48 * anHour, true},
		{"auth_time counts before that", map[string]any{"iat": begun + 47*anHour, "auth_time": begun + 2*anHour, "ginauth_since": begun}, 48 * anHour, true},
		{"no time at all", map[string]any{"iat": nil}, anHour, false},
		{"a lifetime that is none", map[string]any{"auth_time": begun, "iat": begun, "ginauth_lifetime": "short"}, anHour, false},
		{"a lifetime below zero", map[string]any{"auth_time": begun, "iat": begun, "ginauth_lifetime": map[string]any{"maxAge": -1}}, anHour, false},
		{"a lifetime beyond all times", map[string]any{"auth_time": begun, "iat": begun, "ginauth_lifetime": map[string]any{"absoluteMaxAge": int64(math.MaxInt64)}}, anHour, false},
	} {
		claims := map[string]any{"auth_time": nil, "exp": begun + 90*aDay}
		for name, value := range row.claims {
			claims[name] = value
		}
		for name, value := range claims {
			if value == nil {
				delete(claims, name)
			}
		}
		sealed := sessionOf(t, "ada@example.com", claims)
		c.seconds.Store(begun + row.at)
		if got := a.who(t, sessionCookie+"="+sealed); (got != "") != row.want {
			t.Errorf("%s: passes as %q", row.name, got)
		}
		if got := a.who(t, "", "Authorization", "Bearer "+sealed); (got != "") != row.want {
			t.Errorf("%s: passes as %q by bearer", row.name, got)
		}
	}
}

// A session of next-auth's has its first iat written down when it is sealed here, and its
// end is the one that ginauth would give it: also in GET session, which says when.
func TestLifetime_FirstIssue(t *testing.T) {
	t.Parallel()
	c := newClock()
	begun := c.seconds.Load()
	a := newApp(t, ginauth.Options{Providers: unused(), Now: c.now, Session: ginauth.SessionOptions{AbsoluteMaxAge: 48 * time.Hour, UpdateAge: -1}})
	b := a.browser(t)
	next := map[string]any{"iat": begun, "exp": begun + 90*aDay}
	for i := range 4 { // it is used in both applications in turn
		b.plant(sessionCookie, sessionOf(t, "ada@example.com", next))
		c.seconds.Store(begun + int64(i)*10*anHour)
		var out struct{ Expires time.Time }
		decode(t, b.get("/api/auth/session").body, &out)
		if want := begun + 48*anHour; out.Expires.Unix() != want {
			t.Fatalf("round %d: it ends at %v, want %v", i, out.Expires, time.Unix(want, 0))
		}
		sealed := opened(t, forSession, b.cookie(sessionCookie))
		if got := fmt.Sprint(sealed["ginauth_since"]); got != fmt.Sprint(float64(begun)) {
			t.Fatalf("round %d: it began at %s, want %d", i, got, begun)
		}
		if sealed["auth_time"] != nil {
			t.Fatal("an auth_time was made up")
		}
		next["ginauth_since"] = begun // next-auth keeps claims that it does not know
		next["iat"] = begun + int64(i)*10*anHour + 60
	}
}

// sessionOf seals these claims, and no others, as next-auth does.
func sessionOf(t testing.TB, email string, claims map[string]any) string {
	t.Helper()
	all := map[string]any{"sub": email, "email": email}
	maps.Copy(all, claims)
	payload, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return seal(t, testSecret, payload)
}

// "Remember me" is a box on the sign-in page, which the application gives a meaning.
func TestLifetime_RememberMe(t *testing.T) {
	t.Parallel()
	form := members()
	form.Fields = append(form.Fields, ginauth.Field{Name: "remember", Label: "Remember me", Type: "checkbox"})
	a := newApp(t, ginauth.Options{Providers: []ginauth.Provider{form}, Callbacks: ginauth.Callbacks{
		SignIn: func(_ *gin.Context, p ginauth.SignInParams) error {
			p.Lifetime.BrowserSession = p.Credentials["remember"] != "true"
			return nil
		},
	}})
	b := a.browser(t)
	page := b.get("/api/auth/signin").body
	if !strings.Contains(page, `name="remember" type="checkbox" value="true"`) || !strings.Contains(page, "Remember me") {
		t.Errorf("the page has no such box:\n%s", page)
	}
	remembered := func(res answer) bool {
		t.Helper()
		c := setCookies(res)[sessionCookie]
		if c == nil {
			t.Fatalf("answered %d %s", res.StatusCode, res.body)
		}
		return !c.Expires.IsZero()
	}
	typed := url.Values{"csrfToken": {b.csrf()}, "username": {"ada"}, "password": {adasPassword}}
	if remembered(b.post("/api/auth/callback/credentials", typed)) {
		t.Error("an empty box is remembered")
	}
	typed.Set("remember", "true") // as the page and next-auth's client send it
	if !remembered(b.post("/api/auth/callback/credentials", typed)) {
		t.Error("a ticked box is not remembered")
	}
	for _, ticked := range []bool{true, false} {
		req := b.request(http.MethodPost, "/api/auth/callback/credentials", nil)
		req.Header.Set("Content-Type", "application/json")
		req.Body = io.NopCloser(strings.NewReader(fmt.Sprintf(`{"csrfToken":%q,"username":"ada","password":%q,"remember":"%v"}`, b.csrf(), adasPassword, ticked)))
		if got := remembered(b.do(req)); got != ticked {
			t.Errorf("remember: %v is remembered: %v", ticked, got)
		}
	}
}

// What says who somebody is, is never the box.
func TestLifetime_BoxIsNoIdentifier(t *testing.T) {
	t.Parallel()
	a := newApp(t, ginauth.Options{
		Providers: []ginauth.Provider{ginauth.Credentials{
			Fields: []ginauth.Field{{Name: "remember", Type: "Checkbox"}, {Name: "pin", Type: "password"}, {Name: "member"}},
			Authorize: func(*gin.Context, map[string]string) (*ginauth.User, error) {
				return nil, nil
			},
		}},
		Limits: ginauth.Limits{AllGuesses: ginauth.Rate{Count: 2, Per: time.Hour}},
	})
	b := a.browser(t)
	try := func(member string) int {
		return b.post("/api/auth/callback/credentials", url.Values{"csrfToken": {b.csrf()}, "remember": {"true"}, "pin": {"1"}, "member": {member}}).StatusCode
	}
	for i := range 6 {
		if got := try(fmt.Sprint("m", i)); got == http.StatusTooManyRequests {
			t.Fatalf("member %d has to wait for the others' box", i)
		}
	}
	try("ada")
	try("ada")
	if got := try("ada"); got != http.StatusTooManyRequests {
		t.Errorf("the third guess at Ada answers %d", got)
	}
}

// The lifetime is the SignIn callback's to choose at every way to sign in, and no other
// callback's: what a JWT callback or a page writes into the claims changes nothing.
func TestLifetime_EveryWay(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	opts, _ := lasting(ginauth.SessionOptions{}, ginauth.Lifetime{MaxAge: time.Hour})
	opts.Providers = append(ginauth.Goth(local(idp, "oidc")), members())
	s := newOwnSite(t, opts)
	for name, in := range map[string]func(b *browser) answer{
		"oauth":       func(b *browser) answer { return b.signIn(idp, "oidc") },
		"credentials": func(b *browser) answer { return b.signInAs("ada") },
		"app":         func(b *browser) answer { return b.enterOwn("ada") },
	} {
		b := s.browser(t)
		in(b)
		sealed := opened(t, forSession, b.cookie(sessionCookie))
		if got, want := sealed["exp"].(float64)-sealed["iat"].(float64), float64(anHour); got != want {
			t.Errorf("%s: the session lasts %v seconds, want %v", name, got, want)
		}
	}
	m := newMailApp(t, ginauth.Email{}, ginauth.Options{Callbacks: opts.Callbacks})
	b := m.browser(t)
	b.press(m.asksFor(t, b, "ada@example.com"))
	sealed := opened(t, forSession, b.cookie(sessionCookie))
	if got, want := sealed["exp"].(float64)-sealed["iat"].(float64), float64(anHour); got != want {
		t.Errorf("mail: the session lasts %v seconds, want %v", got, want)
	}
}

// What a callback sets and ginauth would write over fails in debug mode, with an error
// that says what to do instead; what is obeyed does not.
func TestCallbacks_Overwritten(t *testing.T) {
	gin.SetMode(gin.DebugMode)
	t.Cleanup(func() { gin.SetMode(gin.TestMode) })
	var jwt atomic.Pointer[func(p ginauth.JWTParams)]
	var session atomic.Pointer[func(p ginauth.SessionParams)]
	a := membersApp(t, ginauth.Options{Callbacks: ginauth.Callbacks{
		JWT: func(_ *gin.Context, p ginauth.JWTParams) error {
			if f := jwt.Load(); f != nil {
				(*f)(p)
			}
			return nil
		},
		Session: func(_ *gin.Context, p ginauth.SessionParams) error {
			if f := session.Load(); f != nil {
				(*f)(p)
			}
			return nil
		},
	}})
	later := time.Now().Add(time.Hour)
	for _, row := range []struct {
		name    string
		jwt     func(p ginauth.JWTParams)
		session func(p ginauth.SessionParams)
		want    string // in the log; empty: it is obeyed
	}{
		{name: "nothing"},
		{name: "ExpiresAt", jwt: func(p ginauth.JWTParams) { p.Token.ExpiresAt = later }, want: "Token.ExpiresAt, which sealing sets; set SignInParams.Lifetime"},
		{name: "IssuedAt", jwt: func(p ginauth.JWTParams) { p.Token.IssuedAt = later }, want: "Token.IssuedAt, which sealing sets; AuthTime is when"},
		{name: "ID", jwt: func(p ginauth.JWTParams) { p.Token.ID = "mine" }, want: "Token.ID, which sealing sets; keep an ID of your own"},
		{name: "a claim exp", jwt: func(p ginauth.JWTParams) { p.Token.Claims["exp"] = later.Unix() }, want: `the claim \"exp\", which gives way to a field`},
		{name: "a claim auth_time", jwt: func(p ginauth.JWTParams) { p.Token.Claims["auth_time"] = 1 }, want: `the claim \"auth_time\"`},
		{name: "a claim name", jwt: func(p ginauth.JWTParams) { p.Token.Claims["name"] = "Countess" }, want: `the claim \"name\"`},
		{name: "a lifetime", jwt: func(p ginauth.JWTParams) { p.Token.Claims["ginauth_lifetime"] = map[string]any{"maxAge": 1} }, want: `the claim \"ginauth_lifetime\"`},
		{name: "a session's name", jwt: func(p ginauth.JWTParams) { p.Token.Claims["ginauth_sid"] = "planted" }, want: `the claim \"ginauth_sid\"`},
		{name: "Name, AuthTime and a claim", jwt: func(p ginauth.JWTParams) {
			p.Token.Name, p.Token.AuthTime, p.Token.Claims["level"] = "Countess", later, 7
		}},
		{name: "a claim picture, where there is none", jwt: func(p ginauth.JWTParams) { p.Token.Claims["picture"] = "https://example.com/a.png" }},
		{name: "the value error", session: func(p ginauth.SessionParams) { p.Session.Values["error"] = "Late" }, want: `the value \"error\"`},
		{name: "the value name", session: func(p ginauth.SessionParams) { p.Session.User.Values["name"] = "Countess" }, want: "set Session.User.Name"},
		{name: "Error, Expires and a value", session: func(p ginauth.SessionParams) {
			p.Session.Error, p.Session.Expires, p.Session.Values["level"] = "Late", later, 7
		}},
	} {
		b := a.browser(t)
		if b.signInAs("ada"); handleOf(b) == "" {
			t.Fatal("nobody is signed in")
		}
		jwt.Store(nil)
		session.Store(nil)
		if row.jwt != nil {
			jwt.Store(&row.jwt)
		}
		if row.session != nil {
			session.Store(&row.session)
		}
		logged := len(a.log.String())
		status := b.get("/me").StatusCode
		var signedIn bool
		if fresh := a.browser(t); row.session == nil {
			signedIn = fresh.signInAs("grace").signedIn()
		}
		log := a.log.String()[logged:]
		switch {
		case row.want == "" && (status != http.StatusOK || row.session == nil && !signedIn):
			t.Errorf("%s: /me answers %d, and %v signs in:\n%s", row.name, status, signedIn, log)
		case row.want != "" && (status != http.StatusInternalServerError || signedIn || !strings.Contains(log, row.want)):
			t.Errorf("%s: /me answers %d, and %v signs in:\n%s\nwant %s", row.name, status, signedIn, log, row.want)
		}
		jwt.Store(nil)
		session.Store(nil)
	}
}

// In any other mode such a callback has no effect, and the log says so: it fails nobody's
// sign-in.
func TestCallbacks_OverwrittenInRelease(t *testing.T) {
	release(t)
	a := membersApp(t, ginauth.Options{BaseURL: "http://localhost", Callbacks: ginauth.Callbacks{
		JWT: func(_ *gin.Context, p ginauth.JWTParams) error {
			p.Token.ExpiresAt, p.Token.Claims["exp"] = time.Now().Add(time.Minute), 1
			return nil
		},
		Session: func(_ *gin.Context, p ginauth.SessionParams) error {
			p.Session.Values["error"] = "Late"
			return nil
		},
	}})
	b := a.browser(t)
	b.signInAs("ada")
	sealed := opened(t, forSession, b.cookie(sessionCookie))
	if got := sealed["exp"].(float64) - sealed["iat"].(float64); got != 30*aDay {
		t.Errorf("the session lasts %v seconds", got)
	}
	b.is("ada")
	b.takeNote("an update")
	for _, want := range []string{"what a callback set has no effect", "Token.ExpiresAt", `the value \"error\"`} {
		if !strings.Contains(a.log.String(), want) {
			t.Errorf("the log does not say %s:\n%s", want, a.log)
		}
	}
}

// With an Adapter a SignIn callback cannot name another user, and hears that; where
// Credentials sign people in it says whose they are.
func TestCallbacks_UserIDWithAdapter(t *testing.T) {
	opts := ginauth.Options{Callbacks: ginauth.Callbacks{SignIn: func(_ *gin.Context, p ginauth.SignInParams) error {
		p.User.ID += "-other"
		return nil
	}}}
	const said = "Callbacks.SignIn set another User.ID, which is the Adapter's"
	for _, mode := range []string{gin.DebugMode, gin.TestMode} {
		gin.SetMode(mode)
		t.Cleanup(func() { gin.SetMode(gin.TestMode) })
		a := newUserApp(t, opts)
		b := a.browser(t)
		res := b.signInAt(a.idp, "first", "ada")
		if mode == gin.DebugMode {
			res.refused(t, "Callback")
		} else if !res.signedIn() || strings.HasSuffix(b.id(), "-other") {
			t.Errorf("in %s mode %q is signed in", mode, b.id())
		}
		if log := a.log.String(); !strings.Contains(log, said) {
			t.Errorf("in %s mode the log says\n%s", mode, log)
		}
		if b := a.browser(t); !b.signInAs("ada").signedIn() || b.id() != "u-ada-other" {
			t.Errorf("in %s mode credentials sign in %q", mode, b.id())
		}
	}
}

// A JWT callback that makes a new token leaves the session no longer than it was.
func TestLifetime_NewTokenByCallback(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, session ginauth.SessionOptions) {
		session.MaxAge, session.UpdateAge = 7*24*time.Hour, -1
		opts, c := lasting(session, ginauth.Lifetime{AbsoluteMaxAge: 2 * time.Hour, BrowserSession: true})
		opts.Callbacks.JWT = func(_ *gin.Context, p ginauth.JWTParams) error {
			if p.User == nil { // when the session is read
				*p.Token = ginauth.Token{Subject: p.Token.Subject, Email: p.Token.Email}
			}
			return nil
		}
		b := newOwnSite(t, opts).browser(t)
		b.signInAs("ada")
		for range 3 {
			c.seconds.Add(30 * aMinute)
			b.is("ada")
		}
		value := handleOf(b)
		c.seconds.Add(30 * aMinute)
		b.plant(sessionCookie, value)
		b.is("")
	})
}
