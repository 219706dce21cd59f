package tests

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/servertest"
	"github.com/ginauth/ginauth/redisstore"
)

// A cutKeys is a cutAdapter that keeps passkeys and second factors too.
type cutKeys struct {
	cutAdapter
	passkeys ginauth.PasskeyStore
	factors  ginauth.FactorStore
	tokens   *tokensKept
}

// tokensKept are the identifiers of the verification tokens that were stored.
type tokensKept struct {
	mu          sync.Mutex
	identifiers []string
}

func newCutKeys(c *calls) cutKeys {
	adapter := ginauth.MemoryAdapter()
	return cutKeys{cutAdapter{adapter, c}, adapter.(ginauth.PasskeyStore), adapter.(ginauth.FactorStore), &tokensKept{}}
}

func (a cutKeys) CreateVerificationToken(ctx context.Context, token ginauth.VerificationToken) error {
	a.tokens.mu.Lock()
	a.tokens.identifiers = append(a.tokens.identifiers, token.Identifier)
	a.tokens.mu.Unlock()
	return a.cutAdapter.CreateVerificationToken(ctx, token)
}

func (a cutKeys) CreatePasskey(ctx context.Context, p ginauth.StoredPasskey) error {
	return uncutToo(a.calls, "CreatePasskey", func() error { return a.passkeys.CreatePasskey(ctx, p) })
}

func (a cutKeys) GetPasskey(ctx context.Context, id string) (ginauth.StoredPasskey, error) {
	return uncut(a.calls, "GetPasskey", func() (ginauth.StoredPasskey, error) { return a.passkeys.GetPasskey(ctx, id) })
}

func (a cutKeys) ListPasskeys(ctx context.Context, userID string) ([]ginauth.StoredPasskey, error) {
	return uncut(a.calls, "ListPasskeys", func() ([]ginauth.StoredPasskey, error) { return a.passkeys.ListPasskeys(ctx, userID) })
}

func (a cutKeys) UpdatePasskey(ctx context.Context, p ginauth.StoredPasskey, data []byte) error {
	return uncutToo(a.calls, "UpdatePasskey", func() error { return a.passkeys.UpdatePasskey(ctx, p, data) })
}

func (a cutKeys) DeletePasskey(ctx context.Context, userID, id string) error {
	return uncutToo(a.calls, "DeletePasskey", func() error { return a.passkeys.DeletePasskey(ctx, userID, id) })
}

func (a cutKeys) GetFactors(ctx context.Context, userID string) ([]byte, error) {
	return uncut(a.calls, "GetFactors", func() ([]byte, error) { return a.factors.GetFactors(ctx, userID) })
}

func (a cutKeys) UpdateFactors(ctx context.Context, userID string, old, data []byte) error {
	return uncutToo(a.calls, "UpdateFactors", func() error { return a.factors.UpdateFactors(ctx, userID, old, data) })
}

// A brokenApp is a passkeyApp with an account page, of whose database, session store and
// revocations single calls fail.
type brokenApp struct {
	*passkeyApp
	*calls
	keys cutKeys
}

// newBrokenApp makes one with sessions in a store; nil: they are sealed.
func newBrokenApp(t testing.TB, store wholeStore, opts ginauth.Options) *brokenApp {
	t.Helper()
	a := &brokenApp{calls: &calls{}}
	a.keys = newCutKeys(a.calls)
	opts.Adapter, opts.AccountPage = a.keys, true
	if store != nil {
		opts.Session.Store = cutStore{store, a.calls}
	}
	opts.Session.Revocations = cutRevocations{ginauth.MemoryRevocations(), a.calls}
	a.passkeyApp = newPasskeyApp(t, opts)
	return a
}

// cut makes calls fail as a connection that was cut does.
func (a *brokenApp) cut(names ...string) {
	for _, name := range names {
		a.breaks(name, func() error { return errCut })
	}
}

// mend makes calls work again.
func (a *brokenApp) mend(names ...string) {
	for _, name := range names {
		a.breaks(name, nil)
	}
}

// spoilt changes what is stored of a user's passkeys, one text for another.
func (a *brokenApp) spoilt(t testing.TB, userID, text, by string) {
	t.Helper()
	list, err := a.keys.passkeys.ListPasskeys(t.Context(), userID)
	if err != nil || len(list) == 0 {
		t.Fatalf("%v, %v", list, err)
	}
	for _, p := range list {
		data := strings.Replace(string(p.Data), text, by, 1)
		if data == string(p.Data) {
			t.Fatalf("%s is not in %s", text, p.Data)
		}
		if err := a.keys.passkeys.UpdatePasskey(t.Context(), p, []byte(data)); err != nil {
			t.Fatal(err)
		}
	}
}

// errorLine is the one line of the log at ERROR, and fails the test where there is none
// or another number; it forgets the log.
func (a *app) errorLine(t testing.TB) string {
	t.Helper()
	var lines []string
	for line := range strings.Lines(a.log.String()) {
		if strings.Contains(line, "level=ERROR") {
			lines = append(lines, line)
		}
	}
	if len(lines) != 1 {
		t.Fatalf("%d errors in the log:\n%s", len(lines), a.log)
	}
	a.log.forget()
	return lines[0]
}

// redisSessions is a store of sessions in a Redis of a test, apart from others there.
func redisSessions(t testing.TB, server *servertest.Server, prefix string) wholeStore {
	t.Helper()
	return redisstore.New(redisClient(t, server), redisstore.Options{Prefix: prefix})
}
