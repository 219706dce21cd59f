package oauth_test

import (
	"net/url"
	"testing"

	"github.com/ginauth/ginauth/internal/oauth"
)

// A form asks for the same sign-in as a query, and for nothing beside it.
func TestPostedStart(t *testing.T) {
	t.Parallel()
	query := oauth.PostedStart(map[string]any{
		"iss": "https://idp.example", "login_hint": []string{"ada", "bob"}, "target_link_uri": 7, "redirect_uri": "https://evil.example",
	})
	if got := query.Encode(); got != "iss=https%3A%2F%2Fidp.example&login_hint=ada&login_hint=bob" {
		t.Error(got)
	}
	if !oauth.StartsElsewhere(query) || oauth.StartsElsewhere(oauth.PostedStart(nil)) {
		t.Error("iss tells")
	}
}

func TestOneStart(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]bool{
		"iss=a": true, "iss=": true, "iss=a&login_hint=b&target_link_uri=c": true, "iss=a&state=b&state=c": true,
		"": false, "login_hint=b": false, "iss=a&iss=a": false, "iss=a&login_hint=b&login_hint=b": false, "iss=a&target_link_uri=&target_link_uri=c": false,
	} {
		parsed, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if got := oauth.OneStart(parsed); got != want {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
}

// Of another site's parameters the hint alone reaches the provider.
func TestStartHint(t *testing.T) {
	t.Parallel()
	query := url.Values{"iss": {"a"}, "login_hint": {"ada@example.com"}, "target_link_uri": {"/"}, "prompt": {"none"}}
	if got := oauth.StartHint(query).Encode(); got != "login_hint=ada%40example.com" {
		t.Error(got)
	}
	if got := oauth.StartHint(url.Values{"login_hint": {""}}); len(got) != 0 {
		t.Error(got)
	}
}

func TestReadHandedToken(t *testing.T) {
	t.Parallel()
	type body = map[string]any
	for _, row := range []struct {
		name  string
		body  body
		query string
		over  bool
		ok    bool
	}{
		{"an id_token", body{"id_token": "a.b.c"}, "", true, true},
		{"One Tap's", body{"credential": "a.b.c"}, "", true, true},
		{"with an access token", body{"id_token": "a.b.c", "access_token": "x"}, "", true, true},
		{"an empty access token", body{"id_token": "a.b.c", "access_token": ""}, "", true, false},
		{"a list of access tokens", body{"id_token": "a.b.c", "access_token": []string{"x", "y"}}, "", true, false},
		{"both", body{"id_token": "a.b.c", "credential": "a.b.c"}, "", true, false},
		{"both, one a list", body{"id_token": []string{"a", "b"}, "credential": "a.b.c"}, "", true, false},
		{"both, the other a list", body{"id_token": "a.b.c", "credential": []string{"a", "b"}}, "", true, false},
		{"two", body{"id_token": []string{"a", "b"}}, "", true, false},
		{"two of One Tap's", body{"credential": []string{"a", "b"}}, "", true, false},
		{"empty", body{"id_token": ""}, "", true, false},
		{"none", body{"code": "x"}, "", false, false},
		{"the provider's answer", body{"id_token": "a.b.c", "state": "s"}, "", false, true},
		{"the provider's answer by its URL", body{"id_token": "a.b.c"}, "state=s", false, true},
	} {
		query, err := url.ParseQuery(row.query)
		if err != nil {
			t.Fatal(err)
		}
		if over := oauth.HandsOver(row.body, query); over != row.over {
			t.Errorf("%s: handed over: %v", row.name, over)
		}
		if _, ok := oauth.ReadHandedToken(row.body); ok != row.ok {
			t.Errorf("%s: read: %v", row.name, ok)
		}
	}
}
