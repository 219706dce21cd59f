package ginauthtest_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/ginauth/ginauth/ginauthtest"
)

func TestAuthorizationRequest(t *testing.T) {
	t.Parallel()
	strict := start(t, ginauthtest.Config{})
	lax := start(t, ginauthtest.Config{AllowNoPKCE: true})
	listed := start(t, ginauthtest.Config{RedirectURIs: []string{"https://app.example.com/cb?x=1"}})
	const page, problem = "page", "problem"
	for _, row := range []struct {
		name    string
		p       *ginauthtest.Provider
		changes []string
		want    string // page, problem or the error sent to the client
	}{
		{"good", strict, nil, page},
		{"no client", strict, []string{"client_id", "-"}, problem},
		{"other client", strict, []string{"client_id", "other"}, problem},
		{"no redirect_uri", strict, []string{"redirect_uri", "-"}, problem},
		{"redirect_uri elsewhere", strict, []string{"redirect_uri", "https://example.com/cb"}, problem},
		{"redirect_uri with user", strict, []string{"redirect_uri", "http://u@127.0.0.1/cb"}, problem},
		{"redirect_uri with fragment", strict, []string{"redirect_uri", "http://127.0.0.1/cb#f"}, problem},
		{"redirect_uri relative", strict, []string{"redirect_uri", "/cb"}, problem},
		{"redirect_uri of a script", strict, []string{"redirect_uri", "javascript://127.0.0.1/%0aalert(1)"}, problem},
		{"redirect_uri looks local", strict, []string{"redirect_uri", "http://127.0.0.1.example.com/cb"}, problem},
		{"localhost", strict, []string{"redirect_uri", "http://localhost:3000/cb"}, page},
		{"name below localhost", strict, []string{"redirect_uri", "https://app.localhost/cb"}, page},
		{"IPv6", strict, []string{"redirect_uri", "http://[::1]:3000/cb"}, page},
		{"listed", listed, []string{"redirect_uri", "https://app.example.com/cb?x=1"}, page},
		{"not quite listed", listed, []string{"redirect_uri", "https://app.example.com/cb?x=1&y"}, problem},
		{"local, not listed", listed, nil, problem},
		{"no response_type", strict, []string{"response_type", "-"}, "invalid_request"},
		{"implicit", strict, []string{"response_type", "id_token"}, "unsupported_response_type"},
		{"response_mode", strict, []string{"response_mode", "fragment"}, "invalid_request"},
		{"response_mode query", strict, []string{"response_mode", "query"}, page},
		{"prompt none", strict, []string{"prompt", "none"}, "login_required"},
		{"prompt login", strict, []string{"prompt", "login"}, page},
		{"request object", strict, []string{"request", "x"}, "request_not_supported"},
		{"request_uri", strict, []string{"request_uri", "x"}, "request_uri_not_supported"},
		{"state with a line end", strict, []string{"state", "a\nb"}, "invalid_request"},
		{"nonce with a line end", strict, []string{"nonce", "a\nb"}, "invalid_request"},
		{"no state", strict, []string{"state", "-"}, page},
		{"no challenge", strict, []string{"code_challenge", "-", "code_challenge_method", "-"}, "invalid_request"},
		{"no challenge, lax", lax, []string{"code_challenge", "-", "code_challenge_method", "-"}, page},
		{"method alone, lax", lax, []string{"code_challenge", "-"}, "invalid_request"},
		{"plain", strict, []string{"code_challenge_method", "plain"}, "invalid_request"},
		{"plain, lax", lax, []string{"code_challenge_method", "plain"}, "invalid_request"},
		{"no method means plain", strict, []string{"code_challenge_method", "-"}, "invalid_request"},
		{"empty challenge, lax", lax, []string{"code_challenge", ""}, "invalid_request"},
		{"short challenge", strict, []string{"code_challenge", "abc"}, "invalid_request"},
		{"challenge with padding", strict, []string{"code_challenge", challenge() + "="}, "invalid_request"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			q := with(goodRequest(), row.changes...)
			// The form is checked as the request was: a POST that chooses
			// somebody gets no further than the GET.
			for _, r := range []*http.Request{
				request(t, http.MethodGet, authorizationURL(row.p, q), nil),
				request(t, http.MethodPost, row.p.Issuer()+"/authorize", with(q, "subject", "ada")),
			} {
				got := do(t, r)
				location, err := url.Parse(got.header.Get("Location"))
				if err != nil {
					t.Fatal(err)
				}
				answer := location.Query()
				switch {
				case row.want == problem:
					if got.status != http.StatusBadRequest || got.header.Get("Location") != "" {
						t.Errorf("%s: %d to %s", r.Method, got.status, location)
					}
				case row.want == page && r.Method == http.MethodGet:
					if got.status != http.StatusOK {
						t.Errorf("%d %s", got.status, location)
					}
				case row.want == page:
					if got.status != http.StatusSeeOther || answer.Get("code") == "" || answer.Has("error") {
						t.Errorf("%d %s", got.status, location)
					}
				default:
					if answer.Get("error") != row.want || answer.Has("code") || answer.Get("iss") != row.p.Issuer() || answer.Get("state") != q.Get("state") {
						t.Errorf("%s: %d %s", r.Method, got.status, location)
					}
				}
			}
		})
	}
}

func TestRepeatedParameters(t *testing.T) {
	t.Parallel()
	p := start(t, ginauthtest.Config{})
	for name := range goodRequest() {
		q := goodRequest()
		q.Add(name, q.Get(name))
		got := get(t, authorizationURL(p, q))
		switch name {
		case "client_id", "redirect_uri":
			if got.status != http.StatusBadRequest {
				t.Errorf("%s twice: %d", name, got.status)
			}
		default:
			if !strings.Contains(got.header.Get("Location"), "error=invalid_request") {
				t.Errorf("%s twice: %d %s", name, got.status, got.header.Get("Location"))
			}
		}
	}
}

