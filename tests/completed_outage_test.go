package tests

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ginauth/ginauth"
)

// unreadable is a store that cannot tell what is kept, while a test says so.
type unreadable struct {
	ginauth.SessionStore
	down atomic.Bool
}

func (u *unreadable) Get(ctx context.Context, handle string) ([]byte, error) {
	if u.down.Load() {
		return nil, errDatabase
	}
	return u.SessionStore.Get(ctx, handle)
}

// An answer by POST comes once more, and the store cannot tell who is signed in: the
// person reads that the sign-in was used, and is led nowhere; the log says why.
func TestSignIn_PostedAgainInAnOutage(t *testing.T) {
	t.Parallel()
	store := &unreadable{SessionStore: memoryStore()}
	s := newAppleSite(t, ginauth.Options{Session: ginauth.SessionOptions{Store: store}})
	b := s.browser(t)
	authURL := b.begin("apple", "/welcome")
	b.do(s.post(t, authURL), true)
	again := func() (res answer) {
		res = b.do(s.post(t, authURL), true)
		for range 3 {
			next, found := strings.CutPrefix(res.Header.Get("Location"), s.URL)
			if !found || next == "/welcome" {
				break
			}
			res = b.get(next)
		}
		return res
	}
	store.down.Store(true)
	s.log.forget()
	if res := again(); res.alert() != saysUsed || res.Header.Get("Location") != "" {
		t.Errorf("the page says %q, and leads to %q", res.alert(), res.Header.Get("Location"))
	}
	if log := s.log.String(); !strings.Contains(log, "reading the session failed") || !strings.Contains(log, "connection refused") {
		t.Errorf("the log: %s", log)
	}
	store.down.Store(false)
	if res := again(); res.Header.Get("Location") != s.URL+"/welcome" {
		t.Errorf("later it leads to %q", res.Header.Get("Location"))
	}
}
