package tests

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
)

const adasPassword = "correct horse 4711"

// members let everybody in who types adasPassword. Some of them have trouble
// with it, by their names.
func members() ginauth.Credentials {
	return ginauth.Credentials{
		Fields: []ginauth.Field{{Name: "username"}, {Name: "password", Type: "password"}},
		Authorize: func(_ *gin.Context, typed map[string]string) (*ginauth.User, error) {
			switch name := typed["username"]; {
			case name == "limited":
				return nil, ginauth.PublicError("Too many attempts & more")
			case name == "wrapped":
				return nil, fmt.Errorf("counting: %w", ginauth.PublicError("Come back tomorrow"))
			case name == "nowhere":
				return nil, fmt.Errorf("directory down, cannot bind with %s as %s", typed["password"], name)
			case typed["password"] != adasPassword:
				return nil, nil
			default:
				return &ginauth.User{ID: "u-" + name, Name: name, Email: name + "@example.com"}, nil
			}
		},
	}
}

// memberCallbacks decide about members by their names.
func memberCallbacks() ginauth.Callbacks {
	return ginauth.Callbacks{
		SignIn: func(_ *gin.Context, p ginauth.SignInParams) error {
			switch p.Credentials["username"] {
			case "denied":
				return ginauth.ErrAccessDenied
			case "elsewhere":
				return ginauth.RedirectTo("/custom-denied?x=1")
			case "abroad":
				return ginauth.RedirectTo("https://elsewhere.example/denied")
			case "explained":
				return ginauth.PublicError("blocked & banned")
			case "vexed":
				return fmt.Errorf("no such row for %s", p.Credentials["password"])
			}
			return nil
		},
		JWT: func(_ *gin.Context, p ginauth.JWTParams) error {
			if p.User != nil && p.User.Name == "unsealed" {
				return errors.New("roles service is down")
			}
			return nil
		},
	}
}

func membersApp(t testing.TB, opts ginauth.Options) *app {
	t.Helper()
	opts.Providers = []ginauth.Provider{members()}
	return newApp(t, opts)
}

// bodies write fields as the ways to send them do.
var bodies = map[string]func(fields map[string]string) (contentType, body string){
	"form": func(fields map[string]string) (string, string) {
		form := url.Values{}
		for name, value := range fields {
			form.Set(name, value)
		}
		return "application/x-www-form-urlencoded", form.Encode()
	},
	"JSON": func(fields map[string]string) (string, string) {
		raw, err := json.Marshal(fields)
		if err != nil {
			panic(err) // texts always marshal
		}
		return "application/json", string(raw)
	},
}

// enter posts what somebody typed, from a fresh browser with a CSRF token.
func (a *app) enter(t testing.TB, contentType, body string, header ...string) answer {
	t.Helper()
	return a.send(t, http.MethodPost, "/api/auth/callback/credentials", body, append(header, "Content-Type", contentType)...)
}

// signInAs signs a member in, in this browser.
func (b *browser) signInAs(username string) answer {
	b.t.Helper()
	return b.post("/api/auth/callback/credentials", url.Values{
		"csrfToken": {b.csrf()}, "username": {username}, "password": {adasPassword},
	})
}

