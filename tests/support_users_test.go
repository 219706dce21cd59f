package tests

import (
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
)

// crowd are people as a provider knows them. Two of them have Ada's address, and
// only one has proved it.
func crowd() []ginauthtest.Person {
	return []ginauthtest.Person{
		{Subject: "ada", Name: "Ada", Email: "ada@example.com", EmailVerified: true},
		{Subject: "eve", Name: "Eve", Email: "Ada@Example.com"},
		{Subject: "adas-other", Name: "Ada", Email: "ADA@example.com", EmailVerified: true},
		{Subject: "grace", Name: "Grace", Email: "grace@example.com", EmailVerified: true},
		{Subject: "nemo", Name: "Nemo"},
	}
}

// A userApp is an app with an Adapter and three providers of the same people: first,
// second, and trusted, which may link by address.
type userApp struct {
	*app
	adapter ginauth.Adapter
	idp     *ginauthtest.Provider
	mu      sync.Mutex
	events  []string // what the application was told, in order
}

func newUserApp(t testing.TB, opts ginauth.Options) *userApp {
	t.Helper()
	a := &userApp{idp: newIDP(t, ginauthtest.Config{People: crowd()}), adapter: opts.Adapter}
	if a.adapter == nil {
		a.adapter = ginauth.MemoryAdapter()
	}
	opts.Adapter = a.adapter
	opts.Providers = []ginauth.Provider{
		ginauth.OAuth{Provider: local(a.idp, "first")}, ginauth.OAuth{Provider: local(a.idp, "second")},
		ginauth.OAuth{Provider: local(a.idp, "trusted"), DangerousEmailAccountLinking: true}, members(),
	}
	opts.Events = ginauth.Events{
		CreateUser: func(_ *gin.Context, e ginauth.UserEvent) { a.told("createUser " + e.User.Name) },
		LinkAccount: func(_ *gin.Context, e ginauth.LinkAccountEvent) {
			a.told("linkAccount " + e.User.Name + " " + e.Account.Provider + "/" + e.Account.ProviderAccountID)
		},
		SignIn: func(_ *gin.Context, e ginauth.SignInEvent) {
			a.told("signIn " + e.User.Name + map[bool]string{true: " new"}[e.IsNewUser])
		},
	}
	if opts.Callbacks.JWT == nil {
		opts.Callbacks.JWT = func(_ *gin.Context, p ginauth.JWTParams) error {
			if p.Trigger != "" {
				a.told("jwt " + string(p.Trigger) + map[bool]string{true: " new"}[p.IsNewUser])
			}
			return nil
		}
	}
	a.app = newApp(t, opts)
	a.engine.GET("/id", a.auth.RequireSession(), func(c *gin.Context) {
		c.String(http.StatusOK, ginauth.GetSession(c).User.ID)
	})
	return a
}

func (a *userApp) told(what string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.events = append(a.events, what)
}

// heard are the events since it was last called.
func (a *userApp) heard() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	events := a.events
	a.events = nil
	return events
}

// signInAt signs a person in at a provider, in this browser.
func (b *browser) signInAt(idp *ginauthtest.Provider, provider, subject string) answer {
	b.t.Helper()
	return b.get(as(b.t, idp, b.begin(provider, "/after"), subject).String())
}

// id is the ID of who is signed in, empty for nobody.
func (b *browser) id() string {
	b.t.Helper()
	res := b.get("/id")
	if res.StatusCode != http.StatusOK {
		return ""
	}
	return res.body
}

// joined signs a person in from a browser of their own, and returns their ID.
func (a *userApp) joined(t testing.TB, provider, subject string) string {
	t.Helper()
	b := a.browser(t)
	if res := b.signInAt(a.idp, provider, subject); !res.signedIn() {
		t.Fatalf("%s at %s leads to %s\n%s", subject, provider, res.Header.Get("Location"), a.log)
	}
	a.heard()
	return b.id()
}

// accounts are those of a user, sorted.
func (a *userApp) accounts(t testing.TB, userID string) (names []string) {
	t.Helper()
	list, err := a.adapter.ListAccounts(t.Context(), userID)
	if err != nil {
		t.Fatal(err)
	}
	for _, account := range list {
		names = append(names, account.Provider+"/"+account.ProviderAccountID)
	}
	slices.Sort(names)
	return names
}

// owner is the ID of whose an account is, empty for nobody's.
func (a *userApp) owner(t testing.TB, provider, subject string) string {
	t.Helper()
	user, err := a.adapter.GetUserByAccount(t.Context(), provider, subject)
	if err != nil {
		return ""
	}
	return user.ID
}

// prove marks a user's address as proved, or not.
func (a *userApp) prove(t testing.TB, userID string, user func(*ginauth.User)) {
	t.Helper()
	u, err := a.adapter.GetUser(t.Context(), userID)
	if err != nil {
		t.Fatal(err)
	}
	user(&u)
	if _, err := a.adapter.UpdateUser(t.Context(), u); err != nil {
		t.Fatal(err)
	}
}
