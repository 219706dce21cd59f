package otp_test

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"rsc.io/qr/coding"

	"github.com/ginauth/ginauth/internal/otp"
)

// TestVerify_SameCode holds that a code which two steps share is used up for both: its
// step is the later one. The steps were searched for.
func TestVerify_SameCode(t *testing.T) {
	t.Parallel()
	for _, step := range []int64{62075368, 65343997} {
		if otp.Code(seed, step) != otp.Code(seed, step+1) {
			t.Fatalf("the steps %d and %d have two codes", step, step+1)
		}
		at := time.Unix((step+1)*30, 0)
		used, ok := otp.Verify(seed, otp.Code(seed, step), at, 0)
		if !ok || used != step+1 {
			t.Errorf("the step is %d, %v", used, ok)
		}
		if again, ok := otp.Verify(seed, otp.Code(seed, step), at, used); ok {
			t.Errorf("the code counts again, for the step %d", again)
		}
	}
}

// TestText holds keys to base32 in groups of four, RFC 4648 §10's test vectors among them.
func TestText(t *testing.T) {
	t.Parallel()
	for secret, want := range map[string]string{
		"": "", "f": "MY", "fo": "MZXQ", "foo": "MZXW 6", "foobar": "MZXW 6YTB OI", "12345678901234567890": "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ",
	} {
		if got := otp.Text([]byte(secret)); got != want {
			t.Errorf("%q is %q, want %q", secret, got, want)
		}
	}
}

// TestURI holds to the key URI format that authenticator apps read: otpauth://totp/, the
// issuer and the account with a colon between them, and spaces as %20.
func TestURI(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ issuer, account, want string }{
		{"app.example.com", "ada@example.com", "otpauth://totp/app.example.com:ada%40example.com?secret=MZXW6YTBOI&issuer=app.example.com"},
		{"ACME Co", "", "otpauth://totp/ACME%20Co?secret=MZXW6YTBOI&issuer=ACME%20Co"},
		{"localhost:3000", "a+b c", "otpauth://totp/localhost%203000:a%2Bb%20c?secret=MZXW6YTBOI&issuer=localhost%203000"},
	} {
		if got := otp.URI([]byte("foobar"), row.issuer, row.account); got != row.want {
			t.Errorf("%s, want %s", got, row.want)
		}
	}
}

// smallest is the QR code of the first version in which rsc.io/qr encodes a text.
func smallest(t *testing.T, text string) *coding.Code {
	t.Helper()
	for v := coding.Version(coding.MinVersion); v <= coding.MaxVersion; v++ {
		plan, err := coding.NewPlan(v, coding.M, 0)
		if err != nil {
			t.Fatal(err)
		}
		if code, err := plan.Encode(coding.String(text)); err == nil {
			return code
		}
	}
	t.Fatalf("%.20q has no QR code", text)
	return nil
}

// TestQR_Modules holds a picture's modules to those of rsc.io/qr, within a margin of four
// white ones.
func TestQR_Modules(t *testing.T) {
	t.Parallel()
	run := regexp.MustCompile(`^M(\d+) (\d+)h(\d+)v1h-(\d+)z$`)
	for _, text := range []string{"", "a", "HELLO WORLD", otp.URI(seed, "app.example.com", "ada@example.com"), strings.Repeat("long ", 200)} {
		want := smallest(t, text)
		got, err := otp.QR(text)
		if err != nil || got.Size != want.Size+8 {
			t.Fatalf("%.20q has %d modules with the margin, %v; want %d without it", text, got.Size, err, want.Size)
		}
		black := map[[2]int]bool{}
		parts := strings.SplitAfter(got.Path, "z")
		for _, part := range parts[:len(parts)-1] {
			m := run.FindStringSubmatch(part)
			if m == nil || m[3] != m[4] || m[3] == "0" {
				t.Fatalf("%.20q has %q", text, part)
			}
			x, _ := strconv.Atoi(m[1])
			y, _ := strconv.Atoi(m[2])
			length, _ := strconv.Atoi(m[3])
			for i := range length {
				if at := [2]int{x + i - 4, y - 4}; black[at] {
					t.Fatalf("%.20q draws the module %v twice", text, at)
				} else {
					black[at] = true
				}
			}
			if black[[2]int{x - 5, y - 4}] {
				t.Errorf("%.20q draws one run in two", text)
			}
		}
		count := 0
		for y := range want.Size {
			for x := range want.Size {
				if want.Black(x, y) {
					count++
				}
				if want.Black(x, y) != black[[2]int{x, y}] {
					t.Fatalf("%.20q: the module %s is another one", text, fmt.Sprint(x, y))
				}
			}
		}
		if len(black) != count || parts[len(parts)-1] != "" {
			t.Errorf("%.20q: %d modules are black, want %d", text, len(black), count)
		}
	}
}
