package answer_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/ginauth/ginauth/internal/answer"
)

const body = `{"id":7,"big":12345678901234567890,"zero":0,"part":1.5,"power":1e3,"minus":-7,
"name":"Ada","last":"Lovelace","empty":"","null":null,"list":[{"id":"a"},{"id":"b"}],"none":[],
"account":{"email":"a@x","valid":true,"sure":false,"state":"registered","one":1}}`

func decoded(t *testing.T, body string) any {
	t.Helper()
	v, err := answer.Decode([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestText(t *testing.T) {
	t.Parallel()
	v := decoded(t, body)
	for expr, want := range map[string]string{
		"name": "Ada", "name+last": "Ada Lovelace", "empty+last": "Lovelace", "missing|name": "Ada", "name|last": "Ada",
		"list.1.id": "b", "list.2.id": "", "list.-1.id": "", "list.x": "", "list.x.id": "", "list.0.id": "a", "list.00.id": "a", "list..id": "", "list.0": "", "account.email": "a@x", "account": "", "id": "",
		"null": "", "name.x": "", "": "", "https://x/{id}/{name}.png": "https://x/7/Ada.png", "https://x/{missing}.png|name": "Ada",
		"{zero}": "", "{name": "", "account.email.x": "",
	} {
		if got := answer.Text(v, expr); got != want {
			t.Errorf("%q reads %q, want %q", expr, got, want)
		}
	}
}

// Two people never get one subject, and nobody gets any.
func TestSubject(t *testing.T) {
	t.Parallel()
	v := decoded(t, body)
	for expr, want := range map[string]string{
		"id": "7", "big": "12345678901234567890", "zero": "", "part": "", "power": "", "minus": "", "name": "Ada", "null": "",
		"account": "", "list": "", "account.valid": "", "missing|id": "7",
	} {
		if got := answer.Subject(v, expr); got != want {
			t.Errorf("%q reads %q, want %q", expr, got, want)
		}
	}
}

func TestTrue(t *testing.T) {
	t.Parallel()
	v := decoded(t, body)
	for expr, want := range map[string]bool{
		"account.valid": true, "account.sure": false, "account.valid&account.sure": false, "account.state=registered": true, "account.state=other": false, "account.state=": false,
		"empty": false, "empty=": true, "null": false, "null=": false, "account=": false, "list=": false, "account.valid=": false, "power=1e3": true, "power=1000": false,
		"account.state": false, "account.one=1": true, "account.one": false, "account.one=10": false, "account.sure=false": true,
		"account": false, "missing": false, "missing=": false, "name": false, "": false, "always": true,
		"account.valid&account.one=1": true, "account.valid=true": true, "account.valid=false": false, "account.sure=true": false,
	} {
		if got := answer.True(v, expr); got != want {
			t.Errorf("%q is %v", expr, got)
		}
	}
}

// An answer may come from another decoder than Decode, with numbers of its own.
func TestTrue_Floats(t *testing.T) {
	t.Parallel()
	v := map[string]any{"half": 1.5, "big": 1e21, "one": 1.0, "none": json.Number("")}
	for expr, want := range map[string]bool{
		"half=1.5": true, "half=1.50": false, "half": false, "big=1000000000000000000000": true, "one=1": true, "one": false, "one=2": false,
	} {
		if got := answer.True(v, expr); got != want {
			t.Errorf("%q is %v", expr, got)
		}
	}
	if answer.True(v, "none") || !answer.True(v, "none=") {
		t.Error("a number without digits is a flag")
	}
	if answer.True(true, "") || answer.Text("ada", "") != "" || answer.Subject(json.Number("7"), "") != "" {
		t.Error("no expression reads something")
	}
	if got := answer.Subject(v, "none"); got != "" {
		t.Errorf("a number without digits is %q", got)
	}
}

func TestSameAddress(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		a, b string
		same bool
	}{
		{"Ada@X", "aDA@x", true}, {"az@x", "AZ@X", true}, {"ada@x", "adb@x", false}, {"", "", false}, {"", "a@x", false},
		{"[@x", "{@x", false}, {"@@x", "`@x", false}, {"k@x", "\u212a@x", false},
	} {
		if got := answer.SameAddress(row.a, row.b); got != row.same {
			t.Errorf("%q, %q: %v", row.a, row.b, got)
		}
	}
}

func TestFill(t *testing.T) {
	t.Parallel()
	v := decoded(t, `{"id":"../a?b#c","n":5}`)
	got, ok := answer.Fill(v, "https://x/{id}/{n}", url.PathEscape)
	if !ok || got != "https://x/..%2Fa%3Fb%23c/5" {
		t.Errorf("%q, %v", got, ok)
	}
	if _, ok := answer.Fill(v, "https://x/{id}/{missing}", url.PathEscape); ok {
		t.Error("a value that is missing was filled in")
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	github := answer.Addresses{Email: "email", Primary: "primary", Verified: "verified"}
	tests := []struct {
		name, body, known string
		list              answer.Addresses
		email             string
		verified, ok      bool
	}{
		{"primary", `[{"email":"o@x","verified":true},{"email":"p@x","primary":true,"verified":true}]`, "", github, "p@x", true, true},
		{"primary, not verified", `[{"email":"o@x","verified":true},{"email":"p@x","primary":true}]`, "", github, "p@x", false, true},
		{"two primary ones", `[{"email":"o@x","primary":true},{"email":"p@x","primary":true,"verified":true}]`, "", github, "p@x", true, true},
		{"two primary ones, none verified", `[{"email":"o@x","primary":true},{"email":"p@x","primary":true}]`, "", github, "o@x", false, true},
		{"two primary ones, both verified", `[{"email":"o@x","primary":true,"verified":true},{"email":"p@x","primary":true,"verified":true}]`, "", github, "o@x", true, true},
		{"the profile's", `[{"email":"p@x","primary":true,"verified":true},{"email":"K@x","verified":true}]`, "k@x", github, "k@x", true, true},
		{"the profile's, not verified", `[{"email":"k@x"},{"email":"p@x","primary":true,"verified":true}]`, "k@x", github, "k@x", false, true},
		{"the Kelvin sign", `[{"email":"\u212a@x","verified":true}]`, "k@x", github, "k@x", false, true},
		{"none", `[]`, "", github, "", false, true},
		{"a flag of no address", `[{"primary":true,"verified":true}]`, "", github, "", false, true},
		{"a flag of an empty address", `[{"email":"","primary":true,"verified":true},{"email":"p@x","primary":true}]`, "", github, "p@x", false, true},
		{"an error", `{"message":"Forbidden"}`, "k@x", github, "k@x", false, false},
		{"null", `null`, "", github, "", false, false},
		{"other types", `[null,7,"x",[],{"email":7,"primary":true},{"email":"p@x","primary":"true","verified":true}]`, "", github, "", false, true},
		{"nested, with states", `{"values":[{"a":"p@x","s":"confirmed"}]}`, "", answer.Addresses{List: "values", Email: "a", Verified: "s=confirmed"}, "p@x", true, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			email, verified, ok := tt.list.Read(decoded(t, tt.body), tt.known)
			if email != tt.email || verified != tt.verified || ok != tt.ok {
				t.Errorf("got %q, %v, %v", email, verified, ok)
			}
		})
	}
}

func TestDecode(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "{", "hush", `{"a":1}{"a":2}`, `{"a":1} x`, "<html>"} {
		if _, err := answer.Decode([]byte(body)); err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("%q: %v", body, err)
		}
	}
}

