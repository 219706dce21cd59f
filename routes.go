package ginauth

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth/internal/claims"
	"github.com/ginauth/ginauth/internal/errorcode"
	"github.com/ginauth/ginauth/internal/form"
	"github.com/ginauth/ginauth/internal/pages"
	"github.com/ginauth/ginauth/internal/redact"
	"github.com/ginauth/ginauth/internal/refusal"
)

// A route is one action of the auth routes with one method.
type route struct {
	serve func(*request)
	bare  bool // needs neither CSRF token nor callback URL and sets no cookie
}

var routes = map[string]route{
	"GET csrf":              {serve: (*request).getCSRF},
	"GET providers":         {serve: (*request).getProviders, bare: true},
	"GET session":           {serve: (*request).getSession},
	"POST session":          {serve: (*request).postSession},
	"GET signin":            {serve: (*request).getSignIn},
	"POST signin":           {serve: (*request).postSignIn},
	"GET callback":          {serve: (*request).callback},
	"POST callback":         {serve: (*request).callback},
	"GET signout":           {serve: (*request).getSignOut},
	"POST signout":          {serve: (*request).postSignOut},
	"GET error":             {serve: (*request).getError},
	"GET verify-request":    {serve: (*request).getVerifyRequest},
	"POST _log":             {serve: (*request).postLog, bare: true},
	"POST " + idTokenAction: {serve: (*request).postNonce},
	"POST " + backchannel:   {serve: (*request).postLogoutToken, bare: true},
	"GET factor":            {serve: (*request).getFactor},
	"POST factor":           {serve: (*request).postFactor},
	"GET second-factor":     {serve: (*request).secondFactor},
	"POST second-factor":    {serve: (*request).secondFactor},
	"GET client.js":         {serve: (*request).getClient, bare: true},

	// Passkeys.
	"GET webauthn-options": {serve: (*request).getPasskeyOptions},
	"GET passkeys":         {serve: (*request).getPasskeys},
	"POST passkeys":        {serve: (*request).postPasskeys},
	"GET passkey.js":       {serve: (*request).getPasskeyScript, bare: true},
	"GET " + accountPage:   {serve: (*request).getAccount},
	"POST " + accountPage:  {serve: (*request).postAccount},
}

// serve answers every request below BasePath.
func (a *Auth) serve(c *gin.Context) {
	if c.Request == nil { // a neighbour's question, and no request
		c.Set(neighbourKey, a)
		return
	}
	c.Abort() // nothing behind the auth routes handles their paths
	action, id, _ := strings.Cut(strings.Trim(c.Param("action"), "/"), "/")
	method := c.Request.Method
	if method == http.MethodHead { // net/http leaves the body out (RFC 9110 §9.3.2)
		method = http.MethodGet
	}
	route, ok := routes[method+" "+action]
	if !ok || action == "second-factor" && a.factors.store == nil || action == accountPage && !a.opts.AccountPage {
		refuse(c, http.StatusBadRequest, "Error: This action with HTTP "+method+" is not supported by NextAuth.js")
		return
	}
	base, err := a.site.Hosts.Base(c.Request)
	if err != nil {
		a.tellHost(c.Request)
		text := "Error: This site does not answer for the host of this request"
		if hint := a.abortHint(c.Request, base, errorcode.BadHost); hint != "" {
			text += ". " + hint
		}
		refuse(c, http.StatusBadRequest, text)
		return
	}
	body, err := form.Read(c.Request)
	switch {
	case errors.Is(err, form.ErrTooLarge):
		refuse(c, http.StatusRequestEntityTooLarge, "Error: The body is larger than 64 KiB")
		return
	case err != nil:
		refuse(c, http.StatusBadRequest, "Error: The body cannot be read")
		return
	}
	id, _, _ = strings.Cut(id, "/")
	v := &request{
		auth: a, c: c, base: base, names: a.scheme(base).names,
		method: method, segment: id, provider: a.provider(id), body: body,
	}
	if v.provider == nil && id != "" && (action == "callback" || action == "signin" && c.Request.Method == http.MethodPost) {
		v.tellProvider(id)
	}
	if action == "callback" && v.provider == nil || action == backchannel && !a.takesLogoutTokens(v.provider) ||
		action == idTokenAction && !v.provider.takesIDTokens() {
		refuse(c, http.StatusBadRequest, "Error: This action with HTTP "+method+" is not supported by NextAuth.js")
		return
	}
	v.native = v.isNative(action)
	if !route.bare && !v.native && !(action == "callback" && v.formPosted()) {
		v.checkCSRF()
		v.resolveCallbackURL()
	}
	route.serve(v)
}

// tellProvider says that a URL names a provider that there is not.
func (v *request) tellProvider(id string) {
	var ids []string
	for _, p := range v.auth.providers {
		ids = append(ids, p.id)
	}
	v.auth.refusals.Warn(v.c.Request.Context(), refusal.Provider, "a sign-in was refused, since its URL names no provider of this site",
		refusal.Advice{LookAt: "Providers, OAuth.ID", Text: "the callback URL that is registered at a provider ends in the provider's id here, " + v.base.URL + "/callback/ and the id"},
		"provider", id, "expected", refusal.Words(strings.Join(ids, ", ")))
}

