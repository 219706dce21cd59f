package stream_test

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ginauth/ginauth/internal/revocation"
	"github.com/ginauth/ginauth/internal/stream"
)

func TestStreams_End(t *testing.T) {
	t.Parallel()
	ada := revocation.Session{SID: "s1", Subject: "ada"}
	tests := []struct {
		name string
		end  func(*stream.Streams)
		want string // the streams that end
	}{
		{"a session", func(s *stream.Streams) { s.End("s1") }, "01"},
		{"a session signed out of", func(s *stream.Streams) { s.SignOut("s1") }, "01"},
		{"a user", func(s *stream.Streams) { s.EndUser("ada") }, "012"},
		{"by what is known of them", func(s *stream.Streams) {
			s.EndFunc(func(of revocation.Session) bool { return of.Account == "a" })
		}, "3"},
		{"what has no name", func(s *stream.Streams) { s.End(""); s.SignOut("") }, ""},
		{"a session of nobody here", func(s *stream.Streams) { s.SignOut("s9") }, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := stream.New()
			var ended []string
			for i, of := range []revocation.Session{ada, ada, {SID: "s2", Subject: "ada"}, {SID: "s3", Subject: "grace", Account: "a"}, {}} {
				s.Add(of, func() { ended = append(ended, strconv.Itoa(i)) })
			}
			forget := s.Add(ada, func() { ended = append(ended, "forgotten") })
			forget()
			tt.end(s)
			slices.Sort(ended)
			if got := strings.Join(ended, ""); got != tt.want {
				t.Errorf("%q ended, want %q", got, tt.want)
			}
		})
	}
}

func TestStreams_AfterSignOut(t *testing.T) {
	t.Parallel()
	s := stream.New()
	s.SignOut("s1")
	if !s.SignedOut("s1") || s.SignedOut("s2") || s.SignedOut("") {
		t.Error("the sign-out is not remembered, or is of another session")
	}
	var ended int
	s.Add(revocation.Session{SID: "s1", Subject: "ada"}, func() { ended++ })
	if ended == 0 {
		t.Error("a stream began after the sign-out, and stays open")
	}
	before := ended
	s.EndUser("ada")
	if ended != before {
		t.Error("it is kept though it has ended")
	}
	s.End("s2")
	if s.SignedOut("s2") {
		t.Error("the end of streams counts as a sign-out")
	}
}

// A stream that begins at the moment of the sign-out ends, whichever comes first.
func TestStreams_AtTheMomentOfSignOut(t *testing.T) {
	t.Parallel()
	s := stream.New()
	for i := range 2000 {
		session := strconv.Itoa(i)
		var ended atomic.Bool
		var both sync.WaitGroup
		both.Go(func() { s.Add(revocation.Session{SID: session}, func() { ended.Store(true) }) })
		both.Go(func() { s.SignOut(session) })
		both.Wait()
		if !ended.Load() {
			t.Fatal("a stream stays open")
		}
	}
}
