package bulkhead_test

import (
	"context"
	"errors"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ginauth/ginauth/internal/bulkhead"
)

var (
	errFault    = errors.New("the store is not available")
	errNotFound = errors.New("not found")
)

func TestDo_Errors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		call func(context.Context) (int, error)
		want error
		text string
	}{
		{"an error of the contract is itself", func(context.Context) (int, error) { return 0, errors.Join(errNotFound, errors.New("handle s3cret")) }, errNotFound, "not found"},
		{"any other is the fault", func(context.Context) (int, error) { return 0, errors.New("no route") }, errFault, "the store is not available: no route"},
		{"a secret is cut out", func(context.Context) (int, error) { return 0, errors.New("no s3cret here") }, errFault, "the store is not available"},
		{"a panic is a fault", func(context.Context) (int, error) { panic("driver") }, errFault, "the store is not available: it panicked"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, b := range []*bulkhead.Bulkhead{bulkhead.New(time.Minute, errFault, errNotFound), bulkhead.Direct(time.Minute, errFault, errNotFound)} {
				_, err := bulkhead.Do(t.Context(), b, tt.call, "s3cret")
				if !errors.Is(err, tt.want) || !strings.HasPrefix(err.Error(), tt.text) || strings.Contains(err.Error(), "s3cret") {
					t.Errorf("got %v, want %v with %q", err, tt.want, tt.text)
				}
			}
		})
	}
}

// A direct call runs in its caller's goroutine, ends in time as it heeds its context, and
// is not begun where nobody waits for it.
func TestDirect(t *testing.T) {
	t.Parallel()
	b := bulkhead.Direct(10*time.Millisecond, errFault)
	err := bulkhead.Run(t.Context(), b, func(ctx context.Context) error {
		if !strings.Contains(string(debug.Stack()), "TestDirect(") {
			t.Error("it runs in a goroutine of its own")
		}
		<-ctx.Done()
		return ctx.Err()
	})
	if !errors.Is(err, errFault) || !errors.Is(err, bulkhead.ErrSlow) {
		t.Errorf("it ended with %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	err = bulkhead.Run(gone, b, func(context.Context) error { t.Error("it was called"); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("nobody waits, and it ended with %v", err)
	}
}

// A call that ignores its context is left behind, and the place that it takes is
// free again when it returns.
func TestDo_LeavesAHangingCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bulkhead.New(time.Second, errFault)
		hang := make(chan struct{})
		for range bulkhead.MaxCalls {
			go bulkhead.Do(t.Context(), b, func(context.Context) (int, error) { <-hang; return 1, nil })
		}
		synctest.Wait()
		begun := time.Now()
		if err := bulkhead.Run(t.Context(), b, func(context.Context) error { return nil }); !errors.Is(err, errFault) || !errors.Is(err, bulkhead.ErrSlow) {
			t.Errorf("all places are taken, and the call ended with %v", err)
		}
		if waited := time.Since(begun); waited != time.Second {
			t.Errorf("waited %v", waited)
		}
		close(hang)
		synctest.Wait()
		if err := bulkhead.Run(t.Context(), b, func(context.Context) error { return nil }); err != nil {
			t.Errorf("the places are not free again: %v", err)
		}
	})
}

// A caller that has gone gets the context's error, not that of a slow dependency.
func TestDo_CallerGone(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := bulkhead.Do(ctx, bulkhead.New(time.Minute, errFault), func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, ctx.Err() })
	if !errors.Is(err, context.Canceled) || errors.Is(err, bulkhead.ErrSlow) {
		t.Errorf("got %v", err)
	}
}

// A call's context ends with the call: what the driver hangs on it is let go, and not
// only when the timeout is over.
func TestDo_EndsTheContext(t *testing.T) {
	t.Parallel()
	var kept context.Context
	err := bulkhead.Run(t.Context(), bulkhead.New(time.Hour, errFault), func(ctx context.Context) error { kept = ctx; return nil })
	if err != nil || !errors.Is(kept.Err(), context.Canceled) {
		t.Errorf("%v, and the context is %v", err, kept.Err())
	}
}

// A call's value is its caller's, as is the error of a context that ends first.
func TestDo_Value(t *testing.T) {
	t.Parallel()
	for name, b := range map[string]*bulkhead.Bulkhead{"new": bulkhead.New(time.Minute, errFault), "direct": bulkhead.Direct(time.Minute, errFault)} {
		got, err := bulkhead.Do(t.Context(), b, func(context.Context) (int, error) { return 7, nil })
		if got != 7 || err != nil {
			t.Errorf("%s: %d, %v", name, got, err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		got, err := bulkhead.Wait(ctx, bulkhead.New(time.Minute, errFault), func(context.Context) (int, error) {
			time.Sleep(time.Hour) // synctest's
			return 7, nil
		})
		if got != 0 || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%d, %v", got, err)
		}
		time.Sleep(2 * time.Hour)
	})
}

// 512 calls of one dependency are under way at a time, and one more waits.
func TestWait_Bound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, hang, under := bulkhead.New(time.Minute, errFault), make(chan struct{}), 0
		var mu sync.Mutex
		for range bulkhead.MaxCalls + 1 {
			go func() {
				_, _ = bulkhead.Wait(t.Context(), b, func(context.Context) (int, error) {
					mu.Lock()
					under++
					mu.Unlock()
					<-hang
					return 0, nil
				})
			}()
		}
		synctest.Wait()
		if under != 512 {
			t.Errorf("%d are under way", under)
		}
		close(hang)
		if synctest.Wait(); under != 513 {
			t.Errorf("%d were under way", under)
		}
	})
}
