package tests

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/passkey"
)

// A tracingEngine tells what its ceremonies were, and fails where it is told to. It is no
// pointer: an application's may be none either.
type tracingEngine struct {
	ginauth.PasskeyEngine
	*traced
}

type traced struct {
	mu         sync.Mutex
	site       string
	fails      error
	ceremonies []ginauth.PasskeyCeremony
}

func (e tracingEngine) trace(c ginauth.PasskeyCeremony) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ceremonies = append(e.ceremonies, c)
	return e.fails
}

// last is the latest ceremony.
func (e *traced) last() ginauth.PasskeyCeremony {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.ceremonies[len(e.ceremonies)-1]
}

func (e tracingEngine) Check(site string) error {
	e.site = site
	if e.fails != nil {
		return e.fails
	}
	return e.PasskeyEngine.Check(site)
}

func (e tracingEngine) CreationOptions(c ginauth.PasskeyCeremony) (json.RawMessage, error) {
	if err := e.trace(c); err != nil {
		return nil, err
	}
	return e.PasskeyEngine.CreationOptions(c)
}

func (e tracingEngine) RequestOptions(c ginauth.PasskeyCeremony) (json.RawMessage, error) {
	if err := e.trace(c); err != nil {
		return nil, err
	}
	return e.PasskeyEngine.RequestOptions(c)
}

func (e tracingEngine) Verify(c ginauth.PasskeyCeremony, answer []byte) (ginauth.PasskeyCredential, error) {
	if err := e.trace(c); err != nil {
		return ginauth.PasskeyCredential{}, err
	}
	return e.PasskeyEngine.Verify(c, answer)
}

// What an engine is given: the site, the page that asks, and whose device it is. The page
// is what the browser says of a form alone: anybody may ask for options from anywhere.
func TestPasskeyEngine_Ceremonies(t *testing.T) {
	t.Parallel()
	engine := tracingEngine{passkey.New(passkey.Config{}), &traced{}}
	a := newPasskeyApp(t, ginauth.Options{Factors: ginauth.FactorOptions{Passkeys: engine}, TrustedOrigins: []string{"http://admin.localhost"}})
	if engine.site != "http://localhost" {
		t.Errorf("checked for %q", engine.site)
	}
	d := a.registered(t, "ada")
	b := a.browser(t)
	get := func(origin string) ginauth.PasskeyCeremony {
		req := b.request(http.MethodGet, optionsPath+"?action=authenticate", nil)
		if origin != "" {
			req.Header.Set("Origin", origin)
		}
		if res := b.do(req); res.StatusCode != http.StatusOK {
			t.Errorf("%q: %d %s", origin, res.StatusCode, res.body)
		}
		return engine.last()
	}
	for _, origin := range []string{"", a.URL, "https://evil.example"} {
		if c := get(origin); c.Site != a.URL || c.Origin != a.URL || !c.UserVerification || len(c.UserHandle) != 0 || len(c.Credentials) != 0 || len(c.Challenge) == 0 || c.UserName != "" {
			t.Errorf("%q: %+v", origin, c)
		}
	}
	if !b.signInByPasskey(d).signedIn() {
		t.Fatal(a.log)
	}
	if c := engine.last(); c.Site != a.URL || c.Origin != a.URL || !c.UserVerification || string(c.UserHandle) != string(d.keys[0].handle) || len(c.Credentials) != 1 || string(c.Credentials[0].ID) != string(d.keys[0].id) {
		t.Errorf("%+v", c)
	}
	o, _ := b.passkeyOptions("authenticate")
	for sent, want := range map[string]string{"http://admin.localhost": "http://admin.localhost", a.URL: a.URL} {
		req := b.request(http.MethodPost, answerPath, url.Values{"csrfToken": {b.csrf()}, "data": {d.get(o)}})
		req.Header.Set("Origin", sent)
		b.do(req)
		if c := engine.last(); c.Site != a.URL || c.Origin != want {
			t.Errorf("a form from %s: %+v", sent, c)
		}
	}
	host := strings.TrimPrefix(a.URL, "http://")
	for _, row := range []struct {
		user          ginauth.User
		name, display string
	}{
		{ginauth.User{Name: "Ada", Email: "ada@example.com"}, "ada@example.com", "Ada"},
		{ginauth.User{Email: "ada@example.com"}, "ada@example.com", "ada@example.com"},
		{ginauth.User{Name: "Ada"}, "Ada", "Ada"},
		{ginauth.User{}, host, host},
	} {
		row.user.ID = a.people["ada"]
		if _, err := a.adapter.UpdateUser(t.Context(), row.user); err != nil {
			t.Fatal(err)
		}
		if _, ok := b.passkeyOptions("register"); !ok {
			t.Fatal(a.log)
		}
		if c := engine.last(); c.UserName != row.name || c.DisplayName != row.display || len(c.Credentials) != 1 || len(c.UserHandle) != 64 {
			t.Errorf("%+v: %+v", row.user, c)
		}
	}
	engine.fails = errors.New("engine: out of order")
	for _, action := range []string{"register", "prove", "authenticate"} {
		a.log.forget()
		if res := b.get(optionsPath + "?action=" + action); res.StatusCode != http.StatusInternalServerError || !strings.Contains(a.errorLine(t), "engine: out of order") {
			t.Errorf("%s: %d %s", action, res.StatusCode, res.body)
		}
	}
}

