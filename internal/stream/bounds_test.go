package stream_test

import (
	"runtime"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ginauth/ginauth/internal/revocation"
	"github.com/ginauth/ginauth/internal/stream"
)

// A sign-out is remembered for a minute at the least, and forgotten after two where
// others follow.
func TestSignedOut_Life(t *testing.T) {
	t.Parallel()
	for step, known := range map[time.Duration]bool{time.Minute - 1: true, time.Minute: false} {
		synctest.Test(t, func(t *testing.T) {
			s := stream.New()
			s.SignOut("first")
			for i := range 2 {
				time.Sleep(step)
				s.SignOut(strconv.Itoa(i))
			}
			if s.SignedOut("first") != known {
				t.Errorf("twice %v later the sign-out is known: %v", step, !known)
			}
		})
	}
}

// A flood of sign-outs takes bounded memory: the first is forgotten when twice 32,768
// have followed it, and not before.
func TestSignedOut_Flood(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := stream.New()
		s.SignOut("first")
		for i := range 2<<15 - 1 {
			s.SignOut(strconv.Itoa(i))
		}
		if !s.SignedOut("first") {
			t.Error("the sign-out is forgotten too soon")
		}
		if s.SignOut("one more"); s.SignedOut("first") {
			t.Error("the sign-out takes memory without end")
		}
	})
}

// Sessions without a name cannot be told apart: a sign-out of one ends none, also later.
func TestSignOut_WithoutName(t *testing.T) {
	t.Parallel()
	s := stream.New()
	s.SignOut("")
	ended := false
	s.Add(revocation.Session{}, func() { ended = true })
	if s.SignedOut("") || ended {
		t.Error("another's sign-out ends a session without a name")
	}
}

// Where a session has several streams, one that is over takes none of the others along.
func TestForget_OneOfSeveral(t *testing.T) {
	t.Parallel()
	s := stream.New()
	of := revocation.Session{SID: "s1", Subject: "ada"}
	ended := map[int]int{}
	var forget []func()
	for i := range 3 {
		forget = append(forget, s.Add(of, func() { ended[i]++ }))
	}
	forget[1]()
	forget[1]() // twice is once
	s.End("s1")
	if ended[0] != 1 || ended[1] != 0 || ended[2] != 1 {
		t.Errorf("they ended %v times", ended)
	}
	forget[0]()
	if s.End("s1"); ended[2] != 2 {
		t.Error("the last of three is lost")
	}
}

// A stream that is over leaves nothing behind. Not parallel: it measures memory.
func TestForget_Memory(t *testing.T) {
	s := stream.New()
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	for i := range 50_000 {
		s.Add(revocation.Session{SID: strconv.Itoa(i)}, func() {})()
	}
	if grown := heap() - before; grown > 1<<20 {
		t.Errorf("50,000 streams that are over hold %d bytes", grown)
	}
	runtime.KeepAlive(s)
}
