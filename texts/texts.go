// Package texts has the words of ginauth's pages and mails in other languages than
// English, for Options.Texts or, chosen for each request, Options.Translations:
//
//	Translations: map[string]ginauth.Texts{"de": texts.German, "ar": texts.Arabic},
//
// Each language is complete. Nothing of it is linked into a program that does not
// import this package. It does not know how a language is chosen.
package texts
