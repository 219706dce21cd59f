package tests

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
)

// passwords are an application's own table of them, by address.
type passwords struct {
	mu      sync.Mutex
	rows    map[string]password
	resets  int
	fault   error  // of Reset
	checked func() // after a password was found right, while its sign-in goes on
}

type password struct{ userID, text string }

func (p *passwords) set(email, userID, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rows[email] = password{userID, text}
}

func (p *passwords) authorize(_ *gin.Context, typed map[string]string) (*ginauth.User, error) {
	p.mu.Lock()
	row, ok := p.rows[typed["username"]]
	checked := p.checked
	p.mu.Unlock()
	if !ok || row.text != typed["password"] {
		return nil, nil
	}
	if checked != nil {
		checked()
	}
	return &ginauth.User{ID: row.userID, Name: "Member", Email: typed["username"]}, nil
}

func (p *passwords) reset(_ context.Context, userID string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.resets++; p.fault != nil {
		return p.fault
	}
	for email, row := range p.rows {
		if row.userID == userID {
			delete(p.rows, email)
		}
	}
	return nil
}

// A stepped adapter lets a test do something between any two of its calls. Of what is
// done then it takes no notice.
type stepped struct {
	ginauth.Adapter
	mu    sync.Mutex
	steps []string
	at    func(step int) // before each, and once more after the last
	quiet bool
}

// follow begins to count the steps.
func (s *stepped) follow(at func(step int)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.steps, s.at, s.quiet = nil, at, false
}

// step is one call, or what else the test takes for one.
func (s *stepped) step(name string) {
	s.mu.Lock()
	if s.quiet || s.at == nil {
		s.mu.Unlock()
		return
	}
	s.steps = append(s.steps, name)
	n, at := len(s.steps)-1, s.at
	s.quiet = true
	s.mu.Unlock()
	at(n)
	s.mu.Lock()
	s.quiet = false
	s.mu.Unlock()
}

// taken are the steps until now.
func (s *stepped) taken() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	steps := s.steps
	s.steps, s.at = nil, nil
	return steps
}

func (s *stepped) GetUser(ctx context.Context, id string) (ginauth.User, error) {
	s.step("GetUser")
	return s.Adapter.GetUser(ctx, id)
}

func (s *stepped) GetUserByEmail(ctx context.Context, email string) (ginauth.User, error) {
	s.step("GetUserByEmail")
	return s.Adapter.GetUserByEmail(ctx, email)
}

func (s *stepped) GetUserByAccount(ctx context.Context, provider, id string) (ginauth.User, error) {
	s.step("GetUserByAccount")
	return s.Adapter.GetUserByAccount(ctx, provider, id)
}

func (s *stepped) UpdateUser(ctx context.Context, user ginauth.User) (ginauth.User, error) {
	s.step("UpdateUser")
	return s.Adapter.UpdateUser(ctx, user)
}

func (s *stepped) LinkAccount(ctx context.Context, id string, a ginauth.Account) error {
	s.step("LinkAccount")
	return s.Adapter.LinkAccount(ctx, id, a)
}

func (s *stepped) UnlinkAccount(ctx context.Context, id, provider, account string, evenLast bool) error {
	s.step("UnlinkAccount")
	return s.Adapter.UnlinkAccount(ctx, id, provider, account, evenLast)
}

func (s *stepped) ListAccounts(ctx context.Context, id string) ([]ginauth.Account, error) {
	s.step("ListAccounts")
	return s.Adapter.ListAccounts(ctx, id)
}

func (s *stepped) GetFactors(ctx context.Context, id string) ([]byte, error) {
	s.step("GetFactors")
	return s.Adapter.(ginauth.FactorStore).GetFactors(ctx, id)
}

func (s *stepped) UpdateFactors(ctx context.Context, id string, old, data []byte) error {
	s.step("UpdateFactors")
	return s.Adapter.(ginauth.FactorStore).UpdateFactors(ctx, id, old, data)
}

// A passwordApp signs people in by password, by mail and at a provider.
type passwordApp struct {
	*mailApp
	users     *stepped
	passwords *passwords
	idp       *ginauthtest.Provider
}

const (
	victim       = "victim@example.com"
	evilPassword = "mallory's own 4711"
)

// passwordOptions change what newPasswordApp makes.
type passwordOptions struct {
	ginauth.Options
	noReset, noPasswords bool
	trusting             bool // the first provider with addresses
	email                ginauth.Email
}

func newPasswordApp(t testing.TB, opts passwordOptions) *passwordApp {
	t.Helper()
	a := &passwordApp{passwords: &passwords{rows: map[string]password{}}, idp: newIDP(t, ginauthtest.Config{People: crowd()})}
	if opts.Adapter == nil {
		opts.Adapter = ginauth.MemoryAdapter()
	}
	a.users = &stepped{Adapter: opts.Adapter}
	opts.Adapter = a.users
	credentials := ginauth.Credentials{
		Fields:    []ginauth.Field{{Name: "username"}, {Name: "password", Type: "password"}},
		Authorize: a.passwords.authorize,
		Reset: func(ctx context.Context, userID string) error {
			a.users.step("Reset")
			return a.passwords.reset(ctx, userID)
		},
	}
	if opts.noReset {
		credentials.Reset = nil
	}
	opts.Providers = []ginauth.Provider{ginauth.OAuth{Provider: local(a.idp, "first"), DangerousEmailAccountLinking: opts.trusting}, ginauth.OAuth{Provider: local(a.idp, "second")}}
	if !opts.noPasswords {
		opts.Providers = append(opts.Providers, credentials)
	}
	a.mailApp = newMailApp(t, opts.email, opts.Options)
	a.engine.GET("/id", a.auth.RequireSession(), func(c *gin.Context) {
		c.String(http.StatusOK, ginauth.GetSession(c).User.ID)
	})
	return a
}

// registers makes a user with a password, as an application does: nobody has to prove
// the address.
func (a *passwordApp) registers(t testing.TB, email, text string) (userID string) {
	t.Helper()
	user, err := a.users.CreateUser(t.Context(), ginauth.User{Name: "Mallory", Email: email}, nil)
	if err != nil {
		t.Fatal(err)
	}
	a.passwords.set(email, user.ID, text)
	return user.ID
}

// types signs in by password, in this browser.
func (b *browser) types(email, text string) answer {
	b.t.Helper()
	return b.post("/api/auth/callback/credentials", url.Values{"csrfToken": {b.csrf()}, "username": {email}, "password": {text}})
}

// mails signs in by mail, in this browser.
func (a *passwordApp) mails(t testing.TB, b *browser, email string) answer {
	t.Helper()
	return b.press(a.asksFor(t, b, email))
}

// names are a user's accounts.
func (a *passwordApp) names(t testing.TB, userID string) (names []string) {
	t.Helper()
	list, err := a.users.Adapter.ListAccounts(t.Context(), userID)
	if err != nil {
		t.Fatal(err)
	}
	for _, account := range list {
		names = append(names, account.Provider+"/"+account.ProviderAccountID)
	}
	slices.Sort(names)
	return names
}

// proved reports whether a user's address is.
func (a *passwordApp) proved(t testing.TB, userID string) bool {
	t.Helper()
	user, err := a.users.Adapter.GetUser(t.Context(), userID)
	if err != nil {
		t.Fatal(err)
	}
	return !user.EmailVerified.IsZero()
}
