package tests

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
)

const (
	passkeysPath = "/api/auth/passkeys"
	optionsPath  = "/api/auth/webauthn-options/passkey"
	answerPath   = "/api/auth/callback/passkey"
)

// doPasskeys posts a form of the passkeys' page.
func (b *browser) doPasskeys(do, id, name string, more ...string) answer {
	b.t.Helper()
	form := url.Values{"csrfToken": {b.csrf()}, "do": {do}, "id": {id}, "name": {name}}
	for i := 0; i < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	return b.post(passkeysPath, form)
}

// passkeysOf are a person's, the oldest first.
func (a *passkeyApp) passkeysOf(t testing.TB, name string) []ginauth.Passkey {
	t.Helper()
	list, err := a.auth.Passkeys(t.Context(), a.people[name])
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// Where there are no passkeys, their routes say so, and so does a route of no passkeys.
func TestPasskeys_Nowhere(t *testing.T) {
	t.Parallel()
	without, with := membersApp(t, ginauth.Options{}), newPasskeyApp(t, ginauth.Options{})
	for _, row := range []struct {
		b      *browser
		to     string
		status int
		text   string
	}{
		{without.browser(t), passkeysPath, http.StatusBadRequest, "Error: This site has no passkeys"},
		{without.browser(t), optionsPath, http.StatusBadRequest, "Error: This site has no such provider"},
		{with.browser(t), "/api/auth/webauthn-options", http.StatusBadRequest, "Error: This site has no such provider"},
		{with.browser(t), "/api/auth/webauthn-options/credentials", http.StatusBadRequest, "Error: This site has no such provider"},
		{with.browser(t), optionsPath + "?action=second", http.StatusBadRequest, "Error: This site asks for no second factors"},
		{with.browser(t), answerPath, http.StatusInternalServerError, "Error: Callback for provider type webauthn not supported"},
	} {
		res := row.b.get(row.to)
		if res.StatusCode != row.status || res.body != row.text || res.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s answers %d %q", row.to, res.StatusCode, res.body)
		}
	}
	b := without.browser(t)
	b.signInAs("ada")
	for _, do := range []string{"rename", "remove"} {
		if res := b.doPasskeys(do, "id", "name"); res.Header.Get("Location") != without.URL+passkeysPath+"?csrf=true" {
			t.Errorf("to %s answers %d %s", do, res.StatusCode, res.Header.Get("Location"))
		}
	}
	if list, err := without.auth.Passkeys(t.Context(), "u-ada"); err != nil || list == nil || len(list) != 0 {
		t.Errorf("%#v, %v", list, err)
	}
}

// A sign-in by passkey begins on the sign-in page: its URL leads there.
func TestPasskeys_SignInBegins(t *testing.T) {
	t.Parallel()
	a := newPasskeyApp(t, ginauth.Options{})
	b := a.browser(t)
	form := url.Values{"csrfToken": {b.csrf()}}
	if res := b.post("/api/auth/signin/passkey", form); res.StatusCode != http.StatusFound || res.Header.Get("Location") != a.URL+"/api/auth/signin" {
		t.Errorf("%d %s", res.StatusCode, res.Header.Get("Location"))
	}
	form.Set("json", "true")
	if res := b.post("/api/auth/signin/passkey", form); res.StatusCode != http.StatusOK || res.body != `{"url":"`+a.URL+`/api/auth/signin"}` {
		t.Errorf("%d %s", res.StatusCode, res.body)
	}
	var listed map[string]struct{ ID, Name, Type, CallbackURL string }
	decode(t, b.get("/api/auth/providers").body, &listed)
	if p := listed["passkey"]; p.ID != "passkey" || p.Name != "Passkey" || p.Type != "webauthn" || p.CallbackURL != a.URL+answerPath {
		t.Errorf("it is listed as %+v", p)
	}
	if page := b.get("/api/auth/signin").body; strings.Count(page, `action="`+a.URL+answerPath+`" data-passkey="authenticate"`) != 1 {
		t.Errorf("the sign-in page:\n%s", page)
	}
}

