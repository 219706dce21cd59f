//go:build ignore

// Command gen writes ../folds.go: which letters are one to the collations of MariaDB,
// as a MariaDB says that it is given in MARIADB, for instance
// root@tcp(127.0.0.1:3306)/test.
package main

import (
	"bytes"
	"cmp"
	"database/sql"
	"fmt"
	"go/format"
	"iter"
	"log"
	"maps"
	"os"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"

	_ "github.com/go-sql-driver/mysql"
	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/unicode/rangetable"
)

// last is the last character that is looked at: behind it are private ones only.
const last = 0xE0FFF

// A folding is a set of letters that stand for others, found by adding one equation
// after another: both sides are the same to somebody.
type folding struct {
	to map[rune][]rune
	// runs are letters of which several in a row are one, since a collation takes ß for
	// one s and another takes it for two.
	runs map[rune]bool
}

func (f *folding) fold(text []rune) (out []rune) {
	for _, r := range text {
		to, ok := f.to[r]
		if !ok {
			to = []rune{r}
		} else if len(to) > 0 {
			to = f.fold(to)
			f.to[r] = to
		}
		for _, r := range to {
			if f.runs[r] && len(out) > 0 && out[len(out)-1] == r {
				continue
			}
			out = append(out, r)
		}
	}
	var floating []rune
	out = slices.DeleteFunc(out, func(r rune) bool {
		if floats(r) {
			floating = append(floating, r)
			return true
		}
		return false
	})
	return append(out, floating...)
}

// floats reports letters whose place in a text is another to each collation: vowels
// that Thai and its like write in front of the consonant behind which they are
// spoken, and the hamza.
func floats(r rune) bool { return r == 'ء' || unicode.Is(unicode.Logical_Order_Exception, r) }

// equal makes both sides one, and reports whether it could.
func (f *folding) equal(a, b []rune) bool {
	a, b = f.fold(a), f.fold(b)
	if len(a) == 1 && len(b) == 2 && b[0] == a[0] && b[1] == a[0] || len(b) == 1 && len(a) == 2 && a[0] == b[0] && a[1] == b[0] {
		f.runs[a[0]] = true
		return true
	}
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	if len(a) == 0 && len(b) == 0 {
		return true
	}
	if len(a) != 1 || len(b) == 1 && better(a[0], b[0]) {
		a, b = b, a
	}
	if len(a) != 1 || slices.Contains(b, a[0]) {
		return false
	}
	f.to[a[0]] = slices.Clone(b)
	return true
}

// better is the letter that stands for both: one that is written with nothing else,
// in lower case, and the smaller one.
func better(a, b rune) bool {
	return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b)) < 0
}

func rank(r rune) (n int) {
	if plain(r) != r {
		n++
	}
	if !norm.NFKD.IsNormalString(string(r)) {
		n += 2
	}
	return n
}

// plain is what key.go makes of a letter that is not in the table.
func plain(r rune) rune { return unicode.ToLower(unicode.ToUpper(r)) }

func main() {
	db, err := sql.Open("mysql", os.Getenv("MARIADB"))
	if err != nil {
		log.Fatal(err)
	}
	f := &folding{to: map[rune][]rune{}, runs: map[rune]bool{}}
	for r := range characters() {
		for _, other := range []rune{unicode.ToLower(r), unicode.ToUpper(r)} {
			f.equal([]rune{r}, []rune{other})
		}
	}
	for _, c := range []struct {
		name string
		last rune
	}{
		{"uca1400_ai_ci", last}, {"unicode_520_ci", last},
		// Beyond the first 65,536 all characters are one to these: see General.
		{"unicode_ci", 0xFFFF}, {"general_ci", 0xFFFF},
	} {
		for _, e := range equations(db, c.name, c.last) {
			if !f.equal(e[0], e[1]) {
				fmt.Printf("%s: %X is not %X\n", c.name, e[0], e[1])
			}
		}
	}
	apart := map[rune]bool{}
	for r := range characters() {
		d := []rune(norm.NFKD.String(string(r)))
		if d[0] == r && len(d) == 1 {
			continue
		}
		if d[0] == ' ' && len(f.fold([]rune{r})) == 0 || !f.equal([]rune{r}, d) {
			fmt.Printf("NFKD: %X is not %X\n", r, d)
			apart[r] = true
		}
	}
	if err := f.write(apart); err != nil {
		log.Fatal(err)
	}
}