func TestCredentials_Outcomes(t *testing.T) {
	t.Parallel()
	const errorPage = "{o}/api/auth/error?error="
	for _, row := range []struct {
		name, username, password string
		csrf                     string // instead of the right token
		url                      string // {o} is the app's origin
		status                   int    // of the answer in JSON
		logged                   string // "": nothing
		signedIn                 bool
	}{
		{name: "no csrf token", csrf: "-", username: "ada", password: adasPassword, url: "{o}/api/auth/signin?csrf=true", status: 200, logged: "has no csrfToken"},
		{name: "wrong csrf token", csrf: strings.Repeat("0", 64), username: "ada", password: adasPassword, url: "{o}/api/auth/signin?csrf=true", status: 200, logged: "not the one in this browser's cookie"},
		{name: "wrong password", username: "ada", password: "guess 123", url: errorPage + "CredentialsSignin&provider=credentials", status: 401, logged: "matches no account"},
		{name: "public error", username: "limited", password: adasPassword, url: errorPage + "Too%20many%20attempts%20%26%20more", status: 401, logged: "Too many attempts"},
		{name: "wrapped public error", username: "wrapped", password: adasPassword, url: errorPage + "Come%20back%20tomorrow", status: 401, logged: "Come back"},
		{name: "any other error", username: "nowhere", password: adasPassword, url: errorPage + "Callback", status: 500, logged: "directory down"},
		{name: "denied", username: "denied", password: adasPassword, url: errorPage + "AccessDenied", status: 403, logged: "access denied"},
		{name: "sent elsewhere", username: "elsewhere", password: adasPassword, url: "/custom-denied?x=1", status: 200, logged: "sends the person elsewhere"},
		{name: "sent abroad", username: "abroad", password: adasPassword, url: "https://elsewhere.example/denied", status: 200, logged: "sends the person elsewhere"},
		{name: "denied in public", username: "explained", password: adasPassword, url: errorPage + "blocked%20%26%20banned", status: 200, logged: "blocked & banned"},
		{name: "SignIn fails", username: "vexed", password: adasPassword, url: errorPage + "AccessDenied", status: 403, logged: "no such row"},
		{name: "JWT fails", username: "unsealed", password: adasPassword, url: errorPage + "Callback", status: 500, logged: "roles service is down"},
		{name: "signed in", username: "ada", password: adasPassword, url: "{o}/dash?x=1", status: 200, signedIn: true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			a := membersApp(t, ginauth.Options{Callbacks: memberCallbacks()})
			want := strings.ReplaceAll(row.url, "{o}", a.URL)
			for kind, write := range bodies {
				for _, wantsJSON := range []bool{false, true} {
					csrfToken, pair := csrfPair(csrfCookie)
					fields := map[string]string{
						"csrfToken": csrfToken, "callbackUrl": "/dash?x=1", "username": row.username, "password": row.password,
					}
					switch row.csrf {
					case "":
					case "-":
						delete(fields, "csrfToken")
					default:
						fields["csrfToken"] = row.csrf
					}
					status := http.StatusFound
					if wantsJSON {
						fields["json"], status = "true", row.status
					}
					contentType, body := write(fields)
					res := a.enter(t, contentType, body, "Cookie", pair)
					got := res.Header.Get("Location")
					if wantsJSON {
						var out struct{ URL string }
						decode(t, res.body, &out)
						got = out.URL
						if len(res.Header["Location"]) != 0 || res.Header.Get("Content-Type") != "application/json; charset=utf-8" {
							t.Errorf("%s: %v", kind, res.Header)
						}
					} else if res.body != "" {
						t.Errorf("%s: a body %q", kind, res.body)
					}
					if res.StatusCode != status || got != want || res.signedIn() != row.signedIn {
						t.Errorf("%s, json %v: %d to %s, signed in %v; want %d to %s", kind, wantsJSON, res.StatusCode, got, res.signedIn(), status, want)
					}
				}
			}
			log := a.log.String()
			if row.logged == "" && log != "" || !strings.Contains(log, row.logged) {
				t.Errorf("the log says %q, want %q", log, row.logged)
			}
			if n := strings.Count(log, "sign-in refused"); row.logged != "" && row.csrf == "" && n != 2*len(bodies) { // of forms one line a minute
				t.Errorf("%d lines for %d refusals: %s", n, 2*len(bodies), log)
			}
			if strings.Contains(log, row.password) || strings.Contains(log, url.QueryEscape(row.password)) {
				t.Errorf("the log has the password: %s", log)
			}
		})
	}
}

