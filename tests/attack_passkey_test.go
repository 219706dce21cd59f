package tests

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ginauth/ginauth"
)

// refusedPasskey fails the test if an answer signed somebody in, or said more than that it
// did not.
func (a answer) refusedPasskey(t *testing.T, name string) {
	t.Helper()
	if a.signedIn() {
		t.Errorf("%s: signed in", name)
	}
	if got := a.Header.Get("Location"); !strings.HasSuffix(got, "/api/auth/error?error=PasskeySignin") {
		t.Errorf("%s: answered %d and leads to %q", name, a.StatusCode, got)
	}
}

// A passkey's answer that was made on another site's page, or for it, signs nobody in and
// registers nothing.
func TestAttack70_PasskeyOfAnotherSite(t *testing.T) {
	t.Parallel()
	a := newPasskeyApp(t, ginauth.Options{})
	d := a.registered(t, "ada")
	port := a.URL[strings.LastIndex(a.URL, ":"):]
	for name, bend := range map[string]func(*ceremony){
		"another origin":      func(c *ceremony) { c.Origin = "https://evil.example" },
		"a sibling subdomain": func(c *ceremony) { c.Origin = "http://evil.localhost" + port },
		"another port":        func(c *ceremony) { c.Origin = "http://localhost:1" },
		"another scheme":      func(c *ceremony) { c.Origin = "https://localhost" + port },
		"no origin":           func(c *ceremony) { c.Origin = "" },
		"the opaque origin":   func(c *ceremony) { c.Origin = "null" },
		"an app's origin":     func(c *ceremony) { c.Origin = "android:apk-key-hash:abc" },
		"a frame":             func(c *ceremony) { c.CrossOrigin = true },
		"another RP ID":       func(c *ceremony) { c.rpID = "evil.example" },
		"a parent RP ID":      func(c *ceremony) { c.rpID = "host" },
		"a sibling's RP ID":   func(c *ceremony) { c.rpID = "evil.localhost" },
	} {
		b := a.browser(t)
		d.bend = bend
		b.signInByPasskey(d).refusedPasskey(t, name)
		b.signInByPassword("bob")
		if other := a.device(t); func() bool { other.bend = bend; return b.register(other) }() {
			t.Errorf("%s: registered", name)
		}
	}
	d.bend = nil
	if !a.browser(t).signInByPasskey(d).signedIn() {
		t.Error("the right answer is refused")
	}
	if list, _ := a.auth.Passkeys(t.Context(), a.people["bob"]); len(list) != 0 {
		t.Errorf("Bob has %v", list)
	}
}

// Another page of a trusted origin may send forms. A passkey's answer made there counts
// only where passkey.Config lists the origin.
func TestAttack70_PasskeyOfATrustedOrigin(t *testing.T) {
	t.Parallel()
	const other = "http://admin.localhost"
	a := newPasskeyApp(t, ginauth.Options{TrustedOrigins: []string{other}})
	d := a.registered(t, "ada")
	b := a.browser(t)
	o, _ := b.passkeyOptions("authenticate")
	d.origin = other
	for name, sent := range map[string]string{"from there": other, "from here": a.URL} {
		req := b.request(http.MethodPost, "/api/auth/callback/passkey", url.Values{"csrfToken": {b.csrf()}, "action": {"authenticate"}, "data": {d.get(o)}})
		req.Header.Set("Origin", sent)
		if res := b.do(req); res.signedIn() {
			t.Errorf("%s: signed in", name)
		}
	}
}

