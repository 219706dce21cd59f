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
func (r *request) field(name string) string { return r.body.Text(name) }

// wantsJSON tells next-auth's client from a form.
func (r *request) wantsJSON() bool {
	return r.field("json") == "true" ||
		r.auth.opts.Session.Format == AuthJSV5 && r.c.GetHeader("X-Auth-Return-Redirect") == "1"
}

// checkCSRF takes the CSRF cookie or makes one, and decides whether the request came from a
// page of ours.
func (r *request) checkCSRF() {
	r.csrfVerified = r.formProof().Holds(r.c.Request, r.ownOrigin())
	r.csrfToken = r.auth.csrfToken(r.c, r.base)
}

func (r *request) formProof() form.Proof {
	return form.Check(r.auth.keys.csrf, r.c.Request, r.names.CSRF, r.field("csrfToken"))
}

// proven reports whether a page of ours sent the request. It tells the log why that is
// not shown.
func (r *request) proven() bool {
	if !r.csrfVerified {
		r.tellCSRF()
	}
	return r.csrfVerified
}

// tellCSRF says what a form lacks, and which option that points to.
func (r *request) tellCSRF() {
	req, p := r.c.Request, r.formProof()
	kind, message, advice, seen := r.auth.site.Seen(req).OfForm(refusal.Form{
		Site: r.base.Origin, Secure: r.base.Secure, Origins: req.Header["Origin"], OwnOrigin: r.ownOrigin(),
		Cookie: r.names.CSRF, Cookies: p.Cookies, Opened: p.Opened, HasToken: r.field("csrfToken") != "", ContentType: req.Header.Get("Content-Type"),
	})
	r.auth.refusals.Warn(req.Context(), kind, message, advice, append([]any{"host", req.Host, "expected", r.base.Origin}, seen...)...)
}

func (r *request) ownOrigin() bool {
	return r.auth.site.OwnOrigin(r.c.Request, r.base)
}

// resolveCallbackURL settles where this request leads: what the body says, else
// the query, else what the last one said, else the site itself. It is kept in
// a cookie for the provider's answer.
func (r *request) resolveCallbackURL() {
	kept, _ := cookie.Get(r.c.Request.Header["Cookie"], r.names.CallbackURL)
	_, inBody := r.body["callbackUrl"]
	asked := r.field("callbackUrl")
	if query := r.c.Request.URL.Query()["callbackUrl"]; !inBody && len(query) == 1 {
		asked = query[0]
	}
	r.callbackURL = r.base.Home()
	switch {
	case asked != "":
		r.callbackURL = r.redirectTarget(asked)
	case kept != "":
		r.callbackURL = r.redirectTarget(kept)
	}
	if r.callbackURL != kept {
		r.setCookie(cookie.Line(r.names.CallbackURL, r.callbackURL, r.attributes()))
	}
}

// redirectTarget is where a callback URL leads. Callbacks.Redirect may choose,
// but not leave the base origin and AllowedRedirects.
func (r *request) redirectTarget(asked string) string {
	if redirect := r.auth.opts.Callbacks.Redirect; redirect != nil {
		inner := r.base.Inner(asked)
		if chosen := redirect(r.c, inner, r.base.Site()); chosen != inner {
			asked = chosen
		}
	}
	target := r.base.Absolute(asked, r.auth.site.Allowed)
	if len(cookie.Escape(target)) > maxCallbackURL {
		return r.base.Home()
	}
	if target == r.base.Home() {
		r.tellTarget(asked)
	}
	return target
}

// tellPlainHTTP says that the site's address is on https and its browsers are not: they
// keep none of the cookies, and the forms lead to where nobody may listen.
func (r *request) tellPlainHTTP() {
	if !r.base.OpenedByHTTP(r.c.Request) {
		return
	}
	r.auth.refusals.Warn(r.c.Request.Context(), refusal.Unkept, "the sign-in page was opened over http, where browsers keep no Secure cookie",
		r.auth.site.Seen(r.c.Request).OfPlainHTTP(r.base.Origin), "host", r.c.Request.Host, "expected", r.base.Origin, "cookie", r.names.Session)
}

// tellPrefix says that a proxy shortens the paths, and that the site does not know: its
// forms and redirects then lead past the proxy's path.
func (r *request) tellPrefix() {
	req, site := r.c.Request, r.auth.site
	prefix := r.base.UnknownPrefix(req)
	if prefix == "" {
		return
	}
	r.auth.refusals.Warn(req.Context(), refusal.Prefix, "a proxy says that it took a prefix off the path, and this site's address has none",
		r.auth.site.Seen(req).OfPrefix(prefix, r.base.Origin, site.PublicURL, r.auth.opts.Pages.TrustForwardedPrefix), "prefix", prefix, "expected", r.base.URL)
}