// A name that begins the password must not leave the password's rest in the log.
func TestCredentials_LogKeepsNoPartOfAPassword(t *testing.T) {
	t.Parallel()
	opts := ginauth.Options{Providers: []ginauth.Provider{ginauth.Credentials{
		Authorize: func(_ *gin.Context, typed map[string]string) (*ginauth.User, error) {
			return nil, errors.New("cannot bind with " + typed["password"])
		},
	}}}
	for range 8 { // maps have no order of their own
		a := newApp(t, opts)
		csrfToken, pair := csrfPair(csrfCookie)
		contentType, body := bodies["form"](map[string]string{
			"csrfToken": csrfToken, "username": "hunter", "nick": "hunter-the", "password": "hunter-the-2nd",
		})
		a.enter(t, contentType, body, "Cookie", pair)
		if log := a.log.String(); !strings.Contains(log, "cannot bind") || strings.Contains(log, "2nd") || strings.Contains(log, "-the") {
			t.Fatalf("the log says %s", log)
		}
	}
}

// A User without ID, as Authorize or the SignIn callback makes one, would be everybody who
// has none.
func TestCredentials_NoID(t *testing.T) {
	t.Parallel()
	for _, adapter := range []ginauth.Adapter{nil, ginauth.MemoryAdapter()} {
		for _, callback := range []bool{false, true} {
			opts := ginauth.Options{Adapter: adapter, Providers: []ginauth.Provider{ginauth.Credentials{
				Authorize: func(*gin.Context, map[string]string) (*ginauth.User, error) {
					if callback {
						return &ginauth.User{ID: "u-ada", Name: "Ada"}, nil
					}
					return &ginauth.User{Name: "Ada", Email: "ada@example.com"}, nil
				},
			}}}
			want := "Credentials.Authorize returned a User without ID"
			if callback {
				want = "the user has no ID"
				opts.Callbacks.SignIn = func(_ *gin.Context, p ginauth.SignInParams) error {
					p.User.ID = ""
					return nil
				}
			}
			a := newApp(t, opts)
			b := a.browser(t)
			b.signInAs("ada").refused(t, "Callback")
			if b.user() != "" || !strings.Contains(a.log.String(), want) {
				t.Errorf("%q is signed in; the log lacks %q: %s", b.user(), want, a.log)
			}
		}
	}
}

func TestCredentials_Session(t *testing.T) {
	t.Parallel()
	var event atomic.Pointer[ginauth.SignInEvent]
	opts := ginauth.Options{Callbacks: memberCallbacks()}
	opts.Callbacks.JWT = func(_ *gin.Context, p ginauth.JWTParams) error {
		if p.User != nil && (p.Trigger != ginauth.TriggerSignIn || p.Profile != nil || p.IsNewUser || *p.Account != ginauth.Account{
			Provider: "credentials", Type: "credentials", ProviderAccountID: "u-ada",
		}) {
			t.Errorf("the JWT callback gets %+v with %+v", p, p.Account)
		}
		return nil
	}
	opts.Events.SignIn = func(_ *gin.Context, e ginauth.SignInEvent) { event.Store(&e) }
	a := membersApp(t, opts)
	b := a.browser(t)
	res := b.signInAs("ada")
	if !res.signedIn() || b.user() != "ada@example.com" {
		t.Fatalf("%d %v", res.StatusCode, res.Header)
	}
	if e := event.Load(); e == nil || e.User.ID != "u-ada" || e.Account.Type != "credentials" || e.Profile != nil {
		t.Errorf("the event is %+v", e)
	}
	claims := opened(t, forSession, b.cookie(sessionCookie))
	if claims["sub"] != "u-ada" || claims["picture"] != nil || claims["auth_time"] == nil {
		t.Errorf("the claims are %v", claims)
	}
	// A failed attempt signs nobody out, and another person's replaces the session.
	b.post("/api/auth/callback/credentials", url.Values{"csrfToken": {b.csrf()}, "username": {"ada"}, "password": {"no"}})
	if got := b.user(); got != "ada@example.com" {
		t.Errorf("after a wrong password %q is signed in", got)
	}
	event.Store(nil)
	b.post("/api/auth/signout", url.Values{"csrfToken": {b.csrf()}})
	if got := b.user(); got != "" {
		t.Errorf("%q is still signed in", got)
	}
}

