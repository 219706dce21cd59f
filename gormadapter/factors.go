package gormadapter

import (
	"bytes"
	"context"

	"gorm.io/gorm"

	"github.com/ginauth/ginauth"
)

type factorRow struct {
	UserID exact `gorm:"primaryKey"`
	Data   []byte
}

// CheckFactors reports why the adapter cannot keep second factors: it has no TokenKey.
// ginauth asks before it offers them.
func (a *Adapter) CheckFactors() error {
	if len(a.keys) == 0 {
		return errNoKey
	}
	return nil
}

// GetFactors returns the record of a user's second factors, as ginauth.FactorStore says.
func (a *Adapter) GetFactors(ctx context.Context, userID string) ([]byte, error) {
	if !storable(userID) {
		return nil, nil
	}
	data, err := a.factors(a.with(ctx), userID)
	return data, a.explain(err)
}

// factors opens a user's record; nil for none. One that does not open is an error: it is
// not as if the user had no second factor.
func (a *Adapter) factors(db *gorm.DB, userID string) ([]byte, error) {
	var rows []factorRow
	if err := db.Table(a.tables.factors).Where("user_id = ?", exact(userID)).Find(&rows).Error; err != nil || len(rows) == 0 {
		return nil, err
	}
	return a.keys.openAt(rows[0].Data, factorsOf(userID))
}

// UpdateFactors replaces the record of a user's second factors, as ginauth.FactorStore
// says. The error says so where there is no TokenKey.
func (a *Adapter) UpdateFactors(ctx context.Context, userID string, old, data []byte) error {
	if err := a.CheckFactors(); err != nil {
		return err
	}
	return a.change(ctx, func(tx *gorm.DB) error {
		if err := a.lock(tx, userID); err != nil { // two calls at once would each find the old record
			return err
		}
		kept, err := a.factors(tx, userID)
		if err != nil {
			return err
		}
		if !bytes.Equal(kept, old) {
			return ginauth.ErrConflict
		}
		if err := tx.Table(a.tables.factors).Where("user_id = ?", exact(userID)).Delete(&factorRow{}).Error; err != nil || data == nil {
			return err
		}
		row := factorRow{UserID: exact(userID), Data: a.keys[0].Seal(nil, nil, data, factorsOf(userID))}
		return tx.Table(a.tables.factors).Create(&row).Error
	})
}
