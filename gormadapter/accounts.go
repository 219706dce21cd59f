package gormadapter

import (
	"context"

	"gorm.io/gorm"

	"github.com/ginauth/ginauth"
)

// LinkAccount gives a user a further account.
func (a *Adapter) LinkAccount(ctx context.Context, userID string, account ginauth.Account) error {
	if !storable(account.Provider, account.ProviderAccountID) {
		return errUnstorable
	}
	return a.change(ctx, func(tx *gorm.DB) error {
		if err := a.lock(tx, userID); err != nil {
			return err
		}
		return a.insertAccount(tx, userID, account)
	})
}

func (a *Adapter) insertAccount(tx *gorm.DB, userID string, account ginauth.Account) error {
	row := accountRow{
		Provider: exact(account.Provider), ProviderAccountID: exact(account.ProviderAccountID), UserID: exact(userID),
		Type: account.Type, TokenType: account.TokenType, Scope: account.Scope, ExpiresAt: millis(account.ExpiresAt),
	}
	row.AccessToken = a.keys.seal(account.AccessToken, "access_token", row)
	row.RefreshToken = a.keys.seal(account.RefreshToken, "refresh_token", row)
	row.IDToken = a.keys.seal(account.IDToken, "id_token", row)
	return tx.Table(a.tables.accounts).Create(&row).Error
}

// UnlinkAccount takes an account away from a user.
func (a *Adapter) UnlinkAccount(ctx context.Context, userID, provider, providerAccountID string, evenLast bool) error {
	if !storable(provider, providerAccountID) {
		return ginauth.ErrNotFound
	}
	return a.change(ctx, func(tx *gorm.DB) error {
		if err := a.lock(tx, userID); err != nil { // else two calls at once would each leave the other's account
			return err
		}
		var rows []accountRow
		if err := tx.Table(a.tables.accounts).Where("user_id = ?", exact(userID)).Find(&rows).Error; err != nil {
			return err
		}
		for _, row := range rows {
			if string(row.Provider) != provider || string(row.ProviderAccountID) != providerAccountID {
				continue
			}
			if len(rows) == 1 && !evenLast {
				return ginauth.ErrLastAccount
			}
			return tx.Table(a.tables.accounts).Delete(&row).Error
		}
		return ginauth.ErrNotFound
	})
}

// ListAccounts returns the accounts of a user, without their tokens.
func (a *Adapter) ListAccounts(ctx context.Context, userID string) ([]ginauth.Account, error) {
	if !storable(userID) {
		return nil, nil
	}
	var rows []accountRow
	if err := a.with(ctx).Table(a.tables.accounts).Where("user_id = ?", exact(userID)).Find(&rows).Error; err != nil {
		return nil, a.explain(err)
	}
	list := make([]ginauth.Account, len(rows))
	for i, row := range rows {
		list[i] = row.account()
	}
	return list, nil
}

// Account returns an account of a user with its tokens, as they were when it was
// linked, for work beyond a session. The error is ginauth.ErrNotFound where the
// user has no such account. Without a TokenKey there are no tokens.
func (a *Adapter) Account(ctx context.Context, userID, provider, providerAccountID string) (ginauth.Account, error) {
	if !storable(userID, provider, providerAccountID) {
		return ginauth.Account{}, ginauth.ErrNotFound
	}
	var rows []accountRow
	err := a.with(ctx).Table(a.tables.accounts).Where("user_id = ? AND provider = ? AND provider_account_id = ?",
		exact(userID), exact(provider), exact(providerAccountID)).Find(&rows).Error
	if err != nil {
		return ginauth.Account{}, a.explain(err)
	}
	if len(rows) == 0 {
		return ginauth.Account{}, ginauth.ErrNotFound
	}
	row, account := rows[0], rows[0].account()
	for _, t := range [...]struct {
		into           *string
		sealed, column string
	}{
		{&account.AccessToken, row.AccessToken, "access_token"},
		{&account.RefreshToken, row.RefreshToken, "refresh_token"},
		{&account.IDToken, row.IDToken, "id_token"},
	} {
		if *t.into, err = a.keys.open(t.sealed, t.column, row); err != nil {
			return ginauth.Account{}, err
		}
	}
	return account, nil
}

// CreateVerificationToken stores what a mail link or code is checked against.
func (a *Adapter) CreateVerificationToken(ctx context.Context, t ginauth.VerificationToken) error {
	if !storable(t.Identifier, t.Hash) {
		return errUnstorable
	}
	row := tokenRow{Identifier: exact(t.Identifier), Token: exact(t.Hash), Expires: t.Expires.UnixMilli()}
	if err := a.with(ctx).Table(a.tables.tokens).Create(&row).Error; err != nil {
		return a.explain(err)
	}
	a.purgeSoon(ctx)
	return nil
}

// UseVerificationToken finds a token and deletes it. Of several calls the one whose
// deletion the database counts has found it.
func (a *Adapter) UseVerificationToken(ctx context.Context, identifier, hash string) (ginauth.VerificationToken, error) {
	if !storable(identifier, hash) {
		return ginauth.VerificationToken{}, ginauth.ErrNotFound
	}
	token := func() *gorm.DB {
		return a.with(ctx).Table(a.tables.tokens).Where("identifier = ? AND token = ?", exact(identifier), exact(hash))
	}
	var rows []tokenRow
	if err := token().Find(&rows).Error; err != nil {
		return ginauth.VerificationToken{}, a.explain(err)
	}
	if len(rows) == 0 {
		return ginauth.VerificationToken{}, ginauth.ErrNotFound
	}
	deleted := token().Delete(&tokenRow{})
	if deleted.Error != nil {
		return ginauth.VerificationToken{}, a.explain(deleted.Error)
	}
	if deleted.RowsAffected == 0 {
		return ginauth.VerificationToken{}, ginauth.ErrNotFound
	}
	return ginauth.VerificationToken{
		Identifier: identifier, Hash: hash, Expires: timeOf(&rows[0].Expires),
	}, nil
}