// What Authorize gets of a body: texts and numbers as they were written.
func TestCredentials_Values(t *testing.T) {
	t.Parallel()
	got := make(chan map[string]string, 1)
	a := newApp(t, ginauth.Options{Providers: []ginauth.Provider{ginauth.Credentials{
		Authorize: func(_ *gin.Context, typed map[string]string) (*ginauth.User, error) {
			delete(typed, "csrfToken")
			got <- typed
			return nil, nil
		},
	}}})
	csrfToken, pair := csrfPair(csrfCookie)
	for _, row := range []struct {
		contentType, body string
		want              map[string]string
	}{
		{"application/json", `{"csrfToken":"{c}","pin":4711,"big":12345678901234567890,"price":1.10,"e":1e5,"text":"a\u00e9","empty":"","flag":true,"none":null,"list":["x"],"object":{"a":"b"}}`,
			map[string]string{"pin": "4711", "big": "12345678901234567890", "price": "1.10", "e": "1e5", "text": "aé", "empty": ""}},
		{"application/x-www-form-urlencoded", "csrfToken={c}&pin=0815&space=a+b%20c&twice=1&twice=2&empty=&bare&redirect=false",
			map[string]string{"pin": "0815", "space": "a b c", "twice": "1", "empty": "", "bare": "", "redirect": "false"}},
	} {
		a.enter(t, row.contentType, strings.ReplaceAll(row.body, "{c}", csrfToken), "Cookie", pair)
		select {
		case typed := <-got:
			if !reflect.DeepEqual(typed, row.want) {
				t.Errorf("%s: got %v, want %v", row.contentType, typed, row.want)
			}
		default:
			t.Errorf("%s: Authorize was not asked", row.contentType)
		}
	}
}

var (
	formElement  = regexp.MustCompile(`(?s)<form[^>]* action="([^"]*)"[^>]*>(.*?)</form>`)
	hiddenInput  = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)
	typedInput   = regexp.MustCompile(`(?s)<label for="([^"]*)">([^<]*)</label>\s*<input id="([^"]*)" name="([^"]*)" type="([^"]*)"(?: placeholder="([^"]*)")?`)
	submitButton = regexp.MustCompile(`(?s)<button (?:class="primary" )?type="submit">([^<]*)</button>`)
)

