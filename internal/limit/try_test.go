package limit_test

import (
	"context"
	"fmt"
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

// Eight tries at one name and 32 of one client are under way at a time. One more waits for
// its turn, and is refused for a second if its browser leaves meanwhile.
func TestTry_AtOnce(t *testing.T) {
	t.Parallel()
	wide := limit.Rate{Count: 1000, Per: time.Hour}
	gone, leave := context.WithCancel(t.Context())
	leave()
	for name, row := range map[string]struct {
		at   func(made *limit.Try, ctx context.Context, i int) time.Duration
		most int
	}{
		"names of one client": {func(made *limit.Try, ctx context.Context, i int) time.Duration {
			return made.Typed(ctx, []string{"username"}, map[string]string{"username": fmt.Sprint("person ", i)})
		}, 32},
		"one name": {func(made *limit.Try, ctx context.Context, _ int) time.Duration {
			return made.Typed(ctx, []string{"username"}, map[string]string{"username": "ada"})
		}, 8},
		"one account": {func(made *limit.Try, ctx context.Context, _ int) time.Duration { return made.Account(ctx, "42") }, 8},
	} {
		a := attempts(t, nil, fixed)
		rates := limit.Rates{Failures: wide, Guesses: wide, AllGuesses: wide}
		var under []*limit.Try
		for i := range row.most {
			made := limit.NewTry(a, rates, from("a", nil), nil)
			if wait := row.at(made, t.Context(), i); wait != 0 {
				t.Fatalf("%s: try %d waits %v", name, i+1, wait)
			}
			under = append(under, made)
		}
		for range 3 { // which leaves nothing behind
			over := limit.NewTry(a, rates, from("a", nil), nil)
			if wait := row.at(over, gone, row.most); wait != time.Second {
				t.Errorf("%s: one more waits %v", name, wait)
			}
			over.End()
		}
		under[0].End()
		if wait := row.at(limit.NewTry(a, rates, from("a", nil), nil), t.Context(), row.most); wait != 0 {
			t.Errorf("%s: with room again it waits %v", name, wait)
		}
		if wait := row.at(limit.NewTry(a, rates, from("b", nil), nil), t.Context(), row.most); wait != 0 {
			t.Errorf("%s: another client waits %v", name, wait)
		}
	}
}

// A guess that is refused counts nowhere: neither the client's own failures nor what all
// clients have are used up by it.
func TestTry_RefusedCountsNowhere(t *testing.T) {
	t.Parallel()
	a := attempts(t, nil, fixed)
	rates := limit.Rates{
		Failures: limit.Rate{Count: 4, Per: time.Hour}, Guesses: limit.Rate{Count: 4, Per: time.Hour}, AllGuesses: limit.Rate{Count: 4, Per: time.Hour},
	}
	guess := func(network, name string) time.Duration {
		made := limit.NewTry(a, rates, from(network, nil), nil)
		defer made.End()
		return made.Typed(t.Context(), []string{"username"}, map[string]string{"username": name})
	}
	for _, network := range []string{"a", "b", "c", "d"} { // all that there is for ada
		if wait := guess(network, "ada"); wait != 0 {
			t.Fatalf("%s waits %v", network, wait)
		}
	}
	for range 5 {
		if wait := guess("e", "ada"); wait != 15*time.Minute { // an hour for four
			t.Errorf("one too many waits %v", wait)
		}
	}
	for i := range 5 { // of which e has used none
		if wait := guess("e", fmt.Sprint("person ", i)); (wait == 0) != (i < 4) {
			t.Errorf("guess %d at others waits %v", i+1, wait)
		}
	}
}

// A client without limits of its own, as one behind a proxy that is not known, has those of
// the person alone.
func TestTry_NotLimited(t *testing.T) {
	t.Parallel()
	a := attempts(t, nil, fixed)
	rates := tight
	rates.Failures.Count = 1
	unlimited := from("a", nil)
	unlimited.Client.Limited = false
	for i := range 5 {
		made := limit.NewTry(a, rates, unlimited, nil)
		if wait := made.Typed(t.Context(), []string{"username"}, map[string]string{"username": fmt.Sprint("person ", i)}); wait != 0 {
			t.Errorf("guess %d waits %v", i+1, wait)
		}
	}
	for i, want := range []bool{true, false} {
		made := limit.NewTry(a, rates, from("b", nil), nil)
		if ok := made.Typed(t.Context(), []string{"username"}, map[string]string{"username": fmt.Sprint("person ", i)}) == 0; ok != want {
			t.Errorf("guess %d of a limited client: %v", i+1, ok)
		}
		made.End()
	}
}

// Where two identifiers were typed nothing tells which one let the person in. What is empty
// is none.
func TestTry_Reached(t *testing.T) {
	t.Parallel()
	fields := []string{"username", "email"}
	for name, row := range map[string]struct {
		typed   map[string]string
		reached int
	}{
		"one":       {map[string]string{"username": "ada", "email": ""}, 1},
		"the other": {map[string]string{"email": "ada@example.com"}, 1},
		"two":       {map[string]string{"username": "ada", "email": "ada@example.com"}, 0},
		"none":      {map[string]string{"password": "x"}, 0},
	} {
		made := limit.NewTry(attempts(t, nil, fixed), tight, from("a", nil), nil)
		if wait := made.Typed(t.Context(), fields, row.typed); wait != 0 {
			t.Errorf("%s: to wait %v", name, wait)
		}
		if got := len(made.Reached()); got != row.reached {
			t.Errorf("%s: %d are reached", name, got)
		}
		if made.Succeed(t.Context()); !made.Over() {
			t.Errorf("%s: not over when it has succeeded", name)
		}
	}
}

// A known browser pays once for a try that is counted at the name and at the account, and
// again for the next one.
func TestTry_DevicePaysOnce(t *testing.T) {
	t.Parallel()
	a := attempts(t, nil, fixed)
	rates := tight
	rates.Guesses.Count = 100
	first := limit.NewTry(a, rates, from("a", nil), nil)
	first.Typed(t.Context(), []string{"username"}, map[string]string{"username": "ada"})
	first.Account(t.Context(), "42")
	known := limit.Devices{{ID: "d", Provider: "credentials", User: "42", Buckets: first.Reached()}}
	for _, other := range []string{"b", "c", "d"} { // the name's and the account's are used up
		made := limit.NewTry(a, rates, from(other, nil), nil)
		made.Typed(t.Context(), []string{"username"}, map[string]string{"username": "ada"})
		made.Account(t.Context(), "42")
	}
	passed := 0
	for range 15 {
		made := limit.NewTry(a, rates, from("f", known), nil) // nobody is told
		if made.Typed(t.Context(), []string{"username"}, map[string]string{"username": "ada"}) == 0 && made.Account(t.Context(), "42") == 0 {
			passed++
		}
		made.End()
	}
	if passed != 10 {
		t.Errorf("%d tries of the known browser pass", passed)
	}
}

// Eight codes of one client at one person are under way at a time.
func TestAttempts_CodesAtOnce(t *testing.T) {
	t.Parallel()
	a := attempts(t, nil, fixed)
	wide := limit.Rate{Count: 1000, Per: time.Hour}
	rates := limit.Rates{Guesses: wide, AllGuesses: wide}
	client := limit.Client{Networks: []string{"a"}}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	var leaves []func()
	for i := range 8 {
		leave, _, wait := a.Code(t.Context(), client, rates, "site", "1")
		if wait != 0 {
			t.Fatalf("code %d waits %v", i+1, wait)
		}
		leaves = append(leaves, leave)
	}
	if leave, undo, wait := a.Code(gone, client, rates, "site", "1"); wait != time.Second || leave != nil || undo != nil {
		t.Errorf("one more waits %v", wait)
	}
	leaves[0]()
	if _, _, wait := a.Code(t.Context(), client, rates, "site", "1"); wait != 0 {
		t.Errorf("with room again it waits %v", wait)
	}
	// One that is refused makes room by itself.
	few := limit.Rates{Guesses: limit.Rate{Count: 2, Per: time.Hour}, AllGuesses: wide}
	for i := range 6 {
		leave, _, wait := a.Code(t.Context(), client, few, "site", "2")
		if (wait == 0) != (i < 2) || (leave == nil) != (wait > 0) {
			t.Errorf("code %d waits %v", i+1, wait)
		}
		if leave != nil {
			leave()
		}
	}
}
