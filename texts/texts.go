// Package texts has the words of ginauth's pages and mails in languages other than
// English: Arabic, Chinese, Dutch, French, German, Italian, Japanese, Polish, Portuguese,
// Russian, Spanish and Turkish. Options.Texts takes one for all requests,
// Options.Translations one for each:
//
//	Translations: map[string]ginauth.Texts{"de": texts.German, "ar": texts.Arabic},
//
// Each language is complete. A program that does not import this package links none of
// them. The package does not know how a language is chosen.
package texts
