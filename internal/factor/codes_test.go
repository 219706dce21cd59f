package factor_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ginauth/ginauth/internal/factor"
	"github.com/ginauth/ginauth/internal/token"
)

// hashed is what records hold of a recovery code: it is the same in all versions.
func hashed(userID, code string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "ginauth recovery code %d %s %s", len(userID), userID, code))
	return hex.EncodeToString(sum[:])
}

// A recovery code has 16 letters of Crockford's base32 in groups of four.
func TestNewRecovery(t *testing.T) {
	t.Parallel()
	codes, hashes := factor.NewRecovery("ada")
	if len(codes) != 10 || len(hashes) != 10 {
		t.Fatalf("%d codes, %d hashes", len(codes), len(hashes))
	}
	seen := map[string]bool{}
	for i, code := range codes {
		groups := strings.Split(code, "-")
		text := strings.Join(groups, "")
		if len(groups) != 4 || len(groups[0]) != 4 || len(groups[1]) != 4 || len(groups[2]) != 4 || len(groups[3]) != 4 || strings.Trim(text, "0123456789abcdefghjkmnpqrstvwxyz") != "" || seen[text] {
			t.Errorf("%q", code)
		}
		if seen[text] = true; hashes[i] != hashed("ada", text) {
			t.Errorf("the hash of %s is %s", code, hashes[i])
		}
	}
}

// People type a code in capitals, in other groups, with what word processors make of a
// hyphen, and letters for the digits that look like them (Crockford's base32). No other
// letter stands for another.
func TestTryRecovery_Typed(t *testing.T) {
	t.Parallel()
	const code = "0a1z-azaz-9zzz-0101"
	for typed, want := range map[string]factor.Result{
		code: factor.Right, "0A1Z-AZAZ-9ZZZ-0101": factor.Right, "0a1zazaz9zzz0101": factor.Right, " 0a1z\tazaz 9zzz-0101 ": factor.Right,
		"0a1z\u2010azaz\u20119zzz\u20100101": factor.Right,
		"oa1z-azaz-9zzz-o1o1":                factor.Right, "Oa1z-azaz-9zzz-0101": factor.Right,
		"0aiz-azaz-9zzz-0i0i": factor.Right, "0aIz-azaz-9zzz-0101": factor.Right, "0alz-azaz-9zzz-0l01": factor.Right, "0aLz-azaz-9zzz-010L": factor.Right,
		"0a1z_azaz_9zzz_0101": factor.Wrong, "0a1z\u2012azaz-9zzz-0101": factor.Wrong, "0a1z-azaz-9zzz-010j": factor.Wrong, "na1z-azaz-9zzz-0101": factor.Wrong,
		"0ahz-azaz-9zzz-0101": factor.Wrong, "0akz-azaz-9zzz-0101": factor.Wrong, "0amz-azaz-9zzz-0101": factor.Wrong, "0@1z-azaz-9zzz-0101": factor.Wrong,
		"0`1z-azaz-9zzz-0101": factor.Wrong, "0a1[-azaz-9zzz-0101": factor.Wrong, "0a1{-azaz-9zzz-0101": factor.Wrong, "pa1z-azaz-9zzz-0101": factor.Wrong,
		"": factor.Wrong, "0a1z": factor.Wrong, code + "0": factor.Wrong,
	} {
		for place := range 3 { // among others
			list := []string{hashed("ada", "another"), hashed("ada", "one more")}
			list = append(list[:min(place, len(list)):min(place, len(list))], append([]string{hashed("ada", "0a1zazaz9zzz0101")}, list[min(place, len(list)):]...)...)
			r := &factor.Record{Recovery: list, Epoch: "before"}
			got := r.TryRecovery("ada", typed)
			if got != want || (len(r.Recovery) == 2) != (want == factor.Right) || (r.Epoch == "before") == (want == factor.Right) {
				t.Errorf("%q at %d: %v, and %d are left", typed, place, got, len(r.Recovery))
			}
		}
	}
}

// Each change of the factors begins another epoch, and so ends what was issued before.
func TestRecord_Epochs(t *testing.T) {
	t.Parallel()
	r := &factor.Record{}
	seen := map[string]bool{"": true}
	for name, change := range map[string]func(){
		"an app":   func() { r.AddOTP([]byte("secret"), 7, []string{"hash"}, now) },
		"none":     func() { r.RemoveOTP() },
		"a change": func() { r.Change() },
	} {
		change()
		if seen[r.Epoch] {
			t.Errorf("%s leaves the epoch %q", name, r.Epoch)
		}
		seen[r.Epoch] = true
	}
	r.AddOTP([]byte("secret"), 7, []string{"hash"}, now)
	if !r.Enrolled() || r.OTP.Added != now.Unix() || r.OTP.Step != 7 || string(r.OTP.Secret) != "secret" || len(r.Recovery) != 1 || r.OTP.Wrong != 0 {
		t.Errorf("%+v, %+v", r, r.OTP)
	}
	r.OTP.Wrong = factor.OffAfter
	if r.Proved(); r.OTP.Wrong != 0 || r.OTP.Off() {
		t.Errorf("after another factor %d wrong ones count", r.OTP.Wrong)
	}
	if r.RemoveOTP(); r.Enrolled() || len(r.Recovery) != 0 {
		t.Errorf("%+v", r)
	}
	r.Proved()
	if got := r.TryOTP("123456", now); got != factor.Off {
		t.Errorf("without an app a code is %v", got)
	}
}

