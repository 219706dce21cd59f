package conformance

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
)

// startModules are those of Form Post's error and of Third-Party-Initiated Login.
func startModules() []module {
	return []module{
		{name: prefix + "-form-post-error", expects: "show an error page where the provider posts `login_required`", test: postedError},
		{name: prefix + "-3rd-party-init-login", expects: "start a sign-in when the person is sent to its `initiate_login_uri` with `iss`", test: initiatedLogin},
	}
}

// initiatedLogin has another site send the person to the site, with the issuer.
func initiatedLogin(t *testing.T, _ bool) {
	v := newSite(t, setup{op: es256, oauth: func(o *ginauth.OAuth) { o.ThirdPartyLogin = true }})
	uri := v.url() + "/api/auth/signin/" + providerID
	for _, row := range []struct{ hint, target string }{{"", ""}, {"ada@example.com", v.url() + "/welcome"}} {
		q := url.Values{"iss": {v.op.Issuer()}}
		if row.hint != "" {
			q.Set("login_hint", row.hint)
			q.Set("target_link_uri", row.target)
		}
		b := v.browser()
		tokens, userinfos := len(v.op.TokenRequests()), len(v.sent.to(ginauthtest.Userinfo))
		res := b.get(uri+"?"+q.Encode(), true)
		authURL := res.Header.Get("Location")
		b.checkAuthorizationRequest(authURL)
		if got := parameters(t, authURL).Get("login_hint"); res.StatusCode != http.StatusFound || got != row.hint {
			t.Errorf("answered %d, with the hint %q", res.StatusCode, got)
		}
		want := row.target
		if want == "" {
			want = v.url()
		}
		if got := b.approve(authURL).Header.Get("Location"); got != want || b.user() != "ada@example.com" {
			t.Errorf("%q is signed in and led to %q; log: %s", b.user(), got, v.log)
		}
		b.checkTokenRequests(tokens, parameters(t, authURL))
		b.checkUserinfoRequests(userinfos)
	}
	// Nobody else's issuer.
	b := v.browser()
	b.showsError(b.get(uri+"?"+url.Values{"iss": {"https://other.example"}}.Encode(), true).Header.Get("Location"))
	if strings.Count(v.log.String(), "this provider has another issuer") != 1 {
		t.Errorf("the log says %s", v.log)
	}
}

// postedError asks for what cannot be had: nobody may be asked, and nobody is signed in
// at the provider.
func postedError(t *testing.T, _ bool) {
	v := newSite(t, setup{posted: true, op: es256, oauth: func(o *ginauth.OAuth) {
		o.AuthParams = url.Values{"prompt": {"none"}, "max_age": {"0"}}
	}})
	b := v.browser()
	authURL := b.begin()
	b.checkAuthorizationRequest(authURL)
	q := parameters(t, authURL)
	if q.Get("response_mode") != "form_post" || q.Get("prompt") != "none" || q.Get("max_age") != "0" {
		t.Errorf("asked for %s", authURL)
	}
	post, err := v.op.ApprovePost(t.Context(), authURL, "ada")
	if err != nil {
		t.Fatal(err)
	}
	body, err := post.GetBody()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	if form, err := url.ParseQuery(string(raw)); err != nil || form.Get("error") != "login_required" {
		t.Fatalf("the provider posts %s", raw)
	}
	b.showsError(b.do(post, true).Header.Get("Location"))
	if got := len(v.op.TokenRequests()); got != 0 {
		t.Errorf("%d token requests were sent", got)
	}
}
