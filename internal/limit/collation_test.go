package limit_test

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	_ "github.com/go-sql-driver/mysql" // MariaDB for database/sql
	_ "github.com/lib/pq"              // PostgreSQL for database/sql

	"github.com/ginauth/ginauth/internal/limit"
	"github.com/ginauth/ginauth/internal/servertest"
)

// collations are MariaDB's that a table of users is likely to have. The last two take
// all characters beyond the first 65,536 for one.
var collations = []string{"uca1400_ai_ci", "unicode_520_ci", "unicode_ci", "general_ci"}

// Whatever a MariaDB takes for the same text has a bucket in common.
func TestKeys_MariaDB(t *testing.T) {
	t.Parallel()
	db, err := sql.Open("mysql", "root@tcp("+servertest.MariaDB(t).Addr()+")/test?collation=utf8mb4_bin")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for name, test := range map[string]func(*testing.T, *sql.DB){
		"characters": equalCharacters, "sequences": equalSequences, "texts": equalTexts, "numbers": equalNumbers,
	} {
		t.Run(name, func(t *testing.T) { test(t, db) })
	}
}

// meet reports whether two texts share a bucket.
func meet(a, b string) bool {
	in := limit.Keys(b)
	return slices.ContainsFunc(limit.Keys(a), func(k string) bool { return slices.Contains(in, k) })
}

// hex32 is SQL for the character of a number.
const hex32 = `CONVERT(CONVERT(UNHEX(LPAD(HEX(%s), 8, '0')) USING utf32) USING utf8mb4)`

// weighed asks the server for texts and their weights: texts of the same weights are
// equal to it.
func weighed(t *testing.T, db *sql.DB, text, from, collation string) map[string][]string {
	t.Helper()
	rows, err := db.Query("SELECT text, weight_string(text COLLATE utf8mb4_" + collation + ") FROM (SELECT " + text + " AS text FROM " + from + ") AS texts")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	classes := map[string][]string{}
	for rows.Next() {
		var text, weights string
		if err := rows.Scan(&text, &weights); err != nil {
			t.Fatal(err)
		}
		classes[weights] = append(classes[weights], text)
	}
	if rows.Err() != nil {
		t.Fatal(rows.Err())
	}
	return classes
}

// Single characters that it takes for one, and those that it does not see at all.
func equalCharacters(t *testing.T, db *sql.DB) {
	for _, collation := range collations {
		classes := weighed(t, db, fmt.Sprintf(hex32, "seq"), "seq_0_to_921599 WHERE seq NOT BETWEEN 55296 AND 57343", collation)
		pairs := 0
		for weights, texts := range classes {
			if weights == "" {
				texts = append([]string{""}, texts...)
			}
			for i, text := range texts[1:] {
				if i > 10_000 && i%100 != 0 { // all beyond the first 65,536 are one
					continue
				}
				pairs++
				if !meet("ada"+text+"x", "ada"+texts[0]+"x") {
					t.Errorf("%s takes %+q for %+q, and they are %q and %q", collation, text, texts[0], limit.Keys(text), limit.Keys(texts[0]))
				}
			}
		}
		if pairs < 5_000 {
			t.Errorf("%s: %d pairs", collation, pairs)
		}
	}
}

