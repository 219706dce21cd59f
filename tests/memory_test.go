package tests

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/ginauth/ginauth"
)

// asked are Revocations that a process remembers the answers of.
type asked struct{ ginauth.Revocations }

// What a process remembers of a session for a moment must not keep all of its claims
// in memory: they are up to 32 KB, and a person can sign out again and again.
func TestMemory_OfSessions(t *testing.T) { // not parallel: it measures the heap
	const sessions, size = 300, 16 << 10
	for _, row := range []struct {
		name  string
		opts  ginauth.SessionOptions
		visit func(b *browser)
	}{
		{"that were signed out of", ginauth.SessionOptions{}, func(b *browser) {
			if res := b.signOut(); res.StatusCode != http.StatusFound || len(b.sessionNames()) != 0 {
				t.Fatalf("signing out: %d %s", res.StatusCode, res.body)
			}
		}},
		{"whose revocation was asked for", ginauth.SessionOptions{Revocations: asked{ginauth.MemoryRevocations()}}, func(b *browser) {
			if res := b.get("/me"); res.StatusCode != http.StatusOK {
				t.Fatalf("GET /me: %d %s", res.StatusCode, res.body)
			}
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			a := membersApp(t, ginauth.Options{Session: row.opts})
			b := a.browser(t)
			visit := func(i int) {
				b.plant(sessionCookie, sessionFor(t, "ada@example.com", map[string]any{
					"sub": fmt.Sprintf("person-%d", i), "ginauth_sid": fmt.Sprintf("session-%d", i), "roles": strings.Repeat("x", size),
				}))
				row.visit(b)
			}
			visit(0)
			before := heap()
			for i := range sessions {
				visit(i + 1)
			}
			if grown := heap() - before; grown > sessions*size/8 {
				t.Errorf("%d sessions left %d bytes, of %d in each", sessions, grown, size)
			}
		})
	}
}

// heap is what is in use, in bytes, behind a collection of the garbage.
func heap() int64 {
	runtime.GC()
	runtime.GC() // what a sync.Pool holds
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
