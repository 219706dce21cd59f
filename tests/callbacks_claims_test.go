package tests

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
)

// A session of another program may have a claim of the name of a field that says something
// else. A callback that sets the field is not told that it set the claim.
func TestCallbacks_ClaimOfBefore(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		claims map[string]any // of the session that comes
		jwt    func(p ginauth.JWTParams)
		warns  string
	}{
		{map[string]any{"picture": 7}, func(p ginauth.JWTParams) { p.Token.Picture = "https://example.com/a.png" }, ""},
		{map[string]any{"level": 7}, func(p ginauth.JWTParams) { p.Token.Picture, p.Token.Claims["picture"] = "https://example.com/a.png", 7 }, `the claim \"picture\"`},
		{nil, func(p ginauth.JWTParams) { p.Token.Claims["iat"] = 7 }, `the claim \"iat\"`},
	} {
		a := newApp(t, ginauth.Options{Providers: unused(), Callbacks: ginauth.Callbacks{JWT: func(_ *gin.Context, p ginauth.JWTParams) error {
			if p.Trigger == ginauth.TriggerUpdate {
				row.jwt(p)
			}
			return nil
		}}})
		b := a.browser(t)
		b.plant(sessionCookie, sessionFor(t, "ada@example.com", row.claims))
		res := b.post("/api/auth/session", url.Values{"csrfToken": {b.csrf()}})
		if res.StatusCode != http.StatusOK || !strings.Contains(res.body, "ada@example.com") {
			t.Errorf("%v: answered %d %s", row.claims, res.StatusCode, res.body)
		}
		log := a.log.String()
		if strings.Contains(log, "what a callback set has no effect") != (row.warns != "") || !strings.Contains(log, row.warns) {
			t.Errorf("%v: the log: %s", row.claims, log)
		}
	}
}

// What a callback sets in vain is told where a session begins or changes. At each request
// of a site that is in use it is not: that would fill the log.
func TestCallbacks_ToldOnce(t *testing.T) {
	t.Parallel()
	a := membersApp(t, ginauth.Options{Callbacks: ginauth.Callbacks{
		JWT:     func(_ *gin.Context, p ginauth.JWTParams) error { p.Token.Claims["iat"] = 7; return nil },
		Session: func(_ *gin.Context, p ginauth.SessionParams) error { p.Session.Values["expires"] = 7; return nil },
	}})
	b := a.browser(t)
	for _, row := range []struct {
		doing string
		do    func() answer
		lines int
	}{
		{"signing in", func() answer { return b.signInAs("ada") }, 1},
		{"a guarded request", func() answer { return b.get("/me") }, 0},
		{"GET session", func() answer { return b.get("/api/auth/session") }, 0},
		{"POST session", func() answer { return b.post("/api/auth/session", url.Values{"csrfToken": {b.csrf()}}) }, 2},
	} {
		a.log.forget()
		if res := row.do(); res.StatusCode >= http.StatusBadRequest {
			t.Errorf("%s answers %d %s", row.doing, res.StatusCode, res.body)
		}
		if n := strings.Count(a.log.String(), "what a callback set has no effect"); n != row.lines {
			t.Errorf("%s: %d lines, want %d: %s", row.doing, n, row.lines, a.log)
		}
	}
}

// What a callback may return says in words what it is, for an application that logs it.
func TestCallbacks_ErrorTexts(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		err  error
		says string
	}{
		{ginauth.RedirectTo("/terms?x=1"), "ginauth: redirect to /terms?x=1"},
		{ginauth.ErrAccessDenied, "denied"},
		{ginauth.PublicError("Come back tomorrow"), "Come back tomorrow"},
	} {
		if got := fmt.Sprint(row.err); !strings.Contains(got, row.says) {
			t.Errorf("%T says %q", row.err, got)
		}
		if _, err := json.Marshal(row.err); err != nil {
			t.Errorf("%T: %v", row.err, err)
		}
	}
}
