package ginauth

import (
	_ "embed"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth/internal/origin"
	"github.com/ginauth/ginauth/internal/pages"
)

// Pages are URLs of the application's own pages, usually paths, used in place of
// the built-in ones. Default: the built-in ones.
type Pages struct {
	SignIn        string // gets callbackUrl and error in its query
	SignOut       string
	Error         string // gets error in its query
	VerifyRequest string // says that a mail is on its way
	// NewUser is where a person's first sign-in leads, with the callbackUrl in its
	// query. It needs an Adapter.
	NewUser string
	// The built-in pages have links to these where they are set: the sign-in page to
	// SignUp, for people without an account, and to ForgotPassword below a password; all
	// pages to Terms and Privacy.
	SignUp, ForgotPassword, Terms, Privacy string
	// TrustForwardedPrefix believes the X-Forwarded-Prefix of Options.TrustedProxies: what
	// a proxy took off the path of all pages and routes, such as /shop. It is for an
	// application that cannot know its prefix, so BaseURL must have no path. Each proxy
	// must set or delete the header: otherwise a client's own header is believed.
	// Default: false.
	TrustForwardedPrefix bool
}

// Theme is the look of the built-in pages.
type Theme struct {
	ColorScheme string // "light" or "dark"; default: as the browser prefers
	Logo        string // URL or path of a picture
	LogoDark    string // the same, where the page is dark; default: Logo
	BrandColor  string // #rrggbb or #rgb, of buttons and links; these get a shade of it that can be read
	// ButtonText is the text on BrandColor, #rrggbb or #rgb. Default: white, or black where
	// white could not be read. A pair of less than 4.5:1 (WCAG 2.2 §1.4.3) is a fault.
	ButtonText string
	// Stylesheet is a path on this site, such as /assets/signin.css, that the pages load
	// behind their own stylesheet. docs/look.md lists the custom properties that it may
	// set. Fonts that it loads must be of this site too. The contrast of its colors is
	// yours to check. Default: none.
	Stylesheet string
}

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
	LastUsed          string // beside the way by which this browser signed in last: "Last used"
	MoreWays          string // unfolds them, where there are more than five: "More ways to sign in"
	ForgotPassword    string // leads to Pages.ForgotPassword: "Forgot your password?"
	SignUpText        string // "No account yet?"
	SignUpLink        string // leads to Pages.SignUp: "Create an account"
	Terms             string // leads to Pages.Terms: "Terms"
	Privacy           string // leads to Pages.Privacy: "Privacy"

	SignOutTitle  string // "Sign out"
	SignOutText   string // "Do you want to sign out?"
	SignOutButton string // "Sign out"
	SignOutCancel string // "Stay signed in"

	VerifyTitle  string // "Check your email"
	VerifyText   string // "We sent you a sign-in link. Open it to continue."
	VerifyHint   string // "Nothing there? Look in your spam folder. You can close this page."
	SendAgain    string // "Send it again"
	SentAgain    string // "It was sent again."
	OtherAddress string // "Use another address"

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
	MailReason  string // below: "You get this email because somebody entered your address at {address}."

	FactorTitle       string // of the page of RequireFactor: "Confirm that it is you"
	FactorText        string // "What you want to do needs a fresh proof of who you are."
	FactorButton      string // "Confirm"
	FactorResend      string // where a form was under way: "What you entered was not sent. Send it again afterwards."
	FactorNone        string // "Your account has no way to give the proof that this needs. Sign out and sign in again, or set one up first."
	FactorMailSubject string // "Your code for {site}"
	FactorMailCode    string // "This code confirms at {site} that you are {email}. Somebody who is signed in as you asked for it."

	ContinueText   string // of a page that loads the next one by itself: "One moment, please."
	ContinueButton string // on its link, for browsers that do not: "Continue"

	SecondText       string // "Type the code that your authenticator app shows."
	SecondWrong      string // "That is not the code. Type the one that the app shows now: each works once."
	SecondOff        string // "Too many codes were wrong, so that the app’s codes do not count for now. Use a recovery code."
	SecondTrust      string // "Do not ask in this browser for {days} days"
	SecondToCode     string // "Use the app’s code"
	SecondToRecovery string // "Use a recovery code"
	RecoveryText     string // "Type one of your recovery codes. It works once."
	RecoveryLabel    string // "Recovery code"
	RecoveryWrong    string // "That is none of your recovery codes, or it was used before."

	EnrolTitle    string // "Set up an authenticator app"
	EnrolText     string // "Scan this picture with the app, or type the key into it. Then type the code that the app shows."
	EnrolRequired string // "This site asks you for a second step when you sign in."
	EnrolPicture  string // "QR code of the key"
	EnrolKey      string // "Key"
	EnrolButton   string // "Turn on"
	EnrolAddress  string // "First prove that your email address is yours: sign in by email once. Then set up the app."

	CodesTitle string // "Your recovery codes"
	CodesText  string // "Each of them works once in place of the app’s code. Keep them where you find them without your phone. They are not shown again."

	TwoStepTitle   string // "Two-step sign-in"
	TwoStepNone    string // "You sign in without a second step."
	TwoStepApp     string // "An authenticator app is set up since {date}."
	TwoStepLeft    string // "Recovery codes left: {count}"
	TwoStepReplace string // "Set up another app"
	TwoStepCodes   string // "Make new recovery codes"
	TwoStepRemove  string // "Turn two-step sign-in off"

	NoticeSubject  string // "Your sign-in at {site} was changed"
	NoticeAdded    string // "An authenticator app was set up for your account {email} at {site}."
	NoticeRemoved  string // "The authenticator app of your account {email} at {site} was removed."
	NoticeCodes    string // "New recovery codes were made for your account {email} at {site}. The former ones do not work any more."
	NoticeRecovery string // "A recovery code of your account {email} at {site} was used."
	NoticeWrong    string // "Several wrong codes were typed for your account {email} at {site}, by a person who had passed the first step of signing in."
	NoticeOff      string // "So many wrong codes were typed for your account {email} at {site} that the app’s codes do not count for now. A recovery code does."
	NoticeHint     string // "If this was not you, change your password and sign out everywhere."

	ErrorTitle         string // "Something went wrong"
	ConfigurationTitle string // "Sign-in is unavailable"
	AccessDeniedTitle  string // "Access denied"
	VerificationTitle  string // "This link no longer works"
	RateLimitedTitle   string // "Too many attempts"
	CodeTitle          string // "This code no longer works"
	BackToSignIn       string // "Back to sign in"
	SwitchAccount      string // on the page of a guard that refuses: "Switch account"
	TryAgain           string // loads the same page once more: "Try again"
	Home               string // "Back to the site"
	Reference          string // names the log line: "Reference: {reference}"

	AccountTitle      string // of the account page, and of the link to it: "Your account"
	AccountWays       string // "Ways to sign in"
	AccountConnect    string // "Connect {provider}"
	AccountRemove     string // an account from the ways to sign in: "Remove"
	AccountLeft       string // "Without it you sign in with: {ways}."
	AccountOnly       string // "Your only way to sign in."
	AccountProved     string // an address: "confirmed"
	AccountDevices    string // "Where you are signed in"
	AccountHere       string // "This browser."
	AccountUsed       string // "Last used {time}."
	AccountBrowser    string // "Unknown browser"
	AccountEnd        string // a session in another browser: "Sign out"
	AccountEndOthers  string // "Sign out everywhere else"
	AccountDelete     string // "Delete account"
	AccountDeleteText string // "Your account and all that belongs to it is deleted. This cannot be undone."
	AccountDeleteSure string // beside a box to tick: "I want to delete my account"
	AccountManage     string // "Manage"
	AccountDone       string // "Done."
	AccountFailed     string // "That did not work. Please try again."

	PasskeyButton        string // "Sign in with a passkey"
	NoticePasskeyAdded   string // "A passkey was added to your account {email} at {site}."
	NoticePasskeyRemoved string // "A passkey was removed from your account {email} at {site}."
	PasskeyProve         string // in place of PasskeyButton, where somebody proves again who they are: "Confirm with a passkey"
	PasskeyFailed        string // where the device gives none: "Your device gave no passkey. Try again, or use another way."
	PasskeysTitle        string // of the page that lists them: "Passkeys"
	PasskeysText         string // "A passkey signs you in with your fingerprint, your face or the lock of your screen."
	PasskeysNone         string // "You have no passkeys yet."
	PasskeyName          string // "Name"
	PasskeyDefaultName   string // of one that gets no other: "Passkey"
	PasskeyAdd           string // "Add a passkey"
	PasskeyRename        string // "Rename"
	PasskeyRemove        string // "Remove"
	PasskeyAdded         string // "Added on {date}"
	PasskeyUsed          string // "Last used on {date}"
	PasskeySynced        string // of one that several devices have: "Saved in your password manager"
	PasskeyCloned        string // "This passkey may have been copied. Remove it, and add a new one."

	// Errors are texts by error code, in place of the built-in one or for a code of your own.
	// Codes are compared without regard to case. SignInUsed and SignInLost say more than
	// OAuthCallback, LinkUsed and LinkLost more than Verification, CodeUsed and CodeLost
	// more than VerificationCode, CookiesBlocked and OtherOrigin more than MissingCSRF;
	// OtherSite stands by itself. NoAccess, SessionUnavailable, SessionFault,
	// CrossOriginRequest and BadHost are what guards say on a page. In that of RateLimited,
	// {seconds} and {minutes} are how long to wait, rounded up, and {wait} is the same in English.
	Errors map[string]string
}

