package tests

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ginauth/ginauth"
)

// A quoting adapter says in its error what a person typed.
type quoting struct {
	ginauth.Adapter
	ginauth.FactorStore
	says atomic.Value
}

func (q *quoting) UpdateFactors(ctx context.Context, userID string, old, data []byte) error {
	if text, _ := q.says.Load().(string); text != "" {
		return errors.New("cannot store " + text)
	}
	return q.FactorStore.UpdateFactors(ctx, userID, old, data)
}

// Neither a code nor a form's key reaches the log, whatever an adapter says.
func TestSecondFactor_Unlogged(t *testing.T) {
	t.Parallel()
	memory := ginauth.MemoryAdapter()
	q := &quoting{Adapter: memory, FactorStore: memory.(ginauth.FactorStore)}
	a := newFactorApp(t, passwordOptions{Options: ginauth.Options{Adapter: q}})
	b := a.browser(t)
	b.types(adaReads, adaTypes)
	phone, action, fields := scan(t, b.get(secondURL+"add"))
	fields.Set("code", phone.code(a))
	unlogged := func(name string) {
		t.Helper()
		if fields.Get(name) == "" {
			t.Fatalf("the form has no %s", name)
		}
		a.log.forget()
		q.says.Store(fields.Get(name))
		res := b.post(action, fields)
		if !strings.HasSuffix(res.Header.Get("Location"), "error=SessionUnavailable") || res.body != "" {
			t.Errorf("%s: %d %s with %s", action, res.StatusCode, res.Header.Get("Location"), res.body)
		}
		if log := a.log.String(); !strings.Contains(log, "cannot store") || strings.Contains(log, fields.Get(name)) {
			t.Errorf("%s: %s", name, log)
		}
		q.says.Store("")
	}
	unlogged("code")
	unlogged("setup")
	phone = a.setUp(t, b, b.get(secondURL+"add"))
	for page, code := range map[string]string{"confirm": phone.next(a), "confirm-recovery": phone.recovery[0]} {
		action, fields = secondURL+page, url.Values{"csrfToken": {b.csrf()}, "code": {code}}
		unlogged("code")
	}
	// Of what was not kept, no page shows anything.
	q.says.Store("anything")
	for _, page := range []string{"codes", "remove"} {
		if res := b.gives(page, ""); !strings.HasSuffix(res.Header.Get("Location"), "error=SessionUnavailable") || res.body != "" {
			t.Errorf("%s: %d %s with %s", page, res.StatusCode, res.Header.Get("Location"), res.body)
		}
	}
	if heard := a.heard(); !slices.Equal(heard, []string{adaReads + " otp added"}) {
		t.Errorf("the application hears %v", heard)
	}
}

// A wrong code proves nothing in a session that is in a store.
func TestSecondFactor_WrongProof(t *testing.T) {
	t.Parallel()
	a := newFactorApp(t, passwordOptions{Options: ginauth.Options{Session: ginauth.SessionOptions{Store: memoryStore()}}})
	phone := a.enrols(t, a.browser(t))
	b := a.browser(t)
	a.waits(t, b)
	b.gives("recovery", phone.recovery[0])
	for _, page := range []string{"confirm", "confirm-recovery"} {
		b.gives(page, "none")
	}
	if got := b.get("/factors").body; got != "password recovery" {
		t.Errorf("after wrong codes the session's factors are %q", got)
	}
	app := a.browser(t) // in which the application signs her in
	app.post("/app", nil)
	a.log.forget()
	if app.gives("code", "none"); !strings.Contains(a.log.String(), `msg="ginauth: sign-in refused" provider=app code=FactorCode`) {
		t.Errorf("the log: %s", a.log)
	}
	if res := b.gives("confirm", phone.next(a)); res.StatusCode != http.StatusFound || b.get("/factors").body != "password recovery otp" {
		t.Errorf("after the right one: %d, %q", res.StatusCode, b.get("/factors").body)
	}
}