// Two forms on one page: each leads to its own provider, with its own fields.
func TestCredentials_Pages(t *testing.T) {
	t.Parallel()
	asked := func(id string) func(*gin.Context, map[string]string) (*ginauth.User, error) {
		return func(_ *gin.Context, typed map[string]string) (*ginauth.User, error) {
			return &ginauth.User{ID: "7", Email: id + "." + typed["code"] + typed["username"] + "@example.com"}, nil
		}
	}
	var accounts atomic.Value
	a := newApp(t, ginauth.Options{
		Providers: []ginauth.Provider{
			ginauth.Credentials{ID: "login", Name: "Password", Authorize: asked("login"), Fields: []ginauth.Field{
				{Name: "username", Label: "User name", Placeholder: "ada"}, {Name: "password", Type: "password"},
			}},
			&ginauth.Credentials{ID: "card", Name: "Library <Card>", Authorize: asked("card"), Fields: []ginauth.Field{{Name: "code", Type: "number"}}},
		},
		Callbacks: ginauth.Callbacks{SignIn: func(_ *gin.Context, p ginauth.SignInParams) error {
			accounts.Store(p.Account.Provider)
			return nil
		}},
	})
	b := a.browser(t)
	page := b.get("/api/auth/signin?callbackUrl=/after")
	forms := formElement.FindAllStringSubmatch(page.body, -1)
	if len(forms) != 2 {
		t.Fatalf("%d forms on %s", len(forms), page.body)
	}
	for i, want := range []struct {
		id, button string
		inputs     [][3]string // name, label, type
		typed      url.Values
		email      string
	}{
		{"login", "Sign in with Password", [][3]string{{"username", "User name", "text"}, {"password", "password", "password"}}, url.Values{"username": {"ada"}}, "login.ada@example.com"},
		{"card", "Sign in with Library &lt;Card&gt;", [][3]string{{"code", "code", "number"}}, url.Values{"code": {"12"}}, "card.12@example.com"},
	} {
		if action := a.URL + "/api/auth/callback/" + want.id; forms[i][1] != action {
			t.Errorf("%s: the form leads to %s, want %s", want.id, forms[i][1], action)
		}
		var inputs [][3]string
		for _, m := range typedInput.FindAllStringSubmatch(forms[i][2], -1) {
			inputs = append(inputs, [3]string{m[4], m[2], m[5]})
			if m[1] != m[3] || (m[4] == "username") != (m[6] == "ada") {
				t.Errorf("%s: the input is %s", want.id, m[0])
			}
		}
		if !reflect.DeepEqual(inputs, want.inputs) {
			t.Errorf("%s: the inputs are %v, want %v", want.id, inputs, want.inputs)
		}
		if m := submitButton.FindStringSubmatch(forms[i][2]); m == nil || m[1] != want.button {
			t.Errorf("%s: the button is %v", want.id, m)
		}
		for _, m := range hiddenInput.FindAllStringSubmatch(forms[i][2], -1) {
			want.typed.Set(m[1], m[2])
		}
		visitor := a.browser(t)
		visitor.plant(csrfCookie, b.cookie(csrfCookie))
		res := visitor.post(forms[i][1], want.typed)
		if res.Header.Get("Location") != a.URL+"/after" || visitor.user() != want.email || accounts.Load() != want.id {
			t.Errorf("%s: leads to %s as %s of %v", want.id, res.Header.Get("Location"), visitor.user(), accounts.Load())
		}
	}
	// The only form says so plainly.
	single := membersApp(t, ginauth.Options{})
	if m := submitButton.FindStringSubmatch(single.browser(t).get("/api/auth/signin").body); m == nil || m[1] != "Sign in" {
		t.Errorf("the only button is %v", m)
	}
}

func TestCredentials_Routes(t *testing.T) {
	t.Parallel()
	a := membersApp(t, ginauth.Options{})
	b := a.browser(t)
	res := b.get("/api/auth/callback/credentials?username=ada&password=" + url.QueryEscape(adasPassword) + "&csrfToken=" + b.csrf())
	if res.StatusCode != http.StatusInternalServerError || res.body != "Error: Callback for provider type credentials not supported" || res.signedIn() {
		t.Errorf("GET callback: %d %s %v", res.StatusCode, res.body, res.Header)
	}
	res = b.post("/api/auth/signin/credentials", url.Values{"csrfToken": {b.csrf()}, "username": {"ada"}, "password": {adasPassword}})
	if res.Header.Get("Location") != a.URL+"/api/auth/signin" || res.signedIn() {
		t.Errorf("POST signin: %d to %s", res.StatusCode, res.Header.Get("Location"))
	}
	var listed map[string]struct{ ID, Name, Type, SigninURL, CallbackURL string }
	decode(t, b.get("/api/auth/providers").body, &listed)
	if p := listed["credentials"]; p.Type != "credentials" || p.Name != "Credentials" || p.CallbackURL != a.URL+"/api/auth/callback/credentials" {
		t.Errorf("GET providers: %+v", listed)
	}
	// The texts of refusals are shown on the pages that they lead to, and no others.
	refused := b.post("/api/auth/callback/credentials", url.Values{"csrfToken": {b.csrf()}, "username": {"limited"}})
	if page := b.get(refused.Header.Get("Location")); !strings.Contains(page.body, "Too many attempts &amp; more") {
		t.Errorf("the error page is %s", page.body)
	}
	if page := b.get("/api/auth/error?error=Call%20this%20number"); strings.Contains(page.body, "Call this number") {
		t.Error("a link put its words on the error page")
	}
	wrong := b.post("/api/auth/callback/credentials", url.Values{"csrfToken": {b.csrf()}, "username": {"ada"}})
	second := b.get(wrong.Header.Get("Location"))
	if page := b.get(second.Header.Get("Location")); !strings.Contains(page.body, "These details do not match an account.") {
		t.Errorf("the sign-in page is %d %s", page.StatusCode, page.body)
	}
}

