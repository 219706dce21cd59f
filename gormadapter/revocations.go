package gormadapter

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/ginauth/ginauth"
)

// Revocations are ginauth.Revocations in the same database.
func (a *Adapter) Revocations() ginauth.Revocations { return revocations{a} }

type revocations struct{ *Adapter }

// HeedsContext is as for Sessions.
func (r revocations) HeedsContext() bool { return r.heedsContext() }

// upsert keeps the later of two times: two processes may revoke at once, and their
// clocks may differ.
func (r revocations) upsert() string {
	table := r.tables.revocations
	insert := "INSERT INTO " + table + " (subject, revoked_at, kept_until) VALUES (?, ?, ?)\n"
	if r.db.Name() == "mysql" {
		return insert + `ON DUPLICATE KEY UPDATE
	revoked_at = GREATEST(revoked_at, VALUES(revoked_at)), kept_until = GREATEST(kept_until, VALUES(kept_until))`
	}
	later := func(column string) string {
		return column + " = CASE WHEN excluded." + column + " > " + table + "." + column +
			" THEN excluded." + column + " ELSE " + table + "." + column + " END"
	}
	return insert + "ON CONFLICT (subject) DO UPDATE SET " + later("revoked_at") + ", " + later("kept_until")
}

// Revoke remembers that what began until at has ended.
func (r revocations) Revoke(ctx context.Context, subject string, at, until time.Time) error {
	if _, err := r.exec(ctx, r.upsert(), digest(subject), at.UnixMilli(), until.UnixMilli()); err != nil {
		return r.explain(err)
	}
	r.purgeSoon(ctx)
	return nil
}

// RevokedAt returns the latest revocation of the subjects.
func (r revocations) RevokedAt(ctx context.Context, subjects ...string) (latest time.Time, err error) {
	hashes := make([]exact, len(subjects))
	for i, s := range subjects {
		hashes[i] = digest(s)
	}
	var rows []revocationRow
	if err := r.with(ctx).Table(r.tables.revocations).Where("subject IN ?", hashes).Find(&rows).Error; err != nil {
		return time.Time{}, r.explain(err)
	}
	for _, row := range rows {
		if at := time.UnixMilli(row.RevokedAt); at.After(latest) {
			latest = at
		}
	}
	return latest, nil
}

// digest stands in the database for what must not be read there, as handles, or may be
// of any length and letters, as subjects.
func digest(text string) exact {
	sum := sha256.Sum256([]byte(text))
	return exact(hex.EncodeToString(sum[:]))
}
