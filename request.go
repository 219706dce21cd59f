package ginauth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/errorcode"
	"github.com/ginauth/ginauth/internal/factor"
	"github.com/ginauth/ginauth/internal/lifetime"
	"github.com/ginauth/ginauth/internal/limit"
	"github.com/ginauth/ginauth/internal/origin"
	"github.com/ginauth/ginauth/internal/refusal"
	"github.com/ginauth/ginauth/internal/token"
)

const (
	// maxBody is the longest request body, in bytes, that an auth route reads.
	maxBody = 64 << 10
	// maxCallbackURL bounds the callback URL as its cookie holds it, in bytes:
	// beside the session it must pass the 8 KB that proxies allow a header line.
	maxCallbackURL = 2048
)

// formType is what a form without files is sent as.
const formType = "application/x-www-form-urlencoded"

// A request is one request to an auth route, with what every route needs to know.
type request struct {
	auth     *Auth
	c        *gin.Context
	base     origin.Base
	names    cookie.Names
	method   string         // of the request; GET for HEAD
	segment  string         // what the path says behind the action
	provider *provider      // the one it names, nil if there is none
	body     map[string]any // the fields of a form or JSON body
	known    limit.Devices  // what this answer makes of the device cookie; nil: nothing yet
	secrets  []string       // what a person typed, passwords too: never for the log

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
func (v *request) field(name string) string {
	switch value := v.body[name].(type) {
	case string:
		return value
	case []string:
		return value[0]
	}
	return ""
}

// wantsJSON tells next-auth's client from a form.
func (v *request) wantsJSON() bool {
	return v.field("json") == "true" ||
		v.auth.opts.Session.Format == AuthJSV5 && v.c.GetHeader("X-Auth-Return-Redirect") == "1"
}

var (
	errBodyTooLarge = errors.New("ginauth: the body is larger than 64 KiB")
	errBodyInvalid  = errors.New("ginauth: the body cannot be read")
)

// readBody reads a form or JSON object. Any other type of content is no input.
func readBody(req *http.Request) (map[string]any, error) {
	if req.Method != http.MethodPost || req.Body == nil {
		return nil, nil
	}
	raw, err := io.ReadAll(io.LimitReader(req.Body, maxBody+1))
	if err != nil {
		return nil, errBodyInvalid
	}
	if len(raw) > maxBody {
		return nil, errBodyTooLarge
	}
	contentType, _, _ := mime.ParseMediaType(req.Header.Get("Content-Type"))
	if len(raw) == 0 && contentType == formType { // a middleware in front may have read it
		return formFields(req.PostForm), nil
	}
	return parseBody(contentType, raw)
}

func parseBody(contentType string, raw []byte) (map[string]any, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	fields := map[string]any{}
	switch contentType {
	case "application/json":
		d := json.NewDecoder(strings.NewReader(string(raw)))
		d.UseNumber()
		var value any
		if d.Decode(&value) != nil {
			return nil, errBodyInvalid
		}
		if _, err := d.Token(); err != io.EOF {
			return nil, errBodyInvalid
		}
		if object, ok := value.(map[string]any); ok {
			fields = object
		}
	case formType:
		form, err := url.ParseQuery(string(raw))
		if err != nil {
			return nil, errBodyInvalid
		}
		fields = formFields(form)
	}
	return fields, nil
}

func formFields(form url.Values) map[string]any {
	fields := make(map[string]any, len(form))
	for name, values := range form {
		fields[name] = values[0]
		if len(values) > 1 {
			fields[name] = values
		}
	}
	return fields
}

// checkCSRF takes the CSRF cookie or makes one, and decides whether the request
// came from a page of ours: the token in the body is the cookie's (double
// submit), and the Origin, where the browser sends one, is this site's. A cookie
// can be planted by a sister host; an Origin cannot. So where there are several, the
// Origin must be there.
func (v *request) checkCSRF() {
	values, matches := 0, false
	for value := range cookie.Values(v.c.Request.Header["Cookie"], v.names.CSRF) {
		t, ok := v.auth.keys.csrf.Open(value)
		matches = ok && token.Equal(v.field("csrfToken"), t) || matches
		values++
	}
	v.csrfVerified = matches && v.method == http.MethodPost && v.ownOrigin() &&
		(values == 1 || len(v.c.Request.Header["Origin"]) == 1)
	v.csrfToken = v.auth.csrfToken(v.c, v.base)
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
	req, names, site := v.c.Request, v.names.CSRF, v.auth.site.Seen(v.c.Request)
	cookies, opened := 0, false
	for value := range cookie.Values(req.Header["Cookie"], names) {
		_, ok := v.auth.keys.csrf.Open(value)
		opened = opened || ok
		cookies++
	}
	sent := req.Header["Origin"]
	kind, message := refusal.CSRFToken, "a form was refused, since its csrfToken is not the one in this browser's cookie"
	advice := refusal.Advice{LookAt: "Auth.CSRFField", Text: "the page of the form is older than the cookie, or a cache serves it to several people; load it anew, and keep it out of caches"}
	seen := []any{"host", req.Host, "expected", v.base.Origin}
	switch {
	case !v.ownOrigin():
		kind, message = refusal.Origin, "a form was refused, since its Origin is not this site's"
		seen, advice = append(seen, "origin", strings.Join(sent, ", ")), site.OfOrigin(sent[0], v.base.Origin)
	case cookies == 0:
		kind, message = refusal.CSRFCookie, "a form was refused, since the CSRF cookie did not come with it"
		seen, advice = append(seen, "cookie", names), site.OfCookie(v.base.Origin, v.base.Secure)
	case !opened:
		kind, message = refusal.CSRFCookie, "a form was refused, since its CSRF cookie was made with another secret"
		seen, advice = append(seen, "cookie", names), refusal.OtherSecret
	case v.field("csrfToken") == "":
		message = "a form was refused, since it has no csrfToken"
		seen = append(seen, "content_type", req.Header.Get("Content-Type"))
		advice.Text = "a page of your own puts Auth.CSRFField into its form, or sends what GET csrf answers; the body is a form (" + formType + ") or JSON"
	case cookies > 1 && len(sent) == 0:
		message = "a form was refused, since the browser sends several CSRF cookies and no Origin, so that another host may have planted one"
		advice = refusal.Advice{LookAt: "Cookies.Prefix", Text: "another application below the same domain sets a cookie of this name; give one of the two another Cookies.Prefix"}
		seen = append(seen, "cookie", names, "cookies", cookies)
	}
	v.auth.refusals.Warn(req.Context(), kind, message, advice, seen...)
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
