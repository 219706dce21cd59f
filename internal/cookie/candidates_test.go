package cookie_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ginauth/ginauth/internal/cookie"
)

func TestCandidates(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		header []string // S stands for the session cookie's name
		want   []string // in order, no more
		some   bool     // or more
	}{
		{"nothing", nil, nil, false},
		{"one", []string{"S=tok"}, []string{"tok"}, false},
		{"one in chunks", []string{"S.0=aa; S.1=b"}, []string{"aab"}, false},
		{"two", []string{"S=a; S=b"}, []string{"a", "b"}, false},
		{"two in two lines", []string{"S=a", "S=b"}, []string{"a", "b"}, false},
		{"the same twice", []string{"S=a; S=a"}, []string{"a"}, false},
		{"one is empty", []string{"S=; S=a"}, []string{"a"}, false},
		{"one is broken", []string{"S=%zz; S=a%20"}, []string{"a "}, false},
		{"both forms", []string{"S=a; S.0=bb; S.1=c"}, []string{"a", "bbc"}, true},
		{"two sets", []string{"S.0=aa; S.1=a; S.0=bb; S.1=b"}, []string{"aaa", "bbb", "aab", "bba"}, true},
		{"two sets, the longer first", []string{"S.0=aa; S.1=aa; S.2=a; S.0=bb; S.1=b"}, []string{"aaaaa", "bbb"}, true},
		{"two sets, the shorter first", []string{"S.0=aa; S.1=a; S.0=bb; S.1=bb; S.2=b"}, []string{"aaa", "bbbbb"}, true},
		{"a full last chunk", []string{"S.0=aa; S.1=aa; S.0=bb; S.1=bb; S.2=b"}, []string{"aaaab", "bbbbb", "aaaa"}, true},
		{"gap", []string{"S.0=aa; S.0=bb; S.2=x"}, []string{"aa", "bb"}, false},
		{"no first chunk", []string{"S.1=aa; S.1=bb"}, nil, false},
		{"too long", []string{"S=" + strings.Repeat("x", 101) + "; S=a"}, []string{"a"}, false},
	} {
		found := cookie.Find(full(tt.header), name)
		got := found.Candidates(100)
		if tt.some {
			for _, token := range tt.want {
				if !slices.Contains(got, token) {
					t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
				}
			}
		} else if !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
		if found.Doubled && found.Value != "" {
			t.Errorf("%s: doubled, and believed", tt.name)
		}
	}
}

// The candidates are bounded, and so is the search: a hundred names with eight values
// each could be put together in more ways than there are atoms.
func TestCandidates_Bounded(t *testing.T) {
	t.Parallel()
	var pairs []string
	for i := range 100 {
		for j := range 8 {
			pairs = append(pairs, fmt.Sprintf("%s.%d=v%d", name, i, j))
		}
	}
	for _, maxLength := range []int{0, 1, 2, 50, 1 << 20} {
		if n := len(cookie.Find([]string{strings.Join(pairs, "; ")}, name).Candidates(maxLength)); n > 16 {
			t.Errorf("%d candidates", n)
		}
	}
}

// What a token is put together of, in the order in which it is likely.
func TestCandidates_Order(t *testing.T) {
	t.Parallel()
	several := func(name string, n int) string {
		var pairs []string
		for i := range n {
			pairs = append(pairs, fmt.Sprintf("%s=%c", name, 'a'+i))
		}
		return strings.Join(pairs, "; ")
	}
	for _, tt := range []struct{ header, want string }{
		{several("S", 20), "a b c d e f g h i j k l m n o p"}, // sixteen
		{several("S.0", 9), "a b c d e f g h"},                // eight values of one chunk
		{strings.Repeat("S.0=a; ", 8) + "S.0=b", "a b"},
		{"S=a; S=b; S.x=c", "a b"},
		{"S=a; S=b; Sx0=c; S-0=d; S.=e; S.00=f; S./=g; S.:=h; S.1-=i", "a b"}, // no chunks
		{"S.0=aa; S.1=bb; S.0=cc; S.1=dd", "aabb ccdd aadd aa ccbb cc"},       // every chunk is full
		{"S.0=aa; S.1=bb; S.2=cc; S.0=dd; S.1=ee; S.2=ff", "aabbcc ddeeff aabbff aabb aaeecc aaeeff aaee aa ddbbcc ddbbff ddbb ddeecc ddee dd"},
		{"S.0=aaaa; S.1=bb; S.2=cc; S.2=dd", "aaaabb aaaa"}, // a chunk that is not full is the last
		{"S.0=aaaa; S.1=b; S.0=cccc; S.1=d", "aaaab ccccd aaaad aaaa ccccb cccc"},
		{"S.0=aaaa; S.1=dddd; S.2=f; S.0=cccc; S.1=eeee", "aaaaddddf cccceeeef aaaadddd aaaaeeeef aaaaeeee aaaa ccccddddf ccccdddd cccceeee cccc"},
	} {
		got := strings.Join(cookie.Find([]string{tt.header}, "S").Candidates(1<<20), " ")
		if got != tt.want {
			t.Errorf("%s:\n%s, want\n%s", tt.header, got, tt.want)
		}
	}
}

