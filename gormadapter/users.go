package gormadapter

import (
	"context"
	"errors"

	"gorm.io/gorm"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/ascii"
	"github.com/ginauth/ginauth/internal/token"
)

var errUnstorable = errors.New("gormadapter: an ID or address is longer than 255 bytes, is not UTF-8 or has a NUL in it")

// CreateUser stores a user and their account in one transaction.
func (a *Adapter) CreateUser(ctx context.Context, user ginauth.User, account *ginauth.Account) (ginauth.User, error) {
	user.ID = token.NewID()
	if !storable(user.Email) || account != nil && !storable(account.Provider, account.ProviderAccountID) {
		return ginauth.User{}, errUnstorable
	}
	row := rowOf(user)
	err := a.change(ctx, func(tx *gorm.DB) error {
		if err := tx.Table(a.tables.users).Create(&row).Error; err != nil || account == nil {
			return err
		}
		return a.insertAccount(tx, user.ID, *account)
	})
	if err != nil {
		return ginauth.User{}, err
	}
	return row.user(), nil
}

// GetUser finds a user by ID.
func (a *Adapter) GetUser(ctx context.Context, id string) (ginauth.User, error) {
	if !storable(id) {
		return ginauth.User{}, ginauth.ErrNotFound
	}
	return a.one(a.with(ctx).Table(a.tables.users).Where("id = ?", exact(id)))
}

// GetUserByEmail finds a user by e-mail address.
func (a *Adapter) GetUserByEmail(ctx context.Context, email string) (ginauth.User, error) {
	if email == "" || !storable(email) {
		return ginauth.User{}, ginauth.ErrNotFound
	}
	return a.one(a.with(ctx).Table(a.tables.users).Where("email = ?", exact(ascii.Lower(email))))
}

// GetUserByAccount finds the user who signs in with an account.
func (a *Adapter) GetUserByAccount(ctx context.Context, provider, providerAccountID string) (ginauth.User, error) {
	if !storable(provider, providerAccountID) {
		return ginauth.User{}, ginauth.ErrNotFound
	}
	return a.one(a.with(ctx).Table(a.tables.users).Where("id = (?)", a.with(ctx).Table(a.tables.accounts).Select("user_id").
		Where("provider = ? AND provider_account_id = ?", exact(provider), exact(providerAccountID))))
}

// one is the user of a query that finds one or none.
func (a *Adapter) one(query *gorm.DB) (ginauth.User, error) {
	var rows []userRow
	if err := query.Limit(1).Find(&rows).Error; err != nil {
		return ginauth.User{}, a.explain(err)
	}
	if len(rows) == 0 {
		return ginauth.User{}, ginauth.ErrNotFound
	}
	return rows[0].user(), nil
}

// lock makes other changes of a user wait for the end of this transaction. It is an
// update that changes nothing, since SQLite has no other lock on one row, and one
// that begins by reading may not write any more.
func (a *Adapter) lock(tx *gorm.DB, id string) error {
	if !storable(id) {
		return ginauth.ErrNotFound
	}
	if err := tx.Exec("UPDATE "+a.tables.users+" SET name = name WHERE id = ?", exact(id)).Error; err != nil {
		return err
	}
	var n int64 // MySQL counts no row as affected that stays the same
	if err := tx.Table(a.tables.users).Where("id = ?", exact(id)).Count(&n).Error; err != nil {
		return err
	}
	if n == 0 {
		return ginauth.ErrNotFound
	}
	return nil
}

// UpdateUser stores a user's name, address, time of verification and picture.
func (a *Adapter) UpdateUser(ctx context.Context, user ginauth.User) (ginauth.User, error) {
	if !storable(user.Email) {
		return ginauth.User{}, errUnstorable
	}
	row := rowOf(user)
	err := a.change(ctx, func(tx *gorm.DB) error {
		if err := a.lock(tx, user.ID); err != nil {
			return err
		}
		return tx.Table(a.tables.users).Where("id = ?", row.ID).
			Select("name", "email", "email_verified", "image").Updates(&row).Error
	})
	if err != nil {
		return ginauth.User{}, err
	}
	return row.user(), nil
}

// DeleteUser deletes a user with all their accounts, second factors and passkeys.
func (a *Adapter) DeleteUser(ctx context.Context, id string) error {
	err := a.change(ctx, func(tx *gorm.DB) error {
		if err := a.lock(tx, id); err != nil {
			return err
		}
		// SQLite heeds the foreign key's CASCADE only where a connection was told to.
		if err := tx.Table(a.tables.accounts).Where("user_id = ?", exact(id)).Delete(&accountRow{}).Error; err != nil {
			return err
		}
		if err := tx.Table(a.tables.factors).Where("user_id = ?", exact(id)).Delete(&factorRow{}).Error; err != nil {
			return err
		}
		if err := tx.Table(a.tables.passkeys).Where("user_id = ?", exact(id)).Delete(&passkeyRow{}).Error; err != nil {
			return err
		}
		return tx.Table(a.tables.users).Where("id = ?", exact(id)).Delete(&userRow{}).Error
	})
	if errors.Is(err, ginauth.ErrNotFound) {
		return nil
	}
	return err
}
