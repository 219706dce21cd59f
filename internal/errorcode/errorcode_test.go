package errorcode_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/ginauth/ginauth/internal/errorcode"
)

func TestCodes(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		code   string
		signIn bool
		status int
	}{
		{"OAuthCallback", true, 200},
		{"SessionRequired", true, 200},
		{"oauthcallback", false, 200},
		{"Configuration", false, 500},
		{"configuration", false, 500},
		{"AccessDenied", false, 403},
		{"Verification", false, 403},
		{"VERIFICATIONCODE", false, 403},
		{"RateLimited", false, 429},
		{"SessionUnavailable", false, 503},
		{"SessionFault", false, 200},
		{"Default", false, 200},
		{"<script>", false, 200},
		{"", false, 200},
	} {
		if got := errorcode.ShownOnSignInPage(row.code); got != row.signIn {
			t.Errorf("%q on the sign-in page: %v", row.code, got)
		}
		if got := errorcode.Status(row.code); got != row.status {
			t.Errorf("%q has the status %d", row.code, got)
		}
	}
}

// Each code that a page explains has a text, and each notice belongs to a code with one.
func TestTexts(t *testing.T) {
	t.Parallel()
	texts := errorcode.Texts()
	for code, text := range texts {
		if code != strings.ToLower(code) || strings.TrimSpace(text) == "" {
			t.Errorf("%q: %q", code, text)
		}
	}
	notices := errorcode.Notices()
	for notice, code := range notices {
		if texts[notice] == "" || texts[code] == "" || notices[code] != "" {
			t.Errorf("the notice %q belongs to %q", notice, code)
		}
	}
	for _, code := range []string{"Verification", "VerificationCode"} {
		notice := errorcode.SignedInNotice(code)
		if notices[strings.ToLower(notice)] != strings.ToLower(code) {
			t.Errorf("%s has the notice %q, which belongs to another code", code, notice)
		}
	}
	for _, code := range []string{"SessionRequired", "AccessDenied", "CrossOriginRequest", "SessionFault", "SessionUnavailable", "BadHost"} {
		if errorcode.AbortText(code) == "" {
			t.Errorf("a guard that refuses with %s says nothing", code)
		}
	}
}

func TestPublic(t *testing.T) {
	t.Parallel()
	var p errorcode.Public
	if p.Known("anything") != "" {
		t.Error("a text is known that nobody published")
	}
	long := p.Publish(strings.Repeat("ä", 400))
	if len([]rune(long)) != 300 || !strings.HasSuffix(long, "ä…") || p.Known(long) != long {
		t.Errorf("a long text travels as %q", long)
	}
	for i := range 1000 {
		p.Publish(strconv.Itoa(i))
	}
	if p.Known(long) != "" || p.Known("999") != "999" {
		t.Error("the texts are not bounded, or the newest is not known")
	}
}

// TestShownAtProof holds that the page for a further proof explains codes of ginauth's,
// and that the author of a link puts no others on it.
func TestShownAtProof(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]string{
		"":                              errorcode.FormRefused,
		errorcode.OtherAccount:          errorcode.OtherAccount,
		errorcode.AccessDenied:          errorcode.AccessDenied,
		errorcode.CredentialsSignin:     errorcode.CredentialsSignin,
		errorcode.Configuration:         errorcode.Default,
		"Call+49+30+1234567":            errorcode.Default,
		strings.ToLower("OtherAccount"): errorcode.Default,
	} {
		if got := errorcode.ShownAtProof(code); got != want {
			t.Errorf("%q is shown as %q, want %q", code, got, want)
		}
	}
}
