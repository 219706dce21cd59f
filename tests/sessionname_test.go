package tests

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
)

// sidOf is the claim by which a browser's sealed session is known.
func sidOf(t testing.TB, b *browser) string {
	t.Helper()
	sid, _ := opened(t, forSession, handleOf(b))["ginauth_sid"].(string)
	return sid
}

// Each sign-in has a name of its own, also in one second, and no sealing and no
// callback takes it away.
func TestSessionName_StaysThroughSealings(t *testing.T) {
	t.Parallel()
	for name, meddle := range map[string]func(*ginauth.Token){
		"nothing":         func(*ginauth.Token) {},
		"a claim":         func(t *ginauth.Token) { t.Claims["ginauth_sid"] = "another" },
		"no claims":       func(t *ginauth.Token) { t.Claims = nil },
		"a new token":     func(t *ginauth.Token) { *t = ginauth.Token{Subject: t.Subject, Email: t.Email, AuthTime: t.AuthTime} },
		"another subject": func(t *ginauth.Token) { t.Subject, t.Claims["n"] = "someone", len(t.Claims) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := membersApp(t, ginauth.Options{
				Session: ginauth.SessionOptions{UpdateAge: -1},
				Callbacks: ginauth.Callbacks{JWT: func(_ *gin.Context, p ginauth.JWTParams) error {
					meddle(p.Token)
					return nil
				}},
			})
			a.engine.GET("/change", a.auth.RequireSession(), func(c *gin.Context) { _, _ = a.auth.Update(c, nil) })
			b := a.browser(t)
			b.signInAs("ada")
			began := sidOf(t, b)
			if began == "" {
				t.Fatal("the session has no name")
			}
			for _, path := range []string{"/me", "/api/auth/session", "/change"} {
				before := handleOf(b)
				b.get(path)
				if handleOf(b) == before {
					t.Errorf("%s sealed nothing", path)
				}
				if got := sidOf(t, b); got != began {
					t.Errorf("%s made of the name %q %q", path, began, got)
				}
			}
			again := a.browser(t)
			again.signInAs("ada")
			if sidOf(t, again) == began {
				t.Error("two sign-ins have one name")
			}
		})
	}
}

// A token that something else made is named at its first sealing here, by what all
// its sealings have in common: two processes give it one name.
func TestSessionName_OfOthersTokens(t *testing.T) {
	t.Parallel()
	for name, payload := range map[string]string{
		"of an older version":  `{"sub":"u-ada","email":"ada@example.com","auth_time":1800000000,"jti":"j1"}`,
		"of next-auth":         `{"sub":"u-ada","email":"ada@example.com","jti":"j2"}`,
		"with a number as sid": `{"sub":"u-ada","email":"ada@example.com","jti":"j3","ginauth_sid":7}`,
	} {
		sealed := seal(t, testSecret, []byte(payload))
		var names []string
		for range 2 { // processes
			b := membersApp(t, ginauth.Options{Session: ginauth.SessionOptions{UpdateAge: -1}}).browser(t)
			b.plant(sessionCookie, sealed)
			b.is("ada")
			b.get("/me")
			names = append(names, sidOf(t, b))
		}
		if names[0] == "" || names[0] != names[1] {
			t.Errorf("%s: it is called %q", name, names)
		}
	}
}

// Two sessions that one person began within a second are two: ending one by
// Revocations leaves the other.
func TestSessionName_OneSecondTwoSessions(t *testing.T) {
	t.Parallel()
	c := newClock()
	a := membersApp(t, ginauth.Options{Now: c.now, Session: ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()}})
	first, second := a.browser(t), a.browser(t)
	first.signInAs("ada")
	second.signInAs("ada")
	copied := sessionCookie + "=" + handleOf(first)
	first.post("/api/auth/signout", map[string][]string{"csrfToken": {first.csrf()}})
	if res := a.send(t, http.MethodGet, "/me", "", "Cookie", copied); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("a copy of the ended session: %d %s", res.StatusCode, strings.TrimSpace(res.body))
	}
	second.is("ada")
}
