package factor_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ginauth/ginauth/internal/factor"
	"github.com/ginauth/ginauth/internal/token"
)

const (
	secret = "0123456789abcdef0123456789abcdef"
	before = "the secret before, of 32 bytes .."
)

var (
	at     = time.Unix(1795479638, 0)
	proofs = []factor.Proof{
		{Method: "password", At: at, Provider: "my.login-1~_", Account: "6wB1Vbkz9sR3eZ-_"},
		{Method: "otp", At: at.Add(time.Minute)},
	}
)

func digest(t testing.TB, secrets ...string) *token.Digest {
	t.Helper()
	d, err := token.NewDigest("factors", secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestClaim_ReadsBack(t *testing.T) {
	t.Parallel()
	mac := digest(t, secret)
	claim := factor.Claim(mac, "u-1", "s-1", proofs)
	if got, current := factor.Read(mac, "u-1", "s-1", claim); !slices.Equal(got, proofs) || !current {
		t.Errorf("%s reads as %v, current %t", claim, got, current)
	}
	rotated := digest(t, secret, before)
	old := factor.Claim(digest(t, before), "u-1", "s-1", proofs)
	if got, current := factor.Read(rotated, "u-1", "s-1", old); !slices.Equal(got, proofs) || current {
		t.Errorf("under the previous secret %v, current %t", got, current)
	}
	if got, _ := factor.Read(mac, "u-1", "s-1", old); got != nil {
		t.Errorf("under a secret of before %v", got)
	}
	for name, empty := range map[string]string{
		"no proofs":  factor.Claim(mac, "u-1", "s-1", nil),
		"no session": factor.Claim(mac, "u-1", "", proofs),
	} {
		if empty != "" {
			t.Errorf("%s: %s", name, empty)
		}
	}
}

func TestRead_Forged(t *testing.T) {
	t.Parallel()
	mac := digest(t, secret)
	claim := factor.Claim(mac, "u-1", "s-1", proofs)
	text, sum, _ := strings.Cut(claim, ":")
	for name, c := range map[string]struct{ subject, session, claim string }{
		"another subject":    {"u-2", "s-1", claim},
		"another session":    {"u-1", "s-2", claim},
		"no session":         {"u-1", "", claim},
		"parts moved":        {"u-", "1s-1", claim},
		"another method":     {"u-1", "s-1", strings.Replace(claim, "password", "passkey", 1)},
		"another time":       {"u-1", "s-1", strings.Replace(claim, "1795479638", "1795479639", 1)},
		"another provider":   {"u-1", "s-1", strings.Replace(claim, "my.login", "my.other", 1)},
		"one more":           {"u-1", "s-1", "passkey@1795479638@@," + claim},
		"one fewer":          {"u-1", "s-1", strings.Replace(claim, ",otp@1795479698@@", "", 1)},
		"no MAC":             {"u-1", "s-1", text},
		"an empty MAC":       {"u-1", "s-1", text + ":"},
		"half a MAC":         {"u-1", "s-1", claim[:len(claim)-32]},
		"another MAC":        {"u-1", "s-1", text + ":" + strings.Repeat("0", len(sum))},
		"nothing":            {"u-1", "s-1", ""},
		"a MAC of no proofs": {"u-1", "s-1", ":" + mac.Sum("u-1", "s-1", "")},
		"not ours, with MAC": {"u-1", "s-1", "otp@soon@@:" + mac.Sum("u-1", "s-1", "otp@soon@@")},
	} {
		if got, _ := factor.Read(mac, c.subject, c.session, c.claim); got != nil {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestAdd(t *testing.T) {
	t.Parallel()
	again := factor.Proof{Method: "password", At: at.Add(time.Hour)}
	got := factor.Add(proofs, again)
	if want := []factor.Proof{proofs[1], again}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if proofs[0].Method != "password" {
		t.Error("the list of before was changed")
	}
}

func TestProof_Fresh(t *testing.T) {
	t.Parallel()
	const within, ahead = 5 * time.Minute, 15 * time.Second
	for _, row := range []struct {
		name   string
		age    time.Duration
		within time.Duration
		fresh  bool
	}{
		{"just now", 0, within, true},
		{"at the edge", within, within, true},
		{"too old", within + time.Second, within, false},
		{"by a clock that is a little ahead", -ahead, within, true},
		{"before the clock was set back", -ahead - time.Second, within, false},
		{"long before the clock was set back", -24 * time.Hour, within, false},
		{"in this session", 24 * time.Hour, 0, true},
		{"in this session, before the clock was set back", -time.Hour, 0, true},
	} {
		p := factor.Proof{Method: "otp", At: at.Add(-row.age)}
		if got := p.Fresh(at, row.within, ahead); got != row.fresh {
			t.Errorf("%s: fresh is %t", row.name, got)
		}
	}
}

// FuzzRead holds that only what Claim wrote for this subject and session reads as proofs.
func FuzzRead(f *testing.F) {
	mac := digest(f, secret, before)
	claim := factor.Claim(mac, "u-1", "s-1", proofs)
	f.Add("u-1", "s-1", claim)
	f.Add("u-1", "s-1", strings.Replace(claim, ":", "", 1))
	f.Add("u-1", "s-", "1"+claim)
	f.Fuzz(func(t *testing.T, subject, session, text string) {
		got, _ := factor.Read(mac, subject, session, text)
		if got != nil && (subject != "u-1" || session != "s-1" || text != claim) {
			t.Fatalf("%q for %q in %q reads as %v", text, subject, session, got)
		}
	})
}
