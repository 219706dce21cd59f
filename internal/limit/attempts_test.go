package limit_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/ginauth/ginauth/internal/limit"
	"github.com/ginauth/ginauth/internal/token"
)

func attempts(t *testing.T, shared *limit.Shared, now func() time.Time) *limit.Attempts {
	t.Helper()
	a, err := limit.NewAttempts("a secret", shared, now)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// An attempt that one bucket refuses is counted in none.
func TestAttempts_AllOrNothing(t *testing.T) {
	t.Parallel()
	a := attempts(t, nil, fixed)
	wide, tight := a.Tally(limit.Rate{Count: 2, Per: time.Minute}, "wide", "x"), a.Tally(limit.Rate{Count: 1, Per: time.Minute}, "tight", "x")
	unlimited := a.Tally(limit.Rate{Count: -1}, "none", "x")
	taken, wait := a.Take(t.Context(), []limit.Tally{unlimited, wide, tight})
	if wait != 0 || len(taken) != 2 {
		t.Fatalf("%d are counted, to wait %v", len(taken), wait)
	}
	if taken, wait := a.Take(t.Context(), []limit.Tally{wide, tight}); wait != time.Minute || taken != nil {
		t.Errorf("to wait %v", wait)
	}
	if _, wait := a.Take(t.Context(), []limit.Tally{wide}); wait != 0 {
		t.Errorf("the refused attempt was counted: to wait %v", wait)
	}
	a.Refund(t.Context(), taken)
	if _, wait := a.Take(t.Context(), []limit.Tally{wide, tight}); wait != 0 {
		t.Errorf("after the refund: to wait %v", wait)
	}
}

func fixed() time.Time { return time.Unix(1_700_000_000, 0) }

// A shared counter decides, and is left alone for a while after it failed.
func TestAttempts_Shared(t *testing.T) {
	t.Parallel()
	now := fixed()
	var asked, failures int
	var answer time.Duration
	var fault error
	shared := &limit.Shared{
		Allow: func(context.Context, string, limit.Rate) (time.Duration, error) {
			asked++
			return answer, fault
		},
		Refund: func(context.Context, string, limit.Rate) error { return fault },
		Failed: func(error) { failures++ },
	}
	a := attempts(t, shared, func() time.Time { return now })
	one := []limit.Tally{a.Tally(limit.Rate{Count: 3, Per: time.Hour}, "kind", "x")}
	for _, step := range []struct {
		name            string
		after           time.Duration
		answer          time.Duration
		fault           error
		wait            time.Duration
		asked, failures int
	}{
		{"it allows", 0, 0, nil, 0, 1, 0},
		{"it refuses, and nothing is counted here", 0, time.Second, nil, time.Second, 2, 0},
		{"it fails", 0, 0, errors.New("down"), 0, 3, 1},
		{"it is not asked again", 0, 0, errors.New("down"), 0, 3, 1},
		{"this process has counted three", 0, 0, nil, 20 * time.Minute, 3, 1},
		{"it is asked again", 21 * time.Minute, 0, nil, 0, 4, 1},
	} {
		now, answer, fault = now.Add(step.after), step.answer, step.fault
		_, wait := a.Take(t.Context(), one)
		if wait != step.wait || asked != step.asked || failures != step.failures {
			t.Errorf("%s: to wait %v, asked %d times, %d failures", step.name, wait, asked, failures)
		}
	}
}

// Keys tell nobody whom they are of, and no two lists of names share one.
func TestAttempts_Keys(t *testing.T) {
	t.Parallel()
	a := attempts(t, nil, fixed)
	var b limit.Buckets
	rate := limit.Rate{Count: 1, Per: time.Minute}
	b.All(a, rate, "mails", "ada@example.com")
	b.All(a, rate, "mails", "grace@example.com")
	b.All(a, rate, "guesses", "ada@example.com")
	b.All(a, rate, "guesses", "ada", "@example.com")
	seen := map[string]bool{}
	for _, key := range b.Everybody {
		if seen[key] || len(key) > 64 || strings.Contains(key, "ada") {
			t.Errorf("key %q", key)
		}
		seen[key] = true
	}
	other, err := limit.NewAttempts("another secret", nil, fixed)
	if err != nil {
		t.Fatal(err)
	}
	var c limit.Buckets
	c.All(other, rate, "mails", "ada@example.com")
	if seen[c.Everybody[0]] {
		t.Error("the key is the same with another secret")
	}
}

func TestRate(t *testing.T) {
	t.Parallel()
	per := time.Hour
	all := limit.Rate{Count: 100, Per: per}
	ten := limit.Rate{Count: 10, Per: 10 * time.Minute}
	fits := func(n int64) int { return int(min(n, math.MaxInt)) } // an int may have 32 bits
	for _, row := range []struct {
		name      string
		got, want limit.Rate
	}{
		{"half", all.Half(), limit.Rate{Count: 50, Per: per}},
		{"half of one", limit.Rate{Count: 1, Per: per}.Half(), limit.Rate{Count: 1, Per: per}},
		{"half of no limit", limit.Rate{Count: -1}.Half(), limit.Rate{Count: -1}},
		{"a client", all.Widened(0), all},
		{"a /48", all.Widened(2), limit.Rate{Count: 1600, Per: per}},
		{"no limit, widened", limit.Rate{Count: -1}.Widened(2), limit.Rate{Count: -1}},
		{"as many as fit", limit.Rate{Count: math.MaxInt, Per: time.Second}.Widened(2), limit.Rate{Count: math.MaxInt, Per: time.Second}},
		{"at one person", ten.Aimed(all)(0), ten},
		{"of a /48 at one person", ten.Aimed(all)(2), limit.Rate{Count: 40, Per: 40 * time.Minute}},
		{"three quarters of all", limit.Rate{Count: 40, Per: per}.Aimed(all)(2), limit.Rate{Count: 75, Per: 75 * per / 40}},
		{"never fewer than a client", limit.Rate{Count: 90, Per: per}.Aimed(all)(2), limit.Rate{Count: 90, Per: per}},
		{"half of three", limit.Rate{Count: 3, Per: per}.Half(), limit.Rate{Count: 1, Per: per}},
		{"half of two", limit.Rate{Count: 2, Per: per}.Half(), limit.Rate{Count: 1, Per: per}},
		{"a /56", all.Widened(1), limit.Rate{Count: 400, Per: per}},
		{"one in each microsecond", limit.Rate{Count: 600_000, Per: time.Second}.Widened(1), limit.Rate{Count: 1_000_000, Per: time.Second}},
		{"none", limit.Rate{Count: 0, Per: per}.Widened(1), limit.Rate{Count: 0, Per: per}},
		{"none, aimed", limit.Rate{Count: 0, Per: per}.Aimed(all)(1), limit.Rate{Count: 0, Per: per}},
		{"at one person, of all without a limit", ten.Aimed(limit.Rate{Count: -1})(3), limit.Rate{Count: 80, Per: 80 * time.Minute}},
		{"at one person, of a few", limit.Rate{Count: 1, Per: per}.Aimed(limit.Rate{Count: 7, Per: per})(2), limit.Rate{Count: 3, Per: 3 * per}},
		{"one", limit.Rate{Count: 1, Per: per}.Widened(1), limit.Rate{Count: 4, Per: per}},
		{"at one person, of one", ten.Aimed(limit.Rate{Count: 1, Per: per})(2), ten},
		{"of a number that does not fit", limit.Rate{Count: fits(1 << 31), Per: 100_000 * per}.Widened(1), limit.Rate{Count: fits(4 * math.MaxInt32), Per: 100_000 * per}},
		{"of a number that does not fit, aimed", limit.Rate{Count: fits(1 << 31), Per: time.Duration(fits(1 << 31))}.Aimed(limit.Rate{Count: -1})(1), limit.Rate{Count: fits(2 * math.MaxInt32), Per: time.Duration(fits(2 * math.MaxInt32))}},
		{"no limit, aimed", limit.Rate{Count: -1}.Aimed(all)(2), limit.Rate{Count: -1}},
	} {
		if row.got != row.want {
			t.Errorf("%s: %v, want %v", row.name, row.got, row.want)
		}
	}
}

// A device cookie knows the last five people, stays short, and ends after 90 days.
func TestDeviceCookie(t *testing.T) {
	t.Parallel()
	ring, err := token.V4.Keyring("test", "a secret")
	if err != nil {
		t.Fatal(err)
	}
	c := limit.DeviceCookie{Keyring: ring, Name: "device"}
	now := fixed()
	var list limit.Devices
	add := func(user string, buckets ...string) (ok bool) {
		list, ok = c.Add(list, "email", user, now, buckets)
		return ok
	}
	for i := range 7 {
		if !add(fmt.Sprint("u", i), fmt.Sprint("b", i)) {
			t.Fatalf("u%d does not fit", i)
		}
	}
	if add("u6", "b6"); list[0].User != "u6" || list[1].User != "u5" {
		t.Errorf("again: %v", list)
	}
	for _, row := range []struct {
		name    string
		user    string
		buckets []string
	}{
		{"nobody", "", []string{"b"}},
		{"no buckets", "u", nil},
		{"a long ID", strings.Repeat("x", 257), []string{"b"}},
		{"more accounts than fit", "u", []string{strings.Repeat("b", 1500)}},
	} {
		if before := len(list); add(row.user, row.buckets...) || len(list) != before {
			t.Errorf("%s is known", row.name)
		}
	}
	value, kept := c.Seal(list)
	list = c.Open(value, now)
	if len(list) != 5 || len(kept) != 5 || len(value) > 1500 {
		t.Errorf("%d are kept, %d found, in %d bytes", len(kept), len(list), len(value))
	}
	none := func(limit.Device) bool { return false }
	for _, row := range []struct {
		name     string
		provider string
		buckets  []string
		revoked  func(limit.Device) bool
		found    bool
	}{
		{"the person", "email", []string{"b6"}, none, true},
		{"one who was forgotten", "email", []string{"b0"}, none, false},
		{"another provider", "other", []string{"b6"}, none, false},
		{"another account too", "email", []string{"b6", "b5"}, none, false},
		{"no account", "email", nil, none, false},
		{"revoked", "email", []string{"b6"}, func(d limit.Device) bool { return d.User == "u6" }, false},
	} {
		if d, ok := list.Find(row.provider, row.buckets, row.revoked); ok != row.found || ok && d.User != "u6" {
			t.Errorf("%s: %v, %v", row.name, d.User, ok)
		}
	}
	if rest := list.Without(list[0].ID); len(rest) != 4 || len(list) != 5 || list[0].User != "u6" {
		t.Errorf("%d are left of %d", len(rest), len(list))
	}
	if list := c.Open(value, now.Add(limit.DeviceAge-1)); len(list) != 5 {
		t.Errorf("%d are known in time", len(list))
	}
	if list := c.Open(value, now.Add(limit.DeviceAge)); len(list) != 0 {
		t.Errorf("%d are known too late", len(list))
	}
	if value, _ := c.Seal(nil); value != "" {
		t.Errorf("none are %q", value)
	}
	for _, forged := range []string{"", "x", ring.Seal([]byte("[1]"))} {
		if list := c.Open(forged, now); len(list) != 0 {
			t.Errorf("%q opens", forged)
		}
	}
}

// An attempt that gets no turn holds no place of another bucket.
func TestAttempts_NoTurn(t *testing.T) {
	t.Parallel()
	a := attempts(t, nil, fixed)
	var client, name limit.Buckets
	one := limit.Client{Networks: []string{"192.0.2.7"}}
	rate := func(int) limit.Rate { return limit.Rate{Count: 1, Per: time.Minute} }
	client.PerClient(a, one, rate, 1, "fail")
	name.PerClient(a, one, rate, 1, "guess", "ada")
	leave, ok := a.Queue(t.Context(), name.Own)
	if !ok {
		t.Fatal("the first gets no turn")
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for range 20 { // a place that is free may be taken although the context has ended
		if _, ok := a.Queue(gone, append(client.Own[:1:1], name.Own...)); ok {
			t.Fatal("two have their turn")
		}
	}
	soon, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	free, ok := a.Queue(soon, client.Own)
	if !ok {
		t.Fatal("an attempt without its turn holds a place")
	}
	free()
	leave()
}
