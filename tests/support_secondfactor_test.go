package tests

import (
	"encoding/base32"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/otp"
)

const (
	adaReads = "ada@example.com"
	adaTypes = "correct horse"
	codeURL  = "/api/auth/second-factor/code"
)

// A factorApp signs people in by password, by mail and at two providers, with one-time
// passwords for those who have set them up.
type factorApp struct {
	*passwordApp
	mu      sync.Mutex
	changes []string // that the application was told of
	ada     string   // her ID
}

func newFactorApp(t testing.TB, opts passwordOptions) *factorApp {
	t.Helper()
	a := &factorApp{}
	opts.Factors.OTP = true
	opts.Events.ChangeFactor = func(_ *gin.Context, e ginauth.ChangeFactorEvent) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.changes = append(a.changes, e.User.Email+" "+string(e.Method)+" "+string(e.Change))
	}
	a.passwordApp = newPasswordApp(t, opts)
	a.engine.GET("/factors", a.auth.RequireSession(), func(c *gin.Context) {
		var methods []string
		for _, f := range ginauth.GetSession(c).Factors {
			methods = append(methods, string(f.Method))
		}
		c.String(http.StatusOK, strings.Join(methods, " "))
	})
	a.engine.POST("/app", func(c *gin.Context) {
		if _, err := a.auth.SignIn(c, ginauth.User{ID: a.ada}, ginauth.FactorPassword); err != nil {
			c.String(http.StatusForbidden, err.Error())
		}
	})
	if known, err := a.users.GetUserByEmail(t.Context(), adaReads); err == nil { // of another process
		a.ada = known.ID
		a.passwords.set(adaReads, a.ada, adaTypes)
		return a
	}
	a.ada = a.joins(t, adaReads, adaTypes)
	return a
}

// joins makes a user with a password and a proved address.
func (a *factorApp) joins(t testing.TB, email, password string) (userID string) {
	t.Helper()
	userID = a.registers(t, email, password)
	a.proves(t, userID, time.Now())
	// The address is another way in, so that a password alone does not become theirs.
	if err := a.auth.LinkCredentials(t.Context(), userID); err != nil {
		t.Fatal(err)
	}
	return userID
}

// proves stores that a user proved their address; a zero time: that they did not.
func (a *factorApp) proves(t testing.TB, userID string, at time.Time) {
	t.Helper()
	user, err := a.users.GetUser(t.Context(), userID)
	if err == nil {
		user.EmailVerified = at
		_, err = a.users.UpdateUser(t.Context(), user)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// heard are the changes of factors since it was last called.
func (a *factorApp) heard() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	changes := a.changes
	a.changes = nil
	return changes
}

// An authenticator is an app on somebody's phone, with the recovery codes that they wrote
// down.
type authenticator struct {
	secret   []byte
	recovery []string
}

// code is what the phone shows now.
func (p *authenticator) code(a *factorApp) string { return otp.Code(p.secret, otp.Step(a.clock.now())) }

// next is what it shows in the next step, which it waits for.
func (p *authenticator) next(a *factorApp) string {
	a.clock.move(otp.Period)
	return p.code(a)
}

var (
	keyOnPage  = regexp.MustCompile(`<code class="key"[^>]*>([A-Z2-7 ]+)</code>`)
	codeOnPage = regexp.MustCompile(`<li><code>([0-9a-z-]+)</code></li>`)
)

// scan reads the key of a page that sets an app up, and the form that confirms it.
func scan(t testing.TB, page answer) (p *authenticator, action string, fields url.Values) {
	t.Helper()
	found := keyOnPage.FindStringSubmatch(page.body)
	if found == nil {
		t.Fatalf("%d without a key: %s", page.StatusCode, page.body)
	}
	secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ReplaceAll(found[1], " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	action, fields = onlyForm(t, page.body)
	return &authenticator{secret: secret}, action, fields
}

// setUp confirms the key of a page, and writes the recovery codes down.
func (a *factorApp) setUp(t testing.TB, b *browser, page answer) *authenticator {
	t.Helper()
	p, action, fields := scan(t, page)
	fields.Set("code", p.code(a))
	done := b.post(action, fields)
	for _, found := range codeOnPage.FindAllStringSubmatch(done.body, -1) {
		p.recovery = append(p.recovery, found[1])
	}
	if done.StatusCode != http.StatusOK || len(p.recovery) != 10 {
		t.Fatalf("setting up: %d %s\n%s", done.StatusCode, done.body, a.log)
	}
	return p
}

// enrols signs Ada in by password and sets an authenticator app up. The browser stays
// signed in, with a code of the next step to come.
func (a *factorApp) enrols(t testing.TB, b *browser) *authenticator {
	t.Helper()
	if res := b.types(adaReads, adaTypes); !res.signedIn() {
		t.Fatalf("%d %s\n%s", res.StatusCode, res.Header.Get("Location"), a.log)
	}
	p := a.setUp(t, b, b.get("/api/auth/second-factor/add"))
	a.heard()
	a.clock.move(otp.Period)
	return p
}

// waits types Ada's password, and fails the test unless a code is asked for then.
func (a *factorApp) waits(t testing.TB, b *browser) {
	t.Helper()
	res := b.types(adaReads, adaTypes)
	if got := res.Header.Get("Location"); res.StatusCode != http.StatusFound || !strings.HasSuffix(got, codeURL) || res.signedIn() {
		t.Fatalf("the password leads to %d %s\n%s", res.StatusCode, got, a.log)
	}
}

// gives types a code at the page of a second factor.
func (b *browser) gives(page, code string) answer {
	b.t.Helper()
	return b.post("/api/auth/second-factor/"+page, url.Values{"csrfToken": {b.csrf()}, "code": {code}})
}
