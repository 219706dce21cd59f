package cookie_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ginauth/ginauth/internal/cookie"
)

const name = "__Secure-next-auth.session-token"

func TestFind(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		header []string // S stands for the session cookie's name
		value  string
		names  []string
	}{
		{"nothing", nil, "", nil},
		{"empty lines", []string{"", " ; ;"}, "", nil},
		{"others", []string{"a=1; b=2"}, "", nil},
		{"plain", []string{"a=1; S=tok; b=2"}, "tok", []string{"S"}},
		{"plain, empty", []string{"S="}, "", []string{"S"}},
		{"without an equals sign", []string{"S"}, "", nil},
		{"the name as a value", []string{"a=S"}, "", nil},
		{"other case", []string{"s=x; __secure-next-auth.session-token=y"}, "", nil},
		{"other names that begin alike", []string{"S2=x; S-token=y; S.=z; Sx.0=w; S=tok"}, "tok", []string{"S"}},
		{"a name that ends alike", []string{"xS=evil"}, "", nil},
		{"chunks", []string{"S.0=a; S.1=b; S.2=c"}, "abc", []string{"S.0", "S.1", "S.2"}},
		{"chunks out of order", []string{"S.2=c; x=1; S.0=a; S.1=b"}, "abc", []string{"S.2", "S.0", "S.1"}},
		{"ten chunks and more", []string{"S.10=k; S.0=a; S.1=b; S.2=c; S.3=d; S.4=e; S.5=f; S.6=g; S.7=h; S.8=i; S.9=j"}, "abcdefghijk",
			[]string{"S.10", "S.0", "S.1", "S.2", "S.3", "S.4", "S.5", "S.6", "S.7", "S.8", "S.9"}},
		{"one chunk", []string{"S.0=a"}, "a", []string{"S.0"}},
		{"several lines", []string{"S.0=a", "x=1; S.1=b"}, "ab", []string{"S.0", "S.1"}},
		{"first chunk missing", []string{"S.1=b; S.2=c"}, "", []string{"S.1", "S.2"}},
		{"gap", []string{"S.0=a; S.2=c"}, "a", []string{"S.0", "S.2"}},
		{"stray chunk", []string{"S=tok; S.7=old"}, "tok", []string{"S", "S.7"}},
		{"stray chunk behind chunks", []string{"S.0=a; S.1=b; S.7=old"}, "ab", []string{"S.0", "S.1", "S.7"}},
		{"plain twice", []string{"S=tok; S=evil"}, "", []string{"S"}},
		{"plain twice the same", []string{"S=tok; S=tok"}, "", []string{"S"}},
		{"plain twice, in two lines", []string{"S=tok", "S=evil"}, "", []string{"S"}},
		{"plain twice, one empty", []string{"S=; S=tok"}, "", []string{"S"}},
		{"chunk twice", []string{"S.0=a; S.1=b; S.1=evil"}, "", []string{"S.0", "S.1"}},
		{"first chunk twice", []string{"S.0=evil; S.0=a; S.1=b"}, "", []string{"S.0", "S.1"}},
		{"stray chunk twice", []string{"S.0=a; S.7=x; S.7=y"}, "", []string{"S.0", "S.7"}},
		{"plain and chunk", []string{"S=tok; S.0=a"}, "", []string{"S", "S.0"}},
		{"chunks and plain", []string{"S.0=a; S.1=b; S=tok"}, "", []string{"S.0", "S.1", "S"}},
		{"leading zero", []string{"S.00=x; S.01=y; S.0=a"}, "a", []string{"S.0"}},
		{"sign, space, fraction", []string{"S.+0=x; S.-1=y; S.1.0=z; S.0=a"}, "a", []string{"S.0"}},
		{"other digits", []string{"S.٠=x; S.0=a"}, "a", []string{"S.0"}},
		{"last index", []string{"S.0=a; S.99=x"}, "a", []string{"S.0", "S.99"}},
		{"index too high", []string{"S.0=a; S.100=x; S.4294967296=y; S.18446744073709551616=z; S.9999999999999999999999=w"}, "a", []string{"S.0"}},
		{"percent-encoded", []string{"S=a%7Cb%2Bc+d"}, "a|b+c+d", []string{"S"}},
		{"escape across two chunks", []string{"S.0=a%7; S.1=Cb"}, "a|b", []string{"S.0", "S.1"}},
		{"broken escape", []string{"S=%zz"}, "", []string{"S"}},
		{"broken escape in a chunk", []string{"S.0=a; S.1=%"}, "", []string{"S.0", "S.1"}},
		{"equals signs in the value", []string{"S=a=b=="}, "a=b==", []string{"S"}},
		{"blanks", []string{" \t S=tok \t ;"}, "tok", []string{"S"}},
		{"no numbers", []string{"S=tok; S.a=x; S.:=y; S./=z; S.1a=w; S.-1=v; S1=u"}, "tok", []string{"S"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := cookie.Find(full(tt.header), name)
			if got.Value != tt.value || !slices.Equal(got.Names(), full(tt.names)) || got.Found != (len(tt.names) > 0) {
				t.Errorf("got %q of %q, want %q of %q", got.Value, got.Names(), tt.value, full(tt.names))
			}
		})
	}
}

