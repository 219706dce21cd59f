package tests

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/token"
)

// A listing store remembers the handles that it gave out.
type listing struct {
	ginauth.SessionStore
	mu      sync.Mutex
	handles []string
	broken  bool // Delete fails
}

func (s *listing) Create(ctx context.Context, userID string, data []byte, expires time.Time) (string, error) {
	handle, err := s.SessionStore.Create(ctx, userID, data, expires)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handles = append(s.handles, handle)
	return handle, err
}

func (s *listing) Delete(ctx context.Context, handle string) error {
	s.mu.Lock()
	broken := s.broken
	s.mu.Unlock()
	if broken {
		return errCut
	}
	return s.SessionStore.Delete(ctx, handle)
}

func (s *listing) breaks(broken bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = broken
}

// has reports whether a handle leads to anything.
func (s *listing) has(t testing.TB, handle string) bool {
	t.Helper()
	_, err := s.Get(t.Context(), handle)
	if err != nil && !errors.Is(err, ginauth.ErrNotFound) {
		t.Fatal(err)
	}
	return err == nil
}

// What waits is gone with its sign-in, and when the person signs out in its browser. Where
// the store cannot delete it, the log says so, and the browser forgets it.
func TestSecondFactor_Leftovers(t *testing.T) {
	t.Parallel()
	store := &listing{SessionStore: memoryStore()}
	a := newFactorApp(t, passwordOptions{Options: ginauth.Options{Session: ginauth.SessionOptions{Store: store}}})
	phone := a.enrols(t, a.browser(t))
	signOut := func(b *browser) answer { return b.post("/api/auth/signout", url.Values{"csrfToken": {b.csrf()}}) }
	for _, row := range []struct {
		name   string
		broken bool
		end    func(b *browser) answer
		log    string
	}{
		{"finished", false, func(b *browser) answer { return b.gives("code", phone.next(a)) }, ""},
		{"finished, and the store fails", true, func(b *browser) answer { return b.gives("code", phone.next(a)) },
			`level=WARN msg="ginauth: what is left of a sign-in with two factors was not deleted"`},
		{"signed out", false, signOut, ""},
		{"signed out, and the store fails", true, signOut, `level=WARN msg="ginauth: a sign-in that waited for its second factor was not deleted"`},
	} {
		b := a.browser(t)
		a.waits(t, b)
		handle := b.cookie(waitingCookie)
		if !store.has(t, handle) {
			t.Fatalf("%s: nothing is kept as %q", row.name, handle)
		}
		a.log.forget()
		store.breaks(row.broken)
		res := row.end(b)
		store.breaks(false)
		if res.StatusCode != http.StatusFound || b.cookie(waitingCookie) != "" || store.has(t, handle) != row.broken {
			t.Errorf("%s: %d, the cookie is %q, kept: %v", row.name, res.StatusCode, b.cookie(waitingCookie), store.has(t, handle))
		}
		log := a.log.String()
		if warned := strings.Contains(log, "level=WARN"); warned != row.broken || !strings.Contains(log, row.log) || strings.Contains(log, handle) {
			t.Errorf("%s: the log: %s", row.name, log)
		}
	}
	b := a.browser(t)
	b.csrf()
	if res := signOut(b); setCookies(res)[waitingCookie] != nil {
		t.Error("a browser in which nothing waits has its cookie deleted")
	}
}