// A passkey is a further proof of who is signed in, and is told of where one is missing.
func TestPasskeys_Proof(t *testing.T) {
	t.Parallel()
	a := newPasskeyApp(t, ginauth.Options{})
	d := a.registered(t, "ada")
	b := a.browser(t)
	b.signInByPassword("ada")
	a.engine.GET("/by-passkey", a.auth.RequireFactor(time.Minute, ginauth.FactorPasskey), func(c *gin.Context) { c.Status(http.StatusOK) })
	a.engine.GET("/fresh", a.auth.RequireFactor(time.Minute), func(c *gin.Context) { c.Status(http.StatusOK) })
	a.move(2 * time.Minute)
	var said struct{ Methods []string }
	decode(t, b.get("/fresh").body, &said)
	if !slices.Contains(said.Methods, "passkey") || !slices.Contains(said.Methods, "password") {
		t.Errorf("who must prove who they are is told of %v", said.Methods)
	}
	if res := b.get("/by-passkey"); res.StatusCode != http.StatusUnauthorized {
		t.Fatalf("without one: %d", res.StatusCode)
	}
	if page := b.get("/api/auth/factor?methods=passkey").body; !strings.Contains(page, `action="`+a.URL+`/api/auth/factor/passkey?methods=passkey" data-passkey="prove"`) {
		t.Errorf("the page offers none:\n%s", page)
	}
	o, _ := b.passkeyOptions("prove")
	if len(o.Allow) != 1 || o.Allow[0].ID != encode(d.keys[0].id) {
		t.Errorf("it may be one of %v", o.Allow)
	}
	res := b.post("/api/auth/factor/passkey", url.Values{"csrfToken": {b.csrf()}, "data": {d.get(o)}, "callbackUrl": {"/by-passkey"}})
	if res.Header.Get("Location") != a.URL+"/by-passkey" || b.get("/by-passkey").StatusCode != http.StatusOK || b.get("/fresh").StatusCode != http.StatusOK {
		t.Errorf("with one: %d %s\n%s", res.StatusCode, res.Header.Get("Location"), a.log)
	}
}

// The application, the log and the person are told of a passkey that came or went.
func TestPasskeys_Told(t *testing.T) {
	t.Parallel()
	var told []string
	mails := &inbox{}
	a := newPasskeyApp(t, ginauth.Options{
		BaseURL: "http://localhost", Providers: []ginauth.Provider{ginauth.Email{Send: mails.send}},
		Events: ginauth.Events{ChangeFactor: func(_ *gin.Context, e ginauth.ChangeFactorEvent) {
			told = append(told, e.User.Email+" "+string(e.Method)+" "+string(e.Change))
		}},
	})
	b, d := a.browser(t), a.device(t)
	d.origin = "http://localhost"
	b.signInByPassword("ada")
	for _, row := range []struct {
		change, mail string
		do           func()
	}{
		{"added", "A passkey was added to your account", func() { b.register(d) }},
		{"removed", "A passkey was removed from your account", func() { b.doPasskeys("remove", a.passkeysOf(t, "ada")[0].ID, "") }},
	} {
		told = nil
		a.log.forget()
		row.do()
		if want := []string{"ada@example.com passkey " + row.change}; !slices.Equal(told, want) {
			t.Errorf("the application heard %v", told)
		}
		if m := mails.newest(t); m.To != "ada@example.com" || !strings.Contains(m.Text, row.mail) {
			t.Errorf("%s: mailed to %s: %s", row.change, m.To, m.Text)
		}
		if got, want := a.log.String(), `user=`+a.people["ada"]+` factor=passkey change=`+row.change; !strings.Contains(got, want) {
			t.Errorf("the log says %s", got)
		}
	}
	b.doPasskeys("remove", "none", "")
	b.doPasskeys("rename", "none", "Name")
	if len(told) != 1 || len(mails.all()) != 2 {
		t.Errorf("nothing was removed, and the application heard %v", told)
	}
}

// The options say what they are for, as Auth.js has it: a passkey is registered in a
// session, and signs in where there is none. No cache keeps them.
func TestPasskeys_OptionsAction(t *testing.T) {
	t.Parallel()
	a := newPasskeyApp(t, ginauth.Options{})
	stranger, ada := a.browser(t), a.browser(t)
	ada.signInByPassword("ada")
	for _, row := range []struct {
		b            *browser
		query, want  string
		registration bool
	}{
		{stranger, "", "authenticate", false},
		{stranger, "?action=", "authenticate", false},
		{stranger, "?action=authenticate", "authenticate", false},
		{stranger, "?action=everything", "authenticate", false},
		{stranger, "?action=signin", "authenticate", false},
		{ada, "", "register", true},
		{ada, "?action=register", "register", true},
		{ada, "?action=authenticate", "authenticate", false},
		{ada, "?action=everything", "authenticate", false},
		{ada, "?action=prove", "prove", false},
	} {
		res := row.b.get(optionsPath + row.query)
		var said struct {
			Options options
			Action  string
		}
		decode(t, res.body, &said)
		if res.StatusCode != http.StatusOK || said.Action != row.want || said.Options.Challenge == "" || (said.Options.User.ID != "") != row.registration {
			t.Errorf("%q: %d %s", row.query, res.StatusCode, res.body)
		}
		if res.Header.Get("Cache-Control") != "private, no-cache, no-store" || res.Header.Get("Pragma") != "no-cache" {
			t.Errorf("%q may be kept: %v", row.query, res.Header)
		}
	}
}

