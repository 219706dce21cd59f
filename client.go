package ginauth

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"net/http"
	"strings"
)

//go:embed client/ginauth.js
var clientModule []byte

// clientVersion changes with the module: it is its entity tag, and in its URL it
// lets browsers keep it for good.
var clientVersion = func() string {
	sum := sha256.Sum256(clientModule)
	return hex.EncodeToString(sum[:8])
}()

// ClientURL is the path of the client module, for a page's import map or script:
//
//	<script type="module">
//	  import { onSession, signIn, signOut } from "{{.ClientURL}}"
//	</script>
//
// Browsers keep what it leads to for good, since it changes with the module.
// Without its query the module is asked for again each time.
func (a *Auth) ClientURL() string { return a.publicURL + "/client.js?v=" + clientVersion }

// getClient serves the client module, which is the same for everybody.
func (v *visit) getClient() {
	h := v.c.Writer.Header()
	etag := `"` + clientVersion + `"`
	h["Etag"] = []string{etag}
	h["X-Content-Type-Options"] = []string{"nosniff"}
	h["Cache-Control"] = []string{"no-cache"}
	if v.c.Query("v") == clientVersion {
		h["Cache-Control"] = []string{"public, max-age=31536000, immutable"}
	}
	if strings.Contains(v.c.GetHeader("If-None-Match"), etag) {
		v.c.Status(http.StatusNotModified)
		v.c.Writer.WriteHeaderNow()
		return
	}
	v.c.Data(http.StatusOK, "text/javascript; charset=utf-8", clientModule)
}
