package passkeys_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ginauth/ginauth/internal/passkeys"
	"github.com/ginauth/ginauth/internal/token"
)

var errDown = errors.New("down")

// A ceremony is a keeper with a store of one passkey, ada's, and an answer by it.
type ceremony struct {
	*passkeys.Keeper
	now    time.Time
	stored row
	answer passkeys.Answer
	want   passkeys.Challenge
	verify passkeys.Verify
	proved json.RawMessage
	cloned bool
	get    func(id string) (row, error)
	update func(p row, data []byte) error

	gets, verified int
}

func (c *ceremony) CreatePasskey(context.Context, row) error { return errDown }

func (c *ceremony) GetPasskey(_ context.Context, id string) (row, error) {
	c.gets++
	return c.get(id)
}

func (c *ceremony) ListPasskeys(context.Context, string) ([]row, error) { return nil, errDown }

func (c *ceremony) UpdatePasskey(_ context.Context, p row, data []byte) error {
	return c.update(p, data)
}

func (c *ceremony) DeletePasskey(context.Context, string, string) error { return errDown }

func newCeremony(t *testing.T) *ceremony {
	t.Helper()
	c := &ceremony{now: time.Unix(1_700_000_000, 0), proved: json.RawMessage(`{"count":2}`)}
	c.Keeper, _ = keeper(t, &c.now)
	c.Store = passkeys.From(c)
	c.want = passkeys.Challenge{Purpose: passkeys.SignIn, Browser: passkeys.Names("token")}
	credential, handle := []byte("credential"), passkeys.NewHandle()
	record := passkeys.Record{Name: "phone", Handle: handle, Created: 1, Public: json.RawMessage(`{"count":1}`)}
	c.stored = row{ID: passkeys.ID(credential), UserID: "ada", Data: record.Bytes()}
	c.answer = passkeys.Answer{CredentialID: credential, UserHandle: handle}
	c.challenge()
	c.get = func(id string) (row, error) {
		if id != passkeys.ID(credential) {
			return row{}, fmt.Errorf("in the table: %w", errs.NotFound)
		}
		return c.stored, nil
	}
	c.update = func(p row, data []byte) error {
		if string(p.Data) != string(c.stored.Data) {
			return fmt.Errorf("in the table: %w", errs.Conflict)
		}
		c.stored.Data = data
		return nil
	}
	c.verify = func(got []byte, public json.RawMessage) (any, bool, bool, error) {
		c.verified++
		if string(got) != string(handle) || !json.Valid(public) {
			return nil, false, false, errors.New("another passkey is verified")
		}
		return c.proved, true, c.cloned, nil
	}
	return c
}

func (c *ceremony) prove(t *testing.T) (passkeys.Stored, error) {
	t.Helper()
	return c.Prove(t.Context(), c.answer, c.want, c.verify)
}

// challenge is what the answer is made for from now on.
func (c *ceremony) challenge() { c.answer.Challenge, _ = c.Challenges.New(c.want) }