// Eight tokens of two chunks each, one behind the other, are all candidates.
func TestCandidates_Sets(t *testing.T) {
	t.Parallel()
	var pairs, want []string
	for i := range 8 {
		pairs = append(pairs, fmt.Sprintf("S.0=a%d; S.1=b%d", i, i))
		want = append(want, fmt.Sprintf("a%db%d", i, i))
	}
	if got := cookie.Find([]string{strings.Join(pairs, "; ")}, "S").Candidates(100); len(got) != 16 || !slices.Equal(got[:8], want) {
		t.Errorf("%q, want first %q", got, want)
	}
}

// The last name that a chunk may have is not taken for the name alone.
func TestNames_Last(t *testing.T) {
	t.Parallel()
	want := []string{"S", "S.99", "S.0"}
	if got := cookie.Find([]string{"S=a; S.99=b; S.0=c; S=d; S.99=e; S.100=f"}, "S").Names(); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestHas(t *testing.T) {
	t.Parallel()
	header := []string{"a=1; b.x=2", "c=3"}
	for _, tt := range []struct {
		names []string
		want  bool
	}{
		{[]string{"a"}, true}, {[]string{"z", "c"}, true}, {[]string{"b."}, true}, {[]string{"b.x"}, true},
		{[]string{"b"}, false}, {[]string{"a."}, false}, {[]string{"x"}, false}, {nil, false}, {[]string{"a=1"}, false},
	} {
		if got := cookie.Has(header, tt.names...); got != tt.want {
			t.Errorf("%q: %v", tt.names, got)
		}
	}
	if cookie.Has(nil, "a") {
		t.Error("a request without cookies has one")
	}
}

// Escape leaves what encodeURIComponent leaves (ECMA-262 §19.2.6.4), and no other byte.
func TestEscape_EveryByte(t *testing.T) {
	t.Parallel()
	const kept = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.!~*'()"
	for c := range 256 {
		text := string([]byte{byte(c)})
		want := fmt.Sprintf("%%%02X", c)
		if strings.Contains(kept, text) {
			want = text
		}
		if got := cookie.Escape(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// FuzzCandidates puts cookies of two domains behind one another as RFC 6265 §5.4
// says, in whole or in chunks: both tokens are found.
func FuzzCandidates(f *testing.F) {
	f.Add("aaaaa", "bbb", uint8(2), uint8(2), false)
	f.Add("aaaa", "bbbbbb", uint8(2), uint8(3), true)
	f.Add("a", "b", uint8(1), uint8(9), true)
	f.Fuzz(func(t *testing.T, first, second string, cut, other uint8, mixed bool) {
		pairs := func(token string, size int) (pairs []string) {
			if len(token) <= size {
				return []string{name + "=" + token}
			}
			for i := 0; token != ""; i++ {
				n := min(size, len(token))
				pairs = append(pairs, fmt.Sprintf("%s.%d=%s", name, i, token[:n]))
				token = token[n:]
			}
			return pairs
		}
		first, second = cookie.Escape("1"+first), cookie.Escape("2"+second)
		a, b := pairs(first, max(int(cut), len(first)/3+1)), pairs(second, max(int(other), len(second)/3+1))
		header := append(slices.Clone(a), b...)
		if mixed { // cookies of one path are in the order in which they were first set
			header = nil
			for i := range max(len(a), len(b)) {
				if i < len(a) {
					header = append(header, a[i])
				}
				if i < len(b) {
					header = append(header, b[i])
				}
			}
		}
		found := cookie.Find([]string{strings.Join(header, "; ")}, name)
		got := found.Candidates(1 << 20)
		for _, token := range []string{first, second} {
			want, _ := cookie.Unescape(token)
			if found.Doubled && !slices.Contains(got, want) {
				t.Fatalf("%q: %q is not among %q", header, want, got)
			}
		}
		if !found.Doubled || len(got) > 16 {
			t.Fatalf("%q: doubled %v, %d candidates", header, found.Doubled, len(got))
		}
	})
}

func TestValues(t *testing.T) {
	t.Parallel()
	var got []string
	for value := range cookie.Values([]string{"n=a%20; nn=x; n=%zz; n=", "n=b"}, "n") {
		got = append(got, value)
	}
	if !slices.Equal(got, []string{"a ", "", "b"}) {
		t.Errorf("got %q", got)
	}
	got = nil
	for value := range cookie.Values([]string{strings.Repeat("n=a; ", 100)}, "n") {
		got = append(got, value)
	}
	if len(got) != 8 {
		t.Errorf("%d values", len(got))
	}
	for range cookie.Values([]string{"n=a; n=b"}, "n") {
		break
	}
}
