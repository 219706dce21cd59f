package ginauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ginauth/ginauth/internal/bulkhead"
	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/errorcode"
	"github.com/ginauth/ginauth/internal/nonce"
	"github.com/ginauth/ginauth/internal/oauth"
	"github.com/ginauth/ginauth/internal/origin"
	"github.com/ginauth/ginauth/internal/pages"
	"github.com/ginauth/ginauth/internal/refusal"
	"github.com/ginauth/ginauth/internal/token"
)

// startedElsewhere reports whether a request to signin/:provider asks for a sign-in as
// another site does (OpenID Connect Core §4), and this provider admits that.
func (m *oauthMethod) startedElsewhere(u *url.URL) bool {
	return m != nil && m.thirdParty && oauth.StartsElsewhere(u.Query())
}

// postedElsewhere is where a sign-in goes on that another site asks for by POST, which it
// may do as well; "" for any other request. With a GET to there the session comes along.
func (r *request) postedElsewhere() string {
	u := &url.URL{RawQuery: oauth.PostedStart(r.body).Encode()}
	if r.provider == nil || !r.provider.oauth().startedElsewhere(u) {
		return ""
	}
	return r.base.URL + "/signin/" + r.provider.id + u.String()
}

// beginElsewhere starts the sign-in that another site asks for. A page with one button
// asks first where somebody is signed in, where the session cookie does not tell (see
// strict), and where the browser does not say that the whole page navigates here: a frame
// or a prerendered page must not sign anybody in unseen.
func (m *oauthMethod) beginElsewhere(r *request) {
	query := r.c.Request.URL.Query()
	if !r.startAllowed("") || !m.checkStart(r, query) {
		return
	}
	r.callbackURL = r.redirectTarget(r.base.Absolute(oauth.StartTarget(query), nil))
	ask := r.strict() || r.c.Request.Method != http.MethodGet || !origin.WholePage(r.c.Request.Header)
	if !ask {
		_, err := r.auth.openFound(r.c.Request.Context(), r.found(), r.base, r.auth.opts.Now())
		if err != nil && !errors.Is(err, errSignedOut) {
			r.leave(r.sessionFault("reading the session", err))
			return
		}
		ask = err == nil
	}
	if !ask {
		m.start(r, oauth.StartHint(query), true)
		return
	}
	b := r.provider.button(r.base.URL)
	asked := oauth.StartHint(query)
	asked.Set("iss", query.Get("iss"))
	b.Action += "?" + asked.Encode()
	r.pages().SignIn(r.c.Writer, http.StatusOK, pages.SignIn{
		Site: r.base.Host(), Providers: []pages.Provider{b}, CSRFToken: r.csrfToken, CallbackURL: r.callbackURL, Error: errorcode.OtherSite,
	})
}

// checkStart refuses what another site asks for unless it names this provider's issuer,
// and each parameter once.
func (m *oauthMethod) checkStart(r *request, query url.Values) bool {
	var err error = errTwiceElsewhere
	if oauth.OneStart(query) {
		var own bool
		if own, err = m.client.IsIssuer(r.c.Request.Context(), query.Get("iss")); own {
			return true
		}
		if err == nil {
			err = denial(fmt.Sprintf("ginauth: another site asks for a sign-in at the issuer %.100q, and this provider has another issuer", query.Get("iss")))
		}
	}
	r.leave(r.refused("starting the sign-in", err, http.StatusOK, errorcode.OAuthSignin))
	return false
}

