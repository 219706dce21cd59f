package otp_test

import (
	"bytes"
	"encoding/base32"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ginauth/ginauth/internal/otp"
)

// seed is the key of the RFCs' test vectors.
var seed = []byte("12345678901234567890")

// TestVectors holds the codes to RFC 4226 appendix D, and to the last six digits of RFC
// 6238 appendix B.
func TestVectors(t *testing.T) {
	t.Parallel()
	for step, want := range []string{"755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"} {
		if got := otp.Code(seed, int64(step)); got != want {
			t.Errorf("step %d: %s, want %s", step, got, want)
		}
	}
	for at, want := range map[int64]string{
		59: "94287082", 1111111109: "07081804", 1111111111: "14050471", 1234567890: "89005924", 2000000000: "69279037", 20000000000: "65353130",
	} {
		if got := otp.Code(seed, otp.Step(time.Unix(at, 0))); got != want[2:] {
			t.Errorf("at %d: %s, want %s", at, got, want[2:])
		}
	}
}

// TestVerify holds that a code counts one step either side, once, and none before it.
func TestVerify(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	step := otp.Step(now)
	for _, row := range []struct {
		name  string
		typed string
		used  int64
		want  int64 // 0: it does not count
	}{
		{"this step's", otp.Code(seed, step), 0, step},
		{"the one before's", otp.Code(seed, step-1), 0, step - 1},
		{"the next one's", otp.Code(seed, step+1), 0, step + 1},
		{"two before", otp.Code(seed, step-2), 0, 0},
		{"two ahead", otp.Code(seed, step+2), 0, 0},
		{"used", otp.Code(seed, step), step, 0},
		{"of before the one used", otp.Code(seed, step-1), step, 0},
		{"after the one used", otp.Code(seed, step+1), step, step + 1},
		{"while the clock was ahead", otp.Code(seed, step), step + 1000, 0},
		{"in two groups", otp.Code(seed, step)[:3] + " " + otp.Code(seed, step)[3:], 0, step},
		{"with spaces around", "\t" + otp.Code(seed, step) + " \n", 0, step},
		{"none", "", 0, 0},
		{"too short", otp.Code(seed, step)[:5], 0, 0},
		{"too long", otp.Code(seed, step) + "0", 0, 0},
		{"two codes", otp.Code(seed, step) + otp.Code(seed, step), 0, 0},
		{"full-width digits", strings.Map(func(r rune) rune { return r + 0xfee0 }, otp.Code(seed, step)), 0, 0},
	} {
		got, ok := otp.Verify(seed, row.typed, now, row.used)
		if got != row.want || ok != (row.want != 0) {
			t.Errorf("%s: %d, %v; want %d", row.name, got, ok, row.want)
		}
	}
}

func TestNewSecret(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 100 {
		secret := otp.NewSecret()
		if len(secret) != 20 || seen[string(secret)] {
			t.Fatalf("%x, seen before: %v", secret, seen[string(secret)])
		}
		seen[string(secret)] = true
	}
}

// missing skips a test for want of a tool, and fails it in CI.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	t.Skip(what)
}

func base32Of(secret []byte) string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)
}

// TestOathtool holds that Debian's oathtool and this package show the same codes, and each
// accepts the other's.
func TestOathtool(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("oathtool"); err != nil {
		missing(t, "oathtool is not installed")
	}
	at := time.Unix(1_800_000_007, 0)
	for range 5 {
		secret, text := otp.NewSecret(), ""
		at = at.Add(123457 * time.Second)
		text = otp.Text(secret) // oathtool takes the spaces
		now := "--now=" + at.UTC().Format("2006-01-02 15:04:05 UTC")
		out, err := exec.Command("oathtool", "--totp", "--base32", now, text).CombinedOutput()
		code := strings.TrimSpace(string(out))
		if err != nil || code != otp.Code(secret, otp.Step(at)) {
			t.Errorf("oathtool shows %s, %v; want %s", code, err, otp.Code(secret, otp.Step(at)))
		}
		if _, ok := otp.Verify(secret, code, at, 0); !ok {
			t.Errorf("oathtool's %s is refused", code)
		}
		if out, err := exec.Command("oathtool", "--totp", "--base32", "--window=1", now, text, otp.Code(secret, otp.Step(at))).CombinedOutput(); err != nil {
			t.Errorf("oathtool refuses the code: %v %s", err, out)
		}
	}
}

