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
			r.Rescue(strconv.Itoa(i), &tokenset.Grant{}, now)
		}
		r.Rescue("later", &tokenset.Grant{}, now.Add(later))
		for i := range many {
			if r.Rescued(strconv.Itoa(i), now) != nil {
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
			first := r.Do(t.Context(), g, now, renew)
			if again := r.Do(t.Context(), g, now.Add(tt.again), renew); runs != tt.runs || again != first {
				t.Errorf("it ran %d times and gave %+v, then %+v", runs, first, again)
			}
			other := *g
			other.Access = "b" // from a provider that gives the same refresh token each time
			r.Do(t.Context(), &other, now, renew)
			if runs != tt.runs+1 {
				t.Error("the next access token was not renewed")
			}
		})
	}
}
