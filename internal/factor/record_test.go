package factor_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/ginauth/ginauth/internal/factor"
	"github.com/ginauth/ginauth/internal/otp"
	"github.com/ginauth/ginauth/internal/token"
)

var now = time.Unix(1_800_000_000, 0)

// enrolled is a record with an app and recovery codes, and its codes.
func enrolled(t testing.TB) (r *factor.Record, secret []byte, recovery []string) {
	t.Helper()
	secret = otp.NewSecret()
	recovery, hashes := factor.NewRecovery("ada")
	r = &factor.Record{}
	r.AddOTP(secret, otp.Step(now), hashes, now)
	return r, secret, recovery
}

// again is a record as it is kept and read.
func again(t testing.TB, r *factor.Record) *factor.Record {
	t.Helper()
	data, err := r.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	read, err := factor.Parse(data)
	if err != nil {
		t.Fatalf("%v of %s", err, data)
	}
	return read
}

// TestRecord_OTP holds that a code counts once, and that a hundred wrong ones in a row,
// and no fewer, turn codes off until another factor was given.
func TestRecord_OTP(t *testing.T) {
	t.Parallel()
	r, secret, recovery := enrolled(t)
	step := otp.Step(now)
	at := func(step int64) time.Time { return time.Unix(step*30, 0) }
	if got := r.TryOTP(otp.Code(secret, step), now); got != factor.Wrong {
		t.Errorf("the code that enrolled: %v", got)
	}
	for i, want := range []factor.Result{factor.Right, factor.Wrong, factor.Wrong} {
		if got := r.TryOTP(otp.Code(secret, step+1), at(step+1)); got != want {
			t.Errorf("the next code, %d times: %v", i, got)
		}
	}
	wrong := func(from, to int) {
		t.Helper()
		for n := from; n <= to; n++ {
			want := map[int]factor.Result{factor.TellAfter: factor.WrongTell, factor.OffAfter: factor.WrongOff}[n]
			r = again(t, r)
			if got := r.TryOTP("none", at(step+1)); got != want {
				t.Errorf("wrong for the %dth time: %v, want %v", n, got, want)
			}
		}
	}
	wrong(3, 99)
	if got := r.TryOTP(otp.Code(secret, step+2), at(step+2)); got != factor.Right || r.OTP.Wrong != 0 {
		t.Errorf("the right one after 99 wrong ones: %v, and %d are counted", got, r.OTP.Wrong)
	}
	wrong(1, 100)
	if got := r.TryOTP(otp.Code(secret, step+3), at(step+3)); got != factor.Off || !r.OTP.Off() {
		t.Errorf("the right one after 100 wrong ones: %v", got)
	}
	if got := r.TryRecovery("ada", recovery[0]); got != factor.Right {
		t.Fatalf("a recovery code: %v", got)
	}
	if got := r.TryOTP(otp.Code(secret, step+3), at(step+3)); got != factor.Right {
		t.Errorf("the right one after a recovery code: %v", got)
	}
}

// TestRecord_Recovery holds that each recovery code works once, for its own user.
func TestRecord_Recovery(t *testing.T) {
	t.Parallel()
	r, _, recovery := enrolled(t)
	epochs := map[string]bool{r.Epoch: true}
	typed := []func(string) string{
		func(c string) string { return c }, strings.ToUpper, func(c string) string { return strings.ReplaceAll(c, "-", "") },
		func(c string) string { return " " + strings.ReplaceAll(c, "-", " - ") + "\t" },
		func(c string) string { return strings.NewReplacer("0", "o", "1", "l").Replace(c) },
		func(c string) string { return strings.NewReplacer("0", "O", "1", "I").Replace(c) },
	}
	for i, code := range recovery {
		if got := r.TryRecovery("eve", code); got != factor.Wrong {
			t.Errorf("as another user's: %v", got)
		}
		way := typed[i%len(typed)](code)
		if got := r.TryRecovery("ada", way); got != factor.Right || epochs[r.Epoch] {
			t.Errorf("%q: %v, in the epoch %s", way, got, r.Epoch)
		}
		epochs[r.Epoch] = true
		r = again(t, r)
		if got := r.TryRecovery("ada", code); got != factor.Wrong {
			t.Errorf("%q again: %v", way, got)
		}
	}
	if len(r.Recovery) != 0 {
		t.Errorf("%d are left", len(r.Recovery))
	}
	for _, code := range []string{"", "----", recovery[0] + recovery[1]} {
		if got := r.TryRecovery("ada", code); got != factor.Wrong {
			t.Errorf("%q: %v", code, got)
		}
	}
}

