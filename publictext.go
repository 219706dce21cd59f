package ginauth

import "sync"

// publicTexts remembers the texts of PublicErrors, which travel to the error
// page in its URL. The page shows those and no others: else any link could put
// its own words on this site. A text from another process of the same
// application is shown as the plain error it also is.
type publicTexts struct {
	mu    sync.Mutex
	texts map[string]bool
}

const maxPublicTexts = 256

// maxPublicText is the longest text, in characters, that travels in a URL, where
// one takes up to twelve bytes. It is also what the error page shows.
const maxPublicText = 300

// clip shortens a text to what travels.
func clip(text string) string {
	if runes := []rune(text); len(runes) > maxPublicText {
		text = string(runes[:maxPublicText-1]) + "…"
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
