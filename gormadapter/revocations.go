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

// Both keep the later of two times: two processes may revoke at once, and their
// clocks may differ.
const (
	upsert = `INSERT INTO revocations (subject, revoked_at, kept_until) VALUES (?, ?, ?)
ON CONFLICT (subject) DO UPDATE SET
	revoked_at = CASE WHEN excluded.revoked_at > revocations.revoked_at THEN excluded.revoked_at ELSE revocations.revoked_at END,
	kept_until = CASE WHEN excluded.kept_until > revocations.kept_until THEN excluded.kept_until ELSE revocations.kept_until END`
	upsertMySQL = `INSERT INTO revocations (subject, revoked_at, kept_until) VALUES (?, ?, ?)
ON DUPLICATE KEY UPDATE
	revoked_at = GREATEST(revoked_at, VALUES(revoked_at)), kept_until = GREATEST(kept_until, VALUES(kept_until))`
)

// Revoke remembers that what began until at has ended, and drops, once an hour, what
// need not be remembered any more.
func (r revocations) Revoke(ctx context.Context, subject string, at, until time.Time) error {
	statement := upsert
	if r.db.Name() == "mysql" {
		statement = upsertMySQL
	}
	if err := r.with(ctx).Exec(statement, subjectHash(subject), at.UnixMilli(), until.UnixMilli()).Error; err != nil {
		return r.explain(err)
	}
	r.sweep(ctx, &r.swept.revocations, &revocationRow{}, "kept_until < ?", r.now())
	return nil
}

// RevokedAt returns the latest revocation of the subjects.
func (r revocations) RevokedAt(ctx context.Context, subjects ...string) (latest time.Time, err error) {
	hashes := make([]exact, len(subjects))
	for i, s := range subjects {
		hashes[i] = subjectHash(s)
	}
	var rows []revocationRow
	if err := r.with(ctx).Where("subject IN ?", hashes).Find(&rows).Error; err != nil {
		return time.Time{}, r.explain(err)
	}
	for _, row := range rows {
		if at := time.UnixMilli(row.RevokedAt); at.After(latest) {
			latest = at
		}
	}
	return latest, nil
}

func subjectHash(subject string) exact {
	sum := sha256.Sum256([]byte(subject))
	return exact(hex.EncodeToString(sum[:]))
}
