// Package verification makes and checks what is mailed to prove an address: a link
// or a code. It knows under which hashes they are stored, how long they work, how
// often a code may be tried, and which browser they are bound to. It does not know
// addresses, mails, users or HTTP. Two functions keep its rows, and the caller
// carries the browser's part, a sealed text.
package verification

import (
	"context"
	"errors"
	"time"

	"github.com/ginauth/ginauth/internal/token"
)

// maxToken is longer, in bytes, than any token of ours.
const maxToken = 64

// A Row is what a proof is checked against. It holds no token and no code.
type Row struct {
	Identifier string // the e-mail address
	Hash       string
	Expires    time.Time
}

// A Method is the way in which one provider proves addresses.
type Method struct {
	Provider    string // its ID: a proof of one provider works at no other
	Code        bool   // mail a code in place of a link
	BindBrowser bool   // a link works only in the browser that asked for it
	MaxAge      time.Duration
	Hash        *token.Digest
	Keyring     *token.Keyring // seals the browser's part
	Now         func() time.Time

	// Store keeps a row. Use deletes a row and returns it, in one step; the second
	// of two callers gets NotFound.
	Store    func(ctx context.Context, row Row) error
	Use      func(ctx context.Context, identifier, hash string) (Row, error)
	NotFound error
}

// A Proof is what the mail tells its reader.
type Proof struct {
	Token   string // of a link
	Code    string // in place of the link
	Expires time.Time

	address string
	nonce   string // known to the browser alone; empty: any browser will do
}

// Begin makes a proof of an address and stores the row that it is checked against.
func (m *Method) Begin(ctx context.Context, address string) (Proof, error) {
	p := Proof{address: address, Expires: m.Now().Add(m.MaxAge)}
	if m.Code || m.BindBrowser {
		p.nonce = token.Random()
	}
	if m.Code {
		p.Code = token.RandomCode()
	} else {
		p.Token = token.Random()
	}
	return p, m.Store(ctx, Row{Identifier: address, Hash: m.hashes(p)[0], Expires: p.Expires})
}

// Withdraw deletes the row of a proof that was not mailed.
func (m *Method) Withdraw(ctx context.Context, p Proof) error {
	_, err := m.Use(ctx, p.address, m.hashes(p)[0])
	return err
}

// Link is the proof that a link's parameters make. pending is what this browser asked
// for last: a link that is bound to a browser is none without it.
func (m *Method) Link(address, linkToken string, pending Pending) (p Proof, ok bool) {
	if linkToken == "" || len(linkToken) > maxToken {
		return Proof{}, false
	}
	p = Proof{Token: linkToken, address: address}
	if m.BindBrowser {
		if pending.Nonce == "" || pending.Email != address {
			return Proof{}, false
		}
		p.nonce = pending.Nonce
	}
	return p, true
}

// SpendLink uses up a link, and reports whether it proves its address.
func (m *Method) SpendLink(ctx context.Context, p Proof) (bool, error) {
	return m.spend(ctx, p.address, m.linkHashes(p))
}

// hashes are what the row of a new proof may be kept under.
func (m *Method) hashes(p Proof) []string {
	if p.Code != "" {
		return m.codeHashes(p.address, p.nonce, 1)
	}
	return m.linkHashes(p)
}

// linkHashes are what a link may be kept under, with the current secret and the
// previous ones. They hold all that the link is good for: no row serves another
// address, provider or browser.
func (m *Method) linkHashes(p Proof) []string {
	return m.Hash.Sums("link", m.Provider, p.address, p.nonce, p.Token)
}

// spend uses up the row that stands under one of the hashes, and reports whether it
// is valid. It checks what Use returned again: a database may compare texts by rules
// of its own.
func (m *Method) spend(ctx context.Context, address string, hashes []string) (bool, error) {
	for _, hash := range hashes {
		row, err := m.Use(ctx, address, hash)
		if errors.Is(err, m.NotFound) {
			continue
		}
		if err != nil {
			return false, err
		}
		return row.Identifier == address && token.Equal(row.Hash, hash) && m.Now().Before(row.Expires), nil
	}
	return false, nil
}
