package verification_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ginauth/ginauth/internal/token"
	"github.com/ginauth/ginauth/internal/verification"
)

// A row is the same in all processes and versions that share a database: the address, the
// end, and a keyed hash of all that the proof is good for.
func TestBegin_Row(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	for _, code := range []bool{false, true} {
		for _, bound := range []bool{false, true} {
			m, db := method(t, verification.Method{Code: code, BindBrowser: bound, Now: func() time.Time { return now }})
			p, pending := begin(t, m)
			want := m.Hash.Sums("link", "email", address, pending.Nonce, p.Token)[0]
			if code {
				want = m.Hash.Sums("code", "email", address, pending.Nonce, "1")[0]
			}
			row, ok := db.rows[[2]string{address, want}]
			if !ok || len(db.rows) != 1 || row.Identifier != address || !row.Expires.Equal(now.Add(time.Hour)) || !p.Expires.Equal(row.Expires) {
				t.Errorf("code %v, bound %v: the rows are %v", code, bound, db.rows)
			}
			if (p.Code != "") != code || (p.Token != "") == code || (pending.Nonce != "") != (code || bound) || pending.Code != p.Code {
				t.Errorf("code %v, bound %v: %+v, %+v", code, bound, p, pending)
			}
		}
	}
}

// Each wrong code leaves the row of the next try, as long as the first; a code that is
// used up is asked for five times, and no more.
func TestTryCode_Rows(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	m, db := method(t, verification.Method{Code: true, Now: func() time.Time { return now }})
	p, pending := begin(t, m)
	asked := 0
	m.Use = func(ctx context.Context, identifier, hash string) (verification.Row, error) {
		asked++
		return db.use(ctx, identifier, hash)
	}
	for try := 1; try <= 5; try++ {
		if asked = 0; len(db.rows) != 1 {
			t.Fatalf("before the try %d there are %d rows", try, len(db.rows))
		}
		row, ok := db.rows[[2]string{address, m.Hash.Sums("code", "email", address, pending.Nonce, fmt.Sprint(try))[0]}]
		if !ok || !row.Expires.Equal(now.Add(time.Hour)) {
			t.Errorf("before the try %d: %v", try, db.rows)
		}
		if _, err := m.TryCode(t.Context(), pending, wrong(p.Code)); err != nil || asked != try {
			t.Errorf("the try %d asks %d times, %v", try, asked, err)
		}
	}
	if asked = 0; len(db.rows) != 0 {
		t.Errorf("%d rows are left", len(db.rows))
	}
	if result, err := m.TryCode(t.Context(), pending, p.Code); result != verification.Refused || err != nil || asked != 5 {
		t.Errorf("a sixth try: %v, %v, asked %d times", result, err, asked)
	}
}

// A database that fails is no wrong code: its error is the answer's.
func TestDatabase_Fails(t *testing.T) {
	t.Parallel()
	down := errors.New("down")
	for _, code := range []bool{false, true} {
		m, db := method(t, verification.Method{Code: code})
		p, pending := begin(t, m)
		m.Use = func(context.Context, string, string) (verification.Row, error) { return verification.Row{}, down }
		if result, err := m.TryCode(t.Context(), pending, pending.Code); code && (result != verification.Refused || !errors.Is(err, down)) {
			t.Errorf("%v, %v", result, err)
		}
		if err := m.Withdraw(t.Context(), p); !errors.Is(err, down) || len(db.rows) != 1 {
			t.Errorf("withdrawn: %v", err)
		}
		m.Store = func(context.Context, verification.Row) error { return down }
		if _, err := m.Begin(t.Context(), address); !errors.Is(err, down) {
			t.Errorf("begun: %v", err)
		}
	}
}

