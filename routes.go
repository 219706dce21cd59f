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
	r := &request{
		auth: a, c: c, base: base, names: a.scheme(base).names,
		method: method, segment: id, provider: a.provider(id), body: body,
	}
	if r.provider == nil && id != "" && (action == "callback" || action == "signin" && c.Request.Method == http.MethodPost) {
		r.tellProvider(id)
	}
	if action == "callback" && r.provider == nil || action == backchannel && !a.takesLogoutTokens(r.provider) ||
		action == idTokenAction && !r.provider.takesIDTokens() {
		refuse(c, http.StatusBadRequest, "Error: This action with HTTP "+method+" is not supported by NextAuth.js")
		return
	}
	r.native = r.isNative(action)
	if !route.bare && !r.native && !(action == "callback" && r.formPosted()) {
		r.checkCSRF()
		r.resolveCallbackURL()
	}
	route.serve(r)
}

// tellProvider says that a URL names a provider that there is not.
func (r *request) tellProvider(id string) {
	var ids []string
	for _, p := range r.auth.providers {
		ids = append(ids, p.id)
	}
	r.auth.refusals.Warn(r.c.Request.Context(), refusal.Provider, "a sign-in was refused, since its URL names no provider of this site",
		refusal.Advice{LookAt: "Providers, OAuth.ID", Text: "the callback URL that is registered at a provider ends in the provider's id here, " + r.base.URL + "/callback/ and the id"},
		"provider", id, "expected", refusal.Words(strings.Join(ids, ", ")))
}

func (r *request) getCSRF() {
	noStore(r.c.Writer.Header())
	r.json(http.StatusOK, map[string]string{"csrfToken": r.csrfToken})
}

