package tests

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/servertest"
	"github.com/ginauth/ginauth/redisstore"
)

// guessCounting is credentials whose Authorize calls CountGuess for the account.
func guessCounting() ginauth.Credentials {
	return ginauth.Credentials{
		ID: "counting", Fields: []ginauth.Field{{Name: "username"}, {Name: "password", Type: "password"}},
		Authorize: func(c *gin.Context, typed map[string]string) (*ginauth.User, error) {
			if typed["username"] != "ada" {
				return nil, nil
			}
			if err := ginauth.CountGuess(c, "42"); err != nil {
				return nil, fmt.Errorf("authorize: %w", err)
			}
			if typed["password"] != adasPassword {
				return nil, nil
			}
			return &ginauth.User{ID: "42"}, nil
		},
	}
}

func (b *browser) counting(client, password string) answer {
	b.t.Helper()
	return b.postFrom(client, "/api/auth/callback/counting", url.Values{"csrfToken": {b.csrf()}, "username": {"ada"}, "password": {password}})
}

// A device cookie is good for ten wrong guesses, also where Authorize calls CountGuess,
// as the docs advise.
func TestAttack28_DeviceCookieGuessesCounted(t *testing.T) {
	t.Parallel()
	a, _ := limited(t, ginauth.Options{
		Providers: []ginauth.Provider{guessCounting()},
		Limits:    ginauth.Limits{Guesses: ginauth.Rate{Count: 50, Per: time.Hour}},
	})
	owner := a.browser(t)
	if res := owner.counting("198.51.100.9", adasPassword); !res.signedIn() {
		t.Fatalf("answered %d", res.StatusCode)
	}
	owner.signOut()
	stranger := a.browser(t)
	for i := range 300 { // all clients' guesses are used up
		stranger.counting(fmt.Sprintf("203.0.113.%d", i%250), wrong)
	}
	for range 9 {
		owner.counting("198.51.100.9", wrong)
	}
	if res := owner.counting("198.51.100.9", adasPassword); !res.signedIn() {
		t.Errorf("after nine wrong guesses in the own browser: %d %s", res.StatusCode, res.Header.Get("Location"))
	}
}

// RevokeUser ends a device cookie, also where a store ends the sessions.
func TestLimits_DeviceRevokedWithStore(t *testing.T) {
	t.Parallel()
	a, _ := limited(t, ginauth.Options{Session: ginauth.SessionOptions{
		Store: redisstore.New(redisClient(t, servertest.Redis(t)), redisstore.Options{}),
	}})
	b := a.browser(t)
	b.signInFrom("198.51.100.9", "ada")
	for i := range 300 {
		a.try(t, fmt.Sprintf("203.0.113.%d", i%250), "ada", wrong)
	}
	if err := a.auth.RevokeUser(context.Background(), "u-ada"); err != nil {
		t.Fatal(err)
	}
	if res := b.tryFrom("198.51.100.9", "ada", adasPassword); res.StatusCode != http.StatusTooManyRequests {
		t.Errorf("RevokeUser was called, and the device cookie still passes the limit of all clients: %d", res.StatusCode)
	}
}

// Somebody signs in as themselves and types another person's name beside their own. The
// device cookie is none for that person.
func TestAttack28_DeviceCookieOfAnother(t *testing.T) {
	t.Parallel()
	plain := ginauth.Credentials{
		ID: "plain", // no Fields: username and email, each for itself
		Authorize: func(_ *gin.Context, typed map[string]string) (*ginauth.User, error) {
			who := typed["username"]
			if who == "" {
				who = typed["email"]
			}
			if typed["password"] != who+"'s password" {
				return nil, nil
			}
			return &ginauth.User{ID: who}, nil
		},
	}
	a, _ := limited(t, ginauth.Options{Providers: []ginauth.Provider{plain}})
	post := func(b *browser, client, username, email, password string) answer {
		form := url.Values{"csrfToken": {b.csrf()}, "password": {password}}
		if username != "" {
			form.Set("username", username)
		}
		if email != "" {
			form.Set("email", email)
		}
		return b.postFrom(client, "/api/auth/callback/plain", form)
	}
	var copies []*browser // of mallory's, each with a device cookie of its own
	for i := range 10 {
		mallory := a.browser(t)
		if res := post(mallory, fmt.Sprintf("198.51.100.%d", i), "mallory", "ada@example.com", "mallory's password"); !res.signedIn() {
			t.Fatalf("mallory does not get in: %d", res.StatusCode)
		}
		copies = append(copies, mallory)
	}
	stranger := a.browser(t)
	for i := range 300 {
		post(stranger, fmt.Sprintf("203.0.113.%d", i%250), "", "ada@example.com", wrong)
	}
	guesses := 0
	for i, mallory := range copies {
		for range 9 {
			if post(mallory, fmt.Sprintf("198.51.100.%d", 100+i), "", "ada@example.com", wrong).StatusCode != http.StatusTooManyRequests {
				guesses++
			}
		}
	}
	if guesses > 0 {
		t.Errorf("the limit of all clients is used up, and mallory made %d more guesses at ada", guesses)
	}
}

// Authorize counts two accounts, of which one lets the person in. The device cookie is
// none for the other.
func TestAttack28_DeviceCookieOfTwoAccounts(t *testing.T) {
	t.Parallel()
	two := ginauth.Credentials{
		ID: "two", Fields: []ginauth.Field{{Name: "username"}, {Name: "password", Type: "password"}},
		Authorize: func(c *gin.Context, typed map[string]string) (*ginauth.User, error) {
			for _, account := range []string{"ada", typed["password"]} {
				if err := ginauth.CountGuess(c, account); err != nil {
					return nil, fmt.Errorf("authorize: %w", err)
				}
			}
			return &ginauth.User{ID: typed["password"]}, nil
		},
	}
	a, _ := limited(t, ginauth.Options{Providers: []ginauth.Provider{two}})
	for who, remembered := range map[string]bool{"mallory": false, "ada": true} {
		b := a.browser(t)
		b.postFrom("198.51.100.9", "/api/auth/callback/two", url.Values{"csrfToken": {b.csrf()}, "username": {"x"}, "password": {who}})
		if got := b.cookie(deviceCookie) != ""; got != remembered {
			t.Errorf("%s: a device cookie %v, want %v", who, got, remembered)
		}
	}
}
