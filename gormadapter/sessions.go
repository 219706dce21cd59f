package gormadapter

import (
	"context"
	"time"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/token"
)

// Sessions keep sessions in the same database. They are a ginauth.UserSessionStore, a
// ginauth.CompareStore and a ginauth.SessionLocker. Of a session's handle only the
// SHA-256 is kept: an attacker who reads the database can see the sessions but not use
// them.
type Sessions struct{ adapter *Adapter }

// Sessions are the session store in the adapter's database, for
// ginauth.SessionOptions.Store. It needs the tables that Migrate creates.
func (a *Adapter) Sessions() *Sessions { return &Sessions{a} }

var (
	_ ginauth.UserSessionStore = (*Sessions)(nil)
	_ ginauth.CompareStore     = (*Sessions)(nil)
	_ ginauth.SessionLocker    = (*Sessions)(nil)
	_ ginauth.ContextHeeder    = (*Sessions)(nil)
	_ ginauth.ContextHeeder    = revocations{}
)

// HeedsContext is as ginauth.ContextHeeder says: whether the driver is jackc/pgx's or
// go-sql-driver's, which end their calls with their contexts.
func (s *Sessions) HeedsContext() bool { return s.adapter.heedsContext() }

// A sessionRow is what is read of a session. Its table has a version too: MySQL counts
// no row as changed that an update leaves as it was.
type sessionRow struct {
	ID   exact
	Data []byte
}

// handleLength is that of token.Random.
const handleLength = 43

// owner is whom a session belongs to in the table; empty where that is nobody.
func owner(userID string) exact {
	if userID == "" {
		return ""
	}
	return digest(userID)
}

func (s *Sessions) now() int64 { return s.adapter.now().UnixMilli() }

// Create keeps a session. The handle has 256 random bits.
func (s *Sessions) Create(ctx context.Context, userID string, data []byte, expires time.Time) (string, error) {
	a, handle := s.adapter, token.Random()
	_, err := a.exec(ctx, "INSERT INTO "+a.tables.sessions+" (id, subject, data, expires, version) VALUES (?, ?, ?, ?, 1)",
		digest(handle), owner(userID), data, expires.UnixMilli())
	if err != nil {
		return "", a.explain(err)
	}
	a.purgeSoon(ctx)
	return handle, nil
}

// Get returns a session's data.
func (s *Sessions) Get(ctx context.Context, handle string) ([]byte, error) {
	if len(handle) != handleLength {
		return nil, ginauth.ErrNotFound
	}
	rows, err := s.rows(ctx, "id = ?", digest(handle))
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, ginauth.ErrNotFound
	}
	return rows[0].Data, nil
}

// rows are the sessions that a condition finds and that have not expired.
func (s *Sessions) rows(ctx context.Context, condition string, value any) (rows []sessionRow, err error) {
	a := s.adapter
	err = a.with(ctx).Raw("SELECT id, data FROM "+a.tables.sessions+" WHERE "+condition+" AND expires > ?", value, s.now()).Scan(&rows).Error
	return rows, a.explain(err)
}

// Update replaces a session's data under the same handle. A session that is deleted
// meanwhile stays so.
func (s *Sessions) Update(ctx context.Context, handle string, data []byte, expires time.Time) (string, error) {
	changed, err := s.replace(ctx, handle, "", data, expires)
	if err != nil {
		return "", err
	}
	if !changed {
		return "", ginauth.ErrNotFound
	}
	return handle, nil
}

// UpdateIf replaces a session's data where they are old, as Get returned them.
func (s *Sessions) UpdateIf(ctx context.Context, handle string, old, data []byte, expires time.Time) (string, error) {
	changed, err := s.replace(ctx, handle, " AND data = ?", data, expires, old)
	if err != nil {
		return "", err
	}
	if changed {
		return handle, nil
	}
	if _, err := s.Get(ctx, handle); err != nil {
		return "", err
	}
	return "", ginauth.ErrConflict
}

// replace writes a session that has not expired where a further condition on it holds,
// and reports whether one did.
func (s *Sessions) replace(ctx context.Context, handle, condition string, data []byte, expires time.Time, values ...any) (changed bool, err error) {
	if len(handle) != handleLength {
		return false, nil
	}
	a := s.adapter
	n, err := a.exec(ctx, "UPDATE "+a.tables.sessions+" SET data = ?, expires = ?, version = version + 1 WHERE id = ? AND expires > ?"+condition,
		append([]any{data, expires.UnixMilli(), digest(handle), s.now()}, values...)...)
	if err != nil {
		return false, a.explain(err)
	}
	a.purgeSoon(ctx)
	return n > 0, nil
}

// Delete ends a session.
func (s *Sessions) Delete(ctx context.Context, handle string) error {
	if len(handle) != handleLength {
		return nil
	}
	_, err := s.remove(ctx, "id = ?", digest(handle))
	return err
}

// List returns the sessions of a user. Their IDs are the hashes of their handles.
func (s *Sessions) List(ctx context.Context, userID string) ([]ginauth.StoredSession, error) {
	if userID == "" {
		return nil, nil
	}
	rows, err := s.rows(ctx, "subject = ?", owner(userID))
	if err != nil {
		return nil, err
	}
	list := make([]ginauth.StoredSession, len(rows))
	for i, row := range rows {
		list[i] = ginauth.StoredSession{ID: string(row.ID), Data: row.Data}
	}
	return list, nil
}

// DeleteListed ends one session of a user.
func (s *Sessions) DeleteListed(ctx context.Context, userID, id string) error {
	if userID == "" || !storable(id) {
		return ginauth.ErrNotFound
	}
	n, err := s.remove(ctx, "id = ? AND subject = ? AND expires > ?", exact(id), owner(userID), s.now())
	if err == nil && n == 0 {
		err = ginauth.ErrNotFound
	}
	return err
}

// DeleteUser ends all sessions of a user that there are. A sign-in under way at this
// moment comes after it.
func (s *Sessions) DeleteUser(ctx context.Context, userID string) error {
	if userID == "" {
		return nil
	}
	_, err := s.remove(ctx, "subject = ?", owner(userID))
	return err
}

func (s *Sessions) remove(ctx context.Context, condition string, values ...any) (int64, error) {
	n, err := s.adapter.exec(ctx, "DELETE FROM "+s.adapter.tables.sessions+" WHERE "+condition, values...)
	return n, s.adapter.explain(err)
}
