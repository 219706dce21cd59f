package ginauthtest_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/ginauth/ginauth/ginauthtest"
)

// formRequest is an authorization request that asks for an answer by POST.
func formRequest(idp *ginauthtest.Provider, mode string) string {
	return idp.Issuer() + "/authorize?" + url.Values{
		"client_id": {idp.ClientID()}, "redirect_uri": {"http://localhost:1/callback?a=b"}, "response_type": {"code"},
		"scope": {"openid"}, "state": {`"><script>alert(1)</script>`}, "nonce": {"n"}, "response_mode": {mode},
		"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "code_challenge_method": {"S256"},
	}.Encode()
}

func TestFormPost(t *testing.T) {
	t.Parallel()
	idp, err := ginauthtest.NewProvider(ginauthtest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = idp.Close() })
	idp.TamperResponse(func(q url.Values) { q.Set("user", `{"name":{"firstName":"Ada"}}`) })

	post, err := idp.ApprovePost(t.Context(), formRequest(idp, "form_post"), "ada")
	if err != nil {
		t.Fatal(err)
	}
	if post.Method != http.MethodPost || post.URL.String() != "http://localhost:1/callback?a=b" || post.Header.Get("Origin") != idp.Issuer() {
		t.Errorf("got %s %s from %q", post.Method, post.URL, post.Header.Get("Origin"))
	}
	if err := post.ParseForm(); err != nil {
		t.Fatal(err)
	}
	form := post.PostForm
	if form.Get("code") == "" || form.Get("state") != `"><script>alert(1)</script>` || form.Get("iss") != idp.Issuer() ||
		form.Get("user") != `{"name":{"firstName":"Ada"}}` || len(form) != 4 {
		t.Errorf("the form is %v", form)
	}
	cancelled, err := idp.CancelPost(t.Context(), formRequest(idp, "form_post"))
	if err != nil {
		t.Fatal(err)
	}
	if err := cancelled.ParseForm(); err != nil || cancelled.PostForm.Get("error") != "access_denied" || cancelled.PostForm.Has("code") {
		t.Errorf("cancelled: %v, %v", cancelled.PostForm, err)
	}

	// Each way of answering has its own methods.
	if _, err := idp.Approve(t.Context(), formRequest(idp, "form_post"), "ada"); err == nil || !strings.Contains(err.Error(), "ApprovePost") {
		t.Errorf("Approve: %v", err)
	}
	if _, err := idp.ApprovePost(t.Context(), formRequest(idp, "query"), "ada"); err == nil || !strings.Contains(err.Error(), "Approve") {
		t.Errorf("ApprovePost: %v", err)
	}
	if to, err := idp.Approve(t.Context(), formRequest(idp, "fragment"), "ada"); err != nil || to.Query().Get("error") != "invalid_request" {
		t.Errorf("fragment: %v, %v", to, err)
	}
	if _, err := idp.ApprovePost(t.Context(), formRequest(idp, "form_post"), "nobody"); err == nil {
		t.Error("nobody was approved")
	}
}

// The page is a browser's: it runs its own script and no other.
func TestFormPostPage(t *testing.T) {
	t.Parallel()
	idp, err := ginauthtest.NewProvider(ginauthtest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = idp.Close() })
	request, err := url.Parse(formRequest(idp, "form_post"))
	if err != nil {
		t.Fatal(err)
	}
	form := request.Query()
	form.Set("subject", "ada")
	res, err := http.PostForm(idp.Issuer()+"/authorize", form)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	page, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(page), "<script>alert") || strings.Count(string(page), "<script>") != 1 {
		t.Errorf("the page is %s", page)
	}
	policy := res.Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'; script-src 'sha256-") || res.Header.Get("Referrer-Policy") != "origin" {
		t.Errorf("the headers are %v", res.Header)
	}
}
