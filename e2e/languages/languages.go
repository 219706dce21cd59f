// Package languages lists all translations, for the sites that the suites look at. A
// browser that asks for English gets none of them.
package languages

import (
	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/texts"
)

// All are the translations by tag, as Options.Translations wants them.
func All() map[string]ginauth.Texts {
	all := map[string]ginauth.Texts{}
	for _, l := range []ginauth.Texts{
		texts.Arabic, texts.Chinese, texts.Dutch, texts.French, texts.German, texts.Italian, texts.Japanese,
		texts.Polish, texts.Portuguese, texts.Russian, texts.Spanish, texts.Turkish,
	} {
		all[l.Lang] = l
	}
	return all
}