// An engine that is none is said at the start, and so is what it says of the site.
func TestPasskeyEngine_Configuration(t *testing.T) {
	t.Parallel()
	for want, engine := range map[string]ginauth.PasskeyEngine{
		"Factors.Passkeys is a nil *tests.pointedEngine; leave it out, or write what passkey.New returns": (*pointedEngine)(nil),
		"Factors.Passkeys: engine: out of order":                                                          tracingEngine{passkey.New(passkey.Config{}), &traced{fails: errors.New("engine: out of order")}},
	} {
		_, err := ginauth.Register(gin.New(), ginauth.Options{
			Secret: testSecret, BaseURL: "https://app.example.com", Adapter: ginauth.MemoryAdapter(), Providers: somebody(),
			Factors: ginauth.FactorOptions{Passkeys: engine},
		})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	engine := tracingEngine{passkey.New(passkey.Config{}), &traced{}}
	if _, err := ginauth.Register(gin.New(), ginauth.Options{
		Secret: testSecret, BaseURL: "https://app.example.com", Adapter: ginauth.MemoryAdapter(), Providers: somebody(),
		Factors: ginauth.FactorOptions{Passkeys: engine},
	}); err != nil || engine.site != "https://app.example.com" {
		t.Errorf("%v, checked for %q", err, engine.site)
	}
}

type pointedEngine struct{ ginauth.PasskeyEngine }

// RemovePasskey takes away what is the user's, and never their last way to sign in.
func TestRemovePasskey(t *testing.T) {
	t.Parallel()
	without := membersApp(t, ginauth.Options{Adapter: ginauth.MemoryAdapter()})
	if err := without.auth.RemovePasskey(t.Context(), "u-ada", "id"); !errors.Is(err, ginauth.ErrNotSupported) || !strings.Contains(err.Error(), "Factors.Passkeys") {
		t.Errorf("without passkeys: %v", err)
	}
	a := newBrokenApp(t, nil, ginauth.Options{BaseURL: "http://localhost", Providers: []ginauth.Provider{ginauth.Email{Send: (&inbox{}).send}}})
	ada, bob := a.people["ada"], a.people["bob"]
	stored := func(user, id string) {
		t.Helper()
		if err := a.keys.passkeys.CreatePasskey(t.Context(), ginauth.StoredPasskey{ID: id, UserID: user, Data: []byte(`{"name":"` + id + `"}`)}); err != nil {
			t.Fatal(err)
		}
	}
	remove := func(when, user, id string, want error) {
		t.Helper()
		if err := a.auth.RemovePasskey(t.Context(), user, id); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", when, err, want)
		}
	}
	unproved := func(name string) {
		t.Helper()
		if _, err := a.keys.Adapter.UpdateUser(t.Context(), ginauth.User{ID: a.people[name], Name: name, Email: name + "@example.com"}); err != nil {
			t.Fatal(err)
		}
	}
	stored(ada, "adas")
	stored(bob, "bobs")
	remove("of nobody", "nobody", "adas", ginauth.ErrNotFound)
	remove("of no ID", "", "adas", ginauth.ErrNotFound)
	remove("another person's", bob, "adas", ginauth.ErrNotFound)
	remove("one that there is not", ada, "none", ginauth.ErrNotFound)
	for _, call := range []string{"GetUser", "ListAccounts", "ListPasskeys", "DeletePasskey"} {
		a.cut(call)
		if err := a.auth.RemovePasskey(t.Context(), ada, "adas"); err == nil || !strings.Contains(err.Error(), errCut.Error()) {
			t.Errorf("%s: %v", call, err)
		}
		a.mend(call)
	}
	a.heard()
	remove("beside an account and a proved address", ada, "adas", nil)
	if heard := a.heard(); len(heard) != 1 || heard[0] != "unlink passkey" {
		t.Errorf("the application heard %v", heard)
	}
	stored(ada, "adas")
	unproved("ada")
	remove("beside an account", ada, "adas", nil)
	stored(ada, "adas")
	if err := a.auth.Unlink(t.Context(), ada, "credentials", ada); err != nil {
		t.Fatal(err)
	}
	remove("one that there is not, beside the last", ada, "none", ginauth.ErrNotFound)
	remove("the last", ada, "adas", ginauth.ErrLastAccount)
	stored(ada, "second")
	remove("beside another passkey", ada, "adas", nil)
	remove("the last again", ada, "second", ginauth.ErrLastAccount)
	if err := a.auth.Unlink(t.Context(), bob, "credentials", bob); err != nil {
		t.Fatal(err)
	}
	remove("beside a proved address", bob, "bobs", nil)
}