// Who is not signed in, or has given no proof for a while, is told where to go on: a
// script by JSON, a page by a redirect.
func TestPasskeys_LeadsOn(t *testing.T) {
	t.Parallel()
	a := newPasskeyApp(t, ginauth.Options{})
	a.registered(t, "ada")
	id := a.passkeysOf(t, "ada")[0].ID
	signIn := "/api/auth/signin?callbackUrl=" + url.QueryEscape(a.URL+passkeysPath)
	proof := "/api/auth/factor?callbackUrl=" + url.QueryEscape(a.URL+passkeysPath)
	requests := map[string]func(b *browser, json string) answer{
		"options to register": func(b *browser, _ string) answer { return b.get(optionsPath + "?action=register") },
		"to register": func(b *browser, json string) answer {
			return b.post(answerPath, url.Values{"csrfToken": {b.csrf()}, "action": {"register"}, "data": {"{}"}, "json": {json}})
		},
		"to remove": func(b *browser, json string) answer { return b.doPasskeys("remove", id, "", "json", json) },
	}
	ada := a.browser(t)
	ada.signInByPassword("ada")
	a.move(11 * time.Minute)
	for when, row := range map[string]struct {
		b        *browser
		code, to string
	}{
		"signed out":            {a.browser(t), "SessionRequired", signIn},
		"without a fresh proof": {ada, "FactorRequired", proof},
	} {
		for name, request := range requests {
			for _, json := range []string{"", "true"} {
				a.log.forget()
				res := request(row.b, json)
				to := res.Header.Get("Location")
				if json == "true" || strings.HasPrefix(name, "options") {
					var said struct{ Error, URL string }
					decode(t, res.body, &said)
					if to = said.URL; res.StatusCode != http.StatusUnauthorized || said.Error != row.code {
						t.Errorf("%s, %s: %d %s", when, name, res.StatusCode, res.body)
					}
				} else if res.StatusCode != http.StatusFound {
					t.Errorf("%s, %s: %d", when, name, res.StatusCode)
				}
				if to != a.URL+row.to {
					t.Errorf("%s, %s leads to %s", when, name, to)
				}
				if got := a.log.String(); strings.Count(got, "ginauth: a passkey was not changed") != 1 || !strings.Contains(got, "level=INFO") || !strings.Contains(got, "code="+row.code+" error=") {
					t.Errorf("%s, %s: the log says %s", when, name, got)
				}
			}
		}
	}
	if res := a.browser(t).get(passkeysPath); res.Header.Get("Location") != a.URL+signIn {
		t.Errorf("the page leads to %s", res.Header.Get("Location"))
	}
	if res := ada.get(passkeysPath); res.StatusCode != http.StatusOK {
		t.Errorf("who looks needs a fresh proof: %d", res.StatusCode)
	}
	if res := ada.doPasskeys("rename", id, "Phone"); res.Header.Get("Location") != a.URL+passkeysPath || a.passkeysOf(t, "ada")[0].Name != "Phone" {
		t.Errorf("who renames needs a fresh proof: %s", res.Header.Get("Location"))
	}
}

