package tests

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
)

// openApp has the provider open, where other sites may start a sign-in, and closed,
// where none may.
func openApp(t *testing.T, opts ginauth.Options) (*app, *ginauthtest.Provider) {
	t.Helper()
	idp := newIDP(t, ginauthtest.Config{People: crowd()})
	opts.Providers = []ginauth.Provider{
		ginauth.OAuth{Provider: local(idp, "open"), ThirdPartyLogin: true, DangerousEmailAccountLinking: opts.Adapter != nil},
		ginauth.OAuth{Provider: local(idp, "closed")},
	}
	return newApp(t, opts), idp
}

// navigation is what a browser says of a navigation of the whole page that another site
// started (Fetch Metadata §2).
var navigation = http.Header{"Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document"}, "Sec-Fetch-Site": {"cross-site"}}

// sent brings the browser to an address of the app, by a request with these headers.
func (b *browser) sent(path string, header http.Header) answer {
	b.t.Helper()
	req := b.request(http.MethodGet, path, nil)
	for name, values := range header {
		req.Header[name] = values
	}
	return b.do(req)
}

// elsewhereURL is where another site sends the browser.
func elsewhereURL(provider, issuer string, more ...string) string {
	q := url.Values{}
	if issuer != "" {
		q.Set("iss", issuer)
	}
	for i := 0; i < len(more); i += 2 {
		q.Add(more[i], more[i+1])
	}
	return "/api/auth/signin/" + provider + "?" + q.Encode()
}

// asks reports that an answer is the page with one button, and returns where its form
// leads.
func (a answer) asks(t *testing.T) (action string, form url.Values) {
	t.Helper()
	if a.StatusCode != http.StatusOK || !strings.Contains(a.body, "Another site sent you here") || strings.Count(a.body, "<button") != 1 {
		t.Fatalf("answered %d, leads to %q: %s", a.StatusCode, a.Header.Get("Location"), a.body)
	}
	return onlyForm(t, a.body)
}

