package pages_test

import (
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ginauth/ginauth/internal/pages"
)

func TestThemeFaults(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		theme pages.Theme
		want  []string
	}{
		"scheme":                 {pages.Theme{ColorScheme: "Dark"}, []string{`Theme.ColorScheme "Dark"`, `"dark"`}},
		"colour by name":         {pages.Theme{BrandColor: "rebeccapurple"}, []string{"Theme.BrandColor", "#rrggbb"}},
		"colour with alpha":      {pages.Theme{BrandColor: "#11223344"}, []string{"Theme.BrandColor"}},
		"colour without #":       {pages.Theme{BrandColor: "112233"}, []string{"Theme.BrandColor"}},
		"colour with a sign":     {pages.Theme{BrandColor: "#+12345"}, []string{"Theme.BrandColor"}},
		"colour ends the style":  {pages.Theme{BrandColor: "#fff}</style>"}, []string{"Theme.BrandColor"}},
		"button text":            {pages.Theme{ButtonText: "#ggg"}, []string{"Theme.ButtonText", "#rrggbb"}},
		"unreadable button text": {pages.Theme{BrandColor: "#ffe94d", ButtonText: "#fff"}, []string{"Theme.ButtonText #ffffff", "#ffe94d", "write #000000"}},
		"unreadable on default":  {pages.Theme{ButtonText: "#3155d4"}, []string{"Theme.ButtonText", "write #ffffff"}},
		"logo javascript":        {pages.Theme{Logo: "javascript:alert(1)"}, []string{"Theme.Logo", "http(s)"}},
		"logo data":              {pages.Theme{Logo: "data:image/svg+xml,<svg/>"}, []string{"Theme.Logo"}},
		"logo relative":          {pages.Theme{Logo: "logo.svg"}, []string{"Theme.Logo", `"/logo.svg"`}},
		"logo without scheme":    {pages.Theme{Logo: "//evil.example/logo.svg"}, []string{"Theme.Logo"}},
		"logo empty authority":   {pages.Theme{Logo: "///evil.example/logo.svg"}, []string{"Theme.Logo"}},
		"logo backslash":         {pages.Theme{Logo: `/\evil.example/logo.svg`}, []string{"Theme.Logo"}},
		"logo user":              {pages.Theme{Logo: "https://a:b@cdn.example.com/l.png"}, []string{"Theme.Logo", "user name"}},
		"logo without host":      {pages.Theme{Logo: "https:///l.png"}, []string{"Theme.Logo"}},
		"logo opaque":            {pages.Theme{Logo: "https:l.png"}, []string{"Theme.Logo"}},
		"logo policy in host":    {pages.Theme{Logo: "https://e.com;script-src/*"}, []string{"Theme.Logo"}},
		"logo list in host":      {pages.Theme{Logo: "https://e.com,default-src/"}, []string{"Theme.Logo"}},
		"logo wildcard host":     {pages.Theme{Logo: "https://*.e.com/l.png"}, []string{"Theme.Logo"}},
		"logo IDN host":          {pages.Theme{Logo: "https://bücher.example/l.png"}, []string{"Theme.Logo", "xn--"}},
		"logo space":             {pages.Theme{Logo: "/my logo.svg"}, []string{"Theme.Logo"}},
		"logo line end":          {pages.Theme{Logo: "/logo.svg\r\nX-Evil: 1"}, []string{"Theme.Logo"}},
		"all at once": {
			pages.Theme{ColorScheme: "x", Logo: "x", BrandColor: "x", ButtonText: "x"},
			[]string{"Theme.ColorScheme", "Theme.Logo", "Theme.BrandColor", "Theme.ButtonText"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := pages.New(tc.theme, pages.Texts{})
			if err == nil || s != nil {
				t.Fatal("no fault found")
			}
			for line := range strings.Lines(err.Error()) {
				if !strings.HasPrefix(line, "pages: ") {
					t.Errorf("line %q without prefix", line)
				}
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
		})
	}
}

func TestFaultsOfThemeAndTextsTogether(t *testing.T) {
	t.Parallel()
	_, err := pages.New(pages.Theme{ColorScheme: "x"}, pages.Texts{Dir: "x"})
	if err == nil || !strings.Contains(err.Error(), "Theme.ColorScheme") || !strings.Contains(err.Error(), "Texts.Dir") {
		t.Errorf("error %v, want both faults", err)
	}
}

