package gormadapter

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/ginauth/ginauth/internal/token"
)

const (
	// lockLife is the longest time that a lock is held: a process that dies with it
	// blocks others for no longer.
	lockLife = 15 * time.Second
	// lockPause is about how long a process waits before it asks for a lock again. The
	// time varies, so that waiting processes do not ask in step.
	lockPause = 20 * time.Millisecond
	// attempts is how often a statement runs that the database ends in favour of
	// another.
	attempts = 5
)

// databaseNow is the database's own clock in Unix milliseconds. By the clocks of the
// processes, one that is ahead would take a lock from its holder.
var databaseNow = map[string]string{
	"sqlite":   "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
	"postgres": "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)",
	"mysql":    "CAST(UNIX_TIMESTAMP(SYSDATE(3)) * 1000 AS SIGNED)",
}

// Lock waits until no process holds the lock of that name, and takes it for at most 15
// seconds, or until release is called. Calling release again is harmless. The error is
// the context's when that ends first, or the database's. It is for work that must be
// done once for a session, such as renewing its provider's tokens. Get, Update and
// Delete do not wait for it, and it keeps no connection while it is held.
func (s *Sessions) Lock(ctx context.Context, name string) (release func(), err error) {
	key, mine := digest(name), token.Random()
	for {
		taken, err := s.take(ctx, key, mine)
		if err != nil {
			if ctx.Err() != nil {
				err = ctx.Err()
			}
			return nil, err
		}
		if taken {
			return func() { s.release(context.WithoutCancel(ctx), key, mine) }, nil
		}
		pause := time.NewTimer(lockPause/2 + rand.N(lockPause))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return nil, ctx.Err()
		}
	}
}

// take takes a lock that nobody holds, or one that is over. An end further away than a
// lock lasts was written before the database's clock was set back.
func (s *Sessions) take(ctx context.Context, key exact, mine string) (taken bool, err error) {
	a := s.adapter
	now := databaseNow[a.db.Name()]
	insert, otherwise := "INSERT", " ON CONFLICT (name) DO NOTHING"
	if a.db.Name() == "mysql" {
		insert, otherwise = "INSERT IGNORE", ""
	}
	life := lockLife.Milliseconds()
	n, err := a.exec(ctx, insert+" INTO "+a.tables.locks+" (name, holder, expires) VALUES (?, ?, "+now+" + ?)"+otherwise, key, exact(mine), life)
	if err == nil && n == 0 {
		n, err = a.exec(ctx, "UPDATE "+a.tables.locks+" SET holder = ?, expires = "+now+" + ? WHERE name = ? AND (expires <= "+now+" OR expires > "+now+" + ?)",
			exact(mine), life, key, life)
	}
	return n > 0, a.explain(err)
}

// release gives a lock back, if it is still the caller's. Where that fails, lockLife
// ends it.
func (s *Sessions) release(ctx context.Context, key exact, mine string) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_, _ = s.adapter.exec(ctx, "DELETE FROM "+s.adapter.tables.locks+" WHERE name = ? AND holder = ?", key, exact(mine))
}

// collided reports whether the database ended a statement in favour of another one: a
// deadlock, or transactions that cannot be put in order. Run again it may succeed.
func collided(err error) bool {
	var state interface{ SQLState() string } // of PostgreSQL's drivers
	if errors.As(err, &state) {
		return state.SQLState() == "40001" || state.SQLState() == "40P01"
	}
	return strings.HasPrefix(err.Error(), "Error 1213 ") // MySQL's deadlock
}
