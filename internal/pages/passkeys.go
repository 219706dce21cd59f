package pages

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"
)

//go:embed templates/passkey.js
var passkeyScript []byte

// integrity is the script's hash, as Subresource Integrity and the policy write it.
var integrity = func() string {
	sum := sha256.Sum256(passkeyScript)
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}()

// PasskeyScript is the one script of the pages.
func PasskeyScript() Script {
	return Script{passkeyScript, integrity[len("sha256-"):][:12]}
}

// scripted lets a policy run the passkeys' script, by its hash, and nothing else
// (CSP Level 3 §8.4), which asks this site alone.
func scripted(policy string) string {
	return policy + "; script-src '" + integrity + "'; connect-src 'self'"
}

// scriptElement loads the script; "" where url is.
func scriptElement(url string) template.HTML {
	if url == "" {
		return ""
	}
	return template.HTML(`<script src="` + html.EscapeString(url) + `" integrity="` + integrity + `" crossorigin="anonymous" defer></script>`)
}

// passkeyForm is a form in which a passkey is asked for, and which the script shows.
type passkeyForm struct {
	Action  string // the URL that a passkey's answer is posted to; empty: there are none
	Purpose string // what the passkey is asked for
	Label   string
	Or      bool // other ways stand before it
	Script  template.HTML
}

func (s *Set) passkeyForm(p SignIn) (f passkeyForm) {
	for _, provider := range p.Providers {
		if provider.Type == "webauthn" {
			f = passkeyForm{provider.Action, "authenticate", s.texts.PasskeyButton, len(p.Providers) > 1, scriptElement(p.Script)}
		}
	}
	return f
}

// Passkeys is what the page of a person's passkeys shows.
type Passkeys struct {
	Site                           string // the host name shown; optional
	Action, CSRFToken, CallbackURL string
	Passkeys                       []Passkey
	Register                       string // the URL that a new passkey is posted to; empty: no more can be added
	Script                         string // the URL of the script
	Error                          string // a code, whose text is shown; optional
	Failed                         bool   // the last form
}

// Passkey is one of them.
type Passkey struct {
	ID, Name          string
	Created, LastUsed time.Time // LastUsed is zero for never
	Synced, Cloned    bool
}

// PasskeyName is the name of a passkey that a person gave none.
func (s *Set) PasskeyName() string { return s.texts.PasskeyDefaultName }

// passkeyView is a passkey as its template wants it.
type passkeyView struct {
	ID, Field, Name, Added, Used string
	Synced, Cloned               bool
}

// Passkeys writes the page of a person's passkeys.
func (s *Set) Passkeys(w http.ResponseWriter, status int, p Passkeys) {
	f := s.frame(s.texts.PasskeysTitle, p.Site)
	alert := s.texts.inline(p.Error)
	if p.Failed {
		alert = s.texts.AccountFailed
	}
	view := struct {
		CSRFToken, CallbackURL, Action, Register, Alert string
		Passkeys                                        []passkeyView
		Script                                          template.HTML
	}{p.CSRFToken, p.CallbackURL, p.Action, p.Register, alert, nil, scriptElement(p.Script)}
	for i, k := range p.Passkeys {
		v := passkeyView{ID: k.ID, Field: "passkey-" + strconv.Itoa(i), Name: k.Name, Added: s.texts.on(s.texts.PasskeyAdded, k.Created), Synced: k.Synced, Cloned: k.Cloned}
		if !k.LastUsed.IsZero() {
			v.Used = s.texts.on(s.texts.PasskeyUsed, k.LastUsed)
		}
		view.Passkeys = append(view.Passkeys, v)
	}
	f.Style, f.Page = s.proofsStyle, view
	s.render(w, status, s.passkeys, scripted(s.proofsPolicy), f)
}

// on puts a day into a text, as ISO 8601 writes it: every reader takes it for the same.
func (t Texts) on(text string, day time.Time) string {
	return strings.ReplaceAll(text, "{date}", t.isolated(day.UTC().Format(time.DateOnly)))
}
