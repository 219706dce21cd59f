package token_test

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/ginauth/ginauth/internal/token"
)

func digest(t *testing.T, purpose string, secrets ...string) *token.Digest {
	t.Helper()
	d, err := token.NewDigest(purpose, secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDigest(t *testing.T) {
	t.Parallel()
	const secret = "0123456789abcdef0123456789abcdef"
	key, err := hkdf.Key(sha256.New, []byte(secret), []byte("mail"), "ginauth digest (mail)", 32)
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("\x00\x00\x00\x00\x00\x00\x00\x01a\x00\x00\x00\x00\x00\x00\x00\x02bc"))
	want := hex.EncodeToString(mac.Sum(nil))
	if got := digest(t, "mail", secret).Sums("a", "bc"); !slices.Equal(got, []string{want}) {
		t.Errorf("%v, want %v", got, want)
	}

	old := digest(t, "mail", "the secret before").Sums("a", "bc")
	if got := digest(t, "mail", secret, "the secret before").Sums("a", "bc"); !slices.Equal(got, []string{want, old[0]}) {
		t.Errorf("after a rotation %v", got)
	}
	for name, other := range map[string][]string{
		"another purpose":     digest(t, "code", secret).Sums("a", "bc"),
		"another secret":      old,
		"parts cut elsewhere": digest(t, "mail", secret).Sums("ab", "c"),
		"one part":            digest(t, "mail", secret).Sums("abc"),
		"an empty part more":  digest(t, "mail", secret).Sums("a", "bc", ""),
	} {
		if other[0] == want {
			t.Errorf("%s gives the same hash", name)
		}
	}
}

func TestDigestFaults(t *testing.T) {
	t.Parallel()
	for name, secrets := range map[string][]string{"none": nil, "empty": {""}, "empty previous": {"x", ""}} {
		if _, err := token.NewDigest("mail", secrets...); err == nil {
			t.Errorf("%s: no fault", name)
		}
	}
	if _, err := token.NewDigest("", "x"); err == nil {
		t.Error("no purpose: no fault")
	}
}

func TestRandomCode(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	var first [10]int
	const n = 20000
	for range n {
		code := token.RandomCode()
		if len(code) != 6 || strings.Trim(code, "0123456789") != "" {
			t.Fatalf("%q", code)
		}
		seen[code]++
		first[code[0]-'0']++
	}
	if len(seen) < n*97/100 { // about 1 % are expected to come twice
		t.Errorf("%d different codes of %d", len(seen), n)
	}
	for digit, count := range first {
		if count < n/10*8/10 || count > n/10*12/10 {
			t.Errorf("%d begins %d codes of %d", digit, count, n)
		}
	}
}
