package tests

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
)

// askedToProve fails the test unless a sign-in that would link leads to the page for a
// proof, and from there to where it would have led, and started no session. It returns
// that page.
func (b *browser) askedToProve(res answer) string {
	b.t.Helper()
	page := b.asked(res)
	u := mustURL(b.t, page)
	if q := u.Query(); q.Get("resend") != "true" || q.Get("callbackUrl") != "/after" || len(q) != 2 {
		b.t.Errorf("it leads to %s", page)
	}
	if res.signedIn() {
		b.t.Error("started a session")
	}
	if shown := b.get(page); shown.StatusCode != http.StatusOK || !strings.Contains(shown.body, "Send it again afterwards") {
		b.t.Errorf("the page answered %d: %s", shown.StatusCode, shown.body)
	}
	return page
}

// owner is the ID of whose an account is, empty for nobody's.
func (s *factorSite) owner(t testing.TB, provider, subject string) string {
	t.Helper()
	user, err := s.db.GetUserByAccount(t.Context(), provider, subject)
	if err != nil {
		return ""
	}
	return user.ID
}

// Who has a stolen session of Ada's signs in with an account of their own: it does not
// become hers, and the session proves no more than before.
func TestAttack74_LinkInOldSession(t *testing.T) {
	t.Parallel()
	s := newFactorSite(t, ginauth.Options{})
	ada := s.browser(t)
	ada.signInAt(s.idp, "first", "ada")
	adas := s.owner(t, "first", "ada")
	s.clock.move(10*time.Minute + time.Second)
	thief := s.browser(t)
	stolen := ada.cookie(sessionCookie)
	thief.plant(sessionCookie, stolen)
	before := thief.factors()

	for range 2 {
		thief.askedToProve(thief.signInAt(s.idp, "second", "nemo"))
	}
	if got := s.owner(t, "second", "nemo"); got != "" {
		t.Fatalf("the account is now %q's, and Ada is %q", got, adas)
	}
	thief.asked(thief.opens("/fresh"))
	after := thief.factors()
	if thief.cookie(sessionCookie) != stolen || len(after) != 1 || !after[0].At.Equal(before[0].At) {
		t.Errorf("the session has now %v, had %v", after, before)
	}
	log := s.log.String()
	if strings.Count(log, "no proof of the last ten minutes") != 2 || !strings.Contains(log, "level=INFO") || strings.Contains(log, "level=WARN") ||
		!strings.Contains(log, "code=FactorRequired") {
		t.Errorf("the log: %s", log)
	}
	// The thief's account proves nothing on the page either.
	page := thief.askedToProve(thief.signInAt(s.idp, "second", "nemo"))
	thief.get(as(t, s.idp, thief.proves(page, "first", nil).Header.Get("Location"), "nemo").String()).unproved(t, "OtherAccount")
	thief.askedToProve(thief.signInAt(s.idp, "second", "nemo"))
	// A sign-in that begins without the session does not end in it.
	signedOut := s.browser(t)
	answer := as(t, s.idp, signedOut.begin("second", "/after"), "nemo").String()
	signedOut.plant(sessionCookie, stolen)
	signedOut.get(answer).refused(t, "OAuthAccountNotLinked")
	if got := s.owner(t, "second", "nemo"); got != "" {
		t.Errorf("the account is now %q's", got)
	}
}

// Ada adds an account while she has proved of late who she is, when the sign-in begins;
// with an account that is hers she signs in whenever she likes.
func TestLinking_Fresh(t *testing.T) {
	t.Parallel()
	s := newFactorSite(t, ginauth.Options{})
	b := s.browser(t)
	b.signInAt(s.idp, "first", "ada")
	adas := s.owner(t, "first", "ada")
	s.clock.move(10*time.Minute - time.Second)
	authURL := b.begin("second", "/after")
	s.clock.move(time.Minute) // at the provider
	b.get(as(t, s.idp, authURL, "ada").String()).leads(t, b, "/after")
	if s.owner(t, "second", "ada") != adas {
		t.Fatal("not linked in a fresh session")
	}

	s.clock.move(time.Hour)
	b.askedToProve(b.signInAt(s.idp, "second", "grace"))
	b.signInAt(s.idp, "first", "ada").leads(t, b, "/after") // as before, and that is a proof
	b.admits("/fresh")
	if s.owner(t, "first", "ada") != adas || s.owner(t, "second", "grace") != "" {
		t.Error("whose the accounts are has changed")
	}

	s.clock.move(time.Hour)
	page := b.askedToProve(b.signInAt(s.idp, "second", "grace"))
	b.get(as(t, s.idp, b.proves(page, "first", nil).Header.Get("Location"), "ada").String()).leads(t, b, "/after")
	if s.owner(t, "second", "grace") != "" {
		t.Fatal("a proof links")
	}
	b.signInAt(s.idp, "second", "grace").leads(t, b, "/after")
	if s.owner(t, "second", "grace") != adas {
		t.Error("not linked after the proof")
	}
}

// What begins before the proof does not link after it: how it began decides.
func TestLinking_FreshWhenItBegan(t *testing.T) {
	t.Parallel()
	s := newFactorSite(t, ginauth.Options{})
	b := s.browser(t)
	b.signInAt(s.idp, "first", "ada")
	s.clock.move(11 * time.Minute)
	page := b.askedToProve(b.signInAt(s.idp, "second", "grace"))
	begun := as(t, s.idp, b.begin("second", "/after"), "grace").String()
	b.get(as(t, s.idp, b.proves(page, "first", nil).Header.Get("Location"), "ada").String())
	b.admits("/fresh")
	b.askedToProve(b.get(begun))
	if s.owner(t, "second", "grace") != "" {
		t.Error("linked")
	}
}

