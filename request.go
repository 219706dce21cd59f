package ginauth

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/errorcode"
	"github.com/ginauth/ginauth/internal/factor"
	"github.com/ginauth/ginauth/internal/form"
	"github.com/ginauth/ginauth/internal/lifetime"
	"github.com/ginauth/ginauth/internal/limit"
	"github.com/ginauth/ginauth/internal/oauth"
	"github.com/ginauth/ginauth/internal/origin"
	"github.com/ginauth/ginauth/internal/pages"
	"github.com/ginauth/ginauth/internal/redact"
	"github.com/ginauth/ginauth/internal/refusal"
)

// maxCallbackURL bounds the callback URL as its cookie holds it, in bytes:
// beside the session it must pass the 8 KB that proxies allow a header line.
const maxCallbackURL = 2048

// A request is one request to an auth route, with what every route needs to know.
type request struct {
	auth     *Auth
	c        *gin.Context
	base     origin.Base
	names    cookie.Names
	method   string        // of the request; GET for HEAD
	segment  string        // what the path says behind the action
	provider *provider     // the one it names, nil if there is none
	body     form.Body     // what a page sends
	known    limit.Devices // what this answer makes of the device cookie; nil: nothing yet
	secrets  []string      // what a person typed, passwords too: never for the log

	native bool // a native application sent it: see isNative

	csrfToken    string // to put into forms
	csrfVerified bool   // this request proved that a page of ours sent it
	callbackURL  string // where the sign-in or sign-out leads

	reference        string            // of the log line that says why somebody was not signed in
	who              *User             // who signs in, as far as it is known
	former           string            // the session of before an answer by POST: see endFormer
	began            uint64            // of the takeovers, before the password was checked
	way              Account           // by which one of the Adapter's users signs in; see confirm
	before           User              // the user, as they were before their Credentials were an account
	notInAdapter     bool              // Credentials sign in somebody whom the Adapter does not have
	life             lifetime.Lifetime // that the SignIn callback chose
	proofs           []factor.Proof    // that the person gave
	secondByProvider bool              // the provider asked for a second factor itself: see OAuth.TrustMFA
	proving          bool              // somebody who is signed in proves again who they are

	demand   demand   // whether who signs in must give a second factor
	later    later    // what that puts off
	buckets  []string // of the person, for the device cookie
	browser  string   // names the browser, where its CSRF cookie does not come along
	second   bool     // this request gives a second factor
	reopened Token    // of the sign-in that waits
	handle   string   // of the sign-in that waits for it, which must not be logged
}

// ownRequest is a request to a route of the application, which signs somebody in or out
// itself. doing is the method that it calls.
func (a *Auth) ownRequest(c *gin.Context, doing string) (*request, error) {
	if c.Writer.Written() {
		return nil, fmt.Errorf("ginauth: %s was called after the answer had begun, so that no cookie can be set; call it first", doing)
	}
	base, err := a.site.Hosts.Base(c.Request)
	if err != nil {
		return nil, fmt.Errorf("ginauth: %s: this site does not answer for the host %.255q of the request; set BaseURL to the site's address, or TrustedHosts to its hosts: %w", doing, c.Request.Host, err)
	}
	if a.site.Foreign(c.Request, base) {
		return nil, fmt.Errorf("%w, so that %s does nothing; post the form from a page of %s, or add the page's origin to TrustedOrigins", errForeign, doing, base.Origin)
	}
	return &request{auth: a, c: c, method: c.Request.Method, base: base, names: a.scheme(base).names, callbackURL: base.Origin}, nil
}

// field is a text field of the body, the first of its name; other JSON types do
// not count as one.
func (v *request) field(name string) string { return v.body.Text(name) }

// wantsJSON tells next-auth's client from a form.
func (v *request) wantsJSON() bool {
	return v.field("json") == "true" ||
		v.auth.opts.Session.Format == AuthJSV5 && v.c.GetHeader("X-Auth-Return-Redirect") == "1"
}

