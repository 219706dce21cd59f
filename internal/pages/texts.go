package pages

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/ginauth/ginauth/internal/ascii"
)

// Texts are the words of the pages. A field left empty keeps its English default,
// which the field's comment quotes. They are text, not HTML.
type Texts struct {
	Lang     string // language of these texts, a BCP 47 tag: "en"
	Dir      string // "rtl" for scripts written right to left: "ltr"
	SiteName string // shown in place of the site's host name: ""

	SignInTitle       string // "Sign in"
	SignInSite        string // "to continue to {site}"
	SignInWith        string // "Sign in with {provider}"
	SignInFailed      string // for an error code without a text: "Unable to sign in."
	CredentialsButton string // of the only credentials form; several use SignInWith: "Sign in"
	EmailLabel        string // "Email address"
	EmailPlaceholder  string // "you@example.com"
	EmailButton       string // "Email me a sign-in link"
	EmailCodeButton   string // where the email brings a code: "Email me a code"
	Or                string // between buttons and forms: "or"
	NoProviders       string // "No way to sign in has been set up yet."

	SignOutTitle  string // "Sign out"
	SignOutText   string // "Do you want to sign out?"
	SignOutButton string // "Sign out"

	VerifyTitle string // "Check your email"
	VerifyText  string // "We sent you a sign-in link. Open it to continue."
	VerifyHint  string // "Nothing there? Look in your spam folder. You can close this page."

	CodeText   string // in place of VerifyText: "We sent you a code. Type it here to continue."
	CodeLabel  string // "Code"
	CodeButton string // "Sign in"
	CodeWrong  string // "That is not the code. Look at the newest email and try again."

	ConfirmTitle  string // of the page behind a sign-in link: "Sign in"
	ConfirmText   string // "You are about to sign in as {email}."
	ConfirmButton string // "Sign in"

	MailSubject string // of the email: "Sign in to {site}"
	MailText    string // above the link: "Use this link to sign in to {site} as {email}."
	MailButton  string // on the link: "Sign in"
	MailCode    string // above the code: "This is your code to sign in to {site} as {email}."
	MailHint    string // "It works once. If you did not ask for it, do nothing, and nothing happens."

	ContinueText   string // of a page that loads the next one by itself: "One moment, please."
	ContinueButton string // on its link, for browsers that do not: "Continue"

	ErrorTitle         string // "Something went wrong"
	ConfigurationTitle string // "Sign-in is unavailable"
	AccessDeniedTitle  string // "Access denied"
	VerificationTitle  string // "This link no longer works"
	RateLimitedTitle   string // "Too many attempts"
	CodeTitle          string // "This code no longer works"
	BackToSignIn       string // "Back to sign in"

	// Errors are texts by error code, in place of the built-in one or for a code of your own.
	// Codes are compared without regard to case. SignInUsed and SignInLost say more than
	// OAuthCallback, LinkUsed and LinkLost more than Verification, CodeUsed and CodeLost
	// more than VerificationCode; CookiesBlocked stands by itself. In that of RateLimited, {seconds} and
	// {minutes} are how long to wait, rounded up, and {wait} is the same in English.
	Errors map[string]string
}

// defaultErrors returns the English texts by code. They say what the visitor can do
// next, and nothing of the cause that would help an attacker.
func defaultErrors() map[string]string {
	return map[string]string{
		"signin":                "Signing in did not work. Please try again, or choose another account.",
		"oauthsignin":           "The sign-in service could not be reached. Please try again in a moment.",
		"oauthcallback":         "The sign-in service did not confirm who you are. Please try again.",
		"oauthcreateaccount":    "Your account could not be created. Try another way to sign in.",
		"emailcreateaccount":    "Your account could not be created. Try another way to sign in.",
		"callback":              "Signing in was interrupted. Please try again.",
		"oauthaccountnotlinked": "This email address already has an account. Sign in the way you did the first time.",
		"emailsignin":           "The email could not be sent. Check the address and try again.",
		"credentialssignin":     "These details do not match an account. Check them and try again.",
		"sessionrequired":       "Please sign in to see this page.",
		"configuration":         "There is a problem on our side. Please try again later. If you run this site, its log names the cause.",
		"accessdenied":          "The sign-in was cancelled, or this account has no permission to sign in here.",
		"verification":          "It may have expired, or it was used before. Ask for a new one to sign in.",
		"ratelimited":           "Please wait {wait} and try again.",
		"verificationcode":      "It may have expired, or it was used or tried too often. Ask for a new one to sign in.",
		"signinused":            "This sign-in was already used, or it has expired. Start again here.",
		"signinlost":            "This browser did not start that sign-in. It may have begun in another browser or app, more than 15 minutes ago, or without cookies. Start again here.",
		"linklost":              "It works only in the browser in which you asked for it. Open it there, or ask for a new one here.",
		"linkused":              "It may have expired, or it was used before. You are signed in, so you do not need it.",
		"codelost":              "It was used before, or you asked for it in another browser. Ask for a new one here.",
		"codeused":              "It may have expired, or it was used before. You are signed in, so you do not need it.",
		"cookiesblocked":        "Your browser did not keep this site’s cookies, and signing in needs them. Allow them, and try again.",
		"default":               "We could not finish signing you in. Please try again.",
	}
}