// A sign-in that waits does not outlive what it waits for: the session that it would begin,
// its provider, or the version of the program that kept it.
func TestSecondFactor_Outlived(t *testing.T) {
	t.Parallel()
	keys, err := token.V4.Keyring("ginauth.waiting.next-auth", testSecret)
	must(t, err)
	rewrite := func(change func(map[string]any)) func(*testing.T, *factorApp, *browser) {
		return func(t *testing.T, _ *factorApp, b *browser) {
			payload, _, err := keys.Open(b.cookie(waitingCookie))
			must(t, err)
			var w map[string]any
			decode(t, string(payload), &w)
			change(w)
			payload, err = json.Marshal(w)
			must(t, err)
			b.plant(waitingCookie, keys.Seal(payload))
		}
	}
	besides := func(b *browser) { // a cookie of the same name for a longer path
		b.Jar.SetCookies(mustURL(t, b.app.URL), []*http.Cookie{{Name: waitingCookie, Value: "nonsense", Path: "/api"}})
	}
	a := newFactorApp(t, passwordOptions{Options: ginauth.Options{Session: ginauth.SessionOptions{AbsoluteMaxAge: 5 * time.Minute}}})
	phone := a.enrols(t, a.browser(t))
	for _, row := range []struct {
		name   string
		change func(*testing.T, *factorApp, *browser)
		goesOn bool
		says   string // the log
	}{
		{"as it was kept", rewrite(func(map[string]any) {}), true, ""},
		{"its provider is gone", rewrite(func(w map[string]any) { w["provider"] = "gone" }), false, "the sign-in that waited for its second factor was finished or has expired"},
		{"its token is none", rewrite(func(w map[string]any) { w["token"] = "e30=" }), false, "the sign-in that waited for its second factor was finished or has expired"},
		{"it is of another state of the factors", rewrite(func(w map[string]any) { w["epoch"] = "another" }), false, "the sign-in that waited for its second factor was finished or has expired"},
		{"it is of another browser", rewrite(func(w map[string]any) { w["browser"] = "another" }), false, "no sign-in of this browser waits for a second factor"},
		{"beside another value", func(_ *testing.T, _ *factorApp, b *browser) { besides(b) }, true, ""},
		{"beside another value, and longer than any that is kept", func(t *testing.T, a *factorApp, b *browser) {
			rewrite(func(w map[string]any) { w["more"] = strings.Repeat("m", 40_000) })(t, a, b)
			besides(b)
		}, false, "no sign-in of this browser waits for a second factor"},
		{"its session would be over", func(_ *testing.T, a *factorApp, _ *browser) { a.clock.move(6 * time.Minute) }, false, "the sign-in that waited for its second factor was finished or has expired"},
	} {
		b := a.browser(t)
		a.waits(t, b)
		row.change(t, a, b)
		a.log.forget()
		page := b.get(codeURL)
		if shown := page.StatusCode == http.StatusOK; shown != row.goesOn {
			t.Errorf("%s: the page is %d %s", row.name, page.StatusCode, page.Header.Get("Location"))
		}
		if !row.goesOn {
			page.refused(t, "FactorExpired")
			if b.cookie(waitingCookie) != "" || !strings.Contains(a.log.String(), `level=INFO msg="ginauth: sign-in refused"`) || !strings.Contains(a.log.String(), `step="the second factor"`) || !strings.Contains(a.log.String(), row.says) {
				t.Errorf("%s: the cookie is %q, and the log %s", row.name, b.cookie(waitingCookie), a.log)
			}
		}
		if got := b.gives("code", phone.next(a)).signedIn(); got != row.goesOn {
			t.Errorf("%s: a code signs in: %v", row.name, got)
		}
	}
}

// A person who must set an app up, and has none, is signed out everywhere while their sign-in
// waits: the log says why it does not go on. So it does where the form has no key.
func TestSecondFactor_Refusals(t *testing.T) {
	t.Parallel()
	a := newFactorApp(t, passwordOptions{Options: ginauth.Options{
		Factors: ginauth.FactorOptions{Required: func(*gin.Context, ginauth.User) bool { return true }},
		Session: ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()},
	}})
	for name, row := range map[string]struct {
		change func(b *browser)
		says   string
	}{
		"signed out everywhere": {func(*browser) { must(t, a.auth.RevokeUser(t.Context(), a.ada)) },
			"the sign-in that waited for its second factor was finished or has expired, or the user's factors or sessions were changed meanwhile"},
		"without a key": {func(*browser) {}, "the key of the form is not of this person's sign-in, or the form is too old"},
	} {
		b := a.browser(t)
		a.waits(t, b)
		a.clock.move(time.Second)
		row.change(b)
		a.log.forget()
		res := b.post(secondURL+"enrol", url.Values{"csrfToken": {b.csrf()}, "code": {"123456"}})
		res.refused(t, "FactorExpired")
		if log := a.log.String(); !strings.Contains(log, row.says) || !strings.Contains(log, "user="+a.ada) || b.cookie(waitingCookie) != "" {
			t.Errorf("%s: the cookie is %q, and the log %s", name, b.cookie(waitingCookie), log)
		}
		a.clock.move(time.Minute)
	}
}

