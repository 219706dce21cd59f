package ascii_test

import (
	"testing"

	"github.com/ginauth/ginauth/internal/ascii"
)

// Of all letters only A to Z have another case here.
func TestLowerAndEqualFold(t *testing.T) {
	t.Parallel()
	for r := rune(0); r <= 0x10ffff; r++ {
		s, want := string(r), string(r)
		if 'A' <= r && r <= 'Z' {
			want = string(r + 'a' - 'A')
		}
		if got := ascii.Lower(s); got != want {
			t.Fatalf("%U becomes %q", r, got)
		}
		for _, letter := range []string{"i", "k", "s", "a", "z", "I", "K", "S"} {
			if got := ascii.EqualFold(s, letter); got != (want == ascii.Lower(letter)) {
				t.Fatalf("%U and %s: %v", r, letter, got)
			}
		}
	}
	for s, want := range map[string]string{"": "", "APP.Example": "app.example", "aZ[@`{": "az[@`{", "MÜNCHEN": "mÜnchen", "\xffA\xfe": "\xffa\xfe"} {
		if got := ascii.Lower(s); got != want || !ascii.EqualFold(s, want) {
			t.Errorf("%q becomes %q", s, got)
		}
	}
	if ascii.EqualFold("app", "apple") || ascii.EqualFold("apple", "app") {
		t.Error("a prefix equals the whole")
	}
}
