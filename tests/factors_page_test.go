package tests

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
)

const factorPage = "/api/auth/factor?callbackUrl=%2Fme"

// Where a passkey is wanted, people without one are led to where they can add it, as long
// as they can prove who they are: else the page would lead back here.
func TestFactorPage_NoPasskey(t *testing.T) {
	t.Parallel()
	a := newPasskeyApp(t, ginauth.Options{})
	b := a.browser(t)
	b.signInByPassword("ada")
	offered := func() bool {
		t.Helper()
		page := b.get(factorPage + "&methods=otp+passkey")
		if !strings.Contains(page.body, "no way to give the proof") || strings.Contains(page.body, "second-factor") {
			t.Errorf("%d %s", page.StatusCode, page.body)
		}
		return strings.Contains(page.body, `class="primary" href="`+a.URL+`/api/auth/passkeys"`)
	}
	if !offered() {
		t.Error("just signed in: no passkey is offered")
	}
	a.move(time.Hour)
	if !offered() {
		t.Error("with a password: no passkey is offered")
	}
	id := a.people["ada"]
	must(t, a.adapter.UnlinkAccount(t.Context(), id, "credentials", id, true))
	if offered() {
		t.Error("a passkey is offered to somebody who cannot prove who they are")
	}
}

// TestFactorPage_SecondFactors holds what somebody with an authenticator app is offered,
// for each of the methods that a guard may ask for, and what somebody without one is.
func TestFactorPage_SecondFactors(t *testing.T) {
	t.Parallel()
	a := newFactorApp(t, passwordOptions{})
	a.engine.GET("/fresh", a.auth.RequireFactor(time.Nanosecond), func(*gin.Context) { t.Error("let through") })
	const confirm, recovery = "/api/auth/second-factor/confirm?callbackUrl=", "/api/auth/second-factor/confirm-recovery?callbackUrl="
	plain := a.browser(t)
	plain.types(adaReads, adaTypes)
	for query, add := range map[string]string{
		"&methods=otp+recovery": a.URL + "/api/auth/second-factor/add?callbackUrl=" + url.QueryEscape(a.URL+"/me"), // which is a proof at once
		"&methods=recovery":     "",
		"&methods=passkey":      "", // which this site does not have
	} {
		page := plain.get(factorPage + query)
		if page.StatusCode != http.StatusOK || !strings.Contains(page.body, "no way to give the proof") || strings.Contains(page.body, "second-factor") != (add != "") {
			t.Errorf("%q without an app: %d to %q %s", query, page.StatusCode, page.Header.Get("Location"), page.body)
		}
		if add != "" && (!strings.Contains(page.body, `class="primary" href="`+strings.ReplaceAll(add, "&", "&amp;")+`"`) || !strings.Contains(plain.get(add).body, "Scan this picture")) {
			t.Errorf("%q without an app does not lead to one: %s", query, page.body)
		}
	}
	b := a.browser(t)
	a.enrols(t, b)
	for _, row := range []struct {
		query    string
		location string // where it leads at once
		has, not []string
	}{
		{"", "", []string{confirm, "factor/credentials", "factor/email"}, []string{recovery, `name="code"`}},
		{"&methods=otp", confirm, nil, nil},
		{"&methods=recovery", recovery, nil, nil},
		{"&methods=otp+recovery", confirm, nil, nil},
		{"&methods=recovery+password", "", []string{recovery, "factor/credentials"}, nil},
		{"&methods=password", "", []string{"factor/credentials"}, []string{"second-factor"}},
		{"&methods=mail+provider", "", []string{"factor/email"}, []string{"second-factor", "factor/credentials"}},
		{"&provider=first", "", []string{"factor/credentials"}, []string{`name="code"`, `action="` + a.URL + `/api/auth/factor/first"`}},
		{"&provider=nobody", "", []string{"factor/credentials"}, []string{`name="code"`}},
		{"&provider=email", "", []string{`name="code"`, `action="` + a.URL + `/api/auth/factor/email"`}, []string{"not the code", "factor/credentials"}},
		{"&provider=email&methods=mail&error=VerificationCode", "", []string{"not the code", `action="` + a.URL + `/api/auth/factor/email?methods=mail"`}, nil},
		{"&provider=email&error=Callback", "", nil, []string{"not the code"}},
	} {
		page := b.get(factorPage + row.query)
		if location := page.Header.Get("Location"); row.location == "" && location != "" || !strings.HasPrefix(location, a.URL+row.location) && row.location != "" {
			t.Errorf("%q leads to %q", row.query, location)
		}
		for _, text := range row.has {
			if !strings.Contains(page.body, text) {
				t.Errorf("%q lacks %s: %s", row.query, text, page.body)
			}
		}
		for _, text := range row.not {
			if strings.Contains(page.body, text) {
				t.Errorf("%q has %s: %s", row.query, text, page.body)
			}
		}
	}
	a.clock.move(time.Minute)
	if res := b.get("/fresh"); !strings.Contains(res.body, `"methods":["mail","provider","password","otp","recovery"]`) {
		t.Errorf("a program is told %s", res.body)
	}
}