// tellTarget says that a callback URL of another site leads to this one. Its path and
// query stay out of the log: they may hold a token.
func (r *request) tellTarget(asked string) {
	u, err := origin.Read(asked)
	if err != nil || u.Origin() == r.base.Origin {
		return
	}
	r.auth.refusals.Warn(r.c.Request.Context(), refusal.Target, "a callbackUrl leads to another site, so the person gets to this one",
		refusal.Advice{LookAt: "AllowedRedirects", Text: "if that site is yours, list its origin in AllowedRedirects; else somebody made a link that leads away from here"},
		"origin", u.Origin(), "expected", r.base.Origin)
}

// attributes are those of every cookie except the session's.
func (r *request) attributes() cookie.Attributes { return r.auth.attributes(r.base) }

func (a *Auth) attributes(base origin.Base) cookie.Attributes {
	if a.opts.Cookies.Partitioned { // in a frame, no other cookie comes along
		return cookie.Attributes{Secure: true, SameSite: http.SameSiteNoneMode, Partitioned: true}
	}
	return cookie.Attributes{Secure: base.Secure}
}

func (r *request) setCookie(lines ...string) { addCookies(r.c, lines) }

func addCookies(c *gin.Context, lines []string) {
	h := c.Writer.Header()
	h["Set-Cookie"] = append(h["Set-Cookie"], lines...)
}

// redirect sends the browser on: a page by 302, next-auth's client by JSON with
// this status, and htmx by its own header, since it would
// follow a 302 itself and put the provider's page into this one. url is absolute, or a
// path of the application.
func (r *request) redirect(status int, url string) {
	url = r.base.Public(url)
	switch {
	case r.wantsJSON():
		r.json(status, map[string]string{"url": url})
		return
	case r.c.GetHeader("HX-Request") == "true":
		r.c.Header("HX-Redirect", origin.Location(url))
		r.c.Status(http.StatusOK)
		r.c.Writer.WriteHeaderNow()
		return
	}
	r.c.Header("Location", origin.Location(url))
	r.c.Status(http.StatusFound)
	r.c.Writer.WriteHeaderNow()
}

// csrfRefused answers a form that does not prove that a page of ours sent it, by
// showing the page again. Auth.js's client wants an error, else it reports that
// all went well.
func (r *request) csrfRefused(page string) {
	if page == "signin" && r.provider != nil { // the log says it of all forms, once in a while
		r.signInError(errUnprovenForm, errorcode.FormRefused)
	}
	notice := ""
	if !r.ownOrigin() {
		notice = errorcode.OtherOrigin
	}
	r.notice(notice)
	query := "?csrf=true"
	if r.auth.opts.Session.Format == AuthJSV5 {
		query = "?error=MissingCSRF"
	}
	r.redirect(http.StatusOK, r.base.URL+"/"+page+query)
}

func (r *request) errorURL(code string) string {
	if r.proving && code != errorcode.RateLimited { // which the error page explains
		return withQuery(factorURL(r.base, r.wantedFactors()), "error", code)
	}
	return r.base.URL + "/error?error=" + cookie.Escape(code)
}

func (r *request) json(status int, body any) {
	writeJSON(r.c, status, body)
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

func (r *request) errorPage(status int, code string, wait time.Duration) {
	page := pages.Error{
		Code: code, Text: r.auth.publicErrors.Known(code), Aborted: code == errorcode.SessionUnavailable, Wait: wait, Site: r.base.Host(), SignInURL: r.base.URL + "/signin",
	}
	page.Reference = cmp.Or(r.reference, r.readFailure(code).Reference)
	page.HomeURL = r.base.Home()
	page.Notice, _ = r.noticed(code)
	if notice := errorcode.SignedInNotice(code); notice != "" && r.isSignedIn() {
		page.Notice, page.ContinueURL = notice, r.callbackURL
	}
	r.pages().Error(r.c.Writer, status, page)
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
func (r *request) fault(doing string, err error) {
	noStore(r.c.Writer.Header())
	if navigates(r.c.Request) && !r.wantsJSON() {
		r.auth.abortFault(r.c, r.base, doing, err)
		return
	}
	if clientGone(r.c, err) {
		return
	}
	r.auth.opts.Logger.Error("ginauth: "+doing+" failed", "error", redact.Error(err))
	r.json(faultStatus(err), map[string]string{
		"message": "There is a problem with the server. Its log says more.",
	})
}

// continueHere answers with a page that loads this URL.
func (r *request) continueHere() {
	r.continueAt(r.redirectURI() + "?" + r.c.Request.URL.RawQuery)
}

// continueWith answers a provider's POST with a page that loads what is needed of it from
// this site, so that the session's cookie comes along.
func (r *request) continueWith(answer url.Values) {
	r.continueAt(r.redirectURI() + "?" + oauth.AnswerParams(answer).Encode())
}

// continueAt answers with a page that loads another.
func (r *request) continueAt(url string) {
	r.pages().Continue(r.c.Writer, pages.Continue{Site: r.base.Host(), URL: url})
}

// answer is the provider's: the query, and the form of a form_post response. A
// parameter that stands twice stays so, and is refused (RFC 6749 §3.1).
func (r *request) answer() url.Values {
	answer := r.c.Request.URL.Query()
	for name, values := range r.body.Values() {
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
