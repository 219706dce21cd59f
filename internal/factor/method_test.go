package factor_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/factor"
	"github.com/ginauth/ginauth/internal/otp"
	"github.com/ginauth/ginauth/internal/token"
)

// TestSplit holds that a URL names methods that there are, each once.
func TestSplit(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"":                      nil,
		"otp":                   {"otp"},
		"otp passkey":           {"otp", "passkey"},
		" otp  otp\trecovery ":  {"otp", "recovery"},
		"OTP otp,passkey magic": nil,
	} {
		if got := factor.Split[string](text); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
	all := factor.Except("")
	if got := factor.Split[string](factor.Join(all)); len(all) != 6 || !slices.Equal(got, all) {
		t.Errorf("%v come back as %v", all, got)
	}
	if others := factor.Except("otp"); len(others) != 5 || slices.Contains(others, "otp") {
		t.Errorf("all except otp: %v", others)
	}
}

func TestWants(t *testing.T) {
	t.Parallel()
	if !factor.Wants(nil, "otp") || !factor.Wants([]string{"mail", "otp"}, "otp") || factor.Wants([]string{"mail"}, "otp") {
		t.Error("a method is wanted that is not, or the other way round")
	}
}

// TestCheckGuard holds that a guard asks for something, and for what there is.
func TestCheckGuard(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		within time.Duration
		wanted []string
		says   string // part of the error; empty: none
	}{
		{time.Minute, nil, ""},
		{0, []string{"otp"}, ""},
		{time.Minute, []string{"otp", "passkey"}, ""},
		{-time.Minute, []string{"otp"}, "RequireFactor got -1m0s"},
		{0, nil, "names no method"},
		{0, []string{"otp", "magic"}, `got the method "magic"`},
		{time.Minute, []string{""}, `got the method ""`},
	} {
		err := factor.CheckGuard(row.within, row.wanted)
		if row.says == "" && err != nil || row.says != "" && (err == nil || !strings.Contains(err.Error(), row.says)) {
			t.Errorf("%v %v: %v", row.within, row.wanted, err)
		}
	}
}