// TestFactorPage_Faults holds that a database or a store that is down makes nobody signed
// out, that nothing is proved then, and what the log says of it.
func TestFactorPage_Faults(t *testing.T) {
	t.Parallel()
	db := newSeamAdapter()
	a := newFactorApp(t, passwordOptions{Options: ginauth.Options{Adapter: db}})
	b := a.browser(t)
	a.enrols(t, b)
	for call, doing := range map[string]string{
		"GetUser": "reading the session", "ListAccounts": "looking up the user", "GetFactors": "looking up the second factors",
	} {
		db.down(call)
		a.log.forget()
		page := b.get(factorPage)
		if page.StatusCode != http.StatusServiceUnavailable || !strings.Contains(page.body, "Its log says more") {
			t.Errorf("%s: the page answers %d %s", call, page.StatusCode, page.body)
		}
		if want := `level=ERROR msg="ginauth: ` + doing + ` failed" error=`; !strings.Contains(a.log.String(), want) || !strings.Contains(a.log.String(), "connection refused") {
			t.Errorf("%s: the log says %s", call, a.log)
		}
		db.up(call)
	}
	form := func(more ...string) url.Values {
		fields := url.Values{"csrfToken": {b.csrf()}, "callbackUrl": {"/me"}, "username": {adaReads}, "password": {adaTypes}}
		for i := 0; i < len(more); i += 2 {
			fields.Set(more[i], more[i+1])
		}
		return fields
	}
	db.down("ListAccounts")
	a.log.forget()
	b.post("/api/auth/factor/credentials", form()).unproved(t, "SessionUnavailable")
	if log := a.log.String(); !strings.Contains(log, `level=WARN msg="ginauth: a proof of somebody who is signed in was refused" provider=credentials code=SessionUnavailable`) ||
		!strings.Contains(log, `step="proving again"`) || !strings.Contains(log, "connection refused") {
		t.Errorf("the log says %s", log)
	}
	db.up("ListAccounts")
	db.down("GetUser")
	if res := b.post("/api/auth/factor/credentials", form()); res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a proof while the session cannot be read: %d to %s", res.StatusCode, res.Header.Get("Location"))
	}
	db.up("GetUser")

	a.log.forget()
	b.post("/api/auth/factor", form()).unproved(t, "Default")
	b.post("/api/auth/factor/nobody", form()).unproved(t, "Default")
	if log := a.log.String(); strings.Count(log, `level=INFO msg="ginauth: a proof of somebody who is signed in was refused" provider="" code=Default`) != 2 ||
		!strings.Contains(log, `step="proving again" error="ginauth: the URL names no provider`) {
		t.Errorf("the log says %s", log)
	}
	res := b.post("/api/auth/factor", form("json", "true"))
	if res.StatusCode != http.StatusOK || res.body != `{"url":"`+a.URL+`/api/auth/factor?error=Default"}` {
		t.Errorf("a script is answered %d %s", res.StatusCode, res.body)
	}
}

