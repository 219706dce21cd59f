// Package errorcode lists the error codes that ginauth shows: which page explains a
// code, with which status, and in which English words. Most codes are NextAuth's. The
// package does not know what happened: the caller chooses the code.
package errorcode

import (
	"net/http"

	"github.com/ginauth/ginauth/internal/ascii"
)

// NextAuth's codes.
const (
	Signin                = "Signin"
	OAuthSignin           = "OAuthSignin"           // the provider could not be asked
	OAuthCallback         = "OAuthCallback"         // the provider's answer was not accepted
	OAuthCreateAccount    = "OAuthCreateAccount"    // the user could not be stored
	EmailCreateAccount    = "EmailCreateAccount"    // the user could not be stored
	Callback              = "Callback"              // any other failure of a sign-in
	OAuthAccountNotLinked = "OAuthAccountNotLinked" // the account or address belongs to another user
	EmailSignin           = "EmailSignin"           // the mail could not be sent
	CredentialsSignin     = "CredentialsSignin"     // Authorize refused
	SessionRequired       = "SessionRequired"       // nobody is signed in
	Configuration         = "Configuration"
	AccessDenied          = "AccessDenied" // a callback, a guard or the person refused
	Verification          = "Verification" // the link of a mail does not work
	Default               = "Default"
)

// ginauth's own codes.
const (
	RateLimited        = "RateLimited"        // too many attempts
	VerificationCode   = "VerificationCode"   // the code of a mail is wrong, or does not work any more
	SessionUnavailable = "SessionUnavailable" // a store cannot tell who is signed in
	SessionFault       = "SessionFault"       // the session could not be read
	CrossOriginRequest = "CrossOriginRequest" // another site sent the request
	BadHost            = "BadHost"            // the site does not answer for the host
	FormRefused        = "MissingCSRF"        // a form did not prove that it came from this site; Auth.js's code
	NoAccess           = "NoAccess"           // a guard's words for AccessDenied, in texts of one's own
	FactorCode         = "FactorCode"         // the code of a second factor is wrong; its own page says so
	FactorExpired      = "FactorExpired"      // a sign-in waited too long for its second factor, or was finished or ended meanwhile
	InvalidToken       = "InvalidToken"       // a bearer token is wrong, expired or meant for somebody else
	FactorRequired     = "FactorRequired"     // the person must prove again who they are
	OtherAccount       = "OtherAccount"       // the proof is another account's than the session's

	PasskeySignin       = "PasskeySignin"       // a passkey's answer was not accepted
	PasskeyRegistration = "PasskeyRegistration" // a new passkey was not accepted
)

// Notices say more about a sign-in that failed than its code does. A page shows a
// notice together with its code.
const (
	SignInUsed     = "SignInUsed"     // the sign-in was completed before, or has expired
	SignInLost     = "SignInLost"     // this browser has no cookie of it
	LinkLost       = "LinkLost"       // the link works only in the browser that asked for it
	LinkUsed       = "LinkUsed"       // the link does not work, and the person is signed in
	CodeLost       = "CodeLost"       // the code was asked for in another browser
	CodeUsed       = "CodeUsed"       // the code does not work, and the person is signed in
	CookiesBlocked = "CookiesBlocked" // the form came without this site's cookies
	OtherOrigin    = "OtherOrigin"    // the form was sent from another address than this site's
	OtherSite      = "OtherSite"      // another site asks for the sign-in
)

// A row says how a code is shown.
type row struct {
	code     string
	signIn   bool   // the sign-in page explains it, since the person can try again at once
	status   int    // of its error page; 0: 200
	text     string // on a page. It says what to do next, and nothing about the cause that helps an attacker.
	abort    string // of a guarded request that ends with it
	of       string // the code that a notice belongs to
	signedIn string // the notice for a person who is signed in all the same
}

