package texts_test

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
	"golang.org/x/text/unicode/bidi"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/ascii"
	"github.com/ginauth/ginauth/internal/errorcode"
	"github.com/ginauth/ginauth/internal/pages"
	"github.com/ginauth/ginauth/texts"
)

// alike are the texts that a language shares with English.
var alike = map[string][]string{
	"de": {"Code", "Name", "Passkey", "Passkeys"},
	"fr": {"Code"},
	"it": {"Passkey", "Privacy"},
	"nl": {"Code", "Privacy"},
}

// Each language has every text, in its own words, with the placeholders of the English
// one, and says rightly which language it is.
func TestLanguages(t *testing.T) {
	t.Parallel()
	all := languages(t)
	if len(all) == 0 {
		t.Fatal("the package has no language")
	}
	translations := map[string]ginauth.Texts{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		l := all[name]
		for _, fault := range faults(name, l) {
			t.Errorf("%s: %s", name, fault)
		}
		if _, taken := translations[l.Lang]; taken {
			t.Errorf("%s: another language has the tag %q too", name, l.Lang)
		}
		translations[l.Lang] = l
	}
	_, err := ginauth.New(ginauth.Options{
		Secret:       "a-secret-of-thirty-two-characters-or-more",
		BaseURL:      "https://app.example.com",
		Translations: translations,
	})
	if err != nil {
		t.Error(err)
	}
}

// Two languages share a sentence where a file was copied and not translated to its end.
func TestLanguages_DoNotShareSentences(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for name, l := range languages(t) {
		for _, text := range slices.Compact(slices.Sorted(maps.Values(words(l)))) {
			if strings.Count(text, " ") < 4 {
				continue
			}
			if other := seen[text]; other != "" {
				t.Errorf("%s and %s share %q", name, other, text)
			}
			seen[text] = name
		}
	}
}

// TestFaults holds the check above to seeing each fault.
func TestFaults(t *testing.T) {
	t.Parallel()
	for want, spoil := range map[string]func(*ginauth.Texts){
		"lacks Home":               func(l *ginauth.Texts) { l.Home = "" },
		"lacks Errors[linklost]":   func(l *ginauth.Texts) { delete(l.Errors, "LinkLost") },
		"Errors[nosuch] is no":     func(l *ginauth.Texts) { l.Errors["NoSuch"] = "Nichts" },
		"SendAgain is English":     func(l *ginauth.Texts) { l.SendAgain = "Send it again" },
		"Errors[badhost] is Eng":   func(l *ginauth.Texts) { l.Errors["BadHost"] = errorcode.AbortText("BadHost") },
		"MailText has {site}, ":    func(l *ginauth.Texts) { l.MailText = "Der Link für {site}" },
		"Or has {provider}":        func(l *ginauth.Texts) { l.Or = "oder {provider}" },
		"Errors[ratelimited] has":  func(l *ginauth.Texts) { l.Errors["RateLimited"] = "Warten Sie {wait}." },
		"Terms begins or ends":     func(l *ginauth.Texts) { l.Terms = "Regeln " },
		"the tag is \"xx\"":        func(l *ginauth.Texts) { l.Lang = "xx" },
		"the tag is \"de_DE\"":     func(l *ginauth.Texts) { l.Lang = "de_DE" },
		"the tag is \"nl\"":        func(l *ginauth.Texts) { l.Lang = "nl" },
		"the direction is \"rtl\"": func(l *ginauth.Texts) { l.Dir = "rtl" },
		"the direction is \"\"":    func(l *ginauth.Texts) { l.Dir = "" },
	} {
		spoiled := texts.German
		spoiled.Errors = maps.Clone(spoiled.Errors)
		spoil(&spoiled)
		seen := strings.Join(faults("German", spoiled), "\n")
		if !strings.Contains(seen, want) {
			t.Errorf("not seen: %s, but %q", want, seen)
		}
	}
}

