package pages_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/ginauth/ginauth/internal/pages"
)

func Example() {
	set, err := pages.New(pages.Theme{BrandColor: "#0a7d55"}, pages.Texts{SiteName: "Acme"})
	if err != nil {
		fmt.Println(err)
		return
	}
	w := httptest.NewRecorder()
	set.SignIn(w, http.StatusOK, pages.SignIn{
		Providers: []pages.Provider{{ID: "github", Name: "GitHub", Type: "oauth", Action: "/api/auth/signin/github"}},
		CSRFToken: "…",
	})
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, "<title>") || strings.HasPrefix(line, "<form") {
			fmt.Print(line)
		}
	}
	// Output:
	// <title>Sign in · Acme</title>
	// <form method="post" action="/api/auth/signin/github">
}

// TestStructure is what every page owes to browsers, search engines and assistive technology.
func TestStructure(t *testing.T) {
	t.Parallel()
	for name, page := range everyPage(newSet(t, pages.Theme{}, pages.Texts{Lang: "pt-BR"})) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := parse(t, get(t, page).body)
			if lang := attr(d.one(t, "html"), "lang"); lang != "pt-BR" {
				t.Errorf("lang %q", lang)
			}
			d.one(t, "main")
			heading := text(d.one(t, "h1"))
			if title := text(d.one(t, "title")); heading == "" || title != heading+" · app.example.com" {
				t.Errorf("title %q, heading %q", title, heading)
			}
			meta := make(map[string]string)
			for _, m := range d.all("meta") {
				meta[attr(m, "name")] = attr(m, "content")
			}
			if meta["robots"] != "noindex" || meta["viewport"] != "width=device-width, initial-scale=1" {
				t.Errorf("meta %v", meta)
			}
			labels := make(map[string]string)
			for _, l := range d.all("label") {
				labels[attr(l, "for")] = text(l)
			}
			ids := make(map[string]bool)
			for _, in := range d.all("input") {
				id := attr(in, "id")
				if attr(in, "type") != "hidden" && (labels[id] == "" || ids[id]) {
					t.Errorf("input %s, id %q, has no label of its own", attr(in, "name"), id)
				}
				ids[id] = true
			}
		})
	}
}

// inert fails on anything that could run, fetch, or lead out of the page.
func inert(t *testing.T, body string) {
	t.Helper()
	for _, n := range parse(t, body).all() {
		switch n.Data {
		case "script":
			if attr(n, "integrity") != integrityOf(pages.PasskeyScript()) || len(text(n)) > 0 {
				t.Errorf("a script element %v", n.Attr)
			}
		case "link", "iframe", "object", "embed", "base", "template":
			t.Errorf("a %s element", n.Data)
		}
		for _, a := range n.Attr {
			switch {
			case strings.HasPrefix(a.Key, "on"), a.Key == "style", a.Key == "srcdoc", a.Key == "formaction":
				t.Errorf("%s has %s=%q", n.Data, a.Key, a.Val)
			case (a.Key == "href" || a.Key == "src" || a.Key == "action") && !strings.HasPrefix(a.Val, "/") && a.Val != "#ZgotmplZ":
				t.Errorf("%s has %s=%q", n.Data, a.Key, a.Val)
			}
		}
	}
}

func TestInert(t *testing.T) {
	t.Parallel()
	for name, page := range everyPage(newSet(t, pages.Theme{Logo: "/logo.svg"}, pages.Texts{})) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := get(t, page).body
			inert(t, body)
			for _, banned := range []string{"<script>", "style=", "http://", "https://"} {
				if strings.Contains(body, banned) {
					t.Errorf("%q in the page", banned)
				}
			}
		})
	}
}

var hostile = []string{
	`<script>alert(1)</script>`,
	`"><img src=x onerror=alert(1)>`,
	`' autofocus onfocus='alert(1)`,
	`javascript:alert(1)`,
	"JaVa\tScRiPt:alert(1)",
	`data:text/html,<script>alert(1)</script>`,
	`</title></style><script>alert(1)</script>`,
	`{{.CSRFToken}} ${7*7} {provider}{site}`,
	`<!--`, "a\r\nX-Evil: 1",
}

