package limit_test

import (
	"testing"
	"time"

	"github.com/ginauth/ginauth/internal/limit"
)

var tight = limit.Rates{
	Failures: limit.Rate{Count: 100, Per: time.Hour}, Guesses: limit.Rate{Count: 2, Per: time.Hour}, AllGuesses: limit.Rate{Count: 3, Per: time.Hour},
}

func from(network string, known limit.Devices) limit.Browser {
	return limit.Browser{
		Client: limit.Client{Networks: []string{network}, Limited: true}, Provider: "credentials",
		Devices: func() limit.Devices { return known }, Revoked: func(limit.Device) bool { return false },
	}
}

func try(t *testing.T, a *limit.Attempts, b limit.Browser, name string) (made *limit.Try, ok bool) {
	t.Helper()
	made = limit.NewTry(a, tight, b, nil)
	return made, made.Typed(t.Context(), []string{"username"}, map[string]string{"username": name, "password": "x"}) == 0
}

// Failures count, and a try that succeeds does not.
func TestTry(t *testing.T) {
	t.Parallel()
	a := attempts(t, nil, fixed)
	for range 5 {
		good, ok := try(t, a, from("a", nil), "ada")
		if !ok {
			t.Fatal("a person is refused who is always right")
		}
		good.Succeed(t.Context())
		good.End()
	}
	for i, want := range []bool{true, true, false} {
		bad, ok := try(t, a, from("a", nil), "ada")
		if ok != want {
			t.Errorf("guess %d of a client: %v", i+1, ok)
		}
		bad.End()
	}
	if _, ok := try(t, a, from("a", nil), "bob"); !ok {
		t.Error("guesses at one person are no guesses at another")
	}
	for i, want := range []bool{true, false} {
		if _, ok := try(t, a, from("b", nil), "ada"); ok != want {
			t.Errorf("guess %d of another client, with 3 of all: %v", i+1, ok)
		}
	}
}

// A browser that knows the person passes what others have used up, until its own
// guesses are.
func TestTry_Device(t *testing.T) {
	t.Parallel()
	a := attempts(t, nil, fixed)
	first, _ := try(t, a, from("a", nil), "ada")
	known := limit.Devices{{ID: "d", Provider: "credentials", User: "1", Buckets: first.Reached()}}
	for _, other := range []string{"b", "c", "d"} {
		try(t, a, from(other, nil), "ada")
	}
	if _, ok := try(t, a, from("e", nil), "ada"); ok {
		t.Fatal("there is no limit for all clients")
	}
	spent := 0
	for i := range 12 { // each from another network, as a phone's
		made := limit.NewTry(a, tight, from("m"+string(rune('a'+i)), known), func(limit.Device) { spent++ })
		wait := made.Typed(t.Context(), []string{"username"}, map[string]string{"username": "ada"})
		if passed := wait == 0; passed != (i < 10) {
			t.Errorf("guess %d in the known browser: to wait %v", i+1, wait)
		}
	}
	if spent != 2 {
		t.Errorf("told %d times that the device's guesses are used up", spent)
	}
}

// What was typed and the account behind it are two counts of one try. The same account
// counts once.
func TestTry_Account(t *testing.T) {
	t.Parallel()
	a := attempts(t, nil, fixed)
	for i, want := range []bool{true, true, false} {
		made, ok := try(t, a, from("a", nil), "spelling "+string(rune('a'+i)))
		if !ok {
			t.Fatal("each spelling has its own count")
		}
		if ok := made.Account(t.Context(), "42") == 0; ok != want {
			t.Errorf("guess %d at the account: %v", i+1, ok)
		}
		if want && made.Account(t.Context(), "42") != 0 {
			t.Error("one account counted twice in one try")
		}
		if want != (len(made.Reached()) == 2) {
			t.Errorf("reached: %v", made.Reached())
		}
		if made.Over() {
			t.Error("over before it has ended")
		}
		if made.End(); !made.Over() {
			t.Error("not over at its end")
		}
	}
	two, _ := try(t, a, from("b", nil), "two accounts")
	two.Account(t.Context(), "1")
	two.Account(t.Context(), "2")
	if two.Reached() != nil {
		t.Error("nothing tells which of two accounts was meant")
	}
}

// Without limits nothing is counted.
func TestTry_Unlimited(t *testing.T) {
	t.Parallel()
	for range 200 {
		made, ok := try(t, nil, from("a", nil), "ada")
		if !ok || made.Account(t.Context(), "42") != 0 {
			t.Fatal("refused")
		}
		made.Succeed(t.Context())
		made.End()
	}
}

// A code that was right does not count, and makes room either way.
func TestAttempts_Code(t *testing.T) {
	t.Parallel()
	a := attempts(t, nil, fixed)
	client := limit.Client{Networks: []string{"a"}}
	for range 5 {
		leave, undo, wait := a.Code(t.Context(), client, tight, "site", "1")
		if wait != 0 {
			t.Fatalf("to wait %v", wait)
		}
		undo()
		leave()
	}
	for i, want := range []bool{true, true, false} {
		leave, _, wait := a.Code(t.Context(), client, tight, "site", "1")
		if passed := wait == 0; passed != want {
			t.Errorf("wrong code %d: to wait %v", i+1, wait)
		}
		if leave != nil {
			leave()
		}
	}
}
