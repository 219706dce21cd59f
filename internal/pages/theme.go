package pages

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

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
	// BrandColor, #rgb or #rrggbb, fills the main button; links and focus rings take a shade
	// of it that can be read.
	BrandColor string
	// ButtonText, #rgb or #rrggbb, is the text on BrandColor. Default: white, or black where
	// white could not be read. A colour of less than 4.5:1 on BrandColor (WCAG 1.4.3) is refused.
	ButtonText string
}

var defaultBrand = color{0x31, 0x55, 0xd4}

// look is a Theme after validation.
type look struct {
	scheme      string // light, dark or auto
	logo        string
	imageSource string // the CSP source of the logo, "" without one
	brand, ink  color
}

// validate turns the theme into a look, or returns all its faults.
func (t Theme) validate() (look, error) {
	scheme, schemeErr := t.scheme()
	source, logoErr := imageSource(t.Logo)
	if logoErr != nil {
		logoErr = fmt.Errorf("pages: Theme.Logo %w", logoErr)
	}
	brand, ink, colorErr := t.colors()
	l := look{scheme: scheme, logo: t.Logo, imageSource: source, brand: brand, ink: ink}
	return l, errors.Join(schemeErr, logoErr, colorErr)
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