// IDTokens let people sign in by an id_token that another client of the same application
// got from the provider: a native application, by the sign-in of its system, or a page, by
// Google's One Tap. It sends the token to POST callback/:provider, as id_token or, as One
// Tap calls it, credential. docs/apis.md has both, step by step.
//
// The token is somebody else's copy of a proof. So it must have a nonce of POST
// nonce/:provider, which works for an hour, once, and in the browser that asked for it
// alone; be at most five minutes old; and be issued for and to clients that are listed
// here. A sign-in by it never adds an account to a user, whatever
// DangerousEmailAccountLinking says.
//
// A browser sends our csrfToken too, and its Origin must be this site's. It gets a cookie,
// as at any sign-in. A request with neither Origin nor Sec-Fetch-* nor Cookie is a native
// application's: it gets {"sessionToken": …, "expires": …}, and sends the token as a bearer
// token. POST session with it renews it, POST signout ends it.
//
// What counts the nonces is Limits.Limiter, or else the Adapter. A native session needs
// what can end it, Session.Store or Session.Revocations, and Session.AbsoluteMaxAge.
// Without these New fails. The provider must be an IDTokenVerifier, such as those of
// package oidc.
type IDTokens struct {
	// Audiences are client ids that aud may name, beside the provider's own: the one of
	// an application for iOS, such as com.example.app at Apple. A token for anybody else
	// too is refused.
	Audiences []string
	// Presenters are client ids that azp may name, beside the one in aud (OpenID Connect
	// Core §2): a token of Google for Android has the site's client id as aud, and as azp
	// the application's. A client of the same project that is not listed here signs nobody
	// in.
	Presenters []string
}

// validate finds what is no client id. A nil *IDTokens has no faults.
func (t *IDTokens) validate() error {
	if t == nil {
		return nil
	}
	for name, ids := range map[string][]string{"Audiences": t.Audiences, "Presenters": t.Presenters} {
		for _, id := range ids {
			if id == "" || strings.TrimSpace(id) != id {
				return fmt.Errorf("IDTokens.%s has %q, which is no client id; was its variable set? Write the client id as the provider shows it, or leave it out", name, id)
			}
		}
	}
	return nil
}

// checkIDTokens finds what sign-ins by an id_token need of the other options.
func checkIDTokens(opts *Options) error {
	var errs []error
	if opts.Adapter == nil && opts.Limits.Limiter == nil {
		errs = append(errs, errors.New("IDTokens needs a place where each nonce counts once; set Limits.Limiter, for instance to redisstore.NewLimiter's, or an Adapter"))
	}
	if opts.Session.Store == nil && opts.Session.Revocations == nil {
		errs = append(errs, errors.New("IDTokens begins sessions of native applications, which nothing could end; set Session.Store or Session.Revocations"))
	}
	if opts.Session.AbsoluteMaxAge == 0 {
		errs = append(errs, errors.New("IDTokens begins sessions of native applications, which could renew them without end; set Session.AbsoluteMaxAge, for instance to 90*24*time.Hour"))
	}
	return errors.Join(errs...)
}

// idTokenAction is the route of the nonces that id_tokens need which are handed over.
const idTokenAction = "nonce"

func (p *provider) takesIDTokens() bool {
	return p != nil && p.oauth() != nil && p.oauth().idTokens != nil
}

func (a *Auth) takesIDTokens() bool {
	return slices.ContainsFunc(a.providers, (*provider).takesIDTokens)
}

// handedOver reports whether a request hands an id_token over. What has a state is the
// provider's own answer by POST.
func (r *request) handedOver() bool {
	return r.method == http.MethodPost && r.provider.takesIDTokens() && oauth.HandsOver(r.body, r.c.Request.URL.Query())
}

// nonces are those of this provider at this site.
func (r *request) nonces() *nonce.Nonces {
	a := r.auth
	n := &nonce.Nonces{Provider: r.provider.id, Site: r.base.URL, Hash: a.keys.nonce, Now: a.opts.Now}
	if limiter := a.opts.Limits.Limiter; limiter != nil {
		n.First = func(ctx context.Context, key string) (bool, error) {
			wait, err := bulkhead.Do(ctx, a.calls.limiter, func(ctx context.Context) (time.Duration, error) {
				return limiter.Allow(ctx, "nonce:"+key[:32], Rate{Count: 1, Per: nonce.Memory})
			})
			return err == nil && wait == 0, err
		}
		return n
	}
	put, take := a.onceRows("id_token")
	n.Rows = &nonce.Rows{Put: put, Take: take, NotFound: ErrNotFound}
	return n
}

