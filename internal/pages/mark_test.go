package pages_test

import (
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
		"light":           {pages.Provider{ID: "kakao", Name: "Kakao", Color: "#fee500"}, drawn{"mark", "#fee500", "#000000", "K"}},
		"short":           {pages.Provider{ID: "x", Color: "#000"}, drawn{"mark", "#000000", "#ffffff", "X"}},
		"no colour":       {pages.Provider{ID: "own", Name: "our login"}, drawn{"mark neutral", "", "", "O"}},
		"no name":         {pages.Provider{ID: "work"}, drawn{"mark neutral", "", "", "W"}},
		"no letter":       {pages.Provider{ID: "!", Color: "#123456"}, drawn{"mark", "#123456", "#ffffff", ""}},
		"another script":  {pages.Provider{ID: "jp", Name: "日本"}, drawn{"mark neutral", "", "", "日"}},
		"a name of CSS":   {pages.Provider{ID: "x", Color: "red"}, drawn{"mark neutral", "", "", "X"}},
		"a function":      {pages.Provider{ID: "x", Color: "url(//evil)"}, drawn{"mark neutral", "", "", "X"}},
		"another element": {pages.Provider{ID: "x", Color: `#000"/><image href="//evil`}, drawn{"mark neutral", "", "", "X"}},
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
