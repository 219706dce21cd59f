package storetest

import (
	"fmt"
	"slices"
	"sync"

	"github.com/ginauth/ginauth"
)

// list are a user's sessions by their IDs.
func (s suite) list(userID string) map[string][]byte {
	s.Helper()
	stored, err := s.users.List(s.Context(), userID)
	if err != nil {
		s.Fatalf("List: %v", err)
	}
	byID := map[string][]byte{}
	for _, one := range stored {
		if one.ID == "" || byID[one.ID] != nil {
			s.Errorf("List: the ID %q is empty, or comes twice", one.ID)
		}
		byID[one.ID] = one.Data
	}
	return byID
}

// lists fails the test unless a user has sessions with these data, in any order.
func (s suite) lists(doing, userID string, want ...[]byte) {
	s.Helper()
	got := s.list(userID)
	missing := slices.Clone(want)
	for _, data := range got {
		i := slices.IndexFunc(missing, func(w []byte) bool { return sameJSON(w, data) })
		if i < 0 {
			s.Errorf("%s: List returns %s", doing, data)
			continue
		}
		missing = slices.Delete(missing, i, i+1)
	}
	if len(missing) > 0 {
		s.Errorf("%s: List returns %d sessions, not %.300s", doing, len(got), missing)
	}
}

// idOf is the ID in the list of the session that holds these data.
func (s suite) idOf(userID string, data []byte) string {
	s.Helper()
	for id, listed := range s.list(userID) {
		if sameJSON(listed, data) {
			return id
		}
	}
	s.Fatalf("List does not return %s", data)
	return ""
}

// Each user has their own sessions, byte by byte. An ID names a session in a page, and
// opens nothing.
func testList(s suite) {
	s.lists("a user without sessions", s.user("nobody"))
	for i, name := range names() {
		handle := s.create(s.user(name), session(i))
		second := s.create(s.user(name), session(i+1000))
		s.lists(fmt.Sprintf("%.20q", name), s.user(name), session(i), session(i+1000))
		for id := range s.list(s.user(name)) {
			if id == handle || id == second {
				s.Error("the ID is the handle")
			}
			s.holds("an ID for a handle", id, nil)
			s.is("Delete of an ID", s.Delete(s.Context(), id), nil)
		}
		next, err := s.Update(s.Context(), handle, session(i+2000), hour())
		s.is("Update", err, nil)
		s.lists("after an update", s.user(name), session(i+2000), session(i+1000))
		s.is("Delete", s.Delete(s.Context(), next), nil)
		s.lists("after Delete", s.user(name), session(i+1000))
	}
	s.create("", session(1))
	s.lists("nobody's sessions", "")
}

func testListExpired(s suite) {
	ada := s.user("ada")
	if _, err := s.Create(s.Context(), ada, session(1), past()); err != nil {
		s.Errorf("Create of a session that has expired: %v", err)
	}
	stays, ends := s.create(ada, session(2)), s.create(ada, session(3))
	s.lists("beside an expired one", ada, session(2), session(3))
	if _, err := s.Update(s.Context(), ends, session(4), past()); err != nil {
		s.Errorf("Update that ends a session: %v", err)
	}
	s.lists("after one was ended by an update", ada, session(2))
	_, err := s.Update(s.Context(), stays, session(5), hour().Add(1000*hour().Sub(past())))
	s.is("Update", err, nil)
	s.lists("after one was prolonged", ada, session(5))
}

// An ID ends the session of its own user alone, and the others stay.
func testDeleteListed(s suite) {
	ada, grace := s.user("ada"), s.user("grace")
	handles := []string{s.create(ada, session(1)), s.create(ada, session(2)), s.create(grace, session(3))}
	id := s.idOf(ada, session(1))
	for _, other := range []string{grace, "", s.user("nobody")} {
		s.is("DeleteListed by another user", s.users.DeleteListed(s.Context(), other, id), ginauth.ErrNotFound)
	}
	for _, foreign := range append(garbage(), handles[0]) {
		s.is("DeleteListed of "+short(foreign), s.users.DeleteListed(s.Context(), ada, foreign), ginauth.ErrNotFound)
	}
	s.lists("after IDs that are none of hers", ada, session(1), session(2))
	s.is("DeleteListed", s.users.DeleteListed(s.Context(), ada, id), nil)
	s.is("DeleteListed again", s.users.DeleteListed(s.Context(), ada, id), ginauth.ErrNotFound)
	s.holds("the session that was ended", handles[0], nil)
	s.holds("the other session", handles[1], session(2))
	s.holds("another user's session", handles[2], session(3))
	s.lists("afterwards", ada, session(2))
}

func testDeleteUser(s suite) {
	var handles []string
	for i, name := range names() {
		handles = append(handles, s.create(s.user(name), session(i)), s.create(s.user(name), session(i+1000)))
	}
	nobodys := s.create("", session(1))
	s.is("DeleteUser of nobody", s.users.DeleteUser(s.Context(), ""), nil)
	s.is("DeleteUser of a user without sessions", s.users.DeleteUser(s.Context(), s.user("nobody")), nil)
	for i, name := range names() {
		s.holds("before", handles[2*i], session(i))
		s.is("DeleteUser", s.users.DeleteUser(s.Context(), s.user(name)), nil)
		s.lists("afterwards", s.user(name))
		s.holds("the first session", handles[2*i], nil)
		s.holds("the second session", handles[2*i+1], nil)
	}
	s.holds("a session of nobody", nobodys, session(1))
}

// A session that begins while all of its user are ended is ended, or found by the next
// call: none can be used and not be found.
func testDeleteUserAtOnce(s suite) {
	ada := s.user("ada")
	for range 10 {
		var mu sync.Mutex
		var handles []string
		atOnce(9, func(i int) {
			if i%3 == 0 {
				s.is("DeleteUser", s.users.DeleteUser(s.Context(), ada), nil)
				return
			}
			handle := s.create(ada, session(i))
			mu.Lock()
			defer mu.Unlock()
			handles = append(handles, handle)
		})
		s.is("DeleteUser", s.users.DeleteUser(s.Context(), ada), nil)
		for _, handle := range handles {
			s.holds("after the last DeleteUser", handle, nil)
		}
		s.lists("after the last DeleteUser", ada)
	}
}

// atOnce makes n calls that begin together.
func atOnce(n int, call func(i int)) {
	begin := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-begin
			call(i)
		})
	}
	close(begin)
	wg.Wait()
}
