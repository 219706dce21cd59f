package adaptertest

import (
	"bytes"
	"context"
	"crypto/rand"
	"slices"
	"testing"

	"github.com/ginauth/ginauth"
)

// passkeys is the adapter's store of passkeys. An adapter without one is not tested.
func (s suite) passkeys() ginauth.PasskeyStore {
	s.t.Helper()
	store, ok := s.Adapter.(ginauth.PasskeyStore)
	if !ok {
		s.t.Skip("the adapter is no ginauth.PasskeyStore")
	}
	return store
}

// passkey makes up one of a user, with the characters that an ID may have.
func passkey(userID string) ginauth.StoredPasskey {
	return ginauth.StoredPasskey{ID: rand.Text() + "aZ09-_aZ09-_aZ09-", UserID: userID, Data: []byte(`{"name":"phone"}`)}
}

// keeps fails the test unless a user has these passkeys and no others.
func (s suite) keeps(store ginauth.PasskeyStore, userID string, want ...ginauth.StoredPasskey) {
	s.t.Helper()
	list, err := store.ListPasskeys(s.ctx(), userID)
	if err != nil {
		s.t.Fatalf("ListPasskeys: %v", err)
	}
	if len(list) != len(want) {
		s.t.Errorf("ListPasskeys returns %d, want %d", len(list), len(want))
	}
	for _, w := range want {
		if !slices.ContainsFunc(list, func(p ginauth.StoredPasskey) bool { return samePasskey(p, w) }) {
			s.t.Errorf("ListPasskeys lacks %s, or returns it changed", w.ID)
		}
		if got, err := store.GetPasskey(s.ctx(), w.ID); err != nil || !samePasskey(got, w) {
			s.t.Errorf("GetPasskey: %+v, %v", got, err)
		}
	}
}

func samePasskey(a, b ginauth.StoredPasskey) bool {
	return a.ID == b.ID && a.UserID == b.UserID && bytes.Equal(a.Data, b.Data)
}

func testPasskeys(t *testing.T, s suite) {
	store := s.passkeys()
	ada, bob := s.create(address(), nil), s.create(address(), nil)
	one, two := passkey(ada.ID), passkey(ada.ID)
	two.Data = bytes.Repeat([]byte{0, 0xff, '\'', '\\'}, 4<<10) // 16 KB of any bytes
	for _, p := range []ginauth.StoredPasskey{one, two} {
		s.is("CreatePasskey", store.CreatePasskey(s.ctx(), p), nil)
	}
	s.keeps(store, ada.ID, one, two)
	s.keeps(store, bob.ID)
	s.keeps(store, "nobody")
	_, err := store.GetPasskey(s.ctx(), passkey("").ID)
	s.is("GetPasskey of none", err, ginauth.ErrNotFound)

	// An ID is one person's alone.
	taken := one
	taken.UserID = bob.ID
	s.is("CreatePasskey of another user's", store.CreatePasskey(s.ctx(), taken), ginauth.ErrExists)
	s.is("CreatePasskey again", store.CreatePasskey(s.ctx(), one), ginauth.ErrExists)
	s.is("CreatePasskey of nobody", store.CreatePasskey(s.ctx(), passkey("nobody")), ginauth.ErrNotFound)

	// They are compared byte by byte.
	swapped := one
	swapped.ID = swapCase(one.ID)
	_, err = store.GetPasskey(s.ctx(), swapped.ID)
	s.is("GetPasskey in another case", err, ginauth.ErrNotFound)
	s.is("CreatePasskey in another case", store.CreatePasskey(s.ctx(), swapped), nil)

	// A change is made of what is there.
	s.is("UpdatePasskey", store.UpdatePasskey(s.ctx(), one, []byte("new")), nil)
	s.is("UpdatePasskey of what was there", store.UpdatePasskey(s.ctx(), one, []byte("newer")), ginauth.ErrConflict)
	one.Data = []byte("new")
	s.is("UpdatePasskey to the same", store.UpdatePasskey(s.ctx(), one, []byte("new")), nil)
	foreign := one
	foreign.UserID = bob.ID
	s.is("UpdatePasskey of another user's", store.UpdatePasskey(s.ctx(), foreign, []byte("x")), ginauth.ErrNotFound)
	s.is("UpdatePasskey of none", store.UpdatePasskey(s.ctx(), passkey(ada.ID), []byte("x")), ginauth.ErrNotFound)
	s.keeps(store, ada.ID, one, two, swapped)

	s.is("DeletePasskey of another user's", store.DeletePasskey(s.ctx(), bob.ID, one.ID), ginauth.ErrNotFound)
	s.is("DeletePasskey", store.DeletePasskey(s.ctx(), ada.ID, one.ID), nil)
	s.is("DeletePasskey again", store.DeletePasskey(s.ctx(), ada.ID, one.ID), ginauth.ErrNotFound)
	s.keeps(store, ada.ID, two, swapped)

	// They go with their user, and nobody else's do.
	bobs := passkey(bob.ID)
	s.is("CreatePasskey", store.CreatePasskey(s.ctx(), bobs), nil)
	s.is("DeleteUser", s.DeleteUser(s.ctx(), ada.ID), nil)
	s.keeps(store, ada.ID)
	_, err = store.GetPasskey(s.ctx(), two.ID)
	s.is("GetPasskey of a deleted user", err, ginauth.ErrNotFound)
	s.keeps(store, bob.ID, bobs)
	s.is("CreatePasskey of a deleted user", store.CreatePasskey(s.ctx(), one), ginauth.ErrNotFound)

	gone, cancel := context.WithCancel(s.ctx())
	cancel()
	if err := store.CreatePasskey(gone, passkey(bob.ID)); err == nil {
		t.Error("CreatePasskey goes on without its context")
	}
}

// swapCase is another ID to who compares them byte by byte.
func swapCase(id string) string {
	b := []byte(id)
	for i, c := range b {
		switch {
		case 'a' <= c && c <= 'z':
			b[i] = c - 'a' + 'A'
		case 'A' <= c && c <= 'Z':
			b[i] = c - 'A' + 'a'
		}
	}
	return string(b)
}

// Fifty registrations of one credential at once, by as many users, and fifty uses of one
// passkey that all saw the same.
func testPasskeysAtOnce(_ *testing.T, s suite) {
	store := s.passkeys()
	shared := passkey("")
	users := make([]string, callers)
	for i := range users {
		users[i] = s.create(address(), nil).ID
	}
	s.succeeds("CreatePasskey", atOnce(callers, func(i int) error {
		mine := shared
		mine.UserID = users[i]
		return store.CreatePasskey(s.ctx(), mine)
	}), ginauth.ErrExists)
	kept, err := store.GetPasskey(s.ctx(), shared.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	s.succeeds("UpdatePasskey", atOnce(callers, func(i int) error {
		return store.UpdatePasskey(s.ctx(), kept, []byte{byte(i)})
	}), ginauth.ErrConflict)
}
