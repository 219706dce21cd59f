package gormadapter

import (
	"context"
	"sync/atomic"
	"time"
)

const (
	// purgeEvery is how often a process deletes what has expired, at most.
	purgeEvery = time.Hour
	// purgeRows is how many rows one statement deletes, so that it holds no lock for
	// long, and purgeBatches how many such statements of a table follow one write.
	purgeRows    = 500
	purgeBatches = 20
	purgeTimeout = 30 * time.Second
	// keptExpired is how long what has expired stays. A person who follows a mail link
	// late is told that it has expired. And a clock that was ahead for a while deletes
	// no session and no revocation that still counts.
	keptExpired = 24 * time.Hour
)

// A purge is when a process deletes expired rows again.
type purge struct {
	last    atomic.Int64 // in Unix seconds; at first when the adapter was made
	running atomic.Bool
}

// due reports whether it is time, and takes it upon the caller.
func (p *purge) due(now int64) bool {
	since := now - p.last.Load()
	if since >= 0 && since < int64(purgeEvery/time.Second) { // a clock may step back
		return false
	}
	return p.running.CompareAndSwap(false, true)
}

// purgeSoon begins to delete what has expired, where this has not been done lately. The
// write that it follows does not wait for it. It may fail: rows that stay have expired
// and do not count.
func (a *Adapter) purgeSoon(ctx context.Context) {
	now := a.now()
	if !a.purge.due(now.Unix()) {
		return
	}
	go func() {
		defer a.purge.running.Store(false)
		defer func() { _ = recover() }() // a driver's fault must not end the process
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), purgeTimeout)
		defer cancel()
		if done, err := a.purgeExpired(ctx, now, purgeBatches); done || err != nil {
			a.purge.last.Store(now.Unix()) // else the next write goes on
		}
	}()
}

// Purge deletes all rows that expired a day ago or earlier: sessions, verification
// tokens, revocations and locks. The adapter does so by itself, once an hour after a
// write, up to 10,000 rows of a table at a time. Call it from a job of your own where
// processes live for a shorter time. It deletes 500 rows in one statement, ends with its
// context, and may run in several processes at once.
func (a *Adapter) Purge(ctx context.Context) error {
	now := a.now()
	for {
		done, err := a.purgeExpired(ctx, now, purgeBatches)
		if done || err != nil {
			return err
		}
	}
}

// purgeExpired deletes at most that many batches of each table, and reports whether
// nothing is left.
func (a *Adapter) purgeExpired(ctx context.Context, now time.Time, batches int) (done bool, err error) {
	before := now.Add(-keptExpired).UnixMilli()
	done = true
	for _, t := range [...]struct{ name, key, expires string }{
		{a.tables.sessions, "id", "expires"},
		{a.tables.tokens, "identifier", "expires"},
		{a.tables.revocations, "subject", "kept_until"},
		{a.tables.locks, "name", "expires"},
	} {
		left := true
		for range batches {
			if left, err = a.purgeBatch(ctx, t.name, t.key, t.expires, before); !left || err != nil {
				break
			}
		}
		if err != nil {
			return false, a.explain(err)
		}
		done = done && !left
	}
	return done, nil
}

// purgeBatch deletes the expired rows with up to purgeRows keys, and reports whether
// there may be more. It finds them first: a DELETE that looks through the index of expiry
// locks it in MySQL, and waits for writers which wait for it.
func (a *Adapter) purgeBatch(ctx context.Context, table, key, expires string, before int64) (left bool, err error) {
	var keys []exact
	query := "SELECT " + key + " FROM " + table + " WHERE " + expires + " < ? ORDER BY " + expires + " LIMIT ?"
	if err := a.with(ctx).Raw(query, before, purgeRows).Scan(&keys).Error; err != nil {
		return false, err
	}
	if len(keys) == 0 {
		return false, nil
	}
	_, err = a.exec(ctx, "DELETE FROM "+table+" WHERE "+key+" IN ? AND "+expires+" < ?", keys, before)
	return len(keys) == purgeRows, err
}

// exec runs a statement, again where the database ended it in favour of another, and
// returns how many rows it changed.
func (a *Adapter) exec(ctx context.Context, statement string, values ...any) (rows int64, err error) {
	for range attempts {
		result := a.with(ctx).Exec(statement, values...)
		if rows, err = result.RowsAffected, result.Error; err == nil || !collided(err) {
			return rows, err
		}
	}
	return rows, err
}
