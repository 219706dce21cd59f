package ginauth

// Texts are the words of the built-in pages, for another language or another
// tone. A field left empty keeps its English default, which its comment quotes.
// They are text, not HTML.
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