func TestCredentials_Faults(t *testing.T) {
	clean(t)
	refuse := func(*gin.Context, map[string]string) (*ginauth.User, error) { return nil, nil }
	for _, row := range []struct {
		name      string
		providers []ginauth.Provider
		want      []string
	}{
		{"no Authorize", []ginauth.Provider{ginauth.Credentials{}}, []string{"provider credentials", "Authorize is nil"}},
		{"no Authorize of a named one", []ginauth.Provider{ginauth.Credentials{ID: "pin"}}, []string{"provider pin", "Authorize is nil"}},
		{"unnamed field", []ginauth.Provider{ginauth.Credentials{Authorize: refuse, Fields: []ginauth.Field{{Name: "a"}, {Label: "b"}}}}, []string{"provider credentials", "Fields", "Name"}},
		{"two of one id", []ginauth.Provider{ginauth.Credentials{Authorize: refuse}, ginauth.Credentials{Authorize: refuse}}, []string{`two providers have the id "credentials"`}},
		{"an id that is no path segment", []ginauth.Provider{ginauth.Credentials{ID: "a b", Authorize: refuse}}, []string{`"a b"`, "ID"}},
	} {
		_, err := ginauth.Register(gin.New(), ginauth.Options{Secret: testSecret, Providers: row.providers})
		for _, want := range row.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v does not say %q", row.name, err, want)
			}
		}
	}
}

// A page on another site posts the form, with the browser's cookies and even
// with a CSRF pair that a sister host has planted.
func TestCredentials_CrossSitePost(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name    string
		origins []string
		admits  bool
	}{
		{"no Origin", nil, true},
		{"own", []string{"{o}"}, true},
		{"trusted", []string{"https://admin.example.com"}, true},
		{"foreign", []string{"https://evil.example"}, false},
		{"sandboxed", []string{"null"}, false},
		{"empty", []string{""}, false},
		{"other scheme", []string{"https://{h}"}, false},
		{"other port", []string{"http://127.0.0.1:1"}, false},
		{"own and foreign", []string{"{o}", "https://evil.example"}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			a := membersApp(t, ginauth.Options{TrustedOrigins: []string{"https://admin.example.com"}})
			csrfToken, pair := csrfPair(csrfCookie)
			header := []string{"Cookie", pair}
			for _, o := range row.origins {
				o = strings.NewReplacer("{o}", a.URL, "{h}", a.Listener.Addr().String()).Replace(o)
				header = append(header, "Origin", o)
			}
			contentType, body := bodies["form"](map[string]string{"csrfToken": csrfToken, "username": "ada", "password": adasPassword})
			res := a.enter(t, contentType, body, header...)
			if res.signedIn() != row.admits {
				t.Errorf("%d to %s, signed in %v", res.StatusCode, res.Header.Get("Location"), res.signedIn())
			}
			if !row.admits && res.Header.Get("Location") != a.URL+"/api/auth/signin?csrf=true" {
				t.Errorf("leads to %s", res.Header.Get("Location"))
			}
		})
	}
}