func (a *Auth) look(opts *Options, f *faults) {
	var logos []string
	for _, p := range a.providers {
		if m := p.oauth(); m != nil {
			logos = append(logos, m.logo)
		}
	}
	var err error
	translations := make(map[string]pages.Texts, len(opts.Translations))
	for tag, texts := range opts.Translations {
		translations[tag] = pages.Texts(texts)
	}
	links := pages.Links{SignUp: opts.Pages.SignUp, ForgotPassword: opts.Pages.ForgotPassword, Terms: opts.Pages.Terms, Privacy: opts.Pages.Privacy}
	for _, p := range [...]struct {
		option string
		url    *string
	}{
		{"SignIn", &opts.Pages.SignIn}, {"SignOut", &opts.Pages.SignOut}, {"Error", &opts.Pages.Error},
		{"VerifyRequest", &opts.Pages.VerifyRequest}, {"NewUser", &opts.Pages.NewUser},
	} {
		if err := origin.CheckPage(p.url); err != nil {
			f.add("Pages.%s is %q; write a path such as /login, or an http(s) URL", p.option, *p.url)
		}
	}
	for option, url := range map[string]string{"SignUp": links.SignUp, "ForgotPassword": links.ForgotPassword, "Terms": links.Terms, "Privacy": links.Privacy} {
		if err := origin.CheckLink(url); err != nil {
			f.add("Pages.%s is %q; write a path such as /legal, or an http(s) URL", option, url)
		}
	}
	if a.pages, err = pages.NewLanguages(pages.Theme(opts.Theme), pages.Texts(opts.Texts), translations, links, logos...); err != nil {
		f.addAll("Theme, Texts or Translations", err)
	}
}