func (c *ceremony) record(t *testing.T) passkeys.Record {
	t.Helper()
	r, err := passkeys.ParseRecord(c.stored.Data)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// edit changes what is stored of the passkey.
func (c *ceremony) edit(t *testing.T, change func(*passkeys.Record)) {
	t.Helper()
	r := c.record(t)
	change(&r)
	c.stored.Data = r.Bytes()
}

// What an answer needs to prove who somebody is. A refusal says in the log what is wrong;
// an error of the store is none, and is what the caller sees.
func TestProve(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		change  func(t *testing.T, c *ceremony)
		refused string // a part of the Refusal; "": it is none
		fault   error
		kept    bool // what changed of the passkey
	}{
		"right": {kept: true},
		"of the user who was asked": {kept: true, change: func(_ *testing.T, c *ceremony) {
			c.want.User = "ada"
			c.challenge()
		}},
		"of the user who was asked, without a handle": {kept: true, change: func(_ *testing.T, c *ceremony) {
			c.want.User, c.answer.UserHandle = "ada", nil
			c.challenge()
		}},
		"of the user who was asked, with another handle": {refused: "user handle", change: func(_ *testing.T, c *ceremony) {
			c.want.User, c.answer.UserHandle = "ada", passkeys.NewHandle()
			c.challenge()
		}},
		"of another user": {refused: "no user has the passkey", change: func(_ *testing.T, c *ceremony) {
			c.want.User = "bob"
			c.challenge()
		}},
		"of nobody, without a handle": {refused: "user handle", change: func(_ *testing.T, c *ceremony) { c.answer.UserHandle = nil }},
		"of nobody, with another one": {refused: "user handle", change: func(_ *testing.T, c *ceremony) { c.answer.UserHandle = passkeys.NewHandle() }},
		"of nobody, without any at all": {refused: "user handle", change: func(t *testing.T, c *ceremony) {
			c.answer.UserHandle = nil
			c.edit(t, func(r *passkeys.Record) { r.Handle = nil })
		}},
		"by an unknown passkey":              {refused: "no user has the passkey", change: func(_ *testing.T, c *ceremony) { c.answer.CredentialID = []byte("other") }},
		"by one that the table takes for it": {refused: "no user has the passkey", change: func(_ *testing.T, c *ceremony) { c.stored.ID += " " }},
		"by one of no user":                  {refused: "no user has the passkey", change: func(_ *testing.T, c *ceremony) { c.stored.UserID = "" }},
		"to another challenge":               {refused: "not one of this site", change: func(_ *testing.T, c *ceremony) { c.answer.Challenge = []byte("x") }},
		"too late":                           {refused: "expired", change: func(_ *testing.T, c *ceremony) { c.now = c.now.Add(passkeys.Lifetime) }},
		"at the last second":                 {kept: true, change: func(_ *testing.T, c *ceremony) { c.now = c.now.Add(passkeys.Lifetime - time.Second) }},
		"that does not verify": {refused: "the answer was refused", fault: errDown, change: func(_ *testing.T, c *ceremony) {
			c.verify = func([]byte, json.RawMessage) (any, bool, bool, error) { return nil, false, false, errDown }
		}},
		"of a passkey that cannot be read": {fault: errAny, change: func(_ *testing.T, c *ceremony) { c.stored.Data = []byte("x") }},
		"while the store is down": {fault: errDown, change: func(_ *testing.T, c *ceremony) {
			c.get = func(string) (row, error) { return row{}, errDown }
		}},
		"that cannot be kept": {fault: errDown, change: func(_ *testing.T, c *ceremony) {
			c.update = func(row, []byte) error { return errDown }
		}},
		"of a passkey that is removed meanwhile": {refused: "no user has the passkey", change: func(_ *testing.T, c *ceremony) {
			c.update = func(row, []byte) error { return fmt.Errorf("wrapped: %w", errs.NotFound) }
		}},
		"of a passkey that may be a copy": {refused: "signature counter", fault: passkeys.ErrCloned, kept: true, change: func(_ *testing.T, c *ceremony) { c.cloned = true }},
	} {
		c := newCeremony(t)
		if row.change != nil {
			row.change(t, c)
		}
		before := string(c.stored.Data)
		s, err := c.prove(t)
		var refusal passkeys.Refusal
		switch {
		case row.refused == "" && row.fault == nil:
			if err != nil || s.UserID != "ada" || s.ID != c.stored.ID {
				t.Errorf("%s: %+v, %v", name, s, err)
			}
		case row.fault == errAny:
			if err == nil || errors.As(err, &refusal) || !strings.HasPrefix(err.Error(), "passkeys: ") {
				t.Errorf("%s: %v", name, err)
			}
		case row.refused == "":
			if !errors.Is(err, row.fault) || errors.As(err, &refusal) {
				t.Errorf("%s: %v", name, err)
			}
		default:
			if !errors.As(err, &refusal) || !errors.Is(err, errs.Wrong) || !strings.Contains(err.Error(), row.refused) || !strings.HasPrefix(err.Error(), "wrong: "+refusal.Error()) || refusal == "" || strings.Contains(err.Error(), "%") || row.fault != nil && !errors.Is(err, row.fault) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if kept := string(c.stored.Data) != before; kept != row.kept {
			t.Errorf("%s: the passkey changed: %v", name, kept)
		}
	}
}

var errAny = errors.New("any")

// An answer counts once, and what the engine says of the passkey is kept with it; of one
// that may be a copy the counter stays.
func TestProve_Keeps(t *testing.T) {
	t.Parallel()
	for _, cloned := range []bool{false, true} {
		c := newCeremony(t)
		c.cloned = cloned
		_, err := c.prove(t)
		if errors.Is(err, passkeys.ErrCloned) != cloned {
			t.Error(err)
		}
		r := c.record(t)
		public := map[bool]string{false: `{"count":2}`, true: `{"count":1}`}[cloned]
		if r.Used != c.now.UnixMilli() || r.Cloned != cloned || r.Synced == cloned || string(r.Public) != public || r.Name != "phone" || len(r.Spent) != 1 {
			t.Errorf("cloned %v: %s is kept", cloned, c.stored.Data)
		}
		before := string(c.stored.Data)
		var refusal passkeys.Refusal
		if _, err := c.prove(t); !errors.As(err, &refusal) || !strings.Contains(err.Error(), "answered before") || string(c.stored.Data) != before {
			t.Errorf("the answer counts twice: %v", err)
		}
	}
}

// A proof that others of the same passkey came before is verified anew by what they left,
// and given up after three tries.
func TestProve_Conflicts(t *testing.T) {
	t.Parallel()
	for conflicts := range 5 {
		c := newCeremony(t)
		update, left := c.update, conflicts
		c.update = func(p row, data []byte) error {
			if left--; left >= 0 {
				c.edit(t, func(r *passkeys.Record) { r.Name = fmt.Sprint("renamed ", left) })
			}
			return update(p, data)
		}
		_, err := c.prove(t)
		tries := min(conflicts+1, 3)
		if errors.Is(err, errs.Conflict) != (conflicts >= 3) || (err == nil) != (conflicts < 3) || c.gets != tries || c.verified != tries {
			t.Errorf("%d conflicts: %v, read %d times, verified %d times", conflicts, err, c.gets, c.verified)
		}
		if r := c.record(t); conflicts > 0 && !strings.HasPrefix(r.Name, "renamed") || (len(r.Spent) == 1) != (conflicts < 3) {
			t.Errorf("%d conflicts: %s is kept", conflicts, c.stored.Data)
		}
	}
}

// The challenge of a registration is read as the one of a proof is.
func TestOpen(t *testing.T) {
	t.Parallel()
	c := newCeremony(t)
	c.want = passkeys.Challenge{Purpose: passkeys.Register, Browser: passkeys.Names("token"), User: "ada", Session: "s1", Handle: []byte("handle")}
	c.challenge()
	got, err := c.Challenges.Open(c.answer.Challenge, c.want)
	if err != nil || got.User != "ada" || string(got.Handle) != "handle" || got.ID == "" || got.Expires != c.now.Unix()+600 {
		t.Errorf("%+v, %v", got, err)
	}
	for reason, change := range map[string]func(*passkeys.Challenge){
		"another purpose":         func(w *passkeys.Challenge) { w.Purpose = passkeys.Prove },
		"another browser":         func(w *passkeys.Challenge) { w.Browser = passkeys.Names("another") },
		"another user or session": func(w *passkeys.Challenge) { w.User = "bob" },
		"user or session":         func(w *passkeys.Challenge) { w.Session = "s2" },
	} {
		want := c.want
		change(&want)
		got, err := c.Challenges.Open(c.answer.Challenge, want)
		if err == nil || !strings.Contains(err.Error(), reason) || got.ID != "" {
			t.Errorf("%s: %+v, %v", reason, got, err)
		}
	}
}

// No handle of one byte is none, and what another program sealed with the secret is no
// challenge.
func TestProve_Short(t *testing.T) {
	t.Parallel()
	c := newCeremony(t)
	c.want.User, c.answer.UserHandle = "ada", []byte{0}
	c.challenge()
	if _, err := c.prove(t); err == nil || !strings.Contains(err.Error(), "user handle") {
		t.Errorf("%v", err)
	}
	ring, err := token.V4.Keyring("site", secret)
	if err != nil {
		t.Fatal(err)
	}
	payload, _ := json.Marshal(passkeys.Challenge{ID: "i", Purpose: passkeys.SignIn, Browser: "b", Expires: c.now.Unix() + 60})
	if _, err := c.Challenges.Open([]byte(ring.Seal(payload)), passkeys.Challenge{Purpose: passkeys.SignIn, Browser: "b"}); err == nil {
		t.Error("a text with another key is a challenge")
	}
	c = newCeremony(t) // a copy that cannot be written down is first a fault of the store
	c.cloned = true
	c.update = func(row, []byte) error { return errDown }
	if _, err := c.prove(t); !errors.Is(err, errDown) || errors.Is(err, passkeys.ErrCloned) {
		t.Errorf("%v", err)
	}
}

// What was sealed with the key of challenges and is none is refused.
func TestOpen_NoChallenge(t *testing.T) {
	t.Parallel()
	now := time.Now()
	ring, err := token.V4.Keyring("ginauth.passkey.a", secret)
	if err != nil {
		t.Fatal(err)
	}
	for _, payload := range []string{"", "x", "[]", `"x"`} {
		_, err := challenges(t, "a", &now).Open([]byte(ring.Seal([]byte(payload))), passkeys.Challenge{Browser: "b"})
		if err == nil || !strings.Contains(err.Error(), "not one of this site") {
			t.Errorf("%q: %v", payload, err)
		}
	}
	if c, err := passkeys.NewChallenges("a", time.Now); err == nil || c != nil {
		t.Errorf("without a secret: %v, %v", c, err)
	}
}

// A record remembers 64 challenges that have not expired, and no more.
func TestSpend_Bounded(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 500_000_000)
	var r passkeys.Record
	for i := range 64 {
		if !r.Spend(passkeys.Challenge{ID: fmt.Sprint(i), Expires: now.Unix() + 1}, now) {
			t.Fatalf("the answer %d is refused", i)
		}
	}
	if r.Spend(passkeys.Challenge{ID: "64", Expires: now.Unix() + 1}, now) || len(r.Spent) != 64 {
		t.Errorf("%d are remembered", len(r.Spent))
	}
	if r.Spend(passkeys.Challenge{ID: "0", Expires: now.Unix() + 1}, now.Add(time.Hour)) {
		t.Error("a challenge counts again once it has expired")
	}
	if !r.Spend(passkeys.Challenge{ID: "64", Expires: now.Unix() + 9}, now.Add(time.Second)) || len(r.Spent) != 1 {
		t.Errorf("%d are left of those that expired", len(r.Spent))
	}
	if kept, err := passkeys.ParseRecord(r.Bytes()); err != nil || len(kept.Spent) != 1 || kept.Used != now.UnixMilli()+1000 {
		t.Errorf("%+v, %v", kept, err)
	}
}

// A browser's name is another one for each of its tokens, and tells none.
func TestNames(t *testing.T) {
	t.Parallel()
	a, b := passkeys.Names("token"), passkeys.Names("another")
	if raw, err := base64.RawURLEncoding.DecodeString(a); err != nil || len(raw) != 16 || a == b || a != passkeys.Names("token") {
		t.Errorf("%q and %q", a, b)
	}
	plain := sha256.Sum256([]byte("token"))
	if a == base64.RawURLEncoding.EncodeToString(plain[:16]) {
		t.Error("the name is what anybody may store of the token")
	}
}
