package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/procgroup"
)

// sealAgain lets next-auth open a session and seal it again, once for each set of claims.
func sealAgain(t *testing.T, token string, changes ...map[string]any) (sealed []string) {
	t.Helper()
	if _, err := os.Stat("node/node_modules/next-auth"); err != nil && os.Getenv("CI") != "true" {
		t.Skip(errNotInstalled)
	}
	input, err := json.Marshal(map[string]any{"secret": secret, "token": token, "changes": changes})
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command("node", "node/reseal.mjs")
	var output bytes.Buffer
	command.Stdin, command.Stdout, command.Stderr = bytes.NewReader(input), &output, os.Stderr
	if err = procgroup.Run(command); err == nil {
		err = json.Unmarshal(output.Bytes(), &sealed)
	}
	if err != nil || len(sealed) != len(changes) {
		t.Fatalf("%d of %d: %v", len(sealed), len(changes), err)
	}
	return sealed
}

// TestNextAuth_WritesNoFactors: a session that next-auth has sealed again keeps the factors
// that it had, and has none where its claims were written or taken away, with the secret
// that both share.
func TestNextAuth_WritesNoFactors(t *testing.T) {
	t.Parallel()
	gin.SetMode(gin.TestMode)
	engine := gin.New()
	auth, err := ginauth.New(ginauth.Options{Secret: secret, BaseURL: "http://localhost"})
	if err != nil {
		t.Fatal(err)
	}
	engine.GET("/enter/:id", func(c *gin.Context) {
		if _, err := auth.SignIn(c, ginauth.User{ID: c.Param("id"), Email: "ada@example.com"}, ginauth.FactorPassword); err != nil {
			t.Error(err)
		}
	})
	engine.GET("/guarded", auth.RequireFactor(0, ginauth.FactorPassword), func(c *gin.Context) { c.Status(http.StatusNoContent) })
	engine.GET("/factors", auth.RequireSession(), func(c *gin.Context) { c.JSON(http.StatusOK, ginauth.GetSession(c).Factors) })
	send := func(path, session string) *httptest.ResponseRecorder {
		req := httptest.NewRequest(http.MethodGet, path, nil)
		req.Host = "localhost"
		if session != "" {
			req.AddCookie(&http.Cookie{Name: sessionCookie, Value: session})
		}
		w := httptest.NewRecorder()
		engine.ServeHTTP(w, req)
		return w
	}
	signIn := func(id string) string {
		for _, c := range send("/enter/"+id, "").Result().Cookies() {
			if c.Name == sessionCookie && c.Value != "" {
				value, err := url.PathUnescape(c.Value)
				if err != nil {
					t.Fatal(err)
				}
				return value
			}
		}
		t.Fatal("nobody was signed in")
		return ""
	}
	ada := signIn("ada")
	for i, sealed := range sealAgain(t, ada,
		map[string]any{},
		map[string]any{"role": "admin", "amr": []string{"mfa"}, "acr": "mfa"},
		map[string]any{"ginauth_factors": nil},
		map[string]any{"ginauth_factors": "password@1795479638@@"},
		map[string]any{"ginauth_factors": "password@1795479638@@:" + strings.Repeat("0", 64)},
		map[string]any{"ginauth_sid": "another"},
		map[string]any{"sub": "eve"},
	) {
		want := http.StatusUnauthorized
		if i < 2 {
			want = http.StatusNoContent
		}
		if w := send("/guarded", sealed); w.Code != want {
			t.Errorf("no. %d: %d %s, want %d", i, w.Code, w.Body, want)
		}
		if got := send("/factors", sealed); got.Code != http.StatusOK || strings.Contains(got.Body.String(), "password") != (i < 2) {
			t.Errorf("no. %d: %d %s", i, got.Code, got.Body)
		}
	}
}
