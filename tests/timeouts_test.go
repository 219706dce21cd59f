package tests

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ginauth/ginauth"
)

// A clockwork keeps for how long each kind of call may go on.
type clockwork struct {
	mu    sync.Mutex
	kinds map[string]time.Duration // the longest
}

func (c *clockwork) see(ctx context.Context, kind string) {
	left := time.Duration(-1) // for good
	if end, ok := ctx.Deadline(); ok {
		left = time.Until(end)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if known, ok := c.kinds[kind]; !ok || left > known || left < 0 {
		c.kinds[kind] = left
	}
}

// timedUsers, timedStore and timedLimiter see the contexts of their calls.
type timedUsers struct {
	ginauth.Adapter
	*clockwork
}

func (u timedUsers) GetUserByEmail(ctx context.Context, email string) (ginauth.User, error) {
	u.see(ctx, "Adapter")
	return u.Adapter.GetUserByEmail(ctx, email)
}

func (u timedUsers) ListAccounts(ctx context.Context, id string) ([]ginauth.Account, error) {
	u.see(ctx, "Adapter")
	return u.Adapter.ListAccounts(ctx, id)
}

func (u timedUsers) LinkAccount(ctx context.Context, id string, a ginauth.Account) error {
	u.see(ctx, "Adapter")
	return u.Adapter.LinkAccount(ctx, id, a)
}

func (u timedUsers) CreateVerificationToken(ctx context.Context, t ginauth.VerificationToken) error {
	u.see(ctx, "Adapter")
	return u.Adapter.CreateVerificationToken(ctx, t)
}

type timedStore struct {
	ginauth.SessionStore
	*clockwork
}

func (s timedStore) Create(ctx context.Context, userID string, data []byte, expires time.Time) (string, error) {
	s.see(ctx, "Session.Store")
	return s.SessionStore.Create(ctx, userID, data, expires)
}

func (s timedStore) Get(ctx context.Context, handle string) ([]byte, error) {
	s.see(ctx, "Session.Store")
	return s.SessionStore.Get(ctx, handle)
}

type timedLimiter struct {
	*ledger
	*clockwork
}

func (l timedLimiter) Allow(ctx context.Context, key string, rate ginauth.Rate) (time.Duration, error) {
	l.see(ctx, "Limits.Limiter")
	return l.ledger.Allow(ctx, key, rate)
}

func (l timedLimiter) Refund(ctx context.Context, key string, rate ginauth.Rate) error {
	l.see(ctx, "Limits.Limiter")
	return l.ledger.Refund(ctx, key, rate)
}

// Each call of the application's own has the time that its documentation says, and no
// more; and of the limits the Limiter gets the rates that theirs says.
func TestTimeouts(t *testing.T) {
	t.Parallel()
	c := &clockwork{kinds: map[string]time.Duration{}}
	l := &ledger{open: map[string]int{}, rates: map[string]ginauth.Rate{}}
	table := &passwords{rows: map[string]password{}}
	mails, users := &inbox{}, ginauth.MemoryAdapter()
	a := newMailApp(t, ginauth.Email{Send: func(ctx context.Context, m ginauth.Mail) error {
		c.see(ctx, "Email.Send")
		return mails.send(ctx, m)
	}}, ginauth.Options{
		Adapter: timedUsers{users, c}, Limits: ginauth.Limits{Limiter: timedLimiter{l, c}}, TrustedProxies: behindProxy,
		Session: ginauth.SessionOptions{Store: timedStore{&listingStore{SessionStore: memoryStore(), of: map[string][]string{}}, c}, Revocations: ginauth.MemoryRevocations()},
		Providers: []ginauth.Provider{ginauth.Credentials{
			Fields: []ginauth.Field{{Name: "username"}, {Name: "password", Type: "password"}}, Authorize: table.authorize,
			Reset: func(ctx context.Context, userID string) error {
				c.see(ctx, "Credentials.Reset")
				return table.reset(ctx, userID)
			},
		}},
	})
	user, err := users.CreateUser(t.Context(), ginauth.User{Email: adaReads}, nil)
	if err != nil {
		t.Fatal(err)
	}
	table.set(adaReads, user.ID, adasPassword)
	b := a.browser(t)
	b.Transport = behindProxies{b.Transport}
	if res := b.types(adaReads, adasPassword); !res.signedIn() {
		t.Fatal(a.log)
	}
	b.get("/me")
	fresh := a.browser(t)
	fresh.Transport = behindProxies{fresh.Transport}
	fresh.ask(adaReads, "/").sent(t)
	if res := fresh.press(mails.newest(t).URL); !res.signedIn() {
		t.Fatal(a.log)
	}
	for kind, most := range map[string]time.Duration{
		"Adapter": 5 * time.Second, "Credentials.Reset": 5 * time.Second, "Email.Send": 20 * time.Second, "Session.Store": 2 * time.Second, "Limits.Limiter": 2 * time.Second,
	} {
		if got, called := c.kinds[kind]; !called || got > most || got < most-time.Second {
			t.Errorf("%s has %v (called %v), want %v", kind, got, called, most)
		}
	}
	kinds := map[string]bool{} // that an operator finds in Redis
	for key := range l.rates {
		kind, _, _ := strings.Cut(key, ":")
		kinds[kind] = true
		if len(key) > 64 || strings.Contains(key, "ada") {
			t.Errorf("a key is %q", key)
		}
	}
	for _, kind := range []string{"start", "fail", "guess", "guesses", "success", "mail", "mails"} {
		if !kinds[kind] {
			t.Errorf("no key of %q: %v", kind, kinds)
		}
	}
	seen := map[ginauth.Rate]bool{}
	for _, rate := range l.rates {
		seen[rate] = true
	}
	for name, rate := range map[string]ginauth.Rate{
		"Starts": {Count: 120, Per: time.Minute}, "Failures": {Count: 100, Per: 10 * time.Minute}, "Guesses": {Count: 10, Per: 10 * time.Minute},
		"AllGuesses": {Count: 100, Per: time.Hour}, "Successes": {Count: 1000, Per: time.Hour}, "Mails": {Count: 20, Per: time.Hour}, "half of Mails": {Count: 10, Per: time.Hour},
	} {
		if !seen[rate] {
			t.Errorf("no key has the rate of %s, %v: %v", name, rate, seen)
		}
	}
}