// A reader of the record finds no recovery code in it.
func TestRecord_Hashes(t *testing.T) {
	t.Parallel()
	r, _, recovery := enrolled(t)
	data, err := r.Bytes()
	if err != nil || len(recovery) != 10 {
		t.Fatalf("%d codes, %v", len(recovery), err)
	}
	for _, code := range recovery {
		if strings.Contains(string(data), code) || strings.Contains(string(data), strings.ReplaceAll(code, "-", "")) || len(code) != 19 {
			t.Errorf("%s stands in %s", code, data)
		}
	}
}

// TestRecord_Spend holds that a sign-in is finished once, and remembered as long as it
// could be finished.
func TestRecord_Spend(t *testing.T) {
	t.Parallel()
	r := &factor.Record{}
	until := now.Add(10 * time.Minute)
	for _, row := range []struct {
		id   string
		at   time.Time
		want bool
	}{
		{"one", now, true}, {"one", now, false}, {"two", now, true}, {"", now, false},
		{"one", until.Add(-time.Second), false}, {"three", until, true}, {"one", until, true},
	} {
		r = again(t, r)
		if got := r.Spend(row.id, row.at.Add(10*time.Minute), row.at); got != row.want {
			t.Errorf("%q at %v: %v", row.id, row.at, got)
		}
	}
}

// A record that cannot be read is none of a person without a second factor.
func TestParse(t *testing.T) {
	t.Parallel()
	if r, err := factor.Parse(nil); err != nil || r.Enrolled() || r.Epoch != "" {
		t.Errorf("of none: %+v, %v", r, err)
	}
	r, _, _ := enrolled(t)
	data, err := r.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	for _, broken := range []string{
		"", "{}", "null", `"x"`, "[]", `{"v":0}`, `{"v":2}`, `{"v":"1"}`, `{"v":1,"passkey":"x"}`, `{"v":1}{"v":1}`, `{"v":1} x`,
		`{"v":1,"otp":{}}`, `{"v":1,"otp":{"secret":"AA==","wrong":-1}}`, `{"v":1,"otp":{"secret":""}}`, string(data[:len(data)-1]), string(data) + "}",
	} {
		if r, err := factor.Parse([]byte(broken)); err == nil {
			t.Errorf("%s is read as %+v", broken, r)
		}
	}
}

