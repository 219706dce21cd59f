package gormadapter

import (
	"bytes"
	"context"

	"gorm.io/gorm"

	"github.com/ginauth/ginauth"
)

var _ ginauth.PasskeyStore = (*Adapter)(nil)

// passkeyRow is a passkey. Its data hold a public key, and nothing secret.
type passkeyRow struct {
	ID     exact `gorm:"primaryKey"` // the hash of the credential's ID
	UserID exact
	Data   []byte
}

func (r passkeyRow) passkey() ginauth.StoredPasskey {
	return ginauth.StoredPasskey{ID: string(r.ID), UserID: string(r.UserID), Data: r.Data}
}

// passkeys are the rows that a condition finds.
func (a *Adapter) passkeys(tx *gorm.DB, condition string, values ...any) (rows []passkeyRow, err error) {
	err = tx.Table(a.tables.passkeys).Where(condition, values...).Find(&rows).Error
	return rows, err
}

// CreatePasskey stores a new passkey.
func (a *Adapter) CreatePasskey(ctx context.Context, p ginauth.StoredPasskey) error {
	if !storable(p.ID) {
		return errUnstorable
	}
	row := passkeyRow{ID: exact(p.ID), UserID: exact(p.UserID), Data: p.Data}
	return a.change(ctx, func(tx *gorm.DB) error {
		if err := a.lock(tx, p.UserID); err != nil {
			return err
		}
		return tx.Table(a.tables.passkeys).Create(&row).Error
	})
}

// GetPasskey finds a passkey by ID.
func (a *Adapter) GetPasskey(ctx context.Context, id string) (ginauth.StoredPasskey, error) {
	if !storable(id) {
		return ginauth.StoredPasskey{}, ginauth.ErrNotFound
	}
	rows, err := a.passkeys(a.with(ctx), "id = ?", exact(id))
	if err != nil {
		return ginauth.StoredPasskey{}, a.explain(err)
	}
	if len(rows) == 0 {
		return ginauth.StoredPasskey{}, ginauth.ErrNotFound
	}
	return rows[0].passkey(), nil
}

// ListPasskeys returns the passkeys of a user.
func (a *Adapter) ListPasskeys(ctx context.Context, userID string) ([]ginauth.StoredPasskey, error) {
	if !storable(userID) {
		return nil, nil
	}
	rows, err := a.passkeys(a.with(ctx), "user_id = ?", exact(userID))
	if err != nil {
		return nil, a.explain(err)
	}
	list := make([]ginauth.StoredPasskey, len(rows))
	for i, row := range rows {
		list[i] = row.passkey()
	}
	return list, nil
}

// UpdatePasskey stores data in place of p.Data.
func (a *Adapter) UpdatePasskey(ctx context.Context, p ginauth.StoredPasskey, data []byte) error {
	if !storable(p.ID) {
		return ginauth.ErrNotFound
	}
	return a.change(ctx, func(tx *gorm.DB) error {
		if err := a.lock(tx, p.UserID); err != nil { // else two calls at once would both find what they expect
			return err
		}
		rows, err := a.passkeys(tx, "id = ? AND user_id = ?", exact(p.ID), exact(p.UserID))
		switch {
		case err != nil:
			return err
		case len(rows) == 0:
			return ginauth.ErrNotFound
		case !bytes.Equal(rows[0].Data, p.Data):
			return ginauth.ErrConflict
		}
		return tx.Table(a.tables.passkeys).Where("id = ?", exact(p.ID)).Update("data", data).Error
	})
}

// DeletePasskey deletes a passkey of a user.
func (a *Adapter) DeletePasskey(ctx context.Context, userID, id string) error {
	if !storable(userID, id) {
		return ginauth.ErrNotFound
	}
	deleted := a.with(ctx).Table(a.tables.passkeys).Where("id = ? AND user_id = ?", exact(id), exact(userID)).Delete(&passkeyRow{})
	if deleted.Error != nil {
		return a.explain(deleted.Error)
	}
	if deleted.RowsAffected == 0 {
		return ginauth.ErrNotFound
	}
	return nil
}