// What another site may start, and how: the provider's own issuer, a navigation of the
// whole page, and of the parameters the hint alone.
func TestAttack13_ThirdPartyStart(t *testing.T) {
	t.Parallel()
	with := func(changes ...string) http.Header {
		h := navigation.Clone()
		for i := 0; i < len(changes); i += 2 {
			if h.Del(changes[i]); changes[i+1] != "" {
				h.Set(changes[i], changes[i+1])
			}
		}
		return h
	}
	const started, asked, refused, page = "started", "asked", "refused", "page"
	app, idp := openApp(t, ginauth.Options{AllowedRedirects: []string{"https://docs.example"}})
	iss := idp.Issuer()
	for _, row := range []struct {
		name   string
		target string
		header http.Header
		want   string
		leads  string // where the sign-in leads in the end, below the app
	}{
		{"honest", elsewhereURL("open", iss), navigation, started, ""},
		{"with a hint and a target", elsewhereURL("open", iss, "login_hint", "grace@example.com", "target_link_uri", "/a?b=c#d"), navigation, started, "/a?b=c#d"},
		{"a target by its URL", elsewhereURL("open", iss, "target_link_uri", app.URL+"/a"), navigation, started, "/a"},
		{"a target on another site of ours", elsewhereURL("open", iss, "target_link_uri", "https://docs.example/a"), navigation, started, ""},
		{"a foreign target", elsewhereURL("open", iss, "target_link_uri", "https://evil.example/a"), navigation, started, ""},
		{"a target without a scheme", elsewhereURL("open", iss, "target_link_uri", `/\\evil.example`), navigation, started, ""},
		{"a script as target", elsewhereURL("open", iss, "target_link_uri", "javascript:alert(1)"), navigation, started, ""},
		{"a callbackUrl is none", elsewhereURL("open", iss, "callbackUrl", "/elsewhere"), navigation, started, ""},
		{"parameters of the flow", elsewhereURL("open", iss, "prompt", "none", "max_age", "1", "client_id", "x", "redirect_uri", "https://evil.example", "state", "x", "nonce", "x", "hd", "x", "scope", "x"), navigation, started, ""},
		{"another issuer", elsewhereURL("open", "https://evil.example"), navigation, refused, ""},
		{"an issuer that looks like it", elsewhereURL("open", iss+"/"), navigation, refused, ""},
		{"an empty issuer", "/api/auth/signin/open?iss=", navigation, refused, ""},
		{"two issuers", elsewhereURL("open", iss, "iss", iss), navigation, refused, ""},
		{"two hints", elsewhereURL("open", iss, "login_hint", "a", "login_hint", "b"), navigation, refused, ""},
		{"two targets", elsewhereURL("open", iss, "target_link_uri", "/a", "target_link_uri", "/b"), navigation, refused, ""},
		{"no issuer", elsewhereURL("open", ""), navigation, page, ""},
		{"a frame", elsewhereURL("open", iss), with("Sec-Fetch-Dest", "iframe"), asked, ""},
		{"an image", elsewhereURL("open", iss), with("Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image"), asked, ""},
		{"a script's request", elsewhereURL("open", iss), with("Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty"), asked, ""},
		{"prerendered", elsewhereURL("open", iss), with("Sec-Purpose", "prefetch;prerender"), asked, ""},
		{"prefetched", elsewhereURL("open", iss), with("Sec-Purpose", "prefetch"), asked, ""},
		{"a browser that says nothing", elsewhereURL("open", iss), http.Header{}, asked, ""},
		{"two modes", elsewhereURL("open", iss), http.Header{"Sec-Fetch-Mode": {"navigate", "cors"}, "Sec-Fetch-Dest": {"document"}}, asked, ""},
		{"a provider that does not admit it", elsewhereURL("closed", iss), navigation, page, ""},
		{"no provider", elsewhereURL("nobody", iss), navigation, page, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			b := app.browser(t)
			res := b.sent(row.target, row.header)
			if got := len(b.transactions()); (got == 1) != (row.want == started) {
				t.Fatalf("%d sign-ins are under way", got)
			}
			switch row.want {
			case started:
				location := res.Header.Get("Location")
				u, err := url.Parse(location)
				if err != nil || res.StatusCode != http.StatusFound || !strings.HasPrefix(location, iss+"/authorize?") {
					t.Fatalf("answered %d, leads to %q", res.StatusCode, location)
				}
				own := b.begin("open", "/mine") // asks for the same, except for the random values
				asked, err := url.Parse(own)
				if err != nil {
					t.Fatal(err)
				}
				hint, _ := url.Parse(row.target)
				for name := range u.Query() {
					random := slices.Contains([]string{"state", "nonce", "code_challenge"}, name)
					if name != "login_hint" && (asked.Query().Get(name) != u.Query().Get(name)) != random {
						t.Errorf("%s is %q", name, u.Query().Get(name))
					}
				}
				if got := u.Query().Get("login_hint"); got != hint.Query().Get("login_hint") || asked.Query().Has("prompt") {
					t.Errorf("the hint is %q", got)
				}
				// It leads where it asked to, and leaves ours alone.
				if res := b.get(as(t, idp, location, "grace").String()); !res.signedIn() || res.Header.Get("Location") != app.URL+row.leads {
					t.Errorf("leads to %q, want %q\n%s", res.Header.Get("Location"), row.leads, app.log)
				}
				if res := b.get(as(t, idp, own, "grace").String()); res.Header.Get("Location") != app.URL+"/mine" {
					t.Errorf("ours leads to %q", res.Header.Get("Location"))
				}
			case asked:
				action, form := res.asks(t)
				res := b.post(action, form)
				if res.StatusCode != http.StatusFound || !strings.HasPrefix(res.Header.Get("Location"), iss+"/authorize?") {
					t.Errorf("the button leads to %q", res.Header.Get("Location"))
				}
			case refused:
				res.refused(t, "OAuthSignin")
			case page:
				if res.StatusCode != http.StatusOK || strings.Contains(res.body, "Another site") || strings.Count(res.body, "<button") != 2 {
					t.Errorf("answered %d, leads to %q", res.StatusCode, res.Header.Get("Location"))
				}
			}
		})
	}
}