// TestFactorPage_StoreDown is TestFactorPage_Faults for a store of sessions.
func TestFactorPage_StoreDown(t *testing.T) {
	t.Parallel()
	store := newSeamStore()
	s := newSealedSite(t, ginauth.Options{Session: ginauth.SessionOptions{Store: store}})
	b := s.browser(t)
	b.signInAs("ada")
	csrf := b.csrf()
	store.down("Get")
	form := adasForm()
	form.Set("csrfToken", csrf)
	for _, res := range []answer{b.get(factorPage), b.post("/api/auth/factor/credentials", form)} {
		if res.StatusCode != http.StatusServiceUnavailable || res.ends() {
			t.Errorf("%s answered %d %s", res.Request.URL, res.StatusCode, res.body)
		}
	}
	if !strings.Contains(s.log.String(), `msg="ginauth: reading the session failed"`) {
		t.Errorf("the log says %s", s.log)
	}
	store.up("Get")
	b.admits("/fresh")
}

// TestFactor_FaultAtTheAnswer holds that a proof that nobody can check, or keep, is none.
func TestFactor_FaultAtTheAnswer(t *testing.T) {
	t.Parallel()
	db, store := newSeamAdapter(), newSeamStore()
	s := newFactorSite(t, ginauth.Options{Adapter: db, Session: ginauth.SessionOptions{Store: store}})
	b := s.browser(t)
	b.signInAt(s.idp, "first", "ada")
	before := b.factors()
	for _, row := range []struct {
		of   *seams
		call string
	}{{&db.seams, "ListAccounts"}, {&db.seams, "GetUser"}, {&store.seams, "Update"}, {&store.seams, "Get"}} {
		s.clock.move(freshFor + time.Minute)
		callback := as(t, s.idp, s.proofOf(b, "first"), "ada")
		row.of.down(row.call)
		s.log.forget()
		b.get(callback.String()).unproved(t, "SessionUnavailable")
		if log := s.log.String(); !strings.Contains(log, `level=WARN msg="ginauth: a proof of somebody who is signed in was refused" provider=first code=SessionUnavailable`) ||
			!strings.Contains(log, `step="proving again"`) || !strings.Contains(log, "connection refused") {
			t.Errorf("%s: the log says %s", row.call, log)
		}
		row.of.up(row.call)
		if after := b.factors(); len(after) != 1 || after[0] != before[0] {
			t.Errorf("%s: factors %v, then %v", row.call, before, after)
		}
	}
	b.get(as(t, s.idp, s.proofOf(b, "first"), "ada").String()).leads(t, b, "/fresh")
	b.admits("/fresh")
}

// TestFactor_SessionWithoutName holds that a session that nothing names, as another program
// may have made it, gets no proof: it could not be bound to it.
func TestFactor_SessionWithoutName(t *testing.T) {
	t.Parallel()
	s := newFactorSite(t, ginauth.Options{})
	user := s.db.add(t, ginauth.User{Name: "Ada", Email: "ada@example.com"}, ginauth.Account{Provider: "first", Type: "oauth", ProviderAccountID: "ada"})
	for name, row := range map[string]struct {
		more   map[string]any
		offers bool
	}{
		"by its token":    {map[string]any{"jti": "j-1"}, true},
		"without a name":  {nil, false},
		"by its own name": {map[string]any{"ginauth_sid": "s-1"}, true},
	} {
		b := s.browser(t)
		claims := map[string]any{"sub": user.ID, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()}
		maps.Copy(claims, row.more)
		payload, err := json.Marshal(claims)
		if err != nil {
			t.Fatal(err)
		}
		b.plant(sessionCookie, seal(t, testSecret, payload))
		page := b.get(factorPage)
		if got := strings.Contains(page.body, "/api/auth/factor/first"); got != row.offers || got == strings.Contains(page.body, "no way to give the proof") {
			t.Errorf("%s: %d %s", name, page.StatusCode, page.body)
		}
		res := b.post("/api/auth/factor/first", url.Values{"csrfToken": {b.csrf()}, "callbackUrl": {"/me"}})
		if row.offers {
			if !strings.HasPrefix(res.Header.Get("Location"), s.idp.Issuer()) {
				t.Errorf("%s: %d to %s", name, res.StatusCode, res.Header.Get("Location"))
			}
			continue
		}
		res.unproved(t, "OtherAccount")
	}
}