// getProviders lists the providers in their order, which is the order of a
// page's buttons.
func (r *request) getProviders() {
	var list claims.Object
	for _, p := range r.auth.providers {
		list.Add(p.id, listedProvider{
			p.id, p.name, p.method.kind(), r.base.URL + "/signin/" + p.id, r.base.URL + "/callback/" + p.id,
		})
	}
	r.json(http.StatusOK, &list)
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
func (r *request) getSignIn() {
	if r.provider != nil && r.provider.oauth().startedElsewhere(r.c.Request.URL) {
		r.provider.oauth().beginElsewhere(r)
		return
	}
	r.tellPlainHTTP()
	r.tellPrefix()
	code := r.c.Query("error")
	notice, location := r.noticed(code)
	if location != "" {
		r.redirect(http.StatusOK, location)
		return
	}
	if page := r.auth.opts.Pages.SignIn; page != "" {
		if code == "" {
			code = r.segment
		}
		target := withQuery(page, "callbackUrl", r.callbackURL)
		if code != "" {
			target = withQuery(target, "error", code)
		}
		if notice != "" {
			target = withQuery(target, "reason", notice)
		}
		r.redirect(http.StatusOK, target)
		return
	}
	switch {
	case notice != "":
		code = notice
	case code != "" && !errorcode.ShownOnSignInPage(code):
		code = errorcode.Default // the author of a link must not put words on this page
	}
	failed := r.readFailure(r.c.Query("error"))
	r.pages().SignIn(r.c.Writer, http.StatusOK, pages.SignIn{
		Site: r.base.Host(), Providers: r.buttons(), CSRFToken: r.csrfToken, CallbackURL: r.callbackURL, Error: code, Hint: r.hint(notice),
		Script:   r.passkeyScriptURL(),
		LastUsed: r.lastUsed(), Failed: r.failedForm(code, failed.Provider), Typed: failed.Typed, Reference: failed.Reference,
	})
}

// buttons are the providers on the sign-in page.
func (r *request) buttons() []pages.Provider {
	all := make([]pages.Provider, len(r.auth.providers))
	for i, p := range r.auth.providers {
		all[i] = p.button(r.base.URL)
	}
	return all
}

// postSignIn starts a sign-in. Without proof that a page of ours asked, it shows
// the sign-in page instead.
func (r *request) postSignIn() {
	if again := r.postedElsewhere(); again != "" && !r.csrfVerified {
		r.redirect(http.StatusOK, again)
		return
	}
	if !r.proven() || r.provider == nil {
		r.csrfRefused("signin")
		return
	}
	r.provider.method.begin(r)
}

func (r *request) callback() { r.provider.method.callback(r) }

func (r *request) getError() {
	code := r.c.Query("error")
	if code == "" {
		code = r.segment
	}
	switch page := r.auth.opts.Pages.Error; {
	case errorcode.ShownOnSignInPage(code):
		r.redirect(http.StatusOK, r.base.URL+"/signin?error="+code)
	case page != "":
		if code == "" {
			code = "undefined" // as next-auth says it
		}
		target := withQuery(page, "error", code)
		if notice, _ := r.noticed(code); notice != "" {
			target = withQuery(target, "reason", notice)
		}
		if wait := r.waitAsked(); wait > 0 {
			target = withQuery(target, waitParam, seconds(wait))
		}
		r.redirect(http.StatusOK, target)
	default:
		r.errorPage(errorcode.Status(code), code, r.waitAsked())
	}
}

// getVerifyRequest says that a mail is on its way, and takes the code that it
// brings.
func (r *request) getVerifyRequest() {
	if page := r.auth.opts.Pages.VerifyRequest; page != "" {
		r.redirect(http.StatusOK, page)
		return
	}
	page := pages.VerifyRequest{Site: r.base.Host(), CSRFToken: r.csrfToken, CallbackURL: r.callbackURL}
	if p := r.auth.provider(r.c.Query("provider")); p != nil && p.method.kind() == emailType {
		if p.button(r.base.URL).Code {
			page.Action = r.base.URL + "/callback/" + p.id
			page.Wrong = r.c.Query("error") == errorcode.VerificationCode
		}
		page.OtherURL = r.base.URL + "/signin"
		if sent := r.kept(r.names.Sent, sentNote); sent.Provider == p.id { // never one that a link names
			page.Email, page.Again, page.AgainURL = sent.Email, sent.Again && !page.Wrong, r.base.URL+"/signin/"+p.id
		}
	}
	r.pages().VerifyRequest(r.c.Writer, page)
}

// postLog takes what next-auth's client reports of its own errors. Anybody may
// send it, so only the code is logged, and only for debugging.
func (r *request) postLog() {
	r.auth.opts.Logger.Debug("ginauth: the client reports an error", "code", redact.Code(r.field("code")))
	r.c.Writer.Header()["Content-Type"] = nil
	r.c.Status(http.StatusOK)
	r.c.Writer.WriteHeaderNow()
}

// getSession tells a page who is signed in, and moves the session's end where that is
// due: next-auth does so each time, by which a late answer undoes what a request in
// between made of the session.
func (r *request) getSession() {
	noStore(r.c.Writer.Header())
	r.answerSession("", nil)
}

// postSession changes the session as the page asks: the JWT callback decides
// what of it counts.
func (r *request) postSession() {
	if r.native {
		r.renewNative()
		return
	}
	if !r.proven() {
		r.json(http.StatusBadRequest, r.nobody())
		return
	}
	r.answerSession(TriggerUpdate, r.body["data"])
}

// nobody is the answer where nobody is signed in. Each client knows its own
// server's alone: Auth.js's takes {} for a session.
func (r *request) nobody() any {
	if r.auth.opts.Session.Format == AuthJSV5 {
		return nil
	}
	return struct{}{}
}

// answerSession answers the session, changed where the page asks for that. A token
// that does not open is deleted; a fault of a callback keeps it, for the next time.
func (r *request) answerSession(trigger Trigger, update any) {
	found := r.found()
	if !found.Found {
		r.json(http.StatusOK, r.nobody())
		return
	}
	var id *identity
	var err error
	if trigger == TriggerUpdate {
		if id, err = r.auth.openLatestFound(r.c.Request.Context(), found, r.base); err == nil {
			id, err = r.auth.change(r.c, id, r.base, found, update)
		}
	} else if id, err = r.auth.openFound(r.c.Request.Context(), found, r.base, r.auth.opts.Now()); err == nil {
		err = r.auth.read(r.c, id, r.base, found)
	}
	if errors.Is(err, ErrSignedOut) {
		err = cmp.Or(r.auth.endByCallback(r.c, id, r.base, found), errSignedOut)
	}
	switch {
	case errors.Is(err, errSignedOut):
		r.auth.clearSession(r.c, found, r.base)
		r.json(http.StatusOK, r.nobody())
		return
	case err != nil:
		r.fault("reading the session", err)
		return
	case r.auth.ending.streams.SignedOut(id.token.sessionID()):
		// Meanwhile, and the answer to the sign-out deletes the cookie. This one may
		// come after the next person's sign-in, whose cookie it must not delete.
		r.json(http.StatusOK, r.nobody())
		return
	}
	if event := r.auth.opts.Events.Session; event != nil {
		event(r.c, SessionEvent{Session: id.view(), Token: &id.token})
	}
	r.json(http.StatusOK, &id.session)
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