// A row counts as it was asked for, whatever a database takes for the same.
func TestSpend_OtherRow(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	for name, row := range map[string]struct {
		change func(*verification.Row)
		want   bool
	}{
		"as it was asked for": {func(*verification.Row) {}, true},
		"another address":     {func(r *verification.Row) { r.Identifier = strings.ToUpper(address) }, false},
		"another hash":        {func(r *verification.Row) { r.Hash = strings.ToUpper(r.Hash) }, false},
		"at its end":          {func(r *verification.Row) { r.Expires = now }, false},
		"before its end":      {func(r *verification.Row) { r.Expires = now.Add(1) }, true},
	} {
		m, db := method(t, verification.Method{Now: func() time.Time { return now }})
		p, _ := begin(t, m)
		m.Use = func(ctx context.Context, identifier, hash string) (verification.Row, error) {
			found, err := db.use(ctx, identifier, hash)
			row.change(&found)
			return found, err
		}
		if ok, err := m.SpendLink(t.Context(), p); ok != row.want || err != nil {
			t.Errorf("%s: %v, %v", name, ok, err)
		}
	}
}

// What cannot be a link's token, and a link that is bound to another browser, costs no
// question to the database.
func TestLink_None(t *testing.T) {
	t.Parallel()
	pending := verification.Pending{Email: address, Nonce: "nonce"}
	for _, row := range []struct {
		name    string
		bound   bool
		token   string
		pending verification.Pending
		ok      bool
	}{
		{"a token", false, "token", verification.Pending{}, true},
		{"none", false, "", pending, false},
		{"the longest", false, strings.Repeat("x", 64), pending, true},
		{"too long", false, strings.Repeat("x", 65), pending, false},
		{"bound", true, "token", pending, true},
		{"bound, and nothing is kept", true, "token", verification.Pending{}, false},
		{"bound, and no nonce is kept", true, "token", verification.Pending{Email: address}, false},
		{"bound to another address", true, "token", verification.Pending{Email: "grace@example.com", Nonce: "nonce"}, false},
	} {
		m, _ := method(t, verification.Method{BindBrowser: row.bound})
		if _, ok := m.Link(address, row.token, row.pending); ok != row.ok {
			t.Errorf("%s: %v", row.name, ok)
		}
	}
}

// Of cookies that end together the first counts, which is the one of the longer path (RFC
// 6265 §5.4), and one without an end is a cookie too.
func TestOpen_First(t *testing.T) {
	t.Parallel()
	ring, err := token.V4.Keyring("ginauth.mail", strings.Repeat("k", 32))
	if err != nil {
		t.Fatal(err)
	}
	seal := func(text string) string { return ring.Seal([]byte(text)) }
	for _, sealed := range [][]string{
		{seal(`{"e":"first","x":7}`), seal(`{"e":"second","x":7}`)}, {seal(`{"e":"first","x":0}`)}, {"junk", seal(`{"e":"first"}`), "junk"},
		{seal(`{"e":"second","x":6}`), seal(`{"e":"first","x":7}`), seal(`{"e":"third","x":5}`)}, {seal(`{"e":"broken","x":9,"n":1}`), seal(`{"e":"first","x":7}`)},
	} {
		if last, ok := verification.Open(ring, slices.Values(sealed)); !ok || last.Email != "first" {
			t.Errorf("%+v, %v", last, ok)
		}
	}
	if last, ok := verification.Open(ring, slices.Values([]string{"junk"})); ok || last.Email != "" {
		t.Errorf("%+v, %v", last, ok)
	}
}

// People type a code as mail programs show it.
func TestTryCode_Typed(t *testing.T) {
	t.Parallel()
	for name, typed := range map[string]func(string) string{
		"in groups":      func(c string) string { return c[:3] + " " + c[3:] },
		"with a dash":    func(c string) string { return c[:3] + "\u2013" + c[3:] },
		"with no-breaks": func(c string) string { return "\u00a0" + c[:3] + "\u202f" + c[3:] },
		"marked":         func(c string) string { return "\u200e" + c + "\u200f\u2060" },
	} {
		m, _ := method(t, verification.Method{Code: true})
		p, pending := begin(t, m)
		if result, err := m.TryCode(t.Context(), pending, typed(p.Code)); result != verification.Accepted || err != nil {
			t.Errorf("%s: %v, %v", name, result, err)
		}
	}
}
