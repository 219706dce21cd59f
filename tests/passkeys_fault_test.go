package tests

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/servertest"
)

// A database or session store that fails on a route of passkeys: nothing is changed,
// nobody is signed out, a script reads that it was a fault, and the log says which.
func TestPasskeyFault_Routes(t *testing.T) {
	t.Parallel()
	a := newBrokenApp(t, redisSessions(t, servertest.Redis(t), ""), ginauth.Options{Limits: ginauth.Limits{Disabled: true}})
	a.registered(t, "ada")
	b, d := a.browser(t), a.device(t)
	b.signInByPassword("ada")
	id := a.passkeysOf(t, "ada")[0].ID
	page := func() answer { return b.get(passkeysPath) }
	options := func(action string) func() answer {
		return func() answer { return b.get(optionsPath + "?action=" + action) }
	}
	var begun, said string
	register := func() answer {
		return b.post(answerPath, url.Values{"csrfToken": {begun}, "action": {"register"}, "data": {said}})
	}
	rename := func() answer {
		return b.post(passkeysPath, url.Values{"csrfToken": {begun}, "do": {"rename"}, "id": {id}, "name": {"Other"}})
	}
	remove := func() answer {
		return b.post(passkeysPath, url.Values{"csrfToken": {begun}, "do": {"remove"}, "id": {id}})
	}
	for _, row := range []struct {
		name    string
		request func() answer
		calls   string
	}{
		{"the page", page, "Get GetUser ListPasskeys"},
		{"options to register", options("register"), "Get GetUser ListPasskeys CreateVerificationToken"},
		{"options to prove", options("prove"), "GetUser ListPasskeys"},
		{"to register", register, "Get GetUser UseVerificationToken CreatePasskey ListPasskeys"},
		{"to rename", rename, "GetUser ListPasskeys UpdatePasskey"},
		{"to remove", remove, "Get GetUser ListAccounts ListPasskeys DeletePasskey"},
	} {
		for call := range strings.FieldsSeq(row.calls) {
			begun = b.csrf()
			o, _ := b.passkeyOptions("register")
			said = d.create(o)
			a.log.forget()
			a.cut(call)
			res := row.request()
			a.mend(call)
			line := a.errorLine(t)
			if res.StatusCode != http.StatusServiceUnavailable || res.body != `{"message":"There is a problem with the server. Its log says more."}` || res.ends() || res.Header.Get("Cache-Control") != "private, no-cache, no-store" {
				t.Errorf("%s, %s: %d %s", row.name, call, res.StatusCode, res.body)
			}
			if !strings.Contains(line, "ginauth: reading or changing passkeys failed") || !strings.Contains(line, errCut.Error()) {
				t.Errorf("%s, %s: the log says %s", row.name, call, line)
			}
			if list := a.passkeysOf(t, "ada"); len(list) != 1 || list[0].Name != "Passkey" {
				t.Fatalf("%s, %s: in spite of it there is %+v", row.name, call, list)
			}
		}
	}
	// A fault comes before the question whether a proof is fresh.
	a.move(11 * time.Minute)
	a.log.forget()
	a.cut("GetUser")
	if res := options("register")(); res.StatusCode != http.StatusServiceUnavailable || a.errorLine(t) == "" {
		t.Errorf("without a fresh proof: %d %s", res.StatusCode, res.body)
	}
	a.mend("GetUser")
	b.signInByPassword("ada")
	a.spoilt(t, a.people["ada"], `{`, `[`)
	a.log.forget()
	for name, request := range map[string]func() answer{"the page": page, "options to register": options("register"), "to rename": rename} {
		if res := request(); res.StatusCode != http.StatusInternalServerError || !strings.Contains(a.errorLine(t), "a stored passkey cannot be read") {
			t.Errorf("%s, of one that cannot be read: %d", name, res.StatusCode)
		}
	}
	if list, err := a.auth.Passkeys(t.Context(), a.people["ada"]); err == nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
}

