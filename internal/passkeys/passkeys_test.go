package passkeys_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ginauth/ginauth/internal/passkeys"
)

const secret = "0123456789abcdef0123456789abcdef"

func challenges(t *testing.T, site string, now *time.Time) *passkeys.Challenges {
	t.Helper()
	c, err := passkeys.NewChallenges(site, func() time.Time { return *now }, secret)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestKeeper_RemoveIf holds that what a user needs is not taken away, also where it is
// needed only once the others are gone.
func TestKeeper_RemoveIf(t *testing.T) {
	t.Parallel()
	needed, claimed := errors.New("the user needs it"), errors.New("the user is somebody else's")
	for name, row := range map[string]struct {
		may      []error // each time that it is asked
		id       string
		deletion error
		put      error // what storing it again fails with
		still    error // what the user's state says then
		want     error
		left     int
	}{
		"taken away":       {[]error{nil, nil}, "one", nil, nil, nil, nil, 0},
		"needed":           {[]error{needed}, "one", nil, nil, nil, needed, 1},
		"needed meanwhile": {[]error{nil, needed}, "one", nil, nil, nil, needed, 1},
		"another's":        {nil, "bobs", nil, nil, nil, errs.NotFound, 1},
		"not deleted":      {[]error{nil}, "one", errDown, nil, nil, errDown, 1},
		"not put back":     {[]error{nil, needed}, "one", nil, errDown, nil, errDown, 0},
		"claimed":          {[]error{nil, needed}, "one", nil, nil, claimed, claimed, 0},
	} {
		now := time.Unix(1_700_000_000, 0)
		k, m := keeper(t, &now)
		p := add(t, k, "ada", "one")
		bobs := add(t, k, "bob", "bobs")
		id := map[string]string{"one": p.ID, "bobs": bobs.ID}[row.id]
		m.deletion, m.creation = row.deletion, row.put
		err := k.RemoveIf(t.Context(), "ada", id, func() error {
			answer := row.may[0]
			row.may = row.may[1:]
			return answer
		}, func() error { return row.still })
		list, listErr := k.List(t.Context(), "ada")
		if !errors.Is(err, row.want) || len(list) != row.left || listErr != nil || len(row.may) > 0 {
			t.Errorf("%s: %v, want %v, and %d are left", name, err, row.want, len(list))
		}
		if len(list) > 0 && string(list[0].Data) != string(p.Data) {
			t.Errorf("%s: it is another one now", name)
		}
		if len(list) == 0 && err != nil && !strings.Contains(err.Error(), needed.Error()) {
			t.Errorf("%s: %v does not say why", name, err)
		}
	}
}

func TestChallengeIsBound(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	c := challenges(t, "a", &now)
	of := passkeys.Challenge{Purpose: passkeys.Prove, Browser: passkeys.Names("token"), User: "ada", Session: "s1"}
	sealed, made := c.New(of)
	if got, err := c.Open(sealed, of); err != nil || got.ID != made.ID {
		t.Fatalf("%+v, %v", got, err)
	}
	for name, change := range map[string]func(*passkeys.Challenge){
		"another purpose": func(w *passkeys.Challenge) { w.Purpose = passkeys.SignIn },
		"another browser": func(w *passkeys.Challenge) { w.Browser = passkeys.Names("other") },
		"no browser":      func(w *passkeys.Challenge) { w.Browser = "" },
		"another user":    func(w *passkeys.Challenge) { w.User = "bob" },
		"another session": func(w *passkeys.Challenge) { w.Session = "s2" },
		"nobody":          func(w *passkeys.Challenge) { w.User, w.Session = "", "" },
	} {
		want := of
		change(&want)
		if _, err := c.Open(sealed, want); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := challenges(t, "b", &now).Open(sealed, of); err == nil {
		t.Error("a challenge of another Auth with the same secret is accepted")
	}
	for _, text := range []string{"", "x", string(sealed[:len(sealed)-1]), strings.Repeat("a", 100)} {
		if _, err := c.Open([]byte(text), of); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
	now = now.Add(passkeys.Lifetime)
	if _, err := c.Open(sealed, of); err == nil {
		t.Error("an expired challenge is accepted")
	}
	noBrowser := of
	noBrowser.Browser = ""
	sealed, _ = c.New(noBrowser)
	if _, err := c.Open(sealed, noBrowser); err == nil {
		t.Error("a challenge of no browser is accepted")
	}
}

func TestChallengesDiffer(t *testing.T) {
	t.Parallel()
	now := time.Now()
	c := challenges(t, "a", &now)
	of := passkeys.Challenge{Purpose: passkeys.SignIn, Browser: "b"}
	one, a := c.New(of)
	two, b := c.New(of)
	if string(one) == string(two) || a.ID == b.ID {
		t.Error("two challenges are the same")
	}
}

func TestSpend(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	at := func(id string, after time.Duration) passkeys.Challenge {
		return passkeys.Challenge{ID: id, Expires: now.Add(after).Unix()}
	}
	var r passkeys.Record
	if !r.Spend(at("a", time.Minute), now) || r.Used != now.UnixMilli() {
		t.Fatal("the first use is refused")
	}
	r, err := passkeys.ParseRecord(r.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if r.Spend(at("a", time.Minute), now) {
		t.Error("a challenge is used twice")
	}
	if !r.Spend(at("b", time.Hour), now.Add(time.Minute)) || len(r.Spent) != 1 {
		t.Errorf("what has expired stays: %v", r.Spent)
	}
	used := 1
	for r.Spend(at(strings.Repeat("c", used+1), time.Hour), now.Add(time.Minute)) {
		if used++; used > 1000 {
			t.Fatal("the record grows without end")
		}
	}
	if !r.Spend(at("d", 3*time.Hour), now.Add(2*time.Hour)) {
		t.Error("it never recovers")
	}
}

func TestRecordOfAnother(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "x", `{"name":1}`, "[]"} {
		if _, err := passkeys.ParseRecord([]byte(text)); err == nil {
			t.Errorf("%q is read", text)
		}
	}
}

func TestCleanName(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		"":                        "",
		"  My\tphone\r\n ":        "My phone",
		"\u202eevil\u202c":        "evil",
		"a\u00a0\u2028b\u3000":    "a b",
		"a\x00b":                  "a b",
		"\u200b":                  "",
		strings.Repeat("ä", 100):  strings.Repeat("ä", 60),
		"\xff\xfe":                "",
		"Ada’s key <b>":           "Ada’s key <b>",
		strings.Repeat("a ", 500): strings.TrimSpace(strings.Repeat("a ", 30)),
	} {
		if got := passkeys.CleanName(typed); got != want {
			t.Errorf("%q becomes %q, want %q", typed, got, want)
		}
	}
}

func TestHandlesAndNames(t *testing.T) {
	t.Parallel()
	a, b := passkeys.NewHandle(), passkeys.NewHandle()
	if len(a) != 64 || string(a) == string(b) {
		t.Error("a handle is short, or two are the same")
	}
	if id := passkeys.ID(make([]byte, 1023)); len(id) != 43 {
		t.Errorf("%q has %d characters", id, len(id))
	}
}

func FuzzParseRecord(f *testing.F) {
	r := passkeys.Record{Name: "phone", Handle: []byte{1}, Created: 1, Public: []byte(`{}`)}
	f.Add(r.Bytes())
	f.Add([]byte(`{"spent":[{"i":"a","e":1}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := passkeys.ParseRecord(b)
		if err != nil {
			return
		}
		if _, err := passkeys.ParseRecord(r.Bytes()); err != nil {
			t.Fatalf("%s: %v", r.Bytes(), err)
		}
	})
}