// The ends of 64 sign-ins are remembered; one more is refused until one of them could not
// be finished any more.
func TestRecord_SpendBounded(t *testing.T) {
	t.Parallel()
	r := &factor.Record{}
	for i := range 64 {
		if !r.Spend(fmt.Sprint(i), now.Add(time.Duration(1+i/63)*time.Minute), now) {
			t.Fatalf("the sign-in %d is refused", i)
		}
	}
	if r.Spend("64", now.Add(time.Minute), now) || len(r.Spent) != 64 {
		t.Errorf("%d are remembered", len(r.Spent))
	}
	if !r.Spend("64", now.Add(2*time.Minute), now.Add(time.Minute)) || len(r.Spent) != 2 {
		t.Errorf("%d are remembered a minute later", len(r.Spent))
	}
}

// Each passes the proofs one by one, and says of what is none that it
// is not current.
func TestEach(t *testing.T) {
	t.Parallel()
	mac := digest(t, secret)
	var got []factor.Proof
	current := factor.Each(mac, "u-1", "s-1", factor.Claim(mac, "u-1", "s-1", proofs), func(p factor.Proof) { got = append(got, p) })
	if !current || len(got) != 2 || !got[0].At.Equal(at) || got[1].Method != "otp" {
		t.Errorf("%v, current %v", got, current)
	}
	const text = "otp@1795479638@@"
	for name, c := range map[string]struct{ session, claim string }{
		"nothing": {"s-1", ""}, "a MAC of nothing": {"s-1", ":" + mac.Sum("u-1", "s-1", "")}, "no session": {"", text + ":" + mac.Sum("u-1", "", text)}, "no MAC": {"s-1", text},
		"another MAC": {"s-1", text + ":" + mac.Sum("u-2", "s-1", text)},
	} {
		if factor.Each(mac, "u-1", c.session, c.claim, func(factor.Proof) { t.Errorf("%s proves something", name) }) {
			t.Errorf("%s is current", name)
		}
	}
	one := factor.Claim(mac, "u-1", "s-1", proofs[1:])
	if got, _ := factor.Read(mac, "u-1", "s-1", one); len(got) != 1 || cap(got) != 1 || !strings.HasPrefix(one, "otp@1795479698@@:") {
		t.Errorf("%s reads as %v", one, got)
	}
}

// A browser is trusted to the last moment of its time, and by a clock that is up to a
// minute behind; by a cookie that is whole, of a user with factors.
func TestTrusted_Edges(t *testing.T) {
	t.Parallel()
	ring, err := token.V4.Keyring("test", secret)
	if err != nil {
		t.Fatal(err)
	}
	trusted := factor.Trusted{Keyring: ring, Age: time.Hour}
	value := trusted.Add("", "ada", "first", now)
	for after, want := range map[time.Duration]bool{
		0: true, time.Hour - 1: true, time.Hour: false, -time.Minute: true, -time.Minute - 1: false, -2 * time.Minute: false,
	} {
		if got := trusted.Has(value, "ada", "first", now.Add(after)); got != want {
			t.Errorf("%v later: %v", after, got)
		}
	}
	one := fmt.Sprintf(`{"u":"ada","e":"first","t":%d}`, now.Unix())
	for payload, want := range map[string]bool{"[" + one + "]": true, "[" + one + ",7]": false, one: false, "": false} {
		if got := trusted.Has(ring.Seal([]byte(payload)), "ada", "first", now); got != want {
			t.Errorf("%s: %v", payload, got)
		}
	}
	if none := trusted.Add("", "ada", "", now); trusted.Has(none, "ada", "", now) {
		t.Error("without factors the browser is trusted")
	}
	if again := trusted.Add(value, "ada", "second", now); trusted.Has(again, "ada", "first", now) || !trusted.Has(again, "ada", "second", now) {
		t.Error("both epochs are trusted")
	}
	for i := range 4 {
		value = trusted.Add(value, fmt.Sprint("u", i), "e", now)
	}
	if !trusted.Has(value, "ada", "first", now) {
		t.Error("of five people the first is forgotten")
	}
	if value = trusted.Add(value, "u4", "e", now); trusted.Has(value, "ada", "first", now) || !trusted.Has(value, "u0", "e", now) {
		t.Error("of six people the first is not the one who is forgotten")
	}
}