// A session of another program has no proofs: its person gives one by an account of
// theirs, and adds another then.
func TestLinking_FreshElsewhere(t *testing.T) {
	t.Parallel()
	s := newFactorSite(t, ginauth.Options{})
	first := s.browser(t)
	first.signInAt(s.idp, "first", "ada")
	adas := s.owner(t, "first", "ada")
	payload, err := json.Marshal(map[string]any{"sub": adas, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(), "jti": "of-next"})
	if err != nil {
		t.Fatal(err)
	}
	b := s.browser(t)
	b.plant(sessionCookie, seal(t, testSecret, payload))
	if len(b.factors()) != 0 {
		t.Fatal("it has proofs")
	}
	page := b.askedToProve(b.signInAt(s.idp, "second", "grace"))
	b.get(as(t, s.idp, b.proves(page, "first", nil).Header.Get("Location"), "ada").String()).leads(t, b, "/after")
	b.signInAt(s.idp, "second", "grace").leads(t, b, "/after")
	if s.owner(t, "second", "grace") != adas {
		t.Error("not linked after the proof")
	}
}

// Auth.js's client reads from JSON where to go, by a status that says that nothing was
// linked; htmx from its header.
func TestLinking_FreshJSON(t *testing.T) {
	t.Parallel()
	s := newFactorSite(t, ginauth.Options{Session: ginauth.SessionOptions{Format: ginauth.AuthJSV5}})
	b := s.browser(t)
	b.signInAt(s.idp, "first", "ada")
	s.clock.move(11 * time.Minute)
	for header, value := range map[string]string{"X-Auth-Return-Redirect": "1", "HX-Request": "true"} {
		req := b.request(http.MethodGet, as(t, s.idp, b.begin("second", "/after"), "grace").String(), nil)
		req.Header.Set(header, value)
		res := b.do(req)
		want := "/api/auth/factor?resend=true&callbackUrl=%2Fafter"
		if header == "HX-Request" {
			if res.StatusCode != http.StatusOK || !strings.HasSuffix(res.Header.Get("HX-Redirect"), want) {
				t.Errorf("htmx: answered %d %v", res.StatusCode, res.Header)
			}
			continue
		}
		var said struct{ URL string }
		decode(t, res.body, &said)
		if res.StatusCode != http.StatusUnauthorized || said.URL != s.URL+want {
			t.Errorf("answered %d %s", res.StatusCode, res.body)
		}
	}
	if s.owner(t, "second", "grace") != "" {
		t.Error("linked")
	}
}

// The account page's own link begins with a proof, and does not ask again.
func TestAccount_LinksWhileFresh(t *testing.T) {
	t.Parallel()
	a, clock := accountApp(t, ginauth.Options{})
	b := a.browser(t)
	b.signInAt(a.idp, "first", "grace")
	begun := b.doAccount("link", url.Values{"provider": {"second"}, "callbackUrl": {accountPath + "?done=true"}})
	clock.move(time.Minute)
	b.get(as(t, a.idp, begun.Header.Get("Location"), "nemo").String()).leads(t, b, accountPath+"?done=true")
	if id := b.id(); id == "" || a.owner(t, "second", "nemo") != id {
		t.Errorf("not linked: %s", a.log)
	}
}

// An id_token that is handed over in an old session links as little as in a fresh one, and
// signs in the person whose account it is.
func TestLinking_HandedOverInOldSession(t *testing.T) {
	t.Parallel()
	clock := &mailClock{}
	idp := newIDP(t, ginauthtest.Config{People: crowd(), Algorithm: "ES256", Now: clock.now})
	adapter := ginauth.MemoryAdapter()
	app := newApp(t, handing(ginauth.Options{Adapter: adapter, Now: clock.now}, idp))
	app.engine.GET("/id", app.auth.RequireSession(), func(c *gin.Context) { c.String(http.StatusOK, ginauth.GetSession(c).User.ID) })
	ada := page{app.browser(t)}
	ada.signInAt(idp, "idp", "ada")
	id := ada.id()
	clock.move(11 * time.Minute)
	hand := func(subject string) answer {
		t.Helper()
		token, _ := tokensFor(t, idp, subject, ada.nonce("idp"), nil)
		return ada.hand("idp", map[string]any{"id_token": token})
	}
	hand("nemo").refused(t, "OAuthAccountNotLinked")
	if accounts, err := adapter.ListAccounts(t.Context(), id); err != nil || len(accounts) != 1 || ada.id() != id {
		t.Errorf("Ada has %v, %v, and is %q", accounts, err, ada.id())
	}
	if res := hand("ada"); !res.signedIn() || ada.id() != id {
		t.Errorf("answered %d, leads to %q\n%s", res.StatusCode, res.Header.Get("Location"), app.log)
	}
}

// A proof has to come from the account that the session began with. Another account of the
// same user at the same provider is refused.
func TestFactor_OtherAccountOfTheUser(t *testing.T) {
	t.Parallel()
	s := newFactorSite(t, ginauth.Options{})
	b := s.browser(t)
	b.signInAt(s.idp, "first", "ada")
	b.signInAt(s.idp, "first", "grace") // which is linked, and signs in
	if owner := s.owner(t, "first", "grace"); owner == "" || owner != s.owner(t, "first", "ada") {
		t.Fatalf("it is %q's\n%s", owner, s.log)
	}
	s.clock.move(11 * time.Minute)
	page := b.asked(b.opens("/fresh"))
	b.get(as(t, s.idp, b.proves(page, "first", nil).Header.Get("Location"), "ada").String()).unproved(t, "OtherAccount")
	b.get(as(t, s.idp, b.proves(page, "first", nil).Header.Get("Location"), "grace").String()).leads(t, b, "/fresh")
}
