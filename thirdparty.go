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
	"github.com/ginauth/ginauth/internal/openid"
	"github.com/ginauth/ginauth/internal/pages"
	"github.com/ginauth/ginauth/internal/refusal"
	"github.com/ginauth/ginauth/internal/token"
)

// startedElsewhere reports whether a request to signin/:provider asks for a sign-in as
// another site does (OpenID Connect Core §4), and this provider admits that.
func (m *oauthMethod) startedElsewhere(u *url.URL) bool {
	return m != nil && m.thirdParty && u.Query().Has("iss")
}

// postedElsewhere is where a sign-in goes on that another site asks for by POST, which it
// may do as well; "" for any other request. With a GET to there the session comes along.
func (v *request) postedElsewhere() string {
	query := url.Values{}
	for _, name := range []string{"iss", "login_hint", "target_link_uri"} {
		switch value := v.body[name].(type) {
		case string:
			query.Set(name, value)
		case []string:
			query[name] = value
		}
	}
	u := &url.URL{RawQuery: query.Encode()}
	if v.provider == nil || !v.provider.oauth().startedElsewhere(u) {
		return ""
	}
	return v.base.URL + "/signin/" + v.provider.id + u.String()
}

// beginElsewhere starts the sign-in that another site asks for. A page with one button
// asks first where somebody is signed in, where the session cookie does not tell (see
// strict), and where the browser does not say that the whole page navigates here: a frame
// or a prerendered page must not sign anybody in unseen.
func (m *oauthMethod) beginElsewhere(v *request) {
	query := v.c.Request.URL.Query()
	if !v.startAllowed("") || !m.checkStart(v, query) {
		return
	}
	v.callbackURL = v.redirectTarget(v.base.Absolute(query.Get("target_link_uri"), nil))
	ask := v.strict() || v.c.Request.Method != http.MethodGet || !wholePage(v.c.Request.Header)
	if !ask {
		_, err := v.auth.openFound(v.c.Request.Context(), v.found(), v.base, v.auth.opts.Now())
		if err != nil && !errors.Is(err, errSignedOut) {
			v.leave(v.unkeptSession("reading the session", err))
			return
		}
		ask = err == nil
	}
	if !ask {
		m.start(v, hintOf(query), true)
		return
	}
	b := v.provider.button(v.base.URL)
	asked := hintOf(query)
	asked.Set("iss", query.Get("iss"))
	b.Action += "?" + asked.Encode()
	v.pages().SignIn(v.c.Writer, http.StatusOK, pages.SignIn{
		Site: v.base.Host(), Providers: []pages.Provider{b}, CSRFToken: v.csrfToken, CallbackURL: v.callbackURL, Error: errorcode.OtherSite,
	})
}

// checkStart refuses what another site asks for unless it names this provider's issuer,
// and each parameter once.
func (m *oauthMethod) checkStart(v *request, query url.Values) bool {
	var err error = errTwiceElsewhere
	if len(query["iss"]) == 1 && len(query["login_hint"]) <= 1 && len(query["target_link_uri"]) <= 1 {
		var own bool
		if own, err = m.client.IsIssuer(v.c.Request.Context(), query.Get("iss")); own {
			return true
		}
		if err == nil {
			err = denial(fmt.Sprintf("ginauth: another site asks for a sign-in at the issuer %.100q, and this provider has another issuer", query.Get("iss")))
		}
	}
	v.leave(v.refused("starting the sign-in", err, http.StatusOK, errorcode.OAuthSignin))
	return false
}

// hintOf is what another site may tell the provider: who it thinks the person is.
func hintOf(query url.Values) url.Values {
	hint := url.Values{}
	if text := query.Get("login_hint"); text != "" {
		hint.Set("login_hint", text)
	}
	return hint
}

// wholePage reports whether the browser says that the request is a navigation of the
// whole page, which the person sees (Fetch Metadata §2).
func wholePage(h http.Header) bool {
	for name, want := range map[string]string{"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"} {
		if values := h.Values(name); len(values) != 1 || values[0] != want {
			return false
		}
	}
	return len(h.Values("Sec-Purpose")) == 0 // prefetch, prerender
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
func (v *request) handedOver() bool {
	if v.method != http.MethodPost || !v.provider.takesIDTokens() {
		return false
	}
	_, token := v.body["id_token"]
	_, credential := v.body["credential"]
	_, state := v.body["state"]
	return (token || credential) && !state && !v.c.Request.URL.Query().Has("state")
}

// nonces are those of this provider at this site.
func (v *request) nonces() *nonce.Nonces {
	a := v.auth
	n := &nonce.Nonces{Provider: v.provider.id, Site: v.base.URL, Hash: a.keys.nonce, Now: a.opts.Now}
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
		return a.adapt(ctx, func(ctx context.Context) error {
			return a.opts.Adapter.CreateVerificationToken(ctx, VerificationToken{Identifier: name, Hash: key, Expires: expires})
		})
	}
	take = func(ctx context.Context, key string) error {
		return a.adapt(ctx, func(ctx context.Context) error {
			_, err := a.opts.Adapter.UseVerificationToken(ctx, name, key)
			return err
		})
	}
	return put, take
}