// Fields that name a person or a right are in no endpoint more than what was
// typed: the person is who Authorize says, and stays who they are.
func TestAttack23_UserFromTheBody(t *testing.T) {
	t.Parallel()
	const extra = `"userId":"u-victim","user_id":"u-victim","id":"u-victim","sub":"u-victim","role":"admin","admin":true,` +
		`"email":"victim@example.com","name":"Victim","image":"https://evil.example/x.png","token":{"sub":"u-victim"},` +
		`"user":{"id":"u-victim","email":"victim@example.com"},"account":{"providerAccountId":"u-victim"},"session":{"user":{"id":"u-victim"}},` +
		`"trigger":"signIn","isNewUser":true,"expires":"2999-01-01T00:00:00.000Z","maxAge":1e9,"provider":"github","__proto__":{"sub":"u-victim"}`
	var updates atomic.Int32
	a := membersApp(t, ginauth.Options{Callbacks: ginauth.Callbacks{
		JWT: func(_ *gin.Context, p ginauth.JWTParams) error {
			if p.Trigger == ginauth.TriggerUpdate {
				updates.Add(1)
				if p.Update != nil || p.User != nil || p.Account != nil {
					t.Errorf("the JWT callback gets %+v", p)
				}
			}
			return nil
		},
	}})
	b := a.browser(t)
	csrfToken := b.csrf()
	post := func(path, fields string) answer {
		t.Helper()
		req, err := http.NewRequest(http.MethodPost, a.URL+path, strings.NewReader(`{"csrfToken":"`+csrfToken+`",`+fields+`}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		return b.do(req)
	}
	isAda := func(after string) {
		t.Helper()
		var session map[string]any
		decode(t, b.get("/api/auth/session").body, &session)
		want := map[string]any{"name": "ada", "email": "ada@example.com", "image": nil}
		if len(session) != 2 || !reflect.DeepEqual(session["user"], want) {
			t.Errorf("%s: the session is %v", after, session)
		}
		claims := opened(t, forSession, b.cookie(sessionCookie))
		for name := range claims {
			if !strings.Contains(" sub name email picture iat exp jti auth_time ginauth_sid ginauth_factors ", " "+name+" ") {
				t.Errorf("%s: the token has the claim %s", after, name)
			}
		}
		if claims["sub"] != "u-ada" {
			t.Errorf("%s: the subject is %v", after, claims["sub"])
		}
	}
	for _, endpoint := range []string{"callback/credentials", "session", "signin", "signin/credentials", "signin/u-victim"} {
		post("/api/auth/"+endpoint, extra)
		if got := b.user(); got != "" {
			t.Errorf("%s: nobody typed a password, and %s is signed in", endpoint, got)
		}
	}
	post("/api/auth/callback/credentials", `"username":"ada","password":"`+adasPassword+`",`+extra)
	isAda("sign-in")
	for _, endpoint := range []string{"session", "signin/credentials", "callback/credentials", "_log"} {
		post("/api/auth/"+endpoint, extra)
		isAda(endpoint)
	}
	if updates.Load() != 1 {
		t.Errorf("%d updates ran, want the one of a person signed in", updates.Load())
	}
}

// A name that the adapter does not have, and a wrong password, get one answer.
func TestCredentials_NobodyAsWrongPassword(t *testing.T) {
	t.Parallel()
	a := newApp(t, ginauth.Options{Providers: []ginauth.Provider{ginauth.Credentials{
		Authorize: func(_ *gin.Context, typed map[string]string) (*ginauth.User, error) {
			if typed["username"] == "nobody" {
				return nil, fmt.Errorf("looking up the user: %w", ginauth.ErrNotFound)
			}
			return nil, nil
		},
	}}})
	b := a.browser(t)
	csrf := b.csrf()
	answer := func(name string) string {
		res := b.post("/api/auth/callback/credentials", url.Values{"csrfToken": {csrf}, "username": {name}, "json": {"true"}})
		return fmt.Sprint(res.StatusCode, res.body)
	}
	wrong, nobody := answer("ada"), answer("nobody")
	if wrong != nobody || !strings.Contains(wrong, "CredentialsSignin") {
		t.Errorf("a wrong password: %s; nobody: %s", wrong, nobody)
	}
}