var property = regexp.MustCompile(`--([a-z-]+):(#[0-9a-f]{6});`)

// schemes reads the custom properties of each root rule.
func schemes(css string) []map[string]string {
	var all []map[string]string
	for _, rule := range regexp.MustCompile(`:root\{([^}]*)\}`).FindAllStringSubmatch(css, -1) {
		colors := make(map[string]string)
		for _, p := range property.FindAllStringSubmatch(rule[1], -1) {
			colors[p[1]] = p[2]
		}
		all = append(all, colors)
	}
	return all
}

// ratio is WCAG's contrast of two #rrggbb colours, written from its definition
// apart from the code under test.
func ratio(a, b string) float64 {
	luminance := func(s string) (l float64) {
		for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
			n, _ := strconv.ParseUint(s[1+2*i:3+2*i], 16, 8)
			v := float64(n) / 255
			if v <= 0.03928 {
				l += weight * v / 12.92
			} else {
				l += weight * math.Pow((v+0.055)/1.055, 2.4)
			}
		}
		return l + 0.05
	}
	la, lb := luminance(a), luminance(b)
	return max(la, lb) / min(la, lb)
}

// pairs are the colours that meet on the pages, and the least contrast of each.
var pairs = []struct {
	front, back string
	least       float64
}{
	{"text", "page", 4.5}, {"text", "card", 4.5}, {"text", "raised", 4.5},
	{"muted", "page", 4.5}, {"muted", "card", 4.5},
	{"badge-text", "badge", 4.5},
	{"alert-text", "alert", 4.5}, {"alarm", "card", 3},
	{"edge", "card", 3},
	{"ink", "brand", 4.5}, {"ink", "hover", 4.5},
	{"brand-edge", "card", 3}, {"brand-edge", "page", 3},
	{"accent", "card", 4.5}, {"accent", "page", 4.5},
}

func contrastFaults(css string) []string {
	var faults []string
	for i, colors := range schemes(css) {
		for _, p := range pairs {
			front, back := colors[p.front], colors[p.back]
			if front == "" || back == "" {
				faults = append(faults, fmt.Sprintf("scheme %d: %s or %s is missing", i, p.front, p.back))
			} else if r := ratio(front, back); r < p.least {
				faults = append(faults, fmt.Sprintf("scheme %d: %s %s on %s %s has %.2f, want %.1f", i, p.front, front, p.back, back, r, p.least))
			}
		}
	}
	return faults
}

func sheet(s *pages.Set) string {
	w := httptest.NewRecorder()
	s.VerifyRequest(w, pages.VerifyRequest{})
	return styleElement.FindStringSubmatch(w.Body.String())[1]
}

func TestContrast(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		theme pages.Theme
		ink   string
	}{
		"default":     {pages.Theme{}, "#ffffff"},
		"white":       {pages.Theme{BrandColor: "#fff"}, "#000000"},
		"black":       {pages.Theme{BrandColor: "#000"}, "#ffffff"},
		"yellow":      {pages.Theme{BrandColor: "#ffe94d"}, "#000000"},
		"navy":        {pages.Theme{BrandColor: "#001f54"}, "#ffffff"},
		"last white":  {pages.Theme{BrandColor: "#767676"}, "#ffffff"},
		"first black": {pages.Theme{BrandColor: "#777777"}, "#000000"},
		"short form":  {pages.Theme{BrandColor: "#AbC"}, "#000000"},
		"own text":    {pages.Theme{BrandColor: "#003300", ButtonText: "#CCFFCC"}, "#ccffcc"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			css := sheet(newSet(t, tc.theme, pages.Texts{}))
			for _, fault := range contrastFaults(css) {
				t.Error(fault)
			}
			for _, colors := range schemes(css) {
				if colors["ink"] != tc.ink {
					t.Errorf("text %s on %s, want %s", colors["ink"], colors["brand"], tc.ink)
				}
			}
		})
	}
}

