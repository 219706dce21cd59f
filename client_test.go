package ginauth_test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/ginauth/ginauth"
)

func TestClient_CachedUnderItsHash(t *testing.T) {
	t.Parallel()
	app := newApp(t, ginauth.Options{Providers: somebody()})
	b := app.browser(t)
	module, err := os.ReadFile("client/ginauth.js")
	if err != nil {
		t.Fatal(err)
	}

	plain := b.get("/api/auth/client.js")
	etag := plain.Header.Get("ETag")
	if plain.StatusCode != http.StatusOK || plain.body != string(module) || etag == "" ||
		plain.Header.Get("Cache-Control") != "no-cache" ||
		!strings.HasPrefix(plain.Header.Get("Content-Type"), "text/javascript") || len(plain.Header["Set-Cookie"]) != 0 {
		t.Errorf("%d %v", plain.StatusCode, plain.Header)
	}
	hashed := b.get(app.auth.ClientURL())
	if hashed.body != string(module) || !strings.Contains(hashed.Header.Get("Cache-Control"), "immutable") {
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

func TestClient_IsSmall(t *testing.T) {
	t.Parallel()
	module, err := os.ReadFile("client/ginauth.js")
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