// checkCSRF takes the CSRF cookie or makes one, and decides whether the request came from a
// page of ours.
func (v *request) checkCSRF() {
	v.csrfVerified = v.formProof().Holds(v.c.Request, v.ownOrigin())
	v.csrfToken = v.auth.csrfToken(v.c, v.base)
}

func (v *request) formProof() form.Proof {
	return form.Check(v.auth.keys.csrf, v.c.Request, v.names.CSRF, v.field("csrfToken"))
}

// proven reports whether a page of ours sent the request. It tells the log why that is
// not shown.
func (v *request) proven() bool {
	if !v.csrfVerified {
		v.tellUnproven()
	}
	return v.csrfVerified
}

// tellUnproven says what a form lacks, and which option that points to.
func (v *request) tellUnproven() {
	req, p := v.c.Request, v.formProof()
	kind, message, advice, seen := v.auth.site.Seen(req).OfForm(refusal.Form{
		Site: v.base.Origin, Secure: v.base.Secure, Origins: req.Header["Origin"], OwnOrigin: v.ownOrigin(),
		Cookie: v.names.CSRF, Cookies: p.Cookies, Opened: p.Opened, HasToken: v.field("csrfToken") != "", ContentType: req.Header.Get("Content-Type"),
	})
	v.auth.refusals.Warn(req.Context(), kind, message, advice, append([]any{"host", req.Host, "expected", v.base.Origin}, seen...)...)
}

func (v *request) ownOrigin() bool {
	return v.auth.site.OwnOrigin(v.c.Request, v.base)
}

// resolveCallbackURL settles where this request leads: what the body says, else
// the query, else what the last one said, else the site itself. It is kept in
// a cookie for the provider's answer.
func (v *request) resolveCallbackURL() {
	kept, _ := cookie.Get(v.c.Request.Header["Cookie"], v.names.CallbackURL)
	_, inBody := v.body["callbackUrl"]
	asked := v.field("callbackUrl")
	if query := v.c.Request.URL.Query()["callbackUrl"]; !inBody && len(query) == 1 {
		asked = query[0]
	}
	v.callbackURL = v.base.Home()
	switch {
	case asked != "":
		v.callbackURL = v.redirectTarget(asked)
	case kept != "":
		v.callbackURL = v.redirectTarget(kept)
	}
	if v.callbackURL != kept {
		v.setCookie(cookie.Line(v.names.CallbackURL, v.callbackURL, v.attributes()))
	}
}

// redirectTarget is where a callback URL leads. Callbacks.Redirect may choose,
// but not leave the base origin and AllowedRedirects.
func (v *request) redirectTarget(asked string) string {
	if redirect := v.auth.opts.Callbacks.Redirect; redirect != nil {
		inner := v.base.Inner(asked)
		if chosen := redirect(v.c, inner, v.base.Site()); chosen != inner {
			asked = chosen
		}
	}
	target := v.base.Absolute(asked, v.auth.site.Allowed)
	if len(cookie.Escape(target)) > maxCallbackURL {
		return v.base.Home()
	}
	if target == v.base.Home() {
		v.tellTarget(asked)
	}
	return target
}

// tellPlainHTTP says that the site's address is on https and its browsers are not: they
// keep none of the cookies, and the forms lead to where nobody may listen.
func (v *request) tellPlainHTTP() {
	if !v.base.OpenedByHTTP(v.c.Request) {
		return
	}
	v.auth.refusals.Warn(v.c.Request.Context(), refusal.Unkept, "the sign-in page was opened over http, where browsers keep no Secure cookie",
		v.auth.site.Seen(v.c.Request).OfPlainHTTP(v.base.Origin), "host", v.c.Request.Host, "expected", v.base.Origin, "cookie", v.names.Session)
}

