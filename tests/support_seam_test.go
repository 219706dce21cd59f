package tests

import (
	"context"
	"sync"
	"time"

	"github.com/ginauth/ginauth"
)

// Seams let a test do something right before a call of a database, a store or the
// revocations. The call fails with what that returns.
type seams struct {
	mu sync.Mutex
	at map[string]func() error // by call
}

// before sets what happens before a call; nil: nothing.
func (s *seams) before(call string, do func() error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.at == nil {
		s.at = map[string]func() error{}
	}
	s.at[call] = do
}

// down lets calls fail from now on.
func (s *seams) down(names ...string) {
	for _, name := range names {
		s.before(name, func() error { return errDatabase })
	}
}

// up lets calls work again.
func (s *seams) up(names ...string) {
	for _, name := range names {
		s.before(name, nil)
	}
}

func (s *seams) met(call string) error {
	s.mu.Lock()
	do := s.at[call]
	s.mu.Unlock()
	if do == nil {
		return nil
	}
	return do()
}

// A seamStore is a session store with seams, which repeats in its errors what it was asked
// for.
type seamStore struct {
	ginauth.SessionStore
	seams
}

func newSeamStore() *seamStore { return &seamStore{SessionStore: memoryStore()} }

func (s *seamStore) Create(ctx context.Context, userID string, data []byte, expires time.Time) (string, error) {
	if err := s.met("Create"); err != nil {
		return "", err
	}
	return s.SessionStore.Create(ctx, userID, data, expires)
}

func (s *seamStore) Get(ctx context.Context, handle string) ([]byte, error) {
	if err := s.met("Get"); err != nil {
		return nil, repeating{err, handle}
	}
	return s.SessionStore.Get(ctx, handle)
}

func (s *seamStore) Update(ctx context.Context, handle string, data []byte, expires time.Time) (string, error) {
	if err := s.met("Update"); err != nil {
		return "", repeating{err, handle}
	}
	return s.SessionStore.Update(ctx, handle, data, expires)
}

func (s *seamStore) Delete(ctx context.Context, handle string) error {
	if err := s.met("Delete"); err != nil {
		return repeating{err, handle}
	}
	return s.SessionStore.Delete(ctx, handle)
}

// repeating is an error that says what the call was about.
type repeating struct {
	error
	about string
}

func (r repeating) Error() string { return r.about + ": " + r.error.Error() }
func (r repeating) Unwrap() error { return r.error }

// A seamCompareStore compares what it replaces.
type seamCompareStore struct{ *seamStore }

func (s seamCompareStore) UpdateIf(ctx context.Context, handle string, old, data []byte, expires time.Time) (string, error) {
	if err := s.met("UpdateIf"); err != nil {
		return "", err
	}
	kept, err := s.SessionStore.Get(ctx, handle)
	if err == nil && string(kept) != string(old) {
		err = ginauth.ErrConflict
	}
	if err != nil {
		return "", err
	}
	return s.SessionStore.Update(ctx, handle, data, expires)
}

// A seamAdapter is a database in memory with seams.
type seamAdapter struct {
	ginauth.Adapter
	ginauth.FactorStore
	ginauth.PasskeyStore
	seams
}

func newSeamAdapter() *seamAdapter {
	adapter := ginauth.MemoryAdapter()
	return &seamAdapter{Adapter: adapter, FactorStore: adapter.(ginauth.FactorStore), PasskeyStore: adapter.(ginauth.PasskeyStore)}
}

func (a *seamAdapter) GetUser(ctx context.Context, id string) (ginauth.User, error) {
	if err := a.met("GetUser"); err != nil {
		return ginauth.User{}, err
	}
	return a.Adapter.GetUser(ctx, id)
}

func (a *seamAdapter) ListAccounts(ctx context.Context, id string) ([]ginauth.Account, error) {
	if err := a.met("ListAccounts"); err != nil {
		return nil, err
	}
	return a.Adapter.ListAccounts(ctx, id)
}

func (a *seamAdapter) CreateVerificationToken(ctx context.Context, token ginauth.VerificationToken) error {
	if err := a.met("CreateVerificationToken"); err != nil {
		return err
	}
	return a.Adapter.CreateVerificationToken(ctx, token)
}

func (a *seamAdapter) UseVerificationToken(ctx context.Context, identifier, hash string) (ginauth.VerificationToken, error) {
	if err := a.met("UseVerificationToken"); err != nil {
		return ginauth.VerificationToken{}, err
	}
	return a.Adapter.UseVerificationToken(ctx, identifier, hash)
}

func (a *seamAdapter) GetFactors(ctx context.Context, id string) ([]byte, error) {
	if err := a.met("GetFactors"); err != nil {
		return nil, err
	}
	return a.FactorStore.GetFactors(ctx, id)
}

// seamRevocations are revocations with seams.
type seamRevocations struct {
	ginauth.Revocations
	seams
}

func newSeamRevocations() *seamRevocations {
	return &seamRevocations{Revocations: ginauth.MemoryRevocations()}
}

func (r *seamRevocations) Revoke(ctx context.Context, subject string, at, until time.Time) error {
	if err := r.met("Revoke"); err != nil {
		return err
	}
	return r.Revocations.Revoke(ctx, subject, at, until)
}

func (r *seamRevocations) RevokedAt(ctx context.Context, subjects ...string) (time.Time, error) {
	if err := r.met("RevokedAt"); err != nil {
		return time.Time{}, err
	}
	return r.Revocations.RevokedAt(ctx, subjects...)
}