// A challenge is used once, by the browser and for the purpose that it was made for.
func TestAttack71_PasskeyChallenge(t *testing.T) {
	t.Parallel()
	a := newPasskeyApp(t, ginauth.Options{})
	d := a.registered(t, "ada")

	b := a.browser(t)
	o, _ := b.passkeyOptions("authenticate")
	said := d.get(o)
	if !b.postPasskey("authenticate", said).signedIn() {
		t.Fatal("the first answer is refused")
	}
	b.postPasskey("authenticate", said).refusedPasskey(t, "the same answer again")
	b.postPasskey("authenticate", d.get(o)).refusedPasskey(t, "another answer to the same challenge")

	o, _ = b.passkeyOptions("authenticate")
	a.browser(t).postPasskey("authenticate", d.get(o)).refusedPasskey(t, "in another browser")

	o, _ = b.passkeyOptions("authenticate")
	late := d.get(o)
	a.move(10 * time.Minute)
	b.postPasskey("authenticate", late).refusedPasskey(t, "after its time")

	for name, challenge := range map[string]string{"none": "", "of somebody's own": encode(make([]byte, 32)), "cut": o.Challenge[:len(o.Challenge)-4]} {
		d.bend = func(c *ceremony) { c.Challenge = challenge }
		b.signInByPasskey(d).refusedPasskey(t, "a challenge "+name)
	}
	d.bend = nil
}

// A registration's answer is none to a sign-in, nor the other way round, nor is either a
// fresh proof, whatever type it says it is of.
func TestAttack71_PasskeyOfAnotherPurpose(t *testing.T) {
	t.Parallel()
	a := newPasskeyApp(t, ginauth.Options{})
	d := a.registered(t, "ada")
	b := a.browser(t)
	b.signInByPassword("ada")
	signIn, _ := b.passkeyOptions("authenticate")
	register, _ := b.passkeyOptions("register")
	prove, _ := b.passkeyOptions("prove")
	if signIn.Challenge == "" || register.Challenge == "" || prove.Challenge == "" {
		t.Fatal("no options")
	}
	for name, o := range map[string]options{"a registration's challenge": register, "a further proof's challenge": prove} {
		for _, kind := range []string{"webauthn.get", "webauthn.create"} {
			d.bend = func(c *ceremony) { c.Type = kind }
			b.postPasskey("authenticate", d.get(o)).refusedPasskey(t, name+" at sign-in, "+kind)
		}
	}
	d.bend = func(c *ceremony) { c.Type = "webauthn.create" }
	b.postPasskey("authenticate", d.get(signIn)).refusedPasskey(t, "the wrong type")
	d.bend = nil
	fresh := a.device(t)
	for name, o := range map[string]options{"a sign-in's challenge": signIn, "a further proof's challenge": prove} {
		o.RP.ID, o.User.ID = "localhost", encode([]byte("handle"))
		b.postPasskey("register", fresh.create(o))
		if list, _ := a.auth.Passkeys(t.Context(), a.people["ada"]); len(list) != 1 {
			t.Errorf("%s registered a passkey", name)
		}
	}
	b.postPasskey("authenticate", fresh.create(register)).refusedPasskey(t, "a registration at sign-in")
	for name, o := range map[string]options{"a sign-in's challenge": signIn, "a registration's challenge": register} {
		res := b.post("/api/auth/factor/passkey", url.Values{"csrfToken": {b.csrf()}, "data": {d.get(o)}, "callbackUrl": {"/"}})
		if !strings.Contains(res.Header.Get("Location"), "error=") {
			t.Errorf("%s is a fresh proof: %d %s", name, res.StatusCode, res.Header.Get("Location"))
		}
	}
}