func TestColorScheme(t *testing.T) {
	t.Parallel()
	const light, dark = "#ffffff", "#171a20"
	for _, tc := range []struct {
		scheme string
		cards  []string
		media  bool
	}{
		{"", []string{light, dark}, true},
		{"auto", []string{light, dark}, true},
		{"light", []string{light}, false},
		{"dark", []string{dark}, false},
	} {
		t.Run("scheme "+tc.scheme, func(t *testing.T) {
			t.Parallel()
			css := sheet(newSet(t, pages.Theme{ColorScheme: tc.scheme}, pages.Texts{}))
			var cards []string
			for _, colors := range schemes(css) {
				cards = append(cards, colors["card"])
			}
			if fmt.Sprint(cards) != fmt.Sprint(tc.cards) {
				t.Errorf("cards %v, want %v", cards, tc.cards)
			}
			if got := strings.Contains(css, "prefers-color-scheme"); got != tc.media {
				t.Errorf("asks the visitor's setting: %v, want %v", got, tc.media)
			}
		})
	}
}

// TestStylesheetColors holds every colour of the stylesheet to the palette, where
// the contrast of each is checked.
func TestStylesheetColors(t *testing.T) {
	t.Parallel()
	css := sheet(newSet(t, pages.Theme{}, pages.Texts{}))
	defined := schemes(css)[0]
	for _, use := range regexp.MustCompile(`var\(--([a-z-]+)\)`).FindAllStringSubmatch(css, -1) {
		if defined[use[1]] == "" && !slices.Contains([]string{"font", "size", "radius", "width"}, use[1]) {
			t.Errorf("--%s is used and not defined", use[1])
		}
	}
	rules := css[strings.Index(css, "*,"):]
	if stray := regexp.MustCompile(`#[0-9a-fA-F]{3,8}\b|url\(|@import`).FindString(rules); stray != "" {
		t.Errorf("%q in the stylesheet", stray)
	}
}

func FuzzBrandColor(f *testing.F) {
	for _, seed := range []string{"#fff", "#000000", "#777", "#7f7f7f", "red", "#12345", "#fff}", "#0_1"} {
		f.Add(seed, "")
	}
	f.Add("#003300", "#cfc")
	valid := regexp.MustCompile(`^#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})$`)
	f.Fuzz(func(t *testing.T, brand, ink string) {
		s, err := pages.New(pages.Theme{BrandColor: brand, ButtonText: ink}, pages.Texts{})
		wellFormed := (brand == "" || valid.MatchString(brand)) && (ink == "" || valid.MatchString(ink))
		if err != nil {
			if wellFormed && ink == "" {
				t.Fatalf("brand %q refused: %v", brand, err)
			}
			return
		}
		if !wellFormed {
			t.Fatalf("brand %q with text %q taken", brand, ink)
		}
		for _, fault := range contrastFaults(sheet(s)) {
			t.Error(fault)
		}
	})
}

func FuzzLogo(f *testing.F) {
	for _, seed := range []string{
		"/logo.svg", "https://cdn.example.com/l.png", "https://e.com;script-src", "//e.com", "/\\e.com", "javascript:1",
		"https://[::1]:1/", "https://e.com:/x", "http://%41.com/", "https://e.com,x/", "HTTPS://E.com",
	} {
		f.Add(seed)
	}
	source := regexp.MustCompile(`^('self'|https?://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?)$`)
	f.Fuzz(func(t *testing.T, logo string) {
		s, err := pages.New(pages.Theme{Logo: logo}, pages.Texts{})
		if err != nil {
			return
		}
		w := httptest.NewRecorder()
		s.VerifyRequest(w, pages.VerifyRequest{})
		policy := directives(t, w.Header().Get("Content-Security-Policy"))
		if len(policy) != map[bool]int{true: 5, false: 6}[logo == ""] {
			t.Errorf("logo %q: policy %v", logo, policy)
		}
		if logo != "" && !source.MatchString(policy["img-src"]) {
			t.Errorf("logo %q: img-src %q", logo, policy["img-src"])
		}
		if w.Code != http.StatusOK || strings.Contains(w.Body.String(), "ZgotmplZ") {
			t.Errorf("logo %q was taken and not rendered", logo)
		}
	})
}
