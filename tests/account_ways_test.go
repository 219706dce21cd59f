package tests

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/internal/servertest"
	"github.com/ginauth/ginauth/redisstore"
)

// After a form the page says whether it was done. Where both are claimed, it was not: the
// author of a link makes nobody believe that something succeeded which did not.
func TestAccount_Notices(t *testing.T) {
	t.Parallel()
	a := membersApp(t, ginauth.Options{AccountPage: true})
	b := a.browser(t)
	b.signInAs("ada")
	for query, want := range map[string]struct{ done, failed bool }{
		"":                           {},
		"?done=true":                 {done: true},
		"?csrf=true":                 {failed: true},
		"?error=MissingCSRF":         {failed: true},
		"?error=Call+0900":           {failed: true},
		"?done=true&csrf=true":       {failed: true},
		"?done=true&error=x":         {failed: true},
		"?done=false&csrf=0&error=":  {},
		"?done=True&csrf=1&sure=yes": {},
	} {
		body := b.get(accountPath + query).body
		if done := strings.Contains(body, `role="status">Done.<`); done != want.done {
			t.Errorf("%q: done %v\n%s", query, done, body)
		}
		if failed := strings.Contains(body, `role="alert">That did not work. Please try again.<`); failed != want.failed || strings.Contains(body, "Call 0900") {
			t.Errorf("%q: failed %v\n%s", query, failed, body)
		}
	}
}

// next-auth's client reads from JSON where a form leads, and with which status.
func TestAccount_JSON(t *testing.T) {
	t.Parallel()
	for format, unproven := range map[ginauth.Format]string{ginauth.NextAuthV4: "?csrf=true", ginauth.AuthJSV5: "?error=MissingCSRF"} {
		opts := ginauth.Options{}
		opts.Session.Format = format
		opts.Callbacks.DeleteUser = func(*gin.Context, ginauth.User) error { return nil }
		a, clock := accountApp(t, opts)
		b := a.browser(t)
		url200 := func(name, url string, res answer) {
			t.Helper()
			var said map[string]string
			decode(t, res.body, &said)
			if res.StatusCode != http.StatusOK || len(said) != 1 || said["url"] != a.URL+url {
				t.Errorf("%d: %s: %d %s", format, name, res.StatusCode, res.body)
			}
		}
		asked := url.Values{"json": {"true"}, "provider": {"first"}, "account": {"grace"}}
		url200("signed out", "/api/auth/signin?callbackUrl=%2Fapi%2Fauth%2Faccount", b.doAccount("end-others", asked))
		b.signInAt(a.idp, "first", "grace")
		url200("done", "/api/auth/account?done=true", b.doAccount("end-others", asked))
		url200("without a token", "/api/auth/account"+unproven, b.post(accountPath, url.Values{"do": {"end-others"}, "json": {"true"}}))
		url200("nothing that there is", "/api/auth/account"+unproven, b.doAccount("everything", asked))
		begun := b.doAccount("link", url.Values{"json": {"true"}, "provider": {"second"}, "callbackUrl": {"/after"}})
		var said map[string]string
		decode(t, begun.body, &said)
		if begun.StatusCode != http.StatusOK || !strings.HasPrefix(said["url"], a.idp.Issuer()+"/authorize?") {
			t.Errorf("%d: linking: %d %s", format, begun.StatusCode, begun.body)
		}
		other := a.browser(t)
		other.signInAt(a.idp, "first", "nemo")
		url200("deleted", "", other.doAccount("delete", url.Values{"json": {"true"}, "sure": {"true"}}))
		clock.move(11 * time.Minute)
		url200("without a fresh proof", "/api/auth/factor?callbackUrl="+strings.ReplaceAll(url.QueryEscape(a.URL+accountPath), "+", "%20"), b.doAccount("unlink", asked))
	}
}

