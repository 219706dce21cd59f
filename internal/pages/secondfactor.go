package pages

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/ginauth/ginauth/internal/errorcode"
)

// SecondFactor is what the page shows that asks for a second factor.
type SecondFactor struct {
	Site                           string // the host name shown; optional
	Action, CSRFToken, CallbackURL string
	Recovery                       bool          // a recovery code is asked for, and not the app's
	Other                          string        // the page that asks for the other one
	SignInURL                      string        // where the link back leads; no link when empty
	Trust                          time.Duration // for how long the browser can be trusted; zero: that is not offered
	Wrong, Off                     bool          // the last code was wrong; the app's codes do not count
	Passkey                        SecondPasskey
}

// SecondPasskey is how a passkey stands in for a code. The zero value offers none.
type SecondPasskey struct {
	Action string // the URL that it is posted to
	Script string // the URL of the script
	Wrong  bool   // the last one was not accepted
}

// form is the passkey's form beside that of a code.
func (p SecondPasskey) form(t Texts) passkeyForm {
	if p.Action == "" {
		return passkeyForm{}
	}
	return passkeyForm{Action: p.Action, Purpose: "second", Label: t.PasskeyProve, Or: true, Script: scriptElement(p.Script)}
}

// alert says what was wrong with the last one.
func (p SecondPasskey) alert(t Texts) string {
	if p.Wrong {
		return t.inline(errorcode.PasskeySignin)
	}
	return ""
}

// policy is that of a page that may have the script.
func (p SecondPasskey) policy(policy string) string {
	if p.Action == "" {
		return policy
	}
	return scripted(policy)
}

// Enrol is what the page shows that sets an authenticator app up.
type Enrol struct {
	Site                           string // the host name shown; optional
	Action, CSRFToken, CallbackURL string
	Key                            string // as people type it; empty: it cannot be set up yet, since the address is not proved
	Setup                          string // the key as the form brings it back
	Size                           int    // of the QR code's square, and
	Path                           string // its dark modules as a path
	SignInURL                      string // where the link back leads; no link when empty
	Required                       bool   // the person must, to be signed in
	Wrong                          bool   // the last code was wrong
	Passkey                        SecondPasskey
}

// Codes is what the page shows that hands recovery codes over, once.
type Codes struct {
	Site  string // the host name shown; optional
	Codes []string
	URL   string // where the link on leads
}

// TwoStep is what the page shows of somebody's second factors.
type TwoStep struct {
	Site                        string // the host name shown; optional
	CSRFToken, CallbackURL      string
	AddURL, CodesURL, RemoveURL string
	Since                       time.Time // the app is set up; zero: it is not
	Left                        int       // recovery codes
	Off                         bool      // the app's codes do not count
}

// CodePage is the page that asks for a code. page is code or recovery, where a sign-in
// waits for it, and code is taken for any other; or confirm or confirm-recovery for
// somebody who is signed in. url is the one of the auth routes. trust is for how long a
// browser can be trusted in which a sign-in waits, and callbackURL is where the others
// lead.
func CodePage(url, page, callbackURL string, trust time.Duration) (p SecondFactor) {
	other := map[string]string{"code": "recovery", "recovery": "code", "confirm": "confirm-recovery", "confirm-recovery": "confirm"}
	if other[page] == "" {
		page = "code"
	}
	second := url + "/second-factor/"
	p.Action, p.Other, p.Recovery = second+page, second+other[page], strings.HasSuffix(page, "recovery")
	if page == "code" || page == "recovery" {
		p.SignInURL, p.Trust = url+"/signin", trust
	} else {
		p.CallbackURL = callbackURL
	}
	return p
}

// EnrolPage is the page that sets an authenticator app up: page is add where somebody is
// signed in, whom it leads to callbackURL, and else their sign-in waits for it. url is the
// one of the auth routes.
func EnrolPage(url, page, callbackURL string) Enrol {
	if page == "add" {
		return Enrol{Action: url + "/second-factor/add", CallbackURL: callbackURL}
	}
	return Enrol{Action: url + "/second-factor/enrol", Required: true, SignInURL: url + "/signin"}
}

