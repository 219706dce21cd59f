package ginauth

import (
	"strings"
	"time"

	"github.com/ginauth/ginauth/internal/cookie"
)

// Notices say more of a sign-in that was not completed than its error code, which is
// NextAuth's. They name texts (Texts.Errors).
const (
	signInUsed     = "SignInUsed"     // it was completed before, or has expired
	signInLost     = "SignInLost"     // this browser has no cookie of it
	linkLost       = "LinkLost"       // a link that works in the browser alone that asked for it
	linkUsed       = "LinkUsed"       // a link that does not work, for somebody who is signed in
	codeLost       = "CodeLost"       // a code typed in another browser
	codeUsed       = "CodeUsed"       // a code that does not work, for somebody who is signed in
	cookiesBlocked = "CookiesBlocked" // this browser keeps no cookies
)

// stillSignedIn are the notices for somebody who went back to a link or code that
// signed them in.
var stillSignedIn = map[string]string{"Verification": linkUsed, wrongCode: codeUsed}

// noticeAge is for how long the next page finds a notice.
const noticeAge = time.Minute

// notice tells the next page more than the error code. It is a cookie and no
// parameter: the URLs of errors are NextAuth's, and no link can put these words on a
// page. "" takes the one away that is there.
func (v *visit) notice(name string) {
	attributes := v.attributes()
	if name != "" {
		attributes.MaxAge = noticeAge
		v.setCookie(cookie.Line(v.names.Notice, name, attributes))
	} else if _, found := cookie.Get(v.c.Request.Header["Cookie"], v.names.Notice); found {
		v.setCookie(cookie.Deletion(v.names.Notice, attributes))
	}
}

// noticed is the notice that belongs to an error code; "" for none. location is where
// a sign-in led that was completed before, for the person whom it signed in.
func (v *visit) noticed(code string) (notice, location string) {
	value, found := cookie.Get(v.c.Request.Header["Cookie"], v.names.Notice)
	switch {
	case code == "Verification" && value == linkLost, code == wrongCode && value == codeLost:
		return value, ""
	case code == "MissingCSRF" || code == "" && v.c.Query("csrf") == "true":
		if !cookie.Has(v.c.Request.Header["Cookie"], v.names.CSRF) { // which the answer set that led here
			return cookiesBlocked, ""
		}
	case code != "OAuthCallback":
	case value == signInUsed, value == signInLost:
		return value, ""
	case found && strings.HasPrefix(value, "."):
		return v.postedAgain(value)
	case !v.signIns().Any():
		return signInLost, ""
	}
	return "", ""
}

// postedAgain finds what is left of a sign-in whose answer came by another site's
// POST, which brought no cookie of it.
func (v *visit) postedAgain(suffix string) (notice, location string) {
	done := v.signIns().CompletedBySuffix(suffix)
	if done == nil {
		return signInLost, ""
	}
	location, err := v.leadsOn(done)
	if err != nil {
		v.refused("reading the session", err)
	}
	return signInUsed, location
}
