package ginauth

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
)

//go:embed client/ginauth.js
var clientSource []byte

// A clientModule is the client module as one site serves it.
type clientModule struct {
	body []byte
	// version changes with the body: it is its entity tag, and in its URL it lets
	// browsers keep it for good.
	version string
}

// newClientModule tells the module the path of the auth routes. It cannot find
// out by itself: import.meta.url is another one once it is bundled.
func newClientModule(path string) clientModule {
	quoted, _ := json.Marshal(path) // a text of JSON is one of JavaScript
	body := bytes.Replace(clientSource, []byte("let base = '/api/auth'"), append([]byte("let base = "), quoted...), 1)
	sum := sha256.Sum256(body)
	return clientModule{body, hex.EncodeToString(sum[:8])}
}

// ClientURL is the path of the client module, for a page's import map or script:
//
//	<script type="module">
//	  import { onSession, signIn, signOut } from "{{.ClientURL}}"
//	</script>
//
// Browsers keep what it leads to for good, since it changes with the module.
// Without its query the module is asked for again each time.
func (a *Auth) ClientURL() string { return a.publicURL + "/client.js?v=" + a.client.version }

// getClient serves the client module, which is the same for everybody.
func (v *visit) getClient() {
	h := v.c.Writer.Header()
	etag := `"` + v.client.version + `"`
	h["Etag"] = []string{etag}
	h["X-Content-Type-Options"] = []string{"nosniff"}
	h["Cache-Control"] = []string{"no-cache"}
	if v.c.Query("v") == v.client.version {
		h["Cache-Control"] = []string{"public, max-age=31536000, immutable"}
	}
	if strings.Contains(v.c.GetHeader("If-None-Match"), etag) {
		v.c.Status(http.StatusNotModified)
		v.c.Writer.WriteHeaderNow()
		return
	}
	v.c.Data(http.StatusOK, "text/javascript; charset=utf-8", v.client.body)
}
