package tests

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/markbates/goth"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
)

// nOAuth with a database: the victim is a user here. Somebody from a tenant of their
// own comes with the victim's address, even at a provider that may link by address.
func TestAttack20_AddressOfAUser(t *testing.T) {
	t.Parallel()
	c := entraCase("common", "{tenantid}")
	idp := newIDP(t, ginauthtest.Config{})
	c.honest(idp)
	const evil = "https://login.microsoftonline.com/" + tenantB + "/v2.0"
	for name, claims := range map[string]map[string]any{
		"plain":                  {},
		"said to be verified":    {"email_verified": true},
		"verified in Entra's":    {"xms_edov": true},
		"as the preferred name":  {"preferred_username": "victim@example.com", "upn": "victim@example.com"},
		"with the victim's sub":  {"sub": "ada"},
		"in another case":        {"email": "Victim@EXAMPLE.com"},
		"with the victim's name": {"name": "Victim"},
	} {
		adapter := ginauth.MemoryAdapter()
		victim, err := adapter.CreateUser(t.Context(), ginauth.User{
			Name: "Victim", Email: "victim@example.com", EmailVerified: time.Now(),
		}, &ginauth.Account{Provider: "azureadv2", ProviderAccountID: tenantA + "." + personA})
		if err != nil {
			t.Fatal(err)
		}
		a := newApp(t, ginauth.Options{
			Providers: []ginauth.Provider{ginauth.OAuth{
				Provider: c.provider(idp.ClientID(), idp.ClientSecret()), DangerousEmailAccountLinking: true,
			}},
			HTTPClient: &http.Client{Transport: c.route(idp)},
			Adapter:    adapter,
		})
		c.tamper(idp, func(token map[string]any) {
			token["email"], token["tid"], token["iss"] = "victim@example.com", tenantB, evil
			for claim, value := range claims {
				token[claim] = value
			}
		})
		idp.TamperResponse(func(q url.Values) { q.Set("iss", evil) })
		b := a.browser(t)
		b.signIn(idp, "azureadv2").refused(t, "OAuthAccountNotLinked")
		if got := b.user(); got != "" {
			t.Errorf("%s: signed in as %s", name, got)
		}
		if list, err := adapter.ListAccounts(t.Context(), victim.ID); err != nil || len(list) != 1 {
			t.Errorf("%s: the victim has the accounts %v, %v", name, list, err)
		}
	}
}

