package tests

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/ginauth/ginauth"
)

// A form that a page of this site did not send changes nothing, and the page says that it
// did not work: in the words of adding one only where one was to be added.
func TestPasskeys_Notices(t *testing.T) {
	t.Parallel()
	a := newPasskeyApp(t, ginauth.Options{})
	a.registered(t, "ada")
	b := a.browser(t)
	b.signInByPassword("ada")
	id := a.passkeysOf(t, "ada")[0].ID
	const failed, notAdded = "That did not work. Please try again.", "The passkey was not added. Please try again."
	for query, want := range map[string]string{
		"": "", "?csrf=true": failed, "?csrf=1": "", "?error=MissingCSRF": failed, "?error=Default": failed,
		"?error=PasskeyRegistration": notAdded, "?error=Call+0900": failed, "?csrf=true&error=PasskeyRegistration": notAdded,
	} {
		if res := b.get(passkeysPath + query); res.alert() != want || strings.Contains(res.body, "Call 0900") {
			t.Errorf("%q: %q\n%s", query, res.alert(), res.body)
		}
	}
	for do, form := range map[string]url.Values{
		"rename": {"do": {"rename"}, "id": {id}, "name": {"Eve's"}}, "remove": {"do": {"remove"}, "id": {id}},
	} {
		res := b.post(passkeysPath, form)
		if res.Header.Get("Location") != a.URL+passkeysPath+"?csrf=true" || !strings.Contains(b.follow(res).body, failed) {
			t.Errorf("%s without a token: %d %s", do, res.StatusCode, res.Header.Get("Location"))
		}
		form.Set("csrfToken", b.csrf())
		req := b.request(http.MethodPost, passkeysPath, form)
		req.Header.Set("Origin", "https://evil.example")
		if res := b.do(req); res.Header.Get("Location") != a.URL+passkeysPath+"?csrf=true" {
			t.Errorf("%s from another site: %d %s", do, res.StatusCode, res.Header.Get("Location"))
		}
	}
	if list := a.passkeysOf(t, "ada"); len(list) != 1 || list[0].Name != "Passkey" {
		t.Errorf("changed: %+v", list)
	}
	// The answer of a device that another page sends signs nobody in and registers nothing.
	o, _ := b.passkeyOptions("register")
	data := a.device(t).create(o)
	for _, action := range []string{"register", "authenticate"} {
		res := b.post(answerPath, url.Values{"action": {action}, "data": {data}})
		if res.Header.Get("Location") != a.URL+"/api/auth/signin?csrf=true" || res.signedIn() {
			t.Errorf("%s without a token: %d %s", action, res.StatusCode, res.Header.Get("Location"))
		}
	}
	if len(a.passkeysOf(t, "ada")) != 1 {
		t.Error("registered without a token")
	}
}

// The last way to sign in stays: the page does not say then that a passkey was not added.
func TestPasskeys_LastStays(t *testing.T) {
	t.Parallel()
	a := newPasskeyApp(t, ginauth.Options{})
	a.registered(t, "ada")
	b := a.browser(t)
	b.signInByPassword("ada")
	if err := a.auth.Unlink(t.Context(), a.people["ada"], "credentials", a.people["ada"]); err != nil {
		t.Fatal(err)
	}
	id := a.passkeysOf(t, "ada")[0].ID
	res := b.doPasskeys("remove", id, "")
	if res.Header.Get("Location") != a.URL+passkeysPath+"?error=Default" || !strings.Contains(b.follow(res).body, "That did not work. Please try again.") {
		t.Errorf("%d %s", res.StatusCode, res.Header.Get("Location"))
	}
	a.log.forget()
	res = b.doPasskeys("remove", id, "", "json", "true")
	if res.StatusCode != http.StatusBadRequest || res.body != `{"error":"Default","url":"`+a.URL+passkeysPath+`?error=Default"}` {
		t.Errorf("%d %s", res.StatusCode, res.body)
	}
	if got := a.log.String(); !strings.Contains(got, "level=INFO") || !strings.Contains(got, ginauth.ErrLastAccount.Error()) {
		t.Errorf("the log says %s", got)
	}
	if len(a.passkeysOf(t, "ada")) != 1 || a.heard()[0] != "link passkey" {
		t.Error("it is gone")
	}
}
