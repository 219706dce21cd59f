package refusal_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ginauth/ginauth/internal/refusal"
	"github.com/ginauth/ginauth/internal/token"
)

func newNotes(t *testing.T, secret string) (refusal.Notes, *clock) {
	t.Helper()
	keyring, err := token.V4.Keyring("notes", secret)
	if err != nil {
		t.Fatal(err)
	}
	c := &clock{time.Unix(1_700_000_000, 0)}
	return refusal.Notes{Keyring: keyring, Now: c.now}, c
}

// Of the notes that a browser brings, the latest of the kind that is asked for counts,
// while it lasts.
func TestNotes_Latest(t *testing.T) {
	t.Parallel()
	notes, c := newNotes(t, strings.Repeat("s", 32))
	others, _ := newNotes(t, strings.Repeat("o", 32))
	old := notes.Seal(refusal.Note{Kind: "failure", Code: "old"}, time.Minute)
	latest := notes.Seal(refusal.Note{Kind: "failure", Code: "latest"}, 2*time.Minute)
	sent := notes.Seal(refusal.Note{Kind: "sent", Code: "sent"}, time.Hour)
	foreign := others.Seal(refusal.Note{Kind: "failure", Code: "foreign"}, time.Hour)
	for _, row := range []struct {
		name   string
		after  time.Duration
		values []string
		want   string
	}{
		{"none", 0, nil, ""},
		{"one", 0, []string{old}, "old"},
		{"the later one", 0, []string{latest, old}, "latest"},
		{"in whatever order", 0, []string{old, latest}, "latest"},
		{"another kind", 0, []string{sent}, ""},
		{"another secret's", 0, []string{foreign}, ""},
		{"no note", 0, []string{"no note"}, ""},
		{"the moment it ends", time.Minute, []string{old}, ""},
		{"after it has ended", time.Minute, []string{old, latest}, "latest"},
	} {
		c.at = time.Unix(1_700_000_000, 0).Add(row.after)
		if got := notes.Latest(slices.Values(row.values), "failure").Code; got != row.want {
			t.Errorf("%s: %q, want %q", row.name, got, row.want)
		}
	}
}

// A cookie has no room for everything that somebody may type.
func TestTyped(t *testing.T) {
	t.Parallel()
	typed := map[string]string{"name": "ada", "empty": "", "bytes": "\xff", "half": strings.Repeat("h", 1020), "more": "more"}
	read := func(name string) string { return typed[name] }
	if got := refusal.Typed([]string{"empty", "bytes", "missing"}, read); got != nil {
		t.Errorf("nothing to keep: %v", got)
	}
	got := refusal.Typed([]string{"name", "half", "more"}, read)
	if len(got) != 2 || got["name"] != "ada" || got["half"] == "" {
		t.Errorf("1,023 of 1,024 bytes: %v", got)
	}
}