// TestFactor_StrippedMeanwhile holds that a session from which another program took the
// proofs, while one was under way, gets no proof: nothing tells any more by which account it
// began.
func TestFactor_StrippedMeanwhile(t *testing.T) {
	t.Parallel()
	s := newSealedSite(t, ginauth.Options{})
	b := s.browser(t)
	b.signInAt(s.idp, "first", "ada")
	callback := as(t, s.idp, s.proofOf(b, "first"), "ada")
	claims := opened(t, forSession, b.cookie(sessionCookie))
	stripped := maps.Clone(claims)
	delete(stripped, factorsClaim)
	payload, err := json.Marshal(stripped)
	if err != nil {
		t.Fatal(err)
	}
	b.plant(sessionCookie, seal(t, testSecret, payload))
	b.get(callback.String()).unproved(t, "OtherAccount")
	if got := b.factors(); len(got) > 0 {
		t.Errorf("factors %v", got)
	}
}

// TestFactor_PasskeyOffered holds that a passkey is asked for only where the person has one.
func TestFactor_PasskeyOffered(t *testing.T) {
	t.Parallel()
	a := newPasskeyApp(t, ginauth.Options{})
	d := a.device(t)
	b := a.browser(t)
	b.signInByPassword("ada")
	offers := func() bool { return strings.Contains(b.get(factorPage).body, "/api/auth/factor/passkey") }
	if offers() {
		t.Error("offered to somebody without one")
	}
	b.post("/api/auth/factor/passkey", url.Values{"csrfToken": {b.csrf()}}).unproved(t, "OtherAccount")
	if !b.register(d) || !offers() {
		t.Errorf("it is not offered\n%s", a.log)
	}
	b.post("/api/auth/factor/passkey", url.Values{"csrfToken": {b.csrf()}}).unproved(t, "PasskeySignin")
}

// TestAttack40_ProofAtProvider holds that no cache keeps the cookie of a session that has
// a new proof.
func TestAttack40_ProofAtProvider(t *testing.T) {
	t.Parallel()
	s := newSealedSite(t, ginauth.Options{})
	b := s.browser(t)
	b.signInAt(s.idp, "first", "ada")
	began := b.post("/api/auth/factor/first", url.Values{"csrfToken": {b.csrf()}, "callbackUrl": {"/me"}})
	res := b.get(as(t, s.idp, began.Header.Get("Location"), "ada").String())
	if !res.signedIn() || !strings.Contains(res.Header.Get("Cache-Control"), "private") {
		t.Errorf("%d %s: Cache-Control is %q, and Set-Cookie %q", res.StatusCode, res.Header.Get("Location"), res.Header.Get("Cache-Control"), res.Header["Set-Cookie"])
	}
}

// TestFactor_StartsLimited holds that proofs at a provider count as the sign-ins there do.
func TestFactor_StartsLimited(t *testing.T) {
	t.Parallel()
	s := newSealedSite(t, ginauth.Options{Limits: ginauth.Limits{Starts: ginauth.Rate{Count: 2, Per: time.Hour}}, TrustedProxies: behindProxy})
	b := s.browser(t)
	b.signInAt(s.idp, "first", "ada")
	for n := range 4 {
		req := b.request(http.MethodPost, "/api/auth/factor/first", url.Values{"csrfToken": {b.csrf()}, "callbackUrl": {"/me"}})
		req.Header.Set("X-Forwarded-For", "203.0.113.7")
		res := b.do(req)
		if began := strings.HasPrefix(res.Header.Get("Location"), s.idp.Issuer()); began != (n < 2) || !began && (res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") == "") {
			t.Errorf("%d: answered %d to %q", n, res.StatusCode, res.Header.Get("Location"))
		}
	}
}

// TestRequireFactor_FaultyGuardElsewhere holds that a guard that refuses everybody tells
// another host's visitor no more than that.
func TestRequireFactor_FaultyGuardElsewhere(t *testing.T) {
	t.Parallel()
	s := newSealedSite(t, ginauth.Options{})
	s.engine.GET("/faulty", s.auth.RequireFactor(0), func(*gin.Context) { t.Error("let through") })
	res := s.send(t, http.MethodGet, "/faulty", "", "Host", "evil.example")
	if res.StatusCode != http.StatusBadRequest || !strings.Contains(res.body, `"BadHost"`) {
		t.Errorf("answered %d %s", res.StatusCode, res.body)
	}
}
