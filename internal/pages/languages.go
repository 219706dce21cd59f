package pages

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"

	"golang.org/x/text/language"

	"github.com/ginauth/ginauth/internal/ascii"
)

// maxAccept is how much of an Accept-Language header is read, in bytes.
const maxAccept = 512

// Languages are the pages in several languages.
type Languages struct {
	sets    []*Set // in the order of the matcher's tags, the fallback first
	matcher language.Matcher
}

// NewLanguages makes the pages in the language of texts and in those of translations, by
// tag (BCP 47). What a translation lacks it takes from texts, except the language and its
// direction. logos are as in New.
func NewLanguages(t Theme, texts Texts, translations map[string]Texts, links Links, logos ...string) (*Languages, error) {
	fallback, err := newSet(t, texts, links, logos)
	if err != nil {
		return nil, err
	}
	l := &Languages{sets: []*Set{fallback}}
	tags := []language.Tag{language.Make(fallback.texts.Lang)}
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(translations)) {
		tag, err := language.Parse(name)
		if err != nil || tag == language.Und {
			faults = append(faults, fmt.Errorf("pages: Translations has the tag %q: write a language tag such as \"de\" or \"pt-BR\"", name))
			continue
		}
		set, err := newSet(t, translations[name].over(texts, name), links, logos)
		if err != nil {
			faults = append(faults, fmt.Errorf("pages: Translations[%q]: %w", name, err))
			continue
		}
		l.sets, tags = append(l.sets, set), append(tags, tag)
	}
	l.matcher = language.NewMatcher(tags)
	return l, errors.Join(faults...)
}

// over fills in what a translation lacks.
func (t Texts) over(fallback Texts, tag string) Texts {
	fields, others := reflect.ValueOf(&t).Elem(), reflect.ValueOf(fallback)
	for i := range fields.NumField() {
		switch fields.Type().Field(i).Name {
		case "Lang", "Dir", "Errors":
			continue
		}
		if fields.Field(i).String() == "" {
			fields.Field(i).SetString(others.Field(i).String())
		}
	}
	if t.Lang == "" {
		t.Lang = tag
	}
	all := map[string]string{}
	for _, texts := range [...]map[string]string{fallback.Errors, t.Errors} {
		for code, text := range texts {
			all[ascii.Lower(code)] = text
		}
	}
	t.Errors = all
	return t
}

// Several reports whether there is anything to choose from.
func (l *Languages) Several() bool { return len(l.sets) > 1 }

// Fallback are the pages for a reader whose languages are not known.
func (l *Languages) Fallback() *Set { return l.sets[0] }

// For are the pages for a reader who accepts these languages (Accept-Language, RFC 9110
// §12.5.4), the best match among those that there are. chosen, a language tag, counts
// before them if it is not empty.
func (l *Languages) For(chosen string, h http.Header) *Set {
	if !l.Several() {
		return l.sets[0]
	}
	accepted := h.Get("Accept-Language")
	if len(accepted) > maxAccept {
		accepted = accepted[:maxAccept]
	}
	if chosen != "" {
		accepted = chosen
	}
	_, index := language.MatchStrings(l.matcher, accepted)
	return l.sets[index]
}