// faults are what is wrong with the language of this English name.
func faults(name string, l ginauth.Texts) []string {
	var all []string
	fault := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }

	tag, err := language.Parse(l.Lang)
	base, _ := tag.Base()
	if err != nil || tag.String() != l.Lang || display.English.Languages().Name(base) != name {
		fault("the tag is %q, which is not that of %s", l.Lang, name)
	}
	if dir := direction(l.SignInTitle); l.Dir != dir {
		fault("the direction is %q and not %q, as its letters are read", l.Dir, dir)
	}

	given, wanted := words(l), english()
	for _, key := range slices.Sorted(maps.Keys(wanted)) {
		text := given[key]
		switch {
		case text == "":
			fault("lacks %s", key)
			continue
		case text == wanted[key] && key != "EmailPlaceholder" && !slices.Contains(alike[l.Lang], text):
			fault("%s is English: %q", key, text)
		case strings.TrimSpace(text) != text || strings.Contains(text, "  "):
			fault("%s begins or ends with a space, or has two: %q", key, text)
		}
		if has, want := placeholders(text), placeholders(wanted[key]); !fits(has, want) {
			fault("%s has %s, and the English text has %s: %q", key, strings.Join(has, ", "), strings.Join(want, ", "), text)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(given)) {
		if wanted[key] == "" {
			fault("%s is no text of the pages: %q", key, given[key])
		}
	}
	return all
}

// words are the texts of a language by their field, and by their code in lower case.
func words(l ginauth.Texts) map[string]string {
	all := map[string]string{}
	fields := reflect.ValueOf(l)
	for i := range fields.NumField() {
		switch name := fields.Type().Field(i).Name; name {
		case "Lang", "Dir", "SiteName", "Errors": // about the texts, the application's, and below
		default:
			all[name] = fields.Field(i).String()
		}
	}
	for code, text := range l.Errors {
		all["Errors["+ascii.Lower(code)+"]"] = text
	}
	return all
}

// english are the words of the defaults.
func english() map[string]string {
	defaults := ginauth.Texts{Errors: errorcode.Texts()}
	for i, fields := 0, reflect.TypeFor[pages.Texts](); i < fields.NumField(); i++ {
		if text, ok := fields.Field(i).Tag.Lookup("english"); ok {
			reflect.ValueOf(&defaults).Elem().Field(i).SetString(text)
		}
	}
	for _, code := range []string{errorcode.SessionUnavailable, errorcode.SessionFault, errorcode.CrossOriginRequest, errorcode.BadHost} {
		defaults.Errors[code] = errorcode.AbortText(code)
	}
	defaults.Errors[errorcode.NoAccess] = errorcode.AbortText(errorcode.AccessDenied)
	return words(defaults)
}

var placeholder = regexp.MustCompile(`\{[^{}]*\}`)

func placeholders(text string) []string {
	return slices.Compact(slices.Sorted(slices.Values(placeholder.FindAllString(text, -1))))
}

// fits reports whether a translation has the placeholders of the English text. {wait} is
// a time in English words, so that a translation has numbers in its place.
func fits(has, want []string) bool {
	if slices.Equal(want, []string{"{wait}"}) {
		return slices.Equal(has, []string{"{minutes}"}) || slices.Equal(has, []string{"{seconds}"}) || slices.Equal(has, []string{"{minutes}", "{seconds}"})
	}
	return slices.Equal(has, want)
}

// direction is how a text is read, as its first letter says (UAX #9, P2 and P3).
func direction(text string) string {
	for _, r := range text {
		switch p, _ := bidi.LookupRune(r); p.Class() {
		case bidi.L:
			return "ltr"
		case bidi.R, bidi.AL:
			return "rtl"
		}
	}
	return ""
}

func Example() {
	_ = ginauth.Options{
		Translations: map[string]ginauth.Texts{"de": texts.German, "ar": texts.Arabic},
	}
}
