package ginauthtest_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ginauth/ginauth/ginauthtest"
)

func TestBreak(t *testing.T) {
	t.Parallel()
	p := start(t, ginauthtest.Config{})
	for _, e := range []ginauthtest.Endpoint{
		ginauthtest.Discovery, ginauthtest.Authorize, ginauthtest.Token, ginauthtest.Userinfo,
		ginauthtest.JWKS, ginauthtest.Emails, ginauthtest.Logout,
	} {
		method := http.MethodGet
		if e == ginauthtest.Token {
			method = http.MethodPost
		}
		send := func() answer { return do(t, request(t, method, p.Issuer()+string(e)+"?q=1", nil)) }

		p.Break(e, ginauthtest.Answer(http.StatusTeapot, "text/x-odd", "no"))
		if got := send(); got.status != http.StatusTeapot || got.header.Get("Content-Type") != "text/x-odd" || string(got.body) != "no" {
			t.Errorf("%s: Answer: %d %s", e, got.status, got.body)
		}
		p.Break(e, ginauthtest.RedirectTo("https://example.com/x", http.StatusFound))
		if got := send(); got.status != http.StatusFound || got.header.Get("Location") != "https://example.com/x" {
			t.Errorf("%s: RedirectTo: %d %v", e, got.status, got.header)
		}
		p.Break(e, ginauthtest.Loop())
		if got := send(); got.status != http.StatusTemporaryRedirect || got.header.Get("Location") != string(e)+"?q=1" {
			t.Errorf("%s: Loop: %d %v", e, got.status, got.header)
		}
		p.Break(e, nil)
		if got := send(); got.status == http.StatusTeapot || got.status == http.StatusTemporaryRedirect {
			t.Errorf("%s is not mended: %d", e, got.status)
		}
	}
	p.Break(ginauthtest.JWKS, ginauthtest.Answer(500, "text/plain", ""))
	p.Reset()
	if got := get(t, p.Issuer()+"/jwks"); got.status != http.StatusOK {
		t.Errorf("after reset: %d", got.status)
	}
}

func TestBrokenTokenEndpointHasTheBody(t *testing.T) {
	t.Parallel()
	p := start(t, ginauthtest.Config{})
	p.Break(ginauthtest.Token, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.FormValue("code"))
	}))
	if got := token(t, p, codeForm("abc")); string(got.body) != "abc" {
		t.Errorf("got %q", got.body)
	}
}

func TestLoopIsFollowedToTheEnd(t *testing.T) {
	t.Parallel()
	p := start(t, ginauthtest.Config{})
	p.Break(ginauthtest.JWKS, ginauthtest.Loop())
	response, err := http.Get(p.Issuer() + "/jwks")
	if err == nil {
		response.Body.Close()
		t.Fatal("the loop ended")
	}
	if !strings.Contains(err.Error(), "10 redirects") {
		t.Errorf("%v", err)
	}
}

func TestHuge(t *testing.T) {
	t.Parallel()
	p := start(t, ginauthtest.Config{})
	for _, row := range []struct{ asked, got int64 }{{0, 14}, {14, 14}, {1 << 20, 1 << 20}, {3<<20 + 7, 3<<20 + 7}} {
		p.Break(ginauthtest.Userinfo, ginauthtest.Huge(row.asked))
		response, err := http.Get(p.Issuer() + "/userinfo")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || int64(len(body)) != row.got || !json.Valid(body) {
			t.Errorf("%d: %d bytes, valid %v, %v", row.asked, len(body), json.Valid(body), err)
		}
		if row.got > 1<<16 && response.ContentLength != -1 {
			t.Errorf("%d: the length is announced", row.asked)
		}
	}
}

func TestSilent(t *testing.T) {
	t.Parallel()
	p := start(t, ginauthtest.Config{})
	for _, e := range []ginauthtest.Endpoint{ginauthtest.Userinfo, ginauthtest.Token} {
		p.Break(e, ginauthtest.Silent())
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		response, err := http.DefaultClient.Do(request(t, http.MethodPost, p.Issuer()+string(e), codeForm("x")).WithContext(ctx))
		cancel()
		if err == nil {
			response.Body.Close()
			t.Fatalf("%s: answered %d", e, response.StatusCode)
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", e, err)
		}
	}
}