// A person whom the Adapter does not have can sign out elsewhere, and change nothing else:
// not even when the Adapter gets another user with the ID that Credentials gave them.
func TestAccount_WithoutUser(t *testing.T) {
	t.Parallel()
	changes := map[string]url.Values{
		"link": {"provider": {"first"}}, "unlink": {"provider": {"first"}, "account": {"grace"}}, "delete": {"sure": {"true"}},
	}
	deleted := ginauth.Callbacks{DeleteUser: func(_ *gin.Context, u ginauth.User) error {
		t.Errorf("%v is deleted", u)
		return nil
	}}
	adapter := newMemory()
	idp := newIDP(t, ginauthtest.Config{People: crowd()})
	for name, opts := range map[string]ginauth.Options{"no Adapter": {}, "one without them": {Adapter: adapter}} {
		opts.AccountPage, opts.Callbacks = true, deleted
		opts.Providers = []ginauth.Provider{members(), ginauth.OAuth{Provider: local(idp, "first")}}
		a := newApp(t, opts)
		b := a.browser(t)
		b.signInAs("eve")
		if opts.Adapter != nil {
			adapter.mu.Lock()
			adapter.users["u-eve"] = ginauth.User{ID: "u-eve", Name: "Evelyn", Email: "evelyn@example.com"}
			adapter.accounts["u-eve"] = map[string]ginauth.Account{accountKey("first", "grace"): {Provider: "first", ProviderAccountID: "grace"}}
			adapter.mu.Unlock()
		}
		page := b.get(accountPath)
		if page.StatusCode != http.StatusOK || !strings.Contains(page.body, "<bdi>eve@example.com</bdi>") || strings.Contains(page.body, "Evelyn") || strings.Contains(page.body, "<section") {
			t.Errorf("%s: %d\n%s", name, page.StatusCode, page.body)
		}
		for do, form := range changes {
			if res := b.doAccount(do, form); res.StatusCode != http.StatusConflict || res.alert() == "" {
				t.Errorf("%s: %s answers %d\n%s", name, do, res.StatusCode, res.body)
			}
		}
		if res := b.doAccount("end", url.Values{"session": {"1"}}); res.StatusCode != http.StatusConflict || res.alert() == "" {
			t.Errorf("%s: ending a session answers %d", name, res.StatusCode)
		}
		if res := b.doAccount("end-others", nil); res.Header.Get("Location") != a.URL+accountPath+"?done=true" {
			t.Errorf("%s: signing out elsewhere answers %d", name, res.StatusCode)
		}
	}
	if len(adapter.accounts["u-eve"]) != 1 {
		t.Error("another person's account is gone")
	}
}

// Somebody without an ID has no list of sessions: it would be everybody's.
func TestAccount_WithoutID(t *testing.T) {
	t.Parallel()
	store := redisstore.New(redisClient(t, servertest.Redis(t)), redisstore.Options{})
	a := newApp(t, ginauth.Options{AccountPage: true, Session: ginauth.SessionOptions{Store: store}, Providers: []ginauth.Provider{members()}, Callbacks: ginauth.Callbacks{
		JWT: func(_ *gin.Context, p ginauth.JWTParams) error {
			p.Token.Subject = ""
			return nil
		},
	}})
	b, other := a.browser(t), a.browser(t)
	b.signInAs("guest")
	other.signInAs("guest")
	if page := b.get(accountPath); page.StatusCode != http.StatusOK || !strings.Contains(page.body, "<bdi>guest</bdi>") || strings.Contains(page.body, "<section") {
		t.Errorf("%d\n%s", page.StatusCode, page.body)
	}
	for do, status := range map[string]int{"end": http.StatusConflict, "end-others": http.StatusFound} {
		if res := b.doAccount(do, url.Values{"session": {"1"}}); res.StatusCode != status {
			t.Errorf("%s answers %d\n%s", do, res.StatusCode, a.log)
		}
	}
	if b.get("/me").StatusCode != http.StatusOK || other.get("/me").StatusCode != http.StatusOK {
		t.Error("a session ended")
	}
}

