package errorcode_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/ginauth/ginauth/internal/errorcode"
)

// The sign-in page explains the codes that NextAuth's does ("Pages", Sign-in page, error
// codes), except its Default, and ginauth's own after which a person tries again there.
func TestShownOnSignInPage(t *testing.T) {
	t.Parallel()
	for code := range strings.FieldsSeq(`Signin OAuthSignin OAuthCallback OAuthCreateAccount EmailCreateAccount Callback OAuthAccountNotLinked EmailSignin
		CredentialsSignin SessionRequired PasskeySignin FactorExpired`) {
		if !errorcode.ShownOnSignInPage(code) || errorcode.Status(code) != 200 || errorcode.Texts()[strings.ToLower(code)] == "" {
			t.Errorf("the sign-in page does not explain %s", code)
		}
	}
	for code := range strings.FieldsSeq(`Configuration AccessDenied Verification VerificationCode Default RateLimited MissingCSRF PasskeyRegistration OtherAccount
		SignInUsed SignInLost LinkLost LinkUsed CodeLost CodeUsed OtherSite CookiesBlocked OtherOrigin`) {
		if errorcode.ShownOnSignInPage(code) || errorcode.Texts()[strings.ToLower(code)] == "" {
			t.Errorf("the error page does not explain %s", code)
		}
	}
}

// A text says what happened or what to do in whole sentences, and no two codes have one,
// except where they are the same to the person.
func TestTexts_Sentences(t *testing.T) {
	t.Parallel()
	texts := errorcode.Texts()
	by := map[string][]string{}
	for _, code := range slices.Sorted(maps.Keys(texts)) {
		text := texts[code]
		if !strings.HasSuffix(text, ".") || len(text) < 20 || strings.ToUpper(text[:1]) != text[:1] {
			t.Errorf("%s: %q", code, text)
		}
		by[text] = append(by[text], code)
	}
	for text, codes := range by {
		if len(codes) > 1 && fmt.Sprint(codes) != "[emailcreateaccount oauthcreateaccount]" && fmt.Sprint(codes) != "[codeused linkused]" {
			t.Errorf("%q is of %q", text, codes)
		}
	}
	if !strings.Contains(texts["ratelimited"], "{wait}") {
		t.Error("who tried too often is not told how long to wait")
	}
}

// A notice says more about one code, and a page shows both.
func TestNotices(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"signinused": "oauthcallback", "signinlost": "oauthcallback", "linklost": "verification", "linkused": "verification",
		"codelost": "verificationcode", "codeused": "verificationcode", "cookiesblocked": "missingcsrf", "otherorigin": "missingcsrf",
	}
	if got := errorcode.Notices(); !maps.Equal(got, want) {
		t.Errorf("%v", got)
	}
	for code, notice := range map[string]string{"Verification": "LinkUsed", "VerificationCode": "CodeUsed", "OAuthCallback": "", "": ""} {
		if got := errorcode.SignedInNotice(code); got != notice {
			t.Errorf("%s: %q", code, got)
		}
	}
}

// What refuses a guarded request says why, and nothing else does.
func TestAbortText(t *testing.T) {
	t.Parallel()
	for code := range strings.FieldsSeq(`SessionRequired Configuration AccessDenied SessionUnavailable SessionFault CrossOriginRequest BadHost InvalidToken FactorRequired`) {
		if text := errorcode.AbortText(code); !strings.HasSuffix(text, ".") {
			t.Errorf("%s: %q", code, text)
		}
	}
	for code := range strings.FieldsSeq(`OAuthCallback Verification RateLimited Default SignInUsed sessionrequired`) {
		if text := errorcode.AbortText(code); text != "" {
			t.Errorf("%s: %q", code, text)
		}
	}
}

// A page remembers 256 texts of an application, in characters up to 300.
func TestPublic_Bounds(t *testing.T) {
	t.Parallel()
	var p errorcode.Public
	for i := range 256 {
		p.Publish(fmt.Sprint(i))
	}
	if p.Known("0") != "0" || p.Known("255") != "255" {
		t.Error("of 256 texts one is forgotten")
	}
	if p.Publish("one more"); p.Known("0") != "" || p.Known("one more") != "one more" {
		t.Error("of 257 texts none is forgotten")
	}
	for length, want := range map[int]int{299: 299, 300: 300, 301: 300} {
		got := errorcode.Clip(strings.Repeat("ä", length))
		if n := len([]rune(got)); n != want || strings.HasSuffix(got, "…") != (length > 300) {
			t.Errorf("%d characters become %d", length, n)
		}
	}
}
