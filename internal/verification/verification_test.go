package verification_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ginauth/ginauth/internal/token"
	"github.com/ginauth/ginauth/internal/verification"
)

const address = "ada@example.com"

var errNotFound = errors.New("not found")

// rows keep what a database would.
type rows struct {
	mu   sync.Mutex
	rows map[[2]string]verification.Row
}

func (r *rows) store(_ context.Context, row verification.Row) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rows[[2]string{row.Identifier, row.Hash}] = row
	return nil
}

func (r *rows) use(_ context.Context, identifier, hash string) (verification.Row, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := [2]string{identifier, hash}
	row, ok := r.rows[key]
	if !ok {
		return row, errNotFound
	}
	delete(r.rows, key)
	return row, nil
}

func method(t *testing.T, m verification.Method, secrets ...string) (*verification.Method, *rows) {
	t.Helper()
	if len(secrets) == 0 {
		secrets = []string{"a secret"}
	}
	var err error
	if m.Hash, err = token.NewDigest("test", secrets...); err != nil {
		t.Fatal(err)
	}
	if m.Keyring, err = token.V4.Keyring("test", secrets...); err != nil {
		t.Fatal(err)
	}
	db := &rows{rows: map[[2]string]verification.Row{}}
	m.Provider, m.MaxAge, m.Store, m.Use, m.NotFound = "email", time.Hour, db.store, db.use, errNotFound
	if m.Now == nil {
		m.Now = time.Now
	}
	return &m, db
}

// begin asks for a mail, and returns what is in it and what the browser keeps.
func begin(t *testing.T, m *verification.Method) (verification.Proof, verification.Pending) {
	t.Helper()
	p, err := m.Begin(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	pending, _ := verification.Open(m.Keyring, slices.Values([]string{"forged", m.Seal(p)}))
	return p, pending
}

// A link proves its address once, in time, at the provider and in the browser that it
// is for, while one of the secrets is known.
func TestLink(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, row := range []struct {
		name   string
		bound  bool
		change func(m *verification.Method, to *string, p *verification.Pending)
		proves bool
	}{
		{"as it was sent", false, func(*verification.Method, *string, *verification.Pending) {}, true},
		{"in its browser", true, func(*verification.Method, *string, *verification.Pending) {}, true},
		{"in another browser", true, func(_ *verification.Method, _ *string, p *verification.Pending) { *p = verification.Pending{} }, false},
		{"in a browser that asked for another address", true, func(_ *verification.Method, _ *string, p *verification.Pending) { p.Email = "grace@example.com" }, false},
		{"in a browser that asked later", true, func(_ *verification.Method, _ *string, p *verification.Pending) { p.Nonce = token.Random() }, false},
		{"for another address", false, func(_ *verification.Method, to *string, _ *verification.Pending) { *to = "grace@example.com" }, false},
		{"at another provider", false, func(m *verification.Method, _ *string, _ *verification.Pending) { m.Provider = "other" }, false},
		{"just in time", false, func(m *verification.Method, _ *string, _ *verification.Pending) {
			m.Now = func() time.Time { return now.Add(time.Hour - 1) }
		}, true},
		{"too late", false, func(m *verification.Method, _ *string, _ *verification.Pending) {
			m.Now = func() time.Time { return now.Add(time.Hour) }
		}, false},
		{"after the secret was replaced", false, func(m *verification.Method, _ *string, _ *verification.Pending) {
			m.Hash, _ = token.NewDigest("test", "a new secret", "a secret")
		}, true},
		{"with another secret", false, func(m *verification.Method, _ *string, _ *verification.Pending) {
			m.Hash, _ = token.NewDigest("test", "a new secret")
		}, false},
		{"from a database that returns any row", false, func(m *verification.Method, _ *string, _ *verification.Pending) {
			m.Use = func(context.Context, string, string) (verification.Row, error) {
				return verification.Row{Identifier: address, Hash: "another", Expires: now.Add(time.Hour)}, nil
			}
		}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			m, _ := method(t, verification.Method{BindBrowser: row.bound, Now: func() time.Time { return now }})
			mailed, pending := begin(t, m)
			to := address
			row.change(m, &to, &pending)
			p, ok := m.Link(to, mailed.Token, pending)
			if ok {
				var err error
				if ok, err = m.SpendLink(t.Context(), p); err != nil {
					t.Fatal(err)
				}
			}
			if ok != row.proves {
				t.Errorf("it proves the address: %v", ok)
			}
			if ok, err := m.SpendLink(t.Context(), p); err != nil || ok {
				t.Errorf("used a second time it says %v, %v", ok, err)
			}
		})
	}
}

// A link that was not mailed leaves no row.
func TestWithdraw(t *testing.T) {
	t.Parallel()
	for _, code := range []bool{false, true} {
		m, db := method(t, verification.Method{Code: code})
		p, _ := begin(t, m)
		if len(db.rows) != 1 {
			t.Errorf("there are %d rows", len(db.rows))
		}
		if err := m.Withdraw(t.Context(), p); err != nil || len(db.rows) != 0 {
			t.Errorf("%d rows are left, %v", len(db.rows), err)
		}
	}
}

