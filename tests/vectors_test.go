package tests

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
)

// Every token that next-auth made is a session here where its own decoder says
// so, times included; and no other.
func TestVectors_Verdicts(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../internal/token/testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		V4 []struct {
			ID, Secret, Salt, Token, Expect string
			DecodedPayload                  map[string]any
		}
	}
	if err := json.Unmarshal(raw, &vectors); err != nil {
		t.Fatal(err)
	}
	tried := 0
	for _, v := range vectors.V4 {
		// Check cookies are no sessions, and other algorithms are refused by choice.
		if v.Salt != "" || v.Secret == "" || strings.Contains(v.ID, "agility") && !strings.Contains(v.ID, "typ") {
			continue
		}
		tried++
		auth, err := ginauth.New(ginauth.Options{Secret: v.Secret, DangerousShortSecret: true, BaseURL: "http://a.example"})
		if err != nil {
			t.Fatal(err)
		}
		r := gin.New()
		r.GET("/", auth.RequireSession(), func(c *gin.Context) { c.String(http.StatusOK, ginauth.GetSession(c).User.ID) })
		req := httptest.NewRequest(http.MethodGet, "/", nil)
		req.Header.Set("Authorization", "Bearer "+v.Token)
		w := httptest.NewRecorder()
		r.ServeHTTP(w, req)
		want := http.StatusUnauthorized
		if v.Expect == "ok" {
			want = http.StatusOK
		}
		subject, _ := v.DecodedPayload["sub"].(string)
		if w.Code != want || want == http.StatusOK && w.Body.String() != subject {
			t.Errorf("%s: %d %q, want %d %q", v.ID, w.Code, w.Body, want, subject)
		}
	}
	if tried < 18 {
		t.Errorf("only %d vectors", tried)
	}
}

// vectorToken is a session token of next-auth's under testSecret, good for years.
func vectorToken(t testing.TB) string {
	t.Helper()
	raw, err := os.ReadFile("../internal/token/testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		V4 []struct{ ID, Secret, Token string }
	}
	if err := json.Unmarshal(raw, &vectors); err != nil {
		t.Fatal(err)
	}
	for _, v := range vectors.V4 {
		if v.ID == "v4-session-s1-basic" && v.Secret == testSecret {
			return v.Token
		}
	}
	t.Fatal("the vector is gone")
	return ""
}