// What the database says that is no fault: a user or passkey is gone, or another request
// was first.
func TestPasskeyFault_Meanwhile(t *testing.T) {
	t.Parallel()
	a := newBrokenApp(t, nil, ginauth.Options{})
	d := a.registered(t, "ada")
	b := a.browser(t)
	b.signInByPassword("ada")
	id := a.passkeysOf(t, "ada")[0].ID
	signIn := a.URL + "/api/auth/signin?callbackUrl=" + url.QueryEscape(a.URL+passkeysPath)
	register := func() answer {
		o, _ := b.passkeyOptions("register")
		return b.postPasskey("register", a.device(t).create(o))
	}
	rename := func() answer { return b.doPasskeys("rename", id, "Other") }
	remove := func() answer { return b.doPasskeys("remove", id, "") }
	for _, row := range []struct {
		name, call string
		fails      error
		request    func() answer
		to         string
	}{
		{"the page of a deleted user", "GetUser", ginauth.ErrNotFound, func() answer { return b.get(passkeysPath) }, signIn},
		{"a deleted user renames", "GetUser", ginauth.ErrNotFound, rename, signIn},
		{"a deleted user removes", "GetUser", ginauth.ErrNotFound, remove, signIn},
		{"it is removed while it is renamed", "UpdatePasskey", ginauth.ErrNotFound, rename, a.URL + passkeysPath},
		{"it is removed twice", "DeletePasskey", ginauth.ErrNotFound, remove, a.URL + passkeysPath},
		{"somebody has the credential", "CreatePasskey", ginauth.ErrExists, register, a.URL + passkeysPath + "?error=PasskeyRegistration"},
		{"the challenge was used", "UseVerificationToken", ginauth.ErrNotFound, register, a.URL + passkeysPath + "?error=PasskeyRegistration"},
	} {
		a.log.forget()
		a.breaks(row.call, func() error { return row.fails })
		res := row.request()
		a.mend(row.call)
		if got := res.Header.Get("Location"); got != row.to || strings.Contains(a.log.String(), "level=ERROR") {
			t.Errorf("%s: %d %s, and the log says %s", row.name, res.StatusCode, got, a.log)
		}
	}
	// Once more a passkey is used while its name is changed: the name is kept all the same.
	conflicts := 1
	a.breaks("UpdatePasskey", func() error {
		if conflicts--; conflicts >= 0 {
			return ginauth.ErrConflict
		}
		return nil
	})
	if res := rename(); res.Header.Get("Location") != a.URL+passkeysPath || a.passkeysOf(t, "ada")[0].Name != "Other" {
		t.Errorf("%d %s", res.StatusCode, a.log)
	}
	a.mend("UpdatePasskey")
	// A user is deleted, and the database keeps their passkey.
	a.breaks("GetUser", func() error { return ginauth.ErrNotFound })
	a.browser(t).signInByPasskey(d).refusedPasskey(t, "of a user who is not there")
	a.mend("GetUser")
	if !a.browser(t).signInByPasskey(d).signedIn() {
		t.Error(a.log)
	}
}

// A database that takes one ID for another shows nobody another person's passkeys, and
// signs nobody in as another.
func TestPasskeyFault_OtherUser(t *testing.T) {
	t.Parallel()
	calls := &calls{}
	adapter := &mistaken{cutKeys: newCutKeys(calls)}
	a := newPasskeyApp(t, ginauth.Options{Adapter: adapter})
	d := a.registered(t, "ada")
	bob := a.browser(t)
	bob.signInByPassword("bob")
	signIn := a.URL + "/api/auth/signin?callbackUrl=" + url.QueryEscape(a.URL+passkeysPath)
	adapter.take(a.people["bob"], a.people["ada"])
	if res := bob.get(passkeysPath); res.Header.Get("Location") != signIn {
		t.Errorf("%d %s", res.StatusCode, res.body)
	}
	adapter.take(a.people["ada"], a.people["bob"])
	a.browser(t).signInByPasskey(d).refusedPasskey(t, "another user")
	adapter.take("", "")
	if !a.browser(t).signInByPasskey(d).signedIn() {
		t.Error(a.log)
	}
}

// A mistaken adapter finds another user than it was asked for.
type mistaken struct {
	cutKeys
	mu          sync.Mutex
	asked, user string
}

func (m *mistaken) take(asked, user string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked, m.user = asked, user
}

func (m *mistaken) GetUser(ctx context.Context, id string) (ginauth.User, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if id == m.asked {
		id = m.user
	}
	return m.cutKeys.GetUser(ctx, id)
}