// FuzzRead reads any answer by any expression. A subject is never zero, and never
// longer than what stands in the answer or the expression.
func FuzzRead(f *testing.F) {
	f.Add(body, "data.0.id|{id}/{name}", "a.b=1&c")
	f.Add(`[{"email":"a"}]`, "0.email", "0")
	f.Fuzz(func(t *testing.T, body, expr, flags string) {
		v, err := answer.Decode([]byte(body))
		if err != nil {
			return
		}
		if s := answer.Subject(v, expr); s == "0" && !strings.Contains(body, `"0"`) && !strings.Contains(expr, "0") {
			t.Errorf("%q reads zero of %q", expr, body)
		}
		_ = answer.Text(v, expr)
		_ = answer.True(v, flags)
		email, verified, _ := answer.Addresses{List: expr, Email: flags, Verified: expr}.Read(v, "")
		if email == "" && verified {
			t.Error("no address is verified")
		}
	})
}

// What is no object reads as an empty one.
func TestObject(t *testing.T) {
	t.Parallel()
	v := map[string]any{"object": map[string]any{"a": "b"}, "empty": map[string]any{}, "text": "x", "list": []any{map[string]any{"a": "b"}}, "null": nil}
	for name, want := range map[string]string{"object": "b", "empty": "", "text": "", "list": "", "null": "", "missing": ""} {
		if got := answer.Text(answer.Object(v, name), "a"); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
