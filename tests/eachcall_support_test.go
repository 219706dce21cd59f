package tests

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/ginauth/ginauth"
)

// errCut is what the call that fails returns.
var errCut = errors.New("connection was cut")

// Calls count what an application asks of its database, its session store and its
// revocations, and let one of the calls fail.
type calls struct {
	mu    sync.Mutex
	armed bool
	fails int // which call, from 0; a negative one never
	names []string
	// instead, if there is one, is done before that call, which then does not fail. Of
	// what it calls itself no notice is taken.
	instead func()
	broken  map[string]func() error // what else fails, by name, whether or not it is counted
}

// breaks makes each call of that name fail in this way from now on; with nil it works
// again.
func (c *calls) breaks(name string, fails func() error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken == nil {
		c.broken = map[string]func() error{}
	}
	c.broken[name] = fails
}

// arm counts from now on.
func (c *calls) arm(fails int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armed, c.fails, c.names = true, fails, nil
}

// disarm ends the count, and returns the calls' names.
func (c *calls) disarm() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armed = false
	return slices.Clone(c.names)
}

func (c *calls) call(name string) error {
	c.mu.Lock()
	if fails := c.broken[name]; fails != nil {
		c.mu.Unlock()
		return fails()
	}
	if !c.armed {
		c.mu.Unlock()
		return nil
	}
	c.names = append(c.names, name)
	cut, instead := len(c.names)-1 == c.fails, c.instead
	c.armed = !cut || instead == nil
	c.mu.Unlock()
	switch {
	case !cut:
		return nil
	case instead == nil:
		return errCut
	}
	instead()
	c.mu.Lock()
	c.armed = true
	c.mu.Unlock()
	return nil
}

// uncut makes a call unless it is the one that fails.
func uncut[T any](c *calls, name string, do func() (T, error)) (T, error) {
	if err := c.call(name); err != nil {
		var none T
		return none, err
	}
	return do()
}

func uncutToo(c *calls, name string, do func() error) error {
	if err := c.call(name); err != nil {
		return err
	}
	return do()
}

type cutAdapter struct {
	ginauth.Adapter
	*calls
}

func (a cutAdapter) CreateUser(ctx context.Context, user ginauth.User, account *ginauth.Account) (ginauth.User, error) {
	return uncut(a.calls, "CreateUser", func() (ginauth.User, error) { return a.Adapter.CreateUser(ctx, user, account) })
}

func (a cutAdapter) GetUser(ctx context.Context, id string) (ginauth.User, error) {
	return uncut(a.calls, "GetUser", func() (ginauth.User, error) { return a.Adapter.GetUser(ctx, id) })
}

func (a cutAdapter) GetUserByEmail(ctx context.Context, email string) (ginauth.User, error) {
	return uncut(a.calls, "GetUserByEmail", func() (ginauth.User, error) { return a.Adapter.GetUserByEmail(ctx, email) })
}

func (a cutAdapter) GetUserByAccount(ctx context.Context, provider, id string) (ginauth.User, error) {
	return uncut(a.calls, "GetUserByAccount", func() (ginauth.User, error) { return a.Adapter.GetUserByAccount(ctx, provider, id) })
}

func (a cutAdapter) UpdateUser(ctx context.Context, user ginauth.User) (ginauth.User, error) {
	return uncut(a.calls, "UpdateUser", func() (ginauth.User, error) { return a.Adapter.UpdateUser(ctx, user) })
}

func (a cutAdapter) DeleteUser(ctx context.Context, id string) error {
	return uncutToo(a.calls, "DeleteUser", func() error { return a.Adapter.DeleteUser(ctx, id) })
}

func (a cutAdapter) LinkAccount(ctx context.Context, userID string, account ginauth.Account) error {
	return uncutToo(a.calls, "LinkAccount", func() error { return a.Adapter.LinkAccount(ctx, userID, account) })
}

