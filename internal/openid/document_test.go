package openid_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/ginauth/ginauth/internal/openid"
)

// returned counts the bodies of answers that are still open.
type returned struct{ open atomic.Int32 }

type countedBody struct {
	io.ReadCloser
	closed func()
}

func (b countedBody) Close() error { b.closed(); return b.ReadCloser.Close() }

func (r *returned) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := http.DefaultTransport.RoundTrip(req)
	if err == nil {
		r.open.Add(1)
		var once atomic.Bool
		res.Body = countedBody{res.Body, func() {
			if once.CompareAndSwap(false, true) {
				r.open.Add(-1)
			}
		}}
	}
	return res, err
}

// Each answer of an issuer is closed, whatever is in it: what is not, keeps a connection.
func TestAnswersAreClosed(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]string{"found": "/document", "refused": "/refused", "no JSON": "/text"} {
		i := newIssuer(t)
		i.handle("/refused", func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, strings.Repeat("x", 9000), http.StatusTeapot)
		})
		i.handle("/text", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat("x", 9000)) })
		i.handle("/document", func(w http.ResponseWriter, req *http.Request) {
			http.Redirect(w, req, "/.well-known/openid-configuration", http.StatusFound)
		})
		r := &returned{}
		ctx := oidc.ClientContext(t.Context(), &http.Client{Transport: r})
		c := &openid.Client{Issuer: i.URL, ClientID: clientID, DiscoveryURL: i.URL + path}
		_, err := c.Discover(ctx)
		if (err == nil) != (name == "found") {
			t.Errorf("%s: %v", name, err)
		}
		if name == "found" {
			if _, err := c.UserInfo(ctx, "token", "nobody"); err == nil {
				t.Error("another's userinfo is taken")
			}
		}
		if n := r.open.Load(); n != 0 {
			t.Errorf("%s: %d answers are open", name, n)
		}
	}
}

// A discovery document's address that is none, and one that does not answer, are errors.
func TestDocument_Unreachable(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"http://a b/", "http://127.0.0.1:1/document"} {
		c := &openid.Client{Issuer: "https://id.example", ClientID: clientID, DiscoveryURL: address}
		if m, err := c.Discover(context.Background()); err == nil || m != nil {
			t.Errorf("%s: %v", address, m)
		}
	}
}