// postNonce gives out a nonce for one id_token.
func (v *request) postNonce() {
	noStore(v.c.Writer.Header())
	if !v.native && !v.fromOwnPage() {
		v.nativeError(http.StatusForbidden, errorcode.FormRefused)
		return
	}
	if !v.startAllowed("") {
		return
	}
	text, expires, err := v.nonces().New(v.c.Request.Context(), v.browserSecret())
	if err != nil {
		v.fault("making a nonce", err)
		return
	}
	v.json(http.StatusOK, map[string]string{"nonce": text, "expires": expires.UTC().Format(isoMillis)})
}

// browserSecret is what binds a nonce to a browser: its CSRF token, which only its own
// pages of this site know; "" for a native application. The request was proven.
func (v *request) browserSecret() string {
	if v.native {
		return ""
	}
	return v.field("csrfToken")
}

// fromOwnPage reports whether a browser's request comes from a page of this site, which
// its Origin must say as well: every browser sends one with a POST, and so a request
// without it, with which a proxy may have interfered, is refused. Google's own token is
// checked where One Tap sent one.
func (v *request) fromOwnPage() bool {
	if !v.proven() {
		return false
	}
	_, sent := v.body["g_csrf_token"]
	google, _ := cookie.Get(v.c.Request.Header["Cookie"], "g_csrf_token")
	if len(v.c.Request.Header["Origin"]) != 1 || sent && (google == "" || !token.Equal(v.field("g_csrf_token"), google)) {
		v.auth.refusals.Warn(v.c.Request.Context(), refusal.Origin, "a page handed an id_token over, or asked for a nonce, without an Origin or with another g_csrf_token than the one in Google's cookie",
			refusal.Advice{LookAt: "the proxy in front", Text: "it must pass the Origin header on; a script that One Tap calls back need not send g_csrf_token, but it must send csrfToken"},
			"host", v.c.Request.Host, "expected", v.base.Origin)
		return false
	}
	return true
}

// takeIDToken signs in by an id_token that is handed over.
func (m *oauthMethod) takeIDToken(v *request) {
	if !v.native && !v.fromOwnPage() {
		v.unproven("signin")
		return
	}
	if !v.startAllowed("") {
		return
	}
	if v.native {
		v.callbackURL = v.base.Home()
	}
	v.leave(m.signInByIDToken(v))
}

func (m *oauthMethod) signInByIDToken(v *request) outcome {
	t, ok := v.handedToken()
	if !ok {
		return v.refused("the id_token", errHandedTwice, http.StatusBadRequest, errorcode.OAuthCallback)
	}
	v.secrets = append(v.secrets, t.Raw, t.AccessToken, t.Nonce)
	nonces, ctx := v.nonces(), context.WithoutCancel(v.c.Request.Context())
	if !nonces.Valid(t.Nonce, v.browserSecret()) { // before anybody's keys are asked for
		return v.refused("the nonce", errHandedNonce, http.StatusOK, errorcode.OAuthCallback)
	}
	t.Audiences, t.Presenters = m.idTokens.Audiences, m.idTokens.Presenters
	id, err := m.client.TakeIDToken(ctx, t, v.redirectURI(), v.auth.opts.Now())
	if err != nil {
		return v.refused("the id_token", err, http.StatusOK, errorcode.OAuthCallback)
	}
	first, err := nonces.Spend(ctx, t.Nonce)
	switch {
	case err != nil:
		return v.unkeptSession("counting the nonce", err)
	case !first:
		return v.refused("the nonce", errHandedAgain, http.StatusOK, errorcode.OAuthCallback)
	}
	return m.admit(ctx, v, &oauth.Transaction{User: v.signedIn(), ThirdParty: true}, id)
}

// handedToken reads the token of a request: id_token or credential, once, and perhaps an
// access token.
func (v *request) handedToken() (t oauth.HandedToken, ok bool) {
	token, isToken := v.body["id_token"].(string)
	credential, isCredential := v.body["credential"].(string)
	_, both := v.body["credential"]
	if _, other := v.body["id_token"]; both && other || !isToken && !isCredential {
		return t, false
	}
	t.Raw = token + credential
	t.Nonce = openid.HandedNonce(t.Raw)
	access, sent := v.body["access_token"]
	t.AccessToken, ok = access.(string)
	return t, t.Raw != "" && (!sent || ok && t.AccessToken != "")
}
