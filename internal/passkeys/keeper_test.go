package passkeys_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ginauth/ginauth/internal/bulkhead"
	"github.com/ginauth/ginauth/internal/passkeys"
)

var errs = passkeys.Errors{
	NotFound: errors.New("not found"), Conflict: errors.New("conflict"),
	OtherUser: errors.New("another user"), TooMany: errors.New("too many"), Wrong: errors.New("wrong"),
}

// A row is a passkey as an application's store has it.
type row struct {
	ID     string
	UserID string
	Data   []byte
}

// A memory is a store of passkeys. before, if set, comes first in its next change.
// creation and deletion are what each of them fails with.
type memory struct {
	changes  int // that were asked for
	rows     map[string]row
	used     map[string]bool // challenges of registrations
	before   func()
	creation error
	deletion error
}

func (m *memory) change() {
	m.changes++
	if before := m.before; before != nil {
		m.before = nil
		before()
	}
}

func (m *memory) CreatePasskey(_ context.Context, p row) error {
	if m.change(); m.creation != nil {
		return m.creation
	}
	m.rows[p.ID] = p
	return nil
}

func (m *memory) GetPasskey(_ context.Context, id string) (row, error) {
	p, ok := m.rows[id]
	if !ok {
		return row{}, errs.NotFound
	}
	return p, nil
}

func (m *memory) ListPasskeys(_ context.Context, userID string) (list []row, err error) {
	for _, p := range m.rows {
		if p.UserID == userID || p.UserID == "astray" {
			list = append(list, p)
		}
	}
	return list, nil
}

func (m *memory) UpdatePasskey(_ context.Context, p row, data []byte) error {
	m.change()
	kept, ok := m.rows[p.ID]
	switch {
	case !ok:
		return errs.NotFound
	case string(kept.Data) != string(p.Data):
		return errs.Conflict
	}
	kept.Data = data
	m.rows[p.ID] = kept
	return nil
}

func (m *memory) DeletePasskey(_ context.Context, _, id string) error {
	if m.deletion != nil {
		return m.deletion
	}
	if _, ok := m.rows[id]; !ok {
		return errs.NotFound
	}
	delete(m.rows, id)
	return nil
}

// A key is what an engine keeps of a passkey.
type key struct{ Count int }

func keeper(t *testing.T, now *time.Time) (*passkeys.Keeper, *memory) {
	t.Helper()
	m := &memory{rows: map[string]row{}, used: map[string]bool{}}
	return &passkeys.Keeper{
		Challenges: challenges(t, "site", now), Store: passkeys.From(m), Most: 3, Errors: errs,
		Calls: bulkhead.New(time.Second, errors.New("the store failed"), errs.NotFound, errs.Conflict),
		Remember: func(_ context.Context, id string, until time.Time) error {
			if until.Sub(*now) != passkeys.Lifetime {
				t.Errorf("a challenge is remembered until %v", until)
			}
			m.used[id] = false
			return nil
		},
		Use: func(_ context.Context, id string) error {
			if used, ok := m.used[id]; !ok || used {
				return errs.NotFound
			}
			m.used[id] = true
			return nil
		},
	}, m
}

func of(purpose passkeys.Purpose, user, session string) passkeys.Challenge {
	return passkeys.Challenge{Purpose: purpose, Browser: "browser", User: user, Session: session}
}