// A passkey's answer that a fault keeps from being checked signs nobody in and proves
// nothing. That is a fault, and not a wrong answer.
func TestPasskeyFault_Answers(t *testing.T) {
	t.Parallel()
	a := newBrokenApp(t, nil, ginauth.Options{})
	d := a.registered(t, "ada")
	ada := a.browser(t)
	ada.signInByPassword("ada")
	for _, row := range []struct {
		call   string
		fails  error
		status int
		code   string
		level  string
	}{
		{"GetPasskey", errCut, http.StatusInternalServerError, "Callback", "WARN"},
		{"UpdatePasskey", errCut, http.StatusInternalServerError, "Callback", "WARN"},
		{"UpdatePasskey", ginauth.ErrConflict, http.StatusInternalServerError, "Callback", "WARN"},
		{"GetPasskey", ginauth.ErrNotFound, http.StatusUnauthorized, "PasskeySignin", "INFO"},
	} {
		for name, answerTo := range map[string]func(b *browser) answer{
			"the passkey": func(b *browser) answer {
				o, _ := b.passkeyOptions("authenticate")
				return b.post(answerPath, url.Values{"csrfToken": {b.csrf()}, "data": {d.get(o)}, "json": {"true"}})
			},
			"proving again": func(b *browser) answer {
				o, _ := b.passkeyOptions("prove")
				return b.post("/api/auth/factor/passkey", url.Values{"csrfToken": {b.csrf()}, "data": {d.get(o)}, "json": {"true"}})
			},
		} {
			b := a.browser(t)
			if name == "proving again" {
				b = ada
			}
			a.log.forget()
			a.breaks(row.call, func() error { return row.fails })
			res := answerTo(b)
			a.mend(row.call)
			if res.StatusCode != row.status || !strings.HasSuffix(res.body, `error=`+row.code+`"}`) || res.signedIn() {
				t.Errorf("%s, %s: %d %s", name, row.call, res.StatusCode, res.body)
			}
			if got := a.log.String(); !strings.Contains(got, "level="+row.level) || !strings.Contains(got, `step="`+name+`"`) || !strings.Contains(got, "code="+row.code) {
				t.Errorf("%s, %s: the log says %s", name, row.call, got)
			}
		}
	}
	// Of a user whose row fails it is one, too.
	a.cut("GetUser")
	if res := a.browser(t).signInByPasskey(d); !strings.HasSuffix(res.Header.Get("Location"), "error=Callback") || res.signedIn() {
		t.Errorf("%d %s", res.StatusCode, res.Header.Get("Location"))
	}
	a.mend("GetUser")
	// A public key that nobody can read lets nobody in.
	a.spoilt(t, a.people["ada"], `"public":{`, `"public":[],"former":{`)
	a.log.forget()
	a.browser(t).signInByPasskey(d).refusedPasskey(t, "a key that cannot be read")
	if !strings.Contains(a.log.String(), "cannot unmarshal") {
		t.Errorf("the log says %s", a.log)
	}
	a.log.forget()
	if res := ada.get(optionsPath + "?action=prove"); res.StatusCode != http.StatusInternalServerError || !strings.Contains(a.errorLine(t), "a stored public key cannot be read") {
		t.Errorf("%d %s", res.StatusCode, res.body)
	}
}

// Who waits for a second factor is not told that the sign-in is over, where only the
// database does not say.
func TestPasskeyFault_Waiting(t *testing.T) {
	t.Parallel()
	required := false
	opts := ginauth.Options{Factors: ginauth.FactorOptions{OTP: true, Required: func(*gin.Context, ginauth.User) bool { return required }}}
	a := newBrokenApp(t, redisSessions(t, servertest.Redis(t), ""), opts)
	a.registered(t, "ada")
	b := a.browser(t)
	res := b.get(optionsPath + "?action=second")
	if res.StatusCode != http.StatusUnauthorized || res.body != `{"error":"FactorExpired","url":"`+a.URL+`/api/auth/signin"}` {
		t.Errorf("where none waits: %d %s", res.StatusCode, res.body)
	}
	required = true
	b.waits("ada")
	a.log.forget()
	a.cut("Get", "UseVerificationToken")
	if res := b.get(optionsPath + "?action=second"); res.StatusCode != http.StatusServiceUnavailable || !strings.Contains(a.errorLine(t), errCut.Error()) {
		t.Errorf("where the store does not say: %d %s", res.StatusCode, res.body)
	}
	a.mend("Get", "UseVerificationToken")
	if _, ok := b.passkeyOptions("second"); !ok {
		t.Error(a.log)
	}
}