// onceRows put and take rows of the Adapter that count once. name stands in place of an
// address, which it must never be.
func (a *Auth) onceRows(name string) (put func(ctx context.Context, key string, expires time.Time) error, take func(ctx context.Context, key string) error) {
	put = func(ctx context.Context, key string, expires time.Time) error {
		return a.storeToken(ctx, VerificationToken{Identifier: name, Hash: key, Expires: expires})
	}
	take = func(ctx context.Context, key string) error {
		_, err := a.useToken(ctx, name, key)
		return err
	}
	return put, take
}

// postNonce gives out a nonce for one id_token.
func (r *request) postNonce() {
	noStore(r.c.Writer.Header())
	if !r.native && !r.fromOwnPage() {
		r.nativeError(http.StatusForbidden, errorcode.FormRefused)
		return
	}
	if !r.startAllowed("") {
		return
	}
	text, expires, err := r.nonces().New(r.c.Request.Context(), r.browserSecret())
	if err != nil {
		r.fault("making a nonce", err)
		return
	}
	r.json(http.StatusOK, map[string]string{"nonce": text, "expires": expires.UTC().Format(isoMillis)})
}

// browserSecret is what binds a nonce to a browser: its CSRF token, which only its own
// pages of this site know; "" for a native application. The request was proven.
func (r *request) browserSecret() string {
	if r.native {
		return ""
	}
	return r.field("csrfToken")
}

// fromOwnPage reports whether a browser's request comes from a page of this site, which
// its Origin must say as well: every browser sends one with a POST, and so a request
// without it, with which a proxy may have interfered, is refused. Google's own token is
// checked where One Tap sent one.
func (r *request) fromOwnPage() bool {
	if !r.proven() {
		return false
	}
	_, sent := r.body["g_csrf_token"]
	google, _ := cookie.Get(r.c.Request.Header["Cookie"], "g_csrf_token")
	if len(r.c.Request.Header["Origin"]) != 1 || sent && (google == "" || !token.Equal(r.field("g_csrf_token"), google)) {
		r.auth.refusals.Warn(r.c.Request.Context(), refusal.Origin, "a page handed an id_token over, or asked for a nonce, without an Origin or with another g_csrf_token than the one in Google's cookie",
			refusal.Advice{LookAt: "the proxy in front", Text: "it must pass the Origin header on; a script that One Tap calls back need not send g_csrf_token, but it must send csrfToken"},
			"host", r.c.Request.Host, "expected", r.base.Origin)
		return false
	}
	return true
}

// takeIDToken signs in by an id_token that is handed over.
func (m *oauthMethod) takeIDToken(r *request) {
	if !r.native && !r.fromOwnPage() {
		r.csrfRefused("signin")
		return
	}
	if !r.startAllowed("") {
		return
	}
	r.leave(m.signInByIDToken(r))
}

func (m *oauthMethod) signInByIDToken(r *request) outcome {
	t, ok := oauth.ReadHandedToken(r.body)
	if !ok {
		return r.refused("the id_token", errHandedTwice, http.StatusBadRequest, errorcode.OAuthCallback)
	}
	r.secrets = append(r.secrets, t.Raw, t.AccessToken, t.Nonce)
	nonces, ctx := r.nonces(), context.WithoutCancel(r.c.Request.Context())
	if !nonces.Valid(t.Nonce, r.browserSecret()) { // before anybody's keys are asked for
		return r.refused("the nonce", errHandedNonce, http.StatusOK, errorcode.OAuthCallback)
	}
	t.Audiences, t.Presenters = m.idTokens.Audiences, m.idTokens.Presenters
	id, err := m.client.TakeIDToken(ctx, t, r.redirectURI(), r.auth.opts.Now())
	if err != nil {
		return r.refused("the id_token", err, http.StatusOK, errorcode.OAuthCallback)
	}
	first, err := nonces.Spend(ctx, t.Nonce)
	switch {
	case err != nil:
		return r.sessionFault("counting the nonce", err)
	case !first:
		return r.refused("the nonce", errHandedAgain, http.StatusOK, errorcode.OAuthCallback)
	}
	tx := &oauth.Transaction{ThirdParty: true}
	tx.User, tx.Fresh = r.signedIn()
	return m.admit(ctx, r, tx, id)
}