func TestStated(t *testing.T) {
	t.Parallel()
	got, err := factor.Stated([]string{"password", "otp", "password"}, at)
	if want := []factor.Proof{{Method: "otp", At: at}, {Method: "password", At: at}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := factor.Stated([]string{"otp", "magic"}, at); err == nil || got != nil {
		t.Errorf("a method that is none: %v, %v", got, err)
	}
}

// TestAccount holds that the account of a proof is told apart from another one at the
// same provider.
func TestAccount(t *testing.T) {
	t.Parallel()
	given := []factor.Proof{{Method: "provider", Provider: "github", Account: "a"}, {Method: "password", Provider: "credentials", Account: "b"}}
	for _, row := range []struct {
		provider, account string
		same, other       bool
	}{
		{"github", "a", true, false},
		{"github", "b", false, true},
		{"gitlab", "a", false, false},
		{"credentials", "b", true, false},
	} {
		if same, other := factor.Account(given, row.provider, row.account); same != row.same || other != row.other {
			t.Errorf("%s %s: same %t, other %t", row.provider, row.account, same, other)
		}
	}
	if !factor.At(given, "provider", "github") || factor.At(given, "password", "github") || factor.At(given, "provider", "credentials") {
		t.Error("a proof is taken for one at another provider, or by another method")
	}
}

func TestSecond(t *testing.T) {
	t.Parallel()
	for method, want := range map[string]bool{"provider": false, "password": false, "mail": false, "otp": true, "recovery": true, "passkey": true} {
		if got := factor.Second([]factor.Proof{{Method: method}}); got != want {
			t.Errorf("%s is a second factor: %t", method, got)
		}
	}
	if factor.Second(nil) {
		t.Error("no proof is a second factor")
	}
}

func TestChallenge(t *testing.T) {
	t.Parallel()
	if got := factor.Challenge(0); got != `Bearer error="insufficient_user_authentication"` {
		t.Error(got)
	}
	if got := factor.Challenge(5 * time.Minute); got != `Bearer error="insufficient_user_authentication", max_age="300"` {
		t.Error(got)
	}
}

// TestRenew holds that a claim of a previous secret gets the MAC of the current one, and
// that nobody else's does.
func TestRenew(t *testing.T) {
	t.Parallel()
	current, rotated := digest(t, secret), digest(t, secret, before)
	old := factor.Claim(digest(t, before), "u-1", "s-1", proofs)
	renewed := factor.Renew(rotated, "u-1", "s-1", old)
	if got, isCurrent := factor.Read(current, "u-1", "s-1", renewed); !slices.Equal(got, proofs) || !isCurrent {
		t.Errorf("%v, current %t", got, isCurrent)
	}
	if again := factor.Renew(rotated, "u-1", "s-1", renewed); again != renewed {
		t.Errorf("a current claim becomes %s", again)
	}
	for name, claim := range map[string]string{"none": "", "forged": "otp@1795479638@@:00", "of a secret that is gone": factor.Claim(digest(t, "another secret, of 32 bytes .... "), "u-1", "s-1", proofs)} {
		if got := factor.Renew(rotated, "u-1", "s-1", claim); got != "" {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// TestSetups holds that a key is set up by its own person, in the sign-in or session that
// its form was made in, for ten minutes, and by a code of it.
func TestSetups(t *testing.T) {
	t.Parallel()
	_, setups, err := factor.Sealed("site", time.Hour, secret)
	if err != nil {
		t.Fatal(err)
	}
	_, elsewhere, err := factor.Sealed("another", time.Hour, secret)
	if err != nil {
		t.Fatal(err)
	}
	key := otp.NewSecret()
	form := setups.New("ada", "s-1", key, "example.com", "ada@example.com", now)
	if form.Key != otp.Text(key) || form.Size == 0 || form.Path == "" {
		t.Fatalf("%+v", form)
	}
	foreign := elsewhere.New("ada", "s-1", key, "example.com", "ada@example.com", now)
	late := now.Add(factor.SetupAge)
	for _, row := range []struct {
		name, user, of, sealed string
		at                     time.Time
		ours                   bool
	}{
		{"theirs", "ada", "s-1", form.Sealed, now, true},
		{"at the end", "ada", "s-1", form.Sealed, late.Add(-time.Second), true},
		{"too late", "ada", "s-1", form.Sealed, late, false},
		{"another person", "bob", "s-1", form.Sealed, now, false},
		{"another session", "ada", "s-2", form.Sealed, now, false},
		{"another site", "ada", "s-1", foreign.Sealed, now, false},
		{"altered", "ada", "s-1", form.Sealed[:len(form.Sealed)-2] + "AA", now, false},
		{"none", "ada", "s-1", "", now, false},
	} {
		code := otp.Code(key, otp.Step(row.at))
		got, step, right := setups.Open(row.user, row.of, row.sealed, code, row.at)
		if ours := got != nil; ours != row.ours || right != row.ours || right && step != otp.Step(row.at) {
			t.Errorf("%s: %v, step %d, right %t", row.name, got, step, right)
		}
	}
	if got, _, right := setups.Open("ada", "s-1", form.Sealed, "none", now); got == nil || right {
		t.Errorf("with a wrong code: %v, right %t", got, right)
	}
	next := setups.New("ada", "s-1", nil, "example.com", "Ada", now)
	if next.Key == form.Key {
		t.Errorf("a new key: %+v", next)
	}
}

// TestTrusted_Cookie holds that a browser keeps its cookie for as long as it is trusted,
// and that none is read where no browser is.
func TestTrusted_Cookie(t *testing.T) {
	t.Parallel()
	trusted, _, err := factor.Sealed("site", time.Hour, secret)
	if err != nil {
		t.Fatal(err)
	}
	line := trusted.Line(nil, "trusted", "ada", "first", cookie.Attributes{}, now)
	set, err := http.ParseSetCookie(line)
	if err != nil || set.Name != "trusted" || set.MaxAge != 3600 {
		t.Fatalf("%s: %v", line, err)
	}
	header := []string{"other=1; trusted=" + set.Value}
	line = trusted.Line(header, "trusted", "bob", "his", cookie.Attributes{}, now)
	if set, err = http.ParseSetCookie(line); err != nil {
		t.Fatal(err)
	}
	both := []string{"trusted=nonsense; trusted=" + set.Value}
	for user, epoch := range map[string]string{"ada": "first", "bob": "his"} {
		if !trusted.In(both, "trusted", user, epoch, now) || trusted.In(both, "another", user, epoch, now) || trusted.In(both, "trusted", user, "next", now) {
			t.Errorf("%s is trusted where they are not, or the other way round", user)
		}
	}
	if trusted.Age = 0; trusted.In(both, "trusted", "ada", "first", now) {
		t.Error("a browser is trusted where none is to be")
	}
}

// TestRecord_Finish holds that a sign-in is finished once, in the epoch that it began in.
func TestRecord_Finish(t *testing.T) {
	t.Parallel()
	r, _, _ := enrolled(t)
	if r.Finish("one", "", now.Add(time.Minute), now) || r.Finish("one", token.NewID(), now.Add(time.Minute), now) {
		t.Error("it is finished in another epoch")
	}
	if !r.Finish("one", r.Epoch, now.Add(time.Minute), now) || r.Finish("one", r.Epoch, now.Add(time.Minute), now) {
		t.Error("it is not finished once")
	}
	if added := r.Since(); !added.Equal(now) {
		t.Errorf("the app was added at %v", added)
	}
	former := r.Epoch
	if r.ReplaceRecovery([]string{"hash"}); r.Epoch == former || len(r.Recovery) != 1 {
		t.Errorf("other codes: %v in the epoch %s", r.Recovery, r.Epoch)
	}
	if r.RemoveOTP(); !r.Since().IsZero() {
		t.Error("an app that was removed was added once")
	}
}
