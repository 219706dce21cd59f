package pages_test

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ginauth/ginauth/internal/pages"
	"github.com/ginauth/ginauth/internal/service"
)

// drawn is a mark as the page has it.
type drawn struct{ class, fill, ink, letter string }

func marks(t *testing.T, providers ...pages.Provider) []drawn {
	t.Helper()
	d := signIn(t, pages.Texts{}, pages.SignIn{Providers: providers})
	var all []drawn
	for _, button := range d.all("button") {
		inside := document{button}
		if len(inside.all("svg")) == 0 {
			continue
		}
		if len(inside.all("path")) > 0 {
			t.Errorf("%s has a drawn mark", text(button))
			continue
		}
		svg, letter := inside.one(t, "svg"), inside.one(t, "text")
		if attr(svg, "aria-hidden") != "true" {
			t.Error("assistive technology reads the mark as well as the label")
		}
		all = append(all, drawn{attr(svg, "class"), attr(inside.one(t, "circle"), "fill"), attr(letter, "fill"), text(letter)})
	}
	return all
}

func TestMark(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		provider pages.Provider
		want     drawn
	}{
		"dark":            {pages.Provider{ID: "github", Name: "GitHub", Color: "#24292f"}, drawn{"mark", "#24292f", "#ffffff", "G"}},
		"no mark of it":   {pages.Provider{ID: "kakao", Name: "Kakao", Mark: "kakao"}, drawn{"mark neutral", "#e9ecf2", "#353d4b", "K"}},
		"a mark's path":   {pages.Provider{ID: "x", Mark: `x"/><image href="//evil`}, drawn{"mark neutral", "#e9ecf2", "#353d4b", "X"}},
		"light":           {pages.Provider{ID: "kakao", Name: "Kakao", Color: "#fee500"}, drawn{"mark", "#fee500", "#000000", "K"}},
		"short":           {pages.Provider{ID: "x", Color: "#000"}, drawn{"mark", "#000000", "#ffffff", "X"}},
		"no colour":       {pages.Provider{ID: "own", Name: "our login"}, drawn{"mark neutral", "#e9ecf2", "#353d4b", "O"}},
		"no name":         {pages.Provider{ID: "work"}, drawn{"mark neutral", "#e9ecf2", "#353d4b", "W"}},
		"no letter":       {pages.Provider{ID: "!", Color: "#123456"}, drawn{"mark", "#123456", "#ffffff", ""}},
		"another script":  {pages.Provider{ID: "jp", Name: "日本"}, drawn{"mark neutral", "#e9ecf2", "#353d4b", "日"}},
		"a name of CSS":   {pages.Provider{ID: "x", Color: "red"}, drawn{"mark neutral", "#e9ecf2", "#353d4b", "X"}},
		"a function":      {pages.Provider{ID: "x", Color: "url(//evil)"}, drawn{"mark neutral", "#e9ecf2", "#353d4b", "X"}},
		"another element": {pages.Provider{ID: "x", Color: `#000"/><image href="//evil`}, drawn{"mark neutral", "#e9ecf2", "#353d4b", "X"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := marks(t, tc.provider)
			if len(got) != 1 || got[0] != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
	if got := marks(t, pages.Provider{ID: "c", Type: "credentials", Color: "#000"}, pages.Provider{ID: "e", Type: "email", Color: "#000"}); got != nil {
		t.Errorf("a form has the mark %q", got)
	}
}

// The letter can be read on the colour of every service (WCAG 1.4.3).
func TestMarkContrast(t *testing.T) {
	t.Parallel()
	var providers []pages.Provider
	for _, s := range service.All() {
		providers = append(providers, pages.Provider{ID: s.ID, Name: s.Name, Color: s.Color})
	}
	all := marks(t, providers...)
	if len(all) != len(providers) {
		t.Fatalf("%d marks for %d services", len(all), len(providers))
	}
	for i, m := range all {
		if m.fill != providers[i].Color || m.letter == "" || pages.Contrast(m.fill, m.ink) < 4.5 {
			t.Errorf("%s: %q, contrast %.2f", providers[i].ID, m, pages.Contrast(m.fill, m.ink))
		}
	}
}

// set is where npm puts simple-icons, from which testdata/marks/marks.mjs takes marks.
const set = "testdata/marks/node_modules/simple-icons"

// What the page draws is what the file of the set draws, in one of its colours.
func TestMarksAreUnaltered(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(set); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("npm --prefix internal/pages/testdata/marks ci has not run")
		}
		t.Skip("npm --prefix internal/pages/testdata/marks ci has not run")
	}
	printed, err := exec.Command("node", "testdata/marks/marks.mjs").Output()
	if err != nil {
		t.Fatal(err)
	}
	if written, err := os.ReadFile("marks.go"); err != nil || !bytes.Equal(written, printed) {
		t.Errorf("marks.go is not what testdata/marks/marks.mjs prints, %v", err)
	}
	for id, file := range map[string]string{"github": "github", "twitter": "x", "discord": "discord", "apple": "apple"} {
		svg, err := os.ReadFile(filepath.Join(set, "icons", file+".svg"))
		if err != nil {
			t.Fatal(err)
		}
		theirs := document{parse(t, string(svg)).root}.one(t, "path")
		ours := document{signIn(t, pages.Texts{}, pages.SignIn{Providers: []pages.Provider{{ID: id, Mark: id}}}).one(t, "button")}.one(t, "path")
		if attr(ours, "d") != attr(theirs, "d") {
			t.Errorf("%s is drawn as %q", id, attr(ours, "d"))
		}
	}
}

