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

var (
	errNotFound = errors.New("not found")
	errConflict = errors.New("conflict")
	errDown     = errors.New("down")
)

// A ceremony is a method with a store of one passkey, ada's, and an answer by it.
type ceremony struct {
	passkeys.Method
	now    time.Time
	stored passkeys.Stored
	answer passkeys.Answer
	want   passkeys.Challenge
	proved passkeys.Proved

	gets, verified int
}

func newCeremony(t *testing.T) *ceremony {
	t.Helper()
	c := &ceremony{now: time.Unix(1_700_000_000, 0), proved: passkeys.Proved{Public: json.RawMessage(`{"count":2}`), Synced: true}}
	c.Challenges = challenges(t, "site", &c.now)
	c.want = passkeys.Challenge{Purpose: passkeys.SignIn, Browser: passkeys.Names("token")}
	credential, handle := []byte("credential"), passkeys.NewHandle()
	record := passkeys.Record{Name: "phone", Handle: handle, Created: 1, Public: json.RawMessage(`{"count":1}`)}
	c.stored = passkeys.Stored{ID: passkeys.ID(credential), UserID: "ada", Data: record.Bytes()}
	c.answer = passkeys.Answer{CredentialID: credential, UserHandle: handle}
	c.challenge()
	c.Now = func() time.Time { return c.now }
	c.NotFound, c.Conflict = errNotFound, errConflict
	c.Get = func(_ context.Context, id string) (passkeys.Stored, error) {
		c.gets++
		if id != passkeys.ID(credential) {
			return passkeys.Stored{}, fmt.Errorf("in the table: %w", errNotFound)
		}
		return c.stored, nil
	}
	c.Update = func(_ context.Context, s passkeys.Stored, data []byte) error {
		if string(s.Data) != string(c.stored.Data) {
			return fmt.Errorf("in the table: %w", errConflict)
		}
		c.stored.Data = data
		return nil
	}
	c.Verify = func(got []byte, public json.RawMessage) (passkeys.Proved, error) {
		c.verified++
		if string(got) != string(handle) || !json.Valid(public) {
			return passkeys.Proved{}, errors.New("another passkey is verified")
		}
		return c.proved, nil
	}
	return c
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
			c.Verify = func([]byte, json.RawMessage) (passkeys.Proved, error) { return passkeys.Proved{}, errDown }
		}},
		"of a passkey that cannot be read": {fault: errAny, change: func(_ *testing.T, c *ceremony) { c.stored.Data = []byte("x") }},
		"while the store is down": {fault: errDown, change: func(_ *testing.T, c *ceremony) {
			c.Get = func(context.Context, string) (passkeys.Stored, error) { return passkeys.Stored{}, errDown }
		}},
		"that cannot be kept": {fault: errDown, change: func(_ *testing.T, c *ceremony) {
			c.Update = func(context.Context, passkeys.Stored, []byte) error { return errDown }
		}},
		"of a passkey that is removed meanwhile": {refused: "no user has the passkey", change: func(_ *testing.T, c *ceremony) {
			c.Update = func(context.Context, passkeys.Stored, []byte) error { return fmt.Errorf("wrapped: %w", errNotFound) }
		}},
		"of a passkey that may be a copy": {refused: "signature counter", fault: passkeys.ErrCloned, kept: true, change: func(_ *testing.T, c *ceremony) { c.proved.Cloned = true }},
	} {
		c := newCeremony(t)
		if row.change != nil {
			row.change(t, c)
		}
		before := string(c.stored.Data)
		s, err := c.Prove(t.Context(), c.answer, c.want)
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
			if !errors.As(err, &refusal) || !strings.HasPrefix(err.Error(), "passkeys: ") || !strings.Contains(err.Error(), row.refused) || row.fault != nil && !errors.Is(err, row.fault) {
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
		c.proved.Cloned = cloned
		_, err := c.Prove(t.Context(), c.answer, c.want)
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
		if _, err := c.Prove(t.Context(), c.answer, c.want); !errors.As(err, &refusal) || !strings.Contains(err.Error(), "answered before") || string(c.stored.Data) != before {
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
		update, left := c.Update, conflicts
		c.Update = func(ctx context.Context, s passkeys.Stored, data []byte) error {
			if left--; left >= 0 {
				c.edit(t, func(r *passkeys.Record) { r.Name = fmt.Sprint("renamed ", left) })
			}
			return update(ctx, s, data)
		}
		_, err := c.Prove(t.Context(), c.answer, c.want)
		tries := min(conflicts+1, 3)
		if errors.Is(err, errConflict) != (conflicts >= 3) || (err == nil) != (conflicts < 3) || c.gets != tries || c.verified != tries {
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
	got, err := c.Method.Open(c.answer, c.want)
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
		got, err := c.Method.Open(c.answer, want)
		var refusal passkeys.Refusal
		if !errors.As(err, &refusal) || !strings.Contains(err.Error(), reason) || got.ID != "" {
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
	if _, err := c.Prove(t.Context(), c.answer, c.want); err == nil || !strings.Contains(err.Error(), "user handle") {
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
	c.proved.Cloned = true
	c.Update = func(context.Context, passkeys.Stored, []byte) error { return errDown }
	if _, err := c.Prove(t.Context(), c.answer, c.want); !errors.Is(err, errDown) || errors.Is(err, passkeys.ErrCloned) {
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

// A passkey's own ID is of its credential's.
func TestCheckID(t *testing.T) {
	t.Parallel()
	sum := sha256.Sum256([]byte("credential"))
	s := passkeys.Stored{ID: base64.RawURLEncoding.EncodeToString(sum[:])}
	if err := passkeys.CheckID(s, []byte("credential")); err != nil {
		t.Error(err)
	}
	if err := passkeys.CheckID(s, []byte("other")); err == nil || !strings.Contains(err.Error(), s.ID) {
		t.Error(err)
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
