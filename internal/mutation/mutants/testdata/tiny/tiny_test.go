package tiny

import (
	"testing"
	"time"
)

func TestRequest(t *testing.T) {
	if req, err := Request(t.Context(), "localhost"); err != nil || req.URL.String() != "http://localhost" {
		t.Error(req, err)
	}
}

func TestTake(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		n    int
		open bool
		want error
	}{{2, true, nil}, {3, true, errFull}, {4, true, errFull}, {2, false, errFull}} {
		if err := Take(row.n, row.open); err != row.want {
			t.Errorf("%+v: %v", row, err)
		}
	}
}

func TestLoose(t *testing.T) {
	if Loose(1) || !Loose(100) {
		t.Error("wrong")
	}
}

func TestMax(t *testing.T) {
	if Max(1, 2) != 2 || Max(2, 1) != 2 || Max(2, 2) != 2 {
		t.Error("wrong")
	}
}

func TestPatience(t *testing.T) {
	if Patience() != 2*time.Second {
		t.Error("wrong")
	}
}

func TestGreeting(t *testing.T) {
	if Greeting != "hello" {
		t.Error("wrong")
	}
}

func TestForever(t *testing.T) {
	if Forever(3) != 3 {
		t.Error("wrong")
	}
}

func TestLeast(t *testing.T) {
	if Least("b", "a") != "a" || Least(1, 2) != 1 {
		t.Error("wrong")
	}
}

// TestRed is red on the code as it is.
func TestRed(t *testing.T) {
	if Untested() != 8 {
		t.Error("wrong")
	}
}