// The page lists each way to sign in by its name, an address that is proved and an account
// at a provider that the site no longer has among them, and offers what is not linked.
func TestAccount_EachWay(t *testing.T) {
	t.Parallel()
	a := newPasswordApp(t, passwordOptions{Options: ginauth.Options{AccountPage: true}})
	b := a.browser(t)
	if res := a.mails(t, b, "ada@example.com"); !res.signedIn() {
		t.Fatal(a.log)
	}
	id := b.id()
	ways := func() string {
		_, section, _ := strings.Cut(b.get(accountPath).body, `<section aria-labelledby="ways">`)
		section, _, _ = strings.Cut(section, "</section>")
		return section
	}
	has := func(when string, want map[string]int) {
		t.Helper()
		section := ways()
		for text, count := range want {
			if strings.Count(section, text) != count {
				t.Errorf("%s: %d of %q in\n%s", when, strings.Count(section, text), text, section)
			}
		}
	}
	has("by mail alone", map[string]int{
		"<li>": 1, "<bdi>ada@example.com</bdi>": 1, "Your only way to sign in.": 1, ">Remove<": 0,
		">Connect ": 2, ">Connect first<": 1, ">Connect second<": 1, `name="provider" value="first"`: 1, `name="callbackUrl" value="` + a.URL + accountPath + `?done=true"`: 2, `name="do" value="link"`: 2,
	})
	if body := b.get(accountPath).body; !strings.Contains(body, "<bdi>ada@example.com</bdi> · confirmed") {
		t.Errorf("the address is not confirmed:\n%s", body)
	}
	for _, account := range []ginauth.Account{{Provider: "first", Type: "oauth", ProviderAccountID: "ada"}, {Provider: "former", Type: "oauth", ProviderAccountID: "17"}} {
		if err := a.users.LinkAccount(t.Context(), id, account); err != nil {
			t.Fatal(err)
		}
	}
	has("with two accounts", map[string]int{
		"<li>": 3, ">first</bdi>": 1, ">former</bdi>": 1, "Your only way": 0, ">Remove<": 2, ">Connect ": 1, ">Connect second<": 1,
		`name="account" value="17"`: 1, `name="account" value="ada"`: 1, `name="provider" value="former"`: 1,
	})
	if section := ways(); !strings.Contains(section, "Without it you sign in with: ") || strings.Count(section, "svg")+strings.Count(section, "class=\"mark") == 0 {
		t.Errorf("neither what is left nor a mark:\n%s", section)
	}
	for _, form := range []url.Values{
		{"provider": {"former"}, "account": {"18"}}, {"provider": {"second"}, "account": {"ada"}}, {"provider": {"email"}, "account": {"ada@example.com"}}, {},
	} {
		if res := b.doAccount("unlink", form); res.StatusCode != http.StatusConflict || res.alert() == "" {
			t.Errorf("unlinking %v answers %d", form, res.StatusCode)
		}
	}
	for _, form := range []url.Values{{"provider": {"former"}, "account": {"17"}}, {"provider": {"first"}, "account": {"ada"}}} {
		if res := b.doAccount("unlink", form); res.StatusCode != http.StatusFound {
			t.Errorf("unlinking %v answers %d\n%s", form, res.StatusCode, a.log)
		}
	}
	has("by mail again", map[string]int{"<li>": 1, "Your only way to sign in.": 1})
	for _, provider := range []string{"", "former", "nosuch", "credentials", "email"} {
		res := b.doAccount("link", url.Values{"provider": {provider}})
		if res.StatusCode != http.StatusConflict || res.alert() == "" || len(b.transactions()) != 0 {
			t.Errorf("linking %q answers %d %s", provider, res.StatusCode, res.Header.Get("Location"))
		}
	}
}

// The name and picture are the user's, as the Adapter has them now.
func TestAccount_Person(t *testing.T) {
	t.Parallel()
	a, _ := accountApp(t, ginauth.Options{})
	b := a.browser(t)
	b.signInAt(a.idp, "first", "grace")
	page := b.get(accountPath).body
	if !strings.Contains(page, "<bdi>Grace</bdi>") || !strings.Contains(page, "<bdi>grace@example.com</bdi>") || !strings.Contains(page, "grace@example.com</bdi> · confirmed") {
		t.Errorf("of the provider:\n%s", page)
	}
	a.prove(t, b.id(), func(u *ginauth.User) {
		u.Name, u.Email, u.EmailVerified, u.Image = "Admiral", "admiral@example.com", time.Time{}, a.URL+"/admiral.png"
	})
	page = b.get(accountPath).body
	for _, want := range []string{"<bdi>Admiral</bdi>", "<bdi>admiral@example.com</bdi></span>", `src="/admiral.png"`, "<title>Your account"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	// A user who was deleted is nobody to link to any more.
	if err := a.adapter.DeleteUser(t.Context(), b.id()); err != nil {
		t.Fatal(err)
	}
	page = b.get(accountPath).body
	if !strings.Contains(page, "<bdi>grace@example.com</bdi>") || strings.Contains(page, "Ways to sign in") {
		t.Errorf("of a user who was deleted:\n%s", page)
	}
}