func full(short []string) []string {
	var long []string
	for _, s := range short {
		long = append(long, strings.ReplaceAll(s, "S", name))
	}
	return long
}

func TestPut(t *testing.T) {
	t.Parallel()
	const size = cookie.ChunkSize
	a, b, c := strings.Repeat("a", size), strings.Repeat("b", size), strings.Repeat("c", 10)
	tests := []struct {
		name    string
		value   string
		present []string
		want    []string // name=value in order; an empty value deletes
	}{
		{"first", "tok", nil, []string{"S=tok"}},
		{"again", "tok", []string{"S"}, []string{"S=tok"}},
		{"longest of one cookie", a, nil, []string{"S=" + a}},
		{"one byte more", a + "b", nil, []string{"S.0=" + a, "S.1=b"}},
		{"exactly two", a + b, nil, []string{"S.0=" + a, "S.1=" + b}},
		{"three", a + b + c, nil, []string{"S.0=" + a, "S.1=" + b, "S.2=" + c}},
		{"growing from one to chunks", a + c, []string{"S"}, []string{"S=", "S.0=" + a, "S.1=" + c}},
		{"growing by a chunk", a + b + c, []string{"S.0", "S.1"}, []string{"S.0=" + a, "S.1=" + b, "S.2=" + c}},
		{"shrinking to one", "tok", []string{"S.0", "S.1", "S.2"}, []string{"S.0=", "S.1=", "S.2=", "S=tok"}},
		{"shrinking by a chunk", a + c, []string{"S.0", "S.1", "S.2"}, []string{"S.0=" + a, "S.1=" + c, "S.2="}},
		{"in the request's order", a + c, []string{"S.1", "S.7", "S", "S.0"}, []string{"S.1=" + c, "S.7=", "S=", "S.0=" + a}},
	}
	attributes := cookie.Attributes{Domain: "example.com", Secure: true}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var want []string
			for _, pair := range full(tt.want) {
				n, v, _ := strings.Cut(pair, "=")
				if v == "" {
					want = append(want, cookie.Deletion(n, attributes))
				} else {
					want = append(want, cookie.Line(n, v, attributes))
				}
			}
			got := cookie.Put(name, tt.value, full(tt.present), attributes)
			if !slices.Equal(got, want) {
				t.Errorf("got  %.120q\nwant %.120q", got, want)
			}
			for _, line := range got {
				if len(line) > 4096+64 {
					t.Errorf("a line of %d bytes", len(line))
				}
			}
		})
	}
}

