package adaptertest

import (
	"bytes"
	"crypto/rand"
	"testing"

	"github.com/ginauth/ginauth"
)

// factors is the adapter as a FactorStore. An adapter that is none, or says by CheckFactors
// that it cannot keep factors, is left alone.
func (s suite) factors() ginauth.FactorStore {
	s.t.Helper()
	store, ok := s.Adapter.(ginauth.FactorStore)
	if !ok {
		s.t.Skip("the adapter is no ginauth.FactorStore")
	}
	if check, ok := store.(interface{ CheckFactors() error }); ok {
		if err := check.CheckFactors(); err != nil {
			s.t.Skip(err)
		}
	}
	return store
}

// record makes up a record, of any bytes.
func record(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

// holds fails the test unless a user's record is this one; nil: there is none.
func (s suite) holds(doing string, store ginauth.FactorStore, userID string, want []byte) {
	s.t.Helper()
	got, err := store.GetFactors(s.ctx(), userID)
	if err != nil || !bytes.Equal(got, want) || (got == nil) != (want == nil) {
		s.t.Errorf("%s: GetFactors returns %d bytes, %v; want the %d that were kept", doing, len(got), err, len(want))
	}
}

func testFactors(t *testing.T, s suite) {
	store := s.factors()
	user, other := s.create(address(), nil), s.create(address(), nil)
	first, second, long := record(200), record(1), record(60_000)
	theirs := record(50)
	s.holds("before", store, user.ID, nil)
	s.is("the first record", store.UpdateFactors(s.ctx(), user.ID, nil, first), nil)
	s.is("another user's", store.UpdateFactors(s.ctx(), other.ID, nil, theirs), nil)
	s.holds("the first record", store, user.ID, first)
	for _, row := range []struct {
		name      string
		old, data []byte
	}{
		{"the first again", nil, second},
		{"in place of another", second, first},
		{"in place of its beginning", first[:100], second},
		{"in place of more", append(bytes.Clone(first), 0), second},
		{"in place of another user's", theirs, second},
		{"deleted without the old one", nil, nil},
		{"deleted in place of another", second, nil},
	} {
		s.is(row.name, store.UpdateFactors(s.ctx(), user.ID, row.old, row.data), ginauth.ErrConflict)
		s.holds(row.name, store, user.ID, first)
	}
	s.is("the same again", store.UpdateFactors(s.ctx(), user.ID, first, first), nil)
	s.is("a long one", store.UpdateFactors(s.ctx(), user.ID, first, long), nil)
	s.holds("a long one", store, user.ID, long)
	s.is("a short one", store.UpdateFactors(s.ctx(), user.ID, long, second), nil)
	s.holds("a short one", store, user.ID, second)
	s.is("deleted", store.UpdateFactors(s.ctx(), user.ID, second, nil), nil)
	s.holds("deleted", store, user.ID, nil)
	s.is("replaced though deleted", store.UpdateFactors(s.ctx(), user.ID, second, first), ginauth.ErrConflict)
	s.is("anew", store.UpdateFactors(s.ctx(), user.ID, nil, first), nil)
	for _, id := range []string{"nobody", "", user.ID + " ", "\x00"} {
		s.is("of nobody", store.UpdateFactors(s.ctx(), id, nil, first), ginauth.ErrNotFound)
		s.holds("of nobody", store, id, nil)
	}
	s.is("DeleteUser", s.DeleteUser(s.ctx(), user.ID), nil)
	s.holds("of a deleted user", store, user.ID, nil)
	s.is("of a deleted user", store.UpdateFactors(s.ctx(), user.ID, nil, first), ginauth.ErrNotFound)
	s.holds("of the other user", store, other.ID, theirs)
}

// Fifty requests at once replace one record, the first included: of two with one code,
// one signs in.
func testFactorsAtOnce(t *testing.T, s suite) {
	store := s.factors()
	user := s.create(address(), nil)
	var kept []byte
	for range 3 {
		old := kept
		records := make([][]byte, callers)
		errs := atOnce(callers, func(i int) error {
			records[i] = record(100)
			return store.UpdateFactors(s.ctx(), user.ID, old, records[i])
		})
		s.succeeds("UpdateFactors", errs, ginauth.ErrConflict)
		for i, err := range errs {
			if err == nil {
				kept = records[i]
			}
		}
		s.holds("at once", store, user.ID, kept)
	}
	s.succeeds("deleted", atOnce(callers, func(int) error { return store.UpdateFactors(s.ctx(), user.ID, kept, nil) }), ginauth.ErrConflict)
	s.holds("deleted at once", store, user.ID, nil)
}
