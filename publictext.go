package ginauth

import (
	"strings"
	"sync"
)

// publicTexts remembers the texts of PublicErrors, which travel to the error
// page in its URL. The page shows those and no others: else any link could put
// its own words on this site. A text from another process of the same
// application is shown as the plain error it also is.
type publicTexts struct {
	mu    sync.Mutex
	texts map[string]bool
}

const maxPublicTexts = 256

// maxPublicText is the longest text, in bytes, that travels in a URL.
const maxPublicText = 512

// clip shortens a text to what travels.
func clip(text string) string {
	if len(text) > maxPublicText {
		text = strings.ToValidUTF8(text[:maxPublicText], "") + "…"
	}
	return text
}

func newPublicTexts() *publicTexts { return &publicTexts{texts: map[string]bool{}} }

func (p *publicTexts) add(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.texts) >= maxPublicTexts {
		clear(p.texts)
	}
	p.texts[text] = true
}

// known is text if this process published it, else empty.
func (p *publicTexts) known(text string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.texts[text] {
		return text
	}
	return ""
}
