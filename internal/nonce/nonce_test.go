package nonce_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ginauth/ginauth/internal/nonce"
	"github.com/ginauth/ginauth/internal/token"
)

var errNone = errors.New("none")

// table keeps rows in memory.
type table struct {
	mu   sync.Mutex
	rows map[string]time.Time
}

func (t *table) put(_ context.Context, key string, expires time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows[key] = expires
	return nil
}

func (t *table) take(_ context.Context, key string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.rows[key]; !ok {
		return errNone
	}
	delete(t.rows, key)
	return nil
}

func digest(t testing.TB, secrets ...string) *token.Digest {
	t.Helper()
	d, err := token.NewDigest("test", secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func nonces(t testing.TB, now func() time.Time) (*nonce.Nonces, *table) {
	rows := &table{rows: map[string]time.Time{}}
	return &nonce.Nonces{
		Provider: "google", Site: "https://app.example/api/auth", Hash: digest(t, "one"), Now: now,
		Rows: &nonce.Rows{Put: rows.put, Take: rows.take, NotFound: errNone},
	}, rows
}

func newNonce(t testing.TB, n *nonce.Nonces, browser string) string {
	t.Helper()
	text, expires, err := n.New(context.Background(), browser)
	if err != nil || !expires.After(n.Now()) {
		t.Fatal(expires, err)
	}
	return text
}

// A nonce is good for the provider, site and browser that it was made for, and until its
// time has come.
func TestNonces_Valid(t *testing.T) {
	t.Parallel()
	now := time.Now()
	n, _ := nonces(t, func() time.Time { return now })
	text := newNonce(t, n, "browser")
	for name, row := range map[string]struct {
		change  func(n *nonce.Nonces)
		browser string
		after   time.Duration
		ok      bool
	}{
		"as it was made":      {browser: "browser", ok: true},
		"just before its end": {browser: "browser", after: nonce.Lifetime - time.Second, ok: true},
		"at its end":          {browser: "browser", after: nonce.Lifetime},
		"another browser":     {browser: "another"},
		"no browser":          {},
		"another provider":    {browser: "browser", change: func(n *nonce.Nonces) { n.Provider = "apple" }},
		"another site":        {browser: "browser", change: func(n *nonce.Nonces) { n.Site = "https://b.example/api/auth" }},
		"another secret":      {browser: "browser", change: func(n *nonce.Nonces) { n.Hash = digest(t, "two") }},
		"a secret before":     {browser: "browser", change: func(n *nonce.Nonces) { n.Hash = digest(t, "two", "one") }, ok: true},
		"parts shifted":       {browser: "browserhttps", change: func(n *nonce.Nonces) { n.Site = "://app.example/api/auth" }},
		"parts that make one": {browser: "", change: func(n *nonce.Nonces) { n.Site += "browser" }},
	} {
		other := *n
		if row.change != nil {
			row.change(&other)
		}
		other.Now = func() time.Time { return now.Add(row.after).Truncate(time.Second) }
		if got := other.Valid(text, row.browser); got != row.ok {
			t.Errorf("%s: %v", name, got)
		}
	}
	for i := range len(text) { // no character may be another
		for _, c := range []string{"A", "0", "f", "-"} {
			if altered := text[:i] + c + text[i+1:]; altered != text && n.Valid(altered, "browser") {
				t.Errorf("%q passes for %q", altered, text)
			}
		}
	}
	for _, made := range []string{"", "a", strings.ToUpper(text), text + "0", text[1:], strings.Repeat("0", len(text))} {
		if made != text && n.Valid(made, "browser") {
			t.Errorf("%q passes", made)
		}
	}
}

// Of many requests one spends a nonce, also after the secret was changed.
func TestNonces_Spend(t *testing.T) {
	t.Parallel()
	n, rows := nonces(t, time.Now)
	first, second := newNonce(t, n, ""), newNonce(t, n, "")
	rotated := *n
	rotated.Hash = digest(t, "two", "one")
	var mu sync.Mutex
	spent := 0
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			by := n
			if i%2 == 0 {
				by = &rotated
			}
			ok, err := by.Spend(t.Context(), first)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if ok {
				spent++
			}
		})
	}
	all.Wait()
	if spent != 1 || len(rows.rows) != 1 {
		t.Errorf("it was spent %d times, and %d rows are left", spent, len(rows.rows))
	}
	for key := range rows.rows {
		if strings.Contains(second, key) || len(key) != 64 {
			t.Errorf("the key %q tells the nonce", key)
		}
	}
	n.Rows.Take = func(context.Context, string) error { return errors.New("down") }
	if ok, err := n.Spend(t.Context(), second); ok || err == nil {
		t.Errorf("%v, %v while nobody can tell", ok, err)
	}
	n.Rows.Put = func(context.Context, string, time.Time) error { return errors.New("down") }
	if _, _, err := n.New(t.Context(), ""); err == nil {
		t.Error("a nonce that was not kept is given out")
	}
}