// Ten uses at once of one answer, through two processes that share a database, begin one
// session.
func TestAttack71_PasskeyTwiceAtOnce(t *testing.T) {
	t.Parallel()
	adapter := ginauth.MemoryAdapter()
	a := newPasskeyApp(t, ginauth.Options{Adapter: adapter})
	d := a.registered(t, "ada")
	b := a.browser(t)
	o, _ := b.passkeyOptions("authenticate")
	form := url.Values{"csrfToken": {b.csrf()}, "action": {"authenticate"}, "data": {d.get(o)}}
	var mu sync.Mutex
	var wg sync.WaitGroup
	begun := 0
	for range 10 {
		wg.Go(func() {
			if b.post("/api/auth/callback/passkey", form).signedIn() {
				mu.Lock()
				begun++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if begun != 1 {
		t.Errorf("%d sessions begin", begun)
	}
}

// A registration's answer counts once, also when its passkey was removed meanwhile.
func TestAttack71_RegistrationAgain(t *testing.T) {
	t.Parallel()
	a := newPasskeyApp(t, ginauth.Options{})
	b, d := a.browser(t), a.device(t)
	b.signInByPassword("ada")
	o, _ := b.passkeyOptions("register")
	said := d.create(o)
	b.postPasskey("register", said)
	list, _ := a.auth.Passkeys(t.Context(), a.people["ada"])
	if len(list) != 1 {
		t.Fatal(a.log)
	}
	if err := a.auth.RemovePasskey(t.Context(), a.people["ada"], list[0].ID); err != nil {
		t.Fatal(err)
	}
	b.postPasskey("register", said)
	if list, _ := a.auth.Passkeys(t.Context(), a.people["ada"]); len(list) != 0 {
		t.Error("the removed passkey is back")
	}
	// Nor is it good in another session of the same person.
	o, _ = b.passkeyOptions("register")
	said = d.create(o)
	b.signInByPassword("ada")
	b.postPasskey("register", said)
	if list, _ := a.auth.Passkeys(t.Context(), a.people["ada"]); len(list) != 0 {
		t.Error("another session's answer registered a passkey")
	}
}

// Nobody signs in as another, or takes over another's credential.
func TestAttack72_PasskeyOfAnother(t *testing.T) {
	t.Parallel()
	a := newPasskeyApp(t, ginauth.Options{})
	adas, bobs := a.registered(t, "ada"), a.registered(t, "bob")
	for name, bend := range map[string]func(*ceremony){
		"Ada's credential ID":            func(c *ceremony) { c.id = adas.keys[0].id },
		"Ada's user handle":              func(c *ceremony) { c.handle = adas.keys[0].handle },
		"Ada's credential ID and handle": func(c *ceremony) { c.id, c.handle = adas.keys[0].id, adas.keys[0].handle },
		"no user handle":                 func(c *ceremony) { c.handle = nil },
		"an empty user handle":           func(c *ceremony) { c.handle = []byte{} },
		"Ada's ID for a handle":          func(c *ceremony) { c.handle = []byte(a.people["ada"]) },
		"an unknown credential ID":       func(c *ceremony) { c.id = []byte("unknown") },
	} {
		bobs.bend = bend
		a.browser(t).signInByPasskey(bobs).refusedPasskey(t, name)
	}
	// A registration under Ada's credential ID takes nothing of hers.
	eve := a.device(t)
	eve.bend = func(c *ceremony) { c.id = adas.keys[0].id }
	b := a.browser(t)
	b.signInByPassword("bob")
	if b.register(eve) {
		t.Error("Bob registers Ada's credential ID")
	}
	eve.bend = nil
	a.browser(t).signInByPasskey(eve).refusedPasskey(t, "Bob's key under Ada's ID")
	ada := a.browser(t)
	if !ada.signInByPasskey(adas).signedIn() || ada.user() != "ada@example.com" {
		t.Error("Ada's passkey is gone")
	}
	// Bob's session does not prove anything by Ada's passkey.
	o, _ := b.passkeyOptions("prove")
	res := b.post("/api/auth/factor/passkey", url.Values{"csrfToken": {b.csrf()}, "data": {adas.get(o)}, "callbackUrl": {"/"}})
	if !strings.Contains(res.Header.Get("Location"), "error=") {
		t.Errorf("Ada's passkey proves in Bob's session: %s", res.Header.Get("Location"))
	}
}

// A passkey goes with its user, and what was begun by a session goes with that.
func TestAttack72_PasskeyOfADeletedUser(t *testing.T) {
	t.Parallel()
	a := newPasskeyApp(t, ginauth.Options{})
	adas, bobs := a.registered(t, "ada"), a.registered(t, "bob")
	if err := a.auth.DeleteUser(t.Context(), a.people["ada"]); err != nil {
		t.Fatal(err)
	}
	a.browser(t).signInByPasskey(adas).refusedPasskey(t, "a deleted user's passkey")
	// Bob's session is revoked while he adds a passkey.
	b, second := a.browser(t), a.device(t)
	b.signInByPassword("bob")
	o, _ := b.passkeyOptions("register")
	a.move(time.Second)
	if err := a.auth.RevokeUser(t.Context(), a.people["bob"]); err != nil {
		t.Fatal(err)
	}
	b.postPasskey("register", second.create(o))
	if list, _ := a.auth.Passkeys(t.Context(), a.people["bob"]); len(list) != 1 {
		t.Errorf("a revoked session added a passkey: %d", len(list))
	}
	a.move(2 * time.Second)
	if !a.browser(t).signInByPasskey(bobs).signedIn() {
		t.Error("RevokeUser took the passkey away: it ends sessions")
	}
}

// Without user verification a passkey is what was found in the street. And a counter that
// goes back says that there are two of it.
func TestAttack73_PasskeyWithoutPerson(t *testing.T) {
	t.Parallel()
	a := newPasskeyApp(t, ginauth.Options{})
	d := a.registered(t, "ada")
	for name, flags := range map[string]byte{"no user verification": userPresent, "no presence": userVerified, "no flags": 0, "backed up, and not eligible": userPresent | userVerified | backedUp, "eligible all at once": userPresent | userVerified | backupEligible} {
		d.bend = func(c *ceremony) { c.flags = flags }
		a.browser(t).signInByPasskey(d).refusedPasskey(t, name)
	}
	b, other := a.browser(t), a.device(t)
	b.signInByPassword("bob")
	other.bend = func(c *ceremony) { c.flags = userPresent | attested }
	if b.register(other) {
		t.Error("a passkey without user verification is registered")
	}
}

func TestAttack73_PasskeyCounterBack(t *testing.T) {
	t.Parallel()
	a := newPasskeyApp(t, ginauth.Options{})
	d := a.device(t)
	d.counts = true
	b := a.browser(t)
	b.signInByPassword("ada")
	if !b.register(d) || !a.browser(t).signInByPasskey(d).signedIn() || !a.browser(t).signInByPasskey(d).signedIn() {
		t.Fatal(a.log)
	}
	for name, count := range map[string]uint32{"the same": 2, "a smaller one": 1, "none": 0} {
		d.bend = func(c *ceremony) { c.count = count }
		a.browser(t).signInByPasskey(d).refusedPasskey(t, "counter "+name)
	}
	list, err := a.auth.Passkeys(t.Context(), a.people["ada"])
	if err != nil || len(list) != 1 || !list[0].Cloned {
		t.Errorf("%+v, %v", list, err)
	}
	if !strings.Contains(a.log.String(), "signature counter went back") {
		t.Error("the log does not warn")
	}
	if body := b.get("/api/auth/passkeys").body; !strings.Contains(body, "may have been copied") {
		t.Error("the page does not warn")
	}
	d.bend = func(c *ceremony) { c.count = 7 }
	if !a.browser(t).signInByPasskey(d).signedIn() {
		t.Error("the one that is ahead is refused")
	}
}

// Who has a stolen session adds and removes no passkey: it takes a fresh proof, which the
// session does not give.
func TestAttack74_StolenSessionAddsPasskey(t *testing.T) {
	t.Parallel()
	a := newPasskeyApp(t, ginauth.Options{})
	adas := a.registered(t, "ada")
	b, eve := a.browser(t), a.device(t)
	b.signInByPassword("ada")
	early, _ := b.passkeyOptions("register")
	a.move(10*time.Minute - time.Second)
	early2, ok := b.passkeyOptions("register")
	if !ok {
		t.Fatal("a proof of nine minutes is not fresh")
	}
	a.move(2 * time.Second)
	if _, ok := b.passkeyOptions("register"); ok {
		t.Error("options without a fresh proof")
	}
	b.postPasskey("register", eve.create(early))
	b.postPasskey("register", eve.create(early2))
	list, _ := a.auth.Passkeys(t.Context(), a.people["ada"])
	if len(list) != 1 {
		t.Fatal("a passkey was added without a fresh proof")
	}
	res := b.post("/api/auth/passkeys", url.Values{"csrfToken": {b.csrf()}, "do": {"remove"}, "id": {list[0].ID}})
	if after, _ := a.auth.Passkeys(t.Context(), a.people["ada"]); len(after) != 1 || !strings.Contains(res.Header.Get("Location"), "/api/auth/factor?") {
		t.Errorf("removed without a fresh proof, or led to %s", res.Header.Get("Location"))
	}
	// With one it goes on.
	o, _ := b.passkeyOptions("prove")
	res = b.post("/api/auth/factor/passkey", url.Values{"csrfToken": {b.csrf()}, "data": {adas.get(o)}, "callbackUrl": {"/api/auth/passkeys"}})
	if !strings.HasSuffix(res.Header.Get("Location"), "/api/auth/passkeys") {
		t.Fatalf("the proof is refused: %s\n%s", res.Header.Get("Location"), a.log)
	}
	if !b.register(eve) {
		t.Error("not added after the proof")
	}
}

// Who registered with somebody else's address and planted a passkey is shut out when the
// address's owner proves it.
func TestAttack74_PlantedPasskey(t *testing.T) {
	t.Parallel()
	mails := &inbox{}
	adapter := ginauth.MemoryAdapter()
	a := newPasskeyApp(t, ginauth.Options{Adapter: adapter, TrustedHosts: nil, BaseURL: "http://localhost", Providers: []ginauth.Provider{ginauth.Email{Send: mails.send}}})
	a.URL = "http://localhost" + a.URL[strings.LastIndex(a.URL, ":"):]
	user, err := adapter.UpdateUser(t.Context(), ginauth.User{ID: a.people["ada"], Name: "ada", Email: "ada@example.com"})
	if err != nil || !user.EmailVerified.IsZero() {
		t.Fatal(user, err)
	}
	eve, d := a.browser(t), a.device(t)
	d.origin = "http://localhost"
	eve.signInByPassword("ada")
	if !eve.register(d) || !a.browser(t).signInByPasskey(d).signedIn() {
		t.Fatal(a.log)
	}
	ada := a.browser(t)
	ada.post("/api/auth/signin/email", url.Values{"csrfToken": {ada.csrf()}, "email": {"ada@example.com"}})
	link, err := url.Parse(mails.newest(t).URL)
	if err != nil {
		t.Fatal(err)
	}
	form := link.Query()
	form.Set("csrfToken", ada.csrf())
	if !ada.post("/api/auth/callback/email", form).signedIn() {
		t.Fatal("Ada does not get in:", a.log)
	}
	a.browser(t).signInByPasskey(d).refusedPasskey(t, "the planted passkey")
	if list, _ := a.auth.Passkeys(t.Context(), a.people["ada"]); len(list) != 0 {
		t.Errorf("it stays: %+v", list)
	}
}

// A user has so many passkeys and no more, however many are registered at once.
func TestAttack75_ManyPasskeys(t *testing.T) {
	t.Parallel()
	a := newPasskeyApp(t, ginauth.Options{Limits: ginauth.Limits{Disabled: true}})
	b := a.browser(t)
	b.signInByPassword("ada")
	ahead := make([]string, 40)
	for i := range ahead {
		o, ok := b.passkeyOptions("register")
		if !ok {
			t.Fatal(a.log)
		}
		ahead[i] = a.device(t).create(o)
	}
	var wg sync.WaitGroup
	for _, said := range ahead {
		wg.Go(func() { b.postPasskey("register", said) })
	}
	wg.Wait()
	for range 10_000 {
		if o, ok := b.passkeyOptions("register"); ok {
			b.postPasskey("register", a.device(t).create(o))
		} else {
			break
		}
	}
	list, err := a.auth.Passkeys(t.Context(), a.people["ada"])
	if err != nil || len(list) == 0 || len(list) > 20 {
		t.Errorf("%d passkeys, %v", len(list), err)
	}
	if body := b.get("/api/auth/passkeys").body; len(list) == 20 && strings.Contains(body, "Add a passkey") {
		t.Error("the page offers another")
	}
}

// Hostile CBOR and JSON neither ends the process nor takes its memory.
func TestAttack75_HostileAnswers(t *testing.T) {
	t.Parallel()
	a := newPasskeyApp(t, ginauth.Options{Limits: ginauth.Limits{Disabled: true}})
	adas := a.registered(t, "ada")
	b := a.browser(t)
	b.signInByPassword("bob")
	deep := bytes.Repeat([]byte{0x81}, 30_000)               // an array in an array in an array …
	long := []byte{0x9b, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0} // of two thousand million elements
	text := []byte{0x7b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	endless := bytes.Repeat([]byte{0x9f}, 30_000)
	began := time.Now()
	for name, bomb := range map[string][]byte{"deep": deep, "long": long, "text": text, "endless": endless, "empty": {}, "one byte": {0xa1}, "map of itself": {0xbf, 0xbf, 0xbf}} {
		eve := a.device(t)
		for where, bend := range map[string]func([]byte) []byte{
			"whole":  func([]byte) []byte { return bomb },
			"behind": func(b []byte) []byte { return append(b, bomb...) },
			"middle": func(b []byte) []byte { return append(b[:len(b)/2:len(b)/2], bomb...) },
		} {
			eve.bend = func(c *ceremony) { c.attestation = bend }
			if bombed := b.register(eve); bombed && len(bomb) > 0 {
				t.Errorf("%s, %s: registered", name, where)
			}
		}
	}
	for name, data := range map[string]string{
		"nothing": "", "null": "null", "number": "1", "array": strings.Repeat("[", 10_000), "no response": `{"id":"YQ","rawId":"YQ","type":"public-key"}`,
		"numbers": `{"id":1,"rawId":2,"response":3}`, "long ID": `{"id":"` + strings.Repeat("A", 40_000) + `"}`,
	} {
		b.postPasskey("authenticate", data).refusedPasskey(t, name)
		if res := b.postPasskey("register", data); res.StatusCode >= 500 {
			t.Errorf("%s: %d", name, res.StatusCode)
		}
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
	if !a.browser(t).signInByPasskey(adas).signedIn() {
		t.Error("and nobody signs in any more")
	}
}

// Nothing tells who has an account or a passkey: not the options of a sign-in, and not
// what a wrong answer leads to.
func TestAttack76_PasskeysTellNobody(t *testing.T) {
	t.Parallel()
	a := newPasskeyApp(t, ginauth.Options{})
	d := a.registered(t, "ada")
	b := a.browser(t)
	shapes := map[string]bool{}
	for _, query := range []string{"", "&username=ada", "&username=nobody", "&email=ada@example.com", "&userId=" + a.people["ada"]} {
		var out map[string]map[string]any
		body := b.get("/api/auth/webauthn-options/passkey?action=authenticate" + query).body
		_ = json.Unmarshal([]byte(body), &out)
		delete(out["options"], "challenge")
		shape, _ := json.Marshal(out["options"])
		shapes[string(shape)] = true
	}
	if len(shapes) != 1 {
		t.Errorf("options differ: %v", shapes)
	}
	answers := map[string]bool{}
	for _, bend := range []func(*ceremony){
		func(c *ceremony) { c.id = []byte("unknown") },
		func(c *ceremony) { c.flags = userPresent },
		func(c *ceremony) { c.handle = []byte("another") },
		func(c *ceremony) { c.Origin = "https://evil.example" },
	} {
		d.bend = bend
		res := b.signInByPasskey(d)
		answers[res.Status+res.Header.Get("Location")+res.body] = true
	}
	if len(answers) != 1 {
		t.Errorf("answers differ: %v", answers)
	}
	if o, ok := b.passkeyOptions("prove"); ok {
		t.Errorf("a stranger is told %v", o)
	}
	if list := b.get("/api/auth/passkeys"); list.StatusCode == http.StatusOK {
		t.Error("a stranger sees a list")
	}
}

// A hookedAdapter does something right after a passkey was stored or used.
type hookedAdapter struct {
	ginauth.Adapter
	ginauth.PasskeyStore
	mu               sync.Mutex
	created, updated func(ginauth.StoredPasskey)
}

func newHookedAdapter() *hookedAdapter {
	adapter := ginauth.MemoryAdapter()
	return &hookedAdapter{Adapter: adapter, PasskeyStore: adapter.(ginauth.PasskeyStore)}
}

func (h *hookedAdapter) hook(created, updated func(ginauth.StoredPasskey)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.created, h.updated = created, updated
}

func (h *hookedAdapter) CreatePasskey(ctx context.Context, p ginauth.StoredPasskey) error {
	err := h.PasskeyStore.CreatePasskey(ctx, p)
	h.mu.Lock()
	defer h.mu.Unlock()
	if err == nil && h.created != nil {
		h.created(p)
	}
	return err
}

func (h *hookedAdapter) UpdatePasskey(ctx context.Context, p ginauth.StoredPasskey, data []byte) error {
	err := h.PasskeyStore.UpdatePasskey(ctx, p, data)
	h.mu.Lock()
	defer h.mu.Unlock()
	if err == nil && h.updated != nil {
		h.updated(p)
	}
	return err
}

// The owner of the address proves it, or the person is signed out everywhere, or has given
// no proof for a while, at the moment in which a passkey is stored: it is taken back.
func TestAttack74_PlantedMeanwhile(t *testing.T) {
	t.Parallel()
	for name, meanwhile := range map[string]func(t *testing.T, a *passkeyApp){
		"the address is proved": func(t *testing.T, a *passkeyApp) {
			if _, err := a.adapter.UpdateUser(t.Context(), ginauth.User{ID: a.people["ada"], Name: "ada", Email: "ada@example.com", EmailVerified: time.Now()}); err != nil {
				t.Error(err)
			}
		},
		"the proof grows old": func(_ *testing.T, a *passkeyApp) { a.move(11 * time.Minute) },
		"the sessions are revoked": func(t *testing.T, a *passkeyApp) {
			a.move(time.Second)
			if err := a.auth.RevokeUser(t.Context(), a.people["ada"]); err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			adapter := newHookedAdapter()
			a := newPasskeyApp(t, ginauth.Options{Adapter: adapter})
			if _, err := adapter.UpdateUser(t.Context(), ginauth.User{ID: a.people["ada"], Name: "ada", Email: "ada@example.com"}); err != nil {
				t.Fatal(err)
			}
			b, d := a.browser(t), a.device(t)
			b.signInByPassword("ada")
			if !b.register(a.device(t)) {
				t.Fatal(a.log)
			}
			adapter.hook(func(ginauth.StoredPasskey) { meanwhile(t, a) }, nil)
			b.register(d)
			if list, err := a.auth.Passkeys(t.Context(), a.people["ada"]); err != nil || len(list) != 1 {
				t.Errorf("%d passkeys, %v", len(list), err)
			}
		})
	}
}

// A passkey is removed while somebody signs in with it: no session is left.
func TestAttack72_PasskeyRemovedMeanwhile(t *testing.T) {
	t.Parallel()
	adapter := newHookedAdapter()
	a := newPasskeyApp(t, ginauth.Options{Adapter: adapter})
	d := a.registered(t, "ada")
	adapter.hook(nil, func(p ginauth.StoredPasskey) {
		if err := adapter.DeletePasskey(t.Context(), p.UserID, p.ID); err != nil {
			t.Error(err)
		}
	})
	b := a.browser(t)
	b.signInByPasskey(d).refusedPasskey(t, "removed meanwhile")
	if b.user() != "" {
		t.Error("signed in")
	}
}