// isNative reports whether a native application sends the request: it has neither Origin
// nor Sec-Fetch-* nor Cookie, one of which every browser sends with a POST. So no page can
// send such a request with somebody's cookies, and a session's token in the answer reaches
// no page. It is asked of the routes for native applications alone; any other request
// without these headers is treated as a browser's.
func (r *request) isNative(action string) bool {
	if h := r.c.Request.Header; r.method != http.MethodPost || origin.FromBrowser(h) || !r.auth.takesIDTokens() {
		return false
	}
	switch action {
	case idTokenAction:
		return true
	case "callback":
		return r.handedOver()
	case "session", "signout":
		return bearer(r.c.Request.Header) != ""
	}
	return false
}

// leaveNative answers a native application's sign-in: with the session's token, which it
// sends as a bearer token from then on, or with an error's code.
func (r *request) leaveNative(result outcome) {
	noStore(r.c.Writer.Header())
	switch {
	case result.wait > 0:
		r.answerRateLimited(result.wait)
	case result.session != "":
		r.nativeSession(result.session, result.ends)
	case result.code == "": // Callbacks.SignIn sends the person elsewhere
		r.json(http.StatusForbidden, map[string]string{"error": errorcode.AccessDenied, "url": r.base.Public(result.location)})
	case result.status < http.StatusBadRequest: // for a browser, which is led on
		r.nativeError(http.StatusUnauthorized, result.code)
	default:
		r.nativeError(result.status, result.code)
	}
}

func (r *request) nativeError(status int, code string) {
	r.json(status, map[string]string{"error": code})
}

func (r *request) nativeSession(value string, ends time.Time) {
	r.json(http.StatusOK, map[string]string{"sessionToken": value, "expires": ends.UTC().Format(isoMillis)})
}

// renewNative moves the end of a native application's session where that is due, and
// answers the token to send from then on. What the body holds changes nothing: it is no
// update.
func (r *request) renewNative() {
	noStore(r.c.Writer.Header())
	ctx, a := r.c.Request.Context(), r.auth
	id, err := a.openLatest(ctx, bearer(r.c.Request.Header), r.base)
	if err == nil {
		id, err = r.renewed(id)
	}
	switch {
	case errors.Is(err, ErrSignedOut):
		if fault := a.endByCallback(r.c, id, r.base, cookie.Session{}); fault != nil {
			r.fault("ending the session", fault)
			return
		}
		a.refuseBearer(r.c)
	case errors.Is(err, errSignedOut):
		a.refuseBearer(r.c)
	case err != nil:
		r.fault("renewing a session", err)
	default:
		r.nativeSession(id.value, id.token.ExpiresAt)
	}
}

// renewed runs the callbacks on a session and seals it again where that is due. Where
// another request has done so meanwhile, it is that one's session.
func (r *request) renewed(id *identity) (*identity, error) {
	ctx, a := r.c.Request.Context(), r.auth
	due, err := a.refresh(r.c, id, "", nil)
	if err != nil || !due {
		return id, err
	}
	payload, err := a.stamp(ctx, &id.token, r.base, a.opts.Now())
	if err != nil {
		return nil, err
	}
	value, err := a.replace(ctx, id, payload, id.token.ExpiresAt, r.base)
	if errors.Is(err, ErrConflict) {
		return a.openLatest(ctx, id.value, r.base)
	}
	if err != nil {
		return nil, err
	}
	id.value = value
	if a.ending.revoked == nil {
		return id, nil
	}
	ended, err := a.ending.revoked.EndedNow(ctx, id.token.revocable())
	if ended { // while this request was under way
		err = errSignedOut
	}
	return id, err
}

// endNative ends a native application's session. It is no error if there is none.
func (r *request) endNative() {
	noStore(r.c.Writer.Header())
	id, err := r.auth.open(r.c.Request.Context(), bearer(r.c.Request.Header), r.base, r.auth.opts.Now())
	if err == nil {
		err = r.auth.endByCallback(r.c, id, r.base, cookie.Session{})
	}
	if err != nil && !errors.Is(err, errSignedOut) {
		r.fault("ending the session", err)
		return
	}
	r.json(http.StatusOK, struct{}{})
}