func TestSilentSignInPage(t *testing.T) {
	t.Parallel()
	p := start(t, ginauthtest.Config{})
	p.Break(ginauthtest.Authorize, ginauthtest.Silent())
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := p.Approve(ctx, authorizationURL(p, goodRequest()), "ada"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

func TestDrip(t *testing.T) {
	t.Parallel()
	p := start(t, ginauthtest.Config{})
	p.Break(ginauthtest.Userinfo, ginauthtest.Drip(0))
	response, err := http.Get(p.Issuer() + "/userinfo")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%d %v", response.StatusCode, response.Header)
	}
	body := make([]byte, 20)
	if _, err := io.ReadFull(response.Body, body); err != nil || strings.TrimSpace(string(body)) != "" {
		t.Errorf("%q, %v", body, err)
	}
}

// TestCloseWithClientsWaiting leaves clients in the middle of an answer: Close
// must return and they must not see the answer end well.
func TestCloseWithClientsWaiting(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]http.Handler{"silent": ginauthtest.Silent(), "drip": ginauthtest.Drip(time.Hour)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := ginauthtest.NewProvider(ginauthtest.Config{})
			if err != nil {
				t.Fatal(err)
			}
			arrived := make(chan struct{}, 1)
			p.Break(ginauthtest.Userinfo, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				arrived <- struct{}{}
				fault.ServeHTTP(w, r)
			}))
			failed := make(chan error, 1)
			go func() {
				response, err := http.Get(p.Issuer() + "/userinfo")
				if err == nil {
					_, err = io.ReadAll(response.Body)
					response.Body.Close()
				}
				failed <- err
			}()
			<-arrived
			begun := time.Now()
			if err := p.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
			if took := time.Since(begun); took > time.Second {
				t.Errorf("close took %v", took)
			}
			if err := <-failed; err == nil {
				t.Error("the client got a whole answer")
			}
			if err := p.Close(); err != nil {
				t.Errorf("second close: %v", err)
			}
		})
	}
}

// TestFaultsEndInNoAnswer: a fault whose request is called off drops the
// connection; it does not answer an empty 200 and does not end the body well.
func TestFaultsEndInNoAnswer(t *testing.T) {
	t.Parallel()
	p := start(t, ginauthtest.Config{})
	for name, fault := range map[string]http.Handler{"silent": ginauthtest.Silent(), "drip": ginauthtest.Drip(time.Hour)} {
		p.Break(ginauthtest.Userinfo, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx, cancel := context.WithCancel(r.Context())
			cancel()
			fault.ServeHTTP(w, r.WithContext(ctx))
		}))
		response, err := http.Get(p.Issuer() + "/userinfo")
		if err == nil {
			_, err = io.ReadAll(response.Body)
			response.Body.Close()
		}
		if err == nil {
			t.Errorf("%s: the client got a whole answer", name)
		}
	}
}

// TestCloseTellsHandlersThatDidNotRead: net/http does not notice a closed
// connection for a handler that leaves the body unread.
func TestCloseTellsHandlersThatDidNotRead(t *testing.T) {
	t.Parallel()
	p, err := ginauthtest.NewProvider(ginauthtest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	arrived := make(chan struct{})
	p.Break(ginauthtest.Userinfo, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
	}))
	reader, writer := io.Pipe()
	go func() {
		if response, err := http.Post(p.Issuer()+"/userinfo", "text/plain", reader); err == nil {
			response.Body.Close()
		}
	}()
	<-arrived
	if err := p.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	_ = writer.Close()
}

func TestCloseReportsAStuckHandler(t *testing.T) {
	t.Parallel()
	p, err := ginauthtest.NewProvider(ginauthtest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	arrived, release := make(chan struct{}), make(chan struct{})
	p.Break(ginauthtest.Userinfo, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(arrived)
		<-release
	}))
	go func() {
		if response, err := http.Get(p.Issuer() + "/userinfo"); err == nil {
			response.Body.Close()
		}
	}()
	<-arrived
	if err := p.Close(); err == nil || !strings.Contains(err.Error(), "still runs") {
		t.Errorf("close: %v", err)
	}
	close(release)
}
