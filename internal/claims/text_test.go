package claims_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/ginauth/ginauth/internal/claims"
)

// What was read is written again in the same form, and a text that was set is written.
func TestShape(t *testing.T) {
	t.Parallel()
	names := []string{"a", "b", "c", "d"}
	for _, object := range []string{
		`{}`, `{"a":null}`, `{"b":""}`, `{"a":"","c":null,"d":"x"}`, `{"a":null,"b":null,"c":null,"d":null}`, `{"a":"x","b":"","d":""}`,
	} {
		shape, texts := claims.Absent(4), make([]string, 4)
		if err := claims.Each([]byte(object), func(name string, value claims.Value) {
			for place, n := range names {
				if n == name && !shape.Read(uint8(place), value, &texts[place]) {
					t.Errorf("%s: %s was not read", object, name)
				}
			}
		}); err != nil {
			t.Fatal(err)
		}
		write := func() string {
			var o claims.Object
			for place, name := range names {
				shape.Write(uint8(place), &o, name, texts[place])
			}
			b, err := o.Bytes()
			if err != nil {
				t.Fatal(err)
			}
			return string(b)
		}
		if got := write(); got != object {
			t.Errorf("%s is written as %s", object, got)
		}
		texts = []string{"1", "2", "3", "4"}
		if got := write(); got != `{"a":"1","b":"2","c":"3","d":"4"}` {
			t.Errorf("set texts are written as %s", got)
		}
	}
	// A text that is emptied later is null, as in the zero Shape.
	_ = claims.Each([]byte(`{"a":"x"}`), func(_ string, value claims.Value) {
		shape, text, o := claims.Absent(1), "", claims.Object{}
		if !shape.Read(0, value, &text) || shape != 0 {
			t.Errorf("its shape is %b", shape)
		}
		shape.Write(0, &o, "a", "")
		if got, err := o.Bytes(); err != nil || string(got) != `{"a":null}` {
			t.Errorf("an emptied text is %s, %v", got, err)
		}
	})
	shape, text := claims.Shape(0), "kept"
	_ = claims.Each([]byte(`{"a":7}`), func(_ string, value claims.Value) {
		if shape.Read(0, value, &text) || text != "kept" {
			t.Error("a number was taken for a text")
		}
	})
}

func TestSeconds(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]float64{"0": 0, "1500000000": 1.5e9, "-1.5": -1.5, "1e3": 1000, "1e999": math.Inf(1)} {
		_ = claims.Each([]byte(`{"exp":`+raw+`}`), func(_ string, value claims.Value) {
			if got, ok := value.Seconds(); !ok || got != want {
				t.Errorf("%s: %v, %v", raw, got, ok)
			}
		})
	}
	for _, raw := range []string{`"1"`, `"inf"`, `null`, `true`, `false`, `{}`, `[1]`, `""`} {
		_ = claims.Each([]byte(`{"exp":`+raw+`}`), func(_ string, value claims.Value) {
			if _, ok := value.Seconds(); ok {
				t.Errorf("%s was taken for a number", raw)
			}
		})
	}
	if got := claims.Time(1.5); !got.Equal(time.Unix(1, 5e8)) || got.Location() != time.UTC {
		t.Errorf("1.5: %v", got)
	}
	if got := claims.Time(1 - 1.0/(1<<30)).Nanosecond(); got != 999999999 {
		t.Errorf("a moment before a second is at %d ns", got)
	}
	for seconds, want := range map[float64]int64{
		math.Inf(1): 253402300799, 253402300799: 253402300799, 253402300798: 253402300798,
		math.Inf(-1): -253402300799, -253402300799: -253402300799, -253402300798: -253402300798, 0: 0,
	} {
		if got := claims.Time(seconds).Unix(); got != want {
			t.Errorf("%v is at %d, want %d", seconds, got, want)
		}
	}
	for _, absurd := range []float64{math.Inf(1), math.Inf(-1), 1e300} {
		if _, err := json.Marshal(claims.Time(absurd).Year()); err != nil || claims.Time(absurd).Year() > 9999 {
			t.Errorf("%v: %v", absurd, claims.Time(absurd))
		}
	}
}

func TestWithoutAndSame(t *testing.T) {
	t.Parallel()
	m := map[string]any{"a": "x", "b": json.Number("1"), "c": []any{"y"}}
	if same := claims.Without(m, "z", "A"); !claims.Same(same, m) || len(same) != 3 {
		t.Errorf("%v without what it has not is %v", m, same)
	}
	if rest := claims.Without(m, "a", "b", "c"); len(rest) != 0 || len(m) != 3 {
		t.Errorf("%v without all is %v", m, rest)
	}
	one := map[string]any{"a": "x"}
	if same := claims.Without(one, "b"); len(same) == 1 {
		same["new"] = true
		if len(one) != 2 {
			t.Error("a map without the members was copied")
		}
	}
	for _, other := range []any{"y", "", nil, json.Number("x"), []any{"x"}} {
		if a, b := map[string]any{"a": "x"}, map[string]any{"a": other}; claims.Same(a, b) || claims.Same(b, a) {
			t.Errorf("%v is taken for %v", b, a)
		}
	}
	if a := (map[string]any{"a": "x", "b": "y"}); !claims.Same(a, map[string]any{"b": "y", "a": "x"}) {
		t.Errorf("%v is not the same as itself", a)
	}
	rest := claims.Without(m, "a", "z")
	if len(m) != 3 || !claims.Same(rest, map[string]any{"b": json.Number("1"), "c": []any{"y"}}) {
		t.Errorf("%v without a is %v", m, rest)
	}
	for _, other := range []map[string]any{
		nil, {"b": json.Number("1")}, {"b": json.Number("1"), "c": []any{"y"}, "d": nil}, {"b": nil, "d": nil}, {"b": json.Number("1"), "c": []any{"z"}}, {"b": "1", "c": []any{"y"}}, {"b": json.Number("1"), "d": []any{"y"}},
	} {
		if claims.Same(rest, other) {
			t.Errorf("%v is taken for %v", other, rest)
		}
	}
	// A name that is not there is none whose value is nil.
	if a, b := map[string]any{"a": nil}, map[string]any{"b": nil}; claims.Same(a, b) || !claims.Same(a, map[string]any{"a": nil}) || !claims.Same(nil, map[string]any{}) {
		t.Errorf("%v and %v", a, b)
	}
}
