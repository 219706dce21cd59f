package oauth_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/markbates/goth/providers/github"

	"github.com/ginauth/ginauth/internal/oauth"
)

// unreachable counts the requests that reach no provider.
type unreachable struct{ requests atomic.Int32 }

func (u *unreachable) RoundTrip(*http.Request) (*http.Response, error) {
	u.requests.Add(1)
	return nil, errors.New("unreachable")
}

// What cannot be the provider's answer costs the provider no request. Each check
// holds by itself, whatever the caller has checked before.
func TestCompleteRefuses(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	const callback = "https://app.example/cb"
	honest := func(url.Values) {}
	code := func(code ...string) func(url.Values) { return func(q url.Values) { q["code"] = code } }
	for _, tt := range []struct {
		name   string
		change func(q url.Values)
		after  time.Duration
		want   error // nil: the provider is asked
	}{
		{"honest", honest, 0, nil},
		{"at the last moment", honest, oauth.Lifetime - time.Second, nil},
		{"expired", honest, oauth.Lifetime, oauth.ErrTransaction},
		{"another state", func(q url.Values) { q.Set("state", "x") }, 0, oauth.ErrTransaction},
		{"two states", func(q url.Values) { q.Add("state", q.Get("state")) }, 0, oauth.ErrTransaction},
		{"no code", code(), 0, oauth.ErrCode},
		{"empty code", code(""), 0, oauth.ErrCode},
		{"two codes", code("a", "a"), 0, oauth.ErrCode},
		{"every sign that may stand in a code", code("!#$%&'()*+,-./09:;<=>?@AZ[]^_`az{|}~"), 0, nil},
		{"quote, which ends a JSON string", code(`a","grant_type":"b`), 0, oauth.ErrCode},
		{"backslash, which escapes the JSON string's end", code(`a\\`), 0, oauth.ErrCode},
		{"space", code("a b"), 0, oauth.ErrCode},
		{"line feed", code("a\nb"), 0, oauth.ErrCode},
		{"NUL", code("a\x00"), 0, oauth.ErrCode},
		{"DEL", code("a\x7f"), 0, oauth.ErrCode},
		{"beyond ASCII", code("ä"), 0, oauth.ErrCode},
		{"as long as may be", code(strings.Repeat("a", 4096)), 0, nil},
		{"longer", code(strings.Repeat("a", 4097)), 0, oauth.ErrCode},
	} {
		net := &unreachable{}
		p, err := oauth.New(oauth.Config{ID: "g", Provider: github.New("client", "secret", ""), HTTPClient: &http.Client{Transport: net}})
		if err != nil {
			t.Fatal(err)
		}
		_, tx, err := p.Begin(t.Context(), callback, nil, now)
		if err != nil {
			t.Fatal(err)
		}
		answer := url.Values{"state": {tx.State}, "code": {"code"}}
		tt.change(answer)
		_, err = p.Complete(t.Context(), tx, callback, answer, now.Add(tt.after))
		asked := net.requests.Load() > 0
		if err == nil || !strings.HasPrefix(err.Error(), "oauth: ") || tt.want != nil && !errors.Is(err, tt.want) || asked != (tt.want == nil) {
			t.Errorf("%s: %v, and the provider was asked: %v", tt.name, err, asked)
		}
	}
}

// What a transaction is bound to has bounds: two providers of which the ID and the
// client identifier make the same text together are two.
func TestComplete_OtherProviderOfOneSpelling(t *testing.T) {
	t.Parallel()
	const callback = "https://app.example/cb"
	now, net := time.Unix(1_800_000_000, 0), &unreachable{}
	provider := func(id, client string) *oauth.Provider {
		p, err := oauth.New(oauth.Config{ID: id, Provider: github.New(client, "secret", ""), HTTPClient: &http.Client{Transport: net}})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	_, tx, err := provider("g", "client").Begin(t.Context(), callback, nil, now)
	if err != nil {
		t.Fatal(err)
	}
	answer := url.Values{"state": {tx.State}, "code": {"code"}}
	if _, err := provider("gc", "lient").Complete(t.Context(), tx, callback, answer, now); !errors.Is(err, oauth.ErrTransaction) || net.requests.Load() > 0 {
		t.Errorf("%d requests, %v", net.requests.Load(), err)
	}
}