// Characters that are one to it together, or that it puts into another order.
func equalSequences(t *testing.T, db *sql.DB) {
	span := func(from, to int, names ...string) (text, tables string) {
		var parts, sources []string
		for _, name := range names {
			parts = append(parts, fmt.Sprintf(hex32, name+".seq"))
			sources = append(sources, fmt.Sprintf("seq_%d_to_%d AS %s", from, to, name))
		}
		return "CONCAT(" + strings.Join(parts, ", ") + ")", strings.Join(sources, " JOIN ")
	}
	twos := [][2]int{
		{0x400, 0x4ff}, {0x620, 0x6d5}, {0x900, 0x97f}, {0x980, 0x9ff}, {0xb00, 0xb7f}, {0xb80, 0xbff}, {0xc80, 0xcff}, {0xd00, 0xd7f},
		{0xd80, 0xdff}, {0xe00, 0xe7f}, {0xe80, 0xeff}, {0xf40, 0xfbf}, {0x1000, 0x105f}, {0x1980, 0x19df}, {0x1b00, 0x1b4f}, {0xaa80, 0xaadf},
	}
	threes := [][2]int{{0xcbe, 0xcd6}, {0xd3e, 0xd57}, {0xdcf, 0xddf}, {0xe28, 0xe45}, {0xea7, 0xec6}, {0xf71, 0xf84}, {0xfb0, 0xfb8}}
	for _, collation := range collations[:3] {
		equal := func(text, from string) {
			for _, texts := range weighed(t, db, text, from, collation) {
				for _, text := range texts {
					if !meet(text, texts[0]) {
						t.Errorf("%s takes %+q for %+q, and they are %q and %q", collation, text, texts[0], limit.Keys(text), limit.Keys(texts[0]))
					}
				}
			}
		}
		for _, block := range twos {
			equal(span(block[0], block[1], "a", "b"))
		}
		for _, block := range threes {
			equal(span(block[0], block[1], "a", "b", "c"))
		}
	}
}

// Whole names in other letters, with letters in between that nobody sees and spaces
// behind.
func equalTexts(t *testing.T, db *sql.DB) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, collation := range collations {
		classes := weighed(t, db, fmt.Sprintf(hex32, "seq"), "seq_1_to_921599 WHERE seq NOT BETWEEN 55296 AND 57343", collation)
		others := map[string][]string{}
		for _, texts := range classes {
			for _, text := range texts {
				others[text] = texts
			}
		}
		table := "pairs_" + collation
		if _, err := db.Exec("CREATE TABLE " + table + " (a VARCHAR(200), b VARCHAR(200)) COLLATE utf8mb4_" + collation); err != nil {
			t.Fatal(err)
		}
		const wanted = 5000
		var values []string
		var texts []any
		for i := range wanted {
			name := realNames()[random.IntN(len(realNames()))]
			var other strings.Builder
			for _, r := range name {
				same := append([]string{string(r)}, others[string(r)]...)
				other.WriteString(same[random.IntN(len(same))])
				if unseen := classes[""]; random.IntN(4) == 0 && len(unseen) > 0 {
					other.WriteString(unseen[random.IntN(len(unseen))])
				}
			}
			values, texts = append(values, "(?, ?)"), append(texts, name, other.String()+strings.Repeat(" ", random.IntN(3)))
			if len(values) < 500 && i+1 < wanted {
				continue
			}
			if _, err := db.Exec("INSERT INTO "+table+" VALUES "+strings.Join(values, ","), texts...); err != nil {
				t.Fatal(err)
			}
			values, texts = nil, nil
		}
		equal := together(t, db, "SELECT a, b FROM "+table+" WHERE a = b")
		if equal < wanted*9/10 {
			t.Errorf("%s: only %d of %d pairs are equal", collation, equal, wanted)
		}
	}
}

// together checks that the two texts of each row meet, and counts the rows.
func together(t *testing.T, db *sql.DB, query string, args ...any) (n int) {
	t.Helper()
	rows, err := db.Query(query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var a, b string
		if err := rows.Scan(&a, &b); err != nil {
			t.Fatal(err)
		}
		n++
		if !meet(a, b) {
			t.Errorf("%s: %+q and %+q are %q and %q", query, a, b, limit.Keys(a), limit.Keys(b))
		}
	}
	if rows.Err() != nil {
		t.Fatal(rows.Err())
	}
	return n
}

