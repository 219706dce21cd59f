package fetch_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/internal/fetch"
)

func TestFrom(t *testing.T) {
	t.Parallel()
	own := &http.Client{}
	ctx := context.WithValue(t.Context(), oauth2.HTTPClient, own)
	bounded := fetch.From(ctx)
	if bounded == own || bounded.Timeout == 0 || bounded.CheckRedirect == nil {
		t.Fatalf("got %+v", bounded)
	}
	if own.Timeout != 0 || own.Transport != nil {
		t.Fatal("the caller's client was changed")
	}
	if again := fetch.From(fetch.Context(context.WithValue(ctx, oauth2.HTTPClient, bounded))); again != bounded {
		t.Fatal("a bounded client was bounded twice")
	}
	if bare := fetch.From(t.Context()); bare == http.DefaultClient || bare.Timeout == 0 {
		t.Fatal("no timeout without a client")
	}
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	var leaked atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { leaked.Add(1) }))
	t.Cleanup(other.Close)
	mux := http.NewServeMux()
	for path, target := range map[string]string{"/away": other.URL + "/end", "/near": "/end", "/loop": "/loop"} {
		mux.Handle(path, http.RedirectHandler(target, http.StatusTemporaryRedirect))
	}
	mux.HandleFunc("/end", func(http.ResponseWriter, *http.Request) {})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	for path, refused := range map[string]string{"/away": "another origin", "/near": "", "/loop": "in circles"} {
		res, err := fetch.Client(nil).PostForm(server.URL+path, url.Values{"client_secret": {"s"}})
		if err == nil {
			_ = res.Body.Close()
		}
		if refused == "" && err != nil || refused != "" && (err == nil || !strings.Contains(err.Error(), refused)) {
			t.Errorf("%s: got %v, want %q", path, err, refused)
		}
	}
	if leaked.Load() != 0 {
		t.Error("the secret went to another origin")
	}
}

func TestBody(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, fetch.MaxBody - 1, fetch.MaxBody, fetch.MaxBody + 1, 4 * fetch.MaxBody} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.(http.Flusher).Flush() // no Content-Length: the body itself must be counted
			_, _ = io.WriteString(w, strings.Repeat(" ", size))
		}))
		t.Cleanup(server.Close)
		res, err := fetch.Client(nil).Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if (err == nil) != (size <= fetch.MaxBody) || len(body) != min(size, fetch.MaxBody) {
			t.Errorf("body of %d: read %d, %v", size, len(body), err)
		}
	}
}

func TestBodyAnnounced(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "268435456")
		w.WriteHeader(http.StatusOK)
	}))
	t.Cleanup(server.Close)
	if res, err := fetch.Client(nil).Get(server.URL); !errors.Is(err, fetch.ErrTooLarge) || !strings.Contains(err.Error(), "larger than 1 MiB") {
		t.Fatalf("an answer of 256 MiB: %v, %v", res, err)
	}
	for announced, refused := range map[int64]bool{-1: false, 0: false, fetch.MaxBody: false, fetch.MaxBody + 1: true} {
		closed := false
		answering := answered{ContentLength: announced, Body: &noted{closed: &closed}}
		res, err := fetch.Client(answering).Get("https://id.example")
		if errors.Is(err, fetch.ErrTooLarge) != refused || (res == nil) != refused || closed != refused {
			t.Errorf("%d bytes are announced: %v, closed is %v", announced, err, closed)
		}
	}
}

// answered is one answer to any request.
type answered http.Response

func (a answered) RoundTrip(req *http.Request) (*http.Response, error) {
	res := http.Response(a)
	res.StatusCode, res.Request = http.StatusOK, req
	return &res, nil
}

// noted is an empty body that notes its end.
type noted struct{ closed *bool }

func (*noted) Read([]byte) (int, error) { return 0, io.EOF }
func (n *noted) Close() error           { *n.closed = true; return nil }

// What the developer's client has of its own stays: a shorter or longer time, cookies, and
// a stricter policy.
func TestFrom_Keeps(t *testing.T) {
	t.Parallel()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	errPolicy := errors.New("no redirects here")
	own := &http.Client{Timeout: time.Minute, Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return errPolicy }}
	bounded := fetch.From(context.WithValue(t.Context(), oauth2.HTTPClient, own))
	if bounded.Timeout != time.Minute || bounded.Jar != jar || bounded.CheckRedirect(nil, nil) != errPolicy {
		t.Errorf("got %+v", bounded)
	}
	own = &http.Client{Timeout: 1}
	if bounded := fetch.From(context.WithValue(t.Context(), oauth2.HTTPClient, own)); bounded.Timeout != 1 {
		t.Errorf("the shortest time became %v", bounded.Timeout)
	}
	for _, client := range []*http.Client{fetch.Client(nil), fetch.From(t.Context()), fetch.From(context.WithValue(t.Context(), oauth2.HTTPClient, &http.Client{}))} {
		if client.Timeout != 10*time.Second || client.Jar != nil {
			t.Errorf("without one of its own: %+v", client)
		}
	}
	for name, bad := range map[string]any{"another type": "client", "nil": (*http.Client)(nil)} {
		if client := fetch.From(context.WithValue(t.Context(), oauth2.HTTPClient, bad)); client == nil || client.Timeout != 10*time.Second {
			t.Errorf("%s: %+v", name, client)
		}
	}
}

// An origin is scheme, host and port (RFC 6454 §4), and a request is sent on four times.
func TestSameOrigin(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		to      string
		before  int // requests
		refused string
	}{
		{"https://id.example:8443/token?x", 1, ""},
		{"https://id.example:8443/token", 4, ""},
		{"https://id.example:8443/token", 5, "in circles"},
		{"http://id.example:8443/token", 1, "another origin"},
		{"https://id.example/token", 1, "another origin"},
		{"https://evil.example:8443/token", 1, "another origin"},
	} {
		var via []*http.Request
		for range row.before {
			via = append(via, httptest.NewRequest(http.MethodPost, "https://id.example:8443/old", nil))
		}
		err := fetch.SameOrigin(httptest.NewRequest(http.MethodPost, row.to, nil), via)
		if (err == nil) != (row.refused == "") || err != nil && !strings.Contains(err.Error(), row.refused) {
			t.Errorf("%s after %d: %v, want %q", row.to, row.before, err, row.refused)
		}
	}
}

type failing struct{ error }

func (f failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.error }

// A service that does not answer is one error, and not an answer.
func TestClient_NoAnswer(t *testing.T) {
	t.Parallel()
	down := errors.New("down")
	if res, err := fetch.Client(failing{down}).Get("https://id.example"); !errors.Is(err, down) {
		t.Errorf("%v, %v", res, err)
	}
}