// tellPrefix says that a proxy shortens the paths, and that the site does not know: its
// forms and redirects then lead past the proxy's path.
func (v *request) tellPrefix() {
	req, site := v.c.Request, v.auth.site
	prefix := v.base.UnknownPrefix(req)
	if prefix == "" {
		return
	}
	v.auth.refusals.Warn(req.Context(), refusal.Prefix, "a proxy says that it took a prefix off the path, and this site's address has none",
		v.auth.site.Seen(req).OfPrefix(prefix, v.base.Origin, site.PublicURL, v.auth.opts.Pages.TrustForwardedPrefix), "prefix", prefix, "expected", v.base.URL)
}

// tellTarget says that a callback URL of another site leads to this one. Its path and
// query stay out of the log: they may hold a token.
func (v *request) tellTarget(asked string) {
	u, err := origin.Read(asked)
	if err != nil || u.Origin() == v.base.Origin {
		return
	}
	v.auth.refusals.Warn(v.c.Request.Context(), refusal.Target, "a callbackUrl leads to another site, so the person gets to this one",
		refusal.Advice{LookAt: "AllowedRedirects", Text: "if that site is yours, list its origin in AllowedRedirects; else somebody made a link that leads away from here"},
		"origin", u.Origin(), "expected", v.base.Origin)
}

// attributes are those of every cookie except the session's.
func (v *request) attributes() cookie.Attributes { return v.auth.attributes(v.base) }

func (a *Auth) attributes(base origin.Base) cookie.Attributes {
	if a.opts.Cookies.Partitioned { // in a frame, no other cookie comes along
		return cookie.Attributes{Secure: true, SameSite: http.SameSiteNoneMode, Partitioned: true}
	}
	return cookie.Attributes{Secure: base.Secure}
}

func (v *request) setCookie(lines ...string) { addCookies(v.c, lines) }

func addCookies(c *gin.Context, lines []string) {
	h := c.Writer.Header()
	h["Set-Cookie"] = append(h["Set-Cookie"], lines...)
}

// redirect sends the browser on: a page by 302, next-auth's client by JSON with
// the status that the outcome has, and htmx by its own header, since it would
// follow a 302 itself and put the provider's page into this one. url is absolute, or a
// path of the application.
func (v *request) redirect(status int, url string) {
	url = v.base.Public(url)
	switch {
	case v.wantsJSON():
		v.json(status, map[string]string{"url": url})
		return
	case v.c.GetHeader("HX-Request") == "true":
		v.c.Header("HX-Redirect", origin.Location(url))
		v.c.Status(http.StatusOK)
		v.c.Writer.WriteHeaderNow()
		return
	}
	v.c.Header("Location", origin.Location(url))
	v.c.Status(http.StatusFound)
	v.c.Writer.WriteHeaderNow()
}

// unproven answers a form that does not prove that a page of ours sent it, by
// showing the page again. Auth.js's client wants an error, else it reports that
// all went well.
func (v *request) unproven(page string) {
	if page == "signin" && v.provider != nil { // the log says it of all forms, once in a while
		v.signInError(errUnprovenForm, errorcode.FormRefused)
	}
	notice := ""
	if !v.ownOrigin() {
		notice = errorcode.OtherOrigin
	}
	v.notice(notice)
	query := "?csrf=true"
	if v.auth.opts.Session.Format == AuthJSV5 {
		query = "?error=MissingCSRF"
	}
	v.redirect(http.StatusOK, v.base.URL+"/"+page+query)
}

func (v *request) errorURL(code string) string {
	if v.proving && code != errorcode.RateLimited { // which the error page explains
		return withQuery(factorURL(v.base, v.wantedFactors()), "error", code)
	}
	return v.base.URL + "/error?error=" + cookie.Escape(code)
}

func (v *request) json(status int, body any) {
	writeJSON(v.c, status, body)
}