// Another site may ask by POST as well (OpenID Connect Core §4). Such a POST begins
// nothing: it leads to the GET, and that where the provider admits it alone.
func TestAttack13_ThirdPartyPost(t *testing.T) {
	t.Parallel()
	app, idp := openApp(t, ginauth.Options{})
	for _, row := range []struct {
		provider string
		form     url.Values
		goesOn   bool
	}{
		{"open", url.Values{"iss": {idp.Issuer()}, "login_hint": {"ada"}, "target_link_uri": {"/a"}, "prompt": {"none"}}, true},
		{"open", url.Values{"iss": {idp.Issuer(), idp.Issuer()}}, true}, // where it is refused
		{"open", url.Values{"callbackUrl": {"/"}}, false},
		{"closed", url.Values{"iss": {idp.Issuer()}}, false},
	} {
		b := app.browser(t)
		req := b.request(http.MethodPost, "/api/auth/signin/"+row.provider, row.form)
		req.Header.Set("Origin", "https://portal.example")
		res := b.do(req)
		want := app.URL + "/api/auth/signin?csrf=true"
		if row.goesOn {
			row.form.Del("prompt")
			want = app.URL + "/api/auth/signin/open?" + row.form.Encode()
		}
		if got := res.Header.Get("Location"); res.StatusCode != http.StatusFound || got != want || len(b.transactions()) != 0 {
			t.Errorf("%s %v: answered %d, leads to %q, want %q", row.provider, row.form, res.StatusCode, got, want)
		}
	}
	b := app.browser(t)
	head := b.request(http.MethodHead, elsewhereURL("open", idp.Issuer()), nil)
	head.Header = navigation.Clone()
	if res := b.do(head); res.Header.Get("Location") != "" || len(b.transactions()) != 0 {
		t.Errorf("HEAD: answered %d, leads to %q", res.StatusCode, res.Header.Get("Location"))
	}
}