// A nonce has one length from 1970 to 2106, is good for an hour to the second, and its row
// is kept for as long. Of a time that does not fit there is none.
func TestNonces_New(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		unix int64
		ok   bool
	}{{0, true}, {1 << 20, true}, {1_800_000_000, true}, {1<<32 - 1 - 3600, true}, {1<<32 - 3600, false}, {1 << 40, false}} {
		now := time.Unix(row.unix, 999_999_999)
		n, rows := nonces(t, func() time.Time { return now })
		text, expires, err := n.New(t.Context(), "browser")
		if (err == nil) != row.ok {
			t.Errorf("at %d: %v", row.unix, err)
		}
		if !row.ok {
			if text != "" || !expires.IsZero() || len(rows.rows) != 0 || !strings.HasPrefix(err.Error(), "nonce: ") {
				t.Errorf("at %d: %q until %v, %d rows, %v", row.unix, text, expires, len(rows.rows), err)
			}
			continue
		}
		end := time.Unix(row.unix+3600, 0)
		if len(text) != 83 || !expires.Equal(end) {
			t.Errorf("at %d: %d characters until %v", row.unix, len(text), expires)
		}
		if kept, ok := rows.rows[keyOf(text)]; len(rows.rows) != 1 || !ok || !kept.Equal(end) {
			t.Errorf("at %d: the rows are %v", row.unix, rows.rows)
		}
		for at, valid := range map[time.Time]bool{end.Add(-1): true, end: false} {
			now = at
			if n.Valid(text, "browser") != valid {
				t.Errorf("at %d: %v later valid is %v", row.unix, at.Sub(time.Unix(row.unix, 0)), !valid)
			}
		}
	}
}

// keyOf is what anybody computes who knows the nonce, under whatever secret.
func keyOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// What keeps count says whether a nonce was used, and its error is the answer's.
func TestNonces_KeepsCount(t *testing.T) {
	t.Parallel()
	errDown := errors.New("down")
	n, _ := nonces(t, time.Now)
	text := newNonce(t, n, "")
	table := n.Rows
	for name, row := range map[string]struct {
		first bool
		err   error
		take  error // of a table
		want  bool
		fault error
	}{
		"the first time":                 {first: true, want: true},
		"again":                          {},
		"it cannot tell":                 {err: errDown, fault: errDown},
		"the row is there":               {want: true},
		"the row is gone":                {take: fmt.Errorf("wrapped: %w", errNone)},
		"the database cannot tell of it": {take: errDown, fault: errDown},
	} {
		n.Rows, n.First = nil, nil
		asked := ""
		if strings.Contains(name, "row") || strings.Contains(name, "database") {
			n.Rows = &nonce.Rows{Put: table.Put, NotFound: errNone, Take: func(_ context.Context, key string) error { asked = key; return row.take }}
		} else {
			n.First = func(_ context.Context, key string) (bool, error) { asked = key; return row.first, row.err }
		}
		got, err := n.Spend(t.Context(), text)
		if got != row.want || !errors.Is(err, row.fault) || asked != keyOf(text) {
			t.Errorf("%s: %v, %v; asked for %q", name, got, err, asked)
		}
		if n.Rows == nil { // then nothing is kept of a new one
			if _, _, err := n.New(t.Context(), ""); err != nil {
				t.Error(err)
			}
		}
	}
	n.Rows = &nonce.Rows{Put: func(context.Context, string, time.Time) error { return errDown }}
	if _, _, err := n.New(t.Context(), ""); !errors.Is(err, errDown) {
		t.Errorf("the row was not kept: %v", err)
	}
}

// FuzzValid tries any text: none passes that was not made here.
func FuzzValid(f *testing.F) {
	n, _ := nonces(f, time.Now)
	f.Add(newNonce(f, n, "another"), "browser")
	f.Add("", "")
	f.Add(strings.Repeat("a", 83), "")
	f.Fuzz(func(t *testing.T, text, browser string) {
		if browser != "another" && n.Valid(text, browser) {
			t.Errorf("%q passes", text)
		}
	})
}

// While a secret is rotated, nonces of both are good, whichever is listed first.
func TestNonces_Rotation(t *testing.T) {
	t.Parallel()
	n, _ := nonces(t, time.Now)
	text := newNonce(t, n, "browser")
	for _, secrets := range [][]string{{"one", "two"}, {"two", "one"}, {"two", "one", "three"}} {
		other := *n
		if other.Hash = digest(t, secrets...); !other.Valid(text, "browser") {
			t.Errorf("a nonce of the first secret is none with %q", secrets)
		}
	}
}