// A browser that keeps what Put says gives it back, through any change of size.
func TestPutThenFind(t *testing.T) {
	t.Parallel()
	jar := []string{} // name=value in the order of their first setting
	for _, n := range []int{1, 3933, 3934, 12_000, 20_000, 8_000, 7_866, 100, 50_000, 5, 4_000} {
		value := strings.Repeat("x", n-1) + "y"
		found := cookie.Find([]string{strings.Join(jar, "; ")}, name)
		for _, line := range cookie.Put(name, value, found.Names(), cookie.Attributes{}) {
			pair, rest, _ := strings.Cut(line, "; ")
			set, _, _ := strings.Cut(pair, "=")
			jar = slices.DeleteFunc(jar, func(kept string) bool { return strings.HasPrefix(kept, set+"=") })
			if !strings.Contains(rest, "Max-Age=0") {
				jar = append(jar, pair)
			}
		}
		got := cookie.Find([]string{strings.Join(jar, "; ")}, name)
		if want := max(1, (n+cookie.ChunkSize-1)/cookie.ChunkSize); got.Value != value || len(got.Names()) != want || len(jar) != want {
			t.Fatalf("%d bytes: found %d in %d cookies, the browser has %d", n, len(got.Value), len(got.Names()), len(jar))
		}
	}
}

var chunkName = regexp.MustCompile(`^` + regexp.QuoteMeta(name) + `\.(0|[1-9][0-9]?)$`)

// expected is Find said once more, slowly.
func expected(header []string) (value string, names []string) {
	seen, count := map[string]string{}, map[string]int{}
	for _, line := range header {
		for _, pair := range strings.Split(line, ";") {
			n, v, ok := strings.Cut(strings.Trim(pair, " \t"), "=")
			if !ok || n != name && !chunkName.MatchString(n) {
				continue
			}
			if count[n]++; count[n] == 1 {
				names = append(names, n)
			}
			seen[n] = v
		}
	}
	for _, c := range count {
		if c > 1 {
			return "", names
		}
	}
	plain, isPlain := seen[name]
	joined := ""
	for i := 0; ; i++ {
		chunk, ok := seen[fmt.Sprintf("%s.%d", name, i)]
		if !ok {
			break
		}
		if isPlain {
			return "", names
		}
		joined += chunk
	}
	value, ok := cookie.Unescape(plain + joined)
	if !ok {
		return "", names
	}
	return value, names
}

func FuzzFind(f *testing.F) {
	for _, seed := range []string{
		"", "S", "S=", "S=tok", "S=a; S=b", "S.0=a; S.1=b", "S.1=b;S.0=a\nS.2=c", "S.0=a; S.2=c", "S=x; S.0=a", "S.00=a; S.01=b",
		"S.99=a", "S.100=a", "S.0=%7; S.1=C", "S=%", "x=S=1", "S.0=a; S.0=b", "S .0=a", "S=a\x00b", "S.0=\xff", ";;;=;S;=S",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		header := strings.Split(strings.ReplaceAll(text, "S", name), "\n")
		value, names := expected(header)
		got := cookie.Find(header, name)
		if got.Value != value || !slices.Equal(got.Names(), names) {
			t.Fatalf("%q: got %q of %q, want %q of %q", header, got.Value, got.Names(), value, names)
		}
	})
}

func BenchmarkFind(b *testing.B) {
	token := strings.Repeat("x", 2400)
	others := "theme=dark; _ga=GA1.1.1234567890.1700000000; __Host-next-auth.csrf-token=" + strings.Repeat("0", 130)
	for _, bench := range []struct{ name, header string }{
		{"absent", others},
		{"plain-300", others + "; " + name + "=" + token[:300]},
		{"plain-2400", others + "; " + name + "=" + token},
		{"chunks", others + "; " + name + ".0=" + token + "; " + name + ".1=" + token},
	} {
		header := []string{bench.header}
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				cookie.Find(header, name)
			}
		})
	}
}