// Somebody who is signed in is asked, and no account is added to their user: not by the
// button, not by an address, and not where they signed in meanwhile.
func TestAttack13_ThirdPartyNeverLinks(t *testing.T) {
	t.Parallel()
	adapter := ginauth.MemoryAdapter()
	app, idp := openApp(t, ginauth.Options{Adapter: adapter})
	app.engine.GET("/id", app.auth.RequireSession(), func(c *gin.Context) { c.String(http.StatusOK, ginauth.GetSession(c).User.ID) })
	start := elsewhereURL("open", idp.Issuer(), "target_link_uri", "/target")
	ada := app.browser(t)
	ada.signInAt(idp, "closed", "ada")
	id := ada.id()
	accounts := func(want ...string) {
		t.Helper()
		list, err := adapter.ListAccounts(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, a := range list {
			got = append(got, a.Provider+"/"+a.ProviderAccountID)
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("Ada's accounts are %v, want %v", got, want)
		}
	}
	press := func(b *browser) string {
		t.Helper()
		action, form := b.sent(start, navigation).asks(t)
		if len(b.transactions()) != 0 {
			t.Error("it began before the button was pressed")
		}
		return b.post(action, form).Header.Get("Location")
	}
	// The button, and the provider's session is somebody else's.
	ada.get(as(t, idp, press(ada), "nemo").String()).refused(t, "OAuthAccountNotLinked")
	accounts("closed/ada")
	if ada.id() != id {
		t.Error("Ada is no longer signed in")
	}
	// By the address that both proved: nobody is signed in.
	nobody := app.browser(t)
	nobody.get(as(t, idp, nobody.sent(start, navigation).Header.Get("Location"), "adas-other").String()).refused(t, "OAuthAccountNotLinked")
	accounts("closed/ada")
	// She signs in while it is under way.
	late := app.browser(t)
	authURL := late.sent(start, navigation).Header.Get("Location")
	late.signInAt(idp, "closed", "ada")
	late.get(as(t, idp, authURL, "nemo").String()).refused(t, "OAuthAccountNotLinked")
	accounts("closed/ada")
	// By a sign-in of our own she adds it, and may then use it from elsewhere.
	if res := ada.signInAt(idp, "open", "ada"); !res.signedIn() {
		t.Fatalf("leads to %s\n%s", res.Header.Get("Location"), app.log)
	}
	accounts("closed/ada", "open/ada")
	if res := ada.get(as(t, idp, press(ada), "ada").String()); res.Header.Get("Location") != app.URL+"/target" || ada.id() != id {
		t.Errorf("leads to %s\n%s", res.Header.Get("Location"), app.log)
	}
	// The page asks in the browser's own words: no other site presses its button.
	forged := app.browser(t)
	action, form := ada.sent(start, navigation).asks(t)
	if res := forged.post(action, form); len(forged.transactions()) != 0 || strings.HasPrefix(res.Header.Get("Location"), idp.Issuer()) {
		t.Errorf("without the browser's own token it leads to %s", res.Header.Get("Location"))
	}
}

// However many sign-ins other sites plant, those that the person began go on.
func TestAttack13_ThirdPartyEviction(t *testing.T) {
	t.Parallel()
	app, idp := openApp(t, ginauth.Options{})
	b := app.browser(t)
	var ours []string
	for range 4 {
		ours = append(ours, b.begin("closed", "/mine"))
	}
	for range 12 {
		if res := b.sent(elsewhereURL("open", idp.Issuer()), navigation); !strings.HasPrefix(res.Header.Get("Location"), idp.Issuer()) {
			t.Fatalf("leads to %s", res.Header.Get("Location"))
		}
		if got := len(b.transactions()); got != 5 {
			t.Fatalf("%d sign-ins are under way", got)
		}
	}
	for i, authURL := range ours {
		if res := b.get(as(t, idp, authURL, "ada").String()); !res.signedIn() || res.Header.Get("Location") != app.URL+"/mine" {
			t.Errorf("sign-in %d leads to %q\n%s", i, res.Header.Get("Location"), app.log)
		}
	}
}

// With SameSite=Strict another site's navigation brings no session: so it is always
// asked. A store that is down is no empty browser.
func TestAttack13_ThirdPartyUnknownSession(t *testing.T) {
	t.Parallel()
	strict := ginauth.Options{}
	strict.Cookies.SameSite = http.SameSiteStrictMode
	app, idp := openApp(t, strict)
	b := app.browser(t)
	if b.sent(elsewhereURL("open", idp.Issuer()), navigation).asks(t); len(b.transactions()) != 0 {
		t.Error("it began")
	}
	store := &gossip{SessionStore: memoryStore()}
	app, idp = openApp(t, ginauth.Options{Session: ginauth.SessionOptions{Store: store}})
	b = app.browser(t)
	b.signInAt(idp, "closed", "ada")
	store.down.Store(true)
	if res := b.sent(elsewhereURL("open", idp.Issuer()), navigation); !strings.Contains(res.Header.Get("Location"), "error=SessionUnavailable") || len(b.transactions()) != 0 {
		t.Errorf("leads to %q", res.Header.Get("Location"))
	}
}

// A provider without an issuer cannot be asked for by one.
func TestAttack13_ThirdPartyNeedsIssuer(t *testing.T) {
	t.Parallel()
	provider := somebody()[0].(ginauth.OAuth)
	provider.ThirdPartyLogin = true
	_, err := ginauth.New(ginauth.Options{Secret: testSecret, Providers: []ginauth.Provider{provider}})
	if err == nil || !strings.Contains(err.Error(), "ThirdPartyLogin is set") || !strings.Contains(err.Error(), "IssuerProvider") {
		t.Errorf("got %v", err)
	}
}

// Sign-ins that other sites start count as those that the person begins.
func TestAttack54_ThirdPartyStartsLimited(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	a, _ := limited(t, ginauth.Options{Providers: []ginauth.Provider{ginauth.OAuth{Provider: local(idp, "open"), ThirdPartyLogin: true}}})
	start := elsewhereURL("open", idp.Issuer())
	send := func(int) answer {
		return a.send(t, http.MethodGet, start, "", "X-Forwarded-For", "198.51.100.1", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document")
	}
	if n := admitted(150, send); n != 120 {
		t.Errorf("%d starts are admitted", n)
	}
}