// words are the pages in the language of a request.
func (a *Auth) words(c *gin.Context) *pages.Set {
	if !a.pages.Several() {
		return a.pages.Fallback()
	}
	if h := c.Writer.Header(); !slices.Contains(h["Vary"], "Accept-Language") {
		h["Vary"] = append(slices.Clip(h["Vary"]), "Accept-Language")
	}
	chosen := ""
	if a.opts.Language != nil {
		chosen = a.opts.Language(c)
	}
	return a.pages.For(chosen, c.Request.Header)
}

// pages are those of this request: in its language, with the prefix of its proxy.
func (r *request) pages() *pages.Set { return r.auth.words(r.c).Below(r.base.Prefix) }

// CSRFField is a hidden input with the CSRF token, for a form of your own page
// that posts to an auth route. It may set the CSRF cookie, so it must be called
// before the page is written. It is empty for a host that the site does not
// answer for.
func (a *Auth) CSRFField(c *gin.Context) template.HTML {
	return a.form(c, func(r *request) template.HTML { return pages.CSRFField(r.csrfToken) })
}

// SignInForm is a form with one button that starts a sign-in at a provider, for your own
// pages; the form of Email also has a field for the address. callbackURL is where the
// sign-in leads; empty: back to the site. For the rest see CSRFField. It is empty for an
// unknown provider.
func (a *Auth) SignInForm(c *gin.Context, providerID, callbackURL string) template.HTML {
	p := a.provider(providerID)
	if p == nil {
		return ""
	}
	return a.form(c, func(r *request) template.HTML {
		return a.words(c).SignInForm(p.button(r.base.URL), r.csrfToken, callbackURL)
	})
}

