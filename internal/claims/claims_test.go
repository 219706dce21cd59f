package claims_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/ginauth/ginauth/internal/claims"
)

// members collects what Each gives, the last value of a name.
func members(object []byte) (map[string]any, error) {
	got := map[string]any{}
	err := claims.Each(object, func(name string, value claims.Value) { got[name] = value.Any() })
	return got, err
}

// reference is what encoding/json reads of the same object.
func reference(object []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(object))
	d.UseNumber()
	var want map[string]any
	if err := d.Decode(&want); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("more than one value")
	}
	if want == nil {
		return nil, errors.New("null")
	}
	return want, nil
}

// agree compares Each with encoding/json on one document.
func agree(t *testing.T, object []byte) {
	t.Helper()
	want, wantErr := reference(object)
	calls := 0
	if err := claims.Each(object, func(string, claims.Value) { calls++ }); err != nil && calls > 0 {
		t.Errorf("%.200q is an error, but %d members were visited", object, calls)
	}
	got, err := members(object)
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("%.200q: error %v, encoding/json says %v", object, err, wantErr)
	}
	if err == nil && !reflect.DeepEqual(got, want) {
		t.Fatalf("%.200q: got %#v, encoding/json reads %#v", object, got, want)
	}
	agreeInPart(t, object, got, err)
	if err != nil {
		return
	}
	err = claims.Each(object, func(name string, v claims.Value) { consistent(t, name, v) })
	if err != nil {
		t.Fatal(err)
	}
}

// agreeInPart compares Some with what Each gives, for the names of an even length.
func agreeInPart(t *testing.T, object []byte, all map[string]any, eachErr error) {
	t.Helper()
	want, others := map[string]any{}, false
	for name, value := range all {
		if len(name)%2 == 0 {
			want[name] = value
		} else {
			others = true
		}
	}
	got := map[string]any{}
	more, err := claims.Some(object, func(name []byte) bool { return len(name)%2 == 0 }, func(name string, v claims.Value) {
		got[name] = v.Any()
		consistent(t, name, v)
	})
	if (err == nil) != (eachErr == nil) {
		t.Fatalf("%.200q: Some's error is %v, Each's %v", object, err, eachErr)
	}
	if err == nil && (!reflect.DeepEqual(got, want) || more != others) {
		t.Fatalf("%.200q: Some got %#v, %v, and Each reads %#v, %v", object, got, more, want, others)
	}
}

// Each reads what is longer than any session, too.
func TestEach_Long(t *testing.T) {
	t.Parallel()
	for _, length := range []int{1 << 20, 1<<20 + 1} {
		whole := `{"b":7,"a":"` + strings.Repeat("x", length-len(`{"b":7,"a":""}`)) + `"}`
		agree(t, []byte(whole))
		agree(t, []byte(whole[:length-1]))
	}
}

// consistent checks that the ways to read one value tell the same.
func consistent(t *testing.T, name string, v claims.Value) {
	t.Helper()
	decoded := v.Any()
	text, isText := v.Text()
	number, isNumber := v.Number()
	s, wantText := decoded.(string)
	n, wantNumber := decoded.(json.Number)
	if isText != wantText || isText && text != s {
		t.Errorf("%q: Text gives %q, %v for %#v", name, text, isText, decoded)
	}
	if isNumber != wantNumber || isNumber && number != n {
		t.Errorf("%q: Number gives %q, %v for %#v", name, number, isNumber, decoded)
	}
	if whole, ok := v.Whole(); ok != (isNumber && wholeNumber.MatchString(number.String())) || ok && strconv.FormatInt(whole, 10) != strings.Replace(number.String(), "-0", "0", 1) {
		t.Errorf("%q: Whole gives %d, %v for %#v", name, whole, ok, decoded)
	}
	if whole, ok := v.Whole(); !ok && whole != 0 {
		t.Errorf("%q: Whole gives %d beside false", name, whole)
	}
	if v.Null() != (decoded == nil) {
		t.Errorf("%q: Null is %v for %#v", name, v.Null(), decoded)
	}
}

var wholeNumber = regexp.MustCompile(`^-?[0-9]{1,15}$`)

