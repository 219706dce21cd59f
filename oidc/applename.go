package oidc

import (
	"encoding/json"
	"net/url"
	"strings"
	"unicode"
)

const (
	// maxAppleUser is in bytes; what Apple sends has about 150.
	maxAppleUser = 4 << 10
	// maxAppleName is in characters.
	maxAppleName = 100
)

// appleName reads the field user of Apple's first answer for a person.
func appleName(form url.Values) (given, family string) {
	if len(form["user"]) != 1 || len(form["user"][0]) > maxAppleUser {
		return "", ""
	}
	var user struct {
		Name struct {
			First string `json:"firstName"`
			Last  string `json:"lastName"`
		} `json:"name"`
	}
	if json.Unmarshal([]byte(form["user"][0]), &user) != nil {
		return "", ""
	}
	return plainName(user.Name.First), plainName(user.Name.Last)
}

// plainName takes out what no name has but can mislead a reader: control and
// format characters, such as those that turn the direction of the text.
func plainName(name string) string {
	runes := []rune(strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp) {
			return -1
		}
		return r
	}, name)))
	if len(runes) > maxAppleName {
		runes = runes[:maxAppleName]
	}
	return strings.TrimSpace(string(runes))
}
