package limit_test

import (
	"slices"
	"testing"

	"github.com/ginauth/ginauth/internal/limit"
)

// What a column of numbers takes for one number shares a key: MariaDB reads as much of a
// text as is a decimal number (its manual, type conversion), strconv.ParseInt the whole.
func TestKeys_Numbers(t *testing.T) {
	t.Parallel()
	share := func(a, b string) bool {
		return slices.ContainsFunc(limit.Keys(a), func(key string) bool { return slices.Contains(limit.Keys(b), key) })
	}
	for _, same := range [][2]string{
		{"12", "12abc"}, {"12", "+12"}, {"12", " 12 "}, {"12", "012"}, {"12", "12.0"}, {"12", "12."}, {"0.5", ".5"}, {"1000", "1e3"}, {"1000", "1E3"},
		{"1000", "1e+3"}, {"0.001", "1e-3"}, {"1", "1e"}, {"1", "1e+"}, {"1", "1e-x"}, {"12", "0xC"}, {"12", "0XC"}, {"12", "0b1100"}, {"12", "0o14"}, {"12", "1_2"},
		{"-12", "-12x"}, {"0", "-0"}, {"12", "1.2e1"}, {"12", "0B1100"}, {"12", "0O14"}, {"9", "9x"}, {"0", "0x"}, {"109", "109:"}, {"109", "109/"}, {"0.09", "0.09/"},
		{"9223372036854775807", "0x7fffffffffffffff"}, {"1e90", "1e90x"}, {"1e9", "1e9/"}, {"1", "1e+x"}, {"1", "1E"}, {"1e999", "1e999x"}, {"1", "1.x"}, {"12", "+0xC"},
	} {
		if !share(same[0], same[1]) {
			t.Errorf("%q and %q share no key: %q, %q", same[0], same[1], limit.Keys(same[0]), limit.Keys(same[1]))
		}
	}
	for _, apart := range [][2]string{
		{"12", "-12"}, {"12", "1 2"}, {"12", "x12"}, {"1", ".x"}, {"0", "."}, {"0", "+"}, {"0", "-"}, {"0", "e1"}, {"0", ""}, {"1000", "1e2"}, {"12", "12e1"}, {"5", "0.5"},
		{"10", "1"}, {"19", "1"}, {"0.9", "0"}, {"0.19", "0.1"}, {"1e9", "1"}, {"1e19", "1e1"}, {"1e10", "1e1"}, {"16777217", "16777216"}, {"1e-3", "1"}, {"12", "1_2x"}, {"12", "0xCg"},
		{"0.1", "0.10000000000000002"}, {"123456789", "123456788"},
	} {
		if share(apart[0], apart[1]) {
			t.Errorf("%q and %q share a key: %q, %q", apart[0], apart[1], limit.Keys(apart[0]), limit.Keys(apart[1]))
		}
	}
}

// What the collations that this package knows have in common beyond case and accents: ß
// is s or ss, all characters beyond the first 65,536 are U+FFFD to some, and the place of
// vowels that are written in front, and of the hamza, does not count.
func TestKeys_Collations(t *testing.T) {
	t.Parallel()
	share := func(a, b string) bool {
		return slices.ContainsFunc(limit.Keys(a), func(key string) bool { return slices.Contains(limit.Keys(b), key) })
	}
	for _, same := range [][2]string{
		{"Straße", "STRASSE"}, {"strase", "strasse"}, {"ss", "s"}, {"ßß", "s"}, {"\U00010300x", "\U0001F642x"}, {"\U0001F642x", "\uFFFDx"}, {"\U00010000x", "\U0010FFFDx"},
		{"æ", "ae"}, {"Œ", "oe"}, {"ǽ", "ae"}, {"ø", "o"}, {"ǿ", "o"}, {"đ", "d"}, {"ħ", "h"}, {"ł", "l"}, {"ð", "d"}, {"x\u0368", "xc"}, {"x\u0369", "xd"},
		{"ada\u0903", "ada"}, {"ʦ", "ts"}, {"ß", "s"},
		{"𝐚da", "ada"}, {"เก", "กเ"}, {"ไทย", "ทไย"}, {"ءا", "اء"}, {"１２", "12"},
	} {
		if !share(same[0], same[1]) {
			t.Errorf("%q and %q share no key: %q, %q", same[0], same[1], limit.Keys(same[0]), limit.Keys(same[1]))
		}
	}
	for _, apart := range [][2]string{
		{"as", "a"}, {"x\u0368", "x"}, {"æ", "a"}, {"ø", "x"}, {"as", "aa"}, {"s", ""}, {"tt", "t"}, {"sts", "st"}, {"กา", "าก"}, {"ก", "เก"}, {"ا", "ءا"}, {"\uFFFCx", "\U0001F642x"}, {"xa", "ax"}, {"\U0001F642x", "x"},
	} {
		if share(apart[0], apart[1]) {
			t.Errorf("%q and %q share a key: %q, %q", apart[0], apart[1], limit.Keys(apart[0]), limit.Keys(apart[1]))
		}
	}
	for _, typed := range []string{"12", "𝐚da", "\U0001F642", "0xC", "1_2", "ada"} {
		if keys := limit.Keys(typed); !slices.IsSorted(keys) || len(slices.Compact(slices.Clone(keys))) != len(keys) || !slices.Contains(keys, limit.Identifier(typed)) {
			t.Errorf("%q has the keys %q", typed, keys)
		}
	}
}