// The five ways to hijack an account before its owner has it (Sudhodanan and Paverd,
// 2022). Eve has made a user with Ada's address, which nobody asked her to prove; then
// Ada comes.
func TestAttack21_PreHijacking(t *testing.T) {
	t.Parallel()
	revocable := func() ginauth.Options {
		return ginauth.Options{Session: ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()}}
	}

	// Eve's user has an account or a password; Ada's provider vouches for her address,
	// and is trusted. The two must not become one.
	t.Run("classic and federated merge", func(t *testing.T) {
		t.Parallel()
		a := newUserApp(t, ginauth.Options{})
		byPassword, err := a.adapter.CreateUser(t.Context(), ginauth.User{Name: "Eve", Email: "ada@example.com"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		a.browser(t).signInAt(a.idp, "trusted", "ada").refused(t, "OAuthAccountNotLinked")
		if got := a.accounts(t, byPassword.ID); got != nil {
			t.Errorf("Ada's account went to Eve's user: %v", got)
		}
	})
	// Eve's provider verifies no addresses. Ada has her user already, or has it later.
	t.Run("provider that verifies nothing", func(t *testing.T) {
		t.Parallel()
		a := newUserApp(t, ginauth.Options{})
		eve := a.joined(t, "trusted", "eve")
		a.browser(t).signInAt(a.idp, "trusted", "ada").refused(t, "OAuthAccountNotLinked")
		a.browser(t).signInAt(a.idp, "first", "ada").refused(t, "OAuthAccountNotLinked")
		if got := a.accounts(t, eve); !slices.Equal(got, []string{"trusted/eve"}) {
			t.Errorf("Eve's user has %v", got)
		}

		other := newUserApp(t, ginauth.Options{})
		ada := other.joined(t, "trusted", "ada")
		other.browser(t).signInAt(other.idp, "trusted", "eve").refused(t, "OAuthAccountNotLinked")
		if got := other.accounts(t, ada); !slices.Equal(got, []string{"trusted/ada"}) {
			t.Errorf("Ada has %v", got)
		}
	})
	// Eve keeps the session of her user, which is deleted so that Ada can have her
	// address: the session is no way to Ada's user.
	t.Run("unexpired session", func(t *testing.T) {
		t.Parallel()
		a := newUserApp(t, revocable())
		b := a.browser(t)
		b.signInAt(a.idp, "first", "eve")
		eve := b.id()
		if err := a.auth.DeleteUser(t.Context(), eve); err != nil {
			t.Fatal(err)
		}
		ada := a.joined(t, "trusted", "ada")
		if got := b.id(); got != "" || b.user() != "" {
			t.Errorf("Eve's browser is still %q", got)
		}
		if ada == eve {
			t.Error("Ada has the ID of Eve's user")
		}
	})
	// Eve links an account of her own to her user beforehand. What is left of it when
	// the user is gone must not sign her in as Ada.
	t.Run("trojan account", func(t *testing.T) {
		t.Parallel()
		a := newUserApp(t, revocable())
		b := a.browser(t)
		b.signInAt(a.idp, "first", "eve")
		b.signInAt(a.idp, "second", "nemo")
		eve := b.id()
		if got := a.accounts(t, eve); len(got) != 2 {
			t.Fatalf("Eve has %v", got)
		}
		if err := a.auth.DeleteUser(t.Context(), eve); err != nil {
			t.Fatal(err)
		}
		ada := a.joined(t, "trusted", "ada")
		if got := a.joined(t, "second", "nemo"); got == ada || got == eve {
			t.Errorf("the account that was left signs in as %q", got)
		}
		if got := a.accounts(t, ada); !slices.Equal(got, []string{"trusted/ada"}) {
			t.Errorf("Ada has %v", got)
		}
	})
	// Eve has begun to add an account, and ends it when the user is no longer hers: her
	// session was ended, or the browser is somebody else's by then.
	t.Run("unexpired change", func(t *testing.T) {
		t.Parallel()
		a := newUserApp(t, revocable())
		b := a.browser(t)
		b.signInAt(a.idp, "first", "ada") // a user that Eve got hold of
		ada := b.id()
		pending := as(t, a.idp, b.begin("second", "/"), "nemo").String()
		if err := a.auth.RevokeUser(t.Context(), ada); err != nil {
			t.Fatal(err)
		}
		b.get(pending)
		if got := b.id(); got == ada || got == "" {
			t.Errorf("Eve is %q", got)
		}
		if got := a.accounts(t, ada); !slices.Equal(got, []string{"first/ada"}) {
			t.Errorf("Ada has %v", got)
		}
	})
}

// An account is added only for who asked for it: not for somebody who has signed in
// since in the same browser, nor for one who had not when it began.
func TestAttack21_AnotherAsked(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]string{"nobody asked": "", "another asked": "grace"} {
		a := newUserApp(t, ginauth.Options{})
		ada := a.joined(t, "first", "ada")
		b := a.browser(t)
		if before != "" {
			b.signInAt(a.idp, "first", before)
		}
		pending := as(t, a.idp, b.begin("second", "/"), "nemo").String()
		if before != "" {
			b.signOut()
		}
		b.signInAt(a.idp, "first", "ada")
		b.get(pending).refused(t, "OAuthAccountNotLinked")
		if got := a.accounts(t, ada); !slices.Equal(got, []string{"first/ada"}) {
			t.Errorf("%s: Ada has %v", name, got)
		}
		if a.owner(t, "second", "nemo") != "" || b.id() != ada {
			t.Errorf("%s: the account is %q's and the browser %q", name, a.owner(t, "second", "nemo"), b.id())
		}
	}
}

// A provider that answers by POST brings no session along. What began as adding an
// account must not end as another user, nor as another's session.
func TestAttack21_AnswerByPost(t *testing.T) {
	t.Parallel()
	adapter := ginauth.MemoryAdapter()
	s := newAppleSite(t, ginauth.Options{Adapter: adapter})
	finish := func(b *siteBrowser) string {
		t.Helper()
		return b.do(s.post(t, b.begin("apple", "/")), true).Header.Get("Location")
	}
	local := func(b *siteBrowser, email string) {
		t.Helper()
		user, err := adapter.CreateUser(t.Context(), ginauth.User{Email: email}, nil)
		if err != nil {
			t.Fatal(err)
		}
		name := "__Secure-" + sessionCookie
		b.cookies[name] = &http.Cookie{Name: name, Value: sessionFor(t, email, map[string]any{"sub": user.ID}), Secure: true, SameSite: http.SameSiteLaxMode}
	}
	refused := s.URL + "/api/auth/error?error=OAuthAccountNotLinked"

	b := s.browser(t)
	local(b, "grace@example.com")
	if got := finish(b); got != refused {
		t.Errorf("adding an account leads to %s", got)
	}
	if email, _ := b.user(); email != "grace@example.com" {
		t.Errorf("and %q is signed in", email)
	}
	if got := finish(s.browser(t)); got != s.URL+"/" {
		t.Errorf("signing in leads to %s\n%s", got, s.log)
	}
	if got := finish(b); got != refused { // now it is somebody else's
		t.Errorf("another's account leads to %s", got)
	}
	own := s.browser(t)
	finish(own)
	if got := finish(own); got != s.URL+"/" { // one's own, again
		t.Errorf("one's own account leads to %s", got)
	}
}

// lenient is an adapter whose database takes one address for another.
type lenient struct {
	ginauth.Adapter
	finds string
}

func (l lenient) GetUserByEmail(ctx context.Context, _ string) (ginauth.User, error) {
	return l.Adapter.GetUserByEmail(ctx, l.finds)
}