// SecondFactor writes the page that asks for a second factor.
func (s *Set) SecondFactor(w http.ResponseWriter, status int, p SecondFactor) {
	v := struct {
		SecondFactor
		Ask          passkeyForm
		Alert, Trust string
	}{SecondFactor: p, Ask: p.Passkey.form(s.texts), Alert: p.Passkey.alert(s.texts)}
	switch {
	case p.Off && !p.Recovery:
		v.Alert = s.texts.SecondOff
	case p.Wrong && p.Recovery:
		v.Alert = s.texts.RecoveryWrong
	case p.Wrong:
		v.Alert = s.texts.SecondWrong
	}
	if days := int(p.Trust / (24 * time.Hour)); p.Trust > 0 {
		v.Trust = strings.ReplaceAll(s.texts.SecondTrust, "{days}", strconv.Itoa(max(days, 1)))
	}
	f := s.frame(s.texts.FactorTitle, p.Site)
	f.Page = v
	s.render(w, status, s.second, p.Passkey.policy(s.formPolicy), f)
}

// Enrol writes the page that sets an authenticator app up. It holds the key.
func (s *Set) Enrol(w http.ResponseWriter, status int, p Enrol) {
	v := struct {
		Enrol
		Ask               passkeyForm
		Lead, Alert, View string
	}{Enrol: p, Ask: p.Passkey.form(s.texts), Alert: p.Passkey.alert(s.texts), View: "0 0 " + strconv.Itoa(p.Size) + " " + strconv.Itoa(p.Size)}
	if p.Required {
		v.Lead = s.texts.EnrolRequired
	}
	switch {
	case p.Key == "":
		v.Alert = s.texts.EnrolAddress
	case p.Wrong:
		v.Alert = s.texts.SecondWrong
	}
	f := s.frame(s.texts.EnrolTitle, p.Site)
	f.Style, f.Page = s.proofsStyle, v
	s.render(w, status, s.enrol, p.Passkey.policy(s.proofsPolicy), f)
}

// Codes writes the page that hands recovery codes over.
func (s *Set) Codes(w http.ResponseWriter, p Codes) {
	f := s.frame(s.texts.CodesTitle, p.Site)
	f.Style, f.Page = s.proofsStyle, p
	s.render(w, http.StatusOK, s.codes, s.proofsPolicy+"; form-action 'none'", f)
}

// TwoStep writes the page of somebody's second factors.
func (s *Set) TwoStep(w http.ResponseWriter, p TwoStep) {
	v := struct {
		TwoStep
		Alert, Since, Left string
	}{TwoStep: p}
	if !p.Since.IsZero() {
		v.Since = s.texts.on(s.texts.TwoStepApp, p.Since)
		v.Left = strings.ReplaceAll(s.texts.TwoStepLeft, "{count}", strconv.Itoa(p.Left))
	}
	if p.Off {
		v.Alert = s.texts.SecondOff
	}
	f := s.frame(s.texts.TwoStepTitle, p.Site)
	f.Style, f.Page = s.proofsStyle, v
	s.render(w, http.StatusOK, s.twoStep, s.proofsPolicy, f)
}

// A Change is what happened to somebody's second factors, of which a mail tells.
type Change int

// The changes.
const (
	ChangeAdded Change = iota
	ChangeRemoved
	ChangeCodes
	ChangeRecovery
	ChangeWrong
	ChangeOff
	ChangePasskeyAdded
	ChangePasskeyRemoved
)

// FactorNotice writes the mail that tells of a change. It loads nothing and holds no link:
// a person who gets it goes to the site by themselves.
func (s *Set) FactorNotice(c Change, site, email string) Letter {
	if s.texts.SiteName != "" {
		site = s.texts.SiteName
	}
	t := s.texts
	text := [...]string{
		t.NoticeAdded, t.NoticeRemoved, t.NoticeCodes, t.NoticeRecovery, t.NoticeWrong, t.NoticeOff,
		t.NoticePasskeyAdded, t.NoticePasskeyRemoved,
	}[c]
	fill := t.filled(site, email)
	v := letterView{Texts: t, Subject: strings.NewReplacer("{site}", site, "{email}", email).Replace(t.NoticeSubject), Text: fill.Replace(text), Light: lightMail, Dark: darkMail}
	var body strings.Builder
	_ = s.notice.Execute(&body, v) // a template of ours, into memory
	return Letter{Subject: v.Subject, Text: v.Text + "\n\n" + t.NoticeHint + "\n", HTML: body.String()}
}
