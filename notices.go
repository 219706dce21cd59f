package ginauth

import (
	"strings"
	"time"

	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/errorcode"
)

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
	case code == errorcode.Verification && value == errorcode.LinkLost, code == errorcode.VerificationCode && value == errorcode.CodeLost:
		return value, ""
	case code == "MissingCSRF" || code == "" && v.c.Query("csrf") == "true":
		if !cookie.Has(v.c.Request.Header["Cookie"], v.names.CSRF) { // which the answer set that led here
			return errorcode.CookiesBlocked, ""
		}
	case code != errorcode.OAuthCallback:
	case value == errorcode.SignInUsed, value == errorcode.SignInLost:
		return value, ""
	case found && strings.HasPrefix(value, "."):
		return v.postedAgain(value)
	case !v.signIns().Any():
		return errorcode.SignInLost, ""
	}
	return "", ""
}

// postedAgain finds what is left of a sign-in whose answer came by another site's
// POST, which brought no cookie of it.
func (v *visit) postedAgain(suffix string) (notice, location string) {
	done := v.signIns().CompletedBySuffix(suffix)
	if done == nil {
		return errorcode.SignInLost, ""
	}
	location, err := v.leadsOn(done)
	if err != nil {
		v.refused("reading the session", err)
	}
	return errorcode.SignInUsed, location
}
