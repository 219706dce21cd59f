package pages

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// A Script is a script as one site serves it.
type Script struct {
	Body []byte
	// Version changes with the body: it is its entity tag, and in its URL it lets
	// browsers keep it for good.
	Version string
}

// ClientModule tells the source of the client module the path of the auth routes. It
// cannot find out by itself: import.meta.url is another one once it is bundled.
func ClientModule(source []byte, path string) Script {
	quoted, _ := json.Marshal(path) // a text of JSON is one of JavaScript
	body := bytes.Replace(source, []byte("let base = '/api/auth'"), append([]byte("let base = "), quoted...), 1)
	sum := sha256.Sum256(body)
	return Script{body, hex.EncodeToString(sum[:8])}
}