// People whom the application names, and who are no users, cannot have a second factor: they
// are not signed in, and the log says what to do.
func TestSecondFactor_NoUser(t *testing.T) {
	t.Parallel()
	a := newFactorApp(t, passwordOptions{Options: ginauth.Options{Factors: ginauth.FactorOptions{
		Required: func(_ *gin.Context, u ginauth.User) bool { return u.Email == "admin@example.com" },
	}}})
	a.passwords.set("admin@example.com", "admin", "secret")
	a.passwords.set("guest@example.com", "guest", "secret")
	b := a.browser(t)
	res := b.post("/api/auth/callback/credentials", url.Values{"csrfToken": {b.csrf()}, "username": {"admin@example.com"}, "password": {"secret"}, "json": {"true"}})
	if res.StatusCode != http.StatusInternalServerError || !strings.HasSuffix(res.leadsTo(t), "error=Callback") || res.signedIn() || b.cookie(waitingCookie) != "" {
		t.Errorf("%d %s", res.StatusCode, res.body)
	}
	if log := a.log.String(); !strings.Contains(log, `level=WARN msg="ginauth: sign-in refused"`) || !strings.Contains(log, `step="the second factor"`) ||
		!strings.Contains(log, "Factors.Required names a person who is no user of the Adapter") {
		t.Errorf("the log: %s", log)
	}
	if !b.types("guest@example.com", "secret").signedIn() {
		t.Error("who is not named is not signed in")
	}
}

// The application is asked once in a sign-in whether somebody must give a second factor, and
// of the user as the Adapter has them.
func TestSecondFactor_RequiredOnce(t *testing.T) {
	t.Parallel()
	var asked []string
	a := newFactorApp(t, passwordOptions{Options: ginauth.Options{Factors: ginauth.FactorOptions{
		Required: func(_ *gin.Context, u ginauth.User) bool {
			asked = append(asked, fmt.Sprint(u.ID, u.Name, !u.EmailVerified.IsZero()))
			return true
		},
	}}, trusting: true})
	want := []string{fmt.Sprint(a.ada, "Mallory", true)} // Authorize calls her Member
	for name, signIn := range map[string]func(b *browser) answer{
		"password":              func(b *browser) answer { return b.types(adaReads, adaTypes) },
		"mail":                  func(b *browser) answer { return a.mails(t, b, adaReads) },
		"a provider that links": func(b *browser) answer { return b.signInAt(a.idp, "first", "ada") },
		"the application":       func(b *browser) answer { return b.post("/app", nil) },
	} {
		asked = nil
		if signIn(a.browser(t)).signedIn() || !slices.Equal(asked, want) {
			t.Errorf("%s: asked of %q, want %q", name, asked, want)
		}
	}
}

// A provider that is trusted with second factors spares its people the question of whom the
// application names, and not the one of those who have an app.
func TestSecondFactor_TrustMFA(t *testing.T) {
	t.Parallel()
	s := newFactorSite(t, ginauth.Options{Adapter: ginauth.MemoryAdapter(), Factors: ginauth.FactorOptions{
		OTP: true, Required: func(*gin.Context, ginauth.User) bool { return true },
	}}, ginauth.OAuth{TrustMFA: true})
	says := func(amr ...string) {
		s.idp.TamperClaims(func(claims map[string]any) { claims["amr"] = amr })
	}
	says("pwd")
	if s.browser(t).signInAt(s.idp, "first", "ada").signedIn() {
		t.Error("one factor there is enough")
	}
	says("pwd", "mfa")
	if s.browser(t).signInAt(s.idp, "second", "grace").signedIn() {
		t.Error("a provider that is not trusted spares the question")
	}
	b := s.browser(t)
	if res := b.signInAt(s.idp, "first", "ada"); !res.signedIn() {
		t.Fatalf("two factors there lead to %s\n%s", res.Header.Get("Location"), s.log)
	}
	phone, action, fields := scan(t, b.get(secondURL+"add"))
	fields.Set("code", phone.code(&factorApp{passwordApp: &passwordApp{mailApp: s.mailApp}}))
	if res := b.post(action, fields); res.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", res.StatusCode, res.body)
	}
	if s.browser(t).signInAt(s.idp, "first", "ada").signedIn() {
		t.Error("who has an app is not asked for it")
	}
}

