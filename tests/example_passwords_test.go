package tests

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/gin-gonic/gin"
	"golang.org/x/crypto/argon2"

	"github.com/ginauth/ginauth"
)

// This file is the program of docs/passwords.md.

// A storedKey is what argon2id derives from a password, with its salt.
type storedKey struct{ salt, key []byte }

func newPassword(typed string) storedKey {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails
	return storedKey{salt, derive(typed, salt)}
}

func (p storedKey) is(typed string) bool {
	return subtle.ConstantTimeCompare(p.key, derive(typed, p.salt)) == 1
}

// derive takes 19 MiB of memory and two passes.
func derive(typed string, salt []byte) []byte {
	return argon2.IDKey([]byte(typed), salt, 2, 19<<10, 1, 32)
}

// A membership is the users of the Adapter, and the passwords of some. The map is your
// table: one row for each user ID.
type membership struct {
	users  ginauth.Adapter
	nobody storedKey // for addresses without one

	mu        sync.Mutex
	passwords map[string]storedKey
}

func (m *membership) passwordOf(userID string) storedKey {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p, ok := m.passwords[userID]; ok {
		return p
	}
	return m.nobody
}

func (m *membership) setPassword(userID string, p storedKey) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.passwords[userID] = p
}

func (m *membership) authorize(c *gin.Context, typed map[string]string) (*ginauth.User, error) {
	user, err := m.users.GetUserByEmail(c.Request.Context(), typed["email"])
	if err != nil && !errors.Is(err, ginauth.ErrNotFound) {
		return nil, err // the database is down: no guess, and no "wrong password"
	}
	stored := m.nobody
	if err == nil {
		if err := ginauth.CountGuess(c, user.ID); err != nil {
			return nil, err // 429
		}
		stored = m.passwordOf(user.ID)
	}
	if !stored.is(typed["password"]) { // it takes equally long for an unknown address
		return nil, nil
	}
	return &user, nil
}

func (m *membership) reset(_ context.Context, userID string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.passwords, userID)
	return nil
}

func (m *membership) register(c *gin.Context) {
	user, err := m.users.CreateUser(c, ginauth.User{Email: c.PostForm("email")}, nil)
	switch {
	case errors.Is(err, ginauth.ErrExists): // say the same as below: nobody learns who is a member
	case err != nil:
		c.Status(http.StatusInternalServerError)
		return
	default:
		m.setPassword(user.ID, newPassword(c.PostForm("password")))
	}
	c.Redirect(http.StatusSeeOther, "/api/auth/signin")
}

// changePassword is behind RequireSession, which refuses forms of other sites.
func (m *membership) changePassword(auth *ginauth.Auth) gin.HandlerFunc {
	return func(c *gin.Context) {
		me := ginauth.GetSession(c).User.ID // never from the form
		if err := auth.LinkCredentials(c, me); err != nil {
			c.Status(http.StatusInternalServerError)
			return
		}
		m.setPassword(me, newPassword(c.PostForm("password")))
		if err := auth.RevokeUser(c, me); err != nil { // every session, this one too
			c.Status(http.StatusInternalServerError)
			return
		}
		c.Redirect(http.StatusSeeOther, "/api/auth/signin")
	}
}

// staff are the addresses of people who may do more.
var staff = map[string]bool{"ada@example.com": true}

// giveRole is Callbacks.JWT. It runs at each request; Account is set at sign-in alone.
func giveRole(_ *gin.Context, p ginauth.JWTParams) error {
	if p.Account == nil {
		return nil
	}
	proved := !p.User.EmailVerified.IsZero() // without an Adapter: p.Account.EmailVerified
	if proved && staff[p.User.Email] {
		p.Token.Claims["role"] = "staff"
	}
	return nil
}

func isStaff(c *gin.Context, _ *ginauth.Session) bool {
	return ginauth.GetToken(c).Claims["role"] == "staff"
}

