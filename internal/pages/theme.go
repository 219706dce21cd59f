package pages

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode"

	"github.com/ginauth/ginauth/internal/ascii"
)

// Theme is the look of the pages. The zero Theme follows the visitor's colour
// scheme and shows the site's initial in a calm blue.
type Theme struct {
	// ColorScheme is "light" or "dark" to force one; "auto" or "" follows the visitor's setting.
	ColorScheme string
	// Logo is shown above the heading: a path on this site ("/logo.svg") or an http(s) URL.
	// Its origin is the only one that the pages may load an image from.
	Logo string
	// LogoDark is shown in place of Logo where the page is dark.
	LogoDark string
	// BrandColor, #rgb or #rrggbb, fills the main button; links and focus rings take a shade
	// of it that can be read.
	BrandColor string
	// ButtonText, #rgb or #rrggbb, is the text on BrandColor. Default: white, or black where
	// white could not be read. A colour of less than 4.5:1 on BrandColor (WCAG 1.4.3) is refused.
	ButtonText string
	// Stylesheet is a path on this site of a stylesheet that is loaded behind the pages'
	// own, and sets its custom properties.
	Stylesheet string
}

var defaultBrand = color{0x31, 0x55, 0xd4}

// look is a Theme after validation.
type look struct {
	scheme         string // light, dark or auto
	logo, darkLogo string
	imageSources   []string // the CSP sources of the logos
	brand, ink     color
}

// validate turns the theme into a look, or returns all its faults.
func (t Theme) validate() (look, error) {
	scheme, schemeErr := t.scheme()
	brand, ink, colorErr := t.colors()
	l := look{scheme: scheme, logo: t.Logo, darkLogo: t.LogoDark, brand: brand, ink: ink}
	var logoErrs []error
	for _, logo := range []struct{ name, value string }{{"Logo", t.Logo}, {"LogoDark", t.LogoDark}} {
		source, err := imageSource(logo.value)
		if err != nil {
			logoErrs = append(logoErrs, fmt.Errorf("pages: Theme.%s %w", logo.name, err))
		} else if source != "" {
			l.imageSources = append(l.imageSources, source)
		}
	}
	switch {
	case t.LogoDark != "" && t.Logo == "":
		logoErrs = append(logoErrs, errors.New("pages: Theme.LogoDark is set and Theme.Logo is not: write the logo for light pages into Theme.Logo"))
	case scheme == "light":
		l.darkLogo = ""
	case scheme == "dark" && t.LogoDark != "":
		l.logo, l.darkLogo = t.LogoDark, ""
	}
	return l, errors.Join(schemeErr, errors.Join(logoErrs...), checkStylesheet(t.Stylesheet), colorErr)
}

// checkStylesheet admits paths of this site alone: what a page of a password loads must
// not hang on another server.
func checkStylesheet(path string) error {
	if path == "" {
		return nil
	}
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsFunc(path, func(r rune) bool { return r == '\\' || unicode.IsSpace(r) || unicode.IsControl(r) }) {
		return fmt.Errorf(`pages: Theme.Stylesheet %q is no path on this site: write one such as "/assets/signin.css"`, path)
	}
	return nil
}

func (t Theme) scheme() (string, error) {
	switch t.ColorScheme {
	case "", "auto":
		return "auto", nil
	case "light", "dark":
		return t.ColorScheme, nil
	}
	return "", fmt.Errorf(`pages: Theme.ColorScheme %q is unknown: write "light", "dark" or "auto"`, t.ColorScheme)
}

func (t Theme) colors() (brand, ink color, err error) {
	brand, brandErr := colorField("BrandColor", t.BrandColor, defaultBrand)
	ink, inkErr := colorField("ButtonText", t.ButtonText, textOn(brand))
	if err := errors.Join(brandErr, inkErr); err != nil {
		return brand, ink, err
	}
	if ratio := contrast(brand, ink); ratio < textContrast {
		return brand, ink, fmt.Errorf("pages: Theme.ButtonText %s cannot be read on %s (contrast %.1f, at least %.1f is needed): leave it empty or write %s",
			ink, brand, ratio, textContrast, textOn(brand))
	}
	return brand, ink, nil
}

func colorField(name, value string, fallback color) (color, error) {
	if value == "" {
		return fallback, nil
	}
	c, ok := parseColor(value)
	if !ok {
		return fallback, fmt.Errorf("pages: Theme.%s %q is not a colour: write it as #rgb or #rrggbb, such as %s", name, value, fallback)
	}
	return c, nil
}

// logoHost is stricter than net/url, which lets ; and , through in a host. In a
// Content-Security-Policy these end the directive, and the rest would be a new one.
var logoHost = regexp.MustCompile(`^([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$`)

// CheckLogo says what is wrong with a picture for the pages, and what to write.
func CheckLogo(logo string) error {
	_, err := imageSource(logo)
	return err
}

// imageSource is the CSP source expression that admits logo and no other origin
// (CSP Level 3 §2.3.1): 'self' for a path, scheme and host for a URL.
func imageSource(logo string) (string, error) {
	if logo == "" {
		return "", nil
	}
	fault := func(why string) (string, error) {
		return "", fmt.Errorf(`%q %s: write a path such as "/logo.svg", or an http(s) URL`, logo, why)
	}
	u, err := url.Parse(logo)
	switch {
	case err != nil:
		return fault("cannot be parsed")
	case strings.ContainsAny(logo, "\\ \t"):
		return fault("has a backslash or a space in it")
	case u.Scheme == "" && u.Host == "":
		// "//host/x" has a host and fails below: it would follow the page's scheme to a host nobody declared.
		if !strings.HasPrefix(logo, "/") || strings.HasPrefix(logo, "//") {
			return fault("is neither a path from the root nor a URL")
		}
		return "'self'", nil
	case u.Scheme != "http" && u.Scheme != "https":
		return fault("has no scheme http or https")
	case u.User != nil:
		return fault("has a user name in it")
	case !logoHost.MatchString(u.Host):
		return fault("has no plain ASCII host name (write an international one in its xn-- form)")
	}
	return u.Scheme + "://" + ascii.Lower(u.Host), nil
}
