package ginauth

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/ginauth/ginauth/internal/errorcode"
	"github.com/ginauth/ginauth/internal/pages"
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
