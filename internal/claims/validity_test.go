package claims_test

import (
	"errors"
	"testing"
	"time"

	"github.com/ginauth/ginauth/internal/claims"
)

// A token is valid from nbf on and until exp, with the leeway at both ends.
func TestValidity(t *testing.T) {
	t.Parallel()
	now, broken := time.Unix(1000, 0), errors.New("broken")
	for _, row := range []struct {
		payload string
		fail    error
		valid   bool
	}{
		{`{}`, nil, true},
		{`{"exp":1001,"nbf":999}`, nil, true},
		{`{"exp":986}`, nil, true},
		{`{"exp":985}`, nil, false},
		{`{"nbf":1015}`, nil, true},
		{`{"nbf":1016}`, nil, false},
		{`{"exp":1e400}`, nil, true},
		{`{"exp":"2000"}`, nil, false},
		{`{"iat":null}`, nil, false},
		{`{}`, broken, false},
	} {
		v := claims.Always()
		if err := claims.Each([]byte(row.payload), func(name string, value claims.Value) {
			switch name {
			case "exp":
				v.Expires(value)
			case "nbf":
				v.NotBefore(value)
			default:
				v.Time(value)
			}
		}); err != nil {
			t.Fatal(err)
		}
		if row.fail != nil {
			v.Fail(row.fail)
		}
		if err := v.Check(now); (err == nil) != row.valid {
			t.Errorf("%s: %v", row.payload, err)
		}
	}
}

func TestLongest(t *testing.T) {
	t.Parallel()
	if name, n := claims.Longest(map[string]any{"a": "xxxx", "b": []int{1, 2, 3, 4, 5}, "c": 1}); name != "b" || n != len("[1,2,3,4,5]") {
		t.Errorf("%s, %d bytes", name, n)
	}
	if name, n := claims.Longest(nil); name != "" || n != 0 {
		t.Errorf("of nothing: %q, %d", name, n)
	}
}
