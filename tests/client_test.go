package tests

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
)

func TestClient_CachedUnderItsHash(t *testing.T) {
	t.Parallel()
	app := newApp(t, ginauth.Options{Providers: somebody()})
	b := app.browser(t)
	module, err := os.ReadFile("../client/ginauth.js")
	if err != nil {
		t.Fatal(err)
	}

	served := strings.Replace(string(module), `'/api/auth' // ginauth serves`, `"/api/auth" // ginauth serves`, 1)

	plain := b.get("/api/auth/client.js")
	etag := plain.Header.Get("ETag")
	if plain.StatusCode != http.StatusOK || plain.body != served || etag == "" ||
		plain.Header.Get("Cache-Control") != "no-cache" ||
		!strings.HasPrefix(plain.Header.Get("Content-Type"), "text/javascript") || len(plain.Header["Set-Cookie"]) != 0 {
		t.Errorf("%d %v", plain.StatusCode, plain.Header)
	}
	hashed := b.get(app.auth.ClientURL())
	if hashed.body != served || !strings.Contains(hashed.Header.Get("Cache-Control"), "immutable") {
		t.Errorf("%s: %v", app.auth.ClientURL(), hashed.Header)
	}
	if other := b.get("/api/auth/client.js?v=other"); strings.Contains(other.Header.Get("Cache-Control"), "immutable") {
		t.Error("a wrong hash is kept for good")
	}
	req := b.request(http.MethodGet, "/api/auth/client.js", nil)
	req.Header.Set("If-None-Match", etag)
	if again := b.do(req); again.StatusCode != http.StatusNotModified || again.body != "" {
		t.Errorf("If-None-Match: %d", again.StatusCode)
	}
}

// Bundlers name files client.js too, so the module does not look at its own URL.
func TestClient_KnowsItsRoutes(t *testing.T) {
	t.Parallel()
	for _, site := range []ginauth.Options{
		{BasePath: "/custom/auth"},
		{BaseURL: "https://app.example.com/custom/auth", BasePath: "/auth"},
	} {
		site.Secret, site.Providers = testSecret, somebody()
		engine := gin.New()
		auth, err := ginauth.Register(engine, site)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(auth.ClientURL(), "/custom/auth/client.js?v=") {
			t.Error(auth.ClientURL())
		}
		path := site.BasePath + "/client.js"
		w := httptest.NewRecorder()
		engine.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost"+path, nil))
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `let base = "/custom/auth" //`) {
			t.Errorf("%s: %d, the module does not name its routes", path, w.Code)
		}
		if !strings.HasSuffix(auth.ClientURL(), "="+strings.Trim(w.Header().Get("ETag"), `"`)) {
			t.Errorf("%s is not the module with the tag %s", auth.ClientURL(), w.Header().Get("ETag"))
		}
	}
}

func TestClient_IsSmall(t *testing.T) {
	t.Parallel()
	module, err := os.ReadFile("../client/ginauth.js")
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	w, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	_, _ = w.Write(module)
	_ = w.Close()
	if packed.Len() >= 4<<10 {
		t.Errorf("ginauth.js has %d bytes packed, 4096 are the limit", packed.Len())
	}
	if strings.Contains(string(module), "http://") || strings.Contains(string(module), "https://") {
		t.Error("ginauth.js names another site")
	}
}