// A registration's challenge is remembered in the Adapter, under a name that is nobody's
// address. Who has as many passkeys as they may is asked for none, and the log says why.
func TestPasskeyFault_Full(t *testing.T) {
	t.Parallel()
	a := newBrokenApp(t, nil, ginauth.Options{})
	b := a.browser(t)
	b.signInByPassword("ada")
	for i := range 20 {
		if body := b.get(passkeysPath).body; !strings.Contains(body, `data-passkey="register"`) {
			t.Fatalf("with %d passkeys the page offers no other:\n%s", i, body)
		}
		if _, ok := b.passkeyOptions("register"); !ok {
			t.Fatalf("with %d passkeys: %s", i, a.log)
		}
		p := ginauth.StoredPasskey{ID: fmt.Sprint("key-", i), UserID: a.people["ada"], Data: []byte(`{"name":"Key","handle":"aGFuZGxl","public":{}}`)}
		if err := a.keys.CreatePasskey(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	a.log.forget()
	res := b.get(optionsPath + "?action=register")
	if res.StatusCode != http.StatusBadRequest || res.body != `{"error":"PasskeyRegistration","url":"`+a.URL+passkeysPath+`?error=PasskeyRegistration"}` {
		t.Errorf("%d %s", res.StatusCode, res.body)
	}
	if got := a.log.String(); !strings.Contains(got, "ginauth: the user has as many passkeys as they may") || !strings.Contains(got, "level=INFO") {
		t.Errorf("the log says %s", got)
	}
	if body := b.get(passkeysPath).body; strings.Contains(body, `data-passkey="register"`) || strings.Count(body, `value="Key"`) != 20 {
		t.Errorf("the page offers another:\n%s", body)
	}
	a.keys.tokens.mu.Lock()
	defer a.keys.tokens.mu.Unlock()
	if kept := a.keys.tokens.identifiers; len(kept) != 20 || slices.ContainsFunc(kept, func(name string) bool { return name != "ginauth.passkey" }) {
		t.Errorf("the challenges are remembered as %q", kept)
	}
}

// The owner of the address proves it at the moment in which a passkey is added: that is no
// fault, and the person who added it reads that it was not.
func TestPasskeyFault_Overtaken(t *testing.T) {
	t.Parallel()
	a := newBrokenApp(t, nil, ginauth.Options{})
	user := ginauth.User{ID: a.people["ada"], Name: "ada", Email: "ada@example.com"}
	proved := user
	proved.EmailVerified = time.Now()
	if _, err := a.keys.UpdateUser(t.Context(), user); err != nil {
		t.Fatal(err)
	}
	b := a.browser(t)
	b.signInByPassword("ada")
	o, _ := b.passkeyOptions("register")
	a.breaks("CreatePasskey", func() error {
		_, err := a.keys.UpdateUser(context.Background(), proved)
		return err
	})
	a.log.forget()
	res := b.postPasskey("register", a.device(t).create(o))
	if got := a.log.String(); res.Header.Get("Location") != a.URL+passkeysPath+"?error=PasskeyRegistration" || !strings.Contains(got, "level=INFO") || !strings.Contains(got, "their address was proved by its owner") {
		t.Errorf("%d %s, and the log says %s", res.StatusCode, res.Header.Get("Location"), got)
	}
	if list := a.passkeysOf(t, "ada"); len(list) != 0 {
		t.Errorf("it stays: %+v", list)
	}
}

// A passkey is added, its person is signed out at that moment, and then the database does
// not take it back: that is no refusal, and the log says at ERROR that it stays.
func TestPasskeyFault_NotTakenBack(t *testing.T) {
	t.Parallel()
	a := newBrokenApp(t, nil, ginauth.Options{})
	b := a.browser(t)
	b.signInByPassword("ada")
	o, _ := b.passkeyOptions("register")
	data, csrf := a.device(t).create(o), b.csrf()
	a.cut("DeletePasskey")
	a.breaks("CreatePasskey", func() error {
		a.move(time.Second)
		return a.auth.RevokeUser(context.Background(), a.people["ada"])
	})
	a.log.forget()
	res := b.post(answerPath, url.Values{"csrfToken": {csrf}, "action": {"register"}, "data": {data}})
	if line := a.errorLine(t); res.StatusCode != http.StatusServiceUnavailable || !strings.Contains(line, "was not taken back") || !strings.Contains(line, errCut.Error()) {
		t.Errorf("%d %s, and the log says %s", res.StatusCode, res.body, line)
	}
}