// documents are edges of JSON, well-formed or not.
var documents = []string{
	``, ` `, `{}`, ` { } `, "\t{\r\n}\n", `{`, `}`, `{{}}`, `{}{}`, `{} x`, `{},`, `null`, `true`, `[]`, `[{}]`, `"x"`, `1`, "\ufeff{}",
	`{"a"}`, `{"a":}`, `{"a":1,}`, `{,"a":1}`, `{"a" "b"}`, `{a:1}`, `{'a':1}`, `{"a":1 "b":2}`, `{"a":1;"b":2}`, `{"a"::1}`, `{1:1}`,
	`{"a":1}`, `{"a":-1}`, `{"a":0}`, `{"a":-0}`, `{"a":00}`, `{"a":01}`, `{"a":-01}`, `{"a":-}`, `{"a":+1}`, `{"a":.5}`, `{"a":1.}`,
	`{"a":1.50}`, `{"a":1e5}`, `{"a":1E+5}`, `{"a":1e}`, `{"a":0x10}`, `{"a":1_000}`, `{"a":Infinity}`, `{"a":NaN}`, `{"a":1e999}`,
	`{"a":9007199254740993}`, `{"a":123456789012345678901234567890}`, `{"a":-123456789012345678901234567890.000000001}`,
	`{"a":` + strings.Repeat("9", 2000) + `}`,
	`{"a":""}`, `{"":""}`, `{"a":"1234567"}`, `{"a":"12345678"}`, `{"a":"1234567\n"}`, `{"a":"12345678\u00e9"}`, `{"a":"1234567\""}`, `{"a":"\"12345678"}`,
	`{"\u0061":1}`, `{"a":"\ud83d\ude42"}`, `{"a":"\ud83d"}`, `{"a":"\ude42\ud83d"}`, `{"a":"\u00"}`, `{"a":"\x"}`, `{"a":"\/\b\f\n\r\t\\\""}`, `{"a":"\`, `{"a":"\"`,
	"{\"a\":\"\n\"}", "{\"a\":\"\t\"}", "{\"a\":\"\x00\"}", "{\"a\":\"\x1f\"}", "{\"a\":\"\x7f\"}", "{\"a\n\":1}", "{\"a\":\"1234567\x1f\"}",
	`{"name":"Łukasz 日本語 🙂"}`, `{"ключ":1}`, "{\"a\":\"\xff\"}", "{\"\xff\":1}", "{\"\xff\":1,\"\xfe\":2}", "{\"a\":\"12345678\xc3\"}", "{\"a\":[\"\xff\"]}", "{\"a\":\xff}",
	`{"a":null}`, `{"a":nul}`, `{"a":nulll}`, `{"a":True}`, `{"a":true,"b":false}`, `{"a":truefalse}`, `{"a":null1}`,
	`{"a":{}}`, `{"a":[]}`, `{"a":[1,2.50,{"b":[]}]}`, `{"a":{"b":"}"}}`, `{"a":{"b":"\"}"}}`, `{"a":["\\"]}`, `{"a":["\\\""]}`, `{"a":[1,]}`, `{"a":[}`, `{"a":{]}`, `{"a":[}]}`,
	`{"a":{"b":1,"b":2}}`, `{"a":{"b"}}`, `{"a":[1] ,"b":2}`, `{"a":[`, `{"a":["`, `{"a":["\`, `{"a":[1]]}`, `{"a":[01]}`, `{"a":{"b":1}`,
	`{"a":1,"a":2}`, `{"a":"x","a":5}`, `{"a":5,"a":"x"}`, `{"a":1,"b":2,"a":null}`, `{"a":1,"\u0061":2}`, `{"\u0061":1,"a":2}`, `{"a":1,"a":01}`,
	`{:1}`, `{"a":1,:2}`, `{:}`, `{xa":1}`, `{'a":1}`, `{"a'":1}`, `{"a':1}`, `{"a\:1}`, `{"a":"x\}`, `{"a":"x\,"b":1}`, `{"a":[\]}`, `{"a":[\"]}`, `{"a":[1\]}`, `{"a":{\}}`,
	"{\"a\n:1}", "{\"a\t:1}", "{\"a\":\"x\n}", "{\"a\":\"x\t,\"b\":1}", "{\"a\":\"\xff\"}", "{\"\xff\":1}", "{\"a\":\"x\r\"}",
	` { "a" : 1 , "b" : "x" } `, "{\"a\":1}\x00", "{\"a\":1}\v", "{\"a\":\u00a01}", `{"a":1}//`, `/**/{"a":1}`,
	`{"iat":1700000000,"exp":4102444800,"sub":"u-1","name":"Ada","email":null,"roles":["a","b"],"org":{"id":7,"f":1.5}}`,
}

func TestEach(t *testing.T) {
	t.Parallel()
	for _, document := range documents {
		agree(t, []byte(document))
	}
}

// A document that ends anywhere is none.
func TestEach_CutOff(t *testing.T) {
	t.Parallel()
	for _, document := range documents {
		for n := range len(document) {
			agree(t, []byte(document[:n]))
		}
	}
	for _, value := range []string{"", "x", "+1", "-", "--1", "-x", ".5", "1.", "'a'", "nul", "tru", "fals", "undefined", ":", ",", "}", "]", "\x00"} {
		agree(t, []byte(`{"a":`+value+`}`))
		agree(t, []byte(`{"a":`+value))
	}
}

// A value keeps its spelling.
func TestValue_JSON(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{`"a"`, `""`, `"\u00e9"`, "1.50", "-0", "1E2", "true", "null", `[1, 2]`, `{"b" : {}}`} {
		for _, object := range []string{`{"a": ` + raw + ` }`, `{"\u0061": ` + raw + `}`} { // the latter is not plain
			_ = claims.Each([]byte(object), func(name string, value claims.Value) {
				if name != "a" || value.JSON() != raw {
					t.Errorf("%s: %s is %s", object, name, value.JSON())
				}
			})
		}
	}
}

// At every length and place, a byte that is not plain is seen.
func TestEachTexts(t *testing.T) {
	t.Parallel()
	for n := range 40 {
		for at := range n + 1 {
			for _, odd := range []string{`\n`, `\"`, "\x01", "\x1f", "\x20", "\x21", "\x7f", "\x80", "é", "\xff", `"`, `\`} {
				text := strings.Repeat("x", at) + odd + strings.Repeat("#", n-at)
				agree(t, []byte(`{"`+text+`":"`+text+`"}`))
			}
		}
	}
}

func TestEachValues(t *testing.T) {
	t.Parallel()
	got, err := members([]byte(`{"s":"t","n":123456789012345678901,"f":1.50,"e":1E2,"b":true,"z":null,"a":[1],"o":{"k":0.10},"s":"last"}`))
	want := map[string]any{
		"s": "last", "n": json.Number("123456789012345678901"), "f": json.Number("1.50"), "e": json.Number("1E2"), "b": true, "z": nil,
		"a": []any{json.Number("1")}, "o": map[string]any{"k": json.Number("0.10")},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v, %v", got, err)
	}
}

// The plain case is scanned: it allocates the copy of the document and little more,
// where encoding/json allocates for each member.
func TestEach_Plain(t *testing.T) {
	var every strings.Builder // sign that may stand in a text as it is
	for c := byte(' '); c < 0x7f; c++ {
		if c != '"' && c != '\\' {
			every.WriteString(strings.Repeat(string(rune(c)), 8))
		}
	}
	nested := `{"b":[1.50,{"c":"}]{[\"\\","d":"\u00e9"}],"e":{}}`
	for _, object := range []string{
		`{"` + every.String() + `":"` + every.String() + `"}`, `{"a":1, "b":2}`, "{\"a\":1,\n\"b\":2,\t\"c\":3}",
		`{}`, ` { } `, `{"a":1}`, `{"a":""}`, `{"a":"1234567"}`, `{"a":"12345678"}`, `{"a":"12345678 90123456"}`, `{"a":"Łukasz 日本語 🙂"}`, `{"ключ":"~"}`,
		`{"a":0,"b":-0,"c":10,"d":-9007199254740993}`, "\t{\r\n\"a\" : true ,\"b\":false\n,\"c\": null }\r\n",
		`{"a":` + nested + `,"b":[],"c":[` + nested + `,"]"]}`, `{"a":"x","b":{"c":1},"a":5}`,
		`{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"j":10,"k":11,"l":12,"m":13,"n":14,"o":15,"p":16}`,
	} {
		raw, n := []byte(object), 0
		got := testing.AllocsPerRun(20, func() {
			if err := claims.Each(raw, func(string, claims.Value) { n++ }); err != nil {
				t.Fatal(err)
			}
		})
		if got > allocations {
			t.Errorf("%s: %v allocations", object, got)
		}
	}
}

// A plain text is a part of the document's copy, and a number takes its box alone.
func TestValue_Plain(t *testing.T) {
	_ = claims.Each([]byte(`{"text":"Ada","number":12}`), func(name string, value claims.Value) {
		most := map[string]float64{"text": 0, "number": 0}[name]
		if got := testing.AllocsPerRun(20, func() { _, _ = value.Text() }); got > most {
			t.Errorf("Text of %s: %v allocations", name, got)
		}
		if got := testing.AllocsPerRun(20, func() { _ = value.Any() }); got > 1 {
			t.Errorf("Any of %s: %v allocations", name, got)
		}
	})
}

// A whole number has 15 digits at most, with or without a sign.
func TestValue_Whole(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]int64{"0": 0, "-0": 0, "9": 9, "-19": -19, "999999999999999": 999999999999999, "-999999999999999": -999999999999999} {
		_ = claims.Each([]byte(`{"a":`+raw+`}`), func(_ string, value claims.Value) {
			if got, ok := value.Whole(); !ok || got != want {
				t.Errorf("%s: %d, %v", raw, got, ok)
			}
		})
	}
	for _, raw := range []string{"1000000000000000", "-1000000000000000", "1.0", "1e3", "1E3", "1e+3", `"1"`, `""`, "null", "true", "[1]", "[]", "{}"} {
		_ = claims.Each([]byte(`{"a":`+raw+`}`), func(_ string, value claims.Value) {
			if got, ok := value.Whole(); ok || got != 0 {
				t.Errorf("%s: %d", raw, got)
			}
		})
	}
}

func TestEachNotObject(t *testing.T) {
	t.Parallel()
	for _, document := range []string{``, `null`, `[]`, `[1,2]`, `"x"`, `1`, `true`, `{} {}`} {
		if _, err := members([]byte(document)); err == nil {
			t.Errorf("%q is taken for an object", document)
		}
	}
	if _, err := members([]byte("null")); !errors.Is(err, claims.ErrNotObject) {
		t.Errorf("null gives %v", err)
	}
	var syntax *json.SyntaxError
	if _, err := members([]byte(`{"a":}`)); !errors.As(err, &syntax) {
		t.Errorf("a syntax error gives %v", err)
	}
}

func TestEachManyMembers(t *testing.T) {
	t.Parallel()
	for _, odd := range []string{`1`, `1.5`, `"é"`, `[{}]`} {
		var b strings.Builder
		b.WriteString(`{"first":` + odd)
		for i := range 1000 {
			fmt.Fprintf(&b, `,"m%d":"v%d"`, i%900, i)
		}
		b.WriteByte('}')
		agree(t, []byte(b.String()))
	}
}

// A document of brackets must not cost the stack. encoding/json stops at 10 000
// levels; past that the scanner may agree or refuse, but nothing else.
func TestEachDeep(t *testing.T) {
	t.Parallel()
	for _, depth := range []int{100, 9_999, 10_000, 10_001, 120_000} {
		for _, pair := range [][2]string{{"[", "]"}, {`{"a":`, "}"}} {
			for _, closed := range []bool{true, false} {
				inner := strings.Repeat(pair[0], depth) + "1"
				if closed {
					inner += strings.Repeat(pair[1], depth)
				}
				object := []byte(`{"deep":` + inner + `}`)
				_, wantErr := reference(object)
				_, err := members(object)
				if !closed && err == nil {
					t.Errorf("%d brackets without an end are taken", depth)
				}
				if depth > 10_000 && err == nil {
					t.Errorf("%d levels are taken", depth)
				}
				if depth < 10_000 && (err == nil) != (wantErr == nil) {
					t.Errorf("%d levels: %v, encoding/json says %v", depth, err, wantErr)
				}
			}
		}
	}
}

// What a visitor keeps must not change with the payload's memory.
func TestEachCopies(t *testing.T) {
	t.Parallel()
	payload := []byte(`{"name":"Ada","list":["x"]}`)
	got, err := members(payload)
	if err != nil {
		t.Fatal(err)
	}
	for i := range payload {
		payload[i] = '!'
	}
	if want := (map[string]any{"name": "Ada", "list": []any{"x"}}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v", got)
	}
}

func FuzzEach(f *testing.F) {
	for _, document := range documents {
		f.Add([]byte(document))
	}
	f.Fuzz(func(t *testing.T, object []byte) {
		if bytes.Count(object, []byte("["))+bytes.Count(object, []byte("{")) >= 10_000 {
			t.Skip() // TestEachDeep
		}
		agree(t, object)
	})
}

func BenchmarkEach(b *testing.B) {
	small := []byte(`{"name":"Ada Lovelace","email":"ada@example.com","picture":"https://example.com/a.png","sub":"u-1","auth_time":1795479638,"iat":1795479638,"exp":4102444800,"jti":"353ca645-ad86-437a-bda8-88e8aa9e5d71"}`)
	large := []byte(strings.TrimSuffix(string(small), "}") + `,"accessToken":"` + strings.Repeat("x", 2200) + `"}`)
	nested := []byte(strings.TrimSuffix(string(small), "}") + `,"roles":["admin","dev"],"org":{"id":7,"plan":"pro"}}`)
	unicode := bytes.Replace(small, []byte("Ada"), []byte("Adá"), 1)
	for _, bench := range []struct {
		name   string
		object []byte
	}{{"small", small}, {"large", large}, {"nested", nested}, {"unicode", unicode}} {
		b.Run(bench.name, func(b *testing.B) {
			b.SetBytes(int64(len(bench.object)))
			b.ReportAllocs()
			for b.Loop() {
				if err := claims.Each(bench.object, func(string, claims.Value) {}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