// citext compares in lower case, as the C library or ICU makes it.
func TestKeys_Citext(t *testing.T) {
	t.Parallel()
	server := servertest.Postgres(t)
	open := func(name string) *sql.DB {
		db, err := sql.Open("postgres", "postgres://postgres@"+server.Addr()+"/"+name+"?sslmode=disable")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
	first := open("postgres")
	for name, locale := range map[string]string{
		"libc": "LOCALE 'C.UTF-8'", "icu": "LOCALE 'C.UTF-8' LOCALE_PROVIDER icu ICU_LOCALE 'und'", "turkish": "LOCALE 'C.UTF-8' LOCALE_PROVIDER icu ICU_LOCALE 'tr'",
	} {
		if _, err := first.Exec("CREATE DATABASE " + name + " TEMPLATE template0 ENCODING 'UTF8' " + locale); err != nil {
			t.Fatal(err)
		}
		db := open(name)
		if _, err := db.Exec("CREATE EXTENSION citext"); err != nil {
			t.Fatal(err)
		}
		n := together(t, db, `
			WITH letters AS (SELECT chr(n)::citext AS a FROM generate_series(1, 921599) AS n WHERE n NOT BETWEEN 55296 AND 57343),
			others AS (SELECT a, upper(a::text)::citext AS b FROM letters UNION SELECT a, lower(a::text)::citext FROM letters)
			SELECT 'ada' || a, 'ADA' || b FROM others WHERE a::text <> b::text AND ('ada' || a)::citext = ('ADA' || b)::citext`)
		if n < 1400 {
			t.Errorf("%s: only %d pairs", name, n)
		}
	}
}

// A text that reaches a number counts as one.
func equalNumbers(t *testing.T, db *sql.DB) {
	if _, err := db.Exec("CREATE TABLE numbered (id BIGINT, exact DECIMAL(20, 2), CHECK (id = exact))"); err != nil {
		t.Fatal(err)
	}
	numbers := []string{"0", "7", "12", "-12", "120", "987654321", "9007199254740993"}
	for _, n := range numbers {
		if _, err := db.Exec("INSERT INTO numbered VALUES (?, ?)", n, n); err != nil {
			t.Fatal(err)
		}
	}
	found := 0
	for _, n := range numbers {
		sign, digits := "", n
		if n[0] == '-' {
			sign, digits = "-", n[1:]
		}
		for _, text := range []string{
			n, n + "abc", n + " abc", n + "'", " " + n, "\t" + n, sign + "0" + digits, sign + "000" + digits + "x", n + ".0", n + ".00x", n + ".", n + "e0", n + "e", n + "e+", n + "E-0y",
			sign + "0.0" + digits + "e" + fmt.Sprint(len(digits)+1), sign + digits[:1] + "." + digits[1:] + "e" + fmt.Sprint(len(digits)-1), n + "@x", n + ",5", n + "\u00e9", sign + digits + "0e-1", n + "0x", n + "_1", n + "\x00",
		} {
			for _, column := range []string{"id", "exact"} {
				found += together(t, db, "SELECT id, ? FROM numbered WHERE "+column+" = ?", text, text)
			}
		}
	}
	if found < 200 {
		t.Errorf("only %d texts reach a number", found)
	}
	for _, same := range [][2]string{{"12", "0xC"}, {"12", "0b1100"}, {"12", "0o14"}, {"12", "1_2"}, {"12", " 12 "}, {"12", "+12"}} { // PostgreSQL 16 and strconv
		if !meet(same[0], same[1]) {
			t.Errorf("%q are apart", same)
		}
	}
	for _, other := range []string{"1", "112", "x12", "-12"} {
		if meet("12", other) {
			t.Errorf("%q is 12", other)
		}
	}
}

// People keep a bucket of their own: of ten thousand names in ten scripts 99 in a
// hundred share none.
func TestKeys_OwnBucket(t *testing.T) {
	t.Parallel()
	names := realNames()
	if len(names) != 10_000 {
		t.Fatalf("%d names", len(names))
	}
	with := map[string]int{}
	for _, name := range names {
		for _, key := range limit.Keys(name) {
			with[key]++
		}
	}
	shared := 0
	for _, name := range names {
		if slices.ContainsFunc(limit.Keys(name), func(k string) bool { return with[k] > 1 }) {
			shared++
		}
	}
	if shared > len(names)/100 {
		t.Errorf("%d of %d names share a bucket", shared, len(names))
	}
	t.Logf("%d of %d names share a bucket", shared, len(names))
}
