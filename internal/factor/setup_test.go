package factor_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ginauth/ginauth/internal/factor"
	"github.com/ginauth/ginauth/internal/otp"
	"github.com/ginauth/ginauth/internal/token"
)

// What seals forms and cookies needs secrets, and opens what the previous one sealed.
func TestSealed(t *testing.T) {
	t.Parallel()
	for name, secrets := range map[string][]string{"no secret": nil, "an empty one": {""}, "an empty previous one": {secret, ""}} {
		if trusted, setups, err := factor.Sealed("site", time.Hour, secrets...); err == nil || trusted.Keyring != nil || setups.Keyring != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	trusted, setups, err := factor.Sealed("site", time.Hour, before)
	if err != nil {
		t.Fatal(err)
	}
	cookie, form := trusted.Add("", "ada", "first", now), setups.New("ada", "s-1", nil, "example.com", "ada@example.com", now)
	for purpose, sealed := range map[string]string{"ginauth.trusted.site": cookie, "ginauth.setup.site": form.Sealed} { // as other versions read it
		ring, err := token.V4.Keyring(purpose, before)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := ring.Open(sealed); err != nil {
			t.Errorf("%s: %v", purpose, err)
		}
	}
	trusted, setups, err = factor.Sealed("site", time.Hour, secret, before)
	if err != nil || trusted.Age != time.Hour {
		t.Fatal(trusted.Age, err)
	}
	if got, _, _ := setups.Open("ada", "s-1", form.Sealed, "", now); !trusted.Has(cookie, "ada", "first", now) || got == nil {
		t.Error("what the previous secret sealed is not read")
	}
	for name, sealed := range map[string]string{"a browser's cookie as a form": cookie, "a form as a browser's cookie": form.Sealed} {
		if got, _, _ := setups.Open("ada", "s-1", sealed, "", now); got != nil && sealed == cookie || trusted.Has(sealed, "ada", "first", now) && sealed != cookie {
			t.Error(name)
		}
	}
}

// A form is good for ten minutes, and only whole: what it does not say in full is none.
func TestSetups_Form(t *testing.T) {
	t.Parallel()
	if factor.SetupAge != 10*time.Minute {
		t.Errorf("a form is good for %v", factor.SetupAge)
	}
	_, setups, err := factor.Sealed("site", time.Hour, secret)
	if err != nil {
		t.Fatal(err)
	}
	key := otp.NewSecret()
	whole := fmt.Sprintf(`{"user":"ada","of":"s-1","secret":%q,"expires":%d}`, base64.StdEncoding.EncodeToString(key), now.Add(time.Minute).Unix())
	for payload, want := range map[string]bool{
		whole: true, "": false, "7": false, "{}": false, whole + "x": false,
		strings.Replace(whole, `}`, `,"OF":7}`, 1):                 false, // all is there, and not as it was written
		strings.Replace(whole, `"expires":`, `"expires":-`, 1):     false,
		strings.Replace(whole, `"user":"ada"`, `"user":"Ada"`, 1):  false,
		strings.Replace(whole, `"of":"s-1"`, `"of":""`, 1):         false,
		strings.Replace(whole, `"secret":`, `"another":`, 1):       false,
		strings.Replace(whole, `{"user"`, `{"extra":1,"user"`, 1):  true,
		strings.Replace(whole, `"expires"`, `"Expires"`, 1):        true,
		strings.Replace(whole, `"of":"s-1",`, `"of":"s-1 ",`, 1):   false,
		strings.Replace(whole, `"user":"ada",`, `"user":null,`, 1): false,
	} {
		got, step, right := setups.Open("ada", "s-1", setups.Keyring.Seal([]byte(payload)), otp.Code(key, otp.Step(now)), now)
		if (got != nil) != want || right != want || want && step != otp.Step(now) || !want && step != 0 {
			t.Errorf("%s: %v, step %d, right %t", payload, got, step, right)
		}
	}
	other, err := token.V4.Keyring("another", secret)
	if err != nil {
		t.Fatal(err)
	}
	if got, _, _ := setups.Open("ada", "s-1", other.Seal([]byte(whole)), "", now); got != nil {
		t.Error("a form that another key sealed is read")
	}
}

// A form shows the key as text and picture. A new one is another each time; one whose code
// was wrong comes back. A name that is too long for any QR code is left out of it.
func TestSetups_New(t *testing.T) {
	t.Parallel()
	_, setups, err := factor.Sealed("site", time.Hour, secret)
	if err != nil {
		t.Fatal(err)
	}
	key := otp.NewSecret()
	picture := func(name string) otp.Picture {
		p, err := otp.QR(otp.URI(key, "example.com", name))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for name, want := range map[string]string{"ada@example.com": "ada@example.com", "": "", strings.Repeat("長", 255): "", strings.Repeat("n", 3000): ""} {
		form, p := setups.New("ada", "s-1", key, "example.com", name, now), picture(want)
		if form.Key != otp.Text(key) || form.Size != p.Size || form.Path != p.Path || form.Size == 0 {
			t.Errorf("%.20s: %s, a picture of %d, want %d", name, form.Key, form.Size, p.Size)
		}
		if got, _, _ := setups.Open("ada", "s-1", form.Sealed, "", now); string(got) != string(key) {
			t.Errorf("%.20s: the form brings %x back", name, got)
		}
	}
	first, second := setups.New("ada", "s-1", nil, "example.com", "Ada", now), setups.New("ada", "s-1", nil, "example.com", "Ada", now)
	got, _, _ := setups.Open("ada", "s-1", first.Sealed, "", now)
	if first.Key == second.Key || first.Sealed == second.Sealed || otp.Text(got) != first.Key || len(got) < 20 {
		t.Errorf("%s, then %s, of %d bytes", first.Key, second.Key, len(got))
	}
}