// TestHostileText puts hostile text wherever text can go: it must come out as this text.
func TestHostileText(t *testing.T) {
	t.Parallel()
	s := newSet(t, pages.Theme{}, pages.Texts{})
	for _, evil := range hostile {
		t.Run(evil, func(t *testing.T) {
			t.Parallel()
			page := pages.SignIn{CSRFToken: evil, CallbackURL: evil, Email: evil, Error: evil, Site: evil}
			for _, kind := range []string{"oauth", "credentials", "email", evil} {
				page.Providers = append(page.Providers, pages.Provider{ID: evil, Name: evil, Type: kind, Action: evil, Color: evil,
					Fields: []pages.Field{{Name: evil, Label: evil, Type: evil, Placeholder: evil}}})
			}
			got := get(t, func(w http.ResponseWriter, _ *http.Request) { s.SignIn(w, http.StatusOK, page) })
			d := parse(t, got.body)
			actionsInert(t, d)
			// A browser reads CR LF in an attribute as LF; it sends CR LF again from a hidden input.
			want := strings.ReplaceAll(evil, "\r\n", "\n")
			for i, form := range d.all("form") {
				sent := values(form)
				if sent["csrfToken"] != want || sent["callbackUrl"] != want {
					t.Errorf("form %d would send %q", i, sent)
				}
			}
			if alert := d.byClass(t, "alert"); alert != want {
				t.Errorf("alert %q, want %q", alert, want)
			}
			if got.header.Get("X-Evil") != "" {
				t.Error("a header of the attacker's")
			}

			for name, other := range map[string]http.HandlerFunc{
				"sign out": func(w http.ResponseWriter, _ *http.Request) {
					s.SignOut(w, pages.SignOut{Action: evil, CSRFToken: evil, CallbackURL: evil, Site: evil})
				},
				"error": func(w http.ResponseWriter, _ *http.Request) {
					s.Error(w, http.StatusOK, pages.Error{Code: evil, Text: evil, Site: evil, SignInURL: evil})
				},
				"verify request": func(w http.ResponseWriter, _ *http.Request) {
					s.VerifyRequest(w, pages.VerifyRequest{Site: evil})
				},
				"code": func(w http.ResponseWriter, _ *http.Request) {
					s.VerifyRequest(w, pages.VerifyRequest{Site: evil, Action: evil, CSRFToken: evil, CallbackURL: evil})
				},
				"confirm": func(w http.ResponseWriter, _ *http.Request) {
					s.Confirm(w, pages.Confirm{Site: evil, Action: evil, CSRFToken: evil, CallbackURL: evil, Email: evil, Token: evil})
				},
				"factor": func(w http.ResponseWriter, _ *http.Request) {
					s.Factor(w, pages.Factor{Site: evil, Providers: page.Providers, CSRFToken: evil, CallbackURL: evil, Error: evil, Hint: evil})
				},
				"factor's code": func(w http.ResponseWriter, _ *http.Request) {
					s.Factor(w, pages.Factor{Site: evil, CodeAction: evil, CSRFToken: evil, CallbackURL: evil})
				},
				"no factor": func(w http.ResponseWriter, _ *http.Request) {
					s.Factor(w, pages.Factor{Site: evil, SignOutURL: evil})
				},
				"continue": func(w http.ResponseWriter, _ *http.Request) {
					s.Continue(w, pages.Continue{Site: evil, URL: "https://app.example.com/callback?state=" + evil})
				},
			} {
				d := parse(t, get(t, other).body)
				actionsInert(t, d)
				if site := d.byClass(t, "site"); site != want {
					t.Errorf("%s: site %q, want %q", name, site, want)
				}
			}
		})
	}
}