func (v *request) getCSRF() {
	noStore(v.c.Writer.Header())
	v.json(http.StatusOK, map[string]string{"csrfToken": v.csrfToken})
}

// getProviders lists the providers in their order, which is the order of a
// page's buttons.
func (v *request) getProviders() {
	var list claims.Object
	for _, p := range v.auth.providers {
		list.Add(p.id, listedProvider{
			p.id, p.name, p.method.kind(), v.base.URL + "/signin/" + p.id, v.base.URL + "/callback/" + p.id,
		})
	}
	v.json(http.StatusOK, &list)
}

// listedProvider is a provider as GET providers tells it.
type listedProvider struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Type        string `json:"type"`
	SignInURL   string `json:"signinUrl"`
	CallbackURL string `json:"callbackUrl"`
}

// getSignIn shows the ways to sign in. It never starts one: a link or an image
// on another site must not sign anybody in. OAuth.ThirdPartyLogin alone lets one.
func (v *request) getSignIn() {
	if v.provider != nil && v.provider.oauth().startedElsewhere(v.c.Request.URL) {
		v.provider.oauth().beginElsewhere(v)
		return
	}
	v.tellPlainHTTP()
	v.tellPrefix()
	code := v.c.Query("error")
	notice, location := v.noticed(code)
	if location != "" {
		v.redirect(http.StatusFound, location)
		return
	}
	if page := v.auth.opts.Pages.SignIn; page != "" {
		if code == "" {
			code = v.segment
		}
		target := withQuery(page, "callbackUrl", v.callbackURL)
		if code != "" {
			target = withQuery(target, "error", code)
		}
		if notice != "" {
			target = withQuery(target, "reason", notice)
		}
		v.redirect(http.StatusFound, target)
		return
	}
	switch {
	case notice != "":
		code = notice
	case code != "" && !errorcode.ShownOnSignInPage(code):
		code = errorcode.Default // the author of a link must not put words on this page
	}
	failed := v.failure(v.c.Query("error"))
	v.pages().SignIn(v.c.Writer, http.StatusOK, pages.SignIn{
		Site: v.base.Host(), Providers: v.buttons(), CSRFToken: v.csrfToken, CallbackURL: v.callbackURL, Error: code, Hint: v.hint(notice),
		Script:   v.passkeyScriptURL(),
		LastUsed: v.lastUsed(), Failed: v.failedForm(code, failed.Provider), Typed: failed.Typed, Reference: failed.Reference,
	})
}

// buttons are the providers on the sign-in page.
func (v *request) buttons() []pages.Provider {
	all := make([]pages.Provider, len(v.auth.providers))
	for i, p := range v.auth.providers {
		all[i] = p.button(v.base.URL)
	}
	return all
}

// postSignIn starts a sign-in. Without proof that a page of ours asked, it shows
// the sign-in page instead.
func (v *request) postSignIn() {
	if again := v.postedElsewhere(); again != "" && !v.csrfVerified {
		v.redirect(http.StatusOK, again)
		return
	}
	if !v.proven() || v.provider == nil {
		v.unproven("signin")
		return
	}
	v.provider.method.begin(v)
}

func (v *request) callback() { v.provider.method.callback(v) }

func (v *request) getError() {
	code := v.c.Query("error")
	if code == "" {
		code = v.segment
	}
	switch page := v.auth.opts.Pages.Error; {
	case errorcode.ShownOnSignInPage(code):
		v.redirect(http.StatusFound, v.base.URL+"/signin?error="+code)
	case page != "":
		if code == "" {
			code = "undefined" // as next-auth says it
		}
		target := withQuery(page, "error", code)
		if notice, _ := v.noticed(code); notice != "" {
			target = withQuery(target, "reason", notice)
		}
		if wait := v.waitAsked(); wait > 0 {
			target = withQuery(target, waitParam, seconds(wait))
		}
		v.redirect(http.StatusFound, target)
	default:
		v.errorPage(errorcode.Status(code), code, v.waitAsked())
	}
}

// getVerifyRequest says that a mail is on its way, and takes the code that it
// brings.
func (v *request) getVerifyRequest() {
	if page := v.auth.opts.Pages.VerifyRequest; page != "" {
		v.redirect(http.StatusFound, page)
		return
	}
	page := pages.VerifyRequest{Site: v.base.Host(), CSRFToken: v.csrfToken, CallbackURL: v.callbackURL}
	if p := v.auth.provider(v.c.Query("provider")); p != nil && p.method.kind() == emailType {
		if p.button(v.base.URL).Code {
			page.Action = v.base.URL + "/callback/" + p.id
			page.Wrong = v.c.Query("error") == errorcode.VerificationCode
		}
		page.OtherURL = v.base.URL + "/signin"
		if sent := v.kept(v.names.Sent, sentNote); sent.Provider == p.id { // never one that a link names
			page.Email, page.Again, page.AgainURL = sent.Email, sent.Again && !page.Wrong, v.base.URL+"/signin/"+p.id
		}
	}
	v.pages().VerifyRequest(v.c.Writer, page)
}