// rows are all codes.
var rows = []row{
	{code: Signin, signIn: true, text: "Signing in did not work. Please try again, or choose another account."},
	{code: OAuthSignin, signIn: true, text: "The sign-in service could not be reached. Please try again in a moment."},
	{code: OAuthCallback, signIn: true, text: "The sign-in service did not confirm who you are. Please try again."},
	{code: OAuthCreateAccount, signIn: true, text: "Your account could not be created. Try another way to sign in."},
	{code: EmailCreateAccount, signIn: true, text: "Your account could not be created. Try another way to sign in."},
	{code: Callback, signIn: true, text: "Signing in was interrupted. Please try again."},
	{code: OAuthAccountNotLinked, signIn: true, text: "This email address already has an account. Sign in the way you did the first time."},
	{code: EmailSignin, signIn: true, text: "The email could not be sent. Check the address and try again."},
	{code: CredentialsSignin, signIn: true, text: "These details do not match an account. Check them and try again."},
	{code: PasskeySignin, signIn: true, text: "This passkey did not sign you in. Try again, or sign in another way."},
	{code: PasskeyRegistration, text: "The passkey was not added. Please try again."},
	{code: SessionRequired, signIn: true, text: "Please sign in to see this page.", abort: "Sign in first."},
	{code: Configuration, status: http.StatusInternalServerError,
		text:  "There is a problem on our side. Please try again later. If you run this site, its log names the cause.",
		abort: "There is a problem on our side. The site's log names the cause."},
	{code: AccessDenied, status: http.StatusForbidden,
		text:  "The sign-in was cancelled, or this account has no permission to sign in here.",
		abort: "You do not have access to this."},
	{code: Verification, status: http.StatusForbidden, signedIn: LinkUsed,
		text: "It may have expired, or it was used before. Ask for a new one to sign in."},
	{code: VerificationCode, status: http.StatusForbidden, signedIn: CodeUsed,
		text: "It may have expired, or it was used or tried too often. Ask for a new one to sign in."},
	{code: RateLimited, status: http.StatusTooManyRequests, text: "Please wait {wait} and try again."},
	{code: SessionUnavailable, status: http.StatusServiceUnavailable,
		abort: "The session cannot be read just now. Try again in a moment."},
	{code: SessionFault, abort: "The session could not be read. Try again later."},
	{code: CrossOriginRequest, abort: "This request came from another site and was not carried out."},
	{code: BadHost, abort: "This site does not answer for the host of this request."},
	{code: FormRefused, text: "That form did not show that it came from this site, so it was not accepted. It may have been open for too long. Please try again on this page."},
	{code: FactorExpired, signIn: true, text: "This sign-in is over: it was finished, or it waited too long for its second step. Please sign in again."},
	{code: InvalidToken, abort: "The bearer token is not valid."},
	{code: FactorRequired, abort: "Prove again who you are, and then try again."},
	{code: OtherAccount, text: "That was another account. Use the one that you are signed in with here."},
	{code: Default, text: "We could not finish signing you in. Please try again."},

	{code: SignInUsed, of: OAuthCallback, text: "This sign-in was already used, or it has expired. Start again here."},
	{code: SignInLost, of: OAuthCallback,
		text: "This browser did not start that sign-in. It may have begun in another browser or app, more than 15 minutes ago, or without cookies. Start again here."},
	{code: LinkLost, of: Verification,
		text: "It works only in the browser in which you asked for it. Open it there, or ask for a new one here."},
	{code: LinkUsed, of: Verification,
		text: "It may have expired, or it was used before. You are signed in, so you do not need it."},
	{code: CodeLost, of: VerificationCode,
		text: "It was used before, or you asked for it in another browser. Ask for a new one here."},
	{code: CodeUsed, of: VerificationCode,
		text: "It may have expired, or it was used before. You are signed in, so you do not need it."},
	{code: OtherSite,
		text: "Another site sent you here to sign in. Go on only if you expected that: it may sign you in with another account."},
	{code: CookiesBlocked, of: FormRefused,
		text: "Your browser did not send this site’s cookies, and signing in needs them. Allow cookies if your browser blocks them, and try again on this page."},
	{code: OtherOrigin, of: FormRefused,
		text: "That form was sent from another address than this site’s, so it was not accepted. Please try again on this page."},
}

// find returns the zero row for a code that is not listed.
func find(code string) row {
	for _, r := range rows {
		if r.code == code {
			return r
		}
	}
	return row{}
}

// ShownOnSignInPage reports whether the sign-in page explains a code, and not the error
// page.
func ShownOnSignInPage(code string) bool { return find(code).signIn }

// ShownAtProof is the code that the page for a further proof explains: the author of a
// link must not put words on it. Without one it is that of a form that was refused.
func ShownAtProof(code string) string {
	switch {
	case code == "":
		return FormRefused
	case ShownOnSignInPage(code), code == OtherAccount, code == AccessDenied, code == VerificationCode, code == FormRefused:
		return code
	}
	return Default
}

// Status is the HTTP status of the error page for a code, in any case.
func Status(code string) int {
	for _, r := range rows {
		if r.status != 0 && ascii.EqualFold(r.code, code) {
			return r.status
		}
	}
	return http.StatusOK
}

// AbortText says in words why a guarded request was refused; "" for a code that refuses
// none.
func AbortText(code string) string { return find(code).abort }

// SignedInNotice is the notice that explains a code to a person who is signed in all the
// same: who went back to a link or code that signed them in. "" for none.
func SignedInNotice(code string) string { return find(code).signedIn }

// Texts are the English texts of the pages by code, in lower case.
func Texts() map[string]string {
	texts := map[string]string{}
	for _, r := range rows {
		if r.text != "" {
			texts[ascii.Lower(r.code)] = r.text
		}
	}
	return texts
}

// Notices maps each notice to the code that it belongs to, both in lower case.
func Notices() map[string]string {
	notices := map[string]string{}
	for _, r := range rows {
		if r.of != "" {
			notices[ascii.Lower(r.code)] = ascii.Lower(r.of)
		}
	}
	return notices
}