// actionsInert fails on an element that runs, and on an address with a scheme that does.
func actionsInert(t *testing.T, d document) {
	t.Helper()
	for _, n := range d.all() {
		if n.Data == "script" || n.Data == "img" {
			t.Errorf("a %s element", n.Data)
		}
		for _, a := range n.Attr {
			value := strings.ToLower(strings.Join(strings.Fields(a.Val), ""))
			switch {
			case strings.HasPrefix(a.Key, "on"), a.Key == "style", a.Key == "autofocus" && attr(n, "name") != "code":
				t.Errorf("%s has %s=%q", n.Data, a.Key, a.Val)
			case (a.Key == "href" || a.Key == "action") && (strings.HasPrefix(value, "javascript:") || strings.HasPrefix(value, "data:")):
				t.Errorf("%s has %s=%q", n.Data, a.Key, a.Val)
			}
		}
	}
}

func TestLogo(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ logo, want string }{
		"path":       {"/logo.svg", "/logo.svg"},
		"quotes":     {`/logo.svg?"onerror="alert(1)`, "/logo.svg?%22onerror=%22alert%281%29"},
		"URL":        {"https://cdn.example.com/logo.png", "https://cdn.example.com/logo.png"},
		"apostrophe": {"/l'logo.svg", "/l%27logo.svg"},
	} {
		for pageName, page := range everyPage(newSet(t, pages.Theme{Logo: tc.logo}, pages.Texts{SiteName: "Acme"})) {
			t.Run(name+"/"+pageName, func(t *testing.T) {
				t.Parallel()
				d := parse(t, get(t, page).body)
				if pageName == "confirm" || pageName == "continue" { // its address holds a secret: nothing is loaded
					if len(d.all("img")) != 0 {
						t.Error("the page loads a logo")
					}
					return
				}
				img := d.one(t, "img")
				if attr(img, "src") != tc.want || attr(img, "alt") != "Acme" || len(img.Attr) != 3 {
					t.Errorf("attributes %v, want src %q", img.Attr, tc.want)
				}
			})
		}
	}
}

func TestInitial(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		texts pages.Texts
		site  string
		want  string
	}{
		"host":          {pages.Texts{}, "app.example.com", "A"},
		"www":           {pages.Texts{}, "www.example.com", "E"},
		"address":       {pages.Texts{}, "127.0.0.1:3000", ""},
		"nothing known": {pages.Texts{}, "", ""},
		"name":          {pages.Texts{SiteName: "37 signals"}, "example.com", "3"},
		"not ASCII":     {pages.Texts{SiteName: "écoute"}, "", "É"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSet(t, pages.Theme{}, tc.texts)
			body := get(t, func(w http.ResponseWriter, _ *http.Request) { s.SignIn(w, 200, pages.SignIn{Site: tc.site}) }).body
			if got := strings.Contains(body, `aria-hidden="true">`+tc.want+`</span>`); got != (tc.want != "") {
				t.Errorf("initial %q shown: %v", tc.want, got)
			}
			if svg := len(parse(t, body).all("svg")); (svg == 1) != (tc.want == "") {
				t.Errorf("%d emblems", svg)
			}
		})
	}
}

func TestSignOut(t *testing.T) {
	t.Parallel()
	s := newSet(t, pages.Theme{}, pages.Texts{})
	form := parse(t, get(t, everyPage(s)["sign out"]).body).one(t, "form")
	if attr(form, "method") != "post" || attr(form, "action") != "/api/auth/signout" {
		t.Errorf("form %v", form.Attr)
	}
	if got, want := values(form), map[string]string{"csrfToken": "token", "callbackUrl": "/after"}; !maps.Equal(got, want) {
		t.Errorf("it sends %v, want %v", got, want)
	}
	if label := text(document{form}.one(t, "button")); label != "Sign out" {
		t.Errorf("button %q", label)
	}
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	all := everyPage(newSet(t, pages.Theme{}, pages.Texts{}))
	want := make(map[string]string)
	for name, page := range all {
		want[name] = get(t, page).body
	}
	for i := range 8 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			for _, name := range slices.Sorted(maps.Keys(all)) {
				w := httptest.NewRecorder()
				all[name](w, nil)
				if w.Body.String() != want[name] {
					t.Errorf("%s differs", name)
				}
			}
		})
	}
}