// A mark has its own colour where it can be seen, on either card, and the colour of
// the text elsewhere.
func TestMarkColours(t *testing.T) {
	t.Parallel()
	for id, want := range map[string][]string{
		"github":          {"light-dark(#181717,currentColor)"},
		"apple":           {"light-dark(#000000,currentColor)"},
		"discord":         {"#5865f2"},
		"gitlab":          {"#fc6d26"},
		"spotify":         {"light-dark(currentColor,#1ed760)"},
		"google":          {"#ea4335", "#4285f4", "#fbbc05", "#34a853"},
		"azureadv2":       {"#f25022", "#7fba00", "#00a4ef", "#ffb900"},
		"azure-ad":        {"#f25022", "#7fba00", "#00a4ef", "#ffb900"},
		"microsoftonline": {"#f25022", "#7fba00", "#00a4ef", "#ffb900"},
	} {
		d := signIn(t, pages.Texts{}, pages.SignIn{Providers: []pages.Provider{{ID: "work", Mark: id}}})
		var got []string
		for _, path := range d.all("path") {
			if parent := attr(path.Parent, "class"); parent == "drawn" {
				got = append(got, attr(path, "fill"))
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s is painted %q, want %q", id, got, want)
		}
	}
}

// Google's button is Google's alone.
func TestGoogleButton(t *testing.T) {
	t.Parallel()
	for class, p := range map[string]pages.Provider{
		"provider google": {ID: "work", Mark: "google"},
		"provider":        {ID: "google", Mark: "forge"},
	} {
		d := signIn(t, pages.Texts{}, pages.SignIn{Providers: []pages.Provider{p}})
		if got := attr(d.one(t, "button"), "class"); got != class {
			t.Errorf("%+v has the classes %q", p, got)
		}
	}
	d := signIn(t, pages.Texts{}, pages.SignIn{Providers: []pages.Provider{{ID: "work", Mark: "google", Logo: "/work.svg"}}})
	if got := attr(d.one(t, "button"), "class"); got != "provider" {
		t.Errorf("a picture of the application's stands on Google's button: %q", got)
	}
}

// A picture of the application's is loaded from where it was said to be, by the
// sign-in page alone, and nothing else is.
func TestProviderLogo(t *testing.T) {
	t.Parallel()
	logos := []string{"/work.svg", "https://cdn.example/a.svg?x=1&y=2", "", "https://CDN.example/b.svg"}
	s, err := pages.New(pages.Theme{Logo: "https://logo.example/l.svg"}, pages.Texts{}, logos...)
	if err != nil {
		t.Fatal(err)
	}
	page := get(t, func(w http.ResponseWriter, _ *http.Request) {
		s.SignIn(w, http.StatusOK, pages.SignIn{Providers: []pages.Provider{{ID: "a", Mark: "github", Logo: logos[0]}, {ID: "b", Logo: logos[1]}, {ID: "c", Logo: logos[3]}}})
	})
	var got []string
	for _, img := range (parse(t, page.body)).all("img") {
		got = append(got, attr(img, "src"))
	}
	if want := []string{"https://logo.example/l.svg", logos[0], logos[1], logos[3]}; !slices.Equal(got, want) {
		t.Errorf("pictures %q, want %q", got, want)
	}
	const want = "; img-src 'self' https://cdn.example https://logo.example; "
	if policy := page.header.Get("Content-Security-Policy"); !strings.Contains(policy, want) {
		t.Errorf("the policy is %q, want %q in it", policy, want)
	}
	other := get(t, everyPage(s)["sign out"])
	if policy := other.header.Get("Content-Security-Policy"); !strings.Contains(policy, "; img-src https://logo.example; ") {
		t.Errorf("the policy of another page is %q", policy)
	}
	for _, bad := range []string{"javascript:x", "//evil.example/x", "https://a;script-src *", "logo.svg", "data:image/svg+xml,x", "https://u@h/x"} {
		if err := pages.CheckLogo(bad); err == nil || !strings.Contains(err.Error(), "write a path") {
			t.Errorf("%q: %v", bad, err)
		}
		if _, err := pages.New(pages.Theme{}, pages.Texts{}, bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

// A page of the twelve heaviest marks is below 30 KB.
func TestWeight(t *testing.T) {
	t.Parallel()
	s := newSet(t, pages.Theme{}, pages.Texts{})
	size := func(p ...pages.Provider) int {
		return len(get(t, func(w http.ResponseWriter, _ *http.Request) {
			s.SignIn(w, http.StatusOK, pages.SignIn{Providers: p, CSRFToken: strings.Repeat("x", 130), CallbackURL: "https://app.example.com/somewhere/else"})
		}).body)
	}
	list, err := os.ReadFile("testdata/marks/services.txt")
	if err != nil {
		t.Fatal(err)
	}
	var providers []pages.Provider
	for _, id := range strings.Fields(string(list)) {
		providers = append(providers, pages.Provider{ID: id, Name: id, Mark: id, Action: "/api/auth/signin/" + id, Color: "#123456"})
	}
	slices.SortFunc(providers, func(a, b pages.Provider) int { return size(b) - size(a) })
	if got := size(providers[:12]...); got > 30_000 {
		t.Errorf("the page has %d bytes", got)
	}
}
