package gormadapter

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"fmt"
)

// errNoKey refuses to keep second factors that every reader of the database could use.
var errNoKey = errors.New("gormadapter: second factors need Options.TokenKey, 32 random bytes, which encrypts them")

// errSealed says that a stored token or record is not of this row, was altered, or that
// its key is gone.
var errSealed = errors.New("gormadapter: a stored token or second factor does not open; is its key in TokenKey or PreviousTokenKeys?")

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
	token, err := k.openAt(raw, place(column, row))
	return string(token), err
}

// openAt opens what the current key or a previous one sealed for that place.
func (k keys) openAt(sealed, at []byte) ([]byte, error) {
	for _, key := range k {
		if data, err := key.Open(nil, nil, sealed, at); err == nil {
			return data, nil
		}
	}
	return nil, errSealed
}

// place names a column of a row. Lengths go first, so that no two places are spelt
// alike.
func place(column string, row accountRow) []byte {
	return fmt.Appendf(nil, "ginauth account token %d %s %d %s %d %s %d %s", len(column), column,
		len(row.Provider), row.Provider, len(row.ProviderAccountID), row.ProviderAccountID, len(row.UserID), row.UserID)
}

// factorsOf names the row of a user's second factors.
func factorsOf(userID string) []byte { return []byte("ginauth second factors " + userID) }
