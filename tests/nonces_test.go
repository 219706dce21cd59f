package tests

import (
	"context"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ginauth/ginauth"
)

// keyedLimiter notes under which keys it is asked to count, and for how long.
type keyedLimiter struct {
	ginauth.Limiter
	mu    sync.Mutex
	asked map[string]ginauth.Rate
}

func (l *keyedLimiter) Allow(ctx context.Context, key string, rate ginauth.Rate) (time.Duration, error) {
	l.mu.Lock()
	l.asked[key] = rate
	l.mu.Unlock()
	return l.Limiter.Allow(ctx, key, rate)
}

// A nonce that was used is remembered for longer than any may be used, under a name that
// others cannot tell it from: the processes of an application share them, old and new.
func TestNonces_WhereTheyCount(t *testing.T) {
	t.Parallel()
	limiter := &keyedLimiter{Limiter: newCounter(time.Now), asked: map[string]ginauth.Rate{}}
	s := newNativeSite(t, ginauth.Options{Limits: ginauth.Limits{Limiter: limiter}})
	device{t, s.app}.signIn(s.idp, "ada")
	name := regexp.MustCompile(`^nonce:[0-9a-f]{32}$`)
	n := 0
	for key, rate := range limiter.asked {
		if !strings.HasPrefix(key, "nonce") {
			continue
		}
		if n++; !name.MatchString(key) || rate != (ginauth.Rate{Count: 1, Per: 70 * time.Minute}) {
			t.Errorf("counted as %s by %v", key, rate)
		}
	}
	if n != 1 {
		t.Errorf("%d nonces are counted", n)
	}

	db := newMemory()
	stored := newNativeSite(t, ginauth.Options{Adapter: db})
	nonce := stored.nonceOf(t, "idp")
	rows := db.rows()
	if len(rows) != 1 || rows[0].Identifier != "id_token" || rows[0].Hash == nonce || strings.Contains(nonce, rows[0].Hash) {
		t.Fatalf("the rows are %v", rows)
	}
	if left := rows[0].Expires.Sub(stored.clock.now()); left > time.Hour || left < 59*time.Minute {
		t.Errorf("the row is kept for %v", left)
	}
	token, _ := tokensFor(t, stored.idp, "ada", nonce, nil)
	if d := (device{t, stored.app}); !d.isIn(d.hand("idp", map[string]any{"id_token": token})) || len(db.rows()) != 0 {
		t.Errorf("%d rows are left", len(db.rows()))
	}
}