// A provider vouches for one address, that of its profile: not for another that the
// application's Profile put there, nor for one that the database takes for it.
func TestAttack21_OtherAddress(t *testing.T) {
	t.Parallel()
	const victim = "victim@example.com"
	for _, row := range []struct {
		name    string
		address string // that Profile gives, empty: the provider's
		lenient bool
		code    string
	}{
		{name: "the victim's, from Profile", address: victim, code: "OAuthAccountNotLinked"},
		{name: "an address like the victim's", lenient: true, code: "OAuthAccountNotLinked"},
		{name: "neither", code: ""},
	} {
		idp := newIDP(t, ginauthtest.Config{})
		memory := ginauth.MemoryAdapter()
		user, err := memory.CreateUser(t.Context(), ginauth.User{Email: victim, EmailVerified: time.Now()}, nil)
		if err != nil {
			t.Fatal(err)
		}
		opts := ginauth.Options{Adapter: memory, Providers: []ginauth.Provider{ginauth.OAuth{
			Provider: local(idp, "local"), DangerousEmailAccountLinking: true,
			Profile: func(u goth.User) (ginauth.User, error) {
				return ginauth.User{ID: u.UserID, Email: cmp.Or(row.address, u.Email)}, nil
			},
		}}}
		if row.lenient {
			opts.Adapter = lenient{memory, victim}
		}
		res := newApp(t, opts).browser(t).signIn(idp, "local")
		if row.code != "" {
			res.refused(t, row.code)
		} else if !res.signedIn() {
			t.Errorf("%s: leads to %s", row.name, res.Header.Get("Location"))
		}
		if list, err := memory.ListAccounts(t.Context(), user.ID); err != nil || len(list) != 0 {
			t.Errorf("%s: the victim has the accounts %v, %v", row.name, list, err)
		}
	}
}

// The adapter tells people apart as the provider does: by provider and subject. An
// account without a subject is nobody's.
func TestAttack22_Users(t *testing.T) {
	t.Parallel()
	a := newUserApp(t, ginauth.Options{})
	ids := map[string]string{}
	for _, account := range [][2]string{{"first", "nemo"}, {"second", "nemo"}, {"first", "ada"}, {"second", "grace"}} {
		id := a.joined(t, account[0], account[1])
		if other, taken := ids[id]; taken {
			t.Errorf("%v is the user of %s", account, other)
		}
		ids[id] = account[0] + "/" + account[1]
	}
	a.idp.TamperClaims(func(claims map[string]any) { claims["sub"] = "" })
	b := a.browser(t)
	b.signInAt(a.idp, "first", "nemo").refused(t, "OAuthCallback")
	if got := a.owner(t, "first", ""); got != "" {
		t.Errorf("an account without subject is %q's", got)
	}
}

// Fields that name a user or an account are in no endpoint more than noise: nothing
// in the database changes for them.
func TestAttack23_DatabaseFromTheBody(t *testing.T) {
	t.Parallel()
	a := newUserApp(t, ginauth.Options{})
	victim := a.joined(t, "first", "grace")
	b := a.browser(t)
	b.signInAt(a.idp, "first", "ada")
	ada := b.id()
	extra := `"userId":"` + victim + `","user_id":"` + victim + `","id":"` + victim + `","sub":"` + victim + `","user":{"id":"` + victim + `","email":"ada@example.com"},` +
		`"account":{"provider":"first","providerAccountId":"grace","userId":"` + ada + `"},"provider":"first","providerAccountId":"grace",` +
		`"email":"grace@example.com","emailVerified":"2026-01-01T00:00:00.000Z","isNewUser":true,"data":{"userId":"` + victim + `","sub":"` + victim + `","email":"grace@example.com"}`
	users := func() (all []ginauth.User) {
		for _, id := range []string{ada, victim} {
			user, err := a.adapter.GetUser(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, user)
		}
		return all
	}
	before := users()
	csrfToken := b.csrf()
	for _, endpoint := range []string{
		"session", "signin/second?userId=" + victim, "callback/first", "callback/second", "callback/credentials", "signin/credentials", "signin", "_log", "signout?userId=" + victim,
	} {
		req, err := http.NewRequest(http.MethodPost, a.URL+"/api/auth/"+endpoint, strings.NewReader(`{"csrfToken":"`+csrfToken+`",`+extra+`}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		b.do(req)
		if got := users(); !reflect.DeepEqual(got, before) {
			t.Errorf("%s: the users are %+v, and were %+v", endpoint, got, before)
		}
		if got := a.accounts(t, ada); !slices.Equal(got, []string{"first/ada"}) {
			t.Errorf("%s: Ada has %v", endpoint, got)
		}
		if got := b.id(); got != ada && !strings.HasPrefix(endpoint, "signout") {
			t.Errorf("%s: signed in as %q", endpoint, got)
		}
	}
	if a.owner(t, "first", "grace") != victim {
		t.Error("the victim's account is another's")
	}
}