// writeJSON leaves <, > and & as they are, as next-auth does.
func writeJSON(c *gin.Context, status int, body any) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(body) != nil {
		status = http.StatusInternalServerError
	}
	c.Data(status, "application/json; charset=utf-8", bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

// private keeps an answer that is one person's out of every cache, the browser's
// own included: after sign-out the back button must not show it.
func private(h http.Header) {
	// In memory of this answer's own: what edits a header in place edits no other's.
	values := [...]string{"private, no-cache, no-store", "Cookie"}
	h["Cache-Control"] = values[0:1:1]
	if h["Vary"] == nil {
		h["Vary"] = values[1:2:2]
	} else if !slices.Contains(h["Vary"], "Cookie") {
		h["Vary"] = append(slices.Clip(h["Vary"]), "Cookie")
	}
}

// noStore is private for next-auth's client, which also gets the headers of old.
func noStore(h http.Header) {
	private(h)
	h["Pragma"] = []string{"no-cache"}
	h["Expires"] = []string{"0"}
}

// refuse answers a request that is no part of the contract: plain text without a
// content type, as next-auth does, and nosniff so that nobody takes it for more.
func refuse(c *gin.Context, status int, text string) {
	h := c.Writer.Header()
	h["Content-Type"] = nil
	h["X-Content-Type-Options"] = []string{"nosniff"}
	c.Status(status)
	_, _ = c.Writer.WriteString(text)
}

func (v *request) errorPage(status int, code string, wait time.Duration) {
	page := pages.Error{
		Code: code, Text: v.auth.publicErrors.Known(code), Aborted: code == errorcode.SessionUnavailable, Wait: wait, Site: v.base.Host(), SignInURL: v.base.URL + "/signin",
	}
	page.Reference = cmp.Or(v.reference, v.failure(code).Reference)
	page.HomeURL = v.base.Home()
	page.Notice, _ = v.noticed(code)
	if notice := errorcode.SignedInNotice(code); notice != "" && v.isSignedIn() {
		page.Notice, page.ContinueURL = notice, v.callbackURL
	}
	v.pages().Error(v.c.Writer, status, page)
}

// withQuery adds a parameter to a URL that may have some, in front of its
// fragment.
func withQuery(target, name, value string) string {
	target, fragment, found := strings.Cut(target, "#")
	separator := "?"
	if strings.Contains(target, "?") {
		separator = "&"
	}
	target += separator + url.QueryEscape(name) + "=" + cookie.Escape(value)
	if found {
		target += "#" + fragment
	}
	return target
}

// fault answers a fault of ours or of the application's callbacks: the log says
// what it was, the browser only that it was one. Cookies stay as they are.
func (v *request) fault(doing string, err error) {
	if clientGone(v.c, err) {
		return
	}
	v.auth.opts.Logger.Error("ginauth: "+doing+" failed", "error", redact.Error(err))
	noStore(v.c.Writer.Header())
	v.json(faultStatus(err), map[string]string{
		"message": "There is a problem with the server. Its log says more.",
	})
}

// continueHere answers with a page that loads this URL.
func (v *request) continueHere() {
	v.continueAt(v.redirectURI() + "?" + v.c.Request.URL.RawQuery)
}

// continueWith answers a provider's POST with a page that loads what is needed of it from
// this site, so that the session's cookie comes along.
func (v *request) continueWith(answer url.Values) {
	v.continueAt(v.redirectURI() + "?" + oauth.AnswerParams(answer).Encode())
}

// continueAt answers with a page that loads another.
func (v *request) continueAt(url string) {
	v.pages().Continue(v.c.Writer, pages.Continue{Site: v.base.Host(), URL: url})
}

// answer is the provider's: the query, and the form of a form_post response. A
// parameter that stands twice stays so, and is refused (RFC 6749 §3.1).
func (v *request) answer() url.Values {
	answer := v.c.Request.URL.Query()
	for name, values := range v.body.Values() {
		answer[name] = append(answer[name], values...)
	}
	return answer
}

// csrfToken is the token of this browser's CSRF cookie. A browser without one is
// given one, once in each answer.
func (a *Auth) csrfToken(c *gin.Context, base origin.Base) string {
	name := a.scheme(base).names.CSRF
	if token, ok := form.Token(a.keys.csrf, c.Request, c.Writer.Header(), name); ok {
		return token
	}
	token, value := a.keys.csrf.New()
	addCookies(c, []string{cookie.Line(name, value, a.attributes(base))})
	return token
}
