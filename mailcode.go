package ginauth

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/errorcode"
	"github.com/ginauth/ginauth/internal/token"
)

// maxTries is how often a code may be typed. It makes the chance to guess one five
// in a million.
const maxTries = 5

// asked is what a browser keeps, sealed, of the mail it asked for last. The code is
// in it, so that it is nowhere else but in the mail; and the nonce, without which no
// row is found. The row knows the provider.
type asked struct {
	Email   string `json:"e"`
	Nonce   string `json:"n"`
	Code    string `json:"c,omitempty"`
	Expires int64  `json:"x"` // Unix seconds
}

// keepAsked binds a proof to this browser, in place of the one before.
func (v *visit) keepAsked(p proof, to string, expires time.Time) {
	if p.nonce == "" {
		return
	}
	payload, err := json.Marshal(asked{to, p.nonce, p.code, expires.Unix()})
	if err != nil {
		return // texts and numbers always marshal
	}
	attributes := v.attributes()
	attributes.MaxAge = v.provider.email.MaxAge
	v.setCookie(cookie.Line(v.names.Mail, v.asking.Seal(payload), attributes))
}

// asked is the mail that this browser asked for last. Whether it is still good, its
// row says.
func (v *visit) asked() (last asked, ok bool) {
	for value := range cookie.Values(v.c.Request.Header["Cookie"], v.names.Mail) {
		var a asked
		payload, _, err := v.asking.Open(value)
		if err == nil && json.Unmarshal(payload, &a) == nil && (!ok || a.Expires > last.Expires) {
			last, ok = a, true
		}
	}
	return last, ok
}

// codeHashes are what a try of a code is kept under. The rows are the tries, one
// after another: a row is taken before a code is compared, so that not even many
// requests at once get more of them, in however many processes.
func (v *visit) codeHashes(to, nonce string, try int) []string {
	return v.proofs.Sums("code", v.provider.id, to, nonce, strconv.Itoa(try))
}

// spendCode signs in whoever typed the code.
func (v *visit) spendCode() outcome {
	a, ok := v.asked()
	if !ok || a.Code == "" {
		v.notice(errorcode.CodeLost)
		return v.failed(http.StatusUnauthorized, errorcode.VerificationCode)
	}
	v.typed = append(v.typed, a.Code, a.Email)
	typed := strings.NewReplacer(" ", "", "-", "").Replace(v.field("code"))
	if len(typed) != len(a.Code) {
		return v.tryAgain() // costs nothing: it cannot be the one
	}
	ctx, cancel := v.lasting(proofTimeout)
	defer cancel()
	try, err := v.takeTry(ctx, a)
	if err != nil {
		v.refused("checking the code", err)
		return v.failed(http.StatusInternalServerError, "Callback")
	}
	if try == 0 {
		return v.failed(http.StatusUnauthorized, errorcode.VerificationCode)
	}
	if token.Equal(typed, a.Code) {
		v.setCookie(cookie.Deletion(v.names.Mail, v.attributes()))
		return v.rememberMail(v.admitEmail(ctx, a.Email), a.Email)
	}
	if try == maxTries {
		return v.failed(http.StatusUnauthorized, errorcode.VerificationCode)
	}
	err = v.storeProof(ctx, VerificationToken{
		Identifier: a.Email, Hash: v.codeHashes(a.Email, a.Nonce, try+1)[0], Expires: time.Unix(a.Expires, 0),
	})
	if err != nil {
		v.refused("counting the tries", err)
		return v.failed(http.StatusInternalServerError, "Callback")
	}
	return v.tryAgain()
}

// tryAgain shows the page for the code once more.
func (v *visit) tryAgain() outcome {
	return outcome{location: v.verifyURL() + "&error=" + errorcode.VerificationCode, status: http.StatusUnauthorized}
}

// takeTry takes the next try, and returns 0 if there is none left.
func (v *visit) takeTry(ctx context.Context, a asked) (int, error) {
	for try := 1; try <= maxTries; try++ {
		ok, err := v.spend(ctx, a.Email, v.codeHashes(a.Email, a.Nonce, try))
		if ok || err != nil {
			return try, err
		}
	}
	return 0, nil
}