func TestRedirectURIKeepsItsQuery(t *testing.T) {
	t.Parallel()
	p := start(t, ginauthtest.Config{})
	callback, err := p.Approve(t.Context(), authorizationURL(p, with(goodRequest(), "redirect_uri", callbackURL+"?b=2&a=%2F")), "ada")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(callback.RawQuery, "b=2&a=%2F&code=") {
		t.Errorf("query is %s", callback.RawQuery)
	}
}

func TestStateIsEchoedOnlyIfSent(t *testing.T) {
	t.Parallel()
	p := start(t, ginauthtest.Config{})
	if answer := approve(t, p, with(goodRequest(), "state", "-")); answer.Has("state") {
		t.Errorf("callback: %v", answer)
	}
	state := `"><script>&=+%20 ~`
	if answer := approve(t, p, with(goodRequest(), "state", state)); answer.Get("state") != state {
		t.Errorf("callback: %v", answer)
	}
}

func TestNobodyOfThatName(t *testing.T) {
	t.Parallel()
	p := start(t, ginauthtest.Config{})
	if callback, err := p.Approve(t.Context(), authorizationURL(p, goodRequest()), "mallory"); err == nil || !strings.Contains(err.Error(), "mallory") {
		t.Errorf("%v, %v", callback, err)
	}
}

var (
	hidden  = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
	buttons = regexp.MustCompile(`<button class="person" name="subject" value="([^"]*)">`)
)

// TestPage submits the form that the page has, as a browser would.
func TestPage(t *testing.T) {
	t.Parallel()
	p := start(t, ginauthtest.Config{ClientID: `<b>client`, People: []ginauthtest.Person{
		{Subject: "1", Name: "<script>alert(1)</script>"}, {Subject: `"2`, Email: "two@example.com"}, {Subject: "3", Name: " "},
	}})
	state := `"><script>'&amp;`
	q := with(goodRequest(), "client_id", `<b>client`, "state", state, "login_hint", "TWO@example.com", "unknown", "dropped")
	got := get(t, authorizationURL(p, q))
	page := string(got.body)
	for name, unwanted := range map[string]string{"script": "<script", "client name": "<b>client", "unknown parameter": "dropped"} {
		if strings.Contains(page, unwanted) {
			t.Errorf("%s is in the page as it came", name)
		}
	}
	if !strings.Contains(page, "Local test provider") || !strings.Contains(page, "http://127.0.0.1:9<") {
		t.Error("the page does not say what it is and where it leads")
	}
	if got.header.Get("Set-Cookie") != "" {
		t.Error("the page sets a cookie")
	}

	subjects := buttons.FindAllStringSubmatch(page, -1)
	if len(subjects) != 3 || html.UnescapeString(subjects[0][1]) != `"2` {
		t.Fatalf("buttons: %q; the hinted person should be the first", subjects)
	}
	form := url.Values{"subject": {html.UnescapeString(subjects[0][1])}}
	for _, input := range hidden.FindAllStringSubmatch(page, -1) {
		form.Set(input[1], html.UnescapeString(input[2]))
	}
	sent := do(t, request(t, http.MethodPost, p.Issuer()+"/authorize", form))
	location, err := url.Parse(sent.header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	if answer := location.Query(); answer.Get("code") == "" || answer.Get("state") != state {
		t.Fatalf("%d %s", sent.status, location)
	}
	tokens := token(t, p, codeForm(location.Query().Get("code")))
	if got := userinfo(t, p, tokens.text(t, "access_token")).text(t, "sub"); got != `"2` {
		t.Errorf("signed in as %s", got)
	}
}

func TestPagePolicy(t *testing.T) {
	t.Parallel()
	p := start(t, ginauthtest.Config{})
	for name, r := range map[string]*http.Request{
		"chooser": request(t, http.MethodGet, authorizationURL(p, goodRequest()), nil),
		"problem": request(t, http.MethodGet, p.Issuer()+"/authorize", nil),
		"logout":  request(t, http.MethodGet, p.Issuer()+"/logout", nil),
	} {
		r.Header.Set("Accept", "text/html,*/*")
		got := do(t, r)
		policy := got.header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") {
			t.Errorf("%s: policy %q", name, policy)
		}
		if strings.Contains(policy, "form-action") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy %q", name, policy)
		}
		style := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindStringSubmatch(string(got.body))
		if style == nil || !strings.Contains(policy, styleHash(style[1])) {
			t.Errorf("%s: the policy does not admit the style", name)
		}
	}
}

func TestMethods(t *testing.T) {
	t.Parallel()
	p := start(t, ginauthtest.Config{})
	for _, row := range []struct {
		method   string
		endpoint ginauthtest.Endpoint
		allow    string
	}{
		{http.MethodPost, ginauthtest.Discovery, "GET"},
		{http.MethodPut, ginauthtest.Authorize, "GET, POST"},
		{http.MethodGet, ginauthtest.Token, "POST"},
		{http.MethodDelete, ginauthtest.Userinfo, "GET, POST"},
		{http.MethodPost, ginauthtest.JWKS, "GET"},
	} {
		got := do(t, request(t, row.method, p.Issuer()+string(row.endpoint), nil))
		if got.status != http.StatusMethodNotAllowed || got.header.Get("Allow") != row.allow {
			t.Errorf("%s %s: %d, Allow %q", row.method, row.endpoint, got.status, got.header.Get("Allow"))
		}
	}
}
