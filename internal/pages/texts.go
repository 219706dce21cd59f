package pages

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/ginauth/ginauth/internal/ascii"
	"github.com/ginauth/ginauth/internal/errorcode"
)

// Texts are the words of the pages: text, not HTML. A field left empty gets the English
// default of its tag. ginauth.Texts, which is converted to this type, documents the
// fields, so that the compiler holds the two to the same fields.
type Texts struct {
	Lang     string `english:"en"`
	Dir      string `english:"ltr"`
	SiteName string

	SignInTitle       string `english:"Sign in"`
	SignInSite        string `english:"to continue to {site}"`
	SignInWith        string `english:"Sign in with {provider}"`
	SignInFailed      string `english:"Unable to sign in."`
	CredentialsButton string `english:"Sign in"`
	EmailLabel        string `english:"Email address"`
	EmailPlaceholder  string `english:"you@example.com"`
	EmailButton       string `english:"Email me a sign-in link"`
	EmailCodeButton   string `english:"Email me a code"`
	Or                string `english:"or"`
	NoProviders       string `english:"No way to sign in has been set up yet."`
	LastUsed          string `english:"Last used"`
	MoreWays          string `english:"More ways to sign in"`
	ForgotPassword    string `english:"Forgot your password?"`
	SignUpText        string `english:"No account yet?"`
	SignUpLink        string `english:"Create an account"`
	Terms             string `english:"Terms"`
	Privacy           string `english:"Privacy"`

	SignOutTitle  string `english:"Sign out"`
	SignOutText   string `english:"Do you want to sign out?"`
	SignOutButton string `english:"Sign out"`
	SignOutCancel string `english:"Stay signed in"`

	VerifyTitle  string `english:"Check your email"`
	VerifyText   string `english:"We sent you a sign-in link. Open it to continue."`
	VerifyHint   string `english:"Nothing there? Look in your spam folder. You can close this page."`
	SendAgain    string `english:"Send it again"`
	SentAgain    string `english:"It was sent again."`
	OtherAddress string `english:"Use another address"`

	CodeText   string `english:"We sent you a code. Type it here to continue."`
	CodeLabel  string `english:"Code"`
	CodeButton string `english:"Sign in"`
	CodeWrong  string `english:"That is not the code. Look at the newest email and try again."`

	ConfirmTitle  string `english:"Sign in"`
	ConfirmText   string `english:"You are about to sign in as {email}."`
	ConfirmButton string `english:"Sign in"`

	MailSubject string `english:"Sign in to {site}"`
	MailText    string `english:"Use this link to sign in to {site} as {email}."`
	MailButton  string `english:"Sign in"`
	MailCode    string `english:"This is your code to sign in to {site} as {email}."`
	MailHint    string `english:"It works once. If you did not ask for it, do nothing, and nothing happens."`
	MailReason  string `english:"You get this email because somebody entered your address at {address}."`

	FactorTitle       string `english:"Confirm that it is you"`
	FactorText        string `english:"What you want to do needs a fresh proof of who you are."`
	FactorButton      string `english:"Confirm"`
	FactorResend      string `english:"What you entered was not sent. Send it again afterwards."`
	FactorNone        string `english:"Your account has no way to give the proof that this needs. Sign out and sign in again, or set one up first."`
	FactorMailSubject string `english:"Your code for {site}"`
	FactorMailCode    string `english:"This code confirms at {site} that you are {email}. Somebody who is signed in as you asked for it."`

	ContinueText   string `english:"One moment, please."`
	ContinueButton string `english:"Continue"`

	SecondText       string `english:"Type the code that your authenticator app shows."`
	SecondWrong      string `english:"That is not the code. Type the one that the app shows now: each works once."`
	SecondOff        string `english:"Too many codes were wrong, so that the app’s codes do not count for now. Use a recovery code."`
	SecondTrust      string `english:"Do not ask in this browser for {days} days"`
	SecondToCode     string `english:"Use the app’s code"`
	SecondToRecovery string `english:"Use a recovery code"`
	RecoveryText     string `english:"Type one of your recovery codes. It works once."`
	RecoveryLabel    string `english:"Recovery code"`
	RecoveryWrong    string `english:"That is none of your recovery codes, or it was used before."`

	EnrolTitle    string `english:"Set up an authenticator app"`
	EnrolText     string `english:"Scan this picture with the app, or type the key into it. Then type the code that the app shows."`
	EnrolRequired string `english:"This site asks you for a second step when you sign in."`
	EnrolPicture  string `english:"QR code of the key"`
	EnrolKey      string `english:"Key"`
	EnrolButton   string `english:"Turn on"`
	EnrolAddress  string `english:"First prove that your email address is yours: sign in by email once. Then set up the app."`

	CodesTitle string `english:"Your recovery codes"`
	CodesText  string `english:"Each of them works once in place of the app’s code. Keep them where you find them without your phone. They are not shown again."`

	TwoStepTitle   string `english:"Two-step sign-in"`
	TwoStepNone    string `english:"You sign in without a second step."`
	TwoStepApp     string `english:"An authenticator app is set up since {date}."`
	TwoStepLeft    string `english:"Recovery codes left: {count}"`
	TwoStepReplace string `english:"Set up another app"`
	TwoStepCodes   string `english:"Make new recovery codes"`
	TwoStepRemove  string `english:"Turn two-step sign-in off"`

	NoticeSubject  string `english:"Your sign-in at {site} was changed"`
	NoticeAdded    string `english:"An authenticator app was set up for your account {email} at {site}."`
	NoticeRemoved  string `english:"The authenticator app of your account {email} at {site} was removed."`
	NoticeCodes    string `english:"New recovery codes were made for your account {email} at {site}. The former ones do not work any more."`
	NoticeRecovery string `english:"A recovery code of your account {email} at {site} was used."`
	NoticeWrong    string `english:"Several wrong codes were typed for your account {email} at {site}, by a person who had passed the first step of signing in."`
	NoticeOff      string `english:"So many wrong codes were typed for your account {email} at {site} that the app’s codes do not count for now. A recovery code does."`
	NoticeHint     string `english:"If this was not you, change your password and sign out everywhere."`

	ErrorTitle         string `english:"Something went wrong"`
	ConfigurationTitle string `english:"Sign-in is unavailable"`
	AccessDeniedTitle  string `english:"Access denied"`
	VerificationTitle  string `english:"This link no longer works"`
	RateLimitedTitle   string `english:"Too many attempts"`
	CodeTitle          string `english:"This code no longer works"`
	BackToSignIn       string `english:"Back to sign in"`
	SwitchAccount      string `english:"Switch account"`
	TryAgain           string `english:"Try again"`
	Home               string `english:"Back to the site"`
	Reference          string `english:"Reference: {reference}"`

	AccountTitle      string `english:"Your account"`
	AccountWays       string `english:"Ways to sign in"`
	AccountConnect    string `english:"Connect {provider}"`
	AccountRemove     string `english:"Remove"`
	AccountLeft       string `english:"Without it you sign in with: {ways}."`
	AccountOnly       string `english:"Your only way to sign in."`
	AccountProved     string `english:"confirmed"`
	AccountDevices    string `english:"Where you are signed in"`
	AccountHere       string `english:"This browser."`
	AccountUsed       string `english:"Last used {time}."`
	AccountBrowser    string `english:"Unknown browser"`
	AccountEnd        string `english:"Sign out"`
	AccountEndOthers  string `english:"Sign out everywhere else"`
	AccountDelete     string `english:"Delete account"`
	AccountDeleteText string `english:"Your account and all that belongs to it is deleted. This cannot be undone."`
	AccountDeleteSure string `english:"I want to delete my account"`
	AccountManage     string `english:"Manage"`
	AccountDone       string `english:"Done."`
	AccountFailed     string `english:"That did not work. Please try again."`

	PasskeyButton        string `english:"Sign in with a passkey"`
	NoticePasskeyAdded   string `english:"A passkey was added to your account {email} at {site}."`
	NoticePasskeyRemoved string `english:"A passkey was removed from your account {email} at {site}."`
	PasskeyProve         string `english:"Confirm with a passkey"`
	PasskeyFailed        string `english:"Your device gave no passkey. Try again, or use another way."`
	PasskeysTitle        string `english:"Passkeys"`
	PasskeysText         string `english:"A passkey signs you in with your fingerprint, your face or the lock of your screen."`
	PasskeysNone         string `english:"You have no passkeys yet."`
	PasskeyName          string `english:"Name"`
	PasskeyDefaultName   string `english:"Passkey"`
	PasskeyAdd           string `english:"Add a passkey"`
	PasskeyRename        string `english:"Rename"`
	PasskeyRemove        string `english:"Remove"`
	PasskeyAdded         string `english:"Added on {date}"`
	PasskeyUsed          string `english:"Last used on {date}"`
	PasskeySynced        string `english:"Saved in your password manager"`
	PasskeyCloned        string `english:"This passkey may have been copied. Remove it, and add a new one."`

	Errors map[string]string
}