// A sealed sign-in leaves out what is too long for cookies: the profile's raw claims, the
// profile, then the id_token. Where that is not enough, the log says what to change; a store
// takes it whole.
func TestSecondFactor_Long(t *testing.T) {
	t.Parallel()
	type told struct{ raw, profile, idToken bool }
	for _, row := range []struct {
		name         string
		claim, inJWT int // how long they are, in the provider's id_token and in ours
		stored       bool
		want         told
		refused      bool
	}{
		{"short", 10, 10, false, told{true, true, true}, false},
		{"a long claim", 600, 10, false, told{false, true, true}, false},
		{"a longer one", 1200, 10, false, told{false, false, true}, false},
		{"a claim as long as a cookie", 3000, 10, false, told{false, false, false}, false},
		{"a long token", 10, 2700, false, told{false, false, false}, false},
		{"too long", 10, 6000, false, told{}, true},
		{"in a store", 3000, 6000, true, told{true, true, true}, false},
	} {
		var got *told
		opts := ginauth.Options{Factors: ginauth.FactorOptions{Required: func(*gin.Context, ginauth.User) bool { return true }}}
		opts.Callbacks.JWT = func(_ *gin.Context, p ginauth.JWTParams) error {
			p.Token.Claims["long"] = strings.Repeat("j", row.inJWT)
			return nil
		}
		opts.Events.SignIn = func(_ *gin.Context, e ginauth.SignInEvent) {
			got = &told{profile: e.Profile != nil, idToken: e.Account.IDToken != ""}
			got.raw = e.Profile != nil && e.Profile.RawData["long"] != nil
			if e.Account.Provider != "first" || e.Account.AccessToken == "" || e.User.Email != "grace@example.com" {
				t.Errorf("%s: the application is told of %+v, %+v", row.name, e.User, e.Account)
			}
		}
		if row.stored {
			opts.Session.Store = memoryStore()
		}
		a := newFactorApp(t, passwordOptions{Options: opts})
		a.idp.TamperClaims(func(claims map[string]any) { claims["long"] = strings.Repeat("c", row.claim) })
		b := a.browser(t)
		res := b.signInAt(a.idp, "first", "grace")
		if row.refused {
			res.refused(t, "Callback")
			if log := a.log.String(); !strings.Contains(log, `level=WARN`) || !strings.Contains(log, `step="keeping the sign-in"`) ||
				!strings.Contains(log, "too many for cookies; keep less in the token, or set Session.Store") {
				t.Errorf("%s: the log: %s", row.name, log)
			}
			continue
		}
		if !strings.HasSuffix(res.Header.Get("Location"), codeURL) {
			t.Errorf("%s: %s\n%s", row.name, res.Header.Get("Location"), a.log)
			continue
		}
		res.isPrivate(t)
		a.setUp(t, b, b.get(codeURL))
		if got == nil || *got != row.want {
			t.Errorf("%s: the application is told of %+v, want %+v", row.name, got, row.want)
		}
	}
	// Credentials have no profile to leave out.
	opts := ginauth.Options{Factors: ginauth.FactorOptions{Required: func(*gin.Context, ginauth.User) bool { return true }}}
	opts.Callbacks.JWT = func(_ *gin.Context, p ginauth.JWTParams) error {
		p.Token.Claims["long"] = strings.Repeat("j", 6000)
		return nil
	}
	a := newFactorApp(t, passwordOptions{Options: opts})
	a.browser(t).types(adaReads, adaTypes).refused(t, "Callback")
}
