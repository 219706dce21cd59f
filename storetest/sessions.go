package storetest

import (
	"errors"
	"strings"
	"time"

	"github.com/ginauth/ginauth"
)

// maxHandle is how long a handle may be, in bytes.
const maxHandle = 3900

// Handles are new each time, fit into a cookie, and lead to what was kept.
func testCreate(s suite) {
	seen := map[string]bool{}
	for i := range 50 {
		userID := s.user("ada")
		if i == 49 {
			userID = "" // nobody's
		}
		handle := s.create(userID, session(i))
		if handle == "" || len(handle) > maxHandle || seen[handle] {
			s.Fatalf("the handle %.100q has %d bytes, or came before", handle, len(handle))
		}
		for _, c := range []byte(handle) {
			if c <= ' ' || c >= 0x7f {
				s.Fatalf("the handle %.100q has more than visible ASCII", handle)
			}
		}
		seen[handle] = true
		s.holds("a new session", handle, session(i))
	}
	large := []byte(`{"claims":"` + strings.Repeat("x", 32<<10) + `"}`)
	s.holds("a session of 32 KB", s.create(s.user("ada"), large), large)
	s.holds("a large user ID", s.create(strings.Repeat("x", 5000), session(1)), session(1))
}

// What was never a handle leads to nothing, whichever method is asked, and does not
// look like a store that is down.
func testGet(s suite) {
	handle := s.create(s.user("ada"), session(1))
	altered := []byte(handle)
	altered[len(altered)/2] ^= 1
	for _, foreign := range append(garbage(), string(altered), handle+"x", handle[:len(handle)-1], handle+"-") {
		s.holds(short(foreign), foreign, nil)
		_, err := s.Update(s.Context(), foreign, session(2), hour())
		s.is("Update of "+short(foreign), err, ginauth.ErrNotFound)
		s.is("Delete of "+short(foreign), s.Delete(s.Context(), foreign), nil)
		if s.compares != nil {
			_, err := s.compares.UpdateIf(s.Context(), foreign, session(1), session(2), hour())
			s.is("UpdateIf of "+short(foreign), err, ginauth.ErrNotFound)
		}
	}
	s.holds("after all that", handle, session(1))
}

func short(handle string) string {
	if len(handle) > 50 {
		return handle[:50] + "…"
	}
	return handle
}

// The new handle leads to the new data, and the old one still to the session.
func testUpdate(s suite) {
	handle := s.create(s.user("ada"), session(1))
	other := s.create(s.user("ada"), session(2))
	for i := range 3 {
		// What is kept may become longer and shorter, and end later and earlier.
		data := []byte(`{"claims":"` + strings.Repeat("x", 20_000*(1-i%2)) + `"}`)
		next, err := s.Update(s.Context(), handle, data, hour().Add(time.Duration(i-1)*time.Minute))
		s.is("Update", err, nil)
		s.holds("the new handle", next, data)
		if _, err := s.Get(s.Context(), handle); err != nil {
			s.Errorf("the old handle serves no request under way: %v", err)
		}
		handle = next
	}
	s.holds("another session of the same user", other, session(2))
}

// A session that was deleted stays so, also under an older handle of it.
func testDelete(s suite) {
	first := s.create(s.user("ada"), session(1))
	other := s.create(s.user("ada"), session(2))
	handle, err := s.Update(s.Context(), first, session(3), hour())
	s.is("Update", err, nil)
	for range 2 { // it is no error if there is none
		s.is("Delete", s.Delete(s.Context(), handle), nil)
		for _, handle := range []string{first, handle} {
			s.holds("a deleted session", handle, nil)
			_, err := s.Update(s.Context(), handle, session(4), hour())
			s.is("Update of a deleted session", err, ginauth.ErrNotFound)
			if s.compares != nil {
				_, err := s.compares.UpdateIf(s.Context(), handle, session(3), session(4), hour())
				s.is("UpdateIf of a deleted session", err, ginauth.ErrNotFound)
			}
			s.holds("a deleted session that was updated", handle, nil)
		}
	}
	s.holds("another session of the same user", other, session(2))
}

// A caller that is gone learns of nobody that they are signed out, and what it has
// begun is done or not.
func testContext(s suite) {
	handle := s.create(s.user("ada"), session(1))
	gone := late(s.Context())
	if data, err := s.Get(gone, handle); err == nil && !sameJSON(data, session(1)) || errors.Is(err, ginauth.ErrNotFound) {
		s.Errorf("Get with a context that has ended: %s, %v", data, err)
	}
	_, err := s.Update(gone, handle, session(2), hour())
	if errors.Is(err, ginauth.ErrNotFound) {
		s.Errorf("Update with a context that has ended: %v", err)
	}
	want := session(1)
	if err == nil {
		want = session(2)
	}
	s.holds("after it", handle, want)
	if s.users != nil {
		list, err := s.users.List(gone, s.user("ada"))
		if err == nil && len(list) != 1 || errors.Is(err, ginauth.ErrNotFound) {
			s.Errorf("List with a context that has ended: %v, %v", list, err)
		}
	}
	if s.locks != nil {
		release, err := s.locks.Lock(s.Context(), s.user("lock"))
		s.is("Lock", err, nil)
		if _, err := s.locks.Lock(gone, s.user("lock")); err == nil {
			s.Error("Lock with a context that has ended takes what another one holds")
		}
		release()
	}
	if err := s.Delete(gone, handle); err == nil {
		s.holds("deleted by one who is gone", handle, nil)
	} else {
		s.holds("not deleted by one who is gone", handle, want)
	}
}
