package pending_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ginauth/ginauth/internal/bulkhead"
	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/pending"
	"github.com/ginauth/ginauth/internal/sessionstrategy"
)

const (
	secret = "0123456789abcdef0123456789abcdef"
	name   = "site.factor"
)

var (
	now            = time.Unix(1_800_000_000, 0)
	errNotFound    = errors.New("not found")
	errUnavailable = errors.New("unavailable")
)

// A record is what a caller keeps of a sign-in.
type record struct {
	pending.SignIn
	User string `json:"user"`
	Long string `json:"long,omitempty"`
}

// A memory is a store that can fail.
type memory struct {
	kept   map[string][]byte
	owners []string
	fails  bool
}

func (m *memory) Create(_ context.Context, owner string, data []byte, _ time.Time) (string, error) {
	if m.fails {
		return "", errors.New("down")
	}
	handle := "handle" + string(rune('a'+len(m.kept)))
	m.kept[handle] = data
	m.owners = append(m.owners, owner)
	return handle, nil
}

func (m *memory) Get(_ context.Context, handle string) ([]byte, error) {
	if m.fails {
		return nil, errors.New("down")
	}
	data, ok := m.kept[handle]
	if !ok {
		return nil, errNotFound
	}
	return data, nil
}

func (m *memory) Update(context.Context, string, []byte, time.Time) (string, error) {
	return "", errNotFound
}

func (m *memory) Delete(_ context.Context, handle string) error {
	if m.fails {
		return errors.New("down")
	}
	delete(m.kept, handle)
	return nil
}