// resolve validates the texts and fills in the defaults.
func (t Texts) resolve() (Texts, error) {
	if err := t.validate(); err != nil {
		return Texts{}, err
	}
	fields := reflect.ValueOf(&t).Elem()
	for i := range fields.NumField() {
		if english, ok := fields.Type().Field(i).Tag.Lookup("english"); ok && fields.Field(i).String() == "" {
			fields.Field(i).SetString(english)
		}
	}
	errs, own := errorcode.Texts(), map[string]string{}
	for code, text := range t.Errors {
		own[ascii.Lower(code)] = text
		errs[ascii.Lower(code)] = text
	}
	for notice, code := range errorcode.Notices() {
		if _, given := own[notice]; !given && own[code] != "" {
			errs[notice] = own[code] // a text of one's own, in another language for instance
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
	if t.Reference != "" && !strings.Contains(t.Reference, "{reference}") {
		fault(`Reference %q names none: write {reference} where it goes`, t.Reference)
	}
	if strings.ContainsFunc(t.SiteName+t.MailSubject+t.FactorMailSubject+t.NoticeSubject, endsLine) {
		fault("SiteName, Texts.MailSubject, FactorMailSubject or NoticeSubject holds a line break or another control character: leave it out") // they go into a header
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
	return errorcode.Clip(e)
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

// abortText says why a guarded request ended. For AccessDenied, the code of sign-ins too,
// the words of guards are those of NoAccess.
func (s *Set) abortText(code string) string {
	own := code
	if code == errorcode.AccessDenied {
		own = errorcode.NoAccess
	}
	if text := s.texts.Errors[ascii.Lower(own)]; text != "" {
		return text
	}
	return errorcode.AbortText(code)
}

// isolated is a value as it goes into a text. In one that is read from right to left it
// stands in an isolate (UAX #9 §2.4.2): otherwise its digits are read from right to left
// too, so that a date is another date.
func (t Texts) isolated(value string) string {
	if t.Dir != "rtl" {
		return value
	}
	return "\u2068" + value + "\u2069"
}

// filled puts the site's name and an address into the text of a mail. Its subject, a
// line of the header, has no isolates.
func (t Texts) filled(site, email string) *strings.Replacer {
	return strings.NewReplacer("{site}", t.isolated(site), "{email}", t.isolated(email))
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
