package memory

import (
	"bytes"
	"context"
	"fmt"
	"slices"
)

func (m *Adapter[U, A, T, P]) CreateVerificationToken(ctx context.Context, t T) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	m.tokens[tokenKey{proof(t).Identifier, proof(t).Hash}] = t
	return nil
}

func (m *Adapter[U, A, T, P]) UseVerificationToken(ctx context.Context, identifier, hash string) (used T, err error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return used, err
	}
	defer leave()
	key := tokenKey{identifier, hash}
	t, ok := m.tokens[key]
	if !ok {
		return used, m.errs.NotFound
	}
	delete(m.tokens, key)
	return t, nil
}

func (m *Adapter[U, A, T, P]) GetFactors(ctx context.Context, userID string) ([]byte, error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	return slices.Clone(m.factors[userID]), nil
}

func (m *Adapter[U, A, T, P]) UpdateFactors(ctx context.Context, userID string, old, data []byte) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if _, err := m.find(userID); err != nil {
		return err
	}
	if !bytes.Equal(m.factors[userID], old) {
		return m.errs.Conflict
	}
	delete(m.factors, userID)
	if data != nil {
		m.factors[userID] = slices.Clone(data)
	}
	return nil
}

func (m *Adapter[U, A, T, P]) CreatePasskey(ctx context.Context, fresh P) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	p := passkey(fresh)
	if _, err := m.find(p.UserID); err != nil {
		return err
	}
	if _, taken := m.passkeys[p.ID]; taken {
		return fmt.Errorf("%w: this passkey", m.errs.Exists)
	}
	p.Data = slices.Clone(p.Data)
	m.passkeys[p.ID] = p
	return nil
}

func (m *Adapter[U, A, T, P]) GetPasskey(ctx context.Context, id string) (found P, err error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return found, err
	}
	defer leave()
	p, ok := m.passkeys[id]
	if !ok {
		return found, m.errs.NotFound
	}
	p.Data = slices.Clone(p.Data)
	return P(p), nil
}

func (m *Adapter[U, A, T, P]) ListPasskeys(ctx context.Context, userID string) (list []P, err error) {
	leave, err := m.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	for _, p := range m.passkeys {
		if p.UserID == userID {
			p.Data = slices.Clone(p.Data)
			list = append(list, P(p))
		}
	}
	return list, nil
}

func (m *Adapter[U, A, T, P]) UpdatePasskey(ctx context.Context, read P, data []byte) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	p := passkey(read)
	kept, ok := m.passkeys[p.ID]
	switch {
	case !ok || kept.UserID != p.UserID:
		return m.errs.NotFound
	case !bytes.Equal(kept.Data, p.Data):
		return m.errs.Conflict
	}
	kept.Data = slices.Clone(data)
	m.passkeys[p.ID] = kept
	return nil
}

func (m *Adapter[U, A, T, P]) DeletePasskey(ctx context.Context, userID, id string) error {
	leave, err := m.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if p, ok := m.passkeys[id]; !ok || p.UserID != userID {
		return m.errs.NotFound
	}
	delete(m.passkeys, id)
	return nil
}
