package texts_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/ascii"
	"github.com/ginauth/ginauth/internal/errorcode"
	"github.com/ginauth/ginauth/texts"
)

// Each language has every text: those of the fields, of all codes of pages, and of guards.
func TestComplete(t *testing.T) {
	t.Parallel()
	for _, language := range []ginauth.Texts{texts.German, texts.Arabic} {
		fields := reflect.ValueOf(language)
		for i := range fields.NumField() {
			name := fields.Type().Field(i).Name
			if name == "SiteName" || name == "Errors" { // the application's, and below
				continue
			}
			if fields.Field(i).String() == "" {
				t.Errorf("%s lacks %s", language.Lang, name)
			}
		}
		given := map[string]string{}
		for code, text := range language.Errors {
			given[ascii.Lower(code)] = text
		}
		wanted := errorcode.Texts()
		for _, code := range []string{errorcode.NoAccess, errorcode.SessionUnavailable, errorcode.SessionFault, errorcode.CrossOriginRequest, errorcode.BadHost} {
			wanted[ascii.Lower(code)] = errorcode.AbortText(code)
		}
		for code, english := range wanted {
			switch text := given[code]; {
			case text == "":
				t.Errorf("%s lacks the error %s", language.Lang, code)
			case text == english:
				t.Errorf("%s has English for %s", language.Lang, code)
			case strings.Contains(english, "{wait}") && !strings.Contains(text, "{minutes}") && !strings.Contains(text, "{seconds}"):
				t.Errorf("%s does not say for how long, for %s", language.Lang, code)
			}
		}
		for code := range given {
			if _, ok := wanted[code]; !ok {
				t.Errorf("%s has a text for %s, which is no code", language.Lang, code)
			}
		}
	}
}

func Example() {
	_ = ginauth.Options{
		Translations: map[string]ginauth.Texts{"de": texts.German, "ar": texts.Arabic},
	}
}