func siteWithPasswords(r *gin.Engine, baseURL, secret string, send func(context.Context, ginauth.Mail) error) (*membership, error) {
	m := &membership{users: ginauth.MemoryAdapter(), nobody: newPassword(rand.Text()), passwords: map[string]storedKey{}}
	auth, err := ginauth.Register(r, ginauth.Options{
		BaseURL: baseURL, Secret: secret, // or NEXTAUTH_URL and NEXTAUTH_SECRET
		Adapter: m.users, // in production gormadapter's
		Session: ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()},
		Providers: []ginauth.Provider{
			ginauth.Email{From: "no-reply@example.com", Send: send},
			ginauth.Credentials{
				Name:      "E-mail and password",
				Fields:    []ginauth.Field{{Name: "email", Label: "E-mail", Type: "email"}, {Name: "password", Label: "Password", Type: "password"}},
				Authorize: m.authorize,
				Reset:     m.reset,
			},
		},
		Callbacks: ginauth.Callbacks{JWT: giveRole},
		Logger:    slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, err
	}
	r.POST("/register", m.register)
	r.POST("/account/password", auth.RequireSession(), m.changePassword(auth))
	r.GET("/staff", auth.RequireSession(isStaff), func(c *gin.Context) { c.String(http.StatusOK, "staff") })
	r.GET("/me", auth.RequireSession(), func(c *gin.Context) { c.String(http.StatusOK, ginauth.GetSession(c).User.Email) })
	return m, nil
}

// A person registers, signs in by password, proves the address by mail, and sets a new
// password.
func Example_passwords() {
	engine := gin.New()
	server := httptest.NewServer(engine)
	defer server.Close()
	mailed := make(chan string, 1)
	_, err := siteWithPasswords(engine, server.URL, testSecret, func(_ context.Context, m ginauth.Mail) error {
		mailed <- m.URL
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	browser := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	get := func(target string) (int, string) { return answerOf(browser.Get(target)) }
	post := func(path string, fields ...string) int {
		_, csrf := get(server.URL + "/api/auth/csrf")
		form := url.Values{"csrfToken": {strings.Split(csrf, `"`)[3]}}
		for i := 0; i < len(fields); i += 2 {
			form.Set(fields[i], fields[i+1])
		}
		status, _ := answerOf(browser.PostForm(server.URL+path, form))
		return status
	}
	me := func() string {
		status, name := get(server.URL + "/me")
		staff, _ := get(server.URL + "/staff")
		if status != http.StatusOK {
			name = "nobody"
		}
		return fmt.Sprint(name, ", staff ", staff)
	}

	post("/register", "email", "ada@example.com", "password", "engine")
	post("/api/auth/callback/credentials", "email", "ada@example.com", "password", "motor")
	fmt.Println("a wrong password:", me())
	post("/api/auth/callback/credentials", "email", "ada@example.com", "password", "engine")
	fmt.Println("the password:", me())
	post("/api/auth/signout")

	// Anybody may have registered the address. Its owner comes by mail: the password is
	// deleted.
	post("/api/auth/signin/email", "email", "ada@example.com")
	_, page := get(<-mailed)
	hidden := regexp.MustCompile(`name="(token|email)" value="([^"]*)"`).FindAllStringSubmatch(page, -1)
	var fields []string
	for _, h := range hidden {
		fields = append(fields, h[1], h[2])
	}
	post("/api/auth/callback/email", fields...)
	fmt.Println("by mail:", me())
	post("/account/password", "password", "difference engine")
	fmt.Println("a new password:", me())
	post("/api/auth/callback/credentials", "email", "ada@example.com", "password", "engine")
	fmt.Println("the old one:", me())
	post("/api/auth/callback/credentials", "email", "ada@example.com", "password", "difference engine")
	fmt.Println("the new one:", me())
	// Output:
	// a wrong password: nobody, staff 401
	// the password: ada@example.com, staff 403
	// by mail: ada@example.com, staff 200
	// a new password: nobody, staff 401
	// the old one: nobody, staff 401
	// the new one: ada@example.com, staff 200
}

// answerOf reads an answer.
func answerOf(res *http.Response, err error) (int, string) {
	if err != nil {
		log.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		log.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// What docs/passwords.md shows is in this file, line for line.
func TestPasswordsPage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/passwords.md")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile("example_passwords_test.go")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	for _, block := range blocks {
		if !strings.Contains(unindented(string(program)), unindented(block[1])) {
			t.Errorf("not in the program:\n%s", block[1])
		}
	}
	if len(blocks) < 6 {
		t.Errorf("%d blocks", len(blocks))
	}
}

func unindented(text string) string {
	return regexp.MustCompile(`(?m)^\s+`).ReplaceAllString(text, "")
}
