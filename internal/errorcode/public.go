package errorcode

import "sync"

const (
	// maxPublic bounds the texts that are remembered.
	maxPublic = 256
	// maxText is the longest text of an application, in characters, that travels in a
	// URL, where one takes up to twelve bytes. The error page shows no longer one.
	maxText = 300
)

// Clip shortens a text to what a page shows.
func Clip(text string) string {
	if runes := []rune(text); len(runes) > maxText {
		text = string(runes[:maxText-1]) + "…"
	}
	return text
}

// Public remembers the texts of an application's public errors, which travel to the
// error page in its URL in place of a code. The page shows only those: else any link
// could put its own words on this site. A text from another process of the same
// application is shown as the plain error it also is. The zero value is ready to use,
// also concurrently.
type Public struct {
	mu    sync.Mutex
	texts map[string]bool
}

// Publish remembers a text, and returns it as it travels.
func (p *Public) Publish(text string) string {
	text = Clip(text)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.texts == nil || len(p.texts) >= maxPublic {
		p.texts = map[string]bool{}
	}
	p.texts[text] = true
	return text
}

// Known is text if this process published it, else "".
func (p *Public) Known(text string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.texts[text] {
		return text
	}
	return ""
}