func room(t testing.TB, prefix string, store sessionstrategy.Store) *pending.Room {
	t.Helper()
	errs := sessionstrategy.Errors{NotFound: errNotFound, Conflict: errors.New("conflict"), Unavailable: errUnavailable}
	calls := bulkhead.New(time.Second, errUnavailable, errNotFound)
	r, err := pending.New(pending.Settings{
		Prefix: prefix, Secrets: []string{secret}, Store: store, Calls: calls,
		Locks: sessionstrategy.NewLocks(store, calls, errs, func() {}), Errors: errs, MaxValue: 8000, MaxCookies: 2000,
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestRoom holds, of a sealed sign-in and of a stored one, that it goes on in its own
// browser, at its own site, for ten minutes, until it is removed.
func TestRoom(t *testing.T) {
	t.Parallel()
	for kind, store := range map[string]sessionstrategy.Store{"sealed": nil, "stored": &memory{kept: map[string][]byte{}}} {
		r := room(t, "site", store)
		w := record{SignIn: pending.Begin("browser", "epoch", now), User: "ada"}
		if !w.Ends().Equal(now.Add(pending.Age)) || w.ID == "" {
			t.Fatalf("%s: it begins as %+v", kind, w)
		}
		value, err := r.Keep(t.Context(), "ada", name, &w, w.Ends())
		if err != nil {
			t.Fatal(kind, err)
		}
		header := []string{"other=1; " + name + "=" + value}
		for _, row := range []struct {
			name    string
			room    *pending.Room
			header  []string
			browser string
			at      time.Time
			found   bool
		}{
			{"its own browser", r, header, "browser", now, true},
			{"beside another value", r, []string{name + "=nonsense; " + name + "=" + value}, "browser", now, true},
			{"the last second", r, header, "browser", w.Ends().Add(-time.Second), true},
			{"too late", r, header, "browser", w.Ends(), false},
			{"another browser", r, header, "another", now, false},
			{"no browser", r, header, "", now, false},
			{"another site", room(t, "another", store), header, "browser", now, false},
			{"no cookie", r, nil, "browser", now, false},
			{"another cookie", r, []string{"session=" + value}, "browser", now, false},
		} {
			var got record
			value, err := row.room.Find(t.Context(), row.header, name, row.browser, row.at, &got)
			if err != nil || (value != "") != row.found || row.found && got != w {
				t.Errorf("%s, %s: %+v by %q, %v", kind, row.name, got, value, err)
			}
		}
		failed := func(err error, _ string) { t.Error(kind, err) }
		if !r.RemoveAll(t.Context(), header, name, failed) || r.RemoveAll(t.Context(), nil, name, failed) {
			t.Errorf("%s: it says of cookies that there are none, or the other way round", kind)
		}
		if value, err := r.Find(t.Context(), header, name, "browser", now, &record{}); kind == "stored" && (value != "" || err != nil) {
			t.Errorf("%s: after its removal: %q, %v", kind, value, err)
		}
	}
}

// TestRoom_Short holds that a record is shortened for cookies, as little as needed, and
// refused if that does not do.
func TestRoom_Short(t *testing.T) {
	t.Parallel()
	r := room(t, "site", nil)
	w := record{SignIn: pending.Begin("browser", "", now), User: strings.Repeat("u", 100), Long: strings.Repeat("l", 3000)}
	var taken []string
	shorten := func(name string, field *string) func() {
		return func() { taken = append(taken, name); *field = "" }
	}
	if value, err := r.Keep(t.Context(), "ada", name, &w, w.Ends(), shorten("long", &w.Long), shorten("user", &w.User)); err != nil || value == "" {
		t.Fatal(err)
	}
	if len(taken) != 1 || w.Long != "" || w.User == "" {
		t.Errorf("%v was taken away", taken)
	}
	w.Long = strings.Repeat("l", 3000)
	if value, err := r.Keep(t.Context(), "ada", name, &w, w.Ends(), shorten("user", &w.User)); err == nil || value != "" || !strings.Contains(err.Error(), "too many for cookies") {
		t.Errorf("one that is too long: %q, %v", value, err)
	}
	unreadable := struct {
		pending.SignIn
		Raw any
	}{Raw: func() {}}
	if _, err := r.Keep(t.Context(), "ada", name, &unreadable, now, func() { unreadable.Raw = nil }); err != nil {
		t.Errorf("what cannot be written was not taken away: %v", err)
	}
}

// TestRoom_StoreFails holds that a store that fails is told from a sign-in that is not
// there.
func TestRoom_StoreFails(t *testing.T) {
	t.Parallel()
	m := &memory{kept: map[string][]byte{}}
	r := room(t, "site", m)
	w := record{SignIn: pending.Begin("browser", "", now)}
	value, err := r.Keep(t.Context(), "ada", name, &w, w.Ends())
	if err != nil {
		t.Fatal(err)
	}
	if len(m.owners) != 1 || m.owners[0] != r.Owner("ada") || r.Owner("ada") == room(t, "another", m).Owner("ada") {
		t.Errorf("the store has it of %v, and the owner is %s", m.owners, r.Owner("ada"))
	}
	header := []string{name + "=" + value}
	m.fails = true
	if _, err := r.Find(t.Context(), header, name, "browser", now, &record{}); !errors.Is(err, errUnavailable) {
		t.Errorf("reading: %v", err)
	}
	if _, err := r.Keep(t.Context(), "ada", name, &w, w.Ends()); !errors.Is(err, errUnavailable) {
		t.Errorf("keeping: %v", err)
	}
	var told []string
	if !r.RemoveAll(t.Context(), header, name, func(err error, value string) { told = append(told, value) }) || len(told) != 1 || told[0] != value {
		t.Errorf("removing: %v", told)
	}
	m.fails = false
	if err := r.Remove(t.Context(), value); err != nil || len(m.kept) != 0 {
		t.Errorf("%d are kept, %v", len(m.kept), err)
	}
}

// A room needs secrets, and each sign-in has an ID of its own.
func TestNew(t *testing.T) {
	t.Parallel()
	for name, secrets := range map[string][]string{"no secret": nil, "an empty one": {secret, ""}} {
		if r, err := pending.New(pending.Settings{Prefix: "site", Secrets: secrets}); err == nil || r != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	first, second := pending.Begin("browser", "epoch", now), pending.Begin("browser", "epoch", now)
	if first.ID == second.ID || first.Browser != "browser" || first.Epoch != "epoch" || !first.Ends().Equal(now.Add(10*time.Minute)) {
		t.Errorf("%+v, then %+v", first, second)
	}
}

// A record is as long as cookies may be, to the byte. What cannot be written at all is
// refused with what the last step left of it.
func TestRoom_Limit(t *testing.T) {
	t.Parallel()
	r := room(t, "site", nil)
	w := record{SignIn: pending.Begin("browser", "", now)}
	length := func(n int) (sent int, err error) {
		w.Long = strings.Repeat("l", n)
		value, err := r.Keep(t.Context(), "ada", name, &w, w.Ends())
		return cookie.SentLength(name, len(value)), err
	}
	longest, n := 0, 0
	for n = 1000; ; n++ {
		sent, err := length(n)
		if err != nil {
			if !strings.Contains(err.Error(), "has 200") || !strings.Contains(err.Error(), "keep less in the token, or set Session.Store") {
				t.Errorf("one byte too many: %v", err)
			}
			break
		}
		longest = sent
	}
	if longest > 2000 || longest < 1998 { // base64 takes three bytes to four
		t.Errorf("the longest that is kept is sent as %d bytes", longest)
	}
	exact := pending.Settings{Prefix: "site", Secrets: []string{secret}, MaxCookies: longest}
	tight, err := pending.New(exact)
	if err != nil {
		t.Fatal(err)
	}
	w.Long = strings.Repeat("l", n-1)
	if value, err := tight.Keep(t.Context(), "ada", name, &w, w.Ends()); err != nil || cookie.SentLength(name, len(value)) != longest {
		t.Errorf("what just fits: %v", err)
	}
	unreadable := struct{ Raw any }{func() {}}
	steps := 0
	if value, err := r.Keep(t.Context(), "ada", name, &unreadable, now, func() { steps++ }, func() { steps++ }); err == nil || value != "" || steps != 2 || !strings.Contains(err.Error(), "func()") {
		t.Errorf("what cannot be written: %q, %v after %d steps", value, err, steps)
	}
}

// What does not read as the caller's record, or not as a sign-in, is none, and the next
// cookie is tried.
func TestRoom_OtherRecords(t *testing.T) {
	t.Parallel()
	m := &memory{kept: map[string][]byte{}}
	for kind, r := range map[string]*pending.Room{"sealed": room(t, "site", nil), "stored": room(t, "site", m)} {
		keep := func(record any) string {
			t.Helper()
			value, err := r.Keep(t.Context(), "ada", name, record, now.Add(time.Minute))
			if err != nil {
				t.Fatal(err)
			}
			return value
		}
		s := pending.Begin("browser", "", now)
		fits := keep(record{SignIn: s, User: "ada"})
		for what, value := range map[string]string{
			"a list":                   keep([]int{7}),
			"a user that is no text":   keep(map[string]any{"id": s.ID, "expires": s.Expires, "browser": "browser", "user": 7}),
			"a time that is no number": keep(map[string]any{"id": s.ID, "expires": "soon", "browser": "browser"}),
			"a browser, typed again":   keep(map[string]any{"expires": s.Expires, "browser": "browser", "BROWSER": 7}),
			"too long a value":         strings.Repeat("a", 9000),
		} {
			if got, err := r.Find(t.Context(), []string{name + "=" + value}, name, "browser", now, &record{}); got != "" || err != nil {
				t.Errorf("%s, %s: %q, %v", kind, what, got, err)
			}
			if got, err := r.Find(t.Context(), []string{name + "=" + value + "; " + name + "=" + fits}, name, "browser", now, &record{}); got != fits || err != nil {
				t.Errorf("%s, %s, behind it one that fits: %q, %v", kind, what, got, err)
			}
		}
	}
}

func TestLines(t *testing.T) {
	t.Parallel()
	set := pending.Lines(nil, name, "value", cookie.Attributes{Secure: true})
	if len(set) != 1 || !strings.HasPrefix(set[0], name+"=value;") || !strings.Contains(set[0], "Max-Age=600") || !strings.Contains(set[0], "Secure") {
		t.Errorf("%v", set)
	}
	gone := pending.Lines([]string{name + "=value; other=1"}, name, "", cookie.Attributes{Secure: true})
	if len(gone) != 1 || !strings.HasPrefix(gone[0], name+"=;") || !strings.Contains(gone[0], "Max-Age=0") {
		t.Errorf("%v", gone)
	}
}