// A database that fails refuses, and says why.
func TestUse_Fails(t *testing.T) {
	t.Parallel()
	down := errors.New("down")
	m, _ := method(t, verification.Method{})
	p, _ := begin(t, m)
	m.Use = func(context.Context, string, string) (verification.Row, error) { return verification.Row{}, down }
	if ok, err := m.SpendLink(t.Context(), p); ok || !errors.Is(err, down) {
		t.Errorf("%v, %v", ok, err)
	}
	c, _ := method(t, verification.Method{Code: true})
	code, pending := begin(t, c)
	c.Store = func(context.Context, verification.Row) error { return down }
	if result, err := c.TryCode(t.Context(), pending, wrong(code.Code)); result != verification.Refused || !errors.Is(err, down) {
		t.Errorf("%v, %v", result, err)
	}
}

// wrong is a code of the same length.
func wrong(code string) string {
	return string('0'+(code[0]-'0'+1)%10) + code[1:]
}

// A code works until it was tried five times; what cannot be one costs no try.
func TestCode_Tries(t *testing.T) {
	t.Parallel()
	for failures := range 6 {
		m, _ := method(t, verification.Method{Code: true})
		p, pending := begin(t, m)
		for i := range failures {
			for _, typed := range []string{"", p.Code + "0"} {
				if result, err := m.TryCode(t.Context(), pending, typed); err != nil || result != verification.Again {
					t.Errorf("%q: %v, %v", typed, result, err)
				}
			}
			want := verification.Again
			if i == 4 {
				want = verification.Refused
			}
			if result, err := m.TryCode(t.Context(), pending, wrong(p.Code)); err != nil || result != want {
				t.Errorf("wrong code %d: %v, %v, want %v", i+1, result, err, want)
			}
		}
		want := verification.Accepted
		if failures == 5 {
			want = verification.Refused
		}
		if result, err := m.TryCode(t.Context(), pending, p.Code[:3]+"-"+p.Code[3:]+" "); err != nil || result != want {
			t.Errorf("after %d failures: %v, %v, want %v", failures, result, err, want)
		}
		if result, err := m.TryCode(t.Context(), pending, p.Code); err != nil || result != verification.Refused {
			t.Errorf("a second time: %v, %v", result, err)
		}
	}
}

// Many tries at once are no more than five, and one of many right ones is accepted.
func TestCode_AtOnce(t *testing.T) {
	t.Parallel()
	m, db := method(t, verification.Method{Code: true})
	p, pending := begin(t, m)
	var used atomic.Int64
	m.Use = func(ctx context.Context, identifier, hash string) (verification.Row, error) {
		row, err := db.use(ctx, identifier, hash)
		if err == nil {
			used.Add(1)
		}
		return row, err
	}
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if result, err := m.TryCode(t.Context(), pending, wrong(p.Code)); err != nil || result == verification.Accepted {
				t.Errorf("%v, %v", result, err)
			}
		})
	}
	all.Wait()
	if n := used.Load(); n == 0 || n > 5 {
		t.Errorf("%d tries were taken", n)
	}
	p, pending = begin(t, m)
	var accepted atomic.Int64
	for range 50 {
		all.Go(func() {
			if result, _ := m.TryCode(t.Context(), pending, p.Code); result == verification.Accepted {
				accepted.Add(1)
			}
		})
	}
	all.Wait()
	if n := accepted.Load(); n != 1 {
		t.Errorf("%d are accepted", n)
	}
}

// Of several cookies the latest counts, and a link for any browser leaves none.
func TestOpen_Latest(t *testing.T) {
	t.Parallel()
	now := time.Now()
	m, _ := method(t, verification.Method{Code: true, Now: func() time.Time { return now }})
	first, _ := begin(t, m)
	now = now.Add(time.Minute)
	second, _ := begin(t, m)
	for _, sealed := range [][]string{{m.Seal(first), m.Seal(second)}, {m.Seal(second), m.Seal(first)}} {
		if last, ok := verification.Open(m.Keyring, slices.Values(sealed)); !ok || last.Code != second.Code {
			t.Errorf("found %v", ok)
		}
	}
	links, _ := method(t, verification.Method{})
	if p, _ := begin(t, links); links.Seal(p) != "" {
		t.Error("a link for any browser is bound to one")
	}
}

// What was sealed with the right key and is no mail that was asked for is passed over.
func TestOpen_Another(t *testing.T) {
	t.Parallel()
	ring, err := token.V4.Keyring("ginauth.mail", strings.Repeat("k", 32))
	if err != nil {
		t.Fatal(err)
	}
	sealed := []string{ring.Seal([]byte("{")), "x", ring.Seal([]byte("[]"))}
	if last, ok := verification.Open(ring, slices.Values(sealed)); ok {
		t.Errorf("%+v", last)
	}
}