// TestOtplib holds the same of npm's otplib, and that jsQR reads the key in the QR code
// and otplib understands it.
func TestOtplib(t *testing.T) {
	t.Parallel()
	const folder = "testdata/witness"
	if _, err := os.Stat(filepath.Join(folder, "node_modules")); err != nil {
		missing(t, "npm --prefix internal/otp/"+folder+" ci has not run")
	}
	type code struct {
		Secret string `json:"secret"`
		At     int64  `json:"at"`
		Code   string `json:"code"`
	}
	type picture struct {
		Size int    `json:"size"`
		Path string `json:"path"`
	}
	var asked struct {
		Codes    []code    `json:"codes"`
		Pictures []picture `json:"pictures"`
	}
	secrets := [][]byte{}
	at := time.Unix(1_800_000_011, 0)
	for range 20 {
		secret := otp.NewSecret()
		secrets = append(secrets, secret)
		at = at.Add(1234577 * time.Second)
		asked.Codes = append(asked.Codes, code{base32Of(secret), at.Unix(), otp.Code(secret, otp.Step(at))})
	}
	names := []struct{ issuer, account string }{
		{"app.example.com", "ada@example.com"}, {"localhost:3000", ""}, {"münchen.example", "Ada Lovelace"}, {"a&b?c#d%e+f", "x:y@z"},
		{strings.Repeat("long.", 40) + "example", strings.Repeat("a", 64) + "@example.com"},
	}
	for i, n := range names {
		drawn, err := otp.QR(otp.URI(secrets[i], n.issuer, n.account))
		if err != nil {
			t.Fatal(err)
		}
		asked.Pictures = append(asked.Pictures, picture(drawn))
	}
	in, err := json.Marshal(asked)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", filepath.Join(folder, "witness.mjs"))
	cmd.Stdin = bytes.NewReader(in)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v %s", err, out)
	}
	var said struct {
		Codes []struct {
			Code  string
			Valid bool
		}
		Pictures []*struct {
			Text, Type, Label string
			Params            struct{ Secret, Issuer string }
		}
	}
	if err := json.Unmarshal(out, &said); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	for i, c := range asked.Codes {
		if got := said.Codes[i]; got.Code != c.Code || !got.Valid {
			t.Errorf("otplib shows %s where this is %s, which is valid to it: %v", got.Code, c.Code, got.Valid)
		}
		if _, ok := otp.Verify(secrets[i], said.Codes[i].Code, time.Unix(c.At, 0), 0); !ok {
			t.Errorf("otplib's %s is refused", said.Codes[i].Code)
		}
	}
	for i, n := range names {
		got := said.Pictures[i]
		if got == nil {
			t.Errorf("jsQR reads nothing for %s", n.issuer)
			continue
		}
		issuer := strings.ReplaceAll(n.issuer, ":", " ")
		label := issuer
		if n.account != "" {
			label += ":" + n.account
		}
		if got.Type != "totp" || got.Params.Secret != base32Of(secrets[i]) || got.Params.Issuer != issuer || got.Label != label {
			t.Errorf("of %s and %q the app reads %+v from %s", n.issuer, n.account, *got, got.Text)
		}
	}
}

func TestQR_TooLong(t *testing.T) {
	t.Parallel()
	if _, err := otp.QR(strings.Repeat("a", 3000)); err == nil {
		t.Error("3000 letters have a QR code")
	}
	if _, err := otp.QR(strings.Repeat("a", 2300)); err != nil {
		t.Error(err)
	}
}