// A new passkey has the name that its person typed, and leads back: a page to the list, a
// script to where it asked for.
func TestPasskeys_Registered(t *testing.T) {
	t.Parallel()
	a := newPasskeyApp(t, ginauth.Options{})
	b := a.browser(t)
	b.signInByPassword("ada")
	register := func(pairs ...string) answer {
		o, _ := b.passkeyOptions("register")
		form := url.Values{"csrfToken": {b.csrf()}, "action": {"register"}, "data": {a.device(t).create(o)}}
		for i := 0; i < len(pairs); i += 2 {
			form.Set(pairs[i], pairs[i+1])
		}
		a.move(time.Second)
		return b.post(answerPath, form)
	}
	for _, row := range []struct{ typed, kept string }{{"My phone", "My phone"}, {"", "Passkey"}, {" \u202e\t", "Passkey"}} {
		if res := register("name", row.typed); res.StatusCode != http.StatusFound || res.Header.Get("Location") != a.URL+passkeysPath {
			t.Errorf("%q: %d %s", row.typed, res.StatusCode, res.Header.Get("Location"))
		}
		list := a.passkeysOf(t, "ada")
		if newest := list[len(list)-1]; newest.Name != row.kept || !newest.Created.Equal(a.now().Truncate(time.Millisecond)) || !newest.LastUsed.IsZero() {
			t.Errorf("%q is kept as %+v", row.typed, newest)
		}
	}
	if res := register("json", "true", "callbackUrl", "/after"); res.StatusCode != http.StatusOK || res.body != `{"url":"`+a.URL+`/after"}` {
		t.Errorf("%d %s", res.StatusCode, res.body)
	}
	if res := b.doPasskeys("remove", a.passkeysOf(t, "ada")[3].ID, "", "json", "true"); res.StatusCode != http.StatusOK || res.body != `{"url":"`+a.URL+passkeysPath+`"}` {
		t.Errorf("removed: %d %s", res.StatusCode, res.body)
	}
	page := b.get(passkeysPath)
	for text, count := range map[string]int{`value="My phone"`: 1, `value="Passkey"`: 2, `data-passkey="register"`: 1, `action="` + a.URL + answerPath + `"`: 1, `action="` + a.URL + passkeysPath + `"`: 3, "<script src=": 1, `role="alert">`: 0} {
		if strings.Count(page.body, text) != count {
			t.Errorf("the page has not %d of %q:\n%s", count, text, page.body)
		}
	}
	if page.Header.Get("Cache-Control") != "private, no-cache, no-store" {
		t.Errorf("the page may be kept: %v", page.Header)
	}
	if heard, want := a.heard(), []string{"link passkey", "link passkey", "link passkey", "link passkey", "unlink passkey"}; !slices.Equal(heard, want) {
		t.Errorf("the application heard %v", heard)
	}
}

// A client begins so many sign-ins and registrations by passkey, and no more.
func TestPasskeys_Limited(t *testing.T) {
	t.Parallel()
	a := newPasskeyApp(t, ginauth.Options{Limits: ginauth.Limits{Starts: ginauth.Rate{Count: 3, Per: time.Hour}}, TrustedProxies: behindProxy})
	b, d := a.browser(t), a.device(t)
	b.Transport = forwardedFor{b.Transport, "203.0.113.7"}
	b.signInByPassword("ada")
	if !b.register(d) { // which takes two
		t.Fatal(a.log)
	}
	prove, _ := b.passkeyOptions("prove")
	signIn, _ := b.passkeyOptions("authenticate")
	if _, ok := b.passkeyOptions("register"); !ok { // the third
		t.Fatal(a.log)
	}
	for name, request := range map[string]func() answer{
		"options to register": func() answer { return b.get(optionsPath + "?action=register") },
		"a sign-in":           func() answer { return b.postPasskey("authenticate", d.get(signIn)) },
		"a registration":      func() answer { return b.postPasskey("register", "{}") },
		"a further proof": func() answer {
			return b.post("/api/auth/factor/passkey", url.Values{"csrfToken": {b.csrf()}, "data": {d.get(prove)}, "callbackUrl": {"/"}})
		},
	} {
		if res := request(); res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") == "" || res.signedIn() || strings.Contains(res.body, "challenge") {
			t.Errorf("%s: %d %s", name, res.StatusCode, res.Header.Get("Location"))
		}
	}
	if list := a.passkeysOf(t, "ada"); len(list) != 1 || !list[0].LastUsed.IsZero() {
		t.Errorf("an answer too many was taken: %+v", list)
	}
	for _, action := range []string{"prove", "authenticate"} {
		if _, ok := b.passkeyOptions(action); !ok {
			t.Errorf("no options to %s", action)
		}
	}
}

// forwardedFor sends requests as a proxy does for a client.
type forwardedFor struct {
	http.RoundTripper
	client string
}

func (f forwardedFor) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("X-Forwarded-For", f.client)
	return f.RoundTripper.RoundTrip(req)
}