// details are the codes that say more than another, by which they stand.
var details = map[string]string{
	"signinused": "oauthcallback", "signinlost": "oauthcallback",
	"linklost": "verification", "linkused": "verification",
	"codelost": "verificationcode", "codeused": "verificationcode",
}

// resolve validates the texts and fills in the defaults.
func (t Texts) resolve() (Texts, error) {
	if err := t.validate(); err != nil {
		return Texts{}, err
	}
	fill := func(field *string, text string) { *field = cmp.Or(*field, text) }
	fill(&t.Lang, "en")
	fill(&t.Dir, "ltr")
	fill(&t.SignInTitle, "Sign in")
	fill(&t.SignInSite, "to continue to {site}")
	fill(&t.SignInWith, "Sign in with {provider}")
	fill(&t.SignInFailed, "Unable to sign in.")
	fill(&t.CredentialsButton, "Sign in")
	fill(&t.EmailLabel, "Email address")
	fill(&t.EmailPlaceholder, "you@example.com")
	fill(&t.EmailButton, "Email me a sign-in link")
	fill(&t.EmailCodeButton, "Email me a code")
	fill(&t.Or, "or")
	fill(&t.NoProviders, "No way to sign in has been set up yet.")
	fill(&t.SignOutTitle, "Sign out")
	fill(&t.SignOutText, "Do you want to sign out?")
	fill(&t.SignOutButton, "Sign out")
	fill(&t.VerifyTitle, "Check your email")
	fill(&t.VerifyText, "We sent you a sign-in link. Open it to continue.")
	fill(&t.VerifyHint, "Nothing there? Look in your spam folder. You can close this page.")
	fill(&t.CodeText, "We sent you a code. Type it here to continue.")
	fill(&t.CodeLabel, "Code")
	fill(&t.CodeButton, "Sign in")
	fill(&t.CodeWrong, "That is not the code. Look at the newest email and try again.")
	fill(&t.ConfirmTitle, "Sign in")
	fill(&t.ConfirmText, "You are about to sign in as {email}.")
	fill(&t.ConfirmButton, "Sign in")
	fill(&t.ContinueText, "One moment, please.")
	fill(&t.ContinueButton, "Continue")
	fill(&t.MailSubject, "Sign in to {site}")
	fill(&t.MailText, "Use this link to sign in to {site} as {email}.")
	fill(&t.MailButton, "Sign in")
	fill(&t.MailCode, "This is your code to sign in to {site} as {email}.")
	fill(&t.MailHint, "It works once. If you did not ask for it, do nothing, and nothing happens.")
	fill(&t.ErrorTitle, "Something went wrong")
	fill(&t.ConfigurationTitle, "Sign-in is unavailable")
	fill(&t.AccessDeniedTitle, "Access denied")
	fill(&t.VerificationTitle, "This link no longer works")
	fill(&t.RateLimitedTitle, "Too many attempts")
	fill(&t.CodeTitle, "This code no longer works")
	fill(&t.BackToSignIn, "Back to sign in")
	errs, own := defaultErrors(), map[string]string{}
	for code, text := range t.Errors {
		own[ascii.Lower(code)] = text
		errs[ascii.Lower(code)] = text
	}
	for detail, code := range details {
		if _, given := own[detail]; !given && own[code] != "" {
			errs[detail] = own[code] // the application's text, in another language for instance
		}
	}
	t.Errors = errs
	return t, nil
}

var languageTag = regexp.MustCompile(`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$`)