// add registers a passkey of this credential ID, as a ceremony does.
func add(t *testing.T, k *passkeys.Keeper, user, credential string) passkeys.Stored {
	t.Helper()
	want := of(passkeys.Register, user, "s-1")
	var known []key
	asked, _, err := k.Ask(t.Context(), want, &known)
	if err != nil {
		t.Fatal(err)
	}
	challenge, err := k.Registered(t.Context(), passkeys.Answer{CredentialID: []byte(credential), Challenge: asked}, want)
	if err != nil {
		t.Fatal(err)
	}
	data := passkeys.NewRecord(credential, challenge.Handle, key{1}, true, time.Unix(1_700_000_000+int64(len(credential)), 0))
	p := passkeys.Stored{ID: passkeys.ID([]byte(credential)), UserID: user, Data: data}
	if err := k.Add(t.Context(), p, func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestKeeper_Ask holds that a user's passkeys share one handle, that a registration names
// those that there are, and that there are no more than a user may have.
func TestKeeper_Ask(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	k, m := keeper(t, &now)
	var known []key
	if asked, handle, err := k.Ask(t.Context(), of(passkeys.SignIn, "", ""), &known); err != nil || handle != nil || len(known) != 0 || len(asked) == 0 {
		t.Errorf("anybody is asked for one of %v with the handle %q, %v", known, handle, err)
	}
	for _, credential := range []string{"a", "bb", "ccc"} {
		add(t, k, "ada", credential)
	}
	if _, _, err := k.Ask(t.Context(), of(passkeys.Register, "ada", "s-1"), &known); !errors.Is(err, errs.TooMany) {
		t.Errorf("one too many: %v", err)
	}
	_, handle, err := k.Ask(t.Context(), of(passkeys.Prove, "ada", "s-1"), &known)
	if err != nil || !slices.Equal(known, []key{{1}, {1}, {1}}) || len(handle) == 0 {
		t.Errorf("%v, %q, %v", known, handle, err)
	}
	for range 20 { // a table has no order
		records, err := k.Records(t.Context(), "ada")
		if err != nil || len(records) != 3 {
			t.Fatalf("%v, %v", records, err)
		}
		for i, r := range records {
			if r.Name != []string{"a", "bb", "ccc"}[i] || string(r.Handle) != string(handle) || !r.Synced {
				t.Errorf("%d is %+v", i, r)
			}
		}
	}
	kept := m.rows
	m.rows = map[string]row{}
	for i := range 9 {
		id := strconv.Itoa(i)
		m.rows[id] = row{id, "ada", passkeys.NewRecord(id, []byte("handle"), key{1}, false, now)}
	}
	if records, err := k.Records(t.Context(), "ada"); err != nil || !slices.IsSortedFunc(records, func(a, b *passkeys.Named) int { return strings.Compare(a.ID, b.ID) }) {
		t.Errorf("of the same moment: %v, %v", records, err)
	}
	m.rows = map[string]row{"1": {"1", "ada", []byte(`{"public":[1]}`)}}
	if _, _, err := k.Ask(t.Context(), of(passkeys.Prove, "ada", "s-1"), &known); err == nil || !strings.Contains(err.Error(), "passkeys: a stored public key cannot be read: ") {
		t.Errorf("a public key that cannot be read: %v", err)
	}
	m.rows = kept
	m.rows["astray"] = row{ID: "astray", UserID: "astray"}
	if _, err := k.List(t.Context(), "ada"); !errors.Is(err, errs.OtherUser) {
		t.Errorf("somebody else's in the list: %v", err)
	}
	if _, _, err := k.Ask(t.Context(), of(passkeys.Prove, "ada", "s-1"), &known); !errors.Is(err, errs.OtherUser) {
		t.Errorf("somebody else's in a ceremony: %v", err)
	}
}

// TestKeeper_Registered holds that a registration's answer counts once, and in its own
// session.
func TestKeeper_Registered(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	k, _ := keeper(t, &now)
	want := of(passkeys.Register, "ada", "s-1")
	var known []key
	asked, handle, err := k.Ask(t.Context(), want, &known)
	if err != nil {
		t.Fatal(err)
	}
	answer := passkeys.Answer{Challenge: asked}
	var refusal passkeys.Refusal
	if _, err := k.Registered(t.Context(), answer, of(passkeys.Register, "ada", "s-2")); !errors.As(err, &refusal) || !errors.Is(err, errs.Wrong) ||
		err.Error() != "wrong: passkeys: the answer was refused: passkeys: the challenge was made for another user or session" {
		t.Errorf("in another session: %v", err)
	}
	if c, err := k.Registered(t.Context(), answer, want); err != nil || string(c.Handle) != string(handle) {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := k.Registered(t.Context(), answer, want); !errors.As(err, &refusal) || !errors.Is(err, errs.Wrong) ||
		err.Error() != "wrong: passkeys: the challenge was answered before, or the passkey answers too often" {
		t.Errorf("again: %v", err)
	}
}

// TestKeeper_Add holds that a passkey is taken back that its user must not have any more,
// or that others made one too many.
func TestKeeper_Add(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	k, m := keeper(t, &now)
	data := passkeys.NewRecord("one", []byte("handle"), key{1}, false, now)
	ended := errors.New("the session ended")
	if err := k.Add(t.Context(), passkeys.Stored{ID: "one", UserID: "ada", Data: data}, func() error { return ended }); !errors.Is(err, ended) || len(m.rows) != 0 {
		t.Errorf("after the end: %v, and %d are kept", err, len(m.rows))
	}
	m.before = func() {
		for i := range 3 {
			id := strconv.Itoa(i)
			m.rows[id] = row{id, "ada", data}
		}
	}
	if err := k.Add(t.Context(), passkeys.Stored{ID: "one", UserID: "ada", Data: data}, func() error { return nil }); !errors.Is(err, errs.TooMany) || len(m.rows) != 3 {
		t.Errorf("one too many: %v, and %d are kept", err, len(m.rows))
	}
	if err := k.Add(t.Context(), passkeys.Stored{ID: "one", UserID: "ada", Data: data}, func() error { return ended }); !errors.Is(err, ended) || len(m.rows) != 3 {
		t.Errorf("after the end, and one too many: %v, and %d are kept", err, len(m.rows))
	}
	for name, row := range map[string]struct {
		deletion, want error
	}{
		"removed meanwhile":   {errs.NotFound, ended},
		"not taken back":      {errDown, errDown},
		"changed at the time": {errs.Conflict, errs.Conflict},
	} {
		m.deletion = row.deletion
		err := k.Add(t.Context(), passkeys.Stored{ID: "two", UserID: "bob", Data: data}, func() error { return ended })
		if !errors.Is(err, row.want) || errors.Is(err, ended) != (row.want == ended) || !strings.Contains(err.Error(), "the session ended") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestKeeper_Prove holds that an answer counts once, of a passkey that is the user's, and
// that a counter which goes back refuses.
func TestKeeper_Prove(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	k, m := keeper(t, &now)
	p := add(t, k, "ada", "a")
	want := of(passkeys.Prove, "ada", "s-1")
	ask := func() passkeys.Answer {
		var known []key
		asked, handle, err := k.Ask(t.Context(), want, &known)
		if err != nil {
			t.Fatal(err)
		}
		return passkeys.Answer{CredentialID: []byte("a"), UserHandle: handle, Challenge: asked}
	}
	verify := func(cloned bool, err error) passkeys.Verify {
		return func(_ []byte, public json.RawMessage) (any, bool, bool, error) {
			var known key
			if err := json.Unmarshal(public, &known); err != nil {
				t.Error(err)
			}
			return key{known.Count + 1}, false, cloned, err
		}
	}
	count := func() int {
		r, err := passkeys.ParseRecord(m.rows[p.ID].Data)
		var known key
		if err == nil {
			err = json.Unmarshal(r.Public, &known)
		}
		if err != nil || r.Used != now.UnixMilli() {
			t.Errorf("%+v, %v", r, err)
		}
		return known.Count
	}
	first := ask()
	if s, err := k.Prove(t.Context(), first, want, verify(false, nil)); err != nil || s.UserID != "ada" || count() != 2 {
		t.Errorf("%+v, %v", s, err)
	}
	m.before = func() { // another answer of the same passkey is kept first
		r, err := passkeys.ParseRecord(m.rows[p.ID].Data)
		if err != nil {
			t.Error(err)
		}
		r.Name = "renamed"
		m.rows[p.ID] = row{p.ID, p.UserID, r.Bytes()}
	}
	if _, err := k.Prove(t.Context(), ask(), want, verify(false, nil)); err != nil || count() != 3 {
		t.Errorf("beside another answer: %v", err)
	}
	unknown, foreign := ask(), ask()
	unknown.CredentialID = []byte("b")
	foreign.UserHandle = []byte("another")
	for name, c := range map[string]struct {
		answer passkeys.Answer
		want   passkeys.Challenge
		verify passkeys.Verify
	}{
		"again":           {first, want, verify(false, nil)},
		"another session": {ask(), of(passkeys.Prove, "ada", "s-2"), verify(false, nil)},
		"unknown":         {unknown, want, verify(false, nil)},
		"another handle":  {foreign, want, verify(false, nil)},
		"a wrong answer":  {ask(), want, verify(false, errors.New("signature"))},
		"a counter back":  {ask(), want, verify(true, nil)},
		"another user":    {ask(), of(passkeys.Prove, "bob", "s-1"), verify(false, nil)},
	} {
		var refusal passkeys.Refusal
		if _, err := k.Prove(t.Context(), c.answer, c.want, c.verify); !errors.As(err, &refusal) || !errors.Is(err, errs.Wrong) || count() != 3 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if records, err := k.Records(t.Context(), "ada"); err != nil || !slices.ContainsFunc(records, func(r *passkeys.Named) bool { return r.Cloned }) {
		t.Errorf("the copy is not marked: %+v, %v", records, err)
	}
}

func TestKeeper_Rename(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	k, m := keeper(t, &now)
	p := add(t, k, "ada", "a")
	for _, c := range []struct{ user, id, typed, want string }{
		{"ada", p.ID, " My\tphone ", "My phone"},
		{"ada", p.ID, " ", "My phone"},
		{"bob", p.ID, "His", "My phone"},
		{"ada", "another", "Mine", "My phone"},
	} {
		m.changes = 0
		err := k.Rename(t.Context(), c.user, c.id, c.typed)
		if m.changes > 1 {
			t.Errorf("%+v: changed %d times", c, m.changes)
		}
		if r, readErr := passkeys.ParseRecord(m.rows[p.ID].Data); err != nil || readErr != nil || r.Name != c.want {
			t.Errorf("%+v: %s, %v", c, r.Name, err)
		}
	}
	m.rows["astray"] = row{"astray", "astray", nil}
	if err := k.Rename(t.Context(), "ada", p.ID, "Mine"); !errors.Is(err, errs.OtherUser) || strings.Contains(string(m.rows[p.ID].Data), "Mine") {
		t.Errorf("beside somebody else's in the list: %v", err)
	}
	delete(m.rows, "astray")
	// Somebody signs in by it at that moment: once, and all the time.
	for tries, want := range map[int]error{1: nil, 2: nil, 3: errs.Conflict} {
		left := tries
		var used func()
		used = func() {
			r, err := passkeys.ParseRecord(m.rows[p.ID].Data)
			if err != nil {
				t.Error(err)
			}
			r.Used++
			m.rows[p.ID] = row{p.ID, p.UserID, r.Bytes()}
			if left--; left > 0 {
				m.before = used
			}
		}
		m.before = used
		name := "used " + strconv.Itoa(tries)
		err := k.Rename(t.Context(), "ada", p.ID, name)
		r, readErr := passkeys.ParseRecord(m.rows[p.ID].Data)
		if !errors.Is(err, want) || readErr != nil || (r.Name == name) != (want == nil) {
			t.Errorf("%d conflicts: %s, %v", tries, r.Name, err)
		}
	}
	if err := k.Remove(t.Context(), "ada", p.ID); err != nil || len(m.rows) != 0 {
		t.Errorf("%v, %d are left", err, len(m.rows))
	}
}