// postLog takes what next-auth's client reports of its own errors. Anybody may
// send it, so only the code is logged, and only for debugging.
func (v *request) postLog() {
	v.auth.opts.Logger.Debug("ginauth: the client reports an error", "code", redact.Code(v.field("code")))
	v.c.Writer.Header()["Content-Type"] = nil
	v.c.Status(http.StatusOK)
	v.c.Writer.WriteHeaderNow()
}

// getSession tells a page who is signed in, and moves the session's end where that is
// due: next-auth does so each time, by which a late answer undoes what a request in
// between made of the session.
func (v *request) getSession() {
	noStore(v.c.Writer.Header())
	v.answerSession("", nil)
}

// postSession changes the session as the page asks: the JWT callback decides
// what of it counts.
func (v *request) postSession() {
	if v.native {
		v.renewNative()
		return
	}
	if !v.proven() {
		v.json(http.StatusBadRequest, v.nobody())
		return
	}
	v.answerSession(TriggerUpdate, v.body["data"])
}

// nobody is the answer where nobody is signed in. Each client knows its own
// server's alone: Auth.js's takes {} for a session.
func (v *request) nobody() any {
	if v.auth.opts.Session.Format == AuthJSV5 {
		return nil
	}
	return struct{}{}
}

// answerSession answers the session, changed where the page asks for that. A token
// that does not open is deleted; a fault of a callback keeps it, for the next time.
func (v *request) answerSession(trigger Trigger, update any) {
	found := v.found()
	if !found.Found {
		v.json(http.StatusOK, v.nobody())
		return
	}
	var id *identity
	var err error
	if trigger == TriggerUpdate {
		if id, err = v.auth.openLatestFound(v.c.Request.Context(), found, v.base); err == nil {
			id, err = v.auth.change(v.c, id, v.base, found, update)
		}
	} else if id, err = v.auth.openFound(v.c.Request.Context(), found, v.base, v.auth.opts.Now()); err == nil {
		err = v.auth.read(v.c, id, v.base, found)
	}
	if errors.Is(err, ErrSignedOut) {
		err = cmp.Or(v.auth.endByCallback(v.c, id, v.base, found), errSignedOut)
	}
	switch {
	case errors.Is(err, errSignedOut):
		v.auth.clearSession(v.c, found, v.base)
		v.json(http.StatusOK, v.nobody())
		return
	case err != nil:
		v.fault("reading the session", err)
		return
	case v.auth.ending.streams.SignedOut(id.token.sessionID()):
		// Meanwhile, and the answer to the sign-out deletes the cookie. This one may
		// come after the next person's sign-in, whose cookie it must not delete.
		v.json(http.StatusOK, v.nobody())
		return
	}
	if event := v.auth.opts.Events.Session; event != nil {
		event(v.c, SessionEvent{Session: id.view(), Token: &id.token})
	}
	v.json(http.StatusOK, &id.session)
	id.finish()
}

// neighbourKey is where an Auth says who it is, to another of the same engine.
const neighbourKey = "github.com/ginauth/ginauth.neighbour"

// neighbours are the Auths whose routes are on a router's engine already.
func neighbours(r gin.IRouter) (all []*Auth) {
	engine, _ := r.(*gin.Engine)
	if group, ok := r.(*gin.RouterGroup); ok {
		// gin tells a group's engine to nobody. Should it name the field otherwise one day,
		// no neighbour is found.
		if field := reflect.ValueOf(group).Elem().FieldByName("engine"); field.IsValid() && field.Type() == reflect.TypeFor[*gin.Engine]() {
			engine = (*gin.Engine)(field.UnsafePointer())
		}
	}
	if engine == nil {
		return nil
	}
	serve := reflect.ValueOf((*Auth)(nil).serve).Pointer() // of all Auths: they differ in what the value holds
	for _, route := range engine.Routes() {
		if route.Method != http.MethodGet || reflect.ValueOf(route.HandlerFunc).Pointer() != serve {
			continue
		}
		asked := &gin.Context{}
		route.HandlerFunc(asked)
		if other, ok := asked.MustGet(neighbourKey).(*Auth); ok {
			all = append(all, other)
		}
	}
	return all
}

// checkApart refuses an Auth whose cookies are another's too: of one name, at one host.
// With the same secret a session of one would open at the other, and with another secret
// each would delete the other's.
func (a *Auth) checkApart(others []*Auth) error {
	for _, other := range others {
		if other.opts.Cookies.Prefix != a.opts.Cookies.Prefix || !other.site.Hosts.MeetsHost(a.site.Hosts) {
			continue
		}
		return fmt.Errorf("ginauth: Cookies.Prefix: the Auth at %s has the same prefix, %s, and answers for the same host, so that the cookies of one are the other's too; give this one a Cookies.Prefix of its own, for instance admin",
			other.site.PublicURL, other.opts.Cookies.Prefix)
	}
	return nil
}