func (a cutAdapter) UnlinkAccount(ctx context.Context, userID, provider, id string, evenLast bool) error {
	return uncutToo(a.calls, "UnlinkAccount", func() error { return a.Adapter.UnlinkAccount(ctx, userID, provider, id, evenLast) })
}

func (a cutAdapter) ListAccounts(ctx context.Context, userID string) ([]ginauth.Account, error) {
	return uncut(a.calls, "ListAccounts", func() ([]ginauth.Account, error) { return a.Adapter.ListAccounts(ctx, userID) })
}

func (a cutAdapter) CreateVerificationToken(ctx context.Context, token ginauth.VerificationToken) error {
	return uncutToo(a.calls, "CreateVerificationToken", func() error { return a.Adapter.CreateVerificationToken(ctx, token) })
}

func (a cutAdapter) UseVerificationToken(ctx context.Context, identifier, hash string) (ginauth.VerificationToken, error) {
	return uncut(a.calls, "UseVerificationToken", func() (ginauth.VerificationToken, error) {
		return a.Adapter.UseVerificationToken(ctx, identifier, hash)
	})
}

// A wholeStore has every optional interface of a session store.
type wholeStore interface {
	ginauth.UserSessionStore
	ginauth.CompareStore
	ginauth.SessionLocker
}

type cutStore struct {
	wholeStore
	*calls
}

func (s cutStore) Create(ctx context.Context, userID string, data []byte, expires time.Time) (string, error) {
	return uncut(s.calls, "Create", func() (string, error) { return s.wholeStore.Create(ctx, userID, data, expires) })
}

func (s cutStore) Get(ctx context.Context, handle string) ([]byte, error) {
	return uncut(s.calls, "Get", func() ([]byte, error) { return s.wholeStore.Get(ctx, handle) })
}

func (s cutStore) Update(ctx context.Context, handle string, data []byte, expires time.Time) (string, error) {
	return uncut(s.calls, "Update", func() (string, error) { return s.wholeStore.Update(ctx, handle, data, expires) })
}

func (s cutStore) UpdateIf(ctx context.Context, handle string, old, data []byte, expires time.Time) (string, error) {
	return uncut(s.calls, "UpdateIf", func() (string, error) { return s.wholeStore.UpdateIf(ctx, handle, old, data, expires) })
}

func (s cutStore) Delete(ctx context.Context, handle string) error {
	return uncutToo(s.calls, "Delete", func() error { return s.wholeStore.Delete(ctx, handle) })
}

func (s cutStore) List(ctx context.Context, userID string) ([]ginauth.StoredSession, error) {
	return uncut(s.calls, "List", func() ([]ginauth.StoredSession, error) { return s.wholeStore.List(ctx, userID) })
}

func (s cutStore) DeleteListed(ctx context.Context, userID, id string) error {
	return uncutToo(s.calls, "DeleteListed", func() error { return s.wholeStore.DeleteListed(ctx, userID, id) })
}

func (s cutStore) DeleteUser(ctx context.Context, userID string) error {
	return uncutToo(s.calls, "DeleteUserSessions", func() error { return s.wholeStore.DeleteUser(ctx, userID) })
}

func (s cutStore) Lock(ctx context.Context, name string) (func(), error) {
	return uncut(s.calls, "Lock", func() (func(), error) { return s.wholeStore.Lock(ctx, name) })
}

type cutRevocations struct {
	ginauth.Revocations
	*calls
}

func (r cutRevocations) Revoke(ctx context.Context, subject string, at, until time.Time) error {
	return uncutToo(r.calls, "Revoke", func() error { return r.Revocations.Revoke(ctx, subject, at, until) })
}

func (r cutRevocations) RevokedAt(ctx context.Context, subjects ...string) (time.Time, error) {
	return uncut(r.calls, "RevokedAt", func() (time.Time, error) { return r.Revocations.RevokedAt(ctx, subjects...) })
}