// paired lets the first two deletions of passkeys go on together.
type paired struct {
	ginauth.Adapter
	ginauth.PasskeyStore
	both sync.WaitGroup
}

func (p *paired) DeletePasskey(ctx context.Context, userID, id string) error {
	p.both.Done()
	p.both.Wait()
	return p.PasskeyStore.DeletePasskey(ctx, userID, id)
}

// Of somebody's last two passkeys, removed at once, one stays at least.
func TestRemovePasskey_LastTwoAtOnce(t *testing.T) {
	t.Parallel()
	memory := ginauth.MemoryAdapter()
	users := &paired{Adapter: memory, PasskeyStore: memory.(ginauth.PasskeyStore)}
	users.both.Add(2)
	a := newApp(t, ginauth.Options{
		BaseURL: "http://localhost", Adapter: users, Providers: somebody(),
		Factors: ginauth.FactorOptions{Passkeys: passkey.New(passkey.Config{})},
	})
	ada, err := memory.CreateUser(t.Context(), ginauth.User{Name: "Ada"}, nil)
	must(t, err)
	answers := make(chan error)
	for _, id := range []string{"one", "two"} {
		must(t, users.CreatePasskey(t.Context(), ginauth.StoredPasskey{ID: id, UserID: ada.ID, Data: []byte(`{"name":"` + id + `"}`)}))
	}
	for _, id := range []string{"one", "two"} {
		go func() { answers <- a.auth.RemovePasskey(context.WithoutCancel(t.Context()), ada.ID, id) }()
	}
	removed := 0
	for range 2 {
		switch err := <-answers; {
		case err == nil:
			removed++
		case !errors.Is(err, ginauth.ErrLastAccount):
			t.Error(err)
		}
	}
	list, err := a.auth.Passkeys(t.Context(), ada.ID)
	if len(list) != 2-removed || len(list) == 0 || err != nil {
		t.Errorf("%d were removed, and %d are left, %v", removed, len(list), err)
	}
}

// Somebody removes a passkey while the owner of the address takes the user over, which
// closes all ways of before: the passkey does not come back.
func TestAttack21_RemovedDuringTakeover(t *testing.T) {
	t.Parallel()
	a := newBrokenApp(t, nil, ginauth.Options{BaseURL: "http://localhost", Providers: []ginauth.Provider{ginauth.Email{Send: (&inbox{}).send}}})
	bob := a.people["bob"]
	user, err := a.keys.Adapter.GetUser(t.Context(), bob)
	must(t, err)
	user.EmailVerified = time.Time{}
	_, err = a.keys.Adapter.UpdateUser(t.Context(), user)
	must(t, err)
	must(t, a.keys.passkeys.CreatePasskey(t.Context(), ginauth.StoredPasskey{ID: "evil", UserID: bob, Data: []byte(`{"name":"evil"}`)}))
	asked := 0
	a.breaks("ListAccounts", func() error {
		if asked++; asked == 2 { // the passkey is deleted by now
			user.EmailVerified = time.Now()
			_, err := a.keys.Adapter.UpdateUser(t.Context(), user)
			return errors.Join(err, a.keys.Adapter.UnlinkAccount(t.Context(), bob, "credentials", bob, true))
		}
		return nil
	})
	if err := a.auth.RemovePasskey(t.Context(), bob, "evil"); err == nil || errors.Is(err, ginauth.ErrLastAccount) {
		t.Errorf("removed, or needed: %v", err)
	}
	if list, err := a.keys.passkeys.ListPasskeys(t.Context(), bob); len(list) > 0 || err != nil {
		t.Errorf("the owner of the address has %v, %v", list, err)
	}
}

// A user's account and passkey, taken away at once: one stays.
func TestUnlink_PasskeyRemovedMeanwhile(t *testing.T) {
	t.Parallel()
	a := newBrokenApp(t, nil, ginauth.Options{BaseURL: "http://localhost"})
	bob := a.people["bob"]
	before, err := a.keys.Adapter.ListAccounts(t.Context(), bob)
	must(t, err)
	must(t, a.keys.passkeys.CreatePasskey(t.Context(), ginauth.StoredPasskey{ID: "bobs", UserID: bob, Data: []byte(`{"name":"bobs"}`)}))
	a.heard()
	a.breaks("UnlinkAccount", func() error { return a.auth.RemovePasskey(t.Context(), bob, "bobs") })
	if err := a.auth.Unlink(t.Context(), bob, "credentials", bob); !errors.Is(err, ginauth.ErrLastAccount) {
		t.Errorf("Unlink: %v", err)
	}
	after, err := a.keys.Adapter.ListAccounts(t.Context(), bob)
	if len(after) != 1 || err != nil || !reflect.DeepEqual(after, before) {
		t.Errorf("%+v are left of %+v, %v", after, before, err)
	}
	if heard := a.heard(); len(heard) != 1 || heard[0] != "unlink passkey" {
		t.Errorf("the application heard %v", heard)
	}
}
