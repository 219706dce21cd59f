package claims_test

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/ginauth/ginauth/internal/claims"
)

type pair struct {
	name  string
	value any
}

func TestObject(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		pairs []pair
		want  string
	}{
		{"empty", nil, `{}`},
		{"in the order of adding", []pair{{"z", 1}, {"a", "x"}, {"m", nil}}, `{"z":1,"a":"x","m":null}`},
		{"no escape for HTML", []pair{{"<&>", "<a href=\"x\">&</a>"}}, `{"<&>":"<a href=\"x\">&</a>"}`},
		{"escapes that JSON asks for", []pair{{"a\"b", "\x00\n\\"}}, `{"a\"b":"\u0000\n\\"}`},
		{"line separators, which end a line of JavaScript", []pair{{"a", "\u2028"}}, `{"a":"\u2028"}`},
		{"broken UTF-8", []pair{{"a", "\xff"}}, `{"a":"\ufffd"}`},
		{"numbers keep their digits", []pair{{"n", json.Number("1.50")}, {"i", int64(math.MaxInt64)}}, `{"n":1.50,"i":9223372036854775807}`},
		{"what is JSON already", []pair{{"raw", json.RawMessage(`{"b":1,"a":2}`)}}, `{"raw":{"b":1,"a":2}}`},
		{"nested", []pair{{"o", map[string]any{"b": []int{1}, "a": "<"}}}, `{"o":{"a":"<","b":[1]}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var o claims.Object
			for _, p := range tt.pairs {
				o.Add(p.name, p.value)
			}
			got, err := o.Bytes()
			if err != nil || string(got) != tt.want || !json.Valid(got) {
				t.Errorf("got %s, %v, want %s", got, err, tt.want)
			}
		})
	}
}

func TestObjectAddAll(t *testing.T) {
	t.Parallel()
	var o claims.Object
	o.Add("z", 1)
	o.AddAll(map[string]any{"c": 3, "a": 1, "b": 2})
	o.AddAll(nil)
	o.Add("y", 2)
	if got, err := o.Bytes(); err != nil || string(got) != `{"z":1,"a":1,"b":2,"c":3,"y":2}` {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestObjectUnencodable(t *testing.T) {
	t.Parallel()
	for _, value := range []any{make(chan int), func() {}, math.NaN(), math.Inf(1), map[string]any{"deep": make(chan int)}, json.Number("1x"), json.RawMessage("{")} {
		var o claims.Object
		o.Add("good", 1)
		o.Add("bad", value)
		o.Add("later", 2)
		o.Add("worse", make(chan int)) // the first fault counts
		o.AddAll(map[string]any{"more": 3})
		got, err := o.Bytes()
		if err == nil || got != nil || !strings.Contains(err.Error(), `"bad"`) {
			t.Errorf("%T: got %s, %v", value, got, err)
		}
	}
}

// Each text is written as encoding/json writes it, wherever in it a character stands.
func TestObjectText(t *testing.T) {
	t.Parallel()
	texts := []string{"", "\xff", "a\xc3", "\xed\xa0\x80"}
	for r := rune(0); r < 0x2100; r++ {
		texts = append(texts, string(r), "ab"+string(r), string(r)+"cd")
	}
	for _, text := range texts {
		var want bytes.Buffer
		e := json.NewEncoder(&want)
		e.SetEscapeHTML(false)
		if err := e.Encode(map[string]string{text: text}); err != nil {
			t.Fatal(err)
		}
		var o claims.Object
		o.Add(text, text)
		if got, err := o.Bytes(); err != nil || string(got)+"\n" != want.String() {
			t.Errorf("got %q, %v, want %q", got, err, want.String())
		}
	}
}

// Bytes gives away no memory that a later Add writes to.
func TestObjectBytesTwice(t *testing.T) {
	t.Parallel()
	var o claims.Object
	o.Add("a", 1)
	first, _ := o.Bytes()
	o.Add("b", 2)
	second, _ := o.Bytes()
	if string(first) != `{"a":1}` || string(second) != `{"a":1,"b":2}` {
		t.Errorf("got %s and %s", first, second)
	}
}

// An object that is written and read again is the same.
func TestObjectRoundTrip(t *testing.T) {
	t.Parallel()
	for _, document := range documents {
		want, err := members([]byte(document))
		if err != nil {
			continue
		}
		var o claims.Object
		o.AddAll(want)
		written, err := o.Bytes()
		if err != nil {
			t.Errorf("%s: %v", document, err)
			continue
		}
		agree(t, written)
		if got, _ := members(written); len(got) != len(want) {
			t.Errorf("%s became %s", document, written)
		}
	}
}
