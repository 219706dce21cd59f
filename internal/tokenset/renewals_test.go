package tokenset_test

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/ginauth/ginauth/internal/tokenset"
)

// Tokens that a store which is down did not take are held for some sessions and for
// some time, and not without bound.
func TestRenewals_UnsavedAreBounded(t *testing.T) {
	t.Parallel()
	const many = 3000
	now := time.Now()
	// rescued is how many of the many sessions find their tokens, when another one is
	// rescued later.
	rescued := func(later time.Duration) (held int) {
		r := tokenset.NewRenewals(errors.New("refused"))
		for i := range many {
			r.Rescue("s", strconv.Itoa(i), &tokenset.Grant{}, now)
		}
		r.Rescue("s", "later", &tokenset.Grant{}, now.Add(later))
		for i := range many {
			if r.Rescued("s", strconv.Itoa(i), now) != nil {
				held++
			}
		}
		return held
	}
	if held := rescued(0); held < 100 || held > many/2 {
		t.Errorf("the tokens of %d of %d sessions are held", held, many)
	}
	if held := rescued(10 * time.Minute); held != 0 {
		t.Errorf("ten minutes later those of %d are", held)
	}
	if at, before := rescued(0), rescued(10*time.Minute-1); at != 1024 || before != 1024 {
		t.Errorf("%d are held, and just before the ten minutes are over %d", at, before)
	}
}

// Rescued tokens are handed out once, and not after ten minutes.
func TestRenewals_RescuedOnce(t *testing.T) {
	t.Parallel()
	now, g := time.Now(), &tokenset.Grant{Access: "a"}
	r := tokenset.NewRenewals(errors.New("refused"))
	if got := r.Rescued("s", "r", time.Time{}); got != nil { // long before the end of nothing
		t.Errorf("nothing was rescued: %+v", got)
	}
	r.Rescue("another", "r", g, now)
	if got := r.Rescued("s", "r", now); got != nil {
		t.Errorf("another session's was rescued: %+v", got)
	}
	for _, tt := range []struct {
		after time.Duration
		held  bool
	}{{0, true}, {10*time.Minute - 1, true}, {10 * time.Minute, false}} {
		r.Rescue("s", "r", g, now)
		if got := r.Rescued("s", "other", now); got != nil {
			t.Errorf("%+v for another refresh token", got)
		}
		if got := r.Rescued("s", "r", now.Add(tt.after)); (got == g) != tt.held || got != nil && !tt.held {
			t.Errorf("after %v: %+v", tt.after, got)
		}
		if got := r.Rescued("s", "r", now); got != nil {
			t.Errorf("after %v: %+v for the second time", tt.after, got)
		}
	}
}

// As many renewals are remembered as sessions may be: of one more the oldest is renewed
// again. Tokens whose texts run into one another are still two.
func TestRenewals_Apart(t *testing.T) {
	t.Parallel()
	now, runs := time.Now(), 0
	renew := func() tokenset.Renewal {
		runs++
		return tokenset.Renewal{Grant: &tokenset.Grant{}}
	}
	r := tokenset.NewRenewals(errors.New("refused"))
	for _, g := range []*tokenset.Grant{{Refresh: "ab", Access: "c"}, {Refresh: "a", Access: "bc"}, {Refresh: "abc"}, {Access: "abc"}} {
		if result := r.Do(t.Context(), "s", g, now, renew); result.Grant == nil {
			t.Error("the first request does not get the result")
		}
	}
	if runs != 4 {
		t.Errorf("%d renewals of four grants", runs)
	}
}

// A renewal that failed for now is tried again by the next request; one that
// succeeded, or was refused for good, is what all requests with its tokens get.
func TestRenewals_Remembered(t *testing.T) {
	t.Parallel()
	now, refused := time.Now(), errors.New("refused")
	for _, tt := range []struct {
		name   string
		result tokenset.Renewal
		again  time.Duration
		runs   int
	}{
		{"renewed", tokenset.Renewal{Grant: &tokenset.Grant{}}, 59 * time.Second, 1},
		{"renewed a minute ago", tokenset.Renewal{Grant: &tokenset.Grant{}}, time.Minute, 2},
		{"refused", tokenset.Renewal{Err: errors.Join(refused)}, 0, 1},
		{"not answered", tokenset.Renewal{Err: errors.New("timeout")}, 0, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r, g, runs := tokenset.NewRenewals(refused), &tokenset.Grant{Access: "a", Refresh: "r"}, 0
			renew := func() tokenset.Renewal {
				runs++
				return tt.result
			}
			first := r.Do(t.Context(), "s", g, now, renew)
			if again := r.Do(t.Context(), "s", g, now.Add(tt.again), renew); runs != tt.runs || again != first {
				t.Errorf("it ran %d times and gave %+v, then %+v", runs, first, again)
			}
			other := *g
			other.Access = "b" // from a provider that gives the same refresh token each time
			r.Do(t.Context(), "s", &other, now, renew)
			if runs != tt.runs+1 {
				t.Error("the next access token was not renewed")
			}
			r.Do(t.Context(), "another", g, now, renew) // of a provider that gives two sign-ins the same tokens
			if runs != tt.runs+2 {
				t.Error("another session's renewal stood in for this one's")
			}
		})
	}
}

// The renewals of 1,024 tokens are remembered at a time, and the oldest goes for one more.
func TestRenewals_Bounded(t *testing.T) {
	t.Parallel()
	r := tokenset.NewRenewals(errors.New("refused"))
	begun := time.Unix(1_800_000_000, 0)
	ran := map[int]int{}
	do := func(i int, after time.Duration) {
		r.Do(t.Context(), "s", &tokenset.Grant{Refresh: strconv.Itoa(i)}, begun.Add(after), func() tokenset.Renewal {
			ran[i]++
			return tokenset.Renewal{}
		})
	}
	for i := range 1024 {
		do(i, time.Duration(i)*time.Millisecond)
	}
	if do(0, 2*time.Second); ran[0] != 1 {
		t.Error("of 1,024 the first is forgotten")
	}
	do(1024, 3*time.Second)
	if do(1, 3*time.Second); ran[1] != 1 {
		t.Error("of 1,025 it is not the first that is forgotten")
	}
	if do(0, 3*time.Second); ran[0] != 2 {
		t.Error("of 1,025 none is forgotten")
	}
}
