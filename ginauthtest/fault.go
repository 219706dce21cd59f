package ginauthtest

import (
	"io"
	"net/http"
	"strings"
	"time"
)

// Silent takes a request and answers nothing, until the client goes away or
// the server closes.
func Silent() http.Handler {
	return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		wait(r)
		// Returning would answer 200 with an empty body, to a client that has
		// gone or to one that should not get even that.
		panic(http.ErrAbortHandler)
	})
}

// Drip answers 200 and the headers of a JSON body, then one space every so
// often, without an end: a body that a JSON decoder never gives up on. Each byte
// renews a deadline that only watches for silence. Below one millisecond,
// every counts as one.
func Drip(every time.Duration) http.Handler {
	every = max(every, time.Millisecond)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		drain(r)
		w.Header().Set("Content-Type", "application/json")
		flusher := http.NewResponseController(w)
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			if _, err := w.Write([]byte(" ")); err != nil {
				return
			}
			if err := flusher.Flush(); err != nil {
				return
			}
			select {
			case <-ticker.C:
			case <-r.Context().Done():
				panic(http.ErrAbortHandler) // else the body would end well
			}
		}
	})
}

const (
	hugeStart = `{"padding":"`
	hugeEnd   = `"}`
)

// Huge answers 200 and a valid JSON object of that many bytes, or of the
// fourteen it takes at least. It is streamed and its length is not announced:
// the client has to count.
func Huge(bytes int64) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		padding := max(0, bytes-int64(len(hugeStart)+len(hugeEnd)))
		body := io.MultiReader(
			strings.NewReader(hugeStart),
			io.LimitReader(repeat('a'), padding),
			strings.NewReader(hugeEnd),
		)
		_, _ = io.Copy(w, body) // an error means the client has had enough
	})
}

// RedirectTo answers with that 3xx status and Location.
func RedirectTo(url string, status int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", url)
		w.WriteHeader(status)
	})
}

// Loop redirects every request to itself, with 307 so that a POST stays one.
func Loop() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", r.URL.RequestURI())
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
}

// Answer answers with that status, Content-Type and body.
func Answer(status int, contentType, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body) // the client is gone: nobody is left to tell
	})
}

// wait returns when the client goes or the server closes.
func wait(r *http.Request) {
	drain(r)
	<-r.Context().Done()
}

// drain reads the request to its end: net/http notices that a client has gone
// only after the body was read.
func drain(r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
}

// repeat is an endless reader of one byte.
type repeat byte

func (b repeat) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(b)
	}
	return len(p), nil
}
