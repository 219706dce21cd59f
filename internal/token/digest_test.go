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

// A sum verifies in its one spelling, for its own parts and purpose, under each secret.
// Only the current secret's needs no new one.
func TestDigest_Verify(t *testing.T) {
	t.Parallel()
	d := digest(t, "mail", "the secret", "the one before", "the one before that")
	sums := d.Sums("a", "bc")
	if len(sums) != 3 || d.Sum("a", "bc") != sums[0] {
		t.Fatalf("%q, and the first alone is %s", sums, d.Sum("a", "bc"))
	}
	for place, sum := range sums {
		if valid, current := d.Verify(sum, "a", "bc"); !valid || current != (place == 0) {
			t.Errorf("secret %d: valid is %v, current %v", place, valid, current)
		}
	}
	for name, row := range map[string]struct {
		sum   string
		parts []string
	}{
		"other parts":         {sums[0], []string{"ab", "c"}},
		"no parts":            {sums[0], nil},
		"a part more":         {sums[0], []string{"a", "bc", ""}},
		"another purpose":     {digest(t, "code", "the secret").Sum("a", "bc"), []string{"a", "bc"}},
		"a secret of no use":  {digest(t, "mail", "another").Sum("a", "bc"), []string{"a", "bc"}},
		"upper case":          {strings.ToUpper(sums[0]), []string{"a", "bc"}},
		"a digit less":        {sums[0][:63], []string{"a", "bc"}},
		"a digit more":        {sums[0] + "0", []string{"a", "bc"}},
		"its first half":      {sums[0][:32], []string{"a", "bc"}},
		"twice":               {sums[0] + sums[0], []string{"a", "bc"}},
		"nothing":             {"", []string{"a", "bc"}},
		"zeros":               {strings.Repeat("0", 64), []string{"a", "bc"}},
		"another first digit": {string(sums[0][0]^1) + sums[0][1:], []string{"a", "bc"}},
		"another last digit":  {sums[0][:63] + string(sums[0][63]^1), []string{"a", "bc"}},
	} {
		if valid, current := d.Verify(row.sum, row.parts...); valid || current {
			t.Errorf("%s: valid is %v, current %v", name, valid, current)
		}
	}
	// What a sum was made in is used again, and nothing of it stays.
	for range 100 {
		if again := d.Sums("a", "bc"); !slices.Equal(again, sums) {
			t.Fatalf("again they are %q", again)
		}
		if valid, current := d.Verify(sums[0], "a", "bc"); !valid || !current {
			t.Fatal("again it is not valid")
		}
	}
}

// A guarded request makes a sum: it pays for the hash, and for no new HMAC.
func TestDigest_Allocations(t *testing.T) {
	d := digest(t, "mail", "the secret")
	sum := d.Sum("a", "bc")
	most := 3.0 // one for the text, and now and then a new HMAC: the race detector lets sync.Pool forget
	for name, call := range map[string]func(){"Sum": func() { d.Sum("a", "bc") }, "Verify": func() { d.Verify(sum, "a", "bc") }} {
		if got := testing.AllocsPerRun(1000, call); got > most {
			t.Errorf("%s: %v allocations", name, got)
		}
	}
}