// SignOutForm is a form with one button that signs out, for your own pages.
// callbackURL is where it leads; empty: back to the site. For the rest see
// CSRFField.
func (a *Auth) SignOutForm(c *gin.Context, callbackURL string) template.HTML {
	return a.form(c, func(r *request) template.HTML {
		return a.words(c).SignOutForm(pages.SignOut{Action: r.base.URL + "/signout", CSRFToken: r.csrfToken, CallbackURL: callbackURL})
	})
}

// ProviderButtons are forms with one button for each OAuth provider, with its mark, for
// a sign-in page of your own. The one that was used last in this browser is first.
// callbackURL is as in SignInForm; for the rest see CSRFField. The markup has classes that
// begin with ginauth- and no styles.
func (a *Auth) ProviderButtons(c *gin.Context, callbackURL string) template.HTML {
	return a.form(c, func(r *request) template.HTML {
		return a.words(c).ProviderButtons(r.buttons(), r.lastUsed(), r.csrfToken, callbackURL)
	})
}

// CodeForm is a form for the code that Email.Code mails, for the page that
// Pages.VerifyRequest names. It is empty for a provider that mails no codes; for the rest
// see ProviderButtons.
func (a *Auth) CodeForm(c *gin.Context, providerID, callbackURL string) template.HTML {
	p := a.provider(providerID)
	if p == nil || !p.button("").Code {
		return ""
	}
	return a.form(c, func(r *request) template.HTML {
		return a.words(c).CodeForm(r.base.URL+"/callback/"+p.id, r.csrfToken, callbackURL)
	})
}

// form writes a form for the browser of a request, with its CSRF token.
func (a *Auth) form(c *gin.Context, write func(r *request) template.HTML) template.HTML {
	base, err := a.site.Hosts.Base(c.Request)
	if err != nil {
		a.tellHost(c.Request)
		return ""
	}
	r := &request{auth: a, c: c, base: base, names: a.scheme(base).names, csrfToken: a.csrfToken(c, base)}
	private(c.Writer.Header()) // the token is this browser's
	return write(r)
}

//go:embed client/ginauth.js
var clientSource []byte

// ClientURL is the path of the client module, for a page's import map or script:
//
//	<script type="module">
//	  import { onSession, signIn, signOut } from "{{.ClientURL}}"
//	</script>
//
// Browsers keep what it leads to for good, since it changes with the module.
// Without its query the module is asked for again each time. A prefix that only
// X-Forwarded-Prefix tells is not in it: write that in front.
func (a *Auth) ClientURL() string { return a.site.PublicURL + "/client.js?v=" + a.client.Version }

// getClient serves the client module, which is the same for everybody.
func (r *request) getClient() {
	client := r.auth.client
	if path := strings.TrimPrefix(r.base.URL, r.base.Origin); path != r.auth.site.PublicURL {
		client = pages.ClientModule(clientSource, path) // below the prefix that a proxy says
	}
	r.c.Writer.Header()["Etag"] = []string{`"` + client.Version + `"`}
	r.serveScript(client)
}

// passkeyScriptURL is the script of the pages with passkeys; "" where there are none.
func (r *request) passkeyScriptURL() string {
	if r.auth.passkeys() == nil {
		return ""
	}
	return r.base.URL + "/passkey.js?v=" + url.QueryEscape(pages.PasskeyScript().Version)
}

// getPasskeyScript serves it, the same for everybody.
func (r *request) getPasskeyScript() { r.serveScript(pages.PasskeyScript()) }

// serveScript serves a script, which a browser may keep for good if it asks for this version.
func (r *request) serveScript(s pages.Script) {
	h := r.c.Writer.Header()
	h["X-Content-Type-Options"] = []string{"nosniff"}
	h["Cache-Control"] = []string{"no-cache"}
	if r.c.Query("v") == s.Version {
		h["Cache-Control"] = []string{"public, max-age=31536000, immutable"}
	}
	if etag := h.Get("Etag"); etag != "" && strings.Contains(r.c.GetHeader("If-None-Match"), etag) {
		r.c.Status(http.StatusNotModified)
		r.c.Writer.WriteHeaderNow()
		return
	}
	r.c.Data(http.StatusOK, "text/javascript; charset=utf-8", s.Body)
}

// signInFor is the sign-in page that leads to another one.
func (r *request) signInFor(page string) string {
	return withQuery(r.base.URL+"/signin", "callbackUrl", page)
}