func (t Texts) validate() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf("pages: Texts."+format, args...)) }
	if t.Lang != "" && !languageTag.MatchString(t.Lang) {
		fault(`Lang %q is not a language tag: write one such as "en" or "pt-BR"`, t.Lang)
	}
	if t.Dir != "" && t.Dir != "ltr" && t.Dir != "rtl" {
		fault(`Dir %q is unknown: write "ltr" or "rtl"`, t.Dir)
	}
	if t.SignInWith != "" && !strings.Contains(t.SignInWith, "{provider}") {
		fault(`SignInWith %q names no provider: write {provider} where its name goes`, t.SignInWith)
	}
	if t.SignInSite != "" && !strings.Contains(t.SignInSite, "{site}") {
		fault(`SignInSite %q names no site: write {site} where its name goes`, t.SignInSite)
	}
	if t.ConfirmText != "" && !strings.Contains(t.ConfirmText, "{email}") {
		// A person who was sent another person's link must see whose it is.
		fault(`ConfirmText %q names no address: write {email} where it goes`, t.ConfirmText)
	}
	if strings.ContainsFunc(t.SiteName+t.MailSubject, endsLine) {
		fault("SiteName or Texts.MailSubject holds a line break or another control character: leave it out") // they go into a header
	}
	seen := make(map[string]string)
	for _, code := range slices.Sorted(maps.Keys(t.Errors)) {
		lower := ascii.Lower(code)
		if !isCode(code) {
			fault(`Errors has the key %q, which is no code: write letters, digits, ".", "_" and "-", at most 64`, code)
		}
		if strings.TrimSpace(t.Errors[code]) == "" {
			fault("Errors[%q] is empty: write a text, or leave the code out", code)
		}
		if first, ok := seen[lower]; ok {
			fault("Errors has %q and %q, which are one code: write one of them", first, code)
		}
		seen[lower] = code
	}
	return errors.Join(faults...)
}

func endsLine(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }

var codePattern = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// isCode tells an error code from a sentence.
func isCode(s string) bool { return codePattern.MatchString(s) }

// inline is the text that the sign-in page shows for an error: the text of a code,
// SignInFailed for a code nobody knows, and a sentence unchanged.
func (t Texts) inline(e string) string {
	if e == "" {
		return ""
	}
	if text, ok := t.Errors[ascii.Lower(e)]; ok {
		return text
	}
	if isCode(e) {
		return t.SignInFailed
	}
	return clip(e)
}

// explained is the heading and the text of the error page for a code. An unknown
// code is never shown: it comes from the query, so from the author of the link.
func (t Texts) explained(code string) (title, text string) {
	code = ascii.Lower(code)
	text, ok := t.Errors[code]
	if !ok {
		text = t.Errors["default"]
	}
	switch code {
	case "configuration":
		return t.ConfigurationTitle, text
	case "accessdenied":
		return t.AccessDeniedTitle, text
	case "verification":
		return t.VerificationTitle, text
	case "ratelimited":
		return t.RateLimitedTitle, text
	case "verificationcode":
		return t.CodeTitle, text
	}
	return t.ErrorTitle, text
}

// waiting puts into a text how long to wait; zero: nobody knows.
func waiting(text string, wait time.Duration) string {
	phrase := "a moment"
	if wait > 0 {
		phrase = english(wait)
	}
	wait = max(wait, time.Second)
	return strings.NewReplacer(
		"{wait}", phrase,
		"{seconds}", strconv.FormatInt(int64(ceil(wait, time.Second)), 10),
		"{minutes}", strconv.FormatInt(int64(ceil(wait, time.Minute)), 10),
	).Replace(text)
}

// english is a time to wait in words, in minutes from two of them on, in hours
// from two of these.
func english(wait time.Duration) string {
	unit, name := time.Second, "second"
	switch {
	case wait >= 2*time.Hour:
		unit, name = time.Hour, "hour"
	case wait >= 2*time.Minute:
		unit, name = time.Minute, "minute"
	}
	n := int64(ceil(wait, unit))
	if n != 1 {
		name += "s"
	}
	return strconv.FormatInt(n, 10) + " " + name
}

// ceil is how many units a time takes.
func ceil(d, unit time.Duration) time.Duration { return (d + unit - 1) / unit }

// maxText bounds a text that came with the request, in runes.
const maxText = 300

func clip(s string) string {
	runes := []rune(s)
	if len(runes) <= maxText {
		return s
	}
	return string(runes[:maxText-1]) + "…"
}