// equations are the letters that have the weights of others, each beside these.
func equations(db *sql.DB, collation string, last rune) (list [][2][]rune) {
	rows, err := db.Query(`SELECT seq, weight_string(CONVERT(UNHEX(LPAD(HEX(seq), 8, '0')) USING utf32) COLLATE utf32_` + collation + `)
		FROM seq_0_to_` + fmt.Sprint(last) + ` WHERE seq NOT BETWEEN 0xD800 AND 0xDFFF`)
	if err != nil {
		log.Fatal(err)
	}
	defer rows.Close()
	weights, of := map[rune][]string{}, map[string]rune{}
	for rows.Next() {
		var r rune
		var raw []byte
		if err := rows.Scan(&r, &raw); err != nil {
			log.Fatal(err)
		}
		weights[r] = split(raw)
		w := weights[r]
		if len(w) != 1 {
			continue
		}
		if before, ok := of[w[0]]; !ok || better(r, before) {
			of[w[0]] = r
		}
	}
	fresh := rune(unicode.MaxRune)
	for r := rune(0); r <= last; r++ {
		w, ok := weights[r]
		if !ok {
			continue
		}
		text := []rune{}
		for _, one := range w {
			if _, ok := of[one]; !ok {
				fresh++
				of[one] = fresh
			}
			text = append(text, of[one])
		}
		list = append(list, [2][]rune{{r}, text})
	}
	return list
}

// split takes a text's weights apart. One that begins with FB or more has two parts
// (UTS #10 §10.1.3).
func split(raw []byte) (list []string) {
	for len(raw) > 0 {
		n := 2
		if raw[0] >= 0xFB && raw[0] < 0xFF && len(raw) >= 4 {
			n = 4
		}
		list = append(list, string(raw[:n]))
		raw = raw[n:]
	}
	return list
}

// write writes the table. It leaves out what follows from NFKD and from the case of
// letters.
func (f *folding) write(apart map[rune]bool) error {
	var dropped []rune
	var shifts, spelled []string
	var lo, hi, delta rune
	flush := func() {
		if delta != 0 {
			shifts = append(shifts, fmt.Sprintf("{%#x, %#x, %d}", lo, hi, delta))
		}
		delta = 0
	}
	for r := range characters() {
		if plain(r) != r || !norm.NFKD.IsNormalString(string(r)) && !apart[r] {
			continue
		}
		out := f.fold([]rune{r})
		switch {
		case len(out) == 0:
			dropped = append(dropped, r)
		case len(out) > 1:
			spelled = append(spelled, fmt.Sprintf("%#x: %+q", r, string(out)))
		case out[0] != r:
			if delta != out[0]-r || hi != r-1 {
				flush()
				lo, delta = r, out[0]-r
			}
			hi = r
		}
	}
	flush()
	runs := slices.Sorted(maps.Keys(f.runs))
	if string(runs) != "s" {
		return fmt.Errorf("several of %q in a row are one; key.go knows of s", string(runs))
	}
	table := rangetable.New(dropped...)
	var b bytes.Buffer
	fmt.Fprintf(&b, "// Code generated by gen/main.go; DO NOT EDIT.\n\npackage limit\n\nimport \"unicode\"\n\n")
	fmt.Fprintf(&b, "// ignored are characters that some collation does not see: %d.\n", len(dropped))
	fmt.Fprintf(&b, "var ignored = &unicode.RangeTable{\nR16: []unicode.Range16{\n")
	for _, r := range table.R16 {
		fmt.Fprintf(&b, "{%#x, %#x, %d},\n", r.Lo, r.Hi, r.Stride)
	}
	fmt.Fprintf(&b, "},\nR32: []unicode.Range32{\n")
	for _, r := range table.R32 {
		fmt.Fprintf(&b, "{%#x, %#x, %d},\n", r.Lo, r.Hi, r.Stride)
	}
	fmt.Fprintf(&b, "},\nLatinOffset: %d,\n}\n\n", table.LatinOffset)
	fmt.Fprintf(&b, "// shifted are the letters that another one stands for, by their distance to it.\nvar shifted = []shift{\n%s,\n}\n\n", strings.Join(shifts, ",\n"))
	fmt.Fprintf(&b, "// spelled are the letters that several stand for.\nvar spelled = map[rune]string{\n%s,\n}\n", strings.Join(spelled, ",\n"))
	source, err := format.Source(b.Bytes())
	if err != nil {
		return err
	}
	fmt.Printf("%d ignored in %d ranges, %d shifts, %d spelled\n", len(dropped), len(table.R16)+len(table.R32), len(shifts), len(spelled))
	return os.WriteFile("folds.go", source, 0o644)
}

// characters are all that are looked at, in order.
func characters() iter.Seq[rune] {
	return func(yield func(rune) bool) {
		for r := rune(0); r <= last; r++ {
			if !utf16.IsSurrogate(r) && !yield(r) {
				return
			}
		}
	}
}
