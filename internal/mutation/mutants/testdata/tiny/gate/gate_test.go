package gate_test

import (
	"testing"

	"example.com/tiny"
)

func TestClean(t *testing.T) {
	done := 0
	for name, want := range map[string]string{"": "nobody", "ada": "ada"} {
		if got := tiny.Clean(name, func() { done++ }); got != want {
			t.Errorf("%q", got)
		}
	}
	if done != 2 {
		t.Error("not done")
	}
}
