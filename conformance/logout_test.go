package conformance

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
)

const noState = "the site sends no `state`, which the suite reports as skipped"

// logoutModules are those of RP-Initiated and Back-Channel Logout.
func logoutModules() []module {
	const backchannel = prefix + "-rp-backchannel-rpinitlogout"
	return []module{
		{name: prefix + "-rp-init-logout", expects: "sign out at the provider with a valid id_token_hint, and take the browser back", test: initiatedLogout("")},
		{name: prefix + "-rp-init-logout-no-state", expects: "take the browser back without the `state` that was sent", test: initiatedLogout(""), rule: noState},
		{name: prefix + "-rp-init-logout-other-state", expects: "take the browser back with another `state` than was sent", test: initiatedLogout("another"), rule: noState},
		{name: backchannel, expects: "end the session that a logout token names, and answer 200", test: backChannel(http.StatusOK)},
		{name: backchannel + "-alg-none", expects: "refuse an unsigned logout token with 400", test: backChannel(http.StatusBadRequest, signed(ginauthtest.None))},
		{name: backchannel + "-no-event", expects: "refuse a logout token without `events` with 400", test: backChannel(http.StatusBadRequest, logout(without("events")))},
		{name: backchannel + "-with-nonce", expects: "refuse a logout token with a `nonce` with 400", test: backChannel(http.StatusBadRequest, logout(set("nonce", "n")))},
		{name: backchannel + "-wrong-alg", expects: "refuse a logout token signed with an algorithm that was not agreed upon with 400",
			test: backChannel(http.StatusBadRequest, signed(ginauthtest.OtherAlgorithm))},
		{name: backchannel + "-wrong-aud", expects: "refuse a logout token with another `aud` with 400", test: backChannel(http.StatusBadRequest, logout(set("aud", "other-client")))},
		{name: backchannel + "-wrong-event", expects: "refuse a logout token of another event with 400",
			test: backChannel(http.StatusBadRequest, logout(set("events", map[string]any{"http://schemas.openid.net/event/foobar": map[string]any{}})))},
		{name: backchannel + "-wrong-iss", expects: "refuse a logout token with another `iss` with 400", test: backChannel(http.StatusBadRequest, logout(set("iss", "https://other.example")))},
	}
}

// logout changes the claims of logout tokens.
func logout(change func(map[string]any)) func(*ginauthtest.Provider) {
	return func(op *ginauthtest.Provider) { op.TamperLogout(change) }
}

func leaving(o *ginauth.OAuth) { o.SignOutAtProvider = true }

// signsOut presses the sign-out button and follows to the provider and back.
func (b *browser) signsOut(state string) {
	b.t.Helper()
	res := b.post("/api/auth/signout", url.Values{"callbackUrl": {"/bye"}})
	target := res.Header.Get("Location")
	if !strings.HasPrefix(target, b.op.Issuer()+string(ginauthtest.Logout)+"?") {
		b.t.Fatalf("the sign-out answered %d and leads to %q", res.StatusCode, target)
	}
	if got := b.user(); got != "" {
		b.t.Errorf("%q is still signed in", got)
	}
	q := parameters(b.t, target)
	if q.Get("id_token_hint") != b.signedIn().Account.IDToken || q.Get("post_logout_redirect_uri") != b.url()+"/bye" || q.Has("state") {
		b.t.Errorf("the sign-out leads to %s", target)
	}
	// The provider verifies the hint.
	back := b.get(target, true).Header.Get("Location")
	if back != b.url()+"/bye" {
		b.t.Fatalf("the provider leads to %q", back)
	}
	if state != "" {
		back += "?" + url.Values{"state": {state}}.Encode()
	}
	if page := b.get(back, true); page.StatusCode != http.StatusOK {
		b.t.Errorf("back on the site: %d", page.StatusCode)
	}
}

func initiatedLogout(state string) func(*testing.T, bool) {
	return func(t *testing.T, posted bool) {
		v := newSite(t, setup{posted: posted, op: es256, oauth: leaving, options: withStore})
		v.accepts().signsOut(state)
	}
}

// backChannel has the provider post a logout token for a session of another browser,
// while one signs out. The token is refused with 400, or ends that session.
func backChannel(want int, lies ...func(*ginauthtest.Provider)) func(*testing.T, bool) {
	return func(t *testing.T, posted bool) {
		v := newSite(t, setup{posted: posted, op: rs256, oauth: leaving, options: func(opts *ginauth.Options) {
			withStore(opts)
			opts.Session.Revocations = ginauth.MemoryRevocations()
		}})
		other := v.accepts()
		sid, _ := v.signedIn().Profile.RawData["sid"].(string)
		b := v.accepts()
		for _, lie := range lies {
			lie(v.op)
		}
		status, cacheControl := v.sendLogout("ada", sid)
		if status != want || !strings.Contains(cacheControl, "no-store") {
			t.Errorf("the logout token was answered %d with Cache-Control %q, want %d", status, cacheControl, want)
		}
		if left := other.user() != ""; left != (want != http.StatusOK) {
			t.Errorf("the session that the token names is left: %v", left)
		}
		v.op.Reset()
		b.signsOut("")
	}
}

// sendLogout posts a logout token as the provider does.
func (v *site) sendLogout(subject, sid string) (status int, cacheControl string) {
	v.t.Helper()
	token, err := v.op.LogoutToken(subject, sid)
	if err != nil {
		v.t.Fatal(err)
	}
	b := v.browser()
	res, err := b.client.PostForm(v.url()+"/api/auth/backchannel-logout/"+providerID, url.Values{"logout_token": {token}})
	if err != nil {
		v.t.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode, res.Header.Get("Cache-Control")
}