func FuzzParse(f *testing.F) {
	r, _, _ := enrolled(f)
	data, err := r.Bytes()
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{string(data), `{"v":1}`, `{"v":1,"otp":{"secret":"AA==","wrong":100}}`, `{"v":1,"spent":[{"id":"x","until":1}]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := factor.Parse(data)
		if err != nil {
			return
		}
		kept, err := r.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		read, err := factor.Parse(kept)
		if err != nil {
			t.Fatalf("%v of %s", err, kept)
		}
		if next, err := read.Bytes(); err != nil || string(next) != string(kept) {
			t.Fatalf("%s becomes %s, %v", kept, next, err)
		}
		read.TryOTP("123456", now)
		read.TryRecovery("ada", "x")
		read.Spend("x", now, now)
	})
}

// TestTrusted holds that a browser is trusted by one person, for as long as was said, in
// one state of their factors.
func TestTrusted(t *testing.T) {
	t.Parallel()
	ring, err := token.V4.Keyring("test", "0123456789abcdef0123456789abcdef")
	if err != nil {
		t.Fatal(err)
	}
	trusted := factor.Trusted{Keyring: ring, Age: time.Hour}
	value := trusted.Add(trusted.Add("", "ada", "first", now), "grace", "hers", now)
	for _, row := range []struct {
		name, value, user, epoch string
		at                       time.Time
		want                     bool
	}{
		{"ada", value, "ada", "first", now, true},
		{"grace", value, "grace", "hers", now.Add(time.Hour - time.Second), true},
		{"too late", value, "ada", "first", now.Add(time.Hour), false},
		{"the clock was set back", value, "ada", "first", now.Add(-time.Hour), false},
		{"another epoch", value, "ada", "second", now, false},
		{"no epoch", value, "ada", "", now, false},
		{"another's epoch", value, "ada", "hers", now, false},
		{"somebody else", value, "eve", "first", now, false},
		{"altered", value[:len(value)-2] + "AA", "ada", "first", now, false},
		{"none", "", "ada", "first", now, false},
	} {
		if got := trusted.Has(row.value, row.user, row.epoch, row.at); got != row.want {
			t.Errorf("%s: %v", row.name, got)
		}
	}
	for range 10 {
		value = trusted.Add(value, token.NewID(), token.NewID(), now)
	}
	if trusted.Has(value, "ada", "first", now) || len(value) > 1500 {
		t.Errorf("ten people later the cookie of %d bytes still has the first", len(value))
	}
	unsealed, _, _ := ring.Open(value)
	var list []any
	if json.Unmarshal(unsealed, &list) != nil || len(list) != 5 {
		t.Errorf("it holds %d", len(list))
	}
}

// TakeBack leaves alone what somebody else has changed since.
func TestRecord_TakeBack(t *testing.T) {
	t.Parallel()
	app := func(secret string) *factor.OTP { return &factor.OTP{Secret: []byte(secret)} }
	for _, row := range []struct {
		name                string
		before, wrote, now  factor.Record
		otp, recovery, last string
	}{
		{"added", factor.Record{}, factor.Record{OTP: app("a"), Recovery: []string{"1"}}, factor.Record{OTP: app("a"), Recovery: []string{"1"}}, "", "", "taken back"},
		{"replaced", factor.Record{OTP: app("a"), Recovery: []string{"1"}}, factor.Record{OTP: app("b"), Recovery: []string{"2"}}, factor.Record{OTP: app("b"), Recovery: []string{"2"}}, "a", "1", "taken back"},
		{"removed", factor.Record{OTP: app("a"), Recovery: []string{"1"}}, factor.Record{}, factor.Record{}, "a", "1", "taken back"},
		{"other codes", factor.Record{OTP: app("a"), Recovery: []string{"1"}}, factor.Record{OTP: app("a"), Recovery: []string{"2"}}, factor.Record{OTP: app("a"), Recovery: []string{"2"}}, "a", "1", "taken back"},
		{"replaced again", factor.Record{OTP: app("a")}, factor.Record{OTP: app("b")}, factor.Record{OTP: app("c")}, "c", "", "left"},
		{"codes replaced again", factor.Record{OTP: app("a")}, factor.Record{OTP: app("b"), Recovery: []string{"2"}}, factor.Record{OTP: app("b"), Recovery: []string{"3"}}, "b", "3", "left"},
		{"removed since", factor.Record{}, factor.Record{OTP: app("b")}, factor.Record{}, "", "", "left"},
		{"added since", factor.Record{OTP: app("a")}, factor.Record{}, factor.Record{OTP: app("c")}, "c", "", "left"},
	} {
		r := row.now
		r.Epoch = "e-1"
		r.TakeBack(&row.wrote, &row.before)
		otp := ""
		if r.OTP != nil {
			otp = string(r.OTP.Secret)
		}
		if otp != row.otp || strings.Join(r.Recovery, " ") != row.recovery || (r.Epoch != "e-1") != (row.last == "taken back") {
			t.Errorf("%s: %q and %v, in the epoch %q", row.name, otp, r.Recovery, r.Epoch)
		}
	}
}
