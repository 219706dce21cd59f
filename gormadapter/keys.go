package gormadapter

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"fmt"
)

// errSealed says that a stored token is not this account's, was altered, or that
// its key is gone.
var errSealed = errors.New("gormadapter: a stored token does not open; is its key in TokenKey or PreviousTokenKeys?")

// keys seal tokens for one column of one row: moved to another user's row, or from
// the refresh to the access token, a value does not open.
type keys []cipher.AEAD

func newKeys(opts Options) (keys, error) {
	if len(opts.TokenKey) == 0 {
		if len(opts.PreviousTokenKeys) > 0 {
			return nil, errors.New("gormadapter: there are PreviousTokenKeys and no TokenKey")
		}
		return nil, nil
	}
	var all keys
	for i, key := range append([][]byte{opts.TokenKey}, opts.PreviousTokenKeys...) {
		if len(key) != 32 {
			name := "TokenKey"
			if i > 0 {
				name = fmt.Sprintf("PreviousTokenKeys[%d]", i-1)
			}
			return nil, fmt.Errorf("gormadapter: %s has %d bytes; write 32 random ones", name, len(key))
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, err
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, err
		}
		all = append(all, aead)
	}
	return all, nil
}

// seal is empty for no token, and where there is no key to keep it with.
func (k keys) seal(token, column string, row accountRow) string {
	if len(k) == 0 || token == "" {
		return ""
	}
	return base64.RawStdEncoding.EncodeToString(k[0].Seal(nil, nil, []byte(token), place(column, row)))
}

func (k keys) open(sealed, column string, row accountRow) (string, error) {
	if sealed == "" || len(k) == 0 {
		return "", nil
	}
	raw, err := base64.RawStdEncoding.DecodeString(sealed)
	if err != nil {
		return "", errSealed
	}
	for _, key := range k {
		if token, err := key.Open(nil, nil, raw, place(column, row)); err == nil {
			return string(token), nil
		}
	}
	return "", errSealed
}

// place names a column of a row. Lengths go first, so that no two places are spelt
// alike.
func place(column string, row accountRow) []byte {
	return fmt.Appendf(nil, "ginauth account token %d %s %d %s %d %s %d %s", len(column), column,
		len(row.Provider), row.Provider, len(row.ProviderAccountID), row.ProviderAccountID, len(row.UserID), row.UserID)
}
